//! What blocks is done on a thread of its own, and the actor is sent what came of it.
//!
//! Not an inlet: an inlet is closed while its receiver presses, and this answer may be what ends the pressure.

use super::event_loop::{Signal, What};
use crate::actor::{Actor, Addr, Context};
use crate::scheduler::{Bell, Delivery, Outside};
use crate::sync::{Arc, Mutex, lock, thread};
use std::io;

/// Has `work` done on a thread of that name; what it gives, the running actor is sent. Until then the runtime waits for
/// it (R9). If there is no thread, the actor is sent what `failed` makes of that.
pub(super) fn send_out<A: Actor<Msg: From<Signal>>>(
    name: &str,
    work: impl FnOnce() -> What + Send + 'static,
    failed: impl FnOnce(io::Error) -> What,
    cx: &mut Context<'_, A>,
) -> Option<thread::JoinHandle<()>> {
    let (to, id) = (cx.me().narrow(), cx.id());
    let answer = Arc::new(Mutex::new(Answer::Awaited));
    cx.core().attach(id, Box::new(Errand { answer: answer.clone(), to }));
    let bell = cx.core().bell().clone();
    let theirs = (answer.clone(), bell.clone());
    let started = thread::spawn(name, move || give(&theirs.0, &theirs.1, work()));
    started.map_err(|why| give(&answer, &bell, failed(why))).ok()
}

fn give(answer: &Mutex<Answer>, bell: &Bell, what: What) {
    *lock(answer) = Answer::Given(what);
    bell.ring();
}

enum Answer {
    Awaited,
    Given(What),
    Taken,
}

struct Errand {
    answer: Arc<Mutex<Answer>>,
    to: Addr<Signal>,
}

impl Outside for Errand {
    fn pressing(&mut self, _pressing: bool) {}

    fn ended(&mut self) {}

    fn is_live(&self) -> bool {
        !matches!(*lock(&self.answer), Answer::Taken)
    }

    fn take_over(&mut self) -> Vec<Delivery> {
        let mut answer = lock(&self.answer);
        if !matches!(*answer, Answer::Given(_)) {
            return Vec::new();
        }
        let Answer::Given(what) = std::mem::replace(&mut *answer, Answer::Taken) else { return Vec::new() };
        let to = self.to.clone();
        vec![Box::new(move |core| to.deliver(core, Signal(what)))]
    }
}
