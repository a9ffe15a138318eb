//! How much each search explores of the scenarios, to the last run and step; see `tests/checker/counts.rs`.
//!
//! `BACKWATER_BLESS=1 cargo test --all-features --test scenarios counts` writes the figures anew.

use super::environment::{network, says};
use super::table::scenarios;
use backwater::net::sim::{Faults, Script};
use backwater::{Check, Env, Verdict};
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

type Way = fn(Check) -> Check;

/// The searches; of large programs only the first runs of each.
const WAYS: [(&str, Way); 10] = [
    ("reduced", |check| check),
    ("ends of runs too", |check| check.ends_of_runs(true)),
    ("naive", Check::naive),
    ("slice", |check| check.slice(2, 3)),
    ("delays", |check| check.delays(1)),
    ("preemptions", |check| check.preemptions(1)),
    ("random", |check| check.random(10)),
    ("POS", |check| check.pos(10)),
    ("PCT", |check| check.pct(3, 10)),
    ("fair", |check| check.fair(10)),
];

fn explored(check: &Check, (name, way): (&str, Way), main: &dyn Fn(&mut Env<'_>)) -> String {
    let check = way(check.clone().keep_going(true).shrink(false).max_runs(25));
    let Ok(verdict) = catch_unwind(AssertUnwindSafe(|| check.run(main))) else { return format!("  {name}: refused\n") };
    let explored = verdict.explored();
    let counts =
        [explored.runs, explored.redundant, explored.too_long, explored.failed, explored.states, explored.steps];
    let end = match &verdict {
        Verdict::Complete(_) => "complete".to_owned(),
        Verdict::Cut { by, .. } => format!("cut by {by:?}"),
        Verdict::Failed(failure) => {
            format!("{}, {} steps, {} switches", failure.token, failure.steps, failure.switches)
        }
    };
    format!("  {name}: {counts:?}, {} in the longest, {end}\n", explored.longest)
}

#[test]
fn a_search_explores_as_much_of_a_scenario_as_it_did() {
    let mut text = String::from("runs, for nothing, too long, failed, states, steps\n");
    let mut note = |name: &str, check: &Check, ways: &[(&'static str, Way)], main: &dyn Fn(&mut Env<'_>)| {
        writeln!(text, "{name}").expect("a string takes everything");
        ways.iter().for_each(|way| text += &explored(check, *way, main));
    };
    let states: (&str, Way) = ("states", Check::states);
    for scenario in scenarios() {
        let ways = [&WAYS[..], &[states]].concat();
        note(scenario.name, &Check::new().batch(scenario.batch), &ways, &scenario.main);
    }
    let none = Faults::NONE;
    let cases = [
        ("a word that is read", Script::new().read(1), none, vec!["a"]),
        ("a peer that resets", Script::new().reset(), none, vec!["a"]),
        ("two bytes to read", Script::new().write("ab").shut(), Faults { short_reads: 1, ..none }, vec![]),
        ("a reset", Script::new(), Faults { resets: 1, ..none }, vec![]),
        ("a refusal", Script::new(), Faults { refusals: 1, ..none }, vec!["a"]),
        ("a stall", Script::new().read(1), Faults { stalls: 1, ..none }, vec!["a"]),
        ("two bytes there and back", Script::new().echo(), Faults { short_writes: 1, ..none }, vec!["ab"]),
    ];
    for (name, script, faults, messages) in cases {
        let made = move || {
            let (sim, _, there) = network(0);
            sim.listen(there, 7, script.clone()).expect("nobody listens there yet");
            sim.faults(faults);
            sim
        };
        note(name, &Check::new().network(made), &WAYS, &says(Default::default(), &messages));
    }
    if std::env::var_os("BACKWATER_BLESS").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/counts.txt");
        return std::fs::write(file, &text).expect("it can be written");
    }
    let kept = include_str!("counts.txt");
    let differs = kept.lines().zip(text.lines()).find(|(kept, now)| kept != now);
    assert!(kept == text, "first it differs in: {differs:#?}");
}
