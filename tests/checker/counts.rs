//! How much each search explores of a hundred random programs, to the last run and step. A step that is taken to touch more
//! than it does makes more runs, one that is taken to touch less makes fewer; which of both is right is what
//! [`ends`](super::ends) says, and closed forms. Here nothing may change unseen.
//!
//! `BACKWATER_BLESS=1 cargo test --all-features --test checker counts` writes the figures anew.

use super::ends::{Act, Copied, Known, Scripted, ends_and_failures, random_program};
use backwater::{Check, Detector, Verdict};
use expect_test::expect_file;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::Range;

/// Sums over the programs; and of the failures how much was left of them when they were made short.
#[derive(Default)]
struct Sums {
    counts: [u64; 7],
    ends: usize,
    complete: u32,
    shortest: [usize; 3],
    tokens: Vec<String>,
}

impl Sums {
    fn add(&mut self, (ends, verdict): (BTreeSet<String>, Verdict)) {
        let explored = verdict.explored();
        let counts = [
            explored.runs,
            explored.redundant,
            explored.too_long,
            explored.failed,
            explored.states,
            explored.steps,
            explored.longest as u64,
        ];
        self.counts.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        self.ends += ends.len();
        self.complete += u32::from(matches!(verdict, Verdict::Complete(_)));
        if let Some(failure) = verdict.failure() {
            let left = [failure.steps, failure.switches, failure.token.len()];
            self.shortest.iter_mut().zip(left).for_each(|(sum, left)| *sum += left);
            self.tokens.push(failure.token.clone());
        }
    }

    fn line(&self, name: &str) -> String {
        let [runs, redundant, too_long, failed, states, steps, longest] = self.counts;
        let Sums { ends, complete, shortest: [least, switches, token], .. } = self;
        format!(
            "{name}: {runs} runs, {redundant} for nothing, {too_long} too long, {failed} failed; {states} states, \
             {steps} steps, {longest} in the longest; {ends} ends; {complete} complete; failures of {least} steps, \
             {switches} switches, {token} signs\n"
        )
    }
}

/// The same, with the tokens of what failed.
fn of_failures(name: &str, check: impl Fn() -> Check) -> String {
    let sums = sums::<Scripted>(60_000..60_025, check);
    format!("{}  {}\n", sums.line(name), sums.tokens.join("\n  "))
}

fn sums<A: Act>(seeds: Range<u64>, check: impl Fn() -> Check) -> Sums {
    let mut sums = Sums::default();
    seeds.for_each(|seed| sums.add(ends_and_failures::<A>(check().max_steps(200), &random_program(seed))));
    sums
}

fn of_programs<A: Act>(name: &str, check: impl Fn() -> Check) -> String {
    sums::<A>(60_000..60_100, || check().shrink(false)).line(name)
}

#[test]
fn a_search_explores_as_much_as_it_did() {
    let mut text = String::new();
    let mut note = |line: String| text.write_str(&line).expect("a string takes everything");
    let some = || Check::new().max_runs(60);
    note(of_programs::<Scripted>("reduced", some));
    note(of_programs::<Scripted>("reduced, the ends of runs too", || some().ends_of_runs(true)));
    note(of_programs::<Scripted>("reduced, batches of two", || some().batch(2)));
    note(of_programs::<Scripted>("reduced, batches of one", || some().batch(1)));
    note(of_programs::<Scripted>("reduced, overload by depth", || {
        some().overload(Detector::Depth { high: 2, low: 0 })
    }));
    note(of_programs::<Scripted>("reduced, whole behaviours", || some().atomic_behaviours(true)));
    note(of_programs::<Scripted>("without reduction", || some().naive()));
    note(of_programs::<Scripted>("two delays", || some().delays(2)));
    note(of_programs::<Scripted>("one preemption", || some().preemptions(1)));
    note(of_programs::<Scripted>("one slice of two", || some().slice(1, 2)));
    note(of_programs::<Scripted>("the other slice", || some().slice(2, 2)));
    note(of_programs::<Scripted>("states by what was handled", || some().states()));
    note(of_programs::<Known>("states by fingerprints", || some().states()));
    note(of_programs::<Known>("states, batches of two", || some().states().batch(2)));
    note(of_programs::<Known>("states, whole behaviours", || some().states().atomic_behaviours(true)));
    note(of_programs::<Copied>("reduced, with copies", some));
    note(of_programs::<Copied>("reduced, with copies, batches of two", || some().batch(2)));
    note(of_programs::<Copied>("without reduction, with copies", || some().naive()));
    note(of_programs::<Copied>("states, with copies", || some().states()));
    for (name, check) in
        [("random", some().random(5)), ("POS", some().pos(5)), ("PCT", some().pct(3, 5)), ("fair", some().fair(5))]
    {
        note(of_programs::<Scripted>(name, || check.clone().seed(7)));
    }
    note(of_programs::<Scripted>("given", || some().mode(backwater::Mode::Given((0..60).collect()))));
    note(of_failures("failures made short", || some().batch(2)));
    note(of_failures("failures of samples made short", || some().random(20).seed(7)));
    if std::env::var_os("BACKWATER_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/checker/counts.txt"), &text)
            .expect("it can be written");
    }
    expect_file!["counts.txt"].assert_eq(&text);
}
