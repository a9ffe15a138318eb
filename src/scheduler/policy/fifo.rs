//! First in, first out: the default. Fair, and the cheapest.

use super::{Policy, Ready};
use std::collections::VecDeque;

/// Runs actors in the order in which they became runnable.
#[derive(Debug, Default)]
pub struct Fifo {
    queue: VecDeque<Ready>,
}

impl Policy for Fifo {
    fn name(&self) -> &str {
        "fifo"
    }

    #[inline]
    fn push(&mut self, actor: Ready) {
        self.queue.push_back(actor);
    }

    #[inline]
    fn next(&mut self) -> Option<Ready> {
        self.queue.pop_front()
    }
}
