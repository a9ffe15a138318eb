//! A guard lies where two actors can reach it, and the other one drops it: perhaps when the code that took it has run and
//! the pressure itself is still to come. Then it comes and goes at once. What a program says of its own pressure is what
//! its behaviour has done so far, carried out or not.

use backwater::{
    Actor, ApplyReleaseBackpressureAuth, Backpressure, Check, Context, Env, Fault, PressureGuard, Stats, Verdict,
};
use std::sync::{Arc, Mutex};

type Table = Arc<Mutex<Option<PressureGuard>>>;
/// Whether the guard was found, in a word.
type Found = Arc<Mutex<Vec<String>>>;

struct Holder(ApplyReleaseBackpressureAuth, Table);

impl Actor for Holder {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        let guard = Backpressure::hold(&self.0, cx);
        let presses = cx.is_under_pressure();
        cx.always("who holds a guard is under pressure", presses);
        *self.1.lock().unwrap() = Some(guard);
    }
}

struct Finder(Table, Found);

impl Actor for Finder {
    type Msg = ();

    fn receive(&mut self, (): (), _: &mut Context<'_, Self>) {
        let found = if self.0.lock().unwrap().take().is_some() { "found" } else { "nothing there" };
        self.1.lock().unwrap().push(found.to_owned());
    }
}

/// A holder and a finder at one table, which is empty when they come.
fn meet(found: Found) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let table = Table::default();
        found.lock().unwrap().clear();
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        env.spawn(Holder(auth, table.clone())).tell((), env);
        env.spawn(Finder(table, found.clone())).tell((), env);
    }
}

#[cfg(test)]
pub(crate) fn on_threads() -> super::threads::Case {
    let found = Found::default();
    super::threads::Case::new("a guard that another drops", meet(found.clone())).check(Check::naive).notes(found)
}

/// Without reduction: the checker does not know what lies on the table.
#[test]
fn a_guard_that_another_drops_holds_nobody_whenever_that_is() {
    let found = Found::default();
    let seen: Arc<Mutex<Vec<(bool, bool)>>> = Arc::default();
    let (was_found, note) = (found.clone(), seen.clone());
    let each = move |stats: &Stats, fault: Option<&Fault>| {
        assert!(fault.is_none(), "{fault:?}");
        let presses = stats.actors.iter().any(|actor| actor.load.is_under_pressure());
        note.lock().unwrap().push((was_found.lock().unwrap().contains(&"found".to_owned()), presses));
    };
    let check = Check::new().naive().allow_unmatched_apply(true).check_determinism(false).each_end(each);
    let verdict = check.run(meet(found));
    assert!(matches!(verdict, Verdict::Complete(_)), "{verdict}");
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|(found, presses)| found != presses), "{seen:?}");
    assert!(seen.contains(&(true, false)) && seen.contains(&(false, true)));
}

/// Asks after each thing it does.
struct Asker(ApplyReleaseBackpressureAuth);

impl Actor for Asker {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        let mut said = vec![cx.is_under_pressure()];
        Backpressure::apply(&self.0, cx);
        said.push(cx.is_under_pressure());
        let guard = Backpressure::hold(&self.0, cx);
        Backpressure::release(&self.0, cx);
        said.push(cx.is_under_pressure());
        drop(guard);
        said.push(cx.is_under_pressure());
        assert_eq!(said, [false, true, true, false]);
    }
}

fn asks(env: &mut Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    env.spawn(Asker(auth)).tell((), env);
}

/// The plain runtime and the checker give the same answers.
#[test]
fn a_behaviour_sees_its_own_pressure() {
    crate::passes(asks);
    backwater::run(asks).unwrap();
}
