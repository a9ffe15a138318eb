//! What waiting costs, and what time it is afterwards.

use super::support::{Heard, Log, Probe, peer, read_to_end, run};
use super::{MUCH, connect};
use backwater::net::Tcp;
use backwater::time::Clock;
use backwater::{Actor, Addr, Context, Runtime};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// Looks at a connection at each tick, until it has done nothing for a number of ticks in a row; then lets its peer go on.
struct Watcher {
    conn: Addr<Tcp>,
    handled: u64,
    same: u32,
    ticks: u32,
    peer: Option<mpsc::Sender<()>>,
}

#[derive(Debug)]
enum Watch {
    Begin,
    Tick,
}

const IN_A_ROW: u32 = 30;
/// A connection that is busy while it is stalled has never done nothing for so long.
const TICKS_MAX: u32 = 3_000;

impl Actor for Watcher {
    type Msg = Watch;

    fn receive(&mut self, msg: Watch, cx: &mut Context<'_, Self>) {
        let Watch::Tick = msg else {
            cx.every(Duration::from_millis(1), |_| Watch::Tick);
            return;
        };
        let handled = cx.stats_of(&self.conn).unwrap().handled;
        self.same = if handled == self.handled { self.same + 1 } else { 0 };
        (self.handled, self.ticks) = (handled, self.ticks + 1);
        assert!(self.ticks < TICKS_MAX, "the stalled connection goes on handling messages: {handled} so far");
        if self.same == IN_A_ROW {
            self.peer = None;
            cx.stop();
        }
    }
}

#[test]
fn a_stalled_connection_does_nothing() {
    let (tell, told) = mpsc::channel::<()>();
    let (to, peer) = peer(move |stream| {
        told.recv().unwrap_err();
        read_to_end(&stream).len()
    });
    let log = Log::default();
    run(|env| {
        let (give, take) = mpsc::channel::<Addr<Watch>>();
        let probe = Probe::new(&log, move |heard, conn, cx| match heard {
            Heard::Connected => conn.write(vec![0; MUCH]),
            Heard::Throttled => take.try_iter().for_each(|watcher| watcher.tell(Watch::Begin, cx)),
            Heard::Unthrottled => conn.close(),
            _ => {}
        });
        let conn = connect(env, to, probe);
        let watcher = Watcher { conn, handled: 0, same: 0, ticks: 0, peer: Some(tell) };
        give.send(env.spawn(watcher)).unwrap();
    });
    assert_eq!(peer.join().unwrap(), MUCH);
    use Heard::*;
    assert_eq!(log.all(), [Connecting, Connected, Throttled, Unthrottled, Closed(None)]);
}

/// A clock that stands still until the connection is open and the runtime is about to wait: then it is turned, and the
/// peer told to write. So whatever the peer writes comes during the wait.
#[derive(Debug)]
struct Turned {
    now: Duration,
    open: Arc<AtomicBool>,
    peer: Option<mpsc::Sender<()>>,
}

impl Clock for Turned {
    fn now(&mut self) -> Duration {
        self.now
    }

    fn skip_to(&mut self, _: Duration) -> bool {
        if self.open.load(SeqCst) {
            self.now = Duration::from_secs(5);
            self.peer = None;
        }
        false
    }
}

#[test]
fn what_comes_during_a_wait_is_handled_at_the_time_after_it() {
    let (tell, told) = mpsc::channel::<()>();
    let (to, peer) = peer(move |mut stream| {
        told.recv().unwrap_err();
        stream.write_all(b"late").unwrap();
    });
    let open = Arc::new(AtomicBool::new(false));
    let clock = Turned { now: Duration::ZERO, open: open.clone(), peer: Some(tell) };
    let times = Arc::new(Mutex::new(Vec::new()));
    let noted = times.clone();
    let probe = Probe::new(&Log::default(), move |heard, _, cx| match heard {
        Heard::Connected => {
            // With a timer set the runtime asks the clock before it waits.
            cx.after(Duration::from_secs(3_600), Tcp::Unmute);
            open.store(true, SeqCst);
        }
        Heard::Received(_) => noted.lock().unwrap().push(cx.now()),
        _ => {}
    });
    Runtime::builder().clock(clock).run(|env| drop(connect(env, to, probe))).unwrap();
    peer.join().unwrap();
    assert_eq!(times.lock().unwrap()[..], [Duration::from_secs(5)]);
}
