//! The steps that the checker takes: an actor begins a behaviour, or carries out its next effect, or ends it; a timer
//! fires. Which step is next is not decided here: that is the checker's.

use super::running::{arrive, dead_letter};
use super::script::{Effect, Progress, Promise, Script, Written};
use super::single::{Bodies, Failure, Single};
use super::touch::{Access, Object, Proc, Traces};
use crate::event::{ActorId, End, Event, Lane, Place};
use crate::mailbox::Letter;
use crate::rules::{Detector, Load};
use crate::sync::PlainArc;
use std::mem;

/// Of the checker's part of a scheduler.
pub(super) const CHECKED: &str = "only the checker takes steps";

impl Single {
    /// `main` is called with this: its effects are written down, as those of any behaviour.
    pub(crate) fn main_step(&mut self, number: u64, given: &[u32], main: impl FnOnce(&mut Single)) {
        self.script().is_calm = self.finds_calm();
        let script = self.step_begins(number, given);
        script.recording = true;
        script.changed_all(0);
        let progress = script.of(0);
        (progress.behaving, progress.running) = (true, true);
        main(self);
    }

    /// After `main_step`, and after its panic.
    pub(crate) fn main_written(&mut self, bodies: &mut Bodies) {
        self.behaviour_written(0, bodies);
        self.print_deliveries(Proc::Actor(0), bodies);
        self.step_over();
    }

    /// Takes a step of the actor in this seat, which is enabled. No other step, in whatever runtime of the same search, has
    /// its number. A panic in user code comes through: see `step_panicked`.
    #[inline(always)]
    pub(crate) fn step_of(&mut self, number: u64, seat: u32, given: &[u32], bodies: &mut Bodies) {
        let script = self.step_begins(number, given);
        match script.is_calm && !script.tracing {
            true => self.step_actor::<true>(seat, bodies),
            false => self.step_actor::<false>(seat, bodies),
        }
    }

    /// Is there nothing beside actors and messages? Nobody watches, and no state is to be known again; no message commutes
    /// with others; there is no world outside, and was no guard. What most steps need not ask, they ask `is_calm` instead of.
    pub(super) fn finds_calm(&self) -> bool {
        let Single { script, watch, event_loop, next_guard, .. } = self;
        let plain = script.as_ref().is_some_and(|script| script.prints.is_none() && !script.commutes);
        let watched = watch.looks() || watch.looks_at_sends() || watch.handling.is_some();
        plain && !watched && event_loop.is_none() && *next_guard == 0
    }

    /// Takes a step of `proc`, which is enabled, and no actor: nobody's behaviour.
    pub(crate) fn step_outside(&mut self, number: u64, proc: Proc, given: &[u32], bodies: &mut Bodies) {
        self.step_begins(number, given);
        let is_last = matches!(proc, Proc::World(choice) if self.asks_world(|world| world.is_last(choice)));
        let (preventable, is_fault) = (self.is_preventable(proc), self.is_fault(proc));
        let script = self.script();
        (script.preventable, script.is_fault, script.is_last) = (preventable, is_fault, is_last);
        match proc {
            Proc::Actor(_) => unreachable!("an actor's step is its own"),
            Proc::Timer { owner, nth } => self.fire_one(owner, nth),
            Proc::World(choice) => self.with_world(|world, core| world.take(core, choice)),
            Proc::Time => {
                self.touch(Object::Time, Access::Write);
                let until = self.pass_until().expect("time passes when something is due later");
                self.set_now(until);
            }
        }
        self.print_deliveries(proc, bodies);
        self.step_over();
    }

    #[inline]
    fn step_begins(&mut self, number: u64, given: &[u32]) -> &mut Script {
        let script = self.script();
        script.stamped.step = number;
        script.touched.clear();
        script.timers_set.clear();
        (script.let_go, script.preventable, script.is_fault, script.is_last) = (false, false, false, false);
        script.doings.guards.clear();
        script.freed.clear();
        script.chosen.clear();
        script.given.clear();
        if !given.is_empty() {
            script.given.extend_from_slice(given);
        }
        script.touched_more = false;
        script.looked.set((false, false));
        if let Some(prints) = &mut script.prints {
            prints.step_begins();
        }
        script
    }

    /// What the last step did.
    pub(crate) fn traces(&self) -> Traces<'_> {
        let script = self.script.as_ref().expect("only the checker takes steps");
        Traces {
            touched: &script.touched,
            timers: &script.timers_set,
            let_go: script.let_go,
            preventable: script.preventable,
            is_fault: script.is_fault,
            guards: &script.doings.guards,
            is_last: script.is_last,
            freed: &script.freed,
            chosen: &script.chosen,
        }
    }

    /// Is a behaviour of it, or a run, in progress?
    pub(crate) fn is_mid_run(&self, seat: u32) -> bool {
        let progress = self.script.as_ref().and_then(|script| script.progress.get(seat as usize));
        progress.is_some_and(|progress| progress.behaving || progress.running)
    }

    /// Is this actor overloaded now?
    pub(crate) fn is_overloaded(&self, seat: u32) -> bool {
        self.post.data(seat).load.has(Load::OVERLOADED)
    }

    /// The statements that behaviours made, and whether each was ever true.
    pub(crate) fn promises(&self) -> &[(&'static str, Promise, bool)] {
        self.script.as_ref().map_or(&[], |script| &script.promises)
    }

    /// Whether some actor got as many messages as one run handles, so that it could be overloaded.
    pub(crate) fn reached_a_batch(&self) -> bool {
        let progress = self.script.as_ref().map_or(&[][..], |script| &script.progress);
        let full = |(seat, got): (u32, &Progress)| got.pushed > 0 && got.pushed >= self.post.data(seat).batch;
        (0..self.post.seats()).zip(progress).any(full)
    }

    /// `CALM` is what `is_calm` says, unless what steps touch is written down.
    #[inline(always)]
    fn step_actor<const CALM: bool>(&mut self, seat: u32, bodies: &mut Bodies) {
        debug_assert!(!CALM || self.finds_calm(), "what disturbs the calm says so: a bug in backwater");
        let Single { post, script, running, .. } = self;
        let script = script.as_deref_mut().expect(CHECKED);
        *running = ActorId { seat, tenant: post.data(seat).tenant };
        let step = script.stamped.step;
        let progress = script.of(seat);
        progress.stamps.data = step;
        let begins = !progress.behaving;
        if begins && self.take_message::<CALM>(seat) {
            let body = bodies[seat as usize].as_mut().expect("T6: an actor that is enabled has not ended");
            let me = self.running;
            body.run_checked(self, me);
            self.behaviour_written(seat, bodies);
        }
        match CALM && self.script().is_calm {
            true => self.act::<true>(seat, begins, bodies),
            false => self.act::<false>(seat, begins, bodies),
        }
    }

    /// An actor's step goes on after its code: here begins what others could notice.
    #[inline(always)]
    fn act<const CALM: bool>(&mut self, seat: u32, begins: bool, bodies: &mut Bodies) {
        if !CALM && begins && self.event_loop.is_some() {
            self.settle_world();
        }
        let Single { script, failure, .. } = self;
        let script = script.as_deref().expect(CHECKED);
        // The first effect comes with the beginning, unless somebody could tell the two apart.
        let (atomic, acts) = (script.atomic, script.atomic || !begins || script.was_private());
        let acts = acts && failure.is_none();
        let acted = acts && self.next_effect::<CALM>(seat);
        while acted && atomic && self.next_effect::<CALM>(seat) {}
        // A behaviour without effects ends where it began; otherwise an end that does something is a step of its own,
        // because it may come much later than the last effect.
        if !self.goes_on_plainly::<CALM>(seat) && (!acted || atomic || self.ends_quietly(seat)) {
            self.end_closely(seat, bodies);
        }
        if !CALM {
            if self.takes_prints() {
                self.print_deliveries(Proc::Actor(seat), bodies);
            }
            self.step_over();
        }
    }

    /// A behaviour begins, and a run if none is in progress. False if there is nothing in that run: it can only end an
    /// overload.
    #[inline(always)]
    fn take_message<const CALM: bool>(&mut self, seat: u32) -> bool {
        let Single { post, script, watch, running, .. } = self;
        let script = script.as_deref_mut().expect(CHECKED);
        let (waiting, data) = post.look(seat);
        if data.special && data.detector() != Detector::Batch {
            script.touch_in::<CALM>(Object::Tail(seat), Access::Write);
        }
        let step = script.stamped.step;
        let progress = script.of(seat);
        let run_begins = !progress.running;
        if run_begins {
            (progress.left, progress.handled) = (waiting.min(data.batch), 0);
        }
        let is_empty = progress.left == 0;
        if !is_empty {
            (progress.running, progress.behaving) = (true, true);
            (progress.stamps.mail, progress.stamps.body) = (step, step);
            progress.left -= 1;
            progress.handled += 1;
            progress.popped += 1;
        }
        let number = progress.popped;
        if run_begins {
            if !CALM {
                watch.show(&Event::RunBegan { actor: *running, waiting });
            }
            script.touch_in::<CALM>(Object::Load(seat), Access::Read);
            if script.batches_matter || is_empty {
                script.touch_in::<CALM>(Object::Tail(seat), Access::Write);
            }
            if is_empty {
                self.run_ended(seat, 0);
                return false;
            }
        }
        script.recording = true;
        script.touch_in::<CALM>(Object::Message(seat, number), Access::Read);
        if !CALM && script.prints.is_some() {
            script.print_beginning(seat);
        }
        true
    }

    /// The code of a behaviour has run: what it did is in hand.
    #[inline(always)]
    fn behaviour_written(&mut self, seat: u32, bodies: &mut Bodies) {
        let Single { post, script, handled, stopping, failure, newborn, .. } = self;
        let script = script.as_deref_mut().expect(CHECKED);
        if !script.is_calm || failure.is_some() || !newborn.is_empty() {
            return self.behaviour_written_closely(seat, bodies);
        }
        post.data_mut(seat).handled += u64::from(mem::take(handled));
        script.written_down(seat, mem::take(stopping), false);
    }

    /// There is more to do than that.
    #[inline(never)]
    fn behaviour_written_closely(&mut self, seat: u32, bodies: &mut Bodies) {
        self.house_newborn(bodies);
        let Single { post, script, handled, stopping, failure, .. } = self;
        post.data_mut(seat).handled += u64::from(mem::take(handled));
        let shutdown = failure.take_if(|why| matches!(why, Failure::Shutdown)).is_some();
        let script = script.as_deref_mut().expect(CHECKED);
        script.write_drops();
        script.written_down(seat, mem::take(stopping), shutdown);
        let (prints, commutes) = (script.prints.is_some(), script.commutes);
        if prints {
            self.print_behaviour(seat, bodies);
        }
        if commutes {
            self.compare_messages(seat, bodies);
        }
    }

    /// Finds out with which others the messages of this behaviour do not commute.
    #[inline(never)]
    fn compare_messages(&mut self, seat: u32, bodies: &Bodies) {
        let effects = mem::take(&mut self.script().of(seat).effects);
        let conflicts = |written: &Written| match &written.effect {
            Effect::Send { letter, to, .. } => {
                self.conflicts(letter, bodies.get(to.seat as usize).and_then(|body| body.as_deref()))
            }
            _ => None,
        };
        let mut conflicts: Vec<_> = effects.iter().rev().map(conflicts).collect();
        conflicts.reverse();
        let progress = self.script().of(seat);
        (progress.effects, progress.conflicts) = (effects, conflicts);
    }

    /// False if there is none.
    #[inline(always)]
    fn next_effect<const CALM: bool>(&mut self, seat: u32) -> bool {
        let Progress { effects, conflicts, pending, .. } = self.script().of(seat);
        if !pending.is_empty() || !CALM && !conflicts.is_empty() {
            return self.carry_out_next(seat);
        }
        match effects.pop() {
            None => false,
            Some(Written { effect: Effect::Send { letter, to, lane, place }, print }) => {
                self.send_letter::<CALM>(letter, to, lane, place, None);
                if !CALM {
                    self.letter_arrived(to, print);
                }
                self.keep_pending(seat);
                true
            }
            Some(Written { effect, .. }) => {
                self.carry_out(effect);
                self.keep_pending(seat);
                true
            }
        }
    }

    /// The next effect of a behaviour that has made a mark, or one that may commute. Such marks come in hand while it acts,
    /// and go back. False if there is none.
    #[inline(never)]
    fn carry_out_next(&mut self, seat: u32) -> bool {
        let Single { script, pending, .. } = self;
        let progress = script.as_deref_mut().expect(CHECKED).of(seat);
        mem::swap(&mut progress.pending, pending);
        let (next, conflicts) = (progress.effects.pop(), progress.conflicts.pop().flatten());
        let acts = next.is_some();
        match next {
            Some(Written { effect: Effect::Send { letter, to, lane, place }, print }) => {
                self.send_letter::<false>(letter, to, lane, place, conflicts);
                self.letter_arrived(to, print);
            }
            Some(Written { effect, .. }) => self.carry_out(effect),
            None => {}
        }
        self.keep_pending(seat);
        acts
    }

    #[inline(always)]
    fn keep_pending(&mut self, seat: u32) {
        let Single { script, pending, .. } = self;
        if !pending.is_empty() {
            mem::swap(&mut script.as_deref_mut().expect(CHECKED).of(seat).pending, pending);
        }
    }

    /// An effect that is no send.
    #[inline(never)]
    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Send { .. } => unreachable!("a send has a way of its own"),
            Effect::Apply(place) => self.apply_now(place),
            Effect::Release(place) => self.release_now(place),
            Effect::Hold { guard, place } => self.hold_now(guard, place),
            Effect::Drop { owner, guard } => self.drop_guard(owner, guard),
            Effect::Watch { other, notice } => {
                self.touch(Object::Life(other.seat), Access::Write);
                self.script().changed(other.seat);
                let notice = self.script().notices[notice as usize].take();
                self.watch_now(other, notice.expect("an effect is carried out once"));
            }
        }
    }

    #[inline(always)]
    fn send_letter<const CALM: bool>(
        &mut self,
        letter: Letter,
        to: ActorId,
        lane: Lane,
        place: Place,
        conflicts: Option<PlainArc<[u32]>>,
    ) {
        let Single { post, script, running, .. } = self;
        // Not all of `running`, which was just written in two pieces: see `Seat::settle`.
        let from = running.seat;
        let script = script.as_deref_mut().expect(CHECKED);
        script.pushed_in::<CALM>(to, conflicts);
        let data = post.data_mut(from);
        data.sent += 1;
        if !CALM && script.tracing && lane == Lane::Ordinary && to.seat != from {
            script.touch(Object::Load(to.seat), Access::Read);
            if data.special && data.detector() != Detector::Batch {
                script.touch(Object::Load(from), Access::Read);
            }
        }
        let draft = self.post.letter(letter);
        if !CALM && self.watch.looks_at_sends() {
            self.watch.send(self.running, to, lane, &draft.message(), place);
        }
        let pressing = arrive!(self, draft, to, Some(self.running));
        if pressing && lane == Lane::Ordinary {
            self.sent_to_pressing(to);
        }
    }

    #[inline(always)]
    fn letter_arrived(&mut self, to: ActorId, print: u128) {
        if self.takes_prints() {
            self.print_arrival(to.seat, print);
        }
    }

    /// The end of this behaviour does nothing that another actor could notice, whatever came before.
    #[inline]
    fn ends_quietly(&mut self, seat: u32) -> bool {
        let (batch, detector) = (self.post.data(seat).batch, self.post.data(seat).detector());
        let overloaded = self.post.data(seat).load.has(Load::OVERLOADED);
        let progress = self.script().of(seat);
        let ends_run = progress.left == 0;
        let turns = detector != Detector::Batch || (progress.handled >= batch) != overloaded;
        progress.marked.is_empty()
            && !progress.stopping
            && !progress.shutdown
            && progress.panic.is_none()
            && !(ends_run && turns)
    }

    /// The end of a behaviour that does something.
    #[inline(never)]
    fn end_closely(&mut self, seat: u32, bodies: &mut Bodies) {
        self.touch_marked(seat);
        let Single { script, pending, .. } = self;
        let progress = script.as_deref_mut().expect(CHECKED).of(seat);
        mem::swap(&mut progress.pending, pending);
        let (stopping, shutdown, panic) = (progress.stopping, progress.shutdown, progress.panic.take());
        let (left, handled) = (progress.left, progress.handled);
        progress.run_over();
        self.stopping = stopping;
        if shutdown {
            self.fail(Failure::Shutdown);
        }
        if let Some(payload) = panic {
            self.panicked(payload, true);
            bodies[seat as usize] = None;
            return;
        }
        let over = self.settle();
        if mem::take(&mut self.stopping) {
            self.end(seat, End::Stopped);
            bodies[seat as usize] = None;
        } else if over || left == 0 {
            if self.post.data(seat).detector() != Detector::Batch {
                self.touch(Object::Tail(seat), Access::Write);
            }
            self.run_ended(seat, handled);
        } else {
            let progress = self.script().of(seat);
            (progress.running, progress.left, progress.handled) = (true, left, handled);
        }
    }

    /// No behaviour is at its end here, or it has ended as most do: there was nothing to settle, and nobody is to see it.
    #[inline(always)]
    fn goes_on_plainly<const CALM: bool>(&mut self, seat: u32) -> bool {
        let Single { post, script, watch, pending, failure, live_guards, .. } = self;
        let progress = script.as_deref_mut().expect(CHECKED).of(seat);
        if !progress.behaving || !progress.effects.is_empty() {
            return true;
        }
        let watched = !CALM && (watch.observer.is_some() || watch.handling.is_some() || *live_guards > 0);
        if watched || !pending.is_empty() || failure.is_some() {
            return false;
        }
        let settles = progress.stopping || progress.shutdown || progress.panic.is_some();
        if settles || !progress.marked.is_empty() || !progress.pending.is_empty() {
            return false;
        }
        if progress.left == 0 {
            let (waiting, data) = post.look(seat);
            if data.special || progress.handled >= data.batch {
                return false;
            }
            data.busy = waiting > 0;
            (progress.running, progress.handled) = (false, 0);
        }
        progress.behaving = false;
        true
    }

    /// The end of a behaviour looks at everybody whom it was marked on.
    #[inline]
    fn touch_marked(&mut self, seat: u32) {
        if self.script().of(seat).marked.is_empty() {
            return;
        }
        let marked = mem::take(&mut self.script().of(seat).marked);
        for receiver in &marked {
            self.touch(Object::Load(*receiver), Access::Read);
            self.touch(Object::Load(seat), Access::Read);
        }
        self.script().of(seat).marked = marked;
    }

    /// User code panicked in a step: in a behaviour, or where a message or an actor was dropped.
    pub(crate) fn step_panicked(&mut self, payload: String, bodies: &mut Bodies) {
        let seat = self.running.seat;
        self.script().changed_all(seat);
        self.stopping = false;
        if self.script().recording && !self.config.end_on_panic {
            self.behaviour_written(seat, bodies);
            self.script().of(seat).panic = Some(payload);
        } else {
            self.script().recording = false;
            let ended = self.panicked(payload, true);
            self.house_newborn(bodies);
            ended.into_iter().for_each(|seat| bodies[seat as usize] = None);
            self.script().of(seat).run_over();
        }
        self.print_deliveries(Proc::Actor(seat), bodies);
        self.step_over();
    }

    #[inline(always)]
    fn step_over(&mut self) {
        let looked = self.script().looked.get() != (false, false);
        // Without a guard none was dropped.
        if looked || self.next_guard > 0 || self.event_loop.is_some() {
            self.step_over_closely();
        }
    }

    #[inline(never)]
    fn step_over_closely(&mut self) {
        if self.next_guard > 0 {
            self.end_dropped_guards();
        }
        if self.event_loop.is_some() {
            self.settle_world();
        }
        let (time, all) = self.script().looked.get();
        if all {
            self.touch(Object::World, Access::Write);
        } else if time {
            self.touch(Object::Time, Access::Read);
        }
    }

    /// What the world did in this step, and what was done to it.
    #[inline(never)]
    fn settle_world(&mut self) {
        let mut doings = mem::take(&mut self.script().doings);
        self.with_world(|world, core| world.settle(core, &mut doings));
        let script = self.script();
        doings.touched.drain(..).for_each(|(object, access)| script.touch(object, access));
        script.let_go |= mem::take(&mut doings.let_go);
        script.doings = doings;
    }

    /// An actor that is under pressure, and why the program will not end that: nothing is left to run.
    pub(crate) fn still_pressing(&self) -> Option<super::Root> {
        let pressing = |seat: &u32| self.post.data(*seat).load.is_under_pressure();
        (0..self.post.seats()).find(pressing).map(|seat| self.pressing(seat))
    }
}

impl Single {
    /// The longest mailbox that there ever was.
    pub(crate) fn totals_deepest(&self) -> u32 {
        self.totals.deepest
    }

    /// Whose that is.
    pub(crate) fn longest_mailbox(&self) -> String {
        let longest = (0..self.post.seats()).max_by_key(|seat| self.post.data(*seat).peak);
        longest.map_or_else(String::new, |seat| self.name_of(self.id_of(seat)))
    }
}
