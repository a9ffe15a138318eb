//! Random programs, carried out by the runtime and by a second, naive implementation of docs/RULES.md: everything
//! that happens is the same, step by step, to the verdict.
//!
//! 1,000 programs, always the same ones; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` give more and others.

mod reference;
#[path = "reference/strategy.rs"]
mod strategy;

use proptest::test_runner::{Config, RngSeed, TestRunner};
use reference::fact::{Fact, Nr, Numbers, Verdict};
use reference::script::Program;
use reference::{naive, real};
use std::cell::RefCell;
use std::collections::BTreeMap;
use strategy::program;

/// Programs by default: enough to reach every situation below.
const CASES: u32 = 1_000;

/// How often each situation occurred that the programs are meant to reach.
#[derive(Default)]
struct Coverage(BTreeMap<&'static str, u64>);

/// The situations, each with the rule that it exercises. Every one has to occur.
const SITUATIONS: [&str; 27] = [
    "R1 dead letter at a send",
    "R1 dead letter in a mailbox",
    "R2 marked",
    "R2 marked on two receivers at once",
    "R3 muted",
    "R3 marks dropped, the sender had become a source",
    "R4 overloaded by a full batch",
    "R4 overloaded by depth, in the middle of a run",
    "R4 caught up",
    "R4 run with an empty mailbox ends overload",
    "R5 applied",
    "R5 released",
    "R5 redundant apply",
    "R5 redundant release",
    "R5 two guards of one actor at once",
    "R5 guard dropped by another actor",
    "R6 freed",
    "R6 cascade of three falls",
    "R6 two senders freed by one fall",
    "R7 control message to a pressing actor",
    "R7 tick for a muted actor",
    "R7 missed ticks come as one",
    "R8 ended while pressing",
    "R8 ended by a panic",
    "R9 ended well",
    "R9 deadlock",
    "R10 two roots",
];

impl Coverage {
    fn saw(&mut self, situation: &'static str) {
        assert!(SITUATIONS.contains(&situation), "{situation}");
        *self.0.entry(situation).or_default() += 1;
    }

    fn add(&mut self, facts: &[Fact], verdict: &Verdict) {
        let mut guards: BTreeMap<u64, Nr> = BTreeMap::new();
        let mut handling: Option<Nr> = None;
        let mut run: Option<(Nr, u32)> = None;
        let mut muted: Vec<Nr> = Vec::new();
        for (i, fact) in facts.iter().enumerate() {
            let before = |n: usize| i.checked_sub(n).map(|at| &facts[at]);
            match fact {
                Fact::RunBegan { actor, waiting } => run = Some((*actor, *waiting)),
                Fact::Handling { actor, .. } => handling = Some(*actor),
                Fact::Dead { from: Some(_), .. } => self.saw("R1 dead letter at a send"),
                Fact::Dead { from: None, .. } => self.saw("R1 dead letter in a mailbox"),
                Fact::Marked { .. } => self.saw("R2 marked"),
                Fact::MarksDropped { .. } => self.saw("R3 marks dropped, the sender had become a source"),
                Fact::Muted { sender, receivers } => {
                    muted.push(*sender);
                    self.saw("R3 muted");
                    if receivers.len() > 1 {
                        self.saw("R2 marked on two receivers at once");
                    }
                }
                Fact::Overloaded { .. } => match before(1) {
                    Some(Fact::RunEnded { full: true, .. }) => self.saw("R4 overloaded by a full batch"),
                    Some(Fact::Sent { .. }) => self.saw("R4 overloaded by depth, in the middle of a run"),
                    _ => {}
                },
                Fact::CaughtUp { actor } => {
                    self.saw("R4 caught up");
                    if run == Some((*actor, 0)) && matches!(before(1), Some(Fact::RunEnded { handled: 0, .. })) {
                        self.saw("R4 run with an empty mailbox ends overload");
                    }
                }
                Fact::Applied { .. } => self.saw("R5 applied"),
                Fact::Released { .. } => self.saw("R5 released"),
                Fact::Redundant { call: "apply", .. } => self.saw("R5 redundant apply"),
                Fact::Redundant { .. } => self.saw("R5 redundant release"),
                Fact::Held { actor, guard } => {
                    if guards.values().any(|holder| holder == actor) {
                        self.saw("R5 two guards of one actor at once");
                    }
                    guards.insert(*guard, *actor);
                }
                Fact::GuardDropped { actor, guard } => {
                    guards.remove(guard);
                    if handling.is_some_and(|running| running != *actor) {
                        self.saw("R5 guard dropped by another actor");
                    }
                }
                Fact::Freed { sender } => {
                    muted.retain(|m| m != sender);
                    self.saw("R6 freed");
                    // Freed right after another sender's fall: in the same cascade.
                    if matches!((before(1), before(2)), (Some(Fact::Fell { .. }), Some(Fact::Freed { .. }))) {
                        self.saw("R6 two senders freed by one fall");
                    }
                }
                Fact::Sent { control: true, to, .. } if muted.contains(to) => {
                    self.saw("R7 control message to a pressing actor");
                }
                Fact::Timer { actor, ticks, .. } => {
                    if muted.contains(actor) {
                        self.saw("R7 tick for a muted actor");
                    }
                    if *ticks > 1 {
                        self.saw("R7 missed ticks come as one");
                    }
                }
                Fact::Ended { actor, why } => {
                    guards.retain(|_, holder| holder != actor);
                    if matches!(facts.get(i + 1), Some(Fact::Fell { .. } | Fact::CaughtUp { .. })) {
                        self.saw("R8 ended while pressing");
                    }
                    if *why == backwater::End::Panicked {
                        self.saw("R8 ended by a panic");
                    }
                }
                _ => {}
            }
        }
        self.cascades(facts);
        match verdict {
            Verdict::Well { .. } => self.saw("R9 ended well"),
            Verdict::Deadlock { roots, .. } => {
                self.saw("R9 deadlock");
                if roots.len() > 1 {
                    self.saw("R10 two roots");
                }
            }
            Verdict::Panicked { .. } => {}
        }
    }

    /// A fall that frees one who held back another: three falls deep.
    fn cascades(&mut self, facts: &[Fact]) {
        let mut waits: BTreeMap<Nr, Vec<Nr>> = BTreeMap::new();
        let mut deep: BTreeMap<Nr, u32> = BTreeMap::new();
        for fact in facts {
            match fact {
                Fact::Muted { sender, receivers } => drop(waits.insert(*sender, receivers.clone())),
                Fact::Freed { sender } => {
                    let by = waits.remove(sender).unwrap_or_default();
                    let depth = 1 + by.iter().filter_map(|r| deep.get(r)).max().copied().unwrap_or(0);
                    deep.insert(*sender, depth);
                    if depth >= 3 {
                        self.saw("R6 cascade of three falls");
                    }
                }
                Fact::Fell { .. } => {}
                _ => deep.clear(),
            }
        }
    }
}

/// Where two lists part, with what went before.
fn difference(naive: &[Fact], real: &[Fact]) -> Option<String> {
    let at = (0..naive.len().max(real.len())).find(|i| naive.get(*i) != real.get(*i))?;
    let before = naive[at.saturating_sub(30)..at].iter().map(|fact| format!("      {fact:?}\n")).collect::<String>();
    Some(format!("{before}naive {:?}\nreal  {:?}", naive.get(at), real.get(at)))
}

/// With the invariants checked after every run of an actor. The second run of each, with no
/// observer, takes the short ways through the scheduler: it has to come to the same end.
#[test]
fn runtime_and_reference_agree_on_every_step() {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    let enough = config.cases >= CASES;
    let coverage = RefCell::new(Coverage::default());
    let mut runner = TestRunner::new(config);
    let result = runner.run(&program(), |program| {
        let (verdict, numbers) = agree(&program, &mut coverage.borrow_mut());
        for describe in [false, true] {
            let fast = real::run(&program, real::builder(&program).describe(describe));
            assert_eq!(verdict, real::verdict(&numbers, fast), "with an observer, and without");
        }
        Ok(())
    });
    if let Err(failed) = result {
        panic!("{failed}");
    }
    let seen = coverage.into_inner().0;
    let missing: Vec<&&str> = SITUATIONS.iter().filter(|s| !seen.contains_key(**s)).collect();
    assert!(!enough || missing.is_empty(), "no program reached {missing:?}; reached: {seen:#?}");
}

fn agree(program: &Program, coverage: &mut Coverage) -> (Verdict, Numbers) {
    let (naive, expected) = naive::run(program);
    let (real, verdict, numbers) = real::facts(program);
    if let Some(difference) = difference(&naive, &real) {
        panic!("the two part here:\n{difference}");
    }
    assert_eq!(expected, verdict);
    coverage.add(&real, &verdict);
    (verdict, numbers)
}
