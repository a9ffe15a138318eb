//! Bytes that show a fault, made short and printed as a test.
//!
//! For the targets here, which panic. What a target of the library's users found is made a test by `backwater::fuzz`.

use super::{Target, program};
use crate::reference::script::Program;
use backwater::fuzz::shrink;
use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::panic;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// A panic: what it said, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) said: String,
    pub(crate) place: String,
}

static HOOK: Once = Once::new();

thread_local! {
    static LAST: RefCell<Option<Fault>> = const { RefCell::new(None) };
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What a call panicked with, if it did. Nothing is printed.
pub(crate) fn fault_of(call: impl FnOnce()) -> Option<Fault> {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().map_or_else(String::new, ToString::to_string);
            let text = info.payload().downcast_ref::<&str>().map(|text| (*text).to_owned());
            let said = text.or_else(|| info.payload().downcast_ref().cloned()).unwrap_or_default();
            LAST.set(Some(Fault { said, place }));
            if !QUIET.get() {
                before(info);
            }
        }));
    });
    let quiet = QUIET.replace(true);
    let caught = catch_unwind(AssertUnwindSafe(call));
    QUIET.set(quiet);
    caught.err().map(|_| LAST.take().expect("the hook saw the panic"))
}

/// The shortest bytes that panic at the same place, and what they say then; none if these do not panic.
pub(crate) fn shortest(run: impl Fn(&[u8]), bytes: &[u8]) -> Option<(Vec<u8>, Fault)> {
    let found = fault_of(|| run(bytes))?;
    let fails = |candidate: &[u8]| fault_of(|| run(candidate)).is_some_and(|fault| fault.place == found.place);
    let bytes = shrink(bytes, fails);
    let fault = fault_of(|| run(&bytes))?;
    Some((bytes, fault))
}

/// What the bytes show as a test for `tests/corpora.rs`; none if they show nothing.
pub(crate) fn test_of(target: &Target, bytes: &[u8]) -> Option<String> {
    if target.name == "program" {
        return program_test(bytes, "agree", |program| drop(program::agree(program)));
    }
    let (bytes, fault) = shortest(target.run, bytes)?;
    let call = format!("crate::fuzzing::run({:?}, b\"{}\");", target.name, bytes.escape_ascii());
    Some(test(target.name, &bytes, &[("what it said", &fault.said), ("the bytes", &(target.show)(&bytes))], &call))
}

/// The program that the bytes are as a test of a claim about programs: topology and schedule, both made short.
pub(crate) fn program_test(bytes: &[u8], claim: &str, holds: impl Fn(&Program)) -> Option<String> {
    let holds = |bytes: &[u8]| program::decode(bytes).iter().for_each(&holds);
    let (bytes, fault) = shortest(holds, bytes)?;
    let program = program::decode(&bytes)?;
    let call = format!(
        "use crate::reference::script::{{Effect::*, Order::*, Program, Script}};\n    \
         use backwater::Detector::*;\n    \
         crate::fuzzing::program::{claim}(&{});",
        program::in_rust(&program)
    );
    let picture = fault_of(|| drop(program::picture(&program))).map_or_else(|| program::picture(&program), |f| f.said);
    Some(test("program", &bytes, &[("what it said", &fault.said), ("what happens", &picture)], &call))
}

fn test(name: &str, bytes: &[u8], notes: &[(&str, &str)], call: &str) -> String {
    let mut text = String::from("// Found by fuzzing.\n");
    for (label, note) in notes {
        writeln!(text, "// {label}:").expect("a string takes everything");
        note.lines().for_each(|line| writeln!(text, "//    {line}").expect("a string takes everything"));
    }
    let print = bytes.iter().fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    writeln!(text, "#[test]\nfn {name}_found_{print:08x}() {{\n    {call}\n}}").expect("a string takes everything");
    text
}
