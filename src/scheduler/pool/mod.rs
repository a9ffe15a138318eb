//! The pool: the scheduler on many threads, by the same rules (`Builder::threads`).
//!
//! [`word`] holds an actor's load where all workers see it, [`deque`] is a worker's run queue, [`hall`] is where workers
//! meet and sleep. They know seats, not actors.
#![cfg_attr(
    not(feature = "__internals"),
    allow(dead_code, unreachable_pub, reason = "tests of the concurrent parts see all of this")
)]

pub mod deque;
pub mod hall;
pub mod word;
