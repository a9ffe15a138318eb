//! Who is next: scheduling policies. Each is one flat file; users can write their own.

mod fifo;
mod given;
mod newest;
mod round_robin;
mod shuffled;

pub use fifo::Fifo;
pub use given::Given;
pub use newest::Newest;
pub use round_robin::RoundRobin;
pub use shuffled::Shuffled;

use std::fmt::Debug;

/// A runnable actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ready {
    /// Its number in the order of creation.
    pub created: u64,
    /// Its seat in the runtime's table.
    pub seat: u32,
}

/// Decides which runnable actor runs next. The scheduler never pushes an actor that is already in (T6).
///
/// ```
/// use backwater::policy::{Policy, Ready};
///
/// /// Takes the oldest actor that is runnable.
/// #[derive(Debug, Default)]
/// struct Oldest(std::collections::BTreeSet<Ready>);
///
/// impl Policy for Oldest {
///     fn name(&self) -> &str { "oldest" }
///     fn push(&mut self, actor: Ready) { self.0.insert(actor); }
///     fn next(&mut self) -> Option<Ready> { self.0.pop_first() }
/// }
/// backwater::Runtime::builder().policy(Oldest::default()).run(|_env| {}).unwrap();
/// ```
pub trait Policy: Debug + Send {
    /// Its name, as it stands in a replay token.
    fn name(&self) -> &str;
    /// An actor has become runnable.
    fn push(&mut self, actor: Ready);
    /// Takes out the actor that is to run; none only if every actor pushed was taken.
    fn next(&mut self) -> Option<Ready>;
    /// An answer to [`Context::choose`](crate::Context::choose), one of `0..n`; none leaves it to the seed.
    fn choose(&mut self, n: u64) -> Option<u64> {
        let _ = n;
        None
    }
}
