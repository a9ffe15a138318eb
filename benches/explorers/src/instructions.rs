//! How many instructions a run of the checker takes: a figure that a busy machine does not change.
//!
//! Each search runs under valgrind's callgrind with n and with 2n runs (or states), and the difference is taken, so that
//! start and end cancel out.

use crate::case::{Case, Program};
use crate::{command, told};
use std::path::Path;
use std::process::Command;

/// What is searched, how, and with how many runs the shorter time.
const SEARCHES: [(&str, Program, u8, u64); 12] = [
    ("ours-random", Program::Counter, 3, 2_000),
    ("ours-random", Program::Buffer, 2, 1_000),
    ("ours-random", Program::Pressure, 2, 1_000),
    ("ours-pct", Program::Counter, 3, 2_000),
    ("ours-pos", Program::Counter, 3, 2_000),
    ("ours-exhaustive", Program::Buffer, 2, 1_000),
    ("ours-exhaustive", Program::Pressure, 2, 1_000),
    ("ours-exhaustive-again", Program::Buffer, 2, 1_000),
    ("ours-states", Program::Buffer, 6, 2_000),
    ("ours-states-again", Program::Buffer, 6, 2_000),
    ("ours-states", Program::Pressure, 6, 1_000),
    ("ours-states-again", Program::Pressure, 6, 1_000),
];

/// Prints a table.
pub fn all(args: &[String]) -> Result<(), String> {
    if !args.is_empty() {
        return Err("instructions takes no options".into());
    }
    println!("| search | program | steps a run | instructions a run | a step |\n|---|---|---:|---:|---:|");
    for (tool, program, per, runs) in SEARCHES {
        let case = Case { seconds: 600.0, runs, ..Case::new(program, per, false) };
        let [(short, short_steps), (long, long_steps)] = [counted(tool, case)?, counted(tool, twice(case))?];
        let (instructions, steps) =
            ((long - short) as f64 / runs as f64, (long_steps - short_steps) as f64 / runs as f64);
        let name = format!("{} per {per}", program.name());
        println!("| {tool} | {name} | {steps:.1} | {instructions:.0} | {:.0} |", instructions / steps);
    }
    Ok(())
}

fn twice(case: Case) -> Case {
    Case { runs: 2 * case.runs, ..case }
}

/// Instructions and steps of so many runs, or states.
fn counted(tool: &str, case: Case) -> Result<(u64, u64), String> {
    let plain = command(tool, case)?;
    let out = std::env::temp_dir().join(format!("backwater-explorers-{}.callgrind", std::process::id()));
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--quiet", &format!("--callgrind-out-file={}", out.display())]);
    valgrind.arg(plain.get_program()).args(plain.get_args());
    let said = told(&mut valgrind);
    let total = total(&out);
    // What was never made is not there.
    let _ = std::fs::remove_file(&out);
    let (said, total) = (said?, total?);
    if said.outcome.complete || said.outcome.runs < case.runs {
        return Err(format!("{tool} on {} per {} has fewer than {} runs", case.program.name(), case.per, case.runs));
    }
    Ok((total, said.outcome.steps))
}

fn total(file: &Path) -> Result<u64, String> {
    let text = std::fs::read_to_string(file).map_err(|why| format!("callgrind's file {}: {why}", file.display()))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")));
    let total = total.and_then(|total| total.split_whitespace().next()?.parse().ok());
    total.ok_or_else(|| format!("callgrind's file {} has no total", file.display()))
}
