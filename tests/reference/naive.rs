//! docs/RULES.md by the letter, for one thread: sets, lists, and a search for every question. The rule that a part
//! carries out stands beside it.
//!
//! What the rules leave open is as the runtime documents it: a run handles what was in the mailbox when it began, an
//! overloaded actor is always run again, guards that were dropped are noticed at the end of a behaviour and at a send
//! to a pressing actor, and the clock is looked at when nothing is runnable and every 256 runs.

use super::fact::{FIRST, Fact, Nr, Verdict};
use super::script::{Effect, Order, Program};
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

    fn choose(&mut self) -> Option<Nr> {
        if self.ready.is_empty() {
            return None;
        }
        let at = match &self.program.order {
            Order::Fifo => 0,
            Order::Newest => self.ready.len() - 1,
            Order::Given(_) if self.ready.len() == 1 => 0,
            Order::Given(bytes) => {
                self.decided += 1;
                bytes.get(self.decided - 1).map_or(0, |byte| usize::from(*byte) % self.ready.len())
            }
            Order::Shuffled => {
                let at = self.random.below(self.ready.len() as u64) as usize;
                return Some(self.ready.swap_remove(at));
            }
            Order::RoundRobin => {
                let after = self.ready.iter().filter(|a| self.last.is_none_or(|last| **a > last)).min();
                let next = *after.or(self.ready.iter().min())?;
                self.ready.iter().position(|a| *a == next)?
            }
        };
        let next = self.ready.remove(at);
        self.last = Some(next);
        Some(next)
    }

    // --- Running (R3, R4) -------------------------------------------------------------------------------------------

    fn run(&mut self, a: Nr) -> Result<(), Panicked> {
        let waiting = self.actors[a].mailbox.len();
        self.facts.push(Fact::RunBegan { actor: a, waiting: waiting as u32 });
        self.running = Some(a);
        let mut handled = 0;
        while handled < waiting.min(self.actors[a].batch) {
            let msg = self.actors[a].mailbox.remove(0);
            handled += 1;
            self.totals.handled += 1;
            self.facts.push(Fact::Handling { actor: a, msg: msg.text() });
            if self.behave(a, &msg).is_err() {
                self.panicked(a);
                return Err(Panicked);
            }
            self.behaviour_ended(a);
            if self.is_muted(a) || self.stopping {
                break;
            }
        }
        self.running = None;
        match std::mem::take(&mut self.stopping) {
            true => self.end(a, End::Stopped),
            false => self.run_ended(a, handled),
        }
        Ok(())
    }

    fn run_ended(&mut self, a: Nr, handled: usize) {
        let full = handled >= self.actors[a].batch;
        self.facts.push(Fact::RunEnded { actor: a, handled: handled as u32, full });
        if self.is_muted(a) {
            return;
        }
        let left = self.actors[a].mailbox.len() as u32;
        match self.detector(a) {
            Detector::Batch => self.overload(a, full),
            Detector::Depth { high, .. } if left >= high => self.overload(a, true),
            Detector::Depth { low, .. } if left <= low => self.overload(a, false),
            Detector::Depth { .. } => {}
        }
        if left > 0 || self.actors[a].overloaded {
            self.schedule(a);
        }
    }

    fn panicked(&mut self, a: Nr) {
        self.running = None;
        self.stopping = false;
        self.pending.clear();
        self.totals.panics += 1;
        if self.program.end_on_panic {
            self.failed.get_or_insert(a);
        }
        self.end(a, End::Panicked);
        self.notice_dropped_guards();
    }

    fn behave(&mut self, a: Nr, msg: &Msg) -> Result<(), Panicked> {
        let spent = !self.spend();
        if spent {
            for timer in std::mem::take(&mut self.actors[a].own_timers) {
                self.timers.remove(&timer);
            }
        }
        let kinds = &self.program.scripts[self.actors[a].script].kinds;
        for effect in kinds[msg.kind % kinds.len()].clone() {
            if !spent || effect.is_pressure() {
                self.carry_out(a, &effect)?;
            }
        }
        Ok(())
    }

    /// R3: what the end of a behaviour settles.
    fn behaviour_ended(&mut self, a: Nr) {
        self.facts.push(Fact::Handled { actor: a });
        self.notice_dropped_guards();
        let receivers = std::mem::take(&mut self.pending);
        if receivers.is_empty() || self.stopping {
            return;
        }
        if self.is_source(a) {
            self.facts.push(Fact::MarksDropped { sender: a });
            return;
        }
        self.marks.extend(receivers.iter().map(|r| (a, *r)));
        self.actors[a].muted_since = self.now;
        self.totals.mutes += 1;
        let muted: BTreeSet<Nr> = self.marks.iter().map(|m| m.0).collect();
        self.totals.muted = self.totals.muted.max(muted.len() as u64);
        self.facts.push(Fact::Muted { sender: a, receivers });
    }

    fn carry_out(&mut self, a: Nr, effect: &Effect) -> Result<(), Panicked> {
        match *effect {
            Effect::Send { to, kind } => self.send_new(a, self.address(to), kind, false),
            Effect::Burst { to, kind, count } => {
                (0..count).for_each(|_| self.send_new(a, self.address(to), kind, false));
            }
            Effect::SendSelf { kind } => self.send_new(a, a, kind, false),
            Effect::Control { to, kind } => self.send_new(a, self.address(to), kind, true),
            Effect::Apply => self.apply(a),
            Effect::Release => self.release(a),
            Effect::Hold => self.hold(a),
            Effect::DropOldest if !self.rack.is_empty() => {
                let guard = self.rack.remove(0);
                self.dropped.push(guard);
            }
            Effect::DropOldest => {}
            Effect::DropNewest => self.dropped.extend(self.rack.pop()),
            Effect::Panic => return Err(Panicked),
            Effect::Stop => self.stopping = true,
            Effect::Spawn { script } => {
                if self.spend() {
                    self.spawn(a, script);
                }
            }
            Effect::After { ms, kind } => self.set_timer(a, kind, Duration::from_millis(ms), None),
            Effect::Every { ms, kind } => {
                let period = Duration::from_millis(ms);
                self.set_timer(a, kind, period, Some(period));
            }
            Effect::Cancel { nth } => {
                let own = &mut self.actors[a].own_timers;
                if !own.is_empty() {
                    let timer = own.remove(nth % own.len());
                    self.timers.remove(&timer);
                }
            }
            Effect::Watch { whom, kind } => {
                if let Some(msg) = self.message(kind) {
                    let whom = self.address(whom);
                    match self.actors[whom].ended {
                        true => self.deliver(a, msg),
                        false => self.actors[whom].watchers.push((a, msg)),
                    }
                }
            }
        }
        Ok(())
    }

    fn send_new(&mut self, from: Nr, to: Nr, kind: usize, control: bool) {
        if let Some(msg) = self.message(kind) {
            self.send(from, to, msg, control);
        }
    }

    // --- Pressure (R4, R5) ------------------------------------------------------------------------------------------

    fn overload(&mut self, a: Nr, overloaded: bool) {
        let pressed = self.is_pressing(a);
        match (std::mem::replace(&mut self.actors[a].overloaded, overloaded), overloaded) {
            (false, true) => self.facts.push(Fact::Overloaded { actor: a }),
            (true, false) => self.facts.push(Fact::CaughtUp { actor: a }),
            _ => {}
        }
        self.fall_if(pressed, a);
    }

    fn apply(&mut self, a: Nr) {
        if std::mem::replace(&mut self.actors[a].applied, true) {
            self.totals.redundant += 1;
            self.facts.push(Fact::Redundant { actor: a, call: "apply" });
        } else {
            self.facts.push(Fact::Applied { actor: a });
        }
    }

    fn release(&mut self, a: Nr) {
        let pressed = self.is_pressing(a);
        if std::mem::replace(&mut self.actors[a].applied, false) {
            self.facts.push(Fact::Released { actor: a });
            self.fall_if(pressed, a);
        } else {
            self.totals.redundant += 1;
            self.facts.push(Fact::Redundant { actor: a, call: "release" });
        }
    }

    fn hold(&mut self, a: Nr) {
        let guard = self.guards_made;
        self.guards_made += 1;
        self.actors[a].guards.insert(guard);
        self.rack.push((a, guard));
        self.facts.push(Fact::Held { actor: a, guard });
    }

    fn notice_dropped_guards(&mut self) {
        for (a, guard) in std::mem::take(&mut self.dropped) {
            if self.actors[a].ended {
                continue;
            }
            let pressed = self.is_pressing(a);
            self.actors[a].guards.remove(&guard);
            self.facts.push(Fact::GuardDropped { actor: a, guard });
            self.fall_if(pressed, a);
        }
    }

    // --- Fall (R6), end (R8) ----------------------------------------------------------------------------------------

    fn fall_if(&mut self, pressed: bool, a: Nr) {
        if pressed && !self.is_pressing(a) {
            self.fall(a);
        }
    }

    fn fall(&mut self, root: Nr) {
        let mut falling = vec![root];
        while !falling.is_empty() {
            let a = falling.remove(0);
            if a != root {
                self.facts.push(Fact::Freed { sender: a });
            }
            self.facts.push(Fact::Fell { actor: a });
            self.pending.retain(|r| *r != a);
            if a != root {
                self.freed(a);
            }
            let held: Vec<Nr> = self.marks.iter().filter(|m| m.1 == a).map(|m| m.0).collect();
            self.marks.retain(|m| m.1 != a);
            falling.extend(held.into_iter().filter(|sender| !self.is_muted(*sender)));
        }
    }

    fn freed(&mut self, a: Nr) {
        let muted = self.now - self.actors[a].muted_since;
        self.totals.muted_longest = self.totals.muted_longest.max(muted);
        self.totals.freed += 1;
        self.schedule(a);
        for timer in self.timers.values_mut().filter(|t| t.owner == a && t.waits) {
            (timer.waits, timer.owed) = (false, true);
        }
    }

    fn end(&mut self, a: Nr, why: End) {
        self.facts.push(Fact::Ended { actor: a, why });
        let pressed = self.is_pressing(a);
        let actor = &mut self.actors[a];
        if actor.overloaded {
            self.facts.push(Fact::CaughtUp { actor: a });
        }
        (actor.overloaded, actor.applied, actor.ended) = (false, false, true);
        actor.guards.clear();
        let (mailbox, watchers) = (std::mem::take(&mut actor.mailbox), std::mem::take(&mut actor.watchers));
        self.marks.retain(|m| m.0 != a);
        self.fall_if(pressed, a);
        self.timers.retain(|_, timer| timer.owner != a);
        self.ready.retain(|r| *r != a);
        watchers.into_iter().for_each(|(watcher, msg)| self.deliver(watcher, msg));
        mailbox.iter().for_each(|msg| self.dead(None, a, msg));
    }

    // --- Timers (R7) ------------------------------------------------------------------------------------------------

    fn set_timer(&mut self, owner: Nr, kind: usize, delay: Duration, period: Option<Duration>) {
        let Some(msg) = self.message(kind) else { return };
        let id = self.timers_made;
        self.timers_made += 1;
        self.actors[owner].own_timers.push(id);
        let due = self.now + delay;
        self.timers.insert(id, Timer { owner, due, period, msg, waits: false, owed: false });
    }

    fn fire_due(&mut self) {
        loop {
            let due = self.timers.iter().filter(|(_, t)| !t.waits && t.due <= self.now);
            let Some(id) = due.min_by_key(|(id, t)| (t.due, **id)).map(|(id, _)| *id) else { return };
            let muted = self.is_muted(self.timers[&id].owner);
            let timer = self.timers.get_mut(&id).unwrap();
            let mut ticks = 1;
            if let Some(period) = timer.period {
                if muted && !timer.owed {
                    timer.waits = true;
                    continue;
                }
                timer.owed = false;
                while timer.due + period <= self.now {
                    timer.due += period;
                    ticks += 1;
                }
                timer.due += period;
            }
            let (owner, msg) = (timer.owner, Msg { ticks, ..timer.msg.clone() });
            if timer.period.is_none() {
                self.timers.remove(&id);
            }
            self.facts.push(Fact::Timer { actor: owner, timer: id, ticks });
            self.deliver(owner, msg);
        }
    }
}
