//! Counting, waiting for the end, reporting: process-wide state, for a process runs one workload.
//! What a message does is not here (`work`, `peers`).

use crate::cli::Cfg;
use backwater_peers::{MessageLine, SpawnLine, name_of};
use serde::Serialize;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::*};
use std::sync::{Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// One-shot latch on which the main thread waits.
#[derive(Default)]
pub struct Latch {
    set_at: Mutex<Option<Instant>>,
    changed: Condvar,
}

impl Latch {
    pub fn set(&self) {
        let mut set_at = self.set_at.lock().expect("nothing panics under this lock");
        set_at.get_or_insert_with(Instant::now);
        self.changed.notify_all();
    }

    /// Waits and returns the instant at which `set` was called first.
    pub fn wait(&self) -> Instant {
        let mut set_at = self.set_at.lock().expect("nothing panics under this lock");
        loop {
            if let Some(t) = *set_at {
                return t;
            }
            set_at = self
                .changed
                .wait(set_at)
                .expect("nothing panics under this lock");
        }
    }
}

static DONE: OnceLock<Latch> = OnceLock::new();
static DEAD: OnceLock<Latch> = OnceLock::new();
static LEFT: AtomicI64 = AtomicI64::new(0);
static ALIVE: AtomicI64 = AtomicI64::new(0);

/// Set when the last message was handled.
pub fn done() -> &'static Latch {
    DONE.get_or_init(Latch::default)
}

/// Set when the last actor of `spawn` was torn down.
fn dead() -> &'static Latch {
    DEAD.get_or_init(Latch::default)
}

/// The number of calls of `one_done` that end the run.
pub fn expect_done(n: u64) {
    LEFT.store(n as i64, SeqCst);
}

/// The number of tombs that end the teardown.
fn expect_dead(n: u64) {
    ALIVE.store(n as i64, SeqCst);
}

/// Counts one completion; the last one sets the latch.
#[inline]
pub fn one_done() {
    if LEFT.fetch_sub(1, Relaxed) == 1 {
        done().set();
    }
}

/// Counted when dropped: proves that an idle actor was really torn down.
pub struct Tomb;

impl Drop for Tomb {
    fn drop(&mut self) {
        if ALIVE.fetch_sub(1, Relaxed) == 1 {
            dead().set();
        }
    }
}

/// A counter with a cache line of its own.
#[repr(align(64))]
#[derive(Default)]
struct Padded(AtomicU64);

static COUNTS: OnceLock<Vec<Padded>> = OnceLock::new();

fn counts() -> &'static [Padded] {
    COUNTS
        .get()
        .expect("counts_init ran before the first count")
}

/// Makes the counters of `n` actors.
pub fn counts_init(n: usize) {
    COUNTS.get_or_init(|| (0..n).map(|_| Padded::default()).collect());
}

/// Sets the counter of actor `i`, its only writer: a plain store, no read-modify-write.
#[inline(always)]
pub fn count(i: usize, v: u64) {
    counts()[i].0.store(v, Relaxed);
}

fn counts_sum() -> u64 {
    counts().iter().map(|c| c.0.load(Relaxed)).sum()
}

/// A figure of the process's own status, 0 where the system has none.
fn status_kb(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find(|line| line.starts_with(key))
        .and_then(|line| line.split_whitespace().nth(1))
        .and_then(|value| value.parse().ok())
        .unwrap_or(0)
}

fn peak_kb() -> u64 {
    status_kb("VmHWM:")
}

fn rss_kb() -> u64 {
    status_kb("VmRSS:")
}

fn rounded(secs: f64) -> f64 {
    (secs * 1e4).round() / 1e4
}

fn print_and_leave(line: &impl Serialize) -> ! {
    let text = serde_json::to_string(line).expect("numbers and names always serialize");
    println!("{text}");
    std::process::exit(0)
}

fn report(c: &Cfg, msgs: u64, secs: f64) -> ! {
    print_and_leave(&MessageLine {
        peer: name_of(c.peer),
        w: name_of(c.workload),
        threads: c.threads,
        n: c.n,
        s: c.s,
        b: c.b,
        cap: c.cap,
        secs: rounded(secs),
        msgs_per_s: (msgs as f64 / secs).round() as u64,
        rss_kb: peak_kb(),
    })
}

/// Waits for the end of a message workload started at `t0`, reports, leaves.
pub fn finish(c: &Cfg, t0: Instant) -> ! {
    let t1 = done().wait();
    report(c, c.messages(), (t1 - t0).as_secs_f64())
}

/// Lets `ubench` warm up, measures, reports, leaves.
pub fn finish_ubench(c: &Cfg) -> ! {
    std::thread::sleep(Duration::from_millis(300));
    let (before, t0) = (counts_sum(), Instant::now());
    std::thread::sleep(Duration::from_secs_f64(c.secs));
    let (after, t1) = (counts_sum(), Instant::now());
    report(c, after - before, (t1 - t0).as_secs_f64())
}

/// The clock and the memory at the start of `spawn`.
pub struct SpawnStart {
    t0: Instant,
    base_kb: u64,
}

impl SpawnStart {
    /// Expects `n` messages and `n` tombs, and starts the clock.
    pub fn now(n: u64) -> SpawnStart {
        expect_done(n);
        expect_dead(n);
        SpawnStart {
            base_kb: rss_kb(),
            t0: Instant::now(),
        }
    }

    /// Waits until every actor had its message, drops them, waits for the last, reports, leaves.
    pub fn finish(self, c: &Cfg, drop_all: impl FnOnce()) -> ! {
        let alive = (done().wait() - self.t0).as_secs_f64();
        let alive_kb = rss_kb();
        drop_all();
        let total = (dead().wait() - self.t0).as_secs_f64();
        print_and_leave(&SpawnLine {
            peer: name_of(c.peer),
            w: name_of(c.workload),
            threads: c.threads,
            n: c.n,
            cap: c.cap,
            alive_s: rounded(alive),
            total_s: rounded(total),
            actors_per_s: (c.n as f64 / alive).round() as u64,
            actors_per_s_teardown: (c.n as f64 / total).round() as u64,
            bytes_per_actor: alive_kb.saturating_sub(self.base_kb) * 1024 / c.n,
            rss_kb: peak_kb(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latch_keeps_its_first_instant() {
        let latch = Latch::default();
        latch.set();
        let first = latch.wait();
        latch.set();
        assert_eq!(latch.wait(), first);
    }

    #[test]
    fn seconds_keep_four_decimals() {
        assert_eq!(rounded(1.234_567), 1.2346);
    }
}
