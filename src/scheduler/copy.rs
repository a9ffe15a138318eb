//! A copy of a runtime between two steps, for a search to come back to: cheaper than to run the program again up to there.
//!
//! It is made of plain data, and of actors and messages whose types say how they are copied
//! ([`Model::copied`](crate::Model::copied)). Not everything that a runtime may hold can be: the closure of a timer or of a
//! watcher, a guard, a world outside. Then there is no copy, and the program runs again.

use super::script::{Effect, Progress, Script, Written};
use super::seat::Seat;
use super::single::{Bodies, Body, Single};
use crate::mailbox::{Draft, Letter};
use std::fmt::Debug;

impl Single {
    /// Makes `to`, which was built for the same program and is between two steps of whatever run, a copy of this one. Where
    /// both have the same [stamps](super::stamps) nothing is done. False if it cannot be; then `to` has to be reset before it
    /// is good for anything.
    pub(crate) fn copy(&self, bodies: &Bodies, to: &mut Single, to_bodies: &mut Bodies) -> bool {
        self.is_plain() && self.copy_all(bodies, to, to_bodies).is_some()
    }

    /// Nothing is there that cannot be copied, as far as the whole runtime goes: actors that `main` finds, too.
    pub(crate) fn is_plain(&self) -> bool {
        let watched = self.watch.observer.is_some() || self.watch.contacts.is_some();
        let timed = !self.timers.is_new() || self.event_loop.is_some();
        let prints = self.script.as_ref().is_some_and(|script| script.output_matters);
        let guarded = self.next_guard > 0;
        !watched && !timed && !prints && !guarded && self.outsiders.is_empty() && self.failure.is_none()
    }

    fn copy_all(&self, bodies: &Bodies, to: &mut Single, to_bodies: &mut Bodies) -> Option<()> {
        let script = self.script.as_deref()?;
        let seats = self.post.seats();
        to.keep_seats(seats, to_bodies);
        for (seat, progress) in (0..seats).zip(&script.progress) {
            let (theirs, mine) = (progress.stamps, to.script().of(seat).stamps);
            if theirs.data == mine.data {
                continue;
            }
            self.copy_seat(seat, to)?;
            if theirs.body != mine.body {
                copy_body(bodies.get(seat as usize).and_then(Option::as_deref), seat as usize, to_bodies)?;
            }
            if theirs.mail != mine.mail {
                self.copy_mail(seat, bodies, to)?;
            }
            self.copy_progress(progress, seat, bodies, to)?;
        }
        self.copy_rest(script, to);
        debug_assert!(self.is_like(to), "a step that changes a seat says so: a bug in backwater");
        Some(())
    }

    /// Whoever is in a seat beyond these is gone.
    fn keep_seats(&mut self, seats: u32, bodies: &mut Bodies) {
        for seat in seats..self.post.seats() {
            self.forget_effects(seat);
            self.script().of(seat).reset();
        }
        self.script().grow(seats);
        self.post.truncate(seats);
        bodies.truncate(seats as usize);
    }

    fn copy_seat(&self, seat: u32, to: &mut Single) -> Option<()> {
        let data = self.post.data(seat);
        if seat < to.post.seats() {
            return to.post.data_mut(seat).become_copy(data);
        }
        to.post.add(data.copy()?);
        Some(())
    }

    fn copy_mail(&self, seat: u32, bodies: &Bodies, to: &mut Single) -> Option<()> {
        while to.post.discard(seat, |_| ()) {}
        for nth in 0..self.post.len(seat) {
            let waiting = super::Held::Waiting { seat, nth };
            let draft = bodies.get(seat as usize)?.as_ref()?.copy_message(self, &waiting, to)?;
            drop(draft.send(seat, |_| true));
        }
        Some(())
    }

    fn copy_progress(&self, progress: &Progress, seat: u32, bodies: &Bodies, to: &mut Single) -> Option<()> {
        to.forget_effects(seat);
        for written in &progress.effects {
            let effect = self.copy_effect(&written.effect, bodies, to)?;
            let copy = Written { effect, print: written.print };
            to.script().of(seat).effects.push(copy);
        }
        let states = self.takes_prints();
        to.script().of(seat).take_rest(progress, states);
        Some(())
    }

    /// What was still to be carried out in this seat is dropped.
    fn forget_effects(&mut self, seat: u32) {
        let Single { post, script, .. } = self;
        let Some(script) = script.as_mut() else { return };
        while let Some(written) = script.of(seat).effects.pop() {
            if let Effect::Send { letter, .. } = written.effect {
                drop(post.letter(letter));
            }
        }
    }

    /// All that is in no seat.
    fn copy_rest(&self, script: &Script, to: &mut Single) {
        if to.script().stamped.marks != script.stamped.marks {
            to.marks.clone_from(&self.marks);
        }
        (to.running, to.created, to.living) = (self.running, self.created, self.living);
        (to.totals, to.muted_longest_ns) = (self.totals.clone(), self.muted_longest_ns);
        to.watch.now = self.watch.now;
        to.script().take_rest(script);
    }

    /// Is a copy what it is a copy of, as far as that can be seen? For a debug build.
    fn is_like(&self, copy: &Single) -> bool {
        let progress = |core: &Single, seat: u32| {
            let progress = core.script.as_ref().and_then(|script| script.progress.get(seat as usize));
            progress.map(Progress::summary).unwrap_or_default()
        };
        let same = |seat: u32| {
            let (mine, theirs) = (self.post.data(seat), copy.post.data(seat));
            mine.is_like(theirs)
                && self.post.len(seat) == copy.post.len(seat)
                && progress(self, seat) == progress(copy, seat)
        };
        self.post.seats() == copy.post.seats()
            && (0..self.post.seats()).all(same)
            && self.marks.iter().eq(copy.marks.iter())
            && self.promises() == copy.promises()
    }

    fn copy_effect(&self, effect: &Effect, bodies: &Bodies, to: &mut Single) -> Option<Effect> {
        Some(match effect {
            Effect::Send { letter, to: receiver, lane, place } => {
                let letter = copy_letter(self, letter, bodies.get(receiver.seat as usize)?.as_deref()?, to)?;
                Effect::Send { letter, to: *receiver, lane: *lane, place }
            }
            Effect::Apply(place) => Effect::Apply(place),
            Effect::Release(place) => Effect::Release(place),
            Effect::Hold { .. } | Effect::Drop { .. } | Effect::Watch { .. } => return None,
        })
    }

    /// A message for a mailbox or a letter of this runtime.
    pub(crate) fn draft<M: Debug + Send + 'static>(&mut self, message: M) -> Draft<'_, Seat> {
        self.post.draft(message)
    }
}

fn copy_letter(from: &Single, letter: &Letter, receiver: &dyn Body, to: &mut Single) -> Option<Letter> {
    let draft = receiver.copy_message(from, &super::Held::Letter(letter), to)?;
    Some(draft.keep())
}

fn copy_body(from: Option<&dyn Body>, seat: usize, to: &mut Bodies) -> Option<()> {
    if seat >= to.len() {
        to.resize_with(seat + 1, || None);
    }
    let Some(from) = from else {
        to[seat] = None;
        return Some(());
    };
    let copied = to[seat].as_mut().is_some_and(|to| to.become_copy(from));
    if !copied {
        to[seat] = Some(from.copy()?);
    }
    Some(())
}

impl Progress {
    /// All but the effects, which have messages in them; `states` says whether states are told apart.
    fn take_rest(&mut self, other: &Progress, states: bool) {
        for (mine, theirs) in [(&mut self.pending, &other.pending), (&mut self.marked, &other.marked)] {
            if !(mine.is_empty() && theirs.is_empty()) {
                mine.clone_from(theirs);
            }
        }
        if !(self.conflicts.is_empty() && other.conflicts.is_empty()) {
            self.conflicts.clone_from(&other.conflicts);
        }
        if self.panic.is_some() || other.panic.is_some() {
            self.panic.clone_from(&other.panic);
        }
        (self.stopping, self.shutdown) = (other.stopping, other.shutdown);
        (self.behaving, self.running, self.enabled) = (other.behaving, other.running, other.enabled);
        (self.left, self.handled) = (other.left, other.handled);
        (self.pushed, self.popped) = (other.pushed, other.popped);
        self.stamps = other.stamps;
        if states {
            self.print.become_copy(&other.print);
        }
    }

    /// What two that are alike have in common.
    fn summary(&self) -> ([usize; 3], [bool; 5], [u32; 4]) {
        let lens = [self.effects.len(), self.pending.len(), self.marked.len()];
        let flags = [self.stopping, self.shutdown, self.behaving, self.running, self.enabled];
        (lens, flags, [self.left, self.handled, self.pushed, self.popped])
    }
}

impl Script {
    /// All that outlasts a step, but what is in progress.
    fn take_rest(&mut self, other: &Script) {
        self.promises.clear();
        self.promises.extend_from_slice(&other.promises);
        (self.enabled, self.commutes, self.is_calm) = (other.enabled, other.commutes, other.is_calm);
        (self.stamped.marks, self.stamped.promises) = (other.stamped.marks, other.stamped.promises);
        if let (Some(mine), Some(theirs)) = (&mut self.prints, &other.prints) {
            mine.take_rest(theirs);
        }
    }
}
