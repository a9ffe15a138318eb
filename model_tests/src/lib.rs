//! Model tests: the concurrent parts of Backwater under every interleaving (loom), under many (shuttle), or just run.
//!
//! One claim a test. A test's first comment says the rule or theorem, the bound, and what it costs. [`check`] runs its
//! body; which tool stands behind it is decided by how this crate was compiled: see `docs/TESTING.md`.
#![forbid(unsafe_code)]

pub use backwater::internals::sync::{BACKING, Bounds, Leaks, model};

/// Runs a test body within bounds, and prints what was tried.
pub fn check(name: &str, bounds: Bounds, body: impl Fn(&Leaks) + Send + Sync + 'static) {
    let runs = model(bounds, body);
    println!("{name}: {runs} runs under {BACKING}, {bounds:?}");
    assert!(runs > 0, "{name}: nothing was run");
}
