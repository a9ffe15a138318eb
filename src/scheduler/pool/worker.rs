//! One thread's part of the pool: its state, its run queue, and its loop.
//!
//! The driver is a worker too: it runs `main` and the pinned actors, from a queue of its own, and nothing else.
//!
//! Not here: sends and the run of one actor, which are in `running`; whom it helps when it has nothing to run, which is in
//! `help`; and whatever else an actor does to others.

use super::super::bell::Bell;
use super::super::core::Core;
use super::super::event_loop::EventLoop;
use super::super::record::Tape;
use super::hall::Found;
use super::help::Help;
use super::shared::Shared;
use super::slot::PINNED;
use crate::event::ActorId;
use crate::faults::{Fault, planted};
use crate::mailbox::{Nodes, Tray};
use crate::sync::{Arc, Ordering, SHIPS, lock};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::mem;
use std::ops::Range;
use std::time::Duration;

/// Runs between two looks whether anything is injected, while there is something else to do; and runs for which a worker
/// that was seen in a long one expects more of them.
const INJECTED_EVERY: u32 = if SHIPS { 61 } else { 3 };
/// No actor has this seat.
pub(super) const NOBODY: u32 = u32::MAX;
/// One thread's part of the pool.
pub(crate) struct Worker {
    pub(super) shared: Arc<Shared>,
    /// Its number; the driver's is the last.
    pub(super) index: usize,
    /// It is the driver's.
    drives: bool,
    pub(super) nodes: Nodes,
    /// The oldest runnable actor, if it became so in a run after which there was no other: not for others, so that a lone one
    /// is not stolen, and wakes nobody. Before the next run it is gone from here: nobody waits for the end of a long run where
    /// he cannot be helped.
    pub(super) next: Option<u32>,
    /// What did not fit into the run queue; behind it.
    surplus: VecDeque<u32>,
    pub(super) help: Help,
    /// The actor that ran last, if it has nothing left to do. It rests when the next one has run, whatever becomes of
    /// that: if that sends to it, it is this worker's still, and no exchange is needed. As with `next`, nobody else can
    /// have it meanwhile, and what others send to it waits: not where runs are long.
    pub(super) lingers: u32,
    /// Of the driver alone: its run queue.
    pub(super) pinned: VecDeque<u32>,
    /// The messages of the actor that runs.
    pub(super) tray: Tray<u32>,
    pub(super) running: ActorId,
    /// The end of this behaviour has something to settle.
    pub(super) attention: bool,
    /// The end of this run has to look closer: something was settled in it.
    pub(super) settled: bool,
    /// Before each message of this run there is something to do: somebody watches, or its detector is its depth.
    pub(super) closely: bool,
    /// This worker holds the lock of `in_order`.
    pub(super) ordering: bool,
    pub(super) stopping: bool,
    /// Sent and handled in this run; the slot gets them at its end.
    pub(super) sent: u64,
    pub(super) handled: u32,
    /// The receivers that this behaviour is marked on, each once, with the era in which it pressed (R2).
    pub(super) pending: Vec<(u32, u16)>,
    /// Work space of `mute`, and of `fall`.
    pub(super) receivers: Vec<u32>,
    pub(super) falling: Vec<u32>,
    /// The time, once this run has asked for it.
    now: Cell<Option<Duration>>,
    pub(super) runs: u32,
    /// New seats, and seats that can have their next tenant.
    pub(super) fresh: Range<u32>,
    pub(super) numbers: Range<u64>,
    pub(super) vacant: Vec<u32>,
    /// Seats whose tenant has ended, and those of them that wait for the grace that has this number.
    pub(super) ended: Vec<u32>,
    pub(super) retiring: Option<(u64, Vec<u32>)>,
    /// Those whose grace is over, to be emptied.
    pub(super) clearing: Vec<u32>,
    /// Of the driver, at the end: the seats before this one are empty.
    pub(super) dismantled: u32,
    /// The message being handled, in words.
    pub(super) handling: Option<String>,
    /// There is nothing left to run for it.
    pub(super) closed: bool,
    /// Of the driver alone; away while it is polled.
    pub(super) event_loop: Option<Box<dyn EventLoop>>,
    /// Of the driver alone: it stands still, as far as the hall knows.
    pub(super) rests: bool,
    /// What is written down, if the run is recorded.
    pub(super) tape: Option<Box<RefCell<Tape>>>,
}

impl Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Worker {
    pub(crate) fn new(shared: &Arc<Shared>, index: usize) -> Self {
        let attention = shared.watched;
        Worker {
            shared: shared.clone(),
            index,
            drives: index == shared.hall.driver(),
            nodes: Nodes::new(&shared.depot),
            next: None,
            surplus: VecDeque::new(),
            help: Help::new(shared.hall.driver()),
            lingers: NOBODY,
            pinned: VecDeque::new(),
            tray: Tray::new(0),
            running: ActorId::MAIN,
            attention,
            settled: false,
            closely: false,
            ordering: false,
            stopping: false,
            sent: 0,
            handled: 0,
            pending: Vec::new(),
            receivers: Vec::new(),
            falling: Vec::new(),
            now: Cell::new(None),
            runs: 0,
            fresh: 0..0,
            numbers: 0..0,
            vacant: Vec::new(),
            ended: Vec::new(),
            retiring: None,
            clearing: Vec::new(),
            dismantled: 0,
            handling: None,
            closed: false,
            event_loop: None,
            rests: false,
            tape: shared.recorder.as_ref().map(|recorder| Box::new(RefCell::new(Tape::new(recorder, index)))),
        }
    }

    #[inline(always)]
    pub(super) fn is_driver(&self) -> bool {
        self.drives
    }

    /// As user code sees it.
    #[inline(always)]
    pub(crate) fn core(&mut self) -> Core<'_> {
        Core::Worker(self)
    }

    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.shared.bell
    }

    /// Is a run of an actor in progress?
    pub(super) fn is_in_run(&self) -> bool {
        self.tray.beside > 0
    }

    pub(super) fn tally(&self) -> &super::shared::Tally {
        &self.shared.berths[self.index].tally
    }

    pub(super) fn id_of(&self, seat: u32) -> ActorId {
        ActorId { seat, tenant: self.shared.table.slot(seat).tenant.load(Ordering::Relaxed) }
    }

    /// The scheduler's time: the clock's, asked at most once a run.
    pub(crate) fn now(&self) -> Duration {
        let now = self.now.get().unwrap_or_else(|| self.shared.read_clock());
        self.now.set(Some(now));
        now
    }

    // --- The run queue -----------------------------------------------------------------------------------------------

    /// An actor that is awake goes into a run queue.
    #[inline(always)]
    pub(super) fn schedule(&mut self, seat: u32) {
        self.schedule_as(seat, self.shared.table.slot(seat).has(PINNED));
    }

    /// Pinned actors are the driver's, all others are not.
    #[inline(always)]
    pub(super) fn schedule_as(&mut self, seat: u32, pinned: bool) {
        if self.next.is_none() & !pinned & !self.drives && self.shared.berths[self.index].deque.is_empty() {
            self.next = Some(seat);
        } else {
            self.queue(seat);
        }
    }

    #[inline(never)]
    fn queue(&mut self, seat: u32) {
        let shared = &self.shared;
        match (shared.table.slot(seat).has(PINNED), self.is_driver()) {
            (true, true) => self.pinned.push_back(seat),
            (true, false) => shared.hall.inject_pinned(seat),
            (false, true) => shared.hall.inject([seat]),
            (false, false) => {
                let deque = &shared.berths[self.index].deque;
                if !self.surplus.is_empty() || deque.push(seat).is_err() {
                    self.surplus.push_back(seat);
                }
            }
        }
    }

    /// The oldest in the run queue.
    #[inline(always)]
    fn pop(&mut self) -> Option<u32> {
        let oldest = self.shared.berths[self.index].deque.pop();
        if oldest.is_some() | self.surplus.is_empty() || planted(Fault::SurplusStays) {
            return oldest;
        }
        self.refill()
    }

    /// The ring is empty: what did not fit goes there.
    #[cold]
    fn refill(&mut self) -> Option<u32> {
        let seats = self.surplus.len().min(super::deque::SIZE);
        let deque = &self.shared.berths[self.index].deque;
        self.surplus.drain(..seats).for_each(|seat| deque.push(seat).expect("it is empty, and only its owner puts in"));
        deque.pop()
    }

    /// The actor that has just run has nothing left to do; the one before it rests.
    #[inline(always)]
    pub(super) fn linger(&mut self, seat: u32) {
        let before = mem::replace(&mut self.lingers, seat);
        if before != NOBODY {
            self.rest_or_run(before);
        }
        if self.shared.hall.has_long_runs(self.index) {
            self.settle_down();
        }
    }

    /// The run of an actor is over that has more to do: the one before it rests.
    #[inline(always)]
    pub(super) fn settle_other(&mut self) {
        if !planted(Fault::LingersOn) {
            self.settle_down();
        }
    }

    /// Nobody lingers any more.
    #[inline(always)]
    fn settle_down(&mut self) {
        if planted(Fault::LingersForever) {
            return;
        }
        let last = mem::replace(&mut self.lingers, NOBODY);
        if last != NOBODY {
            self.rest_or_run(last);
        }
    }

    /// Makes an actor of this worker idle, unless something came.
    #[inline(always)]
    fn rest_or_run(&mut self, seat: u32) {
        if !self.shared.table.slot(seat).inbox.rest() {
            self.schedule(seat);
        }
    }

    // --- The loop -------------------------------------------------------------------------------------------------

    /// Runs actors until the pool is closed. A panic in user code comes through: see `panicked`, then call this again.
    pub(crate) fn work(&mut self) {
        while !self.closed {
            self.slice(u32::MAX);
            if self.closed {
                break;
            }
            match self.search() {
                Some(seat) if planted(Fault::FoundTakesThePlace) => self.next = Some(seat),
                // Beside it a fall may have been found: whom that freed is next already.
                Some(seat) => self.schedule(seat),
                None => {}
            }
        }
        self.shared.hall.leave();
    }

    /// Runs up to `runs` actors, while there are any at hand.
    #[inline(never)]
    pub(crate) fn slice(&mut self, runs: u32) {
        self.run_some(runs);
        self.settle_down();
    }

    #[inline(always)]
    fn run_some(&mut self, runs: u32) {
        for _ in 0..runs {
            if self.shared.hall.has_mail(self.index) {
                self.attend();
            }
            if self.shared.drops.has_any() {
                self.collect_dropped_guards();
            }
            if self.closed {
                return;
            }
            let Some(seat) = self.next_seat().or_else(|| self.last_look()) else { return };
            self.run(seat);
            if self.settled {
                self.run_settled(seat);
            }
            if !self.ended.is_empty() || !self.clearing.is_empty() {
                self.retire();
            }
            self.share();
        }
    }

    #[inline(always)]
    fn next_seat(&mut self) -> Option<u32> {
        self.runs = self.runs.wrapping_add(1);
        if self.is_driver() {
            return self.pinned.pop_front();
        }
        self.shared.berths[self.index].run.store(self.runs, Ordering::Relaxed); // who looks at it looks again
        if self.runs.is_multiple_of(INJECTED_EVERY) {
            self.look_up();
        }
        self.next.take().or_else(|| self.pop())
    }

    /// Nothing is queued; perhaps something came for the actor that lingers.
    #[cold]
    fn last_look(&mut self) -> Option<u32> {
        self.settle_down();
        self.next_seat()
    }

    /// What is seen to every few runs.
    #[inline(never)]
    fn look_up(&mut self) {
        if self.shared.hall.has_long_runs(self.index) {
            self.shared.hall.forget_long_runs(self.index);
        }
        if self.shared.hall.has_injected() {
            self.take_injected();
        }
    }

    #[cold]
    fn take_injected(&mut self) {
        self.settle_down();
        let found = self.shared.hall.attend(self.index, true);
        self.heed(found).into_iter().for_each(|seat| self.queue(seat));
    }

    #[cold]
    fn attend(&mut self) {
        self.settle_down(); // somebody may be about to look at all actors
        let found = self.shared.hall.attend(self.index, false);
        let seat = self.heed(found);
        debug_assert!(seat.is_none(), "it did not ask for an actor to run");
        if self.is_driver() {
            self.pinned.extend(self.shared.hall.take_pinned());
        }
    }

    /// Does what was found in the hall; gives back what there is to run.
    pub(super) fn heed(&mut self, found: Found) -> Option<u32> {
        found.falls.into_iter().for_each(|actor| self.heard_of_fall(actor));
        self.closed |= found.closed;
        self.forget_time();
        found.seat
    }

    /// What the clock said is no longer so.
    pub(super) fn forget_time(&self) {
        self.now.set(None);
    }

    /// Does `f` as one step of the trace, if there is an observer: the events shown in it stand together, and what they
    /// tell of is done before any other worker's step. So the order of events is an order in which things happened.
    #[inline(always)]
    pub(super) fn in_order<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        if !self.shared.observed || self.ordering {
            return f(self);
        }
        let shared = self.shared.clone();
        let _order = lock(&shared.order);
        self.ordering = true;
        let result = f(self);
        self.ordering = false; // by a panic: see `panicked`
        result
    }

    /// What is counted here goes where others see it.
    pub(super) fn flush(&mut self) {
        let runs = mem::take(&mut self.runs);
        self.tally().runs.add(u64::from(runs));
    }

    // --- The driver's part ------------------------------------------------------------------------------------------

    /// The driver has something to run.
    pub(crate) fn has_pinned(&self) -> bool {
        !self.pinned.is_empty() || self.shared.hall.has_mail(self.index)
    }
}
