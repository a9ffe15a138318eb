//! The set of marks: which sender is held back by which receiver (R2, R6).

use crate::faults::{Fault, planted};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// The marks of all muted actors. Actors are small integers, their seats in the runtime's table.
///
/// A mute and a free touch dense arrays and the end of a list, so a thousand senders of one receiver cost a
/// thousand pushes and one sort that finds them nearly sorted.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Receiver → 1 + the number of its list; 0 if nobody waits for it.
    list_of: Vec<u32>,
    /// Those a receiver holds back, each once, in the order they were muted.
    lists: Vec<Vec<u32>>,
    /// Lists that no receiver has.
    spare: Vec<u32>,
    /// Sender → how many receivers hold it back.
    waits: Vec<u32>,
    /// Senders that wait.
    muted: usize,
}

impl Marks {
    /// Commits the marks of `sender`, which becomes muted: it waits for each of `receivers`, all different.
    pub fn mute(&mut self, sender: u32, receivers: &[u32]) {
        let waits = at(&mut self.waits, sender);
        assert!(*waits == 0, "T6: a muted actor runs no behaviour, so it cannot be muted again");
        assert!(!receivers.is_empty(), "R3: an actor without marks is not muted");
        *waits = receivers.len() as u32;
        self.muted += 1;
        for receiver in receivers {
            let list = at(&mut self.list_of, *receiver);
            if *list == 0 {
                *list = 1 + self.spare.pop().unwrap_or_else(|| {
                    self.lists.push(Vec::new());
                    self.lists.len() as u32 - 1
                });
            }
            self.lists[*list as usize - 1].push(sender);
        }
    }

    /// Removes every mark on `receiver`, which fell, and appends to `freed` the senders left without marks, ordered
    /// by `created` (R6).
    pub fn fall(&mut self, receiver: u32, freed: &mut Vec<u32>, created: impl Fn(u32) -> u64) {
        let Some(list) = self.list_of.get_mut(receiver as usize).map(core::mem::take).filter(|list| *list > 0) else {
            return;
        };
        let mut senders = core::mem::take(&mut self.lists[list as usize - 1]);
        if !planted(Fault::FreedAsMuted) {
            senders.sort_by_key(|s| created(*s));
        }
        for sender in senders.drain(..) {
            let waits = &mut self.waits[sender as usize];
            *waits = waits.checked_sub(1).expect("T6: a mark is removed at most once");
            if *waits == 0 || planted(Fault::OneFallIsEnough) {
                self.muted -= 1;
                freed.push(sender);
            }
        }
        self.lists[list as usize - 1] = senders;
        self.spare.push(list - 1);
    }

    /// Removes every mark of `sender`, which ends while muted (R8).
    pub fn forget(&mut self, sender: u32) {
        if !self.is_waiting(sender) || planted(Fault::EndKeepsMarks) {
            return;
        }
        self.waits[sender as usize] = 0;
        self.muted -= 1;
        for receiver in 0..self.list_of.len() {
            let list = self.list_of[receiver];
            if list > 0 {
                self.lists[list as usize - 1].retain(|s| *s != sender);
                self.drop_empty(receiver);
            }
        }
    }

    /// Forgets every mark.
    pub fn clear(&mut self) {
        if self.is_empty() {
            return;
        }
        self.waits.fill(0);
        self.muted = 0;
        for receiver in 0..self.list_of.len() {
            if let Some(list) = self.list_of[receiver].checked_sub(1) {
                self.lists[list as usize].clear();
                self.list_of[receiver] = 0;
                self.spare.push(list);
            }
        }
    }

    fn drop_empty(&mut self, receiver: usize) {
        let list = self.list_of[receiver];
        if self.lists[list as usize - 1].is_empty() {
            self.list_of[receiver] = 0;
            self.spare.push(list - 1);
        }
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
        match self.list_of.get(receiver as usize) {
            None | Some(0) => &[],
            Some(list) => &self.lists[*list as usize - 1],
        }
    }

    /// The receivers that hold `sender` back, by seat.
    pub fn receivers_of(&self, sender: u32) -> Vec<u32> {
        self.receivers().filter(|receiver| self.senders_of(*receiver).contains(&sender)).collect()
    }

    /// Everybody who holds somebody back, by seat.
    fn receivers(&self) -> impl Iterator<Item = u32> + '_ {
        (0u32..).zip(&self.list_of).filter(|(_, list)| **list > 0).map(|(receiver, _)| receiver)
    }

    /// Every muted actor with the receivers that hold it back, by seat.
    pub fn waits(&self) -> BTreeMap<u32, Vec<u32>> {
        let mut waits: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        self.iter().for_each(|(sender, receiver)| waits.entry(sender).or_default().push(receiver));
        waits
    }

    /// Every mark as (sender, receiver), by the receiver's seat.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.receivers().flat_map(|receiver| self.senders_of(receiver).iter().map(move |sender| (*sender, receiver)))
    }
}

/// The entry of a seat, made if it is not there yet.
fn at(table: &mut Vec<u32>, seat: u32) -> &mut u32 {
    let seat = seat as usize;
    if seat >= table.len() {
        table.resize(seat + 1, 0);
    }
    &mut table[seat]
}
