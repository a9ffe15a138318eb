//! A runtime seen from outside while it runs: asked to end, asked for its counts, waited for.
//!
//! **Why no stop is lost.** A remote notes what it wants under the lock of [`Control`], and then rings the runtime's
//! bell; the driver answers the bell between any two slices and never sleeps while it is rung. A runtime that has not
//! begun yet has no bell here; when it puts its bell in, under the same lock, it rings it itself, so that whatever was
//! noted before is looked at first.

use super::error::{RunError, Summary};
use crate::scheduler::{Bell, Stats};
use crate::sync::{Arc, Condvar, Mutex, PoisonError, lock, thread};
use std::fmt;
use std::panic::resume_unwind;

/// What remotes and the driver share.
#[derive(Default)]
pub(super) struct Control {
    state: Mutex<State>,
    /// Signalled when counts were given, or the run is over.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bell: Option<Arc<Bell>>,
    /// Those that run actors: they cannot wait for an answer.
    threads: Vec<thread::Id>,
    stop: bool,
    /// Requests for counts so far, and how many of them were answered.
    asked: u64,
    answered: u64,
    stats: Option<Stats>,
    ended: bool,
}

/// What remotes want of the driver.
pub(super) struct Wanted {
    pub(super) stop: bool,
    pub(super) stats: bool,
}

impl Control {
    /// The run is over when what this gives back is dropped, whether or not it has begun.
    pub(super) fn until_end(this: &Arc<Self>) -> Running {
        Running(this.clone())
    }

    /// The run begins, on this thread and on `workers`.
    pub(super) fn begin(&self, bell: &Arc<Bell>, workers: Vec<thread::Id>) {
        let mut state = lock(&self.state);
        state.bell = Some(bell.clone());
        state.threads = workers;
        state.threads.push(thread::id());
        drop(state);
        bell.ring();
    }

    pub(super) fn wanted(&self) -> Wanted {
        let state = lock(&self.state);
        Wanted { stop: state.stop, stats: state.asked > state.answered }
    }

    /// These counts were taken after every request so far.
    pub(super) fn answer(&self, stats: Stats) {
        let mut state = lock(&self.state);
        state.answered = state.asked;
        state.stats = Some(stats);
        drop(state);
        self.changed.notify_all();
    }

    fn end(&self) {
        let mut state = lock(&self.state);
        state.ended = true;
        (state.bell, state.stats) = (None, None);
        drop(state);
        self.changed.notify_all();
    }
}

/// A run, however it ends.
pub(super) struct Running(Arc<Control>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Asks a runtime, from any thread: for its end, for its counts. Cheap to clone; it keeps nothing alive.
///
/// Made by [`Handle::remote`] or [`Env::remote`](crate::Env::remote).
#[derive(Clone)]
pub struct Remote(Arc<Control>);

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("ended", &self.is_ended()).finish()
    }
}

impl Remote {
    pub(super) fn new(control: Arc<Control>) -> Self {
        Remote(control)
    }

    /// That of a run which nobody outside can reach: under the checker. To it the run is over.
    pub(crate) fn to_nowhere() -> Self {
        let control = Arc::new(Control::default());
        control.end();
        Remote(control)
    }

    /// Ends the run between two runs of actors, also one that sleeps or has not begun: `main` still runs, if it has not.
    /// What waits in mailboxes is left there and counted, as with [`Context::shutdown`](crate::Context::shutdown). A
    /// behaviour that never ends cannot be stopped.
    pub fn stop(&self) {
        self.ring(|state| state.stop = true);
    }

    /// All counts, as of a moment between this call and its return; none if the run is over. Waits until the runtime
    /// has ended the behaviours that it is in, a slice of some hundreds.
    ///
    /// # Panics
    /// If called in the runtime's own thread while it runs, or in one of its workers' threads: it would wait for itself.
    /// There is [`Context::stats`](crate::Context::stats) for that.
    pub fn stats(&self) -> Option<Stats> {
        let (number, by_itself) = self.ring(|state| {
            state.asked += 1;
            (state.asked, state.threads.contains(&thread::id()))
        })?;
        assert!(!by_itself, "the runtime cannot wait for itself: in a behaviour use `Context::stats`");
        let waits = |state: &mut State| state.answered < number && !state.ended;
        let state = self.0.changed.wait_while(lock(&self.0.state), waits).unwrap_or_else(PoisonError::into_inner);
        state.stats.clone()
    }

    /// Is the run over?
    pub fn is_ended(&self) -> bool {
        lock(&self.0.state).ended
    }

    /// Notes something and rings, unless the run is over.
    fn ring<T>(&self, note: impl FnOnce(&mut State) -> T) -> Option<T> {
        let mut state = lock(&self.0.state);
        if state.ended {
            return None;
        }
        let result = note(&mut state);
        let bell = state.bell.clone();
        drop(state);
        bell.iter().for_each(|bell| bell.ring());
        Some(result)
    }
}

/// A runtime on a thread of its own: see [`Builder::spawn_thread`](crate::Builder::spawn_thread). Dropped, it lets the
/// runtime go on.
#[must_use = "how the run ends is told by `wait`"]
pub struct Handle {
    outcome: Outcome,
    remote: Remote,
}

enum Outcome {
    Running(thread::JoinHandle<Result<Summary, RunError>>),
    NotBegun(RunError),
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("remote", &self.remote).finish_non_exhaustive()
    }
}

impl Handle {
    /// Starts `run` on a thread of its own.
    pub(super) fn start(
        control: Arc<Control>,
        run: impl FnOnce() -> Result<Summary, RunError> + Send + 'static,
    ) -> Self {
        let remote = Remote(control.clone());
        let outcome = match thread::spawn("backwater", run) {
            Ok(thread) => Outcome::Running(thread),
            Err(why) => {
                control.end();
                Outcome::NotBegun(RunError::Thread(why))
            }
        };
        Handle { outcome, remote }
    }

    /// Waits for the end of the run, and says how it went.
    ///
    /// # Errors
    /// Those of [`Builder::run`](crate::Builder::run), and [`RunError::Thread`].
    pub fn wait(self) -> Result<Summary, RunError> {
        match self.outcome {
            // The run catches the panics of user code; any other is a bug of ours, and goes on here.
            Outcome::Running(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Outcome::NotBegun(why) => Err(why),
        }
    }

    /// [`Remote::stop`].
    pub fn stop(&self) {
        self.remote.stop();
    }

    /// [`Remote::stats`].
    pub fn stats(&self) -> Option<Stats> {
        self.remote.stats()
    }

    /// Asks the same, and can be cloned and given to other threads.
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }
}
