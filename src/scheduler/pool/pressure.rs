//! Marks, mutes, falls, apply and release, guards on many threads: the effects of R2 to R6.
//!
//! Every change of an actor's flags is one [`step`](rules::step) on its word: what it says is done here. A mark is kept
//! by the worker that muted the sender, which owns it from then on; the fall of a receiver is told to the workers whose
//! bits its word had, and each frees its own. Why no mark is missed stands in [`word`](super::word).

use super::super::pressure::GuardDrops;
use super::super::timers::nanos;
use super::slot::Rare;
use super::word::Waiters;
use super::worker::Worker;
use crate::event::{ActorId, Event, Place};
use crate::faults::{Fault, planted};
use crate::rules::{self, Action, Detector, Load};
use crate::sync::{Arc, Ordering, lock};
use std::mem;

impl Worker {
    /// Puts an event through the rules and does what they say, except for the marks of a running behaviour.
    pub(super) fn change(&mut self, seat: u32, event: rules::Event) -> Action {
        let (before, action, waiters) = self.shared.table.slot(seat).word.step(event);
        if self.shared.watched {
            self.show_change(seat, before, event);
        }
        match action {
            Action::Rise => self.tell_outside(seat),
            Action::Fall => self.fell(seat, waiters),
            // Others may think that it is there when it has just ended.
            Action::Never if before.has(Load::STOPPED) => {}
            Action::Never => panic!("{event:?} cannot happen to an actor that is {before}: a bug in backwater"),
            Action::Keep | Action::Redundant => {}
            Action::Mute | Action::DropMarks => unreachable!("only the end of a behaviour mutes: see `settle_marks`"),
        }
        action
    }

    #[cold]
    fn show_change(&mut self, seat: u32, before: Load, event: rules::Event) {
        let actor = self.id_of(seat);
        let overloaded = before.has(Load::OVERLOADED);
        match event {
            _ if before.has(Load::STOPPED) => {}
            rules::Event::Overload if !overloaded && !before.is_muted() => {
                self.shared.show(&Event::Overloaded { actor })
            }
            rules::Event::CatchUp | rules::Event::Stop if overloaded => self.shared.show(&Event::CaughtUp { actor }),
            _ => {}
        }
    }

    // --- R2, R3 -----------------------------------------------------------------------------------------------------

    /// Is a message of the running actor to another one to leave a mark? If so, of which era. Asked before the push.
    ///
    /// The receiver is looked at twice. If it does not press at the first look, that is the moment of the send, and there
    /// is no mark, whatever the sender is. Otherwise the sender's own flags come first: they are its own doing, except
    /// that others may end its guards (then it was exempt a moment ago, and is so no more) or make it overloaded (then
    /// the end of its behaviour drops the mark). The moment of the send is the second look.
    pub(super) fn look_for_mark(&mut self, to: ActorId) -> Option<u16> {
        self.shared.living(to).filter(|slot| slot.word.look().load().is_pressing())?;
        // A guard dropped a line ago has already ended its pressure.
        self.collect_dropped_guards();
        let sender = self.shared.table.slot(self.running.seat).word.look().load();
        let seen = self.shared.living(to)?.word.look();
        rules::marks(sender, seen.load()).then(|| seen.era())
    }

    /// The running actor is marked on `to`, in this era.
    pub(super) fn mark(&mut self, to: ActorId, era: u16) {
        self.attention = true;
        match self.pending.iter_mut().find(|(seat, _)| *seat == to.seat) {
            Some((_, marked)) if *marked == era => return,
            // It has fallen since the first mark: that one is gone, and this one counts.
            Some((_, marked)) => *marked = era,
            None => self.pending.push((to.seat, era)),
        }
        self.shared.show(&Event::Marked { sender: self.running, receiver: to });
    }

    /// The behaviour that ends made marks. True if its actor is muted now.
    pub(super) fn settle_marks(&mut self) -> bool {
        self.in_order(Self::settle_marks_now)
    }

    fn settle_marks_now(&mut self) -> bool {
        let sender = self.running.seat;
        let shared = &self.shared;
        // From here on this worker is told of the falls of those that are left. Without asking first whether the sender
        // is exempt: that may end on another worker at any time, and then it is muted by the step below.
        let asks = || planted(Fault::ExemptionAskedTwice) && shared.table.slot(sender).word.look().load().is_source();
        if !asks() {
            self.pending.retain(|(receiver, era)| shared.table.slot(*receiver).word.wait_for(*era, self.index));
        }
        if self.pending.is_empty() {
            return false;
        }
        match shared.table.slot(sender).word.step(rules::Event::EndMarked).1 {
            Action::DropMarks => {
                shared.show(&Event::MarksDropped { sender: self.running });
                false
            }
            _ => {
                self.mute(sender);
                true
            }
        }
    }

    fn mute(&mut self, sender: u32) {
        let mut receivers = mem::take(&mut self.receivers);
        receivers.extend(self.pending.iter().map(|(receiver, _)| *receiver));
        self.mute_by(sender, &receivers);
        receivers.clear();
        self.receivers = receivers;
    }

    fn mute_by(&mut self, sender: u32, receivers: &[u32]) {
        let shared = &self.shared;
        lock(&shared.berths[self.index].marks).mute(sender, receivers);
        self.tally().mutes.add(1);
        let muted = shared.numbers.muted.fetch_add(1, Ordering::Relaxed) + 1; // a count
        if muted > shared.numbers.muted_most.load(Ordering::Relaxed) {
            shared.numbers.muted_most.fetch_max(muted, Ordering::Relaxed);
        }
        let now = self.now_ns();
        shared.table.slot(sender).with_rare(|rare| {
            rare.mutes_taken = rare.mutes_taken.saturating_add(1);
            rare.muted_since = now;
            tell(rare, true);
        });
        receivers.iter().for_each(|receiver| {
            shared.table.slot(*receiver).with_rare(|rare| rare.more.mutes_given += 1);
        });
        self.record(|tape| tape.muted(receivers.iter().map(|r| self.id_of(*r))));
        if shared.watched {
            let receivers: Vec<ActorId> = receivers.iter().map(|r| self.id_of(*r)).collect();
            shared.show(&Event::Muted { sender: self.running, receivers: &receivers });
        }
    }

    // --- R6 -----------------------------------------------------------------------------------------------------------

    /// An actor presses no longer: its outsides hear of it, and the workers that wait for it.
    fn fell(&mut self, seat: u32, waiters: Waiters) {
        if self.told(seat, waiters) {
            self.heard_of_fall(seat);
        }
    }

    /// Tells of a fall, this worker excepted; true if this one is among those who have to hear of it.
    fn told(&mut self, seat: u32, waiters: Waiters) -> bool {
        if self.shared.observed {
            self.show_fall(seat, waiters);
        }
        self.tell_outside(seat);
        if waiters.is_empty() {
            return false;
        }
        let (here, workers) = (self.index, self.shared.berths.len());
        let others = || waiters.among(workers).filter(|worker| *worker != here);
        if others().next().is_some() {
            self.shared.hall.fell(seat, others());
        }
        waiters.among(workers).any(|worker| worker == here)
    }

    #[cold]
    fn show_fall(&self, seat: u32, waiters: Waiters) {
        let actor = self.id_of(seat);
        self.shared.show(&Event::Fell { actor });
        let workers: Vec<u32> = waiters.among(self.shared.berths.len()).map(|worker| worker as u32).collect();
        if !workers.is_empty() {
            self.shared.show(&Event::Told { actor, workers: &workers });
        }
    }

    /// R6: those whom this worker muted for `root` are freed, then theirs, and so on; each group in creation order.
    pub(super) fn heard_of_fall(&mut self, root: u32) {
        self.in_order(|worker| worker.hear(root));
    }

    fn hear(&mut self, root: u32) {
        let mut falling = mem::take(&mut self.falling);
        self.remove_marks_on(root, &mut falling);
        let mut next = 0;
        while let Some(sender) = falling.get(next).copied() {
            next += 1;
            self.free(sender, &mut falling);
        }
        falling.clear();
        self.falling = falling;
    }

    fn remove_marks_on(&self, receiver: u32, freed: &mut Vec<u32>) {
        let shared = &self.shared;
        if shared.observed {
            shared.show(&Event::Heard { actor: self.id_of(receiver), worker: self.index as u32 });
        }
        let created = |seat| shared.table.slot(seat).created.load(Ordering::Relaxed);
        lock(&shared.berths[self.index].marks).fall(receiver, freed, created);
    }

    /// A sender is left without marks: it is runnable, whether or not its mailbox looks empty (F5). Those whom it
    /// muted itself are added to `falling`, if they are this worker's.
    fn free(&mut self, sender: u32, falling: &mut Vec<u32>) {
        let now = self.now_ns();
        let slot = self.shared.table.slot(sender);
        let (_, action, waiters) = slot.word.step(rules::Event::Free);
        assert!(action == Action::Fall, "T2: a muted actor is nothing but muted, so being freed is its fall");
        let timers = slot.with_rare(|rare| {
            let muted = now.saturating_sub(rare.muted_since);
            rare.muted_ns += muted;
            self.tally().muted_longest_ns.raise(muted);
            !rare.more.timers.is_empty()
        });
        self.tally().freed.add(1);
        self.shared.numbers.muted.fetch_sub(1, Ordering::Relaxed); // a count
        if self.shared.observed {
            self.shared.show(&Event::Freed { sender: self.id_of(sender) });
        }
        if self.told(sender, waiters) {
            self.remove_marks_on(sender, falling);
        }
        if timers {
            self.resume_timers(sender);
        }
        self.schedule(sender);
    }

    /// The scheduler's time in nanoseconds.
    pub(super) fn now_ns(&self) -> u64 {
        nanos(self.now())
    }

    /// What is attached to an actor from outside is told whether it presses. Asked under the lock, so that whoever comes
    /// last tells what is true last.
    pub(super) fn tell_outside(&self, seat: u32) {
        let slot = self.shared.table.slot(seat);
        if let Some(rare) = slot.rare() {
            let mut rare = lock(rare);
            tell(&mut rare, slot.word.look().load().is_pressing());
        }
    }

    // --- R4, by depth -------------------------------------------------------------------------------------------------

    /// A message is about to come into the mailbox of an actor whose detector is its depth.
    #[cold]
    #[inline(never)]
    pub(super) fn arrive_by_depth(&mut self, seat: u32) {
        let (waiting, alarm) = self.shared.table.slot(seat).with_rare(|rare| {
            rare.depth += 1;
            (rare.depth, detector(rare).alarm())
        });
        if waiting >= alarm {
            let _ = self.change(seat, rules::Event::Overload);
        }
    }

    /// The owner is about to handle a message of such an actor.
    #[cold]
    #[inline(never)]
    pub(super) fn left_by_depth(&mut self, seat: u32) {
        self.shared.table.slot(seat).with_rare(|rare| rare.depth -= 1);
    }

    /// A run of such an actor ended.
    pub(super) fn depth_ended(&mut self, seat: u32, handled: u32, batch: u32) -> Option<rules::Event> {
        self.shared.table.slot(seat).with_rare(|rare| detector(rare).run_ended(handled, batch, rare.depth))
    }

    // --- R5 -----------------------------------------------------------------------------------------------------------

    pub(crate) fn apply(&mut self, place: Place) {
        self.in_order(|worker| worker.apply_now(place));
    }

    fn apply_now(&mut self, place: Place) {
        let actor = self.running;
        match self.change(actor.seat, rules::Event::Apply) {
            Action::Redundant => self.redundant("apply", place),
            _ => {
                self.shared.table.slot(actor.seat).with_rare(|rare| rare.more.applied_at = Some(place));
                self.shared.show(&Event::Applied { actor, place });
            }
        }
    }

    pub(crate) fn release(&mut self, place: Place) {
        self.in_order(|worker| worker.release_now(place));
    }

    fn release_now(&mut self, place: Place) {
        let actor = self.running;
        // The event comes before those of the fall that it causes.
        if self.shared.table.slot(actor.seat).word.look().load().has(Load::APPLIED) {
            self.shared.show(&Event::Released { actor, place });
        }
        match self.change(actor.seat, rules::Event::Release) {
            Action::Redundant => self.redundant("release", place),
            _ => self.shared.table.slot(actor.seat).with_rare(|rare| rare.more.applied_at = None),
        }
    }

    fn redundant(&mut self, call: &'static str, place: Place) {
        self.tally().redundant.add(1);
        self.shared.show(&Event::Redundant { actor: self.running, call, place });
    }

    /// Is the running actor under pressure, guards dropped a line ago not counted?
    pub(crate) fn is_under_pressure(&mut self) -> bool {
        self.collect_dropped_guards();
        self.shared.table.slot(self.running.seat).word.look().load().is_under_pressure()
    }

    /// A guard of the running actor comes to life; returns its number.
    pub(crate) fn hold(&mut self, place: Place) -> (u64, Arc<GuardDrops>) {
        let actor = self.running;
        let guard = self.shared.numbers.guards.fetch_add(1, Ordering::Relaxed); // a number
        self.attention = true;
        self.in_order(|worker| {
            worker.shared.show(&Event::Held { actor, guard, place });
            worker.guards(actor.seat, |guards| {
                guards.push((guard, place));
                (guards.len() == 1).then_some(rules::Event::Hold)
            });
        });
        (guard, self.shared.drops.clone())
    }

    /// Changes the list of an actor's guards, and its load with it: both under one lock, because a guard may be taken
    /// by one thread while the last one before it is dropped by another.
    fn guards(&mut self, seat: u32, change: impl FnOnce(&mut Vec<(u64, Place)>) -> Option<rules::Event>) {
        let slot = self.shared.table.slot(seat);
        let stepped = slot.with_rare(|rare| {
            let event = change(&mut rare.more.guards)?;
            let (before, action, waiters) = slot.word.step(event);
            assert!(
                action != Action::Never || before.has(Load::STOPPED),
                "{event:?} cannot happen to an actor that is {before}: a bug in backwater"
            );
            tell(rare, slot.word.look().load().is_pressing());
            Some((action, waiters))
        });
        if let Some((Action::Fall, waiters)) = stepped {
            self.fell(seat, waiters);
        }
    }

    /// Ends the pressure of the guards that were dropped since anybody last called this.
    #[inline]
    pub(crate) fn collect_dropped_guards(&mut self) {
        if self.shared.drops.has_any() {
            let dropped = self.shared.drops.collect();
            dropped.into_iter().for_each(|(actor, guard)| self.in_order(|worker| worker.drop_guard(actor, guard)));
        }
    }

    fn drop_guard(&mut self, actor: ActorId, guard: u64) {
        if self.shared.living(actor).is_none() {
            return;
        }
        let mut known = false;
        let shared = self.shared.clone();
        self.guards(actor.seat, |guards| {
            known = guards.iter().any(|(g, _)| *g == guard);
            guards.retain(|(g, _)| *g != guard);
            if known {
                shared.show(&Event::GuardDropped { actor, guard });
            }
            (known && guards.is_empty()).then_some(rules::Event::Drop)
        });
    }
}

fn tell(rare: &mut Rare, pressing: bool) {
    rare.more.outside.iter_mut().for_each(|outside| outside.pressing(pressing));
}

fn detector(rare: &Rare) -> Detector {
    rare.more.detector.unwrap_or(Detector::Batch)
}
