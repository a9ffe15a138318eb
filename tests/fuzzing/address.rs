//! Addresses as a program reads them from its settings: whatever the text, the connection is told once what became of it,
//! and a text that is refused is in the answer. On a simulated network, so nothing is looked up outside.

use backwater::net::sim::{Script, SimNetwork};
use backwater::net::{NetError, TcpConnection, TcpNotify, TcpSocket};
use backwater::{Context, Runtime, TcpConnectAuth};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

type Told = Arc<Mutex<Vec<Result<(), String>>>>;

struct Notifier(Told);

impl TcpNotify for Notifier {
    fn connected(&mut self, conn: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        self.0.lock().unwrap().push(Ok(()));
        conn.close();
    }

    fn connect_failed(&mut self, _: &mut TcpSocket, why: NetError, _: &mut Context<'_, TcpConnection>) {
        self.0.lock().unwrap().push(Err(why.to_string()));
    }

    fn closed(&mut self, _: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {}
}

/// Is there somebody at this address? Port 7 of `there` alone, by its name and its two addresses.
fn is_there(text: &str) -> bool {
    let by_name = text.strip_prefix("there:").and_then(|port| port.parse::<u16>().ok()) == Some(7);
    by_name || text.parse::<SocketAddr>().is_ok_and(|at| at.ip().to_string() == "10.0.0.2" && at.port() == 7)
}

pub(crate) fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let sim = SimNetwork::new(0);
    sim.host("here", "10.0.0.1");
    let there = sim.host("there", "10.0.0.2");
    sim.listen(there, 7, Script::new().read_to_end()).expect("nobody else listens there");
    let told = Told::default();
    let end = Runtime::builder().network(sim).virtual_time().run(|env| {
        let auth = TcpConnectAuth::from(&env.root);
        TcpConnection::connect(&auth, &text, Notifier(told.clone())).spawn(env);
    });
    end.unwrap_or_else(|why| panic!("{text:?}: {why}"));
    let told = std::mem::take(&mut *told.lock().unwrap());
    let [answer] = &told[..] else { panic!("{text:?}: it is told once, and not {told:?}") };
    assert_eq!(answer.is_ok(), is_there(&text), "{text:?}: {answer:?}");
    let refused = answer.as_ref().err().filter(|why| why.contains("is no address"));
    assert!(refused.is_none_or(|why| why.contains(&text)), "{text:?}: {answer:?}");
}
