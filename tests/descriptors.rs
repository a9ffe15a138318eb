//! No more file descriptors. In a process of its own, whose limit is low: the test runs itself again.
#![cfg(all(feature = "net", unix))]

use backwater::net::{Listen, NetError, TcpConnection, TcpListenNotify, TcpListener, TcpNotify, TcpSocket};
use backwater::{Context, Runtime, TcpConnectAuth, TcpListenAuth};
use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Says to the second process that it is the second.
const FEW: &str = "BACKWATER_TEST_FEW_DESCRIPTORS";

/// Runs the test of that name again, in a process that may open 40 files; it has to say `proof`.
fn again(name: &str, proof: &str) {
    let this = std::env::current_exe().unwrap();
    let again = Command::new("sh")
        .args(["-c", "ulimit -n 40 && exec \"$0\" --exact --nocapture \"$1\""])
        .args([this.as_os_str(), name.as_ref()])
        .env(FEW, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout) + String::from_utf8_lossy(&again.stderr);
    assert!(again.status.success() && said.contains(proof), "{said}");
}

fn is_again() -> bool {
    std::env::var_os(FEW).is_some()
}

#[test]
fn a_listener_without_descriptors_pauses_and_accepts_when_there_are_some_again() {
    if is_again() {
        return with_few();
    }
    let name = "a_listener_without_descriptors_pauses_and_accepts_when_there_are_some_again";
    again(name, "accepted after a pause");
}

/// All that are left.
fn hoard() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

/// Without descriptors from the start there is no event loop; later, no socket. Both are said, and the run goes on.
#[test]
fn a_connection_without_descriptors_is_an_error_that_says_what_to_do() {
    if !is_again() {
        return again("a_connection_without_descriptors_is_an_error_that_says_what_to_do", "both were said");
    }
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = said.clone();
    let mut files = hoard();
    let ended = Runtime::builder().virtual_time().run(move |env| {
        let auth = TcpConnectAuth::from(&env.root);
        let fails = Fails { said: heard, auth: auth.clone(), files: std::mem::take(&mut files) };
        TcpConnection::connect(&auth, "127.0.0.1:9", fails).spawn(env);
    });
    ended.unwrap_or_else(|why| panic!("{why}"));
    let said = said.lock().unwrap();
    assert!(said[0].contains("the machine gives no event loop") && said[0].contains("raise the limit"), "{said:?}");
    assert!(said[1].contains("cannot connect to 127.0.0.1:9 (Too many open files"), "{said:?}");
    println!("both were said");
}

/// Gives descriptors back for an event loop, takes them all again, and connects once more.
struct Fails {
    said: Arc<Mutex<Vec<String>>>,
    auth: TcpConnectAuth,
    files: Vec<File>,
}

impl TcpNotify for Fails {
    fn connect_failed(&mut self, _: &mut TcpSocket, why: NetError, cx: &mut Context<'_, TcpConnection>) {
        self.said.lock().unwrap().push(why.to_string());
        if self.said.lock().unwrap().len() == 2 {
            return;
        }
        self.files.clear();
        // Nobody listens at that port; that it fails is enough.
        let opens = TcpConnection::connect(&self.auth, "127.0.0.1:9", Opens(self.said.clone(), self.auth.clone()));
        opens.spawn(cx);
    }
}

/// Is refused, and so has made the event loop.
struct Opens(Arc<Mutex<Vec<String>>>, TcpConnectAuth);

impl TcpNotify for Opens {
    fn connect_failed(&mut self, _: &mut TcpSocket, _: NetError, cx: &mut Context<'_, TcpConnection>) {
        let fails = Fails { said: self.0.clone(), auth: self.1.clone(), files: hoard() };
        TcpConnection::connect(&self.1, "127.0.0.1:9", fails).spawn(cx);
    }
}

struct Closes;
impl TcpNotify for Closes {
    fn accepted(&mut self, conn: &mut TcpSocket, _: &mut Context<'_, TcpConnection>) {
        conn.hard_close();
    }
}

/// Takes all descriptors once a client has connected, and gives them back a second later.
struct Hoards {
    files: Arc<Mutex<Vec<File>>>,
    client: Option<TcpStream>,
}

impl TcpListenNotify for Hoards {
    fn listening(&mut self, at: SocketAddr, cx: &mut Context<'_, TcpListener>) {
        self.client = Some(TcpStream::connect(at).unwrap());
        let mut files = self.files.lock().unwrap();
        files.extend(std::iter::from_fn(|| File::open("/dev/null").ok()));
        assert!((10..40).contains(&files.len()), "the limit is not in force: {} files", files.len());
        let hoard = self.files.clone();
        let give_back = cx.spawn(GivesBack(hoard));
        give_back.tell((), cx);
    }

    fn accept(&mut self, _: SocketAddr, cx: &mut Context<'_, TcpListener>) -> Option<Box<dyn TcpNotify>> {
        assert!(self.files.lock().unwrap().is_empty(), "there was a descriptor after all");
        let handled = cx.stats_of(&cx.me()).unwrap().handled;
        assert!(handled < 30, "{handled} messages in a second of virtual time: it does not pause");
        println!("accepted after a pause of {:?}", cx.now());
        cx.tell_self(Listen::Close);
        Some(Box::new(Closes))
    }
}

struct GivesBack(Arc<Mutex<Vec<File>>>);
impl backwater::Actor for GivesBack {
    type Msg = ();
    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        if cx.now() >= Duration::from_secs(1) {
            self.0.lock().unwrap().clear();
        } else {
            cx.after(Duration::from_secs(1), ());
        }
    }
}

fn with_few() {
    let notify = Hoards { files: Arc::default(), client: None };
    let ended = Runtime::builder().virtual_time().run(|env| {
        TcpListener::listen(&TcpListenAuth::from(&env.root), "127.0.0.1:0", notify).spawn(env);
    });
    ended.unwrap_or_else(|why| panic!("{why}"));
}
