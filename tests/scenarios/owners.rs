//! Two parts of one program both put the same actor under pressure. With apply and release, which are a flag, the
//! first release ends what the second still needs: the guard of each does not.

use backwater::{Actor, ApplyReleaseBackpressureAuth, Backpressure, Check, Context, Fault, PressureGuard};

/// Is full while the disk or the network is slow. With `guards` each reason is held apart.
struct Log {
    auth: ApplyReleaseBackpressureAuth,
    guards: bool,
    slow: [bool; 2],
    held: [Option<PressureGuard>; 2],
}

#[derive(Clone, Debug)]
enum Line {
    Slow(usize),
    Fast(usize),
    Text,
}

impl Actor for Log {
    type Msg = Line;

    fn receive(&mut self, line: Line, cx: &mut Context<'_, Self>) {
        match line {
            Line::Slow(who) => {
                self.slow[who] = true;
                if self.guards {
                    self.held[who] = Some(Backpressure::hold(&self.auth, cx));
                } else {
                    Backpressure::apply(&self.auth, cx);
                }
            }
            Line::Fast(who) => {
                self.slow[who] = false;
                self.held[who] = None;
                if !self.guards {
                    Backpressure::release(&self.auth, cx);
                }
            }
            Line::Text => {
                let me = cx.me();
                let presses = cx.stats_of(&me).is_some_and(|stats| stats.load.is_under_pressure());
                let slow = self.slow.contains(&true);
                cx.always("a log that is slow presses", presses || !slow);
            }
        }
    }
}

pub(crate) fn program(guards: bool) -> impl Fn(&mut backwater::Env<'_>) {
    move |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let log = env.spawn(Log { auth, guards, slow: [false; 2], held: [None, None] });
        for who in 0..2 {
            let what = vec![(log.clone(), Line::Slow(who)), (log.clone(), Line::Fast(who))];
            env.spawn(crate::Teller { what }).tell((), env);
        }
        env.spawn(crate::Teller { what: vec![(log, Line::Text)] }).tell((), env);
    }
}

#[test]
fn two_owners_of_one_flag_undo_each_other() {
    let failure = crate::fails(Check::new(), program(false));
    assert!(
        matches!(&failure.fault, Fault::Panicked { payload, .. } if payload.contains("a log that is slow presses"))
    );
}

#[test]
fn guards_are_held_apart() {
    crate::passes(program(true));
}
