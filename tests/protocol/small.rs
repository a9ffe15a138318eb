//! Small programs, each made for one fault: with it planted some step, or the end, is none that the rules allow.

use backwater::{
    Actor, ApplyReleaseBackpressureAuth, Backpressure, Builder, Context, Detector, Env, OnPanic, Runtime, SpawnOptions,
};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::yield_now;
use std::time::Duration;

/// What is run, and on how many threads; none is the single scheduler.
#[derive(Clone, Copy)]
pub(super) struct Small {
    pub(super) main: fn(&mut Env<'_>),
    threads: Option<usize>,
}

impl Small {
    const fn alone(main: fn(&mut Env<'_>)) -> Small {
        Small { main, threads: None }
    }

    const fn on_threads(threads: usize, main: fn(&mut Env<'_>)) -> Small {
        Small { main, threads: Some(threads) }
    }

    pub(super) fn builder(self) -> Builder {
        let builder = Runtime::builder().virtual_time().on_panic(OnPanic::StopActor);
        match self.threads {
            None => builder,
            Some(threads) => builder.threads(threads),
        }
    }
}

/// Fault, the rule that the checker says is broken, and the program that shows it.
pub(super) const REFUSED: &[(&str, &str, Small)] = &[
    ("EndKeepsMarks", "R8", Small::alone(ends_muted)),
    ("MutesAreForgotten", "R9", Small::alone(ends_muted)),
    ("MutedIsOverloaded", "R4", Small::alone(fills_up_while_muted)),
    ("TicksMark", "R7", Small::alone(hears_a_tick_under_pressure)),
    ("MarkWithoutEra", "R2", Small::on_threads(1, falls_unheard_and_presses_again)),
    ("SenderAskedAfterPush", "R2", Small::on_threads(1, overloads_a_deep_mailbox)),
    ("FallToldToOne", "R9", Small::on_threads(2, holds_back_senders_of_two_workers)),
    ("RestWithoutLooking", "R9", Small::on_threads(1, hears_something_in_its_last_behaviour)),
];

/// An actor that does what it is sent.
struct Does;

type Deed = dyn FnOnce(&mut Context<'_, Does>) + Send;

struct Job(Box<Deed>);

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a job")
    }
}

impl Actor for Does {
    type Msg = Job;

    fn receive(&mut self, job: Job, cx: &mut Context<'_, Self>) {
        (job.0)(cx);
    }
}

fn job(job: impl FnOnce(&mut Context<'_, Does>) + Send + 'static) -> Job {
    Job(Box::new(job))
}

fn nothing() -> Job {
    job(|_| ())
}

/// It runs on the driver's thread, and so beside those that do not.
fn pinned() -> SpawnOptions {
    SpawnOptions::new().pinned()
}

/// Something that one thread waits for and another one says.
#[derive(Clone, Default)]
struct Word(Arc<AtomicBool>);

impl Word {
    fn say(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn wait(&self) {
        while !self.0.load(Ordering::Relaxed) {
            yield_now();
        }
    }
}

/// A muted actor ends with the runtime, and after it the one that held it back (R8, R9).
fn ends_muted(env: &mut Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let (sender, valve) = (env.spawn(Does), env.spawn(Does));
    valve.tell(job(move |cx| Backpressure::apply(&auth, cx)), env);
    sender.tell(job(move |cx| valve.tell(nothing(), cx)), env);
}

/// A muted actor, whose detector is the depth of its mailbox, is sent as much as makes others overloaded (R4).
fn fills_up_while_muted(env: &mut Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let valve = env.spawn(Does);
    let muted = env.spawn_with(SpawnOptions::new().overload(Detector::Depth { high: 2, low: 0 }), Does);
    let target = valve.clone();
    valve.tell(job(move |cx| Backpressure::apply(&auth, cx)), env);
    muted.tell(job(move |cx| target.tell(nothing(), cx)), env);
    env.spawn(Does).tell(job(move |cx| (0..2).for_each(|_| muted.tell(nothing(), cx))), env);
}

/// The tick that ends the pressure of an actor comes when another has run last (R7).
fn hears_a_tick_under_pressure(env: &mut Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let presses = move |cx: &mut Context<'_, Does>| {
        Backpressure::apply(&auth, cx);
        cx.after(Duration::from_millis(1), job(move |cx| Backpressure::release(&auth, cx)));
    };
    env.spawn(Does).tell(job(presses), env);
    env.spawn(Does).tell(nothing(), env);
}

/// A sender is in the behaviour that marked it when its receiver falls, of which nobody is told, and presses again: the
/// mark is gone (T8).
fn falls_unheard_and_presses_again(env: &mut Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let (sender, pressed_again) = (env.spawn(Does), Word::default());
    let presses = move |cx: &mut Context<'_, Does>| {
        Backpressure::apply(&auth, cx);
        let (valve, says) = (cx.me(), pressed_again.clone());
        let again = move |cx: &mut Context<'_, Does>| {
            Backpressure::release(&auth, cx);
            Backpressure::apply(&auth, cx);
            says.say();
        };
        let sends = move |cx: &mut Context<'_, Does>| {
            valve.tell(job(again), cx);
            pressed_again.wait();
        };
        sender.tell(job(sends), cx);
    };
    env.spawn_with(pinned(), Does).tell(job(presses), env);
}

/// A message that makes its receiver overloaded does not mark its sender (R2).
fn overloads_a_deep_mailbox(env: &mut Env<'_>) {
    let deep = env.spawn_with(SpawnOptions::new().overload(Detector::Depth { high: 2, low: 0 }), Does);
    env.spawn(Does).tell(job(move |cx| (0..2).for_each(|_| deep.tell(nothing(), cx))), env);
}

/// Senders on both workers are held back by one receiver, which falls when nothing else is left to do (R6).
fn holds_back_senders_of_two_workers(env: &mut Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let both = Arc::new(Barrier::new(2));
    let presses = move |cx: &mut Context<'_, Does>| {
        Backpressure::apply(&auth, cx);
        cx.after(Duration::from_millis(1), job(move |cx| Backpressure::release(&auth, cx)));
        for _ in 0..2 {
            let (valve, both) = (cx.me(), both.clone());
            let sends = move |cx: &mut Context<'_, Does>| {
                both.wait();
                valve.tell(nothing(), cx);
            };
            cx.spawn(Does).tell(job(sends), cx);
        }
    };
    env.spawn_with(pinned(), Does).tell(job(presses), env);
}

/// Something comes while its receiver is in the last behaviour of its run (T5).
fn hears_something_in_its_last_behaviour(env: &mut Env<'_>) {
    let (listener, began, sent) = (env.spawn(Does), Word::default(), Word::default());
    let (begins, waits_for) = (began.clone(), sent.clone());
    let last = move |_: &mut Context<'_, Does>| {
        begins.say();
        waits_for.wait();
    };
    listener.tell(job(last), env);
    let sends = move |cx: &mut Context<'_, Does>| {
        began.wait();
        listener.tell(nothing(), cx);
        sent.say();
    };
    env.spawn_with(pinned(), Does).tell(job(sends), env);
}
