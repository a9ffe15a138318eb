//! Birth and death of actors on one thread (R8); `main`, panics, and the end of the runtime.
//!
//! Not here: the table that seats are in (`mailbox::Post`), and when a body is dropped: that is the caller's, outside the
//! scheduler.

use super::random::Random;
use super::seat::{More, Name, Plan, Seat};
use super::single::{Bodies, Body, Failure, Single};
use super::touch::{Access, Object};
use crate::event::{ActorId, End, Event, Place};
use crate::faults::{Fault, planted};
use crate::rules;
use std::fmt::Debug;
use std::mem;

impl Single {
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
        let id = match self.vacant.pop() {
            Some(seat) => {
                let data = self.post.data_mut(seat);
                data.blank();
                ActorId { seat, tenant: data.tenant }
            }
            None => ActorId { seat: self.post.add(Seat::BLANK), tenant: 0 },
        };
        self.post.data_mut(id.seat).settle(plan.name, batch, detector, created);
        if let Some(body) = body {
            self.newborn.push((id.seat, body));
            self.settled = true;
        }
        self.totals.spawned += 1;
        if self.watch.on {
            if let Some(script) = &mut self.script {
                script.born(id.seat);
                script.touch(Object::Births, Access::Write);
            }
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
        self.fail(Failure::TooManyActors { by: self.running, limit, name, place: plan.place });
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
        if let Some(script) = &mut self.script {
            script.ended(seat);
        }
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

    fn end_more(&mut self, mut more: More) {
        self.live_guards -= more.guards.len();
        mem::take(&mut more.timers).into_iter().for_each(|timer| self.remove_timer(timer));
        more.end(&mut self.core());
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
            // The rest of its mailbox. Its seat is nobody's yet: only whoever runs creates actors, and that is this one.
            () => self.empty_mailbox(actor),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As if it had had so many tenants before.
    fn with_tenant(core: &mut Single, tenant: u32) -> ActorId {
        let id = core.another();
        core.post.data_mut(id.seat).tenant = tenant;
        ActorId { tenant, ..id }
    }

    #[test]
    fn a_seat_whose_numbers_run_out_is_used_no_more() {
        let mut core = Single::plain();
        let [last, before] = [u32::MAX - 1, u32::MAX - 2].map(|tenant| with_tenant(&mut core, tenant));
        core.end(last.seat, End::Stopped);
        assert!(core.vacant.is_empty());
        core.end(before.seat, End::Stopped);
        assert_eq!(core.vacant, [before.seat]);
        assert_eq!(core.another(), ActorId { seat: before.seat, tenant: u32::MAX - 1 });
    }

    #[test]
    fn under_the_checker_no_seat_is_used_again() {
        let mut core = Single::plain();
        core.write_script(false, false);
        let id = core.another();
        core.end(id.seat, End::Stopped);
        assert!(core.vacant.is_empty() && core.another().seat == id.seat + 1);
    }

    #[test]
    fn only_a_living_actor_has_its_seat() {
        let mut core = Single::plain();
        let [one, other] = [(); 2].map(|()| core.another());
        core.end(other.seat, End::Stopped);
        let has = |seat, tenant| core.seat_of(ActorId { seat, tenant }).is_some();
        assert_eq!(
            [has(one.seat, 0), has(one.seat, 1), has(other.seat, 0), has(other.seat, 1)],
            [true, false, false, false]
        );
        assert_eq!([core.post.seats(), u32::MAX].map(|seat| has(seat, 0)), [false, false]);
    }

    /// `main` was allowed for beside the limit of ten.
    #[test]
    fn an_end_makes_room_for_one_and_ends_all_its_guards() {
        let mut core = Single::plain();
        let ids: Vec<ActorId> = (0..9).map(|_| core.another()).collect();
        assert_eq!(core.another().seat, u32::MAX);
        core.failure = None;
        for id in &ids[..2] {
            core.running = *id;
            (0..3).for_each(|_| drop(core.hold(std::panic::Location::caller())));
        }
        core.drop_guard(ids[0], 1);
        assert_eq!((core.living, core.live_guards), (10, 5));
        core.end(ids[0].seat, End::Stopped);
        assert_eq!((core.living, core.live_guards), (9, 3));
        assert_eq!(core.another(), ActorId { seat: ids[0].seat, tenant: 1 });
        core.end(0, End::Stopped);
        assert_eq!((core.living, core.another().seat), (10, u32::MAX));
    }
}
