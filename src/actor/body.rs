//! An actor as the scheduler's [`Body`]: the loop that takes messages and handles them.

use super::{Actor, Context};
use crate::event::ActorId;
use crate::mailbox::{Draft, Letter};
use crate::scheduler::{Body, Classes, Core, Held, Seat, Single};
use crate::sync::PlainArc;

pub(super) struct Housing<A>(pub(super) A);

impl<A: Actor> Body for Housing<A> {
    fn run(&mut self, mut core: Core<'_>, me: ActorId, quota: u32) {
        let mut nth = 0;
        while nth < quota {
            nth += 1;
            let message = core.next_message::<A::Msg>(me.seat(), nth);
            self.0.receive(message, &mut Context::new(core.again(), me));
            if core.behaviour_ended() {
                break;
            }
        }
    }

    fn print(&self) -> Option<u128> {
        A::model().print(&self.0)
    }

    fn copy(&self) -> Option<Box<dyn Body>> {
        A::model().copy(&self.0).map(|actor| Box::new(Housing(actor)) as Box<dyn Body>)
    }

    fn copy_message<'t>(&self, core: &Single, held: &Held<'_>, to: &'t mut Single) -> Option<Draft<'t, Seat>> {
        let copy = A::model().copy_message(core.message::<A::Msg>(held)?)?;
        Some(to.draft(copy))
    }

    fn commutes(&self) -> bool {
        A::model().commutes()
    }

    fn conflicts(&self, core: &Single, letter: &Letter, classes: &Classes) -> Option<PlainArc<[u32]>> {
        let message = core.message::<A::Msg>(&Held::Letter(letter))?;
        A::model().conflicts(message, classes)
    }

    fn print_message(&self, core: &Single, held: &Held<'_>) -> Option<u128> {
        core.message::<A::Msg>(held).and_then(|message| A::model().print_message(message))
    }
}
