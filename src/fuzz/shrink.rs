//! Makes bytes shorter, and then smaller, as long as they still fail.
//!
//! Knows nothing of what the bytes mean. It works because of their order (see [`fuzz`](super)): leaving a byte out, or
//! making it 0, is a simpler input or a simpler schedule.

/// The most candidates that are tried.
const ATTEMPTS: u32 = 20_000;

/// Up to this length every number of bytes is left out at every place: what is read as one thing, an element of a list
/// say, goes as one.
const SMALL: usize = 12;

/// The shortest bytes that still fail, and of those the smallest, as far as leaving out and lowering finds them.
/// `fails` is asked about each candidate, at most 20,000 times.
///
/// ```
/// let fails = |bytes: &[u8]| bytes.iter().any(|byte| *byte > 6);
/// assert_eq!(backwater::fuzz::shrink(&[3, 200, 4, 9], fails), [7]);
/// ```
pub fn shrink(bytes: &[u8], fails: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut shrinker = Shrinker { fails, best: bytes.to_vec(), left: ATTEMPTS };
    while shrinker.pass() {}
    shrinker.best
}

struct Shrinker<F> {
    fails: F,
    best: Vec<u8>,
    left: u32,
}

impl<F: FnMut(&[u8]) -> bool> Shrinker<F> {
    /// True if anything became simpler.
    fn pass(&mut self) -> bool {
        let before = self.best.clone();
        let mut block = self.best.len();
        while block > 0 {
            self.at_each(block, |bytes, at| drop(bytes.drain(at..at + block)));
            self.at_each(block, |bytes, at| bytes[at..at + block].fill(0));
            block = if block > SMALL { (block / 2).max(SMALL) } else { block - 1 };
        }
        (0..self.best.len()).for_each(|at| self.lower(at));
        self.best != before && self.left > 0
    }

    /// Tries a change at each place, from the back: what is left out there shifts nothing else.
    fn at_each(&mut self, block: usize, change: impl Fn(&mut Vec<u8>, usize)) {
        let mut end = self.best.len();
        while end >= block {
            let mut candidate = self.best.clone();
            change(&mut candidate, end - block);
            self.attempt(candidate);
            // Something may have been left out; the place stays inside.
            let step = if block > SMALL { block.div_ceil(2) } else { 1 };
            end = (end - step).min(self.best.len());
        }
    }

    /// The smallest value of one byte, if larger ones fail too; else one that is smaller.
    fn lower(&mut self, at: usize) {
        let mut step = self.best[at];
        while step > 0 && self.left > 0 {
            let mut candidate = self.best.clone();
            candidate[at] = candidate[at].saturating_sub(step);
            let lowered = self.attempt(candidate);
            step = if lowered { step.min(self.best[at]) } else { step / 2 };
        }
    }

    fn attempt(&mut self, candidate: Vec<u8>) -> bool {
        let simpler = (candidate.len(), &candidate) < (self.best.len(), &self.best);
        if !simpler || self.left == 0 {
            return false;
        }
        self.left -= 1;
        let fails = (self.fails)(&candidate);
        if fails {
            self.best = candidate;
        }
        fails
    }
}

#[cfg(test)]
mod tests {
    use super::shrink;

    #[test]
    fn what_fails_without_a_byte_becomes_empty() {
        assert!(shrink(&[1, 2, 3], |_| true).is_empty());
    }

    #[test]
    fn what_fails_only_as_it_is_stays() {
        assert_eq!(shrink(&[1, 2, 3], |bytes| bytes == [1, 2, 3]), [1, 2, 3]);
        assert!(shrink(&[], |_| false).is_empty());
    }

    /// Two bytes that are far apart are both needed, in this order; the rest goes.
    #[test]
    fn only_what_matters_is_left() {
        let mut bytes = [9; 300];
        (bytes[40], bytes[200]) = (77, 88);
        let fails = |bytes: &[u8]| {
            let first = bytes.iter().position(|byte| *byte >= 50);
            first.is_some_and(|at| bytes[at + 1..].iter().any(|byte| *byte > 60 && byte % 2 == 0))
        };
        assert_eq!(shrink(&bytes, fails), [50, 62]);
    }

    #[test]
    fn it_gives_up_after_a_bounded_number_of_attempts() {
        let mut asked = 0;
        let bytes = vec![255; 6_000];
        shrink(&bytes, |candidate| {
            asked += 1;
            candidate.len() == bytes.len()
        });
        assert_eq!(asked, super::ATTEMPTS);
    }
}
