//! The machine's signals as messages: what Ctrl-C means is decided by an actor.
//!
//! A thread of the subscription waits for the signal and rings the runtime's bell; the runtime delivers (R7), also to an
//! actor that presses: it may be what ends the pressure. Not here: what the process does about a signal that nobody
//! subscribed to; that is the machine's.

use crate::actor::{Actor, Addr, Context};
use crate::auth::SignalAuth;
use crate::scheduler::{Bell, Delivery, Outside};
use crate::sync::{Arc, Mutex, lock, thread};
use signal_hook::consts;
use signal_hook::iterator::{Handle, Signals as Source};
use std::fmt::{self, Debug};
use std::io;

/// Which signal. Those that no program can handle are not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignalKind {
    /// `SIGHUP`: the terminal is gone; for a server, by custom: read the configuration again.
    Hangup,
    /// `SIGINT`: Ctrl-C.
    Interrupt,
    /// `SIGQUIT`: Ctrl-\.
    Quit,
    /// `SIGTERM`: please end.
    Terminate,
    /// `SIGUSR1`: what the program says it means.
    User1,
    /// `SIGUSR2`: what the program says it means.
    User2,
    /// `SIGWINCH`: the terminal has another size.
    WindowChange,
}

impl SignalKind {
    fn number(self) -> i32 {
        match self {
            SignalKind::Hangup => consts::SIGHUP,
            SignalKind::Interrupt => consts::SIGINT,
            SignalKind::Quit => consts::SIGQUIT,
            SignalKind::Terminate => consts::SIGTERM,
            SignalKind::User1 => consts::SIGUSR1,
            SignalKind::User2 => consts::SIGUSR2,
            SignalKind::WindowChange => consts::SIGWINCH,
        }
    }
}

/// A subscription to a signal, for as long as it lives and its actor does. While there is one for a signal, that signal
/// does nothing else in this process; several all hear of it.
///
/// It does not keep the runtime alive: a run that has nothing to do but wait for Ctrl-C has ended (R9). One that is to
/// wait for it says so by [`keep_alive`](Self::keep_alive).
///
/// ```
/// use backwater::{Actor, Context, SignalAuth, SignalKind, Signals};
///
/// #[derive(Debug)]
/// enum Work { Begin, Interrupted(u64) }
///
/// struct Server { auth: SignalAuth, ctrl_c: Option<Signals> }
/// impl Actor for Server {
///     type Msg = Work;
///     fn receive(&mut self, msg: Work, cx: &mut Context<'_, Self>) {
///         match msg {
///             Work::Begin => {
///                 let ctrl_c = Signals::listen(&self.auth, SignalKind::Interrupt, Work::Interrupted, cx);
///                 self.ctrl_c = Some(ctrl_c.expect("the machine gives a handler").keep_alive());
/// #               signal_hook::low_level::raise(signal_hook::consts::SIGINT).unwrap();
///             }
///             Work::Interrupted(_) => cx.stop(), // what there is to finish is finished here
///         }
///     }
/// }
///
/// backwater::run(|env| {
///     let auth = SignalAuth::from(&env.root);
///     env.spawn(Server { auth, ctrl_c: None }).tell(Work::Begin, env);
/// }).unwrap();
/// ```
#[must_use = "the subscription ends when this is dropped"]
pub struct Signals {
    shared: Arc<Shared>,
}

impl Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.shared.state);
        f.debug_struct("Signals").field("came", &state.came).field("keeps_alive", &state.keeps_alive).finish()
    }
}

struct Shared {
    state: Mutex<State>,
    bell: Arc<Bell>,
}

struct State {
    /// Signals that were not delivered yet.
    came: u64,
    open: bool,
    keeps_alive: bool,
}

impl Signals {
    /// Has the running actor sent what `msg` makes of it whenever the signal comes; it is told how many have come, which
    /// is more than 1 if the runtime was late. The runtime delivers it (R7).
    ///
    /// # Errors
    /// The machine gives no handler, or no thread.
    pub fn listen<A: Actor>(
        _auth: &SignalAuth,
        kind: SignalKind,
        msg: impl Fn(u64) -> A::Msg + Send + Sync + 'static,
        cx: &mut Context<'_, A>,
    ) -> io::Result<Signals> {
        let mut source = Source::new([kind.number()])?;
        let handle = source.handle();
        let state = Mutex::new(State { came: 0, open: true, keeps_alive: false });
        let shared = Arc::new(Shared { state, bell: cx.core().bell().clone() });
        let theirs = shared.clone();
        let thread = thread::spawn("backwater-signals", move || {
            for _ in source.forever() {
                lock(&theirs.state).came += 1;
                theirs.bell.ring();
            }
        })?;
        let (to, id) = (cx.me(), cx.id());
        let end = End { shared: shared.clone(), to, msg: Arc::new(msg), handle, thread: Some(thread) };
        cx.core().attach(id, Box::new(end));
        Ok(Signals { shared })
    }

    /// Has the runtime wait for this signal, as it does for a timer (R9).
    pub fn keep_alive(self) -> Self {
        lock(&self.shared.state).keeps_alive = true;
        self
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        lock(&self.shared.state).open = false;
        self.shared.bell.ring();
    }
}

/// What the scheduler sees of it.
struct End<M> {
    shared: Arc<Shared>,
    to: Addr<M>,
    msg: Arc<dyn Fn(u64) -> M + Send + Sync>,
    handle: Handle,
    thread: Option<thread::JoinHandle<()>>,
}

impl<M: Debug + Send + 'static> Outside for End<M> {
    fn pressing(&mut self, _pressing: bool) {}

    fn ended(&mut self) {}

    fn is_live(&self) -> bool {
        let state = lock(&self.shared.state);
        state.came > 0 || (state.open && state.keeps_alive)
    }

    fn is_over(&self) -> bool {
        let state = lock(&self.shared.state);
        state.came == 0 && !state.open
    }

    fn take_over(&mut self) -> Vec<Delivery> {
        let came = std::mem::take(&mut lock(&self.shared.state).came);
        if came == 0 {
            return Vec::new();
        }
        let (to, msg) = (self.to.clone(), self.msg.clone());
        // The closure is the program's, and may panic: not under a lock, and in the name of its actor.
        vec![Box::new(move |core| to.deliver(core, msg(came)))]
    }
}

impl<M> Drop for End<M> {
    fn drop(&mut self) {
        self.handle.close();
        // It does nothing that could panic.
        self.thread.take().into_iter().for_each(|thread| drop(thread.join()));
    }
}
