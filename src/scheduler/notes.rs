//! What the rest of the scheduler tells the checker, and asks it, in passing. Without a checker, nothing happens here.
//!
//! Not here: what is done with it, which is [`script`](super::script)'s.

use super::script::{Effect, Promise};
use super::single::Single;
use super::touch::{Access, Object, TimerChange};
use crate::rules::Load;

impl Single {
    pub(super) fn touch(&mut self, object: Object, access: Access) {
        if let Some(script) = &mut self.script {
            script.touch(object, access);
        }
    }

    pub(super) fn note_timer(&mut self, owner: u32, nth: u32, change: TimerChange) {
        if let Some(script) = &mut self.script {
            // Until when time can pass depends on all timers.
            script.touch(Object::Time, Access::Read);
            script.touch(Object::Timer(owner, nth), Access::Write);
            let set_here = script.timers_set.iter().position(|set| *set == (owner, nth));
            match (change, set_here) {
                (TimerChange::Set, _) => script.timers_set.push((owner, nth)),
                // Set and cancelled in one step: nobody ever waited for it.
                (TimerChange::Gone | TimerChange::Cancelled, Some(set)) => drop(script.timers_set.swap_remove(set)),
                (TimerChange::Gone, None) => script.let_go = true,
                (TimerChange::Cancelled, None) => {}
            }
        }
    }

    /// A timer fired that does not fire again: to cancel it is in vain from here on.
    pub(super) fn note_fired(&mut self, id: u64, owner: u32, nth: u32) {
        self.script.iter_mut().for_each(|script| script.fired.push((id, owner, nth)));
    }

    /// A timer was cancelled in vain. Before it fired that would have been otherwise, and the step touches what it would
    /// have touched then.
    pub(super) fn note_late_cancel(&mut self, id: u64) {
        let me = self.running.seat;
        let Some(script) = &mut self.script else { return };
        let fired = script.fired.iter().find(|(fired, owner, _)| *fired == id && *owner == me);
        if let Some((_, owner, nth)) = fired.copied() {
            script.touch(Object::Time, Access::Read);
            script.touch(Object::Timer(owner, nth), Access::Write);
        }
    }

    /// True if the effect is written down, to be carried out later.
    pub(super) fn writes_down(&mut self, effect: impl FnOnce() -> Effect) -> bool {
        let Some(script) = self.script.as_mut().filter(|script| script.recording) else { return false };
        script.write_effect(effect());
        true
    }

    /// A guard was dropped that is not held yet: its holder's code has run, and the effect is still to be carried out.
    pub(super) fn note_early_drop(&mut self, guard: u64) {
        self.script().dropped_early.push(guard);
    }

    pub(super) fn was_dropped_early(&mut self, guard: u64) -> bool {
        let Some(script) = &mut self.script else { return false };
        let at = script.dropped_early.iter().position(|early| *early == guard);
        at.map(|at| script.dropped_early.swap_remove(at)).is_some()
    }

    /// Will the running actor be under pressure, once all that its behaviour did so far is carried out? None if effects
    /// are not written down.
    pub(super) fn will_be_under_pressure(&mut self) -> Option<bool> {
        let me = self.running;
        let data = self.post.data(me.seat);
        let mut applied = data.load.has(Load::APPLIED);
        let held = data.more.iter().flat_map(|more| &more.guards);
        let mut held: Vec<u64> = held.map(|(guard, _)| *guard).collect();
        let script = self.script.as_mut().filter(|script| script.recording)?;
        script.touch(Object::Load(me.seat), Access::Read);
        script.write_drops();
        for written in &script.written {
            match &written.effect {
                Effect::Apply(_) => applied = true,
                Effect::Release(_) => applied = false,
                Effect::Hold { guard, .. } => held.push(*guard),
                Effect::Drop { guard, .. } => held.retain(|g| g != guard),
                Effect::Send { .. } | Effect::Watch { .. } => {}
            }
        }
        Some(applied || !held.is_empty())
    }

    /// Are its steps taken by a checker?
    pub(crate) fn is_checked(&self) -> bool {
        self.script.is_some()
    }

    pub(crate) fn looked_at_time(&self) {
        if let Some(script) = &self.script {
            script.looked.set((true, script.looked.get().1));
        }
        self.print_look(false);
    }

    pub(crate) fn looked_at_all(&self) {
        if let Some(script) = &self.script {
            script.looked.set((true, true));
        }
        self.print_look(true);
    }

    /// The checker's answer to `choose`, or without a checker the policy's; none leaves it to the seed.
    pub(crate) fn choose(&mut self, n: u64) -> Option<u64> {
        let Some(script) = self.script.as_mut() else { return self.queue.choose(n) };
        let answers = u32::try_from(n).expect("a choice has fewer than 2^32 answers");
        let given = match script.given.get(script.chosen.len()) {
            Some(given) => given % answers,
            None => script.dice.as_mut().map_or(0, |dice| dice.below(n) as u32),
        };
        script.chosen.push((given, answers));
        self.print_answer(u64::from(given));
        Some(u64::from(given))
    }

    /// A statement about the program, made by the running behaviour.
    pub(crate) fn promise(&mut self, label: &'static str, kind: Promise, holds: bool) {
        let Some(script) = &mut self.script else { return };
        let same = |l: &'static str| std::ptr::eq(l, label) || l == label;
        match script.promises.iter_mut().find(|(l, k, _)| same(l) && *k == kind) {
            Some((_, _, held)) if *held || !holds => return,
            Some((_, _, held)) => *held = true,
            None => script.promises.push((label, kind, holds)),
        }
        script.stamped.promises = script.stamped.step;
    }
}
