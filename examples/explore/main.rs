//! Runs the checker on three small programs and says how fast it was, as JSON Lines.
//!
//! Exit codes: 0 if the search ended as a search of that program should, 1 if not, 2 for bad options.

mod programs;

use backwater::{Check, Mode, Verdict};
use clap::{Parser, ValueEnum};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Runs the checker on a small program and says how fast it was.
#[derive(Parser)]
#[command(after_help = "Exit codes: 0 as it should be, 1 a bug was missed or invented, 2 bad options.")]
struct Options {
    /// Which program: a lost update, a bounded buffer, a receiver under pressure.
    #[arg(value_parser = programs::NAMES)]
    program: String,
    /// How schedules are chosen.
    #[arg(value_enum, long, default_value = "exhaustive")]
    mode: Way,
    /// The program with its bug.
    #[arg(long)]
    bug: bool,
    /// Items for each sender.
    #[arg(long, default_value_t = 1)]
    per: u32,
    /// Goes on after a failure, to measure runs a second of a program that fails.
    #[arg(long)]
    keep_going: bool,
    /// The most runs.
    #[arg(long, default_value_t = u64::MAX)]
    runs: u64,
    /// The most time, in seconds.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// The seed of drawn schedules.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Behaviours are not interrupted.
    #[arg(long)]
    atomic: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    Exhaustive,
    Naive,
    Random,
    Pct,
    Pos,
}

impl Options {
    fn mode(&self) -> Mode {
        match self.mode {
            Way::Exhaustive => Mode::Exhaustive,
            Way::Naive => Mode::Naive,
            Way::Random => Mode::Random(self.runs),
            Way::Pct => Mode::Pct { depth: 3, runs: self.runs },
            Way::Pos => Mode::Pos(self.runs),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let check = Check::new()
        .mode(options.mode())
        .seed(options.seed)
        .max_runs(options.runs)
        .max_time(Duration::from_secs_f64(options.seconds))
        .check_invariants(false)
        .atomic_behaviours(options.atomic)
        .keep_going(options.keep_going);
    let program = programs::program(&options.program, options.bug, options.per);
    #[expect(clippy::disallowed_methods, reason = "it measures real time")]
    let start = Instant::now();
    let verdict = check.run(&program);
    let seconds = start.elapsed().as_secs_f64();
    let (explored, found) = (verdict.explored(), verdict.failure().is_some());
    let end = match &verdict {
        Verdict::Complete(_) => "complete",
        Verdict::Cut { .. } => "cut",
        Verdict::Failed(_) => "failed",
    };
    println!(
        "{{\"program\":\"{}\",\"bug\":{},\"per\":{},\"end\":\"{end}\",\"runs\":{},\"redundant\":{},\"steps\":{},\
         \"seconds\":{seconds:.6},\"runs_a_second\":{:.0},\"steps_a_second\":{:.0}}}",
        options.program,
        options.bug,
        options.per,
        explored.runs,
        explored.redundant,
        explored.steps,
        explored.runs as f64 / seconds,
        explored.steps as f64 / seconds,
    );
    ExitCode::from(u8::from(found && !options.bug))
}
