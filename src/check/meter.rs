//! Bounds that are watched step by step: a mute, and a wait of somebody who could run.
//!
//! Not here: what ends a run by itself, which is judged at its end.

use super::settings::Settings;
use super::verdict::Fault;
use super::world::World;
use crate::scheduler::Proc;

/// Since which step each actor has been muted, or has waited for its turn.
#[derive(Default)]
pub(super) struct Meter {
    muted: Vec<Option<usize>>,
    waits: Vec<Option<usize>>,
}

impl Meter {
    pub(super) fn reset(&mut self) {
        self.muted.clear();
        self.waits.clear();
    }

    /// The step number `step` was `proc`'s. What is wrong with it, if anything is.
    pub(super) fn read(&mut self, step: usize, proc: Proc, world: &World, settings: &Settings) -> Option<Fault> {
        if let Some(limit) = settings.max_mute {
            let mut muted = Vec::new();
            world.core.standings(&mut muted, &mut Vec::new());
            let long = longest(&mut self.muted, step, muted.iter().copied());
            if let Some((seat, _)) = long.filter(|(_, steps)| *steps > limit) {
                let by = world.core.muted_by(seat);
                return Some(Fault::MutedTooLong { name: world.core.name_at(seat), limit, by });
            }
        }
        let limit = settings.max_wait?;
        if let Proc::Actor(seat) = proc
            && let Some(since) = self.waits.get_mut(seat as usize)
        {
            *since = None;
        }
        let ready = world.enabled.iter().filter_map(|proc| match proc {
            Proc::Actor(seat) => Some(*seat),
            _ => None,
        });
        let (seat, _) = longest(&mut self.waits, step, ready).filter(|(_, steps)| *steps > limit)?;
        Some(Fault::Starved { name: world.core.name_at(seat), limit })
    }
}

/// Notes who is in that state now, and gives back who has been for longest, and for how many steps.
fn longest(since: &mut Vec<Option<usize>>, step: usize, now: impl Iterator<Item = u32>) -> Option<(u32, usize)> {
    let mut still = vec![false; since.len()];
    for seat in now {
        let at = seat as usize;
        if at >= since.len() {
            since.resize(at + 1, None);
            still.resize(at + 1, false);
        }
        since[at].get_or_insert(step);
        still[at] = true;
    }
    since.iter_mut().zip(still).filter(|(_, still)| !still).for_each(|(since, _)| *since = None);
    let steps = |(seat, since): (u32, &Option<usize>)| since.map(|since| (seat, step - since));
    (0..).zip(since.iter()).filter_map(steps).max_by_key(|(seat, steps)| (*steps, u32::MAX - seat))
}
