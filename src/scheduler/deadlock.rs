//! Who waits for ever, and who is to blame: the reports of R10 and R11.

use super::seat::Name;
use super::single::Single;
use crate::event::{ActorId, Place};
use crate::rules::{Load, Marks};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

/// Why a root presses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// `Backpressure::apply` here, and no release since.
    Applied(Place),
    /// A guard taken here is alive: kept somewhere, or leaked with `mem::forget`.
    Guard(Place),
    /// Overloaded: it has not caught up (R4). Never in a deadlock, because an overloaded actor is runnable.
    Overloaded,
}

/// A pressing actor at the end of chains of marks (R10).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Root {
    /// Which actor.
    pub id: ActorId,
    /// Its name.
    pub name: Name,
    /// Why it presses, each with the source line.
    pub causes: Vec<Cause>,
    /// Messages in its mailbox.
    pub waiting: u32,
    /// What could still make it run.
    pub woken_by: Vec<String>,
}

/// An actor that waits for ever (R10).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MutedActor {
    /// Which actor.
    pub id: ActorId,
    /// Its name.
    pub name: Name,
    /// Messages in its mailbox, which nobody will handle.
    pub waiting: u32,
    /// How long it has been muted.
    pub muted_for: Duration,
    /// One chain of marks for each root that it waits for: from the actor itself to the root, the shortest.
    pub chains: Vec<Vec<(ActorId, Name)>>,
}

/// The run is over and some actors are still muted (R9, R10).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlock {
    /// Every muted actor, by seat.
    pub muted: Vec<MutedActor>,
    /// Every actor that they wait for in the end, by seat.
    pub roots: Vec<Root>,
    /// The line that runs this again; of a run on threads, that there is none.
    pub replay: String,
}

/// A part of the program that waits while the rest goes on (R11).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stall {
    /// The stalled roots. True: no actor or event source that is left could reach it, or a search over all states saw
    /// that none does, which is proved. False: every actor that ever sent to it is stalled too; one that never did could
    /// still send, so it is suspected.
    pub roots: Vec<(Root, bool)>,
    /// Those who wait for them.
    pub muted: Vec<MutedActor>,
    /// Why none of them goes on: each actor that would have to act first, and what it waits for in its turn.
    pub why: Vec<Why>,
}

/// An actor that does not go on, or not so that it helps.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Why {
    /// Which actor.
    pub id: ActorId,
    /// Its name.
    pub name: Name,
    /// What would have to happen first.
    pub needs: Needs,
}

/// Actors by id and name.
type Named = Vec<(ActorId, Name)>;

/// What has to happen before an actor goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Needs {
    /// It is muted: every one of these has to fall (R6).
    Falls(Vec<(ActorId, Name)>),
    /// It is under pressure: one of these has to send it the message that makes it release. Nobody else ever sent to it.
    Release(Vec<(ActorId, Name)>),
    /// It has nothing to do: one of these has to send to it. Nobody else ever did.
    Message(Vec<(ActorId, Name)>),
    /// It goes on, and nothing that it does helps.
    Nothing,
}

/// What reports are made from: all actors at one moment. Seats are those of actors that have not ended.
pub(super) trait Overview {
    fn marks(&self) -> Cow<'_, Marks>;
    fn living(&self) -> Vec<u32>;
    fn id(&self, seat: u32) -> ActorId;
    fn name(&self, seat: u32) -> Name;
    fn load(&self, seat: u32) -> Load;
    /// Messages in its mailbox.
    fn waiting(&self, seat: u32) -> u32;
    /// Is it queued, running or muted?
    fn is_busy(&self, seat: u32) -> bool;
    fn muted_for(&self, seat: u32) -> Duration;
    /// Where it applied, and where its guards were taken.
    fn pressed_at(&self, seat: u32) -> (Option<Place>, Vec<Place>);
    /// When its timers are due.
    fn timers(&self, seat: u32) -> Vec<Duration>;
    /// A socket or an inlet that could make it run.
    fn has_outside_source(&self, seat: u32) -> bool;
    /// The seats of everybody who ever sent to it and has not ended; none if the stall watch is off.
    fn senders(&self, seat: u32) -> Option<Vec<u32>>;
}

/// Makes reports of an [`Overview`].
pub(super) struct Reporter<'a, O> {
    all: &'a O,
    marks: Cow<'a, Marks>,
    waits: BTreeMap<u32, Vec<u32>>,
}

impl<'a, O: Overview> Reporter<'a, O> {
    pub(super) fn new(all: &'a O) -> Self {
        let marks = all.marks();
        let waits = marks.waits();
        Reporter { all, marks, waits }
    }

    /// R10, for a runtime that is quiescent.
    pub(super) fn deadlock(&self, replay: String) -> Deadlock {
        let muted = self.muted();
        let mut roots: Vec<ActorId> =
            muted.iter().flat_map(|m| &m.chains).filter_map(|c| c.last()).map(|e| e.0).collect();
        roots.sort_unstable();
        roots.dedup();
        Deadlock { roots: roots.into_iter().map(|id| self.root(id.seat)).collect(), muted, replay }
    }

    /// R11, at any time. None if the watch is off or nothing is stalled.
    pub(super) fn stall(&self) -> Option<Stall> {
        let stuck = self.stuck()?;
        let chains = self.muted();
        let mut roots: BTreeMap<ActorId, bool> = BTreeMap::new();
        for (root, _) in chains.iter().flat_map(|m| &m.chains).filter_map(|chain| chain.last()) {
            if let Some(proved) = self.is_stalled(root.seat, &stuck) {
                roots.insert(*root, proved);
            }
        }
        let blocked =
            |m: &MutedActor| m.chains.iter().filter_map(|c| c.last()).any(|(root, _)| roots.contains_key(root));
        let muted: Vec<MutedActor> = chains.into_iter().filter(blocked).collect();
        let roots: Vec<_> = roots.into_iter().map(|(id, proved)| (self.root(id.seat), proved)).collect();
        let senders = |seat: u32| self.all.senders(seat).unwrap_or_default();
        let why = self.why(muted.iter().map(|muted| muted.id.seat), &senders);
        (!roots.is_empty()).then_some(Stall { roots, muted, why })
    }

    /// Is this root stalled, and is that proved? Proved means: every other actor is muted, or can never run again.
    fn is_stalled(&self, root: u32, stuck: &BTreeSet<u32>) -> Option<bool> {
        let is_it = self.all.load(root).is_under_pressure() && stuck.contains(&root);
        is_it.then(|| self.all.living().into_iter().all(|seat| seat == root || !self.goes_on(seat)))
    }

    /// Those of whom nobody knows how they could go on: all but those who can, and whom these can reach. A muted actor
    /// is reached if everybody whom it waits for is; another one by a message of somebody who ever sent to it. None if
    /// nobody noted who sent to whom.
    fn stuck(&self) -> Option<BTreeSet<u32>> {
        let mut stuck: BTreeSet<u32> = self.all.living().into_iter().filter(|seat| !self.goes_on(*seat)).collect();
        let senders: Option<BTreeMap<u32, Vec<u32>>> =
            stuck.iter().map(|seat| Some((*seat, self.all.senders(*seat)?))).collect();
        let senders = senders?;
        loop {
            let stays = |seat: &u32| match self.all.load(*seat).is_muted() {
                true => self.marks.receivers_of(*seat).iter().any(|receiver| stuck.contains(receiver)),
                false => senders[seat].iter().all(|sender| stuck.contains(sender)),
            };
            let left: BTreeSet<u32> = stuck.iter().copied().filter(stays).collect();
            if left.len() == stuck.len() {
                return Some(stuck);
            }
            stuck = left;
        }
    }

    /// R11 as a search over all states proved it: these actors are muted in every state that can be reached, these under
    /// pressure. `senders` says who sends to an actor in any schedule at all.
    fn proved_stall(&self, muted: &[u32], roots: &[u32], senders: &dyn Fn(u32) -> Vec<u32>) -> Stall {
        let muted: Vec<MutedActor> = muted.iter().map(|seat| self.muted_actor(*seat)).collect();
        let ends =
            |seat: &&u32| muted.iter().flat_map(|m| &m.chains).any(|c| c.last().is_some_and(|e| e.0.seat == **seat));
        let roots = roots.iter().filter(ends).map(|seat| (self.root(*seat), true)).collect();
        let why = self.why(muted.iter().map(|muted| muted.id.seat), senders);
        Stall { roots, muted, why }
    }

    /// Who would have to act so that these go on, who so that those do, and so on: each once.
    fn why(&self, of: impl Iterator<Item = u32>, senders: &dyn Fn(u32) -> Vec<u32>) -> Vec<Why> {
        let living = self.all.living();
        let lives = |seat: &u32| living.binary_search(seat).is_ok();
        let mut why: Vec<Why> = Vec::new();
        let mut queue: VecDeque<u32> = of.collect();
        while let Some(seat) = queue.pop_front() {
            if !lives(&seat) || why.iter().any(|known| known.id.seat == seat) {
                continue;
            }
            let load = self.all.load(seat);
            let (who, needs): (Vec<u32>, fn(Named) -> Needs) = match () {
                () if load.is_muted() => (self.marks.receivers_of(seat), Needs::Falls),
                () if self.goes_on(seat) => (Vec::new(), |_| Needs::Nothing),
                () if load.is_under_pressure() => (senders(seat), Needs::Release),
                () => (senders(seat), Needs::Message),
            };
            queue.extend(who.iter().filter(|seat| lives(seat)));
            let named = who.iter().filter(|seat| lives(seat)).map(|seat| self.named(*seat)).collect();
            let (id, name) = self.named(seat);
            why.push(Why { id, name, needs: needs(named) });
        }
        why
    }

    /// It has messages, or a timer, a socket or an inlet will give it some.
    fn goes_on(&self, seat: u32) -> bool {
        !self.all.load(seat).is_muted() && (self.all.is_busy(seat) || self.has_source(seat))
    }

    fn named(&self, seat: u32) -> (ActorId, Name) {
        (self.all.id(seat), self.all.name(seat))
    }

    /// Could anything but a message of another actor make it run?
    fn has_source(&self, seat: u32) -> bool {
        self.all.has_outside_source(seat) || !self.all.timers(seat).is_empty()
    }

    fn muted(&self) -> Vec<MutedActor> {
        self.waits.keys().map(|seat| self.muted_actor(*seat)).collect()
    }

    fn muted_actor(&self, seat: u32) -> MutedActor {
        let all = self.all;
        MutedActor {
            id: all.id(seat),
            name: all.name(seat),
            waiting: all.waiting(seat),
            muted_for: all.muted_for(seat),
            chains: self.chains(seat),
        }
    }

    /// The shortest chain of marks from `from` to each root that it waits for.
    fn chains(&self, from: u32) -> Vec<Vec<(ActorId, Name)>> {
        let mut came: BTreeMap<u32, u32> = BTreeMap::from([(from, from)]);
        let mut queue = VecDeque::from([from]);
        let mut roots = Vec::new();
        while let Some(seat) = queue.pop_front() {
            let Some(receivers) = self.waits.get(&seat) else {
                roots.push(seat);
                continue;
            };
            for next in receivers {
                came.entry(*next).or_insert_with(|| {
                    queue.push_back(*next);
                    seat
                });
            }
        }
        roots.into_iter().map(|root| self.path(&came, from, root)).collect()
    }

    fn path(&self, came: &BTreeMap<u32, u32>, from: u32, to: u32) -> Vec<(ActorId, Name)> {
        let mut seats = vec![to];
        let mut at = to;
        while at != from {
            at = came[&at];
            seats.push(at);
        }
        seats.into_iter().rev().map(|seat| self.named(seat)).collect()
    }

    pub(super) fn root(&self, seat: u32) -> Root {
        let all = self.all;
        let (applied, guards) = all.pressed_at(seat);
        let overloaded = all.load(seat).has(Load::OVERLOADED).then_some(Cause::Overloaded);
        let causes = applied.map(Cause::Applied).into_iter().chain(guards.into_iter().map(Cause::Guard));
        Root {
            id: all.id(seat),
            name: all.name(seat),
            causes: causes.chain(overloaded).collect(),
            waiting: all.waiting(seat),
            woken_by: self.woken_by(seat),
        }
    }

    fn woken_by(&self, seat: u32) -> Vec<String> {
        let all = self.all;
        let mut by: Vec<String> = Vec::new();
        if all.is_busy(seat) {
            by.push("the messages in its mailbox".into());
        }
        by.extend(all.timers(seat).into_iter().map(|due| format!("its timer, due at {due:?}")));
        if all.has_outside_source(seat) {
            by.push("its socket or inlet".into());
        }
        let senders = self.marks.senders_of(seat).iter();
        by.extend(senders.map(|s| format!("a message from {}{}, which it mutes", all.name(*s), all.id(*s))));
        by
    }
}

impl Overview for Single {
    fn marks(&self) -> Cow<'_, Marks> {
        Cow::Borrowed(&self.marks)
    }

    fn living(&self) -> Vec<u32> {
        (0..self.post.seats()).filter(|seat| !self.post.data(*seat).is_empty()).collect()
    }

    fn id(&self, seat: u32) -> ActorId {
        self.id_of(seat)
    }

    fn name(&self, seat: u32) -> Name {
        self.post.data(seat).name.clone()
    }

    fn load(&self, seat: u32) -> Load {
        self.post.data(seat).load
    }

    fn waiting(&self, seat: u32) -> u32 {
        self.post.len(seat)
    }

    fn is_busy(&self, seat: u32) -> bool {
        self.post.data(seat).busy
    }

    fn muted_for(&self, seat: u32) -> Duration {
        Duration::from_nanos(self.now_ns() - self.post.data(seat).muted_since)
    }

    fn pressed_at(&self, seat: u32) -> (Option<Place>, Vec<Place>) {
        let more = self.post.data(seat).more.as_deref();
        more.map_or((None, Vec::new()), |more| (more.applied_at, more.guards.iter().map(|g| g.1).collect()))
    }

    fn timers(&self, seat: u32) -> Vec<Duration> {
        let id = self.id_of(seat);
        self.timers.iter().filter(|(owner, _)| *owner == id).map(|(_, due)| due).collect()
    }

    fn has_outside_source(&self, seat: u32) -> bool {
        self.has_outside_source(self.id_of(seat))
    }

    fn senders(&self, seat: u32) -> Option<Vec<u32>> {
        Some(self.watch.contacts.as_ref()?.senders_of(self.id_of(seat)).map(|id| id.seat).collect())
    }
}

impl Single {
    /// R10, for a runtime that is quiescent.
    pub(crate) fn deadlock(&self, replay: String) -> Deadlock {
        Reporter::new(self).deadlock(replay)
    }

    /// R11, at any time. None if the watch is off or nothing is stalled.
    pub(crate) fn stall(&self) -> Option<Stall> {
        Reporter::new(self).stall()
    }

    /// [`Reporter::proved_stall`].
    pub(crate) fn proved_stall(&self, muted: &[u32], roots: &[u32], senders: &dyn Fn(u32) -> Vec<u32>) -> Stall {
        Reporter::new(self).proved_stall(muted, roots, senders)
    }

    /// Its name and id.
    pub(crate) fn name_at(&self, seat: u32) -> String {
        self.name_of(self.id_of(seat))
    }

    /// Who holds it back, by name.
    pub(crate) fn muted_by(&self, seat: u32) -> Vec<String> {
        self.marks.receivers_of(seat).into_iter().map(|seat| self.name_at(seat)).collect()
    }

    /// An actor that the program created and that has not ended.
    pub(crate) fn still_living(&self) -> Option<String> {
        const OF_THE_RUNTIME: u32 = 4;
        self.living().into_iter().find(|seat| *seat >= OF_THE_RUNTIME).map(|seat| self.name_at(seat))
    }

    /// An actor under pressure, and why.
    pub(crate) fn pressing(&self, seat: u32) -> Root {
        Reporter::new(self).root(seat)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Applied(place) => write!(f, "Backpressure::apply at {place} was never released"),
            Cause::Guard(place) => write!(
                f,
                "a guard from Backpressure::hold at {place} was never dropped (kept, or leaked with mem::forget)"
            ),
            Cause::Overloaded => f.write_str("overloaded"),
        }
    }
}

/// What is printed of lists, which may have thousands of entries; the value has them all, and `{:#}` prints them.
const SHOWN: usize = 12;

fn list<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    line: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    let shown = if f.alternate() { items.len() } else { SHOWN.min(items.len()) };
    items[..shown].iter().try_for_each(|item| line(f, item))?;
    match items.len() - shown {
        0 => Ok(()),
        left => writeln!(f, "  … and {left} more (print with {{:#}} for all)"),
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = messages(self.waiting);
        writeln!(f, "  {}{} is under pressure, {waiting} in its mailbox:", self.name, self.id)?;
        self.causes.iter().try_for_each(|cause| writeln!(f, "    {cause}"))?;
        if self.woken_by.is_empty() {
            return writeln!(f, "    nothing is left that could wake it");
        }
        let shown = if f.alternate() { self.woken_by.len() } else { 3.min(self.woken_by.len()) };
        write!(f, "    could be woken only by: {}", self.woken_by[..shown].join("; "))?;
        match self.woken_by.len() - shown {
            0 => writeln!(f),
            left => writeln!(f, "; and {left} more"),
        }
    }
}

impl fmt::Display for MutedActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain =
            |c: &Vec<(ActorId, Name)>| c.iter().map(|(id, name)| format!("{name}{id}")).collect::<Vec<_>>().join(" → ");
        let chains: Vec<String> = self.chains.iter().map(chain).collect();
        let waiting = messages(self.waiting);
        writeln!(f, "  {} ({waiting} in its mailbox, muted for {:?})", chains.join("; "), self.muted_for)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |who: &[(ActorId, Name)], and: &str| {
            who.iter().map(|(id, name)| format!("{name}{id}")).collect::<Vec<_>>().join(and)
        };
        write!(f, "{}{} ", self.name, self.id)?;
        match &self.needs {
            Needs::Falls(who) => write!(f, "is muted until {} fell (R6)", names(who, " and ")),
            Needs::Release(who) if who.is_empty() => f.write_str("is under pressure, and nobody ever sends to it"),
            Needs::Release(who) => {
                write!(
                    f,
                    "is under pressure until a message makes it release; only {} ever sends to it",
                    names(who, " or ")
                )
            }
            Needs::Message(who) if who.is_empty() => f.write_str("has nothing to do, and nobody ever sends to it"),
            Needs::Message(who) => write!(f, "has nothing to do; only {} ever sends to it", names(who, " or ")),
            Needs::Nothing => f.write_str("goes on, and nothing that it does helps"),
        }
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (muted, roots) = (self.muted.len(), self.roots.len());
        writeln!(
            f,
            "deadlock (R9): nothing can run any more and {muted} muted {} for {roots} under pressure.",
            plural(muted)
        )?;
        writeln!(f, "who is to blame (R10):")?;
        list(f, &self.roots, |f, root| if f.alternate() { write!(f, "{root:#}") } else { write!(f, "{root}") })?;
        writeln!(f, "who waits, → means \"is muted by\":")?;
        list(f, &self.muted, |f, muted| write!(f, "{muted}"))?;
        write!(f, "replay: {}", self.replay)
    }
}

/// So many messages, in words.
pub(super) fn messages(n: u32) -> String {
    if n == 1 { "1 message".into() } else { format!("{n} messages") }
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "actor waits" } else { "actors wait" }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "stall (R11): the program goes on, but a part of it waits:")?;
        for (root, proved) in &self.roots {
            let word = if *proved {
                "proved: nothing that can still happen ends its pressure"
            } else {
                "suspected: every actor that ever sent to it is stalled too; one that never did could still"
            };
            writeln!(f, "{root}    {word}")?;
        }
        writeln!(f, "who waits, → means \"is muted by\":")?;
        list(f, &self.muted, |f, muted| write!(f, "{muted}"))?;
        writeln!(f, "why nobody helps:")?;
        list(f, &self.why, |f, why| writeln!(f, "  {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::single::{Delivery, Outside};

    struct Socket;

    impl Outside for Socket {
        fn pressing(&mut self, _: bool) {}
        fn ended(&mut self) {}
        fn is_live(&self) -> bool {
            true
        }
        fn take_over(&mut self) -> Vec<Delivery> {
            Vec::new()
        }
    }

    /// Seat 1 is under pressure, seat 2 is muted for it, seat 3 has something to do.
    fn stalled() -> Single {
        let mut core = Single::plain();
        let [root, sender, busy] = [(); 3].map(|()| core.another());
        core.running = root;
        core.apply_now(std::panic::Location::caller());
        core.running = sender;
        core.pending.push(root.seat);
        assert!(core.settle_marks());
        core.pending.clear();
        core.schedule(busy.seat);
        core
    }

    #[test]
    fn whoever_goes_on_is_said_to_do_so_and_not_to_help() {
        let core = stalled();
        let stall = core.proved_stall(&[2], &[1], &|seat| if seat == 1 { vec![3] } else { Vec::new() });
        let why: Vec<String> = stall.why.iter().map(Why::to_string).collect();
        assert_eq!(
            why,
            [
                "u8#2 is muted until u8#1 fell (R6)",
                "u8#1 is under pressure until a message makes it release; only u8#3 ever sends to it",
                "u8#3 goes on, and nothing that it does helps",
            ]
        );
    }

    #[test]
    fn a_root_is_not_stalled_if_somebody_ever_sent_to_it_who_goes_on() {
        let mut core = stalled();
        core.watch_contacts();
        let [root, sender, busy] = [1, 2, 3].map(|seat| core.id_of(seat));
        let mut met = |from| {
            core.watch.contacts.as_mut().expect("they are watched").met(from, root);
            let stall = core.core().stall();
            stall.map(|stall| stall.roots.iter().map(|(root, proved)| (root.id, *proved)).collect::<Vec<_>>())
        };
        assert_eq!((met(sender), met(busy)), (Some(vec![(root, false)]), None));
    }

    #[test]
    fn all_that_could_wake_somebody_is_named_and_four_are_too_many_to_print() {
        let mut core = stalled();
        let root = core.id_of(1);
        let woken_by = |core: &Single| core.pressing(1).woken_by;
        let sender = "a message from u8#2, which it mutes";
        assert_eq!(woken_by(&core), [sender]);
        core.running = root;
        core.set_timer(Duration::from_millis(5), None, Box::new(|_, _, _| ()));
        core.attach(root, Box::new(Socket));
        let [timer, socket] = ["its timer, due at 5ms", "its socket or inlet"];
        assert_eq!(woken_by(&core), [timer, socket, sender]);
        assert!(core.pressing(1).to_string().ends_with(&format!("only by: {timer}; {socket}; {sender}\n")));
        core.schedule(1);
        let mailbox = "the messages in its mailbox";
        assert_eq!(woken_by(&core), [mailbox, timer, socket, sender]);
        let root = core.pressing(1);
        assert!(root.to_string().ends_with(&format!("only by: {mailbox}; {timer}; {socket}; and 1 more\n")));
        assert!(format!("{root:#}").ends_with(&format!("{socket}; {sender}\n")));
    }

    #[test]
    fn of_a_long_list_a_dozen_are_printed_and_the_rest_counted() {
        let core = stalled();
        let deadlock = |muted| {
            let muted = vec![Reporter::new(&core).muted_actor(2); muted];
            Deadlock { muted, roots: Vec::new(), replay: String::new() }
        };
        let lines = |text: String| text.lines().filter(|line| line.contains("muted for")).count();
        assert_eq!([lines(deadlock(12).to_string()), lines(deadlock(15).to_string())], [12, 12]);
        assert_eq!(lines(format!("{:#}", deadlock(15))), 15);
        assert!(!deadlock(12).to_string().contains("more (print"));
        assert!(deadlock(15).to_string().contains("… and 3 more (print with {:#} for all)"));
    }

    #[test]
    fn whom_nobody_sends_to_is_said_not_to_be_helped() {
        let why = |needs| Why { id: ActorId { seat: 3, tenant: 0 }, name: Name::of_type::<u8>(), needs }.to_string();
        let under_pressure = why(Needs::Release(Vec::new()));
        assert_eq!(under_pressure, "u8#3 is under pressure, and nobody ever sends to it");
        assert_eq!(why(Needs::Message(Vec::new())), "u8#3 has nothing to do, and nobody ever sends to it");
    }
}
