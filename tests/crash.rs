//! What a fuzzer finds becomes a test: it is short, it compiles, and it fails in the same way.
//!
//! The texts are put into a package of their own, with the modules that a user of them has, and tested by cargo.

// As the printed tests name things: by the crate that they were made in. And as the example's own test does.
extern crate self as crash;
extern crate self as fuzzing_example;

#[allow(unreachable_pub, reason = "it is a crate of its own")]
#[path = "../examples/fuzzing/src/lib.rs"]
mod example;
#[path = "../examples/fuzzing/tests/found.rs"]
mod found;
#[allow(unused, reason = "only programs are made tests here")]
mod fuzzing;
mod reference;

use backwater::{Check, Fault, fuzz};
use example::day;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// As a fuzzer leaves it: what matters, and much that does not.
const FOUND: &[u8] = include_bytes!("../examples/fuzzing/crash");

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A program in which somebody is left waiting, of random bytes: the first there is.
fn deadlock() -> Vec<u8> {
    let bytes = |seed| {
        let mut random = backwater::scheduler::Random::new(seed);
        (0..160).map(|_| random.next_u64() as u8).collect::<Vec<u8>>()
    };
    let waits = |bytes: &Vec<u8>| {
        let program = fuzzing::program::decode(bytes).expect("there are bytes enough");
        fuzzing::crash::fault_of(|| fuzzing::program::nobody_is_left_waiting(&program)).is_some()
    };
    (0..10_000).map(bytes).find(waits).expect("some program deadlocks")
}

#[test]
fn a_crash_is_made_short() {
    let crash = fuzz::crash(&Check::new(), FOUND, &day).expect("the fuzzer found something");
    assert!(matches!(crash.failure().fault, Fault::Deadlock(_) | Fault::UnmatchedApply(_)), "{}", crash.failure());
    assert!(crash.bytes().len() <= FOUND.len(), "{} of {} bytes are left", crash.bytes().len(), FOUND.len());
    let again = fuzz::crash(&Check::new(), crash.bytes(), &day).expect("it still fails");
    assert_eq!(again.bytes(), crash.bytes(), "it is as short as it gets");
    assert_eq!(again.test(), crash.test(), "the same bytes give the same text");
}

/// But for its layout, and that there it is to fail.
#[test]
fn the_test_in_the_example_and_in_the_page_is_the_one_that_is_printed() {
    let crash = fuzz::crash(&Check::new(), FOUND, &day).expect("the fuzzer found something");
    let plain = |text: &str| text.split_whitespace().collect::<String>().replace(",)", ")");
    let printed = plain(&crash.test()).replace("crash::example::", "fuzzing_example::");
    for file in ["examples/fuzzing/tests/found.rs", "docs/how/fuzz-your-actors.md"] {
        let text = plain(&fs::read_to_string(top().join(file)).unwrap());
        let text = text.replace("#[should_panic(expected=\"deadlock(R9)\")]", "");
        assert!(text.contains(&printed), "{file} differs from what is printed now:\n{}", crash.test());
    }
}

#[test]
fn a_closure_has_no_name_to_be_printed_and_the_test_says_so() {
    let crash = fuzz::crash(&Check::new(), FOUND, &|env: &mut backwater::Env<'_>, orders| {
        day(env, orders);
    });
    assert!(crash.unwrap().test().contains("// body: the closure that is the target: make it a function\n"));
}

#[test]
fn the_tests_printed_compile_and_fail_in_the_same_way() {
    let crash = fuzz::crash(&Check::new(), FOUND, &day).expect("the fuzzer found something");
    let claim = "nobody_is_left_waiting";
    let program = fuzzing::crash::program_test(&deadlock(), claim, fuzzing::program::nobody_is_left_waiting);
    let program = program.expect("the program deadlocks");
    let folder = package(&format!("{}\n{program}", crash.test()));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--offline", "--test", "crash"]).current_dir(&folder);
    let output = cargo.env("CARGO_TARGET_DIR", folder.join("target")).env_remove("RUSTFLAGS").output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(said.contains("test result: FAILED. 0 passed; 2 failed"), "both compile, and both fail: {said}");
    let headline = crash.failure().fault.to_string().lines().next().unwrap_or_default().to_owned();
    assert!(said.contains(&headline) && said.contains(&crash.failure().token), "{said}");
    let waits = program.lines().find_map(|line| line.strip_prefix("//    a deadlock: "));
    assert!(said.contains(waits.expect("the text says what is wrong")), "{said}");
}

/// Puts the tests into a package of their own.
fn package(tests: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("printed");
    fs::create_dir_all(folder.join("tests")).unwrap();
    let path = |file: &str| top().join(file).display().to_string();
    let manifest = format!(
        "[package]\nname = \"printed\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[lib]\npath = \
         \"lib.rs\"\n\n[features]\ndefault = [\"fuzz\", \"net\"]\nfuzz = []\nnet = []\n\n[dependencies]\narbitrary = {{ \
         version = \"1.5.0\", features = [\"derive\"] }}\nbackwater = {{ path = {:?}, features = [\"fuzz\"] }}\n",
        path("")
    );
    let modules = [
        ("fuzzing", "tests/fuzzing/mod.rs"),
        ("example", "examples/fuzzing/src/lib.rs"),
        ("reference", "tests/reference/mod.rs"),
    ];
    let modules = modules.map(|(name, file)| format!("#[path = {:?}]\nmod {name};\n", path(file))).concat();
    let source = format!("#![allow(unused)]\nextern crate self as crash;\n{modules}\n{tests}");
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("lib.rs"), "").unwrap();
    fs::write(folder.join("tests/crash.rs"), source).unwrap();
    fs::copy(top().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    folder
}
