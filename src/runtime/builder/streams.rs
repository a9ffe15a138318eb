//! Where a runtime prints and reads, and what its arguments are.

use super::super::stdio::{Reader, Writer};
use super::Builder;
use std::io::{Read, Write};
use std::time::Duration;

#[cfg(doc)]
use super::super::env::Env;

impl Builder {
    /// What [`Env::args`] gives. Default: the process's own.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.streams.args = Some(args.into_iter().map(Into::into).collect());
        self
    }

    /// Where [`Env::out`] writes, in the behaviour: a writer that blocks holds up the run. Default: the process's
    /// standard output, [on a thread](Self::out_on_thread).
    pub fn out(mut self, out: impl Write + Send + 'static) -> Self {
        self.streams.out = Some(Writer::InPlace(Box::new(out)));
        self
    }

    /// Where [`Env::out`] writes, on a thread of its own: while a writer that blocks has left 64 KiB waiting, the stream
    /// is under pressure, and who prints is held back. Everything is written before the run is over; after an error,
    /// a pipe that nobody reads any more, the rest is dropped.
    pub fn out_on_thread(mut self, out: impl Write + Send + 'static) -> Self {
        self.streams.out = Some(Writer::OnThread(Box::new(out)));
        self
    }

    /// Where [`Env::err`] writes, in the behaviour. Default: the process's standard error, on a thread.
    pub fn err(mut self, err: impl Write + Send + 'static) -> Self {
        self.streams.err = Some(Writer::InPlace(Box::new(err)));
        self
    }

    /// Where [`Env::err`] writes, [on a thread](Self::out_on_thread) of its own.
    pub fn err_on_thread(mut self, err: impl Write + Send + 'static) -> Self {
        self.streams.err = Some(Writer::OnThread(Box::new(err)));
        self
    }

    /// Where [`Env::input`] reads, in the behaviour: a reader that blocks holds up the run. Default: the process's
    /// standard input, [on a thread](Self::input_on_thread).
    pub fn input(mut self, input: impl Read + Send + 'static) -> Self {
        self.streams.input = Some(Reader::InPlace(Box::new(input)));
        self
    }

    /// Where [`Env::input`] reads, on a thread of its own. While a subscriber presses, it reads at most 64 KiB ahead.
    pub fn input_on_thread(mut self, input: impl Read + Send + 'static) -> Self {
        self.streams.input = Some(Reader::OnThread(Box::new(input)));
        self
    }

    /// What comes from [`Env::input`], each piece at its time of the run, and the end after the last; with
    /// [`virtual_time`](Self::virtual_time), as if somebody typed it. A piece whose time has passed comes at once.
    ///
    /// ```
    /// # use backwater::{Actor, Context, Input, InputEvent, Runtime};
    /// # use std::time::Duration;
    /// struct Prompt;
    /// impl Actor for Prompt {
    ///     type Msg = InputEvent;
    ///     fn receive(&mut self, event: InputEvent, cx: &mut Context<'_, Self>) {
    ///         if event == InputEvent::Data(b"yes\n".to_vec()) {
    ///             assert_eq!(cx.now(), Duration::from_secs(60));
    ///         }
    ///     }
    /// }
    /// Runtime::builder().virtual_time().input_script([(Duration::from_secs(60), "yes\n")]).run(|env| {
    ///     let prompt = env.spawn(Prompt);
    ///     let input = env.input.clone();
    ///     input.tell(Input::Subscribe(prompt), env);
    /// }).unwrap();
    /// ```
    pub fn input_script(mut self, pieces: impl IntoIterator<Item = (Duration, impl Into<Vec<u8>>)>) -> Self {
        let pieces = pieces.into_iter().map(|(at, data)| (at, data.into())).collect();
        self.streams.input = Some(Reader::Script(pieces));
        self
    }
}
