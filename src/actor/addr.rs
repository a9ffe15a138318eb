//! Addresses: where a message can be sent.

use super::{Actor, Context};
use crate::auth::ControlAuth;
use crate::event::{ActorId, Lane, Place};
use crate::scheduler::{Core, Name};
use crate::sync::{Arc, SHIPS};
use std::cmp::Ordering;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::panic::Location;

/// The address of an actor that can be sent an `M`. Cheap to clone: three words.
///
/// It outlives its actor: what is sent to an actor that has ended is a dead letter (R1). It belongs to the runtime
/// that made it; used in another it finds a dead end, or an actor of the same number there if that takes the same
/// messages, and otherwise panics.
///
/// Addresses are ordered, compared and hashed by their actor's id, never by a memory address (R12).
pub struct Addr<M> {
    id: ActorId,
    route: Route<M>,
}

enum Route<M> {
    /// The actor's messages are of type `M`; this is its name.
    Direct(Name),
    /// The actor's messages are of another type, made from an `M`.
    Narrowed(Arc<Box<dyn Deliver<M>>>),
}

/// Turns an `M` into the actor's own message and passes it on.
trait Deliver<M>: Send + Sync {
    fn send(&self, core: &mut Core<'_>, lane: Lane, msg: M, place: Place);
    fn deliver(&self, core: &mut Core<'_>, msg: M);
    fn name(&self) -> &str;
}

impl<M, Sub> Deliver<Sub> for Addr<M>
where
    M: From<Sub> + Debug + Send + 'static,
{
    fn send(&self, core: &mut Core<'_>, lane: Lane, msg: Sub, place: Place) {
        self.send_from(core, lane, M::from(msg), place);
    }

    fn deliver(&self, core: &mut Core<'_>, msg: Sub) {
        self.deliver(core, M::from(msg));
    }

    fn name(&self) -> &str {
        Addr::name(self)
    }
}

impl<M> Addr<M> {
    #[inline(always)]
    pub(crate) fn new(id: ActorId, name: Name) -> Self {
        Addr { id, route: Route::Direct(name) }
    }

    /// Which actor it leads to.
    pub fn id(&self) -> ActorId {
        self.id
    }

    /// The name of its actor: given at [`spawn`](Context::spawn_with), or the name of its type.
    pub fn name(&self) -> &str {
        match &self.route {
            Route::Direct(name) => name.as_str(),
            Route::Narrowed(inner) => inner.name(),
        }
    }
}

impl<M: Debug + Send + 'static> Addr<M> {
    /// Sends a message. It always arrives, in the order sent, and never blocks (R1); if the receiver is pressing, the
    /// sender may be muted when its behaviour ends (R2, R3).
    ///
    /// `cx` is the context of the actor that sends, or `main`'s [`Env`](crate::Env).
    #[inline(always)]
    #[track_caller]
    pub fn tell<A: Actor>(&self, msg: M, cx: &mut Context<'_, A>) {
        self.send_from(cx.core(), Lane::Ordinary, msg, Location::caller());
    }

    /// Sends a message that never mutes its sender (R7): for `stop`, `dispose`, and whatever ends a pressure.
    ///
    /// It takes its place in the mailbox like any other message; it does not overtake.
    #[track_caller]
    pub fn tell_control<A: Actor>(&self, msg: M, _auth: &ControlAuth, cx: &mut Context<'_, A>) {
        self.send_from(cx.core(), Lane::Control, msg, Location::caller());
    }

    /// An address of the same actor for only those of its messages that can be made from a `Sub`.
    ///
    /// ```
    /// # use backwater::{Actor, Addr, Context};
    /// #[derive(Debug)]
    /// struct Tick;
    /// #[derive(Debug)]
    /// enum Clock { Tick(Tick), Stop }
    /// impl From<Tick> for Clock {
    ///     fn from(tick: Tick) -> Self { Clock::Tick(tick) }
    /// }
    /// # struct C;
    /// # impl Actor for C { type Msg = Clock; fn receive(&mut self, _: Clock, _: &mut Context<'_, Self>) {} }
    /// # backwater::run(|env| {
    /// # let clock = env.spawn(C);
    /// let ticks: Addr<Tick> = clock.narrow();
    /// ticks.tell(Tick, env);
    /// # clock.tell(Clock::Stop, env);
    /// # }).unwrap();
    /// ```
    pub fn narrow<Sub: Debug + Send + 'static>(&self) -> Addr<Sub>
    where
        M: From<Sub>,
    {
        Addr { id: self.id, route: Route::Narrowed(Arc::new(Box::new(self.clone()))) }
    }

    #[inline(always)]
    pub(super) fn send_from(&self, core: &mut Core<'_>, lane: Lane, msg: M, place: Place) {
        match &self.route {
            Route::Direct(_) => core.send(self.id, lane, msg, place),
            Route::Narrowed(inner) => inner.send(core, lane, msg, place),
        }
    }

    /// From the runtime itself: marks nobody (R7).
    pub(crate) fn deliver(&self, core: &mut Core<'_>, msg: M) {
        match &self.route {
            Route::Direct(_) => core.deliver(self.id, msg),
            Route::Narrowed(inner) => inner.deliver(core, msg),
        }
    }
}

impl<M> Clone for Addr<M> {
    #[inline]
    fn clone(&self) -> Self {
        let route = match &self.route {
            Route::Direct(name) => Route::Direct(name.clone()),
            Route::Narrowed(inner) => Route::Narrowed(inner.clone()),
        };
        Addr { id: self.id, route }
    }
}

/// Its name and id: `Counter#3`.
impl<M> Debug for Addr<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name(), self.id)
    }
}

impl<M> PartialEq for Addr<M> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<M> Eq for Addr<M> {}

impl<M> PartialOrd for Addr<M> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<M> Ord for Addr<M> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id.cmp(&other.id)
    }
}

impl<M> Hash for Addr<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

const _: () = assert!(!SHIPS || size_of::<Addr<u64>>() <= 24, "an address is three words");
