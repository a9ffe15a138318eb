//! The backing with pauses: std's, and now and then a thread stands still before an operation of this layer. What is slow
//! on a machine whose threads seldom meet comes often: real threads, real memory, whole programs, no tool.
//!
//! Where the pauses fall is drawn, by each thread for itself, from nothing but how many operations it has done; when the
//! threads meet is the machine's. So nothing here is replayed.

pub use std::hint;
pub use std::sync::atomic::Ordering;
pub use std::sync::{Arc, Condvar, MutexGuard, PoisonError, Weak};

use std::cell::Cell;
use std::sync::LockResult;
use std::sync::atomic as plain;

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

/// std's, with a pause before it is taken.
#[derive(Debug, Default)]
pub struct Mutex<T: ?Sized>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// As std's.
    pub const fn new(value: T) -> Self {
        Mutex(std::sync::Mutex::new(value))
    }

    /// As std's.
    ///
    /// # Errors
    /// As std's.
    pub fn into_inner(self) -> LockResult<T> {
        self.0.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// As std's.
    ///
    /// # Errors
    /// As std's.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        pause();
        self.0.lock()
    }
}

pub use super::plain::{UnsafeCell, thread};

pub(super) use super::plain::explore;
