//! From what the runtime said to steps of the model: which come of each event, and on which worker.

use super::{Claim, Fact};
use crate::event::{ActorId, End, Lane};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

/// The steps of a whole run, with what it claims of its end.
pub(super) fn write(facts: VecDeque<Fact>, claim: Claim) -> Vec<String> {
    let pool = facts.iter().any(|fact| matches!(fact, Fact::RunsOn(..)));
    let late = facts.front() != Some(&Fact::Spawned(ActorId::MAIN));
    let mut writer = Writer { facts, claim, pool, late, workers: 1, ..Writer::default() };
    if late {
        writer.write(Fact::Spawned(ActorId::MAIN));
    }
    while let Some(fact) = writer.facts.pop_front() {
        writer.write(fact);
    }
    writer.claim();
    writer.steps
}

/// A seat as far as the steps depend on it.
#[derive(Default)]
struct Known {
    number: usize,
    tenant: u32,
    waiting: usize,
    overloaded: bool,
    /// Queued, running or muted: a message wakes nobody.
    busy: bool,
    gone: bool,
    /// The worker that keeps its marks, while it is muted.
    parked: Option<usize>,
}

/// A run in progress.
#[derive(Default)]
struct Run {
    worker: usize,
    /// In a behaviour, which in the model goes on until `done`, `mute` or `stop`.
    in_behaviour: bool,
    /// Whom the behaviour is marked on, in the model.
    pending: BTreeSet<ActorId>,
}

#[derive(Default)]
struct Writer {
    facts: VecDeque<Fact>,
    steps: Vec<String>,
    seats: BTreeMap<u32, Known>,
    /// Who has an address that leads nowhere, once there is one: nobody, for ever.
    nobody: Option<usize>,
    numbers: usize,
    runs: BTreeMap<ActorId, Run>,
    /// The runtime names its workers; otherwise falls are carried out at once.
    pool: bool,
    /// The observer came when `main` was there already, and perhaps others (the runs of a search share their opening).
    late: bool,
    /// Workers that have run anything, or were named.
    workers: usize,
    /// By which worker, and who was told, of the fall whose event comes next.
    falling: Option<(usize, Vec<usize>)>,
    /// Falls that a worker was told of and has yet to hear: the worker, and the seat that fell.
    unheard: BTreeMap<(usize, u32), usize>,
    /// The last message was one that marks nobody (R7).
    by_control: bool,
    claim: Claim,
}

impl Writer {
    fn write(&mut self, fact: Fact) {
        match fact {
            Fact::Spawned(a) => self.spawned(a),
            Fact::RunBegan(a) => self.begin(a),
            Fact::Handling(a) => self.take(a),
            Fact::RunEnded(a) if self.runs.contains_key(&a) => self.run_ended(a),
            // The second: of one that was muted, which ended its run. The others were read with the fact before.
            Fact::Handled | Fact::RunEnded(_) | Fact::RunsOn(..) | Fact::Told(..) => {}
            Fact::Sent(from, to, Lane::Ordinary) => self.sent(from, to),
            Fact::Sent(from, to, Lane::Control) => {
                self.by_control = true;
                self.pair("control", from, to);
                self.arrived(to);
            }
            Fact::Delivered(to) => {
                self.by_control = true;
                self.step("event", to);
                self.arrived(to);
            }
            // One that belongs to no ordinary send: the model marks only there, so this is refused.
            Fact::Marked(s, r) => self.pair(if self.by_control { "marked-by-control" } else { "marked" }, s, r),
            Fact::MarksDropped(a) => self.done(a),
            Fact::Muted(a, receivers) => self.muted(a, &receivers),
            Fact::Freed(a) => self.freed(a),
            Fact::Apply(a) => self.on_worker("apply", a),
            Fact::Release(a) => self.lowered("release", a),
            Fact::Held(a) => self.on_worker("hold", a),
            Fact::GuardDropped(a) => self.lowered("drop", a),
            Fact::Overloaded(a) => self.deep(a),
            // One that belongs to no end of a run.
            Fact::CaughtUp(a) => self.lowered("low", a),
            Fact::Fell(a) => self.fell(a),
            Fact::Heard(a, worker) => self.heard(a, worker as usize),
            Fact::Ended(a, why) => self.ended(a, why),
        }
    }

    // --- Runs and behaviours ------------------------------------------------------------------------------------

    /// Actors are asleep in the model before they are spawned. Main begins in its behaviour: that is its one message.
    fn spawned(&mut self, a: ActorId) {
        match self.seats.get(&a.seat).map(|known| known.number) {
            None => {
                let number = self.new_number();
                self.seats.insert(a.seat, Known { number, tenant: a.tenant, ..Known::default() });
            }
            Some(number) => {
                self.seats.insert(a.seat, Known { number, tenant: a.tenant, ..Known::default() });
                self.step("reuse", a);
            }
        }
        if a == ActorId::MAIN {
            self.write(Fact::Delivered(a));
            self.write(Fact::RunBegan(a));
            self.write(Fact::Handling(a));
        }
    }

    fn begin(&mut self, a: ActorId) {
        let named = match self.facts.front() {
            Some(Fact::RunsOn(b, worker)) if *b == a => Some(*worker as usize),
            _ => None,
        };
        let idle = |worker: &usize| self.runs.values().all(|run| run.worker != *worker);
        let worker = named.or_else(|| (0..).find(idle)).expect("there is always a further worker");
        self.workers = self.workers.max(worker + 1);
        self.runs.insert(a, Run { worker, ..Run::default() });
        self.on_worker("begin", a);
    }

    /// Where it runs, or was muted; whoever does something else about it is any worker that is not busy with a fall.
    fn worker_of(&self, a: ActorId) -> usize {
        let parked = || self.seats.get(&a.seat).and_then(|known| known.parked);
        self.runs.get(&a).map(|run| run.worker).or_else(parked).unwrap_or(0)
    }

    fn take(&mut self, a: ActorId) {
        self.end_behaviour(a);
        if let Some(run) = self.runs.get_mut(&a) {
            run.in_behaviour = true;
        }
        self.on_worker("take", a);
        if let Some(known) = self.known(a) {
            known.waiting = known.waiting.saturating_sub(1);
        }
    }

    /// The end of a behaviour that left no marks is no event. If it made some, their receivers have fallen since.
    fn end_behaviour(&mut self, a: ActorId) {
        if self.runs.get(&a).is_some_and(|run| run.in_behaviour) {
            self.lapse(a, &[]);
            self.done(a);
        }
    }

    fn done(&mut self, a: ActorId) {
        self.on_worker("done", a);
        if let Some(run) = self.runs.get_mut(&a) {
            run.in_behaviour = false;
            run.pending.clear();
        }
    }

    /// Marks of the behaviour that do not count any more. Where falls are carried out at once there are none.
    fn lapse(&mut self, a: ActorId, but: &[ActorId]) {
        let pending = self.runs.get_mut(&a).map(|run| core::mem::take(&mut run.pending)).unwrap_or_default();
        if self.pool {
            pending.into_iter().filter(|r| !but.contains(r)).for_each(|r| self.pair("lapse", a, r));
        }
    }

    fn muted(&mut self, a: ActorId, receivers: &[ActorId]) {
        let pending = self.runs.get(&a).map(|run| run.pending.clone()).unwrap_or_default();
        // Muted by somebody on whom it has no mark: refused, because it is no step.
        receivers.iter().filter(|receiver| !pending.contains(receiver)).for_each(|r| self.pair("marked", a, *r));
        self.lapse(a, receivers);
        self.on_worker("mute", a);
        let worker = self.worker_of(a);
        self.runs.remove(&a);
        if let Some(known) = self.known(a) {
            known.parked = Some(worker);
        }
    }

    fn run_ended(&mut self, a: ActorId) {
        self.end_behaviour(a);
        let now = match self.facts.front() {
            Some(Fact::Overloaded(b)) if *b == a => Some(true),
            Some(Fact::CaughtUp(b)) if *b == a => Some(false),
            _ => None,
        };
        if now.is_some() {
            self.facts.pop_front();
        }
        let Some(known) = self.known(a) else { return };
        known.overloaded = now.unwrap_or(known.overloaded);
        let (overloaded, again) = (known.overloaded, known.overloaded || known.waiting > 0);
        known.busy = again;
        match overloaded {
            true => self.on_worker("full", a),
            false => self.lowered("short", a),
        }
        self.runs.remove(&a);
        if again {
            self.step("push", a);
        }
    }

    fn ended(&mut self, a: ActorId, why: End) {
        if why == End::Shutdown {
            self.claim();
        }
        // Its overload ends with it; in the model that is the same step.
        if self.facts.front() == Some(&Fact::CaughtUp(a)) {
            self.facts.pop_front();
        }
        match self.runs.contains_key(&a) {
            true => self.lowered("stop", a),
            false => self.lowered("kill", a),
        }
        self.runs.remove(&a);
        if let Some(known) = self.known(a) {
            (known.gone, known.parked) = (true, None);
        }
    }

    fn claim(&mut self) {
        let line = core::mem::take(&mut self.claim).line();
        self.steps.extend(line.map(str::to_owned));
    }

    // --- Sends (R1, R2) -----------------------------------------------------------------------------------------

    /// The pool says things in the order of the model. The single scheduler puts the message into the mailbox, may find
    /// by that that the receiver is overloaded, hears of dropped guards, and asks then whether the sender is marked. The
    /// model asks first, by the flags from before.
    fn sent(&mut self, from: ActorId, to: ActorId) {
        self.by_control = false;
        if self.pool {
            if self.take_mark(from, to) {
                self.runs.entry(from).or_default().pending.insert(to);
            }
            return self.look(from, to);
        }
        let between = |f: &Fact| match f {
            Fact::Overloaded(a) => *a == to,
            f => matches!(f, Fact::GuardDropped(_) | Fact::Fell(_) | Fact::Freed(_) | Fact::Told(..) | Fact::Heard(..)),
        };
        let count = self.facts.iter().take_while(|f| between(f)).count();
        let mut rest = self.facts.split_off(count);
        core::mem::swap(&mut rest, &mut self.facts);
        let deep = rest.iter().any(|f| matches!(f, Fact::Overloaded(_)));
        // Where the message made the receiver overloaded, its own guards end nothing; they pressed at the send.
        let late = |f: &Fact| deep && *f == Fact::GuardDropped(to);
        let (after, before): (Vec<Fact>, Vec<Fact>) = rest.into_iter().partition(late);
        let marked = self.take_mark(from, to);
        let facts = core::mem::replace(&mut self.facts, before.into_iter().filter(|f| !is_deep(f)).collect());
        while let Some(fact) = self.facts.pop_front() {
            self.write(fact);
        }
        self.facts = facts;
        if marked && !self.runs.entry(from).or_default().pending.insert(to) {
            // Marking twice is marking once; only a pool, where it may have fallen since, says it again.
            self.pair("marked", from, to);
        }
        self.look(from, to);
        if deep {
            self.deep(to);
        }
        for fact in after {
            self.write(fact);
        }
    }

    /// Does the next fact say that the send marked its sender?
    fn take_mark(&mut self, from: ActorId, to: ActorId) -> bool {
        let marked = self.facts.front() == Some(&Fact::Marked(from, to));
        if marked {
            self.facts.pop_front();
        }
        marked
    }

    fn look(&mut self, from: ActorId, to: ActorId) {
        let marked = u8::from(self.runs.get(&from).is_some_and(|run| run.pending.contains(&to)));
        let (worker, s, r) = (self.worker_of(from), self.number(from), self.number(to));
        self.steps.push(format!("look {worker} {s} {r} {marked}"));
        self.steps.push(format!("put {worker} {s} {r}"));
        self.arrived(to);
    }

    fn arrived(&mut self, to: ActorId) {
        let Some(known) = self.known(to).filter(|known| !known.gone) else { return };
        known.waiting += 1;
        if !core::mem::replace(&mut known.busy, true) {
            self.step("push", to);
        }
    }

    fn deep(&mut self, a: ActorId) {
        self.step("deep", a);
        let Some(known) = self.known(a) else { return };
        known.overloaded = true;
        if !core::mem::replace(&mut known.busy, true) {
            self.step("push", a);
        }
    }

    // --- Falls (R6) ---------------------------------------------------------------------------------------------

    /// A step that lowers a flag of `a`; the next fact says whether that was its fall.
    fn lowered(&mut self, step: &str, a: ActorId) {
        let worker = self.worker_of(a);
        let fell = self.facts.front() == Some(&Fact::Fell(a));
        let told = if fell { self.told_of(a, 1) } else { Vec::new() };
        let number = self.number(a);
        let list = if fell { list(&told) } else { "-".into() };
        self.steps.push(format!("{step} {worker} {number} {list}"));
        self.falling = fell.then_some((worker, told));
    }

    /// Who is told of a fall; its event is `at` facts before the one that would say so.
    fn told_of(&self, a: ActorId, at: usize) -> Vec<usize> {
        match self.facts.get(at) {
            _ if !self.pool => (0..self.workers).collect(),
            Some(Fact::Told(b, workers)) if *b == a => workers.iter().map(|worker| *worker as usize).collect(),
            _ => Vec::new(),
        }
    }

    fn freed(&mut self, a: ActorId) {
        let (worker, number, told) = (self.worker_of(a), self.number(a), self.told_of(a, 1));
        self.steps.push(format!("free {worker} {number} {}", list(&told)));
        self.step("push", a);
        if let Some(known) = self.known(a) {
            known.parked = None;
        }
        self.falling = Some((worker, told));
    }

    /// The message is on its way at once: the model lets it take any time from then on.
    fn fell(&mut self, a: ActorId) {
        let (worker, told) = self.falling.take().unwrap_or_default();
        told.iter().for_each(|to| self.steps.push(format!("tell {worker} {to}")));
        self.steps.push(format!("told {worker}"));
        for to in &told {
            *self.unheard.entry((*to, a.seat)).or_default() += 1;
        }
        if !self.pool {
            told.into_iter().for_each(|to| self.heard(a, to));
        }
        // A worker that does not hear of it forgets the marks of the behaviour it is in by itself.
        for run in self.runs.values_mut().filter(|run| !self.unheard.contains_key(&(run.worker, a.seat))) {
            run.pending.remove(&a);
        }
    }

    /// A worker may hear of it when the seat has its next tenant, or none: the message names the seat.
    fn heard(&mut self, a: ActorId, worker: usize) {
        let number = match self.seats.get(&a.seat) {
            Some(known) => known.number,
            None => self.number(a),
        };
        self.steps.push(format!("read {worker} {number}"));
        let key = (worker, a.seat);
        match self.unheard.get(&key).map_or(0, |n| n - 1) {
            0 => drop(self.unheard.remove(&key)),
            left => drop(self.unheard.insert(key, left)),
        }
        for run in self.runs.values_mut().filter(|run| run.worker == worker) {
            run.pending.retain(|r| r.seat != a.seat);
        }
    }

    // --- Words --------------------------------------------------------------------------------------------------

    fn step(&mut self, step: &str, a: ActorId) {
        let number = self.number(a);
        self.steps.push(format!("{step} {number}"));
    }

    fn on_worker(&mut self, step: &str, a: ActorId) {
        let (worker, number) = (self.worker_of(a), self.number(a));
        self.steps.push(format!("{step} {worker} {number}"));
    }

    fn pair(&mut self, step: &str, a: ActorId, b: ActorId) {
        let (worker, a, b) = (self.worker_of(a), self.number(a), self.number(b));
        self.steps.push(format!("{step} {worker} {a} {b}"));
    }

    fn new_number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers - 1
    }

    /// Its number in the trace: that of its seat. Whoever has not got the seat, any more or at all, is nobody.
    fn number(&mut self, a: ActorId) -> usize {
        if self.late && a.seat != u32::MAX && !self.seats.contains_key(&a.seat) {
            self.spawned(a);
        }
        if let Some(known) = self.known(a) {
            return known.number;
        }
        if let Some(nobody) = self.nobody {
            return nobody;
        }
        let nobody = self.new_number();
        self.nobody = Some(nobody);
        self.steps.push(format!("kill 0 {nobody} -"));
        nobody
    }

    /// The seat, if this actor has it.
    fn known(&mut self, a: ActorId) -> Option<&mut Known> {
        self.seats.get_mut(&a.seat).filter(|known| known.tenant == a.tenant)
    }
}

fn is_deep(fact: &Fact) -> bool {
    matches!(fact, Fact::Overloaded(_))
}

fn list(workers: &[usize]) -> String {
    let words: Vec<String> = workers.iter().map(usize::to_string).collect();
    if words.is_empty() { ".".into() } else { words.join(",") }
}
