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
