//! States on the way of the last run, kept as copies, so that the next run need not begin at the beginning.
//!
//! A search that goes back a few steps at a time finds one near by: on a way of n steps there are at most log n, the
//! nearer to the end the denser. What cannot be copied is found out at the first attempt, and there is none after it.

use super::world::{Program, World};

/// From one copy to the next it is so many steps at least: a copy costs as much as a few.
const APART: usize = 4;

/// A state on the way.
struct State {
    /// How many steps lead to it.
    steps: usize,
    world: Box<World>,
}

/// Those of one stage.
#[derive(Default)]
pub(super) struct Saved {
    states: Vec<State>,
    spare: Vec<Box<World>>,
    /// Something in the program cannot be copied.
    off: bool,
}

impl Saved {
    /// Makes `world` a copy of the last state that a run passes which takes the first `same` steps of the last one. How
    /// many steps lead there; 0 if nothing was done.
    pub(super) fn restore(&mut self, same: usize, world: &mut World) -> usize {
        while self.states.last().is_some_and(|state| state.steps > same) {
            self.spare.extend(self.states.pop().map(|state| state.world));
        }
        let Some(state) = self.states.last() else { return 0 };
        assert!(world.copy_of(&state.world), "what was copied once can be copied again");
        state.steps
    }

    /// Is the state after `steps` steps to be kept, on the way to where the run goes a way of its own?
    #[inline]
    pub(super) fn wants(&self, steps: usize, same: usize) -> bool {
        steps <= same && !self.off && self.is_due(steps, same - steps)
    }

    fn is_due(&self, steps: usize, left: usize) -> bool {
        let last = self.states.last().map_or(0, |state| state.steps);
        steps >= last + APART && (left == 0 || left >= APART && left.is_power_of_two())
    }

    pub(super) fn keep(&mut self, steps: usize, world: &World, program: &Program<'_>) {
        let mut copy = self.spare.pop().unwrap_or_else(|| World::new(program, None));
        match copy.copy_of(world) {
            true => self.states.push(State { steps, world: copy }),
            false => self.off = true,
        }
    }

    /// Another program is run from here on, or another way.
    pub(super) fn forget(&mut self) {
        *self = Saved::default();
    }
}
