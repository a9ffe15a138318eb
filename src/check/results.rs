//! What machines that share a search write down, a line of JSON each, and how the lines are put together again.
//!
//! A line says which check it is of, of which binary, with which settings, which slice was explored, and how that ended.
//! [`merge`] refuses slices that are missing, that are there twice, or that are not of the same search.

use super::run::Hash;
use super::verdict::{Bound, Explored, Verdict};
use super::world::Program;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

/// A search that is over.
pub(super) struct Done<'d> {
    pub(super) verdict: &'d Verdict,
    /// How many beginnings there were to be shared.
    pub(super) beginnings: u64,
    pub(super) program: &'d Program<'d>,
}

/// Adds a line to a file.
pub(super) fn append(file: &Path, done: &Done<'_>) -> io::Result<()> {
    let line = done.line(binary()?);
    // One write, so that the lines of tests that run side by side do not mix.
    OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())
}

/// A hash of the program that is running.
fn binary() -> io::Result<u64> {
    let bytes = std::fs::read(std::env::current_exe()?)?;
    let mut hash = Hash(bytes.len() as u64);
    for word in bytes.chunks(8) {
        let mut padded = [0; 8];
        padded[..word.len()].copy_from_slice(word);
        hash.add(u64::from_le_bytes(padded));
    }
    Ok(hash.0)
}

impl Done<'_> {
    fn line(&self, binary: u64) -> String {
        let settings = self.program.settings;
        let Explored { states, runs, redundant, too_long, failed, steps, longest, .. } = self.verdict.explored();
        let slice = settings.slice;
        let mut line = format!("{{\"v\":1,\"check\":\"{}\"", plain(&self.program.place.to_string()));
        let _ = write!(line, ",\"mode\":\"{}\"", plain(&format!("{:?}", settings.mode)));
        let _ = write!(line, ",\"binary\":\"{binary:016x}\",\"settings\":\"{:016x}\"", settings.hash());
        let _ = write!(line, ",\"ends_of_runs\":{}", u64::from(self.program.batches_matter));
        let _ = write!(line, ",\"slice\":{},\"of\":{}", slice.number, slice.of);
        let _ = write!(line, ",\"beginnings\":{}", self.beginnings);
        let _ = write!(line, ",\"verdict\":\"{}\"", word(self.verdict));
        if let Some(failure) = self.verdict.failure() {
            let _ = write!(line, ",\"token\":\"{}\"", plain(&failure.token));
        }
        let _ = write!(line, ",\"runs\":{runs},\"redundant\":{redundant},\"too_long\":{too_long},\"failed\":{failed}");
        let _ = write!(line, ",\"states\":{states}");
        let _ = writeln!(line, ",\"steps\":{steps},\"longest\":{longest}}}");
        line
    }
}

/// Text without what JSON would have to quote.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c == '"' || c == '\\' || c.is_control() { '/' } else { c }).collect()
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Complete(_) | Verdict::Cut { by: Bound::Slice, .. } => "complete",
        Verdict::Cut { by: Bound::Sample, .. } => "sampled",
        Verdict::Cut { .. } => "cut",
        Verdict::Failed(_) => "failed",
    }
}

/// What all slices of a check came to together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Merged {
    /// The source line of the check.
    pub check: String,
    /// How many slices there were.
    pub slices: u64,
    /// `complete` if every slice was explored to its end, `sampled`, `cut`, or `failed`.
    pub verdict: String,
    /// The token of the first slice that failed.
    pub token: Option<String>,
    /// What was seen, all slices together.
    pub explored: Explored,
    /// Runs of each slice: how even the shares were.
    pub runs: Vec<u64>,
}

impl fmt::Display for Merged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Merged { check, slices, verdict, explored, runs, .. } = self;
        write!(f, "{check}: {verdict}, {slices} slices: {explored}; runs by slice: {runs:?}")?;
        self.token.iter().try_for_each(|token| write!(f, "\nreplay: BACKWATER_REPLAY={token}"))
    }
}

/// Puts the results of all slices together: lines as `BACKWATER_RESULTS` collects them, of one check or of several.
///
/// # Errors
/// Says which line is none, which slices of which check are missing or there twice, or in what they are unlike: other
/// binary, settings, mode, number of slices, or beginnings.
///
/// ```
/// let line = |slice: u32| format!(
///     r#"{{"v":1,"check":"tests/a.rs:7:3","mode":"Exhaustive","binary":"a","settings":"b","ends_of_runs":0,"slice":{slice},"of":2,"beginnings":40,"verdict":"complete","runs":12,"redundant":0,"too_long":0,"failed":0,"states":0,"steps":90,"longest":8}}"#
/// );
/// let merged = backwater::merge(&format!("{}\n{}", line(1), line(2))).unwrap();
/// assert_eq!((merged[0].verdict.as_str(), merged[0].explored.runs), ("complete", 24));
/// assert!(backwater::merge(&line(1)).unwrap_err().contains("slice 2 of 2 is missing"));
/// ```
pub fn merge(lines: &str) -> Result<Vec<Merged>, String> {
    let mut checks: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for (at, text) in lines.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let line = Line::parse(text).map_err(|why| format!("line {}: {why}", at + 1))?;
        checks.entry(line.text("check")?.to_owned()).or_default().push(line);
    }
    checks
        .into_iter()
        .map(|(check, lines)| merge_one(&check, &lines).map_err(|why| format!("{check}: {why}")))
        .collect()
}

fn merge_one(check: &str, lines: &[Line]) -> Result<Merged, String> {
    let first = &lines[0];
    for field in ["binary", "settings", "mode", "of", "ends_of_runs", "beginnings"] {
        let theirs = first.text(field)?;
        for line in lines {
            let other = line.text(field)?;
            if other != theirs {
                let (a, b) = (first.text("slice")?, line.text("slice")?);
                let remedy = if field == "ends_of_runs" { " with Check::ends_of_runs(true)" } else { "" };
                return Err(format!(
                    "slices {a} and {b} are unlike: {field} is {theirs:?} and {other:?}; run all again alike{remedy}"
                ));
            }
        }
    }
    let of = first.number("of")?;
    let mut merged = Merged {
        check: check.to_owned(),
        slices: of,
        verdict: String::new(),
        token: None,
        explored: Explored::default(),
        runs: Vec::new(),
    };
    for number in 1..=of {
        let found: Vec<&Line> = lines.iter().filter(|line| line.number("slice") == Ok(number)).collect();
        match found[..] {
            [line] => merged.add(line)?,
            [] => return Err(format!("slice {number} of {of} is missing")),
            _ => return Err(format!("slice {number} of {of} is there {} times", found.len())),
        }
    }
    match lines.iter().find(|line| line.number("slice").is_ok_and(|slice| !(1..=of).contains(&slice))) {
        Some(line) => Err(format!("there is no slice {} of {of}", line.text("slice")?)),
        None => Ok(merged),
    }
}

impl Merged {
    fn add(&mut self, line: &Line) -> Result<(), String> {
        let explored = Explored {
            states: line.number("states")?,
            runs: line.number("runs")?,
            redundant: line.number("redundant")?,
            too_long: line.number("too_long")?,
            failed: line.number("failed")?,
            steps: line.number("steps")?,
            longest: line.number("longest")? as usize,
        };
        self.explored.add(&explored);
        self.runs.push(explored.runs);
        let verdict = line.text("verdict")?;
        let weight = |verdict: &str| ["", "complete", "sampled", "cut", "failed"].iter().position(|v| *v == verdict);
        if weight(verdict).ok_or_else(|| format!("{verdict:?} is no verdict"))? > weight(&self.verdict).unwrap_or(0) {
            verdict.clone_into(&mut self.verdict);
        }
        if self.token.is_none() {
            self.token = line.0.get("token").cloned();
        }
        Ok(())
    }
}

/// A line's fields, as text.
struct Line(BTreeMap<String, String>);

impl Line {
    /// Reads what `Done::line` writes: one object of numbers and strings in which nothing is quoted.
    fn parse(text: &str) -> Result<Line, String> {
        let bad = || format!("{:?} is no result of a check", text.chars().take(80).collect::<String>());
        let mut rest = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(bad)?;
        let mut fields = BTreeMap::new();
        while !rest.is_empty() {
            let (name, after) = rest.strip_prefix('"').and_then(|rest| rest.split_once("\":")).ok_or_else(bad)?;
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(bad)?,
                None => after.split_at(after.find(',').unwrap_or(after.len())),
            };
            fields.insert(name.to_owned(), value.to_owned());
            rest = match after.strip_prefix(',') {
                Some(rest) if !rest.is_empty() => rest,
                None if after.is_empty() => "",
                _ => return Err(bad()),
            };
        }
        let line = Line(fields);
        match line.text("v")? {
            "1" => Ok(line),
            other => Err(format!("it is of version {other:?}; this reads version 1")),
        }
    }

    fn text(&self, field: &str) -> Result<&str, String> {
        self.0.get(field).map(String::as_str).ok_or_else(|| format!("a result without {field:?}"))
    }

    fn number(&self, field: &str) -> Result<u64, String> {
        let text = self.text(field)?;
        text.parse().map_err(|_| format!("{field:?} is {text:?}, which is no number"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Explored, Merged, binary, merge, plain};

    fn line(slice: u32, of: u32, binary: &str, verdict: &str) -> String {
        let token = if verdict == "failed" { ",\"token\":\"bwc1.0\"" } else { "" };
        format!(
            "{{\"v\":1,\"check\":\"a.rs:1:1\",\"mode\":\"Exhaustive\",\"binary\":\"{binary}\",\"settings\":\"0\",\
             \"ends_of_runs\":0,\"slice\":{slice},\"of\":{of},\"beginnings\":9,\"verdict\":\"{verdict}\"{token},\
             \"runs\":5,\"redundant\":0,\"too_long\":0,\"failed\":0,\"states\":0,\"steps\":50,\"longest\":1{slice}}}\n"
        )
    }

    #[test]
    fn slices_are_put_together() {
        let lines = [line(2, 3, "x", "complete"), line(1, 3, "x", "complete"), line(3, 3, "x", "failed")].concat();
        let merged = &merge(&lines).expect("they fit")[0];
        assert_eq!((merged.verdict.as_str(), merged.token.as_deref()), ("failed", Some("bwc1.0")));
        assert_eq!((merged.explored.runs, merged.explored.longest, &merged.runs), (15, 13, &vec![5; 3]));
    }

    #[test]
    fn counts_of_another_machine_may_be_anything() {
        let most = |slice| line(slice, 2, "x", "cut").replace("\"runs\":5", "\"runs\":18446744073709551615");
        assert_eq!(merge(&[most(1), most(2)].concat()).expect("they fit")[0].explored.runs, u64::MAX);
    }

    #[test]
    fn gaps_overlaps_and_unlike_slices_are_refused() {
        let (one, two) = (line(1, 2, "x", "complete"), line(2, 2, "x", "complete"));
        for (lines, why) in [
            (one.clone(), "slice 2 of 2 is missing"),
            ([one.clone(), two.clone(), two.clone()].concat(), "slice 2 of 2 is there 2 times"),
            ([one.clone(), line(2, 2, "y", "complete")].concat(), "binary is"),
            ([one.clone(), line(2, 3, "x", "complete")].concat(), "of is"),
            ([one.clone(), two.clone(), line(3, 2, "x", "complete")].concat(), "there is no slice 3 of 2"),
            (one[..one.len() - 9].to_owned(), "line 1"),
            (one.replace("\"v\":1", "\"v\":2"), "version"),
        ] {
            let refused = merge(&lines).expect_err(why);
            assert!(refused.contains(why), "{refused}");
        }
    }

    /// Slices that explored unlike things can be told how to explore alike.
    #[test]
    fn only_where_the_ends_of_runs_are_unlike_a_setting_mends_it() {
        let (one, two) = (line(1, 2, "x", "complete"), line(2, 2, "x", "complete"));
        let refused = |two: String| merge(&[one.clone(), two].concat()).expect_err("they are unlike");
        let ends = refused(two.replace("\"ends_of_runs\":0", "\"ends_of_runs\":1"));
        assert!(
            ends.ends_with("ends_of_runs is \"0\" and \"1\"; run all again alike with Check::ends_of_runs(true)"),
            "{ends}"
        );
        let mode = refused(two.replace("Exhaustive", "Naive"));
        assert!(mode.ends_with("mode is \"Exhaustive\" and \"Naive\"; run all again alike"), "{mode}");
    }

    #[test]
    fn a_binary_is_known_by_all_that_is_in_it() {
        let bytes = std::fs::read(std::env::current_exe().expect("a test has a file")).expect("it can be read");
        let mut hash = super::Hash(bytes.len() as u64);
        for word in bytes.chunks(8) {
            hash.add(word.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)));
        }
        assert_eq!(binary().expect("it can be read"), hash.0);
    }

    #[test]
    fn a_line_has_nothing_that_json_would_quote() {
        assert_eq!(plain("a \"b\" \\ c\nd/é"), "a /b/ / c/d/é");
    }

    #[test]
    fn what_was_merged_is_told_in_a_line_and_how_to_run_it_again_in_another() {
        let explored = Explored { runs: 3, steps: 9, longest: 4, ..Explored::default() };
        let merged = Merged {
            check: "tests/a.rs:1:2".into(),
            slices: 2,
            verdict: "failed".into(),
            token: Some("bwc1.0".into()),
            explored,
            runs: vec![1, 2],
        };
        let told = "tests/a.rs:1:2: failed, 2 slices: 3 runs (0 more were redundant, 0 too long, 0 failed), 9 steps, the \
                    longest run 4; runs by slice: [1, 2]\nreplay: BACKWATER_REPLAY=bwc1.0";
        assert_eq!(merged.to_string(), told);
    }
}
