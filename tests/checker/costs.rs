//! How often a search runs the program: once for each class, and not again for what a copy of a state can give back.

use super::tokens::noisy;
use super::{complete, fan_in};
use backwater::{Actor, Addr, Check, Context, Env, Model};
use std::cell::Cell;

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

#[derive(Clone, Hash)]
struct Heap(u64);

impl Actor for Heap {
    type Msg = u64;

    fn receive(&mut self, n: u64, _: &mut Context<'_, Self>) {
        self.0 = self.0 * 10 + n;
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
