//! The steps that the checker takes: an actor begins a behaviour, or carries out its next effect, or ends it; a timer
//! fires. Which step is next is not decided here: that is the checker's.

use super::event_loop::EventLoop;
use super::running::{arrive, dead_letter};
use super::script::{Access, Effect, Object, Proc, Promise};
use super::single::{Bodies, Failure, Single};
use crate::event::{ActorId, End, Event, Lane, Place};
use crate::mailbox::Letter;
use crate::rules::{Detector, Load};
use crate::sync::PlainArc;
use std::mem;
use std::time::Duration;

/// What a step did, as far as other steps may care.
#[derive(Debug)]
pub(crate) struct Traces<'a> {
    pub(crate) touched: &'a [(Object, Access)],
    /// Timers that were set: owner and which of the owner's.
    pub(crate) timers: &'a [(u32, u32)],
    /// Something that was due, and held time back, is over.
    pub(crate) let_go: bool,
    /// Another step could have kept this one from being taken.
    pub(crate) preventable: bool,
    /// It is taken only when nothing else can be.
    pub(crate) is_last: bool,
    /// Whose marks, or some of them, were removed.
    pub(crate) freed: &'a [u32],
    /// The answers that `choose` gave, each with the number of answers there were.
    pub(crate) chosen: &'a [(u32, u32)],
}

impl Single {
    /// Keeps the list of everybody who could take the next step: actors by seat, timers, the world, time, faults. It is
    /// what the last call made of it, or empty in a run that has just begun.
    pub(crate) fn update_enabled(&mut self, list: &mut Vec<Proc>) {
        list.truncate(self.script().enabled);
        // Only he who stepped may be able to step no more; whoever became runnable is in the queue.
        self.update_enabled_actor(self.running.seat, list);
        while let Some(seat) = self.queue.next() {
            // An actor that was freed with nothing to do does nothing.
            let idle = self.post.is_empty(seat) && !self.post.data(seat).load.has(Load::OVERLOADED);
            if idle && !self.script().of(seat).running {
                self.post.data_mut(seat).busy = false;
            }
            self.update_enabled_actor(seat, list);
        }
        self.script().enabled = list.len();
        if !self.timers.is_empty() || self.event_loop.is_some() {
            self.add_timely(list);
        }
    }

    #[inline]
    fn update_enabled_actor(&mut self, seat: u32, list: &mut Vec<Proc>) {
        let (waiting, data) = self.post.look(seat);
        let ready = (waiting > 0 || data.load.has(Load::OVERLOADED)) && !data.load.is_muted();
        let alive = !data.is_empty();
        let progress = self.script().of(seat);
        let is_enabled = alive && (ready || progress.behaving || progress.running);
        if mem::replace(&mut progress.enabled, is_enabled) != is_enabled {
            let at = list.iter().position(|proc| *proc >= Proc::Actor(seat)).unwrap_or(list.len());
            match is_enabled {
                true => list.insert(at, Proc::Actor(seat)),
                false => drop(list.remove(at)),
            }
        }
    }

    fn add_timely(&self, list: &mut Vec<Proc>) {
        let from = list.len();
        list.extend(self.due_timers().map(|(owner, nth)| Proc::Timer { owner: owner.seat, nth }));
        list[from..].sort_unstable();
        // What the world does comes before time, faults come after all else: of what is possible the first is what a run
        // does if nothing is said.
        let time = self.pass_until().map(|_| Proc::Time);
        let Some(world) = &self.event_loop else { return list.extend(time) };
        let (mut faults, mut end) = (Vec::new(), None);
        world.choices(&mut |choice| match () {
            () if world.is_fault(choice) => faults.push(Proc::World(choice)),
            () if world.is_last(choice) => end = Some(Proc::World(choice)),
            () => list.push(Proc::World(choice)),
        });
        list.extend(time);
        if list.is_empty() {
            list.extend(end);
        }
        list.append(&mut faults);
    }

    fn asks_world(&self, what: impl FnOnce(&dyn EventLoop) -> bool) -> bool {
        self.event_loop.as_deref().is_some_and(what)
    }

    /// Could another step keep this one from being taken, unseen: in an order in which nothing raced with it? A fault
    /// takes the place of what would have happened. (Who cancels a timer, or sets one that holds time back, touches it.)
    fn is_preventable(&self, proc: Proc) -> bool {
        match proc {
            Proc::Actor(_) | Proc::Timer { .. } | Proc::Time => false,
            Proc::World(choice) => self.asks_world(|world| world.is_preventable(choice)),
        }
    }

    /// When something is due next, if nothing is due now.
    fn pass_until(&self) -> Option<Duration> {
        let next = self.first_due().into_iter().chain(self.next_event()).min();
        next.filter(|due| *due > self.watch.now)
    }

    /// Need this step never be taken?
    pub(crate) fn is_fault(&self, proc: Proc) -> bool {
        matches!(proc, Proc::World(choice) if self.asks_world(|world| world.is_fault(choice)))
    }

    /// What `update_enabled` knows of an actor.
    pub(crate) fn is_known_enabled(&self, seat: u32) -> bool {
        let progress = self.script.as_ref().and_then(|script| script.progress.get(seat as usize));
        progress.is_some_and(|progress| progress.enabled)
    }

    /// `main` is called with this: its effects are written down, as those of any behaviour.
    pub(crate) fn main_step(&mut self, given: &[u32], main: impl FnOnce(&mut Single)) {
        self.step_begins(given);
        let script = self.script();
        script.recording = true;
        let progress = script.of(0);
        (progress.behaving, progress.running) = (true, true);
        main(self);
    }

    /// After `main_step`, and after its panic.
    pub(crate) fn main_written(&mut self, bodies: &mut Bodies) {
        self.behaviour_written(0, bodies);
        self.print_deliveries(Proc::Actor(0), bodies);
        self.step_over();
    }

    /// Takes a step of `proc`, which is enabled. A panic in user code comes through: see `step_panicked`.
    pub(crate) fn step(&mut self, proc: Proc, given: &[u32], bodies: &mut Bodies) {
        self.step_begins(given);
        let is_last = matches!(proc, Proc::World(choice) if self.asks_world(|world| world.is_last(choice)));
        let preventable = self.is_preventable(proc);
        let script = self.script();
        (script.preventable, script.is_last) = (preventable, is_last);
        match proc {
            Proc::Actor(seat) => self.step_actor(seat, bodies),
            Proc::Timer { owner, nth } => self.fire_one(owner, nth),
            Proc::World(choice) => self.with_world(|world, core| world.take(core, choice)),
            Proc::Time => {
                self.touch(Object::Time, Access::Write);
                let until = self.pass_until().expect("time passes when something is due later");
                self.set_now(until);
            }
        }
        self.print_deliveries(proc, bodies);
        self.step_over();
    }

    fn step_begins(&mut self, given: &[u32]) {
        let script = self.script();
        script.touched.clear();
        script.timers_set.clear();
        (script.let_go, script.preventable, script.is_last) = (false, false, false);
        script.freed.clear();
        script.chosen.clear();
        script.given.clear();
        if !given.is_empty() {
            script.given.extend_from_slice(given);
        }
        script.touched_more = false;
        script.looked.set((false, false));
    }

    /// What the last step did.
    pub(crate) fn traces(&self) -> Traces<'_> {
        let script = self.script.as_ref().expect("only the checker takes steps");
        Traces {
            touched: &script.touched,
            timers: &script.timers_set,
            let_go: script.let_go,
            preventable: script.preventable,
            is_last: script.is_last,
            freed: &script.freed,
            chosen: &script.chosen,
        }
    }

    /// Is a behaviour of it, or a run, in progress?
    pub(crate) fn is_mid_run(&self, seat: u32) -> bool {
        let progress = self.script.as_ref().and_then(|script| script.progress.get(seat as usize));
        progress.is_some_and(|progress| progress.behaving || progress.running)
    }

    /// Is this actor overloaded now?
    pub(crate) fn is_overloaded(&self, seat: u32) -> bool {
        self.post.data(seat).load.has(Load::OVERLOADED)
    }

    /// The statements that behaviours made, and whether each was ever true.
    pub(crate) fn promises(&self) -> &[(&'static str, Promise, bool)] {
        self.script.as_ref().map_or(&[], |script| &script.promises)
    }

    /// Whether some actor got as many messages as one run handles, so that it could be overloaded.
    pub(crate) fn reached_a_batch(&self) -> bool {
        (0..self.post.seats()).any(|seat| self.pushed(seat) >= self.post.data(seat).batch)
    }

    /// How many messages ever came into this mailbox.
    pub(crate) fn pushed(&self, seat: u32) -> u32 {
        let progress = self.script.as_ref().and_then(|script| script.progress.get(seat as usize));
        progress.map_or(0, |progress| progress.pushed)
    }

    fn step_actor(&mut self, seat: u32, bodies: &mut Bodies) {
        self.running = self.id_of(seat);
        let script = self.script();
        let atomic = script.atomic;
        let progress = script.of(seat);
        let begins = !progress.behaving;
        if begins {
            self.begin(seat, bodies);
        } else if progress.effects.is_empty() {
            return self.end_behaviour(seat, bodies);
        }
        // The first effect comes with the beginning, unless somebody could tell the two apart.
        let acts = self.failure.is_none() && (atomic || !begins || self.script().was_private());
        let acted = acts && self.next_effect(seat);
        while acted && atomic && self.next_effect(seat) {}
        let progress = self.script().of(seat);
        let over = progress.behaving && progress.effects.is_empty();
        // A behaviour without effects ends where it began; otherwise an end that does something is a step of its own,
        // because it may come much later than the last effect.
        if over && (!acted || atomic || self.ends_quietly(seat)) {
            self.end_behaviour(seat, bodies);
        }
    }

    fn begin(&mut self, seat: u32, bodies: &mut Bodies) {
        let by_depth = self.post.data(seat).detector() != Detector::Batch;
        if by_depth {
            self.touch(Object::Tail(seat), Access::Write);
        }
        if !self.script().of(seat).running && !self.begin_run(seat) {
            return;
        }
        let script = self.script();
        script.recording = true;
        let progress = script.of(seat);
        progress.behaving = true;
        progress.left -= 1;
        progress.handled += 1;
        progress.popped += 1;
        let number = progress.popped;
        script.touch(Object::Message(seat, number), Access::Read);
        if let Some(prints) = &mut script.prints {
            prints.begins(seat);
        }
        let body = bodies[seat as usize].as_mut().expect("T6: an actor that is enabled has not ended");
        let me = self.running;
        body.run(self.core(), me, 1);
        self.behaviour_written(seat, bodies);
        self.settle_world();
    }

    /// False if there is nothing in this run: it can only end an overload.
    fn begin_run(&mut self, seat: u32) -> bool {
        let waiting = self.post.len(seat);
        let quota = waiting.min(self.post.data(seat).batch);
        self.show(&Event::RunBegan { actor: self.running, waiting });
        self.touch(Object::Load(seat), Access::Read);
        if self.script().batches_matter || quota == 0 {
            self.touch(Object::Tail(seat), Access::Write);
        }
        if quota == 0 {
            self.run_ended(seat, 0);
            return false;
        }
        let progress = self.script().of(seat);
        (progress.running, progress.left, progress.handled) = (true, quota, 0);
        true
    }

    /// The code of a behaviour has run: what it did is in hand.
    fn behaviour_written(&mut self, seat: u32, bodies: &mut Bodies) {
        if self.has_newborn() {
            self.house_newborn(bodies);
        }
        self.post.data_mut(seat).handled += u64::from(mem::take(&mut self.handled));
        let stopping = mem::take(&mut self.stopping);
        let shutdown = self.failure.is_some() && self.failure.take_if(|why| matches!(why, Failure::Shutdown)).is_some();
        let script = self.script();
        script.write_drops();
        script.recording = false;
        let progress = &mut script.progress[seat as usize];
        // What was there is empty: this behaviour began with it.
        mem::swap(&mut progress.effects, &mut script.written);
        (progress.stopping, progress.shutdown) = (stopping, shutdown);
        self.print_behaviour(seat, bodies);
        if self.script().commutes {
            self.compare_messages(seat, bodies);
        }
    }

    /// Finds out with which others the messages of this behaviour do not commute.
    fn compare_messages(&mut self, seat: u32, bodies: &Bodies) {
        let effects = mem::take(&mut self.script().of(seat).effects);
        let conflicts = effects.iter().map(|effect| match effect {
            Effect::Send { letter, to, .. } => {
                let receiver = bodies.get(to.seat as usize).and_then(|body| body.as_deref());
                self.conflicts(letter, receiver)
            }
            _ => None,
        });
        let conflicts = conflicts.collect();
        let progress = self.script().of(seat);
        (progress.effects, progress.conflicts) = (effects, conflicts);
    }

    /// False if there is none.
    fn next_effect(&mut self, seat: u32) -> bool {
        let progress = self.script().of(seat);
        let Some(effect) = progress.effects.pop_front() else { return false };
        let print = progress.prints.pop_front();
        let conflicts = progress.conflicts.pop_front().flatten();
        self.swap_pending(seat);
        match effect {
            Effect::Send { letter, to, lane, place } => {
                self.send_letter(letter, to, lane, place, conflicts);
                print.into_iter().for_each(|print| self.print_arrival(to.seat, print));
            }
            Effect::Apply(place) => self.apply_now(place),
            Effect::Release(place) => self.release_now(place),
            Effect::Hold { guard, place } => self.hold_now(guard, place),
            Effect::Drop { owner, guard } => self.drop_guard(owner, guard),
            Effect::Watch { other, notice } => {
                self.touch(Object::Life(other.seat), Access::Write);
                self.watch_now(other, notice);
            }
        }
        self.swap_pending(seat);
        true
    }

    /// The marks of a behaviour in progress come in hand while it acts, and go back.
    #[inline(always)]
    fn swap_pending(&mut self, seat: u32) {
        let Single { script, pending, .. } = self;
        let script = script.as_mut().expect("only the checker takes steps");
        let theirs = &mut script.of(seat).pending;
        if !theirs.is_empty() || !pending.is_empty() {
            mem::swap(theirs, pending);
        }
    }

    fn send_letter(
        &mut self,
        letter: Letter,
        to: ActorId,
        lane: Lane,
        place: Place,
        conflicts: Option<PlainArc<[u32]>>,
    ) {
        let from = self.running;
        self.script().pushed(to, conflicts);
        if lane == Lane::Ordinary && to.seat != from.seat {
            self.touch(Object::Load(to.seat), Access::Read);
            if self.post.data(from.seat).detector() != Detector::Batch {
                self.touch(Object::Load(from.seat), Access::Read);
            }
        }
        self.post.data_mut(from.seat).sent += 1;
        let draft = self.post.letter(letter);
        if self.watch.looks_at_sends() {
            self.watch.send(from, to, lane, &draft.message(), place);
        }
        let pressing = arrive!(self, draft, to, Some(from));
        if pressing && lane == Lane::Ordinary {
            self.sent_to_pressing(to);
        }
    }

    /// The end of this behaviour does nothing that another actor could notice, whatever came before.
    fn ends_quietly(&mut self, seat: u32) -> bool {
        let (batch, detector) = (self.post.data(seat).batch, self.post.data(seat).detector());
        let overloaded = self.post.data(seat).load.has(Load::OVERLOADED);
        let progress = self.script().of(seat);
        let ends_run = progress.left == 0;
        let turns = detector != Detector::Batch || (progress.handled >= batch) != overloaded;
        progress.marked.is_empty()
            && !progress.stopping
            && !progress.shutdown
            && progress.panic.is_none()
            && !(ends_run && turns)
    }

    fn end_behaviour(&mut self, seat: u32, bodies: &mut Bodies) {
        if self.ended_plainly(seat) {
            return;
        }
        self.touch_marked(seat);
        self.swap_pending(seat);
        let progress = self.script().of(seat);
        let (stopping, shutdown, panic) = (progress.stopping, progress.shutdown, progress.panic.take());
        let (left, handled) = (progress.left, progress.handled);
        progress.run_over();
        self.stopping = stopping;
        if shutdown {
            self.touch(Object::World, Access::Write);
            self.fail(Failure::Shutdown);
        }
        if let Some(payload) = panic {
            self.panicked(payload, true);
            bodies[seat as usize] = None;
            return;
        }
        let over = self.settle();
        if mem::take(&mut self.stopping) {
            self.end(seat, End::Stopped);
            bodies[seat as usize] = None;
        } else if over || left == 0 {
            if self.post.data(seat).detector() != Detector::Batch {
                self.touch(Object::Tail(seat), Access::Write);
            }
            self.run_ended(seat, handled);
        } else {
            let progress = self.script().of(seat);
            (progress.running, progress.left, progress.handled) = (true, left, handled);
        }
    }

    /// The end of most behaviours: there is nothing to settle, and nobody is to see it. False if this is not one.
    #[inline]
    fn ended_plainly(&mut self, seat: u32) -> bool {
        let watched = self.watch.observer.is_some() || self.watch.handling.is_some();
        if watched || self.live_guards > 0 || !self.pending.is_empty() || self.failure.is_some() {
            return false;
        }
        let script = self.script.as_mut().expect("only the checker takes steps");
        let progress = script.of(seat);
        let settles = progress.stopping || progress.shutdown || progress.panic.is_some();
        if settles || !progress.marked.is_empty() || !progress.pending.is_empty() {
            return false;
        }
        if progress.left == 0 {
            let (waiting, data) = self.post.look(seat);
            if data.special || progress.handled >= data.batch {
                return false;
            }
            data.busy = waiting > 0;
            (progress.running, progress.handled) = (false, 0);
        }
        progress.behaving = false;
        true
    }

    /// The end of a behaviour looks at everybody whom it was marked on.
    #[inline]
    fn touch_marked(&mut self, seat: u32) {
        if self.script().of(seat).marked.is_empty() {
            return;
        }
        let marked = mem::take(&mut self.script().of(seat).marked);
        for receiver in &marked {
            self.touch(Object::Load(*receiver), Access::Read);
            self.touch(Object::Load(seat), Access::Read);
        }
        self.script().of(seat).marked = marked;
    }

    /// User code panicked in a step: in a behaviour, or where a message or an actor was dropped.
    pub(crate) fn step_panicked(&mut self, payload: String, bodies: &mut Bodies) {
        let seat = self.running.seat;
        self.stopping = false;
        if self.script().recording && !self.config.end_on_panic {
            self.behaviour_written(seat, bodies);
            self.script().of(seat).panic = Some(payload);
        } else {
            self.script().recording = false;
            let ended = self.panicked(payload, true);
            self.house_newborn(bodies);
            ended.into_iter().for_each(|seat| bodies[seat as usize] = None);
            self.script().of(seat).run_over();
        }
        self.print_deliveries(Proc::Actor(seat), bodies);
        self.step_over();
    }

    fn step_over(&mut self) {
        self.end_dropped_guards();
        self.settle_world();
        let (time, all) = self.script().looked.get();
        if all {
            self.touch(Object::World, Access::Write);
        } else if time {
            self.touch(Object::Time, Access::Read);
        }
    }

    /// What the world did in this step, and what was done to it.
    fn settle_world(&mut self) {
        if self.event_loop.is_none() {
            return;
        }
        let mut doings = mem::take(&mut self.script().doings);
        self.with_world(|world, core| world.settle(core, &mut doings));
        let script = self.script();
        doings.touched.drain(..).for_each(|(object, access)| script.touch(object, access));
        script.let_go |= mem::take(&mut doings.let_go);
        script.doings = doings;
    }

    /// An actor that is under pressure, and why the program will not end that: nothing is left to run.
    pub(crate) fn still_pressing(&self) -> Option<super::Root> {
        let pressing = |seat: &u32| self.post.data(*seat).load.is_under_pressure();
        (0..self.post.seats()).find(pressing).map(|seat| self.pressing(seat))
    }
}

impl Single {
    /// The longest mailbox that there ever was.
    pub(crate) fn totals_deepest(&self) -> u32 {
        self.totals.deepest
    }

    /// Whose that is.
    pub(crate) fn longest_mailbox(&self) -> String {
        let longest = (0..self.post.seats()).max_by_key(|seat| self.post.data(*seat).peak);
        longest.map_or_else(String::new, |seat| self.name_of(self.id_of(seat)))
    }
}
