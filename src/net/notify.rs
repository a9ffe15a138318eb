//! What connections, listeners and sockets for datagrams tell the program.

use super::{NetError, TcpConnection, TcpListener, TcpSocket, UdpEndpoint, UdpSocket};
use crate::actor::Context;
use std::io;
use std::net::SocketAddr;

/// Hears what happens to a connection. A plain value, kept and called by the connection's actor: `cx` is that actor's
/// context, so pressure applied here is the connection's, and its senders are the ones held back.
///
/// # In which order
/// `connecting` once for each address tried; then `connected`, or `connect_failed` and nothing more. An accepted
/// connection begins with `accepted`. Then `received`, `sent`, and `throttled` and `unthrottled` strictly in turns;
/// the last call is `closed`, exactly once.
///
/// `throttled` may also come before `connected`: a connection that is not open yet takes nothing. Whoever closes a
/// throttled connection is told `unthrottled` first: by `close` when what waits is written, by `hard_close` when it is
/// dropped. A connection that dies throttled, by an error or by a connect that failed, is never unthrottled: `closed` or
/// `connect_failed` comes alone, and is where pressure applied in `throttled` has to be released. Whoever forgets it
/// finds the connection's actor still there after the end, under pressure, and named in a deadlock report (R10); else
/// the actor stops by itself. Keeping a [`PressureGuard`](crate::PressureGuard) instead is dropping it in these two.
///
/// A notifier can wrap another: `sent` and `expect` are for such layers. There is one in `tests/tcp/layers.rs`.
#[expect(unused_variables, reason = "the names are for the reader")]
pub trait TcpNotify: Send + 'static {
    /// A connection to this address was begun.
    fn connecting(&mut self, conn: &mut TcpSocket, to: SocketAddr, cx: &mut Context<'_, TcpConnection>) {}

    /// It is open.
    fn connected(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {}

    /// It could not be opened. The last call.
    fn connect_failed(&mut self, conn: &mut TcpSocket, why: NetError, cx: &mut Context<'_, TcpConnection>) {}

    /// A layer between this notifier and the connection could not make sure who the peer is. A plain connection has no
    /// such layer and never says it: a notifier that wraps another, and speaks a protocol that authenticates, calls it
    /// on the one inside, and closes the connection.
    fn auth_failed(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {}

    /// It was accepted by a listener, and is open.
    fn accepted(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {}

    /// The peer sent this. At most 64 KiB are read in one behaviour; with more there, other actors have their turn first.
    fn received(&mut self, conn: &mut TcpSocket, data: Vec<u8>, cx: &mut Context<'_, TcpConnection>) {}

    /// This is to be written, by an actor or by the notifier itself; what is returned is written in its place. What it
    /// writes itself here comes to it again, unless by [`TcpSocket::write_final`]. Not called for what comes too late to
    /// be written.
    fn sent(&mut self, conn: &mut TcpSocket, data: Vec<u8>, cx: &mut Context<'_, TcpConnection>) -> Vec<u8> {
        data
    }

    /// So many bytes are to be expected in each [`received`](Self::received), by [`TcpSocket::expect`] or
    /// [`Tcp::Expect`](super::Tcp::Expect); what is returned is expected in their place. For a notifier that wraps
    /// another, and adds to what comes.
    fn expect(&mut self, conn: &mut TcpSocket, bytes: usize, cx: &mut Context<'_, TcpConnection>) -> usize {
        bytes
    }

    /// The socket did not take everything: the rest waits in memory, and so will whatever else is written.
    fn throttled(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {}

    /// The socket has taken everything that waited.
    fn unthrottled(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {}

    /// It is closed. The last call. [`TcpSocket::error`] says why, if it was not by anybody's wish.
    fn closed(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {}
}

/// Hears what happens to a listener, and makes the notifiers of its connections.
#[expect(unused_variables, reason = "the names are for the reader")]
pub trait TcpListenNotify: Send + 'static {
    /// It listens; where port 0 was asked for, this is the port that it got.
    fn listening(&mut self, at: SocketAddr, cx: &mut Context<'_, TcpListener>) {}

    /// It cannot listen. The last call.
    fn not_listening(&mut self, why: NetError, cx: &mut Context<'_, TcpListener>) {}

    /// A connection came. Returns its notifier, or nothing to close it at once.
    fn accept(&mut self, from: SocketAddr, cx: &mut Context<'_, TcpListener>) -> Option<Box<dyn TcpNotify>>;

    /// It listens no longer. The last call.
    fn closed(&mut self, cx: &mut Context<'_, TcpListener>) {}
}

/// Hears what happens to a socket for datagrams. A plain value, as a [`TcpNotify`] is.
///
/// `listening` comes first, or `not_listening` and nothing more; `throttled` and `unthrottled` strictly in turns, also
/// before `listening` if something is to be sent by then; the last call is `closed`, exactly once.
#[expect(unused_variables, reason = "the names are for the reader")]
pub trait UdpNotify: Send + 'static {
    /// It is bound, and receives; where port 0 was asked for, [`UdpSocket::local_addr`] says which it got.
    fn listening(&mut self, socket: &mut UdpSocket, cx: &mut Context<'_, UdpEndpoint>) {}

    /// It cannot be bound. The last call.
    fn not_listening(&mut self, why: NetError, cx: &mut Context<'_, UdpEndpoint>) {}

    /// Somebody sent this. What comes while nobody takes it, the machine drops when its buffer is full.
    fn received(&mut self, socket: &mut UdpSocket, data: Vec<u8>, from: SocketAddr, cx: &mut Context<'_, UdpEndpoint>) {
    }

    /// A datagram to there was refused, and is gone: it is too long, or there is no way. The next may go.
    fn send_failed(
        &mut self,
        socket: &mut UdpSocket,
        to: SocketAddr,
        why: io::Error,
        cx: &mut Context<'_, UdpEndpoint>,
    ) {
    }

    /// The socket did not take everything: the rest waits in memory, and so will whatever else is sent.
    fn throttled(&mut self, socket: &mut UdpSocket, cx: &mut Context<'_, UdpEndpoint>) {}

    /// The socket has taken everything that waited.
    fn unthrottled(&mut self, socket: &mut UdpSocket, cx: &mut Context<'_, UdpEndpoint>) {}

    /// It is closed. The last call. [`UdpSocket::error`] says why, if it was not by anybody's wish.
    fn closed(&mut self, socket: &mut UdpSocket, cx: &mut Context<'_, UdpEndpoint>) {}
}
