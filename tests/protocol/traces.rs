//! Where traces go, for the checker.

use std::path::PathBuf;

/// A directory for traces, where they are asked for.
pub(super) fn wanted() -> Option<PathBuf> {
    std::env::var_os("BACKWATER_TRACES").map(PathBuf::from)
}

pub(super) fn write(dir: &Option<PathBuf>, name: &str, expected: &str, steps: &[String]) {
    let Some(dir) = dir else { return };
    let text = format!("# {expected}\n{}\n", steps.join("\n"));
    std::fs::write(dir.join(name), text).expect("the directory in BACKWATER_TRACES can be written to");
}
