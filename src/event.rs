//! The vocabulary of traces: what happened, to which actor, caused by whom, at which source line.
//!
//! The scheduler hands every [`Event`] to the [`Observer`], if there is one. Not here: how events look on paper; that
//! is [`report`](crate::report).
#![forbid(unsafe_code)]

use core::fmt::{self, Debug, Display};
use core::panic::Location;
use core::time::Duration;

/// Names one actor of one runtime: its seat and, where a seat was used before, which tenant it is.
///
/// Displays as `#3`, or `#3.1` for the second actor in that seat. Seats are given out in the order of creation, so
/// in the deterministic runtime the same run gives the same ids.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActorId {
    pub(crate) seat: u32,
    pub(crate) tenant: u32,
}

impl ActorId {
    /// The actor that `main` is: the closure given to `run`.
    pub const MAIN: ActorId = ActorId { seat: 0, tenant: 0 };

    /// Its seat in the runtime's table: small, dense, used again after the actor has ended.
    pub fn seat(self) -> u32 {
        self.seat
    }

    /// How many actors had this seat before it.
    pub fn tenant(self) -> u32 {
        self.tenant
    }
}

impl Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tenant {
            0 => write!(f, "#{}", self.seat),
            tenant => write!(f, "#{}.{tenant}", self.seat),
        }
    }
}

impl Debug for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// A line of the user's program.
pub type Place = &'static Location<'static>;

/// How a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// By `tell`: it may mark its sender (R2).
    Ordinary,
    /// By `tell_control`: it marks nobody (R7).
    Control,
}

/// Why an actor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// It called `stop`.
    Stopped,
    /// A behaviour of it panicked.
    Panicked,
    /// The runtime ended.
    Shutdown,
}

/// One thing that happened. Rule numbers are those of `docs/RULES.md`.
#[derive(Clone, Copy)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the fields say what they are: `actor` is whom it happened to, `place` the source line"
)]
pub enum Event<'a> {
    /// An actor was created, the `nth` child of its parent, counted from 0.
    Spawned { actor: ActorId, parent: ActorId, nth: u32, name: &'a str, place: Place },
    /// A run began: `waiting` messages are there, at most a batch of them is handled.
    RunBegan { actor: ActorId, waiting: u32 },
    /// The run that just began is on this worker of a pool (runtimes of one thread do not say it).
    RunsOn { actor: ActorId, worker: u32 },
    /// A behaviour began.
    Handling { actor: ActorId, message: &'a dyn Debug },
    /// A behaviour ended.
    Handled { actor: ActorId },
    /// A run ended; `full` says that it handled a whole batch (R4).
    RunEnded { actor: ActorId, handled: u32, full: bool },
    /// An actor sent a message (R1).
    Sent { from: ActorId, to: ActorId, lane: Lane, message: &'a dyn Debug, place: Place },
    /// The runtime, or code outside any actor, put a message into a mailbox (R7, R13).
    Delivered { to: ActorId, message: &'a dyn Debug },
    /// A message met a stopped actor (R1); `from` is absent where it had already been in the mailbox.
    DeadLetter { from: Option<ActorId>, to: ActorId, message: &'a dyn Debug },
    /// A send marked its sender (R2).
    Marked { sender: ActorId, receiver: ActorId },
    /// A behaviour of an exempt actor ended, its marks were dropped (R3).
    MarksDropped { sender: ActorId },
    /// A behaviour ended and its actor is muted from now on, by these receivers (R3).
    Muted { sender: ActorId, receivers: &'a [ActorId] },
    /// The last mark of a muted actor was removed: it is runnable (R6).
    Freed { sender: ActorId },
    /// `apply` (R5).
    Applied { actor: ActorId, place: Place },
    /// `release` (R5).
    Released { actor: ActorId, place: Place },
    /// An apply on an applied flag or a release with nothing applied: nothing changed (R5).
    Redundant { actor: ActorId, call: &'static str, place: Place },
    /// A guard came to life (R5).
    Held { actor: ActorId, guard: u64, place: Place },
    /// A guard was dropped (R5).
    GuardDropped { actor: ActorId, guard: u64 },
    /// Overload began (R4).
    Overloaded { actor: ActorId },
    /// Overload ended (R4).
    CaughtUp { actor: ActorId },
    /// It pressed and does so no longer (R6).
    Fell { actor: ActorId },
    /// These workers of a pool may hold marks on it, and are told that it fell; right after `Fell`, if there are any (R6).
    Told { actor: ActorId, workers: &'a [u32] },
    /// This worker of a pool has heard that it fell: the marks on it that the worker holds are removed (R6). If it fell by
    /// ending, the worker may hear of it when its seat is free or has the next tenant, who is named then.
    Heard { actor: ActorId, worker: u32 },
    /// A timer was due (R7); `ticks` counts the periods since its last tick.
    TimerFired { actor: ActorId, timer: u64, ticks: u64 },
    /// An actor ended (R8).
    Ended { actor: ActorId, why: End },
    /// Under the checker: something happened outside the program, on a simulated network say.
    Outside { what: &'a str },
}

/// Sees every event of a run, in order. `now` is the time since the run began.
///
/// ```
/// use backwater::{Event, Observer, Runtime};
/// use std::time::Duration;
///
/// struct Print;
/// impl Observer for Print {
///     fn observe(&mut self, now: Duration, event: &Event<'_>) {
///         println!("{now:?} {event}");
///     }
/// }
/// Runtime::builder().observer(Print).run(|_env| {}).unwrap();
/// ```
pub trait Observer: Send {
    /// Called once an event, on the thread that runs the actors. A panic here ends the run.
    fn observe(&mut self, now: Duration, event: &Event<'_>);
}

impl<F: FnMut(Duration, &Event<'_>) + Send> Observer for F {
    fn observe(&mut self, now: Duration, event: &Event<'_>) {
        self(now, event);
    }
}

impl Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// One line, the actor first. The format is for people and may change; the `serde` feature has one for programs.
impl Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Event::*;
        match self {
            Spawned { actor, parent, nth, name, place } => {
                write!(f, "{actor} spawned as `{name}`, child {nth} of {parent}, at {place}")
            }
            RunBegan { actor, waiting } => write!(f, "{actor} runs, {waiting} waiting"),
            RunsOn { actor, worker } => write!(f, "{actor} runs on worker {worker}"),
            Handling { actor, message } => write!(f, "{actor} handles {message:?}"),
            Handled { actor } => write!(f, "{actor} done"),
            RunEnded { actor, handled, full } => {
                write!(f, "{actor} run ended after {handled}{}", if *full { ", a full batch (R4)" } else { "" })
            }
            Sent { from, to, lane: Lane::Ordinary, message, place } => {
                write!(f, "{from} -> {to} {message:?} at {place}")
            }
            Sent { from, to, lane: Lane::Control, message, place } => {
                write!(f, "{from} => {to} {message:?} on the control lane (R7) at {place}")
            }
            Delivered { to, message } => write!(f, "runtime -> {to} {message:?}"),
            DeadLetter { from: Some(from), to, message } => write!(f, "{from} -> {to} dead letter {message:?} (R1)"),
            DeadLetter { from: None, to, message } => write!(f, "{to} dead letter {message:?} (R8)"),
            Marked { sender, receiver } => write!(f, "{sender} marked on {receiver} (R2)"),
            MarksDropped { sender } => write!(f, "{sender} exempt, its marks dropped (R3)"),
            Muted { sender, receivers } => write!(f, "{sender} muted by {receivers:?} (R3)"),
            Freed { sender } => write!(f, "{sender} freed (R6)"),
            Applied { actor, place } => write!(f, "{actor} applied pressure at {place} (R5)"),
            Released { actor, place } => write!(f, "{actor} released pressure at {place} (R5)"),
            Redundant { actor, call, place } => write!(f, "{actor} {call} at {place} changed nothing (R5)"),
            Held { actor, guard, place } => write!(f, "{actor} took guard {guard} at {place} (R5)"),
            GuardDropped { actor, guard } => write!(f, "{actor} guard {guard} dropped (R5)"),
            Overloaded { actor } => write!(f, "{actor} overloaded (R4)"),
            CaughtUp { actor } => write!(f, "{actor} caught up (R4)"),
            Fell { actor } => write!(f, "{actor} fell (R6)"),
            Told { actor, workers } => write!(f, "{actor} fell: told to workers {workers:?} (R6)"),
            Heard { actor, worker } => write!(f, "{actor} fell: heard by worker {worker} (R6)"),
            TimerFired { actor, timer, ticks } => write!(f, "{actor} timer {timer} fired, {ticks} ticks (R7)"),
            Ended { actor, why } => write!(f, "{actor} ended: {why:?} (R8)"),
            Outside { what } => f.write_str(what),
        }
    }
}
