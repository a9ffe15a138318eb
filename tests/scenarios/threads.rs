//! The scenarios on many threads: each comes to an end that the checker has seen in its exhaustive search: well, with the
//! same actors to blame for those who are left waiting, or with the same panic; and where a program writes down what it
//! saw, with the same words. Every message is accounted for, and the invariants hold.
//!
//! `cargo verify pauses` runs this many times more, with threads that stand still between any two steps.
//!
//! Where the checker chooses what the world does, a run is told what goes wrong, and when: another moment in each run. Left
//! out are runs by Pony's rules (`pony`, `tie`), which a pool does not have; `partial`, whose clock ticks for ever in a run in
//! which nobody is muted; what an actor says of its own pressure just after it has dropped a guard (`handed_over::asks`), which
//! on a pool another worker may be about to see to; and what is about the checker itself (`shrinking`, the modes and refusals
//! in `environment`).

use super::table::scenarios;
use super::{batches, ends, grain, handed_over, output, pony};
use backwater::{Builder, Check, Deadlock, Env, Fault, RunError, Runtime, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::{Arc, Mutex};

/// What a run came to: whose pressure those who are left waiting wait for, sorted, and what the program wrote down.
/// Nothing at a good end.
type End = Vec<String>;

/// What a program writes down as it goes.
pub(crate) type Notes = Arc<Mutex<Vec<String>>>;

/// A scenario, with what the checker is told of it, and how its `nth` run is built.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) main: Box<dyn Fn(&mut Env<'_>)>,
    pub(crate) check: Box<dyn Fn(Check) -> Check>,
    build: Box<dyn Fn(Builder, u32) -> Builder>,
    notes: Notes,
}

impl Case {
    pub(crate) fn new(name: &'static str, main: impl Fn(&mut Env<'_>) + 'static) -> Self {
        let (check, build) = (Box::new(|check| check), Box::new(|builder, _| builder));
        Case { name, main: Box::new(main), check, build, notes: Notes::default() }
    }

    pub(crate) fn check(self, check: impl Fn(Check) -> Check + 'static) -> Self {
        Case { check: Box::new(check), ..self }
    }

    pub(crate) fn build(self, build: impl Fn(Builder, u32) -> Builder + 'static) -> Self {
        Case { build: Box::new(build), ..self }
    }

    pub(crate) fn notes(self, notes: Notes) -> Self {
        Case { notes, ..self }
    }

    fn batch(self, batch: u32) -> Self {
        self.check(move |check| check.batch(batch)).build(move |builder, _| builder.batch(batch))
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let table = scenarios().into_iter().map(|scenario| Case::new(scenario.name, scenario.main).batch(scenario.batch));
    let mut cases: Vec<Case> = table.collect();
    cases.extend([
        Case::new("burst", batches::burst).batch(2),
        Case::new("end of an actor under pressure", ends::program),
        Case::new("receivers that disagree", grain::program),
        Case::new("valves", pony::valves),
        Case::new("chain of valves", pony::chain),
        Case::new("output to a slow reader", output::program).check(|check| check.output_stalls(1)),
        handed_over::on_threads(),
    ]);
    #[cfg(feature = "net")]
    cases.extend(super::slow_down::on_threads().into_iter().chain(super::environment::on_threads()));
    cases
}

/// `BACKWATER_ROUNDS` is the number of runs of each scenario on each number of threads.
fn rounds() -> u32 {
    std::env::var("BACKWATER_ROUNDS").map_or(20, |rounds| rounds.parse().expect("BACKWATER_ROUNDS is a number"))
}

fn waits(report: &Deadlock) -> End {
    let mut names: End = report.roots.iter().map(|root| root.name.to_string()).collect();
    names.sort();
    names
}

fn panics(payload: &str) -> End {
    vec![format!("panic: {payload}")]
}

/// What this run of the checker came to.
fn found(fault: Option<&Fault>) -> End {
    match fault {
        // Somebody presses at the end, and nobody waits: on the runtime that is a good end.
        None | Some(Fault::UnmatchedApply(_)) => End::new(),
        Some(Fault::Deadlock(report)) => waits(report),
        Some(Fault::Panicked { payload, .. }) => panics(payload),
        Some(other) => panic!("no scenario ends like this: {other}"),
    }
}

/// Every end that a schedule leads to, by an exhaustive search.
fn known(case: &Case) -> BTreeSet<End> {
    let ends: Arc<Mutex<BTreeSet<End>>> = Arc::default();
    let (seen, notes) = (ends.clone(), case.notes.clone());
    let check = (case.check)(Check::new().keep_going(true).shrink(false).check_determinism(false));
    let verdict = check
        .each_end(move |_, fault| {
            let noted = mem::take(&mut *notes.lock().unwrap());
            seen.lock().unwrap().insert([found(fault), noted].concat());
        })
        .run(&case.main);
    assert!(!matches!(verdict, Verdict::Cut { .. }), "{}: {verdict}", case.name);
    mem::take(&mut *ends.lock().unwrap())
}

/// The `nth` run on the pool.
fn end(case: &Case, threads: usize, nth: u32) -> End {
    let builder = Runtime::builder().threads(threads).virtual_time().out(std::io::sink());
    let builder = (case.build)(builder, nth);
    let end = match builder.check_invariants(true).run(&case.main) {
        Ok(summary) => {
            assert!(summary.stats.is_conserved(), "{}: {}", case.name, summary.stats);
            End::new()
        }
        Err(RunError::Deadlock(report)) => {
            assert!(!report.roots.is_empty(), "T7: {}: {report}", case.name);
            waits(&report)
        }
        Err(RunError::Panicked { payload, .. }) => panics(&payload),
        Err(other) => panic!("{}: {other}", case.name),
    };
    [end, mem::take(&mut *case.notes.lock().unwrap())].concat()
}

#[test]
fn on_many_threads_each_scenario_comes_to_an_end_that_the_checker_knows() {
    for case in cases() {
        let known = known(&case);
        let mut ends: BTreeMap<End, u32> = BTreeMap::new();
        for threads in [1, 2, 3] {
            (0..rounds()).for_each(|nth| *ends.entry(end(&case, threads, nth)).or_default() += 1);
        }
        let unknown: Vec<&End> = ends.keys().filter(|end| !known.contains(*end)).collect();
        assert!(unknown.is_empty(), "{}: it came to {unknown:?}; the checker knows {known:?}", case.name);
        println!("{}: {} runs, ends {ends:?}; the checker knows {known:?}", case.name, 3 * rounds());
    }
}
