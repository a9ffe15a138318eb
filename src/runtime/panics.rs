//! Where the last panic of this thread happened. Rust tells it only to the process's panic hook, so there is one,
//! installed at the first run; it notes the place and calls the hook that was there before.

use crate::scheduler::pool::Worker;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

static HOOK: Once = Once::new();

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn install_hook() {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // A thread that is being torn down has nobody to tell.
            let now = info.location().map(ToString::to_string);
            let first = PLACE.try_with(|place| place.replace(now.clone())).ok().flatten();
            if let Some(first) = first.filter(|_| QUIET.try_with(Cell::get).unwrap_or(false)) {
                // If the first one is still unwinding, Rust ends the process after this, and nobody can tell more.
                let now = now.unwrap_or_default();
                eprintln!(
                    "backwater: a panic at {now}, after one at {first} that nobody has dealt with yet. If the process \
                     ends now, a value's Drop panicked while a panic unwound, which nothing can catch."
                );
            }
            if !QUIET.try_with(Cell::get).unwrap_or(false) {
                before(info);
            }
        }));
    });
}

/// Panics of this thread in `call` are not printed: whoever calls this catches them and tells of them himself.
pub(crate) fn quietly<T>(call: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            QUIET.set(self.0);
        }
    }
    let _restore = Restore(QUIET.replace(true));
    call()
}

/// The loop of a worker's thread: a panic of user code ends its actor, or the run, and no thread.
pub(super) fn work(worker: &mut Worker) {
    let mut caught = catch_unwind(AssertUnwindSafe(|| worker.work()));
    while let Err(payload) = caught {
        let text = payload_text(&*payload);
        caught = catch_unwind(AssertUnwindSafe(|| {
            worker.panicked(text, true);
            drop(payload);
            worker.work();
        }));
    }
}

/// Where this thread panicked last, once.
pub(crate) fn place() -> Option<String> {
    PLACE.take()
}

/// The text of a panic's payload.
pub(crate) fn payload_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a payload that is no text".to_owned())
}
