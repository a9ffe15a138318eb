//! Notifiers that wrap others: `sent`, `expect` and `auth_failed` are for them.

use super::support::{Cx, Heard, Log, Probe, peer, read_to_end, run};
use backwater::net::{NetError, Tcp, TcpConnection, TcpNotify, TcpSocket};
use backwater::{Addr, Env, TcpConnectAuth};
use std::io::{Read, Write};
use std::net::SocketAddr;

/// A toy of a secure layer: the peer first sends the password, then each frame of four bytes has a mark behind it, and
/// all that is written is turned and has a mark in front.
struct Secured<N> {
    inside: N,
    trusted: bool,
}

const PASSWORD: &[u8] = b"sesame";
const MARK: u8 = b'#';

fn turned(data: &[u8]) -> Vec<u8> {
    data.iter().rev().copied().collect()
}

impl<N: TcpNotify> TcpNotify for Secured<N> {
    fn connecting(&mut self, conn: &mut TcpSocket, to: SocketAddr, cx: &mut Cx<'_>) {
        self.inside.connecting(conn, to, cx);
    }
    fn connected(&mut self, conn: &mut TcpSocket, _: &mut Cx<'_>) {
        conn.expect(PASSWORD.len() - 1);
    }
    fn connect_failed(&mut self, conn: &mut TcpSocket, why: NetError, cx: &mut Cx<'_>) {
        self.inside.connect_failed(conn, why, cx);
    }
    fn received(&mut self, conn: &mut TcpSocket, mut data: Vec<u8>, cx: &mut Cx<'_>) {
        if self.trusted {
            assert_eq!(data.pop(), Some(MARK));
            self.inside.received(conn, data, cx);
        } else if data == PASSWORD {
            self.trusted = true;
            conn.expect(0);
            self.inside.connected(conn, cx);
        } else {
            self.inside.auth_failed(conn, cx);
            conn.hard_close();
        }
    }
    fn sent(&mut self, conn: &mut TcpSocket, data: Vec<u8>, cx: &mut Cx<'_>) -> Vec<u8> {
        conn.write_final([MARK]);
        turned(&self.inside.sent(conn, data, cx))
    }
    fn expect(&mut self, conn: &mut TcpSocket, bytes: usize, cx: &mut Cx<'_>) -> usize {
        self.inside.expect(conn, bytes, cx) + 1
    }
    fn closed(&mut self, conn: &mut TcpSocket, cx: &mut Cx<'_>) {
        self.inside.closed(conn, cx);
    }
}

fn connect<N: TcpNotify>(env: &mut Env<'_>, to: SocketAddr, inside: N) -> Addr<Tcp> {
    let secured = Secured { inside, trusted: false };
    TcpConnection::connect(&TcpConnectAuth::from(&env.root), &to.to_string(), secured).spawn(env)
}

#[test]
fn what_the_inner_notifier_writes_and_expects_goes_through_the_outer_one() {
    let (to, peer) = peer(|mut stream| {
        stream.write_all(b"sesameabcd#efgh#").unwrap();
        read_to_end(&stream)
    });
    let log = Log::default();
    let mut frames = Vec::new();
    let probe = Probe::new(&log, move |heard, conn, cx| match heard {
        Heard::Connected => {
            conn.expect(4);
            conn.write("one");
            conn.write_final("[as it is]");
            conn.write("two");
            assert_eq!(conn.backlog(), 16, "what has yet to be seen by `sent` waits too");
            let me = cx.me();
            me.tell(Tcp::Write(b"three".to_vec()), cx);
        }
        Heard::Received(data) => {
            frames.push(data.clone());
            if frames.len() == 2 {
                assert_eq!(frames, [b"abcd", b"efgh"]);
                conn.writev([b"end".to_vec(), b".".to_vec()]);
                conn.close();
            }
        }
        _ => {}
    });
    run(|env| drop(connect(env, to, probe)));
    let got = peer.join().unwrap();
    let text = String::from_utf8(got).unwrap();
    // The message may come before or after the frames.
    let of_frames = text.replace("#eerht", "");
    assert_eq!(of_frames, "#eno[as it is]#owt#dne#.");
    assert_eq!(log.received(), b"abcdefgh");
    assert_eq!(log.all().last(), Some(&Heard::Closed(None)));
}

#[test]
fn a_layer_that_does_not_know_the_peer_says_so_and_closes() {
    let (to, peer) = peer(|mut stream| {
        stream.write_all(b"sesamo").unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest); // the end, or a reset
        rest
    });
    let log = Log::default();
    run(|env| drop(connect(env, to, Probe::new(&log, |_, _, _| {}))));
    assert_eq!(peer.join().unwrap(), b"");
    assert_eq!(log.all(), [Heard::Connecting, Heard::AuthFailed, Heard::Closed(None)]);
}

#[test]
fn what_comes_too_late_is_not_shown_to_sent() {
    struct Counts(Probe, u32);
    impl TcpNotify for Counts {
        fn connected(&mut self, conn: &mut TcpSocket, _: &mut Cx<'_>) {
            conn.write("one");
            conn.close();
            conn.write("two");
        }
        fn sent(&mut self, _: &mut TcpSocket, data: Vec<u8>, _: &mut Cx<'_>) -> Vec<u8> {
            self.1 += 1;
            data
        }
        fn closed(&mut self, conn: &mut TcpSocket, cx: &mut Cx<'_>) {
            assert_eq!(self.1, 1);
            self.0.closed(conn, cx);
        }
    }
    let (to, peer) = peer(|stream| read_to_end(&stream));
    let log = Log::default();
    let counts = Counts(Probe::new(&log, |_, _, _| {}), 0);
    run(|env| {
        TcpConnection::connect(&TcpConnectAuth::from(&env.root), &to.to_string(), counts).spawn(env);
    });
    assert_eq!(peer.join().unwrap(), b"one");
    assert_eq!(log.all(), [Heard::Closed(None)]);
}
