//! Every schedule, up to the order of independent steps: optimal dynamic partial-order reduction.
//!
//! The algorithm is that of Abdulla, Aronis, Jonsson and Sagonas (POPL 2014), with wakeup trees: after each run, for
//! each race in it, the run that has the race the other way is put into the tree of the state before the race, unless
//! what is there, or was explored from there, covers it. Sleep sets keep what was explored from being explored again;
//! a run that they stop is redundant, and counted. The search keeps one path, so its memory grows with the longest
//! run, not with the number of runs. It is stateless: each run begins at the beginning.
//!
//! The algorithm assumes that no process can keep another from its next step. Here some can: a cancelled timer, an
//! earlier timer that is set, the end of the whole run. Where a step does that, the prevented step is planned before it.
//!
//! Where a search is shared, the beginnings of all schedules, down to the *top*, are walked without looking ahead: every
//! order of every two steps, less what sleeps. What is planned below the top never adds to what is above it: it is there
//! already. So a plan below the top is not given up because somebody who fell asleep above it could be taken first: the
//! runs in which something else has to come before him would be planned where he fell asleep, and are not.
//!
//! Not here: what a step touches, which the scheduler's script writes down.

use super::causality::Causality;
use super::due::Due;
use super::footprint::{Footprint, Kept, Touch};
use super::parts::Part;
use super::plan::{Plans, Row};
use super::run::Driver;
use super::sleepers::{Answer, Covers, Mark, Sleepers};
use super::world::{MAIN, World};
use crate::scheduler::{Access, Proc};
use std::mem;
use std::ops::Range;

/// A state on the path, and the step that is taken from it now. Its memory is used again.
struct Frame {
    proc: Proc,
    given: Vec<u32>,
    /// Other answers to the choices of this step, still to be explored; how many at the beginning of each are fixed.
    answers: Vec<(Vec<u32>, usize)>,
    /// How many answers at the beginning of `given` are fixed: their alternatives are in `answers`, or were.
    fixed: usize,
    /// The answers that are planned: others are planned by the runs that need them.
    planned: Vec<Answer>,
    /// Planned after this step.
    plan: Row,
    /// Planned instead of it, later.
    instead: Row,
    /// Where its sleepers begin.
    sleepers: Mark,
    /// Branches explored.
    done: u32,
}

/// How much schedules may differ from that in which everybody goes on as long as he can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    No,
    /// So often an actor that could go on is interrupted.
    Preemptions(u32),
    /// So often the next in order is passed over.
    Delays(u32),
}

/// Where a search that is shared branches off into shares.
struct Top {
    depth: usize,
    part: Part,
    /// Beginnings so far.
    number: u64,
    /// The share that the path is in, and whether it is to be explored here; none above the top.
    own: Option<(u64, bool)>,
}

/// The search.
pub(super) struct Exhaustive {
    frames: Vec<Frame>,
    /// Frames from here on are spare.
    depth: usize,
    sleepers: Sleepers,
    plans: Plans,
    causality: Causality,
    /// The step that is taken next; frames before it are taken again.
    at: usize,
    /// The first frame that is new in this run.
    first_new: usize,
    reduce: bool,
    /// Classes of schedules are told apart.
    classes: bool,
    limit: Limit,
    /// How much of it this run has used.
    spent: u32,
    was_overloaded: bool,
    /// Who could step before the step in progress.
    enabled_before: Vec<Proc>,
    /// Work space: a run to be planned, a step that was prevented.
    run: Vec<u32>,
    prevented: Kept,
    /// What is due after a step.
    pending: Vec<Due>,
    top: Option<Top>,
    /// Schedules were left out because of the limit.
    pub(super) bounded: bool,
    /// Somebody had a choice, and the ends of runs matter: there plans leave schedules out.
    pub(super) is_beyond_plans: bool,
}

impl Exhaustive {
    /// A search that has seen nothing. Without `reduce`, every order of every two steps is explored.
    pub(super) fn new(reduce: bool, limit: Limit, atomic: bool) -> Self {
        let mut search = Exhaustive {
            frames: Vec::new(),
            depth: 0,
            sleepers: Sleepers::default(),
            plans: Plans::default(),
            causality: Causality::new(atomic),
            at: 0,
            first_new: 0,
            reduce: reduce && limit == Limit::No,
            classes: false,
            limit,
            spent: 0,
            was_overloaded: false,
            enabled_before: Vec::new(),
            run: Vec::new(),
            prevented: Kept::new(),
            pending: Vec::new(),
            top: None,
            bounded: false,
            is_beyond_plans: false,
        };
        search.enter(MAIN, Row::EMPTY, Mark::default());
        search
    }

    /// The same, of which only a part is explored here: beginnings of `depth` steps are shared.
    pub(super) fn with_top(mut self, depth: usize, part: Part) -> Self {
        self.top = Some(Top { depth, part, number: 0, own: None });
        self
    }

    /// The same; each run has the number of its class.
    pub(super) fn with_classes(mut self) -> Self {
        self.causality.label();
        self.classes = true;
        self
    }

    /// The same; whether the ends of runs matter.
    pub(super) fn with_ends(mut self, matter: bool) -> Self {
        self.causality.ends_matter(matter);
        self
    }

    /// That of the last run: see [`Causality::class`].
    pub(super) fn class(&self) -> u64 {
        self.causality.class()
    }

    /// From the beginning, as `fresh`; shares that were taken are kept.
    pub(super) fn again(self, fresh: Self) -> Self {
        let top = self.top.map(|top| Top { number: 0, own: None, ..top });
        Exhaustive { top, ..fresh }
    }

    /// How many beginnings were met so far.
    pub(super) fn beginnings(&self) -> u64 {
        self.top.as_ref().map_or(0, |top| top.number)
    }

    /// The number of the share that the last run was in, if that run counts here.
    pub(super) fn share(&mut self) -> Option<u64> {
        let Some(top) = &mut self.top else { return Some(0) };
        // A run that ended above the top is a share of its own.
        let (number, own) = top.enter();
        own.then_some(number)
    }

    /// Is it written down what depends on what?
    fn traces(&self) -> bool {
        self.reduce || self.classes
    }

    fn below_top(&self, state: usize) -> bool {
        self.top.as_ref().is_none_or(|top| state >= top.depth)
    }

    /// Plans the next run. False if there is none: everything was explored.
    pub(super) fn advance(&mut self) -> bool {
        if self.reduce {
            self.plan_reversals();
        }
        while self.depth > 0 {
            if self.next_answers() || self.next_branch() {
                self.first_new = self.depth - 1;
                self.causality.cut(self.first_new);
                (self.at, self.spent) = (0, 0);
                let above = !self.below_top(self.first_new);
                self.top.iter_mut().filter(|_| above).for_each(|top| top.own = None);
                return true;
            }
            self.leave();
        }
        false
    }

    /// About how many runs there are, judged by how far the branches near the root are done.
    pub(super) fn estimate(&self, runs: u64) -> f64 {
        let (mut done, mut share) = (0.0, 1.0);
        for frame in &self.frames[..self.depth] {
            let left = self.plans.len(frame.instead) + frame.answers.len() + 1;
            let all = f64::from(frame.done) + left as f64;
            done += share * f64::from(frame.done) / all;
            share /= all;
        }
        runs as f64 / f64::max(done, 1e-300)
    }

    fn plan_reversals(&mut self) {
        let mut run = mem::take(&mut self.run);
        // What else is in a run belongs to what shows a race the other way: so old races are planned again.
        for second in 1..self.causality.len() {
            for race in self.causality.races(second) {
                let first = self.causality.race(race);
                if !self.below_top(first) {
                    continue;
                }
                self.causality.reversal(first, second, &mut run);
                let may_be_lost = self.causality.may_be_lost(first, second, &run);
                self.plan_run(first, &mut run);
                if may_be_lost {
                    self.causality.reversal(first, second, &mut run);
                    run.push(first as u32);
                    self.plan_run(first, &mut run);
                }
            }
        }
        if self.causality.has_dues() {
            self.plan_time(&mut run);
        }
        self.run = run;
    }

    /// Who sets something that is due now, or cancels what would be due later, keeps time from passing: where he comes
    /// late, that it may pass before him is seen nowhere on the path.
    fn plan_time(&mut self, run: &mut Vec<u32>) {
        for state in 1..self.causality.len() {
            if self.below_top(state) && self.causality.time_without(state, run) {
                self.plan_run(state, run);
            }
        }
    }

    /// Plans a run from this state, unless it is covered. `run` is used up.
    fn plan_run(&mut self, state: usize, run: &mut Vec<u32>) {
        let covers = |asleep: Footprint<'_>, answers: &[Answer], above: bool| match () {
            () if !self.causality.could_begin(run, asleep) => Covers::No,
            () => match self.causality.step_in(run, asleep.proc) {
                Some(own) if self.causality.chosen(own) == answers => Covers::Yes,
                None if !above => Covers::WithAllAnswers,
                _ => Covers::No,
            },
        };
        if !self.sleepers.cover(self.sleepers_of(state), covers) {
            let Exhaustive { frames, plans, causality, .. } = self;
            plans.add_run(&mut frames[state].instead, causality, run);
        }
    }

    /// Which sleepers are those of this state?
    fn sleepers_of(&self, state: usize) -> Range<usize> {
        let next = self.frames[..self.depth].get(state + 1);
        self.frames[state].sleepers.sleepers..next.map_or(self.sleepers.end(), |frame| frame.sleepers.sleepers)
    }

    /// The step just taken kept these from theirs: each is to be tried before it.
    fn plan_prevented(&mut self, world: &World, taken: Proc) {
        let (before, mut step) = (mem::take(&mut self.enabled_before), mem::replace(&mut self.prevented, Kept::new()));
        for proc in before.iter().filter(|proc| **proc != taken && !world.is_enabled(**proc)) {
            step.set_prevented(*proc);
            let covers = |asleep: Footprint<'_>, _: &[Answer], above: bool| match () {
                () if asleep.proc == *proc => Covers::WithAllAnswers,
                () if !above && !asleep.preventable && !asleep.depends(&step.get()) => Covers::WithAllAnswers,
                () => Covers::No,
            };
            if !self.sleepers.cover(self.sleepers_of(self.at), covers) {
                self.plans.add_step(&mut self.frames[self.at].instead, step.get());
            }
        }
        (self.enabled_before, self.prevented) = (before, step);
    }

    /// The last step was taken: the other answers to its choices are to be explored too, as far as it is awake with them.
    fn note_answers(&mut self, chosen: &[Answer]) {
        let Exhaustive { frames, sleepers, at, .. } = self;
        let frame = &mut frames[*at];
        if chosen.is_empty() && frame.given.is_empty() {
            return;
        }
        let answers: Vec<u32> = chosen.iter().map(|(answer, _)| *answer).collect();
        let as_planned = frame.planned.iter().zip(chosen).take_while(|(planned, chosen)| planned == chosen).count();
        for (at, (answer, all)) in chosen.iter().enumerate().skip(frame.fixed.max(as_planned)) {
            for other in (0..*all).filter(|other| other != answer) {
                let mut given: Vec<u32> = answers[..at].iter().copied().chain([other]).collect();
                if sleepers.wakes(frame.sleepers.sleepers, frame.proc, &mut given) {
                    frame.answers.push((given, at + 1));
                }
            }
        }
        frame.given = answers;
        frame.fixed = frame.given.len();
    }

    // --- The path -------------------------------------------------------------------------------------------------

    /// A new state at the end of the path, from which `proc` steps; those who sleep there were written down from
    /// `sleepers` on.
    fn enter(&mut self, proc: Proc, plan: Row, sleepers: Mark) -> &mut Frame {
        if self.depth == self.frames.len() {
            self.frames.push(Frame::new());
        }
        let frame = &mut self.frames[self.depth];
        self.depth += 1;
        (frame.proc, frame.plan, frame.instead) = (proc, plan, Row::EMPTY);
        frame.sleepers = sleepers;
        (frame.fixed, frame.done) = (0, 0);
        frame
    }

    /// The last state on the path is done.
    fn leave(&mut self) {
        self.depth -= 1;
        let frame = &mut self.frames[self.depth];
        frame.given.clear();
        frame.planned.clear();
        self.plans.clear(&mut frame.plan);
        self.plans.clear(&mut frame.instead);
        self.sleepers.cut(frame.sleepers);
    }

    /// The last state has other answers to be given. The step sleeps with those before.
    fn next_answers(&mut self) -> bool {
        let Some((mut given, fixed)) = self.frames[self.depth - 1].answers.pop() else { return false };
        self.fall_asleep();
        let frame = &mut self.frames[self.depth - 1];
        self.plans.clear(&mut frame.plan);
        let mut begins = given[..fixed].to_vec();
        if let Some(plan) = self.plans.take_answered(&mut frame.instead, frame.proc, &mut begins) {
            (given, frame.plan) = (begins, plan);
        }
        (frame.given, frame.fixed) = (given, fixed);
        true
    }

    /// The last state has another step planned. The one before sleeps from here on.
    fn next_branch(&mut self) -> bool {
        self.fall_asleep();
        let Exhaustive { frames, sleepers, plans, .. } = self;
        let frame = &mut frames[self.depth - 1];
        frame.fixed = 0;
        plans.clear(&mut frame.plan);
        while let Some((proc, mut plan)) = plans.take(&mut frame.instead, &mut frame.given, &mut frame.planned) {
            if sleepers.wakes(frame.sleepers.sleepers, proc, &mut frame.given) {
                (frame.proc, frame.plan) = (proc, plan);
                return true;
            }
            plans.clear(&mut plan);
        }
        false
    }

    /// What was explored from the last state sleeps there from here on.
    fn fall_asleep(&mut self) {
        let last = self.depth - 1;
        if self.depth <= self.causality.len() {
            let above = !self.below_top(last);
            self.sleepers.add(self.causality.footprint(last), self.causality.chosen(last), above);
        }
        self.frames[last].done += 1;
    }

    /// What the step that was just taken leaves to the state after it: who sleeps there, and what is planned.
    fn inherit(&mut self) -> (Mark, Row) {
        let from = self.sleepers.mark();
        let Some(last) = self.depth.checked_sub(1) else { return (from, Row::EMPTY) };
        if self.reduce {
            self.sleepers.inherit(self.sleepers_of(last), &self.causality.footprint(last));
        }
        (from, mem::replace(&mut self.frames[last].plan, Row::EMPTY))
    }

    fn choose(&mut self, world: &World) -> Option<()> {
        let (sleepers, mut instead) = self.inherit();
        let (mut given, mut planned) = (Vec::new(), Vec::new());
        while let Some((proc, mut plan)) = self.plans.take(&mut instead, &mut given, &mut planned) {
            if world.is_enabled(proc) && self.sleepers.wakes(sleepers.sleepers, proc, &mut given) {
                let frame = self.enter(proc, plan, sleepers);
                (frame.given, frame.planned, frame.instead) = (given, planned, instead);
                return Some(());
            }
            self.plans.clear(&mut plan);
        }
        // Who sleeps with some answers is not enough: what wakes him with those may meet nothing that he does with others.
        let awake = |proc: &Proc| !self.sleepers.has(sleepers.sleepers, *proc);
        let next = world.in_order().find(awake).filter(|_| self.reduce && self.below_top(self.depth));
        let Some(next) = next else { return self.choose_all(world, sleepers) };
        self.enter(next, Row::EMPTY, sleepers);
        Some(())
    }

    /// Without looking ahead: everybody who is awake and whom the limit allows, one after the other.
    fn choose_all(&mut self, world: &World, sleepers: Mark) -> Option<()> {
        let wakes = |proc: &Proc, given: &mut Vec<u32>| self.sleepers.wakes(sleepers.sleepers, *proc, given);
        let allowed = world.in_order().filter(|proc| wakes(proc, &mut Vec::new()));
        let mut allowed = allowed.filter(|proc| self.cost(world, *proc) <= self.left());
        let first = allowed.next();
        let rest: Vec<Proc> = allowed.collect();
        self.bounded |= self.limit != Limit::No && rest.len() + 1 < world.enabled.len();
        let Some(first) = first else {
            self.sleepers.cut(sleepers);
            return None;
        };
        let (mut instead, mut given) = (Row::EMPTY, Vec::new());
        wakes(&first, &mut given);
        rest.iter().for_each(|proc| self.plans.add_unknown(&mut instead, *proc));
        let frame = self.enter(first, Row::EMPTY, sleepers);
        (frame.instead, frame.given) = (instead, given);
        Some(())
    }

    fn left(&self) -> u32 {
        match self.limit {
            Limit::No => u32::MAX,
            Limit::Preemptions(most) | Limit::Delays(most) => most - self.spent,
        }
    }

    fn cost(&self, world: &World, proc: Proc) -> u32 {
        match self.limit {
            Limit::No => 0,
            Limit::Preemptions(_) => u32::from(world.is_preemption(proc)),
            Limit::Delays(_) => world.number_of(proc),
        }
    }
}

impl Driver for Exhaustive {
    fn next(&mut self, world: &World, given: &mut Vec<u32>) -> Option<Proc> {
        if self.at == self.depth {
            if let Some(top) = self.top.as_mut().filter(|top| top.depth == self.at)
                && !top.enter().1
            {
                return None;
            }
            self.choose(world)?;
        }
        let frame = &self.frames[self.at];
        if !world.is_enabled(frame.proc) {
            // Only a planned step can be impossible, never one that was taken before.
            return None;
        }
        given.extend_from_slice(&frame.given);
        let proc = frame.proc;
        self.spent += self.cost(world, proc);
        if self.traces() && self.at >= self.first_new {
            self.enabled_before.clone_from(&world.enabled);
            self.was_overloaded = matches!(proc, Proc::Actor(seat) if world.core.is_overloaded(seat));
        }
        Some(proc)
    }

    fn wants_traces(&self) -> bool {
        self.traces() && self.at >= self.first_new
    }

    fn stepped(&mut self, proc: Proc, world: &World) {
        if self.at >= self.first_new {
            let traces = world.traces();
            if self.traces() {
                let new = |proc: &Proc| matches!(proc, Proc::World(_)) && !self.enabled_before.contains(proc);
                let roused = world.enabled.iter().copied().filter(new);
                self.pending.clear();
                world.core.dues(&mut |object, due| self.pending.push((Touch::new(object, Access::Read).object(), due)));
                let dues = (world.core.now(), &*self.pending);
                self.causality.push(proc, &traces, self.was_overloaded, roused, dues);
            }
            self.is_beyond_plans |= !traces.chosen.is_empty() && self.causality.do_ends_matter();
            self.note_answers(traces.chosen);
            if self.reduce && self.at > 0 && self.below_top(self.at) {
                self.plan_prevented(world, proc);
            }
        }
        self.at += 1;
    }

    fn main(&mut self, given: &mut Vec<u32>) {
        given.extend_from_slice(&self.frames[0].given);
    }

    fn same_steps(&self) -> usize {
        // What a run may still spend is counted from its beginning.
        if self.limit == Limit::No { self.first_new } else { 0 }
    }

    fn skip(&mut self, steps: usize) {
        self.at = steps;
    }
}

impl Top {
    /// The path comes to where shares begin, or is there already. Which share it is in, and whether that is explored here.
    fn enter(&mut self) -> (u64, bool) {
        let Top { part, number, own, .. } = self;
        *own.get_or_insert_with(|| {
            *number += 1;
            (*number - 1, part.claims(*number - 1))
        })
    }
}

impl Frame {
    fn new() -> Self {
        Frame {
            proc: MAIN,
            given: Vec::new(),
            answers: Vec::new(),
            fixed: 0,
            planned: Vec::new(),
            plan: Row::EMPTY,
            instead: Row::EMPTY,
            sleepers: Mark::default(),
            done: 0,
        }
    }
}
