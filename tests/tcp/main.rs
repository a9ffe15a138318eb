//! TCP against real loopback sockets. No test sleeps: peers wait to be told.
#![cfg(feature = "net")]

mod by_message;
mod errors;
mod layers;
mod listening;
mod options;
mod quiet;
mod support;
mod turns;

use backwater::net::{Tcp, TcpConnection};
use backwater::{Addr, ApplyReleaseBackpressureAuth, Backpressure, Env, Inlet, TcpConnectAuth};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::mpsc;
use std::time::Duration;
use support::{BUFFER, Heard, Log, Probe, bound, pattern, peer, read_to_end, reset, run, thread};

/// Many times what all buffers between the two ends hold.
const MUCH: usize = 2 << 20;

fn connect(env: &mut Env<'_>, to: SocketAddr, probe: Probe) -> Addr<Tcp> {
    let auth = TcpConnectAuth::from(&env.root);
    TcpConnection::connect(&auth, &to.to_string(), probe).send_buffer(BUFFER).receive_buffer(BUFFER).spawn(env)
}

#[test]
fn megabytes_go_both_ways_and_none_is_lost_or_reordered() {
    let (ours, theirs) = (pattern(2 * MUCH, 1), pattern(2 * MUCH, 2));
    let sent = theirs.clone();
    let (to, peer) = peer(move |stream| {
        let mut writer = stream.try_clone().unwrap();
        let writing = thread(move || writer.write_all(&sent).unwrap());
        let all = read_to_end(&stream);
        writing.join().unwrap();
        all
    });
    let log = Log::default();
    let (write, expected) = (ours.clone(), theirs.len() as u64);
    let probe = Probe::new(&log, move |heard, conn, _| match heard {
        Heard::Connected => {
            assert_eq!((conn.peer_addr(), conn.local_addr().map(|ours| ours.ip())), (Some(to), Some(to.ip())));
            write.chunks(10_007).for_each(|chunk| conn.write(chunk));
        }
        Heard::Received(_) if conn.bytes_received() == expected => conn.close(),
        _ => {}
    });
    run(|env| drop(connect(env, to, probe)));
    assert!(peer.join().unwrap() == ours, "what the peer read differs from what was written");
    assert!(log.received() == theirs, "what was read differs from what the peer wrote");
}

#[test]
fn throttled_and_unthrottled_come_in_pairs_and_closed_after_them() {
    let (tell, told) = mpsc::channel();
    let (to, peer) = peer(move |mut stream| {
        let mut buffer = vec![0; MUCH];
        for () in told.iter().take(3) {
            stream.read_exact(&mut buffer).unwrap();
        }
        read_to_end(&stream).len()
    });
    let log = Log::default();
    let mut rounds = 0;
    let probe = Probe::new(&log, move |heard, conn, _| match heard {
        Heard::Connected => conn.write(vec![0; MUCH]),
        Heard::Throttled => tell.send(()).unwrap(),
        Heard::Unthrottled => {
            assert_eq!((conn.backlog(), conn.is_throttled()), (0, false));
            rounds += 1;
            if rounds < 3 { conn.write(vec![0; MUCH]) } else { conn.close() }
        }
        _ => {}
    });
    run(|env| drop(connect(env, to, probe)));
    assert_eq!(peer.join().unwrap(), 0);
    use Heard::*;
    let pairs = [Throttled, Unthrottled, Throttled, Unthrottled, Throttled, Unthrottled];
    assert_eq!(log.all(), [&[Connecting, Connected][..], &pairs, &[Closed(None)]].concat());
}

/// Writes much to a peer that reads to the end once the connection is throttled; returns what came through.
fn close_while_throttled(close: fn(&mut backwater::net::TcpSocket)) -> (Log, usize) {
    let (tell, told) = mpsc::channel();
    let (to, peer) = peer(move |stream| {
        told.recv().unwrap();
        read_to_end(&stream).len()
    });
    let log = Log::default();
    let probe = Probe::new(&log, move |heard, conn, _| match heard {
        Heard::Connected => conn.write(vec![0; MUCH]),
        Heard::Throttled => {
            close(conn);
            conn.write("too late");
            tell.send(()).unwrap();
        }
        _ => {}
    });
    run(|env| drop(connect(env, to, probe)));
    (log, peer.join().unwrap())
}

#[test]
fn close_while_throttled_writes_what_waits_and_nothing_that_comes_later() {
    let (log, came) = close_while_throttled(|conn| conn.close());
    assert_eq!(came, MUCH);
    use Heard::*;
    assert_eq!(log.all(), [Connecting, Connected, Throttled, Unthrottled, Closed(None)]);
}

#[test]
fn hard_close_while_throttled_drops_what_waits_and_ends_the_throttling_before_closed() {
    let (log, came) = close_while_throttled(|conn| conn.hard_close());
    assert!(came < MUCH, "everything came through a hard close");
    use Heard::*;
    assert_eq!(log.all(), [Connecting, Connected, Throttled, Unthrottled, Closed(None)]);
}

/// How the pressure begins in `throttled`, and ends in `closed`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pressing {
    Released,
    Guarded,
    Forgotten,
}

/// The peer resets the connection while it is throttled. Says also whether the actor is still there at the end.
fn reset_while_throttled(pressing: Pressing) -> (Log, bool) {
    let (tell, told) = mpsc::channel();
    let (to, peer) = peer(move |stream| {
        told.recv().unwrap();
        reset(stream);
    });
    let log = Log::default();
    let summary = run(|env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let mut guard = None;
        let probe = Probe::new(&log, move |heard, conn, cx| match heard {
            Heard::Connected => conn.write(vec![0; MUCH]),
            Heard::Throttled => {
                match pressing {
                    Pressing::Guarded => guard = Some(Backpressure::hold(&auth, cx)),
                    Pressing::Released | Pressing::Forgotten => Backpressure::apply(&auth, cx),
                }
                assert!(cx.is_under_pressure());
                tell.send(()).unwrap();
            }
            Heard::Closed(_) => {
                assert!(conn.is_throttled() && !conn.is_open() && conn.backlog() == 0);
                match pressing {
                    Pressing::Released => Backpressure::release(&auth, cx),
                    Pressing::Guarded => drop(guard.take()),
                    Pressing::Forgotten => {}
                }
                assert_eq!(cx.is_under_pressure(), pressing == Pressing::Forgotten);
            }
            _ => {}
        });
        connect(env, to, probe);
    });
    peer.join().unwrap();
    let stays = summary.stats.actors.iter().any(|actor| actor.name == "TcpConnection");
    (log, stays)
}

#[test]
fn reset_while_throttled_closes_without_unthrottled() {
    for pressing in [Pressing::Released, Pressing::Guarded] {
        let (log, stays) = reset_while_throttled(pressing);
        use Heard::*;
        let closed = log.all().pop().unwrap();
        assert!(matches!(closed, Closed(Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe))), "{closed:?}");
        assert_eq!(log.all(), [Connecting, Connected, Throttled, closed]);
        assert!(!stays, "a connection that has ended and is under no pressure stops by itself");
    }
}

#[test]
fn a_connection_that_forgot_to_release_stays_to_be_reported() {
    let (_, stays) = reset_while_throttled(Pressing::Forgotten);
    assert!(stays, "it stopped, and its pressure was papered over (R8)");
}

#[test]
fn nothing_is_written_or_heard_after_closed() {
    let (to, peer) = peer(|stream| read_to_end(&stream));
    let log = Log::default();
    run(|env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let probe = Probe::new(&log, move |heard, conn, cx| match heard {
            // Pressure that is never released keeps the actor, so that it gets what comes after the end.
            Heard::Connected => {
                Backpressure::apply(&auth, cx);
                conn.hard_close();
            }
            Heard::Closed(_) => {
                conn.write("after");
                let me = cx.me();
                me.tell(Tcp::Write(b"after".to_vec()), cx);
                [Tcp::Mute, Tcp::Unmute, Tcp::Close, Tcp::HardClose].into_iter().for_each(|msg| me.tell(msg, cx));
            }
            _ => {}
        });
        connect(env, to, probe);
    });
    assert_eq!(peer.join().unwrap(), b"");
    assert_eq!(log.all(), [Heard::Connecting, Heard::Connected, Heard::Closed(None)]);
}

#[test]
fn a_peer_that_has_shut_its_half_still_gets_the_answer() {
    let (to, peer) = peer(|mut stream| {
        stream.write_all(b"question").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        read_to_end(&stream)
    });
    let answer = pattern(MUCH, 3);
    let log = Log::default();
    let write = answer.clone();
    let probe = Probe::new(&log, move |heard, conn, _| {
        if let Heard::Received(_) = heard {
            conn.write(write.clone());
        }
    });
    run(|env| drop(connect(env, to, probe)));
    assert!(peer.join().unwrap() == answer);
    assert_eq!(log.received(), b"question");
    assert_eq!(log.all().last(), Some(&Heard::Closed(None)));
}

#[test]
fn messages_are_written_in_order_before_and_after_the_connection_is_open() {
    let (to, peer) = peer(|stream| read_to_end(&stream));
    run(|env| {
        let conn = connect(env, to, Probe::new(&Log::default(), |_, _, _| {}));
        conn.tell(Tcp::Write(b"one ".to_vec()), env);
        conn.tell(Tcp::WriteV(vec![b"two ".to_vec(), Vec::new(), b"three ".to_vec()]), env);
        conn.tell(Tcp::WriteFinal(b"four".to_vec()), env);
        conn.tell(Tcp::Close, env);
        conn.tell(Tcp::Write(b"too late".to_vec()), env);
    });
    assert_eq!(peer.join().unwrap(), b"one two three four");
}

#[test]
fn a_refused_connect_is_an_error_and_ends_the_actor() {
    // Bound, so that nobody else gets the port, but not listening.
    let (_socket, to) = bound();
    let log = Log::default();
    let summary = run(|env| {
        let conn = connect(env, to, Probe::new(&log, |_, _, _| {}));
        conn.tell(Tcp::Write(b"in vain".to_vec()), env);
    });
    let why = format!("cannot connect to {to} (");
    let [Heard::Connecting, Heard::Throttled, Heard::Failed(said)] = &log.all()[..] else { panic!("{log:?}") };
    assert!(said.starts_with(&why) && said.ends_with("check that somebody listens there"), "{said}");
    assert!(summary.stats.actors.iter().all(|actor| actor.name != "TcpConnection"));
}

#[test]
fn an_address_that_is_none_is_an_error_that_says_how_to_write_one() {
    let log = Log::default();
    run(|env| {
        let auth = TcpConnectAuth::from(&env.root);
        for text in ["nowhere", "localhost:ninety", "::1:80"] {
            TcpConnection::connect(&auth, text, Probe::new(&log, |_, _, _| {})).spawn(env);
        }
    });
    assert_eq!(log.all().len(), 3);
    let all_say = log.all().iter().all(|heard| matches!(heard, Heard::Failed(why) if why.contains("write HOST:PORT")));
    assert!(all_say, "{log:?}");
}

#[test]
fn hard_close_before_the_connection_is_open_gives_up() {
    let (_socket, to) = bound();
    let log = Log::default();
    let probe = Probe::new(&log, |heard, conn, _| {
        if *heard == Heard::Connecting {
            conn.hard_close();
        }
    });
    run(|env| drop(connect(env, to, probe)));
    let gave_up = "the connection was closed before it was open".to_owned();
    assert_eq!(log.all(), [Heard::Connecting, Heard::Failed(gave_up)]);
}

#[test]
fn a_name_is_looked_up_and_its_addresses_are_tried() {
    let (to, peer) = peer(|mut stream| {
        stream.read_exact(&mut [0; 5]).unwrap();
        stream.write_all(b"hello").unwrap();
    });
    let log = Log::default();
    run(|env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        // Under pressure while the name is looked up: that must not hold the answer up.
        let probe = Probe::new(&log, move |heard, _, cx| match heard {
            Heard::Throttled => Backpressure::apply(&auth, cx),
            Heard::Unthrottled => Backpressure::release(&auth, cx),
            _ => {}
        });
        let name = format!("localhost:{}", to.port());
        let conn = TcpConnection::connect(&TcpConnectAuth::from(&env.root), &name, probe).spawn(env);
        conn.tell(Tcp::Write(b"hello".to_vec()), env);
    });
    peer.join().unwrap();
    assert_eq!(log.received(), b"hello");
}

#[test]
fn a_paused_connection_reads_when_it_is_resumed_and_not_before() {
    let log = Log::default();
    let (give, inlet) = mpsc::channel::<Inlet<Tcp>>();
    let seen = log.clone();
    let (to, peer) = peer(move |mut stream| {
        let inlet = inlet.recv().unwrap();
        let tell = |msg| inlet.send(msg, Duration::MAX).unwrap();
        stream.write_all(b"early").unwrap();
        // Its answer shows that it has handled messages since.
        tell(Tcp::Write(b"!".to_vec()));
        stream.read_exact(&mut [0]).unwrap();
        let before = seen.received();
        tell(Tcp::Unmute);
        before
    });
    run(|env| {
        let probe = Probe::new(&log, |heard, conn, _| match heard {
            Heard::Connected => conn.mute(),
            Heard::Received(_) => conn.close(),
            _ => {}
        });
        let conn = connect(env, to, probe);
        give.send(env.inlet(&conn)).unwrap();
    });
    assert_eq!(peer.join().unwrap(), b"");
    assert_eq!(log.received(), b"early");
}

#[test]
fn a_paused_connection_learns_that_its_peer_is_gone() {
    let (tell, told) = mpsc::channel();
    let (to, peer) = peer(move |stream| {
        told.recv().unwrap();
        reset(stream);
    });
    let log = Log::default();
    let probe = Probe::new(&log, move |heard, conn, _| {
        if *heard == Heard::Connected {
            conn.mute();
            tell.send(()).unwrap();
        }
    });
    run(|env| drop(connect(env, to, probe)));
    peer.join().unwrap();
    assert_eq!(log.all().last(), Some(&Heard::Closed(Some(ErrorKind::ConnectionReset))));
}
