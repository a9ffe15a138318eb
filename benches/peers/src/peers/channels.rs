//! "An actor is a tokio task that owns the receiving half of a channel", over four channels.
//! A bounded channel makes its senders wait: that is its whole back-pressure.

use super::tokio_runtime;
use crate::cli::Cfg;
use crate::measure::{self, SpawnStart, Tomb};
use crate::work::{self, pick};
use backwater_peers::Workload;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Runtime;

/// A multi-producer channel of `u64`.
pub trait Channel: 'static {
    type Tx: Clone + Send + Sync + 'static;
    type Rx: Send + 'static;
    /// A channel of this capacity; 0 is unbounded.
    fn new(cap: usize) -> (Self::Tx, Self::Rx);
    fn send(tx: &Self::Tx, v: u64) -> impl Future<Output = ()> + Send;
    fn recv(rx: &mut Self::Rx) -> impl Future<Output = Option<u64>> + Send;
}

pub struct TokioBounded;

impl Channel for TokioBounded {
    type Tx = tokio::sync::mpsc::Sender<u64>;
    type Rx = tokio::sync::mpsc::Receiver<u64>;
    fn new(cap: usize) -> (Self::Tx, Self::Rx) {
        tokio::sync::mpsc::channel(cap)
    }
    async fn send(tx: &Self::Tx, v: u64) {
        let _ = tx.send(v).await;
    }
    async fn recv(rx: &mut Self::Rx) -> Option<u64> {
        rx.recv().await
    }
}

pub struct TokioUnbounded;

impl Channel for TokioUnbounded {
    type Tx = tokio::sync::mpsc::UnboundedSender<u64>;
    type Rx = tokio::sync::mpsc::UnboundedReceiver<u64>;
    fn new(_: usize) -> (Self::Tx, Self::Rx) {
        tokio::sync::mpsc::unbounded_channel()
    }
    async fn send(tx: &Self::Tx, v: u64) {
        let _ = tx.send(v);
    }
    async fn recv(rx: &mut Self::Rx) -> Option<u64> {
        rx.recv().await
    }
}

pub struct Flume;

impl Channel for Flume {
    type Tx = flume::Sender<u64>;
    type Rx = flume::Receiver<u64>;
    fn new(cap: usize) -> (Self::Tx, Self::Rx) {
        match cap {
            0 => flume::unbounded(),
            _ => flume::bounded(cap),
        }
    }
    async fn send(tx: &Self::Tx, v: u64) {
        let _ = tx.send_async(v).await;
    }
    async fn recv(rx: &mut Self::Rx) -> Option<u64> {
        rx.recv_async().await.ok()
    }
}

pub struct Kanal;

impl Channel for Kanal {
    type Tx = kanal::AsyncSender<u64>;
    type Rx = kanal::AsyncReceiver<u64>;
    fn new(cap: usize) -> (Self::Tx, Self::Rx) {
        match cap {
            0 => kanal::unbounded_async(),
            _ => kanal::bounded_async(cap),
        }
    }
    async fn send(tx: &Self::Tx, v: u64) {
        let _ = tx.send(v).await;
    }
    async fn recv(rx: &mut Self::Rx) -> Option<u64> {
        rx.recv().await.ok()
    }
}

pub fn run<C: Channel>(c: &Cfg) -> ! {
    let rt = tokio_runtime(c.threads);
    match c.workload {
        Workload::Pingpong | Workload::Ring => ring::<C>(c, &rt),
        Workload::Fanin => fanin::<C>(c, &rt),
        Workload::Ubench => ubench::<C>(c, &rt),
        Workload::Pipe => pipe::<C>(c, &rt),
        Workload::Spawn => spawn::<C>(c, &rt),
    }
}

fn channels<C: Channel>(c: &Cfg, n: usize) -> (Vec<C::Tx>, Vec<C::Rx>) {
    (0..n).map(|_| C::new(c.cap)).unzip()
}

fn ring<C: Channel>(c: &Cfg, rt: &Runtime) -> ! {
    let s = c.ring_size();
    let (txs, rxs) = channels::<C>(c, s);
    for (i, mut rx) in rxs.into_iter().enumerate() {
        let next = txs[(i + 1) % s].clone();
        rt.spawn(async move {
            while let Some(v) = C::recv(&mut rx).await {
                if v == 0 {
                    measure::one_done();
                } else {
                    C::send(&next, v - 1).await;
                }
            }
        });
    }
    measure::expect_done(c.tokens());
    let (starts, hops) = (c.token_starts(), c.hops());
    let t0 = Instant::now();
    rt.spawn(async move {
        for i in starts {
            C::send(&txs[i], hops).await;
        }
    });
    measure::finish(c, t0)
}

fn start_sink<C: Channel>(c: &Cfg, rt: &Runtime) -> C::Tx {
    let (tx, mut rx) = C::new(c.cap);
    let mut sink = work::Sink::new(c.n, c.work);
    rt.spawn(async move {
        while let Some(v) = C::recv(&mut rx).await {
            sink.absorb(v);
        }
    });
    tx
}

fn start_source<C: Channel>(rt: &Runtime, tx: C::Tx, n: u64) {
    rt.spawn(async move {
        for v in 0..n {
            C::send(&tx, v).await;
        }
    });
}

fn fanin<C: Channel>(c: &Cfg, rt: &Runtime) -> ! {
    let tx = start_sink::<C>(c, rt);
    let t0 = Instant::now();
    for _ in 0..c.s {
        start_source::<C>(rt, tx.clone(), c.quota());
    }
    measure::finish(c, t0)
}

fn pipe<C: Channel>(c: &Cfg, rt: &Runtime) -> ! {
    let mut next = start_sink::<C>(c, rt);
    for _ in 0..2 {
        let (tx, mut rx) = C::new(c.cap);
        let out = std::mem::replace(&mut next, tx);
        rt.spawn(async move {
            while let Some(v) = C::recv(&mut rx).await {
                C::send(&out, v).await;
            }
        });
    }
    let t0 = Instant::now();
    start_source::<C>(rt, next, c.n);
    measure::finish(c, t0)
}

fn ubench<C: Channel>(c: &Cfg, rt: &Runtime) -> ! {
    measure::counts_init(c.s);
    let (txs, rxs) = channels::<C>(c, c.s);
    let txs = Arc::new(txs);
    for (id, mut rx) in rxs.into_iter().enumerate() {
        let txs = txs.clone();
        rt.spawn(async move {
            let (mut x, mut received) = (work::seed(id), 0);
            while let Some(v) = C::recv(&mut rx).await {
                received += 1;
                measure::count(id, received);
                let to = pick(&mut x, txs.len());
                C::send(&txs[to], v).await;
            }
        });
    }
    let b = c.b;
    rt.spawn(async move {
        for _ in 0..b {
            for tx in txs.iter() {
                C::send(tx, 42).await;
            }
        }
    });
    measure::finish_ubench(c)
}

async fn leaf<C: Channel>(mut rx: C::Rx) {
    let _tomb = Tomb;
    let mut sum = 0;
    while let Some(v) = C::recv(&mut rx).await {
        sum += v;
        measure::one_done();
    }
    std::hint::black_box(sum);
}

fn spawn<C: Channel>(c: &Cfg, rt: &Runtime) -> ! {
    let start = SpawnStart::now(c.n);
    let (n, cap) = (c.n, c.cap);
    let (hand_over, handed) = std::sync::mpsc::channel();
    // On a worker, so that every actor is spawned and messaged from inside the runtime.
    rt.spawn(async move {
        let mut held = Vec::with_capacity(n as usize);
        for i in 0..n {
            let (tx, rx) = C::new(cap);
            tokio::spawn(leaf::<C>(rx));
            C::send(&tx, i).await;
            held.push(tx);
        }
        let _ = hand_over.send(held);
    });
    let held = handed.recv().expect("the spawning task ends by sending");
    start.finish(c, move || drop(held))
}
