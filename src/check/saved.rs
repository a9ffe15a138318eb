//! States on the way of the last run, kept as copies, so that the next run need not begin at the beginning.
//!
//! A search that goes back a few steps at a time finds one near by: on a way of n steps there are at most log n, the
//! nearer to the end the denser. What cannot be copied is found out at the first attempt, and there is none after it.

use super::world::{Program, World};

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
    /// Worlds of no steps.
    #[expect(clippy::vec_box, reason = "they go to and fro between here, states and stages, and are large")]
    spare: Vec<Box<World>>,
    /// Something in the program cannot be copied.
    off: bool,
}

impl Saved {
    /// Makes `world`, which is of no steps yet, a copy of the last state that a run passes which takes the first `same`
    /// steps of the last one. How many steps lead there; 0 if nothing was done. `last` says that no other run will begin
    /// after just as many.
    pub(super) fn restore(&mut self, same: usize, last: bool, world: &mut Box<World>) -> usize {
        while let Some(state) = self.states.pop_if(|state| state.steps > same) {
            self.reuse(state.world);
        }
        if let Some(state) = self.states.pop_if(|state| last && state.steps == same) {
            self.spare.push(std::mem::replace(world, state.world));
            return state.steps;
        }
        let Some(state) = self.states.last() else { return 0 };
        assert!(world.copy_of(&state.world), "what was copied once can be copied again");
        state.steps
    }

    /// Is the state after `steps` steps to be kept, on the way to where the run goes a way of its own?
    #[inline]
    pub(super) fn wants(&self, steps: usize, same: usize, program: &Program<'_>) -> bool {
        steps <= same && !self.off && self.is_due(steps, same - steps, program)
    }

    /// A copy costs as much as a few steps, or as one where states are told apart.
    #[inline(never)]
    fn is_due(&self, steps: usize, left: usize, program: &Program<'_>) -> bool {
        let apart = if program.prints { 1 } else { 4 };
        let last = self.states.last().map_or(0, |state| state.steps);
        steps >= last + apart && (left == 0 || left >= 4 && left.is_power_of_two())
    }

    pub(super) fn keep(&mut self, steps: usize, world: &World, program: &Program<'_>) {
        let mut copy = self.spare.pop().unwrap_or_else(|| World::new(program, None));
        match copy.copy_of(world) {
            true => self.states.push(State { steps, world: copy }),
            false => self.off = true,
        }
    }

    fn reuse(&mut self, world: Box<World>) {
        // A copy that panics as it is dropped is the user's, as the original is, whose panic is told of.
        self.spare.extend(world.reset().ok().flatten());
    }

    /// Another program is run from here on, or another way.
    pub(super) fn forget(&mut self) {
        *self = Saved::default();
    }
}
