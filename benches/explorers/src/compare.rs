//! All explorers on the same programs, alternately, and what they did as tables.

use crate::case::{Case, Program, Told};
use crate::{command, section, told};
use std::fs::read_to_string;
use std::path::PathBuf;

/// The section of a file that `--write` fills.
const SECTION: &str = "explorers";

struct Settings {
    seconds: f64,
    rounds: u64,
    write: Option<PathBuf>,
}

impl Settings {
    fn parse(args: &[String]) -> Result<Self, String> {
        let mut settings = Settings { seconds: 1.0, rounds: 3, write: None };
        let mut args = args.iter();
        while let Some(option) = args.next() {
            let value = args.next().ok_or_else(|| format!("{option} wants a value"))?;
            match option.as_str() {
                "--seconds" => settings.seconds = value.parse().map_err(|_| "--seconds wants a number")?,
                "--rounds" => settings.rounds = value.parse::<u64>().map_err(|_| "--rounds wants a number")?.max(1),
                "--write" => settings.write = Some(value.into()),
                _ => return Err(format!("{option}: wanted is [--seconds S] [--rounds N] [--write FILE]")),
            }
        }
        Ok(settings)
    }
}

/// Prints the tables, and writes them into a file if that is wanted.
pub fn all(args: &[String]) -> Result<(), String> {
    let settings = Settings::parse(args)?;
    if let Some(file) = &settings.write {
        // A file without the section is found out before the runs, not after.
        section::find(file, SECTION)?;
    }
    let mut text = head(&settings, args);
    print!("{text}");
    for table in &TABLES {
        let filled = table.fill(&settings)?;
        print!("{filled}");
        text += &filled;
    }
    settings.write.iter().try_for_each(|file| section::fill(file, SECTION, &text))
}

fn head(settings: &Settings, args: &[String]) -> String {
    let mut command = "cargo run --release --manifest-path benches/explorers/Cargo.toml".to_owned();
    if !args.is_empty() {
        command += &format!(" -- {}", args.join(" "));
    }
    let cpuinfo = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("an unknown processor", |rest| rest.trim_start_matches(['\t', ' ', ':']));
    let load = read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "Made, from the project's root, by\n\n```sh\n{command}\n```\n\non {model}; each explorer has one thread and {} s at most; \
         medians of {}, explorers in turn; load average {load} at the start.\n",
        settings.seconds, settings.rounds,
    )
}

/// What is asked of the explorers, and of which.
struct Table {
    title: &'static str,
    cases: &'static [(Program, u8)],
    bug: bool,
    ours: &'static [&'static str],
    theirs: &'static [&'static str],
    ask: fn(Told) -> Option<f64>,
    put: fn(f64, Told) -> String,
}

const EACH: [(Program, u8); 3] = [(Program::Counter, 3), (Program::Buffer, 2), (Program::Pressure, 2)];
const SMALL: [(Program, u8); 3] = [(Program::Counter, 3), (Program::Buffer, 1), (Program::Pressure, 1)];

/// An answer is a figure of which more is better: of times, how many there are in a second.
const TABLES: [Table; 4] = [
    Table {
        title: "Runs a second, of programs without the bug",
        cases: &EACH,
        bug: false,
        ours: &["ours-random", "ours-pct", "ours-pos", "ours-exhaustive"],
        theirs: &["loom", "shuttle-random", "shuttle-pct"],
        ask: rate,
        put: |rate, _| thousands(rate),
    },
    Table {
        title: "Time until the bug is found, and after how many runs or states",
        cases: &EACH,
        bug: true,
        ours: &["ours-random", "ours-pct", "ours-pos", "ours-exhaustive", "ours-states"],
        theirs: &["loom", "loom-2", "shuttle-random", "shuttle-pct", "shuttle-dfs", "stateright-bfs", "stateright-dfs"],
        ask: |told| told.outcome.found.then_some(1.0 / told.seconds),
        put: time,
    },
    Table {
        title: "Time until everything was seen, and the runs or states that takes",
        cases: &SMALL,
        bug: false,
        ours: &["ours-exhaustive", "ours-states", "ours-exhaustive-again", "ours-states-again"],
        theirs: &["loom", "shuttle-dfs", "stateright-bfs", "stateright-dfs"],
        ask: |told| told.outcome.complete.then_some(1.0 / told.seconds),
        put: time,
    },
    Table {
        title: "States a second, of larger models",
        cases: &[(Program::Buffer, 6), (Program::Pressure, 6)],
        bug: false,
        ours: &["ours-states", "ours-states-again"],
        theirs: &["stateright-bfs", "stateright-dfs"],
        ask: rate,
        put: |rate, _| thousands(rate),
    },
];

impl Table {
    fn fill(&self, settings: &Settings) -> Result<String, String> {
        let names: Vec<String> =
            self.cases.iter().map(|(program, per)| format!("{} per {per}", program.name())).collect();
        let mut text = format!("\n**{}**\n\n| explorer | {} |\n|---|", self.title, names.join(" | "));
        text += &"---:|".repeat(names.len());
        let columns: Vec<Vec<Answer>> =
            self.cases.iter().map(|case| self.column(*case, settings)).collect::<Result<_, _>>()?;
        for (row, tool) in self.ours.iter().chain(self.theirs).enumerate() {
            let cells: Vec<&str> = columns.iter().map(|column| column[row].text.as_str()).collect();
            text += &format!("\n| {tool} | {} |", cells.join(" | "));
        }
        let ratios: Vec<String> = columns.iter().map(|column| self.ratio(column)).collect();
        Ok(format!("{text}\n| the best of ours beside the best of theirs | {} |\n", ratios.join(" | ")))
    }

    /// Of one program: what each explorer did, in turn, so often.
    fn column(&self, (program, per): (Program, u8), settings: &Settings) -> Result<Vec<Answer>, String> {
        let mut told: Vec<Vec<Told>> = vec![Vec::new(); self.ours.len() + self.theirs.len()];
        for seed in 0..settings.rounds {
            let case = Case { seconds: settings.seconds, seed, ..Case::new(program, per, self.bug) };
            for (tool, told) in self.ours.iter().chain(self.theirs).zip(&mut told) {
                told.push(self::told(&mut command(tool, case)?)?);
            }
        }
        Ok(told.into_iter().map(|told| self.median(told)).collect())
    }

    fn median(&self, told: Vec<Told>) -> Answer {
        let mut all: Vec<(f64, Told)> = told.into_iter().map(|told| ((self.ask)(told).unwrap_or(0.0), told)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (figure, told) = all[all.len() / 2];
        let text = if figure > 0.0 {
            (self.put)(figure, told)
        } else {
            format!("not in {} runs", thousands(told.outcome.runs as f64))
        };
        Answer { figure, text }
    }

    fn ratio(&self, column: &[Answer]) -> String {
        let best = |of: &[Answer]| of.iter().map(|answer| answer.figure).fold(0.0, f64::max);
        let (ours, theirs) = (best(&column[..self.ours.len()]), best(&column[self.ours.len()..]));
        if ours > 0.0 && theirs > 0.0 { format!("{:.2} ×", ours / theirs) } else { String::new() }
    }
}

struct Answer {
    figure: f64,
    text: String,
}

/// Whoever saw everything at once says little about speed.
fn rate(told: Told) -> Option<f64> {
    (told.outcome.runs > 0).then(|| told.outcome.runs as f64 / told.seconds)
}

fn time(per_second: f64, told: Told) -> String {
    format!("{:.3} ms, {}", 1e3 / per_second, thousands(told.outcome.runs as f64))
}

/// 1234567 → 1,234,567.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!([1.0, 999.0, 1_000.0, 1_234_567.0].map(thousands), ["1", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn what_stands_on_the_command_line_is_understood_or_refused() {
        let parse = |args: &[&str]| Settings::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>());
        let settings = parse(&["--seconds", "0.5", "--rounds", "2", "--write", "a.md"]).unwrap();
        assert_eq!((settings.seconds, settings.rounds, settings.write), (0.5, 2, Some("a.md".into())));
        assert!(parse(&["--rounds"]).is_err_and(|why| why.contains("wants a value")));
        assert!(parse(&["--fast", "1"]).is_err_and(|why| why.contains("--write FILE")));
    }
}
