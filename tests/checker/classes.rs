//! One schedule of each class: the search with plans is held against one without, in random programs. Sleep sets alone
//! leave nothing out, whatever was planned or not.

use super::ends::{Op, Scripted, ends_and_failures, random_program};
use backwater::{Check, Detector, Verdict};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// Runs of the search without plans, at most; larger programs are passed over.
const MOST: u64 = 3_000;

/// The classes and the ends that a search comes to, and what it explored.
fn explored(check: Check, program: &[Vec<Vec<Op>>]) -> (BTreeSet<u64>, BTreeSet<String>, Verdict) {
    let classes: Arc<Mutex<BTreeSet<u64>>> = Arc::default();
    let heard = classes.clone();
    let check = check.shrink(false).max_steps(200).each_class(move |class| {
        heard.lock().unwrap().insert(class);
    });
    let (ends, verdict) = ends_and_failures::<Scripted>(check, program);
    let classes = std::mem::take(&mut *classes.lock().unwrap());
    (classes, ends, verdict)
}

/// The two searches come to the same classes and ends of random programs with timers. Runs of the one with plans that are
/// for nothing, over all: `superfluous`.
fn same_classes(programs: Range<u64>, superfluous: u64, check: fn() -> Check, drawn: fn(u64) -> Vec<Vec<Vec<Op>>>) {
    let (mut compared, mut runs, mut more) = (0, 0, 0);
    for seed in programs {
        let program = drawn(seed);
        let (classes, ends, all) = explored(check().without_plans().max_runs(MOST), &program);
        if all.explored().runs + all.explored().redundant >= MOST {
            continue;
        }
        let (planned, planned_ends, verdict) = explored(check(), &program);
        let left_out = classes.difference(&planned).count();
        assert_eq!(left_out, 0, "seed {seed}: of {} classes: {program:?}", classes.len());
        assert_eq!((planned.len(), &planned_ends), (classes.len(), &ends), "seed {seed}: {program:?}");
        let explored = verdict.explored();
        runs += explored.runs;
        more += explored.runs + explored.redundant - planned.len() as u64;
        compared += 1;
    }
    println!("{compared} programs, {runs} runs, {more} more than classes");
    assert!(compared > 200 && 2 * runs > 3 * compared, "{runs} runs of {compared} programs are too few");
    assert_eq!(more, superfluous);
}

#[test]
fn each_class_of_random_programs_is_explored() {
    same_classes(100_000..100_400, 4, Check::new, random_program);
}

/// Instead of looking at the time, or holding a guard, an actor chooses.
fn choices(mut program: Vec<Vec<Vec<Op>>>) -> Vec<Vec<Vec<Op>>> {
    let all = program.len();
    for (at, op) in program.iter_mut().flatten().flatten().enumerate() {
        if matches!(op, Op::Look | Op::Hold | Op::Drop) {
            *op = Op::Choose(at % all);
        }
    }
    program
}

#[test]
fn each_class_of_random_programs_with_choices_is_explored() {
    same_classes(100_000..100_400, 14, Check::new, |seed| choices(random_program(seed)));
}

/// Where runs end full, and with whole behaviours, a step that is taken earlier may do something else than it did.
#[test]
fn each_class_of_random_programs_with_overload_is_explored() {
    let full = || Check::new().batch(2).ends_of_runs(true);
    same_classes(100_000..100_400, 7, full, random_program);
    let deep = || Check::new().overload(Detector::Depth { high: 2, low: 0 }).ends_of_runs(true);
    same_classes(100_000..100_400, 5, deep, random_program);
}

#[test]
fn each_class_of_random_programs_with_whole_behaviours_is_explored() {
    same_classes(100_000..100_400, 3, || Check::new().atomic_behaviours(true), random_program);
}

/// Searched without plans: sleep sets alone leave nothing out, and most of their runs are for nothing.
#[test]
fn each_class_of_random_programs_with_choices_and_overload_is_explored() {
    let full = || Check::new().batch(2).ends_of_runs(true);
    same_classes(100_000..100_400, 57_560, full, |seed| choices(random_program(seed)));
}
