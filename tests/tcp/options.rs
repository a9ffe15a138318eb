//! What a connection and a listener can be asked for beside reading and writing.

use super::support::{Heard, Log, Probe, pattern, peer, read_to_end, run, thread};
use super::{MUCH, connect};
use backwater::net::{Listen, Tcp, TcpListenNotify, TcpListener, TcpNotify};
use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, ControlAuth, TcpListenAuth};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

#[test]
fn options_are_set_on_an_open_socket_and_read_back() {
    let (to, peer) = peer(|stream| read_to_end(&stream).len());
    let log = Log::default();
    let probe = Probe::new(&log, |heard, conn, _| match heard {
        Heard::Connecting => {
            let why = conn.set_nodelay(true).unwrap_err();
            assert_eq!(why.kind(), ErrorKind::NotConnected);
            assert!(conn.socket_error().is_none());
        }
        Heard::Connected => {
            for on in [true, false] {
                conn.set_nodelay(on).unwrap();
                assert_eq!(conn.nodelay().unwrap(), on);
                conn.set_keepalive(on.then_some(Duration::from_secs(60))).unwrap();
                assert_eq!(conn.keepalive().unwrap(), on);
            }
            // The machine rounds, and Linux doubles.
            for bytes in [32 << 10, 64 << 10] {
                conn.set_send_buffer(bytes).unwrap();
                conn.set_receive_buffer(bytes).unwrap();
                let within = bytes..=4 * bytes;
                assert!(within.contains(&conn.send_buffer().unwrap()), "{:?}", conn.send_buffer());
                assert!(within.contains(&conn.receive_buffer().unwrap()), "{:?}", conn.receive_buffer());
            }
            assert!(conn.socket_error().is_none());
            conn.close();
        }
        _ => {}
    });
    run(|env| drop(connect(env, to, probe)));
    assert_eq!(peer.join().unwrap(), 0);
    assert_eq!(log.all(), [Heard::Connecting, Heard::Connected, Heard::Closed(None)]);
}

#[test]
fn expect_cuts_what_comes_into_pieces_of_exactly_that_size() {
    // Frames: a length of two bytes, then so much; the last one is broken off.
    const LENGTHS: [usize; 5] = [1, 40_000, 3, 17_000, 500];
    let (to, peer) = peer(|mut stream| {
        for length in LENGTHS {
            let mut frame = u16::try_from(length).unwrap().to_be_bytes().to_vec();
            frame.extend(pattern(length, length as u32));
            stream.write_all(&frame).unwrap();
        }
        stream.write_all(&[0]).unwrap();
    });
    let (tell, told) = mpsc::channel();
    let mut header = true;
    let probe = Probe::new(&Log::default(), move |heard, conn, _| match heard {
        Heard::Connected => conn.expect(2),
        Heard::Received(data) => {
            let next = if header { usize::from(u16::from_be_bytes([data[0], data[1]])) } else { 2 };
            if !header {
                assert!(*data == pattern(data.len(), data.len() as u32));
            }
            tell.send(data.len()).unwrap();
            header = !header;
            conn.expect(next);
        }
        _ => {}
    });
    run(|env| drop(connect(env, to, probe)));
    peer.join().unwrap();
    let expected: Vec<usize> = LENGTHS.into_iter().flat_map(|length| [2, length]).collect();
    assert_eq!(told.try_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn what_was_expected_is_given_when_a_pause_in_the_middle_ends() {
    let (to, peer) = peer(|mut stream| stream.write_all(&pattern(6, 1)).unwrap());
    let log = Log::default();
    let probe = Probe::new(&log, move |heard, conn, cx| match heard {
        Heard::Connected => conn.expect(2),
        Heard::Received(data) => {
            assert_eq!(data.len(), 2);
            conn.mute();
            cx.after(Duration::from_millis(1), Tcp::Unmute);
        }
        _ => {}
    });
    run(|env| drop(connect(env, to, probe)));
    peer.join().unwrap();
    assert_eq!(log.received(), pattern(6, 1));
    assert_eq!(log.all().last(), Some(&Heard::Closed(None)));
}

#[test]
fn expect_by_message_and_back_to_whatever_comes() {
    let (to, peer) = peer(|mut stream| {
        stream.write_all(&pattern(MUCH, 2)).unwrap();
        read_to_end(&stream);
    });
    let log = Log::default();
    let probe = Probe::new(&log, move |heard, conn, _| {
        if let Heard::Received(data) = heard {
            if conn.bytes_received() < MUCH as u64 / 2 {
                assert_eq!(data.len(), 1_000);
            } else {
                conn.expect(0);
            }
            if conn.bytes_received() == MUCH as u64 {
                conn.close();
            }
        }
    });
    run(|env| connect(env, to, probe).tell(Tcp::Expect(1_000), env));
    peer.join().unwrap();
    assert!(log.received() == pattern(MUCH, 2));
}

#[test]
fn another_notifier_hears_what_comes_after_it_was_set() {
    let (to, peer) = peer(|mut stream| {
        stream.write_all(b"one").unwrap();
        stream.read_exact(&mut [0; 4]).unwrap();
        stream.write_all(b"two").unwrap();
    });
    let (first, second) = (Log::default(), Log::default());
    let log = second.clone();
    let probe = Probe::new(&first, move |heard, conn, cx| {
        if matches!(heard, Heard::Received(_)) && conn.bytes_received() == 3 {
            cx.tell_self(Tcp::SetNotify(Box::new(Probe::new(&log, |heard, conn, _| match heard {
                Heard::Received(_) => conn.close(),
                _ => assert!(conn.error().is_none()),
            }))));
            cx.tell_self(Tcp::Write(b"next".to_vec()));
        }
    });
    run(|env| drop(connect(env, to, probe)));
    peer.join().unwrap();
    assert_eq!(first.events(), [Heard::Connecting, Heard::Connected]);
    assert_eq!(first.received(), b"one");
    assert_eq!(second.all(), [Heard::Received(b"two".to_vec()), Heard::Closed(None)]);
}

/// Disposes of a connection when it is told to.
struct Janitor(Addr<Tcp>, ControlAuth);

impl Actor for Janitor {
    type Msg = ();
    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        self.0.tell_control(Tcp::Dispose, &self.1, cx);
    }
}

#[test]
fn dispose_closes_gracefully_and_on_the_control_lane_mutes_nobody() {
    let (tell, told) = mpsc::channel();
    let (to, peer) = peer(move |stream| {
        told.recv().unwrap();
        read_to_end(&stream).len()
    });
    let log = Log::default();
    let summary = run(|env| {
        let (auth, control) = (ApplyReleaseBackpressureAuth::from(&env.root), ControlAuth::from(&env.root));
        let (give, take) = mpsc::channel::<Addr<()>>();
        let probe = Probe::new(&log, move |heard, conn, cx| match heard {
            Heard::Connected => conn.write(vec![0; MUCH]),
            Heard::Throttled => {
                Backpressure::apply(&auth, cx);
                take.recv().unwrap().tell((), cx);
                tell.send(()).unwrap();
            }
            Heard::Unthrottled => {
                assert!(!conn.is_open(), "it was not disposed of before the peer had read all");
                Backpressure::release(&auth, cx);
            }
            _ => {}
        });
        let conn = connect(env, to, probe);
        give.send(env.spawn(Janitor(conn, control))).unwrap();
    });
    assert_eq!(peer.join().unwrap(), MUCH);
    use Heard::*;
    assert_eq!(log.all(), [Connecting, Connected, Throttled, Unthrottled, Closed(None)]);
    assert_eq!(summary.stats.totals.mutes, 0);
}

/// Takes connections that send back one byte; says how many are open, and is disposed of after so many.
struct Few {
    left: usize,
    open: mpsc::Sender<i32>,
    listening: mpsc::Sender<SocketAddr>,
}

impl TcpListenNotify for Few {
    fn listening(&mut self, at: SocketAddr, _: &mut Context<'_, TcpListener>) {
        self.listening.send(at).unwrap();
    }

    fn accept(&mut self, _: SocketAddr, cx: &mut Context<'_, TcpListener>) -> Option<Box<dyn TcpNotify>> {
        self.left -= 1;
        if self.left == 0 {
            cx.tell_self(Listen::Dispose);
        }
        self.open.send(1).unwrap();
        let open = self.open.clone();
        Some(Box::new(Probe::new(&Log::default(), move |heard, conn, _| match heard {
            Heard::Received(data) => conn.write(&data[..]),
            Heard::Closed(_) => open.send(-1).unwrap(),
            _ => {}
        })))
    }
}

#[test]
fn a_listener_with_a_limit_has_the_others_wait_and_loses_none() {
    const CROWD: usize = 40;
    let (listening, at) = mpsc::channel();
    let (open, changes) = mpsc::channel();
    let crowd = thread(move || {
        let at: SocketAddr = at.recv().unwrap();
        let mut streams: Vec<TcpStream> = (0..CROWD).map(|_| TcpStream::connect(at).unwrap()).collect();
        streams.iter_mut().for_each(|stream| {
            stream.write_all(&[7]).unwrap();
            stream.read_exact(&mut [0]).unwrap();
            stream.shutdown(std::net::Shutdown::Both).unwrap();
        });
    });
    run(|env| {
        let notify = Few { left: CROWD, open, listening };
        TcpListener::listen(&TcpListenAuth::from(&env.root), "127.0.0.1:0", notify).limit(3).spawn(env);
    });
    crowd.join().unwrap();
    let mut now = 0;
    let mut most = 0;
    for change in changes.try_iter() {
        now += change;
        most = most.max(now);
    }
    assert_eq!((now, most), (0, 3));
}

#[test]
fn a_limit_of_no_connections_is_refused_with_a_remedy() {
    let why = std::panic::catch_unwind(|| {
        run(|env| {
            let (open, listening) = (mpsc::channel().0, mpsc::channel().0);
            let notify = Few { left: 1, open, listening };
            TcpListener::listen(&TcpListenAuth::from(&env.root), "127.0.0.1:0", notify).limit(0).spawn(env);
        })
    });
    let why = why.unwrap_err();
    assert!(why.downcast_ref::<String>().unwrap().contains("give at least 1, or no limit"));
}
