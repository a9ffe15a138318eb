//! Whole runs: driven by somebody who chooses, written down as numbers, judged at the end.

use super::meter::Meter;
use super::saved::Saved;
use super::token::Decisions;
use super::verdict::Fault;
use super::world::{MAIN, Program, World};
use crate::event::{Event, Observer};
use crate::runtime::quietly;
use crate::scheduler::{Proc, Promise};
use crate::sync::{Arc, Mutex, lock};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// Decides a run.
pub(super) trait Driver {
    /// Who is next, of those who are enabled (never none); answers for his choices go into `given`. None gives the run
    /// up.
    fn next(&mut self, world: &World, given: &mut Vec<u32>) -> Option<Proc>;

    /// Does it look at what the step that it has just decided touches?
    fn wants_traces(&self) -> bool {
        false
    }

    /// A step was taken; the first one is `main`'s, which is not asked for.
    fn stepped(&mut self, _proc: Proc, _world: &World) {}

    /// Answers for the choices of `main`.
    fn main(&mut self, _given: &mut Vec<u32>) {}

    /// How many steps of the last run it takes again as they were: the run may begin after them.
    fn same_steps(&self) -> usize {
        0
    }

    /// No later run takes just as many.
    fn is_last_there(&self) -> bool {
        false
    }

    /// Other runs begin with the state that the last step led to.
    fn comes_back(&self, _world: &World) -> bool {
        false
    }

    /// The run begins after so many of them.
    fn skip(&mut self, _steps: usize) {}

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
    pub(super) steps: usize,
    /// Some actor got as many messages as one run of it handles.
    pub(super) reached_a_batch: bool,
    /// The fingerprint of where it ended, if states are told apart.
    pub(super) end: Option<u128>,
    /// What behaviours said with `sometimes`.
    pub(super) sometimes: Vec<(&'static str, bool)>,
}

/// A run that has ended, and the way it took.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) ran: Ran,
    pub(super) decisions: Decisions,
    /// The same by name, `main`'s first step included.
    pub(super) way: Vec<Taken>,
    /// Times another actor was taken although the last one could have gone on.
    pub(super) switches: usize,
    /// Faults of the environment.
    pub(super) faults: usize,
    /// A number that two runs share if their steps did the same.
    pub(super) path: u64,
    /// It is to be looked at after so many steps, not at its end.
    pub(super) until: Option<usize>,
}

/// A step that was taken.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) proc: Proc,
    pub(super) answers: Vec<u32>,
    /// It was a fault of the environment.
    pub(super) is_fault: bool,
}

/// The way that a run took: who stepped, `main`'s first step included, and the answers to all choices.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    /// Each with the number of answers that there were before it.
    steps: Vec<(Proc, u32)>,
    answers: Vec<u32>,
}

impl Trail {
    fn note(&mut self, proc: Proc, chosen: &[(u32, u32)]) {
        self.steps.push((proc, self.answers.len() as u32));
        if !chosen.is_empty() {
            self.answers.extend(chosen.iter().map(|(chosen, _)| *chosen));
        }
    }

    /// Forgets all steps but the first.
    fn cut(&mut self, steps: usize) {
        if let Some((_, answers)) = self.steps.get(steps) {
            self.answers.truncate(*answers as usize);
            self.steps.truncate(steps);
        }
    }
}

/// Where runs are made, one after the other: each begins with the memory of the one before.
pub(super) struct Stage<'p> {
    pub(super) program: Program<'p>,
    /// The world of the last run, ready for the next, unless that has to have a new one.
    world: Option<Box<World>>,
    trail: Trail,
    given: Vec<u32>,
    meter: Meter,
    saved: Saved,
    /// How many steps of this run are those of the last, and whether no later run takes just as many.
    same: usize,
    last: bool,
    /// Runs may begin with copies of states.
    copies: bool,
    /// How many steps were taken in all runs.
    steps: u64,
}

impl<'p> Stage<'p> {
    pub(super) fn new(program: Program<'p>) -> Self {
        let (trail, meter, saved) = (Trail::default(), Meter::default(), Saved::default());
        Stage {
            program,
            world: None,
            trail,
            given: Vec::new(),
            meter,
            saved,
            same: 0,
            last: false,
            copies: false,
            steps: 0,
        }
    }

    /// The ends of runs matter from here on: see `Single::write_script`.
    pub(super) fn batches_matter(&mut self) {
        self.program.batches_matter = true;
        self.world = None;
        self.saved.forget();
    }

    /// States are told apart from here on; where `time_matters`, by what time it is too.
    pub(super) fn take_prints(&mut self, time_matters: bool) {
        (self.program.prints, self.program.time_matters, self.world) = (true, time_matters, None);
        self.saved.forget();
    }

    /// Runs the program once.
    pub(super) fn run(&mut self, driver: &mut impl Driver) -> Ran {
        // A search meets the same panic a thousand times; the report tells of it once.
        quietly(|| {
            let mut world = self.world.take().unwrap_or_else(|| World::new(&self.program, None));
            let mut ran = self.drive_to_end(&mut world, driver);
            ran.judge(&mut world, &self.program, false);
            if matches!(ran.ending, Ending::GivenUp) && self.saved.has_any() {
                // The next run will likely begin with a copy that is much like it.
                self.world = Some(world);
                return ran;
            }
            match world.reset() {
                Ok(world) => self.world = world,
                Err(fault) => ran.add(*fault),
            }
            ran
        })
    }

    /// Runs the program once, and tells which way it took.
    pub(super) fn tell(&mut self, driver: &mut impl Driver) -> Told {
        let mut teller = Teller::new(driver);
        let ran = self.run(&mut teller);
        teller.told(ran)
    }

    /// The same; `watched` sees every event.
    pub(super) fn watch(&mut self, driver: &mut impl Driver, watched: Box<dyn Observer>) -> Told {
        let mut teller = Teller::new(driver);
        let ran = quietly(|| {
            let mut world = World::new(&self.program, Some(watched));
            let mut ran = self.drive_to_end(&mut world, &mut teller);
            ran.judge(&mut world, &self.program, true);
            if let Err(fault) = world.finish() {
                ran.add(*fault);
            }
            ran
        });
        teller.told(ran)
    }

    /// The way of the last run.
    pub(super) fn trail(&self) -> &Trail {
        &self.trail
    }

    fn drive_to_end(&mut self, world: &mut Box<World>, driver: &mut impl Driver) -> Ran {
        self.meter.reset();
        let steps = self.go_back(world, driver);
        let mut ran = Ran { ending: Ending::GivenUp, steps, reached_a_batch: false, end: None, sometimes: Vec::new() };
        if let Some(seed) = driver.dice() {
            world.core.throw_dice(seed);
        }
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.drive(world, driver, &mut ran))) {
                Ok(ending) => {
                    ran.ending = ending;
                    return ran;
                }
                Err(payload) => match world.stepping() {
                    Some(proc) => {
                        world.panicked(&*payload);
                        self.stepped(proc, world, driver, &mut ran);
                    }
                    None => resume_unwind(payload),
                },
            }
        }
    }

    /// Begins with a copy of a state that the last run passed, if there is one. How many steps lead there.
    fn go_back(&mut self, world: &mut Box<World>, driver: &mut impl Driver) -> usize {
        let settings = self.program.settings;
        self.copies = !settings.measures() && settings.observe_each.is_none();
        self.same = if self.copies { driver.same_steps() } else { 0 };
        self.last = driver.is_last_there();
        let steps = self.saved.restore(self.same, self.last, world, &self.program);
        if steps == 0 && !world.is_new() {
            let new = || World::new(&self.program, None);
            let used = mem::replace(world, new());
            // Panics of what is dropped do not count: that run was given up.
            *world = used.reset().ok().flatten().unwrap_or_else(new);
        }
        self.trail.cut(steps);
        driver.skip(steps);
        steps
    }

    /// Goes on until the run ends. A panic of user code comes through.
    fn drive(&mut self, world: &mut World, driver: &mut impl Driver, ran: &mut Ran) -> Ending {
        let settings = self.program.settings;
        if ran.steps == 0 {
            self.given.clear();
            driver.main(&mut self.given);
            world.core.trace(driver.wants_traces());
            self.steps += 1;
            world.start(self.steps, &self.program, &self.given);
            self.stepped(MAIN, world, driver, ran);
        }
        let (max_mailbox, measures) = (settings.max_mailbox, settings.measures());
        loop {
            if let Some(limit) = max_mailbox.filter(|limit| world.core.totals_deepest() > *limit) {
                let name = world.core.longest_mailbox();
                return Ending::Over(Some(Fault::MailboxTooLong { name, limit }));
            }
            if world.enabled.is_empty() {
                return Ending::Over(None);
            }
            if ran.steps >= settings.max_steps {
                return Ending::TooLong;
            }
            if self.wants_copy(ran.steps) || self.comes_back(world, driver) {
                self.saved.keep(ran.steps, world, &self.program);
            }
            self.given.clear();
            let Some(proc) = driver.next(world, &mut self.given) else { return Ending::GivenUp };
            world.core.trace(driver.wants_traces());
            self.steps += 1;
            world.step(self.steps, proc, &self.given);
            self.stepped(proc, world, driver, ran);
            if measures && let Some(fault) = self.meter.read(ran.steps, proc, world, settings) {
                return Ending::Over(Some(fault));
            }
        }
    }

    /// Is the state after `steps` steps worth a copy, on the way to where the run goes a way of its own?
    #[inline]
    fn wants_copy(&self, steps: usize) -> bool {
        let on_the_way = steps < self.same || steps == self.same && !self.last;
        on_the_way && self.saved.wants(steps, self.same - steps, &self.program)
    }

    fn comes_back(&self, world: &World, driver: &impl Driver) -> bool {
        self.copies && !self.saved.is_off() && driver.comes_back(world)
    }

    fn stepped(&mut self, proc: Proc, world: &World, driver: &mut impl Driver, ran: &mut Ran) {
        ran.steps += 1;
        self.trail.note(proc, world.traces().chosen);
        driver.stepped(proc, world);
    }
}

impl Ran {
    /// What was wrong with a run that has ended by itself, or was too long.
    fn judge(&mut self, world: &mut World, program: &Program<'_>, is_watched: bool) {
        for (label, kind, held) in world.core.promises() {
            if *kind == Promise::Sometimes {
                self.sometimes.push((label, *held));
            }
        }
        let too_long = match self.ending {
            Ending::GivenUp | Ending::Over(Some(_)) => return,
            Ending::Over(None) => false,
            Ending::TooLong => true,
        };
        self.reached_a_batch = world.core.reached_a_batch();
        if too_long {
            let stall = if is_watched { world.stall() } else { None };
            if let Some(stall) = stall {
                self.ending = Ending::Over(Some(Fault::Stalled(Box::new(stall))));
            }
            return;
        }
        self.end = program.prints.then(|| world.core.fingerprint());
        let fault = world.fault(program.settings);
        if let Some(see) = &program.settings.each_end {
            (lock(see))(&world.core.stats(), fault.as_ref());
        }
        self.ending = Ending::Over(fault);
    }

    /// Another fault, which counts if there was none.
    fn add(&mut self, other: Fault) {
        if let Ending::Over(fault) = &mut self.ending {
            fault.get_or_insert(other);
        }
    }

    pub(super) fn fault(&self) -> Option<&Fault> {
        match &self.ending {
            Ending::Over(fault) => fault.as_ref(),
            _ => None,
        }
    }
}

/// Writes down the way that another driver takes.
struct Teller<'d, D> {
    driver: &'d mut D,
    decisions: Decisions,
    way: Vec<Taken>,
    /// The step in progress is a fault of the environment.
    is_fault: bool,
    switches: usize,
    faults: usize,
    path: u64,
}

impl<'d, D: Driver> Teller<'d, D> {
    fn new(driver: &'d mut D) -> Self {
        let (decisions, way) = (Decisions::new(), Vec::new());
        Teller { driver, decisions, way, is_fault: false, switches: 0, faults: 0, path: 0 }
    }

    fn told(self, ran: Ran) -> Told {
        let Teller { decisions, way, switches, faults, path, .. } = self;
        Told { ran, decisions, way, switches, faults, path, until: None }
    }
}

impl<D: Driver> Driver for Teller<'_, D> {
    fn next(&mut self, world: &World, given: &mut Vec<u32>) -> Option<Proc> {
        let proc = self.driver.next(world, given)?;
        if world.enabled.len() > 1 {
            self.decisions.push(world.number_of(proc));
        }
        self.switches += usize::from(world.is_preemption(proc));
        self.is_fault = world.core.is_fault(proc);
        self.faults += usize::from(self.is_fault);
        Some(proc)
    }

    fn wants_traces(&self) -> bool {
        self.driver.wants_traces()
    }

    fn stepped(&mut self, proc: Proc, world: &World) {
        let chosen = world.traces().chosen;
        let answers: Vec<u32> = chosen.iter().map(|(chosen, _)| *chosen).collect();
        self.decisions.extend_from_slice(&answers);
        self.way.push(Taken { proc, answers, is_fault: mem::take(&mut self.is_fault) });
        let mut path = Hash(self.path);
        path.add_proc(proc);
        chosen.iter().for_each(|(_, answers)| path.add(u64::from(*answers)));
        self.path = path.0;
        self.driver.stepped(proc, world);
    }

    fn main(&mut self, given: &mut Vec<u32>) {
        self.driver.main(given);
    }

    fn dice(&mut self) -> Option<u64> {
        self.driver.dice()
    }
}

/// Takes the way of an earlier run again; gives up where that is not possible.
pub(super) struct Retrace<'t> {
    trail: &'t Trail,
    step: usize,
    answer: usize,
}

impl<'t> Retrace<'t> {
    pub(super) fn new(trail: &'t Trail) -> Self {
        Retrace { trail, step: 1, answer: 0 }
    }
}

impl Driver for Retrace<'_> {
    fn next(&mut self, world: &World, given: &mut Vec<u32>) -> Option<Proc> {
        let (proc, _) = self.trail.steps.get(self.step).copied()?;
        self.step += 1;
        given.extend_from_slice(self.trail.answers.get(self.answer..)?);
        world.is_enabled(proc).then_some(proc)
    }

    fn stepped(&mut self, _proc: Proc, world: &World) {
        self.answer += world.traces().chosen.len();
    }

    fn main(&mut self, given: &mut Vec<u32>) {
        given.extend_from_slice(&self.trail.answers);
    }
}

/// A small hash that is the same everywhere and for ever: it stands in tokens.
#[derive(Clone, Copy)]
pub(super) struct Hash(pub(super) u64);

impl Hash {
    pub(super) fn add(&mut self, value: u64) {
        self.0 = crate::scheduler::Random::new(self.0 ^ value.wrapping_mul(0x9E37_79B9_7F4A_7C15)).next_u64();
    }

    pub(super) fn add_proc(&mut self, proc: Proc) {
        self.add(match proc {
            Proc::Actor(seat) => u64::from(seat),
            Proc::Timer { owner, nth } => u64::from(owner) << 32 | u64::from(nth) | 1 << 63,
            Proc::World(choice) => choice ^ u64::MAX,
            Proc::Time => 1 << 62,
        });
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
    /// The run is given up after so many steps.
    until: Option<usize>,
    /// The step at which the decisions did not fit.
    pub(super) misfit: Option<usize>,
    steps: usize,
}

impl<'d> Replay<'d> {
    pub(super) fn new(decisions: &'d [u32], lenient: bool) -> Self {
        Replay { decisions, next: 0, lenient, until: None, misfit: None, steps: 0 }
    }

    /// Gives the run up after so many steps.
    pub(super) fn until(mut self, steps: Option<usize>) -> Self {
        self.until = steps;
        self
    }

    /// Were there more decisions than the run had use for?
    pub(super) fn has_left(&self) -> bool {
        self.next < self.decisions.len()
    }

    fn rest(&self) -> &'d [u32] {
        self.decisions.get(self.next..).unwrap_or(&[])
    }
}

impl Driver for Replay<'_> {
    fn next(&mut self, world: &World, given: &mut Vec<u32>) -> Option<Proc> {
        if self.until == Some(self.steps) {
            return None;
        }
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
        given.extend_from_slice(self.rest());
        world.in_order().nth(number as usize)
    }

    fn stepped(&mut self, _proc: Proc, world: &World) {
        self.steps += 1;
        self.next += world.traces().chosen.len();
    }

    fn main(&mut self, given: &mut Vec<u32>) {
        given.extend_from_slice(self.rest());
    }
}

/// Keeps the events of a run as lines.
#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    pub(super) fn take(&self) -> Vec<String> {
        mem::take(&mut lock(&self.0))
    }
}

impl Observer for Lines {
    fn observe(&mut self, _now: Duration, event: &Event<'_>) {
        lock(&self.0).push(event.to_string());
    }
}
