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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_ever_sent_is_known_until_it_ends() {
        let [a, b, c] = [1, 2, 3].map(|seat| ActorId { seat, tenant: 0 });
        let mut contacts = Contacts::default();
        [(a, c), (b, c), (a, c), (c, a)].into_iter().for_each(|(from, to)| contacts.met(from, to));
        let senders = |contacts: &Contacts, to| contacts.senders_of(to).collect::<Vec<_>>();
        assert_eq!([a, b, c].map(|to| senders(&contacts, to)), [vec![c], vec![], vec![a, b]]);
        contacts.forget(a);
        assert_eq!([a, b, c].map(|to| senders(&contacts, to)), [vec![], vec![], vec![b]]);
    }
}
