//! The rivals, one module each. Every `run` builds its actors, starts the clock, lets them work
//! and leaves the process with its line printed.

mod actix;
mod channels;
mod floor;
mod kameo;
mod ractor;
mod threads;

use crate::cli::Cfg;
use backwater_peers::Peer;

pub fn run(c: &Cfg) -> ! {
    match c.peer {
        Peer::Floor => floor::run(c),
        Peer::Actix => actix::run(c),
        Peer::Ractor => ractor::run(c),
        Peer::Kameo => kameo::run(c),
        Peer::Tokio => channels::run::<channels::TokioBounded>(c),
        Peer::TokioUnbounded => channels::run::<channels::TokioUnbounded>(c),
        Peer::KanalTokio => channels::run::<channels::Kanal>(c),
        Peer::FlumeTokio => channels::run::<channels::Flume>(c),
        Peer::CrossbeamThreads => threads::run(c),
    }
}

/// A tokio runtime of the size asked for, or a message and exit 1 (no thread to be had).
fn tokio_runtime(threads: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_time()
        .build()
        .unwrap_or_else(|e| give_up(&format!("cannot start {threads} workers: {e}")))
}

/// Ends the process with a message: the machine cannot do what was asked.
fn give_up(message: &str) -> ! {
    eprintln!("error: {message}");
    std::process::exit(1)
}
