//! actix: actors live on arbiters (one event loop per thread), placed round robin. `do_send`
//! ignores the mailbox's capacity, so every mailbox here is unbounded.

use crate::cli::Cfg;
use crate::measure::{self, SpawnStart, Tomb};
use crate::work::{self, pick};
use ::actix::prelude::*;
use backwater_peers::Workload;
use std::time::Instant;

#[derive(Message)]
#[rtype(result = "()")]
struct SetNext(Addr<Node>);

#[derive(Message)]
#[rtype(result = "()")]
struct SetAll(Vec<Addr<Pinger>>);

#[derive(Message)]
#[rtype(result = "()")]
struct Value(u64);

#[derive(Message)]
#[rtype(result = "()")]
struct Fire;

/// An actor of `pingpong` and `ring`.
struct Node {
    next: Option<Addr<Node>>,
}

impl Actor for Node {
    type Context = Context<Self>;
}

impl Handler<SetNext> for Node {
    type Result = ();
    fn handle(&mut self, m: SetNext, _: &mut Context<Self>) {
        self.next = Some(m.0);
    }
}

impl Handler<Value> for Node {
    type Result = ();
    fn handle(&mut self, m: Value, _: &mut Context<Self>) {
        if m.0 == 0 {
            measure::one_done();
        } else {
            let next = self.next.as_ref().expect("SetNext comes first");
            next.do_send(Value(m.0 - 1));
        }
    }
}

struct Sink(work::Sink);

impl Actor for Sink {
    type Context = Context<Self>;
}

impl Handler<Value> for Sink {
    type Result = ();
    fn handle(&mut self, m: Value, _: &mut Context<Self>) {
        self.0.absorb(m.0);
    }
}

/// Sends `batch` messages, then messages itself.
struct Sender {
    to: Recipient<Value>,
    left: u64,
    batch: u64,
}

impl Actor for Sender {
    type Context = Context<Self>;
}

impl Handler<Fire> for Sender {
    type Result = ();
    fn handle(&mut self, _: Fire, ctx: &mut Context<Self>) {
        for _ in 0..self.batch.min(self.left) {
            self.to.do_send(Value(self.left));
            self.left -= 1;
        }
        if self.left > 0 {
            ctx.address().do_send(Fire);
        }
    }
}

/// Hands every message on.
struct Forwarder(Recipient<Value>);

impl Actor for Forwarder {
    type Context = Context<Self>;
}

impl Handler<Value> for Forwarder {
    type Result = ();
    fn handle(&mut self, m: Value, _: &mut Context<Self>) {
        self.0.do_send(m);
    }
}

/// An actor of `ubench`.
struct Pinger {
    id: usize,
    x: u64,
    received: u64,
    all: Vec<Addr<Pinger>>,
}

impl Actor for Pinger {
    type Context = Context<Self>;
}

impl Handler<SetAll> for Pinger {
    type Result = ();
    fn handle(&mut self, m: SetAll, _: &mut Context<Self>) {
        self.all = m.0;
    }
}

impl Handler<Value> for Pinger {
    type Result = ();
    fn handle(&mut self, m: Value, _: &mut Context<Self>) {
        self.received += 1;
        measure::count(self.id, self.received);
        let to = pick(&mut self.x, self.all.len());
        self.all[to].do_send(m);
    }
}

/// An actor of `spawn`.
struct Leaf {
    sum: u64,
    _tomb: Tomb,
}

impl Actor for Leaf {
    type Context = Context<Self>;
}

impl Handler<Value> for Leaf {
    type Result = ();
    fn handle(&mut self, m: Value, _: &mut Context<Self>) {
        self.sum += m.0;
        measure::one_done();
    }
}

/// The event loops, by round robin.
struct Loops(Vec<Arbiter>);

impl Loops {
    fn at(&self, i: usize) -> ArbiterHandle {
        self.0[i % self.0.len()].handle()
    }
}

pub fn run(c: &Cfg) -> ! {
    let _system = System::new();
    let loops = Loops((0..c.threads).map(|_| Arbiter::new()).collect());
    match c.workload {
        Workload::Pingpong | Workload::Ring => ring(c, &loops),
        Workload::Fanin => fanin(c, &loops),
        Workload::Ubench => ubench(c, &loops),
        Workload::Pipe => pipe(c, &loops),
        Workload::Spawn => spawn(c, &loops),
    }
}

fn ring(c: &Cfg, loops: &Loops) -> ! {
    let s = c.ring_size();
    let start = |i| Node::start_in_arbiter(&loops.at(i * c.threads / s), |_| Node { next: None });
    let nodes: Vec<_> = (0..s).map(start).collect();
    for (i, node) in nodes.iter().enumerate() {
        node.do_send(SetNext(nodes[(i + 1) % s].clone()));
    }
    measure::expect_done(c.tokens());
    let t0 = Instant::now();
    for i in c.token_starts() {
        nodes[i].do_send(Value(c.hops()));
    }
    measure::finish(c, t0)
}

fn start_sink(c: &Cfg, loops: &Loops) -> Recipient<Value> {
    let sink = work::Sink::new(c.n, c.work);
    Sink::start_in_arbiter(&loops.at(0), move |_| Sink(sink)).recipient()
}

fn start_sender(at: &ArbiterHandle, to: Recipient<Value>, left: u64, batch: u64) {
    Sender::start_in_arbiter(at, move |_| Sender { to, left, batch }).do_send(Fire);
}

fn fanin(c: &Cfg, loops: &Loops) -> ! {
    let sink = start_sink(c, loops);
    let t0 = Instant::now();
    for i in 0..c.s {
        start_sender(&loops.at(i + 1), sink.clone(), c.quota(), c.b);
    }
    measure::finish(c, t0)
}

fn pipe(c: &Cfg, loops: &Loops) -> ! {
    let mut next = start_sink(c, loops);
    for _ in 0..2 {
        let out = next;
        next = Forwarder::start_in_arbiter(&loops.at(1), move |_| Forwarder(out)).recipient();
    }
    let t0 = Instant::now();
    start_sender(&loops.at(1), next, c.n, c.b);
    measure::finish(c, t0)
}

fn ubench(c: &Cfg, loops: &Loops) -> ! {
    measure::counts_init(c.s);
    let start = |id| {
        Pinger::start_in_arbiter(&loops.at(id), move |_| Pinger {
            id,
            x: work::seed(id),
            received: 0,
            all: vec![],
        })
    };
    let all: Vec<_> = (0..c.s).map(start).collect();
    for actor in &all {
        actor.do_send(SetAll(all.clone()));
    }
    for _ in 0..c.b {
        for actor in &all {
            actor.do_send(Value(42));
        }
    }
    measure::finish_ubench(c)
}

fn spawn(c: &Cfg, loops: &Loops) -> ! {
    let start = SpawnStart::now(c.n);
    let mut held = Vec::with_capacity(c.n as usize);
    for i in 0..c.n {
        let actor = Leaf::start_in_arbiter(&loops.at(i as usize), |_| Leaf {
            sum: 0,
            _tomb: Tomb,
        });
        actor.do_send(Value(i));
        held.push(actor);
    }
    start.finish(c, move || drop(held))
}
