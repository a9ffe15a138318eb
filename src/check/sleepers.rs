//! Who sleeps: steps that were explored from a state, or from one before it and are independent of all since. To take one
//! of them would lead to schedules that were explored already.
//!
//! A step sleeps with the answers that its choices got; with others it may be awake. Sleepers of the states on the path lie
//! in one list, state after state, and what they touched and were answered in others.
//!
//! Not here: what is planned instead ([`plan`](super::plan)).

use super::footprint::{Footprint, Touch};
use crate::scheduler::Proc;
use std::ops::Range;

/// An answer to a choice, and how many there were.
pub(super) type Answer = (u32, u32);

#[derive(Clone, Copy)]
struct Sleeper {
    proc: Proc,
    world: bool,
    preventable: bool,
    touched: (u32, u32),
    answers: (u32, u32),
    /// It fell asleep above the top.
    above: bool,
}

/// Whether a sleeper covers what could be planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Covers {
    No,
    Yes,
    /// If, whatever its choices are answered, it sleeps and does.
    WithAllAnswers,
}

/// How far the lists were filled.
#[derive(Clone, Copy, Default)]
pub(super) struct Mark {
    pub(super) sleepers: usize,
    touched: usize,
    answers: usize,
}

#[derive(Default)]
pub(super) struct Sleepers {
    list: Vec<Sleeper>,
    touched: Vec<Touch>,
    answers: Vec<Answer>,
}

impl Sleepers {
    pub(super) fn mark(&self) -> Mark {
        Mark { sleepers: self.list.len(), touched: self.touched.len(), answers: self.answers.len() }
    }

    /// Forgets all since then.
    pub(super) fn cut(&mut self, mark: Mark) {
        self.list.truncate(mark.sleepers);
        self.touched.truncate(mark.touched);
        self.answers.truncate(mark.answers);
    }

    /// The step was explored from the last state.
    pub(super) fn add(&mut self, step: Footprint<'_>, answers: &[Answer], above: bool) {
        let from = self.mark();
        self.touched.extend_from_slice(step.touched);
        self.answers.extend_from_slice(answers);
        let (touched, answers) = ((from.touched, self.touched.len()), (from.answers, self.answers.len()));
        let [touched, answers] = [touched, answers].map(|(from, to)| (from as u32, to as u32));
        let Footprint { proc, world, preventable, .. } = step;
        self.list.push(Sleeper { proc, world, preventable, touched, answers, above });
    }

    /// Those of one state who do not care about the step `taken` from there sleep in the next one too.
    pub(super) fn inherit(&mut self, state: Range<usize>, taken: &Footprint<'_>) {
        for at in state {
            let sleeper = self.list[at];
            if !self.footprint(sleeper).depends(taken) {
                self.list.push(sleeper);
            }
        }
    }

    pub(super) fn end(&self) -> usize {
        self.list.len()
    }

    fn footprint(&self, sleeper: Sleeper) -> Footprint<'_> {
        let Sleeper { proc, world, preventable, touched: (from, to), .. } = sleeper;
        Footprint { proc, world, preventable, touched: &self.touched[from as usize..to as usize] }
    }

    fn answers(&self, sleeper: Sleeper) -> &[Answer] {
        &self.answers[sleeper.answers.0 as usize..sleeper.answers.1 as usize]
    }

    /// Does `proc` sleep there, with some answers at least?
    pub(super) fn has(&self, from: usize, proc: Proc) -> bool {
        self.list[from..].iter().any(|sleeper| sleeper.proc == proc)
    }

    /// Is `proc` awake in a state whose sleepers begin at `from`, the last one, with these answers or some that begin with
    /// them? Then such are added to `given`.
    pub(super) fn wakes(&self, from: usize, proc: Proc, given: &mut Vec<u32>) -> bool {
        !self.has(from, proc) || {
            let own = self.list[from..].iter().filter(|sleeper| sleeper.proc == proc);
            let asleep: Vec<&[Answer]> = own.map(|sleeper| self.answers(*sleeper)).collect();
            extend(&asleep, given)
        }
    }

    /// Does anybody who sleeps in this state cover what is to be planned there?
    pub(super) fn cover(&self, state: Range<usize>, by: impl Fn(Footprint<'_>, &[Answer], bool) -> Covers) -> bool {
        let list = &self.list[state];
        let covers = |sleeper: &Sleeper| by(self.footprint(*sleeper), self.answers(*sleeper), sleeper.above);
        let with_all = |proc: Proc| {
            let own = list.iter().filter(|sleeper| sleeper.proc == proc && covers(sleeper) != Covers::No);
            let asleep: Vec<&[Answer]> = own.map(|sleeper| self.answers(*sleeper)).collect();
            !extend(&asleep, &mut Vec::new())
        };
        list.iter().any(|sleeper| match covers(sleeper) {
            Covers::No => false,
            Covers::Yes => true,
            Covers::WithAllAnswers => self.answers(*sleeper).is_empty() || with_all(sleeper.proc),
        })
    }
}

/// Makes these answers longer, if need be, so that they are none of those. False if all that begin with them are.
fn extend(those: &[&[Answer]], given: &mut Vec<u32>) -> bool {
    let is_like = |answers: &&&[Answer]| {
        answers.len() >= given.len() && answers.iter().zip(&*given).all(|((answer, _), given)| answer == given)
    };
    let Some(like) = those.iter().find(is_like) else { return true };
    let Some((_, all)) = like.get(given.len()) else { return false };
    (0..*all).any(|answer| {
        given.push(answer);
        extend(those, given) || {
            given.pop();
            false
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_found_as_long_as_not_all_sleep() {
        let (first, second, third): (&[Answer], &[Answer], &[Answer]) =
            (&[(0, 2)], &[(1, 2), (0, 2)], &[(1, 2), (1, 2)]);
        let awake = |those: &[&[Answer]], begin: &[u32]| {
            let mut given = begin.to_vec();
            extend(those, &mut given).then_some(given)
        };
        assert_eq!(awake(&[], &[]), Some(vec![]));
        assert_eq!(awake(&[first], &[]), Some(vec![1]));
        assert_eq!(awake(&[first, second], &[]), Some(vec![1, 1]));
        assert_eq!(awake(&[second], &[1, 1]), Some(vec![1, 1]));
        assert_eq!(awake(&[first, second, third], &[]), None);
        assert_eq!(awake(&[first, third], &[0]), None);
        assert_eq!(awake(&[&[]], &[]), None, "a step without choices");
    }
}
