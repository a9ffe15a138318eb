//! Two actors wait for each other's next message, one of them muted, while a clock beside them ticks for ever: the
//! program never ends, so no deadlock is ever reported; the part that waits is (R11).
//!
//! Drawn schedules can only suspect it. There are finitely many states, though, and a search over them proves it.

use backwater::{Actor, ApplyReleaseBackpressureAuth, Backpressure, Check, Context, Env, Fault, Model};
use std::time::Duration;

#[derive(Hash)]
struct Sink(ApplyReleaseBackpressureAuth);

impl Actor for Sink {
    type Msg = bool;

    fn receive(&mut self, full: bool, cx: &mut Context<'_, Self>) {
        match full {
            true => Backpressure::apply(&self.0, cx),
            false => Backpressure::release(&self.0, cx),
        }
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

#[derive(Hash)]
struct Clock;

impl Actor for Clock {
    type Msg = u64;

    fn receive(&mut self, _: u64, cx: &mut Context<'_, Self>) {
        cx.after(Duration::from_secs(1), 1);
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

/// Fills the sink in one behaviour and means to empty it in the next.
#[derive(Hash)]
struct Source(backwater::Addr<bool>);

impl Actor for Source {
    type Msg = bool;

    fn receive(&mut self, full: bool, cx: &mut Context<'_, Self>) {
        self.0.tell(full, cx);
        self.0.tell(full, cx);
        if full {
            cx.me().tell(false, cx);
        }
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

fn program(env: &mut Env<'_>) {
    env.spawn(Clock).tell(0, env);
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let sink = env.spawn(Sink(auth));
    env.spawn(Source(sink)).tell(true, env);
}

#[test]
fn a_muted_pair_beside_a_ticking_clock_is_a_stall() {
    let failure = crate::fails(Check::new().pos(50).max_steps(60), program);
    let Fault::Stalled(stall) = &failure.fault else { panic!("{}", failure.fault) };
    assert_eq!(stall.roots.iter().map(|(root, _)| root.name.to_string()).collect::<Vec<_>>(), ["Sink"]);
    assert_eq!(stall.muted.iter().map(|muted| muted.name.to_string()).collect::<Vec<_>>(), ["Source"]);
}

/// The clock never stops, so no run ends; but there are finitely many states, and in none that can be reached from where
/// the source is muted does the sink release: that is proved, and the nearest such state is shown.
#[test]
fn over_all_states_the_stall_is_proved() {
    let failure = crate::fails(Check::new().states(), program);
    let Fault::Stalled(stall) = &failure.fault else { panic!("{}", failure.fault) };
    assert!(stall.roots.iter().all(|(_, proved)| *proved), "{stall}");
    let why: Vec<String> = stall.why.iter().map(ToString::to_string).collect();
    assert_eq!(
        why,
        [
            "Source#6 is muted until Sink#5 fell (R6)",
            "Sink#5 is under pressure until a message makes it release; only Source#6 ever sends to it",
        ]
    );
    // A replay proves it again, from the state that is shown.
    assert!(failure.token.contains('='), "{}", failure.token);
}
