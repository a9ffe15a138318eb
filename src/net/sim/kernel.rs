//! One host's network stack, as plain data: no thread, no clock, no executor. It is called with what a program wants
//! or with a packet that arrived, and leaves the packets to be sent and the sockets that became ready in `out` and
//! `woken`.
//!
//! A sketch of TCP where the promises of sockets are kept: bounded buffers, a window, half-close, reset, orphans that
//! send what they took. Nothing is lost on the way (a link holds back, it does not drop), so there is no
//! retransmission; only the end of its patience is modelled. One connection is in `connection`, what comes
//! in from the wires in `arrivals`.

use super::connection::{Connection, Fin, State};
use super::datagrams::Datagrams;
use super::packet::{Packet, Segment};
use crate::net::network::{Readiness, Setting, Settings};
use crate::scheduler::Random;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How long a connect waits for an answer: what Linux does with its six retries.
const CONNECT_PATIENCE: Duration = Duration::from_secs(127);
/// The first port given to a socket that does not ask for one, and the last.
const PORTS: (u16, u16) = (49_152, 65_535);

/// A socket of one host. Never used twice.
pub(super) type Id = u64;

pub(super) struct Kernel {
    pub(super) sockets: BTreeMap<Id, Socket>,
    /// Connections by our address and the peer's.
    pub(super) pairs: BTreeMap<(SocketAddr, SocketAddr), Id>,
    /// Listeners by port.
    pub(super) ports: BTreeMap<u16, Id>,
    /// Sockets for datagrams by port.
    pub(super) bound: BTreeMap<u16, Id>,
    next_id: Id,
    next_port: u16,
    /// The size of the buffers of sockets that ask for none.
    pub(super) buffers: (usize, usize),
    random: Random,
    pub(super) takes_all: bool,
    /// To be sent.
    pub(super) out: Vec<Packet>,
    /// Sockets about which there is something new.
    pub(super) woken: Vec<Id>,
}

pub(super) enum Socket {
    Listener { at: SocketAddr, waiting: VecDeque<Id> },
    Connection(Box<Connection>),
    Datagrams(Datagrams),
}

/// What a program asks for.
impl Kernel {
    pub(super) fn new(random: Random) -> Self {
        Kernel {
            sockets: BTreeMap::new(),
            pairs: BTreeMap::new(),
            ports: BTreeMap::new(),
            bound: BTreeMap::new(),
            next_id: 0,
            next_port: PORTS.0,
            buffers: (64 << 10, 64 << 10),
            random,
            takes_all: false,
            out: Vec::new(),
            woken: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, socket: Socket) -> Id {
        let id = self.next_id;
        self.next_id += 1;
        self.sockets.insert(id, socket);
        id
    }

    pub(super) fn add_connection(&mut self, connection: Connection) -> Id {
        let pair = (connection.local, connection.peer);
        let id = self.add(Socket::Connection(Box::new(connection)));
        self.pairs.insert(pair, id);
        id
    }

    pub(super) fn connection(&mut self, id: Id) -> Option<&mut Connection> {
        match self.sockets.get_mut(&id)? {
            Socket::Connection(connection) => Some(connection),
            Socket::Listener { .. } | Socket::Datagrams(_) => None,
        }
    }

    fn open(&mut self, id: Id) -> io::Result<&mut Connection> {
        self.connection(id).ok_or_else(|| ErrorKind::NotConnected.into())
    }

    pub(super) fn free_port(&mut self, taken: impl Fn(&Self, u16) -> bool) -> io::Result<u16> {
        for _ in PORTS.0..=PORTS.1 {
            let port = self.next_port;
            self.next_port = if port == PORTS.1 { PORTS.0 } else { port + 1 };
            if !taken(self, port) {
                return Ok(port);
            }
        }
        Err(ErrorKind::AddrNotAvailable.into())
    }

    pub(super) fn connect(
        &mut self,
        from: IpAddr,
        peer: SocketAddr,
        buffers: (usize, usize),
        now: Duration,
    ) -> io::Result<Id> {
        let port = self.free_port(|kernel, port| kernel.pairs.contains_key(&(SocketAddr::new(from, port), peer)))?;
        let mut connection = Connection::new(SocketAddr::new(from, port), peer, buffers, 0);
        connection.state = State::Connecting;
        connection.deadline = Some(now + CONNECT_PATIENCE);
        self.out.push(connection.packet(Segment::Syn { window: buffers.1 }));
        Ok(self.add_connection(connection))
    }

    pub(super) fn listen(&mut self, mut at: SocketAddr) -> io::Result<Id> {
        if at.port() == 0 {
            at.set_port(self.free_port(|kernel, port| kernel.ports.contains_key(&port))?);
        }
        if self.ports.contains_key(&at.port()) {
            return Err(ErrorKind::AddrInUse.into());
        }
        let id = self.add(Socket::Listener { at, waiting: VecDeque::new() });
        self.ports.insert(at.port(), id);
        Ok(id)
    }

    pub(super) fn accept(&mut self, id: Id) -> io::Result<(Id, SocketAddr)> {
        let Some(Socket::Listener { waiting, .. }) = self.sockets.get_mut(&id) else {
            return Err(ErrorKind::ConnectionAborted.into());
        };
        let id = waiting.pop_front().ok_or(ErrorKind::WouldBlock)?;
        let connection = self.connection(id).ok_or(ErrorKind::ConnectionAborted)?;
        Ok((id, connection.peer))
    }

    pub(super) fn listens_at(&self, id: Id) -> io::Result<SocketAddr> {
        match self.sockets.get(&id) {
            Some(Socket::Listener { at, .. }) => Ok(*at),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    pub(super) fn connected(&mut self, id: Id) -> io::Result<Option<(SocketAddr, SocketAddr)>> {
        let connection = self.open(id)?;
        if let Some(why) = connection.error.take() {
            return Err(why.into());
        }
        Ok((connection.state == State::Open).then_some((connection.local, connection.peer)))
    }

    /// Takes a part, by the seed: whoever counts on more is found out.
    fn part(&mut self, most: usize, is_short: bool) -> usize {
        match () {
            () if is_short => most.min(1),
            () if self.takes_all || most <= 1 || self.random.below(4) > 0 => most,
            () => 1 + self.random.below(most as u64) as usize,
        }
    }

    pub(super) fn read(&mut self, id: Id, buffer: &mut [u8]) -> io::Result<usize> {
        let connection = self.open(id)?;
        let waiting = connection.receive.len().min(buffer.len());
        let is_short = waiting > 0 && std::mem::take(&mut connection.read_short);
        let n = self.part(waiting, is_short);
        let connection = self.open(id)?;
        if n == 0 {
            return match connection.error.take() {
                Some(why) => Err(why.into()),
                None if connection.peer_fin || connection.state == State::Dead => Ok(0),
                None => Err(ErrorKind::WouldBlock.into()),
            };
        }
        for (slot, byte) in buffer.iter_mut().zip(connection.receive.drain(..n)) {
            *slot = byte;
        }
        // Not for every byte: a window that opens by little is not worth a packet.
        if connection.state == State::Open
            && connection.room() >= connection.promised + connection.settings.receive_buffer / 4
        {
            let update = connection.promise(0);
            self.out.push(update);
        }
        Ok(n)
    }

    pub(super) fn write<'d>(
        &mut self,
        id: Id,
        data: impl Iterator<Item = &'d [u8]>,
        now: Duration,
    ) -> io::Result<usize> {
        let connection = self.open(id)?;
        let free = connection.free();
        let is_short = free > 0 && std::mem::take(&mut connection.write_short);
        let most = self.part(free, is_short);
        let Kernel { sockets, out, .. } = self;
        let Some(Socket::Connection(connection)) = sockets.get_mut(&id) else {
            return Err(ErrorKind::NotConnected.into());
        };
        if let Some(why) = connection.error.take() {
            return Err(why.into());
        }
        if connection.state == State::Dead || connection.fin != Fin::No {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let before = connection.send.len();
        for piece in data {
            let left = most - (connection.send.len() - before);
            connection.send.extend(&piece[..piece.len().min(left)]);
        }
        let taken = connection.send.len() - before;
        if taken == 0 || connection.state == State::Connecting {
            connection.starved = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        connection.pump(now, out);
        Ok(taken)
    }

    pub(super) fn shut(&mut self, id: Id, now: Duration) -> io::Result<()> {
        let Kernel { sockets, out, .. } = self;
        match sockets.get_mut(&id) {
            Some(Socket::Connection(connection)) if connection.state == State::Open => {
                if connection.fin == Fin::No {
                    connection.fin = Fin::Wanted;
                }
                connection.pump(now, out);
                Ok(())
            }
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    pub(super) fn take_error(&mut self, id: Id) -> Option<ErrorKind> {
        self.connection(id)?.error.take()
    }

    pub(super) fn set(&mut self, id: Id, setting: Setting) -> io::Result<()> {
        let connection = self.open(id)?;
        let settings = &mut connection.settings;
        match setting {
            Setting::NoDelay(on) => settings.no_delay = on,
            Setting::KeepAlive(after) => {
                settings.keep_alive = after.is_some();
                connection.keep_alive = after;
            }
            Setting::SendBuffer(bytes) => settings.send_buffer = bytes,
            Setting::ReceiveBuffer(bytes) => settings.receive_buffer = bytes,
        }
        Ok(())
    }

    pub(super) fn settings(&mut self, id: Id) -> io::Result<Settings> {
        Ok(self.open(id)?.settings)
    }

    pub(super) fn readiness(&self, id: Id) -> Readiness {
        match self.sockets.get(&id) {
            Some(Socket::Connection(connection)) => connection.readiness(),
            Some(Socket::Listener { waiting, .. }) => {
                Readiness { readable: !waiting.is_empty(), ..Readiness::default() }
            }
            Some(Socket::Datagrams(datagrams)) => datagrams.readiness(),
            None => Readiness { readable: true, writable: true, gone: true },
        }
    }

    /// The program lets go of it. What was written still goes out; what was not read makes the end a reset.
    pub(super) fn close(&mut self, id: Id, now: Duration) {
        if let Some(Socket::Listener { at, waiting }) = self.sockets.get_mut(&id) {
            let (port, waiting) = (at.port(), std::mem::take(waiting));
            self.ports.remove(&port);
            self.sockets.remove(&id);
            waiting.into_iter().for_each(|id| self.reset(id));
            return;
        }
        let Some(connection) = self.connection(id) else { return self.unbind(id) };
        match connection.state {
            State::Open if !connection.receive.is_empty() => return self.reset(id),
            State::Open => {}
            State::Connecting | State::Dead => return self.forget(id),
        }
        connection.orphan = true;
        // It cannot fail: it is open.
        let _ = self.shut(id, now);
        self.bury(id);
    }

    /// Ends a connection at once; the peer hears a reset.
    pub(super) fn reset(&mut self, id: Id) {
        if let Some(connection) = self.connection(id) {
            let reset = connection.packet(Segment::Reset);
            if connection.state != State::Dead {
                self.out.push(reset);
            }
            self.forget(id);
        }
    }

    /// Both ends are to hear of a reset that neither sent.
    pub(super) fn cut(&mut self, peers: &[IpAddr]) {
        let hit = |pair: &&(SocketAddr, SocketAddr)| peers.contains(&pair.1.ip());
        let ids: Vec<Id> = self.pairs.keys().filter(hit).map(|pair| self.pairs[pair]).collect();
        ids.into_iter().for_each(|id| self.fail(id, ErrorKind::ConnectionReset));
    }

    /// Loses every connection, as a host does that is switched off, and everything that is not `held` by a program of
    /// the runtime: that program goes on, and finds its connections broken and its listeners listening.
    pub(super) fn lose(&mut self, held: impl Fn(Id) -> bool) {
        let ids: Vec<Id> = self.pairs.values().copied().collect();
        ids.into_iter().for_each(|id| self.fail(id, ErrorKind::ConnectionAborted));
        self.pairs.clear();
        self.sockets.retain(|id, _| held(*id));
        self.ports.retain(|_, id| held(*id));
        self.bound.retain(|_, id| held(*id));
        self.out.clear();
    }

    /// The host with these addresses is gone. Who waits for it will be told, when its patience ends.
    pub(super) fn doubt(&mut self, peers: &[IpAddr], now: Duration) {
        for socket in self.sockets.values_mut() {
            let Socket::Connection(connection) = socket else { continue };
            if peers.contains(&connection.peer.ip()) && connection.state == State::Open {
                connection.doubt(now);
            }
        }
    }

    fn forget(&mut self, id: Id) {
        if let Some(Socket::Connection(connection)) = self.sockets.remove(&id) {
            let pair = (connection.local, connection.peer);
            // It may be another's by now, if the host was lost in between.
            if self.pairs.get(&pair) == Some(&id) {
                self.pairs.remove(&pair);
            }
        }
    }

    /// An orphan is done when its end was acknowledged.
    pub(super) fn bury(&mut self, id: Id) {
        let done = |c: &mut Connection| c.orphan && (c.fin == Fin::Acknowledged || c.state == State::Dead);
        if self.connection(id).is_some_and(done) {
            self.forget(id);
        }
    }

    pub(super) fn fail(&mut self, id: Id, why: ErrorKind) {
        if let Some(connection) = self.connection(id).filter(|connection| connection.state != State::Dead) {
            connection.die(why);
            self.woken.push(id);
            self.bury(id);
        }
    }
}
