//! What goes over a link, and the link: a queue with latency and bandwidth.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// The most data in one packet: more than on a wire, as cards put packets together.
pub(super) const SEGMENT: usize = 16 << 10;
/// What a packet takes on the wire beside its data.
const HEADER: usize = 40;
/// A wire that has so much to do already takes no more datagrams: the queue of a router is full.
const BEHIND: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Packet {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) what: Segment,
}

#[derive(Debug)]
pub(super) enum Segment {
    /// A call, with the room at the caller.
    Syn {
        window: usize,
    },
    /// It was taken, with the room there.
    SynAck {
        window: usize,
    },
    Data(Vec<u8>),
    /// So many bytes arrived, and there is room for so many more.
    Ack {
        bytes: usize,
        window: usize,
    },
    /// No more data.
    Fin,
    FinAck,
    Reset,
    /// For no connection: lost where TCP would wait.
    Datagram(Vec<u8>),
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Segment::Syn { .. } => f.write_str("a call"),
            Segment::SynAck { .. } => f.write_str("the call is taken"),
            Segment::Data(data) | Segment::Datagram(data) => write!(f, "{} bytes", data.len()),
            Segment::Ack { bytes, window } => write!(f, "{bytes} bytes came, room for {window}"),
            Segment::Fin => f.write_str("the end"),
            Segment::FinAck => f.write_str("the end came"),
            Segment::Reset => f.write_str("reset"),
        }
    }
}

/// How a connection between two hosts is, in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// How long a packet is on its way.
    pub latency: Duration,
    /// Bytes that go onto the wire in a second; none is no limit.
    pub bandwidth: Option<u64>,
}

/// One direction of a link. Packets keep their order.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) link: Link,
    /// Somebody said how it is.
    pub(super) is_given: bool,
    /// A cut wire keeps what is on it, as TCP would send it again.
    pub(super) is_cut: bool,
    /// The wire is taken until then.
    busy: Duration,
    /// With the time of arrival, and the count of all packets ever sent, which decides between equal times.
    queue: VecDeque<(Duration, u64, Packet)>,
}

impl Wire {
    pub(super) fn new(link: Link) -> Self {
        Wire { link, is_given: false, is_cut: false, busy: Duration::ZERO, queue: VecDeque::new() }
    }

    pub(super) fn send(&mut self, packet: Packet, now: Duration, count: u64) {
        let length = match &packet.what {
            Segment::Datagram(_) if self.is_cut || self.busy > now + BEHIND => return,
            Segment::Data(data) | Segment::Datagram(data) => data.len(),
            _ => 0,
        };
        let bytes = HEADER + length;
        let takes = |rate: u64| Duration::from_nanos((bytes as u64).saturating_mul(1_000_000_000) / rate.max(1));
        self.busy = self.busy.max(now) + self.link.bandwidth.map_or(Duration::ZERO, takes);
        let last = self.queue.back().map_or(Duration::ZERO, |(due, ..)| *due);
        self.queue.push_back((last.max(self.busy + self.link.latency), count, packet));
    }

    /// When the next packet arrives, and its count.
    pub(super) fn next(&self) -> Option<(Duration, u64)> {
        self.queue.front().filter(|_| !self.is_cut).map(|(due, count, _)| (*due, *count))
    }

    pub(super) fn pop(&mut self) -> Option<Packet> {
        self.queue.pop_front().map(|(.., packet)| packet)
    }

    /// Nothing gets through, and the datagrams that are on it are lost.
    pub(super) fn cut(&mut self) {
        self.is_cut = true;
        self.queue.retain(|(.., packet)| !matches!(packet.what, Segment::Datagram(_)));
    }

    /// Whole again: what was held back sets out now.
    pub(super) fn repair(&mut self, now: Duration) {
        self.is_cut = false;
        let earliest = now + self.link.latency;
        self.queue.iter_mut().for_each(|(due, ..)| *due = (*due).max(earliest));
    }
}
