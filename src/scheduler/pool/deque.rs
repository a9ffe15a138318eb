//! A worker's run queue: a ring of seats, first in, first out, of which other workers may take half.
//!
//! The owner alone puts in. Whoever takes out, owner or thief, reads what he wants and then moves the head by one
//! exchange; if somebody was faster, what he read is void. The ends count for ever and do not wrap, so a head that has
//! not changed is the same head.
//!
//! Not here: who steals when, and what becomes of what does not fit.

use crate::faults::{Fault, order, planted};
use crate::sync::{AtomicU32, AtomicU64, Ordering, SHIPS};
use std::fmt;

/// Seats that fit. A power of two. Under the tools few, so that a small program comes to a full ring.
pub const SIZE: usize = if SHIPS { 256 } else { 8 };

/// The ring.
pub struct Deque {
    /// Taken out, ever. Owner and thieves.
    head: AtomicU64,
    /// Put in, ever. Written by the owner.
    tail: AtomicU64,
    ring: Box<[AtomicU32]>,
}

impl fmt::Debug for Deque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deque").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Default for Deque {
    fn default() -> Self {
        let ring = (0..SIZE).map(|_| AtomicU32::new(0)).collect();
        Deque { head: AtomicU64::new(0), tail: AtomicU64::new(0), ring }
    }
}

impl Deque {
    /// Nothing in it, as far as can be seen?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many were ever put in, and how many taken out: about.
    pub fn ends(&self) -> (u64, u64) {
        // The head first: a tail that is read later is never before it.
        let head = self.head.load(Ordering::Acquire);
        (self.tail.load(Ordering::Acquire), head)
    }

    fn at(&self, position: u64) -> &AtomicU32 {
        &self.ring[position as usize % SIZE]
    }

    /// About how many are in it.
    pub fn len(&self) -> usize {
        let (put_in, taken_out) = self.ends();
        put_in.saturating_sub(taken_out) as usize
    }

    /// Owner only. Gives the seat back if there is no room.
    pub fn push(&self, seat: u32) -> Result<(), u32> {
        let tail = self.tail.load(Ordering::Relaxed); // only the owner writes it
        // Pairs with the exchange in `advance`: the place is free because whoever had it has read it.
        if tail - self.head.load(Ordering::Acquire) >= SIZE as u64 {
            return Err(seat);
        }
        self.at(tail).store(seat, Ordering::Relaxed); // shown by the store below
        self.tail.store(tail + 1, order(Fault::DequeTailIsRelaxed, Ordering::Release)); // pairs with the load in `steal_half_into`
        Ok(())
    }

    /// Owner only: the oldest.
    pub fn pop(&self) -> Option<u32> {
        let tail = self.tail.load(Ordering::Relaxed); // only the owner writes it
        let mut head = self.head.load(Ordering::Acquire);
        while head < tail {
            let seat = self.at(head).load(Ordering::Relaxed); // written by this thread
            if planted(Fault::PopWithoutExchange) {
                self.head.store(head + 1, Ordering::Release);
                return Some(seat);
            }
            match self.advance(head, head + 1) {
                Ok(()) => return Some(seat),
                Err(now) => head = now,
            }
        }
        None
    }

    /// Takes the older half, at least one: the oldest is given back, the others go into `mine`, whose owner calls this
    /// and which is empty.
    pub fn steal_half_into(&self, mine: &Deque) -> Option<u32> {
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            // Acquire: pairs with the store in `push`.
            let tail = self.tail.load(order(Fault::DequeThiefIsRelaxed, Ordering::Acquire));
            let len = tail.saturating_sub(head);
            if len == 0 {
                return None;
            }
            let half = len.min(SIZE as u64).div_ceil(2);
            // May be overwritten meanwhile; then the head has moved, and the exchange fails.
            let first = self.at(head).load(Ordering::Relaxed);
            let to = mine.tail.load(Ordering::Relaxed);
            for i in 1..half {
                let seat = self.at(head + i).load(Ordering::Relaxed);
                mine.at(to + i - 1).store(seat, Ordering::Relaxed); // shown by the store below
            }
            match self.advance(head, head + half) {
                Ok(()) => {
                    mine.tail.store(to + half - 1, Ordering::Release); // pairs with the load above, in the next thief
                    return Some(first);
                }
                Err(now) => head = now,
            }
        }
    }

    /// Success: release, so that the owner puts nothing where somebody is still reading; acquire for the next reads.
    fn advance(&self, from: u64, to: u64) -> Result<(), u64> {
        self.head.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).map(drop)
    }
}
