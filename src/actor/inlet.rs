//! The way in for code outside any actor (R13).
//!
//! Senders and runtime share a bounded queue. An inlet never marks anybody: it is closed while its receiver presses,
//! and it refuses or waits instead.

use super::Addr;
use crate::scheduler::{Bell, Outside, Single};
use crate::sync::{Arc, Condvar, Mutex, Weak, lock};
use std::collections::VecDeque;
use std::fmt::{self, Debug};
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
    /// Its count is the number of inlets: when the last is gone, the runtime waits no longer. Absent only in `drop`.
    open: Option<Arc<()>>,
}

/// Why an inlet did not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The receiver is pressing: overloaded, under pressure or muted.
    Pressing,
    /// The runtime has yet to take over what was sent before.
    Full,
    /// The receiver has ended, or its runtime has.
    Ended,
}

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
        f.write_str(match self.why {
            Refusal::Pressing => "the receiver is pressing: try again when it has fallen, or use `send` with a timeout",
            Refusal::Full => "the inlet is full: the runtime has yet to take over what was sent before; try again",
            Refusal::Ended => "the receiver has ended, or its runtime has: nobody will take messages any more",
        })
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
}

impl<M> State<M> {
    fn refusal(&self) -> Option<Refusal> {
        match () {
            () if self.ended => Some(Refusal::Ended),
            () if self.pressing => Some(Refusal::Pressing),
            () if self.queue.len() >= CAPACITY => Some(Refusal::Full),
            () => None,
        }
    }
}

impl<M> Inlet<M> {
    /// Sends at once, or says why not and gives the message back.
    ///
    /// # Errors
    /// [`Refusal::Pressing`], [`Refusal::Full`] or [`Refusal::Ended`].
    pub fn try_send(&self, message: M) -> Result<(), Refused<M>> {
        let mut state = lock(&self.shared.state);
        if let Some(why) = state.refusal() {
            return Err(Refused { message, why });
        }
        state.queue.push_back(message);
        drop(state);
        self.shared.bell.ring();
        Ok(())
    }

    /// Sends, waiting up to `timeout` while the receiver is pressing. Blocks the calling thread: not for use in actors.
    ///
    /// # Errors
    /// [`Refusal::Ended`] at once; the reason of the last refusal after the timeout.
    pub fn send(&self, message: M, timeout: Duration) -> Result<(), Refused<M>> {
        let state = lock(&self.shared.state);
        let waits = |state: &mut State<M>| state.refusal().is_some_and(|why| why != Refusal::Ended);
        let waited = self.shared.changed.wait_timeout_while(state, timeout, waits);
        drop(waited);
        self.try_send(message)
    }

    /// Would [`try_send`](Self::try_send) take a message now? Another sender may be faster.
    pub fn is_ready(&self) -> bool {
        lock(&self.shared.state).refusal().is_none()
    }
}

impl<M> Clone for Inlet<M> {
    fn clone(&self) -> Self {
        Inlet { shared: self.shared.clone(), open: self.open.clone() }
    }
}

impl<M> Debug for Inlet<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.shared.state);
        f.debug_struct("Inlet").field("waiting", &state.queue.len()).field("refusal", &state.refusal()).finish()
    }
}

impl<M> Drop for Inlet<M> {
    /// The last one gone may be all that the runtime waited for. It is gone before it rings: a runtime that woke first
    /// would still count it, and sleep for ever.
    fn drop(&mut self) {
        self.open = None;
        self.shared.bell.ring();
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
        lock(&self.shared.state).pressing = pressing;
        self.shared.changed.notify_all();
    }

    fn ended(&mut self) {
        lock(&self.shared.state).ended = true;
        self.shared.changed.notify_all();
    }

    fn is_live(&self) -> bool {
        self.open.strong_count() > 0 || !lock(&self.shared.state).queue.is_empty()
    }

    fn take_over(&mut self) -> Vec<crate::scheduler::Delivery> {
        let taken = std::mem::take(&mut lock(&self.shared.state).queue);
        self.shared.changed.notify_all();
        let to = &self.to;
        let deliver = |message| -> crate::scheduler::Delivery {
            let to = to.clone();
            Box::new(move |core| to.deliver(core, message))
        };
        taken.into_iter().map(deliver).collect()
    }
}

pub(super) fn open<M: Debug + Send + 'static>(core: &mut Single, to: &Addr<M>) -> Inlet<M> {
    let state = State { queue: VecDeque::new(), pressing: false, ended: false };
    let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), bell: core.bell.clone() });
    let open = Arc::new(());
    let inner = Inner { shared: shared.clone(), open: Arc::downgrade(&open), to: to.clone() };
    core.attach(to.id(), Box::new(inner));
    Inlet { shared, open: Some(open) }
}
