//! The backing under loom: every interleaving of a small test, under the memory model of C11.
//!
//! loom knows no `Weak`, so [`Arc`] is ours: std's for the memory, and one of loom's counters that says what std's count
//! says, with std's own orders. loom's waits do not time out.

pub use loom::cell::UnsafeCell;
pub use loom::hint;
pub use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
pub use loom::sync::{Mutex, MutexGuard};
pub use std::sync::PoisonError;

use loom::sync::WaitTimeoutResult;
use loom::sync::atomic::fence;
use std::fmt;
use std::ops::Deref;
use std::sync::LockResult;
use std::time::Duration;

/// What this backing is called.
pub const BACKING: &str = "loom";

/// loom's condition variable with the two waits of std's that it lacks.
#[derive(Debug, Default)]
pub struct Condvar(loom::sync::Condvar);

type Waited<'a, T> = LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>;

impl Condvar {
    /// With nobody waiting.
    pub fn new() -> Self {
        Condvar::default()
    }

    /// Waits for a call.
    ///
    /// # Errors
    /// As std's.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    /// Waits for a call; never times out here.
    ///
    /// # Errors
    /// As std's.
    pub fn wait_timeout<'a, T>(&self, guard: MutexGuard<'a, T>, timeout: Duration) -> Waited<'a, T> {
        self.0.wait_timeout(guard, timeout)
    }

    /// Waits as long as `condition` says.
    ///
    /// # Errors
    /// As std's.
    pub fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut guard) {
            guard = self.0.wait(guard)?;
        }
        Ok(guard)
    }

    /// Waits as long as `condition` says; never times out here.
    ///
    /// # Errors
    /// As std's.
    pub fn wait_timeout_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        _timeout: Duration,
        condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        Ok((self.wait_while(guard, condition).unwrap_or_else(PoisonError::into_inner), ()))
    }

    /// Wakes one.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// Threads of the model: five, main included.
pub mod thread {
    /// Words: a stack for a whole runtime.
    const STACK: usize = 32 << 10;

    use loom::thread::Builder;
    pub use loom::thread::{JoinHandle, ThreadId as Id, yield_now};

    /// Which thread this is.
    pub fn id() -> Id {
        loom::thread::current().id()
    }

    /// Starts a thread.
    ///
    /// # Errors
    /// None; as std's.
    pub fn spawn<T: Send + 'static>(
        name: &str,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> std::io::Result<JoinHandle<T>> {
        Builder::new().name(name.to_owned()).stack_size(STACK).spawn(f)
    }
}

/// std's `Arc`, with its count where loom sees it.
pub struct Arc<T> {
    strong: std::sync::Arc<AtomicUsize>,
    value: std::sync::Arc<T>,
}

/// std's `Weak` of [`Arc`].
pub struct Weak<T> {
    strong: std::sync::Arc<AtomicUsize>,
    value: std::sync::Weak<T>,
}

impl<T> Arc<T> {
    /// The first owner.
    pub fn new(value: T) -> Self {
        Arc { strong: std::sync::Arc::new(AtomicUsize::new(1)), value: std::sync::Arc::new(value) }
    }

    /// Refers without owning.
    pub fn downgrade(this: &Self) -> Weak<T> {
        Weak { strong: this.strong.clone(), value: std::sync::Arc::downgrade(&this.value) }
    }

    /// How many owners there are.
    pub fn strong_count(this: &Self) -> usize {
        this.strong.load(Ordering::Relaxed)
    }

    /// The same allocation?
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&this.value, &other.value)
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        self.strong.fetch_add(1, Ordering::Relaxed);
        Arc { strong: self.strong.clone(), value: self.value.clone() }
    }
}

impl<T> Drop for Arc<T> {
    /// loom switches before an operation and not after it, so std's count follows ours at once.
    fn drop(&mut self) {
        if self.strong.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire); // pairs with the release of the owners who went before
        }
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Default> Default for Arc<T> {
    fn default() -> Self {
        Arc::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T> Weak<T> {
    /// How many owners there are.
    pub fn strong_count(&self) -> usize {
        self.strong.load(Ordering::Relaxed)
    }

    /// An owner more, if there is one.
    pub fn upgrade(&self) -> Option<Arc<T>> {
        let more = |n: usize| if n == 0 { None } else { Some(n + 1) };
        self.strong.fetch_update(Ordering::Acquire, Ordering::Relaxed, more).ok()?;
        let value = self.value.upgrade().expect("std's count is not below ours");
        Some(Arc { strong: self.strong.clone(), value })
    }
}

impl<T> Clone for Weak<T> {
    fn clone(&self) -> Self {
        Weak { strong: self.strong.clone(), value: self.value.clone() }
    }
}

impl<T> fmt::Debug for Weak<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(Weak)")
    }
}

/// Switches of thread in one run, at most: a test that needs more spins.
const BRANCHES: usize = 20_000;

pub(super) fn explore(bounds: super::Bounds, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = bounds.preemptions;
    builder.max_branches = BRANCHES;
    builder.check(body);
}
