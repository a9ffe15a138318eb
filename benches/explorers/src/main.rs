//! Runs Backwater's checker and other explorers on the same programs.
//!
//! - Without a word: all explorers alternately, and what they did as tables (`compare`). `[--seconds S] [--rounds N]
//!   [--write FILE]`.
//! - `instructions`: how many instructions a run of the checker takes, counted by callgrind (`instructions`).
//! - `one TOOL PROGRAM ok|bug PER SECONDS SEED RUNS`: one explorer once; prints `runs steps seconds found complete`. Each
//!   runs in a process of its own, because loom ends the process on some failures.

mod actors;
mod case;
mod compare;
mod instructions;
mod models;
mod section;
mod threads;

use actors::Search;
use case::{Case, Outcome, Program, Told};
use std::process::{Command, ExitCode};
use std::time::Instant;
use threads::Shuttle;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.first().map(String::as_str) {
        Some("one") => one(&args[1..]),
        Some("instructions") => instructions::all(&args[1..]),
        _ => compare::all(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

// --- One explorer, once ---------------------------------------------------------------------------------------------

fn one(args: &[String]) -> Result<(), String> {
    let [tool, program, bug, per, seconds, seed, runs] = args else {
        return Err("wanted: one TOOL PROGRAM ok|bug PER SECONDS SEED RUNS".into());
    };
    let case = Case {
        program: Program::parse(program).ok_or("PROGRAM is e1, e2 or e3")?,
        bug: bug == "bug",
        per: per.parse().map_err(|_| "PER is a number from 1 to 255")?,
        seconds: seconds.parse().map_err(|_| "SECONDS is a number")?,
        seed: seed.parse().map_err(|_| "SEED is a number")?,
        runs: runs.parse().map_err(|_| "RUNS is a number")?,
    };
    let begun = Instant::now();
    let threads = tool.starts_with("loom") || tool.starts_with("shuttle");
    // Where a failure may end the process, its panic reports.
    std::panic::set_hook(Box::new(move |_| {
        if threads {
            print(begun, Outcome { runs: threads::runs(), found: true, ..Outcome::default() });
            std::process::exit(0);
        }
    }));
    let outcome = explore(tool, case)?;
    print(begun, outcome);
    Ok(())
}

fn print(begun: Instant, Outcome { runs, steps, found, complete }: Outcome) {
    println!("{runs} {steps} {:.9} {found} {complete}", begun.elapsed().as_secs_f64());
}

/// This program, called with `one` and these words.
fn command(tool: &str, case: Case) -> Result<Command, String> {
    let Case { program, bug, per, seconds, seed, runs } = case;
    let mut command = Command::new(std::env::current_exe().map_err(|why| why.to_string())?);
    command.args(["one", tool, program.name(), if bug { "bug" } else { "ok" }]);
    command.args([per.to_string(), seconds.to_string(), seed.to_string(), runs.to_string()]);
    Ok(command)
}

/// What a process said that was called so.
fn told(command: &mut Command) -> Result<Told, String> {
    let output = command.output().map_err(|why| why.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let fields: Vec<&str> = text.lines().next().unwrap_or_default().split(' ').collect();
    let bad = || format!("{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    let [runs, steps, seconds, found, complete] = fields[..] else { return Err(bad()) };
    let number = |text: &str| text.parse().map_err(|_| bad());
    let (runs, steps) = (number(runs)?, number(steps)?);
    let outcome = Outcome { runs, steps, found: found == "true", complete: complete == "true" };
    Ok(Told { outcome, seconds: seconds.parse().map_err(|_| bad())? })
}

/// `again` in the name of one of ours says that it never goes back to a copy of a state.
fn explore(tool: &str, case: Case) -> Result<Outcome, String> {
    let ours = tool.strip_suffix("-again");
    if ours.is_some() {
        actors::run_again();
    }
    let tool = ours.unwrap_or(tool);
    Ok(match tool {
        "ours-random" => actors::run(Search::Random, case),
        "ours-pct" => actors::run(Search::Pct, case),
        "ours-pos" => actors::run(Search::Pos, case),
        "ours-exhaustive" => actors::run(Search::Exhaustive, case),
        "ours-states" => actors::run(Search::States, case),
        "loom" => threads::loom(None, case),
        "loom-2" => threads::loom(Some(2), case),
        "shuttle-random" => threads::shuttle(Shuttle::Random, case),
        "shuttle-pct" => threads::shuttle(Shuttle::Pct, case),
        "shuttle-dfs" => threads::shuttle(Shuttle::Dfs, case),
        "stateright-bfs" => models::run(true, case),
        "stateright-dfs" => models::run(false, case),
        other => return Err(format!("{other} is no explorer")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every program in every size that is explored to the end in a moment.
    fn cases() -> Vec<Case> {
        let sizes = [
            (Program::Counter, 3),
            (Program::Buffer, 1),
            (Program::Buffer, 2),
            (Program::Pressure, 1),
            (Program::Pressure, 2),
        ];
        let case = |(program, per), bug| Case { seconds: 300.0, ..Case::new(program, per, bug) };
        sizes.into_iter().flat_map(|size| [case(size, false), case(size, true)]).collect()
    }

    /// The same models, written as actors and as transition systems, each explored by its own tool.
    #[test]
    fn stateright_and_the_checker_reach_the_same_ends() {
        for case in cases() {
            let theirs: BTreeSet<u8> = (0..=12).filter(|end| models::ends_with(case, *end)).collect();
            for search in [Search::Exhaustive, Search::States] {
                assert_eq!(actors::ends(search, case), theirs, "{search:?} of {case:?}");
            }
        }
    }

    #[test]
    fn stateright_and_the_checker_come_to_the_same_verdict() {
        for case in cases() {
            let theirs = models::run(true, case);
            let ours = [Search::Exhaustive, Search::States].map(|search| actors::run(search, case));
            for outcome in ours {
                assert_eq!((outcome.found, outcome.complete), (theirs.found, theirs.complete), "{case:?}");
            }
        }
    }

    #[test]
    fn every_explorer_finds_the_lost_update() {
        let case = Case { seconds: 60.0, seed: 1, ..Case::new(Program::Counter, 3, true) };
        for tool in ["ours-random", "ours-pct", "ours-pos", "ours-exhaustive", "ours-states"] {
            assert!(explore(tool, case).expect("it is one of ours").found, "{tool}");
        }
    }
}
