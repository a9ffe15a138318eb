//! How costs grow: the other workloads at growing sizes, each in a process of its own, as a table in Markdown.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// What is measured, in what unit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Nanoseconds for each message, mute or fall.
    Nanoseconds,
    /// Milliseconds of processor time, in all.
    Processor,
}
use Unit::{Nanoseconds, Processor};

/// What grows, the unit, the arguments but for the size, the option that is the size, and the sizes.
type Row = (&'static str, Unit, &'static [&'static str], &'static str, &'static [&'static str]);

const ROWS: [Row; 8] = [
    ("actors in a ring, 1 token", Nanoseconds, &["ring"], "--s", &["10", "1000", "100000", "1000000"]),
    (
        "senders of one receiver",
        Nanoseconds,
        &["fanin", "--n", "5000000", "--work", "0"],
        "--s",
        &["1", "8", "1000", "100000"],
    ),
    (
        "messages in flight, for each of 100 actors",
        Nanoseconds,
        &["ubench", "--secs", "1"],
        "--b",
        &["1", "10", "100", "1000"],
    ),
    ("threads, 1 token in a ring", Nanoseconds, &["ring", "--pool"], "--threads", &["1", "2", "4", "8"]),
    (
        "threads, 100 tokens in a ring",
        Nanoseconds,
        &["ring", "--b", "100", "--pool"],
        "--threads",
        &["1", "2", "4", "8"],
    ),
    ("senders, a mute with its fall", Nanoseconds, &["mute", "--n", "500000"], "--s", &["1", "8", "1000"]),
    ("falls that nobody waits for", Nanoseconds, &["fall"], "--n", &["10000000"]),
    ("seconds in which nothing happens, processor time in ms", Processor, &["idle"], "--secs", &["2"]),
];

const BEGIN: &str = "<!-- begin:growth -->";
const END: &str = "<!-- end:growth -->";

/// Measures; prints the table, and puts it into `file` if there is one.
pub(crate) fn run(file: Option<&Path>) -> Result<(), String> {
    let mut table =
        String::from("| what grows | size | single, ns for each | pool of 2, ns for each |\n|---|---|---|---|\n");
    print!("{table}");
    for (what, unit, arguments, option, sizes) in ROWS {
        for size in sizes {
            let cost = |more: &[&str]| cost(&[arguments, &[option, size], more].concat(), unit);
            let (single, pool) = match option {
                "--threads" => ("–".to_owned(), cost(&[])?),
                _ => (cost(&[])?, cost(&["--threads", "2"])?),
            };
            let row = format!("| {what} | {size} | {single} | {pool} |\n");
            print!("{row}");
            table += &row;
        }
    }
    file.map_or(Ok(()), |file| write(file, &table))
}

/// The figure of a run of this program.
fn cost(arguments: &[&str], unit: Unit) -> Result<String, String> {
    let me = std::env::current_exe().map_err(|why| format!("this program cannot find itself: {why}"))?;
    let output =
        Command::new(me).args(arguments).output().map_err(|why| format!("this program does not start: {why}"))?;
    let line = String::from_utf8_lossy(&output.stdout);
    let key = if unit == Nanoseconds { r#""msgs_per_s":"# } else { r#""processor_ms":"# };
    let number = line.split_once(key).and_then(|(_, rest)| rest.split([',', '}']).next()?.parse::<f64>().ok());
    match number {
        Some(rate) if unit == Nanoseconds => Ok(format!("{:.1}", 1e9 / rate)),
        Some(ms) => Ok(format!("{ms:.0} ms")),
        None => Err(format!("bench {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// Puts the table between the two markers.
fn write(file: &Path, table: &str) -> Result<(), String> {
    let about = |why: &dyn std::fmt::Display| format!("{}: {why}", file.display());
    let text = std::fs::read_to_string(file).map_err(|why| about(&why))?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| about(&format!("no `{BEGIN}` with an `{END}` behind it: add them")))?;
    let mut new = String::new();
    let _ = write!(new, "{before}{BEGIN}\n\nMade by `target/fast/examples/bench growth --write docs/PERFORMANCE.md`, ");
    let _ = write!(new, "one run each:\n\n{table}\n{END}{after}");
    std::fs::write(file, new).map_err(|why| about(&why))
}
