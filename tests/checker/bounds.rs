//! Searches that are cut short say how much they leave; samplers find what they promise to; a portfolio ends with the
//! first failure.

use super::{act, complete, fan_in, wrong_order};
use backwater::{Bound, Check, Env, Mode, Verdict};
use std::time::Duration;

/// Of 90 classes; the figure is rough in the beginning, and never so rough that it misleads by a power of ten.
#[test]
fn a_search_that_is_cut_estimates_the_whole() {
    for runs in [10, 30, 60, 89] {
        let verdict = Check::new().max_runs(runs).run(fan_in(3, 2));
        let Verdict::Cut { by: Bound::Runs, explored, estimate: Some(estimate) } = verdict else { panic!("{verdict}") };
        assert_eq!(explored.runs, runs);
        assert!((30.0..300.0).contains(&estimate), "after {runs} runs: {estimate}");
    }
    // Without reduction too.
    let all = complete(Check::new().naive(), fan_in(2, 2)).runs as f64;
    let verdict = Check::new().naive().max_runs(all as u64 / 2).run(fan_in(2, 2));
    let Verdict::Cut { estimate: Some(estimate), .. } = verdict else { panic!("{verdict}") };
    assert!((all / 5.0..all * 5.0).contains(&estimate), "{estimate} of {all}");
}

/// Where all runs branch off at one place, that is exact: of ten answers, or of two after each of five.
#[test]
fn of_a_tree_that_is_known_the_estimate_is_exact() {
    for runs in 1..10 {
        let verdict = Check::new().max_runs(runs).run(|env| assert!(env.choose(10) < 10));
        let Verdict::Cut { estimate: Some(estimate), .. } = verdict else { panic!("{verdict}") };
        assert!((estimate - 10.0).abs() < 1e-9, "after {runs} runs: {estimate}");
    }
    for runs in [2, 4, 6, 8] {
        let verdict = Check::new().max_runs(runs).run(|env| {
            let first = env.choose(5);
            env.spawn(act(move |_, cx| assert!(cx.choose(2) + first < 6))).tell(0, env);
        });
        let Verdict::Cut { estimate: Some(estimate), .. } = verdict else { panic!("{verdict}") };
        assert!((estimate - 10.0).abs() < 1e-9, "after {runs} runs: {estimate}");
    }
}

#[test]
fn a_portfolio_ends_with_the_first_failure() {
    let modes = || [Mode::Random(20), Mode::Pct { depth: 2, runs: 20 }, Mode::Exhaustive];
    let Verdict::Complete(explored) = Check::new().portfolio(modes()).run(fan_in(3, 1)) else {
        panic!("nothing fails")
    };
    assert_eq!(explored.runs, 20 + 20 + 6, "each mode had its turn");
    // The first mode is enough for this one, and the others are not begun.
    let runs = |check: Check| check.run(wrong_order).failure().map(|failure| failure.explored.runs);
    let first = runs(Check::new().random(20));
    assert!(first.is_some_and(|runs| runs <= 20), "{first:?}");
    assert_eq!(runs(Check::new().portfolio(modes())), first);
    // Nor is another begun when the time is over.
    let modes = [Mode::Random(100), Mode::Pos(100)];
    let verdict = Check::new().portfolio(modes).max_time(Duration::ZERO).run(fan_in(3, 1));
    assert!(matches!(&verdict, Verdict::Cut { by: Bound::Time, explored, .. } if explored.runs == 64), "{verdict}");
}

/// A row of senders to one judge, who objects if the last is heard first: two steps in the wrong order, a bug of depth 2
/// or less. PCT promises to find it in one run of n · k, for n actors and k steps.
#[test]
fn pct_finds_a_bug_as_often_as_it_promises() {
    let program = |env: &mut Env<'_>| {
        let mut heard = false;
        let judge = env.spawn(act(move |n, _| {
            assert!(heard || n != 4, "the last was heard first");
            heard = true;
        }));
        for n in 0..5 {
            let judge = judge.clone();
            env.spawn(act(move |_, cx| judge.tell(n, cx))).tell(0, env);
        }
    };
    let longest = complete(Check::new().shrink(false), fan_in(5, 1)).longest;
    let runs = 2_000;
    let verdict = Check::new().pct(2, runs).keep_going(true).shrink(false).check_determinism(false).run(program);
    let failed = verdict.failure().map_or(0, |failure| failure.explored.failed);
    // main, the judge and five senders.
    let promised = runs as f64 / (7.0 * longest as f64);
    assert!(failed as f64 > promised, "{failed} of {runs} runs found it, at least {promised:.0} were promised");
}
