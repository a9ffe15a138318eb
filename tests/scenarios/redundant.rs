//! How the search with plans compares to one without: the same classes of schedules, each once, and none of its runs for
//! nothing. Sleep sets alone leave no class out, whatever was planned or not; most of their other runs are given up. So a
//! plan that is missing shows here as a class that is missing, and one too many as a run too many.

use super::threads::{Case, cases};
use backwater::Check;
use std::collections::BTreeSet;
use std::mem;
use std::sync::{Arc, Mutex};

/// Runs of the search without plans, at most, redundant ones included.
const MOST: u64 = 80_000;

/// What a search explores of a case: the classes, and how many runs there were beside one for each.
pub(super) fn explored(case: &Case, most: u64, check: Check) -> (BTreeSet<u64>, u64) {
    let heard: Arc<Mutex<Vec<u64>>> = Arc::default();
    let hears = heard.clone();
    let check = check.keep_going(true).shrink(false).check_determinism(false).max_runs(most);
    let verdict = (case.check)(check.each_class(move |class| hears.lock().unwrap().push(class))).run(&case.main);
    let explored = verdict.explored();
    let heard = mem::take(&mut *heard.lock().unwrap());
    // A search that finds out that the ends of runs matter begins again.
    let classes: BTreeSet<u64> = heard.into_iter().rev().take(explored.runs as usize).collect();
    let more = explored.runs + explored.redundant - classes.len() as u64;
    (classes, more)
}

/// Where there are runs beside one for each class: the case, whether behaviours are whole, and how many.
const SUPERFLUOUS: [(&str, bool, u64); 10] = [
    ("slow_down as published, reset", false, 7),
    ("slow_down as published, reset", true, 7),
    ("slow_down repaired, cut off", false, 246),
    ("slow_down repaired, cut off", true, 37),
    ("slow_down, a peer that stops reading", false, 6),
    ("two bytes there and back", false, 8),
    ("a tick that overtakes", false, 2),
    ("a tick that overtakes", true, 2),
    ("slow_down repaired, stalled", false, 94),
    ("slow_down repaired, stalled", true, 90),
];

#[test]
fn each_class_of_schedules_is_explored_and_explored_once() {
    let (mut compared, mut more) = (0, Vec::new());
    // That one is searched without reduction: what lies on the table is nothing that the checker knows of.
    let mut cases: Vec<Case> = cases().into_iter().filter(|case| case.name != "a guard that another drops").collect();
    #[cfg(feature = "net")]
    cases.push(super::slow_down::stalled());
    for case in cases {
        for atomic in [false, true] {
            let check = || Check::new().atomic_behaviours(atomic);
            let (classes, given_up) = explored(&case, MOST, check().without_plans());
            if classes.len() as u64 + given_up >= MOST {
                continue;
            }
            let (planned, superfluous) = explored(&case, u64::MAX, check());
            compared += 1;
            let what = format!("{}, atomic {atomic}: {} classes, {superfluous} runs more", case.name, classes.len());
            println!("{what}");
            assert_eq!(classes.difference(&planned).count(), 0, "left out: {what}");
            assert_eq!(planned.len(), classes.len(), "of no class: {what}");
            more.extend((superfluous > 0).then_some((case.name, atomic, superfluous)));
        }
    }
    assert_eq!(more, SUPERFLUOUS);
    assert!(compared > 70, "only {compared} were small enough");
}
