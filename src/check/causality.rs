//! Which steps of a run had to come in their order, and which raced: vector clocks over footprints.
//!
//! Everything about a step lies in one of a few long lists that grow with the run and are cut when the search goes back,
//! so that a search allocates only while its runs get longer.

use super::due::{Due, Dues, Passing};
use super::footprint::{Footprint, Touch, write_down};
use super::index::Index;
use super::run::Hash;
use super::sleepers::Answer;
use crate::scheduler::{Access, Object, Proc, Traces};
use std::ops::Range;
use std::time::Duration;

/// No step, no entry.
const NONE: u32 = u32::MAX;
/// In a run to be planned: time passes, which it did not there.
pub(super) const TIME: u32 = u32::MAX - 1;

/// A step of a run. Ranges are parts of the lists of its [`Causality`].
#[derive(Clone, Debug)]
struct Step {
    proc: Proc,
    /// It looked at everything.
    world: bool,
    /// An overloaded actor began a run: it could have done so with an empty mailbox.
    may_be_empty: bool,
    /// Something that was due, and held time back, is over.
    let_go: bool,
    /// Another step may keep this one from being taken at all.
    preventable: bool,
    /// It need never be taken.
    is_fault: bool,
    /// It was taken because nothing else could be.
    is_last: bool,
    /// It, or one before it, was no actor's, or had a choice.
    is_open: bool,
    /// Which process, and which of its steps, from 1.
    process: u32,
    number: u32,
    touched: (u32, u32),
    /// What has to stay as it is for a fault to be possible still.
    guards: (u32, u32),
    /// The answers that its choices got.
    chosen: (u32, u32),
    timers: (u32, u32),
    freed: (u32, u32),
    /// What it made possible in the world outside.
    roused: (u32, u32),
    /// For each process, how many of its steps came before, this one included.
    clock: (u32, u32),
    /// Earlier steps that raced with it: dependent, nothing between them that orders them, and possible the other way.
    races: (u32, u32),
    /// What there was before: the process's last step, the last that looked at everything, uses and reads.
    before: u32,
    world_before: u32,
    undo: u32,
    reads: u32,
}

/// Who used an object last.
#[derive(Clone, Copy)]
struct Uses {
    write: u32,
    /// The latest read since that write; each knows the one before.
    read: u32,
}

/// A run so far.
pub(super) struct Causality {
    steps: Vec<Step>,
    touched: Vec<Touch>,
    /// Of each of these, the number of its object.
    numbers: Vec<u32>,
    guards: Vec<Touch>,
    chosen: Vec<Answer>,
    timers: Vec<(u32, u32)>,
    freed: Vec<u32>,
    roused: Vec<Proc>,
    clocks: Vec<u32>,
    races: Vec<u32>,
    /// Processes and objects keep their numbers through the whole search.
    processes: Index,
    objects: Index,
    /// The last step of each process.
    last: Vec<u32>,
    uses: Vec<Uses>,
    /// Reads: the step, and the read before.
    reads: Vec<(u32, u32)>,
    /// What uses were before.
    undo: Vec<(u32, Uses)>,
    world: u32,
    /// Work space.
    earlier: Vec<u32>,
    /// Steps are whole behaviours. Taken earlier, one may do more than it was seen to do: see `reversal`.
    atomic: bool,
    unsure: bool,
    /// The ends of runs matter: see [`Causality::goes_on`].
    ends_matter: bool,
    dues: Dues,
    /// What `TIME` touches.
    time: [Touch; 1],
    /// Of each step a number that is made of whose it is and of the steps that come before; none if nobody asks for classes.
    labels: Option<Vec<u64>>,
}

impl Causality {
    /// A run that has no steps yet; `atomic` if its steps are whole behaviours.
    pub(super) fn new(atomic: bool) -> Self {
        Causality {
            steps: Vec::new(),
            touched: Vec::new(),
            numbers: Vec::new(),
            guards: Vec::new(),
            chosen: Vec::new(),
            timers: Vec::new(),
            freed: Vec::new(),
            roused: Vec::new(),
            clocks: Vec::new(),
            races: Vec::new(),
            processes: Index::new(),
            objects: Index::new(),
            last: Vec::new(),
            uses: Vec::new(),
            reads: Vec::new(),
            undo: Vec::new(),
            world: NONE,
            earlier: Vec::new(),
            atomic,
            unsure: false,
            ends_matter: false,
            dues: Dues::default(),
            time: [Touch::new(Object::Time, Access::Write)],
            labels: None,
        }
    }

    /// Do the ends of runs matter?
    pub(super) fn do_ends_matter(&self) -> bool {
        self.ends_matter
    }

    pub(super) fn ends_matter(&mut self, matter: bool) {
        self.ends_matter = matter;
    }

    /// From here on a run has the number of its class.
    pub(super) fn label(&mut self) {
        self.labels.get_or_insert_default();
    }

    /// The number of the class of schedules that this run is one of: the same for all that differ only in the order of
    /// independent steps, and for no others.
    pub(super) fn class(&self) -> u64 {
        self.labels.iter().flatten().fold(0, |sum: u64, label| sum.wrapping_add(*label))
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// What a step did.
    pub(super) fn footprint(&self, at: usize) -> Footprint<'_> {
        match self.steps.get(at) {
            Some(step) => self.footprint_of(step),
            // What `TIME` does.
            None => Footprint { proc: Proc::Time, world: false, preventable: false, touched: &self.time },
        }
    }

    fn footprint_of(&self, step: &Step) -> Footprint<'_> {
        let Step { proc, world, preventable, touched, .. } = *step;
        Footprint { proc, world, preventable, touched: &self.touched[range(touched)] }
    }

    /// The answers that the step's choices got.
    pub(super) fn chosen(&self, at: usize) -> &[Answer] {
        self.steps.get(at).map_or(&[], |step| &self.chosen[range(step.chosen)])
    }

    /// The earlier steps that raced with this one.
    pub(super) fn races(&self, at: usize) -> Range<usize> {
        range(self.steps[at].races)
    }

    pub(super) fn race(&self, number: usize) -> usize {
        self.races[number] as usize
    }

    /// Forgets every step from the `len`th on.
    pub(super) fn cut(&mut self, len: usize) {
        self.dues.cut(len as u32);
        while self.steps.len() > len {
            let Some(step) = self.steps.pop() else { return };
            while self.undo.len() > step.undo as usize {
                let Some((object, uses)) = self.undo.pop() else { break };
                self.uses[object as usize] = uses;
            }
            self.reads.truncate(step.reads as usize);
            self.last[step.process as usize] = step.before;
            self.world = step.world_before;
            self.touched.truncate(step.touched.0 as usize);
            self.numbers.truncate(step.touched.0 as usize);
            self.guards.truncate(step.guards.0 as usize);
            self.chosen.truncate(step.chosen.0 as usize);
            self.timers.truncate(step.timers.0 as usize);
            self.freed.truncate(step.freed.0 as usize);
            self.roused.truncate(step.roused.0 as usize);
            self.clocks.truncate(step.clock.0 as usize);
            self.races.truncate(step.races.0 as usize);
        }
        self.labels.iter_mut().for_each(|labels| labels.truncate(len));
    }

    fn process(&mut self, proc: Proc) -> u32 {
        let key = match proc {
            Proc::Actor(seat) => u128::from(seat),
            Proc::Timer { owner, nth } => 1 << 64 | u128::from(nth) << 32 | u128::from(owner),
            Proc::World(choice) => 2 << 64 | u128::from(choice),
            Proc::Time => 3 << 64,
        };
        let process = self.processes.number(key);
        if process as usize == self.last.len() {
            self.last.push(NONE);
        }
        process
    }

    /// The next step was taken.
    ///
    /// `roused` is what became possible with it in the world outside.
    pub(super) fn push(
        &mut self,
        proc: Proc,
        traces: &Traces<'_>,
        was_overloaded: bool,
        roused: impl Iterator<Item = Proc>,
        (now, pending): (Duration, &[Due]),
    ) {
        let process = self.process(proc);
        let before = self.last[process as usize];
        let starts = self.ends();
        let world = write_down(traces, &mut self.touched);
        for touch in &self.touched[starts[0] as usize..] {
            let number = self.objects.number(touch.object());
            self.numbers.push(number);
            if number as usize == self.uses.len() {
                self.uses.push(Uses { write: NONE, read: NONE });
            }
        }
        self.guards.extend(traces.guards.iter().map(|guard| Touch::new(*guard, Access::Write)));
        self.chosen.extend_from_slice(traces.chosen);
        self.timers.extend_from_slice(traces.timers);
        self.freed.extend_from_slice(traces.freed);
        self.roused.extend(roused);
        let number = match self.steps.get(before as usize) {
            Some(step) => {
                self.clocks.extend_from_within(range(step.clock));
                step.number + 1
            }
            None => 1,
        };
        let ends = self.ends();
        let mut step = Step {
            proc,
            world,
            may_be_empty: was_overloaded,
            let_go: traces.let_go,
            preventable: traces.preventable,
            is_fault: traces.is_fault,
            is_last: traces.is_last,
            is_open: self.is_open() || !matches!(proc, Proc::Actor(_)) || !traces.chosen.is_empty(),
            process,
            number,
            touched: (starts[0], ends[0]),
            chosen: (starts[1], ends[1]),
            timers: (starts[2], ends[2]),
            freed: (starts[3], ends[3]),
            clock: (starts[4], ends[4]),
            races: (starts[5], ends[5]),
            roused: (starts[6], ends[6]),
            guards: (starts[7], ends[7]),
            before,
            world_before: self.world,
            undo: self.undo.len() as u32,
            reads: self.reads.len() as u32,
        };
        self.find_races(&mut step);
        self.enter(&step);
        let passed = (proc == Proc::Time).then_some(now);
        self.dues.push(self.steps.len() as u32, passed, pending);
        self.steps.push(step);
    }

    fn ends(&self) -> [u32; 8] {
        let Causality { touched, chosen, timers, freed, clocks, races, roused, guards, .. } = self;
        let ends = [
            touched.len(),
            chosen.len(),
            timers.len(),
            freed.len(),
            clocks.len(),
            races.len(),
            roused.len(),
            guards.len(),
        ];
        ends.map(|len| len as u32)
    }

    /// Every earlier step that this one depends on, latest first: those that no later one orders already, race.
    fn find_races(&mut self, step: &mut Step) {
        let mut earlier = std::mem::take(&mut self.earlier);
        self.dependent_on(step, &mut earlier);
        for at in earlier.drain(..) {
            let other = &self.steps[at as usize];
            let clock = &self.clocks[range(step.clock)];
            if other.process == step.process || other.is_before(clock) {
                continue;
            }
            if !self.enables(other, step) && (step.proc != Proc::Time || self.could_pass_without(at)) {
                self.races.push(at);
            }
            join(&mut self.clocks, step.clock, other.clock);
            step.clock.1 = self.clocks.len() as u32;
        }
        let own = (step.clock.0 + step.process) as usize;
        if self.clocks.len() <= own {
            self.clocks.resize(own + 1, 0);
        }
        self.clocks[own] = step.number;
        (step.clock.1, step.races.1) = (self.clocks.len() as u32, self.races.len() as u32);
        self.earlier = earlier;
        self.label_next(step);
    }

    /// Which steps come before does not depend on the order of those that are independent, and their sum neither.
    fn label_next(&mut self, step: &Step) {
        let Some(labels) = &mut self.labels else { return };
        let clock = &self.clocks[range(step.clock)];
        let before = self.steps.iter().zip(&*labels).filter(|(other, _)| other.is_before(clock));
        let mut hash = Hash(before.fold(0, |sum, (_, label)| sum.wrapping_add(*label)));
        hash.add_proc(step.proc);
        self.chosen[range(step.chosen)].iter().for_each(|(answer, _)| hash.add(u64::from(*answer)));
        labels.push(hash.0);
    }

    fn dependent_on(&self, step: &Step, earlier: &mut Vec<u32>) {
        if self.world != NONE {
            earlier.push(self.world);
        }
        if step.world {
            earlier.extend(self.last.iter().copied().filter(|at| *at != NONE));
        }
        let touched = self.touched[range(step.touched)].iter().zip(&self.numbers[range(step.touched)]);
        for (touch, object) in touched {
            let Uses { write, mut read } = self.uses[*object as usize];
            if write != NONE {
                earlier.push(write);
            }
            while touch.is_write() && read != NONE {
                let (step, before) = self.reads[read as usize];
                earlier.push(step);
                read = before;
            }
        }
        if earlier.len() > 1 {
            earlier.sort_unstable_by(|a, b| b.cmp(a));
            earlier.dedup();
        }
    }

    /// Could time pass now, if this step and what comes of it had not been?
    fn could_pass_without(&self, at: u32) -> bool {
        let without = |step: u32| step != at && !self.ordered(at as usize, step as usize);
        self.dues.passing(without) == Passing::Yes
    }

    /// The run in which time passes where it could have without step `at`, if it could: what did not depend on that, as
    /// far as nothing that it set out holds time back, then [`TIME`].
    pub(super) fn time_without(&self, at: usize, run: &mut Vec<u32>) -> bool {
        run.clear();
        if !self.dues.changed_with(at as u32) || self.steps[at].proc == Proc::Time {
            return false;
        }
        run.extend((at + 1..self.steps.len()).filter(|later| !self.ordered(at, *later)).map(|later| later as u32));
        loop {
            match self.dues.passing(|step| step < at as u32 || run.contains(&step)) {
                Passing::Yes => break,
                Passing::HeldBy(step) if step > at as u32 => {
                    run.retain(|later| *later != step && !self.ordered(step as usize, *later as usize));
                }
                Passing::Never | Passing::HeldBy(_) => return false,
            }
        }
        run.push(TIME);
        true
    }

    /// Is anything ever due in this run?
    pub(super) fn has_dues(&self) -> bool {
        !self.dues.is_empty()
    }

    fn enter(&mut self, step: &Step) {
        let at = self.steps.len() as u32;
        self.last[step.process as usize] = at;
        if step.world {
            self.world = at;
        }
        for of in range(step.touched) {
            let (touch, object) = (self.touched[of], self.numbers[of]);
            let uses = &mut self.uses[object as usize];
            self.undo.push((object, *uses));
            if touch.is_write() {
                *uses = Uses { write: at, read: NONE };
            } else {
                self.reads.push((at, uses.read));
                uses.read = self.reads.len() as u32 - 1;
            }
        }
    }

    /// Did step `first` have to come before step `second`?
    pub(super) fn ordered(&self, first: usize, second: usize) -> bool {
        self.steps[first].is_before(&self.clocks[range(self.steps[second].clock)])
    }

    /// Could `run`, a part of this one, begin with `step` without doing anything else than it does?
    pub(super) fn could_begin(&self, run: &[u32], step: Footprint<'_>) -> bool {
        if let Some(own) = run.iter().position(|at| self.footprint(*at as usize).proc == step.proc) {
            let free = |earlier: &u32| {
                let earlier = *earlier as usize;
                let is_free = run[own] == TIME || !self.ordered(earlier, run[own] as usize);
                is_free && !self.footprint(earlier).depends(&step)
            };
            return run[..own].iter().all(free);
        }
        // It would come after all of the run, if it comes: where it need not, it covers nothing.
        if step.preventable {
            return false;
        }
        // Of the last step it may not be known whether it would end muted.
        let last = run.last().map(|at| self.footprint(*at as usize));
        let may_mute = self.unsure && last.is_some_and(|last| step.meets_load_of(last.proc));
        !may_mute && run.iter().all(|at| !self.footprint(*at as usize).depends(&step))
    }

    /// Its first step in `run`.
    pub(super) fn step_in(&self, run: &[u32], proc: Proc) -> Option<usize> {
        run.iter().map(|at| *at as usize).find(|at| self.footprint(*at).proc == proc)
    }

    /// The run that shows race (`first`, `second`) the other way: what did not depend on `first`, then `second`. That is
    /// taken earlier than it was. One effect does the same there; a whole behaviour may find somebody pressing who was
    /// not, if that is what the race is about, and be muted.
    pub(super) fn reversal(&mut self, first: usize, second: usize, run: &mut Vec<u32>) {
        run.clear();
        let free = |at: &usize| *at != second && !self.ordered(first, *at);
        run.extend((first + 1..self.steps.len()).filter(free).chain([second]).map(|at| at as u32));
        self.unsure = self.atomic && self.footprint(first).changes_load_for(&self.footprint(second));
    }

    /// Are plans to go on where others end? In runs that are not of actors alone, unless a step earlier or later may make a
    /// run end full: what is planned so far ahead may come otherwise.
    pub(super) fn goes_on(&self) -> bool {
        self.is_open() && !self.ends_matter
    }

    /// Is there a step in this run that was no actor's, or one with a choice?
    fn is_open(&self) -> bool {
        self.steps.last().is_some_and(|step| step.is_open)
    }

    /// Can something keep the first step from being taken, though not the second, after which it still could be? `run` shows
    /// the two the other way.
    pub(super) fn may_be_lost(&self, first: usize, second: usize, run: &[u32]) -> bool {
        let (step, second) = (&self.steps[first], self.footprint(second));
        let stays = |guard: &Touch| second.touched.iter().all(|touch| touch.object() != guard.object());
        let is_kept =
            |touch: &Touch| touch.is_timer() && second.touched.iter().any(|other| other.object() == touch.object());
        match step.proc {
            Proc::Timer { .. } => !self.touched[range(step.touched)].iter().any(is_kept),
            Proc::World(_) => step.preventable && !second.world && self.guards[range(step.guards)].iter().all(stays),
            Proc::Time => self.dues.passing(|step| step < first as u32 || run.contains(&step)) == Passing::Yes,
            Proc::Actor(_) => false,
        }
    }

    /// Without this step the `later` one, which depends on it, would not have been possible.
    fn enables(&self, step: &Step, later: &Step) -> bool {
        // What is due is not so before its time, and time does not pass before what is due is over.
        if later.is_last {
            return true;
        }
        let in_time = step.proc == Proc::Time && later.let_go && !later.is_fault;
        let (earlier, taken) = (self.footprint_of(step), self.footprint_of(later));
        match later.proc {
            Proc::Actor(seat) => {
                let sent = !later.may_be_empty && earlier.sent_message(&taken);
                sent || self.freed[range(step.freed)].contains(&seat)
            }
            Proc::Timer { owner, nth } => in_time || self.timers[range(step.timers)].contains(&(owner, nth)),
            proc @ Proc::World(_) => {
                in_time || self.roused[range(step.roused)].contains(&proc) || earlier.sent_parcel(&taken)
            }
            Proc::Time => step.let_go,
        }
    }
}

impl Step {
    fn is_before(&self, clock: &[u32]) -> bool {
        clock.get(self.process as usize).is_some_and(|seen| *seen >= self.number)
    }
}

fn range((from, to): (u32, u32)) -> Range<usize> {
    from as usize..to as usize
}

/// Raises the clock at the end of the list to what `other` has seen too.
fn join(clocks: &mut Vec<u32>, clock: (u32, u32), other: (u32, u32)) {
    let wanted = clock.0 as usize + range(other).len();
    if clocks.len() < wanted {
        clocks.resize(wanted, 0);
    }
    let (before, mine) = clocks.split_at_mut(clock.0 as usize);
    mine.iter_mut().zip(&before[range(other)]).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
}
