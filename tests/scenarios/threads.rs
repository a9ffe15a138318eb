//! The scenarios on many threads: each comes to an end that the checker has seen in its exhaustive search: well, or with
//! the same actors to blame for those who are left waiting. Every message is accounted for, and the invariants hold.
//!
//! `cargo verify pauses` runs this many times more, with threads that stand still between any two steps.

use super::table::{Scenario, scenarios};
use backwater::{Check, Deadlock, Fault, RunError, Runtime};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Whose pressure those who are left waiting wait for, sorted; nobody's at a good end.
type End = Vec<String>;

/// `BACKWATER_ROUNDS` is the number of runs of each scenario on each number of threads.
fn rounds() -> u32 {
    std::env::var("BACKWATER_ROUNDS").map_or(20, |rounds| rounds.parse().expect("BACKWATER_ROUNDS is a number"))
}

fn end_of(report: &Deadlock) -> End {
    let mut roots: End = report.roots.iter().map(|root| root.name.to_string()).collect();
    roots.sort();
    roots
}

/// Every end that a schedule leads to, by an exhaustive search.
fn known(scenario: &Scenario) -> BTreeSet<End> {
    let ends: Arc<Mutex<BTreeSet<End>>> = Arc::default();
    let seen = ends.clone();
    let check = Check::new().batch(scenario.batch).keep_going(true).shrink(false).check_determinism(false);
    let verdict = check
        .each_end(move |_, fault| {
            let end = match fault {
                // Somebody presses at the end, and nobody waits: on the runtime that is a good end.
                None | Some(Fault::UnmatchedApply(_)) => End::new(),
                Some(Fault::Deadlock(report)) => end_of(report),
                Some(other) => panic!("no scenario of the table ends like this: {other}"),
            };
            seen.lock().unwrap().insert(end);
        })
        .run(&scenario.main);
    assert!(!matches!(verdict, backwater::Verdict::Cut { .. }), "{}: {verdict}", scenario.name);
    std::mem::take(&mut *ends.lock().unwrap())
}

/// One run on the pool.
fn end(scenario: &Scenario, threads: usize) -> End {
    let builder = Runtime::builder().threads(threads).virtual_time().batch(scenario.batch);
    match builder.check_invariants(true).run(&scenario.main) {
        Ok(summary) => {
            assert!(summary.stats.is_conserved(), "{}: {}", scenario.name, summary.stats);
            End::new()
        }
        Err(RunError::Deadlock(report)) => {
            assert!(!report.roots.is_empty(), "T7: {}: {report}", scenario.name);
            end_of(&report)
        }
        Err(other) => panic!("{}: {other}", scenario.name),
    }
}

#[test]
fn on_many_threads_each_scenario_comes_to_an_end_that_the_checker_knows() {
    for scenario in scenarios() {
        let known = known(&scenario);
        let mut ends: BTreeMap<End, u32> = BTreeMap::new();
        for threads in [1, 2, 3] {
            (0..rounds()).for_each(|_| *ends.entry(end(&scenario, threads)).or_default() += 1);
        }
        let unknown: Vec<&End> = ends.keys().filter(|end| !known.contains(*end)).collect();
        assert!(unknown.is_empty(), "{}: it waited for {unknown:?}; the checker knows {known:?}", scenario.name);
        println!("{}: {} runs, ends {ends:?}; the checker knows {known:?}", scenario.name, 3 * rounds());
    }
}
