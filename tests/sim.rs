//! The simulated network: what it does by itself, and that one seed is one run (R12).
#![cfg(feature = "net")]

mod common;
#[path = "tcp/support.rs"]
#[expect(dead_code, reason = "it is shared with the tests against real sockets")]
mod support;

use backwater::net::sim::{Host, Link, Script, SimNetwork};
use backwater::net::{Tcp, TcpConnection, TcpListenNotify, TcpListener, TcpNotify};
use backwater::{
    Addr, ApplyReleaseBackpressureAuth, Backpressure, Builder, Context, Env, RunError, Runtime, Summary,
    TcpConnectAuth, TcpListenAuth,
};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Heard, Log, Probe, pattern};

const MUCH: usize = 1 << 20;
const SECOND: Duration = Duration::from_secs(1);

fn builder(sim: &SimNetwork) -> Builder {
    Runtime::builder().network(sim.clone()).virtual_time().check_invariants(true)
}

fn run(sim: &SimNetwork, main: impl FnOnce(&mut Env<'_>)) -> Summary {
    let summary = builder(sim).run(main).unwrap_or_else(|why| panic!("{why}"));
    assert!(summary.stats.is_conserved(), "{}", summary.stats);
    summary
}

fn connect(env: &mut Env<'_>, to: &str, probe: Probe) -> Addr<Tcp> {
    TcpConnection::connect(&TcpConnectAuth::from(&env.root), to, probe).spawn(env)
}

/// Two hosts; the program is on the first.
fn pair(seed: u64) -> (SimNetwork, Host, Host) {
    let sim = SimNetwork::new(seed);
    let (here, there) = (sim.host("here", "10.0.0.1"), sim.host("there", "10.0.0.2"));
    (sim, here, there)
}

/// Writes much, and closes.
fn writes_much(log: &Log) -> Probe {
    Probe::new(log, |heard, conn, _| {
        if *heard == Heard::Connected {
            conn.write(pattern(MUCH, 4));
            conn.close();
        }
    })
}

#[test]
fn latency_and_bandwidth_take_their_time() {
    let (sim, here, there) = pair(1);
    sim.link(here, there, Link { latency: Duration::from_millis(50), bandwidth: Some(100_000) });
    let peer = sim.listen(there, 7, Script::new().read_to_end()).unwrap();
    let log = Log::default();
    let summary = run(&sim, |env| drop(connect(env, "there:7", writes_much(&log))));
    assert!(peer.received() == pattern(MUCH, 4));
    // A megabyte at 100 kB/s, with a header for each 16 KiB, and some ways there and back.
    assert!((SECOND * 10..SECOND * 12).contains(&summary.time), "{:?}", summary.time);
}

#[test]
fn a_partition_holds_back_and_loses_nothing() {
    let (sim, here, there) = pair(2);
    let peer = sim.listen(there, 7, Script::new().read_to_end()).unwrap();
    sim.at(Duration::from_millis(3), move |sim| sim.partition(here, there));
    sim.at(SECOND * 60, move |sim| sim.repair(here, there));
    let log = Log::default();
    let summary = run(&sim, |env| drop(connect(env, "there:7", writes_much(&log))));
    assert!(peer.received() == pattern(MUCH, 4));
    assert_eq!(log.all().last(), Some(&Heard::Closed(None)));
    assert!((SECOND * 60..SECOND * 61).contains(&summary.time), "{:?}", summary.time);
}

#[test]
fn a_partition_without_end_is_an_error_in_the_end() {
    let (sim, here, there) = pair(3);
    let _peer = sim.listen(there, 7, Script::new().read_to_end()).unwrap();
    sim.at(Duration::from_millis(3), move |sim| sim.partition(here, there));
    let log = Log::default();
    run(&sim, |env| drop(connect(env, "there:7", writes_much(&log))));
    assert_eq!(log.all().last(), Some(&Heard::Closed(Some(ErrorKind::TimedOut))));
}

#[test]
fn a_stalled_host_throttles_and_its_kernel_goes_on() {
    let (sim, _, there) = pair(4);
    let peer = sim.listen(there, 7, Script::new().read_to_end()).unwrap();
    sim.stall(there);
    sim.at(SECOND * 5, move |sim| sim.resume(there));
    let log = Log::default();
    run(&sim, |env| drop(connect(env, "there:7", writes_much(&log))));
    assert!(peer.received() == pattern(MUCH, 4));
    use Heard::*;
    assert_eq!(log.all(), [Connecting, Connected, Throttled, Unthrottled, Closed(None)]);
}

#[test]
fn buffers_are_bounded_and_full_when_nobody_reads() {
    const SEND: usize = 10_000;
    const RECEIVE: usize = 5_000;
    let (sim, here, there) = pair(16);
    sim.buffers(here, SEND, RECEIVE);
    sim.buffers(there, SEND, RECEIVE);
    let peer = sim.listen(there, 7, Script::new().read_to_end()).unwrap();
    sim.stall(there);
    let log = Log::default();
    let seen = Arc::new(Mutex::new(0));
    let written = seen.clone();
    let probe = Probe::new(&log, move |heard, conn, cx| match heard {
        Heard::Connected => {
            conn.write(pattern(MUCH, 6));
            cx.after(SECOND * 10, Tcp::HardClose);
        }
        Heard::Unthrottled => *written.lock().unwrap() = conn.bytes_written(),
        _ => {}
    });
    run(&sim, |env| drop(connect(env, "there:7", probe)));
    assert_eq!(*seen.lock().unwrap(), (SEND + RECEIVE) as u64, "what both buffers hold, and no more");
    // The machine still sends what it has taken, when the other goes on; here it never did.
    assert!(peer.received().is_empty());
}

#[test]
fn reads_and_writes_are_cut_short_by_the_seed_and_nothing_is_lost() {
    let pieces = |seed| {
        let (sim, _, there) = pair(seed);
        let peer = sim.listen(there, 7, Script::new().write(pattern(MUCH, 3)).read_to_end()).unwrap();
        let log = Log::default();
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let seen = sizes.clone();
        let probe = Probe::new(&log, move |heard, conn, _| match heard {
            Heard::Connected => conn.write(pattern(MUCH, 4)),
            Heard::Received(data) => {
                seen.lock().unwrap().push(data.len());
                if conn.bytes_received() == MUCH as u64 {
                    conn.close();
                }
            }
            _ => {}
        });
        run(&sim, |env| drop(connect(env, "there:7", probe)));
        assert!(log.received() == pattern(MUCH, 3) && peer.received() == pattern(MUCH, 4));
        std::mem::take(&mut *sizes.lock().unwrap())
    };
    let (first, second) = (pieces(17), pieces(18));
    // The most that one read takes is 16 KiB, and a packet has as much: without the seed's cuts all would be whole.
    let whole = |sizes: &[usize]| sizes.iter().filter(|size| size.is_multiple_of(16 << 10)).count();
    assert!(whole(&first) < first.len() * 9 / 10, "{first:?}");
    assert_ne!(first, second);
}

#[test]
fn a_lost_host_is_noticed_by_who_writes_and_by_who_keeps_asking() {
    for (write, settled) in [(true, SECOND * 924), (false, SECOND * 675)] {
        let (sim, _, there) = pair(5);
        let _peer = sim.listen(there, 7, Script::new().read_to_end()).unwrap();
        sim.stall(there);
        sim.at(SECOND * 5, move |sim| sim.lose(there));
        let log = Log::default();
        let probe = Probe::new(&log, move |heard, conn, _| {
            if *heard == Heard::Connected {
                conn.set_keepalive((!write).then_some(SECOND)).unwrap();
                conn.write(if write { pattern(MUCH, 5) } else { vec![] });
            }
        });
        let summary = run(&sim, |env| drop(connect(env, "there:7", probe)));
        assert_eq!(log.all().last(), Some(&Heard::Closed(Some(ErrorKind::TimedOut))));
        assert!((settled + SECOND * 5..settled + SECOND * 7).contains(&summary.time), "{:?}", summary.time);
    }
}

#[test]
fn connects_that_cannot_be_are_errors() {
    let (sim, ..) = pair(6);
    let lost = sim.host("lost", "10.0.0.3");
    sim.lose(lost);
    let log = Log::default();
    run(&sim, |env| {
        for to in ["there:7", "10.9.9.9:7", "nobody:7", "lost:7"] {
            connect(env, to, Probe::new(&log, |_, _, _| {}));
        }
    });
    let failed = |heard| if let Heard::Failed(why) = heard { Some(why) } else { None };
    let mut said: Vec<String> = log.all().into_iter().filter_map(failed).collect();
    said.sort();
    let expected = ["10.0.0.2:7 (connection refused)", "10.0.0.3:7 (timed out)", "10.9.9.9:7 (host unreachable)"];
    expected.iter().zip(&said).for_each(|(part, said)| assert!(said.contains(part), "{said}"));
    assert!(said[3].contains("the name `nobody` has no address"), "{said:?}");
}

#[test]
fn a_reset_link_closes_both_ends() {
    let (sim, here, there) = pair(7);
    let peer = sim.listen(there, 7, Script::new().read_to_end()).unwrap();
    sim.at(SECOND, move |sim| sim.reset(here, there));
    let log = Log::default();
    run(&sim, |env| drop(connect(env, "there:7", Probe::new(&log, |_, _, _| {}))));
    assert_eq!(log.all().last(), Some(&Heard::Closed(Some(ErrorKind::ConnectionReset))));
    assert_eq!(peer.error(), Some(ErrorKind::ConnectionReset));
}

#[test]
fn a_lost_host_that_is_back_knows_of_no_connection() {
    let (sim, _, there) = pair(8);
    let _peer = sim.listen(there, 7, Script::new().read_to_end()).unwrap();
    sim.at(SECOND, move |sim| {
        sim.lose(there);
        sim.restart(there);
    });
    let log = Log::default();
    run(&sim, |env| {
        let probe = Probe::new(&log, |heard, _, cx| {
            if *heard == Heard::Connected {
                cx.after(SECOND * 2, Tcp::Write(b"still there?".to_vec()));
            }
        });
        connect(env, "there:7", probe);
    });
    assert_eq!(log.all().last(), Some(&Heard::Closed(Some(ErrorKind::ConnectionReset))));
}

/// Echoes on the second host, for one connection.
struct Echo(Log);

impl TcpListenNotify for Echo {
    fn accept(&mut self, _: SocketAddr, cx: &mut Context<'_, TcpListener>) -> Option<Box<dyn TcpNotify>> {
        cx.tell_self(backwater::net::Listen::Close);
        Some(Box::new(Probe::new(&self.0, |heard, conn, _| {
            if let Heard::Received(data) = heard {
                conn.write(&data[..]);
            }
        })))
    }
}

/// A client and a server in one program, on two hosts.
fn echo(env: &mut Env<'_>) -> Log {
    let log = Log::default();
    let auth = TcpListenAuth::from(&env.root);
    TcpListener::listen(&auth, "10.0.0.2:7", Echo(Log::default())).spawn(env);
    let probe = Probe::new(&log, |heard, conn, _| match heard {
        Heard::Connected => conn.write(pattern(MUCH, 8)),
        Heard::Received(_) if conn.bytes_received() == MUCH as u64 => conn.close(),
        _ => {}
    });
    connect(env, "there:7", probe);
    log
}

#[test]
fn client_and_server_in_one_program_talk_over_the_simulated_network() {
    let (sim, ..) = pair(9);
    let mut log = None;
    run(&sim, |env| log = Some(echo(env)));
    let log = log.unwrap();
    assert!(log.received() == pattern(MUCH, 8));
    assert_eq!(log.all().last(), Some(&Heard::Closed(None)));
}

/// The whole trace of a run in which everything happens.
fn trace(seed: u64) -> String {
    let (sim, here, there) = pair(seed);
    sim.link(here, there, Link { latency: Duration::from_millis(2), bandwidth: Some(10_000_000) });
    sim.at(Duration::from_millis(20), move |sim| sim.partition(here, there));
    sim.at(Duration::from_millis(90), move |sim| sim.repair(here, there));
    sim.at(Duration::from_millis(120), move |sim| sim.stall(there));
    sim.at(Duration::from_millis(150), move |sim| sim.resume(there));
    let builder = Runtime::builder().network(sim.clone()).virtual_time().shuffled().seed(seed);
    let ran = common::run(builder, |env| drop(echo(env)));
    let summary = ran.well();
    let end = format!("{:?} {:?}", summary.stats, summary.time);
    ran.trace.join("\n") + "\n" + &end
}

#[test]
fn one_seed_is_one_run_and_another_is_another() {
    for seed in 1..4 {
        let (first, second) = (trace(seed), trace(seed));
        assert!(first.lines().count() > 200, "a trace this short shows nothing:\n{first}");
        assert!(first == second, "two runs with the seed {seed} differ");
    }
    assert_ne!(trace(1), trace(2));
}

/// The peer stands still for ever: on a real network nobody could know, here the run ends with a report that names the
/// line to blame.
#[test]
fn a_program_that_waits_for_a_peer_that_never_moves_ends_with_a_deadlock_report() {
    let (sim, _, there) = pair(10);
    let _peer = sim.listen(there, 7, Script::new().read_to_end()).unwrap();
    sim.stall(there);
    let ended = builder(&sim).run(|env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let probe = Probe::new(&Log::default(), move |heard, _, cx| {
            if *heard == Heard::Throttled {
                Backpressure::apply(&auth, cx);
            }
        });
        let conn = connect(env, "there:7", probe);
        let sender = env.spawn(common::act(move |left, cx| {
            conn.tell(Tcp::Write(vec![0; MUCH]), cx);
            if left > 0 {
                cx.after(SECOND, left - 1);
            }
        }));
        sender.tell(9, env);
    });
    let Err(RunError::Deadlock(report)) = ended else { panic!("{ended:?}") };
    assert!(report.to_string().contains("tests/sim.rs"), "{report}");
}

#[test]
fn a_network_is_for_one_run() {
    let (sim, ..) = pair(11);
    run(&sim, |_| ());
    let again = std::panic::catch_unwind(|| builder(&sim));
    let why = again.unwrap_err();
    assert!(why.downcast_ref::<&str>().unwrap().contains("belongs to one run"));
}

/// Connects to a name, and says when it was open, and what was heard.
fn connect_by_name(sim: &SimNetwork) -> (Duration, Vec<Heard>) {
    let log = Log::default();
    let probe = Probe::new(&log, |heard, conn, _| {
        if *heard == Heard::Connected {
            conn.close();
        }
    });
    let summary = run(sim, |env| drop(connect(env, "db:7", probe)));
    (summary.time, log.all())
}

#[test]
fn a_silent_address_is_overtaken_by_the_next_after_a_quarter_of_a_second() {
    let sim = SimNetwork::new(12);
    sim.host_with("here", &["10.0.0.1", "fd00::1"]);
    let silent = ["fd00::2", "fd00::3"].map(|address| sim.host("db", address));
    let answers = sim.host("db", "10.0.0.2");
    silent.into_iter().for_each(|host| sim.lose(host));
    let peer = sim.listen(answers, 7, Script::new().read_to_end()).unwrap();
    let (time, heard) = connect_by_name(&sim);
    use Heard::*;
    // The second address of the first family is not reached: the families take turns.
    assert_eq!(heard, [Connecting, Connecting, Connected, Closed(None)]);
    assert!((SECOND / 4..SECOND / 3).contains(&time), "{time:?}");
    assert!(peer.is_done());
}

#[test]
fn a_refused_address_is_followed_by_the_next_at_once() {
    let sim = SimNetwork::new(13);
    sim.host_with("here", &["10.0.0.1", "fd00::1"]);
    sim.host("db", "fd00::2");
    let answers = sim.host("db", "10.0.0.2");
    let _peer = sim.listen(answers, 7, Script::new().read_to_end()).unwrap();
    let (time, heard) = connect_by_name(&sim);
    use Heard::*;
    assert_eq!(heard, [Connecting, Connecting, Connected, Closed(None)]);
    assert!(time < SECOND / 10, "{time:?}");
}

#[test]
fn a_slow_first_address_may_still_win_and_the_others_are_dropped() {
    let sim = SimNetwork::new(14);
    let here = sim.host_with("here", &["10.0.0.1", "fd00::1"]);
    let [slow, slower] = ["fd00::2", "10.0.0.2"].map(|address| sim.host("db", address));
    for (host, ms) in [(slow, 200), (slower, 400)] {
        sim.link(here, host, Link { latency: Duration::from_millis(ms), bandwidth: None });
    }
    let won = sim.listen(slow, 7, Script::new().read_to_end()).unwrap();
    let lost = sim.listen(slower, 7, Script::new().read_to_end()).unwrap();
    let (_, heard) = connect_by_name(&sim);
    use Heard::*;
    assert_eq!(heard, [Connecting, Connecting, Connected, Closed(None)]);
    assert!(won.is_done() && !lost.is_done());
}

#[test]
fn the_last_of_several_that_fail_is_the_error() {
    let sim = SimNetwork::new(15);
    sim.host("here", "10.0.0.1");
    let _hosts = ["10.0.0.2", "10.0.0.3"].map(|address| sim.host("db", address));
    let (_, heard) = connect_by_name(&sim);
    let [Heard::Connecting, Heard::Connecting, Heard::Failed(why)] = &heard[..] else { panic!("{heard:?}") };
    assert!(why.contains("10.0.0.3:7"), "{why}");
}
