//! How a run ended.

use super::replay::BadToken;
use crate::event::{ActorId, Place};
use crate::rules::Broken;
use crate::scheduler::{BadRecording, Deadlock, Stall, Stats};
use std::fmt;
use std::io;
use std::time::Duration;

/// A run that ended well: nothing could happen any more and nobody was muted, or an actor asked for the end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// All counts at the end, before the actors were dropped.
    pub stats: Stats,
    /// How long it took, by the runtime's clock.
    pub time: Duration,
    /// The line that runs this again; of a run on threads, that there is none.
    pub replay: String,
}

/// Why a run did not end well. Each reads as a sentence.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// The runtime cannot be built like this; the text names the remedy.
    Config(String),
    /// The token given to replay does not fit this program or version.
    Replay(BadToken),
    /// Nothing can run any more and somebody is muted (R9, R10).
    Deadlock(Box<Deadlock>),
    /// A part of the program waits for ever, and the stall watch was told to end the run then (R11).
    Stalled(Box<Stall>),
    /// A behaviour panicked.
    Panicked {
        /// Which actor.
        actor: ActorId,
        /// Its name.
        name: String,
        /// The message that it was handling.
        message: String,
        /// The source line of the panic, where it is known.
        place: Option<String>,
        /// What the panic said.
        payload: String,
        /// The line that runs this again.
        replay: String,
    },
    /// An actor was to be created beyond [`Builder::max_actors`](crate::Builder::max_actors).
    TooManyActors {
        /// The limit.
        limit: u32,
        /// The name of the actor that was to be created.
        name: String,
        /// Where.
        place: Place,
        /// The line that runs this again.
        replay: String,
    },
    /// The bytes given to [`Builder::replay_recording`](crate::Builder::replay_recording) are no recording, or not one
    /// of this program.
    Recording(BadRecording),
    /// The recording of the run could not be written; the run itself went on to its end.
    Record(io::Error),
    /// The operating system's event loop failed.
    Io(io::Error),
    /// There is no thread for [`Builder::spawn_thread`](crate::Builder::spawn_thread), or not as many as
    /// [`Builder::threads`](crate::Builder::threads) says.
    Thread(io::Error),
    /// A rule of backwater does not hold: a bug in backwater itself, never in the program.
    Broken(Broken),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Config(why) => write!(f, "the runtime cannot be built like this: {why}"),
            RunError::Replay(why) => write!(f, "{why}"),
            RunError::Deadlock(report) => write!(f, "{report}"),
            RunError::Stalled(report) => write!(f, "{report}"),
            RunError::Panicked { actor, name, message, place, payload, replay } => {
                let place = place.as_deref().unwrap_or("an unknown place");
                write!(f, "{name}{actor} panicked at {place}: {payload}\nwhile handling {message}\nreplay: {replay}")
            }
            RunError::TooManyActors { limit, name, place, replay } => write!(
                f,
                "actor `{name}`, spawned at {place}, would be one more than {limit}: stop actors that are done, or \
                 raise Builder::max_actors\nreplay: {replay}"
            ),
            RunError::Recording(why) => write!(f, "{why}"),
            RunError::Record(why) => write!(f, "the recording of the run could not be written: {why}"),
            RunError::Io(why) => write!(f, "the event loop failed: {why}"),
            RunError::Thread(why) => {
                write!(f, "the machine gives no thread for the runtime ({why}): ask for fewer, or end other programs")
            }
            RunError::Broken(why) => write!(f, "a bug in backwater, please report it: {why}"),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RunError::Io(why) | RunError::Thread(why) | RunError::Record(why) => Some(why),
            RunError::Recording(why) => Some(why),
            RunError::Replay(why) => Some(why),
            _ => None,
        }
    }
}
