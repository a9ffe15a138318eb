//! Outlets: what comes out, when their actors press, and how either side's end is heard by the other. Read by an actor
//! in virtual time where it matters when; by threads where they are to be real.

mod common;

use backwater::{NoMessage, WhyNotRunning};
use common::{Notes, act, ms, panic_of, run, run_unwatched, virtual_time};
use std::sync::mpsc;
use std::time::Duration;

/// Longer than any machine needs: a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

/// A sender of 1, 2, 3 and so on to `last`, one a behaviour.
fn counter(to: backwater::Addr<u64>, last: u64) -> common::Act {
    act(move |n, cx| {
        to.tell(n, cx);
        if n < last {
            cx.tell_self(n + 1);
        }
    })
}

/// The same, one a millisecond: time passes when everybody has done what there is, so what the outlet presses is known, on
/// a pool too.
fn slow_counter(to: backwater::Addr<u64>, last: u64) -> common::Act {
    act(move |n, cx| {
        to.tell(n, cx);
        if n < last {
            cx.after(ms(1), n + 1);
        }
    })
}

/// Room for 4: the fifth meets a pressing actor, and mutes. It falls when half of its room is free, not before.
#[test]
fn an_outlet_presses_when_it_is_full_and_falls_when_half_of_it_is_read() {
    let ran = run(virtual_time(), |env| {
        let (to, outlet) = env.outlet(4);
        let sender = env.spawn(slow_counter(to, 100));
        sender.tell(1, env);
        let mut read = 0;
        let reader = env.spawn(act(move |n, cx| {
            let muted = matches!(cx.why_not_running(&sender), WhyNotRunning::Muted { .. });
            match n {
                0 => {}
                1 => assert_eq!((muted, format!("{outlet:?}")), (true, "Outlet { waiting: 5, ended: false }".into())),
                2 | 3 => assert!(muted, "more than half of 4 are left"),
                4 => assert_eq!((read, muted, outlet.try_recv()), (3, true, Ok(4)), "freed, ran, and muted again"),
                _ => {}
            }
            let take = if n < 4 { n.min(1) } else { 200 };
            let came: Vec<u64> = (0..take).map_while(|_| outlet.try_recv().ok()).collect();
            read = came.last().copied().unwrap_or(read);
            if read < 100 {
                cx.after(ms(100), n + 1);
            } else {
                assert_eq!(outlet.try_recv(), Err(NoMessage::Yet));
            }
        }));
        reader.tell(0, env);
    });
    let totals = &ran.well().stats.totals;
    assert_eq!((ran.count("took guard"), totals.mutes), (ran.count("guard") / 2, totals.freed));
    assert!(totals.mutes > 10 && totals.deepest == 1, "{totals:?}");
}

/// The reader goes while the outlet is full: what it has not read is dead letters, and so is what comes after; the
/// sender is freed, and whoever watches hears of the end.
#[test]
fn what_a_dropped_outlet_has_not_given_is_dead_letters_and_its_pressure_ends() {
    let dead = Notes::new();
    let (hook, said) = (dead.clone(), Notes::new());
    let notes = said.clone();
    let builder = virtual_time().on_dead_letter(move |_, message| hook.add(format!("{message:?}")));
    let ran = run(builder, |env| {
        let (to, outlet) = env.outlet(4);
        let mut outlet = Some(outlet);
        env.spawn(slow_counter(to.clone(), 10)).tell(1, env);
        let reader = env.spawn(act(move |n, cx| match n {
            0 => {
                cx.watch(&to, 9);
                cx.after(ms(100), 1);
            }
            1 => {
                assert_eq!(outlet.as_ref().unwrap().try_recv(), Ok(1));
                outlet = None;
            }
            _ => notes.add("it has ended"),
        }));
        reader.tell(0, env);
    });
    assert_eq!(ran.well().stats.totals.muted, 1, "its sender was held back, and is so no longer");
    assert_eq!(said.take(), ["it has ended"]);
    let mut dead = dead.take();
    dead.sort_by_key(|message| message.parse::<u64>().unwrap());
    assert_eq!(dead, (2..=10).map(|n| n.to_string()).collect::<Vec<_>>(), "each once");
}

/// The runtime waits for a reader of a full outlet, and for no other; what is left is read after the end.
#[test]
fn a_full_outlet_is_waited_for_and_gives_what_is_left_after_the_end() {
    let (go, wait) = mpsc::channel();
    std::thread::scope(|scope| {
        let mut reader = None;
        let summary = run_unwatched(virtual_time(), |env| {
            let (to, outlet) = env.outlet(4);
            reader = Some(scope.spawn(move || {
                wait.recv_timeout(LONG).unwrap();
                let first = [(); 4].map(|()| outlet.recv(LONG).unwrap());
                (first, outlet)
            }));
            env.spawn(act(move |n, cx| {
                to.tell(n, cx);
                match n {
                    // Behind what makes it muted: nobody but the reader can free it.
                    5 => go.send(()).unwrap(),
                    // Once more would fill it again, if the reader is slow with the fourth.
                    6 => return,
                    _ => {}
                }
                cx.tell_self(n + 1);
            }))
            .tell(1, env);
        });
        summary.expect("a reader is coming: that is no deadlock");
        let (first, outlet) = reader.unwrap().join().unwrap();
        assert_eq!(first, [1, 2, 3, 4]);
        assert!(!outlet.is_ended() && outlet.iter().eq([5, 6]) && outlet.is_ended());
        assert_eq!((outlet.try_recv(), outlet.recv(LONG)), (Err(NoMessage::Ended), Err(NoMessage::Ended)));
        assert!(NoMessage::Ended.to_string().contains("has ended") && NoMessage::Yet.to_string().contains("now"));
    });
}

/// 10,000 through 2 outlets of 8, one read by a thread and one by a task. A lost wake-up would be a hang.
#[test]
fn nothing_is_lost_between_actors_and_their_readers() {
    std::thread::scope(|scope| {
        let mut readers = Vec::new();
        let summary = run_unwatched(virtual_time(), |env| {
            let (to_thread, by_thread) = env.outlet(8);
            let (to_task, mut by_task) = env.outlet(8);
            readers.push(scope.spawn(move || by_thread.iter().collect::<Vec<u64>>()));
            let task = async move {
                let mut came = Vec::new();
                while let Some(n) = by_task.recv_async().await {
                    came.push(n);
                }
                came
            };
            readers.push(scope.spawn(|| pollster::block_on(task)));
            for to in [to_thread, to_task] {
                env.spawn(counter(to, 10_000)).tell(1, env);
            }
        });
        assert_eq!(summary.unwrap().stats.totals.dead, 0);
        for reader in readers {
            assert!(reader.join().unwrap().into_iter().eq(1..=10_000));
        }
    });
}

/// A thread takes from one runtime and gives to another, and waits for either.
#[test]
fn a_thread_joins_two_runtimes_and_nothing_is_lost() {
    let got = Notes::new();
    let notes = got.clone();
    std::thread::scope(|scope| {
        let (give_outlet, outlet) = mpsc::channel();
        let first = scope.spawn(move || {
            run_unwatched(virtual_time(), |env| {
                let (to, outlet) = env.outlet(8);
                give_outlet.send(outlet).unwrap();
                env.spawn(counter(to, 2_000)).tell(1, env);
            })
        });
        let second = run_unwatched(virtual_time().overload(backwater::Detector::Depth { high: 8, low: 2 }), |env| {
            let sink = env.spawn(act(move |n, _| notes.add(n)));
            let inlet = env.inlet(&sink);
            scope.spawn(move || {
                let outlet: backwater::Outlet<u64> = outlet.recv_timeout(LONG).unwrap();
                outlet.iter().for_each(|n| inlet.send(n, LONG).unwrap());
            });
        });
        assert_eq!(second.unwrap().stats.totals.delivered, 2_000);
        first.join().unwrap().unwrap();
    });
    assert!(got.take().into_iter().eq(1..=2_000));
}

#[test]
fn an_outlet_without_room_is_refused() {
    let said = panic_of(|| backwater::run(|env| drop(env.outlet::<u64>(0))).map_err(|why| panic!("{why}")));
    assert!(said.contains("an outlet's capacity is at least 1 message"), "{said}");
}
