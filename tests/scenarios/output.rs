//! Whoever reads the standard output may stand still: then it presses, and who prints is held back as by any slow actor.
//! That ends when the reader goes on, so a program that prints ends well, whenever he stands still. One that counts on
//! being there for somebody else in its next behaviour finds out that printing can make it late.

use backwater::{Actor, Addr, Check, Context, Env, Fault, Output, Stats};
use std::sync::{Arc, Mutex};

/// Prints and passes on what it is told, in two behaviours.
struct Chatty {
    out: Addr<Output>,
    judge: Addr<&'static str>,
}

impl Actor for Chatty {
    type Msg = bool;

    fn receive(&mut self, first: bool, cx: &mut Context<'_, Self>) {
        match first {
            true => {
                self.out.tell("a line".into(), cx);
                cx.me().tell(false, cx);
            }
            false => self.judge.tell("chatty", cx),
        }
    }
}

/// Expects to hear from the chatty one after another has printed its two lines and is done; true only without stalls.
struct Judge(Vec<&'static str>);

impl Actor for Judge {
    type Msg = &'static str;

    fn receive(&mut self, who: &'static str, _: &mut Context<'_, Self>) {
        self.0.push(who);
    }
}

pub(crate) fn program(env: &mut Env<'_>) {
    let judge = env.spawn(Judge(Vec::new()));
    let out = env.out.clone();
    env.spawn(Chatty { out: out.clone(), judge: judge.clone() }).tell(true, env);
    env.spawn(Chatty { out, judge }).tell(true, env);
}

/// How often somebody was held back, in the run in which that was most often.
fn most_mutes(check: Check) -> u64 {
    let most = Arc::new(Mutex::new(0));
    let seen = most.clone();
    let each = move |stats: &Stats, _: Option<&Fault>| {
        let mut most = seen.lock().unwrap();
        *most = stats.totals.mutes.max(*most);
    };
    super::complete(check.each_end(each), program);
    *most.lock().unwrap()
}

#[test]
fn a_reader_who_stands_still_holds_back_who_prints_and_strands_nobody() {
    assert_eq!(most_mutes(Check::new()), 0);
    assert_eq!(most_mutes(Check::new().output_stalls(0)), 0);
    assert!(most_mutes(Check::new().output_stalls(1)) >= 1);
    crate::passes_with(Check::new().output_stalls(1), program);
}
