//! The bytes of a recording.
//!
//! ```text
//! head    "bw-log\n" version:u8 seed:u64 batch:u32 config:u64 workers:u32 sum:u64
//! block   length:u32 worker:u32 sum:u64 entries                  as many as there are; whole runs of one worker
//! end     a block whose worker is END: how the run ended
//! entry   code:u8, then numbers: seven bits a byte, the lowest first, the top bit says that more follow
//!         code NEAR + n, alone: a message of the first tenant of seat n, which is most of all that is written
//! ```
//!
//! Fixed numbers have their lowest byte first. A block's sum also covers its head and which block of the file it is, so
//! that no block can be missing, doubled or elsewhere.

use super::{BadRecording, Name, Obstacle};
use crate::event::ActorId;

pub(super) const MAGIC: &[u8] = b"bw-log\n";
pub(super) const VERSION: u8 = 2;
/// Length of the head of the file, and of that of a block.
pub(super) const HEAD: usize = 40;
pub(super) const BLOCK_HEAD: usize = 16;
/// The worker of the last block.
pub(super) const END: u32 = u32::MAX;
/// The most workers that a recording may say it has.
pub(super) const MAX_WORKERS: u32 = 1_024;

pub(super) mod code {
    pub(in super::super) const RUN: u8 = 1;
    pub(in super::super) const SENT: u8 = 2;
    pub(in super::super) const SENT_BY_TENANT: u8 = 3;
    pub(in super::super) const OWN: u8 = 4;
    pub(in super::super) const SPAWNED: u8 = 5;
    pub(in super::super) const TOO_MANY: u8 = 6;
    pub(in super::super) const TIME: u8 = 7;
    pub(in super::super) const TIMER: u8 = 8;
    pub(in super::super) const CANCELLED: u8 = 9;
    pub(in super::super) const PRESSED: u8 = 10;
    pub(in super::super) const MUTED: u8 = 11;
    pub(in super::super) const FIRED: u8 = 12;
    pub(in super::super) const OBSTACLE: u8 = 13;
    pub(in super::super) const NEAR: u8 = 32;
    pub(in super::super) const NEAR_SEATS: u32 = 256 - NEAR as u32;
}

/// Changes if any one byte does: each step is a bijection, of the sum so far and of the eight bytes.
pub(super) fn checksum(from: u64, bytes: &[u8]) -> u64 {
    let step = |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    let chunks = bytes.chunks_exact(8);
    let mut rest = [0; 8];
    rest[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    let sum = chunks.fold(step(from, bytes.len() as u64), |sum, chunk| {
        step(sum, u64::from_le_bytes(chunk.try_into().expect("a chunk is eight bytes")))
    });
    step(step(sum, u64::from_le_bytes(rest)), 0)
}

pub(super) fn block_sum(index: u64, worker: u32, payload: &[u8]) -> u64 {
    checksum(checksum(index, &worker.to_le_bytes()), payload)
}

/// The head of a block.
pub(super) fn block_head(index: u64, worker: u32, payload: &[u8]) -> [u8; BLOCK_HEAD] {
    let mut head = [0; BLOCK_HEAD];
    let length = u32::try_from(payload.len()).expect("one run of an actor writes less than 4 GB");
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..8].copy_from_slice(&worker.to_le_bytes());
    head[8..].copy_from_slice(&block_sum(index, worker, payload).to_le_bytes());
    head
}

#[inline]
pub(super) fn put(to: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        to.push(n as u8 | 0x80);
        n >>= 7;
    }
    to.push(n as u8);
}

/// The same into an array, from `at` on; gives back where the next goes.
#[inline(always)]
pub(super) fn put_at(to: &mut [u8], mut at: usize, mut n: u64) -> usize {
    while n >= 0x80 {
        to[at] = n as u8 | 0x80;
        (n, at) = (n >> 7, at + 1);
    }
    to[at] = n as u8;
    at + 1
}

pub(super) fn put_id(to: &mut Vec<u8>, id: ActorId) {
    put(to, u64::from(id.seat));
    put(to, u64::from(id.tenant));
}

/// One thing that was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A run of an actor begins, which has handled and sent so many messages before.
    Run { actor: ActorId, handled: u64, sent: u64 },
    /// It handles this message.
    Message(Name),
    /// It handles what came of a timer or a watch of its own.
    Own(u32),
    /// It created an actor of this name.
    Spawned { id: ActorId, name: u32 },
    /// It would have created one too many.
    TooMany,
    /// It asked what time it is, in nanoseconds.
    Time(u64),
    /// It set a timer, at that time.
    Timer { id: u64, now: u64 },
    /// It cancelled a timer, and was told whether that was in time.
    Cancelled(bool),
    /// It asked whether it was under pressure.
    Pressed(bool),
    /// It was muted as this behaviour ended.
    Muted(Vec<ActorId>),
    /// A timer of it was due. Between two runs.
    Fired { owner: ActorId, nth: u32, ticks: u64 },
    /// From here on nothing can be given again. Anywhere.
    Obstacle { what: Obstacle, actor: ActorId },
}

/// Reads bytes from some position on, and says of what is wrong where it stands.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    end: usize,
}

impl<'a> Cursor<'a> {
    /// The bytes from `at` to `end`.
    pub(super) fn new(bytes: &'a [u8], at: usize, end: usize) -> Self {
        Cursor { bytes, at, end: end.min(bytes.len()) }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.end
    }

    fn bad<T>(&self, why: &str) -> Result<T, BadRecording> {
        Err(BadRecording::new(self.at, why))
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], BadRecording> {
        if self.end - self.at < count {
            return self.bad("it ends in the middle: it is cut short");
        }
        self.at += count;
        Ok(&self.bytes[self.at - count..self.at])
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], BadRecording> {
        Ok(self.take(N)?.try_into().expect("as many bytes as were asked for"))
    }

    pub(super) fn u32(&mut self) -> Result<u32, BadRecording> {
        self.fixed().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, BadRecording> {
        self.fixed().map(u64::from_le_bytes)
    }

    pub(super) fn number(&mut self) -> Result<u64, BadRecording> {
        let mut n = 0u64;
        for shift in (0..70).step_by(7) {
            let [byte] = self.fixed()?;
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 {
                break;
            }
            n |= bits << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        self.bad("a number has more than 64 bits")
    }

    pub(super) fn small(&mut self) -> Result<u32, BadRecording> {
        let n = self.number()?;
        u32::try_from(n).or_else(|_| self.bad("a number is too large for what it counts"))
    }

    fn truth(&mut self) -> Result<bool, BadRecording> {
        match self.number()? {
            n @ 0..=1 => Ok(n == 1),
            _ => self.bad("an answer is neither yes nor no"),
        }
    }

    pub(super) fn id(&mut self) -> Result<ActorId, BadRecording> {
        Ok(ActorId { seat: self.small()?, tenant: self.small()? })
    }

    /// How many of something follow: each is a byte at least, so what is said here costs no memory that is not there.
    pub(super) fn count(&mut self) -> Result<usize, BadRecording> {
        let n = self.number()?;
        let left = (self.end - self.at) as u64;
        if n > left { self.bad("it says that more follows than is there") } else { Ok(n as usize) }
    }

    fn sent(&self, from: ActorId) -> Result<Entry, BadRecording> {
        let is_one = from.seat != super::OWN;
        if is_one { Ok(Entry::Message(Name::sent(from))) } else { self.bad("a message of nobody") }
    }

    pub(super) fn entry(&mut self) -> Result<Entry, BadRecording> {
        let at = self.at;
        let [what] = self.fixed()?;
        Ok(match what {
            code::RUN => Entry::Run { actor: self.id()?, handled: self.number()?, sent: self.number()? },
            code::SENT => {
                let from = ActorId { seat: self.small()?, tenant: 0 };
                return self.sent(from);
            }
            code::NEAR.. => {
                let from = ActorId { seat: u32::from(what - code::NEAR), tenant: 0 };
                return self.sent(from);
            }
            code::SENT_BY_TENANT => {
                let from = self.id()?;
                return self.sent(from);
            }
            code::OWN => Entry::Own(self.small()?),
            code::SPAWNED => Entry::Spawned { id: self.id()?, name: self.small()? },
            code::TOO_MANY => Entry::TooMany,
            code::TIME => Entry::Time(self.number()?),
            code::TIMER => Entry::Timer { id: self.number()?, now: self.number()? },
            code::CANCELLED => Entry::Cancelled(self.truth()?),
            code::PRESSED => Entry::Pressed(self.truth()?),
            code::MUTED => {
                let count = self.count()?;
                Entry::Muted((0..count).map(|_| self.id()).collect::<Result<_, _>>()?)
            }
            code::FIRED => Entry::Fired { owner: self.id()?, nth: self.small()?, ticks: self.number()? },
            code::OBSTACLE => {
                let what = self.small()? as usize;
                let Some(what) = Obstacle::ALL.get(what).copied() else { return self.bad("an obstacle of no kind") };
                Entry::Obstacle { what, actor: self.id()? }
            }
            _ => return Err(BadRecording::new(at, "there is no entry of this kind")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back() {
        let mut bytes = Vec::new();
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), 1 << 62, u64::MAX];
        numbers.iter().for_each(|n| put(&mut bytes, *n));
        let mut same = [0; 64];
        let end = numbers.iter().fold(0, |at, n| put_at(&mut same, at, *n));
        assert_eq!(same[..end], bytes);
        let mut cursor = Cursor::new(&bytes, 0, bytes.len());
        numbers.iter().for_each(|n| assert_eq!(cursor.number().unwrap(), *n));
        assert!(cursor.is_at_end());
        let too_large = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02];
        assert!(Cursor::new(&too_large, 0, 10).number().is_err());
    }

    #[test]
    fn no_more_is_said_to_follow_than_there_are_bytes() {
        let count = |bytes: &[u8]| Cursor::new(bytes, 1, bytes.len()).count();
        assert_eq!(count(&[9, 2, 0, 0]), Ok(2));
        for bytes in [&[9, 3, 0, 0][..], &[9, 1]] {
            assert!(count(bytes).is_err_and(|why| why.to_string().contains("more follows than is there")));
        }
    }

    #[test]
    fn a_checksum_tells_every_change_of_one_byte_and_every_length() {
        let bytes: Vec<u8> = (0..41).collect();
        let sum = checksum(7, &bytes);
        for at in 0..bytes.len() {
            for change in 1..=255u8 {
                let mut other = bytes.clone();
                other[at] ^= change;
                assert_ne!(checksum(7, &other), sum, "byte {at}");
            }
        }
        assert_ne!(checksum(7, &bytes[..40]), checksum(7, &[&bytes[..40], &[0]].concat()));
        assert_ne!(checksum(8, &bytes), sum);
    }
}
