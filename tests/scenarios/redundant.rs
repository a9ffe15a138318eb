//! How the search with plans compares to one without: the same classes of schedules, each once, and none of its runs for
//! nothing. Sleep sets alone leave no class out, whatever was planned or not; most of their other runs are given up. So a
//! plan that is missing shows here as a class that is missing, and one too many as a run too many.

use super::threads::{Case, cases};
use backwater::Check;
use std::collections::BTreeSet;
use std::mem;
use std::sync::{Arc, Mutex};

/// Runs of the search without plans, at most, redundant ones included.
const MOST: u64 = 20_000;

/// What a search explores of a case: the classes, and how many runs there were beside one for each.
fn explored(case: &Case, check: Check) -> (BTreeSet<u64>, u64) {
    let heard: Arc<Mutex<Vec<u64>>> = Arc::default();
    let hears = heard.clone();
    let check = check.keep_going(true).shrink(false).check_determinism(false).max_runs(MOST);
    let verdict = (case.check)(check.each_class(move |class| hears.lock().unwrap().push(class))).run(&case.main);
    let explored = verdict.explored();
    let heard = mem::take(&mut *heard.lock().unwrap());
    // A search that finds out that the ends of runs matter begins again.
    let classes: BTreeSet<u64> = heard.into_iter().rev().take(explored.runs as usize).collect();
    let more = explored.runs + explored.redundant - classes.len() as u64;
    (classes, more)
}

/// Where there are runs beside one for each class: with effects one by one, and with whole behaviours.
const SUPERFLUOUS: [(&str, u64, u64); 6] = [
    ("output to a slow reader", 8, 8),
    ("a guard that another drops", 6, 0),
    ("slow_down as published, reset", 7, 7),
    ("slow_down repaired, cut off", 234, 37),
    ("slow_down, a peer that stops reading", 6, 0),
    ("two bytes there and back", 16, 0),
];

#[test]
fn each_class_of_schedules_is_explored_and_explored_once() {
    let mut compared = 0;
    for case in cases() {
        for atomic in [false, true] {
            let check = || Check::new().atomic_behaviours(atomic);
            let (classes, more) = explored(&case, check().without_plans());
            if classes.len() as u64 + more >= MOST {
                continue;
            }
            let (planned, superfluous) = explored(&case, check());
            compared += 1;
            let what = format!("{}, atomic {atomic}: {} classes, {superfluous} runs more", case.name, classes.len());
            println!("{what}");
            assert_eq!(classes.difference(&planned).count(), 0, "left out: {what}");
            assert_eq!(planned.difference(&classes).count(), 0, "of no class: {what}");
            let known = SUPERFLUOUS.iter().find(|(name, ..)| *name == case.name);
            let known = known.map_or(0, |(_, single, whole)| if atomic { *whole } else { *single });
            assert_eq!(superfluous, known, "{what}");
            assert_eq!(superfluous, known, "{what}");
        }
    }
    assert!(compared > 70, "only {compared} were small enough");
}

fn random_case(seed: u64) -> (String, Case) {
    use super::environment::{network, says};
    use backwater::net::sim::{Faults, Script};
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut below = move |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut script = Script::new();
    for _ in 0..below(3) {
        script = match below(6) {
            0 => script.read(1),
            1 => script.write("a"),
            2 => script.write("ab"),
            3 => script.echo(),
            4 => script.shut(),
            _ => script.reset(),
        };
    }
    let mut faults = Faults::NONE;
    for _ in 0..below(3) {
        match below(6) {
            0 => faults.resets = 1,
            1 => faults.refusals = 1,
            2 => faults.stalls = 1,
            3 => faults.cuts = 1,
            4 => faults.short_reads = 1,
            _ => faults.short_writes = 1,
        }
    }
    let messages: &[&'static str] = [&[][..], &["a"][..], &["ab"][..]][below(3) as usize];
    let what = format!("{script:?} {faults:?} {messages:?}");
    let made = move || {
        let (sim, _, there) = network(0);
        sim.listen(there, 7, script.clone()).expect("nobody listens there yet");
        sim.faults(faults);
        sim
    };
    (what, Case::new("random", says(Default::default(), messages)).check(move |check| check.network(made.clone())))
}

#[test]
#[ignore]
fn diag_net() {
    let first: u64 = std::env::var("FIRST").map_or(0, |m| m.parse().unwrap());
    let n: u64 = std::env::var("N").map_or(100, |m| m.parse().unwrap());
    for atomic in [false, true] {
        let (mut compared, mut bad, mut more, mut all) = (0, 0, 0, 0);
        for seed in first..first + n {
            let (what, case) = random_case(seed);
            let check = || Check::new().atomic_behaviours(atomic);
            let (classes, m) = explored(&case, check().without_plans());
            if classes.len() as u64 + m >= MOST { continue; }
            let (planned, superfluous) = explored(&case, check());
            compared += 1;
            more += superfluous;
            all += classes.len();
            let (missing, extra) = (classes.difference(&planned).count(), planned.difference(&classes).count());
            if missing + extra > 0 {
                bad += 1;
                println!("seed {seed} atomic {atomic}: {} classes, missing {missing}, extra {extra}, more {superfluous}: {what}", classes.len());
            } else if superfluous > 5 { println!("   seed {seed} atomic {atomic}: {} classes, more {superfluous}: {what}", classes.len()); }
        }
        println!("== atomic {atomic}: compared {compared}, classes {all}, bad {bad}, more {more}");
    }
}
