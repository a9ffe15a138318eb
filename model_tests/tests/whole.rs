//! The smallest programs on the whole pool, under loom too: one worker and the driver, few preemptions. This is what sees
//! an order that is too weak between parts that have no test of their own: the table of actors, births and ends.

use model_tests::program::{Got, Say, act, consumer, keys, pool, talker, well};
use model_tests::{BACKING, Bounds, check, preemptions};

/// loom comes to an end with few preemptions; shuttle draws, or takes all there are of the first so many.
const BOUNDS: Bounds = Bounds { runs: 2_000, ..preemptions(2) };

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
    check("a_sender_is_muted_and_freed", Bounds { depth_first: BACKING == "shuttle", ..BOUNDS }, |leaks| {
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
    check("what_one_worker_leaves_is_seen_by_the_next", Bounds { runs: 2_000, ..preemptions(1) }, |leaks| {
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
