//! Timers: what is due when, for whom (R7). Pure data: it reads no clock, the scheduler's time is set from above.
//!
//! Ordered by due time, then by age, so that equal times fire in the order they were set (R12). A repeating timer
//! keeps to its grid: the next due time is a whole number of periods after the first, however late a tick comes.

use super::core::Core;
use super::fingerprint::{Fingerprint, and};
use super::single::Single;
use super::touch::{Access, Object, TimerChange};
use crate::event::{ActorId, Event};
use crate::faults::{Fault, planted};
use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;
use std::time::Duration;

/// Names a timer, to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimerId(pub(super) u64);

/// Puts the tick into the mailbox; it is told how many periods this tick stands for.
pub(crate) type Tick = Box<dyn FnMut(&mut Core<'_>, ActorId, u64) + Send>;

pub(super) struct Timer {
    pub(super) owner: ActorId,
    pub(super) due: Duration,
    /// Absent: it fires once.
    pub(super) period: Option<Duration>,
    pub(super) tick: Tick,
    pub(super) late: Late,
    /// How many timers its owner had set before.
    pub(super) nth: u32,
    /// For the checker: what its next tick is made of.
    pub(super) print: u128,
    /// For the checker: its ticks may differ.
    pub(super) changes: bool,
}

impl Timer {
    /// All of it that decides what it will do.
    pub(super) fn print(&self, now: Duration, all: &mut Fingerprint) {
        (self.owner, self.due.saturating_sub(now), self.period, self.late).hash(all);
        all.bits_of(self.print);
    }
}

/// What a repeating timer does that is due while its owner is muted.
#[derive(Clone, Copy, PartialEq, Hash)]
pub(super) enum Late {
    No,
    /// It waits: the periods are counted when the owner is freed.
    Waits,
    /// The owner was freed: the tick comes at the next look at the clock, even if the owner is muted again by then.
    Owed,
}

#[derive(Default)]
pub(super) struct Timers {
    by_id: BTreeMap<u64, Timer>,
    due: BTreeMap<(Duration, u64), ActorId>,
    next: u64,
}

impl fmt::Debug for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.due).finish()
    }
}

impl Timers {
    pub(super) fn add(&mut self, timer: Timer) -> u64 {
        let id = self.next;
        self.next = id.wrapping_add(1);
        self.due.insert((timer.due, id), timer.owner);
        self.by_id.insert(id, timer);
        id
    }

    /// The number of the next one.
    pub(super) fn next_is(&mut self, id: u64) {
        self.next = id;
    }

    /// One that was removed is set again, for its due time.
    pub(super) fn put_back(&mut self, id: u64, timer: Timer) {
        self.due.insert((timer.due, id), timer.owner);
        self.by_id.insert(id, timer);
    }

    /// None is set, and none ever was.
    pub(super) fn clear(&mut self) {
        if self.is_new() {
            return;
        }
        self.by_id.clear();
        self.due.clear();
        self.next = 0;
    }

    /// None was ever set.
    pub(super) fn is_new(&self) -> bool {
        self.next == 0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// What it was comes back: its closure is the user's, and may do as it likes as it is dropped.
    pub(super) fn remove(&mut self, id: u64) -> Option<Timer> {
        let timer = self.by_id.remove(&id)?;
        self.due.remove(&(timer.due, id));
        Some(timer)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Timer> {
        self.by_id.get_mut(&id)
    }

    pub(super) fn is_set(&self, id: u64) -> bool {
        self.by_id.contains_key(&id)
    }

    pub(super) fn owner(&self, id: u64) -> Option<ActorId> {
        self.by_id.get(&id).map(|timer| timer.owner)
    }

    /// It is in hand, and due again then.
    pub(super) fn set_due(&mut self, id: u64, due: Duration, owner: ActorId) {
        self.due.insert((due, id), owner);
    }

    /// When the first timer is due, whoever's it is.
    pub(super) fn soonest(&self) -> Option<Duration> {
        self.due.first_key_value().map(|((due, _), _)| *due)
    }

    /// The first due timer at or before `now`.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<u64> {
        let (&(due, id), _) = self.due.first_key_value()?;
        (due <= now).then(|| {
            self.due.pop_first();
            id
        })
    }

    /// Every timer, those first that are due first; then those that wait for their owner to be freed.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Timer> + '_ {
        let due = self.due.keys().filter_map(|(_, id)| self.by_id.get(id));
        due.chain(self.by_id.values().filter(|timer| timer.late == Late::Waits))
    }

    /// Every timer that is set, with its owner and due time, soonest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ActorId, Duration)> + '_ {
        self.due.iter().map(|((due, _), owner)| (*owner, *due))
    }
}

impl Single {
    /// Sets a timer of the running actor: `tick` runs at `now + delay`, then every `period`.
    pub(crate) fn set_timer(&mut self, delay: Duration, period: Option<Duration>, tick: Tick) -> TimerId {
        let owner = self.running;
        let due = self.watch.now.saturating_add(delay);
        let more = self.post.data_mut(owner.seat).more();
        let nth = more.timers_set;
        more.timers_set += 1;
        let print = self.print_timer(nth);
        let changes = size_of_val(&*tick) > 0;
        let id = self.timers.add(Timer { owner, due, period, tick, late: Late::No, nth, print, changes });
        self.note_timer(owner.seat, nth, TimerChange::Set);
        self.forget_old_timers(owner);
        self.post.data_mut(owner.seat).more().timers.push(id);
        TimerId(id)
    }

    /// An actor that sets timer after timer keeps a list no longer than twice those that are set.
    fn forget_old_timers(&mut self, owner: ActorId) {
        let known = &self.timers.by_id;
        let timers = &mut self.post.data_mut(owner.seat).more().timers;
        if timers.len() == timers.capacity() {
            timers.retain(|id| known.contains_key(id));
        }
    }

    /// False if it has already fired, was cancelled before, or is another actor's.
    pub(crate) fn cancel_timer(&mut self, id: TimerId) -> bool {
        let mine = self.timers.by_id.get(&id.0).is_some_and(|timer| timer.owner == self.running);
        match mine {
            true => self.remove_timer(id.0),
            false => self.note_late_cancel(id.0),
        }
        mine
    }

    pub(super) fn remove_timer(&mut self, id: u64) {
        if let Some(timer) = self.timers.by_id.get(&id) {
            let (owner, nth, due) = (timer.owner.seat, timer.nth, timer.due);
            let was_due = due <= self.watch.now && self.timers.due.contains_key(&(due, id));
            self.note_timer(owner, nth, if was_due { TimerChange::Gone } else { TimerChange::Cancelled });
        }
        drop(self.timers.remove(id));
    }

    /// The timers that are due now: owner and which of the owner's.
    pub(crate) fn due_timers(&self) -> impl Iterator<Item = (ActorId, u32)> + '_ {
        let now = self.watch.now;
        let due = self.timers.due.iter().take_while(move |((due, _), _)| *due <= now);
        due.filter_map(|((_, id), owner)| Some((*owner, self.timers.by_id.get(id)?.nth)))
    }

    /// The timers that will fire: owner, which of the owner's, and when.
    pub(crate) fn set_timers(&self) -> impl Iterator<Item = (ActorId, u32, Duration)> + '_ {
        let set = self.timers.due.iter();
        set.filter_map(|((due, id), owner)| Some((*owner, self.timers.by_id.get(id)?.nth, *due)))
    }

    /// When the first timer is due, whoever's it is.
    pub(crate) fn first_due(&self) -> Option<Duration> {
        self.timers.soonest()
    }

    /// Fires one of the timers that are due.
    ///
    /// # Panics
    /// If it is not one of them.
    pub(crate) fn fire_one(&mut self, owner: u32, nth: u32) {
        let is_it = |id: &u64| self.timers.by_id.get(id).is_some_and(|t| t.owner.seat == owner && t.nth == nth);
        let found = self.timers.due.keys().copied().find(|(_, id)| is_it(id));
        let (due, id) = found.expect("the checker fires timers that are set");
        self.timers.due.remove(&(due, id));
        self.note_timer(owner, nth, TimerChange::Gone);
        self.touch(Object::Load(owner), Access::Read);
        self.fire(id);
    }

    /// Fires all timers that are due by now.
    pub(crate) fn fire_timers(&mut self) {
        while let Some(id) = self.timers.pop_due(self.watch.now) {
            self.fire(id);
        }
    }

    fn fire(&mut self, id: u64) {
        let Some(mut timer) = self.timers.by_id.remove(&id) else { return };
        let muted = self.seat_of(timer.owner).is_some_and(|seat| seat.load.is_muted());
        match timer.period {
            None => {
                self.note_fired(id, timer.owner.seat, timer.nth);
                self.tick(id, &mut timer, 1);
            }
            Some(_) if muted && timer.late != Late::Owed => {
                timer.late = Late::Waits;
                self.timers.by_id.insert(id, timer);
            }
            Some(period) => {
                let ticks = periods(self.watch.now - timer.due, period) + 1;
                self.tick(id, &mut timer, ticks);
                if timer.changes {
                    timer.print = and(timer.print, ticks);
                }
                timer.late = Late::No;
                // A tick beyond the end of time never comes.
                if let Some(due) = after(timer.due, period, ticks) {
                    timer.due = due;
                    self.note_timer(timer.owner.seat, timer.nth, TimerChange::Set);
                    self.timers.due.insert((due, id), timer.owner);
                    self.timers.by_id.insert(id, timer);
                }
            }
        }
    }

    /// Runs between two runs of actors, in the name of the owner: the closure is its, and may panic.
    pub(super) fn tick(&mut self, id: u64, timer: &mut Timer, ticks: u64) {
        if !planted(Fault::TicksMark) {
            self.running = timer.owner;
        }
        self.show(&Event::TimerFired { actor: timer.owner, timer: id, ticks });
        (timer.tick)(&mut self.core(), timer.owner, ticks);
    }

    /// The actor is muted no longer: the ticks that it missed come as one. Not at once: this is in the middle of a
    /// fall, and a tick calls the user's closure, which may panic.
    pub(super) fn resume_timers(&mut self, seat: u32) {
        let Single { timers: Timers { by_id, due, .. }, post, .. } = self;
        let Some(more) = &post.data(seat).more else { return };
        let mut owed = Vec::new();
        for id in &more.timers {
            if let Some(timer) = by_id.get_mut(id).filter(|timer| timer.late == Late::Waits) {
                timer.late = Late::Owed;
                due.insert((timer.due, *id), timer.owner);
                owed.push(timer.nth);
            }
        }
        owed.into_iter().for_each(|nth| self.note_timer(seat, nth, TimerChange::Set));
    }

    /// When the next timer is due that can make its actor run (R9).
    pub(crate) fn next_timer(&self) -> Option<Duration> {
        let live = |id: ActorId| self.seat_of(id).is_some_and(|seat| !seat.load.is_muted());
        self.timers.iter().find(|(owner, _)| live(*owner)).map(|(_, due)| due)
    }
}

/// In nanoseconds, for counts and for what only compares: 584 years at most.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Whole periods in `time`.
pub(super) fn periods(time: Duration, period: Duration) -> u64 {
    // One less than there could be: whoever asks adds the one that is due.
    (time.as_nanos() / period.as_nanos().max(1)).min(u128::from(u64::MAX - 1)) as u64
}

pub(super) fn after(from: Duration, period: Duration, count: u64) -> Option<Duration> {
    let nanos = period.as_nanos().max(1).checked_mul(u128::from(count))?.checked_add(from.as_nanos())?;
    Some(Duration::new(u64::try_from(nanos / 1_000_000_000).ok()?, (nanos % 1_000_000_000) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// An actor runs, and sets a timer.
    fn set(core: &mut Single) -> u64 {
        core.running = ActorId { seat: 1, tenant: 0 };
        core.set_timer(MS, None, Box::new(|_, _, _| ())).0
    }

    #[test]
    fn a_timer_is_set_until_it_is_removed() {
        let mut core = Single::plain();
        core.another();
        let id = set(&mut core);
        assert!(core.timers.is_set(id) && !core.timers.is_set(id + 1) && !core.timers.is_empty());
        core.remove_timer(id);
        assert!(!core.timers.is_set(id) && core.timers.is_empty());
    }

    #[test]
    fn who_sets_timers_and_cancels_them_keeps_no_long_list() {
        let mut core = Single::plain();
        core.another();
        for _ in 0..1_000 {
            let id = set(&mut core);
            assert!(core.cancel_timer(TimerId(id)));
        }
        assert!(core.post.data_mut(1).more().timers.len() < 10);
    }

    #[test]
    fn the_timer_that_is_named_fires_and_no_other() {
        let mut core = Single::plain();
        core.another();
        let [first, second] = [(); 2].map(|()| set(&mut core));
        core.set_now(MS);
        core.fire_one(1, 1);
        assert!(core.timers.is_set(first) && !core.timers.is_set(second));
    }

    /// Time is held back by what is due, and by nothing that will be, or that waits for its owner to be freed.
    #[test]
    fn only_a_timer_that_is_due_lets_time_go_when_it_is_cancelled() {
        let lets_go = |now: Duration, waits: bool| {
            let mut core = Single::plain();
            core.another();
            core.write_script(false, false);
            let id = set(&mut core);
            core.script().timers_set.clear();
            core.set_now(now);
            if waits {
                core.timers.pop_due(now).expect("it is due");
            }
            core.remove_timer(id);
            core.traces().let_go
        };
        assert_eq!([lets_go(MS / 2, false), lets_go(MS, false), lets_go(MS * 2, false)], [false, true, true]);
        assert!(!lets_go(MS, true));
    }

    #[test]
    fn periods_are_counted_whole_and_leave_room_for_one_more() {
        let [ns, ms] = [Duration::from_nanos(1), Duration::from_millis(1)];
        assert_eq!([periods(ms * 7 - ns, ms), periods(ms * 7, ms), periods(ns, ms)], [6, 7, 0]);
        assert_eq!(periods(Duration::MAX, ns), u64::MAX - 1);
        assert_eq!([after(ms, ms, 3), after(Duration::MAX, ms, 3)], [Some(ms * 4), None]);
    }
}
