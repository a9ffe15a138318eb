//! The hot path of a worker: a send, a run of an actor, a message, the end of a behaviour (R1 to R4).
//!
//! As in the single scheduler what is rare hangs on two flags, `attention` (the end of this behaviour has something to
//! settle) and `settled` (so has the end of this run).
//!
//! Not here: who runs next (`worker`), what pressing does (`pressure`).
#![expect(unsafe_code, reason = "whoever popped an actor from a run queue owns a part of its slot")]

use super::super::single::Failure;
use super::slot::{BY_DEPTH, Own, PINNED, Slot, SlotRef};
use super::worker::{NOBODY, Worker};
use crate::event::{ActorId, Event, Lane, Place};
use crate::faults::{Fault, planted};
use crate::mailbox::Parcel;
use crate::rules::{self, Load};
use crate::sync::{Ordering, lock, thread};
use std::fmt::Debug;
use std::mem;

impl Worker {
    // --- Sending (R1, R2) -----------------------------------------------------------------------------------------

    /// A message of the running actor. Inlined into user code, so that the sender writes it straight into its node; what
    /// follows is the same for all types, and is not.
    #[inline(always)]
    pub(crate) fn parcel<M: Debug + Send + 'static>(&mut self, message: M) -> Parcel {
        match self.is_recording() {
            false => Parcel::new(&mut self.nodes, message),
            true => self.parcel_sent(message),
        }
    }

    /// The running actor sends.
    #[inline(never)]
    pub(crate) fn send(&mut self, parcel: Parcel, to: ActorId, lane: Lane, place: Place) {
        self.sent += 1;
        let slot = self.shared.table.get(to.seat);
        match slot.filter(|slot| slot.is_plain(to.tenant) && to != self.running && !self.shared.watched) {
            None => self.send_closely(parcel, to, lane, place),
            Some(slot) => {
                let pinned = slot.has(PINNED);
                // What is in its inbox already comes before this.
                let lingers = to.seat == self.lingers && !slot.inbox.has_some();
                let mine = if lingers { Some(parcel) } else { parcel.send(&slot.inbox) };
                if let Some(parcel) = mine {
                    // SAFETY: it lingers with this worker, or it was idle: so it is this worker's.
                    unsafe { slot.own(|own| own.tray.push(parcel)) };
                    self.lingers = if lingers { NOBODY } else { self.lingers };
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
    pub(crate) fn send_self(&mut self, parcel: Parcel, place: Place) {
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
        let slot = self.shared.table.slot(to.seat);
        if let Some(parcel) = parcel.send(&slot.inbox) {
            // SAFETY: it was idle, so it is this worker's now.
            unsafe { slot.own(|own| own.tray.push(parcel)) };
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

    // --- Running (R3, R4) -----------------------------------------------------------------------------------------

    #[inline(always)]
    pub(super) fn run(&mut self, seat: u32) {
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
        unsafe { &mut *body }.run_on(self, me, quota);
        self.run_over(seat, slot);
    }

    /// Takes the actor in hand, with the messages that are there.
    #[inline(always)]
    fn begin(&mut self, seat: u32, slot: SlotRef) {
        // SAFETY: before the actor rests or is queued again the tray is put back, by a panic too.
        let lend = |own: &mut Own| unsafe { own.tray.lend() };
        // SAFETY: popped from a run queue, so this worker owns the actor until then.
        self.tray = unsafe { slot.own(lend) };
        if slot.inbox.has_some() {
            self.tray.take_in(&slot.inbox);
        }
        let waiting = self.tray.len();
        if waiting > slot.peak.load(Ordering::Relaxed) {
            slot.peak.store(waiting, Ordering::Relaxed); // written by the owner alone
            self.shared.berths[self.index].tally.deepest.raise(u64::from(waiting));
        }
        self.running = ActorId { seat, tenant: slot.tenant.load(Ordering::Relaxed) };
        self.closely = self.shared.watched | slot.has(BY_DEPTH);
        self.forget_time();
        if self.is_recording() {
            self.record_run(slot);
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
        if left > 0 || slot.inbox.has_some() {
            self.settle_other();
            self.schedule_as(seat, slot.has(PINNED));
        } else {
            self.linger(seat);
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

    /// The next message of the running actor, the `nth` of this run, counted from 1. See `next_named` where it is recorded.
    #[inline(always)]
    pub(crate) fn next_message<M: Debug + Send + 'static>(&mut self, nth: u32) -> M {
        if self.is_recording() {
            return self.next_named(nth);
        }
        if self.closely {
            self.before_message();
        }
        let Ok(Some(message)) = self.tray.pop::<M>(&mut self.nodes) else { no_message(self.running) };
        self.handled = nth;
        message
    }

    #[cold]
    #[inline(never)]
    pub(super) fn before_message(&mut self) {
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
        self.settle_other();
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
}

#[cold]
fn no_body(actor: ActorId) -> ! {
    panic!("T6: {actor} is queued, so it has not ended, so it has a body: a bug in backwater")
}

#[cold]
pub(super) fn no_message(actor: ActorId) -> ! {
    panic!("a run's quota says that {actor} has a message of its type, and its mailbox has not: a bug in backwater")
}
