//! The tests are tested: each planted fault of the concurrent parts is found by a test that is named here. Each is run
//! again as a process of its own with the fault planted, and has to fail.
//!
//! `docs/KILLS.md` has the whole matrix, with the faults that other tools find.

use backwater::internals::Fault;
use model_tests::BACKING;
use std::path::PathBuf;
use std::process::Command;

/// Fault, test file, test.
const LOOM: &[(&str, &str, &str)] = &[
    ("PushIsRelaxed", "inbox", "of_two_pushes_to_an_idle_actor_one_schedules_and_both_arrive"),
    ("TakeIsRelaxed", "inbox", "of_two_pushes_to_an_idle_actor_one_schedules_and_both_arrive"),
    ("RestIsRelaxed", "inbox", "of_two_pushes_to_an_idle_actor_one_schedules_and_both_arrive"),
    ("PushInTwoSteps", "inbox", "of_two_pushes_to_an_idle_actor_one_schedules_and_both_arrive"),
    ("RestWithoutLooking", "inbox", "of_two_pushes_to_an_idle_actor_one_schedules_and_both_arrive"),
    ("MarkWithoutEra", "word", "a_mark_belongs_to_the_time_in_which_its_receiver_was_seen_to_press"),
    ("FallInTwoSteps", "word", "a_mark_made_while_the_receiver_falls_is_told_or_is_none"),
    ("DequeTailIsRelaxed", "deque", "what_is_pushed_is_taken_once_by_owner_or_thief"),
    ("DequeThiefIsRelaxed", "deque", "what_is_pushed_is_taken_once_by_owner_or_thief"),
    ("PopWithoutExchange", "deque", "what_is_pushed_is_taken_once_by_owner_or_thief"),
    ("ParkWithoutLooking", "hall", "a_worker_that_falls_asleep_does_not_miss_what_is_injected"),
    ("QuietWithPinned", "hall", "a_pinned_actor_that_is_runnable_is_not_the_end"),
    ("QuietByHint", "hall", "a_pinned_actor_that_is_runnable_is_not_the_end"),
    ("BellParksBlindly", "outside", "the_last_inlet_to_go_wakes_the_runtime"),
    ("RingIsRelaxed", "outside", "the_last_inlet_to_go_wakes_the_runtime"),
    ("AnswerIsRelaxed", "outside", "the_last_inlet_to_go_wakes_the_runtime"),
    ("InletRingsFirst", "outside", "the_last_inlet_to_go_wakes_the_runtime"),
    ("EndIsNoFall", "word", "nobody_waits_for_an_actor_that_has_ended"),
    ("FreedFreesOnward", "word", "of_several_ends_of_pressure_one_is_the_fall"),
    ("GuardsShareTheFlag", "word", "of_several_ends_of_pressure_one_is_the_fall"),
    ("ExemptionOnlyAtSend", "word", "an_actor_whose_guard_goes_at_the_end_of_its_behaviour_is_muted_or_exempt"),
];

/// Those that need no weak order: shuttle draws its way to them too.
const SHUTTLE: &[(&str, &str, &str)] = &[
    ("PushInTwoSteps", "inbox", "of_two_pushes_to_an_idle_actor_one_schedules_and_both_arrive"),
    ("RestWithoutLooking", "inbox", "a_push_while_the_owner_goes_to_rest_is_neither_lost_nor_run_twice"),
    ("MarkWithoutEra", "word", "a_mark_belongs_to_the_time_in_which_its_receiver_was_seen_to_press"),
    ("FallInTwoSteps", "word", "a_mark_made_while_the_receiver_falls_is_told_or_is_none"),
    ("PopWithoutExchange", "deque", "what_is_pushed_is_taken_once_by_owner_or_thief"),
    ("ParkWithoutLooking", "hall", "a_worker_that_falls_asleep_does_not_miss_what_is_injected"),
    ("QuietWithPinned", "hall", "a_pinned_actor_that_is_runnable_is_not_the_end"),
    ("BellParksBlindly", "outside", "the_last_inlet_to_go_wakes_the_runtime"),
    ("InletRingsFirst", "outside", "the_last_inlet_to_go_wakes_the_runtime"),
];

fn expected() -> &'static [(&'static str, &'static str, &'static str)] {
    match BACKING {
        "loom" => LOOM,
        "shuttle" => SHUTTLE,
        _ => &[],
    }
}

/// `target/loom/model/deps/broken-…` → `target/loom` and `model`.
fn compiled_to() -> (PathBuf, String) {
    let me = std::env::current_exe().expect("a process has a program");
    let profile = me.ancestors().nth(2).expect("tests lie in deps");
    let name = profile.file_name().expect("a profile has a name").to_string_lossy().into_owned();
    (profile.parent().expect("a profile lies in a target folder").to_owned(), name)
}

/// Runs one test with a fault planted; what it says, and whether it passed.
fn run(fault: Option<&str>, file: &str, test: &str) -> (bool, String) {
    let (target, profile) = compiled_to();
    let mut cargo = Command::new(std::env::var_os("CARGO").expect("cargo runs this"));
    cargo.args(["test", "--quiet", "--offline", "--package", "model_tests", "--test", file, "--target-dir"]);
    cargo.arg(target).args(["--profile", if profile == "debug" { "dev" } else { &profile }]);
    cargo.args(["--", "--exact", test]).env_remove("BACKWATER_FAULT");
    cargo.envs(fault.map(|fault| ("BACKWATER_FAULT", fault)));
    let output = cargo.output().expect("cargo can be started");
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(said.contains("running 1 test"), "{file} has no test {test}, or it does not compile:\n{said}");
    (output.status.success(), said)
}

/// All rules and theorems, as far as the concurrent parts can break them. Costs each test once more, with its fault.
#[test]
fn each_planted_fault_of_the_concurrent_parts_is_found() {
    let missed: Vec<&str> =
        expected().iter().filter(|(fault, file, test)| run(Some(fault), file, test).0).map(|found| found.0).collect();
    println!("broken: {} faults planted under {BACKING}", expected().len());
    assert!(missed.is_empty(), "no test found {missed:?}");
}

#[test]
fn what_is_planted_here_is_in_the_list_of_faults() {
    let known = |name: &str| Fault::ALL.iter().any(|(_, known, _)| *known == name);
    let unknown: Vec<&str> = LOOM.iter().chain(SHUTTLE).map(|found| found.0).filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "no such faults: {unknown:?}");
}
