//! The run as steps of the proved model, for the checker that is extracted from the proofs (`proofs/README.md`).
//!
//! Not here: whether the steps are allowed. This module only translates, and knows of the rules no more than where
//! each actor is, because the model has wake-ups as steps of their own and the scheduler has not.

use crate::event::{ActorId, End, Event, Lane, Observer};
use crate::sync::{Arc, Mutex, lock};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use core::time::Duration;

/// Keeps a run as the steps of `proofs/coq/System.v` that it consists of, one a line, in the words of the checker.
/// Clones share them: keep one, give the other to the runtime.
///
/// The single-threaded runtime is the one worker 0 of the model. It carries a fall out at once; in the model that is
/// a message to itself, so a fall is written as the steps `tell`, `told` and `read`, each freed sender as `free`, and
/// each wake-up as `push`.
///
/// ```
/// use backwater::{Runtime, report::Protocol};
///
/// let protocol = Protocol::new();
/// Runtime::builder().observer(protocol.clone()).run(|_env| {}).unwrap();
/// assert!(protocol.steps(true).starts_with(&["event 0".to_owned(), "push 0".to_owned(), "begin 0 0".to_owned()]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Protocol {
    facts: Arc<Mutex<VecDeque<Fact>>>,
}

impl Protocol {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Protocol::default()
    }

    /// The steps of the run that is over. If the runtime said that it was quiescent (R9), that is by `Ok` or by a
    /// deadlock, the claim `quiet` stands where the runtime began to end the actors that were left.
    pub fn steps(&self, quiescent: bool) -> Vec<String> {
        let mut writer = Writer { facts: lock(&self.facts).clone(), claim: quiescent, ..Writer::default() };
        while let Some(fact) = writer.facts.pop_front() {
            writer.write(fact);
        }
        writer.claim_quiet();
        writer.steps
    }
}

/// What the steps are made of, of an [`Event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fact {
    Spawned(ActorId),
    RunBegan(ActorId),
    Handling(ActorId),
    /// No step; but guards of which the runtime hears after it were not dropped in a send.
    Handled,
    RunEnded(ActorId),
    Sent(ActorId, ActorId, Lane),
    Delivered(ActorId),
    Marked(ActorId, ActorId),
    MarksDropped(ActorId),
    Muted(ActorId),
    Freed(ActorId),
    Apply(ActorId),
    Release(ActorId),
    Held(ActorId),
    GuardDropped(ActorId),
    Overloaded(ActorId),
    CaughtUp(ActorId),
    Fell(ActorId),
    Ended(ActorId, End),
}

impl Fact {
    fn of(event: &Event<'_>) -> Option<Fact> {
        Some(match *event {
            Event::Spawned { actor, .. } => Fact::Spawned(actor),
            Event::RunBegan { actor, .. } => Fact::RunBegan(actor),
            Event::Handling { actor, .. } => Fact::Handling(actor),
            Event::Handled { .. } => Fact::Handled,
            Event::RunEnded { actor, .. } => Fact::RunEnded(actor),
            Event::Sent { from, to, lane, .. } => Fact::Sent(from, to, lane),
            Event::Delivered { to, .. } => Fact::Delivered(to),
            Event::Marked { sender, receiver } => Fact::Marked(sender, receiver),
            Event::MarksDropped { sender } => Fact::MarksDropped(sender),
            Event::Muted { sender, .. } => Fact::Muted(sender),
            Event::Freed { sender } => Fact::Freed(sender),
            Event::Applied { actor, .. } | Event::Redundant { actor, call: "apply", .. } => Fact::Apply(actor),
            Event::Released { actor, .. } | Event::Redundant { actor, .. } => Fact::Release(actor),
            Event::Held { actor, .. } => Fact::Held(actor),
            Event::GuardDropped { actor, .. } => Fact::GuardDropped(actor),
            Event::Overloaded { actor } => Fact::Overloaded(actor),
            Event::CaughtUp { actor } => Fact::CaughtUp(actor),
            Event::Fell { actor } => Fact::Fell(actor),
            Event::Ended { actor, why } => Fact::Ended(actor, why),
            Event::DeadLetter { .. } | Event::TimerFired { .. } | Event::Outside { .. } => return None,
        })
    }
}

impl Observer for Protocol {
    fn observe(&mut self, _now: Duration, event: &Event<'_>) {
        lock(&self.facts).extend(Fact::of(event));
    }
}

/// An actor as far as the steps depend on it.
#[derive(Default)]
struct Known {
    number: usize,
    waiting: usize,
    overloaded: bool,
    /// Queued, running or muted: a message wakes nobody.
    busy: bool,
    gone: bool,
}

#[derive(Default)]
struct Writer {
    facts: VecDeque<Fact>,
    steps: Vec<String>,
    actors: BTreeMap<ActorId, Known>,
    /// Whose run is in progress.
    running: Option<ActorId>,
    /// In a behaviour of it, which in the model goes on until `done`, `mute` or `stop`.
    in_behaviour: bool,
    /// Whom the behaviour is marked on.
    pending: BTreeSet<ActorId>,
    claim: bool,
}

impl Writer {
    fn write(&mut self, fact: Fact) {
        match fact {
            Fact::Spawned(a) => self.spawned(a),
            Fact::RunBegan(a) => {
                self.running = Some(a);
                self.step("begin 0", a);
            }
            Fact::Handling(a) => self.take(a),
            Fact::RunEnded(a) if self.running == Some(a) => self.run_ended(a),
            // The second: of one that was muted, which ended its run.
            Fact::Handled | Fact::RunEnded(_) => {}
            Fact::Sent(from, to, Lane::Ordinary) => self.sent(from, to),
            Fact::Sent(from, to, Lane::Control) => {
                self.step2("control 0", from, to);
                self.arrived(to);
            }
            Fact::Delivered(to) => {
                self.step("event", to);
                self.arrived(to);
            }
            // One that belongs to no send: the model marks only at a send, so this is refused.
            Fact::Marked(s, r) => self.step2("marked 0", s, r),
            Fact::MarksDropped(a) => self.done(a),
            Fact::Muted(a) => {
                self.step("mute 0", a);
                self.leave();
            }
            Fact::Freed(a) => {
                let number = self.number(a);
                self.steps.push(format!("free 0 {number} 0"));
                self.step("push", a);
            }
            Fact::Apply(a) => self.step("apply 0", a),
            Fact::Release(a) => self.lowered("release 0", a),
            Fact::Held(a) => self.step("hold 0", a),
            Fact::GuardDropped(a) => self.lowered("drop 0", a),
            Fact::Overloaded(a) => self.deep(a),
            // One that belongs to no end of a run.
            Fact::CaughtUp(a) => self.lowered("low 0", a),
            Fact::Fell(a) => self.fell(a),
            Fact::Ended(a, why) => self.ended(a, why),
        }
    }

    // --- Runs and behaviours ------------------------------------------------------------------------------------

    /// Actors are asleep in the model before they are spawned. Main begins in its behaviour: that is its one message.
    fn spawned(&mut self, a: ActorId) {
        let number = self.actors.len();
        self.actors.insert(a, Known { number, ..Known::default() });
        if a == ActorId::MAIN {
            self.write(Fact::Delivered(a));
            self.write(Fact::RunBegan(a));
            self.write(Fact::Handling(a));
        }
    }

    fn take(&mut self, a: ActorId) {
        self.end_behaviour();
        self.in_behaviour = true;
        self.step("take 0", a);
        let known = self.known(a);
        known.waiting = known.waiting.saturating_sub(1);
    }

    /// The end of a behaviour that left no marks is no event.
    fn end_behaviour(&mut self) {
        if let (true, Some(a)) = (self.in_behaviour, self.running) {
            self.done(a);
        }
    }

    fn done(&mut self, a: ActorId) {
        self.step("done 0", a);
        self.in_behaviour = false;
        self.pending.clear();
    }

    fn leave(&mut self) {
        self.running = None;
        self.in_behaviour = false;
        self.pending.clear();
    }

    fn run_ended(&mut self, a: ActorId) {
        self.end_behaviour();
        match self.facts.front() {
            Some(Fact::Overloaded(b)) if *b == a => self.known(a).overloaded = true,
            Some(Fact::CaughtUp(b)) if *b == a => self.known(a).overloaded = false,
            _ => self.facts.push_front(Fact::RunEnded(a)),
        }
        self.facts.pop_front();
        self.leave();
        let (overloaded, waiting) = (self.known(a).overloaded, self.known(a).waiting);
        match overloaded {
            true => self.step("full 0", a),
            false => self.lowered("short 0", a),
        }
        self.known(a).busy = overloaded || waiting > 0;
        if overloaded || waiting > 0 {
            self.step("push", a);
        }
    }

    fn ended(&mut self, a: ActorId, why: End) {
        if why == End::Shutdown {
            self.claim_quiet();
        }
        self.number(a);
        // Its overload ends with it; in the model that is the same step.
        if self.facts.front() == Some(&Fact::CaughtUp(a)) {
            self.facts.pop_front();
        }
        match self.running == Some(a) {
            true => {
                self.lowered("stop 0", a);
                self.leave();
            }
            false => self.lowered("kill 0", a),
        }
        self.known(a).gone = true;
    }

    fn claim_quiet(&mut self) {
        if core::mem::take(&mut self.claim) {
            self.steps.push("quiet".into());
        }
    }

    // --- Sends (R1, R2) -----------------------------------------------------------------------------------------

    /// The scheduler puts the message into the mailbox, may find by that that the receiver is overloaded, hears of
    /// dropped guards, and asks then whether the sender is marked. The model asks first, by the flags from before.
    fn sent(&mut self, from: ActorId, to: ActorId) {
        let between = |f: &Fact| match f {
            Fact::Overloaded(a) => *a == to,
            f => matches!(f, Fact::GuardDropped(_) | Fact::Fell(_) | Fact::Freed(_)),
        };
        let count = self.facts.iter().take_while(|f| between(f)).count();
        let mut rest = self.facts.split_off(count);
        core::mem::swap(&mut rest, &mut self.facts);
        let deep = rest.iter().any(|f| matches!(f, Fact::Overloaded(_)));
        // Where the message made the receiver overloaded, its own guards end nothing; they pressed at the send.
        let late = |f: &Fact| deep && *f == Fact::GuardDropped(to);
        let (after, before): (Vec<Fact>, Vec<Fact>) = rest.into_iter().partition(late);
        let marked = self.facts.front() == Some(&Fact::Marked(from, to));
        let facts = core::mem::replace(&mut self.facts, before.into_iter().filter(|f| !is_deep(f)).collect());
        while let Some(fact) = self.facts.pop_front() {
            self.write(fact);
        }
        self.facts = facts;
        if marked {
            self.facts.pop_front();
            self.pending.insert(to);
        }
        self.look(from, to);
        if deep {
            self.deep(to);
        }
        for fact in after {
            self.write(fact);
        }
    }

    fn look(&mut self, from: ActorId, to: ActorId) {
        let marked = u8::from(self.pending.contains(&to));
        let (s, r) = (self.number(from), self.number(to));
        self.steps.push(format!("look 0 {s} {r} {marked}"));
        self.steps.push(format!("put 0 {s} {r}"));
        self.arrived(to);
    }

    fn arrived(&mut self, to: ActorId) {
        let known = self.known(to);
        if known.gone {
            return;
        }
        known.waiting += 1;
        if !core::mem::replace(&mut known.busy, true) {
            self.step("push", to);
        }
    }

    fn deep(&mut self, a: ActorId) {
        self.step("deep", a);
        self.known(a).overloaded = true;
    }

    // --- Falls (R6) ---------------------------------------------------------------------------------------------

    /// A step that lowers a flag of `a`; the next fact says whether that was its fall.
    fn lowered(&mut self, step: &str, a: ActorId) {
        let fell = if self.facts.front() == Some(&Fact::Fell(a)) { "0" } else { "-" };
        let number = self.number(a);
        self.steps.push(format!("{step} {number} {fell}"));
    }

    fn fell(&mut self, a: ActorId) {
        self.pending.remove(&a);
        self.steps.extend(["tell 0 0".to_owned(), "told 0".to_owned()]);
        self.step("read 0", a);
    }

    // --- Words --------------------------------------------------------------------------------------------------

    fn step(&mut self, step: &str, a: ActorId) {
        let number = self.number(a);
        self.steps.push(format!("{step} {number}"));
    }

    fn step2(&mut self, step: &str, a: ActorId, b: ActorId) {
        let (a, b) = (self.number(a), self.number(b));
        self.steps.push(format!("{step} {a} {b}"));
    }

    /// Its number in the trace. Whoever was never spawned is the address that a refused spawn gave: nobody, for ever.
    fn number(&mut self, a: ActorId) -> usize {
        if !self.actors.contains_key(&a) {
            let number = self.actors.len();
            self.actors.insert(a, Known { number, gone: true, ..Known::default() });
            self.steps.push(format!("kill 0 {number} -"));
        }
        self.actors[&a].number
    }

    fn known(&mut self, a: ActorId) -> &mut Known {
        self.number(a);
        self.actors.get_mut(&a).expect("numbered above")
    }
}

fn is_deep(fact: &Fact) -> bool {
    matches!(fact, Fact::Overloaded(_))
}
