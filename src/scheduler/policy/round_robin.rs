//! Round-robin by creation: each in its turn, whoever became runnable first.

use super::{Policy, Ready};
use std::collections::BTreeSet;
use std::ops::Bound;

/// Runs the runnable actors in the order of their creation, over and over.
#[derive(Debug, Default)]
pub struct RoundRobin {
    ready: BTreeSet<Ready>,
    last: Option<Ready>,
}

impl Policy for RoundRobin {
    fn name(&self) -> &str {
        "round-robin"
    }

    fn push(&mut self, actor: Ready) {
        self.ready.insert(actor);
    }

    fn next(&mut self) -> Option<Ready> {
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.ready.range((after, Bound::Unbounded)).next().or_else(|| self.ready.first()).copied()?;
        self.ready.remove(&next);
        self.last = Some(next);
        Some(next)
    }
}
