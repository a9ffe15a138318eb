//! One run of a program under a schedule that somebody else decides, step by step.

use super::Settings;
use super::verdict::Fault;
use crate::event::{Observer, Place};
use crate::runtime::{Env, Remote, Streams, enter, install_hook, panic_place, payload_text};
use crate::scheduler::{Bodies, Config, Failure, Proc, Promise, Single, Stall, Traces};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A program and how it is set up.
#[derive(Clone, Copy)]
pub(super) struct Program<'p> {
    pub(super) main: &'p dyn Fn(&mut Env<'_>),
    pub(super) place: Place,
    pub(super) settings: &'p Settings,
    /// The ends of runs matter: see `Single::write_script`.
    pub(super) batches_matter: bool,
}

/// A run in progress.
pub(super) struct World {
    pub(super) core: Single,
    bodies: Bodies,
    /// Who can take the next step, in a fixed order.
    pub(super) enabled: Vec<Proc>,
    /// Who took the last one.
    last: Proc,
}

/// The procedure that `main` is.
pub(super) const MAIN: Proc = Proc::Actor(0);

impl World {
    /// A run that has taken no step yet. `watched` says that messages are put into words, for a report.
    pub(super) fn new(program: &Program<'_>, watched: Option<Box<dyn Observer>>) -> Self {
        install_hook();
        let settings = program.settings;
        let mut core = Single::new(Config {
            seed: settings.seed,
            batch: settings.batch,
            detector: settings.detector,
            max_actors: settings.max_actors.saturating_add(Streams::ACTORS),
            describe: watched.is_some(),
            end_on_panic: !settings.panics_stop_actor,
            panic_place,
        });
        if let Some(observer) = watched {
            core.observe(observer);
            core.watch_contacts();
        }
        core.write_script(settings.atomic, program.batches_matter);
        World { core, bodies: Bodies::new(), enabled: Vec::new(), last: MAIN }
    }

    /// The first step: `main` runs, its effects are written down. `given` answers its choices.
    pub(super) fn start(&mut self, program: &Program<'_>, given: &[u32]) {
        let World { core, bodies, .. } = self;
        let streams = Streams::to_nowhere();
        let (place, remote) = (program.place, Remote::to_nowhere());
        let call = |core: &mut Single| {
            core.main_began(place);
            enter(core.core(), streams, remote, |env| (program.main)(env));
            core.main_ended(bodies);
        };
        let caught = catch_unwind(AssertUnwindSafe(|| core.main_step(given, call)));
        match caught {
            Ok(()) => self.core.main_written(&mut self.bodies),
            Err(payload) => self.panicked(&*payload),
        }
        self.look();
    }

    /// The next step. `given` answers its choices.
    pub(super) fn step(&mut self, proc: Proc, given: &[u32]) {
        let World { core, bodies, .. } = self;
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| core.step(proc, given, bodies))) {
            self.panicked(&*payload);
        }
        self.last = proc;
        self.look();
    }

    fn panicked(&mut self, payload: &(dyn std::any::Any + Send)) {
        let World { core, bodies, .. } = self;
        let mut text = payload_text(payload);
        // Dropping what the actor had may panic in its turn.
        while let Err(payload) = catch_unwind(AssertUnwindSafe(|| core.step_panicked(text.clone(), bodies))) {
            text = payload_text(&*payload);
        }
    }

    fn look(&mut self) {
        match self.core.failure {
            Some(_) => self.enabled.clear(),
            None => self.core.enabled(&mut self.enabled),
        }
    }

    pub(super) fn traces(&self) -> Traces<'_> {
        self.core.traces()
    }

    /// Who can step, he who stepped last first: what the numbers of a token count.
    pub(super) fn in_order(&self) -> impl Iterator<Item = Proc> + '_ {
        let same = self.enabled.contains(&self.last).then_some(self.last);
        same.into_iter().chain(self.enabled.iter().copied().filter(|proc| *proc != self.last))
    }

    /// The number of `proc` in that order.
    pub(super) fn number_of(&self, proc: Proc) -> u32 {
        self.in_order().position(|p| p == proc).expect("a step is taken by somebody who is enabled") as u32
    }

    /// Would another than the last one be taken although the last one could go on?
    pub(super) fn is_preemption(&self, proc: Proc) -> bool {
        proc != self.last && self.enabled.contains(&self.last)
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
            Some(Failure::Shutdown) => return self.broken_promise(),
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

    /// Drops what is left; user code that panics there is a fault too.
    pub(super) fn finish(self) -> Option<Fault> {
        let actor = crate::event::ActorId::MAIN;
        let caught = catch_unwind(AssertUnwindSafe(|| drop(self)));
        caught.err().map(|payload| Fault::Panicked {
            actor,
            name: "an actor that was dropped at the end".to_owned(),
            message: "nothing: it was being dropped".to_owned(),
            place: panic_place(),
            payload: payload_text(&*payload),
        })
    }
}
