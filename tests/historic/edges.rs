//! The faults that need a network or a process to be seen: F13, F14, F20 and F21, each by its own shape.

use super::common::{act, run, virtual_time};
use backwater::net::sim::{Host, Script, SimNetwork};
use backwater::net::{NetError, Tcp, TcpConnection, TcpEvent, TcpHappened, TcpNotify, TcpSocket, TcpTeller};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Cause, Context, ControlAuth, Env, TcpConnectAuth, TimerId,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MUCH: usize = 1 << 20;
const SECOND: Duration = Duration::from_secs(1);

fn pair() -> (SimNetwork, Host) {
    let sim = SimNetwork::new(1);
    sim.host("here", "10.0.0.1");
    let there = sim.host("there", "10.0.0.2");
    (sim, there)
}

/// Passes data on to a peer; under pressure from the loss of its connection until a timer's reconnect succeeds.
struct Sink {
    auth: ApplyReleaseBackpressureAuth,
    connect: TcpConnectAuth,
    conn: Option<Addr<Tcp>>,
    timer: Option<TimerId>,
    attempts: Arc<Mutex<u32>>,
    /// How many pieces there will be.
    left: u32,
}

#[derive(Debug)]
enum ToSink {
    Data(Vec<u8>),
    Reconnect,
    Net(TcpEvent),
}

impl From<TcpEvent> for ToSink {
    fn from(event: TcpEvent) -> Self {
        ToSink::Net(event)
    }
}

impl Sink {
    fn connect(&mut self, cx: &mut Context<'_, Self>) {
        *self.attempts.lock().unwrap() += 1;
        let me = TcpTeller::to(&cx.me().narrow());
        TcpConnection::connect(&self.connect, "there:7", me).spawn(cx);
    }

    /// Presses, and tries again every half second.
    fn lost(&mut self, cx: &mut Context<'_, Self>) {
        self.conn = None;
        if self.timer.is_none() && self.left > 0 {
            Backpressure::apply(&self.auth, cx);
            self.timer = Some(cx.every(SECOND / 2, |_| ToSink::Reconnect));
        }
    }
}

impl Actor for Sink {
    type Msg = ToSink;

    fn receive(&mut self, msg: ToSink, cx: &mut Context<'_, Self>) {
        match msg {
            ToSink::Reconnect => self.connect(cx),
            ToSink::Net(TcpEvent { conn, what: TcpHappened::Connected(..) }) => {
                self.conn = Some(conn);
                Backpressure::release(&self.auth, cx);
                self.timer.take().map(|timer| cx.cancel(timer));
            }
            ToSink::Net(TcpEvent { what: TcpHappened::Closed(_) | TcpHappened::ConnectFailed(_), .. }) => self.lost(cx),
            ToSink::Net(_) => {}
            ToSink::Data(data) => {
                self.left -= 1;
                let Some(conn) = &self.conn else { return };
                conn.tell(Tcp::Write(data), cx);
                if self.left == 0 {
                    conn.tell(Tcp::Close, cx);
                }
            }
        }
    }
}

/// The peer closes, the sink presses, and only its reconnect timer can end that: the ticks reach it.
#[test]
fn f13_a_sink_whose_peer_closes_reconnects_by_its_timer_and_frees_its_senders() {
    let (sim, there) = pair();
    let first = sim.listen(there, 7, Script::new().read(5)).unwrap();
    let second = Arc::new(Mutex::new(None));
    let listens_again = second.clone();
    sim.at(SECOND * 2, move |sim| {
        *listens_again.lock().unwrap() = Some(sim.listen(there, 7, Script::new().read_to_end()).unwrap());
    });
    let attempts = Arc::new(Mutex::new(0));
    let tried = attempts.clone();
    let ran = run(virtual_time().network(sim), move |env| {
        let (auth, connect) = (ApplyReleaseBackpressureAuth::from(&env.root), TcpConnectAuth::from(&env.root));
        let sink = Sink { auth, connect, conn: None, timer: None, attempts: tried, left: 8 };
        let sink = env.spawn(sink);
        sink.tell(ToSink::Reconnect, env);
        // One piece for the first peer, and the rest while nobody listens.
        for ms in [100, 600, 700, 800, 900, 1_000, 1_100, 1_200] {
            let to = sink.clone();
            let sender = env.spawn(act(move |n, cx| match n {
                0 => drop(cx.after(Duration::from_millis(ms), 1)),
                _ => to.tell(ToSink::Data(b"piece".to_vec()), cx),
            }));
            sender.tell(0, env);
        }
    });
    let totals = &ran.well().stats.totals;
    assert_eq!(
        (totals.mutes, totals.freed),
        (7, 7),
        "each that sent to the sink while it pressed was held back, and freed"
    );
    assert_eq!(first.received(), b"piece");
    // What came while it had no connection is the sink's to keep or drop; this one drops.
    assert!(second.lock().unwrap().as_ref().is_some_and(|peer| peer.is_done()), "nobody came back");
    assert!(*attempts.lock().unwrap() >= 3, "{} attempts", attempts.lock().unwrap());
}

/// Two connections whose peers never read; their owner disposes of both, and later closes them hard.
fn disposes_of_two(control: bool) -> super::common::Ran {
    let (sim, there) = pair();
    [7, 8].into_iter().for_each(|port| drop(sim.listen(there, port, Script::new().read_to_end()).unwrap()));
    sim.stall(there);
    run(virtual_time().network(sim), move |env| {
        let lane = ControlAuth::from(&env.root);
        let conns = ["there:7", "there:8"].map(|to| stuck(env, to));
        let owner = env.spawn(act(move |n, cx| {
            let (which, msg) = match n {
                0 | 1 => (n, Tcp::Dispose),
                2 | 3 => (n - 2, Tcp::HardClose),
                _ => {
                    for n in 0..4 {
                        cx.after(SECOND * (n as u32 + 1), n);
                    }
                    return;
                }
            };
            match control {
                true => conns[which as usize].tell_control(msg, &lane, cx),
                false => conns[which as usize].tell(msg, cx),
            }
        }));
        owner.tell(9, env);
    })
}

/// Writes more than is taken, and presses meanwhile.
fn stuck(env: &mut Env<'_>, to: &str) -> Addr<Tcp> {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    TcpConnection::connect(&TcpConnectAuth::from(&env.root), to, Published(auth, |conn| conn.write(vec![0; MUCH])))
        .spawn(env)
}

/// Pony's published example: applies in `throttled`, releases in `unthrottled`, and has no `closed`.
struct Published(ApplyReleaseBackpressureAuth, fn(&mut TcpSocket));

impl TcpNotify for Published {
    fn connected(&mut self, conn: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        (self.1)(conn);
    }
    fn throttled(&mut self, _: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        Backpressure::apply(&self.0, cx);
    }
    fn unthrottled(&mut self, _: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        Backpressure::release(&self.0, cx);
    }
}

/// `dispose` to a pressing connection muted its caller, which then never got to what would have ended the pressure.
#[test]
fn f14_an_owner_disposes_of_pressing_connections_on_the_control_lane_and_goes_on() {
    let ran = disposes_of_two(true);
    assert_eq!(ran.well().stats.totals.mutes, 0);
    assert_eq!(ran.well().time, SECOND * 4);
}

#[test]
fn f14_on_the_ordinary_lane_it_waits_for_ever_and_the_report_says_for_what() {
    let ran = disposes_of_two(false);
    let report = ran.deadlock();
    assert_eq!((report.muted.len(), report.roots.len()), (1, 1), "{report}");
    assert_eq!(report.roots[0].name, "TcpConnection");
    assert!(matches!(report.roots[0].causes[..], [Cause::Applied(place)] if place.file().ends_with("edges.rs")));
}

/// The connection dies throttled, by a reset. `with` is its notifier.
fn reset_while_throttled(with: impl FnOnce(ApplyReleaseBackpressureAuth) -> Box<dyn TcpNotify>) -> super::common::Ran {
    let (sim, there) = pair();
    let _peer = sim.listen(there, 7, Script::new().wait(SECOND * 2).reset()).unwrap();
    run(virtual_time().network(sim), move |env| {
        let notify = Boxed(with(ApplyReleaseBackpressureAuth::from(&env.root)));
        let conn = TcpConnection::connect(&TcpConnectAuth::from(&env.root), "there:7", notify).spawn(env);
        let sender = env.spawn(act(move |n, cx| match n {
            0 => drop(cx.after(SECOND, 1)),
            _ => conn.tell(Tcp::Write(b"more".to_vec()), cx),
        }));
        sender.tell(0, env);
    })
}

struct Boxed(Box<dyn TcpNotify>);

impl TcpNotify for Boxed {
    fn connected(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        self.0.connected(conn, cx);
    }
    fn throttled(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        self.0.throttled(conn, cx);
    }
    fn unthrottled(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        self.0.unthrottled(conn, cx);
    }
    fn connect_failed(&mut self, _: &mut TcpSocket, why: NetError, _: &mut Context<'_, TcpConnection>) {
        panic!("{why}");
    }
    fn closed(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        self.0.closed(conn, cx);
    }
}

/// As [`Published`], and releases in `closed`.
struct Repaired(Published);

impl TcpNotify for Repaired {
    fn connected(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        self.0.connected(conn, cx);
    }
    fn throttled(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        self.0.throttled(conn, cx);
    }
    fn unthrottled(&mut self, conn: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        self.0.unthrottled(conn, cx);
    }
    fn closed(&mut self, _: &mut TcpSocket, cx: &mut Context<'_, TcpConnection>) {
        Backpressure::release(&self.0.0, cx);
    }
}

/// No release in `closed`: the senders waited for ever, and nobody was told. Now there is a report.
#[test]
fn f20_no_release_in_closed_is_reported_and_a_release_there_frees_the_senders() {
    let writes = |conn: &mut TcpSocket| conn.write(vec![0; MUCH]);
    let published = reset_while_throttled(|auth| Box::new(Published(auth, writes)));
    let report = published.deadlock();
    assert_eq!((report.muted.len(), &report.roots[0].name[..]), (1, "TcpConnection"), "{report}");
    let repaired = reset_while_throttled(|auth| Box::new(Repaired(Published(auth, writes))));
    let totals = &repaired.well().stats.totals;
    assert_eq!((totals.mutes, totals.freed), (1, 1));
}

/// Whoever closes by himself needs no release in `closed`: the throttling ends first.
#[test]
fn f20_the_published_example_is_safe_from_our_own_close() {
    let (sim, there) = pair();
    let peer = sim.listen(there, 7, Script::new().wait(SECOND * 2).read_to_end()).unwrap();
    let ran = run(virtual_time().network(sim), |env| {
        let lane = ControlAuth::from(&env.root);
        let conn = stuck(env, "there:7");
        let to = conn.clone();
        let sender = env.spawn(act(move |n, cx| match n {
            0 => drop(cx.after(SECOND, 1)),
            _ => to.tell(Tcp::Write(b"more".to_vec()), cx),
        }));
        sender.tell(0, env);
        let owner = env.spawn(act(move |n, cx| match n {
            0 => drop(cx.after(SECOND + SECOND / 2, 1)),
            _ => conn.tell_control(Tcp::HardClose, &lane, cx),
        }));
        owner.tell(0, env);
    });
    assert_eq!((ran.well().stats.totals.mutes, ran.well().stats.totals.freed), (1, 1));
    assert!(peer.received().len() < MUCH);
}

/// An error path returned between apply and release: the monitor of a child process, whose write to a child that is gone
/// failed. The guard of ours is dropped on every path.
#[cfg(all(feature = "process", unix))]
#[test]
fn f21_a_child_that_is_gone_in_the_middle_of_a_write_strands_no_pressure() {
    use backwater::process::{ChildIo, ChildNotify, ChildProcess};
    use backwater::{ProcessAuth, Runtime};
    use std::process::Command;

    struct Floods;
    impl ChildNotify for Floods {
        fn created(&mut self, io: &mut ChildIo, _: &mut Context<'_, ChildProcess>) {
            io.write(vec![b'.'; MUCH]);
        }
    }
    let result = super::common::run_unwatched(Runtime::builder(), |env| {
        let (auth, press) = (ProcessAuth::from(&env.root), ApplyReleaseBackpressureAuth::from(&env.root));
        let mut command = Command::new("sh");
        // It reads one byte, so that the flood has begun by then, and is gone.
        command.args(["-c", "head -c 1 >/dev/null"]);
        let child = ChildProcess::start(&auth, &press, command, Floods).spawn(env);
        let sender = env.spawn(act(move |n, cx| {
            child.tell(backwater::process::Child::Write(vec![b'.'; MUCH]), cx);
            if n > 0 {
                cx.me().tell(n - 1, cx);
            }
        }));
        sender.tell(20, env);
    });
    let totals = result.unwrap().stats.totals;
    assert_eq!(totals.mutes, totals.freed);
}
