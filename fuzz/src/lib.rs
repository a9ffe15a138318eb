//! The targets as functions of bytes. What they do is in `tests/fuzzing` and `tests/scenarios`, which the library's own
//! tests share; this only hands bytes over, and says how a failure ends.

#[path = "../../tests/fuzzing/mod.rs"]
mod fuzzing;
#[path = "../../tests/reference/mod.rs"]
mod reference;
#[allow(dead_code, unused_imports, reason = "what they need as tests")]
#[path = "../../tests/scenarios/main.rs"]
mod scenarios;

use backwater::{Check, fuzz};
use scenarios::Teller;

/// A target that is not in the shared table, because it is what a user of the library would write.
const CANARY: &str = "canary";

/// One input. A fault is printed, as a panic and as a test, and ends the process as a fuzzer expects.
pub fn run(target: &str, bytes: &[u8]) {
    if target == CANARY {
        return fuzz::target(bytes, fuzzing_example::day);
    }
    let known = find(target).unwrap_or_else(|why| panic!("{why}"));
    let Some(fault) = fuzzing::crash::fault_of(|| (known.run)(bytes)) else { return };
    eprintln!("{}: {}\n", fault.place, fault.said);
    eprintln!("{}", test_of(target, bytes).unwrap_or_else(|why| why));
    std::process::abort();
}

/// What an input shows, as short as it gets, as a test.
///
/// # Errors
/// Says that there is no such target, or that the input shows nothing.
pub fn test_of(target: &str, bytes: &[u8]) -> Result<String, String> {
    let nothing = || format!("the target {target} finds nothing wrong with this input");
    if target == CANARY {
        let crash = fuzz::crash(&Check::new(), bytes, &fuzzing_example::day);
        return crash.map(|crash| crash.test()).ok_or_else(nothing);
    }
    fuzzing::crash::test_of(&find(target)?, bytes).ok_or_else(nothing)
}

fn find(name: &str) -> Result<fuzzing::Target, String> {
    let show = |bytes: &[u8]| format!("{bytes:?}");
    let schedule = fuzzing::Target { name: "schedule", run: scenarios::table::run, show };
    let mut targets = fuzzing::TARGETS.iter().copied().chain([schedule]);
    targets.find(|known| known.name == name).ok_or_else(|| format!("there is no target {name}"))
}
