//! One value that one thread leaves and another waits for.

use backwater::internals::sync::{Arc, Condvar, Mutex, lock};

/// Hands something from one thread to another.
#[derive(Debug)]
pub struct Handed<T>(Arc<(Mutex<Option<T>>, Condvar)>);

impl<T> Clone for Handed<T> {
    fn clone(&self) -> Self {
        Handed(self.0.clone())
    }
}

impl<T> Handed<T> {
    /// Nothing yet.
    #[expect(clippy::new_without_default, reason = "a default says nothing here")]
    pub fn new() -> Self {
        Handed(Arc::new((Mutex::new(None), Condvar::new())))
    }

    /// Leaves it.
    pub fn put(&self, value: T) {
        *lock(&self.0.0) = Some(value);
        self.0.1.notify_all();
    }

    /// Waits for it.
    pub fn take(&self) -> T {
        let mut value = lock(&self.0.0);
        loop {
            match value.take() {
                Some(value) => return value,
                None => value = self.0.1.wait(value).unwrap(),
            }
        }
    }
}
