//! One schedule of each class: the search with plans is held against one without, in random programs. Sleep sets alone
//! leave nothing out, whatever was planned or not.

use super::ends::{Op, Scripted, ends_and_failures, random_program};
use backwater::{Check, Verdict};
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
fn same_classes(programs: Range<u64>, superfluous: u64, check: impl Fn() -> Check) {
    let (mut compared, mut runs, mut more) = (0, 0, 0);
    for seed in programs {
        let program = random_program(seed);
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
    assert!(compared > 200 && runs > 3 * compared / 2, "{runs} runs of {compared} programs are too few");
    assert_eq!(more, superfluous);
}

#[test]
fn each_class_of_random_programs_is_explored() {
    same_classes(100_000..100_400, 2, Check::new);
}

/// Instead of looking at the time, an actor chooses.
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
#[ignore]
fn diag_random() {
    let first: u64 = std::env::var("FIRST").map_or(100_000, |m| m.parse().unwrap());
    let n: u64 = std::env::var("N").map_or(300, |m| m.parse().unwrap());
    for (name, check) in [
        ("plain", Check::new()),
        ("batch", Check::new().batch(2).ends_of_runs(true)),
        ("depth", Check::new().overload(backwater::Detector::Depth { high: 2, low: 0 })),
        ("atomic", Check::new().atomic_behaviours(true)),
        ("atomic batch", Check::new().atomic_behaviours(true).batch(2).ends_of_runs(true)),
    ] {
        for chosen in [false, true] {
            let (mut compared, mut bad, mut red, mut dup, mut sdup, mut cut, mut runs) = (0, 0, 0, 0, 0, 0, 0);
            for seed in first..first + n {
                let program = random_program(seed);
                let program = if chosen { choices(program) } else { program };
                let (sleep, ends_s, v) = explored(check.clone().without_plans().max_runs(MOST), &program);
                if v.explored().runs + v.explored().redundant >= MOST {
                    cut += 1;
                    continue;
                }
                let (plans, ends_p, w) = explored(check.clone(), &program);
                compared += 1;
                runs += w.explored().runs;
                red += w.explored().redundant;
                dup += w.explored().runs - plans.len() as u64;
                sdup += v.explored().runs - sleep.len() as u64;
                let (missing, extra) = (sleep.difference(&plans).count(), plans.difference(&sleep).count());
                if missing + extra > 0 || ends_s != ends_p {
                    bad += 1;
                    if bad <= 3 {
                        println!(
                            "{name} {chosen} seed {seed}: {} classes, missing {missing}, extra {extra}, ends {} {}: {program:?}",
                            sleep.len(),
                            ends_s == ends_p,
                            ends_s.len()
                        );
                    }
                }
            }
            println!(
                "== {name} choices {chosen}: compared {compared} (cut {cut}), {runs} runs, bad {bad}, redundant {red}, twice {dup} (sleep {sdup})"
            );
        }
    }
}
