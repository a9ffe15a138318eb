//! An actor as the scheduler's [`Body`]: the loop that takes messages and handles them.

use super::{Actor, Context};
use crate::scheduler::{Body, Run, Single};

pub(super) struct Housing<A>(pub(super) A);

impl<A: Actor> Body for Housing<A> {
    fn run(&mut self, core: &mut Single, run: Run) {
        for nth in 1..=run.quota {
            let message = core.next_message::<A::Msg>(run.actor.seat(), nth);
            self.0.receive(message, &mut Context::new(core, run.actor));
            if core.behaviour_ended() {
                break;
            }
        }
    }
}
