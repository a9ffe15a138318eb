//! Takes out what does not compile: a change that has the wrong type, or whose question cannot be asked where it stands.

use crate::change::Change;
use crate::plant::{Edit, Planted, edits, plant};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Plants all that can be planted into the tree, whose sources are as they were; gives back which those are.
pub(crate) fn plant_all(tree: &Path, changes: &[Change]) -> BTreeSet<usize> {
    let mut files: BTreeMap<&str, (String, Vec<Edit>)> = BTreeMap::new();
    for file in changes.iter().map(|change| &*change.file).collect::<BTreeSet<_>>() {
        let source = fs::read_to_string(tree.join(file)).expect("the file is in the tree");
        let edits = edits(&source, changes.iter().enumerate().filter(|(_, change)| change.file == file));
        files.insert(file, (source, edits));
    }
    asked(tree, changes.len());
    loop {
        let mut planted = BTreeMap::new();
        for (file, (source, edits)) in &files {
            let new = plant(source, edits);
            fs::write(tree.join(file), &new.text).expect("the tree can be written");
            planted.insert(*file, (new, &**edits));
        }
        let guilty = guilty(tree, &planted);
        let left = files.values().flat_map(|(_, edits)| edits).map(|edit| edit.change);
        if guilty.is_empty() {
            return left.collect();
        }
        println!("{} of {} do not compile", guilty.len(), left.count());
        files.values_mut().for_each(|(_, edits)| edits.retain(|edit| !guilty.contains(&edit.change)));
    }
}

/// The module that answers.
fn asked(tree: &Path, count: usize) {
    let module = include_str!("mutant.rs").replace("COUNT]", &format!("{count}]"));
    fs::write(tree.join("src/mutant.rs"), module).expect("the tree can be written");
    let lib = fs::read_to_string(tree.join("src/lib.rs")).expect("there is a library");
    let module = "\n#[doc(hidden)]\n#[allow(missing_docs)]\npub mod mutant;\n";
    fs::write(tree.join("src/lib.rs"), lib + module).expect("the tree can be written");
}

/// Those of whose text the compiler complains; none if it does not.
fn guilty(tree: &Path, planted: &BTreeMap<&str, (Planted, &[Edit])>) -> BTreeSet<usize> {
    let mut cargo = Command::new("cargo");
    cargo.args(["check", "--package", "backwater", "--all-features", "--message-format=json", "--quiet"]);
    let output = cargo.current_dir(tree).env("RUSTFLAGS", "--cap-lints=allow").stderr(Stdio::null()).output();
    let output = output.expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let messages = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let errors: Vec<Value> = messages.map(|said| said["message"].clone()).filter(|m| m["level"] == "error").collect();
    let guilty: BTreeSet<usize> = errors.iter().flat_map(|error| blame(error, planted)).collect();
    assert!(output.status.success() || !guilty.is_empty(), "nothing planted explains this: {errors:#?}");
    guilty
}

/// The changes in whose text an error stands; else those around it, the nearest; else what its remarks point at; else all
/// from it to where the compiler would have something added, as an arm of a match.
fn blame(error: &Value, planted: &BTreeMap<&str, (Planted, &[Edit])>) -> BTreeSet<usize> {
    let spans = error["spans"].as_array().map_or(&[][..], |spans| spans);
    let (primary, others): (Vec<&Value>, Vec<&Value>) = spans.iter().partition(|span| span["is_primary"] == true);
    for spans in [primary, others] {
        let found: BTreeSet<usize> = spans.into_iter().flat_map(|span| at(span, planted)).collect();
        if !found.is_empty() {
            return found;
        }
    }
    let helps =
        error["children"].as_array().into_iter().flatten().filter_map(|child| child["spans"].as_array()).flatten();
    let mut to_help = spans.first().cloned().unwrap_or_default();
    helps.last().into_iter().for_each(|help| to_help["byte_end"] = help["byte_end"].clone());
    at(&to_help, planted)
}

fn at(span: &Value, planted: &BTreeMap<&str, (Planted, &[Edit])>) -> BTreeSet<usize> {
    let file = span["file_name"].as_str().unwrap_or_default();
    let Some((planted, edits)) = planted.get(file) else { return BTreeSet::new() };
    let number = |key: &str| span[key].as_u64().unwrap_or_default() as usize;
    let (from, to) = (number("byte_start"), number("byte_end"));
    let touched = planted.inserted.iter().filter(|(text, _)| text.start < to && from < text.end);
    let touched: BTreeSet<usize> = touched.map(|(_, change)| *change).collect();
    if !touched.is_empty() {
        return touched;
    }
    let around = edits.iter().filter(|edit| {
        let mut texts = planted.inserted.iter().filter(|(_, change)| *change == edit.change).map(|(text, _)| text);
        let (first, last) = (texts.next(), texts.next_back());
        first.zip(last).is_some_and(|(first, last)| first.end <= from && to <= last.start)
    });
    around.min_by_key(|edit| edit.range.len()).map(|edit| edit.change).into_iter().collect()
}
