//! `limits`: what this machine's primitives cost, in nanoseconds. They bound what any runtime can
//! reach here; nothing of a runtime is measured.
//!
//! Every line is the median of 15 repetitions with the least and the greatest. The threads are
//! pinned (the only place of this package where they are), for a figure of two cores needs two.

use crate::work::spin;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::hint::{black_box, spin_loop};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering::*, fence};
use std::thread;
use std::time::Instant;

const REPEATS: usize = 15;
/// Operations per repetition, for what takes nanoseconds.
const N: u64 = 2_000_000;
/// The same, for what goes from core to core and back.
const TRIPS: u64 = 500_000;
/// The same, for what enters the kernel.
const CALLS: u64 = 20_000;

/// An atomic with a pair of cache lines of its own.
#[repr(align(128))]
#[derive(Default)]
struct Line(AtomicU64);

/// Measures those whose name contains the filter.
struct Bench<'a> {
    filter: &'a str,
}

impl Bench<'_> {
    /// Prints the nanoseconds of one of the `per` operations that a call of `f` makes.
    fn one(&self, name: &str, per: u64, mut f: impl FnMut()) {
        if !name.contains(self.filter) {
            return;
        }
        let mut ns: Vec<f64> = (0..REPEATS)
            .map(|_| {
                let t = Instant::now();
                f();
                t.elapsed().as_nanos() as f64 / per as f64
            })
            .collect();
        ns.sort_by(f64::total_cmp);
        let round = |x: f64| (x * 100.0).round() / 100.0;
        let (median, min, max) = (ns[REPEATS / 2], ns[0], ns[REPEATS - 1]);
        let line = serde_json::json!({
            "limit": name, "ns": round(median), "min": round(min), "max": round(max),
        });
        println!("{line}");
    }
}

pub fn run(filter: &str) {
    let bench = Bench { filter };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    pin(0);
    work(&bench);
    atomics(&bench);
    memory(&bench);
    calls(&bench);
    queue(&bench);
    kernel(&bench);
    if cores < 2 {
        eprintln!("note: one core only, so no figure of two cores");
        return;
    }
    cache_lines(&bench);
    stream(&bench);
    foreign_free(&bench);
    futex_trip(&bench);
}

/// Keeps the calling thread on one processor; where that is refused it stays unpinned.
fn pin(cpu: usize) {
    // SAFETY: a cpu_set_t of zeros is the empty set, CPU_SET writes inside it (the numbers here are
    // 0 and 1), and the call reads it only.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}

fn work(bench: &Bench) {
    for steps in [133, 665] {
        bench.one(&format!("spin {steps} (work unit)"), N / 10, || {
            let mut x = 1;
            for _ in 0..N / 10 {
                x = spin(x + 1, black_box(steps));
            }
            black_box(x);
        });
    }
    bench.one("dependent xorshift step (6 cycles)", N * 10, || {
        black_box(spin(black_box(7), (N * 10) as u32));
    });
}

fn atomics(bench: &Bench) {
    let a = AtomicU64::new(0);
    bench.one("atomic fetch_add, uncontended", N, || {
        for _ in 0..N {
            black_box(&a).fetch_add(1, AcqRel);
        }
    });
    let p = AtomicPtr::new(null_mut::<u8>());
    bench.one("atomic swap (xchg), uncontended", N, || {
        for i in 0..N {
            black_box(p.swap(i as *mut u8, AcqRel));
        }
    });
    bench.one("compare_exchange, uncontended", N, || {
        for _ in 0..N {
            let v = a.load(Relaxed);
            let _ = black_box(a.compare_exchange(v, v + 1, AcqRel, Relaxed));
        }
    });
    bench.one("relaxed store + SeqCst fence", N, || {
        for i in 0..N {
            black_box(&a).store(i, Relaxed);
            fence(SeqCst);
        }
    });
    bench.one("acquire load + release store (own line)", N, || {
        for _ in 0..N {
            let v = black_box(&a).load(Acquire);
            black_box(&a).store(v + 1, Release);
        }
    });
}

/// Allocates and frees one block, unseen by the optimizer.
fn malloc_free(layout: Layout) {
    // SAFETY: the layout's size is not zero, and the block is freed with the layout it was
    // allocated with.
    unsafe {
        let block = alloc(layout);
        if block.is_null() {
            handle_alloc_error(layout);
        }
        dealloc(black_box(block), layout);
    }
}

fn memory(bench: &Bench) {
    for layout in [
        Layout::new::<[u64; 4]>(),
        Layout::new::<[u64; 8]>(),
        Layout::new::<[u64; 32]>(),
    ] {
        let name = format!("malloc+free {} B same thread", layout.size());
        bench.one(&name, N, || (0..N).for_each(|_| malloc_free(layout)));
    }
    bench.one("Box<[u64;4]> new+drop", N, || {
        for i in 0..N {
            drop(black_box(Box::new([i; 4])));
        }
    });
    bench.one("Box of 32 B x1000 live then freed (per pair)", N, || {
        for _ in 0..N / 1000 {
            black_box(&thousand_boxes());
        }
    });
    let mut free: Vec<Box<[u64; 4]>> = (0..64).map(|_| Box::default()).collect();
    bench.one("pool alloc+free (Vec free list)", N, || {
        for i in 0..N {
            let mut block = black_box(free.pop().expect("every turn gives its block back"));
            block[0] = i;
            free.push(block);
        }
    });
    let (src, mut dst) = (vec![1u8; 64 * 64], vec![0u8; 64 * 64]);
    bench.one("memcpy 64 B (L1)", N, || {
        for i in 0..N as usize {
            let o = (i & 63) * 64;
            dst[o..o + 64].copy_from_slice(&black_box(&src)[o..o + 64]);
            black_box(&mut dst);
        }
    });
}

#[expect(clippy::vec_box, reason = "the block of its own is what is measured")]
fn thousand_boxes() -> Vec<Box<[u64; 4]>> {
    (0..1000).map(|i| Box::new([i; 4])).collect()
}

fn calls(bench: &Bench) {
    fn add_one(x: u64) -> u64 {
        x + 1
    }
    fn add_two(x: u64) -> u64 {
        x + 2
    }
    let targets: [fn(u64) -> u64; 2] = [add_one, add_two];
    bench.one("function pointer call, predicted", N, || {
        let mut x = 0;
        for _ in 0..N {
            x = black_box(targets[0])(x);
        }
        black_box(x);
    });
    bench.one("function pointer call, random target of 2", N, || {
        let (mut x, mut r) = (0, 88_172_645_463_325_252);
        for _ in 0..N {
            r = spin(r, 1);
            x = black_box(&targets)[(r >> 40) as usize & 1](x);
        }
        black_box(x);
    });
    bench.one("Instant::now", N / 10, || {
        for _ in 0..N / 10 {
            black_box(Instant::now());
        }
    });
}

/// A node of the intrusive queue.
struct Node {
    next: AtomicPtr<Node>,
    v: u64,
}

fn new_node() -> *mut Node {
    Box::into_raw(Box::new(Node {
        next: AtomicPtr::new(null_mut()),
        v: 0,
    }))
}

/// The intrusive multi-producer queue, used by one thread: exchange, link, pop; the node popped
/// last is the one pushed next.
fn queue(bench: &Bench) {
    let name = "intrusive MPSC push+pop, one thread, pooled node";
    bench.one(name, N, || {
        let stub = new_node();
        let head = AtomicPtr::new(stub);
        let (mut tail, mut spare, mut sum) = (stub, new_node(), 0);
        for i in 0..N {
            // SAFETY: of the two nodes one is `spare` and one is in the queue; both live until
            // the end of this closure, and no other thread sees them.
            unsafe {
                (*spare).v = i;
                (*spare).next.store(null_mut(), Relaxed);
                let previous = head.swap(spare, AcqRel);
                (*previous).next.store(spare, Release);
                let first = (*tail).next.load(Acquire);
                sum += (*first).v;
                spare = tail;
                tail = first;
            }
        }
        black_box(sum);
        // SAFETY: both came from `Box::into_raw` and are two different nodes.
        unsafe {
            drop(Box::from_raw(tail));
            drop(Box::from_raw(spare));
        }
    });
}

fn kernel(bench: &Bench) {
    bench.one("futex wake with nobody waiting", CALLS * 10, || {
        let a = AtomicU32::new(0);
        for _ in 0..CALLS * 10 {
            futex(&a, libc::FUTEX_WAKE, 1);
        }
    });
    bench.one("spawn+join an OS thread", 500, || {
        for _ in 0..500 {
            thread::scope(|s| {
                s.spawn(|| ());
            });
        }
    });
    bench.one("sched_yield, alone", CALLS * 10, || {
        for _ in 0..CALLS * 10 {
            thread::yield_now();
        }
    });
}

/// Runs one closure on processor 1 and the other here, on processor 0.
fn on_two_cores(there: impl FnOnce() + Send, here: impl FnOnce()) {
    thread::scope(|s| {
        s.spawn(|| {
            pin(1);
            there();
        });
        here();
    });
}

fn wait_for(line: &Line, v: u64) {
    while line.0.load(Acquire) != v {
        spin_loop();
    }
}

fn cache_lines(bench: &Bench) {
    let name = "cross-core cache-line round trip (2 lines, spin)";
    bench.one(name, TRIPS, || {
        let (ping, pong) = (Line::default(), Line::default());
        let answer = || {
            for i in 1..=TRIPS {
                wait_for(&ping, i);
                pong.0.store(i, Release);
            }
        };
        on_two_cores(answer, || {
            for i in 1..=TRIPS {
                ping.0.store(i, Release);
                wait_for(&pong, i);
            }
        });
    });
    let name = "fetch_add contended by 2 cores (per op of one core)";
    bench.one(name, TRIPS, || {
        let line = Line::default();
        let add = || {
            for _ in 0..TRIPS {
                line.0.fetch_add(1, AcqRel);
            }
        };
        on_two_cores(add, add);
    });
}

const SLOTS: u64 = 1024;

/// A ring of one producer and one consumer.
struct Ring {
    slots: Vec<AtomicU64>,
    written: Line,
    read: Line,
}

impl Ring {
    fn consume(&self, n: u64) {
        let (mut read, mut seen, mut sum) = (0, 0, 0u64);
        while read < n {
            while seen == read {
                seen = self.written.0.load(Acquire);
            }
            sum += self.slots[(read % SLOTS) as usize].load(Relaxed);
            read += 1;
            if read.is_multiple_of(64) {
                self.read.0.store(read, Release);
            }
        }
        self.read.0.store(read, Release);
        black_box(sum);
    }

    fn produce(&self, n: u64) {
        let mut free = SLOTS;
        for i in 0..n {
            while i >= free {
                free = self.read.0.load(Acquire) + SLOTS;
            }
            self.slots[(i % SLOTS) as usize].store(i, Relaxed);
            self.written.0.store(i + 1, Release);
        }
    }
}

fn stream(bench: &Bench) {
    let (name, n) = (
        "one-way stream over a 1024-slot SPSC ring, per item",
        TRIPS * 4,
    );
    bench.one(name, n, || {
        let ring = Ring {
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            written: Line::default(),
            read: Line::default(),
        };
        on_two_cores(|| ring.consume(n), || ring.produce(n));
    });
}

fn foreign_free(bench: &Bench) {
    let name = "malloc on core 0, free on core 1 (batches of 1000, per block)";
    bench.one(name, 1_000_000, || {
        let (tx, rx) = crossbeam_channel::bounded(4);
        on_two_cores(
            move || rx.into_iter().for_each(drop),
            move || {
                for _ in 0..1000 {
                    tx.send(thousand_boxes()).expect("the other core receives");
                }
            },
        );
    });
}

fn futex(a: &AtomicU32, operation: i32, v: u32) {
    // SAFETY: the address is that of a live, aligned 32-bit word; a null timeout means none.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            a.as_ptr(),
            operation | libc::FUTEX_PRIVATE_FLAG,
            v,
            std::ptr::null::<libc::timespec>(),
        );
    }
}

fn set_and_wake(a: &AtomicU32, v: u32) {
    a.store(v, Release);
    futex(a, libc::FUTEX_WAKE, 1);
}

fn sleep_until(a: &AtomicU32, v: u32) {
    while a.load(Acquire) != v {
        futex(a, libc::FUTEX_WAIT, v - 1);
    }
}

fn futex_trip(bench: &Bench) {
    bench.one("futex wake/wait round trip, 2 cores", CALLS, || {
        let (ping, pong) = (AtomicU32::new(0), AtomicU32::new(0));
        let answer = || {
            for i in 1..=CALLS as u32 {
                sleep_until(&ping, i);
                set_and_wake(&pong, i);
            }
        };
        on_two_cores(answer, || {
            for i in 1..=CALLS as u32 {
                set_and_wake(&ping, i);
                sleep_until(&pong, i);
            }
        });
    });
}
