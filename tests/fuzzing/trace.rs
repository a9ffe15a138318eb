//! Files that runs left and somebody may have spoilt: regressions, results of the parts of a search, recordings. Whatever is in
//! one, it is read, passed over with a note, or refused with a reason; and what was in it is still there afterwards.

use super::crash::fault_of;
use super::recording;
use backwater::{Check, Env, Mode, Verdict};
use std::fs;
use std::path::PathBuf;

/// More lines say no more, but each is a note on standard error.
const LINES: usize = 3;

/// Passes under each of its six schedules.
fn program(env: &mut Env<'_>) {
    env.choose(6);
}

fn file() -> PathBuf {
    std::env::temp_dir().join(format!("backwater-trace-{}-{:?}.txt", std::process::id(), std::thread::current().id()))
}

pub(crate) fn run(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        results(text);
    }
    recording::run(bytes);
    regressions(bytes);
}

/// What machines wrote down that share a search.
fn results(lines: &str) {
    match backwater::merge(lines) {
        Ok(merged) => {
            let slices: u64 = merged.iter().map(|check| check.slices).sum();
            let there = lines.lines().filter(|line| !line.trim().is_empty()).count();
            assert_eq!(slices, there as u64, "each line is one slice of one check: {merged:?}");
        }
        Err(why) => assert!(!why.is_empty() && why.len() < 600 + 8 * lines.len(), "{why}"),
    }
}

fn regressions(bytes: &[u8]) {
    if bytes.iter().filter(|byte| **byte == b'\n').count() > LINES {
        return;
    }
    let file = file();
    fs::write(&file, bytes).expect("a temporary file can be written");
    let check = Check::new().mode(Mode::Given(vec![3])).check_determinism(false).regressions(&file);
    let mut verdict = None;
    let fault = fault_of(|| verdict = Some(check.run(program)));
    let after = fs::read(&file).expect("the file is still there");
    drop(fs::remove_file(&file));
    assert_eq!(after, bytes, "a file whose lines all pass is left as it was");
    match (std::str::from_utf8(bytes), fault) {
        (Ok(_), None) => assert!(matches!(verdict, Some(Verdict::Cut { .. })), "{verdict:?}"),
        (Ok(_), Some(fault)) => panic!("{}: {}", fault.place, fault.said),
        (Err(_), fault) => {
            let said = fault.expect("what is no text is refused").said;
            assert!(said.contains("cannot read"), "{said}");
        }
    }
}
