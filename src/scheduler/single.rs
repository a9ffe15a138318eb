//! The deterministic scheduler: one thread, every effect carried out at once (R12).
//!
//! The hot path is [`Single::send`], [`Single::next_message`], [`Single::behaviour_ended`] and `run`; everything
//! rare hangs on two flags, `attention` (the end of this behaviour has to look closer) and `watched` (somebody wants
//! to see every event), so that an actor which presses nobody and is watched by nobody pays one branch for each.

use super::bell::Bell;
use super::contacts::Contacts;
use super::event_loop::EventLoop;
use super::policy::{Fifo, Policy, Ready};
use super::pressure::GuardDrops;
use super::random::Random;
use super::seat::{Label, More, Plan, Seat};
use super::stats::Totals;
use super::timers::Timers;
use super::trace::show_to;
use crate::event::{ActorId, End, Event, Lane, Observer, Place};
use crate::mailbox::Post;
use crate::rules::{self, Detector, Load, Marks};
use crate::sync::Arc;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

/// An actor as the scheduler sees it: something that takes its own messages from its mailbox.
pub(crate) trait Body: Send {
    /// Handles `run.quota` messages, or fewer if `behaviour_ended` says so.
    fn run(&mut self, core: &mut Single, run: Run);
}

/// One run of one actor.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    pub(crate) actor: ActorId,
    /// Messages to handle: those that were in the mailbox when the run began, at most a batch (R4).
    pub(crate) quota: u32,
}

/// What code outside the runtime is told about an actor (R13).
pub(crate) trait Outside: Send {
    /// It presses now, or does no longer.
    fn pressing(&mut self, pressing: bool);
    /// It has ended.
    fn ended(&mut self);
    /// Is anybody out there who could still send to it?
    fn is_live(&self) -> bool;
    /// What has come in since the last call.
    fn take_over(&mut self) -> Vec<Delivery>;
}

/// A message from outside on its way into a mailbox.
pub(crate) type Delivery = Box<dyn FnOnce(&mut Single) + Send>;

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
}

pub(super) enum Queue {
    /// Not behind the trait: the default is on the hot path.
    Fifo(Fifo),
    Custom(Box<dyn Policy>),
}

impl Queue {
    #[inline]
    pub(super) fn push(&mut self, actor: Ready) {
        match self {
            Queue::Fifo(fifo) => fifo.push(actor),
            Queue::Custom(policy) => policy.push(actor),
        }
    }

    #[inline]
    fn next(&mut self) -> Option<Ready> {
        match self {
            Queue::Fifo(fifo) => fifo.next(),
            Queue::Custom(policy) => policy.next(),
        }
    }
}

/// The state of a whole runtime.
pub(crate) struct Single {
    pub(super) post: Post<Seat>,
    pub(super) queue: Queue,
    pub(super) ready: usize,
    pub(super) marks: Marks,
    /// Whose behaviour or run is in progress.
    pub(super) running: ActorId,
    /// Is `running` about an actor that runs right now?
    pub(super) in_run: bool,
    /// The end of this behaviour has something to settle.
    pub(super) attention: bool,
    /// Somebody wants to see every event.
    pub(super) watched: bool,
    pub(super) stopping: bool,
    /// Sent and handled in this run; they join the totals at its end.
    pub(super) sent: u64,
    pub(super) handled: u32,
    /// The receivers that this behaviour is marked on, each once (R2).
    pub(super) pending: Vec<u32>,
    /// Work space of `fall`.
    pub(super) falling: Vec<u32>,
    pub(super) totals: Totals,
    pub(super) now: Duration,
    pub(super) timers: Timers,
    pub(super) drops: Arc<GuardDrops>,
    pub(super) next_guard: u64,
    pub(super) live_guards: usize,
    pub(super) vacant: Vec<u32>,
    pub(super) created: u64,
    pub(super) living: u32,
    pub(super) observer: Option<Box<dyn Observer>>,
    /// An observer was given; if it is gone, it panicked.
    pub(super) observed: bool,
    pub(super) contacts: Option<Contacts>,
    /// Seats with something attached from outside.
    pub(super) outsiders: BTreeSet<u32>,
    /// The message being handled, in words, where that was asked for.
    pub(super) handling: Option<String>,
    pub(crate) dead_letters: Option<Box<dyn FnMut(ActorId, &dyn Debug) + Send>>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) config: Config,
    pub(crate) failure: Option<Failure>,
    /// Away while it is polled.
    pub(super) event_loop: Option<Box<dyn EventLoop>>,
    /// The next seat that `dismantle` looks at.
    dismantled: u32,
}

/// What a runtime was built with.
pub(crate) struct Config {
    pub(crate) seed: u64,
    pub(crate) batch: u32,
    pub(crate) detector: Detector,
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
            queue: Queue::Fifo(Fifo::default()),
            ready: 0,
            marks: Marks::default(),
            running: ActorId::MAIN,
            in_run: false,
            attention: config.describe,
            watched: config.describe,
            stopping: false,
            sent: 0,
            handled: 0,
            pending: Vec::new(),
            falling: Vec::new(),
            totals: Totals::default(),
            now: Duration::ZERO,
            timers: Timers::default(),
            drops: Arc::new(GuardDrops::new(bell.clone())),
            next_guard: 0,
            live_guards: 0,
            vacant: Vec::new(),
            created: 0,
            living: 0,
            observer: None,
            observed: false,
            contacts: None,
            outsiders: BTreeSet::new(),
            handling: None,
            dead_letters: None,
            bell,
            config,
            failure: None,
            event_loop: None,
            dismantled: 0,
        }
    }

    pub(crate) fn set_policy(&mut self, policy: Box<dyn Policy>) {
        self.queue = Queue::Custom(policy);
    }

    pub(crate) fn policy_name(&self) -> &str {
        match &self.queue {
            Queue::Fifo(fifo) => fifo.name(),
            Queue::Custom(policy) => policy.name(),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    /// Time only moves forward: a clock that went back is held.
    pub(crate) fn set_now(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    pub(crate) fn has_ready(&self) -> bool {
        self.ready > 0
    }

    // --- Sending (R1, R2) ---------------------------------------------------------------------------------------

    /// The actor in whose name this code runs sends.
    #[inline]
    pub(crate) fn send<M: Debug + Send + 'static>(&mut self, to: ActorId, lane: Lane, message: M, place: Place) {
        if self.watched {
            self.show_send(to, lane, &message, place);
        }
        self.sent += 1;
        let Some(mut desk) = self.post.desk(to.seat).filter(|desk| desk.data.tenant == to.tenant) else {
            return self.dead_letter(Some(self.running), to, &message);
        };
        let pressing = desk.data.load.is_pressing();
        let waiting = desk.push(message);
        let seat = desk.data;
        let alarm = waiting > seat.watermark;
        if !seat.busy {
            seat.busy = true;
            self.ready += 1;
            self.queue.push(Ready { created: seat.created, seat: to.seat });
        }
        if alarm {
            self.mailbox_grew(to.seat, waiting);
        }
        if pressing && lane == Lane::Ordinary {
            self.sent_to_pressing(to);
        }
    }

    /// The runtime itself, or code outside any actor, puts a message into a mailbox: marks nobody (R7, R13).
    pub(crate) fn deliver<M: Debug + Send + 'static>(&mut self, to: ActorId, message: M) {
        if self.watched {
            self.show(&Event::Delivered { to, message: &message });
        }
        self.totals.delivered += 1;
        let Some(mut desk) = self.post.desk(to.seat).filter(|desk| desk.data.tenant == to.tenant) else {
            return self.dead_letter(None, to, &message);
        };
        let waiting = desk.push(message);
        let alarm = waiting > desk.data.watermark;
        if !desk.data.busy {
            self.schedule(to.seat);
        }
        if alarm {
            self.mailbox_grew(to.seat, waiting);
        }
    }

    #[cold]
    fn dead_letter(&mut self, from: Option<ActorId>, to: ActorId, message: &dyn Debug) {
        self.totals.dead += 1;
        self.show(&Event::DeadLetter { from, to, message });
        if let Some(hook) = &mut self.dead_letters {
            hook(to, message);
        }
    }

    /// A mailbox is longer than ever, or long enough to begin overload by depth (R4).
    #[cold]
    fn mailbox_grew(&mut self, seat: u32, waiting: u32) {
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
        self.queue.push(Ready { created: data.created, seat });
        self.ready += 1;
    }

    // --- Running (R3, R4) ---------------------------------------------------------------------------------------

    /// Runs up to `runs` actors. `body` holds the running actor's body, outside this call, so that a panic does not
    /// drop it while unwinding.
    pub(crate) fn slice(&mut self, runs: u32, body: &mut Option<Box<dyn Body>>) {
        for _ in 0..runs {
            let Some(next) = self.queue.next() else { break };
            self.ready -= 1;
            self.run(next.seat, body);
            if self.failure.is_some() {
                break;
            }
        }
    }

    #[inline]
    fn run(&mut self, seat: u32, body: &mut Option<Box<dyn Body>>) {
        let waiting = self.post.len(seat);
        let data = self.post.data_mut(seat);
        let run = Run { actor: ActorId { seat, tenant: data.tenant }, quota: waiting.min(data.batch) };
        *body = data.body.take();
        self.running = run.actor;
        self.in_run = true;
        if self.watched {
            self.show(&Event::RunBegan { actor: run.actor, waiting });
        }
        if let Some(body) = body.as_mut() {
            body.run(self, run);
        }
        self.run_ended(seat, body);
    }

    fn run_ended(&mut self, seat: u32, body: &mut Option<Box<dyn Body>>) {
        self.in_run = false;
        let handled = self.count_run(seat);
        if self.stopping {
            self.stopping = false;
            self.end(seat, End::Stopped);
            return *body = None;
        }
        let left = self.post.len(seat);
        let data = self.post.data_mut(seat);
        data.body = body.take();
        if data.load != Load::IDLE || handled >= data.batch || data.by_depth || self.watched {
            return self.run_ended_closely(seat, handled, left);
        }
        if left > 0 {
            self.ready += 1;
            self.queue.push(Ready { created: data.created, seat });
        } else {
            data.busy = false;
        }
    }

    /// The run's counts join the totals; returns what it handled.
    #[inline]
    pub(super) fn count_run(&mut self, seat: u32) -> u32 {
        let (sent, handled) = (self.sent, self.handled);
        (self.sent, self.handled) = (0, 0);
        let data = self.post.data_mut(seat);
        data.sent += sent;
        data.handled += u64::from(handled);
        self.totals.sent += sent;
        self.totals.handled += u64::from(handled);
        handled
    }

    /// The end of a run of an actor that presses, or begins to.
    fn run_ended_closely(&mut self, seat: u32, handled: u32, left: u32) {
        let data = self.post.data(seat);
        let (batch, id) = (data.batch, ActorId { seat, tenant: data.tenant });
        if self.watched {
            self.show(&Event::RunEnded { actor: id, handled, full: handled >= batch });
        }
        let data = self.post.data(seat);
        if data.load.is_muted() {
            return;
        }
        if let Some(event) = data.detector().run_ended(handled, batch, left) {
            let _ = self.change(seat, event);
        }
        // An overloaded actor always gets another run: only the end of one can say that it has caught up (R4).
        if left > 0 || self.post.data(seat).load.has(Load::OVERLOADED) {
            self.schedule(seat);
        } else {
            self.post.data_mut(seat).busy = false;
        }
    }

    /// The next message of the running actor. Its run's quota says that there is one.
    #[inline]
    pub(crate) fn next_message<M: Debug + Send + 'static>(&mut self, seat: u32) -> M {
        let popped = self.post.desk(seat).map(|mut desk| desk.pop::<M>());
        let Some(Ok(Some(message))) = popped else { no_message(seat, std::any::type_name::<M>()) };
        self.handled += 1;
        if self.watched {
            self.show_handling(&message);
        }
        message
    }

    /// A behaviour has ended. True if its run has to end with it (R3).
    #[inline]
    pub(crate) fn behaviour_ended(&mut self) -> bool {
        self.attention && self.settle()
    }

    #[cold]
    fn settle(&mut self) -> bool {
        if self.watched {
            self.show(&Event::Handled { actor: self.running });
        }
        self.handling = None;
        self.collect_dropped_guards();
        let muted = !self.pending.is_empty() && !self.stopping && self.settle_marks();
        self.pending.clear();
        self.attention = self.watched || self.live_guards > 0;
        muted || self.stopping || self.failure.is_some()
    }

    pub(crate) fn stop_running(&mut self) {
        self.stopping = true;
        self.attention = true;
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
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
        let by_depth = detector != Detector::Batch;
        let mut data = Seat {
            body,
            tenant: 0,
            load: Load::IDLE,
            busy: false,
            by_depth,
            batch: plan.batch.unwrap_or(self.config.batch),
            watermark: 0,
            peak: 0,
            created,
            sent: 0,
            handled: 0,
            parent,
            nth,
            children: 0,
            label: plan.label,
            more: by_depth.then(|| Box::new(More { detector: Some(detector), ..More::default() })),
        };
        let id = match self.vacant.pop() {
            Some(seat) => {
                data.tenant = self.post.data(seat).tenant;
                let tenant = data.tenant;
                *self.post.data_mut(seat) = data;
                ActorId { seat, tenant }
            }
            None => ActorId { seat: self.post.add(data), tenant: 0 },
        };
        self.totals.spawned += 1;
        if self.watched {
            self.show_spawn(id, plan.place);
        }
        id
    }

    fn count_child(&mut self, parent: ActorId) -> u32 {
        let Some(desk) = self.post.desk(parent.seat) else { return 0 };
        let nth = desk.data.children;
        desk.data.children += 1;
        nth
    }

    #[cold]
    fn too_many(&mut self, plan: &Plan) -> ActorId {
        let limit = self.config.max_actors;
        let name = plan.label.to_string();
        self.fail(Failure::TooManyActors { limit, name, place: plan.place });
        // Nobody ever has this seat: what is sent there until the run ends is a dead letter.
        ActorId { seat: u32::MAX, tenant: u32::MAX }
    }

    /// R8: the actor falls, its marks and those on it go, its mailbox becomes dead letters. Its body is the caller's.
    pub(super) fn end(&mut self, seat: u32, why: End) {
        let id = self.id_of(seat);
        self.show(&Event::Ended { actor: id, why });
        let _ = self.change(seat, rules::Event::Stop);
        self.marks.forget(seat);
        let data = self.post.data_mut(seat);
        // From here on its addresses lead nowhere, whatever runs below.
        data.tenant += 1;
        data.busy = true;
        let more = data.more.take();
        // `main` was allowed for beside the limit: its end makes no room.
        self.living -= u32::from(id != ActorId::MAIN);
        self.outsiders.remove(&seat);
        if let Some(contacts) = &mut self.contacts {
            contacts.forget(id);
        }
        if let Some(more) = more {
            self.end_more(*more);
        }
        if id.tenant < u32::MAX - 1 {
            self.vacant.push(seat);
        }
        // Last, because messages may panic as they are dropped: nobody else is to miss this end for that.
        self.empty_mailbox(id);
    }

    fn end_more(&mut self, more: More) {
        self.live_guards -= more.guards.len();
        more.timers.into_iter().for_each(|timer| self.timers.remove(timer));
        for mut outside in more.outside {
            outside.ended();
            // What an inlet took and nobody has seen yet is a dead letter like the rest (R1).
            outside.take_over().into_iter().for_each(|deliver| deliver(self));
        }
        more.watchers.into_iter().for_each(|watcher| watcher(self));
    }

    /// Everything that still waits for an actor that has ended becomes a dead letter.
    pub(super) fn empty_mailbox(&mut self, id: ActorId) {
        let Single { post, observer, dead_letters, totals, now, .. } = self;
        let mut look = |message: &dyn Debug| {
            totals.dead += 1;
            show_to(observer, *now, &Event::DeadLetter { from: None, to: id, message });
            if let Some(hook) = dead_letters {
                hook(id, message);
            }
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
        self.seat_of(id).map_or_else(|| format!("an actor that has ended ({id})"), |s| format!("{}{id}", s.label))
    }

    pub(crate) fn label_of(&self, id: ActorId) -> Option<Label> {
        self.seat_of(id).map(|seat| seat.label.clone())
    }

    pub(crate) fn batch_of(&self, id: ActorId) -> u32 {
        self.seat_of(id).map_or(self.config.batch, |seat| seat.batch)
    }

    /// The running actor's own stream of random numbers.
    pub(crate) fn random(&mut self) -> &mut Random {
        let seed = self.config.seed;
        let data = self.post.data_mut(self.running.seat);
        let created = data.created;
        data.more().random.get_or_insert_with(|| Random::of_actor(seed, created))
    }

    // --- Main, and the end ----------------------------------------------------------------------------------------

    /// Takes the seat of `main`, which runs until [`Single::main_ended`].
    pub(crate) fn main_began(&mut self, place: Place) {
        let plan = Plan { label: Label::named("main"), batch: None, detector: None, place };
        self.running = self.spawn(None, plan);
        self.post.data_mut(0).busy = true;
        self.in_run = true;
    }

    /// `main` is over: it is an actor like any other, so its pressure ends with it (R8).
    pub(crate) fn main_ended(&mut self) {
        self.stop_running();
        self.behaviour_ended();
        self.run_ended(0, &mut None);
    }

    /// The running actor panicked, with this payload; its body is in the caller's hands.
    pub(crate) fn panicked(&mut self, payload: String) {
        let actor = self.running;
        let in_run = std::mem::take(&mut self.in_run);
        let alive = self.seat_of(actor).is_some();
        // Code that runs in no behaviour, as a timer's closure or an observer: no actor's end would mend it.
        let outside = self.lost_observer() || alive && !in_run;
        let failure = Failure::Panicked {
            actor,
            name: self.label_of(actor).map_or_else(|| "an actor that was ending".into(), |l| l.to_string()),
            message: if outside { "nothing: it was in no behaviour".into() } else { self.message_in_hand() },
            place: (self.config.panic_place)(),
            payload,
        };
        self.stopping = false;
        self.handling = None;
        self.pending.clear();
        self.totals.panics += 1;
        if self.config.end_on_panic || outside {
            self.fail(failure);
        }
        self.count_run(actor.seat);
        match () {
            () if outside => return,
            () if alive => self.end(actor.seat, End::Panicked),
            // The rest of its mailbox; unless the seat has its next tenant already.
            () if self.post.data(actor.seat).is_empty() => self.empty_mailbox(actor),
            () => {}
        }
        self.collect_dropped_guards();
    }

    /// Takes the next living actor out, for the end of the runtime; its body is the caller's to drop.
    pub(crate) fn dismantle(&mut self) -> Option<Option<Box<dyn Body>>> {
        let seat = (self.dismantled..self.post.seats()).find(|seat| !self.post.data(*seat).is_empty())?;
        self.dismantled = seat;
        self.running = self.id_of(seat);
        let body = self.post.data_mut(seat).body.take();
        self.end(seat, End::Shutdown);
        Some(body)
    }
}

#[cold]
fn no_message(seat: u32, wanted: &str) -> ! {
    panic!(
        "a run's quota says that seat {seat} has a message of type {wanted}, and its mailbox has not: a bug in backwater"
    )
}
