//! Hosts, the wires between them, and what happens next. It is told the time and never waits.

use super::explored::{Explored, Faults};
use super::kernel::{Id, Kernel};
use super::packet::{Link, Packet, Wire};
use super::peer::{self, Peer, Script};
use super::{Host, SimNetwork};
use crate::net::network::{Key, Readiness};
use crate::scheduler::Random;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// What a test has planned; it is called without the world's lock.
pub(super) type Act = Box<dyn FnOnce(&SimNetwork) + Send>;

/// Between two hosts for which nothing else was said.
const LINK: Link = Link { latency: Duration::from_millis(1), bandwidth: None };
/// Of a host with itself.
const LOOPBACK: Link = Link { latency: Duration::from_micros(10), bandwidth: None };

pub(super) struct World {
    pub(super) now: Duration,
    pub(super) hosts: Vec<Machine>,
    /// By where from and where to.
    wires: BTreeMap<(usize, usize), Wire>,
    packets: u64,
    pub(super) peers: Vec<peer::Actor>,
    /// Peers so far.
    peers_ever: u32,
    acts: BTreeMap<(Duration, u64), Act>,
    /// Sockets of the runtime about which there is something new, in the order in which it came to be.
    news: Vec<(usize, Id)>,
    seed: u64,
    pub(super) faults: Faults,
    /// Every step is chosen by the checker.
    pub(super) explored: Option<Box<Explored>>,
    /// A runtime has it.
    pub(super) is_taken: bool,
    pub(super) is_rung: bool,
}

pub(super) struct Machine {
    pub(super) name: String,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) kernel: Kernel,
    pub(super) keys: BTreeMap<Id, Key>,
    is_up: bool,
    is_stalled: bool,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut world = World {
            now: Duration::ZERO,
            hosts: Vec::new(),
            wires: BTreeMap::new(),
            packets: 0,
            peers: Vec::new(),
            peers_ever: 0,
            acts: BTreeMap::new(),
            news: Vec::new(),
            seed,
            faults: Faults::NONE,
            explored: None,
            is_taken: false,
            is_rung: false,
        };
        let local = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        world.add_host("localhost", local.to_vec());
        world
    }

    pub(super) fn add_host(&mut self, name: &str, addresses: Vec<IpAddr>) -> Host {
        assert!(!addresses.is_empty(), "the host `{name}` has no address; give it at least one");
        if let Some(taken) = addresses.iter().find(|address| self.host_at(**address).is_some()) {
            panic!("the address {taken} is another host's; give each its own");
        }
        let host = self.hosts.len();
        let kernel = Kernel::new(Random::of_actor(self.seed, host as u64));
        let (name, keys) = (name.to_owned(), BTreeMap::new());
        self.hosts.push(Machine { name, addresses, kernel, keys, is_up: true, is_stalled: false });
        Host(host)
    }

    pub(super) fn host_at(&self, address: IpAddr) -> Option<usize> {
        self.hosts.iter().position(|machine| machine.addresses.contains(&address))
    }

    pub(super) fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        let named = self.hosts.iter().filter(|machine| machine.name == name);
        let addresses: Vec<IpAddr> = named.flat_map(|machine| machine.addresses.clone()).collect();
        (!addresses.is_empty()).then_some(addresses)
    }

    pub(super) fn kernel(&mut self, host: usize) -> &mut Kernel {
        &mut self.hosts[host].kernel
    }

    pub(super) fn wire_is_cut(&self, from: usize, to: usize) -> bool {
        self.wires.get(&(from, to)).is_some_and(|wire| wire.is_cut)
    }

    pub(super) fn is_awake(&self, host: usize) -> bool {
        !self.hosts[host].is_stalled
    }

    fn wire(&mut self, from: usize, to: usize) -> &mut Wire {
        let link = if from == to { LOOPBACK } else { LINK };
        self.wires.entry((from, to)).or_insert_with(|| Wire::new(link))
    }

    /// Both directions.
    pub(super) fn both(&mut self, a: usize, b: usize, change: impl Fn(&mut Wire)) {
        change(self.wire(a, b));
        if a != b {
            change(self.wire(b, a));
        }
    }

    pub(super) fn repair(&mut self, a: usize, b: usize) {
        let now = self.now;
        self.both(a, b, |wire| wire.repair(now));
    }

    pub(super) fn stall(&mut self, host: usize, stalled: bool) {
        self.hosts[host].is_stalled = stalled;
    }

    pub(super) fn cut(&mut self, a: usize, b: usize) {
        let [of_a, of_b] = [a, b].map(|host| self.hosts[host].addresses.clone());
        self.kernel(a).cut(&of_b);
        self.kernel(b).cut(&of_a);
    }

    pub(super) fn lose(&mut self, host: usize) {
        self.hosts[host].is_up = false;
        let Machine { kernel, keys, .. } = &mut self.hosts[host];
        kernel.lose(|id| keys.contains_key(&id));
        let (addresses, now) = (self.hosts[host].addresses.clone(), self.now);
        self.hosts.iter_mut().for_each(|machine| machine.kernel.doubt(&addresses, now));
        self.peers.retain(|peer| peer.host != host);
    }

    pub(super) fn restart(&mut self, host: usize) {
        self.hosts[host].is_up = true;
    }

    pub(super) fn act(&mut self, at: Duration, act: Act) {
        self.packets += 1;
        self.acts.insert((at, self.packets), act);
    }

    /// When the first thing is planned.
    pub(super) fn next_act(&self) -> Option<Duration> {
        self.acts.keys().next().map(|(due, _)| *due)
    }

    pub(super) fn pop_act(&mut self) -> Option<Act> {
        self.acts.pop_first().map(|(_, act)| act)
    }

    pub(super) fn forget_acts(&mut self) {
        self.acts.clear();
    }

    // --- Sockets ------------------------------------------------------------------------------------------------

    /// The runtime's own connections begin at the first host that was added, or at the loopback address.
    fn source(&self, to: IpAddr) -> io::Result<(usize, IpAddr)> {
        let host = if to.is_loopback() { 0 } else { 1.min(self.hosts.len() - 1) };
        self.address_like(host, to).map(|address| (host, address))
    }

    fn address_like(&self, host: usize, other: IpAddr) -> io::Result<IpAddr> {
        let alike = |address: &&IpAddr| address.is_ipv4() == other.is_ipv4();
        self.hosts[host].addresses.iter().find(alike).copied().ok_or_else(|| ErrorKind::NetworkUnreachable.into())
    }

    pub(super) fn connect(
        &mut self,
        from: Option<usize>,
        to: SocketAddr,
        buffers: (Option<usize>, Option<usize>),
    ) -> io::Result<(usize, Id)> {
        self.host_at(to.ip()).ok_or(ErrorKind::HostUnreachable)?;
        let (host, source) = match from {
            Some(host) => (host, self.address_like(host, to.ip())?),
            None => self.source(to.ip())?,
        };
        let now = self.now;
        let kernel = self.kernel(host);
        let buffers = (buffers.0.unwrap_or(kernel.buffers.0), buffers.1.unwrap_or(kernel.buffers.1));
        let id = kernel.connect(source, to, buffers, now)?;
        Ok((host, id))
    }

    /// An unspecified address is the first host's that was added.
    fn host_of(&self, at: SocketAddr) -> Option<usize> {
        if at.ip().is_unspecified() { Some(1.min(self.hosts.len() - 1)) } else { self.host_at(at.ip()) }
    }

    pub(super) fn listen(&mut self, at: SocketAddr) -> io::Result<(usize, Id)> {
        let host = self.host_of(at).ok_or(ErrorKind::AddrNotAvailable)?;
        let id = self.kernel(host).listen(at)?;
        Ok((host, id))
    }

    pub(super) fn bind(&mut self, at: SocketAddr) -> io::Result<(usize, Id)> {
        let host = self.host_of(at).ok_or(ErrorKind::AddrNotAvailable)?;
        let id = self.kernel(host).bind(at)?;
        Ok((host, id))
    }

    pub(super) fn send_datagram(&mut self, host: usize, id: Id, data: &[u8], to: SocketAddr) -> io::Result<()> {
        self.host_at(to.ip()).ok_or(ErrorKind::HostUnreachable)?;
        let mut from = self.kernel(host).bound_at(id)?;
        if from.ip().is_unspecified() {
            from.set_ip(self.address_like(host, to.ip())?);
        }
        self.kernel(host).send_datagram(from, data, to)
    }

    /// Tells what the socket is ready for now, as a machine does when it is asked to watch it.
    pub(super) fn register(&mut self, host: usize, id: Id, key: Key) {
        self.hosts[host].keys.insert(id, key);
        if self.hosts[host].kernel.readiness(id) != Readiness::default() {
            self.news.push((host, id));
        }
    }

    pub(super) fn close(&mut self, host: usize, id: Id) {
        let now = self.now;
        self.hosts[host].keys.remove(&id);
        self.kernel(host).close(id, now);
    }

    pub(super) fn peer_at(&mut self, at: SocketAddr, script: Script) -> io::Result<Peer> {
        let (host, id) = self.listen(at)?;
        Ok(self.add_peer(host, peer::Way::Accepts(id), script))
    }

    pub(super) fn peer_to(&mut self, host: usize, to: SocketAddr, script: Script) -> io::Result<Peer> {
        let (host, id) = self.connect(Some(host), to, (None, None))?;
        Ok(self.add_peer(host, peer::Way::Connects(id), script))
    }

    fn add_peer(&mut self, host: usize, way: peer::Way, script: Script) -> Peer {
        let (actor, peer) = peer::Actor::new(self.peers_ever, host, way, script);
        self.peers_ever += 1;
        self.peers.push(actor);
        peer
    }

    // --- What happens -------------------------------------------------------------------------------------------

    /// When something happens that was not told yet; none if nothing can, whatever the time.
    pub(super) fn next_event(&self) -> Option<Duration> {
        if let Some(explored) = &self.explored {
            return self.next_due(explored);
        }
        let told = self.news.iter().any(|(host, _)| !self.hosts[*host].is_stalled);
        let busy = self.hosts.iter().any(|machine| !machine.kernel.out.is_empty() || !machine.kernel.woken.is_empty());
        if told || busy {
            return Some(self.now);
        }
        let wires = self.wires.values().filter_map(Wire::next).map(|(due, _)| due);
        let deadlines = self.hosts.iter().filter_map(|machine| machine.kernel.next_deadline());
        let awake = self.peers.iter().filter(|peer| !self.hosts[peer.host].is_stalled);
        let peers = awake.filter_map(|peer| peer.next(self.now));
        wires.chain(deadlines).chain(peers).chain(self.next_act()).min()
    }

    /// Lets happen what is due, up to the next thing that a test has planned: that is returned.
    pub(super) fn go_on(&mut self) -> Option<Act> {
        loop {
            self.settle();
            if let Some(packet) = self.next_packet() {
                self.carry(packet);
                continue;
            }
            let now = self.now;
            self.hosts.iter_mut().for_each(|machine| machine.kernel.lose_patience(now));
            self.settle();
            let entry = self.acts.first_entry().filter(|entry| entry.key().0 <= now);
            return entry.map(|entry| entry.remove());
        }
    }

    fn next_packet(&mut self) -> Option<Packet> {
        let due = self.wires.iter().filter_map(|(ends, wire)| Some((wire.next()?, *ends)));
        let ((due, _), ends) = due.min()?;
        if due > self.now { None } else { self.wires.get_mut(&ends)?.pop() }
    }

    pub(super) fn carry(&mut self, packet: Packet) {
        let now = self.now;
        if let Some(host) = self.host_at(packet.to.ip()).filter(|host| self.hosts[*host].is_up) {
            self.kernel(host).arrive(packet, now);
        }
    }

    /// Puts what the kernels gave out on the wires, and lets the peers go on, until there is nothing more to do now.
    fn settle(&mut self) {
        let mut moved = true;
        while moved {
            self.send_out();
            let World { peers, hosts, now, .. } = self;
            moved = false;
            for peer in peers.iter_mut() {
                let machine = &mut hosts[peer.host];
                if !machine.is_stalled && !peer.is_over() {
                    moved |= peer.go_on(&mut machine.kernel, *now);
                }
            }
            peers.retain(|peer| !peer.is_over());
        }
    }

    pub(super) fn send_out(&mut self) {
        for host in 0..self.hosts.len() {
            let machine = &mut self.hosts[host];
            for id in std::mem::take(&mut machine.kernel.woken) {
                if machine.keys.contains_key(&id) && !self.news.contains(&(host, id)) {
                    self.news.push((host, id));
                }
            }
            let is_up = machine.is_up;
            for packet in std::mem::take(&mut machine.kernel.out) {
                if let Some(to) = self.host_at(packet.to.ip()).filter(|_| is_up) {
                    self.send(host, to, packet);
                }
            }
        }
    }

    fn send(&mut self, from: usize, to: usize, packet: Packet) {
        if self.explored.is_some() {
            let wire = self.wires.get(&(from, to)).filter(|wire| wire.is_given);
            let latency = wire.map_or(Duration::ZERO, |wire| wire.link.latency);
            return self.send_explored(latency, packet);
        }
        self.packets += 1;
        let (now, count) = (self.now, self.packets);
        self.wire(from, to).send(packet, now, count);
    }

    /// A socket is looked at.
    pub(super) fn touch_key(&mut self, key: Key) {
        let find = |(host, machine): (usize, &Machine)| {
            machine.keys.iter().find(|(_, own)| **own == key).map(|(id, _)| (host, *id))
        };
        if let Some((host, id)) = self.hosts.iter().enumerate().find_map(find) {
            self.touch_socket(host, id);
        }
    }

    /// What the runtime's sockets have become ready for; those of a stalled host's wait.
    pub(super) fn tell(&mut self, ready: &mut Vec<(Key, Readiness)>) {
        let World { news, hosts, .. } = self;
        news.retain(|(host, id)| {
            let machine = &hosts[*host];
            if machine.is_stalled {
                return true;
            }
            if let Some(key) = machine.keys.get(id) {
                ready.push((*key, machine.kernel.readiness(*id)));
            }
            false
        });
    }
}
