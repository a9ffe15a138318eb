//! The example `slow_down`, the very program that `examples/` runs, on a network that may be slow and may reset the
//! connection at any moment. As published it releases only in `unthrottled`: a connection that is reset while it is
//! throttled is never unthrottled, and its sender waits for ever. Repaired, with a release in `closed`, it ends well,
//! whatever the network does.

use super::program::{Pace, Pressure, Settings, begin};
use backwater::net::sim::{Cue, Faults, Host, Script, SimNetwork};
use backwater::{Cause, Check, Env, Fault, Root, Verdict};
use std::time::Duration;

/// Chunks of two bytes through buffers that hold two: at the second the connection is throttled, if the peer is slow.
pub(crate) fn program(pressure: Pressure) -> impl Fn(&mut Env<'_>) {
    sends(pressure, 2, 4)
}

pub(crate) fn sends(pressure: Pressure, chunk: usize, bytes: u64) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let (to, pace) = ("peer:7669".to_owned(), Pace::Flood(bytes));
        let settings = Settings { to, chunk, send_buffer: 2, pace, pressure, throttled: None };
        begin(env, settings, Default::default());
    }
}

pub(crate) fn on(faults: Faults) -> Check {
    against(Script::new().read_to_end(), faults)
}

pub(crate) fn against(script: Script, faults: Faults) -> Check {
    Check::new().network(with_faults(script, faults))
}

pub(crate) fn with_faults(script: Script, faults: Faults) -> impl Fn() -> SimNetwork {
    move || {
        let (sim, ..) = network(0, &script);
        sim.faults(faults);
        sim
    }
}

/// A network with a peer that goes by the script; and the two hosts.
fn network(seed: u64, script: &Script) -> (SimNetwork, Host, Host) {
    let sim = SimNetwork::new(seed);
    let here = sim.host("here", "10.0.0.1");
    let peer = sim.host("peer", "10.0.0.2");
    sim.buffers(peer, 2, 2);
    sim.listen(peer, 7669, script.clone()).expect("nobody listens there yet");
    (sim, here, peer)
}

/// On threads the network is told what goes wrong, and when: half a millisecond later in each run, over the whole life of
/// the connection.
#[cfg(test)]
pub(crate) fn on_threads() -> Vec<super::threads::Case> {
    type Wrong = fn(&SimNetwork, Host, Host);
    let case = |name, pressure, faults, script: Script, wrong: Wrong| {
        let (checked, chunk) = (script.clone(), if faults == Faults::NONE { 3 } else { 2 });
        let network = move |nth: u32| {
            let (sim, here, peer) = network(u64::from(nth), &script);
            sim.at(Duration::from_micros(500) * (nth % 32), move |sim| wrong(sim, here, peer));
            sim
        };
        super::threads::Case::new(name, sends(pressure, chunk, 2 * chunk as u64))
            .check(move |check| check.network(with_faults(checked.clone(), faults)))
            .build(move |builder, nth| builder.network(network(nth)))
    };
    let (reads, stops) = (|| Script::new().read_to_end(), Script::new().read(1).until(&Cue::new()));
    let (reset, cut) = (Faults { resets: 1, ..Faults::NONE }, Faults { cuts: 1, ..Faults::NONE });
    vec![
        case("slow_down as published, reset", Pressure::AsPublished, reset, reads(), SimNetwork::reset),
        case("slow_down repaired, reset", Pressure::Repaired, reset, reads(), SimNetwork::reset),
        case("slow_down repaired, cut off", Pressure::Repaired, cut, reads(), SimNetwork::partition),
        case("slow_down, a peer that stops reading", Pressure::Repaired, Faults::NONE, stops, |_, _, _| ()),
    ]
}

/// Two chunks of two bytes, on a network on which what is on its way may stand still for as long as it likes.
#[cfg(test)]
pub(crate) fn stalled() -> super::threads::Case {
    let stalls = Faults { stalls: 1, ..Faults::NONE };
    super::threads::Case::new("slow_down repaired, stalled", sends(Pressure::Repaired, 2, 2))
        .check(move |check| check.network(with_faults(Script::new().read_to_end(), stalls)))
}

#[test]
fn as_published_it_hangs_when_the_connection_is_reset_while_throttled() {
    let resets = || on(Faults { resets: 1, ..Faults::NONE });
    // Somewhere the last message is out before the reset, and only the pressure is left.
    let failure = crate::fails(resets(), program(Pressure::AsPublished));
    let Fault::UnmatchedApply(root) = &failure.fault else { panic!("{failure}") };
    assert!(is_culprit(root), "{failure}");
    // And elsewhere the sender waits.
    let failure = crate::fails(resets().allow_unmatched_apply(true), program(Pressure::AsPublished));
    let Fault::Deadlock(report) = &failure.fault else { panic!("{failure}") };
    assert!(matches!(&report.roots[..], [root] if is_culprit(root)), "{failure}");
    assert_eq!(report.muted.iter().map(|muted| muted.name.to_string()).collect::<Vec<_>>(), ["Sender"]);
    let events = failure.events.join("\n");
    assert_eq!(events.matches("FAULT, reset, here:49152 to peer:7669").count(), 1, "{failure}");
}

#[test]
fn as_published_it_hangs_too_when_the_connection_may_stall_as_well() {
    let check = || on(Faults { stalls: 1, resets: 1, ..Faults::NONE }).allow_unmatched_apply(true);
    let failure = crate::fails(check(), program(Pressure::AsPublished));
    let Fault::Deadlock(report) = &failure.fault else { panic!("{failure}") };
    assert!(matches!(&report.roots[..], [root] if is_culprit(root)), "{failure}");
    assert_eq!(failure.events.join("\n").matches("FAULT, ").count(), 1, "one fault is enough: {failure}");
}

/// The apply in `throttled`.
fn is_culprit(root: &Root) -> bool {
    let place = matches!(root.causes[..], [Cause::Applied(place)] if place.file().ends_with("slow_down/program.rs"));
    &*root.name == "connection" && place
}

/// The fault is in what it does after a reset: a peer that is only slow does not show it.
#[test]
fn as_published_it_ends_well_where_nothing_is_reset() {
    crate::passes_in_environment(on(Faults::NONE), program(Pressure::AsPublished));
}

#[test]
fn repaired_it_ends_well_whatever_the_network_does() {
    let explored = crate::passes_in_environment(on(Faults { resets: 1, ..Faults::NONE }), program(Pressure::Repaired));
    assert!(explored.runs > 1_000, "a reset can come at any moment: {explored}");
    crate::passes_in_environment(on(Faults { refusals: 1, ..Faults::NONE }), program(Pressure::Repaired));
    // One chunk is enough where a write can be short; where something stands still the whole is explored below.
    let one = || sends(Pressure::Repaired, 2, 2);
    crate::passes_in_environment(on(Faults { stalls: 1, resets: 1, ..Faults::NONE }), one());
    crate::passes_in_environment(on(Faults { short_writes: 1, resets: 1, ..Faults::NONE }), one());
    // The sender is freed when the connection has waited long enough: 924 s, which take no time here.
    crate::passes_in_environment(on(Faults { cuts: 1, ..Faults::NONE }), sends(Pressure::Repaired, 3, 3));
}

/// In all of its 440,907 schedules: half a minute.
#[test]
fn repaired_it_ends_well_on_a_network_that_may_stall_and_reset() {
    let check = on(Faults { stalls: 1, resets: 1, ..Faults::NONE });
    let verdict = check.run(program(Pressure::Repaired));
    let Verdict::Complete(explored) = &verdict else { panic!("{verdict}") };
    assert!(explored.redundant * 50 < explored.runs, "{explored}");
}

/// Neither version has a deadline: a peer that is there and never reads again holds the sender for ever.
#[test]
fn a_peer_that_never_reads_again_holds_the_sender_for_ever() {
    let check = against(Script::new().read(1).until(&Cue::new()), Faults::NONE);
    let failure = crate::fails(check.allow_unmatched_apply(true), sends(Pressure::Repaired, 3, 6));
    let Fault::Deadlock(report) = &failure.fault else { panic!("{failure}") };
    assert!(matches!(&report.roots[..], [root] if is_culprit(root)), "{failure}");
}
