//! A run on many threads, written down so that one thread can make it again.
//!
//! What a behaviour does follows from its actor and its message, and from what it was told: the time, the id of an actor
//! that it created, whether a timer could still be cancelled. So the log has for each actor which messages it handled, in
//! which runs, and what it was told meanwhile; and how the whole run ended. Messages have no content there: to make the
//! run again is to send them again.
//!
//! A message is named by who sent it, and nothing more: `Name`. What one actor sends to another arrives in the order sent
//! (R1), so it is the next from there. Actors are named by their ids, which are in the log too, so that the second run has
//! the same. Nothing says in which order runs of *different* actors were: any
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

/// Names a message to its receiver: who sent it; or, in an id that no actor has, which of the receiver's own timers and
/// watches it came of. Eight bytes, because it travels with each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(ActorId);

/// The seat in a name that is no sender's.
const OWN: u32 = u32::MAX;

impl Name {
    /// The next message of `from`.
    #[inline(always)]
    pub(super) fn sent(from: ActorId) -> Self {
        Name(from)
    }

    /// What came of the `nth` timer or watch.
    pub(super) fn own(nth: u32) -> Self {
        Name(ActorId { seat: OWN, tenant: nth })
    }

    /// Which timer or watch of its receiver it is, if it is one.
    #[inline(always)]
    pub(super) fn own_nth(self) -> Option<u32> {
        (self.0.seat == OWN).then_some(self.0.tenant)
    }

    /// Who sent it, if somebody did.
    pub(super) fn sender(self) -> Option<ActorId> {
        (self.0.seat != OWN).then_some(self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.own_nth() {
            Some(nth) => write!(f, "what came of its timer or watch number {nth}"),
            None => write!(f, "a message of {}", self.0),
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
    /// A time too far from the beginning to be written down.
    Age,
}

impl Obstacle {
    const ALL: [Obstacle; 4] = [Obstacle::Outside, Obstacle::Counts, Obstacle::World, Obstacle::Age];

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
            Obstacle::Age => {
                "asked the time, or set a timer, when virtual time was beyond 584 years: a recording counts nanoseconds in \
                 64 bits; let the program come to its end before that"
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
    /// This actor created one too many.
    TooMany(ActorId),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_named_by_its_sender_or_by_its_receivers_own_number() {
        let from = ActorId { seat: 3, tenant: 2 };
        let [sent, own] = [Name::sent(from), Name::own(5)];
        assert_eq!(
            [(sent.sender(), sent.own_nth()), (own.sender(), own.own_nth())],
            [(Some(from), None), (None, Some(5))]
        );
        assert_eq!(sent.to_string(), format!("a message of {from}"));
        assert_eq!(own.to_string(), "what came of its timer or watch number 5");
    }
}
