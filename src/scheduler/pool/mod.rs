//! The pool: the scheduler on many threads, by the same rules (`Builder::threads`).
//!
//! A [`Worker`] is one thread's part; the driver's is one too. What they share is in `shared`: the table of actors
//! (`slot`), an actor's load where all see it (`word`), each worker's run queue (`deque`), and the place where workers
//! meet and sleep (`hall`). Who helps whom is in `help`. Sends and runs of actors are in `running`; what a worker does for
//! the rules is in `pressure`, for births and ends in `life`, for timers in `timers`; `recording` is what it writes down of a
//! run; `questions` answers those who ask how things stand.
//!
//! Sizes of batches and blocks are smaller under the tools (`SHIPS`): a small program then comes to where they end.
//!
//! Not here: what the rules say ([`rules`](crate::rules)), and who starts the threads' loop and catches the panics of
//! user code in it (`runtime`).
#![cfg_attr(
    not(feature = "__internals"),
    allow(dead_code, unreachable_pub, reason = "tests of the concurrent parts see all of this")
)]

pub mod deque;
mod driver;
pub mod hall;
mod help;
mod life;
mod pressure;
mod questions;
mod recording;
mod running;
mod shared;
mod slot;
mod timers;
pub mod word;
mod worker;

pub(crate) use driver::Pool;
pub(crate) use shared::Clocks;
pub(crate) use worker::Worker;
