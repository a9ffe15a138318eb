//! The standard streams as actors.
//!
//! The process's own output may stand still for as long as nobody reads at the other end. It is therefore written on a
//! thread of its own, fed by an outlet: while that is full, the stream is under pressure like any slow actor, and who
//! prints too much waits as a sender does. Its own input may let a reader wait just as long: it is read on a thread too,
//! into an inlet, which is closed while the stream is held back by whom it tells.
//!
//! A writer or reader of the program's own is used in the stream's behaviours, and a run stays a function of its seed.

use crate::actor::{Actor, Addr, Backpressure, Capacity, Context, Feed, Inlet, Outlet, PressureGuard, SpawnOptions};
use crate::auth::AmbientAuth;
use crate::sync::{Arc, Mutex, lock, thread};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::panic::Location;
use std::time::Duration;

/// What a standard output or error stream can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Text, written as it is.
    Print(String),
    /// Bytes, written as they are.
    Write(Vec<u8>),
}

impl From<&str> for Output {
    fn from(text: &str) -> Self {
        Output::Print(text.to_owned())
    }
}

impl From<String> for Output {
    fn from(text: String) -> Self {
        Output::Print(text)
    }
}

impl From<Vec<u8>> for Output {
    fn from(bytes: Vec<u8>) -> Self {
        Output::Write(bytes)
    }
}

/// What standard input can be sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input {
    /// Sends what is read to this address from now on; the first one starts the reading.
    Subscribe(Addr<InputEvent>),
    /// For the runtime: something was read.
    Came(InputEvent),
    /// For the runtime: there is more to read.
    Next,
}

/// What comes from standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputEvent {
    /// Bytes, as they came.
    Data(Vec<u8>),
    /// The end, or an error: nothing comes after it.
    Closed,
}

impl Output {
    fn bytes(&self) -> &[u8] {
        match self {
            Output::Print(text) => text.as_bytes(),
            Output::Write(bytes) => bytes,
        }
    }
}

/// Bytes on their way to a thread that writes, from which on the stream presses: a pipe's usual size.
const CAPACITY: usize = 64 << 10;

/// Where output goes.
pub(super) enum Writer {
    /// Written in the behaviour: whatever it does is over when the behaviour is, and a run stays a function of its seed.
    InPlace(Box<dyn Write + Send>),
    /// Written on a thread of its own.
    OnThread(Box<dyn Write + Send>),
    /// Written nowhere; under the checker, which says when the reader stands still, at most so often.
    Explored(u32),
}

/// Threads that write. The run is not over before they are.
#[derive(Clone, Default)]
pub(super) struct Writers(Arc<Mutex<Vec<thread::JoinHandle<()>>>>);

impl Writers {
    /// Waits until everything has been written, or cannot be.
    pub(super) fn finish(&self) {
        let threads = mem::take(&mut *lock(&self.0));
        // A writer of the user's that panicked has said so, and writes no more.
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }
}

struct Out {
    to: Sink,
    writers: Writers,
}

enum Sink {
    InPlace(Box<dyn Write + Send>),
    /// The thread starts with the first message: most runs print nothing.
    Idle(Box<dyn Write + Send>),
    Thread(Feed<Output>),
    Explored(Pipe),
    /// The reader at the other end is gone; what comes after is dropped, as the operating system would.
    Broken,
}

impl Actor for Out {
    type Msg = Output;

    fn receive(&mut self, msg: Output, cx: &mut Context<'_, Self>) {
        self.to = match mem::replace(&mut self.to, Sink::Broken) {
            Sink::Idle(to) => self.start(to, cx),
            Sink::Thread(feed) if feed.is_closed() => Sink::Broken,
            other => other,
        };
        match &mut self.to {
            Sink::InPlace(to) => {
                if to.write_all(msg.bytes()).and_then(|()| to.flush()).is_err() {
                    self.to = Sink::Broken;
                }
            }
            Sink::Thread(feed) => feed.give(msg, cx),
            Sink::Explored(pipe) => pipe.sees(&msg, cx),
            Sink::Idle(_) | Sink::Broken => {}
        }
    }
}

impl Out {
    fn start(&self, to: Box<dyn Write + Send>, cx: &mut Context<'_, Self>) -> Sink {
        let capacity = Capacity { weight: CAPACITY, weigh: |output: &Output| output.bytes().len() + 1 };
        let (feed, outlet) = Feed::new(capacity, Location::caller(), cx);
        // Shared, to have it back if there is no thread.
        let job = Arc::new(Mutex::new(Some((to, outlet))));
        let taken = job.clone();
        let work = move || {
            let job = lock(&taken).take();
            // Nobody is told of an error: dropping the outlet says enough.
            job.into_iter().for_each(|(to, outlet)| drop(write_all(to, &outlet)));
        };
        match thread::spawn("backwater-output", work) {
            Ok(thread) => {
                lock(&self.writers.0).push(thread);
                feed.tie(&cx.me(), None, cx);
                Sink::Thread(feed)
            }
            Err(_) => lock(&job).take().map_or(Sink::Broken, |(to, _)| Sink::InPlace(to)),
        }
    }
}

/// Whoever reads the output, as the checker imagines him: at each line he may stand still, and the pipe is full until he
/// goes on, which is when the actor comes to the message that it sent itself.
struct Pipe {
    stalls: u32,
    full: Option<PressureGuard>,
}

impl Pipe {
    fn sees(&mut self, msg: &Output, cx: &mut Context<'_, Out>) {
        if self.full.is_some() {
            self.full.take_if(|_| *msg == Output::Write(Vec::new()));
        } else if self.stalls > 0 && cx.choose(2) == 1 {
            self.stalls -= 1;
            self.full = Some(Backpressure::hold(&(&AmbientAuth::new()).into(), cx));
            cx.tell_self(Output::Write(Vec::new()));
        }
    }
}

/// Writes everything to the end, and flushes whenever nothing more waits.
fn write_all(mut to: Box<dyn Write + Send>, from: &Outlet<Output>) -> io::Result<()> {
    for first in from {
        to.write_all(first.bytes())?;
        while let Ok(next) = from.try_recv() {
            to.write_all(next.bytes())?;
        }
        to.flush()?;
    }
    Ok(())
}

pub(super) fn output<A: Actor>(cx: &mut Context<'_, A>, name: &str, to: Writer, writers: &Writers) -> Addr<Output> {
    let to = match to {
        Writer::InPlace(to) => Sink::InPlace(to),
        Writer::OnThread(to) => Sink::Idle(to),
        Writer::Explored(stalls) => Sink::Explored(Pipe { stalls, full: None }),
    };
    cx.spawn_with(SpawnOptions::new().name(name).pinned(), Out { to, writers: writers.clone() })
}

/// Bytes of one read, and of one message to the subscribers.
const READ: usize = 16 << 10;
/// Reads that a thread may be ahead of what the subscribers were told: a pipe's usual size, as for output.
const READS: usize = 4;

/// Where input comes from.
pub(super) enum Reader {
    /// Read in the behaviour.
    InPlace(Box<dyn Read + Send>),
    /// Read on a thread of its own.
    OnThread(Box<dyn Read + Send>),
    /// This comes at these times, and then the end.
    Script(VecDeque<(Duration, Vec<u8>)>),
}

struct In {
    from: Source,
    subscribers: Vec<Addr<InputEvent>>,
}

enum Source {
    /// Nobody has subscribed.
    Idle(Reader),
    InPlace(Box<dyn Read + Send>),
    Script(VecDeque<(Duration, Vec<u8>)>),
    /// A thread reads once for each thing it is given.
    Thread(Feed<()>),
    Ended,
}

impl Actor for In {
    type Msg = Input;

    fn receive(&mut self, msg: Input, cx: &mut Context<'_, Self>) {
        match msg {
            Input::Subscribe(to) => {
                self.subscribers.push(to);
                if let Source::Idle(_) = self.from {
                    self.begin(cx);
                }
            }
            Input::Came(event) => self.came(event, cx),
            Input::Next => match &mut self.from {
                Source::InPlace(from) => {
                    let event = read(from, &mut [0; READ]);
                    self.came(event, cx);
                }
                Source::Script(pieces) => {
                    let event = pieces.pop_front().map_or(InputEvent::Closed, |(_, data)| InputEvent::Data(data));
                    self.came(event, cx);
                }
                Source::Thread(feed) => feed.give((), cx),
                Source::Idle(_) | Source::Ended => {}
            },
        }
    }
}

impl In {
    fn begin(&mut self, cx: &mut Context<'_, Self>) {
        self.from = match mem::replace(&mut self.from, Source::Ended) {
            Source::Idle(Reader::OnThread(from)) => return self.read_on_thread(from, cx),
            Source::Idle(Reader::InPlace(from)) => Source::InPlace(from),
            Source::Idle(Reader::Script(pieces)) => Source::Script(pieces),
            other => other,
        };
        self.go_on(cx);
    }

    fn read_on_thread(&mut self, from: Box<dyn Read + Send>, cx: &mut Context<'_, Self>) {
        let me = cx.me();
        let inlet = cx.inlet(&me);
        let never_full = Capacity { weight: usize::MAX, weigh: |(): &()| 1 };
        let (feed, times) = Feed::new(never_full, Location::caller(), cx);
        match thread::spawn("backwater-input", move || read_all(from, &times, &inlet)) {
            Ok(_) => {
                feed.tie(&me, None, cx);
                (0..READS).for_each(|_| feed.give((), cx));
                self.from = Source::Thread(feed);
            }
            Err(_) => self.came(InputEvent::Closed, cx),
        }
    }

    fn came(&mut self, event: InputEvent, cx: &mut Context<'_, Self>) {
        self.subscribers.iter().for_each(|to| to.tell(event.clone(), cx));
        match event {
            InputEvent::Data(_) => self.go_on(cx),
            InputEvent::Closed => self.from = Source::Ended,
        }
    }

    /// Reads on in a behaviour of its own: it has none while a subscriber holds it back.
    fn go_on(&self, cx: &mut Context<'_, Self>) {
        let due = if let Source::Script(pieces) = &self.from { pieces.front().map(|(at, _)| *at) } else { None };
        match due {
            Some(at) => drop(cx.deadline(at, Input::Next)),
            None => cx.tell_self(Input::Next),
        }
    }
}

fn read(from: &mut dyn Read, buffer: &mut [u8]) -> InputEvent {
    loop {
        return match from.read(buffer) {
            Err(why) if why.kind() == ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => InputEvent::Closed,
            Ok(n) => InputEvent::Data(buffer[..n].to_vec()),
        };
    }
}

/// Reads as often as it is told, up to the end.
fn read_all(mut from: Box<dyn Read + Send>, times: &Outlet<()>, to: &Inlet<Input>) {
    let mut buffer = vec![0; READ];
    for () in times {
        let event = read(&mut from, &mut buffer);
        let closed = event == InputEvent::Closed;
        if to.send(Input::Came(event), Duration::MAX).is_err() || closed {
            return;
        }
    }
}

pub(super) fn input<A: Actor>(cx: &mut Context<'_, A>, from: Reader) -> Addr<Input> {
    let from = Source::Idle(from);
    cx.spawn_with(SpawnOptions::new().name("input").pinned(), In { from, subscribers: Vec::new() })
}
