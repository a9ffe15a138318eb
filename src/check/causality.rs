//! Which steps of a run had to come in their order, and which raced: vector clocks over footprints.

use crate::scheduler::{Access, Object, Proc, Traces};
use std::collections::BTreeMap;

/// What a step does to others, whoever takes it.
#[derive(Clone, Debug)]
pub(super) struct Footprint {
    pub(super) proc: Proc,
    touched: Vec<(Object, Access)>,
    /// It looked at everything.
    world: bool,
}

impl Footprint {
    pub(super) fn new(proc: Proc, traces: &Traces<'_>) -> Self {
        let world = traces.touched.contains(&(Object::World, Access::Write));
        Footprint { proc, touched: traces.touched.to_vec(), world }
    }

    /// Of a step that was never taken.
    pub(super) fn nothing(proc: Proc) -> Self {
        Footprint { proc, touched: Vec::new(), world: false }
    }

    /// Of the next step of somebody who was kept from it: a timer's is known, of others anything is possible.
    pub(super) fn prevented(proc: Proc) -> Self {
        let (touched, world) = match proc {
            Proc::Timer { owner, nth } => {
                let written = [Object::Timer(owner, nth), Object::Tail(owner)].map(|object| (object, Access::Write));
                let read =
                    [Object::Time, Object::Life(owner), Object::Load(owner)].map(|object| (object, Access::Read));
                (written.into_iter().chain(read).collect(), false)
            }
            Proc::Time => (vec![(Object::Time, Access::Write)], false),
            Proc::Actor(_) | Proc::World(_) => (Vec::new(), true),
        };
        Footprint { proc, touched, world }
    }

    /// Does the order of the two steps matter?
    pub(super) fn depends(&self, other: &Footprint) -> bool {
        let conflict = |(a, how): &(Object, Access)| {
            let meets = |(b, other_how): &(Object, Access)| a == b && (*how).max(*other_how) == Access::Write;
            other.touched.iter().any(meets)
        };
        self.proc == other.proc || self.world || other.world || self.touched.iter().any(conflict)
    }

    /// It asks who presses, or changes that.
    pub(super) fn meets_loads(&self) -> bool {
        self.world || self.touched.iter().any(|(object, _)| matches!(object, Object::Load(_)))
    }

    /// The same step with other answers to its choices.
    pub(super) fn widen(&mut self, other: &Footprint) {
        self.world |= other.world;
        self.touched.extend(other.touched.iter().copied());
    }
}

/// A step of a run.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) footprint: Footprint,
    /// The answers that its choices got.
    pub(super) chosen: Vec<u32>,
    timers: Vec<(u32, u32)>,
    let_go: bool,
    freed: Vec<u32>,
    /// What it made possible in the world outside.
    roused: Vec<Proc>,
    /// An overloaded actor began a run: it could have done so with an empty mailbox.
    may_be_empty: bool,
    /// For each process, how many of its steps came before, this one included.
    clock: Vec<u32>,
    /// Which process, and which of its steps, from 1.
    process: usize,
    number: u32,
    /// Earlier steps that raced with it: dependent, nothing between them that orders them, and possible the other way.
    pub(super) races: Vec<usize>,
}

/// A run so far.
#[derive(Default)]
pub(super) struct Causality {
    pub(super) steps: Vec<Step>,
    procs: Vec<Proc>,
    /// The last step of each process.
    last: Vec<usize>,
    table: BTreeMap<Object, Uses>,
    world: Option<usize>,
    /// A step may do more than it was seen to do: see `could_begin`.
    atomic: bool,
    /// Timers and parcels on their way, and the steps that set them out: time passes until the first is due.
    due: BTreeMap<Object, usize>,
}

#[derive(Default)]
struct Uses {
    write: Option<usize>,
    /// Since that write.
    reads: Vec<usize>,
}

impl Causality {
    /// A run that has no steps yet; `atomic` if its steps are whole behaviours.
    pub(super) fn new(atomic: bool) -> Self {
        Causality { atomic, ..Causality::default() }
    }

    /// Forgets every step from the `len`th on.
    pub(super) fn cut(&mut self, len: usize) {
        self.steps.truncate(len);
        self.table.clear();
        self.last.clear();
        self.procs.clear();
        self.world = None;
        self.due.clear();
        for at in 0..self.steps.len() {
            let process = self.process(self.steps[at].footprint.proc);
            debug_assert_eq!(process, self.steps[at].process, "processes are numbered by their first step");
            self.enter(at);
        }
    }

    fn process(&mut self, proc: Proc) -> usize {
        self.procs.iter().position(|p| *p == proc).unwrap_or_else(|| {
            self.procs.push(proc);
            self.last.push(usize::MAX);
            self.procs.len() - 1
        })
    }

    /// The next step was taken.
    pub(super) fn push(&mut self, proc: Proc, traces: &Traces<'_>, was_overloaded: bool, roused: Vec<Proc>) {
        let footprint = Footprint::new(proc, traces);
        let process = self.process(proc);
        let before = self.last[process];
        let (clock, number) = match self.steps.get(before) {
            Some(step) => (step.clock.clone(), step.number + 1),
            None => (Vec::new(), 1),
        };
        let mut step = Step {
            chosen: traces.chosen.iter().map(|(chosen, _)| *chosen).collect(),
            timers: traces.timers.to_vec(),
            let_go: traces.let_go,
            freed: traces.freed.to_vec(),
            roused,
            may_be_empty: was_overloaded,
            clock,
            process,
            number,
            races: Vec::new(),
            footprint,
        };
        self.find_races(&mut step);
        self.steps.push(step);
        self.enter(self.steps.len() - 1);
    }

    /// Every earlier step that this one depends on, latest first: those that no later one orders already, race.
    fn find_races(&self, step: &mut Step) {
        let mut earlier: Vec<usize> = self.world.into_iter().collect();
        if step.footprint.world {
            earlier.extend(self.last.iter().copied().filter(|at| *at < self.steps.len()));
        }
        for (object, access) in &step.footprint.touched {
            let Some(uses) = self.table.get(object) else { continue };
            earlier.extend(uses.write);
            if *access == Access::Write {
                earlier.extend(&uses.reads);
            }
        }
        earlier.sort_unstable_by(|a, b| b.cmp(a));
        earlier.dedup();
        for at in earlier {
            let other = &self.steps[at];
            if other.process == step.process || other.is_before(&step.clock) {
                continue;
            }
            if !other.enables(step) && (step.footprint.proc != Proc::Time || self.could_pass_without(at)) {
                step.races.push(at);
            }
            join(&mut step.clock, &other.clock);
        }
        if step.clock.len() <= step.process {
            step.clock.resize(step.process + 1, 0);
        }
        step.clock[step.process] = step.number;
    }

    /// Would anything be due later, if this step and what comes of it had not been?
    fn could_pass_without(&self, at: usize) -> bool {
        self.due.is_empty() || self.due.values().any(|set| *set != at && !self.ordered(at, *set))
    }

    fn enter(&mut self, at: usize) {
        let step = &self.steps[at];
        self.last[step.process] = at;
        if step.footprint.world {
            self.world = Some(at);
        }
        for (object, access) in &step.footprint.touched {
            match (object, access) {
                (Object::Timer(owner, nth), Access::Write) if !step.timers.contains(&(*owner, *nth)) => {
                    self.due.remove(object);
                }
                (Object::Timer(..) | Object::Parcel(..), Access::Write) => {
                    self.due.insert(*object, at);
                }
                (Object::Parcel(..), Access::Read) => {
                    self.due.remove(object);
                }
                _ => {}
            }
            let uses = self.table.entry(*object).or_default();
            match access {
                Access::Read => uses.reads.push(at),
                Access::Write => *uses = Uses { write: Some(at), reads: Vec::new() },
            }
        }
    }

    /// Did step `first` have to come before step `second`?
    pub(super) fn ordered(&self, first: usize, second: usize) -> bool {
        self.steps[first].is_before(&self.steps[second].clock)
    }

    /// Could `run`, a part of this one, begin with `step` without doing anything else than it does?
    pub(super) fn could_begin(&self, run: &[usize], step: &Footprint) -> bool {
        if let Some(own) = run.iter().position(|at| self.steps[*at].footprint.proc == step.proc) {
            return run[..own].iter().all(|earlier| !self.ordered(*earlier, run[own]));
        }
        // The last step is the one that is taken earlier than it was. One effect does the same there; a whole behaviour
        // may find somebody pressing who was not, and be muted.
        let last = run.last().map(|at| &self.steps[*at].footprint);
        let unsure = self.atomic && step.meets_loads() && last.is_some_and(Footprint::meets_loads);
        !unsure && run.iter().all(|at| !self.steps[*at].footprint.depends(step))
    }

    /// The run that shows race (`first`, `second`) the other way: what did not depend on `first`, then `second`.
    pub(super) fn reversal(&self, first: usize, second: usize) -> Vec<usize> {
        let free = |at: &usize| *at != second && !self.ordered(first, *at);
        (first + 1..self.steps.len()).filter(free).chain([second]).collect()
    }
}

impl Step {
    fn is_before(&self, clock: &[u32]) -> bool {
        clock.get(self.process).is_some_and(|seen| *seen >= self.number)
    }

    /// Without this step the `later` one, which depends on it, would not have been possible.
    fn enables(&self, later: &Step) -> bool {
        // What is due is not so before its time, and time does not pass before what is due is over.
        let in_time = self.footprint.proc == Proc::Time && later.let_go;
        match later.footprint.proc {
            Proc::Actor(seat) => {
                let sent = !later.may_be_empty
                    && self.sent(later, |object| matches!(object, Object::Message(to, _) if to == seat));
                sent || self.freed.contains(&seat)
            }
            Proc::Timer { owner, nth } => in_time || self.timers.contains(&(owner, nth)),
            proc @ Proc::World(_) => {
                in_time
                    || self.roused.contains(&proc)
                    || self.sent(later, |object| matches!(object, Object::Parcel(..)))
            }
            Proc::Time => self.let_go,
        }
    }

    /// Did this step send what the `later` one took?
    fn sent(&self, later: &Step, is_it: impl Fn(Object) -> bool) -> bool {
        let took = |(object, access): &(Object, Access)| {
            is_it(*object) && *access == Access::Read && self.footprint.touched.contains(&(*object, Access::Write))
        };
        later.footprint.touched.iter().any(took)
    }
}

fn join(clock: &mut Vec<u32>, other: &[u32]) {
    if clock.len() < other.len() {
        clock.resize(other.len(), 0);
    }
    clock.iter_mut().zip(other).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
}
