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
//! Not here: what a step touches, which the scheduler's script writes down.

use super::causality::{Causality, Footprint};
use super::run::Driver;
use super::world::{MAIN, World};
use crate::scheduler::Proc;
use std::mem;

/// A planned step, and those planned after it.
#[derive(Debug)]
struct Node {
    footprint: Footprint,
    chosen: Vec<u32>,
    children: Vec<Node>,
}

/// A state on the path, and the step that is taken from it now.
#[derive(Debug)]
struct Frame {
    proc: Proc,
    given: Vec<u32>,
    /// Other answers to the choices of this step, still to be explored.
    answers: Vec<Vec<u32>>,
    /// How many answers at the beginning of `given` are fixed: their alternatives are planned elsewhere.
    fixed: usize,
    /// What the step does, all answers so far together; none until it was taken.
    footprint: Option<Footprint>,
    /// Planned after this step.
    plan: Vec<Node>,
    /// Planned instead of it, later.
    instead: Vec<Node>,
    /// Steps that were explored from here, or from before and are independent of all since.
    sleep: Vec<Footprint>,
    /// Branches explored.
    done: u32,
}

/// The search.
pub(super) struct Exhaustive {
    frames: Vec<Frame>,
    causality: Causality,
    /// The step that is taken next; frames before it are taken again.
    at: usize,
    /// The first frame that is new in this run.
    first_new: usize,
    reduce: bool,
    preemptions: Option<u32>,
    preempted: u32,
    was_overloaded: bool,
    /// Who could step before the step in progress.
    enabled_before: Vec<Proc>,
    /// Schedules were left out because of the bound on preemptions.
    pub(super) bounded: bool,
    /// A planned step was not possible: harmless, but work for nothing.
    pub(super) infeasible: u64,
}

impl Exhaustive {
    /// A search that has seen nothing. Without `reduce`, every order of every two steps is explored.
    pub(super) fn new(reduce: bool, preemptions: Option<u32>, atomic: bool) -> Self {
        Exhaustive {
            frames: vec![Frame::new(MAIN, Vec::new(), Vec::new(), Vec::new())],
            causality: Causality::new(atomic),
            at: 0,
            first_new: 0,
            reduce: reduce && preemptions.is_none(),
            preemptions,
            preempted: 0,
            was_overloaded: false,
            enabled_before: Vec::new(),
            bounded: false,
            infeasible: 0,
        }
    }

    /// Plans the next run. False if there is none: everything was explored.
    pub(super) fn advance(&mut self) -> bool {
        if self.reduce {
            self.plan_reversals();
        }
        while let Some(frame) = self.frames.last_mut() {
            if frame.next_answers() || frame.next_branch() {
                self.first_new = self.frames.len() - 1;
                self.causality.cut(self.first_new);
                (self.at, self.preempted) = (0, 0);
                return true;
            }
            self.frames.pop();
        }
        false
    }

    /// About how many runs there are, judged by how far the branches near the root are done.
    pub(super) fn estimate(&self, runs: u64) -> f64 {
        let (mut done, mut share) = (0.0, 1.0);
        for frame in &self.frames {
            let left = frame.instead.len() + frame.answers.len() + 1;
            let all = f64::from(frame.done) + left as f64;
            done += share * f64::from(frame.done) / all;
            share /= all;
        }
        runs as f64 / f64::max(done, 1e-300)
    }

    fn plan_reversals(&mut self) {
        for second in self.first_new..self.causality.steps.len() {
            let races = mem::take(&mut self.causality.steps[second].races);
            for first in races.iter().copied() {
                let run = self.causality.reversal(first, second);
                self.plan(first, run);
            }
            self.causality.steps[second].races = races;
        }
    }

    /// Puts a run into the plan of a state, unless it is covered there.
    fn plan(&mut self, state: usize, run: Vec<usize>) {
        let Exhaustive { frames, causality, .. } = self;
        let frame = &mut frames[state];
        if frame.sleep.iter().any(|asleep| causality.could_begin(&run, asleep)) {
            return;
        }
        insert(&mut frame.instead, causality, run, true);
    }

    /// The step just taken kept these from theirs: each is to be tried before it.
    fn plan_prevented(&mut self, world: &World, taken: Proc) {
        let before = mem::take(&mut self.enabled_before);
        let frame = &mut self.frames[self.at];
        for proc in before.iter().filter(|proc| **proc != taken && !world.enabled.contains(proc)) {
            let footprint = Footprint::prevented(*proc);
            let covers = |asleep: &Footprint| asleep.proc == *proc || !asleep.depends(&footprint);
            if !frame.sleep.iter().any(covers) {
                insert_one(&mut frame.instead, footprint, true);
            }
        }
        self.enabled_before = before;
    }

    fn choose(&mut self, world: &World) -> Option<()> {
        let (sleep, mut instead) = self.inherit();
        while !instead.is_empty() {
            let Node { footprint, chosen, children } = instead.remove(0);
            if world.enabled.contains(&footprint.proc) {
                let mut frame = Frame::new(footprint.proc, chosen, sleep, children);
                frame.instead = instead;
                self.frames.push(frame);
                return Some(());
            }
            self.infeasible += 1;
        }
        let awake = |proc: &Proc| !sleep.iter().any(|asleep| asleep.proc == *proc);
        if self.reduce {
            let proc = world.in_order().find(awake)?;
            self.frames.push(Frame::new(proc, Vec::new(), sleep, Vec::new()));
            return Some(());
        }
        let left = self.preemptions.map_or(u32::MAX, |most| most - self.preempted);
        let mut order: Vec<Proc> = world.in_order().collect();
        let all = order.len();
        order.retain(|proc| left > 0 || !world.is_preemption(*proc));
        self.bounded |= order.len() < all;
        let mut frame = Frame::new(order.remove(0), Vec::new(), sleep, Vec::new());
        frame.instead = order.into_iter().map(Node::unknown).collect();
        self.frames.push(frame);
        Some(())
    }

    /// What the step that was just taken leaves to the state after it: who sleeps there, and what is planned.
    fn inherit(&mut self) -> (Vec<Footprint>, Vec<Node>) {
        let Some(frame) = self.frames.last_mut() else { return Default::default() };
        let plan = mem::take(&mut frame.plan);
        let taken = &self.causality.steps[self.causality.steps.len() - 1].footprint;
        let sleep = frame.sleep.iter().filter(|asleep| !asleep.depends(taken)).cloned().collect();
        (sleep, plan)
    }
}

impl Driver for Exhaustive {
    fn next(&mut self, world: &World) -> Option<(Proc, Vec<u32>)> {
        if self.at == self.frames.len() {
            self.choose(world)?;
        }
        let frame = &self.frames[self.at];
        if !world.enabled.contains(&frame.proc) {
            // Only a planned step can be impossible, never one that was taken before.
            self.infeasible += 1;
            return None;
        }
        self.preempted += u32::from(world.is_preemption(frame.proc));
        if self.at >= self.first_new {
            self.enabled_before.clone_from(&world.enabled);
        }
        self.was_overloaded = matches!(frame.proc, Proc::Actor(seat) if world.core.is_overloaded(seat));
        Some((frame.proc, frame.given.clone()))
    }

    fn stepped(&mut self, proc: Proc, world: &World) {
        let traces = world.traces();
        if self.at >= self.first_new {
            let new = |proc: &&Proc| matches!(proc, Proc::World(_)) && !self.enabled_before.contains(proc);
            let roused = world.enabled.iter().filter(new).copied().collect();
            self.causality.push(proc, &traces, self.was_overloaded, roused);
            let taken = self.causality.steps[self.at].footprint.clone();
            self.frames[self.at].taken(taken, traces.chosen);
            if self.reduce && self.at > 0 {
                self.plan_prevented(world, proc);
            }
        }
        self.at += 1;
    }

    fn main(&mut self) -> Vec<u32> {
        self.frames[0].given.clone()
    }
}

impl Frame {
    fn new(proc: Proc, given: Vec<u32>, sleep: Vec<Footprint>, plan: Vec<Node>) -> Self {
        Frame { proc, given, answers: Vec::new(), fixed: 0, footprint: None, plan, instead: Vec::new(), sleep, done: 0 }
    }

    /// The step was taken: the other answers to its choices are to be explored too.
    fn taken(&mut self, footprint: Footprint, chosen: &[(u32, u32)]) {
        match &mut self.footprint {
            Some(known) => known.widen(&footprint),
            None => self.footprint = Some(footprint),
        }
        let answers: Vec<u32> = chosen.iter().map(|(answer, _)| *answer).collect();
        for (at, (answer, all)) in chosen.iter().enumerate().skip(self.fixed) {
            let others = (0..*all).filter(|other| other != answer);
            self.answers.extend(others.map(|other| answers[..at].iter().copied().chain([other]).collect()));
        }
        self.given = answers;
        self.fixed = self.given.len();
    }

    fn next_answers(&mut self) -> bool {
        let Some(given) = self.answers.pop() else { return false };
        self.done += 1;
        self.fixed = given.len();
        self.given = given;
        self.plan.clear();
        true
    }

    fn next_branch(&mut self) -> bool {
        self.sleep.extend(self.footprint.take());
        self.done += 1;
        if self.instead.is_empty() {
            return false;
        }
        let node = self.instead.remove(0);
        (self.proc, self.given, self.plan) = (node.footprint.proc, node.chosen, node.children);
        self.fixed = 0;
        true
    }
}

impl Node {
    /// A step of which nothing is known yet.
    fn unknown(proc: Proc) -> Self {
        let footprint = Footprint::nothing(proc);
        Node { footprint, chosen: Vec::new(), children: Vec::new() }
    }
}

/// Puts a single step into a plan.
fn insert_one(plan: &mut Vec<Node>, step: Footprint, is_root: bool) {
    if plan.is_empty() && !is_root {
        return;
    }
    match plan.iter_mut().find(|node| node.footprint.proc == step.proc || !node.footprint.depends(&step)) {
        Some(node) if node.footprint.proc == step.proc => {}
        Some(node) => insert_one(&mut node.children, step, false),
        None => plan.push(Node { footprint: step, chosen: Vec::new(), children: Vec::new() }),
    }
}

/// Puts a run into a plan as a new branch, below the planned steps that it could begin with.
fn insert(plan: &mut Vec<Node>, causality: &Causality, mut run: Vec<usize>, is_root: bool) {
    // An end of the plan is followed by everything there is.
    if run.is_empty() || (plan.is_empty() && !is_root) {
        return;
    }
    if let Some(node) = plan.iter_mut().find(|node| causality.could_begin(&run, &node.footprint)) {
        if let Some(own) = run.iter().position(|at| causality.steps[*at].footprint.proc == node.footprint.proc) {
            run.remove(own);
        }
        return insert(&mut node.children, causality, run, false);
    }
    let mut branch: Option<Node> = None;
    for at in run.into_iter().rev() {
        let step = &causality.steps[at];
        let children = branch.take().into_iter().collect();
        branch = Some(Node { footprint: step.footprint.clone(), chosen: step.chosen.clone(), children });
    }
    plan.extend(branch);
}
