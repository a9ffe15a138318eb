//! Many actors send to one, each as fast as it may: Pony's `mailbox` example.
//!
//! It prints what the one has received as it goes, through the standard output's own actor. With `| head` at the end of
//! the line the pipe breaks after ten lines, and the run goes on to its end in silence; with `| less` the pipe is full
//! after a screen, and the whole program waits, because who prints into a full pipe is held back like any sender.

use backwater::{Actor, Addr, Context, Output, Runtime};
use clap::Parser;
use std::process::ExitCode;

/// Many senders to one mailbox.
#[derive(Parser, Clone, Debug)]
#[command(after_help = "Exit code: 0 when every message was received, 2 on a bad option.")]
struct Options {
    /// Actors that send
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    senders: u64,
    /// Messages that each sends, one a behaviour
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    messages: u64,
    /// Print a line after each so many messages received
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
}

#[derive(Debug)]
struct Ping;

struct Mailbox {
    out: Addr<Output>,
    received: u64,
    every: u64,
}

impl Actor for Mailbox {
    type Msg = Ping;

    fn receive(&mut self, Ping: Ping, cx: &mut Context<'_, Self>) {
        self.received += 1;
        if self.received.is_multiple_of(self.every) {
            self.out.tell(format!("{:>12} received\n", self.received).into(), cx);
        }
    }
}

#[derive(Debug)]
struct Go;

struct Sender {
    to: Addr<Ping>,
    left: u64,
}

impl Actor for Sender {
    type Msg = Go;

    fn receive(&mut self, Go: Go, cx: &mut Context<'_, Self>) {
        self.to.tell(Ping, cx);
        self.left -= 1;
        if self.left > 0 {
            cx.tell_self(Go);
        }
    }
}

fn main() -> ExitCode {
    let Options { senders, messages, every } = Options::parse();
    let result = Runtime::builder().actor_stats(false).run(|env| {
        let out = env.out.clone();
        let to = env.spawn(Mailbox { out, received: 0, every });
        for _ in 0..senders {
            env.spawn(Sender { to: to.clone(), left: messages }).tell(Go, env);
        }
    });
    match result {
        Ok(summary) => {
            let (totals, time) = (&summary.stats.totals, summary.time.as_secs_f64());
            // Standard output may be gone by now.
            eprintln!(
                "{} messages in {time:.3} s, {} mutes, deepest mailbox {}",
                senders * messages,
                totals.mutes,
                totals.deepest
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("mailbox: {error}");
            ExitCode::FAILURE
        }
    }
}
