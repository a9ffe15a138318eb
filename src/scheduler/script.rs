//! What the checker needs of the scheduler: effects written down instead of carried out, and what each step touched.
//!
//! A behaviour under the checker runs to its end at once, but its effects wait in a [`Progress`], to be carried out one
//! at a time, in order, between those of other actors: that is [`steps`](super::steps). The plain runtime never has a
//! [`Script`]; what it runs is what is checked (every effect ends in the same functions).
//!
//! A search makes millions of short runs, so everything here is emptied and used again, and what a step touched is
//! written down only while somebody asks for it.

use super::commute::Classes;
use super::pressure::GuardDrops;
use super::prints::{Print, Prints};
use super::random::Random;
use super::seat::Seat;
use super::single::{Delivery, Single};
use super::stamps::{Stamped, Stamps};
use super::touch::{Access, Doings, Object};
use crate::event::{ActorId, Lane, Place};
use crate::mailbox::{Draft, Letter};
use crate::sync::{Arc, PlainArc};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::mem;

/// One thing that a behaviour did to the world.
pub(super) enum Effect {
    Send {
        letter: Letter,
        to: ActorId,
        lane: Lane,
        place: Place,
    },
    Apply(Place),
    Release(Place),
    Hold {
        guard: u64,
        place: Place,
    },
    Drop {
        owner: ActorId,
        guard: u64,
    },
    /// `notice` is a number in `Script::notices`.
    Watch {
        other: ActorId,
        notice: u32,
    },
}

const _: () = assert!(!mem::needs_drop::<Written>(), "effects are written, moved and forgotten by the million");

/// An effect that was written down, and what was found out about it.
pub(super) struct Written {
    pub(super) effect: Effect,
    /// Where states are told apart, its print.
    pub(super) print: u128,
}

impl From<Effect> for Written {
    #[inline(always)]
    fn from(effect: Effect) -> Self {
        Written { effect, print: 0 }
    }
}

/// What the checker knows of a seat: a behaviour, or a run, that is not over yet, and what came and went.
#[derive(Default)]
pub(super) struct Progress {
    /// Still to be carried out, the next one last.
    pub(super) effects: Vec<Written>,
    /// Where messages commute: what the arrival of each effect's message touches.
    pub(super) conflicts: Vec<Option<PlainArc<[u32]>>>,
    pub(super) pending: Vec<u32>,
    /// Everybody whom this behaviour was ever marked on: the end has to look at them.
    pub(super) marked: Vec<u32>,
    pub(super) stopping: bool,
    pub(super) shutdown: bool,
    pub(super) panic: Option<String>,
    /// A behaviour is in progress, not only a run.
    pub(super) behaving: bool,
    /// A run is in progress.
    pub(super) running: bool,
    /// It is known as one who could step.
    pub(super) enabled: bool,
    /// Messages that this run may still handle, and has handled.
    pub(super) left: u32,
    pub(super) handled: u32,
    /// Messages that ever came into its mailbox, and that were ever taken out.
    pub(super) pushed: u32,
    pub(super) popped: u32,
    /// The last steps that changed the seat.
    pub(super) stamps: Stamps,
    /// What tells it apart, where states are told apart.
    pub(super) print: Print,
}

impl Progress {
    /// The behaviour in progress is over, or never was.
    #[inline]
    pub(super) fn behaviour_over(&mut self) {
        self.effects.clear();
        if !self.conflicts.is_empty() {
            self.conflicts.clear();
        }
        self.pending.clear();
        self.marked.clear();
        (self.stopping, self.shutdown, self.behaving) = (false, false, false);
        if self.panic.is_some() {
            self.panic = None;
        }
    }

    /// So is the run.
    pub(super) fn run_over(&mut self) {
        self.behaviour_over();
        (self.running, self.left, self.handled) = (false, 0, 0);
    }

    #[inline]
    pub(super) fn reset(&mut self) {
        if self.stamps.data == 0 {
            return;
        }
        self.stamps = Stamps::NEVER;
        self.print.reset();
        self.run_over();
        (self.enabled, self.pushed, self.popped) = (false, 0, 0);
    }
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
    pub(super) atomic: bool,
    /// The ends of runs matter: some actor may be overloaded. Then a run's beginning depends on what is in the mailbox.
    pub(super) batches_matter: bool,
    /// What is sent to the standard output is part of the search.
    pub(super) output_matters: bool,
    /// What steps touch is written down.
    pub(super) tracing: bool,
    /// There is nothing beside actors and messages: see `Single::finds_calm`. Whatever may disturb the calm says so here.
    pub(super) is_calm: bool,
    /// The step touched more than a message and loads.
    pub(super) touched_more: bool,
    pub(super) written: Vec<Written>,
    /// What is said to those who watch others, until that is carried out.
    pub(super) notices: Vec<Option<Delivery>>,
    pub(super) progress: Vec<Progress>,
    pub(super) drops: Arc<GuardDrops>,
    /// Guards that another actor dropped before the effect that takes them was carried out.
    pub(super) dropped_early: Vec<u64>,
    /// What the step in progress touched.
    pub(super) touched: Vec<(Object, Access)>,
    pub(super) timers_set: Vec<(u32, u32)>,
    /// Timers that are over because they fired: their ids, owners, and which of the owner's.
    pub(super) fired: Vec<(u64, u32, u32)>,
    /// Something that was due is over: time may pass.
    pub(super) let_go: bool,
    /// Another step could have kept this one from being taken.
    pub(super) preventable: bool,
    /// It need never be taken.
    pub(super) is_fault: bool,
    /// It is taken only when nothing else can be.
    pub(super) is_last: bool,
    /// What was done to the world outside; empty between steps.
    pub(super) doings: Doings,
    pub(super) freed: Vec<u32>,
    /// A behaviour asked for the time; for more than that.
    pub(super) looked: Cell<(bool, bool)>,
    /// Answers for `choose`, in order; those beyond are thrown, or 0.
    pub(super) given: Vec<u32>,
    pub(super) dice: Option<Random>,
    /// The answers that this step got, each with the number of answers there were.
    pub(super) chosen: Vec<(u32, u32)>,
    /// Every statement made in this run, and whether it was ever true.
    pub(super) promises: Vec<(&'static str, Promise, bool)>,
    /// How many actors are known as those who could step.
    pub(super) enabled: usize,
    /// Guards that live or whose drop is still to be carried out: owner and number. The number is the smallest that is
    /// free, so that a state comes back in which the same guards live.
    guards: BTreeSet<(u32, u64)>,
    /// Which messages commute, if the search asks for it; and whether some actor's type says so.
    pub(super) classes: Option<Arc<Classes>>,
    pub(super) commutes: bool,
    /// What tells states apart, if the search asks for it.
    pub(super) prints: Option<Box<Prints>>,
    /// What changed last in which step.
    pub(super) stamped: Stamped,
}

/// Seats of the standard streams: what is sent there is not part of the search, unless the output's is wanted.
const STREAMS: std::ops::RangeInclusive<u32> = 1..=3;
const OUTPUT: u32 = 1;

impl Script {
    #[inline]
    pub(super) fn write_send(&mut self, draft: Draft<'_, Seat>, to: ActorId, lane: Lane, place: Place) {
        if self.is_mute_stream(to.seat) {
            return;
        }
        self.write_drops();
        self.written.push(Effect::Send { letter: draft.keep(), to, lane, place }.into());
    }

    #[inline]
    pub(super) fn is_mute_stream(&self, seat: u32) -> bool {
        STREAMS.contains(&seat) && !(self.output_matters && seat == OUTPUT)
    }

    pub(super) fn write_watch(&mut self, other: ActorId, notice: Delivery) {
        self.notices.push(Some(notice));
        self.write_effect(Effect::Watch { other, notice: self.notices.len() as u32 - 1 });
    }

    /// Apart, so that whoever may have to do this is short where there is no script.
    #[cold]
    #[inline(never)]
    pub(super) fn write_effect(&mut self, effect: Effect) {
        self.write_drops();
        self.written.push(effect.into());
    }

    /// The guards that the behaviour dropped since its last effect.
    #[inline(always)]
    pub(super) fn write_drops(&mut self) {
        if self.drops.has_any() {
            self.write_dropped();
        }
    }

    /// The code of the behaviour of `seat` has run.
    #[inline(always)]
    pub(super) fn written_down(&mut self, seat: u32, stopping: bool, shutdown: bool) {
        let Script { written, progress, recording, .. } = self;
        *recording = false;
        let progress = &mut progress[seat as usize];
        (progress.stopping, progress.shutdown) = (stopping, shutdown);
        if !written.is_empty() {
            // What was there is empty: this behaviour began with it.
            mem::swap(&mut progress.effects, written);
            if progress.effects.len() > 1 {
                progress.effects.reverse();
            }
        }
    }

    #[cold]
    fn write_dropped(&mut self) {
        let drops = self.drops.collect().into_iter();
        self.written.extend(drops.map(|(owner, guard)| Effect::Drop { owner, guard }.into()));
    }

    #[inline]
    pub(super) fn touch(&mut self, object: Object, access: Access) {
        self.touch_in::<false>(object, access);
    }

    /// The same; where it is calm, nothing is written down.
    #[inline(always)]
    pub(super) fn touch_in<const CALM: bool>(&mut self, object: Object, access: Access) {
        self.touched_more |= !matches!(object, Object::Message(..) | Object::Load(_));
        if !CALM && self.tracing {
            self.write_touch(object, access);
        }
    }

    #[inline(never)]
    fn write_touch(&mut self, object: Object, access: Access) {
        let known = self.touched.iter_mut().find(|(o, _)| *o == object);
        match known {
            Some((_, known)) => *known = (*known).max(access),
            None => self.touched.push((object, access)),
        }
    }

    /// The step so far only took a message that was its own: nobody else could tell when.
    pub(super) fn was_private(&self) -> bool {
        !self.touched_more && self.looked.get() == (false, false)
    }

    /// A message is about to arrive at `to`.
    ///
    /// `conflicts` says with which others it does not commute; none: with nothing.
    #[inline(always)]
    pub(super) fn pushed(&mut self, to: ActorId, conflicts: Option<PlainArc<[u32]>>) {
        self.pushed_in::<false>(to, conflicts);
    }

    #[inline(always)]
    pub(super) fn pushed_in<const CALM: bool>(&mut self, to: ActorId, conflicts: Option<PlainArc<[u32]>>) {
        if let Some(prints) = self.prints.as_mut().filter(|_| !CALM) {
            prints.arrives(to.seat);
        }
        self.touched_more = true;
        let step = self.stamped.step;
        // An address of another run may lead beyond all seats: a dead letter.
        let Some(progress) = self.progress.get_mut(to.seat as usize) else { return };
        (progress.stamps.data, progress.stamps.mail) = (step, step);
        progress.pushed += 1;
        let number = progress.pushed;
        if !CALM && self.tracing {
            self.touch_arrival(to.seat, number, conflicts);
        }
    }

    fn touch_arrival(&mut self, seat: u32, number: u32, conflicts: Option<PlainArc<[u32]>>) {
        self.write_touch(Object::Life(seat), Access::Read);
        match conflicts {
            None => self.write_touch(Object::Tail(seat), Access::Write),
            Some(pairs) => {
                self.write_touch(Object::Tail(seat), Access::Read);
                pairs.iter().for_each(|pair| self.write_touch(Object::Order(seat, *pair), Access::Write));
            }
        }
        self.write_touch(Object::Message(seat, number), Access::Write);
    }

    /// `sender`'s behaviour was marked on `receiver`.
    pub(super) fn marked(&mut self, sender: u32, receiver: u32) {
        let marked = &mut self.of(sender).marked;
        if !marked.contains(&receiver) {
            marked.push(receiver);
        }
    }

    /// What is in progress in a seat.
    #[inline(always)]
    pub(super) fn of(&mut self, seat: u32) -> &mut Progress {
        &mut self.progress[seat as usize]
    }

    /// There are so many seats now.
    pub(super) fn grow(&mut self, seats: u32) {
        if seats as usize > self.progress.len() {
            self.progress.resize_with(seats as usize, Progress::default);
        }
    }

    /// `actor` fell, and `senders` lose their marks on it.
    #[cold]
    #[inline(never)]
    pub(super) fn fell(&mut self, actor: u32, senders: &[u32]) {
        self.touch(Object::Load(actor), Access::Write);
        self.changed(actor);
        for sender in senders {
            self.touch(Object::Load(*sender), Access::Write);
            self.changed(*sender);
            self.freed.push(*sender);
        }
        if !senders.is_empty() {
            self.stamped.marks = self.stamped.step;
        }
        for seat in 0..self.progress.len() {
            if self.progress[seat].pending.contains(&actor) {
                self.progress[seat].pending.retain(|r| *r != actor);
                self.changed(seat as u32);
            }
        }
    }
}

impl Script {
    /// The number of a new guard of `seat`.
    pub(super) fn new_guard(&mut self, seat: u32) -> u64 {
        self.is_calm = false;
        let number = (0..).find(|number| !self.guards.contains(&(seat, *number))).expect("numbers do not run out");
        self.guards.insert((seat, number));
        number
    }

    pub(super) fn guard_is_gone(&mut self, seat: u32, number: u64) {
        self.changed(seat);
        self.guards.remove(&(seat, number));
    }
}

impl Single {
    /// Turns this runtime, which has done nothing yet, over to the checker.
    pub(crate) fn write_script(&mut self, atomic: bool, batches_matter: bool) {
        self.script = Some(Box::new(Script {
            recording: false,
            atomic,
            batches_matter,
            output_matters: false,
            tracing: true,
            is_calm: false,
            touched_more: false,
            written: Vec::new(),
            notices: Vec::new(),
            progress: Vec::new(),
            drops: self.drops.clone(),
            dropped_early: Vec::new(),
            touched: Vec::new(),
            timers_set: Vec::new(),
            fired: Vec::new(),
            let_go: false,
            preventable: false,
            is_fault: false,
            is_last: false,
            doings: Doings::default(),
            freed: Vec::new(),
            looked: Cell::default(),
            given: Vec::new(),
            dice: None,
            chosen: Vec::new(),
            promises: Vec::new(),
            enabled: 0,
            guards: BTreeSet::new(),
            classes: None,
            commutes: false,
            prints: None,
            stamped: Stamped::default(),
        }));
        let seats = self.post.seats();
        self.script().grow(seats);
        self.watch_all();
    }

    /// See `Single::reset`.
    pub(super) fn reset_script(&mut self) {
        self.attention = true;
        let drops = &self.drops;
        let Some(script) = &mut self.script else { return };
        if !Arc::ptr_eq(&script.drops, drops) {
            script.drops = drops.clone();
        }
        script.progress.iter_mut().for_each(Progress::reset);
        script.written.clear();
        script.notices.clear();
        script.promises.clear();
        script.dropped_early.clear();
        script.fired.clear();
        script.guards.clear();
        script.prints.iter_mut().for_each(|prints| prints.reset());
        script.stamped = Stamped::default();
        (script.recording, script.dice, script.enabled) = (false, None, 0);
    }

    /// What is sent to the standard output is part of the search.
    pub(crate) fn explore_output(&mut self) {
        self.script().output_matters = true;
    }

    /// What steps touch is written down from here on, or no longer.
    pub(crate) fn trace(&mut self, tracing: bool) {
        self.script().tracing = tracing;
    }

    /// From here on what `choose` answers is random.
    pub(crate) fn throw_dice(&mut self, seed: u64) {
        self.script().dice = Some(Random::new(seed));
    }

    #[inline(always)]
    pub(super) fn script(&mut self) -> &mut Script {
        self.script.as_mut().expect("only the checker takes steps")
    }
}
