//! The whole pool runs small programs. What is judged at each end stands in `model_tests::program`.
//!
//! For shuttle: the driver and two or three workers, so many atomics that loom would not come to an end.

use backwater::internals::sync::{Leaks, thread};
use backwater::{Addr, Backpressure, Env, SpawnOptions};
use model_tests::program::{Act, Got, Say, act, consumer, draw, keys, pool, stuck, talker, well};

/// T1, T4, T5, T6, T8, R1. Three senders and a consumer that presses again and again: all is handled, in order.
#[test]
fn a_star_ends_well() {
    draw("a_star_ends_well", 400, |watched, leaks| {
        let got = Got::default();
        let result = pool(2, watched).run(|env| {
            let consumer = env.spawn(consumer(keys(env), got.clone(), Some(2)));
            (0..3).for_each(|who| env.spawn(talker(who, consumer.clone(), leaks)).tell(Say::Go(3), env));
        });
        let summary = well(result);
        got.assert_all(3, 3);
        assert_eq!(summary.stats.totals.mutes, summary.stats.totals.freed, "T4: nobody is left");
    });
}

/// A wall, and a chain of links to it; the first link is given back. The wall presses, says `Go` to whoever it is told
/// to by `start`, and does as `end` says with each thing that it handles.
fn chain(env: &mut Env<'_>, links: u32, leaks: &Leaks, wall: Act) -> (Addr<Say>, Addr<Say>) {
    let wall = env.spawn_with(SpawnOptions::new().name("wall"), wall);
    let mut first = wall.clone();
    for _ in 0..links {
        let to = first.clone();
        first = env.spawn(act(move |say, cx| to.tell(say, cx)));
    }
    let source = env.spawn_with(SpawnOptions::new().name("source"), talker(0, first, leaks));
    (wall, source)
}

/// R3, T3, T6, T7. A wall presses for ever before anybody sends: the last link comes to its end of behaviour once, and is
/// never run again; the report names the wall, and nobody else.
#[test]
fn a_chain_of_mutes_ends_with_its_root() {
    draw("a_chain_of_mutes_ends_with_its_root", 400, |watched, leaks| {
        let (got, links) = (Got::default(), 2);
        let result = pool(2, watched).run(|env| {
            let (keys, seen) = (keys(env), got.clone());
            let mut source: Option<Addr<Say>> = None;
            let wall = act(move |say, cx| match say {
                Say::Press => {
                    Backpressure::apply(&keys.press, cx);
                    source.take().expect("it was told before").tell(Say::Go(3), cx);
                }
                Say::Data(data) => seen.add(&data),
                Say::Tell(to) => source = Some(to),
                other => panic!("nobody says {other:?} to a wall"),
            });
            let (wall, source) = chain(env, links, leaks, wall);
            wall.tell(Say::Tell(source), env);
            wall.tell(Say::Press, env);
        });
        let report = stuck(result);
        assert_eq!(got.len(), 1, "R3: who sends to a wall is not run again");
        assert_eq!(report.roots.iter().map(|root| root.name.to_string()).collect::<Vec<_>>(), ["wall"]);
    });
}

/// T1, T4, T5, T8. The same, and the wall presses anew after each thing it handles, until somebody says by control that
/// it should end that: every fall goes up the chain, all is handled.
#[test]
fn a_chain_of_mutes_is_freed_from_its_root() {
    draw("a_chain_of_mutes_is_freed_from_its_root", 400, |watched, leaks| {
        let (got, links, each) = (Got::default(), 2, 3);
        let result = pool(2, watched).run(|env| {
            let (keys, seen) = (keys(env), got.clone());
            let control = keys.control.clone();
            // Says back by control what it hears.
            let echo = env.spawn(act(move |say, cx| match say {
                Say::Tell(to) => to.tell_control(Say::Ease, &control, cx),
                other => panic!("nobody says {other:?} to an echo"),
            }));
            let wall = act(move |say, cx| match say {
                Say::Data(data) => {
                    seen.add(&data);
                    Backpressure::apply(&keys.press, cx);
                    echo.tell(Say::Tell(cx.me()), cx);
                }
                Say::Ease => Backpressure::release(&keys.press, cx),
                other => panic!("nobody says {other:?} to a wall"),
            });
            let (_, source) = chain(env, links, leaks, wall);
            source.tell(Say::Go(each), env);
        });
        let totals = well(result).stats.totals;
        got.assert_all(1, each);
        assert_eq!(totals.mutes, totals.freed, "T4: nobody is left");
    });
}

/// R8, T1, T4. A sink stops while it is under pressure, by a flag and by a guard that somebody keeps: its senders go on,
/// and what it did not handle is dead.
#[test]
fn who_stops_under_pressure_frees_its_senders() {
    draw("who_stops_under_pressure_frees_its_senders", 400, |watched, leaks| {
        let got = Got::default();
        let (senders, each) = (3, 2);
        let result = pool(2, watched).run(|env| {
            let (keys, seen) = (keys(env), got.clone());
            let mut guards = Vec::new();
            let keeper = env.spawn(act(move |say, _| match say {
                Say::Keep(guard) => guards.push(guard),
                other => panic!("nobody says {other:?} to a keeper"),
            }));
            let control = keys.control.clone();
            let sink = env.spawn(act(move |say, cx| match say {
                Say::Press => {
                    Backpressure::apply(&keys.press, cx);
                    let guard = Backpressure::hold(&keys.press, cx);
                    keeper.tell(Say::Keep(guard), cx);
                }
                Say::Data(data) => seen.add(&data),
                Say::Stop => cx.stop(),
                other => panic!("nobody says {other:?} to a sink"),
            }));
            sink.tell(Say::Press, env);
            (0..senders).for_each(|who| env.spawn(talker(who, sink.clone(), leaks)).tell(Say::Go(each), env));
            env.spawn(act(move |_, cx| sink.tell_control(Say::Stop, &control, cx))).tell(Say::Go(1), env);
        });
        let totals = well(result).stats.totals;
        assert_eq!(got.len() as u64 + totals.dead, u64::from(senders * each), "R8: handled, or a dead letter");
        assert_eq!(totals.mutes, totals.freed, "T4: nobody waits for the dead");
    });
}

/// R8, T6. Actors are created and end, their seats are used again: each handles what is said to it before its end, and
/// nothing goes to the next tenant.
#[test]
fn seats_are_used_again_and_nothing_goes_to_the_next_tenant() {
    draw("seats_are_used_again_and_nothing_goes_to_the_next_tenant", 200, |watched, leaks| {
        let got = Got::default();
        let (churns, flies) = (2, 4);
        let result = pool(2, watched).run(|env| {
            for who in 0..churns {
                let (got, leaks) = (got.clone(), leaks.clone());
                let mut last: Option<Addr<Say>> = None;
                let churn = act(move |say, cx| {
                    let Say::Go(left) = say else { panic!("nobody says {say:?} to a churn") };
                    let (seen, mine) = (got.clone(), who * 100 + left);
                    // What it is told before it stops carries its own number; any other is for somebody else.
                    let fly = cx.spawn(act(move |say, cx| match say {
                        Say::Data(data) if data.value.1 == mine => seen.add(&data),
                        Say::Stop => cx.stop(),
                        other => panic!("R8: {other:?} was for another tenant than {mine}"),
                    }));
                    fly.tell(Say::Data(leaks.track((who, mine))), cx);
                    fly.tell(Say::Stop, cx);
                    fly.tell(Say::Data(leaks.track((who, mine))), cx);
                    if let Some(last) = last.replace(fly) {
                        last.tell(Say::Data(leaks.track((who, mine + 1))), cx);
                    }
                    if left > 1 {
                        cx.tell_self(Say::Go(left - 1));
                    }
                });
                env.spawn(churn).tell(Say::Go(flies), env);
            }
        });
        let dead = well(result).stats.totals.dead;
        assert!(got.len() as u32 >= churns * flies, "R1: each heard what came before its end");
        assert_eq!(got.len() as u64 + dead, u64::from(churns * (3 * flies - 1)), "R1: handled, or a dead letter");
    });
}

/// T5, T6, T8. One worker has all actors and the others steal them, while all of them are muted by one consumer and freed.
#[test]
fn actors_are_stolen_while_they_are_muted_and_freed() {
    draw("actors_are_stolen_while_they_are_muted_and_freed", 150, |watched, leaks| {
        let got = Got::default();
        let (senders, each) = (12, 2);
        let result = pool(3, watched).run(|env| {
            let consumer = env.spawn(consumer(keys(env), got.clone(), Some(2)));
            let leaks = leaks.clone();
            let boss = act(move |_, cx| {
                (0..senders).for_each(|who| cx.spawn(talker(who, consumer.clone(), &leaks)).tell(Say::Go(each), cx));
            });
            env.spawn(boss).tell(Say::Go(1), env);
        });
        let totals = well(result).stats.totals;
        got.assert_all(senders, each);
        assert_eq!(totals.mutes, totals.freed, "T4: nobody is left");
    });
}

/// R9, R8. Somebody shuts down while a ring goes on for ever and others are muted: it ends, and every mailbox is dropped.
#[test]
fn a_shutdown_ends_what_would_go_on_for_ever() {
    draw("a_shutdown_ends_what_would_go_on_for_ever", 300, |watched, leaks| {
        let result = pool(2, watched).run(|env| {
            let keys = keys(env);
            let wall = env.spawn(act(move |_, cx| Backpressure::apply(&keys.press, cx)));
            wall.tell(Say::Press, env);
            let ring = env.spawn(act(|say, cx| cx.tell_self(say)));
            ring.tell(Say::Data(leaks.track((0, 0))), env);
            env.spawn(talker(1, wall, leaks)).tell(Say::Go(3), env);
            env.spawn(act(|_, cx| cx.shutdown())).tell(Say::Stop, env);
        });
        assert!(result.expect("an end that was asked for").stats.is_conserved());
    });
}

/// The same from another thread, at any moment.
#[test]
fn a_shutdown_from_outside_ends_what_would_go_on_for_ever() {
    draw("a_shutdown_from_outside_ends_what_would_go_on_for_ever", 300, |watched, leaks| {
        let mut outside = None;
        let result = pool(2, watched).run(|env| {
            let remote = env.remote();
            outside = Some(thread::spawn("outside", move || remote.stop()).expect("a model has threads"));
            let ring: Vec<_> = (0..2).map(|_| env.spawn(act(|say, cx| cx.tell_self(say)))).collect();
            ring.iter().for_each(|actor| actor.tell(Say::Data(leaks.track((0, 0))), env));
        });
        assert!(result.expect("an end that was asked for").stats.is_conserved());
        outside.expect("main has run").join().expect("it only asks");
    });
}
