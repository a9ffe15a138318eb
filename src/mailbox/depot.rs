//! Nodes that travel between threads: a message is made by one worker and taken by another.
//!
//! Each worker has [`Nodes`], a pool of its own; it takes and gives there without a word to anybody. What piles up with
//! the receivers goes back to the senders in batches, by way of the one [`Depot`], which has a lock. In a steady flow
//! between two workers that is one lock a batch on each side.
//!
//! All memory belongs to the depot and lives as long as anybody has nodes of it.

use super::node::Link;
use super::pool::{CLASSES, Chunks, Pool, Supply, free_next};
use crate::sync::{Arc, Mutex, lock};
use std::fmt;

/// What the workers' pools share.
pub struct Depot {
    /// Nodes in a batch.
    batch: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Full batches of free nodes, by class, each by its first node.
    batches: [Vec<Link>; CLASSES.len()],
    chunks: Chunks,
}

// SAFETY: the links are free nodes, bare memory that the state owns.
unsafe impl Send for State {}

impl fmt::Debug for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Depot").field("batch", &self.batch).finish_non_exhaustive()
    }
}

impl Depot {
    /// For pools that exchange `batch` nodes at a time, at least one.
    pub fn new(batch: usize) -> Arc<Self> {
        assert!(batch > 0, "a batch of nodes is not empty");
        Arc::new(Depot { batch, state: Mutex::new(State::default()) })
    }

    /// A batch of free nodes.
    fn take(&self, class: usize) -> Link {
        let mut state = lock(&self.state);
        if let Some(first) = state.batches[class].pop() {
            return first;
        }
        let (first, count) = state.chunks.cut(class, self.batch);
        self.split(&mut state.batches[class], first, count / self.batch)
    }

    /// Splits a chain of `count` batches: keeps all but the first.
    fn split(&self, rest: &mut Vec<Link>, first: Link, count: usize) -> Link {
        let mut at = first;
        for _ in 1..count {
            (1..self.batch).for_each(|_| at = behind(at).expect("a chunk is whole batches"));
            let next = behind(at).expect("a chunk is whole batches");
            // SAFETY: a free node of the chunk that was just cut.
            let link = unsafe { free_next(at) };
            // SAFETY: ours alone, under the lock.
            unsafe { link.write(None) };
            rest.push(next);
            at = next;
        }
        first
    }

    /// A batch comes back.
    fn put(&self, class: usize, first: Link) {
        lock(&self.state).batches[class].push(first);
    }
}

/// The free node behind this one.
fn behind(link: Link) -> Option<Link> {
    // SAFETY: only called for free nodes of a new chunk.
    let next = unsafe { free_next(link) };
    // SAFETY: a free node has a valid link, written when it became free.
    unsafe { next.read() }
}

/// A worker's pool.
pub type Nodes = Pool<Shared>;

/// The supply of [`Nodes`]. Two batches are here at most: what is in use, and one that is full. So a worker that takes
/// and gives around the edge of a batch does not go to the depot each time.
#[derive(Debug)]
pub struct Shared {
    depot: Arc<Depot>,
    /// Nodes in the pool's free lists: under a batch.
    held: [usize; CLASSES.len()],
    full: [Option<Link>; CLASSES.len()],
}

// SAFETY: the links are free nodes that this owns.
unsafe impl Send for Shared {}

impl Nodes {
    /// An empty pool.
    pub fn new(depot: &Arc<Depot>) -> Self {
        Pool::with(Shared { depot: depot.clone(), held: [0; CLASSES.len()], full: [None; CLASSES.len()] })
    }
}

impl Supply for Shared {
    fn more(&mut self, class: usize) -> Link {
        self.held[class] = self.depot.batch;
        self.full[class].take().unwrap_or_else(|| self.depot.take(class))
    }

    #[inline(always)]
    fn took(&mut self, class: usize) {
        self.held[class] -= 1;
    }

    #[inline(always)]
    fn gave(&mut self, class: usize, free: &mut Option<Link>) {
        self.held[class] += 1;
        if self.held[class] == self.depot.batch {
            self.held[class] = 0;
            let full = free.take().expect("a node was just put there");
            if let Some(full) = self.full[class].replace(full) {
                self.depot.put(class, full);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const BATCH: usize = 4;

    fn length(mut at: Option<Link>) -> usize {
        let mut length = 0;
        while let Some(link) = at {
            (at, length) = (behind(link), length + 1);
        }
        length
    }

    /// A worker's free nodes of one class, handled as a pool does.
    struct Worker {
        shared: Shared,
        free: Option<Link>,
    }

    impl Worker {
        fn take(&mut self) -> Link {
            let link = self.free.unwrap_or_else(|| self.shared.more(0));
            self.free = behind(link);
            self.shared.took(0);
            self.check();
            link
        }

        fn give(&mut self, link: Link) {
            // SAFETY: nobody else holds the node, and there is no message in it.
            let next = unsafe { free_next(link) };
            // SAFETY: as above.
            unsafe { next.write(self.free) };
            self.free = Some(link);
            self.shared.gave(0, &mut self.free);
            self.check();
        }

        /// Under a batch in use, and what is put aside or handed in is a batch.
        fn check(&self) {
            assert!(length(self.free) == self.shared.held[0] && self.shared.held[0] < BATCH);
            assert!(self.shared.full[0].is_none_or(|full| length(Some(full)) == BATCH));
            let batches = &lock(&self.shared.depot.state).batches[0];
            assert!(batches.iter().all(|first| length(Some(*first)) == BATCH));
        }
    }

    #[test]
    fn nodes_go_around_in_whole_batches_and_none_is_lost() {
        let depot = Depot::new(BATCH);
        assert_eq!(format!("{depot:?}"), "Depot { batch: 4, .. }");
        let worker = || Worker {
            shared: Shared { depot: depot.clone(), held: [0; CLASSES.len()], full: [None; CLASSES.len()] },
            free: None,
        };
        let (mut sender, mut receiver) = (worker(), worker());
        let mut seen: BTreeSet<Link> = BTreeSet::new();
        for round in 0..400 {
            // Up to 19 on their way at once, more than both keep for themselves.
            let taken: Vec<Link> = (0..round % 20).map(|_| sender.take()).collect();
            seen.extend(&taken);
            taken.into_iter().for_each(|link| receiver.give(link));
        }
        assert!(seen.len() <= 4096 / CLASSES[0], "the first chunk is enough, and {} nodes were used", seen.len());
    }
}
