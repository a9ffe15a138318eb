//! The environment itself: what the network and the clock may do is explored like what the actors do, and no more than
//! that. Here the reduced search is held against the naive one, and the orders that time allows against those by hand.

use backwater::net::sim::{Faults, Host, Link, Peer, Script, SimNetwork};
use backwater::net::{NetError, Tcp, TcpConnection, TcpNotify, TcpSocket};
use backwater::{Check, Context, Env, Failure, Fault, Runtime, Stats, TcpConnectAuth, Verdict};
use std::collections::BTreeSet;
use std::mem;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a run came to, written down as it goes.
#[derive(Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }
}

/// Writes down what it hears.
struct Ear(Notes);

impl TcpNotify for Ear {
    fn connected(&mut self, _: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        self.0.note("connected");
    }
    fn connect_failed(&mut self, _: &mut TcpSocket, why: NetError, _: &mut Context<'_, TcpConnection>) {
        self.0.note(why.to_string());
    }
    fn received(&mut self, _: &mut TcpSocket, data: Vec<u8>, _: &mut Context<'_, TcpConnection>) {
        self.0.note(String::from_utf8(data).unwrap());
    }
    fn throttled(&mut self, _: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        self.0.note("throttled");
    }
    fn unthrottled(&mut self, _: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        self.0.note("unthrottled");
    }
    fn closed(&mut self, conn: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        self.0.note(format!("closed {:?}", conn.error().map(std::io::Error::kind)));
    }
}

/// A network with a host for the program and another; both are given back.
pub(super) fn network(seed: u64) -> (SimNetwork, Host, Host) {
    let sim = SimNetwork::new(seed);
    let here = sim.host("here", "10.0.0.1");
    let there = sim.host("there", "10.0.0.2");
    sim.buffers(there, 2, 2);
    (sim, here, there)
}

/// A program that says these over one connection, and closes it.
pub(super) fn says(notes: Notes, messages: &[&'static str]) -> impl Fn(&mut Env<'_>) + use<> {
    let messages = messages.to_vec();
    move |env| {
        notes.0.lock().unwrap().clear();
        let to = TcpConnection::connect(&TcpConnectAuth::from(&env.root), "there:7", Ear(notes.clone()));
        let conn = to.send_buffer(2).spawn(env);
        messages.iter().for_each(|message| conn.tell(Tcp::Write(message.as_bytes().to_vec()), env));
        conn.tell(Tcp::Close, env);
    }
}

/// What is checked here on threads: what the connection hears, and the orders of ticks and refusals.
#[cfg(test)]
pub(crate) fn on_threads() -> Vec<super::threads::Case> {
    let none = Faults::NONE;
    type Wrong = fn(&SimNetwork, Host, Host);
    let nothing: Wrong = |_, _, _| ();
    let talk = |name, script: Option<Script>, faults, messages: &[&'static str], wrong: Wrong| {
        let (notes, listens) = (Notes::default(), script.clone().unwrap_or_default());
        let checked = move || {
            let (sim, _, there) = network(0);
            sim.listen(there, 7, listens.clone()).unwrap();
            sim.faults(faults);
            sim
        };
        let built = move |nth: u32| {
            let (sim, here, there) = network(u64::from(nth));
            script.iter().for_each(|script| drop(sim.listen(there, 7, script.clone()).unwrap()));
            sim.at(Duration::from_micros(500) * (nth % 16), move |sim| wrong(sim, here, there));
            sim
        };
        let case = super::threads::Case::new(name, says(notes.clone(), messages)).notes(notes.0);
        case.check(move |check| check.network(checked.clone())).build(move |builder, nth| builder.network(built(nth)))
    };
    let mut cases = vec![
        talk("a word that is read", Some(Script::new().read(1)), none, &["a"], nothing),
        talk("a peer that resets", Some(Script::new().reset()), none, &["a"], nothing),
        talk(
            "two bytes to read",
            Some(Script::new().write("ab").shut()),
            Faults { short_reads: 1, ..none },
            &[],
            nothing,
        ),
        talk("a reset", Some(Script::new()), Faults { resets: 1, ..none }, &[], SimNetwork::reset),
        talk("a refusal", None, Faults { refusals: 1, ..none }, &["a"], nothing),
        talk(
            "two bytes there and back",
            Some(Script::new().echo()),
            Faults { short_writes: 1, ..none },
            &["ab"],
            nothing,
        ),
    ];
    for (name, tick) in [("a tick before", 3), ("a tick beside", 4), ("a tick behind a refusal", 5)] {
        let notes = Notes::default();
        let case = super::threads::Case::new(name, calls(notes.clone(), tick)).notes(notes.0);
        cases.push(case.check(|check| check.network(slow)).build(|builder, _| builder.network(slow())));
    }
    let notes = Notes::default();
    let held = |nth: u32| {
        let (sim, here, there) = network(0);
        if nth.is_multiple_of(2) {
            sim.partition(here, there);
            sim.at(Duration::from_millis(8), move |sim| sim.repair(here, there));
        }
        sim
    };
    let stalled = || {
        let (sim, ..) = network(0);
        sim.faults(Faults { stalls: 1, ..Faults::NONE });
        sim
    };
    let case = super::threads::Case::new("a tick that overtakes", calls(notes.clone(), 5)).notes(notes.0);
    cases.push(case.check(move |check| check.network(stalled)).build(move |builder, nth| builder.network(held(nth))));
    cases
}

/// A program with one connection to a peer that goes by a script; what each run came to, and the verdict.
fn ends(check: Check, script: &Script, faults: Faults, messages: &[&'static str]) -> (BTreeSet<String>, Verdict) {
    let (notes, peer): (Notes, Arc<Mutex<Option<Peer>>>) = Default::default();
    let reached: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let network = {
        let (script, peer) = (script.clone(), peer.clone());
        move || {
            let (sim, _, there) = network(0);
            *peer.lock().unwrap() = Some(sim.listen(there, 7, script.clone()).unwrap());
            sim.faults(faults);
            sim
        }
    };
    let each = {
        let (notes, peer, reached) = (notes.clone(), peer.clone(), reached.clone());
        move |stats: &Stats, fault: Option<&Fault>| {
            let notes = mem::take(&mut *notes.0.lock().unwrap());
            let peer = peer.lock().unwrap().take().unwrap();
            let end = (peer.received(), peer.is_done(), peer.error(), stats.totals.mutes, fault.map(Fault::to_string));
            reached.lock().unwrap().insert(format!("{notes:?} {end:?}"));
        }
    };
    let check = check.network(network).each_end(each).check_determinism(false).keep_going(true).shrink(false);
    let verdict = check.run(says(notes, messages));
    let reached = mem::take(&mut *reached.lock().unwrap());
    (reached, verdict)
}

/// Reduction leaves out only what comes to the same: every end that is drawn, or that the search without reduction comes
/// to, it comes to as well.
#[test]
fn the_reduced_search_sees_every_end_that_others_see() {
    let none = Faults::NONE;
    let cases = [
        (Script::new().read(1), none, vec!["a"], 2),
        (Script::new().reset(), none, vec!["a"], 6),
        (Script::new().write("ab").shut(), Faults { short_reads: 1, ..none }, vec![], 2),
        (Script::new(), Faults { resets: 1, ..none }, vec![], 4),
        (Script::new(), Faults { refusals: 1, ..none }, vec!["a"], 8),
        (Script::new().echo(), Faults { short_writes: 1, ..none }, vec!["ab"], 4),
    ];
    for (script, faults, messages, known) in cases {
        let (reduced, verdict) = ends(Check::new(), &script, faults, &messages);
        assert!(matches!(verdict, Verdict::Complete(_)), "{verdict}");
        assert_eq!(reduced.len(), known, "{script:?} {faults:?}: {reduced:#?}");
        for check in [Check::new().random(500), Check::new().pos(500), Check::new().naive().max_runs(500)] {
            let (seen, _) = ends(check, &script, faults, &messages);
            assert!(seen.is_subset(&reduced), "{script:?} {faults:?}: {:#?}", seen.difference(&reduced));
        }
    }
}

/// Of this one there are few enough to see them all without reduction: the accept, the close and the end of `main` meet
/// nothing.
#[test]
fn the_reduced_search_sees_what_the_naive_one_sees_in_all_its_runs() {
    let (naive, all) = ends(Check::new().naive(), &Script::new(), Faults::NONE, &[]);
    let (reduced, few) = ends(Check::new(), &Script::new(), Faults::NONE, &[]);
    assert_eq!(naive, reduced);
    assert!(matches!((&all, &few), (Verdict::Complete(_), Verdict::Complete(_))), "{all}, {few}");
    assert!(few.explored().redundant == 0 && few.explored().runs * 100 < all.explored().runs, "{few} of {all}");
}

/// Nobody listens there; the refusal is on its way back for as long as the call was on its way there.
struct Impatient(Notes, Duration);

impl TcpNotify for Impatient {
    fn connecting(&mut self, _: &mut TcpSocket, _: SocketAddr, cx: &mut Context<'_, TcpConnection>) {
        cx.after(self.1, Tcp::Write(b"tick".to_vec()));
    }
    fn sent(&mut self, _: &mut TcpSocket, data: Vec<u8>, _: &mut Context<'_, TcpConnection>) -> Vec<u8> {
        self.0.note("tick");
        data
    }
    fn connect_failed(&mut self, _: &mut TcpSocket, _: NetError, _: &mut Context<'_, TcpConnection>) {
        self.0.note("refused");
    }
}

/// A program that calls there, and means to say something after so many milliseconds.
fn calls(notes: Notes, tick: u64) -> impl Fn(&mut Env<'_>) {
    move |env| {
        notes.0.lock().unwrap().clear();
        let notify = Impatient(notes.clone(), Duration::from_millis(tick));
        TcpConnection::connect(&TcpConnectAuth::from(&env.root), "there:7", notify).spawn(env);
    }
}

/// A packet takes two milliseconds.
fn slow() -> SimNetwork {
    let (sim, here, there) = network(0);
    sim.link(here, there, Link { latency: Duration::from_millis(2), bandwidth: None });
    sim
}

/// One clock for timers and packets: a refusal that takes 4 ms comes before a tick after 5 ms and after one after 3 ms,
/// in every schedule; with a tick after 4 ms both orders are explored.
#[test]
fn packets_and_timers_come_in_every_order_that_time_allows() {
    let both = [vec!["refused"], vec!["tick", "refused"]];
    for (tick, orders) in [(3, &both[1..]), (4, &both[..]), (5, &both[..1])] {
        let (notes, seen): (Notes, Arc<Mutex<BTreeSet<Vec<String>>>>) = Default::default();
        let (reached, each) = (seen.clone(), notes.clone());
        let note = move |_: &Stats, _: Option<&Fault>| {
            reached.lock().unwrap().insert(mem::take(&mut *each.0.lock().unwrap()));
        };
        let check = Check::new().network(slow).check_determinism(false).each_end(note);
        crate::complete(check, calls(notes, tick));
        let orders: BTreeSet<Vec<String>> =
            orders.iter().map(|order| order.iter().map(|word| (*word).to_owned()).collect()).collect();
        assert_eq!(*seen.lock().unwrap(), orders, "a tick after {tick} ms");
    }
}

/// A stall is the one thing that lets time pass while a packet is due: then the tick may come first.
#[test]
fn a_stall_lets_a_timer_overtake_a_packet() {
    let notes = Notes::default();
    let network = || {
        let sim = SimNetwork::new(0);
        sim.host("here", "10.0.0.1");
        sim.host("there", "10.0.0.2");
        sim.faults(Faults { stalls: 1, ..Faults::NONE });
        sim
    };
    let late = notes.clone();
    let sometimes = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = sometimes.clone();
    let note = move |_: &Stats, _: Option<&Fault>| {
        seen.lock().unwrap().insert(mem::take(&mut *late.0.lock().unwrap()));
    };
    crate::complete(Check::new().network(network).check_determinism(false).each_end(note), calls(notes, 5));
    assert_eq!(sometimes.lock().unwrap().len(), 2, "refused first, and the tick first");
}

/// What the world may do and no simulation knows of, a program says with `choose`: every mode gives answers, a plain run
/// those of its seed.
#[test]
fn every_mode_answers_choices() {
    let asks = |seen: &Mutex<BTreeSet<(usize, usize)>>, env: &mut Env<'_>| {
        let answers = (env.choose(3), env.choose(2));
        seen.lock().unwrap().insert(answers);
    };
    let modes =
        [Check::new(), Check::new().naive(), Check::new().random(200), Check::new().pct(2, 200), Check::new().pos(200)];
    for check in modes {
        let seen = Mutex::default();
        let _ = check.check_determinism(false).run(|env| asks(&seen, env));
        assert_eq!(seen.lock().unwrap().len(), 6);
    }
    let answers = |seed| {
        let seen: Arc<Mutex<BTreeSet<(usize, usize)>>> = Arc::default();
        let shared = seen.clone();
        Runtime::builder().seed(seed).run(move |env| asks(&shared, env)).unwrap();
        seen.lock().unwrap().clone()
    };
    assert!((0..50).all(|seed| answers(seed) == answers(seed)));
    assert_eq!((0..50).flat_map(answers).collect::<BTreeSet<_>>().len(), 6);
}

/// Code outside any actor is nothing that the checker could step through, and a program without a network given has
/// none: each says so, and what to do.
#[test]
fn what_cannot_be_explored_is_refused_with_the_remedy() {
    let said = |failure: Failure| match failure.fault {
        Fault::Panicked { payload, .. } => payload,
        other => panic!("{other}"),
    };
    let inlet = said(crate::fails(Check::new(), |env| {
        let out = env.out.clone();
        drop(env.inlet(&out));
    }));
    assert!(inlet.contains("let an actor stand in for it"), "{inlet}");
    let outlet = said(crate::fails(Check::new(), |env| drop(env.outlet::<u32>(1))));
    assert!(outlet.contains("let an actor stand in for the reader"), "{outlet}");
    let socket = said(crate::fails(Check::new(), |env| {
        TcpConnection::connect(&TcpConnectAuth::from(&env.root), "10.0.0.1:7", Ear(Notes::default())).spawn(env);
    }));
    assert!(socket.contains("Check::network"), "{socket}");
}

/// Whatever becomes of its sockets: what is on its way outside is not known.
#[test]
fn a_program_with_a_network_has_no_states() {
    let made = || {
        let (sim, _, there) = network(0);
        sim.listen(there, 7, Script::new().read(1)).unwrap();
        sim
    };
    let search = || Check::new().states().network(made).run(says(Notes::default(), &["a"]));
    let refused = std::panic::catch_unwind(search);
    let text = *refused.expect_err("it is refused").downcast::<String>().expect("the panic has a text");
    assert!(text.contains("a socket, whose states are not known"), "{text}");
}
