//! Child processes, with real programs: the shell and what stands beside it on every Unix.
#![cfg(all(feature = "process", unix))]

mod common;

use backwater::net::sim::SimNetwork;
use backwater::process::{Child, ChildError, ChildIo, ChildNotify, ChildProcess};
use backwater::{Addr, ApplyReleaseBackpressureAuth, Context, ControlAuth, Env, ProcessAuth, SpawnOptions, Summary};
use common::act;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex};

type Cx<'a> = Context<'a, ChildProcess>;

/// More than all buffers on the way to a child hold.
const MUCH: usize = 4 << 20;
const CHUNK: usize = 64 << 10;

#[derive(Default)]
struct Facts {
    failed: Option<String>,
    out: Vec<u8>,
    err: Vec<u8>,
    lost: Option<usize>,
    status: Option<ExitStatus>,
    calls_after_the_end: u32,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Facts>>);

impl Log {
    fn note(&self, note: impl FnOnce(&mut Facts)) {
        let mut facts = self.0.lock().unwrap();
        facts.calls_after_the_end += u32::from(facts.status.is_some());
        note(&mut facts);
    }

    /// What was heard, when the run is over.
    #[track_caller]
    fn facts(self) -> Facts {
        let facts = std::mem::take(&mut *self.0.lock().unwrap());
        assert_eq!(facts.calls_after_the_end, 0);
        facts
    }
}

/// Writes down what it hears, and does one thing when the child runs.
struct Probe<F>(Log, F);

impl<F: FnMut(&mut ChildIo, &mut Cx<'_>) + Send + 'static> ChildNotify for Probe<F> {
    fn created(&mut self, io: &mut ChildIo, cx: &mut Cx<'_>) {
        assert!(io.pid().is_some());
        (self.1)(io, cx);
    }
    fn failed(&mut self, why: ChildError, _: &mut Cx<'_>) {
        self.0.note(|facts| facts.failed = Some(why.to_string()));
    }
    fn stdout(&mut self, _: &mut ChildIo, data: Vec<u8>, _: &mut Cx<'_>) {
        self.0.note(|facts| facts.out.extend(data));
    }
    fn stderr(&mut self, _: &mut ChildIo, data: Vec<u8>, _: &mut Cx<'_>) {
        self.0.note(|facts| facts.err.extend(data));
    }
    fn stdin_closed(&mut self, io: &mut ChildIo, lost: usize, _: std::io::Error, _: &mut Cx<'_>) {
        assert_eq!(io.backlog(), 0);
        self.0.note(|facts| facts.lost = Some(lost));
    }
    fn exited(&mut self, status: ExitStatus, cx: &mut Cx<'_>) {
        self.0.note(|facts| facts.status = Some(status));
        assert!(!cx.is_under_pressure(), "pressure was stranded");
    }
}

fn run(main: impl FnOnce(&mut Env<'_>)) -> Summary {
    let summary = common::builder().check_invariants(true).run(main).unwrap_or_else(|why| panic!("{why}"));
    assert!(summary.stats.is_conserved(), "{}", summary.stats);
    assert!(summary.stats.actors.iter().all(|actor| actor.name != "ChildProcess"), "one is left after the end");
    assert_eq!(summary.stats.totals.mutes, summary.stats.totals.freed);
    summary
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn start(
    env: &mut Env<'_>,
    command: Command,
    log: &Log,
    created: impl FnMut(&mut ChildIo, &mut Cx<'_>) + Send + 'static,
) -> Addr<Child> {
    let (auth, press) = (ProcessAuth::from(&env.root), ApplyReleaseBackpressureAuth::from(&env.root));
    ChildProcess::start(&auth, &press, command, Probe(log.clone(), created)).spawn(env)
}

/// Sends a chunk a behaviour to the child, so many, and then the end. On the child's thread, on a pool too: on another it
/// could send all of them before the first is written.
fn feed(env: &mut Env<'_>, child: &Addr<Child>, chunks: u64) {
    let child = child.clone();
    let feeder = act(move |left, cx| {
        if left == 0 {
            return child.tell(Child::DoneWriting, cx);
        }
        child.tell(Child::Write(vec![b'.'; CHUNK]), cx);
        cx.me().tell(left - 1, cx);
    });
    let feeder = env.spawn_with(SpawnOptions::new().pinned(), feeder);
    feeder.tell(chunks, env);
}

#[test]
fn what_a_child_writes_and_how_it_ends_is_heard() {
    let log = Log::default();
    run(|env| drop(start(env, shell("echo out; echo err >&2; exit 7"), &log, |_, _| ())));
    let facts = log.facts();
    assert_eq!((&facts.out[..], &facts.err[..]), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!(facts.status.unwrap().code(), Some(7));
}

#[test]
fn megabytes_through_a_child_hold_the_sender_back_and_none_is_lost() {
    let log = Log::default();
    let summary = run(|env| {
        let child = start(env, Command::new("cat"), &log, |_, _| ());
        feed(env, &child, (MUCH / CHUNK) as u64);
    });
    let facts = log.facts();
    assert_eq!(facts.out.len(), MUCH);
    assert!(facts.status.unwrap().success() && facts.lost.is_none());
    assert!(summary.stats.totals.mutes > 0, "the pipe took {MUCH} bytes at once");
    // What was in memory at a time: what the sender had sent before it was held back.
    assert!(summary.stats.totals.deepest <= 6, "{} messages waited", summary.stats.totals.deepest);
}

#[test]
fn a_child_that_dies_with_its_input_full_strands_no_pressure() {
    // It reads a little, closes nothing, and is gone: the sender is muted by then, or will be.
    for script in ["head -c 10 >/dev/null; exit 3", "kill -9 $$"] {
        let log = Log::default();
        run(|env| {
            let child = start(env, shell(script), &log, |_, _| ());
            feed(env, &child, (MUCH / CHUNK) as u64);
        });
        let status = log.facts().status.unwrap();
        assert!(status.code() == Some(3) || status.signal() == Some(9), "{status}");
    }
}

#[test]
fn a_kill_on_the_control_lane_ends_the_pressure_of_a_child_that_never_reads() {
    let log = Log::default();
    let summary = run(|env| {
        let control = ControlAuth::from(&env.root);
        let child = start(env, shell("exec sleep 1000"), &log, |_, _| ());
        feed(env, &child, (MUCH / CHUNK) as u64);
        // Looks until the sender is held back, and then kills.
        let watcher = env.spawn(act(move |_, cx| {
            if cx.stats().totals.mutes > 0 {
                child.tell_control(Child::Kill, &control, cx);
                cx.stop();
            } else {
                cx.after(std::time::Duration::from_millis(1), 0);
            }
        }));
        watcher.tell(0, env);
    });
    assert_eq!(log.facts().status.unwrap().signal(), Some(9));
    assert!(summary.stats.totals.mutes > 0);
}

#[test]
fn a_child_that_closes_its_input_goes_on_and_what_is_lost_is_said() {
    let log = Log::default();
    run(|env| {
        let script = "exec 0<&-; echo closed; read_nothing=1; exit 0";
        let child = start(env, shell(script), &log, |_, _| ());
        feed(env, &child, (MUCH / CHUNK) as u64);
    });
    let facts = log.facts();
    assert_eq!(facts.out, b"closed\n");
    assert!(facts.status.unwrap().success());
}

/// What its own child holds open does not hold its end up.
#[test]
fn a_grandchild_that_inherits_the_pipes_does_not_delay_the_end() {
    let log = Log::default();
    // The grandchild reads the input to its end, which comes only when we close it: after the child has ended.
    let script = "exec 3<&0; (cat <&3; echo not heard) & exit 5";
    run(|env| drop(start(env, shell(script), &log, |_, _| ())));
    assert_eq!(log.facts().status.unwrap().code(), Some(5));
}

#[test]
fn a_program_that_is_not_there_is_an_error_that_names_it() {
    let log = Log::default();
    run(|env| {
        let child = start(env, Command::new("/nowhere/backwater"), &log, |_, _| ());
        child.tell(Child::Write(b"in vain".to_vec()), env);
    });
    let facts = log.facts();
    let why = facts.failed.unwrap();
    assert!(why.starts_with("cannot start `/nowhere/backwater` (") && why.contains("check its path"), "{why}");
    assert!(facts.status.is_none());
}

#[test]
fn a_simulated_world_starts_no_process() {
    let log = Log::default();
    let builder = common::builder().network(SimNetwork::new(1)).virtual_time();
    builder.run(|env| drop(start(env, Command::new("true"), &log, |_, _| ()))).unwrap();
    assert!(log.facts().failed.unwrap().contains("a simulated network has no processes"));
}

#[test]
fn a_child_does_not_outlive_its_actor() {
    let pid = Arc::new(Mutex::new(None));
    let seen = pid.clone();
    let log = Log::default();
    run(|env| {
        start(env, shell("exec sleep 1000"), &log, move |io, cx| {
            *seen.lock().unwrap() = io.pid();
            cx.stop();
        });
    });
    let pid = pid.lock().unwrap().unwrap();
    let alive = Command::new("kill").args(["-0", &pid.to_string()]).stderr(std::process::Stdio::null()).status();
    assert!(!alive.unwrap().success(), "the child {pid} is still there");
    assert!(log.facts().status.is_none());
}

#[test]
fn what_a_child_writes_is_left_in_its_pipe_while_nobody_takes_it() {
    // The notifier passes everything on to an actor that presses for a while; the child waits meanwhile.
    struct PassesOn(Addr<u64>, Log);
    impl ChildNotify for PassesOn {
        fn stdout(&mut self, _: &mut ChildIo, data: Vec<u8>, cx: &mut Cx<'_>) {
            self.0.tell(data.len() as u64, cx); // how often it is held back is up to the machine
        }
        fn exited(&mut self, status: ExitStatus, cx: &mut Cx<'_>) {
            self.1.note(|facts| facts.status = Some(status));
            self.0.tell(0, cx);
        }
    }
    let (log, sum) = (Log::default(), Arc::new(Mutex::new(0)));
    let total = sum.clone();
    let summary = run(|env| {
        let (auth, press) = (ProcessAuth::from(&env.root), ApplyReleaseBackpressureAuth::from(&env.root));
        let slow = press.clone();
        let mut busy = Vec::new();
        let sink = env.spawn(act(move |bytes, cx| {
            if bytes == u64::MAX {
                busy.clear();
            } else {
                *total.lock().unwrap() += bytes;
                busy.push(backwater::Backpressure::hold(&slow, cx));
                cx.after(std::time::Duration::from_micros(200), u64::MAX);
            }
        }));
        let command = shell("head -c 4194304 /dev/zero");
        ChildProcess::start(&auth, &press, command, PassesOn(sink, log.clone())).spawn(env);
    });
    assert_eq!(*sum.lock().unwrap(), MUCH as u64);
    assert!(log.facts().status.unwrap().success());
    assert!(summary.stats.totals.mutes > 0, "the child was never held back");
}
