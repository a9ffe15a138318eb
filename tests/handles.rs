//! Runtimes on threads of their own: started, asked, stopped and waited for from outside.

mod common;

use backwater::report::Trace;
use backwater::{Detector, Env, Remote, RunError};
use common::{Notes, act, idle, panicked, virtual_time};
use std::sync::mpsc;
use std::time::Duration;

/// Longer than any machine needs: a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

/// An inlet that lives keeps the runtime waiting for ever (R9): only `stop` ends this.
#[test]
fn a_stop_wakes_a_runtime_that_sleeps() {
    let (give, inlet) = mpsc::channel();
    let handle = common::builder().spawn_thread(move |env| {
        let sink = env.spawn(idle());
        give.send(env.inlet(&sink)).unwrap();
    });
    let inlet = inlet.recv_timeout(LONG).unwrap();
    // Answered by the runtime's loop, so it is past `main`.
    assert_eq!(handle.stats().unwrap().totals.spawned, 5, "main, its three streams, and the sink");
    handle.stop();
    let remote = handle.remote();
    let summary = handle.wait().unwrap();
    assert!(summary.stats.is_conserved());
    assert!(remote.is_ended() && remote.stats().is_none());
    remote.stop();
    assert!(inlet.try_send(1).is_err() && format!("{remote:?}").contains("ended: true"));
}

/// A stop at once, most often before the thread runs: the sleeper would never end if it were lost.
#[test]
fn a_stop_before_the_beginning_is_not_lost_and_main_runs_all_the_same() {
    for _ in 0..50 {
        let ran = Notes::new();
        let notes = ran.clone();
        let handle = virtual_time().spawn_thread(move |env| {
            let sink = env.spawn(idle());
            // Leaked: nobody ever sends by it, and the runtime would wait for ever.
            std::mem::forget(env.inlet(&sink));
            notes.add(());
        });
        handle.stop();
        handle.wait().unwrap();
        assert_eq!(ran.take().len(), 1);
    }
}

/// An actor that always has something to do never lets the runtime rest.
#[test]
fn a_busy_runtime_is_asked_by_many_and_stopped_by_one() {
    let handle = virtual_time().spawn_thread(|env| env.spawn(act(|n, cx| cx.tell_self(n))).tell(0, env));
    std::thread::scope(|scope| {
        let ask = |remote: Remote| {
            let mut handled = 0;
            for _ in 0..50 {
                let stats = remote.stats().expect("nobody has stopped it yet");
                assert!(stats.is_conserved() && stats.totals.handled >= handled, "{stats}");
                handled = stats.totals.handled;
            }
        };
        for _ in 0..4 {
            let remote = handle.remote();
            scope.spawn(move || ask(remote));
        }
    });
    handle.stop();
    assert_eq!(handle.wait().unwrap().stats.queued, 1, "what waits is left there and counted");
}

#[test]
fn a_run_on_this_thread_is_stopped_from_another() {
    std::thread::scope(|scope| {
        let summary = virtual_time().run(|env| {
            let remote = env.remote();
            env.spawn(act(|n, cx| cx.tell_self(n))).tell(0, env);
            scope.spawn(move || {
                assert_eq!(remote.stats().unwrap().totals.spawned, 5);
                remote.stop();
            });
        });
        assert!(summary.unwrap().stats.is_conserved());
    });
}

#[test]
fn whatever_goes_wrong_is_told_by_wait() {
    let unbuilt = common::builder().batch(0).spawn_thread(|_| unreachable!("it is not built"));
    assert!(matches!(unbuilt.wait().unwrap_err(), RunError::Config(_)));
    let broken = common::builder().spawn_thread(|_| panic!("main gives up"));
    let error = broken.wait().unwrap_err();
    let (_, name, .., said) = panicked(&error);
    assert_eq!((name, said), ("main", "main gives up"));
}

/// A run that is not built is over before it has begun: whoever asks it is answered.
#[test]
fn a_run_that_never_began_is_over() {
    let handle = common::builder().batch(0).spawn_thread(|_| unreachable!("it is not built"));
    let remote = handle.remote();
    std::thread::scope(|scope| {
        let asker = scope.spawn(|| remote.stats().is_none());
        handle.wait().unwrap_err();
        assert!(asker.join().unwrap() && remote.is_ended());
    });
}

#[test]
fn a_runtime_that_asks_itself_is_told_how_to_do_it() {
    let result = virtual_time().run(|env| {
        let remote = env.remote();
        env.spawn(act(move |_, _| drop(remote.stats()))).tell(0, env);
    });
    let error = result.unwrap_err();
    let (.., said) = panicked(&error);
    assert!(said.contains("use `Context::stats`"), "{said}");
}

#[test]
fn a_stop_by_an_actor_is_one_too() {
    let result = virtual_time().run(|env| {
        let remote = env.remote();
        env.spawn(act(move |n, cx| {
            remote.stop();
            cx.tell_self(n);
        }))
        .tell(0, env);
    });
    assert_eq!(result.unwrap().stats.queued, 1);
}

/// They go a shorter way than others; for whom they make overloaded (R4) they count as any.
#[test]
fn messages_to_oneself_make_a_mailbox_as_long_as_others() {
    let program = |env: &mut Env<'_>| {
        let talker = env.spawn(act(|n, cx| {
            if n == 0 {
                (1..=5).for_each(|n| cx.tell_self(n));
            }
        }));
        talker.tell(0, env);
    };
    let overloaded = |lines: Vec<String>| lines.iter().filter(|line| line.contains("overloaded")).count();
    for (high, times) in [(5, 1), (6, 0)] {
        let depth = || virtual_time().overload(Detector::Depth { high, low: 0 });
        let plain = depth().run(program).expect("it ends well");
        let trace = Trace::new();
        let watched = depth().observer(trace.clone()).run(program).expect("it ends well");
        assert_eq!([plain.stats.totals.deepest, watched.stats.totals.deepest], [5, 5]);
        assert_eq!(overloaded(trace.lines()), times, "{:?}", trace.lines());
    }
}
