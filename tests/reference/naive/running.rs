//! Who runs next, a run, and what a behaviour does (R3, R4).

use super::super::fact::{Fact, Nr};
use super::super::script::{Effect, Order};
use super::{Msg, Naive, Panicked};
use backwater::{Detector, End};
use std::collections::BTreeSet;
use std::time::Duration;

impl Naive<'_> {
    pub(super) fn choose(&mut self) -> Option<Nr> {
        if self.ready.is_empty() {
            return None;
        }
        let at = match &self.program.order {
            Order::Fifo => 0,
            Order::Newest => self.ready.len() - 1,
            Order::Given(_) if self.ready.len() == 1 => 0,
            Order::Given(bytes) => {
                self.decided += 1;
                bytes.get(self.decided - 1).map_or(0, |byte| usize::from(*byte) % self.ready.len())
            }
            Order::Shuffled => {
                let at = self.random.below(self.ready.len() as u64) as usize;
                return Some(self.ready.swap_remove(at));
            }
            Order::RoundRobin => {
                let after = self.ready.iter().filter(|a| self.last.is_none_or(|last| **a > last)).min();
                let next = *after.or(self.ready.iter().min())?;
                self.ready.iter().position(|a| *a == next)?
            }
        };
        let next = self.ready.remove(at);
        self.last = Some(next);
        Some(next)
    }

    pub(super) fn run(&mut self, a: Nr) -> Result<(), Panicked> {
        let waiting = self.actors[a].mailbox.len();
        self.facts.push(Fact::RunBegan { actor: a, waiting: waiting as u32 });
        self.running = Some(a);
        let mut handled = 0;
        while handled < waiting.min(self.actors[a].batch) {
            let msg = self.actors[a].mailbox.remove(0);
            handled += 1;
            self.totals.handled += 1;
            self.facts.push(Fact::Handling { actor: a, msg: msg.text() });
            if self.behave(a, &msg).is_err() {
                self.panicked(a);
                return Err(Panicked);
            }
            self.behaviour_ended(a);
            if self.is_muted(a) || self.stopping {
                break;
            }
        }
        self.running = None;
        match std::mem::take(&mut self.stopping) {
            true => self.end(a, End::Stopped),
            false => self.run_ended(a, handled),
        }
        Ok(())
    }

    fn run_ended(&mut self, a: Nr, handled: usize) {
        let full = handled >= self.actors[a].batch;
        self.facts.push(Fact::RunEnded { actor: a, handled: handled as u32, full });
        if self.is_muted(a) {
            return;
        }
        let left = self.actors[a].mailbox.len() as u32;
        match self.detector(a) {
            Detector::Batch => self.overload(a, full),
            Detector::Depth { high, .. } if left >= high => self.overload(a, true),
            Detector::Depth { low, .. } if left <= low => self.overload(a, false),
            Detector::Depth { .. } => {}
        }
        if left > 0 || self.actors[a].overloaded {
            self.schedule(a);
        }
    }

    fn panicked(&mut self, a: Nr) {
        self.running = None;
        self.stopping = false;
        self.pending.clear();
        self.totals.panics += 1;
        if self.program.end_on_panic {
            self.failed.get_or_insert(a);
        }
        self.end(a, End::Panicked);
        self.notice_dropped_guards();
    }

    fn behave(&mut self, a: Nr, msg: &Msg) -> Result<(), Panicked> {
        let spent = !self.spend();
        if spent {
            for timer in std::mem::take(&mut self.actors[a].own_timers) {
                self.timers.remove(&timer);
            }
        }
        let kinds = &self.program.scripts[self.actors[a].script].kinds;
        for effect in kinds[msg.kind % kinds.len()].clone() {
            if !spent || effect.is_pressure() {
                self.carry_out(a, &effect)?;
            }
        }
        Ok(())
    }

    /// R3: what the end of a behaviour settles.
    pub(super) fn behaviour_ended(&mut self, a: Nr) {
        self.facts.push(Fact::Handled { actor: a });
        self.notice_dropped_guards();
        let receivers = std::mem::take(&mut self.pending);
        if receivers.is_empty() || self.stopping {
            return;
        }
        if self.is_source(a) {
            self.facts.push(Fact::MarksDropped { sender: a });
            return;
        }
        self.marks.extend(receivers.iter().map(|r| (a, *r)));
        self.actors[a].muted_since = self.now;
        self.totals.mutes += 1;
        let muted: BTreeSet<Nr> = self.marks.iter().map(|m| m.0).collect();
        self.totals.muted = self.totals.muted.max(muted.len() as u64);
        self.facts.push(Fact::Muted { sender: a, receivers });
    }

    pub(super) fn carry_out(&mut self, a: Nr, effect: &Effect) -> Result<(), Panicked> {
        match *effect {
            Effect::Send { to, kind } => self.send_new(a, self.address(to), kind, false),
            Effect::Burst { to, kind, count } => {
                (0..count).for_each(|_| self.send_new(a, self.address(to), kind, false));
            }
            Effect::SendSelf { kind } => self.send_new(a, a, kind, false),
            Effect::Control { to, kind } => self.send_new(a, self.address(to), kind, true),
            Effect::Apply => self.apply(a),
            Effect::Release => self.release(a),
            Effect::Hold => self.hold(a),
            Effect::DropOldest if !self.rack.is_empty() => {
                let guard = self.rack.remove(0);
                self.dropped.push(guard);
            }
            Effect::DropOldest => {}
            Effect::DropNewest => self.dropped.extend(self.rack.pop()),
            Effect::Panic => return Err(Panicked),
            Effect::Stop => self.stopping = true,
            Effect::Spawn { script } => {
                if self.spend() {
                    self.spawn(a, script);
                }
            }
            Effect::After { ms, kind } => self.set_timer(a, kind, Duration::from_millis(ms), None),
            Effect::Every { ms, kind } => {
                let period = Duration::from_millis(ms);
                self.set_timer(a, kind, period, Some(period));
            }
            Effect::Cancel { nth } => {
                let own = &mut self.actors[a].own_timers;
                if !own.is_empty() {
                    let timer = own.remove(nth % own.len());
                    self.timers.remove(&timer);
                }
            }
            Effect::Watch { whom, kind } => {
                if let Some(msg) = self.message(kind) {
                    let whom = self.address(whom);
                    match self.actors[whom].ended {
                        true => self.deliver(a, msg),
                        false => self.actors[whom].watchers.push((a, msg)),
                    }
                }
            }
        }
        Ok(())
    }

    fn send_new(&mut self, from: Nr, to: Nr, kind: usize, control: bool) {
        if let Some(msg) = self.message(kind) {
            self.send(from, to, msg, control);
        }
    }
}
