//! A whole program from bytes: a topology of scripted actors, a schedule, an environment. The runtime and the naive
//! implementation of the rules carry it out, and agree on every step.
//!
//! The bytes, so that a change stays local: records of four bytes, one thing that an actor does each; then the
//! schedule, from its last decision to its first, so that a program that grows eats the latest decisions; at the end
//! the settings and the number of records.

use super::matrix::Matrix;
use crate::reference::fact::{Fact, Verdict};
use crate::reference::script::{Effect, Order, Program, Script};
use crate::reference::{naive, real};
use backwater::report::Chart;
use backwater::{Check, Detector, Fault, Mode};

const RECORD: usize = 4;
const SETTINGS: usize = 6;
/// Actors to begin with, at most; and the kinds of messages that each knows.
const SCRIPTS: usize = 8;
const KINDS: usize = 4;

/// The program that the bytes are; none if they are too few.
pub(crate) fn decode(bytes: &[u8]) -> Option<Program> {
    let (body, settings) = bytes.split_last_chunk::<SETTINGS>()?;
    let [scripts, batch, depth, budget, flags, records] = *settings;
    let end = (usize::from(records & 63) * RECORD).min(body.len() / RECORD * RECORD);
    let (records, schedule) = body.split_at(end);
    let schedule: Vec<u8> = schedule.iter().rev().copied().collect();
    let script = Script { kinds: vec![Vec::new(); KINDS], batch: None, detector: None };
    let mut program = Program {
        scripts: vec![script; 1 + usize::from(scripts) % SCRIPTS],
        main: Vec::new(),
        batch: 1 + u32::from(batch) % 5,
        detector: detector(depth),
        seed: u64::from(flags),
        order: order(flags >> 1 & 7, schedule),
        budget: 4 * u32::from(budget),
        end_on_panic: flags & 1 == 1,
    };
    records.chunks_exact(RECORD).for_each(|record| add(&mut program, record));
    Some(program)
}

fn order(which: u8, schedule: Vec<u8>) -> Order {
    match which {
        4 => Order::Fifo,
        5 => Order::RoundRobin,
        6 => Order::Newest,
        7 => Order::Shuffled,
        _ => Order::Given(schedule),
    }
}

fn detector(byte: u8) -> Detector {
    match u32::from(byte) {
        0..128 => Detector::Batch,
        byte => Detector::Depth { high: (byte & 3) + 1 + (byte >> 2 & 3), low: byte & 3 },
    }
}

/// Main's, or those of one kind of message of one script.
fn place(program: &mut Program, byte: u8) -> &mut Vec<Effect> {
    if byte >= 128 {
        return &mut program.main;
    }
    let count = program.scripts.len();
    &mut program.scripts[usize::from(byte & 7) % count].kinds[usize::from(byte >> 3) % KINDS]
}

fn add(program: &mut Program, record: &[u8]) {
    let [to, what, a, b] = *record else { unreachable!("a record has {RECORD} bytes") };
    let (who, kind) = (usize::from(a) % SCRIPTS, usize::from(b) % KINDS);
    let effect = match what % 20 {
        0 | 1 => Effect::Send { to: who, kind },
        2 => Effect::Burst { to: who, kind, count: 2 + u32::from(b >> 2) % 7 },
        3 => Effect::SendSelf { kind },
        4 => Effect::Control { to: who, kind },
        5 => Effect::Apply,
        6 | 7 => Effect::Release,
        8 => Effect::Hold,
        9 => Effect::DropOldest,
        10 => Effect::DropNewest,
        11 => Effect::Panic,
        12 => Effect::Stop,
        13 => Effect::Spawn { script: who },
        14 => Effect::After { ms: u64::from(a) % 5, kind },
        15 => Effect::Every { ms: 1 + u64::from(a) % 3, kind },
        16 => Effect::Cancel { nth: who },
        17 => Effect::Watch { whom: who, kind },
        setting => return set(program, to, setting == 18, a),
    };
    place(program, to).push(effect);
}

/// A script's own batch or detector.
fn set(program: &mut Program, to: u8, is_batch: bool, value: u8) {
    let count = program.scripts.len();
    let script = &mut program.scripts[usize::from(to & 7) % count];
    match is_batch {
        true => script.batch = Some(1 + u32::from(value) % 7),
        false => script.detector = Some(detector(value)),
    }
}

/// What the target does.
pub(crate) fn run(bytes: &[u8]) {
    if let Some(program) = decode(bytes) {
        agree(&program);
    }
}

/// The runtime and the naive implementation agree on every step; the ways through the scheduler that take no notes come
/// to the same end; under the checker, which interleaves effects too, every invariant holds. Gives back what happened.
///
/// # Panics
/// If they do not.
pub(crate) fn agree(program: &Program) -> (Vec<Fact>, Verdict) {
    let (naive, expected) = naive::run(program);
    let (real, verdict, numbers) = real::facts(program);
    if let Some(at) = (0..naive.len().max(real.len())).find(|at| naive.get(*at) != real.get(*at)) {
        panic!("at step {at} the rules say {:?}, and the runtime did {:?}", naive.get(at), real.get(at));
    }
    assert_eq!(expected, verdict, "the rules, and the runtime");
    Matrix::default().add(program, &real);
    let fast = real::run(program, real::builder(program).describe(false));
    assert_eq!(verdict, real::verdict(&numbers, fast), "with an observer, and without");
    interleave(program);
    (real, verdict)
}

/// One schedule of single effects. It may end in any way that a program can; but not with a broken rule, and with every
/// message accounted for.
fn interleave(program: &Program) {
    let Order::Given(schedule) = &program.order else { return };
    let check = Check::new().mode(Mode::Given(schedule.clone())).check_determinism(false).shrink(false);
    let check = check.batch(program.batch).overload(program.detector).panics_stop_actor(!program.end_on_panic);
    let check = check.max_steps(3_000).check_invariants(true).each_end(|stats, fault| {
        // A run that a panic ended is left as it was, with its effects half written down.
        let ended = matches!(fault, Some(Fault::Panicked { .. }));
        assert!(ended || stats.is_conserved(), "{stats}");
    });
    let verdict = check.run(|env| drop(real::main(program, env)));
    if let Some(Fault::Broken(broken)) = verdict.failure().map(|failure| &failure.fault) {
        panic!("effect by effect: {broken}");
    }
}

/// A claim that is wrong, to try out on it how a failing program is made short and printed: no program ends with
/// somebody muted.
///
/// # Panics
/// If this one does.
pub(crate) fn nobody_is_left_waiting(program: &Program) {
    if let (_, Verdict::Deadlock { muted, roots }, _) = real::facts(program) {
        panic!("a deadlock: {} muted, {} to blame", muted.len(), roots.len());
    }
}

/// The program as a Rust expression: its `Debug` text, but for the vectors.
pub(crate) fn in_rust(program: &Program) -> String {
    format!("{program:#?}").replace('[', "vec![").replace("\n", "\n    ")
}

/// What happens, as a sequence chart, and the line that replays it.
pub(crate) fn picture(program: &Program) -> String {
    let chart = Chart::new();
    let result = real::run(program, real::builder(program).observer(chart.clone()));
    let replay = match result {
        Ok(summary) => summary.replay,
        Err(error) => error.to_string().lines().last().unwrap_or_default().to_owned(),
    };
    format!("{replay}\n{chart}")
}
