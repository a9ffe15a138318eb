//! Overload, pressure and guards (R4, R5), the fall (R6), and the end of an actor (R8).

use super::super::fact::{Fact, Nr};
use super::Naive;
use backwater::End;

impl Naive<'_> {
    pub(super) fn overload(&mut self, a: Nr, overloaded: bool) {
        let pressed = self.is_pressing(a);
        match (std::mem::replace(&mut self.actors[a].overloaded, overloaded), overloaded) {
            (false, true) => self.facts.push(Fact::Overloaded { actor: a }),
            (true, false) => self.facts.push(Fact::CaughtUp { actor: a }),
            _ => {}
        }
        self.fall_if(pressed, a);
    }

    pub(super) fn apply(&mut self, a: Nr) {
        if std::mem::replace(&mut self.actors[a].applied, true) {
            self.totals.redundant += 1;
            self.facts.push(Fact::Redundant { actor: a, call: "apply" });
        } else {
            self.facts.push(Fact::Applied { actor: a });
        }
    }

    pub(super) fn release(&mut self, a: Nr) {
        let pressed = self.is_pressing(a);
        if std::mem::replace(&mut self.actors[a].applied, false) {
            self.facts.push(Fact::Released { actor: a });
            self.fall_if(pressed, a);
        } else {
            self.totals.redundant += 1;
            self.facts.push(Fact::Redundant { actor: a, call: "release" });
        }
    }

    pub(super) fn hold(&mut self, a: Nr) {
        let guard = self.guards_made;
        self.guards_made += 1;
        self.actors[a].guards.insert(guard);
        self.rack.push((a, guard));
        self.facts.push(Fact::Held { actor: a, guard });
    }

    pub(super) fn notice_dropped_guards(&mut self) {
        for (a, guard) in std::mem::take(&mut self.dropped) {
            if self.actors[a].ended {
                continue;
            }
            let pressed = self.is_pressing(a);
            self.actors[a].guards.remove(&guard);
            self.facts.push(Fact::GuardDropped { actor: a, guard });
            self.fall_if(pressed, a);
        }
    }

    fn fall_if(&mut self, pressed: bool, a: Nr) {
        if pressed && !self.is_pressing(a) {
            self.fall(a);
        }
    }

    fn fall(&mut self, root: Nr) {
        let mut falling = vec![root];
        while !falling.is_empty() {
            let a = falling.remove(0);
            if a != root {
                self.facts.push(Fact::Freed { sender: a });
            }
            self.facts.push(Fact::Fell { actor: a });
            self.pending.retain(|r| *r != a);
            if a != root {
                self.freed(a);
            }
            let held: Vec<Nr> = self.marks.iter().filter(|m| m.1 == a).map(|m| m.0).collect();
            self.marks.retain(|m| m.1 != a);
            falling.extend(held.into_iter().filter(|sender| !self.is_muted(*sender)));
        }
    }

    fn freed(&mut self, a: Nr) {
        let muted = self.now - self.actors[a].muted_since;
        self.totals.muted_longest = self.totals.muted_longest.max(muted);
        self.totals.freed += 1;
        self.schedule(a);
        for timer in self.timers.values_mut().filter(|t| t.owner == a && t.waits) {
            (timer.waits, timer.owed) = (false, true);
        }
    }

    pub(super) fn end(&mut self, a: Nr, why: End) {
        self.facts.push(Fact::Ended { actor: a, why });
        let pressed = self.is_pressing(a);
        let actor = &mut self.actors[a];
        if actor.overloaded {
            self.facts.push(Fact::CaughtUp { actor: a });
        }
        (actor.overloaded, actor.applied, actor.ended) = (false, false, true);
        actor.guards.clear();
        let (mailbox, watchers) = (std::mem::take(&mut actor.mailbox), std::mem::take(&mut actor.watchers));
        self.marks.retain(|m| m.0 != a);
        self.fall_if(pressed, a);
        self.timers.retain(|_, timer| timer.owner != a);
        self.ready.retain(|r| *r != a);
        watchers.into_iter().for_each(|(watcher, msg)| self.deliver(watcher, msg));
        mailbox.iter().for_each(|msg| self.dead(None, a, msg));
    }
}
