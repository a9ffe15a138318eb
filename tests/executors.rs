//! Inlets as sinks and outlets as streams, by the crates that programs use them with: `futures-util` over tokio, over smol
//! and over a bare `block_on`.

mod common;

use backwater::{Detector, Inlet, Outlet};
use common::{act, run_unwatched, virtual_time};
use futures_util::{SinkExt, StreamExt, stream};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{JoinHandle, Thread};

const TASKS: u64 = 4;
const NUMBERS: u64 = 2_000;

/// Through `SinkExt`: item by item with a flush for each, then the rest at once, then the close.
async fn feed(mut inlet: Inlet<u64>, task: u64) {
    let mut numbers = (task * NUMBERS)..(task + 1) * NUMBERS;
    for n in numbers.by_ref().take(100) {
        SinkExt::send(&mut inlet, n).await.unwrap();
    }
    SinkExt::send_all(&mut inlet, &mut stream::iter(numbers.map(Ok))).await.unwrap();
    SinkExt::close(&mut inlet).await.unwrap();
}

/// Through `StreamExt`.
async fn drain(outlet: Outlet<u64>) -> Vec<u64> {
    outlet.collect().await
}

/// Tasks feed an actor that passes everything on to an outlet which a task reads: with `start` they run wherever.
fn everything_comes_through(start: impl Fn(Vec<Inlet<u64>>, Outlet<u64>) -> JoinHandle<Vec<u64>>) {
    let mut reader = None;
    let summary = run_unwatched(virtual_time().overload(Detector::Depth { high: 16, low: 4 }), |env| {
        let (out, outlet) = env.outlet(32);
        let relay = env.spawn(act(move |n, cx| out.tell(n, cx)));
        let inlets = (0..TASKS).map(|_| env.inlet(&relay)).collect();
        reader = Some(start(inlets, outlet));
    });
    let got = reader.unwrap().join().unwrap();
    assert_eq!(summary.unwrap().stats.totals.delivered, TASKS * NUMBERS);
    for task in 0..TASKS {
        let of_task: Vec<u64> = got.iter().copied().filter(|n| n / NUMBERS == task).collect();
        assert!(of_task.is_sorted() && of_task.len() as u64 == NUMBERS, "of task {task} came {}", of_task.len());
    }
}

#[expect(clippy::disallowed_methods, reason = "an executor runs on threads that know nothing of backwater")]
fn thread<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    std::thread::spawn(run)
}

fn tokio(builder: fn() -> tokio::runtime::Builder) {
    everything_comes_through(|inlets, outlet| {
        thread(move || {
            let runtime = builder().build().unwrap();
            runtime.block_on(async {
                let tasks: Vec<_> = (0..).zip(inlets).map(|(n, inlet)| tokio::spawn(feed(inlet, n))).collect();
                let got = tokio::spawn(drain(outlet)).await.unwrap();
                for task in tasks {
                    task.await.unwrap();
                }
                got
            })
        })
    });
}

#[test]
fn under_tokio_on_one_thread() {
    tokio(tokio::runtime::Builder::new_current_thread);
}

#[test]
fn under_tokio_on_several_threads() {
    tokio(tokio::runtime::Builder::new_multi_thread);
}

#[test]
fn under_smol() {
    everything_comes_through(|inlets, outlet| {
        thread(move || {
            let tasks: Vec<_> = (0..).zip(inlets).map(|(n, inlet)| smol::spawn(feed(inlet, n))).collect();
            let got = smol::block_on(smol::spawn(drain(outlet)));
            tasks.into_iter().for_each(smol::block_on);
            got
        })
    });
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The simplest executor there is. If a wake-up were lost, it would wait for ever.
fn block_on<T>(task: impl Future<Output = T>) -> T {
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut task = pin!(task);
    loop {
        if let Poll::Ready(result) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
            return result;
        }
        std::thread::park();
    }
}

#[test]
fn under_a_bare_block_on() {
    everything_comes_through(|inlets, outlet| {
        for (n, inlet) in (0..).zip(inlets) {
            thread(move || block_on(feed(inlet, n)));
        }
        thread(move || block_on(drain(outlet)))
    });
}
