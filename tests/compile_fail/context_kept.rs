//! A context ends with its behaviour: no actor acts in the name of another, or outside its turn.
use backwater::{Actor, Context};

struct Keeper {
    kept: Option<&'static mut Context<'static, Keeper>>,
}

impl Actor for Keeper {
    type Msg = ();
    fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) {
        self.kept = Some(cx);
    }
}

fn main() {}
