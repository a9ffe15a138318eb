//! Threads of one machine that share a search.

use super::Check;
use super::parts::{Part, Slice};
use super::search::{Outcome, Search};
use super::verdict::{Bound, Explored, Verdict};
use super::world::Program;
use crate::runtime::Env;
use crate::sync::Arc;
use std::panic::{Location, resume_unwind};
use std::thread;

/// So many threads, and the program in a form that they can share.
#[derive(Clone, Copy)]
pub(super) struct Crew<'m> {
    pub(super) threads: u32,
    pub(super) main: &'m (dyn Fn(&mut Env<'_>) + Sync),
}

impl Crew<'_> {
    /// The search of a slice, by all threads; a failure is the one that comes first, whoever found it.
    pub(super) fn take_parts(self, program: &Program<'_>, slice: Slice) -> Result<Outcome, String> {
        let &Program { place, settings, batches_matter, prints, time_matters, .. } = program;
        let work = move |part| {
            // Which messages commute, each finds out for itself.
            let classes = &Arc::default();
            let program = Program { main: &self.main, place, settings, batches_matter, classes, prints, time_matters };
            Search::new(program).take_part(part)
        };
        let outcomes: Vec<Result<Outcome, String>> = thread::scope(|scope| {
            let parts = Part::team(slice, u64::from(self.threads));
            let threads: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || work(part))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|payload| resume_unwind(payload))).collect()
        });
        let mut all: Option<Outcome> = None;
        for outcome in outcomes {
            let outcome = outcome?;
            all = Some(match all {
                Some(all) => all.with(outcome),
                None => outcome,
            });
        }
        all.map(|outcome| outcome.of_slice(slice)).ok_or_else(|| "a search needs at least one thread".to_owned())
    }
}

impl Outcome {
    fn with(mut self, other: Outcome) -> Self {
        let failed = [self.failed, other.failed].into_iter().flatten().min_by_key(|(place, _)| *place);
        for (label, held) in other.sometimes {
            *self.sometimes.entry(label).or_default() |= held;
        }
        Outcome {
            verdict: self.verdict.with(other.verdict),
            failed,
            sometimes: self.sometimes,
            ends_left_out: self.ends_left_out || other.ends_left_out,
            beginnings: self.beginnings.max(other.beginnings),
        }
    }

    fn of_slice(self, slice: Slice) -> Self {
        let explored = self.verdict.explored().clone();
        let failed = self.failed.map(|(place, failure)| (place, super::Failure { explored, ..failure }));
        Outcome { verdict: self.verdict.of_slice(slice), failed, ..self }
    }
}

impl Verdict {
    /// Of two parts that were both explored without a failure.
    fn with(self, other: Verdict) -> Verdict {
        let mut explored: Explored = self.explored().clone();
        explored.add(other.explored());
        let by = |verdict: &Verdict| match verdict {
            Verdict::Cut { by, estimate, .. } => Some((*by, *estimate)),
            _ => None,
        };
        // What cut short is told; that it was a slice besides goes without saying.
        let cuts = [by(&self), by(&other)].into_iter().flatten();
        match cuts.min_by_key(|(by, _)| *by == Bound::Slice) {
            Some((by, estimate)) => Verdict::Cut { by, explored, estimate },
            None => Verdict::Complete(explored),
        }
    }
}

/// A [`Check`] by several threads: see [`Check::workers`].
#[derive(Clone, Debug)]
#[must_use = "a check does nothing until `run` or `assert`"]
pub struct Workers {
    pub(super) check: Check,
    pub(super) threads: u32,
}

impl Workers {
    /// As [`Check::run`].
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn run(mut self, main: impl Fn(&mut Env<'_>) + Sync) -> Verdict {
        self.check.settings.take_environment();
        let place = Location::caller();
        let classes = Arc::default();
        let program = Program::new(&main, place, &self.check.settings, &classes);
        let crew = Crew { threads: self.threads, main: &main };
        Search::new(program).run(Some(crew)).unwrap_or_else(|why| panic!("{why}"))
    }

    /// As [`Check::assert`].
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn assert(self, main: impl Fn(&mut Env<'_>) + Sync) -> Explored {
        let accept_cut = self.check.settings.accept_cut;
        self.run(main).insist(accept_cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::settings::{Mode, Settings};
    use crate::check::verdict::{Failure, Fault};
    use crate::report::Chart;

    fn explored(runs: u64) -> Explored {
        Explored { runs, ..Explored::default() }
    }

    fn cut(by: Bound, runs: u64) -> Verdict {
        Verdict::Cut { by, explored: explored(runs), estimate: None }
    }

    fn failure(token: &str) -> Failure {
        Failure {
            fault: Fault::NotIndependent,
            token: token.into(),
            steps: 1,
            switches: 0,
            found: (1, 0),
            replay: String::new(),
            events: Vec::new(),
            chart: Chart::brief(),
            explored: explored(1),
        }
    }

    /// What a part found at this place.
    fn outcome(place: Option<(u64, u64)>) -> Outcome {
        let failed = place.map(|place| (place, failure(&format!("{place:?}"))));
        let verdict = Verdict::Complete(explored(10));
        Outcome { verdict, failed, sometimes: [("often", false)].into(), ends_left_out: false, beginnings: 4 }
    }

    #[test]
    fn parts_are_put_together_and_the_first_failure_is_told() {
        for (one, other, first) in [((2, 1), (1, 9), "(1, 9)"), ((1, 3), (1, 4), "(1, 3)")] {
            let both = outcome(Some(one)).with(outcome(Some(other))).of_slice(Slice::WHOLE);
            let (_, failure) = both.failed.expect("both failed");
            assert_eq!((failure.token.as_str(), failure.explored.runs), (first, 20), "with all that was explored");
        }
        let one = outcome(None).with(outcome(Some((1, 1))));
        assert_eq!((one.failed.map(|(place, _)| place), one.beginnings), (Some((1, 1)), 4));
    }

    /// Of a thousand samples, number 13 is the first that fails, and number 252 the first with an even number. What comes after a
    /// failure another part does not draw, once it looks: every 64 runs.
    #[test]
    fn a_failure_has_a_place_and_ends_what_comes_after_it() {
        let outcomes = |mode, keep_going| {
            let wrong = if matches!(mode, Mode::Exhaustive) { 97 } else { 7 };
            let settings = Settings { mode, keep_going, twice: false, shrink: false, ..Settings::new() };
            let main = move |env: &mut Env<'_>| assert!(env.choose(100) != wrong, "it is {wrong}");
            let classes = Arc::default();
            let program = Program::new(&main, Location::caller(), &settings, &classes);
            Part::team(Slice::WHOLE, 2)
                .into_iter()
                .rev()
                .map(move |part| {
                    let outcome = Search::new(program).take_part(part).expect("a part can be taken");
                    (outcome.failed.map(|(place, _)| place), outcome.verdict.explored().runs)
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(outcomes(Mode::Random(1_000), false), [(Some((1, 13)), 7), (None, 64)]);
        assert_eq!(
            outcomes(Mode::Random(1_000), true),
            [(Some((1, 13)), 500), (Some((1, 252)), 500)],
            "all are wanted"
        );
        // Of a hundred answers, 0 comes first, then 99, 98 and 97: beginning number 3. Those before it are taken.
        assert_eq!(outcomes(Mode::Exhaustive, false), [(Some((1, 3)), 4), (None, 0)]);
    }

    /// What is true of one part is true of all together.
    #[test]
    fn statements_and_what_was_left_out_are_those_of_any_part() {
        for (one, other, both) in [(false, false, false), (true, false, true), (false, true, true), (true, true, true)]
        {
            let of = |held| Outcome { ends_left_out: held, sometimes: [("often", held)].into(), ..outcome(None) };
            let put = of(one).with(of(other));
            assert_eq!((put.ends_left_out, put.sometimes["often"]), (both, both), "{one} {other}");
        }
    }

    #[test]
    fn a_bound_says_more_than_that_it_was_a_slice() {
        let slice = Slice { number: 1, of: 2 };
        let by = |one: Verdict, other: Verdict| match one.with(other).of_slice(slice) {
            Verdict::Cut { by, explored, .. } => (by, explored.runs),
            verdict => panic!("{verdict}"),
        };
        assert_eq!(by(cut(Bound::Slice, 2), cut(Bound::Time, 3)), (Bound::Time, 5));
        assert_eq!(by(cut(Bound::Time, 2), cut(Bound::Slice, 3)), (Bound::Time, 5));
        assert_eq!(by(Verdict::Complete(explored(2)), cut(Bound::Runs, 3)), (Bound::Runs, 5));
        assert_eq!(by(Verdict::Complete(explored(2)), Verdict::Complete(explored(3))), (Bound::Slice, 5));
        let of_slice = outcome(None).of_slice(slice).verdict;
        assert!(matches!(of_slice, Verdict::Cut { by: Bound::Slice, .. }), "{of_slice}");
    }
}
