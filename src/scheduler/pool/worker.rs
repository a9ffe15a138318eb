//! One thread's part of the pool: its loop, sends, and runs of actors (R1 to R4).
//!
//! The driver is a worker too: it runs `main` and the pinned actors, from a queue of its own, and nothing else.
//!
//! The hot path is `send`, `next_message`, `behaviour_ended` and `run`. As in the single scheduler what is rare hangs on
//! two flags, `attention` (the end of this behaviour has something to settle) and `settled` (so has the end of this run).
#![expect(unsafe_code, reason = "whoever popped an actor from a run queue owns a part of its slot")]

use super::super::bell::Bell;
use super::super::core::Core;
use super::super::event_loop::EventLoop;
use super::super::record::Tape;
use super::super::single::Failure;
use super::hall::Found;
use super::shared::Shared;
use super::slot::{BY_DEPTH, Own, PINNED, Slot, SlotRef};
use crate::event::{ActorId, Event, Lane, Place};
use crate::faults::{Fault, planted};
use crate::mailbox::{Nodes, Parcel, Tray};
use crate::rules::{self, Load};
use crate::sync::{Arc, Ordering, SHIPS, hint, lock, thread};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::mem;
use std::ops::Range;
use std::time::Duration;

/// Runs between two looks whether anything is injected, while there is something else to do.
const INJECTED_EVERY: u32 = if SHIPS { 61 } else { 3 };
/// Rounds of looking for something to steal before a worker sleeps: a wake-up through a sleeping processor costs 25 µs.
const ROUNDS: u32 = if SHIPS { 200 } else { 1 };
/// Pauses in a round.
const PAUSES: u32 = if SHIPS { 20 } else { 1 };

/// One thread's part of the pool.
pub(crate) struct Worker {
    pub(super) shared: Arc<Shared>,
    /// Its number; the driver's is the last.
    pub(super) index: usize,
    /// It is the driver's.
    drives: bool,
    pub(super) nodes: Nodes,
    /// The oldest runnable actor: not for others, so that a lone one is not stolen, and wakes nobody.
    next: Option<u32>,
    /// Of the driver alone: its run queue.
    pub(super) pinned: VecDeque<u32>,
    /// The messages of the actor that runs.
    pub(super) tray: Tray<u32>,
    pub(super) running: ActorId,
    /// The end of this behaviour has something to settle.
    pub(super) attention: bool,
    /// The end of this run has to look closer: something was settled in it.
    pub(super) settled: bool,
    /// Before each message of this run there is something to do: somebody watches, the run is recorded, or its detector is
    /// its depth.
    pub(super) closely: bool,
    /// This worker holds the lock of `in_order`.
    pub(super) ordering: bool,
    pub(super) stopping: bool,
    /// Sent and handled in this run; the slot gets them at its end.
    pub(super) sent: u64,
    pub(super) handled: u32,
    /// The receivers that this behaviour is marked on, each once, with the era in which it pressed (R2).
    pub(super) pending: Vec<(u32, u16)>,
    /// Work space of `fall`.
    pub(super) falling: Vec<u32>,
    /// The time, once this run has asked for it.
    now: Cell<Option<Duration>>,
    runs: u32,
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

    // --- Sending (R1, R2) -----------------------------------------------------------------------------------------

    /// The running actor sends.
    #[inline(always)]
    pub(crate) fn send<M: Debug + Send + 'static>(&mut self, to: ActorId, lane: Lane, message: M, place: Place) {
        let parcel = match self.is_recording() {
            false => Parcel::new(&mut self.nodes, message),
            true => self.parcel_sent(message),
        };
        self.sent += 1;
        let slot = self.shared.table.get(to.seat);
        match slot.filter(|slot| slot.is_plain(to.tenant) && to != self.running && !self.shared.watched) {
            None => self.send_closely(parcel, to, lane, place),
            Some(slot) => {
                let pinned = slot.has(PINNED);
                if parcel.send(&slot.inbox) {
                    self.schedule_as(to.seat, pinned);
                }
            }
        }
    }

    /// A send to somebody who may press, or is by depth, or is the sender, or has ended; or one that is watched.
    #[inline(never)]
    fn send_closely(&mut self, parcel: Parcel, to: ActorId, lane: Lane, place: Place) {
        if to == self.running {
            return self.send_here(parcel, lane, place);
        }
        self.in_order(|worker| {
            // The look comes before the push: by what the message brings with it, a guard say, a receiver on another
            // worker may change the flags of both.
            let late = planted(Fault::SenderAskedAfterPush);
            let mark = if lane == Lane::Ordinary && !late { worker.look_for_mark(to) } else { None };
            if worker.shared.watched {
                worker.show_sent(&parcel, to, lane, place);
            }
            mark.into_iter().for_each(|era| worker.mark(to, era));
            let from = worker.running;
            worker.arrive(parcel, to, Some(from));
            if late && let Some(era) = worker.look_for_mark(to) {
                worker.mark(to, era);
            }
        });
    }

    /// The running actor sends to itself. It is awake and has not ended, and a message to oneself marks nobody (R7).
    /// Nobody else's message that could have caused this one is still in the inbox, so this may go before what is there.
    #[inline(always)]
    pub(crate) fn send_self<M: Debug + Send + 'static>(&mut self, message: M, place: Place) {
        let parcel = match self.is_recording() {
            false => Parcel::new(&mut self.nodes, message),
            true => self.parcel_sent(message),
        };
        self.sent += 1;
        if self.closely {
            return self.send_here(parcel, Lane::Ordinary, place);
        }
        self.tray.push(parcel);
    }

    #[inline(never)]
    fn send_here(&mut self, parcel: Parcel, lane: Lane, place: Place) {
        let me = self.running;
        if !self.closely {
            return self.tray.push(parcel);
        }
        self.in_order(|worker| {
            if worker.shared.watched {
                worker.show_sent(&parcel, me, lane, place);
            }
            if worker.shared.table.slot(me.seat).has(BY_DEPTH) {
                worker.arrive_by_depth(me.seat);
            }
            worker.tray.push(parcel);
        });
    }

    #[cold]
    #[inline(never)]
    fn show_sent(&mut self, parcel: &Parcel, to: ActorId, lane: Lane, place: Place) {
        let mut watch = lock(&self.shared.watch);
        watch.now = self.shared.last_now();
        watch.send(self.running, to, lane, &parcel.message(), place);
    }

    /// The runtime itself, or code outside any actor, puts a message into a mailbox: marks nobody (R7, R13).
    pub(crate) fn deliver<M: Debug + Send + 'static>(&mut self, to: ActorId, message: M) {
        self.stir();
        let parcel = match self.is_recording() {
            false => Parcel::new(&mut self.nodes, message),
            true => self.parcel_delivered(to, message),
        };
        self.tally().delivered.add(1);
        self.in_order(|worker| {
            if worker.shared.watched {
                lock(&worker.shared.watch).deliver(to, &parcel.message());
            }
            worker.arrive(parcel, to, None);
        });
    }

    /// Puts a message into a mailbox and schedules its owner.
    fn arrive(&mut self, parcel: Parcel, to: ActorId, from: Option<ActorId>) {
        let here = |slot: &&Slot| slot.tenant.load(Ordering::Relaxed) == to.tenant; // as in `is_plain`
        let Some(slot) = self.shared.table.get(to.seat).filter(here) else {
            return self.dead_letter(parcel, from, to);
        };
        if slot.has(BY_DEPTH) {
            self.arrive_by_depth(to.seat);
        }
        if parcel.send(&self.shared.table.slot(to.seat).inbox) {
            self.schedule(to.seat);
        }
    }

    #[cold]
    #[inline(never)]
    fn dead_letter(&mut self, parcel: Parcel, from: Option<ActorId>, to: ActorId) {
        let Worker { shared, nodes, index, .. } = self;
        shared.berths[*index].tally.dead.add(1);
        parcel.discard(nodes, |message| lock(&shared.watch).dead_letter(from, to, message));
    }

    /// An actor that is awake goes into a run queue.
    #[inline(always)]
    pub(super) fn schedule(&mut self, seat: u32) {
        self.schedule_as(seat, self.shared.table.slot(seat).has(PINNED));
    }

    /// Pinned actors are the driver's, all others are not.
    #[inline(always)]
    fn schedule_as(&mut self, seat: u32, pinned: bool) {
        if self.next.is_none() & !pinned & !self.drives {
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
                if let Err(seat) = shared.berths[self.index].deque.push(seat) {
                    self.overflow(seat);
                }
            }
        }
    }

    /// The ring is full: half of it, and what did not fit, becomes everybody's.
    #[cold]
    fn overflow(&mut self, seat: u32) {
        let deque = &self.shared.berths[self.index].deque;
        let half: Vec<u32> = (0..super::deque::SIZE / 2).map_while(|_| deque.pop()).collect();
        self.shared.hall.inject(half.into_iter().chain([seat]));
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
            let Some(seat) = self.next_seat() else { return };
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
        if self.runs.is_multiple_of(INJECTED_EVERY) && self.shared.hall.has_injected() {
            self.take_injected();
        }
        let deque = &self.shared.berths[self.index].deque;
        match self.next.take() {
            Some(seat) => {
                self.next = deque.pop();
                Some(seat)
            }
            None => deque.pop(),
        }
    }

    #[cold]
    fn take_injected(&mut self) {
        let found = self.shared.hall.attend(self.index, true);
        self.heed(found).into_iter().for_each(|seat| self.queue(seat));
    }

    /// There is more here than this worker runs next: somebody who sleeps may have it.
    #[inline(always)]
    fn share(&self) {
        if self.shared.hall.has_sleepers() && !self.shared.berths[self.index].deque.is_empty() {
            self.shared.hall.rouse();
        }
    }

    #[cold]
    fn attend(&mut self) {
        let found = self.shared.hall.attend(self.index, false);
        let seat = self.heed(found);
        debug_assert!(seat.is_none(), "it did not ask for an actor to run");
        if self.is_driver() {
            self.pinned.extend(self.shared.hall.take_pinned());
        }
    }

    /// Does what was found in the hall; gives back what there is to run.
    fn heed(&mut self, found: Found) -> Option<u32> {
        found.falls.into_iter().for_each(|actor| self.heard_of_fall(actor));
        self.closed |= found.closed;
        self.forget_time();
        found.seat
    }

    /// Nothing at hand: looks with the others and in the hall, a while, and then sleeps.
    #[cold]
    fn search(&mut self) -> Option<u32> {
        self.flush();
        for _ in 0..ROUNDS {
            if let Some(seat) = self.steal() {
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

    fn steal(&mut self) -> Option<u32> {
        let berths = &self.shared.berths[..self.shared.hall.driver()];
        let mine = &berths[self.index].deque;
        let others = (1..berths.len()).map(|n| &berths[(self.index + n) % berths.len()].deque);
        others.filter(|deque| !deque.is_empty()).find_map(|deque| deque.steal_half_into(mine))
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
    fn flush(&mut self) {
        let runs = mem::take(&mut self.runs);
        self.tally().runs.add(u64::from(runs));
    }

    // --- Running (R3, R4) -----------------------------------------------------------------------------------------

    #[inline(always)]
    fn run(&mut self, seat: u32) {
        // SAFETY: this worker keeps the table alive, and what this gives does not leave this run.
        let slot = unsafe { self.shared.table.stay(seat) };
        if self.shared.watched {
            self.begin_watched(seat, slot);
        } else {
            self.begin(seat, slot);
        }
        let (me, waiting) = (self.running, self.tray.len());
        let quota = waiting.min(self.tray.beside);
        // SAFETY: owned, see `begin`; the body stays where it is until this run is over.
        let Some(body) = (unsafe { slot.body() }) else { no_body(me) };
        // SAFETY: as above: nobody else has a pointer to it.
        unsafe { &mut *body }.run(Core::Worker(self), me, quota);
        self.run_over(seat, slot);
    }

    /// Takes the actor in hand, with the messages that are there.
    #[inline(always)]
    fn begin(&mut self, seat: u32, slot: SlotRef) {
        // SAFETY: before the actor rests or is queued again the tray is put back, by a panic too.
        let lend = |own: &mut Own| unsafe { own.tray.lend() };
        // SAFETY: popped from a run queue, so this worker owns the actor until then.
        let look = || unsafe { slot.own(lend) };
        let early = if planted(Fault::TrayBeforeInbox) { Some(look()) } else { None };
        // The inbox first: taking what is there is what shows what the last owner left, the tray too. If nothing is there,
        // the actor came through a queue, which has shown it.
        // SAFETY: as above.
        let came = if slot.inbox.has_some() { unsafe { slot.inbox.take_all() } } else { None };
        self.tray = early.unwrap_or_else(look);
        if let Some(chain) = came {
            self.tray.add(chain);
        }
        let waiting = self.tray.len();
        if waiting > slot.peak.load(Ordering::Relaxed) {
            slot.peak.store(waiting, Ordering::Relaxed); // written by the owner alone
            self.shared.berths[self.index].tally.deepest.raise(u64::from(waiting));
        }
        self.running = ActorId { seat, tenant: slot.tenant.load(Ordering::Relaxed) };
        self.closely = self.shared.watched | slot.has(BY_DEPTH) | self.is_recording();
        self.forget_time();
        if self.is_recording() {
            self.record_run();
        }
    }

    #[cold]
    #[inline(never)]
    fn begin_watched(&mut self, seat: u32, slot: SlotRef) {
        self.in_order(|worker| {
            worker.begin(seat, slot);
            worker.settled = true;
            let (actor, waiting, on) = (worker.running, worker.tray.len(), worker.index as u32);
            worker.shared.show(&Event::RunBegan { actor, waiting });
            worker.shared.show(&Event::RunsOn { actor, worker: on });
        });
    }

    #[inline(always)]
    fn run_over(&mut self, seat: u32, slot: SlotRef) {
        slot.sent.add(mem::take(&mut self.sent));
        slot.handled.add(u64::from(self.handled));
        let closer = self.settled | slot.has(BY_DEPTH) | (self.handled >= self.tray.beside);
        if closer || slot.word.look().load() != Load::IDLE {
            self.settled = true;
            return;
        }
        self.handled = 0;
        let tray = mem::take(&mut self.tray);
        let left = tray.len();
        // SAFETY: this worker still owns the actor.
        unsafe { slot.own(|own| own.tray = tray) };
        if left > 0 || !slot.inbox.rest() {
            self.schedule_as(seat, slot.has(PINNED));
        }
    }

    /// The worker is done with the actor for now: it is queued again, or rests.
    #[inline(always)]
    pub(super) fn leave(&mut self, seat: u32) {
        let left = self.put_back(seat);
        if left > 0 || !self.shared.table.slot(seat).inbox.rest() {
            self.schedule(seat);
        }
    }

    /// The running actor's tray goes back into its slot; how many messages there are in it.
    #[inline(always)]
    pub(super) fn put_back(&mut self, seat: u32) -> u32 {
        let tray = mem::take(&mut self.tray);
        let left = tray.len();
        // SAFETY: this worker still owns the actor.
        unsafe { self.shared.table.slot(seat).own(|own| own.tray = tray) };
        left
    }

    /// The next message of the running actor, the `nth` of this run, counted from 1.
    #[inline(always)]
    pub(crate) fn next_message<M: Debug + Send + 'static>(&mut self, nth: u32) -> M {
        if self.closely {
            self.before_message();
            if self.is_recording() {
                return self.next_named(nth);
            }
        }
        let Ok(Some(message)) = self.tray.pop::<M>(&mut self.nodes) else { no_message(self.running) };
        self.handled = nth;
        message
    }

    #[cold]
    #[inline(never)]
    fn before_message(&mut self) {
        if self.shared.table.slot(self.running.seat).has(BY_DEPTH) {
            self.left_by_depth(self.running.seat);
        }
        if !self.shared.watched {
            return;
        }
        self.in_order(|worker| {
            let mut watch = lock(&worker.shared.watch);
            watch.now = worker.shared.last_now();
            worker.tray.peek(|message| watch.handle(worker.running, message));
            worker.handling = watch.handling.take();
        });
    }

    /// A behaviour has ended. True if its run has to end with it (R3).
    #[inline(always)]
    pub(crate) fn behaviour_ended(&mut self) -> bool {
        self.attention && self.settle()
    }

    #[cold]
    #[inline(never)]
    pub(super) fn settle(&mut self) -> bool {
        self.settled = true;
        self.in_order(|worker| worker.shared.show(&Event::Handled { actor: worker.running }));
        self.handling = None;
        self.collect_dropped_guards();
        let muted = !self.pending.is_empty() && !self.stopping && self.settle_marks();
        self.pending.clear();
        self.attention = self.shared.watched;
        muted || self.stopping || self.shared.has_failed()
    }

    /// The end of a run in which something was settled, or of an actor that presses or begins to.
    #[cold]
    #[inline(never)]
    pub(super) fn run_settled(&mut self, seat: u32) {
        self.settled = false;
        let handled = mem::take(&mut self.handled);
        if mem::take(&mut self.stopping) {
            return self.stop(seat);
        }
        self.in_order(|worker| worker.end_run(seat, handled));
    }

    fn end_run(&mut self, seat: u32, handled: u32) {
        let batch = self.tray.beside;
        self.shared.show(&Event::RunEnded { actor: self.running, handled, full: handled >= batch });
        // Muted by this worker, which alone can free it, and does so between two runs.
        if self.shared.table.slot(seat).word.look().load().is_muted() {
            self.put_back(seat);
            return;
        }
        let left = self.tray.len();
        if let Some(event) = self.detect(seat, handled, batch, left) {
            let _ = self.change(seat, event);
        }
        // An overloaded actor always gets another run: only the end of one can say that it has caught up (R4).
        if self.shared.table.slot(seat).word.look().load().has(Load::OVERLOADED) {
            if handled == 0 {
                thread::yield_now(); // somebody has counted a message by depth, and is about to push it
            }
            self.put_back(seat);
            self.schedule(seat);
        } else {
            self.leave(seat);
        }
    }

    fn detect(&mut self, seat: u32, handled: u32, batch: u32, left: u32) -> Option<rules::Event> {
        if !self.shared.table.slot(seat).has(BY_DEPTH) {
            return rules::Detector::Batch.run_ended(handled, batch, left);
        }
        self.depth_ended(seat, handled, batch)
    }

    pub(crate) fn stop_running(&mut self) {
        self.stopping = true;
        self.attention = true;
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.shared.fail(failure);
        self.attention = true;
    }

    // --- The driver's part ------------------------------------------------------------------------------------------

    /// The driver has something to run.
    pub(crate) fn has_pinned(&self) -> bool {
        !self.pinned.is_empty() || self.shared.hall.has_mail(self.index)
    }
}

#[cold]
fn no_body(actor: ActorId) -> ! {
    panic!("T6: {actor} is queued, so it has not ended, so it has a body: a bug in backwater")
}

#[cold]
pub(super) fn no_message(actor: ActorId) -> ! {
    panic!("a run's quota says that {actor} has a message of its type, and its mailbox has not: a bug in backwater")
}
