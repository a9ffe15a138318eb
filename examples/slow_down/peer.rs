//! The other end of the connection: a plain thread with a plain socket, which knows nothing of actors.
#![expect(
    clippy::disallowed_methods,
    reason = "a peer is a thread with a clock of its own, and its trade is to be slow"
)]

use socket2::{Domain, SockRef, Socket, Type};
use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The peer's buffer in the machine: small, so that it does not take seconds to fill, and some times the largest
/// segment of loopback, below which TCP waits for its own timers.
const RECEIVE_BUFFER: usize = 256 << 10;

/// What a peer does, one after the other.
#[derive(Debug)]
pub(crate) enum Step {
    /// Reads for so long.
    Read(Duration),
    /// Reads to the end.
    ReadToEnd,
    /// Does not read for so long.
    Pause(Duration),
    /// Does not read until it is told.
    WaitFor(mpsc::Receiver<()>),
    /// Resets the connection: what is on its way is lost.
    Reset,
    /// Closes the connection.
    Close,
}

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<u64>,
}

impl Peer {
    /// Listens at a free loopback port, takes one connection, and goes through `steps`; `say` hears of each, and
    /// how much time has passed.
    pub(crate) fn start(steps: Vec<Step>, say: impl Fn(Duration, &str) + Send + 'static) -> io::Result<Peer> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        socket.listen(1)?;
        let listener = TcpListener::from(socket);
        let address = listener.local_addr()?;
        let begin = Instant::now();
        let say = move |what: &str| say(begin.elapsed(), what);
        let thread = std::thread::spawn(move || match listener.accept() {
            Ok((stream, _)) => go_through(stream, steps, &say),
            Err(_) => 0,
        });
        Ok(Peer { address, thread })
    }

    /// Waits for its end, and says how many bytes it has read.
    pub(crate) fn join(self) -> u64 {
        self.thread.join().unwrap_or_default()
    }
}

fn go_through(mut stream: TcpStream, steps: Vec<Step>, say: &impl Fn(&str)) -> u64 {
    let mut count = 0;
    for step in steps {
        match step {
            Step::Read(time) => {
                say("reads");
                count += read(&mut stream, Some(time));
            }
            Step::ReadToEnd => {
                say("reads to the end");
                count += read(&mut stream, None);
            }
            Step::Pause(time) => {
                say(&format!("does not read for {time:?}"));
                std::thread::sleep(time);
            }
            Step::WaitFor(word) => {
                say("does not read");
                // The other end may be gone already: then there is nothing to wait for.
                let _ = word.recv();
            }
            Step::Reset => {
                say("resets the connection");
                let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                return count;
            }
            Step::Close => {
                say("closes the connection");
                return count;
            }
        }
    }
    count
}

/// Reads for `time`, or to the end, and says how much.
fn read(stream: &mut TcpStream, time: Option<Duration>) -> u64 {
    let until = time.map(|time| Instant::now() + time);
    let mut buffer = [0; 64 << 10];
    let mut count = 0;
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) || stream.set_read_timeout(left).is_err() {
            return count;
        }
        match stream.read(&mut buffer) {
            Ok(0) => return count,
            Ok(n) => count += n as u64,
            Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(_) => return count,
        }
    }
}
