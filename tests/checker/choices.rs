//! What a program chooses itself is explored, and what it chose is found again: where a run is told, made short, replayed,
//! or led to a state.

use super::{Clock, act, complete};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Check, Context, Env, Fault, Model, Stats, Verdict,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// `main` chooses, and two actors after it; these answers are wrong. Zeros at the end stand in no token.
fn program(wrong: [usize; 4]) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let first = env.choose(3);
        let last = env.spawn(act(move |n, cx| {
            let answers = [first, n as usize, cx.choose(50), cx.choose(50)];
            assert!(answers != wrong, "{wrong:?} is wrong");
        }));
        env.spawn(act(move |_, cx| last.tell(cx.choose(3) as u32, cx))).tell(0, env);
    }
}

#[test]
fn a_failure_is_found_again_by_the_answers_that_led_to_it() {
    for wrong in [[2, 1, 49, 3], [2, 1, 0, 0], [0, 2, 7, 0], [1, 0, 0, 9], [0, 0, 0, 0]] {
        for check in [Check::new(), Check::new().naive(), Check::new().states()] {
            let verdict = check.clone().run(program(wrong));
            let failure = verdict.failure().unwrap_or_else(|| panic!("{wrong:?} is not found"));
            assert!(
                matches!(&failure.fault, Fault::Panicked { payload, .. } if payload.starts_with(&format!("{wrong:?}")))
            );
            let again = check.replay(&failure.token).run(program(wrong));
            assert_eq!(again.failure().map(|again| &again.fault), Some(&failure.fault), "{wrong:?}");
            // The first line says by which line of this file it was run.
            let again = again.failure().map(|again| &again.events[1..]);
            assert_eq!(again, Some(&failure.events[1..]), "{wrong:?}");
        }
    }
}

#[test]
fn every_search_gives_every_answer() {
    for check in [Check::new(), Check::new().naive(), Check::new().states(), Check::new().without_plans()] {
        let all: Arc<Mutex<BTreeSet<[usize; 3]>>> = Arc::default();
        complete(check, |env| {
            let (first, all) = (env.choose(3), all.clone());
            env.spawn(act(move |_, cx| {
                let answers = [first, cx.choose(2), cx.choose(4)];
                all.lock().unwrap().insert(answers);
            }))
            .tell(0, env);
        });
        assert_eq!(all.lock().unwrap().len(), 3 * 2 * 4);
    }
}

/// Presses for ever if it is told to.
#[derive(Hash)]
struct Valve(ApplyReleaseBackpressureAuth);

impl Actor for Valve {
    type Msg = bool;

    fn receive(&mut self, press: bool, cx: &mut Context<'_, Self>) {
        if press {
            Backpressure::apply(&self.0, cx);
        }
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

/// Chooses for the valve.
#[derive(Hash)]
struct Hand(Addr<bool>);

impl Actor for Hand {
    type Msg = usize;

    fn receive(&mut self, first: usize, cx: &mut Context<'_, Self>) {
        let press = cx.choose(3) == 1 && first == 2;
        self.0.tell(press, cx);
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

/// Without a clock a run ends; with one none does, and it is wrong only after these answers; the token says after which steps to look.
#[test]
fn a_state_is_found_again_by_the_answers_that_led_to_it() {
    let ends = Arc::new(Mutex::new(0));
    let main = |env: &mut Env<'_>| {
        let valve = env.spawn(Valve((&env.root).into()));
        let first = env.choose(3);
        if first > 0 {
            env.spawn(Clock).tell((), env);
        }
        env.spawn(Hand(valve)).tell(first, env);
    };
    let check = || Check::new().states();
    let Verdict::Failed(failure) = check().run(main) else { panic!("it fails") };
    let Fault::UnmatchedApply(root) = &failure.fault else { panic!("{failure}") };
    assert!(root.causes.len() == 1 && failure.events.iter().any(|line| line.contains("applied pressure")), "{failure}");
    let noted = ends.clone();
    let seen = check().keep_going(true).each_end(move |_: &Stats, _: Option<&Fault>| *noted.lock().unwrap() += 1);
    let again = seen.replay(&failure.token).run(main);
    let again = again.failure().expect("it fails again");
    assert_eq!((&again.fault, &again.events[1..]), (&failure.fault, &failure.events[1..]));
    assert_eq!((again.steps, again.switches, again.explored.runs), (failure.steps, failure.switches, 1));
    assert_eq!(*ends.lock().unwrap(), 0, "what is searched again to judge a state is not seen");
}
