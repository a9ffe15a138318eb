//! Shows events to the observer, and puts messages into words for errors. All of it is off the hot path.

use super::single::Single;
use crate::event::{ActorId, Event, Lane, Observer, Place};
use crate::rules::Load;
use std::fmt::{self, Debug, Write};
use std::time::Duration;

/// The longest message that an error quotes, in bytes.
const QUOTE: usize = 200;

impl Single {
    pub(crate) fn observe(&mut self, observer: Box<dyn Observer>) {
        self.observer = Some(observer);
        self.observed = true;
        self.watched = true;
        self.attention = true;
    }

    pub(super) fn show(&mut self, event: &Event<'_>) {
        show_to(&mut self.observer, self.now, event);
    }

    /// An observer was given, and it panicked.
    pub(super) fn lost_observer(&self) -> bool {
        self.observed && self.observer.is_none()
    }

    #[cold]
    pub(super) fn show_send(&mut self, to: ActorId, lane: Lane, message: &dyn Debug, place: Place) {
        let from = self.running;
        if let Some(contacts) = &mut self.contacts {
            contacts.met(from, to);
        }
        self.show(&Event::Sent { from, to, lane, message, place });
    }

    #[cold]
    pub(super) fn show_handling(&mut self, message: &dyn Debug) {
        if self.config.describe {
            self.handling = Some(quote(message));
        }
        self.show(&Event::Handling { actor: self.running, message });
    }

    #[cold]
    pub(super) fn show_spawn(&mut self, actor: ActorId, place: Place) {
        let seat = self.post.data(actor.seat);
        let (parent, nth, label) = (seat.parent, seat.nth, seat.label.clone());
        self.show(&Event::Spawned { actor, parent, nth, name: label.as_str(), place });
    }

    #[cold]
    pub(super) fn show_change(&mut self, seat: u32, before: Load, after: Load) {
        let actor = self.id_of(seat);
        match (before.has(Load::OVERLOADED), after.has(Load::OVERLOADED)) {
            (false, true) => self.show(&Event::Overloaded { actor }),
            (true, false) => self.show(&Event::CaughtUp { actor }),
            _ => {}
        }
    }

    /// The message that the running actor is handling, as well as it is known.
    pub(super) fn message_in_hand(&self) -> String {
        let nth = u64::from(self.handled) + self.post.data(self.running.seat).handled;
        match &self.handling {
            Some(message) => format!("{message} (its message number {nth})"),
            None => format!("its message number {nth} (`Builder::describe(true)` says which that is)"),
        }
    }
}

/// The observer is away while it looks: one that panics is dropped and never asked again.
pub(super) fn show_to(observer: &mut Option<Box<dyn Observer>>, now: Duration, event: &Event<'_>) {
    if let Some(mut looking) = observer.take() {
        looking.observe(now, event);
        *observer = Some(looking);
    }
}

/// The `Debug` text of a message, cut where it gets long.
fn quote(message: &dyn Debug) -> String {
    struct Cut(String);
    impl Write for Cut {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            let room = QUOTE.saturating_sub(self.0.len());
            if s.len() <= room {
                self.0.push_str(s);
                return Ok(());
            }
            let cut = (0..=room).rev().find(|at| s.is_char_boundary(*at)).unwrap_or(0);
            self.0.push_str(&s[..cut]);
            Err(fmt::Error)
        }
    }
    let mut cut = Cut(String::new());
    if write!(cut, "{message:?}").is_err() {
        cut.0.push('…');
    }
    cut.0
}
