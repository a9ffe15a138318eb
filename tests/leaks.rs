//! The end of a runtime with everything open leaves nothing behind: no descriptor, no thread, no memory. Its own program,
//! because what it counts is the whole process's, and one test, because a second would count along.
#![cfg(all(feature = "net", target_os = "linux"))]

mod common;

use backwater::net::{
    Listen, NetError, TcpConnection, TcpEvent, TcpHappened, TcpListenNotify, TcpListener, TcpNotify, TcpSocket,
    TcpTeller, Udp, UdpEndpoint, UdpNotify,
};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Env, Inlet, Outlet, TcpAuth, TcpConnectAuth,
    TcpListenAuth, UdpAuth,
};
use common::{act, ms};
use std::alloc::{GlobalAlloc, Layout, System};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// Counts what is allocated and not freed.
struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it is; counting touches no memory of the caller's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`, which is the same.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Descriptors and threads of this process, and bytes that are allocated.
fn held() -> (usize, usize, isize) {
    let counted = (entries("/proc/self/fd"), entries("/proc/self/task"));
    (counted.0, counted.1, LIVE.load(Relaxed))
}

const CONNECTIONS: usize = 20;
const MUCH: usize = 4 << 20;

/// Never reads: whoever writes to it is throttled.
struct Deaf;
impl TcpNotify for Deaf {
    fn accepted(&mut self, conn: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        conn.mute();
    }
}

/// Brings its own clients.
struct Server {
    connect: TcpConnectAuth,
    tell: Addr<TcpEvent>,
}
impl TcpListenNotify for Server {
    fn listening(&mut self, at: SocketAddr, cx: &mut Context<'_, TcpListener>) {
        for _ in 0..CONNECTIONS {
            TcpConnection::connect(&self.connect, &at.to_string(), TcpTeller::to(&self.tell)).spawn(cx);
        }
    }
    fn not_listening(&mut self, why: NetError, _: &mut Context<'_, TcpListener>) {
        panic!("{why}");
    }
    fn accept(&mut self, _: SocketAddr, _: &mut Context<'_, TcpListener>) -> Option<Box<dyn TcpNotify>> {
        Some(Box::new(Deaf))
    }
}

struct Binds;
impl UdpNotify for Binds {
    fn not_listening(&mut self, why: NetError, _: &mut Context<'_, UdpEndpoint>) {
        panic!("{why}");
    }
}

/// Hears of all the connections, writes more to each than it takes, and ends the run when all are throttled.
struct Owner {
    auth: ApplyReleaseBackpressureAuth,
    throttled: usize,
    feeders: Vec<Addr<u64>>,
}
impl Actor for Owner {
    type Msg = TcpEvent;
    fn receive(&mut self, TcpEvent { conn, what }: TcpEvent, cx: &mut Context<'_, Self>) {
        match what {
            TcpHappened::Connected(..) => {
                conn.tell(backwater::net::Tcp::Write(vec![0; MUCH]), cx);
                let feeder = cx.spawn(act(move |n, cx| conn.tell(backwater::net::Tcp::Write(vec![0; n as usize]), cx)));
                feeder.tell(1_000, cx);
                feeder.tell(2_000, cx);
                self.feeders.push(feeder);
            }
            TcpHappened::Throttled => {
                self.throttled += 1;
                if self.throttled == CONNECTIONS {
                    Backpressure::apply(&self.auth, cx);
                    cx.shutdown();
                }
            }
            _ => {}
        }
    }
}

/// What other code holds of the runtime when it ends.
type Outside = (Inlet<u64>, Outlet<Vec<u8>>, Addr<Listen>, Addr<Udp>);

fn open_everything(env: &mut Env<'_>) -> Outside {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let owner = env.spawn(Owner { auth, throttled: 0, feeders: Vec::new() });
    let tcp = TcpAuth::from(&env.root);
    let server = Server { connect: TcpConnectAuth::from(&tcp), tell: owner };
    let listener = TcpListener::listen(&TcpListenAuth::from(&tcp), "127.0.0.1:0", server).spawn(env);
    let udp = UdpEndpoint::listen(&UdpAuth::from(&env.root), "127.0.0.1:0", Binds).spawn(env);
    let ticker = env.spawn(act(|n, cx| {
        if n == 0 {
            for n in 1..100 {
                cx.every(ms(n), |ticks| ticks);
            }
        }
    }));
    ticker.tell(0, env);
    let inlet = env.inlet(&ticker);
    inlet.try_send(1).unwrap();
    let (out, outlet) = env.outlet::<Vec<u8>>(2);
    (0..10).for_each(|_| out.tell(vec![0; 10_000], env));
    env.print("to the output\n");
    open_more(env);
    (inlet, outlet, listener, udp)
}

#[cfg(all(feature = "process", feature = "signals"))]
fn open_more(env: &mut Env<'_>) {
    use backwater::process::{Child, ChildNotify, ChildProcess};
    struct Ignores;
    impl ChildNotify for Ignores {}
    let (process, press) = (backwater::ProcessAuth::from(&env.root), ApplyReleaseBackpressureAuth::from(&env.root));
    let mut command = std::process::Command::new("sleep");
    command.arg("1000");
    let child = ChildProcess::start(&process, &press, command, Ignores).spawn(env);
    child.tell(Child::Write(vec![0; MUCH]), env);
    let auth = backwater::SignalAuth::from(&env.root);
    let mut subscribed = Vec::new();
    let hears = env.spawn(act(move |_, cx| {
        let signals = backwater::Signals::listen(&auth, backwater::SignalKind::User1, |n| n, cx);
        subscribed.push(signals.unwrap().keep_alive());
    }));
    hears.tell(0, env);
}

#[cfg(not(all(feature = "process", feature = "signals")))]
fn open_more(_: &mut Env<'_>) {}

fn round() {
    let outside = Arc::new(Mutex::new(None));
    let kept = outside.clone();
    let ended = common::builder().out_on_thread(std::io::sink()).run(move |env| {
        *kept.lock().unwrap() = Some(open_everything(env));
    });
    ended.unwrap_or_else(|why| panic!("{why}"));
    let (inlet, outlet, ..) = outside.lock().unwrap().take().unwrap();
    assert!(inlet.try_send(1).is_err());
    assert!(outlet.iter().count() <= 10);
}

#[test]
fn closing_a_runtime_with_everything_open_leaves_nothing_behind() {
    // What is made once in a process and kept: the machine's tables of signals, the standard library's own.
    (0..2).for_each(|_| round());
    let before = held();
    (0..10).for_each(|_| round());
    let after = held();
    assert_eq!((after.0, after.1), (before.0, before.1), "descriptors and threads");
    // One connection left behind would be 64 KiB, one actor some hundred bytes, ten times.
    let grown = after.2 - before.2;
    assert!(grown < 2_000, "{grown} bytes more are allocated after ten rounds");
}
