//! Who ever sent to whom, kept only while the stall watch is on (R11): it costs a look-up at every send.

use crate::event::ActorId;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub(super) struct Contacts {
    senders: BTreeMap<ActorId, BTreeSet<ActorId>>,
}

impl Contacts {
    pub(super) fn met(&mut self, from: ActorId, to: ActorId) {
        self.senders.entry(to).or_default().insert(from);
    }

    /// Everybody who ever sent to `to` and has not ended.
    pub(super) fn senders_of(&self, to: ActorId) -> impl Iterator<Item = ActorId> + '_ {
        self.senders.get(&to).into_iter().flatten().copied()
    }

    pub(super) fn forget(&mut self, ended: ActorId) {
        self.senders.remove(&ended);
        self.senders.values_mut().for_each(|senders| {
            senders.remove(&ended);
        });
    }
}
