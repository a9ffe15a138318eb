//! The schedule that bytes choose: the drawing is left to a fuzzer.
//!
//! Every decision is one byte. A byte beyond the answers there are is taken modulo their number, and 0 stands in where
//! there are no bytes left; so every list of bytes is a schedule, and a changed byte changes one decision.

use super::run::Driver;
use super::world::World;
use crate::scheduler::Proc;

/// The most choices that one behaviour gets bytes for; the others are answered with 0.
const ANSWERS: usize = 64;

pub(super) struct Given<'b> {
    bytes: &'b [u8],
    next: usize,
}

impl<'b> Given<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Given { bytes, next: 0 }
    }

    fn answers(&self, given: &mut Vec<u32>) {
        let rest = self.bytes.get(self.next..).unwrap_or(&[]);
        given.extend(rest.iter().take(ANSWERS).map(|byte| u32::from(*byte)));
    }
}

impl Driver for Given<'_> {
    fn next(&mut self, world: &World, given: &mut Vec<u32>) -> Option<Proc> {
        let mut number = 0;
        if world.enabled.len() > 1 {
            number = self.bytes.get(self.next).map_or(0, |byte| usize::from(*byte));
            self.next += 1;
        }
        self.answers(given);
        world.in_order().nth(number % world.enabled.len())
    }

    fn stepped(&mut self, _proc: Proc, world: &World) {
        self.next += world.traces().chosen.len();
    }

    fn main(&mut self, given: &mut Vec<u32>) {
        self.answers(given);
    }
}
