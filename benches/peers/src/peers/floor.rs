//! `floor`: not a runtime but a yardstick, the least work that the workloads allow.
//!
//! Workers share nothing. A mailbox is an intrusive list of pooled 32-byte nodes; a message
//! carries its handler (one indirect call); two workers exchange messages over single-producer
//! rings, published once per scheduling round; an overloaded receiver raises one flag that mutes
//! its senders. There is no typing, no supervision, no stealing, no parking, no shutdown: nothing
//! here is to be taken over into a runtime, and no check is to be added to its hot path.

use crate::cli::Cfg;
use crate::measure::{self, count};
use crate::work::{self, pick, spin};
use backwater_peers::Workload;
use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Arc, Barrier};
use std::time::Instant;

/// Slots of the ring between two workers.
const RING: u64 = 8192;
/// Messages taken from the other worker in one round.
const INTAKE: u64 = 512;
/// Actors run in one round, and messages handled by each.
const ACTORS_PER_ROUND: usize = 32;
const MESSAGES_PER_TURN: usize = 100;
/// Lengths of the receiver's mailbox at which its senders are muted and unmuted.
const MUTE_ABOVE: u32 = 1000;
const UNMUTE_BELOW: u32 = 100;

/// Called with the worker, the receiver's id and the message's value.
type Handler = fn(&mut Worker, u32, u64);

/// A message in a mailbox, or free in its worker's pool.
struct Node {
    next: *mut Node,
    handler: Handler,
    v: u64,
    _pad: u64,
}

struct Actor {
    head: *mut Node,
    tail: *mut Node,
    len: u32,
    queued: bool,
    /// ring: the id of the next actor
    next: u32,
    /// messages received; messages still to be sent by a sender
    k: u64,
    /// state of the work or of the random choice
    x: u64,
}

/// A message on its way to the other worker.
#[derive(Clone, Copy)]
struct Slot {
    to: u32,
    handler: Handler,
    v: u64,
}

/// A cursor with a pair of cache lines of its own.
#[repr(align(128))]
struct Cursor(AtomicU64);

/// Single producer, single consumer.
struct Ring {
    slots: Vec<UnsafeCell<Slot>>,
    written: Cursor,
    read: Cursor,
}

// SAFETY: a slot is written by the one worker that owns the `Outbox` and read by the one that owns
// the `Inbox`; `written` (release/acquire) hands it over, `read` (release/acquire) gives it back.
unsafe impl Sync for Ring {}

impl Ring {
    fn new() -> Ring {
        let empty = Slot {
            to: 0,
            handler: |_, _, _| (),
            v: 0,
        };
        Ring {
            slots: (0..RING).map(|_| UnsafeCell::new(empty)).collect(),
            written: Cursor(AtomicU64::new(0)),
            read: Cursor(AtomicU64::new(0)),
        }
    }
}

/// The writing end. Its cursors are private, so that the shared ones move only when needed.
struct Outbox {
    ring: Arc<Ring>,
    written: u64,
    read_seen: u64,
}

/// The reading end.
struct Inbox {
    ring: Arc<Ring>,
    read: u64,
}

/// The one flag by which the receiver of `fanin` mutes its senders.
static OVERLOADED: AtomicBool = AtomicBool::new(false);

struct Worker {
    me: usize,
    workers: usize,
    /// Ids are placed in blocks: worker 0 has the first `per` actors.
    per: usize,
    actors: Vec<Actor>,
    run_queue: VecDeque<u32>,
    pool: *mut Node,
    outbox: Option<Outbox>,
    inbox: Option<Inbox>,
    spill: VecDeque<Slot>,
    muted: Vec<u32>,
    cfg: Cfg,
}

impl Worker {
    /// A node from the pool, or from the heap where that is empty.
    #[inline(always)]
    fn node(&mut self, handler: Handler, v: u64) -> *mut Node {
        let n = self.pool;
        if n.is_null() {
            return Box::into_raw(Box::new(Node {
                next: null_mut(),
                handler,
                v,
                _pad: 0,
            }));
        }
        // SAFETY: the pool holds live nodes that no mailbox holds, and only this worker sees them.
        unsafe {
            self.pool = (*n).next;
            (*n).next = null_mut();
            (*n).handler = handler;
            (*n).v = v;
        }
        n
    }

    /// Puts a message into the mailbox of this worker's actor at index `i`.
    #[inline(always)]
    fn deliver(&mut self, i: usize, handler: Handler, v: u64) {
        let n = self.node(handler, v);
        let a = &mut self.actors[i];
        if a.tail.is_null() {
            a.head = n;
        } else {
            // SAFETY: `tail` is the last node of this mailbox, live until it is popped.
            unsafe { (*a.tail).next = n };
        }
        a.tail = n;
        a.len += 1;
        if !a.queued {
            a.queued = true;
            self.run_queue.push_back(i as u32);
        }
    }

    #[inline(always)]
    fn send(&mut self, to: u32, handler: Handler, v: u64) {
        let owner = if self.workers == 1 {
            0
        } else {
            (to as usize / self.per).min(1)
        };
        if owner == self.me {
            let i = to as usize - owner * self.per;
            return self.deliver(i, handler, v);
        }
        let o = self.outbox.as_mut().expect("two workers have outboxes");
        if o.written - o.read_seen == RING {
            o.read_seen = o.ring.read.0.load(Acquire);
            if o.written - o.read_seen == RING {
                self.spill.push_back(Slot { to, handler, v });
                return;
            }
        }
        // SAFETY: the slot is free: fewer than RING are written and not yet read (see `Ring`).
        unsafe { *o.ring.slots[(o.written % RING) as usize].get() = Slot { to, handler, v } };
        o.written += 1;
    }

    fn run(&mut self) -> ! {
        loop {
            self.take_in();
            self.send_spilled();
            self.unmute();
            for _ in 0..ACTORS_PER_ROUND {
                let Some(i) = self.run_queue.pop_front() else {
                    break;
                };
                self.turn(i);
            }
            self.publish();
        }
    }

    /// Delivers what the other worker has published.
    #[inline(always)]
    fn take_in(&mut self) {
        let Some(mut inbox) = self.inbox.take() else {
            return;
        };
        let written = inbox.ring.written.0.load(Acquire);
        let until = written.min(inbox.read + INTAKE);
        if until != inbox.read {
            while inbox.read < until {
                let slot = inbox.ring.slots[(inbox.read % RING) as usize].get();
                // SAFETY: the slot is below `written`, so the other worker is done with it, and
                // not yet given back by `read` (see `Ring`).
                let s = unsafe { *slot };
                self.deliver(s.to as usize - self.me * self.per, s.handler, s.v);
                inbox.read += 1;
            }
            inbox.ring.read.0.store(inbox.read, Release);
        }
        self.inbox = Some(inbox);
    }

    /// Sends again what the full ring had refused, until it is full again.
    #[inline(always)]
    fn send_spilled(&mut self) {
        while let Some(s) = self.spill.pop_front() {
            let left = self.spill.len();
            self.send(s.to, s.handler, s.v);
            if self.spill.len() > left {
                break;
            }
        }
    }

    /// Lets every muted sender go on, once the receiver is no longer overloaded.
    #[inline(always)]
    fn unmute(&mut self) {
        if !self.muted.is_empty() && self.spill.is_empty() && !OVERLOADED.load(Acquire) {
            for sender in std::mem::take(&mut self.muted) {
                self.send(sender, fire, 0);
            }
        }
    }

    /// Runs the actor at index `i` until its mailbox is empty or its turn is over.
    #[inline(always)]
    fn turn(&mut self, i: u32) {
        let id = i + (self.me * self.per) as u32;
        for _ in 0..MESSAGES_PER_TURN {
            let a = &mut self.actors[i as usize];
            let n = a.head;
            if n.is_null() {
                break;
            }
            // SAFETY: the nodes of a mailbox are live and only this worker's; once unlinked, `n`
            // is in no list until it is put into the pool, and is read before that.
            let (handler, v) = unsafe {
                a.head = (*n).next;
                if a.head.is_null() {
                    a.tail = null_mut();
                }
                a.len -= 1;
                let message = ((*n).handler, (*n).v);
                (*n).next = self.pool;
                message
            };
            self.pool = n;
            handler(self, id, v);
        }
        let a = &mut self.actors[i as usize];
        if a.head.is_null() {
            a.queued = false;
        } else {
            self.run_queue.push_back(i);
        }
    }

    /// Shows the other worker what was written in this round.
    #[inline(always)]
    fn publish(&mut self) {
        if let Some(o) = &self.outbox
            && o.ring.written.0.load(Relaxed) != o.written
        {
            o.ring.written.0.store(o.written, Release);
        }
    }

    #[inline(always)]
    fn actor(&mut self, id: u32) -> &mut Actor {
        let i = id as usize - self.me * self.per;
        &mut self.actors[i]
    }
}

/// pingpong, ring: hands the token on.
fn hop(w: &mut Worker, me: u32, v: u64) {
    if v == 0 {
        return measure::one_done();
    }
    let to = w.actor(me).next;
    w.send(to, hop, v - 1);
}

/// ubench: sends the message on to a random actor.
fn ping(w: &mut Worker, me: u32, v: u64) {
    let n = w.cfg.s;
    let a = w.actor(me);
    a.k += 1;
    count(me as usize, a.k);
    let to = pick(&mut a.x, n);
    w.send(to as u32, ping, v);
}

/// fanin, the receiver (actor 0): works, and raises or lowers the flag.
fn absorb(w: &mut Worker, me: u32, v: u64) {
    let (work, n) = (w.cfg.work, w.cfg.n);
    let a = w.actor(me);
    a.x = spin(a.x.wrapping_add(v + 1), work);
    a.k += 1;
    let (k, len) = (a.k, a.len);
    if len > MUTE_ABOVE && !OVERLOADED.load(Relaxed) {
        OVERLOADED.store(true, Release);
    } else if len < UNMUTE_BELOW && OVERLOADED.load(Relaxed) {
        OVERLOADED.store(false, Release);
    }
    if k == n {
        std::hint::black_box(w.actor(me).x);
        measure::done().set();
    }
}

/// fanin, a sender: one message, then a message to itself unless the receiver is overloaded.
fn fire(w: &mut Worker, me: u32, _: u64) {
    let a = w.actor(me);
    if a.k == 0 {
        return;
    }
    a.k -= 1;
    let v = a.k;
    w.send(0, absorb, v);
    if OVERLOADED.load(Relaxed) || !w.spill.is_empty() {
        w.muted.push(me);
    } else {
        w.send(me, fire, 0);
    }
}

/// How many actors there are.
fn actor_count(c: &Cfg) -> usize {
    match c.workload {
        Workload::Fanin => c.s + 1,
        _ => c.ring_size(),
    }
}

/// How many of them worker 0 has, where there are two.
fn on_first_worker(c: &Cfg) -> usize {
    match c.workload {
        Workload::Fanin => 1,
        Workload::Pingpong if c.b == 2 => 1,
        Workload::Pingpong => 2,
        _ => c.s.div_ceil(2),
    }
}

fn new_actor(c: &Cfg, id: usize) -> Actor {
    let sends = c.workload == Workload::Fanin && id > 0;
    Actor {
        head: null_mut(),
        tail: null_mut(),
        len: 0,
        queued: false,
        next: ((id + 1) % actor_count(c)) as u32,
        k: if sends { c.quota() } else { 0 },
        x: work::seed(id),
    }
}

impl Worker {
    fn new(c: &Cfg, me: usize, rings: &[Arc<Ring>; 2]) -> Worker {
        let (two, per, all) = (c.threads == 2, on_first_worker(c), actor_count(c));
        let ids = match (two, me) {
            (false, _) => 0..all,
            (true, 0) => 0..per.min(all),
            (true, _) => per..all,
        };
        Worker {
            me,
            workers: c.threads,
            per,
            actors: ids.map(|id| new_actor(c, id)).collect(),
            run_queue: VecDeque::with_capacity(4096),
            pool: null_mut(),
            outbox: two.then(|| Outbox {
                ring: rings[me].clone(),
                written: 0,
                read_seen: 0,
            }),
            inbox: two.then(|| Inbox {
                ring: rings[1 - me].clone(),
                read: 0,
            }),
            spill: VecDeque::new(),
            muted: vec![],
            cfg: *c,
        }
    }

    /// Sends the first messages of this worker's own actors.
    fn start(&mut self) {
        let c = self.cfg;
        let first = self.me * self.per;
        let mine = first..first + self.actors.len();
        match c.workload {
            Workload::Pingpong | Workload::Ring => c
                .token_starts()
                .filter(|id| mine.contains(id))
                .for_each(|id| self.send(id as u32, hop, c.hops())),
            Workload::Ubench => mine.for_each(|id| {
                (0..c.b).for_each(|_| self.send(id as u32, ping, 42));
            }),
            Workload::Fanin => mine
                .filter(|id| *id > 0)
                .for_each(|id| self.send(id as u32, fire, 0)),
            Workload::Pipe | Workload::Spawn => unreachable!("the command line refuses them"),
        }
    }
}

pub fn run(c: &Cfg) -> ! {
    measure::expect_done(c.tokens());
    measure::counts_init(actor_count(c));
    let rings = [Arc::new(Ring::new()), Arc::new(Ring::new())];
    let go = Arc::new(Barrier::new(c.threads + 1));
    for me in 0..c.threads {
        let (cfg, go, rings) = (*c, go.clone(), rings.clone());
        std::thread::spawn(move || {
            let mut worker = Worker::new(&cfg, me, &rings);
            go.wait();
            worker.start();
            worker.run()
        });
    }
    go.wait();
    let t0 = Instant::now();
    match c.workload {
        Workload::Ubench => measure::finish_ubench(c),
        _ => measure::finish(c, t0),
    }
}
