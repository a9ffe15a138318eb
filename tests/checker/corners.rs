//! What a search is told of one step, each in the smallest program in which it matters.

use super::{act, complete, fan_in};
use backwater::{
    Actor, ApplyReleaseBackpressureAuth, Backpressure, Check, Context, ControlAuth, Env, Event, Model, PressureGuard,
    Verdict,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The receiver applies, or so it may be that it has; who asks before it sends is told so. A message on the control lane,
/// and one to oneself, mark nobody, so they may come before or after.
#[test]
fn only_an_ordinary_message_cares_whether_its_receiver_presses() {
    let program = |control: bool| {
        move |env: &mut Env<'_>| {
            let auth = ApplyReleaseBackpressureAuth::from(&env.root);
            let lane = ControlAuth::from(&env.root);
            let valve = env.spawn(act(move |n, cx| {
                if n == 0 {
                    Backpressure::apply(&auth, cx);
                    cx.me().tell(1, cx);
                }
                if n == 1 {
                    Backpressure::release(&auth, cx);
                }
            }));
            valve.tell(0, env);
            let sender = env.spawn(act(move |_, cx| match control {
                true => valve.tell_control(9, &lane, cx),
                false => valve.tell(9, cx),
            }));
            sender.tell(0, env);
        }
    };
    let [control, ordinary] = [true, false].map(|control| complete(Check::new(), program(control)).runs);
    assert_eq!((control, ordinary), (2, 6));
}

fn add(count: &AtomicUsize) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// Every run has an observer, and it is told of every send, those of `main` and two of each of two senders, and of the end
/// of every behaviour, `main`'s not counted.
#[test]
fn an_observer_of_each_run_sees_its_sends_and_what_comes_of_them() {
    let counts = Arc::new([const { AtomicUsize::new(0) }; 2]);
    let seen = counts.clone();
    let check = Check::new().observe_each(move || {
        let seen = seen.clone();
        move |_: Duration, event: &Event<'_>| match event {
            Event::Sent { .. } => add(&seen[0]),
            Event::Handled { actor } if actor.seat() > 0 => add(&seen[1]),
            _ => {}
        }
    });
    assert_eq!(complete(check, fan_in(2, 2)).runs, 6);
    assert_eq!(counts.each_ref().map(|count| count.load(Ordering::Relaxed)), [6 * (2 + 4); 2]);
}

/// Two of one actor: it presses until both are dropped.
#[test]
fn two_guards_of_one_actor_are_two() {
    complete(Check::new(), |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let mut held: Vec<PressureGuard> = Vec::new();
        let holder = env.spawn(act(move |n, cx| {
            match n {
                0 | 1 => held.push(Backpressure::hold(&auth, cx)),
                _ => drop(held.pop()),
            }
            let presses = cx.is_under_pressure();
            cx.always("it presses while one is left", presses != held.is_empty());
        }));
        (0..4).for_each(|n| holder.tell(n, env));
    });
}

/// The holder's code has run, and another's; that it holds the guard is still to be carried out.
#[test]
fn a_guard_that_is_dropped_before_it_is_held_is_not_held() {
    let explored = complete(Check::new(), |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let pocket = Arc::new(Mutex::new(None));
        let taken = pocket.clone();
        let other = env.spawn(act(move |_, _| drop(taken.lock().unwrap().take())));
        let holder = env.spawn(act(move |n, cx| {
            if n == 0 {
                other.tell(0, cx);
                *pocket.lock().unwrap() = Some(Backpressure::hold(&auth, cx));
            }
        }));
        holder.tell(0, env);
        let sender = env.spawn(act(move |n, cx| holder.tell(1 + n, cx)));
        sender.tell(0, env);
    });
    assert!(explored.runs > 2, "{explored}");
}

/// Takes a guard at one tick, and drops it at the next.
#[derive(Default)]
struct Breathes(Option<PressureGuard>, Option<ApplyReleaseBackpressureAuth>);

impl Actor for Breathes {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        let auth = self.1.as_ref().expect("it has one");
        self.0 = if self.0.is_none() { Some(Backpressure::hold(auth, cx)) } else { None };
        cx.after(Duration::from_secs(1), ());
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

impl std::hash::Hash for Breathes {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.is_some().hash(state);
    }
}

#[test]
fn a_state_comes_back_in_which_another_guard_lives() {
    let explored = complete(Check::new().states().max_states(200), |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        env.spawn(Breathes(None, Some(auth))).tell((), env);
    });
    assert!(explored.states < 50, "{explored}");
}

/// Sets a clock, of a closure that counts or of one that holds nothing.
#[derive(Hash)]
struct Beats {
    counts: bool,
    is_set: bool,
}

impl Actor for Beats {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        let (every, mut left) = (Duration::from_secs(1), vec![String::new(); 100]);
        match (std::mem::replace(&mut self.is_set, true), self.counts) {
            (true, _) => {}
            (false, true) => drop_id(cx.every(every, move |_| drop(left.pop()))),
            (false, false) => drop_id(cx.every(every, |_| ())),
        }
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

fn drop_id(_: backwater::TimerId) {}

#[test]
fn only_a_clock_whose_ticks_may_differ_is_another_after_each() {
    let states = |counts| {
        let check = Check::new().states().max_steps(12);
        let verdict = check.run(|env| env.spawn(Beats { counts, is_set: false }).tell((), env));
        let Verdict::Cut { explored, .. } = verdict else { panic!("it never stops: {verdict}") };
        explored.states
    };
    let [same, other] = [false, true].map(states);
    assert!(same < other, "{same} states, and {other} where it counts");
}

/// The counts of a run begin anew with it.
#[test]
fn each_run_counts_from_its_own_beginning() {
    complete(Check::new(), |env| {
        let spawned = env.stats().totals.spawned;
        env.always("`main` and three streams", spawned == 4);
        fan_in(2, 1)(env);
    });
}

// --- States that differ in one thing ----------------------------------------------------------------------------------

/// Of two answers the second is wrong, and the search over states comes to it last: it must not take what it sees then
/// for what it has seen.
fn finds(program: impl Fn(&mut Env<'_>)) {
    match Check::new().states().run(program) {
        Verdict::Failed(failure) => assert!(failure.to_string().contains("wrong"), "{failure}"),
        other => panic!("it is not found: {other}"),
    }
}

#[test]
fn an_answer_makes_another_message_and_another_tick() {
    finds(|env| {
        let judge = env.spawn(act(|n, _| assert!(n == 0, "wrong")));
        let chooser = env.spawn(act(move |_, cx| {
            let answer = cx.choose(2) as u32;
            judge.tell(answer, cx);
        }));
        chooser.tell(0, env);
    });
    finds(|env| env.spawn(Waits).tell(0, env));
}

/// Is told its answer by a timer, and keeps nothing.
#[derive(Hash)]
struct Waits;

impl Actor for Waits {
    type Msg = u32;

    fn receive(&mut self, n: u32, cx: &mut Context<'_, Self>) {
        assert!(n != 2, "wrong");
        if n == 0 {
            let answer = cx.choose(2) as u32;
            cx.after(Duration::from_secs(1), 1 + answer);
        }
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

/// Ends, or has all end, by an answer that it does not keep. `end` is told to end.
#[derive(Hash)]
struct Quits {
    to: backwater::Addr<u32>,
    end: fn(&mut Context<'_, Quits>),
}

impl Actor for Quits {
    type Msg = u8;

    fn receive(&mut self, n: u8, cx: &mut Context<'_, Self>) {
        assert!(n == 0, "wrong");
        self.to.tell(0, cx);
        if cx.choose(2) == 0 {
            (self.end)(cx);
        }
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

#[test]
fn whoever_is_about_to_end_is_not_as_one_that_goes_on() {
    for end in [(|cx| cx.stop()) as fn(&mut Context<'_, Quits>), |cx| cx.shutdown()] {
        finds(move |env| {
            let sink = env.spawn(act(|_, _| ()));
            let quits = env.spawn(Quits { to: sink, end });
            quits.tell(0, env);
            env.spawn(act(move |_, cx| quits.tell(1, cx))).tell(0, env);
        });
    }
}

/// Knows what time it is, and nothing else.
#[derive(Hash)]
struct Late;

impl Actor for Late {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        assert!(cx.now() < Duration::from_secs(3), "wrong");
        cx.after(Duration::from_secs(1), ());
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

#[test]
fn the_time_is_part_of_a_state_where_somebody_asks_for_it() {
    finds(|env| env.spawn(Late).tell((), env));
}
