//! docs/RULES.md by the letter, for one thread: sets, lists, and a search for every question. The rule that a part
//! carries out stands beside it. Here: what there is, how a run goes on and ends, and delivery; `running`: who is next and
//! what it does; `pressure`: overload, pressure, falls and ends; `timers`.
//!
//! What the rules leave open is as the runtime documents it: a run handles what was in the mailbox when it began, an
//! overloaded actor is always run again, guards that were dropped are noticed at the end of a behaviour and at a send
//! to a pressing actor, and the clock is looked at when nothing is runnable and every 256 runs.

mod pressure;
mod running;
mod timers;

use super::fact::{FIRST, Fact, Nr, Verdict};
use super::script::{Effect, Program};
use backwater::scheduler::Random;
use backwater::{Detector, End, Totals};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Runs between two looks at the clock.
const LOOK: usize = 256;

#[derive(Clone)]
struct Msg {
    kind: usize,
    serial: u64,
    ticks: u64,
}

impl Msg {
    fn text(&self) -> String {
        format!("k{} s{} x{}", self.kind, self.serial, self.ticks)
    }
}

#[derive(Default)]
struct Actor {
    script: usize,
    mailbox: Vec<Msg>,
    overloaded: bool,
    applied: bool,
    guards: BTreeSet<u64>,
    ended: bool,
    batch: usize,
    detector: Option<Detector>,
    children: u32,
    own_timers: Vec<u64>,
    watchers: Vec<(Nr, Msg)>,
    muted_since: Duration,
}

struct Timer {
    owner: Nr,
    due: Duration,
    period: Option<Duration>,
    msg: Msg,
    /// Due while its owner was muted, and not freed since.
    waits: bool,
    /// The owner was freed: the tick comes, muted again or not.
    owed: bool,
}

/// A behaviour ended by a panic.
struct Panicked;

pub(crate) struct Naive<'a> {
    program: &'a Program,
    actors: Vec<Actor>,
    /// (sender, receiver): all marks of muted actors. An actor is muted iff it is a sender here.
    marks: BTreeSet<(Nr, Nr)>,
    /// Receivers that the running behaviour is marked on.
    pending: Vec<Nr>,
    ready: Vec<Nr>,
    running: Option<Nr>,
    /// Chosen last.
    last: Option<Nr>,
    random: Random,
    /// Decisions taken of those that are given.
    decided: usize,
    timers: BTreeMap<u64, Timer>,
    timers_made: u64,
    guards_made: u64,
    /// (actor, guard)
    rack: Vec<(Nr, u64)>,
    dropped: Vec<(Nr, u64)>,
    now: Duration,
    budget: u32,
    serial: u64,
    stopping: bool,
    totals: Totals,
    failed: Option<Nr>,
    facts: Vec<Fact>,
}

/// Carries the whole program out.
pub(crate) fn run(program: &Program) -> (Vec<Fact>, Verdict) {
    let mut naive = Naive {
        program,
        actors: Vec::new(),
        marks: BTreeSet::new(),
        pending: Vec::new(),
        ready: Vec::new(),
        running: None,
        last: None,
        random: Random::new(program.seed),
        decided: 0,
        timers: BTreeMap::new(),
        timers_made: 0,
        guards_made: 0,
        rack: Vec::new(),
        dropped: Vec::new(),
        now: Duration::ZERO,
        budget: program.budget,
        serial: 0,
        stopping: false,
        totals: Totals::default(),
        failed: None,
        facts: Vec::new(),
    };
    naive.main();
    let verdict = naive.drive();
    (naive.facts, verdict)
}

impl Naive<'_> {
    fn main(&mut self) {
        (0..FIRST).for_each(|_| self.create(0, Actor { batch: 1, ..Actor::default() }));
        (0..self.program.scripts.len()).for_each(|script| self.spawn(0, script));
        for effect in self.program.main.clone() {
            let of_actors = matches!(
                effect,
                Effect::Panic
                    | Effect::Stop
                    | Effect::SendSelf { .. }
                    | Effect::After { .. }
                    | Effect::Every { .. }
                    | Effect::Cancel { .. }
                    | Effect::Watch { .. }
            );
            if !of_actors && self.carry_out(0, &effect).is_err() {
                unreachable!("main does not panic");
            }
        }
        self.stopping = true;
        self.behaviour_ended(0);
        self.stopping = false;
        self.end(0, End::Stopped);
    }

    fn drive(&mut self) -> Verdict {
        loop {
            for _ in 0..LOOK {
                let Some(next) = self.choose() else { break };
                if self.run(next).is_err() {
                    break;
                }
            }
            self.fire_due();
            if let Some(actor) = self.failed {
                return Verdict::Panicked { actor };
            }
            if !self.ready.is_empty() {
                continue;
            }
            // R9: a timer whose actor is muted wakes nobody and keeps nothing alive.
            let live = self.timers.values().filter(|t| !t.waits && !self.is_muted(t.owner)).map(|t| t.due).min();
            match live {
                Some(due) => self.now = self.now.max(due),
                None => return self.verdict(),
            }
        }
    }

    /// R9, R10.
    fn verdict(&mut self) -> Verdict {
        let queued = self.actors.iter().map(|a| a.mailbox.len() as u64).sum();
        if self.marks.is_empty() {
            return Verdict::Well { totals: self.totals.clone(), queued, time: self.now };
        }
        let senders: BTreeSet<Nr> = self.marks.iter().map(|m| m.0).collect();
        let receivers: BTreeSet<Nr> = self.marks.iter().map(|m| m.1).collect();
        Verdict::Deadlock {
            muted: senders.iter().map(|s| (*s, self.actors[*s].mailbox.len() as u32)).collect(),
            roots: receivers.difference(&senders).copied().collect(),
        }
    }

    // --- Questions ------------------------------------------------------------------------------------------------

    fn is_muted(&self, a: Nr) -> bool {
        self.marks.iter().any(|(sender, _)| *sender == a)
    }

    /// O or P.
    fn is_source(&self, a: Nr) -> bool {
        let a = &self.actors[a];
        a.overloaded || a.applied || !a.guards.is_empty()
    }

    fn is_pressing(&self, a: Nr) -> bool {
        self.is_source(a) || self.is_muted(a)
    }

    fn detector(&self, a: Nr) -> Detector {
        self.actors[a].detector.unwrap_or(self.program.detector)
    }

    // --- Birth, delivery (R1) ---------------------------------------------------------------------------------------

    fn create(&mut self, parent: Nr, actor: Actor) {
        let nr = self.actors.len();
        let nth = match self.actors.get_mut(parent) {
            Some(parent) => {
                parent.children += 1;
                parent.children - 1
            }
            None => 0,
        };
        self.actors.push(actor);
        self.totals.spawned += 1;
        self.facts.push(Fact::Spawned { actor: nr, parent, nth });
    }

    fn spawn(&mut self, parent: Nr, script: usize) {
        let script = script % self.program.scripts.len();
        let plan = &self.program.scripts[script];
        let batch = plan.batch.unwrap_or(self.program.batch) as usize;
        self.create(parent, Actor { script, batch, detector: plan.detector, ..Actor::default() });
    }

    fn address(&self, index: usize) -> Nr {
        FIRST + index % (self.actors.len() - FIRST)
    }

    fn spend(&mut self) -> bool {
        let left = self.budget > 0;
        self.budget = self.budget.saturating_sub(1);
        left
    }

    fn message(&mut self, kind: usize) -> Option<Msg> {
        self.spend().then(|| {
            self.serial += 1;
            Msg { kind, serial: self.serial, ticks: 1 }
        })
    }

    /// R1, R2, R7.
    fn send(&mut self, from: Nr, to: Nr, msg: Msg, control: bool) {
        self.facts.push(Fact::Sent { from, to, control, msg: msg.text() });
        self.totals.sent += 1;
        if self.actors[to].ended {
            return self.dead(Some(from), to, &msg);
        }
        let pressing = self.is_pressing(to);
        self.enqueue(to, msg);
        if !pressing || control {
            return;
        }
        self.notice_dropped_guards();
        let exempt = from == to || self.is_source(from);
        if self.is_pressing(to) && !exempt && !self.pending.contains(&to) {
            self.pending.push(to);
            self.facts.push(Fact::Marked { sender: from, receiver: to });
        }
    }

    /// From the runtime: marks nobody (R7).
    fn deliver(&mut self, to: Nr, msg: Msg) {
        self.facts.push(Fact::Delivered { to, msg: msg.text() });
        self.totals.delivered += 1;
        match self.actors[to].ended {
            true => self.dead(None, to, &msg),
            false => self.enqueue(to, msg),
        }
    }

    fn dead(&mut self, from: Option<Nr>, to: Nr, msg: &Msg) {
        self.totals.dead += 1;
        self.facts.push(Fact::Dead { from, to, msg: msg.text() });
    }

    fn enqueue(&mut self, to: Nr, msg: Msg) {
        self.actors[to].mailbox.push(msg);
        let waiting = self.actors[to].mailbox.len() as u32;
        self.totals.deepest = self.totals.deepest.max(waiting);
        self.schedule(to);
        // R4, by depth; T2: not of a muted actor.
        if let Detector::Depth { high, .. } = self.detector(to)
            && waiting >= high
            && !self.is_muted(to)
        {
            self.overload(to, true);
        }
    }

    /// Runnable, once (T6), unless it is muted.
    fn schedule(&mut self, a: Nr) {
        if self.running != Some(a) && !self.is_muted(a) && !self.ready.contains(&a) {
            self.ready.push(a);
        }
    }
}
