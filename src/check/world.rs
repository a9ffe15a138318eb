//! One run of a program under a schedule that somebody else decides, step by step.

use super::settings::Settings;
use super::verdict::Fault;
use crate::event::{Observer, Place};
use crate::runtime::{Env, Lobby, Remote, Streams, install_hook, panic_place, payload_text};
use crate::scheduler::{Base, Bodies, Classes, Config, Failure, Proc, Promise, Single, Stall, Traces};
use crate::sync::Arc;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A program and how it is set up.
#[derive(Clone, Copy)]
pub(super) struct Program<'p> {
    pub(super) main: &'p dyn Fn(&mut Env<'_>),
    pub(super) place: Place,
    pub(super) settings: &'p Settings,
    /// The ends of runs matter: see `Single::write_script`.
    pub(super) batches_matter: bool,
    /// Which messages commute, as far as the search met them.
    pub(super) classes: &'p Arc<Classes>,
    /// States are told apart.
    pub(super) prints: bool,
    /// What time it is is part of a state.
    pub(super) time_matters: bool,
}

impl<'p> Program<'p> {
    /// As a search begins with it.
    pub(super) fn new(
        main: &'p dyn Fn(&mut Env<'_>),
        place: Place,
        settings: &'p Settings,
        classes: &'p Arc<Classes>,
    ) -> Self {
        let batches_matter = settings.ends_of_runs;
        Program { main, place, settings, batches_matter, classes, prints: false, time_matters: false }
    }
}

/// A run in progress.
pub(super) struct World {
    pub(super) core: Single,
    bodies: Bodies,
    /// Who can take the next step, in a fixed order.
    pub(super) enabled: Vec<Proc>,
    /// Who took the last one.
    last: Proc,
    /// Who is taking one.
    stepping: Option<Proc>,
    /// What a new run begins with.
    base: Base,
    lobby: Option<Lobby>,
    is_watched: bool,
    /// No step was taken yet.
    is_new: bool,
}

/// The procedure that `main` is.
pub(super) const MAIN: Proc = Proc::Actor(0);

impl World {
    /// A run that has taken no step yet. `watched` says that messages are put into words, for a report.
    pub(super) fn new(program: &Program<'_>, watched: Option<Box<dyn Observer>>) -> Box<Self> {
        install_hook();
        let settings = program.settings;
        let is_watched = watched.is_some();
        let mut core = Single::new(Config {
            rules: settings.rules,
            seed: settings.seed,
            batch: settings.batch,
            detector: settings.detector,
            max_actors: settings.max_actors.saturating_add(Streams::ACTORS),
            describe: is_watched,
            end_on_panic: !settings.panics_stop_actor,
            panic_place,
        });
        if let Some(observer) = watched {
            core.observe(observer);
            core.watch_contacts();
        }
        let mut bodies = Bodies::new();
        core.main_began(program.place);
        let streams = settings.output_stalls.map_or_else(Streams::to_nowhere, Streams::that_stall);
        let lobby = Some(Lobby::open(core.core(), streams, Remote::to_nowhere()));
        core.house_newborn(&mut bodies);
        let base = core.base();
        core.write_script(settings.atomic, program.batches_matter);
        core.know_classes(program.classes.clone());
        if settings.output_stalls.is_some() {
            core.explore_output();
        }
        if program.prints {
            core.take_prints(program.time_matters);
        }
        let enabled = Vec::new();
        Box::new(World { core, bodies, enabled, last: MAIN, stepping: None, base, lobby, is_watched, is_new: true })
    }

    /// The first step: `main` runs, its effects are written down. `given` answers its choices. A panic comes through, as
    /// in `step`: see `panicked`.
    pub(super) fn start(&mut self, number: u64, program: &Program<'_>, given: &[u32]) {
        (self.stepping, self.is_new) = (Some(MAIN), false);
        self.furnish(program.settings);
        let World { core, bodies, lobby, .. } = self;
        let before = lobby.take().expect("a world without a lobby is not used again");
        core.main_step(number, given, |core| {
            *lobby = Some(before.enter(core.core(), |env| (program.main)(env)));
            core.main_ended(bodies);
        });
        core.main_written(bodies);
        self.step_over(MAIN);
    }

    /// What every run has anew.
    fn furnish(&mut self, settings: &Settings) {
        if let Some(observer) = settings.observe_each.as_ref().filter(|_| !self.is_watched) {
            self.core.observe(observer());
        }
        #[cfg(feature = "net")]
        if let Some(network) = &settings.network {
            self.core.set_world(network());
            self.core.explore_world();
        }
    }

    /// The next step. No other, in whatever world of the same search, has its number; `given` answers its choices.
    #[inline(always)]
    pub(super) fn step(&mut self, number: u64, proc: Proc, given: &[u32]) {
        match proc {
            Proc::Actor(seat) => self.step_actor(number, seat, given),
            _ => self.step_outside(number, proc, given),
        }
    }

    /// Taken apart and put together again here: a `Proc` that was just put together in memory is slow to copy.
    #[inline(never)]
    fn step_actor(&mut self, number: u64, seat: u32, given: &[u32]) {
        self.stepping = Some(Proc::Actor(seat));
        self.core.step_of(number, seat, given, &mut self.bodies);
        self.step_over(Proc::Actor(seat));
    }

    #[inline(never)]
    fn step_outside(&mut self, number: u64, proc: Proc, given: &[u32]) {
        self.stepping = Some(proc);
        self.core.step_outside(number, proc, given, &mut self.bodies);
        self.step_over(proc);
    }

    #[inline(always)]
    fn step_over(&mut self, proc: Proc) {
        (self.stepping, self.last) = (None, proc);
        self.look();
        if self.core.takes_prints() {
            self.core.print_state();
        }
    }

    /// Who is in a step now: after a panic, whose it was.
    pub(super) fn stepping(&self) -> Option<Proc> {
        self.stepping
    }

    /// User code panicked in the step that is being taken, which is over with that.
    pub(super) fn panicked(&mut self, payload: &(dyn std::any::Any + Send)) {
        let World { core, bodies, .. } = self;
        let mut text = payload_text(payload);
        // Dropping what the actor had may panic in its turn.
        while let Err(payload) = catch_unwind(AssertUnwindSafe(|| core.step_panicked(text.clone(), bodies))) {
            text = payload_text(&*payload);
        }
        if let Some(proc) = self.stepping {
            self.step_over(proc);
        }
    }

    #[inline(always)]
    fn look(&mut self) {
        match self.core.failure {
            Some(_) => self.enabled.clear(),
            None => self.core.update_enabled(&mut self.enabled),
        }
    }

    pub(super) fn traces(&self) -> Traces<'_> {
        self.core.traces()
    }

    /// Could he take the next step?
    pub(super) fn is_enabled(&self, proc: Proc) -> bool {
        match proc {
            Proc::Actor(seat) => self.core.is_known_enabled(seat) && !self.enabled.is_empty(),
            _ => self.enabled.contains(&proc),
        }
    }

    /// Who can step, he who stepped last first: what the numbers of a token count.
    pub(super) fn in_order(&self) -> impl Iterator<Item = Proc> + '_ {
        let same = self.is_enabled(self.last).then_some(self.last);
        same.into_iter().chain(self.enabled.iter().copied().filter(|proc| *proc != self.last))
    }

    /// The number of `proc` in that order.
    pub(super) fn number_of(&self, proc: Proc) -> u32 {
        self.in_order().position(|p| p == proc).expect("a step is taken by somebody who is enabled") as u32
    }

    /// Would another than the last one be taken although the last one could go on?
    pub(super) fn is_preemption(&self, proc: Proc) -> bool {
        proc != self.last && self.is_enabled(self.last)
    }

    /// What is wrong with a run that is over.
    pub(super) fn fault(&mut self, settings: &Settings) -> Option<Fault> {
        match self.core.failure.take() {
            Some(Failure::Panicked { actor, name, message, place, payload }) => {
                return Some(Fault::Panicked { actor, name, message, place, payload });
            }
            Some(Failure::TooManyActors { name, place, .. }) => {
                return Some(Fault::TooManyActors { limit: settings.max_actors, name, place });
            }
            Some(Failure::Shutdown | Failure::Replay(_) | Failure::Recording(_)) => return self.broken_promise(),
            None => {}
        }
        if settings.invariants
            && let Err(broken) = self.core.check(true)
        {
            return Some(Fault::Broken(broken));
        }
        if self.core.has_muted() {
            return Some(Fault::Deadlock(Box::new(self.core.deadlock(String::new()))));
        }
        if settings.actors_stop
            && let Some(name) = self.core.still_living()
        {
            return Some(Fault::NotStopped { name });
        }
        let pressing = (!settings.unmatched_apply_is_fine).then(|| self.core.still_pressing()).flatten();
        pressing.map(|root| Fault::UnmatchedApply(Box::new(root))).or_else(|| self.broken_promise())
    }

    fn broken_promise(&self) -> Option<Fault> {
        let broken = self.core.promises().iter().find(|(_, kind, held)| *kind == Promise::Eventually && !held);
        broken.map(|(label, ..)| Fault::NotEventually(label))
    }

    /// A part of the program that waits, in a run that was watched (R11).
    pub(super) fn stall(&self) -> Option<Stall> {
        self.core.stall()
    }

    /// No step was taken yet.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Makes this, made for the same program, a copy of `other`, which is between two steps. Only what differs is copied.
    /// False if that cannot be; then this is good for nothing.
    fn become_copy(&mut self, other: &World) -> bool {
        let World { core, bodies, enabled, last, stepping, base, is_new, .. } = self;
        if !core.is_plain() {
            core.reset(base, bodies);
        }
        enabled.clone_from(&other.enabled);
        (*last, *stepping, *is_new) = (other.last, None, false);
        other.core.copy(&other.bodies, core, bodies)
    }

    /// Makes a world a copy of `other`, or puts one in its place. False if there cannot be one.
    pub(super) fn copy(world: &mut Box<World>, other: &World, program: &Program<'_>) -> bool {
        // What is in it is dropped. User code that panics there is told of where the original ends.
        catch_unwind(AssertUnwindSafe(|| world.become_copy(other))).unwrap_or_else(|_| {
            let _ = mem::replace(world, World::new(program, None)).finish();
            world.become_copy(other)
        })
    }

    /// Drops what is left, so that the next run can begin; none if that needs a new world. User code that panics there
    /// is a fault too.
    pub(super) fn reset(mut self: Box<Self>) -> Result<Option<Box<World>>, Box<Fault>> {
        let World { core, bodies, base, .. } = &mut *self;
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| core.reset(base, bodies))) {
            let _ = self.finish();
            return Err(dropping(&*payload));
        }
        self.enabled.clear();
        (self.last, self.stepping, self.is_new) = (MAIN, None, true);
        let whole = self.lobby.as_ref().is_some_and(Lobby::is_whole);
        if whole { Ok(Some(self)) } else { self.finish().map(|()| None) }
    }

    /// Drops what is left.
    pub(super) fn finish(self: Box<Self>) -> Result<(), Box<Fault>> {
        catch_unwind(AssertUnwindSafe(|| drop(self))).map_err(|payload| dropping(&*payload))
    }
}

fn dropping(payload: &(dyn std::any::Any + Send)) -> Box<Fault> {
    Box::new(Fault::Panicked {
        actor: crate::event::ActorId::MAIN,
        name: "an actor that was dropped at the end".to_owned(),
        message: "nothing: it was being dropped".to_owned(),
        place: panic_place(),
        payload: payload_text(payload),
    })
}
