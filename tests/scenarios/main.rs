//! Short programs with their verdicts: what the checker is for. Each file is one scenario; its first lines say what
//! goes wrong, or why nothing does.
//!
//! Faults that runtimes with backpressure really had, by the numbers of `tests/historic.rs`, are found here in every
//! schedule instead of one: F13 in `reconnect`, F14 in `dispose`, F15 and F16 in `pony` (and `send_then_apply`), F17 in
//! `owners`, F18 in `ends`, F20 in `slow_down`, F21 in `error_path`.

mod batches;
mod buffer;
#[cfg(all(test, feature = "net"))]
mod counts;
mod dispose;
mod ends;
#[cfg(feature = "net")]
mod environment;
mod error_path;
mod grain;
mod handed_over;
mod herd;
#[cfg(all(test, feature = "net"))]
mod networks;
mod output;
mod owners;
mod partial;
mod philosophers;
mod pony;
mod reconnect;
#[cfg(test)]
mod redundant;
mod send_then_apply;
mod shrinking;
#[cfg(feature = "net")]
mod slow_down;
mod star;
pub(crate) mod table;
#[cfg(test)]
mod threads;
mod tie;

#[cfg(feature = "net")]
#[path = "../../examples/slow_down/program.rs"]
#[expect(dead_code, reason = "the example's own runner is not needed here")]
mod program;

use backwater::{Actor, ActorStats, Addr, Bound, Check, Context, Env, Explored, Failure, Fault, Stats, Verdict};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

/// The scenario ends well under every schedule.
#[track_caller]
fn passes(main: impl Fn(&mut Env<'_>)) -> Explored {
    passes_with(Check::new(), main)
}

#[track_caller]
fn passes_with(check: Check, main: impl Fn(&mut Env<'_>)) -> Explored {
    let explored = passes_in_environment(check, main);
    assert_eq!(explored.redundant, 0, "{explored}");
    explored
}

/// The same where the environment has choices, which keep each other from happening: there some runs are for nothing.
#[track_caller]
fn passes_in_environment(check: Check, main: impl Fn(&mut Env<'_>)) -> Explored {
    // Some schedules that are drawn find nothing either.
    for other in [check.clone().random(100), check.clone().pos(100)] {
        let verdict = other.run(&main);
        assert!(verdict.failure().is_none(), "{verdict}");
    }
    let (ends, verdict) = ends(check.clone(), &main);
    let Verdict::Complete(explored) = verdict else { panic!("{verdict}") };
    assert!(explored.redundant * 2 < explored.runs, "{explored}");
    reaches_the_same_ends(&check, &explored, &ends, &main);
    explored
}

/// Without reduction, or in two shares, the search reaches the same ends.
#[track_caller]
fn reaches_the_same_ends(check: &Check, explored: &Explored, reduced: &BTreeSet<String>, main: &dyn Fn(&mut Env<'_>)) {
    let (naive, verdict) = ends(check.clone().naive().max_runs(3_000), main);
    match verdict {
        Verdict::Complete(_) => assert_eq!(&naive, reduced),
        Verdict::Cut { by: Bound::Runs, .. } => assert!(naive.is_subset(reduced), "{naive:?}\n{reduced:?}"),
        other => panic!("{other}"),
    }
    let slices = (1..=2).map(|slice| ends(check.clone().slice(slice, 2), main));
    let (shared, verdicts): (Vec<BTreeSet<String>>, Vec<Verdict>) = slices.unzip();
    assert_eq!(&shared.into_iter().flatten().collect::<BTreeSet<String>>(), reduced);
    assert_eq!(verdicts.iter().map(|verdict| verdict.explored().runs).sum::<u64>(), explored.runs, "{explored}");
}

/// Every schedule was seen, and all end well.
#[track_caller]
fn complete(check: Check, main: impl Fn(&mut Env<'_>)) -> Explored {
    match check.run(main) {
        Verdict::Complete(explored) => explored,
        other => panic!("{other}"),
    }
}

/// Every end that a search reaches: who is left, and how.
fn ends(check: Check, main: &dyn Fn(&mut Env<'_>)) -> (BTreeSet<String>, Verdict) {
    let reached: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let all = reached.clone();
    let note = move |stats: &Stats, fault: Option<&Fault>| {
        let left =
            |a: &ActorStats| format!("{}{} {} {} {} {:?}", a.name, a.id, a.load, a.handled, a.mailbox, a.muted_by);
        let left: Vec<String> = stats.actors.iter().map(left).collect();
        all.lock().unwrap().insert(format!("{left:?} {fault:?}"));
    };
    let verdict = check.each_end(note).run(main);
    let reached = std::mem::take(&mut *reached.lock().unwrap());
    (reached, verdict)
}

/// Some schedule fails, and its token fails again in the same way.
#[track_caller]
fn fails(check: Check, main: impl Fn(&mut Env<'_>)) -> Failure {
    match check.clone().run(&main) {
        Verdict::Failed(failure) => {
            let again = check.replay(&failure.token).run(&main);
            let again = again.failure().expect("a failure is replayed by its token");
            assert_eq!((&again.fault, &again.events), (&failure.fault, &failure.events));
            *failure
        }
        other => panic!("no schedule fails: {other}"),
    }
}

/// Some schedule deadlocks; the names of those whose apply is to blame come back.
#[track_caller]
fn deadlocks(main: impl Fn(&mut Env<'_>)) -> Vec<String> {
    let failure = fails(Check::new(), main);
    match &failure.fault {
        Fault::Deadlock(report) => report.roots.iter().map(|root| root.name.to_string()).collect(),
        other => panic!("it fails otherwise: {other}"),
    }
}

/// Sends one word to each of these when it is told to.
pub(crate) struct Teller<M> {
    what: Vec<(Addr<M>, M)>,
}

impl<M: Clone + Debug + Send + 'static> Actor for Teller<M> {
    type Msg = ();

    fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) {
        self.what.iter().for_each(|(to, word)| to.tell(word.clone(), cx));
    }
}
