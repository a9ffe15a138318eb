//! The single scheduler, told by a recording which messages each actor handles next, and what it is told meanwhile.
//!
//! A message that is sent goes to no mailbox: it is held until the run that handled it begins. An actor's next run can
//! begin when all its messages are held; then they are put into the mailbox in their order, and the actor runs as it
//! always does. Of the actors whose next runs can begin, the one comes first that could first (R12).
//!
//! Nobody is muted on the way: that an actor has a next run says that it was freed before. Who was muted at the end of the
//! run is in the recording, and is muted at the end of the replay.
//!
//! Not here: what a behaviour is told, and what becomes of its sends and timers (`told`).

use super::format::{Cursor, Entry};
use super::reading::{End, Run};
use super::{BadRecording, Name, Outcome, Recording};
use crate::event::{ActorId, Event};
use crate::mailbox::{Letter, Post};
use crate::rules::{self, Action, Load};
use crate::scheduler::seat::Seat;
use crate::scheduler::single::{Bodies, Failure, Single};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::time::Duration;

/// What is to be run again, and how far it is.
pub(in super::super) struct Replay {
    pub(super) recording: Recording,
    pub(super) actors: BTreeMap<ActorId, Progress>,
    /// Actors whose next run may be able to begin.
    pub(super) work: VecDeque<ActorId>,
    /// Messages that wait for the run that handles them: for whom, whose, and in which order they came.
    pub(super) held: BTreeMap<(ActorId, Name, u64), Letter>,
    pub(super) arrived: u64,
    /// The timers that were set, by owner and number.
    pub(super) timers: BTreeMap<(ActorId, u32), u64>,
    /// Actors whose next run creates one that sits where another has to end first.
    wait_for_seat: BTreeMap<u32, Vec<ActorId>>,
    /// By seat.
    pub(super) lineages: BTreeMap<u32, u64>,
    /// Whose the message is that the runtime delivers now.
    pub(super) from: Option<Name>,
    /// The run in progress.
    current: Option<(ActorId, Run)>,
    pub(super) told: RefCell<Told>,
    /// What ended the recorded run, once it has happened again.
    failure: Option<Failure>,
    /// There was no next actor.
    done: bool,
    over: bool,
}

/// How far an actor is.
#[derive(Default)]
pub(super) struct Progress {
    /// Runs that it had.
    runs: usize,
    /// As far as this its next run was looked at; 0: not yet.
    seen: usize,
    /// The messages up to there; none where a tick has yet to fire.
    ready: Vec<Option<Letter>>,
    /// The message that was missing there.
    pub(super) missing: Option<Name>,
    muted: bool,
}

/// What is left to be told to the behaviours of the run in progress.
pub(super) struct Told {
    pub(super) at: usize,
    pub(super) to: usize,
    pub(super) now: Duration,
    pub(super) bad: Option<BadRecording>,
}

impl Replay {
    pub(super) fn new(recording: Recording) -> Self {
        Replay {
            recording,
            actors: BTreeMap::new(),
            work: VecDeque::new(),
            held: BTreeMap::new(),
            arrived: 0,
            timers: BTreeMap::new(),
            wait_for_seat: BTreeMap::new(),
            lineages: BTreeMap::new(),
            from: None,
            current: None,
            told: RefCell::new(Told { at: 0, to: 0, now: Duration::ZERO, bad: None }),
            failure: None,
            done: false,
            over: false,
        }
    }

    fn end(&self) -> &End {
        &self.recording.end
    }

    fn next_run(&self, actor: ActorId) -> Option<Run> {
        let done = self.actors.get(&actor).map_or(0, |progress| progress.runs);
        self.recording.runs.get(&actor)?.get(done).copied()
    }

    pub(super) fn entries(&self, at: usize, to: usize) -> Cursor<'_> {
        Cursor::new(&self.recording.bytes, at, to)
    }

    /// Notes what is wrong, if nothing was before.
    pub(super) fn is_bad(&self, at: usize, why: impl Into<String>) {
        self.told.borrow_mut().bad.get_or_insert_with(|| BadRecording::new(at, why));
    }

    fn is_well(&self) -> bool {
        self.told.borrow().bad.is_none()
    }

    /// The run cannot go on. What ended the recorded one is kept for its end.
    pub(in super::super) fn failed(&mut self, failure: Failure) {
        let is_it = match (&failure, self.end().outcome) {
            (Failure::Panicked { actor, .. }, Outcome::Panicked(then)) => *actor == then,
            (Failure::TooManyActors { by, .. }, Outcome::TooMany(then)) => *by == then,
            _ => false,
        };
        if is_it {
            self.failure.get_or_insert(failure);
        }
    }

    fn take_held(&mut self, to: ActorId, name: Name) -> Option<Letter> {
        let key = *self.held.range((to, name, 0)..=(to, name, u64::MAX)).next()?.0;
        self.held.remove(&key)
    }

    fn begin(&mut self, actor: ActorId, run: Run) {
        self.current = Some((actor, run));
        let told = self.told.get_mut();
        (told.at, told.to) = (run.from, run.to);
    }

    /// The first run that cannot begin, and what it waits for.
    fn stuck(&self) -> Option<BadRecording> {
        let left = self.recording.runs.keys().filter_map(|actor| Some((*actor, self.next_run(*actor)?)));
        let (actor, run) = left.min_by_key(|(_, run)| run.at)?;
        let missing = self.actors.get(&actor).and_then(|progress| progress.missing);
        let waits = missing.map_or("that it is created".to_owned(), |name| name.to_string());
        Some(BadRecording::new(run.at, format!("{actor} waits for {waits}, which never comes: {NOT_THIS}")))
    }
}

pub(super) const NOT_THIS: &str =
    "it is the recording of another program, or the program depends on something that is in no recording";

impl Single {
    /// Runs what this recording says.
    pub(super) fn set_replay(&mut self, recording: Recording) {
        self.replay = Some(Box::new(Replay::new(recording)));
        self.watch_all();
    }

    #[inline(always)]
    pub(in super::super) fn is_replaying(&self) -> bool {
        self.replay.is_some()
    }

    pub(super) fn again(&mut self) -> &mut Replay {
        self.replay.as_mut().expect("only asked while a recording is replayed")
    }

    // --- Who is next ------------------------------------------------------------------------------------------------

    /// `main` runs first.
    pub(super) fn main_began_again(&mut self) {
        let replay = self.again();
        replay.actors.insert(ActorId::MAIN, Progress::default());
        replay.lineages.insert(0, 0);
        let run = replay.next_run(ActorId::MAIN).expect("a recording is read only if `main` ran");
        replay.begin(ActorId::MAIN, run);
    }

    /// Runs the next actor. False if there is none.
    pub(super) fn step_again(&mut self, bodies: &mut Bodies) -> bool {
        self.run_over();
        self.again().done = false;
        while self.again().is_well()
            && let Some(actor) = self.again().work.pop_front()
        {
            let Some(run) = self.again().next_run(actor) else { continue };
            if self.seat_of(actor).is_none() {
                self.again()
                    .is_bad(run.at, format!("{actor} has ended, and as it was recorded it went on: {NOT_THIS}"));
            } else if self.can_begin(actor, run) && self.load(actor, run) {
                self.run_one(actor.seat, bodies);
                while self.queue.next().is_some() {}
                return true;
            }
        }
        self.again().done = true;
        false
    }

    /// Was there no actor next? Not so after a panic, which may have been in the last run.
    pub(super) fn is_done_again(&self) -> bool {
        self.replay.as_ref().is_some_and(|replay| replay.done)
    }

    /// Lays ready what this run needs. False if something is not there yet: `work` is told when it is.
    fn can_begin(&mut self, actor: ActorId, run: Run) -> bool {
        let Single { replay, post, .. } = self;
        let replay = replay.as_mut().expect("only asked while a recording is replayed");
        let mut progress = replay.actors.remove(&actor).unwrap_or_default();
        let (mut at, mut waits) = (progress.seen.max(run.from), false);
        while at < run.to && !waits {
            let mut entries = replay.entries(at, run.to);
            let (entry, next) = (entries.entry(), entries.at);
            let name = match entry {
                Ok(Entry::Message(name)) => Some(name),
                Ok(Entry::Own(nth)) => Some(Name::own(nth)),
                Ok(Entry::Spawned { id, .. }) if tenants(post, id.seat) < id.tenant => {
                    replay.wait_for_seat.entry(id.seat).or_default().push(actor);
                    waits = true;
                    None
                }
                _ => None,
            };
            if let Some(name) = name {
                let letter = replay.take_held(actor, name);
                let fires = name.own_nth().is_some_and(|nth| replay.can_fire(actor, nth));
                waits = letter.is_none() && !fires;
                match waits {
                    true => progress.missing = Some(name),
                    false => progress.ready.push(letter),
                }
            }
            at = if waits { at } else { next };
        }
        progress.seen = at;
        replay.actors.insert(actor, progress);
        !waits
    }

    /// Puts the messages of this run into the mailbox. False if one is missing after all.
    fn load(&mut self, actor: ActorId, run: Run) -> bool {
        let names = self.messages_of(run);
        let ready = mem::take(&mut self.again().actors.entry(actor).or_default().ready);
        for ((at, name), letter) in names.into_iter().zip(ready) {
            if let (None, Some(nth)) = (&letter, name.own_nth()) {
                self.fire_again(actor, nth);
            }
            let Some(letter) = letter.or_else(|| self.again().take_held(actor, name)) else {
                self.again().is_bad(at, format!("{actor} handles {name} twice"));
                return false;
            };
            let sent = self.post.letter(letter).send(actor.seat, |_| true);
            debug_assert!(sent.is_ok(), "the actor has a seat");
        }
        let sent = self.post.data(actor.seat).sent;
        if sent != run.sent {
            let why =
                format!("{actor} has sent {sent} messages, and had sent {} as it was recorded: {NOT_THIS}", run.sent);
            self.again().is_bad(run.at, why);
            return false;
        }
        let progress = self.again().actors.entry(actor).or_default();
        if mem::take(&mut progress.muted) {
            self.totals.freed += 1;
            self.show(&Event::Freed { sender: actor });
        }
        self.again().begin(actor, run);
        true
    }

    fn messages_of(&mut self, run: Run) -> Vec<(usize, Name)> {
        let mut entries = self.again().entries(run.from, run.to);
        let mut names = Vec::new();
        while !entries.is_at_end() {
            let at = entries.at;
            match entries.entry() {
                Ok(Entry::Message(name)) => names.push((at, name)),
                Ok(Entry::Own(nth)) => names.push((at, Name::own(nth))),
                _ => {}
            }
        }
        names
    }

    /// The run in progress is over: everything that it was told then, it has been told again.
    fn run_over(&mut self) {
        let Some((actor, run)) = self.again().current.take() else { return };
        let left = self.seat_of(actor).map_or(0, |_| self.post.len(actor.seat));
        let replay = self.again();
        if left > 0 {
            replay.is_bad(run.to, format!("{actor} ended its run before it handled this: {NOT_THIS}"));
        }
        let (at, now) = (replay.told.borrow().at, replay.told.borrow().now);
        let mut entries = replay.entries(at, run.to);
        let mut muted = None;
        while !entries.is_at_end() {
            let at = entries.at;
            match entries.entry() {
                Ok(Entry::Message(_) | Entry::Own(_)) => {}
                Ok(Entry::Muted(by)) => muted = Some(by),
                _ => replay.is_bad(at, format!("{actor} did something here, and now does not: {NOT_THIS}")),
            }
        }
        let progress = replay.actors.entry(actor).or_default();
        (progress.runs, progress.seen, progress.muted) = (progress.runs + 1, 0, muted.is_some());
        replay.work.push_back(actor);
        self.watch.now = self.watch.now.max(now);
        if let Some(receivers) = muted {
            self.totals.mutes += 1;
            let seat = self.post.data_mut(actor.seat);
            seat.mutes_taken = seat.mutes_taken.saturating_add(1);
            self.show(&Event::Muted { sender: actor, receivers: &receivers });
        }
    }

    /// An actor is about to end: what it was sent and never handled are dead letters, and its seat is another's soon.
    pub(in super::super) fn ends_again(&mut self, actor: ActorId) {
        if !self.again().over {
            let mine: Vec<u32> =
                self.again().timers.range((actor, 0)..=(actor, u32::MAX)).map(|(of, _)| of.1).collect();
            mine.into_iter().for_each(|nth| self.fire_rest(actor, nth));
        }
        self.fill_mailbox(actor);
        let replay = self.again();
        let waited = replay.wait_for_seat.remove(&actor.seat);
        replay.work.extend(waited.into_iter().flatten());
    }

    /// Everything that is held for an actor.
    fn fill_mailbox(&mut self, actor: ActorId) {
        let ready = self.again().actors.get_mut(&actor).map(|progress| mem::take(&mut progress.ready));
        for letter in ready.into_iter().flatten().flatten() {
            let _ = self.post.letter(letter).send(actor.seat, |_| true);
        }
        let first = Name::sent(ActorId { seat: 0, tenant: 0 });
        while let Some((key, _)) = self.again().held.range((actor, first, 0)..).next().filter(|(key, _)| key.0 == actor)
        {
            let key = *key;
            let letter = self.again().held.remove(&key).expect("it was there a line ago");
            let _ = self.post.letter(letter).send(actor.seat, |_| true);
        }
    }

    // --- The end ----------------------------------------------------------------------------------------------------

    /// Is the replay over, well or not?
    pub(super) fn is_over_again(&self) -> bool {
        self.replay.as_ref().is_some_and(|replay| replay.over)
    }

    /// Called when no actor is next: the end, if all have run that ran.
    pub(super) fn end_again(&mut self) {
        self.run_over();
        let bad = self.again().told.borrow_mut().bad.take();
        let bad = bad.or_else(|| self.again().stuck());
        let bad = bad.or_else(|| {
            self.settle_timers();
            self.come_to_rest().err()
        });
        let replay = self.again();
        replay.over = true;
        let failure = replay.failure.take();
        self.failure = bad.map(Failure::Replay).or(failure);
        while self.queue.next().is_some() {}
    }

    /// Ticks that nobody handled.
    fn settle_timers(&mut self) {
        let left: Vec<(ActorId, u32)> = self.again().timers.keys().copied().collect();
        left.into_iter().for_each(|(owner, nth)| self.fire_rest(owner, nth));
    }

    /// How things stood when the recorded run ended.
    fn come_to_rest(&mut self) -> Result<(), BadRecording> {
        let replay = self.again();
        let (at, now, outcome) = (replay.end().at, replay.end().now, replay.end().outcome);
        let muted = replay.end().muted.clone();
        let has_failure = replay.failure.is_some();
        self.watch.now = self.watch.now.max(now);
        for seat in 0..self.post.seats() {
            let data = self.post.data(seat);
            if data.is_empty() {
                continue;
            }
            // A run without messages: where it was too, it has caught up (R4).
            if outcome == Outcome::Quiescent && data.load.has(Load::OVERLOADED) {
                self.run_ended(seat, 0);
            }
            let actor = self.id_of(seat);
            self.fill_mailbox(actor);
        }
        self.free_others(|actor| muted.iter().any(|(sender, ..)| *sender == actor));
        for (sender, since, receivers) in muted {
            self.mute_again(sender, since, &receivers).map_err(|why| BadRecording::new(at, why))?;
        }
        match outcome {
            Outcome::Quiescent => self.nobody_is_ready().map_err(|why| BadRecording::new(at, why))?,
            Outcome::Shutdown => self.again().failure = Some(Failure::Shutdown),
            Outcome::Panicked(_) | Outcome::TooMany(_) if !has_failure => {
                return Err(BadRecording::new(at, format!("what ended the run has not happened again: {NOT_THIS}")));
            }
            _ => {}
        }
        Ok(())
    }

    /// Whoever was muted by its last run, and not at the end, was freed in between, with nothing left to do.
    fn free_others(&mut self, is_muted: impl Fn(ActorId) -> bool) {
        let muted = self.again().actors.iter().filter(|(actor, progress)| progress.muted && !is_muted(**actor));
        for sender in muted.map(|(actor, _)| *actor).collect::<Vec<_>>() {
            self.totals.freed += 1;
            self.show(&Event::Freed { sender });
        }
    }

    /// Nobody had anything to do when the recorded run was quiescent (R9).
    fn nobody_is_ready(&self) -> Result<(), String> {
        let mut seats = (0..self.post.seats()).filter(|seat| !self.post.data(*seat).is_empty());
        let ready = seats.find(|seat| self.post.len(*seat) > 0 && !self.post.data(*seat).load.is_muted());
        ready.map_or(Ok(()), |seat| {
            let (actor, left) = (self.id_of(seat), self.post.len(seat));
            Err(format!("{actor} is left with messages ({left}), and had handled all as it was recorded: {NOT_THIS}"))
        })
    }

    fn mute_again(&mut self, sender: ActorId, since: u64, receivers: &[ActorId]) -> Result<(), String> {
        let lives = |id: &ActorId| self.seat_of(*id).is_some();
        if !lives(&sender) || !receivers.iter().all(lives) || receivers.is_empty() || self.marks.is_waiting(sender.seat)
        {
            return Err(format!("{sender} was muted at the end, and cannot be: {NOT_THIS}"));
        }
        let (after, action) = self.config.rules.step(self.post.data(sender.seat).load, rules::Event::EndMarked);
        if action != Action::Mute {
            return Err(format!("{sender} was muted at the end, and is under pressure now: {NOT_THIS}"));
        }
        let seats: Vec<u32> = receivers.iter().map(|receiver| receiver.seat).collect();
        self.marks.mute(sender.seat, &seats);
        let since = since.min(self.now_ns());
        let data = self.post.data_mut(sender.seat);
        data.set_load(after);
        (data.muted_since, data.busy) = (since, true);
        Ok(())
    }
}

/// How many actors have had this seat.
fn tenants(post: &Post<Seat>, seat: u32) -> u32 {
    if seat < post.seats() { post.data(seat).tenant } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::End as Ended;

    #[test]
    fn only_the_living_are_muted_by_the_living_and_once() {
        let mut core = Single::plain();
        let [sender, receiver, gone] = [(); 3].map(|()| core.another());
        core.end(gone.seat, Ended::Stopped);
        for (sender, receivers) in [(gone, vec![receiver]), (sender, vec![receiver, gone]), (sender, vec![])] {
            let why = core.mute_again(sender, 0, &receivers).unwrap_err();
            assert!(why.contains("and cannot be"), "{why}");
        }
        assert_eq!(core.mute_again(sender, 0, &[receiver]), Ok(()));
        assert_eq!((core.marks.waits().len(), core.has_ready()), (1, false));
        assert!(core.mute_again(sender, 0, &[receiver]).is_err_and(|why| why.contains("and cannot be")));
    }
}
