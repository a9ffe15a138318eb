//! Last in, first out: unfair on purpose, to find programs that count on fairness.

use super::{Policy, Ready};

/// Always runs the actor that became runnable last. An actor that keeps itself busy starves all others.
#[derive(Debug, Default)]
pub struct Newest {
    stack: Vec<Ready>,
}

impl Policy for Newest {
    fn name(&self) -> &str {
        "newest"
    }

    fn push(&mut self, actor: Ready) {
        self.stack.push(actor);
    }

    fn next(&mut self) -> Option<Ready> {
        self.stack.pop()
    }
}
