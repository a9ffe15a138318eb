//! Producers, and a consumer that applies every few messages and sends itself the lift that releases. The lift is a
//! message to oneself, so it always comes. If somebody else is to send it, that one is muted by sending it, and a
//! consumer that needs two lifts waits for ever.

use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Env};

struct Consumer {
    auth: ApplyReleaseBackpressureAuth,
    every: u32,
    taken: u32,
    lifts: u32,
    lifter: Option<Addr<Addr<Item>>>,
}

#[derive(Clone, Debug)]
enum Item {
    Work,
    Lift,
}

struct Lifter;

impl Actor for Lifter {
    type Msg = Addr<Item>;

    fn receive(&mut self, to: Addr<Item>, cx: &mut Context<'_, Self>) {
        to.tell(Item::Lift, cx);
    }
}

impl Consumer {
    fn ask_for_lift(&self, cx: &mut Context<'_, Self>) {
        match &self.lifter {
            None => cx.me().tell(Item::Lift, cx),
            Some(lifter) => lifter.tell(cx.me(), cx),
        }
    }
}

impl Actor for Consumer {
    type Msg = Item;

    fn receive(&mut self, item: Item, cx: &mut Context<'_, Self>) {
        match item {
            Item::Work => {
                self.taken += 1;
                if self.taken.is_multiple_of(self.every) {
                    self.lifts = 2;
                    Backpressure::apply(&self.auth, cx);
                    self.ask_for_lift(cx);
                }
            }
            Item::Lift => {
                self.lifts -= 1;
                match self.lifts {
                    0 => Backpressure::release(&self.auth, cx),
                    _ => self.ask_for_lift(cx),
                }
            }
        }
    }
}

pub(crate) fn star(producers: u32, lifted_by_another: bool) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let lifter = lifted_by_another.then(|| env.spawn(Lifter));
        let consumer = env.spawn(Consumer { auth, every: producers, taken: 0, lifts: 0, lifter });
        for _ in 0..producers {
            env.spawn(crate::Teller { what: vec![(consumer.clone(), Item::Work)] }).tell((), env);
        }
    }
}

#[test]
fn a_consumer_that_lifts_itself_ends_well() {
    crate::passes(star(3, false));
}

#[test]
fn a_consumer_that_is_lifted_twice_by_another_hangs() {
    assert_eq!(crate::deadlocks(star(2, true)), ["Consumer"]);
}
