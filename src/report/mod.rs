//! Puts runs on paper: text traces, sequence charts, JSON Lines, `tracing` events, and wait-for graphs of deadlocks.
//!
//! Five observers, each given to [`Builder::observer`](crate::Builder::observer): [`Trace`] keeps the run as lines of
//! text, [`Chart`] draws it, [`Protocol`] writes it as steps of the proved model, [`JsonLines`] (feature `serde`) for
//! programs, [`TracingObserver`] (feature
//! `tracing`) passes it on. [`wait_for_dot`] and [`wait_for_mermaid`] draw a [`Deadlock`](crate::Deadlock).
//!
//! Not here: what happened, which is in [`Event`](crate::Event), and what a deadlock is, which the scheduler knows.
#![forbid(unsafe_code)]

mod chart;
mod facts;
#[cfg(feature = "serde")]
mod json;
mod protocol;
mod trace;
#[cfg(feature = "tracing")]
mod tracing;
mod wait_for;

pub use self::chart::Chart;
#[cfg(feature = "serde")]
pub use self::json::{JsonFailure, JsonLines};
pub use self::protocol::{Claim, Protocol};
pub use self::trace::Trace;
#[cfg(feature = "tracing")]
pub use self::tracing::TracingObserver;
pub use self::wait_for::{stall_dot, stall_mermaid, wait_for_dot, wait_for_mermaid};
