//! Timers of a pool (R7): kept under one lock, set and cancelled by workers, fired by the driver.
//!
//! **Why no tick is missed.** A repeating timer that is due while its owner is muted waits until the owner is freed (R7).
//! The driver looks at the owner's word and notes that the timer waits, both under the lock; whoever frees the owner
//! changes the word first and then takes the lock. So either the driver sees an owner that is free, or the one who frees
//! it finds the note.

use super::super::timers::{Late, Tick, Timer, TimerId, after, periods};
use super::worker::Worker;
use crate::event::{ActorId, Event};
use crate::sync::lock;
use std::mem;
use std::time::Duration;

impl Worker {
    /// Sets a timer of the running actor: `tick` runs at `now + delay`, then every `period`.
    pub(crate) fn set_timer(&mut self, delay: Duration, period: Option<Duration>, tick: Tick) -> TimerId {
        let owner = self.running;
        let due = self.now().saturating_add(delay);
        let shared = &self.shared;
        let slot = shared.table.slot(owner.seat);
        let nth = slot.with_rare(|rare| {
            rare.more.timers_set += 1;
            rare.more.timers_set - 1
        });
        let mut timers = lock(&shared.timers);
        let soonest = timers.soonest();
        let id = timers.add(Timer { owner, due, period, tick, late: Late::No, nth, print: 0, changes: false });
        // The list may be looked at by nobody else while its owner runs; those that are over are forgotten now and then.
        slot.with_rare(|rare| {
            let list = &mut rare.more.timers;
            if list.len() == list.capacity() {
                list.retain(|id| timers.is_set(*id));
            }
            list.push(id);
        });
        drop(timers);
        if soonest.is_none_or(|soonest| due < soonest) {
            shared.bell.ring(); // the driver sleeps too long
        }
        TimerId(id)
    }

    /// False if it has already fired, was cancelled before, or is another actor's.
    pub(crate) fn cancel_timer(&mut self, id: TimerId) -> bool {
        let mut timers = lock(&self.shared.timers);
        let mine = timers.owner(id.0) == Some(self.running);
        let gone = if mine { timers.remove(id.0) } else { None };
        drop(timers);
        // The user's closure, which may do as it likes as it is dropped.
        drop(gone);
        mine
    }

    pub(super) fn remove_timer(&mut self, id: u64) {
        let gone = lock(&self.shared.timers).remove(id);
        drop(gone);
    }

    /// Driver only: fires all timers that are due by now.
    pub(crate) fn fire_timers(&mut self) {
        let now = self.now();
        loop {
            let due = lock(&self.shared.timers).pop_due(now);
            let Some(id) = due else { return };
            self.fire(id, now);
        }
    }

    fn fire(&mut self, id: u64, now: Duration) {
        let mut timers = lock(&self.shared.timers);
        let Some(timer) = timers.get_mut(id) else { return };
        let (owner, nth) = (timer.owner, timer.nth);
        let Some(period) = timer.period else {
            let timer = timers.remove(id);
            drop(timers);
            return timer.into_iter().for_each(|mut timer| self.tick(id, (owner, timer.nth), &mut timer.tick, 1));
        };
        let muted = self.shared.living(owner).is_some_and(|slot| slot.word.look().load().is_muted());
        if muted && timer.late != Late::Owed {
            timer.late = Late::Waits;
            return;
        }
        timer.late = Late::No;
        let ticks = periods(now.saturating_sub(timer.due), period) + 1;
        // Away while it ticks: the closure is the user's. The timer may be cancelled meanwhile.
        let mut tick = mem::replace(&mut timer.tick, Box::new(|_, _, _| ()));
        drop(timers);
        self.tick(id, (owner, nth), &mut tick, ticks);
        let mut timers = lock(&self.shared.timers);
        let next = timers.get_mut(id).and_then(|timer| {
            timer.tick = tick;
            // A tick beyond the end of time never comes.
            timer.due = after(timer.due, period, ticks)?;
            Some(timer.due)
        });
        match next {
            Some(due) => timers.set_due(id, due, owner),
            None => drop(timers.remove(id)),
        }
    }

    /// Runs between two runs of actors, in the name of the owner: the closure is its, and may panic.
    fn tick(&mut self, id: u64, (owner, nth): (ActorId, u32), tick: &mut Tick, ticks: u64) {
        self.running = owner;
        self.shared.show(&Event::TimerFired { actor: owner, timer: id, ticks });
        self.record(|tape| tape.comes_from(nth));
        tick(&mut self.core(), owner, ticks);
        self.record(|tape| tape.fired(owner, nth, ticks));
    }

    /// The actor is muted no longer: the ticks that it missed come as one.
    pub(super) fn resume_timers(&mut self, seat: u32) {
        let ids = self.shared.table.slot(seat).with_rare(|rare| rare.more.timers.clone());
        let mut timers = lock(&self.shared.timers);
        let mut owes = false;
        for id in ids {
            if let Some(timer) = timers.get_mut(id).filter(|timer| timer.late == Late::Waits) {
                timer.late = Late::Owed;
                let (due, owner) = (timer.due, timer.owner);
                timers.set_due(id, due, owner);
                owes = true;
            }
        }
        drop(timers);
        if owes {
            self.shared.bell.ring();
        }
    }

    /// When the next timer is due that can make its actor run (R9).
    pub(crate) fn next_timer(&self) -> Option<Duration> {
        let live = |id: ActorId| self.shared.living(id).is_some_and(|slot| !slot.word.look().load().is_muted());
        lock(&self.shared.timers).iter().find(|(owner, _)| live(*owner)).map(|(_, due)| due)
    }
}
