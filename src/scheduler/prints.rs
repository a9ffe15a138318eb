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
use super::stamps::Stamps;
use crate::mailbox::Letter;
use crate::rules::Load;
use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::hash::Hash;
use std::mem;

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
    seats: Vec<Print>,
    /// In how many of them somebody was born.
    born: u32,
    /// The sum of all seats' prints, and the prints of marks and promises, with the stamps of what these were taken of.
    sum: u128,
    marks: (u64, u128),
    promises: (u64, u128),
    /// Of the whole, after the last step.
    whole: u128,
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

/// What is known of a seat.
#[derive(Clone, Debug, Default)]
pub(super) struct Print {
    /// The actor's type, and how it is kept: that never changes.
    birth: u128,
    /// The actor.
    body: u128,
    /// Each message that waits.
    mail: VecDeque<u128>,
    /// All of it, and the stamps that it then had.
    whole: u128,
    at: Stamps,
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

    pub(super) fn of(&mut self, seat: u32) -> &mut Print {
        let seat = seat as usize;
        if seat >= self.seats.len() {
            self.seats.resize_with(seat + 1, Print::default);
        }
        &mut self.seats[seat]
    }

    fn body(&self, seat: u32) -> u128 {
        self.seats.get(seat as usize).map_or(0, |print| print.body)
    }

    /// A message is about to arrive.
    pub(super) fn arrives(&mut self, seat: u32) {
        self.arrived.push(seat);
    }

    /// A run that has not begun.
    pub(super) fn reset(&mut self) {
        self.truncate(0);
        self.arrived.clear();
        (self.sum, self.marks, self.promises, self.whole) = (0, (0, 0), (0, 0), 0);
        self.behaviour.set(0);
        self.tick = None;
    }

    /// There are only so many seats.
    pub(super) fn truncate(&mut self, seats: u32) {
        self.born = self.born.min(seats);
        for print in self.seats.iter_mut().skip(seats as usize) {
            print.mail.clear();
            *print = Print { mail: mem::take(&mut print.mail), ..Print::default() };
        }
    }

    /// What another was between two steps, but for the seats.
    pub(super) fn take_rest(&mut self, other: &Prints) {
        (self.sum, self.marks, self.promises, self.whole) = (other.sum, other.marks, other.promises, other.whole);
        self.born = other.born;
        self.behaviour.set(other.behaviour.get());
        self.changed.set(other.changed.get());
        self.looked.set(self.looked.get() || other.looked.get());
        self.refused.set(self.refused.get().or(other.refused.get()));
    }

    /// What is known of a seat of another.
    pub(super) fn take_seat(&mut self, other: &Prints, seat: u32) {
        let Some(theirs) = other.seats.get(seat as usize) else { return };
        let mine = self.of(seat);
        mine.mail.clear();
        let (first, rest) = theirs.mail.as_slices();
        mine.mail.extend(first);
        mine.mail.extend(rest);
        (mine.birth, mine.body, mine.whole, mine.at) = (theirs.birth, theirs.body, theirs.whole, theirs.at);
    }

    /// `seat` begins a behaviour with the first of its messages.
    pub(super) fn begins(&mut self, seat: u32) {
        let message = self.of(seat).mail.pop_front().unwrap_or_default();
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
        let (effects, mut made) = (mem::take(&mut progress.effects), mem::take(&mut progress.prints));
        let body = |seat: u32| bodies.get(seat as usize).and_then(Option::as_ref);
        while prints.born < self.post.seats() {
            let newborn = prints.born;
            prints.born += 1;
            let birth = self.print_birth(newborn, body(newborn).map_or("", |body| body.kind()));
            let known = body(newborn).and_then(|body| body.print(birth));
            let print = known.unwrap_or_else(|| and(prints.made(tag::CHILD, u64::from(newborn)), birth as u64));
            let seat = prints.of(newborn);
            (seat.birth, seat.body) = (birth, print);
        }
        let of = prints.of(seat);
        let (before, birth) = (of.body, of.birth);
        let known = body(seat).and_then(|body| body.print(birth));
        let after = known.unwrap_or_else(|| and(prints.behaviour.get(), birth as u64));
        prints.of(seat).body = after;
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

    /// The print of what never changes in an actor: its type, and how it is kept.
    fn print_birth(&self, seat: u32, kind: &str) -> u128 {
        let data = self.post.data(seat);
        let mut all = Fingerprint::new();
        (kind, data.batch, data.detector()).hash(&mut all);
        all.bits()
    }

    /// A message of this fingerprint was sent to `seat`, if it has arrived.
    pub(super) fn print_arrival(&mut self, seat: u32, print: u128) {
        let waiting = if seat < self.post.seats() { self.post.len(seat) as usize } else { 0 };
        if let Some(prints) = self.prints()
            && prints.of(seat).mail.len() < waiting
        {
            prints.of(seat).mail.push_back(print);
        }
    }

    /// What the runtime itself delivered in this step of `proc`.
    pub(super) fn print_deliveries(&mut self, proc: Proc, bodies: &Bodies) {
        let Some(mut arrived) = self.prints().map(|prints| mem::take(&mut prints.arrived)) else { return };
        arrived.retain(|seat| *seat < self.post.seats());
        for seat in arrived {
            let known = self.prints().map_or(0, |prints| prints.of(seat).mail.len() as u32);
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
    #[inline]
    pub(crate) fn fingerprint(&self) -> u128 {
        let prints = self.script.as_ref().and_then(|script| script.prints.as_deref());
        prints.expect("the checker asked for fingerprints from the start").whole
    }

    /// A step is over: the fingerprint of what it left. Only what it changed is looked at.
    pub(crate) fn print_state(&mut self) {
        let Some(mut prints) = self.script().prints.take() else { return };
        let stamped = &self.script().stamped;
        let (marks, promises) = (stamped.marks, stamped.promises);
        for seat in 0..self.post.seats() {
            let at = self.script().stamped.of(seat);
            if prints.of(seat).at != at {
                let now = self.print_seat(seat, &prints);
                let print = prints.of(seat);
                let before = mem::replace(&mut print.whole, now);
                print.at = at;
                prints.sum = prints.sum.wrapping_sub(before).wrapping_add(now);
            }
        }
        if prints.marks.0 != marks {
            prints.marks = (marks, self.print_marks());
        }
        if prints.promises.0 != promises {
            prints.promises = (promises, self.print_promises());
        }
        prints.whole = self.print_whole(&prints, prints.sum, prints.marks.1, prints.promises.1);
        debug_assert_eq!(prints.whole, self.print_anew(&prints), "a step that changes a seat says so: a bug in backwater");
        self.script().prints = Some(prints);
    }

    /// The same, of all seats.
    fn print_anew(&self, prints: &Prints) -> u128 {
        let sum = (0..self.post.seats()).map(|seat| self.print_seat(seat, prints)).fold(0, u128::wrapping_add);
        self.print_whole(prints, sum, self.print_marks(), self.print_promises())
    }

    fn print_whole(&self, prints: &Prints, seats: u128, marks: u128, promises: u128) -> u128 {
        let mut all = Fingerprint::new();
        all.word(u64::from(self.failure.is_some()));
        if prints.time_matters {
            all.word(self.watch.now.as_nanos() as u64);
        }
        all.word(u64::from(self.post.seats()));
        all.bits_of(seats);
        if !self.timers.is_empty() {
            self.timers.in_order().for_each(|timer| timer.print(self.watch.now, &mut all));
        }
        all.bits_of(marks);
        all.bits_of(promises);
        all.bits()
    }

    fn print_seat(&self, seat: u32, prints: &Prints) -> u128 {
        let script = self.script.as_ref().expect("only the checker asks for states");
        if script.is_mute_stream(seat) {
            return 0;
        }
        let mut all = Fingerprint::new();
        all.word(u64::from(seat));
        let data = self.post.data(seat);
        if data.is_empty() {
            all.word(tag::ENDED);
        } else {
            all.bits_of(prints.body(seat));
            let mail = prints.seats.get(seat as usize).map(|print| &print.mail);
            all.word(u64::from(data.load.bits()) << 32 | mail.map_or(0, VecDeque::len) as u64);
            mail.into_iter().flatten().for_each(|print| all.bits_of(*print));
            if let Some(more) = data.more.as_deref() {
                more.random.iter().for_each(|random| all.word(random.clone().next_u64()));
                let guards: u128 = more.guards.iter().map(|(guard, _)| of_words([*guard])).fold(0, u128::wrapping_add);
                all.bits_of(guards);
                all.word(more.watchers.len() as u64);
            }
        }
        script.print_progress(seat, &mut all);
        all.bits()
    }

    fn print_marks(&self) -> u128 {
        if self.marks.is_empty() {
            return 0;
        }
        let mark = |(sender, receiver): (u32, u32)| of_words([tag::MARK, u64::from(sender), u64::from(receiver)]);
        self.marks.iter().map(mark).fold(0, u128::wrapping_add)
    }

    fn print_promises(&self) -> u128 {
        let promises = self.promises().iter().filter(|(_, kind, _)| *kind == Promise::Eventually);
        let promise = |(label, _, held): &(&'static str, Promise, bool)| {
            let mut print = Fingerprint::new();
            (label, held).hash(&mut print);
            print.bits()
        };
        promises.map(promise).fold(0, u128::wrapping_add)
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
