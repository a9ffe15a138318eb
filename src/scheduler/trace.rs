//! Shows events to the observer, and puts messages into words for errors. All of it is off the hot path.

use super::contacts::Contacts;
use super::single::Single;
use super::touch::{Access, Object};
use crate::event::{ActorId, Event, Lane, Observer, Place};
use crate::rules::Load;
use std::fmt::{self, Debug, Write};
use std::time::Duration;

/// The longest message that an error quotes, in bytes.
const QUOTE: usize = 200;

/// Called with every dead letter.
pub(crate) type DeadLetterHook = Box<dyn FnMut(ActorId, &dyn Debug) + Send>;

/// Whoever wants to see what happens.
#[derive(Default)]
pub(crate) struct Watch {
    /// Somebody wants to see every event: the hot paths look at this alone.
    pub(super) on: bool,
    /// The scheduler's time, as events carry it.
    pub(super) now: Duration,
    /// Away while it looks: one that panics is dropped and never asked again.
    pub(super) observer: Option<Box<dyn Observer>>,
    /// An observer was given; if it is gone, it panicked.
    pub(super) observed: bool,
    pub(super) contacts: Option<Contacts>,
    pub(super) dead_letters: Option<DeadLetterHook>,
    /// Put every message into words.
    pub(super) describe: bool,
    /// The message being handled, in words.
    pub(super) handling: Option<String>,
}

impl Watch {
    /// What a pool is built with.
    pub(crate) fn new(
        observer: Option<Box<dyn Observer>>,
        dead_letters: Option<DeadLetterHook>,
        contacts: bool,
        describe: bool,
    ) -> Self {
        let observed = observer.is_some();
        let on = observed || contacts || describe;
        let contacts = contacts.then(Contacts::default);
        Watch { on, observer, observed, contacts, dead_letters, describe, ..Watch::default() }
    }

    #[inline(always)]
    pub(super) fn show(&mut self, event: &Event<'_>) {
        if self.observer.is_some() {
            self.show_observer(event);
        }
    }

    #[cold]
    fn show_observer(&mut self, event: &Event<'_>) {
        if let Some(mut observer) = self.observer.take() {
            observer.observe(self.now, event);
            self.observer = Some(observer);
        }
    }

    /// An observer was given, and it panicked.
    pub(super) fn lost_observer(&self) -> bool {
        self.observed && self.observer.is_none()
    }

    /// Somebody looks at messages.
    #[inline(always)]
    pub(super) fn looks(&self) -> bool {
        self.describe || self.observer.is_some()
    }

    /// Somebody looks at sends.
    #[inline(always)]
    pub(super) fn looks_at_sends(&self) -> bool {
        self.observer.is_some() || self.contacts.is_some()
    }

    #[cold]
    pub(super) fn send(&mut self, from: ActorId, to: ActorId, lane: Lane, message: &dyn Debug, place: Place) {
        if let Some(contacts) = &mut self.contacts {
            contacts.met(from, to);
        }
        self.show(&Event::Sent { from, to, lane, message, place });
    }

    #[cold]
    pub(super) fn deliver(&mut self, to: ActorId, message: &dyn Debug) {
        self.show(&Event::Delivered { to, message });
    }

    #[cold]
    pub(super) fn handle(&mut self, actor: ActorId, message: &dyn Debug) {
        if self.describe {
            self.handling = Some(quote(message));
        }
        self.show(&Event::Handling { actor, message });
    }

    #[cold]
    pub(super) fn dead_letter(&mut self, from: Option<ActorId>, to: ActorId, message: &dyn Debug) {
        self.show(&Event::DeadLetter { from, to, message });
        if let Some(hook) = &mut self.dead_letters {
            hook(to, message);
        }
    }
}

impl Single {
    pub(crate) fn observe(&mut self, observer: Box<dyn Observer>) {
        self.watch.observer = Some(observer);
        self.watch.observed = true;
        self.watch_all();
    }

    pub(crate) fn hear_dead_letters(&mut self, hook: DeadLetterHook) {
        self.watch.dead_letters = Some(hook);
    }

    /// Turns the stall watch on (R11).
    pub(crate) fn watch_contacts(&mut self) {
        self.watch.contacts = Some(Contacts::default());
        self.watch_all();
    }

    pub(super) fn watch_all(&mut self) {
        self.watch.on = true;
        self.attention = true;
    }

    #[inline(always)]
    pub(super) fn show(&mut self, event: &Event<'_>) {
        self.watch.show(event);
    }

    #[cfg(feature = "net")]
    pub(crate) fn is_observed(&self) -> bool {
        self.watch.observer.is_some()
    }

    /// Something happened in the world outside.
    #[cfg(feature = "net")]
    pub(crate) fn show_outside(&mut self, what: &str) {
        self.watch.show(&Event::Outside { what });
    }

    #[cold]
    pub(super) fn show_spawn(&mut self, actor: ActorId, parent: ActorId, nth: u32, place: Place) {
        let name = self.post.data(actor.seat).name.as_str();
        self.watch.show(&Event::Spawned { actor, parent, nth, name, place });
    }

    #[cold]
    pub(super) fn show_change(&mut self, seat: u32, before: Load, after: Load) {
        if before != after
            && let Some(script) = &mut self.script
        {
            script.touch(Object::Load(seat), Access::Write);
            script.changed(seat);
        }
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
        match &self.watch.handling {
            Some(message) => format!("{message} (its message number {nth})"),
            None => format!("its message number {nth} (`Builder::describe(true)` says which that is)"),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_looked_at_by_an_observer_and_to_be_described() {
        let observer = |_: Duration, _: &Event<'_>| ();
        let looks = |observer, describe| Watch::new(observer, None, false, describe).looks();
        assert!(looks(Some(Box::new(observer)), false) && looks(None, true));
        assert!(!looks(None, false));
    }
}
