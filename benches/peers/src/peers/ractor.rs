//! ractor: `cast` into unbounded mailboxes; actors are tokio tasks.

use super::tokio_runtime;
use crate::cli::Cfg;
use crate::measure::{self, SpawnStart, Tomb};
use crate::work::{self, pick};
use ::ractor::{Actor, ActorProcessingErr, ActorRef};
use backwater_peers::Workload;
use std::time::Instant;

type Outcome = Result<(), ActorProcessingErr>;

enum Msg {
    SetNext(ActorRef<Msg>),
    SetAll(Vec<ActorRef<Msg>>),
    Fire,
    Value(u64),
}

/// What an actor does with a message; the actor itself is always `Shell`.
trait Behaviour: Send + Sync + 'static {
    fn on(&mut self, me: &ActorRef<Msg>, m: Msg) -> Outcome;
}

struct Shell<B>(std::marker::PhantomData<fn() -> B>);

impl<B: Behaviour> Actor for Shell<B> {
    type Msg = Msg;
    type State = B;
    type Arguments = B;

    async fn pre_start(&self, _: ActorRef<Msg>, b: B) -> Result<B, ActorProcessingErr> {
        Ok(b)
    }

    async fn handle(&self, me: ActorRef<Msg>, m: Msg, b: &mut B) -> Outcome {
        b.on(&me, m)
    }
}

/// An actor of `pingpong` and `ring`.
struct Node {
    next: Option<ActorRef<Msg>>,
}

impl Behaviour for Node {
    fn on(&mut self, _: &ActorRef<Msg>, m: Msg) -> Outcome {
        match m {
            Msg::SetNext(a) => self.next = Some(a),
            Msg::Value(0) => measure::one_done(),
            Msg::Value(v) => {
                let next = self.next.as_ref().expect("SetNext comes first");
                next.cast(Msg::Value(v - 1))?;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Behaviour for work::Sink {
    fn on(&mut self, _: &ActorRef<Msg>, m: Msg) -> Outcome {
        if let Msg::Value(v) = m {
            self.absorb(v);
        }
        Ok(())
    }
}

/// Sends `batch` messages, then messages itself.
struct Sender {
    to: ActorRef<Msg>,
    left: u64,
    batch: u64,
}

impl Behaviour for Sender {
    fn on(&mut self, me: &ActorRef<Msg>, m: Msg) -> Outcome {
        if let Msg::Fire = m {
            for _ in 0..self.batch.min(self.left) {
                self.to.cast(Msg::Value(self.left))?;
                self.left -= 1;
            }
            if self.left > 0 {
                me.cast(Msg::Fire)?;
            }
        }
        Ok(())
    }
}

/// Hands every message on.
struct Forwarder(ActorRef<Msg>);

impl Behaviour for Forwarder {
    fn on(&mut self, _: &ActorRef<Msg>, m: Msg) -> Outcome {
        self.0.cast(m)?;
        Ok(())
    }
}

/// An actor of `ubench`.
struct Pinger {
    id: usize,
    x: u64,
    received: u64,
    all: Vec<ActorRef<Msg>>,
}

impl Behaviour for Pinger {
    fn on(&mut self, _: &ActorRef<Msg>, m: Msg) -> Outcome {
        match m {
            Msg::SetAll(all) => self.all = all,
            Msg::Value(v) => {
                self.received += 1;
                measure::count(self.id, self.received);
                let to = pick(&mut self.x, self.all.len());
                self.all[to].cast(Msg::Value(v))?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// An actor of `spawn`.
struct Leaf {
    sum: u64,
    _tomb: Tomb,
}

impl Behaviour for Leaf {
    fn on(&mut self, _: &ActorRef<Msg>, m: Msg) -> Outcome {
        if let Msg::Value(v) = m {
            self.sum += v;
            measure::one_done();
        }
        Ok(())
    }
}

async fn start<B: Behaviour>(b: B) -> ActorRef<Msg> {
    let shell = Shell(std::marker::PhantomData);
    let spawned = Actor::spawn(None, shell, b).await;
    spawned.expect("pre_start never fails").0
}

fn cast(to: &ActorRef<Msg>, m: Msg) {
    to.cast(m).expect("the actor is alive");
}

/// What the setting up hands to the main thread.
struct Started {
    t0: Instant,
    held: Vec<ActorRef<Msg>>,
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
        (_, Some(start)) => start.finish(c, move || held.into_iter().for_each(|a| a.stop(None))),
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
    let mut held = Vec::with_capacity(s);
    for _ in 0..s {
        held.push(start(Node { next: None }).await);
    }
    for (i, node) in held.iter().enumerate() {
        cast(node, Msg::SetNext(held[(i + 1) % s].clone()));
    }
    measure::expect_done(c.tokens());
    let t0 = Instant::now();
    for i in c.token_starts() {
        cast(&held[i], Msg::Value(c.hops()));
    }
    Started { t0, held }
}

/// `pipe` is a fan-in of one sender with two forwarders in between.
async fn fanin(c: &Cfg) -> Started {
    let mut to = start(work::Sink::new(c.n, c.work)).await;
    let forwarders = if c.workload == Workload::Pipe { 2 } else { 0 };
    for _ in 0..forwarders {
        to = start(Forwarder(to)).await;
    }
    let mut held = Vec::with_capacity(c.s);
    let t0 = Instant::now();
    for _ in 0..c.s {
        let sender = Sender {
            to: to.clone(),
            left: c.quota(),
            batch: c.b,
        };
        let sender = start(sender).await;
        cast(&sender, Msg::Fire);
        held.push(sender);
    }
    Started { t0, held }
}

async fn ubench(c: &Cfg) -> Started {
    measure::counts_init(c.s);
    let mut held = Vec::with_capacity(c.s);
    for id in 0..c.s {
        let pinger = Pinger {
            id,
            x: work::seed(id),
            received: 0,
            all: vec![],
        };
        held.push(start(pinger).await);
    }
    for actor in &held {
        cast(actor, Msg::SetAll(held.clone()));
    }
    let t0 = Instant::now();
    for _ in 0..c.b {
        for actor in &held {
            cast(actor, Msg::Value(42));
        }
    }
    Started { t0, held }
}

async fn spawn(c: &Cfg) -> Started {
    let t0 = Instant::now();
    let mut held = Vec::with_capacity(c.n as usize);
    for i in 0..c.n {
        let leaf = Leaf {
            sum: 0,
            _tomb: Tomb,
        };
        let actor = start(leaf).await;
        cast(&actor, Msg::Value(i));
        held.push(actor);
    }
    Started { t0, held }
}
