//! What is written while a run is recorded: each worker has a tape of its own, and hands whole blocks of it to the one
//! recorder.

use super::format::{BLOCK_HEAD, END, HEAD, MAGIC, VERSION, block_head, checksum, code, put, put_at, put_id};
use super::{Name, Obstacle, Outcome, hash_of};
use crate::event::ActorId;
use crate::scheduler::single::{Config, Failure};
use crate::scheduler::timers::nanos;
use crate::sync::{Arc, Mutex, lock};
use std::fmt;
use std::io::{self, Write};
use std::mem;
use std::time::Duration;

/// Bytes in a block, about: a run is never split.
const BLOCK: usize = 64 << 10;

/// The most bytes that the beginning of a run takes: its code, two numbers of 32 bits and two of 64.
const RUN_BYTES: usize = 1 + 2 * 5 + 2 * 10;

/// Where the tapes of all workers go.
pub(crate) struct Recorder(Mutex<State>);

struct State {
    to: Box<dyn Write + Send>,
    blocks: u64,
    outcome: Outcome,
    /// The first error. Nothing is written after it.
    broken: Option<io::Error>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("blocks", &lock(&self.0).blocks).finish_non_exhaustive()
    }
}

/// An actor that was muted at the end, since when, and by whom.
pub(in super::super) type MutedAtEnd = (ActorId, u64, Vec<ActorId>);

impl Recorder {
    pub(crate) fn new(to: Box<dyn Write + Send>, config: &Config, workers: usize) -> Arc<Self> {
        let mut state = State { to, blocks: 0, outcome: Outcome::Quiescent, broken: None };
        let mut head = Vec::with_capacity(HEAD);
        head.extend_from_slice(MAGIC);
        head.push(VERSION);
        head.extend_from_slice(&config.seed.to_le_bytes());
        head.extend_from_slice(&config.batch.to_le_bytes());
        head.extend_from_slice(&hash_of(config).to_le_bytes());
        head.extend_from_slice(&(workers as u32).to_le_bytes());
        let sum = checksum(0, &head);
        head.extend_from_slice(&sum.to_le_bytes());
        state.write(&head);
        Arc::new(Recorder(Mutex::new(state)))
    }

    /// The run is over because of this.
    pub(in super::super) fn failed(&self, failure: &Failure) {
        lock(&self.0).outcome = match failure {
            Failure::Panicked { actor, .. } => Outcome::Panicked(*actor),
            Failure::TooManyActors { by, .. } => Outcome::TooMany(*by),
            Failure::Shutdown | Failure::Replay(_) | Failure::Recording(_) => Outcome::Shutdown,
        };
    }

    /// All tapes are in. Gives back what went wrong.
    pub(in super::super) fn finish(&self, now: Duration, muted: &[MutedAtEnd]) -> Result<(), io::Error> {
        let mut state = lock(&self.0);
        let (kind, actor) = match state.outcome {
            Outcome::Quiescent => (0, ActorId::MAIN),
            Outcome::Shutdown => (1, ActorId::MAIN),
            Outcome::Panicked(actor) => (2, actor),
            Outcome::TooMany(actor) => (3, actor),
        };
        let mut end = vec![kind];
        put_id(&mut end, actor);
        put(&mut end, nanos(now));
        put(&mut end, muted.len() as u64);
        for (sender, since, receivers) in muted {
            put_id(&mut end, *sender);
            put(&mut end, *since);
            put(&mut end, receivers.len() as u64);
            receivers.iter().for_each(|receiver| put_id(&mut end, *receiver));
        }
        state.block(END, &end);
        if state.broken.is_none() {
            state.broken = state.to.flush().err();
        }
        state.broken.take().map_or(Ok(()), Err)
    }
}

impl State {
    fn write(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.broken = self.to.write_all(bytes).err();
        }
    }

    fn block(&mut self, worker: u32, payload: &[u8]) {
        let head: [u8; BLOCK_HEAD] = block_head(self.blocks, worker, payload);
        self.blocks += 1;
        self.write(&head);
        self.write(payload);
    }
}

/// What one worker writes down.
pub(in super::super) struct Tape {
    recorder: Arc<Recorder>,
    worker: u32,
    entries: Vec<u8>,
    /// Whose the message is that the runtime delivers now, if it is anybody's.
    from: Option<Name>,
}

impl Tape {
    pub(in super::super) fn new(recorder: &Arc<Recorder>, worker: usize) -> Self {
        Tape { recorder: recorder.clone(), worker: worker as u32, entries: Vec::new(), from: None }
    }

    /// A run of an actor begins, which handles at least one message or is that of `main`.
    pub(in super::super) fn run_began(&mut self, actor: ActorId, handled: u64, sent: u64) {
        if self.entries.len() >= BLOCK {
            self.flush();
        }
        // Put together apart, because each byte that is pushed asks whether there is room.
        let mut line = [code::RUN; RUN_BYTES];
        let numbers = [u64::from(actor.seat), u64::from(actor.tenant), handled, sent];
        let len = numbers.into_iter().fold(1, |at, n| put_at(&mut line, at, n));
        self.entries.extend_from_slice(&line[..len]);
    }

    /// What the runtime delivers next came of this timer or watch of the receiver.
    pub(in super::super) fn comes_from(&mut self, nth: u32) {
        self.from = Some(Name::own(nth));
    }

    /// The name of a message that the runtime delivers to `to`.
    pub(in super::super) fn name_delivered(&mut self, to: ActorId) -> Name {
        self.from.take().unwrap_or_else(|| {
            self.obstacle(Obstacle::Outside, to);
            Name::own(u32::MAX)
        })
    }

    /// The running actor handles this.
    #[inline(always)]
    pub(in super::super) fn handles(&mut self, name: Name) {
        match name.0 {
            ActorId { seat, tenant: 0 } if seat < code::NEAR_SEATS => self.entries.push(code::NEAR + seat as u8),
            _ => self.handles_at_length(name),
        }
    }

    #[inline(never)]
    fn handles_at_length(&mut self, name: Name) {
        match (name.own_nth(), name.0.tenant) {
            (Some(nth), _) => self.short(code::OWN, u64::from(nth)),
            (None, 0) => self.short(code::SENT, u64::from(name.0.seat)),
            (None, _) => {
                self.entries.push(code::SENT_BY_TENANT);
                put_id(&mut self.entries, name.0);
            }
        }
    }

    fn short(&mut self, code: u8, n: u64) {
        self.entries.push(code);
        put(&mut self.entries, n);
    }

    pub(in super::super) fn spawned(&mut self, id: ActorId, name: u32) {
        // The seat that nobody ever has: see `too_many`.
        if id.seat == u32::MAX {
            return self.entries.push(code::TOO_MANY);
        }
        self.entries.push(code::SPAWNED);
        put_id(&mut self.entries, id);
        put(&mut self.entries, u64::from(name));
    }

    /// In nanoseconds, as in all of these.
    pub(in super::super) fn time(&mut self, now: u64) {
        self.short(code::TIME, now);
    }

    pub(in super::super) fn timer(&mut self, id: u64, now: u64) {
        self.short(code::TIMER, id);
        put(&mut self.entries, now);
    }

    pub(in super::super) fn cancelled(&mut self, in_time: bool) {
        self.short(code::CANCELLED, u64::from(in_time));
    }

    pub(in super::super) fn pressed(&mut self, is: bool) {
        self.short(code::PRESSED, u64::from(is));
    }

    pub(in super::super) fn muted(&mut self, by: impl ExactSizeIterator<Item = ActorId>) {
        self.short(code::MUTED, by.len() as u64);
        by.for_each(|receiver| put_id(&mut self.entries, receiver));
    }

    /// A timer was due, and its closure has returned.
    pub(in super::super) fn fired(&mut self, owner: ActorId, nth: u32, ticks: u64) {
        self.from = None;
        self.entries.push(code::FIRED);
        put_id(&mut self.entries, owner);
        put(&mut self.entries, u64::from(nth));
        put(&mut self.entries, ticks);
    }

    pub(in super::super) fn obstacle(&mut self, what: Obstacle, actor: ActorId) {
        self.short(code::OBSTACLE, what as u64);
        put_id(&mut self.entries, actor);
    }

    pub(in super::super) fn flush(&mut self) {
        if !self.entries.is_empty() {
            lock(&self.recorder.0).block(self.worker, &self.entries);
            self.entries.clear();
        }
        self.entries.reserve(BLOCK + (BLOCK >> 3));
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        let rest = mem::take(&mut self.entries);
        if !rest.is_empty() {
            lock(&self.recorder.0).block(self.worker, &rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::single::Single;

    #[test]
    fn a_tape_is_handed_over_in_blocks_and_the_rest_at_its_end() {
        let recorder = Recorder::new(Box::new(io::sink()), &Single::plain().config, 1);
        let blocks = || lock(&recorder.0).blocks;
        let mut tape = Tape::new(&recorder, 0);
        // Six bytes each time, so one time more than a sixth of them fills a block.
        for _ in 0..BLOCK {
            tape.run_began(ActorId { seat: 1, tenant: 0 }, 0, 0);
            tape.handles(Name::sent(ActorId::MAIN));
            assert!(tape.entries.len() < BLOCK + 6);
        }
        assert_eq!(blocks(), 5);
        drop(tape);
        assert_eq!(blocks(), 6);
        drop(Tape::new(&recorder, 0));
        assert_eq!(blocks(), 6, "an empty one is none");
    }
}
