//! Whole runs: driven by somebody who chooses, written down as numbers, judged at the end.

use super::token::Decisions;
use super::verdict::Fault;
use super::world::{Program, World};
use crate::event::{Event, Observer};
use crate::runtime::quietly;
use crate::scheduler::Proc;
use crate::sync::{Arc, Mutex, lock};
use std::time::Duration;

/// Decides a run.
pub(super) trait Driver {
    /// Who is next, of those who are enabled (never none), and answers for its choices. None gives the run up.
    fn next(&mut self, world: &World) -> Option<(Proc, Vec<u32>)>;

    /// A step was taken; the first one is `main`'s, which is not asked for.
    fn stepped(&mut self, proc: Proc, world: &World);

    /// Answers for the choices of `main`.
    fn main(&mut self) -> Vec<u32> {
        Vec::new()
    }

    /// A seed, if choices beyond those answers are to be random.
    fn dice(&mut self) -> Option<u64> {
        None
    }
}

/// How a run ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// Nothing could happen any more: well, or with a fault.
    Over(Option<Fault>),
    /// It reached the bound on steps.
    TooLong,
    /// Its driver gave it up.
    GivenUp,
}

/// A run that has ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) ending: Ending,
    pub(super) decisions: Decisions,
    pub(super) steps: usize,
    /// Times another actor was taken although the last one could have gone on.
    pub(super) switches: usize,
    /// A number that two runs share if their steps did the same.
    pub(super) path: u64,
    /// Some actor got as many messages as one run of it handles.
    pub(super) reached_a_batch: bool,
    /// What behaviours said with `sometimes`.
    pub(super) sometimes: Vec<(&'static str, bool)>,
}

/// Runs the program once. `watched` sees every event.
pub(super) fn run(program: &Program<'_>, driver: &mut dyn Driver, watched: Option<Box<dyn Observer>>) -> Ran {
    // A search meets the same panic a thousand times; the report tells of it once.
    quietly(|| run_aloud(program, driver, watched))
}

fn run_aloud(program: &Program<'_>, driver: &mut dyn Driver, watched: Option<Box<dyn Observer>>) -> Ran {
    let settings = program.settings;
    let is_watched = watched.is_some();
    let mut world = World::new(program, watched);
    let mut ran = Ran {
        ending: Ending::GivenUp,
        decisions: Decisions::default(),
        steps: 1,
        switches: 0,
        path: 0,
        reached_a_batch: false,
        sometimes: Vec::new(),
    };
    if let Some(seed) = driver.dice() {
        world.core.throw_dice(seed);
    }
    world.start(program, &driver.main());
    ran.note_step(&world, super::world::MAIN);
    driver.stepped(super::world::MAIN, &world);
    while !world.enabled.is_empty() {
        if ran.steps >= settings.max_steps {
            ran.ending = Ending::TooLong;
            break;
        }
        let Some((proc, given)) = driver.next(&world) else { return ran };
        if world.enabled.len() > 1 {
            ran.decisions.push(world.number_of(proc));
        }
        ran.switches += usize::from(world.is_preemption(proc));
        ran.steps += 1;
        world.step(proc, &given);
        ran.note_step(&world, proc);
        driver.stepped(proc, &world);
        if let Some(limit) = settings.max_mailbox.filter(|limit| world.core.totals_deepest() > *limit) {
            let name = world.core.longest_mailbox();
            ran.ending = Ending::Over(Some(Fault::MailboxTooLong { name, limit }));
            return ran;
        }
    }
    ran.judge(world, program, is_watched);
    ran
}

impl Ran {
    fn note_step(&mut self, world: &World, proc: Proc) {
        let traces = world.traces();
        self.decisions.extend(traces.chosen.iter().map(|(chosen, _)| *chosen));
        let mut path = Hash(self.path);
        match proc {
            Proc::Actor(seat) => path.add(u64::from(seat)),
            Proc::Timer { owner, nth } => path.add(u64::from(owner) << 32 | u64::from(nth) | 1 << 63),
            Proc::World(choice) => path.add(choice ^ u64::MAX),
            Proc::Time => path.add(1 << 62),
        }
        traces.chosen.iter().for_each(|(_, answers)| path.add(u64::from(*answers)));
        self.path = path.0;
    }

    fn judge(&mut self, mut world: World, program: &Program<'_>, is_watched: bool) {
        self.reached_a_batch = world.core.reached_a_batch();
        let promises = world.core.promises().iter();
        let sometimes = promises.filter(|(_, kind, _)| *kind == crate::scheduler::Promise::Sometimes);
        self.sometimes = sometimes.map(|(label, _, held)| (*label, *held)).collect();
        if matches!(self.ending, Ending::TooLong) {
            let stall = if is_watched { world.stall() } else { None };
            if let Some(stall) = stall {
                self.ending = Ending::Over(Some(Fault::Stalled(Box::new(stall))));
            }
            return;
        }
        let fault = world.fault(program.settings);
        if let Some(see) = &program.settings.each_end {
            (lock(see))(&world.core.stats(), fault.as_ref());
        }
        let dropped = world.finish();
        self.ending = Ending::Over(fault.or(dropped));
    }
}

/// A small hash that is the same everywhere and for ever: it stands in tokens.
#[derive(Clone, Copy)]
pub(super) struct Hash(pub(super) u64);

impl Hash {
    pub(super) fn add(&mut self, value: u64) {
        self.0 = crate::scheduler::Random::new(self.0 ^ value.wrapping_mul(0x9E37_79B9_7F4A_7C15)).next_u64();
    }

    pub(super) fn of(bytes: &[u8]) -> u64 {
        let mut hash = Hash(bytes.len() as u64);
        bytes.iter().for_each(|byte| hash.add(u64::from(*byte)));
        hash.0
    }
}

/// Takes the decisions of an earlier run again.
pub(super) struct Replay<'d> {
    decisions: &'d [u32],
    next: usize,
    /// A number that names nobody means the first instead: for shrinking. Otherwise the run is given up.
    lenient: bool,
    /// The step at which the decisions did not fit.
    pub(super) misfit: Option<usize>,
    steps: usize,
}

impl<'d> Replay<'d> {
    pub(super) fn new(decisions: &'d [u32], lenient: bool) -> Self {
        Replay { decisions, next: 0, lenient, misfit: None, steps: 0 }
    }

    /// Were there more decisions than the run had use for?
    pub(super) fn has_left(&self) -> bool {
        self.next < self.decisions.len()
    }

    fn rest(&self) -> Vec<u32> {
        self.decisions.get(self.next..).unwrap_or(&[]).to_vec()
    }
}

impl Driver for Replay<'_> {
    fn next(&mut self, world: &World) -> Option<(Proc, Vec<u32>)> {
        let mut number = 0;
        if world.enabled.len() > 1 {
            number = self.decisions.get(self.next).copied().unwrap_or(0);
            self.next += 1;
        }
        if number as usize >= world.enabled.len() {
            if !self.lenient {
                self.misfit = Some(self.steps);
                return None;
            }
            number = 0;
        }
        let proc = world.in_order().nth(number as usize)?;
        Some((proc, self.rest()))
    }

    fn stepped(&mut self, _proc: Proc, world: &World) {
        self.steps += 1;
        self.next += world.traces().chosen.len();
    }

    fn main(&mut self) -> Vec<u32> {
        self.rest()
    }
}

/// Keeps the events of a run as lines.
#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.0))
    }
}

impl Observer for Lines {
    fn observe(&mut self, _now: Duration, event: &Event<'_>) {
        lock(&self.0).push(event.to_string());
    }
}
