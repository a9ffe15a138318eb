//! Random programs.

use crate::reference::script::{Effect, Order, Program, Script};
use backwater::Detector;
use proptest::prelude::*;

fn detector() -> impl Strategy<Value = Detector> {
    prop_oneof![
        2 => Just(Detector::Batch),
        1 => (1u32..6, 1u32..5).prop_map(|(above, low)| Detector::Depth { high: low - 1 + above, low: low - 1 }),
    ]
}

fn effect() -> impl Strategy<Value = Effect> {
    let (who, kind) = (0usize..8, 0usize..4);
    prop_oneof![
        30 => (who.clone(), kind.clone()).prop_map(|(to, kind)| Effect::Send { to, kind }),
        5 => (who.clone(), kind.clone(), 2u32..9).prop_map(|(to, kind, count)| Effect::Burst { to, kind, count }),
        5 => kind.clone().prop_map(|kind| Effect::SendSelf { kind }),
        4 => (who.clone(), kind.clone()).prop_map(|(to, kind)| Effect::Control { to, kind }),
        5 => Just(Effect::Apply),
        8 => Just(Effect::Release),
        5 => Just(Effect::Hold),
        5 => Just(Effect::DropOldest),
        5 => Just(Effect::DropNewest),
        1 => Just(Effect::Panic),
        1 => Just(Effect::Stop),
        2 => (0usize..6).prop_map(|script| Effect::Spawn { script }),
        6 => (0u64..5, kind.clone()).prop_map(|(ms, kind)| Effect::After { ms, kind }),
        2 => (1u64..4, kind.clone()).prop_map(|(ms, kind)| Effect::Every { ms, kind }),
        2 => (0usize..4).prop_map(|nth| Effect::Cancel { nth }),
        2 => (who, kind).prop_map(|(whom, kind)| Effect::Watch { whom, kind }),
    ]
}

/// Any effects at any kind of message.
fn wild() -> impl Strategy<Value = Vec<Vec<Effect>>> {
    prop::collection::vec(prop::collection::vec(effect(), 0..5), 1..5)
}

/// Keeps itself busy, and sends all the while: to one, or to two at once.
fn eager() -> impl Strategy<Value = Vec<Vec<Effect>>> {
    let send = (0usize..8, 0usize..4).prop_map(|(to, kind)| Effect::Send { to, kind });
    let more = prop::collection::vec(effect(), 0..2);
    (prop::collection::vec(send, 1..3), more).prop_map(|(mut sends, more)| {
        sends.push(Effect::SendSelf { kind: 0 });
        sends.extend(more);
        vec![sends]
    })
}

/// Presses for a while, then not: by a timer of its own, with the flag or with a guard.
fn valve() -> impl Strategy<Value = Vec<Vec<Effect>>> {
    let way = prop_oneof![
        Just((Effect::Apply, Effect::Release)),
        Just((Effect::Hold, Effect::DropNewest)),
        Just((Effect::Hold, Effect::DropOldest)),
    ];
    (way, 0u64..5, prop::collection::vec(effect(), 0..3)).prop_map(|((begin, end), ms, more)| {
        let press = vec![begin, Effect::After { ms, kind: 1 }];
        vec![press.clone(), vec![end], more, press]
    })
}

/// Passes on what it gets: chains of these make cascades.
fn relay() -> impl Strategy<Value = Vec<Vec<Effect>>> {
    (0usize..8, 1u64..4, any::<bool>()).prop_map(|(to, ms, ticks)| {
        let pass = Effect::Send { to, kind: 0 };
        let tick = ticks.then_some(Effect::Every { ms, kind: 1 });
        vec![[pass].into_iter().chain(tick).collect(), vec![]]
    })
}

fn script() -> impl Strategy<Value = Script> {
    let kinds = prop_oneof![3 => wild(), 2 => eager(), 2 => valve(), 2 => relay()];
    let batch = prop::option::weighted(0.3, 1u32..8);
    let own = prop::option::weighted(0.2, detector());
    (kinds, batch, own).prop_map(|(kinds, batch, detector)| Script { kinds, batch, detector })
}

/// Programs of up to 8 actors to begin with and some hundred messages, of every policy, detector and kind of panic.
pub(crate) fn program() -> impl Strategy<Value = Program> {
    let scripts = prop::collection::vec(script(), 1..9);
    let start = (0usize..8, 0usize..4).prop_map(|(to, kind)| Effect::Send { to, kind });
    let main = (prop::collection::vec(start, 1..9), prop::collection::vec(effect(), 0..6));
    let main = main.prop_map(|(start, more)| start.into_iter().chain(more).collect());
    let order = prop_oneof![
        3 => Just(Order::Fifo),
        2 => Just(Order::RoundRobin),
        1 => Just(Order::Newest),
        2 => Just(Order::Shuffled),
        1 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Order::Given),
    ];
    let rest = (1u32..6, detector(), order, any::<u64>(), 0u32..1_000, prop::bool::weighted(0.15));
    (scripts, main, rest).prop_map(|(scripts, main, (batch, detector, order, seed, budget, end_on_panic))| Program {
        scripts,
        main,
        batch,
        detector,
        order,
        seed,
        budget,
        end_on_panic,
    })
}
