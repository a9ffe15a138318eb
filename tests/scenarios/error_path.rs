//! An early return between apply and release leaves the pressure on. A guard cannot forget.

use backwater::{Actor, ApplyReleaseBackpressureAuth, Backpressure, Cause, Check, Context, Env, Fault};

struct Store {
    auth: ApplyReleaseBackpressureAuth,
    guards: bool,
}

#[derive(Clone, Debug)]
struct Save {
    works: bool,
}

impl Store {
    fn save(&self, save: &Save) -> Result<(), &'static str> {
        if save.works { Ok(()) } else { Err("the disk is full") }
    }

    fn with_flag(&mut self, save: &Save, cx: &mut Context<'_, Self>) -> Result<(), &'static str> {
        Backpressure::apply(&self.auth, cx);
        self.save(save)?;
        Backpressure::release(&self.auth, cx);
        Ok(())
    }

    fn with_guard(&mut self, save: &Save, cx: &mut Context<'_, Self>) -> Result<(), &'static str> {
        let _guard = Backpressure::hold(&self.auth, cx);
        self.save(save)
    }
}

impl Actor for Store {
    type Msg = Save;

    fn receive(&mut self, save: Save, cx: &mut Context<'_, Self>) {
        let saved = if self.guards { self.with_guard(&save, cx) } else { self.with_flag(&save, cx) };
        if saved.is_err() {
            // Told to the user in a real program.
        }
    }
}

/// One save works, so many fail.
pub(crate) fn program(guards: bool, failing: usize) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let store = env.spawn(Store { auth, guards });
        for works in [true, false, false].into_iter().take(1 + failing) {
            env.spawn(crate::Teller { what: vec![(store.clone(), Save { works })] }).tell((), env);
        }
    }
}

#[test]
fn an_error_between_apply_and_release_strands_senders() {
    // After the last message nobody waits, but the pressure is on.
    let failure = crate::fails(Check::new(), program(false, 1));
    assert!(matches!(failure.fault, Fault::UnmatchedApply(_)), "{failure}");
    // With one more sender, somebody does.
    let failure = crate::fails(Check::new(), program(false, 2));
    let Fault::Deadlock(report) = &failure.fault else { panic!("{failure}") };
    assert!(matches!(report.roots[0].causes[..], [Cause::Applied(place)] if place.file().ends_with("error_path.rs")));
}

#[test]
fn an_error_under_a_guard_strands_nobody() {
    crate::passes(program(true, 2));
}
