//! What goes wrong, and how a run ends: panics wherever a user's code can panic, a stop from outside, threads that are
//! not to be had. Nobody is left waiting, and everything is dropped.

use super::{Valve, each_built};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Context, Env, Event, OnPanic, RunError, Runtime, SpawnOptions,
};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// A share of a count: as long as any value lives that holds one, the count is above 1.
type Share = Arc<()>;

#[derive(Debug)]
enum Order {
    /// Work, and send on.
    Go(u32, #[expect(dead_code, reason = "what matters is its drop")] Share),
    Boom,
    /// Its drop panics.
    Bomb(Fuse),
    Stop,
}

/// Panics when it is dropped.
#[derive(Debug)]
struct Fuse;

impl Drop for Fuse {
    fn drop(&mut self) {
        panic!("fuse blew");
    }
}

/// Passes orders on to its peer.
struct Worker {
    peer: Option<Addr<Order>>,
    share: Share,
    _fuse: Option<Fuse>,
}

impl Actor for Worker {
    type Msg = Order;

    fn receive(&mut self, msg: Order, cx: &mut Context<'_, Self>) {
        match msg {
            Order::Go(left, _) if left > 0 => {
                let order = Order::Go(left - 1, self.share.clone());
                match &self.peer {
                    Some(peer) => peer.tell(order, cx),
                    None => cx.tell_self(order),
                }
            }
            Order::Boom => panic!("boom"),
            Order::Stop => cx.stop(),
            Order::Go(..) | Order::Bomb(_) => {}
        }
    }
}

/// Pairs of workers that keep each other busy.
fn pairs(env: &mut Env<'_>, share: &Share, orders: u32) -> Vec<Addr<Order>> {
    let worker = |peer, share: &Share| Worker { peer, share: share.clone(), _fuse: None };
    (0..8)
        .map(|_| {
            let one = env.spawn(worker(None, share));
            let other = env.spawn(worker(Some(one), share));
            other.tell(Order::Go(orders, share.clone()), env);
            other
        })
        .collect()
}

fn panicked(result: Result<backwater::Summary, RunError>) -> (String, String) {
    match result {
        Err(RunError::Panicked { name, payload, .. }) => (name, payload),
        other => panic!("it was to end with a panic, not with {other:?}"),
    }
}

#[test]
fn a_panic_in_a_behaviour_ends_the_run_and_names_the_actor() {
    let share = Share::default();
    each_built(
        |builder| builder,
        |env| {
            let worker = Worker { peer: None, share: share.clone(), _fuse: None };
            pairs(env, &share, 10_000);
            env.spawn_with(SpawnOptions::new().name("bomb"), worker).tell(Order::Boom, env);
        },
        |result| assert_eq!(panicked(result), ("bomb".into(), "boom".into())),
    );
    assert_eq!(Arc::strong_count(&share), 1, "every message and every actor is dropped");
}

#[test]
fn a_panic_under_stop_actor_ends_that_actor_alone_and_the_others_go_on() {
    let share = Share::default();
    each_built(
        |builder| builder.on_panic(OnPanic::StopActor),
        |env| {
            for pair in pairs(env, &share, 0) {
                (0..100).for_each(|_| pair.tell(Order::Go(3, share.clone()), env));
                pair.tell(Order::Boom, env);
                pair.tell(Order::Go(0, share.clone()), env);
            }
        },
        |result| {
            let totals = result.unwrap().stats.totals;
            assert_eq!((totals.panics, totals.dead), (8, 8));
        },
    );
    assert_eq!(Arc::strong_count(&share), 1);
}

/// A message in the mailbox of an actor that stops, an actor that panicked, and one that is left at the end.
#[test]
fn a_panic_in_a_drop_loses_nothing_but_the_value() {
    let share = Share::default();
    each_built(
        |builder| builder.on_panic(OnPanic::StopActor),
        |env| {
            for pair in pairs(env, &share, 1_000) {
                pair.tell(Order::Stop, env);
                pair.tell(Order::Bomb(Fuse), env);
                pair.tell(Order::Go(0, share.clone()), env);
            }
            let bomb = Worker { peer: None, share: share.clone(), _fuse: Some(Fuse) };
            let last = env.spawn(bomb);
            last.tell(Order::Stop, env);
            last.tell(Order::Go(0, share.clone()), env);
        },
        |result| assert_eq!(result.unwrap().stats.totals.panics, 9),
    );
    assert_eq!(Arc::strong_count(&share), 1);
}

#[test]
fn a_panic_in_an_observer_ends_the_run() {
    let share = Share::default();
    // All kinds of events, from `main` and from behaviours.
    for at in (1..40).chain(3_000..3_012) {
        each_built(
            |builder| {
                let mut seen = 0;
                builder.observer(move |_: Duration, _: &Event<'_>| {
                    seen += 1;
                    assert!(seen < at, "seen enough");
                })
            },
            |env| drop(pairs(env, &share, 10_000)),
            |result| assert_eq!(panicked(result).1, "seen enough"),
        );
        assert_eq!(Arc::strong_count(&share), 1);
    }
}

/// The hook is called where the sender is, or where a mailbox is emptied: between two runs, too.
#[test]
fn a_panic_in_the_hook_of_dead_letters_loses_nothing() {
    let share = Share::default();
    each_built(
        |builder| {
            let mut left = 3;
            let hook = move |_, _: &dyn std::fmt::Debug| {
                left -= i32::from(left > 0);
                assert!(left > 0 || std::mem::replace(&mut left, -1) < 0, "a dead letter");
            };
            builder.on_panic(OnPanic::StopActor).on_dead_letter(hook)
        },
        |env| {
            for pair in pairs(env, &share, 100) {
                pair.tell(Order::Stop, env);
                (0..10).for_each(|_| pair.tell(Order::Go(1, share.clone()), env));
            }
        },
        |result| assert!(result.unwrap().stats.totals.dead >= 80),
    );
    assert_eq!(Arc::strong_count(&share), 1);
}

#[test]
fn a_stop_from_outside_ends_a_busy_pool_and_nothing_is_lost() {
    for threads in [1, 2, 4] {
        let share = Share::default();
        let (given, began) = mpsc::channel();
        let of_run = share.clone();
        let handle = Runtime::builder().threads(threads).spawn_thread(move |env| {
            pairs(env, &of_run, u32::MAX);
            let worker = env.spawn(Worker { peer: None, share: of_run.clone(), _fuse: None });
            given.send(env.inlet(&worker)).unwrap();
        });
        let inlet = began.recv().expect("main gives an inlet");
        inlet.try_send(Order::Go(10, share.clone())).expect("the runtime lives");
        // Counts taken twice: everybody stands still meanwhile, and then goes on.
        let first = handle.stats().expect("the runtime lives");
        let second = handle.stats().expect("the runtime lives");
        assert!(first.is_conserved() && second.is_conserved(), "{first}\n{second}");
        handle.stop();
        let summary = handle.wait().expect("a stop is no error");
        assert!(summary.stats.is_conserved(), "{}", summary.stats);
        drop(inlet);
        assert_eq!(Arc::strong_count(&share), 1, "{threads} threads");
    }
}

/// What is left when nobody can go on: a muted sender, its messages, those of the wall.
#[test]
fn a_deadlock_leaves_nothing_behind() {
    struct Sender {
        to: Addr<()>,
        _share: Share,
    }
    impl Actor for Sender {
        type Msg = Share;
        fn receive(&mut self, _: Share, cx: &mut Context<'_, Self>) {
            self.to.tell((), cx);
        }
    }
    let share = Share::default();
    each_built(
        |builder| builder,
        |env| {
            let auth = ApplyReleaseBackpressureAuth::from(&env.root);
            let valve = env.spawn(Valve { auth });
            valve.tell((), env);
            for _ in 0..8 {
                let sender = env.spawn(Sender { to: valve.clone(), _share: share.clone() });
                (0..50).for_each(|_| sender.tell(share.clone(), env));
            }
        },
        |result| assert!(matches!(result, Ok(_) | Err(RunError::Deadlock(_))), "{result:?}"),
    );
    assert_eq!(Arc::strong_count(&share), 1);
}

// --- Threads --------------------------------------------------------------------------------------------------------

#[test]
fn no_threads_and_too_many_are_refused_with_the_remedy() {
    for (threads, remedy) in [(0, "give at least 1"), (1_025, "as there are processors")] {
        let error = Runtime::builder().threads(threads).run(|_| panic!("main does not run")).unwrap_err();
        assert!(matches!(error, RunError::Config(_)) && error.to_string().contains(remedy), "{error}");
    }
}

/// R12: nobody said who ran next, so no token makes the run again, and none is taken for one that does.
#[test]
fn a_run_on_threads_has_no_replay_line_and_takes_none() {
    let summary = Runtime::builder().threads(1).run(|_| ()).expect("there is nothing to do");
    assert!(summary.replay.contains("Builder::record"), "{}", summary.replay);
    let builder = Runtime::builder().threads(1).replay("bw1.fifo.s0.b100");
    let error = builder.run(|_| panic!("main does not run")).unwrap_err();
    assert!(error.to_string().contains("leave out") && error.to_string().contains("replay token"), "{error}");
}

/// Runs this test again in a process of its own, with this variable in its environment. True in that process.
fn in_child(test: &str, variable: (&str, &str)) -> bool {
    if std::env::var_os("BACKWATER_CHILD").is_some() {
        return true;
    }
    // With one test thread the test runs on the main thread, so the harness needs no other.
    let mut child = Command::new(std::env::current_exe().expect("the test knows where it is"));
    child.args([test, "--exact", "--test-threads=1"]).env("BACKWATER_CHILD", "1").env(variable.0, variable.1);
    let output = child.output().expect("the test starts itself");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    false
}

/// A stack of 64 TiB is more than a process has addresses for.
#[cfg(target_os = "linux")]
#[test]
fn threads_that_the_machine_does_not_give_are_an_error_and_main_does_not_run() {
    let test = "edges::threads_that_the_machine_does_not_give_are_an_error_and_main_does_not_run";
    if !in_child(test, ("RUST_MIN_STACK", "70368744177664")) {
        return;
    }
    let error = Runtime::builder().threads(2).run(|_| panic!("main does not run")).unwrap_err();
    assert!(matches!(error, RunError::Thread(_)) && error.to_string().contains("ask for fewer"), "{error}");
}

/// Processor time of this process, in the machine's ticks of 10 ms.
#[cfg(target_os = "linux")]
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells");
    let after_name = stat.rsplit(") ").next().expect("the name is in brackets");
    after_name.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum()
}

/// Half a second is 50 ticks for each thread that spins; what is not idle at the beginning and the end is a few
/// milliseconds.
#[cfg(target_os = "linux")]
#[test]
fn an_idle_pool_takes_no_processor_time() {
    if !in_child("edges::an_idle_pool_takes_no_processor_time", ("BACKWATER_IDLE", "1")) {
        return;
    }
    let before = ticks();
    let summary = Runtime::builder().threads(4).run(|env| {
        let sleeper = super::act(|n, cx| {
            if n == 0 {
                cx.after(Duration::from_millis(500), 1);
            }
        });
        env.spawn(sleeper).tell(0, env);
    });
    assert_eq!(summary.unwrap().stats.totals.handled, 2);
    let used = ticks() - before;
    assert!(used <= 10, "{used} ticks of processor time while nothing happened");
}

/// Two threads at work, then one runnable actor, then two again. Nothing here waits for time: the actors of the wide
/// phases go on until they have seen two threads.
#[test]
fn threads_scale_down_to_one_and_back() {
    let seen = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
    let moves = Arc::new(AtomicU32::new(0));
    let (of_run, moved) = (seen.clone(), moves.clone());
    let result = Runtime::builder().threads(2).run(move |env| {
        let wide = |env: &mut Env<'_>, phase: usize, then: Option<&Addr<u64>>| -> Vec<Addr<u64>> {
            (0..WIDE).map(|_| env.spawn(wide_actor(of_run.clone(), phase, then.cloned()))).collect()
        };
        let last = wide(env, 1, None);
        let narrow = env.spawn(narrow_actor(moved, last));
        let gate = env.spawn(gate(narrow));
        let first = wide(env, 0, Some(&gate));
        first.iter().for_each(|actor| actor.tell(0, env));
    });
    assert!(result.unwrap().stats.is_conserved());
    assert!(seen.iter().all(|seen| seen.load(Ordering::Relaxed) == 0b11));
    assert_eq!(moves.load(Ordering::Relaxed), 0, "a lone runnable actor is not stolen");
}

/// A behaviour that takes long holds up nobody but its own actor: here two are begun by a third, whose thread goes on with
/// one of them, and each is over when the other has begun. Again when all threads were asleep.
#[test]
fn who_waits_behind_a_long_behaviour_is_run_by_somebody_else() {
    let begun: Arc<[AtomicU32; 2]> = Arc::default();
    let meets = move |begun: Arc<[AtomicU32; 2]>, me: usize| {
        super::act(move |round, _| {
            begun[me].fetch_add(1, Ordering::SeqCst);
            while u64::from(begun[1 - me].load(Ordering::SeqCst)) <= round {
                std::thread::yield_now();
            }
        })
    };
    Runtime::builder()
        .threads(2)
        .run(|env| {
            let both = [0, 1].map(|me| env.spawn(meets(begun.clone(), me)));
            let begins = move |round, cx: &mut Context<'_, super::Act>| {
                both.iter().for_each(|one| one.tell(round, cx));
                if round < 4 {
                    cx.after(Duration::from_millis(20), round + 1);
                }
            };
            env.spawn(super::act(begins)).tell(0, env);
        })
        .unwrap();
}

/// Which of the pool's two threads this is.
fn thread() -> u32 {
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    name.strip_prefix("backwater-").and_then(|n| n.parse().ok()).expect("actors run on the pool's threads")
}

/// How many actors there are in a wide phase.
const WIDE: u32 = 8;

/// Sends to itself until actors of its phase have run on both threads; then it tells `then`. Each behaviour takes twice as
/// long as the one before: a worker is helped only when its actors wait for long, on whatever machine.
fn wide_actor(seen: Arc<[AtomicU32; 2]>, phase: usize, then: Option<Addr<u64>>) -> super::Act {
    let mut work = 1u64;
    super::act(move |_, cx| {
        if seen[phase].fetch_or(1 << thread(), Ordering::Relaxed) | 1 << thread() != 0b11 {
            (0..work).for_each(|_| std::hint::spin_loop());
            work *= 2;
            cx.tell_self(0);
        } else if let Some(then) = &then {
            then.tell(0, cx);
        }
    })
}

/// Waits for all of the first phase, without running meanwhile, and then starts the second.
fn gate(then: Addr<u64>) -> super::Act {
    let mut ended = 0;
    super::act(move |_, cx| {
        ended += 1;
        if ended == WIDE {
            then.tell(0, cx);
        }
    })
}

/// Runs a thousand times, counts how often it finds itself on another thread, and starts the third phase.
fn narrow_actor(moves: Arc<AtomicU32>, then: Vec<Addr<u64>>) -> super::Act {
    let mut on = None;
    super::act(move |n, cx| {
        let now = thread();
        moves.fetch_add(u32::from(on.replace(now).is_some_and(|on| on != now)), Ordering::Relaxed);
        match n {
            1_000 => then.iter().for_each(|actor| actor.tell(0, cx)),
            n => cx.tell_self(n + 1),
        }
    })
}
