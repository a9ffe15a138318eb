//! States on the way of the last run, kept as copies, so that the next run need not begin at the beginning.
//!
//! A search over states comes back to each state from which more than one step is possible, so it keeps them all, up to
//! `MOST`; then those far from the end are thinned out. A search over schedules keeps some on its way back: on a way of n
//! steps there are at most log n, the nearer to the end the denser. What cannot be copied is found out at the first
//! attempt, and there is none after it.

use super::world::{Program, World};

/// A state on the way.
struct State {
    /// How many steps lead to it.
    steps: usize,
    world: Box<World>,
}

/// More copies than this are not kept at a time.
const MOST: usize = 64;

/// Those of one stage.
#[derive(Default)]
pub(super) struct Saved {
    states: Vec<State>,
    /// Worlds of whatever steps.
    #[expect(clippy::vec_box, reason = "they go to and fro between here, states and stages, and are large")]
    spare: Vec<Box<World>>,
    /// Something in the program cannot be copied.
    off: bool,
}

impl Saved {
    /// Makes `world` a copy of the last state that a run passes which takes the first `same` steps of the last one. How
    /// many steps lead there; 0 if nothing was done. `last` says that no other run will begin after just as many.
    pub(super) fn restore(&mut self, same: usize, last: bool, world: &mut Box<World>, program: &Program<'_>) -> usize {
        while let Some(state) = self.states.pop_if(|state| state.steps > same) {
            self.spare.push(state.world);
        }
        if let Some(state) = self.states.pop_if(|state| last && state.steps == same) {
            self.spare.push(std::mem::replace(world, state.world));
            return state.steps;
        }
        let Some(state) = self.states.last() else { return 0 };
        assert!(World::copy(world, &state.world, program), "what was copied once can be copied again");
        state.steps
    }

    /// Are there any?
    pub(super) fn has_any(&self) -> bool {
        !self.states.is_empty()
    }

    /// Is nothing to be kept, because something cannot be copied?
    pub(super) fn is_off(&self) -> bool {
        self.off
    }

    /// Is the state after `steps` steps to be kept, `left` steps before the run goes a way of its own? A copy costs as
    /// much as a few steps, or as one where states are told apart.
    #[inline(never)]
    pub(super) fn wants(&self, steps: usize, left: usize, program: &Program<'_>) -> bool {
        let apart = if program.prints { 1 } else { 4 };
        let last = self.states.last().map_or(0, |state| state.steps);
        !self.off && steps >= last + apart && (left == 0 || left >= 4 && left.is_power_of_two())
    }

    pub(super) fn keep(&mut self, steps: usize, world: &World, program: &Program<'_>) {
        if self.states.last().is_some_and(|state| state.steps >= steps) {
            return;
        }
        if self.states.len() == MOST {
            self.thin_out();
        }
        let mut copy = self.spare.pop().unwrap_or_else(|| World::new(program, None));
        match World::copy(&mut copy, world, program) {
            true => self.states.push(State { steps, world: copy }),
            false => self.off = true,
        }
    }

    /// Every second of the older half goes.
    fn thin_out(&mut self) {
        for at in (1..MOST / 2).rev().step_by(2) {
            let state = self.states.remove(at);
            self.spare.push(state.world);
        }
    }

    /// Another program is run from here on, or another way.
    pub(super) fn forget(&mut self) {
        *self = Saved::default();
    }
}
