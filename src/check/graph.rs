//! The states that a search met and the steps between them, and the questions that only the whole of them answers:
//! what can never happen any more, and what can go round for ever.
//!
//! Not here: how states are found, which is [`states`](super::states)'s.

use super::index::Index;
use crate::scheduler::Proc;
use std::collections::{BTreeMap, VecDeque};

/// A step from one state to another.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) proc: Proc,
    /// Answers to its choices: a number in `Graph::answers`.
    answers: u32,
    /// No time passed, and no actor came out of it in another state than it went in.
    quiet: bool,
}

/// What holds in a state.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    /// Actors that are muted, and actors that are under pressure, by seat.
    pub(super) muted: Vec<u32>,
    pub(super) pressing: Vec<u32>,
    /// Numbers of statements that are to come true and have not.
    pub(super) pending: Vec<u32>,
}

impl Standing {
    /// Is it equal to another? Most lists are empty, and to compare the memory of two empty lists costs hundreds of cycles
    /// where that is done with masked reads: it is nowhere.
    fn is_same(&self, other: &Standing) -> bool {
        let same = |a: &[u32], b: &[u32]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b);
        same(&self.muted, &other.muted) && same(&self.pressing, &other.pressing) && same(&self.pending, &other.pending)
    }
}

/// Steps with their answers: from the beginning to a state.
pub(super) type Path = Vec<(Proc, Vec<u32>)>;

/// All of it. State 0 is the one before `main`.
pub(super) struct Graph {
    /// Of each state but the first.
    prints: Index,
    pub(super) edges: Vec<Edge>,
    answers: Vec<Vec<u32>>,
    answer_numbers: BTreeMap<Vec<u32>, u32>,
    /// For each state, a number in `standings`.
    standing: Vec<u32>,
    standings: BTreeMap<Standing, u32>,
    /// That of the last new state: most are like it.
    last: (Standing, u32),
}

impl Graph {
    pub(super) fn new() -> Self {
        Graph {
            prints: Index::new(),
            edges: Vec::new(),
            answers: vec![Vec::new()],
            answer_numbers: BTreeMap::from([(Vec::new(), 0)]),
            standing: vec![0],
            standings: BTreeMap::from([(Standing::default(), 0)]),
            last: Default::default(),
        }
    }

    /// How many states there are, the one before `main` not counted.
    pub(super) fn states(&self) -> usize {
        self.standing.len() - 1
    }

    /// The state of this fingerprint, and whether it is new: then it has to be said how it [stands](Graph::stands).
    pub(super) fn state(&mut self, print: u128) -> (u32, bool) {
        let known = 1 + self.prints.number(print);
        (known, known as usize == self.standing.len())
    }

    /// What holds in the state that was new just now.
    pub(super) fn stands(&mut self, standing: &Standing) {
        if !self.last.0.is_same(standing) {
            let fresh = self.standings.len() as u32;
            let number = *self.standings.entry(standing.clone()).or_insert(fresh);
            self.last.0.clone_from(standing);
            self.last.1 = number;
        }
        self.standing.push(self.last.1);
    }

    pub(super) fn edge(&mut self, from: u32, to: u32, proc: Proc, answers: &[u32], quiet: bool) {
        let answers = if answers.is_empty() { 0 } else { self.number_of(answers) };
        self.edges.push(Edge { from, to, proc, answers, quiet });
    }

    fn number_of(&mut self, answers: &[u32]) -> u32 {
        let next = self.answers.len() as u32;
        let number = self.answer_numbers.get(answers).copied().unwrap_or(next);
        if number == next {
            self.answers.push(answers.to_vec());
            self.answer_numbers.insert(answers.to_vec(), next);
        }
        number
    }

    fn edges_to(&self, shortest: &Shortest, mut to: u32) -> Vec<&Edge> {
        let mut edges = Vec::new();
        while to != 0 {
            let edge = &self.edges[shortest.came[to as usize].0 as usize];
            edges.push(edge);
            to = edge.from;
        }
        edges.reverse();
        edges
    }

    /// Who is muted and who is under pressure, of each number that `standing_of` gives.
    fn standings(&self) -> Vec<&Standing> {
        let mut all: Vec<(&Standing, u32)> =
            self.standings.iter().map(|(standing, number)| (standing, *number)).collect();
        all.sort_by_key(|(_, number)| *number);
        all.into_iter().map(|(standing, _)| standing).collect()
    }

    /// For each actor that `which` names in some state: whether it does, state by state.
    pub(super) fn actors(&self, which: impl Fn(&Standing) -> &Vec<u32>) -> BTreeMap<u32, Vec<bool>> {
        let standings = self.standings();
        let mut all: Vec<u32> = standings.iter().flat_map(|standing| which(standing)).copied().collect();
        all.sort_unstable();
        all.dedup();
        let named = |actor: u32| {
            let yes: Vec<bool> = standings.iter().map(|standing| which(standing).contains(&actor)).collect();
            self.standing.iter().map(|number| yes[*number as usize]).collect()
        };
        all.into_iter().map(|actor| (actor, named(actor))).collect()
    }

    /// For each state, from where steps lead to it.
    pub(super) fn back(&self) -> Neighbours {
        Neighbours::new(self.standing.len(), self.edges.iter().map(|edge| (edge.to, edge.from)))
    }

    /// States in which something holds and from which no state can be reached in which it does not; `back` is
    /// [`Graph::back`]'s.
    pub(super) fn for_ever(&self, holds: &[bool], back: &Neighbours) -> Vec<bool> {
        let mut ends: Vec<bool> = holds.iter().map(|holds| !holds).collect();
        let mut queue: Vec<u32> = (0..ends.len() as u32).filter(|state| ends[*state as usize]).collect();
        while let Some(state) = queue.pop() {
            for before in back.of(state) {
                if !std::mem::replace(&mut ends[*before as usize], true) {
                    queue.push(*before);
                }
            }
        }
        ends.iter().map(|ends| !ends).collect()
    }

    /// For each state, the step by which a shortest way comes to it, and its length.
    pub(super) fn shortest(&self) -> Shortest {
        let numbers = 0u32..self.edges.len() as u32;
        let out = Neighbours::new(self.standing.len(), self.edges.iter().map(|edge| edge.from).zip(numbers));
        let mut came = vec![(u32::MAX, u32::MAX); self.standing.len()];
        came[0].1 = 0;
        let mut queue = VecDeque::from([0u32]);
        while let Some(state) = queue.pop_front() {
            let steps = came[state as usize].1;
            for number in out.of(state) {
                let to = self.edges[*number as usize].to;
                if came[to as usize].1 == u32::MAX {
                    came[to as usize] = (*number, steps + 1);
                    queue.push_back(to);
                }
            }
        }
        Shortest { came }
    }

    /// For each state, how many steps are possible.
    pub(super) fn possible(&self) -> Vec<u32> {
        let mut possible = vec![0; self.standing.len()];
        self.edges.iter().for_each(|edge| possible[edge.from as usize] += 1);
        possible
    }

    /// The steps of a shortest way to a state.
    pub(super) fn path(&self, shortest: &Shortest, to: u32) -> Path {
        let step = |edge: &Edge| (edge.proc, self.answers[edge.answers as usize].clone());
        self.edges_to(shortest, to).into_iter().map(step).collect()
    }

    /// Parts of the graph in which a run can go round for ever, under a scheduler that is fair: each is a set of states
    /// that reach each other by steps of which `counts` is true, and whoever could step in all of them does step in it.
    pub(super) fn fair_rounds(&self, quiet_only: bool) -> Vec<Vec<u32>> {
        let inside = |edge: &&Edge| !quiet_only || edge.quiet;
        let forth = Neighbours::new(self.standing.len(), self.edges.iter().filter(inside).map(|e| (e.from, e.to)));
        let part = components(&forth);
        let parts = part.iter().map(|part| part + 1).max().unwrap_or(0) as usize;
        let mut size = vec![0u32; parts];
        part.iter().for_each(|part| size[*part as usize] += 1);
        // Most are states that nothing leads back to.
        let mut turns: Vec<bool> = size.iter().map(|size| *size > 1).collect();
        let to_itself = self.edges.iter().filter(inside).filter(|edge| edge.from == edge.to);
        to_itself.for_each(|edge| turns[part[edge.from as usize] as usize] = true);
        if !turns.contains(&true) {
            return Vec::new();
        }
        // For each part: how many of its states each process could step in, and whether it steps inside.
        let mut could: Vec<BTreeMap<Proc, (u32, bool)>> = vec![BTreeMap::new(); parts];
        let mut last: BTreeMap<Proc, u32> = BTreeMap::new();
        let mut edges: Vec<&Edge> = self.edges.iter().filter(|edge| turns[part[edge.from as usize] as usize]).collect();
        edges.sort_by_key(|edge| edge.from);
        for edge in edges {
            let within = part[edge.from as usize];
            let entry = could[within as usize].entry(edge.proc).or_default();
            // A process with several answers has several steps in one state.
            if last.insert(edge.proc, edge.from) != Some(edge.from) {
                entry.0 += 1;
            }
            entry.1 |= inside(&edge) && part[edge.to as usize] == within;
        }
        let is_round = |number: usize| {
            let fair = |(states, steps): &(u32, bool)| *steps || *states < size[number];
            could[number].values().any(|(_, steps)| *steps) && could[number].values().all(fair)
        };
        let mut rounds: Vec<Vec<u32>> = vec![Vec::new(); parts];
        let turning = (0u32..).zip(&part).filter(|(_, part)| turns[**part as usize]);
        turning.for_each(|(state, part)| rounds[*part as usize].push(state));
        let mut number = 0..;
        rounds.retain(|_| number.next().is_some_and(is_round));
        rounds
    }
}

/// Shortest ways from the beginning.
pub(super) struct Shortest {
    came: Vec<(u32, u32)>,
}

impl Shortest {
    pub(super) fn steps(&self, state: u32) -> u32 {
        self.came[state as usize].1
    }

    /// Of these states the nearest.
    pub(super) fn nearest(&self, states: impl Iterator<Item = u32>) -> Option<u32> {
        states.min_by_key(|state| self.steps(*state))
    }
}

/// Who follows whom, in one piece.
pub(super) struct Neighbours {
    first: Vec<u32>,
    all: Vec<u32>,
}

impl Neighbours {
    fn new(states: usize, edges: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut first = vec![0u32; states + 1];
        edges.clone().for_each(|(from, _)| first[from as usize + 1] += 1);
        (0..states).for_each(|at| first[at + 1] += first[at]);
        let mut next = first.clone();
        let mut all = vec![0; first[states] as usize];
        for (from, to) in edges {
            all[next[from as usize] as usize] = to;
            next[from as usize] += 1;
        }
        Neighbours { first, all }
    }

    fn of(&self, state: u32) -> &[u32] {
        &self.all[self.first[state as usize] as usize..self.first[state as usize + 1] as usize]
    }
}

/// Strongly connected components: for each state the number of its own. Tarjan's algorithm, with a stack of its own.
fn components(forth: &Neighbours) -> Vec<u32> {
    const NONE: u32 = u32::MAX;
    let states = forth.first.len() - 1;
    let (mut index, mut low, mut part) = (vec![NONE; states], vec![NONE; states], vec![NONE; states]);
    let (mut open, mut count, mut parts) = (Vec::new(), 0, 0);
    for root in 0..states as u32 {
        let mut calls: Vec<(u32, usize)> = if index[root as usize] == NONE { vec![(root, 0)] } else { Vec::new() };
        while let Some((state, next)) = calls.pop() {
            let at = state as usize;
            if next == 0 {
                (index[at], low[at]) = (count, count);
                count += 1;
                open.push(state);
            }
            match forth.of(state).get(next) {
                Some(to) => {
                    calls.push((state, next + 1));
                    match (index[*to as usize], part[*to as usize]) {
                        (NONE, _) => calls.push((*to, 0)),
                        (seen, NONE) => low[at] = low[at].min(seen),
                        _ => {}
                    }
                }
                None => {
                    if low[at] == index[at] {
                        while let Some(member) = open.pop() {
                            part[member as usize] = parts;
                            if member == state {
                                break;
                            }
                        }
                        parts += 1;
                    }
                    if let Some((parent, _)) = calls.last() {
                        low[*parent as usize] = low[*parent as usize].min(low[at]);
                    }
                }
            }
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A graph with these steps; `p` of each is who takes it.
    fn graph(states: u32, steps: &[(u32, u32, u32)]) -> Graph {
        let mut graph = Graph::new();
        for state in 1..states {
            graph.state(u128::from(state));
            graph.stands(&Standing::default());
        }
        steps.iter().for_each(|(from, to, p)| graph.edge(*from, *to, Proc::Actor(*p), &[], true));
        graph
    }

    #[test]
    fn states_are_known_again_however_many_there_are() {
        let mut graph = Graph::new();
        for round in 0..2 {
            for n in 0..5_000u128 {
                let (state, new) = graph.state(n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
                if new {
                    graph.stands(&Standing::default());
                }
                assert_eq!((u128::from(state), new), (n + 1, round == 0));
            }
        }
    }

    #[test]
    fn what_holds_for_ever_holds_wherever_one_can_go() {
        // 1 → 2 → 3 and back to 2; 1 → 4. It holds in 1, 2 and 3.
        let graph = graph(5, &[(0, 1, 0), (1, 2, 0), (2, 3, 0), (3, 2, 0), (1, 4, 0)]);
        let holds = [false, true, true, true, false];
        assert_eq!(graph.for_ever(&holds, &graph.back()), [false, false, true, true, false]);
        let shortest = graph.shortest();
        assert_eq!((shortest.steps(3), graph.path(&shortest, 3).len()), (3, 3));
    }

    #[test]
    fn a_round_in_which_somebody_is_left_out_is_not_fair() {
        // Round {1, 2} by process 7; process 8 could leave it from both states, or from one.
        let round = [(0, 1, 0), (1, 2, 7), (2, 1, 7)];
        let both = [&round[..], &[(1, 3, 8), (2, 3, 8)]].concat();
        assert_eq!(graph(4, &both).fair_rounds(true), Vec::<Vec<u32>>::new());
        let one = [&round[..], &[(1, 3, 8)]].concat();
        assert_eq!(graph(4, &one).fair_rounds(true), [vec![1, 2]]);
    }
}
