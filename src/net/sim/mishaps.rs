//! What can go wrong at one end of a connection on the word of the checker, and what it has to know of a kernel to ask.

use super::connection::State;
use super::kernel::{Id, Kernel, Socket};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

/// Which faults would change anything now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Can {
    pub(super) be_reset: bool,
    pub(super) be_cut: bool,
    pub(super) read_short: bool,
    pub(super) write_short: bool,
}

impl Kernel {
    /// From here on a read and a write take all they can, unless they are told otherwise.
    pub(super) fn take_all(&mut self) {
        self.takes_all = true;
    }

    /// Both addresses of a connection, ours first.
    pub(super) fn ends(&self, id: Id) -> Option<(SocketAddr, SocketAddr)> {
        match self.sockets.get(&id)? {
            Socket::Connection(connection) => Some((connection.local, connection.peer)),
            Socket::Listener { .. } | Socket::Datagrams(_) => None,
        }
    }

    /// When patience ends with a connection.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = ((SocketAddr, SocketAddr), Duration)> + '_ {
        self.sockets.values().filter_map(|socket| match socket {
            Socket::Connection(c) => Some(((c.local, c.peer), c.deadline?)),
            Socket::Listener { .. } | Socket::Datagrams(_) => None,
        })
    }

    /// Connections whose patience is over.
    pub(super) fn impatient(&self, now: Duration) -> impl Iterator<Item = (SocketAddr, SocketAddr)> + '_ {
        self.sockets.values().filter_map(move |socket| match socket {
            Socket::Connection(c) if c.deadline.is_some_and(|deadline| deadline <= now) => Some((c.local, c.peer)),
            _ => None,
        })
    }

    pub(super) fn can(&self, id: Id) -> Can {
        match self.sockets.get(&id) {
            Some(Socket::Connection(c)) if c.state == State::Open && !c.orphan => Can {
                be_reset: true,
                be_cut: !c.cut,
                read_short: c.receive.len() > 1 && !c.read_short,
                write_short: c.free() > 1 && !c.write_short,
            },
            _ => Can::default(),
        }
    }

    /// An end hears of a reset that the other did not send.
    pub(super) fn reset_by_nobody(&mut self, ends: (SocketAddr, SocketAddr)) {
        self.fail_end(ends, ErrorKind::ConnectionReset);
    }

    pub(super) fn give_up(&mut self, ends: (SocketAddr, SocketAddr)) {
        self.fail_end(ends, ErrorKind::TimedOut);
    }

    fn fail_end(&mut self, ends: (SocketAddr, SocketAddr), why: ErrorKind) {
        if let Some(id) = self.pairs.get(&ends).copied() {
            self.fail(id, why);
        }
    }

    /// Nothing comes from the peer any more, and nothing gets there.
    pub(super) fn cut_off(&mut self, ends: (SocketAddr, SocketAddr), now: Duration) {
        let Some(id) = self.pairs.get(&ends).copied() else { return };
        if let Some(connection) = self.connection(id) {
            connection.cut = true;
            connection.doubt(now);
        }
    }

    /// The next read, or the next write, takes one byte.
    pub(super) fn shorten(&mut self, ends: (SocketAddr, SocketAddr), read: bool) {
        let Some(id) = self.pairs.get(&ends).copied() else { return };
        if let Some(connection) = self.connection(id) {
            let short = if read { &mut connection.read_short } else { &mut connection.write_short };
            *short = true;
        }
    }
}
