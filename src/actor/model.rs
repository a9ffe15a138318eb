//! What the checker may know of the actors of one type: how to tell two states apart, and which messages commute.
//!
//! Not here: what is made of it, which is the [checker](crate::check())'s. A plain run never asks.

use super::Actor;
use crate::scheduler::{Classes, Commute, Fingerprint};
use crate::sync::PlainArc;
use std::any::TypeId;
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
    commute: Option<Commute<A::Msg>>,
    copy: Option<Copies<A>>,
}

/// How an actor and its messages are copied.
struct Copies<A: Actor> {
    actor: fn(&A) -> A,
    actor_again: fn(&mut A, &A),
    message: fn(&A::Msg) -> A::Msg,
}

impl<A: Actor> Clone for Copies<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Actor> Copy for Copies<A> {}

impl<A: Actor> Model<A> {
    /// Nothing is known.
    pub const fn opaque() -> Self {
        Model { state: None, message: None, commute: None, copy: None }
    }

    /// States and messages are what `Hash` says that they are. Whatever a behaviour depends on has to be in it: a field
    /// that is left out makes different states look alike, and the checker passes over one of them.
    pub const fn hashed() -> Self
    where
        A: Hash,
        A::Msg: Hash,
    {
        let (state, message) =
            (hash_of::<A> as fn(&A, &mut Fingerprint), hash_of::<A::Msg> as fn(&A::Msg, &mut Fingerprint));
        Model { state: Some(state), message: Some(message), commute: None, copy: None }
    }

    /// Says which messages commute: whichever of the two the actor handles first, it and everybody else come to the same
    /// end. The [exhaustive search](crate::Check::exhaustive) then does not explore both orders of their arrival.
    ///
    /// It is a promise. `a` and `b` commute if neither handling sends anything by which the order could be told, and the
    /// actor is the same after both. A wrong promise makes the search pass over schedules;
    /// [`Check::check_independence`](crate::Check::check_independence) finds it out.
    ///
    /// ```
    /// use backwater::{Actor, Addr, Check, Context, Model};
    ///
    /// #[derive(Hash)]
    /// struct Sum(u64);
    /// impl Actor for Sum {
    ///     type Msg = u64;
    ///     fn receive(&mut self, n: u64, _: &mut Context<'_, Self>) { self.0 += n; }
    ///     fn model() -> Model<Self> { Model::hashed().independent(|_, _| true) }
    /// }
    /// struct Sender(Addr<u64>);
    /// impl Actor for Sender {
    ///     type Msg = u64;
    ///     fn receive(&mut self, n: u64, cx: &mut Context<'_, Self>) { self.0.tell(n, cx); }
    /// }
    ///
    /// // Three numbers can arrive in 3! orders, and none of them matters.
    /// let explored = Check::new().check_independence(true).assert(|env| {
    ///     let sum = env.spawn(Sum(0));
    ///     for n in 0..3 { env.spawn(Sender(sum.clone())).tell(n, env); }
    /// });
    /// assert_eq!(explored.runs, 1);
    /// ```
    pub fn independent(self, independent: fn(&A::Msg, &A::Msg) -> bool) -> Self
    where
        A::Msg: Clone + PartialEq,
    {
        let commute = Commute { same: |a: &A::Msg, b: &A::Msg| a == b, copy: |a: &A::Msg| a.clone(), independent };
        Model { commute: Some(commute), ..self }
    }

    /// Says that copies of an actor, and of its messages, stand for the original. Where all actors of a program say so, a
    /// search goes back to a copy of an earlier state instead of running the program again up to there. What is explored
    /// is the same, sooner.
    ///
    /// It is a promise: what one copy does must not be seen by another, nor by `main`. An actor that shares something
    /// mutable, a counter behind an `Arc` say, must not make it.
    ///
    /// ```
    /// use backwater::{Actor, Context, Model};
    ///
    /// #[derive(Clone, Hash)]
    /// struct Lamp { on: bool }
    ///
    /// impl Actor for Lamp {
    ///     type Msg = bool;
    ///     fn receive(&mut self, on: bool, _: &mut Context<'_, Self>) { self.on = on; }
    ///     fn model() -> Model<Self> { Model::hashed().copied() }
    /// }
    /// ```
    pub const fn copied(self) -> Self
    where
        A: Clone,
        A::Msg: Clone,
    {
        Model { copy: Some(Copies { actor: A::clone, actor_again: A::clone_from, message: A::Msg::clone }), ..self }
    }

    pub(super) fn copy(&self, actor: &A) -> Option<A> {
        self.copy.map(|copy| (copy.actor)(actor))
    }

    /// False if it is not said how.
    pub(super) fn become_copy(&self, actor: &mut A, other: &A) -> bool {
        self.copy.map(|copy| (copy.actor_again)(actor, other)).is_some()
    }

    pub(super) fn copy_message(&self, message: &A::Msg) -> Option<A::Msg> {
        self.copy.map(|copy| (copy.message)(message))
    }

    pub(super) fn commutes(&self) -> bool {
        self.commute.is_some()
    }

    pub(super) fn conflicts(&self, message: &A::Msg, classes: &Classes) -> Option<PlainArc<[u32]>> {
        self.commute.and_then(|how| classes.conflicts(TypeId::of::<A>(), message, how))
    }

    /// What `actor` is made of; none if that is not known.
    pub(super) fn print(&self, actor: &A, birth: u128) -> Option<u128> {
        self.state.map(|state| {
            let mut print = Fingerprint::new();
            print.bits_of(birth);
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

fn hash_of<T: Hash>(what: &T, print: &mut Fingerprint) {
    what.hash(print);
}

impl<A: Actor> Clone for Model<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Actor> Copy for Model<A> {}

impl<A: Actor> fmt::Debug for Model<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("hashed", &self.state.is_some())
            .field("commutes", &self.commutes())
            .field("copied", &self.copy.is_some())
            .finish_non_exhaustive()
    }
}
