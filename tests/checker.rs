//! The checker checked: classes counted by hand, the reduced search against the naive one, and a canary for each
//! verdict.

use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Bound, Check, Context, Env, Explored, Fault,
    PressureGuard, Verdict,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Writes down what comes, in the order it comes.
struct Sink;

impl Actor for Sink {
    type Msg = u32;

    fn receive(&mut self, _: u32, _: &mut Context<'_, Self>) {}
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
