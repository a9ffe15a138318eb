//! What an actor's behaviour can do besides computing: every effect goes through here.

use super::body::Housing;
use super::inlet::{self, Inlet};
use super::outlet::{self, Outlet};
use super::{Actor, Addr};
use crate::event::ActorId;
use crate::rules::Detector;
use crate::scheduler::{
    ActorStats, Core, Fingerprint, Name, Plan, Promise, Random, Stall, Stats, TimerId, WhyNotRunning,
};
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::panic::Location;
use std::time::Duration;

/// The running actor's view of its runtime, given to every behaviour.
pub struct Context<'a, A: ?Sized> {
    core: Core<'a>,
    id: ActorId,
    actor: PhantomData<fn(A)>,
}

impl<A: ?Sized> Debug for Context<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({})", self.core.name_of(self.id))
    }
}

/// How a new actor is to be kept, for [`Context::spawn_with`].
///
/// ```
/// # use backwater::{Actor, Context, SpawnOptions};
/// # struct Sink;
/// # impl Actor for Sink { type Msg = (); fn receive(&mut self, _: (), _: &mut Context<'_, Self>) {} }
/// # backwater::run(|env| {
/// let sink = env.spawn_with(SpawnOptions::new().name("sink").batch(10), Sink);
/// assert_eq!(format!("{sink:?}"), "sink#4");
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct SpawnOptions {
    name: Option<String>,
    batch: Option<u32>,
    detector: Option<Detector>,
    pinned: bool,
}

impl SpawnOptions {
    /// The runtime's batch and detector, the type's name.
    pub fn new() -> Self {
        SpawnOptions::default()
    }

    /// Names the actor in reports, traces and addresses.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The most messages it handles in one run (R4).
    ///
    /// # Panics
    /// If `batch` is 0: the actor could never handle a message.
    #[track_caller]
    pub fn batch(mut self, batch: u32) -> Self {
        assert!(batch > 0, "a batch is at least 1 message: with 0 the actor could never handle any");
        self.batch = Some(batch);
        self
    }

    /// How it finds out that it is overloaded (R4).
    ///
    /// # Panics
    /// If a [`Detector::Depth`] does not have `low < high`.
    #[track_caller]
    pub fn overload(mut self, detector: Detector) -> Self {
        detector.validate().unwrap_or_else(|why| panic!("{why}"));
        self.detector = Some(detector);
        self
    }

    /// Runs it on one and the same thread, the one that called [`Builder::run`](crate::Builder::run): for C libraries
    /// that demand it, and for what is not to wait behind other actors. With one thread every actor is pinned anyway.
    ///
    /// Its thread also listens to timers, sockets and inlets: a behaviour that takes long holds those up.
    pub fn pinned(mut self) -> Self {
        self.pinned = true;
        self
    }
}

impl<'a, A: Actor> Context<'a, A> {
    #[inline]
    pub(crate) fn new(core: Core<'a>, id: ActorId) -> Self {
        Context { core, id, actor: PhantomData }
    }

    #[inline]
    pub(crate) fn core(&mut self) -> &mut Core<'a> {
        &mut self.core
    }

    /// The running actor's id.
    pub fn id(&self) -> ActorId {
        self.id
    }

    /// The running actor's address. A message to oneself never mutes (R7).
    #[inline(always)]
    pub fn me(&self) -> Addr<A::Msg> {
        Addr::new(self.id, self.core.my_name::<A>())
    }

    /// Sends a message to this actor itself, for its next run: the same as `cx.me().tell(msg, cx)`, and cheaper. It
    /// never mutes (R7).
    #[inline(always)]
    #[track_caller]
    pub fn tell_self(&mut self, msg: A::Msg) {
        self.core.send_self(msg, Location::caller());
    }

    /// Creates an actor and returns its address. It runs when it is sent something, and lives until it stops, panics,
    /// or the runtime ends.
    #[track_caller]
    pub fn spawn<B: Actor>(&mut self, actor: B) -> Addr<B::Msg> {
        let name = Name::of_type::<B>();
        self.spawn_planned(actor, Plan { name, batch: None, detector: None, pinned: false, place: Location::caller() })
    }

    /// Like [`spawn`](Self::spawn), with a name, a batch or a detector of its own.
    #[track_caller]
    pub fn spawn_with<B: Actor>(&mut self, options: SpawnOptions, actor: B) -> Addr<B::Msg> {
        let SpawnOptions { name, batch, detector, pinned } = options;
        let name = name.map_or_else(Name::of_type::<B>, |name| Name::given(&name));
        self.spawn_planned(actor, Plan { name, batch, detector, pinned, place: Location::caller() })
    }

    fn spawn_planned<B: Actor>(&mut self, actor: B, plan: Plan) -> Addr<B::Msg> {
        let name = plan.name.clone();
        Addr::new(self.core.spawn(Some(Box::new(Housing(actor))), plan), name)
    }

    /// Ends this actor when its behaviour ends: its pressure ends, its mailbox becomes dead letters (R8).
    pub fn stop(&mut self) {
        self.core.stop_running();
    }

    /// Ends the whole run when this behaviour ends; what waits in mailboxes is left there and counted.
    pub fn shutdown(&mut self) {
        self.core.fail(crate::scheduler::Failure::Shutdown);
    }

    /// Is this actor under pressure now: has it applied and not released, or does a guard of it live (R5)?
    ///
    /// On many threads a guard that was dropped a moment ago may still count: it ends when the worker that found it first has
    /// seen to it.
    pub fn is_under_pressure(&mut self) -> bool {
        self.core.is_under_pressure()
    }

    /// Time since the run began: the machine's, or virtual. It stands still within a behaviour.
    pub fn now(&self) -> Duration {
        self.core.looked_at_time();
        self.core.now()
    }

    /// Sends `msg` to this actor after `delay`. The runtime delivers it: it mutes nobody (R7).
    #[track_caller]
    pub fn after(&mut self, delay: Duration, msg: A::Msg) -> TimerId {
        if self.core.takes_prints() {
            A::model().print_message(&msg).into_iter().for_each(|print| self.core.tick_is(print));
        }
        let mut once = Some(msg);
        let tick = move |core: &mut Core<'_>, to: ActorId, _| {
            if let Some(msg) = once.take() {
                core.deliver(to, msg);
            }
        };
        self.core.set_timer(delay, None, Box::new(tick))
    }

    /// Sends `msg` to this actor at that time of the run, or at once if it has passed: a deadline. Like
    /// [`after`](Self::after) with what is left until then.
    ///
    /// ```
    /// use backwater::{Actor, Context, Runtime};
    /// use std::time::Duration;
    ///
    /// struct Client { deadline: Duration }
    /// #[derive(Debug)]
    /// enum Msg { Begin, TooLate }
    /// impl Actor for Client {
    ///     type Msg = Msg;
    ///     fn receive(&mut self, msg: Msg, cx: &mut Context<'_, Self>) {
    ///         match msg {
    ///             Msg::Begin => drop(cx.deadline(self.deadline, Msg::TooLate)),
    ///             Msg::TooLate => assert_eq!(cx.now(), self.deadline),
    ///         }
    ///     }
    /// }
    /// let summary = Runtime::builder().virtual_time().run(|env| {
    ///     env.spawn(Client { deadline: Duration::from_secs(3) }).tell(Msg::Begin, env);
    /// }).unwrap();
    /// assert_eq!(summary.time, Duration::from_secs(3));
    /// ```
    #[track_caller]
    pub fn deadline(&mut self, at: Duration, msg: A::Msg) -> TimerId {
        let left = at.saturating_sub(self.now());
        self.after(left, msg)
    }

    /// Sends a message to this actor every `period`, the first after one period, without drift. `tick` makes it and is
    /// told how many periods it stands for: more than 1 if the actor was muted, or the runtime late.
    ///
    /// # Panics
    /// If `period` is zero: the timer would never let time pass.
    #[track_caller]
    pub fn every(&mut self, period: Duration, mut tick: impl FnMut(u64) -> A::Msg + Send + 'static) -> TimerId {
        assert!(!period.is_zero(), "a repeating timer needs a period above zero");
        if size_of_val(&tick) == 0 && self.core.takes_prints() {
            // A closure that holds nothing is its type.
            self.core.tick_is(Fingerprint::of_name(std::any::type_name_of_val(&tick)));
        }
        let tick = move |core: &mut Core<'_>, to: ActorId, ticks| core.deliver(to, tick(ticks));
        self.core.set_timer(period, Some(period), Box::new(tick))
    }

    /// Cancels a timer of this actor. False if it has already fired for the last time, or is not this actor's. A tick
    /// that is already in the mailbox still arrives.
    pub fn cancel(&mut self, timer: TimerId) -> bool {
        self.core.cancel_timer(timer)
    }

    /// Sends `notice` to this actor when `other` ends, or at once if it has ended. The runtime delivers it (R7).
    pub fn watch<M>(&mut self, other: &Addr<M>, notice: A::Msg) {
        let me = self.id;
        self.core.watch(other.id(), Box::new(move |core: &mut Core<'_>| core.deliver(me, notice)));
    }

    /// The next number of this actor's own stream, from the runtime's seed.
    pub fn random(&mut self) -> u64 {
        self.core.random(Random::next_u64)
    }

    /// A random number below `bound`, from the same stream.
    ///
    /// # Panics
    /// If `bound` is 0.
    #[track_caller]
    pub fn random_below(&mut self, bound: u64) -> u64 {
        self.core.random(|random| random.below(bound))
    }

    /// One of `0..n`, for a program to be [checked](crate::check()): the checker explores every answer. In a plain run
    /// it is random, by the seed.
    ///
    /// # Panics
    /// If `n` is 0: there is nothing to choose from.
    ///
    /// ```
    /// use backwater::check;
    ///
    /// // Both answers are explored.
    /// let explored = check(|env| { env.choose(2); });
    /// assert_eq!(explored.runs, 2);
    /// ```
    #[track_caller]
    pub fn choose(&mut self, n: usize) -> usize {
        assert!(n > 0, "`choose(0)`: there is nothing to choose from");
        match self.core.choose(n as u64) {
            Some(chosen) => chosen as usize,
            None => self.core.random(|random| random.below(n as u64)) as usize,
        }
    }

    /// States that `holds` is true each time that this line is reached.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn always(&mut self, label: &'static str, holds: bool) {
        assert!(holds, "`always` does not hold: {label}");
    }

    /// States that in every run which reaches this line `holds` is true at least once before the run ends. Only the
    /// [checker](crate::check()) watches it.
    pub fn eventually(&mut self, label: &'static str, holds: bool) {
        self.core.promise(label, Promise::Eventually, holds);
    }

    /// States that `holds` is true here in at least one schedule: if the [checker](crate::check()) saw none in which it
    /// was, the check was vacuous, and fails.
    pub fn sometimes(&mut self, label: &'static str, holds: bool) {
        self.core.promise(label, Promise::Sometimes, holds);
    }

    /// The most messages that this actor handles in one run (R4).
    pub fn batch(&self) -> u32 {
        self.core.batch_of(self.id)
    }

    /// A way into `to` for code outside any actor: other threads, async tasks (R13).
    ///
    /// # Panics
    /// Under the [checker](crate::check()), which cannot say when a thread sends.
    #[track_caller]
    pub fn inlet<M: Debug + Send + 'static>(&mut self, to: &Addr<M>) -> Inlet<M> {
        assert!(
            !self.core.is_checked(),
            "an inlet is for code outside any actor, and the checker cannot say when that sends: in a program to be \
             checked let an actor stand in for it, with Context::choose for what it may do"
        );
        inlet::open(&mut self.core, to)
    }

    /// A way out, for code outside any actor to receive by: what is sent to the address, the outlet gives. When it holds
    /// `capacity` messages its actor is under pressure, until half of them have been read.
    ///
    /// # Panics
    /// If `capacity` is 0: it would be full before anything was sent. Under the [checker](crate::check()), which cannot
    /// say when a thread reads.
    #[track_caller]
    pub fn outlet<M: Debug + Send + 'static>(&mut self, capacity: usize) -> (Addr<M>, Outlet<M>) {
        assert!(capacity > 0, "an outlet's capacity is at least 1 message: with 0 it would be full for ever");
        assert!(
            !self.core.is_checked(),
            "an outlet is read by code outside any actor, and the checker cannot say when: in a program to be checked \
             let an actor stand in for the reader, under pressure while it is full"
        );
        outlet::open(capacity, Location::caller(), self)
    }

    /// All counts, of every actor and in all, as of now. Costs a walk over all actors.
    pub fn stats(&self) -> Stats {
        self.core.looked_at_all();
        self.core.stats()
    }

    /// One actor's counts; none if it has ended.
    pub fn stats_of<M>(&self, actor: &Addr<M>) -> Option<ActorStats> {
        self.core.looked_at_all();
        self.core.stats_of(actor.id())
    }

    /// Why an actor does not run, in words.
    pub fn why_not_running<M>(&self, actor: &Addr<M>) -> WhyNotRunning {
        self.core.looked_at_all();
        self.core.why_not_running(actor.id())
    }

    /// What is stalled now (R11). Always none unless [`Builder::stall_watch`](crate::Builder::stall_watch) is on.
    pub fn stall(&self) -> Option<Stall> {
        self.core.looked_at_all();
        self.core.stall()
    }
}
