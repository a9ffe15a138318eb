//! How many messages a second? Actors that answer every ping with a ping to a random other, and a reporter that counts.
//!
//! The number of pings in flight never changes. The reporter is woken by a timer: a tick comes from the runtime, so no
//! load on the pingers can mute it (R7).

use backwater::{Actor, Addr, Context, RunError, Runtime, Summary};
use clap::Parser;
use std::process::ExitCode;
use std::time::Duration;

/// Measures messages per second between actors, as Pony's `message-ubench` does.
#[derive(Parser, Clone, Debug)]
#[command(after_help = "Exit code: 0 after the last report, 2 on a bad option.")]
struct Options {
    /// Actors that ping each other
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pingers: u32,
    /// Pings that each actor begins with
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    initial_pings: u32,
    /// Reports until the end
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    report_count: u64,
    /// Time between two reports, in hundredths of a second
    #[arg(long, value_name = "CENTISECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=360_000))]
    report_interval: u64,
}

#[derive(Debug)]
enum Msg {
    /// These are all pingers.
    Peers(Vec<Addr<Msg>>),
    Ping,
}

struct Pinger {
    peers: Vec<Addr<Msg>>,
}

impl Actor for Pinger {
    type Msg = Msg;

    fn receive(&mut self, msg: Msg, cx: &mut Context<'_, Self>) {
        match msg {
            Msg::Peers(peers) => self.peers = peers,
            Msg::Ping => {
                let to = cx.random_below(self.peers.len() as u64) as usize;
                self.peers[to].tell(Msg::Ping, cx);
            }
        }
    }
}

#[derive(Debug)]
enum Report {
    Begin,
    Tick,
}

/// Prints a line for each interval, and ends the run after the last.
struct Reporter {
    options: Options,
    reports: u64,
    /// As of the last report.
    handled: u64,
    time: Duration,
}

impl Actor for Reporter {
    type Msg = Report;

    fn receive(&mut self, msg: Report, cx: &mut Context<'_, Self>) {
        match msg {
            Report::Begin => {
                let interval = Duration::from_millis(10 * self.options.report_interval);
                cx.every(interval, |_| Report::Tick);
            }
            Report::Tick => self.report(cx),
        }
    }
}

impl Reporter {
    fn report(&mut self, cx: &mut Context<'_, Self>) {
        let (handled, time) = (cx.stats().totals.handled, cx.now());
        let (new, took) = (handled - self.handled, time - self.time);
        (self.handled, self.time, self.reports) = (handled, time, self.reports + 1);
        let rate = new as f64 / took.as_secs_f64().max(1e-9);
        println!(
            "{:>4}  {new:>12} messages in {:>9.3} ms  {rate:>14.0} messages/s",
            self.reports,
            took.as_secs_f64() * 1e3
        );
        if self.reports == self.options.report_count {
            cx.shutdown();
        }
    }
}

fn run(options: &Options) -> Result<Summary, RunError> {
    Runtime::builder().run(|env| {
        let pingers: Vec<_> = (0..options.pingers).map(|_| env.spawn(Pinger { peers: vec![] })).collect();
        pingers.iter().for_each(|pinger| pinger.tell(Msg::Peers(pingers.clone()), env));
        for pinger in &pingers {
            (0..options.initial_pings).for_each(|_| pinger.tell(Msg::Ping, env));
        }
        let reporter = Reporter { options: options.clone(), reports: 0, handled: 0, time: Duration::ZERO };
        env.spawn(reporter).tell(Report::Begin, env);
    })
}

fn main() -> ExitCode {
    let options = Options::parse();
    println!("{} pingers, {} pings each", options.pingers, options.initial_pings);
    match run(&options) {
        Ok(summary) => {
            let (totals, seconds) = (&summary.stats.totals, summary.time.as_secs_f64().max(1e-9));
            println!(" all  {:>12} messages, {:.0} messages/s", totals.handled, totals.handled as f64 / seconds);
            println!("{} mutes, deepest mailbox {} messages", totals.mutes, totals.deepest);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("message_ubench: {error}");
            ExitCode::FAILURE
        }
    }
}
