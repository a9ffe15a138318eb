//! The order of a notifier's calls, whatever the socket takes and whoever writes when.

use super::scripted::{Script, Scripted};
use super::{BrokenPipe, Cx, Interrupted, OutOfMemory, WouldBlock, run_over};
use crate::net::network::Readiness;
use crate::net::{NetError, Tcp, TcpConnection, TcpNotify, TcpSocket};
use crate::sync::{Arc, Mutex, lock};
use crate::{Actor, Addr, Context, TcpConnectAuth};
use proptest::prelude::*;
use std::io::ErrorKind;
use std::time::Duration;

/// What a connection does that is written to, at each tick of a clock, what a random program says.
#[derive(Clone, Copy, Debug)]
enum Op {
    Write(usize),
    WriteInUnthrottled(usize),
    Close,
    HardClose,
}

/// Has the notifier write when it is unthrottled.
const AGAIN: u8 = 2;

/// Asserts what `TcpNotify` promises about the order of calls.
struct Turns {
    throttled: bool,
    again: bool,
    over: Arc<Mutex<bool>>,
}

impl TcpNotify for Turns {
    fn sent(&mut self, _: &mut TcpSocket, data: Vec<u8>, _: &mut Cx<'_>) -> Vec<u8> {
        assert!(!*lock(&self.over));
        self.again |= data[0] == AGAIN;
        data
    }
    fn throttled(&mut self, conn: &mut TcpSocket, _: &mut Cx<'_>) {
        assert!(!self.throttled && conn.backlog() > 0 && conn.is_throttled());
        self.throttled = true;
    }
    fn unthrottled(&mut self, conn: &mut TcpSocket, _: &mut Cx<'_>) {
        assert!(self.throttled && conn.backlog() == 0 && !conn.is_throttled());
        self.throttled = false;
        if std::mem::take(&mut self.again) {
            conn.write("again, from unthrottled");
        }
    }
    fn connect_failed(&mut self, conn: &mut TcpSocket, _: NetError, cx: &mut Cx<'_>) {
        self.closed(conn, cx);
    }
    fn closed(&mut self, conn: &mut TcpSocket, _: &mut Cx<'_>) {
        assert!(!self.throttled || conn.error().is_some(), "closed while throttled, and not by an error");
        assert!(!std::mem::replace(&mut *lock(&self.over), true), "closed twice");
    }
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        6 => (1..40usize).prop_map(Op::Write),
        2 => (1..40usize).prop_map(Op::WriteInUnthrottled),
        1 => Just(Op::Close),
        1 => Just(Op::HardClose),
    ];
    prop::collection::vec(op, 1..12)
}

fn takes() -> impl Strategy<Value = Vec<Result<usize, ErrorKind>>> {
    let take = prop_oneof![
        6 => (1..60usize).prop_map(Ok),
        4 => Just(Err(WouldBlock)),
        1 => Just(Err(Interrupted)),
        1 => Just(Err(OutOfMemory)),
        1 => Just(Err(BrokenPipe)),
    ];
    prop::collection::vec(take, 0..30)
}

proptest! {
    /// Whatever is written when, however little the socket takes, and however it ends.
    #[test]
    fn throttled_and_unthrottled_are_told_in_turns_and_closed_last(ops in ops(), writes in takes()) {
        // In the end everything is taken, and the peer closes.
        let writes = writes.into_iter().chain(std::iter::repeat_n(Ok(1_000), 40)).collect();
        let reads = std::iter::repeat_n(Err(WouldBlock), 60).chain([Ok("")]).collect();
        let ready = std::iter::repeat_n(Readiness { readable: true, writable: true, gone: false }, 90).collect();
        let network = Scripted(Arc::new(Mutex::new(Script { ready, reads, writes, ..Script::default() })));
        let over = Arc::new(Mutex::new(false));
        let notify = Turns { throttled: false, again: false, over: over.clone() };
        run_over(network, |env| {
            let conn = TcpConnection::connect(&TcpConnectAuth::from(&env.root), "192.0.2.1:7", notify).spawn(env);
            for (at, op) in ops.into_iter().enumerate() {
                env.spawn(Later(conn.clone(), op)).tell(Some(Duration::from_millis(at as u64)), env);
            }
        });
        prop_assert!(*lock(&over), "it was never closed");
    }
}

/// Has a connection do something after a while.
struct Later(Addr<Tcp>, Op);

impl Actor for Later {
    type Msg = Option<Duration>;

    fn receive(&mut self, wait: Option<Duration>, cx: &mut Context<'_, Self>) {
        if let Some(wait) = wait {
            cx.after(wait, None);
            return;
        }
        match self.1 {
            Op::Write(bytes) => self.0.tell(Tcp::Write(vec![1; bytes]), cx),
            Op::WriteInUnthrottled(bytes) => self.0.tell(Tcp::WriteV(vec![vec![AGAIN; bytes]]), cx),
            Op::Close => self.0.tell(Tcp::Close, cx),
            Op::HardClose => self.0.tell(Tcp::HardClose, cx),
        }
    }
}
