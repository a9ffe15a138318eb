//! Senders, analyzers, one slow receiver: Pony's `fan-in` example.
//!
//! Senders keep analyzers supplied with work, analyzers pass results on to one receiver, and the receiver is slower than
//! all of them. It is overloaded first (R4), so its analyzers are muted; a muted actor presses too, so the senders are
//! muted in their turn (R2): the pressure goes up the stream, and no mailbox on the way grows without end.

use backwater::{Actor, Addr, Context, Output, RunError, Runtime, Summary, TimerId};
use clap::Parser;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Senders, analyzers, one slow receiver.
#[derive(Parser, Clone, Debug)]
#[command(after_help = "Exit code: 0 when every message was analyzed and received, 2 on a bad option.")]
struct Options {
    /// Actors that send
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    senders: u64,
    /// Actors that analyze what senders send, and pass it on
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    analyzers: u64,
    /// Messages that each sender sends, one a behaviour, to the analyzers in turn
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    messages: u64,
    /// Work that an analyzer does for each message, in rounds of arithmetic
    #[arg(long, value_name = "ROUNDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=100_000_000))]
    analyzer_work: u64,
    /// Work that the receiver does for each message, in rounds of arithmetic
    #[arg(long, value_name = "ROUNDS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(0..=100_000_000))]
    receiver_work: u64,
    /// Milliseconds between two lines of progress
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    report_interval: u64,
}

fn work(rounds: u64, begin: u64) -> u64 {
    (0..rounds).fold(begin, |x, i| black_box(x ^ (x << 7) ^ i))
}

struct Receiver {
    out: Addr<Output>,
    work: u64,
    interval: Duration,
    timer: Option<TimerId>,
    left: u64,
    handled: u64,
    reported: u64,
    sum: u64,
}

#[derive(Debug)]
enum Receive {
    Start,
    Result(u64),
    Report,
}

impl Actor for Receiver {
    type Msg = Receive;

    fn receive(&mut self, msg: Receive, cx: &mut Context<'_, Self>) {
        match msg {
            Receive::Start => self.timer = Some(cx.every(self.interval, |_| Receive::Report)),
            Receive::Result(n) => {
                self.sum = work(self.work, self.sum ^ n);
                self.handled += 1;
                self.left -= 1;
                if self.left == 0 {
                    // Nothing is left to report, and a timer would keep the run going.
                    self.timer.take().map(|timer| cx.cancel(timer));
                }
            }
            Receive::Report => {
                let me = cx.me();
                let waiting = cx.stats_of(&me).map_or(0, |stats| stats.mailbox);
                let since = self.handled - self.reported;
                self.reported = self.handled;
                self.out.tell(format!("{since:>10} received, {} left, {waiting} waiting\n", self.left).into(), cx);
            }
        }
    }
}

struct Analyzer {
    to: Addr<Receive>,
    work: u64,
}

impl Actor for Analyzer {
    type Msg = u64;

    fn receive(&mut self, n: u64, cx: &mut Context<'_, Self>) {
        self.to.tell(Receive::Result(work(self.work, n)), cx);
    }
}

#[derive(Debug)]
struct Go;

struct Sender {
    analyzers: Arc<[Addr<u64>]>,
    next: usize,
    left: u64,
}

impl Actor for Sender {
    type Msg = Go;

    fn receive(&mut self, Go: Go, cx: &mut Context<'_, Self>) {
        self.analyzers[self.next % self.analyzers.len()].tell(self.left, cx);
        self.next += 1;
        self.left -= 1;
        if self.left > 0 {
            cx.tell_self(Go);
        }
    }
}

fn run(options: &Options) -> Result<Summary, RunError> {
    Runtime::builder().actor_stats(false).run(|env| {
        let (out, interval) = (env.out.clone(), Duration::from_millis(options.report_interval));
        let left = options.senders * options.messages;
        let work = options.receiver_work;
        let receiver = env.spawn(Receiver { out, work, interval, timer: None, left, handled: 0, reported: 0, sum: 0 });
        receiver.tell(Receive::Start, env);
        let work = options.analyzer_work;
        let analyzers: Vec<_> =
            (0..options.analyzers).map(|_| env.spawn(Analyzer { to: receiver.clone(), work })).collect();
        let analyzers: Arc<[_]> = analyzers.into();
        for n in 0..options.senders {
            // Each begins elsewhere, so that they do not all go to the same.
            let sender = Sender { analyzers: analyzers.clone(), next: n as usize, left: options.messages };
            env.spawn(sender).tell(Go, env);
        }
    })
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(summary) => {
            let totals = &summary.stats.totals;
            println!(
                "messages         {:>12}  in {:.3} s",
                options.senders * options.messages,
                summary.time.as_secs_f64()
            );
            println!("mutes            {:>12}", totals.mutes);
            println!("muted at a time  {:>12}  at most", totals.muted);
            println!("deepest mailbox  {:>12}", totals.deepest);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("fan_in: {error}");
            ExitCode::FAILURE
        }
    }
}
