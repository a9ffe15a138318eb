//! A text sequence chart: actors as columns, messages as arrows, mutes and falls as they happen.

use super::wait_for::{escape, node};
use crate::event::{ActorId, End, Event, Lane, Observer};
use crate::sync::{Arc, Mutex, lock};
use core::fmt::{self, Debug, Write};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// Draws a small run. Clones share the chart: keep one, give the other to the runtime.
///
/// A lifeline is `│`, `║` while its actor is overloaded or under pressure, `┊` while it is muted, and blank before
/// the actor's birth and after its end. Rules are cited as in `docs/RULES.md`. Actors that nothing happened to have no
/// column. It grows with the run.
///
/// ```
/// use backwater::{Runtime, report::Chart};
///
/// let chart = Chart::new();
/// Runtime::builder().observer(chart.clone()).run(|env| env.out.clone().tell("".into(), env)).unwrap();
/// assert!(chart.to_string().contains("Print(\"\")"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Chart {
    shared: Arc<Mutex<Drawing>>,
}

impl Chart {
    /// An empty chart.
    pub fn new() -> Self {
        Chart::default()
    }

    /// An empty chart that leaves out the lines of what always happens: that `main` begins, creates actors and ends.
    pub fn brief() -> Self {
        let chart = Chart::default();
        lock(&chart.shared).brief = true;
        chart
    }

    /// The same as a `sequenceDiagram` in Mermaid's language, which forges and editors show in Markdown.
    ///
    /// ```
    /// use backwater::{Runtime, report::Chart};
    ///
    /// let chart = Chart::new();
    /// Runtime::builder().observer(chart.clone()).run(|env| env.out.clone().tell("".into(), env)).unwrap();
    /// assert!(chart.mermaid().contains("a0_0->>a1_0: Print(#quot;#quot;)"));
    /// ```
    pub fn mermaid(&self) -> String {
        lock(&self.shared).mermaid()
    }

    /// Its head and its last lines: at most so many, about at most so many actors. How many lines come before them, too.
    pub(crate) fn tail(&self, rows: usize, actors: usize) -> (usize, String) {
        let drawing = lock(&self.shared);
        let (skipped, columns) = drawing.suffix(rows, actors);
        let text = Cut { drawing: &drawing, skipped, columns }.to_string();
        (skipped, text)
    }
}

impl Observer for Chart {
    fn observe(&mut self, now: Duration, event: &Event<'_>) {
        lock(&self.shared).add(now, event);
    }
}

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let drawing = lock(&self.shared);
        let columns = drawing.columns();
        Cut { drawing: &drawing, skipped: 0, columns }.fmt(f)
    }
}

/// A drawing without its first lines.
struct Cut<'d> {
    drawing: &'d Drawing,
    skipped: usize,
    columns: Vec<ActorId>,
}

#[derive(Debug, Default)]
struct Drawing {
    names: BTreeMap<ActorId, String>,
    rows: Vec<Row>,
    brief: bool,
}

/// One line of the chart.
#[derive(Debug)]
struct Row {
    now: Duration,
    /// Absent: it happened outside the program.
    from: Option<ActorId>,
    /// An arrow goes from `from` to here.
    to: Option<ActorId>,
    /// The lifeline of `from` from this row on.
    line: Option<char>,
    note: String,
    /// It always happens.
    usual: bool,
}

const BLANK: char = ' ';
const IDLE: char = '│';
const PRESSING: char = '║';
const MUTED: char = '┊';

impl Drawing {
    fn add(&mut self, now: Duration, event: &Event<'_>) {
        use Event::*;
        let (from, to, line, note) = match *event {
            Spawned { actor, parent, name, .. } => {
                self.names.insert(actor, format!("{name}{actor}"));
                let parent = (parent != actor).then(|| format!("created by {}", self.name(parent)));
                (actor, None, Some(IDLE), parent.unwrap_or_else(|| "begins".to_owned()))
            }
            Sent { from, to, lane: Lane::Ordinary, message, .. } => (from, Some(to), None, quote(message)),
            Sent { from, to, lane: Lane::Control, message, .. } => {
                (from, Some(to), None, format!("{} on the control lane (R7)", quote(message)))
            }
            Delivered { to, message } => (to, None, None, format!("{} from the runtime (R7)", quote(message))),
            DeadLetter { to, message, .. } => (to, None, None, format!("{} is a dead letter (R1)", quote(message))),
            MarksDropped { sender } => (sender, None, None, "exempt: its marks are dropped (R3)".to_owned()),
            Muted { sender, receivers } => {
                let by: Vec<&str> = receivers.iter().map(|r| self.name(*r)).collect();
                (sender, None, Some(MUTED), format!("muted by {} (R3)", by.join(", ")))
            }
            Freed { sender } => (sender, None, Some(IDLE), "freed (R6)".to_owned()),
            Applied { actor, .. } => (actor, None, Some(PRESSING), "applies pressure (R5)".to_owned()),
            Released { actor, .. } => (actor, None, None, "releases pressure (R5)".to_owned()),
            Held { actor, guard, .. } => (actor, None, Some(PRESSING), format!("takes guard {guard} (R5)")),
            GuardDropped { actor, guard } => (actor, None, None, format!("guard {guard} is dropped (R5)")),
            Overloaded { actor } => (actor, None, Some(PRESSING), "overloaded (R4)".to_owned()),
            CaughtUp { actor } => (actor, None, None, "caught up (R4)".to_owned()),
            Redundant { actor, call, .. } => (actor, None, None, format!("{call} changes nothing (R5)")),
            Fell { actor } => (actor, None, Some(IDLE), "falls (R6)".to_owned()),
            Ended { actor, why } => (actor, None, Some(BLANK), format!("ends: {why:?} (R8)")),
            Outside { what } => {
                return self.rows.push(Row {
                    now,
                    from: None,
                    to: None,
                    line: None,
                    note: what.to_owned(),
                    usual: false,
                });
            }
            Marked { .. }
            | RunBegan { .. }
            | RunsOn { .. }
            | Told { .. }
            | Heard { .. }
            | Handling { .. }
            | Handled { .. }
            | RunEnded { .. }
            | TimerFired { .. } => {
                return;
            }
        };
        let usual = match *event {
            Spawned { parent, .. } => parent == ActorId::MAIN,
            Ended { actor, why } => actor == ActorId::MAIN && why == End::Stopped,
            _ => false,
        };
        self.rows.push(Row { now, from: Some(from), to, line, note, usual });
    }

    fn name(&self, id: ActorId) -> &str {
        self.names.get(&id).map_or("an actor that has ended", String::as_str)
    }

    /// The last lines, at most so many, and the actors that they are about, at most so many: how many lines come before.
    fn suffix(&self, rows: usize, actors: usize) -> (usize, Vec<ActorId>) {
        let all = self.columns();
        let shown: Vec<&Row> = self.rows.iter().filter(|row| row.is_shown(&all) && self.shows(row)).collect();
        let mut about = BTreeSet::new();
        let fits = |row: &&&Row| {
            about.extend(row.from.into_iter().chain(row.to));
            about.len() <= actors
        };
        let fitting = shown.iter().rev().take(rows).take_while(fits).count();
        let last = &shown[shown.len() - fitting..];
        let touched = |id: &ActorId| last.iter().any(|row| row.from == Some(*id) || row.to == Some(*id));
        (shown.len() - fitting, all.into_iter().filter(touched).collect())
    }

    fn shows(&self, row: &Row) -> bool {
        !(self.brief && row.usual)
    }

    /// What stands to the right: who it happened to, where no arrow says it.
    fn note(&self, row: &Row) -> String {
        match (row.from, row.to) {
            (Some(from), None) => format!("{} {}", self.name(from), row.note),
            _ => row.note.clone(),
        }
    }

    fn mermaid(&self) -> String {
        let columns = self.columns();
        let mut text = String::from("sequenceDiagram\n");
        let mut put = |line: fmt::Arguments<'_>| {
            // A String takes whatever is written to it.
            let _ = writeln!(text, "    {line}");
        };
        for id in &columns {
            put(format_args!("participant {} as {}", node(*id), escape(self.name(*id))));
        }
        let ends = columns.first().zip(columns.last());
        let mut now = Duration::ZERO;
        for row in self.rows.iter().filter(|row| row.is_shown(&columns) && self.shows(row)) {
            if let Some((first, last)) = ends.filter(|_| row.now != now) {
                now = row.now;
                put(format_args!("Note over {},{}: {now:?}", node(*first), node(*last)));
            }
            match (row.from, row.to.filter(|to| columns.contains(to)), ends) {
                (Some(from), Some(to), _) => put(format_args!("{}->>{}: {}", node(from), node(to), escape(&row.note))),
                (Some(from), None, _) => put(format_args!("Note over {}: {}", node(from), escape(&row.note))),
                (None, _, Some((first, last))) => {
                    put(format_args!("Note over {},{}: {}", node(*first), node(*last), escape(&row.note)));
                }
                (None, _, None) => {}
            }
        }
        text
    }

    /// The actors that something happened to besides their birth and the end of the run.
    fn columns(&self) -> Vec<ActorId> {
        let touched = |id: &ActorId| {
            let about =
                |row: &&Row| row.from == Some(*id) && !matches!(row.line, Some(IDLE | BLANK)) || row.to == Some(*id);
            self.rows.iter().any(|row| about(&row))
        };
        self.names.keys().copied().filter(touched).collect()
    }
}

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cut { drawing, skipped, columns } = self;
        let all = drawing.columns();
        let width = columns.iter().map(|id| drawing.name(*id).chars().count()).max().unwrap_or(0) + 3;
        let mut lines = vec![BLANK; columns.len()];
        let mut now = None;
        let header: String = columns.iter().map(|id| format!("{:^width$}", drawing.name(*id))).collect();
        writeln!(f, "{:>14}{}", "", header.trim_end())?;
        let mut number = 0;
        for row in drawing.rows.iter().filter(|row| row.is_shown(&all)) {
            let graphic = row.graphic(columns, &mut lines, width);
            if !drawing.shows(row) {
                continue;
            }
            number += 1;
            if number <= *skipped {
                continue;
            }
            let time = if now == Some(row.now) { String::new() } else { format!("{:?}", row.now) };
            now = Some(row.now);
            writeln!(f, "{time:<12}  {}  {}", graphic, drawing.note(row))?;
        }
        Ok(())
    }
}

impl Row {
    fn is_shown(&self, columns: &[ActorId]) -> bool {
        self.from.is_none_or(|from| columns.contains(&from))
    }

    fn graphic(&self, columns: &[ActorId], lines: &mut [char], width: usize) -> String {
        let column = |id: ActorId| columns.iter().position(|c| *c == id);
        let center = |column: usize| column * width + (width - 1) / 2;
        let from = self.from.and_then(column);
        if let (Some(from), Some(line)) = (from, self.line) {
            // A fall or the freeing of an actor that has ended draws no line.
            lines[from] = line;
        }
        let mut cells = vec![BLANK; columns.len() * width];
        lines.iter().enumerate().for_each(|(column, line)| cells[center(column)] = *line);
        match (from, self.to.and_then(column)) {
            (Some(from), Some(to)) if from == to => cells[center(from) + 1] = '⟲',
            (Some(from), Some(to)) => {
                let (a, b) = (center(from), center(to));
                cells[a.min(b) + 1..a.max(b)].fill('─');
                cells[if a < b { b - 1 } else { b + 1 }] = if a < b { '▶' } else { '◀' };
            }
            (Some(from), None) if self.to.is_none() => cells[center(from) + 1] = '•',
            _ => {}
        }
        cells.into_iter().collect()
    }
}

/// A message's `Debug` text, cut where it gets long.
fn quote(message: &dyn Debug) -> String {
    const LONGEST: usize = 60;
    let text = format!("{message:?}");
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
