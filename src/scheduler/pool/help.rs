//! Workers that help each other: what one with nothing to run does, and when somebody who sleeps is woken.
//!
//! To run an actor of another worker costs: its cache lines, its messages' and their nodes' have to come over, each a few
//! hundred nanoseconds, and go back when the next message comes from there. A short queue of short runs is done sooner
//! by the worker that has it. So nobody is helped before somebody has stood in his run queue for [`HELP_AFTER`], or before
//! he has been in one run for [`LONG`]: then what he would do after it is better not left to him. A [`Glance`] at a worker
//! says how far its queue reached and when, and whether all that stood there then is through; and which run it was in.
//!
//! Not here: the run queue ([`deque`](super::deque)), and where workers sleep ([`hall`](super::hall)).

use super::deque::Deque;
use super::shared::Berth;
use super::worker::Worker;
use crate::sync::{Ordering, SHIPS, hint};
use std::time::Duration;

/// An actor that has stood in a run queue for so long may be run by somebody else. A wake-up through a sleeping processor
/// costs a quarter of it.
const HELP_AFTER: Duration = Duration::from_micros(if SHIPS { 100 } else { 0 });
/// A run that takes so long costs more than to come over.
const LONG: Duration = Duration::from_micros(if SHIPS { 10 } else { 0 });
/// Rounds of looking for something to do before a worker sleeps; about a microsecond each.
const ROUNDS: u32 = if SHIPS { 200 } else { 1 };
/// So many times more while it holds muted actors: a fall is to be expected.
const PATIENCE: u32 = if SHIPS { 8 } else { 1 };
/// Pauses in a round.
const PAUSES: u32 = if SHIPS { 20 } else { 1 };
/// Rounds between two looks at the others' queues: each look takes a cache line away from a worker that works.
const LOOK_EVERY: u32 = if SHIPS { 8 } else { 1 };
/// The most runs between two looks at one's own.
const SHARE_EVERY: u32 = 64;

/// What a worker has seen of run queues.
#[derive(Debug)]
pub(super) struct Help {
    own: Glance,
    /// By worker.
    others: Vec<Glance>,
    /// When it last looked at its own, and after how many runs it does so again.
    looked: Duration,
    every: u32,
}

impl Help {
    pub(super) fn new(workers: usize) -> Self {
        let others = (0..workers).map(|_| Glance::default()).collect();
        Help { own: Glance::default(), others, looked: Duration::ZERO, every: 1 }
    }
}

/// How far a run queue reached at a look, and when that was; and the run that its worker was in, and since when it is known.
#[derive(Debug, Default)]
struct Glance {
    reached: u64,
    at: Duration,
    run: u32,
    since: Duration,
}

impl Glance {
    /// Has anybody been standing in this queue for `long`?
    fn waits(&mut self, queue: &Deque, long: Duration, now: Duration) -> bool {
        let (put_in, taken_out) = queue.ends();
        if taken_out >= self.reached {
            (self.reached, self.at) = (put_in, now);
        }
        taken_out < put_in && now.saturating_sub(self.at) >= long
    }

    /// Has its worker been in this run for `long`?
    fn lasts(&mut self, run: u32, long: Duration, now: Duration) -> bool {
        if run != self.run {
            (self.run, self.since) = (run, now);
            return false;
        }
        now.saturating_sub(self.since) >= long
    }
}

impl Worker {
    /// There is more here than this worker runs next: somebody who sleeps may have it.
    #[inline(always)]
    pub(super) fn share(&mut self) {
        if self.shared.hall.has_sleepers() && !self.shared.berths[self.index].deque.is_empty() {
            self.share_if_long();
        }
    }

    /// Looks at the time more seldom where runs are short. Where a run is long there is no look before it is over: that is
    /// what the lookout is for.
    #[inline(never)]
    fn share_if_long(&mut self) {
        if !self.shared.hall.has_lookout() {
            self.shared.hall.appoint();
        }
        if !self.runs.is_multiple_of(self.help.every) {
            return;
        }
        let now = (self.shared.stopwatch)();
        let help = &mut self.help;
        let soon = now.saturating_sub(help.looked) < HELP_AFTER / 8;
        help.every = if soon { (2 * help.every).min(SHARE_EVERY) } else { 1 };
        help.looked = now;
        if help.own.waits(&self.shared.berths[self.index].deque, HELP_AFTER, now) {
            self.shared.hall.rouse();
        }
    }

    /// Nothing at hand: an actor to run, or none if there is to be another look at everything. Who has something to run is no
    /// lookout any more.
    #[cold]
    pub(super) fn search(&mut self) -> Option<u32> {
        let seat = self.look_around();
        if (seat.is_some() || self.next.is_some()) && self.shared.hall.is_lookout(self.index) {
            self.shared.hall.resign();
        }
        seat
    }

    /// Looks with the others and in the hall, a while, and then sleeps.
    fn look_around(&mut self) -> Option<u32> {
        self.flush();
        let rounds = match () {
            () if self.shared.hall.is_lookout(self.index) => 1,
            () if self.holds_muted() => ROUNDS * PATIENCE,
            () => ROUNDS,
        };
        for round in 0..rounds {
            if round.is_multiple_of(LOOK_EVERY)
                && let Some(seat) = self.steal()
            {
                return Some(seat);
            }
            if self.shared.hall.has_injected() || self.shared.hall.has_mail(self.index) {
                let found = self.shared.hall.attend(self.index, true);
                let seat = self.heed(found);
                if seat.is_some() || self.next.is_some() || self.closed {
                    return seat;
                }
            }
            (0..PAUSES).for_each(|_| hint::spin_loop());
        }
        self.tally().naps.add(1);
        let found = self.shared.hall.park(self.index);
        self.heed(found)
    }

    /// Has this worker actors that wait for a fall?
    fn holds_muted(&self) -> bool {
        self.tally().mutes.get() > self.tally().freed.get()
    }

    /// Takes half of what stands in another worker's queue, if it has stood there for long or would.
    fn steal(&mut self) -> Option<u32> {
        let now = (self.shared.stopwatch)();
        let berths = &self.shared.berths[..self.shared.hall.driver()];
        let mine = &berths[self.index].deque;
        let mut others = (1..berths.len()).map(|n| (self.index + n) % berths.len());
        others.find_map(|other| {
            let (Berth { deque: theirs, run, .. }, glance) = (&berths[other], &mut self.help.others[other]);
            let lasts = glance.lasts(run.load(Ordering::Relaxed), LONG, now);
            if lasts {
                self.shared.hall.note_long_run(other);
            }
            if glance.waits(theirs, HELP_AFTER, now) || lasts { theirs.steal_half_into(mine) } else { None }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn who_has_stood_in_a_queue_for_long_is_seen_and_who_came_since_is_not() {
        let (queue, mut glance) = (Deque::default(), Glance::default());
        assert!(!glance.waits(&queue, MS(2), MS(0)), "nobody is there");
        (0..3).for_each(|seat| queue.push(seat).expect("there is room"));
        assert!(!glance.waits(&queue, MS(2), MS(1)) && !glance.waits(&queue, MS(2), MS(2)));
        assert!(glance.waits(&queue, MS(2), MS(3)), "all three");
        (0..2).for_each(|_| assert!(queue.pop().is_some()));
        assert!(glance.waits(&queue, MS(2), MS(3)), "the third is there still");
        queue.push(3).expect("there is room");
        assert_eq!(queue.pop(), Some(2));
        assert!(!glance.waits(&queue, MS(2), MS(4)), "the fourth came after the look");
        assert!(glance.waits(&queue, MS(2), MS(6)));
    }

    #[test]
    fn a_run_that_lasts_is_seen_and_many_short_ones_are_not() {
        let mut glance = Glance::default();
        assert!(!glance.lasts(7, MS(2), MS(1)) && !glance.lasts(7, MS(2), MS(2)));
        assert!(glance.lasts(7, MS(2), MS(3)), "since the first look");
        assert!(!glance.lasts(9, MS(2), MS(6)), "two runs later");
    }

    #[test]
    fn without_patience_whoever_stands_there_is_seen_at_once() {
        let (queue, mut glance) = (Deque::default(), Glance::default());
        queue.push(0).expect("there is room");
        assert!(glance.waits(&queue, Duration::ZERO, MS(1)));
        assert_eq!(queue.pop(), Some(0));
        assert!(!glance.waits(&queue, Duration::ZERO, MS(1)), "nobody is there");
    }
}
