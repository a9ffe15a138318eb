//! The backing that ships: std's.

pub use std::hint;
pub use std::sync::atomic::Ordering;
pub use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};
pub use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

/// What this backing is called.
pub const BACKING: &str = "plain";

/// std's cell behind loom's surface: what it holds is reached inside a closure, so that loom sees how long.
#[repr(transparent)]
#[derive(Debug, Default)]
pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// A cell.
    #[inline(always)]
    pub const fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    /// For reading. Whoever reads through the pointer promises that nobody writes meanwhile.
    #[inline(always)]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// For writing. Whoever writes through the pointer promises that nobody else reads or writes meanwhile.
    #[inline(always)]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Threads, by name: a thread without a name cannot be found in a debugger.
pub mod thread {
    use std::thread::Builder;
    pub use std::thread::{JoinHandle, ThreadId as Id, yield_now};

    /// Which thread this is.
    pub fn id() -> Id {
        std::thread::current().id()
    }

    /// Starts a thread.
    ///
    /// # Errors
    /// If the machine has no more.
    pub fn spawn<T: Send + 'static>(
        name: &str,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> std::io::Result<JoinHandle<T>> {
        Builder::new().name(name.to_owned()).spawn(f)
    }
}

pub(super) fn explore(bounds: super::Bounds, body: impl Fn() + Send + Sync + 'static) {
    (0..bounds.runs).for_each(|_| body());
}
