//! `rules::step` and `rules::marks` are the functions that the proofs are about: compared over their whole domain with
//! `proofs/table.txt`, which is printed by the code extracted from `proofs/coq/Step.v`. `proofs/check.sh` prints it anew
//! and compares.

use backwater::rules::{Event, Load, marks, step};
use std::collections::BTreeMap;

fn parsed() -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let (mut steps, mut sends) = (BTreeMap::new(), BTreeMap::new());
    for line in include_str!("../proofs/table.txt").lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let known = match words[..] {
            ["step", load, event, next, action] => steps.insert(format!("{load} {event}"), format!("{next} {action}")),
            ["marks", sender, receiver, marked] => sends.insert(format!("{sender} {receiver}"), marked.to_owned()),
            _ => panic!("not a line of the table: {line}"),
        };
        assert_eq!(known, None, "two lines for one case: {line}");
    }
    (steps, sends)
}

#[test]
fn step_is_the_function_that_was_proved() {
    let cases = Load::all().flat_map(|load| Event::ALL.map(|event| (load, event)));
    let ours: BTreeMap<String, String> = cases
        .map(|(load, event)| {
            let (next, action) = step(load, event);
            (format!("{load} {event:?}"), format!("{next} {action:?}"))
        })
        .collect();
    assert_eq!(ours.len(), 10 * 9, "all loads, all events");
    assert_eq!(ours, parsed().0, "left: rules::step; right: proofs/coq/Step.v");
}

#[test]
fn marks_is_the_function_that_was_proved() {
    let pairs = Load::all().flat_map(|sender| Load::all().map(move |receiver| (sender, receiver)));
    let ours: BTreeMap<String, String> =
        pairs.map(|(sender, receiver)| (format!("{sender} {receiver}"), marks(sender, receiver).to_string())).collect();
    assert_eq!(ours.len(), 10 * 10, "all loads of both");
    assert_eq!(ours, parsed().1, "left: rules::marks; right: proofs/coq/Step.v");
}
