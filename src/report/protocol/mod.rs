//! The run as steps of the proved model, for the checker that is extracted from the proofs (`proofs/README.md`).
//!
//! Not here: whether the steps are allowed. This module only translates ([`writer`]), and knows of the rules no more
//! than where each actor is, because the model has wake-ups as steps of their own and the scheduler has not.

mod writer;

use crate::event::{ActorId, End, Event, Lane, Observer};
use crate::runtime::{RunError, Summary};
use crate::sync::{Arc, Mutex, lock};
use alloc::collections::VecDeque;
use core::time::Duration;

/// Keeps a run as the steps of `proofs/coq/System.v` that it consists of, one a line, in the words of the checker.
/// Clones share them: keep one, give the other to the runtime.
///
/// A runtime of one thread carries a fall out at once; in the model that is a message to each worker, so a fall is
/// written as the steps `tell`, `told` and `read`, each freed sender as `free`, and each wake-up as `push`. It is the one
/// worker 0 of the model; under the checker, which interrupts behaviours, each actor that is in one has a worker. A pool
/// says itself who ran on which worker, which workers were told of a fall and when they heard of it.
///
/// An actor of the model is a seat: who has it next is the same actor, after the step `reuse`.
///
/// ```
/// use backwater::Runtime;
/// use backwater::report::{Claim, Protocol};
///
/// let protocol = Protocol::new();
/// let result = Runtime::builder().observer(protocol.clone()).run(|_env| {});
/// let steps = protocol.steps(Claim::of(&result));
/// assert!(steps.starts_with(&["event 0".to_owned(), "push 0".to_owned(), "begin 0 0".to_owned()]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Protocol {
    facts: Arc<Mutex<VecDeque<Fact>>>,
}

impl Protocol {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Protocol::default()
    }

    /// The steps of the run that is over. What is claimed of its end stands where the runtime began to end the actors
    /// that were left.
    pub fn steps(&self, claim: Claim) -> Vec<String> {
        writer::write(lock(&self.facts).clone(), claim)
    }
}

/// What the runtime claims by the end of a run (R9), for the checker to judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: somebody ended it on purpose, or it was given up.
    #[default]
    Nothing,
    /// `quiet`: nothing was runnable, and nothing in flight.
    Quiescent,
    /// `well`: besides, nobody was muted.
    Well,
}

impl Claim {
    /// The claim of a run that nobody ended by [`Context::shutdown`](crate::Context::shutdown) or from outside.
    pub fn of(result: &Result<Summary, RunError>) -> Self {
        match result {
            Ok(_) => Claim::Well,
            Err(RunError::Deadlock(_)) => Claim::Quiescent,
            Err(_) => Claim::Nothing,
        }
    }

    fn line(self) -> Option<&'static str> {
        match self {
            Claim::Nothing => None,
            Claim::Quiescent => Some("quiet"),
            Claim::Well => Some("well"),
        }
    }
}

/// What the steps are made of, of an [`Event`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fact {
    Spawned(ActorId),
    RunBegan(ActorId),
    RunsOn(ActorId, u32),
    Handling(ActorId),
    /// No step; but guards of which the runtime hears after it were not dropped in a send.
    Handled,
    RunEnded(ActorId),
    Sent(ActorId, ActorId, Lane),
    Delivered(ActorId),
    Marked(ActorId, ActorId),
    MarksDropped(ActorId),
    Muted(ActorId, Vec<ActorId>),
    Freed(ActorId),
    Apply(ActorId),
    Release(ActorId),
    Held(ActorId),
    GuardDropped(ActorId),
    Overloaded(ActorId),
    CaughtUp(ActorId),
    Fell(ActorId),
    Told(ActorId, Vec<u32>),
    Heard(ActorId, u32),
    Ended(ActorId, End),
}

impl Fact {
    fn of(event: &Event<'_>) -> Option<Fact> {
        Some(match *event {
            Event::Spawned { actor, .. } => Fact::Spawned(actor),
            Event::RunBegan { actor, .. } => Fact::RunBegan(actor),
            Event::RunsOn { actor, worker } => Fact::RunsOn(actor, worker),
            Event::Handling { actor, .. } => Fact::Handling(actor),
            Event::Handled { .. } => Fact::Handled,
            Event::RunEnded { actor, .. } => Fact::RunEnded(actor),
            Event::Sent { from, to, lane, .. } => Fact::Sent(from, to, lane),
            Event::Delivered { to, .. } => Fact::Delivered(to),
            Event::Marked { sender, receiver } => Fact::Marked(sender, receiver),
            Event::MarksDropped { sender } => Fact::MarksDropped(sender),
            Event::Muted { sender, receivers } => Fact::Muted(sender, receivers.to_vec()),
            Event::Freed { sender } => Fact::Freed(sender),
            Event::Applied { actor, .. } | Event::Redundant { actor, call: "apply", .. } => Fact::Apply(actor),
            Event::Released { actor, .. } | Event::Redundant { actor, .. } => Fact::Release(actor),
            Event::Held { actor, .. } => Fact::Held(actor),
            Event::GuardDropped { actor, .. } => Fact::GuardDropped(actor),
            Event::Overloaded { actor } => Fact::Overloaded(actor),
            Event::CaughtUp { actor } => Fact::CaughtUp(actor),
            Event::Fell { actor } => Fact::Fell(actor),
            Event::Told { actor, workers } => Fact::Told(actor, workers.to_vec()),
            Event::Heard { actor, worker } => Fact::Heard(actor, worker),
            Event::Ended { actor, why } => Fact::Ended(actor, why),
            Event::DeadLetter { .. } | Event::TimerFired { .. } | Event::Outside { .. } => return None,
        })
    }
}

impl Observer for Protocol {
    fn observe(&mut self, _now: Duration, event: &Event<'_>) {
        lock(&self.facts).extend(Fact::of(event));
    }
}
