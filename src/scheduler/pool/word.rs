//! One actor's load where every worker sees it, in one word with the answer to "who has to hear of its fall?".
//!
//! | bits | what |
//! |---|---|
//! | 0 to 7 | the load: O, P, M, ended |
//! | 8 to 23 | the era: how often it has fallen, modulo 2¹⁶ |
//! | 24 to 63 | the waiters: one bit for each worker that holds a mark on it; more than 40 workers share bits |
//!
//! **Why no mark is missed.** A worker that is about to commit a mark on r sets its bit by [`wait_for`](Word::wait_for),
//! which succeeds only while r presses in the era in which the sender saw it press. The fall is one operation that takes
//! away the last pressing flag, begins the next era and takes the bits: so either the bit was there, and the worker is
//! told, or the worker finds another era, and the mark is gone already, as it should be (R6).
//!
//! Not here: what a load means and what an event does to it ([`rules`](crate::rules)), and who is told.

use crate::faults::{Fault, order, planted};
use crate::rules::{Action, Event, Load, step};
use crate::sync::{AtomicU64, Ordering};
use std::fmt;

const ERA: u32 = 8;
const WAITERS: u32 = 24;
const BITS: u32 = 64 - WAITERS;

/// What a look at a [`Word`] saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen(u64);

impl Seen {
    /// The flags.
    #[inline(always)]
    pub fn load(self) -> Load {
        Load::from_bits(self.0 as u8)
    }

    /// Which time between two falls this is.
    #[inline(always)]
    pub fn era(self) -> u16 {
        (self.0 >> ERA) as u16
    }

    fn waiters(self) -> Waiters {
        Waiters(self.0 >> WAITERS)
    }

    fn with_load(self, load: Load) -> Seen {
        Seen(self.0 & !0xFF | u64::from(load.bits()))
    }

    /// The next era, for which nobody waits yet.
    fn fallen(self) -> Seen {
        Seen(self.0 & 0xFF | u64::from(self.era().wrapping_add(1)) << ERA)
    }

    fn with_waiter(self, worker: usize) -> Seen {
        Seen(self.0 | 1 << (WAITERS + worker as u32 % BITS))
    }
}

/// The workers that have to hear of a fall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiters(u64);

impl Waiters {
    /// Nobody?
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of `workers` workers; with more than 40, some that do not wait may be among them.
    pub fn among(self, workers: usize) -> impl Iterator<Item = usize> {
        (0..workers).filter(move |worker| self.0 >> (*worker as u32 % BITS) & 1 == 1)
    }
}

/// The load of one actor, shared.
pub struct Word(AtomicU64);

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.look().fmt(f)
    }
}

/// Presses nobody, in the first era.
impl Default for Word {
    fn default() -> Self {
        Word(AtomicU64::new(0))
    }
}

impl Word {
    /// What it is now.
    #[inline(always)]
    pub fn look(&self) -> Seen {
        // Pairs with the exchanges below: who sees a load also sees what led to it.
        Seen(self.0.load(Ordering::Acquire))
    }

    /// Puts an event through the rules. Gives back the load before, what is to be done, and at a fall those who have to
    /// hear of it.
    pub fn step(&self, event: Event) -> (Load, Action, Waiters) {
        let mut seen = self.look();
        loop {
            let before = seen.load();
            let (after, action) = step(before, event);
            if after == before {
                return (before, action, Waiters::default());
            }
            let fell = action == Action::Fall;
            if planted(Fault::FallInTwoSteps) && fell {
                let waiters = self.look().waiters();
                self.0.store(seen.fallen().with_load(after).0, Ordering::Release);
                return (before, action, waiters);
            }
            let next = if fell { seen.fallen() } else { seen }.with_load(after);
            match self.exchange(seen, next) {
                Ok(()) => return (before, action, if fell { seen.waiters() } else { Waiters::default() }),
                Err(now) => seen = now,
            }
        }
    }

    /// Has `worker` told of the fall that ends `era`. False if that fall has already been.
    pub fn wait_for(&self, era: u16, worker: usize) -> bool {
        let mut seen = self.look();
        loop {
            if seen.era() != era && !planted(Fault::MarkWithoutEra) || !seen.load().is_pressing() {
                return false;
            }
            let next = seen.with_waiter(worker);
            if next == seen {
                return true;
            }
            match self.exchange(seen, next) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// What it is now, by an exchange: who does this is either before or after whoever changes it.
    pub fn meet(&self) -> Seen {
        Seen(self.0.fetch_add(0, order(Fault::WordIsRelaxed, Ordering::AcqRel))) // pairs with the exchange in `step`
    }

    /// The seat has a new tenant, who presses nobody. The era goes on: a mark on the last tenant does not fit this one.
    pub fn renew(&self) {
        let seen = self.look();
        debug_assert!(seen.load().has(Load::STOPPED), "a seat gets a new tenant when its last one has ended");
        // Alone: nobody changes the load of an actor that has ended. Relaxed: whoever has the new tenant's address was told
        // of it after this, and of those who have the last one's everybody has been between two behaviours since.
        self.0.store(seen.with_load(Load::IDLE).0, Ordering::Relaxed);
    }

    fn exchange(&self, seen: Seen, next: Seen) -> Result<(), Seen> {
        // Both: what led to the last change is seen, and what leads to this one is shown.
        let both = order(Fault::WordIsRelaxed, Ordering::AcqRel);
        self.0.compare_exchange_weak(seen.0, next.0, both, Ordering::Acquire).map(drop).map_err(Seen)
    }
}
