//! Rings of actors that pass tokens around: the cost of one send and one run, over and over.
//!
//! Each ring has one token. It makes `--pass` hops and is gone, and when all are, the run ends by itself: no actor can
//! run any more.

use backwater::{Actor, Addr, Builder, Context, RunError, Runtime, Summary};
use clap::Parser;
use std::process::ExitCode;

/// Passes tokens around rings of actors, as Pony's `ring` does.
#[derive(Parser, Debug)]
#[command(after_help = "Exit code: 0 when every token made all its hops, 2 on a bad option.")]
pub(crate) struct Options {
    /// Actors in each ring
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    size: u32,
    /// Rings
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    count: u32,
    /// Hops that the token of each ring makes
    #[arg(long, value_name = "N", default_value_t = 250_000, value_parser = clap::value_parser!(u64).range(1..))]
    pass: u64,
}

#[derive(Debug)]
enum Msg {
    /// This is your neighbour.
    Next(Addr<Msg>),
    /// The token, with the hops that it has left.
    Token(u64),
}

struct Node {
    next: Option<Addr<Msg>>,
}

impl Actor for Node {
    type Msg = Msg;

    fn receive(&mut self, msg: Msg, cx: &mut Context<'_, Self>) {
        match (msg, &self.next) {
            (Msg::Next(next), _) => self.next = Some(next),
            (Msg::Token(left), Some(next)) if left > 0 => next.tell(Msg::Token(left - 1), cx),
            (Msg::Token(_), _) => {}
        }
    }
}

pub(crate) fn run(builder: Builder, options: &Options) -> Result<Summary, RunError> {
    builder.run(|env| {
        for _ in 0..options.count {
            let nodes: Vec<_> = (0..options.size).map(|_| env.spawn(Node { next: None })).collect();
            for (node, next) in nodes.iter().zip(nodes.iter().cycle().skip(1)) {
                node.tell(Msg::Next(next.clone()), env);
            }
            nodes[0].tell(Msg::Token(options.pass), env);
        }
    })
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(Runtime::builder(), &options) {
        Ok(summary) => {
            let hops = u64::from(options.count) * options.pass;
            let seconds = summary.time.as_secs_f64();
            println!("{} rings of {} actors: {hops} hops in {seconds:.3} s", options.count, options.size);
            println!("{:.0} hops a second, {} mutes", hops as f64 / seconds.max(1e-9), summary.stats.totals.mutes);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ring: {error}");
            ExitCode::FAILURE
        }
    }
}
