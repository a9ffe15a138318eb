//! An actor as the scheduler's [`Body`]: the loop that takes messages and handles them.

use super::{Actor, Context};
use crate::event::ActorId;
use crate::scheduler::{Body, Core};

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
}
