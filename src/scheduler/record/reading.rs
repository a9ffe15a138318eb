//! Bytes as a recording, or why they are none.

use super::format::{BLOCK_HEAD, Cursor, END, Entry, HEAD, MAGIC, MAX_WORKERS, VERSION, block_sum, checksum};
use super::{Outcome, hash_of};
use crate::event::ActorId;
use crate::scheduler::single::Config;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

/// Seats that a worker of a pool takes at once: no seat number is beyond what that explains.
const SEATS_IN_A_BLOCK: u64 = 64;

/// Bytes that are no recording, or not of this program: where, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecording {
    at: usize,
    why: String,
}

impl BadRecording {
    pub(crate) fn new(at: usize, why: impl Into<String>) -> Self {
        BadRecording { at, why: why.into() }
    }

    /// The byte of the recording, counted from 0, at which it is not as it should be.
    pub fn position(&self) -> u64 {
        self.at as u64
    }
}

impl fmt::Display for BadRecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the recording cannot be replayed: at byte {}: {}", self.at, self.why)
    }
}

impl std::error::Error for BadRecording {}

/// A run that [`Builder::record`](crate::Builder::record) wrote down, whole and without contradictions. Whether it is one of this program is seen as
/// it is replayed.
///
/// ```
/// use backwater::{Recording, Runtime};
/// # use std::sync::{Arc, Mutex};
/// # #[derive(Clone, Default)]
/// # struct Buffer(Arc<Mutex<Vec<u8>>>);
/// # impl std::io::Write for Buffer {
/// #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> { self.0.lock().unwrap().write(bytes) }
/// #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
/// # }
///
/// let buffer = Buffer::default();
/// Runtime::builder().threads(2).record(buffer.clone()).run(|env| env.print("hello\n")).unwrap();
/// let bytes = buffer.0.lock().unwrap().clone();
///
/// let recording = Recording::parse(&bytes).unwrap();
/// assert_eq!((recording.actors(), recording.messages()), (4, 1), "`main`, and the standard streams");
/// assert_eq!(Recording::parse(&bytes[..50]).unwrap_err().position(), 40);
/// ```
pub struct Recording {
    pub(super) bytes: Vec<u8>,
    pub(super) seed: u64,
    pub(super) batch: u32,
    config: u64,
    pub(super) runs: BTreeMap<ActorId, Vec<Run>>,
    /// How many periods each tick of a timer stood for, by owner and number.
    pub(super) fired: BTreeMap<(ActorId, u32), VecDeque<u64>>,
    pub(super) end: End,
    actors: usize,
    messages: u64,
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Recording { actors, messages, .. } = self;
        f.debug_struct("Recording").field("actors", actors).field("messages", messages).finish_non_exhaustive()
    }
}

/// One run of an actor: its entries, and the counts that its actor had before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Where it begins, its first entry, and where that of another begins.
    pub(super) at: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) handled: u64,
    pub(super) sent: u64,
    messages: u64,
}

/// How the run ended.
#[derive(Debug)]
pub(super) struct End {
    /// Where it stands.
    pub(super) at: usize,
    pub(super) outcome: Outcome,
    pub(super) now: Duration,
    /// Who was muted, since when, and by whom.
    pub(super) muted: Vec<(ActorId, u64, Vec<ActorId>)>,
}

impl Recording {
    /// Reads a recording.
    ///
    /// Takes memory in proportion to the bytes, whatever they say.
    ///
    /// # Errors
    /// [`BadRecording`]: the bytes are cut short, altered, of another version, or of a run that cannot be made again.
    pub fn parse(bytes: &[u8]) -> Result<Recording, BadRecording> {
        Recording::of(bytes.to_vec())
    }

    pub(crate) fn of(bytes: Vec<u8>) -> Result<Recording, BadRecording> {
        let (head, blocks) = split(&bytes)?;
        let mut all = Entries::default();
        blocks.entries.iter().try_for_each(|(from, to)| all.read(&bytes, *from, *to))?;
        let actors = all.spawned.len() + 1;
        let messages = all.check(head.workers, &blocks.end)?;
        let Entries { runs, fired, .. } = all;
        let (seed, batch, config, end) = (head.seed, head.batch, head.config, blocks.end);
        Ok(Recording { bytes, seed, batch, config, runs, fired, end, actors, messages })
    }

    /// How many actors there were in all.
    pub fn actors(&self) -> usize {
        self.actors
    }

    /// How many messages were handled.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// The seed and the batch of the run: a replay has the same.
    pub(crate) fn settings(&self) -> (u64, u32) {
        (self.seed, self.batch)
    }

    /// Is this the configuration that the run had, its seed and its batch aside?
    pub(super) fn suits(&self, config: &Config) -> Result<(), BadRecording> {
        let why = "the run had another detector of overload, another limit of actors, or other ways with a panic: build \
                   the runtime as it was built then";
        if self.config == hash_of(config) { Ok(()) } else { Err(BadRecording::new(MAGIC.len() + 13, why)) }
    }
}

struct Head {
    seed: u64,
    batch: u32,
    config: u64,
    workers: u32,
}

fn head(bytes: &[u8]) -> Result<Head, BadRecording> {
    let mut cursor = Cursor::new(bytes, 0, bytes.len());
    let known = MAGIC.len().min(bytes.len());
    if bytes[..known] != MAGIC[..known] {
        return Err(BadRecording::new(0, "this is no recording of a run"));
    }
    cursor.take(MAGIC.len())?;
    let [version] = cursor.fixed()?;
    if version != VERSION {
        let why = format!("it is of version {version}, and this backwater reads version {VERSION}");
        return Err(BadRecording::new(MAGIC.len(), why));
    }
    let (seed, batch, config, workers) = (cursor.u64()?, cursor.u32()?, cursor.u64()?, cursor.u32()?);
    if cursor.u64()? != checksum(0, &bytes[..HEAD - 8]) {
        return Err(BadRecording::new(0, "its head was altered"));
    }
    if batch == 0 || workers == 0 || workers > MAX_WORKERS {
        return Err(BadRecording::new(MAGIC.len() + 9, "no runtime has this batch, or so many threads"));
    }
    Ok(Head { seed, batch, config, workers })
}

/// Where the entries of each block are, and what the last one says.
struct Blocks {
    entries: Vec<(usize, usize)>,
    end: End,
}

fn split(bytes: &[u8]) -> Result<(Head, Blocks), BadRecording> {
    let head = head(bytes)?;
    let mut entries = Vec::new();
    let mut cursor = Cursor::new(bytes, HEAD, bytes.len());
    loop {
        let at = cursor.at;
        if cursor.is_at_end() {
            return Err(BadRecording::new(at, "it ends before the run does: it is cut short, or the run was killed"));
        }
        let short = |_| BadRecording::new(at, "it ends in the middle of this block: it is cut short");
        let mut parts = Cursor::new(cursor.take(BLOCK_HEAD).map_err(short)?, 0, BLOCK_HEAD);
        let (length, worker, sum) = (parts.u32()?, parts.u32()?, parts.u64()?);
        let payload = cursor.take(length as usize).map_err(short)?;
        if block_sum(entries.len() as u64, worker, payload) != sum {
            return Err(BadRecording::new(at, "this block was altered"));
        }
        let from = at + BLOCK_HEAD;
        if worker == END {
            let end = end(bytes, at, cursor.at)?;
            if !cursor.is_at_end() {
                return Err(BadRecording::new(cursor.at, "something follows the end of the run"));
            }
            return Ok((head, Blocks { entries, end }));
        }
        if worker > head.workers {
            return Err(BadRecording::new(at, "this block is of a thread that there was not"));
        }
        entries.push((from, cursor.at));
    }
}

fn end(bytes: &[u8], at: usize, to: usize) -> Result<End, BadRecording> {
    let mut cursor = Cursor::new(bytes, at + BLOCK_HEAD, to);
    let ([kind], actor) = (cursor.fixed()?, cursor.id()?);
    let outcome = match kind {
        0 => Outcome::Quiescent,
        1 => Outcome::Shutdown,
        2 => Outcome::Panicked(actor),
        3 => Outcome::TooMany(actor),
        _ => return Err(BadRecording::new(at, "no run ends like this")),
    };
    let now = Duration::from_nanos(cursor.number()?);
    let muted = (0..cursor.count()?).map(|_| {
        let (sender, since, count) = (cursor.id()?, cursor.number()?, cursor.count()?);
        let by: Vec<ActorId> = (0..count).map(|_| cursor.id()).collect::<Result<_, _>>()?;
        Ok((sender, since, by))
    });
    let muted = muted.collect::<Result<Vec<_>, _>>()?;
    if !cursor.is_at_end() {
        return Err(BadRecording::new(cursor.at, "more is said of the end of the run than there is to say"));
    }
    Ok(End { at, outcome, now, muted })
}

/// What the entries of all blocks say.
#[derive(Default)]
struct Entries {
    runs: BTreeMap<ActorId, Vec<Run>>,
    fired: BTreeMap<(ActorId, u32), VecDeque<u64>>,
    spawned: BTreeSet<ActorId>,
    /// Where the largest seat was given out.
    largest: (u32, usize),
}

impl Entries {
    fn read(&mut self, bytes: &[u8], from: usize, to: usize) -> Result<(), BadRecording> {
        let mut cursor = Cursor::new(bytes, from, to);
        let mut run: Option<(ActorId, Run)> = None;
        while !cursor.is_at_end() {
            let at = cursor.at;
            let bad = |why: &str| Err(BadRecording::new(at, why));
            match (cursor.entry()?, &mut run) {
                (Entry::Run { actor, handled, sent }, run) => {
                    self.run_over(run.take(), at);
                    let from = cursor.at;
                    *run = Some((actor, Run { at, from, to: from, handled, sent, messages: 0 }));
                }
                (Entry::Fired { owner, nth, ticks }, run) => {
                    self.run_over(run.take(), at);
                    self.fired.entry((owner, nth)).or_default().push_back(ticks);
                }
                (Entry::Obstacle { what, actor }, _) => {
                    return Err(BadRecording::new(at, format!("{actor} {}", what.why())));
                }
                (_, None) => return bad("something happened in no run of an actor"),
                (Entry::Message(_) | Entry::Own(_), Some((_, run))) => run.messages += 1,
                (Entry::Spawned { id, .. }, Some(_)) => {
                    if id.seat > self.largest.0 {
                        self.largest = (id.seat, at);
                    }
                    if !self.spawned.insert(id) {
                        return bad("an actor was created twice");
                    }
                }
                (_, Some(_)) => {}
            }
        }
        self.run_over(run, to);
        Ok(())
    }

    fn run_over(&mut self, run: Option<(ActorId, Run)>, to: usize) {
        if let Some((actor, run)) = run {
            self.runs.entry(actor).or_default().push(Run { to, ..run });
        }
    }

    /// Puts the runs of each actor in order; they have to follow on each other. Gives back how many messages there are.
    fn check(&mut self, workers: u32, end: &End) -> Result<u64, BadRecording> {
        let seats = self.spawned.len() as u64 + SEATS_IN_A_BLOCK * (u64::from(workers) + 1);
        if u64::from(self.largest.0) >= seats {
            return Err(BadRecording::new(self.largest.1, "there were not so many actors that one could sit there"));
        }
        let mut messages = 0;
        for (actor, runs) in &mut self.runs {
            runs.sort_by_key(|run| run.handled);
            let mut handled = 0;
            for (nth, run) in runs.iter().enumerate() {
                let is_main = *actor == ActorId::MAIN && nth == 0;
                let why = match () {
                    () if !is_main && !self.spawned.contains(actor) => "nobody created this actor",
                    () if run.handled != handled => "a run of this actor is missing before this one",
                    () if run.messages == 0 && !is_main => "this run handles no message",
                    () => "",
                };
                if !why.is_empty() {
                    return Err(BadRecording::new(run.at, why));
                }
                handled += run.messages;
            }
            messages += handled;
        }
        if !self.runs.contains_key(&ActorId::MAIN) {
            return Err(BadRecording::new(end.at, "`main` never ran"));
        }
        Ok(messages)
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::{code, put};
    use super::*;

    fn head_of(batch: u32, workers: u32) -> Vec<u8> {
        let mut bytes = [MAGIC, &[VERSION][..]].concat();
        bytes.extend(7u64.to_le_bytes());
        bytes.extend(batch.to_le_bytes());
        bytes.extend(9u64.to_le_bytes());
        bytes.extend(workers.to_le_bytes());
        let sum = checksum(0, &bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    }

    #[test]
    fn a_head_that_no_runtime_writes_is_refused_even_with_its_checksum_made_right() {
        let Ok(Head { seed, batch, config, workers }) = head(&head_of(1, MAX_WORKERS)) else { panic!("it is well") };
        assert_eq!((seed, batch, config, workers), (7, 1, 9, MAX_WORKERS));
        for (batch, workers) in [(0, 1), (1, 0), (1, MAX_WORKERS + 1)] {
            let why = head(&head_of(batch, workers)).err().expect("no runtime writes it");
            assert_eq!((why.position(), why.to_string().contains("no runtime has this batch")), (16, true), "{why}");
        }
        let mut altered = head_of(1, 1);
        altered[9] ^= 1;
        assert!(head(&altered).is_err_and(|why| why.to_string().contains("its head was altered")));
    }

    const MAIN: &[u64] = &[code::RUN as u64, 0, 0, 0, 0];

    /// Reads entries, each of which is a row of numbers; with one thread. Where and why they are refused.
    fn refused(entries: &[&[u64]]) -> Option<(usize, String)> {
        let mut bytes = Vec::new();
        entries.concat().into_iter().for_each(|number| put(&mut bytes, number));
        let end = End { at: 0, outcome: Outcome::Quiescent, now: Duration::ZERO, muted: Vec::new() };
        let mut all = Entries::default();
        let read = all.read(&bytes, 0, bytes.len()).and_then(|()| all.check(1, &end));
        read.err().map(|why| (why.at, why.why))
    }

    /// `main` creates this one, and the entry begins at byte 5.
    fn with(seat: u64, more: &[&[u64]]) -> Option<(usize, String)> {
        refused(&[&[MAIN, &[u64::from(code::SPAWNED), seat, 0, 9]], more].concat())
    }

    #[test]
    fn a_seat_that_nobody_could_have_is_refused_where_it_was_given_out() {
        // One was created, and each of the thread and the driver's may have taken a block of seats.
        let last = 1 + 2 * SEATS_IN_A_BLOCK - 1;
        assert_eq!(with(last, &[]), None);
        let second: &[u64] = &[u64::from(code::SPAWNED), last + 2, 1, 9];
        for more in [&[][..], &[second]] {
            let (at, why) = with(last + 2, more).expect("it is too large");
            assert!(at == 5 && why.contains("not so many actors"), "{at}: {why}");
        }
    }

    #[test]
    fn runs_of_an_actor_follow_on_each_other_and_each_handles_something() {
        let run = |handled: u64| vec![u64::from(code::RUN), 4, 0, handled, 0];
        let message: &[u64] = &[u64::from(code::NEAR)];
        assert_eq!(with(4, &[&run(0), message, message, &run(2), message]), None);
        let why = |why: Option<(usize, String)>| why.expect("it is refused").1;
        assert!(why(refused(&[MAIN, &run(0), message])).contains("nobody created"));
        assert!(why(with(4, &[&run(0), message, &run(2), message])).contains("is missing"));
        assert!(why(with(4, &[&run(1), message])).contains("is missing"));
        assert!(why(with(4, &[&run(0)])).contains("handles no message"));
        assert!(why(with(4, &[&run(0), message, &run(1)])).contains("handles no message"));
        let main_again: &[u64] = &[u64::from(code::RUN), 0, 0, 1, 0];
        assert!(why(refused(&[MAIN, message, main_again, message])).contains("nobody created"), "it has one run");
        assert!(why(refused(&[])).contains("`main` never ran"));
    }
}
