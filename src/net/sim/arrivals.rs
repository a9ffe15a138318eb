//! What a kernel does with what comes from outside: packets, and the time.

use super::connection::{Connection, Fin, State};
use super::kernel::{Id, Kernel, Socket};
use super::packet::{Packet, Segment};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

/// Connections that wait to be accepted at one listener; more are refused.
const BACKLOG: usize = 4096;

impl Kernel {
    /// When patience ends with somebody, first.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let deadline = |socket: &Socket| match socket {
            Socket::Connection(connection) => connection.deadline,
            Socket::Listener { .. } | Socket::Datagrams(_) => None,
        };
        self.sockets.values().filter_map(deadline).min()
    }

    pub(super) fn lose_patience(&mut self, now: Duration) {
        let over = |id: &&Id| match &self.sockets[id] {
            Socket::Connection(connection) => connection.deadline.is_some_and(|deadline| deadline <= now),
            Socket::Listener { .. } | Socket::Datagrams(_) => false,
        };
        let ids: Vec<Id> = self.sockets.keys().filter(over).copied().collect();
        ids.into_iter().for_each(|id| self.fail(id, ErrorKind::TimedOut));
    }

    pub(super) fn arrive(&mut self, packet: Packet, now: Duration) {
        let Packet { from, to, what } = packet;
        let what = match what {
            Segment::Syn { window } => return self.called(from, to, window),
            Segment::Datagram(data) => return self.datagram_came(from, to, data),
            what => what,
        };
        let Some(&id) = self.pairs.get(&(to, from)) else {
            return self.astray(from, to, &what);
        };
        let orphan = self.connection(id).is_some_and(|connection| connection.orphan);
        match what {
            Segment::Syn { .. } => {}
            // Nobody will ever read it.
            Segment::Data(_) if orphan => self.reset(id),
            Segment::Reset => self.was_reset(id),
            other => self.go_on(id, other, now),
        }
        self.bury(id);
    }

    fn was_reset(&mut self, id: Id) {
        let connecting = self.connection(id).is_some_and(|connection| connection.state == State::Connecting);
        self.fail(id, if connecting { ErrorKind::ConnectionRefused } else { ErrorKind::ConnectionReset });
    }

    /// Somebody wants to connect.
    fn called(&mut self, from: SocketAddr, to: SocketAddr, window: usize) {
        let buffers = self.buffers;
        let listener = self.ports.get(&to.port()).copied();
        let room = listener.filter(|id| match &self.sockets[id] {
            Socket::Listener { at, waiting } => {
                waiting.len() < BACKLOG && (at.ip().is_unspecified() || at.ip() == to.ip())
            }
            Socket::Connection(_) | Socket::Datagrams(_) => false,
        });
        let Some(listener) = room else {
            return self.out.push(Packet { from: to, to: from, what: Segment::Reset });
        };
        let id = self.add_connection(Connection::new(to, from, buffers, window));
        if let Some(Socket::Listener { waiting, .. }) = self.sockets.get_mut(&listener) {
            waiting.push_back(id);
        }
        self.out.push(Packet { from: to, to: from, what: Segment::SynAck { window: buffers.1 } });
        self.woken.push(listener);
    }

    /// For a connection that is no more.
    fn astray(&mut self, from: SocketAddr, to: SocketAddr, what: &Segment) {
        let answer = match what {
            Segment::Data(_) | Segment::SynAck { .. } => Segment::Reset,
            Segment::Fin => Segment::FinAck,
            _ => return,
        };
        self.out.push(Packet { from: to, to: from, what: answer });
    }

    fn go_on(&mut self, id: Id, what: Segment, now: Duration) {
        let Kernel { sockets, out, woken, .. } = self;
        let Some(Socket::Connection(connection)) = sockets.get_mut(&id) else { return };
        match what {
            Segment::SynAck { window } if connection.state == State::Connecting => {
                connection.state = State::Open;
                connection.acknowledged(0, window, now);
                woken.push(id);
            }
            Segment::Data(data) if connection.state == State::Open => {
                connection.receive.extend(&data);
                let answer = connection.promise(data.len());
                out.push(answer);
                woken.push(id);
            }
            Segment::Ack { bytes, window } if connection.state == State::Open => {
                connection.acknowledged(bytes, window, now);
                // Not for every byte, as the machine does it: when a third of the buffer is free, and at least a byte.
                if connection.starved && connection.free() >= (connection.settings.send_buffer / 3).max(1) {
                    connection.starved = false;
                    woken.push(id);
                }
                connection.pump(now, out);
            }
            Segment::Fin => {
                connection.peer_fin = true;
                let answer = connection.packet(Segment::FinAck);
                out.push(answer);
                woken.push(id);
            }
            Segment::FinAck if connection.fin == Fin::Sent => {
                connection.fin = Fin::Acknowledged;
                connection.acknowledged(0, connection.window, now);
            }
            _ => {}
        }
    }
}
