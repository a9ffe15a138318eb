//! Timers that are due, and do not fire after all: time passes when nothing holds it back any more.

use super::{Sink, act, complete};
use backwater::{Actor, Addr, Check, Context, Env, Fault, Stats, TimerId};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Sets a timer at its first message, and cancels it at its second.
struct Fickle {
    after: u64,
    timer: Option<TimerId>,
    to: Addr<u32>,
}

impl Actor for Fickle {
    type Msg = u32;

    fn receive(&mut self, n: u32, cx: &mut Context<'_, Self>) {
        match (n, self.timer.take()) {
            (0, _) => self.timer = Some(cx.after(Duration::from_millis(self.after), 9)),
            (9, _) => self.to.tell(9, cx),
            (_, Some(timer)) => drop(cx.cancel(timer)),
            (_, None) => {}
        }
    }
}

/// One is due at a time at which another's may be cancelled; what comes to whom, in which order, is noted.
fn cancels(after: u64, seen: Arc<Mutex<Vec<u32>>>) -> impl Fn(&mut Env<'_>) {
    move |env| {
        seen.lock().unwrap().clear();
        let seen = seen.clone();
        let notes = env.spawn(act(move |n, _| seen.lock().unwrap().push(n)));
        let fickle = env.spawn(Fickle { after, timer: None, to: notes.clone() });
        (0..2).for_each(|n| fickle.tell(n, env));
        let to = notes.clone();
        env.spawn(act(move |n, cx| match n {
            0 => drop(cx.after(Duration::from_millis(1), 5)),
            n => to.tell(n, cx),
        }))
        .tell(0, env);
        env.spawn(Sink).tell(0, env);
    }
}

/// What is noted in all ends that a search comes to, and what it explored.
fn ends(check: Check, after: u64) -> (BTreeSet<Vec<u32>>, u64, u64) {
    let seen: Arc<Mutex<Vec<u32>>> = Arc::default();
    let all: Arc<Mutex<BTreeSet<Vec<u32>>>> = Arc::default();
    let (notes, reached) = (seen.clone(), all.clone());
    let check = check.each_end(move |_: &Stats, _: Option<&Fault>| {
        reached.lock().unwrap().insert(notes.lock().unwrap().clone());
    });
    let explored = complete(check, cancels(after, seen));
    let all = all.lock().unwrap().clone();
    (all, explored.runs, explored.redundant)
}

#[test]
fn a_timer_that_is_cancelled_when_it_is_due_holds_time_back_no_longer() {
    for after in [0, 1, 2] {
        let (naive, ..) = ends(Check::new().naive(), after);
        let (reduced, explored, redundant) = ends(Check::new(), after);
        assert_eq!(naive, reduced, "due after {after} ms");
        // Sleep sets alone explore each class once: as many runs as with plans.
        let (_, classes, _) = ends(Check::new().without_plans(), after);
        assert_eq!((reduced.len(), explored, redundant), (3, classes, 0), "due after {after} ms: {reduced:?}");
    }
}

/// Two actors set two timers each, all for the same time, and tell what comes.
fn ticks(env: &mut Env<'_>, seen: &Arc<Mutex<Vec<u32>>>) {
    seen.lock().unwrap().clear();
    let seen = seen.clone();
    let notes = env.spawn(act(move |n, _| seen.lock().unwrap().push(n)));
    for owner in [10, 20] {
        let to = notes.clone();
        env.spawn(act(move |n, cx| match n {
            0 => {
                cx.after(Duration::from_millis(1), owner + 1);
                cx.after(Duration::from_millis(1), owner + 2);
            }
            n => to.tell(n, cx),
        }))
        .tell(0, env);
    }
}

/// They fire in 4! orders; what they tell is noted in as many.
#[test]
fn timers_that_are_due_at_once_fire_in_every_order() {
    let search = |check: Check| {
        let seen: Arc<Mutex<Vec<u32>>> = Arc::default();
        let all: Arc<Mutex<BTreeSet<Vec<u32>>>> = Arc::default();
        let (notes, reached) = (seen.clone(), all.clone());
        let check = check.each_end(move |_: &Stats, _: Option<&Fault>| {
            reached.lock().unwrap().insert(notes.lock().unwrap().clone());
        });
        let explored = complete(check, |env| ticks(env, &seen));
        let ends = all.lock().unwrap().len();
        (ends, explored.runs, explored.redundant)
    };
    let (_, classes, _) = search(Check::new().without_plans());
    assert_eq!(search(Check::new()), (24, classes, 0));
}
