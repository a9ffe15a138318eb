//! The checker checked: classes counted by hand, the reduced search against the naive one, and a canary for each
//! verdict.

mod bounds;
mod canaries;
mod choices;
mod classes;
mod corners;
mod costs;
mod counts;
mod ends;
mod graphs;
mod independence;
mod liveness;
mod modes;
mod shared;
mod time;
mod tokens;

use backwater::{Actor, Addr, Check, Context, Env, Explored, Fault, Model, Verdict};
use std::time::Duration;

/// Writes down what comes, in the order it comes.
struct Sink;

impl Actor for Sink {
    type Msg = u32;

    fn receive(&mut self, _: u32, _: &mut Context<'_, Self>) {}
}

/// Ticks for ever.
#[derive(Hash)]
struct Clock;

impl Actor for Clock {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        cx.after(Duration::from_secs(1), ());
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

/// Sends these numbers when it is told to.
struct Source {
    to: Addr<u32>,
    numbers: Vec<u32>,
}

impl Actor for Source {
    type Msg = ();

    fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) {
        self.numbers.iter().for_each(|n| self.to.tell(*n, cx));
    }
}

fn complete(check: Check, main: impl Fn(&mut Env<'_>)) -> Explored {
    match check.run(main) {
        Verdict::Complete(explored) => explored,
        other => panic!("{other}"),
    }
}

/// `n` senders of `k` messages each to one receiver.
fn fan_in(n: u32, k: u32) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let sink = env.spawn(Sink);
        let sources: Vec<_> = (0..n)
            .map(|i| env.spawn(Source { to: sink.clone(), numbers: (0..k).map(|j| i * 10 + j).collect() }))
            .collect();
        sources.iter().for_each(|source| source.tell((), env));
    }
}

// --- Classes, counted by hand -----------------------------------------------------------------------------------

/// The arrivals at one mailbox can come in n! orders; when the receiver handles them changes nothing.
#[test]
fn n_senders_of_one_message_are_n_factorial_classes() {
    for (n, classes) in [(1, 1), (2, 2), (3, 6), (4, 24), (5, 120)] {
        let explored = complete(Check::new(), fan_in(n, 1));
        assert_eq!((explored.runs, explored.redundant), (classes, 0), "{n} senders");
    }
}

/// Arrivals of one sender keep their order: (nk)! / (k!)^n.
#[test]
fn n_senders_of_k_messages_are_the_interleavings_of_n_rows() {
    for (n, k, classes) in [(2, 2, 6), (2, 3, 20), (3, 2, 90), (2, 4, 70)] {
        let explored = complete(Check::new(), fan_in(n, k));
        assert_eq!((explored.runs, explored.redundant), (classes, 0), "{n} senders of {k}");
    }
}

/// Nothing that one pair does is seen by another.
#[test]
fn pairs_that_never_meet_are_one_class() {
    let explored = complete(Check::new(), |env| {
        for i in 0..4 {
            let sink = env.spawn(Sink);
            env.spawn(Source { to: sink, numbers: vec![i, i] }).tell((), env);
        }
    });
    assert_eq!((explored.runs, explored.redundant), (1, 0));
}

/// Passes a number on until it is 0.
#[derive(Default)]
struct Hop {
    next: Option<Addr<HopMsg>>,
}

#[derive(Debug)]
enum HopMsg {
    Next(Addr<HopMsg>),
    Token(u32),
}

impl Actor for Hop {
    type Msg = HopMsg;

    fn receive(&mut self, msg: HopMsg, cx: &mut Context<'_, Self>) {
        match msg {
            HopMsg::Next(next) => self.next = Some(next),
            HopMsg::Token(0) => {}
            HopMsg::Token(left) => self.next.iter().for_each(|next| next.tell(HopMsg::Token(left - 1), cx)),
        }
    }
}

fn ring(n: usize, hops: u32, tokens: usize) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let ring: Vec<Addr<HopMsg>> = (0..n).map(|_| env.spawn(Hop::default())).collect();
        for (i, hop) in ring.iter().enumerate() {
            hop.tell(HopMsg::Next(ring[(i + 1) % n].clone()), env);
        }
        ring.iter().take(tokens).for_each(|hop| hop.tell(HopMsg::Token(hops), env));
    }
}

/// One token: every step is caused by the one before.
#[test]
fn a_token_on_a_ring_is_one_class() {
    let explored = complete(Check::new(), ring(4, 10, 1));
    assert_eq!((explored.runs, explored.redundant), (1, 0));
}

/// Tokens of one hop from #4 and #5 on a ring of three. That from #4 arrives at #5 before or after main's own token
/// there; that from #5 arrives at #6, where nothing else does. Two classes.
#[test]
fn two_hops_that_meet_are_two_classes() {
    let explored = complete(Check::new(), ring(3, 1, 2));
    assert_eq!((explored.runs, explored.redundant), (2, 0));
}

// --- One way for every send -------------------------------------------------------------------------------------

/// Counts down by messages to itself, and tells a sink each time.
struct Countdown {
    to: Addr<u32>,
    left: u32,
    short: bool,
}

impl Actor for Countdown {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        self.to.tell(self.left, cx);
        self.left -= 1;
        match (self.left, self.short) {
            (0, _) => {}
            (_, true) => cx.tell_self(()),
            (_, false) => cx.me().tell((), cx),
        }
    }
}

/// `tell_self` takes a shorter way than `tell`; the schedules are the same.
#[test]
fn a_message_to_oneself_is_explored_like_any_other() {
    let program = |short| {
        move |env: &mut Env<'_>| {
            let sink = env.spawn(Sink);
            for _ in 0..2 {
                env.spawn(Countdown { to: sink.clone(), left: 2, short }).tell((), env);
            }
        }
    };
    let (short, long) = (complete(Check::new(), program(true)), complete(Check::new(), program(false)));
    // Two messages each of two senders: 4! / (2! 2!) orders at the sink.
    assert_eq!((short.runs, short.redundant, long.runs, long.redundant), (6, 0, 6, 0));
}

type Handler = Box<dyn FnMut(u32, &mut Context<'_, Act>) + Send>;

/// Runs a closure for its message; a program in one actor.
struct Act(Handler);

impl Actor for Act {
    type Msg = u32;

    fn receive(&mut self, n: u32, cx: &mut Context<'_, Self>) {
        (self.0)(n, cx);
    }
}

fn act(f: impl FnMut(u32, &mut Context<'_, Act>) + Send + 'static) -> Act {
    Act(Box::new(f))
}

fn fault(check: Check, main: impl Fn(&mut Env<'_>)) -> Fault {
    match check.run(main) {
        Verdict::Failed(failure) => failure.fault,
        other => panic!("nothing fails: {other}"),
    }
}

/// Only one order of two messages is wrong.
fn wrong_order(env: &mut Env<'_>) {
    let mut first = None;
    let judge = env.spawn(act(move |n, _cx| {
        assert!(*first.get_or_insert(n) == 0, "the second came first");
    }));
    for n in 0..2 {
        let judge = judge.clone();
        env.spawn(act(move |_, cx| judge.tell(n, cx))).tell(0, env);
    }
}
