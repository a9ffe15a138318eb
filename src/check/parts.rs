//! Parts of a search: which schedules are whose, where several machines or several threads share one.
//!
//! An exhaustive search is shared by the beginnings of its schedules. Down to a certain depth every part walks the same
//! tree, without looking ahead, so that all number its ends alike; below, each goes on only from those that are its own.
//! Machines go by the number: the k-th of n takes those that leave k − 1 when divided by n. Threads take what nobody
//! has taken. Sampled schedules are numbered as they are drawn, and shared likewise.
//!
//! Not here: how the tree is walked ([`exhaustive`](super::exhaustive)), and how results are put together
//! ([`results`](super::results)).

use crate::sync::{Arc, Mutex, lock};
use std::collections::BTreeSet;
use std::fmt;

/// The share of one machine: the `number`th of `of`, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) number: u64,
    pub(super) of: u64,
}

impl Slice {
    pub(super) const WHOLE: Slice = Slice { number: 1, of: 1 };

    pub(super) fn is_whole(self) -> bool {
        self.of == 1
    }

    /// `slice:K/N`, or `index/N` with K − 1 in `index`.
    pub(super) fn parse(text: &str, index: Option<&str>) -> Option<Slice> {
        let (number, of) = match (text.strip_prefix("slice:"), index) {
            (Some(rest), _) => {
                let (number, of) = rest.split_once('/')?;
                (number.parse().ok()?, of.parse().ok()?)
            }
            (None, Some(index)) => {
                (index.parse::<u64>().ok()?.checked_add(1)?, text.strip_prefix("index/")?.parse().ok()?)
            }
            (None, None) => return None,
        };
        (1..=of).contains(&number).then_some(Slice { number, of })
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slice:{}/{}", self.number, self.of)
    }
}

/// How many beginnings there should be for each part, so that large ones even out.
const EACH: u64 = 16;

/// What one thread of one machine does.
#[derive(Clone)]
pub(super) struct Part {
    slice: Slice,
    me: u64,
    team: Option<Arc<Team>>,
    /// Searches begun so far: all parts begin the same ones in the same order.
    round: u64,
    /// Taken from the team in this round.
    taken: BTreeSet<u64>,
    runs: u64,
}

impl Part {
    /// The only thread of a machine.
    pub(super) fn alone(slice: Slice) -> Self {
        Part { slice, me: 0, team: None, round: 0, taken: BTreeSet::new(), runs: 0 }
    }

    /// Explores nothing: walks the beginnings, and counts them.
    pub(super) fn nobody() -> Self {
        Part::alone(Slice { number: u64::MAX, of: u64::MAX })
    }

    /// So many threads of a machine.
    pub(super) fn team(slice: Slice, threads: u64) -> Vec<Self> {
        let team = Arc::new(Team { threads, state: Mutex::default() });
        let alone = Part::alone(slice);
        (0..threads).map(|me| Part { me, team: Some(team.clone()), ..alone.clone() }).collect()
    }

    pub(super) fn is_whole(&self) -> bool {
        self.slice.is_whole() && self.team.as_ref().is_none_or(|team| team.threads == 1)
    }

    pub(super) fn slice(&self) -> Slice {
        self.slice
    }

    /// Another run is over; how many are, of all threads.
    pub(super) fn count_run(&mut self) -> u64 {
        self.runs += 1;
        self.team.as_ref().map_or(self.runs, |team| {
            let mut state = lock(&team.state);
            state.runs += 1;
            state.runs
        })
    }

    /// How many beginnings there should be at least.
    pub(super) fn wanted(&self) -> u64 {
        EACH * self.slice.of * self.team.as_ref().map_or(1, |team| team.threads)
    }

    /// Another search begins.
    pub(super) fn begin(&mut self) {
        self.round += 1;
        self.taken.clear();
    }

    /// Is what begins with the beginning of this number to be explored here? Once it is, it stays so.
    pub(super) fn claims(&mut self, number: u64) -> bool {
        let own = number % self.slice.of == self.slice.number - 1;
        let Some(team) = self.team.as_ref().filter(|_| own) else { return own };
        let claims = self.taken.contains(&number) || team.claims((self.round, number));
        if claims {
            self.taken.insert(number);
        }
        claims
    }

    /// Is the sample of this number to be drawn here?
    pub(super) fn draws(&self, number: u64) -> bool {
        let own = number % self.slice.of == self.slice.number - 1;
        own && self.team.as_ref().is_none_or(|team| number / self.slice.of % team.threads == self.me)
    }

    /// Something failed in the share of this number: what comes after it is not wanted any more.
    pub(super) fn fails(&self, number: u64) {
        if let Some(team) = &self.team {
            let mut state = lock(&team.state);
            let failed = (self.round, number);
            state.failed = Some(state.failed.map_or(failed, |known| known.min(failed)));
        }
    }

    /// Did another thread find a failure that comes before this?
    pub(super) fn is_beaten(&self, number: u64) -> bool {
        let Some(team) = &self.team else { return false };
        lock(&team.state).failed.is_some_and(|failed| failed < (self.round, number))
    }

    /// Where this part is: its round, and a number in it.
    pub(super) fn place(&self, number: u64) -> Place {
        (self.round, number)
    }
}

/// A round and the number of a beginning or a sample: failures are ordered by it, whoever found them.
pub(super) type Place = (u64, u64);

/// Threads that share a search.
struct Team {
    threads: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The beginnings of the latest round that have been taken: all below the first number, and these.
    round: u64,
    taken: Vec<bool>,
    failed: Option<Place>,
    runs: u64,
}

impl Team {
    fn claims(&self, (round, number): Place) -> bool {
        let mut state = lock(&self.state);
        if state.failed.is_some_and(|failed| failed < (round, number)) || round < state.round {
            return false;
        }
        if round > state.round {
            state.round = round;
            state.taken.clear();
        }
        let at = number as usize;
        if state.taken.len() <= at {
            state.taken.resize(at + 1, false);
        }
        !std::mem::replace(&mut state.taken[at], true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_belongs_to_one_slice_and_one_thread() {
        let mut slices: Vec<Vec<Part>> = (1..=3).map(|number| Part::team(Slice { number, of: 3 }, 2)).collect();
        for number in 0..100 {
            let parts = slices.iter_mut().flatten();
            let (mut drawn, mut claimed) = (0, 0);
            parts.for_each(|part| {
                drawn += u32::from(part.draws(number));
                claimed += u32::from(part.claims(number));
            });
            assert_eq!((drawn, claimed), (1, 1), "{number}");
        }
    }

    #[test]
    fn samples_are_dealt_out_evenly() {
        let parts = Part::team(Slice { number: 2, of: 3 }, 2);
        let drawn = parts.iter().map(|part| (0..60).filter(|number| part.draws(*number)).count());
        assert_eq!(drawn.collect::<Vec<_>>(), [10, 10]);
        assert_eq!(parts[0].wanted(), 3 * 2 * EACH, "beginnings, for each thread of each machine");
        let parts = Part::team(Slice { number: 1, of: 2 }, 2);
        let drawn = parts.iter().map(|part| (0..10).filter(|number| part.draws(*number)).collect());
        assert_eq!(drawn.collect::<Vec<Vec<u64>>>(), [[0, 4, 8].as_slice(), &[2, 6]]);
    }

    /// A failure is the one that comes first in the order of the search: what comes after it nobody needs to explore.
    #[test]
    fn after_a_failure_only_what_comes_before_it_is_explored() {
        let mut team = Part::team(Slice::WHOLE, 2);
        team.iter_mut().for_each(Part::begin);
        let (one, other) = team.split_at_mut(1);
        let (one, other) = (&mut one[0], &mut other[0]);
        assert!(one.claims(5) && !other.claims(5), "who comes first");
        assert!(one.claims(5), "once it is, it stays so");
        one.fails(5);
        assert_eq!([4, 5, 6].map(|number| other.is_beaten(number)), [false, false, true]);
        assert_eq!([4, 6].map(|number| other.claims(number)), [true, false]);
        other.fails(7);
        assert!(other.is_beaten(6), "the first failure counts");
        other.fails(3);
        assert!(one.is_beaten(5) && one.place(5) > one.place(3));
    }

    #[test]
    fn in_another_search_everything_is_claimed_anew_and_nothing_by_who_is_late() {
        let mut team = Part::team(Slice::WHOLE, 2);
        team.iter_mut().for_each(Part::begin);
        assert!(team[0].claims(1));
        team[0].begin();
        assert!(team[0].claims(0) && team[0].claims(1));
        assert!(!team[1].claims(2), "that search is over");
        team[1].begin();
        assert!(!team[1].claims(1) && team[1].claims(2));
        assert!(team[1].place(0) > (1, 9), "what comes in a later search comes later");
    }

    #[test]
    fn nobody_claims_nothing() {
        let mut nobody = Part::nobody();
        assert!((0..1_000).all(|number| !nobody.claims(number)));
    }

    #[test]
    fn slices_are_read_from_text_or_from_an_index() {
        assert_eq!(Slice::parse("slice:2/3", None), Some(Slice { number: 2, of: 3 }));
        assert_eq!(Slice { number: 2, of: 3 }.to_string(), "slice:2/3");
        assert_eq!(Slice::parse("index/3", Some("2")), Some(Slice { number: 3, of: 3 }));
        for (text, index) in [("slice:4/3", None), ("slice:0/3", None), ("2/3", None), ("index/3", None)] {
            assert_eq!(Slice::parse(text, index), None, "{text}");
        }
        assert_eq!(Slice::parse("index/3", Some("3")), None);
        assert_eq!(Slice::parse("index/3", Some("18446744073709551615")), None);
    }
}
