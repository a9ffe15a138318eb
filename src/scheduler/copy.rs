//! A copy of a runtime between two steps, for a search to come back to: cheaper than to run the program again up to there.
//!
//! It is made of plain data, and of actors and messages whose types say how they are copied
//! ([`Model::copied`](crate::Model::copied)). Not everything that a runtime may hold can be: the closure of a timer or of a
//! watcher, a guard, a world outside. Then there is no copy, and the program runs again.

use super::script::{Effect, Progress, Script};
use super::seat::Seat;
use super::single::{Bodies, Body, Single};
use crate::mailbox::{Draft, Letter};
use std::fmt::Debug;

impl Single {
    /// Makes `to`, which was built for the same program and has not begun to run, a copy of this one. False if that cannot
    /// be; then `to` has to be reset before it is good for anything.
    pub(crate) fn copy(&self, bodies: &Bodies, to: &mut Single, to_bodies: &mut Bodies) -> bool {
        self.is_plain() && self.copy_seats(bodies, to, to_bodies).and_then(|()| self.copy_script(bodies, to)).is_some()
    }

    /// Nothing is there that cannot be copied, as far as the whole runtime goes: actors that `main` finds, too.
    fn is_plain(&self) -> bool {
        let watched = self.watch.observer.is_some() || self.watch.contacts.is_some();
        let timed = !self.timers.is_new() || self.event_loop.is_some();
        let prints = self.script.as_ref().is_some_and(|script| script.output_matters);
        let guarded = self.next_guard > 0;
        !watched && !timed && !prints && !guarded && self.outsiders.is_empty() && self.failure.is_none()
    }

    fn copy_seats(&self, bodies: &Bodies, to: &mut Single, to_bodies: &mut Bodies) -> Option<()> {
        let base = to.post.seats();
        // Of those that are there before `main` calls, only `main` itself ever does anything.
        *to.post.data_mut(0) = self.post.data(0).copy()?;
        for seat in base..self.post.seats() {
            to.post.add(self.post.data(seat).copy()?);
        }
        for seat in base..bodies.len() as u32 {
            let copy = bodies[seat as usize].as_ref().map(|body| body.copy());
            to_bodies.push(match copy {
                Some(body) => Some(body?),
                None => None,
            });
        }
        for seat in base..self.post.seats() {
            for nth in 0..self.post.len(seat) {
                let waiting = super::Held::Waiting { seat, nth };
                let draft = bodies.get(seat as usize)?.as_ref()?.copy_message(self, &waiting, to)?;
                drop(draft.send(seat, |_| true));
            }
        }
        if !self.marks.is_empty() {
            to.marks = self.marks.clone();
        }
        (to.running, to.created, to.living) = (self.running, self.created, self.living);
        (to.totals, to.muted_longest_ns) = (self.totals.clone(), self.muted_longest_ns);
        to.watch.now = self.watch.now;
        Some(())
    }

    fn copy_script(&self, bodies: &Bodies, to: &mut Single) -> Option<()> {
        let script = self.script.as_deref()?;
        for (seat, progress) in (0..).zip(&script.progress) {
            if progress.is_idle() {
                continue;
            }
            for effect in &progress.effects {
                let copy = self.copy_effect(effect, bodies, to)?;
                to.script().of(seat).effects.push_back(copy);
            }
            to.script().of(seat).take_rest(progress);
        }
        to.script().take_rest(script);
        Some(())
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

impl Progress {
    fn is_idle(&self) -> bool {
        !self.behaving && !self.running && !self.enabled && self.pushed == 0
    }

    /// All but the effects, which have messages in them. This one is idle.
    fn take_rest(&mut self, other: &Progress) {
        let (first, rest) = other.prints.as_slices();
        self.prints.extend(first);
        self.prints.extend(rest);
        if !other.conflicts.is_empty() {
            self.conflicts.clone_from(&other.conflicts);
        }
        self.pending.extend_from_slice(&other.pending);
        self.marked.extend_from_slice(&other.marked);
        if other.panic.is_some() {
            self.panic.clone_from(&other.panic);
        }
        (self.stopping, self.shutdown) = (other.stopping, other.shutdown);
        (self.behaving, self.running, self.enabled) = (other.behaving, other.running, other.enabled);
        (self.left, self.handled) = (other.left, other.handled);
        (self.pushed, self.popped) = (other.pushed, other.popped);
    }
}

impl Script {
    /// All that outlasts a step, but what is in progress.
    fn take_rest(&mut self, other: &Script) {
        self.promises.extend_from_slice(&other.promises);
        (self.enabled, self.commutes) = (other.enabled, other.commutes);
        if let (Some(mine), Some(theirs)) = (&mut self.prints, &other.prints) {
            mine.become_copy(theirs);
        }
    }
}
