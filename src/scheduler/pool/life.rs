//! Birth and death of actors on many threads, and what is tied to an actor from outside (R8, R9).
//!
//! **Why what is put on an actor that ends is not lost.** Whoever attaches something makes the actor's [`Rare`] part,
//! puts it there, and then looks at the word by an exchange; the end sets `STOPPED` by an exchange and then looks for the
//! rare part. The two exchanges have an order: either the end finds what was put, or who put it finds `STOPPED`, and
//! takes it back unless the end was faster.
#![expect(unsafe_code, reason = "a seat is its owner's: of the worker that made, ran or ended its actor")]

use super::super::seat::{More, Name, Plan};
use super::super::single::{Body, Delivery, Failure, Outside};
use super::shared::SEATS_IN_A_BLOCK;
use super::slot::{BY_DEPTH, NAMED, PINNED, Rare};
use super::worker::Worker;
use crate::event::{ActorId, End, Event, Place};
use crate::faults::{Fault, planted};
use crate::mailbox::Tray;
use crate::rules::{self, Detector};
use crate::scheduler::Random;
use crate::sync::{Mutex, Ordering, SHIPS, lock};
use std::fmt::Debug;
use std::mem;

/// Seats whose tenants have ended wait until there are so many; then they ask for grace together.
const GRACE_FOR: usize = if SHIPS { 64 } else { 2 };

impl Worker {
    // --- Birth ----------------------------------------------------------------------------------------------------

    /// A new actor, the next child of the running one.
    pub(crate) fn spawn(&mut self, body: Option<Box<dyn Body>>, plan: Plan) -> ActorId {
        if self.shared.is_limited() && !self.shared.admit() {
            return self.too_many(&plan);
        }
        let (parent, nth, lineage) = self.next_child();
        let seat = self.new_seat();
        let detector = plan.detector.unwrap_or(self.shared.config.detector);
        let batch = plan.batch.unwrap_or(self.shared.config.batch);
        let by_depth = if detector == Detector::Batch { 0 } else { BY_DEPTH };
        let traits = by_depth | if plan.name.is_given() { NAMED } else { 0 } | if plan.pinned { PINNED } else { 0 };
        let name = if self.shared.watched { Some(plan.name.clone()) } else { None };
        let slot = self.shared.table.slot(seat);
        // SAFETY: vacant, and this worker's.
        unsafe { slot.settle(traits, batch, plan.name, body) };
        if slot.is_vacant() {
            slot.word.renew();
        }
        slot.lineage.store(lineage, Ordering::Relaxed);
        if by_depth > 0 {
            slot.with_rare(|rare| rare.more.detector = Some(detector));
        }
        let id = ActorId { seat, tenant: slot.tenant.load(Ordering::Relaxed) };
        self.tally().spawned.add(1);
        if let Some(name) = name {
            let name = name.as_str();
            let born = Event::Spawned { actor: id, parent, nth, name, place: plan.place };
            self.in_order(|worker| worker.shared.show(&born));
        }
        id
    }

    /// The running actor, which of its children the next is, and that one's lineage.
    fn next_child(&mut self) -> (ActorId, u32, u64) {
        let parent = self.running;
        let Some(slot) = self.shared.table.get(parent.seat) else { return (parent, 0, 0) };
        let nth = slot.children.load(Ordering::Relaxed);
        slot.children.store(nth + 1, Ordering::Relaxed); // written by the owner alone
        (parent, nth, Random::child(slot.lineage.load(Ordering::Relaxed), nth))
    }

    fn new_seat(&mut self) -> u32 {
        if self.vacant.is_empty() {
            self.end_grace();
        }
        let seat = self.vacant.pop().or_else(|| self.fresh.next()).unwrap_or_else(|| {
            let first = self.shared.more_seats();
            self.fresh = first + 1..first + SEATS_IN_A_BLOCK;
            first
        });
        let created = self.shared.next_created(&mut self.numbers);
        self.shared.table.slot(seat).created.store(created, Ordering::Relaxed);
        seat
    }

    #[cold]
    fn too_many(&mut self, plan: &Plan) -> ActorId {
        let limit = self.shared.config.max_actors;
        let name = plan.name.to_string();
        self.fail(Failure::TooManyActors { by: self.running, limit, name, place: plan.place });
        // Nobody ever has this seat: what is sent there until the run ends is a dead letter.
        ActorId { seat: u32::MAX, tenant: u32::MAX }
    }

    // --- Death (R8) -------------------------------------------------------------------------------------------------

    /// The running actor stops.
    pub(super) fn stop(&mut self, seat: u32) {
        self.put_back(seat);
        self.end(seat, End::Stopped);
    }

    /// R8: the actor falls, its marks and those on it go, its mailbox becomes dead letters, its body is dropped.
    pub(super) fn end(&mut self, seat: u32, why: End) {
        let id = self.id_of(seat);
        self.in_order(|worker| {
            worker.shared.show(&Event::Ended { actor: id, why });
            let _ = worker.change(seat, rules::Event::Stop);
        });
        lock(&self.shared.berths[self.index].marks).forget(seat);
        let slot = self.shared.table.slot(seat);
        // From here on its addresses lead nowhere, whatever runs below.
        slot.tenant.store(id.tenant.wrapping_add(1), Ordering::Release); // pairs with the load in `living`
        let (sent, handled) = (slot.sent.take(), slot.handled.take());
        self.tally().sent.add(sent);
        self.tally().handled.add(handled);
        // `main` was allowed for beside the limit: its end makes no room.
        if self.shared.is_limited() && id != ActorId::MAIN {
            self.shared.dismiss();
        }
        lock(&self.shared.outsiders).remove(&seat);
        if let Some(contacts) = &mut lock(&self.shared.watch).contacts {
            contacts.forget(id);
        }
        if id.tenant < u32::MAX - 1 {
            self.ended.push(seat);
        }
        // What may panic comes last: nobody else is to miss this end for that. Each of these is gone even if it does.
        if let Some(rare) = self.shared.table.slot(seat).rare() {
            let more = close(&mut lock(rare));
            if planted(Fault::RareEndsWithActor) {
                // SAFETY: none: this is the fault.
                unsafe { self.shared.table.slot(seat).forget_rare() };
            }
            self.end_more(more);
        }
        self.empty_mailbox(id);
        // SAFETY: this worker ran the actor, or nobody runs any.
        let body = unsafe { self.shared.table.slot(seat).own(|own| own.body.take()) };
        drop(body);
    }

    fn end_more(&mut self, mut more: More) {
        mem::take(&mut more.timers).into_iter().for_each(|timer| self.remove_timer(timer));
        more.end(&mut self.core());
    }

    /// Everything that still waits for an actor that has ended becomes a dead letter.
    pub(super) fn empty_mailbox(&mut self, id: ActorId) {
        if !self.is_in_run() {
            self.running = id; // whoever is to blame if a message panics as it is dropped
        }
        let Worker { shared, nodes, index, .. } = self;
        let slot = shared.table.slot(id.seat);
        let look = |message: &dyn Debug| {
            shared.berths[*index].tally.dead.add(1);
            lock(&shared.watch).dead_letter(None, id, message);
        };
        loop {
            // SAFETY: this worker ran the actor, or nobody runs any. Taken out, because a message may panic as it drops,
            // and leave the rest for the next call.
            unsafe { slot.own(|own| own.tray.take_in(&slot.inbox)) };
            // SAFETY: as above.
            if !unsafe { slot.own(|own| own.tray.discard(nodes, look)) } {
                return;
            }
        }
    }

    // --- Seats are used again ---------------------------------------------------------------------------------------

    /// Between two runs: seats whose tenants have ended are on their way to their next ones.
    pub(super) fn retire(&mut self) {
        self.end_grace();
        if self.retiring.is_none() && self.ended.len() >= GRACE_FOR {
            self.retiring = Some((self.shared.hall.ask_grace(), mem::take(&mut self.ended)));
        }
    }

    /// If everybody has been between two behaviours since: nobody is about to put anything into these mailboxes.
    fn end_grace(&mut self) {
        if let Some((grace, _)) = &self.retiring
            && self.shared.hall.has_grace(*grace)
        {
            let (_, seats) = self.retiring.take().expect("it was there a line ago");
            self.clearing.extend(seats);
        }
        // One at a time: a message may panic as it is dropped, and the rest is for the next call.
        while let Some(seat) = self.clearing.pop() {
            let slot = self.shared.table.slot(seat);
            let tenant = slot.tenant.load(Ordering::Relaxed).wrapping_sub(1);
            self.empty_mailbox(ActorId { seat, tenant });
            let slot = self.shared.table.slot(seat);
            // SAFETY: vacant and this worker's; everybody has been between two behaviours since its tenant ended.
            unsafe { slot.forget_rare() };
            if slot.inbox.rest() {
                self.vacant.push(seat);
            }
        }
    }

    // --- Main, panics, the end --------------------------------------------------------------------------------------

    /// Takes the seat of `main`, which runs until [`Worker::main_ended`].
    pub(crate) fn main_began(&mut self, place: Place) {
        let plan = Plan { name: Name::given("main"), batch: None, detector: None, pinned: true, place };
        self.running = self.spawn(None, plan);
        debug_assert!(self.running == ActorId::MAIN, "nobody is created before `main`");
        self.shared.show(&Event::RunsOn { actor: ActorId::MAIN, worker: self.index as u32 });
        self.shared.table.slot(0).inbox.wake();
        self.tray = Tray::new(1);
        self.record(|tape| tape.run_began(ActorId::MAIN, 0, 0));
        self.closely = self.shared.watched;
    }

    /// `main` is over: it is an actor like any other, so its pressure ends with it (R8).
    pub(crate) fn main_ended(&mut self) {
        self.stop_running();
        self.behaviour_ended();
        self.shared.table.slot(0).sent.add(mem::take(&mut self.sent));
        self.run_settled(0);
    }

    /// User code panicked, with this payload: the running actor ends. Code in no behaviour, as a timer's closure or an
    /// observer, ends the run: no actor's end would mend it.
    pub(crate) fn panicked(&mut self, payload: String, in_behaviour: bool) {
        let actor = self.running;
        let alive = self.shared.living(actor).is_some();
        // Between two runs the actor is not this worker's any more, perhaps another's.
        let runs = in_behaviour && self.is_in_run();
        let outside = lock(&self.shared.watch).lost_observer() || alive && !runs;
        let failure = self.failure_of(actor, alive, outside, payload);
        self.stopping = false;
        self.ordering = false;
        self.handling = None;
        self.pending.clear();
        self.falling.clear();
        self.tally().panics.add(1);
        if self.shared.config.end_on_panic || outside {
            self.fail(failure);
        }
        let (sent, handled) = (mem::take(&mut self.sent), mem::take(&mut self.handled));
        self.settled = false;
        if runs {
            let slot = self.shared.table.slot(actor.seat);
            slot.sent.add(sent);
            slot.handled.add(u64::from(handled));
            self.put_back(actor.seat);
        }
        match () {
            () if outside => {}
            () if alive => self.end(actor.seat, End::Panicked),
            // The rest of its mailbox; its seat has no other tenant yet.
            () => self.end_rest(actor),
        }
        self.collect_dropped_guards();
    }

    fn failure_of(&self, actor: ActorId, alive: bool, outside: bool, payload: String) -> Failure {
        // SAFETY: it lives, and this worker runs it.
        let name = alive.then(|| unsafe { self.shared.table.slot(actor.seat).name() });
        Failure::Panicked {
            actor,
            name: name.map_or_else(|| "an actor that was ending".into(), |name| name.to_string()),
            message: if outside { "nothing: it was in no behaviour".into() } else { self.message_in_hand() },
            place: (self.shared.config.panic_place)(),
            payload,
        }
    }

    fn end_rest(&mut self, actor: ActorId) {
        let Some(slot) = self.shared.table.get(actor.seat) else { return };
        if slot.tenant.load(Ordering::Relaxed) == actor.tenant.wrapping_add(1) && slot.is_vacant() {
            self.empty_mailbox(actor);
            // SAFETY: this worker ended it, and its seat has no other tenant yet.
            let body = unsafe { self.shared.table.slot(actor.seat).own(|own| own.body.take()) };
            drop(body);
        }
    }

    /// Driver only, when all other workers are gone: ends the next living actor, for the end of the runtime. False if
    /// there was none.
    pub(crate) fn dismantle(&mut self) -> bool {
        let seats = self.dismantled..self.shared.table.seats();
        let Some(seat) = seats.into_iter().find(|seat| self.shared.table.lives(*seat)) else { return false };
        self.dismantled = seat;
        self.running = self.id_of(seat);
        self.shared.table.slot(seat).inbox.wake();
        self.end(seat, End::Shutdown);
        true
    }

    // --- What is tied to an actor from outside ----------------------------------------------------------------------

    /// Ties something outside the runtime to an actor: it hears of its pressure and keeps the runtime alive (R9).
    pub(crate) fn attach(&mut self, id: ActorId, mut outside: Box<dyn Outside>) {
        let Some(slot) = self.shared.living(id) else { return outside.ended() };
        slot.with_rare(|rare| {
            outside.pressing(slot.word.look().load().is_pressing());
            rare.more.outside.push(outside);
        });
        // After the push: the driver takes away a seat that has nothing, see `take_over`.
        lock(&self.shared.outsiders).insert(id.seat);
        self.tell_outside(id.seat);
        self.take_back_if_ended(id);
        self.shared.bell.ring();
    }

    /// Calls `notice` when the actor ends, or now if it has.
    pub(crate) fn watch(&mut self, id: ActorId, notice: Delivery) {
        let Some(slot) = self.shared.living(id) else { return notice(&mut self.core()) };
        slot.with_rare(|rare| rare.more.watchers.push(notice));
        self.take_back_if_ended(id);
    }

    /// Something was put on an actor that may be ending at this moment: see the module.
    fn take_back_if_ended(&mut self, id: ActorId) {
        let slot = self.shared.table.slot(id.seat);
        if !slot.word.meet().load().has(rules::Load::STOPPED) {
            return;
        }
        lock(&self.shared.outsiders).remove(&id.seat);
        let more = slot.with_rare(close);
        self.end_more(more);
    }

    /// Takes over what came in from outside, in the order of seats, and forgets what is outside no longer.
    pub(crate) fn take_over(&mut self) {
        let seats: Vec<u32> = lock(&self.shared.outsiders).iter().copied().collect();
        for seat in seats {
            self.running = self.id_of(seat);
            let Some(rare) = self.shared.table.slot(seat).rare() else { continue };
            let (came, over) = take_over(&mut lock(rare));
            self.forget_bare(seat, rare);
            drop(over);
            came.into_iter().for_each(|deliver| deliver(&mut self.core()));
        }
    }

    /// Under the lock of the list, so that who attaches something now enters the seat after this.
    fn forget_bare(&self, seat: u32, rare: &Mutex<Rare>) {
        let mut outsiders = lock(&self.shared.outsiders);
        if lock(rare).more.outside.is_empty() {
            outsiders.remove(&seat);
        }
    }

    // --- Names and chance -------------------------------------------------------------------------------------------

    /// The name of the running actor, which is an `A`.
    #[inline(always)]
    pub(crate) fn my_name<A>(&self) -> Name {
        let slot = self.shared.table.slot(self.running.seat);
        if !slot.has(NAMED) {
            return Name::of_type::<A>();
        }
        // SAFETY: it runs, on this worker.
        unsafe { slot.name() }
    }

    pub(crate) fn batch_of(&self, _me: ActorId) -> u32 {
        self.tray.beside
    }

    /// The running actor's own stream of random numbers.
    pub(crate) fn random(&mut self, with: impl FnOnce(&mut Random) -> u64) -> u64 {
        let slot = self.shared.table.slot(self.running.seat);
        let (seed, lineage) = (self.shared.config.seed, slot.lineage.load(Ordering::Relaxed));
        slot.with_rare(|rare| with(rare.more.random.get_or_insert_with(|| Random::of_actor(seed, lineage))))
    }
}

/// Nothing more is put on this actor; what was there.
fn close(rare: &mut Rare) -> More {
    rare.ended = true;
    mem::take(&mut rare.more)
}

type Over = Vec<Box<dyn Outside>>;

fn take_over(rare: &mut Rare) -> (Vec<Delivery>, Over) {
    let outside = &mut rare.more.outside;
    let came = outside.iter_mut().flat_map(|outside| outside.take_over()).collect();
    (came, outside.extract_if(.., |outside| outside.is_over()).collect())
}
