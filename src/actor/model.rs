//! What the checker may know of the actors of one type: how to tell two states apart, and which messages commute.
//!
//! Not here: what is made of it, which is the [checker](crate::check())'s. A plain run never asks.

use super::Actor;
use crate::scheduler::Fingerprint;
use std::fmt;
use std::hash::Hash;

/// What the [checker](crate::check()) may know of actors of type `A`, for [`Actor::model`].
///
/// An actor that says nothing counts as its history, the messages that it handled: two of its states are the same if
/// it came to both in the same way. One that says [`hashed`](Model::hashed) counts as what it is made of: that merges
/// more states, and a program that never ends may have finitely many.
///
/// ```
/// use backwater::{Actor, Context, Model};
///
/// #[derive(Hash)]
/// struct Lamp { on: bool }
///
/// impl Actor for Lamp {
///     type Msg = bool;
///     fn receive(&mut self, on: bool, _: &mut Context<'_, Self>) { self.on = on; }
///     fn model() -> Model<Self> { Model::hashed() }
/// }
/// ```
pub struct Model<A: Actor> {
    state: Option<fn(&A, &mut Fingerprint)>,
    message: Option<fn(&A::Msg, &mut Fingerprint)>,
}

impl<A: Actor> Model<A> {
    /// Nothing is known.
    pub const fn opaque() -> Self {
        Model { state: None, message: None }
    }

    /// States and messages are what `Hash` says that they are. Whatever a behaviour depends on has to be in it: a field
    /// that is left out makes different states look alike, and the checker passes over one of them.
    pub const fn hashed() -> Self
    where
        A: Hash,
        A::Msg: Hash,
    {
        Model { state: Some(|actor, print| actor.hash(print)), message: Some(|msg, print| msg.hash(print)) }
    }

    /// What `actor` is made of; none if that is not known.
    pub(super) fn print(&self, actor: &A) -> Option<u128> {
        self.state.map(|state| {
            let mut print = Fingerprint::new();
            std::any::type_name::<A>().hash(&mut print);
            state(actor, &mut print);
            print.bits()
        })
    }

    pub(super) fn print_message(&self, message: &A::Msg) -> Option<u128> {
        self.message.map(|hash| {
            let mut print = Fingerprint::new();
            hash(message, &mut print);
            print.bits()
        })
    }
}

impl<A: Actor> Clone for Model<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Actor> Copy for Model<A> {}

impl<A: Actor> fmt::Debug for Model<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("hashed", &self.state.is_some()).finish_non_exhaustive()
    }
}
