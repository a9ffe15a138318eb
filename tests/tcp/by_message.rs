//! Connections that speak to an actor by messages.

use super::MUCH;
use super::support::{pattern, peer, read_to_end, run};
use backwater::net::{
    Listen, Tcp, TcpConnection, TcpEvent, TcpHappened, TcpListenNotify, TcpListener, TcpNotify, TcpTeller,
};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Env, PressureGuard, TcpConnectAuth, TcpListenAuth,
};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

type Behave = Box<dyn FnMut(Msg, &mut Context<'_, Teller>) + Send>;

/// Does with what it is told what the test wants.
struct Teller(Behave);

#[derive(Debug)]
enum Msg {
    Net(TcpEvent),
    Tick,
}

impl From<TcpEvent> for Msg {
    fn from(event: TcpEvent) -> Self {
        Msg::Net(event)
    }
}

impl Actor for Teller {
    type Msg = Msg;
    fn receive(&mut self, msg: Msg, cx: &mut Context<'_, Self>) {
        (self.0)(msg, cx);
    }
}

fn told(env: &mut Env<'_>, behave: impl FnMut(Msg, &mut Context<'_, Teller>) + Send + 'static) -> Addr<TcpEvent> {
    env.spawn(Teller(Box::new(behave))).narrow()
}

fn connect(env: &mut Env<'_>, to: SocketAddr, actor: &Addr<TcpEvent>) -> Addr<Tcp> {
    let auth = TcpConnectAuth::from(&env.root);
    TcpConnection::connect(&auth, &to.to_string(), TcpTeller::to(actor)).send_buffer(super::BUFFER).spawn(env)
}

struct Accepts(Addr<TcpEvent>);

impl TcpListenNotify for Accepts {
    fn listening(&mut self, at: SocketAddr, cx: &mut Context<'_, TcpListener>) {
        // As an event like any other would read better for the listener too; a test needs only the address.
        self.0.tell(TcpEvent { conn: nobody(cx), what: TcpHappened::Connecting(at) }, cx);
    }
    fn accept(&mut self, _: SocketAddr, cx: &mut Context<'_, TcpListener>) -> Option<Box<dyn TcpNotify>> {
        cx.tell_self(Listen::Close);
        Some(Box::new(TcpTeller::to(&self.0)))
    }
}

/// The address of a connection that is none.
fn nobody(cx: &mut Context<'_, TcpListener>) -> Addr<Tcp> {
    struct Nobody;
    impl Actor for Nobody {
        type Msg = Tcp;
        fn receive(&mut self, _: Tcp, _: &mut Context<'_, Self>) {}
    }
    cx.spawn(Nobody)
}

#[test]
fn a_server_and_a_client_of_messages_talk_and_hear_in_order() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let words = heard.clone();
    run(|env| {
        let auth = TcpConnectAuth::from(&env.root);
        let client = told(env, {
            let words = words.clone();
            move |msg, cx| {
                let Msg::Net(TcpEvent { conn, what }) = msg else { return };
                match what {
                    TcpHappened::Connected(ours, peer) => {
                        assert_ne!(ours, peer);
                        conn.tell(Tcp::Write(b"hello".to_vec()), cx);
                        words.lock().unwrap().push("connected".to_owned());
                    }
                    TcpHappened::Received(data) => {
                        words.lock().unwrap().push(String::from_utf8(data).unwrap());
                        conn.tell(Tcp::Close, cx);
                    }
                    TcpHappened::Closed(error) => words.lock().unwrap().push(format!("closed {error:?}")),
                    _ => {}
                }
            }
        });
        let server = told(env, move |msg, cx| {
            let Msg::Net(TcpEvent { conn, what }) = msg else { return };
            match what {
                TcpHappened::Connecting(at) => {
                    TcpConnection::connect(&auth, &at.to_string(), TcpTeller::to(&client)).spawn(cx);
                }
                TcpHappened::Received(data) => conn.tell(Tcp::Write(data), cx),
                _ => {}
            }
        });
        TcpListener::listen(&TcpListenAuth::from(&env.root), "127.0.0.1:0", Accepts(server)).spawn(env);
    });
    assert_eq!(*heard.lock().unwrap(), ["connected", "hello", "closed None"]);
}

/// The actor presses because the connection is throttled; only the connection can end that. It must neither be muted
/// for what it tells, nor stop writing because it does not read.
#[test]
fn an_actor_that_presses_gets_no_data_and_its_connection_writes_all_the_same() {
    let (presses, may_write) = mpsc::channel::<()>();
    let (tell, may_read) = mpsc::channel::<()>();
    let (to, peer) = peer(move |mut stream| {
        may_write.recv().unwrap();
        stream.write_all(&pattern(1_000, 7)).unwrap();
        may_read.recv().unwrap();
        read_to_end(&stream).len()
    });
    let came = Arc::new(Mutex::new(Vec::new()));
    let received = came.clone();
    let summary = run(|env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let mut pressure: Vec<PressureGuard> = Vec::new();
        let mut ticks = 0;
        let mut conns = Vec::new();
        let actor = told(env, move |msg, cx| match msg {
            Msg::Net(TcpEvent { conn, what: TcpHappened::Connected(..) }) => {
                conns.push(conn.clone());
                conn.tell(Tcp::Write(vec![0; MUCH]), cx);
                pressure.push(Backpressure::hold(&auth, cx));
                presses.send(()).unwrap();
            }
            Msg::Net(TcpEvent { what: TcpHappened::Throttled, .. }) => {
                cx.after(Duration::from_millis(1), Msg::Tick);
            }
            Msg::Tick => {
                assert!(received.lock().unwrap().is_empty(), "it was given data while it pressed");
                ticks += 1;
                match ticks {
                    10 => tell.send(()).unwrap(),
                    _ if ticks < 10 => drop(cx.after(Duration::from_millis(1), Msg::Tick)),
                    _ => {}
                }
            }
            Msg::Net(TcpEvent { what: TcpHappened::Unthrottled, .. }) => {
                assert!(received.lock().unwrap().is_empty(), "it was given data while it pressed");
                pressure.clear();
            }
            Msg::Net(TcpEvent { conn, what: TcpHappened::Received(data) }) => {
                assert!(pressure.is_empty());
                received.lock().unwrap().extend(data);
                if received.lock().unwrap().len() == 1_000 {
                    conn.tell(Tcp::Close, cx);
                }
            }
            Msg::Net(_) => {}
        });
        connect(env, to, &actor);
    });
    assert_eq!(peer.join().unwrap(), MUCH);
    assert!(*came.lock().unwrap() == pattern(1_000, 7));
    assert_eq!(summary.stats.totals.mutes, 0, "neither of the two was ever held back");
}

#[test]
fn a_connection_closes_when_its_actor_has_ended() {
    let (to, peer) = peer(|stream| read_to_end(&stream));
    run(|env| {
        let actor = told(env, |msg, cx| {
            if let Msg::Net(TcpEvent { conn, what: TcpHappened::Connected(..) }) = msg {
                conn.tell(Tcp::Write(b"last words".to_vec()), cx);
                cx.stop();
            }
        });
        connect(env, to, &actor);
    });
    assert_eq!(peer.join().unwrap(), b"last words");
}
