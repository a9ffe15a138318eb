//! The invariants and theorems as functions over a snapshot of a whole runtime, for one worker.

use super::{Load, Marks};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Where one actor stands, between two behaviours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its flags.
    pub load: Load,
    /// Messages waiting in its mailbox.
    pub waiting: usize,
    /// In the run queue.
    pub queued: bool,
    /// In the hands of the scheduler right now.
    pub running: bool,
}

/// All actors and all marks at one moment.
#[derive(Debug)]
pub struct Snapshot<'a> {
    /// Every actor that has not ended, by seat.
    pub actors: BTreeMap<u32, Standing>,
    /// The marks of those that are muted.
    pub marks: &'a Marks,
}

/// A rule or theorem that does not hold, with the actors that show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its number in `docs/RULES.md`.
    pub rule: &'static str,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not hold: {}", self.rule, self.found)
    }
}

impl Snapshot<'_> {
    /// Checks T1, T2, T3, T5 and T6, which hold between any two behaviours.
    pub fn check(&self) -> Result<(), Broken> {
        self.marks.iter().try_for_each(|(s, r)| self.check_mark(s, r))?;
        self.actors.iter().try_for_each(|(k, a)| self.check_actor(*k, a))?;
        self.check_chains()
    }

    /// Checks T4 and T7 too, which hold once nothing can run any more.
    pub fn check_quiescent(&self) -> Result<(), Broken> {
        self.check()?;
        let muted = self.actors.values().filter(|a| a.load.is_muted()).count();
        let roots = self.actors.values().filter(|a| a.load.is_under_pressure()).count();
        ensure("T4, T7", muted == 0 || roots > 0, || format!("{muted} muted at quiescence, nobody under pressure"))
    }

    fn check_mark(&self, s: u32, r: u32) -> Result<(), Broken> {
        let receiver = self.actors.get(&r);
        ensure("R2", s != r, || format!("#{s} is marked on itself"))?;
        ensure("R8", receiver.is_some(), || format!("#{s} is marked on #{r}, which has ended"))?;
        let pressing = receiver.is_some_and(|a| a.load.is_pressing());
        ensure("T1", pressing, || format!("#{s} is marked on #{r}, which does not press"))?;
        let muted = self.actors.get(&s).is_some_and(|a| a.load.is_muted());
        ensure("T6", muted, || format!("#{s} has a mark on #{r} but is not muted"))
    }

    fn check_actor(&self, k: u32, a: &Standing) -> Result<(), Broken> {
        let muted = a.load.is_muted();
        ensure("T2", !(muted && a.load.is_source()), || format!("#{k} is muted and {:?} at once", a.load))?;
        ensure("T6", !(muted && (a.queued || a.running)), || format!("#{k} is muted and scheduled"))?;
        ensure("T6", !(a.queued && a.running), || format!("#{k} is scheduled twice"))?;
        ensure("T6", muted == self.marks.is_waiting(k), || {
            format!("#{k} is {:?}, which its marks do not say", a.load)
        })?;
        let reachable = muted || a.queued || a.running;
        ensure("T5", a.waiting == 0 || reachable, || format!("#{k} has {} messages and nobody runs it", a.waiting))?;
        let overloaded = a.load.has(Load::OVERLOADED);
        ensure("R4", !overloaded || reachable, || format!("#{k} is overloaded and no run will end that"))
    }

    /// T3: takes away, again and again, the muted actors that wait only for actors already taken away.
    fn check_chains(&self) -> Result<(), Broken> {
        let muted = |k: &u32| self.actors.get(k).is_some_and(|a| a.load.is_muted());
        let waits = self.marks.waits();
        let mut left: BTreeSet<u32> = waits.keys().copied().collect();
        loop {
            let grounded = |s: &u32| waits[s].iter().all(|r| !muted(r) || !left.contains(r));
            let gone: Vec<u32> = left.iter().copied().filter(grounded).collect();
            if gone.is_empty() {
                return ensure("T3", left.is_empty(), || format!("{left:?} wait for each other in a cycle"));
            }
            gone.iter().for_each(|k| {
                left.remove(k);
            });
        }
    }
}

fn ensure(rule: &'static str, holds: bool, found: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { rule, found: found() }) }
}
