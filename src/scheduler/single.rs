//! The deterministic scheduler: one thread, every effect carried out at once (R12).
//!
//! Its state stands here, and what it knows of what it runs: bodies, outsides, failures. What it does is in rooms of its
//! own, each with the methods of [`Single`] that belong there: sends and runs in `running`, births and ends in `life`,
//! marks and mutes in `pressure`, timers in `timers`.

use super::bell::Bell;
use super::commute::Classes;
use super::core::Core;
use super::event_loop::EventLoop;
use super::policy::{Policy, Ready};
use super::pool::Worker;
use super::pressure::GuardDrops;
use super::prints::Held;
use super::record::{BadRecording, Replay};
use super::ring::Ring;
use super::script::Script;
use super::seat::Seat;
use super::stats::Totals;
use super::timers::Timers;
use super::trace::Watch;
use crate::event::{ActorId, Place};
use crate::mailbox::{Draft, Letter, Post};
use crate::rules::{Detector, Marks, Rules};
use crate::sync::{Arc, PlainArc};
use std::any::Any;
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

/// An actor as the scheduler sees it: something that takes its own messages from its mailbox.
pub(crate) trait Body: Send {
    /// Handles `quota` messages, or fewer if `behaviour_ended` says so.
    fn run(&mut self, core: Core<'_>, me: ActorId, quota: u32);

    /// The same for a worker of a pool: each of the two is compiled for one kind of scheduler, and asks no more.
    fn run_on(&mut self, worker: &mut Worker, me: ActorId, quota: u32);

    /// Handles one message, for the checker: what it does is written down, and its end is a matter of its own.
    fn run_checked(&mut self, core: &mut Single, me: ActorId);

    /// For the checker: its type.
    fn kind(&self) -> &'static str;

    /// For the checker: what it is made of, if that is known. `birth` stands for what never changes in it.
    fn print(&self, birth: u128) -> Option<u128>;

    /// For the checker: what one of its messages is made of, if that is known.
    fn print_message(&self, core: &Single, held: &Held<'_>) -> Option<u128>;

    /// For the checker: the same again, if its type says how it is copied.
    fn copy(&self) -> Option<Box<dyn Body>>;

    /// For the checker: becomes the same as another. False if that is of another type, or its type does not say how it is
    /// copied.
    fn become_copy(&mut self, other: &dyn Body) -> bool;

    /// Itself, to be asked what it is.
    fn as_any(&self) -> &dyn Any;

    /// For the checker: one of its messages again, for another runtime.
    fn copy_message<'t>(&self, core: &Single, held: &Held<'_>, to: &'t mut Single) -> Option<Draft<'t, Seat>>;

    /// For the checker: does its type say which of its messages commute?
    fn commutes(&self) -> bool;

    /// For the checker: what the arrival of this message touches, if its type says which messages commute.
    fn conflicts(&self, core: &Single, letter: &Letter, classes: &Classes) -> Option<PlainArc<[u32]>>;
}

/// The bodies by seat. Beside the scheduler, not in it: a running body has the scheduler as an argument.
pub(crate) type Bodies = Vec<Option<Box<dyn Body>>>;

/// What code outside the runtime is told about an actor (R13).
pub(crate) trait Outside: Send {
    /// It presses now, or does no longer.
    fn pressing(&mut self, pressing: bool);
    /// It has ended.
    fn ended(&mut self);
    /// Is anybody out there who could still send to it, or end its pressure?
    fn is_live(&self) -> bool;
    /// Could it still make its actor run?
    fn can_wake(&self) -> bool {
        self.is_live()
    }
    /// Will it never be live again? Then it is forgotten.
    fn is_over(&self) -> bool {
        !self.is_live()
    }
    /// What has come in since the last call.
    fn take_over(&mut self) -> Vec<Delivery>;
}

/// A message from outside on its way into a mailbox.
pub(crate) type Delivery = Box<dyn FnOnce(&mut Core<'_>) + Send>;

/// Why the run cannot go on.
#[derive(Debug)]
pub(crate) enum Failure {
    Panicked {
        actor: ActorId,
        name: String,
        message: String,
        place: Option<String>,
        payload: String,
    },
    TooManyActors {
        /// Who wanted one more.
        by: ActorId,
        limit: u32,
        name: String,
        place: Place,
    },
    /// An actor or code outside asked for the end.
    Shutdown,
    /// The recording is not one of this program.
    Replay(BadRecording),
    /// The recording could not be written.
    Recording(io::Error),
}

/// The runnable actors.
pub(super) enum Queue {
    /// First in, first out. Not behind the trait: it is the default, on the hot path.
    Fifo(Ring),
    Custom {
        policy: Box<dyn Policy>,
        len: usize,
    },
}

impl Queue {
    #[inline(always)]
    pub(super) fn push(&mut self, seat: u32, data: &Seat) {
        match self {
            Queue::Fifo(ring) => ring.push(seat),
            Queue::Custom { policy, len } => {
                *len += 1;
                policy.push(Ready { created: data.created, seat });
            }
        }
    }

    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<u32> {
        match self {
            Queue::Fifo(ring) => ring.pop(),
            Queue::Custom { policy, len } => {
                let next = policy.next()?.seat;
                *len -= 1;
                Some(next)
            }
        }
    }

    /// The policy's answer to `choose`, if it has one.
    pub(super) fn choose(&mut self, n: u64) -> Option<u64> {
        match self {
            Queue::Fifo(_) => None,
            Queue::Custom { policy, .. } => policy.choose(n),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Queue::Fifo(ring) => ring.is_empty(),
            Queue::Custom { len, .. } => *len == 0,
        }
    }
}

/// The state of a whole runtime.
pub(crate) struct Single {
    pub(super) post: Post<Seat>,
    pub(super) queue: Queue,
    pub(super) marks: Marks,
    /// Whose behaviour or run is in progress.
    pub(super) running: ActorId,
    /// The end of this behaviour has something to settle.
    pub(super) attention: bool,
    /// The end of this run has to look closer: something was settled in it.
    pub(super) settled: bool,
    /// Bodies of the actors that this run created, on their way to the table.
    pub(super) newborn: Vec<(u32, Box<dyn Body>)>,
    pub(super) stopping: bool,
    /// Sent and handled in this run; the seat gets them at its end.
    pub(super) sent: u64,
    pub(super) handled: u32,
    pub(super) watch: Watch,
    /// Under the checker: behaviours write their effects down here. `watch.on` is set with it.
    pub(super) script: Option<Box<Script>>,
    /// A recording says who runs next. `watch.on` is set with it.
    pub(super) replay: Option<Box<Replay>>,
    /// The receivers that this behaviour is marked on, each once (R2).
    pub(super) pending: Vec<u32>,
    /// Work space of `fall`.
    pub(super) falling: Vec<u32>,
    /// What the seats do not count; sent and handled are only those of ended actors.
    pub(super) totals: Totals,
    pub(super) muted_longest_ns: u64,
    pub(super) timers: Timers,
    pub(super) drops: Arc<GuardDrops>,
    pub(super) next_guard: u64,
    pub(super) live_guards: usize,
    pub(super) vacant: Vec<u32>,
    pub(super) created: u64,
    pub(super) living: u32,
    /// Seats with something attached from outside.
    pub(super) outsiders: BTreeSet<u32>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) config: Config,
    pub(crate) failure: Option<Failure>,
    /// Away while it is polled.
    pub(super) event_loop: Option<Box<dyn EventLoop>>,
    /// The next seat that `dismantle` looks at.
    pub(super) dismantled: u32,
}

/// A moment of a runtime to come back to.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    seats: u32,
    created: u64,
    living: u32,
    children: u32,
}

/// What a runtime was built with.
pub(crate) struct Config {
    pub(crate) seed: u64,
    pub(crate) batch: u32,
    pub(crate) detector: Detector,
    pub(crate) rules: Rules,
    pub(crate) max_actors: u32,
    pub(crate) describe: bool,
    pub(crate) end_on_panic: bool,
    /// Where the last panic of this thread happened.
    pub(crate) panic_place: fn() -> Option<String>,
}

impl Single {
    pub(crate) fn new(config: Config) -> Self {
        let bell = Bell::new();
        Single {
            post: Post::new(),
            queue: Queue::Fifo(Ring::new()),
            marks: Marks::default(),
            running: ActorId::MAIN,
            attention: config.describe,
            settled: false,
            newborn: Vec::new(),
            stopping: false,
            sent: 0,
            handled: 0,
            watch: Watch { on: config.describe, describe: config.describe, ..Watch::default() },
            script: None,
            replay: None,
            pending: Vec::new(),
            falling: Vec::new(),
            totals: Totals::default(),
            muted_longest_ns: 0,
            timers: Timers::default(),
            drops: Arc::new(GuardDrops::new(bell.clone())),
            next_guard: 0,
            live_guards: 0,
            vacant: Vec::new(),
            created: 0,
            living: 0,
            outsiders: BTreeSet::new(),
            bell,
            config,
            failure: None,
            event_loop: None,
            dismantled: 0,
        }
    }

    /// What `reset` comes back to: called when `main` and the streams are there, and have done nothing.
    pub(crate) fn base(&self) -> Base {
        let children = self.post.data(0).children;
        Base { seats: self.post.seats(), created: self.created, living: self.living, children }
    }

    /// Back to where `base` was called, as if nothing had happened since. Every message and every body beyond is
    /// dropped; the memory is kept. If user code panics as it is dropped, the runtime is good for nothing any more.
    pub(crate) fn reset(&mut self, base: &Base, bodies: &mut Bodies) {
        self.post.reset(base.seats);
        bodies.truncate(base.seats as usize);
        self.newborn.clear();
        self.timers.clear();
        self.event_loop = None;
        self.marks.clear();
        while self.queue.next().is_some() {}
        self.post.data_mut(0).renew(base.children);
        self.post.data_mut(0).busy = true;
        if self.next_guard > 0 {
            // Guards that somebody kept are not of the next run.
            self.drops = Arc::new(GuardDrops::new(self.bell.clone()));
            (self.next_guard, self.live_guards) = (0, 0);
        }
        self.totals = Totals { spawned: base.created, ..Totals::default() };
        (self.created, self.living, self.dismantled) = (base.created, base.living, 0);
        (self.running, self.stopping, self.settled) = (ActorId::MAIN, false, false);
        (self.sent, self.handled, self.muted_longest_ns) = (0, 0, 0);
        (self.watch.now, self.watch.handling) = (Duration::ZERO, None);
        self.pending.clear();
        self.vacant.clear();
        self.outsiders.clear();
        self.failure = None;
        self.reset_script();
    }

    pub(crate) fn set_policy(&mut self, policy: Box<dyn Policy>) {
        self.queue = Queue::Custom { policy, len: 0 };
    }

    /// As user code sees it.
    #[inline(always)]
    pub(crate) fn core(&mut self) -> Core<'_> {
        if self.watch.on { Core::Watched(self) } else { Core::Single(self) }
    }

    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    pub(crate) fn policy_name(&self) -> &str {
        match &self.queue {
            Queue::Fifo(_) => "fifo",
            Queue::Custom { policy, .. } => policy.name(),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.watch.now
    }

    /// Time only moves forward: a clock that went back is held.
    pub(crate) fn set_now(&mut self, now: Duration) {
        self.watch.now = self.watch.now.max(now);
        if let Some(event_loop) = &mut self.event_loop {
            event_loop.set_now(self.watch.now);
        }
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Single {
        /// With `main` in its seat, which has done nothing yet: for tests of one part.
        pub(in super::super) fn plain() -> Self {
            let mut core = Single::new(Config {
                seed: 0,
                batch: 3,
                detector: Detector::Batch,
                rules: Rules::Backwater,
                max_actors: 10,
                describe: false,
                end_on_panic: true,
                panic_place: || None,
            });
            core.main_began(std::panic::Location::caller());
            core
        }

        /// One more actor, without a body.
        pub(in super::super) fn another(&mut self) -> ActorId {
            let (name, place) = (crate::scheduler::seat::Name::of_type::<u8>(), std::panic::Location::caller());
            self.spawn(None, crate::scheduler::seat::Plan { name, batch: None, detector: None, pinned: false, place })
        }
    }

    /// As `main` would be found at the beginning of each run of a search.
    #[test]
    fn after_a_reset_nothing_is_left_of_the_run_before() {
        let mut core = Single::plain();
        core.write_script(false, false);
        core.script().stamped.step = 1;
        let mut bodies = Bodies::new();
        let base = core.base();
        let place = std::panic::Location::caller();
        let ids = [(); 3].map(|()| core.another());
        core.running = ids[0];
        drop(core.hold(place));
        core.promise("it was", crate::scheduler::Promise::Sometimes, true);
        core.script().written_down(ids[0].seat, true, true);
        (core.script().fired, core.script().dropped_early) = (vec![(1, 2, 3)], vec![4]);
        core.throw_dice(5);
        core.running = ids[1];
        core.pending.push(ids[0].seat);
        assert!(core.settle_marks());
        core.outsiders.insert(ids[2].seat);
        core.set_timer(Duration::ZERO, None, Box::new(|_, _, _| ()));
        core.end(ids[2].seat, crate::event::End::Stopped);
        (core.sent, core.handled, core.stopping, core.settled) = (3, 4, true, true);
        core.set_now(Duration::from_secs(1));
        core.fail(Failure::Shutdown);
        let drops = core.drops.clone();
        core.reset(&base, &mut bodies);

        assert_eq!(core.stats(), Single::plain().stats());
        assert_eq!((core.live_guards, core.next_guard, core.created, core.living), (0, 0, 1, 1));
        assert_eq!(
            (core.running, core.stopping, core.settled, core.now()),
            (ActorId::MAIN, false, false, Duration::ZERO)
        );
        assert!(core.outsiders.is_empty() && core.pending.is_empty() && core.vacant.is_empty());
        assert!(core.timers.is_new() && core.marks.is_empty() && core.failure.is_none() && !core.has_ready());
        assert_eq!(core.hold(place).0, 0, "no guard has a number yet");
        let script = core.script.as_mut().unwrap();
        assert!(script.promises.is_empty() && script.dropped_early.is_empty() && script.fired.is_empty());
        assert!(
            script.progress.iter().all(|progress| !progress.stopping && !progress.shutdown && progress.pushed == 0)
        );
        assert!(script.dice.is_none() && Arc::ptr_eq(&script.drops, &core.drops));
        assert!(!Arc::ptr_eq(&core.drops, &drops), "a guard that somebody kept is not of the next run");
    }
}
