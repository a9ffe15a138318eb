//! What the workers of one pool share, the driver among them.

use super::super::bell::Bell;
use super::super::pressure::GuardDrops;
use super::super::record::Recorder;
use super::super::single::{Config, Failure};
use super::super::timers::Timers;
use super::super::trace::Watch;
use super::deque::Deque;
use super::hall::Hall;
use super::slot::{Count, Slot, Table};
use crate::event::{ActorId, Event};
use crate::mailbox::Depot;
use crate::rules::Marks;
use crate::sync::{Arc, AtomicBool, AtomicU32, AtomicU64, Mutex, Ordering, SHIPS, lock};
use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::ops::Range;
use std::time::Duration;

/// Says what time it is. Behind a lock: a behaviour asks seldom.
pub(crate) type Time = Box<dyn FnMut() -> Duration + Send>;

/// The machine's clock, whatever the time of the actors is.
pub(crate) type Stopwatch = Box<dyn Fn() -> Duration + Send + Sync>;

/// The two that a pool needs.
pub(crate) struct Clocks {
    pub(crate) time: Time,
    pub(crate) stopwatch: Stopwatch,
}

/// Nodes that travel between two workers at once.
const NODES_IN_A_BATCH: usize = if SHIPS { 256 } else { 4 };
/// Seats that a worker takes at once.
pub(super) const SEATS_IN_A_BLOCK: u32 = if SHIPS { 64 } else { 4 };

pub(crate) struct Shared {
    pub(super) table: Table,
    pub(super) hall: Hall,
    /// One a worker; the last is the driver's.
    pub(super) berths: Box<[Berth]>,
    pub(super) depot: Arc<Depot>,
    pub(super) numbers: Numbers,
    births: Mutex<u32>,
    pub(super) timers: Mutex<Timers>,
    /// Seats with something attached from outside.
    pub(super) outsiders: Mutex<BTreeSet<u32>>,
    pub(super) drops: Arc<GuardDrops>,
    pub(super) bell: Arc<Bell>,
    pub(super) config: Config,
    clock: Mutex<Hands>,
    pub(super) stopwatch: Stopwatch,
    failure: Mutex<Option<Failure>>,
    failed: AtomicBool,
    /// Somebody wants to see every event.
    pub(super) watched: bool,
    /// An observer is among them.
    pub(super) observed: bool,
    /// Held by the worker that shows events and does what they tell of: see `Worker::in_order`.
    pub(super) order: Mutex<()>,
    pub(super) watch: Mutex<Watch>,
    /// The run is written down.
    pub(super) recorder: Option<Arc<Recorder>>,
}

/// A clock and what it showed last. Under a lock, and not one number: nanoseconds of 64 bits end after 584 years.
struct Hands {
    time: Time,
    /// Never goes back.
    last: Duration,
}

/// Numbers that all workers change: apart from what they only read.
#[derive(Default)]
#[repr(align(128))] // two cache lines, which are fetched together
pub(super) struct Numbers {
    /// Actors created, by blocks.
    created: AtomicU64,
    living: AtomicU32,
    /// Actors muted now, and the most there ever were.
    pub(super) muted: AtomicU64,
    pub(super) muted_most: AtomicU64,
    pub(super) guards: AtomicU64,
}

/// A worker's place, as far as others see it.
#[derive(Default)]
#[repr(align(128))] // two cache lines, which are fetched together: no other worker's
pub(super) struct Berth {
    pub(super) deque: Deque,
    /// The marks of those that this worker has muted. It alone changes them.
    pub(super) marks: Mutex<Marks>,
    pub(super) tally: Tally,
    /// The number of the run that it is in.
    pub(super) run: AtomicU32,
}

/// A worker's counts: what the slots do not count. `sent` and `handled` are those of ended actors.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) spawned: Count,
    pub(super) sent: Count,
    pub(super) delivered: Count,
    pub(super) handled: Count,
    pub(super) dead: Count,
    pub(super) mutes: Count,
    pub(super) freed: Count,
    pub(super) muted_longest_ns: Count,
    pub(super) deepest: Count,
    pub(super) redundant: Count,
    pub(super) panics: Count,
    /// Runs of actors, and times it went to sleep.
    pub(super) runs: Count,
    pub(super) naps: Count,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("hall", &self.hall).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(
        workers: usize,
        config: Config,
        Clocks { time, stopwatch }: Clocks,
        watch: Watch,
        recorder: Option<Arc<Recorder>>,
    ) -> Arc<Self> {
        let bell = Bell::new();
        let ringing = bell.clone();
        Arc::new(Shared {
            table: Table::new(),
            hall: Hall::new(workers, Box::new(move || ringing.ring())),
            berths: (0..=workers).map(|_| Berth::default()).collect(),
            depot: Depot::new(NODES_IN_A_BATCH),
            numbers: Numbers { created: AtomicU64::new(1), ..Numbers::default() },
            births: Mutex::new(0),
            timers: Mutex::default(),
            outsiders: Mutex::default(),
            drops: Arc::new(GuardDrops::new(bell.clone())),
            bell,
            config,
            stopwatch,
            clock: Mutex::new(Hands { time, last: Duration::ZERO }),
            failure: Mutex::new(None),
            failed: AtomicBool::new(false),
            watched: watch.on,
            observed: watch.observed,
            order: Mutex::new(()),
            watch: Mutex::new(watch),
            recorder,
        })
    }

    // --- Seats ----------------------------------------------------------------------------------------------------

    /// The first of a block of new seats.
    pub(super) fn more_seats(&self) -> u32 {
        let mut seats = lock(&self.births);
        let first = *seats;
        *seats = first.checked_add(SEATS_IN_A_BLOCK).expect("there are fewer than 2^32 seats");
        self.table.grow(*seats);
        first
    }

    /// The number of the next actor, in the order of creation.
    pub(super) fn next_created(&self, block: &mut Range<u64>) -> u64 {
        if let Some(number) = block.next() {
            return number;
        }
        let size = u64::from(SEATS_IN_A_BLOCK);
        let first = self.numbers.created.fetch_add(size, Ordering::Relaxed); // a number
        *block = first + 1..first + size;
        first
    }

    /// Is the number of living actors limited?
    pub(super) fn is_limited(&self) -> bool {
        self.config.max_actors < u32::MAX
    }

    /// Is there room for one more living actor?
    pub(super) fn admit(&self) -> bool {
        // Relaxed: a number that orders nothing.
        self.numbers.living.fetch_add(1, Ordering::Relaxed) < self.config.max_actors || {
            self.numbers.living.fetch_sub(1, Ordering::Relaxed);
            false
        }
    }

    pub(super) fn dismiss(&self) {
        self.numbers.living.fetch_sub(1, Ordering::Relaxed);
    }

    /// The living actor that `id` names.
    pub(super) fn living(&self, id: ActorId) -> Option<&Slot> {
        let slot = self.table.get(id.seat)?;
        // Acquire: pairs with the release at the end of the last tenant.
        (slot.tenant.load(Ordering::Acquire) == id.tenant && !slot.is_vacant()).then_some(slot)
    }

    // --- Time -----------------------------------------------------------------------------------------------------

    /// The clock's time, or the last that anybody read if it went back.
    pub(super) fn read_clock(&self) -> Duration {
        let mut clock = lock(&self.clock);
        clock.last = (clock.time)().max(clock.last);
        clock.last
    }

    /// The last time that anybody read.
    pub(super) fn last_now(&self) -> Duration {
        lock(&self.clock).last
    }

    // --- The end ----------------------------------------------------------------------------------------------------

    /// The run cannot go on: no worker begins another run, and the driver hears of it.
    pub(super) fn fail(&self, failure: Failure) {
        lock(&self.failure).get_or_insert(failure);
        self.failed.store(true, Ordering::Relaxed); // says that there is one; the lock shows which
        self.hall.close();
        self.bell.ring();
    }

    #[inline(always)]
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    pub(super) fn take_failure(&self) -> Option<Failure> {
        self.failed.store(false, Ordering::Relaxed); // only the driver asks for it again
        let failure = lock(&self.failure).take();
        if let (Some(recorder), Some(failure)) = (&self.recorder, &failure) {
            recorder.failed(failure);
        }
        failure
    }

    // --- Watching -------------------------------------------------------------------------------------------------

    /// Shows an event, if anybody watches.
    #[inline(always)]
    pub(super) fn show(&self, event: &Event<'_>) {
        if self.watched {
            self.show_now(event);
        }
    }

    #[cold]
    fn show_now(&self, event: &Event<'_>) {
        let mut watch = lock(&self.watch);
        watch.now = self.last_now();
        watch.show(event);
    }
}
