//! Which steps there are, with which faults, and which of them can be taken in a state.

use super::state::*;
use super::steps::At;
use stateright::{Model, Property};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A message that never marks anyone (R7, R13): from outside, from the runtime, on the control lane, to oneself.
    Outside(usize),
    /// A run handles at most what was in the mailbox when it began: all of it, or (`RunLeaving`) a part.
    Run(usize, usize),
    RunLeaving(usize, usize),
    RunEmpty(usize, usize),
    Send(usize, usize, usize),
    SendControl(usize, usize, usize),
    Apply(usize, usize),
    Release(usize, usize),
    ReleaseUnapplied(usize, usize),
    Hold(usize, usize),
    DropGuard(usize, usize),
    /// R4, the detector by depth: looked at in the actor's own run, between behaviours.
    DepthHigh(usize, usize),
    /// R3 at the end of a behaviour that left marks: either `MarksDropped` or `Mute`.
    MarksDropped(usize, usize),
    Mute(usize, usize),
    /// R4 at the end of a run: less than a full batch, or a full one (or still above the depth detector's low mark).
    RunEnd(usize, usize),
    FullBatch(usize, usize),
    /// R8
    Stop(usize, usize),
    DropActor(usize, usize),
    /// R6, one message "fall of r" at a time: the worker tells, another reads, then frees.
    Tell(usize, usize),
    Read(usize, usize),
    ReadOneOfMany(usize, usize),
    Unmute(usize, usize),
    /// Only in a mutant.
    Wake(usize, usize),
}
use Step::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    FlagAfterMessage,
    MarkKeptWhenFreed,
    OverloadReleaseLost,
    MuteMidBehaviour,
    OverloadedMutedToo,
    PressuredMutedToo,
    FallSkipsOwnWorker,
    NoCascade,
    RunsOnAfterMute,
    NoSecondSentence,
    UnmuteIgnoresPressure,
    GuardsShareFlag,
    StopKeepsAll,
    FreedWithoutFall,
    FreedEmptyNotQueued,
    DepthAtPush,
    ControlMarks,
    ReleaseIgnoresOtherReasons,
    ReleaseWithoutApply,
    SendSchedulesMuted,
    OverloadedNotQueued,
    QuietOverlooksFreed,
}
use Mutant::*;

/// The system: with which faults, with how many guards an actor may hold at once.
#[derive(Clone)]
pub(crate) struct System {
    pub(crate) faults: Vec<Mutant>,
    pub(crate) guards: u8,
    /// Check only the property whose name begins so; all when empty.
    pub(crate) only: &'static str,
}

/// What the code would read.
impl System {
    pub(super) fn with(&self, fault: Mutant) -> bool {
        self.faults.contains(&fault)
    }

    pub(super) fn pressure_seen(&self, s: &State, a: usize) -> bool {
        if self.with(GuardsShareFlag) { s.actors[a].shared } else { s.actors[a].pressed() }
    }

    pub(super) fn exempt(&self, s: &State, a: usize) -> bool {
        s.actors[a].overloaded && !self.with(OverloadedMutedToo)
            || self.pressure_seen(s, a) && !self.with(PressuredMutedToo)
    }

    pub(super) fn seen(&self, s: &State, r: usize) -> bool {
        s.actors[r].overloaded || self.pressure_seen(s, r) || s.actors[r].muted
    }

    /// The steps of a worker inside a behaviour of `a`.
    pub(super) fn behave(&self, s: &State, w: usize, a: usize, steps: &mut Vec<Step>) {
        let actor = &s.actors[a];
        let marked = s.workers[w].marked(a);
        for b in (0..ACTORS).filter(|b| *b != a) {
            if s.actors[b].place != Place::Stopped || self.with(StopKeepsAll) {
                steps.push(Send(w, a, b));
                steps.push(SendControl(w, a, b));
            }
        }
        steps.push(if actor.applied { Release(w, a) } else { Apply(w, a) });
        if !actor.applied && self.with(ReleaseWithoutApply) {
            steps.push(ReleaseUnapplied(w, a));
        }
        if actor.guards < self.guards {
            steps.push(Hold(w, a));
        }
        if actor.guards > 0 {
            steps.push(DropGuard(w, a));
        }
        if actor.mail && !actor.overloaded && !marked {
            steps.push(DepthHigh(w, a));
        }
        let mute_first = [NoSecondSentence, OverloadedMutedToo, PressuredMutedToo, MuteMidBehaviour, RunsOnAfterMute]
            .iter()
            .any(|f| self.with(*f));
        if marked {
            steps.push(if self.exempt(s, a) && !self.with(NoSecondSentence) { MarksDropped(w, a) } else { Mute(w, a) });
        } else {
            steps.push(RunEnd(w, a));
        }
        if !(marked && mute_first) {
            steps.push(FullBatch(w, a));
        }
        steps.push(Stop(w, a));
    }

    /// The steps of a worker between runs.
    pub(super) fn choose(&self, s: &State, w: usize, steps: &mut Vec<Step>) {
        let worker = &s.workers[w];
        for a in 0..ACTORS {
            match s.actors[a].place {
                Place::Queued if s.actors[a].mail => steps.extend([Run(w, a), RunLeaving(w, a)]),
                Place::Queued => steps.push(RunEmpty(w, a)),
                Place::Idle => steps.push(DropActor(w, a)),
                Place::Parked if worker.marked(a) => steps.push(DropActor(w, a)),
                _ => {}
            }
            let waited_for = worker.marks[a] != [false; ACTORS];
            if worker.news[a] {
                steps.push(Read(w, a));
            }
            if worker.news[a] && waited_for {
                steps.push(ReadOneOfMany(w, a));
            }
            if self.with(FreedWithoutFall) && waited_for {
                steps.push(Wake(w, a));
            }
        }
    }
}

impl Model for System {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State { actors: [Actor::NEW; ACTORS], workers: [Worker::NEW; WORKERS], broke: [false; 3] }]
    }

    fn actions(&self, s: &State, steps: &mut Vec<Step>) {
        let takes = |a: &usize| s.actors[*a].place != Place::Stopped;
        steps.extend((0..ACTORS).filter(takes).map(Outside));
        for (w, worker) in s.workers.iter().enumerate() {
            if worker.tells.is_some() {
                steps.extend((0..WORKERS).filter(|t| worker.owes[*t]).map(|t| Tell(w, t)));
                continue;
            }
            steps.extend((0..ACTORS).filter(|a| worker.freed[*a]).map(|a| Unmute(w, a)));
            if let Some(a) = worker.runs {
                self.behave(s, w, a, steps);
            } else if worker.freed == [false; ACTORS] {
                self.choose(s, w, steps);
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut at = At { sys: self, s: last.clone() };
        at.step(step);
        Some(at.s)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let all = vec![
            Property::<Self>::always("T1 no mute without cause", |_, s| s.t1()),
            Property::<Self>::always("T2 muted excludes source", |_, s| s.t2()),
            Property::<Self>::always("T3 chains are well founded", |_, s| s.t3()),
            Property::<Self>::always("T4 nobody stranded", |_, s| s.t4()),
            Property::<Self>::always("T5 no lost wake-up", |_, s| s.t5()),
            Property::<Self>::always("T6 scheduled once, never while muted", |_, s| s.t6()),
            Property::<Self>::always("T7 culprit", |m, s| s.t7(m.with(QuietOverlooksFreed))),
            Property::<Self>::always("T8 precision", |_, s| !s.broke[T8]),
            Property::<Self>::always("R7 a control send never marks", |_, s| !s.broke[R7]),
            Property::<Self>::always("R8 no pressure outlives its actor", |_, s| s.r8()),
        ];
        all.into_iter().filter(|p| p.name.starts_with(self.only)).collect()
    }
}
