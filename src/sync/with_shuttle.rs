//! The backing under shuttle: whole programs under schedules that are drawn, or all of small ones.
//!
//! Every atomic is sequentially consistent here, whatever order the code asks for, and an `Arc` is std's: shuttle does
//! not switch at its count.

pub use shuttle::hint;
pub use shuttle::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
pub use shuttle::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, ReplayScheduler, Scheduler, UrwRandomScheduler};
use shuttle::{Config, Runner};

/// What this backing is called.
pub const BACKING: &str = "shuttle";

/// std's cell behind loom's surface; shuttle does not watch it.
#[derive(Debug, Default)]
pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// A cell.
    pub const fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    /// For reading. Whoever reads through the pointer promises that nobody writes meanwhile.
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// For writing. Whoever writes through the pointer promises that nobody else reads or writes meanwhile.
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Threads of the model.
pub mod thread {
    use shuttle::thread::Builder;
    pub use shuttle::thread::{JoinHandle, ThreadId as Id, yield_now};

    /// Which thread this is.
    pub fn id() -> Id {
        shuttle::thread::current().id()
    }

    /// Starts a thread.
    ///
    /// # Errors
    /// None; as std's.
    pub fn spawn<T: Send + 'static>(
        name: &str,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> std::io::Result<JoinHandle<T>> {
        Builder::new().name(name.to_owned()).spawn(f)
    }
}

/// The depth of PCT: it finds faults that need up to so many changes of priority.
const DEPTH: usize = 3;

/// A stack for user code: shuttle's default is too small for a runtime.
const STACK: usize = 256 << 10;

/// PCT has missed planted faults that drawing at random finds: it never goes alone.
pub(super) fn explore(bounds: super::Bounds, body: impl Fn() + Send + Sync + 'static) {
    let super::Bounds { runs, seed, .. } = bounds;
    let body = std::sync::Arc::new(body);
    if let Ok(schedule) = std::env::var("BACKWATER_SHUTTLE_REPLAY") {
        run(ReplayScheduler::new_from_encoded(&schedule), &body);
        return;
    }
    if bounds.depth_first.is_some_and(|most| run(DfsScheduler::new(Some(most), false), &body) < most) {
        return;
    }
    run(RandomScheduler::new_from_seed(seed, runs), &body);
    run(UrwRandomScheduler::new_from_seed(seed, runs), &body);
    run(PctScheduler::new_from_seed(seed, DEPTH, runs), &body);
}

/// Gives back how many schedules that were.
fn run(scheduler: impl Scheduler + 'static, body: &std::sync::Arc<impl Fn() + Send + Sync + 'static>) -> usize {
    let mut config = Config::new();
    config.stack_size = STACK;
    let body = body.clone();
    Runner::new(scheduler, config).run(move || body())
}
