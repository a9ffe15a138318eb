//! Which step changed what last: a part of two worlds that has the same stamp in both is the same in both.
//!
//! A search numbers all its steps, in whatever world they are taken, and a copy takes the stamps along. So a world that
//! is to become a copy of another takes over only those seats in which the two differ, and a fingerprint is computed
//! anew only for the seats that the step changed.
//!
//! Everything that a step can do to a seat has to say so here; `Single::copy` and `Single::fingerprint` hold it against
//! the whole in debug builds.

use super::script::Script;

/// The last steps that changed a seat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamps {
    /// What the scheduler keeps of the actor, and the behaviour that it is in.
    pub(super) data: u64,
    /// What waits in the mailbox.
    pub(super) mail: u64,
    /// The actor itself.
    pub(super) body: u64,
}

impl Stamps {
    /// No step changed it.
    pub(super) const NEVER: Stamps = Stamps { data: 0, mail: 0, body: 0 };
}

/// What is stamped beside the seats.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stamped {
    /// The number of the step in progress.
    pub(super) step: u64,
    /// The last changes of the marks, and of what behaviours promised.
    pub(super) marks: u64,
    pub(super) promises: u64,
}

impl Script {
    /// The step in progress changes what is kept of the actor in a seat.
    #[inline(always)]
    pub(super) fn changed(&mut self, seat: u32) {
        let step = self.stamped.step;
        self.of(seat).stamps.data = step;
    }

    /// It mutes the running actor: the marks change, and what is counted at these.
    #[cold]
    #[inline(never)]
    pub(super) fn muted(&mut self, receivers: &[u32]) {
        self.stamped.marks = self.stamped.step;
        receivers.iter().for_each(|receiver| self.changed(*receiver));
    }

    /// It changes all of the seat, and the marks: the actor there ends.
    #[inline(never)]
    pub(super) fn ended(&mut self, seat: u32) {
        self.changed_all(seat);
        self.stamped.marks = self.stamped.step;
    }

    /// The actor there begins to live.
    pub(super) fn born(&mut self, seat: u32) {
        self.grow(seat + 1);
        self.changed_all(seat);
    }

    /// It changes all of the seat.
    pub(super) fn changed_all(&mut self, seat: u32) {
        let step = self.stamped.step;
        self.of(seat).stamps = Stamps { data: step, mail: step, body: step };
    }
}
