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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ActorId;
    use crate::scheduler::timers::TimerId;
    use std::time::Duration;

    const MS: Duration = Duration::from_millis(1);
    const ONE: ActorId = ActorId { seat: 1, tenant: 0 };
    const OTHER: ActorId = ActorId { seat: 2, tenant: 0 };

    /// With two actors, the first of which set two timers, for 1 and 2 ms, in a step of its own.
    fn with_timers() -> (Single, [TimerId; 2]) {
        let mut core = Single::plain();
        core.write_script(false, false);
        let _ = [(); 2].map(|()| core.another());
        core.running = ONE;
        let ids = [1, 2].map(|ms| core.set_timer(MS * ms, None, Box::new(|_, _, _| ())));
        assert_eq!(core.traces().timers, [(1, 0), (1, 1)]);
        (core, ids)
    }

    fn next_step(core: &mut Single) {
        let script = core.script();
        script.touched.clear();
        script.timers_set.clear();
        script.let_go = false;
    }

    #[test]
    fn a_promise_is_kept_by_any_line_of_its_text_and_only_if_it_held() {
        let mut core = Single::plain();
        core.write_script(false, false);
        let elsewhere = &"and it comes"[4..];
        let mut kept = |label, holds| {
            core.promise(label, Promise::Eventually, holds);
            core.script().promises.iter().map(|(label, _, held)| (*label, *held)).collect::<Vec<_>>()
        };
        assert_eq!(kept("it comes", false), [("it comes", false)]);
        assert_eq!(kept("it comes", false), [("it comes", false)]);
        assert_eq!(kept(elsewhere, true), [("it comes", true)]);
        assert_eq!(kept("it comes", false), [("it comes", true)]);
    }

    #[test]
    fn a_timer_that_is_set_and_cancelled_in_one_step_is_none() {
        let (mut core, ids) = with_timers();
        core.set_now(MS);
        assert!(core.cancel_timer(ids[0]));
        assert_eq!((core.traces().timers, core.traces().let_go), (&[(1, 1)][..], false));
        next_step(&mut core);
        assert!(core.cancel_timer(ids[1]));
        assert_eq!((core.traces().timers, core.traces().let_go), (&[][..], false), "it was not due");
    }

    /// It touches what it would have touched in time; that of another actor would have been in vain in any order.
    #[test]
    fn a_cancel_that_comes_too_late_would_have_been_otherwise_before() {
        let (mut core, ids) = with_timers();
        core.set_now(MS * 2);
        for nth in 0..2 {
            next_step(&mut core);
            core.fire_one(1, nth);
            assert!(core.traces().let_go);
        }
        for (nth, id) in ids.into_iter().enumerate() {
            for (who, touches) in [(ONE, true), (OTHER, false)] {
                next_step(&mut core);
                core.running = who;
                assert!(!core.cancel_timer(id));
                let both = [(Object::Time, Access::Read), (Object::Timer(1, nth as u32), Access::Write)];
                assert_eq!(core.traces().touched, if touches { &both[..] } else { &[] });
            }
        }
        next_step(&mut core);
        core.running = ONE;
        assert!(!core.cancel_timer(TimerId(9)) && core.traces().touched.is_empty());
    }
}
