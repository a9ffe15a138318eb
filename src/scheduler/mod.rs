//! Turns the actions of [`rules`](crate::rules) into effects: the only place that runs, mutes or wakes an actor.
//!
//! `Single` is the deterministic scheduler: one thread, every effect carried out at once. It knows bodies, not
//! actors' types, and messages, not their meaning. It reads no clock: whoever drives it sets its time.

mod bell;
mod commute;
mod contacts;
mod copy;
mod core;
mod deadlock;
mod enabled;
mod engine;
mod event_loop;
mod fingerprint;
mod life;
mod notes;
pub mod policy;
pub(crate) mod pool;
mod pressure;
mod prints;
mod random;
mod record;
mod ring;
mod running;
mod script;
mod seat;
mod single;
mod stamps;
mod standing;
mod stats;
mod steps;
mod timers;
mod touch;
mod trace;

pub use deadlock::{Cause, Deadlock, MutedActor, Needs, Root, Stall, Why};
pub use fingerprint::Fingerprint;
pub use random::Random;
pub use record::{BadRecording, Recording};
pub use standing::WhyNotRunning;
pub use stats::{ActorStats, Stats, Totals};
pub use timers::TimerId;

pub(crate) use self::core::Core;
pub(crate) use bell::Bell;
pub(crate) use commute::{Classes, Commute};
pub(crate) use engine::{Alone, Engine};
#[cfg(feature = "net")]
pub(crate) use event_loop::EventLoop;
#[cfg(feature = "net")]
pub use event_loop::World;
pub(crate) use pressure::GuardDrops;
pub(crate) use prints::Held;
pub(crate) use record::{Again, Recorder};
pub(crate) use script::Promise;
pub use seat::Name;
pub(crate) use seat::{Plan, Seat};
pub(crate) use single::{Base, Bodies, Body, Config, Delivery, Failure, Outside, Single};
#[cfg(feature = "net")]
pub(crate) use touch::Doings;
pub(crate) use touch::{Access, Object, Proc, Traces};
pub(crate) use trace::{DeadLetterHook, Watch};
