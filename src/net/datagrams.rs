//! The state of one socket for datagrams, and what its notifier is to hear next. It calls nobody and schedules nothing:
//! the actor in `udp` asks [`UdpSocket::next`] until there is nothing more.

use super::event_loop::Registered;
use super::network::{Datagrams, Key, Readiness};
use crate::sync::Arc;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// Datagrams received in one behaviour, and as many sent: with more there, other actors have their turn first.
const AT_ONCE: u32 = 64;
/// The longest datagram there is, and one more byte.
const LONGEST: usize = 64 << 10;

/// What the notifier is to hear.
pub(super) enum Notice {
    Received(Vec<u8>, SocketAddr),
    SendFailed(SocketAddr, io::Error),
    Throttled,
    Unthrottled,
    Closed,
}

/// A socket for datagrams as its notifier sees it: to send, to close, to ask.
///
/// What its methods ask for is done when the notifier returns; none of them calls the notifier.
pub struct UdpSocket {
    socket: Option<(Box<dyn Datagrams>, Arc<Registered>)>,
    at: Option<SocketAddr>,
    /// To be sent, in order.
    waiting: VecDeque<(Vec<u8>, SocketAddr)>,
    throttled: bool,
    readable: bool,
    writable: bool,
    /// The machine had no memory for a call.
    short: bool,
    closing: bool,
    over: bool,
    error: Option<io::Error>,
    buffer: Vec<u8>,
    /// What this behaviour may still receive and send.
    may_receive: u32,
    may_send: u32,
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket")
            .field("at", &self.at)
            .field("waiting", &self.waiting.len())
            .field("throttled", &self.throttled)
            .finish_non_exhaustive()
    }
}

/// For notifiers.
impl UdpSocket {
    /// Sends a datagram. What the socket does not take at once waits, in order, in memory: see
    /// [`throttled`](super::UdpNotify::throttled). Before it is bound, everything waits. Whether it arrives, nobody is
    /// told: that is the nature of UDP.
    ///
    /// After [`close`](Self::close) it does nothing.
    pub fn send(&mut self, data: impl Into<Vec<u8>>, to: SocketAddr) {
        if !self.closing && !self.over {
            self.waiting.push_back((data.into(), to));
        }
    }

    /// Sends what waits, and closes. Nothing more is received.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Where it is bound, once it is.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.at
    }

    /// Datagrams that wait to be sent.
    pub fn backlog(&self) -> usize {
        self.waiting.len()
    }

    /// Was the notifier told `throttled`, and not `unthrottled` since?
    pub fn is_throttled(&self) -> bool {
        self.throttled
    }

    /// The error that closed it: in [`closed`](super::UdpNotify::closed), if not by our wish.
    pub fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    /// May it send to broadcast addresses? Default: the machine's, which says no.
    ///
    /// # Errors
    /// [`NotConnected`](ErrorKind::NotConnected) while it is not bound; what the machine says.
    pub fn set_broadcast(&mut self, on: bool) -> io::Result<()> {
        self.socket.as_mut().ok_or(ErrorKind::NotConnected)?.0.set_broadcast(on)
    }
}

/// For the actor.
impl UdpSocket {
    pub(super) fn new() -> Self {
        UdpSocket {
            socket: None,
            at: None,
            waiting: VecDeque::new(),
            throttled: false,
            readable: false,
            writable: false,
            short: false,
            closing: false,
            over: false,
            error: None,
            buffer: Vec::new(),
            may_receive: AT_ONCE,
            may_send: AT_ONCE,
        }
    }

    pub(super) fn opened(&mut self, socket: Box<dyn Datagrams>, key: Arc<Registered>, at: SocketAddr) {
        (self.socket, self.at) = (Some((socket, key)), Some(at));
        self.buffer = vec![0; LONGEST];
        // Told once a change: a first try finds out how it is now.
        (self.readable, self.writable) = (true, true);
    }

    /// It never was bound.
    pub(super) fn failed_to_open(&mut self) {
        self.waiting.clear();
        self.over = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn key(&self) -> Option<Key> {
        self.socket.as_ref().map(|(_, registered)| registered.key)
    }

    pub(super) fn ready(&mut self, ready: Readiness) {
        self.readable |= ready.readable;
        self.writable |= ready.writable;
    }

    /// A behaviour begins.
    pub(super) fn behaviour(&mut self) {
        (self.may_receive, self.may_send) = (AT_ONCE, AT_ONCE);
    }

    /// Did the machine lack memory for a call since the last time this was asked?
    pub(super) fn wants_retry(&mut self) -> bool {
        std::mem::take(&mut self.short)
    }

    /// Is there more to do that did not fit into this behaviour?
    pub(super) fn has_more(&self) -> bool {
        self.socket.is_some() && ((self.writable && !self.waiting.is_empty()) || (self.readable && !self.closing))
    }

    /// The next thing to tell the notifier; none when there is nothing more to do now.
    pub(super) fn next(&mut self) -> Option<Notice> {
        if self.over {
            return None;
        }
        if let Some((to, why)) = self.flush() {
            return Some(Notice::SendFailed(to, why));
        }
        let behind = !self.waiting.is_empty();
        if self.throttled != behind {
            self.throttled = behind;
            return Some(if behind { Notice::Throttled } else { Notice::Unthrottled });
        }
        if let Some((data, from)) = self.receive() {
            return Some(Notice::Received(data, from));
        }
        (self.socket.is_some() && self.closing && !behind).then(|| {
            (self.socket, self.buffer, self.over) = (None, Vec::new(), true);
            Notice::Closed
        })
    }

    /// Sends what the socket takes; returns the first datagram that it refuses, and why.
    fn flush(&mut self) -> Option<(SocketAddr, io::Error)> {
        let (socket, _) = self.socket.as_mut()?;
        while self.writable && self.may_send > 0 {
            let (data, to) = self.waiting.front()?;
            let sent = socket.send(data, *to);
            match sent.as_ref().map_err(io::Error::kind) {
                Err(ErrorKind::Interrupted) => continue,
                Err(ErrorKind::WouldBlock) => self.writable = false,
                Err(ErrorKind::OutOfMemory) => (self.writable, self.short) = (false, true),
                Ok(()) | Err(_) => {
                    self.may_send -= 1;
                    let (_, to) = self.waiting.pop_front()?;
                    if let Err(why) = sent {
                        return Some((to, why));
                    }
                }
            }
        }
        None
    }

    fn receive(&mut self) -> Option<(Vec<u8>, SocketAddr)> {
        let (socket, _) = self.socket.as_mut()?;
        while self.readable && !self.closing && self.may_receive > 0 {
            match socket.receive(&mut self.buffer) {
                Ok((length, from)) => {
                    self.may_receive -= 1;
                    return Some((self.buffer[..length].to_vec(), from));
                }
                Err(why) => match why.kind() {
                    ErrorKind::WouldBlock => self.readable = false,
                    ErrorKind::OutOfMemory => (self.readable, self.short) = (false, true),
                    // Nobody listens where a datagram went: some machines say so here. The next may be another's.
                    ErrorKind::Interrupted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => {}
                    _ => {
                        self.waiting.clear();
                        (self.error, self.closing) = (Some(why), true);
                    }
                },
            }
        }
        None
    }
}
