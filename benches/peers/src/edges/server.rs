//! The servers: how each is started, and the one over tokio itself.

use anyhow::{Context, Result, ensure};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server in a process of its own; killed when dropped.
pub struct Server {
    process: Option<Child>,
    pub pid: u32,
    pub at: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Server {
    pub fn ours(program: &Path) -> Result<Server> {
        Server::start(Command::new(program).args(["--listen", "127.0.0.1:0"]))
    }

    pub fn tokio() -> Result<Server> {
        Server::start(Command::new(std::env::current_exe()?).arg("--serve"))
    }

    /// One in this process.
    #[cfg(test)]
    pub fn here(at: SocketAddr) -> Server {
        Server { process: None, pid: std::process::id(), at }
    }

    /// Both say `listening at ADDRESS` first.
    fn start(command: &mut Command) -> Result<Server> {
        let mut process = command.stdout(Stdio::piped()).spawn().with_context(|| format!("{command:?}"))?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("it is piped")).read_line(&mut line)?;
        let at = line.trim().strip_prefix("listening at ");
        ensure!(at.is_some(), "{command:?} said `{line}`, and not where it listens");
        let at = at.unwrap_or_default().parse()?;
        Ok(Server { pid: process.id(), process: Some(process), at })
    }

    /// Peak resident memory, in MB.
    pub fn peak_mb(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb: f64 = line.and_then(|line| line.split_whitespace().next()).context("no VmHWM")?.parse()?;
        Ok(kb * 1_024.0 / 1e6)
    }

    /// Processor time so far, in milliseconds: as the machine counts it, in hundredths of a second.
    pub fn cpu_ms(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The name before may have spaces.
        let rest = stat.rsplit_once(')').context("no name in stat")?.1;
        let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        Ok(ticks.sum::<Result<f64, _>>()? * 10.0)
    }
}

/// Serves until it is killed, with one thread as ours has.
pub fn serve() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening at {}", listener.local_addr()?);
        echo(listener).await;
        Ok(())
    })
}

/// A task for each connection, which writes back what it reads and reads no more until that is written.
pub async fn echo(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut buffer = vec![0; 16 << 10];
            while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                if stream.write_all(&buffer[..n]).await.is_err() {
                    return;
                }
            }
        });
    }
}
