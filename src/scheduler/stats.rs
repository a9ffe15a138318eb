//! Counts: per actor and in all, at any time.

use super::seat::Name;
use super::single::Single;
use crate::event::ActorId;
use crate::rules::Load;
use std::fmt;
use std::time::Duration;

/// Counts over a whole run so far, those of ended actors included.
///
/// Conservation: `sent + delivered = handled + dead + queued`, where `queued` is what waits in mailboxes now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Actors created, `main` and the standard streams included.
    pub spawned: u64,
    /// Messages that actors sent.
    pub sent: u64,
    /// Messages from the runtime (ticks, readiness) and from inlets.
    pub delivered: u64,
    /// Behaviours begun.
    pub handled: u64,
    /// Dead letters (R1, R8).
    pub dead: u64,
    /// Times an actor was muted (R3).
    pub mutes: u64,
    /// Times a muted actor was freed (R6).
    pub freed: u64,
    /// The most actors muted at once.
    pub muted: u64,
    /// The longest that an actor was muted and then freed.
    pub muted_longest: Duration,
    /// The longest mailbox there ever was, in messages.
    pub deepest: u32,
    /// Applies on an applied flag and releases with nothing applied (R5).
    pub redundant: u64,
    /// Behaviours that panicked.
    pub panics: u64,
}

/// One actor's counts and standing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActorStats {
    /// Which actor.
    pub id: ActorId,
    /// Its name: given, or its type's.
    pub name: Name,
    /// Messages it sent.
    pub sent: u64,
    /// Messages put into its mailbox.
    pub received: u64,
    /// Its behaviours begun.
    pub handled: u64,
    /// Times a sender was muted with a mark on it.
    pub mutes_given: u64,
    /// Times it was muted.
    pub mutes_taken: u32,
    /// How long it has been muted in all; up to now if it still is.
    pub muted: Duration,
    /// Messages waiting now.
    pub mailbox: u32,
    /// The most that ever waited.
    pub mailbox_peak: u32,
    /// O, P, M now.
    pub load: Load,
    /// By whom it is muted now.
    pub muted_by: Vec<ActorId>,
}

/// A snapshot of a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Counts over the run.
    pub totals: Totals,
    /// Messages waiting in all mailboxes now.
    pub queued: u64,
    /// Every living actor, by seat; empty in a [`Summary`](crate::Summary) where
    /// [`Builder::actor_stats`](crate::Builder::actor_stats) was turned off.
    pub actors: Vec<ActorStats>,
}

impl Stats {
    /// Does conservation hold: is every message handled, dead or still waiting, and none twice?
    pub fn is_conserved(&self) -> bool {
        self.totals.sent + self.totals.delivered == self.totals.handled + self.totals.dead + self.queued
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = &self.totals;
        writeln!(
            f,
            "sent {} + delivered {} = handled {} + dead {} + queued {}; {} mutes, {} freed",
            t.sent, t.delivered, t.handled, t.dead, self.queued, t.mutes, t.freed
        )?;
        writeln!(
            f,
            "{:<24} {:>9} {:>9} {:>9} {:>7} {:>6} flags",
            "actor", "sent", "received", "handled", "mailbox", "mutes"
        )?;
        self.actors.iter().try_for_each(|a| {
            let name = format!("{}{}", a.name, a.id);
            let (sent, received, handled) = (a.sent, a.received, a.handled);
            writeln!(
                f,
                "{name:<24} {sent:>9} {received:>9} {handled:>9} {:>7} {:>6} {}",
                a.mailbox, a.mutes_taken, a.load
            )
        })
    }
}

impl Single {
    /// All counts, as of this moment: those of the run in progress are in.
    pub(crate) fn stats(&self) -> Stats {
        let waits = self.marks.waits();
        let actors = self.living().map(|seat| self.stats_of_seat(seat, waits.get(&seat))).collect();
        Stats { actors, ..self.totals() }
    }

    /// The same without the list of actors.
    pub(crate) fn totals(&self) -> Stats {
        let mut totals = self.totals.clone();
        totals.muted_longest = Duration::from_nanos(self.muted_longest_ns);
        // What the run in progress has done so far is not in its seat yet; between runs these are 0.
        totals.sent += self.sent;
        totals.handled += u64::from(self.handled);
        let mut queued = 0;
        for seat in self.living() {
            let data = self.post.data(seat);
            totals.sent += data.sent;
            totals.handled += data.handled;
            queued += u64::from(self.post.len(seat));
        }
        Stats { totals, queued, actors: Vec::new() }
    }

    fn living(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.post.seats()).filter(|seat| !self.post.data(*seat).is_empty())
    }

    pub(crate) fn stats_of(&self, id: ActorId) -> Option<ActorStats> {
        let receivers = self.marks.receivers_of(id.seat);
        self.seat_of(id).map(|_| self.stats_of_seat(id.seat, Some(&receivers)))
    }

    fn stats_of_seat(&self, seat: u32, muted_by: Option<&Vec<u32>>) -> ActorStats {
        let (data, waiting) = (self.post.data(seat), self.post.len(seat));
        // What the run in progress has done so far is not in its seat yet; between runs these are 0.
        let (sent, handled) = if self.running.seat == seat { (self.sent, self.handled) } else { (0, 0) };
        let handled = data.handled + u64::from(handled);
        let since = if data.load.is_muted() { self.now_ns() - data.muted_since } else { 0 };
        ActorStats {
            id: self.id_of(seat),
            name: data.name.clone(),
            sent: data.sent + sent,
            received: handled + u64::from(waiting),
            handled,
            mutes_given: data.more.as_ref().map_or(0, |m| m.mutes_given),
            mutes_taken: data.mutes_taken,
            muted: Duration::from_nanos(data.muted_ns + since),
            mailbox: waiting,
            mailbox_peak: data.peak.max(waiting),
            load: data.load,
            muted_by: muted_by.into_iter().flatten().map(|r| self.id_of(*r)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conservation_fails_by_one_message_too_many_or_too_few() {
        let stats = |queued| Stats {
            totals: Totals { sent: 5, delivered: 2, handled: 3, dead: 1, ..Totals::default() },
            queued,
            actors: Vec::new(),
        };
        assert_eq!([2, 3, 4].map(|queued| stats(queued).is_conserved()), [false, true, false]);
        let told = stats(3).to_string();
        assert!(told.starts_with("sent 5 + delivered 2 = handled 3 + dead 1 + queued 3; 0 mutes, 0 freed\n"), "{told}");
    }
}
