//! The backpressure rules as a finite system, every state of it visited.
//!
//! Two actors, two workers; falls travel as messages. Steps, mutants and properties have the same names as in
//! `proofs/models/rumur/backwater.m.in` (three actors, up to symmetry) and `proofs/models/tla/Backwater.tla`.
//! This is a model of docs/RULES.md, not of the code: the code has its own model tests.
//!
//! Each mutant is the system with one fault planted. A test names the property that must refute it.
#![cfg(test)]

mod state;
mod steps;
mod system;

use stateright::{Checker, Model};
use system::{Mutant, Mutant::*, System};

/// Visits all states and returns how many there are, and what was found to fail.
fn visit_all(faults: &[Mutant], guards: u8) -> (usize, Vec<&'static str>) {
    let system = System { faults: faults.to_vec(), guards, only: "" };
    let checker = system.checker().spawn_bfs().join();
    assert!(checker.is_done(), "the search was cut short");
    (checker.unique_state_count(), checker.discoveries().into_keys().collect())
}

/// Searches one step deeper at a time, so that what is found first is as short as can be: the property named must be
/// among what fails there. (stateright keeps the last failure it meets, not the first.)
fn refuted(faults: &[Mutant], by: &str, only: &'static str) {
    let system = System { faults: faults.to_vec(), guards: 1, only };
    for depth in 2..DEPTH_MAX {
        let checker = system.clone().checker().target_max_depth(depth).spawn_bfs().join();
        let found = checker.discoveries();
        if let Some((name, path)) = found.iter().find(|(name, _)| name.starts_with(by)) {
            println!("{faults:?} refuted by {name}: {:?}", path.clone().into_actions());
            return;
        }
        assert!(found.is_empty(), "{faults:?}: expected {by}, found {:?}", found.keys());
    }
    panic!("{faults:?} was not refuted in {DEPTH_MAX} steps");
}

const DEPTH_MAX: usize = 20;

/// Two actors, two workers, one guard each: all states, all properties.
#[test]
fn faithful_system_satisfies_every_property() {
    let (states, failed) = visit_all(&[], 1);
    println!("{states} states");
    assert_eq!(failed, [""; 0]);
    assert_eq!(states, FAITHFUL_STATES, "the model changed: is that meant?");
}

/// The same number as Rumur (without its symmetry reduction) and TLC find for the same sizes.
const FAITHFUL_STATES: usize = 379_052;

/// F16 alone changes nothing: by T2 an actor that is unmuted has no other reason to press. F15 is what makes it bite.
#[test]
fn unmute_that_ignores_pressure_is_harmless_while_t2_holds() {
    let (states, failed) = visit_all(&[UnmuteIgnoresPressure], 1);
    assert_eq!((states, failed), (FAITHFUL_STATES, vec![]));
}

macro_rules! mutants {
    ($($name:ident: $faults:expr => $property:literal $(only $only:literal)?;)*) => { $(
        #[test]
        fn $name() {
            let only = [$($only,)? ""][0];
            refuted(&$faults, $property, only);
        }
    )* };
}

mutants! {
    flag_after_message: [FlagAfterMessage] => "T1";
    mark_kept_when_freed: [MarkKeptWhenFreed] => "T1";
    overload_release_lost: [OverloadReleaseLost] => "T1";
    fall_skips_own_worker: [FallSkipsOwnWorker] => "T1";
    no_cascade: [NoCascade] => "T1";
    stop_keeps_marks: [StopKeepsAll] => "T1" only "T1";
    overloaded_muted_too: [OverloadedMutedToo] => "T2";
    pressured_muted_too: [PressuredMutedToo] => "T2";
    no_second_sentence: [NoSecondSentence] => "T2";
    depth_at_push: [DepthAtPush] => "T2";
    overloaded_not_queued: [OverloadedNotQueued] => "T4";
    freed_empty_not_queued: [FreedEmptyNotQueued] => "T5";
    mute_mid_behaviour: [MuteMidBehaviour] => "T6";
    runs_on_after_mute: [RunsOnAfterMute] => "T6";
    send_schedules_muted: [SendSchedulesMuted] => "T6";
    quiet_overlooks_freed: [QuietOverlooksFreed] => "T7";
    freed_without_fall: [FreedWithoutFall] => "T8";
    guards_share_flag: [GuardsShareFlag] => "T8";
    release_ignores_other_reasons: [ReleaseIgnoresOtherReasons] => "T8";
    release_without_apply: [ReleaseWithoutApply] => "T8";
    unmute_ignores_pressure: [NoSecondSentence, UnmuteIgnoresPressure] => "T8" only "T8";
    control_marks: [ControlMarks] => "R7";
    stop_keeps_pressure: [StopKeepsAll] => "R8";
}
