//! R5: applying takes its own token.
use backwater::{Actor, Backpressure, Context, TcpAuth};

struct Sink(TcpAuth);

impl Actor for Sink {
    type Msg = ();
    fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) {
        Backpressure::apply(&self.0, cx);
    }
}

fn main() {}
