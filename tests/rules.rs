//! The protocol as data: the whole table of `step`, the question a send asks, the detectors, the set of marks, and
//! the invariants, each shown to find what it is for.
//!
//! `BACKWATER_BLESS=1 cargo test --test rules` writes the two snapshots anew.

#[allow(dead_code, reason = "reading operations from bytes is for the fuzz target")]
#[path = "fuzzing/rules.rs"]
mod oracle;

use backwater::Detector;
use backwater::rules::{Action, Event, Load, Marks, Rules, Snapshot, Standing, marks, step};
use oracle::Op;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// Compares with a checked-in file, or writes it where that was asked for.
#[track_caller]
fn assert_snapshot(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("BACKWATER_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    expect_test::expect_file![path].assert_eq(text);
}

fn table() -> String {
    let mut out = String::from(
        "# What rules::step makes of every load at every event: the next load, and the action.\n\
         # O overloaded, A applied, H held, M muted, S stopped, - none; \"never\" cannot happen.\n",
    );
    for event in Event::ALL {
        writeln!(out, "\n{event:?}").unwrap();
        for load in Load::all() {
            match step(load, event) {
                (next, Action::Never) => {
                    assert_eq!(next, load);
                    writeln!(out, "  {:<4} never", load.to_string()).unwrap();
                }
                (next, action) => {
                    writeln!(out, "  {:<4} -> {:<4} {action:?}", load.to_string(), next.to_string()).unwrap();
                }
            }
        }
    }
    let all: Vec<Load> = Load::all().collect();
    writeln!(out, "\nmarks: is a sender (row) marked on a receiver (column)?\n").unwrap();
    writeln!(out, "       {}", all.iter().map(|l| format!("{:<4}", l.to_string())).collect::<String>().trim_end())
        .unwrap();
    for sender in &all {
        let row: String = all.iter().map(|r| if marks(*sender, *r) { "x   " } else { ".   " }).collect();
        writeln!(out, "  {:<4} {}", sender.to_string(), row.trim_end()).unwrap();
    }
    out
}

fn graph() -> String {
    let mut edges: BTreeMap<(Load, Load), Vec<String>> = BTreeMap::new();
    for load in Load::all() {
        for event in Event::ALL {
            if let (next, action @ (Action::Rise | Action::Fall | Action::Mute | Action::Keep)) = step(load, event)
                && next != load
            {
                edges.entry((load, next)).or_default().push(format!("{event:?} / {action:?}"));
            }
        }
    }
    let mut out = String::from("// Every change of an actor's load; made by tests/rules.rs.\n");
    out += "// Not drawn: events that change nothing.\ndigraph rules {\n    rankdir=LR;\n";
    for ((from, to), labels) in edges {
        writeln!(out, "    \"{from}\" -> \"{to}\" [label=\"{}\"];", labels.join("\\n")).unwrap();
    }
    out + "}\n"
}

#[test]
fn table_of_rules_is_the_one_reviewed() {
    assert_snapshot("tests/snapshots/rules.txt", &table());
}

#[test]
fn graph_of_rules_is_the_one_reviewed() {
    assert_snapshot("docs/rules.dot", &graph());
}

/// Every load that an actor can come to under Pony's rules: there a muted one can be a source as well.
fn loads_of_pony() -> BTreeSet<Load> {
    let mut loads = BTreeSet::from([Load::IDLE]);
    let mut left = vec![Load::IDLE];
    while let Some(load) = left.pop() {
        let next = Event::ALL.map(|event| Rules::Pony.step(load, event).0);
        left.extend(next.into_iter().filter(|next| loads.insert(*next)));
    }
    loads
}

#[test]
fn ponys_rules_differ_from_ours_in_the_cells_reviewed() {
    let mut out = String::from("# What Pony's rules make of loads and events where that differs from ours.\n");
    for load in loads_of_pony() {
        for event in Event::ALL {
            let [pony, ours] = [Rules::Pony, Rules::Backwater].map(|rules| rules.step(load, event));
            assert_eq!(ours, step(load, event));
            if pony != ours {
                let [pony, ours] = [pony, ours].map(|(next, action)| format!("{next} {action:?}"));
                writeln!(out, "{:<5} {:<9} -> {pony:<10}; ours {ours}", load.to_string(), format!("{event:?}"))
                    .unwrap();
            }
        }
    }
    assert_snapshot("tests/snapshots/pony.txt", &out);
}

#[test]
fn a_load_is_shown_as_the_letters_of_its_flags() {
    let shown = Load::all().map(|load| format!("{load:?}")).collect::<Vec<_>>();
    assert_eq!(shown, ["-", "O", "A", "OA", "H", "OH", "AH", "OAH", "M", "S"]);
}

/// Every state and event: what an action announces is what the flags say, and no state that T2 forbids is reached.
#[test]
fn actions_say_what_happened_to_the_flags() {
    let all: BTreeSet<Load> = Load::all().collect();
    assert_eq!(all.len(), 10);
    for load in Load::all() {
        for event in Event::ALL {
            let (next, action) = step(load, event);
            let at = format!("{load} at {event:?}: {next}, {action:?}");
            assert!(all.contains(&next), "{at}");
            assert!(!(next.is_muted() && next.is_source()), "T2: {at}");
            let fell = load.is_pressing() && !next.is_pressing();
            let rose = !load.is_pressing() && next.is_pressing();
            assert_eq!(fell, action == Action::Fall, "T8: {at}");
            assert_eq!(rose, matches!(action, Action::Rise | Action::Mute), "{at}");
            assert!(load != Load::STOPPED || next == Load::STOPPED, "R8: {at}");
            assert_eq!(action == Action::Mute, event == Event::EndMarked && load == Load::IDLE, "R3: {at}");
        }
    }
}

/// R2, R5: only a sender that is neither O nor P is marked, and only on a receiver that is O or P or M.
#[test]
fn marks_ask_both_sides() {
    for sender in Load::all() {
        for receiver in Load::all() {
            let exempt = [Load::OVERLOADED, Load::APPLIED, Load::HELD].iter().any(|f| sender.has(*f));
            let presses = [Load::OVERLOADED, Load::APPLIED, Load::HELD, Load::MUTED].iter().any(|f| receiver.has(*f));
            assert_eq!(marks(sender, receiver), presses && !exempt, "{sender} to {receiver}");
        }
    }
}

#[test]
fn batch_detector_asks_only_whether_the_batch_was_full() {
    for (handled, left) in [(0, 0), (0, 9), (4, 0), (4, 9)] {
        assert_eq!(Detector::Batch.run_ended(handled, 5, left), Some(Event::CatchUp));
    }
    assert_eq!(Detector::Batch.run_ended(5, 5, 0), Some(Event::Overload));
    assert_eq!(Detector::Batch.alarm(), u32::MAX);
}

#[test]
fn depth_detector_says_nothing_between_its_marks() {
    let depth = Detector::Depth { high: 5, low: 2 };
    let said: Vec<_> = (0..7).map(|left| depth.run_ended(100, 100, left)).collect();
    let (up, down) = (Some(Event::Overload), Some(Event::CatchUp));
    assert_eq!(said, [down, down, down, None, None, up, up]);
    assert_eq!(depth.alarm(), 5);
}

#[test]
fn depth_marks_that_cannot_work_are_refused() {
    for (high, low) in [(0, 0), (3, 3), (3, 4), (0, u32::MAX)] {
        assert!(Detector::Depth { high, low }.validate().unwrap_err().contains("low < high"), "{high}, {low}");
    }
    assert_eq!(Detector::Depth { high: 1, low: 0 }.validate(), Ok(()));
    assert_eq!(Detector::Batch.validate(), Ok(()));
}

/// The whole table, by the letter of the rules.
#[test]
fn every_step_and_every_send_is_what_the_rules_say() {
    let steps = (0..10).flat_map(|load| (0..9).map(move |event| Op::Step(load, event)));
    let sends = (0..10).flat_map(|sender| (0..10).map(move |receiver| Op::Send(sender, receiver)));
    oracle::run(&steps.chain(sends).collect::<Vec<_>>());
}

// --- Marks against a set of pairs ---------------------------------------------------------------------------------

fn op() -> impl Strategy<Value = Op> {
    let receivers = prop::collection::btree_set(0u32..8, 1..4);
    prop_oneof![
        4 => (0u32..8, receivers).prop_map(|(s, r)| Op::Mute(s, r)),
        3 => (0u32..8).prop_map(Op::Fall),
        1 => (0u32..8).prop_map(Op::Forget),
        1 => Just(Op::Clear),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// 8 actors, up to 60 operations.
    #[test]
    fn marks_are_a_set_of_pairs(ops in prop::collection::vec(op(), 0..60)) {
        oracle::run(&ops);
    }
}

/// What a panic of `f` said.
fn panic_of(f: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let payload = std::panic::catch_unwind(f).expect_err("it was to panic");
    payload.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| payload.downcast_ref().cloned()).unwrap()
}

#[test]
fn muting_a_muted_actor_is_refused_by_name() {
    let mut marks = Marks::default();
    marks.mute(1, &[2]);
    assert!(panic_of(move || marks.mute(1, &[3])).starts_with("T6"));
}

#[test]
fn muting_without_a_mark_is_refused_by_name() {
    assert!(panic_of(|| Marks::default().mute(1, &[])).starts_with("R3"));
}

// --- The invariants find what they are for -------------------------------------------------------------------------

fn idle() -> Standing {
    Standing { load: Load::IDLE, waiting: 0, queued: false, running: false }
}

fn pressed() -> Standing {
    Standing { load: Load::APPLIED, ..idle() }
}

fn muted() -> Standing {
    Standing { load: Load::MUTED, waiting: 3, ..idle() }
}

/// A sound snapshot, with one thing changed: the rule that the check names; none if it finds nothing.
fn found(plant: impl FnOnce(&mut BTreeMap<u32, Standing>, &mut Marks)) -> Option<&'static str> {
    found_at(false, plant)
}

fn found_at(quiescent: bool, plant: impl FnOnce(&mut BTreeMap<u32, Standing>, &mut Marks)) -> Option<&'static str> {
    let mut actors = BTreeMap::from([(1, pressed()), (2, muted()), (3, muted()), (4, idle())]);
    let mut marks = Marks::default();
    marks.mute(2, &[1]);
    marks.mute(3, &[1, 2]);
    plant(&mut actors, &mut marks);
    let snapshot = Snapshot { actors, marks: &marks };
    let result = if quiescent { snapshot.check_quiescent() } else { snapshot.check() };
    result.err().map(|broken| {
        assert!(broken.to_string().contains(broken.rule) && !broken.found.is_empty());
        broken.rule
    })
}

#[test]
fn sound_snapshot_is_accepted() {
    assert_eq!(found_at(true, |_, _| ()), None);
}

#[test]
fn a_mark_on_an_actor_that_does_not_press_is_t1() {
    assert_eq!(
        found(|actors, _| {
            actors.insert(1, idle());
        }),
        Some("T1")
    );
}

/// T2 is kept by the type: no flag set in which M meets O or P can be made outside `rules`, nor by `step`.
#[test]
fn muted_and_source_at_once_is_t2_and_cannot_be_made() {
    assert!(Load::all().all(|load| !(load.is_muted() && load.is_source())));
    for load in Load::all() {
        assert!(Event::ALL.iter().all(|e| !(step(load, *e).0.is_muted() && step(load, *e).0.is_source())));
    }
}

#[test]
fn marks_in_a_cycle_are_t3() {
    let plant = |actors: &mut BTreeMap<u32, Standing>, marks: &mut Marks| {
        actors.extend([(5, muted()), (6, muted()), (7, muted())]);
        marks.mute(5, &[6]);
        marks.mute(6, &[7]);
        marks.mute(7, &[1, 5]);
    };
    assert_eq!(found(plant), Some("T3"));
}

#[test]
fn muted_at_quiescence_with_nobody_under_pressure_is_t4() {
    let overloaded = Standing { load: Load::OVERLOADED, queued: true, ..idle() };
    assert_eq!(
        found_at(true, |actors, _| {
            actors.insert(1, overloaded);
        }),
        Some("T4, T7")
    );
    assert_eq!(
        found_at(false, |actors, _| {
            actors.insert(1, overloaded);
        }),
        None,
        "that is only for the end"
    );
}

#[test]
fn a_message_that_nobody_runs_is_t5() {
    assert_eq!(found(|actors, _| actors.get_mut(&4).unwrap().waiting = 1), Some("T5"));
}

#[test]
fn a_muted_actor_in_the_queue_is_t6() {
    assert_eq!(found(|actors, _| actors.get_mut(&2).unwrap().queued = true), Some("T6"));
    assert_eq!(found(|actors, _| actors.get_mut(&2).unwrap().running = true), Some("T6"));
}

#[test]
fn an_actor_scheduled_twice_is_t6() {
    let plant = |actors: &mut BTreeMap<u32, Standing>, _: &mut Marks| {
        actors.insert(4, Standing { queued: true, running: true, ..idle() });
    };
    assert_eq!(found(plant), Some("T6"));
}

#[test]
fn a_muted_actor_without_marks_is_t6() {
    assert_eq!(found(|_, marks| marks.forget(3)), Some("T6"));
    assert_eq!(
        found(|actors, _| {
            actors.insert(2, pressed());
        }),
        Some("T6"),
        "marks of one that is not muted"
    );
}

#[test]
fn overload_that_no_run_will_end_is_r4() {
    let plant = |actors: &mut BTreeMap<u32, Standing>, _: &mut Marks| {
        actors.insert(4, Standing { load: Load::OVERLOADED, ..idle() });
    };
    assert_eq!(found(plant), Some("R4"));
}

#[test]
fn a_mark_on_an_ended_actor_is_r8() {
    assert_eq!(
        found(|actors, _| {
            actors.remove(&1);
        }),
        Some("R8")
    );
}

#[test]
fn a_mark_on_oneself_is_r2() {
    let plant = |actors: &mut BTreeMap<u32, Standing>, marks: &mut Marks| {
        actors.insert(5, muted());
        marks.mute(5, &[5]);
    };
    assert_eq!(found(plant), Some("R2"));
}
