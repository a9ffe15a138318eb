//! A run on many threads, written down so that one thread can make it again.
//!
//! What a behaviour does follows from its actor and its message, and from what it was told: the time, the id of an actor
//! that it created, whether a timer could still be cancelled. So the log has for each actor which messages it handled, in
//! which runs, and what it was told meanwhile; and how the whole run ended. Messages have no content there: to make the
//! run again is to send them again.
//!
//! A message is named by who made it and which of its things it was: `Name`. Actors are named by their ids, which are in
//! the log too, so that the second run has the same. Nothing says in which order runs of *different* actors were: any
//! order in which every message is sent before it is handled gives each of them the same. One always exists: that in
//! which the runs began.
//!
//! - `format`: bytes, numbers, checksums. - `tape`: what a worker writes. - `reading`: bytes as a [`Recording`], or the
//!   position and the reason why not. - `replay`, `again`: the single scheduler, told by a recording what to run next;
//!   `told`: and what its behaviours are told.
//!
//! Not here: messages from code outside any actor, and the machine's network. Their content is nobody's to write down, so
//! a recording of a run that had any is refused.

mod again;
mod format;
mod reading;
mod replay;
mod tape;
mod told;

pub use reading::{BadRecording, Recording};

pub(crate) use again::Again;
pub(super) use replay::Replay;
pub(crate) use tape::Recorder;
pub(super) use tape::{MutedAtEnd, Tape};

use super::seat::Plan;
use super::single::Config;
use crate::event::ActorId;
use crate::rules::Detector;
use std::fmt::{self, Debug};

/// Names a message: who made it, and which of that actor's things it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(super) from: ActorId,
    nth: u64,
}

/// Not a send, but a timer or a watch: its number is among those.
const OWN: u64 = 1 << 63;

impl Name {
    /// The `nth` message that `from` sent.
    pub(super) fn sent(from: ActorId, nth: u64) -> Self {
        Name { from, nth }
    }

    /// What came of the `nth` timer or watch of `from`.
    pub(super) fn own(from: ActorId, nth: u32) -> Self {
        Name { from, nth: u64::from(nth) | OWN }
    }

    /// Which timer or watch of its actor it is, if it is one.
    pub(super) fn own_nth(self) -> Option<u32> {
        (self.nth & OWN != 0).then_some(self.nth as u32)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.own_nth() {
            Some(nth) => write!(f, "what came of timer or watch number {nth} of {}", self.from),
            None => write!(f, "message number {} of {}", self.nth, self.from),
        }
    }
}

/// A message with its name, as it travels while a run is recorded.
pub(super) struct Tagged<M> {
    pub(super) name: Name,
    pub(super) message: M,
}

impl<M: Debug> Debug for Tagged<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

/// What a run was given that no replay can give again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// A message that no actor of the program made.
    Outside,
    /// Counts and standing of the whole runtime.
    Counts,
    /// The network, the simulated one included.
    World,
}

impl Obstacle {
    const ALL: [Obstacle; 3] = [Obstacle::Outside, Obstacle::Counts, Obstacle::World];

    /// What an actor did that a replay cannot give it again.
    fn why(self) -> &'static str {
        match self {
            Obstacle::Outside => {
                "got a message from code outside any actor (an inlet, a stream, a signal, a reader that is gone): a \
                 recording does not have its content; let an actor stand in for what is outside"
            }
            Obstacle::Counts => {
                "asked how the whole runtime stands (`stats`, `stats_of`, `why_not_running`, `stall`): that is in no \
                 recording; ask from outside, by `Remote::stats`"
            }
            Obstacle::World => {
                "used the network or a child process: what came from there is in no recording; let an actor stand in \
                 for it"
            }
        }
    }
}

/// How a recorded run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Quiescent,
    Shutdown,
    Panicked(ActorId),
    TooMany,
}

/// Whatever decides how a run goes and is not in the recording: has to be the same again.
fn hash_of(config: &Config) -> u64 {
    let (low, high) = match config.detector {
        Detector::Batch => (0, 0),
        Detector::Depth { low, high } => (low, high),
    };
    let words = [low, high, config.max_actors, u32::from(config.end_on_panic)];
    words.iter().fold(0, |sum, word| format::checksum(sum, &word.to_le_bytes()))
}

/// What tells that another actor was created: its name.
pub(super) fn hash_of_name(plan: &Plan) -> u32 {
    format::checksum(0, plan.name.as_str().as_bytes()) as u32
}
