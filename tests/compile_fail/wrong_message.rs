//! An address takes the messages of its actor and no others.
use backwater::{Actor, Addr, Context};

struct Source(Addr<u32>);

impl Actor for Source {
    type Msg = ();
    fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) {
        self.0.tell("not a number", cx);
    }
}

fn main() {}
