//! A notifier that writes down what it hears, and peers that are plain threads.

use backwater::net::{NetError, TcpConnection, TcpNotify, TcpSocket};
use backwater::{Builder, Context, Env, Runtime, Summary};
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Small buffers on both sides, so that little makes a connection throttled.
pub(crate) const BUFFER: usize = 32 << 10;

/// What a notifier heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Connecting,
    Connected,
    Failed(String),
    Accepted,
    AuthFailed,
    Received(Vec<u8>),
    Throttled,
    Unthrottled,
    /// With the kind of the error, if it was one.
    Closed(Option<ErrorKind>),
}

/// Everything that was heard, in order; what was received in a row is one entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Heard>>>);

impl Log {
    fn note(&self, heard: &Heard) {
        let mut log = self.0.lock().unwrap();
        match (log.last_mut(), heard) {
            (Some(Heard::Received(before)), Heard::Received(data)) => before.extend_from_slice(data),
            _ => log.push(heard.clone()),
        }
    }

    pub(crate) fn all(&self) -> Vec<Heard> {
        self.0.lock().unwrap().clone()
    }

    /// Without the data.
    pub(crate) fn events(&self) -> Vec<Heard> {
        self.all().into_iter().filter(|heard| !matches!(heard, Heard::Received(_))).collect()
    }

    pub(crate) fn received(&self) -> Vec<u8> {
        let data = |heard| if let Heard::Received(data) = heard { data } else { Vec::new() };
        self.all().into_iter().flat_map(data).collect()
    }
}

pub(crate) type Cx<'a> = Context<'a, TcpConnection>;
type Act = Box<dyn FnMut(&Heard, &mut TcpSocket, &mut Cx<'_>) + Send>;

/// Writes down what it hears, then does what the test wants.
pub(crate) struct Probe {
    log: Log,
    act: Act,
}

impl Probe {
    pub(crate) fn new(log: &Log, act: impl FnMut(&Heard, &mut TcpSocket, &mut Cx<'_>) + Send + 'static) -> Self {
        Probe { log: log.clone(), act: Box::new(act) }
    }

    fn hear(&mut self, heard: Heard, conn: &mut TcpSocket, cx: &mut Cx<'_>) {
        self.log.note(&heard);
        (self.act)(&heard, conn, cx);
    }
}

impl TcpNotify for Probe {
    fn connecting(&mut self, conn: &mut TcpSocket, _to: SocketAddr, cx: &mut Cx<'_>) {
        self.hear(Heard::Connecting, conn, cx);
    }
    fn connected(&mut self, conn: &mut TcpSocket, cx: &mut Cx<'_>) {
        self.hear(Heard::Connected, conn, cx);
    }
    fn connect_failed(&mut self, conn: &mut TcpSocket, why: NetError, cx: &mut Cx<'_>) {
        self.hear(Heard::Failed(why.to_string()), conn, cx);
    }
    fn auth_failed(&mut self, conn: &mut TcpSocket, cx: &mut Cx<'_>) {
        self.hear(Heard::AuthFailed, conn, cx);
    }
    fn accepted(&mut self, conn: &mut TcpSocket, cx: &mut Cx<'_>) {
        self.hear(Heard::Accepted, conn, cx);
    }
    fn received(&mut self, conn: &mut TcpSocket, data: Vec<u8>, cx: &mut Cx<'_>) {
        self.hear(Heard::Received(data), conn, cx);
    }
    fn throttled(&mut self, conn: &mut TcpSocket, cx: &mut Cx<'_>) {
        self.hear(Heard::Throttled, conn, cx);
    }
    fn unthrottled(&mut self, conn: &mut TcpSocket, cx: &mut Cx<'_>) {
        self.hear(Heard::Unthrottled, conn, cx);
    }
    fn closed(&mut self, conn: &mut TcpSocket, cx: &mut Cx<'_>) {
        self.hear(Heard::Closed(conn.error().map(std::io::Error::kind)), conn, cx);
    }
}

/// A runtime on one thread, or on a pool: `BACKWATER_TEST_THREADS=2` has the same tests there.
pub(crate) fn builder() -> Builder {
    match std::env::var("BACKWATER_TEST_THREADS") {
        Ok(threads) => Runtime::builder().threads(threads.parse().expect("it is a number of threads")),
        Err(_) => Runtime::builder(),
    }
}

/// Runs with every invariant checked after every run of an actor, and conservation at the end.
///
/// # Panics
/// If it does not end well.
pub(crate) fn run(main: impl FnOnce(&mut Env<'_>)) -> Summary {
    let summary = builder().check_invariants(true).run(main).unwrap_or_else(|why| panic!("{why}"));
    assert!(summary.stats.is_conserved(), "{}", summary.stats);
    summary
}

/// A socket at a free loopback port, with a small buffer; nobody listens at it yet.
pub(crate) fn bound() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(BUFFER).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// A thread that takes one connection.
pub(crate) fn peer<T: Send + 'static>(
    with: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let (socket, address) = bound();
    socket.listen(1).unwrap();
    let listener = TcpListener::from(socket);
    (address, thread(move || with(listener.accept().unwrap().0)))
}

#[expect(clippy::disallowed_methods, reason = "a peer is a plain thread that knows nothing of backwater")]
pub(crate) fn thread<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    std::thread::spawn(run)
}

pub(crate) fn read_to_end(mut stream: &TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    all
}

/// Closes so that the other end gets a reset.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Bytes of which no two stretches are alike, so that lost and swapped ones show.
pub(crate) fn pattern(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(4)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}
