//! Echo servers under load, in one run: Backwater's example `echo`, and the plainest server over tokio. Each is a
//! process of its own; the clients are here, over loopback, the same for both.
//!
//! What is asked: how much is echoed; whether clients that never read cost the others anything; how much memory the
//! server takes; how much processor time it takes while only such clients are left.
//!
//! Not here: a verdict. Times of a shared machine vary: compare within one run.

#[path = "../compare/section.rs"]
mod section;

mod load;
mod server;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use load::{Crowd, Measured};
use server::Server;
use std::path::PathBuf;
use std::time::Duration;

/// Compare echo servers: throughput, memory, and what clients that never read cost.
#[derive(Parser, Clone, Debug)]
struct Options {
    /// Be the server over tokio, for this program itself
    #[arg(long, hide = true)]
    serve: bool,
    /// Backwater's example `echo`
    #[arg(long, value_name = "PROGRAM", default_value = "target/fast/examples/echo")]
    ours: PathBuf,
    /// Connections in all
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(4..=50_000))]
    connections: u32,
    /// Bytes that a client has on their way at a time
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 10, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    chunk: u32,
    /// How long each case is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Runs of each case, in turn; the table has the medians
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    runs: u32,
    /// Write the table between the marks `edges` of this file
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

/// A quarter of the peers never read.
const STALLED_OF: u32 = 4;

/// What is measured: which server, and whether the quarter that never reads is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Case {
    ours: bool,
    stalled: bool,
}

const CASES: [Case; 4] = [
    Case { ours: true, stalled: false },
    Case { ours: false, stalled: false },
    Case { ours: true, stalled: true },
    Case { ours: false, stalled: true },
];

impl Case {
    fn name(self) -> &'static str {
        if self.ours { "**backwater**" } else { "tokio" }
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    if options.serve {
        return server::serve();
    }
    ensure!(
        options.ours.exists(),
        "{} is not there: cargo build --profile fast --example echo, or say where it is with --ours",
        options.ours.display()
    );
    let mut found: Vec<(Case, Vec<Measured>)> = CASES.iter().map(|case| (*case, Vec::new())).collect();
    for run in 1..=options.runs {
        for (case, measured) in &mut found {
            let one = measure(*case, &options)?;
            eprintln!("run {run}, {case:?}: {one:?}");
            measured.push(one);
        }
    }
    let table = table(&found, &options);
    print!("{table}");
    if let Some(file) = &options.write {
        let text = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
        std::fs::write(file, section::replace(&text, "edges", &table)?)?;
    }
    Ok(())
}

fn measure(case: Case, options: &Options) -> Result<Measured> {
    let server = if case.ours { Server::ours(&options.ours)? } else { Server::tokio()? };
    let stalled = options.connections / STALLED_OF;
    let crowd = Crowd {
        readers: options.connections - stalled,
        stalled: if case.stalled { stalled } else { 0 },
        chunk: options.chunk as usize,
        time: Duration::from_secs(options.seconds),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(load::measure(&server, crowd))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn table(found: &[(Case, Vec<Measured>)], options: &Options) -> String {
    let command: Vec<String> = std::env::args().skip(1).collect();
    let command = shlex::try_join(command.iter().map(String::as_str)).unwrap_or_default();
    let (all, stalled) = (options.connections, options.connections / STALLED_OF);
    let mut text = format!(
        "Made, from the project's root, by\n\n```sh\ncargo build --profile fast --example echo\n\
         cargo build --release --manifest-path benches/peers/Cargo.toml\n\
         benches/peers/target/release/edges {command}\n```\n\non {}; medians of {} runs, each server with one thread; \
         {} clients that read, {} bytes on their way in each.\n\n\
         | server | clients that never read | echoed (MB/s) | of its own without them | peak memory (MB) | \
         memory of a connection (KB) | processor time with only those left (ms in a second) |\n\
         |---|---|---|---|---|---|---|\n",
        time::OffsetDateTime::now_utc().date(),
        options.runs,
        all - stalled,
        options.chunk,
    );
    for (case, runs) in found {
        let rate = median(runs.iter().map(|m| m.mb_per_s));
        let alone = found.iter().find(|(other, _)| other.ours == case.ours && !other.stalled);
        let alone = alone.map_or(rate, |(_, runs)| median(runs.iter().map(|m| m.mb_per_s)));
        let peak = median(runs.iter().map(|m| m.peak_mb));
        let connections = if case.stalled { all } else { all - stalled };
        let idle = median(runs.iter().map(|m| m.idle_ms_per_s));
        text += &format!(
            "| {} | {} | {rate:.0} | {:.2} | {peak:.1} | {:.1} | {} |\n",
            case.name(),
            if case.stalled { stalled } else { 0 },
            rate / alone,
            peak * 1e3 / f64::from(connections),
            if case.stalled { format!("{idle:.1}") } else { "–".into() },
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(mb_per_s: f64) -> Measured {
        Measured { mb_per_s, peak_mb: 10.0, idle_ms_per_s: 0.0 }
    }

    #[test]
    fn the_table_compares_a_server_with_itself() {
        let found: Vec<(Case, Vec<Measured>)> =
            CASES.iter().map(|case| (*case, vec![measured(if case.stalled { 90.0 } else { 100.0 })])).collect();
        let text = table(&found, &Options::parse_from(["edges", "--connections", "400"]));
        assert_eq!(text.matches("| 90 | 0.90 |").count(), 2, "{text}");
        assert_eq!(text.matches("| 100 | 1.00 |").count(), 2, "{text}");
        assert!(text.contains("300 clients that read"), "{text}");
    }

    /// A whole small run against the server over tokio, of which this test program cannot be one: in its own process.
    #[test]
    fn clients_that_never_read_do_not_stop_the_others() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let server = Server::here(listener.local_addr().unwrap());
        runtime.spawn(server::echo(listener));
        let crowd = Crowd { readers: 6, stalled: 2, chunk: 1_000, time: Duration::from_millis(300) };
        let measured = runtime.block_on(load::measure(&server, crowd)).unwrap();
        assert!(measured.mb_per_s > 0.0 && measured.peak_mb > 0.0, "{measured:?}");
    }
}
