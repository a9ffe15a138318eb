//! `backwater-peers <peer> <workload>`: the same actor workloads over other runtimes and channels.
//! Prints one line of JSON. It measures the rivals; Backwater itself has its own program, and
//! `compare` puts the two side by side.

mod cli;
mod limits;
mod measure;
mod peers;
mod work;

use clap::Parser;
use std::hint::black_box;
use std::time::Instant;

fn main() {
    let mut cli = cli::Cli::parse();
    match cli.tool.take() {
        Some(cli::Tool::Limits { filter }) => limits::run(filter.as_deref().unwrap_or("")),
        Some(cli::Tool::Spin) => calibrate(),
        None => {
            leave_on_panic();
            peers::run(&cli.run_or_exit())
        }
    }
}

/// A worker that panics would leave the main thread waiting for ever.
fn leave_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        print(info);
        std::process::exit(1);
    }));
}

fn calibrate() {
    const CALLS: u32 = 1_000_000;
    for steps in [133, 665] {
        let t = Instant::now();
        let mut x = 1;
        for _ in 0..CALLS {
            x = work::spin(x + 1, black_box(steps));
        }
        let ns = t.elapsed().as_nanos() as f64 / f64::from(CALLS);
        println!(
            "{}",
            serde_json::json!({"spin": steps, "ns": (ns * 10.0).round() / 10.0})
        );
        black_box(x);
    }
}
