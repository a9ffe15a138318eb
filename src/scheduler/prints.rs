//! What tells two states of a whole runtime apart, for the checker's search over states.
//!
//! An actor is known by the fingerprint that its type gives ([`Body::print`]), or else by its history: a behaviour is a
//! function of the state it began in, its message and the answers it got, so a hash of these stands for whatever it
//! did. The same goes for messages. Everything else that decides how a run goes on is plain data here: loads, marks,
//! effects still to be carried out, timers by the time that is left. Not in it: what only reports and counts use.
//!
//! Not here: the hash, which is [`Fingerprint`]'s, and what is done with states, which is the checker's.

use super::fingerprint::{Fingerprint, and, of_words};
use super::script::{Effect, Proc, Promise};
use super::single::{Bodies, Single};
use crate::mailbox::Letter;
use crate::rules::Load;
use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::hash::Hash;

/// A message that has not been handled.
pub(crate) enum Held<'a> {
    /// Written down, to be sent.
    Letter(&'a Letter),
    /// The `nth` in the mailbox of a seat.
    Waiting { seat: u32, nth: u32 },
}

/// Fingerprints of the parts of a runtime.
#[derive(Default)]
pub(super) struct Prints {
    /// Of each actor.
    bodies: Vec<u128>,
    /// Of each message that waits, by seat.
    mail: Vec<VecDeque<u128>>,
    /// Of the behaviour that runs: what it began with, and the answers it got.
    behaviour: Cell<u128>,
    /// Where messages arrived in this step.
    arrived: Vec<u32>,
    /// Of the next timer's message, where the actor's type can tell.
    tick: Option<u128>,
    /// An actor came out of a behaviour as another than it went in.
    changed: Cell<bool>,
    /// A behaviour asked for the time.
    pub(super) looked: Cell<bool>,
    /// The time is part of the state.
    time_matters: bool,
    /// Something that cannot be known again.
    pub(super) refused: Cell<Option<&'static str>>,
}

/// Marks of what follows, so that unlike things never look alike.
mod tag {
    pub(super) const ANSWER: u64 = 1;
    pub(super) const TIME: u64 = 2;
    pub(super) const CHILD: u64 = 3;
    pub(super) const MESSAGE: u64 = 4;
    pub(super) const TIMER: u64 = 5;
    pub(super) const DELIVERED: u64 = 6;
    pub(super) const SEND: u64 = 7;
    pub(super) const APPLY: u64 = 8;
    pub(super) const RELEASE: u64 = 9;
    pub(super) const HOLD: u64 = 10;
    pub(super) const DROP: u64 = 11;
    pub(super) const WATCH: u64 = 12;
    pub(super) const ENDED: u64 = 13;
    pub(super) const MARK: u64 = 14;
}

impl Prints {
    fn answer(&self, tag: u64, answer: u64) {
        self.behaviour.set(and(and(self.behaviour.get(), tag), answer));
    }

    /// The `nth` thing that the behaviour in progress made.
    fn made(&self, tag: u64, nth: u64) -> u128 {
        and(and(self.behaviour.get(), tag), nth)
    }

    fn mail_of(&mut self, seat: u32) -> &mut VecDeque<u128> {
        let seat = seat as usize;
        if seat >= self.mail.len() {
            self.mail.resize_with(seat + 1, VecDeque::new);
        }
        &mut self.mail[seat]
    }

    fn body(&self, seat: u32) -> u128 {
        self.bodies.get(seat as usize).copied().unwrap_or_default()
    }

    /// A message is about to arrive.
    pub(super) fn arrives(&mut self, seat: u32) {
        self.arrived.push(seat);
    }

    /// A run that has not begun.
    pub(super) fn reset(&mut self) {
        self.bodies.clear();
        self.mail.iter_mut().for_each(VecDeque::clear);
        self.arrived.clear();
        self.behaviour.set(0);
        self.tick = None;
    }

    /// What it was between two steps of another run; its own run has not begun.
    pub(super) fn become_copy(&mut self, other: &Prints) {
        self.bodies.extend_from_slice(&other.bodies);
        for (seat, mail) in (0..).zip(&other.mail).filter(|(_, mail)| !mail.is_empty()) {
            let (first, rest) = mail.as_slices();
            let mine = self.mail_of(seat);
            mine.extend(first);
            mine.extend(rest);
        }
        self.behaviour.set(other.behaviour.get());
        self.changed.set(other.changed.get());
        self.looked.set(self.looked.get() || other.looked.get());
        self.refused.set(self.refused.get().or(other.refused.get()));
    }

    /// `seat` begins a behaviour with the first of its messages.
    pub(super) fn begins(&mut self, seat: u32) {
        let message = self.mail_of(seat).pop_front().unwrap_or_default();
        let mut print = Fingerprint::new();
        print.bits_of(self.body(seat));
        print.bits_of(message);
        self.behaviour.set(print.bits());
    }
}

impl Single {
    /// From here on every state has a fingerprint. `time_matters`: behaviours ask what time it is.
    pub(crate) fn take_prints(&mut self, time_matters: bool) {
        self.script().prints = Some(Box::new(Prints { time_matters, ..Prints::default() }));
    }

    pub(super) fn prints(&mut self) -> Option<&mut Prints> {
        self.script.as_mut()?.prints.as_deref_mut()
    }

    #[inline]
    pub(crate) fn takes_prints(&self) -> bool {
        self.script.as_ref().is_some_and(|script| script.prints.is_some())
    }

    /// The message of the timer that is about to be set.
    pub(crate) fn tick_is(&mut self, print: u128) {
        if let Some(prints) = self.prints() {
            prints.tick = Some(print);
        }
    }

    /// What tells the tick of a timer of the running behaviour from others; `nth` of its owner.
    pub(super) fn print_timer(&mut self, nth: u32) -> u128 {
        let Some(prints) = self.prints() else { return 0 };
        prints.tick.take().unwrap_or_else(|| prints.made(tag::TIMER, u64::from(nth)))
    }

    /// A message that has not been handled, if it is an `M`.
    pub(crate) fn message<M: Debug + Send + 'static>(&self, held: &Held<'_>) -> Option<&M> {
        match held {
            Held::Letter(letter) => self.post.kept(letter),
            Held::Waiting { seat, nth } => self.post.waiting(*seat, *nth),
        }
    }

    pub(super) fn print_answer(&self, answer: u64) {
        if let Some(prints) = self.script.as_ref().and_then(|script| script.prints.as_deref()) {
            prints.answer(tag::ANSWER, answer);
        }
    }

    pub(super) fn print_look(&self, all: bool) {
        let Some(prints) = self.script.as_ref().and_then(|script| script.prints.as_deref()) else { return };
        prints.looked.set(true);
        match all {
            false => prints.answer(tag::TIME, self.watch.now.as_nanos() as u64),
            true => prints.refused.set(Some("a behaviour asked for counts of the whole run, which never come back")),
        }
    }

    /// The behaviour of `seat` is written down: what it made gets its fingerprints.
    pub(super) fn print_behaviour(&mut self, seat: u32, bodies: &Bodies) {
        let Some(mut prints) = self.script().prints.take() else { return };
        let progress = self.script().of(seat);
        let (effects, mut made) = (std::mem::take(&mut progress.effects), std::mem::take(&mut progress.prints));
        let body = |seat: u32| bodies.get(seat as usize).and_then(Option::as_ref);
        for newborn in prints.bodies.len() as u32..self.post.seats() {
            let known = body(newborn).and_then(|body| body.print());
            let print = known.unwrap_or_else(|| prints.made(tag::CHILD, u64::from(newborn)));
            prints.bodies.push(self.with_birth(newborn, print));
        }
        let after = body(seat).and_then(|body| body.print()).unwrap_or(prints.behaviour.get());
        let (before, after) = (prints.body(seat), self.with_birth(seat, after));
        prints.bodies[seat as usize] = after;
        prints.changed.set(prints.changed.get() || before != after);
        let effect = |(nth, effect): (usize, &Effect)| match effect {
            Effect::Send { letter, to, .. } => {
                let known = body(to.seat).and_then(|body| body.print_message(self, &Held::Letter(letter)));
                known.unwrap_or_else(|| prints.made(tag::MESSAGE, nth as u64))
            }
            _ => prints.made(tag::MESSAGE, nth as u64),
        };
        made.extend(effects.iter().enumerate().map(effect));
        let progress = self.script().of(seat);
        (progress.effects, progress.prints) = (effects, made);
        self.script().prints = Some(prints);
    }

    /// An actor's print, and how it is kept.
    fn with_birth(&self, seat: u32, print: u128) -> u128 {
        let data = self.post.data(seat);
        let mut all = Fingerprint::new();
        all.bits_of(print);
        (data.batch, data.detector()).hash(&mut all);
        all.bits()
    }

    /// A message of this fingerprint was sent to `seat`, if it has arrived.
    pub(super) fn print_arrival(&mut self, seat: u32, print: u128) {
        let waiting = if seat < self.post.seats() { self.post.len(seat) as usize } else { 0 };
        if let Some(prints) = self.prints()
            && prints.mail_of(seat).len() < waiting
        {
            prints.mail_of(seat).push_back(print);
        }
    }

    /// What the runtime itself delivered in this step of `proc`.
    pub(super) fn print_deliveries(&mut self, proc: Proc, bodies: &Bodies) {
        let Some(mut arrived) = self.prints().map(|prints| std::mem::take(&mut prints.arrived)) else { return };
        arrived.retain(|seat| *seat < self.post.seats());
        for seat in arrived {
            let known = self.prints().map_or(0, |prints| prints.mail_of(seat).len() as u32);
            for nth in known..self.post.len(seat) {
                let body = bodies.get(seat as usize).and_then(Option::as_ref);
                let told = body.and_then(|body| body.print_message(self, &Held::Waiting { seat, nth }));
                let print = told.unwrap_or_else(|| {
                    let (a, b) = match proc {
                        Proc::Actor(from) => (u64::from(from), 0),
                        Proc::Timer { owner, nth } => (u64::from(owner), 1 + u64::from(nth)),
                        Proc::World(choice) => (choice, u64::MAX),
                        Proc::Time => (0, u64::MAX),
                    };
                    of_words([tag::DELIVERED, a, b, u64::from(nth - known)])
                });
                self.print_arrival(seat, print);
            }
        }
    }

    /// A behaviour asked for the time in this run; and what cannot be known again, if there is anything.
    pub(crate) fn print_doubts(&self) -> (bool, Option<&'static str>) {
        let prints = self.script.as_ref().and_then(|script| script.prints.as_deref());
        let outside = (!self.outsiders.is_empty() || self.event_loop.is_some())
            .then_some("an actor has an inlet, an outlet or a socket, whose states are not known");
        prints.map_or((false, None), |prints| (prints.looked.get(), prints.refused.get().or(outside)))
    }

    /// An actor came out of a behaviour as another than it went in, since the last call.
    pub(crate) fn print_changed(&self) -> bool {
        let prints = self.script.as_ref().and_then(|script| script.prints.as_deref());
        prints.is_some_and(|prints| prints.changed.take())
    }

    /// Who is muted, and who is under pressure, by seat.
    pub(crate) fn standings(&self) -> (Vec<u32>, Vec<u32>) {
        let seats =
            |which: fn(Load) -> bool| (0..self.post.seats()).filter(|seat| which(self.post.data(*seat).load)).collect();
        (seats(Load::is_muted), seats(Load::is_under_pressure))
    }

    /// The fingerprint of all that decides how this run goes on. Between two steps.
    pub(crate) fn fingerprint(&self) -> u128 {
        let script = self.script.as_ref().expect("only the checker asks for states");
        let prints = script.prints.as_deref().expect("it asked for them from the start");
        let mut all = Fingerprint::new();
        all.word(u64::from(self.failure.is_some()));
        if prints.time_matters {
            all.word(self.watch.now.as_nanos() as u64);
        }
        for seat in (0..self.post.seats()).filter(|seat| !script.is_mute_stream(*seat)) {
            let data = self.post.data(seat);
            if data.is_empty() {
                all.word(tag::ENDED);
                continue;
            }
            all.bits_of(prints.body(seat));
            data.load.hash(&mut all);
            let mail = prints.mail.get(seat as usize);
            all.word(mail.map_or(0, VecDeque::len) as u64);
            mail.into_iter().flatten().for_each(|print| all.bits_of(*print));
            if let Some(more) = data.more.as_deref() {
                more.random.iter().for_each(|random| all.word(random.clone().next_u64()));
                let guards: u128 = more.guards.iter().map(|(guard, _)| of_words([*guard])).fold(0, u128::wrapping_add);
                all.bits_of(guards);
                all.word(more.watchers.len() as u64);
            }
        }
        script.print_progress(&mut all);
        for timer in self.timers.in_order() {
            timer.print(self.watch.now, &mut all);
        }
        let mark = |(sender, receiver): (u32, u32)| of_words([tag::MARK, u64::from(sender), u64::from(receiver)]);
        all.bits_of(self.marks.iter().map(mark).fold(0, u128::wrapping_add));
        let promises = script.promises.iter().filter(|(_, kind, _)| *kind == Promise::Eventually);
        let promise = |(label, _, held): &(&'static str, Promise, bool)| {
            let mut print = Fingerprint::new();
            (label, held).hash(&mut print);
            print.bits()
        };
        all.bits_of(promises.map(promise).fold(0, u128::wrapping_add));
        all.bits()
    }
}

impl Effect {
    /// What it does; `made` says with which message.
    pub(super) fn print(&self, made: u128, all: &mut Fingerprint) {
        match self {
            Effect::Send { to, lane, .. } => {
                all.word(tag::SEND);
                (to, lane).hash(all);
                all.bits_of(made);
            }
            Effect::Apply(_) => all.word(tag::APPLY),
            Effect::Release(_) => all.word(tag::RELEASE),
            Effect::Hold { guard, .. } => (tag::HOLD, guard).hash(all),
            Effect::Drop { owner, guard } => (tag::DROP, owner, guard).hash(all),
            Effect::Watch { other, .. } => {
                (tag::WATCH, other).hash(all);
                all.bits_of(made);
            }
        }
    }
}
