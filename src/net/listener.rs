//! A listener as an actor.

use super::connection::{RETRY, TcpConnection};
use super::error::NetError;
use super::event_loop::{self, Registered, Signal, What};
use super::network::{Listener, Stream};
use super::notify::TcpListenNotify;
use super::resolve::{self, Target};
use crate::actor::{Actor, Addr, Context, SpawnOptions};
use crate::auth::TcpListenAuth;
use crate::sync::Arc;
use std::fmt::{self, Debug};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// Connections accepted in one behaviour; the rest in the next, so that a crowd does not keep other actors waiting.
const ACCEPT_AT_ONCE: u32 = 16;

/// What a listener can be sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum Listen {
    /// Listens no longer, and stops. Its connections go on.
    Close,
    /// The same, by the name that actors which own something know.
    Dispose,
    /// For the runtime.
    Signal(Signal),
}

impl From<Signal> for Listen {
    fn from(signal: Signal) -> Self {
        Listen::Signal(signal)
    }
}

/// The actor that a listener is; see the [module](super). It keeps the runtime alive until it is closed.
pub struct TcpListener {
    notify: Box<dyn TcpListenNotify>,
    /// Taken at the start.
    at: Option<String>,
    socket: Option<Bound>,
    /// The most connections that may be open at a time.
    limit: Option<usize>,
    /// How many are, if there is a limit.
    open: usize,
    /// An error that will pass came, and a timer says when to try again.
    waits: bool,
    over: bool,
}

impl Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("listens", &self.socket.is_some()).finish_non_exhaustive()
    }
}

struct Bound {
    listener: Box<dyn Listener>,
    key: Arc<Registered>,
    at: SocketAddr,
}

/// A listener that is to be opened: [`spawn`](Self::spawn) it.
#[must_use = "nobody listens until `spawn`"]
#[derive(Debug)]
pub struct TcpListen(TcpListener);

impl TcpListen {
    /// At most so many connections at a time; others wait with the machine, which refuses when there are too many. One
    /// counts until its actor has ended. Default: no limit.
    ///
    /// # Panics
    /// If `connections` is 0: nobody could ever be accepted.
    #[track_caller]
    pub fn limit(mut self, connections: usize) -> Self {
        assert!(connections > 0, "a listener with a limit of 0 accepts nobody: give at least 1, or no limit");
        self.0.limit = Some(connections);
        self
    }

    /// Creates the actor, which listens.
    #[track_caller]
    pub fn spawn<A: Actor>(self, cx: &mut Context<'_, A>) -> Addr<Listen> {
        self.spawn_with(SpawnOptions::new(), cx)
    }

    /// Like [`spawn`](Self::spawn), with a name, a batch or a detector of its own.
    #[track_caller]
    pub fn spawn_with<A: Actor>(self, options: SpawnOptions, cx: &mut Context<'_, A>) -> Addr<Listen> {
        let me = cx.spawn_with(options.pinned(), self.0);
        event_loop::start(cx.core(), &me);
        me
    }
}

impl TcpListener {
    /// A listener at `at`, which is `HOST:PORT`; port 0 is any free one. A name is looked up, and its first address
    /// taken. Whatever is wrong with `at` comes as [`not_listening`](TcpListenNotify::not_listening). There is an
    /// example at the [module](super).
    pub fn listen(_auth: &TcpListenAuth, at: &str, notify: impl TcpListenNotify) -> TcpListen {
        TcpListen(TcpListener {
            notify: Box::new(notify),
            at: Some(at.to_owned()),
            socket: None,
            limit: None,
            open: 0,
            waits: false,
            over: false,
        })
    }

    fn start(&mut self, cx: &mut Context<'_, Self>) {
        let Some(at) = self.at.take() else { return };
        match resolve::parse(&at) {
            Ok(Target::Address(at)) => self.open(at, cx),
            Ok(Target::Name { host, port }) => resolve::look_up(host, port, cx),
            Err(why) => self.fail(why, cx),
        }
    }

    fn open(&mut self, at: SocketAddr, cx: &mut Context<'_, Self>) {
        match listen(at, cx) {
            Ok(bound) => {
                let at = bound.at;
                self.socket = Some(bound);
                self.notify.listening(at, cx);
            }
            Err(why) => self.fail(why, cx),
        }
    }

    fn fail(&mut self, why: NetError, cx: &mut Context<'_, Self>) {
        self.over = true;
        self.notify.not_listening(why, cx);
        cx.stop();
    }

    fn close(&mut self, cx: &mut Context<'_, Self>) {
        self.over = true;
        self.socket = None;
        self.notify.closed(cx);
        cx.stop();
    }

    fn accept_some(&mut self, cx: &mut Context<'_, Self>) {
        for _ in 0..ACCEPT_AT_ONCE {
            if self.waits || self.limit.is_some_and(|limit| self.open >= limit) {
                return;
            }
            let Some(bound) = &mut self.socket else { return };
            match bound.listener.accept() {
                Ok((stream, from)) => self.accepted(stream, from, cx),
                Err(why) => match why.kind() {
                    ErrorKind::WouldBlock => return,
                    // It came, and was gone before anybody could look.
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => {}
                    // Such as too many open files: it will pass, and the machine does not say when.
                    _ => {
                        self.waits = true;
                        cx.after(RETRY, Signal(What::Retry).into());
                        return;
                    }
                },
            }
        }
        event_loop::go_on(cx);
    }

    fn accepted(&mut self, stream: Box<dyn Stream>, from: SocketAddr, cx: &mut Context<'_, Self>) {
        if let Some(notify) = self.notify.accept(from, cx) {
            let connection = TcpConnection::accepted(stream, notify, cx);
            if self.limit.is_some() {
                self.open += 1;
                cx.watch(&connection, Signal(What::Ended).into());
            }
        }
    }
}

fn listen(at: SocketAddr, cx: &mut Context<'_, TcpListener>) -> Result<Bound, NetError> {
    let begun = event_loop::network(cx)?.listen(at);
    let entered: io::Result<Bound> = begun.and_then(|mut listener| {
        let key = event_loop::enter(cx, |key| listener.register(key))?;
        let at = listener.local_addr()?;
        Ok(Bound { listener, key, at })
    });
    entered.map_err(|why| NetError::Listen { at, why })
}

impl Actor for TcpListener {
    type Msg = Listen;

    fn receive(&mut self, msg: Listen, cx: &mut Context<'_, Self>) {
        match msg {
            _ if self.over => {}
            Listen::Close | Listen::Dispose => self.close(cx),
            Listen::Signal(Signal(What::Start)) => self.start(cx),
            Listen::Signal(Signal(What::Resolved(Ok(found)))) => {
                found.into_iter().take(1).for_each(|at| self.open(at, cx))
            }
            Listen::Signal(Signal(What::Resolved(Err(why)))) => self.fail(why, cx),
            Listen::Signal(Signal(What::Wake)) => {
                if let Some(key) = self.socket.as_ref().map(|bound| bound.key.key) {
                    event_loop::look(cx, key);
                }
                self.accept_some(cx);
            }
            Listen::Signal(Signal(What::Continue)) => self.accept_some(cx),
            Listen::Signal(Signal(What::Retry)) => {
                self.waits = false;
                self.accept_some(cx);
            }
            Listen::Signal(Signal(What::Ended)) => {
                self.open -= 1;
                self.accept_some(cx);
            }
            #[cfg(all(feature = "process", unix))]
            Listen::Signal(Signal(What::Exited(_))) => {}
        }
    }
}
