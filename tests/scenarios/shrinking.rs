//! What making a failure shorter achieves on the scenarios: prints the table of `docs/how/check-every-schedule.md`.

use backwater::{Check, Env, Failure, Verdict};
#[cfg(feature = "net")]
use {super::program::Pressure, backwater::net::sim::Faults};

/// One scenario: what a random walk finds, and what is left of it.
struct Row {
    name: &'static str,
    found: Size,
    left: Size,
}

/// Steps, switches to another actor although the last could have gone on, and faults of the environment.
#[derive(Clone, Copy)]
struct Size([usize; 3]);

impl Size {
    fn of(failure: &Failure) -> Self {
        let faults = failure.events.iter().filter(|event| event.contains("FAULT, ")).count();
        Size([failure.steps, failure.switches, faults])
    }
}

fn row(name: &'static str, check: Check, program: &dyn Fn(&mut Env<'_>)) -> Row {
    let size = |shrink| match check.clone().random(1_000_000).seed(7).shrink(shrink).run(program) {
        Verdict::Failed(failure) => Size::of(&failure),
        other => panic!("{name} fails: {other}"),
    };
    Row { name, found: size(false), left: size(true) }
}

fn rows() -> Vec<Row> {
    let mut rows = vec![
        row("bounded buffer, a notification lost", Check::new(), &super::buffer::program(false, true)),
        row("`dispose` on the ordinary lane", Check::new(), &super::dispose::program(false)),
        row("error between apply and release", Check::new(), &super::error_path::program(false, 2)),
        row("dining philosophers", Check::new(), &super::philosophers::table(false)),
        row("receivers that disagree", Check::new(), &super::grain::program),
        row("star, lifted twice by another", Check::new(), &super::star::star(2, true)),
        row("two owners of one flag", Check::new(), &super::owners::program(false)),
    ];
    rows.extend(on_the_network());
    rows
}

/// One reset is enough to strand the sender; there may be more of all.
#[cfg(feature = "net")]
const FAULTS: Faults = Faults { resets: 2, short_writes: 2, stalls: 2, ..Faults::NONE };

#[cfg(feature = "net")]
fn on_the_network() -> Option<Row> {
    let program = super::slow_down::program(Pressure::AsPublished);
    Some(row("`slow_down` as published, on a network with faults", super::slow_down::on(FAULTS), &program))
}

#[cfg(not(feature = "net"))]
fn on_the_network() -> Option<Row> {
    None
}

#[test]
fn failures_become_shorter() {
    println!("| scenario | steps | context switches | faults |\n|---|---:|---:|---:|");
    let rows = rows();
    let sum = |of: fn(&Row) -> Size, what: usize| rows.iter().map(|row| of(row).0[what]).sum::<usize>();
    for Row { name, found: Size(found), left: Size(left) } in &rows {
        let cell = |what: usize| format!("{} → {}", found[what], left[what]);
        println!("| {name} | {} | {} | {} |", cell(0), cell(1), cell(2));
        assert!((0..3).all(|what| left[what] <= found[what]), "{name} became longer");
    }
    for (what, called) in [(1, "context switches"), (2, "faults")] {
        let (found, left) = (sum(|row| row.found, what), sum(|row| row.left, what));
        assert!(left * 2 <= found, "of {found} {called} {left} are left");
    }
}

/// Two faults are left of the four in the last row; one alone strands the sender too, in another schedule.
#[cfg(feature = "net")]
#[test]
fn one_fault_alone_strands_the_sender_of_the_last_row() {
    let fails =
        |check: Check| match check.random(1_000_000).seed(7).run(super::slow_down::program(Pressure::AsPublished)) {
            Verdict::Failed(failure) => failure,
            other => panic!("it fails: {other}"),
        };
    let alone = Faults { resets: 1, ..Faults::NONE };
    // Pressure that is left where nobody waits any more would be a smaller fault.
    let one = fails(super::slow_down::on(alone).allow_unmatched_apply(true));
    let more = fails(super::slow_down::on(FAULTS));
    assert_eq!([Size::of(&more).0[2], Size::of(&one).0[2]], [2, 1], "{more}\n{one}");
    assert_eq!(std::mem::discriminant(&more.fault), std::mem::discriminant(&one.fault), "{more}\n{one}");
}
