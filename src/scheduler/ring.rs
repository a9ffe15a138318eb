//! The default run queue: first in, first out.
//!
//! A ring whose size is a power of two, so that a position is a mask away. std's `VecDeque` does the same work in
//! twice the instructions, at the one place where every message passes.

/// A queue of seats.
#[derive(Debug)]
pub(super) struct Ring {
    slots: Box<[u32]>,
    /// Positions taken and given, ever; they wrap.
    head: u32,
    tail: u32,
}

impl Ring {
    pub(super) fn new() -> Self {
        Ring { slots: vec![0; 64].into(), head: 0, tail: 0 }
    }

    fn mask(&self) -> u32 {
        self.slots.len() as u32 - 1
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head == self.tail
    }

    #[inline(always)]
    pub(super) fn push(&mut self, seat: u32) {
        let at = self.tail & self.mask();
        self.slots[at as usize] = seat;
        self.tail = self.tail.wrapping_add(1);
        if self.tail.wrapping_sub(self.head) as usize == self.slots.len() {
            self.grow();
        }
    }

    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<u32> {
        if self.is_empty() {
            return None;
        }
        let at = self.head & self.mask();
        self.head = self.head.wrapping_add(1);
        Some(self.slots[at as usize])
    }

    /// Twice the size, the oldest first.
    ///
    /// # Panics
    /// Beyond 2³¹ seats, which no machine has room for: each is in the queue at most once (T6).
    #[cold]
    fn grow(&mut self) {
        let len = self.slots.len();
        assert!(len < 1 << 31, "T6: an actor is queued at most once, so the queue is no longer than the table");
        let at = (self.head & self.mask()) as usize;
        self.slots.rotate_left(at);
        let mut slots = std::mem::take(&mut self.slots).into_vec();
        slots.resize(2 * len, 0);
        (self.slots, self.head, self.tail) = (slots.into(), 0, len as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// Pushes and pops in bursts of growing size, beside a `VecDeque`, past several growths and with the positions
    /// about to wrap.
    #[test]
    fn ring_hands_out_what_it_was_given_in_order() {
        let (mut ring, mut model) = (Ring::new(), VecDeque::new());
        (ring.head, ring.tail) = (u32::MAX - 10, u32::MAX - 10);
        for i in 0..10_000u32 {
            ring.push(i);
            model.push_back(i);
            if i % 7 == 0 {
                (0..i % 13).for_each(|_| assert_eq!(ring.pop(), model.pop_front()));
            }
        }
        while !model.is_empty() {
            assert_eq!(ring.pop(), model.pop_front());
        }
        assert!(ring.is_empty() && ring.pop().is_none());
    }
}
