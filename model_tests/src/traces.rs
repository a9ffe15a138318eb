//! With `BACKWATER_TRACES=DIR`: the runs of the whole pool as steps of the proved model, one file a program, for the
//! checker that is extracted from the proofs. Whether the model allows them is asked by `proofs/tie.sh`.

use backwater::Builder;
use backwater::report::Protocol;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;

/// Schedules that are drawn in each way where they are traced.
pub(crate) const RUNS: usize = 60;

thread_local! {
    /// Of the run that this thread is in; all threads of a model are one.
    static CURRENT: RefCell<Option<Protocol>> = const { RefCell::new(None) };
}

/// The traces of one program.
pub(crate) struct Traces {
    file: PathBuf,
    /// A run that is shut down was not quiescent; such programs say so in their names.
    quiescent: bool,
    seen: Mutex<BTreeSet<Vec<String>>>,
}

/// Traces of the program of this name, if they are asked for.
pub(crate) fn wanted(name: &str) -> Option<Traces> {
    let dir = PathBuf::from(std::env::var_os("BACKWATER_TRACES")?);
    let file = dir.join(format!("shuttle-{name}"));
    std::fs::write(&file, "# accepted\n").expect("the directory in BACKWATER_TRACES can be written to");
    Some(Traces { file, quiescent: !name.contains("shutdown"), seen: Mutex::default() })
}

/// The runtime of a program, observed if its traces are asked for.
pub(crate) fn observed(builder: Builder) -> Builder {
    if std::env::var_os("BACKWATER_TRACES").is_none() {
        return builder;
    }
    let protocol = Protocol::new();
    CURRENT.set(Some(protocol.clone()));
    builder.observer(protocol)
}

impl Traces {
    /// One run, and its trace, also of one that fails.
    pub(crate) fn run(&self, body: impl FnOnce()) {
        let _written = OnDrop(self);
        body();
    }

    fn write(&self, claim: bool) {
        use std::io::Write;
        let Some(steps) = CURRENT.take().map(|protocol| protocol.steps(claim)) else { return };
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
        self.0.write(self.0.quiescent && !std::thread::panicking());
    }
}
