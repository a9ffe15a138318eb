//! On random networks, on which something may go wrong at any moment, the search with plans explores the classes of
//! schedules that one without plans explores, as in [`redundant`](super::redundant).

use super::environment::{network, says};
use super::redundant::explored;
use super::threads::Case;
use backwater::Check;
use backwater::net::sim::{Faults, Script};

/// Runs of the search without plans, at most; larger programs are passed over.
const MOST: u64 = 10_000;

/// A program that says something to a peer, and a network on which something may go wrong: what it is, and the case.
fn random_case(seed: u64) -> (String, Case) {
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
            1 => faults.stalls = 1,
            2 => faults.refusals = 1,
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
fn each_class_is_explored_on_random_networks() {
    let (mut compared, mut all, mut more) = (0, 0, 0);
    for seed in 0..40 {
        let (what, case) = random_case(seed);
        let (classes, given_up) = explored(&case, MOST, Check::new().without_plans());
        if classes.len() as u64 + given_up >= MOST {
            continue;
        }
        let (planned, superfluous) = explored(&case, u64::MAX, Check::new());
        let left_out = classes.difference(&planned).count();
        assert_eq!(left_out, 0, "seed {seed}, of {} classes: {what}", classes.len());
        assert_eq!(planned.len(), classes.len(), "seed {seed}: {what}");
        compared += 1;
        all += classes.len();
        more += superfluous;
    }
    println!("{compared} networks, {all} classes, {more} runs more");
    assert!(compared > 20 && all > 4_000, "{all} classes on {compared} networks are too few");
    assert!(more * 50 < all as u64, "{more} runs for nothing beside {all}");
}
