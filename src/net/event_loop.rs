//! Waits on a network, and wakes the actors whose sockets are ready.
//!
//! At most one wake-up of a socket is in a mailbox at a time: what happens meanwhile is added to what it will find.
//! So a muted connection does not collect messages, however busy its peer is.

use super::error::NetError;
use super::network::{Key, Network, Readiness};
use super::real::Real;
use super::resolve::Found;
use crate::actor::{Actor, Addr, Context};
use crate::scheduler::{Core, Delivery, Doings, EventLoop, Object, Outside, Single};
use crate::sync::{Arc, Mutex, Weak, lock};
use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

/// What the runtime tells a connection or a listener. Programs have no use for it.
#[derive(Debug)]
pub struct Signal(pub(super) What);

#[derive(Debug)]
pub(super) enum What {
    /// It was spawned.
    Start,
    /// Its socket is ready for something.
    Wake,
    /// It had more to do than fits into one behaviour.
    Continue,
    /// Try again: an error may have passed.
    Retry,
    /// A connection of this listener has ended.
    Ended,
    /// The addresses of its name.
    Resolved(Found),
    /// This child process has ended, or cannot be waited for.
    #[cfg(all(feature = "process", unix))]
    Exited(io::Result<std::process::ExitStatus>),
}

/// One socket in the event loop, for as long as this lives. It also keeps the runtime alive (R9).
pub(super) struct Registered {
    pub(super) key: Key,
    gone: Arc<Mutex<Vec<Key>>>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        lock(&self.gone).push(self.key);
    }
}

struct Live {
    socket: Weak<Registered>,
    can_wake: Arc<CanWake>,
}

impl Outside for Live {
    fn pressing(&mut self, _pressing: bool) {}

    fn ended(&mut self) {}

    fn is_live(&self) -> bool {
        self.socket.strong_count() > 0
    }

    fn can_wake(&self) -> bool {
        self.is_live() && (self.can_wake)()
    }

    fn take_over(&mut self) -> Vec<Delivery> {
        Vec::new()
    }
}

type CanWake = Box<dyn Fn() -> bool + Send + Sync>;

struct Entry {
    to: Addr<Signal>,
    /// What has happened since its actor last looked; a wake-up is on its way if there is anything.
    seen: Option<Readiness>,
}

pub(super) struct Net {
    network: Box<dyn Network>,
    can_wake: Arc<CanWake>,
    sockets: BTreeMap<Key, Entry>,
    next: usize,
    /// Sockets that were closed, or dropped with their actor.
    gone: Arc<Mutex<Vec<Key>>>,
    ready: Vec<(Key, Readiness)>,
}

impl Net {
    pub(super) fn over(network: impl Network + 'static) -> Self {
        let (can_wake, network) = (Arc::new(network.can_wake()), Box::new(network));
        Net { network, can_wake, sockets: BTreeMap::new(), next: 0, gone: Arc::default(), ready: Vec::new() }
    }

    /// The runtime's network; the machine's, if there is none yet.
    fn of<'c>(core: &'c mut Core<'_>) -> Result<&'c mut Net, NetError> {
        if core.event_loop::<Net>().is_none() {
            assert!(
                !core.is_checked(),
                "a program under the checker has no network of the machine's: give it one to be explored, by Check::network"
            );
            let real = Real::new().map_err(NetError::NoEventLoop)?;
            core.set_event_loop(Box::new(Net::over(real)));
        }
        Ok(core.event_loop::<Net>().expect("it was put there, and is away only while it is polled"))
    }

    fn add(&mut self, to: Addr<Signal>) -> Arc<Registered> {
        let key = Key(self.next);
        self.next += 1;
        self.sockets.insert(key, Entry { to, seen: None });
        Arc::new(Registered { key, gone: self.gone.clone() })
    }

    /// Wakes the actors of the sockets in `ready`.
    fn wake(&mut self, core: &mut Core<'_>) {
        self.forget_gone();
        for (key, readiness) in self.ready.drain(..) {
            let Some(entry) = self.sockets.get_mut(&key) else { continue };
            match &mut entry.seen {
                Some(seen) => *seen = seen.or(readiness),
                none => {
                    *none = Some(readiness);
                    entry.to.deliver(core, Signal(What::Wake));
                }
            }
        }
    }

    fn forget_gone(&mut self) {
        for key in std::mem::take(&mut *lock(&self.gone)) {
            self.sockets.remove(&key);
        }
    }
}

impl EventLoop for Net {
    fn poll(&mut self, core: &mut Core<'_>, timeout: Option<Duration>) -> io::Result<()> {
        self.network.poll(timeout, &mut self.ready)?;
        self.wake(core);
        Ok(())
    }

    fn ringer(&self) -> Box<dyn Fn() + Send + Sync> {
        self.network.ringer()
    }

    fn set_now(&mut self, now: Duration) {
        self.network.set_now(now);
    }

    fn next_event(&self) -> Option<Duration> {
        self.network.next_event()
    }

    fn explore(&mut self) -> Result<(), &'static str> {
        self.network.explore()
    }

    fn choices(&self, tell: &mut dyn FnMut(u64)) {
        self.network.choices(tell);
    }

    fn is_last(&self, choice: u64) -> bool {
        self.network.is_last(choice)
    }

    fn is_preventable(&self, choice: u64) -> bool {
        self.network.is_preventable(choice)
    }

    fn dues(&self, tell: &mut dyn FnMut(Object, Duration)) {
        self.network.dues(tell);
    }

    fn is_fault(&self, choice: u64) -> bool {
        self.network.is_fault(choice)
    }

    fn take(&mut self, core: &mut Single, choice: u64) {
        if core.is_observed() {
            core.show_outside(&self.network.words(choice));
        }
        self.network.take(choice);
    }

    fn settle(&mut self, core: &mut Single, doings: &mut Doings) {
        self.network.done(&mut self.ready, doings);
        self.wake(&mut core.core());
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// The running actor's way to the network.
///
/// # Errors
/// [`NetError::NoEventLoop`].
pub(super) fn network<'c, A: Actor>(cx: &'c mut Context<'_, A>) -> Result<&'c mut dyn Network, NetError> {
    Ok(&mut *Net::of(cx.core())?.network)
}

/// Enters a socket of the running actor; `register` tells the network its key.
///
/// # Errors
/// Those of `register`, and that there is no event loop.
pub(super) fn enter<A: Actor<Msg: From<Signal>>>(
    cx: &mut Context<'_, A>,
    register: impl FnOnce(Key) -> io::Result<()>,
) -> io::Result<Arc<Registered>> {
    let (to, id) = (cx.me().narrow(), cx.id());
    let net = Net::of(cx.core()).map_err(io::Error::other)?;
    let registered = net.add(to);
    let can_wake = net.can_wake.clone();
    register(registered.key)?;
    cx.core().attach(id, Box::new(Live { socket: Arc::downgrade(&registered), can_wake }));
    Ok(registered)
}

/// What has happened to a socket since the last call.
pub(super) fn look<A: Actor>(cx: &mut Context<'_, A>, key: Key) -> Readiness {
    let Some(net) = cx.core().event_loop::<Net>() else { return Readiness::default() };
    net.network.looked(key);
    net.sockets.get_mut(&key).and_then(|entry| entry.seen.take()).unwrap_or_default()
}

/// Has the running actor go on in a behaviour of its own, after what is already in its mailbox.
pub(super) fn go_on<A: Actor<Msg: From<Signal>>>(cx: &mut Context<'_, A>) {
    signal(cx, What::Continue);
}

/// Tells the running actor.
pub(super) fn signal<A: Actor<Msg: From<Signal>>>(cx: &mut Context<'_, A>, what: What) {
    let me = cx.me();
    me.deliver(cx.core(), Signal(what).into());
}

/// Starts an actor that was just spawned.
pub(super) fn start<M: From<Signal> + std::fmt::Debug + Send + 'static>(core: &mut Core<'_>, actor: &Addr<M>) {
    actor.deliver(core, Signal(What::Start).into());
}
