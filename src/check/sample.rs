//! Drawn schedules: uniform random walk, PCT and POS. Each sees any schedule with some probability; none sees all.

use super::footprint::Kept;
use super::run::Driver;
use super::world::World;
use crate::scheduler::{Proc, Random};

/// A way of drawing schedules. Its memory is used again by the next run.
pub(super) trait Sampler: Driver {
    /// Another run, drawn from this seed.
    fn begin(&mut self, seed: u64);
}

/// Takes each of those who can step with equal probability.
pub(super) struct Walk {
    random: Random,
}

impl Walk {
    pub(super) fn new() -> Self {
        Walk { random: Random::new(0) }
    }
}

impl Sampler for Walk {
    fn begin(&mut self, seed: u64) {
        self.random = Random::new(seed);
    }
}

impl Driver for Walk {
    #[inline]
    fn next(&mut self, world: &World, _given: &mut Vec<u32>) -> Option<Proc> {
        let number = self.random.below(world.enabled.len() as u64);
        Some(world.enabled[number as usize])
    }

    fn dice(&mut self) -> Option<u64> {
        Some(self.random.next_u64())
    }
}

/// Something for each of those who step.
struct Table<T> {
    actors: Vec<Option<T>>,
    others: Vec<(Proc, Option<T>)>,
}

impl<T> Table<T> {
    const fn new() -> Self {
        Table { actors: Vec::new(), others: Vec::new() }
    }

    fn clear(&mut self) {
        self.actors.iter_mut().for_each(|entry| *entry = None);
        self.others.clear();
    }

    fn get(&self, proc: Proc) -> Option<&T> {
        match proc {
            Proc::Actor(seat) => self.actors.get(seat as usize)?.as_ref(),
            _ => self.others.iter().find(|(other, _)| *other == proc)?.1.as_ref(),
        }
    }

    /// The entry of `proc`, to be changed, made if there is no place for it.
    fn entry(&mut self, proc: Proc) -> &mut Option<T> {
        match proc {
            Proc::Actor(seat) => {
                let seat = seat as usize;
                if seat >= self.actors.len() {
                    self.actors.resize_with(seat + 1, || None);
                }
                &mut self.actors[seat]
            }
            _ => {
                let known = self.others.iter().position(|(other, _)| *other == proc);
                let at = known.unwrap_or_else(|| {
                    self.others.push((proc, None));
                    self.others.len() - 1
                });
                &mut self.others[at].1
            }
        }
    }
}

/// Random priorities.
struct Priorities {
    random: Random,
    of: Table<u64>,
    least: u64,
}

impl Priorities {
    const fn new(least: u64) -> Self {
        Priorities { random: Random::new(0), of: Table::new(), least }
    }

    fn begin(&mut self, seed: u64) {
        self.random = Random::new(seed);
        self.of.clear();
    }

    /// He who is first. Those who have no priority get one.
    fn first(&mut self, enabled: &[Proc]) -> Option<Proc> {
        let mut first: Option<(u64, Proc)> = None;
        for proc in enabled {
            let priority = self.of.get(*proc).copied().unwrap_or_else(|| {
                let drawn = self.random.next_u64().max(self.least);
                *self.of.entry(*proc) = Some(drawn);
                drawn
            });
            first = first.max(Some((priority, *proc)));
        }
        first.map(|(_, proc)| proc)
    }
}

/// Probabilistic concurrency testing (Burckhardt and others, ASPLOS 2010): random priorities, lowered at `depth` − 1
/// random steps. A bug that `depth` ordered steps bring about is found by one run with a probability of at least
/// 1 / (n · k^(depth − 1)), for n processes and k steps.
pub(super) struct Pct {
    priorities: Priorities,
    depth: u32,
    /// k: how many steps runs have; the drawing is fair only if it is not too small.
    steps: u64,
    /// The steps at which the running process falls behind all others, with the rank it gets.
    changes: Vec<(u64, u64)>,
    step: u64,
}

/// Priorities below this are those of processes that have fallen behind.
const BEHIND: u64 = 1 << 32;

impl Pct {
    pub(super) fn new(depth: u32, steps: u64) -> Self {
        Pct { priorities: Priorities::new(BEHIND), depth, steps: steps.max(1), changes: Vec::new(), step: 0 }
    }
}

impl Sampler for Pct {
    fn begin(&mut self, seed: u64) {
        self.priorities.begin(seed);
        self.changes.clear();
        for rank in 1..u64::from(self.depth) {
            self.changes.push((self.priorities.random.below(self.steps), rank));
        }
        self.step = 0;
    }
}

impl Driver for Pct {
    fn next(&mut self, world: &World, _given: &mut Vec<u32>) -> Option<Proc> {
        let mut proc = self.priorities.first(&world.enabled)?;
        if let Some((_, rank)) = self.changes.iter().find(|(at, _)| *at == self.step) {
            *self.priorities.of.entry(proc) = Some(*rank);
            proc = self.priorities.first(&world.enabled)?;
        }
        self.step += 1;
        Some(proc)
    }

    fn dice(&mut self) -> Option<u64> {
        Some(self.priorities.random.next_u64())
    }
}

/// Partial-order sampling (Yuan, Yang and Gu, CAV 2018): every step that is ready has a random priority, the highest is
/// taken, and the ready steps that it raced with get new ones. Schedules that differ only in the order of independent
/// steps share their probability, so rare orders are seen more often than by a walk.
pub(super) struct Pos {
    priorities: Priorities,
    /// What each process did last, and in which run: a guess at what it will do next, as good as any before it does it.
    did: Table<(u64, Kept)>,
    run: u64,
    /// Who was ready before the step, and what it did.
    ready: Vec<Proc>,
    taken: Kept,
}

impl Pos {
    pub(super) fn new() -> Self {
        Pos { priorities: Priorities::new(1), did: Table::new(), run: 0, ready: Vec::new(), taken: Kept::new() }
    }
}

impl Sampler for Pos {
    fn begin(&mut self, seed: u64) {
        self.priorities.begin(seed);
        self.run += 1;
    }
}

impl Driver for Pos {
    fn next(&mut self, world: &World, _given: &mut Vec<u32>) -> Option<Proc> {
        self.ready.clone_from(&world.enabled);
        self.priorities.first(&world.enabled)
    }

    fn wants_traces(&self) -> bool {
        true
    }

    fn stepped(&mut self, proc: Proc, world: &World) {
        self.taken.set_taken(proc, &world.traces());
        for other in &self.ready {
            let did = self.did.get(*other).filter(|(run, _)| *run == self.run);
            if *other == proc || did.is_none_or(|(_, did)| did.get().depends(&self.taken.get())) {
                *self.priorities.of.entry(*other) = None;
            }
        }
        let (run, did) = self.did.entry(proc).get_or_insert_with(|| (0, Kept::new()));
        *run = self.run;
        did.set(self.taken.get());
    }

    fn dice(&mut self) -> Option<u64> {
        Some(self.priorities.random.next_u64())
    }
}
