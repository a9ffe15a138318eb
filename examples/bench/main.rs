//! The workloads of `docs/PERFORMANCE.md` on backwater: one workload a process, one line of JSON a run.
//!
//! The rivals, and the program that compares, are in `benches/peers`; the options are the same as theirs.

mod growth;

use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Builder, Context, Env, RunError, Runtime, SpawnOptions,
};
use clap::{Parser, ValueEnum};
use std::fs::File;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// 2 actors, n round trips
    Pingpong,
    /// s actors in a ring, b tokens, n hops in all
    Ring,
    /// s senders, one receiver that works on each message, n messages in all
    Fanin,
    /// s actors, b pings each, every ping goes on to a random actor, for some seconds
    Ubench,
    /// a source, two forwarders, and a sink that works on each of n messages
    Pipe,
    /// A master, and s others that work on one of n tasks each and get the next with every answer
    Tasks,
    /// n actors created and sent one message each, all held alive, then dropped
    Spawn,
    /// s senders of one valve, each muted at every message that finds it pressing, n messages in all; counts mutes
    Mute,
    /// An actor that presses and releases n times while nobody waits for it
    Fall,
    /// A timer of some seconds, and nothing else: the processor time that it takes
    Idle,
    /// The other workloads at growing sizes, each in a process of its own: a table of costs, two minutes about
    Growth,
}

/// Runs one workload, on the single-threaded runtime or on a pool, and prints one line of JSON.
#[derive(Parser, Clone, Debug)]
struct Options {
    workload: Workload,
    /// Messages, round trips, hops or actors
    #[arg(long)]
    n: Option<u64>,
    /// Actors or senders
    #[arg(long)]
    s: Option<usize>,
    /// Tokens or pings
    #[arg(long, default_value_t = 0)]
    b: u64,
    /// Iterations of work for each message: 133 are about 200 ns at 4 GHz, and what a task takes if nothing is said 20 µs
    #[arg(long)]
    work: Option<u32>,
    /// Measured seconds (ubench, idle)
    #[arg(long, default_value_t = 3.0)]
    secs: f64,
    /// Worker threads; 1 is the single-threaded runtime
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// A pool, even of one thread
    #[arg(long)]
    pool: bool,
    /// ubench on a pool, so many times without and with a recording into this file, by turns; then their ratio
    #[arg(long)]
    record: Option<PathBuf>,
    #[arg(long, default_value_t = 7)]
    rounds: u32,
    /// growth: put the table into this file, between `<!-- begin:growth -->` and `<!-- end:growth -->`
    #[arg(long)]
    write: Option<PathBuf>,
}

fn main() {
    let options = Options::parse();
    let result = match options.workload {
        Workload::Pingpong => ring(&options, "pingpong", 2, 1, 2 * options.n.unwrap_or(5_000_000)),
        Workload::Ring => {
            ring(&options, "ring", options.s.unwrap_or(1_000), options.b.max(1), options.n.unwrap_or(5_000_000))
        }
        Workload::Fanin => fanin(&options),
        Workload::Ubench if options.record.is_some() => record(&options),
        Workload::Ubench => ubench(&options, options.runtime()).map(drop),
        Workload::Pipe => pipe(&options),
        Workload::Tasks => tasks(&options),
        Workload::Spawn => spawn(&options),
        Workload::Mute => mute(&options),
        Workload::Fall => fall(&options),
        Workload::Idle => idle(&options),
        Workload::Growth => {
            growth::run(options.write.as_deref()).unwrap_or_else(|why| give_up(&why));
            Ok(())
        }
    };
    if let Err(error) = result {
        give_up(&error);
    }
}

fn give_up(error: &dyn std::fmt::Display) -> ! {
    eprintln!("bench: {error}");
    std::process::exit(1);
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> Instant {
    Instant::now()
}

/// The same work in every contestant: a chain of xorshifts, each waiting for the one before.
#[inline(always)]
fn spin(mut x: u64, iterations: u32) -> u64 {
    for _ in 0..iterations {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    x
}

fn status_kb(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

impl Options {
    fn runtime(&self) -> Builder {
        let builder = Runtime::builder();
        if self.is_pool() { builder.threads(self.threads) } else { builder }
    }

    fn is_pool(&self) -> bool {
        self.pool || self.threads > 1
    }

    /// Who this is, in a line of JSON.
    fn head(&self, workload: &str) -> String {
        let (peer, threads) = (if self.is_pool() { "backwater-pool" } else { "backwater" }, self.threads);
        format!(r#""peer":"{peer}","w":"{workload}","threads":{threads}"#)
    }

    fn report(&self, workload: &str, messages: u64, secs: f64) {
        let (head, rate, peak) = (self.head(workload), messages as f64 / secs, status_kb("VmHWM:"));
        println!(r#"{{{head},"secs":{secs:.4},"msgs_per_s":{rate:.0},"rss_kb":{peak}}}"#);
    }
}

/// Runs `main`, and reports `messages` over the time that the run took.
fn timed(options: &Options, workload: &str, messages: u64, main: impl FnOnce(&mut Env<'_>)) -> Result<(), RunError> {
    let mut start = now();
    options.runtime().run(|env| {
        main(env);
        start = now();
    })?;
    options.report(workload, messages, start.elapsed().as_secs_f64());
    Ok(())
}

// --- ping-pong and ring ---------------------------------------------------------------------------------------------

#[derive(Debug)]
enum Hop {
    Next(Addr<Hop>),
    Token(u64),
}

struct Node {
    next: Option<Addr<Hop>>,
}

impl Actor for Node {
    type Msg = Hop;

    fn receive(&mut self, msg: Hop, cx: &mut Context<'_, Self>) {
        match (msg, &self.next) {
            (Hop::Next(next), _) => self.next = Some(next),
            (Hop::Token(0), _) | (_, None) => {}
            (Hop::Token(left), Some(next)) => next.tell(Hop::Token(left - 1), cx),
        }
    }
}

fn ring(options: &Options, name: &str, size: usize, tokens: u64, hops: u64) -> Result<(), RunError> {
    timed(options, name, hops, |env| {
        let nodes: Vec<_> = (0..size).map(|_| env.spawn(Node { next: None })).collect();
        for (i, node) in nodes.iter().enumerate() {
            node.tell(Hop::Next(nodes[(i + 1) % size].clone()), env);
        }
        for token in 0..tokens {
            let at = (token * size as u64 / tokens) as usize;
            nodes[at].tell(Hop::Token(hops / tokens), env);
        }
    })
}

// --- fan-in ---------------------------------------------------------------------------------------------------------

#[derive(Debug)]
struct Value(u64);

struct Sink {
    x: u64,
    work: u32,
}

impl Actor for Sink {
    type Msg = Value;

    fn receive(&mut self, Value(v): Value, _cx: &mut Context<'_, Self>) {
        self.x = spin(self.x.wrapping_add(v + 1), self.work);
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        black_box(self.x);
    }
}

#[derive(Debug)]
struct Fire;

struct Sender {
    to: Addr<Value>,
    left: u64,
}

impl Actor for Sender {
    type Msg = Fire;

    fn receive(&mut self, Fire: Fire, cx: &mut Context<'_, Self>) {
        if self.left > 0 {
            self.left -= 1;
            self.to.tell(Value(self.left), cx);
            cx.tell_self(Fire);
        }
    }
}

fn fanin(options: &Options) -> Result<(), RunError> {
    let (n, senders) = (options.n.unwrap_or(20_000_000), options.s.unwrap_or(8) as u64);
    timed(options, "fanin", n, |env| {
        let to = env.spawn(Sink { x: 0, work: options.work.unwrap_or(133) });
        for _ in 0..senders {
            env.spawn(Sender { to: to.clone(), left: n / senders }).tell(Fire, env);
        }
    })
}

// --- message_ubench -------------------------------------------------------------------------------------------------

#[derive(Debug)]
enum Ping {
    Peers(Vec<Addr<Ping>>),
    Ping(u64),
}

struct Pinger {
    peers: Vec<Addr<Ping>>,
    x: u64,
}

impl Actor for Pinger {
    type Msg = Ping;

    fn receive(&mut self, msg: Ping, cx: &mut Context<'_, Self>) {
        match msg {
            Ping::Ping(v) => {
                self.x = spin(self.x, 1);
                let at = ((self.x >> 32) * self.peers.len() as u64) >> 32;
                self.peers[at as usize].tell(Ping::Ping(v), cx);
            }
            Ping::Peers(peers) => self.peers = peers,
        }
    }
}

/// Ends the run after some time.
struct Stopper(Duration);

#[derive(Debug)]
enum Stop {
    Later,
    Now,
}

impl Actor for Stopper {
    type Msg = Stop;

    fn receive(&mut self, msg: Stop, cx: &mut Context<'_, Self>) {
        match msg {
            Stop::Later => drop(cx.after(self.0, Stop::Now)),
            Stop::Now => cx.shutdown(),
        }
    }
}

/// Gives back the messages a second.
fn ubench(options: &Options, runtime: Builder) -> Result<f64, RunError> {
    let (size, secs) = (options.s.unwrap_or(100), options.secs);
    let mut start = now();
    let summary = runtime.run(|env| {
        let spawned =
            (0..size as u64).map(|i| Pinger { peers: vec![], x: 0x9E37_79B9_7F4A_7C15u64.wrapping_mul(i + 1) });
        let peers: Vec<_> = spawned.map(|pinger| env.spawn(pinger)).collect();
        // All know all others before the first ping: on a pool it may come to anybody at once.
        peers.iter().for_each(|peer| peer.tell(Ping::Peers(peers.clone()), env));
        for peer in &peers {
            (0..if options.b == 0 { 5 } else { options.b }).for_each(|_| peer.tell(Ping::Ping(42), env));
        }
        env.spawn(Stopper(Duration::from_secs_f64(secs))).tell(Stop::Later, env);
        start = now();
    })?;
    let (handled, elapsed) = (summary.stats.totals.handled, start.elapsed().as_secs_f64());
    options.report("ubench", handled, elapsed);
    Ok(handled as f64 / elapsed)
}

/// What recording costs: the same workload by turns without and with it, so that both see the same machine.
fn record(options: &Options) -> Result<(), RunError> {
    let path = options.record.as_ref().expect("only called with a file");
    let builder = || Runtime::builder().threads(options.threads);
    let (mut ratios, mut bytes, mut messages) = (Vec::new(), 0, 0.0);
    for _ in 0..options.rounds.max(1) {
        let plain = ubench(options, builder())?;
        let file = File::create(path).map_err(RunError::Record)?;
        let recorded = ubench(options, builder().record(file))?;
        ratios.push(plain / recorded);
        bytes = std::fs::metadata(path).map_or(0, |about| about.len());
        messages = recorded * options.secs;
    }
    ratios.sort_by(f64::total_cmp);
    let (threads, rounds, size) = (options.threads, ratios.len(), bytes as f64 / messages);
    let (least, middle, most) = (ratios[0], ratios[rounds / 2], ratios[rounds - 1]);
    println!(
        r#"{{"w":"ubench","threads":{threads},"rounds":{rounds},"time_with_over_without":{middle:.3},"least":{least:.3},"most":{most:.3},"bytes_per_message":{size:.1}}}"#
    );
    Ok(())
}

// --- pipeline -------------------------------------------------------------------------------------------------------

struct Forward {
    to: Addr<Value>,
}

impl Actor for Forward {
    type Msg = Value;

    fn receive(&mut self, value: Value, cx: &mut Context<'_, Self>) {
        self.to.tell(value, cx);
    }
}

fn pipe(options: &Options) -> Result<(), RunError> {
    let n = options.n.unwrap_or(3_000_000);
    timed(options, "pipe", n, |env| {
        let sink = env.spawn(Sink { x: 0, work: options.work.unwrap_or(665) });
        let second = env.spawn(Forward { to: sink });
        let first = env.spawn(Forward { to: second });
        env.spawn(Sender { to: first, left: n }).tell(Fire, env);
    })
}

// --- tasks ----------------------------------------------------------------------------------------------------------

/// Works on a task when it is told to, and asks for the next.
struct Hand {
    master: Addr<usize>,
    number: usize,
    work: u32,
    x: u64,
}

impl Actor for Hand {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        self.x = black_box(spin(self.x, self.work));
        self.master.tell(self.number, cx);
    }
}

struct Master {
    hands: Vec<Addr<()>>,
    size: usize,
    left: u64,
    work: u32,
}

impl Actor for Master {
    type Msg = usize;

    fn receive(&mut self, number: usize, cx: &mut Context<'_, Self>) {
        if self.hands.len() < self.size {
            let (master, next) = (cx.me().clone(), self.hands.len() + 1);
            self.hands.push(cx.spawn(Hand { master, number: next - 1, work: self.work, x: 1 }));
            cx.tell_self(next);
        }
        if self.left > 0
            && let Some(hand) = self.hands.get(number)
        {
            self.left -= 1;
            hand.tell((), cx);
        }
    }
}

fn tasks(options: &Options) -> Result<(), RunError> {
    let (n, size, work) = (options.n.unwrap_or(20_000), options.s.unwrap_or(4), options.work.unwrap_or(13_300));
    timed(options, "tasks", n, |env| {
        env.spawn(Master { hands: vec![], size, left: n, work }).tell(0, env);
    })
}

// --- spawn ----------------------------------------------------------------------------------------------------------

struct Idle {
    seen: u64,
}

impl Actor for Idle {
    type Msg = u64;

    fn receive(&mut self, v: u64, _cx: &mut Context<'_, Self>) {
        self.seen += v;
    }
}

/// Creates a few hundred actors in each behaviour, keeps their addresses, and notes when all are there.
struct Nursery {
    left: u64,
    children: Vec<Addr<u64>>,
    alive: Arc<Mutex<Option<(Instant, u64)>>>,
}

impl Actor for Nursery {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        if self.left == 0 {
            *self.alive.lock().expect("nobody panics with the lock") = Some((now(), status_kb("VmRSS:")));
            return;
        }
        for _ in 0..self.left.min(500) {
            let child = cx.spawn(Idle { seen: 0 });
            child.tell(1, cx);
            self.children.push(child);
            self.left -= 1;
        }
        cx.tell_self(());
    }
}

fn spawn(options: &Options) -> Result<(), RunError> {
    let n = options.n.unwrap_or(1_000_000);
    let children = Vec::with_capacity(n as usize);
    let (before, start, alive) = (status_kb("VmRSS:"), now(), Arc::default());
    let nursery = Nursery { left: n, children, alive: Arc::clone(&alive) };
    options.runtime().actor_stats(false).run(|env| env.spawn(nursery).tell((), env))?;
    let total = start.elapsed().as_secs_f64();
    let noted = *alive.lock().expect("nobody panics with the lock");
    let (at, resident) = noted.expect("the run ended, so the nursery finished");
    let (alive, bytes) = ((at - start).as_secs_f64(), resident.saturating_sub(before) * 1024 / n);
    let (rate, whole, peak) = (n as f64 / alive, n as f64 / total, status_kb("VmHWM:"));
    let head = options.head("spawn");
    println!(
        r#"{{{head},"alive_s":{alive:.4},"total_s":{total:.4},"actors_per_s":{rate:.0},"actors_per_s_teardown":{whole:.0},"bytes_per_actor":{bytes},"rss_kb":{peak}}}"#
    );
    Ok(())
}

// --- mutes, falls, idling -------------------------------------------------------------------------------------------

/// Under pressure, except for a moment at each message.
struct Valve(ApplyReleaseBackpressureAuth);

impl Actor for Valve {
    type Msg = Value;

    fn receive(&mut self, _: Value, cx: &mut Context<'_, Self>) {
        Backpressure::release(&self.0, cx);
        Backpressure::apply(&self.0, cx);
    }
}

/// Counts mutes. The valve is never overloaded: a release would be no fall, and who waits for one would wait for ever.
fn mute(options: &Options) -> Result<(), RunError> {
    let (n, senders) = (options.n.unwrap_or(2_000_000), options.s.unwrap_or(8) as u64);
    let mut start = now();
    let summary = options.runtime().run(|env| {
        let valve = Valve(ApplyReleaseBackpressureAuth::from(&env.root));
        let to = env.spawn_with(SpawnOptions::new().batch(u32::MAX), valve);
        to.tell(Value(0), env);
        for _ in 0..senders {
            env.spawn(Sender { to: to.clone(), left: n / senders }).tell(Fire, env);
        }
        start = now();
    })?;
    options.report("mute", summary.stats.totals.mutes, start.elapsed().as_secs_f64());
    Ok(())
}

/// Presses and releases at each message, which it sends to itself.
struct Lonely(ApplyReleaseBackpressureAuth);

impl Actor for Lonely {
    type Msg = u64;

    fn receive(&mut self, left: u64, cx: &mut Context<'_, Self>) {
        Backpressure::apply(&self.0, cx);
        Backpressure::release(&self.0, cx);
        if left > 1 {
            cx.tell_self(left - 1);
        }
    }
}

fn fall(options: &Options) -> Result<(), RunError> {
    let n = options.n.unwrap_or(10_000_000);
    timed(options, "fall", n, |env| env.spawn(Lonely(ApplyReleaseBackpressureAuth::from(&env.root))).tell(n, env))
}

fn idle(options: &Options) -> Result<(), RunError> {
    /// Processor time so far, in the machine's ticks of 10 ms.
    fn ticks() -> u64 {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
    }
    let (before, start) = (ticks(), now());
    options.runtime().run(|env| env.spawn(Stopper(Duration::from_secs_f64(options.secs))).tell(Stop::Later, env))?;
    let (head, secs, used) = (options.head("idle"), start.elapsed().as_secs_f64(), (ticks() - before) * 10);
    println!(r#"{{{head},"secs":{secs:.4},"processor_ms":{used}}}"#);
    Ok(())
}
