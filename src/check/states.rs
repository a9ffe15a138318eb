//! Every state: a depth-first search that does not go on from a state that it has met before.
//!
//! A state is known by its fingerprint (`scheduler::prints`). From each state every step that is possible is taken: the
//! partial-order reduction of [`exhaustive`](super::exhaustive) is off here, because its plans speak of the path by
//! which a state was reached, and a state met again was reached by another. What is saved instead is everything below
//! a state that two schedules share, and a program that never ends may have finitely many states.
//!
//! The whole graph is kept, and asked in the end what a single run cannot tell: who waits for ever while others go on
//! (R11), which pressure nothing can end any more, and what can go round for ever without getting anywhere.

use super::graph::{Graph, Path, Standing};
use super::run::{Driver, Ending, Ran};
use super::search::Search;
use super::settings::Settings;
use super::verdict::{Bound, Explored, Fault, Verdict};
use super::world::{MAIN, Program, World};
use crate::scheduler::{Proc, Promise, Stall};
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
    /// Where those begin in `States::others` who are to step from here, too.
    others: usize,
}

/// The search.
pub(super) struct States {
    graph: Graph,
    frames: Vec<Frame>,
    /// Who else is to step from the states on the path: those of the last state last.
    others: Vec<Proc>,
    /// The step that is taken next; those before it are taken again.
    at: usize,
    /// The state that the last step led to, if it was new.
    fresh: Option<u32>,
    /// Who ever sends to whom, in any schedule.
    contacts: Contacts,
    /// Statements of `eventually`.
    labels: Vec<&'static str>,
    /// Behaviours asked for the time.
    looked: bool,
    /// Why states cannot be told apart.
    refused: Option<&'static str>,
    /// Work space.
    standing: Standing,
    chosen: Vec<u32>,
}

impl States {
    fn new() -> Self {
        let main = Frame { state: 0, proc: MAIN, given: Vec::new(), answers: Vec::new(), fixed: 0, others: 0 };
        States {
            graph: Graph::new(),
            frames: vec![main],
            others: Vec::new(),
            at: 0,
            fresh: None,
            contacts: Contacts::default(),
            labels: Vec::new(),
            looked: false,
            refused: None,
            standing: Standing::default(),
            chosen: Vec::new(),
        }
    }

    /// Plans the next run. False if there is none.
    fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some(frame) = self.frames.last_mut() {
            if let Some(given) = frame.answers.pop() {
                (frame.fixed, frame.given) = (given.len(), given);
                return true;
            }
            if self.others.len() > frame.others
                && let Some(proc) = self.others.pop()
            {
                (frame.proc, frame.given, frame.fixed) = (proc, Vec::new(), 0);
                return true;
            }
            self.frames.pop();
        }
        false
    }

    /// The last step on the path was taken for the first time.
    fn arrive(&mut self, world: &World) {
        let chosen = world.traces().chosen;
        let frame = self.frames.last_mut().expect("a step was taken from the last frame");
        self.chosen.clear();
        if !chosen.is_empty() {
            self.chosen.extend(chosen.iter().map(|(answer, _)| *answer));
            frame.note_answers(&self.chosen, chosen);
        }
        let quiet = !world.core.print_changed() && matches!(frame.proc, Proc::Actor(_));
        let (state, new) = self.graph.state(world.core.fingerprint());
        if new {
            take_standing(world, &mut self.labels, &mut self.standing);
            self.graph.stands(&self.standing);
        }
        self.graph.edge(frame.state, state, frame.proc, &self.chosen, quiet);
        if let Proc::Actor(from) = frame.proc {
            world.core.arrivals().iter().for_each(|to| self.contacts.note(*to, from));
        }
        self.fresh = new.then_some(state);
        let (looked, refused) = world.core.print_doubts();
        self.looked |= looked;
        self.refused = self.refused.or(refused);
    }
}

impl Frame {
    /// The step was taken: the other answers to its choices are to be given too.
    fn note_answers(&mut self, answers: &[u32], chosen: &[(u32, u32)]) {
        for (at, (answer, all)) in chosen.iter().enumerate().skip(self.fixed) {
            let others = (0..*all).filter(|other| other != answer);
            self.answers.extend(others.map(|other| answers[..at].iter().copied().chain([other]).collect()));
        }
        self.given = answers.to_vec();
        self.fixed = self.given.len();
    }
}

/// Who ever sends to whom: (receiver, sender).
#[derive(Default)]
struct Contacts {
    all: BTreeSet<(u32, u32)>,
    /// Those that were noted last: most are noted again.
    last: [(u32, u32); 8],
}

impl Contacts {
    #[inline]
    fn note(&mut self, to: u32, from: u32) {
        let contact = (to, from);
        let place = &mut self.last[(to ^ from) as usize % 8];
        if to != from && *place != contact {
            *place = contact;
            self.all.insert(contact);
        }
    }
}

impl Driver for States {
    fn next(&mut self, world: &World, given: &mut Vec<u32>) -> Option<Proc> {
        if self.at == self.frames.len() {
            let state = self.fresh.take().filter(|_| self.refused.is_none())?;
            let others = self.others.len();
            self.others.extend(world.in_order());
            self.others[others..].reverse();
            let proc = self.others.pop()?;
            self.frames.push(Frame { state, proc, given: Vec::new(), answers: Vec::new(), fixed: 0, others });
        }
        let frame = &self.frames[self.at];
        if !frame.given.is_empty() {
            given.extend_from_slice(&frame.given);
        }
        Some(frame.proc)
    }

    fn stepped(&mut self, _proc: Proc, world: &World) {
        self.at += 1;
        if self.at == self.frames.len() {
            self.arrive(world);
        }
    }

    fn main(&mut self, given: &mut Vec<u32>) {
        given.extend_from_slice(&self.frames[0].given);
    }

    fn same_steps(&self) -> usize {
        self.frames.len() - 1
    }

    fn is_last_there(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.others == self.others.len() && frame.answers.is_empty())
    }

    fn comes_back(&self, world: &World) -> bool {
        self.fresh.is_some() && world.enabled.len() > 1
    }

    fn skip(&mut self, steps: usize) {
        self.at = steps;
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
        self.stage.take_prints(self.stage.program.time_matters);
        let mut states = States::new();
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
            return self.states();
        }
        let explored = self.explored.clone();
        if explored.too_long > 0 {
            return Ok(Verdict::Cut { by: Bound::Steps, explored, estimate: None });
        }
        let found = if explored.failed == 0 { self.ask(&states) } else { None };
        Ok(found.unwrap_or(Verdict::Complete(explored)))
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
    fn ask(&mut self, states: &States) -> Option<Verdict> {
        let shortest = states.graph.shortest();
        let back = states.graph.back();
        let stuck = |which: fn(&Standing) -> &Vec<u32>| -> BTreeMap<u32, Vec<bool>> {
            let actors = states.graph.actors(which).into_iter();
            actors.map(|(actor, is)| (actor, states.graph.for_ever(&is, &back))).collect()
        };
        let path_to = |state: u32| states.graph.path(&shortest, state);
        let muted = stuck(|standing| &standing.muted);
        let pressing = stuck(|standing| &standing.pressing);
        let at = |stuck: &BTreeMap<u32, Vec<bool>>, state: u32| -> Vec<u32> {
            stuck.iter().filter(|(_, is)| is[state as usize]).map(|(actor, _)| *actor).collect()
        };
        // Of the states in which all is lost those tell most in which the rest has come to rest, too, as far as it does.
        let possible = states.graph.possible();
        let first = |stuck: &BTreeMap<u32, Vec<bool>>| {
            // Where nothing is possible the run was judged by itself.
            let goes_on = |state: &u32| possible[*state as usize] > 0;
            let is_stuck = |state: &u32| stuck.values().any(|is| is[*state as usize]);
            let all = (0..possible.len() as u32).filter(goes_on).filter(is_stuck);
            all.min_by_key(|state| (possible[*state as usize], shortest.steps(*state)))
        };
        if let Some(state) = first(&muted) {
            let (who, roots) = (at(&muted, state), at(&pressing, state));
            let path = path_to(state);
            let stall = |world: &World| Fault::Stalled(Box::new(prove(world, &who, &roots, &states.contacts.all)));
            return Some(self.fail_at(&path, stall));
        }
        if let Some(state) = first(&pressing).filter(|_| !self.settings().unmatched_apply_is_fine) {
            let who = at(&pressing, state)[0];
            let path = path_to(state);
            return Some(self.fail_at(&path, |world| Fault::UnmatchedApply(Box::new(world.core.pressing(who)))));
        }
        let rounds = states.graph.fair_rounds(false);
        let pending = states.graph.actors(|standing| &standing.pending);
        for (label, is) in &pending {
            let in_rounds = rounds.iter().flatten().copied().filter(|state| is[*state as usize]);
            if let Some(state) = shortest.nearest(in_rounds) {
                let label = states.labels[*label as usize];
                return Some(self.fail_at(&path_to(state), |_| Fault::NotEventually(label)));
            }
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

    /// The verdict on what holds in the state at the end of a path.
    fn fail_at(&mut self, path: &Path, fault: impl Fn(&World) -> Fault) -> Verdict {
        let mut found = None;
        let mut look = |world: &World| found = Some(fault(world));
        let mut follow = Follow { path, at: 0, look: &mut look };
        let told = self.stage.tell(&mut follow);
        let found = found.expect("a path of the graph is a schedule of the program");
        self.fail_here(told, found)
    }

    /// What is wrong with the state to which a token's run leads. Its run does not say; what can follow does, and what
    /// never happens in any schedule: so everything is searched again.
    pub(super) fn judge_here(&self) -> Result<Option<Fault>, String> {
        let quiet = Settings { each_end: None, keep_going: false, ..self.settings().clone() };
        let program = Program { settings: &quiet, prints: true, ..self.stage.program };
        let verdict = Search::new(program).states()?;
        Ok(verdict.failure().map(|failure| failure.fault.clone()))
    }
}

fn busy(world: &World) -> Vec<String> {
    let actor = |proc: &Proc| match proc {
        Proc::Actor(seat) => Some(world.core.name_at(*seat)),
        _ => None,
    };
    world.enabled.iter().filter_map(actor).collect()
}

/// What holds in the state of this world.
fn take_standing(world: &World, labels: &mut Vec<&'static str>, standing: &mut Standing) {
    let Standing { muted, pressing, pending } = standing;
    [&mut *muted, pressing, pending].into_iter().for_each(Vec::clear);
    if world.core.failure.is_some() {
        // The whole run was ended: whoever is muted or under pressure is so no longer.
        return;
    }
    world.core.standings(muted, pressing);
    let promises = world.core.promises().iter();
    for (label, ..) in promises.filter(|(_, kind, held)| *kind == Promise::Eventually && !held) {
        let known = labels.iter().position(|known| std::ptr::eq(*known, *label) || known == label);
        pending.push(known.unwrap_or_else(|| {
            labels.push(label);
            labels.len() - 1
        }) as u32);
    }
}

fn prove(world: &World, muted: &[u32], roots: &[u32], contacts: &BTreeSet<(u32, u32)>) -> Stall {
    let senders = |seat: u32| contacts.range((seat, 0)..=(seat, u32::MAX)).map(|(_, sender)| *sender).collect();
    world.core.proved_stall(muted, roots, &senders)
}
