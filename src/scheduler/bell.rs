//! How code outside the scheduler's thread calls its attention: one bell a runtime.
//!
//! **Why no ring is lost.** One word says whether the bell was rung and whether the scheduler sleeps, and every change of
//! it is one operation. Who rings exchanges it for `RUNG`: if the scheduler slept, he finds `PARKED`, and wakes it. The
//! scheduler goes from `QUIET` to `PARKED`: if somebody has rung, that fails, and it does not sleep. The sleeper's own
//! lock (or the event loop's waker, which is sticky) closes the gap between "about to sleep" and "asleep".

use crate::faults::{Fault, order, planted};
use crate::sync::{Arc, AtomicU32, Condvar, Mutex, Ordering, lock};
use std::fmt;
use std::time::Duration;

/// Wakes an event loop that sleeps in the operating system.
pub(crate) type Ringer = Box<dyn Fn() + Send + Sync>;

/// Nobody has rung since the last answer, and the scheduler does not sleep.
const QUIET: u32 = 0;
const PARKED: u32 = 1;
const RUNG: u32 = 2;

#[derive(Default)]
pub(crate) struct Bell {
    state: AtomicU32,
    /// Wakes a scheduler that sleeps in an event loop instead of on `asleep`.
    ringer: Mutex<Option<Ringer>>,
    asleep: Mutex<()>,
    wake: Condvar,
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bell").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Bell {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Bell::default())
    }

    /// From any thread, after the change that the scheduler should look at.
    pub(crate) fn ring(&self) {
        // Release: the ringer's change, for the acquire in `answer`; through later rings too, which are read-modify-writes.
        if self.state.swap(RUNG, order(Fault::RingIsRelaxed, Ordering::Release)) == PARKED {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        if let Some(ring) = &*lock(&self.ringer) {
            ring();
        }
        drop(lock(&self.asleep));
        self.wake.notify_all();
    }

    /// Scheduler only. Has anybody rung since the last call?
    #[inline]
    pub(crate) fn answer(&self) -> bool {
        // A relaxed look first: in the common case nobody has, and a swap would take the cache line.
        // Acquire: pairs with the release in `ring`.
        self.has_rung() && self.state.swap(QUIET, order(Fault::AnswerIsRelaxed, Ordering::Acquire)) == RUNG
    }

    /// Relaxed: says when to answer, and the answer acquires.
    #[inline]
    fn has_rung(&self) -> bool {
        self.state.load(Ordering::Relaxed) == RUNG
    }

    /// Scheduler only. Sleeps until somebody rings, or for `timeout`, by way of `sleep` if the event loop sleeps.
    pub(crate) fn park(&self, timeout: Option<Duration>, sleep: Option<&mut dyn FnMut(Option<Duration>)>) {
        // Relaxed, all three: they say whether to sleep, and carry nothing.
        let parked = if planted(Fault::BellParksBlindly) {
            self.state.store(PARKED, Ordering::Relaxed);
            true
        } else {
            self.state.compare_exchange(QUIET, PARKED, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        match sleep {
            Some(sleep) => sleep(if parked { timeout } else { Some(Duration::ZERO) }),
            None => self.sleep(timeout),
        }
        // If somebody has rung meanwhile, it stays so until the answer.
        let _ = self.state.compare_exchange(PARKED, QUIET, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn sleep(&self, timeout: Option<Duration>) {
        let guard = lock(&self.asleep);
        // Whoever rings now cannot have the lock before the wait begins, and calls after he has had it.
        if self.has_rung() {
            return;
        }
        match timeout {
            Some(timeout) => drop(self.wake.wait_timeout(guard, timeout)),
            None => drop(self.wake.wait(guard)),
        }
    }

    /// Sets what wakes the event loop.
    #[cfg(any(test, feature = "net"))]
    pub(crate) fn set_ringer(&self, ringer: Option<Ringer>) {
        *lock(&self.ringer) = ringer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::thread;
    use std::cell::Cell;

    #[test]
    fn whoever_waits_for_the_bell_sleeps_until_it_is_rung() {
        let bell = Bell::new();
        let ringer = bell.clone();
        let other = thread::spawn("ringer", move || {
            // It is seen asleep again and again before it is rung.
            let mut seen = 0;
            while seen < 1_000 {
                seen += u32::from(ringer.state.load(Ordering::Relaxed) == PARKED);
                thread::yield_now();
            }
            ringer.ring();
        });
        let mut woken = 0;
        while !bell.answer() {
            bell.park(None, None);
            woken += 1;
        }
        other.expect("a thread starts").join().expect("it rings");
        assert!(woken < 100, "it turned {woken} times");
    }

    #[test]
    fn whoever_is_rung_before_does_not_sleep() {
        let bell = Bell::new();
        let slept = Cell::new(None);
        let mut sleep = |timeout| slept.set(Some(timeout));
        bell.ring();
        bell.park(None, None);
        bell.park(None, Some(&mut sleep));
        assert_eq!((slept.take(), bell.answer(), bell.answer()), (Some(Some(Duration::ZERO)), true, false));
        bell.park(None, Some(&mut |timeout| slept.set(Some(timeout))));
        assert_eq!(slept.take(), Some(None));
    }
}
