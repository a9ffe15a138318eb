//! Dining philosophers as actors: a fork that is taken is under pressure, and whoever asks for it is held back. Each
//! takes the left one first, and all wait for ever; if one takes the right one first, somebody always eats.

use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Env};

struct Fork {
    auth: ApplyReleaseBackpressureAuth,
    user: Option<Addr<Hand>>,
    asked: Vec<Addr<Hand>>,
}

#[derive(Debug)]
enum ForkMsg {
    Take(Addr<Hand>),
    Put,
}

#[derive(Debug)]
enum Hand {
    Hungry,
    Got,
}

impl Actor for Fork {
    type Msg = ForkMsg;

    fn receive(&mut self, msg: ForkMsg, cx: &mut Context<'_, Self>) {
        match msg {
            ForkMsg::Take(who) if self.user.is_none() => self.give(who, cx),
            ForkMsg::Take(who) => self.asked.push(who),
            ForkMsg::Put => {
                self.user = None;
                Backpressure::release(&self.auth, cx);
                if let Some(next) = self.asked.pop() {
                    self.give(next, cx);
                }
            }
        }
    }
}

impl Fork {
    fn give(&mut self, who: Addr<Hand>, cx: &mut Context<'_, Self>) {
        Backpressure::apply(&self.auth, cx);
        who.tell(Hand::Got, cx);
        self.user = Some(who);
    }
}

struct Philosopher {
    forks: [Addr<ForkMsg>; 2],
    control: backwater::ControlAuth,
    got: usize,
}

impl Actor for Philosopher {
    type Msg = Hand;

    fn receive(&mut self, msg: Hand, cx: &mut Context<'_, Self>) {
        if matches!(msg, Hand::Got) {
            self.got += 1;
        }
        if self.got < 2 {
            // Asking is what holds back; giving back does not (R7).
            return self.forks[self.got].tell(ForkMsg::Take(cx.me()), cx);
        }
        self.forks.iter().for_each(|fork| fork.tell_control(ForkMsg::Put, &self.control, cx));
    }
}

pub(crate) fn table(one_is_left_handed: bool) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let forks: Vec<Addr<ForkMsg>> = (0..2)
            .map(|_| {
                let auth = ApplyReleaseBackpressureAuth::from(&env.root);
                env.spawn(Fork { auth, user: None, asked: Vec::new() })
            })
            .collect();
        for i in 0..2 {
            let mut own = [forks[i].clone(), forks[(i + 1) % 2].clone()];
            if one_is_left_handed && i == 0 {
                own.reverse();
            }
            let control = backwater::ControlAuth::from(&env.root);
            env.spawn(Philosopher { forks: own, control, got: 0 }).tell(Hand::Hungry, env);
        }
    }
}

#[test]
fn philosophers_who_all_take_the_left_fork_first_starve() {
    assert_eq!(crate::deadlocks(table(false)), ["Fork", "Fork"]);
}

/// Not so here: a philosopher who asks for a fork that is taken is held back, and gets it when the other puts it down,
/// which wakes him.
#[test]
fn with_one_left_hander_everybody_eats() {
    crate::passes(table(true));
}
