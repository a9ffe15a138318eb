//! A TCP echo server that survives clients which never read.
//!
//! What a client sends is written back. If it does not read, its connection is throttled: then the server reads nothing
//! more of it, so that TCP itself holds the client back, and goes on when the client has read. A connection thus costs
//! what was read before it was throttled, however much its client sends, and the others do not notice.
//!
//! `--stress N` brings N clients of its own, in the same program, over loopback. Every fourth of them floods and never
//! reads. When the others have all their bytes back, everything is closed and the run ends.

use backwater::net::{Listen, NetError, Tcp, TcpConnection, TcpListenNotify, TcpListener, TcpNotify, TcpSocket};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, ControlAuth, Output, PressureGuard, RunError,
    Runtime, Summary, TcpConnectAuth, TcpListenAuth,
};
use clap::Parser;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// An echo server, and a crowd of clients to try it.
#[derive(Parser, Clone, Debug)]
#[command(
    after_help = "Exit code: 0 when the run ended well and every client that reads has got its bytes back, 1 if not, \
                        2 on a bad option."
)]
struct Options {
    /// Where to listen; port 0 is any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7670")]
    listen: String,
    /// Bring so many clients, at a free port, and end when they are done
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    stress: Option<u64>,
    /// Bytes that each client of the stress sends
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20, value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    bytes: u64,
    /// Run the actors on so many threads, beside the one that the sockets are on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    threads: Option<u16>,
}

/// Bytes that a client has on their way at a time.
const CHUNK: u64 = 16 << 10;
/// Bytes that a client which never reads would send: more than all buffers on the way hold.
const FLOOD: u64 = 32 << 20;

/// What the run has come to.
#[derive(Default)]
struct Facts {
    accepted: u64,
    served: u64,
    echoed: u64,
    throttled: u64,
    backlog_peak: u64,
    wrong: u64,
    error: Option<String>,
}

type Shared = Arc<Mutex<Facts>>;

fn note(facts: &Shared, change: impl FnOnce(&mut Facts)) {
    change(&mut facts.lock().unwrap_or_else(PoisonError::into_inner));
}

// --- The server -----------------------------------------------------------------------------------------------------

struct Echo(Shared);

impl TcpNotify for Echo {
    fn received(&mut self, conn: &mut TcpSocket, data: Vec<u8>, _: &mut Context<'_, TcpConnection>) {
        conn.write(data);
    }

    fn throttled(&mut self, conn: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        note(&self.0, |facts| facts.throttled += 1);
        conn.mute();
    }

    fn unthrottled(&mut self, conn: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        conn.unmute();
    }

    fn closed(&mut self, conn: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        note(&self.0, |facts| {
            facts.echoed += conn.bytes_written();
            facts.backlog_peak = facts.backlog_peak.max(conn.backlog_peak() as u64);
        });
    }
}

struct Server {
    facts: Shared,
    out: Addr<Output>,
    /// The clients to bring.
    stress: Option<Stress>,
}

impl TcpListenNotify for Server {
    fn listening(&mut self, at: SocketAddr, cx: &mut Context<'_, TcpListener>) {
        self.out.tell(format!("listening at {at}\n").into(), cx);
        if let Some(stress) = self.stress.take() {
            stress.begin(at, self.facts.clone(), self.out.clone(), cx);
        }
    }

    fn not_listening(&mut self, why: NetError, _: &mut Context<'_, TcpListener>) {
        note(&self.facts, |facts| facts.error = Some(why.to_string()));
    }

    fn accept(&mut self, _: SocketAddr, _: &mut Context<'_, TcpListener>) -> Option<Box<dyn TcpNotify>> {
        note(&self.facts, |facts| facts.accepted += 1);
        Some(Box::new(Echo(self.facts.clone())))
    }
}

// --- The stress -----------------------------------------------------------------------------------------------------

struct Stress {
    clients: u64,
    bytes: u64,
    auth: TcpConnectAuth,
    press: ApplyReleaseBackpressureAuth,
    control: ControlAuth,
}

impl Stress {
    fn begin(self, at: SocketAddr, facts: Shared, out: Addr<Output>, cx: &mut Context<'_, TcpListener>) {
        let deaf = self.clients / 4;
        let crowd =
            Crowd { out, left: self.clients - deaf, server: cx.me(), deaf: Vec::new(), control: self.control.clone() };
        let crowd = cx.spawn(crowd);
        for n in 0..self.clients {
            // The fourth, the eighth, and so on.
            if n % 4 == 3 {
                let deaf = Deaf { auth: self.press.clone(), crowd: crowd.clone(), pressure: None };
                // Small, so that the server feels it soon.
                TcpConnection::connect(&self.auth, &at.to_string(), deaf).receive_buffer(CHUNK as usize).spawn(cx);
            } else {
                let (crowd, facts) = (crowd.clone(), facts.clone());
                let client = Client { to_send: self.bytes, to_get: self.bytes, crowd, facts };
                TcpConnection::connect(&self.auth, &at.to_string(), client).spawn(cx);
            }
        }
    }
}

/// Waits until all who read are done, and then closes everything.
struct Crowd {
    out: Addr<Output>,
    left: u64,
    server: Addr<Listen>,
    deaf: Vec<Addr<Tcp>>,
    control: ControlAuth,
}

#[derive(Debug)]
enum OfCrowd {
    Deaf(Addr<Tcp>),
    Done,
}

impl Actor for Crowd {
    type Msg = OfCrowd;

    fn receive(&mut self, msg: OfCrowd, cx: &mut Context<'_, Self>) {
        match msg {
            OfCrowd::Deaf(connection) => {
                cx.spawn(Flood { to: connection.clone(), left: FLOOD / CHUNK }).tell(Flooding::Chunk, cx);
                self.deaf.push(connection);
            }
            OfCrowd::Done => {
                self.left -= 1;
                if self.left.is_multiple_of(1_000) {
                    self.out.tell(format!("{:>8} clients left\n", self.left).into(), cx);
                }
            }
        }
        if self.left == 0 {
            self.server.tell(Listen::Close, cx);
            // They press, and this is what ends it: on the control lane, which mutes nobody (R7).
            self.deaf.drain(..).for_each(|connection| connection.tell_control(Tcp::HardClose, &self.control, cx));
        }
    }
}

/// Sends to a deaf client's connection, a chunk a behaviour: it is held back when that connection is throttled.
struct Flood {
    to: Addr<Tcp>,
    left: u64,
}

#[derive(Clone, Debug)]
enum Flooding {
    Chunk,
    /// The connection has ended.
    Over,
}

impl Actor for Flood {
    type Msg = Flooding;

    fn receive(&mut self, msg: Flooding, cx: &mut Context<'_, Self>) {
        match msg {
            Flooding::Chunk if self.left > 0 => {
                self.left -= 1;
                self.to.tell(Tcp::Write(vec![b'.'; CHUNK as usize]), cx);
                cx.tell_self(Flooding::Chunk);
            }
            Flooding::Chunk => cx.watch(&self.to, Flooding::Over),
            Flooding::Over => cx.stop(),
        }
    }
}

/// A client that never reads. Its connection presses while the server takes nothing of it.
struct Deaf {
    auth: ApplyReleaseBackpressureAuth,
    crowd: Addr<OfCrowd>,
    pressure: Option<PressureGuard>,
}

impl TcpNotify for Deaf {
    fn connected(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        conn.mute();
        self.crowd.tell(OfCrowd::Deaf(cx.me()), cx);
    }

    fn throttled(&mut self, _: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        self.pressure = Some(Backpressure::hold(&self.auth, cx));
    }

    fn unthrottled(&mut self, _: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        self.pressure = None;
    }

    fn closed(&mut self, _: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        self.pressure = None;
    }
}

/// Sends its bytes a chunk at a time, the next when the last has come back.
struct Client {
    to_send: u64,
    to_get: u64,
    crowd: Addr<OfCrowd>,
    facts: Shared,
}

impl Client {
    fn send(&mut self, bytes: u64, conn: &mut TcpSocket) {
        let size = self.to_send.min(bytes);
        self.to_send -= size;
        conn.write(vec![b'.'; size as usize]);
    }

    fn is_done(&self) -> bool {
        self.to_get == 0
    }
}

impl TcpNotify for Client {
    fn connected(&mut self, conn: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        self.send(CHUNK, conn);
    }

    fn connect_failed(&mut self, _: &mut TcpSocket, why: NetError, cx: &mut Context<'_, TcpConnection>) {
        note(&self.facts, |facts| facts.error = Some(why.to_string()));
        self.crowd.tell(OfCrowd::Done, cx);
    }

    fn received(&mut self, conn: &mut TcpSocket, data: Vec<u8>, _: &mut Context<'_, TcpConnection>) {
        let wrong = data.iter().filter(|byte| **byte != b'.').count() as u64;
        note(&self.facts, |facts| facts.wrong += wrong);
        self.to_get = self.to_get.saturating_sub(data.len() as u64);
        if self.is_done() {
            conn.close();
        } else {
            self.send(data.len() as u64, conn);
        }
    }

    fn closed(&mut self, _: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        note(&self.facts, |facts| facts.served += u64::from(self.is_done()));
        self.crowd.tell(OfCrowd::Done, cx);
    }
}

fn run(options: &Options, facts: &Shared) -> Result<Summary, RunError> {
    let at = if options.stress.is_some() { "127.0.0.1:0" } else { &options.listen };
    let builder = Runtime::builder().actor_stats(false);
    let builder = match options.threads {
        Some(threads) => builder.threads(threads.into()),
        None => builder,
    };
    builder.run(|env| {
        let (auth, press) = (TcpConnectAuth::from(&env.root), ApplyReleaseBackpressureAuth::from(&env.root));
        let control = ControlAuth::from(&env.root);
        let stress = options.stress.map(|clients| Stress { clients, bytes: options.bytes, auth, press, control });
        let server = Server { facts: facts.clone(), out: env.out.clone(), stress };
        TcpListener::listen(&TcpListenAuth::from(&env.root), at, server).spawn(env);
    })
}

fn main() -> ExitCode {
    let options = Options::parse();
    let facts = Shared::default();
    let result = run(&options, &facts);
    let facts = facts.lock().unwrap_or_else(PoisonError::into_inner);
    let summary = match (result, &facts.error) {
        (Ok(summary), None) => summary,
        (Err(error), _) => {
            eprintln!("echo: {error}");
            return ExitCode::FAILURE;
        }
        (_, Some(error)) => {
            eprintln!("echo: {error}");
            return ExitCode::FAILURE;
        }
    };
    let clients = options.stress.unwrap_or_default();
    let reading = clients - clients / 4;
    println!("accepted         {:>12}  in {:.3} s", facts.accepted, summary.time.as_secs_f64());
    println!("served           {:>12}  of {reading} that read, {} never do", facts.served, clients / 4);
    println!("bytes written    {:>12}", facts.echoed);
    println!("throttled        {:>12}  times", facts.throttled);
    println!("longest backlog  {:>12}  bytes of one connection", facts.backlog_peak);
    if facts.served == reading && facts.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
