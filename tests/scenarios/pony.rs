//! Programs that end well here and hang, or break what backpressure promises, under the rules of Pony's runtime where
//! those differ. What differs, and why, is in proofs/PONY.md.

use backwater::rules::Rules;
use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Check, Context, Env, Fault, Verdict};
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug)]
enum Turn {
    Close,
    Push,
    Open,
    Item,
}

/// Closes and opens. An inner one pushes to the outer one before it closes, and opens it after itself.
struct Valve {
    auth: ApplyReleaseBackpressureAuth,
    outer: Option<Addr<Turn>>,
}

impl Actor for Valve {
    type Msg = Turn;

    fn receive(&mut self, turn: Turn, cx: &mut Context<'_, Self>) {
        match turn {
            Turn::Close => {
                self.outer.iter().for_each(|outer| outer.tell(Turn::Push, cx));
                Backpressure::apply(&self.auth, cx);
            }
            Turn::Open => {
                Backpressure::release(&self.auth, cx);
                self.outer.iter().for_each(|outer| outer.tell(Turn::Open, cx));
            }
            Turn::Push | Turn::Item => {}
        }
    }
}

/// The inner valve opens at a message, and the outer one only then.
pub(crate) fn valves(env: &mut Env<'_>) {
    let auth = || ApplyReleaseBackpressureAuth::from(&env.root);
    let (one, two) = (auth(), auth());
    let outer = env.spawn(Valve { auth: one, outer: None });
    let inner = env.spawn(Valve { auth: two, outer: Some(outer.clone()) });
    outer.tell(Turn::Close, env);
    env.spawn(crate::Teller { what: vec![(inner.clone(), Turn::Close), (inner, Turn::Open)] }).tell((), env);
}

/// The message that would make the inner valve release waits in its mailbox, and nobody runs it: it is muted.
#[test]
fn a_release_that_only_a_message_brings_never_comes_under_ponys_rules() {
    crate::passes(valves);
    let failure = crate::fails(Check::new().rules(Rules::Pony), valves);
    let Fault::Deadlock(report) = &failure.fault else { panic!("{failure}") };
    let inner = report.muted.iter().find(|muted| muted.name == "Valve").expect("the inner valve is muted");
    assert_eq!((inner.waiting, report.roots[0].name.as_str()), (1, "Valve"), "{failure}");
}

/// T2 does not hold: the inner valve ends up muted and under pressure.
#[test]
fn muted_and_under_pressure_at_once_under_ponys_rules() {
    let loads: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = loads.clone();
    let note = move |stats: &backwater::Stats, _: Option<&Fault>| {
        seen.lock().unwrap().extend(stats.actors.iter().map(|actor| actor.load.to_string()));
    };
    let search = |rules| Check::new().rules(rules).keep_going(true).each_end(note.clone()).run(valves);
    assert!(matches!(search(Rules::Backwater), Verdict::Complete(_)));
    assert!(!std::mem::take(&mut *loads.lock().unwrap()).contains(&"AM".to_owned()));
    assert!(matches!(search(Rules::Pony), Verdict::Failed(_)));
    assert!(loads.lock().unwrap().contains(&"AM".to_owned()));
}

/// Pushes to the outer valve, closes, and lets a source begin that sends it two items; opens when somebody says so.
struct Middle {
    auth: ApplyReleaseBackpressureAuth,
    outer: Addr<Turn>,
    source: Addr<Addr<Turn>>,
    opener: Addr<Addr<Turn>>,
    /// Items that came since it closed, while it is closed.
    items: Option<u32>,
}

impl Actor for Middle {
    type Msg = Turn;

    fn receive(&mut self, turn: Turn, cx: &mut Context<'_, Self>) {
        match turn {
            Turn::Close => {
                self.outer.tell(Turn::Push, cx);
                Backpressure::apply(&self.auth, cx);
                self.items = Some(0);
                self.source.tell(cx.me(), cx);
                self.opener.tell(cx.me(), cx);
            }
            Turn::Open => {
                self.items = None;
                Backpressure::release(&self.auth, cx);
            }
            Turn::Item => {
                self.items = self.items.map(|items| items + 1);
                cx.always("a sender sends at most once while its receiver presses", self.items < Some(2));
            }
            Turn::Push => {}
        }
    }
}

/// One item in each of two behaviours.
struct Source {
    left: u32,
}

impl Actor for Source {
    type Msg = Addr<Turn>;

    fn receive(&mut self, to: Addr<Turn>, cx: &mut Context<'_, Self>) {
        to.tell(Turn::Item, cx);
        self.left -= 1;
        if self.left > 0 {
            cx.me().tell(to, cx);
        }
    }
}

struct Opener;

impl Actor for Opener {
    type Msg = Addr<Turn>;

    fn receive(&mut self, to: Addr<Turn>, cx: &mut Context<'_, Self>) {
        to.tell(Turn::Open, cx);
    }
}

pub(crate) fn chain(env: &mut Env<'_>) {
    let auth = || ApplyReleaseBackpressureAuth::from(&env.root);
    let (one, two) = (auth(), auth());
    let outer = env.spawn(Valve { auth: one, outer: None });
    let (source, opener) = (env.spawn(Source { left: 2 }), env.spawn(Opener));
    let middle = env.spawn(Middle { auth: two, outer: outer.clone(), source, opener, items: None });
    outer.tell(Turn::Close, env);
    middle.tell(Turn::Close, env);
    outer.tell(Turn::Open, env);
}

/// The outer valve opens, the middle actor is unmuted and frees its own senders, although it is still closed (T8).
#[test]
fn senders_of_an_actor_that_still_presses_are_freed_under_ponys_rules() {
    crate::passes(chain);
    let failure = crate::fails(Check::new().rules(Rules::Pony), chain);
    assert!(matches!(&failure.fault, Fault::Panicked { payload, .. } if payload.contains("at most once")), "{failure}");
}
