//! What is the driver's alone: it polls, fires timers, answers, and sleeps in between. Nobody keeps it from that, and
//! nobody does it in its place.

use super::{act, each, each_built};
use backwater::{
    ApplyReleaseBackpressureAuth, Backpressure, Builder, RunError, Runtime, SpawnOptions, StallWatch, WhyNotRunning,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
/// Longer than any machine needs: a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

/// The driver asks for a stall on every round, and is not to be kept awake by its own question.
#[test]
fn a_stall_watch_leaves_the_driver_time_for_its_timers() {
    each_built(
        |builder| builder.virtual_time().stall_watch(StallWatch::EndRun),
        |env| {
            let auth = ApplyReleaseBackpressureAuth::from(&env.root);
            let sink = env.spawn(act(move |n, cx| match n {
                0 => {
                    Backpressure::apply(&auth, cx);
                    cx.after(50 * MS, 9);
                }
                9 => Backpressure::release(&auth, cx),
                _ => {}
            }));
            sink.tell(0, env);
            env.spawn(act(move |n, cx| sink.tell(n, cx))).tell(1, env);
        },
        |result| assert_eq!(result.unwrap().time, 50 * MS),
    );
}

#[test]
fn a_worker_that_asks_its_own_runtime_for_counts_is_told_how_to_do_it() {
    each(
        |env| {
            let remote = env.remote();
            env.spawn(act(move |_, _| drop(remote.stats()))).tell(0, env);
        },
        |result| match result {
            Err(RunError::Panicked { payload, .. }) => assert!(payload.contains("use `Context::stats`"), "{payload}"),
            other => panic!("it was to end with a panic, not with {other:?}"),
        },
    );
}

/// The valve is the driver's: while it lets its sender go and gives somebody else work, the worker mostly sleeps, and
/// finds both when it wakes.
#[test]
fn a_worker_that_finds_a_freed_sender_and_an_actor_to_run_runs_both() {
    const ROUNDS: u64 = 2_000;
    each(
        |env| {
            let auth = ApplyReleaseBackpressureAuth::from(&env.root);
            let other = env.spawn(act(|_, _| ()));
            let valve = env.spawn_with(
                SpawnOptions::new().pinned(),
                act(move |n, cx| {
                    Backpressure::release(&auth, cx);
                    other.tell(n, cx);
                    Backpressure::apply(&auth, cx);
                }),
            );
            let sender = act(move |left, cx| {
                valve.tell(left, cx);
                if left > 0 {
                    cx.tell_self(left - 1);
                }
            });
            env.spawn(sender).tell(ROUNDS - 1, env);
        },
        |result| {
            // Who sent last may have been muted by what the valve applied after it had handled that.
            if let Ok(summary) = result {
                assert_eq!(summary.stats.totals.handled, 3 * ROUNDS);
            }
        },
    );
}

/// Inlets come and go while the driver takes over what came by others.
#[test]
fn what_is_tied_to_an_actor_while_the_driver_looks_is_not_forgotten() {
    const INLETS: u64 = 3_000;
    const CAME: u64 = u64::MAX;
    let taken = Arc::new(AtomicU64::new(0));
    each(
        |env| {
            taken.store(0, Ordering::Relaxed);
            let taken = taken.clone();
            let actor = act(move |left, cx| {
                if left == CAME {
                    return;
                }
                let me = cx.me();
                // Refused while the actor is overloaded.
                taken.fetch_add(u64::from(cx.inlet(&me).try_send(CAME).is_ok()), Ordering::Relaxed);
                if left > 1 {
                    cx.tell_self(left - 1);
                }
            });
            env.spawn(actor).tell(INLETS, env);
        },
        |result| assert_eq!(result.unwrap().stats.totals.handled, INLETS + taken.load(Ordering::Relaxed)),
    );
}

/// Virtual time jumps to the first timer of all, those included that were set just before everybody slept.
#[test]
fn virtual_time_jumps_over_no_timer() {
    each_built(
        |builder| builder.virtual_time(),
        |env| {
            for nth in 1..=6u32 {
                let mut due = Duration::ZERO;
                let sleeper = act(move |left, cx| {
                    assert_eq!(cx.now(), due, "a tick is on time");
                    if left > 0 {
                        let delay = MS * (1 + nth * (left as u32 % 7));
                        due += delay;
                        cx.after(delay, left - 1);
                    }
                });
                env.spawn(sleeper).tell(300, env);
            }
        },
        |result| assert_eq!(result.unwrap().stats.totals.handled, 6 * 301),
    );
}

/// Centuries pass: two timers, one that repeats and whose actor is muted meanwhile, and the end of time. It is heard when
/// it is on one thread, and no count of nanoseconds runs over.
#[test]
fn the_end_of_time_is_the_same_as_on_one_thread() {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    let heard = |builder: Builder| {
        let notes: Arc<Mutex<Vec<(Duration, u64)>>> = Arc::default();
        let (heard, mut timer) = (notes.clone(), None);
        let result = builder.virtual_time().check_invariants(true).run(|env| {
            let auth = ApplyReleaseBackpressureAuth::from(&env.root);
            let wall = env.spawn(act(move |n, cx| match n {
                0 => {
                    Backpressure::apply(&auth, cx);
                    cx.after(8 * CENTURY, 1);
                }
                1 => Backpressure::release(&auth, cx),
                _ => {}
            }));
            wall.tell(0, env);
            let waits = act(move |n, cx| match n {
                0 => {
                    cx.after(5 * CENTURY, 1_000);
                    cx.after(Duration::MAX, 2_000);
                    timer = Some(cx.every(3 * CENTURY, |ticks| ticks));
                    wall.tell(2, cx);
                }
                _ => {
                    heard.lock().unwrap().push((cx.now(), n));
                    if cx.now() > 20 * CENTURY {
                        timer.take().into_iter().for_each(|timer| assert!(cx.cancel(timer)));
                    }
                }
            });
            env.spawn(waits).tell(0, env);
        });
        let notes = std::mem::take(&mut *notes.lock().unwrap());
        (result.unwrap().time, notes)
    };
    let single = heard(Runtime::builder());
    assert_eq!(single.0, Duration::MAX);
    assert_eq!(single.1[..3], [(8 * CENTURY, 1_000), (8 * CENTURY, 2), (9 * CENTURY, 1)]);
    for threads in [1, 2, 4] {
        assert_eq!(heard(Runtime::builder().threads(threads)), single, "{threads} threads");
    }
}

/// The driver falls asleep while the timer's owner is muted, and is to wake for it all the same: the owner is freed, and
/// somebody runs until the tick has come.
#[test]
fn a_timer_of_an_actor_that_was_muted_is_on_time_while_others_run() {
    const LOOKS: u64 = 500;
    const FREED: u64 = LOOKS + 1;
    const TICK: u64 = u64::MAX;
    for threads in [2, 4] {
        let (tell, told) = mpsc::channel();
        let result = Runtime::builder().threads(threads).run(|env| {
            let auth = ApplyReleaseBackpressureAuth::from(&env.root);
            let owner = Arc::new(OnceLock::new());
            let its = owner.clone();
            let wall = env.spawn(act(move |n, cx| {
                let it = its.get().expect("it was put there before this began");
                let stands = cx.why_not_running(it);
                let muted = matches!(stands, WhyNotRunning::Muted { .. });
                match n {
                    0 => {
                        Backpressure::apply(&auth, cx);
                        it.tell(0, cx);
                    }
                    LOOKS if muted => {
                        Backpressure::release(&auth, cx);
                        cx.tell_self(FREED);
                    }
                    FREED if stands == WhyNotRunning::Idle => {
                        told.recv_timeout(LONG).expect("it ticks while this one runs");
                    }
                    FREED => cx.tell_self(FREED),
                    _ => cx.tell_self(if muted { n + 1 } else { n }),
                }
            }));
            let first = wall.clone();
            let sender = env.spawn(act(move |n, cx| match n {
                TICK => tell.send(()).expect("somebody waits"),
                _ => {
                    cx.after(5 * MS, TICK);
                    wall.tell(1, cx);
                }
            }));
            owner.set(sender).expect("it is new");
            first.tell(0, env);
        });
        assert!(result.unwrap().stats.is_conserved());
    }
}

#[cfg(feature = "net")]
#[test]
fn a_datagram_socket_is_polled_whoever_spawns_it() {
    use backwater::net::{UdpEndpoint, UdpNotify, UdpSocket, sim::SimNetwork};
    use backwater::{Context, UdpAuth};
    use std::net::SocketAddr;

    /// Sends itself one datagram, and closes when it comes.
    struct Echo;
    impl UdpNotify for Echo {
        fn listening(&mut self, socket: &mut UdpSocket, _: &mut Context<'_, UdpEndpoint>) {
            let me = socket.local_addr().expect("it listens");
            socket.send("over and out", me);
        }
        fn received(&mut self, socket: &mut UdpSocket, _: Vec<u8>, _: SocketAddr, _: &mut Context<'_, UdpEndpoint>) {
            socket.close();
        }
    }
    let spawns = |env: &mut backwater::Env<'_>| {
        let auth = UdpAuth::from(&env.root);
        let spawner = act(move |_, cx| drop(UdpEndpoint::listen(&auth, "127.0.0.1:0", Echo).spawn(cx)));
        env.spawn(spawner).tell(0, env);
    };
    each(spawns, |result| drop(result.unwrap()));
    each_built(|builder| builder.network(SimNetwork::new(1)).virtual_time(), spawns, |result| drop(result.unwrap()));
}

#[cfg(all(feature = "process", unix))]
#[test]
fn a_child_process_is_heard_whoever_starts_it() {
    use backwater::process::{ChildNotify, ChildProcess};
    use backwater::{Addr, Context, ProcessAuth};
    use std::process::{Command, ExitStatus};

    struct Tell(Addr<u64>);
    impl ChildNotify for Tell {
        fn exited(&mut self, status: ExitStatus, cx: &mut Context<'_, ChildProcess>) {
            self.0.tell(status.code().map_or(99, |code| code as u64), cx);
        }
    }
    each(
        |env| {
            let (auth, press) = (ProcessAuth::from(&env.root), ApplyReleaseBackpressureAuth::from(&env.root));
            let starter = act(move |n, cx| match n {
                0 => {
                    let mut command = Command::new("sh");
                    command.args(["-c", "exit 7"]);
                    ChildProcess::start(&auth, &press, command, Tell(cx.me())).spawn(cx);
                }
                _ => assert_eq!(n, 7),
            });
            env.spawn(starter).tell(0, env);
        },
        |result| assert!(result.unwrap().stats.totals.handled > 2),
    );
}
