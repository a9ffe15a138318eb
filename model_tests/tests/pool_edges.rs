//! The whole pool where its parts meet: guards that go at the worst moment, panics, overload, timers, inlets, pinned
//! actors, and somebody who counts. What is judged at each end stands in `model_tests::program`.

use backwater::internals::sync::thread;
use backwater::{Addr, Backpressure, Detector, Inlet, OnPanic, SpawnOptions};
use model_tests::handed::Handed;
use model_tests::program::{Got, Say, act, consumer, draw, keys, pool, stuck, talker, well};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// In the model nothing times out: who is not woken is a deadlock, and shuttle says so.
const LONG: Duration = Duration::from_secs(60);

/// R2. A sender is exempt while it holds its guard, which is in the very message that it sends to somebody who presses for
/// ever. "At that send" is before the receiver can drop it: the sender is not marked, and goes on.
#[test]
fn a_guard_sent_away_exempts_the_send_that_carries_it() {
    draw("a_guard_sent_away_exempts_the_send_that_carries_it", 1_500, |watched, _| {
        let result = pool(2, watched).run(|env| {
            let (key, wall_key) = (keys(env), keys(env));
            let mut sender: Option<Addr<Say>> = None;
            // Pinned: it runs on another thread than its sender.
            let wall = env.spawn_with(
                SpawnOptions::new().pinned(),
                act(move |say, cx| match say {
                    Say::Tell(to) => sender = Some(to),
                    Say::Press => {
                        Backpressure::apply(&wall_key.press, cx);
                        sender.take().expect("it was told before").tell(Say::Go(1), cx);
                    }
                    other => drop(other),
                }),
            );
            let to = wall.clone();
            let sender = act(move |say, cx| match say {
                Say::Go(0) => {}
                _ => {
                    let guard = Backpressure::hold(&key.press, cx);
                    to.tell(Say::Keep(guard), cx);
                    cx.tell_self(Say::Go(0));
                }
            });
            let sender = env.spawn(sender);
            wall.tell(Say::Tell(sender), env);
            wall.tell(Say::Press, env);
        });
        well(result);
    });
}

/// R3, T4, T5. A sender is marked, then takes a guard, which somebody else drops before the end of its behaviour: it is exempt, or it is muted and hears of the fall that comes.
#[test]
fn whose_guard_goes_before_the_end_of_the_behaviour_is_freed_by_the_next_fall() {
    draw("whose_guard_goes_before_the_end_of_the_behaviour_is_freed_by_the_next_fall", 1_500, |watched, leaks| {
        let got = Got::default();
        let result = pool(2, watched).run(|env| {
            let (key, sink_key, control) = (keys(env), keys(env), keys(env).control);
            let seen = got.clone();
            let mut sender: Option<Addr<Say>> = None;
            let sink = env.spawn(act(move |say, cx| match say {
                Say::Tell(to) => sender = Some(to),
                Say::Press => {
                    Backpressure::apply(&sink_key.press, cx);
                    sender.take().expect("it was told before").tell(Say::Go(1), cx);
                }
                Say::Ease => Backpressure::release(&sink_key.press, cx),
                Say::Data(data) => seen.add(&data),
                other => panic!("nobody says {other:?} to a sink"),
            }));
            let to = sink.clone();
            // Pinned: it runs on another thread than who sends the guard.
            let dropper = act(move |say, cx| {
                drop(say);
                to.tell_control(Say::Ease, &control, cx);
            });
            let dropper = env.spawn_with(SpawnOptions::new().pinned(), dropper);
            let (to, leaks) = (sink.clone(), leaks.clone());
            let sender = env.spawn(act(move |say, cx| match say {
                Say::Go(0) => {}
                _ => {
                    to.tell(Say::Data(leaks.track((0, 0))), cx);
                    let guard = Backpressure::hold(&key.press, cx);
                    dropper.tell(Say::Keep(guard), cx);
                    cx.tell_self(Say::Go(0));
                }
            }));
            sink.tell(Say::Tell(sender), env);
            sink.tell(Say::Press, env);
        });
        well(result);
        got.assert_all(1, 1);
    });
}

/// R4, T1, T5. Actors that flood each other in a ring, with a batch of two: all of them are overloaded, and catch up.
#[test]
fn a_ring_of_overloaded_actors_catches_up() {
    flood("a_ring_of_overloaded_actors_catches_up", Detector::Batch);
}

/// R4, T2, T5. The same by the depth of their mailboxes, which senders see first.
#[test]
fn a_ring_of_deep_mailboxes_catches_up() {
    flood("a_ring_of_deep_mailboxes_catches_up", Detector::Depth { high: 2, low: 0 });
}

fn flood(name: &str, detector: Detector) {
    draw(name, 200, move |watched, leaks| {
        let got = Got::default();
        let (actors, rounds) = (3, 2);
        let result = pool(2, watched).batch(2).overload(detector).run(|env| {
            let begin = |next: Option<Addr<Say>>| {
                let (got, mut next) = (got.clone(), next);
                act(move |say, cx| match say {
                    Say::Tell(to) => next = Some(to),
                    Say::Data(data) if data.value.1 == 0 => got.add(&data),
                    Say::Data(mut data) => {
                        data.value.1 -= 1;
                        next.as_ref().expect("it was told before").tell(Say::Data(data), cx);
                    }
                    other => panic!("nobody says {other:?} here"),
                })
            };
            let first = env.spawn(begin(None));
            let second = env.spawn(begin(Some(first.clone())));
            let third = env.spawn(begin(Some(second.clone())));
            first.tell(Say::Tell(third.clone()), env);
            for actor in [first, second, third] {
                (0..3).for_each(|_| actor.tell(Say::Data(leaks.track((0, rounds))), env));
            }
        });
        let totals = well(result).stats.totals;
        assert_eq!(got.len(), 3 * actors, "R1");
        assert_eq!(totals.mutes, totals.freed, "T4");
    });
}

/// R8, T4. A sink panics while it is under pressure and senders wait for it: it ends, they go on.
#[test]
fn a_panic_under_pressure_frees_those_who_wait() {
    draw("a_panic_under_pressure_frees_those_who_wait", 300, |watched, leaks| {
        let got = Got::default();
        let result = pool(2, watched).on_panic(OnPanic::StopActor).run(|env| {
            let (keys, seen) = (keys(env), got.clone());
            let control = keys.control.clone();
            let sink = env.spawn(act(move |say, cx| match say {
                Say::Press => Backpressure::apply(&keys.press, cx),
                Say::Data(data) => seen.add(&data),
                _ => std::panic::resume_unwind(Box::new("as planned")),
            }));
            sink.tell(Say::Press, env);
            (0..2).for_each(|who| env.spawn(talker(who, sink.clone(), leaks)).tell(Say::Go(2), env));
            env.spawn(act(move |_, cx| sink.tell_control(Say::Stop, &control, cx))).tell(Say::Go(1), env);
        });
        let totals = well(result).stats.totals;
        assert_eq!(totals.panics, 1);
        assert_eq!(got.len() as u64 + totals.dead, 4, "R8: handled, or a dead letter");
        assert_eq!(totals.mutes, totals.freed, "T4: nobody waits for the dead");
    });
}

/// R8. An actor ends while another begins to watch it: there is one notice, at once or later.
#[test]
fn who_watches_one_that_ends_has_one_notice() {
    draw("who_watches_one_that_ends_has_one_notice", 800, |watched, _| {
        let notices = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let count = notices.clone();
        let result = pool(2, watched).run(move |env| {
            let brief = env.spawn(act(|_, cx| cx.stop()));
            let of = brief.clone();
            let watcher = env.spawn(act(move |say, cx| match say {
                Say::Ended => drop(count.fetch_add(1, std::sync::atomic::Ordering::Relaxed)),
                _ => cx.watch(&of, Say::Ended),
            }));
            watcher.tell(Say::Go(1), env);
            brief.tell(Say::Stop, env);
        });
        well(result);
        assert_eq!(notices.load(std::sync::atomic::Ordering::Relaxed), 1, "R8: one notice");
    });
}

/// R7, R9. A repeating timer whose actor is muted and freed again: its ticks come, as long as it wants them.
#[test]
fn the_ticks_of_a_muted_actor_come_when_it_is_freed() {
    draw("the_ticks_of_a_muted_actor_come_when_it_is_freed", 400, |watched, leaks| {
        let got = Got::default();
        let result = pool(2, watched).run(|env| {
            let (keys, seen) = (keys(env), got.clone());
            let sink = env.spawn(act(move |say, cx| match say {
                Say::Press => Backpressure::apply(&keys.press, cx),
                Say::Data(data) => {
                    seen.add(&data);
                    Backpressure::apply(&keys.press, cx);
                    cx.after(Duration::from_millis(5), Say::Ease);
                }
                _ => Backpressure::release(&keys.press, cx),
            }));
            let leaks = leaks.clone();
            let (mut timer, mut ticks) = (None, 0);
            let ticker = env.spawn(act(move |say, cx| match say {
                Say::Go(_) => timer = Some(cx.every(Duration::from_millis(1), |_| Say::Ease)),
                _ => {
                    sink.tell(Say::Data(leaks.track((0, ticks))), cx);
                    ticks += 1;
                    if ticks == 3 {
                        assert!(cx.cancel(timer.take().expect("it was set")));
                    }
                }
            }));
            ticker.tell(Say::Go(1), env);
        });
        well(result);
        got.assert_all(1, 3);
    });
}

/// R9, T5. Pinned and ordinary actors talk to each other, and mute each other: the driver is a worker like any other.
#[test]
fn pinned_and_ordinary_actors_mute_each_other() {
    draw("pinned_and_ordinary_actors_mute_each_other", 400, |watched, leaks| {
        let got = [Got::default(), Got::default()];
        let result = pool(2, watched).run(|env| {
            for (pinned, got) in [false, true].into_iter().zip(&got) {
                let options = |pinned| if pinned { SpawnOptions::new().pinned() } else { SpawnOptions::new() };
                let consumer = consumer(keys(env), got.clone(), Some(1));
                let consumer = env.spawn_with(options(pinned), consumer);
                let talker = env.spawn_with(options(!pinned), talker(0, consumer, leaks));
                talker.tell(Say::Go(3), env);
            }
        });
        let totals = well(result).stats.totals;
        got.iter().for_each(|got| got.assert_all(1, 3));
        assert_eq!(totals.mutes, totals.freed, "T4: nobody is left");
    });
}

/// R6, T1, T4. A consumer on the driver's thread, and senders on both workers: each fall frees those of both.
#[test]
fn a_fall_reaches_the_senders_of_every_worker() {
    draw("a_fall_reaches_the_senders_of_every_worker", 400, |watched, leaks| {
        let got = Got::default();
        let result = pool(2, watched).run(|env| {
            let consumer = consumer(keys(env), got.clone(), Some(1));
            let consumer = env.spawn_with(SpawnOptions::new().pinned(), consumer);
            (0..3).for_each(|who| env.spawn(talker(who, consumer.clone(), leaks)).tell(Say::Go(2), env));
        });
        let totals = well(result).stats.totals;
        got.assert_all(3, 2);
        assert_eq!(totals.mutes, totals.freed, "T4: nobody is left");
    });
}

/// T5. A worker that wakes up finds a fall and an actor to run at once: whom the fall frees is run, and so is the other.
#[test]
fn a_freed_sender_and_an_injected_actor_are_both_run() {
    draw("a_freed_sender_and_an_injected_actor_are_both_run", 300, |watched, leaks| {
        let got = Got::default();
        let result = pool(1, watched).run(|env| {
            let (keys, seen) = (keys(env), got.clone());
            let other = env.spawn(act(|_, _| ()));
            let consumer = act(move |say, cx| match say {
                Say::Data(data) => {
                    seen.add(&data);
                    Backpressure::apply(&keys.press, cx);
                    cx.tell_self(Say::Ease);
                }
                _ => {
                    Backpressure::release(&keys.press, cx);
                    other.tell(Say::Go(1), cx);
                }
            });
            let consumer = env.spawn_with(SpawnOptions::new().pinned(), consumer);
            env.spawn(talker(0, consumer, leaks)).tell(Say::Go(4), env);
        });
        well(result);
        got.assert_all(1, 4);
    });
}

/// T5. An actor that never has nothing to do runs after one that has: what comes for that one from another thread is handled,
/// and not only when the busy one ends.
#[test]
fn who_ran_before_an_actor_that_never_rests_is_run_again() {
    draw("who_ran_before_an_actor_that_never_rests_is_run_again", 300, |watched, leaks| {
        let (sent, got) = (Arc::new(AtomicBool::new(false)), Got::default());
        let result = pool(1, watched).run(|env| {
            let (leaks, tells, asks) = (leaks.clone(), sent.clone(), sent.clone());
            let far = act(move |say, cx| match say {
                Say::Tell(to) => {
                    to.tell(Say::Data(leaks.track((0, 0))), cx);
                    tells.store(true, Ordering::Relaxed);
                }
                other => panic!("nobody says {other:?} to somebody far away"),
            });
            let far = env.spawn_with(SpawnOptions::new().pinned(), far);
            let (mut since, seen) = (0, got.clone());
            let busy = env.spawn(act(move |_, cx| {
                since += u32::from(asks.load(Ordering::Relaxed));
                assert!(since < 20 || seen.len() == 1, "T5: a message that waits for no fall is handled");
                if seen.is_empty() {
                    cx.tell_self(Say::Ease);
                }
            }));
            let seen = got.clone();
            let quiet = env.spawn(act(move |say, cx| match say {
                Say::Data(data) => seen.add(&data),
                Say::Go(_) => {
                    far.tell(Say::Tell(cx.me()), cx);
                    busy.tell(Say::Ease, cx);
                }
                other => panic!("nobody says {other:?} to a quiet one"),
            }));
            quiet.tell(Say::Go(1), env);
        });
        well(result);
        got.assert_all(1, 1);
    });
}

/// T5. A behaviour wakes more actors than a run queue has room for: each handles what is said to it.
#[test]
fn who_does_not_fit_into_a_run_queue_is_run_too() {
    draw("who_does_not_fit_into_a_run_queue_is_run_too", 200, |watched, leaks| {
        let (got, many) = (Got::default(), 12);
        let result = pool(2, watched).run(|env| {
            let (leaks, seen) = (leaks.clone(), got.clone());
            let parent = env.spawn(act(move |_, cx| {
                for who in 0..many {
                    let seen = seen.clone();
                    let child = act(move |say, _| match say {
                        Say::Data(data) => seen.add(&data),
                        other => panic!("nobody says {other:?} to a child"),
                    });
                    cx.spawn(child).tell(Say::Data(leaks.track((who, 0))), cx);
                }
            }));
            parent.tell(Say::Go(1), env);
        });
        well(result);
        got.assert_all(many, 1);
    });
}

/// R8. Somebody on another thread sends to each of a row of actors that are about to end, and whose seats are used again at
/// once: what it sends comes to the one that it was for, or is a dead letter.
#[test]
fn what_was_for_the_last_tenant_never_comes_to_the_next() {
    draw("what_was_for_the_last_tenant_never_comes_to_the_next", 400, |watched, leaks| {
        let result = pool(1, watched).run(|env| {
            let (mut nth, leaks) = (0, leaks.clone());
            let pest = act(move |say, cx| match say {
                Say::Tell(to) => {
                    to.tell(Say::Data(leaks.track((0, nth))), cx);
                    nth += 1;
                }
                other => panic!("nobody says {other:?} to a pest"),
            });
            let pest = env.spawn_with(SpawnOptions::new().pinned(), pest);
            let mut born = 0;
            let churn = act(move |say, cx| {
                let Say::Go(left) = say else { panic!("nobody says {say:?} to a churn") };
                let mine = born;
                born += 1;
                let fly = cx.spawn(act(move |say, cx| match say {
                    Say::Data(data) => assert_eq!(data.value.1, mine, "R8: it was for another tenant"),
                    _ => cx.stop(),
                }));
                pest.tell(Say::Tell(fly.clone()), cx);
                // The last ones live on: they are there for what comes late.
                if left > 3 {
                    fly.tell(Say::Stop, cx);
                }
                if left > 1 {
                    cx.tell_self(Say::Go(left - 1));
                }
            });
            env.spawn(churn).tell(Say::Go(8), env);
        });
        well(result);
    });
}

/// R9. Two actors count everybody at once, while others run, are muted, and end.
#[test]
fn who_counts_has_everybody_stand_still_and_go_on() {
    draw("who_counts_has_everybody_stand_still_and_go_on", 300, |watched, leaks| {
        let got = Got::default();
        let result = pool(2, watched).run(|env| {
            let sink = env.spawn(consumer(keys(env), got.clone(), Some(1)));
            env.spawn(talker(0, sink.clone(), leaks)).tell(Say::Go(2), env);
            for _ in 0..2 {
                let sink = sink.clone();
                env.spawn(act(move |_, cx| {
                    assert!(cx.stats().totals.spawned >= 5, "main, the sink, the talker, and these two");
                    let stats = cx.stats_of(&sink).expect("it lives");
                    assert!(stats.handled <= stats.received, "R1: {stats:?}");
                }))
                .tell(Say::Go(1), env);
            }
        });
        well(result);
        got.assert_all(1, 2);
    });
}

/// R13, R9. An inlet sends while its receiver presses, falls and goes quiet: taken, handled, and the runtime waits for it.
#[test]
fn an_inlet_waits_for_the_fall_and_the_pool_for_the_inlet() {
    draw("an_inlet_waits_for_the_fall_and_the_pool_for_the_inlet", 500, |watched, leaks| {
        let handed = Handed::<Inlet<Say>>::new();
        let to = handed.clone();
        let tracked = leaks.clone();
        let outside = move || {
            let inlet = handed.take();
            (0..2).for_each(|nth| inlet.send(Say::Data(tracked.track((0, nth))), LONG).expect("R13: it is taken"));
        };
        let outside = thread::spawn("outside", outside).expect("a model has threads");
        let got = Got::default();
        let result = pool(2, watched).run(|env| {
            let sink = env.spawn(consumer(keys(env), got.clone(), None));
            sink.tell(Say::Press, env);
            to.put(env.inlet(&sink));
        });
        outside.join().expect("R13: nobody refuses");
        well(result);
        got.assert_all(1, 2);
    });
}

/// R5, R6, R9. A guard is dropped on a thread outside while its actor's sender is muted or about to be, and while the
/// runtime asks whether it has ended: either the drop is seen and all ends well, or the report names the guard.
#[test]
fn a_guard_dropped_outside_frees_its_senders_or_the_report_names_it() {
    draw("a_guard_dropped_outside_frees_its_senders_or_the_report_names_it", 500, |watched, leaks| {
        let handed = Handed::new();
        let to = handed.clone();
        let outside = thread::spawn("outside", move || drop(handed.take())).expect("a model has threads");
        let result = pool(2, watched).run(|env| {
            let keys = keys(env);
            let holder = env.spawn(act(move |say, cx| {
                if matches!(say, Say::Press) {
                    to.put(Backpressure::hold(&keys.press, cx));
                }
            }));
            holder.tell(Say::Press, env);
            env.spawn(talker(0, holder, leaks)).tell(Say::Go(2), env);
        });
        outside.join().expect("it only drops");
        match &result {
            Ok(_) => drop(well(result)),
            Err(_) => assert_eq!(stuck(result).muted.len(), 1, "R10: the talker was muted"),
        }
    });
}

/// R4. Messages to oneself count in one's own mailbox like any other.
#[test]
fn a_deep_mailbox_counts_what_its_actor_says_to_itself() {
    draw("a_deep_mailbox_counts_what_its_actor_says_to_itself", 200, |watched, leaks| {
        let got = Got::default();
        let result = pool(2, watched).overload(Detector::Depth { high: 2, low: 1 }).run(|env| {
            let seen = got.clone();
            let consumer = env.spawn(act(move |say, _| match say {
                Say::Data(data) => seen.add(&data),
                other => panic!("nobody says {other:?} to a consumer"),
            }));
            (0..2).for_each(|who| env.spawn(talker(who, consumer.clone(), leaks)).tell(Say::Go(3), env));
        });
        let totals = well(result).stats.totals;
        got.assert_all(2, 3);
        assert_eq!(totals.mutes, totals.freed, "T4");
    });
}
