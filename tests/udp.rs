//! UDP: the same programs on real loopback sockets and on the simulated network, and what only one of them has.
#![cfg(feature = "net")]

mod common;

use backwater::net::sim::{Link, SimNetwork};
use backwater::net::{NetError, Udp, UdpEndpoint, UdpNotify, UdpSocket};
use backwater::{Builder, Context, Env, SpawnOptions, Summary, UdpAuth};
use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Cx<'a> = Context<'a, UdpEndpoint>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Listening,
    NotListening(String),
    Received(Vec<u8>),
    Failed(SocketAddr, String),
    Throttled,
    Unthrottled,
    Closed(bool),
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Heard>>>);

impl Log {
    fn all(&self) -> Vec<Heard> {
        self.0.lock().unwrap().clone()
    }

    fn received(&self) -> Vec<Vec<u8>> {
        let data = |heard| if let Heard::Received(data) = heard { Some(data) } else { None };
        self.all().into_iter().filter_map(data).collect()
    }
}

type Act = Box<dyn FnMut(&Heard, Option<SocketAddr>, &mut UdpSocket, &mut Cx<'_>) + Send>;

/// Writes down what it hears, then does what the test wants; it is told where a datagram came from.
struct Probe(Log, Act);

impl Probe {
    fn new(
        log: &Log,
        act: impl FnMut(&Heard, Option<SocketAddr>, &mut UdpSocket, &mut Cx<'_>) + Send + 'static,
    ) -> Self {
        Probe(log.clone(), Box::new(act))
    }

    fn hear(&mut self, heard: Heard, from: Option<SocketAddr>, socket: &mut UdpSocket, cx: &mut Cx<'_>) {
        self.0.0.lock().unwrap().push(heard.clone());
        (self.1)(&heard, from, socket, cx);
    }
}

impl UdpNotify for Probe {
    fn listening(&mut self, socket: &mut UdpSocket, cx: &mut Cx<'_>) {
        self.hear(Heard::Listening, None, socket, cx);
    }
    fn not_listening(&mut self, why: NetError, cx: &mut Cx<'_>) {
        self.0.0.lock().unwrap().push(Heard::NotListening(why.to_string()));
        assert!(!cx.is_under_pressure());
    }
    fn received(&mut self, socket: &mut UdpSocket, data: Vec<u8>, from: SocketAddr, cx: &mut Cx<'_>) {
        self.hear(Heard::Received(data), Some(from), socket, cx);
    }
    fn send_failed(&mut self, socket: &mut UdpSocket, to: SocketAddr, why: std::io::Error, cx: &mut Cx<'_>) {
        self.hear(Heard::Failed(to, why.to_string()), None, socket, cx);
    }
    fn throttled(&mut self, socket: &mut UdpSocket, cx: &mut Cx<'_>) {
        self.hear(Heard::Throttled, None, socket, cx);
    }
    fn unthrottled(&mut self, socket: &mut UdpSocket, cx: &mut Cx<'_>) {
        self.hear(Heard::Unthrottled, None, socket, cx);
    }
    fn closed(&mut self, socket: &mut UdpSocket, cx: &mut Cx<'_>) {
        self.hear(Heard::Closed(socket.error().is_some()), None, socket, cx);
    }
}

fn run(builder: Builder, main: impl FnOnce(&mut Env<'_>)) -> Summary {
    let summary = builder.check_invariants(true).run(main).unwrap_or_else(|why| panic!("{why}"));
    assert!(summary.stats.is_conserved(), "{}", summary.stats);
    assert!(summary.stats.actors.iter().all(|actor| actor.name != "UdpEndpoint"), "one is left after the end");
    summary
}

fn on_each_network(test: impl Fn(Builder)) {
    test(common::builder());
    for seed in 0..3 {
        test(common::builder().network(SimNetwork::new(seed)).virtual_time());
    }
}

fn bind(env: &mut Env<'_>, at: &str, probe: Probe) -> backwater::Addr<Udp> {
    UdpEndpoint::listen(&UdpAuth::from(&env.root), at, probe).spawn(env)
}

/// Sends back what it gets, until it is told to stop.
fn echo(log: &Log, then: impl Fn(SocketAddr, &mut Cx<'_>) + Send + 'static) -> Probe {
    Probe::new(log, move |heard, from, socket, cx| match (heard, from) {
        (Heard::Listening, _) => then(socket.local_addr().unwrap(), cx),
        (Heard::Received(data), Some(_)) if data == b"stop" => socket.close(),
        (Heard::Received(data), Some(from)) => socket.send(&data[..], from),
        _ => {}
    })
}

#[test]
fn datagrams_go_there_and_back_one_by_one() {
    on_each_network(|builder| {
        let (log, server) = (Log::default(), Log::default());
        let ours = log.clone();
        run(builder, |env| {
            let auth = UdpAuth::from(&env.root);
            let probe = echo(&server, move |to, cx| {
                assert_ne!(to.port(), 0);
                let client = Probe::new(&ours, move |heard, from, socket, _| match heard {
                    Heard::Listening => ["one", "", "three"].into_iter().for_each(|text| socket.send(text, to)),
                    Heard::Received(data) => {
                        assert_eq!(from, Some(to));
                        if data == b"three" {
                            socket.send("stop", to);
                            socket.close();
                            socket.send("too late", to);
                        }
                    }
                    _ => {}
                });
                UdpEndpoint::listen(&auth, "127.0.0.1:0", client).spawn(cx);
            });
            bind(env, "localhost:0", probe);
        });
        use Heard::*;
        let data = [b"one".to_vec(), b"".to_vec(), b"three".to_vec()];
        assert_eq!(log.received(), data);
        assert_eq!((log.all().first(), log.all().last()), (Some(&Listening), Some(&Closed(false))));
        assert_eq!(server.received().last(), Some(&b"stop".to_vec()));
    });
}

#[test]
fn what_is_sent_before_it_is_bound_waits_and_is_sent() {
    on_each_network(|builder| {
        let log = Log::default();
        run(builder, |env| {
            let probe = Probe::new(&log, |heard, _, socket, cx| match heard {
                Heard::Listening => {
                    let me = socket.local_addr().unwrap();
                    cx.tell_self(Udp::Send(b"to myself".to_vec(), me));
                }
                Heard::Received(data) if data == b"to myself" => socket.close(),
                _ => {}
            });
            let socket = bind(env, "localhost:0", probe);
            // Nobody listens at that port: it is lost, and nobody is told.
            socket.tell(Udp::Send(b"early".to_vec(), "127.0.0.1:9".parse().unwrap()), env);
        });
        let all = log.all();
        let turns: Vec<&Heard> = all.iter().filter(|h| matches!(h, Heard::Throttled | Heard::Unthrottled)).collect();
        assert!(turns.is_empty() || turns == [&Heard::Throttled, &Heard::Unthrottled], "{all:?}");
        assert_eq!(all.last(), Some(&Heard::Closed(false)));
    });
}

#[test]
fn one_that_is_too_long_is_refused_and_the_next_goes() {
    on_each_network(|builder| {
        let log = Log::default();
        run(builder, |env| {
            let probe = Probe::new(&log, |heard, _, socket, _| match heard {
                Heard::Listening => {
                    let me = socket.local_addr().unwrap();
                    socket.send(vec![0; 70_000], me);
                    socket.send("short", me);
                }
                Heard::Received(_) => socket.close(),
                _ => {}
            });
            bind(env, "127.0.0.1:0", probe);
        });
        let [Heard::Listening, rest @ ..] = &log.all()[..] else { panic!("{:?}", log.all()) };
        assert!(matches!(&rest[0], Heard::Failed(_, why) if why.to_lowercase().contains("too long")), "{rest:?}");
        assert_eq!(rest[1..], [Heard::Received(b"short".to_vec()), Heard::Closed(false)]);
    });
}

#[test]
fn addresses_that_cannot_be_bound_are_errors_that_name_a_remedy() {
    let taken = StdSocket::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let log = Log::default();
    run(common::builder(), |env| {
        for at in [&taken[..], "nowhere", "198.51.100.1:0", "backwater.invalid:0"] {
            bind(env, at, Probe::new(&log, |_, _, _, _| {}));
        }
    });
    let mut said: Vec<String> = log
        .all()
        .into_iter()
        .map(|heard| if let Heard::NotListening(why) = heard { why } else { panic!("{heard:?}") })
        .collect();
    said.sort();
    let parts = [
        "`nowhere` is no address",
        "cannot listen at 127.0.0.1",
        "cannot listen at 198.51.100.1:0",
        "the name `backwater.invalid` has no address",
    ];
    assert_eq!(said.len(), 4, "{said:?}");
    parts.iter().for_each(|part| assert!(said.iter().any(|why| why.contains(part)), "{part}: {said:?}"));
}

#[test]
fn a_flood_keeps_nobody_from_running_and_is_received_in_turns() {
    const FLOOD: usize = 1_000;
    let log = Log::default();
    let most = Arc::new(Mutex::new(0));
    let seen = most.clone();
    // In virtual time, on the simulated network, with room for all: not one is lost.
    let sim = SimNetwork::new(1);
    sim.buffers(sim.localhost(), 1 << 20, 1 << 20);
    run(common::builder().network(sim).virtual_time(), |env| {
        let before = Arc::new(Mutex::new(0));
        let count = before.clone();
        let bystander = Bystander { count: before, before: 0, most: seen };
        let bystander = env.spawn_with(SpawnOptions::new().pinned(), bystander); // on the same thread
        let mut received = 0;
        let probe = Probe::new(&log, move |heard, _, socket, cx| match heard {
            Heard::Listening => {
                let me = socket.local_addr().unwrap();
                (0..FLOOD).for_each(|n| socket.send(n.to_be_bytes().to_vec(), me));
            }
            Heard::Received(data) => {
                assert_eq!(data[..], usize::to_be_bytes(received));
                if received == 0 {
                    bystander.tell((), cx);
                }
                received += 1;
                *count.lock().unwrap() = received;
                if received == FLOOD {
                    socket.close();
                }
            }
            _ => {}
        });
        bind(env, "127.0.0.1:0", probe);
    });
    assert_eq!(log.received().len(), FLOOD);
    let most = *most.lock().unwrap();
    assert!((1..=128).contains(&most), "{most} datagrams between two turns of another actor");
}

struct Bystander {
    count: Arc<Mutex<usize>>,
    before: usize,
    most: Arc<Mutex<usize>>,
}

impl backwater::Actor for Bystander {
    type Msg = ();
    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        let now = *self.count.lock().unwrap();
        let mut most = self.most.lock().unwrap();
        *most = (*most).max(now - self.before);
        self.before = now;
        if now < 1_000 {
            cx.tell_self(());
        }
    }
}

/// Sends one datagram a second, numbered, from one host to another, and stops the receiver with the last.
fn one_a_second(sim: &SimNetwork, seconds: u8) -> Vec<u8> {
    let log = Log::default();
    run(common::builder().network(sim.clone()).virtual_time(), |env| {
        let receiver = Probe::new(&log, move |heard, _, socket, _| match heard {
            Heard::Received(data) if data[0] == seconds => socket.close(),
            _ => {}
        });
        bind(env, "10.0.0.2:7", receiver);
        let to = "10.0.0.2:7".parse().unwrap();
        let sender = Probe::new(&Log::default(), move |heard, _, socket, cx| {
            if *heard == Heard::Listening {
                for n in 1..=seconds {
                    cx.after(Duration::from_secs(n.into()), Udp::Send(vec![n; 1_000], to));
                }
                cx.after(Duration::from_secs(seconds.into()) + Duration::from_millis(1), Udp::Dispose);
                assert_eq!(socket.local_addr().unwrap().ip().to_string(), "10.0.0.1");
            }
        });
        bind(env, "10.0.0.1:0", sender);
    });
    log.received().iter().map(|data| data[0]).collect()
}

#[test]
fn a_partition_loses_datagrams_and_the_rest_arrives() {
    let sim = SimNetwork::new(3);
    let (here, there) = (sim.host("here", "10.0.0.1"), sim.host("there", "10.0.0.2"));
    sim.link(here, there, Link { latency: Duration::from_millis(600), bandwidth: None });
    sim.at(Duration::from_millis(3_500), move |sim| sim.partition(here, there));
    sim.at(Duration::from_millis(5_500), move |sim| sim.repair(here, there));
    // The third was on its way when the link broke.
    assert_eq!(one_a_second(&sim, 7), [1, 2, 6, 7]);
}

#[test]
fn a_full_buffer_and_a_lost_host_lose_datagrams() {
    let sim = SimNetwork::new(4);
    let (_, there) = (sim.host("here", "10.0.0.1"), sim.host("there", "10.0.0.2"));
    sim.buffers(there, 1 << 10, 2_500);
    sim.at(Duration::from_millis(500), move |sim| sim.stall(there));
    sim.at(Duration::from_millis(4_500), move |sim| sim.resume(there));
    // Two of a kilobyte each had room.
    assert_eq!(one_a_second(&sim, 6), [1, 2, 5, 6]);

    let sim = SimNetwork::new(5);
    let (_, there) = (sim.host("here", "10.0.0.1"), sim.host("there", "10.0.0.2"));
    sim.at(Duration::from_millis(1_500), move |sim| sim.lose(there));
    sim.at(Duration::from_millis(3_500), move |sim| sim.restart(there));
    assert_eq!(one_a_second(&sim, 5), [1, 4, 5]);
}

#[test]
fn a_host_that_is_nowhere_is_a_failed_send_and_no_end() {
    let log = Log::default();
    let sim = SimNetwork::new(6);
    run(common::builder().network(sim).virtual_time(), |env| {
        let probe = Probe::new(&log, |heard, _, socket, _| {
            if *heard == Heard::Listening {
                socket.send("hello", "10.9.9.9:7".parse().unwrap());
                socket.close();
            }
        });
        bind(env, "127.0.0.1:0", probe);
    });
    let failed = Heard::Failed("10.9.9.9:7".parse().unwrap(), "host unreachable".into());
    assert_eq!(log.all(), [Heard::Listening, failed, Heard::Closed(false)]);
}

#[test]
fn broadcast_has_to_be_allowed() {
    let log = Log::default();
    run(common::builder(), |env| {
        let probe = Probe::new(&log, |heard, _, socket, _| {
            if *heard == Heard::Listening {
                socket.send("hello", "255.255.255.255:9".parse().unwrap());
                socket.set_broadcast(true).unwrap();
                socket.set_broadcast(false).unwrap();
                socket.close();
            }
        });
        bind(env, "127.0.0.1:0", probe);
    });
    assert!(matches!(&log.all()[1], Heard::Failed(..)), "{:?}", log.all());
}
