//! Signals of the machine as messages. In a program of its own, because a signal is the whole process's.
#![cfg(all(feature = "signals", unix))]

mod common;

use backwater::{ApplyReleaseBackpressureAuth, Backpressure, Env, SignalAuth, SignalKind, Signals, Summary};
use common::{act, ms};
use signal_hook::consts::{SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::low_level::raise;
use std::sync::{Arc, Mutex};

const BEGIN: u64 = u64::MAX;

fn run(main: impl FnOnce(&mut Env<'_>)) -> Summary {
    common::builder().check_invariants(true).run(main).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn every_signal_is_counted_and_none_comes_after_the_subscription() {
    let counted = Arc::new(Mutex::new(0));
    let count = counted.clone();
    run(move |env| {
        let auth = SignalAuth::from(&env.root);
        let mut signals = Vec::new();
        let actor = env.spawn(act(move |n, cx| match n {
            BEGIN => {
                signals.push(Signals::listen(&auth, SignalKind::User1, |n| n, cx).unwrap().keep_alive());
                raise(SIGUSR1).unwrap();
            }
            // One after the other: the machine makes one of two that come at once.
            n => {
                *count.lock().unwrap() += n;
                if *count.lock().unwrap() < 5 { raise(SIGUSR1).unwrap() } else { signals.clear() }
            }
        }));
        actor.tell(BEGIN, env);
    });
    assert_eq!(*counted.lock().unwrap(), 5);
    // The process is still there: the handler stays, and does nothing.
    raise(SIGUSR1).unwrap();
    assert_eq!(*counted.lock().unwrap(), 5);
}

#[test]
fn a_signal_reaches_an_actor_under_pressure_and_ends_it() {
    let summary = run(|env| {
        let (auth, press) = (SignalAuth::from(&env.root), ApplyReleaseBackpressureAuth::from(&env.root));
        let mut signals = Vec::new();
        let sink = env.spawn(act(move |n, cx| match n {
            BEGIN => {
                Backpressure::apply(&press, cx);
                signals.push(Signals::listen(&auth, SignalKind::User2, |_| 1, cx).unwrap().keep_alive());
                cx.after(ms(1), 2);
            }
            1 => {
                Backpressure::release(&press, cx);
                signals.clear();
            }
            2 => raise(SIGUSR2).unwrap(),
            _ => {}
        }));
        sink.tell(BEGIN, env);
        env.spawn(act(move |n, cx| sink.tell(n, cx))).tell(3, env);
    });
    assert_eq!((summary.stats.totals.mutes, summary.stats.totals.freed), (1, 1));
}

#[test]
fn a_subscription_alone_keeps_no_run_alive_and_ends_with_its_actor() {
    const CAME: u64 = 9; // some run may still hear of it before it ends
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let before = threads();
    for round in 0..20 {
        run(|env| {
            let auth = SignalAuth::from(&env.root);
            let mut signals = Vec::new();
            let actor = env.spawn(act(move |n, cx| {
                if n == CAME {
                    return;
                }
                signals.push(Signals::listen(&auth, SignalKind::WindowChange, |_| CAME, cx).unwrap());
                raise(SIGWINCH).unwrap();
                if n == round % 2 {
                    cx.stop();
                }
            }));
            actor.tell(0, env);
        });
    }
    // Other tests run beside this one, with a thread or two each; twenty left behind would show.
    assert!(threads() < before + 15, "{before} threads, and then {}", threads());
}
