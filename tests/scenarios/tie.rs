//! The scenarios as steps of the proved model: each on one thread, first come, first served, and every run of its search.
//! Under Pony's rules some step is none of the model's: which, is said here.
//!
//! Whether the model allows the others is for the checker that is extracted from the proofs: with `BACKWATER_TRACES=DIR`
//! set the traces are written there, and `proofs/tie.sh` asks it.

use super::{pony, table};
use backwater::report::{Claim, Protocol};
use backwater::rules::Rules;
use backwater::{Check, Env, RunError, Runtime};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Runs of one search that are observed, and different traces of them that are kept, at most.
const RUNS: u64 = 3_000;
const KEPT: usize = 300;

type Steps = Vec<String>;

/// A file of traces, each after the word `reset`; its first line says what is expected.
fn write(name: &str, expected: &str, traces: &BTreeSet<Steps>) {
    let Some(dir) = std::env::var_os("BACKWATER_TRACES").map(PathBuf::from) else { return };
    let lines: Vec<String> = traces.iter().map(|steps| format!("reset\n{}\n", steps.join("\n"))).collect();
    let text = format!("# {expected}\n{}", lines.concat());
    let name = name.replace([' ', ','], "-");
    std::fs::write(dir.join(name), text).expect("the directory in BACKWATER_TRACES can be written to");
}

/// The different traces of a search's runs.
fn search(check: Check, main: impl Fn(&mut Env<'_>)) -> BTreeSet<Steps> {
    #[derive(Default)]
    struct Seen {
        current: Option<Protocol>,
        traces: BTreeSet<Steps>,
    }
    impl Seen {
        fn run_over(&mut self) {
            let Some(protocol) = self.current.take().filter(|_| self.traces.len() < KEPT) else { return };
            let mut steps = protocol.steps(Claim::Quiescent);
            // A run that the search gave up claims nothing.
            steps.pop_if(|last| last == "quiet");
            self.traces.insert(steps);
        }
    }
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let shared = seen.clone();
    let check = check.max_runs(RUNS).shrink(false).keep_going(true).check_determinism(false).observe_each(move || {
        let mut seen = shared.lock().unwrap();
        seen.run_over();
        seen.current.insert(Protocol::new()).clone()
    });
    // Whether it passes is asked elsewhere.
    let _ = check.run(main);
    let mut seen = seen.lock().unwrap();
    seen.run_over();
    std::mem::take(&mut seen.traces)
}

#[test]
fn scenarios_take_steps_of_the_model() {
    let (mut mutes, mut workers) = (0, 0);
    for table::Scenario { name, main, batch, .. } in table::scenarios() {
        let protocol = Protocol::new();
        let builder = Runtime::builder().virtual_time().batch(batch).observer(protocol.clone());
        let result = builder.run(&main);
        assert!(matches!(result, Ok(_) | Err(RunError::Deadlock(_))), "{name}: {result:?}");
        write(&format!("single-{name}"), "accepted", &[protocol.steps(Claim::of(&result))].into());
        let traces = search(Check::new().batch(batch), main);
        mutes += traces.iter().flatten().filter(|step| step.starts_with("mute ")).count();
        // Behaviours that are interrupted: the second has a worker of its own.
        workers += traces.iter().flatten().filter(|step| step.starts_with("begin 1 ")).count();
        write(&format!("search-{name}"), "accepted", &traces);
    }
    assert!(mutes > 100 && workers > 100, "{mutes} mutes, {workers} runs beside others: the scenarios are too tame");
}

/// The step by which somebody is muted that applied in the same behaviour, counted from 0.
fn muted_under_pressure(steps: &Steps) -> Option<usize> {
    (0..steps.len()).find(|at| {
        let Some(who) = steps[*at].strip_prefix("mute ") else { return false };
        let behaviour = steps[..*at].iter().rev().take_while(|step| **step != format!("take {who}"));
        behaviour.into_iter().any(|step| *step == format!("apply {who}"))
    })
}

/// R3's second sentence is not Pony's. Each run in which it would have mattered is refused, and there.
#[test]
fn runs_under_ponys_rules_are_refused_where_somebody_is_muted_under_pressure() {
    for (name, main) in [("valves", pony::valves as fn(&mut Env<'_>)), ("chain", pony::chain)] {
        let traces = search(Check::new().rules(Rules::Pony).check_invariants(false), main);
        let refused: Vec<_> = traces.into_iter().filter_map(|t| muted_under_pressure(&t).map(|at| (at, t))).collect();
        assert!(!refused.is_empty(), "{name}: no run shows it");
        for (nth, (at, steps)) in refused.into_iter().take(20).enumerate() {
            // Before it are the line of what is expected and `reset`.
            write(&format!("pony-{name}-{nth}"), &format!("REJECTED at line {} (R3)", at + 3), &[steps].into());
        }
    }
}
