//! An address narrows only to what its messages can be made from.
use backwater::Addr;

#[derive(Debug)]
struct Order;
#[derive(Debug)]
struct Weather;

fn narrowed(orders: Addr<Order>) -> Addr<Weather> {
    orders.narrow::<Weather>()
}

fn main() {}
