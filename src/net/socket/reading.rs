//! The way in: what the notifier is to receive, and when.

use super::{READ, Retry, TcpSocket};
use crate::net::teller::Gate;
use crate::sync::Arc;
use std::io::ErrorKind;
use std::mem;

/// For notifiers.
impl TcpSocket {
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

    /// From the next [`received`](crate::net::TcpNotify::received) on exactly so many bytes come in each; with 0, as at the
    /// start, whatever there is. May be asked for in `received` itself: a header, then what it announces. If the peer
    /// ends in the middle, the rest is dropped. So many bytes are kept in memory. The notifier's
    /// [`expect`](crate::net::TcpNotify::expect) sees it first.
    pub fn expect(&mut self, bytes: usize) {
        self.asked = Some(bytes);
    }
}

/// For the connection.
impl TcpSocket {
    /// What somebody asked to be expected since the last call.
    pub(in crate::net) fn asked(&mut self) -> Option<usize> {
        self.asked.take()
    }

    /// What the notifier's `expect` made of it.
    pub(in crate::net) fn expects(&mut self, bytes: usize) {
        (self.expect, self.asked) = (bytes, None);
    }

    pub(in crate::net) fn set_gate(&mut self, gate: Arc<Gate>) {
        self.gate = Some(gate);
    }

    pub(super) fn wants_to_read(&self) -> bool {
        (self.has_piece() || (self.readable && !self.peer_done)) && (!self.paused || self.closing)
    }

    pub(super) fn reads_now(&self) -> bool {
        self.wants_to_read() && self.gate.as_ref().is_none_or(|gate| gate.is_open())
    }

    /// Is enough held for a `received`?
    pub(super) fn has_piece(&self) -> bool {
        !self.held.is_empty() && self.held.len() >= self.expect
    }

    pub(super) fn piece(&mut self) -> Option<Vec<u8>> {
        if !self.has_piece() {
            return None;
        }
        let rest = if self.expect > 0 { self.held.split_off(self.expect) } else { Vec::new() };
        Some(mem::replace(&mut self.held, rest))
    }

    pub(super) fn read(&mut self) -> Option<Vec<u8>> {
        if !self.reads_now() {
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
    pub(super) fn peer_ended(&mut self) {
        self.peer_done = true;
        self.closing = true;
    }
}
