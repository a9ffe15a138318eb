//! R12: the whole run is a function of program, configuration and seed. Each scenario runs twice, and once more with
//! every address in memory shifted; the traces are the same to the byte. Canaries show that a difference is found.

mod common;
mod reference;
#[path = "reference/strategy.rs"]
mod strategy;

use backwater::{ApplyReleaseBackpressureAuth, Backpressure, Builder, Env};
use common::{Notes, Ran, act, ms, run, virtual_time};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRng, TestRunner};
use strategy::program;

/// The whole trace and how it ended, as bytes.
fn bytes(ran: &Ran) -> String {
    let end = match &ran.result {
        Ok(summary) => format!("{:?} {:?} {}", summary.stats, summary.time, summary.replay),
        Err(why) => why.to_string(),
    };
    ran.trace.join("\n") + "\n" + &end
}

/// Memory that is kept, so that what is allocated afterwards lies elsewhere.
fn pile() -> Vec<Vec<u8>> {
    (0..20_000).map(|n| Vec::with_capacity([8, 16, 24, 32, 48, 64, 96, 128, 256, 1_024][n % 10])).collect()
}

/// The traces of two runs, and of one with shifted addresses.
fn three(scenario: impl Fn() -> Ran) -> [String; 3] {
    let (first, second) = (bytes(&scenario()), bytes(&scenario()));
    let pile = pile();
    let shifted = bytes(&scenario());
    drop(pile);
    [first, second, shifted]
}

#[track_caller]
fn assert_deterministic(scenario: impl Fn() -> Ran) {
    let [first, second, shifted] = three(scenario);
    assert!(first.lines().count() > 20, "a trace this short shows nothing:\n{first}");
    assert!(first == second, "two runs differ, first at {}", difference(&first, &second));
    assert!(first == shifted, "the addresses show, first at {}", difference(&first, &shifted));
}

fn difference(a: &str, b: &str) -> String {
    let at = a.lines().zip(b.lines()).position(|(a, b)| a != b).unwrap_or(0);
    format!("line {at}:\n  {:?}\n  {:?}", a.lines().nth(at), b.lines().nth(at))
}

/// Every policy, and two seeds of the one that uses it.
fn policies() -> Vec<fn() -> Builder> {
    use backwater::policy::{Newest, RoundRobin};
    vec![
        virtual_time,
        || virtual_time().policy(RoundRobin::default()),
        || virtual_time().policy(Newest::default()),
        || virtual_time().shuffled().seed(1),
        || virtual_time().shuffled().seed(2),
    ]
}

fn in_every_policy(main: fn(&mut Env<'_>)) {
    policies().into_iter().for_each(|builder| assert_deterministic(|| run(builder().batch(4), main)));
}

/// A message goes round 20 actors, some of which send a second one on.
fn ring(env: &mut Env<'_>) {
    let mut next = env.spawn(act(|_, _| ()));
    let last = next.clone();
    for _ in 0..20 {
        let to = next.clone();
        next = env.spawn(act(move |n, cx| {
            let draws = cx.random_below(3);
            (0..draws.min(n)).for_each(|_| to.tell(n - 1, cx));
        }));
    }
    (0..10).for_each(|_| next.tell(40, env));
    last.tell(0, env);
}

/// 100 senders to one receiver that handles 4 a run.
fn overload(env: &mut Env<'_>) {
    let sink = env.spawn(act(|_, _| ()));
    for _ in 0..100 {
        let to = sink.clone();
        let sender = env.spawn(act(move |left, cx| {
            to.tell(left, cx);
            if left > 0 {
                cx.me().tell(left - 1, cx);
            }
        }));
        sender.tell(8, env);
    }
}

/// A sink that presses when it is full, and is released only by a tick of the source that it mutes (R7).
fn timer_reconnect(env: &mut Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let mut closed = false;
    let sink = env.spawn(act(move |msg, cx| {
        match msg {
            0 => {
                Backpressure::release(&auth, cx);
                closed = false;
            }
            _ if !closed => {
                Backpressure::apply(&auth, cx);
                closed = true;
                cx.after(ms(7), 0);
            }
            _ => {}
        };
    }));
    let mut ticks = None;
    let mut seen = 0;
    let source = env.spawn(act(move |_, cx| {
        ticks.get_or_insert_with(|| cx.every(ms(2), |ticks| ticks));
        sink.tell(1, cx);
        seen += 1;
        if seen == 30 {
            cx.stop();
        }
    }));
    source.tell(0, env);
}

#[test]
fn ring_is_the_same_each_time() {
    in_every_policy(ring);
}

#[test]
fn overload_is_the_same_each_time() {
    in_every_policy(overload);
}

#[test]
fn timer_reconnect_is_the_same_each_time() {
    in_every_policy(timer_reconnect);
}

/// 60 programs of the kind that tests/program.rs compares with the reference.
#[test]
fn random_programs_are_the_same_each_time() {
    let config = Config::default();
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let mut lines = 0;
    for _ in 0..60 {
        let program = program().new_tree(&mut runner).unwrap().current();
        let scenario = || {
            let mut world = None;
            run(reference::real::builder(&program), |env| world = Some(reference::real::main(&program, env)))
        };
        let [first, second, shifted] = three(scenario);
        assert!(first == second, "two runs differ, first at {}", difference(&first, &second));
        assert!(first == shifted, "the addresses show, first at {}", difference(&first, &shifted));
        lines += first.lines().count();
    }
    assert!(lines > 10_000, "{lines} lines of trace show little");
}

/// The seed is heard at all: another one gives another order, and other numbers.
#[test]
fn another_seed_gives_another_run() {
    let of_seed = |seed| bytes(&run(virtual_time().shuffled().seed(seed), ring));
    assert_ne!(of_seed(1), of_seed(2));
}

/// The token of a run makes the same run again.
#[test]
fn replay_token_makes_the_same_run_again() {
    let scenario = |builder| run(builder, overload);
    let first = scenario(virtual_time().shuffled().seed(9).batch(3));
    let token = first.well().replay.clone();
    let token = token.strip_prefix("BACKWATER_REPLAY=").unwrap();
    let (first, again) = (bytes(&first), bytes(&scenario(virtual_time().replay(token))));
    assert!(first == again, "first at {}", difference(&first, &again));
}

/// So does that of each policy, which has its name in it.
#[test]
fn a_token_names_its_policy() {
    let names = ["fifo", "round-robin", "newest", "shuffled", "shuffled"];
    let scenario = |builder| run(builder, overload);
    for (builder, name) in policies().into_iter().zip(names) {
        let first = scenario(builder().batch(3));
        let token = first.well().replay.clone();
        assert!(token.contains(name), "{token}");
        let token = token.strip_prefix("BACKWATER_REPLAY=").unwrap();
        let (first, again) = (bytes(&first), bytes(&scenario(virtual_time().replay(token))));
        assert!(first == again, "{name}: first at {}", difference(&first, &again));
    }
}

#[test]
fn the_default_is_first_in_first_out() {
    let builders = [virtual_time(), virtual_time().policy(backwater::policy::Fifo::default())];
    let [default, named] = builders.map(|builder| bytes(&run(builder.batch(3), overload)));
    assert!(default == named, "first at {}", difference(&default, &named));
}

/// What `choose` answers is the policy's where that is made of answers; else the seed's, whoever runs next.
#[test]
fn a_choice_is_given_or_the_seeds() {
    let chosen = |builder: Builder| {
        let notes = Notes::new();
        let of = notes.clone();
        run(builder.seed(7), move |env| (0..4).for_each(|_| of.add(env.choose(200)))).well();
        notes.take()
    };
    let of_seed = chosen(virtual_time());
    assert!(of_seed.iter().any(|one| *one != of_seed[0]), "{of_seed:?}");
    for builder in policies().into_iter().take(3) {
        assert_eq!(chosen(builder()), of_seed);
    }
    assert_eq!(chosen(virtual_time().shuffled()), of_seed);
    assert_eq!(chosen(virtual_time().policy(backwater::policy::Given::new([3, 9, 150, 201]))), [3, 9, 150, 1]);
}

// --- Canaries: programs that are not deterministic are found out ----------------------------------------------------

#[test]
fn canary_an_address_in_a_message_is_found() {
    let [first, _, shifted] = three(|| {
        run(virtual_time(), |env| {
            let leak = Box::new(0u64);
            env.spawn(act(|_, _| ())).tell((&raw const *leak).addr() as u64, env);
        })
    });
    assert_ne!(first, shifted, "the shift moves nothing");
}

#[test]
#[expect(clippy::disallowed_types, reason = "it shows what they are banned for")]
fn canary_an_order_from_a_hash_is_found() {
    let [first, second, _] = three(|| {
        run(virtual_time(), |env| {
            let actor = env.spawn(act(|_, _| ()));
            let order: std::collections::HashSet<u64> = (0..100).collect();
            order.into_iter().for_each(|n| actor.tell(n, env));
        })
    });
    assert_ne!(first, second);
}
