//! Events taken apart: a kind and named facts, the common ground of the writers that keep fields. How each is written
//! is the writer's business.
#![cfg_attr(not(any(feature = "serde", feature = "tracing")), expect(dead_code, reason = "text needs the place only"))]

use crate::event::{ActorId, Event, Lane, Place};
use core::fmt::Debug;

/// One field of an event.
#[derive(Clone, Copy)]
pub(super) enum Fact<'a> {
    Actor(ActorId),
    Actors(&'a [ActorId]),
    Count(u64),
    Counts(&'a [u32]),
    Flag(bool),
    Word(&'a str),
    /// By its `Debug` text.
    Message(&'a dyn Debug),
    Place(Place),
}

/// An event as a kind, whom it happened to, and the rest by name.
pub(super) struct Facts<'a> {
    pub(super) kind: &'static str,
    pub(super) actor: ActorId,
    pub(super) rest: Vec<(&'static str, Fact<'a>)>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(event: &Event<'a>) -> Self {
        use Event::*;
        use Fact::{Actor, Actors, Count, Counts, Flag, Message, Word};
        let at = |place: Place| ("place", Fact::Place(place));
        let (kind, actor, rest) = match *event {
            Spawned { actor, parent, nth, name, place } => {
                let birth =
                    vec![("parent", Actor(parent)), ("nth", Count(nth.into())), ("name", Word(name)), at(place)];
                ("spawned", actor, birth)
            }
            RunBegan { actor, waiting } => ("run_began", actor, vec![("waiting", Count(waiting.into()))]),
            RunsOn { actor, worker } => ("runs_on", actor, vec![("worker", Count(worker.into()))]),
            Handling { actor, message } => ("handling", actor, vec![("message", Message(message))]),
            Handled { actor } => ("handled", actor, vec![]),
            RunEnded { actor, handled, full } => {
                ("run_ended", actor, vec![("handled", Count(handled.into())), ("full", Flag(full))])
            }
            Sent { from, to, lane, message, place } => {
                let lane = if lane == Lane::Control { "control" } else { "ordinary" };
                ("sent", from, vec![("to", Actor(to)), ("lane", Word(lane)), ("message", Message(message)), at(place)])
            }
            Delivered { to, message } => ("delivered", to, vec![("message", Message(message))]),
            DeadLetter { from, to, message } => {
                let from = from.map(|from| ("from", Actor(from)));
                ("dead_letter", to, from.into_iter().chain([("message", Message(message))]).collect())
            }
            Marked { sender, receiver } => ("marked", sender, vec![("by", Actor(receiver))]),
            MarksDropped { sender } => ("marks_dropped", sender, vec![]),
            Muted { sender, receivers } => ("muted", sender, vec![("by", Actors(receivers))]),
            Freed { sender } => ("freed", sender, vec![]),
            Applied { actor, place } => ("applied", actor, vec![at(place)]),
            Released { actor, place } => ("released", actor, vec![at(place)]),
            Redundant { actor, call, place } => ("redundant", actor, vec![("call", Word(call)), at(place)]),
            Held { actor, guard, place } => ("held", actor, vec![("guard", Count(guard)), at(place)]),
            GuardDropped { actor, guard } => ("guard_dropped", actor, vec![("guard", Count(guard))]),
            Overloaded { actor } => ("overloaded", actor, vec![]),
            CaughtUp { actor } => ("caught_up", actor, vec![]),
            Fell { actor } => ("fell", actor, vec![]),
            Told { actor, workers } => ("told", actor, vec![("workers", Counts(workers))]),
            Heard { actor, worker } => ("heard", actor, vec![("worker", Count(worker.into()))]),
            TimerFired { actor, timer, ticks } => {
                ("timer_fired", actor, vec![("timer", Count(timer)), ("ticks", Count(ticks))])
            }
            Ended { actor, why } => ("ended", actor, vec![("why", Word(why_word(why)))]),
            // Nobody's: the root of all actors stands in.
            Outside { what } => ("outside", ActorId::MAIN, vec![("what", Word(what))]),
        };
        Facts { kind, actor, rest }
    }

    /// The source line, where the event has one.
    pub(super) fn place(&self) -> Option<Place> {
        self.rest.iter().find_map(|(_, fact)| if let Fact::Place(place) = fact { Some(*place) } else { None })
    }
}

fn why_word(why: crate::event::End) -> &'static str {
    match why {
        crate::event::End::Stopped => "stopped",
        crate::event::End::Panicked => "panicked",
        crate::event::End::Shutdown => "shutdown",
    }
}
