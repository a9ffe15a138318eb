//! What the driver asks of a scheduler, whichever it is: the single one or a pool.

use super::core::Core;
use super::single::{Bodies, Config, Failure, Single};
use super::{Bell, Deadlock, Stall, Stats};
use crate::event::Place;
use crate::rules::Broken;
use crate::sync::{Arc, thread};
use std::io;
use std::time::Duration;

/// A scheduler as its driver sees it. All calls come from the driver's thread.
pub(crate) trait Engine {
    fn bell(&self) -> &Arc<Bell>;
    fn config(&self) -> &Config;
    /// The threads that run actors beside the driver's.
    fn threads(&self) -> Vec<thread::Id> {
        Vec::new()
    }
    /// The name of the policy that says who runs next; none where that is up to threads, or a recording.
    fn policy_name(&self) -> Option<&str>;

    /// `main` begins; it runs with this context.
    fn main_began(&mut self, place: Place) -> Core<'_>;
    fn main_ended(&mut self);

    /// Runs up to so many of the actors that are the driver's to run.
    fn slice(&mut self, runs: u32);
    /// Is any of those runnable?
    fn has_ready(&self) -> bool;
    /// Is nothing runnable anywhere, so that time may jump? Asked when nothing is ready here.
    fn is_idle(&self) -> bool;
    /// Can nothing happen any more (R9)?
    fn is_quiescent(&self) -> bool;

    fn now(&self) -> Duration;
    /// The driver's clock says this.
    fn set_now(&mut self, now: Duration);
    fn fire_timers(&mut self);
    /// When the next timer is due that can make its actor run.
    fn next_timer(&self) -> Option<Duration>;

    fn collect_dropped_guards(&mut self);
    /// Takes over what came in from outside.
    fn take_over(&mut self);
    fn has_event_loop(&self) -> bool;
    /// When the world will move by itself, if it knows.
    fn next_event(&self) -> Option<Duration>;
    /// Listens to the world, or sleeps until the bell rings.
    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    fn fail(&mut self, failure: Failure);
    fn has_failed(&self) -> bool;
    fn take_failure(&mut self) -> Option<Failure>;
    /// User code panicked in the driver's thread. May panic in its turn, and is then called again with that.
    fn panicked(&mut self, payload: String, in_behaviour: bool);

    fn stats(&self) -> Stats;
    fn totals(&self) -> Stats;
    /// Do the rules hold?
    fn check(&self, quiescent: bool) -> Result<(), Broken>;
    fn has_muted(&self) -> bool;
    fn deadlock(&self, replay: String) -> Deadlock;
    fn stall(&self) -> Option<Stall>;

    /// Nothing runs any more: threads that the scheduler has are gone when this returns.
    fn halt(&mut self);
    /// Everything that came to actors after they had ended becomes a dead letter. A message may panic as it is dropped:
    /// then the call is made again.
    fn bury(&mut self) {}
    /// Ends the next living actor and drops it. False if there was none.
    fn dismantle(&mut self) -> bool;
}

/// The single scheduler and the bodies of its actors.
pub(crate) struct Alone {
    pub(super) core: Single,
    pub(super) bodies: Bodies,
}

impl Alone {
    pub(crate) fn new(core: Single) -> Self {
        Alone { core, bodies: Bodies::new() }
    }

    fn drop_body(&mut self, seat: u32) {
        if let Some(body) = self.bodies.get_mut(seat as usize) {
            *body = None;
        }
    }
}

impl Engine for Alone {
    fn bell(&self) -> &Arc<Bell> {
        &self.core.bell
    }

    fn config(&self) -> &Config {
        &self.core.config
    }

    fn policy_name(&self) -> Option<&str> {
        Some(self.core.policy_name())
    }

    fn main_began(&mut self, place: Place) -> Core<'_> {
        self.core.main_began(place);
        self.core.core()
    }

    fn main_ended(&mut self) {
        self.core.main_ended(&mut self.bodies);
    }

    fn slice(&mut self, runs: u32) {
        self.core.slice(runs, &mut self.bodies);
    }

    fn has_ready(&self) -> bool {
        self.core.has_ready()
    }

    fn is_idle(&self) -> bool {
        true
    }

    fn is_quiescent(&self) -> bool {
        self.core.is_quiescent()
    }

    fn now(&self) -> Duration {
        self.core.now()
    }

    fn set_now(&mut self, now: Duration) {
        self.core.set_now(now);
    }

    fn fire_timers(&mut self) {
        self.core.fire_timers();
    }

    fn next_timer(&self) -> Option<Duration> {
        self.core.next_timer()
    }

    fn collect_dropped_guards(&mut self) {
        self.core.collect_dropped_guards();
    }

    fn take_over(&mut self) {
        self.core.take_over();
    }

    fn has_event_loop(&self) -> bool {
        self.core.has_event_loop()
    }

    fn next_event(&self) -> Option<Duration> {
        self.core.next_event()
    }

    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.core.poll(timeout)
    }

    fn fail(&mut self, failure: Failure) {
        self.core.fail(failure);
    }

    fn has_failed(&self) -> bool {
        self.core.failure.is_some()
    }

    fn take_failure(&mut self) -> Option<Failure> {
        self.core.failure.take()
    }

    fn panicked(&mut self, payload: String, in_behaviour: bool) {
        let ended = self.core.panicked(payload, in_behaviour);
        self.core.house_newborn(&mut self.bodies);
        ended.into_iter().for_each(|seat| self.drop_body(seat));
    }

    fn stats(&self) -> Stats {
        self.core.stats()
    }

    fn totals(&self) -> Stats {
        self.core.totals()
    }

    fn check(&self, quiescent: bool) -> Result<(), Broken> {
        self.core.check(quiescent)
    }

    fn has_muted(&self) -> bool {
        self.core.has_muted()
    }

    fn deadlock(&self, replay: String) -> Deadlock {
        self.core.deadlock(replay)
    }

    fn stall(&self) -> Option<Stall> {
        self.core.stall()
    }

    fn halt(&mut self) {}

    fn dismantle(&mut self) -> bool {
        let Some(seat) = self.core.dismantle() else { return false };
        self.drop_body(seat);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_too_many_breaks_a_rule_and_is_found() {
        let mut alone = Alone::new(Single::plain());
        alone.main_ended();
        assert!(alone.check(false).is_ok() && alone.check(true).is_ok());
        alone.core.totals.dead += 1;
        assert!(alone.check(false).is_err_and(|broken| broken.rule == "R1"));
    }
}
