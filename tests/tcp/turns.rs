//! Taking turns: reading and writing do not get in each other's way, and no connection in another's.

use super::support::{Heard, Log, Probe, pattern, peer, read_to_end, run};
use super::{MUCH, connect};
use backwater::net::Tcp;
use backwater::{Actor, Context, SpawnOptions};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// The most that is read in one behaviour, as the documentation of `received` says.
const AT_ONCE: u64 = 64 << 10;

/// Sends itself a message again and again, and notes how much the connection read between two of its turns.
struct Bystander {
    read: Arc<AtomicU64>,
    before: u64,
    most: Arc<AtomicU64>,
    enough: u64,
}

impl Actor for Bystander {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        let read = self.read.load(SeqCst);
        self.most.fetch_max(read - self.before, SeqCst);
        self.before = read;
        if read < self.enough {
            cx.tell_self(());
        }
    }
}

#[test]
fn a_peer_that_sends_for_ever_keeps_nobody_from_running() {
    const ENOUGH: u64 = 8 << 20;
    let (to, peer) = peer(|mut stream| {
        let data = vec![7; 256 << 10];
        while stream.write_all(&data).is_ok() {}
    });
    let (read, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let count = read.clone();
    let probe = Probe::new(&Log::default(), move |heard, conn, _| {
        if let Heard::Received(_) = heard {
            count.store(conn.bytes_received(), SeqCst);
            if conn.bytes_received() >= ENOUGH {
                conn.hard_close();
            }
        }
    });
    run(|env| {
        connect(env, to, probe);
        // On the thread of the connection, on a pool too: there they take turns.
        let bystander = Bystander { read, before: 0, most: most.clone(), enough: ENOUGH };
        env.spawn_with(SpawnOptions::new().pinned(), bystander).tell((), env);
    });
    peer.join().unwrap();
    // Two behaviours, if the bystander's turn came first in one round and last in the next.
    let most = most.load(SeqCst);
    assert!(most > 0 && most <= 2 * AT_ONCE, "{most} bytes were read between two turns of another actor");
}

#[test]
fn what_the_peer_sends_is_heard_while_the_connection_is_throttled() {
    let (tell, told) = mpsc::channel::<()>();
    let (heard_it, was_heard) = mpsc::channel::<()>();
    let (to, peer) = peer(move |mut stream| {
        told.recv().unwrap();
        stream.write_all(b"meanwhile").unwrap();
        was_heard.recv().unwrap(); // while nothing is read here
        read_to_end(&stream).len()
    });
    let log = Log::default();
    let probe = Probe::new(&log, move |heard, conn, _| match heard {
        Heard::Connected => conn.write(vec![0; MUCH]),
        Heard::Throttled => tell.send(()).unwrap(),
        Heard::Received(_) if conn.bytes_received() == 9 => {
            assert!(conn.is_throttled());
            heard_it.send(()).unwrap();
            conn.close();
        }
        _ => {}
    });
    run(|env| drop(connect(env, to, probe)));
    assert_eq!(peer.join().unwrap(), MUCH);
    assert_eq!(log.received(), b"meanwhile");
    use Heard::*;
    assert_eq!(log.events(), [Connecting, Connected, Throttled, Unthrottled, Closed(None)]);
}

#[test]
fn what_waits_is_written_while_reading_is_paused() {
    let (tell, told) = mpsc::channel::<()>();
    let (to, peer) = peer(move |mut stream| {
        stream.write_all(b"unread").unwrap();
        told.recv().unwrap();
        let mut all = vec![0; MUCH];
        stream.read_exact(&mut all).unwrap();
        all
    });
    let log = Log::default();
    let ours = pattern(MUCH, 5);
    let expected = ours.clone();
    let probe = Probe::new(&log, move |heard, conn, _| match heard {
        Heard::Connected => {
            conn.mute();
            conn.write(&ours[..]);
        }
        Heard::Throttled => tell.send(()).unwrap(),
        Heard::Unthrottled => conn.unmute(),
        Heard::Received(_) => conn.close(),
        _ => {}
    });
    run(|env| drop(connect(env, to, probe)));
    assert!(peer.join().unwrap() == expected);
    use Heard::*;
    let heard = [Connecting, Connected, Throttled, Unthrottled, Received(b"unread".to_vec()), Closed(None)];
    assert_eq!(log.all(), heard);
}

#[test]
fn unmute_inside_received_does_not_re_enter_it() {
    let (to, peer) = peer(|mut stream| stream.write_all(&pattern(MUCH, 6)).unwrap());
    let log = Log::default();
    let inside = Arc::new(AtomicU64::new(0));
    let probe = Probe::new(&log, move |heard, conn, cx| {
        if let Heard::Received(_) = heard {
            assert_eq!(inside.fetch_add(1, SeqCst), 0, "received was called in received");
            conn.mute();
            conn.unmute();
            let me = cx.me();
            [Tcp::Mute, Tcp::Unmute].into_iter().for_each(|msg| me.tell(msg, cx));
            inside.fetch_sub(1, SeqCst);
        }
    });
    run(|env| drop(connect(env, to, probe)));
    peer.join().unwrap();
    assert!(log.received() == pattern(MUCH, 6));
}

#[test]
fn pressure_that_begins_while_a_backlog_drains_is_told_after_the_end_of_the_last() {
    const ROUNDS: usize = 20;
    let (to, peer) = peer(|stream| read_to_end(&stream).len());
    let log = Log::default();
    let mut rounds = 0;
    let probe = Probe::new(&log, move |heard, conn, cx| match heard {
        // More than one behaviour writes: so it is throttled, however fast the peer reads.
        Heard::Connected => conn.write(vec![0; MUCH]),
        Heard::Throttled => {
            // More comes while the first is on its way out, by a message and by the clock.
            let me = cx.me();
            me.tell(Tcp::Write(vec![0; MUCH / 16]), cx);
            cx.after(Duration::from_micros(300), Tcp::Write(vec![0; MUCH / 16]));
            rounds += 1;
        }
        Heard::Unthrottled => {
            assert_eq!(conn.backlog(), 0);
            if rounds < ROUNDS { conn.write(vec![0; MUCH]) } else { conn.close() }
        }
        _ => {}
    });
    run(|env| drop(connect(env, to, probe)));
    assert!(peer.join().unwrap() >= ROUNDS * MUCH);
    let turns: Vec<Heard> = log.events().into_iter().skip(2).collect();
    let (last, pairs) = turns.split_last().unwrap();
    assert_eq!(last, &Heard::Closed(None));
    assert!(pairs.len() >= 2 * ROUNDS && pairs.len() % 2 == 0, "{pairs:?}");
    assert!(pairs.chunks(2).all(|pair| pair == [Heard::Throttled, Heard::Unthrottled]), "{pairs:?}");
}
