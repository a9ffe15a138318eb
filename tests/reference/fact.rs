//! What happened, in words that the runtime and the naive implementation share. Actors are numbers in the order of
//! creation: main is 0, the standard streams 1 to 3, and scripted ones follow.

use backwater::{ActorId, End, Event, Lane, Totals};
use std::collections::BTreeMap;
use std::time::Duration;

/// An actor, by its number in the order of creation.
pub(crate) type Nr = usize;

/// The number of the first scripted actor.
pub(crate) const FIRST: Nr = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Spawned { actor: Nr, parent: Nr, nth: u32 },
    RunBegan { actor: Nr, waiting: u32 },
    Handling { actor: Nr, msg: String },
    Handled { actor: Nr },
    RunEnded { actor: Nr, handled: u32, full: bool },
    Sent { from: Nr, to: Nr, control: bool, msg: String },
    Delivered { to: Nr, msg: String },
    Dead { from: Option<Nr>, to: Nr, msg: String },
    Marked { sender: Nr, receiver: Nr },
    MarksDropped { sender: Nr },
    Muted { sender: Nr, receivers: Vec<Nr> },
    Freed { sender: Nr },
    Applied { actor: Nr },
    Released { actor: Nr },
    Redundant { actor: Nr, call: &'static str },
    Held { actor: Nr, guard: u64 },
    GuardDropped { actor: Nr, guard: u64 },
    Overloaded { actor: Nr },
    CaughtUp { actor: Nr },
    Fell { actor: Nr },
    Timer { actor: Nr, timer: u64, ticks: u64 },
    Ended { actor: Nr, why: End },
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Well { totals: Totals, queued: u64, time: Duration },
    Deadlock { muted: Vec<(Nr, u32)>, roots: Vec<Nr> },
    Panicked { actor: Nr },
}

/// Turns events into facts.
#[derive(Debug, Default)]
pub(crate) struct Numbers(BTreeMap<ActorId, Nr>);

impl Numbers {
    pub(crate) fn of(&self, id: ActorId) -> Nr {
        self.0[&id]
    }

    pub(crate) fn fact(&mut self, event: &Event<'_>) -> Fact {
        if let Event::Spawned { actor, .. } = event {
            let nr = self.0.len();
            assert_eq!(self.0.insert(*actor, nr), None, "an id is given out once");
        }
        let nr = |id: &ActorId| self.0[id];
        match event {
            Event::Spawned { actor, parent, nth, .. } => {
                Fact::Spawned { actor: nr(actor), parent: nr(parent), nth: *nth }
            }
            Event::RunBegan { actor, waiting } => Fact::RunBegan { actor: nr(actor), waiting: *waiting },
            Event::Handling { actor, message } => Fact::Handling { actor: nr(actor), msg: format!("{message:?}") },
            Event::Handled { actor } => Fact::Handled { actor: nr(actor) },
            Event::RunEnded { actor, handled, full } => {
                Fact::RunEnded { actor: nr(actor), handled: *handled, full: *full }
            }
            Event::Sent { from, to, lane, message, .. } => {
                Fact::Sent { from: nr(from), to: nr(to), control: *lane == Lane::Control, msg: format!("{message:?}") }
            }
            Event::Delivered { to, message } => Fact::Delivered { to: nr(to), msg: format!("{message:?}") },
            Event::DeadLetter { from, to, message } => {
                Fact::Dead { from: from.as_ref().map(nr), to: nr(to), msg: format!("{message:?}") }
            }
            Event::Marked { sender, receiver } => Fact::Marked { sender: nr(sender), receiver: nr(receiver) },
            Event::MarksDropped { sender } => Fact::MarksDropped { sender: nr(sender) },
            Event::Muted { sender, receivers } => {
                Fact::Muted { sender: nr(sender), receivers: receivers.iter().map(nr).collect() }
            }
            Event::Freed { sender } => Fact::Freed { sender: nr(sender) },
            Event::Applied { actor, .. } => Fact::Applied { actor: nr(actor) },
            Event::Released { actor, .. } => Fact::Released { actor: nr(actor) },
            Event::Redundant { actor, call, .. } => Fact::Redundant { actor: nr(actor), call },
            Event::Held { actor, guard, .. } => Fact::Held { actor: nr(actor), guard: *guard },
            Event::GuardDropped { actor, guard } => Fact::GuardDropped { actor: nr(actor), guard: *guard },
            Event::Overloaded { actor } => Fact::Overloaded { actor: nr(actor) },
            Event::CaughtUp { actor } => Fact::CaughtUp { actor: nr(actor) },
            Event::Fell { actor } => Fact::Fell { actor: nr(actor) },
            Event::TimerFired { actor, timer, ticks } => Fact::Timer { actor: nr(actor), timer: *timer, ticks: *ticks },
            Event::Ended { actor, why } => Fact::Ended { actor: nr(actor), why: *why },
            other => panic!("the reference does not know the event `{other}`: teach it"),
        }
    }
}
