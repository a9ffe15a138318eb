//! What comes from outside beside the workers: timers, inlets, outlets, standard streams, sockets, the stall watch.

use super::{act, each_built};
use backwater::{Addr, ApplyReleaseBackpressureAuth, Backpressure, RunError, Runtime, StallWatch};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
/// Longer than any machine needs: a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

/// Virtual time moves only when every worker sleeps.
#[test]
fn timers_fire_beside_the_workers() {
    let ticks = Arc::new(AtomicU64::new(0));
    each_built(
        |builder| builder.virtual_time(),
        |env| {
            ticks.store(0, Ordering::Relaxed);
            for nth in 0..20 {
                let ticks = ticks.clone();
                let sleeper = act(move |n, cx| match n {
                    0 => {
                        cx.after(MS * (nth + 1), 1);
                    }
                    _ => {
                        ticks.fetch_add(1, Ordering::Relaxed);
                    }
                });
                env.spawn(sleeper).tell(0, env);
            }
        },
        |result| {
            let summary = result.unwrap();
            assert_eq!((ticks.load(Ordering::Relaxed), summary.time), (20, 20 * MS));
        },
    );
}

/// A thread sends, an actor squares, a thread reads.
#[test]
fn an_inlet_and_an_outlet_carry_everything_in_order() {
    const NUMBERS: u64 = 2_000;
    let threads = Mutex::new(Vec::new());
    each_built(
        |builder| builder,
        |env| {
            let (to, outlet) = env.outlet(8);
            let square = env.spawn(act(move |n, cx| to.tell(n * n, cx)));
            let inlet = env.inlet(&square);
            let send = move || (0..NUMBERS).for_each(|n| inlet.send(n, LONG).expect("the actor takes it"));
            let read = move || {
                let squares: Vec<u64> = (0..NUMBERS).map(|_| outlet.recv(LONG).expect("it comes")).collect();
                assert!(squares.into_iter().eq((0..NUMBERS).map(|n| n * n)));
            };
            let start = |f| std::thread::Builder::new().spawn(f).unwrap();
            threads.lock().unwrap().extend([start(Box::new(send) as Box<dyn FnOnce() + Send>), start(Box::new(read))]);
        },
        |result| {
            assert!(result.unwrap().stats.totals.handled >= NUMBERS);
            threads.lock().unwrap().drain(..).for_each(|thread| thread.join().unwrap());
        },
    );
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// By actors on every worker, on the stream's own thread, which is slower than they.
#[test]
fn the_streams_write_everything_and_read_to_the_end() {
    let written = Written::default();
    each_built(
        |builder| builder.out_on_thread(written.clone()),
        |env| {
            for _ in 0..20 {
                let out = env.out.clone();
                let printer = act(move |n, cx| {
                    out.tell("a line of no great length\n".into(), cx);
                    if n > 0 {
                        cx.tell_self(n - 1);
                    }
                });
                env.spawn(printer).tell(99, env);
            }
        },
        |result| {
            assert!(result.unwrap().stats.is_conserved());
            let text = std::mem::take(&mut *written.0.lock().unwrap());
            assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), 2_000);
        },
    );
}

/// One who presses for ever, one who waits for him, and two who go on: on any number of threads the same is stalled.
#[test]
fn a_stall_names_the_same_root_as_on_the_single_runtime() {
    let program = |env: &mut backwater::Env<'_>| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let wall = env.spawn(act(move |_, cx| Backpressure::apply(&auth, cx)));
        wall.tell(0, env);
        let to = wall.clone();
        let waiter = env.spawn(act(move |n, cx| {
            to.tell(n, cx);
            cx.tell_self(n);
        }));
        waiter.tell(0, env);
        let sleeper = env.spawn(act(|n, cx| {
            cx.after(MS, n);
        }));
        sleeper.tell(0, env);
    };
    let names = |result: Result<_, RunError>| match result {
        Err(RunError::Stalled(stall)) => {
            stall.roots.iter().map(|(root, _)| format!("{}{}", root.name, root.id)).collect::<Vec<_>>()
        }
        other => panic!("it was to end with a stall, not with {other:?}"),
    };
    let single = names(Runtime::builder().virtual_time().stall_watch(StallWatch::EndRun).run(program));
    assert_eq!(single.len(), 1);
    each_built(
        |builder| builder.virtual_time().stall_watch(StallWatch::EndRun),
        program,
        |result| assert_eq!(names(result), single),
    );
}

/// Depth counts what waits: messages to oneself too, and not what has been handled.
#[test]
fn overload_by_depth_mutes_and_frees_beside_the_workers() {
    use backwater::{Detector, SpawnOptions};
    each_built(
        |builder| builder.batch(7),
        |env| {
            let mut left = 500;
            let sink = act(move |n, cx| {
                if n > 0 && left > 0 {
                    left -= 1;
                    cx.tell_self(0);
                }
            });
            let deep = SpawnOptions::new().overload(Detector::Depth { high: 10, low: 2 });
            let sink = env.spawn_with(deep, sink);
            for _ in 0..8 {
                env.spawn(sender(sink.clone())).tell(499, env);
            }
        },
        |result| {
            let totals = result.unwrap().stats.totals;
            assert_eq!(totals.handled, 2 * 8 * 500 + 500);
            assert!(totals.mutes == totals.freed, "{totals:?}");
        },
    );
}

fn sender(to: Addr<u64>) -> super::Act {
    act(move |n, cx| {
        to.tell(1, cx);
        if n > 0 {
            cx.tell_self(n - 1);
        }
    })
}

/// A flood through a peer that stalls: the socket is the driver's, the sender is on a worker.
#[cfg(feature = "net")]
#[test]
fn a_socket_that_stalls_takes_everything_from_a_sender_on_another_thread() {
    use super::{peer, program};
    const FLOOD: u64 = 8 << 20;
    for threads in [1, 2, 4] {
        let (throttled, told) = std::sync::mpsc::channel();
        let steps = vec![peer::Step::WaitFor(told), peer::Step::ReadToEnd];
        let peer = peer::Peer::start(steps, |_, _| {}).unwrap();
        let settings = program::Settings {
            to: peer.address.to_string(),
            chunk: 16 << 10,
            send_buffer: program::SEND_BUFFER,
            pace: program::Pace::Flood(FLOOD),
            pressure: program::Pressure::Repaired,
            throttled: Some(throttled),
        };
        let builder = Runtime::builder().threads(threads).check_invariants(true).out(std::io::sink());
        let outcome = program::run(builder, settings);
        let read = peer.join();
        let stats = outcome.result.unwrap().stats;
        assert_eq!((outcome.facts.written, read), (FLOOD, FLOOD));
        assert!(stats.is_conserved() && outcome.facts.throttled > 0, "{stats}");
        assert_eq!(stats.totals.mutes, stats.totals.freed);
    }
}
