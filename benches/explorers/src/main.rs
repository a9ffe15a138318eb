//! Runs Backwater's checker and other explorers on the same programs, alternately, and prints what they did as a table.
//!
//! `backwater-explorers [--seconds S] [--rounds N]` runs everything; `backwater-explorers one TOOL PROGRAM ok|bug PER
//! SECONDS SEED` runs one explorer once and prints `runs seconds found complete`: each runs in a process of its own,
//! because loom ends the process on some failures.

mod actors;
mod case;
mod models;
mod threads;

use actors::Search;
use case::{Case, Outcome, Program};
use std::process::{Command, ExitCode};
use std::time::Instant;
use threads::Shuttle;

/// Of ours and of theirs, how each is called on the command line.
const OURS: [&str; 5] = ["ours-random", "ours-pct", "ours-pos", "ours-exhaustive", "ours-states"];
const THEIRS: [&str; 7] =
    ["loom", "loom-2", "shuttle-random", "shuttle-pct", "shuttle-dfs", "stateright-bfs", "stateright-dfs"];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.first().map(String::as_str) {
        Some("one") => one(&args[1..]),
        _ => all(&args),
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
    let [tool, program, bug, per, seconds, seed] = args else {
        return Err("wanted: one TOOL PROGRAM ok|bug PER SECONDS SEED".into());
    };
    let case = Case {
        program: Program::parse(program).ok_or("PROGRAM is e1, e2 or e3")?,
        bug: bug == "bug",
        per: per.parse().map_err(|_| "PER is a number from 1 to 255")?,
        seconds: seconds.parse().map_err(|_| "SECONDS is a number")?,
        seed: seed.parse().map_err(|_| "SEED is a number")?,
    };
    let begun = Instant::now();
    let threads = tool.starts_with("loom") || tool.starts_with("shuttle");
    // Where a failure may end the process, its panic reports.
    std::panic::set_hook(Box::new(move |_| {
        if threads {
            print(begun, Outcome { runs: threads::runs(), found: true, complete: false });
            std::process::exit(0);
        }
    }));
    let outcome = explore(tool, case)?;
    print(begun, outcome);
    Ok(())
}

fn print(begun: Instant, Outcome { runs, found, complete }: Outcome) {
    println!("{runs} {:.9} {found} {complete}", begun.elapsed().as_secs_f64());
}

fn explore(tool: &str, case: Case) -> Result<Outcome, String> {
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
        other => return Err(format!("{other} is none of {OURS:?} and {THEIRS:?}")),
    })
}

// --- All of them ----------------------------------------------------------------------------------------------------

/// What a process said: its outcome, and how long it took.
#[derive(Clone, Copy)]
struct Told {
    outcome: Outcome,
    seconds: f64,
}

fn all(args: &[String]) -> Result<(), String> {
    let (mut seconds, mut rounds) = (1.0, 3);
    let mut args = args.iter();
    while let Some(option) = args.next() {
        let value = args.next().ok_or_else(|| format!("{option} wants a value"))?;
        match option.as_str() {
            "--seconds" => seconds = value.parse().map_err(|_| "--seconds wants a number")?,
            "--rounds" => rounds = value.parse::<u64>().map_err(|_| "--rounds wants a number")?.max(1),
            _ => return Err(format!("{option}: wanted is [--seconds S] [--rounds N]")),
        }
    }
    let case = |program, per, bug| Case { program, bug, per, seconds, seed: 0 };
    let programs = [(Program::Counter, 3), (Program::Buffer, 2), (Program::Pressure, 2)];
    println!("# Runs a second, of programs without the bug ({seconds} s each, median of {rounds})\n");
    table(&programs.map(|(program, per)| case(program, per, false)), rounds, rate)?;
    println!("\n# Time to find the bug (… if not within {seconds} s), and after how many runs or states\n");
    table(&programs.map(|(program, per)| case(program, per, true)), rounds, to_find)?;
    println!("\n# Time to see everything (… if not within {seconds} s), and the runs or states that takes\n");
    let small = [(Program::Counter, 3), (Program::Buffer, 1), (Program::Pressure, 1)];
    table(&small.map(|(program, per)| case(program, per, false)), rounds, to_exhaust)?;
    println!("\n# States a second, of a larger model ({seconds} s each)\n");
    table(&[case(Program::Buffer, 6, false)], rounds, rate)
}

/// A row a case and tool: what it did, and how that compares with the best of ours.
fn table(cases: &[Case], rounds: u64, say: fn(Told) -> Option<(f64, String)>) -> Result<(), String> {
    println!("| program | explorer | result | ours is |\n|---|---|---:|---:|");
    for case in cases {
        let mut rows: Vec<(&str, Vec<Told>)> = OURS.iter().chain(&THEIRS).map(|tool| (*tool, Vec::new())).collect();
        for round in 0..rounds {
            for (tool, told) in &mut rows {
                told.push(in_process(tool, Case { seed: case.seed + round, ..*case })?);
            }
        }
        let said: Vec<(&str, Option<(f64, String)>)> =
            rows.into_iter().map(|(tool, told)| (tool, median(told, say))).collect();
        let of_ours = said[..OURS.len()].iter().filter_map(|(_, said)| said.as_ref());
        let best = of_ours.map(|(figure, _)| *figure).fold(0.0, f64::max);
        for (tool, said) in said.iter().filter(|(_, said)| said.is_some()) {
            let Some((figure, text)) = said else { continue };
            let ratio = if *figure > 0.0 && best > 0.0 { format!("{:.1} ×", best / figure) } else { String::new() };
            println!("| {} per {} | {tool} | {text} | {ratio} |", case.program.name(), case.per);
        }
    }
    Ok(())
}

/// The middle one, by its figure; none if the explorer has nothing to say.
fn median(told: Vec<Told>, say: fn(Told) -> Option<(f64, String)>) -> Option<(f64, String)> {
    let mut said: Vec<(f64, String)> = told.into_iter().filter_map(say).collect();
    said.sort_by(|a, b| a.0.total_cmp(&b.0));
    let middle = said.len() / 2;
    said.into_iter().nth(middle)
}

fn in_process(tool: &str, case: Case) -> Result<Told, String> {
    let Case { program, bug, per, seconds, seed } = case;
    let bug = if bug { "bug" } else { "ok" };
    let this = std::env::current_exe().map_err(|why| why.to_string())?;
    let args = ["one", tool, program.name(), bug, &per.to_string(), &seconds.to_string(), &seed.to_string()];
    let output = Command::new(this).args(args).output().map_err(|why| why.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let fields: Vec<&str> = text.lines().next().unwrap_or_default().split(' ').collect();
    let bad = || format!("{tool} on {}: {text}{}", program.name(), String::from_utf8_lossy(&output.stderr));
    let [runs, seconds, found, complete] = fields[..] else { return Err(bad()) };
    let runs = runs.parse().map_err(|_| bad())?;
    let outcome = Outcome { runs, found: found == "true", complete: complete == "true" };
    Ok(Told { outcome, seconds: seconds.parse().map_err(|_| bad())? })
}

/// How fast: the more the better.
fn rate(Told { outcome, seconds }: Told) -> Option<(f64, String)> {
    // Whoever saw everything at once says little about speed.
    let rate = outcome.runs as f64 / seconds;
    (outcome.runs > 0).then(|| (rate, format!("{:.0} a second", rate)))
}

/// How soon: figures are inverse, so that more is better.
fn to_find(Told { outcome, seconds }: Told) -> Option<(f64, String)> {
    Some(match outcome.found {
        true => (1.0 / seconds, format!("{:.3} ms, {} runs", seconds * 1e3, outcome.runs)),
        false => (0.0, format!("… ({} runs)", outcome.runs)),
    })
}

fn to_exhaust(Told { outcome, seconds }: Told) -> Option<(f64, String)> {
    Some(match outcome.complete {
        true => (1.0 / seconds, format!("{:.3} ms, {} runs", seconds * 1e3, outcome.runs)),
        false => (0.0, format!("… ({} runs)", outcome.runs)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every program in every size that is explored to the end in a moment.
    fn cases() -> Vec<Case> {
        let sizes = [(Program::Counter, 3), (Program::Buffer, 1), (Program::Buffer, 2), (Program::Pressure, 1), (Program::Pressure, 2)];
        let case = |(program, per), bug| Case { program, bug, per, seconds: 300.0, seed: 0 };
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
        let case = Case { program: Program::Counter, bug: true, per: 3, seconds: 60.0, seed: 1 };
        for tool in OURS {
            assert!(explore(tool, case).expect("it is one of ours").found, "{tool}");
        }
    }
}
