//! Makes a failing schedule shorter: fewer context switches first, then fewer steps, then fewer faults of the environment.
//!
//! The decisions are numbers, 0 is "go on with the same", and a replay that runs out of them takes 0. So a schedule is
//! simpler if its numbers are cut off, set to 0, left out, or made smaller; each attempt is a run.
//!
//! Numbers say little once a step before them is gone: another one then has that number. So there are attempts on the steps
//! themselves too: some are left out, or taken right after the one before of the same actor, and the rest comes in its
//! order, each as soon as it is possible.

use super::run::{Driver, Replay, Stage, Taken, Told};
use super::token::Decisions;
use super::world::{MAIN, World};
use crate::event::Event;
use crate::scheduler::Proc;
use std::time::Duration;

/// The most runs that shrinking takes.
const ATTEMPTS: u32 = 2_000;

/// Tries to find a run with the same fault that has fewer switches, then fewer steps. `watched` says that only a run that
/// somebody watches shows the fault.
pub(super) fn shrink(stage: &mut Stage<'_>, found: Told, watched: bool) -> Told {
    let mut shrinker = Shrinker { stage, best: found, left: ATTEMPTS, watched };
    while shrinker.pass() == Some(true) {}
    shrinker.best
}

struct Shrinker<'s, 'p> {
    stage: &'s mut Stage<'p>,
    best: Told,
    left: u32,
    watched: bool,
}

/// What an attempt came to: true if it was simpler. None: there was none left.
type Attempt = Option<bool>;

impl Shrinker<'_, '_> {
    /// Everything once. True if anything became simpler.
    fn pass(&mut self) -> Attempt {
        let before = weight(&self.best);
        self.leave_out_faults()?;
        self.bring_together()?;
        self.cut_tails()?;
        let mut block = self.best.decisions.len().div_ceil(2);
        while block > 0 {
            self.change_blocks(block, |part| part.fill(0))?;
            self.change_blocks(block, Vec::clear)?;
            block /= 2;
        }
        self.change_blocks(1, |part| part.iter_mut().for_each(|d| *d = d.saturating_sub(1)))?;
        Some(weight(&self.best) < before)
    }

    /// All faults of the environment, then each.
    fn leave_out_faults(&mut self) -> Option<()> {
        let without = |way: &[Taken], left_out: &dyn Fn(usize) -> bool| -> Vec<Taken> {
            let kept = way.iter().enumerate().filter(|(at, taken)| !(taken.is_fault && left_out(*at)));
            kept.map(|(_, taken)| taken.clone()).collect()
        };
        let mut at = usize::MAX;
        while self.best.faults > 0 {
            let way = &self.best.way;
            let fewer = if at == usize::MAX { without(way, &|_| true) } else { without(way, &|this| this == at) };
            self.attempt_way(fewer)?;
            let end = at.min(self.best.way.len());
            let Some(next) = (0..end).rev().find(|before| self.best.way[*before].is_fault) else { break };
            at = next;
        }
        Some(())
    }

    /// After each step the next one of the same actor.
    fn bring_together(&mut self) -> Option<()> {
        let mut at = 0;
        while let Some(proc) = self.best.way.get(at).map(|taken| taken.proc) {
            at += 1;
            let next = self.best.way[at..].iter().position(|later| later.proc == proc);
            if let Some(between) = next.filter(|between| *between > 0) {
                let mut way = self.best.way.clone();
                way[at..=at + between].rotate_right(1);
                self.attempt_way(way)?;
            }
        }
        Some(())
    }

    /// Halves what is kept, then less boldly.
    fn cut_tails(&mut self) -> Option<()> {
        let mut cut = self.best.decisions.len();
        while cut > 0 {
            let keep = self.best.decisions.len().saturating_sub(cut);
            self.attempt(self.best.decisions[..keep].to_vec())?;
            cut /= 2;
        }
        Some(())
    }

    fn change_blocks(&mut self, block: usize, change: impl Fn(&mut Decisions)) -> Option<()> {
        let mut at = 0;
        while let Some(part) = self.best.decisions.get(at..).and_then(|rest| rest.chunks(block).next()) {
            let mut changed = part.to_vec();
            change(&mut changed);
            if changed == part {
                at += block;
                continue;
            }
            let parts = [&self.best.decisions[..at], &changed, &self.best.decisions[at + part.len()..]];
            let shorter = self.attempt(parts.concat())?;
            at += if shorter && changed.is_empty() { 0 } else { block };
        }
        Some(())
    }

    fn attempt(&mut self, decisions: Decisions) -> Attempt {
        self.left = self.left.checked_sub(1)?;
        Some(self.judge(&mut Replay::new(&decisions, true)))
    }

    fn attempt_way(&mut self, mut way: Vec<Taken>) -> Attempt {
        self.left = self.left.checked_sub(1)?;
        Some(self.judge(&mut Loosely { way: &mut way }))
    }

    /// True if that was simpler, and fails in the same way.
    fn judge(&mut self, driver: &mut impl Driver) -> bool {
        let mut told = match self.watched {
            true => self.stage.watch(driver, Box::new(|_: Duration, _: &Event<'_>| ())),
            false => self.stage.tell(driver),
        };
        while told.decisions.last() == Some(&0) {
            told.decisions.pop();
        }
        let same = matches!((told.ran.fault(), self.best.ran.fault()), (Some(a), Some(b)) if a.is_like(b));
        let better = same && weight(&told) < weight(&self.best);
        if better {
            self.best = told;
        }
        better
    }
}

/// Takes steps in this order, each as soon as it is possible; where none is, who went on last goes on.
struct Loosely<'w> {
    way: &'w mut Vec<Taken>,
}

impl Loosely<'_> {
    fn take(&mut self, at: usize, given: &mut Vec<u32>) -> Proc {
        let taken = self.way.remove(at);
        given.extend(taken.answers);
        taken.proc
    }
}

impl Driver for Loosely<'_> {
    fn next(&mut self, world: &World, given: &mut Vec<u32>) -> Option<Proc> {
        match self.way.iter().position(|taken| world.is_enabled(taken.proc)) {
            Some(at) => Some(self.take(at, given)),
            None => world.in_order().next(),
        }
    }

    fn main(&mut self, given: &mut Vec<u32>) {
        if self.way.first().is_some_and(|taken| taken.proc == MAIN) {
            self.take(0, given);
        }
    }
}

fn weight(told: &Told) -> (usize, usize, usize, usize, u64) {
    let sum = told.decisions.iter().map(|d| u64::from(*d)).sum();
    (told.switches, told.ran.steps, told.faults, told.decisions.len(), sum)
}
