//! No more file descriptors. In a process of its own, whose limit is low: the test runs itself again.
#![cfg(all(feature = "net", unix))]

use backwater::net::{Listen, TcpConnection, TcpListenNotify, TcpListener, TcpNotify, TcpSocket};
use backwater::{Context, Runtime, TcpListenAuth};
use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Says to the second process that it is the second.
const FEW: &str = "BACKWATER_TEST_FEW_DESCRIPTORS";

#[test]
fn a_listener_without_descriptors_pauses_and_accepts_when_there_are_some_again() {
    if std::env::var_os(FEW).is_some() {
        return with_few();
    }
    let name = "a_listener_without_descriptors_pauses_and_accepts_when_there_are_some_again";
    let this = std::env::current_exe().unwrap();
    let again = Command::new("sh")
        .args(["-c", "ulimit -n 40 && exec \"$0\" --exact --nocapture \"$1\""])
        .args([this.as_os_str(), name.as_ref()])
        .env(FEW, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout) + String::from_utf8_lossy(&again.stderr);
    assert!(again.status.success() && said.contains("accepted after a pause"), "{said}");
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
