//! `cargo verify`: every check of the project, as commands that a person can run.
//!
//! [`steps`] is the table of checks, [`run`] carries one out, [`targets`] knows which tests and examples there are.
//! Not here: the checks themselves; each is a cargo command or a test, and can be run without this.
#![forbid(unsafe_code)]

mod kills;
mod run;
mod steps;
mod targets;

use run::Outcome;
use std::process::ExitCode;
use steps::{DEEP, STEPS, Step};

const HELP: &str = "\
Runs the project's checks and says how each went.

  cargo verify            every step that takes minutes
  cargo verify STEP...    these steps
  cargo verify --list     what each step is for, and about how long it takes

Ends with a line `N passed, N failed`, and with exit code 1 if any failed.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("--help" | "-h") => say(HELP),
        Some("--list") => list(),
        _ => match choose(&args) {
            Ok(steps) => verify(&steps),
            Err(unknown) => {
                eprintln!("there is no step `{unknown}`; `cargo verify --list` has them all");
                ExitCode::from(2)
            }
        },
    }
}

fn say(text: &str) -> ExitCode {
    println!("{text}");
    ExitCode::SUCCESS
}

fn list() -> ExitCode {
    STEPS.iter().for_each(|step| println!("{:<13} {:<9} {}", step.name, step.about, step.purpose));
    println!("\nOnly when they are named: {}.", DEEP.join(", "));
    say("Times are for two cores with nothing compiled before. CARGO_BUILD_JOBS sets how many jobs cargo runs.")
}

fn choose(names: &[String]) -> Result<Vec<&'static Step>, &String> {
    if names.is_empty() {
        return Ok(STEPS.iter().filter(|step| !DEEP.contains(&step.name)).collect());
    }
    let find = |name| STEPS.iter().find(|step| step.name == name);
    names.iter().map(|name| find(name.as_str()).ok_or(name)).collect()
}

fn verify(steps: &[&Step]) -> ExitCode {
    let outcomes: Vec<Outcome> = steps.iter().map(|step| run::step(step)).collect();
    let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is(outcome)).count();
    let (passed, failed) = (count(|o| *o == Outcome::Passed), count(|o| *o == Outcome::Failed));
    let skipped = match outcomes.len() - passed - failed {
        0 => String::new(),
        n => format!(", {n} skipped"),
    };
    println!("\n{passed} passed, {failed} failed{skipped}");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_can_be_chosen_by_its_name_and_no_name_stands_twice() {
        for step in STEPS {
            let chosen = choose(&[step.name.to_owned()]).unwrap();
            let namesakes = STEPS.iter().filter(|other| other.name == step.name).count();
            assert!(chosen.len() == 1 && namesakes == 1, "{} stands {namesakes} times", step.name);
        }
        assert_eq!(choose(&["no-such-step".to_owned()]).err().unwrap(), "no-such-step");
        let all = choose(&[]).unwrap();
        assert_eq!(all.len(), STEPS.len() - DEEP.len(), "a deep step is one of the steps, and waits to be named");
        assert!(all.iter().all(|step| !DEEP.contains(&step.name)));
    }
}
