//! With `BACKWATER_TRACES=DIR`: the runs of the whole pool as steps of the proved model, one file a program, for the
//! checker that is extracted from the proofs. Whether the model allows them is asked by `proofs/tie.sh`. With a fault
//! planted, the file is named after that, and says by which rule it has to be refused.

use backwater::report::{Claim, Protocol};
use backwater::{Builder, RunError, Summary};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;

/// Schedules that are drawn in each way where they are traced, and where a fault is to show.
const RUNS: usize = 60;
const FAULTY_RUNS: usize = 1_000;

/// Faults that show: fault, rule, test file, test.
const REFUSED: &str = include_str!("../refused.txt");

thread_local! {
    /// Of the run that this thread is in; all threads of a model are one.
    static CURRENT: RefCell<Option<Protocol>> = const { RefCell::new(None) };
    /// What that run claims of its end.
    static CLAIM: Cell<Claim> = const { Cell::new(Claim::Nothing) };
}

/// The traces of one program.
pub(crate) struct Traces {
    file: PathBuf,
    /// How many schedules to draw in each way.
    pub(crate) runs: usize,
    seen: Mutex<BTreeSet<Vec<String>>>,
}

/// The fault that is planted, and the rule that its traces break.
fn planted() -> Option<(String, &'static str)> {
    let fault = std::env::var("BACKWATER_FAULT").ok()?;
    let rule = REFUSED.lines().find_map(|line| line.strip_prefix(&*fault)?.strip_prefix(' ')?.split(' ').next());
    Some((fault, rule.expect("traces are asked for of the faults in refused.txt")))
}

/// Traces of the program of this name, if they are asked for.
pub(crate) fn wanted(name: &str) -> Option<Traces> {
    let dir = PathBuf::from(std::env::var_os("BACKWATER_TRACES")?);
    let (name, expected, runs) = match planted() {
        None => (format!("shuttle-{name}"), "accepted".to_owned(), RUNS),
        Some((fault, rule)) => (format!("fault-{fault}"), format!("REJECTED anywhere ({rule})"), FAULTY_RUNS),
    };
    let file = dir.join(name);
    std::fs::write(&file, format!("# {expected}\n")).expect("the directory in BACKWATER_TRACES can be written to");
    Some(Traces { file, runs, seen: Mutex::default() })
}

/// The runtime of a program, observed if its traces are asked for. Where a fault is planted the checker alone is to judge.
pub(crate) fn observed(builder: Builder) -> Builder {
    if std::env::var_os("BACKWATER_TRACES").is_none() {
        return builder;
    }
    let protocol = Protocol::new();
    CURRENT.set(Some(protocol.clone()));
    CLAIM.set(Claim::Nothing);
    builder.observer(protocol).check_invariants(planted().is_none())
}

/// The run ended like this, by itself: what that claims.
pub(crate) fn ended(result: &Result<Summary, RunError>) {
    CLAIM.set(Claim::of(result));
}

impl Traces {
    /// One run, and its trace, also of one that fails.
    pub(crate) fn run(&self, body: impl FnOnce()) {
        let _written = OnDrop(self);
        body();
    }

    fn write(&self) {
        use std::io::Write;
        let Some(steps) = CURRENT.take().map(|protocol| protocol.steps(CLAIM.get())) else { return };
        let mut seen = self.seen.lock().expect("nobody panics with it");
        if !seen.contains(&steps) {
            let mut file = std::fs::OpenOptions::new().append(true).open(&self.file).expect("it was made");
            write!(file, "reset\n{}\n", steps.join("\n")).expect("it can be written to");
            seen.insert(steps);
        }
    }
}

struct OnDrop<'a>(&'a Traces);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.write();
    }
}
