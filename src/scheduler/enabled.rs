//! Who could take the next step under the checker: actors, timers, the world, time.
//!
//! Not here: who does ([`check`](crate::check)), and what happens then ([`steps`](super::steps)).

use super::event_loop::EventLoop;
use super::script::Script;
use super::seat::Seat;
use super::single::Single;
use super::steps::CHECKED;
use super::touch::{Object, Proc};
use crate::mailbox::Post;
use crate::rules::Load;
use std::mem;
use std::time::Duration;

impl Single {
    /// Keeps the list of everybody who could take the next step: actors by seat, timers, the world, time, faults. It is
    /// what the last call made of it, or empty in a run that has just begun.
    #[inline(always)]
    pub(crate) fn update_enabled(&mut self, list: &mut Vec<Proc>) {
        let Single { script, post, queue, running, timers, event_loop, .. } = self;
        let script = script.as_deref_mut().expect(CHECKED);
        list.truncate(script.enabled);
        // Only he who stepped may be able to step no more; whoever became runnable is in the queue.
        update_enabled_actor(post, script, running.seat, list);
        while let Some(seat) = queue.next() {
            let (waiting, data) = post.look(seat);
            // An actor that was freed with nothing to do does nothing.
            if waiting == 0 && !data.load.has(Load::OVERLOADED) && !script.of(seat).running {
                data.busy = false;
            }
            update_enabled_actor(post, script, seat, list);
        }
        script.enabled = list.len();
        if !timers.is_empty() || event_loop.is_some() {
            self.add_timely(list);
        }
    }

    fn add_timely(&self, list: &mut Vec<Proc>) {
        let from = list.len();
        list.extend(self.due_timers().map(|(owner, nth)| Proc::Timer { owner: owner.seat, nth }));
        list[from..].sort_unstable();
        // What the world does comes before time, faults come after all else: of what is possible the first is what a run
        // does if nothing is said.
        let time = self.pass_until().map(|_| Proc::Time);
        let Some(world) = &self.event_loop else { return list.extend(time) };
        let (mut faults, mut end) = (Vec::new(), None);
        world.choices(&mut |choice| match () {
            () if world.is_fault(choice) => faults.push(Proc::World(choice)),
            () if world.is_last(choice) => end = Some(Proc::World(choice)),
            () => list.push(Proc::World(choice)),
        });
        list.extend(time);
        if list.is_empty() {
            list.extend(end);
        }
        list.append(&mut faults);
    }

    /// Tells everything that is due at a time, and when.
    pub(crate) fn dues(&self, tell: &mut dyn FnMut(Object, Duration)) {
        for (owner, nth, due) in self.set_timers() {
            tell(Object::Timer(owner.seat, nth), due);
        }
        self.event_loop.iter().for_each(|world| world.dues(tell));
    }

    pub(super) fn asks_world(&self, what: impl FnOnce(&dyn EventLoop) -> bool) -> bool {
        self.event_loop.as_deref().is_some_and(what)
    }

    /// Could another step keep this one from being taken, unseen: in an order in which nothing raced with it? A fault
    /// takes the place of what would have happened. (Who cancels a timer, or sets one that holds time back, touches it.)
    pub(super) fn is_preventable(&self, proc: Proc) -> bool {
        match proc {
            Proc::Actor(_) | Proc::Timer { .. } | Proc::Time => false,
            Proc::World(choice) => self.asks_world(|world| world.is_preventable(choice)),
        }
    }

    /// When something is due next, if nothing is due now.
    pub(super) fn pass_until(&self) -> Option<Duration> {
        let next = self.first_due().into_iter().chain(self.next_event()).min();
        next.filter(|due| *due > self.watch.now)
    }

    /// Need this step never be taken?
    pub(crate) fn is_fault(&self, proc: Proc) -> bool {
        matches!(proc, Proc::World(choice) if self.asks_world(|world| world.is_fault(choice)))
    }

    /// What `update_enabled` knows of an actor.
    pub(crate) fn is_known_enabled(&self, seat: u32) -> bool {
        let progress = self.script.as_ref().and_then(|script| script.progress.get(seat as usize));
        progress.is_some_and(|progress| progress.enabled)
    }
}

#[inline(always)]
fn update_enabled_actor(post: &mut Post<Seat>, script: &mut Script, seat: u32, list: &mut Vec<Proc>) {
    let (waiting, data) = post.look(seat);
    let ready = (waiting > 0 || data.load.has(Load::OVERLOADED)) && !data.load.is_muted();
    let progress = script.of(seat);
    // Between two behaviours of a run there are messages, so it is ready.
    let is_enabled = (ready || progress.behaving) && !data.is_empty();
    if mem::replace(&mut progress.enabled, is_enabled) != is_enabled {
        let before = |proc: &&Proc| matches!(proc, Proc::Actor(other) if *other < seat);
        let at = list.iter().take_while(before).count();
        match is_enabled {
            true => list.insert(at, Proc::Actor(seat)),
            false => drop(list.remove(at)),
        }
    }
}
