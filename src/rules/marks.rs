//! The set of marks: which sender is held back by which receiver (R2, R6).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// The marks of all muted actors. Actors are small integers, their seats in the runtime's table.
///
/// A mute and a free touch a dense array and the end of a list, so a thousand senders of one receiver cost a
/// thousand pushes and one sort that finds them nearly sorted.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Receiver → those it holds back, each once, in the order they were muted.
    senders: BTreeMap<u32, Vec<u32>>,
    /// Sender → how many receivers hold it back.
    waits: Vec<u32>,
    /// Senders that wait.
    muted: usize,
    /// An emptied list, kept for the next receiver.
    spare: Vec<u32>,
}

impl Marks {
    /// Commits the marks of `sender`, which becomes muted: it waits for each of `receivers`, all different.
    pub fn mute(&mut self, sender: u32, receivers: &[u32]) {
        let seat = sender as usize;
        if seat >= self.waits.len() {
            self.waits.resize(seat + 1, 0);
        }
        assert!(self.waits[seat] == 0, "T6: a muted actor runs no behaviour, so it cannot be muted again");
        assert!(!receivers.is_empty(), "R3: an actor without marks is not muted");
        self.waits[seat] = receivers.len() as u32;
        self.muted += 1;
        for receiver in receivers {
            let spare = &mut self.spare;
            self.senders.entry(*receiver).or_insert_with(|| core::mem::take(spare)).push(sender);
        }
    }

    /// Removes every mark on `receiver`, which fell, and appends to `freed` the senders left without marks, ordered
    /// by `created` (R6).
    pub fn fall(&mut self, receiver: u32, freed: &mut Vec<u32>, created: impl Fn(u32) -> u64) {
        let Some(mut senders) = self.senders.remove(&receiver) else { return };
        senders.sort_by_key(|s| created(*s));
        for sender in senders.drain(..) {
            let waits = &mut self.waits[sender as usize];
            *waits = waits.checked_sub(1).expect("T6: a mark is removed at most once");
            if *waits == 0 {
                self.muted -= 1;
                freed.push(sender);
            }
        }
        self.spare = senders;
    }

    /// Removes every mark of `sender`, which ends while muted (R8).
    pub fn forget(&mut self, sender: u32) {
        if !self.is_waiting(sender) {
            return;
        }
        self.waits[sender as usize] = 0;
        self.muted -= 1;
        self.senders.retain(|_, senders| {
            senders.retain(|s| *s != sender);
            !senders.is_empty()
        });
    }

    /// Nobody waits?
    pub fn is_empty(&self) -> bool {
        self.muted == 0
    }

    /// How many actors are muted.
    pub fn muted(&self) -> usize {
        self.muted
    }

    /// Is `sender` held back by anybody?
    pub fn is_waiting(&self, sender: u32) -> bool {
        self.waits.get(sender as usize).is_some_and(|n| *n > 0)
    }

    /// The actors held back by `receiver`, in the order they were muted.
    pub fn senders_of(&self, receiver: u32) -> &[u32] {
        self.senders.get(&receiver).map_or(&[], Vec::as_slice)
    }

    /// The receivers that hold `sender` back, by seat.
    pub fn receivers_of(&self, sender: u32) -> Vec<u32> {
        let holds = |senders: &Vec<u32>| senders.contains(&sender);
        self.senders.iter().filter(|(_, senders)| holds(senders)).map(|(receiver, _)| *receiver).collect()
    }

    /// Every muted actor with the receivers that hold it back, by seat.
    pub fn waits(&self) -> BTreeMap<u32, Vec<u32>> {
        let mut waits: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        self.iter().for_each(|(sender, receiver)| waits.entry(sender).or_default().push(receiver));
        waits
    }

    /// Every mark as (sender, receiver), by the receiver's seat.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.senders.iter().flat_map(|(receiver, senders)| senders.iter().map(|sender| (*sender, *receiver)))
    }
}
