//! A simulated network whose every step is chosen by somebody else: the checker. It says what can happen next, lets one
//! thing happen, and writes down what each step touched, so that steps which do not meet need not be tried in both
//! orders.
//!
//! Every direction of a connection is a channel of its own: packets of one keep their order, those of two do not. What
//! is due holds back time; a program on a host (a scripted peer) may be as slow as it likes, as an actor may. Faults
//! need not happen, and are counted: [`Faults`]. Where nothing else can happen, a last step says that none of them will
//! ([`Kind::Calm`]).
//!
//! Not here: what a packet does when it arrives (`arrivals`), who takes the steps, and in which order (`check`).

use super::kernel::Id;
use super::packet::{Packet, Segment};
use super::world::World;
use crate::net::network::{Key, Readiness};
use crate::scheduler::{Access, Doings, Object};
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::net::SocketAddr;
use std::time::Duration;

/// What may go wrong on a simulated network while a program is [checked](crate::check()), and how often in one run at
/// most. Each fault may come at any moment, or never. By default nothing goes wrong, though everything may be slow.
///
/// ```
/// use backwater::net::sim::{Faults, SimNetwork};
///
/// let sim = SimNetwork::new(0);
/// sim.faults(Faults { resets: 1, ..Faults::NONE });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// A connection of the program is reset; neither end has asked for it.
    pub resets: u32,
    /// A connect is refused, though somebody listens.
    pub refusals: u32,
    /// What is on its way in one direction of a connection stands still, while time passes, and then goes on.
    pub stalls: u32,
    /// The way between the ends of a connection of the program is cut for good. Nothing arrives any more; who waits for
    /// an answer gives up when its patience is over, who waits for nothing hears nothing.
    pub cuts: u32,
    /// A read gives one byte, though there are more.
    pub short_reads: u32,
    /// A write takes one byte, though there is room for more.
    pub short_writes: u32,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Faults = Faults { resets: 0, refusals: 0, stalls: 0, cuts: 0, short_reads: 0, short_writes: 0 };

    fn left(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Reset => &mut self.resets,
            Kind::Refuse => &mut self.refusals,
            Kind::Stall => &mut self.stalls,
            Kind::Cut => &mut self.cuts,
            Kind::ShortRead => &mut self.short_reads,
            Kind::ShortWrite => &mut self.short_writes,
            other => unreachable!("{other:?} is no fault"),
        }
    }
}

/// What a number names: a step, or something that a step touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Kind {
    // Things.
    /// One end of a connection, by its own address and the peer's.
    End,
    Listener,
    /// Where packets are put on a channel, and where they come off it.
    Tail,
    Head,
    /// The free ports of a host.
    Ports,
    /// How often a fault may still happen.
    Budget,
    Cues,
    // Steps.
    /// The first packet of a channel arrives.
    Deliver,
    /// An end waits no longer for its peer.
    Impatient,
    /// A scripted peer goes on.
    Peer,
    /// What a test planned for this time.
    Act,
    /// A stall ends.
    Resume,
    /// No more faults. Only when nothing else can happen: the run is over.
    Calm,
    // Faults.
    Reset,
    Refuse,
    Stall,
    Cut,
    ShortRead,
    ShortWrite,
}

const KINDS: [Kind; 19] = [
    Kind::End,
    Kind::Listener,
    Kind::Tail,
    Kind::Head,
    Kind::Ports,
    Kind::Budget,
    Kind::Cues,
    Kind::Deliver,
    Kind::Impatient,
    Kind::Peer,
    Kind::Act,
    Kind::Resume,
    Kind::Calm,
    Kind::Reset,
    Kind::Refuse,
    Kind::Stall,
    Kind::Cut,
    Kind::ShortRead,
    Kind::ShortWrite,
];
const FAULTS: [Kind; 6] = [Kind::Reset, Kind::Refuse, Kind::Stall, Kind::Cut, Kind::ShortRead, Kind::ShortWrite];

/// Bits of an address in a number: 8 for the host, 4 for which of its addresses, 16 for the port. Two, and the kind.
const ADDRESS: u32 = 28;

type Ends = (SocketAddr, SocketAddr);

/// One direction of a connection.
#[derive(Default)]
struct Channel {
    /// With the time of arrival, and a number.
    packets: VecDeque<(Duration, u32, Packet)>,
    sent: u32,
    stalled: bool,
    cut: bool,
}

impl Channel {
    /// Packets arrive.
    fn is_open(&self) -> bool {
        !self.stalled && !self.cut
    }
}

#[derive(Default)]
pub(super) struct Explored {
    channels: BTreeMap<Ends, Channel>,
    pub(super) faults: Faults,
    calm: bool,
    doings: Doings,
}

/// A number that was given out, read.
#[derive(Clone, Copy)]
struct Named {
    kind: Kind,
    from: u32,
    to: u32,
}

fn number(kind: Kind, from: u32, to: u32) -> u64 {
    (kind as u64) << (2 * ADDRESS) | u64::from(from) << ADDRESS | u64::from(to)
}

fn named(number: u64) -> Named {
    let mask = (1 << ADDRESS) - 1;
    let kind = KINDS[(number >> (2 * ADDRESS)) as usize];
    Named { kind, from: (number >> ADDRESS & mask) as u32, to: (number & mask) as u32 }
}

// --- What happened ------------------------------------------------------------------------------------------------

impl World {
    /// From here on every step is chosen.
    pub(super) fn explore(&mut self) {
        let faults = self.faults;
        self.explored = Some(Box::new(Explored { faults, ..Explored::default() }));
        self.hosts.iter_mut().for_each(|machine| machine.kernel.take_all());
    }

    fn code(&self, at: SocketAddr) -> u32 {
        let place = |machine: &super::world::Machine| machine.addresses.iter().position(|own| *own == at.ip());
        let found = self.hosts.iter().enumerate().find_map(|(host, machine)| Some((host, place(machine)?)));
        let (host, nth) = found.expect("packets go between hosts");
        assert!(host < 256 && nth < 16, "the checker tells 256 hosts apart, with 16 addresses each: use fewer");
        (host as u32) << 20 | (nth as u32) << 16 | u32::from(at.port())
    }

    fn address(&self, code: u32) -> SocketAddr {
        let addresses = &self.hosts[(code >> 20) as usize].addresses;
        SocketAddr::new(addresses[(code >> 16 & 15) as usize], code as u16)
    }

    fn pair(&self, kind: Kind, (from, to): Ends) -> u64 {
        number(kind, self.code(from), self.code(to))
    }

    fn touch(&mut self, object: Object, access: Access) {
        if let Some(explored) = &mut self.explored {
            explored.doings.touched.push((object, access));
        }
    }

    fn touch_pair(&mut self, kind: Kind, ends: Ends) {
        if self.explored.is_some() {
            let object = Object::Outside(self.pair(kind, ends));
            self.touch(object, Access::Write);
        }
    }

    /// A socket of a host is used.
    pub(super) fn touch_socket(&mut self, host: usize, id: Id) {
        if self.explored.is_none() {
            return;
        }
        if let Some(ends) = self.hosts[host].kernel.ends(id) {
            self.touch_pair(Kind::End, ends);
        } else if let Ok(at) = self.hosts[host].kernel.listens_at(id) {
            self.touch_listener(host, at.port());
        }
    }

    fn touch_listener(&mut self, host: usize, port: u16) {
        self.touch(Object::Outside(number(Kind::Listener, host as u32, port.into())), Access::Write);
    }

    /// Ports of a host are given out, or freed.
    pub(super) fn touch_ports(&mut self, host: usize) {
        self.touch(Object::Outside(number(Kind::Ports, host as u32, 0)), Access::Write);
    }

    /// The hour, and what is due when.
    pub(super) fn touch_time(&mut self) {
        self.touch(Object::Time, Access::Read);
    }

    /// A test changed something, whatever it was.
    pub(super) fn touch_all(&mut self) {
        self.touch(Object::World, Access::Write);
    }

    /// A packet sets out.
    pub(super) fn send_explored(&mut self, latency: Duration, packet: Packet) {
        let ends = (packet.from, packet.to);
        let tail = self.pair(Kind::Tail, ends);
        let due = self.now + latency;
        let Some(explored) = &mut self.explored else { return };
        let channel = explored.channels.entry(ends).or_default();
        channel.sent += 1;
        let (nth, last) = (channel.sent, channel.packets.back().map_or(Duration::ZERO, |(due, ..)| *due));
        channel.packets.push_back((last.max(due), nth, packet));
        self.touch(Object::Outside(tail), Access::Write);
        self.touch(Object::Parcel(tail, nth), Access::Write);
        self.touch_time();
    }

    /// After a step: what is ready now, and what was done.
    pub(super) fn done(&mut self, ready: &mut Vec<(Key, Readiness)>, doings: &mut Doings) {
        self.send_out();
        self.tell(ready);
        for at in 0..self.peers.len() {
            let number = self.peers[at].number;
            if self.peers[at].heeds_cues() {
                self.touch(Object::Outside(number_of(Kind::Cues, number)), Access::Write);
            }
        }
        if let Some(explored) = &mut self.explored {
            mem::swap(doings, &mut explored.doings);
            explored.doings.touched.clear();
            explored.doings.guards.clear();
            explored.doings.let_go = false;
        }
    }
}

fn number_of(kind: Kind, which: u32) -> u64 {
    number(kind, which, 0)
}

// --- What can happen ----------------------------------------------------------------------------------------------

impl World {
    /// Everything that is due at a time, by what changes with it.
    pub(super) fn dues(&self, tell: &mut dyn FnMut(Object, Duration)) {
        let Some(explored) = &self.explored else { return };
        for (ends, channel) in
            explored.channels.iter().filter(|(ends, channel)| channel.is_open() && !self.is_cut(**ends))
        {
            let tail = self.pair(Kind::Tail, *ends);
            channel.packets.iter().for_each(|(due, nth, _)| tell(Object::Parcel(tail, *nth), *due));
        }
        for machine in &self.hosts {
            machine.kernel.deadlines().for_each(|(ends, due)| tell(Object::Outside(self.pair(Kind::End, ends)), due));
        }
        for peer in self.peers.iter().filter(|peer| self.is_awake(peer.host)) {
            let cues = Object::Outside(number_of(Kind::Cues, peer.number));
            peer.waits_until().into_iter().for_each(|due| tell(cues, due));
        }
        self.next_act().into_iter().for_each(|due| tell(Object::Outside(number_of(Kind::Act, 0)), due));
    }

    /// Until when time may pass: what is due by then has to happen first.
    pub(super) fn next_due(&self, explored: &Explored) -> Option<Duration> {
        let moving = explored.channels.iter().filter(|(ends, channel)| channel.is_open() && !self.is_cut(**ends));
        let packets = moving.filter_map(|(_, channel)| channel.packets.front()).map(|(due, ..)| *due);
        let deadlines = self.hosts.iter().filter_map(|machine| machine.kernel.next_deadline());
        let waits = self.peers.iter().filter(|peer| self.is_awake(peer.host)).filter_map(|peer| peer.waits_until());
        packets.chain(deadlines).chain(waits).chain(self.next_act()).min()
    }

    /// Everything that can happen now.
    pub(super) fn choices(&self, tell: &mut dyn FnMut(u64)) {
        let Some(explored) = &self.explored else { return };
        for (ends, channel) in &explored.channels {
            let due = channel.packets.front().is_some_and(|(due, ..)| *due <= self.now);
            if due && channel.is_open() && !self.is_cut(*ends) {
                tell(self.pair(Kind::Deliver, *ends));
            }
            if channel.stalled {
                tell(self.pair(Kind::Resume, *ends));
            }
        }
        for machine in &self.hosts {
            machine.kernel.impatient(self.now).for_each(|ends| tell(self.pair(Kind::Impatient, ends)));
        }
        let ready = |peer: &&super::peer::Actor| {
            self.is_awake(peer.host) && peer.is_ready(&self.hosts[peer.host].kernel, self.now)
        };
        self.peers.iter().filter(ready).for_each(|peer| tell(number_of(Kind::Peer, peer.number)));
        if self.next_act().is_some_and(|due| due <= self.now) {
            tell(number_of(Kind::Act, 0));
        }
        if !explored.calm && explored.faults != Faults::NONE {
            tell(number_of(Kind::Calm, 0));
            self.faults_now(explored, tell);
        }
    }

    fn faults_now(&self, explored: &Explored, tell: &mut dyn FnMut(u64)) {
        let Faults { resets, refusals, stalls, cuts, short_reads, short_writes } = explored.faults;
        for (ends, channel) in explored.channels.iter().filter(|(_, channel)| !channel.packets.is_empty()) {
            let first = &channel.packets[0].2.what;
            if refusals > 0 && matches!(first, Segment::Syn { .. }) && channel.is_open() && !self.is_cut(*ends) {
                tell(self.pair(Kind::Refuse, *ends));
            }
            if stalls > 0 && channel.is_open() {
                tell(self.pair(Kind::Stall, *ends));
            }
        }
        for machine in &self.hosts {
            for (ends, id) in machine.keys.keys().filter_map(|id| Some((machine.kernel.ends(*id)?, *id))) {
                let can = machine.kernel.can(id);
                // Both ends may be the program's: one reset is enough.
                let peer_is_ours = self.host_at(ends.1.ip()).is_some_and(|host| self.is_ours(host, (ends.1, ends.0)));
                let is_first = !peer_is_ours || self.code(ends.0) < self.code(ends.1);
                if resets > 0 && can.be_reset && is_first {
                    tell(self.pair(Kind::Reset, ends));
                }
                if cuts > 0 && can.be_cut && is_first {
                    tell(self.pair(Kind::Cut, ends));
                }
                if short_reads > 0 && can.read_short {
                    tell(self.pair(Kind::ShortRead, ends));
                }
                if short_writes > 0 && can.write_short {
                    tell(self.pair(Kind::ShortWrite, ends));
                }
            }
        }
    }

    /// An open end that the program holds.
    fn is_ours(&self, host: usize, ends: Ends) -> bool {
        let machine = &self.hosts[host];
        let held = machine.kernel.pairs.get(&ends).filter(|id| machine.keys.contains_key(id));
        held.is_some_and(|id| machine.kernel.can(*id).be_reset)
    }

    /// Could something else keep it from happening? A fault, its end, and what a fault can take the place of.
    pub(super) fn is_preventable(&self, choice: u64) -> bool {
        let kind = named(choice).kind;
        kind == Kind::Impatient || kind > Kind::Calm
    }

    fn is_cut(&self, (from, to): Ends) -> bool {
        let ends = (self.host_at(from.ip()), self.host_at(to.ip()));
        matches!(ends, (Some(from), Some(to)) if self.wire_is_cut(from, to))
    }
}

pub(super) fn is_fault(choice: u64) -> bool {
    FAULTS.contains(&named(choice).kind)
}

pub(super) fn is_last(choice: u64) -> bool {
    named(choice).kind == Kind::Calm
}

// --- What happens -------------------------------------------------------------------------------------------------

impl World {
    /// Lets one of the choices happen; a thing that a test planned is given back, to be called without the lock.
    pub(super) fn take(&mut self, choice: u64) -> Option<super::world::Act> {
        let Named { kind, from, to } = named(choice);
        match kind {
            Kind::Act => {
                self.touch_all();
                self.let_go();
                return self.pop_act();
            }
            Kind::Peer => self.take_peer(from),
            Kind::Calm => {
                self.touch_all();
                self.explored_mut().calm = true;
            }
            _ => {
                let ends = (self.address(from), self.address(to));
                match kind {
                    Kind::Deliver => self.deliver(ends, false),
                    Kind::Impatient => self.lose_patience(ends),
                    Kind::Resume => self.resume_channel(ends),
                    fault => {
                        self.spend(fault, ends);
                        self.fault(fault, ends);
                    }
                }
            }
        }
        None
    }

    fn explored_mut(&mut self) -> &mut Explored {
        self.explored.as_mut().expect("only a world that is explored is stepped through")
    }

    fn let_go(&mut self) {
        self.touch_time();
        self.explored_mut().doings.let_go = true;
    }

    /// A fault takes place. Another could, if nobody touches its end of the connection, or the packet that it waits for.
    fn spend(&mut self, fault: Kind, ends: Ends) {
        let budget = Object::Outside(number_of(Kind::Budget, fault as u32));
        self.touch(budget, Access::Write);
        let place = if matches!(fault, Kind::Refuse | Kind::Stall) { Kind::Head } else { Kind::End };
        let place = Object::Outside(self.pair(place, ends));
        let explored = self.explored_mut();
        let left = explored.faults.left(fault);
        *left -= 1;
        let is_last = *left == 0;
        explored.doings.guards.push(place);
        explored.doings.guards.extend(is_last.then_some(budget));
    }

    fn fault(&mut self, kind: Kind, ends: Ends) {
        match kind {
            Kind::Refuse => self.deliver(ends, true),
            Kind::Stall => {
                self.touch_pair(Kind::Head, ends);
                self.let_go();
                self.channel(ends).stalled = true;
            }
            Kind::Cut => {
                self.let_go();
                let now = self.now;
                for ends in [ends, (ends.1, ends.0)] {
                    self.touch_pair(Kind::End, ends);
                    self.touch_pair(Kind::Head, ends);
                    self.explored_mut().channels.entry(ends).or_default().cut = true;
                    self.kernel_of(ends.0).cut_off(ends, now);
                }
            }
            Kind::Reset => {
                self.touch_time();
                for ends in [ends, (ends.1, ends.0)] {
                    self.touch_pair(Kind::End, ends);
                    self.kernel_of(ends.0).reset_by_nobody(ends);
                }
            }
            _ => {
                self.touch_pair(Kind::End, ends);
                self.kernel_of(ends.0).shorten(ends, kind == Kind::ShortRead);
            }
        }
    }

    fn channel(&mut self, ends: Ends) -> &mut Channel {
        self.explored_mut().channels.get_mut(&ends).expect("a channel stays when it is empty")
    }

    fn kernel_of(&mut self, at: SocketAddr) -> &mut super::kernel::Kernel {
        let host = self.host_at(at.ip()).expect("every end is on a host");
        self.kernel(host)
    }

    /// The first packet of a channel arrives, or is answered by a refusal.
    fn deliver(&mut self, ends: Ends, refused: bool) {
        let tail = self.pair(Kind::Tail, ends);
        let Some((_, nth, packet)) = self.channel(ends).packets.pop_front() else { return };
        self.touch(Object::Parcel(tail, nth), Access::Read);
        self.touch_pair(Kind::Head, ends);
        self.touch_pair(Kind::End, (ends.1, ends.0));
        self.let_go();
        if let (Segment::Syn { .. }, Some(host)) = (&packet.what, self.host_at(packet.to.ip())) {
            self.touch_listener(host, packet.to.port());
        }
        if refused {
            self.kernel_of(packet.to).out.push(Packet { from: packet.to, to: packet.from, what: Segment::Reset });
        } else {
            self.carry(packet);
        }
    }

    fn lose_patience(&mut self, ends: Ends) {
        self.touch_pair(Kind::End, ends);
        self.let_go();
        self.kernel_of(ends.0).give_up(ends);
    }

    fn resume_channel(&mut self, ends: Ends) {
        self.touch_pair(Kind::Head, ends);
        // Time could pass until now, and cannot any more: whatever sets something out for later meets that.
        self.touch(Object::Time, Access::Write);
        let now = self.now;
        let channel = self.channel(ends);
        channel.stalled = false;
        channel.packets.iter_mut().for_each(|(due, ..)| *due = (*due).max(now));
    }

    fn take_peer(&mut self, number: u32) {
        let Some(at) = self.peers.iter().position(|peer| peer.number == number) else { return };
        self.touch(Object::Outside(number_of(Kind::Cues, number)), Access::Read);
        self.touch_peer(at);
        if self.peers[at].waits_until().is_some() {
            self.let_go();
        } else if self.peers[at].is_to_wait() {
            self.touch_time();
        }
        let host = self.peers[at].host;
        let World { peers, hosts, now, .. } = self;
        peers[at].go_once(&mut hosts[host].kernel, *now);
        // An accept has an end only now.
        self.touch_peer(at);
        self.peers.retain(|peer| !peer.is_over());
    }

    fn touch_peer(&mut self, at: usize) {
        let (host, sockets) = (self.peers[at].host, self.peers[at].sockets());
        sockets.into_iter().flatten().for_each(|id| self.touch_socket(host, id));
    }

    /// A choice in words.
    pub(super) fn words(&self, choice: u64) -> String {
        let Named { kind, from, to } = named(choice);
        let name = |code: u32| format!("{}:{}", self.hosts[(code >> 20) as usize].name, code as u16);
        let between = |what: &str| format!("network: {what}, {} to {}", name(from), name(to));
        match kind {
            Kind::Deliver => {
                let ends = (self.address(from), self.address(to));
                let channel = self.explored.as_ref().and_then(|explored| explored.channels.get(&ends));
                let first = channel.and_then(|channel| channel.packets.front());
                between(&first.map_or_else(String::new, |(.., packet)| packet.what.to_string()))
            }
            Kind::Peer => format!("network: peer {from} goes on"),
            Kind::Act => "network: what the test planned for this time".to_owned(),
            Kind::Calm => "network: no more faults".to_owned(),
            Kind::Impatient => between("patience is over"),
            Kind::Resume => between("the stall is over"),
            Kind::Reset => between("FAULT, reset"),
            Kind::Refuse => between("FAULT, connect refused"),
            Kind::Stall => between("FAULT, stall"),
            Kind::Cut => between("FAULT, cut for good"),
            Kind::ShortRead => between("FAULT, the next read is short"),
            Kind::ShortWrite => between("FAULT, the next write is short"),
            _ => between("nothing"),
        }
    }
}
