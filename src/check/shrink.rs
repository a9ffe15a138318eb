//! Makes a failing schedule shorter: fewer context switches first, then fewer steps, then fewer faults of the environment.
//!
//! The decisions are numbers, 0 is "go on with the same", and a replay that runs out of them takes 0. So a schedule is
//! simpler if its numbers are cut off, set to 0, left out, or made smaller; each attempt is a run.

use super::run::{Replay, Stage, Told};
use super::token::Decisions;
use crate::event::Event;
use std::time::Duration;

/// The most runs that shrinking takes.
const ATTEMPTS: u32 = 2_000;

/// Tries to find a run with the same fault that has fewer switches, then fewer steps. `watched` says that only a run that
/// somebody watches shows the fault.
pub(super) fn shrink(stage: &mut Stage<'_>, found: Told, watched: bool) -> Told {
    let mut shrinker = Shrinker { stage, best: found, left: ATTEMPTS, watched };
    while shrinker.left > 0 && shrinker.pass() {}
    shrinker.best
}

struct Shrinker<'s, 'p> {
    stage: &'s mut Stage<'p>,
    best: Told,
    left: u32,
    watched: bool,
}

impl Shrinker<'_, '_> {
    /// True if anything became simpler.
    fn pass(&mut self) -> bool {
        let mut better = self.cut_tails();
        let mut block = self.best.decisions.len().div_ceil(2);
        while block > 0 && self.left > 0 {
            better |= self.change_blocks(block, |part| part.fill(0));
            better |= self.change_blocks(block, Vec::clear);
            block /= 2;
        }
        better | self.change_blocks(1, |part| part.iter_mut().for_each(|d| *d = d.saturating_sub(1)))
    }

    /// Halves what is kept, then less boldly.
    fn cut_tails(&mut self) -> bool {
        let mut better = false;
        let mut cut = self.best.decisions.len();
        while cut > 0 {
            let keep = self.best.decisions.len().saturating_sub(cut);
            better |= self.attempt(self.best.decisions[..keep].to_vec());
            cut /= 2;
        }
        better
    }

    fn change_blocks(&mut self, block: usize, change: impl Fn(&mut Decisions)) -> bool {
        let mut better = false;
        let mut at = 0;
        while at < self.best.decisions.len() && self.left > 0 {
            let end = self.best.decisions.len().min(at + block);
            let mut part = self.best.decisions[at..end].to_vec();
            change(&mut part);
            let parts = [&self.best.decisions[..at], &part, &self.best.decisions[end..]];
            if part.len() == end - at && part == self.best.decisions[at..end] {
                at += block;
                continue;
            }
            let shorter = self.attempt(parts.concat());
            better |= shorter;
            at += if shorter && part.is_empty() { 0 } else { block };
        }
        better
    }

    fn attempt(&mut self, decisions: Decisions) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let mut replay = Replay::new(&decisions, true);
        let mut told = match self.watched {
            true => self.stage.watch(&mut replay, Box::new(|_: Duration, _: &Event<'_>| ())),
            false => self.stage.tell(&mut replay),
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

fn weight(told: &Told) -> (usize, usize, usize, usize, u64) {
    let sum = told.decisions.iter().map(|d| u64::from(*d)).sum();
    (told.switches, told.ran.steps, told.faults, told.decisions.len(), sum)
}
