//! Runs programs: builds a runtime, gives `main` its [`Env`], drives the scheduler until nothing can happen any more,
//! and says how it ended.
//!
//! Not here: who runs next and who is muted ([`scheduler`](crate::scheduler)), what time it is
//! ([`time`](crate::time)).
#![forbid(unsafe_code)]

#[cfg(feature = "affinity")]
mod affinity;
mod builder;
mod drive;
mod env;
mod error;
mod handle;
mod panics;
mod replay;
#[cfg(all(feature = "signals", unix))]
mod signals;
mod stdio;

pub use builder::{Builder, OnPanic, Runtime, StallWatch, run};
pub use env::Env;
pub use error::{RunError, Summary};
pub use handle::{Handle, Remote};
pub use replay::{BadToken, Token};
#[cfg(all(feature = "signals", unix))]
pub use signals::{SignalKind, Signals};
pub use stdio::{Input, InputEvent, Output};

pub(crate) use env::{Lobby, Streams};
pub(crate) use panics::{install_hook, payload_text, place as panic_place, quietly};
