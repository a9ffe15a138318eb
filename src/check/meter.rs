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
            if let Some(seat) = longer(limit, &mut self.muted, step, muted.iter().copied()) {
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
        let seat = longer(limit, &mut self.waits, step, ready)?;
        Some(Fault::Starved { name: world.core.name_at(seat), limit })
    }
}

/// Notes who is in that state now, and gives back who has been for longest, if that is for more steps than `limit`.
fn longer(limit: usize, since: &mut Vec<Option<usize>>, step: usize, now: impl Iterator<Item = u32>) -> Option<u32> {
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
    let (seat, steps) =
        (0..).zip(since.iter()).filter_map(steps).max_by_key(|(seat, steps)| (*steps, u32::MAX - seat))?;
    (steps > limit).then_some(seat)
}

#[cfg(test)]
mod tests {
    use super::longer;

    /// Seat 2 from step 5 on, seat 1 from step 6 on, seat 3 but for step 7.
    #[test]
    fn who_waits_for_more_steps_than_the_limit_is_told_he_first_who_waits_for_longest() {
        let mut since = Vec::new();
        let mut told = Vec::new();
        for (step, now) in (5..).zip([&[2, 3][..], &[1, 2, 3], &[1, 2], &[1, 2, 3], &[1, 2, 3], &[1, 3], &[3, 1]]) {
            told.push(longer(3, &mut since, step, now.iter().copied()));
        }
        assert_eq!(told, [None, None, None, None, Some(2), Some(1), Some(1)]);
        assert_eq!(longer(3, &mut since, 12, [3].into_iter()), Some(3));
        assert_eq!(longer(4, &mut since, 12, [3].into_iter()), None);
    }
}
