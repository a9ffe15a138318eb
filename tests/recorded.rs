//! A run on many threads is made again on one: the same messages for each actor, in the same order, and the same end.

#[path = "common/mod.rs"]
mod common;
#[path = "recorded/programs.rs"]
mod programs;

use backwater::report::Trace;
use backwater::{
    ActorId, ApplyReleaseBackpressureAuth, Backpressure, BadRecording, Builder, Context, Env, Recording, RunError,
    Runtime, SpawnOptions, StallWatch, Summary,
};
use programs::{PROGRAMS, Program};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Bytes that are written in one place and read in another.
#[derive(Clone, Default)]
pub(crate) struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What each actor handled and was told, as the program itself saw it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ear(Arc<Mutex<BTreeMap<ActorId, Vec<String>>>>);

impl Ear {
    pub(crate) fn hear<A: backwater::Actor>(&self, what: impl std::fmt::Debug, cx: &Context<'_, A>) {
        self.0.lock().unwrap().entry(cx.id()).or_default().push(format!("{what:?}"));
    }

    fn heard(&self) -> BTreeMap<ActorId, Vec<String>> {
        self.0.lock().unwrap().clone()
    }
}

/// A run as far as it has to be the same again.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    heard: BTreeMap<ActorId, Vec<String>>,
    end: String,
}

impl Run {
    fn of(ear: &Ear, result: Result<Summary, RunError>) -> Run {
        let end = match result {
            Ok(summary) => {
                let totals = summary.stats.totals;
                let counts = [
                    totals.spawned,
                    totals.sent,
                    totals.delivered,
                    totals.handled,
                    totals.dead,
                    totals.mutes,
                    totals.freed,
                ];
                let standing: Vec<String> =
                    summary.stats.actors.iter().map(|a| format!("{} {}", a.id, a.load)).collect();
                format!("{counts:?}, {} in mailboxes, {standing:?}", summary.stats.queued)
            }
            Err(why) => why.to_string(),
        };
        Run { heard: ear.heard(), end }
    }
}

fn record(program: Program, threads: usize, seed: u64, build: impl Fn(Builder) -> Builder) -> (Run, Vec<u8>) {
    let (buffer, ear) = (Buffer::default(), Ear::default());
    let builder = Runtime::builder().threads(threads).seed(seed).batch(7).describe(true).record(buffer.clone());
    let result = build(builder).run(|env| program(env, &ear));
    let bytes = buffer.0.lock().unwrap().clone();
    (Run::of(&ear, result), bytes)
}

fn replay_with(program: Program, bytes: &[u8], build: impl Fn(Builder) -> Builder) -> (Run, Vec<String>) {
    let (ear, trace) = (Ear::default(), Trace::new());
    let builder = Runtime::builder().describe(true).observer(trace.clone());
    let builder = build(builder).replay_recording(std::io::Cursor::new(bytes.to_vec()));
    let result = builder.run(|env| program(env, &ear));
    (Run::of(&ear, result), trace.lines())
}

fn same(builder: Builder) -> Builder {
    builder
}

fn bad(program: Program, bytes: &[u8], build: impl Fn(Builder) -> Builder) -> BadRecording {
    let ear = Ear::default();
    let builder = build(Runtime::builder()).replay_recording(std::io::Cursor::new(bytes.to_vec()));
    match builder.run(|env: &mut Env<'_>| program(env, &ear)) {
        Err(RunError::Recording(why)) => why,
        other => panic!("it was replayed: {other:?}"),
    }
}

fn program(name: &str) -> Program {
    PROGRAMS.iter().find(|(known, _)| *known == name).unwrap().1
}

#[test]
fn every_actor_handles_the_same_again_and_the_end_is_the_same() {
    for (name, program) in PROGRAMS {
        for threads in [2, 4] {
            for seed in 0..40 {
                let (run, bytes) = record(*program, threads, seed, same);
                let (again, events) = replay_with(*program, &bytes, same);
                assert_eq!(again, run, "{name} on {threads} threads, seed {seed}");
                let (_, twice) = replay_with(*program, &bytes, |builder| builder.threads(3));
                assert_eq!(twice, events, "{name}: two replays differ");
            }
        }
    }
}

/// How many runs that takes is up to the machine: a few, or hundreds on one processor.
#[test]
fn runs_differ_so_that_there_is_something_to_record() {
    let run = || record(program("star"), 4, 1, same).0.heard;
    let first = run();
    while run() == first {}
}

#[test]
fn a_recording_cut_short_at_any_byte_is_refused_with_the_position() {
    let (_, bytes) = record(program("deadlock"), 2, 3, same);
    assert!(Recording::parse(&bytes).is_ok());
    for length in 0..bytes.len() {
        let why = Recording::parse(&bytes[..length]).unwrap_err();
        assert!(why.position() <= length as u64, "{length}: {why}");
    }
    let why = bad(program("deadlock"), &bytes[..bytes.len() - 1], same).to_string();
    assert!(why.contains("at byte") && why.contains("cut short"), "{why}");
    assert!(Recording::parse(&[&bytes[..], &[0]].concat()).unwrap_err().to_string().contains("follows the end"));
}

#[test]
fn a_recording_altered_in_any_byte_is_refused() {
    let (_, bytes) = record(program("deadlock"), 2, 3, same);
    for at in 0..bytes.len() {
        for change in [1, 0x80, 0xFF] {
            let mut other = bytes.clone();
            other[at] ^= change;
            let why = Recording::parse(&other).expect_err("a byte is another");
            assert!(why.position() <= at as u64 + 1, "byte {at}: {why}");
        }
    }
}

#[test]
fn a_recording_of_another_version_is_refused() {
    let (_, mut bytes) = record(program("star"), 2, 0, same);
    bytes[7] = 9;
    let why = Recording::parse(&bytes).unwrap_err();
    assert_eq!((why.position(), why.to_string().contains("version 9")), (7, true), "{why}");
}

#[test]
fn a_recording_of_another_program_is_refused() {
    for (name, program) in PROGRAMS {
        let (_, bytes) = record(*program, 2, 5, same);
        for (other, foreign) in PROGRAMS.iter().filter(|(other, _)| other != name) {
            let why = bad(*foreign, &bytes, same).to_string();
            assert!(why.contains("at byte") && why.contains("another program"), "{name} as {other}: {why}");
        }
    }
}

/// Programs that do the same but for an actor's name, or for a message that is never sent.
#[test]
fn a_program_that_differs_in_a_name_or_in_one_message_is_another() {
    let one: Program = |env, _| drop(env.spawn_with(SpawnOptions::new().name("one"), common::idle()));
    let other: Program = |env, _| drop(env.spawn_with(SpawnOptions::new().name("other"), common::idle()));
    let (_, bytes) = record(one, 2, 0, same);
    assert!(bad(other, &bytes, same).to_string().contains("creates `other`, where another actor was"));
    let two: Program = |env, _| {
        let to = env.spawn(common::idle());
        (0..2).for_each(|n| to.tell(n, env));
    };
    let less: Program = |env, _| env.spawn(common::idle()).tell(0, env);
    let (_, bytes) = record(two, 2, 0, same);
    let why = bad(less, &bytes, same).to_string();
    assert!(why.contains("which never comes"), "{why}");
    // And the other way round: a message that nobody sent then, and nobody handles now.
    let (_, bytes) = record(less, 2, 0, same);
    let why = bad(two, &bytes, same).to_string();
    assert!(why.contains("is left with messages (1)"), "{why}");
}

#[test]
fn a_recording_of_a_runtime_built_otherwise_is_refused() {
    let (_, bytes) = record(program("star"), 2, 5, same);
    for build in [
        (|builder: Builder| builder.max_actors(1_000)) as fn(Builder) -> Builder,
        |builder| builder.on_panic(backwater::OnPanic::StopActor),
        |builder| builder.overload(backwater::Detector::Depth { low: 2, high: 9 }),
    ] {
        let why = bad(program("star"), &bytes, build);
        // After the word at the beginning, the version, the seed and the batch.
        assert!(why.position() == 20 && why.to_string().contains("as it was built then"), "{why}");
    }
}

#[test]
fn actors_that_panic_and_are_survived_are_the_same_again() {
    let survive = |builder: Builder| builder.on_panic(backwater::OnPanic::StopActor);
    for seed in 0..20 {
        let (run, bytes) = record(program("panic"), 4, seed, survive);
        assert_eq!(replay_with(program("panic"), &bytes, survive).0, run);
    }
}

#[test]
fn overload_by_depth_is_the_same_again() {
    let depth = |builder: Builder| builder.overload(backwater::Detector::Depth { low: 2, high: 9 });
    for (name, program) in PROGRAMS {
        let (run, bytes) = record(*program, 4, 1, depth);
        assert_eq!(replay_with(*program, &bytes, depth).0, run, "{name}");
    }
}

#[test]
fn one_actor_too_many_is_so_again() {
    let few = |builder: Builder| builder.max_actors(4);
    for seed in 0..20 {
        let (run, bytes) = record(program("spawn and stop"), 4, seed, few);
        assert!(run.end.contains("one more than 4"), "{}", run.end);
        assert_eq!(replay_with(program("spawn and stop"), &bytes, few).0, run);
    }
}

/// Each obstacle, and what the refusal says of it.
#[test]
fn what_came_from_outside_is_refused_by_name() {
    let inlet: Program = |env, _| {
        let to = env.spawn(common::idle());
        let inlet = env.inlet(&to);
        inlet.try_send(1).unwrap();
    };
    let counts: Program = |env, _| drop(env.stats());
    let input: Program = |env, _| {
        let to = env.spawn(Listener);
        env.input.clone().tell(backwater::Input::Subscribe(to), env);
    };
    let age: Program = |env, _| {
        let old = env.spawn(common::act(|n, cx| match n {
            0 => drop(cx.after(Duration::MAX, 1)),
            _ => assert_eq!(cx.now(), Duration::MAX),
        }));
        old.tell(0, env);
    };
    let obstacles =
        [(inlet, "code outside"), (counts, "whole runtime"), (input, "code outside"), (age, "beyond 584 years")];
    for (program, why) in obstacles {
        let build = |builder: Builder| builder.input_on_thread(std::io::Cursor::new(b"text")).virtual_time();
        let (_, bytes) = record(program, 2, 0, build);
        let refused = bad(program, &bytes, same);
        assert!(refused.to_string().contains(why) && refused.position() > 40, "{refused}");
    }
}

struct Listener;

impl backwater::Actor for Listener {
    type Msg = backwater::InputEvent;

    fn receive(&mut self, _: backwater::InputEvent, _: &mut Context<'_, Self>) {}
}

#[test]
fn a_writer_that_fails_is_told_after_the_run() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("no room"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let ear = Ear::default();
    let result = Runtime::builder().threads(2).record(Broken).run(|env| program("star")(env, &ear));
    assert!(matches!(&result, Err(RunError::Record(why)) if why.to_string() == "no room"), "{result:?}");
    assert!(!ear.heard().is_empty(), "the program ran");
}

#[test]
fn recording_one_thread_and_replaying_with_a_policy_are_refused() {
    let one = Runtime::builder().record(std::io::sink()).run(|_| ());
    assert!(matches!(&one, Err(RunError::Config(why)) if why.contains("token")), "{one:?}");
    let both = Runtime::builder().shuffled().replay_recording(std::io::empty()).run(|_| ());
    assert!(matches!(&both, Err(RunError::Config(why)) if why.contains("who runs next")), "{both:?}");
}

#[test]
fn a_recorded_run_prints_and_so_does_its_replay() {
    let program: Program = |env, ear| {
        let out = env.out.clone();
        let sink = env.spawn(common::act({
            let ear = ear.clone();
            move |n, cx| {
                ear.hear(n, cx);
                out.tell(format!("{n}\n").into(), cx);
            }
        }));
        (0..100).for_each(|n| sink.tell(n, env));
    };
    let (first, second) = (Buffer::default(), Buffer::default());
    let (run, bytes) = record(program, 2, 0, |builder| builder.out(first.clone()));
    let (again, _) = replay_with(program, &bytes, |builder| builder.out(second.clone()));
    assert_eq!(again, run);
    assert_eq!(first.0.lock().unwrap().clone(), second.0.lock().unwrap().clone());
}

/// Who sent a message that is handled is one byte, if it is one of the first actors; and a recording says how many there are.
#[test]
fn a_message_takes_about_a_byte() {
    let program: Program = |env, _| {
        let to = env.spawn(common::idle());
        (0..5_000).for_each(|n| to.tell(n, env));
    };
    let (_, bytes) = record(program, 2, 0, |builder| builder.batch(1_000));
    let recording = Recording::parse(&bytes).unwrap();
    assert_eq!((recording.messages(), recording.actors()), (5_000, 5));
    assert!(bytes.len() < 6_000, "{} bytes for 5,000 messages", bytes.len());
}

/// A one-shot for an actor that is muted for ever fires, and waits in its mailbox; another keeps the run going until then.
#[test]
fn a_tick_that_nobody_handles_waits_in_its_mailbox_again() {
    let program: Program = |env, ear| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let sink = env.spawn(common::act(move |n, cx| {
            if n == 0 {
                Backpressure::apply(&auth, cx);
                let me = cx.me();
                let sender = cx.spawn(common::act(move |n, cx| {
                    assert_eq!(n, 0, "it is muted for ever");
                    cx.after(common::ms(1), 1);
                    me.tell(9, cx);
                }));
                sender.tell(0, cx);
            }
        }));
        sink.tell(0, env);
        let ear = ear.clone();
        let late = env.spawn(common::act(move |n, cx| {
            ear.hear(n, cx);
            if n == 0 {
                cx.after(common::ms(5), 1);
            }
        }));
        late.tell(0, env);
    };
    let (run, bytes) = record(program, 2, 0, |builder| builder.virtual_time());
    assert!(run.end.contains("(1 message in its mailbox"), "{}", run.end);
    assert_eq!(replay_with(program, &bytes, |builder| builder.virtual_time()).0, run);
}

// --- Corners --------------------------------------------------------------------------------------------------------

/// In virtual time, where timers say who comes when.
fn is_the_same_again(program: Program, build: impl Fn(Builder) -> Builder) -> Run {
    let build = |builder: Builder| build(builder.virtual_time());
    let (run, bytes) = record(program, 2, 0, build);
    assert_eq!(replay_with(program, &bytes, build).0, run);
    run
}

/// Two ticks are in the mailbox, the first of which cancels the timer of the second.
#[test]
fn a_tick_on_its_way_survives_the_cancel_of_its_timer_again() {
    let program: Program = |env, ear| {
        let ear = ear.clone();
        let mut timers = Vec::new();
        let actor = env.spawn(common::act(move |n, cx| {
            ear.hear(n, cx);
            match n {
                0 => {
                    cx.after(common::ms(1), 1);
                    timers = vec![cx.every(common::ms(1), |_| 2), cx.every(common::ms(3), |_| 3)];
                }
                1 => ear.hear(cx.cancel(timers[0]), cx),
                3 => ear.hear(cx.cancel(timers[1]), cx),
                _ => {}
            }
        }));
        actor.tell(0, env);
    };
    let run = is_the_same_again(program, |builder| builder.batch(1));
    assert_eq!(run.heard.into_values().flatten().collect::<Vec<_>>(), ["0", "1", "true", "2", "3", "true"]);
}

/// The tick after which it stops is followed by another in its mailbox.
#[test]
fn a_tick_that_an_actor_did_not_live_to_see_is_a_dead_letter_again() {
    let program: Program = |env, ear| {
        let ear = ear.clone();
        let actor = env.spawn(common::act(move |n, cx| {
            ear.hear(n, cx);
            match n {
                0 => (1..=2).for_each(|n| drop_id(cx.after(common::ms(1), n))),
                _ => cx.stop(),
            }
        }));
        actor.tell(0, env);
    };
    let run = is_the_same_again(program, same);
    assert!(run.end.starts_with("[5, 1, 2, 2, 1,"), "one of two ticks is dead: {}", run.end);
    let (_, bytes) = record(program, 2, 0, |builder| builder.virtual_time());
    let replay = Runtime::builder().replay_recording(std::io::Cursor::new(bytes));
    let summary = replay.run(|env| program(env, &Ear::default())).unwrap();
    assert_eq!(summary.time, common::ms(1), "it is as late as it was");
}

#[test]
fn a_panic_that_does_not_come_again_is_missed() {
    static CALM: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    let program: Program = |env, _| {
        let calm = || CALM.load(std::sync::atomic::Ordering::Relaxed);
        env.spawn(common::act(move |_, _| assert!(calm(), "it is not calm"))).tell(0, env);
    };
    let (run, bytes) = record(program, 2, 0, same);
    assert!(run.end.contains("it is not calm"), "{}", run.end);
    assert_eq!(replay_with(program, &bytes, same).0, run);
    CALM.store(true, std::sync::atomic::Ordering::Relaxed);
    let why = bad(program, &bytes, same).to_string();
    assert!(why.contains("what ended the run has not happened again"), "{why}");
}

fn drop_id(_: backwater::TimerId) {}

/// Whoever creates an actor in a seat that was another's can do so only after that one has ended; in a replay too, where
/// its run would come first.
#[test]
fn a_seat_is_used_again_only_when_it_is_empty() {
    let program: Program = |env, ear| {
        let ear = ear.clone();
        let parent = env.spawn(common::act(move |n, cx| {
            // In a replay, whose actors take turns, it is still there when its creator has gone far ahead.
            let child = cx.spawn(common::act(|n, cx| match n {
                100 => cx.stop(),
                _ => cx.tell_self(n + 1),
            }));
            ear.hear(child.id().tenant(), cx);
            child.tell(0, cx);
            if n < 200 {
                cx.after(common::ms(2), n + 1);
            }
        }));
        parent.tell(0, env);
    };
    let run = is_the_same_again(program, same);
    let tenants = run.heard.into_values().flatten();
    assert!(tenants.filter(|tenant| tenant == "1").count() > 0, "no seat was used again");
}

/// Somebody is muted, which would be a deadlock.
#[test]
fn a_run_that_was_shut_down_while_somebody_waited_is_shut_down_again() {
    let program: Program = |env, _| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let sink = env.spawn(common::act(move |n, cx| match n {
            0 => {
                Backpressure::apply(&auth, cx);
                cx.after(common::ms(2), 2);
            }
            2 => cx.shutdown(),
            _ => {}
        }));
        sink.tell(0, env);
        let sender = env.spawn(common::act(move |n, cx| match n {
            0 => drop_id(cx.after(common::ms(1), 1)),
            _ => sink.tell(1, cx),
        }));
        sender.tell(0, env);
    };
    let run = is_the_same_again(program, same);
    assert!(run.end.contains("#4 A") && run.end.contains("#5 M"), "{}", run.end);
}

/// Its last run was full, so it is overloaded until a run that finds nothing; or until the end, if that comes first.
#[test]
fn who_was_overloaded_by_the_last_message_has_caught_up_again_or_has_not() {
    let many: Program = |env, ear| {
        let ear = ear.clone();
        let busy = env.spawn(common::act(move |n, cx| ear.hear(n, cx)));
        (0..3).for_each(|n| busy.tell(n, env));
    };
    let run = is_the_same_again(many, |builder| builder.batch(3));
    assert!(run.end.contains("#4 -"), "{}", run.end);
    let cut: Program = |env, _| {
        let busy = env.spawn(common::act(move |n, cx| {
            if n == 2 {
                cx.shutdown();
            }
        }));
        (0..3).for_each(|n| busy.tell(n, env));
    };
    let run = is_the_same_again(cut, |builder| builder.batch(3));
    assert!(run.end.contains("#4 O"), "{}", run.end);
}

/// The holder's guard is in another actor, which ends last.
#[test]
fn a_guard_that_ends_with_an_actor_ends_again() {
    let program: Program = |env, _| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let pocket = Arc::new(Mutex::new(None));
        let put = pocket.clone();
        let holder = env.spawn(common::act(move |_, cx| *put.lock().unwrap() = Some(Backpressure::hold(&auth, cx))));
        holder.tell(0, env);
        let mut kept = Vec::new();
        let last = env.spawn(common::act(move |n, cx| match n {
            0 => drop_id(cx.after(common::ms(1), 1)),
            _ => {
                kept.extend(pocket.lock().unwrap().take());
                assert_eq!(kept.len(), 1);
                cx.stop();
            }
        }));
        last.tell(0, env);
    };
    let run = is_the_same_again(program, same);
    assert!(run.end.contains("#4 -"), "{}", run.end);
}

/// A replay in which somebody does something else goes no further: nobody else runs in it.
#[test]
fn a_replay_that_has_gone_wrong_goes_no_further() {
    static OTHERWISE: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    let program: Program = |env, ear| {
        for number in 0..2 {
            let ear = ear.clone();
            let actor = env.spawn(common::act(move |n, cx| {
                ear.hear(n, cx);
                if number == 0 && OTHERWISE.load(std::sync::atomic::Ordering::Relaxed) {
                    cx.now();
                }
            }));
            actor.tell(number, env);
        }
    };
    let (run, bytes) = record(program, 2, 0, same);
    assert_eq!(run.heard.len(), 2);
    OTHERWISE.store(true, std::sync::atomic::Ordering::Relaxed);
    let (again, events) = replay_with(program, &bytes, same);
    assert!(again.end.contains("by here the program asks what time it is, and did not"), "{}", again.end);
    assert_eq!(again.heard.len(), 1, "{events:?}");
}

/// All end, as in any run, and a stop from outside is heard.
#[test]
fn a_replay_is_stopped_and_taken_down_like_any_run() {
    let program: Program = |env, ear| {
        let ear = ear.clone();
        let actor = env.spawn(common::act(move |n, cx| {
            ear.hear(n, cx);
            if n > 0 {
                cx.tell_self(n - 1);
            }
        }));
        actor.tell(1_000, env);
    };
    let (run, bytes) = record(program, 2, 0, same);
    let (again, events) = replay_with(program, &bytes, same);
    assert_eq!(again, run);
    let ended = events.iter().filter(|line| line.contains(" ended: ")).count();
    assert_eq!(ended, 5, "{:?}", events.last());
    let ear = Ear::default();
    let builder = Runtime::builder().replay_recording(std::io::Cursor::new(bytes));
    let summary = builder.run(|env| {
        program(env, &ear);
        env.remote().stop();
    });
    assert!(summary.unwrap().stats.totals.handled < 1_000);
}

/// The senders wait for ever for the sink, of which a replay is told as any run is.
#[test]
fn a_stall_is_reported_in_a_replay_too() {
    let (_, bytes) = record(program("deadlock"), 2, 3, same);
    let stalls = Arc::new(Mutex::new(Vec::new()));
    let report = |builder: Builder| {
        let stalls = stalls.clone();
        builder.stall_watch(StallWatch::Report(Box::new(move |stall| stalls.lock().unwrap().push(stall.to_string()))))
    };
    replay_with(program("deadlock"), &bytes, report);
    let told = stalls.lock().unwrap();
    assert!(told.len() == 1 && told[0].contains("Act#4 is under pressure"), "{told:?}");
}
