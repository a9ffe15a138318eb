//! An actor sends to one that is under pressure, and then applies pressure itself, in one behaviour. Under Pony's rules
//! it is then muted and under pressure at once, and the message that would make it release waits in a mailbox that
//! nobody runs. Here an actor under pressure is never muted (R3).

use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Env};

struct Valve {
    auth: ApplyReleaseBackpressureAuth,
    next: Option<Addr<Turn>>,
}

#[derive(Clone, Debug)]
enum Turn {
    Push,
    Close,
    Open,
}

impl Actor for Valve {
    type Msg = Turn;

    fn receive(&mut self, turn: Turn, cx: &mut Context<'_, Self>) {
        match turn {
            Turn::Push => {}
            Turn::Close => {
                self.next.iter().for_each(|next| next.tell(Turn::Push, cx));
                Backpressure::apply(&self.auth, cx);
            }
            Turn::Open => Backpressure::release(&self.auth, cx),
        }
    }
}

pub(crate) fn program(env: &mut Env<'_>) {
    let auth = || ApplyReleaseBackpressureAuth::from(&env.root);
    let (one, two) = (auth(), auth());
    let outer = env.spawn(Valve { auth: one, next: None });
    let inner = env.spawn(Valve { auth: two, next: Some(outer.clone()) });
    for valve in [&outer, &inner] {
        let turns = vec![(valve.clone(), Turn::Close), (valve.clone(), Turn::Open)];
        env.spawn(crate::Teller { what: turns }).tell((), env);
    }
}

#[test]
fn send_then_apply_ends_well() {
    crate::passes(program);
}
