//! The example `slow_down`: its memory is bounded, as published it ends with a report, repaired it ends well.
#![cfg(feature = "net")]

#[path = "../examples/slow_down/peer.rs"]
mod peer;
#[path = "../examples/slow_down/program.rs"]
mod program;

use backwater::{Cause, RunError, Runtime};
use peer::{Peer, Step};
use program::{Outcome, Pace, Pressure, Settings};
use std::sync::mpsc;
use std::time::Duration;

const CHUNK: usize = 16 << 10;

/// Runs the program against a peer; returns also what the peer read.
fn play(pace: Pace, pressure: Pressure, throttled: Option<mpsc::Sender<()>>, steps: Vec<Step>) -> (Outcome, u64) {
    let peer = Peer::start(steps, |_, _| {}).unwrap();
    let settings = Settings {
        to: peer.address.to_string(),
        chunk: CHUNK,
        send_buffer: program::SEND_BUFFER,
        pace,
        pressure,
        throttled,
    };
    let builder = Runtime::builder().check_invariants(true).out(std::io::sink());
    let outcome = program::run(builder, settings);
    (outcome, peer.join())
}

/// Kibibytes of a line of the process's status, where the machine tells.
fn memory(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let rest = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'))?;
    rest.trim().strip_suffix(" kB")?.parse().ok()
}

/// R14: while the connection presses, its sender completes the behaviour that it is in, which sends one chunk.
#[test]
fn a_flood_through_a_stalled_peer_takes_a_few_chunks_of_memory() {
    const FLOOD: u64 = 64 << 20;
    const MEMORY_KIB: u64 = 16 << 10;
    let before = memory("VmRSS");
    let (throttled, told) = mpsc::channel();
    let steps = vec![Step::WaitFor(told), Step::ReadToEnd];
    let (outcome, read) = play(Pace::Flood(FLOOD), Pressure::Repaired, Some(throttled), steps);
    let (stats, facts) = (outcome.result.unwrap().stats, outcome.facts);
    assert_eq!((facts.written, read), (FLOOD, FLOOD));
    assert!(stats.is_conserved(), "{stats}");
    assert_eq!(facts.throttled, facts.unthrottled);
    assert!(facts.throttled > 0 && stats.totals.mutes > 0 && stats.totals.mutes == stats.totals.freed, "{stats}");
    assert!(stats.totals.deepest <= 4, "a mailbox held {} messages", stats.totals.deepest);
    assert!(facts.backlog_peak <= 4 * CHUNK, "{} bytes waited in the connection", facts.backlog_peak);
    // Without backpressure all of the flood would have been in memory while the peer stalled.
    if let (Some(before), Some(peak)) = (before, memory("VmHWM")) {
        assert!(peak - before < MEMORY_KIB, "{} KiB more than at the beginning", peak - before);
    }
}

fn reset_while_throttled(pressure: Pressure) -> Outcome {
    let (throttled, told) = mpsc::channel();
    let steps = vec![Step::WaitFor(told), Step::Reset];
    play(Pace::Every(Duration::from_millis(1)), pressure, Some(throttled), steps).0
}

#[test]
fn as_published_it_ends_with_a_report_that_names_the_apply_and_who_waits() {
    let outcome = reset_while_throttled(Pressure::AsPublished);
    assert!(outcome.facts.closed && outcome.facts.throttled == outcome.facts.unthrottled + 1, "{:?}", outcome.facts);
    let Err(RunError::Deadlock(report)) = &outcome.result else { panic!("{:?}", outcome.result) };
    let source = include_str!("../examples/slow_down/program.rs");
    let line = source.lines().position(|line| line.contains("Backpressure::apply(")).unwrap() + 1;
    let [root] = &report.roots[..] else { panic!("{report}") };
    let [Cause::Applied(place)] = root.causes[..] else { panic!("{report}") };
    assert!(place.file().ends_with("examples/slow_down/program.rs") && place.line() as usize == line, "{report}");
    assert_eq!((&root.name[..], root.waiting), ("connection", 0));
    let [muted] = &report.muted[..] else { panic!("{report}") };
    let chain: Vec<&str> = muted.chains[0].iter().map(|(_, name)| &name[..]).collect();
    assert_eq!((chain, muted.chains.len()), (vec!["Sender", "connection"], 1));
    assert!(report.to_string().contains(&format!("program.rs:{line}:")), "{report}");
}

#[test]
fn repaired_it_ends_well_in_the_same_circumstances() {
    let outcome = reset_while_throttled(Pressure::Repaired);
    assert!(outcome.facts.closed && outcome.facts.throttled == outcome.facts.unthrottled + 1, "{:?}", outcome.facts);
    let stats = outcome.result.unwrap().stats;
    assert!(stats.is_conserved(), "{stats}");
    assert_eq!(stats.totals.mutes, stats.totals.freed);
    let left: Vec<&str> = stats.actors.iter().map(|actor| &actor.name[..]).collect();
    assert_eq!(left, ["out", "err", "input"], "somebody is left after the end");
}

#[test]
fn a_peer_that_closes_ends_the_run_well() {
    let steps = vec![Step::Read(Duration::from_millis(20)), Step::Pause(Duration::ZERO), Step::Close];
    let (outcome, _) = play(Pace::Every(Duration::from_millis(1)), Pressure::Repaired, None, steps);
    assert!(outcome.result.is_ok() && outcome.facts.closed && outcome.facts.connected, "{outcome:?}");
}

#[test]
fn nobody_listening_is_said_and_ends_the_run() {
    let settings = Settings {
        to: "nowhere".into(),
        chunk: CHUNK,
        send_buffer: program::SEND_BUFFER,
        pace: Pace::Flood(1),
        pressure: Pressure::Repaired,
        throttled: None,
    };
    let outcome = program::run(Runtime::builder().out(std::io::sink()), settings);
    assert!(outcome.result.is_ok() && outcome.facts.connect_failed.unwrap().contains("write HOST:PORT"));
}
