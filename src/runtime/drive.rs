//! The main loop: runs actors, lets time pass, listens to the world, and finds the end (R9).

use super::builder::StallWatch;
use super::env::{Env, Lobby, Streams};
use super::error::{RunError, Summary};
use super::handle::{Control, Remote, Wanted};
use super::panics;
use super::replay::{self, Token};
use crate::event::Place;
use crate::scheduler::{Engine, Failure, Stall};
use crate::sync::{Arc, Mutex, lock};
use crate::time::Clock;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Runs of actors between two looks at the clock. Small enough that a tick is late by microseconds, large enough that
/// the look costs nothing beside the runs.
const SLICE: u32 = 256;
/// The least time between two looks at the event loop while actors are runnable: a look is a system call.
const POLL_EVERY: Duration = Duration::from_micros(50);
/// Slices between two looks for a stall while actors are runnable.
const STALL_EVERY: u32 = 1_000;

pub(super) struct Driver<E> {
    core: E,
    clock: Arc<Mutex<Box<dyn Clock>>>,
    control: Arc<Control>,
    polled: Duration,
    stall_watch: StallWatch,
    last_stall: Option<Stall>,
    /// Check the invariants after every single run.
    check: bool,
    /// List every actor in the summary.
    actor_stats: bool,
    replay: String,
}

impl<E: Engine> Driver<E> {
    pub(super) fn new(
        core: E,
        clock: Arc<Mutex<Box<dyn Clock>>>,
        control: Arc<Control>,
        stall_watch: StallWatch,
        check: bool,
        actor_stats: bool,
    ) -> Self {
        let (seed, batch) = (core.config().seed, core.config().batch);
        let token = core.policy_name().map(|policy| Token { policy: policy.to_owned(), seed, batch });
        let replay = token.map_or_else(|| replay::NO_LINE.to_owned(), |token| replay::line(&token));
        let polled = Duration::ZERO;
        Driver { core, clock, control, polled, stall_watch, last_stall: None, check, actor_stats, replay }
    }

    pub(super) fn run(
        mut self,
        streams: Streams,
        place: Place,
        main: impl FnOnce(&mut Env<'_>),
    ) -> Result<Summary, RunError> {
        self.control.begin(self.core.bell(), self.core.threads());
        let writers = streams.writers.clone();
        let remote = Remote::new(self.control.clone());
        self.guarded(true, |driver| driver.main(streams, remote, place, main));
        let result = self.run_to_end();
        self.core.halt();
        while !self.guarded(true, |driver| driver.core.bury()) {}
        let stats = if self.actor_stats { self.core.stats() } else { self.core.totals() };
        let time = self.core.now();
        let clean = self.dismantle();
        writers.finish();
        result.and(clean)?;
        Ok(Summary { stats, time, replay: self.replay })
    }

    fn run_to_end(&mut self) -> Result<(), RunError> {
        let mut slices = 0u32;
        loop {
            self.slice()?;
            self.listen()?;
            if self.core.has_failed() {
                return self.failed();
            }
            slices = slices.wrapping_add(1);
            if !self.core.has_ready() || slices.is_multiple_of(STALL_EVERY) {
                self.watch_for_stall()?;
            }
            if !self.core.has_ready() && !self.wait()? {
                return self.quiescent();
            }
        }
    }

    /// Calls into user code, and has a panic there dealt with. False if there was one. `in_behaviour` says whose fault
    /// a panic is: the running actor's, or that of code in no behaviour, such as a timer's closure.
    fn guarded(&mut self, in_behaviour: bool, call: impl FnOnce(&mut Self)) -> bool {
        let mut caught = catch_unwind(AssertUnwindSafe(|| call(self)));
        let calm = caught.is_ok();
        while let Err(payload) = caught {
            let text = panics::payload_text(&*payload);
            // Each of these may panic in its turn: user code drops payloads, messages and actors.
            caught = catch_unwind(AssertUnwindSafe(|| {
                self.core.panicked(text, in_behaviour);
                drop(payload);
            }));
        }
        calm
    }

    fn main(&mut self, streams: Streams, remote: Remote, place: Place, main: impl FnOnce(&mut Env<'_>)) {
        let mut core = self.core.main_began(place);
        Lobby::open(core.again(), streams, remote).enter(core, main);
        self.core.main_ended();
    }

    /// Some runs of actors; the same ones whether or not the invariants are checked in between (R12).
    fn slice(&mut self) -> Result<(), RunError> {
        if !self.check {
            self.guarded(true, |driver| driver.core.slice(SLICE));
            return Ok(());
        }
        for _ in 0..SLICE {
            let calm = self.guarded(true, |driver| driver.core.slice(1));
            if self.core.has_failed() {
                break;
            }
            self.core.check(false).map_err(RunError::Broken)?;
            if !calm || !self.core.has_ready() {
                break;
            }
        }
        Ok(())
    }

    /// Lets in what has happened since the last call, without waiting.
    fn listen(&mut self) -> Result<(), RunError> {
        if self.core.bell().answer() {
            self.guarded(false, |driver| {
                driver.core.collect_dropped_guards();
                driver.core.take_over();
            });
            self.heed_remotes();
        }
        let now = self.time();
        self.core.set_now(now);
        self.guarded(false, |driver| driver.core.fire_timers());
        let simulated = self.core.next_event().is_some_and(|event| event <= now);
        let due = simulated || now.saturating_sub(self.polled) >= POLL_EVERY || !self.core.has_ready();
        if self.core.has_event_loop() && due {
            self.polled = now;
            return self.poll(Some(Duration::ZERO));
        }
        Ok(())
    }

    fn time(&self) -> Duration {
        lock(&self.clock).now()
    }

    fn heed_remotes(&mut self) {
        let Wanted { stop, stats } = self.control.wanted();
        if stats {
            self.control.answer(self.core.stats());
        }
        if stop {
            self.core.fail(Failure::Shutdown);
        }
    }

    fn poll(&mut self, timeout: Option<Duration>) -> Result<(), RunError> {
        let mut result = Ok(());
        self.guarded(false, |driver| result = driver.core.poll(timeout));
        result.map_err(RunError::Io)
    }

    /// Nothing is runnable: waits for what can come. False if nothing can.
    fn wait(&mut self) -> Result<bool, RunError> {
        if self.core.is_quiescent() {
            return Ok(false);
        }
        // Asked first: who still runs may set a timer that is due before those there are.
        let idle = self.core.is_idle();
        let next = self.core.next_timer().into_iter().chain(self.core.next_event()).min();
        if idle && next.is_some_and(|due| lock(&self.clock).skip_to(due)) {
            return Ok(true);
        }
        let timeout = next.map(|due| due.saturating_sub(self.time()));
        self.poll(timeout)?;
        // What came is handled next, and after its wait.
        let now = self.time();
        self.core.set_now(now);
        Ok(true)
    }

    fn watch_for_stall(&mut self) -> Result<(), RunError> {
        if matches!(self.stall_watch, StallWatch::Off) {
            return Ok(());
        }
        let stall = self.core.stall();
        let roots =
            |stall: &Option<Stall>| stall.iter().flat_map(|s| &s.roots).map(|(root, _)| root.id).collect::<Vec<_>>();
        let news = roots(&stall) != roots(&self.last_stall);
        self.last_stall.clone_from(&stall);
        match (&mut self.stall_watch, stall.filter(|_| news)) {
            (StallWatch::EndRun, Some(stall)) if !self.core.is_quiescent() => Err(RunError::Stalled(Box::new(stall))),
            (StallWatch::Report(report), Some(stall)) => {
                report(&stall);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// R9: nothing can happen any more.
    fn quiescent(&mut self) -> Result<(), RunError> {
        if self.check {
            self.core.check(true).map_err(RunError::Broken)?;
        }
        match self.core.has_muted() {
            true => Err(RunError::Deadlock(Box::new(self.core.deadlock(self.replay.clone())))),
            false => Ok(()),
        }
    }

    fn failed(&mut self) -> Result<(), RunError> {
        let replay = self.replay.clone();
        match self.core.take_failure() {
            None | Some(Failure::Shutdown) => Ok(()),
            Some(Failure::Replay(why)) => Err(RunError::Recording(why)),
            Some(Failure::Recording(why)) => Err(RunError::Record(why)),
            Some(Failure::Panicked { actor, name, message, place, payload }) => {
                Err(RunError::Panicked { actor, name, message, place, payload, replay })
            }
            Some(Failure::TooManyActors { limit, name, place, .. }) => {
                let limit = limit - Streams::ACTORS;
                Err(RunError::TooManyActors { limit, name, place, replay })
            }
        }
    }

    /// Ends every actor and drops what is left, mailboxes included (R8). A panic on the way is an error like any other.
    fn dismantle(&mut self) -> Result<(), RunError> {
        let mut left = true;
        while left {
            self.guarded(true, |driver| {
                while driver.core.dismantle() {}
                left = false;
            });
        }
        self.failed()
    }
}
