//! The example of Pony's backpressure documentation, complete: a sender slows down for a slow peer, and speeds up again.
//!
//! `cargo run --release --example slow_down` needs nothing else; `--help` says what else it can show. The actors are in
//! `program.rs`, the peer that it brings along is in `peer.rs`.
//!
//! With `--flood` its memory stays below 32 MiB plus 8 chunks, whatever is sent: `tests/slow_down.rs` holds it to less.

mod peer;
mod program;

use backwater::{RunError, Runtime, Summary};
use clap::Parser;
use peer::{Peer, Step};
use program::{Outcome, Pace, Pressure, Settings};
use std::fmt;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::mpsc;
use std::time::Duration;

/// Watch an actor slow down for a slow peer, and speed up again, on a real TCP connection.
///
/// A sender writes 16 KiB every 5 ms to a connection. When the socket takes no more, the connection applies
/// backpressure, and the runtime holds the sender back until the socket takes more.
#[derive(Parser, Debug)]
#[command(after_help = NOTES)]
struct Options {
    /// Talk to this peer instead of the one that this program brings along
    #[arg(long, value_name = "HOST:PORT")]
    peer: Option<String>,

    /// Send as fast as possible: this much in all [1GiB if no size is given]
    #[arg(long, value_name = "SIZE", num_args = 0..=1, default_missing_value = "1GiB")]
    flood: Option<Size>,

    /// Bytes in one write
    #[arg(long, value_name = "SIZE", default_value = "16KiB")]
    chunk: Size,

    /// Milliseconds between two writes, when not flooding
    #[arg(long, value_name = "MS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,

    /// The peer resets the connection while it is throttled
    #[arg(long, conflicts_with = "peer")]
    reset: bool,

    /// Forget to release when the connection closes, as the published example does; implies --reset
    #[arg(long)]
    as_published: bool,
}

const NOTES: &str = "\
Another peer: run `nc -l 127.0.0.1 7669 >/dev/null` in a second terminal and this with `--peer 127.0.0.1:7669`. Suspend
nc with Ctrl-Z, and resume it with `fg`.

Memory: with --flood the process stays below 32 MiB plus 8 chunks, however much is sent and however long the peer
sleeps. While the connection is under pressure the sender completes the behaviour that it is in, which sends one
chunk; so only a few chunks are ever in memory.

Exit status: 0 if the run ended well; 1 if it ended with a deadlock report or another error, or if there was no
connection; 2 if the options are wrong.";

/// A number of bytes, like `64MiB`.
#[derive(Clone, Copy, Debug)]
struct Size(u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let factor = match text[digits.len()..].trim() {
            "" | "B" => 1,
            "KiB" | "K" | "k" => 1 << 10,
            "MiB" | "M" => 1 << 20,
            "GiB" | "G" => 1 << 30,
            unit => return Err(format!("`{unit}` is no unit: write B, KiB, MiB or GiB")),
        };
        let bytes = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).filter(|n| *n > 0);
        bytes.map(Size).ok_or_else(|| "write a number above 0, like 64MiB".to_owned())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n < 1 << 10 => write!(f, "{n} B"),
            n if n < 1 << 20 => write!(f, "{:.1} KiB", n as f64 / 1024.0),
            n if n < 1 << 30 => write!(f, "{:.1} MiB", n as f64 / (1 << 20) as f64),
            n => write!(f, "{:.2} GiB", n as f64 / (1 << 30) as f64),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let (throttled, told) = mpsc::channel();
    let own = match &options.peer {
        Some(_) => None,
        None => {
            match Peer::start(script(&options, told), |time, what| println!("{}", program::line(time, "peer", what))) {
                Ok(peer) => Some(peer),
                Err(why) => return fail(&format!("no peer of our own: {why}")),
            }
        }
    };
    let to = own.as_ref().map_or_else(|| options.peer.clone().unwrap_or_default(), |peer| peer.address.to_string());
    let chunk = usize::try_from(options.chunk.0).unwrap_or(usize::MAX);
    let pace = match options.flood {
        Some(size) => Pace::Flood(size.0),
        None => Pace::Every(Duration::from_millis(options.every)),
    };
    let pressure = if options.as_published { Pressure::AsPublished } else { Pressure::Repaired };
    let settings =
        Settings { to, chunk, send_buffer: program::SEND_BUFFER, pace, pressure, throttled: Some(throttled) };
    let outcome = program::run(Runtime::builder(), settings);
    if let Some(peer) = own.filter(|_| outcome.facts.connected) {
        peer.join();
    }
    report(&outcome)
}

/// What our own peer does.
fn script(options: &Options, throttled: mpsc::Receiver<()>) -> Vec<Step> {
    let ms = Duration::from_millis;
    if options.reset || options.as_published {
        return vec![Step::WaitFor(throttled), Step::Reset];
    }
    match options.flood {
        Some(_) => vec![Step::Pause(ms(1_000)), Step::Read(ms(100)), Step::Pause(ms(1_000)), Step::ReadToEnd],
        None => vec![Step::Read(ms(1_000)), Step::Pause(ms(1_500)), Step::Read(ms(1_000)), Step::Close],
    }
}

/// The end: a short table, or what went wrong.
fn report(outcome: &Outcome) -> ExitCode {
    if let Some(why) = &outcome.facts.connect_failed {
        return fail(why);
    }
    println!();
    println!("bytes written          {}", Size(outcome.facts.written));
    println!("backpressure applied   {}", count(outcome.facts.throttled, "time"));
    match &outcome.result {
        Ok(summary) => table(summary, &outcome.facts),
        Err(why) => {
            println!("peak memory            {}", peak_memory());
            println!();
            fail(&explain(why))
        }
    }
}

fn table(summary: &Summary, facts: &program::Facts) -> ExitCode {
    let totals = &summary.stats.totals;
    println!("mutes, unmutes         {}, {}", totals.mutes, totals.freed);
    println!("longest time muted     {:.2} s", totals.muted_longest.as_secs_f64());
    println!("deepest mailbox        {}", count(totals.deepest.into(), "message"));
    println!("largest backlog        {}", Size(facts.backlog_peak as u64));
    println!("peak memory            {}", peak_memory());
    ExitCode::SUCCESS
}

fn explain(why: &RunError) -> String {
    match why {
        RunError::Deadlock(report) => format!(
            "{report}\n\nThe connection is closed and nobody will ever release its pressure: the published example \
             releases only in `unthrottled`.\nWithout --as-published, `closed` releases too."
        ),
        other => other.to_string(),
    }
}

fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn fail(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

/// The most memory that this process ever had resident, where the machine tells.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.map_or_else(|| "not known here".to_owned(), |kib| Size(kib << 10).to_string())
}
