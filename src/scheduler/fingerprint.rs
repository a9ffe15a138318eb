//! A hash that is the same in every version: 128 bits, by which the checker knows a state again.
//!
//! Specified here, because std's hashers are not (std's `Hash` for slices of numbers hands their memory over, so that
//! those differ between machines of unlike byte order): the input is a row of 64-bit words. An integer is one word (of 128
//! bits: two, the low one first), `usize` as 64 bits; bytes are words of eight, low byte first, the rest filled with
//! zeros, and then the number of bytes as a word. Two lanes take each word `w`, with wrapping arithmetic:
//!
//! ```text
//! a = (a ^ w) * 0x9FB21C651E98DF25;  a = a ^ (a >> 32)       a begins as 0x243F6A8885A308D3
//! b = rotl(b + w, 29) * 0xD6E8FEB86659FD93;  b = b ^ (b >> 29)   b begins as 0x13198A2E03707344
//! ```
//!
//! The result is `mix(a + rotl(b, 32))` as the high and `mix(b + a)` as the low half, `mix` being the last three lines of
//! [`Random::next_u64`](super::Random::next_u64). It is no defence against somebody who looks for collisions.

use std::hash::Hasher;

/// Takes words in, gives 128 bits out: what [`Model::hashed`](crate::Model::hashed) hands to an actor's `Hash`.
///
/// ```
/// use backwater::Fingerprint;
/// use std::hash::Hash;
///
/// let of = |what: &dyn Fn(&mut Fingerprint)| {
///     let mut print = Fingerprint::new();
///     what(&mut print);
///     print.bits()
/// };
/// assert_eq!(of(&|p| (1u8, "one").hash(p)), of(&|p| (1u8, "one").hash(p)));
/// assert_ne!(of(&|p| (1u8, "one").hash(p)), of(&|p| (2u8, "one").hash(p)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    a: u64,
    b: u64,
}

impl Default for Fingerprint {
    fn default() -> Self {
        Fingerprint::new()
    }
}

impl Fingerprint {
    /// Of nothing yet.
    pub const fn new() -> Self {
        Fingerprint { a: 0x243F_6A88_85A3_08D3, b: 0x1319_8A2E_0370_7344 }
    }

    /// Takes one word in.
    #[inline]
    pub fn word(&mut self, word: u64) {
        let a = (self.a ^ word).wrapping_mul(0x9FB2_1C65_1E98_DF25);
        self.a = a ^ (a >> 32);
        let b = self.b.wrapping_add(word).rotate_left(29).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        self.b = b ^ (b >> 29);
    }

    /// Takes another fingerprint's bits in.
    #[inline]
    pub fn bits_of(&mut self, bits: u128) {
        self.word(bits as u64);
        self.word((bits >> 64) as u64);
    }

    /// Of a name.
    pub(crate) fn of_name(name: &str) -> u128 {
        let mut print = Fingerprint::new();
        print.write(name.as_bytes());
        print.bits()
    }

    /// Of all that was taken in so far.
    #[inline]
    pub fn bits(&self) -> u128 {
        let (high, low) = (self.a.wrapping_add(self.b.rotate_left(32)), self.b.wrapping_add(self.a));
        u128::from(mix(high)) << 64 | u128::from(mix(low))
    }
}

/// Of these words.
#[inline]
pub(super) fn of_words(words: impl IntoIterator<Item = u64>) -> u128 {
    let mut print = Fingerprint::new();
    words.into_iter().for_each(|word| print.word(word));
    print.bits()
}

/// Of a print and a word.
#[inline]
pub(super) fn and(bits: u128, word: u64) -> u128 {
    of_words([bits as u64, (bits >> 64) as u64, word])
}

#[inline]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        (self.bits() >> 64) as u64
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
        self.word(bytes.len() as u64);
    }

    fn write_u8(&mut self, n: u8) {
        self.word(u64::from(n));
    }

    fn write_u16(&mut self, n: u16) {
        self.word(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.word(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.word(n);
    }

    fn write_u128(&mut self, n: u128) {
        self.bits_of(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.word(n as u64);
    }

    // A signed number is a word by its sign, so that `isize` is the same wherever it is.
    fn write_i8(&mut self, n: i8) {
        self.word(n as u64);
    }

    fn write_i16(&mut self, n: i16) {
        self.word(n as u64);
    }

    fn write_i32(&mut self, n: i32) {
        self.word(n as u64);
    }

    fn write_i64(&mut self, n: i64) {
        self.word(n as u64);
    }

    fn write_isize(&mut self, n: isize) {
        self.word(n as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::hash::Hash;

    /// Computed once by the text above, in another language: what is written down must mean the same for ever.
    #[test]
    fn the_hash_gives_the_numbers_that_its_text_gives() {
        assert_eq!(Fingerprint::new().bits(), EMPTY);
        assert_eq!(of_words([1, 2, 3]), ONE_TWO_THREE);
        let mut print = Fingerprint::new();
        print.write(b"backwater");
        assert_eq!([print.bits(), Fingerprint::of_name("backwater")], [BACKWATER; 2]);
    }

    const EMPTY: u128 = 0x55A5_7567_792D_DD2A_CD8E_9833_5173_51CD;
    const ONE_TWO_THREE: u128 = 0xA61F_52A0_3595_5CA5_2798_DE09_994D_0DAD;
    const BACKWATER: u128 = 0xE025_94E9_8024_4D04_35AE_B2CC_3249_FB22;

    #[test]
    fn near_inputs_are_far_apart() {
        let half = |bits: u128| [(bits >> 64) as u64, bits as u64];
        let mut seen = [BTreeSet::new(), BTreeSet::new()];
        for x in 0..300u64 {
            for y in 0..300u64 {
                let halves = half(of_words([x, y << 32, 0, x ^ y]));
                seen.iter_mut().zip(halves).for_each(|(seen, half)| assert!(seen.insert(half), "{x} {y}"));
            }
        }
    }

    #[test]
    fn numbers_are_hashed_by_value_not_by_width_of_the_machine() {
        let of = |what: &dyn Fn(&mut Fingerprint)| {
            let mut print = Fingerprint::new();
            what(&mut print);
            print.bits()
        };
        assert_eq!(of(&|p| 7usize.hash(p)), of(&|p| 7u64.hash(p)));
        assert_eq!(of(&|p| (-7isize).hash(p)), of(&|p| (-7i64).hash(p)));
    }

    #[test]
    fn numbers_of_every_kind_count() {
        fn of(what: impl Hash) -> u128 {
            let mut print = Fingerprint::new();
            what.hash(&mut print);
            print.bits()
        }
        let one =
            [of(1u8), of(1u16), of(1u32), of(1u64), of(1usize), of(1i8), of(1i16), of(1i32), of(1i64), of(1isize)];
        let two =
            [of(2u8), of(2u16), of(2u32), of(2u64), of(2usize), of(2i8), of(2i16), of(2i32), of(2i64), of(2isize)];
        assert!(one.iter().zip(&two).all(|(one, two)| one != two && *one != EMPTY && *two != EMPTY));
        assert_eq!([of(-1i8), of(-1i16), of(-1i32), of(-1isize)], [of(-1i64); 4]);
        assert_eq!([of(1u128 << 64 | 2), of(1u128)], [of_words([2, 1]), of_words([1, 0])]);
        assert_eq!(and(1 << 64 | 2, 3), of_words([2, 1, 3]));
        let print = Fingerprint::new();
        assert_eq!(u128::from(print.finish()), EMPTY >> 64);
    }
}
