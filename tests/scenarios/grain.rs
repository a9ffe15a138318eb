//! Two actors each send to the same two receivers. If behaviours are atoms, both receivers see the same order; on two
//! threads they need not. A program that relies on it is right under a checker that runs behaviours whole.

use backwater::{Actor, Addr, Check, Context, Env, Fault, Verdict};

/// Tells the judge who came first.
struct Witness {
    judge: Addr<u32>,
    asked: bool,
}

impl Actor for Witness {
    type Msg = u32;

    fn receive(&mut self, who: u32, cx: &mut Context<'_, Self>) {
        if !std::mem::replace(&mut self.asked, true) {
            self.judge.tell(who, cx);
        }
    }
}

/// Panics if two witnesses disagree.
struct Judge(Option<u32>);

impl Actor for Judge {
    type Msg = u32;

    fn receive(&mut self, who: u32, cx: &mut Context<'_, Self>) {
        let first = *self.0.get_or_insert(who);
        cx.always("the witnesses agree", first == who);
    }
}

pub(crate) fn program(env: &mut Env<'_>) {
    let judge = env.spawn(Judge(None));
    let witness = |env: &mut Env<'_>| env.spawn(Witness { judge: judge.clone(), asked: false });
    let (one, two) = (witness(env), witness(env));
    for who in 0..2 {
        let what = vec![(one.clone(), who), (two.clone(), who)];
        env.spawn(crate::Teller { what }).tell((), env);
    }
}

#[test]
fn only_interleaved_effects_show_that_receivers_disagree() {
    crate::passes_with(Check::new().atomic_behaviours(true), program);
    let failure = crate::fails(Check::new(), program);
    assert!(matches!(&failure.fault, Fault::Panicked { payload, .. } if payload.contains("the witnesses agree")));
}

/// A schedule with one interruption shows it, none does not.
#[test]
fn one_preemption_is_enough() {
    let none = Check::new().preemptions(0).run(program);
    assert!(matches!(none, Verdict::Cut { by: backwater::Bound::Preemptions, .. }), "{none}");
    crate::fails(Check::new().preemptions(1), program);
}
