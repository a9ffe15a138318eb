//! What a notifier can ask a connection, and how it sets the machine's socket. Nothing here reads, writes or closes.

use super::{Phase, TcpSocket};
use crate::net::network::{Setting, Settings};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

impl TcpSocket {
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
        self.backlog.bytes() + self.unsent_bytes
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

    /// The first error there was: in [`closed`](crate::net::TcpNotify::closed), why it closed, if not by our wish or the
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
