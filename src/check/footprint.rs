//! What a step does to others, packed: two steps whose footprints do not meet can be taken in either order.

use crate::scheduler::{Access, Object, Proc, Traces};

/// An object and how it was touched, in one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Touch(u128);

const LOAD: u128 = 0;
const MESSAGE: u128 = 1;
const TIMER: u128 = 2;
const PARCEL: u128 = 3;

impl Touch {
    pub(super) fn new(object: Object, access: Access) -> Self {
        let (kind, whose, number) = match object {
            Object::Load(seat) => (LOAD, u64::from(seat), 0),
            Object::Message(seat, number) => (MESSAGE, u64::from(seat), number),
            Object::Timer(owner, nth) => (TIMER, u64::from(owner), nth),
            Object::Parcel(where_to, which) => (PARCEL, where_to, which),
            Object::Tail(seat) => (4, u64::from(seat), 0),
            Object::Life(seat) => (5, u64::from(seat), 0),
            Object::Outside(what) => (6, what, 0),
            Object::Births => (7, 0, 0),
            Object::Time => (8, 0, 0),
            Object::World => (9, 0, 0),
            Object::Order(seat, pair) => (10, u64::from(seat), pair),
        };
        let access = u128::from(access == Access::Write);
        Touch(u128::from(whose) << 64 | u128::from(number) << 32 | kind << 1 | access)
    }

    pub(super) fn object(self) -> u128 {
        self.0 >> 1
    }

    pub(super) fn is_write(self) -> bool {
        self.0 & 1 == 1
    }

    /// A message says who made whose step possible, not whether two steps that are possible commute: that the mailbox
    /// says. Its number is that of its arrival, so the same message may have another one in another run.
    fn conflicts(self, other: Touch) -> bool {
        self.object() == other.object() && (self.0 | other.0) & 1 == 1 && self.kind() != MESSAGE
    }

    fn kind(self) -> u128 {
        self.0 >> 1 & 15
    }

    pub(super) fn is_timer(self) -> bool {
        self.kind() == TIMER
    }
}

/// What a step does to others, whoever takes it. What it touched is kept elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Footprint<'a> {
    pub(super) proc: Proc,
    /// It looked at everything.
    pub(super) world: bool,
    /// Another step may keep this one from being taken at all.
    pub(super) preventable: bool,
    pub(super) touched: &'a [Touch],
}

impl Footprint<'_> {
    /// Does the order of the two steps matter?
    pub(super) fn depends(&self, other: &Footprint<'_>) -> bool {
        let meets = |touch: &Touch| other.touched.iter().any(|theirs| touch.conflicts(*theirs));
        self.proc == other.proc || self.world || other.world || self.touched.iter().any(meets)
    }

    /// It asks whether this actor presses, or changes that.
    pub(super) fn meets_load_of(&self, proc: Proc) -> bool {
        let Proc::Actor(seat) = proc else { return self.world };
        let load = Touch::new(Object::Load(seat), Access::Read);
        self.world || self.touched.iter().any(|touch| touch.object() == load.object())
    }

    /// It changes who presses, and `later` asks that or changes it too.
    pub(super) fn changes_load_for(&self, later: &Footprint<'_>) -> bool {
        let changed = self.touched.iter().filter(|touch| touch.kind() == LOAD && touch.is_write());
        let meets = |changed: &Touch| later.touched.iter().any(|touch| touch.object() == changed.object());
        self.world || later.world || changed.into_iter().any(meets)
    }

    /// It sent a message that `later` takes.
    pub(super) fn sent_message(&self, later: &Footprint<'_>) -> bool {
        self.sent(later, MESSAGE)
    }

    /// It sent something that arrives in `later`.
    pub(super) fn sent_parcel(&self, later: &Footprint<'_>) -> bool {
        self.sent(later, PARCEL)
    }

    fn sent(&self, later: &Footprint<'_>, kind: u128) -> bool {
        let takes = |touch: &&Touch| touch.kind() == kind && !touch.is_write();
        let sent =
            |taken: &Touch| self.touched.iter().any(|touch| touch.is_write() && touch.object() == taken.object());
        later.touched.iter().filter(takes).any(sent)
    }
}

/// A footprint that is kept, in memory that is used again.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    proc: Proc,
    world: bool,
    preventable: bool,
    touched: Vec<Touch>,
}

impl Kept {
    pub(super) fn new() -> Self {
        Kept { proc: Proc::Actor(0), world: false, preventable: false, touched: Vec::new() }
    }

    /// Of a step that was never taken: nothing is known.
    pub(super) fn begin(&mut self, proc: Proc) {
        (self.proc, self.world, self.preventable) = (proc, false, false);
        self.touched.clear();
    }

    pub(super) fn set(&mut self, other: Footprint<'_>) {
        self.begin(other.proc);
        self.widen(other);
    }

    /// Of the step that was just taken.
    pub(super) fn set_taken(&mut self, proc: Proc, traces: &Traces<'_>) {
        self.begin(proc);
        self.world = write_down(traces, &mut self.touched);
    }

    /// The same step with other answers to its choices does this too.
    pub(super) fn widen(&mut self, other: Footprint<'_>) {
        self.world |= other.world;
        self.preventable |= other.preventable;
        self.touched.extend_from_slice(other.touched);
    }

    /// Of the next step of somebody who was kept from it: a timer's is known, of others anything is possible.
    pub(super) fn set_prevented(&mut self, proc: Proc) {
        self.begin(proc);
        self.preventable = matches!(proc, Proc::World(_));
        match proc {
            Proc::Timer { owner, nth } => self.touched.extend([
                Touch::new(Object::Timer(owner, nth), Access::Write),
                Touch::new(Object::Tail(owner), Access::Write),
                Touch::new(Object::Time, Access::Read),
                Touch::new(Object::Life(owner), Access::Read),
                Touch::new(Object::Load(owner), Access::Read),
            ]),
            Proc::Time => self.touched.push(Touch::new(Object::Time, Access::Write)),
            Proc::Actor(_) | Proc::World(_) => self.world = true,
        }
    }

    pub(super) fn get(&self) -> Footprint<'_> {
        Footprint { proc: self.proc, world: self.world, preventable: self.preventable, touched: &self.touched }
    }
}

/// Appends what a step touched; true if it looked at everything.
pub(super) fn write_down(traces: &Traces<'_>, into: &mut Vec<Touch>) -> bool {
    into.extend(traces.touched.iter().map(|(object, access)| Touch::new(*object, *access)));
    traces.touched.contains(&(Object::World, Access::Write))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Access::{Read, Write};

    /// Of the actor in seat 1, if nothing else is said.
    fn of(touched: &[(Object, Access)]) -> Kept {
        let mut kept = Kept::new();
        kept.begin(Proc::Actor(1));
        kept.touched.extend(touched.iter().map(|(object, access)| Touch::new(*object, *access)));
        kept
    }

    fn of_another(touched: &[(Object, Access)]) -> Kept {
        Kept { proc: Proc::Actor(2), ..of(touched) }
    }

    /// It looks at everything.
    fn of_all() -> Kept {
        let mut kept = Kept::new();
        kept.set_prevented(Proc::Actor(3));
        kept
    }

    #[test]
    fn steps_depend_that_are_of_one_actor_or_of_all_or_meet() {
        let (tail, other_tail) = (Object::Tail(7), Object::Tail(8));
        for (one, other, depends) in [
            (of(&[]), of(&[]), true),
            (of(&[]), of_another(&[]), false),
            (of(&[]), of_all(), true),
            (of(&[(tail, Write)]), of_another(&[(tail, Write)]), true),
            (of(&[(tail, Write)]), of_another(&[(tail, Read)]), true),
            (of(&[(tail, Read)]), of_another(&[(tail, Read)]), false),
            (of(&[(tail, Write)]), of_another(&[(other_tail, Write)]), false),
            // What is in a mailbox, the mailbox says.
            (of(&[(Object::Message(7, 1), Write)]), of_another(&[(Object::Message(7, 1), Read)]), false),
        ] {
            assert_eq!(one.get().depends(&other.get()), depends, "{one:?} {other:?}");
            assert_eq!(other.get().depends(&one.get()), depends, "{other:?} {one:?}");
        }
    }

    #[test]
    fn a_load_is_met_by_who_asks_it_or_changes_it_and_by_who_looks_at_everything() {
        let meets =
            |kept: &Kept| [Proc::Actor(5), Proc::Actor(6), Proc::Time].map(|proc| kept.get().meets_load_of(proc));
        assert_eq!(meets(&of(&[(Object::Load(5), Read)])), [true, false, false]);
        assert_eq!(meets(&of(&[(Object::Births, Read), (Object::Load(6), Write)])), [false, true, false]);
        assert_eq!(meets(&of(&[(Object::Tail(5), Write)])), [false; 3]);
        assert_eq!(meets(&of(&[])), [false; 3]);
        assert_eq!(meets(&of_all()), [true; 3]);
    }

    #[test]
    fn who_presses_is_changed_for_those_who_ask_it() {
        let (load, tail) = (Object::Load(5), Object::Tail(5));
        for (earlier, later, changes) in [
            (of(&[(load, Write)]), of_another(&[(load, Read)]), true),
            (of(&[(tail, Write), (load, Write)]), of_another(&[(tail, Write), (load, Write)]), true),
            (of(&[(load, Read)]), of_another(&[(load, Write)]), false),
            (of(&[(load, Write)]), of_another(&[(Object::Load(6), Read)]), false),
            (of(&[(tail, Write)]), of_another(&[(tail, Write)]), false),
            (of(&[]), of(&[]), false),
            (of_all(), of(&[]), true),
            (of(&[]), of_all(), true),
        ] {
            assert_eq!(earlier.get().changes_load_for(&later.get()), changes, "{earlier:?} {later:?}");
        }
    }

    #[test]
    fn what_was_sent_is_taken_by_who_reads_it() {
        let sent = |object| (of(&[(object, Write)]), of_another(&[(object, Read)]));
        let said = |(earlier, later): &(Kept, Kept)| {
            (earlier.get().sent_message(&later.get()), earlier.get().sent_parcel(&later.get()))
        };
        let (message, parcel) = (sent(Object::Message(5, 1)), sent(Object::Parcel(5, 1)));
        assert_eq!(
            (said(&message), said(&parcel), said(&sent(Object::Tail(5)))),
            ((true, false), (false, true), (false, false))
        );
        assert_eq!(said(&(message.1, message.0)), (false, false), "who reads has not sent");
        assert_eq!(said(&(parcel.0, of_another(&[(Object::Parcel(5, 2), Read)]))), (false, false), "another parcel");
    }

    /// A step with several answers does what it does with any of them.
    #[test]
    fn a_footprint_that_is_widened_has_both_and_loses_nothing() {
        let mut kept = of(&[(Object::Tail(7), Write)]);
        kept.widen(of(&[(Object::Load(5), Read)]).get());
        assert_eq!((kept.world, kept.preventable, kept.touched.len()), (false, false, 2));
        let outside = Kept { preventable: true, world: true, ..of(&[]) };
        for _ in 0..2 {
            kept.widen(outside.get());
            assert!(kept.world && kept.preventable);
        }
        kept.widen(of(&[]).get());
        assert!(kept.world && kept.preventable && kept.touched.len() == 2);
    }

    #[test]
    fn touches_know_timers_and_writes() {
        let timers = [Object::Timer(1, 2), Object::Message(1, 2), Object::Parcel(1, 2), Object::Load(1), Object::Time];
        assert_eq!(timers.map(|object| Touch::new(object, Read).is_timer()), [true, false, false, false, false]);
        assert_eq!([Read, Write].map(|access| Touch::new(Object::Time, access).is_write()), [false, true]);
    }
}
