//! Actors whose senders slow down.
//!
//! An actor that is overloaded, or that says it is under pressure, has its senders held back by the scheduler until it
//! has caught up: nothing is dropped, no thread blocks, no queue grows without end. This is Pony's runtime
//! backpressure, for Rust, with the hang taken out: a program in which somebody would wait for ever ends with a report
//! that names the line to blame.
//!
//! ```
//! use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, PressureGuard};
//! use std::time::Duration;
//!
//! /// Takes work, and is busy with each piece for 5 ms. Meanwhile whoever sends it more is held back.
//! struct Slow { auth: ApplyReleaseBackpressureAuth, busy: Option<PressureGuard>, done: u32 }
//!
//! #[derive(Debug)]
//! enum Job { Work, Done }
//!
//! impl Actor for Slow {
//!     type Msg = Job;
//!     fn receive(&mut self, msg: Job, cx: &mut Context<'_, Self>) {
//!         match msg {
//!             Job::Work => {
//!                 self.busy = Some(Backpressure::hold(&self.auth, cx));
//!                 cx.after(Duration::from_millis(5), Job::Done);
//!             }
//!             Job::Done => { self.done += 1; self.busy = None; }
//!         }
//!     }
//! }
//!
//! /// Sends as fast as it can.
//! struct Eager { to: Addr<Job>, left: u32 }
//!
//! impl Actor for Eager {
//!     type Msg = ();
//!     fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) {
//!         self.to.tell(Job::Work, cx);
//!         self.left -= 1;
//!         if self.left > 0 { cx.me().tell((), cx); }
//!     }
//! }
//!
//! let summary = backwater::Runtime::builder().virtual_time().run(|env| {
//!     let auth = ApplyReleaseBackpressureAuth::from(&env.root);
//!     let slow = env.spawn(Slow { auth, busy: None, done: 0 });
//!     env.spawn(Eager { to: slow, left: 100 }).tell((), env);
//! }).unwrap();
//! assert!(summary.stats.totals.mutes >= 50 && summary.stats.totals.deepest < 5);
//! ```
//!
//! # Map
//! [`rules`] decides who is held back; [`mailbox`] keeps messages; [`scheduler`] runs actors; [`Actor`], [`Context`]
//! and [`Addr`] are what programs are written against; [`time`] and [`net`] are the world; [`Runtime`] starts it all;
//! [`report`] puts it on paper. `docs/RULES.md` says what it does, `docs/ARCHITECTURE.md` how it is built.
//!
//! # Limits
//! What is bounded is what one behaviour can send (R14): a behaviour that sends a million messages sends a million,
//! and actors that are themselves overloaded or under pressure are not held back. A message takes at least 32 bytes.
//! An actor lives until it stops: there is no garbage collection of actors.
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

mod actor;
mod auth;
mod check;
mod event;
mod faults;
#[cfg(feature = "fuzz")]
pub mod fuzz;
pub mod mailbox;
#[cfg(feature = "net")]
pub mod net;
/// Child processes as actors, with standard input under backpressure: see [`ChildProcess`](process::ChildProcess).
#[cfg(all(feature = "process", unix))]
pub mod process {
    pub use crate::net::child::{Child, ChildError, ChildIo, ChildNotify, ChildProcess, ChildStart};
}
pub mod report;
pub mod rules;
mod runtime;
pub mod scheduler;
mod sync;
pub mod time;

pub use actor::{
    Actor, Addr, Backpressure, Context, Inlet, Messages, Model, NoMessage, Outlet, PressureGuard, Refusal, Refused,
    SpawnOptions,
};
pub use auth::{
    AmbientAuth, ApplyReleaseBackpressureAuth, ControlAuth, ProcessAuth, SignalAuth, TcpAuth, TcpConnectAuth,
    TcpListenAuth, UdpAuth,
};
pub use check::{Bound, Check, Explored, Failure, Fault, Merged, Mode, Verdict, Workers, check, merge};
pub use event::{ActorId, End, Event, Lane, Observer, Place};
pub use rules::Detector;
pub use runtime::{
    BadToken, Builder, Env, Handle, Input, InputEvent, OnPanic, Output, Remote, RunError, Runtime, StallWatch, Summary,
    Token, run,
};
#[cfg(all(feature = "signals", unix))]
pub use runtime::{SignalKind, Signals};
pub use scheduler::{
    ActorStats, BadRecording, Cause, Deadlock, Fingerprint, MutedActor, Name, Needs, Recording, Root, Stall, Stats,
    TimerId, Totals, Why, WhyNotRunning, policy,
};

/// What the tests of the concurrent parts see, in this repository. Not for users: it changes without notice.
#[cfg(feature = "__internals")]
#[doc(hidden)]
pub mod internals {
    #[cfg(feature = "__faults")]
    pub use crate::faults::Fault;

    pub mod mailbox {
        pub use crate::mailbox::{Chain, Depot, Inbox, Link, Nodes, next};
    }
    pub mod sync {
        pub use crate::sync::*;
    }

    pub mod pool {
        pub use crate::scheduler::pool::{deque, hall, word};
    }
}

/// The examples in the pages are tests too.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/how/slow-down-a-fast-sender.md")]
    mod slow_down {}
    #[doc = include_str!("../docs/how/test-with-virtual-time.md")]
    mod virtual_time {}
    #[doc = include_str!("../docs/how/check-every-schedule.md")]
    mod every_schedule {}
    #[doc = include_str!("../docs/how/share-a-search.md")]
    mod share_a_search {}
    #[doc = include_str!("../docs/how/test-against-a-simulated-network.md")]
    #[cfg(feature = "net")]
    mod simulated_network {}
    #[doc = include_str!("../docs/how/find-out-who-is-stuck.md")]
    mod stuck {}
    #[doc = include_str!("../docs/how/bring-messages-in-from-threads.md")]
    mod threads {}
    #[doc = include_str!("../docs/how/run-beside-other-code.md")]
    mod beside {}
    #[doc = include_str!("../docs/how/serve-tcp.md")]
    #[cfg(feature = "net")]
    mod tcp {}
    #[doc = include_str!("../docs/how/use-udp.md")]
    #[cfg(feature = "net")]
    mod udp {}
    #[doc = include_str!("../docs/how/run-a-child-process.md")]
    #[cfg(all(feature = "process", unix))]
    mod child {}
    #[doc = include_str!("../docs/how/handle-signals.md")]
    #[cfg(all(feature = "signals", unix))]
    mod signals {}
    #[doc = include_str!("../docs/how/use-all-cores.md")]
    mod all_cores {}
    #[doc = include_str!("../docs/how/choose-a-policy-and-replay.md")]
    mod replay {}
    #[doc = include_str!("../docs/how/record-and-replay.md")]
    mod record {}
    #[doc = include_str!("../docs/how/fuzz-your-actors.md")]
    #[cfg(feature = "fuzz")]
    mod fuzz {}
}
