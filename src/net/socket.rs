//! The state of one connection, and what its notifier is to hear next. It calls nobody and schedules nothing: the
//! actor in `connection` asks [`TcpSocket::next`] until there is nothing more.

mod facts;

use super::backlog::Backlog;
use super::event_loop::Registered;
use super::network::{Key, Readiness, Stream};
use crate::sync::Arc;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::mem;
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
    /// Writes, after the notifier's [`sent`](super::TcpNotify::sent) has seen it. What the socket does not take at once
    /// waits, in order, in memory: see [`throttled`](super::TcpNotify::throttled). Before the connection is open,
    /// everything waits.
    ///
    /// After [`close`](Self::close), or when the peer is gone, it does nothing.
    pub fn write(&mut self, data: impl Into<Vec<u8>>) {
        if self.takes_writes() {
            self.queue(Outgoing::Plain(data.into()));
        }
    }

    /// Writes several pieces as [`write`](Self::write) does, one after the other.
    pub fn writev(&mut self, pieces: impl IntoIterator<Item = Vec<u8>>) {
        pieces.into_iter().for_each(|piece| self.write(piece));
    }

    /// Writes past the notifier's [`sent`](super::TcpNotify::sent): for what has its final form. In `sent` itself it goes
    /// out before what `sent` returns.
    pub fn write_final(&mut self, data: impl Into<Vec<u8>>) {
        let data = data.into();
        match self.takes_writes() || (self.sending && self.can_write()) {
            true if self.sending || self.unsent.is_empty() => self.backlog.push(data),
            true => self.queue(Outgoing::Final(data)),
            false => {}
        }
    }

    fn queue(&mut self, outgoing: Outgoing) {
        let (Outgoing::Plain(data) | Outgoing::Final(data)) = &outgoing;
        self.unsent_bytes += data.len();
        self.unsent.push_back(outgoing);
    }

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

    /// Pauses reading, so that the peer in its turn is throttled. It is a flag: pausing twice is pausing once. Nothing
    /// to do with the runtime's muting. If the peer is gone altogether, and the machine says so, the connection closes
    /// all the same.
    pub fn mute(&mut self) {
        self.paused = true;
    }

    /// Reads again.
    pub fn unmute(&mut self) {
        self.paused = false;
    }

    /// From the next [`received`](super::TcpNotify::received) on exactly so many bytes come in each; with 0, as at the
    /// start, whatever there is. May be asked for in `received` itself: a header, then what it announces. If the peer
    /// ends in the middle, the rest is dropped. So many bytes are kept in memory. The notifier's
    /// [`expect`](super::TcpNotify::expect) sees it first.
    pub fn expect(&mut self, bytes: usize) {
        self.asked = Some(bytes);
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

    fn takes_writes(&self) -> bool {
        self.can_write() && !self.closing
    }

    fn can_write(&self) -> bool {
        self.phase != Phase::Closed && !self.hard && !self.broken
    }

    /// The next piece for the notifier's `sent`; those that it need not see are written on the way.
    pub(super) fn next_unsent(&mut self) -> Option<Vec<u8>> {
        if !self.can_write() {
            self.unsent.clear();
            self.unsent_bytes = 0;
        }
        while let Some(outgoing) = self.unsent.pop_front() {
            match outgoing {
                Outgoing::Plain(data) => {
                    self.unsent_bytes -= data.len();
                    self.sending = true;
                    return Some(data);
                }
                Outgoing::Final(data) => {
                    self.unsent_bytes -= data.len();
                    self.backlog.push(data);
                }
            }
        }
        None
    }

    /// What the notifier's `sent` made of it.
    pub(super) fn sent(&mut self, data: Vec<u8>) {
        self.sending = false;
        if self.can_write() {
            self.backlog.push(data);
        }
    }

    /// What somebody asked to be expected since the last call.
    pub(super) fn asked(&mut self) -> Option<usize> {
        self.asked.take()
    }

    /// What the notifier's `expect` made of it.
    pub(super) fn expects(&mut self, bytes: usize) {
        (self.expect, self.asked) = (bytes, None);
    }

    /// Did the machine lack memory for a call, and is nobody on the way to try again?
    pub(super) fn wants_retry(&mut self) -> bool {
        let wanted = self.short == Some(Retry::Wanted);
        if wanted {
            self.short = Some(Retry::Set);
        }
        wanted
    }

    /// Tries again what the machine had no memory for.
    pub(super) fn retry(&mut self) {
        self.short = None;
        (self.readable, self.writable) = (true, true);
    }

    /// Nothing waits any more, because it was dropped by our wish. True if that ends the throttling.
    pub(super) fn drop_backlog(&mut self) -> bool {
        self.backlog.clear();
        mem::take(&mut self.throttled)
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

    /// Is there more to do that did not fit into this behaviour?
    pub(super) fn has_more(&self) -> bool {
        self.phase == Phase::Open && (self.wants_to_read() || (self.writable && !self.backlog.is_empty()))
    }

    fn flush(&mut self) {
        let Some((stream, _)) = &mut self.stream else { return };
        while self.writable && !self.backlog.is_empty() && self.may_write > 0 {
            match self.backlog.write(|data| stream.write(data)) {
                Ok(0) => return self.break_off(ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.written += n as u64;
                    self.may_write = self.may_write.saturating_sub(n);
                }
                Err(why) => match why.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => self.writable = false,
                    ErrorKind::OutOfMemory => {
                        self.writable = false;
                        self.short.get_or_insert(Retry::Wanted);
                    }
                    _ => return self.break_off(why),
                },
            }
        }
    }

    /// Nothing can be written any more. What the peer sent before is still read.
    fn break_off(&mut self, why: io::Error) {
        self.error.get_or_insert(why);
        self.broken = true;
        self.backlog.clear();
    }

    /// In pairs: `Throttled` when something is left in the backlog, `Unthrottled` when nothing is. One that breaks
    /// while throttled, by an error, stays so to its end.
    fn throttling(&mut self) -> Option<Notice> {
        let behind = !self.backlog.is_empty();
        if self.broken || self.throttled == behind {
            return None;
        }
        self.throttled = behind;
        Some(if behind { Notice::Throttled } else { Notice::Unthrottled })
    }

    fn wants_to_read(&self) -> bool {
        (self.has_piece() || (self.readable && !self.peer_done)) && (!self.paused || self.closing)
    }

    /// Is enough held for a `received`?
    fn has_piece(&self) -> bool {
        !self.held.is_empty() && self.held.len() >= self.expect
    }

    fn piece(&mut self) -> Option<Vec<u8>> {
        if !self.has_piece() {
            return None;
        }
        let rest = if self.expect > 0 { self.held.split_off(self.expect) } else { Vec::new() };
        Some(mem::replace(&mut self.held, rest))
    }

    fn read(&mut self) -> Option<Vec<u8>> {
        if !self.wants_to_read() {
            return None; // without filling a buffer with zeros first
        }
        if self.paused {
            self.held.clear(); // closing: nobody wants it
        } else if let Some(piece) = self.piece() {
            return Some(piece);
        }
        let mut buffer = [0; READ];
        while self.readable && !self.peer_done && self.may_read > 0 {
            let (stream, _) = self.stream.as_mut()?;
            match stream.read(&mut buffer) {
                Ok(0) => self.peer_ended(),
                Ok(n) => {
                    self.received += n as u64;
                    self.may_read = self.may_read.saturating_sub(n);
                    if self.paused {
                        continue;
                    }
                    if self.expect == 0 && self.held.is_empty() {
                        return Some(buffer[..n].to_vec());
                    }
                    self.held.extend_from_slice(&buffer[..n]);
                    if let Some(piece) = self.piece() {
                        return Some(piece);
                    }
                }
                Err(why) => match why.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => self.readable = false,
                    ErrorKind::OutOfMemory => {
                        self.readable = false;
                        self.short.get_or_insert(Retry::Wanted);
                    }
                    _ => {
                        self.break_off(why);
                        self.peer_ended();
                    }
                },
            }
        }
        None
    }

    /// The peer sends nothing more: we close too, as Pony does, once what waits is written.
    fn peer_ended(&mut self) {
        self.peer_done = true;
        self.closing = true;
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
