//! Inlets and outlets under async executors: when their wakers are called, and that nothing is lost. Polled by hand, where it
//! matters when; under `pollster`, and a `block_on` written here, where threads are real.

mod common;

use backwater::{ApplyReleaseBackpressureAuth, Backpressure, Detector, Inlet, Refusal, SpawnOptions};
use common::{Notes, act, ms, run, run_unwatched, virtual_time};
use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

/// A waker that counts its calls.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// An inlet that is polled by hand, and how often it was woken.
struct Polled {
    inlet: Inlet<u64>,
    woken: Arc<Count>,
}

impl Polled {
    fn new(inlet: Inlet<u64>) -> Self {
        Polled { inlet, woken: Arc::default() }
    }

    fn ready(&mut self) -> Poll<Result<(), Refusal>> {
        Pin::new(&mut self.inlet).poll_ready(&mut Context::from_waker(&Waker::from(self.woken.clone())))
    }

    fn flush(&mut self) -> Poll<Result<(), Refusal>> {
        Pin::new(&mut self.inlet).poll_flush(&mut Context::from_waker(&Waker::from(self.woken.clone())))
    }

    fn send(&mut self, n: u64) -> Result<(), Refusal> {
        Pin::new(&mut self.inlet).start_send(n)
    }

    /// Since the last call.
    fn woken(&self) -> usize {
        self.woken.0.swap(0, Ordering::SeqCst)
    }
}

const APPLY: u64 = 1_000;
const RELEASE: u64 = 1_001;
const STOP: u64 = 1_002;

/// Runs `step` once each millisecond with its number, an inlet, and a way to tell its receiver what to do.
fn steps(last: u64, mut step: impl FnMut(u64, &mut Polled, &mut dyn FnMut(u64)) + Send + 'static) -> common::Ran {
    run(virtual_time(), move |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let sink = env.spawn(act(move |n, cx| match n {
            APPLY => Backpressure::apply(&auth, cx),
            RELEASE => Backpressure::release(&auth, cx),
            STOP => cx.stop(),
            _ => {}
        }));
        let control = backwater::ControlAuth::from(&env.root);
        let mut polled = Some(Polled::new(env.inlet(&sink)));
        // On the thread that takes over what came from outside: none of it is taken in the middle of a step.
        let stepper = act(move |n, cx| {
            step(n, polled.as_mut().unwrap(), &mut |what| sink.tell_control(what, &control, cx));
            match n < last {
                true => drop(cx.after(ms(1), n + 1)),
                false => polled = None,
            }
        });
        env.spawn_with(SpawnOptions::new().pinned(), stepper).tell(0, env);
    })
}

/// The wakers of those who wait are called once for each change that serves them, and for no other change.
#[test]
fn a_sink_is_woken_when_there_is_room_at_the_fall_and_at_the_end_and_at_no_other_time() {
    let ran = steps(7, |n, sink, tell| match n {
        0 => {
            let taken = (0..).take_while(|n| sink.ready().is_ready() && sink.send(*n).is_ok()).count();
            assert_eq!((taken, sink.ready(), sink.woken()), (128, Poll::Pending, 0), "full");
        }
        1 => {
            assert_eq!((sink.woken(), sink.ready()), (1, Poll::Ready(Ok(()))), "room came");
            tell(APPLY);
        }
        2 => {
            assert_eq!((sink.woken(), sink.ready()), (0, Poll::Pending), "pressing");
            tell(APPLY);
        }
        3 => {
            assert_eq!(sink.woken(), 0, "an apply on an applied flag changes nothing");
            tell(RELEASE);
        }
        4 => {
            assert_eq!((sink.woken(), sink.ready()), (1, Poll::Ready(Ok(()))), "it fell");
            tell(APPLY);
        }
        5 => {
            assert_eq!((sink.ready(), sink.ready(), sink.woken()), (Poll::Pending, Poll::Pending, 0));
            tell(STOP);
        }
        6 => {
            assert_eq!((sink.woken(), sink.ready()), (1, Poll::Ready(Err(Refusal::Ended))), "polled twice, woken once");
            assert_eq!((sink.send(0), sink.flush()), (Err(Refusal::Ended), Poll::Ready(Ok(()))));
        }
        _ => assert_eq!(sink.woken(), 0),
    });
    assert_eq!(ran.well().stats.totals.mutes, 0, "an inlet marks nobody");
}

#[test]
fn one_that_was_found_ready_takes_one_message_though_its_receiver_presses_by_then() {
    let ran = steps(2, |n, sink, tell| match n {
        0 => {
            assert_eq!(sink.ready(), Poll::Ready(Ok(())));
            tell(APPLY);
        }
        1 => {
            assert_eq!((sink.send(7), sink.send(8)), (Ok(()), Err(Refusal::Pressing)));
            assert_eq!(sink.flush(), Poll::Pending);
        }
        _ => assert_eq!((sink.woken(), sink.flush()), (1, Poll::Ready(Ok(()))), "taken over, though it presses"),
    });
    assert_eq!((ran.count("handles 7"), ran.count("handles 8")), (1, 0));
}

#[test]
fn a_dropped_inlet_is_not_woken_and_a_clone_is() {
    let mut clone = None;
    let ran = steps(2, move |n, sink, tell| match n {
        0 => tell(APPLY),
        1 => {
            let mut dropped = Polled::new(sink.inlet.clone());
            let mut kept = Polled::new(sink.inlet.clone());
            assert!(sink.ready().is_pending() && dropped.ready().is_pending() && kept.ready().is_pending());
            clone = Some((kept, dropped.woken.clone()));
            drop(dropped);
            tell(RELEASE);
        }
        _ => {
            let (kept, dropped) = clone.take().unwrap();
            assert_eq!((sink.woken(), kept.woken(), dropped.0.load(Ordering::SeqCst)), (1, 1, 0));
        }
    });
    ran.well();
}

/// The simplest executor there is. If a wake-up were lost, it would wait for ever.
fn block_on<T>(task: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut task = pin!(task);
    loop {
        if let Poll::Ready(result) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
            return result;
        }
        std::thread::park();
    }
}

/// Sends as a sink, flushes after each hundred, and closes.
async fn feed(mut inlet: Inlet<u64>, numbers: std::ops::Range<u64>) {
    for n in numbers {
        poll_fn(|cx| Pin::new(&mut inlet).poll_ready(cx)).await.unwrap();
        Pin::new(&mut inlet).start_send(n).unwrap();
        if n % 100 == 0 {
            poll_fn(|cx| Pin::new(&mut inlet).poll_flush(cx)).await.unwrap();
        }
    }
    poll_fn(|cx| Pin::new(&mut inlet).poll_close(cx)).await.unwrap();
    assert_eq!(inlet.try_send(0).unwrap_err().why, Refusal::Ended, "closed");
    assert_eq!(inlet.send_async(5).await.unwrap_err().message, 5, "it comes back");
}

/// 4 tasks on threads of their own, two under each executor, into a sink that is overloaded by 16 waiting: all arrive,
/// in order for each. A lost wake-up would be a hang.
#[test]
fn no_wake_up_is_lost_between_tasks_and_actors() {
    let got = Notes::new();
    let notes = got.clone();
    std::thread::scope(|scope| {
        let summary = run_unwatched(virtual_time().overload(Detector::Depth { high: 16, low: 4 }), |env| {
            let sink = env.spawn(act(move |n, _| notes.add(n)));
            for task in 0..4 {
                let task = feed(env.inlet(&sink), task * 1_000..task * 1_000 + 1_000);
                scope.spawn(move || pollster::block_on(task));
            }
        });
        assert_eq!(summary.unwrap().stats.totals.delivered, 4_000);
    });
    let got = got.take();
    for task in 0..4 {
        let of_task: Vec<u64> = got.iter().copied().filter(|n| n / 1_000 == task).collect();
        assert!(of_task.is_sorted() && of_task.len() == 1_000);
    }
}

/// The same with `send_async`, under an executor of ten lines, and the sink ends on the way: every task hears of it.
#[test]
fn every_task_hears_of_the_end() {
    std::thread::scope(|scope| {
        let mut tasks = Vec::new();
        let result = run_unwatched(virtual_time().overload(Detector::Depth { high: 16, low: 4 }), |env| {
            let mut left = 500;
            let sink = env.spawn(act(move |_, cx| {
                left -= 1;
                if left == 0 {
                    cx.stop()
                }
            }));
            for _ in 0..3 {
                let mut inlet = env.inlet(&sink);
                let task = async move {
                    loop {
                        if let Err(refused) = inlet.send_async(1).await {
                            return (refused.message, refused.why);
                        }
                    }
                };
                tasks.push(scope.spawn(|| block_on(task)));
            }
        });
        let totals = result.unwrap().stats.totals;
        assert_eq!(totals.handled + totals.dead, totals.sent + totals.delivered);
        for task in tasks {
            assert_eq!(task.join().unwrap(), (1, Refusal::Ended));
        }
    });
}

#[test]
fn a_stream_is_woken_once_by_the_next_message_and_once_by_the_end() {
    let woken: Arc<Count> = Arc::default();
    let count = woken.clone();
    let mut outlet = None;
    run(virtual_time(), |env| {
        let (to, mut out) = env.outlet::<u64>(4);
        let poll = {
            let waker = Waker::from(woken.clone());
            move |out: &mut backwater::Outlet<u64>| Pin::new(out).poll_next(&mut Context::from_waker(&waker))
        };
        assert_eq!((poll(&mut out), poll(&mut out)), (Poll::Pending, Poll::Pending));
        to.tell(1, env);
        to.tell(2, env);
        outlet = Some((out, poll));
    })
    .well();
    let (mut outlet, poll) = outlet.unwrap();
    assert_eq!(count.0.load(Ordering::SeqCst), 1, "by the first message; the second and the end found nobody waiting");
    assert_eq!((poll(&mut outlet), poll(&mut outlet)), (Poll::Ready(Some(1)), Poll::Ready(Some(2))));
    assert_eq!((poll(&mut outlet), outlet.is_terminated()), (Poll::Ready(None), true));
}
