//! A sink applies pressure when it is cut off, and only a timer's reconnect ends that. Under Pony's rules the timer is a
//! sender like any other, is muted by its first reconnect, and no second one comes. Here ticks mute nobody (R7).

use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Check, Context, Env};
use std::time::Duration;

struct Sink {
    auth: ApplyReleaseBackpressureAuth,
    /// Reconnects that fail before one works.
    fails: u32,
    cut_off: bool,
    /// Sends the reconnects, where it is not the timer that does.
    helper: Option<Addr<Addr<Event>>>,
}

#[derive(Clone, Debug)]
enum Event {
    Write,
    Closed,
    Reconnect,
}

impl Actor for Sink {
    type Msg = Event;

    fn receive(&mut self, event: Event, cx: &mut Context<'_, Self>) {
        match event {
            Event::Write => {}
            Event::Closed => {
                self.cut_off = true;
                Backpressure::apply(&self.auth, cx);
                self.try_later(cx);
            }
            Event::Reconnect if self.fails > 0 => {
                self.fails -= 1;
                self.try_later(cx);
            }
            Event::Reconnect => {
                self.cut_off = false;
                Backpressure::release(&self.auth, cx);
            }
        }
    }
}

impl Sink {
    fn try_later(&mut self, cx: &mut Context<'_, Self>) {
        match &self.helper {
            Some(helper) => helper.tell(cx.me(), cx),
            None => drop(cx.after(Duration::from_millis(10), Event::Reconnect)),
        }
    }
}

/// As Pony's timers: an actor that sends.
struct Helper;

impl Actor for Helper {
    type Msg = Addr<Event>;

    fn receive(&mut self, sink: Addr<Event>, cx: &mut Context<'_, Self>) {
        sink.tell(Event::Reconnect, cx);
    }
}

pub(crate) fn program(by_actor: bool) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let helper = by_actor.then(|| env.spawn(Helper));
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let sink = env.spawn(Sink { auth, fails: 1, cut_off: false, helper });
        env.spawn(crate::Teller { what: vec![(sink.clone(), Event::Write)] }).tell((), env);
        env.spawn(crate::Teller { what: vec![(sink, Event::Closed)] }).tell((), env);
    }
}

#[test]
fn a_timer_reconnects() {
    crate::passes(program(false));
}

#[test]
fn an_actor_in_place_of_the_timer_is_muted_by_its_first_reconnect() {
    assert_eq!(crate::deadlocks(program(true)), ["Sink"]);
}

/// The same, drawn instead of explored: each way of drawing finds it, and the same seed finds the same.
#[test]
fn samples_find_it_too() {
    let checks = [Check::new().random(200), Check::new().pct(3, 200), Check::new().pos(200)];
    for check in checks {
        let first = crate::fails(check.clone().seed(5), program(true));
        let second = crate::fails(check.seed(5), program(true));
        assert_eq!((first.token, first.found), (second.token, second.found));
    }
}
