//! A socket for datagrams as an actor.

use super::connection::RETRY;
use super::datagrams::{Notice, UdpSocket};
use super::error::NetError;
use super::event_loop::{self, Signal, What};
use super::notify::UdpNotify;
use super::resolve::{self, Target};
use crate::actor::{Actor, Addr, Context, SpawnOptions};
use crate::auth::UdpAuth;
use std::fmt::{self, Debug};
use std::io;
use std::net::SocketAddr;

/// What a socket for datagrams can be sent. After the end all of it is dropped, or a dead letter if the actor is gone.
#[non_exhaustive]
pub enum Udp {
    /// [`UdpSocket::send`].
    Send(Vec<u8>, SocketAddr),
    /// [`UdpSocket::close`].
    Close,
    /// The same, by the name that actors which own something know.
    Dispose,
    /// Has another notifier from now on.
    SetNotify(Box<dyn UdpNotify>),
    /// For the runtime.
    Signal(Signal),
}

impl From<Signal> for Udp {
    fn from(signal: Signal) -> Self {
        Udp::Signal(signal)
    }
}

impl Debug for Udp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Udp::Send(data, to) => write!(f, "Send({} bytes, {to})", data.len()),
            Udp::Close => f.write_str("Close"),
            Udp::Dispose => f.write_str("Dispose"),
            Udp::SetNotify(_) => f.write_str("SetNotify(..)"),
            Udp::Signal(signal) => signal.fmt(f),
        }
    }
}

/// The actor that a socket for datagrams is. It keeps the runtime alive until it is closed, and stops by itself after
/// the end, unless it is still under pressure then.
///
/// ```
/// use backwater::net::{NetError, Udp, UdpEndpoint, UdpNotify, UdpSocket};
/// use backwater::{Context, UdpAuth};
/// use std::net::SocketAddr;
///
/// /// Sends back what it gets, once.
/// struct Echo(UdpAuth);
/// impl UdpNotify for Echo {
///     fn listening(&mut self, socket: &mut UdpSocket, cx: &mut Context<'_, UdpEndpoint>) {
///         let to = socket.local_addr().expect("it is bound");
///         UdpEndpoint::listen(&self.0, "127.0.0.1:0", Hello(to)).spawn(cx);
///     }
///     fn received(&mut self, socket: &mut UdpSocket, data: Vec<u8>, from: SocketAddr, _: &mut Context<'_, UdpEndpoint>) {
///         socket.send(data, from);
///         socket.close();
///     }
/// }
///
/// struct Hello(SocketAddr);
/// impl UdpNotify for Hello {
///     fn listening(&mut self, socket: &mut UdpSocket, _: &mut Context<'_, UdpEndpoint>) {
///         socket.send("hello", self.0);
///     }
///     fn received(&mut self, socket: &mut UdpSocket, data: Vec<u8>, _: SocketAddr, _: &mut Context<'_, UdpEndpoint>) {
///         assert_eq!(data, b"hello");
///         socket.close();
///     }
/// }
///
/// backwater::run(|env| {
///     let auth = UdpAuth::from(&env.root);
///     UdpEndpoint::listen(&auth, "127.0.0.1:0", Echo(auth.clone())).spawn(env);
/// }).unwrap();
/// ```
pub struct UdpEndpoint {
    notify: Box<dyn UdpNotify>,
    /// Taken at the start.
    at: Option<String>,
    socket: UdpSocket,
}

impl Debug for UdpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpEndpoint").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// A socket for datagrams that is to be bound: [`spawn`](Self::spawn) it.
#[must_use = "nothing is bound until `spawn`"]
#[derive(Debug)]
pub struct UdpListen(UdpEndpoint);

impl UdpListen {
    /// Creates the actor, which binds.
    #[track_caller]
    pub fn spawn<A: Actor>(self, cx: &mut Context<'_, A>) -> Addr<Udp> {
        self.spawn_with(SpawnOptions::new(), cx)
    }

    /// Like [`spawn`](Self::spawn), with a name, a batch or a detector of its own.
    #[track_caller]
    pub fn spawn_with<A: Actor>(self, options: SpawnOptions, cx: &mut Context<'_, A>) -> Addr<Udp> {
        let me = cx.spawn_with(options.pinned(), self.0);
        event_loop::start(cx.core(), &me);
        me
    }
}

impl UdpEndpoint {
    /// A socket at `at`, which is `HOST:PORT`; port 0 is any free one, and with it this is how to send without being
    /// known. A name is looked up, and its first address taken. Whatever is wrong with `at` comes as
    /// [`not_listening`](UdpNotify::not_listening).
    pub fn listen(_auth: &UdpAuth, at: &str, notify: impl UdpNotify) -> UdpListen {
        UdpListen(UdpEndpoint { notify: Box::new(notify), at: Some(at.to_owned()), socket: UdpSocket::new() })
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
        match self.bind(at, cx) {
            Ok(()) => self.notify.listening(&mut self.socket, cx),
            Err(why) => self.fail(why, cx),
        }
    }

    fn bind(&mut self, at: SocketAddr, cx: &mut Context<'_, Self>) -> Result<(), NetError> {
        let begun = event_loop::network(cx)?.bind(at);
        let entered: io::Result<()> = begun.and_then(|mut socket| {
            let key = event_loop::enter(cx, |key| socket.register(key))?;
            let at = socket.local_addr()?;
            self.socket.opened(socket, key, at);
            Ok(())
        });
        entered.map_err(|why| NetError::Listen { at, why })
    }

    fn fail(&mut self, why: NetError, cx: &mut Context<'_, Self>) {
        self.socket.failed_to_open();
        self.notify.not_listening(why, cx);
    }

    fn signal(&mut self, what: What, cx: &mut Context<'_, Self>) {
        match what {
            What::Start => self.start(cx),
            What::Resolved(Ok(found)) => found.into_iter().take(1).for_each(|at| self.open(at, cx)),
            What::Resolved(Err(why)) => self.fail(why, cx),
            What::Wake => {
                if let Some(key) = self.socket.key() {
                    self.socket.ready(event_loop::look(cx, key));
                }
            }
            What::Retry => self.socket.ready(super::network::Readiness { readable: true, writable: true, gone: false }),
            // To go on, or nothing that is for a socket for datagrams.
            _ => {}
        }
    }

    /// Does what can be done now, and tells the notifier.
    fn settle(&mut self, cx: &mut Context<'_, Self>) {
        while let Some(notice) = self.socket.next() {
            match notice {
                Notice::Received(data, from) => self.notify.received(&mut self.socket, data, from, cx),
                Notice::SendFailed(to, why) => self.notify.send_failed(&mut self.socket, to, why, cx),
                Notice::Throttled => self.notify.throttled(&mut self.socket, cx),
                Notice::Unthrottled => self.notify.unthrottled(&mut self.socket, cx),
                Notice::Closed => self.notify.closed(&mut self.socket, cx),
            }
        }
        if self.socket.wants_retry() {
            cx.after(RETRY, Signal(What::Retry).into());
        }
        // As for a connection: a forgotten release is to be seen (R10).
        if self.socket.is_over() && !cx.is_under_pressure() {
            cx.stop();
        } else if self.socket.has_more() {
            event_loop::go_on(cx);
        }
    }
}

impl Actor for UdpEndpoint {
    type Msg = Udp;

    fn receive(&mut self, msg: Udp, cx: &mut Context<'_, Self>) {
        self.socket.behaviour();
        match msg {
            Udp::Send(data, to) => self.socket.send(data, to),
            Udp::Close | Udp::Dispose => self.socket.close(),
            Udp::SetNotify(notify) => self.notify = notify,
            Udp::Signal(Signal(what)) => self.signal(what, cx),
        }
        self.settle(cx);
    }
}
