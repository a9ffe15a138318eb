//! One actor's load and the step function: every state, every event, one table.
//!
//! The whole table is a checked-in snapshot, `tests/snapshots/rules.txt`, and its graph is `docs/rules.dot`.

use crate::faults::{Fault, planted};
use core::fmt;

/// Why an actor is pressing: a set of flags, 32 values in all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Load(u8);

impl Load {
    /// Presses nobody.
    pub const IDLE: Load = Load(0);
    /// O: a detector says that it has not caught up (R4).
    pub const OVERLOADED: Load = Load(1);
    /// P by `apply` (R5).
    pub const APPLIED: Load = Load(2);
    /// P by at least one living guard (R5).
    pub const HELD: Load = Load(4);
    /// M: not scheduled, because it sent to a pressing actor (R3).
    pub const MUTED: Load = Load(8);
    /// Ended (R8). Never together with another flag.
    pub const STOPPED: Load = Load(16);

    const SOURCE: u8 = 1 | 2 | 4;
    const PRESSING: u8 = Self::SOURCE | 8;

    /// Every load that can occur: all flag sets in which M excludes O and P (T2), and `STOPPED` alone.
    pub fn all() -> impl Iterator<Item = Load> {
        (0..8).map(Load).chain([Load::MUTED, Load::STOPPED])
    }

    /// Does it contain every flag of `flags`?
    #[inline]
    pub const fn has(self, flags: Load) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// O or P or M: a send to it is held against the sender.
    #[inline]
    pub const fn is_pressing(self) -> bool {
        self.0 & Self::PRESSING != 0
    }

    /// O or P: a reason at the end of a chain of marks, and exempt from being marked (R2).
    #[inline]
    pub const fn is_source(self) -> bool {
        self.0 & Self::SOURCE != 0
    }

    /// P: by `apply` or by a guard.
    #[inline]
    pub const fn is_under_pressure(self) -> bool {
        self.0 & (Self::APPLIED.0 | Self::HELD.0) != 0
    }

    /// M.
    #[inline]
    pub const fn is_muted(self) -> bool {
        self.has(Load::MUTED)
    }

    /// The set as a number, for whoever keeps it in a word of his own.
    #[inline(always)]
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    /// The set that `bits` gave.
    #[inline(always)]
    pub(crate) const fn from_bits(bits: u8) -> Load {
        Load(bits)
    }

    const fn with(self, flag: Load) -> Load {
        Load(self.0 | flag.0)
    }

    const fn without(self, flag: Load) -> Load {
        Load(self.0 & !flag.0)
    }
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The flags as letters: `O` overloaded, `A` applied, `H` held, `M` muted, `S` stopped, `-` none.
impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("-");
        }
        let letters = [(1, "O"), (2, "A"), (4, "H"), (8, "M"), (16, "S")];
        letters.iter().filter(|(bit, _)| self.0 & bit != 0).try_for_each(|(_, letter)| f.write_str(letter))
    }
}

/// What can happen to an actor's load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// It calls `apply` (R5).
    Apply,
    /// It calls `release` (R5).
    Release,
    /// Its first guard comes to life (R5).
    Hold,
    /// Its last guard is dropped (R5).
    Drop,
    /// Its detector says that it is overloaded (R4).
    Overload,
    /// Its detector says that it has caught up (R4).
    CatchUp,
    /// A behaviour of it ends and made marks (R3).
    EndMarked,
    /// The last mark of it is removed (R6).
    Free,
    /// It ends: by itself, by a panic, or with the runtime (R8).
    Stop,
}

impl Event {
    /// Every event.
    pub const ALL: [Event; 9] = [
        Event::Apply,
        Event::Release,
        Event::Hold,
        Event::Drop,
        Event::Overload,
        Event::CatchUp,
        Event::EndMarked,
        Event::Free,
        Event::Stop,
    ];
}

/// What the scheduler has to do now.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nothing.
    Keep,
    /// It presses from now on; nothing has to be done for it.
    Rise,
    /// It presses no longer: free its senders (R6).
    Fall,
    /// It is muted from now on: commit its marks, do not schedule it (R3).
    Mute,
    /// It is exempt: forget the marks that its behaviour made (R3).
    DropMarks,
    /// The call changed nothing: report it (R5).
    Redundant,
    /// Cannot happen; the scheduler panics and names the state and the event.
    Never,
}

/// Is the sender of an ordinary message marked on its receiver (R2)? Ask it only where the two differ: a send to
/// oneself never marks (R7).
#[inline]
pub fn marks(sender: Load, receiver: Load) -> bool {
    receiver.is_pressing() && !is_exempt(sender)
}

#[inline]
fn is_exempt(sender: Load) -> bool {
    if planted(Fault::PressureIsNoExemption) { sender.has(Load::OVERLOADED) } else { sender.is_source() }
}

/// The step function of the protocol: what `event` makes of `load`, and what to do about it.
pub fn step(load: Load, event: Event) -> (Load, Action) {
    match event {
        // A guard may outlive its actor; whatever else a stopped actor did ended with it (R8).
        Event::Drop if load.has(Load::STOPPED) => (load, Action::Keep),
        _ if load.has(Load::STOPPED) => (load, Action::Never),
        Event::Stop if planted(Fault::EndIsNoFall) => (Load::STOPPED, Action::Keep),
        Event::Stop if load.is_pressing() => (Load::STOPPED, Action::Fall),
        Event::Stop => (Load::STOPPED, Action::Keep),
        // Only a muted actor can be freed, and a muted actor runs no behaviour (T6).
        Event::Free if load.is_muted() => end(load, Load::MUTED),
        Event::Free => (load, Action::Never),
        // T2: overload does not begin while muted; the next message or run asks again.
        Event::Overload if planted(Fault::MutedIsOverloaded) => begin(load, Load::OVERLOADED),
        Event::Overload | Event::CatchUp if load.is_muted() => (load, Action::Keep),
        _ if load.is_muted() => (load, Action::Never),
        Event::Apply if load.has(Load::APPLIED) => (load, Action::Redundant),
        Event::Apply => begin(load, Load::APPLIED),
        Event::Release if load.has(Load::APPLIED) => end(load, Load::APPLIED),
        Event::Release if planted(Fault::ReleaseAlwaysFalls) => (load, Action::Fall),
        Event::Release => (load, Action::Redundant),
        Event::Hold if load.has(Load::HELD) => (load, Action::Never),
        Event::Hold => begin(load, Load::HELD),
        Event::Drop if planted(Fault::GuardsShareTheFlag) => end(load.without(Load::APPLIED), Load::HELD),
        Event::Drop if load.has(Load::HELD) => end(load, Load::HELD),
        Event::Drop => (load, Action::Never),
        Event::Overload => begin(load, Load::OVERLOADED),
        Event::CatchUp if planted(Fault::OverloadNeverEnds) => (load, Action::Keep),
        Event::CatchUp => end(load, Load::OVERLOADED),
        Event::EndMarked if is_exempt(load) && !planted(Fault::ExemptionOnlyAtSend) => (load, Action::DropMarks),
        Event::EndMarked => (Load::MUTED, Action::Mute),
    }
}

/// Whose rules hold: a switch for the [checker](crate::check()) alone, to show programs that hang under Pony's.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rules {
    /// Those of `docs/RULES.md`.
    #[default]
    Backwater,
    /// Those of Pony's runtime where they differ in what one actor does (`proofs/PONY.md`): who is exempt is asked at the
    /// send only; being freed, and any release, frees one's own senders, whatever else still presses.
    Pony,
}

impl Rules {
    /// [`step`], or Pony's.
    #[inline]
    pub fn step(self, load: Load, event: Event) -> (Load, Action) {
        match self {
            Rules::Backwater => step(load, event),
            Rules::Pony => ponys_step(load, event),
        }
    }
}

#[cold]
fn ponys_step(load: Load, event: Event) -> (Load, Action) {
    let dead = load.has(Load::STOPPED);
    match event {
        Event::EndMarked if !dead => (load.with(Load::MUTED), Action::Mute),
        Event::Free if load.is_muted() => (load.without(Load::MUTED), Action::Fall),
        Event::Release if !dead => (load.without(Load::APPLIED), Action::Fall),
        Event::Drop if load.has(Load::HELD) => (load.without(Load::HELD), Action::Fall),
        _ => step(load, event),
    }
}

fn begin(load: Load, flag: Load) -> (Load, Action) {
    (load.with(flag), if load.is_pressing() { Action::Keep } else { Action::Rise })
}

fn end(load: Load, flag: Load) -> (Load, Action) {
    let next = load.without(flag);
    let fell = load.is_pressing() && (!next.is_pressing() || planted(Fault::FreedFreesOnward));
    (next, if fell { Action::Fall } else { Action::Keep })
}

#[cfg(test)]
mod tests {
    use super::super::{Marks, Snapshot, Standing};
    use super::Load;

    #[test]
    fn a_load_is_the_number_that_it_is_kept_as() {
        assert!(Load::all().all(|load| Load::from_bits(load.bits()) == load));
        assert_eq!(Load::all().map(Load::bits).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 16]);
    }

    /// Only here can a load be made that is muted and a source at once: the invariant finds it all the same.
    #[test]
    fn muted_and_under_pressure_at_once_is_t2() {
        let standing = |load| Standing { load, waiting: 0, queued: false, running: false };
        let mut marks = Marks::default();
        marks.mute(2, &[1]);
        for flag in [Load::OVERLOADED, Load::APPLIED, Load::HELD] {
            let actors = [(1, standing(Load::APPLIED)), (2, standing(Load::MUTED.with(flag)))].into();
            let broken = Snapshot { actors, marks: &marks }.check().expect_err("the planted load breaks T2");
            assert_eq!(broken.rule, "T2");
        }
    }
}
