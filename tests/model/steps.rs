//! What each step does, line by line after docs/RULES.md; and where each fault is planted in it.

use super::state::*;
use super::system::{Mutant, Mutant::*, Step, Step::*, System};

/// The state while one step is carried out.
pub(crate) struct At<'a> {
    pub(crate) sys: &'a System,
    pub(crate) s: State,
}

impl At<'_> {
    pub(crate) fn with(&self, fault: Mutant) -> bool {
        self.sys.with(fault)
    }

    /// R1: a send always enqueues. A parked actor is not scheduled by it.
    pub(crate) fn push(&mut self, b: usize) {
        let wakes_parked = self.with(SendSchedulesMuted);
        let overloads = self.with(DepthAtPush);
        let b = &mut self.s.actors[b];
        if b.place == Place::Stopped {
            return;
        }
        b.mail = true;
        if b.place == Place::Idle || wakes_parked && b.place == Place::Parked {
            b.place = Place::Queued;
        }
        b.overloaded |= overloads;
    }

    /// R2.
    pub(crate) fn send(&mut self, w: usize, a: usize, b: usize) {
        self.push(b);
        if self.sys.seen(&self.s, b) && !self.sys.exempt(&self.s, a) {
            self.s.workers[w].marks[b][a] = true;
            self.s.actors[a].muted |= self.with(MuteMidBehaviour);
        }
    }

    /// R6: a fall is told to every worker. `was`: was `a` pressing before this step?
    pub(crate) fn announce(&mut self, w: usize, a: usize, was: bool) {
        let fell = was && (!self.s.pressing(a) || self.with(FlagAfterMessage));
        self.s.broke[T8] |= !fell;
        let skip = self.with(FallSkipsOwnWorker);
        let teller = &mut self.s.workers[w];
        teller.tells = Some(a);
        for (t, owes) in teller.owes.iter_mut().enumerate() {
            *owes = !(skip && t == w);
        }
    }

    /// Announces iff this step was the fall of `a`.
    pub(crate) fn settle(&mut self, w: usize, a: usize, was: bool) {
        if was && !self.sys.seen(&self.s, a) {
            self.announce(w, a, was);
        }
    }

    pub(crate) fn tell(&mut self, w: usize, t: usize) {
        let Some(a) = self.s.workers[w].tells else { return };
        self.s.workers[w].owes[t] = false;
        self.s.workers[t].news[a] = true;
        if self.s.workers[w].owes == [false; WORKERS] {
            self.s.workers[w].tells = None;
            if self.with(FlagAfterMessage) && self.s.workers[w].runs == Some(a) {
                self.s.actors[a].applied = false;
            }
        }
    }

    /// R6: every mark on `r` that `w` knows is removed.
    pub(crate) fn lift(&mut self, w: usize, r: usize) {
        self.s.broke[T8] |= !self.s.workers[w].news[r];
        let keep = self.with(MarkKeptWhenFreed);
        let look = self.with(FreedEmptyNotQueued);
        for s in 0..ACTORS {
            let worker = &mut self.s.workers[w];
            if !worker.marks[r][s] {
                continue;
            }
            worker.marks[r][s] = false;
            worker.freed[s] |= !worker.marked(s);
            worker.marks[r][s] = keep;
            self.s.actors[s].saw = look && self.s.actors[s].mail;
        }
    }

    pub(crate) fn unmute(&mut self, w: usize, a: usize) {
        let actor = self.s.actors[a];
        self.s.broke[T6] |= !(actor.muted && actor.place == Place::Parked);
        self.s.workers[w].freed[a] = false;
        let was = self.s.pressing(a);
        let queue = actor.saw || !self.with(FreedEmptyNotQueued);
        let actor = &mut self.s.actors[a];
        actor.muted = false;
        actor.saw = false;
        actor.place = if queue { Place::Queued } else { Place::Idle };
        if self.with(UnmuteIgnoresPressure) {
            self.announce(w, a, was);
        } else if !self.with(NoCascade) {
            self.settle(w, a, was);
        }
    }

    pub(crate) fn release(&mut self, w: usize, a: usize) {
        let was = self.s.pressing(a);
        let actor = &mut self.s.actors[a];
        let last_reason = actor.guards == 0 && !actor.overloaded;
        if self.sys.with(OverloadReleaseLost) {
            actor.skip = actor.overloaded && actor.guards == 0;
        }
        if self.sys.with(FlagAfterMessage) && last_reason {
            return self.announce(w, a, true); // `tell` lowers the flag after the last message
        }
        actor.applied = false;
        actor.shared = false;
        if self.sys.with(ReleaseIgnoresOtherReasons) {
            self.announce(w, a, was);
        } else {
            self.settle(w, a, was);
        }
    }

    pub(crate) fn drop_guard(&mut self, w: usize, a: usize) {
        let was = self.s.pressing(a);
        self.s.actors[a].guards -= 1;
        self.s.actors[a].shared = false;
        self.settle(w, a, was);
    }

    pub(crate) fn mute(&mut self, w: usize, a: usize) {
        self.s.actors[a].muted = true;
        if !self.with(RunsOnAfterMute) {
            self.s.workers[w].runs = None;
            self.s.actors[a].place = Place::Parked;
        }
    }

    /// R4: a run ended with less than a full batch.
    pub(crate) fn less_than_batch(&mut self, w: usize, a: usize) {
        let was = self.s.pressing(a);
        self.s.actors[a].overloaded = false;
        self.s.workers[w].runs = None;
        self.s.actors[a].rest();
        let skipped = std::mem::take(&mut self.s.actors[a].skip);
        if !skipped {
            self.settle(w, a, was);
        }
    }

    /// R4: always queued again, even with an empty mailbox. If the last behaviour left marks, R3 may come first (`Mute`)
    /// or R4 may: both orders are in the model.
    pub(crate) fn full_batch(&mut self, w: usize, a: usize) {
        self.s.actors[a].overloaded = true;
        self.s.workers[w].forget(a);
        self.s.workers[w].runs = None;
        self.s.actors[a].place = Place::Queued;
        if self.with(OverloadedNotQueued) {
            self.s.actors[a].rest();
        }
    }

    /// R8: `a` stops, panics or is dropped.
    pub(crate) fn finish(&mut self, w: usize, a: usize) {
        let was = self.s.pressing(a);
        self.s.workers[w].runs = None;
        let actor = &mut self.s.actors[a];
        actor.place = Place::Stopped;
        actor.mail = false;
        if self.sys.with(StopKeepsAll) {
            return;
        }
        *actor = Actor { place: Place::Stopped, ..Actor::NEW };
        self.s.workers[w].forget(a);
        self.settle(w, a, was);
    }

    pub(crate) fn step(&mut self, step: Step) {
        match step {
            Outside(a) => self.push(a),
            Run(w, a) | RunLeaving(w, a) => {
                self.s.workers[w].runs = Some(a);
                self.s.actors[a].place = Place::Running;
                self.s.actors[a].mail = matches!(step, RunLeaving(..));
            }
            Send(w, a, b) => self.send(w, a, b),
            SendControl(w, a, b) => {
                self.push(b);
                if self.with(ControlMarks) && self.sys.seen(&self.s, b) && !self.sys.exempt(&self.s, a) {
                    self.s.workers[w].marks[b][a] = true;
                    self.s.broke[R7] = true;
                }
            }
            Apply(_, a) => {
                self.s.actors[a].applied = true;
                self.s.actors[a].shared = self.with(GuardsShareFlag);
            }
            Hold(_, a) => {
                self.s.actors[a].guards += 1;
                self.s.actors[a].shared = self.with(GuardsShareFlag);
            }
            Release(w, a) => self.release(w, a),
            ReleaseUnapplied(w, a) => self.announce(w, a, self.s.pressing(a)),
            DropGuard(w, a) => self.drop_guard(w, a),
            DepthHigh(_, a) => self.s.actors[a].overloaded = true,
            MarksDropped(w, a) => self.s.workers[w].forget(a),
            Mute(w, a) => self.mute(w, a),
            RunEmpty(w, a) | RunEnd(w, a) => self.less_than_batch(w, a),
            FullBatch(w, a) => self.full_batch(w, a),
            Stop(w, a) | DropActor(w, a) => self.finish(w, a),
            Tell(w, t) => self.tell(w, t),
            Read(w, r) => {
                self.lift(w, r);
                self.s.workers[w].news[r] = false;
            }
            ReadOneOfMany(w, r) | Wake(w, r) => self.lift(w, r),
            Unmute(w, a) => self.unmute(w, a),
        }
    }
}
