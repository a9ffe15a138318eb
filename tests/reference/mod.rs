//! A second implementation of docs/RULES.md, and random programs that both it and the runtime carry out.
//!
//! - `script`: programs as data: what each actor does at each kind of message. `strategy`, for those that
//!   want it: how to make random ones.
//! - `naive`: carries a program out by the letter of the rules, with sets and lists, slowly.
//! - `real`: carries it out with the runtime.
//! - `fact`: what happened, in words that both share.
//!
//! `naive` shares no code with `src/rules` or the scheduler, but for the generator of random numbers.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod fact;
pub(crate) mod naive;
pub(crate) mod real;
pub(crate) mod script;
