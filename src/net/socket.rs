//! The state of one connection, and what its notifier is to hear next. It calls nobody and schedules nothing: the
//! actor in `connection` asks [`TcpSocket::next`] until there is nothing more.

use super::backlog::Backlog;
use super::event_loop::Registered;
use super::network::{Key, Readiness, Setting, Settings, Stream};
use crate::sync::Arc;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

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

/// A connection as its notifier sees it: to write, to close, to ask.
///
/// What its methods ask for is done when the notifier returns; none of them calls the notifier.
pub struct TcpSocket {
    phase: Phase,
    stream: Option<(Box<dyn Stream>, Arc<Registered>)>,
    addresses: Option<(SocketAddr, SocketAddr)>,
    backlog: Backlog,
    throttled: bool,
    /// No reading, by `mute`.
    paused: bool,
    /// Bytes in each `received`; 0 is whatever comes.
    expect: usize,
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
    /// Writes. What the socket does not take at once waits, in order, in memory: see
    /// [`throttled`](super::TcpNotify::throttled). Before the connection is open, everything waits.
    ///
    /// After [`close`](Self::close), or when the peer is gone, it does nothing.
    pub fn write(&mut self, data: impl Into<Vec<u8>>) {
        if self.takes_writes() {
            self.backlog.push(data.into());
        }
    }

    /// Writes several pieces as [`write`](Self::write) does, one after the other.
    pub fn writev(&mut self, pieces: impl IntoIterator<Item = Vec<u8>>) {
        pieces.into_iter().for_each(|piece| self.write(piece));
    }

    /// Closes gracefully: takes no more writes, writes what waits, shuts our half, and waits for the end of what the
    /// peer sends. Until then the notifier hears what is received, as before; if reading is paused, it is read and
    /// dropped.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Closes at once. What waits to be written is dropped, nothing more is read. The machine still sends what it has
    /// taken.
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
    /// ends in the middle, the rest is dropped. So many bytes are kept in memory.
    pub fn expect(&mut self, bytes: usize) {
        self.expect = bytes;
    }

    /// Is it open, and not on its way to be closed: is what is written sent?
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open && self.takes_writes()
    }

    /// Was the notifier told `throttled`, and not `unthrottled` since?
    pub fn is_throttled(&self) -> bool {
        self.throttled
    }

    /// Our address, once it was open.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.addresses.map(|(local, _)| local)
    }

    /// The peer's address, once it was open.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.addresses.map(|(_, peer)| peer)
    }

    /// Bytes that wait to be written.
    pub fn backlog(&self) -> usize {
        self.backlog.bytes()
    }

    /// The most bytes that ever waited, those included that the socket then took at once.
    pub fn backlog_peak(&self) -> usize {
        self.backlog.peak()
    }

    /// Bytes that the socket took.
    pub fn bytes_written(&self) -> u64 {
        self.written
    }

    /// Bytes that were read.
    pub fn bytes_received(&self) -> u64 {
        self.received
    }

    /// The first error there was: in [`closed`](super::TcpNotify::closed), why it closed, if not by our wish or the
    /// peer's.
    pub fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    /// Takes the error that the machine noted for the socket and that no read or write has brought up yet.
    pub fn socket_error(&mut self) -> Option<io::Error> {
        self.stream.as_mut()?.0.error()
    }

    /// Has small writes sent at once, and not gathered for a moment (Nagle's algorithm). Default: the machine's, which
    /// gathers.
    ///
    /// # Errors
    /// [`NotConnected`](ErrorKind::NotConnected) while it is not open; what the machine says.
    pub fn set_nodelay(&mut self, on: bool) -> io::Result<()> {
        self.set(Setting::NoDelay(on))
    }

    /// Has the machine ask the peer whether it is still there after so long without a word from it; `None` never. If
    /// it is not, the connection closes with an error.
    ///
    /// # Errors
    /// As [`set_nodelay`](Self::set_nodelay).
    pub fn set_keepalive(&mut self, idle: Option<Duration>) -> io::Result<()> {
        self.set(Setting::KeepAlive(idle))
    }

    /// Sets the machine's buffer for what was written and not yet acknowledged, in bytes; it rounds.
    ///
    /// # Errors
    /// As [`set_nodelay`](Self::set_nodelay).
    pub fn set_send_buffer(&mut self, bytes: usize) -> io::Result<()> {
        self.set(Setting::SendBuffer(bytes))
    }

    /// Sets the machine's buffer for what came and was not yet read, in bytes; it rounds.
    ///
    /// # Errors
    /// As [`set_nodelay`](Self::set_nodelay).
    pub fn set_receive_buffer(&mut self, bytes: usize) -> io::Result<()> {
        self.set(Setting::ReceiveBuffer(bytes))
    }

    /// Are small writes sent at once?
    ///
    /// # Errors
    /// As [`set_nodelay`](Self::set_nodelay).
    pub fn nodelay(&self) -> io::Result<bool> {
        self.settings().map(|settings| settings.no_delay)
    }

    /// Is an idle peer asked whether it is there?
    ///
    /// # Errors
    /// As [`set_nodelay`](Self::set_nodelay).
    pub fn keepalive(&self) -> io::Result<bool> {
        self.settings().map(|settings| settings.keep_alive)
    }

    /// The machine's send buffer in bytes, as the machine counts: Linux says twice what was set.
    ///
    /// # Errors
    /// As [`set_nodelay`](Self::set_nodelay).
    pub fn send_buffer(&self) -> io::Result<usize> {
        self.settings().map(|settings| settings.send_buffer)
    }

    /// The machine's receive buffer in bytes, as the machine counts.
    ///
    /// # Errors
    /// As [`set_nodelay`](Self::set_nodelay).
    pub fn receive_buffer(&self) -> io::Result<usize> {
        self.settings().map(|settings| settings.receive_buffer)
    }

    fn set(&mut self, setting: Setting) -> io::Result<()> {
        self.stream.as_mut().ok_or(ErrorKind::NotConnected)?.0.set(setting)
    }

    fn settings(&self) -> io::Result<Settings> {
        self.stream.as_ref().ok_or(ErrorKind::NotConnected)?.0.settings()
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
            throttled: false,
            paused: false,
            expect: 0,
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

    pub(super) fn takes_writes(&self) -> bool {
        self.phase != Phase::Closed && !self.closing && !self.hard && !self.broken
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
            Phase::Open if self.hard => return Some(self.finish()),
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
                Err(why) if why.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return self.break_off(why),
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
    /// while throttled stays so to its end.
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
        Some(std::mem::replace(&mut self.held, rest))
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
                Err(why) if why.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => {
                    self.break_off(why);
                    self.peer_ended();
                }
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
