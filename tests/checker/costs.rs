//! How often a search runs the program: once for each class, and not again for what a copy of a state can give back.

use super::tokens::noisy;
use super::{Clock, act, complete, fan_in, wrong_order};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Check, Context, Env, Event, Fault, Model, Stats,
};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How often `main` is called, and the runs that count.
fn calls(check: Check, main: impl Fn(&mut Env<'_>)) -> (u64, u64) {
    let calls = Cell::new(0);
    let explored = complete(check, |env| {
        calls.set(calls.get() + 1);
        main(env);
    });
    (calls.get(), explored.runs)
}

/// The first run is run three times more, to see that it is the same (R12); no other is.
#[test]
fn only_the_first_run_is_looked_at_twice() {
    assert_eq!(calls(Check::new(), fan_in(3, 1)), (9, 6));
    assert_eq!(calls(Check::new().check_determinism(false), fan_in(3, 1)), (6, 6));
}

/// What a failure is made short with is tried in an order that finds it soon.
#[test]
fn a_failure_is_made_short_in_as_few_runs_as_ever() {
    let calls = |check: Check, shrink| {
        let calls = Cell::new(0);
        let verdict = check.shrink(shrink).run(|env| {
            calls.set(calls.get() + 1);
            noisy(env);
        });
        let failure = verdict.failure().expect("it fails");
        (calls.get(), failure.steps, failure.switches)
    };
    let made = [Check::new(), Check::new().random(100).seed(3), Check::new().pos(1_000), Check::new().pct(3, 1_000)]
        .map(|check| {
            let ((long, ..), (all, steps, switches)) = (calls(check.clone(), false), calls(check, true));
            (all - long, steps, switches)
        });
    // Runs, and the steps and switches that are left: fewer switches come first.
    assert_eq!(made, [(46, 9, 0), (29, 5, 1), (27, 5, 1), (33, 9, 0)]);
}

/// Fails if the judge answers 2, then 1; what else there is to do has nothing to do with it.
fn choosy(env: &mut Env<'_>) {
    let mut first = None;
    let judge = env.spawn(act(move |_, cx| {
        let answer = cx.choose(3);
        let first = *first.get_or_insert(answer);
        assert!((first, answer) != (2, 1), "two, then one");
    }));
    judge.tell(0, env);
    fan_in(2, 2)(env);
    judge.tell(1, env);
}

/// Who is brought to his last step takes his answers along.
#[test]
fn a_failure_by_choices_is_made_short_in_as_few_runs_as_ever() {
    let calls = |seed, shrink| {
        let calls = Cell::new(0);
        let verdict = Check::new().random(1_000).seed(seed).shrink(shrink).run(|env| {
            calls.set(calls.get() + 1);
            choosy(env);
        });
        let failure = verdict.failure().expect("it fails");
        (calls.get(), failure.steps, failure.switches)
    };
    let made = [1, 2, 3, 4].map(|seed| {
        let ((long, ..), (all, steps, switches)) = (calls(seed, false), calls(seed, true));
        (all - long, steps, switches)
    });
    assert_eq!(made, [(58, 8, 1), (64, 8, 1), (100, 8, 1), (95, 16, 1)]);
}

/// Every schedule of two rows of messages that is as mixed as this fails: there is much to try, and little that helps.
#[test]
fn a_failure_that_cannot_be_made_short_is_tried_two_thousand_times() {
    let calls = |shrink| {
        let calls = Cell::new(0);
        let verdict = Check::new().random(1).shrink(shrink).run(|env| {
            calls.set(calls.get() + 1);
            let (mut last, mut turns) = (0, 0);
            let judge = env.spawn(act(move |n, _| {
                turns += u32::from(n / 1_000 != last);
                last = n / 1_000;
                assert!(n % 1_000 != 149 || turns < 100, "well mixed");
            }));
            for row in 0..2 {
                let judge = judge.clone();
                env.spawn(act(move |_, cx| (0..150).for_each(|n| judge.tell(row * 1_000 + n, cx)))).tell(0, env);
            }
        });
        assert!(verdict.failure().is_some(), "{verdict}");
        calls.get()
    };
    assert_eq!(calls(true) - calls(false), 2_000);
}

/// What only all schedules together show, or what a run does until it is given up, is not made short: it is run three
/// times more, to be told and to be looked at.
#[test]
fn what_is_no_fault_of_one_run_is_not_made_short() {
    let calls = |check: Check, main: &dyn Fn(&mut Env<'_>)| {
        [true, false].map(|shrink| {
            let calls = Cell::new(0);
            let verdict = check.clone().shrink(shrink).run(|env| {
                calls.set(calls.get() + 1);
                main(env);
            });
            assert!(verdict.failure().is_some(), "{verdict}");
            calls.get()
        })
    };
    let never = |env: &mut Env<'_>| {
        env.spawn(act(|n, cx| cx.sometimes("it is 7", n == 7))).tell(0, env);
        fan_in(2, 1)(env);
    };
    let presses = |env: &mut Env<'_>| {
        env.spawn(Clock).tell((), env);
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        env.spawn(Valve(auth)).tell((), env);
    };
    for (check, main) in [
        (Check::new(), &never as &dyn Fn(&mut Env<'_>)),
        (Check::new().expects(["7"]), &fan_in(2, 1)),
        (Check::new().states(), &presses),
    ] {
        let [with, without] = calls(check, main);
        assert_eq!(with, without);
    }
}

/// Presses for ever.
#[derive(Hash)]
struct Valve(ApplyReleaseBackpressureAuth);

impl Actor for Valve {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        Backpressure::apply(&self.0, cx);
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

/// What is run again to be told, or made short, is not seen as a run of the search.
#[test]
fn each_run_of_a_search_is_seen_once_and_no_other() {
    let counts: Arc<[AtomicU64; 2]> = Arc::default();
    let (ends, observers) = (counts.clone(), counts.clone());
    let check = Check::new()
        .each_end(move |_: &Stats, _: Option<&Fault>| {
            ends[0].fetch_add(1, Relaxed);
        })
        .observe_each(move || {
            observers[1].fetch_add(1, Relaxed);
            |_: Duration, _: &Event<'_>| ()
        });
    let verdict = check.run(wrong_order);
    assert_eq!((verdict.explored().runs, verdict.explored().failed), (2, 1), "{verdict}");
    assert_eq!([0, 1].map(|at| counts[at].load(Relaxed)), [2, 2]);
}

/// A run that is too long is looked at again, with its way and then watched, if it is one of the first sixteen: what stalls
/// mostly does so in all of them.
#[test]
fn sixteen_runs_that_are_too_long_are_looked_at_closely() {
    let calls = |check: Check, main: &dyn Fn(&mut Env<'_>)| {
        let calls = Cell::new(0);
        let verdict = check.max_steps(18).check_determinism(false).shrink(false).run(|env| {
            calls.set(calls.get() + 1);
            main(env);
        });
        (calls.get(), verdict.explored().runs, verdict.explored().too_long)
    };
    let endless = |senders| {
        move |env: &mut Env<'_>| {
            env.spawn(Clock).tell((), env);
            fan_in(senders, 1)(env);
        }
    };
    // None of them is, once there is a failure.
    let fails = |env: &mut Env<'_>| {
        env.spawn(Clock).tell((), env);
        wrong_order(env);
    };
    let all = [
        calls(Check::new(), &endless(2)),
        calls(Check::new(), &endless(4)),
        calls(Check::new().keep_going(true), &fails),
    ];
    // Of each but the last; of its runs one is too long before there is a failure, and one after it.
    assert_eq!(all, [(2 + 2 * 2, 2, 2), (24 + 2 * 16, 24, 24), (48 + 2 + 2, 48, 2)]);
}

#[derive(Hash)]
struct Heap(u64);

thread_local! {
    /// Behaviours of those who can be copied, and copies of them.
    static DONE: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

fn done(behaviours: u64, copies: u64) {
    DONE.set((DONE.get().0 + behaviours, DONE.get().1 + copies));
}

impl Clone for Heap {
    fn clone(&self) -> Self {
        done(0, 1);
        Heap(self.0)
    }
}

impl Actor for Heap {
    type Msg = u64;

    fn receive(&mut self, n: u64, _: &mut Context<'_, Self>) {
        done(1, 0);
        self.0 = self.0.wrapping_mul(31) + n;
    }

    fn model() -> Model<Self> {
        Model::hashed().copied()
    }
}

#[derive(Clone, Hash)]
struct Thrower(Addr<u64>);

impl Actor for Thrower {
    type Msg = u64;

    fn receive(&mut self, n: u64, cx: &mut Context<'_, Self>) {
        self.0.tell(n, cx);
    }

    fn model() -> Model<Self> {
        Model::hashed().copied()
    }
}

/// So many actors throw a message on one heap. None of them has a copy to give if it is not asked for one.
fn heap(n: u64) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let heap = env.spawn(Heap(0));
        (1..=n).for_each(|nth| env.spawn(Thrower(heap.clone())).tell(nth, env));
    }
}

#[test]
fn a_search_that_has_copies_goes_back_to_them() {
    let (calls, runs) = calls(Check::new().check_determinism(false), heap(4));
    assert_eq!(runs, 24);
    assert!(calls < runs / 2, "{calls} times from the beginning, for {runs} runs");
}

/// To the last step that is taken again, and the last copy that is made: of a few states on the way back, or of all that
/// more than one step leads away from, but no more than 64 at a time.
#[test]
fn a_search_keeps_as_few_copies_and_takes_as_few_steps_again_as_ever() {
    let costs = |check: Check, n| {
        DONE.set((0, 0));
        let calls = Cell::new(0);
        let verdict = check.check_determinism(false).run(|env| {
            calls.set(calls.get() + 1);
            heap(n)(env);
        });
        assert!(verdict.failure().is_none(), "{verdict}");
        (verdict.explored().runs, calls.get(), DONE.get().0, DONE.get().1)
    };
    assert_eq!(
        [
            costs(Check::new(), 4),
            costs(Check::new().naive(), 2),
            costs(Check::new().states(), 3),
            costs(Check::new().states().max_states(3_000), 30),
        ],
        [(24, 2, 96, 35), (31, 14, 61, 26), (12, 1, 73, 79), (192, 1, 2_422, 2_342)],
        "runs, calls of main, behaviours, copies"
    );
}
