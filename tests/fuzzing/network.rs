//! A connection between a program and a scripted peer, on a simulated network that misbehaves. Whatever the three do:
//! what the notifier hears keeps its order, no byte is lost, doubled or reordered, and whoever is left waiting waits for
//! a connection that is throttled.
//!
//! The bytes are records of two, one thing that the program, the peer or the world does; at the end the sizes of the
//! buffers, the link, and the seed of what the kernels leave open.

use backwater::net::sim::{Link, Script, SimNetwork};
use backwater::net::{NetError, Tcp, TcpConnection, TcpNotify, TcpSocket};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, PressureGuard, RunError, Runtime, TcpConnectAuth,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SETTINGS: usize = 4;

/// What the program sends its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Write(usize),
    WriteInPieces(usize),
    WriteFinal(usize),
    Pause(u64),
    Mute,
    Unmute,
    Expect(usize),
    Close,
    HardClose,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum PeerDoes {
    Read(usize),
    ReadToEnd,
    Write(usize),
    Wait(u64),
    Shut,
    Reset,
}

/// What befalls the network, one millisecond after what befell it before.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Blow {
    Nothing(u64),
    Partition,
    Repair,
    Stall,
    Resume,
    Reset,
    Lose,
    Restart,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    acts: Vec<Act>,
    peer: Vec<PeerDoes>,
    blows: Vec<Blow>,
    buffer: usize,
    link: Link,
    seed: u64,
}

pub(crate) fn decode(bytes: &[u8]) -> Option<Case> {
    let (records, settings) = bytes.split_last_chunk::<SETTINGS>()?;
    let [buffer, latency, bandwidth, seed] = *settings;
    let bandwidth = (bandwidth >= 128).then(|| 1_000 * u64::from(bandwidth));
    let link = Link { latency: Duration::from_micros(50 * u64::from(latency)), bandwidth };
    let buffer = 256 << (buffer % 9);
    let (acts, peer, blows) = (Vec::new(), Vec::new(), Vec::new());
    let mut case = Case { acts, peer, blows, buffer, link, seed: seed.into() };
    records.chunks_exact(2).take(64).for_each(|record| case.add(record[0], record[1]));
    Some(case)
}

impl Case {
    fn add(&mut self, what: u8, with: u8) {
        // Small, or larger than the buffers.
        let size = usize::from(with & 63) << (3 * (with >> 6));
        let time = u64::from(with);
        match what {
            0..128 => self.acts.push(match what & 15 {
                0..=3 => Act::Write(size),
                4 => Act::WriteInPieces(size),
                5 => Act::WriteFinal(size),
                6..=8 => Act::Pause(time),
                9 | 10 => Act::Mute,
                11 | 12 => Act::Unmute,
                13 => Act::Expect(usize::from(with)),
                14 => Act::Close,
                _ => Act::HardClose,
            }),
            128..192 => self.peer.push(match what & 7 {
                0 | 1 => PeerDoes::Read(size),
                2 => PeerDoes::ReadToEnd,
                3 | 4 => PeerDoes::Write(size),
                5 => PeerDoes::Wait(time),
                6 => PeerDoes::Shut,
                _ => PeerDoes::Reset,
            }),
            _ => self.blows.push(match what & 7 {
                0 => Blow::Nothing(time),
                1 => Blow::Partition,
                2 => Blow::Repair,
                3 => Blow::Stall,
                4 => Blow::Resume,
                5 => Blow::Reset,
                6 => Blow::Lose,
                _ => Blow::Restart,
            }),
        }
    }

    /// The network, and what became of the peer.
    fn network(&self) -> (SimNetwork, backwater::net::sim::Peer) {
        let sim = SimNetwork::new(self.seed);
        let (here, there) = (sim.host("here", "10.0.0.1"), sim.host("there", "10.0.0.2"));
        sim.link(here, there, self.link);
        sim.buffers(here, self.buffer, self.buffer);
        sim.buffers(there, self.buffer, self.buffer);
        let mut stream = Stream::of(9);
        let script = self.peer.iter().fold(Script::new(), |script, step| match *step {
            PeerDoes::Read(bytes) => script.read(bytes),
            PeerDoes::ReadToEnd => script.read_to_end(),
            PeerDoes::Write(bytes) => script.write(stream.take(bytes)),
            PeerDoes::Wait(ms) => script.wait(Duration::from_millis(ms)),
            PeerDoes::Shut => script.shut(),
            PeerDoes::Reset => script.reset(),
        });
        let peer = sim.listen(there, 7, script).expect("nobody else listens there");
        let mut at = Duration::ZERO;
        for blow in self.blows.clone() {
            at += Duration::from_millis(if let Blow::Nothing(ms) = blow { ms } else { 1 });
            sim.at(at, move |sim| match blow {
                Blow::Nothing(_) => {}
                Blow::Partition => sim.partition(here, there),
                Blow::Repair => sim.repair(here, there),
                Blow::Stall => sim.stall(there),
                Blow::Resume => sim.resume(there),
                Blow::Reset => sim.reset(here, there),
                Blow::Lose => sim.lose(there),
                Blow::Restart => sim.restart(there),
            });
        }
        (sim, peer)
    }

    /// Every way in which what was written may fail to arrive: then only a beginning of it does.
    fn may_lose(&self) -> bool {
        let harm = |blow: &Blow| !matches!(blow, Blow::Nothing(_));
        let peer_ends = |step: &PeerDoes| matches!(step, PeerDoes::Reset | PeerDoes::Shut);
        self.blows.iter().any(harm)
            || self.acts.iter().any(|act| matches!(act, Act::HardClose | Act::Mute))
            || self.peer.iter().any(peer_ends)
    }

    /// What the program writes before it closes, if all of it goes out.
    fn written(&self) -> usize {
        let mut all = 0;
        for act in &self.acts {
            match act {
                Act::Write(bytes) | Act::WriteInPieces(bytes) => all += bytes,
                Act::WriteFinal(bytes) => return all + bytes,
                Act::Close | Act::HardClose => return all,
                _ => {}
            }
        }
        all
    }
}

/// Bytes that say where they belong.
struct Stream {
    at: usize,
    salt: usize,
}

impl Stream {
    fn of(salt: usize) -> Self {
        Stream { at: 0, salt }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let bytes = (self.at..self.at + count).map(|at| ((at * 31 + at / 251 + self.salt) % 256) as u8).collect();
        self.at += count;
        bytes
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Connected,
    Failed,
    Throttled,
    Unthrottled,
    Received(Vec<u8>),
    Closed { by_error: bool },
}

type Log = Arc<Mutex<Vec<Heard>>>;

/// Writes down what it hears, and presses while it is throttled.
struct Notifier {
    log: Log,
    auth: ApplyReleaseBackpressureAuth,
    pressure: Option<PressureGuard>,
}

impl Notifier {
    fn hear(&mut self, heard: Heard) {
        self.log.lock().unwrap().push(heard);
    }
}

impl TcpNotify for Notifier {
    fn connected(&mut self, _: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        self.hear(Heard::Connected);
    }

    fn connect_failed(&mut self, _: &mut TcpSocket, _: NetError, _: &mut Context<'_, TcpConnection>) {
        self.pressure = None;
        self.hear(Heard::Failed);
    }

    fn received(&mut self, _: &mut TcpSocket, data: Vec<u8>, _: &mut Context<'_, TcpConnection>) {
        self.hear(Heard::Received(data));
    }

    fn throttled(&mut self, _: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        self.pressure = Some(Backpressure::hold(&self.auth, cx));
        self.hear(Heard::Throttled);
    }

    fn unthrottled(&mut self, _: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        self.pressure = None;
        self.hear(Heard::Unthrottled);
    }

    fn closed(&mut self, conn: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        self.pressure = None;
        self.hear(Heard::Closed { by_error: conn.error().is_some() });
    }
}

/// Goes through its acts, each in a behaviour of its own.
struct Sender {
    to: Addr<Tcp>,
    acts: std::vec::IntoIter<Act>,
    stream: Stream,
}

impl Actor for Sender {
    type Msg = ();

    fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) {
        let Some(act) = self.acts.next() else { return };
        let word = match act {
            Act::Pause(ms) => {
                cx.after(Duration::from_millis(ms), ());
                return;
            }
            Act::Write(bytes) => Tcp::Write(self.stream.take(bytes)),
            Act::WriteInPieces(bytes) => {
                Tcp::WriteV(vec![self.stream.take(bytes / 2), self.stream.take(bytes - bytes / 2)])
            }
            Act::WriteFinal(bytes) => Tcp::WriteFinal(self.stream.take(bytes)),
            Act::Mute => Tcp::Mute,
            Act::Unmute => Tcp::Unmute,
            Act::Expect(bytes) => Tcp::Expect(bytes),
            Act::Close => Tcp::Close,
            Act::HardClose => Tcp::HardClose,
        };
        self.to.tell(word, cx);
        cx.me().tell((), cx);
    }
}

/// What a run came to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    heard: Vec<Heard>,
    peer_read: Vec<u8>,
    peer_done: bool,
    deadlock: bool,
}

fn play(case: &Case) -> Outcome {
    let (sim, peer) = case.network();
    let log = Log::default();
    let runtime = Runtime::builder().network(sim).virtual_time().check_invariants(true);
    let result = runtime.run(|env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let notifier = Notifier { log: log.clone(), auth, pressure: None };
        let connect = TcpConnection::connect(&TcpConnectAuth::from(&env.root), "there:7", notifier);
        let to = connect.spawn(env);
        let acts = case.acts.clone().into_iter();
        env.spawn(Sender { to, acts, stream: Stream::of(4) }).tell((), env);
    });
    let deadlock = match result {
        Ok(summary) => {
            assert!(summary.stats.is_conserved(), "{}", summary.stats);
            false
        }
        Err(RunError::Deadlock(_)) => true,
        Err(other) => panic!("{other}"),
    };
    let heard = log.lock().unwrap().clone();
    Outcome { heard, peer_read: peer.received(), peer_done: peer.is_done(), deadlock }
}

pub(crate) fn run(bytes: &[u8]) {
    let Some(case) = decode(bytes) else { return };
    let outcome = play(&case);
    check_order(&outcome);
    check_bytes(&case, &outcome);
    assert_eq!(play(&case), outcome, "R12: the same bytes are the same run");
}

fn check_order(outcome: &Outcome) {
    let (mut open, mut throttled, mut over) = (false, false, false);
    for heard in &outcome.heard {
        assert!(!over, "nothing is heard after the end: {heard:?}");
        match heard {
            Heard::Connected => assert!(!std::mem::replace(&mut open, true), "connected once"),
            Heard::Failed => {
                assert!(!open, "what is connected cannot fail to connect");
                (over, throttled) = (true, false);
            }
            Heard::Throttled => assert!(!std::mem::replace(&mut throttled, true), "throttled and unthrottled in turns"),
            Heard::Unthrottled => assert!(std::mem::replace(&mut throttled, false), "unthrottled, but not throttled"),
            Heard::Received(data) => assert!(open && !data.is_empty(), "something comes while it is open"),
            Heard::Closed { .. } => {
                assert!(open, "only what was connected is closed");
                (over, throttled) = (true, false);
            }
        }
    }
    assert!(!outcome.deadlock || throttled, "somebody waits, but the connection is not throttled");
}

fn check_bytes(case: &Case, outcome: &Outcome) {
    let data = |heard: &Heard| if let Heard::Received(data) = heard { data.clone() } else { Vec::new() };
    let read: Vec<u8> = outcome.heard.iter().flat_map(data).collect();
    assert_eq!(read, Stream::of(9).take(read.len()), "what the peer wrote, in order, once");
    let peer_read = &outcome.peer_read;
    assert!(*peer_read == Stream::of(4).take(peer_read.len()), "what the program wrote, in order, once");
    let to_end = matches!(case.peer.last(), Some(PeerDoes::ReadToEnd));
    let well = outcome.heard.last() == Some(&Heard::Closed { by_error: false });
    if to_end && well && outcome.peer_done && !case.may_lose() {
        assert_eq!(peer_read.len(), case.written(), "everything that was written before the close arrives");
    }
}
