//! Messages can cross threads, whichever runtime carries them.
use backwater::{Actor, Context};
use std::rc::Rc;

struct Keeper;

impl Actor for Keeper {
    type Msg = Rc<u32>;
    fn receive(&mut self, _: Rc<u32>, _: &mut Context<'_, Self>) {}
}

fn main() {}
