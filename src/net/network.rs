//! The seam: what the network floor asks of a network, real or simulated.
//!
//! All calls return at once; only [`Network::poll`] waits. Readiness is edge-triggered: it is told once, and holds
//! until a call returns `WouldBlock`. `OutOfMemory` means that the machine is short of buffers for a moment: it tells
//! nothing when that is over.

use crate::scheduler::{Doings, Object};
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Names a socket in [`Network::poll`]. Never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(pub(super) usize);

/// What a socket has become ready for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Readiness {
    /// A read, or an accept, gives something: data, a connection, the end, or an error.
    pub(super) readable: bool,
    /// A write takes something, or gives an error; a connect has come to an end, good or bad.
    pub(super) writable: bool,
    /// The peer is gone altogether: what was written since is lost. Where the machine says so.
    pub(super) gone: bool,
}

impl Readiness {
    pub(super) fn or(self, other: Readiness) -> Readiness {
        Readiness {
            readable: self.readable || other.readable,
            writable: self.writable || other.writable,
            gone: self.gone || other.gone,
        }
    }
}

/// Sizes of the machine's buffers of one socket, where they are not to be the machine's choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Buffers {
    pub(super) send: Option<usize>,
    pub(super) receive: Option<usize>,
}

/// What can be set on an open socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// Small writes are sent at once.
    NoDelay(bool),
    /// The peer is asked whether it is there after so long without a word.
    KeepAlive(Option<Duration>),
    SendBuffer(usize),
    ReceiveBuffer(usize),
}

/// How an open socket is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) no_delay: bool,
    pub(super) keep_alive: bool,
    pub(super) send_buffer: usize,
    pub(super) receive_buffer: usize,
}

/// A network. Lives as long as its runtime.
pub(super) trait Network: Send {
    /// Begins to connect. How that ends is told as `writable`, then by [`Stream::connected`].
    fn connect(&mut self, to: SocketAddr, buffers: Buffers) -> io::Result<Box<dyn Stream>>;

    /// Listens at an address; with port 0 at a free port.
    fn listen(&mut self, at: SocketAddr) -> io::Result<Box<dyn Listener>>;

    /// Binds a socket for datagrams at an address; with port 0 at a free port.
    fn bind(&mut self, _at: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Has it processes beside it? Only the machine has.
    #[cfg(all(feature = "process", unix))]
    fn has_processes(&self) -> bool {
        false
    }

    /// Our ends of a child's three pipes, which are not to be taken yet.
    #[cfg(all(feature = "process", unix))]
    fn pipes(&mut self, _child: &shared_child::SharedChild) -> io::Result<Pipes> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Adds what has become ready since the last call; if nothing has, waits for up to `timeout`, or for ever without
    /// one. May return early with nothing.
    fn poll(&mut self, timeout: Option<Duration>, ready: &mut Vec<(Key, Readiness)>) -> io::Result<()>;

    /// What ends a `poll` from another thread; sticky, if none is going on.
    fn ringer(&self) -> Box<dyn Fn() + Send + Sync>;

    /// What time it is now. For a network that has no clock of its own.
    fn set_now(&mut self, _now: Duration) {}

    /// When something will happen by itself, if the network knows; the driver waits no longer.
    fn next_event(&self) -> Option<Duration> {
        None
    }

    /// For the checker: from here on everything here is a step that somebody else chooses.
    ///
    /// # Errors
    /// Says why that cannot be.
    fn explore(&mut self) -> Result<(), &'static str> {
        Err("it is the machine's own")
    }

    /// Tells what can happen now, each by a number that means the same in every run; those that come last, last.
    fn choices(&self, _tell: &mut dyn FnMut(u64)) {}

    /// Is this choice there only where there is no other, faults apart?
    fn is_last(&self, _choice: u64) -> bool {
        false
    }

    /// Could another step keep it from happening?
    fn is_preventable(&self, _choice: u64) -> bool {
        true
    }

    /// Tells what is due here, and when.
    fn dues(&self, _tell: &mut dyn FnMut(Object, Duration)) {}

    /// Is it a fault, which need not happen?
    fn is_fault(&self, _choice: u64) -> bool {
        false
    }

    /// The choice in words.
    fn words(&self, _choice: u64) -> String {
        String::new()
    }

    /// Lets it happen.
    fn take(&mut self, _choice: u64) {}

    /// After a step: what has become ready, and what was done here.
    fn done(&mut self, _ready: &mut Vec<(Key, Readiness)>, _doings: &mut Doings) {}

    /// The readiness of this socket was looked at.
    fn looked(&mut self, _key: Key) {}

    /// Tells whether anything can still happen to any socket. On a real network it always can.
    fn can_wake(&self) -> Box<dyn Fn() -> bool + Send + Sync> {
        Box::new(|| true)
    }

    /// The addresses of a name, if it has names of its own; else the machine is asked.
    fn resolve(&mut self, _host: &str) -> Option<io::Result<Vec<IpAddr>>> {
        None
    }
}

/// One end of a connection. Dropping it closes it.
pub(super) trait Stream: Send {
    /// Have its readiness told under this key. Called once, before anything else.
    fn register(&mut self, key: Key) -> io::Result<()>;

    /// Has the connect come to an end? Then both addresses, ours first.
    ///
    /// # Errors
    /// Why there is no connection.
    fn connected(&mut self) -> io::Result<Option<(SocketAddr, SocketAddr)>>;

    /// Reads; 0 is the end of what the peer sends.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes from the front of `data`, and says how much.
    fn write(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Tells the peer that nothing more will come. Reading goes on.
    fn shut(&mut self) -> io::Result<()>;

    /// The error that the machine noted for it, once.
    fn error(&mut self) -> Option<io::Error>;

    /// Sets one thing.
    fn set(&mut self, setting: Setting) -> io::Result<()>;

    /// How it is set; the machine may have rounded.
    fn settings(&self) -> io::Result<Settings>;
}

/// A listening socket. Dropping it closes it.
pub(super) trait Listener: Send {
    /// Have its readiness told under this key. Called once, before anything else.
    fn register(&mut self, key: Key) -> io::Result<()>;

    /// The next connection, and where it comes from.
    fn accept(&mut self) -> io::Result<(Box<dyn Stream>, SocketAddr)>;

    /// Where it listens.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// A socket for datagrams. Dropping it closes it.
pub(super) trait Datagrams: Send {
    /// Have its readiness told under this key. Called once, before anything else.
    fn register(&mut self, key: Key) -> io::Result<()>;

    /// The next datagram: its length, and where it comes from. What does not fit into the buffer is cut off.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)>;

    /// Sends all of it, or nothing.
    fn send(&mut self, data: &[u8], to: SocketAddr) -> io::Result<()>;

    /// Where it is bound.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// May it send to broadcast addresses?
    fn set_broadcast(&mut self, on: bool) -> io::Result<()>;
}

/// Our ends of the pipes of a child process.
#[cfg(all(feature = "process", unix))]
pub(super) struct Pipes {
    pub(super) stdin: Box<dyn Pipe>,
    pub(super) stdout: Box<dyn Pipe>,
    pub(super) stderr: Box<dyn Pipe>,
}

/// One end of a pipe, to be read or to be written. Dropping it closes it.
#[cfg(all(feature = "process", unix))]
pub(super) trait Pipe: Send {
    /// Have its readiness told under this key. Called once, before anything else.
    fn register(&mut self, key: Key) -> io::Result<()>;

    /// Reads; 0 is the end.
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Writes from the front of `data`, and says how much.
    fn write(&mut self, _data: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
