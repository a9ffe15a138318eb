//! From the settings to a run: what a token or a recording says of them, whether they fit together, and the scheduler
//! that they make.

use super::super::drive::Driver;
use super::super::env::{Env, Streams};
use super::super::error::{RunError, Summary};
use super::super::handle::{Control, Handle};
use super::super::panics;
use super::super::replay::{BadToken, Token};
use super::{Builder, OnPanic, StallWatch};
use crate::event::Place;
use crate::scheduler::policy::{Given, Newest, RoundRobin, Shuffled};
use crate::scheduler::pool::{Clocks, Pool};
use crate::scheduler::{Again, Alone, BadRecording, Config, Recorder, Recording, Single, Watch};
use crate::sync::{Arc, Mutex, lock};
use crate::time::{Clock, RealClock};
use std::io::Read;
use std::panic::Location;

/// The environment variable whose token overrides seed, policy and batch.
const REPLAY: &str = "BACKWATER_REPLAY";

/// The most threads of a pool: each has a stack, and each is asked by who has nothing to do.
const MOST_THREADS: usize = 1_024;

const NO_POLICY_ON_THREADS: &str =
    "with `threads` nobody says who runs next; leave out `policy`, `shuffled` and the replay token";

/// The longest recording that is read, in bytes: it is kept in memory, with an index about as large.
const LONGEST_RECORDING: u64 = 1 << 30;

impl Builder {
    /// Runs `main` and then everything that it set going, until nothing can happen any more.
    ///
    /// # Errors
    /// See [`RunError`].
    #[track_caller]
    pub fn run(self, main: impl FnOnce(&mut Env<'_>)) -> Result<Summary, RunError> {
        self.run_with(Arc::default(), Location::caller(), main)
    }

    /// The same on a thread of its own. Everything that can go wrong is told by [`Handle::wait`].
    ///
    /// ```
    /// let handle = backwater::Runtime::builder().spawn_thread(|env| {
    ///     env.print("hello\n");
    /// });
    /// let summary = handle.wait().unwrap();
    /// assert_eq!(summary.stats.totals.sent, 1);
    /// ```
    #[track_caller]
    pub fn spawn_thread(self, main: impl FnOnce(&mut Env<'_>) + Send + 'static) -> Handle {
        let (control, place) = (Arc::<Control>::default(), Location::caller());
        Handle::start(control.clone(), move || self.run_with(control, place, main))
    }

    fn run_with(
        mut self,
        control: Arc<Control>,
        place: Place,
        main: impl FnOnce(&mut Env<'_>),
    ) -> Result<Summary, RunError> {
        let _running = Control::until_end(&control);
        self.take_token()?;
        self.validate()?;
        panics::install_hook();
        let streams = std::mem::take(&mut self.streams);
        let clock = self.clock.take().unwrap_or_else(|| Box::new(RealClock::start()));
        let clock = Arc::new(Mutex::new(clock));
        let (check, actor_stats) = (self.check, self.actor_stats);
        let stall_watch = std::mem::take(&mut self.stall_watch);
        let watch = !matches!(stall_watch, StallWatch::Off);
        if let Some(from) = self.recording.take() {
            let recording = read(from)?;
            (self.seed, self.batch) = recording.settings();
            let core = Again::new(self.into_single(watch), recording).map_err(RunError::Recording)?;
            return Driver::new(core, clock, control, stall_watch, false, actor_stats).run(streams, place, main);
        }
        match self.threads {
            None => {
                let core = Alone::new(self.into_single(watch));
                Driver::new(core, clock, control, stall_watch, check, actor_stats).run(streams, place, main)
            }
            Some(threads) => {
                let core = self.into_pool(threads, clock.clone(), watch)?;
                Driver::new(core, clock, control, stall_watch, check, actor_stats).run(streams, place, main)
            }
        }
    }

    fn take_token(&mut self) -> Result<(), RunError> {
        let Some(text) = std::env::var(REPLAY).ok().or_else(|| self.replay.take()) else { return Ok(()) };
        let token = Token::parse(&text).map_err(RunError::Replay)?;
        if self.threads.is_some() {
            return Err(RunError::Config(NO_POLICY_ON_THREADS.to_owned()));
        }
        (self.seed, self.batch) = (token.seed, token.batch);
        let own = self.policy.as_ref().is_some_and(|policy| policy.name() == token.policy);
        self.shuffled = token.policy == "shuffled" && !own;
        self.policy = match token.policy.as_str() {
            _ if own => self.policy.take(),
            "fifo" | "shuffled" => None,
            "round-robin" => Some(Box::new(RoundRobin::default())),
            "newest" => Some(Box::new(Newest::default())),
            other => match Given::from_name(other) {
                Some(given) => Some(Box::new(given)),
                None => {
                    let why = format!("this program has no policy called `{other}`");
                    return Err(RunError::Replay(BadToken::new(&text, why)));
                }
            },
        };
        Ok(())
    }

    fn validate(&self) -> Result<(), RunError> {
        let bad = |why: &str| Err(RunError::Config(why.to_owned()));
        if self.batch == 0 {
            return bad("a batch of 0 means that no actor could ever handle a message; give at least 1");
        }
        if self.shuffled && self.policy.is_some() {
            return bad("`shuffled` and `policy` were both given; give one");
        }
        if self.threads == Some(0) {
            return bad("with 0 threads no actor would ever run; give at least 1, or leave `threads` out");
        }
        if self.threads.is_some_and(|threads| threads > MOST_THREADS) {
            return bad("more than 1024 threads are never faster than as many as there are processors; give that many");
        }
        if self.threads.is_some() && (self.shuffled || self.policy.is_some()) {
            return bad(NO_POLICY_ON_THREADS);
        }
        if self.record.is_some() && (self.threads.is_none() || self.recording.is_some()) {
            return bad(
                "`record` is for a run on `threads`; one on a single thread is made again by the token in its summary",
            );
        }
        if self.recording.is_some() && (self.shuffled || self.policy.is_some()) {
            return bad("the recording says who runs next; leave out `policy`, `shuffled` and the replay token");
        }
        #[cfg(feature = "affinity")]
        if self.processors.is_some() && self.threads.is_none() {
            return bad("`processors` are for the threads of a pool; give `threads` too, or leave it out");
        }
        self.detector.validate().or_else(bad)
    }

    fn config(&self) -> Config {
        Config {
            rules: crate::rules::Rules::Backwater,
            seed: self.seed,
            batch: self.batch,
            detector: self.detector,
            max_actors: self.max_actors.saturating_add(Streams::ACTORS),
            describe: self.describe,
            end_on_panic: self.on_panic == OnPanic::EndRun,
            panic_place: panics::place,
        }
    }

    fn into_single(mut self, watch_contacts: bool) -> Single {
        let mut core = Single::new(self.config());
        if self.shuffled {
            self.policy = Some(Box::new(Shuffled::new(self.seed)));
        }
        if let Some(policy) = self.policy {
            core.set_policy(policy);
        }
        if let Some(observer) = self.observer {
            core.observe(observer);
        }
        if watch_contacts {
            core.watch_contacts();
        }
        if let Some(hook) = self.dead_letters {
            core.hear_dead_letters(hook);
        }
        #[cfg(feature = "net")]
        if let Some(world) = self.world {
            core.set_world(world);
        }
        core
    }

    fn into_pool(
        mut self,
        threads: usize,
        clock: Arc<Mutex<Box<dyn Clock>>>,
        watch_contacts: bool,
    ) -> Result<Pool, RunError> {
        let config = self.config();
        let record = self.record.take();
        let recorder = record.map(|to| Recorder::new(to, &config, threads));
        let watch = Watch::new(self.observer, self.dead_letters, watch_contacts, self.describe);
        let time = Box::new(move || lock(&clock).now());
        let begin = RealClock::start();
        let clocks = Clocks { time, stopwatch: Box::new(move || begin.elapsed()) };
        #[cfg(feature = "affinity")]
        let affinity = self.processors.map(super::super::affinity::Affinity::new).transpose()?;
        let place = |_nth: usize| -> std::io::Result<()> {
            #[cfg(feature = "affinity")]
            if let Some(affinity) = &affinity {
                return affinity.go_to(_nth);
            }
            Ok(())
        };
        #[cfg_attr(not(feature = "net"), expect(unused_mut, reason = "only a world changes it"))]
        let mut pool =
            Pool::start(threads, config, clocks, watch, recorder, place, panics::work).map_err(RunError::Thread)?;
        #[cfg(feature = "net")]
        if let Some(world) = self.world {
            pool.set_world(world);
        }
        Ok(pool)
    }
}

fn read(from: Box<dyn Read + Send>) -> Result<Recording, RunError> {
    let mut bytes = Vec::new();
    from.take(LONGEST_RECORDING + 1).read_to_end(&mut bytes).map_err(RunError::Io)?;
    if bytes.len() as u64 > LONGEST_RECORDING {
        let why = format!("it is longer than {LONGEST_RECORDING} bytes: record a shorter run");
        return Err(RunError::Recording(BadRecording::new(LONGEST_RECORDING as usize, why)));
    }
    Recording::of(bytes).map_err(RunError::Recording)
}
