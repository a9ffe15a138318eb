//! The queues. [`Post`] is the post office of a single-threaded runtime: every actor's mailbox, and the nodes that all
//! of them share, so that a send in the steady state allocates nothing.
//!
//! It stores and hands back; it wakes nobody and decides nothing. That is the scheduler's part.
#![expect(unsafe_code, reason = "messages of any type are stored by value in nodes that all mailboxes share")]

mod node;
mod post;

pub(crate) use post::{Draft, Letter};
pub use post::{Post, Wrong};
