//! The state of one connection, and what its notifier is to hear next. It calls nobody and schedules nothing: the
//! actor in `connection` asks [`TcpSocket::next`] until there is nothing more.

mod facts;
mod reading;
mod writing;

use super::backlog::Backlog;
use super::event_loop::Registered;
use super::network::{Key, Readiness, Stream};
use super::teller::Gate;
use crate::sync::Arc;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// The most that one read takes.
const READ: usize = 16 << 10;
/// The most that is read in one behaviour: with more there, the connection goes on in a behaviour of its own, so that a
/// fast peer does not keep other actors waiting.
const READ_AT_ONCE: usize = 4 * READ;
/// Likewise for what is written.
const WRITE_AT_ONCE: usize = 1 << 20;

/// What the notifier is to hear.
pub(super) enum Notice {
    Throttled,
    Unthrottled,
    Received(Vec<u8>),
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Opening,
    Open,
    Closed,
}

enum Outgoing {
    /// For the notifier's `sent` to see first.
    Plain(Vec<u8>),
    /// As it is.
    Final(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    Wanted,
    Set,
}

/// A connection as its notifier sees it: to write, to close, to ask.
///
/// What its methods ask for is done when the notifier returns; none of them calls the notifier.
pub struct TcpSocket {
    phase: Phase,
    stream: Option<(Box<dyn Stream>, Arc<Registered>)>,
    addresses: Option<(SocketAddr, SocketAddr)>,
    backlog: Backlog,
    /// What was written and has yet to go through the notifier's `sent`, in order; and how many bytes of it.
    unsent: VecDeque<Outgoing>,
    unsent_bytes: usize,
    /// The notifier is in `sent`.
    sending: bool,
    /// The machine had no memory for a call, and tells nothing when it has: was a timer set to try again?
    short: Option<Retry>,
    throttled: bool,
    /// No reading, by `mute`.
    paused: bool,
    /// No reading while it is shut; unlike a pause it passes by itself, so nothing is dropped for it.
    gate: Option<Arc<Gate>>,
    /// Bytes in each `received`; 0 is whatever comes.
    expect: usize,
    /// What was asked to be expected, and has yet to go through the notifier's `expect`.
    asked: Option<usize>,
    /// What was read and is less than that, or more.
    held: Vec<u8>,
    /// As far as we know a read, or a write, does not say `WouldBlock`.
    readable: bool,
    writable: bool,
    /// No more writes are taken; what is in the backlog still goes out.
    closing: bool,
    /// Close now, whatever is in the backlog.
    hard: bool,
    /// Our half is shut.
    shut: bool,
    /// The peer's half is shut: everything it sent was read.
    peer_done: bool,
    /// Writing is over because of an error.
    broken: bool,
    /// The machine says that the peer is gone altogether.
    peer_gone: bool,
    error: Option<io::Error>,
    /// What this behaviour may still read and write.
    may_read: usize,
    may_write: usize,
    received: u64,
    written: u64,
}

impl fmt::Debug for TcpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpSocket")
            .field("phase", &self.phase)
            .field("addresses", &self.addresses)
            .field("backlog", &self.backlog.bytes())
            .field("throttled", &self.throttled)
            .finish_non_exhaustive()
    }
}

/// For notifiers.
impl TcpSocket {
    /// Closes gracefully: takes no more writes, writes what waits, shuts our half, and waits for the end of what the
    /// peer sends. Until then the notifier hears what is received, as before; if reading is paused, it is read and
    /// dropped.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Closes at once. What waits to be written is dropped, which ends the throttling if there was any; nothing more is
    /// read. The machine still sends what it has taken.
    pub fn hard_close(&mut self) {
        self.hard = true;
    }
}

/// For the connection.
impl TcpSocket {
    pub(super) fn new() -> Self {
        TcpSocket {
            phase: Phase::Opening,
            stream: None,
            addresses: None,
            backlog: Backlog::default(),
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            sending: false,
            short: None,
            throttled: false,
            paused: false,
            gate: None,
            expect: 0,
            asked: None,
            held: Vec::new(),
            readable: false,
            writable: false,
            closing: false,
            hard: false,
            shut: false,
            peer_done: false,
            broken: false,
            peer_gone: false,
            error: None,
            may_read: READ_AT_ONCE,
            may_write: WRITE_AT_ONCE,
            received: 0,
            written: 0,
        }
    }

    pub(super) fn is_opening(&self) -> bool {
        self.phase == Phase::Opening
    }

    pub(super) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Was it closed hard?
    pub(super) fn is_given_up(&self) -> bool {
        self.hard
    }

    pub(super) fn opened(&mut self, stream: Box<dyn Stream>, key: Arc<Registered>, ours: SocketAddr, peer: SocketAddr) {
        self.stream = Some((stream, key));
        self.addresses = Some((ours, peer));
        self.phase = Phase::Open;
        // Told once a change: a first try finds out how it is now.
        (self.readable, self.writable) = (true, true);
    }

    /// It never was open.
    pub(super) fn failed_to_open(&mut self) {
        self.backlog.clear();
        self.phase = Phase::Closed;
    }

    pub(super) fn key(&self) -> Option<Key> {
        self.stream.as_ref().map(|(_, registered)| registered.key)
    }

    pub(super) fn ready(&mut self, ready: Readiness) {
        self.readable |= ready.readable;
        self.writable |= ready.writable;
        self.peer_gone |= ready.gone;
    }

    /// A behaviour begins.
    pub(super) fn behaviour(&mut self) {
        (self.may_read, self.may_write) = (READ_AT_ONCE, WRITE_AT_ONCE);
    }

    /// The next thing to tell the notifier; none when there is nothing more to do now.
    pub(super) fn next(&mut self) -> Option<Notice> {
        match self.phase {
            Phase::Closed => return None,
            Phase::Opening => return self.throttling(),
            Phase::Open if self.hard => {
                return Some(if self.drop_backlog() { Notice::Unthrottled } else { self.finish() });
            }
            Phase::Open => {}
        }
        self.flush();
        if let Some(notice) = self.throttling() {
            return Some(notice);
        }
        if let Some(data) = self.read() {
            return Some(Notice::Received(data));
        }
        self.shut();
        self.is_over().then(|| self.finish())
    }

    /// Why it closed, for somebody to keep.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// Is there more to do that did not fit into this behaviour?
    pub(super) fn has_more(&self) -> bool {
        self.phase == Phase::Open && (self.reads_now() || (self.writable && !self.backlog.is_empty()))
    }

    fn shut(&mut self) {
        if !self.closing || self.shut || self.broken || !self.backlog.is_empty() {
            return;
        }
        self.shut = true;
        let shut = self.stream.as_mut().map(|(stream, _)| stream.shut());
        if let Some(Err(why)) = shut.filter(|_| !self.peer_done) {
            self.break_off(why);
        }
    }

    fn is_over(&mut self) -> bool {
        let over = self.shut && self.peer_done;
        // Nobody is left to write to, and everything that the peer sent was read, or nobody wants to read it.
        let lost = (self.broken || (self.peer_gone && self.paused)) && !self.wants_to_read();
        over || lost
    }

    fn finish(&mut self) -> Notice {
        if let Some((stream, _)) = self.stream.as_mut().filter(|_| self.peer_gone && self.error.is_none()) {
            self.error = stream.error();
        }
        self.backlog.clear();
        self.held = Vec::new();
        self.stream = None;
        self.phase = Phase::Closed;
        Notice::Closed
    }
}
