//! The engine of a replay: the single scheduler without its clock, its world and its own mind about who is next.

use super::{BadRecording, Recording};
use crate::event::Place;
use crate::rules::Broken;
use crate::scheduler::core::Core;
use crate::scheduler::engine::{Alone, Engine};
use crate::scheduler::single::{Config, Failure, Single};
use crate::scheduler::{Bell, Deadlock, Stall, Stats};
use crate::sync::Arc;
use std::io;
use std::time::Duration;

/// The single scheduler under a recording.
pub(crate) struct Again(Alone);

impl Again {
    /// # Errors
    /// If the recording is of a runtime that was built otherwise.
    pub(crate) fn new(mut core: Single, recording: Recording) -> Result<Self, BadRecording> {
        recording.suits(&core.config)?;
        core.set_replay(recording);
        Ok(Again(Alone::new(core)))
    }
}

impl Engine for Again {
    fn bell(&self) -> &Arc<Bell> {
        self.0.bell()
    }

    fn config(&self) -> &Config {
        self.0.config()
    }

    fn policy_name(&self) -> Option<&str> {
        None
    }

    fn main_began(&mut self, place: Place) -> Core<'_> {
        let _ = self.0.main_began(place);
        self.0.core.main_began_again();
        self.0.core.core()
    }

    fn main_ended(&mut self) {
        self.0.main_ended();
    }

    fn slice(&mut self, runs: u32) {
        let Alone { core, bodies } = &mut self.0;
        let _ = (0..runs).all(|_| !core.is_over_again() && core.step_again(bodies));
    }

    fn has_ready(&self) -> bool {
        !self.0.core.is_over_again()
    }

    fn is_idle(&self) -> bool {
        false
    }

    fn is_quiescent(&self) -> bool {
        self.0.core.is_over_again()
    }

    fn now(&self) -> Duration {
        self.0.now()
    }

    /// What time it was is in the recording.
    fn set_now(&mut self, _now: Duration) {}

    /// They fire as they did, for the runs that handle their ticks.
    fn fire_timers(&mut self) {
        if !self.0.core.is_over_again() && self.0.core.is_done_again() {
            self.0.core.end_again();
        }
    }

    fn next_timer(&self) -> Option<Duration> {
        None
    }

    fn collect_dropped_guards(&mut self) {
        self.0.collect_dropped_guards();
    }

    /// Nothing from outside is in a recording.
    fn take_over(&mut self) {}

    fn has_event_loop(&self) -> bool {
        false
    }

    fn next_event(&self) -> Option<Duration> {
        None
    }

    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.poll(timeout)
    }

    /// Asked from outside, now.
    fn fail(&mut self, failure: Failure) {
        self.0.core.failure.get_or_insert(failure);
    }

    fn has_failed(&self) -> bool {
        self.0.has_failed()
    }

    fn take_failure(&mut self) -> Option<Failure> {
        self.0.take_failure()
    }

    fn panicked(&mut self, payload: String, in_behaviour: bool) {
        self.0.panicked(payload, in_behaviour);
    }

    fn stats(&self) -> Stats {
        self.0.stats()
    }

    fn totals(&self) -> Stats {
        self.0.totals()
    }

    /// The rules' invariants are those of a run that goes its own way.
    fn check(&self, _quiescent: bool) -> Result<(), Broken> {
        Ok(())
    }

    fn has_muted(&self) -> bool {
        self.0.has_muted()
    }

    fn deadlock(&self, replay: String) -> Deadlock {
        self.0.deadlock(replay)
    }

    fn stall(&self) -> Option<Stall> {
        self.0.stall()
    }

    fn halt(&mut self) {
        self.0.halt();
    }

    fn dismantle(&mut self) -> bool {
        self.0.dismantle()
    }
}
