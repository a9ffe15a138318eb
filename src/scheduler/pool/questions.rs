//! Counts and standing of a pool. Whoever asks has everybody else stand still meanwhile, so that the answer is of one
//! moment.
#![expect(unsafe_code, reason = "everybody stands still: see `Hall::census`")]

use super::super::deadlock::{Deadlock, Overview, Reporter, Stall};
use super::super::seat::Name;
use super::super::standing::WhyNotRunning;
use super::super::stats::{ActorStats, Stats, Totals};
use super::slot::Slot;
use super::worker::Worker;
use crate::event::{ActorId, Place};
use crate::rules::{Broken, Load, Marks, Snapshot, Standing};
use crate::sync::{Ordering, lock};
use std::borrow::Cow;
use std::time::Duration;

impl Worker {
    /// All counts, as of this moment: those of the run in progress are in.
    pub(crate) fn stats(&self) -> Stats {
        let _still = self.shared.hall.census(self.index);
        let waits = self.marks().waits();
        let actors = self.shared.table.living();
        let actors = actors.map(|(seat, slot)| self.stats_of_slot(seat, slot, waits.get(&seat))).collect();
        Stats { actors, ..self.count() }
    }

    /// The same without the list of actors.
    pub(crate) fn totals(&self) -> Stats {
        let _still = self.shared.hall.census(self.index);
        self.count()
    }

    fn count(&self) -> Stats {
        let shared = &self.shared;
        let mut totals = Totals::default();
        for tally in shared.berths.iter().map(|berth| &berth.tally) {
            totals.spawned += tally.spawned.get();
            totals.sent += tally.sent.get();
            totals.delivered += tally.delivered.get();
            totals.handled += tally.handled.get();
            totals.dead += tally.dead.get();
            totals.mutes += tally.mutes.get();
            totals.freed += tally.freed.get();
            totals.redundant += tally.redundant.get();
            totals.panics += tally.panics.get();
            totals.deepest = totals.deepest.max(u32::try_from(tally.deepest.get()).unwrap_or(u32::MAX));
            let longest = Duration::from_nanos(tally.muted_longest_ns.get());
            totals.muted_longest = totals.muted_longest.max(longest);
        }
        totals.muted = shared.numbers.muted_most.load(Ordering::Relaxed);
        totals.sent += self.sent;
        totals.handled += u64::from(self.handled);
        let mut queued = 0;
        for (seat, slot) in shared.table.living() {
            totals.sent += slot.sent.get();
            totals.handled += slot.handled.get();
            queued += u64::from(self.waiting(seat, slot));
        }
        Stats { totals, queued, actors: Vec::new() }
    }

    /// Messages in an actor's mailbox, while everybody stands still.
    fn waiting(&self, seat: u32, slot: &Slot) -> u32 {
        if seat == self.running.seat && self.is_in_run() {
            // SAFETY: this worker's own.
            return self.tray.len() + unsafe { slot.inbox.count() };
        }
        // SAFETY: its owner stands still between two runs.
        let tray = unsafe { slot.own(|own| own.tray.len()) };
        // SAFETY: as above.
        tray + unsafe { slot.inbox.count() }
    }

    /// The marks of all workers.
    fn marks(&self) -> Marks {
        let mut all = Marks::default();
        for berth in &self.shared.berths {
            for (sender, receivers) in lock(&berth.marks).waits() {
                all.mute(sender, &receivers);
            }
        }
        all
    }

    pub(crate) fn stats_of(&self, id: ActorId) -> Option<ActorStats> {
        let _still = self.shared.hall.census(self.index);
        let slot = self.shared.living(id)?;
        Some(self.stats_of_slot(id.seat, slot, Some(&self.marks().receivers_of(id.seat))))
    }

    fn stats_of_slot(&self, seat: u32, slot: &Slot, muted_by: Option<&Vec<u32>>) -> ActorStats {
        let load = slot.word.look().load();
        let waiting = self.waiting(seat, slot);
        let runs = self.running.seat == seat && self.is_in_run();
        let (sent, handled) = if runs { (self.sent, self.handled) } else { (0, 0) };
        let handled = slot.handled.get() + u64::from(handled);
        let (mutes_given, mutes_taken, muted) = slot.rare().map_or((0, 0, 0), |rare| {
            let rare = lock(rare);
            let since = if load.is_muted() { self.now_ns().saturating_sub(rare.muted_since) } else { 0 };
            (rare.more.mutes_given, rare.mutes_taken, rare.muted_ns + since)
        });
        ActorStats {
            id: self.id_of(seat),
            name: self.name(slot),
            sent: slot.sent.get() + sent,
            received: handled + u64::from(waiting),
            handled,
            mutes_given,
            mutes_taken,
            muted: Duration::from_nanos(muted),
            mailbox: waiting,
            mailbox_peak: slot.peak.load(Ordering::Relaxed).max(waiting),
            load,
            muted_by: muted_by.into_iter().flatten().map(|r| self.id_of(*r)).collect(),
        }
    }

    /// For a behaviour in progress to ask.
    pub(crate) fn why_not_running(&self, id: ActorId) -> WhyNotRunning {
        let _still = self.shared.hall.census(self.index);
        let Some(slot) = self.shared.living(id) else { return WhyNotRunning::Ended };
        let load = slot.word.look().load();
        let waiting = self.waiting(id.seat, slot);
        match () {
            () if self.running == id => WhyNotRunning::Running,
            () if load.is_muted() => {
                let by = self.marks().receivers_of(id.seat);
                let name = |seat| self.called(seat);
                WhyNotRunning::Muted { by: by.into_iter().map(name).collect(), waiting }
            }
            () if self.is_awake(id.seat, slot) => WhyNotRunning::Queued(waiting),
            () => WhyNotRunning::Idle,
        }
    }

    /// Does it run, or is it to? One that only lingers does not; but another worker's may seem to, if that asks too.
    fn is_awake(&self, seat: u32, slot: &Slot) -> bool {
        !slot.inbox.is_idle() && (seat != self.lingers || slot.inbox.has_some())
    }

    fn name(&self, slot: &Slot) -> Name {
        // SAFETY: everybody stands still.
        unsafe { slot.name() }
    }

    fn called(&self, seat: u32) -> String {
        format!("{}{}", self.name(self.shared.table.slot(seat)), self.id_of(seat))
    }

    /// Its name, or its number if it has ended.
    pub(crate) fn name_of(&self, id: ActorId) -> String {
        let _still = self.shared.hall.census(self.index);
        match self.shared.living(id) {
            Some(slot) => format!("{}{id}", self.name(slot)),
            None => format!("an actor that has ended ({id})"),
        }
    }

    /// The message that the running actor is handling, as well as it is known.
    pub(super) fn message_in_hand(&self) -> String {
        let nth = u64::from(self.handled) + self.shared.table.slot(self.running.seat).handled.get();
        match &self.handling {
            Some(message) => format!("{message} (its message number {nth})"),
            None => format!("its message number {nth} (`Builder::describe(true)` says which that is)"),
        }
    }

    pub(crate) fn has_muted(&self) -> bool {
        self.shared.berths.iter().any(|berth| !lock(&berth.marks).is_empty())
    }
}

/// While everybody stands still.
impl Overview for Worker {
    fn marks(&self) -> Cow<'_, Marks> {
        Cow::Owned(Worker::marks(self))
    }

    fn living(&self) -> Vec<u32> {
        self.shared.table.living().map(|(seat, _)| seat).collect()
    }

    fn id(&self, seat: u32) -> ActorId {
        self.id_of(seat)
    }

    fn name(&self, seat: u32) -> Name {
        Worker::name(self, self.shared.table.slot(seat))
    }

    fn load(&self, seat: u32) -> Load {
        self.shared.table.slot(seat).word.look().load()
    }

    fn waiting(&self, seat: u32) -> u32 {
        Worker::waiting(self, seat, self.shared.table.slot(seat))
    }

    fn is_busy(&self, seat: u32) -> bool {
        self.is_awake(seat, self.shared.table.slot(seat))
    }

    fn muted_for(&self, seat: u32) -> Duration {
        let since = self.shared.table.slot(seat).with_rare(|rare| rare.muted_since);
        Duration::from_nanos(self.now_ns().saturating_sub(since))
    }

    fn pressed_at(&self, seat: u32) -> (Option<Place>, Vec<Place>) {
        let Some(rare) = self.shared.table.slot(seat).rare() else { return (None, Vec::new()) };
        let rare = lock(rare);
        (rare.more.applied_at, rare.more.guards.iter().map(|guard| guard.1).collect())
    }

    fn timers(&self, seat: u32) -> Vec<Duration> {
        let id = self.id_of(seat);
        lock(&self.shared.timers).iter().filter(|(owner, _)| *owner == id).map(|(_, due)| due).collect()
    }

    fn has_outside_source(&self, seat: u32) -> bool {
        let rare = self.shared.table.slot(seat).rare();
        rare.is_some_and(|rare| lock(rare).more.outside.iter().any(|outside| outside.can_wake()))
    }

    fn senders(&self, seat: u32) -> Option<Vec<u32>> {
        let watch = lock(&self.shared.watch);
        Some(watch.contacts.as_ref()?.senders_of(self.id_of(seat)).map(|id| id.seat).collect())
    }
}

impl Worker {
    /// R10, for a runtime that is quiescent.
    pub(super) fn deadlock(&self, replay: String) -> Deadlock {
        let _still = self.shared.hall.census(self.index);
        Reporter::new(self).deadlock(replay)
    }

    /// R11, at any time. None if the watch is off or nothing is stalled.
    pub(crate) fn stall(&self) -> Option<Stall> {
        let _still = self.shared.hall.census(self.index);
        Reporter::new(self).stall()
    }

    /// At quiescence: do the rules hold? In the middle of a run a mark may be there whose removal is on its way.
    pub(super) fn check(&self) -> Result<(), Broken> {
        let _still = self.shared.hall.census(self.index);
        let marks = Worker::marks(self);
        let standing = |(seat, slot): (u32, &Slot)| {
            let load = slot.word.look().load();
            let queued = self.is_awake(seat, slot) && !load.is_muted();
            (seat, Standing { load, waiting: Worker::waiting(self, seat, slot) as usize, queued, running: false })
        };
        let actors = self.shared.table.living().map(standing).collect();
        Snapshot { actors, marks: &marks }.check_quiescent()
    }
}
