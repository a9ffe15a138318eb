//! A notifier that speaks to an actor by messages, where that reads better than a notifier.
//!
//! The runtime delivers the messages: a connection is not muted for what it tells its actor (R7), because a muted
//! connection would write nothing either, and what waits in it may be what the actor waits for. Instead it takes the
//! actor as an inlet does (R13): while the actor presses, nothing is read, and the peer is throttled in its turn.

use super::error::NetError;
use super::event_loop::{Signal, What};
use super::notify::TcpNotify;
use super::socket::TcpSocket;
use super::{Tcp, TcpConnection};
use crate::actor::{Addr, Context};
use crate::scheduler::{Bell, Delivery, Outside};
use crate::sync::{Arc, Mutex, Weak, lock};
use std::fmt::{self, Debug};
use std::io;
use std::net::SocketAddr;

/// What a connection tells its actor: which connection, and what happened to it.
///
/// In the order of [`TcpNotify`]'s calls, of which these are the names.
#[derive(Debug)]
pub struct TcpEvent {
    /// The connection.
    pub conn: Addr<Tcp>,
    /// What happened.
    pub what: TcpHappened,
}

/// What happened to a connection, see [`TcpNotify`].
#[non_exhaustive]
pub enum TcpHappened {
    /// A connection to this address was begun.
    Connecting(SocketAddr),
    /// It is open: our address, and the peer's.
    Connected(SocketAddr, SocketAddr),
    /// It could not be opened. The last.
    ConnectFailed(NetError),
    /// It was accepted by a listener, and is open: our address, and the peer's.
    Accepted(SocketAddr, SocketAddr),
    /// The peer sent this.
    Received(Vec<u8>),
    /// The socket did not take everything.
    Throttled,
    /// The socket has taken everything that waited.
    Unthrottled,
    /// It is closed, by this error if it was not by anybody's wish. The last.
    Closed(Option<io::Error>),
}

impl Debug for TcpHappened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TcpHappened::Connecting(to) => write!(f, "Connecting({to})"),
            TcpHappened::Connected(ours, peer) => write!(f, "Connected({ours}, {peer})"),
            TcpHappened::ConnectFailed(why) => write!(f, "ConnectFailed({why})"),
            TcpHappened::Accepted(ours, peer) => write!(f, "Accepted({ours}, {peer})"),
            TcpHappened::Received(data) => write!(f, "Received({} bytes)", data.len()),
            TcpHappened::Throttled => f.write_str("Throttled"),
            TcpHappened::Unthrottled => f.write_str("Unthrottled"),
            TcpHappened::Closed(error) => write!(f, "Closed({error:?})"),
        }
    }
}

/// A notifier that tells an actor everything by messages. The runtime delivers them, so the connection is never muted
/// for them (R7); while the actor presses, the connection reads nothing. When the actor ends, the connection closes.
///
/// ```
/// use backwater::net::{Tcp, TcpConnection, TcpEvent, TcpHappened, TcpTeller};
/// use backwater::{Actor, Addr, Context, TcpConnectAuth};
///
/// struct Client(TcpConnectAuth);
///
/// #[derive(Debug)]
/// enum Msg { Begin, Net(TcpEvent) }
/// impl From<TcpEvent> for Msg {
///     fn from(event: TcpEvent) -> Self { Msg::Net(event) }
/// }
///
/// impl Actor for Client {
///     type Msg = Msg;
///     fn receive(&mut self, msg: Msg, cx: &mut Context<'_, Self>) {
///         match msg {
///             Msg::Begin => {
///                 let teller = TcpTeller::to(&cx.me().narrow());
///                 TcpConnection::connect(&self.0, "nowhere", teller).spawn(cx);
///             }
///             Msg::Net(TcpEvent { conn, what }) => match what {
///                 TcpHappened::Connected(..) => conn.tell(Tcp::Write(b"hello".to_vec()), cx),
///                 TcpHappened::ConnectFailed(why) => assert!(why.to_string().contains("write HOST:PORT")),
///                 _ => {}
///             },
///         }
///     }
/// }
///
/// backwater::run(|env| {
///     let client = env.spawn(Client(TcpConnectAuth::from(&env.root)));
///     client.tell(Msg::Begin, env);
/// }).unwrap();
/// ```
#[derive(Debug)]
pub struct TcpTeller {
    to: Addr<TcpEvent>,
    /// Once it has told anything.
    gate: Option<Arc<Gate>>,
}

impl TcpTeller {
    /// Tells this actor.
    pub fn to(actor: &Addr<TcpEvent>) -> Self {
        TcpTeller { to: actor.clone(), gate: None }
    }

    fn tell(&mut self, what: TcpHappened, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        if self.gate.is_none() {
            let gate = Gate::between(&self.to, cx);
            conn.set_gate(gate.clone());
            self.gate = Some(gate);
        }
        let event = TcpEvent { conn: cx.me(), what };
        self.to.deliver(cx.core(), event);
    }
}

fn both_ends(conn: &TcpSocket) -> (SocketAddr, SocketAddr) {
    conn.local_addr().zip(conn.peer_addr()).expect("an open connection has two addresses")
}

impl TcpNotify for TcpTeller {
    fn connecting(&mut self, conn: &mut TcpSocket, to: SocketAddr, cx: &mut Context<'_, TcpConnection>) {
        self.tell(TcpHappened::Connecting(to), conn, cx);
    }
    fn connected(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        let (ours, peer) = both_ends(conn);
        self.tell(TcpHappened::Connected(ours, peer), conn, cx);
    }
    fn connect_failed(&mut self, conn: &mut TcpSocket, why: NetError, cx: &mut Context<'_, TcpConnection>) {
        self.tell(TcpHappened::ConnectFailed(why), conn, cx);
    }
    fn accepted(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        let (ours, peer) = both_ends(conn);
        self.tell(TcpHappened::Accepted(ours, peer), conn, cx);
    }
    fn received(&mut self, conn: &mut TcpSocket, data: Vec<u8>, cx: &mut Context<'_, TcpConnection>) {
        self.tell(TcpHappened::Received(data), conn, cx);
    }
    fn throttled(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        self.tell(TcpHappened::Throttled, conn, cx);
    }
    fn unthrottled(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        self.tell(TcpHappened::Unthrottled, conn, cx);
    }
    fn closed(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        self.tell(TcpHappened::Closed(conn.take_error()), conn, cx);
    }
}

/// Between a connection and the actor that it tells: open while that actor does not press.
#[derive(Debug)]
pub(super) struct Gate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pressing: bool,
    /// It has opened, and the connection was not told yet.
    opened: bool,
}

impl Gate {
    /// The connection hears when the gate opens, and when the actor is gone.
    fn between(actor: &Addr<TcpEvent>, cx: &mut Context<'_, TcpConnection>) -> Arc<Gate> {
        let gate = Arc::new(Gate(Mutex::default()));
        let bell = cx.core().bell().clone();
        let keeper = Keeper { gate: Arc::downgrade(&gate), conn: cx.me().narrow(), bell };
        cx.core().attach(actor.id(), Box::new(keeper));
        cx.watch(actor, Signal(What::Ended).into());
        gate
    }

    pub(super) fn is_open(&self) -> bool {
        !lock(&self.0).pressing
    }
}

/// What the scheduler sees of the connection, at the actor.
struct Keeper {
    /// Lives as long as the connection.
    gate: Weak<Gate>,
    conn: Addr<Signal>,
    bell: Arc<Bell>,
}

impl Keeper {
    fn has_opened(&self) -> bool {
        self.gate.upgrade().is_some_and(|gate| lock(&gate.0).opened)
    }
}

impl Outside for Keeper {
    fn pressing(&mut self, pressing: bool) {
        let Some(gate) = self.gate.upgrade() else { return };
        *lock(&gate.0) = State { pressing, opened: !pressing };
        self.bell.ring();
    }

    fn ended(&mut self) {}

    /// Only until the connection was told: what comes after is its own business, and it is live by its socket.
    fn is_live(&self) -> bool {
        self.has_opened()
    }

    fn is_over(&self) -> bool {
        self.gate.strong_count() == 0
    }

    fn take_over(&mut self) -> Vec<Delivery> {
        let Some(gate) = self.gate.upgrade() else { return Vec::new() };
        if !std::mem::take(&mut lock(&gate.0).opened) {
            return Vec::new();
        }
        let conn = self.conn.clone();
        vec![Box::new(move |core| conn.deliver(core, Signal(What::Continue)))]
    }
}
