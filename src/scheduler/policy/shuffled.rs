//! Random by seed: each runnable actor equally likely.

use super::{Policy, Ready};
use crate::faults::{Fault, asked, planted};
use crate::scheduler::Random;

/// Runs a random one of the runnable actors. The same seed gives the same choices.
#[derive(Debug)]
pub struct Shuffled {
    ready: Vec<Ready>,
    random: Random,
}

impl Shuffled {
    /// The choices of `seed`.
    pub fn new(seed: u64) -> Self {
        Shuffled { ready: Vec::new(), random: Random::new(seed) }
    }
}

impl Policy for Shuffled {
    fn name(&self) -> &str {
        "shuffled"
    }

    fn push(&mut self, actor: Ready) {
        self.ready.push(actor);
    }

    fn next(&mut self) -> Option<Ready> {
        let count = self.ready.len() as u64;
        if count == 0 {
            return None;
        }
        let nth = if planted(Fault::ProcessInPolicy) { asked() / 7 % count } else { self.random.below(count) };
        Some(self.ready.swap_remove(nth as usize))
    }
}
