//! The hot path of the deterministic scheduler: a send, a run, a message, the end of a behaviour (R1 to R4).
//!
//! Everything rare hangs on two flags, `attention` (the end of this behaviour has to look closer) and `watch.on`
//! (somebody wants to see every event), so that an actor which presses nobody and is watched by nobody pays one branch
//! for each.
//!
//! Not here: what pressing does (`pressure`), births and ends (`life`).

use super::seat::Seat;
use super::single::{Bodies, Failure, Single};
use super::stats::Totals;
use super::touch::{Access, Object};
use super::trace::Watch;
use crate::event::{ActorId, End, Event, Lane, Place};
use crate::faults::{Fault, planted};
use crate::mailbox::Draft;
use crate::rules::{self, Load};

use std::fmt::Debug;
use std::mem;

/// Puts a draft into a mailbox and schedules its owner; true if the receiver was pressing. Where the receiver has ended,
/// the calling function returns. A macro, because a draft borrows the post office, and a function would borrow the whole
/// scheduler beside it.
macro_rules! arrive {
    ($core:ident, $draft:ident, $to:ident, $from:expr) => {{
        let (waiting, seat) = match $draft.send($to.seat, |seat| seat.tenant == $to.tenant) {
            Ok(sent) => sent,
            Err(draft) => return dead_letter(draft, &mut $core.totals, &mut $core.watch, $from, $to),
        };
        let pressing = seat.load.is_pressing();
        if !seat.busy || crate::faults::planted(crate::faults::Fault::MutedIsScheduled) && seat.load.is_muted() {
            seat.busy = true;
            $core.queue.push($to.seat, seat);
        }
        if waiting > seat.watermark {
            $core.mailbox_grew($to.seat, waiting);
        }
        pressing
    }};
}
pub(super) use arrive;

impl Single {
    // --- Sending (R1, R2) ---------------------------------------------------------------------------------------

    /// The running actor sends, and nobody watches. Inlined into the user's code, see `Pool::make`.
    #[inline(always)]
    pub(super) fn send<M: Debug + Send + 'static>(&mut self, to: ActorId, lane: Lane, message: M) {
        let draft = self.post.draft(message);
        self.sent += 1;
        let pressing = arrive!(self, draft, to, Some(self.running));
        if pressing && (lane == Lane::Ordinary || planted(Fault::ControlMarks)) {
            self.sent_to_pressing(to);
        }
    }

    /// The running actor sends, and a checker writes it down.
    #[inline(always)]
    pub(super) fn write_send<M: Debug + Send + 'static>(&mut self, to: ActorId, lane: Lane, message: M, place: Place) {
        let Single { post, script, .. } = self;
        if let Some(script) = script {
            script.write_send(post.draft(message), to, lane, place);
        }
    }

    /// The running actor sends, and somebody watches.
    #[inline(never)]
    pub(super) fn send_watched<M: Debug + Send + 'static>(
        &mut self,
        to: ActorId,
        lane: Lane,
        message: M,
        place: Place,
    ) {
        let draft = self.post.draft(message);
        self.watch.send(self.running, to, lane, &draft.message(), place);
        self.sent += 1;
        let pressing = arrive!(self, draft, to, Some(self.running));
        if pressing && (lane == Lane::Ordinary || planted(Fault::ControlMarks)) {
            self.sent_to_pressing(to);
        }
    }

    /// The running actor sends to itself: what `send` does, less what cannot be. It is busy, it has not ended, and a
    /// message to oneself marks nobody (R7).
    #[inline(always)]
    pub(super) fn send_self<M: Debug + Send + 'static>(&mut self, message: M) {
        let me = self.running;
        self.sent += 1;
        let Ok((waiting, seat)) = self.post.draft(message).send(me.seat, |_| true) else { return };
        if waiting > seat.watermark {
            self.mailbox_grew(me.seat, waiting);
        }
    }

    #[inline(never)]
    pub(super) fn send_self_watched<M: Debug + Send + 'static>(&mut self, message: M, place: Place) {
        let me = self.running;
        let draft = self.post.draft(message);
        self.watch.send(me, me, Lane::Ordinary, &draft.message(), place);
        self.sent += 1;
        let Ok((waiting, seat)) = draft.send(me.seat, |_| true) else { return };
        if waiting > seat.watermark {
            self.mailbox_grew(me.seat, waiting);
        }
    }

    /// The runtime itself, or code outside any actor, puts a message into a mailbox: marks nobody (R7, R13).
    pub(crate) fn deliver<M: Debug + Send + 'static>(&mut self, to: ActorId, message: M) {
        let draft = self.post.draft(message);
        if self.watch.on {
            self.watch.deliver(to, &draft.message());
            if let Some(script) = &mut self.script {
                script.pushed(to, None);
            }
        }
        self.totals.delivered += 1;
        let pressing = arrive!(self, draft, to, None);
        if pressing && planted(Fault::TicksMark) {
            self.sent_to_pressing(to);
        }
    }

    /// A mailbox is longer than ever, or long enough to begin overload by depth (R4).
    #[cold]
    pub(super) fn mailbox_grew(&mut self, seat: u32, waiting: u32) {
        let data = self.post.data_mut(seat);
        data.peak = data.peak.max(waiting);
        self.totals.deepest = self.totals.deepest.max(data.peak);
        let alarm = data.detector().alarm();
        data.watermark = data.peak.min(alarm.saturating_sub(1));
        if waiting >= alarm {
            let _ = self.change(seat, rules::Event::Overload);
        }
    }

    pub(super) fn schedule(&mut self, seat: u32) {
        let data = self.post.data_mut(seat);
        data.busy = true;
        self.queue.push(seat, data);
    }

    // --- Running (R3, R4) ---------------------------------------------------------------------------------------

    /// Runs up to `runs` actors.
    #[inline(never)]
    pub(crate) fn slice(&mut self, runs: u32, bodies: &mut Bodies) {
        for _ in 0..runs {
            let Some(seat) = self.queue.next() else { break };
            self.run(seat, bodies);
            if self.settled && self.run_settled(seat, bodies) {
                break;
            }
        }
    }

    /// Runs this actor, whose messages are in its mailbox.
    pub(super) fn run_one(&mut self, seat: u32, bodies: &mut Bodies) {
        self.run(seat, bodies);
        if self.settled {
            self.run_settled(seat, bodies);
        }
    }

    #[inline(always)]
    fn run(&mut self, seat: u32, bodies: &mut Bodies) {
        let (waiting, data) = self.post.look(seat);
        let me = ActorId { seat, tenant: data.tenant };
        let quota = waiting.min(data.batch);
        self.running = me;
        if self.watch.on {
            self.settled = true;
            self.show(&Event::RunBegan { actor: me, waiting });
        }
        let Some(body) = &mut bodies[seat as usize] else { no_body(me) };
        body.run(self.core(), me, quota);
        let (sent, handled) = (mem::take(&mut self.sent), mem::take(&mut self.handled));
        let (left, data) = self.post.look(seat);
        data.sent += sent;
        data.handled += u64::from(handled);
        if self.settled || data.special || handled >= data.batch {
            self.settled = true;
            self.handled = handled;
        } else if left > 0 {
            self.queue.push(seat, data);
        } else {
            data.busy = false;
        }
    }

    /// The end of a run in which something was settled, or of an actor that presses or begins to. True if the whole
    /// run of the program is over.
    #[cold]
    pub(super) fn run_settled(&mut self, seat: u32, bodies: &mut Bodies) -> bool {
        self.settled = false;
        if !self.newborn.is_empty() {
            self.house_newborn(bodies);
        }
        let handled = mem::take(&mut self.handled);
        if mem::take(&mut self.stopping) {
            self.end(seat, End::Stopped);
            bodies[seat as usize] = None;
        } else {
            self.run_ended(seat, handled);
        }
        self.failure.is_some()
    }

    /// The bodies of the actors that were created since the last call take their seats.
    pub(crate) fn house_newborn(&mut self, bodies: &mut Bodies) {
        for (seat, body) in self.newborn.drain(..) {
            if let Some(script) = self.script.as_mut().filter(|_| body.commutes()) {
                (script.commutes, script.is_calm) = (true, false);
            }
            match bodies.get_mut(seat as usize) {
                Some(place) => *place = Some(body),
                None => {
                    bodies.resize_with(seat as usize, || None);
                    bodies.push(Some(body));
                }
            }
        }
    }

    pub(super) fn run_ended(&mut self, seat: u32, handled: u32) {
        let left = self.post.len(seat);
        let data = self.post.data(seat);
        let (batch, actor) = (data.batch, ActorId { seat, tenant: data.tenant });
        if self.watch.on {
            self.show(&Event::RunEnded { actor, handled, full: handled >= batch });
        }
        let data = self.post.data(seat);
        if data.load.is_muted() {
            return;
        }
        if let Some(event) = data.detector().run_ended(handled, batch, left) {
            let _ = self.change(seat, event);
        }
        // An overloaded actor always gets another run: only the end of one can say that it has caught up (R4).
        if left > 0 || self.post.data(seat).load.has(Load::OVERLOADED) && !planted(Fault::FullIsNotScheduled) {
            self.schedule(seat);
        } else {
            self.post.data_mut(seat).busy = false;
        }
    }

    /// The next message of the running actor, the `nth` of this run, counted from 1. Its run's quota says that there
    /// is one.
    #[inline(always)]
    pub(super) fn next_message<M: Debug + Send + 'static>(&mut self, seat: u32, nth: u32) -> M {
        let Ok(Some(message)) = self.post.pop::<M>(seat) else { no_message(seat, std::any::type_name::<M>()) };
        self.handled = nth;
        message
    }

    #[inline(always)]
    pub(crate) fn next_message_watched<M: Debug + Send + 'static>(&mut self, seat: u32, nth: u32) -> M {
        if self.watch.looks() {
            self.look_at_next(seat);
        }
        self.next_message(seat, nth)
    }

    #[cold]
    #[inline(never)]
    fn look_at_next(&mut self, seat: u32) {
        let Single { post, watch, running, .. } = self;
        post.peek(seat, |message| watch.handle(*running, message));
    }

    /// A behaviour has ended. True if its run has to end with it (R3).
    #[inline(always)]
    pub(crate) fn behaviour_ended(&mut self) -> bool {
        self.attention && (self.is_written_down() || self.settle())
    }

    /// The behaviour in progress does nothing yet: see `script`.
    #[inline(always)]
    fn is_written_down(&self) -> bool {
        self.script.as_ref().is_some_and(|script| script.recording)
    }

    #[cold]
    pub(super) fn settle(&mut self) -> bool {
        self.settled = true;
        if self.watch.on {
            self.show(&Event::Handled { actor: self.running });
        }
        self.watch.handling = None;
        self.collect_dropped_guards();
        let forgets = planted(Fault::SecondPathNeverSettles) && !self.watch.on;
        let muted = !self.pending.is_empty() && !self.stopping && !forgets && self.settle_marks();
        self.pending.clear();
        self.attention = self.watch.on || self.live_guards > 0;
        muted || self.stopping || self.failure.is_some()
    }

    pub(crate) fn stop_running(&mut self) {
        self.stopping = true;
        self.attention = true;
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        if let Some(replay) = &mut self.replay {
            return replay.failed(failure);
        }
        // It is the end of everybody's run.
        self.touch(Object::World, Access::Write);
        self.failure.get_or_insert(failure);
        self.attention = true;
    }
}

/// A message for an actor that has ended (R1).
#[cold]
pub(super) fn dead_letter(
    draft: Draft<'_, Seat>,
    totals: &mut Totals,
    watch: &mut Watch,
    from: Option<ActorId>,
    to: ActorId,
) {
    totals.dead += u64::from(!planted(Fault::DeadIsUncounted));
    watch.dead_letter(from, to, &draft.message());
}

#[cold]
fn no_body(actor: ActorId) -> ! {
    panic!("T6: {actor} is queued, so it has not ended, so it has a body: a bug in backwater")
}

#[cold]
fn no_message(seat: u32, wanted: &str) -> ! {
    panic!(
        "a run's quota says that seat {seat} has a message of type {wanted}, and its mailbox has not: a bug in backwater"
    )
}
