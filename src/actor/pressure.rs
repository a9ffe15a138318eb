//! Backpressure as users say it: apply, release, hold (R5).

use super::{Actor, Context};
use crate::auth::ApplyReleaseBackpressureAuth;
use crate::event::{ActorId, Place};
use crate::scheduler::GuardDrops;
use crate::sync::Arc;
use std::hash::{Hash, Hasher};
use std::panic::Location;

/// The running actor puts itself under pressure, or ends that. Senders to an actor under pressure are muted when
/// their behaviour ends, until it falls (R2, R3, R6).
///
/// ```
/// use backwater::{Actor, ApplyReleaseBackpressureAuth, Backpressure, Context};
///
/// #[derive(Debug)]
/// enum Sink { Full, Empty }
/// struct Valve(ApplyReleaseBackpressureAuth);
/// impl Actor for Valve {
///     type Msg = Sink;
///     fn receive(&mut self, msg: Sink, cx: &mut Context<'_, Self>) {
///         match msg {
///             Sink::Full => Backpressure::apply(&self.0, cx),
///             Sink::Empty => Backpressure::release(&self.0, cx),
///         }
///     }
/// }
/// # backwater::run(|env| {
/// #     let auth = ApplyReleaseBackpressureAuth::from(&env.root);
/// #     let valve = env.spawn(Valve(auth));
/// #     valve.tell(Sink::Full, env);
/// #     valve.tell(Sink::Empty, env);
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub enum Backpressure {}

impl Backpressure {
    /// Puts the running actor under pressure. Idempotent: applying twice is applying once, and is reported as
    /// [`Event::Redundant`](crate::Event::Redundant).
    #[track_caller]
    pub fn apply<A: Actor>(_auth: &ApplyReleaseBackpressureAuth, cx: &mut Context<'_, A>) {
        cx.core().apply(Location::caller());
    }

    /// Ends what [`apply`](Self::apply) began. With nothing applied it changes nothing and is reported as
    /// [`Event::Redundant`](crate::Event::Redundant). Guards are counted apart: they go on holding.
    #[track_caller]
    pub fn release<A: Actor>(_auth: &ApplyReleaseBackpressureAuth, cx: &mut Context<'_, A>) {
        cx.core().release(Location::caller());
    }

    /// Puts the running actor under pressure for as long as the guard lives: an early return or a panic cannot forget
    /// to release. Keep it in the actor to hold on after the behaviour.
    #[must_use = "the pressure ends when the guard is dropped"]
    #[track_caller]
    pub fn hold<A: Actor>(_auth: &ApplyReleaseBackpressureAuth, cx: &mut Context<'_, A>) -> PressureGuard {
        hold_at(Location::caller(), cx)
    }
}

/// For the runtime's own actors, which need no token.
pub(crate) fn hold_at<A: Actor>(place: Place, cx: &mut Context<'_, A>) -> PressureGuard {
    let actor = cx.id();
    let (number, drops) = cx.core().hold(place);
    PressureGuard { actor, number, drops }
}

/// Keeps the actor that took it under pressure while it lives; see [`Backpressure::hold`].
///
/// It may be dropped anywhere, on any thread; the pressure ends at the end of the behaviour that dropped it, or at the
/// next look of the runtime, or with its actor. One that is leaked holds for ever, and a deadlock report names it.
#[derive(Debug)]
pub struct PressureGuard {
    actor: ActorId,
    number: u64,
    drops: Arc<GuardDrops>,
}

/// By its actor and its number, which under the checker is the smallest that no other guard of the actor has.
impl Hash for PressureGuard {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.actor, self.number).hash(state);
    }
}

impl Drop for PressureGuard {
    fn drop(&mut self) {
        self.drops.dropped(self.actor, self.number);
    }
}
