//! Fuzzing: one string of bytes is an input and a schedule, a fuzzer looks for the string under which somebody is left
//! waiting, and what it finds is printed as a test.
//!
//! A target is a function of the environment and an input. [`target`] makes the input of the front of the bytes, takes
//! the schedule from their back, runs the program under that one schedule with the [checker](crate::check()), and
//! panics if it fails. Any fuzzer will do that calls a function with bytes; with `cargo fuzz`:
//!
//! ```text
//! #![no_main]
//! libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backwater::fuzz::target(bytes, my_crate::orders));
//! ```
//!
//! # The order of the bytes
//! Changes stay local, so that a fuzzer can climb. The input reads forwards from the front (lengths of strings from the
//! end, which is `arbitrary`'s way); of what it leaves, the schedule reads backwards, one byte a decision. An input
//! that grows eats the latest decisions first, and the early ones stay what they were.
//!
//! Not here: what a schedule is and what is wrong with a run, which are [`check`](crate::check())'s; how bytes become
//! values, which is `arbitrary`'s. A run on the plain runtime, with a simulated network say, takes its decisions from
//! [`policy::Given`](crate::policy::Given), which implements `Arbitrary` too.
#![forbid(unsafe_code)]

mod crash;
mod shrink;

pub use crash::Crash;
pub use shrink::shrink;

use crate::check::{Check, Failure, Mode, Verdict};
use crate::runtime::Env;
use crate::scheduler::policy::Given;
use arbitrary::{Arbitrary, Result, Unstructured};
use std::fmt::Debug;
use std::ops::Range;

/// Runs a program with the input and under the schedule that the bytes are; bytes that are no input do nothing.
///
/// If `body` is a function and not a closure, the test that is printed compiles as it is.
///
/// # Panics
/// If the run fails, with the [`Crash`]: what is wrong, and a test that shows it. With `BACKWATER_REPLAY` set, only the
/// schedule of that token is run, with the input that the bytes are.
///
/// ```
/// use backwater::{Actor, Context, Env, fuzz};
///
/// struct Total(u8);
/// impl Actor for Total {
///     type Msg = u8;
///     fn receive(&mut self, n: u8, _: &mut Context<'_, Self>) {
///         self.0 = self.0.checked_add(n).expect("the total fits a byte");
///     }
/// }
/// fn total(env: &mut Env<'_>, numbers: [u8; 3]) {
///     let total = env.spawn(Total(0));
///     numbers.into_iter().for_each(|n| total.tell(n, env));
/// }
///
/// fuzz::target(&[1, 2, 3], total);
/// let crash = fuzz::crash(&backwater::Check::new(), &[100, 200, 3], &total).expect("they add up to more");
/// assert_eq!(crash.bytes(), [56, 200], "two numbers are enough");
/// assert!(crash.test().contains("backwater::fuzz::target("));
/// ```
pub fn target<T: Debug + for<'a> Arbitrary<'a>>(bytes: &[u8], body: impl Fn(&mut Env<'_>, T)) {
    target_with(&Check::new(), bytes, body);
}

/// The same, with settings: the batch, what counts as a failure, the longest run. The mode is that of the bytes.
///
/// # Panics
/// As [`target`].
pub fn target_with<T: Debug + for<'a> Arbitrary<'a>>(check: &Check, bytes: &[u8], body: impl Fn(&mut Env<'_>, T)) {
    if std::env::var_os("BACKWATER_REPLAY").is_some() {
        if Decoded::<T>::of(bytes).is_some() {
            check.clone().accept_cut().assert(main(bytes, &body));
        }
    } else if let Some(crash) = crash(check, bytes, &body) {
        panic!("{crash}");
    }
}

/// What is wrong with the run that the bytes are, made as short as it gets; none if nothing is. For a command of one's
/// own that makes a test of a file that a fuzzer left.
pub fn crash<T, F>(check: &Check, bytes: &[u8], body: &F) -> Option<Crash>
where
    T: Debug + for<'a> Arbitrary<'a>,
    F: Fn(&mut Env<'_>, T),
{
    let found = run(check, bytes, body)?;
    Some(Crash::new(check, bytes, found, body))
}

/// Bytes taken apart.
struct Decoded<T> {
    input: T,
    /// The bytes that the schedule is, from its last decision to its first.
    schedule: Range<usize>,
}

impl<T: for<'a> Arbitrary<'a>> Decoded<T> {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut from = Unstructured::new(bytes);
        let input = T::arbitrary(&mut from).ok()?;
        let rest = from.take_rest();
        let begin = rest.as_ptr().addr() - bytes.as_ptr().addr();
        Some(Decoded { input, schedule: begin..begin + rest.len() })
    }
}

/// One run; what was wrong with it.
fn run<T: for<'a> Arbitrary<'a>>(check: &Check, bytes: &[u8], body: &impl Fn(&mut Env<'_>, T)) -> Option<Failure> {
    let check = check.clone().check_determinism(false).shrink(false);
    run_with(check, bytes, body)
}

fn run_with<T: for<'a> Arbitrary<'a>>(check: Check, bytes: &[u8], body: &impl Fn(&mut Env<'_>, T)) -> Option<Failure> {
    let schedule = Decoded::<T>::of(bytes)?.schedule;
    let decisions = bytes[schedule].iter().rev().copied().collect();
    match check.mode(Mode::Given(decisions)).run_as_set(main(bytes, body)) {
        Verdict::Failed(failure) => Some(*failure),
        _ => None,
    }
}

/// The program that the bytes are. Its input is made anew for each run.
fn main<T: for<'a> Arbitrary<'a>>(bytes: &[u8], body: &impl Fn(&mut Env<'_>, T)) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let decoded = Decoded::of(bytes).expect("bytes that were an input are one again");
        body(env, decoded.input);
    }
}

/// Of what is left, the last byte is the first decision, so that whatever reads before it takes the latest decisions.
impl<'a> Arbitrary<'a> for Given {
    fn arbitrary(from: &mut Unstructured<'a>) -> Result<Self> {
        let length = from.arbitrary_len::<u8>()?;
        Ok(backwards(from.bytes(length)?))
    }

    fn arbitrary_take_rest(from: Unstructured<'a>) -> Result<Self> {
        Ok(backwards(from.take_rest()))
    }
}

fn backwards(bytes: &[u8]) -> Given {
    Given::new(bytes.iter().rev().copied().collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{Mutex, lock};

    /// The input and the first decisions that a target makes of bytes.
    fn seen<T: Clone + Send + Debug + for<'a> Arbitrary<'a>>(bytes: &[u8]) -> (Option<T>, Vec<usize>) {
        let seen = Mutex::new((None, Vec::new()));
        target(bytes, |env: &mut Env<'_>, input: T| {
            *lock(&seen) = (Some(input), (0..6).map(|_| env.choose(256)).collect());
        });
        lock(&seen).clone()
    }

    #[test]
    fn a_changed_byte_changes_one_decision_or_a_part_of_the_input() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        let (input, decisions) = seen::<[u8; 2]>(&bytes);
        assert_eq!((input, &decisions[..]), (Some([1, 2]), &[8, 7, 6, 5, 4, 3][..]));
        for at in 0..bytes.len() {
            let mut changed = bytes;
            changed[at] = 99;
            let (input, others) = seen::<[u8; 2]>(&changed);
            let changed = (0..6).filter(|nth| decisions[*nth] != others[*nth]).count();
            assert_eq!(changed + usize::from(input != Some([1, 2])), 1, "byte {at}");
        }
    }

    #[test]
    fn an_input_that_grows_takes_the_latest_decisions_first() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(seen::<[u8; 4]>(&bytes), (Some([1, 2, 3, 4]), vec![8, 7, 6, 5, 0, 0]));
    }
}
