//! `dispose` sent to an actor under pressure mutes whoever sends it on the ordinary lane; if that is the only one who
//! could go on to end the pressure, all wait. The control lane marks nobody (R7).

use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, ControlAuth, Env};

struct Sink(ApplyReleaseBackpressureAuth);

#[derive(Debug)]
enum Event {
    Full,
    Dispose,
    Emptied,
}

impl Actor for Sink {
    type Msg = Event;

    fn receive(&mut self, event: Event, cx: &mut Context<'_, Self>) {
        match event {
            Event::Full => Backpressure::apply(&self.0, cx),
            Event::Dispose => {}
            Event::Emptied => cx.stop(),
        }
    }
}

/// Disposes of the sink, and tells it later that its last bytes are gone.
struct Owner {
    sink: Addr<Event>,
    control: Option<ControlAuth>,
}

impl Actor for Owner {
    type Msg = bool;

    fn receive(&mut self, first: bool, cx: &mut Context<'_, Self>) {
        let event = if first { Event::Dispose } else { Event::Emptied };
        match &self.control {
            Some(control) => self.sink.tell_control(event, control, cx),
            None => self.sink.tell(event, cx),
        }
        if first {
            cx.me().tell(false, cx);
        }
    }
}

pub(crate) fn program(control_lane: bool) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let sink = env.spawn(Sink(auth));
        sink.tell(Event::Full, env);
        let control = control_lane.then(|| ControlAuth::from(&env.root));
        env.spawn(Owner { sink, control }).tell(true, env);
    }
}

#[test]
fn dispose_on_the_ordinary_lane_can_hang() {
    assert_eq!(crate::deadlocks(program(false)), ["Sink"]);
}

#[test]
fn dispose_on_the_control_lane_ends_well() {
    crate::passes(program(true));
}
