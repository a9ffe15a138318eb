//! The clients.

use crate::server::Server;
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// How long the clients that read go on before it counts, and how long those that never read are watched alone.
const WARM_UP: Duration = Duration::from_millis(500);
const ALONE: Duration = Duration::from_secs(2);
/// Between two looks whether the clients that never read have filled all buffers.
const LOOK: Duration = Duration::from_millis(200);

/// Who connects, and what they do.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Send a chunk, wait until it has come back, and so on.
    pub readers: u32,
    /// Send as much as goes, and never read.
    pub stalled: u32,
    pub chunk: usize,
    pub time: Duration,
}

#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// What came back to those who read.
    pub mb_per_s: f64,
    pub peak_mb: f64,
    /// Of the server, while only those who never read were left.
    pub idle_ms_per_s: f64,
}

#[derive(Default)]
struct Shared {
    bytes: AtomicU64,
    stop: AtomicBool,
}

pub async fn measure(server: &Server, crowd: Crowd) -> Result<Measured> {
    let flood = Arc::new(Shared::default());
    let mut stalled = Vec::new();
    for _ in 0..crowd.stalled {
        stalled.push(tokio::spawn(never_read(TcpStream::connect(server.at).await?, flood.clone())));
    }
    until_full(&flood).await;
    let shared = Arc::new(Shared::default());
    let mut readers: Vec<JoinHandle<()>> = Vec::new();
    for _ in 0..crowd.readers {
        let stream = TcpStream::connect(server.at).await?;
        readers.push(tokio::spawn(read_all(stream, crowd.chunk, shared.clone())));
    }
    tokio::time::sleep(WARM_UP).await;
    let (before, begun) = (shared.bytes.load(Relaxed), Instant::now());
    tokio::time::sleep(crowd.time).await;
    let echoed = shared.bytes.load(Relaxed) - before;
    let mb_per_s = echoed as f64 / 1e6 / begun.elapsed().as_secs_f64();
    shared.stop.store(true, Relaxed);
    for reader in readers {
        reader.await?;
    }
    tokio::time::sleep(LOOK).await;
    let (before, begun) = (server.cpu_ms()?, Instant::now());
    tokio::time::sleep(ALONE).await;
    let idle_ms_per_s = (server.cpu_ms()? - before) / begun.elapsed().as_secs_f64();
    stalled.into_iter().for_each(|task| task.abort());
    Ok(Measured { mb_per_s, peak_mb: server.peak_mb()?, idle_ms_per_s })
}

async fn read_all(mut stream: TcpStream, chunk: usize, shared: Arc<Shared>) {
    let (data, mut back) = (vec![b'.'; chunk], vec![0; chunk]);
    while !shared.stop.load(Relaxed) {
        if stream.write_all(&data).await.is_err() || stream.read_exact(&mut back).await.is_err() {
            return;
        }
        shared.bytes.fetch_add(chunk as u64, Relaxed);
    }
}

async fn never_read(mut stream: TcpStream, shared: Arc<Shared>) {
    let data = vec![b'.'; 16 << 10];
    while let Ok(n) = stream.write(&data).await {
        shared.bytes.fetch_add(n as u64, Relaxed);
    }
}

/// Until nothing more went through for a while: every buffer on the way is full.
async fn until_full(flood: &Shared) {
    let mut quiet = 0;
    let mut before = 0;
    while quiet < 3 {
        tokio::time::sleep(LOOK).await;
        let now = flood.bytes.load(Relaxed);
        quiet = if now == before { quiet + 1 } else { 0 };
        before = now;
    }
}
