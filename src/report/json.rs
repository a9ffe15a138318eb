//! The run as JSON Lines, for programs.
//!
//! The first line is `{"v":1,"kind":"backwater trace"}`; every other is one event: `t_ns`, `kind`, `actor`, and the
//! fields of its kind. Messages are strings, their `Debug` text; actors are strings like `#3`.

use super::facts::{Fact, Facts};
use crate::event::{Event, Observer};
use crate::sync::{Arc, Mutex, lock};
use core::fmt;
use core::time::Duration;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::io::{self, Write};

/// The version of the format, in its first line.
const VERSION: u32 = 1;

/// Writes every event as one line of JSON. Clones share the writer: keep one to [`finish`](Self::finish), give the
/// other to the runtime.
///
/// A write that fails ends the writing, not the run; [`finish`](Self::finish) reports it.
///
/// ```
/// use backwater::{Runtime, report::JsonLines};
///
/// let json = JsonLines::new(Vec::new());
/// Runtime::builder().observer(json.clone()).run(|_env| {}).unwrap();
/// let lines = String::from_utf8(json.finish().unwrap()).unwrap();
/// assert!(lines.starts_with("{\"v\":1"));
/// ```
pub struct JsonLines<W> {
    shared: Arc<Mutex<State<W>>>,
}

struct State<W> {
    /// Absent after `finish`.
    to: Option<W>,
    lines: u64,
    failure: Option<io::Error>,
}

/// A write of [`JsonLines`] failed, and what came after it was not written.
#[derive(Debug)]
pub struct JsonFailure {
    /// Whole lines that were written before.
    pub lines: u64,
    /// What went wrong.
    pub error: io::Error,
}

impl fmt::Display for JsonFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the trace ends after {} lines: {}", self.lines, self.error)
    }
}

impl std::error::Error for JsonFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl<W: Write + Send> JsonLines<W> {
    /// Writes the first line, then every event, each at once: wrap a file in a [`BufWriter`](io::BufWriter).
    pub fn new(to: W) -> Self {
        let mut state = State { to: Some(to), lines: 0, failure: None };
        state.write(&Head);
        JsonLines { shared: Arc::new(Mutex::new(state)) }
    }

    /// Flushes, and gives the writer back. Events after it are lost.
    ///
    /// # Errors
    /// The first write that failed, or the flush.
    ///
    /// # Panics
    /// If it is called twice, on two clones.
    pub fn finish(&self) -> Result<W, JsonFailure> {
        let mut state = lock(&self.shared);
        let mut to = state.to.take().expect("a trace is finished once");
        let lines = state.lines;
        match state.failure.take().or(to.flush().err()) {
            None => Ok(to),
            Some(error) => Err(JsonFailure { lines, error }),
        }
    }
}

impl<W: Write> State<W> {
    fn write(&mut self, line: &impl Serialize) {
        let Some(to) = self.to.as_mut().filter(|_| self.failure.is_none()) else { return };
        let written = serde_json::to_writer(&mut *to, line).map_err(io::Error::from);
        match written.and_then(|()| to.write_all(b"\n")) {
            Ok(()) => self.lines += 1,
            Err(error) => self.failure = Some(error),
        }
    }
}

impl<W> Clone for JsonLines<W> {
    fn clone(&self) -> Self {
        JsonLines { shared: self.shared.clone() }
    }
}

impl<W> fmt::Debug for JsonLines<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.shared);
        f.debug_struct("JsonLines")
            .field("lines", &state.lines)
            .field("failure", &state.failure)
            .finish_non_exhaustive()
    }
}

impl<W: Write + Send> Observer for JsonLines<W> {
    fn observe(&mut self, now: Duration, event: &Event<'_>) {
        lock(&self.shared).write(&Line { now, facts: Facts::of(event) });
    }
}

struct Head;

impl Serialize for Head {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(2))?;
        map.serialize_entry("v", &VERSION)?;
        map.serialize_entry("kind", "backwater trace")?;
        map.end()
    }
}

struct Line<'a> {
    now: Duration,
    facts: Facts<'a>,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("t_ns", &(self.now.as_nanos() as u64))?;
        map.serialize_entry("kind", self.facts.kind)?;
        map.serialize_entry("actor", &Fact::Actor(self.facts.actor))?;
        self.facts.rest.iter().try_for_each(|(name, fact)| map.serialize_entry(name, fact))?;
        map.end()
    }
}

impl Serialize for Fact<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Fact::Actor(id) => to.collect_str(id),
            Fact::Actors(ids) => to.collect_seq(ids.iter().map(|id| Fact::Actor(*id))),
            Fact::Count(n) => to.serialize_u64(*n),
            Fact::Counts(numbers) => to.collect_seq(*numbers),
            Fact::Flag(flag) => to.serialize_bool(*flag),
            Fact::Word(word) => to.serialize_str(word),
            Fact::Message(message) => to.collect_str(&format_args!("{message:?}")),
            Fact::Place(place) => to.collect_str(place),
        }
    }
}
