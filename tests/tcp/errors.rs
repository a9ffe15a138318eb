//! What the machine refuses: each an error that says what to do, each against the real thing.

use super::connect;
use super::support::{Heard, Log, Probe, bound, peer, read_to_end, reset, run};
use backwater::TcpConnectAuth;
use backwater::net::TcpConnection;
use std::io::{ErrorKind, Write};
use std::sync::mpsc;

#[test]
fn an_unreachable_address_is_an_error_and_the_next_thing_goes_on() {
    let log = Log::default();
    run(|env| {
        let auth = TcpConnectAuth::from(&env.root);
        // Nobody connects to a broadcast address: the machine says at once that there is no way there.
        TcpConnection::connect(&auth, "255.255.255.255:7", Probe::new(&log, |_, _, _| {})).spawn(env);
    });
    let [Heard::Failed(why)] = &log.all()[..] else { panic!("{log:?}") };
    assert!(why.starts_with("cannot connect to 255.255.255.255:7 ("), "{why}");
    assert!(why.contains("unreachable") && why.ends_with("check that somebody listens there"), "{why}");
}

#[test]
fn an_unknown_host_is_an_error_that_names_it() {
    let log = Log::default();
    run(|env| {
        let auth = TcpConnectAuth::from(&env.root);
        // `.invalid` is kept free of names (RFC 2606).
        TcpConnection::connect(&auth, "backwater.invalid:80", Probe::new(&log, |_, _, _| {})).spawn(env);
    });
    let [Heard::Failed(why)] = &log.all()[..] else { panic!("{log:?}") };
    assert!(why.starts_with("the name `backwater.invalid` has no address ("), "{why}");
    assert!(why.ends_with("check its spelling, or give a numeric address"), "{why}");
}

#[test]
fn a_reset_closes_with_the_error_and_what_came_before_is_not_made_up() {
    let (tell, told) = mpsc::channel();
    let (to, peer) = peer(move |mut stream| {
        stream.write_all(b"before").unwrap();
        told.recv().unwrap();
        reset(stream);
    });
    let log = Log::default();
    let probe = Probe::new(&log, move |heard, conn, _| match heard {
        Heard::Received(_) if conn.bytes_received() == 6 => tell.send(()).unwrap(),
        Heard::Closed(_) => {
            assert!(!conn.is_open() && conn.peer_addr() == Some(to));
        }
        _ => {}
    });
    run(|env| drop(connect(env, to, probe)));
    peer.join().unwrap();
    assert_eq!(log.received(), b"before");
    assert_eq!(log.events().last(), Some(&Heard::Closed(Some(ErrorKind::ConnectionReset))));
}

#[test]
fn our_half_close_still_hears_the_answer() {
    let (to, peer) = peer(|mut stream| {
        let question = read_to_end(&stream);
        stream.write_all(b"answer").unwrap();
        question
    });
    let log = Log::default();
    let probe = Probe::new(&log, |heard, conn, _| {
        if *heard == Heard::Connected {
            conn.write("question");
            conn.close();
            conn.write("too late");
        }
    });
    run(|env| drop(connect(env, to, probe)));
    assert_eq!(peer.join().unwrap(), b"question");
    assert_eq!(log.received(), b"answer");
    assert_eq!(log.events(), [Heard::Connecting, Heard::Connected, Heard::Closed(None)]);
}

#[test]
fn a_connection_given_up_while_throttled_ends_the_throttling_first() {
    let (_socket, to) = bound();
    let log = Log::default();
    let probe = Probe::new(&log, |heard, conn, _| {
        if *heard == Heard::Connecting {
            conn.write("in vain");
        }
        if *heard == Heard::Throttled {
            conn.hard_close();
        }
    });
    run(|env| drop(connect(env, to, probe)));
    let all = log.all();
    let [Heard::Connecting, Heard::Throttled, rest @ ..] = &all[..] else { panic!("{log:?}") };
    let [Heard::Unthrottled, Heard::Failed(why)] = rest else { panic!("{log:?}") };
    assert!(why.contains("closed before it was open"), "{why}");
}
