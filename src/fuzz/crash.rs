//! What a fuzzer found, made short, and put down as a test.

use super::{Decoded, main, run, run_with, shrink};
use crate::check::{Check, Failure};
use crate::report::Chart;
use crate::runtime::Env;
use arbitrary::Arbitrary;
use std::any::type_name;
use std::fmt::{self, Debug, Write};

/// A failing run, made as short as it gets: input and schedule together.
#[derive(Clone, Debug)]
pub struct Crash {
    failure: Failure,
    bytes: Vec<u8>,
    /// The input, as it prints itself.
    input: String,
    chart: String,
    /// The function that is the target, by its path; none if it is a closure.
    path: Option<&'static str>,
}

impl Crash {
    pub(super) fn new<T, F>(check: &Check, bytes: &[u8], found: Failure, body: &F) -> Self
    where
        T: Debug + for<'a> Arbitrary<'a>,
        F: Fn(&mut Env<'_>, T),
    {
        let alike = |failure: &Failure| failure.fault.is_like(&found.fault);
        let fails = |candidate: &[u8]| run(check, candidate, body).is_some_and(|failure| alike(&failure));
        let bytes = shrink(bytes, fails);
        let bytes = plainest(check, &bytes, body).filter(|bytes| fails(bytes)).unwrap_or(bytes);
        // Twice, so that a program that does not do the same again is told apart (R12).
        let failure = run_with(check.clone().check_determinism(true).shrink(false), &bytes, body).unwrap_or(found);
        let chart = Chart::new();
        let shown = check.clone().show(&failure.token, chart.clone(), main(&bytes, body));
        let input = Decoded::<T>::of(&bytes).map_or_else(String::new, |decoded| format!("{:?}", decoded.input));
        let path = Some(type_name::<F>()).filter(|path| !path.contains('{'));
        let chart = shown.map_or_else(|why| why, |_| chart.to_string());
        Crash { failure, bytes, input, chart, path }
    }

    /// What is wrong, with the token and every event.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// The bytes that show it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A test that fails until the fault is mended, ready to be pasted: bytes, and as comments the input that they are,
    /// the sequence chart, and the token that replays the very schedule.
    pub fn test(&self) -> String {
        let mut text = format!("// {}\n", self.headline());
        comment(&mut text, "input", &self.input);
        comment(&mut text, "replay", &format!("BACKWATER_REPLAY={}", self.failure.token));
        self.chart.lines().for_each(|line| writeln!(text, "//    {line}").expect("a string takes everything"));
        let path = self.path.unwrap_or_else(|| {
            comment(&mut text, "body", "the closure that is the target: make it a function");
            "body"
        });
        let name = format!("fuzz_found_{:08x}", fingerprint(&self.bytes));
        let bytes = self.bytes.escape_ascii();
        let call = format!("backwater::fuzz::target(b\"{bytes}\", {path});");
        write!(text, "#[test]\nfn {name}() {{\n    {call}\n}}\n").expect("a string takes everything");
        text
    }

    /// The first line of what is wrong.
    fn headline(&self) -> String {
        let fault = self.failure.fault.to_string();
        format!("Found by fuzzing: {}", fault.lines().next().unwrap_or_default().trim_end_matches(':'))
    }
}

/// The same input with the plainest schedule that the checker finds.
fn plainest<T, F>(check: &Check, bytes: &[u8], body: &F) -> Option<Vec<u8>>
where
    T: for<'a> Arbitrary<'a>,
    F: Fn(&mut Env<'_>, T),
{
    let schedule = Decoded::<T>::of(bytes)?.schedule;
    let failure = run_with(check.clone().check_determinism(false).shrink(true), bytes, body)?;
    let decisions = failure.decisions()?.into_iter().map(u8::try_from).rev();
    let decisions: Vec<u8> = decisions.collect::<Result<_, _>>().ok()?;
    Some([&bytes[..schedule.start], &decisions, &bytes[schedule.end..]].concat())
}

fn comment(text: &mut String, label: &str, what: &str) {
    writeln!(text, "// {label}: {}", what.lines().collect::<Vec<_>>().join(" ")).expect("a string takes everything");
}

/// A name for bytes that is the same everywhere (FNV-1a).
fn fingerprint(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n\nas a test:\n", self.failure)?;
        f.write_str(&self.test())
    }
}
