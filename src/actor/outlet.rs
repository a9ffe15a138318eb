//! The way out: an actor that feeds code outside any actor, a thread or a task.
//!
//! The feeding actor puts what it is sent into a queue that it shares with the reader. When the queue is full it is
//! under pressure (R5), so its senders are held back; the reader's guard drop ends that, through the runtime's bell.
//! What is queued by then still gets in: the capacity says where the pressure begins, not where it stops (R14).
//!
//! **Why no wake-up is lost.** *The reader's:* it looks at the queue, and waits or leaves its waker, under the lock
//! under which messages come in and the end is noted; whoever notes either wakes it after. *The feeder's:* the guard
//! stands in the shared state, and is dropped under its lock by the reader that makes room. The feeder that puts a
//! guard there looks at the queue again under the same lock: if the reader has made room in between, it drops the guard
//! itself. *The runtime's:* while the feeder presses, as the scheduler itself last said, the reader counts as a live
//! source (R9); it stays one until the scheduler has heard of the drop, so there is no moment in which the guard is
//! gone and the bell not rung.

use super::pressure::{self, PressureGuard};
use super::{Actor, Addr, Context, SpawnOptions};
use crate::event::Place;
use crate::scheduler::{Bell, Delivery, Outside};
use crate::sync::{Arc, Condvar, Mutex, PoisonError, lock};
use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::mem;
use std::task::{Context as Task, Poll, Waker};
use std::time::Duration;

/// Receives what is sent to one actor: on another thread, or in an async task. Made by
/// [`Context::outlet`](super::Context::outlet).
///
/// It does not keep the runtime alive by being there; but while it is full, its actor is under pressure, and the
/// runtime waits for it to be read (R9). Dropped, its actor ends: what was not read, and whatever is sent to it after,
/// is a dead letter (R1). When the actor or the runtime ends, it gives what is left, and then says so.
///
/// ```
/// let mut reader = None;
/// backwater::run(|env| {
///     let (numbers, outlet) = env.outlet::<u64>(16);
///     reader = Some(std::thread::spawn(move || outlet.iter().sum::<u64>()));
///     (1..=1_000).for_each(|n| numbers.tell(n, env));
/// }).unwrap();
/// assert_eq!(reader.unwrap().join().unwrap(), 500_500);
/// ```
pub struct Outlet<M> {
    shared: Arc<Shared<M>>,
}

/// Why an outlet gave no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoMessage {
    /// There is none now.
    Yet,
    /// The outlet's actor has ended, or its runtime has, and everything has been read.
    Ended,
}

impl fmt::Display for NoMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoMessage::Yet => "there is no message now: try again, or use `recv` with a longer timeout",
            NoMessage::Ended => "the outlet's actor has ended, or its runtime has: no message will come any more",
        })
    }
}

impl std::error::Error for NoMessage {}

struct Shared<M> {
    state: Mutex<State<M>>,
    /// Signalled when a message has come, or the end.
    changed: Condvar,
    bell: Arc<Bell>,
    /// The weight from which the queue is full, and what a message weighs.
    capacity: usize,
    weigh: fn(&M) -> usize,
}

struct State<M> {
    queue: VecDeque<M>,
    /// Of all that is in the queue.
    weight: usize,
    /// The feeder's, while the queue is full.
    guard: Option<PressureGuard>,
    /// The task that waits for a message.
    reader: Option<Waker>,
    /// The reader is gone.
    closed: bool,
    /// The feeder is gone.
    ended: bool,
}

impl<M> Shared<M> {
    /// Whatever may end the reader's wait happens here.
    fn change(&self, change: impl FnOnce(&mut State<M>)) {
        let mut state = lock(&self.state);
        change(&mut state);
        let reader = state.reader.take();
        // A waker may run its task at once, and that looks here.
        drop(state);
        self.changed.notify_all();
        reader.into_iter().for_each(Waker::wake);
    }

    /// Is there room again? Half of it: at the last place, one message would free all senders, for one message each.
    fn has_room(&self, state: &State<M>) -> bool {
        state.weight <= self.capacity / 2
    }

    /// The reader takes the first message.
    fn take(&self, state: &mut State<M>) -> Result<M, NoMessage> {
        let Some(message) = state.queue.pop_front() else {
            return Err(if state.ended { NoMessage::Ended } else { NoMessage::Yet });
        };
        state.weight -= (self.weigh)(&message);
        if self.has_room(state) {
            state.guard = None;
        }
        Ok(message)
    }
}

impl<M> Outlet<M> {
    /// The next message, if there is one now.
    ///
    /// # Errors
    /// [`NoMessage::Yet`] or [`NoMessage::Ended`].
    pub fn try_recv(&self) -> Result<M, NoMessage> {
        self.shared.take(&mut lock(&self.shared.state))
    }

    /// The next message, waiting up to `timeout` for it. Blocks the calling thread: not for use in actors.
    ///
    /// # Errors
    /// [`NoMessage::Ended`] at once; [`NoMessage::Yet`] after the timeout.
    pub fn recv(&self, timeout: Duration) -> Result<M, NoMessage> {
        let waits = |state: &mut State<M>| state.queue.is_empty() && !state.ended;
        let waited = self.shared.changed.wait_timeout_while(lock(&self.shared.state), timeout, waits);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        self.shared.take(&mut state)
    }

    /// The messages as they come, to the end. Blocks the calling thread: not for use in actors.
    pub fn iter(&self) -> Messages<'_, M> {
        Messages(self)
    }

    /// The next message, or none at the end; meanwhile the task waits. Under any executor; the runtime needs none.
    ///
    /// A task that gives up waiting has lost no message.
    ///
    /// ```
    /// let mut reader = None;
    /// backwater::run(|env| {
    ///     let (numbers, mut outlet) = env.outlet::<u64>(16);
    ///     let task = async move {
    ///         let mut sum = 0;
    ///         while let Some(n) = outlet.recv_async().await {
    ///             sum += n;
    ///         }
    ///         sum
    ///     };
    ///     reader = Some(std::thread::spawn(|| pollster::block_on(task)));
    ///     (1..=1_000).for_each(|n| numbers.tell(n, env));
    /// }).unwrap();
    /// assert_eq!(reader.unwrap().join().unwrap(), 500_500);
    /// ```
    pub async fn recv_async(&mut self) -> Option<M> {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Has the actor ended, and has everything been read?
    pub fn is_ended(&self) -> bool {
        let state = lock(&self.shared.state);
        state.ended && state.queue.is_empty()
    }

    pub(super) fn poll_recv(&mut self, cx: &Task<'_>) -> Poll<Option<M>> {
        let mut state = lock(&self.shared.state);
        match self.shared.take(&mut state) {
            Ok(message) => Poll::Ready(Some(message)),
            Err(NoMessage::Ended) => Poll::Ready(None),
            Err(NoMessage::Yet) => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<M> Debug for Outlet<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.shared.state);
        f.debug_struct("Outlet").field("waiting", &state.queue.len()).field("ended", &state.ended).finish()
    }
}

impl<M> Drop for Outlet<M> {
    /// What was not read is left for the feeder, which makes dead letters of it.
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        state.closed = true;
        (state.guard, state.reader) = (None, None);
        drop(state);
        self.shared.bell.ring();
    }
}

/// The messages of an [`Outlet`] as they come: see [`Outlet::iter`].
#[derive(Debug)]
pub struct Messages<'a, M>(&'a Outlet<M>);

impl<M> Iterator for Messages<'_, M> {
    type Item = M;

    fn next(&mut self) -> Option<M> {
        self.0.recv(Duration::MAX).ok()
    }
}

impl<'a, M> IntoIterator for &'a Outlet<M> {
    type Item = M;
    type IntoIter = Messages<'a, M>;

    fn into_iter(self) -> Messages<'a, M> {
        self.iter()
    }
}

/// The actor's end of an outlet.
pub(crate) struct Feed<M> {
    shared: Arc<Shared<M>>,
    /// Where the outlet was made: a report names it as the line that presses.
    place: Place,
}

/// What an outlet can carry before its actor presses.
pub(crate) struct Capacity<M> {
    pub(crate) weight: usize,
    pub(crate) weigh: fn(&M) -> usize,
}

impl<M: Send + 'static> Feed<M> {
    /// Both ends of a new outlet that the running actor, or one that is yet to be spawned, will feed.
    pub(crate) fn new<A: Actor>(capacity: Capacity<M>, place: Place, cx: &mut Context<'_, A>) -> (Feed<M>, Outlet<M>) {
        let state = State { queue: VecDeque::new(), weight: 0, guard: None, reader: None, closed: false, ended: false };
        let Capacity { weight: capacity, weigh } = capacity;
        let bell = cx.core().bell().clone();
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), bell, capacity, weigh });
        (Feed { shared: shared.clone(), place }, Outlet { shared })
    }

    /// Ties the outlet to its actor; `closed` is what happens when its reader is gone.
    pub(crate) fn tie<T, A: Actor>(&self, to: &Addr<T>, closed: Option<Delivery>, cx: &mut Context<'_, A>) {
        let end = FeedEnd { shared: self.shared.clone(), pressing: false, closed };
        cx.core().attach(to.id(), Box::new(end));
    }

    /// Gives the reader a message. Where the reader is gone, it is kept for `leftovers`.
    pub(crate) fn give<A: Actor>(&self, message: M, cx: &mut Context<'_, A>) {
        let mut full = false;
        self.shared.change(|state| {
            state.weight += (self.shared.weigh)(&message);
            state.queue.push_back(message);
            full = !state.closed && state.guard.is_none() && state.weight >= self.shared.capacity;
        });
        if full {
            self.press(cx);
        }
    }

    /// Is the reader gone?
    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.shared.state).closed
    }

    /// Not under the lock: an observer of the event may be the reader.
    fn press<A: Actor>(&self, cx: &mut Context<'_, A>) {
        let guard = pressure::hold_at(self.place, cx);
        let mut state = lock(&self.shared.state);
        if !state.closed && !self.shared.has_room(&state) {
            state.guard = Some(guard);
        }
    }

    /// What was not read.
    fn leftovers(&self) -> VecDeque<M> {
        mem::take(&mut lock(&self.shared.state).queue)
    }
}

/// What the scheduler sees of the reader.
struct FeedEnd<M> {
    shared: Arc<Shared<M>>,
    /// The actor presses, as far as the scheduler knows.
    pressing: bool,
    closed: Option<Delivery>,
}

impl<M: Send + 'static> Outside for FeedEnd<M> {
    fn pressing(&mut self, pressing: bool) {
        self.pressing = pressing;
    }

    fn ended(&mut self) {
        self.shared.change(|state| state.ended = true);
        self.closed = None;
    }

    /// Only while something can come of it: the end of a pressure, or of the actor.
    fn is_live(&self) -> bool {
        self.pressing || self.closed.is_some() && lock(&self.shared.state).closed
    }

    fn is_over(&self) -> bool {
        !self.is_live() && lock(&self.shared.state).closed
    }

    fn take_over(&mut self) -> Vec<Delivery> {
        let closed = lock(&self.shared.state).closed;
        self.closed.take_if(|_| closed).into_iter().collect()
    }
}

/// What the actor that [`Context::outlet`] makes is sent.
enum Fed<M> {
    Item(M),
    /// The reader is gone.
    Closed,
}

impl<M> From<M> for Fed<M> {
    fn from(message: M) -> Self {
        Fed::Item(message)
    }
}

impl<M: Debug> Debug for Fed<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fed::Item(message) => message.fmt(f),
            Fed::Closed => f.write_str("Closed"),
        }
    }
}

struct Feeder<M>(Feed<M>);

impl<M: Debug + Send + 'static> Actor for Feeder<M> {
    type Msg = Fed<M>;

    fn receive(&mut self, msg: Fed<M>, cx: &mut Context<'_, Self>) {
        match msg {
            Fed::Item(message) => self.0.give(message, cx),
            // What nobody has read goes back into the mailbox of an actor that stops: dead letters (R8).
            Fed::Closed => {
                let me = cx.me();
                self.0.leftovers().into_iter().for_each(|message| me.deliver(cx.core(), message.into()));
                cx.stop();
            }
        }
    }
}

pub(super) fn open<M: Debug + Send + 'static, A: Actor>(
    capacity: usize,
    place: Place,
    cx: &mut Context<'_, A>,
) -> (Addr<M>, Outlet<M>) {
    let (feed, outlet) = Feed::new(Capacity { weight: capacity, weigh: |_| 1 }, place, cx);
    let feeder = Feeder(Feed { shared: feed.shared.clone(), place });
    let feeder = cx.spawn_with(SpawnOptions::new().name("outlet"), feeder);
    let to = feeder.clone();
    feed.tie(&feeder, Some(Box::new(move |core| to.deliver(core, Fed::Closed))), cx);
    (feeder.narrow(), outlet)
}
