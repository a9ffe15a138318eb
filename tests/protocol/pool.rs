//! Runs of the pool on real threads as steps of the proved model: a few thousand small programs, each with its seed.
//!
//! Nothing here depends on how the threads take turns: whatever they do has to be a run of the model. What turns they
//! took is counted by `proofs/tie.sh`.

use super::node::{Msg, Node, random};
use super::traces::{wanted, write};
use backwater::report::{Claim, Protocol};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Detector, Env, Event, Observer, OnPanic,
    PressureGuard, Runtime, SpawnOptions,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::yield_now;
use std::time::Duration;

/// What actors say to each other here.
#[derive(Debug)]
enum Say {
    /// Do what you do, so many times.
    Go(u32),
    Data,
    /// Be under pressure no longer.
    Ease,
    /// A guard travels.
    Keep(PressureGuard),
}

struct Act(Box<Behave>);

type Behave = dyn FnMut(Say, &mut Context<'_, Act>) + Send;

impl Actor for Act {
    type Msg = Say;

    fn receive(&mut self, say: Say, cx: &mut Context<'_, Self>) {
        (self.0)(say, cx);
    }
}

fn act(behave: impl FnMut(Say, &mut Context<'_, Act>) + Send + 'static) -> Act {
    Act(Box::new(behave))
}

// --- Actors -------------------------------------------------------------------------------------------------------

/// Under pressure after every `nth` thing it handles, until the word that it then says to itself.
fn presser(env: &Env<'_>, nth: u32) -> Act {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let mut handled = 0;
    act(move |say, cx| match say {
        Say::Data => {
            handled += 1;
            if handled % nth == 0 {
                Backpressure::apply(&auth, cx);
                cx.tell_self(Say::Ease);
            }
        }
        _ => Backpressure::release(&auth, cx),
    })
}

/// Says `Data` to `to` for each `Go`.
fn talker(to: &Addr<Say>) -> Act {
    let to = to.clone();
    act(move |say, cx| {
        let Say::Go(times) = say else { return };
        to.tell(Say::Data, cx);
        if times > 1 {
            cx.tell_self(Say::Go(times - 1));
        }
    })
}

fn talkers(env: &mut Env<'_>, to: &Addr<Say>, times: impl IntoIterator<Item = u32>) {
    times.into_iter().for_each(|times| env.spawn(talker(to)).tell(Say::Go(times), env));
}

// --- Programs -----------------------------------------------------------------------------------------------------

fn star(env: &mut Env<'_>, seed: u64) {
    let presser = presser(env, 1 + seed as u32 % 3);
    let sink = env.spawn_with(SpawnOptions::new().batch(1 + seed as u32 % 4), presser);
    talkers(env, &sink, [6, 5, 4, 3]);
}

/// Each hands on what it gets, with less life in it. Batches are small, so that they overload each other.
fn ring(env: &mut Env<'_>, seed: u64) {
    let size = 3 + seed as usize % 3;
    let nodes: Vec<_> = (0..size)
        .map(|nth| {
            let node = Node::new(&env.root);
            env.spawn_with(SpawnOptions::new().batch(1 + nth as u32 % 2), node)
        })
        .collect();
    nodes.iter().enumerate().for_each(|(nth, node)| node.tell(Msg::Peers(vec![nodes[(nth + 1) % size].clone()]), env));
    nodes.iter().for_each(|node| (0..3).for_each(|_| node.tell(Msg::Pass { left: 6 }, env)));
}

/// Mutes that cause mutes: links between senders and somebody who presses.
fn chain(env: &mut Env<'_>, seed: u64) {
    let presser = presser(env, 1 + seed as u32 % 2);
    let mut to = env.spawn(presser);
    for _ in 0..2 + seed % 3 {
        let next = to;
        to = env.spawn(act(move |say, cx| next.tell(say, cx)));
    }
    talkers(env, &to, [5, 4]);
}

/// Guards are dropped by others: by whom they are sent to, and by a thread outside.
fn guards(env: &mut Env<'_>, seed: u64, outside: &Sender<PressureGuard>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let mut kept = None;
    let keeper = env.spawn(act(move |say, _| {
        if let Say::Keep(guard) = say
            && let Some(guard) = kept.replace(guard).filter(|_| seed.is_multiple_of(3))
        {
            drop(guard);
        }
    }));
    let (mut taken, outside) = (seed, outside.clone());
    let holder = env.spawn(act(move |say, cx| {
        let Say::Data = say else { return };
        taken += 1;
        let guard = Backpressure::hold(&auth, cx);
        match taken % 4 {
            // Whoever should take it may be gone: it is dropped then.
            0 => drop(outside.send(guard)),
            1 => drop(guard),
            _ => keeper.tell(Say::Keep(guard), cx),
        }
    }));
    talkers(env, &holder, [6, 5, 4]);
}

/// Actors that live for one message, so many that seats are used again; they send to somebody who presses.
fn brief(env: &mut Env<'_>, seed: u64) {
    let presser = presser(env, 3);
    let sink = env.spawn(presser);
    let parent = move |say, cx: &mut Context<'_, Act>| {
        let Say::Go(left) = say else { return };
        for nth in 0..4 {
            let to = sink.clone();
            let child = act(move |say, cx: &mut Context<'_, Act>| {
                to.tell(say, cx);
                if nth == seed % 4 {
                    panic!("as the program has it");
                }
                cx.stop();
            });
            cx.spawn(child).tell(Say::Data, cx);
        }
        if left > 1 {
            cx.tell_self(Say::Go(left - 1));
        }
    };
    (0..3).for_each(|_| env.spawn(act(parent.clone())).tell(Say::Go(40), env));
}

fn depth(env: &mut Env<'_>, seed: u64) {
    let deep = SpawnOptions::new().overload(Detector::Depth { high: 2 + seed as u32 % 3, low: seed as u32 % 2 });
    let presser = presser(env, 4);
    let sink = env.spawn_with(deep.clone(), presser);
    let relay = env.spawn_with(deep, talker(&sink));
    talkers(env, &sink, [6, 5, 4]);
    (0..5).for_each(|_| relay.tell(Say::Go(2), env));
}

// --- Runs ---------------------------------------------------------------------------------------------------------

/// The steps of one run.
fn run(seed: u64, threads: usize, main: impl FnOnce(&mut Env<'_>)) -> Vec<String> {
    let protocol = Protocol::new();
    let builder = Runtime::builder().seed(seed).virtual_time().threads(threads).on_panic(OnPanic::StopActor);
    let result = builder.check_invariants(true).observer(protocol.clone()).run(main);
    match Claim::of(&result) {
        Claim::Nothing => panic!("seed {seed}, {threads} threads: {result:?}"),
        claim => protocol.steps(claim),
    }
}

/// So many runs on two, three and four threads each; a file of traces for each number of threads.
fn runs(name: &str, runs: u64, main: impl Fn(&mut Env<'_>, u64)) {
    let dir = wanted();
    for threads in 2..=4 {
        let mut lines = Vec::new();
        for seed in 0..runs {
            let steps = run(seed, threads, |env| main(env, seed));
            assert!(
                steps.iter().any(|step| step == "quiet" || step == "well"),
                "seed {seed}: it ended, so it was quiescent (R9)"
            );
            lines.extend(["reset".into(), format!("# seed {seed}")]);
            lines.extend(steps);
        }
        write(&dir, &format!("pool-{name}-{threads}"), "accepted", &lines);
    }
}

#[test]
fn stars_rings_and_chains_run_on_threads() {
    runs("star", 200, star);
    runs("ring", 100, ring);
    runs("chain", 200, chain);
}

#[test]
fn guards_are_dropped_on_other_threads_and_outside() {
    let (to_outside, guards_sent) = channel();
    std::thread::scope(|threads| {
        threads.spawn(move || guards_sent.into_iter().for_each(drop));
        let to_outside = to_outside;
        runs("guards", 200, |env, seed| guards(env, seed, &to_outside));
    });
}

#[test]
fn actors_end_and_their_seats_are_used_again_on_threads() {
    runs("brief", 25, brief);
}

#[test]
fn overload_by_depth_begins_and_ends_on_threads() {
    runs("depth", 200, depth);
}

#[test]
fn random_programs_run_on_threads() {
    runs("random", 150, random);
}

/// R3, R6, T8. On one worker a sender is muted by a holder of a guard, which runs on the driver. A second sender has sent
/// to it too and is still in its behaviour when the guard is dropped outside and the driver hears of it: the worker is told,
/// and the second mark has lapsed. Before the worker reads that, the holder takes its next guard: the first sender is freed
/// too early, which is allowed.
#[test]
fn a_fall_that_is_read_late_frees_too_early_and_a_mark_lapses_meanwhile() {
    let (protocol, fell, held) = (Protocol::new(), Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
    let (to_outside, guards) = channel::<PressureGuard>();
    let (named, senders) = channel::<[Addr<Say>; 2]>();
    let (now, when) = channel::<()>();
    let (mut seen, seen_to_fall, held_again, freed) = (protocol.clone(), fell.clone(), held.clone(), now.clone());
    let observer = move |now: Duration, event: &Event<'_>| {
        seen.observe(now, event);
        match event {
            Event::Fell { .. } => seen_to_fall.store(true, Ordering::Relaxed),
            Event::Held { .. } => held_again.store(seen_to_fall.load(Ordering::Relaxed), Ordering::Relaxed),
            Event::Freed { .. } => freed.send(()).expect("somebody waits for it"),
            _ => {}
        }
    };
    let result = std::thread::scope(|threads| {
        threads.spawn(move || {
            for guard in guards.into_iter().take(2) {
                when.recv().expect("the second sender says when, and then the observer");
                drop(guard);
            }
        });
        Runtime::builder().virtual_time().threads(1).observer(observer).run(|env| {
            let auth = ApplyReleaseBackpressureAuth::from(&env.root);
            let holder = act(move |say, cx| {
                let Say::Go(times) = say else { return };
                to_outside.send(Backpressure::hold(&auth, cx)).expect("somebody takes it");
                if times == 2 {
                    senders.recv().expect("main names them").iter().for_each(|to| to.tell(Say::Go(1), cx));
                }
            });
            let holder = env.spawn_with(SpawnOptions::new().pinned(), holder);
            holder.tell(Say::Go(2), env);
            let first = env.spawn(talker(&holder));
            let second = env.spawn(act(move |_, cx| {
                let wait_for = |flag: &AtomicBool| {
                    while !flag.load(Ordering::Relaxed) {
                        yield_now();
                    }
                };
                holder.tell(Say::Data, cx);
                now.send(()).expect("somebody waits for it");
                wait_for(&fell);
                holder.tell(Say::Go(1), cx);
                wait_for(&held);
            }));
            named.send([first, second]).expect("the holder waits for it");
        })
    });
    let steps = protocol.steps(Claim::of(&result));
    result.expect("the guards are dropped");
    let words = |word: &str| steps.iter().filter(|step| step.starts_with(word)).count();
    assert_eq!((words("mute "), words("free "), words("lapse ")), (1, 1, 1), "{steps:#?}");
    let at = |word: &str| steps.iter().rposition(|step| step.starts_with(word)).expect("it is there");
    // The second guard is dropped after it, by then perhaps after the end.
    assert!(at("hold ") < at("read 0 "), "{steps:#?}");
    assert!(!steps[at("hold ")..at("read 0 ")].iter().any(|step| step.starts_with("drop ")), "{steps:#?}");
    write(&wanted(), "pool-late-1", "accepted", &steps);
}
