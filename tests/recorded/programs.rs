//! Programs in which it matters who is faster. Each actor says what it handles, and what it was told.

use super::Ear;
use super::common::{Act, act, ms};
use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Env};

pub(crate) type Program = fn(&mut Env<'_>, &Ear);

pub(crate) const PROGRAMS: &[(&str, Program)] = &[
    ("star", star),
    ("ring", ring),
    ("chain of mutes", chain),
    ("spawn and stop", births),
    ("timers", timers),
    ("randomness", randomness),
    ("deadlock", deadlock),
    ("panic", panic),
    ("shutdown", shutdown),
];

/// An actor that says what it handles.
fn heard(ear: &Ear, mut behave: impl FnMut(u64, &mut Context<'_, Act>) + Send + 'static) -> Act {
    let ear = ear.clone();
    act(move |n, cx| {
        ear.hear(n, cx);
        behave(n, cx);
    })
}

fn senders(env: &mut Env<'_>, ear: &Ear, count: u64, each: u64, to: &Addr<u64>) -> Vec<Addr<u64>> {
    let spawn = |i| {
        let (to, mut left) = (to.clone(), each);
        let sender = env.spawn(heard(ear, move |_, cx| {
            to.tell(i * 1_000 + left, cx);
            left -= 1;
            if left > 0 {
                cx.tell_self(0);
            }
        }));
        sender.tell(0, env);
        sender
    };
    (0..count).map(spawn).collect()
}

/// Senders, and a receiver that now and then is under pressure until a message to itself arrives.
fn star(env: &mut Env<'_>, ear: &Ear) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let hub = env.spawn(heard(ear, move |n, cx| match n {
        u64::MAX => Backpressure::release(&auth, cx),
        n if n % 5 == 0 && !cx.is_under_pressure() => {
            Backpressure::apply(&auth, cx);
            cx.tell_self(u64::MAX);
        }
        _ => {}
    }));
    senders(env, ear, 6, 30, &hub);
}

#[derive(Debug)]
enum Hop {
    Next(Addr<Hop>),
    Token(u64),
}

struct Node(Option<Addr<Hop>>, Ear);

impl Actor for Node {
    type Msg = Hop;

    fn receive(&mut self, msg: Hop, cx: &mut Context<'_, Self>) {
        self.1.hear(&msg, cx);
        match (msg, &self.0) {
            (Hop::Next(next), _) => self.0 = Some(next),
            (Hop::Token(left), Some(next)) if left > 0 => next.tell(Hop::Token(left - 1), cx),
            _ => {}
        }
    }
}

fn ring(env: &mut Env<'_>, ear: &Ear) {
    let nodes: Vec<_> = (0..8).map(|_| env.spawn(Node(None, ear.clone()))).collect();
    for (i, node) in nodes.iter().enumerate() {
        node.tell(Hop::Next(nodes[(i + 1) % 8].clone()), env);
    }
    (0..8).for_each(|i| nodes[i].tell(Hop::Token(40 + i as u64), env));
}

/// Many senders, a row of actors, and a last one that holds a guard until its next message, or a timer.
fn chain(env: &mut Env<'_>, ear: &Ear) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let mut guard = None;
    let mut next = env.spawn(heard(ear, move |n, cx| {
        guard = match guard.take() {
            None if n != u64::MAX => {
                cx.after(ms(1), u64::MAX);
                Some(Backpressure::hold(&auth, cx))
            }
            _ => None,
        };
    }));
    for _ in 0..4 {
        let to = next.clone();
        next = env.spawn(heard(ear, move |n, cx| to.tell(n, cx)));
    }
    senders(env, ear, 4, 12, &next);
}

/// Parents that create children, watch them, and hear of their ends; seats are used again.
fn births(env: &mut Env<'_>, ear: &Ear) {
    for parent in 0..4u64 {
        let mut left = 40;
        let child_ear = ear.clone();
        let parent = env.spawn(heard(ear, move |n, cx| {
            if left == 0 {
                return;
            }
            left -= 1;
            let me = cx.me();
            let child = cx.spawn(heard(&child_ear, move |n, cx| {
                me.tell(1_000 + n, cx);
                cx.stop();
            }));
            cx.watch(&child, n + 1);
            child.tell(parent, cx);
            child.tell(77, cx);
            child_ear.hear(&child, cx);
        }));
        parent.tell(0, env);
        parent.tell(1, env);
    }
}

/// Timers that fire once or again and again, are cancelled in a race with their ticks, and ask what time it is.
fn timers(env: &mut Env<'_>, ear: &Ear) {
    for i in 1..4 {
        let (mut timer, mut ticks, told) = (None, 0, ear.clone());
        let ticker = env.spawn(heard(ear, move |n, cx| {
            told.hear(cx.now(), cx);
            match n {
                0 => {
                    timer = Some(cx.every(std::time::Duration::from_micros(150 * i), |ticks| 100 + ticks));
                    let once = cx.after(std::time::Duration::from_micros(20), 50);
                    cx.after(ms(1), 60);
                    told.hear(once, cx);
                }
                60 => {
                    timer.take().into_iter().for_each(|timer| told.hear(cx.cancel(timer), cx));
                    cx.tell_self(70);
                    cx.tell_self(71);
                }
                70 => timer = Some(cx.after(std::time::Duration::ZERO, 72)),
                71 => told.hear(timer.is_some_and(|timer| cx.cancel(timer)), cx),
                _ => {
                    ticks += 1;
                    if ticks > 6 {
                        timer.take().into_iter().for_each(|timer| told.hear(cx.cancel(timer), cx));
                    }
                }
            }
        }));
        ticker.tell(0, env);
    }
}

/// Walkers that go where chance says, from actors that are created in a race.
fn randomness(env: &mut Env<'_>, ear: &Ear) {
    for _ in 0..3 {
        let (child_ear, told) = (ear.clone(), ear.clone());
        let nursery = env.spawn(heard(ear, move |n, cx| {
            let told = told.clone();
            let child = cx.spawn(heard(&child_ear, move |n, cx| {
                let (next, choice) = (cx.random(), cx.choose(3));
                told.hear((next, choice), cx);
                if n > 0 {
                    cx.tell_self(n - 1);
                }
            }));
            child.tell(5, cx);
            if n > 0 {
                cx.tell_self(n - 1);
            }
        }));
        nursery.tell(10, env);
    }
}

/// A sink that takes so many messages and then presses for ever: who is muted, and by whom, is up to the race.
fn deadlock(env: &mut Env<'_>, ear: &Ear) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let mut taken = 0;
    let sink = env.spawn(heard(ear, move |_, cx| {
        taken += 1;
        if taken == 10 {
            Backpressure::apply(&auth, cx);
            cx.after(ms(0), 1);
        }
    }));
    let to = sink.clone();
    let forward = env.spawn(heard(ear, move |n, cx| to.tell(n, cx)));
    senders(env, ear, 3, 20, &sink);
    senders(env, ear, 3, 20, &forward);
}

/// Whoever comes tenth makes the receiver panic.
fn panic(env: &mut Env<'_>, ear: &Ear) {
    let mut taken = 0;
    let fragile = env.spawn(heard(ear, move |n, _| {
        taken += 1;
        assert!(taken < 10, "{n} was one too many");
    }));
    senders(env, ear, 4, 20, &fragile);
}

fn shutdown(env: &mut Env<'_>, ear: &Ear) {
    let mut taken = 0;
    let last = env.spawn(heard(ear, move |_, cx| {
        taken += 1;
        if taken == 25 {
            cx.shutdown();
        }
    }));
    senders(env, ear, 4, 20, &last);
}
