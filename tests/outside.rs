//! Code outside any actor: inlets (R13), guards that other threads drop, and what the runtime says when asked: why an
//! actor does not run, what is stalled (R11), who has ended.

mod common;

use backwater::{
    ApplyReleaseBackpressureAuth, Backpressure, Inlet, PressureGuard, Refusal, RunError, SpawnOptions, StallWatch,
    WhyNotRunning,
};
use common::{Notes, act, idle, ms, presses_for, run, run_unwatched, threads, virtual_time};
use std::sync::mpsc;
use std::time::Duration;

/// Longer than any machine needs: a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

/// The reason of a refusal; none if it was taken.
fn why(inlet: &Inlet<u64>, message: u64) -> Option<Refusal> {
    inlet.try_send(message).err().map(|refused| {
        assert_eq!(refused.message, message, "it comes back");
        assert!(refused.to_string().len() > 20);
        refused.why
    })
}

/// Used within a behaviour, and on the thread that hands over what inlets take, so that nothing moves meanwhile.
#[test]
fn an_inlet_says_why_it_refuses() {
    let said = Notes::new();
    let notes = said.clone();
    let ran = run(virtual_time(), move |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let sink = env.spawn(act(move |n, cx| match n {
            1_000 => Backpressure::apply(&auth, cx),
            1_001 => Backpressure::release(&auth, cx),
            1_002 => cx.stop(),
            _ => {}
        }));
        let mut inlet = Some(env.inlet(&sink));
        let outside = act(move |n, cx| {
            let open = inlet.as_ref().unwrap();
            match n {
                0 => {
                    let taken = (0..).take_while(|n| why(open, *n).is_none()).count();
                    notes.add(format!("{taken} taken, then {:?}", why(open, 0)));
                    assert!(!open.is_ready());
                    sink.tell(1_000, cx);
                }
                1 => {
                    notes.add(format!("{:?}", why(open, 0)));
                    assert_eq!(open.send(0, Duration::ZERO).unwrap_err().why, Refusal::Pressing);
                    sink.tell(1_001, cx);
                }
                2 => {
                    notes.add(format!("{:?}", why(open, 7)));
                    sink.tell(1_002, cx);
                }
                _ => {
                    notes.add(format!("{:?}", why(open, 0)));
                    assert_eq!(open.send(0, LONG).unwrap_err().why, Refusal::Ended);
                    inlet = None;
                }
            }
            if n < 3 {
                cx.after(ms(1), n + 1);
            }
        });
        env.spawn_with(SpawnOptions::new().pinned(), outside).tell(0, env);
    });
    assert_eq!(said.take(), ["128 taken, then Some(Full)", "Some(Pressing)", "None", "Some(Ended)"]);
    // What the inlet took, and three ticks. The last that it took met the sink's end: a dead letter, not lost.
    let totals = &ran.well().stats.totals;
    assert_eq!((totals.delivered, totals.dead), (128 + 1 + 3, 1));
    // On a pool the sink may have released before the behaviour ends that asks it to: then there is no mark left.
    let least = u64::from(threads().is_none());
    assert!((least..=1).contains(&totals.mutes), "{totals:?}");
}

/// A thread waits in `send` until another drops the guard that presses; the sink is told by neither of them.
#[test]
fn a_blocking_send_waits_until_the_guard_is_dropped_on_another_thread() {
    let (to_thread, from_actor) = mpsc::channel::<(Inlet<u64>, PressureGuard)>();
    std::thread::scope(|scope| {
        let sender = scope.spawn(move || {
            let (inlet, guard) = from_actor.recv().unwrap();
            assert_eq!(why(&inlet, 5), Some(Refusal::Pressing));
            std::thread::scope(|scope| {
                scope.spawn(move || drop(guard));
                inlet.send(7, LONG)
            })
        });
        let ran = run(virtual_time(), |env| {
            let auth = ApplyReleaseBackpressureAuth::from(&env.root);
            let sink = env.spawn(act(move |n, cx| {
                if n == 0 {
                    let me = cx.me();
                    let inlet = cx.inlet(&me);
                    to_thread.send((inlet, Backpressure::hold(&auth, cx))).unwrap();
                }
            }));
            sink.tell(0, env);
        });
        sender.join().unwrap().unwrap();
        assert_eq!((ran.count("handles 7"), ran.count("guard 0 dropped"), ran.count("handles 5")), (1, 1, 0));
    });
}

/// 4 threads, 1,000 blocking sends each, into a sink that is overloaded by 16 waiting: all arrive, in order for each.
#[test]
fn nothing_is_lost_between_threads_and_actors() {
    let got = Notes::new();
    let notes = got.clone();
    std::thread::scope(|scope| {
        let builder = virtual_time().overload(backwater::Detector::Depth { high: 16, low: 4 });
        let summary = run_unwatched(builder, |env| {
            let sink = env.spawn(act(move |n, _| notes.add(n)));
            for thread in 0..4 {
                let inlet = env.inlet(&sink);
                scope.spawn(move || (0..1_000).for_each(|n| inlet.send(thread * 1_000 + n, LONG).unwrap()));
            }
        });
        assert_eq!(summary.unwrap().stats.totals.delivered, 4_000);
    });
    let got = got.take();
    for thread in 0..4 {
        let of_thread: Vec<u64> = got.iter().copied().filter(|n| n / 1_000 == thread).collect();
        assert!(of_thread.is_sorted() && of_thread.len() == 1_000);
    }
}

/// The runtime ends while a thread sends: it hears of it, and waits for nobody.
#[test]
fn an_inlet_ends_with_its_runtime() {
    std::thread::scope(|scope| {
        let mut sender = None;
        let result = run_unwatched(virtual_time(), |env| {
            let sink = env.spawn(act(|n, cx| {
                if n == 9 {
                    cx.shutdown()
                }
            }));
            let inlet = env.inlet(&sink);
            sender = Some(scope.spawn(move || {
                loop {
                    if let Err(refused) = inlet.send(9, LONG) {
                        return refused.why;
                    }
                }
            }));
        });
        result.unwrap();
        assert_eq!(sender.unwrap().join().unwrap(), Refusal::Ended);
    });
}

// --- Questions ------------------------------------------------------------------------------------------------------

/// Each answer once, from a third actor that asks. Time passes when everybody has done what there is: so each is where it
/// should be when it is asked about. Whom an actor has woken waits for it on its own thread, on a pool too.
#[test]
fn why_not_running_has_every_answer() {
    let said = Notes::new();
    let notes = said.clone();
    let ran = run(virtual_time(), move |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let sink = env.spawn(act(move |n, cx| match n {
            0 => Backpressure::apply(&auth, cx),
            9 => Backpressure::release(&auth, cx),
            _ => {}
        }));
        sink.tell(0, env);
        let to = sink.clone();
        let muted = env.spawn(act(move |n, cx| {
            if n == 1 {
                to.tell(1, cx)
            }
        }));
        let ended = env.spawn(act(|_, cx| cx.stop()));
        ended.tell(0, env);
        let lazy = env.spawn(idle());
        let asker = env.spawn(act(move |n, cx| {
            match n {
                0 => {}
                1 => (1..=3).for_each(|n| muted.tell(n, cx)),
                2 => {
                    lazy.tell(0, cx);
                    lazy.tell(0, cx);
                    [&muted, &ended, &lazy, &cx.me()].iter().for_each(|actor| notes.add(cx.why_not_running(actor)));
                }
                _ => {
                    notes.add(cx.why_not_running(&lazy));
                    return sink.tell(9, cx);
                }
            }
            cx.after(ms(1), n + 1);
        }));
        asker.tell(0, env);
    });
    let said = said.take();
    let by = vec!["Act#4".to_owned()];
    assert_eq!(said[0], WhyNotRunning::Muted { by, waiting: 2 });
    assert_eq!(
        said[1..],
        [WhyNotRunning::Ended, WhyNotRunning::Queued(2), WhyNotRunning::Running, WhyNotRunning::Idle]
    );
    for (answer, words) in
        said.iter().zip(["muted by Act#4 (R3)", "has ended", "run queue with 2", "right now", "empty"])
    {
        assert!(answer.to_string().contains(words), "{answer}");
    }
    ran.well();
}

/// Asked in the middle of a run: what it did so far counts, and how long somebody has been muted by now.
#[test]
fn counts_of_an_actor_are_those_of_this_very_moment() {
    let said = Notes::new();
    let notes = said.clone();
    // Of one thread: on a pool another one knows what the run in progress did when that is over.
    let builder = backwater::Runtime::builder().virtual_time();
    let summary = run_unwatched(builder, move |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        // It presses for the first 10 ms, and from 20 to 40.
        let sink = env.spawn(act(move |n, cx| match n {
            0 => {
                Backpressure::apply(&auth, cx);
                for (at, n) in [(10, 1), (20, 2), (40, 1)] {
                    cx.after(ms(at), n);
                }
            }
            1 => Backpressure::release(&auth, cx),
            2 => Backpressure::apply(&auth, cx),
            _ => {}
        }));
        let to = sink.clone();
        let sender = env.spawn(act(move |n, cx| {
            to.tell(9, cx);
            if n == 0 {
                cx.after(ms(21), 1);
            }
        }));
        let lazy = env.spawn(idle());
        let (muted, by) = (sender.clone(), sink.clone());
        let asker = env.spawn(act(move |n, cx| match n {
            // A run of three, in which it sends nine messages, the last ones to itself at 26 ms.
            0 => (0..9).for_each(|n| lazy.tell(n, cx)),
            1 => {}
            2 => {
                cx.after(ms(26), 3);
            }
            3 => (4..8).for_each(|n| cx.tell_self(n)),
            // Another run of four: it asks in the second.
            4 => lazy.tell(0, cx),
            5 => {
                lazy.tell(0, cx);
                let of = |actor: &backwater::Addr<u64>| cx.stats_of(actor).unwrap();
                notes.add((of(&cx.me()), of(&muted), of(&by), cx.stats()));
            }
            _ => {}
        }));
        sink.tell(0, env);
        sender.tell(0, env);
        (0..3).for_each(|n| asker.tell(n, env));
    });
    let (me, muted, by, all) = said.get(0);
    assert_eq!((me.sent, me.handled, me.mailbox, me.received, me.mailbox_peak), (15, 6, 2, 8, 4));
    assert_eq!((muted.muted, muted.mutes_taken, &*muted.muted_by), (ms(15), 2, &[by.id][..]));
    assert_eq!((by.mutes_given, by.muted, by.sent, by.handled, by.received), (2, ms(0), 0, 5, 5));
    assert_eq!((all.totals.sent, all.totals.handled), (2 + 15 + 5, 5 + 2 + 6 + 9));
    assert!(all.is_conserved() && all.actors.contains(&me) && all.actors.contains(&muted), "{all}");
    assert!(summary.unwrap().stats.is_conserved());
}

/// A sink that presses for ever, and a sender that it mutes.
fn stuck(env: &mut backwater::Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let sink = env.spawn(act(move |_, cx| Backpressure::apply(&auth, cx)));
    sink.tell(0, env);
    // When the sink presses: time passes when everybody has done what there is.
    let sender = act(move |n, cx| match n {
        0 => drop(cx.after(ms(1), 1)),
        _ => sink.tell(n, cx),
    });
    env.spawn(sender).tell(0, env);
}

/// A clock that ticks on elsewhere: it never sent to the sink, but could.
fn ticker(env: &mut backwater::Env<'_>) {
    let ticker = act(|n, cx| {
        if n == 0 {
            cx.every(ms(1), |ticks| ticks);
        }
    });
    env.spawn(ticker).tell(0, env);
}

#[test]
fn a_stall_is_suspected_while_somebody_else_lives() {
    let ran = run(virtual_time().stall_watch(StallWatch::EndRun), |env| {
        stuck(env);
        ticker(env);
    });
    let RunError::Stalled(stall) = ran.error() else { panic!("{}", ran.error()) };
    assert_eq!((stall.roots.len(), stall.roots[0].1, stall.muted.len()), (1, false, 1));
    assert!(stall.to_string().contains("suspected") && stall.to_string().contains("Backpressure::apply at"));
}

#[test]
fn a_stall_is_proved_when_nobody_else_can_run() {
    let said = Notes::new();
    let notes = said.clone();
    let watch = StallWatch::Report(Box::new(move |stall| notes.add((stall.roots[0].1, stall.to_string()))));
    let ran = run(virtual_time().stall_watch(watch), stuck);
    ran.deadlock();
    let said = said.take();
    // On a pool everything may come to rest between the look for a stall and that for the end, which says it too.
    let least = usize::from(threads().is_none());
    assert!((least..=1).contains(&said.len()), "once for each new one: {said:?}");
    assert!(said.iter().all(|(proved, text)| *proved && text.contains("proved")), "{said:?}");
}

/// Not stalled: the root has a timer that will release it; and not where the watch is off.
#[test]
fn a_root_that_something_can_reach_is_not_stalled() {
    let watch = StallWatch::EndRun;
    let ran = run(virtual_time().stall_watch(watch), |env| {
        let sink = presses_for(env, ms(50));
        let sender = act(move |n, cx| match n {
            0 => drop(cx.after(ms(1), 1)),
            _ => sink.tell(n, cx),
        });
        env.spawn(sender).tell(0, env);
    });
    assert_eq!(ran.well().stats.totals.freed, 1);
    let none = Notes::new();
    let notes = none.clone();
    run(virtual_time(), |env| {
        stuck(env);
        env.spawn(act(move |_, cx| notes.add(cx.stall()))).tell(0, env);
    })
    .deadlock();
    assert_eq!(none.take(), [None]);
}

/// A notice comes once, from the runtime, also for one that had ended before; it mutes nobody (R7).
#[test]
fn a_watcher_hears_of_every_end_once() {
    let ran = run(virtual_time(), |env| {
        let brief = env.spawn(act(|_, cx| cx.stop()));
        let watcher = env.spawn(act(move |n, cx| match n {
            0 => {
                cx.watch(&brief, 10);
                cx.watch(&brief, 11);
                brief.tell(0, cx);
            }
            10 => cx.watch(&brief, 12),
            _ => {}
        }));
        watcher.tell(0, env);
    });
    assert_eq!([10, 11, 12].map(|n| ran.count(&format!("#5 handles {n}"))), [1, 1, 1]);
    assert_eq!(ran.well().stats.totals.mutes, 0);
}
