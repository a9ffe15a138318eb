//! Every state: a depth-first search that does not go on from a state that it has met before.
//!
//! A state is known by its fingerprint (`scheduler::prints`). From each state every step that is possible is taken: the
//! partial-order reduction of [`exhaustive`](super::exhaustive) is off here, because its plans speak of the path by
//! which a state was reached, and a state met again was reached by another. What is saved instead is everything below
//! a state that two schedules share, and a program that never ends may have finitely many states.
//!
//! The whole graph is kept, and asked in the end what a single run cannot tell: who waits for ever while others go on
//! (R11), which pressure nothing can end any more, and what can go round for ever without getting anywhere.

use super::Settings;
use super::graph::{Graph, Path, Standing};
use super::run::{Driver, Ending, Ran, Replay, Stage, Told};
use super::search::Search;
use super::verdict::{Bound, Explored, Fault, Verdict};
use super::world::{MAIN, Program, World};
use crate::scheduler::{Access, Object, Proc, Stall};
use std::collections::{BTreeMap, BTreeSet};

/// A state on the path, and the step that is taken from it now.
struct Frame {
    state: u32,
    proc: Proc,
    given: Vec<u32>,
    /// Other answers to the choices of this step, still to be given.
    answers: Vec<Vec<u32>>,
    /// How many answers at the beginning of `given` are fixed.
    fixed: usize,
    /// Who else is to step from here.
    others: Vec<Proc>,
}

/// The search.
pub(super) struct States {
    graph: Graph,
    frames: Vec<Frame>,
    /// The step that is taken next; those before it are taken again.
    at: usize,
    /// The state that the last step led to, if it was new.
    fresh: Option<u32>,
    /// Who sent to whom, as (receiver, sender), before the state that the search begins in.
    contacts: BTreeSet<(u32, u32)>,
    /// Behaviours asked for the time.
    looked: bool,
    /// Why states cannot be told apart.
    refused: Option<&'static str>,
}

impl States {
    /// From the state to which these steps lead; from the beginning without any.
    fn from(path: &Path) -> Self {
        let step = |(proc, given): &(Proc, Vec<u32>)| Frame {
            state: 0,
            proc: *proc,
            given: given.clone(),
            answers: Vec::new(),
            fixed: if path.is_empty() { 0 } else { given.len() },
            others: Vec::new(),
        };
        let mut frames: Vec<Frame> = path.iter().map(step).collect();
        if frames.is_empty() {
            frames.push(step(&(MAIN, Vec::new())));
        }
        let (graph, contacts) = (Graph::new(), BTreeSet::new());
        States { graph, frames, at: 0, fresh: None, contacts, looked: false, refused: None }
    }

    /// Plans the next run. False if there is none.
    fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some(frame) = self.frames.last_mut() {
            if let Some(given) = frame.answers.pop() {
                (frame.fixed, frame.given) = (given.len(), given);
                return true;
            }
            if let Some(proc) = frame.others.pop() {
                (frame.proc, frame.given, frame.fixed) = (proc, Vec::new(), 0);
                return true;
            }
            self.frames.pop();
        }
        false
    }

    /// The last step on the path was taken for the first time.
    fn arrive(&mut self, world: &World) {
        let traces = world.traces();
        let frame = self.frames.last_mut().expect("a step was taken from the last frame");
        let answers: Vec<u32> = traces.chosen.iter().map(|(answer, _)| *answer).collect();
        for (at, (answer, all)) in traces.chosen.iter().enumerate().skip(frame.fixed) {
            let others = (0..*all).filter(|other| other != answer);
            frame.answers.extend(others.map(|other| answers[..at].iter().copied().chain([other]).collect()));
        }
        let quiet = !world.core.print_changed() && matches!(frame.proc, Proc::Actor(_));
        let (state, new) = self.graph.state(world.core.fingerprint(), || world.core.standings());
        self.graph.edge(frame.state, state, frame.proc, &answers, &sent_by(frame.proc, world), quiet);
        (frame.fixed, frame.given) = (answers.len(), answers);
        self.fresh = new.then_some(state);
        let (looked, refused) = world.core.print_doubts();
        self.looked |= looked;
        self.refused = self.refused.or(refused);
    }
}

impl Driver for States {
    fn next(&mut self, world: &World, given: &mut Vec<u32>) -> Option<Proc> {
        if self.at == self.frames.len() {
            let state = self.fresh.take().filter(|_| self.refused.is_none())?;
            let mut others: Vec<Proc> = world.in_order().collect();
            let proc = others.remove(0);
            others.reverse();
            self.frames.push(Frame { state, proc, given: Vec::new(), answers: Vec::new(), fixed: 0, others });
        }
        let frame = &self.frames[self.at];
        given.extend_from_slice(&frame.given);
        Some(frame.proc)
    }

    fn wants_traces(&self) -> bool {
        self.at + 1 == self.frames.len() || self.graph.states() == 0
    }

    fn stepped(&mut self, proc: Proc, world: &World) {
        if let Proc::Actor(from) = proc
            && self.graph.states() == 0
        {
            self.contacts.extend(sent_by(proc, world).into_iter().map(|to| (to, from)));
        }
        self.at += 1;
        if self.at == self.frames.len() {
            self.arrive(world);
        }
    }

    fn main(&mut self, given: &mut Vec<u32>) {
        given.extend_from_slice(&self.frames[0].given);
    }
}

/// Takes these steps, shows the world that they lead to, and gives up there.
struct Follow<'f> {
    path: &'f [(Proc, Vec<u32>)],
    at: usize,
    look: &'f mut dyn FnMut(&World),
}

impl Driver for Follow<'_> {
    fn next(&mut self, world: &World, given: &mut Vec<u32>) -> Option<Proc> {
        let Some((proc, answers)) = self.path.get(self.at) else {
            (self.look)(world);
            return None;
        };
        given.extend_from_slice(answers);
        Some(*proc)
    }

    fn stepped(&mut self, _proc: Proc, _world: &World) {
        self.at += 1;
    }

    fn main(&mut self, given: &mut Vec<u32>) {
        self.path.first().into_iter().for_each(|(_, answers)| given.extend_from_slice(answers));
    }
}

impl Search<'_> {
    /// Every state, then what the whole of them says.
    pub(super) fn states(&mut self) -> Result<Verdict, String> {
        self.states_from(Vec::new())
    }

    fn states_from(&mut self, path: Path) -> Result<Verdict, String> {
        self.stage.take_prints(self.stage.program.time_matters);
        let mut states = States::from(&path);
        loop {
            let ran = self.stage.run(&mut states);
            if let Some(why) = states.refused {
                return Err(format!(
                    "states cannot be told apart in this program: {why}. Explore schedules instead: Check::exhaustive()"
                ));
            }
            self.explored.states = states.graph.states() as u64;
            if let Some(verdict) = self.note_states(ran)? {
                return Ok(verdict);
            }
            if !states.advance() {
                break;
            }
            if let Some(by) = self.bound(|_| None) {
                return Ok(Verdict::Cut { by, explored: self.explored.clone(), estimate: None });
            }
        }
        let program = &self.stage.program;
        if states.looked && !program.time_matters || self.reached_a_batch && !program.batches_matter {
            // What time it is, or where runs end, was taken for something that makes no difference: again, with it.
            self.stage.program.time_matters |= states.looked;
            self.stage.program.batches_matter |= self.reached_a_batch;
            self.explored = Explored::default();
            return self.states_from(path);
        }
        let explored = self.explored.clone();
        if explored.too_long > 0 {
            return Ok(Verdict::Cut { by: Bound::Steps, explored, estimate: None });
        }
        match self.ask(&states, &path) {
            Some(verdict) => Ok(verdict),
            None => Ok(Verdict::Complete(explored)),
        }
    }

    /// A run that came to a state that is known is no run of its own.
    fn note_states(&mut self, ran: Ran) -> Result<Option<Verdict>, String> {
        if matches!(ran.ending, Ending::GivenUp) {
            self.note_statements(&ran);
            self.explored.steps += ran.steps as u64;
            self.explored.longest = self.explored.longest.max(ran.steps);
            return Ok(None);
        }
        self.note(ran)
    }

    /// What only the whole graph tells.
    fn ask(&mut self, states: &States, before: &Path) -> Option<Verdict> {
        let shortest = states.graph.shortest();
        let stuck = |which: fn(&Standing) -> &Vec<u32>| -> BTreeMap<u32, Vec<bool>> {
            let actors = states.graph.actors(which).into_iter();
            actors.map(|(actor, is)| (actor, states.graph.for_ever(&is))).collect()
        };
        // The first step of the graph stands for all that come before it.
        let path_to = |state: u32| {
            let path = states.graph.path(&shortest, state);
            if before.is_empty() { path } else { before.iter().chain(&path[1..]).cloned().collect() }
        };
        let muted = stuck(|standing| &standing.0);
        let pressing = stuck(|standing| &standing.1);
        let at = |stuck: &BTreeMap<u32, Vec<bool>>, state: u32| -> Vec<u32> {
            stuck.iter().filter(|(_, is)| is[state as usize]).map(|(actor, _)| *actor).collect()
        };
        // The nearest state in which the roots have nothing to do any more says more than the first in which all is lost.
        let moves = states.graph.moves(&pressing);
        let first = |stuck: &BTreeMap<u32, Vec<bool>>| {
            let all = (0..moves.len() as u32).filter(|state| stuck.values().any(|is| is[*state as usize]));
            all.min_by_key(|state| (moves[*state as usize], shortest.steps(*state)))
        };
        if let Some(state) = first(&muted) {
            let (who, roots) = (at(&muted, state), at(&pressing, state));
            let path = path_to(state);
            let mut contacts = states.graph.contacts(&shortest, state);
            contacts.extend(&states.contacts);
            let stall = |world: &World| Fault::Stalled(Box::new(prove(world, &who, &roots, &contacts)));
            return Some(self.fail_at(&path, stall));
        }
        if let Some(state) = first(&pressing).filter(|_| !self.settings().unmatched_apply_is_fine) {
            let who = at(&pressing, state)[0];
            let path = path_to(state);
            return Some(self.fail_at(&path, |world| Fault::UnmatchedApply(Box::new(world.core.pressing(who)))));
        }
        if self.settings().livelock_is_fine {
            return None;
        }
        let rounds = states.graph.fair_rounds(true);
        let state = shortest.nearest(rounds.iter().flatten().copied())?;
        let round = rounds.iter().find(|round| round.contains(&state)).map_or(0, Vec::len);
        let path = path_to(state);
        Some(self.fail_at(&path, |world| Fault::Livelock { states: round, busy: busy(world) }))
    }

    /// What is wrong with the state to which a token's run leads: everything that can be reached from it is searched.
    pub(super) fn judge_here(&mut self, told: &Told) -> Result<Option<Fault>, String> {
        let quiet = Settings { each_end: None, keep_going: false, ..self.settings().clone() };
        let program = Program { settings: &quiet, prints: true, ..self.stage.program };
        let mut record = Record { replay: Replay::new(&told.decisions, true).until(told.until), path: Vec::new() };
        Stage::new(program).run(&mut record);
        let mut search = Search::new(program);
        let verdict = search.states_from(record.path)?;
        Ok(verdict.failure().map(|failure| failure.fault.clone()))
    }

    /// The verdict on what holds in the state at the end of a path.
    fn fail_at(&mut self, path: &Path, fault: impl Fn(&World) -> Fault) -> Verdict {
        let mut found = None;
        let mut look = |world: &World| found = Some(fault(world));
        let mut follow = Follow { path, at: 0, look: &mut look };
        let told = self.stage.tell(&mut follow);
        let found = found.expect("a path of the graph is a schedule of the program");
        self.fail_here(told, found)
    }
}

/// Takes the steps of a token and writes them down.
struct Record<'d> {
    replay: Replay<'d>,
    path: Path,
}

impl Driver for Record<'_> {
    fn next(&mut self, world: &World, given: &mut Vec<u32>) -> Option<Proc> {
        self.replay.next(world, given)
    }

    fn stepped(&mut self, proc: Proc, world: &World) {
        self.replay.stepped(proc, world);
        self.path.push((proc, world.traces().chosen.iter().map(|(answer, _)| *answer).collect()));
    }

    fn main(&mut self, given: &mut Vec<u32>) {
        self.replay.main(given);
    }
}

fn busy(world: &World) -> Vec<String> {
    let actor = |proc: &Proc| match proc {
        Proc::Actor(seat) => Some(world.core.name_at(*seat)),
        _ => None,
    };
    world.enabled.iter().filter_map(actor).collect()
}

/// Seats to which the step just taken sent.
fn sent_by(proc: Proc, world: &World) -> Vec<u32> {
    let sent = |(object, access): &(Object, Access)| match object {
        Object::Tail(to) if *access == Access::Write && Proc::Actor(*to) != proc => Some(*to),
        _ => None,
    };
    world.traces().touched.iter().filter_map(sent).collect()
}

fn prove(world: &World, muted: &[u32], roots: &[u32], contacts: &BTreeSet<(u32, u32)>) -> Stall {
    let senders = |seat: u32| contacts.range((seat, 0)..=(seat, u32::MAX)).map(|(_, sender)| *sender).collect();
    world.core.proved_stall(muted, roots, &senders)
}
