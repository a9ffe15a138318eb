//! Every mode by its name: as a method, and as the environment calls it.

use super::tokens::with_environment;
use super::{act, complete, fan_in, wrong_order};
use backwater::{Bound, Check, Env, Mode, Verdict, check};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

#[test]
fn check_explores_every_schedule_and_says_how_many() {
    assert_eq!(check(fan_in(3, 1)).runs, 6);
    let refused = std::panic::catch_unwind(|| Check::new().shrink(false).assert(wrong_order));
    let text = *refused.expect_err("one order is wrong").downcast::<String>().expect("the panic has a text");
    assert!(text.contains("the second came first"), "{text}");
}

/// Fails; what failed is kept under the name of the test.
#[test]
fn child_that_fails_by_the_shortest_way() {
    if std::env::var_os("BACKWATER_TEST_FAILS").is_some() {
        check(wrong_order);
    }
}

#[test]
fn check_keeps_a_failure_under_the_name_of_its_test() {
    let package = std::env::temp_dir().join(format!("backwater-package-{}", std::process::id()));
    let name = package.to_str().expect("the directory's name is text");
    let fails = || {
        let test = "modes::child_that_fails_by_the_shortest_way";
        with_environment(test, &[("BACKWATER_TEST_FAILS", "1"), ("CARGO_MANIFEST_DIR", name)])
    };
    let (passed, text) = fails();
    assert!(!passed && text.contains("found in run "), "{text}");
    let file: PathBuf = package.join("backwater-regressions/modes-child_that_fails_by_the_shortest_way.txt");
    let kept = fs::read_to_string(&file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    assert_eq!(kept.lines().filter(|line| line.starts_with("bwc1.")).count(), 1, "{kept}");
    fs::remove_dir_all(package).expect("the directory is ours");
}

#[test]
fn every_mode_has_a_name_in_the_environment() {
    let words = [
        ("exhaustive", "24 "),
        ("naive", "runs"),
        ("states", "states"),
        ("random:3", "a sample: 3 runs"),
        ("pct:2:4", "a sample: 4 runs"),
        ("pos:5", "a sample: 5 runs"),
        ("fair:6", "a sample: 6 runs"),
    ];
    let mut told = Vec::new();
    for (mode, word) in words {
        let (passed, text) = with_environment("tokens::child_of_the_environment", &[("BACKWATER_MODE", mode)]);
        assert!(passed && text.contains(word), "{mode}: {text}");
        told.push(text);
    }
    for (nth, text) in told.iter().enumerate() {
        assert!(told[..nth].iter().all(|other| other != text), "{}: as another mode", words[nth].0);
    }
    let (passed, text) = with_environment("tokens::child_of_the_environment", &[("BACKWATER_MODE", "pct:2:x")]);
    assert!(!passed && text.contains("BACKWATER_MODE=\"pct:2:x\" is not"), "{text}");
}

#[test]
fn each_method_chooses_its_mode() {
    let sampled = |check: Check, runs: u64| {
        let verdict = check.run(fan_in(3, 2));
        assert!(matches!(verdict, Verdict::Cut { by: Bound::Sample, .. }), "{verdict}");
        assert_eq!(verdict.explored().runs, runs);
        verdict.explored().steps
    };
    let [random, pct, pos] = [Check::new().random(40), Check::new().pct(3, 40), Check::new().pos(40)];
    let steps = [sampled(random, 40), sampled(pct, 40), sampled(pos, 40), sampled(Check::new().fair(40), 40)];
    assert!(steps.iter().all(|steps| *steps > 0), "{steps:?}");
    assert_eq!(complete(Check::new().random(1).exhaustive(), fan_in(3, 1)).runs, 6);
    let bounded = Check::new().max_runs(2).random(1).exhaustive().run(fan_in(3, 1));
    assert!(matches!(bounded, Verdict::Cut { by: Bound::Runs, .. }), "{bounded}");
    assert!(complete(Check::new().naive(), fan_in(2, 1)).runs > 2);
    assert!(complete(Check::new().states(), fan_in(2, 1)).states > 1);
}

/// The bound on runs is one for all threads together. Runs that come before the part of a thread count too; and each thread
/// ends the one that it is in.
#[test]
fn threads_share_the_bound_on_runs() {
    let verdict = Check::new().max_runs(20).workers(2).run(fan_in(3, 2));
    let Verdict::Cut { by: Bound::Runs, explored, .. } = &verdict else { panic!("{verdict}") };
    assert!(explored.runs + explored.redundant <= 22, "{verdict}");
}

/// All answers to what a program asks in so many runs.
fn answers(check: Check) -> Vec<Vec<usize>> {
    let all: Arc<Mutex<Vec<Vec<usize>>>> = Arc::default();
    let verdict = check.check_determinism(false).run(|env| {
        let (first, noted) = (env.choose(100), all.clone());
        noted.lock().unwrap().push(vec![first]);
        env.spawn(act(move |_, cx| {
            let answers = [cx.choose(100), cx.choose(100)];
            noted.lock().unwrap().last_mut().unwrap().extend(answers);
        }))
        .tell(0, env);
    });
    assert!(verdict.failure().is_none(), "{verdict}");
    let all = all.lock().unwrap();
    all.clone()
}

#[test]
fn every_sampler_draws_the_answers_anew_in_each_run() {
    for check in [Check::new().random(20), Check::new().pct(2, 20), Check::new().pos(20), Check::new().fair(20)] {
        let all = answers(check.clone());
        let different = |nth: usize| all.iter().map(|answers| answers[nth]).collect::<BTreeSet<_>>().len();
        assert!((0..3).all(|nth| different(nth) > 10), "{all:?}");
        assert_eq!(all, answers(check), "a seed draws the same again");
    }
}

/// A byte that was an answer is not one again.
#[test]
fn bytes_that_are_given_are_used_up_one_after_the_other() {
    assert_eq!(answers(Check::new().mode(Mode::Given(vec![3, 0, 4, 5, 6]))), [[3, 4, 5]]);
    assert_eq!(answers(Check::new().mode(Mode::Given(vec![107]))), [[7, 0, 0]], "and 0 stands in for those that lack");
}

/// Its schedule is drawn by a seed, and what it draws itself by the same.
#[test]
fn a_seed_decides_what_a_program_draws() {
    let drawn = |seed| {
        let drawn = std::sync::Mutex::new(Vec::new());
        let main = |env: &mut Env<'_>| {
            let (mine, drawn) = (env.random(), &drawn);
            drawn.lock().unwrap().push(mine);
            env.spawn(act(|_, cx| assert!(cx.random() != cx.random()))).tell(0, env);
        };
        assert!(Check::new().seed(seed).run(main).failure().is_none());
        drawn.into_inner().unwrap()
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}
