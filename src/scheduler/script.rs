//! What the checker needs of the scheduler: effects written down instead of carried out, and what each step touched.
//!
//! A behaviour under the checker runs to its end at once, but its effects wait in a [`Progress`], to be carried out one
//! at a time, in order, between those of other actors. Which step is next is not decided here: that is the checker's.
//! The plain runtime never has a [`Script`]; what it runs is what is checked (every effect ends in the same functions).

use super::pressure::GuardDrops;
use super::random::Random;
use super::seat::Seat;
use super::single::{Bodies, Delivery, Failure, Single, arrive, dead_letter};
use crate::event::{ActorId, End, Event, Lane, Place};
use crate::mailbox::{Draft, Letter};
use crate::rules::{Detector, Load};
use crate::sync::Arc;
use std::cell::Cell;
use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

/// One thing that a behaviour did to the world.
pub(super) enum Effect {
    Send { letter: Letter, to: ActorId, lane: Lane, place: Place },
    Apply(Place),
    Release(Place),
    Hold { guard: u64, place: Place },
    Drop { owner: ActorId, guard: u64 },
    Watch { other: ActorId, notice: Delivery },
}

/// Who takes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Proc {
    /// An actor begins a behaviour, or carries out its next effect, or ends it.
    Actor(u32),
    /// A timer fires: the `nth` that its owner set.
    Timer { owner: u32, nth: u32 },
    /// Something happens in the world outside, which names it.
    World(u64),
    /// Nothing is due now: time passes until something is.
    Time,
}

/// What a step can touch. Two steps that touch no object in conflicting ways commute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Object {
    /// The end of a mailbox, where messages arrive.
    Tail(u32),
    /// One message of a mailbox, by its number since the actor was created: written by its send, read by its handling.
    Message(u32, u32),
    /// An actor's load and the marks on it.
    Load(u32),
    /// Whether an actor has ended.
    Life(u32),
    /// The numbers of actors.
    Births,
    /// Virtual time: read by whatever depends on the hour, or is due at one; written when time passes.
    Time,
    /// A timer, by its owner and which of the owner's it is.
    Timer(u32, u32),
    /// Something in the world outside, which names it.
    #[expect(dead_code, reason = "no world can be stepped through yet")]
    Outside(u64),
    /// Something on its way there, and which: written when it sets out, read when it arrives.
    #[expect(dead_code, reason = "no world can be stepped through yet")]
    Parcel(u64, u32),
    /// Everything: a behaviour asked for statistics.
    World,
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Access {
    Read,
    Write,
}

/// What a step touched, and how.
pub(crate) type Touch = (Object, Access);

/// What was done to the world outside in one step.
#[derive(Debug, Default)]
pub(crate) struct Doings {
    pub(crate) touched: Vec<Touch>,
    /// Something that was due there is over.
    pub(crate) let_go: bool,
}

/// What happened to a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimerChange {
    /// It is set, or set again.
    Set,
    /// It was due, and is no more: it held time back.
    Gone,
    /// It will not be due.
    Cancelled,
}

/// A behaviour, or a run, that is not over yet.
#[derive(Default)]
pub(super) struct Progress {
    effects: VecDeque<Effect>,
    pending: Vec<u32>,
    /// Everybody whom this behaviour was ever marked on: the end has to look at them.
    marked: Vec<u32>,
    stopping: bool,
    shutdown: bool,
    panic: Option<String>,
    /// A behaviour is in progress, not only a run.
    behaving: bool,
    /// A run is in progress.
    running: bool,
    /// Messages that this run may still handle, and has handled.
    left: u32,
    handled: u32,
}

/// What kind of statement a behaviour made about its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    Eventually,
    Sometimes,
}

/// The checker's part of a [`Single`].
pub(crate) struct Script {
    /// A behaviour is running: its effects are written down.
    pub(super) recording: bool,
    /// Sends and pressure of one behaviour happen at once.
    atomic: bool,
    /// The ends of runs matter: some actor may be overloaded. Then a run's beginning depends on what is in the mailbox.
    batches_matter: bool,
    written: VecDeque<Effect>,
    progress: Vec<Progress>,
    drops: Arc<GuardDrops>,
    /// Messages that ever came into each mailbox, and that were ever taken out.
    pushed: Vec<u32>,
    popped: Vec<u32>,
    /// What the step in progress touched.
    touched: Vec<(Object, Access)>,
    timers_set: Vec<(u32, u32)>,
    /// Something that was due is over: time may pass.
    let_go: bool,
    freed: Vec<u32>,
    /// A behaviour asked for the time; for more than that.
    looked: Cell<(bool, bool)>,
    /// Answers for `choose`, in order; those beyond are thrown, or 0.
    given: Vec<u32>,
    dice: Option<Random>,
    /// The answers that this step got, each with the number of answers there were.
    chosen: Vec<(u32, u32)>,
    /// Every statement made in this run, and whether it was ever true.
    promises: Vec<(&'static str, Promise, bool)>,
}

/// Seats of the standard streams: what is sent there is not part of the search.
fn is_stream(seat: u32) -> bool {
    (1..=3).contains(&seat)
}

impl Script {
    #[cold]
    pub(super) fn write_send(&mut self, draft: Draft<'_, Seat>, to: ActorId, lane: Lane, place: Place) {
        if is_stream(to.seat) {
            return;
        }
        self.write_drops();
        self.written.push_back(Effect::Send { letter: draft.keep(), to, lane, place });
    }

    pub(super) fn write_watch(&mut self, other: ActorId, notice: Delivery) {
        self.write_drops();
        self.written.push_back(Effect::Watch { other, notice });
    }

    /// The guards that the behaviour dropped since its last effect.
    fn write_drops(&mut self) {
        let drops = self.drops.collect().into_iter();
        self.written.extend(drops.map(|(owner, guard)| Effect::Drop { owner, guard }));
    }

    pub(super) fn touch(&mut self, object: Object, access: Access) {
        let known = self.touched.iter_mut().find(|(o, _)| *o == object);
        match known {
            Some((_, known)) => *known = (*known).max(access),
            None => self.touched.push((object, access)),
        }
    }

    /// A message is about to arrive at `to`.
    pub(super) fn pushed(&mut self, to: ActorId) {
        self.touch(Object::Life(to.seat), Access::Read);
        self.touch(Object::Tail(to.seat), Access::Write);
        let number = count(&mut self.pushed, to.seat);
        self.touch(Object::Message(to.seat, number), Access::Write);
    }

    /// `sender`'s behaviour was marked on `receiver`.
    pub(super) fn marked(&mut self, sender: u32, receiver: u32) {
        let marked = &mut self.of(sender).marked;
        if !marked.contains(&receiver) {
            marked.push(receiver);
        }
    }

    /// What is in progress in a seat.
    fn of(&mut self, seat: u32) -> &mut Progress {
        let seat = seat as usize;
        if seat >= self.progress.len() {
            self.progress.resize_with(seat + 1, Progress::default);
        }
        &mut self.progress[seat]
    }

    /// `actor` fell, and `senders` lose their marks on it.
    pub(super) fn fell(&mut self, actor: u32, senders: &[u32]) {
        self.touch(Object::Load(actor), Access::Write);
        for sender in senders {
            self.touch(Object::Load(*sender), Access::Write);
            self.freed.push(*sender);
        }
        self.progress.iter_mut().for_each(|progress| progress.pending.retain(|r| *r != actor));
    }
}

fn count(counts: &mut Vec<u32>, seat: u32) -> u32 {
    let seat = seat as usize;
    if seat >= counts.len() {
        counts.resize(seat + 1, 0);
    }
    counts[seat] += 1;
    counts[seat]
}

/// What a step did, as far as other steps may care.
#[derive(Debug)]
pub(crate) struct Traces<'a> {
    pub(crate) touched: &'a [(Object, Access)],
    /// Timers that were set: owner and which of the owner's.
    pub(crate) timers: &'a [(u32, u32)],
    /// Something that was due, and held time back, is over.
    pub(crate) let_go: bool,
    /// Whose marks, or some of them, were removed.
    pub(crate) freed: &'a [u32],
    /// The answers that `choose` gave, each with the number of answers there were.
    pub(crate) chosen: &'a [(u32, u32)],
}

impl Single {
    /// Turns this runtime, which has done nothing yet, over to the checker.
    pub(crate) fn write_script(&mut self, atomic: bool, batches_matter: bool) {
        self.script = Some(Box::new(Script {
            recording: false,
            atomic,
            batches_matter,
            written: VecDeque::new(),
            progress: Vec::new(),
            drops: self.drops.clone(),
            pushed: Vec::new(),
            popped: Vec::new(),
            touched: Vec::new(),
            timers_set: Vec::new(),
            let_go: false,
            freed: Vec::new(),
            looked: Cell::default(),
            given: Vec::new(),
            dice: None,
            chosen: Vec::new(),
            promises: Vec::new(),
        }));
        self.watch_all();
    }

    /// From here on what `choose` answers is random.
    pub(crate) fn throw_dice(&mut self, seed: u64) {
        self.script().dice = Some(Random::new(seed));
    }

    fn script(&mut self) -> &mut Script {
        self.script.as_mut().expect("only the checker takes steps")
    }

    // --- What the rest of the scheduler tells ---------------------------------------------------------------------

    pub(super) fn touch(&mut self, object: Object, access: Access) {
        if let Some(script) = &mut self.script {
            script.touch(object, access);
        }
    }

    pub(super) fn note_timer(&mut self, owner: u32, nth: u32, change: TimerChange) {
        if let Some(script) = &mut self.script {
            // Until when time can pass depends on all timers.
            script.touch(Object::Time, Access::Read);
            script.touch(Object::Timer(owner, nth), Access::Write);
            match change {
                TimerChange::Set => script.timers_set.push((owner, nth)),
                TimerChange::Gone => script.let_go = true,
                TimerChange::Cancelled => {}
            }
        }
    }

    /// True if the effect is written down, to be carried out later.
    pub(super) fn writes_down(&mut self, effect: impl FnOnce() -> Effect) -> bool {
        let Some(script) = self.script.as_mut().filter(|script| script.recording) else { return false };
        script.write_drops();
        script.written.push_back(effect());
        true
    }

    pub(crate) fn looked_at_time(&self) {
        if let Some(script) = &self.script {
            script.looked.set((true, script.looked.get().1));
        }
    }

    pub(crate) fn looked_at_all(&self) {
        if let Some(script) = &self.script {
            script.looked.set((true, true));
        }
    }

    /// The checker's answer to `choose`; none without a checker.
    pub(crate) fn choose(&mut self, n: u64) -> Option<u64> {
        let script = self.script.as_mut()?;
        let answers = u32::try_from(n).expect("a choice has fewer than 2^32 answers");
        let given = match script.given.get(script.chosen.len()) {
            Some(given) => given % answers,
            None => script.dice.as_mut().map_or(0, |dice| dice.below(n) as u32),
        };
        script.chosen.push((given, answers));
        Some(u64::from(given))
    }

    /// A statement about the program, made by the running behaviour.
    pub(crate) fn promise(&mut self, label: &'static str, kind: Promise, holds: bool) {
        let Some(script) = &mut self.script else { return };
        match script.promises.iter_mut().find(|(l, k, _)| *l == label && *k == kind) {
            Some((_, _, held)) => *held |= holds,
            None => script.promises.push((label, kind, holds)),
        }
    }

    // --- Steps ----------------------------------------------------------------------------------------------------

    /// Everybody who could take the next step: actors by seat, then timers, then the world.
    pub(crate) fn enabled(&self, into: &mut Vec<Proc>) {
        into.clear();
        let progress = self.script.as_ref().map_or(&[][..], |script| &script.progress);
        for seat in 0..self.post.seats() {
            let data = self.post.data(seat);
            let (load, waits) = (data.load, !self.post.is_empty(seat));
            let begun = progress.get(seat as usize).is_some_and(|p| p.behaving || p.running);
            let ready = (waits || load.has(Load::OVERLOADED)) && !load.is_muted();
            if (begun || ready) && !data.is_empty() {
                into.push(Proc::Actor(seat));
            }
        }
        let from = into.len();
        into.extend(self.due_timers().map(|(owner, nth)| Proc::Timer { owner: owner.seat, nth }));
        into[from..].sort_unstable();
        if self.pass_until().is_some() {
            into.push(Proc::Time);
        }
        if let Some(world) = &self.event_loop {
            world.choices(&mut |choice| into.push(Proc::World(choice)));
        }
    }

    /// When something is due next, if nothing is due now.
    fn pass_until(&self) -> Option<Duration> {
        let next = self.first_due().into_iter().chain(self.next_event()).min();
        next.filter(|due| *due > self.watch.now)
    }

    /// Need this step never be taken?
    #[expect(dead_code, reason = "no world has faults yet")]
    pub(crate) fn is_fault(&self, proc: Proc) -> bool {
        matches!(proc, Proc::World(choice) if self.event_loop.as_ref().is_some_and(|world| world.is_fault(choice)))
    }

    /// `main` is called with this: its effects are written down, as those of any behaviour.
    pub(crate) fn main_step(&mut self, given: &[u32], main: impl FnOnce(&mut Single)) {
        self.step_begins(given);
        *self.script().of(0) = Progress { behaving: true, running: true, ..Progress::default() };
        self.script().recording = true;
        main(self);
    }

    /// After `main_step`, and after its panic.
    pub(crate) fn main_written(&mut self, bodies: &mut Bodies) {
        self.behaviour_written(0, bodies);
        self.step_over();
    }

    /// Takes a step of `proc`, which is enabled. A panic in user code comes through: see `step_panicked`.
    pub(crate) fn step(&mut self, proc: Proc, given: &[u32], bodies: &mut Bodies) {
        self.step_begins(given);
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
        self.step_over();
    }

    fn step_begins(&mut self, given: &[u32]) {
        let script = self.script();
        script.touched.clear();
        script.timers_set.clear();
        script.let_go = false;
        script.freed.clear();
        script.chosen.clear();
        script.given.clear();
        script.given.extend_from_slice(given);
        script.looked.set((false, false));
    }

    /// What the last step did.
    pub(crate) fn traces(&self) -> Traces<'_> {
        let script = self.script.as_ref().expect("only the checker takes steps");
        Traces {
            touched: &script.touched,
            timers: &script.timers_set,
            let_go: script.let_go,
            freed: &script.freed,
            chosen: &script.chosen,
        }
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
        self.script.as_ref().and_then(|script| script.pushed.get(seat as usize)).copied().unwrap_or(0)
    }

    fn step_actor(&mut self, seat: u32, bodies: &mut Bodies) {
        self.running = self.id_of(seat);
        let atomic = self.script().atomic;
        let progress = self.script().of(seat);
        let began = !progress.behaving;
        match progress.effects.is_empty() {
            _ if began => self.begin(seat, bodies),
            false => self.next_effect(seat),
            true => return self.end_behaviour(seat, bodies),
        }
        while atomic && !self.script().of(seat).effects.is_empty() {
            self.next_effect(seat);
        }
        let progress = self.script().of(seat);
        let over = progress.behaving && progress.effects.is_empty();
        // A behaviour without effects ends where it began; otherwise an end that does something is a step of its own,
        // because it may come much later than the last effect.
        if over && (began || atomic || self.ends_quietly(seat)) {
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
        let number = count(&mut script.popped, seat);
        script.touch(Object::Message(seat, number), Access::Read);
        let progress = script.of(seat);
        progress.behaving = true;
        progress.left -= 1;
        progress.handled += 1;
        script.recording = true;
        let body = bodies[seat as usize].as_mut().expect("T6: an actor that is enabled has not ended");
        let me = self.running;
        body.run(self.core(), me, 1);
        self.behaviour_written(seat, bodies);
    }

    /// False if there is nothing in this run: it can only end an overload.
    fn begin_run(&mut self, seat: u32) -> bool {
        let waiting = self.post.len(seat);
        let quota = waiting.min(self.post.data(seat).batch);
        self.show(&Event::RunBegan { actor: self.running, waiting });
        self.touch(Object::Load(seat), Access::Read);
        if self.script().batches_matter || quota == 0 {
            self.touch(Object::Tail(seat), Access::Read);
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
        self.house_newborn(bodies);
        self.post.data_mut(seat).handled += u64::from(mem::take(&mut self.handled));
        let stopping = mem::take(&mut self.stopping);
        let shutdown = self.failure.take_if(|failure| matches!(failure, Failure::Shutdown)).is_some();
        let script = self.script();
        script.write_drops();
        script.recording = false;
        let written = mem::take(&mut script.written);
        let progress = script.of(seat);
        progress.effects = written;
        (progress.stopping, progress.shutdown) = (stopping, shutdown);
    }

    fn next_effect(&mut self, seat: u32) {
        let progress = self.script().of(seat);
        let Some(effect) = progress.effects.pop_front() else { return };
        self.pending = mem::take(&mut progress.pending);
        match effect {
            Effect::Send { letter, to, lane, place } => self.send_letter(letter, to, lane, place),
            Effect::Apply(place) => self.apply_now(place),
            Effect::Release(place) => self.release_now(place),
            Effect::Hold { guard, place } => self.hold_now(guard, place),
            Effect::Drop { owner, guard } => self.drop_guard(owner, guard),
            Effect::Watch { other, notice } => {
                self.touch(Object::Life(other.seat), Access::Write);
                self.watch_now(other, notice);
            }
        }
        let pending = mem::take(&mut self.pending);
        self.script().of(seat).pending = pending;
    }

    fn send_letter(&mut self, letter: Letter, to: ActorId, lane: Lane, place: Place) {
        let from = self.running;
        self.script().pushed(to);
        if lane == Lane::Ordinary && to.seat != from.seat {
            self.touch(Object::Load(to.seat), Access::Read);
            if self.post.data(from.seat).detector() != Detector::Batch {
                self.touch(Object::Load(from.seat), Access::Read);
            }
        }
        self.post.data_mut(from.seat).sent += 1;
        let draft = self.post.letter(letter);
        self.watch.send(from, to, lane, &draft.message(), place);
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
        let mut progress = mem::take(self.script().of(seat));
        for receiver in &progress.marked {
            self.touch(Object::Load(*receiver), Access::Read);
            self.touch(Object::Load(seat), Access::Read);
        }
        self.pending = mem::take(&mut progress.pending);
        self.stopping = progress.stopping;
        if progress.shutdown {
            self.touch(Object::World, Access::Write);
            self.fail(Failure::Shutdown);
        }
        if let Some(payload) = progress.panic {
            self.panicked(payload, true);
            bodies[seat as usize] = None;
            return;
        }
        let over = self.settle();
        if mem::take(&mut self.stopping) {
            self.end(seat, End::Stopped);
            bodies[seat as usize] = None;
        } else if over || progress.left == 0 {
            if self.post.data(seat).detector() != Detector::Batch {
                self.touch(Object::Tail(seat), Access::Read);
            }
            self.run_ended(seat, progress.handled);
        } else {
            let (left, handled) = (progress.left, progress.handled);
            *self.script().of(seat) = Progress { running: true, left, handled, ..Progress::default() };
        }
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
            *self.script().of(seat) = Progress::default();
        }
        self.step_over();
    }

    fn step_over(&mut self) {
        self.collect_dropped_guards();
        self.settle_world();
        let (time, all) = self.script().looked.get();
        if all {
            self.touch(Object::World, Access::Write);
        } else if time {
            self.touch(Object::Time, Access::Read);
        }
        // What became runnable is known by `enabled`; an actor that was freed with nothing to do does nothing.
        while let Some(seat) = self.queue.next() {
            let idle = self.post.is_empty(seat) && !self.post.data(seat).load.has(Load::OVERLOADED);
            if idle && !self.script().of(seat).running {
                self.post.data_mut(seat).busy = false;
            }
        }
    }

    /// What the world did in this step, and what was done to it.
    fn settle_world(&mut self) {
        let mut doings = Doings::default();
        self.with_world(|world, core| world.settle(core, &mut doings));
        let script = self.script();
        doings.touched.iter().for_each(|(object, access)| script.touch(*object, *access));
        script.let_go |= doings.let_go;
    }

    /// An actor that is under pressure, and why the program will not end that: nothing is left to run.
    pub(crate) fn still_pressing(&self) -> Option<super::Root> {
        let pressing = |seat: &u32| self.post.data(*seat).load.is_under_pressure();
        (0..self.post.seats()).find(pressing).map(|seat| self.root(seat))
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
