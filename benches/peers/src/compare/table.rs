//! The Markdown table: a group of rows per figure, the best contestant first.

use crate::cases::{Figure, Goal, Unit};
use crate::contestants::OURS;
use crate::stats::Spread;
use crate::{Measured, Settings};
use backwater_peers::{Peer, name_of};
use std::cmp::Ordering;
use tabled::builder::Builder;
use tabled::settings::Style;

/// A contestant's figure over all runs, or why there is none.
struct Entry<'a> {
    name: &'a str,
    spread: Result<Spread, &'a str>,
}

const NOTE: &str = "\
`floor` is a yardstick and no runtime. `crossbeam-threads` has one OS thread per actor, however many \
worker threads the others have. Pingpong, ring and spawn are run with fewer messages or actors where a \
contestant is slow.";

pub fn table(settings: &Settings, measured: &[Measured]) -> String {
    let mut builder = Builder::default();
    let mut titles = vec![
        "workload",
        "contestant",
        "median",
        "least..most",
        "of floor",
    ];
    if settings.targets {
        titles.push("target");
    }
    builder.push_record(titles);
    for m in measured {
        for figure in m.case.figures.iter().filter(|f| f.is_wanted(settings)) {
            for row in group(settings, m, figure) {
                builder.push_record(row.into_iter().map(escaped));
            }
        }
    }
    format!("{}\n\n{NOTE}\n", builder.build().with(Style::markdown()))
}

/// The rows of one figure; only the first is titled.
fn group(settings: &Settings, m: &Measured, figure: &Figure) -> Vec<Vec<String>> {
    let entries = entries(m, figure);
    let floor = floor_median(&entries);
    let rows = entries.iter().enumerate().map(|(i, entry)| {
        let title = if i == 0 {
            title(m, figure)
        } else {
            String::new()
        };
        let mut row = vec![title, shown_name(entry.name)];
        row.extend(cells(entry, figure.unit, floor));
        if settings.targets {
            row.push(target(settings, entry, figure, floor));
        }
        row
    });
    rows.collect()
}

/// The best first, the failed last.
fn entries<'a>(m: &'a Measured, figure: &Figure) -> Vec<Entry<'a>> {
    let read = |(name, outcome): &'a (String, _)| Entry {
        name,
        spread: spread(outcome, figure),
    };
    let mut entries: Vec<_> = m.results.iter().map(read).collect();
    entries.sort_by(|a, b| match (&a.spread, &b.spread) {
        (Ok(a), Ok(b)) if figure.unit == Unit::Rate => b.median.total_cmp(&a.median),
        (Ok(a), Ok(b)) => a.median.total_cmp(&b.median),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => Ordering::Equal,
    });
    entries
}

fn spread<'a>(outcome: &'a crate::Outcome, figure: &Figure) -> Result<Spread, &'a str> {
    let lines = outcome.as_ref().map_err(String::as_str)?;
    let values = lines.iter().filter_map(|line| line[figure.key].as_f64());
    Spread::of(values.map(|v| figure.unit.shown(v)).collect()).ok_or("no run")
}

fn floor_median(entries: &[Entry]) -> Option<f64> {
    let floor = entries.iter().find(|e| e.name == name_of(Peer::Floor))?;
    Some(floor.spread.ok()?.median)
}

fn title(m: &Measured, figure: &Figure) -> String {
    let comma = if figure.label.is_empty() { "" } else { ", " };
    let unit = figure.unit.name();
    format!("{}{comma}{} ({unit})", m.case.label, figure.label)
}

fn shown_name(name: &str) -> String {
    if name == OURS {
        format!("**{name}**")
    } else {
        name.to_owned()
    }
}

/// Median, spread and ratio to floor.
fn cells(entry: &Entry, unit: Unit, floor: Option<f64>) -> [String; 3] {
    match entry.spread {
        Err(why) => [format!("failed: {why}"), "–".to_owned(), "–".to_owned()],
        Ok(s) => [
            number(s.median, unit),
            format!("{}..{}", number(s.min, unit), number(s.max, unit)),
            match floor {
                Some(floor) if unit == Unit::Rate => digits(s.median / floor),
                _ => "–".to_owned(),
            },
        ],
    }
}

/// Backwater's target and whether it was reached; empty for others.
fn target(settings: &Settings, entry: &Entry, figure: &Figure, floor: Option<f64>) -> String {
    let Some(goal) = figure.goal(settings.threads).filter(|_| entry.name == OURS) else {
        return String::new();
    };
    let unit = figure.unit;
    let wanted = match goal {
        Goal::OfFloor(share) => format!("≥ {share} of floor"),
        Goal::AtLeast(x) => format!("≥ {x} {}", unit.name()),
        Goal::AtMost(x) => format!("≤ {x} {}", unit.name()),
    };
    let verdict = match &entry.spread {
        Err(_) => "not measured".to_owned(),
        Ok(_) if settings.quick && unit == Unit::PeakMemory => "not judged with --quick".to_owned(),
        Ok(s) => verdict(goal, s.median, floor),
    };
    format!("{wanted}: {verdict}")
}

fn verdict(goal: Goal, median: f64, floor: Option<f64>) -> String {
    let reached = match (goal, floor) {
        (Goal::AtLeast(least), _) => median / least,
        (Goal::OfFloor(share), Some(floor)) => median / (share * floor),
        (Goal::OfFloor(_), None) => return "not judged, floor failed".to_owned(),
        (Goal::AtMost(most), _) if median > most => {
            return format!("missed by {:.1} %", (median / most - 1.0) * 100.0);
        }
        (Goal::AtMost(_), _) => 1.0,
    };
    if reached >= 1.0 {
        "reached".to_owned()
    } else {
        format!("missed by {:.1} %", (1.0 - reached) * 100.0)
    }
}

fn number(x: f64, unit: Unit) -> String {
    match unit {
        Unit::Rate => digits(x),
        Unit::Bytes => format!("{x:.0}"),
        Unit::PeakMemory => format!("{x:.1}"),
    }
}

/// Three significant digits, whole from 100 on.
fn digits(x: f64) -> String {
    let whole = if x > 0.0 { x.log10().floor() as i32 } else { 0 };
    let decimals = (2 - whole).clamp(0, 6) as usize;
    format!("{x:.decimals$}")
}

/// A cell that cannot end itself.
fn escaped(cell: String) -> String {
    cell.replace('|', "\\|").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::CASES;
    use clap::Parser;
    use serde_json::json;

    fn settings(arguments: &[&str]) -> Settings {
        Settings::parse_from([&["compare"], arguments].concat())
    }

    fn rates(rates: &[u64]) -> crate::Outcome {
        let line = |r: &u64| json!({"msgs_per_s": r * 1_000_000, "rss_kb": 10_000});
        Ok(rates.iter().map(line).collect())
    }

    fn measured(case: usize, results: Vec<(&str, crate::Outcome)>) -> [Measured; 1] {
        let named = |(name, o): (&str, _)| (name.to_owned(), o);
        [Measured {
            case: &CASES[case],
            results: results.into_iter().map(named).collect(),
        }]
    }

    /// The rows without the padding.
    fn rows(text: &str) -> Vec<String> {
        let squeeze = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(squeeze).collect()
    }

    #[test]
    fn the_best_comes_first_with_ratio_and_spread() {
        let m = measured(
            0,
            vec![
                ("backwater", rates(&[90, 80, 100])),
                ("floor", rates(&[200, 100, 150])),
                ("actix", Err("a | b".to_owned())),
            ],
        );
        let text = table(&settings(&["--targets"]), &m);
        assert_eq!(
            rows(&text)[2..5],
            [
                "| pingpong (M/s) | floor | 150 | 100..200 | 1.00 | |",
                "| | **backwater** | 90.0 | 80.0..100 | 0.600 | ≥ 0.5 of floor: reached |",
                "| | actix | failed: a \\| b | – | – | |",
            ]
        );
    }

    #[test]
    fn without_targets_there_is_no_such_column() {
        let m = measured(0, vec![("floor", rates(&[100]))]);
        let text = table(&settings(&[]), &m);
        assert_eq!(
            rows(&text)[0],
            "| workload | contestant | median | least..most | of floor |"
        );
    }

    #[test]
    fn memory_has_rows_of_its_own() {
        let m = measured(4, vec![("backwater", rates(&[4]))]);
        let text = table(&settings(&["--targets"]), &m);
        assert!(text.contains("≥ 0.97 of floor: not judged, floor failed"));
        assert!(text.contains("peak memory (MB)"));
        assert!(text.contains("10.2..10.2"));
        assert!(text.contains("≤ 8 MB: missed by 28.0 %"));
        let quick = table(&settings(&["--targets", "--quick"]), &m);
        assert!(quick.contains("≤ 8 MB: not judged with --quick"));
    }

    #[test]
    fn verdicts() {
        assert_eq!(verdict(Goal::OfFloor(0.5), 50.0, Some(100.0)), "reached");
        assert_eq!(
            verdict(Goal::OfFloor(0.5), 45.0, Some(100.0)),
            "missed by 10.0 %"
        );
        assert_eq!(verdict(Goal::AtLeast(4.0), 3.0, None), "missed by 25.0 %");
        assert_eq!(verdict(Goal::AtMost(200.0), 200.0, None), "reached");
    }

    #[test]
    fn three_digits_count() {
        let shown = [1234.5, 99.96, 4.567, 0.5, 0.01234, 0.0].map(digits);
        assert_eq!(shown, ["1234", "100.0", "4.57", "0.500", "0.0123", "0.00"]);
    }
}
