//! Programs on the whole pool: actors as closures, and what can be seen of the rules from outside at the end of each run.
//!
//! Judged at every end: at quiescence the invariants hold over the whole runtime (`check_invariants`: T1 to T5), every
//! message is handled, dead or waiting, every mute has been freed (T8), a deadlock has a culprit with a line (T7), each
//! actor ran on one thread at a time (T6), and what was said between two actors arrived in order and once (R1).

use crate::traces;
use crate::{BACKING, Bounds, check};
use backwater::internals::sync::thread::yield_now;
use backwater::internals::sync::{Leaks, Track};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Builder, Context, ControlAuth, Deadlock, Env, RunError,
    Runtime, Summary,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What actors say to each other here.
#[derive(Debug)]
pub enum Say {
    /// Something to handle: who says it, and which of theirs it is.
    Data(Track<(u32, u32)>),
    /// Do what you do, so many times.
    Go(u32),
    /// Be under pressure.
    Press,
    /// Be so no longer.
    Ease,
    /// Keep this; drop it at the next word.
    Keep(backwater::PressureGuard),
    /// You will need this.
    Tell(Addr<Say>),
    /// End.
    Stop,
    /// Somebody has ended.
    Ended,
}

type Behave = dyn FnMut(Say, &mut Context<'_, Act>) + Send;

/// An actor that does what a closure says.
pub struct Act {
    behave: Box<Behave>,
    /// A behaviour is in progress. std's: it must order nothing, or the tools would not see what does.
    busy: AtomicBool,
    /// It lets others go first before each behaviour.
    polite: bool,
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Act")
    }
}

/// An actor.
pub fn act(behave: impl FnMut(Say, &mut Context<'_, Act>) + Send + 'static) -> Act {
    Act { behave: Box::new(behave), busy: AtomicBool::new(false), polite: true }
}

/// One that lets nobody go first: for tests in which another thread stands still for many behaviours.
pub fn brisk(behave: impl FnMut(Say, &mut Context<'_, Act>) + Send + 'static) -> Act {
    Act { polite: false, ..act(behave) }
}

impl Actor for Act {
    type Msg = Say;

    fn receive(&mut self, say: Say, cx: &mut Context<'_, Self>) {
        assert!(!self.busy.swap(true, Ordering::Relaxed), "T6: an actor runs on one thread at a time");
        if self.polite {
            yield_now();
        }
        (self.behave)(say, cx);
        self.busy.store(false, Ordering::Relaxed);
    }
}

/// Draws so many schedules in each of the three ways, watched and unwatched; not for loom. Where traces are asked for,
/// fewer, and each is written.
pub fn draw(name: &str, runs: usize, body: impl Fn(bool, &Leaks) + Clone + Send + Sync + 'static) {
    if let Some(traces) = traces::wanted(name).filter(|_| BACKING != "loom") {
        let bounds = Bounds { preemptions: None, runs: traces.runs, depth_first: None, seed: 1 };
        check(&format!("{name}, traced"), bounds, move |leaks| traces.run(|| body(true, leaks)));
        return;
    }
    let runs = match BACKING {
        "loom" => return,
        "shuttle" => 4 * runs,
        _ => runs / 2,
    };
    for watched in [false, true] {
        let bounds = Bounds { preemptions: None, runs, depth_first: None, seed: 1 };
        let body = body.clone();
        check(&format!("{name}{}", if watched { ", watched" } else { "" }), bounds, move |leaks| body(watched, leaks));
    }
}

/// The tokens that actors need.
#[derive(Clone, Debug)]
pub struct Keys {
    /// For pressure.
    pub press: ApplyReleaseBackpressureAuth,
    /// For the control lane.
    pub control: ControlAuth,
}

/// The tokens of a program.
pub fn keys(env: &Env<'_>) -> Keys {
    Keys { press: ApplyReleaseBackpressureAuth::from(&env.root), control: ControlAuth::from(&env.root) }
}

/// What was handled, by whom it was said and which it was.
#[derive(Clone, Debug, Default)]
pub struct Got(Arc<Mutex<Vec<(u32, u32)>>>);

impl Got {
    /// This was handled.
    pub fn add(&self, data: &Track<(u32, u32)>) {
        self.0.lock().unwrap().push(data.value);
    }

    /// How much that was.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Nothing?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everything of everybody, each once and in the order in which it was said.
    pub fn assert_all(&self, senders: u32, each: u32) {
        let got = self.0.lock().unwrap();
        for who in 0..senders {
            let of_one: Vec<u32> = got.iter().filter(|data| data.0 == who).map(|data| data.1).collect();
            assert!(of_one.iter().copied().eq(0..each), "R1: {who} said {each}, and {of_one:?} arrived");
        }
        assert_eq!(got.len(), (senders * each) as usize, "R1: nothing else arrived");
    }
}

/// Says `Data` to `to` once for each `Go`, and then `Go` to itself until it has been told often enough.
pub fn talker(who: u32, to: Addr<Say>, leaks: &Leaks) -> Act {
    let leaks = leaks.clone();
    let mut nth = 0;
    act(move |say, cx| match say {
        Say::Go(times) => {
            to.tell(Say::Data(leaks.track((who, nth))), cx);
            nth += 1;
            if times > 1 {
                cx.tell_self(Say::Go(times - 1));
            }
        }
        other => panic!("nobody says {other:?} to a talker"),
    })
}

/// Under pressure when it is told to be, and after every `nth` thing that it handles, until the word that it then says to
/// itself.
pub fn consumer(keys: Keys, got: Got, nth: Option<usize>) -> Act {
    let press = move |keys: &Keys, cx: &mut Context<'_, Act>| {
        Backpressure::apply(&keys.press, cx);
        cx.tell_self(Say::Ease);
    };
    act(move |say, cx| match say {
        Say::Press => press(&keys, cx),
        Say::Data(data) => {
            got.add(&data);
            if nth.is_some_and(|nth| got.len().is_multiple_of(nth)) {
                press(&keys, cx);
            }
        }
        Say::Ease => Backpressure::release(&keys.press, cx),
        other => panic!("nobody says {other:?} to a consumer"),
    })
}

/// A pool whose invariants are checked, in virtual time. `watched`: somebody looks at every event, which takes other ways
/// through the code.
pub fn pool(threads: usize, watched: bool) -> Builder {
    let builder = Runtime::builder().threads(threads).virtual_time().check_invariants(true).describe(watched);
    traces::observed(builder)
}

/// The run is to end well, with every mute freed.
#[track_caller]
pub fn well(result: Result<Summary, RunError>) -> Summary {
    traces::ended(&result);
    let summary = result.unwrap_or_else(|error| panic!("it is to end well: {error}"));
    assert!(summary.stats.is_conserved(), "R1: {}", summary.stats);
    let totals = &summary.stats.totals;
    assert_eq!(summary.stats.queued, 0, "T5: nothing waits at the end");
    assert!(totals.freed <= totals.mutes, "T8: nobody is freed who was not muted: {}", summary.stats);
    summary
}

/// The run is to end with somebody muted for ever, and with the names of those who are to blame.
#[track_caller]
pub fn stuck(result: Result<Summary, RunError>) -> Box<Deadlock> {
    traces::ended(&result);
    let report = match result {
        Err(RunError::Deadlock(report)) => report,
        other => panic!("somebody is to be left muted: {other:?}"),
    };
    assert!(!report.muted.is_empty() && !report.roots.is_empty(), "T7: there is a culprit: {report}");
    assert!(report.roots.iter().all(|root| !root.causes.is_empty()), "T7: with a line: {report}");
    assert!(report.muted.iter().all(|muted| !muted.chains.is_empty()), "T3: each chain ends in a root: {report}");
    report
}
