//! Planted faults that break a rule: the trace of some run shows it, and the checker refuses that trace, by this rule.
//!
//! A fault is one of a whole process, so each is planted in a process of its own: this program once more. What the
//! checker says of the traces is asked by `proofs/tie.sh`; without it nothing is judged here but the lists.

use super::node::random;
use super::random_builder;
use super::traces::{wanted, write};
use backwater::internals::Fault;
use backwater::report::Protocol;
use backwater::{
    Actor, ApplyReleaseBackpressureAuth, Backpressure, Builder, Context, Detector, Env, Event, Observer, OnPanic,
    RunError, Runtime, SpawnOptions,
};
use std::fmt;
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

type SmallProgram = fn(&mut Env<'_>);

/// The same, shown by a small program that is made for it.
const REFUSED_IN_SMALL: &[(&str, &str, SmallProgram)] = &[
    ("EndKeepsMarks", "R8", ends_muted),
    ("MutedIsOverloaded", "R4", fills_up_while_muted),
    ("TicksMark", "R7", hears_a_tick_under_pressure),
];

/// Not refused: what the model leaves open or leaves out, and what only threads show.
const ELSEWHERE: &[(&str, &str)] = &[
    ("FreedAsMuted", "in which order the senders are freed that one fall frees is open in the model"),
    ("OverloadNeverEnds", "which runs count as full is open in the model"),
    ("MutesAreForgotten", "how the runtime ends is no step; that it was quiescent is true"),
    ("SecondPathNeverSettles", "a run of which there is a trace is watched, and behaves"),
    ("InletIgnoresPressure", "in the model a message can come from outside at any time"),
    ("InletRingsFirst", "inlets are not in the model"),
    ("DeadIsUncounted", "nothing is counted in the model"),
    ("ShutdownLeaks", "memory is not in the model"),
    ("ProcessInPolicy", "which actor runs next is open in the model"),
    ("WakeIsRelaxed", "memory orders are loom's"),
    ("LingersForever", "of threads: shuttle is for it"),
    ("PushIsRelaxed", "memory orders are loom's"),
    ("TakeIsRelaxed", "memory orders are loom's"),
    ("RestIsRelaxed", "memory orders are loom's"),
    ("DequeTailIsRelaxed", "memory orders are loom's"),
    ("DequeThiefIsRelaxed", "memory orders are loom's"),
    ("RingIsRelaxed", "memory orders are loom's"),
    ("AnswerIsRelaxed", "memory orders are loom's"),
    ("PushInTwoSteps", "of threads: loom and shuttle find it"),
    ("RestWithoutLooking", "of threads: loom and shuttle find it"),
    ("MarkWithoutEra", "of threads: loom and shuttle find it"),
    ("FallInTwoSteps", "of threads: loom and shuttle find it"),
    ("PopWithoutExchange", "of threads: loom and shuttle find it"),
    ("ParkWithoutLooking", "of threads: loom and shuttle find it"),
    ("QuietWithPinned", "of threads: loom and shuttle find it"),
    ("QuietByHint", "of threads: loom finds it"),
    ("ExemptionAskedTwice", "of threads: loom and shuttle are for it"),
    ("FallToldToOne", "of threads: loom and shuttle are for it"),
    ("FoundTakesThePlace", "of threads: shuttle is for it"),
    ("SenderAskedAfterPush", "of threads: loom and shuttle are for it"),
    ("WordIsRelaxed", "memory orders are loom's"),
    ("BellParksBlindly", "of threads: loom and shuttle find it"),
];

/// Those that are refused, each with its rule.
fn refused() -> impl Iterator<Item = (&'static str, &'static str)> {
    let in_small = REFUSED_IN_SMALL.iter().map(|(fault, rule, _)| (*fault, *rule));
    REFUSED.iter().copied().chain(in_small)
}

#[test]
fn every_fault_is_refused_by_a_rule_or_has_a_reason() {
    let elsewhere = ELSEWHERE.iter().map(|(fault, _)| *fault);
    let mut listed: Vec<&str> = refused().map(|(fault, _)| fault).chain(elsewhere).collect();
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
    let mut listed: Vec<&str> = refused().map(|(fault, _)| fault).collect();
    found.sort_unstable();
    listed.sort_unstable();
    assert_eq!(found, listed, "left: model_tests/kills.txt; right: the lists of this file");
}

// --- The small programs ---------------------------------------------------------------------------------------------

/// An actor that does what it is sent.
struct Does;

type Deed = dyn FnOnce(&mut Context<'_, Does>) + Send;

struct Job(Box<Deed>);

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a job")
    }
}

impl Actor for Does {
    type Msg = Job;

    fn receive(&mut self, job: Job, cx: &mut Context<'_, Self>) {
        (job.0)(cx);
    }
}

fn job(job: impl FnOnce(&mut Context<'_, Does>) + Send + 'static) -> Job {
    Job(Box::new(job))
}

/// A muted actor ends with the runtime, and after it the one that held it back (R8).
fn ends_muted(env: &mut Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let (sender, valve) = (env.spawn(Does), env.spawn(Does));
    valve.tell(job(move |cx| Backpressure::apply(&auth, cx)), env);
    sender.tell(job(move |cx| valve.tell(job(|_| ()), cx)), env);
}

/// A muted actor, whose detector is the depth of its mailbox, is sent as much as makes others overloaded (R4).
fn fills_up_while_muted(env: &mut Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let valve = env.spawn(Does);
    let muted = env.spawn_with(SpawnOptions::new().overload(Detector::Depth { high: 2, low: 0 }), Does);
    let target = valve.clone();
    valve.tell(job(move |cx| Backpressure::apply(&auth, cx)), env);
    muted.tell(job(move |cx| target.tell(job(|_| ()), cx)), env);
    env.spawn(Does).tell(job(move |cx| (0..2).for_each(|_| muted.tell(job(|_| ()), cx))), env);
}

/// The tick that ends the pressure of an actor comes when another has run last (R7).
fn hears_a_tick_under_pressure(env: &mut Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let presses = move |cx: &mut Context<'_, Does>| {
        Backpressure::apply(&auth, cx);
        cx.after(Duration::from_millis(1), job(move |cx| Backpressure::release(&auth, cx)));
    };
    env.spawn(Does).tell(job(presses), env);
    env.spawn(Does).tell(job(|_| ()), env);
}

#[test]
fn the_small_programs_keep_the_rules() {
    for (fault, _, program) in REFUSED_IN_SMALL {
        write(&wanted(), &format!("small-{fault}"), "accepted", &small(*program));
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
    protocol.steps(matches!(result, Ok(Ok(_) | Err(RunError::Deadlock(_)))))
}

fn small(program: fn(&mut Env<'_>)) -> Vec<String> {
    steps_of(Runtime::builder().virtual_time().on_panic(OnPanic::StopActor), program)
}

/// Those of the random programs.
fn traces() -> Vec<String> {
    let run = |seed| {
        let steps = steps_of(random_builder(seed), |env| random(env, seed));
        ["reset".into(), format!("# seed {seed}")].into_iter().chain(steps)
    };
    (0..PROGRAMS).flat_map(run).collect()
}

#[test]
#[ignore = "for the process in which a fault is planted"]
fn runs_with_a_fault_planted() {
    let fault = std::env::var("BACKWATER_FAULT").expect("the test below plants one");
    let (_, rule) = refused().find(|(name, _)| *name == fault).expect("one of the lists");
    let program = REFUSED_IN_SMALL.iter().find(|(name, ..)| *name == fault);
    let steps = program.map_or_else(traces, |(_, _, program)| small(*program));
    write(&wanted(), &format!("fault-{fault}"), &format!("REJECTED anywhere ({rule})"), &steps);
}

#[test]
fn faults_are_planted_for_the_checker() {
    let Some(dir) = wanted() else { return };
    for (fault, _) in refused() {
        let me = std::env::current_exe().expect("a process has a program");
        let mut again = Command::new(me);
        again.args(["--exact", "faults::runs_with_a_fault_planted", "--ignored"]).env("BACKWATER_FAULT", fault);
        let output = again.output().expect("it can be started again");
        assert!(output.status.success(), "{fault}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(dir.join(format!("fault-{fault}")).exists(), "{fault}: it wrote no traces");
    }
}
