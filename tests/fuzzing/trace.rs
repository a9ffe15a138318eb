//! Files that runs left and somebody may have spoilt: regressions, results of the parts of a search, recordings. Whatever is in
//! one, it is read, passed over with a note, or refused with a reason; and what was in it is still there afterwards.

use super::crash::fault_of;
use backwater::{Check, Env, Mode, Recording, Verdict};
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
    recording(bytes);
    recording(&sealed(bytes));
    regressions(bytes);
}

/// A run on many threads as it was written down.
fn recording(bytes: &[u8]) {
    if let Err(why) = Recording::parse(bytes) {
        assert!(why.to_string().len() < 500, "what is said is no longer than it has to be: {why}");
    }
}

/// The bytes as what is inside a recording, with everything around it made right: what one worker wrote, and the end. The
/// format, written a second time.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let (length, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let (entries, end) = rest.split_at(usize::from(*length).min(rest.len()));
    let numbers = [&7u64.to_le_bytes()[..], &100u32.to_le_bytes(), &0u64.to_le_bytes(), &2u32.to_le_bytes()].concat();
    let mut all = [&b"bw-log\n\x02"[..], &numbers].concat();
    all.extend(sum(0, &all).to_le_bytes());
    for (index, (worker, payload)) in [(1, entries), (u32::MAX, end)].into_iter().enumerate() {
        all.extend((payload.len() as u32).to_le_bytes());
        all.extend(worker.to_le_bytes());
        all.extend(sum(sum(index as u64, &worker.to_le_bytes()), payload).to_le_bytes());
        all.extend(payload);
    }
    all
}

fn sum(from: u64, bytes: &[u8]) -> u64 {
    let step =
        |sum: u64, word: [u8; 8]| (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    let words = bytes.chunks_exact(8);
    let mut last = [0; 8];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    let begin = step(from, (bytes.len() as u64).to_le_bytes());
    let sum = words.fold(begin, |sum, word| step(sum, word.try_into().expect("a chunk is eight bytes")));
    step(step(sum, last), [0; 8])
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
