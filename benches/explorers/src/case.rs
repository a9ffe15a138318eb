//! A program, how large it is, and what came of exploring it.

use std::time::Duration;

/// Each was written three times: as actors, as threads, and as a transition system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Two clients count to three each. The bug: they read and write instead of adding.
    Counter,
    /// Two producers and two consumers of `per` items each, and a buffer of two places. The bug: a notification is lost.
    Buffer,
    /// Three senders of `per` messages each, and a receiver under pressure. The bug: it never releases.
    Pressure,
}

impl Program {
    pub fn name(self) -> &'static str {
        match self {
            Program::Counter => "e1",
            Program::Buffer => "e2",
            Program::Pressure => "e3",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Program::Counter, Program::Buffer, Program::Pressure].into_iter().find(|program| program.name() == name)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub program: Program,
    pub bug: bool,
    pub per: u8,
    pub seconds: f64,
    pub seed: u64,
    /// Of ours: how many at most.
    pub runs: u64,
}

impl Case {
    /// For a second, from the first seed on.
    pub fn new(program: Program, per: u8, bug: bool) -> Self {
        Case { program, bug, per, seconds: 1.0, seed: 0, runs: u64::MAX }
    }

    pub fn limit(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

/// What an explorer did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Runs, or states where states are explored.
    pub runs: u64,
    /// Of ours: steps of all runs.
    pub steps: u64,
    /// It met the bug.
    pub found: bool,
    /// It saw everything.
    pub complete: bool,
}

/// An outcome, and how long it took.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub outcome: Outcome,
    pub seconds: f64,
}
