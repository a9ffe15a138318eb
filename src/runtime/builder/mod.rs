//! How a runtime is put together: its settings. `streams` are those of its standard streams; `start` makes a run of them.

mod start;
mod streams;

use super::env::{Env, Streams};
use super::error::{RunError, Summary};
use crate::event::{ActorId, Observer};
use crate::rules::Detector;
#[cfg(feature = "net")]
use crate::scheduler::World;
use crate::scheduler::policy::Policy;
use crate::scheduler::{DeadLetterHook, Stall};
use crate::time::{Clock, VirtualClock};
use std::fmt::{self, Debug};
use std::io::{Read, Write};

/// Runs a program on the default runtime: single-threaded, first in first out, real time.
///
/// `main` gets the [`Env`]; the run goes on until nothing can happen any more.
///
/// # Errors
/// [`RunError::Deadlock`] if somebody is still muted then; [`RunError::Panicked`] if a behaviour panicked.
///
/// ```
/// let summary = backwater::run(|env| {
///     env.print("hello\n");
/// }).unwrap();
/// assert_eq!(summary.stats.totals.sent, 1);
/// ```
#[track_caller]
pub fn run(main: impl FnOnce(&mut Env<'_>)) -> Result<Summary, RunError> {
    Runtime::builder().run(main)
}

/// A runtime; see [`Runtime::builder`].
#[derive(Debug)]
pub enum Runtime {}

impl Runtime {
    /// Begins to build a runtime.
    ///
    /// ```
    /// let summary = backwater::Runtime::builder()
    ///     .seed(42)
    ///     .shuffled()
    ///     .virtual_time()
    ///     .run(|env| {
    ///         env.spawn_ticker();
    ///     });
    /// # trait T { fn spawn_ticker(&mut self) {} }
    /// # impl T for backwater::Env<'_> {}
    /// assert!(summary.is_ok());
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }
}

/// What a panic in a behaviour does. Either way the actor ends and its pressure with it (R8).
///
/// A panic in no behaviour, as in an observer or in the closure of a repeating timer, always ends the run: no actor's
/// end would mend it. A message or actor whose drop panics while another panic unwinds aborts the process, as
/// everywhere in Rust.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnPanic {
    /// The run ends with [`RunError::Panicked`].
    #[default]
    EndRun,
    /// Only the actor ends; the run goes on, and [`Totals::panics`](crate::Totals::panics) counts it.
    StopActor,
}

/// What the stall watch does when it finds that a part of the program waits (R11).
#[derive(Default)]
#[non_exhaustive]
pub enum StallWatch {
    /// Nothing is watched, and watching costs nothing.
    #[default]
    Off,
    /// The run ends with [`RunError::Stalled`].
    EndRun,
    /// The report is handed over, once for each new one, and the run goes on.
    Report(Box<dyn FnMut(&Stall) + Send>),
}

impl Debug for StallWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StallWatch::Off => "Off",
            StallWatch::EndRun => "EndRun",
            StallWatch::Report(_) => "Report(..)",
        })
    }
}

/// Puts a runtime together. Every setting has a default; nothing is checked before [`run`](Builder::run).
#[must_use = "a builder does nothing until `run`"]
pub struct Builder {
    seed: u64,
    batch: u32,
    policy: Option<Box<dyn Policy>>,
    shuffled: bool,
    detector: Detector,
    max_actors: u32,
    on_panic: OnPanic,
    describe: bool,
    stall_watch: StallWatch,
    observer: Option<Box<dyn Observer>>,
    dead_letters: Option<DeadLetterHook>,
    clock: Option<Box<dyn Clock>>,
    replay: Option<String>,
    check: bool,
    actor_stats: bool,
    threads: Option<usize>,
    record: Option<Box<dyn Write + Send>>,
    recording: Option<Box<dyn Read + Send>>,
    #[cfg(feature = "affinity")]
    processors: Option<Vec<usize>>,
    #[cfg(feature = "net")]
    world: Option<World>,
    streams: Streams,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            seed: 0,
            batch: 100,
            policy: None,
            shuffled: false,
            detector: Detector::Batch,
            max_actors: u32::MAX - 1,
            on_panic: OnPanic::default(),
            describe: cfg!(debug_assertions),
            stall_watch: StallWatch::default(),
            observer: None,
            dead_letters: None,
            clock: None,
            replay: None,
            check: false,
            actor_stats: true,
            threads: None,
            record: None,
            recording: None,
            #[cfg(feature = "affinity")]
            processors: None,
            #[cfg(feature = "net")]
            world: None,
            streams: Streams::default(),
        }
    }
}

impl Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("seed", &self.seed).field("batch", &self.batch).finish_non_exhaustive()
    }
}

impl Builder {
    /// The seed of [`Context::random`](crate::Context::random) and of the shuffled policy. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The most messages that an actor handles in one run (R4). Default 100, as in Pony.
    pub fn batch(mut self, batch: u32) -> Self {
        self.batch = batch;
        self
    }

    /// Who runs next. Default: first in, first out.
    pub fn policy(mut self, policy: impl Policy + 'static) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    /// Runs a random runnable actor each time, by the seed.
    pub fn shuffled(mut self) -> Self {
        self.shuffled = true;
        self
    }

    /// How actors find out that they are overloaded (R4). Default: [`Detector::Batch`].
    pub fn overload(mut self, detector: Detector) -> Self {
        self.detector = detector;
        self
    }

    /// Creating more living actors than this ends the run with [`RunError::TooManyActors`]. Default: about 4 thousand
    /// million.
    pub fn max_actors(mut self, limit: u32) -> Self {
        self.max_actors = limit;
        self
    }

    /// What a panic in a behaviour does. Default: it ends the run.
    pub fn on_panic(mut self, on_panic: OnPanic) -> Self {
        self.on_panic = on_panic;
        self
    }

    /// Puts every message into words before it is handled, so that a panic's error can quote it. Costs time for every
    /// message; on by default only where debug assertions are.
    pub fn describe(mut self, describe: bool) -> Self {
        self.describe = describe;
        self
    }

    /// Watches for parts of the program that wait while the rest goes on (R11). Costs a look-up at every send. Looks
    /// when nothing is runnable, and every few hundred thousand runs. Default: off.
    pub fn stall_watch(mut self, watch: StallWatch) -> Self {
        self.stall_watch = watch;
        self
    }

    /// Shows every event of the run. Without one, events cost nothing.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Called with every dead letter and whom it was for (R1).
    pub fn on_dead_letter(mut self, hook: impl FnMut(ActorId, &dyn Debug) + Send + 'static) -> Self {
        self.dead_letters = Some(Box::new(hook));
        self
    }

    /// Time that moves only when nothing else can: for tests.
    pub fn virtual_time(self) -> Self {
        self.clock(VirtualClock::new())
    }

    /// Where time comes from. Default: the machine's clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Box::new(clock));
        self
    }

    /// A simulated network in the machine's place; see [`net::sim`](crate::net::sim). Meant to go with
    /// [`virtual_time`](Self::virtual_time). Default: the machine's network.
    #[cfg(feature = "net")]
    pub fn network(mut self, network: impl Into<World>) -> Self {
        self.world = Some(network.into());
        self
    }

    /// Runs again what a token says: its policy, seed and batch override those set here. The environment variable
    /// `BACKWATER_REPLAY` overrides both.
    pub fn replay(mut self, token: impl Into<String>) -> Self {
        self.replay = Some(token.into());
        self
    }

    /// Checks every invariant of the rules after every run of an actor. For tests: it makes each run cost a walk over
    /// all actors. A violation is [`RunError::Broken`].
    pub fn check_invariants(mut self, check: bool) -> Self {
        self.check = check;
        self
    }

    /// Whether the [`Summary`] lists every actor that lived to the end, or has the totals alone. Default: it does. A
    /// run that ends with a million actors alive saves some 100 MB without.
    pub fn actor_stats(mut self, list: bool) -> Self {
        self.actor_stats = list;
        self
    }

    /// Runs actors on so many threads, by the same rules; the thread that calls [`run`](Self::run) only listens to timers,
    /// sockets and inlets, and runs the [pinned](crate::SpawnOptions::pinned) actors. Who runs next is then up to the
    /// threads: a policy and a replay token are refused, and so are 0 threads and more than 1024. If the machine does not
    /// give so many, the run does not begin ([`RunError::Thread`]). Default: one thread, deterministic (R12).
    ///
    /// ```
    /// # use backwater::{Actor, Context, Runtime};
    /// # struct Sum(u64);
    /// # impl Actor for Sum { type Msg = u64; fn receive(&mut self, n: u64, _: &mut Context<'_, Self>) { self.0 += n } }
    /// let summary = Runtime::builder().threads(2).run(|env| {
    ///     let sum = env.spawn(Sum(0));
    ///     (1..=1_000).for_each(|n| sum.tell(n, env));
    /// }).unwrap();
    /// assert_eq!(summary.stats.totals.handled, 1_000);
    /// ```
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Writes down which messages each actor handles, in which order, and what it is told of the time, so that
    /// [`replay_recording`](Self::replay_recording) can make the same run again on one thread. For a run on
    /// [`threads`](Self::threads): one on a single thread is made again by its token. Without it recording costs nothing;
    /// `docs/how/record-and-replay.md` says what it costs.
    ///
    /// Nothing is lost if the writer fails: the run goes on to its end, and that is then [`RunError::Record`].
    ///
    /// ```no_run
    /// # fn program(env: &mut backwater::Env<'_>) {}
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use backwater::Runtime;
    /// use std::fs::File;
    ///
    /// Runtime::builder().threads(4).record(File::create("run.bwlog")?).run(program)?;
    /// Runtime::builder().replay_recording(File::open("run.bwlog")?).run(program)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn record(mut self, to: impl Write + Send + 'static) -> Self {
        self.record = Some(Box::new(to));
        self
    }

    /// Runs again, on one thread, what [`record`](Self::record) wrote down: each actor handles the same messages in the
    /// same order, with the same random numbers and times, and the run ends in the same way. Seed and batch are those of
    /// the recording, and [`threads`](Self::threads) and the clock are of no account. Two replays are the same, event by
    /// event.
    ///
    /// What came from outside is in no recording: where anything did, that is said as [`RunError::Recording`], as it is
    /// of bytes that are no recording and of that of another program.
    pub fn replay_recording(mut self, from: impl Read + Send + 'static) -> Self {
        self.recording = Some(Box::new(from));
        self
    }

    /// Which processors the [threads](Self::threads) run on, by the machine's numbers: the first thread on the first of
    /// these only, and so on, from the first again if there are more threads. The thread that calls [`run`](Self::run)
    /// stays where it is. Linux only. Default: where the machine likes.
    ///
    /// A run does not begin ([`RunError::Config`]) without `threads`, with no processor, with one that this process does
    /// not have, or on another system.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let error = backwater::Runtime::builder().threads(2).processors([100_000]).run(|_| {}).unwrap_err();
    /// assert!(error.to_string().contains("no processor 100000; it has "));
    /// # }
    /// ```
    #[cfg(feature = "affinity")]
    pub fn processors(mut self, processors: impl IntoIterator<Item = usize>) -> Self {
        self.processors = Some(processors.into_iter().collect());
        self
    }
}
