//! The concurrency layer: every other module that touches threads says `use crate::sync::…`.
//!
//! One surface. [`plain`] is std's, at no cost: it is what ships. Under `--cfg backwater_sync="loom"` and
//! `"shuttle"` the same sources stand on those two tools, which run a test under every interleaving, or under many:
//! loom knows the memory model and finds an order that is too weak, but only in small tests; shuttle treats every
//! atomic as sequentially consistent and runs whole programs. Beside them `"pauses"`: std's again, on real threads, where
//! each operation may take a moment.
//!
//! [`model()`] runs a test body under whichever it is, and [`Leaks`] counts what the body made and did not drop.
//! Outside `model` the objects of loom and shuttle panic: under those two only model tests can run.
//!
//! Not here: queues and parking; they are built on this.
#![cfg_attr(
    not(feature = "__internals"),
    allow(dead_code, unused_imports, unreachable_pub, reason = "tests of the concurrent parts see all of this")
)]

mod leaks;

#[cfg(not(any(backwater_sync = "loom", backwater_sync = "shuttle")))]
#[cfg_attr(
    backwater_sync = "pauses",
    allow(dead_code, unused_imports, unreachable_pub, reason = "it lends what has no pauses")
)]
mod plain;
#[cfg(not(any(backwater_sync = "loom", backwater_sync = "shuttle", backwater_sync = "pauses")))]
use plain as backing;

#[cfg(backwater_sync = "pauses")]
mod with_pauses;
#[cfg(backwater_sync = "pauses")]
use with_pauses as backing;

#[cfg(backwater_sync = "loom")]
mod with_loom;
#[cfg(backwater_sync = "loom")]
use with_loom as backing;

#[cfg(backwater_sync = "shuttle")]
mod with_shuttle;
#[cfg(backwater_sync = "shuttle")]
use with_shuttle as backing;

pub use backing::{
    Arc, AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, BACKING, Condvar, Mutex, MutexGuard, Ordering,
    PoisonError, UnsafeCell, Weak, hint, thread,
};
pub use leaks::{Leaks, Track};

/// std's `Arc` under every backing, for what never ends on another thread than its own: it holds what is not `Sized`,
/// which loom's stand-in cannot, and the tools do not see its count.
pub type PlainArc<T> = std::sync::Arc<T>;

/// Is this the backing that ships? Sizes are promised of that one alone: the tools' objects are larger.
pub const SHIPS: bool = matches!(BACKING.as_bytes(), b"plain");

/// Locks, and goes on with the data of a holder that panicked: all data behind our locks is valid at every step.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How far [`model()`] goes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// loom: at most so many preemptions in one run; without a number, all interleavings.
    pub preemptions: Option<usize>,
    /// Plain: runs. shuttle: runs under each of its schedulers.
    pub runs: usize,
    /// shuttle: all interleavings, one after the other, if there are fewer than so many; otherwise so many, and then those
    /// that are drawn. For small tests.
    pub depth_first: Option<usize>,
    /// shuttle: where its drawing begins.
    pub seed: u64,
}

/// Runs `body` once for each interleaving that the backing tries, and says how many that were. What the body tracks
/// with [`Leaks`] must be dropped when it ends.
///
/// # Panics
/// With what `body` panics, in the first run that does; and if something leaked.
pub fn model(bounds: Bounds, body: impl Fn(&Leaks) + Send + Sync + 'static) -> usize {
    use std::sync::atomic::AtomicUsize as Plain;
    let runs = std::sync::Arc::new(Plain::new(0));
    let counted = runs.clone();
    backing::explore(bounds, move || {
        // Relaxed, and not of the backing: it counts runs, which come one after the other, and orders nothing.
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let leaks = Leaks::default();
        body(&leaks);
        leaks.check();
    });
    runs.load(std::sync::atomic::Ordering::Relaxed)
}

#[cfg(all(backwater_sync = "loom", not(feature = "__loom")))]
compile_error!("backwater_sync=\"loom\" needs the feature `__loom`: run `cargo verify loom`, which sets both");
#[cfg(all(backwater_sync = "shuttle", not(feature = "__shuttle")))]
compile_error!("backwater_sync=\"shuttle\" needs the feature `__shuttle`: run `cargo verify shuttle`, which sets both");
