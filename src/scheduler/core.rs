//! What stands behind a [`Context`](crate::actor::Context): the scheduler that runs this behaviour, whichever it is.
//!
//! A `Core` is a borrow, made anew for each call: two words, the first of which says which scheduler the second leads
//! to. So one and the same user code runs on each, and so do the closures that put something into a mailbox later
//! ([`Delivery`], [`Tick`]). It decides and keeps nothing; all methods are those of the scheduler behind it, and are
//! documented there.
//!
//! The hot methods ask one question, "is it the single scheduler, and does nobody watch?", and only that answer is
//! inlined into user code. So the others cost the single scheduler nothing: without them it would have to ask whether it
//! is watched. Of a worker's sends the part is inlined that writes the message into its node; and it runs an actor by a loop
//! of its own ([`Body::run_on`]), so a `Core` is not asked there.

use super::event_loop::EventLoop;
use super::pool::Worker;
use super::pressure::GuardDrops;
use super::record::Obstacle;
use super::seat::{Name, Plan};
use super::single::{Body, Delivery, Failure, Outside, Single};
use super::standing::WhyNotRunning;
use super::timers::{Tick, TimerId};
use super::{ActorStats, Bell, Promise, Random, Stall, Stats};
use crate::event::{ActorId, Lane, Place};
use crate::sync::Arc;
use std::fmt::Debug;
use std::time::Duration;

/// The scheduler that runs the behaviour in progress.
pub(crate) enum Core<'a> {
    /// The deterministic one, unwatched.
    Single(&'a mut Single),
    /// The deterministic one, and somebody wants to see every event, or has effects written down.
    Watched(&'a mut Single),
    /// One thread of a pool.
    Worker(&'a mut Worker),
}

/// The same call to whichever scheduler it is.
macro_rules! each {
    ($core:expr, $scheduler:ident => $call:expr) => {
        match $core {
            Core::Single($scheduler) | Core::Watched($scheduler) => $call,
            Core::Worker($scheduler) => $call,
        }
    };
}

impl Core<'_> {
    /// The same for a shorter time.
    #[inline(always)]
    pub(crate) fn again(&mut self) -> Core<'_> {
        match self {
            Core::Single(single) => Core::Single(single),
            Core::Watched(single) => Core::Watched(single),
            Core::Worker(worker) => Core::Worker(worker),
        }
    }

    /// The single scheduler, which a checker may stand behind.
    fn single(&mut self) -> Option<&mut Single> {
        match self {
            Core::Single(core) | Core::Watched(core) => Some(core),
            Core::Worker(_) => None,
        }
    }

    // --- Messages -------------------------------------------------------------------------------------------------

    #[inline(always)]
    pub(crate) fn send<M: Debug + Send + 'static>(&mut self, to: ActorId, lane: Lane, message: M, place: Place) {
        match self {
            Core::Single(core) => core.send(to, lane, message),
            Core::Worker(core) => {
                let parcel = core.parcel(message);
                core.send(parcel, to, lane, place);
            }
            Core::Watched(_) => self.again().send_far(to, lane, message, place),
        }
    }

    #[inline(never)]
    fn send_far<M: Debug + Send + 'static>(self, to: ActorId, lane: Lane, message: M, place: Place) {
        let (Core::Single(core) | Core::Watched(core)) = self else { unreachable!("a worker's sends are inlined") };
        match () {
            () if core.is_checked() => core.write_send(to, lane, message, place),
            () if core.is_replaying() => core.send_again(to, lane, message, place),
            () => core.send_watched(to, lane, message, place),
        }
    }

    #[inline(always)]
    pub(crate) fn send_self<M: Debug + Send + 'static>(&mut self, message: M, place: Place) {
        match self {
            Core::Single(core) => core.send_self(message),
            Core::Worker(core) => {
                let parcel = core.parcel(message);
                core.send_self(parcel, place);
            }
            Core::Watched(_) => self.again().send_self_far(message, place),
        }
    }

    #[inline(never)]
    fn send_self_far<M: Debug + Send + 'static>(self, message: M, place: Place) {
        let (Core::Single(core) | Core::Watched(core)) = self else { unreachable!("a worker's sends are inlined") };
        match () {
            () if core.is_checked() => core.write_send(core.running, Lane::Ordinary, message, place),
            () if core.is_replaying() => core.send_again(core.running, Lane::Ordinary, message, place),
            () => core.send_self_watched(message, place),
        }
    }

    pub(crate) fn deliver<M: Debug + Send + 'static>(&mut self, to: ActorId, message: M) {
        match self {
            Core::Watched(core) if core.is_replaying() => core.deliver_again(to, message),
            _ => each!(self, core => core.deliver(to, message)),
        }
    }

    #[inline(always)]
    pub(crate) fn next_message<M: Debug + Send + 'static>(&mut self, seat: u32, nth: u32) -> M {
        match self {
            Core::Single(core) => core.next_message(seat, nth),
            _ => self.again().next_message_far(seat, nth),
        }
    }

    #[inline(never)]
    fn next_message_far<M: Debug + Send + 'static>(self, seat: u32, nth: u32) -> M {
        match self {
            Core::Single(core) | Core::Watched(core) => core.next_message_watched(seat, nth),
            Core::Worker(_) => unreachable!("a worker's loop asks the worker itself"),
        }
    }

    #[inline(always)]
    pub(crate) fn behaviour_ended(&mut self) -> bool {
        each!(self.again(), core => core.behaviour_ended())
    }

    // --- Life -----------------------------------------------------------------------------------------------------

    pub(crate) fn spawn(&mut self, body: Option<Box<dyn Body>>, plan: Plan) -> ActorId {
        match self {
            Core::Watched(core) if core.is_replaying() => core.spawn_again(body, plan),
            Core::Worker(core) if core.is_recording() => core.spawn_recorded(body, plan),
            _ => each!(self, core => core.spawn(body, plan)),
        }
    }

    pub(crate) fn stop_running(&mut self) {
        each!(self, core => core.stop_running());
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        each!(self, core => core.fail(failure));
    }

    pub(crate) fn watch(&mut self, id: ActorId, notice: Delivery) {
        if self.is_named() {
            let nth = self.next_own().1;
            let named = move |core: &mut Core<'_>| {
                core.comes_from(nth);
                notice(core);
            };
            return each!(self, core => core.watch(id, Box::new(named)));
        }
        each!(self, core => core.watch(id, notice));
    }

    // --- Pressure -------------------------------------------------------------------------------------------------

    pub(crate) fn apply(&mut self, place: Place) {
        each!(self, core => core.apply(place));
    }

    pub(crate) fn release(&mut self, place: Place) {
        each!(self, core => core.release(place));
    }

    pub(crate) fn hold(&mut self, place: Place) -> (u64, Arc<GuardDrops>) {
        each!(self, core => core.hold(place))
    }

    pub(crate) fn is_under_pressure(&mut self) -> bool {
        match self {
            Core::Watched(core) if core.is_replaying() => core.is_under_pressure_again(),
            Core::Worker(core) => {
                let is = core.is_under_pressure();
                core.record(|tape| tape.pressed(is));
                is
            }
            _ => each!(self, core => core.is_under_pressure()),
        }
    }

    // --- Time, chance, the checker ----------------------------------------------------------------------------------

    pub(crate) fn now(&self) -> Duration {
        match self {
            Core::Watched(core) if core.is_replaying() => core.now_again(),
            Core::Worker(core) => {
                let now = core.now();
                core.record_at(now, |tape, now| tape.time(now));
                now
            }
            _ => each!(self, core => core.now()),
        }
    }

    pub(crate) fn set_timer(&mut self, delay: Duration, period: Option<Duration>, tick: Tick) -> TimerId {
        match self {
            Core::Watched(core) if core.is_replaying() => core.set_timer_again(delay, period, tick),
            Core::Worker(core) => {
                let (now, id) = (core.now(), core.set_timer(delay, period, tick));
                core.record_at(now, |tape, now| tape.timer(id.0, now));
                id
            }
            _ => each!(self, core => core.set_timer(delay, period, tick)),
        }
    }

    /// The checker tells states apart: see `Single::tick_is`.
    pub(crate) fn takes_prints(&self) -> bool {
        matches!(self, Core::Single(core) | Core::Watched(core) if core.takes_prints())
    }

    pub(crate) fn tick_is(&mut self, print: u128) {
        if let Some(core) = self.single() {
            core.tick_is(print);
        }
    }

    pub(crate) fn cancel_timer(&mut self, id: TimerId) -> bool {
        match self {
            Core::Watched(core) if core.is_replaying() => core.cancel_timer_again(id),
            Core::Worker(core) => {
                let in_time = core.cancel_timer(id);
                core.record(|tape| tape.cancelled(in_time));
                in_time
            }
            _ => each!(self, core => core.cancel_timer(id)),
        }
    }

    pub(crate) fn random(&mut self, with: impl FnOnce(&mut Random) -> u64) -> u64 {
        match self {
            Core::Watched(core) if core.is_replaying() => core.random_again(with),
            _ => each!(self, core => core.random(with)),
        }
    }

    pub(crate) fn choose(&mut self, n: u64) -> Option<u64> {
        self.single().and_then(|core| core.choose(n))
    }

    pub(crate) fn promise(&mut self, label: &'static str, kind: Promise, holds: bool) {
        if let Some(core) = self.single() {
            core.promise(label, kind, holds);
        }
    }

    pub(crate) fn is_checked(&self) -> bool {
        match self {
            Core::Single(core) | Core::Watched(core) => core.is_checked(),
            Core::Worker(_) => false,
        }
    }

    pub(crate) fn looked_at_time(&self) {
        if let Core::Single(core) | Core::Watched(core) = self {
            core.looked_at_time();
        }
    }

    pub(crate) fn looked_at_all(&self) {
        match self {
            Core::Single(core) | Core::Watched(core) => core.looked_at_all(),
            Core::Worker(core) => core.record_obstacle(Obstacle::Counts),
        }
    }

    // --- Recordings -------------------------------------------------------------------------------------------------

    /// Messages have names, because this run is recorded, or replays a recording.
    fn is_named(&self) -> bool {
        match self {
            Core::Watched(core) => core.is_replaying(),
            Core::Worker(core) => core.is_recording(),
            Core::Single(_) => false,
        }
    }

    /// The running actor sets something that the runtime will deliver: which of its timers and watches this is.
    fn next_own(&mut self) -> (ActorId, u32) {
        each!(self, core => core.next_own())
    }

    /// What is delivered next came of this timer or watch.
    fn comes_from(&mut self, nth: u32) {
        match self {
            Core::Single(core) | Core::Watched(core) => core.comes_from_again(nth),
            Core::Worker(core) => core.record(|tape| tape.comes_from(nth)),
        }
    }

    // --- Questions ------------------------------------------------------------------------------------------------

    #[inline(always)]
    pub(crate) fn my_name<A>(&self) -> Name {
        each!(self, core => core.my_name::<A>())
    }

    pub(crate) fn name_of(&self, id: ActorId) -> String {
        each!(self, core => core.name_of(id))
    }

    pub(crate) fn batch_of(&self, id: ActorId) -> u32 {
        each!(self, core => core.batch_of(id))
    }

    pub(crate) fn stats(&self) -> Stats {
        each!(self, core => core.stats())
    }

    pub(crate) fn stats_of(&self, id: ActorId) -> Option<ActorStats> {
        each!(self, core => core.stats_of(id))
    }

    pub(crate) fn why_not_running(&self, id: ActorId) -> WhyNotRunning {
        each!(self, core => core.why_not_running(id))
    }

    pub(crate) fn stall(&self) -> Option<Stall> {
        each!(self, core => core.stall())
    }

    // --- The world ------------------------------------------------------------------------------------------------

    pub(crate) fn bell(&self) -> &Arc<Bell> {
        each!(self, core => core.bell())
    }

    pub(crate) fn attach(&mut self, id: ActorId, outside: Box<dyn Outside>) {
        each!(self, core => core.attach(id, outside));
    }

    #[cfg_attr(not(feature = "net"), expect(dead_code, reason = "only the network puts an event loop in"))]
    pub(crate) fn event_loop<T: EventLoop>(&mut self) -> Option<&mut T> {
        each!(self, core => core.event_loop())
    }

    #[cfg(feature = "net")]
    pub(crate) fn set_event_loop(&mut self, event_loop: Box<dyn EventLoop>) {
        if let Core::Worker(core) = self {
            core.record_obstacle(Obstacle::World);
        }
        each!(self, core => core.set_event_loop(event_loop));
    }
}
