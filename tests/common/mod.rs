//! What the tests of the runtime share: actors as closures, runs that keep the whole trace, and the law of
//! conservation, which is asserted at the end of every run.
#![allow(dead_code, reason = "each test program uses a part of it")]

use backwater::{
    Actor, ActorId, Addr, ApplyReleaseBackpressureAuth, Backpressure, Builder, Context, End, Env, Event, RunError,
    Runtime, Summary,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An actor that does what a closure says with each number it is sent.
pub(crate) struct Act(Box<Behave>);

type Behave = dyn FnMut(u64, &mut Context<'_, Act>) + Send;

impl Actor for Act {
    type Msg = u64;

    fn receive(&mut self, msg: u64, cx: &mut Context<'_, Self>) {
        (self.0)(msg, cx);
    }
}

pub(crate) fn act(behave: impl FnMut(u64, &mut Context<'_, Act>) + Send + 'static) -> Act {
    Act(Box::new(behave))
}

/// An actor that takes numbers and does nothing with them.
pub(crate) fn idle() -> Act {
    act(|_, _| ())
}

/// An actor that presses for so long from now on, and does nothing with the numbers it is sent meanwhile.
pub(crate) fn presses_for(env: &mut Env<'_>, time: Duration) -> Addr<u64> {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let sink = env.spawn(act(move |n, cx| match n {
        0 => {
            Backpressure::apply(&auth, cx);
            cx.after(time, 9);
        }
        9 => Backpressure::release(&auth, cx),
        _ => {}
    }));
    sink.tell(0, env);
    sink
}

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A runtime on one thread, or on a pool: `BACKWATER_TEST_THREADS=2` has the same tests there.
pub(crate) fn builder() -> Builder {
    match threads() {
        Some(threads) => Runtime::builder().threads(threads),
        None => Runtime::builder(),
    }
}

/// How many threads the pool has, if there is one.
pub(crate) fn threads() -> Option<usize> {
    let threads = std::env::var("BACKWATER_TEST_THREADS").ok()?;
    Some(threads.parse().expect("BACKWATER_TEST_THREADS is a number of threads"))
}

/// A runtime with virtual time.
pub(crate) fn virtual_time() -> Builder {
    builder().virtual_time()
}

/// Values written down by actors, for a test to read after the run.
#[derive(Debug)]
pub(crate) struct Notes<T>(Arc<Mutex<Vec<T>>>);

impl<T> Clone for Notes<T> {
    fn clone(&self) -> Self {
        Notes(self.0.clone())
    }
}

impl<T> Notes<T> {
    pub(crate) fn new() -> Self {
        Notes(Arc::default())
    }

    pub(crate) fn add(&self, note: T) {
        self.0.lock().unwrap().push(note);
    }

    pub(crate) fn get(&self, nth: usize) -> T
    where
        T: Clone,
    {
        self.0.lock().unwrap()[nth].clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(crate) fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// How a run went.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) result: Result<Summary, RunError>,
    /// A line for every event: time, then what happened.
    pub(crate) trace: Vec<String>,
}

impl Ran {
    #[track_caller]
    pub(crate) fn well(&self) -> &Summary {
        match &self.result {
            Ok(summary) => summary,
            Err(why) => panic!("it was to end well: {why}"),
        }
    }

    #[track_caller]
    pub(crate) fn error(&self) -> &RunError {
        match &self.result {
            Ok(_) => panic!("it was to end with an error"),
            Err(why) => why,
        }
    }

    #[track_caller]
    pub(crate) fn deadlock(&self) -> &backwater::Deadlock {
        match self.error() {
            RunError::Deadlock(report) => report,
            other => panic!("it was to end with a deadlock: {other}"),
        }
    }

    /// How many events have `text` in their line.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.trace.iter().filter(|line| line.contains(text)).count()
    }

    /// The place of the first event with `text` in its line.
    #[track_caller]
    pub(crate) fn find(&self, text: &str) -> usize {
        let found = self.trace.iter().position(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("no event has {text:?} in its line:\n{}", self.trace.join("\n")))
    }
}

#[derive(Default)]
struct Ledger {
    trace: Vec<String>,
    came: u64,
    went: u64,
    /// How many of them were left when the runtime began to take itself apart.
    left: u64,
    /// How many came only then: notices of ends.
    late: u64,
    dismantling: bool,
}

impl Ledger {
    fn note(&mut self, now: Duration, event: &Event<'_>) {
        self.trace.push(format!("{now:?} {event}"));
        match event {
            Event::Sent { .. } => self.came += 1,
            Event::Delivered { .. } => {
                self.came += 1;
                self.late += u64::from(self.dismantling);
            }
            Event::Ended { why: End::Shutdown, .. } => self.dismantling = true,
            Event::Handling { .. } | Event::DeadLetter { .. } => {
                self.went += 1;
                self.left += u64::from(self.dismantling);
            }
            _ => {}
        }
    }
}

/// Runs with every check there is, and asserts that every message that came was handled once, or was a dead letter
/// once, or was reported as still waiting.
#[track_caller]
pub(crate) fn run(builder: Builder, main: impl FnOnce(&mut Env<'_>)) -> Ran {
    let ledger: Arc<Mutex<Ledger>> = Arc::default();
    let seen = ledger.clone();
    let observer = move |now: Duration, event: &Event<'_>| seen.lock().unwrap().note(now, event);
    let result = builder.observer(observer).check_invariants(true).run(main);
    let Ledger { trace, came, went, left, late, .. } = std::mem::take(&mut *ledger.lock().unwrap());
    let left = left - late;
    assert_eq!(came, went, "conservation, from the trace");
    match &result {
        Ok(summary) => assert_conserved(summary, left),
        Err(RunError::Deadlock(report)) => {
            let waiting: u64 = report.muted.iter().map(|m| u64::from(m.waiting)).sum();
            assert_eq!(waiting, left, "every message that waits at a deadlock is one of a muted actor");
        }
        Err(RunError::Broken(why)) => panic!("{why}"),
        Err(_) => {}
    }
    Ran { result, trace }
}

#[track_caller]
fn assert_conserved(summary: &Summary, left: u64) {
    assert!(summary.stats.is_conserved(), "{}", summary.stats);
    assert_eq!(summary.stats.queued, left, "what is said to be queued is what was left");
}

/// Runs without an observer, on the short ways through the scheduler; of a run that ends well it asserts
/// conservation.
#[track_caller]
pub(crate) fn run_unwatched(builder: Builder, main: impl FnOnce(&mut Env<'_>)) -> Result<Summary, RunError> {
    let result = builder.describe(false).run(main);
    if let Ok(summary) = &result {
        assert!(summary.stats.is_conserved(), "{}", summary.stats);
    }
    result
}

/// What a panic of `f` said.
#[track_caller]
pub(crate) fn panic_of<T>(f: impl FnOnce() -> T) -> String {
    let Err(payload) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) else { panic!("it was to panic") };
    let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| payload.downcast_ref().cloned()).unwrap()
}

/// The actor of a panic that ended the run, its name, message, place and what it said.
#[track_caller]
pub(crate) fn panicked(error: &RunError) -> (ActorId, &str, &str, &str, &str) {
    match error {
        RunError::Panicked { actor, name, message, place, payload, .. } => {
            (*actor, name, message, place.as_deref().unwrap_or(""), payload)
        }
        other => panic!("it was to end with a panic: {other}"),
    }
}
