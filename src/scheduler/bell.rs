//! How code outside the scheduler's thread calls its attention: one bell a runtime.
//!
//! **Why no ring is lost.** A ringer first makes its change, then sets `rung`, then reads `parked`. The scheduler sets
//! `parked`, then reads `rung`, then sleeps. All four are sequentially consistent, so either the ringer sees `parked`
//! and wakes the sleeper, or the scheduler sees `rung` and does not sleep. The sleeper's own lock (or the event
//! loop's waker, which is sticky) closes the gap between "about to sleep" and "asleep".

use crate::sync::{Arc, AtomicBool, Condvar, Mutex, Ordering, lock};
use std::fmt;
use std::time::Duration;

/// Wakes an event loop that sleeps in the operating system.
pub(crate) type Ringer = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
pub(crate) struct Bell {
    rung: AtomicBool,
    parked: AtomicBool,
    /// Wakes a scheduler that sleeps in an event loop instead of on `asleep`.
    ringer: Mutex<Option<Ringer>>,
    asleep: Mutex<()>,
    wake: Condvar,
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bell").field("rung", &self.rung).finish_non_exhaustive()
    }
}

impl Bell {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Bell::default())
    }

    /// From any thread, after the change that the scheduler should look at.
    pub(crate) fn ring(&self) {
        self.rung.store(true, Ordering::SeqCst); // pairs with the load in `park`
        if self.parked.load(Ordering::SeqCst) {
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
        self.rung.load(Ordering::Relaxed) && self.rung.swap(false, Ordering::SeqCst)
    }

    /// Scheduler only. Sleeps until somebody rings, or for `timeout`, by way of `sleep` if the event loop sleeps.
    pub(crate) fn park(&self, timeout: Option<Duration>, sleep: Option<&mut dyn FnMut(Option<Duration>)>) {
        self.parked.store(true, Ordering::SeqCst); // pairs with the load in `ring`
        match sleep {
            Some(sleep) => sleep(if self.rung.load(Ordering::SeqCst) { Some(Duration::ZERO) } else { timeout }),
            None => self.sleep(timeout),
        }
        self.parked.store(false, Ordering::SeqCst);
    }

    fn sleep(&self, timeout: Option<Duration>) {
        let guard = lock(&self.asleep);
        if self.rung.load(Ordering::SeqCst) {
            return;
        }
        match timeout {
            Some(timeout) => drop(self.wake.wait_timeout(guard, timeout)),
            None => drop(self.wake.wait(guard)),
        }
    }

    /// Sets what wakes the event loop.
    #[cfg(any(feature = "net", test))]
    pub(crate) fn set_ringer(&self, ringer: Option<Ringer>) {
        *lock(&self.ringer) = ringer;
    }
}
