//! Nodes: one message each, of any type, by value: link, kind, message.
//!
//! The kind says how to tell the message's type, print it and drop it. Not here: where nodes come from and go, which is
//! [`pool`](super::pool); and queues of them.

use crate::sync::{SHIPS, UnsafeCell};
use std::alloc::Layout;
use std::any::TypeId;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::mem::offset_of;
use std::ptr::{self, NonNull};

/// What the node's owner knows about the message inside: how to tell its type, print it, drop it.
pub(super) struct Kind {
    type_id: fn() -> TypeId,
    /// Drops the message in place. Called once a node, by the pool.
    pub(super) drop: unsafe fn(Link),
    debug: unsafe fn(Link, &mut fmt::Formatter<'_>) -> fmt::Result,
    pub(super) layout: Layout,
}

/// What all nodes begin with.
pub struct Head {
    /// Whoever holds the node may use it: a sender, then the queue's owner. In between it goes through an atomic.
    next: UnsafeCell<Option<Link>>,
    pub(super) kind: &'static Kind,
}

impl Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head").finish_non_exhaustive()
    }
}

/// A node. Valid from `Pool::make` to `Pool::take` or `Pool::discard`, and as long as the memory of its pool.
pub type Link = NonNull<Head>;

#[repr(C)]
pub(super) struct Node<M> {
    head: Head,
    message: M,
}

impl<M: Debug + Send + 'static> Node<M> {
    /// A node that is in no queue.
    #[inline(always)]
    pub(super) fn new(message: M) -> Self {
        Node { head: Head { next: UnsafeCell::new(None), kind: KindOf::<M>::REF }, message }
    }
}

/// Where the message of a node is.
///
/// # Safety
/// The link leads to memory that is, or is to become, a `Node<M>`.
#[inline(always)]
pub(super) unsafe fn message_in<M>(link: Link) -> *mut M {
    // SAFETY: by contract inside one allocation; no reference is made.
    unsafe { &raw mut (*link.cast::<Node<M>>().as_ptr()).message }
}

/// The node behind this one.
///
/// # Safety
/// The node is live, and the caller holds it.
#[inline(always)]
pub unsafe fn next(link: Link) -> Option<Link> {
    // SAFETY: by contract live.
    let head = unsafe { link.as_ref() };
    // SAFETY: by contract nobody writes it meanwhile.
    head.next.with(|next| unsafe { *next })
}

/// Sets the node behind this one.
///
/// # Safety
/// As for [`next`].
#[inline(always)]
pub(super) unsafe fn set_next(link: Link, to: Option<Link>) {
    // SAFETY: by contract live.
    let head = unsafe { link.as_ref() };
    // SAFETY: by contract nobody else reads or writes it meanwhile.
    head.next.with_mut(|next| unsafe { *next = to });
}

struct KindOf<M>(PhantomData<M>);

impl<M: Debug + Send + 'static> KindOf<M> {
    const KIND: Kind = Kind {
        type_id: TypeId::of::<M>,
        drop: drop_message::<M>,
        debug: debug_message::<M>,
        layout: Layout::new::<Node<M>>(),
    };
    /// The kind of messages of type `M`. Not always the same address: compare with [`is`].
    const REF: &'static Kind = &Self::KIND;
}

/// # Safety
/// The node holds a message of type `M`, which nobody uses afterwards.
unsafe fn drop_message<M>(link: Link) {
    // SAFETY: by contract the node is a `Node<M>`.
    let message = unsafe { message_in::<M>(link) };
    // SAFETY: by contract the message is there and is not used again.
    unsafe { message.drop_in_place() }
}

/// # Safety
/// The node holds a message of type `M`.
unsafe fn debug_message<M: Debug>(link: Link, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // SAFETY: by contract the node is a live `Node<M>`, and nobody writes it while the post office is borrowed.
    unsafe { &link.cast::<Node<M>>().as_ref().message }.fmt(f)
}

/// Drops the message of a node that nobody can give back: its memory goes with that of its pool.
///
/// # Safety
/// The node is live, and nobody uses it afterwards.
#[cold]
pub(super) unsafe fn abandon(link: Link) {
    // SAFETY: by contract live.
    let kind = unsafe { link.as_ref() }.kind;
    // SAFETY: the kind belongs to the message in the node, which by contract is not used again.
    unsafe { (kind.drop)(link) }
}

/// Is `kind` that of messages of type `M`?
#[inline]
pub(super) fn is<M: Debug + Send + 'static>(kind: &'static Kind) -> bool {
    ptr::eq(kind, KindOf::<M>::REF) || (kind.type_id)() == TypeId::of::<M>()
}

/// The message of a live node, if it is an `M`.
///
/// # Safety
/// The node is live, and nobody writes it, for as long as the reference is used.
pub(super) unsafe fn look<'a, M: Debug + Send + 'static>(link: Link) -> Option<&'a M> {
    // SAFETY: by contract the node is live.
    let kind = unsafe { link.as_ref() }.kind;
    if !is::<M>(kind) {
        return None;
    }
    // SAFETY: the kind says that the node is a `Node<M>`.
    let message = unsafe { message_in::<M>(link) };
    // SAFETY: by contract the message is there, and nobody writes it.
    Some(unsafe { &*message })
}

/// The message of a live node, to be printed; does not leave the borrow of its queue.
pub(super) struct Show(Link);

impl Show {
    /// # Safety
    /// The node is live for as long as this is used.
    pub(super) unsafe fn new(link: Link) -> Self {
        Show(link)
    }
}

impl Debug for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: by the contract of `new` the node is live.
        let kind = unsafe { self.0.as_ref() }.kind;
        // SAFETY: the kind belongs to the message in the node.
        unsafe { (kind.debug)(self.0, f) }
    }
}

const _: () = assert!(offset_of!(Node<u64>, head) == 0, "a link to the head is a link to the node");
const _: () = assert!(!SHIPS || size_of::<Node<[u64; 2]>>() == 32, "a message of two words fits the smallest class");
