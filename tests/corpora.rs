//! The fuzz targets on the inputs that are kept in `fuzz/corpus`, on the stable compiler: none shows a fault, together
//! they go through every step of the rules, and a program that fails becomes a test.

mod fuzzing;
mod reference;

use fuzzing::matrix::{self, Matrix};
use fuzzing::{TARGETS, program, recording, rules};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The inputs kept for a target, with their names.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| (path.display().to_string(), fs::read(path).unwrap());
    files.iter().map(read).collect()
}

#[test]
fn no_input_kept_shows_a_fault() {
    for target in TARGETS {
        let corpus = corpus(target.name);
        assert!(!corpus.is_empty(), "there are no inputs for {}", target.name);
        for (name, bytes) in corpus {
            println!("{name}");
            (target.run)(&bytes);
        }
    }
}

/// A cell of the table of steps (load, event) or of that of marks (sender, receiver).
type Cell = (&'static str, usize, usize);

fn cell_of(op: &rules::Op) -> Option<Cell> {
    match op {
        rules::Op::Step(load, event) => Some(("step", load % 10, event % 9)),
        rules::Op::Send(sender, receiver) => Some(("marks", sender % 10, receiver % 10)),
        _ => None,
    }
}

/// The cells that none of these asks for, of all.
fn missing<'a>(ops: impl IntoIterator<Item = &'a rules::Op>) -> Vec<Cell> {
    let asked: BTreeSet<Cell> = ops.into_iter().filter_map(cell_of).collect();
    let steps = (0..10).flat_map(|load| (0..9).map(move |event| ("step", load, event)));
    let sends = (0..10).flat_map(|sender| (0..10).map(move |receiver| ("marks", sender, receiver)));
    steps.chain(sends).filter(|cell| !asked.contains(cell)).collect()
}

/// Every load at every event, those that cannot happen included, and every sender with every receiver. One input alone asks for
/// all, so the check is tried on what is left of all inputs without each of the cells: then it names that one.
#[test]
fn every_cell_of_both_tables_is_asked_for_by_some_input_kept() {
    let ops: Vec<rules::Op> = corpus("rules").iter().flat_map(|(_, bytes)| rules::decode(bytes)).collect();
    assert_eq!(missing(&ops), [], "no input asks for these");
    for cell in missing([]) {
        let others = ops.iter().filter(|op| cell_of(op) != Some(cell));
        assert_eq!(missing(others), [cell]);
    }
}

/// The steps of one actor that runs of whole programs go through, and those that nothing reaches.
#[test]
fn every_step_of_the_rules_is_taken_by_some_program_kept() {
    let mut matrix = Matrix::default();
    for program in corpus("program").iter().filter_map(|(_, bytes)| program::decode(bytes)) {
        let (facts, _) = program::agree(&program);
        matrix.add(&program, &facts);
    }
    let missing: BTreeSet<_> = matrix::visible().difference(&matrix.seen).cloned().collect();
    assert!(missing.is_empty(), "no program kept takes these steps (load, event): {missing:?}");
}

/// Of the recordings kept some are replayed and some are not: the checksums around them are right, and what they say matters.
#[test]
fn what_is_inside_the_recordings_kept_is_read_and_replayed() {
    let recording = recording::recorded();
    assert!(recording::run(&recording::opened(&recording)), "a recording taken apart and put together is one");
    let kept = corpus("trace").into_iter().filter(|(name, _)| name.contains("recording"));
    let replayed: BTreeSet<bool> = kept.map(|(_, bytes)| recording::run(&bytes)).collect();
    let anew = "after a change of the format, keep what `recording::opened` makes of `recording::recorded` now";
    assert_eq!(replayed.len(), 2, "some are replayed, some refused, and not only {replayed:?}; {anew}");
}
