//! Schedules that failed: taken again by their tokens, kept in a file of regressions, written down where the environment
//! says.

use super::run::{Hash, Lines, Replay, Told};
use super::search::Search;
use super::token::Token;
use super::verdict::{Bound, Failure, Fault, Verdict};
use crate::event::Observer;
use crate::report;
use std::io::ErrorKind;
use std::path::Path;
use std::{env, fs};

impl Search<'_> {
    pub(super) fn token(&self, told: &Told) -> String {
        let settings = self.settings().hash();
        Token { settings, path: told.path, decisions: told.decisions.clone(), until: told.until }.to_line()
    }

    /// Takes a token's schedule; gives back how it ended.
    ///
    /// # Errors
    /// Says why the token does not fit.
    pub(super) fn replay(&mut self, line: &str, watched: Option<Box<dyn Observer>>) -> Result<Option<Fault>, String> {
        let told = self.replayed(line, watched)?;
        self.found(&told)
    }

    fn replayed(&mut self, line: &str, watched: Option<Box<dyn Observer>>) -> Result<Told, String> {
        let refuse = |why: String| format!("the token {:?} cannot be replayed: {why}", line.trim());
        let token = Token::parse(line).map_err(refuse)?;
        if !token.fits_settings(self.settings().hash()) {
            return Err(refuse("it was made with other settings (seed, batch, detector, grain, panics)".into()));
        }
        let mut replay = Replay::new(&token.decisions, false).until(token.until);
        let told = match watched {
            Some(observer) => self.stage.watch(&mut replay, observer),
            None => self.stage.tell(&mut replay),
        };
        match (replay.misfit, replay.has_left()) {
            (Some(step), _) => Err(refuse(format!("the program goes another way at step {step}: it has changed"))),
            (None, true) => Err(refuse("the program ends earlier than it did: it has changed".into())),
            _ if !token.fits_path(told.path) => Err(refuse("the program takes other steps than it did".into())),
            _ => Ok(Told { until: token.until, ..told }),
        }
    }

    /// What is wrong with a replayed run: at its end, or where it was to be looked at.
    fn found(&mut self, told: &Told) -> Result<Option<Fault>, String> {
        if told.until.is_some() { self.judge_here() } else { Ok(told.ran.fault().cloned()) }
    }

    pub(super) fn run_token(&mut self, line: &str) -> Result<Verdict, String> {
        let told = self.replayed(line, Some(Box::new(Lines::default())))?;
        (self.explored.runs, self.explored.steps, self.explored.longest) = (1, told.ran.steps as u64, told.ran.steps);
        let found = self.found(&told)?;
        Ok(match found {
            Some(found) => {
                let watched = matches!(found, Fault::Stalled(_));
                self.fail(told, found, watched)
            }
            None => Verdict::Cut { by: Bound::Token, explored: self.explored.clone(), estimate: None },
        })
    }

    pub(super) fn run_regressions(&mut self) -> Result<Option<Failure>, String> {
        let Some(file) = &self.settings().regressions else { return Ok(None) };
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(format!("cannot read the schedules that failed, {}: {why}", file.display())),
        };
        let tokens = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in tokens.map(str::to_owned).collect::<Vec<_>>() {
            match self.replayed(&line, Some(Box::new(Lines::default()))) {
                Err(why) => eprintln!("{}: {why}", file.display()),
                Ok(told) => {
                    let Some(found) = self.found(&told)? else { continue };
                    let watched = matches!(found, Fault::Stalled(_));
                    if let Verdict::Failed(failure) = self.fail(told, found, watched) {
                        return Ok(Some(*failure));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Writes the failure down where it was asked for.
    pub(super) fn write_down(&self, failure: Failure) -> Result<Verdict, String> {
        // What no schedule did is not what this one did.
        let is_its_own = !matches!(failure.fault, Fault::Never(_) | Fault::NeverReached(_));
        if let Some(file) = self.settings().regressions.as_ref().filter(|_| is_its_own) {
            remember(file, &failure.token).map_err(|why| format!("cannot write {}: {why}", file.display()))?;
        }
        if let Some(dir) = env::var_os("BACKWATER_TRACE_DIR") {
            keep(Path::new(&dir), &failure).map_err(|why| {
                format!("BACKWATER_TRACE_DIR: cannot write to {dir:?}: {why}\nwhat it was to hold:\n{failure}")
            })?;
        }
        Ok(Verdict::Failed(Box::new(failure)))
    }
}

/// Writes a failure down: the report, every event, the chart and the graph of who waits for whom.
fn keep(dir: &Path, failure: &Failure) -> std::io::Result<()> {
    fs::create_dir_all(dir)?;
    let test = std::thread::current().name().unwrap_or("check").replace("::", "-");
    let name = format!("{test}-{:016x}", Hash::of(failure.token.as_bytes()));
    let write = |end: &str, text: &str| fs::write(dir.join(format!("{name}.{end}")), text);
    write("report.txt", &format!("{failure:#}\n"))?;
    write("events.txt", &(failure.events.join("\n") + "\n"))?;
    write("chart.mmd", &failure.chart.mermaid())?;
    let graphs = match &failure.fault {
        Fault::Deadlock(report) => Some((report::wait_for_dot(report), report::wait_for_mermaid(report))),
        Fault::Stalled(report) => Some((report::stall_dot(report), report::stall_mermaid(report))),
        _ => None,
    };
    graphs.map_or(Ok(()), |(dot, mermaid)| write("waits.dot", &dot).and_then(|()| write("waits.mmd", &mermaid)))
}

/// Adds a token to a file, unless it is there.
fn remember(file: &Path, token: &str) -> std::io::Result<()> {
    let known = fs::read_to_string(file).unwrap_or_default();
    if known.lines().any(|line| line.trim() == token) {
        return Ok(());
    }
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir)?;
    }
    let head = "# Schedules that failed once; they are run first. Commit this file.\n";
    let head = if known.is_empty() { head } else { "" };
    fs::write(file, format!("{known}{head}{token}\n"))
}

/// What to paste. A test runs on a thread of its name.
pub(super) fn replay_line(token: &str) -> String {
    match std::thread::current().name().filter(|name| *name != "main") {
        Some(test) => format!("BACKWATER_REPLAY={token} cargo test {test} -- --exact"),
        None => format!("BACKWATER_REPLAY={token}"),
    }
}
