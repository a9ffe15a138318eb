//! An actor as the scheduler's [`Body`]: the loop that takes messages and handles them.

use super::{Actor, Context};
use crate::event::ActorId;
use crate::mailbox::{Draft, Letter};
use crate::scheduler::pool::Worker;
use crate::scheduler::{Body, Classes, Core, Held, Seat, Single};
use crate::sync::PlainArc;
use std::any::Any;

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

    fn run_on(&mut self, worker: &mut Worker, me: ActorId, quota: u32) {
        let mut nth = 0;
        while nth < quota {
            nth += 1;
            let message = worker.next_message::<A::Msg>(nth);
            self.0.receive(message, &mut Context::new(Core::Worker(worker), me));
            if worker.behaviour_ended() {
                break;
            }
        }
    }

    fn run_checked(&mut self, core: &mut Single, me: ActorId) {
        let message = core.next_message_watched::<A::Msg>(me.seat(), 1);
        self.0.receive(message, &mut Context::new(Core::Watched(core), me));
    }

    fn kind(&self) -> &'static str {
        std::any::type_name::<A>()
    }

    fn print(&self, birth: u128) -> Option<u128> {
        A::model().print(&self.0, birth)
    }

    fn copy(&self) -> Option<Box<dyn Body>> {
        A::model().copy(&self.0).map(|actor| Box::new(Housing(actor)) as Box<dyn Body>)
    }

    fn become_copy(&mut self, other: &dyn Body) -> bool {
        let Some(Housing(other)) = other.as_any().downcast_ref::<Self>() else { return false };
        A::model().become_copy(&mut self.0, other)
    }

    fn as_any(&self) -> &dyn Any {
        self
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
