//! Which cells of the table of `rules::step` a run went through, read off what happened: each event of each actor, at
//! the load that the events before it make. Whatever cannot happen is found.

use crate::reference::fact::{FIRST, Fact, Nr};
use crate::reference::script::Program;
use backwater::Detector;
use backwater::rules::{Action, Event, Load, step};
use std::collections::{BTreeMap, BTreeSet};

/// A cell: the load as its letters, and the event.
pub(crate) type Cell = (String, String);

#[derive(Debug, Default)]
pub(crate) struct Matrix {
    pub(crate) seen: BTreeSet<Cell>,
}

/// The cells that can happen and that a run shows. Three change nothing and tell nobody: a detector that asks about a
/// muted actor (T2), and the drop of a guard whose actor has ended (R8).
pub(crate) fn visible() -> BTreeSet<Cell> {
    let silent = [(Load::MUTED, Event::Overload), (Load::MUTED, Event::CatchUp), (Load::STOPPED, Event::Drop)];
    let cells = Load::all().flat_map(|load| Event::ALL.map(|event| (load, event)));
    let possible = cells.filter(|at| step(at.0, at.1).1 != Action::Never && !silent.contains(at));
    possible.map(|(load, event)| cell(load, event)).collect()
}

fn cell(load: Load, event: Event) -> Cell {
    (load.to_string(), format!("{event:?}"))
}

/// What is known of one actor.
#[derive(Default)]
struct Known {
    load: Load,
    guards: BTreeSet<u64>,
    detector: Option<Detector>,
}

fn known<'a>(actors: &'a mut BTreeMap<Nr, Known>, actor: &Nr) -> &'a mut Known {
    actors.get_mut(actor).expect("whoever does something was created")
}

impl Matrix {
    /// Adds what happened in a run.
    ///
    /// # Panics
    /// If an event came that the rules do not allow.
    pub(crate) fn add(&mut self, program: &Program, facts: &[Fact]) {
        let mut actors: BTreeMap<Nr, Known> = BTreeMap::new();
        let mut born = 0;
        for (at, fact) in facts.iter().enumerate() {
            if let Fact::Spawned { actor, .. } = fact {
                // Those that main spawns come first, in the order of their scripts; of the others the detector is not
                // looked up, and their runs' ends are left out.
                let script = actor.checked_sub(FIRST).and_then(|_| program.scripts.get(born));
                born += usize::from(*actor >= FIRST);
                let detector = script.map(|script| script.detector.unwrap_or(program.detector));
                actors.insert(*actor, Known { detector, ..Known::default() });
            }
            if let Some((actor, event)) = self.event(&mut actors, fact, facts.get(at + 1)) {
                self.take(known(&mut actors, &actor), event);
            }
        }
        // Whoever is left ends with the runtime, muted or not.
        let left = actors.values_mut().filter(|known| known.load != Load::STOPPED);
        left.for_each(|known| self.take(known, Event::Stop));
    }

    fn event(&self, actors: &mut BTreeMap<Nr, Known>, fact: &Fact, next: Option<&Fact>) -> Option<(Nr, Event)> {
        Some(match fact {
            Fact::Applied { actor } | Fact::Redundant { actor, call: "apply" } => (*actor, Event::Apply),
            Fact::Released { actor } | Fact::Redundant { actor, .. } => (*actor, Event::Release),
            Fact::Held { actor, guard } => {
                let guards = &mut known(actors, actor).guards;
                guards.insert(*guard);
                return (guards.len() == 1).then_some((*actor, Event::Hold));
            }
            Fact::GuardDropped { actor, guard } => {
                let guards = &mut known(actors, actor).guards;
                guards.remove(guard);
                return guards.is_empty().then_some((*actor, Event::Drop));
            }
            Fact::Muted { sender, .. } | Fact::MarksDropped { sender } => (*sender, Event::EndMarked),
            Fact::Freed { sender } => (*sender, Event::Free),
            Fact::Overloaded { actor } => (*actor, Event::Overload),
            // Of an actor that has just ended, this is part of its end.
            Fact::CaughtUp { actor } if known(actors, actor).load == Load::STOPPED => return None,
            Fact::CaughtUp { actor } => (*actor, Event::CatchUp),
            // An end of a run that changes nothing is a step too.
            Fact::RunEnded { actor, full, .. } => {
                let said = next.is_some_and(
                    |next| matches!(next, Fact::Overloaded { actor: a } | Fact::CaughtUp { actor: a } if a == actor),
                );
                let by_batch =
                    known(actors, actor).detector == Some(Detector::Batch) && !known(actors, actor).load.is_muted();
                let event = if *full { Event::Overload } else { Event::CatchUp };
                return (by_batch && !said).then_some((*actor, event));
            }
            Fact::Ended { actor, .. } => (*actor, Event::Stop),
            _ => return None,
        })
    }

    fn take(&mut self, known: &mut Known, event: Event) {
        let (next, action) = step(known.load, event);
        assert_ne!(action, Action::Never, "{} at {event:?}", known.load);
        self.seen.insert(cell(known.load, event));
        known.load = next;
    }
}
