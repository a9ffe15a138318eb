//! Panics, wherever a user's code can panic: the run ends with an error that names actor, message and place, or only
//! that actor ends. Either way R8 holds, and nobody is left waiting.

mod common;

use backwater::{Actor, ApplyReleaseBackpressureAuth, Backpressure, Context, Event, OnPanic, Runtime, SpawnOptions};
use common::{Notes, act, ms, panicked, presses_for, run, virtual_time};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[derive(Debug)]
enum Order {
    Boom,
    Quietly(#[expect(dead_code, reason = "what matters is its drop")] Fuse),
}

/// Panics when it is dropped, if it is live.
#[derive(Debug)]
struct Fuse(bool);

impl Drop for Fuse {
    fn drop(&mut self) {
        assert!(!self.0, "fuse blew");
    }
}

/// Panics when told to; its own drop may panic as well.
struct Bomb {
    _fuse: Fuse,
}

impl Actor for Bomb {
    type Msg = Order;

    fn receive(&mut self, msg: Order, cx: &mut Context<'_, Self>) {
        match msg {
            Order::Boom => panic!("boom {}", 1 + 1),
            Order::Quietly(_) => cx.stop(),
        }
    }
}

fn bomb(env: &mut backwater::Env<'_>, live: bool) -> backwater::Addr<Order> {
    env.spawn_with(SpawnOptions::new().name("bomb"), Bomb { _fuse: Fuse(live) })
}

#[test]
fn a_panic_ends_the_run_and_is_named() {
    let ran = run(virtual_time().describe(true), |env| bomb(env, false).tell(Order::Boom, env));
    let (actor, name, message, place, payload) = panicked(ran.error());
    assert_eq!((actor.to_string().as_str(), name, payload), ("#4", "bomb", "boom 2"));
    assert!(message.starts_with("Boom"), "{message}");
    assert!(place.contains("tests/panics.rs:"), "{place}");
    let text = ran.error().to_string();
    assert!(text.starts_with("bomb#4 panicked at ") && text.contains("replay: BACKWATER_REPLAY="), "{text}");
}

#[test]
fn a_panic_is_named_by_number_where_messages_are_not_described() {
    let error = virtual_time().describe(false).run(|env| {
        let bomb = bomb(env, false);
        bomb.tell(Order::Boom, env);
    });
    let error = error.unwrap_err();
    let (_, name, message, _, payload) = panicked(&error);
    assert_eq!((name, payload), ("bomb", "boom 2"));
    assert!(message.contains("number 1"), "{message}");
}

/// R8 by a panic: its senders are freed, its mailbox is dead letters, the others go on.
#[test]
fn a_panic_under_stop_actor_ends_only_that_actor_and_its_pressure() {
    let ran = run(virtual_time().on_panic(OnPanic::StopActor), |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let mut guards = Vec::new();
        let sink = env.spawn(act(move |n, cx| match n {
            0 => {
                Backpressure::apply(&auth, cx);
                guards.push(Backpressure::hold(&auth, cx));
                cx.after(ms(5), 9);
            }
            9 => panic!("sink failed"),
            _ => {}
        }));
        sink.tell(0, env);
        for _ in 0..3 {
            let to = sink.clone();
            let sender = env.spawn(act(move |n, cx| to.tell(n, cx)));
            (1..=2).for_each(|n| sender.tell(n, env));
        }
    });
    let totals = &ran.well().stats.totals;
    assert_eq!((totals.panics, totals.mutes, totals.freed), (1, 3, 3));
    assert_eq!(totals.dead, 3, "the second message of each sender found nobody");
    assert!(ran.find("ended: Panicked") < ran.find("freed"));
}

/// A guard on the stack is dropped as the panic unwinds, and one in the actor with the actor.
#[test]
fn guards_are_dropped_by_a_panic_wherever_they_are() {
    let ran = run(virtual_time().on_panic(OnPanic::StopActor), |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let mut kept = Vec::new();
        let actor = env.spawn(act(move |_, cx| {
            kept.push(Backpressure::hold(&auth, cx));
            let _on_the_stack = Backpressure::hold(&auth, cx);
            assert!(kept.is_empty(), "as planned");
        }));
        actor.tell(0, env);
        env.spawn(act(move |_, cx| actor.tell(0, cx))).tell(0, env);
    });
    assert_eq!((ran.well().stats.totals.mutes, ran.well().stats.totals.dead), (0, 1));
}

/// Under both policies: the actor has ended by then, so nobody else is hurt.
#[test]
fn a_panic_in_an_actors_drop_is_caught() {
    let scenario = |on_panic| {
        run(virtual_time().on_panic(on_panic), |env| {
            bomb(env, true).tell(Order::Quietly(Fuse(false)), env);
            env.spawn(act(|_, _| ())).tell(7, env);
        })
    };
    let ended = scenario(OnPanic::EndRun);
    assert_eq!(panicked(ended.error()).4, "fuse blew");
    let went_on = scenario(OnPanic::StopActor);
    assert_eq!((went_on.well().stats.totals.panics, went_on.count("handles 7")), (1, 1));
}

#[test]
fn a_panic_in_an_actors_drop_after_the_run_is_an_error_too() {
    let ran = run(virtual_time(), |env| drop(bomb(env, true)));
    assert_eq!(panicked(ran.error()).4, "fuse blew");
}

/// A panic in the behaviour and another in the drop of the same actor: the first is the one reported.
#[test]
fn a_panic_while_a_panicked_actor_is_dropped_does_not_hide_the_first() {
    let ran = run(virtual_time(), |env| bomb(env, true).tell(Order::Boom, env));
    assert_eq!(panicked(ran.error()).4, "boom 2");
}

/// The mailbox of an actor that ends has messages that panic when dropped: each is gone, and the watchers, the timers
/// and the other actors are as after any end.
#[test]
fn a_panic_in_a_messages_drop_keeps_nobody_from_hearing_of_the_end() {
    let heard = Notes::new();
    let notes = heard.clone();
    let ran = run(virtual_time().on_panic(OnPanic::StopActor), move |env| {
        let bomb = bomb(env, false);
        let watched = bomb.clone();
        let watcher = env.spawn(act(move |n, cx| match n {
            0 => cx.watch(&watched, 1),
            n => notes.add(n),
        }));
        watcher.tell(0, env);
        // The watcher is first in the queue; then the bomb gets all of these at once.
        env.spawn(act(move |_, cx| {
            bomb.tell(Order::Quietly(Fuse(false)), cx);
            (0..3).for_each(|_| bomb.tell(Order::Quietly(Fuse(true)), cx));
        }))
        .tell(0, env);
    });
    assert_eq!(heard.take(), [1], "the watcher was told, once");
    let totals = &ran.well().stats.totals;
    assert_eq!((totals.panics, totals.dead), (3, 3));
}

/// The next tenant of a seat keeps its messages when something of the one before panics late.
#[test]
fn a_late_panic_empties_nobody_elses_mailbox() {
    let ran = run(virtual_time().on_panic(OnPanic::StopActor), |env| {
        let bomb = bomb(env, true);
        bomb.tell(Order::Quietly(Fuse(false)), env);
        let parent = env.spawn(act(move |n, cx| {
            if n == 0 {
                let heirs = [(); 2].map(|()| cx.spawn(act(|_, _| ())));
                heirs.iter().for_each(|heir| heir.tell(77, cx));
            }
        }));
        parent.tell(0, env);
    });
    assert_eq!((ran.count("handles 77"), ran.well().stats.totals.dead), (2, 0));
}

/// An observer that panics at its nth event, for every n up to 60, under both policies: the run ends, with its error,
/// and the observer is not asked again.
#[test]
fn a_panic_in_an_observer_ends_the_run() {
    for on_panic in [OnPanic::EndRun, OnPanic::StopActor] {
        for nth in 0..60 {
            let asked = Arc::new(AtomicU32::new(0));
            let count = asked.clone();
            let observer = move |_: Duration, _: &Event<'_>| {
                assert!(count.fetch_add(1, Ordering::Relaxed) < nth, "observer failed");
            };
            let result = Runtime::builder().virtual_time().on_panic(on_panic).observer(observer).run(pressed);
            assert_eq!(panicked(&result.unwrap_err()).4, "observer failed");
            assert_eq!(asked.load(Ordering::Relaxed), nth + 1);
        }
    }
}

/// One that stops while it presses, a sink that presses for a while, three senders that it mutes, and a stop of each.
fn pressed(env: &mut backwater::Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let stops = act(move |_, cx| {
        Backpressure::apply(&auth, cx);
        cx.stop();
    });
    env.spawn(stops).tell(0, env);
    let sink = presses_for(env, ms(5));
    for _ in 0..3 {
        let to = sink.clone();
        let sender = env.spawn(act(move |n, cx| {
            to.tell(n, cx);
            if n == 2 {
                cx.stop();
            }
        }));
        (1..=3).for_each(|n| sender.tell(n, env));
    }
}

/// The closure of a repeating timer runs in no behaviour: its panic ends the run under both policies, in the name of
/// the timer's owner, whoever ran last.
#[test]
fn a_panic_in_a_timers_closure_ends_the_run_in_its_owners_name() {
    for on_panic in [OnPanic::EndRun, OnPanic::StopActor] {
        let ran = run(virtual_time().on_panic(on_panic), |env| {
            let owner = act(|_, cx| {
                cx.every(ms(1), |ticks| if ticks > 0 { panic!("tick failed") } else { 0 });
            });
            env.spawn_with(SpawnOptions::new().name("owner"), owner).tell(0, env);
            env.spawn_with(SpawnOptions::new().name("bystander"), act(|_, _| ())).tell(0, env);
        });
        let (_, name, _, place, payload) = panicked(ran.error());
        assert_eq!((name, payload), ("owner", "tick failed"));
        assert!(place.contains("panics.rs"), "{place}");
        assert_eq!(ran.count("ended: Panicked"), 0);
    }
}

/// A missed tick that panics when its actor is freed: by then everybody that the same fall frees has been freed.
#[test]
fn a_panic_in_a_missed_tick_strands_nobody() {
    let ran = run(virtual_time(), |env| {
        let sink = presses_for(env, ms(10));
        for ticks in [true, false, false] {
            let to = sink.clone();
            let sender = env.spawn(act(move |n, cx| {
                if ticks {
                    cx.every(ms(3), |_| panic!("missed tick failed"));
                }
                to.tell(n, cx);
            }));
            sender.tell(1, env);
        }
    });
    assert_eq!(panicked(ran.error()).4, "missed tick failed");
    assert_eq!(ran.count("freed"), 3);
    assert!(ran.trace.iter().rposition(|line| line.contains("freed")) < Some(ran.find("timer 1 fired, 3 ticks")));
}

#[test]
fn a_panic_in_main_is_an_error_that_names_main() {
    let ran = run(virtual_time(), |env| {
        env.spawn(act(|_, _| ())).tell(3, env);
        panic!("main failed");
    });
    let (_, name, _, _, payload) = panicked(ran.error());
    assert_eq!((name, payload), ("main", "main failed"));
}

#[test]
fn a_panic_in_main_under_stop_actor_ends_only_main() {
    let ran = run(virtual_time().on_panic(OnPanic::StopActor), |env| {
        env.spawn(act(|_, _| ())).tell(3, env);
        panic!("main failed");
    });
    assert_eq!((ran.well().stats.totals.panics, ran.count("handles 3")), (1, 1));
}

/// A payload that is no text, and one that panics when it is dropped.
#[test]
fn odd_payloads_are_reported_all_the_same() {
    let ran = run(virtual_time(), |env| env.spawn(act(|_, _| std::panic::panic_any(5u8))).tell(0, env));
    assert_eq!(panicked(ran.error()).4, "a payload that is no text");
    let ran = run(virtual_time(), |env| env.spawn(act(|_, _| std::panic::panic_any(Fuse(true)))).tell(0, env));
    assert_eq!(panicked(ran.error()).4, "a payload that is no text", "not that of its drop");
}

/// A dead-letter hook that panics on each of an ended actor's messages.
#[test]
fn a_panic_in_the_dead_letter_hook_is_an_error() {
    let builder = virtual_time().on_dead_letter(|_, _| panic!("hook failed"));
    let ran = builder.run(|env| {
        let brief = env.spawn(act(|_, cx| cx.stop()));
        (0..3).for_each(|n| brief.tell(n, env));
    });
    assert_eq!(panicked(&ran.unwrap_err()).4, "hook failed");
}
