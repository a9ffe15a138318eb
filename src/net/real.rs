//! The machine's network, over mio.
//!
//! Only the translation of calls: what they mean to a connection is in `socket`.

#[cfg(all(feature = "process", unix))]
mod pipes;

#[cfg(all(feature = "process", unix))]
use super::network::Pipes;
use super::network::{Buffers, Datagrams, Key, Listener, Network, Readiness, Setting, Settings, Stream};
use crate::sync::Arc;
use mio::net::{TcpListener, TcpStream, UdpSocket};
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use socket2::{SockRef, TcpKeepalive};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

/// Sockets told of in one call of the machine; the rest comes with the next.
const EVENTS: usize = 1024;
/// No socket's key.
const WAKER: Token = Token(usize::MAX);

pub(super) struct Real {
    poll: Poll,
    events: Events,
    registry: Arc<Registry>,
    waker: Arc<Waker>,
}

impl Real {
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = Arc::new(poll.registry().try_clone()?);
        let waker = Arc::new(Waker::new(&registry, WAKER)?);
        Ok(Real { poll, events: Events::with_capacity(EVENTS), registry, waker })
    }
}

impl Network for Real {
    fn connect(&mut self, to: SocketAddr, buffers: Buffers) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(to)?;
        let socket = SockRef::from(&stream);
        buffers.send.map_or(Ok(()), |bytes| socket.set_send_buffer_size(bytes))?;
        buffers.receive.map_or(Ok(()), |bytes| socket.set_recv_buffer_size(bytes))?;
        Ok(Box::new(RealStream { stream, registry: self.registry.clone() }))
    }

    fn listen(&mut self, at: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let listener = TcpListener::bind(at)?;
        Ok(Box::new(RealListener { listener, registry: self.registry.clone() }))
    }

    fn bind(&mut self, at: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        let socket = UdpSocket::bind(at)?;
        Ok(Box::new(RealDatagrams { socket, registry: self.registry.clone() }))
    }

    #[cfg(all(feature = "process", unix))]
    fn has_processes(&self) -> bool {
        true
    }

    #[cfg(all(feature = "process", unix))]
    fn pipes(&mut self, child: &shared_child::SharedChild) -> io::Result<Pipes> {
        pipes::of(child, &self.registry)
    }

    fn poll(&mut self, timeout: Option<Duration>, ready: &mut Vec<(Key, Readiness)>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            // A signal came; the runtime looks around and polls again.
            Err(why) if why.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let sockets = self.events.iter().filter(|event| event.token() != WAKER);
        ready.extend(sockets.map(|event| {
            let gone = event.is_error() || (event.is_read_closed() && event.is_write_closed());
            let readable = event.is_readable() || event.is_read_closed() || gone;
            let writable = event.is_writable() || event.is_write_closed() || gone;
            (Key(event.token().0), Readiness { readable, writable, gone })
        }));
        Ok(())
    }

    fn ringer(&self) -> Box<dyn Fn() + Send + Sync> {
        let waker = self.waker.clone();
        Box::new(move || waker.wake().expect("the machine wakes its own event loop"))
    }
}

/// Closing a socket also ends its registration.
struct RealStream {
    stream: TcpStream,
    registry: Arc<Registry>,
}

impl Stream for RealStream {
    fn register(&mut self, key: Key) -> io::Result<()> {
        self.registry.register(&mut self.stream, Token(key.0), Interest::READABLE | Interest::WRITABLE)
    }

    fn connected(&mut self) -> io::Result<Option<(SocketAddr, SocketAddr)>> {
        if let Some(why) = self.error() {
            return Err(why);
        }
        match self.stream.peer_addr() {
            Ok(peer) => Ok(Some((self.stream.local_addr()?, peer))),
            Err(why) if why.kind() == ErrorKind::NotConnected => Ok(None),
            Err(why) => Err(why),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer).map_err(in_our_words)
    }

    fn write(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.write_vectored(data).map_err(in_our_words)
    }

    fn shut(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    fn error(&mut self) -> Option<io::Error> {
        self.stream.take_error().unwrap_or_else(Some)
    }

    fn set(&mut self, setting: Setting) -> io::Result<()> {
        let socket = SockRef::from(&self.stream);
        match setting {
            Setting::NoDelay(on) => self.stream.set_nodelay(on),
            Setting::KeepAlive(None) => socket.set_keepalive(false),
            Setting::KeepAlive(Some(idle)) => socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle)),
            Setting::SendBuffer(bytes) => socket.set_send_buffer_size(bytes),
            Setting::ReceiveBuffer(bytes) => socket.set_recv_buffer_size(bytes),
        }
    }

    fn settings(&self) -> io::Result<Settings> {
        let socket = SockRef::from(&self.stream);
        Ok(Settings {
            no_delay: self.stream.nodelay()?,
            keep_alive: socket.keepalive()?,
            send_buffer: socket.send_buffer_size()?,
            receive_buffer: socket.recv_buffer_size()?,
        })
    }
}

/// The standard library has no kind for a lack of buffers.
fn in_our_words(why: io::Error) -> io::Error {
    match why.raw_os_error() {
        Some(NO_BUFFERS) => io::Error::new(ErrorKind::OutOfMemory, why),
        _ => why,
    }
}

#[cfg(unix)]
const NO_BUFFERS: i32 = libc::ENOBUFS;
/// `WSAENOBUFS`.
#[cfg(not(unix))]
const NO_BUFFERS: i32 = 10_055;

struct RealListener {
    listener: TcpListener,
    registry: Arc<Registry>,
}

impl Listener for RealListener {
    fn register(&mut self, key: Key) -> io::Result<()> {
        self.registry.register(&mut self.listener, Token(key.0), Interest::READABLE)
    }

    fn accept(&mut self) -> io::Result<(Box<dyn Stream>, SocketAddr)> {
        let (stream, from) = self.listener.accept()?;
        Ok((Box::new(RealStream { stream, registry: self.registry.clone() }), from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

struct RealDatagrams {
    socket: UdpSocket,
    registry: Arc<Registry>,
}

impl Datagrams for RealDatagrams {
    fn register(&mut self, key: Key) -> io::Result<()> {
        self.registry.register(&mut self.socket, Token(key.0), Interest::READABLE | Interest::WRITABLE)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.recv_from(buffer).map_err(in_our_words)
    }

    fn send(&mut self, data: &[u8], to: SocketAddr) -> io::Result<()> {
        self.socket.send_to(data, to).map(drop).map_err(in_our_words)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn set_broadcast(&mut self, on: bool) -> io::Result<()> {
        self.socket.set_broadcast(on)
    }
}
