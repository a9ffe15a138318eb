//! The scenarios with the ends that they may come to, and a fuzz target: one of them, under the schedule that bytes are,
//! effect by effect under the checker and behaviour by behaviour on the plain runtime.

use super::{batches, buffer, dispose, error_path, herd, owners, philosophers, reconnect, send_then_apply, star};
use backwater::policy::Given;
use backwater::{Check, Env, Fault, Mode, RunError, Runtime};

type Main = Box<dyn Fn(&mut Env<'_>)>;

/// A scenario, and whose pressure may be to blame if it ends with somebody waiting; nobody's, if it never does.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) main: Main,
    pub(crate) batch: u32,
    pub(crate) to_blame: &'static [&'static str],
}

fn well(name: &'static str, main: impl Fn(&mut Env<'_>) + 'static) -> Scenario {
    Scenario { name, main: Box::new(main), batch: 100, to_blame: &[] }
}

fn waits(name: &'static str, to_blame: &'static [&'static str], main: impl Fn(&mut Env<'_>) + 'static) -> Scenario {
    Scenario { to_blame, ..well(name, main) }
}

/// All that end, and in which nobody panics.
pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario { batch: 1, ..well("ring of overloaded actors", batches::ring) },
        well("herd", herd::herd(3)),
        well("consumer that lifts itself", star::star(3, false)),
        waits("consumer lifted by another", &["Consumer"], star::star(2, true)),
        well("buffer that looks again", buffer::program(true, true)),
        waits("buffer emptied on the ordinary lane", &["Buffer"], buffer::program(true, false)),
        waits("buffer with a lost notification", &["Buffer"], buffer::program(false, true)),
        well("owners with guards", owners::program(true)),
        well("error under a guard", error_path::program(true, 2)),
        waits("error between apply and release", &["Store"], error_path::program(false, 2)),
        well("philosophers, one left-handed", philosophers::table(true)),
        waits("philosophers", &["Fork"], philosophers::table(false)),
        well("timer that reconnects", reconnect::program(false)),
        waits("actor that reconnects", &["Sink"], reconnect::program(true)),
        well("send, then apply", send_then_apply::program),
        well("dispose on the control lane", dispose::program(true)),
        waits("dispose on the ordinary lane", &["Sink"], dispose::program(false)),
    ]
}

/// The last byte says which scenario, those before are the decisions.
#[cfg_attr(test, expect(dead_code, reason = "for the fuzz target"))]
pub(crate) fn run(bytes: &[u8]) {
    waited(bytes);
}

/// Which scenario it was, and whether somebody was left waiting.
fn waited(bytes: &[u8]) -> Option<(&'static str, bool)> {
    let (which, decisions) = bytes.split_last()?;
    let scenarios = scenarios();
    let scenario = &scenarios[usize::from(*which) % scenarios.len()];
    let waited = [under_checker(scenario, decisions), on_the_runtime(scenario, decisions)];
    Some((scenario.name, waited.contains(&true)))
}

fn under_checker(scenario: &Scenario, decisions: &[u8]) -> bool {
    let check = Check::new().mode(Mode::Given(decisions.to_vec())).check_determinism(false).shrink(false);
    let check = check.batch(scenario.batch).check_invariants(true).each_end(|stats, _| {
        assert!(stats.is_conserved(), "{stats}");
    });
    let verdict = check.run(&scenario.main);
    match verdict.failure().map(|failure| &failure.fault) {
        None => return false,
        Some(Fault::Deadlock(report)) => scenario.accept(report.roots.iter().map(|root| root.name.to_string())),
        Some(Fault::UnmatchedApply(root)) => scenario.accept([root.name.to_string()]),
        Some(other) => panic!("{}: {other}", scenario.name),
    }
    true
}

fn on_the_runtime(scenario: &Scenario, decisions: &[u8]) -> bool {
    let builder = Runtime::builder().virtual_time().batch(scenario.batch).policy(Given::new(decisions));
    match builder.check_invariants(true).run(&scenario.main) {
        Ok(summary) => {
            assert!(summary.stats.is_conserved(), "{}: {}", scenario.name, summary.stats);
            false
        }
        Err(RunError::Deadlock(report)) => {
            scenario.accept(report.roots.iter().map(|root| root.name.to_string()));
            true
        }
        Err(other) => panic!("{}: {other}", scenario.name),
    }
}

impl Scenario {
    fn accept(&self, roots: impl IntoIterator<Item = String>) {
        for root in roots {
            assert!(self.to_blame.contains(&&*root), "{}: somebody waits for {root}", self.name);
        }
    }
}

/// The inputs kept in `fuzz/corpus/schedule`: no scenario ends in a way that it must not, and each that can leave
/// somebody waiting does so under one of them.
#[test]
fn no_schedule_kept_takes_a_scenario_to_a_wrong_end() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/schedule");
    let entries = std::fs::read_dir(folder).expect("the inputs are kept");
    let inputs = entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let ends: Vec<_> = inputs.filter_map(|bytes| waited(&bytes)).collect();
    for scenario in scenarios() {
        let mut ends = ends.iter().filter(|(name, _)| *name == scenario.name).peekable();
        assert!(ends.peek().is_some(), "no input for: {}", scenario.name);
        let waits = ends.any(|(_, waited)| *waited);
        assert_eq!(waits, !scenario.to_blame.is_empty(), "somebody is left waiting: {}", scenario.name);
    }
}
