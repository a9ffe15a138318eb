//! What a child process tells the program.

use super::{ChildIo, ChildProcess};
use crate::actor::Context;
use std::fmt;
use std::io;
use std::process::ExitStatus;

/// Hears what happens to a child process. A plain value, kept and called by the child's actor.
///
/// `created` comes first, or `failed` and nothing more; the last call is `exited`, when the child has ended and all that
/// it had written by then was read.
#[expect(unused_variables, reason = "the names are for the reader")]
pub trait ChildNotify: Send + 'static {
    /// It runs.
    fn created(&mut self, io: &mut ChildIo, cx: &mut Context<'_, ChildProcess>) {}

    /// It could not be started. The last call.
    fn failed(&mut self, why: ChildError, cx: &mut Context<'_, ChildProcess>) {}

    /// It wrote this to its standard output. While nobody takes it, because this actor is muted, the pipe fills and the
    /// child waits.
    fn stdout(&mut self, io: &mut ChildIo, data: Vec<u8>, cx: &mut Context<'_, ChildProcess>) {}

    /// It wrote this to its standard error.
    fn stderr(&mut self, io: &mut ChildIo, data: Vec<u8>, cx: &mut Context<'_, ChildProcess>) {}

    /// It takes no more at its standard input, though it may go on: what waited, so many bytes, is dropped, and so is
    /// what comes.
    fn stdin_closed(&mut self, io: &mut ChildIo, lost: usize, why: io::Error, cx: &mut Context<'_, ChildProcess>) {}

    /// It has ended. The last call.
    fn exited(&mut self, status: ExitStatus, cx: &mut Context<'_, ChildProcess>) {}
}

/// Why a child process could not be started.
#[derive(Debug)]
pub struct ChildError {
    pub(super) program: String,
    pub(super) why: io::Error,
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ChildError { program, why } = self;
        write!(f, "cannot start `{program}` ({why}); check its path and that it may be run")
    }
}

impl std::error::Error for ChildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.why)
    }
}
