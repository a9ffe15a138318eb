//! As given: every decision is a byte of somebody's choosing. For fuzzers, and for the tests that come of what they
//! find.

use super::{Policy, Ready};
use crate::sync::{Arc, Mutex, lock};
use std::fmt::{self, Write};

/// What every token of such a run begins with, in the place of the policy's name.
const NAME: &str = "given-";

/// Takes decisions from bytes: who runs next, what [`Context::choose`](crate::Context::choose) answers.
///
/// Each decision is one byte, taken modulo the number of answers (where those are more than 256, as many bytes as it
/// takes); where there is only one answer, no byte is taken. When the bytes run out, every decision is 0, and 0 is always
/// the plainest answer: who became runnable first runs first. So a changed byte changes one decision, and a
/// shorter list of bytes is a simpler run.
///
/// Clones take from the same bytes. With the feature `fuzz` it implements `Arbitrary`.
///
/// ```
/// use backwater::{Runtime, policy::Given};
///
/// let mut chosen = Vec::new();
/// let runtime = Runtime::builder().policy(Given::new([5, 1]));
/// runtime.run(|env| chosen = vec![env.choose(3), env.choose(1), env.choose(2), env.choose(9)]).unwrap();
/// assert_eq!(chosen, [2, 0, 1, 0]);
/// ```
#[derive(Clone)]
pub struct Given {
    decisions: Arc<Mutex<Decisions>>,
    ready: Vec<Ready>,
    name: String,
}

struct Decisions {
    bytes: Vec<u8>,
    taken: usize,
}

impl Given {
    /// The decisions in the order in which they are taken.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        let mut bytes = bytes.into();
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        let mut name = String::from(NAME);
        bytes.iter().for_each(|byte| write!(name, "{byte:02x}").expect("a string takes everything"));
        Given { decisions: Arc::new(Mutex::new(Decisions { bytes, taken: 0 })), ready: Vec::new(), name }
    }

    /// Reads the name that stands in a token; none if it is another policy's.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let digits = name.strip_prefix(NAME).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
        bytes.map(Given::new)
    }

    /// A number below `n`.
    ///
    /// # Panics
    /// If `n` is 0: there is nothing to decide.
    pub fn below(&self, n: u64) -> u64 {
        assert!(n > 0, "there is no number below 0");
        lock(&self.decisions).below(n)
    }

    /// How many decisions were taken, those that the bytes no longer reached for included.
    pub fn taken(&self) -> usize {
        lock(&self.decisions).taken
    }
}

impl Decisions {
    fn below(&mut self, n: u64) -> u64 {
        let (mut most, mut number) = (n - 1, 0u64);
        while most > 0 {
            let byte = self.bytes.get(self.taken).copied().unwrap_or(0);
            self.taken += 1;
            number = number << 8 | u64::from(byte);
            most >>= 8;
        }
        number % n
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Policy for Given {
    fn name(&self) -> &str {
        &self.name
    }

    fn push(&mut self, actor: Ready) {
        self.ready.push(actor);
    }

    fn next(&mut self) -> Option<Ready> {
        let count = self.ready.len() as u64;
        (count > 0).then(|| self.ready.remove(self.below(count) as usize))
    }

    fn choose(&mut self, n: u64) -> Option<u64> {
        Some(self.below(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(bytes: &[u8]) -> Vec<u64> {
        let mut given = Given::new(bytes);
        (0..4).for_each(|created| given.push(Ready { created, seat: created as u32 }));
        std::iter::from_fn(|| given.next()).map(|ready| ready.created).collect()
    }

    #[test]
    fn without_bytes_it_is_first_in_first_out() {
        assert_eq!(order(&[]), [0, 1, 2, 3]);
        assert_eq!(order(&[0, 0, 0]), [0, 1, 2, 3]);
    }

    /// The last of the four is no decision, so it takes no byte.
    #[test]
    fn a_changed_byte_changes_the_decision_that_it_stands_for() {
        assert_eq!(order(&[3, 1, 0]), [3, 1, 0, 2]);
        assert_eq!(order(&[3, 1, 1]), [3, 1, 2, 0]);
        assert_eq!(order(&[3, 4, 0]), [3, 1, 0, 2], "modulo 3");
    }

    #[test]
    fn a_decision_among_more_than_256_takes_more_bytes() {
        let given = Given::new([1, 2, 7, 9]);
        assert_eq!((given.below(257), given.taken()), (258 % 257, 2));
        assert_eq!((given.below(256), given.below(1), given.below(10), given.taken()), (7, 0, 9, 4));
        assert_eq!((given.below(1 << 40), given.taken()), (0, 9));
    }

    #[test]
    fn a_choice_is_a_decision_too() {
        let mut given = Given::new([3, 9, 7]);
        assert_eq!(
            [given.choose(5), given.choose(5), given.choose(5), given.choose(5)].map(|n| n.unwrap()),
            [3, 4, 2, 0]
        );
    }

    #[test]
    fn clones_take_from_the_same_bytes() {
        let given = Given::new([1, 2]);
        let clone = given.clone();
        assert_eq!((given.below(9), clone.below(9), given.below(9)), (1, 2, 0));
    }

    #[test]
    fn a_name_reads_back() {
        let given = Given::new([0, 171, 0]);
        assert_eq!(given.name(), "given-00ab");
        assert_eq!(Given::from_name("given-00ab").map(|g| g.name), Some(given.name));
        for other in ["given-0", "given-0g", "given-+1", "given-é", "fifo"] {
            assert!(Given::from_name(other).is_none(), "{other}");
        }
    }
}
