//! The way out: what the notifier is to see first, what waits, and what the socket takes.

use super::{Notice, Outgoing, Phase, Retry, TcpSocket};
use std::io::{self, ErrorKind};
use std::mem;

/// For notifiers.
impl TcpSocket {
    /// Writes, after the notifier's [`sent`](crate::net::TcpNotify::sent) has seen it. What the socket does not take at once
    /// waits, in order, in memory: see [`throttled`](crate::net::TcpNotify::throttled). Before the connection is open,
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

    /// Writes past the notifier's [`sent`](crate::net::TcpNotify::sent): for what has its final form. In `sent` itself it goes
    /// out before what `sent` returns.
    pub fn write_final(&mut self, data: impl Into<Vec<u8>>) {
        let data = data.into();
        match self.takes_writes() || (self.sending && self.can_write()) {
            true if self.sending || self.unsent.is_empty() => self.backlog.push(data),
            true => self.queue(Outgoing::Final(data)),
            false => {}
        }
    }
}

/// For the connection.
impl TcpSocket {
    pub(super) fn queue(&mut self, outgoing: Outgoing) {
        let (Outgoing::Plain(data) | Outgoing::Final(data)) = &outgoing;
        self.unsent_bytes += data.len();
        self.unsent.push_back(outgoing);
    }

    pub(super) fn takes_writes(&self) -> bool {
        self.can_write() && !self.closing
    }

    pub(super) fn can_write(&self) -> bool {
        self.phase != Phase::Closed && !self.hard && !self.broken
    }

    /// The next piece for the notifier's `sent`; those that it need not see are written on the way.
    pub(in crate::net) fn next_unsent(&mut self) -> Option<Vec<u8>> {
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
    pub(in crate::net) fn sent(&mut self, data: Vec<u8>) {
        self.sending = false;
        if self.can_write() {
            self.backlog.push(data);
        }
    }

    /// Did the machine lack memory for a call, and is nobody on the way to try again?
    pub(in crate::net) fn wants_retry(&mut self) -> bool {
        let wanted = self.short == Some(Retry::Wanted);
        if wanted {
            self.short = Some(Retry::Set);
        }
        wanted
    }

    /// Tries again what the machine had no memory for.
    pub(in crate::net) fn retry(&mut self) {
        self.short = None;
        (self.readable, self.writable) = (true, true);
    }

    /// Nothing waits any more, because it was dropped by our wish. True if that ends the throttling.
    pub(in crate::net) fn drop_backlog(&mut self) -> bool {
        self.backlog.clear();
        mem::take(&mut self.throttled)
    }

    pub(super) fn flush(&mut self) {
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
    pub(super) fn break_off(&mut self, why: io::Error) {
        self.error.get_or_insert(why);
        self.broken = true;
        self.backlog.clear();
    }

    /// In pairs: `Throttled` when something is left in the backlog, `Unthrottled` when nothing is. One that breaks
    /// while throttled, by an error, stays so to its end.
    pub(super) fn throttling(&mut self) -> Option<Notice> {
        let behind = !self.backlog.is_empty();
        if self.broken || self.throttled == behind {
            return None;
        }
        self.throttled = behind;
        Some(if behind { Notice::Throttled } else { Notice::Unthrottled })
    }
}
