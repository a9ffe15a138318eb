//! The same scenarios on real loopback sockets and on the simulated network: what the notifier hears is the same, and
//! so is what the peer reads. Each peer is one list of steps, which a plain thread carries out on a real socket, and a
//! script on the simulated one.
#![cfg(feature = "net")]

#[path = "tcp/support.rs"]
#[expect(dead_code, reason = "it is shared with the tests against real sockets")]
mod support;

use backwater::net::sim::{Cue, Script, SimNetwork};
use backwater::net::{TcpConnection, TcpSocket};
use backwater::{Env, Runtime, TcpConnectAuth};
use socket2::Socket;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc;
use support::{BUFFER, Heard, Log, Probe, bound, pattern, reset, run, thread};

/// Many times what all buffers between the two ends hold.
const MUCH: usize = 2 << 20;

/// What the peer does; after the last step it closes.
#[derive(Clone, Copy)]
enum Step {
    Read(usize),
    ReadToEnd,
    Write(usize),
    /// Waits until the notifier gives the cue.
    Cue,
    Shut,
    Reset,
}

/// What was heard, with every error as one: which of two a machine names first is a matter of its timing.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    heard: Vec<String>,
    peer_read: Option<usize>,
}

fn words(log: &Log) -> Vec<String> {
    let word = |heard| match heard {
        Heard::Received(data) => format!("Received({} bytes, right: {})", data.len(), data == pattern(data.len(), 9)),
        Heard::Closed(error) => format!("Closed(by an error: {})", error.is_some()),
        Heard::Failed(_) => "Failed".into(),
        other => format!("{other:?}"),
    };
    log.all().into_iter().map(word).collect()
}

type GiveCue = Box<dyn Fn() + Send>;
type Act = fn(&Heard, &mut TcpSocket, &GiveCue);

fn connect(env: &mut Env<'_>, to: SocketAddr, log: &Log, act: Act, cue: GiveCue) {
    let probe = Probe::new(log, move |heard, conn, _| act(heard, conn, &cue));
    let auth = TcpConnectAuth::from(&env.root);
    TcpConnection::connect(&auth, &to.to_string(), probe).send_buffer(BUFFER).receive_buffer(BUFFER).spawn(env);
}

/// On real sockets. Without steps nobody listens.
fn real(steps: Option<&'static [Step]>, act: Act) -> Outcome {
    let log = Log::default();
    let (cue, told) = mpsc::channel();
    let (socket, to) = bound();
    let peer = steps.map(|steps| {
        socket.listen(1).unwrap();
        let listener = socket.try_clone().unwrap();
        thread(move || play(&listener, steps, &told))
    });
    let give: GiveCue = Box::new(move || cue.send(()).unwrap());
    run(|env| connect(env, to, &log, act, give));
    Outcome { heard: words(&log), peer_read: peer.map(|peer| peer.join().unwrap()) }
}

fn play(listener: &Socket, steps: &[Step], cue: &mpsc::Receiver<()>) -> usize {
    let mut stream = TcpStream::from(listener.accept().unwrap().0);
    let mut read = 0;
    for step in steps {
        match step {
            Step::Read(bytes) => {
                stream.read_exact(&mut vec![0; *bytes]).unwrap();
                read += bytes;
            }
            Step::ReadToEnd => read += support::read_to_end(&stream).len(),
            Step::Write(bytes) => stream.write_all(&pattern(*bytes, 9)).unwrap(),
            Step::Cue => cue.recv().unwrap(),
            Step::Shut => stream.shutdown(Shutdown::Write).unwrap(),
            Step::Reset => {
                reset(stream);
                return read;
            }
        }
    }
    read
}

/// On the simulated network.
fn simulated(steps: Option<&[Step]>, act: Act, seed: u64) -> Outcome {
    let sim = SimNetwork::new(seed);
    let there = sim.localhost();
    let log = Log::default();
    let cue = Cue::new();
    let script = |steps: &[Step]| {
        steps.iter().fold(Script::new(), |script, step| match *step {
            Step::Read(bytes) => script.read(bytes),
            Step::ReadToEnd => script.read_to_end(),
            Step::Write(bytes) => script.write(pattern(bytes, 9)),
            Step::Cue => script.until(&cue),
            Step::Shut => script.shut(),
            Step::Reset => script.reset(),
        })
    };
    let peer = steps.map(|steps| sim.listen(there, 7, script(steps)).unwrap());
    let give: GiveCue = Box::new({
        let cue = cue.clone();
        move || cue.give()
    });
    let to = SocketAddr::from(([127, 0, 0, 1], 7));
    let runtime = Runtime::builder().network(sim).virtual_time().check_invariants(true);
    let summary = runtime.run(|env| connect(env, to, &log, act, give)).unwrap_or_else(|why| panic!("{why}"));
    assert!(summary.stats.is_conserved(), "{}", summary.stats);
    let peer_read = peer.map(|peer| {
        assert!(peer.is_done(), "the peer's script broke off: {:?}", peer.error());
        peer.received().len()
    });
    Outcome { heard: words(&log), peer_read }
}

/// The same on both, and on the simulated network whatever the seed; `peer_reads_all` says whether what the peer read
/// depends on the size of buffers.
#[track_caller]
fn same(steps: Option<&'static [Step]>, peer_reads_all: bool, act: Act) -> Vec<String> {
    let mut real = real(steps, act);
    for seed in 0..5 {
        let mut simulated = simulated(steps, act, seed);
        if !peer_reads_all {
            (real.peer_read, simulated.peer_read) = (None, None);
        }
        assert_eq!(real, simulated, "left: real sockets, right: the simulation with seed {seed}");
    }
    real.heard
}

#[test]
fn an_exchange_sounds_the_same() {
    let heard =
        same(Some(&[Step::Read(5), Step::Write(70_000), Step::ReadToEnd]), true, |heard, conn, _| match heard {
            Heard::Connected => conn.write("hello"),
            Heard::Received(_) if conn.bytes_received() == 70_000 => conn.close(),
            _ => {}
        });
    let received = "Received(70000 bytes, right: true)";
    assert_eq!(heard, ["Connecting", "Connected", received, "Closed(by an error: false)"]);
}

#[test]
fn stall_and_resume_sound_the_same() {
    let heard = same(Some(&[Step::Cue, Step::ReadToEnd]), true, |heard, conn, give| match heard {
        Heard::Connected => conn.write(vec![0; MUCH]),
        Heard::Throttled => give(),
        Heard::Unthrottled => conn.close(),
        _ => {}
    });
    let pair = ["Throttled", "Unthrottled"];
    assert_eq!(heard[2..4], pair);
}

#[test]
fn a_reset_while_throttled_sounds_the_same() {
    let heard = same(Some(&[Step::Cue, Step::Reset]), true, |heard, conn, give| match heard {
        Heard::Connected => conn.write(vec![0; MUCH]),
        Heard::Throttled => give(),
        _ => {}
    });
    assert_eq!(heard[2..], ["Throttled", "Closed(by an error: true)"]);
}

#[test]
fn a_peer_that_leaves_something_unread_sounds_the_same() {
    let heard = same(Some(&[Step::Read(3)]), true, |heard, conn, _| {
        if *heard == Heard::Connected {
            conn.write("more than that");
        }
    });
    assert_eq!(heard[2..], ["Closed(by an error: true)"]);
}

#[test]
fn the_peers_half_close_sounds_the_same() {
    let heard = same(Some(&[Step::Write(8), Step::Shut, Step::ReadToEnd]), true, |heard, conn, _| {
        // In how many pieces it comes is nobody's promise.
        if matches!(heard, Heard::Received(_)) && conn.bytes_received() == 8 {
            conn.write(vec![0; 1_000]);
        }
    });
    assert_eq!(heard[2..], ["Received(8 bytes, right: true)", "Closed(by an error: false)"]);
}

#[test]
fn our_half_close_sounds_the_same() {
    let heard = same(Some(&[Step::ReadToEnd, Step::Write(9_000)]), true, |heard, conn, _| {
        if *heard == Heard::Connected {
            conn.write("question");
            conn.close();
        }
    });
    assert_eq!(heard[2..], ["Received(9000 bytes, right: true)", "Closed(by an error: false)"]);
}

#[test]
fn a_refused_connect_sounds_the_same() {
    let heard = same(None, true, |_, _, _| {});
    assert_eq!(heard, ["Connecting", "Failed"]);
}

#[test]
fn a_graceful_close_while_throttled_sounds_the_same() {
    let heard = same(Some(&[Step::Cue, Step::ReadToEnd]), true, |heard, conn, give| match heard {
        Heard::Connected => conn.write(vec![0; MUCH]),
        Heard::Throttled => {
            conn.close();
            give();
        }
        _ => {}
    });
    assert_eq!(heard[2..], ["Throttled", "Unthrottled", "Closed(by an error: false)"]);
}

#[test]
fn a_hard_close_while_throttled_sounds_the_same() {
    let heard = same(Some(&[Step::Cue, Step::ReadToEnd]), false, |heard, conn, give| match heard {
        Heard::Connected => conn.write(vec![0; MUCH]),
        Heard::Throttled => {
            conn.hard_close();
            give();
        }
        _ => {}
    });
    assert_eq!(heard[2..], ["Throttled", "Unthrottled", "Closed(by an error: false)"]);
}

#[test]
fn a_reset_of_a_paused_connection_sounds_the_same() {
    let heard = same(Some(&[Step::Cue, Step::Reset]), true, |heard, conn, give| {
        if *heard == Heard::Connected {
            conn.mute();
            give();
        }
    });
    assert_eq!(heard[2..], ["Closed(by an error: true)"]);
}
