//! Carries one step out: runs its commands, times them, and says how it went.

use crate::kills;
use crate::steps::{self, STEPS, Step, Work};
use crate::targets::Targets;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Skipped,
}

/// Why a step did not pass.
enum Trouble {
    /// It cannot be done here; the text says what is missing.
    Skip(String),
    /// It was done and failed; the text is the end of what it said.
    Fail(String),
}

/// Lines shown of a command that failed.
const TAIL: usize = 60;

/// What a command may take in CI. None takes half of it: what takes longer hangs. A person sees that, and stops it.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// The cargo that runs this.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The top of the project.
fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[expect(clippy::disallowed_methods, reason = "says how long each check took; no result depends on it")]
pub(crate) fn step(step: &Step) -> Outcome {
    println!("{}: {}", step.name, step.purpose);
    let began = Instant::now();
    let result = carry_out(&step.work);
    let took = began.elapsed().as_secs_f64();
    match result {
        Ok(()) => {
            println!("    passed in {took:.1} s");
            Outcome::Passed
        }
        Err(Trouble::Skip(why)) => {
            println!("    skipped: {why}");
            Outcome::Skipped
        }
        Err(Trouble::Fail(why)) => {
            why.lines().for_each(|line| println!("    | {line}"));
            println!("    FAILED in {took:.1} s; to run it alone: cargo verify {}", step.name);
            Outcome::Failed
        }
    }
}

fn carry_out(work: &Work) -> Result<(), Trouble> {
    match work {
        Work::Commands(commands) => commands.iter().try_for_each(|command| run(&mut cargo_command(command)).map(drop)),
        Work::Tests(names) => tests(&["--all-features"], |test| names.contains(&test)),
        // Some of them run the examples, which `cargo test --test` does not build.
        Work::OtherTests => build_examples().and_then(|()| tests(&["--all-features"], |test| !has_own_step(test))),
        Work::Examples => examples(),
        Work::Sanitizer(which) => sanitizer(which),
        Work::Model(backing) => model(backing),
        Work::Pauses => pauses(),
        Work::Kills => kills::check(&top()).map_err(Trouble::Fail),
        Work::Apart { folder, command } => apart(folder, command),
        Work::Script(path) => script(path),
    }
}

/// What a script ends with where something that it needs is missing.
const MISSING: i32 = 3;

fn script(path: &str) -> Result<(), Trouble> {
    let mut command = Command::new(top().join(path));
    match output(command.current_dir(top())) {
        Ok((status, _)) if status.success() => Ok(()),
        Ok((status, said)) if status.code() == Some(MISSING) => {
            Err(absent(said.trim_end().lines().last().unwrap_or("it does not say what is missing")))
        }
        Ok((status, said)) => Err(Trouble::Fail(format!("{}{path}\n{status}", tail(&said)))),
        Err(why) => Err(Trouble::Fail(format!("{path}\ndid not run: {why}"))),
    }
}

fn has_own_step(test: &str) -> bool {
    STEPS.iter().any(|step| matches!(step.work, Work::Tests(names) if names.contains(&test)))
}

fn cargo_command(command: &steps::Command) -> Command {
    let mut cargo = Command::new(cargo());
    cargo.args(command.words.split(' ')).current_dir(top()).envs(command.env);
    cargo
}

fn tests(options: &[&str], wanted: impl Fn(&str) -> bool) -> Result<(), Trouble> {
    let targets = Targets::read().map_err(Trouble::Fail)?;
    let tests = targets.tests().map_err(Trouble::Fail)?;
    let chosen: Vec<&str> = tests.into_iter().filter(|test| wanted(test)).flat_map(|test| ["--test", test]).collect();
    if chosen.is_empty() {
        return Err(Trouble::Skip("none of its tests is here".into()));
    }
    run(Command::new(cargo()).args(["test", "--package", "backwater"]).args(options).args(chosen).current_dir(top()))
        .map(drop)
}

fn build_examples() -> Result<(), Trouble> {
    let build = ["build", "--package", "backwater", "--examples", "--all-features"];
    run(Command::new(cargo()).args(build).current_dir(top())).map(drop)
}

fn examples() -> Result<(), Trouble> {
    build_examples()?;
    let targets = Targets::read().map_err(Trouble::Fail)?;
    targets.examples().map_err(Trouble::Fail)?.into_iter().try_for_each(example)
}

fn example(name: &str) -> Result<(), Trouble> {
    let args = steps::EXAMPLE_ARGS.iter().find(|(example, _)| *example == name).map_or(&[][..], |(_, args)| args);
    let run_it = ["run", "--quiet", "--package", "backwater", "--all-features", "--example", name, "--"];
    run(Command::new(cargo()).args(run_it).args(args).current_dir(top())).map(drop)
}

/// The standard library comes as the toolchain has it, so what is checked is our code and the calls it makes.
fn sanitizer(sanitizer: &steps::Sanitizer) -> Result<(), Trouble> {
    let version = Command::new("rustup").args(["run", "nightly", "rustc", "-vV"]).output();
    let version = version.ok().filter(|output| output.status.success());
    let Some(version) = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()) else {
        return Err(absent("a nightly compiler is needed: rustup toolchain install nightly --profile minimal"));
    };
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let command = || {
        let mut cargo = Command::new("rustup");
        cargo.args(["run", "nightly", "cargo", "test", "--target", host]);
        cargo.args(["--target-dir", &format!("target/{}", sanitizer.folder)]).args(sanitizer.words.split(' '));
        cargo.current_dir(top()).env("RUSTFLAGS", sanitizer.flags).envs(sanitizer.env).env_remove("CARGO");
        cargo
    };
    run(&mut command())?;
    match sanitizer.finds.iter().find(|fault| run(command().env("BACKWATER_FAULT", fault)).is_ok()) {
        Some(fault) => Err(Trouble::Fail(format!("with the fault {fault} planted it passes too: it does not look"))),
        None => Ok(()),
    }
}

/// The scenarios on real threads that stand still now and then, and the pool's programs. What was tried is shown.
fn pauses() -> Result<(), Trouble> {
    let mut cargo = Command::new(cargo());
    cargo.args(["test", "--package", "model_tests", "--features", "scenarios", "--profile", "model", "--target-dir"]);
    cargo.args(["target/pauses", "--test", "scenarios", "--test", "pool", "--test", "pool_edges", "--test", "backing"]);
    cargo.args(["--", "--nocapture", "threads::", "pool::", "backing"]).current_dir(top());
    let rounds = std::env::var("BACKWATER_ROUNDS").unwrap_or_else(|_| steps::ROUNDS.into());
    cargo.env("RUSTFLAGS", "--cfg backwater_sync=\"pauses\"").env("BACKWATER_EXPECT_SYNC", "pauses");
    let said = run(cargo.env("BACKWATER_ROUNDS", rounds))?;
    said.lines().filter(|line| line.contains(" runs")).for_each(|line| println!("    {line}"));
    Ok(())
}

/// Compiled with flags and into a folder of its own. `model_tests` fails if the flags did not arrive. The names of the
/// tests, their bounds and how much was tried are shown: a pass means no more than they say.
fn model(backing: &str) -> Result<(), Trouble> {
    let mut cargo = Command::new(cargo());
    cargo.args(["test", "--package", "model_tests", "--profile", "model", "--target-dir"]);
    cargo.arg(format!("target/{backing}")).args(["--", "--nocapture", "--test-threads=2"]).current_dir(top());
    cargo.env("RUSTFLAGS", format!("--cfg backwater_sync=\"{backing}\"")).env("BACKWATER_EXPECT_SYNC", backing);
    let tried = format!(" runs under {backing}, ");
    let said = run(&mut cargo)?;
    said.lines().filter(|line| line.contains(&tried)).for_each(|line| println!("    {line}"));
    Ok(())
}

fn apart(folder: &str, command: &steps::Command) -> Result<(), Trouble> {
    let folder = top().join(folder);
    if !folder.join("Cargo.toml").is_file() {
        return Err(absent("the folder is not in this copy of the project"));
    }
    run(cargo_command(command).current_dir(folder)).map(drop)
}

/// What is missing may be missing on a person's machine, where the step says so; in CI it is a failure.
fn absent(what: &str) -> Trouble {
    if in_ci() { Trouble::Fail(what.into()) } else { Trouble::Skip(what.into()) }
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|ci| ci == "true")
}

/// Runs a command and gives back what it said; if it fails, says which and how it ended.
fn run(command: &mut Command) -> Result<String, Trouble> {
    let line = line(command);
    match output(command) {
        Ok((status, said)) if status.success() => Ok(said),
        Ok((status, said)) => Err(Trouble::Fail(format!("{}{line}\n{status}", tail(&said)))),
        Err(why) => Err(Trouble::Fail(format!("{line}\ndid not run: {why}"))),
    }
}

/// Standard output and error, as they came.
pub(crate) fn output(command: &mut Command) -> io::Result<(ExitStatus, String)> {
    output_within(command, in_ci().then_some(LIMIT))
}

/// With a limit, the command and all that it started are killed when they take longer.
#[expect(clippy::disallowed_methods, reason = "a thread reads, so that this one can wait for a limited time")]
fn output_within(command: &mut Command, limit: Option<Duration>) -> io::Result<(ExitStatus, String)> {
    let (mut reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    #[cfg(unix)]
    if limit.is_some() {
        std::os::unix::process::CommandExt::process_group(command, 0);
    }
    let mut child = command.spawn()?;
    // The command still holds our ends for writing; with them open the reading would not end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (done, wait) = mpsc::channel::<()>();
    let reading = std::thread::spawn(move || {
        let _ends = done;
        let mut said = Vec::new();
        reader.read_to_end(&mut said).map(|_| said)
    });
    let late = limit.filter(|limit| wait.recv_timeout(*limit) == Err(mpsc::RecvTimeoutError::Timeout));
    if late.is_some() {
        kill(&mut child)?;
    }
    let said = reading.join().map_err(|_| io::Error::other("the reading of its output panicked"))??;
    let mut said = String::from_utf8_lossy(&said).into_owned();
    if let Some(limit) = late {
        said.push_str(&format!("\nit hung: stopped after {} s\n", limit.as_secs()));
    }
    Ok((child.wait()?, said))
}

/// The command and what it started.
fn kill(child: &mut Child) -> io::Result<()> {
    if cfg!(unix) {
        Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status()?;
    }
    child.kill()
}

/// The command as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let env = command.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
    let mut words: Vec<String> = env.map(|(name, value)| format!("{name}='{value}'")).collect();
    let program = PathBuf::from(command.get_program());
    words.push(program.file_stem().unwrap_or(program.as_os_str()).to_string_lossy().into_owned());
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

fn tail(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    let from = lines.len().saturating_sub(TAIL);
    lines[from..].iter().flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_is_a_failure_with_its_words_and_the_line_to_type() {
        let result = run(Command::new(cargo()).arg("no-such-command"));
        let Err(Trouble::Fail(why)) = result else { panic!("cargo has no such command") };
        assert!(why.contains("cargo no-such-command\n") && why.contains("no such command"), "{why}");
    }

    #[test]
    fn a_command_that_does_not_exist_is_a_failure() {
        assert!(matches!(run(&mut Command::new("no-such-program-here")), Err(Trouble::Fail(_))));
    }

    #[test]
    #[cfg(unix)]
    fn a_command_that_hangs_is_killed_with_what_it_started() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000 & wait"]);
        let (status, said) = output_within(&mut command, Some(Duration::from_millis(300))).unwrap();
        assert!(!status.success() && said.ends_with("it hung: stopped after 0 s\n"), "{said}");
    }

    #[test]
    fn the_tail_is_the_end_of_what_was_said() {
        let said: String = (0..100).map(|n| format!("{n}\n")).collect();
        assert!(tail(&said).starts_with("40\n") && tail(&said).ends_with("99\n"));
        assert_eq!(tail("one"), "one\n");
    }

    #[test]
    fn no_test_is_left_out_of_the_steps() {
        assert!(has_own_step("house") && !has_own_step("a_test_of_next_year"));
        assert!(STEPS.iter().any(|step| matches!(step.work, Work::OtherTests)));
    }
}
