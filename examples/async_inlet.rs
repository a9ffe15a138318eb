//! Async tasks feed actors, and actors feed an async task, each waiting for the other.
//!
//! Tasks send numbers through inlets into an actor that squares them, and a task reads the squares from an outlet. The
//! reader takes its time over each; so the outlet fills, its actor is under pressure, the squarer is muted, and the
//! tasks find its inlets not ready: they wait as tasks do, and block no thread. The executor here is `pollster`, which
//! polls one task on one thread; any other does, because nothing but the standard library's `Waker` is asked of it.

use backwater::{Actor, Addr, Context, Inlet, Outlet, Runtime};
use clap::Parser;
use std::hint::black_box;
use std::process::ExitCode;
use std::thread::{Builder, JoinHandle};

/// Async tasks on both sides of an actor.
#[derive(Parser, Clone, Debug)]
#[command(after_help = "Exit code: 0 when every number came out squared, 1 otherwise, 2 on a bad option.")]
struct Options {
    /// Tasks that send
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    tasks: u64,
    /// Numbers that each task sends
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    numbers: u64,
    /// Squares that may wait for the reader before the outlet presses
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    capacity: u64,
    /// Work that the reader does for each square, in rounds of arithmetic
    #[arg(long, value_name = "ROUNDS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(0..=100_000_000))]
    work: u64,
}

struct Squarer(Addr<u64>);

impl Actor for Squarer {
    type Msg = u64;

    fn receive(&mut self, n: u64, cx: &mut Context<'_, Self>) {
        self.0.tell(n * n, cx);
    }
}

async fn send(mut inlet: Inlet<u64>, numbers: u64) {
    for n in 1..=numbers {
        if inlet.send_async(n).await.is_err() {
            return;
        }
    }
}

async fn sum(mut outlet: Outlet<u64>, work: u64) -> u128 {
    let mut sum = 0;
    while let Some(square) = outlet.recv_async().await {
        black_box((0..work).fold(square, |x, i| black_box(x ^ (x << 7) ^ i)));
        sum += u128::from(square);
    }
    sum
}

/// A task on a thread of its own.
fn task<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    Builder::new().spawn(|| pollster::block_on(task)).expect("the machine has threads for a few tasks")
}

fn main() -> ExitCode {
    let Options { tasks, numbers, capacity, work } = Options::parse();
    let mut reader = None;
    let result = Runtime::builder().run(|env| {
        let (squares, outlet) = env.outlet(capacity as usize);
        reader = Some(task(sum(outlet, work)));
        let squarer = env.spawn(Squarer(squares));
        for _ in 0..tasks {
            let inlet = env.inlet(&squarer);
            task(send(inlet, numbers));
        }
    });
    let sum = reader.and_then(|reader| reader.join().ok());
    let n = u128::from(numbers);
    let expected = u128::from(tasks) * (n * (n + 1) * (2 * n + 1) / 6);
    match result {
        Ok(summary) => {
            let totals = &summary.stats.totals;
            println!("numbers          {:>12}  in {:.3} s", tasks * numbers, summary.time.as_secs_f64());
            println!("sum of squares   {:>12}", sum.map_or("none".into(), |sum| sum.to_string()));
            println!("mutes            {:>12}", totals.mutes);
            println!("deepest mailbox  {:>12}", totals.deepest);
            if sum == Some(expected) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("async_inlet: {error}");
            ExitCode::FAILURE
        }
    }
}
