//! Where workers meet: the actors that any of them may run, the falls that they have to hear of, and a place to sleep.
//!
//! All of it stands under one lock, which is never on the way of a message: a worker looks at a flag of its own between
//! two runs, and comes here only if that is set, if it has nothing left to run, or if it has something for others.
//!
//! **Why no wake-up is lost.** A worker falls asleep only while it holds the lock, after it has found under the same
//! lock that nothing is here for it; whoever brings something does so under the lock, and wakes a sleeper before he lets
//! go. There is no moment in between. What is in another worker's ring is no business of sleepers: its owner is awake. One of
//! them looks up once in a while nevertheless, in case the owner is in a long run; on that nothing depends but how soon.
//!
//! **Why quiescence is exact.** It is asked under the lock: all workers sleep, nothing is injected, no fall waits. A
//! worker that has anything in its hand (a run, an actor just freed, a ring that is not empty) is not asleep; so what is
//! on its way is in somebody's hand, or here. Only the driver asks, so it has nothing in its own.
//!
//! Not here: what an actor or a fall is. The hall carries seats.

use crate::faults::{Fault, planted};
use crate::sync::{AtomicBool, AtomicUsize, BACKING, Condvar, Mutex, MutexGuard, Ordering, PoisonError, SHIPS, lock};
use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

/// What the workers of one pool share besides the actors.
pub struct Hall {
    state: Apart<Mutex<State>>,
    /// One a worker; the last is the driver's.
    desks: Box<[Desk]>,
    hints: Apart<Hints>,
    /// Signalled when somebody stands still, and when all may go on.
    stand: Condvar,
    /// Wakes the driver, which sleeps elsewhere.
    ring: Box<dyn Fn() + Send + Sync>,
}

/// So often the sleeper on lookout looks whether somebody stands behind a long run. Half a percent of a processor, while
/// others work.
const LOOK_UP: Duration = Duration::from_millis(1);
/// In a model no time passes.
const LOOKS_UP: bool = SHIPS || matches!(BACKING.as_bytes(), b"pauses");

/// What every worker looks at between two runs, and hardly anything changes. None of it binds.
#[derive(Default)]
struct Hints {
    /// How many workers sleep: for those who wonder whether to wake one.
    asleep: AtomicUsize,
    /// How many seats are injected.
    injected: AtomicUsize,
    /// The worker on lookout, counted from 1; 0 if there is none.
    lookout: AtomicUsize,
}

/// On cache lines of its own, two, because they are fetched together: what is written here makes nobody wait who reads
/// something else.
#[repr(align(128))]
struct Apart<T>(T);

/// What is for one worker alone.
#[repr(align(128))] // as `Apart`
struct Desk {
    /// There is something for it here.
    mail: AtomicBool,
    /// It was seen in a run that took long.
    long: AtomicBool,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    injected: VecDeque<u32>,
    /// Actors that only the driver may run.
    pinned: Vec<u32>,
    /// By worker: the actors that fell.
    falls: Vec<Vec<u32>>,
    /// By worker: it sleeps, and nobody has woken it.
    asleep: Vec<bool>,
    /// The sleeper that looks up every [`LOOK_UP`], while others are awake.
    lookout: Option<usize>,
    /// Somebody counts: no worker but he may go on.
    census: bool,
    /// Workers, the driver among them, that do not move: asleep, or waiting for the end of a census.
    standing: usize,
    /// The driver sleeps, by `rest`.
    rests: bool,
    closed: bool,
    /// Graces asked for so far, and by worker the last one that it gave.
    grace: u64,
    given: Vec<u64>,
}

/// What a worker finds when it comes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Actors that fell, and on which it may hold marks.
    pub falls: Vec<u32>,
    /// An actor to run.
    pub seat: Option<u32>,
    /// The pool is closed: run nothing more.
    pub closed: bool,
}

impl Found {
    fn is_nothing(&self) -> bool {
        self.falls.is_empty() && self.seat.is_none() && !self.closed
    }
}

/// While it lives, no other worker runs anything.
pub struct Census<'a> {
    hall: &'a Hall,
}

impl Hall {
    /// For `workers` workers, and a driver that `ring` wakes.
    pub fn new(workers: usize, ring: Box<dyn Fn() + Send + Sync>) -> Self {
        let desks = (0..=workers)
            .map(|_| Desk { mail: AtomicBool::new(false), long: AtomicBool::new(false), wake: Condvar::new() })
            .collect();
        let (falls, asleep) = (vec![Vec::new(); workers + 1], vec![false; workers]);
        let given = vec![0; workers + 1];
        let state = Apart(Mutex::new(State { falls, asleep, given, ..State::default() }));
        Hall { state, desks, hints: Apart(Hints::default()), stand: Condvar::new(), ring }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state.0)
    }

    fn workers(&self) -> usize {
        self.desks.len() - 1
    }

    /// The driver's number among the workers.
    pub fn driver(&self) -> usize {
        self.workers()
    }

    // --- Bringing -------------------------------------------------------------------------------------------------

    /// An actor that any worker may run.
    pub fn inject(&self, seats: impl IntoIterator<Item = u32>) {
        let mut state = self.lock();
        state.injected.extend(seats);
        self.hints.0.injected.store(state.injected.len(), Ordering::Relaxed); // a hint
        self.wake_one(&mut state);
    }

    /// An actor that only the driver may run.
    pub fn inject_pinned(&self, seat: u32) {
        let mut state = self.lock();
        state.pinned.push(seat);
        self.mail_driver(state);
    }

    /// `actor` fell; each of `workers` may hold marks on it.
    pub fn fell(&self, actor: u32, workers: impl Iterator<Item = usize>) {
        let mut state = self.lock();
        let mut driver = false;
        for worker in workers {
            state.falls[worker].push(actor);
            driver |= worker == self.driver();
            self.mail(worker);
            self.wake(&mut state, worker);
            if planted(Fault::FallToldToOne) {
                break;
            }
        }
        if driver {
            self.mail_driver(state);
        }
    }

    fn mail(&self, worker: usize) {
        self.desks[worker].mail.store(true, Ordering::Relaxed); // says that there is something; the lock shows what
    }

    fn mail_driver(&self, state: MutexGuard<'_, State>) {
        self.mail(self.driver());
        drop(state);
        (self.ring)();
    }

    // --- Sleepers -------------------------------------------------------------------------------------------------

    /// Would `rouse` wake anybody? A hint, without the lock.
    #[inline]
    pub fn has_sleepers(&self) -> bool {
        self.hints.0.asleep.load(Ordering::Relaxed) > 0
    }

    /// Is anything injected? A hint, without the lock.
    #[inline]
    pub fn has_injected(&self) -> bool {
        self.hints.0.injected.load(Ordering::Relaxed) > 0
    }

    /// Wakes a worker, if one sleeps: there is something to steal.
    pub fn rouse(&self) {
        self.wake_one(&mut self.lock());
    }

    /// Is a sleeper looking up once in a while? A hint, without the lock.
    #[inline]
    pub fn has_lookout(&self) -> bool {
        !LOOKS_UP || self.hints.0.lookout.load(Ordering::Relaxed) > 0
    }

    /// Is it this worker?
    pub fn is_lookout(&self, worker: usize) -> bool {
        self.hints.0.lookout.load(Ordering::Relaxed) == worker + 1
    }

    /// Has a sleeper look up once in a while, from here on.
    pub fn appoint(&self) {
        let mut state = self.lock();
        if let (None, Some(worker)) = (state.lookout, state.asleep.iter().position(|asleep| *asleep)) {
            self.set_lookout(&mut state, Some(worker));
            self.desks[worker].wake.notify_one();
        }
    }

    /// The worker on lookout has something to run.
    pub fn resign(&self) {
        self.set_lookout(&mut self.lock(), None);
    }

    fn set_lookout(&self, state: &mut State, lookout: Option<usize>) {
        state.lookout = lookout;
        self.hints.0.lookout.store(lookout.map_or(0, |worker| worker + 1), Ordering::Relaxed); // a hint
    }

    fn wake_one(&self, state: &mut State) {
        if let Some(worker) = state.asleep.iter().position(|asleep| *asleep) {
            self.wake(state, worker);
        }
    }

    /// From here on the worker counts as awake, although it has yet to notice.
    fn wake(&self, state: &mut State, worker: usize) {
        if state.asleep.get(worker) == Some(&true) {
            self.rises(state, worker);
            self.desks[worker].wake.notify_one();
            if state.lookout == Some(worker) {
                self.set_lookout(state, None);
            }
        }
    }

    /// It no longer sleeps, whoever woke it.
    fn rises(&self, state: &mut State, worker: usize) {
        state.asleep[worker] = false;
        state.standing -= 1;
        self.hints.0.asleep.fetch_sub(1, Ordering::Relaxed); // a hint
    }

    // --- A worker comes -------------------------------------------------------------------------------------------

    /// Is there anything for this worker here that it should not leave until it has nothing else to do?
    #[inline(always)]
    pub fn has_mail(&self, worker: usize) -> bool {
        self.desks[worker].mail.load(Ordering::Relaxed) // whoever finds it set takes the lock
    }

    /// This worker is in a run that takes long.
    pub fn note_long_run(&self, worker: usize) {
        if !self.has_long_runs(worker) {
            self.desks[worker].long.store(true, Ordering::Relaxed); // a hint
        }
    }

    /// Was it seen in a run that took long?
    #[inline(always)]
    pub fn has_long_runs(&self, worker: usize) -> bool {
        self.desks[worker].long.load(Ordering::Relaxed)
    }

    /// That was a while ago.
    pub fn forget_long_runs(&self, worker: usize) {
        self.desks[worker].long.store(false, Ordering::Relaxed); // a hint
    }

    /// What is here for this worker: its falls, and an actor to run if it wants one. Waits out a census.
    pub fn attend(&self, worker: usize, wants: bool) -> Found {
        let mut state = self.stand_still(self.lock());
        self.find(&mut state, worker, wants)
    }

    fn find(&self, state: &mut State, worker: usize, wants: bool) -> Found {
        self.desks[worker].mail.store(false, Ordering::Relaxed); // under the lock, as all stores to it are
        state.given[worker] = state.grace;
        let seat = if wants && !state.closed { state.injected.pop_front() } else { None };
        self.hints.0.injected.store(state.injected.len(), Ordering::Relaxed); // a hint
        if seat.is_some() && !state.injected.is_empty() {
            self.wake_one(state);
        }
        Found { falls: mem::take(&mut state.falls[worker]), seat, closed: state.closed }
    }

    /// The driver's part: the actors that only it runs.
    pub fn take_pinned(&self) -> Vec<u32> {
        mem::take(&mut self.lock().pinned)
    }

    /// The worker has nothing to run: sleeps until there is something here for it, or it is roused to go stealing. On
    /// lookout it wakes by itself, too.
    pub fn park(&self, worker: usize) -> Found {
        let mut state = self.stand_still(self.lock());
        let found = self.find(&mut state, worker, true);
        if !found.is_nothing() {
            return found;
        }
        if planted(Fault::ParkWithoutLooking) {
            drop(state);
            state = self.lock();
        }
        state.asleep[worker] = true;
        state.standing += 1;
        self.hints.0.asleep.fetch_add(1, Ordering::Relaxed); // a hint
        if state.asleep.iter().all(|asleep| *asleep) {
            (self.ring)(); // the driver may want to know that nobody runs
        }
        self.stand.notify_all(); // and so may whoever counts
        if LOOKS_UP && state.lookout.is_none() {
            self.set_lookout(&mut state, Some(worker));
        }
        while state.asleep[worker] {
            state = self.sleep(state, worker);
        }
        state = self.stand_still(state);
        self.find(&mut state, worker, true)
    }

    fn sleep<'a>(&self, mut state: MutexGuard<'a, State>, worker: usize) -> MutexGuard<'a, State> {
        let wake = &self.desks[worker].wake;
        if state.lookout == Some(worker) && state.asleep.iter().all(|asleep| *asleep) {
            self.set_lookout(&mut state, None);
        }
        if state.lookout != Some(worker) {
            return wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut state, waited) = wake.wait_timeout(state, LOOK_UP).unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() && state.asleep[worker] && !state.asleep.iter().all(|asleep| *asleep) {
            self.rises(&mut state, worker);
        }
        state
    }

    // --- Grace ----------------------------------------------------------------------------------------------------

    /// Asks everybody to be between two behaviours once; gives back the number to ask [`has_grace`](Self::has_grace)
    /// with.
    pub fn ask_grace(&self) -> u64 {
        let mut state = self.lock();
        state.grace += 1;
        (0..self.desks.len()).for_each(|worker| self.mail(worker));
        state.grace
    }

    /// Has everybody been between two behaviours since that was asked? Who sleeps is, and looks at everything anew when
    /// he wakes: the lock is between.
    pub fn has_grace(&self, grace: u64) -> bool {
        let state = self.lock();
        let sleeps = |worker| if worker == self.driver() { state.rests } else { state.asleep[worker] };
        planted(Fault::NoGrace) || (0..self.desks.len()).all(|worker| state.given[worker] >= grace || sleeps(worker))
    }

    // --- The driver asks ------------------------------------------------------------------------------------------

    /// Driver only, with nothing in its own hands: can nothing happen any more but by the world outside?
    pub fn is_quiet(&self) -> bool {
        if planted(Fault::QuietByHint) && self.hints.0.asleep.load(Ordering::Relaxed) == self.workers() {
            return true;
        }
        let state = self.lock();
        state.asleep.iter().all(|asleep| *asleep)
            && state.injected.is_empty()
            && (state.pinned.is_empty() || planted(Fault::QuietWithPinned))
            && state.falls.iter().all(Vec::is_empty)
    }

    /// No worker begins another run.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        for worker in 0..self.workers() {
            self.mail(worker);
            self.wake(&mut state, worker);
        }
    }

    // --- Standing still -------------------------------------------------------------------------------------------

    /// Waits until everybody but `asker`, the driver included, is between two runs, and keeps them there. The asker gets
    /// no mail: a driver that asks on every round, as the stall watch does, would never find itself without.
    pub fn census(&self, asker: usize) -> Census<'_> {
        let mut state = self.stand_still(self.lock());
        state.census = true;
        (0..self.desks.len()).filter(|worker| *worker != asker).for_each(|worker| self.mail(worker));
        while state.standing < self.workers() {
            state = self.stand.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Census { hall: self }
    }

    /// The worker runs nothing more, for good: whoever counts need not wait for it.
    pub fn leave(&self) {
        self.lock().standing += 1;
        self.stand.notify_all();
    }

    /// While somebody counts, everybody else stands still: between two runs, or because he wants to count too.
    fn stand_still<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        while state.census {
            state.standing += 1;
            self.stand.notify_all();
            state = self.stand.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.standing -= 1;
        }
        state
    }

    /// The driver is about to sleep where only its bell reaches it: it stands still, until [`resume`](Self::resume).
    pub fn rest(&self) {
        let mut state = self.stand_still(self.lock());
        state.standing += 1;
        state.rests = true;
        self.stand.notify_all();
    }

    /// The driver is awake again. Waits out a census.
    pub fn resume(&self) {
        let mut state = self.lock();
        while state.census {
            state = self.stand.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.standing -= 1;
        state.rests = false;
    }
}

impl Drop for Census<'_> {
    fn drop(&mut self) {
        self.hall.lock().census = false;
        self.hall.stand.notify_all();
    }
}

impl std::fmt::Debug for Hall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hall").field("workers", &self.workers()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Census<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Census")
    }
}
