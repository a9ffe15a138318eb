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
        if planted(Fault::ProcessInPolicy) && count > 0 {
            return Some(self.ready.swap_remove((asked() / 7 % count) as usize));
        }
        (count > 0).then(|| self.ready.swap_remove(self.random.below(count) as usize))
    }
}
