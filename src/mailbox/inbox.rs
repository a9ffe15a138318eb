//! The mailbox of an actor that anybody on any thread sends to: a stack of nodes that its owner takes whole.
//!
//! The owner is whoever runs the actor. It swaps the stack for an empty one, turns it around, and has the messages that
//! were there, in the order in which they were pushed. Nobody pops a single node, so there is no node that comes back in
//! between (ABA); a push is one compare-and-swap, so there is none that is half done.
//!
//! An inbox is *idle* when nobody has to run its actor, and *awake* otherwise: queued, running, or muted. A push that
//! finds it idle puts nothing in: it makes it awake, and so its caller is the owner, exactly one (T6), who has the message
//! still, lays it by the actor himself, and schedules it. The owner makes it idle again by [`Inbox::rest`], which fails if
//! something came meanwhile: so nothing is left lying there (T5).
//!
//! **How the owner's own data travels.** Whatever the owner wrote before `rest` happened before what the next owner does:
//! `rest` releases, and the exchange that finds the inbox idle acquires. From whoever woke the actor to whoever runs it, and
//! whenever it changes workers without having been idle, it goes through a run queue, which does the same.

use super::node::{Head, Link, next, set_next};
use crate::faults::{Fault, order, planted};
use crate::sync::{AtomicPtr, Ordering};
use std::ptr::{self, NonNull};

/// One actor's mailbox.
#[derive(Debug)]
pub struct Inbox {
    /// The node pushed last; null: awake and empty; `IDLE`.
    top: AtomicPtr<Head>,
}

/// No address of a node: those are aligned.
const IDLE: *mut Head = ptr::without_provenance_mut(1);

/// The messages that an owner took: a chain of nodes, the oldest first.
#[derive(Debug)]
pub struct Chain {
    /// The oldest.
    pub first: Link,
    /// The youngest; it has no next.
    pub last: Link,
    /// How many, at least one.
    pub len: u32,
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Inbox {
    /// Idle.
    pub fn new() -> Self {
        Inbox { top: AtomicPtr::new(IDLE) }
    }

    /// Anybody: puts a message in. True if it was idle: then it is awake now and the caller's, who also has the message
    /// still, as the actor's first, and schedules the actor.
    ///
    /// # Safety
    /// The node is live and the caller's, who gives it away here unless the answer is true.
    #[inline]
    pub unsafe fn push(&self, link: Link) -> bool {
        // Relaxed: what is read is compared, stored and told from others, and never followed.
        let mut top = self.top.load(Ordering::Relaxed);
        if planted(Fault::PushInTwoSteps) {
            // SAFETY: none: this is the fault.
            return unsafe { self.push_in_two_steps(link) };
        }
        let release = order(Fault::PushIsRelaxed, Ordering::Release);
        loop {
            if top == IDLE {
                if let Err(now) = self.wake_from(top) {
                    top = now;
                    continue;
                }
                if !planted(Fault::BackWithATail) {
                    // Before, it may have been about to go on top of others.
                    // SAFETY: by contract live and the caller's.
                    unsafe { set_next(link, None) };
                }
                return true;
            }
            // SAFETY: by contract live and the caller's.
            unsafe { set_next(link, NonNull::new(top)) };
            // Release: the node's link and message, for the acquire in `take_all`.
            match self.top.compare_exchange_weak(top, link.as_ptr(), release, Ordering::Relaxed) {
                Ok(_) => return false,
                Err(now) => top = now,
            }
        }
    }

    /// # Safety
    /// None: this is the fault.
    #[cold]
    unsafe fn push_in_two_steps(&self, link: Link) -> bool {
        if self.wake() {
            return true;
        }
        let top = self.top.swap(link.as_ptr(), Ordering::AcqRel);
        crate::sync::thread::yield_now();
        let below = if top == IDLE { None } else { NonNull::new(top) };
        // SAFETY: the owner may have taken it by now.
        unsafe { set_next(link, below) };
        false
    }

    #[inline(always)]
    fn wake_from(&self, idle: *mut Head) -> Result<(), *mut Head> {
        // Acquire: pairs with the release of the `rest` before.
        let acquire = order(Fault::WakeIsRelaxed, Ordering::Acquire);
        self.top.compare_exchange(idle, ptr::null_mut(), acquire, Ordering::Relaxed).map(drop)
    }

    /// Owner: takes all messages there are. It stays awake.
    ///
    /// # Safety
    /// The caller owns the actor: it was scheduled, and has not rested since.
    pub unsafe fn take_all(&self) -> Option<Chain> {
        // Acquire: pairs with the release of each push.
        let top = NonNull::new(self.top.swap(ptr::null_mut(), order(Fault::TakeIsRelaxed, Ordering::Acquire)))?;
        debug_assert!(top.as_ptr() != IDLE, "T6: an actor that is idle is not run");
        let (mut first, mut len) = (top, 1);
        // SAFETY: taken, so nobody else holds it.
        let mut below = unsafe { next(top) };
        // SAFETY: as above.
        unsafe { set_next(top, None) };
        while let Some(link) = below {
            // SAFETY: taken with the one above it.
            below = unsafe { next(link) };
            // SAFETY: as above.
            unsafe { set_next(link, Some(first)) };
            first = link;
            len += 1;
        }
        Some(Chain { first, last: top, len })
    }

    /// Owner, with nothing left to do for the actor: makes it idle, and it is the caller's no longer. False if something
    /// came: it stays awake, and the caller's.
    #[inline]
    pub fn rest(&self) -> bool {
        // Release: what the owner did to the actor, for the acquire in `wake_from` of the next owner.
        let release = order(Fault::RestIsRelaxed, Ordering::Release);
        if planted(Fault::RestWithoutLooking) {
            self.top.store(IDLE, release);
            return true;
        }
        self.top.compare_exchange(ptr::null_mut(), IDLE, release, Ordering::Relaxed).is_ok()
    }

    /// Makes it awake without a message: whoever calls this has the actor in hand from here on. False if it was awake.
    pub fn wake(&self) -> bool {
        self.wake_from(IDLE).is_ok()
    }

    /// Has nobody to run its actor?
    pub fn is_idle(&self) -> bool {
        self.top.load(Ordering::Acquire) == IDLE
    }

    /// How many messages there are.
    ///
    /// # Safety
    /// Nobody takes any out meanwhile.
    pub unsafe fn count(&self) -> u32 {
        // Acquire: pairs with the release of each push.
        let top = self.top.load(Ordering::Acquire);
        let mut at = if top == IDLE { None } else { NonNull::new(top) };
        let mut count = 0;
        while let Some(link) = at {
            // SAFETY: in the inbox, and by contract it stays.
            at = unsafe { next(link) };
            count += 1;
        }
        count
    }

    /// Did something come since the owner took all? A hint to anybody but the owner.
    #[inline]
    pub fn has_some(&self) -> bool {
        // Relaxed: whoever needs what came calls `take_all`.
        let top = self.top.load(Ordering::Relaxed);
        !top.is_null() && top != IDLE
    }
}
