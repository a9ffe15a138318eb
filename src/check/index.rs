//! Gives each of the keys it meets the next small number: a hash table that only grows, so that what is numbered can
//! lie in a list.

/// Numbers for keys, in the order in which they were first asked for.
///
/// A search over states asks for millions, each in another place of memory: so the table itself is small, a word for each
/// key, and the keys lie in a list in their order. One that is met again was mostly met not long ago.
pub(super) struct Index {
    /// A part of a key's hash, and below it the key's number; `FREE` is none. As many as a power of two, at most half of
    /// them taken.
    slots: Vec<u64>,
    keys: Vec<u128>,
}

const FREE: u64 = u64::MAX;

impl Index {
    pub(super) fn new() -> Self {
        Index { slots: vec![FREE; 64], keys: Vec::new() }
    }

    /// The number of `key`.
    #[inline]
    pub(super) fn number(&mut self, key: u128) -> u32 {
        let hash = hash(key);
        let mut at = self.place(hash);
        while self.slots[at] != FREE {
            let number = self.slots[at] as u32;
            if self.slots[at] >> 32 == u64::from(hash) && self.keys[number as usize] == key {
                return number;
            }
            at = self.behind(at);
        }
        self.add(at, hash, key)
    }

    fn place(&self, hash: u32) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    fn behind(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len() - 1)
    }

    #[inline(never)]
    fn add(&mut self, at: usize, hash: u32, key: u128) -> u32 {
        let number = u32::try_from(self.keys.len()).ok().filter(|number| *number < u32::MAX);
        let number = number.expect("memory ends before 2^32 keys do");
        self.slots[at] = u64::from(hash) << 32 | u64::from(number);
        self.keys.push(key);
        if 2 * self.keys.len() > self.slots.len() {
            self.grow();
        }
        number
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![FREE; 2 * self.slots.len()];
        let taken = std::mem::replace(&mut self.slots, larger).into_iter().filter(|slot| *slot != FREE);
        for slot in taken {
            let mut at = self.place((slot >> 32) as u32);
            while self.slots[at] != FREE {
                at = self.behind(at);
            }
            self.slots[at] = slot;
        }
    }
}

#[inline]
fn hash(key: u128) -> u32 {
    let mixed = (key as u64 ^ ((key >> 64) as u64).rotate_left(17)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 32) as u32
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
