//! The kill matrix: which tool finds which of the faults that can be planted in the library.
//!
//! `src/faults.rs` has the faults, `model_tests/kills.txt` says who finds each. This plants them one at a time and runs
//! the tests named there, each of which has to fail; those of loom and shuttle are run by `model_tests/tests/broken.rs`,
//! those of the proofs by `proofs/tie.sh`, those of the sanitizers by the steps that [`STEPS`] has of them, in the steps of
//! these names. Then it makes the matrix in `docs/KILLS.md`.
//!
//! An empty field claims nothing: only named tests are run.

use crate::run;
use crate::steps::{STEPS, Work};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The tools, as the columns of the matrix.
const TOOLS: &[&str] = &["unit", "property", "checker", "loom", "shuttle", "fuzz", "proof", "sanitizer"];
/// Those that have steps of their own: their lines are held there.
const ELSEWHERE: &[&str] = &["loom", "shuttle", "proof", "sanitizer"];

const FAULTS: &str = "src/faults.rs";
const FINDS: &str = "model_tests/kills.txt";
const PAGE: &str = "docs/KILLS.md";
const BEGIN: &str = "<!-- Made by `BACKWATER_KILLS=overwrite cargo verify kills`. -->\n";
const END: &str = "<!-- The end of what is made. -->\n";

/// A fault that can be planted, and what it breaks.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    name: String,
    breaks: String,
}

/// A test that finds a fault.
#[derive(Debug, PartialEq, Eq)]
struct Find {
    fault: String,
    tool: String,
    /// The file of `tests/`, or `lib` for tests inside the modules.
    file: String,
    test: String,
}

/// Everything: plants, runs, and compares the page with what came out.
pub(crate) fn check(top: &Path) -> Result<(), String> {
    let read = |path: &str| fs::read_to_string(top.join(path)).map_err(|why| format!("{path}: {why}"));
    let (faults, finds) = (faults(&read(FAULTS)?), finds(&read(FINDS)?)?);
    complete(&faults, &finds)?;
    planted_under_sanitizers(&finds)?;
    run_all(top, &finds)?;
    let page = read(PAGE)?;
    let new = put_into(&page, &matrix(&faults, &finds))?;
    if std::env::var_os("BACKWATER_KILLS").is_some_and(|wish| wish == "overwrite") {
        return fs::write(top.join(PAGE), new).map_err(|why| format!("{PAGE}: {why}"));
    }
    match new == page {
        true => Ok(()),
        false => Err(format!("{PAGE} is not what came out: run BACKWATER_KILLS=overwrite cargo verify kills")),
    }
}

/// The lines `Name: "what it breaks",` of the list.
fn faults(source: &str) -> Vec<Fault> {
    let list = source.split_once("\nfaults! {\n").and_then(|(_, rest)| rest.split_once("\n}\n"));
    let lines = list.map_or("", |(list, _)| list).lines();
    let one = |line: &str| {
        let (name, rest) = line.trim().split_once(": \"")?;
        Some(Fault { name: name.to_owned(), breaks: rest.strip_suffix("\",")?.to_owned() })
    };
    lines.filter_map(one).collect()
}

/// Lines of four words; `#` begins a remark.
fn finds(text: &str) -> Result<Vec<Find>, String> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let one = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [fault, tool, file, test] if TOOLS.contains(&tool) => {
            let [fault, tool, file, test] = [fault, tool, file, test].map(str::to_owned);
            Ok(Find { fault, tool, file, test })
        }
        _ => Err(format!("{FINDS}: `{line}` is not a fault, a tool of {TOOLS:?}, a file and a test")),
    };
    lines.map(one).collect()
}

/// Is each fault found by somebody, and is everything that is found a fault?
fn complete(faults: &[Fault], finds: &[Find]) -> Result<(), String> {
    let stray: Vec<&str> =
        finds.iter().map(|find| &*find.fault).filter(|name| faults.iter().all(|f| f.name != *name)).collect();
    let free: Vec<&str> =
        faults.iter().map(|f| &*f.name).filter(|name| finds.iter().all(|find| find.fault != *name)).collect();
    match (faults.is_empty(), stray.is_empty(), free.is_empty()) {
        (true, ..) => Err(format!("{FAULTS} has no list of faults")),
        (_, false, _) => Err(format!("{FINDS} names what is no fault: {stray:?}")),
        (_, _, false) => Err(format!("nobody finds {free:?}: write the test, and its line into {FINDS}")),
        _ => Ok(()),
    }
}

/// Do the steps of the sanitizers plant what stands in the list, and nothing else? There the file is the step.
fn planted_under_sanitizers(finds: &[Find]) -> Result<(), String> {
    let listed = finds.iter().filter(|find| find.tool == "sanitizer").map(|find| (&*find.file, &*find.fault));
    let planted = STEPS.iter().flat_map(|step| match &step.work {
        Work::Sanitizer(sanitizer) => sanitizer.finds.iter().map(|fault| (step.name, *fault)).collect(),
        _ => Vec::new(),
    });
    let (listed, planted): (BTreeSet<_>, BTreeSet<_>) = (listed.collect(), planted.collect());
    match listed == planted {
        true => Ok(()),
        false => Err(format!("{FINDS} says that sanitizers find {listed:?}, and the steps plant {planted:?}")),
    }
}

/// Plants each fault for each test that is to find it here; says which did not.
fn run_all(top: &Path, finds: &[Find]) -> Result<(), String> {
    let mine: Vec<&Find> = finds.iter().filter(|find| !ELSEWHERE.contains(&&*find.tool)).collect();
    let programs = build(top, &mine)?;
    let mut missed = Vec::new();
    for find in mine {
        let program = programs.get(&find.file).ok_or_else(|| format!("there are no tests called `{}`", find.file))?;
        if !finds_it(top, program, find)? {
            missed.push(format!("{} is not found by {}: {}", find.fault, find.file, find.test));
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(missed.join("\n")) }
}

/// The programs with the tests, by the name of their file.
fn build(top: &Path, finds: &[&Find]) -> Result<BTreeMap<String, PathBuf>, String> {
    let mut cargo = Command::new(run::cargo());
    cargo.args(["test", "--package", "backwater", "--all-features", "--no-run", "--message-format=json", "--lib"]);
    let mut files: Vec<&str> = finds.iter().map(|find| &*find.file).filter(|file| *file != "lib").collect();
    files.sort_unstable();
    files.dedup();
    cargo.args(files.into_iter().flat_map(|file| ["--test", file])).current_dir(top);
    let (status, said) = run::output(&mut cargo).map_err(|why| format!("cargo did not run: {why}"))?;
    match status.success() {
        true => Ok(said.lines().filter_map(program).collect()),
        false => Err(format!("the tests do not compile: {}", run::line(&cargo))),
    }
}

/// `…"executable":"/…/deps/historic-0123abcd"…` is the program of `historic`; that of the library is `lib`.
fn program(message: &str) -> Option<(String, PathBuf)> {
    let path = message.split_once("\"executable\":\"")?.1.split_once('"')?.0.replace("\\\\", "\\");
    let path = PathBuf::from(path);
    let name = path.file_stem()?.to_str()?.rsplit_once('-')?.0.to_owned();
    Some((if name == "backwater" { "lib".into() } else { name }, path))
}

/// Does the test fail with the fault planted?
fn finds_it(top: &Path, program: &Path, find: &Find) -> Result<bool, String> {
    let mut test = Command::new(program);
    test.args(["--exact", &find.test]).current_dir(top).env("BACKWATER_FAULT", &find.fault);
    test.env("PROPTEST_MAX_SHRINK_ITERS", "0"); // that it fails is enough; a smaller program could take for ever to find
    let (status, said) = run::output(&mut test).map_err(|why| format!("{}: {why}", program.display()))?;
    if !said.contains("running 1 test") {
        return Err(format!("{FINDS}: `{}` has no test `{}`", find.file, find.test));
    }
    Ok(!status.success())
}

/// The part of the page that is made.
fn matrix(faults: &[Fault], finds: &[Find]) -> String {
    let mut text = format!("| fault | breaks | {} |\n|---|---|{}\n", TOOLS.join(" | "), "---|".repeat(TOOLS.len()));
    for fault in faults {
        let has = |tool: &&str| finds.iter().any(|find| find.fault == fault.name && find.tool == **tool);
        let marks: Vec<&str> = TOOLS.iter().map(|tool| if has(tool) { "x" } else { "" }).collect();
        let _ = writeln!(text, "| `{}` | {} | {} |", fault.name, fault.breaks, marks.join(" | "));
    }
    text += "\n## By which test\n\n";
    for find in finds {
        let _ = writeln!(text, "- `{}`, {}: `{}`, `{}`", find.fault, find.tool, find.file, find.test);
    }
    text
}

/// The page with that part replaced.
fn put_into(page: &str, made: &str) -> Result<String, String> {
    let parts = page.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) = parts.ok_or_else(|| format!("{PAGE} has lost the two lines around what is made"))?;
    Ok(format!("{head}{BEGIN}\n{made}\n{END}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "x\nfaults! {\n    One: \"R1: one\",\n    Two: \"R2: two\",\n}\nrest";

    fn find(text: &str) -> Vec<Find> {
        finds(text).unwrap()
    }

    #[test]
    fn a_fault_that_nobody_finds_fails_and_so_does_a_find_of_none() {
        let faults = faults(SOURCE);
        assert_eq!(faults.len(), 2);
        assert!(complete(&faults, &find("One unit lib a\n# Two\n")).unwrap_err().contains("nobody finds [\"Two\"]"));
        assert!(complete(&faults, &find("One unit lib a\nTwo loom b c\nSix unit lib a")).unwrap_err().contains("Six"));
        assert!(complete(&faults, &find("One unit lib a\nTwo loom b c\n")).is_ok());
        assert!(finds("One nose lib a").unwrap_err().contains("One nose lib a"));
    }

    #[test]
    fn what_sanitizers_are_to_find_is_what_their_steps_plant() {
        let named = "RareEndsWithActor sanitizer memory a\nTableLeaks sanitizer memory a\n";
        let all = format!("{named}PushIsRelaxed sanitizer threads a\nOne loom b c");
        assert_eq!(planted_under_sanitizers(&find(&all)), Ok(()));
        assert!(planted_under_sanitizers(&find(named)).unwrap_err().contains("PushIsRelaxed"));
    }

    #[test]
    fn only_what_is_made_is_replaced() {
        let page = format!("head\n{BEGIN}old\n{END}tail\n");
        let new = put_into(&page, &matrix(&faults(SOURCE), &find("One unit lib a\nTwo loom b c"))).unwrap();
        assert!(new.starts_with("head\n") && new.ends_with("tail\n") && !new.contains("old"), "{new}");
        assert!(new.contains("| `Two` | R2: two |  |  |  | x |  |  |  |  |\n"), "{new}");
        assert!(put_into("head", "made").is_err());
    }

    #[test]
    fn a_program_is_known_by_its_name() {
        let message = r#"{"reason":"compiler-artifact","executable":"/t/debug/deps/historic-00ff","fresh":true}"#;
        assert_eq!(program(message), Some(("historic".into(), PathBuf::from("/t/debug/deps/historic-00ff"))));
        assert_eq!(program(r#"{"reason":"x","executable":null}"#), None);
    }
}
