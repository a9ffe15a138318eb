//! A program on a simulated host that follows a script: the other end of a connection under test.

use super::kernel::{Id, Kernel};
use crate::sync::{Arc, Mutex, lock};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::time::Duration;

/// The most that a peer reads at once.
const READ: usize = 16 << 10;

/// What a scripted peer does, step by step. After the last step it closes: what came and was not read by then makes
/// the end a reset, as on a real machine.
#[derive(Clone, Debug, Default)]
#[must_use = "a script does nothing before it is given to a simulated network"]
pub struct Script(VecDeque<Step>);

#[derive(Clone, Debug)]
enum Step {
    Read(usize),
    ReadToEnd,
    Echo,
    Write(Vec<u8>),
    Wait(Duration),
    Until(Cue),
    Shut,
    Reset,
}

impl Script {
    /// Does nothing yet.
    pub fn new() -> Self {
        Script::default()
    }

    fn then(mut self, step: Step) -> Self {
        self.0.push_back(step);
        self
    }

    /// Reads so many bytes.
    pub fn read(self, bytes: usize) -> Self {
        self.then(Step::Read(bytes))
    }

    /// Reads until the other end has shut its half.
    pub fn read_to_end(self) -> Self {
        self.then(Step::ReadToEnd)
    }

    /// Sends back what it reads, until the other end has shut its half.
    pub fn echo(self) -> Self {
        self.then(Step::Echo)
    }

    /// Writes all of this.
    pub fn write(self, data: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Write(data.into()))
    }

    /// Does nothing for so long.
    pub fn wait(self, time: Duration) -> Self {
        self.then(Step::Wait(time))
    }

    /// Does nothing until it is given the cue.
    pub fn until(self, cue: &Cue) -> Self {
        self.then(Step::Until(cue.clone()))
    }

    /// Shuts its half: it writes no more.
    pub fn shut(self) -> Self {
        self.then(Step::Shut)
    }

    /// Ends the connection by a reset.
    pub fn reset(self) -> Self {
        self.then(Step::Reset)
    }
}

/// What a scripted peer waits for. Clones are the same cue.
#[derive(Clone, Debug, Default)]
pub struct Cue(Arc<Mutex<bool>>);

impl Cue {
    /// Not given yet.
    pub fn new() -> Self {
        Cue::default()
    }

    /// Lets the peers that wait for it go on, from when the runtime next looks at its network.
    pub fn give(&self) {
        *lock(&self.0) = true;
    }

    fn is_given(&self) -> bool {
        *lock(&self.0)
    }
}

/// What became of a scripted peer.
#[derive(Clone, Debug, Default)]
pub struct Peer(Arc<Mutex<Fate>>);

#[derive(Debug, Default)]
struct Fate {
    received: Vec<u8>,
    is_done: bool,
    error: Option<ErrorKind>,
}

impl Peer {
    /// All that it read.
    pub fn received(&self) -> Vec<u8> {
        lock(&self.0).received.clone()
    }

    /// Did it come to the end of its script?
    pub fn is_done(&self) -> bool {
        lock(&self.0).is_done
    }

    /// The error that broke its script off.
    pub fn error(&self) -> Option<ErrorKind> {
        lock(&self.0).error
    }
}

/// How a scripted peer comes to its connection.
pub(super) enum Way {
    Accepts(Id),
    Connects(Id),
}

pub(super) struct Actor {
    /// Which of all there ever were.
    pub(super) number: u32,
    pub(super) host: usize,
    way: Way,
    socket: Option<Id>,
    steps: VecDeque<Step>,
    /// Of the step: bytes read or written, or what is to be echoed.
    done: usize,
    echo: Vec<u8>,
    /// When the wait is over.
    until: Option<Duration>,
    /// How many of the cues that it waits for were given, when it was last asked.
    cues: usize,
    fate: Peer,
    over: bool,
}

enum Went {
    /// The step is done.
    On,
    /// It cannot go on now; whether it has done something.
    Stuck(bool),
    Broken(ErrorKind),
}

impl Actor {
    pub(super) fn new(number: u32, host: usize, way: Way, script: Script) -> (Self, Peer) {
        let fate = Peer::default();
        let actor = Actor {
            number,
            host,
            way,
            socket: None,
            steps: script.0,
            done: 0,
            echo: Vec::new(),
            until: None,
            cues: 0,
            fate: fate.clone(),
            over: false,
        };
        (actor, fate)
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// When it goes on by itself; at once, if it waits for a cue that was given.
    pub(super) fn next(&self, now: Duration) -> Option<Duration> {
        let cued = matches!(self.steps.front(), Some(Step::Until(cue)) if cue.is_given());
        self.until.or_else(|| (cued && self.socket.is_some()).then_some(now))
    }

    /// When its wait is over.
    pub(super) fn waits_until(&self) -> Option<Duration> {
        self.until
    }

    /// Does it begin to wait next?
    pub(super) fn is_to_wait(&self) -> bool {
        self.until.is_none() && matches!(self.steps.front(), Some(Step::Wait(_)))
    }

    /// Has a cue that it waits for been given since the last call?
    pub(super) fn heeds_cues(&mut self) -> bool {
        let given = self.steps.iter().filter(|step| matches!(step, Step::Until(cue) if cue.is_given())).count();
        given > std::mem::replace(&mut self.cues, given)
    }

    /// The sockets that its next step may use.
    pub(super) fn sockets(&self) -> [Option<Id>; 2] {
        let (Way::Accepts(id) | Way::Connects(id)) = self.way;
        [self.socket, self.socket.is_none().then_some(id)]
    }

    /// Can it do anything now?
    pub(super) fn is_ready(&self, kernel: &Kernel, now: Duration) -> bool {
        let Some(socket) = self.socket else {
            return match self.way {
                Way::Accepts(listener) => kernel.readiness(listener).readable,
                Way::Connects(id) => kernel.readiness(id).writable,
            };
        };
        let ready = kernel.readiness(socket);
        match self.steps.front() {
            Some(Step::Read(_) | Step::ReadToEnd) => ready.readable,
            Some(Step::Echo) if self.echo.is_empty() => ready.readable,
            Some(Step::Write(_) | Step::Echo) => ready.writable,
            Some(Step::Wait(_)) => self.until.is_none_or(|until| until <= now),
            Some(Step::Until(cue)) => cue.is_given(),
            Some(Step::Shut | Step::Reset) | None => true,
        }
    }

    /// Goes on as far as it can; true if it did anything.
    pub(super) fn go_on(&mut self, kernel: &mut Kernel, now: Duration) -> bool {
        let mut moved = false;
        while self.go_once(kernel, now) {
            moved = true;
        }
        moved
    }

    /// Takes one step of its script, or a part of it; true if it did anything.
    pub(super) fn go_once(&mut self, kernel: &mut Kernel, now: Duration) -> bool {
        if self.over {
            return false;
        }
        let Some(socket) = self.socket else { return self.open(kernel) };
        // Taken out while it goes on: a copy of all that is written, for each part that goes out, would be dear.
        let Some(step) = self.steps.pop_front() else {
            kernel.close(socket, now);
            return self.end(None);
        };
        match self.step(&step, socket, kernel, now) {
            Went::On => {
                (self.done, self.until) = (0, None);
                true
            }
            Went::Stuck(did) => {
                self.steps.push_front(step);
                did
            }
            Went::Broken(why) => {
                kernel.close(socket, now);
                self.end(Some(why))
            }
        }
    }

    fn end(&mut self, error: Option<ErrorKind>) -> bool {
        self.over = true;
        let mut fate = lock(&self.fate.0);
        (fate.is_done, fate.error) = (error.is_none(), error);
        true
    }

    /// Comes to its connection, or to its end; true if it did.
    fn open(&mut self, kernel: &mut Kernel) -> bool {
        let opened = match self.way {
            Way::Accepts(listener) => kernel.accept(listener).map(|(id, _)| {
                kernel.close(listener, Duration::ZERO);
                Some(id)
            }),
            Way::Connects(id) => kernel.connected(id).map(|open| open.map(|_| id)),
        };
        match opened {
            Ok(socket) => self.socket = socket,
            Err(why) if why.kind() == ErrorKind::WouldBlock => {}
            Err(why) => {
                self.end(Some(why.kind()));
            }
        }
        self.socket.is_some() || self.over
    }

    fn step(&mut self, step: &Step, socket: Id, kernel: &mut Kernel, now: Duration) -> Went {
        match step {
            Step::Read(bytes) => self.read(*bytes, socket, kernel),
            Step::ReadToEnd => self.read(usize::MAX, socket, kernel),
            Step::Echo => self.echo(socket, kernel, now),
            Step::Write(data) => self.write(data, socket, kernel, now),
            Step::Wait(time) => {
                let until = *self.until.get_or_insert(now.saturating_add(*time));
                if until <= now { Went::On } else { Went::Stuck(false) }
            }
            Step::Until(cue) if cue.is_given() => Went::On,
            Step::Until(_) => Went::Stuck(false),
            Step::Shut => kernel.shut(socket, now).map_or_else(|why| Went::Broken(why.kind()), |()| Went::On),
            Step::Reset => {
                kernel.reset(socket);
                Went::On
            }
        }
    }

    fn read(&mut self, bytes: usize, socket: Id, kernel: &mut Kernel) -> Went {
        let before = self.done;
        let mut buffer = [0; READ];
        while self.done < bytes {
            let most = (bytes - self.done).min(READ);
            match kernel.read(socket, &mut buffer[..most]) {
                Ok(0) if bytes == usize::MAX => break,
                Ok(0) => return Went::Broken(ErrorKind::UnexpectedEof),
                Ok(n) => {
                    self.done += n;
                    lock(&self.fate.0).received.extend_from_slice(&buffer[..n]);
                }
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Went::Stuck(self.done > before),
                Err(why) => return Went::Broken(why.kind()),
            }
        }
        Went::On
    }

    fn write(&mut self, data: &[u8], socket: Id, kernel: &mut Kernel, now: Duration) -> Went {
        let before = self.done;
        while self.done < data.len() {
            match kernel.write(socket, std::iter::once(&data[self.done..]), now) {
                Ok(n) => self.done += n,
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Went::Stuck(self.done > before),
                Err(why) => return Went::Broken(why.kind()),
            }
        }
        Went::On
    }

    fn echo(&mut self, socket: Id, kernel: &mut Kernel, now: Duration) -> Went {
        let mut did = false;
        loop {
            let data = std::mem::take(&mut self.echo);
            match self.write(&data, socket, kernel, now) {
                Went::On => self.done = 0,
                other => {
                    self.echo = data;
                    return other;
                }
            }
            let mut buffer = [0; READ];
            match kernel.read(socket, &mut buffer) {
                Ok(0) => return Went::On,
                Ok(n) => {
                    did = true;
                    lock(&self.fate.0).received.extend_from_slice(&buffer[..n]);
                    self.echo = buffer[..n].to_vec();
                }
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Went::Stuck(did),
                Err(why) => return Went::Broken(why.kind()),
            }
        }
    }
}
