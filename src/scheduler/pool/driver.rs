//! The pool as its driver sees it: the threads, `main`, the pinned actors, the world outside, and the end.

use super::super::core::Core;
use super::super::engine::Engine;
use super::super::event_loop::EventLoop;
use super::super::record::Recorder;
use super::super::single::{Config, Failure};
use super::super::trace::Watch;
use super::super::{Bell, Deadlock, Stall, Stats};
use super::shared::{Clocks, Shared};
use super::worker::Worker;
use crate::event::{ActorId, Place};
use crate::rules::Broken;
use crate::sync::{Arc, Ordering, lock, thread};
use std::fmt;
use std::io;
use std::mem;
use std::panic::resume_unwind;
use std::time::Duration;

/// What a worker's thread does: calls [`Worker::work`] until that returns, and deals with the panics that come through.
pub(crate) type Loop = fn(&mut Worker);

/// A pool of threads, seen from the one that drives it.
pub(crate) struct Pool {
    worker: Worker,
    threads: Vec<thread::JoinHandle<Worker>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts `threads` workers; `place` is called before each, on this thread.
    ///
    /// # Errors
    /// If the machine gives no more threads, and those of `place`; the threads that were there are gone again.
    pub(crate) fn start(
        threads: usize,
        config: Config,
        clocks: Clocks,
        watch: Watch,
        recorder: Option<Arc<Recorder>>,
        place: impl Fn(usize) -> io::Result<()>,
        work: Loop,
    ) -> io::Result<Pool> {
        let shared = Shared::new(threads, config, clocks, watch, recorder);
        let mut pool = Pool { worker: Worker::new(&shared, threads), threads: Vec::new() };
        for index in 0..threads {
            let mut worker = Worker::new(&shared, index);
            let run = move || {
                work(&mut worker);
                worker
            };
            match place(index).and_then(|()| thread::spawn(&format!("backwater-{index}"), run)) {
                Ok(thread) => pool.threads.push(thread),
                Err(why) => {
                    pool.halt();
                    return Err(why);
                }
            }
        }
        Ok(pool)
    }

    fn shared(&self) -> &Shared {
        &self.worker.shared
    }

    /// Puts a world in the machine's place.
    #[cfg(feature = "net")]
    pub(crate) fn set_world(&mut self, world: super::super::World) {
        self.worker.record_obstacle(super::super::record::Obstacle::World);
        self.worker.set_event_loop(world.into_inner());
    }

    /// A living socket or inlet of an actor that is not muted (R9).
    fn has_live_outside(&self) -> bool {
        let seats: Vec<u32> = lock(&self.shared().outsiders).iter().copied().collect();
        seats.into_iter().any(|seat| {
            let slot = self.shared().table.slot(seat);
            let wakes = || slot.rare().is_some_and(|rare| lock(rare).more.outside.iter().any(|o| o.can_wake()));
            !slot.word.look().load().is_muted() && wakes()
        })
    }
}

impl Worker {
    /// The driver, which rests in its event loop, brings something: it stands still no longer.
    #[inline]
    pub(super) fn stir(&mut self) {
        if mem::take(&mut self.rests) {
            self.shared.hall.resume();
        }
    }

    fn rest(&mut self) {
        self.shared.hall.rest();
        self.rests = true;
    }

    pub(crate) fn event_loop<T: EventLoop>(&mut self) -> Option<&mut T> {
        self.event_loop.as_mut()?.as_any().downcast_mut()
    }

    /// Where the event loop goes when the first actor needs one.
    #[cfg(feature = "net")]
    pub(crate) fn set_event_loop(&mut self, event_loop: Box<dyn EventLoop>) {
        assert!(
            self.is_driver(),
            "only the driver polls, so an actor with a socket or a pipe is pinned: a bug in backwater"
        );
        self.shared.bell.set_ringer(Some(event_loop.ringer()));
        self.event_loop = Some(event_loop);
    }

    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let bell = self.shared.bell.clone();
        let mut result = Ok(());
        if timeout != Some(Duration::ZERO) {
            self.rest();
        }
        match self.event_loop.take() {
            None => bell.park(timeout, None),
            Some(mut event_loop) => {
                bell.park(timeout, Some(&mut |timeout| result = event_loop.poll(&mut self.core(), timeout)));
                self.event_loop = Some(event_loop);
            }
        }
        self.stir();
        result
    }

    /// What a worker that is gone had in hand: mailboxes of actors that had ended, where more may have come since.
    fn inherit(&mut self, other: &mut Worker) {
        let retiring = other.retiring.take().map(|(_, seats)| seats).unwrap_or_default();
        let clearing = mem::take(&mut other.clearing);
        self.ended.extend(retiring.into_iter().chain(clearing).chain(mem::take(&mut other.ended)));
    }

    /// Nobody runs any more: those mailboxes are emptied for good. One at a time, because messages may panic as they
    /// are dropped.
    fn bury(&mut self) {
        let waiting = self.retiring.take().map(|(_, seats)| seats).unwrap_or_default();
        self.ended.extend(waiting.into_iter().chain(mem::take(&mut self.clearing)));
        while let Some(seat) = self.ended.pop() {
            let tenant = self.shared.table.slot(seat).tenant.load(Ordering::Relaxed).wrapping_sub(1);
            self.empty_mailbox(ActorId { seat, tenant });
        }
    }
}

impl Engine for Pool {
    fn bell(&self) -> &Arc<Bell> {
        &self.worker.shared.bell
    }

    fn config(&self) -> &Config {
        &self.worker.shared.config
    }

    fn threads(&self) -> Vec<thread::Id> {
        self.threads.iter().map(|worker| worker.thread().id()).collect()
    }

    fn policy_name(&self) -> Option<&str> {
        None
    }

    fn main_began(&mut self, place: Place) -> Core<'_> {
        self.worker.main_began(place);
        self.worker.core()
    }

    fn main_ended(&mut self) {
        self.worker.main_ended();
    }

    fn slice(&mut self, runs: u32) {
        self.worker.slice(runs);
    }

    fn has_ready(&self) -> bool {
        self.worker.has_pinned()
    }

    fn is_idle(&self) -> bool {
        self.worker.pinned.is_empty() && self.shared().hall.is_quiet() && !self.shared().drops.has_any()
    }

    fn is_quiescent(&self) -> bool {
        self.is_idle() && self.worker.next_timer().is_none() && !self.has_live_outside()
    }

    fn now(&self) -> Duration {
        self.worker.now()
    }

    /// Workers ask the clock themselves.
    fn set_now(&mut self, now: Duration) {
        self.worker.forget_time();
        if let Some(event_loop) = &mut self.worker.event_loop {
            event_loop.set_now(now);
        }
    }

    fn fire_timers(&mut self) {
        self.worker.fire_timers();
    }

    /// While workers run, anybody's who is muted too: he may be freed, and nobody rings for that.
    fn next_timer(&self) -> Option<Duration> {
        if self.is_idle() { self.worker.next_timer() } else { lock(&self.shared().timers).soonest() }
    }

    fn collect_dropped_guards(&mut self) {
        self.worker.collect_dropped_guards();
    }

    fn take_over(&mut self) {
        self.worker.take_over();
    }

    fn has_event_loop(&self) -> bool {
        self.worker.event_loop.is_some()
    }

    fn next_event(&self) -> Option<Duration> {
        self.worker.event_loop.as_ref()?.next_event()
    }

    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.worker.poll(timeout)
    }

    fn fail(&mut self, failure: Failure) {
        self.worker.fail(failure);
    }

    fn has_failed(&self) -> bool {
        self.shared().has_failed()
    }

    fn take_failure(&mut self) -> Option<Failure> {
        self.shared().take_failure()
    }

    fn panicked(&mut self, payload: String, in_behaviour: bool) {
        self.worker.stir();
        self.worker.panicked(payload, in_behaviour);
    }

    fn stats(&self) -> Stats {
        self.worker.stats()
    }

    fn totals(&self) -> Stats {
        self.worker.totals()
    }

    fn check(&self, quiescent: bool) -> Result<(), Broken> {
        if quiescent { self.worker.check() } else { Ok(()) }
    }

    fn has_muted(&self) -> bool {
        self.worker.has_muted()
    }

    fn deadlock(&self, replay: String) -> Deadlock {
        self.worker.deadlock(replay)
    }

    fn stall(&self) -> Option<Stall> {
        self.worker.stall()
    }

    fn halt(&mut self) {
        self.shared().hall.close();
        for thread in mem::take(&mut self.threads) {
            // The loop catches the panics of user code; any other is a bug of ours, and goes on here.
            let mut worker = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            self.worker.inherit(&mut worker);
        }
        if let Err(why) = self.worker.end_recording() {
            self.worker.fail(Failure::Recording(why));
        }
    }

    fn bury(&mut self) {
        self.worker.bury();
    }

    fn dismantle(&mut self) -> bool {
        self.worker.bury();
        self.worker.dismantle()
    }
}
