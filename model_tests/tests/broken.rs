//! The tests are tested: each planted fault of the concurrent parts is found by a test that is named here. Each is run
//! again as a process of its own with the fault planted, and has to fail.
//!
//! `docs/KILLS.md` has the whole matrix, with the faults that other tools find.

use model_tests::BACKING;
use std::path::PathBuf;
use std::process::Command;

/// Fault, tool, test file, test.
const FINDS: &str = include_str!("../kills.txt");

/// Fault, rule, test file, test.
const REFUSED: &str = include_str!("../refused.txt");

/// The lines of a list: four words each, of which these are the first, the third and the fourth; and the second as asked.
fn listed(list: &'static str, second: impl Fn(&str) -> bool) -> Vec<[&'static str; 3]> {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.filter(|words| second(words[1])).map(|words| [words[0], words[2], words[3]]).collect()
}

/// `target/loom/model/deps/broken-…` → `target/loom` and `model`.
fn compiled_to() -> (PathBuf, String) {
    let me = std::env::current_exe().expect("a process has a program");
    let profile = me.ancestors().nth(2).expect("tests lie in deps");
    let name = profile.file_name().expect("a profile has a name").to_string_lossy().into_owned();
    (profile.parent().expect("a profile lies in a target folder").to_owned(), name)
}

/// Runs one test with a fault planted: did it pass?
fn passes(fault: &str, file: &str, test: &str) -> bool {
    let (target, profile) = compiled_to();
    let mut cargo = Command::new(std::env::var_os("CARGO").expect("cargo runs this"));
    cargo.args(["test", "--quiet", "--offline", "--package", "model_tests", "--test", file, "--target-dir"]);
    cargo.arg(target).args(["--profile", if profile == "debug" { "dev" } else { &profile }]);
    cargo.args(["--", "--exact", test]).env("BACKWATER_FAULT", fault);
    let output = cargo.output().expect("cargo can be started");
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(said.contains("running 1 test"), "{file} has no test {test}, or it does not compile:\n{said}");
    output.status.success()
}

/// All rules and theorems, as far as the concurrent parts can break them. Costs each test once more, with its fault.
#[test]
fn each_planted_fault_of_the_concurrent_parts_is_found() {
    let expected = listed(FINDS, |tool| tool == BACKING);
    let missed: Vec<&str> =
        expected.iter().filter(|[fault, file, test]| passes(fault, file, test)).map(|found| found[0]).collect();
    println!("broken: {} faults planted under {BACKING}", expected.len());
    assert!(missed.is_empty(), "no test found {missed:?}");
}

/// Faults that show in a trace of the whole pool, for `proofs/tie.sh`. Whether its program fails too is of no account.
#[test]
fn faults_are_planted_for_the_checker() {
    let Some(dir) = std::env::var_os("BACKWATER_TRACES").map(PathBuf::from) else { return };
    for [fault, file, test] in listed(REFUSED, |_| true) {
        passes(fault, file, test);
        assert!(dir.join(format!("fault-{fault}")).exists(), "{fault}: it wrote no traces");
    }
}
