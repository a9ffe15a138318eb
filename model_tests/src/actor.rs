//! A bare actor: an inbox, and data that only its owner touches. What the tests of the mailbox share.

use backwater::internals::mailbox::{Depot, Inbox, Link, Nodes, next};
use backwater::internals::sync::{Arc, Track, UnsafeCell};

/// A message: who sent it, which of theirs it is, and whether it was dropped.
pub type Message = Track<(u32, u32)>;

/// An actor that writes down what it handles.
#[derive(Debug)]
pub struct Bare {
    /// Its mailbox.
    pub inbox: Inbox,
    /// Its owner's alone, whoever that is: under loom, two owners at once are a failure.
    handled: UnsafeCell<Vec<(u32, u32)>>,
}

// SAFETY: `handled` is touched by the owner alone, which is what the tests are about; the inbox holds messages that
// are `Send`.
unsafe impl Sync for Bare {}
// SAFETY: as above.
unsafe impl Send for Bare {}

impl Bare {
    /// Idle.
    #[expect(clippy::new_without_default, reason = "a default actor of tests says nothing")]
    pub fn new() -> Self {
        Bare { inbox: Inbox::new(), handled: UnsafeCell::new(Vec::new()) }
    }

    /// A send by anybody; true if the actor was idle: then this message is handled, and the sender has to run it.
    pub fn send(&self, message: Message, nodes: &mut Nodes) -> bool {
        let link = nodes.make(message);
        // SAFETY: just made, and given away, unless it comes back.
        let idle = unsafe { self.inbox.push(link) };
        if idle {
            // SAFETY: it came back, so it is ours.
            assert!(unsafe { next(link) }.is_none(), "R1: what comes back is one message");
            self.write_down(take(link, nodes));
        }
        idle
    }

    /// By the owner.
    fn write_down(&self, said: (u32, u32)) {
        // SAFETY: the owner's. That there is one at a time is what the tests are about.
        self.handled.with_mut(|handled| unsafe { (*handled).push(said) });
    }

    /// One take of the owner: handles everything that is there, and says how much that was.
    ///
    /// # Safety
    /// The caller owns the actor.
    pub unsafe fn run(&self, nodes: &mut Nodes) -> u32 {
        // SAFETY: by contract.
        let Some(chain) = (unsafe { self.inbox.take_all() }) else { return 0 };
        let mut at = Some(chain.first);
        let mut count = 0;
        while let Some(link) = at {
            // SAFETY: taken, and not yet given back.
            at = unsafe { next(link) };
            self.write_down(take(link, nodes));
            count += 1;
        }
        assert_eq!(count, chain.len, "the chain is as long as it says");
        count
    }

    /// Runs until it rests, as a worker does that has nothing else.
    ///
    /// # Safety
    /// The caller owns the actor; not afterwards.
    pub unsafe fn run_to_rest(&self, nodes: &mut Nodes) {
        loop {
            // SAFETY: by contract.
            unsafe { self.run(nodes) };
            if self.inbox.rest() {
                return;
            }
        }
    }

    /// What it handled, when all threads are joined.
    pub fn handled(&self) -> Vec<(u32, u32)> {
        // SAFETY: nobody else is left.
        self.handled.with(|handled| unsafe { (*handled).clone() })
    }
}

fn take(link: Link, nodes: &mut Nodes) -> (u32, u32) {
    // SAFETY: a node that the caller took, once.
    let message = unsafe { nodes.take::<Message>(link) };
    message.unwrap_or_else(|_| panic!("all messages here are of one type")).value
}

/// A depot whose batches are small enough that they move in a test.
pub fn depot(batch: usize) -> Arc<Depot> {
    Depot::new(batch)
}
