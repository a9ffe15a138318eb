//! Two actors wait for each other's next message, one of them muted, while a clock beside them ticks for ever: the
//! program never ends, so no deadlock is ever reported; the part that waits is (R11).

use backwater::{Actor, ApplyReleaseBackpressureAuth, Backpressure, Check, Context, Env, Fault};
use std::time::Duration;

struct Sink(ApplyReleaseBackpressureAuth);

impl Actor for Sink {
    type Msg = bool;

    fn receive(&mut self, full: bool, cx: &mut Context<'_, Self>) {
        match full {
            true => Backpressure::apply(&self.0, cx),
            false => Backpressure::release(&self.0, cx),
        }
    }
}

struct Clock;

impl Actor for Clock {
    type Msg = u64;

    fn receive(&mut self, _: u64, cx: &mut Context<'_, Self>) {
        cx.after(Duration::from_secs(1), 1);
    }
}

/// Fills the sink in one behaviour and means to empty it in the next.
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
