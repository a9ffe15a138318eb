//! A child process as an actor, over non-blocking pipes in the event loop.
//!
//! What its standard input does not take waits here, and meanwhile the actor is under pressure, by a guard that it keeps
//! itself: there is nothing that a notifier could forget to release. The guard goes when the pipe has taken all, when it
//! breaks, when the child has ended, and with the actor (R8), whichever is first.
//!
//! Not here: what is done with the output; that is the notifier's. `io` is the pipes, `notify` what the notifier hears.

mod io;
mod notify;

use super::errand;
use super::event_loop::{self, Signal, What};
use super::network::Pipes;
use crate::actor::{Actor, Addr, Context, PressureGuard, SpawnOptions, hold_at};
use crate::auth::{ApplyReleaseBackpressureAuth, ProcessAuth};
use crate::event::Place;
use crate::sync::{Arc, thread};
pub use io::ChildIo;
use io::End;
pub use notify::{ChildError, ChildNotify};
use shared_child::SharedChild;
use std::fmt::{self, Debug};
use std::io::{Error, ErrorKind, Result};
use std::panic::Location;
use std::process::{Command, ExitStatus, Stdio};

/// The most that is read of both outputs in one behaviour: with more there, other actors have their turn first.
const READ_AT_ONCE: usize = 64 << 10;
/// Likewise for what is written.
const WRITE_AT_ONCE: usize = 1 << 20;
/// The most that is read after the child has ended: as much as its pipes can have held. Another process may have
/// inherited them, and write for ever.
const LAST: usize = 2 << 20;

/// What a child process can be sent. After the end all of it is dropped, or a dead letter if the actor is gone.
#[non_exhaustive]
pub enum Child {
    /// [`ChildIo::write`].
    Write(Vec<u8>),
    /// [`ChildIo::done_writing`].
    DoneWriting,
    /// [`ChildIo::kill`]. To one that may press, send it on the control lane
    /// ([`Addr::tell_control`](crate::Addr::tell_control)): who cleans up should not be held back.
    Kill,
    /// The same, by the name that actors which own something know.
    Dispose,
    /// Has another notifier from now on.
    SetNotify(Box<dyn ChildNotify>),
    /// For the runtime.
    Signal(Signal),
}

impl From<Signal> for Child {
    fn from(signal: Signal) -> Self {
        Child::Signal(signal)
    }
}

impl Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Child::Write(data) => write!(f, "Write({} bytes)", data.len()),
            Child::DoneWriting => f.write_str("DoneWriting"),
            Child::Kill => f.write_str("Kill"),
            Child::Dispose => f.write_str("Dispose"),
            Child::SetNotify(_) => f.write_str("SetNotify(..)"),
            Child::Signal(signal) => signal.fmt(f),
        }
    }
}

/// The actor that a child process is. It keeps the runtime alive until the child has ended, and stops by itself then. The
/// child does not outlive it: an actor that ends earlier, with the runtime or by a panic, kills it.
///
/// ```
/// use backwater::process::{Child, ChildIo, ChildNotify, ChildProcess};
/// use backwater::{ApplyReleaseBackpressureAuth, Context, ProcessAuth};
/// use std::process::{Command, ExitStatus};
///
/// struct Sorted(Vec<u8>);
/// impl ChildNotify for Sorted {
///     fn created(&mut self, io: &mut ChildIo, _: &mut Context<'_, ChildProcess>) {
///         io.write("b\na\n");
///         io.done_writing();
///     }
///     fn stdout(&mut self, _: &mut ChildIo, data: Vec<u8>, _: &mut Context<'_, ChildProcess>) {
///         self.0.extend(data);
///     }
///     fn exited(&mut self, status: ExitStatus, _: &mut Context<'_, ChildProcess>) {
///         assert!(status.success() && self.0 == b"a\nb\n");
///     }
/// }
///
/// backwater::run(|env| {
///     let (auth, press) = (ProcessAuth::from(&env.root), ApplyReleaseBackpressureAuth::from(&env.root));
///     ChildProcess::start(&auth, &press, Command::new("sort"), Sorted(Vec::new())).spawn(env);
/// }).unwrap();
/// ```
pub struct ChildProcess {
    notify: Box<dyn ChildNotify>,
    /// Taken at the start.
    command: Option<Command>,
    io: ChildIo,
    stdout: Option<End>,
    stderr: Option<End>,
    guard: Option<PressureGuard>,
    /// Where it was made: a report names it as the line that presses.
    place: Place,
    waiter: Option<thread::JoinHandle<()>>,
    ended: Option<ExitStatus>,
    /// After its end: bytes of its output that we still read.
    last: usize,
    over: bool,
    may_read: usize,
    may_write: usize,
}

impl Debug for ChildProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildProcess").field("io", &self.io).field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// A child process that is to be started: [`spawn`](Self::spawn) it.
#[must_use = "nothing is started until `spawn`"]
#[derive(Debug)]
pub struct ChildStart(ChildProcess);

impl ChildStart {
    /// Creates the actor, which starts the child.
    #[track_caller]
    pub fn spawn<A: Actor>(self, cx: &mut Context<'_, A>) -> Addr<Child> {
        self.spawn_with(SpawnOptions::new(), cx)
    }

    /// Like [`spawn`](Self::spawn), with a name, a batch or a detector of its own.
    #[track_caller]
    pub fn spawn_with<A: Actor>(mut self, options: SpawnOptions, cx: &mut Context<'_, A>) -> Addr<Child> {
        self.0.place = Location::caller();
        let me = cx.spawn_with(options.pinned(), self.0);
        event_loop::start(cx.core(), &me);
        me
    }
}

impl ChildProcess {
    /// A child process by this command, with its three standard streams as pipes to us, whatever the command says of
    /// them. Whatever is wrong with it comes as [`failed`](ChildNotify::failed).
    #[track_caller]
    pub fn start(
        _auth: &ProcessAuth,
        _press: &ApplyReleaseBackpressureAuth,
        command: Command,
        notify: impl ChildNotify,
    ) -> ChildStart {
        ChildStart(ChildProcess {
            notify: Box::new(notify),
            command: Some(command),
            io: ChildIo::new(),
            stdout: None,
            stderr: None,
            guard: None,
            place: Location::caller(),
            waiter: None,
            ended: None,
            last: LAST,
            over: false,
            may_read: READ_AT_ONCE,
            may_write: WRITE_AT_ONCE,
        })
    }

    fn begin(&mut self, cx: &mut Context<'_, Self>) {
        let Some(mut command) = self.command.take() else { return };
        match self.launch(&mut command, cx) {
            Ok(()) => self.notify.created(&mut self.io, cx),
            Err(why) => {
                self.close_all();
                self.over = true;
                let program = command.get_program().to_string_lossy().into_owned();
                self.notify.failed(ChildError { program, why }, cx);
            }
        }
    }

    fn launch(&mut self, command: &mut Command, cx: &mut Context<'_, Self>) -> Result<()> {
        let network = event_loop::network(cx).map_err(Error::other)?;
        if !network.has_processes() {
            return Err(Error::new(ErrorKind::Unsupported, "a simulated network has no processes"));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = Arc::new(SharedChild::spawn(command)?);
        self.io.begin(child.clone());
        let Pipes { stdin, stdout, stderr } = network.pipes(&child)?;
        *self.io.stdin() = End::enter(stdin, cx)?;
        self.stdout = End::enter(stdout, cx)?;
        self.stderr = End::enter(stderr, cx)?;
        self.waiter =
            errand::send_out("backwater-child", move || What::Exited(child.wait()), |why| What::Exited(Err(why)), cx);
        Ok(())
    }

    fn signal(&mut self, what: What, cx: &mut Context<'_, Self>) {
        match what {
            What::Start => self.begin(cx),
            What::Wake => {
                End::look(self.io.stdin(), cx);
                End::look(&mut self.stdout, cx);
                End::look(&mut self.stderr, cx);
            }
            What::Exited(Ok(status)) => self.has_ended(status),
            // There was no thread to wait for it: it is killed, and that takes no time to wait for.
            What::Exited(Err(_)) => {
                let status = self.io.kill_and_wait();
                self.has_ended(status);
            }
            _ => {}
        }
    }

    /// What it wrote before its end is still read.
    fn has_ended(&mut self, status: ExitStatus) {
        self.ended = Some(status);
        self.io.end();
        for end in [&mut self.stdout, &mut self.stderr] {
            end.iter_mut().for_each(|end| end.ready = true);
        }
    }

    /// Does what can be done now, and tells the notifier.
    fn settle(&mut self, cx: &mut Context<'_, Self>) {
        if let Some((lost, why)) = self.io.flush(&mut self.may_write) {
            self.notify.stdin_closed(&mut self.io, lost, why, cx);
        }
        let behind = self.io.backlog() > 0;
        match &self.guard {
            None if behind => self.guard = Some(hold_at(self.place, cx)),
            Some(_) if !behind => self.guard = None,
            _ => {}
        }
        while let Some(data) = End::read(&mut self.stdout, &mut self.may_read) {
            self.notify.stdout(&mut self.io, data, cx);
        }
        while let Some(data) = End::read(&mut self.stderr, &mut self.may_read) {
            self.notify.stderr(&mut self.io, data, cx);
        }
        if self.has_more() {
            return event_loop::go_on(cx);
        }
        self.finish(cx);
    }

    /// Is there more to do that did not fit into this behaviour?
    fn has_more(&mut self) -> bool {
        if self.ended.is_some() {
            self.last = self.last.saturating_sub(READ_AT_ONCE - self.may_read);
        }
        let reads = [&self.stdout, &self.stderr].into_iter().any(End::is_ready);
        (reads && self.last > 0) || self.io.has_more()
    }

    fn finish(&mut self, cx: &mut Context<'_, Self>) {
        if let Some(status) = self.ended.take() {
            self.close_all();
            self.over = true;
            self.notify.exited(status, cx);
        }
        // As for a connection: a forgotten release is to be seen (R10).
        if self.over && !cx.is_under_pressure() {
            cx.stop();
        }
    }

    fn close_all(&mut self) {
        self.io.close();
        (self.stdout, self.stderr, self.guard) = (None, None, None);
    }
}

impl Actor for ChildProcess {
    type Msg = Child;

    fn receive(&mut self, msg: Child, cx: &mut Context<'_, Self>) {
        (self.may_read, self.may_write) = (READ_AT_ONCE, WRITE_AT_ONCE);
        match msg {
            Child::Write(data) => self.io.write(data),
            Child::DoneWriting => self.io.done_writing(),
            Child::Kill | Child::Dispose => self.io.kill(),
            Child::SetNotify(notify) => self.notify = notify,
            Child::Signal(Signal(what)) => self.signal(what, cx),
        }
        self.settle(cx);
    }
}

impl Drop for ChildProcess {
    /// Nobody would ever wait for it: it is killed and waited for.
    fn drop(&mut self) {
        self.close_all();
        match self.waiter.take() {
            Some(waiter) => {
                self.io.kill();
                // It does nothing that could panic.
                let _ = waiter.join();
            }
            None => drop(self.io.kill_and_wait()),
        }
    }
}
