//! A search over schedules keeps one path, not the runs that it made: what it holds is bounded by the length of its runs.
//! Its own program, because what it counts is the whole process's, and one test, because a second would count along.

use backwater::{Actor, Addr, Check, Context, Env};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

/// Counts what is allocated and not freed, and the most there ever was.
struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it is; counting touches no memory of the caller's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size() as isize, Relaxed) + layout.size() as isize;
        PEAK.fetch_max(live, Relaxed);
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

struct Sink;

impl Actor for Sink {
    type Msg = u32;

    fn receive(&mut self, _: u32, _: &mut Context<'_, Self>) {}
}

struct Sender {
    to: Addr<u32>,
    messages: u32,
}

impl Actor for Sender {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        (0..self.messages).for_each(|n| self.to.tell(n, cx));
    }
}

/// Senders of two messages each to one sink: (2n)! / 2^n classes.
fn fan_in(senders: u32) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let sink = env.spawn(Sink);
        for _ in 0..senders {
            env.spawn(Sender { to: sink.clone(), messages: 2 }).tell((), env);
        }
    }
}

/// The most bytes that a search of so many runs held at once, and how many runs it made.
fn most_held(runs: u64, program: impl Fn(&mut Env<'_>)) -> (isize, u64) {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let explored = Check::new().max_runs(runs).accept_cut().assert(program);
    (PEAK.load(Relaxed) - before, explored.runs)
}

#[test]
fn what_a_search_holds_does_not_grow_with_its_runs() {
    let (few, _) = most_held(100, fan_in(5));
    let (many, runs) = most_held(u64::MAX, fan_in(5));
    assert_eq!(runs, 113_400);
    assert!(many < few * 2, "{few} bytes in a hundred runs, {many} in {runs}");
    // Much of it is what the process has anyway; a search over twice as many senders of runs twice as long holds more.
    let (longer, _) = most_held(2_000, fan_in(10));
    assert!(longer < many * 8, "{many} bytes at five senders, {longer} at ten");
}
