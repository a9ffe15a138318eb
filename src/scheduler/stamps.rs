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

/// Nothing has this stamp that was changed by a step.
const NEVER: Stamps = Stamps { data: 0, mail: 0, body: 0 };

/// The stamps of one world.
#[derive(Debug, Default)]
pub(super) struct Stamped {
    /// The number of the step in progress.
    pub(super) step: u64,
    seats: Vec<Stamps>,
    /// The last changes of the marks, and of what behaviours promised.
    pub(super) marks: u64,
    pub(super) promises: u64,
}

impl Stamped {
    /// When this seat changed.
    #[inline(always)]
    pub(super) fn of(&self, seat: u32) -> Stamps {
        self.seats.get(seat as usize).copied().unwrap_or(NEVER)
    }

    #[inline(always)]
    pub(super) fn entry(&mut self, seat: u32) -> &mut Stamps {
        let seat = seat as usize;
        if seat >= self.seats.len() {
            self.grow(seat);
        }
        &mut self.seats[seat]
    }

    #[cold]
    fn grow(&mut self, seat: usize) {
        self.seats.resize(seat + 1, NEVER);
    }

    /// No step was taken yet.
    pub(super) fn reset(&mut self) {
        self.seats.clear();
        (self.marks, self.promises) = (0, 0);
    }

    /// There are only so many seats.
    pub(super) fn truncate(&mut self, seats: u32) {
        self.seats.truncate(seats as usize);
    }
}

impl Script {
    /// The step in progress changes what is kept of the actor in a seat.
    #[inline(always)]
    pub(super) fn changed(&mut self, seat: u32) {
        let step = self.stamped.step;
        self.stamped.entry(seat).data = step;
    }

    /// It changes that, and its mailbox.
    #[inline(always)]
    pub(super) fn changed_mail(&mut self, seat: u32) {
        let step = self.stamped.step;
        let entry = self.stamped.entry(seat);
        (entry.data, entry.mail) = (step, step);
    }

    /// It mutes the running actor: the marks change, and what is counted at these.
    pub(super) fn muted(&mut self, receivers: &[u32]) {
        self.stamped.marks = self.stamped.step;
        receivers.iter().for_each(|receiver| self.changed(*receiver));
    }

    /// It changes all of the seat, and the marks: the actor there ends.
    pub(super) fn ended(&mut self, seat: u32) {
        self.born(seat);
        self.stamped.marks = self.stamped.step;
    }

    /// It changes all of the seat: the actor there begins to live, or takes a message.
    #[inline(always)]
    pub(super) fn born(&mut self, seat: u32) {
        let step = self.stamped.step;
        *self.stamped.entry(seat) = Stamps { data: step, mail: step, body: step };
    }
}
