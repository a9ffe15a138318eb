//! The three programs as transition systems, for stateright. One step is one critical section.

use crate::case::{Case, Outcome, Program};
use stateright::{Checker, Model, Property};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::hash::Hash;

#[derive(Clone)]
struct Counter {
    bug: bool,
    asked: Option<u8>,
}

/// The value; of each client how many steps it took and what it read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Counted {
    value: u8,
    clients: [(u8, u8); 2],
}

impl Counter {
    fn last(&self) -> u8 {
        if self.bug { 6 } else { 3 }
    }

    fn end(&self, state: &Counted) -> Option<u8> {
        state.clients.iter().all(|(steps, _)| *steps == self.last()).then_some(state.value)
    }
}

impl Model for Counter {
    type State = Counted;
    type Action = usize;

    fn init_states(&self) -> Vec<Counted> {
        vec![Counted { value: 0, clients: [(0, 0); 2] }]
    }

    fn actions(&self, state: &Counted, actions: &mut Vec<usize>) {
        actions.extend((0..2).filter(|client| state.clients[*client].0 < self.last()));
    }

    fn next_state(&self, state: &Counted, client: usize) -> Option<Counted> {
        let mut next = state.clone();
        let (steps, read) = &mut next.clients[client];
        match (self.bug, *steps % 2) {
            (false, _) => next.value += 1,
            (true, 0) => *read = next.value,
            (true, _) => next.value = std::mem::take(read) + 1,
        }
        *steps += 1;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("no update is lost", |model: &Counter, state: &Counted| match model.asked {
            Some(asked) => model.end(state) != Some(asked),
            None => model.end(state).is_none_or(|value| value == 6),
        })]
    }
}

#[derive(Clone)]
struct Buffer {
    per: u8,
    bug: bool,
    asked: Option<u8>,
}

/// How full the buffer is; of each producer and consumer how many items are through, and whether it sleeps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Buffered {
    len: u8,
    done: [[u8; 2]; 2],
    asleep: [[bool; 2]; 2],
}

impl Buffer {
    fn end(&self, state: &Buffered) -> Option<u8> {
        let mut actions = Vec::new();
        self.actions(state, &mut actions);
        actions.is_empty().then_some(state.done[CONSUMERS].iter().sum())
    }
}

const PRODUCERS: usize = 0;
const CONSUMERS: usize = 1;

/// Which side, who of it, and whom of the other side it wakes, if there is somebody to be woken.
type Turn = (usize, usize, usize);

impl Model for Buffer {
    type State = Buffered;
    type Action = Turn;

    fn init_states(&self) -> Vec<Buffered> {
        vec![Buffered { len: 0, done: [[0; 2]; 2], asleep: [[false; 2]; 2] }]
    }

    fn actions(&self, state: &Buffered, actions: &mut Vec<Turn>) {
        for side in [PRODUCERS, CONSUMERS] {
            let can = if side == PRODUCERS { state.len < 2 } else { state.len > 0 };
            let wakes = can && (side == PRODUCERS || !self.bug || state.len == 2);
            let sleepers = state.asleep[1 - side];
            for who in (0..2).filter(|who| state.done[side][*who] < self.per && !state.asleep[side][*who]) {
                match sleepers {
                    [true, true] if wakes => actions.extend([(side, who, 0), (side, who, 1)]),
                    _ => actions.push((side, who, usize::from(!sleepers[0]))),
                }
            }
        }
    }

    fn next_state(&self, state: &Buffered, (side, who, woken): Turn) -> Option<Buffered> {
        let mut next = state.clone();
        let can = if side == PRODUCERS { state.len < 2 } else { state.len > 0 };
        if !can {
            next.asleep[side][who] = true;
            return Some(next);
        }
        next.len = if side == PRODUCERS { state.len + 1 } else { state.len - 1 };
        next.done[side][who] += 1;
        if side == PRODUCERS || !self.bug || state.len == 2 {
            next.asleep[1 - side][woken] = false;
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("nobody sleeps for ever", |model: &Buffer, state: &Buffered| match model.asked {
            Some(asked) => model.end(state) != Some(asked),
            None => model.end(state).is_none_or(|taken| taken == 2 * model.per),
        })]
    }
}

#[derive(Clone)]
struct Pressure {
    per: u8,
    bug: bool,
    asked: Option<u8>,
}

/// The sink's mailbox, in which true is a piece and false the lift; pieces handled, the pressure; of each sender what it
/// sent and whether it is muted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pressed {
    mailbox: VecDeque<bool>,
    seen: u8,
    pressing: bool,
    sent: [u8; 3],
    muted: [bool; 3],
}

const SINK: usize = 3;

impl Pressure {
    fn end(&self, state: &Pressed) -> Option<u8> {
        let mut actions = Vec::new();
        self.actions(state, &mut actions);
        actions.is_empty().then_some(state.seen)
    }
}

impl Model for Pressure {
    type State = Pressed;
    type Action = usize;

    fn init_states(&self) -> Vec<Pressed> {
        vec![Pressed { mailbox: VecDeque::new(), seen: 0, pressing: false, sent: [0; 3], muted: [false; 3] }]
    }

    fn actions(&self, state: &Pressed, actions: &mut Vec<usize>) {
        actions.extend((0..SINK).filter(|sender| state.sent[*sender] < self.per && !state.muted[*sender]));
        actions.extend((!state.mailbox.is_empty()).then_some(SINK));
    }

    fn next_state(&self, state: &Pressed, who: usize) -> Option<Pressed> {
        let mut next = state.clone();
        if who < SINK {
            next.mailbox.push_back(true);
            next.sent[who] += 1;
            next.muted[who] = next.pressing;
            return Some(next);
        }
        if !next.mailbox.pop_front()? {
            (next.pressing, next.muted) = (false, [false; 3]);
            return Some(next);
        }
        next.seen += 1;
        if next.seen == 1 {
            next.pressing = true;
            next.mailbox.extend((!self.bug).then_some(false));
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("nobody is muted for ever", |model: &Pressure, state: &Pressed| match model.asked {
            Some(asked) => model.end(state) != Some(asked),
            None => model.end(state).is_none() || state.muted == [false; 3] && !state.pressing,
        })]
    }
}

/// stateright, breadth first or depth first.
pub fn run(breadth_first: bool, case: Case) -> Outcome {
    explore(breadth_first, case, None)
}

/// Does the program come to an end with this figure: the counter's value, or how many items or pieces came through?
#[cfg(test)]
pub fn ends_with(case: Case, asked: u8) -> bool {
    explore(true, case, Some(asked)).found
}

fn explore(breadth_first: bool, case: Case, asked: Option<u8>) -> Outcome {
    let Case { bug, per, .. } = case;
    match case.program {
        Program::Counter => search(Counter { bug, asked }, breadth_first, case),
        Program::Buffer => search(Buffer { per, bug, asked }, breadth_first, case),
        Program::Pressure => search(Pressure { per, bug, asked }, breadth_first, case),
    }
}

fn search<M>(model: M, breadth_first: bool, case: Case) -> Outcome
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq,
{
    let checker = model.checker().threads(1).timeout(case.limit());
    let outcome = |states: usize, found: bool, done: bool| Outcome {
        runs: states as u64,
        found,
        complete: done && !found,
        ..Outcome::default()
    };
    if breadth_first {
        let done = checker.spawn_bfs().join();
        outcome(done.unique_state_count(), !done.discoveries().is_empty(), done.is_done())
    } else {
        let done = checker.spawn_dfs().join();
        outcome(done.unique_state_count(), !done.discoveries().is_empty(), done.is_done())
    }
}
