//! The pipes of a child process.

use crate::net::network::{Key, Pipe, Pipes};
use crate::sync::Arc;
use mio::unix::pipe::{Receiver, Sender};
use mio::{Interest, Registry, Token};
use shared_child::SharedChild;
use std::io::{self, IoSlice, Read, Write};

/// # Panics
/// If the child's streams are no pipes, or were taken before.
pub(super) fn of(child: &SharedChild, registry: &Arc<Registry>) -> io::Result<Pipes> {
    const PIPED: &str = "all three streams are pipes, and are taken once";
    let stdin = Sender::from(child.take_stdin().expect(PIPED));
    let (stdout, stderr) = (child.take_stdout().expect(PIPED), child.take_stderr().expect(PIPED));
    let (stdout, stderr) = (Receiver::from(stdout), Receiver::from(stderr));
    stdin.set_nonblocking(true)?;
    stdout.set_nonblocking(true)?;
    stderr.set_nonblocking(true)?;
    let output = |pipe| Box::new(Output { pipe, registry: registry.clone() });
    let stdin = Box::new(Input { pipe: stdin, registry: registry.clone() });
    Ok(Pipes { stdin, stdout: output(stdout), stderr: output(stderr) })
}

struct Input {
    pipe: Sender,
    registry: Arc<Registry>,
}

impl Pipe for Input {
    fn register(&mut self, key: Key) -> io::Result<()> {
        self.registry.register(&mut self.pipe, Token(key.0), Interest::WRITABLE)
    }

    fn write(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        self.pipe.write_vectored(data)
    }
}

struct Output {
    pipe: Receiver,
    registry: Arc<Registry>,
}

impl Pipe for Output {
    fn register(&mut self, key: Key) -> io::Result<()> {
        self.registry.register(&mut self.pipe, Token(key.0), Interest::READABLE)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.pipe.read(buffer)
    }
}
