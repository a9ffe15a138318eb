//! Where actors stand: the snapshot that the invariants are checked on, and answers in words.

use super::deadlock::messages;
use super::single::{Delivery, Outside, Single};
use crate::event::ActorId;
use crate::faults::{Fault, planted};
use crate::rules::{Broken, Load, Snapshot, Standing};
use std::fmt;

/// Why an actor does not run, or that it does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhyNotRunning {
    /// It runs at this moment.
    Running,
    /// It is in the run queue, with so many messages.
    Queued(u32),
    /// It is muted by these actors; each falls when it has caught up or released its pressure.
    Muted {
        /// Name and id of each.
        by: Vec<String>,
        /// Messages that wait meanwhile.
        waiting: u32,
    },
    /// Its mailbox is empty.
    Idle,
    /// It has ended, or never was.
    Ended,
}

impl fmt::Display for WhyNotRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WhyNotRunning::Running => f.write_str("it is running right now"),
            WhyNotRunning::Queued(n) => write!(f, "it is in the run queue with {}: its turn will come", messages(*n)),
            WhyNotRunning::Muted { by, waiting } => {
                let (by, waiting) = (by.join(", "), messages(*waiting));
                write!(f, "it is muted by {by} (R3), with {waiting} waiting; it runs when they fall (R6)")
            }
            WhyNotRunning::Idle => f.write_str("its mailbox is empty: it runs when a message comes"),
            WhyNotRunning::Ended => f.write_str("it has ended: what is sent to it is a dead letter (R1)"),
        }
    }
}

impl Single {
    /// For a behaviour in progress to ask.
    pub(crate) fn why_not_running(&self, id: ActorId) -> WhyNotRunning {
        let Some(data) = self.seat_of(id) else { return WhyNotRunning::Ended };
        let waiting = self.post.len(id.seat);
        match () {
            () if self.running == id => WhyNotRunning::Running,
            () if data.load.is_muted() => {
                let by = self.marks.receivers_of(id.seat);
                WhyNotRunning::Muted { by: by.into_iter().map(|r| self.name_of(self.id_of(r))).collect(), waiting }
            }
            () if data.busy => WhyNotRunning::Queued(waiting),
            () => WhyNotRunning::Idle,
        }
    }

    /// Between two runs: checks every invariant of the rules, and that the scheduler's own counts agree.
    pub(crate) fn check(&self, quiescent: bool) -> Result<(), Broken> {
        let living = (0..self.post.seats()).filter(|seat| !self.post.data(*seat).is_empty());
        let actors = living.map(|seat| (seat, self.standing(seat))).collect();
        let snapshot = Snapshot { actors, marks: &self.marks };
        if quiescent { snapshot.check_quiescent() } else { snapshot.check() }?;
        let stats = self.stats();
        let found = || format!("{:?}, {} queued", stats.totals, stats.queued);
        if stats.is_conserved() { Ok(()) } else { Err(Broken { rule: "R1", found: found() }) }
    }

    fn standing(&self, seat: u32) -> Standing {
        let data = self.post.data(seat);
        let queued = data.busy && !data.load.has(Load::MUTED);
        Standing { load: data.load, waiting: self.post.len(seat) as usize, queued, running: false }
    }

    /// Nothing can make an actor run any more that is not muted (R9): no actor is runnable, no timer is set, no
    /// socket is open and no inlet is held for one.
    pub(crate) fn is_quiescent(&self) -> bool {
        !self.has_ready() && self.next_timer().is_none() && !self.has_live_outside()
    }

    pub(crate) fn has_muted(&self) -> bool {
        !self.marks.is_empty() && !planted(Fault::MutesAreForgotten)
    }

    // --- Event sources outside the scheduler: sockets and inlets ------------------------------------------------

    /// Ties something outside the runtime to an actor: it hears of its pressure and keeps the runtime alive (R9).
    pub(crate) fn attach(&mut self, id: ActorId, mut outside: Box<dyn Outside>) {
        let Some(data) = self.seat_of_mut(id) else { return outside.ended() };
        outside.pressing(data.load.is_pressing());
        data.more().outside.push(outside);
        self.outsiders.insert(id.seat);
    }

    /// A living socket or inlet of an actor that is not muted (R9).
    pub(crate) fn has_live_outside(&self) -> bool {
        self.outsiders.iter().any(|seat| {
            let id = self.id_of(*seat);
            !self.post.data(*seat).load.is_muted() && self.has_outside_source(id)
        })
    }

    /// Takes over what came in from outside, in the order of seats, and forgets what is outside no longer.
    pub(crate) fn take_over(&mut self) {
        let seats: Vec<u32> = self.outsiders.iter().copied().collect();
        for seat in seats {
            self.running = self.id_of(seat);
            let Some(more) = self.post.data_mut(seat).more.as_deref_mut() else { continue };
            let came: Vec<Delivery> = more.outside.iter_mut().flat_map(|outside| outside.take_over()).collect();
            more.outside.retain(|outside| !outside.is_over());
            if more.outside.is_empty() {
                self.outsiders.remove(&seat);
            }
            came.into_iter().for_each(|deliver| deliver(&mut self.core()));
        }
    }

    /// Calls `notice` when the actor ends, or now if it has.
    pub(crate) fn watch(&mut self, id: ActorId, notice: Delivery) {
        if let Some(script) = self.script.as_mut().filter(|script| script.recording) {
            return script.write_watch(id, notice);
        }
        self.watch_now(id, notice);
    }

    pub(super) fn watch_now(&mut self, id: ActorId, notice: Delivery) {
        match self.seat_of_mut(id) {
            Some(data) => data.more().watchers.push(notice),
            None => notice(&mut self.core()),
        }
    }

    pub(super) fn has_outside_source(&self, id: ActorId) -> bool {
        let more = self.seat_of(id).and_then(|data| data.more.as_deref());
        more.is_some_and(|more| more.outside.iter().any(|outside| outside.can_wake()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Inlet {
        is_live: bool,
    }

    impl Outside for Inlet {
        fn pressing(&mut self, _: bool) {}
        fn ended(&mut self) {}
        fn is_live(&self) -> bool {
            self.is_live
        }
        fn take_over(&mut self) -> Vec<Delivery> {
            Vec::new()
        }
    }

    #[test]
    fn whatever_is_outside_no_longer_is_forgotten_at_the_next_look() {
        let mut core = Single::plain();
        let [one, other] = [(); 2].map(|()| core.another());
        for (id, is_live) in [(one, true), (one, false), (other, false)] {
            core.attach(id, Box::new(Inlet { is_live }));
        }
        assert_eq!(core.outsiders.len(), 2);
        core.take_over();
        assert!(core.outsiders.iter().eq([&one.seat]) && core.has_live_outside());
        let left = |core: &mut Single, id: ActorId| core.post.data_mut(id.seat).more().outside.len();
        assert_eq!((left(&mut core, one), left(&mut core, other)), (1, 0));
    }
}
