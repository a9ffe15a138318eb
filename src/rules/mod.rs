//! The backpressure protocol as plain data: who presses, who is marked, who is muted, who is freed.
//!
//! This module decides; it carries nothing out. [`step`] maps a [`Load`] and an [`Event`] to the next load and an
//! [`Action`] by name; [`marks`] answers the one question a send asks; [`Marks`] is the set "sender s is held back
//! by receiver r"; [`Snapshot`] states the invariants. It knows no queue, thread, clock or user type: the
//! [`scheduler`](crate::scheduler) turns actions into effects, and so do the checker, the fuzzers and the proofs.
//!
//! `docs/RULES.md` is the text of the rules; the numbers R1, T1 … here are its numbers.
#![forbid(unsafe_code)]

mod load;
mod marks;
mod snapshot;

#[doc(hidden)]
pub use load::Rules;
pub use load::{Action, Event, Load, marks, step};
pub use marks::Marks;
pub use snapshot::{Broken, Snapshot, Standing};

/// How an actor finds out that it is overloaded (R4). Both detectors raise and lower the same flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Detector {
    /// A run that handles a full batch begins overload, a run that handles less ends it. Pony's detector, the default.
    Batch,
    /// A mailbox that reaches `high` messages begins overload; a run that ends with at most `low` left ends it.
    Depth {
        /// Messages waiting at which overload begins; at least 1 and above `low`.
        high: u32,
        /// Messages waiting at the end of a run at which overload ends.
        low: u32,
    },
}

impl Detector {
    /// Says what is wrong with the marks of a [`Detector::Depth`], if anything is.
    ///
    /// # Errors
    /// A sentence that names the remedy.
    pub fn validate(self) -> Result<(), &'static str> {
        match self {
            Detector::Depth { high, low } if low >= high => {
                Err("a depth detector needs low < high: between them it neither begins nor ends overload")
            }
            _ => Ok(()),
        }
    }

    /// What the end of a run says about overload: it handled `handled` of at most `batch` messages and left `left`.
    /// Between the marks of [`Detector::Depth`] it says nothing.
    #[inline]
    pub fn run_ended(self, handled: u32, batch: u32, left: u32) -> Option<Event> {
        match self {
            Detector::Batch if handled >= batch => Some(Event::Overload),
            Detector::Batch => Some(Event::CatchUp),
            Detector::Depth { high, .. } if left >= high => Some(Event::Overload),
            Detector::Depth { low, .. } if left <= low => Some(Event::CatchUp),
            Detector::Depth { .. } => None,
        }
    }

    /// The mailbox length from which an arriving message begins overload; `u32::MAX` where arrivals say nothing.
    #[inline]
    pub fn alarm(self) -> u32 {
        match self {
            Detector::Batch => u32::MAX,
            Detector::Depth { high, .. } => high,
        }
    }
}
