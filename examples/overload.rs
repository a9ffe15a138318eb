//! Ten thousand actors send to one as fast as they can. Its mailbox stays short, because the runtime holds them back.
//!
//! Nothing here asks for it: neither the senders nor the receiver mention backpressure. The receiver handles a full
//! batch and is overloaded (R4); whoever sends to it after that is muted at the end of its behaviour (R2, R3); when it
//! has caught up, they are freed (R6). A sender has at most one behaviour that meets an idle receiver and one that
//! meets an overloaded one, so at most two messages of each wait at any time, however many it has to send.
//!
//! `--without-muting` sends on the control lane instead, which mutes nobody (R7): the same program without
//! backpressure. Compare the two.

use backwater::{Actor, Addr, Builder, Context, ControlAuth, Output, RunError, Runtime, Summary};
use clap::Parser;
use std::fmt;
use std::hint::black_box;
use std::process::ExitCode;

/// Many senders, one slow receiver: shows that memory stays bounded.
#[derive(Parser, Clone, Debug)]
#[command(after_help = "Exit code: 0 when every message was handled, 2 on a bad option.")]
pub(crate) struct Options {
    /// Actors that send
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    senders: u64,
    /// Messages that each sends, one a behaviour
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    messages: u64,
    /// Bytes in each message
    #[arg(long, value_name = "BYTES", default_value_t = 256, value_parser = clap::value_parser!(u64).range(0..=1_048_576))]
    size: u64,
    /// Work that the receiver does for each message, in rounds of arithmetic
    #[arg(long, value_name = "ROUNDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=100_000_000))]
    work: u64,
    /// Send on the control lane, which mutes nobody, to see what muting prevents
    #[arg(long)]
    without_muting: bool,
}

impl Options {
    fn total(&self) -> u64 {
        self.senders * self.messages
    }
}

/// A message: some bytes.
struct Load(Box<[u8]>);

/// In debug builds every message is put into words, for errors to quote: all these bytes would take most of the time.
impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Load of {} bytes", self.0.len())
    }
}

struct Receiver {
    out: Addr<Output>,
    work: u64,
    total: u64,
    handled: u64,
    sum: u64,
}

impl Actor for Receiver {
    type Msg = Load;

    fn receive(&mut self, Load(bytes): Load, cx: &mut Context<'_, Self>) {
        self.sum = (0..self.work).fold(self.sum + bytes.len() as u64, |x, i| black_box(x ^ (x << 7) ^ i));
        self.handled += 1;
        let step = (self.total / 10).max(1);
        if self.handled % step == step / 2 {
            self.progress(cx);
        }
    }
}

impl Receiver {
    fn progress(&self, cx: &mut Context<'_, Self>) {
        let me = cx.me();
        let (waiting, deepest) = cx.stats_of(&me).map_or((0, 0), |stats| (stats.mailbox, stats.mailbox_peak));
        let percent = 100 * self.handled / self.total;
        let line = format!(
            "{percent:>3} %  {:>10} handled, {waiting:>9} waiting, {deepest:>9} at most so far\n",
            self.handled
        );
        self.out.tell(line.into(), cx);
    }
}

#[derive(Debug)]
struct Go;

struct Sender {
    to: Addr<Load>,
    left: u64,
    size: usize,
    /// The right to send without being muted, if that is asked for.
    exempt: Option<ControlAuth>,
}

impl Actor for Sender {
    type Msg = Go;

    fn receive(&mut self, Go: Go, cx: &mut Context<'_, Self>) {
        let load = Load(vec![0; self.size].into());
        match &self.exempt {
            None => self.to.tell(load, cx),
            Some(auth) => self.to.tell_control(load, auth, cx),
        }
        self.left -= 1;
        if self.left > 0 {
            cx.me().tell(Go, cx);
        }
    }
}

pub(crate) fn run(builder: Builder, options: &Options) -> Result<Summary, RunError> {
    builder.run(|env| {
        let exempt = options.without_muting.then(|| ControlAuth::from(&env.root));
        let (out, total, work) = (env.out.clone(), options.total(), options.work);
        let to = env.spawn(Receiver { out, work, total, handled: 0, sum: 0 });
        for _ in 0..options.senders {
            let (to, exempt, size) = (to.clone(), exempt.clone(), options.size as usize);
            env.spawn(Sender { to, left: options.messages, size, exempt }).tell(Go, env);
        }
    })
}

/// The most memory that this process ever held, in KiB, where the system tells (Linux).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

/// Bytes of one message in a mailbox: its link of at least 32 bytes, and its contents.
const LINK: u64 = 32;
/// Pony's batch and this runtime's: what the receiver handles while every sender sends once.
const BATCH: u64 = 100;

fn print_summary(options: &Options, summary: &Summary) {
    let totals = &summary.stats.totals;
    // With nobody held back, each round adds one message of every sender and takes away one batch.
    let unmuted = options.messages * options.senders.saturating_sub(BATCH);
    let mib = |messages: u64| (messages * (LINK + options.size)) as f64 / f64::from(1 << 20);
    let peak = peak_memory().map_or("unknown on this system".into(), |kib| format!("{:.1} MiB", kib as f64 / 1024.0));
    let deepest = u64::from(totals.deepest);
    let per_sender = deepest as f64 / options.senders as f64;
    println!("messages          {:>12}  in {:.3} s", options.total(), summary.time.as_secs_f64());
    println!("mutes             {:>12}", totals.mutes);
    println!("deepest mailbox   {deepest:>12}  messages, {:.1} MiB, {:.2} of each sender", mib(deepest), per_sender);
    println!("without muting    {unmuted:>12}  messages, {:.1} MiB, by arithmetic", mib(unmuted));
    println!("peak memory       {peak:>12}  of the whole process, actors included");
}

fn main() -> ExitCode {
    let options = Options::parse();
    let (senders, messages, size) = (options.senders, options.messages, options.size);
    println!("{senders} senders, {messages} messages of {size} bytes each, one receiver");
    match run(Runtime::builder(), &options) {
        Ok(summary) => {
            print_summary(&options, &summary);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("overload: {error}");
            ExitCode::FAILURE
        }
    }
}
