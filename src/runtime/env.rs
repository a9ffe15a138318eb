//! What `main` is given.

use super::handle::Remote;
use super::stdio::{self, Input, Output, Reader, Writer, Writers};
use crate::actor::{Actor, Addr, Context, SpawnOptions};
use crate::auth::AmbientAuth;
use crate::event::ActorId;
use crate::scheduler::Core;
use std::convert::Infallible;
use std::fmt;
use std::io::{stderr, stdin, stdout};
use std::ops::{Deref, DerefMut};

/// The environment that `main` runs in. It is also `main`'s [`Context`]: `main` is an actor with one behaviour, so it
/// can spawn, send, set timers and the rest; it ends with its closure.
pub struct Env<'a> {
    cx: Context<'a, Main>,
    /// The authority over everything; make narrower tokens from it.
    pub root: AmbientAuth,
    /// The command line, the program's name first.
    pub args: Vec<String>,
    /// Standard output. Actors get a clone; `main` itself writes with [`print`](Env::print).
    pub out: Addr<Output>,
    /// Standard error.
    pub err: Addr<Output>,
    /// Standard input; nothing is read before somebody subscribes.
    pub input: Addr<Input>,
    remote: Remote,
}

/// The actor that `main` is.
#[derive(Debug)]
pub struct Main(Infallible);

impl Actor for Main {
    type Msg = Infallible;

    fn receive(&mut self, msg: Infallible, _cx: &mut Context<'_, Self>) {
        match msg {}
    }
}

impl Env<'_> {
    /// Asks this runtime from outside, while it runs: see [`Remote`].
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// Sends text or bytes to standard output.
    #[track_caller]
    pub fn print(&mut self, what: impl Into<Output>) {
        self.out.tell(what.into(), &mut self.cx);
    }

    /// Sends text or bytes to standard error.
    #[track_caller]
    pub fn eprint(&mut self, what: impl Into<Output>) {
        self.err.tell(what.into(), &mut self.cx);
    }
}

/// The two that take an actor are methods of `Env` itself: through `Deref` the borrow of `env` would begin before the
/// actor is built, and `env.spawn(Valve(Auth::from(&env.root)))` would not compile.
impl Env<'_> {
    /// [`Context::spawn`].
    #[track_caller]
    pub fn spawn<B: Actor>(&mut self, actor: B) -> Addr<B::Msg> {
        self.cx.spawn(actor)
    }

    /// [`Context::spawn_with`].
    #[track_caller]
    pub fn spawn_with<B: Actor>(&mut self, options: SpawnOptions, actor: B) -> Addr<B::Msg> {
        self.cx.spawn_with(options, actor)
    }
}

impl<'a> Deref for Env<'a> {
    type Target = Context<'a, Main>;

    fn deref(&self) -> &Self::Target {
        &self.cx
    }
}

impl DerefMut for Env<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.cx
    }
}

impl fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").field("args", &self.args).finish_non_exhaustive()
    }
}

/// What the standard streams and the arguments are, where they are not the process's.
#[derive(Default)]
pub(crate) struct Streams {
    pub(super) args: Option<Vec<String>>,
    pub(super) out: Option<Writer>,
    pub(super) err: Option<Writer>,
    pub(super) input: Option<Reader>,
    pub(super) writers: Writers,
}

/// The command line of a program under the checker.
const ARGS: &str = "check";

impl Streams {
    /// Actors that every run has before `main` creates any: `main` and the three streams.
    pub(crate) const ACTORS: u32 = 4;

    /// Output goes nowhere, and nothing comes in: for runs of which only the schedule matters.
    pub(crate) fn to_nowhere() -> Self {
        let nowhere = || Some(Writer::InPlace(Box::new(std::io::sink())));
        let (out, err, input) = (nowhere(), nowhere(), Some(Reader::InPlace(Box::new(std::io::empty()))));
        Streams { args: Some(vec![ARGS.to_owned()]), out, err, input, ..Streams::default() }
    }

    /// The reader of the standard output may stand still, up to so often.
    pub(crate) fn that_stall(stalls: u32) -> Self {
        Streams { out: Some(Writer::Explored(stalls)), ..Streams::to_nowhere() }
    }
}

/// What `main` finds in its `Env`, kept for a driver that calls it many times.
#[derive(Debug)]
pub(crate) struct Lobby {
    args: Vec<String>,
    out: Addr<Output>,
    err: Addr<Output>,
    input: Addr<Input>,
    remote: Remote,
    /// The streams do not remember what they were sent.
    is_blank: bool,
}

impl Lobby {
    /// Takes the seats of the streams, in the name of `main`, which the scheduler has begun to run.
    pub(crate) fn open(core: Core<'_>, streams: Streams, remote: Remote) -> Self {
        let mut cx = Context::<Main>::new(core, ActorId::MAIN);
        let Streams { args, out, err, input, writers } = streams;
        let is_blank = !matches!(out, Some(Writer::Explored(_)));
        let out = out.unwrap_or_else(|| Writer::OnThread(Box::new(stdout())));
        let out = stdio::output(&mut cx, "out", out, &writers);
        let err = err.unwrap_or_else(|| Writer::OnThread(Box::new(stderr())));
        let err = stdio::output(&mut cx, "err", err, &writers);
        let input = stdio::input(&mut cx, input.unwrap_or_else(|| Reader::OnThread(Box::new(stdin()))));
        let args = args.unwrap_or_else(|| std::env::args().collect());
        Lobby { args, out, err, input, remote, is_blank }
    }

    /// Calls `main` in the name of the actor that the scheduler has begun to run. Gives back what it left.
    pub(crate) fn enter(self, core: Core<'_>, main: impl FnOnce(&mut Env<'_>)) -> Self {
        let Lobby { args, out, err, input, remote, is_blank } = self;
        let cx = Context::new(core, ActorId::MAIN);
        let mut env = Env { cx, root: AmbientAuth::new(), args, out, err, input, remote };
        main(&mut env);
        let Env { args, out, err, input, remote, .. } = env;
        Lobby { args, out, err, input, remote, is_blank }
    }

    /// `main` took nothing away and put nothing in another's place.
    pub(crate) fn is_whole(&self) -> bool {
        let seats = [&self.out, &self.err].map(|stream| stream.id().seat());
        self.is_blank && self.args == [ARGS] && seats == [1, 2] && self.input.id().seat() == 3
    }
}
