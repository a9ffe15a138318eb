//! What a worker writes down while a run is recorded. Without a recording it has no tape, and asks for one at each
//! send and at each run.

use super::super::record::{MutedAtEnd, Name, Obstacle, Tagged, Tape, hash_of_name};
use super::super::seat::Plan;
use super::super::single::Body;
use super::running::no_message;
use super::slot::SlotRef;
use super::worker::Worker;
use crate::event::ActorId;
use crate::mailbox::Parcel;
use crate::sync::lock;
use std::fmt::Debug;
use std::io;
use std::time::Duration;

impl Worker {
    #[inline(always)]
    pub(crate) fn is_recording(&self) -> bool {
        self.tape.is_some()
    }

    /// Writes something down, if the run is recorded.
    #[inline]
    pub(in crate::scheduler) fn record(&self, write: impl FnOnce(&mut Tape)) {
        if let Some(tape) = &self.tape {
            write(&mut tape.borrow_mut());
        }
    }

    /// The same with the time in nanoseconds; beyond what a number of 64 bits can say, that it was so.
    pub(in crate::scheduler) fn record_at(&self, now: Duration, write: impl FnOnce(&mut Tape, u64)) {
        match u64::try_from(now.as_nanos()) {
            Ok(now) => self.record(|tape| write(tape, now)),
            Err(_) => self.record_obstacle(Obstacle::Age),
        }
    }

    /// The running actor does what no replay can do again.
    pub(in crate::scheduler) fn record_obstacle(&self, what: Obstacle) {
        self.record(|tape| tape.obstacle(what, self.running));
    }

    /// A message that the running actor sends, with its name.
    #[inline(always)]
    pub(super) fn parcel_sent<M: Debug + Send + 'static>(&mut self, message: M) -> Parcel {
        Parcel::new(&mut self.nodes, Tagged { name: Name::sent(self.running), message })
    }

    /// A message that the runtime delivers, with its name.
    #[inline(never)]
    pub(super) fn parcel_delivered<M: Debug + Send + 'static>(&mut self, to: ActorId, message: M) -> Parcel {
        let name = self.tape.as_ref().map(|tape| tape.borrow_mut().name_delivered(to));
        let name = name.expect("only asked while a run is recorded");
        Parcel::new(&mut self.nodes, Tagged { name, message })
    }

    /// The running actor begins a run; one without messages tells nothing.
    #[inline(never)]
    pub(super) fn record_run(&mut self, slot: SlotRef) {
        if let (Some(tape), 1..) = (&mut self.tape, self.tray.len()) {
            tape.get_mut().run_began(self.running, slot.handled.get(), slot.sent.get());
        }
    }

    /// The next message of the running actor, the `nth` of this run, counted from 1.
    #[inline(never)]
    pub(in crate::scheduler) fn next_named<M: Debug + Send + 'static>(&mut self, nth: u32) -> M {
        if self.closely {
            self.before_message();
        }
        let Ok(Some(Tagged { name, message })) = self.tray.pop::<Tagged<M>>(&mut self.nodes) else {
            no_message(self.running)
        };
        self.handled = nth;
        if let Some(tape) = &mut self.tape {
            tape.get_mut().handles(name);
        }
        message
    }

    pub(crate) fn spawn_recorded(&mut self, body: Option<Box<dyn Body>>, plan: Plan) -> ActorId {
        let name = hash_of_name(&plan);
        let id = self.spawn(body, plan);
        self.record(|tape| tape.spawned(id, name));
        id
    }

    pub(crate) fn next_own(&mut self) -> (ActorId, u32) {
        let nth = self.shared.table.slot(self.running.seat).with_rare(|rare| {
            rare.more.timers_set += 1;
            rare.more.timers_set - 1
        });
        (self.running, nth)
    }

    /// Nobody runs any more, and the tapes of all others are in: the end of the recording.
    pub(super) fn end_recording(&mut self) -> io::Result<()> {
        // What is left is written as it is dropped.
        if self.tape.take().is_none() {
            return Ok(());
        }
        let Some(recorder) = self.shared.recorder.clone() else { return Ok(()) };
        let id = |seat: u32| self.id_of(seat);
        let mut muted: Vec<MutedAtEnd> = Vec::new();
        for berth in &self.shared.berths {
            for (sender, mut receivers) in lock(&berth.marks).waits() {
                // The end of one may have been on its way when the run ended.
                receivers.retain(|receiver| self.shared.table.lives(*receiver));
                if receivers.is_empty() || !self.shared.table.lives(sender) {
                    continue;
                }
                let since = self.shared.table.slot(sender).with_rare(|rare| rare.muted_since);
                muted.push((id(sender), since, receivers.into_iter().map(id).collect()));
            }
        }
        recorder.finish(self.now(), &muted)
    }
}
