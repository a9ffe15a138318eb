//! Planted faults that break a rule: the trace of some run shows it, and the checker refuses that trace, by this rule.
//!
//! A fault is one of a whole process, so each is planted in a process of its own: this program once more. What the
//! checker says of the traces is asked by `proofs/tie.sh`; without it nothing is judged here but the lists.

use super::node::random;
use super::random_builder;
use super::small::{self, Small};
use super::traces::{wanted, write};
use backwater::internals::Fault;
use backwater::report::{Claim, Protocol};
use backwater::{Builder, Env, Event, Observer};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Duration;

/// Programs that are run with each fault, and the events after which a run that does not end is given up.
const PROGRAMS: u64 = 60;
const EVENTS: usize = 5_000;

/// Fault, and the rule that the checker says is broken: shown by the random programs.
const REFUSED: &[(&str, &str)] = &[
    ("PressureIsNoExemption", "R3"),
    ("ExemptionOnlyAtSend", "R3"),
    ("FreedFreesOnward", "R6"),
    ("GuardsShareTheFlag", "R6"),
    ("EndIsNoFall", "R6"),
    ("ReleaseAlwaysFalls", "R6"),
    ("OneFallIsEnough", "R6"),
    ("MutedIsScheduled", "T6"),
    ("EmptyIsNotScheduled", "R9"),
    ("ControlMarks", "R7"),
    ("MarkedTwice", "R2"),
    ("FullIsNotScheduled", "R9"),
];

/// Those that are planted in whole pools under shuttle, by `model_tests/tests/broken.rs`: fault, rule, test file, test.
const REFUSED_UNDER_SHUTTLE: &str = include_str!("../../model_tests/refused.txt");

/// Not refused: what the model leaves open or leaves out, and what only threads show.
const ELSEWHERE: &[(&str, &str)] = &[
    ("FreedAsMuted", OPEN),
    ("OverloadNeverEnds", OPEN),
    ("ProcessInPolicy", OPEN),
    ("SecondPathNeverSettles", UNWATCHED),
    ("LingersForever", UNWATCHED),
    ("LingersOn", UNWATCHED),
    ("SurplusStays", CROWD),
    ("InletIgnoresPressure", LEFT_OUT),
    ("InletRingsFirst", LEFT_OUT),
    ("DeadIsUncounted", LEFT_OUT),
    ("ShutdownLeaks", LEFT_OUT),
    ("PushIsRelaxed", MEMORY_ORDER),
    ("TakeIsRelaxed", MEMORY_ORDER),
    ("RestIsRelaxed", MEMORY_ORDER),
    ("DequeTailIsRelaxed", MEMORY_ORDER),
    ("DequeThiefIsRelaxed", MEMORY_ORDER),
    ("RingIsRelaxed", MEMORY_ORDER),
    ("AnswerIsRelaxed", MEMORY_ORDER),
    ("WordIsRelaxed", MEMORY_ORDER),
    ("WakeIsRelaxed", MEMORY_ORDER),
    ("RareIsRelaxed", MEMORY_ORDER),
    ("RareEndsWithActor", LEFT_OUT),
    ("TableLeaks", LEFT_OUT),
    ("NoGrace", LEFT_OUT),
    ("PushInTwoSteps", ONE_STEP),
    ("BackWithATail", ONE_STEP),
    ("FallInTwoSteps", ONE_STEP),
    ("ExemptionAskedTwice", ONE_STEP),
    ("PopWithoutExchange", LAST_ACTOR),
    ("QuietWithPinned", NARROW),
    ("QuietByHint", NARROW),
    ("ParkWithoutLooking", HANGS),
    ("BellParksBlindly", HANGS),
];

/// Whom a fall frees first, which runs count as full, who runs next.
const OPEN: &str = "the model leaves it open, so that the theorems hold for every way to do it";
/// Inlets, counts, memory, seats.
const LEFT_OUT: &str = "not in the model, where a message can come from outside at any time";
const UNWATCHED: &str = "a run of which there is a trace is watched, and goes another way, on which it behaves";
const MEMORY_ORDER: &str = "a trace is one order of what happened, and has none of these: loom's part";
const ONE_STEP: &str = "whoever shows events to an observer holds a lock over both steps (`Worker::in_order`), which makes \
    them one again: loom and shuttle find it in runs that nobody observes";
const NARROW: &str = "it shows if a worker makes some hundred steps between two of the driver's, to which no schedule comes \
    that is drawn of a whole pool: loom finds it in the hall alone";
const LAST_ACTOR: &str = "a worker has to take its last actor while another steals it: schedules drawn of a whole pool hardly come \
    to that, loom and shuttle do in the run queue alone";
const CROWD: &str =
    "no program here wakes more actors at once than a run queue has room for: one for the whole pool does";
const HANGS: &str = "everybody sleeps, and there is no end to judge: loom and shuttle see that as a deadlock";

/// Those that are refused, each with its rule.
fn refused() -> impl Iterator<Item = (&'static str, &'static str)> {
    let in_small = small::REFUSED.iter().map(|(fault, rule, _)| (*fault, *rule));
    REFUSED.iter().copied().chain(in_small)
}

/// The names of those that are refused under shuttle.
fn refused_under_shuttle() -> impl Iterator<Item = &'static str> {
    let lines = REFUSED_UNDER_SHUTTLE.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split(' ').next())
}

#[test]
fn every_fault_is_refused_by_a_rule_or_has_a_reason() {
    let elsewhere = ELSEWHERE.iter().map(|(fault, _)| *fault);
    let mut listed: Vec<&str> =
        refused().map(|(fault, _)| fault).chain(refused_under_shuttle()).chain(elsewhere).collect();
    let mut known: Vec<&str> = Fault::ALL.iter().map(|(_, name, _)| *name).collect();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known, "left: the lists of this file; right: src/faults.rs");
}

/// The column `proof` of `docs/KILLS.md` is what is refused here.
#[test]
fn the_list_of_finds_has_what_is_refused() {
    let finds = include_str!("../../model_tests/kills.txt").lines();
    let mut found: Vec<&str> = finds.filter_map(|line| line.split_once(" proof ")).map(|(fault, _)| fault).collect();
    let mut listed: Vec<&str> = refused().map(|(fault, _)| fault).chain(refused_under_shuttle()).collect();
    found.sort_unstable();
    listed.sort_unstable();
    assert_eq!(found, listed, "left: model_tests/kills.txt; right: the lists of this file");
}

#[test]
fn the_small_programs_keep_the_rules() {
    for (fault, _, program) in small::REFUSED {
        write(&wanted(), &format!("small-{fault}"), "accepted", &steps_of_small(*program));
    }
}

// --- The traces ---------------------------------------------------------------------------------------------------

/// The steps of a run, whatever becomes of it.
fn steps_of(builder: Builder, program: impl FnOnce(&mut Env<'_>)) -> Vec<String> {
    let protocol = Protocol::new();
    let (mut seen, mut events) = (protocol.clone(), 0);
    let observer = move |now: Duration, event: &Event<'_>| {
        events += 1;
        assert!(events < EVENTS, "it does not end");
        seen.observe(now, event);
    };
    let result = catch_unwind(AssertUnwindSafe(|| builder.observer(observer).run(program)));
    protocol.steps(result.map_or(Claim::Nothing, |result| Claim::of(&result)))
}

fn steps_of_small(program: Small) -> Vec<String> {
    steps_of(program.builder(), program.main)
}

/// Those of the random programs.
fn traces() -> Vec<String> {
    let run = |seed| {
        let steps = steps_of(random_builder(seed), |env| random(env, seed));
        ["reset".into(), format!("# seed {seed}")].into_iter().chain(steps)
    };
    (0..PROGRAMS).flat_map(run).collect()
}

/// In the process in which a fault is planted; in others it has nothing to do.
#[test]
fn runs_with_a_fault_planted() {
    let Ok(fault) = std::env::var("BACKWATER_FAULT") else { return };
    let (_, rule) = refused().find(|(name, _)| *name == fault).expect("one of the lists");
    let program = small::REFUSED.iter().find(|(name, ..)| *name == fault);
    let steps = program.map_or_else(traces, |(_, _, program)| steps_of_small(*program));
    write(&wanted(), &format!("fault-{fault}"), &format!("REJECTED anywhere ({rule})"), &steps);
}

#[test]
fn faults_are_planted_for_the_checker() {
    let Some(dir) = wanted() else { return };
    for (fault, _) in refused() {
        let me = std::env::current_exe().expect("a process has a program");
        let mut again = Command::new(me);
        again.args(["--exact", "faults::runs_with_a_fault_planted"]).env("BACKWATER_FAULT", fault);
        let output = again.output().expect("it can be started again");
        assert!(output.status.success(), "{fault}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(dir.join(format!("fault-{fault}")).exists(), "{fault}: it wrote no traces");
    }
}
