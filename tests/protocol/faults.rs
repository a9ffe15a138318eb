//! Planted faults that break a rule: the trace of some run shows it, and the checker refuses that trace, by this rule.
//!
//! A fault is one of a whole process, so each is planted in a process of its own: this program once more. What the
//! checker says of the traces is asked by `proofs/tie.sh`; without it nothing is judged here but the list.

use super::node::random;
use super::random_builder;
use super::traces::{wanted, write};
use backwater::internals::Fault;
use backwater::report::Protocol;
use backwater::{Event, Observer, RunError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Duration;

/// Programs that are run with each fault, and the events after which a run that does not end is given up.
const PROGRAMS: u64 = 60;
const EVENTS: usize = 5_000;

/// Fault, and the rule that the checker says is broken.
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

/// Not refused: what the model leaves open or leaves out, what only threads show, and three that these programs do not show.
const ELSEWHERE: &[(&str, &str)] = &[
    ("FreedAsMuted", "in which order the senders are freed that one fall frees is open in the model"),
    ("OverloadNeverEnds", "which runs count as full is open in the model"),
    ("EndKeepsMarks", "not shown by these programs"),
    ("MutedIsOverloaded", "not shown by these programs"),
    ("TicksMark", "not shown by these programs"),
    ("MutesAreForgotten", "how the runtime ends is no step; that it was quiescent is true"),
    (
        "SecondPathNeverSettles",
        "in the model an actor may end in the middle of a behaviour, and `main` ends with its first",
    ),
    ("InletIgnoresPressure", "in the model a message can come from outside at any time"),
    ("InletRingsFirst", "inlets are not in the model"),
    ("DeadIsUncounted", "nothing is counted in the model"),
    ("ShutdownLeaks", "memory is not in the model"),
    ("ProcessInPolicy", "which actor runs next is open in the model"),
    ("TrayBeforeInbox", "memory orders are loom's"),
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

#[test]
fn every_fault_is_refused_by_a_rule_or_has_a_reason() {
    let mut listed: Vec<&str> = REFUSED.iter().chain(ELSEWHERE).map(|(fault, _)| *fault).collect();
    let mut known: Vec<&str> = Fault::ALL.iter().map(|(_, name, _)| *name).collect();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known, "left: the lists of this file; right: src/faults.rs");
}

/// The traces of the random programs, whatever becomes of them.
fn traces() -> Vec<String> {
    let mut lines = Vec::new();
    for seed in 0..PROGRAMS {
        let protocol = Protocol::new();
        let (mut seen, mut events) = (protocol.clone(), 0);
        let observer = move |now: Duration, event: &Event<'_>| {
            events += 1;
            assert!(events < EVENTS, "it does not end");
            seen.observe(now, event);
        };
        let builder = random_builder(seed).observer(observer);
        let result = catch_unwind(AssertUnwindSafe(|| builder.run(|env| random(env, seed))));
        let quiescent = matches!(result, Ok(Ok(_) | Err(RunError::Deadlock(_))));
        lines.extend(["reset".into(), format!("# seed {seed}")]);
        lines.extend(protocol.steps(quiescent));
    }
    lines
}

#[test]
#[ignore = "for the process in which a fault is planted"]
fn runs_with_a_fault_planted() {
    let fault = std::env::var("BACKWATER_FAULT").expect("the test below plants one");
    let (_, rule) = REFUSED.iter().find(|(name, _)| *name == fault).expect("one of the list");
    write(&wanted(), &format!("fault-{fault}"), &format!("REJECTED anywhere ({rule})"), &traces());
}

#[test]
fn faults_are_planted_for_the_checker() {
    let Some(dir) = wanted() else { return };
    for (fault, _) in REFUSED {
        let me = std::env::current_exe().expect("a process has a program");
        let mut again = Command::new(me);
        again.args(["--exact", "faults::runs_with_a_fault_planted", "--ignored"]).env("BACKWATER_FAULT", fault);
        let output = again.output().expect("it can be started again");
        assert!(output.status.success(), "{fault}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(dir.join(format!("fault-{fault}")).exists(), "{fault}: it wrote no traces");
    }
}
