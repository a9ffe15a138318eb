//! `compare`: runs Backwater and its rivals alternately, workload by workload, and prints one
//! Markdown table of medians, spreads and ratios to `floor`; on request judges the targets and
//! writes the table into a marked section of a file.
//!
//! It measures nothing itself: every figure is read from the line that a contestant prints.

mod cases;
mod contestants;
mod head;
mod section;
mod stats;
mod table;

use anyhow::{Context, Result, ensure};
use backwater_peers::{Peer, Workload};
use cases::{CASES, Case};
use clap::{Parser, ValueEnum};
use contestants::{Contestant, Outcome};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Runs Backwater and its rivals alternately and prints a Markdown table of the medians.
#[derive(Parser)]
#[command(name = "compare", version)]
pub struct Settings {
    /// Runs of each contestant on each workload
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// A tenth of the messages: for trying things out, not for quoting
    #[arg(long)]
    quick: bool,
    /// Only this workload (may be given several times)
    #[arg(long, value_name = "WORKLOAD")]
    only: Vec<Workload>,
    /// Only these rivals, separated by commas; floor always runs
    #[arg(long, value_name = "PEER,...", value_delimiter = ',')]
    peers: Vec<Peer>,
    /// Worker threads of every contestant; Backwater with one is the single-threaded runtime, and a pool of one as well
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=2))]
    threads: u32,
    /// Backwater's benchmark program [default: the example `bench` of the main package]
    #[arg(long, value_name = "PATH")]
    ours: Option<PathBuf>,
    /// Leave Backwater out
    #[arg(long, conflicts_with_all = ["ours", "targets"])]
    no_ours: bool,
    /// Add a column with Backwater's targets and whether they were reached
    #[arg(long)]
    targets: bool,
    /// Add the peak memory of every workload
    #[arg(long)]
    memory: bool,
    /// Put the table into this file too, between its lines `<!-- begin:NAME -->` and
    /// `<!-- end:NAME -->`
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// The NAME of the section that --write fills
    #[arg(
        long,
        value_name = "NAME",
        default_value = "compare",
        requires = "write"
    )]
    section: String,
    /// Seconds after which a run is ended and its contestant shown as failed
    #[arg(long, value_name = "SECS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

impl Settings {
    /// The cases asked for.
    fn cases(&self) -> impl Iterator<Item = &'static Case> {
        CASES
            .iter()
            .filter(|case| self.only.is_empty() || self.only.contains(&case.workload))
    }

    /// Floor first, then Backwater on each of its runtimes, then the rivals asked for.
    fn contestants(&self) -> Result<Vec<Contestant>> {
        let program = contestants::peers_program()?;
        let mut all = vec![Contestant::peer(&program, Peer::Floor)];
        if !self.no_ours {
            all.push(Contestant::ours(self.ours.as_deref()));
            if self.threads == 1 {
                all.push(Contestant::our_pool(self.ours.as_deref()));
            }
        }
        let asked = |peer: &Peer| self.peers.is_empty() || self.peers.contains(peer);
        let rivals = Peer::value_variants().iter().filter(|p| **p != Peer::Floor);
        all.extend(
            rivals
                .filter(|p| asked(p))
                .map(|p| Contestant::peer(&program, *p)),
        );
        Ok(all)
    }
}

/// What a case's contestants did.
pub struct Measured {
    case: &'static Case,
    results: Vec<(String, Outcome)>,
}

impl Measured {
    fn any_failed(&self) -> bool {
        self.results.iter().any(|(_, o)| o.is_err())
    }
}

fn main() -> ExitCode {
    match run(&Settings::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether no contestant failed.
fn run(settings: &Settings) -> Result<bool> {
    if let Some(file) = &settings.write {
        // A file without the section is found out before the runs, not after.
        section::replace(&read(file)?, &settings.section, "").with_context(|| in_file(file))?;
    }
    let contestants = settings.contestants()?;
    let head = head::head(settings, &contestants);
    let measured: Vec<Measured> = settings
        .cases()
        .map(|case| measure(settings, case, &contestants))
        .collect();
    ensure!(!measured.is_empty(), "no workload of that name is compared");
    let text = format!("{head}\n{}", table::table(settings, &measured));
    print!("{text}");
    if let Some(file) = &settings.write {
        let filled = section::replace(&read(file)?, &settings.section, &text)
            .with_context(|| in_file(file))?;
        std::fs::write(file, filled).with_context(|| in_file(file))?;
    }
    Ok(!measured.iter().any(Measured::any_failed))
}

fn in_file(file: &std::path::Path) -> String {
    format!("--write {}", file.display())
}

fn read(file: &std::path::Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| in_file(file))
}

/// Runs the case's contestants alternately: A B C A B C. Who fails is not run again.
fn measure(settings: &Settings, case: &'static Case, contestants: &[Contestant]) -> Measured {
    let limit = Duration::from_secs(settings.timeout);
    let mut results: Vec<(&Contestant, Outcome)> = contestants
        .iter()
        .filter(|c| c.runs(case))
        .map(|c| (c, Ok(vec![])))
        .collect();
    for round in 1..=settings.runs {
        for (contestant, outcome) in &mut results {
            let Ok(lines) = outcome else { continue };
            let name = &contestant.name;
            eprintln!("{}: run {round} of {}, {name}", case.label, settings.runs);
            let arguments = case.arguments(settings, contestant);
            match contestant.run(&arguments, limit, &case.keys()) {
                Ok(line) => lines.push(line),
                Err(why) => {
                    eprintln!("{}: {name} failed: {why}", case.label);
                    *outcome = Err(why);
                }
            }
        }
    }
    Measured {
        case,
        results: results
            .into_iter()
            .map(|(c, outcome)| (c.name.clone(), outcome))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Settings::command().debug_assert();
    }

    #[test]
    fn only_picks_the_cases_of_a_workload() {
        let all = Settings::parse_from(["compare"]);
        assert_eq!(all.cases().count(), CASES.len());
        let ring = Settings::parse_from(["compare", "--only", "ring"]);
        assert_eq!(ring.cases().count(), 2);
    }

    #[test]
    fn every_workload_is_compared() {
        for workload in Workload::value_variants() {
            assert!(
                CASES.iter().any(|c| c.workload == *workload),
                "{workload:?}"
            );
        }
    }
}
