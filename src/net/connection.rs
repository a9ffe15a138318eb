//! A connection as an actor.

use super::error::NetError;
use super::event_loop::{self, Registered, Signal, What};
use super::network::{Buffers, Stream};
use super::notify::TcpNotify;
use super::resolve::{self, Target};
use super::socket::{Notice, TcpSocket};
use crate::actor::{Actor, Addr, Context, SpawnOptions};
use crate::auth::TcpConnectAuth;
use crate::scheduler::TimerId;
use crate::sync::Arc;
use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Between two attempts to connect to a name, while none has come to an end: what RFC 8305 recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// After an error that will pass, the machine being short of memory, it tells nothing: we try again after this.
pub(super) const RETRY: Duration = Duration::from_millis(100);

/// What a connection can be sent. After the end all of it is dropped, or a dead letter if the actor is gone.
#[non_exhaustive]
pub enum Tcp {
    /// Writes, see [`TcpSocket::write`]. The notifier's [`sent`](TcpNotify::sent) sees it first.
    Write(Vec<u8>),
    /// Writes several pieces, one after the other.
    WriteV(Vec<Vec<u8>>),
    /// Writes what has its final form, see [`TcpSocket::write_final`].
    WriteFinal(Vec<u8>),
    /// [`TcpSocket::close`]; one that is not open yet opens, writes what waits, and then closes.
    Close,
    /// [`TcpSocket::hard_close`]; one that is not open yet gives up, with [`NetError::GaveUp`].
    HardClose,
    /// [`TcpSocket::mute`].
    Mute,
    /// [`TcpSocket::unmute`].
    Unmute,
    /// [`TcpSocket::expect`].
    Expect(usize),
    /// The same as `Close`, by the name that actors which own something know. To one that may press, send it on the
    /// control lane ([`Addr::tell_control`](crate::Addr::tell_control)): who cleans up should not be held back.
    Dispose,
    /// Has another notifier from now on.
    SetNotify(Box<dyn TcpNotify>),
    /// For the runtime.
    Signal(Signal),
}

impl From<Signal> for Tcp {
    fn from(signal: Signal) -> Self {
        Tcp::Signal(signal)
    }
}

impl Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tcp::Write(data) => write!(f, "Write({} bytes)", data.len()),
            Tcp::WriteV(pieces) => write!(f, "WriteV({} bytes)", pieces.iter().map(Vec::len).sum::<usize>()),
            Tcp::WriteFinal(data) => write!(f, "WriteFinal({} bytes)", data.len()),
            Tcp::Close => f.write_str("Close"),
            Tcp::HardClose => f.write_str("HardClose"),
            Tcp::Mute => f.write_str("Mute"),
            Tcp::Unmute => f.write_str("Unmute"),
            Tcp::Expect(bytes) => write!(f, "Expect({bytes})"),
            Tcp::Dispose => f.write_str("Dispose"),
            Tcp::SetNotify(_) => f.write_str("SetNotify(..)"),
            Tcp::Signal(signal) => signal.fmt(f),
        }
    }
}

/// The actor that a connection is; see the [module](super). It keeps the runtime alive while its socket is open, and
/// stops by itself after the end, unless it is still under pressure then.
pub struct TcpConnection {
    socket: TcpSocket,
    notify: Box<dyn TcpNotify>,
    opening: Opening,
}

impl Debug for TcpConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpConnection").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// How a connection comes to be open.
enum Opening {
    /// To be connected to this address, in words.
    To(String, Buffers),
    /// To be connected to one of these; `trying` are the attempts in progress, and at `next` another begins.
    Attempts {
        left: VecDeque<SocketAddr>,
        trying: Vec<Attempt>,
        next: Option<TimerId>,
        buffers: Buffers,
    },
    /// Came from a listener.
    Accepted(Box<dyn Stream>),
    Over,
}

struct Attempt {
    to: SocketAddr,
    stream: Box<dyn Stream>,
    key: Arc<Registered>,
}

/// A connection that is to be opened: [`spawn`](Self::spawn) it.
#[must_use = "nothing is connected until `spawn`"]
pub struct TcpConnect {
    to: String,
    notify: Box<dyn TcpNotify>,
    buffers: Buffers,
}

impl Debug for TcpConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpConnect").field("to", &self.to).field("buffers", &self.buffers).finish_non_exhaustive()
    }
}

impl TcpConnect {
    /// The machine's buffer for what was written and not yet acknowledged: a small one makes the connection throttled
    /// sooner. The machine rounds it. Default: the machine's choice, often some MiB.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.buffers.send = Some(bytes);
        self
    }

    /// The machine's buffer for what came and was not yet read.
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.buffers.receive = Some(bytes);
        self
    }

    /// Creates the actor, which connects.
    #[track_caller]
    pub fn spawn<A: Actor>(self, cx: &mut Context<'_, A>) -> Addr<Tcp> {
        self.spawn_with(SpawnOptions::new(), cx)
    }

    /// Like [`spawn`](Self::spawn), with a name, a batch or a detector of its own.
    #[track_caller]
    pub fn spawn_with<A: Actor>(self, options: SpawnOptions, cx: &mut Context<'_, A>) -> Addr<Tcp> {
        let opening = Opening::To(self.to, self.buffers);
        let connection = TcpConnection { socket: TcpSocket::new(), notify: self.notify, opening };
        let me = cx.spawn_with(options.pinned(), connection);
        event_loop::start(cx.core(), &me);
        me
    }
}

impl TcpConnection {
    /// A connection to `to`, which is `HOST:PORT`: numeric, or a name, which is looked up on a thread of its own. The
    /// addresses of a name are tried in Happy Eyeballs order (RFC 8305): the families in turns, another a quarter of a
    /// second after the one before or as soon as that has failed; the first that is open wins. Whatever is wrong with
    /// `to` comes as [`connect_failed`](TcpNotify::connect_failed).
    ///
    /// ```
    /// use backwater::net::{NetError, TcpConnection, TcpNotify, TcpSocket};
    /// use backwater::{Context, TcpConnectAuth};
    ///
    /// struct Client;
    /// impl TcpNotify for Client {
    ///     fn connect_failed(&mut self, _: &mut TcpSocket, why: NetError, _: &mut Context<'_, TcpConnection>) {
    ///         assert!(why.to_string().contains("write HOST:PORT"));
    ///     }
    /// }
    /// backwater::run(|env| {
    ///     let auth = TcpConnectAuth::from(&env.root);
    ///     TcpConnection::connect(&auth, "nowhere", Client).spawn(env);
    /// }).unwrap();
    /// ```
    pub fn connect(_auth: &TcpConnectAuth, to: &str, notify: impl TcpNotify) -> TcpConnect {
        TcpConnect { to: to.to_owned(), notify: Box::new(notify), buffers: Buffers::default() }
    }

    /// Spawns a connection that came from a listener.
    #[track_caller]
    pub(super) fn accepted<A: Actor>(
        stream: Box<dyn Stream>,
        notify: Box<dyn TcpNotify>,
        cx: &mut Context<'_, A>,
    ) -> Addr<Tcp> {
        let connection = TcpConnection { socket: TcpSocket::new(), notify, opening: Opening::Accepted(stream) };
        let me = cx.spawn_with(SpawnOptions::new().pinned(), connection);
        event_loop::start(cx.core(), &me);
        me
    }

    // --- Opening --------------------------------------------------------------------------------------------------

    fn start(&mut self, cx: &mut Context<'_, Self>) {
        match std::mem::replace(&mut self.opening, Opening::Over) {
            Opening::To(to, buffers) => {
                self.opening = Opening::Attempts { left: VecDeque::new(), trying: Vec::new(), next: None, buffers };
                match resolve::parse(&to) {
                    Ok(Target::Address(address)) => self.try_each(vec![address], cx),
                    Ok(Target::Name { host, port }) => resolve::look_up(host, port, cx),
                    Err(why) => self.fail(why, cx),
                }
            }
            Opening::Accepted(stream) => self.accept(stream, cx),
            other => self.opening = other,
        }
    }

    fn accept(&mut self, mut stream: Box<dyn Stream>, cx: &mut Context<'_, Self>) {
        let key = event_loop::enter(cx, |key| stream.register(key));
        match (key, stream.connected()) {
            (Ok(key), Ok(Some((ours, peer)))) => {
                self.socket.opened(stream, key, ours, peer);
                self.notify.accepted(&mut self.socket, cx);
            }
            // It came, and was gone before anybody could look: as if it had never come.
            _ => {
                self.socket.failed_to_open();
                cx.stop();
            }
        }
    }

    fn try_each(&mut self, addresses: Vec<SocketAddr>, cx: &mut Context<'_, Self>) {
        if let Opening::Attempts { left, .. } = &mut self.opening {
            left.extend(resolve::in_turns(addresses));
            self.try_next(None, cx);
        }
    }

    /// Begins the next attempt; `failed` says why there was no connection by the one before.
    fn try_next(&mut self, mut failed: Option<NetError>, cx: &mut Context<'_, Self>) {
        loop {
            let Opening::Attempts { left, trying, next, buffers } = &mut self.opening else { return };
            next.take().map(|timer| cx.cancel(timer));
            let Some(to) = left.pop_front() else { break };
            match attempt(to, *buffers, cx) {
                Ok(attempt) => {
                    trying.push(attempt);
                    *next = (!left.is_empty()).then(|| cx.after(ATTEMPT_DELAY, Signal(What::Continue).into()));
                    return self.notify.connecting(&mut self.socket, to, cx);
                }
                Err(why) => failed = Some(why),
            }
        }
        let in_progress = matches!(&self.opening, Opening::Attempts { trying, .. } if !trying.is_empty());
        if !in_progress {
            self.fail(failed.unwrap_or(NetError::GaveUp), cx);
        }
    }

    /// Something happened to the socket of an attempt in progress.
    fn look_at_attempts(&mut self, cx: &mut Context<'_, Self>) {
        let Opening::Attempts { trying, .. } = &mut self.opening else { return };
        let mut failed = None;
        for mut attempt in std::mem::take(trying) {
            event_loop::look(cx, attempt.key.key);
            match attempt.stream.connected() {
                Ok(Some((ours, peer))) => return self.open(attempt, ours, peer, cx),
                Ok(None) => trying.push(attempt),
                Err(why) => failed = Some(NetError::Connect { to: attempt.to, why }),
            }
        }
        if failed.is_some() {
            self.try_next(failed, cx);
        }
    }

    /// This attempt has won; the others are dropped.
    fn open(&mut self, attempt: Attempt, ours: SocketAddr, peer: SocketAddr, cx: &mut Context<'_, Self>) {
        self.end_opening(cx);
        self.socket.opened(attempt.stream, attempt.key, ours, peer);
        self.notify.connected(&mut self.socket, cx);
    }

    fn end_opening(&mut self, cx: &mut Context<'_, Self>) {
        if let Opening::Attempts { next: Some(timer), .. } = std::mem::replace(&mut self.opening, Opening::Over) {
            cx.cancel(timer);
        }
    }

    fn fail(&mut self, why: NetError, cx: &mut Context<'_, Self>) {
        self.end_opening(cx);
        self.socket.failed_to_open();
        self.notify.connect_failed(&mut self.socket, why, cx);
    }

    // --- Open -----------------------------------------------------------------------------------------------------

    fn signal(&mut self, what: What, cx: &mut Context<'_, Self>) {
        match what {
            What::Start => self.start(cx),
            What::Resolved(Ok(addresses)) => self.try_each(addresses, cx),
            What::Resolved(Err(why)) if self.socket.is_opening() => self.fail(why, cx),
            What::Wake if self.socket.is_opening() => self.look_at_attempts(cx),
            // The one before is slow.
            What::Continue if self.socket.is_opening() => self.try_next(None, cx),
            What::Wake => {
                if let Some(key) = self.socket.key() {
                    self.socket.ready(event_loop::look(cx, key));
                }
            }
            What::Retry => self.socket.retry(),
            // The actor that it tells everything is gone.
            What::Ended => self.socket.close(),
            // To go on, or nothing that is for a connection.
            _ => {}
        }
    }

    /// Does what can be done now, and tells the notifier.
    fn settle(&mut self, cx: &mut Context<'_, Self>) {
        while let Some(notice) = self.next(cx) {
            match notice {
                Notice::Throttled => self.notify.throttled(&mut self.socket, cx),
                Notice::Unthrottled => self.notify.unthrottled(&mut self.socket, cx),
                Notice::Received(data) => self.notify.received(&mut self.socket, data, cx),
                Notice::Closed => self.notify.closed(&mut self.socket, cx),
            }
        }
        if self.socket.wants_retry() {
            cx.after(RETRY, Signal(What::Retry).into());
        }
        // One that is still under pressure stays, so that the forgotten release is seen (R10), not papered over (R8).
        if self.socket.is_closed() && !cx.is_under_pressure() {
            cx.stop();
        } else if self.socket.has_more() {
            event_loop::go_on(cx);
        }
    }

    fn next(&mut self, cx: &mut Context<'_, Self>) -> Option<Notice> {
        self.hear_out(cx);
        if self.socket.is_opening() && self.socket.is_given_up() {
            self.give_up(cx);
        }
        self.socket.next()
    }

    /// Has the notifier see what was written and what is to be expected, before the socket does.
    fn hear_out(&mut self, cx: &mut Context<'_, Self>) {
        while let Some(data) = self.socket.next_unsent() {
            let data = self.notify.sent(&mut self.socket, data, cx);
            self.socket.sent(data);
        }
        if let Some(bytes) = self.socket.asked() {
            let bytes = self.notify.expect(&mut self.socket, bytes, cx);
            self.socket.expects(bytes);
        }
    }

    fn give_up(&mut self, cx: &mut Context<'_, Self>) {
        if self.socket.drop_backlog() {
            self.notify.unthrottled(&mut self.socket, cx);
        }
        self.fail(NetError::GaveUp, cx);
    }
}

fn attempt(to: SocketAddr, buffers: Buffers, cx: &mut Context<'_, TcpConnection>) -> Result<Attempt, NetError> {
    let begun = event_loop::network(cx)?.connect(to, buffers);
    let entered: io::Result<Attempt> = begun.and_then(|mut stream| {
        let key = event_loop::enter(cx, |key| stream.register(key))?;
        Ok(Attempt { to, stream, key })
    });
    entered.map_err(|why| NetError::Connect { to, why })
}

impl Actor for TcpConnection {
    type Msg = Tcp;

    fn receive(&mut self, msg: Tcp, cx: &mut Context<'_, Self>) {
        self.socket.behaviour();
        match msg {
            Tcp::Write(data) => self.socket.write(data),
            Tcp::WriteV(pieces) => self.socket.writev(pieces),
            Tcp::WriteFinal(data) => self.socket.write_final(data),
            Tcp::Close | Tcp::Dispose => self.socket.close(),
            Tcp::HardClose => self.socket.hard_close(),
            Tcp::Mute => self.socket.mute(),
            Tcp::Unmute => self.socket.unmute(),
            Tcp::Expect(bytes) => self.socket.expect(bytes),
            Tcp::SetNotify(notify) => self.notify = notify,
            Tcp::Signal(Signal(what)) => self.signal(what, cx),
        }
        self.settle(cx);
    }
}
