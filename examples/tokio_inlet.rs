//! Async tasks feed actors, and actors feed an async task, each waiting for the other.
//!
//! Tasks send numbers through inlets into an actor that squares them, and a task reads the squares from an outlet. The
//! reader takes its time over each; so the outlet fills, its actor is under pressure, the squarer is muted, and the
//! tasks find its inlets not ready: they wait as tasks do, and block no thread. The tasks run under tokio, or with
//! `--executor` under smol, or each on a thread of its own by a `block_on` of ten lines: nothing but the standard
//! library's `Waker` is asked of an executor, and the runtime itself needs none.

use backwater::{Actor, Addr, Context, Inlet, Outlet, Runtime};
use clap::{Parser, ValueEnum};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context as Task, Poll, Wake};
use std::thread::{self, Thread};

/// Async tasks on both sides of an actor.
#[derive(Parser, Clone, Debug)]
#[command(after_help = "Exit code: 0 when every number came out squared, 1 otherwise, 2 on a bad option.")]
struct Options {
    /// Who runs the tasks
    #[arg(long, value_enum, default_value_t = Executor::Tokio)]
    executor: Executor,
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

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Executor {
    /// One tokio runtime with two workers
    Tokio,
    /// smol's global executor
    Smol,
    /// A thread for each task
    Bare,
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

/// Squares between two lines of progress.
const REPORT: u64 = 50_000;

async fn sum(mut outlet: Outlet<u64>, work: u64) -> u128 {
    let (mut sum, mut squares) = (0, 0u64);
    while let Some(square) = outlet.recv_async().await {
        black_box((0..work).fold(square, |x, i| black_box(x ^ (x << 7) ^ i)));
        sum += u128::from(square);
        squares += 1;
        if squares.is_multiple_of(REPORT) {
            println!("{squares:>10} squares read");
        }
    }
    sum
}

/// What every executor makes of a task: something to wait for.
type Running<T> = Box<dyn FnOnce() -> T>;

/// Starts tasks, under the executor that was asked for.
enum Tasks {
    Tokio(tokio::runtime::Runtime),
    Smol,
    Bare,
}

impl Tasks {
    fn under(executor: Executor) -> Tasks {
        let tokio = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
        match executor {
            Executor::Tokio => Tasks::Tokio(tokio().expect("the machine has threads for two workers")),
            Executor::Smol => Tasks::Smol,
            Executor::Bare => Tasks::Bare,
        }
    }

    fn start<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> Running<T> {
        match self {
            Tasks::Tokio(runtime) => {
                let (task, handle) = (runtime.spawn(task), runtime.handle().clone());
                Box::new(move || handle.block_on(task).expect("a task does not panic"))
            }
            Tasks::Smol => {
                let task = smol::spawn(task);
                Box::new(move || smol::block_on(task))
            }
            Tasks::Bare => {
                let thread = thread::Builder::new().spawn(|| block_on(task)).expect("the machine has a few threads");
                Box::new(move || thread.join().expect("a task does not panic"))
            }
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The least that an executor can be.
fn block_on<T>(task: impl Future<Output = T>) -> T {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut task: Pin<&mut _> = pin!(task);
    loop {
        if let Poll::Ready(result) = task.as_mut().poll(&mut Task::from_waker(&waker)) {
            return result;
        }
        thread::park();
    }
}

fn main() -> ExitCode {
    let Options { executor, tasks, numbers, capacity, work } = Options::parse();
    let executor = Tasks::under(executor);
    let mut reader = None;
    let mut senders = Vec::new();
    let result = Runtime::builder().run(|env| {
        let (squares, outlet) = env.outlet(capacity as usize);
        reader = Some(executor.start(sum(outlet, work)));
        let squarer = env.spawn(Squarer(squares));
        for _ in 0..tasks {
            let inlet = env.inlet(&squarer);
            senders.push(executor.start(send(inlet, numbers)));
        }
    });
    senders.into_iter().for_each(|sender| sender());
    let sum = reader.map(|reader| reader());
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
            eprintln!("tokio_inlet: {error}");
            ExitCode::FAILURE
        }
    }
}
