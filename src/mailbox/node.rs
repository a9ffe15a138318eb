//! Nodes: one message each, of any type, by value; and the pool they come from.
//!
//! A pooled node is at least 32 bytes: link, kind, message. Four sizes are pooled, larger messages get a node of
//! their own from the allocator. Freed nodes are reused last in, first out, so the next send finds a warm one.
//!
//! Everything here is private to `mailbox`: a node never leaves its [`Post`](super::Post), which owns the pool.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::any::TypeId;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::mem::{self, offset_of};
use std::ptr::{self, NonNull};

/// What the node's owner knows about the message inside: how to tell its type, print it, drop it.
pub(super) struct Kind {
    type_id: fn() -> TypeId,
    /// Drops the message in place. Called once a node, by the pool.
    drop: unsafe fn(Link),
    debug: unsafe fn(Link, &mut fmt::Formatter<'_>) -> fmt::Result,
    layout: Layout,
}

/// What all nodes begin with.
pub(super) struct Head {
    pub(super) next: Option<Link>,
    kind: &'static Kind,
}

/// A node. Valid from `Pool::make` to `Pool::take` or `Pool::discard`, and as long as the pool.
pub(super) type Link = NonNull<Head>;

#[repr(C)]
struct Node<M> {
    head: Head,
    message: M,
}

/// Where the message of a node is.
///
/// # Safety
/// The link leads to memory that is, or is to become, a `Node<M>`.
#[inline(always)]
unsafe fn message_in<M>(link: Link) -> *mut M {
    // SAFETY: by contract inside one allocation; no reference is made.
    unsafe { &raw mut (*link.cast::<Node<M>>().as_ptr()).message }
}

/// Where the link of a node is.
///
/// # Safety
/// The link leads to memory of a node, used or free.
#[inline(always)]
unsafe fn next_in(link: Link) -> *mut Option<Link> {
    // SAFETY: by contract inside one allocation; no reference is made.
    unsafe { &raw mut (*link.as_ptr()).next }
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

const CLASSES: [usize; 4] = [32, 64, 128, 256];
const ALIGN: usize = 16;
/// The first chunk; each next one is twice as large, up to `CHUNK_MAX`.
const CHUNK_MIN: usize = 4 << 10;
const CHUNK_MAX: usize = 256 << 10;

/// Which free list serves nodes of this layout; none if they are too large to be pooled.
const fn class(layout: Layout) -> Option<usize> {
    let mut i = 0;
    while i < CLASSES.len() {
        if layout.size() <= CLASSES[i] && layout.align() <= ALIGN {
            return Some(i);
        }
        i += 1;
    }
    None
}

/// Free nodes by size class, and the chunks they were cut from.
pub(super) struct Pool {
    free: [Option<Link>; CLASSES.len()],
    chunks: Vec<(NonNull<u8>, Layout)>,
}

// SAFETY: the pool owns its chunks and its free nodes, which hold no messages.
unsafe impl Send for Pool {}

impl Pool {
    pub(super) const fn new() -> Self {
        Pool { free: [None; CLASSES.len()], chunks: Vec::new() }
    }

    /// Puts `message` into a node. Inlined, so that the sender writes its message straight into the node: a copy on
    /// the way costs more than everything else here.
    #[inline(always)]
    pub(super) fn make<M: Debug + Send + 'static>(&mut self, message: M) -> Link {
        let link = match class(const { Layout::new::<Node<M>>() }) {
            Some(class) => self.pooled(class),
            None => Self::own(Layout::new::<Node<M>>()),
        };
        let node = Node { head: Head { next: None, kind: KindOf::<M>::REF }, message };
        // SAFETY: `link` is unused memory, large and aligned enough for `Node<M>` by its class or layout.
        unsafe { link.cast::<Node<M>>().write(node) };
        link
    }

    #[inline(always)]
    fn pooled(&mut self, class: usize) -> Link {
        let link = match self.free[class] {
            Some(link) => link,
            None => self.grow(class),
        };
        // SAFETY: a node on a free list has a valid `next`, written when it was put there.
        self.free[class] = unsafe { (*link.as_ptr()).next };
        link
    }

    /// Cuts a new chunk into free nodes, in rising order of address, and returns the first of them.
    #[cold]
    fn grow(&mut self, class: usize) -> Link {
        let size = CLASSES[class];
        let bytes = CHUNK_MAX.min(CHUNK_MIN << self.chunks.len().min(6));
        let layout = Layout::from_size_align(bytes, ALIGN).expect("a chunk's layout is constant and valid");
        // SAFETY: the layout has a size above zero.
        let chunk = NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout));
        self.chunks.push((chunk, layout));
        for i in (0..bytes / size).rev() {
            // SAFETY: node i lies inside the chunk.
            let link = unsafe { chunk.add(i * size) }.cast::<Head>();
            // SAFETY: node i lies inside the chunk, and is as large as its class.
            let next = unsafe { next_in(link) };
            // SAFETY: the memory is ours, unused, and aligned: chunk and node sizes are multiples of `ALIGN`.
            unsafe { next.write(self.free[class]) };
            self.free[class] = Some(link);
        }
        self.free[class].expect("a chunk holds at least one node")
    }

    #[cold]
    fn own(layout: Layout) -> Link {
        // SAFETY: a node is never of size zero, it has a head.
        let memory = NonNull::new(unsafe { alloc(layout) });
        memory.unwrap_or_else(|| handle_alloc_error(layout)).cast()
    }

    /// Takes the message out and frees the node; the node comes back if its message is not an `M`.
    ///
    /// # Safety
    /// `link` came from `make` of this pool and was not given back yet.
    #[inline(always)]
    pub(super) unsafe fn take<M: Debug + Send + 'static>(&mut self, link: Link) -> Result<M, Link> {
        // SAFETY: by contract the node is live.
        if !is::<M>(unsafe { link.as_ref() }.kind) {
            return Err(link);
        }
        // SAFETY: the kind says that the node is a `Node<M>`.
        let message = unsafe { message_in::<M>(link) };
        // SAFETY: the message is there and is read once: the node is freed below.
        let message = unsafe { message.read() };
        // SAFETY: by contract live, and its message has just been moved out.
        unsafe { self.give_back(link, const { Layout::new::<Node<M>>() }) };
        Ok(message)
    }

    /// Shows the message, drops it and frees the node. If the drop panics, the node is freed all the same; if `look`
    /// does, the message is dropped too.
    ///
    /// # Safety
    /// As for `take`.
    pub(super) unsafe fn discard(&mut self, link: Link, look: impl FnOnce(&dyn Debug)) {
        // SAFETY: by contract the node is live.
        let kind = unsafe { link.as_ref() }.kind;
        let free = OnDrop(|| {
            // SAFETY: by contract live; its message is dropped or was abandoned by a panic.
            unsafe { self.give_back(link, kind.layout) }
        });
        let gone = OnDrop(|| {
            // SAFETY: the kind belongs to the message in the node, which is not used again.
            unsafe { (kind.drop)(link) }
        });
        look(&Show(link));
        // The message goes first, then its node; by a panic too.
        mem::drop(gone);
        mem::drop(free);
    }

    /// # Safety
    /// The node is from this pool, of this layout, and holds no message any more.
    #[inline(always)]
    unsafe fn give_back(&mut self, link: Link, layout: Layout) {
        match class(layout) {
            Some(class) => {
                // SAFETY: by contract ours.
                let next = unsafe { next_in(link) };
                // SAFETY: by contract unused.
                unsafe { next.write(self.free[class]) };
                self.free[class] = Some(link);
            }
            // SAFETY: by contract allocated with this layout by `own`.
            None => unsafe { dealloc(link.as_ptr().cast(), layout) },
        }
    }
}

impl Drop for Pool {
    /// The owner gave every node back before: see `Post`.
    fn drop(&mut self) {
        for (chunk, layout) in self.chunks.drain(..) {
            // SAFETY: allocated by `grow` with this layout.
            unsafe { dealloc(chunk.as_ptr(), layout) };
        }
    }
}

/// Is `kind` that of messages of type `M`?
#[inline]
fn is<M: Debug + Send + 'static>(kind: &'static Kind) -> bool {
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

/// The message of a live node, to be printed; does not leave its borrow of the post office.
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

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

const _: () = assert!(offset_of!(Node<u64>, head) == 0, "a link to the head is a link to the node");
const _: () = assert!(size_of::<Node<[u64; 2]>>() == 32, "a message of two words fits the smallest class");
