//! Where the last panic of this thread happened. Rust tells it only to the process's panic hook, so there is one,
//! installed at the first run; it notes the place and calls the hook that was there before.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

static HOOK: Once = Once::new();

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

pub(crate) fn install_hook() {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // A thread that is being torn down has nobody to tell.
            let _ = PLACE.try_with(|place| *place.borrow_mut() = info.location().map(ToString::to_string));
            before(info);
        }));
    });
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
