//! The backing with pauses: std's, and now and then a thread stands still before an operation of this layer. What is slow
//! on a machine whose threads seldom meet comes often: real threads, real memory, whole programs, no tool.
//!
//! Where the pauses fall is drawn, by each thread for itself, from nothing but how many operations it has done; when the
//! threads meet is the machine's. So nothing here is replayed.

pub use std::hint;
pub use std::sync::atomic::Ordering;
pub use std::sync::{Arc, PoisonError, Weak};

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic as plain;
use std::sync::{LockResult, WaitTimeoutResult};
use std::time::Duration;

/// What this backing is called.
pub const BACKING: &str = "pauses";

/// One operation in so many waits a moment; one in so many moments lets other threads go first.
const ONE_IN: u64 = 8;
const MOMENTS: u64 = 4;
/// Turns of a wait, at most.
const TURNS: u64 = 400;

thread_local! {
    /// Where this thread's draws are.
    static DRAWS: Cell<u64> = const { Cell::new(0) };
}

fn pause() {
    // Threads end in the middle of their operations, when this is gone.
    let drawn = DRAWS.try_with(|draws| {
        let before = if draws.get() == 0 { seed() } else { draws.get() };
        let mut x = before;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        draws.set(x);
        x
    });
    let Ok(drawn) = drawn else { return };
    if !drawn.is_multiple_of(ONE_IN) {
        return;
    }
    match drawn / ONE_IN {
        moment if moment.is_multiple_of(MOMENTS) => std::thread::yield_now(),
        moment => (0..moment / MOMENTS % TURNS).for_each(|_| hint::spin_loop()),
    }
}

/// A number of the thread's own, never 0.
fn seed() -> u64 {
    static THREADS: plain::AtomicU64 = plain::AtomicU64::new(0);
    THREADS.fetch_add(1, Ordering::Relaxed).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1
}

macro_rules! atomic {
    ($name:ident($of:ty) $(<$param:ident>)?: $($more:item)*) => {
        /// std's, with a pause before each operation.
        #[derive(Debug, Default)]
        pub struct $name $(<$param>)? (plain::$name $(<$param>)?);

        impl $(<$param>)? $name $(<$param>)? {
            /// As std's.
            pub const fn new(value: $of) -> Self {
                $name(plain::$name::new(value))
            }

            /// As std's.
            pub fn load(&self, order: Ordering) -> $of {
                pause();
                self.0.load(order)
            }

            /// As std's.
            pub fn store(&self, value: $of, order: Ordering) {
                pause();
                self.0.store(value, order);
            }

            /// As std's.
            pub fn swap(&self, value: $of, order: Ordering) -> $of {
                pause();
                self.0.swap(value, order)
            }

            /// As std's.
            ///
            /// # Errors
            /// As std's.
            pub fn compare_exchange(&self, from: $of, to: $of, yes: Ordering, no: Ordering) -> Result<$of, $of> {
                pause();
                self.0.compare_exchange(from, to, yes, no)
            }

            /// As std's.
            ///
            /// # Errors
            /// As std's.
            pub fn compare_exchange_weak(&self, from: $of, to: $of, yes: Ordering, no: Ordering) -> Result<$of, $of> {
                pause();
                self.0.compare_exchange_weak(from, to, yes, no)
            }

            $($more)*
        }
    };
}

macro_rules! number {
    ($name:ident($of:ty)) => {
        atomic!(
            $name($of):
            /// As std's.
            pub fn fetch_add(&self, n: $of, order: Ordering) -> $of {
                pause();
                self.0.fetch_add(n, order)
            }

            /// As std's.
            pub fn fetch_sub(&self, n: $of, order: Ordering) -> $of {
                pause();
                self.0.fetch_sub(n, order)
            }

            /// As std's.
            pub fn fetch_max(&self, n: $of, order: Ordering) -> $of {
                pause();
                self.0.fetch_max(n, order)
            }
        );
    };
}

atomic!(AtomicBool(bool):);
atomic!(AtomicPtr(*mut T)<T>:);
number!(AtomicU32(u32));
number!(AtomicU64(u64));
number!(AtomicUsize(usize));

/// std's, with a pause before it is taken. Beside it an atomic says what the lock orders: std's own code is not seen by the
/// thread sanitizer, which would take everything behind a lock that somebody had to wait for to be a race.
#[derive(Debug, Default)]
pub struct Mutex<T: ?Sized> {
    order: plain::AtomicU32,
    lock: std::sync::Mutex<T>,
}

/// std's guard of a [`Mutex`].
#[derive(Debug)]
pub struct MutexGuard<'a, T: ?Sized> {
    order: &'a plain::AtomicU32,
    /// Away while it waits for a call, and when it is dropped.
    guard: Option<Plain<'a, T>>,
}

type Plain<'a, T> = std::sync::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    /// As std's.
    pub const fn new(value: T) -> Self {
        Mutex { order: plain::AtomicU32::new(0), lock: std::sync::Mutex::new(value) }
    }
}

impl<T: ?Sized> Mutex<T> {
    /// As std's.
    ///
    /// # Errors
    /// As std's.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        pause();
        MutexGuard::taken(&self.order, self.lock.lock())
    }

    /// As std's.
    ///
    /// # Errors
    /// As std's.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.lock.get_mut()
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    fn taken(order: &'a plain::AtomicU32, guard: LockResult<Plain<'a, T>>) -> LockResult<Self> {
        order.load(Ordering::Acquire); // pairs with the store in `give_back`
        match guard {
            Ok(guard) => Ok(MutexGuard { order, guard: Some(guard) }),
            Err(poisoned) => Err(PoisonError::new(MutexGuard { order, guard: Some(poisoned.into_inner()) })),
        }
    }

    fn give_back(&mut self) -> Option<Plain<'a, T>> {
        self.order.store(0, Ordering::Release); // pairs with the load in `taken`
        self.guard.take()
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        drop(self.give_back());
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_deref().expect("a guard has its lock until it is dropped")
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_deref_mut().expect("a guard has its lock until it is dropped")
    }
}

/// std's, for this [`Mutex`].
#[derive(Debug, Default)]
pub struct Condvar(std::sync::Condvar);

impl Condvar {
    /// With nobody waiting.
    pub const fn new() -> Self {
        Condvar(std::sync::Condvar::new())
    }

    /// As std's.
    ///
    /// # Errors
    /// As std's.
    pub fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let order = guard.order;
        let inner = guard.give_back().expect("a guard has its lock until it is dropped");
        MutexGuard::taken(order, self.0.wait(inner))
    }

    /// As std's.
    ///
    /// # Errors
    /// As std's.
    pub fn wait_timeout<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let order = guard.order;
        let inner = guard.give_back().expect("a guard has its lock until it is dropped");
        let (inner, result) = self.0.wait_timeout(inner, timeout).unwrap_or_else(PoisonError::into_inner);
        MutexGuard::taken(order, Ok(inner))
            .map(|guard| (guard, result))
            .map_err(|_| unreachable!("it was given as good"))
    }

    /// As std's.
    ///
    /// # Errors
    /// As std's.
    pub fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As std's, but that a wait that was over before its time begins anew.
    ///
    /// # Errors
    /// As std's.
    pub fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        while condition(&mut guard) {
            let (again, result) = self.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner);
            guard = again;
            if result.timed_out() {
                break;
            }
        }
        Ok((guard, ()))
    }

    /// As std's.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// As std's.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

pub use super::plain::{UnsafeCell, thread};

pub(super) use super::plain::explore;
