//! TCP and UDP: connections, listeners and sockets for datagrams are actors, and what happens to them is told to a
//! notifier, as in Pony.
//!
//! [`TcpConnection`] keeps what the socket does not take and says [`throttled`](TcpNotify::throttled); a notifier that
//! then applies [`Backpressure`](crate::Backpressure) has the connection's senders held back until the peer reads
//! again. The notifier is called in the connection's own behaviours, so pressure that it applies is the connection's.
//!
//! ```
//! use backwater::net::{Listen, NetError, Tcp, TcpConnection, TcpListener, TcpListenNotify, TcpNotify, TcpSocket};
//! use backwater::{Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, TcpAuth, TcpConnectAuth, TcpListenAuth};
//! use std::net::SocketAddr;
//!
//! /// Sends back what it gets, and holds its senders back while the peer does not read.
//! struct Echo(ApplyReleaseBackpressureAuth);
//! impl TcpNotify for Echo {
//!     fn received(&mut self, conn: &mut TcpSocket, data: Vec<u8>, _: &mut Context<'_, TcpConnection>) {
//!         conn.write(data);
//!     }
//!     fn throttled(&mut self, _: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
//!         Backpressure::apply(&self.0, cx);
//!     }
//!     fn unthrottled(&mut self, _: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
//!         Backpressure::release(&self.0, cx);
//!     }
//!     fn closed(&mut self, _: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
//!         Backpressure::release(&self.0, cx); // it may have died throttled
//!     }
//! }
//!
//! /// Says hello, and is done when it has come back.
//! struct Hello { server: Addr<Listen> }
//! impl TcpNotify for Hello {
//!     fn connected(&mut self, conn: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
//!         conn.write("hello");
//!     }
//!     fn received(&mut self, conn: &mut TcpSocket, data: Vec<u8>, cx: &mut Context<'_, TcpConnection>) {
//!         assert_eq!(data, b"hello");
//!         conn.close();
//!         self.server.tell(Listen::Close, cx);
//!     }
//! }
//!
//! struct Server { auth: ApplyReleaseBackpressureAuth, connect: TcpConnectAuth }
//! impl TcpListenNotify for Server {
//!     fn listening(&mut self, at: SocketAddr, cx: &mut Context<'_, TcpListener>) {
//!         let hello = Hello { server: cx.me() };
//!         TcpConnection::connect(&self.connect, &at.to_string(), hello).spawn(cx);
//!     }
//!     fn not_listening(&mut self, why: NetError, _: &mut Context<'_, TcpListener>) {
//!         panic!("{why}");
//!     }
//!     fn accept(&mut self, _: SocketAddr, _: &mut Context<'_, TcpListener>) -> Option<Box<dyn TcpNotify>> {
//!         Some(Box::new(Echo(self.auth.clone())))
//!     }
//! }
//!
//! backwater::run(|env| {
//!     let tcp = TcpAuth::from(&env.root);
//!     let server = Server { auth: (&env.root).into(), connect: (&tcp).into() };
//!     TcpListener::listen(&TcpListenAuth::from(&tcp), "127.0.0.1:0", server).spawn(env);
//! }).unwrap();
//! ```
//!
//! # Inside
//! `network` is the seam: three small traits, with `real` behind them, and in the same place [`sim`], a simulated
//! network. `event_loop` waits on a network and wakes the actors whose sockets are ready. `socket` is the state of one
//! connection, and decides what its notifier hears; it does no scheduling. `connection` and `listener` are the actors.
//! `datagrams` and `udp` are the same for UDP, and `child` for child processes. `errand` does what blocks on a thread, `teller`
//! is a notifier that sends messages.
//!
//! Not here: TLS, who is held back (that is [`rules`](crate::rules)).
#![forbid(unsafe_code)]

mod backlog;
#[cfg(all(feature = "process", unix))]
pub(crate) mod child;
mod connection;
mod datagrams;
mod errand;
mod error;
mod event_loop;
mod listener;
mod network;
mod notify;
mod real;
mod resolve;
pub mod sim;
mod socket;
mod teller;
#[cfg(test)]
mod tests;
mod udp;

pub use connection::{Tcp, TcpConnect, TcpConnection};
pub use datagrams::UdpSocket;
pub use error::NetError;
pub use event_loop::Signal;
pub use listener::{Listen, TcpListen, TcpListener};
pub use notify::{TcpListenNotify, TcpNotify, UdpNotify};
pub use socket::TcpSocket;
pub use teller::{TcpEvent, TcpHappened, TcpTeller};
pub use udp::{Udp, UdpEndpoint, UdpListen};
