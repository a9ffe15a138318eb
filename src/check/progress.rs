//! Says on standard error how far a long search is: nobody should have to guess whether it will end today.

use std::fmt;
use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

/// How often, where somebody watches and where it goes into a file.
const ON_TERMINAL: Duration = Duration::from_secs(1);
const IN_FILE: Duration = Duration::from_secs(10);

/// What is said of a search, and when.
pub(super) struct Progress {
    next: Duration,
    on_terminal: bool,
    said: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        let on_terminal = stderr().is_terminal();
        Progress { next: if on_terminal { 2 * ON_TERMINAL } else { IN_FILE }, on_terminal, said: false }
    }

    /// Is it time to say something?
    pub(super) fn is_due(&self, now: Duration) -> bool {
        now >= self.next
    }

    /// Says it. Written past the test harness, which would keep it until the test is over.
    pub(super) fn say(&mut self, now: Duration, what: &Line) {
        self.next = now + if self.on_terminal { ON_TERMINAL } else { IN_FILE };
        self.said = true;
        let (begin, end) = if self.on_terminal { ("\r\x1b[2K", "") } else { ("", "\n") };
        // Nobody is told if standard error is gone: the search is what counts.
        let _ = write!(stderr().lock(), "{begin}backwater: {what}{end}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.said && self.on_terminal {
            let _ = writeln!(stderr().lock());
        }
    }
}

/// How far a search is.
#[derive(Debug)]
pub(super) struct Line {
    /// None if schedules are explored.
    pub(super) states: u64,
    pub(super) runs: u64,
    pub(super) elapsed: Duration,
    /// About how many runs there are, where that can be said.
    pub(super) estimate: Option<f64>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { states, runs, elapsed, estimate } = self;
        let seconds = elapsed.as_secs_f64();
        let (done, what) = if *states > 0 { (states, "states") } else { (runs, "runs") };
        write!(f, "{done} {what} in {seconds:.0} s, {:.0} a second", *done as f64 / seconds.max(1e-9))?;
        let Some(estimate) = estimate.filter(|estimate| *estimate >= *runs as f64) else { return Ok(()) };
        let left = seconds * (estimate / (*runs as f64).max(1.0) - 1.0);
        let percent = 100.0 * *runs as f64 / estimate;
        write!(f, "; {percent:.2} % of about {estimate:.0}, about {} left", Left(left))
    }
}

/// Seconds, in a unit that fits.
struct Left(f64);

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ..120.0 => write!(f, "{:.0} s", self.0),
            ..7_200.0 => write!(f, "{:.0} min", self.0 / 60.0),
            ..172_800.0 => write!(f, "{:.0} h", self.0 / 3_600.0),
            _ => write!(f, "{:.0} days", self.0 / 86_400.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_is_done_and_left() {
        let line = Line { states: 0, runs: 1_000, elapsed: Duration::from_secs(10), estimate: Some(4_000.0) };
        assert_eq!(line.to_string(), "1000 runs in 10 s, 100 a second; 25.00 % of about 4000, about 30 s left");
        let line = Line { states: 0, runs: 1_000, elapsed: Duration::from_secs(10), estimate: None };
        assert_eq!(line.to_string(), "1000 runs in 10 s, 100 a second");
        let line = Line { states: 500, runs: 3, elapsed: Duration::from_secs(10), estimate: None };
        assert_eq!(line.to_string(), "500 states in 10 s, 50 a second");
    }

    #[test]
    fn what_is_left_is_said_in_a_unit_that_fits() {
        let said = [119.0, 120.0, 7_199.0, 7_200.0, 172_799.0, 172_800.0].map(|seconds| Left(seconds).to_string());
        assert_eq!(said, ["119 s", "2 min", "120 min", "2 h", "48 h", "2 days"]);
    }
}
