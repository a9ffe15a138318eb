//! What no real network does on demand: a network of plain structs in the real one's place.

mod scripted;
mod turns;

use super::event_loop::Net;
use super::network::{Buffers, Key, Listener, Network, Readiness, Stream};
use super::real::Real;
use super::{Listen, Tcp, TcpConnection, TcpListenNotify, TcpListener, TcpNotify, TcpSocket};
use crate::sync::{Arc, Mutex, lock, thread};
use crate::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Env, Runtime, TcpConnectAuth, TcpListenAuth,
};
use scripted::{Script, Scripted};
use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 7);
const READABLE: Readiness = Readiness { readable: true, writable: false, gone: false };
const WRITABLE: Readiness = Readiness { readable: false, writable: true, gone: false };
use ErrorKind::{BrokenPipe, Interrupted, OutOfMemory, WouldBlock};

/// Runs with this network in the machine's place.
fn run_over(network: impl Network + 'static, main: impl FnOnce(&mut Env<'_>)) {
    let ended = Runtime::builder().virtual_time().check_invariants(true).run(|env| {
        env.core().set_event_loop(Box::new(Net::over(network)));
        main(env);
    });
    ended.unwrap_or_else(|why| panic!("{why}"));
}

/// Writes `first` when connected, and notes in words what it hears.
struct Noting {
    first: &'static str,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Noting {
    fn note(&self, what: impl Into<String>) {
        lock(&self.heard).push(what.into());
    }
}

type Cx<'a> = Context<'a, TcpConnection>;

impl TcpNotify for Noting {
    fn connected(&mut self, conn: &mut TcpSocket, _: &mut Cx<'_>) {
        conn.write(self.first);
    }
    fn received(&mut self, _: &mut TcpSocket, data: Vec<u8>, _: &mut Cx<'_>) {
        self.note(if data.len() < 100 { String::from_utf8(data).unwrap() } else { format!("{} bytes", data.len()) });
    }
    fn throttled(&mut self, conn: &mut TcpSocket, _: &mut Cx<'_>) {
        self.note(format!("throttled at {}", conn.backlog()));
    }
    fn unthrottled(&mut self, _: &mut TcpSocket, _: &mut Cx<'_>) {
        self.note("unthrottled");
    }
    fn closed(&mut self, conn: &mut TcpSocket, _: &mut Cx<'_>) {
        self.note(format!("closed, {:?}", conn.error().map(io::Error::kind)));
    }
}

/// A connection that writes `first`, under this script; what its notifier heard.
fn play(first: &'static str, script: Script) -> (Vec<String>, Script) {
    let network = Scripted(Arc::new(Mutex::new(script)));
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let notify = Noting { first, heard: heard.clone() };
    run_over(network.clone(), |env| {
        TcpConnection::connect(&TcpConnectAuth::from(&env.root), "192.0.2.1:7", notify).spawn(env);
    });
    let heard = lock(&heard).clone();
    let script = std::mem::take(&mut *lock(&network.0));
    (heard, script)
}

#[test]
fn interrupted_calls_and_short_writes_are_gone_on_with() {
    let script = Script {
        ready: [WRITABLE, WRITABLE, READABLE].into(),
        writes: [Err(Interrupted), Ok(3), Err(Interrupted), Ok(2), Err(WouldBlock), Ok(1), Ok(100)].into(),
        reads: [Err(WouldBlock), Err(Interrupted), Ok("ab"), Ok("c"), Ok("")].into(),
        ..Script::default()
    };
    let (heard, script) = play("0123456789", script);
    assert_eq!(script.written, b"0123456789");
    assert_eq!(heard, ["throttled at 5", "unthrottled", "ab", "c", "closed, None"]);
}

#[test]
fn a_broken_pipe_loses_no_data_that_the_peer_sent_before() {
    let script = Script {
        ready: [WRITABLE].into(),
        writes: [Ok(4), Err(BrokenPipe)].into(),
        reads: [Ok("last "), Ok("words"), Ok("")].into(),
        ..Script::default()
    };
    let (heard, script) = play("0123456789", script);
    assert_eq!(script.written, b"0123");
    assert_eq!(heard, ["last ", "words", "closed, Some(BrokenPipe)"]);
}

#[test]
fn a_socket_that_takes_nothing_is_not_tried_again_before_it_is_ready() {
    let ready = std::iter::once(WRITABLE).chain(std::iter::repeat_n(READABLE, 50)).chain([WRITABLE, READABLE]);
    let reads = std::iter::repeat_n(Err(WouldBlock), 51).chain([Ok("")]).collect();
    let writes = [Err(WouldBlock), Ok(9)].into();
    let (heard, script) = play("stubborn!", Script { ready: ready.collect(), reads, writes, ..Script::default() });
    assert_eq!(heard, ["throttled at 9", "unthrottled", "closed, None"]);
    assert_eq!(script.write_calls, 2);
}

#[test]
fn more_than_fits_into_a_behaviour_is_read_to_the_end_after_one_readiness() {
    const LONG: &[u8] = &[b'x'; 16 << 10];
    let long = || Ok(str::from_utf8(LONG).expect("it is ASCII"));
    let reads = [Err(WouldBlock)].into_iter().chain((0..10).map(|_| long())).chain([Ok("")]).collect();
    let (heard, _) = play("", Script { ready: [WRITABLE, READABLE].into(), reads, ..Script::default() });
    assert_eq!(heard, [vec!["16384 bytes"; 10], vec!["closed, None"]].concat());

    // The same after a write has failed: what the peer sent before is not lost.
    let reads = (0..10).map(|_| long()).chain([Ok("")]).collect();
    let writes = [Err(BrokenPipe)].into();
    let (heard, _) = play("in vain", Script { ready: [WRITABLE].into(), reads, writes, ..Script::default() });
    assert_eq!(heard, [vec!["16384 bytes"; 10], vec!["closed, Some(BrokenPipe)"]].concat());
}

#[test]
fn a_machine_short_of_memory_is_tried_again_after_a_while_and_nothing_is_lost() {
    let script = Script {
        ready: [WRITABLE].into(),
        writes: [Ok(3), Err(OutOfMemory), Err(OutOfMemory), Ok(100)].into(),
        reads: [Err(OutOfMemory), Ok("ab"), Err(OutOfMemory), Ok("")].into(),
        ..Script::default()
    };
    let (heard, script) = play("0123456789", script);
    assert_eq!((&script.written[..], script.write_calls), (&b"0123456789"[..], 4));
    assert_eq!(heard, ["throttled at 7", "ab", "unthrottled", "closed, None"]);
}

/// Wants so many connections, and closes each at once.
struct Turnstile(u32);

impl TcpListenNotify for Turnstile {
    fn accept(&mut self, _: SocketAddr, cx: &mut Context<'_, TcpListener>) -> Option<Box<dyn TcpNotify>> {
        self.0 -= 1;
        if self.0 == 0 {
            cx.me().tell(Listen::Close, cx);
        }
        None
    }
}

#[test]
fn a_crowd_is_accepted_after_one_readiness_and_past_errors_that_go_away() {
    let crowd = || std::iter::repeat_n(Ok(()), 40);
    let errors = [Err(Interrupted), Err(ErrorKind::ConnectionAborted), Err(ErrorKind::OutOfMemory)];
    let accepts = crowd().chain(errors).chain(crowd()).collect();
    let script = Script { ready: [READABLE].into(), accepts, ..Script::default() };
    run_over(Scripted(Arc::new(Mutex::new(script))), |env| {
        TcpListener::listen(&TcpListenAuth::from(&env.root), "192.0.2.1:7", Turnstile(80)).spawn(env);
    });
}

/// Under pressure for the first hundred milliseconds.
struct Pressed(ApplyReleaseBackpressureAuth);

#[derive(Debug)]
enum Press {
    Begin,
    End,
    Data,
}

impl Actor for Pressed {
    type Msg = Press;

    fn receive(&mut self, msg: Press, cx: &mut Context<'_, Self>) {
        match msg {
            Press::Begin => {
                Backpressure::apply(&self.0, cx);
                // Time passes in steps, so that the network is polled in between.
                for ms in 1..100 {
                    cx.after(Duration::from_millis(ms), Press::Data);
                }
                cx.after(Duration::from_millis(100), Press::End);
            }
            Press::End => Backpressure::release(&self.0, cx),
            Press::Data => {}
        }
    }
}

/// Passes on to an actor that may be pressing.
struct PassesOn(Addr<Press>);

impl TcpNotify for PassesOn {
    fn received(&mut self, _: &mut TcpSocket, _: Vec<u8>, cx: &mut Cx<'_>) {
        self.0.tell(Press::Data, cx);
    }
    fn closed(&mut self, _: &mut TcpSocket, cx: &mut Cx<'_>) {
        let stats = cx.stats_of(&cx.me()).unwrap();
        assert_eq!(stats.mutes_taken, 1);
        assert!(stats.mailbox_peak <= 2, "{} wake-ups waited", stats.mailbox_peak);
    }
}

#[test]
fn a_muted_connection_does_not_collect_wake_ups() {
    let script = Script {
        ready: std::iter::once(WRITABLE).chain(std::iter::repeat_n(READABLE, 90)).collect(),
        reads: [Ok("data"), Err(WouldBlock), Ok("")].into(),
        ..Script::default()
    };
    let network = Scripted(Arc::new(Mutex::new(script)));
    run_over(network.clone(), |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let sink = env.spawn(Pressed(auth));
        sink.tell(Press::Begin, env);
        TcpConnection::connect(&TcpConnectAuth::from(&env.root), "192.0.2.1:7", PassesOn(sink)).spawn(env);
    });
    assert!(lock(&network.0).ready.is_empty(), "the network was busy all the time");
}

/// The machine's network, counting.
struct Counting {
    real: Real,
    polls: Arc<Mutex<u32>>,
}

impl Network for Counting {
    fn connect(&mut self, to: SocketAddr, buffers: Buffers) -> io::Result<Box<dyn Stream>> {
        self.real.connect(to, buffers)
    }

    fn listen(&mut self, at: SocketAddr) -> io::Result<Box<dyn Listener>> {
        self.real.listen(at)
    }

    fn poll(&mut self, timeout: Option<Duration>, ready: &mut Vec<(Key, Readiness)>) -> io::Result<()> {
        *lock(&self.polls) += 1;
        self.real.poll(timeout, ready)
    }

    fn ringer(&self) -> Box<dyn Fn() + Send + Sync> {
        self.real.ringer()
    }
}

/// Writes more than the socket takes; hard closes after some ticks in which nothing can go on.
struct Stalled;

impl TcpNotify for Stalled {
    fn connected(&mut self, conn: &mut TcpSocket, _: &mut Cx<'_>) {
        conn.write(vec![0; 32 << 20]);
    }
    fn throttled(&mut self, _: &mut TcpSocket, cx: &mut Cx<'_>) {
        cx.after(Duration::from_millis(50), Tcp::HardClose);
    }
}

#[test]
fn waiting_for_a_stalled_peer_is_not_polling() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = listener.local_addr().unwrap().to_string();
    // Does not read before the run is over.
    let (held, hold) = std::sync::mpsc::channel::<()>();
    let peer = thread::spawn("peer", move || {
        let (mut stream, _) = listener.accept().unwrap();
        hold.recv().unwrap_err();
        stream.read_to_end(&mut Vec::new()).unwrap()
    });
    let polls = Arc::new(Mutex::new(0));
    let network = Counting { real: Real::new().unwrap(), polls: polls.clone() };
    Runtime::builder()
        .run(|env| {
            env.core().set_event_loop(Box::new(Net::over(network)));
            TcpConnection::connect(&TcpConnectAuth::from(&env.root), &to, Stalled).send_buffer(32 << 10).spawn(env);
        })
        .unwrap();
    drop(held);
    assert!(peer.unwrap().join().unwrap() < 32 << 20);
    // A few for each thing that happens; a loop that does not sleep makes tens of thousands.
    let polls = *lock(&polls);
    assert!(polls < 1_000, "{polls} polls");
}
