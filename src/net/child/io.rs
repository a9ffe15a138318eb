//! The pipes of a child process. Nothing here calls the notifier.

use super::ChildProcess;
use crate::actor::Context;
use crate::net::backlog::Backlog;
use crate::net::event_loop::{self, Registered};
use crate::net::network::Pipe;
use crate::sync::Arc;
use shared_child::SharedChild;
use std::fmt::{self, Debug};
use std::io::{self, ErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// The most that one read takes.
const READ: usize = 16 << 10;
/// The status of a process that was killed.
const KILLED: i32 = 9;

/// A child process as its notifier sees it: to write, to end, to ask. None of its methods calls the notifier.
pub struct ChildIo {
    child: Option<Arc<SharedChild>>,
    stdin: Option<End>,
    backlog: Backlog,
    /// No more writes are taken; what waits still goes out.
    done: bool,
}

impl Debug for ChildIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildIo").field("pid", &self.pid()).field("backlog", &self.backlog.bytes()).finish()
    }
}

impl ChildIo {
    /// Writes to its standard input. What the pipe does not take at once waits, in order, in memory, and the actor is
    /// under pressure until all of it has gone. After [`done_writing`](Self::done_writing), or when the child takes no
    /// more, it does nothing.
    pub fn write(&mut self, data: impl Into<Vec<u8>>) {
        if self.stdin.is_some() && !self.done {
            self.backlog.push(data.into());
        }
    }

    /// Writes what waits, and closes its standard input: the child reads the end.
    pub fn done_writing(&mut self) {
        self.done = true;
    }

    /// Ends the child at once, as the machine can. It is waited for, and
    /// [`exited`](crate::process::ChildNotify::exited) says how it ended. A child that has ended by itself is left alone.
    pub fn kill(&mut self) {
        if let Some(child) = &self.child {
            // It fails if the child is gone, which is what was wished for.
            let _ = child.kill();
        }
    }

    /// Its number with the machine, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(|child| child.id())
    }

    /// Bytes that wait for its standard input.
    pub fn backlog(&self) -> usize {
        self.backlog.bytes()
    }
}

/// For the actor.
impl ChildIo {
    pub(super) fn new() -> Self {
        ChildIo { child: None, stdin: None, backlog: Backlog::default(), done: false }
    }

    pub(super) fn begin(&mut self, child: Arc<SharedChild>) {
        self.child = Some(child);
    }

    pub(super) fn stdin(&mut self) -> &mut Option<End> {
        &mut self.stdin
    }

    pub(super) fn has_more(&self) -> bool {
        End::is_ready(&self.stdin) && !self.backlog.is_empty()
    }

    /// Nothing is written any more.
    pub(super) fn close(&mut self) {
        self.stdin = None;
        self.backlog.clear();
    }

    /// The child has ended, and was waited for.
    pub(super) fn end(&mut self) {
        self.close();
        self.child = None;
    }

    pub(super) fn kill_and_wait(&mut self) -> ExitStatus {
        self.kill();
        let waited = self.child.take().and_then(|child| child.wait().ok());
        waited.unwrap_or_else(|| ExitStatus::from_raw(KILLED))
    }

    /// Writes what the pipe takes. If the pipe breaks, says how much was lost, and why.
    pub(super) fn flush(&mut self, budget: &mut usize) -> Option<(usize, io::Error)> {
        let ChildIo { stdin, backlog, done, .. } = self;
        let end = stdin.as_mut()?;
        while end.ready && !backlog.is_empty() && *budget > 0 {
            match backlog.write(|data| end.pipe.write(data)) {
                Ok(n) => *budget = budget.saturating_sub(n),
                Err(why) => match why.kind() {
                    ErrorKind::WouldBlock => end.ready = false,
                    ErrorKind::Interrupted => {}
                    _ => {
                        let lost = backlog.bytes();
                        self.close();
                        return Some((lost, why));
                    }
                },
            }
        }
        if *done && backlog.is_empty() {
            *stdin = None;
        }
        None
    }
}

/// Our end of one of its pipes.
pub(super) struct End {
    pipe: Box<dyn Pipe>,
    key: Arc<Registered>,
    /// As far as we know a call does not say `WouldBlock`.
    pub(super) ready: bool,
}

impl End {
    pub(super) fn enter(mut pipe: Box<dyn Pipe>, cx: &mut Context<'_, ChildProcess>) -> io::Result<Option<End>> {
        let key = event_loop::enter(cx, |key| pipe.register(key))?;
        Ok(Some(End { pipe, key, ready: true }))
    }

    pub(super) fn look(end: &mut Option<End>, cx: &mut Context<'_, ChildProcess>) {
        if let Some(end) = end {
            let ready = event_loop::look(cx, end.key.key);
            end.ready |= ready.readable || ready.writable;
        }
    }

    pub(super) fn is_ready(end: &Option<End>) -> bool {
        end.as_ref().is_some_and(|end| end.ready)
    }

    /// Reads what is there, up to the budget.
    pub(super) fn read(from: &mut Option<End>, budget: &mut usize) -> Option<Vec<u8>> {
        let end = from.as_mut()?;
        let mut buffer = [0; READ];
        while end.ready && *budget > 0 {
            match end.pipe.read(&mut buffer) {
                Ok(0) => {
                    *from = None;
                    return None;
                }
                Ok(n) => {
                    *budget = budget.saturating_sub(n);
                    return Some(buffer[..n].to_vec());
                }
                Err(why) => match why.kind() {
                    ErrorKind::WouldBlock => end.ready = false,
                    ErrorKind::Interrupted => {}
                    // A pipe that cannot be read has come to its end.
                    _ => {
                        *from = None;
                        return None;
                    }
                },
            }
        }
        None
    }
}
