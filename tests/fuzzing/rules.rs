//! The rules as operations, and two oracles: the step function by the letter of R3 to R6 and R8, as one would say it
//! of five facts about an actor; and the set of marks as a plain set of pairs.

use backwater::rules::{Action, Event, Load, Marks, marks, step};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// One cell of the table of `step`, by the numbers of its load and event.
    Step(usize, usize),
    /// One cell of the table of `marks`.
    Send(usize, usize),
    Mute(u32, BTreeSet<u32>),
    Fall(u32),
    Forget(u32),
    Clear,
}

/// What is true of an actor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Truth {
    overloaded: bool,
    applied: bool,
    held: bool,
    muted: bool,
    stopped: bool,
}

impl Truth {
    fn of(load: Load) -> Self {
        let [overloaded, applied, held] = [Load::OVERLOADED, Load::APPLIED, Load::HELD].map(|flag| load.has(flag));
        Truth { overloaded, applied, held, muted: load.has(Load::MUTED), stopped: load.has(Load::STOPPED) }
    }

    fn is_source(self) -> bool {
        self.overloaded || self.applied || self.held
    }

    fn is_pressing(self) -> bool {
        self.is_source() || self.muted
    }

    /// What the rules make of an event; none if it cannot happen.
    fn after(self, event: Event) -> Option<Truth> {
        let happens = match event {
            Event::Stop => !self.stopped,
            Event::Free => self.muted,
            // A guard may outlive its actor; then it is inert.
            Event::Drop => self.held || self.stopped,
            Event::Overload | Event::CatchUp => !self.stopped,
            Event::Hold => !self.held && !self.muted && !self.stopped,
            Event::Apply | Event::Release | Event::EndMarked => !self.muted && !self.stopped,
        };
        let mut next = self;
        match event {
            Event::Stop => next = Truth { stopped: true, ..Truth::default() },
            Event::Free => next.muted = false,
            Event::Drop => next.held = false,
            Event::Hold => next.held = true,
            Event::Apply => next.applied = true,
            Event::Release => next.applied = false,
            Event::Overload => next.overloaded = !self.muted,
            Event::CatchUp => next.overloaded = false,
            Event::EndMarked => next.muted = !self.is_source(),
        }
        happens.then_some(next)
    }

    fn action(self, event: Event, next: Truth) -> Action {
        match (self.is_pressing(), next.is_pressing(), event) {
            (true, false, _) => Action::Fall,
            (false, true, Event::EndMarked) => Action::Mute,
            (false, true, _) => Action::Rise,
            (_, _, Event::EndMarked) => Action::DropMarks,
            (_, _, Event::Apply | Event::Release) if self == next => Action::Redundant,
            _ => Action::Keep,
        }
    }
}

fn check_step(load: Load, event: Event) {
    let before = Truth::of(load);
    let (next, action) = step(load, event);
    match before.after(event) {
        None => assert_eq!((next, action), (load, Action::Never), "{load} at {event:?} cannot happen"),
        Some(after) => {
            let wanted = (after, before.action(event, after));
            assert_eq!((Truth::of(next), action), wanted, "{load} at {event:?}");
        }
    }
}

/// R2: the receiver presses, and the sender is no source.
fn check_send(sender: Load, receiver: Load) {
    let marked = Truth::of(receiver).is_pressing() && !Truth::of(sender).is_source();
    assert_eq!(marks(sender, receiver), marked, "{sender} to {receiver}");
}

/// Carries the operations out. Creation order is the reverse of the seats, so that an order by seat would be found.
pub(crate) fn run(ops: &[Op]) {
    let loads: Vec<Load> = Load::all().collect();
    let load = |nth: usize| loads[nth % loads.len()];
    let mut marks = Marks::default();
    let mut naive: BTreeSet<(u32, u32)> = BTreeSet::new();
    for op in ops {
        match op {
            Op::Step(nth, event) => check_step(load(*nth), Event::ALL[event % Event::ALL.len()]),
            Op::Send(sender, receiver) => check_send(load(*sender), load(*receiver)),
            Op::Mute(s, _) if waits(&naive, *s) => {}
            Op::Mute(s, receivers) => {
                marks.mute(*s, &receivers.iter().copied().collect::<Vec<_>>());
                naive.extend(receivers.iter().map(|r| (*s, *r)));
            }
            Op::Fall(r) => fall(&mut marks, &mut naive, *r),
            Op::Forget(s) => {
                marks.forget(*s);
                naive.retain(|m| m.0 != *s);
            }
            Op::Clear => {
                marks.clear();
                naive.clear();
            }
        }
        compare(&marks, &naive);
    }
}

fn waits(naive: &BTreeSet<(u32, u32)>, s: u32) -> bool {
    naive.iter().any(|(sender, _)| *sender == s)
}

fn fall(marks: &mut Marks, naive: &mut BTreeSet<(u32, u32)>, r: u32) {
    let mut freed = vec![99];
    marks.fall(r, &mut freed, |seat| u64::from(100 - seat));
    let gone: Vec<u32> = naive.iter().filter(|m| m.1 == r).map(|m| m.0).collect();
    naive.retain(|m| m.1 != r);
    let left = gone.into_iter().rev().filter(|s| !waits(naive, *s));
    assert_eq!(freed, [99].into_iter().chain(left).collect::<Vec<_>>());
}

fn compare(marks: &Marks, naive: &BTreeSet<(u32, u32)>) {
    assert_eq!(marks.iter().collect::<BTreeSet<_>>(), naive.clone());
    assert_eq!(marks.iter().count(), naive.len(), "each mark once");
    assert_eq!(marks.is_empty(), naive.is_empty());
    let mut table: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    naive.iter().for_each(|(s, r)| table.entry(*s).or_default().push(*r));
    assert_eq!(marks.muted(), table.len());
    for k in 0..9 {
        assert_eq!(marks.is_waiting(k), table.contains_key(&k));
        assert_eq!(marks.receivers_of(k), table.get(&k).cloned().unwrap_or_default());
        let senders: BTreeSet<u32> = naive.iter().filter(|m| m.1 == k).map(|m| m.0).collect();
        assert_eq!(marks.senders_of(k).iter().copied().collect::<BTreeSet<_>>(), senders);
    }
    assert_eq!(marks.waits(), table);
}

/// Two bytes an operation. The second byte of a mute is the set of receivers, by its bits; nobody, and all marks go.
pub(crate) fn decode(bytes: &[u8]) -> Vec<Op> {
    bytes.chunks_exact(2).map(|pair| op(pair[0], pair[1])).collect()
}

fn op(what: u8, with: u8) -> Op {
    let actor = u32::from(what >> 3 & 7);
    match what & 7 {
        0 | 1 => Op::Step(usize::from(what >> 3), usize::from(with)),
        2 => Op::Send(usize::from(what >> 3), usize::from(with)),
        3..=5 if with == 0 => Op::Clear,
        3..=5 => Op::Mute(actor, (0..8).filter(|r| with >> r & 1 == 1).collect()),
        6 => Op::Fall(actor),
        _ => Op::Forget(actor),
    }
}
