//! Faults that runtimes with backpressure really had, by their shape: each test is named by the claim that the fault
//! broke. F numbers are those of the project's list of faults; those that need threads are not here.

mod common;
#[cfg(feature = "net")]
#[path = "historic/edges.rs"]
mod edges;

use backwater::rules::Load;
use backwater::{
    Addr, ApplyReleaseBackpressureAuth, Backpressure, Cause, Context, ControlAuth, Env, SpawnOptions, TimerId,
};
use common::{Act, Notes, act, idle, ms, presses_for, run, run_unwatched, virtual_time};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// For a timer that nobody is to cancel.
fn ignore(_: TimerId) {}

const APPLY: u64 = 1_000_000;
const RELEASE: u64 = 1_000_001;

/// Applies and releases when told to.
fn valve(env: &mut Env<'_>, name: &str) -> Addr<u64> {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let actor = act(move |n, cx| match n {
        APPLY => Backpressure::apply(&auth, cx),
        RELEASE => Backpressure::release(&auth, cx),
        _ => {}
    });
    env.spawn_with(SpawnOptions::new().name(name), actor)
}

/// Passes everything on.
fn relay(env: &mut Env<'_>, name: &str, to: &Addr<u64>) -> Addr<u64> {
    let to = to.clone();
    env.spawn_with(SpawnOptions::new().name(name), act(move |n, cx| to.tell(n, cx)))
}

fn load(cx: &Context<'_, Act>, of: &Addr<u64>) -> Load {
    cx.stats_of(of).unwrap().load
}

/// F1: the exemption looked at overload only.
#[test]
fn f1_an_actor_under_pressure_is_not_muted() {
    let ran = run(virtual_time(), |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let sink = valve(env, "sink");
        sink.tell(APPLY, env);
        let pressed = env.spawn(act(move |n, cx| match n {
            0 => Backpressure::apply(&auth, cx),
            1 => sink.tell(5, cx),
            _ => {
                Backpressure::release(&auth, cx);
                sink.tell(RELEASE, cx);
            }
        }));
        (0..3).for_each(|n| pressed.tell(n, env));
    });
    // Its second send to the sink comes after its own release, so that one may mute it, until the sink has fallen.
    assert!(ran.find("#5 handles 2") < ran.find("#5 muted"));
    assert!(ran.count("#5 marked") == 1 && ran.find("#5 released") < ran.find("#5 marked"));
    assert_eq!((ran.well().stats.totals.mutes, ran.well().stats.totals.freed), (1, 1));
}

/// F4: a muted actor was run, after a message to it scheduled it.
#[test]
fn f4_a_message_to_a_muted_actor_does_not_run_it() {
    let ran = run(virtual_time(), |env| {
        let sink = valve(env, "sink");
        sink.tell(APPLY, env);
        let muted = relay(env, "muted", &sink);
        muted.tell(1, env);
        env.spawn(act(move |n, cx| match n {
            // Marked on one that is muted: it waits in its turn.
            0 => {
                muted.tell(2, cx);
                cx.after(ms(5), 9);
            }
            _ => muted.tell(3, cx),
        }))
        .tell(0, env);
        let auth = ControlAuth::from(&env.root);
        env.spawn(act(move |n, cx| match n {
            0 => ignore(cx.after(ms(9), 1)),
            _ => sink.tell_control(RELEASE, &auth, cx),
        }))
        .tell(0, env);
    });
    let (muted, freed) = (ran.find("#5 muted"), ran.find("#5 freed"));
    assert!(!ran.trace[muted..freed].iter().any(|line| line.contains("#5 runs")));
    assert!(freed < ran.find("#5 handles 2") && ran.find("#5 handles 2") < ran.find("#5 handles 3"));
    ran.well();
}

/// F4, the other half: the fix lost the wake-up.
#[test]
fn f4_a_message_that_came_while_muted_is_handled_after_the_fall() {
    let handled = Notes::new();
    let notes = handled.clone();
    let ran = run(virtual_time(), move |env| {
        let sink = presses_for(env, ms(3));
        let sender = env.spawn(act(move |n, cx| {
            notes.add(n);
            sink.tell(5, cx);
        }));
        (1..=4).for_each(|n| sender.tell(n, env));
    });
    assert_eq!((handled.take(), ran.well().stats.queued), (vec![1, 2, 3, 4], 0));
}

/// F5: a freed actor was not scheduled because its mailbox looked empty. It is run, and finds out.
#[test]
fn f5_a_freed_actor_with_an_empty_mailbox_is_run_once_and_only_once() {
    let ran = run(virtual_time(), |env| {
        let auth = ControlAuth::from(&env.root);
        let sink = valve(env, "sink");
        sink.tell(APPLY, env);
        let sender = relay(env, "sender", &sink);
        sender.tell(1, env);
        let late = sender.clone();
        env.spawn(act(move |n, cx| match n {
            0 => ignore(cx.after(ms(3), 1)),
            1 => {
                sink.tell_control(RELEASE, &auth, cx);
                cx.after(ms(3), 2);
            }
            _ => late.tell(2, cx),
        }))
        .tell(0, env);
    });
    let freed = ran.find("#5 freed");
    let runs: Vec<&String> = ran.trace[freed..].iter().filter(|line| line.contains("#5 runs")).collect();
    assert_eq!(runs, ["3ms #5 runs, 0 waiting", "6ms #5 runs, 1 waiting"]);
    ran.well();
}

/// F6: a second way to dispatch never muted. Here the ways are: watched or not, described or not, batch of one or
/// more, an address of part of the messages.
#[test]
fn f6_every_way_to_run_a_behaviour_mutes() {
    let program = |env: &mut Env<'_>| {
        let sink = valve(env, "sink");
        sink.tell(APPLY, env);
        let narrow: Addr<u32> = valve(env, "other").narrow();
        narrow.tell(APPLY as u32, env);
        let (direct, narrowed) = (relay(env, "direct", &sink), env.spawn(act(move |n, cx| narrow.tell(n as u32, cx))));
        [direct, narrowed].iter().for_each(|sender| (1..3).for_each(|n| sender.tell(n, env)));
    };
    for batch in [1, 2, 100] {
        assert_eq!(run(virtual_time().batch(batch), program).deadlock().muted.len(), 2);
        for describe in [false, true] {
            let result = virtual_time().batch(batch).describe(describe).run(program);
            let Err(backwater::RunError::Deadlock(report)) = result else { panic!("{result:?}") };
            assert!(report.muted.len() == 2 && report.muted.iter().all(|m| m.waiting == 1), "{report}");
        }
    }
}

/// F7: marks and messages of muted actors leaked at the end.
#[test]
fn f7_what_muted_actors_hold_is_dropped_at_the_end() {
    let alive = Arc::new(());
    let held = alive.clone();
    let ran = run(virtual_time(), move |env| {
        let sink = valve(env, "sink");
        sink.tell(APPLY, env);
        for _ in 0..10 {
            let (to, mine) = (sink.clone(), held.clone());
            let sender = env.spawn(act(move |n, cx| {
                assert!(Arc::strong_count(&mine) > 1);
                to.tell(n, cx);
            }));
            (0..10).for_each(|n| sender.tell(n, env));
        }
    });
    assert_eq!(ran.deadlock().muted.len(), 10);
    assert_eq!(Arc::strong_count(&alive), 1);
    // 9 messages of each were left: each a dead letter, as the common checks assert.
    assert_eq!(ran.count("dead letter"), 90);
}

/// F8: freed senders were walked in the hash order of their addresses. Here: in the order of creation, whatever the
/// order they were muted in.
#[test]
fn f8_freed_senders_run_in_the_order_of_creation() {
    let ran = run(virtual_time(), |env| {
        let sink = presses_for(env, ms(3));
        let senders: Vec<Addr<u64>> = (0..20).map(|_| relay(env, "sender", &sink)).collect();
        (0..20).for_each(|i| senders[i * 7 % 20].tell(5, env));
    });
    let of = |what: &str| -> Vec<u64> {
        let lines = ran.trace.iter().filter(|line| line.contains(what));
        lines.map(|line| line.split(['#', ' ']).nth(2).unwrap().parse().unwrap()).collect()
    };
    let (muted, freed) = (of("muted by"), of("freed"));
    assert!(!muted.is_sorted() && freed.is_sorted());
    assert_eq!((muted.len(), freed), (20, (5..25).collect()));
}

/// F9: a clock in the scheduler. Under virtual time no clock of the machine is read: the same run, to the byte, on a
/// clock that counts how often it is asked, and on one that goes faster.
#[test]
fn f9_no_schedule_depends_on_the_pace_of_a_clock() {
    #[derive(Debug)]
    struct Creeps(u32, u32);
    impl backwater::time::Clock for Creeps {
        fn now(&mut self) -> std::time::Duration {
            self.0 += self.1;
            std::time::Duration::from_nanos(u64::from(self.0))
        }
        fn skip_to(&mut self, _: std::time::Duration) -> bool {
            unreachable!("no timer is set")
        }
    }
    let scenario = |pace| {
        let ran = run(backwater::Runtime::builder().batch(3).clock(Creeps(0, pace)), |env| {
            let sink = env.spawn(act(|_, _| ()));
            for _ in 0..50 {
                let sender = relay(env, "sender", &sink);
                (0..9).for_each(|n| sender.tell(n, env));
            }
        });
        ran.well();
        ran.trace.iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    assert!(scenario(1) == scenario(1_000_000));
}

/// F13: the timer actor was muted by its first reconnect to the pressured sink, and no timer fired any more.
#[test]
fn f13_a_tick_reaches_a_sink_under_pressure_and_releases_it() {
    let ran = run(virtual_time(), |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        // The sink's peer closes; a reconnect by its timer succeeds at the third attempt.
        let mut attempts = 0;
        let mut timer = None;
        let bystander = env.spawn(idle());
        let sink = env.spawn(act(move |n, cx| match n {
            0 => {
                Backpressure::apply(&auth, cx);
                timer = Some(cx.every(ms(10), |_| 9));
            }
            9 => {
                attempts += 1;
                if attempts == 3 {
                    Backpressure::release(&auth, cx);
                    cx.cancel(timer.unwrap());
                }
            }
            // Whoever ran last when the first tick comes is another actor.
            5 => bystander.tell(0, cx),
            _ => {}
        }));
        sink.tell(0, env);
        (0..5).for_each(|n| relay(env, "sender", &sink).tell(n + 1, env));
    });
    assert_eq!((ran.well().time, ran.well().stats.totals.freed, ran.count("fired")), (ms(30), 5, 3));
    assert_eq!(ran.count("marked on"), 5, "each sender once; no tick marks anybody");
}

/// F14: `dispose` to a pressured sink muted its caller, and the shutdown hung.
#[test]
fn f14_the_control_lane_mutes_nobody() {
    let program = |control: bool| {
        run(virtual_time(), |env| {
            let auth = ControlAuth::from(&env.root);
            let sink = valve(env, "sink");
            sink.tell(APPLY, env);
            let owner = env.spawn(act(move |n, cx| match n {
                0 if control => sink.tell_control(5, &auth, cx),
                0 => sink.tell(5, cx),
                _ => sink.tell_control(RELEASE, &auth, cx),
            }));
            (0..2).for_each(|n| owner.tell(n, env));
        })
    };
    assert_eq!(program(true).well().stats.totals.mutes, 0);
    assert_eq!(program(false).deadlock().muted[0].waiting, 1, "on the ordinary lane it never gets to the release");
}

/// F15: sends, then applies, in one behaviour: it was muted and under pressure at once, and the message that would
/// have made it release waited in a mailbox that nobody ran.
#[test]
fn f15_an_actor_that_sends_and_then_applies_is_not_muted() {
    let ran = run(virtual_time(), |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let sink = valve(env, "sink");
        sink.tell(APPLY, env);
        let both = env.spawn(act(move |n, cx| match n {
            0 => {
                sink.tell(5, cx);
                Backpressure::apply(&auth, cx);
            }
            _ => {
                // Still P, so this send marks it not.
                sink.tell(RELEASE, cx);
                Backpressure::release(&auth, cx);
            }
        }));
        both.tell(0, env);
        both.tell(1, env);
    });
    assert_eq!((ran.count("#5 marked on #4"), ran.count("#5 exempt, its marks dropped")), (1, 1));
    assert_eq!(ran.well().stats.totals.mutes, 0);
}

/// F16: being unmuted freed one's senders although one was still overloaded or under pressure. Here no muted actor is
/// either (T2), and the end of one reason frees nobody while another lasts.
#[test]
fn f16_senders_are_freed_when_the_last_reason_ends_and_not_before() {
    let ran = run(virtual_time().batch(2), |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let sink = env.spawn(act(move |n, cx| match n {
            0 => {
                // Under pressure, and soon overloaded too.
                Backpressure::apply(&auth, cx);
                (0..3).for_each(|_| cx.me().tell(5, cx));
                cx.after(ms(9), 9);
            }
            9 => Backpressure::release(&auth, cx),
            _ => {}
        }));
        sink.tell(0, env);
        relay(env, "sender", &sink).tell(5, env);
    });
    assert!(ran.find("#4 overloaded") < ran.find("#4 caught up"));
    let (caught_up, freed) = (ran.find("#4 caught up"), ran.find("#5 freed"));
    assert!(caught_up < freed && ran.trace[freed].starts_with("9ms") && ran.count("freed") == 1);
}

/// F17: two owners of one actor's pressure undid each other.
#[test]
fn f17_a_release_does_not_end_what_a_guard_holds_nor_one_guard_another() {
    let seen = Notes::new();
    let notes = seen.clone();
    let ran = run(virtual_time(), move |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let mut guards = Vec::new();
        let actor = env.spawn(act(move |n, cx| {
            let me = cx.me();
            notes.add(load(cx, &me).to_string());
            match n {
                0 => {
                    Backpressure::apply(&auth, cx);
                    guards.extend([(); 2].map(|()| Backpressure::hold(&auth, cx)));
                }
                1 => Backpressure::release(&auth, cx),
                2 | 3 => drop(guards.pop()),
                _ => {}
            }
        }));
        (0..5).for_each(|n| actor.tell(n, env));
    });
    assert_eq!(seen.take(), ["-", "AH", "H", "H", "-"]);
    assert_eq!(ran.count("fell"), 1);
}

/// F18: an actor's end ignored its pressure and its marks: its senders hung, and a next actor at its place inherited.
#[test]
fn f18_the_end_of_an_actor_frees_its_senders_and_leaves_no_mark() {
    let ran = run(virtual_time(), |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let mut guards = Vec::new();
        let sink = env.spawn(act(move |n, cx| match n {
            0 => {
                Backpressure::apply(&auth, cx);
                guards.push(Backpressure::hold(&auth, cx));
                cx.after(ms(4), 9);
            }
            9 => cx.stop(),
            _ => {}
        }));
        sink.tell(0, env);
        (0..3).for_each(|_| relay(env, "sender", &sink).tell(5, env));
        // At 8 ms somebody gets the seat: nothing of the sink's is left there.
        env.spawn(act(move |n, cx| match n {
            0 => ignore(cx.after(ms(8), 1)),
            _ => {
                let heirs = [(); 3].map(|()| cx.spawn(act(|_, _| ())));
                let heir = heirs.iter().find(|heir| heir.id().seat() == sink.id().seat()).expect("the seat is free");
                assert_eq!((load(cx, heir), heir.id().tenant()), (Load::IDLE, 1));
                heir.tell(5, cx);
            }
        }))
        .tell(0, env);
    });
    let totals = &ran.well().stats.totals;
    assert_eq!((totals.mutes, totals.freed, ran.count("marked on #4.1")), (3, 3, 0));
}

/// F18: a muted actor that ends takes its marks along. No actor ends itself while muted, so it is the runtime's end:
/// a run that ends by a panic elsewhere, with actors muted.
#[test]
fn f18_muted_actors_end_with_the_runtime() {
    let ran = run(virtual_time(), |env| {
        let sink = valve(env, "sink");
        sink.tell(APPLY, env);
        (0..3).for_each(|_| relay(env, "sender", &sink).tell(5, env));
        env.spawn(act(|n, cx| match n {
            0 => ignore(cx.after(ms(1), 1)),
            _ => panic!("elsewhere"),
        }))
        .tell(0, env);
    });
    assert_eq!(common::panicked(ran.error()).4, "elsewhere");
    assert_eq!(ran.count("ended: Shutdown"), 3 + 4, "the streams, the sink and its senders");
}

/// F21: an early return between apply and release stranded the pressure. A guard cannot be.
#[test]
fn f21_an_early_return_releases_a_guard_and_a_flag_is_reported() {
    let program = |guarded: bool| {
        run(virtual_time(), |env| {
            let auth = ApplyReleaseBackpressureAuth::from(&env.root);
            let fallible = move |cx: &mut Context<'_, Act>| -> Result<(), std::num::ParseIntError> {
                let _guard = guarded.then(|| Backpressure::hold(&auth, cx));
                if !guarded {
                    Backpressure::apply(&auth, cx);
                }
                let _: u8 = "no number".parse()?;
                Backpressure::release(&auth, cx);
                Ok(())
            };
            let sink = env.spawn(act(move |n, cx| assert!(n != 0 || fallible(cx).is_err())));
            sink.tell(0, env);
            relay(env, "sender", &sink).tell(5, env);
        })
    };
    assert_eq!(program(true).well().stats.totals.mutes, 0);
    let stranded = program(false);
    assert!(matches!(stranded.deadlock().roots[0].causes[..], [Cause::Applied(_)]));
}

// --- Limits, measured (R14) -----------------------------------------------------------------------------------------

/// F12, a limit: all senders are freed at once, each sends once and is muted again. Measured: with n senders and a
/// sink that presses for each message it handles, at most one mute for each message handled; the herd costs mutes, not
/// memory: the mailbox is never deeper than the senders are many.
#[test]
fn f12_the_herd_costs_at_most_one_mute_a_message() {
    for senders in [1, 10, 100] {
        let ran = run_unwatched(virtual_time(), |env| {
            let auth = ApplyReleaseBackpressureAuth::from(&env.root);
            let mut busy = Vec::new();
            let sink = env.spawn(act(move |n, cx| match n {
                0 => busy.clear(),
                _ => {
                    busy = vec![Backpressure::hold(&auth, cx)];
                    cx.after(ms(1), 0);
                }
            }));
            for _ in 0..senders {
                let to = sink.clone();
                let sender = env.spawn(act(move |left, cx| {
                    to.tell(1, cx);
                    if left > 1 {
                        cx.me().tell(left - 1, cx);
                    }
                }));
                sender.tell(50, env);
            }
        });
        let totals = ran.unwrap().stats.totals;
        let work = senders * 50;
        assert_eq!(totals.delivered, work, "every piece of work was finished by its timer");
        assert!(totals.mutes <= work, "{} mutes for {work} messages", totals.mutes);
        assert!(totals.mutes >= work / 2, "no herd here: {} mutes for {work} messages", totals.mutes);
        assert!(u64::from(totals.deepest) <= 2 * senders + 1, "{} deep, {senders} senders", totals.deepest);
    }
}

/// F19, a limit: overloaded senders are exempt, so a ring of actors that overload each other grows, one message for
/// each that is handled: the few mutes before and after do not bound it.
#[test]
fn f19_a_ring_of_overloaded_actors_grows_and_is_hardly_ever_muted() {
    let deepest = |rounds: u64| {
        let left = Arc::new(AtomicU64::new(rounds));
        let result = run_unwatched(virtual_time().batch(1), |env| {
            let next: Notes<Addr<u64>> = Notes::new();
            let members: Vec<Addr<u64>> = (0..3)
                .map(|i| {
                    let (left, next) = (left.clone(), next.clone());
                    let mut to = None;
                    env.spawn(act(move |_, cx| {
                        let to: &Addr<u64> = to.get_or_insert_with(|| next.get((i + 1) % 3));
                        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
                            (0..2).for_each(|n| to.tell(n, cx));
                        }
                    }))
                })
                .collect();
            members.iter().for_each(|member| next.add(member.clone()));
            members.iter().for_each(|member| member.tell(0, env));
            members.iter().for_each(|member| member.tell(0, env));
        });
        let totals = result.unwrap().stats.totals;
        (totals.deepest, totals.mutes)
    };
    let ((short, few), (long, many)) = (deepest(300), deepest(3_000));
    assert!(few.max(many) < 20, "{few}, then {many} mutes: the exempt are thousands of sends");
    assert!(long > 8 * short, "it grows with the work: {short} deep, then {long}");
    assert!(long <= 3_000 * 2, "by no more than what was sent");
}

/// F22, a limit: muting comes after the behaviour, so one behaviour sends as much as it likes to a sink that presses.
/// The next waits until the sink has fallen.
#[test]
fn f22_one_behaviour_is_not_bounded_and_the_next_waits() {
    for burst in [10, 100_000] {
        let began = Notes::new();
        let notes = began.clone();
        let result = run_unwatched(virtual_time(), move |env| {
            let sink = presses_for(env, ms(1));
            let flood = env.spawn(act(move |_, cx| {
                notes.add(cx.now());
                (0..burst).for_each(|_| sink.tell(5, cx));
            }));
            (0..2).for_each(|n| flood.tell(n, env));
        });
        let totals = result.unwrap().stats.totals;
        assert_eq!(began.take(), [ms(0), ms(1)]);
        assert_eq!((u64::from(totals.deepest), totals.sent, totals.mutes), (burst, 2 * burst + 3, 1));
    }
}
