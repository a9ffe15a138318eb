//! The environment itself: what the network and the clock may do is explored like what the actors do, and no more than
//! that. Here the reduced search is held against the naive one, and the orders that time allows against those by hand.

use backwater::net::sim::{Faults, Link, Peer, Script, SimNetwork};
use backwater::net::{NetError, Tcp, TcpConnection, TcpNotify, TcpSocket};
use backwater::{Actor, Addr, Check, Context, Env, Fault, Stats, TcpConnectAuth, Verdict};
use std::collections::BTreeSet;
use std::mem;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a run came to, written down as it goes.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

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

/// A program with one connection to a peer that goes by a script; what each run came to, and the verdict.
fn ends(check: Check, script: &Script, faults: Faults, messages: &[&str]) -> (BTreeSet<String>, Verdict) {
    let (notes, peer): (Notes, Arc<Mutex<Option<Peer>>>) = Default::default();
    let reached: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let network = {
        let (script, peer) = (script.clone(), peer.clone());
        move || {
            let sim = SimNetwork::new(0);
            sim.host("here", "10.0.0.1");
            let there = sim.host("there", "10.0.0.2");
            sim.buffers(there, 2, 2);
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
    let verdict = check.run(|env| {
        notes.0.lock().unwrap().clear();
        let to = TcpConnection::connect(&TcpConnectAuth::from(&env.root), "there:7", Ear(notes.clone()));
        let conn = to.send_buffer(2).spawn(env);
        messages.iter().for_each(|message| conn.tell(Tcp::Write(message.as_bytes().to_vec()), env));
        conn.tell(Tcp::Close, env);
    });
    let reached = mem::take(&mut *reached.lock().unwrap());
    (reached, verdict)
}

/// Every order of every two steps, and one order of those that do not meet, come to the same ends.
#[test]
fn the_reduced_search_sees_every_end_that_the_naive_one_sees() {
    let none = Faults::NONE;
    let cases = [
        (Script::new(), none, vec![]),
        (Script::new().read(1), none, vec!["a"]),
        (Script::new().reset(), none, vec!["a"]),
        (Script::new(), Faults { resets: 1, ..none }, vec![]),
        (Script::new(), Faults { refusals: 1, ..none }, vec!["a"]),
        (Script::new().write("ab").shut(), Faults { short_reads: 1, ..none }, vec![]),
    ];
    for (script, faults, messages) in cases {
        let (naive, all) = ends(Check::new().naive().max_runs(200_000), &script, faults, &messages);
        let (reduced, some) = ends(Check::new(), &script, faults, &messages);
        eprintln!("{script:?} {faults:?} {messages:?}: {} of {}\n {all}\n {some}", reduced.len(), naive.len());
        for end in naive.difference(&reduced) { eprintln!("   MISSED {end}"); }
        for end in reduced.difference(&naive) { eprintln!("   EXTRA {end}"); }
    }
}
