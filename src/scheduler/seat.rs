//! What the scheduler keeps of one actor: 128 bytes with its mailbox, and a little more for those that need it.

use super::core::Core;
use super::random::Random;
use super::single::{Delivery, Outside};
use crate::event::Place;
use crate::rules::{Detector, Load};
use crate::sync::{Arc, SHIPS};
use std::fmt;
use std::mem;

/// An actor's name: given by the user, or that of its type. Cheap to clone; a string to read.
#[derive(Clone)]
pub struct Name(Label);

#[derive(Clone)]
enum Label {
    /// The actor's type, by the function that says its name: an address carries one word, not two.
    Type(fn() -> &'static str),
    /// One word here too.
    Given(Arc<Box<str>>),
}

impl Name {
    /// The name of a type.
    #[inline(always)]
    pub(crate) fn of_type<A>() -> Self {
        Name(Label::Type(std::any::type_name::<A>))
    }

    pub(super) fn is_given(&self) -> bool {
        matches!(self.0, Label::Given(_))
    }

    pub(crate) fn given(name: &str) -> Self {
        Name(Label::Given(Arc::new(name.into())))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Label::Type(full) => short(full()),
            Label::Given(name) => name,
        }
    }
}

/// `app::sink::Sink<app::Log>` → `Sink<app::Log>`: the path of the type itself, without its modules.
fn short(full: &'static str) -> &'static str {
    let head = full.split('<').next().unwrap_or(full);
    &full[head.rfind("::").map_or(0, |at| at + 2)..]
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl std::ops::Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Name {}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// How a new actor is to be kept.
pub(crate) struct Plan {
    pub(crate) name: Name,
    pub(crate) batch: Option<u32>,
    pub(crate) detector: Option<Detector>,
    /// It runs on the driver's thread alone.
    pub(crate) pinned: bool,
    pub(crate) place: Place,
}

/// One seat of the table. Read and written by the scheduler only.
///
/// The first fields share a cache line with the seat's mailbox: a send and a run that presses nobody touch no other.
#[repr(C)]
pub(crate) struct Seat {
    /// Messages it sent and behaviours it began, up to its last run.
    pub(super) sent: u64,
    pub(super) handled: u64,
    /// How many tenants the seat had before: an address of an earlier one finds a dead end.
    pub(super) tenant: u32,
    pub(super) batch: u32,
    /// A mailbox longer than this is a new peak, or begins overload by depth.
    pub(super) watermark: u32,
    pub(super) load: Load,
    /// Queued, running or muted: a send need not schedule it.
    pub(super) busy: bool,
    /// It presses, or its detector is the mailbox's depth: the end of its run looks closer.
    pub(super) special: bool,
    /// Its name was given, and stands in `name`; otherwise it is its type's.
    pub(super) named: bool,
    _rest_of_line: u64,
    // --- the second line
    /// Its number in the order of creation, in the whole run.
    pub(super) created: u64,
    pub(super) name: Name,
    pub(super) more: Option<Box<More>>,
    /// When it was muted last, in nanoseconds of the scheduler's time.
    pub(super) muted_since: u64,
    /// How long it was muted, all times together, in nanoseconds.
    pub(super) muted_ns: u64,
    pub(super) mutes_taken: u32,
    pub(super) peak: u32,
    pub(super) children: u32,
}

/// What only some actors have.
#[derive(Default)]
pub(super) struct More {
    pub(super) detector: Option<Detector>,
    pub(super) applied_at: Option<Place>,
    pub(super) guards: Vec<(u64, Place)>,
    pub(super) mutes_given: u64,
    pub(super) random: Option<Random>,
    /// Its timers, alive or not yet noticed to be over.
    pub(super) timers: Vec<u64>,
    /// How many it ever set.
    pub(super) timers_set: u32,
    /// Called with "does it press?" at each change of the answer, and once when it ends.
    pub(super) outside: Vec<Box<dyn Outside>>,
    /// Called when it ends.
    pub(super) watchers: Vec<Delivery>,
}

impl More {
    /// Its actor has ended: what is tied to it from outside hears of it, then those who watch.
    pub(super) fn end(self, core: &mut Core<'_>) {
        for mut outside in self.outside {
            outside.ended();
            // What an inlet took and nobody has seen yet is a dead letter like the rest (R1).
            outside.take_over().into_iter().for_each(|deliver| deliver(core));
        }
        self.watchers.into_iter().for_each(|watcher| watcher(core));
    }
}

impl Seat {
    /// Nobody's yet.
    pub(super) const BLANK: Seat = Seat {
        sent: 0,
        handled: 0,
        tenant: 0,
        batch: 0,
        watermark: 0,
        load: Load::IDLE,
        busy: false,
        special: false,
        named: false,
        _rest_of_line: 0,
        created: 0,
        name: Name(Label::Type(|| "nobody")),
        more: None,
        muted_since: 0,
        muted_ns: 0,
        mutes_taken: 0,
        peak: 0,
        children: 0,
    };

    pub(super) fn new(name: Name, batch: u32, detector: Detector, created: u64) -> Self {
        let mut seat = Seat::BLANK;
        seat.settle(name, batch, detector, created);
        seat
    }

    /// Nobody's again, for the next tenant.
    pub(super) fn blank(&mut self) {
        *self = Seat { tenant: self.tenant, ..Seat::BLANK };
    }

    /// A tenant takes it, who finds it blank. It is filled in where it lies: put together elsewhere and moved, it would be
    /// read in larger pieces than it was just written in, for which a processor has to wait until all is in its cache.
    #[inline(always)]
    pub(super) fn settle(&mut self, name: Name, batch: u32, detector: Detector, created: u64) {
        (self.batch, self.created) = (batch, created);
        (self.named, self.name) = (name.is_given(), name);
        if detector != Detector::Batch {
            self.special = true;
            self.more = Some(Box::new(More { detector: Some(detector), ..More::default() }));
        }
    }

    /// As it was when its tenant had just been created.
    pub(super) fn renew(&mut self, children: u32) {
        let (detector, batch, created) = (self.detector(), self.batch, self.created);
        let name = mem::replace(self, Seat::BLANK).name;
        self.settle(name, batch, detector, created);
        self.children = children;
    }

    /// The same again; none if it has something that cannot be copied.
    pub(super) fn copy(&self) -> Option<Seat> {
        let more = match &self.more {
            Some(more) => Some(Box::new(more.copy()?)),
            None => None,
        };
        Some(Seat { name: self.name.clone(), more, ..*self })
    }

    /// Becomes the same as another. None if that has something that cannot be copied.
    pub(super) fn become_copy(&mut self, other: &Seat) -> Option<()> {
        self.more = match (self.more.take(), &other.more) {
            (_, None) => None,
            (Some(mut mine), Some(theirs)) => {
                *mine = theirs.copy()?;
                Some(mine)
            }
            (None, Some(theirs)) => Some(Box::new(theirs.copy()?)),
        };
        // One by one, where they lie: see `settle`.
        (self.sent, self.handled) = (other.sent, other.handled);
        (self.tenant, self.batch, self.watermark) = (other.tenant, other.batch, other.watermark);
        (self.load, self.busy, self.special, self.named) = (other.load, other.busy, other.special, other.named);
        (self.created, self.children, self.peak) = (other.created, other.children, other.peak);
        (self.muted_since, self.muted_ns, self.mutes_taken) = (other.muted_since, other.muted_ns, other.mutes_taken);
        self.name.clone_from(&other.name);
        Some(())
    }

    /// Does it look like another? For a debug build.
    pub(super) fn is_like(&self, other: &Seat) -> bool {
        let numbers = |seat: &Seat| {
            let Seat { sent, handled, tenant, batch, watermark, load, busy, special, created, .. } = *seat;
            let counts = (seat.muted_since, seat.muted_ns, seat.mutes_taken, seat.peak, seat.children);
            let more = seat.more.as_ref().map(|more| (more.applied_at, more.mutes_given, more.guards.len()));
            ((sent, handled, tenant, batch, watermark), (load, busy, special, created), counts, more)
        };
        numbers(self) == numbers(other)
    }

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

impl More {
    fn copy(&self) -> Option<More> {
        let More { guards, timers, outside, watchers, .. } = self;
        let plain = guards.is_empty() && timers.is_empty() && outside.is_empty() && watchers.is_empty();
        plain.then(|| More {
            detector: self.detector,
            applied_at: self.applied_at,
            mutes_given: self.mutes_given,
            random: self.random.clone(),
            timers_set: self.timers_set,
            ..More::default()
        })
    }
}

const _: () = assert!(
    !SHIPS || size_of::<Seat>() + 24 == 128 && mem::offset_of!(Seat, created) + 24 == 64,
    "an actor's mailbox and seat are two cache lines, the hot one first"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::single::Delivery;
    use std::panic::Location;

    struct Nobody;

    impl Outside for Nobody {
        fn pressing(&mut self, _: bool) {}
        fn ended(&mut self) {}
        fn is_live(&self) -> bool {
            false
        }
        fn take_over(&mut self) -> Vec<Delivery> {
            Vec::new()
        }
    }

    /// Something of all that can be copied.
    fn full(place: Place) -> Seat {
        let more = More {
            detector: Some(Detector::Depth { high: 9, low: 3 }),
            applied_at: Some(place),
            mutes_given: 2,
            random: Some(Random::new(3)),
            timers_set: 4,
            ..More::default()
        };
        Seat { more: Some(Box::new(more)), ..Seat::new(Name::given("valve"), 7, Detector::Batch, 5) }
    }

    #[test]
    fn a_copy_has_all_that_the_seat_has() {
        let place = Location::caller();
        let [mut bare, mut other] = [Seat::new(Name::of_type::<u8>(), 1, Detector::Batch, 0), full(place)];
        bare.become_copy(&full(place)).unwrap();
        other.become_copy(&full(place)).unwrap();
        for copy in [full(place).copy().unwrap(), bare, other] {
            assert!(copy.is_like(&full(place)) && copy.named && copy.name == "valve");
            assert_eq!((copy.detector(), copy.batch), (Detector::Depth { high: 9, low: 3 }, 7));
            let more = copy.more.unwrap();
            assert_eq!((more.applied_at, more.mutes_given, more.timers_set), (Some(place), 2, 4));
            assert_eq!(more.random.map(|mut random| random.next_u64()), Some(Random::new(3).next_u64()));
        }
        let mut full = full(place);
        full.become_copy(&Seat::new(Name::of_type::<u8>(), 1, Detector::Batch, 0)).unwrap();
        assert!(full.more.is_none() && !full.named && full.name == "u8");
    }

    #[test]
    fn what_is_tied_to_a_timer_a_guard_or_somebody_else_has_no_copy() {
        let place = Location::caller();
        let ties: [fn(&mut More, Place); 4] = [
            |more, place| more.guards.push((0, place)),
            |more, _| more.timers.push(0),
            |more, _| more.outside.push(Box::new(Nobody)),
            |more, _| more.watchers.push(Box::new(|_| ())),
        ];
        for tie in ties {
            let mut seat = full(place);
            tie(seat.more(), place);
            assert!(seat.copy().is_none() && full(place).become_copy(&seat).is_none());
        }
    }

    #[test]
    fn a_name_is_given_or_its_types() {
        assert_eq!([Name::given("u8"), Name::of_type::<u8>()].map(|name| name.is_given()), [true, false]);
    }

    #[test]
    fn whoever_is_not_idle_is_looked_at_closer_and_whose_mailbox_counts_always_is() {
        let special = |detector, load| {
            let mut seat = Seat::new(Name::of_type::<u8>(), 1, detector, 0);
            seat.set_load(load);
            seat.special
        };
        let depth = Detector::Depth { high: 9, low: 3 };
        let loads = [Load::IDLE, Load::OVERLOADED];
        assert_eq!(loads.map(|load| special(Detector::Batch, load)), [false, true]);
        assert_eq!(loads.map(|load| special(depth, load)), [true, true]);
    }

    #[test]
    fn names_are_equal_by_their_text() {
        let name = Name::of_type::<u8>();
        assert_eq!((&name, name == "u8", name == "u16"), (&Name::of_type::<u8>(), true, false));
        assert_ne!(name, Name::of_type::<u16>());
    }

    #[test]
    fn short_names_keep_their_arguments() {
        assert_eq!(short("app::sink::Sink"), "Sink");
        assert_eq!(short("Sink"), "Sink");
        assert_eq!(short("app::Sink<other::Log>"), "Sink<other::Log>");
    }
}
