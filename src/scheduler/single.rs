//! The deterministic scheduler: one thread, every effect carried out at once (R12).
//!
//! The hot path is [`Single::send`], [`Single::next_message`], [`Single::behaviour_ended`] and `run`; everything
//! rare hangs on two flags, `attention` (the end of this behaviour has to look closer) and `watch.on` (somebody wants
//! to see every event), so that an actor which presses nobody and is watched by nobody pays one branch for each.

use super::bell::Bell;
use super::commute::Classes;
use super::core::Core;
use super::event_loop::EventLoop;
use super::policy::{Policy, Ready};
use super::pressure::GuardDrops;
use super::prints::Held;
use super::random::Random;
use super::record::{BadRecording, Replay};
use super::ring::Ring;
use super::script::{Access, Object, Script};
use super::seat::{More, Name, Plan, Seat};
use super::stats::Totals;
use super::timers::Timers;
use super::trace::Watch;
use crate::event::{ActorId, End, Event, Lane, Place};
use crate::faults::{Fault, planted};
use crate::mailbox::{Draft, Letter, Post};
use crate::rules::{self, Detector, Load, Marks, Rules};
use crate::sync::{Arc, PlainArc};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io;
use std::mem;
use std::time::Duration;

/// An actor as the scheduler sees it: something that takes its own messages from its mailbox.
pub(crate) trait Body: Send {
    /// Handles `quota` messages, or fewer if `behaviour_ended` says so.
    fn run(&mut self, core: Core<'_>, me: ActorId, quota: u32);

    /// For the checker: what it is made of, if that is known.
    fn print(&self) -> Option<u128>;

    /// For the checker: what one of its messages is made of, if that is known.
    fn print_message(&self, core: &Single, held: &Held<'_>) -> Option<u128>;

    /// For the checker: the same again, if its type says how it is copied.
    fn copy(&self) -> Option<Box<dyn Body>>;

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

/// Puts a draft into a mailbox and schedules its owner; true if the receiver was pressing. Where the receiver has ended,
/// the calling function returns. A macro, because a draft borrows the post office, and a function would borrow the whole
/// scheduler beside it.
macro_rules! arrive {
    ($core:ident, $draft:ident, $to:ident, $from:expr) => {{
        let (waiting, seat) = match $draft.send($to.seat, |seat| seat.tenant == $to.tenant) {
            Ok(sent) => sent,
            Err(draft) => return dead_letter(draft, &mut $core.totals, &mut $core.watch, $from, $to),
        };
        let pressing = seat.load.is_pressing();
        if !seat.busy || crate::faults::planted(crate::faults::Fault::MutedIsScheduled) && seat.load.is_muted() {
            seat.busy = true;
            $core.queue.push($to.seat, seat);
        }
        if waiting > seat.watermark {
            $core.mailbox_grew($to.seat, waiting);
        }
        pressing
    }};
}
pub(super) use arrive;

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
    settled: bool,
    /// Bodies of the actors that this run created, on their way to the table.
    newborn: Vec<(u32, Box<dyn Body>)>,
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
    dismantled: u32,
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
        if !self.outsiders.is_empty() {
            self.outsiders.clear();
        }
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

    // --- Sending (R1, R2) ---------------------------------------------------------------------------------------

    /// The running actor sends, and nobody watches. Inlined into the user's code, see `Pool::make`.
    #[inline(always)]
    pub(super) fn send<M: Debug + Send + 'static>(&mut self, to: ActorId, lane: Lane, message: M) {
        let draft = self.post.draft(message);
        self.sent += 1;
        let pressing = arrive!(self, draft, to, Some(self.running));
        if pressing && (lane == Lane::Ordinary || planted(Fault::ControlMarks)) {
            self.sent_to_pressing(to);
        }
    }

    /// The running actor sends, and somebody watches.
    pub(super) fn send_watched<M: Debug + Send + 'static>(
        &mut self,
        to: ActorId,
        lane: Lane,
        message: M,
        place: Place,
    ) {
        let draft = self.post.draft(message);
        if let Some(script) = &mut self.script {
            return script.write_send(draft, to, lane, place);
        }
        self.watch.send(self.running, to, lane, &draft.message(), place);
        self.sent += 1;
        let pressing = arrive!(self, draft, to, Some(self.running));
        if pressing && (lane == Lane::Ordinary || planted(Fault::ControlMarks)) {
            self.sent_to_pressing(to);
        }
    }

    /// The running actor sends to itself: what `send` does, less what cannot be. It is busy, it has not ended, and a
    /// message to oneself marks nobody (R7).
    #[inline(always)]
    pub(super) fn send_self<M: Debug + Send + 'static>(&mut self, message: M) {
        let me = self.running;
        self.sent += 1;
        let Ok((waiting, seat)) = self.post.draft(message).send(me.seat, |_| true) else { return };
        if waiting > seat.watermark {
            self.mailbox_grew(me.seat, waiting);
        }
    }

    pub(super) fn send_self_watched<M: Debug + Send + 'static>(&mut self, message: M, place: Place) {
        let me = self.running;
        let draft = self.post.draft(message);
        if let Some(script) = &mut self.script {
            return script.write_send(draft, me, Lane::Ordinary, place);
        }
        self.watch.send(me, me, Lane::Ordinary, &draft.message(), place);
        self.sent += 1;
        let Ok((waiting, seat)) = draft.send(me.seat, |_| true) else { return };
        if waiting > seat.watermark {
            self.mailbox_grew(me.seat, waiting);
        }
    }

    /// The runtime itself, or code outside any actor, puts a message into a mailbox: marks nobody (R7, R13).
    pub(crate) fn deliver<M: Debug + Send + 'static>(&mut self, to: ActorId, message: M) {
        let draft = self.post.draft(message);
        if self.watch.on {
            self.watch.deliver(to, &draft.message());
            if let Some(script) = &mut self.script {
                script.pushed(to, None);
            }
        }
        self.totals.delivered += 1;
        let pressing = arrive!(self, draft, to, None);
        if pressing && planted(Fault::TicksMark) {
            self.sent_to_pressing(to);
        }
    }

    /// A mailbox is longer than ever, or long enough to begin overload by depth (R4).
    #[cold]
    pub(super) fn mailbox_grew(&mut self, seat: u32, waiting: u32) {
        let data = self.post.data_mut(seat);
        data.peak = data.peak.max(waiting);
        self.totals.deepest = self.totals.deepest.max(data.peak);
        let alarm = data.detector().alarm();
        data.watermark = data.peak.min(alarm.saturating_sub(1));
        if waiting >= alarm {
            let _ = self.change(seat, rules::Event::Overload);
        }
    }

    pub(super) fn schedule(&mut self, seat: u32) {
        let data = self.post.data_mut(seat);
        data.busy = true;
        self.queue.push(seat, data);
    }

    // --- Running (R3, R4) ---------------------------------------------------------------------------------------

    /// Runs up to `runs` actors.
    #[inline(never)]
    pub(crate) fn slice(&mut self, runs: u32, bodies: &mut Bodies) {
        for _ in 0..runs {
            let Some(seat) = self.queue.next() else { break };
            self.run(seat, bodies);
            if self.settled && self.run_settled(seat, bodies) {
                break;
            }
        }
    }

    /// Runs this actor, whose messages are in its mailbox.
    pub(super) fn run_one(&mut self, seat: u32, bodies: &mut Bodies) {
        self.run(seat, bodies);
        if self.settled {
            self.run_settled(seat, bodies);
        }
    }

    #[inline(always)]
    fn run(&mut self, seat: u32, bodies: &mut Bodies) {
        let (waiting, data) = self.post.look(seat);
        let me = ActorId { seat, tenant: data.tenant };
        let quota = waiting.min(data.batch);
        self.running = me;
        if self.watch.on {
            self.settled = true;
            self.show(&Event::RunBegan { actor: me, waiting });
        }
        let Some(body) = &mut bodies[seat as usize] else { no_body(me) };
        body.run(self.core(), me, quota);
        let (sent, handled) = (mem::take(&mut self.sent), mem::take(&mut self.handled));
        let (left, data) = self.post.look(seat);
        data.sent += sent;
        data.handled += u64::from(handled);
        if self.settled || data.special || handled >= data.batch {
            self.settled = true;
            self.handled = handled;
        } else if left > 0 {
            self.queue.push(seat, data);
        } else {
            data.busy = false;
        }
    }

    /// The end of a run in which something was settled, or of an actor that presses or begins to. True if the whole
    /// run of the program is over.
    #[cold]
    fn run_settled(&mut self, seat: u32, bodies: &mut Bodies) -> bool {
        self.settled = false;
        if !self.newborn.is_empty() {
            self.house_newborn(bodies);
        }
        let handled = mem::take(&mut self.handled);
        if mem::take(&mut self.stopping) {
            self.end(seat, End::Stopped);
            bodies[seat as usize] = None;
        } else {
            self.run_ended(seat, handled);
        }
        self.failure.is_some()
    }

    #[inline(always)]
    pub(super) fn has_newborn(&self) -> bool {
        !self.newborn.is_empty()
    }

    /// The bodies of the actors that were created since the last call take their seats.
    pub(crate) fn house_newborn(&mut self, bodies: &mut Bodies) {
        for (seat, body) in self.newborn.drain(..) {
            if let Some(script) = &mut self.script {
                script.commutes |= body.commutes();
            }
            let seat = seat as usize;
            if seat >= bodies.len() {
                bodies.resize_with(seat + 1, || None);
            }
            bodies[seat] = Some(body);
        }
    }

    pub(super) fn run_ended(&mut self, seat: u32, handled: u32) {
        let left = self.post.len(seat);
        let data = self.post.data(seat);
        let (batch, actor) = (data.batch, ActorId { seat, tenant: data.tenant });
        if self.watch.on {
            self.show(&Event::RunEnded { actor, handled, full: handled >= batch });
        }
        let data = self.post.data(seat);
        if data.load.is_muted() {
            return;
        }
        if let Some(event) = data.detector().run_ended(handled, batch, left) {
            let _ = self.change(seat, event);
        }
        // An overloaded actor always gets another run: only the end of one can say that it has caught up (R4).
        if left > 0 || self.post.data(seat).load.has(Load::OVERLOADED) && !planted(Fault::FullIsNotScheduled) {
            self.schedule(seat);
        } else {
            self.post.data_mut(seat).busy = false;
        }
    }

    /// The next message of the running actor, the `nth` of this run, counted from 1. Its run's quota says that there
    /// is one.
    #[inline(always)]
    pub(super) fn next_message<M: Debug + Send + 'static>(&mut self, seat: u32, nth: u32) -> M {
        let Ok(Some(message)) = self.post.pop::<M>(seat) else { no_message(seat, std::any::type_name::<M>()) };
        self.handled = nth;
        message
    }

    pub(super) fn next_message_watched<M: Debug + Send + 'static>(&mut self, seat: u32, nth: u32) -> M {
        if self.watch.looks() {
            self.post.peek(seat, |message| self.watch.handle(self.running, message));
        }
        self.next_message(seat, nth)
    }

    /// A behaviour has ended. True if its run has to end with it (R3).
    #[inline(always)]
    pub(crate) fn behaviour_ended(&mut self) -> bool {
        self.attention && (self.is_written_down() || self.settle())
    }

    /// The behaviour in progress does nothing yet: see `script`.
    #[inline(always)]
    fn is_written_down(&self) -> bool {
        self.script.as_ref().is_some_and(|script| script.recording)
    }

    #[cold]
    pub(super) fn settle(&mut self) -> bool {
        self.settled = true;
        if self.watch.on {
            self.show(&Event::Handled { actor: self.running });
        }
        self.watch.handling = None;
        self.collect_dropped_guards();
        let forgets = planted(Fault::SecondPathNeverSettles) && !self.watch.on;
        let muted = !self.pending.is_empty() && !self.stopping && !forgets && self.settle_marks();
        self.pending.clear();
        self.attention = self.watch.on || self.live_guards > 0;
        muted || self.stopping || self.failure.is_some()
    }

    pub(crate) fn stop_running(&mut self) {
        self.stopping = true;
        self.attention = true;
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        if let Some(replay) = &mut self.replay {
            return replay.failed(failure);
        }
        self.failure.get_or_insert(failure);
        self.attention = true;
    }

    // --- Birth and death (R8) -----------------------------------------------------------------------------------

    /// A new actor, the next child of the running one.
    pub(crate) fn spawn(&mut self, body: Option<Box<dyn Body>>, plan: Plan) -> ActorId {
        if self.living >= self.config.max_actors {
            return self.too_many(&plan);
        }
        let created = self.created;
        self.created += 1;
        self.living += 1;
        let parent = self.running;
        let nth = self.count_child(parent);
        let detector = plan.detector.unwrap_or(self.config.detector);
        let batch = plan.batch.unwrap_or(self.config.batch);
        let mut data = Seat::new(plan.name, batch, detector, created);
        let id = match self.vacant.pop() {
            Some(seat) => {
                data.tenant = self.post.data(seat).tenant;
                let tenant = data.tenant;
                *self.post.data_mut(seat) = data;
                ActorId { seat, tenant }
            }
            None => ActorId { seat: self.post.add(data), tenant: 0 },
        };
        if let Some(body) = body {
            self.newborn.push((id.seat, body));
            self.settled = true;
        }
        self.totals.spawned += 1;
        if self.watch.on {
            self.touch(Object::Births, Access::Write);
            if self.watch.observer.is_some() {
                self.show_spawn(id, parent, nth, plan.place);
            }
        }
        id
    }

    fn count_child(&mut self, parent: ActorId) -> u32 {
        if parent.seat >= self.post.seats() {
            return 0;
        }
        let data = self.post.data_mut(parent.seat);
        data.children += 1;
        data.children - 1
    }

    #[cold]
    pub(super) fn too_many(&mut self, plan: &Plan) -> ActorId {
        let limit = self.config.max_actors;
        let name = plan.name.to_string();
        self.fail(Failure::TooManyActors { limit, name, place: plan.place });
        // Nobody ever has this seat: what is sent there until the run ends is a dead letter.
        ActorId { seat: u32::MAX, tenant: u32::MAX }
    }

    /// R8: the actor falls, its marks and those on it go, its mailbox becomes dead letters. Its body is the caller's.
    pub(super) fn end(&mut self, seat: u32, why: End) {
        let id = self.id_of(seat);
        if self.replay.is_some() {
            self.ends_again(id);
        }
        self.show(&Event::Ended { actor: id, why });
        self.touch(Object::Life(seat), Access::Write);
        let _ = self.change(seat, rules::Event::Stop);
        self.marks.forget(seat);
        let data = self.post.data_mut(seat);
        // From here on its addresses lead nowhere, whatever runs below.
        data.tenant += 1;
        data.busy = true;
        self.totals.sent += mem::take(&mut data.sent);
        self.totals.handled += mem::take(&mut data.handled);
        let more = data.more.take();
        // `main` was allowed for beside the limit: its end makes no room.
        self.living -= u32::from(id != ActorId::MAIN);
        self.outsiders.remove(&seat);
        if let Some(contacts) = &mut self.watch.contacts {
            contacts.forget(id);
        }
        if let Some(more) = more {
            self.end_more(*more);
        }
        // Under the checker a number means the same actor in every schedule: seats are not used again.
        if id.tenant < u32::MAX - 1 && self.script.is_none() {
            self.vacant.push(seat);
        }
        // Last, because messages may panic as they are dropped: nobody else is to miss this end for that.
        if !planted(Fault::ShutdownLeaks) || !matches!(why, End::Shutdown) {
            self.empty_mailbox(id);
        }
    }

    fn end_more(&mut self, more: More) {
        self.live_guards -= more.guards.len();
        more.timers.into_iter().for_each(|timer| self.remove_timer(timer));
        for mut outside in more.outside {
            outside.ended();
            // What an inlet took and nobody has seen yet is a dead letter like the rest (R1).
            outside.take_over().into_iter().for_each(|deliver| deliver(&mut self.core()));
        }
        more.watchers.into_iter().for_each(|watcher| watcher(&mut self.core()));
    }

    /// Everything that still waits for an actor that has ended becomes a dead letter.
    pub(super) fn empty_mailbox(&mut self, id: ActorId) {
        let Single { post, watch, totals, .. } = self;
        let mut look = |message: &dyn Debug| {
            totals.dead += 1;
            watch.dead_letter(None, id, message);
        };
        while post.discard(id.seat, &mut look) {}
    }

    pub(super) fn id_of(&self, seat: u32) -> ActorId {
        ActorId { seat, tenant: self.post.data(seat).tenant }
    }

    /// The living actor that `id` names.
    pub(super) fn seat_of(&self, id: ActorId) -> Option<&Seat> {
        let known = id.seat < self.post.seats();
        known.then(|| self.post.data(id.seat)).filter(|seat| seat.tenant == id.tenant && !seat.is_empty())
    }

    pub(super) fn seat_of_mut(&mut self, id: ActorId) -> Option<&mut Seat> {
        self.seat_of(id)?;
        Some(self.post.data_mut(id.seat))
    }

    /// Its name, or its number if it has ended.
    pub(crate) fn name_of(&self, id: ActorId) -> String {
        self.seat_of(id).map_or_else(|| format!("an actor that has ended ({id})"), |s| format!("{}{id}", s.name))
    }

    /// The name of the running actor, which is an `A`.
    #[inline(always)]
    pub(crate) fn my_name<A>(&self) -> Name {
        let seat = self.post.data(self.running.seat);
        if seat.named { seat.name.clone() } else { Name::of_type::<A>() }
    }

    pub(crate) fn batch_of(&self, id: ActorId) -> u32 {
        self.seat_of(id).map_or(self.config.batch, |seat| seat.batch)
    }

    /// The running actor's own stream of random numbers.
    pub(crate) fn random(&mut self, with: impl FnOnce(&mut Random) -> u64) -> u64 {
        let seed = self.config.seed;
        let data = self.post.data_mut(self.running.seat);
        let created = data.created;
        with(data.more().random.get_or_insert_with(|| Random::of_actor(seed, created)))
    }

    // --- Main, and the end ----------------------------------------------------------------------------------------

    /// Takes the seat of `main`, which runs until [`Single::main_ended`].
    pub(crate) fn main_began(&mut self, place: Place) {
        let plan = Plan { name: Name::given("main"), batch: None, detector: None, pinned: true, place };
        self.running = self.spawn(None, plan);
        self.post.data_mut(0).busy = true;
    }

    /// `main` is over: it is an actor like any other, so its pressure ends with it (R8).
    pub(crate) fn main_ended(&mut self, bodies: &mut Bodies) {
        self.stop_running();
        self.behaviour_ended();
        if self.script.is_some() {
            return self.house_newborn(bodies);
        }
        self.post.data_mut(0).sent = mem::take(&mut self.sent);
        self.house_newborn(bodies);
        bodies.resize_with(bodies.len().max(1), || None);
        self.run_settled(0, bodies);
    }

    /// User code panicked, with this payload. Gives back the seat of the actor that ended for it: the body there is the
    /// caller's to drop. Code in no behaviour, as a timer's closure or an observer, ends the run: no actor's end would
    /// mend it.
    pub(crate) fn panicked(&mut self, payload: String, in_behaviour: bool) -> Option<u32> {
        let actor = self.running;
        let alive = self.seat_of(actor).is_some();
        let outside = self.watch.lost_observer() || alive && !in_behaviour;
        let failure = Failure::Panicked {
            actor,
            name: self.seat_of(actor).map_or_else(|| "an actor that was ending".into(), |seat| seat.name.to_string()),
            message: if outside { "nothing: it was in no behaviour".into() } else { self.message_in_hand() },
            place: (self.config.panic_place)(),
            payload,
        };
        self.stopping = false;
        self.watch.handling = None;
        self.pending.clear();
        self.totals.panics += 1;
        if self.config.end_on_panic || outside {
            self.fail(failure);
        }
        let (sent, handled) = (mem::take(&mut self.sent), mem::take(&mut self.handled));
        let data = self.post.data_mut(actor.seat);
        if alive {
            data.sent += sent;
            data.handled += u64::from(handled);
        }
        match () {
            () if outside => return None,
            () if alive => self.end(actor.seat, End::Panicked),
            // The rest of its mailbox; unless the seat has its next tenant already.
            () if data.is_empty() => self.empty_mailbox(actor),
            () => {}
        }
        self.collect_dropped_guards();
        Some(actor.seat)
    }

    /// Ends the next living actor, for the end of the runtime. Gives back its seat: the body there is the caller's to
    /// drop.
    pub(crate) fn dismantle(&mut self) -> Option<u32> {
        let seat = (self.dismantled..self.post.seats()).find(|seat| !self.post.data(*seat).is_empty())?;
        self.dismantled = seat;
        self.running = self.id_of(seat);
        self.end(seat, End::Shutdown);
        Some(seat)
    }
}

/// A message for an actor that has ended (R1).
#[cold]
pub(super) fn dead_letter(
    draft: Draft<'_, Seat>,
    totals: &mut Totals,
    watch: &mut Watch,
    from: Option<ActorId>,
    to: ActorId,
) {
    totals.dead += u64::from(!planted(Fault::DeadIsUncounted));
    watch.dead_letter(from, to, &draft.message());
}

#[cold]
fn no_body(actor: ActorId) -> ! {
    panic!("T6: {actor} is queued, so it has not ended, so it has a body: a bug in backwater")
}

#[cold]
fn no_message(seat: u32, wanted: &str) -> ! {
    panic!(
        "a run's quota says that seat {seat} has a message of type {wanted}, and its mailbox has not: a bug in backwater"
    )
}
