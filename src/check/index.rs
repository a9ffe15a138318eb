//! Gives each of the keys it meets the next small number: a hash table that only grows, so that what is numbered can
//! lie in a list.

/// Numbers for keys, in the order in which they were first asked for.
pub(super) struct Index {
    /// Key and number; a slot whose number is `FREE` is free. As many as a power of two, at most half of them taken.
    slots: Vec<(u128, u32)>,
    known: u32,
}

const FREE: u32 = u32::MAX;

impl Index {
    pub(super) fn new() -> Self {
        Index { slots: vec![(0, FREE); 64], known: 0 }
    }

    /// The number of `key`.
    #[inline]
    pub(super) fn number(&mut self, key: u128) -> u32 {
        let slot = self.slot(key);
        match self.slots[slot].1 {
            FREE => self.add(key),
            number => number,
        }
    }

    /// Where `key` is, or could be.
    fn slot(&self, key: u128) -> usize {
        let mask = self.slots.len() - 1;
        let mixed = (key as u64 ^ ((key >> 64) as u64).rotate_left(17)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut at = (mixed >> 32) as usize & mask;
        while self.slots[at].1 != FREE && self.slots[at].0 != key {
            at = (at + 1) & mask;
        }
        at
    }

    #[cold]
    fn add(&mut self, key: u128) -> u32 {
        if 2 * self.known as usize >= self.slots.len() {
            let larger = vec![(0, FREE); 2 * self.slots.len()];
            let taken = std::mem::replace(&mut self.slots, larger).into_iter().filter(|slot| slot.1 != FREE);
            for (key, number) in taken {
                let slot = self.slot(key);
                self.slots[slot] = (key, number);
            }
        }
        let (slot, number) = (self.slot(key), self.known);
        self.slots[slot] = (key, number);
        self.known += 1;
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys that share their low and high bits, twice over, past several growths.
    #[test]
    fn keys_are_numbered_in_the_order_they_come_and_keep_their_numbers() {
        let mut index = Index::new();
        let key = |n: u128| n << 32 | 5 << 60;
        for _ in 0..2 {
            (0..1_000).for_each(|n| assert_eq!(index.number(key(n)), n as u32));
        }
        assert_eq!(index.slots.len(), 2_048, "half of them are taken at most");
    }
}
