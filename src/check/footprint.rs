//! What a step does to others, packed: two steps whose footprints do not meet can be taken in either order.

use crate::scheduler::{Access, Object, Proc, Traces};

/// An object and how it was touched, in one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Touch(u64);

impl Touch {
    pub(super) fn new(object: Object, access: Access) -> Self {
        let (kind, seat, number) = match object {
            Object::Tail(seat) => (0, seat, 0),
            Object::Message(seat, number) => (1, seat, number),
            Object::Load(seat) => (2, seat, 0),
            Object::Life(seat) => (3, seat, 0),
            Object::Births => (4, 0, 0),
            Object::Time => (5, 0, 0),
            Object::World => (6, 0, 0),
        };
        debug_assert!(seat < 1 << 28, "a checked program has fewer actors");
        Touch(u64::from(number) << 32 | u64::from(seat) << 4 | kind << 1 | u64::from(access == Access::Write))
    }

    pub(super) fn object(self) -> u64 {
        self.0 >> 1
    }

    pub(super) fn is_write(self) -> bool {
        self.0 & 1 == 1
    }

    fn conflicts(self, other: Touch) -> bool {
        self.object() == other.object() && (self.0 | other.0) & 1 == 1
    }

    fn is_load(self) -> bool {
        self.0 >> 1 & 7 == 2
    }

    fn is_message(self) -> bool {
        self.0 >> 1 & 7 == 1
    }
}

/// What a step does to others, whoever takes it. What it touched is kept elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Footprint<'a> {
    pub(super) proc: Proc,
    /// It looked at everything.
    pub(super) world: bool,
    pub(super) touched: &'a [Touch],
}

impl Footprint<'_> {
    /// Does the order of the two steps matter?
    pub(super) fn depends(&self, other: &Footprint<'_>) -> bool {
        let meets = |touch: &Touch| other.touched.iter().any(|theirs| touch.conflicts(*theirs));
        self.proc == other.proc || self.world || other.world || self.touched.iter().any(meets)
    }

    /// It asks who presses, or changes that.
    pub(super) fn meets_loads(&self) -> bool {
        self.world || self.touched.iter().any(|touch| touch.is_load())
    }

    /// It sent a message that `later` takes.
    pub(super) fn sent_to(&self, later: &Footprint<'_>) -> bool {
        let takes = |touch: &&Touch| touch.is_message() && !touch.is_write();
        let sent = |taken: &Touch| self.touched.iter().any(|touch| touch.is_write() && touch.object() == taken.object());
        later.touched.iter().filter(takes).any(sent)
    }
}

/// A footprint that is kept, in memory that is used again.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    proc: Proc,
    world: bool,
    touched: Vec<Touch>,
}

impl Kept {
    pub(super) fn new() -> Self {
        Kept { proc: Proc::Actor(0), world: false, touched: Vec::new() }
    }

    /// Of a step that was never taken: nothing is known.
    pub(super) fn begin(&mut self, proc: Proc) {
        (self.proc, self.world) = (proc, false);
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
        self.touched.extend_from_slice(other.touched);
    }

    /// Of the next step of somebody who was kept from it: a timer's is known, of others anything is possible.
    pub(super) fn set_prevented(&mut self, proc: Proc) {
        self.begin(proc);
        match proc {
            Proc::Timer { owner, .. } => self.touched.extend([
                Touch::new(Object::Time, Access::Write),
                Touch::new(Object::Tail(owner), Access::Write),
                Touch::new(Object::Life(owner), Access::Read),
                Touch::new(Object::Load(owner), Access::Read),
            ]),
            Proc::Actor(_) => self.world = true,
        }
    }

    pub(super) fn get(&self) -> Footprint<'_> {
        Footprint { proc: self.proc, world: self.world, touched: &self.touched }
    }
}

/// Appends what a step touched; true if it looked at everything.
pub(super) fn write_down(traces: &Traces<'_>, into: &mut Vec<Touch>) -> bool {
    into.extend(traces.touched.iter().map(|(object, access)| Touch::new(*object, *access)));
    traces.touched.contains(&(Object::World, Access::Write))
}
