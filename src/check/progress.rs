//! Says on standard error how far a long search is: nobody should have to guess whether it will end today.

use super::verdict::Explored;
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
    to: Box<dyn Write>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Progress::to(Box::new(stderr()), stderr().is_terminal())
    }

    fn to(to: Box<dyn Write>, on_terminal: bool) -> Self {
        Progress { next: if on_terminal { 2 * ON_TERMINAL } else { IN_FILE }, on_terminal, said: false, to }
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
        let _ = write!(self.to, "{begin}backwater: {what}{end}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.said && self.on_terminal {
            let _ = writeln!(self.to);
        }
    }
}

/// How far a search is.
#[derive(Debug)]
pub(super) struct Line {
    /// None if schedules are explored.
    states: u64,
    runs: u64,
    elapsed: Duration,
    /// About how many runs there are, where that can be said.
    estimate: Option<f64>,
}

impl Line {
    /// What was explored until now; runs for nothing are work too. `estimate` says how many runs there are, if so many were
    /// made.
    pub(super) fn new(explored: &Explored, elapsed: Duration, estimate: impl FnOnce(u64) -> Option<f64>) -> Self {
        let runs = explored.runs + explored.redundant;
        Line { states: explored.states, runs, elapsed, estimate: estimate(runs) }
    }
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
    use crate::sync::{Arc, Mutex, lock};
    use std::io;

    /// What is written, for whoever looks.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            lock(&self.0).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// At which seconds of the first minute something is said, and all that is written.
    fn said(on_terminal: bool, seconds: std::ops::Range<u64>) -> (Vec<u64>, String) {
        let paper = Paper::default();
        let mut progress = Progress::to(Box::new(paper.clone()), on_terminal);
        let explored = Explored { runs: 2, redundant: 3, ..Explored::default() };
        let mut at = Vec::new();
        for second in seconds {
            let now = Duration::from_secs(second);
            if progress.is_due(now) {
                progress.say(now, &Line::new(&explored, now, |runs| Some(runs as f64 * 2.0)));
                at.push(second);
            }
        }
        drop(progress);
        let bytes = lock(&paper.0).clone();
        (at, String::from_utf8(bytes).expect("it is text"))
    }

    #[test]
    fn a_long_search_says_every_ten_seconds_how_far_it_is_and_a_short_one_nothing() {
        let (at, text) = said(false, 0..25);
        assert_eq!(at, [10, 20]);
        let line =
            |s, left| format!("backwater: 5 runs in {s} s, 0 a second; 50.00 % of about 10, about {left} s left\n");
        assert_eq!(text, line(10, 10) + &line(20, 20));
        assert_eq!(said(false, 0..10), (Vec::new(), String::new()));
    }

    /// Each line stands where the last one stood; what comes after the search begins a new one.
    #[test]
    fn on_a_terminal_it_says_it_every_second_in_one_line() {
        let (at, text) = said(true, 0..4);
        assert_eq!(at, [2, 3]);
        let line =
            |s| format!("\r\x1b[2Kbackwater: 5 runs in {s} s, 2 a second; 50.00 % of about 10, about {s} s left");
        assert_eq!(text, line(2) + &line(3) + "\n");
        assert_eq!(said(true, 0..2), (Vec::new(), String::new()));
    }

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
