//! Many senders wait for one receiver and are all freed at its fall. Nobody is left behind, whoever comes first.

use backwater::{Actor, ApplyReleaseBackpressureAuth, Backpressure, Context, Env};

struct Gate(ApplyReleaseBackpressureAuth);

#[derive(Clone, Debug)]
enum Event {
    Shut,
    Open,
    Knock,
}

impl Actor for Gate {
    type Msg = Event;

    fn receive(&mut self, event: Event, cx: &mut Context<'_, Self>) {
        match event {
            Event::Shut => Backpressure::apply(&self.0, cx),
            Event::Open => Backpressure::release(&self.0, cx),
            Event::Knock => cx.sometimes("somebody knocks", true),
        }
    }
}

pub(crate) fn herd(senders: u32) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let gate = env.spawn(Gate(auth));
        gate.tell(Event::Shut, env);
        for _ in 0..senders {
            env.spawn(crate::Teller { what: vec![(gate.clone(), Event::Knock)] }).tell((), env);
        }
        gate.tell(Event::Open, env);
    }
}

#[test]
fn a_herd_is_freed_whole() {
    for senders in 1..=3 {
        let explored = crate::passes(herd(senders));
        assert_eq!(explored.redundant, 0);
    }
}
