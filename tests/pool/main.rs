//! Programs on one, two and four threads: the same promises as on the single runtime, whoever runs when.

mod affinity;
mod driver;
mod edges;
#[cfg(feature = "net")]
#[allow(dead_code, reason = "the example has more than is used here")]
#[path = "../../examples/slow_down/peer.rs"]
mod peer;
#[cfg(feature = "net")]
#[allow(dead_code, reason = "likewise")]
#[path = "../../examples/slow_down/program.rs"]
mod program;
mod world;

use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Builder, Context, Env, RunError, Runtime, Summary,
};
use std::sync::{Arc, OnceLock};

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

/// Does what a closure says with each number it is sent.
struct Act(Box<Behave>);

type Behave = dyn FnMut(u64, &mut Context<'_, Act>) + Send;

impl Actor for Act {
    type Msg = u64;

    fn receive(&mut self, msg: u64, cx: &mut Context<'_, Self>) {
        (self.0)(msg, cx);
    }
}

fn act(behave: impl FnMut(u64, &mut Context<'_, Act>) + Send + 'static) -> Act {
    Act(Box::new(behave))
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

// --- A chain of mutes, in which everybody waits for the last ---------------------------------------------------------

/// Passes everything on to the next; the last one is a valve.
struct Link {
    next: Addr<u64>,
}

impl Actor for Link {
    type Msg = u64;

    fn receive(&mut self, n: u64, cx: &mut Context<'_, Self>) {
        self.next.tell(n, cx);
    }
}

/// Under pressure from its first message on; then it starts the source.
struct Wall {
    auth: ApplyReleaseBackpressureAuth,
    source: Arc<OnceLock<(Addr<u64>, u64)>>,
    started: bool,
}

impl Actor for Wall {
    type Msg = u64;

    fn receive(&mut self, _: u64, cx: &mut Context<'_, Self>) {
        Backpressure::apply(&self.auth, cx);
        if !std::mem::replace(&mut self.started, true) {
            let (source, messages) = self.source.get().expect("set before the first message");
            source.tell(*messages, cx);
        }
    }
}

fn chain(env: &mut Env<'_>, links: usize, messages: u64) {
    let (auth, source) = (ApplyReleaseBackpressureAuth::from(&env.root), Arc::default());
    let wall = env.spawn(Wall { auth, source: Arc::clone(&source), started: false });
    let mut first = wall.clone();
    for _ in 0..links {
        first = env.spawn(Link { next: first });
    }
    source.set((env.spawn(Source { to: first }), messages)).expect("nobody else sets it");
    wall.tell(0, env);
}

/// Sends one message a behaviour.
struct Source {
    to: Addr<u64>,
}

impl Actor for Source {
    type Msg = u64;

    fn receive(&mut self, left: u64, cx: &mut Context<'_, Self>) {
        self.to.tell(left, cx);
        if left > 1 {
            cx.tell_self(left - 1);
        }
    }
}

/// Names and causes of the roots, without the lines that depend on the schedule.
fn roots(result: Result<Summary, RunError>) -> Vec<(String, String)> {
    match result {
        Err(RunError::Deadlock(report)) => {
            let causes = |causes: &[backwater::Cause]| causes.iter().map(|c| format!("{c}")).collect::<Vec<_>>();
            report.roots.iter().map(|root| (format!("{}{}", root.name, root.id), causes(&root.causes).join())).collect()
        }
        other => panic!("it was to end with a deadlock, not with {other:?}"),
    }
}

trait Join {
    fn join(self) -> String;
}

impl Join for Vec<String> {
    fn join(self) -> String {
        self.as_slice().join("; ")
    }
}

#[test]
fn a_deadlock_names_the_same_roots_as_on_the_single_runtime() {
    let main = |env: &mut Env<'_>| chain(env, 5, 20);
    let single = roots(Runtime::builder().run(main));
    each(main, |result| assert_eq!(roots(result), single));
}

// --- Spawn and stop ---------------------------------------------------------------------------------------------------

/// Has two children, until the depth is 0, and stops when both have ended.
struct Tree {
    left: u32,
}

#[derive(Debug)]
enum Grow {
    To(u32),
    Ended,
}

impl Actor for Tree {
    type Msg = Grow;

    fn receive(&mut self, msg: Grow, cx: &mut Context<'_, Self>) {
        match msg {
            Grow::To(0) => cx.stop(),
            Grow::To(depth) => {
                for _ in 0..2 {
                    let child = cx.spawn(Tree { left: 2 });
                    cx.watch(&child, Grow::Ended);
                    child.tell(Grow::To(depth - 1), cx);
                }
            }
            Grow::Ended => {
                self.left -= 1;
                if self.left == 0 {
                    cx.stop();
                }
            }
        }
    }
}

#[test]
fn a_tree_of_actors_grows_and_ends() {
    each(
        |env| env.spawn(Tree { left: 2 }).tell(Grow::To(10), env),
        |result| {
            let summary = result.unwrap();
            assert_eq!(summary.stats.totals.spawned, 2_047 + 4);
            assert_eq!(summary.stats.actors.len(), 3, "all that is left are the streams");
        },
    );
}

/// Creates an actor, sends to it before and after its end, and goes on.
struct Churn;

/// Stops at its first message.
struct Mayfly;

impl Actor for Mayfly {
    type Msg = u64;

    fn receive(&mut self, _: u64, cx: &mut Context<'_, Self>) {
        cx.stop();
    }
}

impl Actor for Churn {
    type Msg = (u64, Option<Addr<u64>>);

    fn receive(&mut self, (left, last): Self::Msg, cx: &mut Context<'_, Self>) {
        let fly = cx.spawn(Mayfly);
        (0..3).for_each(|n| fly.tell(n, cx));
        last.into_iter().for_each(|last| last.tell(0, cx));
        if left > 0 {
            cx.tell_self((left - 1, Some(fly)));
        }
    }
}

#[test]
fn seats_are_used_again_and_no_message_goes_to_the_next_tenant() {
    each(
        |env| (0..4).for_each(|_| env.spawn(Churn).tell((5_000, None), env)),
        |result| {
            let stats = result.unwrap().stats;
            let flies = 4 * 5_001;
            assert_eq!(stats.totals.handled, 2 * flies, "each fly handles one message");
            assert_eq!(stats.totals.dead, 2 * flies + 4 * 5_000);
            assert!(stats.actors.is_empty() || stats.actors.iter().all(|actor| actor.id.seat() < 5_000));
        },
    );
}
