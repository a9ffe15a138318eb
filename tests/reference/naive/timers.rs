//! Timers (R7), and those whose actor is muted (R9).

use super::super::fact::{Fact, Nr};
use super::{Msg, Naive, Timer};
use std::time::Duration;

impl Naive<'_> {
    pub(super) fn set_timer(&mut self, owner: Nr, kind: usize, delay: Duration, period: Option<Duration>) {
        let Some(msg) = self.message(kind) else { return };
        let id = self.timers_made;
        self.timers_made += 1;
        self.actors[owner].own_timers.push(id);
        let due = self.now + delay;
        self.timers.insert(id, Timer { owner, due, period, msg, waits: false, owed: false });
    }

    pub(super) fn fire_due(&mut self) {
        loop {
            let due = self.timers.iter().filter(|(_, t)| !t.waits && t.due <= self.now);
            let Some(id) = due.min_by_key(|(id, t)| (t.due, **id)).map(|(id, _)| *id) else { return };
            let muted = self.is_muted(self.timers[&id].owner);
            let timer = self.timers.get_mut(&id).unwrap();
            let mut ticks = 1;
            if let Some(period) = timer.period {
                if muted && !timer.owed {
                    timer.waits = true;
                    continue;
                }
                timer.owed = false;
                while timer.due + period <= self.now {
                    timer.due += period;
                    ticks += 1;
                }
                timer.due += period;
            }
            let (owner, msg) = (timer.owner, Msg { ticks, ..timer.msg.clone() });
            if timer.period.is_none() {
                self.timers.remove(&id);
            }
            self.facts.push(Fact::Timer { actor: owner, timer: id, ticks });
            self.deliver(owner, msg);
        }
    }
}
