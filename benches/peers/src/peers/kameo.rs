//! kameo: `tell().await` into bounded mailboxes (64 is kameo's own default); actors are tokio
//! tasks. A full mailbox makes its sender wait.

use super::tokio_runtime;
use crate::cli::Cfg;
use crate::measure::{self, SpawnStart, Tomb};
use crate::work::{self, pick};
use ::kameo::Actor;
use ::kameo::actor::{ActorRef, Spawn};
use ::kameo::mailbox;
use ::kameo::message::{Context, Message};
use backwater_peers::Workload;
use std::any::Any;
use std::time::Instant;

struct Value(u64);
struct Fire;
struct SetNext(ActorRef<Node>);
struct SetAll(Vec<ActorRef<Pinger>>);

/// An actor of `pingpong` and `ring`.
#[derive(Actor)]
struct Node {
    next: Option<ActorRef<Node>>,
}

impl Message<SetNext> for Node {
    type Reply = ();
    async fn handle(&mut self, m: SetNext, _: &mut Context<Self, ()>) {
        self.next = Some(m.0);
    }
}

impl Message<Value> for Node {
    type Reply = ();
    async fn handle(&mut self, m: Value, _: &mut Context<Self, ()>) {
        if m.0 == 0 {
            measure::one_done();
        } else {
            let next = self.next.as_ref().expect("SetNext comes first");
            let _ = next.tell(Value(m.0 - 1)).await;
        }
    }
}

#[derive(Actor)]
struct Sink(work::Sink);

impl Message<Value> for Sink {
    type Reply = ();
    async fn handle(&mut self, m: Value, _: &mut Context<Self, ()>) {
        self.0.absorb(m.0);
    }
}

/// The receiver of a sender or forwarder.
#[derive(Clone)]
enum To {
    Sink(ActorRef<Sink>),
    Forwarder(ActorRef<Forwarder>),
}

impl To {
    async fn tell(&self, v: u64) {
        match self {
            To::Sink(a) => {
                let _ = a.tell(Value(v)).await;
            }
            To::Forwarder(a) => {
                let _ = a.tell(Value(v)).await;
            }
        }
    }
}

/// Sends `batch` messages, then messages itself.
#[derive(Actor)]
struct Sender {
    to: To,
    left: u64,
    batch: u64,
}

impl Message<Fire> for Sender {
    type Reply = ();
    async fn handle(&mut self, _: Fire, ctx: &mut Context<Self, ()>) {
        for _ in 0..self.batch.min(self.left) {
            self.to.tell(self.left).await;
            self.left -= 1;
        }
        if self.left > 0 {
            let _ = ctx.actor_ref().tell(Fire).await;
        }
    }
}

/// Hands every message on.
#[derive(Actor)]
struct Forwarder(To);

impl Message<Value> for Forwarder {
    type Reply = ();
    async fn handle(&mut self, m: Value, _: &mut Context<Self, ()>) {
        self.0.tell(m.0).await;
    }
}

/// An actor of `ubench`.
#[derive(Actor)]
struct Pinger {
    id: usize,
    x: u64,
    received: u64,
    all: Vec<ActorRef<Pinger>>,
}

impl Message<SetAll> for Pinger {
    type Reply = ();
    async fn handle(&mut self, m: SetAll, _: &mut Context<Self, ()>) {
        self.all = m.0;
    }
}

impl Message<Value> for Pinger {
    type Reply = ();
    async fn handle(&mut self, m: Value, _: &mut Context<Self, ()>) {
        self.received += 1;
        measure::count(self.id, self.received);
        let to = pick(&mut self.x, self.all.len());
        let _ = self.all[to].tell(m).await;
    }
}

/// An actor of `spawn`.
#[derive(Actor)]
struct Leaf {
    sum: u64,
    _tomb: Tomb,
}

impl Message<Value> for Leaf {
    type Reply = ();
    async fn handle(&mut self, m: Value, _: &mut Context<Self, ()>) {
        self.sum += m.0;
        measure::one_done();
    }
}

fn start<A: Actor<Args = A>>(c: &Cfg, actor: A) -> ActorRef<A> {
    match c.cap {
        0 => A::spawn_with_mailbox(actor, mailbox::unbounded()),
        cap => A::spawn_with_mailbox(actor, mailbox::bounded(cap)),
    }
}

/// What the setting up hands to the main thread; an actor whose references are gone stops.
struct Started {
    t0: Instant,
    held: Box<dyn Any + Send>,
}

pub fn run(c: &Cfg) -> ! {
    let rt = tokio_runtime(c.threads);
    let spawning = (c.workload == Workload::Spawn).then(|| SpawnStart::now(c.n));
    let (hand_over, handed) = std::sync::mpsc::channel();
    let cfg = *c;
    // On a worker, so that every message goes from worker to worker.
    rt.spawn(async move {
        let _ = hand_over.send(set_up(&cfg).await);
    });
    let Started { t0, held } = handed.recv().expect("the setting up ends by sending");
    match (c.workload, spawning) {
        (_, Some(start)) => start.finish(c, move || drop(held)),
        (Workload::Ubench, _) => measure::finish_ubench(c),
        _ => measure::finish(c, t0),
    }
}

async fn set_up(c: &Cfg) -> Started {
    match c.workload {
        Workload::Pingpong | Workload::Ring => ring(c).await,
        Workload::Fanin | Workload::Pipe => fanin(c).await,
        Workload::Ubench => ubench(c).await,
        Workload::Spawn => spawn(c).await,
    }
}

async fn ring(c: &Cfg) -> Started {
    let s = c.ring_size();
    let nodes: Vec<_> = (0..s).map(|_| start(c, Node { next: None })).collect();
    for (i, node) in nodes.iter().enumerate() {
        let _ = node.tell(SetNext(nodes[(i + 1) % s].clone())).await;
    }
    measure::expect_done(c.tokens());
    let t0 = Instant::now();
    for i in c.token_starts() {
        let _ = nodes[i].tell(Value(c.hops())).await;
    }
    let held = Box::new(nodes);
    Started { t0, held }
}

/// `pipe` is a fan-in of one sender with two forwarders in between.
async fn fanin(c: &Cfg) -> Started {
    let mut to = To::Sink(start(c, Sink(work::Sink::new(c.n, c.work))));
    let forwarders = if c.workload == Workload::Pipe { 2 } else { 0 };
    for _ in 0..forwarders {
        to = To::Forwarder(start(c, Forwarder(to)));
    }
    let mut senders = Vec::with_capacity(c.s);
    let t0 = Instant::now();
    for _ in 0..c.s {
        let sender = Sender {
            to: to.clone(),
            left: c.quota(),
            batch: c.b,
        };
        let sender = start(c, sender);
        let _ = sender.tell(Fire).await;
        senders.push(sender);
    }
    let held = Box::new(senders);
    Started { t0, held }
}

async fn ubench(c: &Cfg) -> Started {
    measure::counts_init(c.s);
    let pinger = |id| Pinger {
        id,
        x: work::seed(id),
        received: 0,
        all: vec![],
    };
    let all: Vec<_> = (0..c.s).map(|id| start(c, pinger(id))).collect();
    for actor in &all {
        let _ = actor.tell(SetAll(all.clone())).await;
    }
    let t0 = Instant::now();
    for _ in 0..c.b {
        for actor in &all {
            let _ = actor.tell(Value(42)).await;
        }
    }
    let held = Box::new(all);
    Started { t0, held }
}

async fn spawn(c: &Cfg) -> Started {
    let t0 = Instant::now();
    let mut leaves = Vec::with_capacity(c.n as usize);
    for i in 0..c.n {
        let leaf = Leaf {
            sum: 0,
            _tomb: Tomb,
        };
        let actor = start(c, leaf);
        let _ = actor.tell(Value(i)).await;
        leaves.push(actor);
    }
    let held = Box::new(leaves);
    Started { t0, held }
}
