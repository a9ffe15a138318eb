//! A canary for each verdict: a program that must fail, and a bound that must cut.

use super::{Sink, act, complete, fan_in, fault, wrong_order};
use backwater::{Actor, ApplyReleaseBackpressureAuth, Backpressure, Bound, Check, Context, Env, Fault, Verdict};
use std::sync::Mutex;
use std::time::Duration;

#[test]
fn a_panic_is_found_and_named() {
    let Fault::Panicked { payload, message, place, .. } = fault(Check::new(), wrong_order) else {
        panic!("it is a panic")
    };
    assert_eq!((payload.as_str(), message.as_str()), ("the second came first", "1 (its message number 1)"));
    assert!(place.is_some_and(|place| place.contains("tests/checker/main.rs")));
}

/// When a run is over its actors are dropped, and what their `Drop` does is the program's too.
#[test]
fn an_actor_that_panics_as_it_is_dropped_is_found() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the bomb goes off");
        }
    }
    let program = |env: &mut Env<'_>| {
        let bomb = Bomb;
        env.spawn(act(move |_, _| assert!(size_of_val(&bomb) == 0))).tell(0, env);
    };
    let Fault::Panicked { name, payload, .. } = fault(Check::new(), program) else { panic!("it is a panic") };
    assert_eq!((name.as_str(), payload.as_str()), ("an actor that was dropped at the end", "the bomb goes off"));
}

#[test]
fn a_panic_that_stops_only_its_actor_is_no_failure() {
    // The right order is one class; in the wrong one, what comes second comes before or after the end of the judge.
    let explored = complete(Check::new().panics_stop_actor(true), wrong_order);
    assert_eq!((explored.runs, explored.redundant), (3, 0));
}

#[test]
fn a_program_that_never_ends_is_cut_and_not_passed() {
    let endless = |env: &mut Env<'_>| env.spawn(act(|n, cx| cx.me().tell(n, cx))).tell(0, env);
    let verdict = Check::new().max_steps(50).run(endless);
    assert!(matches!(&verdict, Verdict::Cut { by: Bound::Steps, explored, .. } if explored.too_long == 1), "{verdict}");
    let refused = std::panic::catch_unwind(|| Check::new().max_steps(50).assert(endless));
    let text = *refused.expect_err("a cut is not a pass").downcast::<String>().expect("the panic has a text");
    assert!(text.contains("accept_cut"), "{text}");
    assert_eq!(Check::new().max_steps(50).accept_cut().assert(endless).too_long, 1);
}

#[test]
fn a_program_that_spawns_without_end_is_found() {
    struct Breeder;
    impl Actor for Breeder {
        type Msg = ();
        fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
            cx.spawn(Breeder).tell((), cx);
        }
    }
    let program = |env: &mut Env<'_>| env.spawn(Breeder).tell((), env);
    let found = fault(Check::new().max_actors(20), program);
    assert!(matches!(found, Fault::TooManyActors { limit: 20, .. }), "{found}");
    // The chart shows its last lines, and only the actors in them.
    let verdict = Check::new().max_actors(500).run(program).to_string();
    assert!(verdict.contains("earlier lines") && verdict.contains("created by"), "{verdict}");
    assert!(verdict.lines().all(|line| line.chars().count() < 250), "{verdict}");
}

#[test]
fn an_actor_left_under_pressure_is_found() {
    let program = |env: &mut Env<'_>| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        env.spawn(act(move |_, cx| Backpressure::apply(&auth, cx))).tell(0, env);
    };
    assert!(matches!(fault(Check::new(), program), Fault::UnmatchedApply(_)));
    complete(Check::new().allow_unmatched_apply(true), program);
}

#[test]
fn statements_that_do_not_hold_are_found() {
    let asks = |env: &mut Env<'_>| {
        env.spawn(act(|_, cx| {
            let chosen = cx.choose(3);
            cx.sometimes("it is 2", chosen == 2);
            cx.sometimes("it is 7", chosen == 7);
        }))
        .tell(0, env);
    };
    let Verdict::Failed(failure) = Check::new().run(asks) else { panic!("nothing is ever 7") };
    assert_eq!((&failure.fault, failure.explored.runs), (&Fault::Never("it is 7"), 3), "all answers were tried");
    let alone = Check::new().replay(failure.token).run(asks);
    assert!(matches!(alone, Verdict::Cut { by: Bound::Token, .. }), "one schedule cannot show it: {alone}");
    let hopes = |env: &mut Env<'_>| {
        env.spawn(act(|_, cx| {
            let chosen = cx.choose(2);
            cx.eventually("it is 1", chosen == 1);
        }))
        .tell(0, env);
    };
    assert_eq!(fault(Check::new(), hopes), Fault::NotEventually("it is 1"));
}

/// Every pair of answers, whether or not the second question is asked: 1 + 3.
#[test]
fn every_answer_to_a_choice_is_explored() {
    let asks = |env: &mut Env<'_>| {
        env.spawn(act(|_, cx| {
            if cx.choose(2) == 1 {
                cx.choose(3);
            }
        }))
        .tell(0, env);
    };
    assert_eq!(complete(Check::new(), asks).runs, 4);
    // And `main` ends before or after that.
    assert_eq!(complete(Check::new().naive(), asks).runs, 8);
}

#[test]
fn a_program_that_remembers_its_last_run_is_nondeterministic() {
    let runs = Mutex::new(0);
    let remembers = |env: &mut Env<'_>| {
        let mut runs = runs.lock().unwrap();
        *runs += 1;
        env.spawn(Sink).tell(*runs, env);
    };
    let found = fault(Check::new(), remembers);
    assert!(matches!(found, Fault::Nondeterminism { .. }), "{found}");
}

#[test]
fn the_bounds_on_runs_and_time_cut() {
    let verdict = Check::new().max_runs(10).run(fan_in(4, 1));
    let Verdict::Cut { by: Bound::Runs, explored, estimate: Some(estimate) } = verdict else { panic!("{verdict}") };
    assert_eq!(explored.runs, 10);
    assert!((12.0..200.0).contains(&estimate), "24 runs are estimated as {estimate}");
    let verdict = Check::new().max_time(Duration::ZERO).run(fan_in(5, 1));
    // Every 64 runs it looks at the clock.
    assert!(matches!(&verdict, Verdict::Cut { by: Bound::Time, explored, .. } if explored.runs == 64), "{verdict}");
}
