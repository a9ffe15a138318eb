//! An actor stops while it is under pressure, by a flag and by a guard that outlives it. Its end is its fall (R8): whoever
//! it holds back goes on, and the guard that somebody still keeps holds nobody. A runtime that forgets the pressure of
//! those who end leaves their senders waiting.

use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Env, PressureGuard};

struct Sink {
    auth: ApplyReleaseBackpressureAuth,
    keeper: Addr<PressureGuard>,
}

#[derive(Clone, Debug)]
enum Event {
    Full,
    Stop,
    Text,
}

impl Actor for Sink {
    type Msg = Event;

    fn receive(&mut self, event: Event, cx: &mut Context<'_, Self>) {
        match event {
            Event::Full => {
                Backpressure::apply(&self.auth, cx);
                let guard = Backpressure::hold(&self.auth, cx);
                self.keeper.tell(guard, cx);
            }
            Event::Stop => cx.stop(),
            Event::Text => {}
        }
    }
}

/// Keeps what it is given, to the end of the run.
#[derive(Default)]
struct Keeper(Vec<PressureGuard>);

impl Actor for Keeper {
    type Msg = PressureGuard;

    fn receive(&mut self, guard: PressureGuard, _: &mut Context<'_, Self>) {
        self.0.push(guard);
    }
}

/// Sends, and says so in a second behaviour, which it comes to only if nobody holds it back for ever.
struct Writer(Addr<Event>);

impl Actor for Writer {
    type Msg = bool;

    fn receive(&mut self, first: bool, cx: &mut Context<'_, Self>) {
        if first {
            self.0.tell(Event::Text, cx);
            cx.me().tell(false, cx);
        }
        cx.eventually("a writer goes on", !first);
    }
}

pub(crate) fn program(env: &mut Env<'_>) {
    let keeper = env.spawn(Keeper::default());
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let sink = env.spawn(Sink { auth, keeper });
    sink.tell(Event::Full, env);
    env.spawn(Writer(sink.clone())).tell(true, env);
    env.spawn(Writer(sink.clone())).tell(true, env);
    sink.tell(Event::Stop, env);
}

#[test]
fn no_pressure_outlives_its_actor() {
    crate::passes(program);
}
