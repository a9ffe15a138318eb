//! A network of one connection that does what a script says.

use super::{NOWHERE, WouldBlock};
use crate::net::network::{Buffers, Key, Listener, Network, Readiness, Setting, Settings, Stream};
use crate::sync::{Arc, Mutex, lock};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::time::Duration;

/// A network with one connection, on which everything goes by the script.
#[derive(Clone, Default)]
pub(super) struct Scripted(pub(super) Arc<Mutex<Script>>);

#[derive(Default)]
pub(super) struct Script {
    pub(super) key: Option<Key>,
    /// What each poll tells; when it is over, waiting is an error, so that the run ends.
    pub(super) ready: VecDeque<Readiness>,
    /// What each read gives; then `WouldBlock`.
    pub(super) reads: VecDeque<Result<&'static str, ErrorKind>>,
    /// What each accept gives; then `WouldBlock`.
    pub(super) accepts: VecDeque<Result<(), ErrorKind>>,
    /// How much each write takes; then `WouldBlock`.
    pub(super) writes: VecDeque<Result<usize, ErrorKind>>,
    pub(super) written: Vec<u8>,
    pub(super) write_calls: u32,
}

impl Network for Scripted {
    fn connect(&mut self, _: SocketAddr, _: Buffers) -> io::Result<Box<dyn Stream>> {
        Ok(Box::new(self.clone()))
    }

    fn listen(&mut self, _: SocketAddr) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(self.clone()))
    }

    fn poll(&mut self, timeout: Option<Duration>, ready: &mut Vec<(Key, Readiness)>) -> io::Result<()> {
        let mut script = lock(&self.0);
        match (script.key, script.ready.pop_front()) {
            (Some(key), Some(now)) => ready.push((key, now)),
            _ if timeout == Some(Duration::ZERO) => {}
            _ => return Err(io::Error::other("the script is over")),
        }
        Ok(())
    }

    fn ringer(&self) -> Box<dyn Fn() + Send + Sync> {
        Box::new(|| {})
    }
}

impl Stream for Scripted {
    fn register(&mut self, key: Key) -> io::Result<()> {
        lock(&self.0).key = Some(key);
        Ok(())
    }

    fn connected(&mut self) -> io::Result<Option<(SocketAddr, SocketAddr)>> {
        Ok(Some((NOWHERE, NOWHERE)))
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let text = lock(&self.0).reads.pop_front().unwrap_or(Err(WouldBlock))?;
        buffer[..text.len()].copy_from_slice(text.as_bytes());
        Ok(text.len())
    }

    fn write(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut script = lock(&self.0);
        script.write_calls += 1;
        let most = script.writes.pop_front().unwrap_or(Err(WouldBlock))?;
        let taken: Vec<u8> = data.iter().flat_map(|slice| slice.iter().copied()).take(most).collect();
        script.written.extend_from_slice(&taken);
        Ok(taken.len())
    }

    fn shut(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn error(&mut self) -> Option<io::Error> {
        None
    }

    fn set(&mut self, _: Setting) -> io::Result<()> {
        Ok(())
    }

    fn settings(&self) -> io::Result<Settings> {
        Ok(Settings::default())
    }
}

impl Listener for Scripted {
    fn register(&mut self, key: Key) -> io::Result<()> {
        Stream::register(self, key)
    }

    fn accept(&mut self) -> io::Result<(Box<dyn Stream>, SocketAddr)> {
        lock(&self.0).accepts.pop_front().unwrap_or(Err(WouldBlock))?;
        Ok((Box::new(Scripted::default()), NOWHERE))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(NOWHERE)
    }
}
