//! One end of a simulated TCP connection: its buffers, its window, how it ends. It knows no other socket.

use super::packet::{Packet, SEGMENT, Segment};
use crate::net::network::{Readiness, Settings};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

/// How long what was sent waits to be acknowledged: Linux's fifteen retries.
pub(super) const PATIENCE: Duration = Duration::from_secs(924);
/// Nine questions, 75 seconds apart, as Linux asks them after the idle time.
const KEEP_ALIVE_PATIENCE: Duration = Duration::from_secs(675);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    Open,
    /// By an error: nothing is sent any more.
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fin {
    No,
    Wanted,
    Sent,
    Acknowledged,
}

pub(super) struct Connection {
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    pub(super) state: State,
    /// What was written and is not acknowledged; the first `in_flight` bytes of it are on their way.
    pub(super) send: VecDeque<u8>,
    pub(super) in_flight: usize,
    /// What the peer's buffer takes, counted from the last byte acknowledged.
    pub(super) window: usize,
    pub(super) receive: VecDeque<u8>,
    /// What the peer may still send, as far as it was told.
    pub(super) promised: usize,
    pub(super) fin: Fin,
    pub(super) peer_fin: bool,
    pub(super) error: Option<ErrorKind>,
    /// No program has it any more.
    pub(super) orphan: bool,
    /// A write was refused because the buffer was full.
    pub(super) starved: bool,
    /// When patience with the peer ends.
    pub(super) deadline: Option<Duration>,
    pub(super) settings: Settings,
    /// Ask an idle peer after so long whether it is there.
    pub(super) keep_alive: Option<Duration>,
    /// The next read, and the next write, takes one byte.
    pub(super) read_short: bool,
    pub(super) write_short: bool,
    /// No packet gets through any more.
    pub(super) cut: bool,
}

impl Connection {
    pub(super) fn new(local: SocketAddr, peer: SocketAddr, buffers: (usize, usize), window: usize) -> Self {
        Connection {
            local,
            peer,
            state: State::Open,
            send: VecDeque::new(),
            in_flight: 0,
            window,
            receive: VecDeque::new(),
            promised: buffers.1,
            fin: Fin::No,
            peer_fin: false,
            error: None,
            orphan: false,
            starved: false,
            deadline: None,
            settings: Settings { send_buffer: buffers.0, receive_buffer: buffers.1, ..Settings::default() },
            keep_alive: None,
            read_short: false,
            write_short: false,
            cut: false,
        }
    }

    pub(super) fn packet(&self, what: Segment) -> Packet {
        Packet { from: self.local, to: self.peer, what }
    }

    pub(super) fn free(&self) -> usize {
        self.settings.send_buffer.saturating_sub(self.send.len())
    }

    pub(super) fn room(&self) -> usize {
        self.settings.receive_buffer.saturating_sub(self.receive.len())
    }

    pub(super) fn readiness(&self) -> Readiness {
        let dead = self.state == State::Dead;
        let readable = dead || !self.receive.is_empty() || self.peer_fin;
        let writable = dead || (self.state == State::Open && self.free() > 0);
        let gone = dead || (self.peer_fin && matches!(self.fin, Fin::Sent | Fin::Acknowledged));
        Readiness { readable, writable, gone }
    }

    /// Sends what the window lets through, and the end after it.
    pub(super) fn pump(&mut self, now: Duration, out: &mut Vec<Packet>) {
        if self.state != State::Open {
            return;
        }
        let quiet = self.in_flight == 0 && self.fin != Fin::Sent;
        loop {
            let most = self.window.saturating_sub(self.in_flight).min(SEGMENT);
            let data: Vec<u8> = self.send.iter().skip(self.in_flight).take(most).copied().collect();
            if data.is_empty() {
                break;
            }
            self.in_flight += data.len();
            out.push(self.packet(Segment::Data(data)));
        }
        if self.fin == Fin::Wanted && self.in_flight == self.send.len() {
            self.fin = Fin::Sent;
            out.push(self.packet(Segment::Fin));
        }
        if quiet && (self.in_flight > 0 || self.fin == Fin::Sent) {
            self.deadline = Some(now + PATIENCE);
        }
        if self.cut {
            self.doubt(now);
        }
    }

    /// The peer is out of reach. Who waits for it will be told, when its patience ends.
    pub(super) fn doubt(&mut self, now: Duration) {
        let writes = (!self.send.is_empty()).then_some(PATIENCE);
        let asks = self.keep_alive.map(|idle| idle + KEEP_ALIVE_PATIENCE);
        let least = writes.into_iter().chain(asks).min().map(|patience| now + patience);
        self.deadline = self.deadline.into_iter().chain(least).min();
    }

    pub(super) fn acknowledged(&mut self, bytes: usize, window: usize, now: Duration) {
        self.send.drain(..bytes.min(self.send.len()));
        self.in_flight = self.in_flight.saturating_sub(bytes);
        self.window = window;
        let waits = self.in_flight > 0 || self.fin == Fin::Sent;
        self.deadline = waits.then_some(now + PATIENCE);
    }

    pub(super) fn die(&mut self, why: ErrorKind) {
        self.state = State::Dead;
        self.error = Some(why);
        self.send.clear();
        self.in_flight = 0;
        self.deadline = None;
    }

    /// Tells the peer how much room there is now.
    pub(super) fn promise(&mut self, bytes: usize) -> Packet {
        self.promised = self.room();
        self.packet(Segment::Ack { bytes, window: self.promised })
    }
}
