//! Listeners.

use super::support::{Heard, Log, Probe, bound, read_to_end, run, thread};
use backwater::net::{Listen, NetError, TcpListenNotify, TcpListener, TcpNotify};
use backwater::{Context, TcpListenAuth};
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc;

/// Echoes, and closes after so many connections.
struct Echoes {
    log: Log,
    left: usize,
    listening: mpsc::Sender<SocketAddr>,
    closed: mpsc::Sender<()>,
}

impl TcpListenNotify for Echoes {
    fn listening(&mut self, at: SocketAddr, _: &mut Context<'_, TcpListener>) {
        self.listening.send(at).unwrap();
    }

    fn not_listening(&mut self, why: NetError, _: &mut Context<'_, TcpListener>) {
        panic!("{why}");
    }

    fn accept(&mut self, _: SocketAddr, cx: &mut Context<'_, TcpListener>) -> Option<Box<dyn TcpNotify>> {
        self.left -= 1;
        if self.left == 0 {
            cx.me().tell(Listen::Close, cx);
        }
        Some(Box::new(Probe::new(&self.log, |heard, conn, _| {
            if let Heard::Received(data) = heard {
                conn.write(&data[..]);
            }
        })))
    }

    fn closed(&mut self, _: &mut Context<'_, TcpListener>) {
        self.closed.send(()).unwrap();
    }
}

#[test]
fn a_listener_says_its_port_and_accepts_everybody() {
    const CROWD: usize = 50; // more than are accepted in one behaviour
    let (listening, at) = mpsc::channel();
    let (closed, was_closed) = mpsc::channel();
    let crowd = thread(move || {
        let at: SocketAddr = at.recv().unwrap();
        let streams: Vec<TcpStream> = (0..CROWD).map(|_| TcpStream::connect(at).unwrap()).collect();
        streams.iter().enumerate().for_each(|(i, mut stream)| {
            write!(stream, "I am {i}").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        });
        streams.iter().map(|stream| String::from_utf8(read_to_end(stream)).unwrap()).collect::<Vec<_>>()
    });
    let log = Log::default();
    run(|env| {
        let notify = Echoes { log: log.clone(), left: CROWD, listening, closed };
        TcpListener::listen(&TcpListenAuth::from(&env.root), "127.0.0.1:0", notify).spawn(env);
    });
    let expected: Vec<String> = (0..CROWD).map(|i| format!("I am {i}")).collect();
    assert_eq!(crowd.join().unwrap(), expected);
    assert_eq!(was_closed.try_iter().count(), 1);
    let count = |heard: Heard| log.events().into_iter().filter(|h| *h == heard).count();
    assert_eq!((count(Heard::Accepted), count(Heard::Closed(None))), (CROWD, CROWD));
}

/// Reports how listening failed.
struct Fails(mpsc::Sender<String>);

impl TcpListenNotify for Fails {
    fn not_listening(&mut self, why: NetError, _: &mut Context<'_, TcpListener>) {
        self.0.send(why.to_string()).unwrap();
    }

    fn accept(&mut self, _: SocketAddr, _: &mut Context<'_, TcpListener>) -> Option<Box<dyn TcpNotify>> {
        None
    }
}

#[test]
fn an_address_in_use_or_none_at_all_is_an_error_that_names_a_remedy() {
    let (socket, taken) = bound();
    socket.listen(1).unwrap();
    let (tell, told) = mpsc::channel();
    run(|env| {
        let auth = TcpListenAuth::from(&env.root);
        for at in [taken.to_string(), "nowhere".to_owned()] {
            TcpListener::listen(&auth, &at, Fails(tell.clone())).spawn(env);
        }
    });
    let said: Vec<String> = told.try_iter().collect();
    assert!(said[0].starts_with(&format!("cannot listen at {taken} (")), "{said:?}");
    assert!(said[0].ends_with("give another address, or port 0 for any free port"), "{said:?}");
    assert!(said[1].contains("write HOST:PORT"), "{said:?}");
}
