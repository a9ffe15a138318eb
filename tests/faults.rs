//! Bad input, one fault a test: each gets a clear error or a stated behaviour.

mod common;

use backwater::rules::Load;
use backwater::{
    Actor, ApplyReleaseBackpressureAuth, Backpressure, Cause, Context, Detector, RunError, Runtime, SpawnOptions,
};
use common::{Notes, act, idle, ms, panic_of, run, run_unwatched, virtual_time};

#[track_caller]
fn config_error(builder: backwater::Builder) -> String {
    match builder.run(|_| panic!("main was not to be called")) {
        Err(RunError::Config(why)) => why,
        other => panic!("it was to be refused: {other:?}"),
    }
}

#[test]
fn batch_of_zero_is_refused_with_the_remedy() {
    assert!(config_error(Runtime::builder().batch(0)).contains("give at least 1"));
    assert!(panic_of(|| SpawnOptions::new().batch(0)).contains("at least 1 message"));
}

#[test]
fn an_actor_is_told_its_batch() {
    let told = Notes::new();
    run(virtual_time().batch(5), |env| {
        for options in [SpawnOptions::new(), SpawnOptions::new().batch(7)] {
            let notes = told.clone();
            env.spawn_with(options, act(move |_, cx| notes.add(cx.batch()))).tell(0, env);
        }
    });
    assert_eq!(told.take(), [5, 7]);
}

#[test]
fn depth_marks_that_cannot_work_are_refused() {
    for (high, low) in [(0, 0), (5, 5), (5, 6)] {
        let detector = Detector::Depth { high, low };
        assert!(config_error(Runtime::builder().overload(detector)).contains("low < high"));
        assert!(panic_of(|| SpawnOptions::new().overload(detector)).contains("low < high"));
    }
}

#[test]
fn two_policies_are_refused() {
    assert!(config_error(Runtime::builder().shuffled().policy(backwater::policy::Newest::default())).contains("one"));
}

#[test]
fn spoilt_replay_tokens_are_refused_with_the_reason() {
    for (token, why) in [("", "does not begin"), ("bw1.mine.s1.b1", "no policy called"), ("bw1.fifo.s1.b0", "batch")] {
        let error = Runtime::builder().replay(token).run(|_| ()).unwrap_err();
        assert!(matches!(error, RunError::Replay(_)) && error.to_string().contains(why), "{error}");
    }
}

/// R1: a dead letter is counted, shown, and handed to the hook; the hook sees those of a mailbox too.
#[test]
fn a_send_to_a_stopped_actor_is_a_dead_letter() {
    let letters = Notes::new();
    let hook = letters.clone();
    let builder = virtual_time().on_dead_letter(move |to, msg| hook.add(format!("{to} {msg:?}")));
    let ran = run(builder, |env| {
        let brief = env.spawn(act(|_, cx| cx.stop()));
        (1..=3).for_each(|n| brief.tell(n, env));
        env.spawn(act(move |n, cx| brief.tell(n, cx))).tell(4, env);
    });
    assert_eq!(letters.take(), ["#4 2", "#4 3", "#4 4"]);
    assert_eq!((ran.well().stats.totals.dead, ran.count("dead letter")), (3, 3));
}

/// An address outlives its actor: the next tenant of the seat gets none of its letters.
#[test]
fn the_next_tenant_of_a_seat_gets_no_letters_of_the_one_before() {
    let got = Notes::new();
    let notes = got.clone();
    let ran = run(virtual_time(), move |env| {
        let old = env.spawn(act(|_, cx| cx.stop()));
        old.tell(0, env);
        let heir = act(move |n, _| notes.add(n));
        let mut heir = Some(heir);
        let parent = env.spawn(act(move |_, cx| {
            let Some(heir) = heir.take() else { return };
            // Main's seat is the last that became free, the old actor's the one before.
            let first = cx.spawn(idle());
            let second = cx.spawn(heir);
            assert_eq!([first.id().seat(), second.id().seat()].iter().filter(|s| **s == old.id().seat()).count(), 1);
            assert!(old != first && old != second);
            old.tell(1, cx);
            second.tell(2, cx);
        }));
        parent.tell(0, env);
    });
    assert_eq!(got.take(), [2]);
    assert_eq!(ran.well().stats.totals.dead, 1);
}

/// R5: calls that change nothing change nothing, and are reported.
#[test]
fn release_without_apply_and_apply_twice_are_reported_and_change_nothing() {
    let ran = run(virtual_time(), |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let actor = env.spawn(act(move |_, cx| {
            let load = |cx: &Context<'_, _>| cx.stats_of(&cx.me()).unwrap().load;
            Backpressure::release(&auth, cx);
            assert_eq!(load(cx), Load::IDLE);
            Backpressure::apply(&auth, cx);
            Backpressure::apply(&auth, cx);
            assert_eq!(load(cx), Load::APPLIED);
            Backpressure::release(&auth, cx);
            assert_eq!(load(cx), Load::IDLE);
        }));
        actor.tell(0, env);
    });
    assert_eq!(ran.well().stats.totals.redundant, 2);
    assert_eq!((ran.count("release at"), ran.count("apply at"), ran.count("fell")), (1, 1, 1));
}

/// The line below the call, for reports that name a line.
#[track_caller]
fn next_line() -> u32 {
    std::panic::Location::caller().line() + 1
}

/// R10: what holds for ever is named by its line, and the token replays the run.
#[test]
fn a_leaked_guard_is_reported_with_its_line() {
    let lines = Notes::new();
    let notes = lines.clone();
    let ran = run(virtual_time(), move |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let leaky = act(move |n, cx| {
            if n == 0 {
                notes.add(next_line());
                std::mem::forget(Backpressure::hold(&auth, cx));
            }
        });
        let leaky = env.spawn_with(SpawnOptions::new().name("leaky"), leaky);
        leaky.tell(0, env);
        let sender = env.spawn_with(SpawnOptions::new().name("sender"), act(move |n, cx| leaky.tell(n, cx)));
        sender.tell(1, env);
        sender.tell(2, env);
    });
    let report = ran.deadlock();
    assert_eq!((report.muted.len(), report.roots.len()), (1, 1));
    assert_eq!((report.muted[0].name.as_str(), report.muted[0].waiting), ("sender", 1));
    let chain: Vec<&str> = report.muted[0].chains[0].iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(chain, ["sender", "leaky"]);
    let [Cause::Guard(place)] = &report.roots[0].causes[..] else { panic!("{report}") };
    assert!(place.file().ends_with("faults.rs") && [place.line()] == lines.take()[..], "{place}");
    let text = ran.error().to_string();
    assert!(text.contains("mem::forget") && text.contains("BACKWATER_REPLAY=bw1.fifo.s0.b100"), "{text}");
}

/// R10: an apply that was never matched is named by its line, for each of two roots of one muted actor, and at the
/// end of a chain of two.
#[test]
fn every_root_of_a_deadlock_is_named_with_the_line_of_its_apply() {
    let lines = Notes::new();
    let notes = lines.clone();
    let ran = run(virtual_time(), |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let sinks = [0, 1].map(|_| {
            let (auth, notes) = (auth.clone(), notes.clone());
            env.spawn(act(move |n, cx| {
                if n == 0 {
                    notes.add(next_line());
                    Backpressure::apply(&auth, cx);
                }
            }))
        });
        sinks.iter().for_each(|sink| sink.tell(0, env));
        let sender = env.spawn(act(move |n, cx| sinks.iter().for_each(|sink| sink.tell(n, cx))));
        sender.tell(1, env);
        env.spawn(act(move |n, cx| sender.tell(n, cx))).tell(1, env);
    });
    let report = ran.deadlock();
    let lines = lines.take();
    assert_eq!((report.muted.len(), report.roots.len()), (2, 2));
    assert!(report.muted.iter().all(|m| m.chains.len() == 2), "each waits for both: {report}");
    let lengths: Vec<usize> = report.muted.iter().flat_map(|m| m.chains.iter().map(Vec::len)).collect();
    assert_eq!(lengths, [2, 2, 3, 3]);
    for (root, line) in report.roots.iter().zip(lines) {
        let [Cause::Applied(place)] = &root.causes[..] else { panic!("{report}") };
        assert_eq!(place.line(), line);
        assert!(root.woken_by.iter().all(|by| by.contains("which it mutes")), "{root:?}");
    }
}

/// An actor that spawns in every behaviour, under a limit of 50: at the limit, neither before nor after it.
#[test]
fn spawning_without_end_stops_at_the_limit() {
    let spawned = Notes::new();
    let notes = spawned.clone();
    let ran = run(virtual_time().max_actors(50), move |env| {
        let parent = env.spawn(act(move |_, cx| {
            notes.add(cx.spawn_with(SpawnOptions::new().name("child"), idle()));
            cx.me().tell(0, cx);
        }));
        parent.tell(0, env);
    });
    let RunError::TooManyActors { limit, name, place, .. } = ran.error() else { panic!("{}", ran.error()) };
    assert_eq!((*limit, name.as_str()), (50, "child"));
    assert!(place.file().ends_with("faults.rs"));
    // The parent, 49 children, and an address that leads nowhere for the one too many.
    assert_eq!(spawned.take().len(), 50);
    assert!(ran.error().to_string().contains("raise Builder::max_actors"));
}

/// The limit counts living actors: those that stopped make room.
#[test]
fn stopped_actors_make_room_under_the_limit() {
    let result = run_unwatched(virtual_time().max_actors(2), |env| {
        let mut left = 1_000;
        let parent = env.spawn(act(move |_, cx| {
            cx.spawn(act(|_, cx| cx.stop())).tell(0, cx);
            left -= 1;
            if left > 0 {
                cx.after(ms(1), 0);
            }
        }));
        parent.tell(0, env);
    });
    assert_eq!(result.unwrap().stats.totals.spawned, 1_005);
}

#[test]
fn a_million_actors_live_and_are_all_reached() {
    let result = run_unwatched(virtual_time(), |env| {
        for _ in 0..1_000_000 {
            env.spawn(Small(0)).tell(1, env);
        }
    });
    let stats = result.unwrap().stats;
    assert_eq!((stats.totals.handled, stats.actors.len()), (1_000_000, 1_000_003));
    assert!(stats.actors[3..].iter().all(|actor| actor.handled == 1));
}

struct Small(u32);

impl Actor for Small {
    type Msg = u32;

    fn receive(&mut self, msg: u32, _: &mut Context<'_, Self>) {
        self.0 += msg;
    }
}

/// The queue of one actor, ten million long: R14, one behaviour may send as much as it likes.
#[test]
fn ten_million_messages_of_one_behaviour_all_arrive() {
    let result = run_unwatched(virtual_time(), |env| {
        let sink = env.spawn(Small(0));
        (0..10_000_000).for_each(|_| sink.tell(1, env));
    });
    let stats = result.unwrap().stats;
    assert_eq!((stats.totals.handled, stats.totals.deepest), (10_000_000, 10_000_000));
}

/// An address of another runtime finds a dead end, here; it does not bring this one down.
#[test]
fn an_address_of_another_runtime_is_a_dead_end() {
    let mut stray = None;
    run(virtual_time(), |env| stray = (0..9).map(|_| env.spawn(idle())).last()).well();
    let ran = run(virtual_time(), |env| stray.unwrap().tell(1, env));
    assert_eq!(ran.well().stats.totals.dead, 1);
}

/// Ended by `shutdown`: what waits is counted as queued, nothing more is handled.
#[test]
fn shutdown_leaves_what_waits_and_counts_it() {
    let ran = run(virtual_time(), |env| {
        let actor = env.spawn(act(|_, cx| cx.shutdown()));
        (0..5).for_each(|n| actor.tell(n, env));
    });
    assert_eq!((ran.well().stats.totals.handled, ran.well().stats.queued), (1, 4));
}
