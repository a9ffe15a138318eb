//! How the search with plans compares to one without: as many runs, none of them for nothing. Sleep sets alone explore
//! every class of schedules once, whatever was planned or not; their other runs are given up. So a plan that is missing
//! shows here as a run less, and one too many as a run that is redundant or one more.

use super::threads::{Case, cases};
use backwater::{Bound, Check, Verdict};

/// Runs of the search without plans, at most, redundant ones included.
const MOST: u64 = 20_000;

/// What the search explores of a case: the number of runs, and how many more were for nothing; none if there are too many.
fn explored(case: &Case, check: Check) -> Option<(u64, u64)> {
    let check = check.keep_going(true).shrink(false).check_determinism(false).max_runs(MOST);
    let verdict = (case.check)(check).run(&case.main);
    let cut = matches!(verdict, Verdict::Cut { by: Bound::Runs, .. });
    let explored = verdict.explored();
    (!cut && explored.runs + explored.redundant < MOST).then_some((explored.runs, explored.redundant))
}

/// Where the two differ still.
const KNOWN: [&str; 9] = [
    "receivers that disagree",
    "output to a slow reader",
    "slow_down as published, reset",
    "slow_down repaired, reset",
    "slow_down repaired, cut off",
    "slow_down, a peer that stops reading",
    "two bytes to read",
    "two bytes there and back",
    "a tick that overtakes",
];

#[test]
fn as_many_runs_are_planned_as_there_are_classes_of_schedules() {
    let mut compared = 0;
    for case in cases() {
        for atomic in [false, true] {
            let check = || Check::new().atomic_behaviours(atomic);
            let Some((classes, _)) = explored(&case, check().without_plans()) else { continue };
            let planned = explored(&case, check()).expect("there are no more runs with plans than without");
            println!("{}, atomic {atomic}: {} runs, {} redundant", case.name, planned.0, planned.1);
            compared += 1;
            // Ends of runs by failure, and faults that keep others from happening: see docs/how/check-every-schedule.md.
            if KNOWN.contains(&case.name) {
                continue;
            }
            assert_eq!(planned, (classes, 0), "{}, atomic {atomic}", case.name);
        }
    }
    assert!(compared > 50, "only {compared} were small enough");
}
#[test]
#[ignore]
fn diag() {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::{Arc, Mutex};
    let most: u64 = std::env::var("MOST").map_or(MOST, |m| m.parse().unwrap());
    let only = std::env::var("ONLY").unwrap_or_default();
    let classes = |case: &Case, check: Check| {
        let seen: Arc<Mutex<BTreeMap<u64, u32>>> = Arc::default();
        let s = seen.clone();
        let check = check.each_class(move |c| *s.lock().unwrap().entry(c).or_default() += 1);
        let check = check.keep_going(true).shrink(false).check_determinism(false).max_runs(most);
        let verdict = (case.check)(check).run(&case.main);
        let cut = matches!(verdict, Verdict::Cut { by: Bound::Runs, .. });
        let explored = verdict.explored().clone();
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        (cut, explored.runs, explored.redundant, seen)
    };
    for case in cases() {
        if !case.name.contains(&only) { continue; }
        for atomic in [false, true] {
            let check = || Check::new().atomic_behaviours(atomic);
            let (cut, runs, red, plans) = classes(&case, check());
            let (scut, sruns, sred, sleep) = classes(&case, check().without_plans());
            let p: BTreeSet<u64> = plans.keys().copied().collect();
            let s: BTreeSet<u64> = sleep.keys().copied().collect();
            let mut line = format!("{:38} {atomic:5}: plans{} {runs}+{red} ({} cl)  sleep{} {sruns}+{sred} ({} cl) missing {} extra {}", case.name, if cut {" CUT"} else {""}, p.len(), if scut {" CUT"} else {""}, s.len(), s.difference(&p).count(), p.difference(&s).count());
            if std::env::var_os("NAIVE").is_some() {
                let (ncut, nruns, _, naive) = classes(&case, check().naive());
                let n: BTreeSet<u64> = naive.keys().copied().collect();
                line += &format!("  naive{} {nruns} ({} cl) sleep lacks {} plans lack {}, sleep more {}", if ncut {" CUT"} else {""}, n.len(), n.difference(&s).count(), n.difference(&p).count(), s.difference(&n).count());
            }
            println!("{line}");
        }
    }
}
