//! Where nodes come from and go: free lists of four sizes, at least 32 bytes each. Larger messages get a node of their
//! own from the allocator. Freed nodes are reused last in, first out, so the next send finds a warm one.
//!
//! A [`Pool`] belongs to one thread. Whether it keeps its memory to itself, as the single-threaded runtime's does, or
//! shares it with others, is the matter of its [`Supply`]: see [`depot`](super::depot) for the one that shares.

use super::node::{Link, Node, Show, is, message_in};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt::Debug;
use std::mem;
use std::ptr::NonNull;

pub(super) const CLASSES: [usize; 4] = [32, 64, 128, 256];
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

/// Where a free node keeps the next one. A free node is bare memory: it has no head.
///
/// # Safety
/// The link leads to the memory of a node, large and aligned enough by its class.
#[inline(always)]
pub(super) unsafe fn free_next(link: Link) -> *mut Option<Link> {
    link.as_ptr().cast()
}

/// Memory that free nodes are cut from. Nodes are valid as long as it lives.
#[derive(Debug, Default)]
pub(super) struct Chunks(Vec<(NonNull<u8>, Layout)>);

// SAFETY: it owns its memory and reads none of it.
unsafe impl Send for Chunks {}

impl Chunks {
    pub(super) const fn new() -> Self {
        Chunks(Vec::new())
    }

    /// Cuts a new chunk into free nodes of a class, in rising order of address, and returns the first of them and how
    /// many they are: a multiple of `batch`.
    #[cold]
    pub(super) fn cut(&mut self, class: usize, batch: usize) -> (Link, usize) {
        let size = CLASSES[class];
        let bytes = CHUNK_MAX.min(CHUNK_MIN << self.0.len().min(6));
        let count = batch * (bytes / size / batch).max(1);
        let layout = Layout::from_size_align(count * size, ALIGN).expect("a chunk's layout is small and aligned");
        // SAFETY: the layout has a size above zero.
        let chunk = NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout));
        self.0.push((chunk, layout));
        let mut first = None;
        for i in (0..count).rev() {
            // SAFETY: node i lies inside the chunk.
            let link = unsafe { chunk.add(i * size) }.cast();
            // SAFETY: node i lies inside the chunk, and is as large as its class.
            let next = unsafe { free_next(link) };
            // SAFETY: the memory is ours, unused, and aligned: chunk and node sizes are multiples of `ALIGN`.
            unsafe { next.write(first) };
            first = Some(link);
        }
        (first.expect("a chunk holds at least one node"), count)
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        for (chunk, layout) in self.0.drain(..) {
            // SAFETY: allocated by `cut` with this layout.
            unsafe { dealloc(chunk.as_ptr(), layout) };
        }
    }
}

/// Where a pool's free nodes come from when it has none, and where they go when it has many.
pub trait Supply {
    /// Free nodes of this class, at least one.
    fn more(&mut self, class: usize) -> Link;

    /// A node was taken from the free ones of this class.
    fn took(&mut self, class: usize);

    /// A node was put to these, the free ones of this class.
    fn gave(&mut self, class: usize, free: &mut Option<Link>);
}

/// The supply of a pool that shares with nobody: what it cut it keeps, and it counts nothing.
impl Supply for Chunks {
    #[cold]
    fn more(&mut self, class: usize) -> Link {
        self.cut(class, 1).0
    }

    #[inline(always)]
    fn took(&mut self, _: usize) {}

    #[inline(always)]
    fn gave(&mut self, _: usize, _: &mut Option<Link>) {}
}

/// Free nodes by size class, for one thread.
#[derive(Debug)]
pub struct Pool<S> {
    free: [Option<Link>; CLASSES.len()],
    supply: S,
}

// SAFETY: the pool owns its free nodes, which hold no messages.
unsafe impl<S: Send> Send for Pool<S> {}

impl<S: Supply> Pool<S> {
    pub(super) const fn with(supply: S) -> Self {
        Pool { free: [None; CLASSES.len()], supply }
    }

    /// Puts `message` into a node. Inlined, so that the sender writes its message straight into the node: a copy on
    /// the way costs more than everything else here.
    #[inline(always)]
    pub fn make<M: Debug + Send + 'static>(&mut self, message: M) -> Link {
        let link = match class(const { Layout::new::<Node<M>>() }) {
            Some(class) => self.pooled(class),
            None => Self::own(Layout::new::<Node<M>>()),
        };
        // SAFETY: `link` is unused memory, large and aligned enough for `Node<M>` by its class or layout.
        unsafe { link.cast::<Node<M>>().write(Node::new(message)) };
        link
    }

    #[inline(always)]
    fn pooled(&mut self, class: usize) -> Link {
        let link = match self.free[class] {
            Some(link) => link,
            None => self.supply.more(class),
        };
        // SAFETY: a node of this class, free.
        let next = unsafe { free_next(link) };
        // SAFETY: a free node has a valid link, written when it became free.
        self.free[class] = unsafe { next.read() };
        self.supply.took(class);
        link
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
    /// `link` came from `make` of a pool with the same memory, was not given back yet, and the caller holds it.
    #[inline(always)]
    pub unsafe fn take<M: Debug + Send + 'static>(&mut self, link: Link) -> Result<M, Link> {
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
    pub unsafe fn discard(&mut self, link: Link, look: impl FnOnce(&dyn Debug)) {
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
        // SAFETY: the node is live until `gone` is dropped.
        look(&unsafe { Show::new(link) });
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
                let next = unsafe { free_next(link) };
                // SAFETY: by contract unused.
                unsafe { next.write(self.free[class]) };
                self.free[class] = Some(link);
                self.supply.gave(class, &mut self.free[class]);
            }
            // SAFETY: by contract allocated with this layout by `own`.
            None => unsafe { dealloc(link.as_ptr().cast(), layout) },
        }
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_of_the_smallest_class_that_holds_it() {
        let of = |size, align| class(Layout::from_size_align(size, align).expect("it is a layout"));
        let sizes = [1, 32, 33, 64, 65, 128, 129, 256, 257];
        let classes = [Some(0), Some(0), Some(1), Some(1), Some(2), Some(2), Some(3), Some(3), None];
        assert_eq!(sizes.map(|size| of(size, 8)), classes);
        assert_eq!((of(32, ALIGN), of(32, 2 * ALIGN)), (Some(0), None), "nor is it aligned more strictly than a chunk");
    }

    #[test]
    fn chunks_grow_from_4_to_256_kib_and_are_whole_batches() {
        let mut chunks = Chunks::new();
        let bytes: Vec<usize> = (0..8).map(|_| chunks.cut(1, 1).1 * CLASSES[1] / 1024).collect();
        assert_eq!(bytes, [4, 8, 16, 32, 64, 128, 256, 256]);
        assert_eq!(Chunks::new().cut(3, 5).1, 15, "as many batches of 5 as fit 16 nodes");
        assert_eq!(Chunks::new().cut(3, 100).1, 100, "one batch at least");
        assert_eq!(chunks.0.iter().map(|(_, layout)| layout.size()).sum::<usize>(), 764 << 10);
    }

    #[test]
    fn a_node_says_that_it_is_one() {
        let mut pool = Pool::with(Chunks::new());
        let link = pool.make(7u8);
        // SAFETY: just made.
        assert_eq!(format!("{:?}", unsafe { link.as_ref() }), "Head { .. }");
    }
}
