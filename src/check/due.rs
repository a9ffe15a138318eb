//! What is due in a run, and when: could time have passed if some steps had not been taken?
//!
//! Time passes when nothing is due now and something is due later. Of each step it is written down what it set out and
//! what was over with it (timers, packets, patience), so that this can be asked of any part of a run that could have been
//! a run of its own.
//!
//! Not here: which parts those are, which [`causality`](super::causality) knows.

use std::time::Duration;

/// Something that is due, by the number of its object, and when.
pub(super) type Due = (u128, Duration);

/// With this step something is due then, or, without a time, no longer.
#[derive(Clone, Copy, Debug)]
struct Change {
    step: u32,
    object: u128,
    due: Option<Duration>,
}

/// May time pass?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passing {
    Yes,
    /// Nothing is due later.
    Never,
    /// What this step set out is due now.
    HeldBy(u32),
}

/// A run so far.
#[derive(Default)]
pub(super) struct Dues {
    changes: Vec<Change>,
    /// Steps with which time passed, and until when.
    passed: Vec<(u32, Duration)>,
    /// What is due after the last step.
    pending: Vec<Due>,
}

impl Dues {
    /// A step was taken, after which these are due.
    pub(super) fn push(&mut self, step: u32, now: Option<Duration>, pending: &[Due]) {
        self.passed.extend(now.map(|now| (step, now)));
        let Dues { changes, pending: before, .. } = self;
        let change = |object: u128, due| Change { step, object, due };
        let is_over = |due: &&Due| !pending.iter().any(|(object, _)| *object == due.0);
        changes.extend(before.iter().filter(is_over).map(|(object, _)| change(*object, None)));
        let is_new = |due: &&Due| !before.contains(due);
        changes.extend(pending.iter().filter(is_new).map(|(object, due)| change(*object, Some(*due))));
        before.clear();
        before.extend_from_slice(pending);
    }

    /// Forgets every step from the `len`th on.
    pub(super) fn cut(&mut self, len: u32) {
        let known = self.changes.len();
        self.changes.truncate(self.changes.partition_point(|change| change.step < len));
        self.passed.truncate(self.passed.partition_point(|(step, _)| *step < len));
        if self.changes.len() < known {
            self.pending.clear();
            let Dues { changes, pending, .. } = self;
            for Change { object, due, .. } in changes {
                pending.retain(|(known, _)| known != object);
                pending.extend(due.map(|due| (*object, due)));
            }
        }
    }

    /// Nothing was ever due.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Did what is due change with this step?
    pub(super) fn changed_with(&self, step: u32) -> bool {
        let at = self.changes.partition_point(|change| change.step < step);
        self.changes.get(at).is_some_and(|change| change.step == step)
    }

    /// May time pass after these steps of the run?
    pub(super) fn passing(&self, is_taken: impl Fn(u32) -> bool) -> Passing {
        let passed = self.passed.iter().rev().find(|(step, _)| is_taken(*step));
        let now = passed.map_or(Duration::ZERO, |(_, now)| *now);
        let mut passing = Passing::Never;
        for (at, Change { step, object, due }) in self.changes.iter().enumerate() {
            let Some(due) = due.filter(|_| is_taken(*step)) else { continue };
            let later = |later: &Change| later.object == *object && is_taken(later.step);
            if self.changes[at + 1..].iter().any(later) {
                continue;
            }
            if due <= now {
                return Passing::HeldBy(*step);
            }
            passing = Passing::Yes;
        }
        passing
    }
}
