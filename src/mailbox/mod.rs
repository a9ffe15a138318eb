//! The queues. [`Post`] is the post office of a single-threaded runtime: every actor's mailbox, and the nodes that all
//! of them share, so that a send in the steady state allocates nothing. For many threads, `Inbox` is one actor's mailbox
//! that anybody sends to, and `Nodes` and `Depot` are nodes that travel between threads.
//!
//! It stores and hands back; it wakes nobody and decides nothing. That is the scheduler's part.
#![expect(unsafe_code, reason = "messages of any type are stored by value in nodes that all mailboxes share")]

#[cfg_attr(not(feature = "__internals"), allow(dead_code, unreachable_pub, reason = "for the workers of a pool"))]
mod depot;
#[cfg_attr(not(feature = "__internals"), allow(dead_code, unreachable_pub, reason = "for the workers of a pool"))]
mod inbox;
#[cfg_attr(not(feature = "__internals"), allow(unreachable_pub, reason = "tests of the concurrent parts see it"))]
mod node;
#[cfg_attr(not(feature = "__internals"), allow(unreachable_pub, reason = "tests of the concurrent parts see it"))]
mod pool;
mod post;
mod tray;

pub(crate) use post::{Draft, Letter};
pub use post::{Post, Wrong};
pub(crate) use tray::{Parcel, Tray};

#[cfg(feature = "__internals")]
#[doc(hidden)]
pub use self::{depot::*, inbox::*, node::*, pool::*};
#[cfg(not(feature = "__internals"))]
#[allow(unused_imports, reason = "for the workers of a pool")]
pub(crate) use self::{
    depot::{Depot, Nodes},
    inbox::{Chain, Inbox},
    node::{Link, next},
};
