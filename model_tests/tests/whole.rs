//! The smallest programs on the whole pool, under loom too: one worker and the driver, few preemptions. This is what sees
//! an order that is too weak between parts that have no test of their own: the table of actors, births and ends.

use backwater::Refusal;
use model_tests::program::{Got, Say, act, brisk, consumer, keys, pool, talker, well};
use model_tests::{Bounds, check, preemptions};

/// loom comes to an end with few preemptions; shuttle takes so many of all there are, and draws.
const BOUNDS: Bounds = Bounds { runs: 2_000, depth_first: Some(2_000), ..preemptions(2) };

/// R1, R9. `main` creates an actor and sends to it: the worker finds it in the table with all that belongs to it, and the
/// driver finds the end.
#[test]
fn an_actor_is_found_with_all_that_belongs_to_it() {
    check("an_actor_is_found_with_all_that_belongs_to_it", BOUNDS, |leaks| {
        let got = Got::default();
        let result = pool(1, false).run(|env| {
            let seen = got.clone();
            let actor = env.spawn(act(move |say, _| match say {
                Say::Data(data) => seen.add(&data),
                other => panic!("nobody says {other:?} here"),
            }));
            actor.tell(Say::Data(leaks.track((0, 0))), env);
        });
        well(result);
        got.assert_all(1, 1);
    });
}

/// R3, R6, T4. A sender that `main` tells to, and a sink that presses and falls: marked, muted and freed on one worker.
#[test]
fn a_sender_is_muted_and_freed() {
    check("a_sender_is_muted_and_freed", BOUNDS, |leaks| {
        let got = Got::default();
        let result = pool(1, false).run(|env| {
            let sink = env.spawn(consumer(keys(env), got.clone(), None));
            sink.tell(Say::Press, env);
            env.spawn(talker(0, sink, leaks)).tell(Say::Go(1), env);
        });
        let totals = well(result).stats.totals;
        got.assert_all(1, 1);
        assert_eq!(totals.mutes, totals.freed, "T4");
    });
}

/// T6, R1. An actor is run by one worker, rests, and is made runnable again by an actor on the other worker, which then runs
/// it: what the first left is seen by the second.
#[test]
fn what_one_worker_leaves_is_seen_by_the_next() {
    check("what_one_worker_leaves_is_seen_by_the_next", Bounds { preemptions: Some(1), ..BOUNDS }, |leaks| {
        let got = Got::default();
        let result = pool(2, false).run(|env| {
            let seen = got.clone();
            let actor = env.spawn(act(move |say, _| match say {
                Say::Data(data) => seen.add(&data),
                other => panic!("nobody says {other:?} here"),
            }));
            actor.tell(Say::Data(leaks.track((0, 0))), env);
            env.spawn(talker(1, actor, leaks)).tell(Say::Go(1), env);
        });
        well(result);
        assert_eq!(got.len(), 2, "R1");
    });
}

/// R8. An inlet is made for an actor that ends at that moment: the end finds it with all that belongs to it, or whoever
/// makes it finds the end. After the run it has ended, either way.
#[test]
fn what_is_tied_to_an_actor_that_ends_has_ended() {
    check("what_is_tied_to_an_actor_that_ends_has_ended", Bounds { preemptions: Some(1), ..BOUNDS }, |_| {
        let mut inlet = None;
        let result = pool(1, false).run(|env| {
            let brief = env.spawn(brisk(|_, cx| cx.stop()));
            brief.tell(Say::Stop, env);
            inlet = Some(env.inlet(&brief));
        });
        well(result);
        let refused = inlet.expect("main has run").try_send(Say::Ended).expect_err("its actor has ended");
        assert_eq!(refused.why, Refusal::Ended, "R8");
    });
}

/// R8. `main` sends to an actor that ends at that moment, while others are born: they would have the seat of the one that
/// ended, if anybody gave it to them before `main` is between two behaviours.
#[test]
fn a_message_never_comes_to_the_next_tenant_of_a_seat() {
    check("a_message_never_comes_to_the_next_tenant_of_a_seat", Bounds { preemptions: Some(1), ..BOUNDS }, |leaks| {
        let result = pool(1, false).run(|env| {
            // As many as ask for grace together.
            let flies = [(); 2].map(|()| {
                env.spawn(brisk(|say, cx| match say {
                    Say::Stop => cx.stop(),
                    other => drop(other),
                }))
            });
            let first = flies[0].clone();
            let churn = brisk(move |say, cx| match say {
                Say::Go(_) => {
                    flies.iter().for_each(|fly| fly.tell(Say::Stop, cx));
                    cx.tell_self(Say::Ended);
                }
                _ => (0..2).for_each(|_| {
                    cx.spawn(brisk(|say, _| panic!("R8: {say:?} was for the last tenant of this seat")));
                }),
            });
            env.spawn(churn).tell(Say::Go(1), env);
            first.tell(Say::Data(leaks.track((0, 0))), env);
        });
        well(result);
    });
}
