//! Wakeup trees: runs that are still to be explored from a state, sharing their beginnings.
//!
//! The nodes of all trees lie in one list and are used again. A tree is a row of branches; each branch is a planned step
//! and the row of those planned after it.

use super::causality::Causality;
use super::footprint::{Footprint, Kept};
use super::sleepers::Answer;
use crate::scheduler::Proc;

/// A row of branches, the first planned first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    first: u32,
    last: u32,
}

const NONE: u32 = u32::MAX;

impl Row {
    pub(super) const EMPTY: Row = Row { first: NONE, last: NONE };

    pub(super) fn is_empty(self) -> bool {
        self.first == NONE
    }
}

/// A planned step.
struct Node {
    footprint: Kept,
    /// The answers to its choices, as they were when it was seen.
    chosen: Vec<Answer>,
    /// What else they could be is to be explored too; otherwise the runs that need it plan it.
    open: bool,
    children: Row,
    /// The next branch of its row.
    next: u32,
}

/// All trees.
#[derive(Default)]
pub(super) struct Plans {
    nodes: Vec<Node>,
    spare: Vec<u32>,
}

impl Plans {
    fn node(&mut self) -> u32 {
        self.spare.pop().unwrap_or_else(|| {
            let (footprint, chosen) = (Kept::new(), Vec::new());
            self.nodes.push(Node { footprint, chosen, open: false, children: Row::EMPTY, next: NONE });
            self.nodes.len() as u32 - 1
        })
    }

    fn append(&mut self, row: &mut Row, node: u32) {
        self.nodes[node as usize].next = NONE;
        match row.last {
            NONE => row.first = node,
            last => self.nodes[last as usize].next = node,
        }
        row.last = node;
    }

    /// Takes the first branch of a row: whose step, with which answers to be given, which of them are planned, and what is
    /// planned after it.
    pub(super) fn take(
        &mut self,
        row: &mut Row,
        given: &mut Vec<u32>,
        planned: &mut Vec<Answer>,
    ) -> Option<(Proc, Row)> {
        let first = Some(row.first).filter(|first| *first != NONE)?;
        let node = &mut self.nodes[first as usize];
        row.first = node.next;
        if row.first == NONE {
            row.last = NONE;
        }
        given.clear();
        given.extend(node.chosen.iter().map(|(answer, _)| *answer));
        planned.clear();
        match node.open {
            true => node.chosen.clear(),
            false => planned.append(&mut node.chosen),
        }
        let taken = (node.footprint.get().proc, std::mem::replace(&mut node.children, Row::EMPTY));
        self.spare.push(first);
        Some(taken)
    }

    /// Forgets a row and all that is planned in it.
    pub(super) fn clear(&mut self, row: &mut Row) {
        let mut at = row.first;
        while at != NONE {
            let node = &mut self.nodes[at as usize];
            node.chosen.clear();
            let (mut children, next) = (std::mem::replace(&mut node.children, Row::EMPTY), node.next);
            self.clear(&mut children);
            self.spare.push(at);
            at = next;
        }
        *row = Row::EMPTY;
    }

    /// How many branches a row has.
    pub(super) fn len(&self, row: Row) -> usize {
        let next = |at: &u32| Some(self.nodes[*at as usize].next).filter(|next| *next != NONE);
        std::iter::successors(Some(row.first).filter(|first| *first != NONE), next).count()
    }

    /// Plans a step of which nothing is known yet.
    pub(super) fn add_unknown(&mut self, row: &mut Row, proc: Proc) {
        let node = self.node();
        self.nodes[node as usize].footprint.begin(proc);
        self.nodes[node as usize].open = true;
        self.append(row, node);
    }

    /// Plans a single step, below the planned steps that it could come after. A row without branches is the end of a
    /// plan, and is followed by everything there is; that of a state is not.
    pub(super) fn add_step(&mut self, row: &mut Row, step: Footprint<'_>) {
        let fits = |node: &Node| {
            let planned = node.footprint.get();
            planned.proc == step.proc || !planned.preventable && !planned.depends(&step)
        };
        match self.find(*row, fits) {
            Some(at) if self.nodes[at as usize].footprint.get().proc == step.proc => {}
            Some(at) if self.nodes[at as usize].children.is_empty() => {}
            Some(at) => {
                let mut children = self.nodes[at as usize].children;
                self.add_step(&mut children, step);
                self.nodes[at as usize].children = children;
            }
            None => {
                let node = self.node();
                self.nodes[node as usize].footprint.set(step);
                self.nodes[node as usize].open = true;
                self.append(row, node);
            }
        }
    }

    /// Takes the branch of `proc` in which its choices begin with these answers: all its answers, and what is planned after
    /// it.
    pub(super) fn take_answered(&mut self, row: &mut Row, proc: Proc, given: &mut Vec<u32>) -> Option<Row> {
        let begins = |node: &Node| {
            node.chosen.len() >= given.len()
                && node.chosen.iter().zip(&*given).all(|((answer, _), given)| answer == given)
        };
        let found = self.find(*row, |node| node.footprint.get().proc == proc && begins(node))?;
        let mut rest = Row::EMPTY;
        let mut at = row.first;
        while at != NONE {
            let next = self.nodes[at as usize].next;
            if at != found {
                self.append(&mut rest, at);
            }
            at = next;
        }
        *row = rest;
        self.spare.push(found);
        let node = &mut self.nodes[found as usize];
        given.clear();
        given.extend(node.chosen.drain(..).map(|(answer, _)| answer));
        let children = std::mem::replace(&mut node.children, Row::EMPTY);
        self.open(children);
        Some(children)
    }

    /// Whatever else is answered there is to be explored too.
    fn open(&mut self, row: Row) {
        let mut at = row.first;
        while at != NONE {
            let node = &mut self.nodes[at as usize];
            node.open = true;
            let (children, next) = (node.children, node.next);
            self.open(children);
            at = next;
        }
    }

    /// Plans a run as a new branch, below the planned steps that it could begin with, in a run that is not of actors alone
    /// also where a plan ends: who sleeps there seems to cover what he would meet later, and it was left to this plan to come
    /// to where he meets it. `run` is used up.
    pub(super) fn add_run(&mut self, row: &mut Row, causality: &Causality, run: &mut Vec<u32>) {
        // What follows a step follows it with the answers that it got then; with others it may meet what comes before it.
        let own_step = |proc: Proc| run.iter().position(|step| causality.footprint(*step as usize).proc == proc);
        let answered = |node: &Node| match own_step(node.footprint.get().proc) {
            Some(own) => causality.chosen(run[own] as usize) == node.chosen,
            // With other answers it may come after the run.
            None => node.chosen.is_empty(),
        };
        let fits = |node: &Node| causality.could_begin(run, node.footprint.get()) && answered(node);
        let Some(at) = self.find(*row, fits) else { return self.append_run(row, causality, run, false) };
        if let Some(own) = own_step(self.nodes[at as usize].footprint.get().proc) {
            run.remove(own);
        }
        let mut children = self.nodes[at as usize].children;
        match run.is_empty() {
            // What is planned there is right for the answers that are planned: of what else may follow, nothing is.
            true => self.open(children),
            // Where a plan ends everything there is follows, and so does this; but who sleeps there may count on it.
            false if children.is_empty() && causality.goes_on() => self.append_run(&mut children, causality, run, true),
            false if children.is_empty() => {}
            false => self.add_run(&mut children, causality, run),
        }
        self.nodes[at as usize].children = children;
    }

    fn append_run(&mut self, row: &mut Row, causality: &Causality, run: &[u32], open: bool) {
        let mut children = Row::EMPTY;
        for step in run.iter().rev() {
            let node = self.node();
            let Node { footprint, chosen, open: is_open, .. } = &mut self.nodes[node as usize];
            *is_open = open;
            footprint.set(causality.footprint(*step as usize));
            chosen.extend_from_slice(causality.chosen(*step as usize));
            self.nodes[node as usize].children = std::mem::replace(&mut children, Row::EMPTY);
            self.append(&mut children, node);
        }
        if children.first != NONE {
            self.append(row, children.first);
        }
    }

    fn find(&self, row: Row, fits: impl Fn(&Node) -> bool) -> Option<u32> {
        let mut at = row.first;
        while at != NONE && !fits(&self.nodes[at as usize]) {
            at = self.nodes[at as usize].next;
        }
        Some(at).filter(|at| *at != NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::super::footprint::Touch;
    use super::*;
    use crate::scheduler::{Access, Object};

    /// A step of the actor in this seat, at these mailboxes.
    struct Step(u32, Vec<Touch>);

    impl Step {
        fn new(seat: u32, mailboxes: &[u32]) -> Self {
            Step(seat, mailboxes.iter().map(|mailbox| Touch::new(Object::Tail(*mailbox), Access::Write)).collect())
        }

        fn get(&self) -> Footprint<'_> {
            Footprint { proc: Proc::Actor(self.0), world: false, preventable: false, touched: &self.1 }
        }
    }

    /// A row of these, and what is planned after each.
    fn text(plans: &Plans, row: Row) -> String {
        let mut text = String::new();
        let mut at = row.first;
        while at != NONE {
            let Node { footprint, chosen, children, next, .. } = &plans.nodes[at as usize];
            let Proc::Actor(seat) = footprint.get().proc else { panic!("only actors are planned here") };
            text += &format!("{seat}");
            if !chosen.is_empty() {
                let answers: Vec<u32> = chosen.iter().map(|(answer, _)| *answer).collect();
                text += &format!("{answers:?}");
            }
            if !children.is_empty() {
                text += &format!("({})", self::text(plans, *children));
            }
            text += if *next == NONE { "" } else { " " };
            at = *next;
        }
        text
    }

    /// 1 with 2 planned after it, of which nothing is known, and 3, which does not commute with 1.
    fn planned() -> (Plans, Row) {
        let (mut plans, mut row, mut after) = (Plans::default(), Row::EMPTY, Row::EMPTY);
        plans.add_step(&mut row, Step::new(1, &[1, 2]).get());
        plans.add_unknown(&mut after, Proc::Actor(2));
        plans.nodes[row.first as usize].children = after;
        plans.add_step(&mut row, Footprint { preventable: true, ..Step::new(3, &[2]).get() });
        (plans, row)
    }

    #[test]
    fn a_step_is_planned_below_the_first_that_it_could_come_after() {
        for (step, plan) in [
            // It is there: it comes with what is planned after it.
            (Step::new(1, &[9]), "1(2) 3"),
            // It commutes with 1 and with 2, after which there is everything.
            (Step::new(4, &[4]), "1(2) 3"),
            // It does not commute with 1; with 3 it does, which another could prevent.
            (Step::new(4, &[1]), "1(2) 3 4"),
        ] {
            let (mut plans, mut row) = planned();
            plans.add_step(&mut row, step.get());
            assert_eq!(text(&plans, row), plan, "{}", step.0);
        }
        // A branch that does not commute with what is planned there is another.
        let (mut plans, mut row) = planned();
        let after = plans.nodes[row.first as usize].children.first;
        plans.nodes[after as usize].footprint.set(Step::new(2, &[4]).get());
        plans.add_step(&mut row, Step::new(4, &[4]).get());
        assert_eq!(text(&plans, row), "1(2 4) 3");
        assert_eq!(plans.len(row), 2);
        // 3 is planned, whatever prevents it.
        plans.add_step(&mut row, Footprint { preventable: true, ..Step::new(3, &[2]).get() });
        assert_eq!(text(&plans, row), "1(2 4) 3");
    }

    #[test]
    fn a_branch_is_taken_by_its_first_answers_and_the_others_stay() {
        let (mut plans, mut row) = planned();
        for (seat, chosen) in [(1, &[1][..]), (1, &[2, 0]), (4, &[2])] {
            plans.add_unknown(&mut row, Proc::Actor(seat));
            plans.nodes[row.last as usize].chosen.extend(chosen.iter().map(|answer| (*answer, 3)));
        }
        assert_eq!(text(&plans, row), "1(2) 3 1[1] 1[2, 0] 4[2]");
        let mut take = |given: &[u32]| {
            let mut given = given.to_vec();
            let after = plans.take_answered(&mut row, Proc::Actor(1), &mut given);
            (given, after.map(|after| text(&plans, after)), text(&plans, row))
        };
        assert_eq!(take(&[3]), (vec![3], None, "1(2) 3 1[1] 1[2, 0] 4[2]".into()));
        assert_eq!(take(&[2]), (vec![2, 0], Some(String::new()), "1(2) 3 1[1] 4[2]".into()));
        assert_eq!(take(&[]), (vec![], Some("2".into()), "3 1[1] 4[2]".into()));
        assert_eq!(plans.len(row), 3);
    }

    #[test]
    fn what_is_forgotten_is_used_again() {
        let (mut plans, mut row) = planned();
        let nodes = plans.nodes.len();
        plans.clear(&mut row);
        assert!(row.is_empty() && plans.len(row) == 0);
        (0..nodes).for_each(|seat| plans.add_unknown(&mut row, Proc::Actor(seat as u32)));
        assert_eq!((plans.nodes.len(), plans.len(row)), (nodes, nodes));
    }
}
