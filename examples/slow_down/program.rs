//! The actors: a sender, and a connection with a notifier that applies and releases backpressure.

use backwater::net::{NetError, Tcp, TcpConnection, TcpNotify, TcpSocket};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Builder, Context, Env, Output, RunError, SpawnOptions,
    Summary, TcpConnectAuth, TimerId,
};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Our socket's buffer in the machine, small as the peer's is.
pub(crate) const SEND_BUFFER: usize = 256 << 10;
/// A flood is throttled hundreds of times: what is announced then is what comes this long after the last
/// announcement, or lasted this long.
const WORTH_SAYING: Duration = Duration::from_millis(250);

/// How fast the sender sends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// One chunk at each tick of a timer, until the connection ends.
    Every(Duration),
    /// As fast as it can, this many bytes.
    Flood(u64),
}

/// What the notifier does when the connection closes while it is throttled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pressure {
    /// Nothing, as in the published example: whoever waits then waits for ever.
    AsPublished,
    /// It releases.
    Repaired,
}

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) to: String,
    pub(crate) chunk: usize,
    pub(crate) send_buffer: usize,
    pub(crate) pace: Pace,
    pub(crate) pressure: Pressure,
    /// Told at each `throttled`, for a peer that waits for it.
    pub(crate) throttled: Option<mpsc::Sender<()>>,
}

/// What the connection has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) connected: bool,
    pub(crate) connect_failed: Option<String>,
    pub(crate) throttled: u64,
    pub(crate) unthrottled: u64,
    pub(crate) written: u64,
    pub(crate) backlog_peak: usize,
    pub(crate) closed: bool,
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Summary, RunError>,
    pub(crate) facts: Facts,
}

/// Runs the program to its end.
pub(crate) fn run(builder: Builder, settings: Settings) -> Outcome {
    let shared = Arc::new(Mutex::new(Facts::default()));
    let facts = shared.clone();
    let result = builder.run(move |env| begin(env, settings, facts));
    let facts = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Outcome { result, facts }
}

/// The program: a sender and a connection.
pub(crate) fn begin(env: &mut Env<'_>, settings: Settings, facts: Arc<Mutex<Facts>>) {
    let sender = env.spawn(Sender { chunk: settings.chunk, pace: settings.pace, to: None, timer: None });
    let notify = SlowDown {
        auth: ApplyReleaseBackpressureAuth::from(&env.root),
        out: env.out.clone(),
        sender,
        pressure: settings.pressure,
        peer: settings.throttled,
        facts,
        all: matches!(settings.pace, Pace::Every(_)),
        since: Duration::ZERO,
        said: None,
    };
    TcpConnection::connect(&TcpConnectAuth::from(&env.root), &settings.to, notify)
        .send_buffer(settings.send_buffer)
        .spawn_with(SpawnOptions::new().name("connection"), env);
}

// --- The sender -----------------------------------------------------------------------------------------------------

#[derive(Debug)]
enum Send {
    /// The connection is open.
    Go(Addr<Tcp>),
    /// Send a chunk.
    Chunk,
    /// The connection has ended.
    Ended,
}

struct Sender {
    chunk: usize,
    pace: Pace,
    to: Option<Addr<Tcp>>,
    timer: Option<TimerId>,
}

impl Actor for Sender {
    type Msg = Send;

    fn receive(&mut self, msg: Send, cx: &mut Context<'_, Self>) {
        match msg {
            Send::Go(to) => self.go(to, cx),
            Send::Chunk => self.send(cx),
            Send::Ended => cx.stop(),
        }
    }
}

impl Sender {
    fn go(&mut self, to: Addr<Tcp>, cx: &mut Context<'_, Self>) {
        cx.watch(&to, Send::Ended);
        self.to = Some(to);
        match self.pace {
            Pace::Every(period) => self.timer = Some(cx.every(period, |_| Send::Chunk)),
            Pace::Flood(_) => cx.me().tell(Send::Chunk, cx),
        }
    }

    /// One chunk a behaviour: what is bounded is what one behaviour sends.
    fn send(&mut self, cx: &mut Context<'_, Self>) {
        let Some(to) = &self.to else { return };
        match &mut self.pace {
            Pace::Every(_) => to.tell(Tcp::Write(vec![b'.'; self.chunk]), cx),
            Pace::Flood(0) => to.tell(Tcp::Close, cx),
            Pace::Flood(left) => {
                let size = self.chunk.min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= size as u64;
                to.tell(Tcp::Write(vec![b'.'; size]), cx);
                cx.me().tell(Send::Chunk, cx);
            }
        }
    }
}

// --- The notifier ---------------------------------------------------------------------------------------------------

/// Pony's example: applies when the connection is throttled, releases when it is not.
struct SlowDown {
    auth: ApplyReleaseBackpressureAuth,
    out: Addr<Output>,
    sender: Addr<Send>,
    pressure: Pressure,
    peer: Option<mpsc::Sender<()>>,
    facts: Arc<Mutex<Facts>>,
    /// Announce every throttling.
    all: bool,
    /// When the last throttling began, and when one was last announced.
    since: Duration,
    said: Option<Duration>,
}

impl TcpNotify for SlowDown {
    fn connected(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        self.note(|facts| facts.connected = true);
        let peer = conn.peer_addr().map(|peer| peer.to_string()).unwrap_or_default();
        self.say(&format!("connected to {peer}"), cx);
        self.sender.tell(Send::Go(cx.me()), cx);
    }

    fn connect_failed(&mut self, _: &mut TcpSocket, why: NetError, _: &mut Context<'_, TcpConnection>) {
        self.note(|facts| facts.connect_failed = Some(why.to_string()));
    }

    fn throttled(&mut self, _: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        Backpressure::apply(&self.auth, cx);
        self.note(|facts| facts.throttled += 1);
        self.since = cx.now();
        if self.all || self.said.is_none_or(|said| self.since - said >= WORTH_SAYING) {
            self.said = Some(self.since);
            self.say("Experiencing backpressure!", cx);
        }
        // Nobody listens if the peer is not ours.
        let _ = self.peer.as_ref().map(|peer| peer.send(()));
    }

    fn unthrottled(&mut self, _: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        Backpressure::release(&self.auth, cx);
        self.note(|facts| facts.unthrottled += 1);
        let lasted = cx.now() - self.since;
        if !self.all && self.said != Some(self.since) && lasted >= WORTH_SAYING {
            // Not said when it began, because it came so soon after another; it turned out to be worth it.
            self.say_of(self.since, "Experiencing backpressure!", cx);
        }
        if self.all || self.said == Some(self.since) || lasted >= WORTH_SAYING {
            self.say(&format!("Releasing backpressure! It lasted {:.2} s", lasted.as_secs_f64()), cx);
        }
    }

    fn closed(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        self.note(|facts| {
            facts.closed = true;
            facts.written = conn.bytes_written();
            facts.backlog_peak = conn.backlog_peak();
        });
        let why = conn.error().map_or_else(String::new, |why| format!(": {why}"));
        self.say(&format!("closed{why}"), cx);
        // The published example has no `closed`. A connection that dies throttled is never unthrottled.
        if self.pressure == Pressure::Repaired && conn.is_throttled() {
            Backpressure::release(&self.auth, cx);
            self.say("Releasing backpressure!", cx);
        }
    }
}

impl SlowDown {
    fn note(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn say(&self, what: &str, cx: &mut Context<'_, TcpConnection>) {
        self.say_of(cx.now(), what, cx);
    }

    fn say_of(&self, time: Duration, what: &str, cx: &mut Context<'_, TcpConnection>) {
        self.out.tell(format!("{}\n", line(time, "connection", what)).into(), cx);
    }
}

/// One line of what is going on, `time` after the beginning.
pub(crate) fn line(time: Duration, who: &str, what: &str) -> String {
    format!("{:>6.2} s  {who:<11} {what}", time.as_secs_f64())
}
