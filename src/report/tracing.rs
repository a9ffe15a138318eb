//! The run as events of the `tracing` crate.

use super::facts::{Fact, Facts};
use crate::event::{Event, Observer};
use core::time::Duration;

/// Passes every event on to `tracing`, under the target `backwater`.
///
/// Each has the fields `kind`, `actor` and `t_ns` (time since the run began, by the runtime's clock), and, where the
/// event has them, `msg` (the message's `Debug` text), `place` and `peer` (the other actor, or actors); `message` is the
/// event in words, as [`Event`] displays it.
/// What frames a run or a behaviour and every message is at level TRACE, dead letters and redundant calls at WARN, all
/// else at DEBUG.
///
/// ```
/// use backwater::{Runtime, report::TracingObserver};
/// Runtime::builder().observer(TracingObserver).run(|_env| {}).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingObserver;

/// `tracing` wants levels and fields to be known where the event is written.
macro_rules! emit {
    ($level:ident, $now:expr, $event:expr) => {
        if tracing::enabled!(target: "backwater", tracing::Level::$level) {
            let facts = Facts::of($event);
            tracing::event!(
                target: "backwater",
                tracing::Level::$level,
                kind = facts.kind,
                actor = display(facts.actor),
                t_ns = $now.as_nanos() as u64,
                msg = facts.message().map(display),
                place = facts.place().map(display),
                peer = facts.peer().map(display),
                "{}",
                $event
            );
        }
    };
}

impl Observer for TracingObserver {
    fn observe(&mut self, now: Duration, event: &Event<'_>) {
        use Event::*;
        match event {
            RunBegan { .. }
            | RunEnded { .. }
            | RunsOn { .. }
            | Told { .. }
            | Heard { .. }
            | Handling { .. }
            | Handled { .. }
            | Sent { .. }
            | Delivered { .. }
            | TimerFired { .. } => emit!(TRACE, now, event),
            DeadLetter { .. } | Redundant { .. } => emit!(WARN, now, event),
            _ => emit!(DEBUG, now, event),
        }
    }
}

impl Facts<'_> {
    fn message(&self) -> Option<String> {
        self.rest.iter().find_map(|(_, fact)| match fact {
            Fact::Message(message) => Some(format!("{message:?}")),
            _ => None,
        })
    }

    fn peer(&self) -> Option<String> {
        self.rest.iter().find_map(|(_, fact)| match fact {
            Fact::Actor(id) => Some(id.to_string()),
            Fact::Actors(ids) => Some(format!("{ids:?}")),
            _ => None,
        })
    }
}
