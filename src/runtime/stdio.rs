//! The standard streams as actors.

use crate::actor::{Actor, Addr, Context, Inlet, SpawnOptions};
use crate::sync::thread;
use std::io::{ErrorKind, Read, Write};
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

struct Out {
    to: Box<dyn Write + Send>,
    /// The reader at the other end is gone; what comes after is dropped, as the operating system would.
    broken: bool,
}

impl Actor for Out {
    type Msg = Output;

    fn receive(&mut self, msg: Output, _cx: &mut Context<'_, Self>) {
        let bytes = match &msg {
            Output::Print(text) => text.as_bytes(),
            Output::Write(bytes) => bytes,
        };
        if !self.broken {
            let written = self.to.write_all(bytes).and_then(|()| self.to.flush());
            self.broken = written.is_err();
        }
    }
}

pub(super) fn output<A: Actor>(cx: &mut Context<'_, A>, name: &str, to: Box<dyn Write + Send>) -> Addr<Output> {
    cx.spawn_with(SpawnOptions::new().name(name), Out { to, broken: false })
}

struct In {
    /// Taken by the thread that reads.
    from: Option<Box<dyn Read + Send>>,
    subscribers: Vec<Addr<InputEvent>>,
}

impl Actor for In {
    type Msg = Input;

    fn receive(&mut self, msg: Input, cx: &mut Context<'_, Self>) {
        match msg {
            Input::Subscribe(to) => {
                self.subscribers.push(to);
                if let Some(from) = self.from.take() {
                    self.start_reading(from, cx);
                }
            }
            Input::Came(event) => self.subscribers.iter().for_each(|to| to.tell(event.clone(), cx)),
        }
    }
}

impl In {
    fn start_reading(&mut self, from: Box<dyn Read + Send>, cx: &mut Context<'_, Self>) {
        let me = cx.me();
        let inlet = cx.inlet(&me);
        if thread::spawn("backwater-input", move || read_all(from, &inlet)).is_err() {
            me.tell(Input::Came(InputEvent::Closed), cx);
        }
    }
}

/// Reads to the end and passes everything on, waiting while the runtime presses.
fn read_all(mut from: Box<dyn Read + Send>, to: &Inlet<Input>) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let event = match from.read(&mut buffer) {
            Err(why) if why.kind() == ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => InputEvent::Closed,
            Ok(n) => InputEvent::Data(buffer[..n].to_vec()),
        };
        let closed = event == InputEvent::Closed;
        if to.send(Input::Came(event), Duration::MAX).is_err() || closed {
            return;
        }
    }
}

pub(super) fn input<A: Actor>(cx: &mut Context<'_, A>, from: Box<dyn Read + Send>) -> Addr<Input> {
    cx.spawn_with(SpawnOptions::new().name("input"), In { from: Some(from), subscribers: Vec::new() })
}
