//! Schedules as a fair scheduler makes them: whole runs (R4), first come, first served, as the plain runtime's default
//! policy does it. What is drawn is the order of those who become ready at once, and the answers to choices.

use super::run::Driver;
use super::sample::Sampler;
use super::world::World;
use crate::scheduler::{Proc, Random};
use std::collections::VecDeque;

/// Takes whoever has been ready for longest, and lets him end his run. Time passes when nobody is ready.
pub(super) struct Fair {
    random: Random,
    queue: VecDeque<Proc>,
    running: Option<Proc>,
}

impl Fair {
    pub(super) fn new() -> Self {
        Fair { random: Random::new(0), queue: VecDeque::new(), running: None }
    }

    fn line_up(&mut self, world: &World) {
        self.queue.retain(|proc| world.is_enabled(*proc));
        let waiting = self.queue.len();
        for proc in world.enabled.iter().filter(|proc| **proc != Proc::Time) {
            if !self.queue.contains(proc) {
                let newcomers = (self.queue.len() - waiting + 1) as u64;
                let place = waiting + self.random.below(newcomers) as usize;
                self.queue.insert(place, *proc);
            }
        }
    }
}

impl Sampler for Fair {
    fn begin(&mut self, seed: u64) {
        self.random = Random::new(seed);
        self.queue.clear();
        self.running = None;
    }
}

impl Driver for Fair {
    fn next(&mut self, world: &World, _given: &mut Vec<u32>) -> Option<Proc> {
        let same = self.running.filter(|proc| matches!(proc, Proc::Actor(seat) if world.core.is_mid_run(*seat)));
        self.line_up(world);
        let next = same.or_else(|| self.queue.front().copied()).unwrap_or(Proc::Time);
        self.queue.retain(|proc| *proc != next);
        self.running = Some(next);
        Some(next)
    }

    fn dice(&mut self) -> Option<u64> {
        Some(self.random.next_u64())
    }
}
