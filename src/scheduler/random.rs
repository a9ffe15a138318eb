//! Random numbers from the seed: SplitMix64, as published by Steele, Lea and Flood (OOPSLA 2014).
//!
//! In the tree, because seeds in committed regression files must mean the same for ever.

/// A stream of numbers, wholly determined by its seed.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream of `seed`.
    pub const fn new(seed: u64) -> Self {
        Random { state: seed }
    }

    /// The stream of one actor: of a seed and the number of the actor in the order of creation.
    pub(crate) fn of_actor(seed: u64, created: u64) -> Self {
        Random::new(Random::new(seed ^ Random::new(created).next_u64()).next_u64())
    }

    /// The lineage of an actor, from that of its parent and which of the parent's children it is.
    pub(crate) fn child(parent: u64, nth: u32) -> u64 {
        Random::new(parent ^ Random::new(u64::from(nth)).next_u64()).next_u64()
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, each about equally likely (the error is below `bound` / 2⁶⁴).
    ///
    /// # Panics
    /// If `bound` is 0: there is no number below it.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs for seed 1234567, the published test vector.
    #[test]
    fn splitmix_gives_the_published_numbers() {
        let mut random = Random::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    /// Computed once by their definitions, in another language: a replay counts on them.
    #[test]
    fn actors_have_the_streams_that_they_had_when_a_recording_was_made() {
        let first = |seed, created| Random::of_actor(seed, created).next_u64();
        assert_eq!([first(7, 0), first(7, 1), first(8, 1)], STREAMS);
        assert_eq!([Random::child(7, 0), Random::child(7, 1), Random::child(8, 1)], CHILDREN);
    }

    const STREAMS: [u64; 3] = [0x4E6C_CAC8_3849_C89A, 0xF7A9_6FA7_E40E_81B5, 0x7501_7C56_EBDA_0A57];
    const CHILDREN: [u64; 3] = [0x64BF_61B5_12FF_ABE7, 0x7716_DA39_CBA2_75B2, 0x2C25_5CAC_8788_03D9];

    #[test]
    fn below_reaches_every_number_and_no_other() {
        let mut random = Random::new(1);
        let seen: std::collections::BTreeSet<u64> = (0..1_000).map(|_| random.below(7)).collect();
        assert_eq!(seen, (0..7).collect());
    }
}
