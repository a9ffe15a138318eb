//! Who takes part, and running one of them once: a command, a time limit, the line that it
//! prints. What the line's figures mean is not known here.

use crate::cases::Case;
use anyhow::{Context, Result, ensure};
use backwater_peers::{Peer, name_of};
use process_control::{ChildExt, Control, Output};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The name of our own runtime in the table.
pub const OURS: &str = "backwater";
/// The name of its pool where that is not the runtime that is compared: with one thread.
const OUR_POOL: &str = "backwater, a pool of one";

/// The main package, two folders above this one.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const OUR_PROGRAM: &str = "target/release/examples/bench";
const PEERS_PROGRAM: &str = "backwater-peers";

/// The lines of all runs, or why there are none.
pub type Outcome = Result<Vec<Value>, String>;

pub struct Contestant {
    pub name: String,
    /// `None` is Backwater itself.
    pub peer: Option<Peer>,
    program: PathBuf,
    /// What stands behind the arguments of every run.
    option: Option<&'static str>,
    /// The program as messages show it.
    shown: String,
}

/// The program of the rivals, built beside this one.
pub fn peers_program() -> Result<PathBuf> {
    let here = std::env::current_exe().context("where this program lies")?;
    let program = here.with_file_name(format!("{PEERS_PROGRAM}{}", std::env::consts::EXE_SUFFIX));
    ensure!(
        program.is_file(),
        "{PEERS_PROGRAM} is not built beside this program: build both with `cargo build --release --manifest-path benches/peers/Cargo.toml`"
    );
    Ok(program)
}

impl Contestant {
    pub fn peer(program: &Path, peer: Peer) -> Contestant {
        Contestant {
            name: name_of(peer),
            peer: Some(peer),
            program: program.to_owned(),
            option: None,
            shown: PEERS_PROGRAM.to_owned(),
        }
    }

    /// Backwater's program; without a path, where the main package builds it.
    pub fn ours(path: Option<&Path>) -> Contestant {
        let program = path.map_or_else(|| Path::new(ROOT).join(OUR_PROGRAM), Path::to_owned);
        Contestant {
            name: OURS.to_owned(),
            peer: None,
            program,
            option: None,
            shown: path.map_or_else(|| OUR_PROGRAM.to_owned(), |p| p.display().to_string()),
        }
    }

    /// Likewise, on the pool even with one thread.
    pub fn our_pool(path: Option<&Path>) -> Contestant {
        Contestant {
            name: OUR_POOL.to_owned(),
            option: Some("--pool"),
            ..Contestant::ours(path)
        }
    }

    /// Whether it can run the case at all.
    pub fn runs(&self, case: &Case) -> bool {
        self.peer.is_none_or(|p| p.refuses(case.workload).is_none())
    }

    /// The line of one run; otherwise, in a line, why there is none.
    pub fn run(
        &self,
        arguments: &[String],
        limit: Duration,
        keys: &[&str],
    ) -> Result<Value, String> {
        let output = output(self.command().args(arguments).args(self.option), limit)
            .map_err(|e| {
                format!(
                    "cannot run {}: {e}; is it built? (--ours gives a path)",
                    self.shown
                )
            })?
            .ok_or_else(|| format!("no end within {} s", limit.as_secs()))?;
        let complaint = first_line(&output.stderr);
        if !output.status.success() {
            return Err(complaint.unwrap_or_else(|| output.status.to_string()));
        }
        let line = last_object(&output.stdout)
            .ok_or_else(|| complaint.unwrap_or_else(|| "printed no JSON".to_owned()))?;
        match keys.iter().find(|key| !is_a_count(&line[**key])) {
            Some(key) => Err(format!("its line has no number `{key}`")),
            None => Ok(line),
        }
    }

    /// One of the machine's limits, measured by the program of the rivals.
    pub fn limits(&self, filter: &str, limit: Duration) -> Result<Value, String> {
        let output = output(Command::new(&self.program).args(["limits", filter]), limit)
            .map_err(|e| e.to_string())?;
        output
            .and_then(|o| last_object(&o.stdout))
            .ok_or_else(|| "printed no JSON".to_owned())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.peer.map(name_of));
        command
    }
}

/// What the command prints; `None` if it had to be ended.
fn output(command: &mut Command, limit: Duration) -> std::io::Result<Option<Output>> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?
        .controlled_with_output()
        .time_limit(limit)
        .terminate_for_timeout()
        .wait()
}

fn is_a_count(value: &Value) -> bool {
    value.as_f64().is_some_and(|x| x.is_finite() && x >= 0.0)
}

fn first_line(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.to_owned())
}

/// The last line that is a JSON object.
fn last_object(text: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(text);
    text.lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(Value::is_object)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, keys: &[&str]) -> Result<Value, String> {
        let shell = Contestant::ours(Some(Path::new("/bin/sh")));
        let arguments = ["-c".to_owned(), script.to_owned()];
        shell.run(&arguments, Duration::from_secs(1), keys)
    }

    #[test]
    fn the_last_object_counts() {
        let line = shell(
            r#"echo hello; echo '{"a":1}'; echo '{"a":2}'; echo bye"#,
            &["a"],
        );
        assert_eq!(line.unwrap()["a"], 2);
    }

    #[test]
    fn a_failure_says_its_first_line() {
        let why = shell("echo >&2; echo broken >&2; echo more >&2; exit 3", &[]);
        assert_eq!(why.unwrap_err(), "broken");
        assert!(shell("exit 3", &[]).unwrap_err().contains('3'));
    }

    #[test]
    fn a_line_must_have_its_figures() {
        assert_eq!(shell("true", &[]).unwrap_err(), "printed no JSON");
        assert_eq!(shell("echo why >&2", &[]).unwrap_err(), "why");
        let why = shell(r#"echo '{"a":"fast"}'"#, &["a"]);
        assert_eq!(why.unwrap_err(), "its line has no number `a`");
    }

    #[test]
    fn a_run_without_end_is_ended() {
        let why = shell("exec sleep 60", &[]).unwrap_err();
        assert_eq!(why, "no end within 1 s");
    }

    #[test]
    fn the_pool_of_one_is_asked_for_behind_the_arguments() {
        let pool = Contestant::our_pool(Some(Path::new("/bin/echo")));
        let arguments = ["{\"a\":1}".to_owned()];
        let why = pool.run(&arguments, Duration::from_secs(1), &["b"]);
        assert_eq!(why.unwrap_err(), "printed no JSON", "as `--pool` stands behind it");
    }

    #[test]
    fn a_missing_program_is_named() {
        let nobody = Contestant::ours(Some(Path::new("no/such/program")));
        let why = nobody.run(&[], Duration::from_secs(1), &[]).unwrap_err();
        assert!(why.starts_with("cannot run no/such/program: "), "{why}");
    }
}
