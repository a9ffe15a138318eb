//! The concurrency layer: every other module that touches threads says `use crate::sync::…`.
//!
//! Not here: queues and parking; they are built on this. One backing today, std.

#[cfg(not(any(backwater_sync = "loom", backwater_sync = "shuttle")))]
mod backing {
    pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
    pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

    /// Threads, by name: a thread without a name cannot be found in a debugger.
    pub(crate) mod thread {
        use std::thread::Builder;
        pub(crate) use std::thread::{JoinHandle, ThreadId as Id};

        /// Which thread this is.
        pub(crate) fn id() -> Id {
            std::thread::current().id()
        }

        /// Starts a thread; an error if the machine has no more.
        pub(crate) fn spawn<T: Send + 'static>(
            name: &str,
            f: impl FnOnce() -> T + Send + 'static,
        ) -> std::io::Result<JoinHandle<T>> {
            Builder::new().name(name.to_owned()).spawn(f)
        }
    }
}

pub(crate) use backing::*;

/// Locks, and goes on with the data of a holder that panicked: all data behind our locks is valid at every step.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
