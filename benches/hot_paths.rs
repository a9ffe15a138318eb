//! Instructions per operation on the hot paths: a figure that a busy machine does not change.
//!
//! `cargo bench --bench instructions` runs each path under valgrind's callgrind with n and with 2n operations and takes
//! the difference, so that start and end cancel out; it compares with `benches/instructions.txt` and fails if a path
//! costs over 3 % more. `cargo bench --bench instructions -- --bless` writes the figures anew; they depend on the
//! compiler and the processor's architecture, which stand in the file.
//!
//! Not here: time. `examples/bench` measures that, and `docs/PERFORMANCE.md` quotes it.

use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Env, Runtime, Totals};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

// --- The paths ------------------------------------------------------------------------------------------------------

/// What is done n times in one run.
struct HotPath {
    name: &'static str,
    what: &'static str,
    main: fn(&mut Env<'_>, u64),
    /// How often it was done.
    done: fn(&Totals) -> u64,
    on: On,
}

/// Which runtime it is done on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Single,
    /// A pool of one thread.
    Pool,
    /// The same, and the run is recorded.
    Recorded,
}

const PATHS: [HotPath; 13] = [
    HotPath {
        name: "send",
        what: "a send into a mailbox that is not read, and the drop of the message",
        main: send,
        done: |totals| totals.sent - totals.handled,
        on: On::Single,
    },
    HotPath {
        name: "send_and_run",
        what: "a send to an idle actor, its scheduling, and its run of one message",
        main: pingpong,
        done: |totals| totals.handled,
        on: On::Single,
    },
    HotPath {
        name: "send_and_handle",
        what: "a send, and its handling in a run of a full batch",
        main: fan_in,
        done: |totals| totals.handled,
        on: On::Single,
    },
    HotPath {
        name: "mute_and_free",
        what: "two sends handled, one mute, release, fall, apply",
        main: mute,
        done: |totals| totals.freed,
        on: On::Single,
    },
    HotPath {
        name: "spawn_and_end",
        what: "a spawn, and the end of the actor with the runtime",
        main: spawn,
        done: |totals| totals.spawned,
        on: On::Single,
    },
    HotPath {
        name: "timer",
        what: "a timer set, and its firing, among 20,000 others or twice as many",
        main: timers,
        done: |totals| totals.delivered,
        on: On::Single,
    },
    HotPath {
        name: "fall",
        what: "a message to oneself, apply, and a release that nobody waits for",
        main: fall,
        done: |totals| totals.handled,
        on: On::Single,
    },
    HotPath {
        name: "pool_send_and_run",
        what: "on a pool: a send to an idle actor, its scheduling, and its run of one message",
        main: pingpong,
        done: |totals| totals.handled,
        on: On::Pool,
    },
    HotPath {
        name: "pool_fan_in",
        what: "on a pool: a message to a busy actor, its handling, and its sender's message to itself",
        main: busy,
        done: |totals| totals.handled / 2,
        on: On::Pool,
    },
    HotPath {
        name: "pool_mute_and_free",
        what: "on a pool: two sends handled, one mute, release, fall, apply",
        main: mute,
        done: |totals| totals.freed,
        on: On::Pool,
    },
    HotPath {
        name: "pool_fall",
        what: "on a pool: a message to oneself, apply, and a release that nobody waits for",
        main: fall,
        done: |totals| totals.handled,
        on: On::Pool,
    },
    HotPath {
        name: "pool_crowd",
        what: "on a pool: a message among 500 between 100 actors, several of which are handled in a run",
        main: crowd,
        done: |totals| totals.handled,
        on: On::Pool,
    },
    HotPath {
        name: "recorded_crowd",
        what: "the same, recorded",
        main: crowd,
        done: |totals| totals.handled,
        on: On::Recorded,
    },
];

/// Counts what it is sent.
struct Sink {
    seen: u64,
}

impl Actor for Sink {
    type Msg = u64;

    fn receive(&mut self, n: u64, _cx: &mut Context<'_, Self>) {
        self.seen = self.seen.wrapping_add(n);
    }
}

fn send(env: &mut Env<'_>, n: u64) {
    let sink = env.spawn(Sink { seen: 0 });
    (0..n).for_each(|i| sink.tell(i, env));
    env.shutdown();
}

/// Passes a count to its peer until it is 0.
struct Ping {
    peer: Option<Addr<Hop>>,
}

#[derive(Debug)]
enum Hop {
    Peer(Addr<Hop>),
    Left(u64),
}

impl Actor for Ping {
    type Msg = Hop;

    fn receive(&mut self, msg: Hop, cx: &mut Context<'_, Self>) {
        match (msg, &self.peer) {
            (Hop::Peer(peer), _) => self.peer = Some(peer),
            (Hop::Left(left), Some(peer)) if left > 0 => peer.tell(Hop::Left(left - 1), cx),
            (Hop::Left(_), _) => {}
        }
    }
}

fn pingpong(env: &mut Env<'_>, n: u64) {
    let pair = [env.spawn(Ping { peer: None }), env.spawn(Ping { peer: None })];
    pair[0].tell(Hop::Peer(pair[1].clone()), env);
    pair[1].tell(Hop::Peer(pair[0].clone()), env);
    pair[0].tell(Hop::Left(n), env);
}

fn fan_in(env: &mut Env<'_>, n: u64) {
    let sink = env.spawn(Sink { seen: 0 });
    (0..n).for_each(|i| sink.tell(i, env));
}

/// Under pressure, except for a moment at each message.
struct Valve {
    auth: ApplyReleaseBackpressureAuth,
}

impl Actor for Valve {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        Backpressure::release(&self.auth, cx);
        Backpressure::apply(&self.auth, cx);
    }
}

/// Sends to the valve, and to itself, n times: each behaviour ends muted.
struct Pusher {
    valve: Addr<()>,
}

impl Actor for Pusher {
    type Msg = u64;

    fn receive(&mut self, left: u64, cx: &mut Context<'_, Self>) {
        self.valve.tell((), cx);
        if left > 0 {
            cx.me().tell(left - 1, cx);
        }
    }
}

fn mute(env: &mut Env<'_>, n: u64) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let valve = env.spawn(Valve { auth });
    valve.tell((), env);
    env.spawn(Pusher { valve }).tell(n, env);
}

fn spawn(env: &mut Env<'_>, n: u64) {
    (0..n).for_each(|_| drop(env.spawn(Sink { seen: 0 })));
}

/// Sets n timers at once, in no order; all fire.
struct Timed;

impl Actor for Timed {
    type Msg = u64;

    fn receive(&mut self, n: u64, cx: &mut Context<'_, Self>) {
        for i in 0..n {
            // A multiplier that has no factor in common with the modulus spreads them out.
            cx.after(std::time::Duration::from_nanos(i * 7_919 % 100_003), 0);
        }
    }
}

fn timers(env: &mut Env<'_>, n: u64) {
    env.spawn(Timed).tell(n, env);
}

/// Sends to a sink, and to itself, n times.
struct Source {
    sink: Addr<u64>,
}

impl Actor for Source {
    type Msg = u64;

    fn receive(&mut self, left: u64, cx: &mut Context<'_, Self>) {
        self.sink.tell(left, cx);
        if left > 1 {
            cx.tell_self(left - 1);
        }
    }
}

fn busy(env: &mut Env<'_>, n: u64) {
    let sink = env.spawn(Sink { seen: 0 });
    env.spawn(Source { sink }).tell(n, env);
}

/// Presses and releases, n times.
struct Lonely {
    auth: ApplyReleaseBackpressureAuth,
}

impl Actor for Lonely {
    type Msg = u64;

    fn receive(&mut self, left: u64, cx: &mut Context<'_, Self>) {
        Backpressure::apply(&self.auth, cx);
        Backpressure::release(&self.auth, cx);
        if left > 1 {
            cx.tell_self(left - 1);
        }
    }
}

fn fall(env: &mut Env<'_>, n: u64) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    env.spawn(Lonely { auth }).tell(n, env);
}

/// Passes each count on to one of many, drawn at random, until it is 0.
struct One {
    all: Vec<Addr<Walk>>,
    x: u64,
}

#[derive(Debug)]
enum Walk {
    All(Vec<Addr<Walk>>),
    Left(u64),
}

impl Actor for One {
    type Msg = Walk;

    fn receive(&mut self, msg: Walk, cx: &mut Context<'_, Self>) {
        match msg {
            Walk::Left(0) => {}
            Walk::Left(left) => {
                self.x = self.x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = ((self.x >> 33) * self.all.len() as u64) >> 31;
                self.all[at as usize].tell(Walk::Left(left - 1), cx);
            }
            Walk::All(all) => self.all = all,
        }
    }
}

fn crowd(env: &mut Env<'_>, n: u64) {
    let all: Vec<_> = (0..100).map(|x| env.spawn(One { all: Vec::new(), x })).collect();
    all.iter().for_each(|one| one.tell(Walk::All(all.clone()), env));
    (0..500).for_each(|token| all[token % 100].tell(Walk::Left(n / 500 - 1), env));
}

/// One run of one path, which must have done what it says, n times.
fn run(path: &HotPath, n: u64) {
    let builder = Runtime::builder().virtual_time();
    let builder = match path.on {
        On::Single => builder,
        On::Pool => builder.threads(1),
        On::Recorded => builder.threads(1).record(std::io::sink()),
    };
    let summary = builder.run(|env| (path.main)(env, n)).expect("every path ends well");
    let done = (path.done)(&summary.stats.totals);
    assert!(done + SLACK >= n && done <= n + SLACK, "{} was done {done} times, not {n}", path.name);
}

/// Messages of setting up, and those of the one batch that is handled before a shutdown.
const SLACK: u64 = 100;

// --- Counting -------------------------------------------------------------------------------------------------------

/// Operations of the shorter run; the longer has twice as many.
const SIZE: u64 = 20_000;
/// A path may cost this much more than its figure before it counts as a regression.
const TOLERANCE_PERCENT: f64 = 3.0;
/// Followed by the path's name and n: this process is the one that is measured.
const MEASURED: &str = "--measured";

/// Runs this program again under callgrind; returns the instructions that it took.
fn instructions(path: &HotPath, n: u64) -> Result<u64, String> {
    let me = std::env::current_exe().map_err(|e| format!("this program cannot find itself: {e}"))?;
    let out = me.with_extension(format!("{}.callgrind", path.name));
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet", &format!("--callgrind-out-file={}", out.display())]);
    command.arg(&me).args([MEASURED, path.name, &n.to_string()]).env_remove("BACKWATER_REPLAY");
    let ran = command.output().map_err(|e| format!("valgrind does not start: {e}"))?;
    if !ran.status.success() {
        return Err(format!("{} under valgrind: {}\n{}", path.name, ran.status, String::from_utf8_lossy(&ran.stderr)));
    }
    let text = std::fs::read_to_string(&out).map_err(|e| format!("{}: {e}", out.display()))?;
    // It is a by-product in the target directory: one that stays does no harm.
    let _ = std::fs::remove_file(&out);
    let total = text.lines().find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")));
    let total = total.and_then(|total| total.split_whitespace().next()?.parse().ok());
    total.ok_or_else(|| format!("callgrind's file for {} has no total", path.name))
}

fn per_operation(path: &HotPath) -> Result<f64, String> {
    let (short, long) = (instructions(path, SIZE)?, instructions(path, 2 * SIZE)?);
    Ok(long.saturating_sub(short) as f64 / SIZE as f64)
}

// --- Figures --------------------------------------------------------------------------------------------------------

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.txt")
}

/// What the figures depend on besides the code.
fn setting() -> String {
    let rustc = Command::new("rustc").arg("--version").output();
    let version = rustc.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    format!("{}, {}", std::env::consts::ARCH, version.unwrap_or_else(|_| "an unknown rustc".into()))
}

/// `name instructions` a line; `#` begins a comment, the first of which names the setting.
fn figures(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ').and_then(|(name, n)| Some((name, n.trim().parse().ok()?)))).collect()
}

fn bless(found: &[(&HotPath, f64)]) -> Result<(), String> {
    let mut text =
        format!("# {}\n# instructions per operation; `cargo bench --bench instructions -- --bless`\n", setting());
    for (path, count) in found {
        let _ = writeln!(text, "{} {count:.1}", path.name); // a String takes everything
    }
    std::fs::write(file(), text).map_err(|e| format!("{}: {e}", file().display()))
}

/// Prints the table; the names of the paths that got worse, or have no figure.
fn compare(found: &[(&HotPath, f64)], text: &str) -> Vec<&'static str> {
    let known = figures(text);
    let mut worse = Vec::new();
    println!("{:<16} {:>12} {:>10} {:>8}", "path", "instructions", "figure", "change");
    for (path, count) in found {
        let figure = known.get(path.name).copied();
        let change = figure.map(|figure| 100.0 * (count - figure) / figure);
        if change.is_none_or(|change| change > TOLERANCE_PERCENT) {
            worse.push(path.name);
        }
        let figure = figure.map_or("none".into(), |figure| format!("{figure:.1}"));
        let change = change.map_or(String::new(), |change| format!("{change:+.1} %"));
        println!("{:<16} {count:>12.1} {figure:>10} {change:>8}  {}", path.name, path.what);
    }
    worse
}

// --- The program ----------------------------------------------------------------------------------------------------

fn measure(blessing: bool) -> Result<ExitCode, String> {
    let found = PATHS.iter().map(|path| Ok((path, per_operation(path)?))).collect::<Result<Vec<_>, String>>()?;
    if blessing {
        bless(&found)?;
    }
    let text = std::fs::read_to_string(file()).unwrap_or_default();
    let made_with = text.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap_or("nothing");
    let worse = compare(&found, &text);
    if worse.is_empty() {
        println!("no path costs over {TOLERANCE_PERCENT} % more than its figure");
        return Ok(ExitCode::SUCCESS);
    }
    println!("over {TOLERANCE_PERCENT} % more than the figure, or none: {}", worse.join(", "));
    println!("the figures were made with {made_with}; this is {}", setting());
    println!("if that is as it should be: cargo bench --bench instructions -- --bless");
    Ok(ExitCode::FAILURE)
}

/// Without valgrind nothing is measured: on a desk that is said, in CI it is a failure.
fn without_valgrind() -> ExitCode {
    println!("instructions: not measured, because valgrind is missing (Debian, Ubuntu: apt-get install valgrind)");
    if std::env::var_os("CI").is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [MEASURED, name, n] = &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        let path = PATHS.iter().find(|path| path.name == *name).expect("the parent gives a name from the table");
        run(path, n.parse().expect("the parent gives a number"));
        return ExitCode::SUCCESS;
    }
    // Cargo gives `--bench` to benchmarks that are to measure; as a test they only have to run.
    if !arguments.iter().any(|argument| argument == "--bench") {
        PATHS.iter().for_each(|path| run(path, 1_000));
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        return without_valgrind();
    }
    measure(arguments.iter().any(|argument| argument == "--bless")).unwrap_or_else(|error| {
        eprintln!("instructions: {error}");
        ExitCode::FAILURE
    })
}
