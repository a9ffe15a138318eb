//! One OS thread per actor over crossbeam's blocking channel. There are no workers to be counted:
//! `--threads` changes nothing here.

use super::give_up;
use crate::cli::Cfg;
use crate::measure;
use crate::work::{self, pick};
use backwater_peers::Workload;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::sync::Arc;
use std::time::Instant;

const STACK: usize = 64 << 10;

fn channel(cap: usize) -> (Sender<u64>, Receiver<u64>) {
    match cap {
        0 => unbounded(),
        _ => bounded(cap),
    }
}

/// Nobody hears a message sent after the end of the run: the process is leaving.
fn send(tx: &Sender<u64>, v: u64) {
    let _ = tx.send(v);
}

fn start(actor: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(actor);
    if let Err(e) = thread {
        give_up(&format!(
            "cannot start one more thread: {e}; give a lower --s"
        ));
    }
}

pub fn run(c: &Cfg) -> ! {
    match c.workload {
        Workload::Pingpong | Workload::Ring => ring(c),
        Workload::Fanin => fanin(c),
        Workload::Ubench => ubench(c),
        Workload::Pipe => pipe(c),
        Workload::Spawn => unreachable!("the command line refuses it"),
    }
}

fn ring(c: &Cfg) -> ! {
    let s = c.ring_size();
    let (txs, rxs): (Vec<_>, Vec<_>) = (0..s).map(|_| channel(c.cap)).unzip();
    for (i, rx) in rxs.into_iter().enumerate() {
        let next = txs[(i + 1) % s].clone();
        start(move || {
            for v in rx {
                if v == 0 {
                    measure::one_done();
                } else {
                    send(&next, v - 1);
                }
            }
        });
    }
    measure::expect_done(c.tokens());
    let t0 = Instant::now();
    for i in c.token_starts() {
        send(&txs[i], c.hops());
    }
    measure::finish(c, t0)
}

fn start_sink(c: &Cfg) -> Sender<u64> {
    let (tx, rx) = channel(c.cap);
    let mut sink = work::Sink::new(c.n, c.work);
    start(move || {
        for v in rx {
            sink.absorb(v);
        }
    });
    tx
}

fn start_source(tx: Sender<u64>, n: u64) {
    start(move || {
        for v in 0..n {
            send(&tx, v);
        }
    });
}

fn fanin(c: &Cfg) -> ! {
    let tx = start_sink(c);
    let t0 = Instant::now();
    for _ in 0..c.s {
        start_source(tx.clone(), c.quota());
    }
    measure::finish(c, t0)
}

fn pipe(c: &Cfg) -> ! {
    let mut next = start_sink(c);
    for _ in 0..2 {
        let (tx, rx) = channel(c.cap);
        let out = std::mem::replace(&mut next, tx);
        start(move || {
            for v in rx {
                send(&out, v);
            }
        });
    }
    let t0 = Instant::now();
    start_source(next, c.n);
    measure::finish(c, t0)
}

fn ubench(c: &Cfg) -> ! {
    measure::counts_init(c.s);
    let (txs, rxs): (Vec<_>, Vec<_>) = (0..c.s).map(|_| channel(c.cap)).unzip();
    let txs = Arc::new(txs);
    for (id, rx) in rxs.into_iter().enumerate() {
        let txs = txs.clone();
        start(move || {
            let (mut x, mut received) = (work::seed(id), 0);
            for v in rx {
                received += 1;
                measure::count(id, received);
                let to = pick(&mut x, txs.len());
                send(&txs[to], v);
            }
        });
    }
    for _ in 0..c.b {
        for tx in txs.iter() {
            send(tx, 42);
        }
    }
    measure::finish_ubench(c)
}
