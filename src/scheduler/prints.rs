//! What tells two states of a whole runtime apart, for the checker's search over states.
//!
//! An actor is known by the fingerprint that its type gives ([`Body::print`]), or else by its history: a behaviour is a
//! function of the state it began in, its message and the answers it got, so a hash of these stands for whatever it
//! did. The same goes for messages. Everything else that decides how a run goes on is plain data here: loads, marks,
//! effects still to be carried out, timers by the time that is left. Not in it: what only reports and counts use.
//!
//! Not here: the hash, which is [`Fingerprint`]'s, and what is done with states, which is the checker's.

use super::fingerprint::{Fingerprint, and, of_words};
use super::script::{Effect, Progress, Promise, Script};
use super::seat::Seat;
use super::single::{Bodies, Single};
use super::touch::Proc;
use crate::mailbox::{Letter, Post};
use crate::rules::Load;
use std::cell::Cell;
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
    /// In how many seats somebody was born.
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
    mail: Vec<u128>,
    /// All of it, after the last step.
    whole: u128,
}

impl Print {
    pub(super) fn reset(&mut self) {
        (self.birth, self.body, self.whole) = (0, 0, 0);
        self.mail.clear();
    }

    pub(super) fn become_copy(&mut self, other: &Print) {
        (self.birth, self.body, self.whole) = (other.birth, other.body, other.whole);
        self.mail.clear();
        self.mail.extend_from_slice(&other.mail);
    }
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
    pub(super) const LIVES: u64 = 15;
    pub(super) const PROMISE: u64 = 16;
    pub(super) const BEHAVIOUR: u64 = 17;
}

impl Prints {
    fn answer(&self, tag: u64, answer: u64) {
        self.behaviour.set(and(and(self.behaviour.get(), tag), answer));
    }

    /// The `nth` thing that the behaviour in progress made.
    fn made(&self, tag: u64, nth: u64) -> u128 {
        and(and(self.behaviour.get(), tag), nth)
    }

    pub(super) fn step_begins(&mut self) {
        self.arrived.clear();
    }

    /// A message is about to arrive.
    pub(super) fn arrives(&mut self, seat: u32) {
        self.arrived.push(seat);
    }

    /// A run that has not begun.
    pub(super) fn reset(&mut self) {
        self.arrived.clear();
        (self.born, self.sum, self.marks, self.promises, self.whole) = (0, 0, (0, 0), (0, 0), 0);
        self.behaviour.set(0);
        self.tick = None;
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
}

impl Script {
    /// `seat` begins a behaviour with the first of its messages.
    pub(super) fn print_beginning(&mut self, seat: u32) {
        let Print { mail, body, .. } = &mut self.progress[seat as usize].print;
        let message = if mail.is_empty() { 0 } else { mail.remove(0) };
        let mut print = Fingerprint::new();
        print.bits_of(*body);
        print.bits_of(message);
        self.prints.iter().for_each(|prints| prints.behaviour.set(print.bits()));
    }

    /// The behaviour in progress of a seat. Where runs end matters only if one can be full.
    fn print_progress(&self, seat: u32, all: &mut Fingerprint) {
        let progress = &self.progress[seat as usize];
        // Whoever is in no behaviour, nor in a run whose end matters, is known by the rest.
        if !(progress.behaving || self.batches_matter && progress.running) {
            return;
        }
        let marked = !progress.pending.is_empty() || !progress.marked.is_empty();
        let flags = [progress.behaving, progress.stopping, progress.shutdown, progress.panic.is_some(), marked];
        let flags = flags.iter().fold(progress.effects.len() as u64, |word, flag| word << 1 | u64::from(*flag));
        all.word(tag::BEHAVIOUR << 56 | flags);
        if self.batches_matter {
            (progress.running, progress.left, progress.handled).hash(all);
        }
        if progress.behaving {
            progress.effects.iter().rev().for_each(|written| written.effect.print(written.print, all));
        }
        if marked && progress.behaving {
            for marks in [&progress.pending, &progress.marked] {
                all.word(marks.len() as u64);
                all.bits_of(marks.iter().map(|mark| of_words([u64::from(*mark)])).fold(0, u128::wrapping_add));
            }
        }
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
        let body = |seat: u32| bodies.get(seat as usize).and_then(Option::as_ref);
        while prints.born < self.post.seats() {
            let newborn = prints.born;
            prints.born += 1;
            let birth = self.print_birth(newborn, body(newborn).map_or("", |body| body.kind()));
            let known = body(newborn).and_then(|body| body.print(birth));
            let print = known.unwrap_or_else(|| and(prints.made(tag::CHILD, u64::from(newborn)), birth as u64));
            let seat = &mut self.script().of(newborn).print;
            (seat.birth, seat.body) = (birth, print);
        }
        let progress = self.script().of(seat);
        let (before, birth) = (progress.print.body, progress.print.birth);
        let known = body(seat).and_then(|body| body.print(birth));
        let after = known.unwrap_or_else(|| and(prints.behaviour.get(), birth as u64));
        progress.print.body = after;
        prints.changed.set(prints.changed.get() || before != after);
        let mut effects = mem::take(&mut progress.effects);
        for (nth, written) in (0..).zip(effects.iter_mut().rev()) {
            let known = match &written.effect {
                Effect::Send { letter, to, .. } => {
                    body(to.seat).and_then(|body| body.print_message(self, &Held::Letter(letter)))
                }
                _ => None,
            };
            written.print = known.unwrap_or_else(|| prints.made(tag::MESSAGE, nth));
        }
        self.script().of(seat).effects = effects;
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
    #[inline(never)]
    pub(super) fn print_arrival(&mut self, seat: u32, print: u128) {
        if seat >= self.post.seats() {
            return;
        }
        let waiting = self.post.len(seat) as usize;
        let mail = &mut self.script().of(seat).print.mail;
        if mail.len() < waiting {
            mail.push(print);
        }
    }

    /// What the runtime itself delivered in this step of `proc`.
    pub(super) fn print_deliveries(&mut self, proc: Proc, bodies: &Bodies) {
        let Some(prints) = self.prints() else { return };
        let arrived = mem::take(&mut prints.arrived);
        for seat in arrived.iter().copied() {
            if seat >= self.post.seats() {
                continue;
            }
            let known = self.script().of(seat).print.mail.len() as u32;
            for nth in known..self.post.len(seat) {
                let body = bodies.get(seat as usize).and_then(Option::as_ref);
                let told = body.and_then(|body| body.print_message(self, &Held::Waiting { seat, nth }));
                let print = told.unwrap_or_else(|| print_delivery(proc, nth - known));
                self.print_arrival(seat, print);
            }
        }
        if let Some(prints) = self.prints() {
            prints.arrived = arrived;
        }
    }

    /// In whose mailboxes something arrived in the last step; more than once if more than one message did.
    pub(crate) fn arrivals(&self) -> &[u32] {
        self.script.as_ref().and_then(|script| script.prints.as_deref()).map_or(&[], |prints| &prints.arrived)
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
    pub(crate) fn standings(&self, muted: &mut Vec<u32>, pressing: &mut Vec<u32>) {
        for seat in 0..self.post.seats() {
            let load = self.post.data(seat).load;
            if load == Load::IDLE {
                continue;
            }
            if load.is_muted() {
                muted.push(seat);
            }
            if load.is_under_pressure() {
                pressing.push(seat);
            }
        }
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
        let stamped = self.script().stamped;
        let Single { post, script, .. } = self;
        let script = script.as_deref_mut().expect("only the checker asks for states");
        for seat in 0..script.progress.len() {
            if script.progress[seat].stamps.data == stamped.step {
                let now = print_seat(post, script, seat as u32);
                let before = mem::replace(&mut script.progress[seat].print.whole, now);
                prints.sum = prints.sum.wrapping_sub(before).wrapping_add(now);
            }
        }
        if prints.marks.0 != stamped.marks {
            prints.marks = (stamped.marks, self.print_marks());
        }
        if prints.promises.0 != stamped.promises {
            prints.promises = (stamped.promises, self.print_promises());
        }
        prints.whole = self.print_whole(&prints, prints.sum, prints.marks.1, prints.promises.1);
        debug_assert_eq!(
            prints.whole,
            self.print_anew(&prints),
            "a step that changes a seat says so: a bug in backwater"
        );
        self.script().prints = Some(prints);
    }

    /// The same, of all seats.
    fn print_anew(&self, prints: &Prints) -> u128 {
        let script = self.script.as_deref().expect("only the checker asks for states");
        let seats = (0..self.post.seats()).map(|seat| print_seat(&self.post, script, seat));
        let sum = seats.fold(0, u128::wrapping_add);
        self.print_whole(prints, sum, self.print_marks(), self.print_promises())
    }

    /// The sum of all parts, each of which says what it is.
    fn print_whole(&self, prints: &Prints, seats: u128, marks: u128, promises: u128) -> u128 {
        let whole = seats.wrapping_add(marks).wrapping_add(promises);
        if self.failure.is_none() && !prints.time_matters && self.timers.is_empty() {
            return whole;
        }
        let mut rest = Fingerprint::new();
        rest.word(u64::from(self.failure.is_some()));
        if prints.time_matters {
            rest.word(self.watch.now.as_nanos() as u64);
        }
        self.timers.in_order().for_each(|timer| timer.print(self.watch.now, &mut rest));
        whole.wrapping_add(rest.bits())
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
            (tag::PROMISE, label, held).hash(&mut print);
            print.bits()
        };
        promises.map(promise).fold(0, u128::wrapping_add)
    }
}

fn print_seat(post: &Post<Seat>, script: &Script, seat: u32) -> u128 {
    if script.is_mute_stream(seat) {
        return 0;
    }
    let Progress { print: Print { body, mail, .. }, .. } = &script.progress[seat as usize];
    let mut all = Fingerprint::new();
    let data = post.data(seat);
    if data.is_empty() {
        all.word(u64::from(seat) << 32 | tag::ENDED);
    } else {
        all.word(u64::from(seat) << 32 | u64::from(data.load.bits()) << 8 | tag::LIVES);
        all.bits_of(*body);
        all.word(mail.len() as u64);
        mail.iter().for_each(|print| all.bits_of(*print));
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

/// Of the `nth` message that a step of `proc` delivered, if nothing else is known of it.
fn print_delivery(proc: Proc, nth: u32) -> u128 {
    let (a, b) = match proc {
        Proc::Actor(from) => (u64::from(from), 0),
        Proc::Timer { owner, nth } => (u64::from(owner), 1 + u64::from(nth)),
        Proc::World(choice) => (choice, u64::MAX),
        Proc::Time => (0, u64::MAX),
    };
    of_words([tag::DELIVERED, a, b, u64::from(nth)])
}

impl Effect {
    /// What it does; `made` says with which message.
    pub(super) fn print(&self, made: u128, all: &mut Fingerprint) {
        match self {
            Effect::Send { to, lane, .. } => {
                all.word(tag::SEND << 8 | *lane as u64);
                all.word(u64::from(to.tenant) << 32 | u64::from(to.seat));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_behaviour_has_in_hand_makes_another_state() {
        let mut core = Single::plain();
        let seat = core.another().seat;
        core.write_script(false, false);
        let script = core.script();
        let mut states = Vec::new();
        for flags in 0..16 {
            let progress = script.of(seat);
            progress.behaving = true;
            progress.stopping = flags & 1 != 0;
            progress.shutdown = flags & 2 != 0;
            progress.panic = (flags & 4 != 0).then(String::new);
            progress.marked = vec![0; flags >> 3];
            for effects in 0..3 {
                let effect = || Effect::Release(std::panic::Location::caller()).into();
                script.of(seat).effects = std::iter::repeat_with(effect).take(effects).collect();
                let mut print = Fingerprint::new();
                script.print_progress(seat, &mut print);
                states.push(print.bits());
            }
        }
        let unlike: std::collections::BTreeSet<u128> = states.iter().copied().collect();
        assert_eq!(unlike.len(), states.len());
    }
}
