//! A host's sockets for datagrams: a bounded queue of what came, and nothing else. What does not fit is lost, and so is
//! what comes for nobody.

use super::kernel::{Id, Kernel, Socket};
use super::packet::{Packet, Segment};
use crate::net::network::Readiness;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// The most data in one datagram over IPv4.
const LONGEST: usize = 65_507;

pub(super) struct Datagrams {
    at: SocketAddr,
    came: VecDeque<(Vec<u8>, SocketAddr)>,
    /// Of all that came.
    bytes: usize,
}

impl Datagrams {
    pub(super) fn readiness(&self) -> Readiness {
        Readiness { readable: !self.came.is_empty(), writable: true, gone: false }
    }
}

impl Kernel {
    pub(super) fn bind(&mut self, mut at: SocketAddr) -> io::Result<Id> {
        if at.port() == 0 {
            at.set_port(self.free_port(|kernel, port| kernel.bound.contains_key(&port))?);
        }
        if self.bound.contains_key(&at.port()) {
            return Err(ErrorKind::AddrInUse.into());
        }
        let id = self.add(Socket::Datagrams(Datagrams { at, came: VecDeque::new(), bytes: 0 }));
        self.bound.insert(at.port(), id);
        Ok(id)
    }

    fn datagrams(&mut self, id: Id) -> io::Result<&mut Datagrams> {
        match self.sockets.get_mut(&id) {
            Some(Socket::Datagrams(datagrams)) => Ok(datagrams),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    pub(super) fn bound_at(&mut self, id: Id) -> io::Result<SocketAddr> {
        self.datagrams(id).map(|datagrams| datagrams.at)
    }

    pub(super) fn receive_datagram(&mut self, id: Id, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let datagrams = self.datagrams(id)?;
        let (data, from) = datagrams.came.pop_front().ok_or(ErrorKind::WouldBlock)?;
        datagrams.bytes -= data.len();
        let length = data.len().min(buffer.len());
        buffer[..length].copy_from_slice(&data[..length]);
        Ok((length, from))
    }

    pub(super) fn send_datagram(&mut self, from: SocketAddr, data: &[u8], to: SocketAddr) -> io::Result<()> {
        if data.len() > LONGEST {
            return Err(io::Error::new(ErrorKind::InvalidInput, "message too long"));
        }
        self.out.push(Packet { from, to, what: Segment::Datagram(data.to_vec()) });
        Ok(())
    }

    pub(super) fn datagram_came(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        let room = self.buffers.1;
        let Some(&id) = self.bound.get(&to.port()) else { return };
        let Ok(datagrams) = self.datagrams(id) else { return };
        let is_for_it = datagrams.at.ip().is_unspecified() || datagrams.at.ip() == to.ip();
        if is_for_it && datagrams.bytes + data.len() <= room {
            datagrams.bytes += data.len();
            datagrams.came.push_back((data, from));
            self.woken.push(id);
        }
    }

    pub(super) fn unbind(&mut self, id: Id) {
        if let Ok(port) = self.bound_at(id).map(|at| at.port()) {
            self.bound.remove(&port);
            self.sockets.remove(&id);
        }
    }
}
