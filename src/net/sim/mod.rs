//! A simulated network in the place of the machine's: hosts, links and peers as plain data, on the runtime's time.
//!
//! Given to [`Builder::network`](crate::Builder::network); the program does not know. With
//! [`virtual_time`](crate::Builder::virtual_time) the whole run is a function of program, seed and script (R12), and
//! takes no longer than its work. A run ends when nothing can happen on the network either: a program that waits for a
//! peer that will never move again has come to its end, well or with a deadlock report (R9).
//!
//! ```
//! use backwater::net::sim::{Script, SimNetwork};
//! use backwater::net::{Tcp, TcpConnection, TcpNotify};
//! use backwater::{Runtime, TcpConnectAuth};
//!
//! struct Quiet;
//! impl TcpNotify for Quiet {}
//!
//! let sim = SimNetwork::new(7);
//! let here = sim.host("here", "10.0.0.1");
//! let db = sim.host("db", "10.0.0.2");
//! let peer = sim.listen(db, 5432, Script::new().read_to_end()).unwrap();
//! sim.partition(here, db);
//! sim.at(std::time::Duration::from_secs(60), move |sim| sim.repair(here, db));
//!
//! let summary = Runtime::builder().network(sim).virtual_time().run(|env| {
//!     let auth = TcpConnectAuth::from(&env.root);
//!     let conn = TcpConnection::connect(&auth, "db:5432", Quiet).spawn(env);
//!     conn.tell(Tcp::Write(b"hello".to_vec()), env);
//!     conn.tell(Tcp::Close, env);
//! }).unwrap();
//! assert_eq!(peer.received(), b"hello");
//! assert!(summary.time >= std::time::Duration::from_secs(60));
//! ```
//!
//! # Inside
//! `kernel` is one host's network stack (`connection` one end of a connection in it, `datagrams` its sockets for UDP, `arrivals` what comes in), `packet` what goes over a wire, `peer` a scripted program on a host, `world`
//! puts them together and says what happens next. None of them knows a lock. `sockets` is what the runtime sees.
//!
//! Not here: what a packet means to a connection; that is the same code as for the machine's network.

mod arrivals;
mod connection;
mod datagrams;
mod explored;
mod kernel;
mod mishaps;
mod packet;
mod peer;
mod sockets;
mod world;

pub use explored::Faults;
pub use packet::Link;
pub use peer::{Cue, Peer, Script};

use crate::sync::{Arc, Condvar, Mutex, MutexGuard, lock};
use packet::Wire;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use world::World;

/// A simulated network, and the handle by which a test steers it. Clones are the same network.
///
/// A new one has one host, `localhost`, with the two loopback addresses. Connections of the program begin at the first
/// host that was added, except those to a loopback address; it may listen at the address of any host, and an
/// unspecified address is the first host's. Names are those of the hosts;
/// hosts may share one, which then has the addresses of all.
///
/// Between two hosts for which [`link`](Self::link) said nothing a packet takes a millisecond; under the checker, where
/// it may be as late as the program is slow, no time at all.
#[derive(Clone)]
pub struct SimNetwork(Arc<Shared>);

struct Shared {
    world: Mutex<World>,
    rung: Condvar,
}

impl fmt::Debug for SimNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimNetwork").field("now", &self.world().now).finish_non_exhaustive()
    }
}

/// A host of a simulated network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host(usize);

impl SimNetwork {
    /// A network that is wholly determined by the seed: it decides how much a read or a write takes.
    pub fn new(seed: u64) -> Self {
        SimNetwork(Arc::new(Shared { world: Mutex::new(World::new(seed)), rung: Condvar::new() }))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.0.world)
    }

    /// Changes the world from outside; a runtime that waits looks again.
    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world();
        world.touch_all();
        let result = change(&mut world);
        drop(world);
        self.0.rung.notify_all();
        result
    }

    /// Adds a host with one address.
    ///
    /// # Panics
    /// If `address` is no IP address, or another host's.
    #[track_caller]
    pub fn host(&self, name: &str, address: &str) -> Host {
        self.host_with(name, &[address])
    }

    /// Adds a host with several addresses. A program that connects to its name tries them by RFC 8305.
    ///
    /// # Panics
    /// If there is none, or one is no IP address, or another host's.
    #[track_caller]
    pub fn host_with(&self, name: &str, addresses: &[&str]) -> Host {
        let parse = |text: &&str| text.parse().unwrap_or_else(|_| panic!("`{text}` is no IP address"));
        let addresses: Vec<IpAddr> = addresses.iter().map(parse).collect();
        self.change(|world| world.add_host(name, addresses))
    }

    /// The host `localhost`.
    pub fn localhost(&self) -> Host {
        Host(0)
    }

    /// Says how the link between two hosts is, both ways.
    pub fn link(&self, a: Host, b: Host, link: Link) {
        self.change(|world| world.both(a.0, b.0, |wire| (wire.link, wire.is_given) = (link, true)));
    }

    /// The size of the send and receive buffers of the host's sockets, where they do not ask for another. Default
    /// 64 KiB each.
    pub fn buffers(&self, host: Host, send: usize, receive: usize) {
        self.change(|world| world.kernel(host.0).buffers = (send, receive));
    }

    /// A program on `host` that listens at `port`, takes one connection, and goes by the script.
    ///
    /// # Errors
    /// That somebody listens there already.
    pub fn listen(&self, host: Host, port: u16, script: Script) -> io::Result<Peer> {
        self.change(|world| {
            let address = world.hosts[host.0].addresses[0];
            world.peer_at(SocketAddr::new(address, port), script)
        })
    }

    /// A program on `host` that connects to `to`, and goes by the script.
    ///
    /// # Errors
    /// That no host has that address.
    pub fn connect(&self, host: Host, to: SocketAddr, script: Script) -> io::Result<Peer> {
        self.change(|world| world.peer_to(host.0, to, script))
    }

    /// What may go wrong while a program is [checked](crate::check()). A plain run knows of no such faults: there a test
    /// says what goes wrong, and when.
    pub fn faults(&self, faults: Faults) {
        self.change(|world| world.faults = faults);
    }

    /// Calls `act` when the run has come to that time.
    pub fn at(&self, time: Duration, act: impl FnOnce(&SimNetwork) + Send + 'static) {
        self.change(|world| world.act(time, Box::new(act)));
    }

    /// Nothing goes between the two hosts until [`repair`](Self::repair). What was sent is held back, as TCP would
    /// send it again; datagrams are lost.
    pub fn partition(&self, a: Host, b: Host) {
        self.change(|world| world.both(a.0, b.0, Wire::cut));
    }

    /// Ends a partition.
    pub fn repair(&self, a: Host, b: Host) {
        self.change(|world| world.repair(a.0, b.0));
    }

    /// The programs on the host stand still until [`resume`](Self::resume): nobody reads. Its kernel goes on.
    pub fn stall(&self, host: Host) {
        self.change(|world| world.stall(host.0, true));
    }

    /// Ends a stall.
    pub fn resume(&self, host: Host) {
        self.change(|world| world.stall(host.0, false));
    }

    /// Resets every connection between the two hosts, at both ends, now.
    pub fn reset(&self, a: Host, b: Host) {
        self.change(|world| world.cut(a.0, b.0));
    }

    /// The host is gone without a word: what is sent to it is lost, its scripts end, and connections that the
    /// program has there fail. What listens there for the program listens again after [`restart`](Self::restart).
    pub fn lose(&self, host: Host) {
        self.change(|world| world.lose(host.0));
    }

    /// The host is there again, and knows of no connection.
    pub fn restart(&self, host: Host) {
        self.change(|world| world.restart(host.0));
    }
}
