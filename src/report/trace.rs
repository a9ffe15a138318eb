//! The run as lines of text.

use super::facts::Facts;
use crate::event::{Event, Observer};
use crate::sync::{Arc, Mutex, lock};
use core::fmt;
use core::time::Duration;

/// Keeps every event as a line of text, to be read after the run. Clones share the lines: keep one, give the other to
/// the runtime.
///
/// It grows with the run: for long runs write as you go, by an [`Observer`] of your own or
/// `JsonLines` (feature `serde`).
///
/// ```
/// use backwater::{Runtime, report::Trace};
///
/// let trace = Trace::terse();
/// Runtime::builder().observer(trace.clone()).run(|env| env.out.clone().tell("".into(), env)).unwrap();
/// assert!(trace.lines().contains(&"#0 -> #1 Print(\"\")".to_owned()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Trace {
    lines: Arc<Mutex<Vec<String>>>,
    terse: bool,
}

impl Trace {
    /// Every event, with its time and source line: two runs are the same iff their lines are.
    pub fn new() -> Self {
        Trace::default()
    }

    /// Without times and source lines, and without the events that frame every run and behaviour: for tests that keep
    /// a trace as text, which should not change when a line of source moves.
    pub fn terse() -> Self {
        Trace { terse: true, ..Trace::default() }
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        lock(&self.lines).clone()
    }

    /// The lines so far as one text, each ended by a line feed.
    pub fn text(&self) -> String {
        lock(&self.lines).iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lock(&self.lines).iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Observer for Trace {
    fn observe(&mut self, now: Duration, event: &Event<'_>) {
        let line = match self.terse {
            false => Some(format!("{now:?} {event}")),
            true => terse(event),
        };
        lock(&self.lines).extend(line);
    }
}

fn terse(event: &Event<'_>) -> Option<String> {
    use Event::*;
    if matches!(event, RunBegan { .. } | RunEnded { .. } | Handled { .. }) {
        return None;
    }
    let line = event.to_string();
    let Some(place) = Facts::of(event).place() else { return Some(line) };
    // From the right: a message may quote anything, also a place.
    let place = [", at ", " at "].map(|word| format!("{word}{place}"));
    let found = place.iter().find_map(|place| line.rfind(place.as_str()).map(|at| at..at + place.len()));
    Some(match found {
        Some(range) => format!("{}{}", &line[..range.start], &line[range.end..]),
        None => line,
    })
}
