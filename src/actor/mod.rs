//! What users write against: actors, their context, addresses, backpressure, and the ways in from outside and out.
//!
//! Not here: who runs when, which is the [`scheduler`](crate::scheduler)'s, and how a run is started, which is
//! [`runtime`](crate::runtime)'s.
#![forbid(unsafe_code)]

mod addr;
#[cfg(feature = "async")]
mod asynchronous;
mod body;
mod context;
mod inlet;
mod model;
mod outlet;
mod pressure;

pub use addr::Addr;
pub use context::{Context, SpawnOptions};
pub use inlet::{Inlet, Refusal, Refused};
pub use model::Model;
pub(crate) use outlet::{Capacity, Feed};
pub use outlet::{Messages, NoMessage, Outlet};
#[cfg(all(feature = "process", unix))]
pub(crate) use pressure::hold_at;
pub use pressure::{Backpressure, PressureGuard};

use std::fmt::Debug;

/// State plus a mailbox: handles one message at a time.
///
/// The variants of `Msg` are its behaviours.
///
/// ```
/// use backwater::{Actor, Context};
///
/// #[derive(Debug)]
/// enum Count { Add(u64), Stop }
///
/// struct Counter { total: u64 }
///
/// impl Actor for Counter {
///     type Msg = Count;
///     fn receive(&mut self, msg: Count, cx: &mut Context<'_, Self>) {
///         match msg {
///             Count::Add(n) => self.total += n,
///             Count::Stop => cx.stop(),
///         }
///     }
/// }
/// # backwater::run(|env| {
/// #     let counter = env.spawn(Counter { total: 0 });
/// #     counter.tell(Count::Add(2), env);
/// #     counter.tell(Count::Stop, env);
/// # }).unwrap();
/// ```
pub trait Actor: Send + 'static {
    /// What it can be sent.
    type Msg: Debug + Send + 'static;

    /// A behaviour: runs to its end, never waits. Effects go through `cx`.
    ///
    /// # Panics
    /// A panic is caught. It ends the run, or only this actor: [`Builder::on_panic`](crate::Builder::on_panic). Either
    /// way the actor's pressure ends with it (R8).
    fn receive(&mut self, msg: Self::Msg, cx: &mut Context<'_, Self>);

    /// What the [checker](crate::check()) may know of this type. Default: nothing. A plain run never asks.
    fn model() -> Model<Self>
    where
        Self: Sized,
    {
        Model::opaque()
    }
}
