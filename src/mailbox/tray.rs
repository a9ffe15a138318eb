//! What a worker holds of an actor's messages, without a pointer in sight: a [`Parcel`] is a message on its way into an
//! inbox, a [`Tray`] is what the actor's owner has taken out of it, the oldest first.
//!
//! All nodes of a runtime come from one depot, and a tray belongs to one runtime: so whichever worker's [`Nodes`] take a
//! message out, they may have its node.

use super::depot::Nodes;
use super::inbox::{Chain, Inbox};
use super::node::{Link, Show, abandon, next, set_next};
use super::post::Wrong;
use std::fmt::Debug;
use std::mem::ManuallyDrop;

/// A message in a node that is in no mailbox. It is to be sent or thrown away; dropped, by a panic of who looks at it,
/// it drops the message, and the node is of no more use.
#[derive(Debug)]
#[must_use]
pub(crate) struct Parcel(Link);

impl Parcel {
    /// Puts a message into a node.
    #[inline(always)]
    pub(crate) fn new<M: Debug + Send + 'static>(nodes: &mut Nodes, message: M) -> Self {
        Parcel(nodes.make(message))
    }

    /// The message, to be printed.
    pub(crate) fn message(&self) -> impl Debug {
        // SAFETY: the node is live until the parcel is given away, and this borrows the parcel.
        unsafe { Show::new(self.0) }
    }

    /// Puts it into an inbox. It comes back if the actor was idle: that is awake now and the caller's, who puts this into
    /// its tray and schedules it.
    #[inline(always)]
    pub(crate) fn send(self, to: &Inbox) -> Option<Parcel> {
        let this = ManuallyDrop::new(self);
        // SAFETY: the parcel's own, which is given away here, or comes back.
        let comes_back = unsafe { to.push(this.0) };
        comes_back.then(|| ManuallyDrop::into_inner(this))
    }

    /// Shows the message to `look` and drops it.
    pub(crate) fn discard(self, nodes: &mut Nodes, look: impl FnOnce(&dyn Debug)) {
        let this = ManuallyDrop::new(self);
        // SAFETY: the parcel's own, made by a pool of the same runtime.
        unsafe { nodes.discard(this.0, look) };
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        // SAFETY: the parcel's own, never given away.
        unsafe { abandon(self.0) }
    }
}

/// Messages that an actor's owner has taken, the oldest first. Emptied before it is dropped, or they are lost.
///
/// `T` is a small thing of the owner's, kept where the tray would have a gap.
#[derive(Debug, Default)]
pub(crate) struct Tray<T> {
    first: Option<Link>,
    /// The youngest, if there is any.
    last: Option<Link>,
    len: u32,
    pub(crate) beside: T,
}

// SAFETY: the messages in the nodes are `Send`, and nothing else refers to the nodes.
unsafe impl<T: Send> Send for Tray<T> {}

impl<T> Tray<T> {
    /// Empty.
    pub(crate) const fn new(beside: T) -> Self {
        Tray { first: None, last: None, len: 0, beside }
    }

    /// This tray, to be used elsewhere. What stays here is only a memory of it.
    ///
    /// # Safety
    /// Nobody uses what stays, before it is overwritten by what this gives, when the use is over.
    #[inline(always)]
    pub(crate) unsafe fn lend(&self) -> Self
    where
        T: Copy,
    {
        Tray { first: self.first, last: self.last, len: self.len, beside: self.beside }
    }

    /// How many there are.
    #[inline(always)]
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// Takes over what is in the inbox, behind what is here. Only for the actor's owner.
    #[inline]
    pub(crate) fn take_in(&mut self, inbox: &Inbox) {
        // SAFETY: by contract the caller owns the actor.
        let Some(chain) = (unsafe { inbox.take_all() }) else { return };
        self.add(chain);
    }

    /// Puts what was taken from an inbox behind what is here.
    #[inline(always)]
    pub(crate) fn add(&mut self, chain: Chain) {
        self.append(chain.first, chain.last, chain.len);
    }

    /// Puts a message behind those that are here.
    #[inline(always)]
    pub(crate) fn push(&mut self, parcel: Parcel) {
        let this = ManuallyDrop::new(parcel);
        self.append(this.0, this.0, 1);
    }

    #[inline(always)]
    fn append(&mut self, first: Link, last: Link, len: u32) {
        match self.last {
            // SAFETY: the last node of the tray is live and the tray's.
            Some(end) => unsafe { set_next(end, Some(first)) },
            None => self.first = Some(first),
        }
        self.last = Some(last);
        self.len += len;
    }

    /// The node of the first message, out of the tray.
    #[inline(always)]
    fn unlink(&mut self, link: Link) {
        // SAFETY: the node is in the tray, so it is live and the tray's.
        self.first = unsafe { next(link) };
        if self.first.is_none() {
            self.last = None;
        }
        self.len -= 1;
    }

    /// Takes the first message out.
    ///
    /// # Errors
    /// [`Wrong`] if that message is not an `M`; it stays.
    #[inline(always)]
    pub(crate) fn pop<M: Debug + Send + 'static>(&mut self, nodes: &mut Nodes) -> Result<Option<M>, Wrong> {
        let Some(link) = self.first else { return Ok(None) };
        // SAFETY: in the tray, so live.
        let behind = unsafe { next(link) };
        // SAFETY: in the tray, made by a pool of the same runtime, and taken out of the tray just below.
        let message = unsafe { nodes.take::<M>(link) }.map_err(|_| Wrong)?;
        self.first = behind;
        if behind.is_none() {
            self.last = None;
        }
        self.len -= 1;
        Ok(Some(message))
    }

    /// Shows the first message to `look`, if there is one, and leaves it there.
    pub(crate) fn peek(&self, look: impl FnOnce(&dyn Debug)) {
        if let Some(link) = self.first {
            // SAFETY: in the tray, which is borrowed meanwhile.
            look(&unsafe { Show::new(link) });
        }
    }

    /// Shows the first message to `look` and drops it; false if there was none. If either panics, it is gone all the
    /// same.
    pub(crate) fn discard(&mut self, nodes: &mut Nodes, look: impl FnOnce(&dyn Debug)) -> bool {
        let Some(link) = self.first else { return false };
        self.unlink(link);
        // SAFETY: made by a pool of the same runtime, and out of the tray since the line above.
        unsafe { nodes.discard(link, look) };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::depot::Depot;
    use super::*;
    use crate::sync::Arc;
    use std::collections::VecDeque;

    /// What is shown of the first message.
    fn first<T>(tray: &Tray<T>) -> Option<String> {
        let mut shown = None;
        tray.peek(|message| shown = Some(format!("{message:?}")));
        shown
    }

    #[test]
    fn a_tray_is_a_queue_that_takes_an_inbox_in_behind_what_it_has() {
        let mut nodes = Nodes::new(&Depot::new(4));
        let (inbox, mut tray, mut naive) = (Inbox::new(), Tray::new(()), VecDeque::new());
        for round in 0..60u32 {
            // Now and then nothing comes, and the tray becomes empty in all ways that it can.
            for n in 0..round % 4 {
                let back = Parcel::new(&mut nodes, 10 * round + n).send(&inbox);
                assert_eq!(back.is_some(), n == 0, "T6: the first push alone finds it idle");
                back.into_iter().for_each(|parcel| tray.push(parcel));
                naive.push_back(10 * round + n);
            }
            if round % 4 > 0 {
                tray.take_in(&inbox);
                assert!(inbox.rest());
            }
            if round % 3 == 0 {
                tray.push(Parcel::new(&mut nodes, 1_000 + round));
                naive.push_back(1_000 + round);
            }
            assert_eq!(tray.pop::<u8>(&mut nodes), if naive.is_empty() { Ok(None) } else { Err(Wrong) });
            while naive.len() > (round % 5) as usize {
                assert_eq!((tray.len(), first(&tray)), (naive.len() as u32, naive.front().map(u32::to_string)));
                let oldest = naive.pop_front();
                match oldest {
                    Some(n) if n % 2 == 0 => assert!(tray.discard(&mut nodes, |shown| {
                        assert_eq!(format!("{shown:?}"), n.to_string());
                    })),
                    _ => assert_eq!(tray.pop(&mut nodes), Ok(oldest)),
                }
            }
        }
        while let Some(n) = naive.pop_front() {
            assert_eq!(tray.pop(&mut nodes), Ok(Some(n)));
        }
        assert!(tray.len() == 0 && first(&tray).is_none() && !tray.discard(&mut nodes, |_| ()));
    }

    #[test]
    fn a_parcel_that_is_thrown_away_is_shown_and_dropped() {
        let (mut nodes, message) = (Nodes::new(&Depot::new(4)), Arc::new(7));
        let parcel = Parcel::new(&mut nodes, message.clone());
        let mut shown = format!("{:?}", parcel.message());
        parcel.discard(&mut nodes, |message| shown += &format!(", {message:?}"));
        assert_eq!((shown.as_str(), Arc::strong_count(&message)), ("7, 7", 1));
    }

    #[test]
    fn a_parcel_that_a_panic_keeps_from_being_sent_drops_its_message() {
        let (mut nodes, message) = (Nodes::new(&Depot::new(4)), Arc::new(7));
        drop(Parcel::new(&mut nodes, message.clone()));
        assert_eq!(Arc::strong_count(&message), 1);
    }
}
