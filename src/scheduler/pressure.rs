//! Marks, mutes, falls, apply and release, guards: the effects of R2 to R6.

use super::bell::Bell;
use super::script::Effect;
use super::single::Single;
use super::timers::nanos;
use super::touch::{Access, Object};
use crate::event::{ActorId, Event, Place};
use crate::faults::{Fault, planted};
use crate::rules::{self, Action};
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, lock};
use std::fmt;

/// Guards that were dropped and that the scheduler has not heard of yet. A guard may be dropped anywhere: in a
/// behaviour, while a panic unwinds, in another actor, on another thread.
pub(crate) struct GuardDrops {
    any: AtomicBool,
    dropped: Mutex<Vec<(ActorId, u64)>>,
    bell: Arc<Bell>,
}

impl fmt::Debug for GuardDrops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardDrops").field("any", &self.any).finish_non_exhaustive()
    }
}

impl GuardDrops {
    pub(super) fn new(bell: Arc<Bell>) -> Self {
        GuardDrops { any: AtomicBool::new(false), dropped: Mutex::default(), bell }
    }

    /// From any thread.
    pub(crate) fn dropped(&self, actor: ActorId, guard: u64) {
        lock(&self.dropped).push((actor, guard));
        self.any.store(true, Ordering::Relaxed); // says that there is one; the lock shows which
        self.bell.ring();
    }

    /// Was one dropped since the last `collect`? Another thread's may be seen later: it rings.
    #[inline(always)]
    pub(super) fn has_any(&self) -> bool {
        self.any.load(Ordering::Relaxed) // a look: `collect` is what takes part
    }

    pub(super) fn collect(&self) -> Vec<(ActorId, u64)> {
        // A look first: in the common case nobody has, and a swap would take the cache line.
        // Relaxed: who reads that there is one takes the lock after him who said so.
        match self.has_any() && self.any.swap(false, Ordering::Relaxed) {
            true => std::mem::take(&mut *lock(&self.dropped)),
            false => Vec::new(),
        }
    }
}

impl Single {
    /// Puts an event through the rules and does what they say, except for the marks of a running behaviour.
    pub(super) fn change(&mut self, seat: u32, event: rules::Event) -> Action {
        let data = self.post.data_mut(seat);
        let before = data.load;
        let (after, action) = self.config.rules.step(before, event);
        data.set_load(after);
        if self.watch.on {
            self.show_change(seat, before, after);
        }
        match action {
            Action::Rise => self.tell_outside(seat, true),
            Action::Fall => self.fall(seat),
            Action::Never => panic!("{event:?} cannot happen to an actor that is {before}: a bug in backwater"),
            Action::Keep | Action::Redundant => {}
            Action::Mute | Action::DropMarks => unreachable!("only the end of a behaviour mutes: see `settle_marks`"),
        }
        action
    }

    // --- R2, R3 -------------------------------------------------------------------------------------------------

    /// The running actor sent an ordinary message to an actor that was pressing.
    #[cold]
    pub(super) fn sent_to_pressing(&mut self, to: ActorId) {
        let from = self.running;
        // A guard dropped a line ago has already ended its pressure.
        self.collect_dropped_guards();
        let receiver = self.post.data(to.seat).load;
        let sender = self.post.data(from.seat).load;
        if to.seat == from.seat
            || !rules::marks(sender, receiver)
            || self.pending.contains(&to.seat) && !planted(Fault::MarkedTwice)
        {
            return;
        }
        self.pending.push(to.seat);
        self.attention = true;
        if let Some(script) = &mut self.script {
            script.marked(from.seat, to.seat);
        }
        self.show(&Event::Marked { sender: from, receiver: to });
    }

    /// The behaviour that ends made marks. True if its actor is muted now.
    pub(super) fn settle_marks(&mut self) -> bool {
        let sender = self.running.seat;
        let data = self.post.data_mut(sender);
        let (after, action) = self.config.rules.step(data.load, rules::Event::EndMarked);
        data.set_load(after);
        self.touch(Object::Load(sender), Access::Write);
        match action {
            Action::DropMarks => {
                self.show(&Event::MarksDropped { sender: self.running });
                false
            }
            _ => {
                self.mute(sender);
                true
            }
        }
    }

    fn mute(&mut self, sender: u32) {
        let receivers = std::mem::take(&mut self.pending);
        self.marks.mute(sender, &receivers);
        self.totals.mutes += 1;
        self.totals.muted = self.totals.muted.max(self.marks.muted() as u64);
        let now = self.now_ns();
        let data = self.post.data_mut(sender);
        data.mutes_taken = data.mutes_taken.saturating_add(1);
        data.muted_since = now;
        if data.more.is_some() {
            self.tell_outside(sender, true);
        }
        receivers.iter().for_each(|r| self.post.data_mut(*r).more().mutes_given += 1);
        if let Some(script) = &mut self.script {
            script.muted(&receivers);
        }
        if self.watch.observer.is_some() {
            let receivers: Vec<ActorId> = receivers.iter().map(|r| self.id_of(*r)).collect();
            self.show(&Event::Muted { sender: self.running, receivers: &receivers });
        }
        self.pending = receivers;
    }

    // --- R6 -----------------------------------------------------------------------------------------------------

    /// R6: the senders of `root` are freed, then theirs, and so on; each group in creation order.
    fn fall(&mut self, root: u32) {
        self.fell(root);
        if self.marks.is_empty() {
            return;
        }
        let mut falling = std::mem::take(&mut self.falling);
        self.remove_marks_on(root, &mut falling);
        let mut next = 0;
        while let Some(sender) = falling.get(next).copied() {
            next += 1;
            self.free(sender);
            if !self.marks.is_empty() {
                self.remove_marks_on(sender, &mut falling);
            }
        }
        falling.clear();
        self.falling = falling;
    }

    fn fell(&mut self, seat: u32) {
        self.pending.retain(|r| *r != seat);
        if self.watch.on {
            self.show(&Event::Fell { actor: self.id_of(seat) });
            if let Some(script) = &mut self.script {
                script.fell(seat, self.marks.senders_of(seat));
            }
        }
        self.tell_outside(seat, false);
    }

    fn remove_marks_on(&mut self, receiver: u32, freed: &mut Vec<u32>) {
        let post = &self.post;
        self.marks.fall(receiver, freed, |seat| post.data(seat).created);
    }

    /// A sender is left without marks: it is runnable, whether or not its mailbox looks empty (F5).
    fn free(&mut self, sender: u32) {
        let now = self.now_ns();
        let (waiting, data) = self.post.look(sender);
        let (after, action) = self.config.rules.step(data.load, rules::Event::Free);
        if action != Action::Fall {
            self.freed_wrongly(sender);
        }
        data.set_load(after);
        let muted = now - data.muted_since;
        data.muted_ns += muted;
        if !planted(Fault::EmptyIsNotScheduled) || waiting > 0 {
            self.queue.push(sender, data);
        }
        let known = data.more.is_some();
        self.totals.freed += 1;
        self.muted_longest_ns = self.muted_longest_ns.max(muted);
        if known || self.watch.on {
            self.show(&Event::Freed { sender: self.id_of(sender) });
            self.fell(sender);
            self.resume_timers(sender);
        }
    }

    /// Shows it first, so that the trace has what was wrong, too.
    #[cold]
    fn freed_wrongly(&mut self, sender: u32) -> ! {
        self.show(&Event::Freed { sender: self.id_of(sender) });
        panic!("T2: a muted actor is nothing but muted, so being freed is its fall: a bug in backwater")
    }

    /// The scheduler's time in nanoseconds.
    pub(super) fn now_ns(&self) -> u64 {
        nanos(self.watch.now)
    }

    fn tell_outside(&mut self, seat: u32, pressing: bool) {
        if let Some(more) = &mut self.post.data_mut(seat).more {
            more.outside.iter_mut().for_each(|outside| outside.pressing(pressing));
        }
    }

    // --- R5 -----------------------------------------------------------------------------------------------------

    #[inline(never)] // in user code a call costs less than the registers that this needs
    pub(crate) fn apply(&mut self, place: Place) {
        if !self.writes_down(|| Effect::Apply(place)) {
            self.apply_now(place);
        }
    }

    pub(super) fn apply_now(&mut self, place: Place) {
        let actor = self.running;
        match self.change(actor.seat, rules::Event::Apply) {
            Action::Redundant => self.redundant("apply", place),
            _ => {
                self.post.data_mut(actor.seat).more().applied_at = Some(place);
                self.show(&Event::Applied { actor, place });
            }
        }
    }

    #[inline(never)] // in user code a call costs less than the registers that this needs
    pub(crate) fn release(&mut self, place: Place) {
        if !self.writes_down(|| Effect::Release(place)) {
            self.release_now(place);
        }
    }

    pub(super) fn release_now(&mut self, place: Place) {
        let actor = self.running;
        // The event comes before those of the fall that it causes.
        if self.post.data(actor.seat).load.has(rules::Load::APPLIED) {
            self.show(&Event::Released { actor, place });
        }
        match self.change(actor.seat, rules::Event::Release) {
            Action::Redundant => self.redundant("release", place),
            _ => self.post.data_mut(actor.seat).more().applied_at = None,
        }
    }

    fn redundant(&mut self, call: &'static str, place: Place) {
        self.totals.redundant += 1;
        self.show(&Event::Redundant { actor: self.running, call, place });
    }

    /// Is the running actor under pressure, guards dropped a line ago not counted?
    pub(crate) fn is_under_pressure(&mut self) -> bool {
        if let Some(will_be) = self.will_be_under_pressure() {
            return will_be;
        }
        self.collect_dropped_guards();
        self.post.data(self.running.seat).load.is_under_pressure()
    }

    /// A guard of the running actor comes to life; returns its number.
    pub(crate) fn hold(&mut self, place: Place) -> (u64, Arc<GuardDrops>) {
        let guard = match &mut self.script {
            Some(script) => script.new_guard(self.running.seat),
            None => self.next_guard,
        };
        self.next_guard += 1;
        if !self.writes_down(|| Effect::Hold { guard, place }) {
            self.hold_now(guard, place);
        }
        (guard, self.drops.clone())
    }

    pub(super) fn hold_now(&mut self, guard: u64, place: Place) {
        let actor = self.running;
        self.live_guards += 1;
        self.attention = true;
        self.show(&Event::Held { actor, guard, place });
        let guards = &mut self.post.data_mut(actor.seat).more().guards;
        guards.push((guard, place));
        if guards.len() == 1 {
            let _ = self.change(actor.seat, rules::Event::Hold);
        }
        self.touch(Object::Load(actor.seat), Access::Write);
        if self.was_dropped_early(guard) {
            self.drop_guard(actor, guard);
        }
    }

    /// Ends the pressure of the guards that were dropped since the last call.
    #[inline]
    pub(crate) fn collect_dropped_guards(&mut self) {
        if self.live_guards > 0 {
            self.end_dropped_guards();
        }
    }

    pub(super) fn end_dropped_guards(&mut self) {
        self.drops.collect().into_iter().for_each(|(actor, guard)| self.drop_guard(actor, guard));
    }

    pub(super) fn drop_guard(&mut self, actor: ActorId, guard: u64) {
        self.touch(Object::Load(actor.seat), Access::Write);
        if let Some(script) = &mut self.script {
            script.guard_is_gone(actor.seat, guard);
        }
        let Some(seat) = self.seat_of_mut(actor) else { return };
        let guards = &mut seat.more().guards;
        let Some(at) = guards.iter().position(|(g, _)| *g == guard) else { return self.note_early_drop(guard) };
        guards.remove(at);
        let last = guards.is_empty();
        self.live_guards -= 1;
        self.show(&Event::GuardDropped { actor, guard });
        if last {
            let _ = self.change(actor.seat, rules::Event::Drop);
        }
    }
}
