//! Timers and virtual time (R7, R9, R12).

mod common;

use backwater::time::Clock;
use backwater::{ApplyReleaseBackpressureAuth, Backpressure, Context, Env, Runtime, TimerId};
use common::{Act, Notes, act, ms, panic_of, presses_for, run, run_unwatched, virtual_time};
use std::time::Duration;

/// For a timer that nobody is to cancel.
fn ignore(_: TimerId) {}

/// Time passes only when nothing is runnable: 1,000 messages are handled before a timer of one nanosecond.
#[test]
fn virtual_time_moves_only_when_nothing_else_can() {
    let seen = Notes::new();
    let notes = seen.clone();
    let ran = run(virtual_time(), move |env| {
        let actor = env.spawn(act(move |n, cx| {
            notes.add((n, cx.now()));
            match n {
                0 => ignore(cx.after(Duration::from_nanos(1), 5_000)),
                5_000 => return,
                _ => {}
            }
            if n < 1_000 {
                cx.me().tell(n + 1, cx);
            }
        }));
        actor.tell(0, env);
    });
    let seen = seen.take();
    assert!(seen[..=1_000].iter().enumerate().all(|(i, (n, now))| *n == i as u64 && now.is_zero()));
    assert_eq!(seen[1_001..], [(5_000, Duration::from_nanos(1))]);
    assert_eq!(ran.well().time, Duration::from_nanos(1));
}

/// Equal times fire in the order they were set; others by time, whoever set them.
#[test]
fn timers_fire_by_time_and_then_by_age() {
    let seen = Notes::new();
    let notes = seen.clone();
    run(virtual_time(), move |env| {
        let actor = env.spawn(act(move |n, cx| match n {
            0 => [(5, 1), (3, 2), (5, 3), (0, 4), (3, 5)].into_iter().for_each(|(at, n)| {
                cx.after(ms(at), n);
            }),
            n => notes.add((cx.now(), n)),
        }));
        actor.tell(0, env);
    })
    .well();
    assert_eq!(seen.take(), [(ms(0), 4), (ms(3), 2), (ms(3), 5), (ms(5), 1), (ms(5), 3)]);
}

/// A clock that is always late.
#[derive(Debug)]
struct Late {
    now: Duration,
    by: Duration,
}

impl Clock for Late {
    fn now(&mut self) -> Duration {
        self.now
    }

    fn skip_to(&mut self, until: Duration) -> bool {
        self.now = self.now.max(until) + self.by;
        true
    }
}

/// Ticks stay on the grid of whole periods, however late each comes: their counts add up to the periods that passed.
#[test]
fn a_repeating_timer_does_not_drift() {
    for late in [0, 1, 2, 3, 7, 100] {
        let seen = Notes::new();
        let notes = seen.clone();
        let builder = Runtime::builder().clock(Late { now: Duration::ZERO, by: ms(late) });
        run(builder, move |env| {
            let mut left = 20;
            let actor = env.spawn(act(move |n, cx| {
                if n == 0 {
                    cx.every(ms(3), |ticks| ticks);
                    return;
                }
                notes.add((cx.now(), n));
                left -= 1;
                if left == 0 {
                    cx.stop();
                }
            }));
            actor.tell(0, env);
        })
        .well();
        let mut periods = 0;
        for (now, ticks) in seen.take() {
            periods += ticks;
            assert_eq!(u128::from(periods), now.as_millis() / 3, "late by {late} ms, at {now:?}");
        }
        assert!(periods >= 20);
    }
}

/// A sink that presses from 0 to 20 ms, and an actor that sends to it once and is muted for that time.
/// In its first behaviour it does what `begin` says; it notes what it handles later, and stops after 30 ms.
fn muted_until_20(env: &mut Env<'_>, begin: fn(&mut Context<'_, Act>), notes: Notes<(Duration, u64)>) {
    let sink = presses_for(env, ms(20));
    let sender = env.spawn(act(move |n, cx| {
        if n == 0 {
            begin(cx);
            sink.tell(1, cx);
            return;
        }
        notes.add((cx.now(), n));
        if cx.now() >= ms(30) {
            cx.stop();
        }
    }));
    sender.tell(0, env);
}

#[test]
fn ticks_of_a_muted_actor_come_as_one_with_their_count() {
    let seen = Notes::new();
    let notes = seen.clone();
    let ran = run(virtual_time(), |env| muted_until_20(env, |cx| ignore(cx.every(ms(3), |ticks| ticks)), notes));
    // Due at 3, 6, 9, 12, 15 and 18 ms while muted; then on the old grid.
    assert_eq!(seen.take(), [(ms(20), 6), (ms(21), 1), (ms(24), 1), (ms(27), 1), (ms(30), 1)]);
    assert_eq!(ran.well().stats.totals.mutes, 1);
}

#[test]
fn a_one_shot_for_a_muted_actor_waits_in_its_mailbox() {
    let seen = Notes::new();
    let notes = seen.clone();
    let begin = |cx: &mut Context<'_, Act>| {
        cx.after(ms(5), 55);
        cx.after(ms(25), 66);
    };
    let ran = run(virtual_time(), |env| muted_until_20(env, begin, notes));
    assert_eq!(seen.take(), [(ms(20), 55), (ms(25), 66)]);
    assert!(ran.find("runtime -> #5 55") < ran.find("#5 freed"), "it was delivered while the actor was muted");
}

/// R9: a timer of a muted actor keeps nothing alive: the run ends at once, at time zero, with a report.
#[test]
fn timers_of_muted_actors_keep_no_run_alive() {
    let ran = run(virtual_time(), |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let sink = env.spawn(act(move |_, cx| Backpressure::apply(&auth, cx)));
        sink.tell(0, env);
        let sender = env.spawn(act(move |_, cx| {
            cx.every(ms(1), |ticks| ticks);
            cx.after(ms(1), 0);
            sink.tell(0, cx);
        }));
        sender.tell(0, env);
    });
    assert_eq!(ran.deadlock().muted[0].muted_for, Duration::ZERO);
    assert_eq!(ran.count("fired"), 0);
}

#[test]
fn cancel_says_whether_there_was_anything_to_cancel() {
    let said = Notes::new();
    let notes = said.clone();
    let ran = run(virtual_time(), move |env| {
        let mut timers: Vec<TimerId> = Vec::new();
        let shared: Notes<TimerId> = Notes::new();
        let of_other = shared.clone();
        let other = env.spawn(act(move |n, cx| {
            if n == 0 {
                of_other.add(cx.after(ms(4), 1));
            }
        }));
        other.tell(0, env);
        let actor = env.spawn(act(move |n, cx| match n {
            0 => {
                timers = vec![cx.after(ms(1), 1), cx.after(ms(9), 100), cx.every(ms(2), |_| 100)];
                // The second twice; the last before its first tick.
                notes.add(u64::from(cx.cancel(timers[1])));
                notes.add(u64::from(cx.cancel(timers[1])));
                notes.add(u64::from(cx.cancel(timers[2])));
            }
            _ => {
                notes.add(u64::from(cx.cancel(timers[0])));
                notes.add(u64::from(cx.cancel(shared.take()[0])));
            }
        }));
        actor.tell(0, env);
    });
    assert_eq!(said.take(), [1, 0, 1, 0, 0], "neither fired, nor cancelled, nor another's can be cancelled");
    assert_eq!((ran.count("fired"), ran.count("handles 100")), (2, 0));
}

/// A tick that is in the mailbox already arrives; those after it do not.
#[test]
fn a_tick_that_is_delivered_survives_its_cancel() {
    let ran = run(virtual_time(), |env| {
        let mut timer = None;
        let actor = env.spawn(act(move |n, cx| match n {
            0 => {
                cx.after(ms(5), 1);
                timer = Some(cx.every(ms(5), |_| 2));
            }
            1 => assert!(cx.cancel(timer.unwrap())),
            _ => {}
        }));
        actor.tell(0, env);
    });
    assert_eq!((ran.count("handles 2"), ran.count("timer 1 fired")), (1, 1));
    assert_eq!(ran.well().time, ms(5));
}

#[test]
fn a_deadline_comes_at_its_time_and_at_once_when_it_has_passed() {
    let seen = Notes::new();
    let notes = seen.clone();
    run(virtual_time(), move |env| {
        let actor = env.spawn(act(move |n, cx| match n {
            0 => ignore(cx.after(ms(5), 1)),
            1 => {
                ignore(cx.deadline(ms(8), 2));
                ignore(cx.deadline(ms(3), 3));
                let cancelled = cx.deadline(ms(9), 4);
                assert!(cx.cancel(cancelled));
            }
            _ => notes.add((cx.now(), n)),
        }));
        actor.tell(0, env);
    })
    .well();
    assert_eq!(seen.take(), [(ms(5), 3), (ms(8), 2)]);
}

#[test]
fn a_period_of_zero_is_refused_with_the_reason() {
    let said = Notes::new();
    let notes = said.clone();
    run(virtual_time(), move |env| {
        let actor = env.spawn(act(move |_, cx| notes.add(panic_of(|| cx.every(Duration::ZERO, |n| n)))));
        actor.tell(0, env);
    })
    .well();
    assert_eq!(said.take(), ["a repeating timer needs a period above zero"]);
}

/// Ends with its actor, as does everything of it (R8).
#[test]
fn timers_end_with_their_actor() {
    let ran = run(virtual_time(), |env| {
        let actor = env.spawn(act(|_, cx| {
            cx.every(ms(1), |n| n);
            cx.after(ms(5), 1);
            cx.stop();
        }));
        actor.tell(0, env);
    });
    assert_eq!((ran.count("fired"), ran.well().time), (0, Duration::ZERO));
}

/// The longest times there are, and one that adds up beyond them.
#[test]
fn the_end_of_time_is_reached_and_not_passed() {
    let ran = run(virtual_time(), |env| {
        let actor = env.spawn(act(|n, cx| {
            if n == 0 {
                cx.every(Duration::MAX, |_| 1);
                cx.after(Duration::MAX, 2);
            }
        }));
        actor.tell(0, env);
    });
    assert_eq!((ran.well().time, ran.count("handles 1"), ran.count("handles 2")), (Duration::MAX, 1, 1));
}

/// `check_invariants` and observers watch; the schedule is the same without them, also where timers of no delay meet
/// long queues. On one thread, wherever the other tests run: only there is a schedule one of the program (R12).
#[test]
fn watching_changes_no_schedule() {
    let scenario = |watched: bool| {
        let seen = Notes::new();
        let notes = seen.clone();
        let main = move |env: &mut Env<'_>| {
            for first in 0..3 {
                let notes = notes.clone();
                let actor = env.spawn(act(move |n, cx| {
                    notes.add((first, n));
                    if n < 500 {
                        cx.me().tell(n + 1, cx);
                    }
                    if n < 500 && n % 50 == first {
                        cx.after(Duration::ZERO, 1_000 + n);
                    }
                }));
                actor.tell(0, env);
            }
        };
        match watched {
            true => drop(run(Runtime::builder().virtual_time(), main)),
            false => drop(run_unwatched(Runtime::builder().virtual_time(), main).unwrap()),
        }
        seen.take()
    };
    let (watched, unwatched) = (scenario(true), scenario(false));
    assert!(watched.len() > 1_500 && watched == unwatched);
}
