//! A shop whose shelf holds four pieces, and a fuzz target for it. There is a fault in it, as there would be in yours:
//! see `Shelf::receive`. What the fuzzer found is in `tests/found.rs`.

use arbitrary::Arbitrary;
use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Env};

/// Pieces that fit on the shelf.
const ROOM: u32 = 4;

/// What a supplier does next.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Order {
    Deliver,
    Take,
    Recall,
}

/// What the shelf is told.
#[derive(Debug)]
pub enum Word {
    Order(Order),
    /// The clerk has carried everything to the store.
    Cleared,
}

/// Holds pieces. When it is full its suppliers are held back until the clerk has cleared it.
struct Shelf {
    auth: ApplyReleaseBackpressureAuth,
    clerk: Addr<Addr<Word>>,
    pieces: u32,
    recalled: bool,
}

impl Actor for Shelf {
    type Msg = Word;

    fn receive(&mut self, word: Word, cx: &mut Context<'_, Self>) {
        match word {
            Word::Order(Order::Deliver) => {
                self.pieces += 1;
                if self.pieces == ROOM {
                    Backpressure::apply(&self.auth, cx);
                    self.clerk.tell(cx.me(), cx);
                }
            }
            Word::Order(Order::Take) => self.pieces = self.pieces.saturating_sub(1),
            Word::Order(Order::Recall) => self.recalled = self.pieces == 2,
            Word::Cleared => {
                self.pieces = 0;
                if self.recalled {
                    return; // The fault: nothing more comes onto a recalled shelf, but its suppliers wait for it.
                }
                Backpressure::release(&self.auth, cx);
            }
        }
    }
}

struct Clerk;

impl Actor for Clerk {
    type Msg = Addr<Word>;

    fn receive(&mut self, shelf: Addr<Word>, cx: &mut Context<'_, Self>) {
        shelf.tell(Word::Cleared, cx);
    }
}

/// Sends its orders one by one.
struct Supplier {
    shelf: Addr<Word>,
    orders: std::vec::IntoIter<Order>,
}

impl Actor for Supplier {
    type Msg = ();

    fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) {
        if let Some(order) = self.orders.next() {
            self.shelf.tell(Word::Order(order), cx);
            cx.me().tell((), cx);
        }
    }
}

/// The fuzz target: a day with two suppliers and their orders.
pub fn day(env: &mut Env<'_>, orders: [Vec<Order>; 2]) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let clerk = env.spawn(Clerk);
    let shelf = env.spawn(Shelf { auth, clerk, pieces: 0, recalled: false });
    for orders in orders {
        env.spawn(Supplier { shelf: shelf.clone(), orders: orders.into_iter() }).tell((), env);
    }
}
