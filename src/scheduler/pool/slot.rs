//! The table of actors that all workers share.
//!
//! A slot is one actor, 128 bytes, and never moves. Who may touch what:
//!
//! | part | who |
//! |---|---|
//! | `word`, `inbox` | anybody: see there |
//! | `tenant` | read by anybody; changed by the actor's owner as the actor ends |
//! | [`Own`] | the actor's owner alone: the worker that runs it, or that holds it because it is muted |
//! | counts | written by the owner, read by anybody who is content with about |
//! | [`Rare`] | anybody, under its lock; made when it is first needed, and there until the seat has a new tenant |
//!
//! An actor changes owners only through its inbox (it was idle) or a run queue, and both hand over what the owner did.
//!
//! A seat has its next tenant only when every worker has been between two behaviours since the last one ended. So who
//! has looked up a slot may use it to the end of its behaviour, whatever happens to the actor meanwhile.
#![expect(unsafe_code, reason = "who runs an actor owns a part of its slot: the hand-over is by queues, not by a lock")]

use super::super::seat::{More, Name};
use super::super::single::Body;
use super::word::Word;
use crate::faults::{Fault, order, planted};
use crate::mailbox::{Inbox, Tray};
use crate::rules::Load;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Mutex, Ordering, SHIPS, UnsafeCell, lock};
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::{self, NonNull};

/// One actor.
#[repr(C, align(64))]
pub(crate) struct Slot {
    pub(super) word: Word,
    pub(super) inbox: Inbox,
    pub(super) tenant: AtomicU32,
    /// `PINNED`, `BY_DEPTH`, `NAMED`. Set with the tenant.
    traits: AtomicU32,
    own: UnsafeCell<Own>,
    // --- the second line
    /// Messages it sent and behaviours it began, up to its last run.
    pub(super) sent: Count,
    pub(super) handled: Count,
    /// Its number in the order of creation: about, because workers take numbers in blocks.
    pub(super) created: AtomicU64,
    /// Where it comes from, as a number: its parent's lineage and which of its parent's children it is.
    pub(super) lineage: AtomicU64,
    rare: AtomicPtr<Shown>,
    name: UnsafeCell<Name>,
    /// The most messages that a run of it found.
    pub(super) peak: AtomicU32,
    pub(super) children: AtomicU32,
}

// SAFETY: `own` and `name` are touched by the actor's owner alone, see above; all else is Sync.
unsafe impl Sync for Slot {}
// SAFETY: a body is Send, and so are messages.
unsafe impl Send for Slot {}

/// Runs on the driver's thread alone.
pub(super) const PINNED: u32 = 1;
/// Its detector is its mailbox's depth.
pub(super) const BY_DEPTH: u32 = 2;
/// Its name was given; otherwise it is its type's.
pub(super) const NAMED: u32 = 4;

/// What its owner alone touches.
pub(super) struct Own {
    /// Messages that it has taken from the inbox; beside them its batch.
    pub(super) tray: Tray<u32>,
    pub(super) body: Option<Box<dyn Body>>,
}

/// What only some actors have.
#[derive(Default)]
pub(super) struct Rare {
    /// It has ended: nothing more is put here.
    pub(super) ended: bool,
    pub(super) more: More,
    /// Messages waiting, where its detector is its mailbox's depth.
    pub(super) depth: u32,
    /// When it was muted last, how long in all before, and how often.
    pub(super) muted_since: u64,
    pub(super) muted_ns: u64,
    pub(super) mutes_taken: u32,
}

/// What is rare about an actor, as others find it. Nobody touches the cell but to say that he is there: so loom sees who
/// comes before he can know that it was made, and who is still there when it is freed.
struct Shown {
    made: UnsafeCell<()>,
    rare: Mutex<Rare>,
}

impl Shown {
    fn new() -> *mut Self {
        Box::into_raw(Box::new(Shown { made: UnsafeCell::new(()), rare: Mutex::new(Rare::default()) }))
    }

    #[inline]
    fn found(&self) -> &Mutex<Rare> {
        self.made.with(|_| ());
        &self.rare
    }

    /// # Safety
    /// It came from `new`, and nobody refers to it.
    unsafe fn free(shown: *mut Self) {
        // SAFETY: by contract.
        let shown = unsafe { Box::from_raw(shown) };
        shown.made.with_mut(|_| ());
    }
}

/// A count that one thread writes and others read.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// By the one thread that writes.
    #[inline(always)]
    pub(crate) fn add(&self, n: u64) {
        // Relaxed, and not one operation: nobody else writes it, and it orders nothing.
        self.0.store(self.0.load(Ordering::Relaxed) + n, Ordering::Relaxed);
    }

    /// Likewise.
    #[inline]
    pub(crate) fn raise(&self, to: u64) {
        if to > self.get() {
            self.0.store(to, Ordering::Relaxed);
        }
    }

    /// By anybody.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn take(&self) -> u64 {
        let n = self.get();
        self.0.store(0, Ordering::Relaxed);
        n
    }
}

impl Slot {
    /// A seat that nobody has had, or that its last tenant is done with.
    fn vacant() -> Self {
        Slot {
            word: Word::default(),
            inbox: Inbox::new(),
            tenant: AtomicU32::new(0),
            traits: AtomicU32::new(0),
            own: UnsafeCell::new(Own { tray: Tray::new(0), body: None }),
            sent: Count::default(),
            handled: Count::default(),
            created: AtomicU64::new(0),
            lineage: AtomicU64::new(0),
            rare: AtomicPtr::new(ptr::null_mut()),
            name: UnsafeCell::new(Name::of_type::<()>()),
            peak: AtomicU32::new(0),
            children: AtomicU32::new(0),
        }
    }

    /// Nothing is to be asked before a message goes into its inbox: it is the actor `tenant`, presses nobody, has not
    /// ended, and is not by depth.
    #[inline(always)]
    pub(super) fn is_plain(&self, tenant: u32) -> bool {
        // Relaxed: whoever knows the address knows this tenant; who has ended is seen at some time, and until then its
        // inbox takes messages, which become dead letters when the seat is renewed.
        let here = self.tenant.load(Ordering::Relaxed) == tenant;
        here && self.word.look().load() == Load::IDLE && !self.has(BY_DEPTH)
    }

    #[inline(always)]
    pub(super) fn has(&self, traits: u32) -> bool {
        // Relaxed: set before the actor's address is known to anybody.
        self.traits.load(Ordering::Relaxed) & traits != 0
    }

    /// The owner's part.
    ///
    /// # Safety
    /// The caller owns the actor: it was popped from a run queue and has not rested since, or it is muted by a mark of
    /// this worker, or the seat is vacant and the caller's; or no worker runs any more. No other call is in progress.
    #[inline(always)]
    pub(super) unsafe fn own<R>(&self, f: impl FnOnce(&mut Own) -> R) -> R {
        // SAFETY: by contract nobody else touches it.
        self.own.with_mut(|own| f(unsafe { &mut *own }))
    }

    /// The actor's body. It stays where it is, so that a panic does not drop it in the middle of unwinding.
    ///
    /// # Safety
    /// As for `own`; and nobody takes the body out while this is used.
    #[inline(always)]
    pub(super) unsafe fn body(&self) -> Option<*mut dyn Body> {
        // SAFETY: by contract nobody else touches it.
        unsafe { self.own(|own| own.body.as_deref_mut().map(ptr::from_mut)) }
    }

    /// Gives a vacant seat a tenant that nobody has heard of yet.
    ///
    /// # Safety
    /// The seat is vacant and the caller's.
    pub(super) unsafe fn settle(&self, traits: u32, batch: u32, name: Name, body: Option<Box<dyn Body>>) {
        // All relaxed: whoever learns the address learns this with it.
        self.traits.store(traits, Ordering::Relaxed);
        self.peak.store(0, Ordering::Relaxed);
        self.children.store(0, Ordering::Relaxed);
        // SAFETY: by contract the caller's.
        self.name.with_mut(|old| unsafe { *old = name });
        let tray = Tray::new(batch);
        // SAFETY: by contract the caller's; the tray of a vacant seat is empty.
        unsafe { self.own(|own| *own = Own { tray, body }) };
    }

    /// Its name.
    ///
    /// # Safety
    /// The actor has not ended: its owner asks, or everybody stands still.
    #[inline(always)]
    pub(super) unsafe fn name(&self) -> Name {
        // SAFETY: by contract nobody writes it.
        self.name.with(|name| unsafe { (*name).clone() })
    }

    /// What it has that is rare, if it has.
    #[inline]
    pub(super) fn rare(&self) -> Option<&Mutex<Rare>> {
        // Pairs with the exchange in `make_rare`.
        let shown = self.rare.load(order(Fault::RareIsRelaxed, Ordering::Acquire));
        // SAFETY: made by `make_rare`, and freed only when the seat is renewed, which is after this use.
        unsafe { shown.as_ref() }.map(Shown::found)
    }

    /// The same, made if it is not there yet.
    pub(super) fn make_rare(&self) -> &Mutex<Rare> {
        if let Some(rare) = self.rare() {
            return rare;
        }
        let new = Shown::new();
        let installed = self.rare.compare_exchange(ptr::null_mut(), new, Ordering::Release, Ordering::Acquire);
        let shown = installed.map_or_else(
            |there| {
                // SAFETY: ours, and nobody has seen it.
                unsafe { Shown::free(new) };
                there
            },
            |_| new,
        );
        // SAFETY: as in `rare`.
        unsafe { &*shown }.found()
    }

    /// With what is rare about it, made if it is not there yet. `f` must not call user code, nor drop any.
    pub(super) fn with_rare<R>(&self, f: impl FnOnce(&mut Rare) -> R) -> R {
        f(&mut lock(self.make_rare()))
    }

    pub(super) fn is_vacant(&self) -> bool {
        self.word.look().load().has(Load::STOPPED)
    }

    /// Frees what was rare about the last tenant.
    ///
    /// # Safety
    /// The seat is vacant and the caller's, and everybody has been between two behaviours since its tenant ended.
    pub(super) unsafe fn forget_rare(&self) {
        // Relaxed, both: whoever put it here, and whoever used it, has been between two behaviours since.
        let shown = self.rare.load(Ordering::Relaxed);
        self.rare.store(ptr::null_mut(), Ordering::Relaxed);
        if !shown.is_null() {
            // SAFETY: made by `make_rare`, and by contract nobody refers to it any more.
            unsafe { Shown::free(shown) };
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // SAFETY: the table goes, so nobody uses it.
        unsafe { self.forget_rare() };
    }
}

/// A slot, without the borrow of its table: so that a run of an actor looks it up once.
#[derive(Clone, Copy)]
pub(super) struct SlotRef(NonNull<Slot>);

impl Deref for SlotRef {
    type Target = Slot;

    #[inline(always)]
    fn deref(&self) -> &Slot {
        // SAFETY: by the contract of `Table::stay` the table, which never moves a slot, is still there.
        unsafe { self.0.as_ref() }
    }
}

/// Slots of the first segment; each next segment is as large as all before it.
const FIRST: u32 = if SHIPS { 64 } else { 4 };
const SEGMENTS: usize = 27;

/// All slots. Grows, and never moves what is there.
pub(crate) struct Table {
    segments: [AtomicPtr<Slot>; SEGMENTS],
    /// Seats there are. Changed under the lock of births.
    seats: AtomicU32,
}

// SAFETY: it owns the slots it points to, and shares them.
unsafe impl Sync for Table {}
// SAFETY: likewise.
unsafe impl Send for Table {}

/// Where a seat is: its segment, and which of the segment's slots.
#[inline(always)]
fn place(seat: u32) -> (usize, usize) {
    let index = u64::from(seat) + u64::from(FIRST);
    let segment = index.ilog2() - FIRST.ilog2();
    (segment as usize, (index - (u64::from(FIRST) << segment)) as usize)
}

fn size(segment: usize) -> usize {
    (FIRST as usize) << segment
}

impl Table {
    pub(super) fn new() -> Self {
        let segments = std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut()));
        Table { segments, seats: AtomicU32::new(0) }
    }

    /// How many seats there are; some of them vacant.
    #[inline(always)]
    pub(super) fn seats(&self) -> u32 {
        // Relaxed: whoever has the number of a seat was told of it after the seat was there, and that shows both; whoever
        // counts them all has the lock of births, or everybody stands still for him.
        self.seats.load(Ordering::Relaxed)
    }

    /// Adds seats up to `seats`. Not for two at once.
    pub(super) fn grow(&self, seats: u32) {
        for seat in self.seats()..seats {
            let (segment, at) = place(seat);
            if at == 0 {
                let slots = ManuallyDrop::new(Vec::with_capacity(size(segment))).as_mut_ptr();
                self.segments[segment].store(slots, Ordering::Relaxed); // shown as `seats` is
            }
            let slots = self.segments[segment].load(Ordering::Relaxed);
            // SAFETY: inside the segment, by the arithmetic of `place`.
            let slot = unsafe { slots.add(at) };
            // SAFETY: ours, and nobody looks there before somebody who has seen `seats` gives a seat of these away.
            unsafe { slot.write(Slot::vacant()) };
        }
        self.seats.store(seats, Ordering::Relaxed);
    }

    /// The slot of a seat; none if no seat has this number.
    #[inline(always)]
    pub(super) fn get(&self, seat: u32) -> Option<&Slot> {
        if seat >= self.seats() {
            return None;
        }
        let (segment, at) = place(seat);
        let slots = self.segments[segment].load(Ordering::Relaxed); // shown as `seats` is
        // SAFETY: inside the segment, by the arithmetic of `place`.
        let slot = unsafe { slots.add(at) };
        // SAFETY: written by `grow`, shared from then on, and freed with the table.
        Some(unsafe { &*slot })
    }

    /// The same as [`slot`](Self::slot), without the borrow.
    ///
    /// # Safety
    /// The table outlives what this gives.
    #[inline(always)]
    pub(super) unsafe fn stay(&self, seat: u32) -> SlotRef {
        SlotRef(NonNull::from(self.slot(seat)))
    }

    /// The slot of a seat that is known to be there.
    #[inline(always)]
    pub(super) fn slot(&self, seat: u32) -> &Slot {
        self.get(seat).expect("a seat that was given out is in the table")
    }

    /// Every seat whose actor has not ended, with its slot. Exact if everybody stands still.
    pub(super) fn living(&self) -> impl Iterator<Item = (u32, &Slot)> {
        (0..self.seats()).filter(|seat| self.lives(*seat)).map(|seat| (seat, self.slot(seat)))
    }

    /// Has the seat, which is in the table, an actor that has not ended?
    pub(super) fn lives(&self, seat: u32) -> bool {
        let slot = self.slot(seat);
        slot.created.load(Ordering::Relaxed) > 0 && !slot.is_vacant()
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if planted(Fault::TableLeaks) {
            return;
        }
        let mut left = self.seats() as usize;
        for segment in 0..SEGMENTS {
            let slots = self.segments[segment].load(Ordering::Relaxed);
            if slots.is_null() {
                return;
            }
            let there = left.min(size(segment));
            left -= there;
            // SAFETY: made from a vector of this capacity by `grow`, which wrote so many; nobody uses it any more.
            drop(unsafe { Vec::from_raw_parts(slots, there, size(segment)) });
        }
    }
}

const _: () = assert!(!SHIPS || size_of::<Slot>() == 128, "an actor is two cache lines");
