//! The work that every contestant does the same: the calibrated loop, the random choice of a
//! receiver, the sink that counts and works. Not measuring (`measure`), not sending.

use crate::measure;

/// A dependent xorshift chain of `n` steps: 133 are about 200 ns at 4 GHz, 665 about 1 us.
#[inline(always)]
pub fn spin(mut x: u64, n: u32) -> u64 {
    for _ in 0..n {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    x
}

/// A pseudo-random index below `n`; `x` is the generator's state.
#[inline(always)]
pub fn pick(x: &mut u64, n: usize) -> usize {
    *x = spin(*x, 1);
    (((*x >> 32) * n as u64) >> 32) as usize
}

/// The state from which actor `id` starts to `pick`.
pub fn seed(id: usize) -> u64 {
    0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(id as u64 + 1)
}

/// The receiver of `fanin` and `pipe`.
pub struct Sink {
    x: u64,
    received: u64,
    expected: u64,
    work: u32,
}

impl Sink {
    pub fn new(expected: u64, work: u32) -> Sink {
        Sink {
            x: 0,
            received: 0,
            expected,
            work,
        }
    }

    /// Works on one message; the last one ends the run.
    #[inline(always)]
    pub fn absorb(&mut self, v: u64) {
        self.x = spin(self.x.wrapping_add(v + 1), self.work);
        self.received += 1;
        if self.received == self.expected {
            std::hint::black_box(self.x);
            measure::done().set();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pick_stays_below_and_reaches_everyone() {
        let (mut x, mut seen) = (seed(0), [false; 7]);
        for _ in 0..1000 {
            seen[pick(&mut x, 7)] = true;
        }
        assert_eq!(seen, [true; 7]);
    }

    #[test]
    fn spin_never_gets_stuck_at_zero() {
        assert_ne!(spin(1, 10_000), 0);
    }
}
