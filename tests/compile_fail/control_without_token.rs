//! R7: the control lane takes its own token.
use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Context};

struct Closer(Addr<u32>, ApplyReleaseBackpressureAuth);

impl Actor for Closer {
    type Msg = ();
    fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) {
        self.0.tell_control(1, &self.1, cx);
    }
}

fn main() {}
