//! Model tests: the concurrent parts of Backwater under every interleaving (loom), under many (shuttle), or just run.
//!
//! One claim a test. A test's first comment says the rule or theorem, the bound, and what it costs. [`check`] runs its
//! body; which tool stands behind it is decided by how this crate was compiled: see `docs/TESTING.md`.
//!
//! loom remembers only the last access to an object. A load followed by another thread's load and exchange is therefore
//! not tried the other way round; an exchange followed by a load is. loom runs the spawning thread first, so a thread
//! that only looks is spawned by one that changes.

pub mod actor;
pub mod handed;
pub mod program;
mod traces;

pub use backwater::internals::sync::{BACKING, Bounds, Leaks, model};

/// Every interleaving; under shuttle too, if there are fewer than this, and otherwise a thousand runs more under each of its
/// schedulers.
pub const ALL: Bounds = Bounds { preemptions: None, runs: 1_000, depth_first: Some(20_000), seed: 1 };

/// Those with so many preemptions at most.
pub const fn preemptions(most: usize) -> Bounds {
    Bounds { preemptions: Some(most), ..ALL }
}

/// Runs a test body within bounds, and prints what was tried. `BACKWATER_MODEL_DEEP=n` goes deeper: n more preemptions,
/// n more rounds of draws from other seeds.
pub fn check(name: &str, bounds: Bounds, body: impl Fn(&Leaks) + Send + Sync + 'static) {
    let deep: usize = std::env::var("BACKWATER_MODEL_DEEP").map_or(0, |n| n.parse().expect("it is a number"));
    let bounds = Bounds {
        preemptions: bounds.preemptions.map(|most| most + deep),
        runs: bounds.runs * (1 + deep),
        depth_first: bounds.depth_first.map(|most| most * (1 + deep)),
        seed: bounds.seed + deep as u64,
    };
    let runs = model(bounds, body);
    println!("{name}: {runs} runs under {BACKING}, {}", said(bounds, runs));
    assert!(runs > 0, "{name}: nothing was run");
}

fn said(bounds: Bounds, runs: usize) -> String {
    let drawn = format!("{0} at random, {0} uniform walks, {0} by PCT, seed {1}", bounds.runs, bounds.seed);
    match (BACKING, bounds.preemptions) {
        ("loom", None) => "all interleavings".into(),
        ("loom", Some(most)) => format!("all with at most {most} preemptions"),
        ("shuttle", _) => match bounds.depth_first {
            Some(most) if runs < most => "depth first, all interleavings".into(),
            Some(most) => format!("the first {most} depth first, {drawn}"),
            None => drawn,
        },
        _ => "as the machine pleases".into(),
    }
}
