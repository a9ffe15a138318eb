//! Drawn schedules: uniform random walk, PCT and POS. Each sees any schedule with some probability; none sees all.

use super::causality::Footprint;
use super::run::Driver;
use super::world::World;
use crate::scheduler::{Proc, Random};
use std::collections::BTreeMap;

/// Takes each of those who can step with equal probability.
pub(super) struct Walk {
    random: Random,
}

impl Walk {
    pub(super) fn new(seed: u64) -> Self {
        Walk { random: Random::new(seed) }
    }
}

impl Driver for Walk {
    fn next(&mut self, world: &World) -> Option<(Proc, Vec<u32>)> {
        let number = self.random.below(world.enabled.len() as u64);
        Some((world.enabled[number as usize], Vec::new()))
    }

    fn stepped(&mut self, _proc: Proc, _world: &World) {}

    fn dice(&mut self) -> Option<u64> {
        Some(self.random.next_u64())
    }
}

/// Probabilistic concurrency testing (Burckhardt and others, ASPLOS 2010): random priorities, lowered at `depth` − 1
/// random steps. A bug that `depth` ordered steps bring about is found by one run with a probability of at least
/// 1 / (n · k^(depth − 1)), for n processes and k steps.
pub(super) struct Pct {
    random: Random,
    priorities: BTreeMap<Proc, u64>,
    /// The steps at which the running process falls behind all others, with the rank it gets.
    changes: Vec<(u64, u64)>,
    step: u64,
}

impl Pct {
    /// `steps` is k, the length of the runs; the drawing is fair only if it is not too small.
    pub(super) fn new(seed: u64, depth: u32, steps: u64) -> Self {
        let mut random = Random::new(seed);
        let changes = (1..u64::from(depth)).map(|rank| (random.below(steps.max(1)), rank)).collect();
        Pct { random, priorities: BTreeMap::new(), changes, step: 0 }
    }
}

/// Priorities below this are those of processes that have fallen behind.
const BEHIND: u64 = 1 << 32;

impl Driver for Pct {
    fn next(&mut self, world: &World) -> Option<(Proc, Vec<u32>)> {
        for proc in &world.enabled {
            let random = &mut self.random;
            self.priorities.entry(*proc).or_insert_with(|| random.next_u64().max(BEHIND));
        }
        let first = |priorities: &BTreeMap<Proc, u64>| {
            world.enabled.iter().copied().max_by_key(|proc| (priorities[proc], *proc))
        };
        let mut proc = first(&self.priorities)?;
        if let Some((_, rank)) = self.changes.iter().find(|(at, _)| *at == self.step) {
            self.priorities.insert(proc, *rank);
            proc = first(&self.priorities)?;
        }
        self.step += 1;
        Some((proc, Vec::new()))
    }

    fn stepped(&mut self, _proc: Proc, _world: &World) {}

    fn dice(&mut self) -> Option<u64> {
        Some(self.random.next_u64())
    }
}

/// Partial-order sampling (Yuan, Yang and Gu, CAV 2018): every step that is ready has a random priority, the highest is
/// taken, and the ready steps that it raced with get new ones. Schedules that differ only in the order of independent
/// steps share their probability, so rare orders are seen more often than by a walk.
pub(super) struct Pos {
    random: Random,
    priorities: BTreeMap<Proc, u64>,
    /// What each process did last: a guess at what it will do next, as good as any before it does it.
    did: BTreeMap<Proc, Footprint>,
}

impl Pos {
    pub(super) fn new(seed: u64) -> Self {
        Pos { random: Random::new(seed), priorities: BTreeMap::new(), did: BTreeMap::new() }
    }
}

impl Driver for Pos {
    fn next(&mut self, world: &World) -> Option<(Proc, Vec<u32>)> {
        for proc in &world.enabled {
            let random = &mut self.random;
            self.priorities.entry(*proc).or_insert_with(|| random.next_u64());
        }
        let proc = world.enabled.iter().copied().max_by_key(|proc| (self.priorities[proc], *proc))?;
        Some((proc, Vec::new()))
    }

    fn stepped(&mut self, proc: Proc, world: &World) {
        let taken = Footprint::new(proc, &world.traces());
        let races = |other: &Proc| self.did.get(other).is_none_or(|did| did.depends(&taken));
        self.priorities.retain(|other, _| *other != proc && !races(other));
        self.did.insert(proc, taken);
    }

    fn dice(&mut self) -> Option<u64> {
        Some(self.random.next_u64())
    }
}
