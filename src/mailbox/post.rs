//! The post office: a table of seats, each with a mailbox and whatever its owner keeps there.

use super::node::{Link, Show, look, next, set_next};
use super::pool::{Chunks, Pool};
use crate::faults::{Fault, planted};
use std::fmt::{self, Debug};
use std::mem::ManuallyDrop;
use std::ptr;

/// A first-in-first-out queue of nodes.
struct Mailbox {
    first: Option<Link>,
    /// Dangling while the mailbox is empty.
    last: Link,
    len: u32,
}

/// On cache lines of its own: a run of one actor should not slow that of its neighbour.
#[repr(C, align(64))]
struct Seat<T> {
    mailbox: Mailbox,
    data: T,
}

/// All mailboxes of one single-threaded runtime. A seat's mailbox holds messages of any type; its owner sees to it
/// that they are all of one type, and asks for that.
///
/// ```
/// let mut post = backwater::mailbox::Post::new();
/// let seat = post.add("the owner's data");
/// post.push(seat, 1u32);
/// post.push(seat, 2u32);
/// assert_eq!(post.pop::<u32>(seat), Ok(Some(1)));
/// assert_eq!(post.len(seat), 1);
/// ```
pub struct Post<T> {
    seats: Vec<Seat<T>>,
    pool: Pool<Chunks>,
    /// Messages written down to be sent later; for the checker alone.
    letters: Vec<Option<Link>>,
    spare_letters: Vec<u32>,
}

/// A message kept in its node, to be sent later: its number in the post office.
#[derive(Debug)]
pub(crate) struct Letter(u32);

// SAFETY: nodes hold messages that are `Send`, and nothing else refers to them.
unsafe impl<T: Send> Send for Post<T> {}

/// A message was asked for by a type that is not its own. It stays where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong;

/// A message in a node that is in no mailbox yet. Dropped, it drops the message.
pub(crate) struct Draft<'a, T> {
    post: &'a mut Post<T>,
    link: Link,
}

impl<'a, T> Draft<'a, T> {
    /// The message, to be printed.
    pub(crate) fn message(&self) -> impl Debug {
        // SAFETY: the node is live until the draft is sent or dropped, and this borrows the draft.
        unsafe { Show::new(self.link) }
    }

    /// Puts the message at the end of a mailbox whose owner is `right`. Gives back how many wait there now and the
    /// owner's data, or the draft if there is no such seat or it is not the right one.
    #[inline(always)]
    pub(crate) fn send(self, seat: u32, right: impl FnOnce(&T) -> bool) -> Result<(u32, &'a mut T), Self> {
        let fits = self.post.seats.get(seat as usize).is_some_and(|seat| right(&seat.data));
        if !fits {
            return Err(self);
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, so the borrow is moved out of it, not copied.
        let post: &'a mut Post<T> = unsafe { ptr::read(&raw const this.post) };
        let seat = &mut post.seats[seat as usize];
        seat.mailbox.push(this.link);
        Ok((seat.mailbox.len, &mut seat.data))
    }
}

impl<T> Draft<'_, T> {
    /// Keeps the message in its node until [`Post::letter`] takes it up again.
    pub(crate) fn keep(self) -> Letter {
        let this = ManuallyDrop::new(self);
        let link = Some(this.link);
        // SAFETY: `this` is never dropped, so the borrow is moved out of it, not copied.
        let post = unsafe { ptr::read(&raw const this.post) };
        match post.spare_letters.pop() {
            Some(number) => {
                post.letters[number as usize] = link;
                Letter(number)
            }
            None => {
                post.letters.push(link);
                Letter(post.letters.len() as u32 - 1)
            }
        }
    }
}

impl<T> Drop for Draft<'_, T> {
    fn drop(&mut self) {
        // SAFETY: made by this pool, and never sent.
        unsafe { self.post.pool.discard(self.link, |_| ()) };
    }
}

impl Mailbox {
    #[inline(always)]
    fn push(&mut self, link: Link) {
        match self.first {
            None => self.first = Some(link),
            // SAFETY: the mailbox is not empty, so `last` is one of its nodes, which only it refers to.
            Some(_) => unsafe { set_next(self.last, Some(link)) },
        }
        self.last = link;
        self.len += 1;
    }
}

impl<T> Default for Post<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Post<T> {
    /// No seats, no memory.
    pub const fn new() -> Self {
        Post { seats: Vec::new(), pool: Pool::with(Chunks::new()), letters: Vec::new(), spare_letters: Vec::new() }
    }

    /// A new seat with an empty mailbox; its number is the count of seats before.
    ///
    /// # Panics
    /// After 2³² seats.
    pub fn add(&mut self, data: T) -> u32 {
        let seat = u32::try_from(self.seats.len()).expect("there are fewer than 2^32 seats");
        if self.seats.len() == self.seats.capacity() {
            // The allocator copies what is aligned to cache lines when it grows: better seldom. What is not used yet
            // takes no memory but addresses.
            self.seats.reserve_exact(64.max(3 * self.seats.len()));
        }
        self.seats.push(Seat { mailbox: Mailbox { first: None, last: Link::dangling(), len: 0 }, data });
        seat
    }

    /// How many seats there are.
    pub fn seats(&self) -> u32 {
        self.seats.len() as u32
    }

    /// How many messages wait, and the data of the seat, in one look.
    #[inline(always)]
    pub(crate) fn look(&mut self, seat: u32) -> (u32, &mut T) {
        let seat = &mut self.seats[seat as usize];
        (seat.mailbox.len, &mut seat.data)
    }

    /// The data of a seat.
    ///
    /// # Panics
    /// If there is no such seat; likewise all other methods that take one.
    #[inline]
    pub fn data(&self, seat: u32) -> &T {
        &self.seats[seat as usize].data
    }

    /// The data of a seat, to change.
    #[inline]
    pub fn data_mut(&mut self, seat: u32) -> &mut T {
        &mut self.seats[seat as usize].data
    }

    /// Writes a message into a node, to be sent.
    #[inline(always)]
    pub(crate) fn draft<M: Debug + Send + 'static>(&mut self, message: M) -> Draft<'_, T> {
        let link = self.pool.make(message);
        Draft { post: self, link }
    }

    /// Takes up a message that was kept.
    ///
    /// # Panics
    /// If it is a letter of another post office: each number is given once and taken up once.
    #[inline]
    pub(crate) fn letter(&mut self, letter: Letter) -> Draft<'_, T> {
        let link = self.letters[letter.0 as usize].take().expect("a letter is taken up once, where it was kept");
        self.spare_letters.push(letter.0);
        Draft { post: self, link }
    }

    /// Back to the first `seats` seats, with empty mailboxes. Every message elsewhere and every letter is dropped; the
    /// memory is kept. What a panic in a drop leaves is still there, for the next call or the end.
    pub(crate) fn reset(&mut self, seats: u32) {
        for seat in 0..self.seats() {
            while self.discard(seat, |_| ()) {}
        }
        while let Some(letter) = self.letters.pop() {
            // SAFETY: made by this pool, kept, and never taken up.
            letter.into_iter().for_each(|link| unsafe { self.pool.discard(link, |_| ()) });
        }
        self.spare_letters.clear();
        self.seats.truncate(seats as usize);
    }

    /// Only the first `seats` seats are left. What waited in others is dropped.
    pub(crate) fn truncate(&mut self, seats: u32) {
        for seat in seats..self.seats() {
            while self.discard(seat, |_| ()) {}
        }
        self.seats.truncate(seats as usize);
    }

    /// A message that is kept, if it is an `M`.
    pub(crate) fn kept<M: Debug + Send + 'static>(&self, letter: &Letter) -> Option<&M> {
        let link = self.letters.get(letter.0 as usize).copied().flatten()?;
        // SAFETY: a letter's node is live until it is taken up, which needs the post office to be borrowed mutably.
        unsafe { look::<M>(link) }
    }

    /// The `nth` message that waits, counted from 0, if there is one and it is an `M`.
    pub(crate) fn waiting<M: Debug + Send + 'static>(&self, seat: u32, nth: u32) -> Option<&M> {
        let mut link = self.seats[seat as usize].mailbox.first?;
        for _ in 0..nth {
            // SAFETY: the node is in the mailbox, so it is live, and so is the next one.
            link = unsafe { next(link) }?;
        }
        // SAFETY: the node is in the mailbox, and stays there while the post office is borrowed.
        unsafe { look::<M>(link) }
    }

    /// Puts a message at the end of a mailbox, and returns how many there are now.
    pub fn push<M: Debug + Send + 'static>(&mut self, seat: u32, message: M) -> u32 {
        match self.draft(message).send(seat, |_| true) {
            Ok((waiting, _)) => waiting,
            Err(_) => panic!("there is no seat {seat}: seats come from `add`"),
        }
    }

    /// Takes the first message out of a mailbox.
    ///
    /// # Errors
    /// [`Wrong`] if that message is not an `M`; it stays.
    #[inline(always)]
    pub fn pop<M: Debug + Send + 'static>(&mut self, seat: u32) -> Result<Option<M>, Wrong> {
        let mailbox = &mut self.seats[seat as usize].mailbox;
        let Some(link) = mailbox.first else { return Ok(None) };
        // SAFETY: the node is in the mailbox, so it is live.
        let behind = unsafe { next(link) };
        // SAFETY: made by this pool, and taken out of the mailbox just below, before anything else can happen.
        let message = unsafe { self.pool.take::<M>(link) }.map_err(|_| Wrong)?;
        mailbox.first = behind;
        mailbox.len -= 1;
        Ok(Some(message))
    }

    /// Messages waiting.
    #[inline]
    pub fn len(&self, seat: u32) -> u32 {
        self.seats[seat as usize].mailbox.len
    }

    /// No message waiting?
    pub fn is_empty(&self, seat: u32) -> bool {
        self.len(seat) == 0
    }

    /// Shows the first message to `look`, if there is one, and leaves it there.
    pub fn peek(&self, seat: u32, look: impl FnOnce(&dyn Debug)) {
        if let Some(link) = self.seats[seat as usize].mailbox.first {
            // SAFETY: the node is in the mailbox, and stays there while the post office is borrowed.
            look(&unsafe { Show::new(link) });
        }
    }

    /// Shows the first message to `look` and drops it; false if there was none. If either panics, it is gone all the
    /// same.
    pub fn discard(&mut self, seat: u32, look: impl FnOnce(&dyn Debug)) -> bool {
        let mailbox = &mut self.seats[seat as usize].mailbox;
        let Some(link) = mailbox.first else { return false };
        // SAFETY: the node is in the mailbox, so it is live.
        mailbox.first = unsafe { next(link) };
        mailbox.len -= 1;
        // SAFETY: made by this pool, and out of the mailbox since the line above.
        unsafe { self.pool.discard(link, look) };
        true
    }
}

impl<T> Drop for Post<T> {
    /// Drops every message. One whose drop panics does not keep the others from theirs; a second panic on the way ends
    /// the process, as everywhere in Rust.
    fn drop(&mut self) {
        struct Rest<'a, T>(&'a mut Post<T>);
        impl<T> Rest<'_, T> {
            fn discard_all(&mut self) {
                let post = &mut *self.0;
                (0..post.seats()).for_each(|seat| while post.discard(seat, |_| ()) {});
                while let Some(letter) = post.letters.pop() {
                    // SAFETY: made by this pool, kept, and never taken up.
                    letter.into_iter().for_each(|link| unsafe { post.pool.discard(link, |_| ()) });
                }
            }
        }
        impl<T> Drop for Rest<'_, T> {
            fn drop(&mut self) {
                self.discard_all();
            }
        }
        if !planted(Fault::ShutdownLeaks) {
            Rest(self).discard_all();
        }
    }
}

impl<T: Debug> Debug for Post<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.seats.iter().map(|s| (s.mailbox.len, &s.data))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Arc;

    #[test]
    fn a_letter_is_found_by_its_number_and_numbers_are_used_again() {
        let mut post = Post::new();
        let seat = post.add(());
        let [first, second] = [10u32, 11].map(|message| post.draft(message).keep());
        assert_eq!((post.kept::<u32>(&first), post.kept::<u32>(&second)), (Some(&10), Some(&11)));
        assert_eq!(post.kept::<u8>(&first), None, "it is not of that type");
        assert!(post.letter(first).send(seat, |_| true).is_ok());
        let third = post.draft(12u32).keep();
        assert_eq!((third.0, post.kept::<u32>(&third), post.kept::<u32>(&second)), (0, Some(&12), Some(&11)));
        assert!(post.letter(second).send(seat, |_| true).is_ok());
        assert_eq!([0, 1, 2].map(|nth| post.waiting::<u32>(seat, nth).copied()), [Some(10), Some(11), None]);
        assert_eq!(post.waiting::<u8>(seat, 0), None);
    }

    #[test]
    fn fewer_seats_keep_their_messages_and_those_of_the_others_are_dropped() {
        let (mut post, message) = (Post::new(), Arc::new(()));
        let seats = [post.add(()), post.add(())];
        seats.iter().for_each(|seat| _ = post.push(*seat, message.clone()));
        post.truncate(1);
        assert_eq!((post.seats(), Arc::strong_count(&message)), (1, 2));
        assert!(post.discard(seats[0], |_| ()), "its message is still there");
        assert_eq!(Arc::strong_count(&message), 1);
    }

    #[test]
    fn whatever_is_not_sent_is_dropped_once() {
        let (mut post, message) = (Post::new(), Arc::new(()));
        let seats = [post.add(1), post.add(2)];
        drop(post.draft(message.clone()));
        assert!(post.draft(message.clone()).send(seats[1], |data| *data == 1).is_err());
        assert_eq!(Arc::strong_count(&message), 1, "drafts");
        seats.iter().for_each(|seat| _ = post.push(*seat, message.clone()));
        let letter = post.draft(message.clone()).keep();
        post.letter(letter).keep();
        assert_eq!(Arc::strong_count(&message), 4);
        post.reset(1);
        assert_eq!((Arc::strong_count(&message), post.seats(), post.len(seats[0])), (1, 1, 0));
        assert_eq!(post.draft(message).keep().0, 0, "there are no letters from before");
    }

    #[test]
    fn a_post_office_shows_its_seats_with_what_waits_there() {
        let mut post = Post::new();
        let seats = [post.add("a"), post.add("b")];
        post.push(seats[1], 7u8);
        assert_eq!(format!("{post:?}"), r#"[(0, "a"), (1, "b")]"#);
    }

    #[test]
    fn the_table_of_seats_grows_to_four_times_its_size() {
        let mut post = Post::new();
        let mut sizes: Vec<usize> = (0..257).map(|_| (post.add(()), post.seats.capacity()).1).collect();
        sizes.dedup();
        assert_eq!(sizes, [64, 256, 1024]);
    }
}
