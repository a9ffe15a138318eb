//! The way in for code outside any actor (R13).
//!
//! Senders and runtime share a bounded queue. An inlet never marks anybody: it is closed while its receiver presses,
//! and it refuses or waits instead: a thread by [`Inlet::send`], a task by [`Inlet::send_async`] or as a sink.
//!
//! **Why no wake-up is lost.** A task looks whether it is served and leaves its waker under one and the same lock, the
//! one under which everything that can serve it happens: room, the receiver's fall, the end. All three go through
//! [`Shared::change`], which takes out the wakers of those who are served before it lets go of the lock, and calls them
//! after. So a task either sees the change, or has left its waker before it. All who are served are woken, not one of
//! them: nobody has to pass a wake-up on that it does not use.

use super::Addr;
use crate::faults::{Fault, planted};
use crate::scheduler::{Bell, Core, Outside};
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak, lock};
use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::future::poll_fn;
use std::mem;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Messages that wait in an inlet until the runtime takes them over; about a batch.
const CAPACITY: usize = 128;

/// Sends to one actor from outside: from another thread, from an async task. Clone it for more senders. As long as a
/// clone lives and the actor is not muted, the runtime waits for it (R9).
///
/// ```
/// # use backwater::{Actor, Context};
/// # use std::time::Duration;
/// # struct Sum(u64);
/// # impl Actor for Sum { type Msg = u64; fn receive(&mut self, n: u64, _: &mut Context<'_, Self>) { self.0 += n } }
/// let mut thread = None;
/// backwater::run(|env| {
///     let sum = env.spawn(Sum(0));
///     let inlet = env.inlet(&sum);
///     thread = Some(std::thread::spawn(move || inlet.send(7, Duration::from_secs(10)).unwrap()));
/// }).unwrap();
/// thread.unwrap().join().unwrap();
/// ```
pub struct Inlet<M> {
    shared: Arc<Shared<M>>,
    /// Its count is the number of inlets: when the last is gone, the runtime waits no longer.
    open: Option<Arc<()>>,
    /// Found ready, and has not sent since: that one message is taken even if the receiver presses by then.
    granted: bool,
    /// Which inlet of the same receiver this is, to find its waker again.
    number: u64,
}

/// Why an inlet did not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The receiver is pressing: overloaded, under pressure or muted.
    Pressing,
    /// The runtime has yet to take over what was sent before.
    Full,
    /// The receiver has ended, or its runtime has; or this inlet was closed.
    Ended,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Pressing => "the receiver is pressing: try again when it has fallen, or use `send` with a timeout",
            Refusal::Full => "the inlet is full: the runtime has yet to take over what was sent before; try again",
            Refusal::Ended => "the receiver has ended, or its runtime has: nobody will take messages any more",
        })
    }
}

impl std::error::Error for Refusal {}

/// A message that was not taken: it comes back.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused<M> {
    /// The message.
    pub message: M,
    /// Why it was not taken.
    pub why: Refusal,
}

impl<M> Debug for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("why", &self.why).finish_non_exhaustive()
    }
}

impl<M> fmt::Display for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.why, f)
    }
}

impl<M> std::error::Error for Refused<M> {}

struct Shared<M> {
    state: Mutex<State<M>>,
    /// Signalled when `State::refusal` may have changed.
    changed: Condvar,
    bell: Arc<Bell>,
}

struct State<M> {
    queue: VecDeque<M>,
    pressing: bool,
    ended: bool,
    /// Tasks that are not served yet, at most one an inlet.
    waiting: Vec<Waiting>,
    /// Inlets so far.
    inlets: u64,
}

struct Waiting {
    number: u64,
    until: Until,
    waker: Waker,
}

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// That a message would be taken.
    Ready,
    /// That all that was sent has been taken over.
    Empty,
}

impl<M> State<M> {
    fn new() -> Self {
        State { queue: VecDeque::new(), pressing: false, ended: false, waiting: Vec::new(), inlets: 1 }
    }

    fn refusal(&self) -> Option<Refusal> {
        match () {
            () if self.ended => Some(Refusal::Ended),
            () if self.pressing && !planted(Fault::InletIgnoresPressure) => Some(Refusal::Pressing),
            () if self.queue.len() >= CAPACITY => Some(Refusal::Full),
            () => None,
        }
    }

    /// Is the wait over, well or with the end? What is left in the queue at the end is dead letters, and nobody's wait.
    fn serves(&self, until: Until) -> bool {
        match until {
            Until::Ready => matches!(self.refusal(), None | Some(Refusal::Ended)),
            Until::Empty => self.ended || self.queue.is_empty(),
        }
    }

    fn forget(&mut self, number: u64) {
        self.waiting.retain(|waiting| waiting.number != number);
    }

    fn take_served(&mut self) -> Vec<Waker> {
        let (ready, empty) = (self.serves(Until::Ready), self.serves(Until::Empty));
        let served = |waiting: &mut Waiting| if waiting.until == Until::Ready { ready } else { empty };
        self.waiting.extract_if(.., served).map(|waiting| waiting.waker).collect()
    }
}

impl<M> Shared<M> {
    /// Whatever may end a wait happens here.
    fn change<T>(&self, change: impl FnOnce(&mut State<M>) -> T) -> T {
        let mut state = lock(&self.state);
        let result = change(&mut state);
        let served = state.take_served();
        // A waker may run its task at once, and that looks here.
        drop(state);
        self.changed.notify_all();
        served.into_iter().for_each(Waker::wake);
        result
    }
}

impl<M> Inlet<M> {
    /// Sends at once, or says why not and gives the message back.
    ///
    /// # Errors
    /// [`Refusal::Pressing`], [`Refusal::Full`] or [`Refusal::Ended`].
    pub fn try_send(&self, message: M) -> Result<(), Refused<M>> {
        self.put(lock(&self.shared.state), message)
    }

    /// Sends, waiting up to `timeout` while the receiver is pressing. Blocks the calling thread: not for use in actors.
    ///
    /// # Errors
    /// [`Refusal::Ended`] at once; the reason of the last refusal after the timeout.
    pub fn send(&self, message: M, timeout: Duration) -> Result<(), Refused<M>> {
        let state = lock(&self.shared.state);
        let waits = |state: &mut State<M>| self.refusal(state).is_some_and(|why| why != Refusal::Ended);
        let waited = self.shared.changed.wait_timeout_while(state, timeout, waits);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        self.put(state, message)
    }

    /// Sends, and has the task wait while the receiver is pressing. For async code under any executor; the runtime
    /// itself needs none.
    ///
    /// A task that gives up waiting drops the message with the future, and nothing else.
    ///
    /// # Errors
    /// [`Refusal::Ended`], with the message.
    ///
    /// ```
    /// # use backwater::{Actor, Context};
    /// # struct Sum(u64);
    /// # impl Actor for Sum { type Msg = u64; fn receive(&mut self, n: u64, _: &mut Context<'_, Self>) { self.0 += n } }
    /// let mut thread = None;
    /// backwater::run(|env| {
    ///     let sum = env.spawn(Sum(0));
    ///     let mut inlet = env.inlet(&sum);
    ///     let task = async move {
    ///         for n in 0..1_000 {
    ///             inlet.send_async(n).await.unwrap();
    ///         }
    ///     };
    ///     thread = Some(std::thread::spawn(|| pollster::block_on(task)));
    /// }).unwrap();
    /// thread.unwrap().join().unwrap();
    /// ```
    pub async fn send_async(&mut self, message: M) -> Result<(), Refused<M>> {
        match poll_fn(|cx| self.poll_until(Until::Ready, cx)).await {
            Ok(()) => self.send_granted(message),
            Err(why) => Err(Refused { message, why }),
        }
    }

    /// Leaves the task's waker unless it is served. When it is found ready, the next message is taken whatever happens
    /// in between: of each inlet at most one.
    pub(super) fn poll_until(&mut self, until: Until, cx: &Context<'_>) -> Poll<Result<(), Refusal>> {
        let mut state = lock(&self.shared.state);
        state.forget(self.number);
        let ended = until == Until::Ready && self.refusal(&state) == Some(Refusal::Ended);
        let served = state.serves(until);
        if until == Until::Ready {
            self.granted = served && !ended;
        }
        if ended {
            return Poll::Ready(Err(Refusal::Ended));
        }
        if served {
            return Poll::Ready(Ok(()));
        }
        state.waiting.push(Waiting { number: self.number, until, waker: cx.waker().clone() });
        Poll::Pending
    }

    /// After `poll_until` found it ready; otherwise like `try_send`.
    pub(super) fn send_granted(&mut self, message: M) -> Result<(), Refused<M>> {
        let state = lock(&self.shared.state);
        if !mem::take(&mut self.granted) || self.refusal(&state) == Some(Refusal::Ended) {
            return self.put(state, message);
        }
        self.push(state, message);
        Ok(())
    }

    /// Sends nothing from here on; the runtime waits for it no longer.
    pub(super) fn close(&mut self) {
        if planted(Fault::InletRingsFirst) {
            self.shared.bell.ring();
            self.open = None;
            return;
        }
        // In this order: see `drop`.
        self.open = None;
        self.shared.bell.ring();
    }

    /// One that was closed is refused too: the runtime may look at the queue no longer.
    fn refusal(&self, state: &State<M>) -> Option<Refusal> {
        if self.open.is_none() { Some(Refusal::Ended) } else { state.refusal() }
    }

    /// Under the lock that the caller looked under: in between, the receiver could press again.
    fn put(&self, state: MutexGuard<'_, State<M>>, message: M) -> Result<(), Refused<M>> {
        if let Some(why) = self.refusal(&state) {
            return Err(Refused { message, why });
        }
        self.push(state, message);
        Ok(())
    }

    fn push(&self, mut state: MutexGuard<'_, State<M>>, message: M) {
        state.queue.push_back(message);
        drop(state);
        self.shared.bell.ring();
    }

    /// Would [`try_send`](Self::try_send) take a message now? Another sender may be faster.
    pub fn is_ready(&self) -> bool {
        self.refusal(&lock(&self.shared.state)).is_none()
    }
}

impl<M> Clone for Inlet<M> {
    fn clone(&self) -> Self {
        let mut state = lock(&self.shared.state);
        let number = state.inlets;
        state.inlets += 1;
        drop(state);
        Inlet { shared: self.shared.clone(), open: self.open.clone(), granted: false, number }
    }
}

impl<M> Debug for Inlet<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.shared.state);
        f.debug_struct("Inlet").field("waiting", &state.queue.len()).field("refusal", &state.refusal()).finish()
    }
}

impl<M> Drop for Inlet<M> {
    /// The last one gone may be all that the runtime waited for. First it is gone, then it rings: the other way round
    /// the runtime could look in between, find it open, and sleep for ever.
    fn drop(&mut self) {
        lock(&self.shared.state).forget(self.number);
        self.close();
    }
}

/// The runtime's end of an inlet.
struct Inner<M> {
    shared: Arc<Shared<M>>,
    open: Weak<()>,
    to: Addr<M>,
}

impl<M: Debug + Send + 'static> Outside for Inner<M> {
    fn pressing(&mut self, pressing: bool) {
        self.shared.change(|state| state.pressing = pressing);
    }

    fn ended(&mut self) {
        self.shared.change(|state| state.ended = true);
    }

    fn is_live(&self) -> bool {
        self.open.strong_count() > 0 || !lock(&self.shared.state).queue.is_empty()
    }

    fn take_over(&mut self) -> Vec<crate::scheduler::Delivery> {
        let taken = self.shared.change(|state| mem::take(&mut state.queue));
        let to = &self.to;
        let deliver = |message| -> crate::scheduler::Delivery {
            let to = to.clone();
            Box::new(move |core| to.deliver(core, message))
        };
        taken.into_iter().map(deliver).collect()
    }
}

pub(super) fn open<M: Debug + Send + 'static>(core: &mut Core<'_>, to: &Addr<M>) -> Inlet<M> {
    let shared =
        Arc::new(Shared { state: Mutex::new(State::new()), changed: Condvar::new(), bell: core.bell().clone() });
    let open = Arc::new(());
    let inner = Inner { shared: shared.clone(), open: Arc::downgrade(&open), to: to.clone() };
    core.attach(to.id(), Box::new(inner));
    Inlet { shared, open: Some(open), granted: false, number: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Drops an inlet while the bell's owner sleeps, and has the ringer look whether it is still open: it must not be,
    /// because the one who is woken looks once.
    #[test]
    fn an_inlet_is_gone_before_it_rings() {
        let (bell, open) = (Bell::new(), Arc::new(()));
        let (weak, left) = (Arc::downgrade(&open), Arc::new(Mutex::new(None)));
        let seen = left.clone();
        bell.set_ringer(Some(Box::new(move || *lock(&seen) = Some(weak.strong_count()))));
        let state = Mutex::new(State::<u32>::new());
        let shared = Arc::new(Shared { state, changed: Condvar::new(), bell: bell.clone() });
        let mut inlet = Some(Inlet { shared, open: Some(open), granted: false, number: 0 });
        bell.park(None, Some(&mut |_| drop(inlet.take())));
        assert_eq!(*lock(&left), Some(0));
    }
}
