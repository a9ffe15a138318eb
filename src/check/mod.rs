//! Runs a program under every schedule, or under many, and says who is left waiting.
//!
//! User code is the same text as under the plain runtime. A behaviour runs to its end at once, but its effects (sends,
//! apply, release, hold, guard drops) are written down and carried out one at a time, between those of other actors,
//! as they would be on many threads; timers fire in every order that virtual time allows; [`choose`] gives every
//! answer. What the schedules have in common is the scheduler's: the same functions send, mute and free.
//!
//! # What is not explored
//! Spawning, setting timers and reading the clock happen while the behaviour's code runs, not one by one: nobody else
//! can see them before a message says so. What is sent to the standard streams is dropped, unless [`Check::output_stalls`]
//! wants it. Code outside actors is not under the checker's control: inlets, outlets and sockets of the machine are
//! refused, with the remedy. The network is a simulated one, given by [`Check::network`], whose every step is explored.
//!
//! Not here: what an effect does, which is the scheduler's; how a run looks on paper, which is
//! [`report`](crate::report)'s.
//!
//! [`choose`]: crate::Context::choose
#![forbid(unsafe_code)]

mod causality;
mod due;
mod exhaustive;
mod fair;
mod footprint;
mod given;
mod graph;
mod index;
mod meter;
mod parts;
mod plan;
mod progress;
mod replays;
mod results;
mod run;
mod sample;
mod saved;
mod search;
mod settings;
mod shrink;
mod sleepers;
mod states;
mod team;
mod token;
mod verdict;
mod world;

pub use results::{Merged, merge};
pub use settings::Mode;
pub use team::Workers;
pub use verdict::{Bound, Explored, Failure, Fault, Verdict};

use crate::event::Observer;
use crate::rules::{Detector, Rules};
use crate::runtime::Env;
use crate::scheduler::Stats;
use crate::sync::{Arc, Mutex, PlainArc};
use exhaustive::Limit;
use parts::Slice;
use search::Search;
use settings::Settings;
use std::fmt;
use std::panic::Location;
use std::path::PathBuf;
use std::time::Duration;
use world::Program;

/// Checks a program under every schedule: for tests. What it explored comes back.
///
/// `main` is called once a run, so it must not change what it captures in a way that changes the next run.
///
/// # Panics
/// If a schedule fails, with the report; if the search was cut short: a test that is too large for it says so itself,
/// with [`Check::accept_cut`].
///
/// ```
/// use backwater::{Actor, Addr, Context, check};
///
/// struct Sum(u32);
/// impl Actor for Sum {
///     type Msg = u32;
///     fn receive(&mut self, n: u32, _: &mut Context<'_, Self>) { self.0 += n; }
/// }
/// struct Sender(Addr<u32>);
/// impl Actor for Sender {
///     type Msg = ();
///     fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) { self.0.tell(1, cx); }
/// }
///
/// let explored = check(|env| {
///     let sum = env.spawn(Sum(0));
///     for _ in 0..3 {
///         env.spawn(Sender(sum.clone())).tell((), env);
///     }
/// });
/// // Three messages can arrive in 3! orders; nothing else matters.
/// assert_eq!(explored.runs, 6);
/// ```
#[track_caller]
pub fn check(main: impl Fn(&mut Env<'_>)) -> Explored {
    let name = std::thread::current().name().filter(|name| *name != "main").map(str::to_owned);
    let check = name.into_iter().fold(Check::new(), |check, name| check.regressions_of(&name));
    check.assert(main)
}

/// Puts a check together. Every setting has a default: exhaustive, effects interleaved one by one.
///
/// ```
/// use backwater::{Check, Verdict};
///
/// let verdict = Check::new().random(100).seed(7).run(|env| { env.choose(3); });
/// assert!(matches!(verdict, Verdict::Cut { .. }), "a sample never says that it saw everything");
/// ```
#[derive(Clone)]
#[must_use = "a check does nothing until `run` or `assert`"]
pub struct Check {
    settings: Settings,
}

impl Default for Check {
    fn default() -> Self {
        Check::new()
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { mode, atomic, .. } = &self.settings;
        f.debug_struct("Check").field("mode", mode).field("atomic", atomic).finish_non_exhaustive()
    }
}

impl Check {
    /// Exhaustive, with runs of up to 10,000 steps.
    pub fn new() -> Self {
        Check { settings: Settings::new() }
    }

    /// How schedules are chosen. The environment variable `BACKWATER_MODE` overrides it: `exhaustive`, `naive`,
    /// `states`, `fair:1000`, `random:1000`, `pct:3:1000` or `pos:1000`.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.settings.mode = mode;
        self
    }

    /// Every schedule, up to the order of independent steps. The default.
    pub fn exhaustive(self) -> Self {
        self.mode(Mode::Exhaustive)
    }

    /// Every schedule, without reduction: for cross-checks of tiny programs.
    pub fn naive(self) -> Self {
        self.mode(Mode::Naive)
    }

    /// An exhaustive search that plans nothing: from every state it tries everybody, and only what sleeps keeps it from
    /// exploring a class of schedules twice. Most of its runs are for nothing; those that are not are as many as there
    /// are classes, and so as many as those of the search that plans. For cross-checks: it goes further than
    /// [`naive`](Self::naive).
    pub fn without_plans(mut self) -> Self {
        self.settings.plans = false;
        self.exhaustive()
    }

    /// Every state, once. A state is known again by its actors' [`Model`](crate::Model); an actor that says nothing of
    /// itself counts as the messages that it handled, which is right but finds fewer states alike.
    ///
    /// This proves what single runs can only suggest: that a part of the program waits for ever while the rest goes on
    /// (R11, [`Fault::Stalled`]), that nothing can end a pressure although the program goes on
    /// ([`Fault::UnmatchedApply`]), that steps go round for ever without getting anywhere ([`Fault::Livelock`]). Its
    /// memory grows with the number of states, about 60 bytes for each and 30 for each step between them.
    ///
    /// It ends with an error where a behaviour asks for statistics, or an actor has an inlet, an outlet or a socket.
    ///
    /// ```
    /// use backwater::{Actor, Check, Context, Model};
    /// use std::time::Duration;
    ///
    /// /// Ticks for ever.
    /// #[derive(Hash)]
    /// struct Clock;
    /// impl Actor for Clock {
    ///     type Msg = ();
    ///     fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) { cx.after(Duration::from_secs(1), ()); }
    ///     fn model() -> Model<Self> { Model::hashed() }
    /// }
    ///
    /// let explored = Check::new().states().assert(|env| env.spawn(Clock).tell((), env));
    /// assert!(explored.states < 10);
    /// ```
    pub fn states(self) -> Self {
        self.mode(Mode::States)
    }

    /// Uniform random walks.
    pub fn random(self, runs: u64) -> Self {
        self.mode(Mode::Random(runs))
    }

    /// Probabilistic concurrency testing: see [`Mode::Pct`].
    pub fn pct(self, depth: u32, runs: u64) -> Self {
        self.mode(Mode::Pct { depth, runs })
    }

    /// Partial-order sampling.
    pub fn pos(self, runs: u64) -> Self {
        self.mode(Mode::Pos(runs))
    }

    /// Schedules as a fair scheduler makes them: whoever has been ready for longest is next, and ends his run; time
    /// passes when nobody is ready. What is drawn is the order of those who become ready at once.
    pub fn fair(self, runs: u64) -> Self {
        self.mode(Mode::Fair(runs))
    }

    /// Several modes, one after the other, up to the first failure.
    pub fn portfolio(self, modes: impl IntoIterator<Item = Mode>) -> Self {
        self.mode(Mode::Portfolio(modes.into_iter().collect()))
    }

    /// The seed of sampled schedules and of [`Context::random`](crate::Context::random). Default 0; `BACKWATER_SEED`
    /// overrides it.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// The most messages that an actor handles in one run (R4). Default 100. If some actor can get that many, the
    /// ends of runs matter, and the search begins again with them as part of what is explored: it takes longer.
    ///
    /// # Panics
    /// If it is 0: no actor could handle a message.
    #[track_caller]
    pub fn batch(mut self, batch: u32) -> Self {
        assert!(batch > 0, "a batch is at least 1 message: with 0 no actor could ever handle any");
        self.settings.batch = batch;
        self
    }

    /// How actors find out that they are overloaded (R4). Default: [`Detector::Batch`].
    ///
    /// # Panics
    /// If a [`Detector::Depth`] does not have `low < high`.
    #[track_caller]
    pub fn overload(mut self, detector: Detector) -> Self {
        detector.validate().unwrap_or_else(|why| panic!("{why}"));
        self.settings.detector = detector;
        self
    }

    /// Under whose rules the program runs: to show where it would hang under Pony's.
    #[doc(hidden)]
    pub fn rules(mut self, rules: Rules) -> Self {
        // Under Pony's they do not hold.
        (self.settings.rules, self.settings.invariants) =
            (rules, rules == Rules::Backwater && self.settings.invariants);
        self
    }

    /// More living actors than this are a failure. Default 1,000.
    pub fn max_actors(mut self, limit: u32) -> Self {
        self.settings.max_actors = limit;
        self
    }

    /// A mailbox with more messages than this is a failure. It is asked on the schedules that are run, as with
    /// [`max_mute`](Check::max_mute). Default: none.
    pub fn max_mailbox(mut self, limit: u32) -> Self {
        self.settings.max_mailbox = Some(limit);
        self
    }

    /// Runs that are longer are cut, and the verdict says so. Default 10,000.
    pub fn max_steps(mut self, limit: usize) -> Self {
        self.settings.max_steps = limit;
        self
    }

    /// At most so many runs. Default: no bound.
    pub fn max_runs(mut self, limit: u64) -> Self {
        self.settings.max_runs = Some(limit);
        self
    }

    /// At most about so many states, in a search over [`states`](Check::states). Default: no bound.
    pub fn max_states(mut self, limit: u64) -> Self {
        self.settings.max_states = limit;
        self
    }

    /// At most this much of the machine's time. Default: no bound; `BACKWATER_MAX_TIME`, in seconds, overrides it.
    pub fn max_time(mut self, limit: Duration) -> Self {
        self.settings.max_time = Some(limit);
        self
    }

    /// Only schedules in which an actor that could go on is interrupted at most so often. An exhaustive search with
    /// this bound does without reduction; if it left something out, it ends as [`Verdict::Cut`].
    pub fn preemptions(mut self, limit: u32) -> Self {
        self.settings.limit = Limit::Preemptions(limit);
        self
    }

    /// Delay bounding (Emmi, Qadeer and Rakamarić, POPL 2011): only schedules that differ so little from the one in
    /// which everybody goes on as long as he can, and then the first in line: each time that somebody is passed over
    /// counts. In place of a bound on preemptions; the rest is as there.
    pub fn delays(mut self, limit: u32) -> Self {
        self.settings.limit = Limit::Delays(limit);
        self
    }

    /// Behaviours are not interrupted: all effects of one happen at once. Fewer schedules, and bugs that only the
    /// finer grain finds are missed. Default: false.
    pub fn atomic_behaviours(mut self, atomic: bool) -> Self {
        self.settings.atomic = atomic;
        self
    }

    /// A panic stops only its actor, and is no failure. Default: false.
    pub fn panics_stop_actor(mut self, stop: bool) -> Self {
        self.settings.panics_stop_actor = stop;
        self
    }

    /// A program may end with an actor still under pressure, as long as nobody waits for it. Default: that fails.
    pub fn allow_unmatched_apply(mut self, allow: bool) -> Self {
        self.settings.unmatched_apply_is_fine = allow;
        self
    }

    /// Checks what actors declare with [`Model::independent`](crate::Model::independent): an exhaustive search is made a
    /// second time without it, and an end that only this one comes to is a failure. Ends are compared by their
    /// [fingerprints](crate::Model::hashed). Default: false; what is declared is believed.
    pub fn check_independence(mut self, check: bool) -> Self {
        self.settings.check_independence = check;
        self
    }

    /// Every actor has to have ended when the program does, so that its `Drop` has run: one that has not is a failure.
    /// Default: actors live until the end of the run.
    pub fn actors_stop(mut self, stop: bool) -> Self {
        self.settings.actors_stop = stop;
        self
    }

    /// An actor that is muted for more steps than this is a failure. It is asked on the schedules that are run: of those
    /// that differ only in the order of independent steps an exhaustive search runs one, and others may be longer.
    /// Default: no bound.
    pub fn max_mute(mut self, steps: usize) -> Self {
        self.settings.max_mute = Some(steps);
        self
    }

    /// An actor that could run and is not taken for more steps than this is starved, which is a failure. Only with
    /// [`fair`](Check::fair) schedules: under others whoever is starved was chosen to be. Default: no bound.
    pub fn max_wait(mut self, steps: usize) -> Self {
        self.settings.max_wait = Some(steps);
        self
    }

    /// Labels of [`sometimes`](crate::Context::sometimes) that have to be reached. Of a line that no schedule reached the
    /// check knows nothing, so that a `sometimes` there would pass: name it here, and it fails.
    pub fn expects(mut self, labels: impl IntoIterator<Item = &'static str>) -> Self {
        self.settings.expects.extend(labels);
        self
    }

    /// Actors may send each other messages for ever without any of them changing. Default: where a search over
    /// [`states`](Check::states) finds that, it fails.
    pub fn allow_livelock(mut self, allow: bool) -> Self {
        self.settings.livelock_is_fine = allow;
        self
    }

    /// Checks the invariants of the rules at the end of each run. Default: where debug assertions are on.
    pub fn check_invariants(mut self, check: bool) -> Self {
        self.settings.invariants = check;
        self
    }

    /// Runs the first schedule, and each that fails, twice, and compares every event: finds programs that look at
    /// clocks, addresses, hash maps or threads. Default: true.
    pub fn check_determinism(mut self, check: bool) -> Self {
        self.settings.twice = check;
        self
    }

    /// Goes on after a failure, to count them all; the first is reported.
    pub fn keep_going(mut self, keep_going: bool) -> Self {
        self.settings.keep_going = keep_going;
        self
    }

    /// [`assert`](Check::assert) takes a search that was cut short for a pass.
    pub fn accept_cut(mut self) -> Self {
        self.settings.accept_cut = true;
        self
    }

    /// Makes the failing schedule shorter before it is reported. Default: true.
    pub fn shrink(mut self, shrink: bool) -> Self {
        self.settings.shrink = shrink;
        self
    }

    /// Called at the end of each run of the search with all counts, and what was wrong.
    pub fn each_end(mut self, see: impl FnMut(&Stats, Option<&Fault>) + Send + 'static) -> Self {
        self.settings.each_end = Some(Arc::new(Mutex::new(Box::new(see))));
        self
    }

    /// Called at the end of each run of an exhaustive search with a number that is the same for all schedules that differ
    /// only in the order of independent steps, and for no others: to compare what two searches explore.
    #[doc(hidden)]
    pub fn each_class(mut self, hear: impl FnMut(u64) + Send + 'static) -> Self {
        self.settings.each_class = Some(Arc::new(Mutex::new(Box::new(hear))));
        self
    }

    /// Every run of the search has an observer of its own, made by `observer`, which sees every event of that run. Replays,
    /// and the runs that make a failure shorter, are not among them. It makes each run slower.
    ///
    /// ```
    /// use backwater::{Check, Event};
    /// use std::sync::{Arc, Mutex};
    ///
    /// let longest = Arc::new(Mutex::new(0));
    /// let shared = longest.clone();
    /// let explored = Check::new()
    ///     .observe_each(move || {
    ///         let (longest, mut events) = (shared.clone(), 0);
    ///         move |_: std::time::Duration, _: &Event<'_>| {
    ///             events += 1;
    ///             let mut longest = longest.lock().unwrap();
    ///             *longest = events.max(*longest);
    ///         }
    ///     })
    ///     .assert(|env| { env.choose(2); });
    /// assert!(explored.runs == 2 && *longest.lock().unwrap() > 0);
    /// ```
    pub fn observe_each<O: Observer + 'static>(mut self, observer: impl Fn() -> O + Send + Sync + 'static) -> Self {
        self.settings.observe_each = Some(PlainArc::new(move || Box::new(observer())));
        self
    }

    /// What the program prints is part of the search, and whoever reads it may stand still up to so often in a run: the
    /// standard output is then under pressure, and holds back who prints, until he goes on. Default: what is printed is
    /// dropped, and its order is not explored.
    ///
    /// ```
    /// use backwater::Check;
    ///
    /// Check::new().output_stalls(1).assert(|env| env.print("hello\n"));
    /// ```
    pub fn output_stalls(mut self, stalls: u32) -> Self {
        self.settings.output_stalls = Some(stalls);
        self
    }

    /// The program's network: a simulated one, made anew for each run. What happens on it, and when, is part of what is
    /// explored: see [`net::sim`](crate::net::sim), and its `Faults` for what may go wrong. Without this a program that
    /// opens a socket fails.
    ///
    /// ```
    /// use backwater::net::sim::{Faults, Script, SimNetwork};
    /// use backwater::net::{Tcp, TcpConnection, TcpNotify};
    /// use backwater::{Check, TcpConnectAuth};
    ///
    /// struct Quiet;
    /// impl TcpNotify for Quiet {}
    ///
    /// let network = || {
    ///     let sim = SimNetwork::new(0);
    ///     sim.host("here", "10.0.0.1");
    ///     let db = sim.host("db", "10.0.0.2");
    ///     sim.listen(db, 5432, Script::new().read_to_end()).unwrap();
    ///     sim.faults(Faults { resets: 1, ..Faults::NONE });
    ///     sim
    /// };
    /// Check::new().network(network).assert(|env| {
    ///     let auth = TcpConnectAuth::from(&env.root);
    ///     let conn = TcpConnection::connect(&auth, "db:5432", Quiet).spawn(env);
    ///     conn.tell(Tcp::Write(b"hello".to_vec()), env);
    ///     conn.tell(Tcp::Close, env);
    /// });
    /// ```
    #[cfg(feature = "net")]
    pub fn network<W: Into<crate::scheduler::World>>(
        mut self,
        network: impl Fn() -> W + Send + Sync + 'static,
    ) -> Self {
        self.settings.network = Some(PlainArc::new(move || network().into()));
        self
    }

    /// Runs the schedules in this file first, one token a line, and adds the token of a failure to it. A line that
    /// does not fit the program any more is passed over, with a note on standard error.
    pub fn regressions(mut self, file: impl Into<PathBuf>) -> Self {
        self.settings.regressions = Some(file.into());
        self
    }

    /// As [`regressions`](Check::regressions), in `backwater-regressions/<test>.txt` of the package.
    pub fn regressions_of(self, test: &str) -> Self {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        let file = format!("{}.txt", test.replace("::", "-"));
        self.regressions(package.join("backwater-regressions").join(file))
    }

    /// Runs only the schedule of this token. `BACKWATER_REPLAY` does the same.
    pub fn replay(mut self, token: impl Into<String>) -> Self {
        self.settings.replay = Some(token.into());
        self
    }

    /// Checks a program. `main` is called once a run.
    ///
    /// # Panics
    /// If a token to be replayed does not fit this program, its settings or this version; if an environment variable
    /// cannot be read.
    #[track_caller]
    pub fn run(mut self, main: impl Fn(&mut Env<'_>)) -> Verdict {
        self.settings.take_environment();
        self.run_as_set(main)
    }

    /// As [`run`](Check::run), whatever the environment says.
    #[track_caller]
    pub(crate) fn run_as_set(self, main: impl Fn(&mut Env<'_>)) -> Verdict {
        let place = Location::caller();
        let classes = Arc::default();
        let program = Program::new(&main, place, &self.settings, &classes);
        let verdict = Search::new(program).run(None);
        verdict.unwrap_or_else(|why| panic!("{why}"))
    }

    /// Where runs end, and so who is overloaded (R4), is part of what is explored from the beginning, and not only once
    /// some actor has got as many messages as one run handles. For searches that are shared, whose parts do not know
    /// that of each other. Default: false.
    pub fn ends_of_runs(mut self, explore: bool) -> Self {
        self.settings.ends_of_runs = explore;
        self
    }

    /// Only the `number`th of `of` shares of the search, counted from 1: all together are the whole. It ends as
    /// [`Bound::Slice`] where the whole would be complete. `BACKWATER_PARTITION=slice:K/N` overrides it.
    ///
    /// # Panics
    /// If `number` is 0 or above `of`.
    #[track_caller]
    pub fn slice(mut self, number: u64, of: u64) -> Self {
        assert!((1..=of).contains(&number), "a slice is one of 1 to {of}, not {number}");
        self.settings.slice = Slice { number, of };
        self
    }

    /// The search is done by so many threads, which share it. The verdict is that of one: what one finds complete, all
    /// together do; of several failures the one that comes first is reported, whoever found it, and it is the same each
    /// time. `main` has to be `Sync` for that.
    ///
    /// # Panics
    /// If `threads` is 0.
    ///
    /// ```
    /// use backwater::Check;
    ///
    /// let explored = Check::new().workers(2).assert(|env| { env.choose(3); });
    /// assert_eq!(explored.runs, 3);
    /// ```
    #[track_caller]
    pub fn workers(self, threads: u32) -> Workers {
        assert!(threads > 0, "a search needs at least one thread");
        Workers { check: self, threads }
    }

    /// Checks a program and insists that it passes. What was explored comes back.
    ///
    /// # Panics
    /// If a schedule fails; if the search was cut short and that was not accepted; as [`run`](Check::run).
    #[track_caller]
    pub fn assert(self, main: impl Fn(&mut Env<'_>)) -> Explored {
        let accept_cut = self.settings.accept_cut;
        self.run(main).insist(accept_cut)
    }

    /// Shows every event of a schedule to `observer`, for example to draw it. Gives back what was wrong with the run.
    ///
    /// # Errors
    /// Says why the token does not fit.
    #[track_caller]
    pub fn show(
        self,
        token: &str,
        observer: impl Observer + 'static,
        main: impl Fn(&mut Env<'_>),
    ) -> Result<Option<Fault>, String> {
        let place = Location::caller();
        let classes = Arc::default();
        let program = Program::new(&main, place, &self.settings, &classes);
        Search::new(program).replay(token, Some(Box::new(observer)))
    }
}
