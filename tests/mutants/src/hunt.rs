//! Which tests reach a change, and whether one of them fails when it is made.

use crate::watch;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// One test of one program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Test {
    program: PathBuf,
    name: String,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    Late,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// A test failed, or did not end.
    Noticed(String),
    NotEnding(String),
    Missed {
        tests: usize,
        of: usize,
    },
}

/// Builds the tests of these targets, with everything planted.
pub(crate) fn build(tree: &Path, targets: &[String]) -> Vec<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--package", "backwater", "--all-features", "--no-run", "--message-format=json", "--quiet"]);
    cargo.args(targets).current_dir(tree).env("RUSTFLAGS", "--cap-lints=allow").stderr(Stdio::inherit());
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "the tests do not compile");
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let programs = messages.filter(|message| message["profile"]["test"] == true);
    programs.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).collect()
}

/// All tests in these programs.
pub(crate) fn tests(tree: &Path, programs: &[PathBuf]) -> Vec<Test> {
    let names = |program: &PathBuf| {
        let output = Command::new(program).args(["--list", "--format=terse"]).current_dir(tree).output();
        let said = String::from_utf8_lossy(&output.expect("a test program runs").stdout).into_owned();
        let names = said.lines().filter_map(|line| line.strip_suffix(": test").map(str::to_owned)).collect::<Vec<_>>();
        names.into_iter().map(|name| Test { program: program.clone(), name }).collect::<Vec<_>>()
    };
    programs.iter().flat_map(names).collect()
}

impl Test {
    /// Runs it until it has worked for so many seconds, in a process that cannot take the whole machine.
    fn run(&self, tree: &Path, seconds: f64, env: (&str, &str)) -> (End, f64) {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -v 6000000; ulimit -f 400000; exec nice \"$@\"", "sh"]).arg(&self.program);
        shell.args(["--exact", &self.name, "--test-threads=1"]).current_dir(tree);
        // As cargo would.
        shell.env("CARGO_MANIFEST_DIR", tree).env(env.0, env.1).env("PROPTEST_MAX_SHRINK_ITERS", "0");
        shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (ended, worked) = watch::wait(&mut shell.spawn().expect("a shell runs"), seconds);
        let end = ended.map_or(End::Late, |status| if status.success() { End::Passed } else { End::Failed });
        (end, worked)
    }

    pub(crate) fn title(&self) -> String {
        let program = self.program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        format!("{} {}", program.rsplit_once('-').map_or(&*program, |(name, _)| name), self.name)
    }
}

/// For each change the tests that reach it, the quickest first, with the seconds that they take.
pub(crate) type Reach = BTreeMap<usize, Vec<(f64, Test)>>;

/// A test that takes longer is left out.
const LONGEST: f64 = 100.0;

/// Runs every test once with nothing changed. What was found is kept in `notes`, and read from there the next time.
pub(crate) fn reach(tree: &Path, notes: &Path, jobs: usize, tests: Vec<Test>) -> Reach {
    fs::create_dir_all(notes).expect("notes can be kept");
    let reach = Mutex::new(Reach::new());
    each(jobs, tests, |test| {
        let note = notes.join(test.title().replace([':', ' ', '/'], "_"));
        let time = note.with_extension("time");
        if !time.exists() {
            let _ = fs::remove_file(&note);
            let file = note.to_str().expect("the path is text").to_owned();
            let (end, took) = test.run(tree, LONGEST, ("MUTANT_REACHED", &file));
            let said = if end == End::Passed { took.to_string() } else { format!("{end:?}") };
            fs::write(&time, said).expect("notes can be kept");
        }
        let Ok(took) = fs::read_to_string(&time).expect("it was written").parse::<f64>() else {
            println!("left out, because with nothing changed it does not pass in {LONGEST} s: {}", test.title());
            return;
        };
        let reached = fs::read_to_string(&note).unwrap_or_default();
        let reached: BTreeSet<usize> = reached.lines().filter_map(|line| line.parse().ok()).collect();
        let mut reach = reach.lock().expect("nobody panics");
        reached.into_iter().for_each(|change| reach.entry(change).or_default().push((took, test.clone())));
    });
    let mut reach = reach.into_inner().expect("nobody panics");
    reach.values_mut().for_each(|tests| tests.sort_by(|one, other| one.0.total_cmp(&other.0)));
    reach
}

/// How many changes each test has noticed: who noticed many is asked early.
pub(crate) type Merits = Mutex<BTreeMap<String, u32>>;

/// Makes one change for one test after another, until one fails, or until those that passed take so many seconds.
pub(crate) fn hunt(tree: &Path, change: usize, tests: &[(f64, Test)], merits: &Merits, seconds: f64) -> Fate {
    let number = change.to_string();
    let mut left = 0.0;
    for (nth, (took, test)) in in_order(tests, merits).into_iter().enumerate() {
        left += took;
        if left > seconds {
            return Fate::Missed { tests: nth, of: tests.len() };
        }
        match test.run(tree, 2.0 + 6.0 * took, ("MUTANT_MADE", &number)).0 {
            End::Passed => {}
            End::Failed => {
                *merits.lock().expect("nobody panics").entry(test.title()).or_default() += 1;
                return Fate::Noticed(test.title());
            }
            End::Late => return Fate::NotEnding(test.title()),
        }
    }
    Fate::Missed { tests: tests.len(), of: tests.len() }
}

/// Those first that take least for what they have noticed.
fn in_order<'a>(tests: &'a [(f64, Test)], merits: &Merits) -> Vec<&'a (f64, Test)> {
    let merits = merits.lock().expect("nobody panics");
    let cost = |(took, test): &(f64, Test)| took / f64::from(1 + merits.get(&test.title()).map_or(0, |merit| *merit));
    let mut tests: Vec<_> = tests.iter().collect();
    tests.sort_by(|one, other| cost(one).total_cmp(&cost(other)));
    tests
}

/// Does something with each, some at once.
pub(crate) fn each<T: Send>(jobs: usize, all: Vec<T>, work: impl Fn(T) + Sync) {
    let left = Mutex::new(all.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            #[expect(clippy::disallowed_methods, reason = "each waits for a process")]
            scope.spawn(|| {
                while let Some(one) = { left.lock().expect("nobody panics in it").next() } {
                    work(one);
                }
            });
        }
    });
}
