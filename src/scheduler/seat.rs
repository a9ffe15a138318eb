//! What the scheduler keeps of one actor: 128 bytes with its mailbox, and a little more for those that need it.

use super::random::Random;
use super::single::{Body, Delivery, Outside};
use crate::event::{ActorId, Place};
use crate::rules::{Detector, Load};
use crate::sync::Arc;
use std::fmt;
use std::time::Duration;

/// An actor's name: given by the user, or the name of its type.
#[derive(Clone, Copy)]
pub(crate) enum LabelRef<'a> {
    Type(fn() -> &'static str),
    Named(&'a str),
}

/// An actor's name, cheap to clone: addresses carry it.
#[derive(Clone)]
pub(crate) enum Label {
    /// The actor's type.
    Type(fn() -> &'static str),
    /// One word, not two, so that an address stays small.
    Named(Arc<Box<str>>),
}

impl Label {
    pub(crate) fn named(name: &str) -> Self {
        Label::Named(Arc::new(name.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        match self.by_ref() {
            LabelRef::Type(full) => short(full()),
            LabelRef::Named(name) => name,
        }
    }

    fn by_ref(&self) -> LabelRef<'_> {
        match self {
            Label::Type(full) => LabelRef::Type(*full),
            Label::Named(name) => LabelRef::Named(name),
        }
    }
}

/// `app::sink::Sink<app::Log>` → `Sink<app::Log>`: the path of the type itself, without its modules.
fn short(full: &'static str) -> &'static str {
    let head = full.split('<').next().unwrap_or(full);
    &full[head.rfind("::").map_or(0, |at| at + 2)..]
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a new actor is to be kept.
pub(crate) struct Plan {
    pub(crate) label: Label,
    pub(crate) batch: Option<u32>,
    pub(crate) detector: Option<Detector>,
    pub(crate) place: Place,
}

/// One seat of the table. Read and written by the scheduler only.
pub(crate) struct Seat {
    /// Absent while the actor runs, and when the seat is empty.
    pub(super) body: Option<Box<dyn Body>>,
    /// How many tenants the seat had before: an address of an earlier one finds a dead end.
    pub(super) tenant: u32,
    pub(super) load: Load,
    /// Queued, running or muted: a send need not schedule it.
    pub(super) busy: bool,
    /// It presses, or its detector is the mailbox's depth: the end of its run looks closer.
    pub(super) special: bool,
    pub(super) batch: u32,
    /// A mailbox longer than this is a new peak, or begins overload by depth.
    pub(super) watermark: u32,
    pub(super) peak: u32,
    /// Its number in the order of creation, in the whole run.
    pub(super) created: u64,
    pub(super) sent: u64,
    pub(super) handled: u64,
    pub(super) parent: ActorId,
    pub(super) nth: u32,
    pub(super) children: u32,
    pub(super) label: Label,
    pub(super) more: Option<Box<More>>,
}

/// What only some actors have.
#[derive(Default)]
pub(super) struct More {
    pub(super) detector: Option<Detector>,
    pub(super) applied_at: Option<Place>,
    pub(super) guards: Vec<(u64, Place)>,
    pub(super) mutes_taken: u64,
    pub(super) mutes_given: u64,
    pub(super) muted_since: Duration,
    pub(super) muted_total: Duration,
    pub(super) muted_longest: Duration,
    pub(super) random: Option<Random>,
    /// Its timers, alive or not yet noticed to be over.
    pub(super) timers: Vec<u64>,
    /// Called with "does it press?" at each change of the answer, and once when it ends.
    pub(super) outside: Vec<Box<dyn Outside>>,
    /// Called when it ends.
    pub(super) watchers: Vec<Delivery>,
}

impl Seat {
    pub(super) fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    pub(super) fn set_load(&mut self, load: Load) {
        self.load = load;
        self.special = load != Load::IDLE || self.detector() != Detector::Batch;
    }

    pub(super) fn detector(&self) -> Detector {
        self.more.as_ref().and_then(|m| m.detector).unwrap_or(Detector::Batch)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.load.has(Load::STOPPED)
    }
}

const _: () = assert!(size_of::<Seat>() + 24 <= 128, "an actor's seat and mailbox fit two cache lines");

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn short_names_keep_their_arguments() {
        assert_eq!(short("app::sink::Sink"), "Sink");
        assert_eq!(short("Sink"), "Sink");
        assert_eq!(short("app::Sink<other::Log>"), "Sink<other::Log>");
    }
}
