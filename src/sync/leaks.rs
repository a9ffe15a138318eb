//! The leak tracker: counts what a test body made and did not drop. The same under every backing.
//!
//! Not an object of the backing: its counter is std's, so that tracking adds no interleaving and orders nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

/// What one run of a test body made and did not drop yet. Clone it into threads.
///
/// ```
/// # #[cfg(feature = "__internals")] {
/// let leaks = backwater::internals::sync::Leaks::default();
/// let message = leaks.track("payload");
/// assert_eq!(leaks.alive(), 1);
/// drop(message);
/// leaks.check();
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Leaks(Arc<AtomicIsize>);

/// A value whose drop is counted.
#[derive(Debug)]
pub struct Track<T> {
    /// The value.
    pub value: T,
    leaks: Leaks,
}

impl Leaks {
    /// Counts `value` until it is dropped.
    pub fn track<T>(&self, value: T) -> Track<T> {
        // Relaxed: a count that is read when all threads are joined.
        self.0.fetch_add(1, Ordering::Relaxed);
        Track { value, leaks: self.clone() }
    }

    /// How many tracked values live.
    pub fn alive(&self) -> isize {
        self.0.load(Ordering::Relaxed)
    }

    /// All dropped, none twice?
    ///
    /// # Panics
    /// If not.
    pub fn check(&self) {
        match self.alive() {
            0 => {}
            n if n < 0 => panic!("{} tracked values were dropped twice", -n),
            n => panic!("{n} tracked values leaked"),
        }
    }
}

impl<T> Drop for Track<T> {
    fn drop(&mut self) {
        self.leaks.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Leaks;
    use std::panic::catch_unwind;

    #[test]
    fn a_leak_and_a_double_drop_are_found() {
        let leaks = Leaks::default();
        // Not really leaked: that would be the leak sanitizer's.
        let one = leaks.track(1);
        assert!(catch_unwind(|| leaks.check()).is_err(), "one lives");
        drop(one);
        leaks.check();
        drop(super::Track { value: 1, leaks: leaks.clone() });
        assert!(catch_unwind(|| leaks.check()).is_err(), "one was dropped that was never made");
    }
}
