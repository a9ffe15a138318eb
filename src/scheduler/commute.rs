//! Which messages to one actor commute, as its type declares: [`Model::independent`](crate::Model::independent).
//!
//! A search compares steps by the objects that they touch. So each pair of messages that do *not* commute gets an object
//! of its own, which the arrival of either touches. For that all messages have to be known: a search that meets a new
//! one begins again.

use super::single::{Body, Single};
use crate::mailbox::Letter;
use crate::sync::{Arc, Mutex, PlainArc, lock};
use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;

/// Messages of one actor's type that a search met, each once.
#[derive(Default)]
struct Kind {
    known: Vec<Box<dyn Any + Send>>,
    /// For each, the pairs with others, or itself, with which it does not commute.
    conflicts: Vec<Vec<u32>>,
}

#[derive(Default)]
struct Table {
    kinds: BTreeMap<TypeId, Kind>,
    grew: bool,
    off: bool,
}

/// What a search knows of messages that commute.
#[derive(Default)]
pub(crate) struct Classes(Mutex<Table>);

impl fmt::Debug for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classes").field("types", &lock(&self.0).kinds.len()).finish()
    }
}

/// So many different messages of one type are told apart; further ones commute with nothing.
const MOST: usize = 1 << 10;

/// How a type's messages are compared.
#[derive(Debug)]
pub(crate) struct Commute<M> {
    pub(crate) same: fn(&M, &M) -> bool,
    pub(crate) copy: fn(&M) -> M,
    pub(crate) independent: fn(&M, &M) -> bool,
}

impl<M> Clone for Commute<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Commute<M> {}

impl Classes {
    /// What the arrival of this message touches; none if it commutes with nothing.
    pub(crate) fn conflicts<M: Send + 'static>(
        &self,
        actor: TypeId,
        message: &M,
        how: Commute<M>,
    ) -> Option<PlainArc<[u32]>> {
        let mut table = lock(&self.0);
        if table.off {
            return None;
        }
        let kind = table.kinds.entry(actor).or_default();
        let message_of =
            |known: &Box<dyn Any + Send>| known.downcast_ref::<M>().is_some_and(|m| (how.same)(m, message));
        if let Some(at) = kind.known.iter().position(message_of) {
            return Some(kind.conflicts[at].as_slice().into());
        }
        if kind.known.len() == MOST {
            return None;
        }
        let at = kind.known.len();
        kind.known.push(Box::new((how.copy)(message)));
        kind.conflicts.push(Vec::new());
        for other in 0..=at {
            let theirs = kind.known[other].downcast_ref::<M>().expect("a kind's messages are of one type");
            // Declared for one order, it holds for both.
            if !(how.independent)(theirs, message) && !(how.independent)(message, theirs) {
                let pair = (other * MOST + at) as u32;
                kind.conflicts[at].push(pair);
                if other < at {
                    kind.conflicts[other].push(pair);
                }
            }
        }
        let conflicts = kind.conflicts[at].as_slice().into();
        table.grew = true;
        Some(conflicts)
    }

    /// Was a message new, since the last call?
    pub(crate) fn grew(&self) -> bool {
        std::mem::take(&mut lock(&self.0).grew)
    }

    /// From here on nothing commutes, or what is declared does.
    pub(crate) fn switch(&self, on: bool) {
        lock(&self.0).off = !on;
    }
}

impl Single {
    /// The search asks which messages commute.
    pub(crate) fn know_classes(&mut self, classes: Arc<Classes>) {
        self.script().classes = Some(classes);
    }

    /// What the arrival of a letter will touch, if its receiver's type says which messages commute.
    pub(super) fn conflicts(&self, letter: &Letter, receiver: Option<&dyn Body>) -> Option<PlainArc<[u32]>> {
        let classes = self.script.as_ref()?.classes.as_ref()?;
        receiver?.conflicts(self, letter, classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 and 2 commute, as is declared for one order only; nothing else does.
    fn conflicts(classes: &Classes, message: u8) -> Vec<u32> {
        let how = Commute { same: |a, b| a == b, copy: |a| *a, independent: |a, b| (*a, *b) == (1, 2) };
        classes.conflicts(TypeId::of::<()>(), &message, how).unwrap().to_vec()
    }

    #[test]
    fn each_pair_that_does_not_commute_has_a_number_of_its_own() {
        let classes = Classes::default();
        let met = [2, 1, 3].map(|message| conflicts(&classes, message));
        assert!(classes.grew() && met[0].len() == 1);
        let all = [2, 1, 3].map(|message| conflicts(&classes, message));
        assert!(!classes.grew());
        let common = |one: usize, other: usize| {
            let both: Vec<u32> = all[one].iter().copied().filter(|pair| all[other].contains(pair)).collect();
            both.len()
        };
        assert_eq!(all.each_ref().map(Vec::len), [2, 2, 3], "with itself, and with 3");
        assert_eq!([common(0, 1), common(0, 2), common(1, 2)], [0, 1, 1]);
        let numbers: std::collections::BTreeSet<u32> = all.iter().flatten().copied().collect();
        assert_eq!(numbers.len(), 5);
    }
}
