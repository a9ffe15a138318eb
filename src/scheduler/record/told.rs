//! What a replay tells the running behaviour: what it was told as the run was recorded, when it did the same thing. Its
//! sends are held for their runs, and its timers fire as they did.
//!
//! Not here: which run is next, and whether it can begin (`replay`).

use super::format::Entry;
use super::replay::{NOT_THIS, Progress, Replay};
use super::{BadRecording, Name, hash_of_name};
use crate::event::{ActorId, Lane, Place};
use crate::mailbox::Letter;
use crate::rules::{self, Load};
use crate::scheduler::Random;
use crate::scheduler::running::dead_letter;
use crate::scheduler::seat::{self, Plan, Seat};
use crate::scheduler::single::{Body, Single};
use crate::scheduler::timers::{Tick, TimerId, after};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::mem;
use std::time::Duration;

impl Replay {
    /// What the running behaviour was told then, when it did this.
    fn told<T>(&self, does: &str, pick: impl FnOnce(&Entry) -> Option<T>) -> Option<T> {
        let told = &mut *self.told.borrow_mut();
        let mut entries = self.entries(told.at, told.to);
        while told.bad.is_none() && !entries.is_at_end() {
            let at = entries.at;
            let entry = entries.entry();
            if matches!(entry, Ok(Entry::Message(_) | Entry::Own(_))) {
                continue;
            }
            told.at = entries.at;
            let answer = entry.as_ref().ok().and_then(pick);
            if answer.is_none() {
                let why = format!("here the program {does}, and did something else as it was recorded: {NOT_THIS}");
                told.bad = Some(BadRecording::new(at, why));
            }
            return answer;
        }
        let why = || format!("by here the program {does}, and did not as it was recorded: {NOT_THIS}");
        let to = told.to;
        told.bad.get_or_insert_with(|| BadRecording::new(to, why()));
        None
    }

    pub(super) fn can_fire(&self, owner: ActorId, nth: u32) -> bool {
        let due = self.recording.fired.get(&(owner, nth)).is_some_and(|ticks| !ticks.is_empty());
        due && self.timers.contains_key(&(owner, nth))
    }
}

impl Single {
    // --- What behaviours are told -----------------------------------------------------------------------------------

    #[inline(never)]
    pub(in super::super) fn send_again<M: Debug + Send + 'static>(
        &mut self,
        to: ActorId,
        lane: Lane,
        message: M,
        place: Place,
    ) {
        let letter = self.post.draft(message).keep();
        self.hold_sent(letter, to, lane, place);
    }

    fn hold_sent(&mut self, letter: Letter, to: ActorId, lane: Lane, place: Place) {
        let from = self.running;
        let draft = self.post.letter(letter);
        self.watch.send(from, to, lane, &draft.message(), place);
        let letter = draft.keep();
        self.sent += 1;
        self.hold_message(letter, to, Name::sent(from));
    }

    pub(in super::super) fn deliver_again<M: Debug + Send + 'static>(&mut self, to: ActorId, message: M) {
        let letter = self.post.draft(message).keep();
        let draft = self.post.letter(letter);
        self.watch.deliver(to, &draft.message());
        let letter = draft.keep();
        self.totals.delivered += 1;
        // Only what comes from outside has no name, and a recording with such a message is refused.
        let name = self.again().from.take().unwrap_or(Name::own(u32::MAX));
        self.hold_message(letter, to, name);
    }

    fn hold_message(&mut self, letter: Letter, to: ActorId, name: Name) {
        if self.seat_of(to).is_none() {
            let draft = self.post.letter(letter);
            return dead_letter(draft, &mut self.totals, &mut self.watch, name.sender(), to);
        }
        let replay = self.again();
        replay.arrived += 1;
        replay.held.insert((to, name, replay.arrived), letter);
        let progress = replay.actors.entry(to).or_default();
        if progress.missing == Some(name) {
            progress.missing = None;
            replay.work.push_back(to);
        }
    }

    pub(in super::super) fn next_own(&mut self) -> (ActorId, u32) {
        let me = self.running;
        let more = self.post.data_mut(me.seat).more();
        more.timers_set += 1;
        (me, more.timers_set - 1)
    }

    pub(in super::super) fn comes_from_again(&mut self, nth: u32) {
        self.again().from = Some(Name::own(nth));
    }

    pub(in super::super) fn spawn_again(&mut self, body: Option<Box<dyn Body>>, plan: Plan) -> ActorId {
        let name = hash_of_name(&plan);
        let told = self.again().told("creates an actor", |entry| match entry {
            Entry::Spawned { id, name: then } => Some(Some((*id, *then))),
            Entry::TooMany => Some(None),
            _ => None,
        });
        let id = match told {
            Some(None) => return self.too_many(&plan),
            Some(Some((id, then))) if then == name && self.is_free(id) => id,
            Some(Some((id, then))) => {
                let at = self.again().told.borrow().at;
                let why = match then == name {
                    true => format!("`{}` would be {id}, whose seat is taken: {NOT_THIS}", plan.name),
                    false => format!("here the program creates `{}`, where another actor was: {NOT_THIS}", plan.name),
                };
                self.again().is_bad(at, why);
                ActorId { seat: self.post.seats(), tenant: 0 }
            }
            None => ActorId { seat: self.post.seats(), tenant: 0 },
        };
        self.make_seat(id.seat);
        self.vacant.clear();
        self.vacant.push(id.seat);
        let (parent, nth) = (self.running.seat, self.post.data(self.running.seat).children);
        // Which one was too many is in the recording.
        let living = mem::take(&mut self.living);
        let id = self.spawn(body, plan);
        self.living += living;
        let replay = self.again();
        let lineage = Random::child(replay.lineages.get(&parent).copied().unwrap_or(0), nth);
        replay.lineages.insert(id.seat, lineage);
        replay.actors.insert(id, Progress::default());
        replay.work.push_back(id);
        id
    }

    /// Can an actor of this id be created now?
    fn is_free(&self, id: ActorId) -> bool {
        if id.seat >= self.post.seats() {
            return id.tenant == 0;
        }
        let seat = self.post.data(id.seat);
        seat.is_empty() && seat.tenant == id.tenant
    }

    /// Adds vacant seats up to this one.
    fn make_seat(&mut self, seat: u32) {
        while self.post.seats() <= seat {
            let mut vacant = Seat::new(seat::Name::of_type::<()>(), 1, rules::Detector::Batch, 0);
            vacant.set_load(Load::STOPPED);
            self.post.add(vacant);
        }
    }

    pub(in super::super) fn random_again(&mut self, with: impl FnOnce(&mut Random) -> u64) -> u64 {
        let (seed, me) = (self.config.seed, self.running.seat);
        let lineage = self.again().lineages.get(&me).copied().unwrap_or(0);
        let more = self.post.data_mut(me).more();
        with(more.random.get_or_insert_with(|| Random::of_actor(seed, lineage)))
    }

    pub(in super::super) fn now_again(&self) -> Duration {
        let replay = self.replay.as_ref().expect("only asked while a recording is replayed");
        let told = replay.told("asks what time it is", |entry| match entry {
            Entry::Time(now) => Some(Duration::from_nanos(*now)),
            _ => None,
        });
        let now = &mut replay.told.borrow_mut().now;
        *now = told.unwrap_or(*now).max(*now);
        told.unwrap_or(*now)
    }

    pub(in super::super) fn set_timer_again(
        &mut self,
        delay: Duration,
        period: Option<Duration>,
        tick: Tick,
    ) -> TimerId {
        let told = self.again().told("sets a timer", |entry| match entry {
            Entry::Timer { id, now } => Some((*id, Duration::from_nanos(*now))),
            _ => None,
        });
        let now = self.watch.now;
        if let Some((id, then)) = told {
            self.watch.now = then;
            self.timers.next_is(id);
        }
        let (owner, nth) = (self.running, self.post.data_mut(self.running.seat).more().timers_set);
        let id = self.set_timer(delay, period, tick);
        self.watch.now = self.watch.now.max(now);
        self.again().timers.insert((owner, nth), id.0);
        id
    }

    pub(in super::super) fn cancel_timer_again(&mut self, id: TimerId) -> bool {
        let told = self.again().told("cancels a timer", |entry| match entry {
            Entry::Cancelled(in_time) => Some(*in_time),
            _ => None,
        });
        let in_time = told == Some(true);
        if in_time {
            let owner = self.running;
            let timer = self.again().timers.iter().find(|((of, _), timer)| *of == owner && **timer == id.0);
            let nth = timer.map(|((_, nth), _)| *nth);
            // What it had fired by then is on its way.
            nth.into_iter().for_each(|nth| self.fire_rest(owner, nth));
            self.remove_timer(id.0);
        }
        in_time
    }

    pub(in super::super) fn is_under_pressure_again(&mut self) -> bool {
        let told = self.again().told("asks whether it is under pressure", |entry| match entry {
            Entry::Pressed(is) => Some(*is),
            _ => None,
        });
        told.unwrap_or(false)
    }

    // --- Timers -----------------------------------------------------------------------------------------------------

    /// Lets a timer fire once, as it did.
    pub(super) fn fire_again(&mut self, owner: ActorId, nth: u32) {
        let replay = self.again();
        let Some(id) = replay.timers.get(&(owner, nth)).copied() else { return };
        let Some(ticks) = replay.recording.fired.get_mut(&(owner, nth)).and_then(VecDeque::pop_front) else { return };
        replay.from = Some(Name::own(nth));
        let Some(mut timer) = self.timers.remove(id) else { return };
        let running = self.running;
        self.tick(id, &mut timer, ticks);
        self.running = running;
        if let Some(due) = timer.period.and_then(|period| after(timer.due, period, ticks)) {
            timer.due = due;
            self.timers.put_back(id, timer);
        }
    }

    pub(super) fn fire_rest(&mut self, owner: ActorId, nth: u32) {
        while self.again().can_fire(owner, nth) {
            self.fire_again(owner, nth);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_next_tenant_of_an_empty_seat_can_be_created() {
        let mut core = Single::plain();
        let ended = core.another();
        core.end(ended.seat, crate::event::End::Stopped);
        core.make_seat(4);
        let free = |seat, tenant| core.is_free(ActorId { seat, tenant });
        assert_eq!([free(0, 0), free(0, 1)], [false, false], "`main` sits there");
        assert_eq!([free(ended.seat, 0), free(ended.seat, 1)], [false, true]);
        assert_eq!([free(4, 0), free(4, 1), free(5, 0), free(5, 1)], [true, false, true, false]);
    }
}
