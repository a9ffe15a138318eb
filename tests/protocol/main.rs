//! Runs as steps of the proved model (`report::Protocol`): what the steps of a small run are, and that a few hundred
//! random programs take every step of `proofs/coq/System.v` that one worker can take.
//!
//! Whether the model allows the steps is for the checker that is extracted from the proofs: with `BACKWATER_TRACES=DIR`
//! set, the traces, and mutants of them that have to be refused, are written there, and `proofs/tie.sh` asks it.

use backwater::report::{Claim, Protocol};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Builder, Context, OnPanic, RunError, Runtime, Summary,
};
use forge::{Mutant, mutants};
use node::random;
use std::collections::{BTreeMap, BTreeSet};
use traces::{wanted, write};

#[cfg(feature = "__faults")]
mod faults;
mod forge;
mod node;
mod pool;
#[cfg(feature = "__faults")]
mod small;
mod traces;

/// Random programs. Enough for every mutant below to find a place.
const PROGRAMS: u64 = 400;

#[allow(dead_code, reason = "the example's main is not called here")]
#[path = "../../examples/overload.rs"]
mod overload;
#[allow(dead_code, reason = "the example's main is not called here")]
#[path = "../../examples/ring.rs"]
mod ring;
#[allow(dead_code, reason = "the example's main is not called here")]
#[path = "../../examples/timer_reconnect.rs"]
mod timer_reconnect;

/// How the random programs are run.
fn random_builder(seed: u64) -> Builder {
    let builder = Runtime::builder().seed(seed).virtual_time().on_panic(OnPanic::StopActor);
    if seed.is_multiple_of(2) { builder } else { builder.shuffled() }
}

/// The steps of one random program, and whether it ended with somebody muted.
fn random_run(seed: u64) -> (Vec<String>, bool) {
    let protocol = Protocol::new();
    let builder = random_builder(seed).check_invariants(true).observer(protocol.clone());
    let result = builder.run(|env| random(env, seed));
    let steps = protocol.steps(Claim::of(&result));
    match result {
        Ok(_) => (steps, false),
        Err(RunError::Deadlock(_)) => (steps, true),
        Err(other) => panic!("seed {seed}: {other}"),
    }
}

// --- The traces ---------------------------------------------------------------------------------------------------

/// The steps of the model, by the names that the checker knows them by.
fn steps_of_the_model() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/proofs/coq/System.v");
    let text = std::fs::read_to_string(path).expect("the model is in the project");
    let steps = text.lines().filter_map(|line| line.strip_prefix("| s_"));
    steps.map(|rest| rest.split(' ').next().expect("a name").to_owned()).collect()
}

/// The steps of the model that the single-threaded runtime never takes: its overload ends only with a run, which is the
/// step `short`; and no mark lapses, because a fall reaches all at once.
const NOT_TAKEN: [&str; 2] = ["low", "lapse"];

#[test]
fn random_programs_take_every_step_of_the_model_that_one_worker_can_take() {
    let dir = wanted();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut planted: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut deadlocks, mut cascades) = (0, 0);
    for seed in 0..PROGRAMS {
        let (steps, deadlock) = random_run(seed);
        deadlocks += usize::from(deadlock);
        cascades += cascades_in(&steps);
        for step in &steps {
            let words: Vec<&str> = step.split(' ').collect();
            *taken.entry(words[0].to_owned()).or_default() += 1;
            if ["look", "release", "drop", "short", "stop", "kill"].contains(&words[0]) {
                *taken.entry(format!("{} {}", words[0], words[words.len() - 1])).or_default() += 1;
            }
        }
        write(&dir, &format!("random-{seed:03}"), "accepted", &steps);
        for (nth, Mutant { name, at, rule, steps }) in mutants(&steps).into_iter().enumerate() {
            let count = planted.entry(name).or_default();
            *count += 1;
            // The first line of the file says what is expected.
            if *count <= 20 {
                write(
                    &dir,
                    &format!("mutant-{name}-{seed:03}-{nth}"),
                    &format!("REJECTED at line {} ({rule})", at + 2),
                    &steps,
                );
            }
        }
    }
    let mut expected = steps_of_the_model();
    NOT_TAKEN.iter().for_each(|step| assert!(expected.remove(*step), "the model has no step `{step}` any more"));
    expected.extend(["quiet".into(), "well".into()]);
    for step in ["release", "drop", "short", "stop", "kill"] {
        expected.extend([format!("{step} 0"), format!("{step} -")]);
    }
    expected.extend(["look 0".to_owned(), "look 1".to_owned()]);
    let taken_names: BTreeSet<String> = taken.keys().cloned().collect();
    assert_eq!(
        taken_names, expected,
        "left: steps that the programs took; right: steps of the model, in both outcomes"
    );
    assert!(deadlocks > 0 && cascades > 0, "{deadlocks} deadlocks, {cascades} cascades: the programs are too tame");
    assert_eq!(planted.len(), 19, "some mutant found no place: {planted:?}");
}

/// How many senders were freed by the fall of an actor that was itself freed by the same fall.
fn cascades_in(steps: &[String]) -> usize {
    let (mut marks, mut freed, mut count) = (BTreeSet::new(), BTreeSet::new(), 0);
    for step in steps {
        let words: Vec<&str> = step.split(' ').collect();
        match words[..] {
            ["look", _, sender, receiver, "1"] => drop(marks.insert((sender, receiver))),
            ["free", _, sender, _] => {
                count += usize::from(freed.iter().any(|r| marks.contains(&(sender, *r))));
                marks.retain(|(s, _)| *s != sender);
                freed.insert(sender);
            }
            ["done", _, sender] => marks.retain(|(s, _)| *s != sender),
            ["push" | "tell" | "told" | "read", ..] => continue,
            _ => freed.clear(),
        }
    }
    count
}

/// The steps of an example, with the options it is given and in virtual time. (Not of `message_ubench`: it goes on until
/// time has passed, and virtual time passes only when nothing else can happen.)
fn example_run<O: clap::Parser>(
    options: &[&str],
    run: impl FnOnce(Builder, &O) -> Result<Summary, RunError>,
) -> (Vec<String>, Result<Summary, RunError>) {
    let options = O::parse_from([&["example"], options].concat());
    let protocol = Protocol::new();
    let builder = Runtime::builder().virtual_time().out(std::io::sink()).observer(protocol.clone());
    let result = run(builder, &options);
    (protocol.steps(Claim::of(&result)), result)
}

#[test]
fn examples_take_steps_of_the_model_too() {
    let dir = wanted();
    let (overload, overloaded) =
        example_run(&["--senders", "200", "--messages", "5", "--work", "0", "--size", "0"], overload::run);
    let (ring, _) = example_run(&["--size", "3", "--count", "2", "--pass", "50"], ring::run);
    let reconnect =
        |builder: Builder, options: &timer_reconnect::Options| builder.run(|env| timer_reconnect::set_up(options, env));
    let (freed, well) = example_run(&[], reconnect);
    let (stranded, badly) = example_run(&["--ponys-rules"], reconnect);
    assert!(overloaded.is_ok() && well.is_ok(), "{overloaded:?} {well:?}");
    assert!(matches!(badly, Err(RunError::Deadlock(_))), "{badly:?}");
    for (name, mutes, steps) in [
        ("overload", true, overload),
        ("ring", false, ring),
        ("timer_reconnect", true, freed),
        ("timer_reconnect-ponys-rules", true, stranded),
    ] {
        assert_eq!(steps.iter().any(|step| step.starts_with("mute ")), mutes, "{name}");
        write(&dir, &format!("example-{name}"), "accepted", &steps);
    }
}

/// One actor presses, its sender is muted, the release frees it: the whole run, step by step. Main is 0, then the
/// three streams, so the valve is 4 and its sender 5.
#[test]
fn a_mute_and_its_end_are_these_steps() {
    struct Valve(ApplyReleaseBackpressureAuth, u32);
    impl Actor for Valve {
        type Msg = ();
        fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
            self.1 += 1;
            match self.1 {
                1 => Backpressure::apply(&self.0, cx),
                _ => Backpressure::release(&self.0, cx),
            }
        }
    }
    struct Sender(Addr<()>);
    impl Actor for Sender {
        type Msg = ();
        fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
            self.0.tell((), cx);
        }
    }
    let protocol = Protocol::new();
    let result = Runtime::builder().virtual_time().observer(protocol.clone()).run(|env| {
        let valve = env.spawn(Valve((&env.root).into(), 0));
        valve.tell((), env);
        env.spawn(Sender(valve)).tell((), env);
    });
    let steps = protocol.steps(Claim::of(&result));
    result.expect("the release frees the sender");
    write(&wanted(), "mute", "accepted", &steps);
    let from = steps.iter().position(|s| s == "begin 0 4").expect("the valve runs");
    let to = steps.iter().position(|s| s == "well").expect("nobody is left muted");
    let expected = "begin 0 4, take 0 4, apply 0 4, done 0 4, short 0 4 -, \
        begin 0 5, take 0 5, look 0 5 4 1, put 0 5 4, push 4, mute 0 5, \
        begin 0 4, take 0 4, release 0 4 0, tell 0 0, told 0, read 0 4, \
        free 0 5 0, push 5, tell 0 0, told 0, read 0 5, done 0 4, short 0 4 -, \
        begin 0 5, short 0 5 -";
    assert_eq!(steps[from..to].join(", "), expected);
}
