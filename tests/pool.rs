//! Programs on one, two and four threads: the same promises as on the single runtime, whoever runs when.

use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Builder, Context, Env, RunError, Runtime, Summary,
};

/// On each number of threads; a run that ends well is conserved.
fn each(main: impl Fn(&mut Env<'_>), judge: impl Fn(Result<Summary, RunError>)) {
    each_built(|builder| builder, main, judge);
}

fn each_built(
    build: impl Fn(Builder) -> Builder,
    main: impl Fn(&mut Env<'_>),
    judge: impl Fn(Result<Summary, RunError>),
) {
    for threads in [1, 2, 4] {
        let result = build(Runtime::builder().threads(threads).check_invariants(true)).run(&main);
        if let Ok(summary) = &result {
            assert!(summary.stats.is_conserved(), "{threads} threads: {}", summary.stats);
        }
        judge(result);
    }
}

#[derive(Debug)]
enum Hop {
    Next(Addr<Hop>),
    Token(u64),
}

struct Node {
    next: Option<Addr<Hop>>,
}

impl Actor for Node {
    type Msg = Hop;

    fn receive(&mut self, msg: Hop, cx: &mut Context<'_, Self>) {
        match (msg, &self.next) {
            (Hop::Next(next), _) => self.next = Some(next),
            (Hop::Token(0), _) | (_, None) => {}
            (Hop::Token(left), Some(next)) => next.tell(Hop::Token(left - 1), cx),
        }
    }
}

fn ring(env: &mut Env<'_>, size: usize, tokens: usize, hops: u64) {
    let nodes: Vec<_> = (0..size).map(|_| env.spawn(Node { next: None })).collect();
    for (i, node) in nodes.iter().enumerate() {
        node.tell(Hop::Next(nodes[(i + 1) % size].clone()), env);
    }
    (0..tokens).for_each(|token| nodes[token * size / tokens].tell(Hop::Token(hops), env));
}

#[test]
fn tokens_go_round_a_ring() {
    each(|env| ring(env, 50, 10, 1_000), |result| assert_eq!(result.unwrap().stats.totals.handled, 50 + 10 * 1_001));
}

/// Under pressure except for a moment at each message.
struct Valve {
    auth: ApplyReleaseBackpressureAuth,
}

impl Actor for Valve {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        Backpressure::release(&self.auth, cx);
        Backpressure::apply(&self.auth, cx);
    }
}

struct Pusher {
    valve: Addr<()>,
}

impl Actor for Pusher {
    type Msg = u64;

    fn receive(&mut self, left: u64, cx: &mut Context<'_, Self>) {
        self.valve.tell((), cx);
        if left > 0 {
            cx.tell_self(left - 1);
        }
    }
}

#[test]
fn senders_of_a_valve_are_muted_and_freed() {
    each(
        |env| {
            let auth = ApplyReleaseBackpressureAuth::from(&env.root);
            let valve = env.spawn(Valve { auth });
            for _ in 0..8 {
                env.spawn(Pusher { valve: valve.clone() }).tell(999, env);
            }
        },
        |result| match result {
            // Nobody is left to make the valve release: whoever sent last may wait for ever.
            Err(RunError::Deadlock(report)) => assert_eq!(report.roots.len(), 1, "{report}"),
            other => assert_eq!(other.unwrap().stats.totals.handled, 16_000),
        },
    );
}
