//! The standard streams on threads of their own: pressure while nobody reads, everything written by the end, and a
//! reader that goes away.

mod common;

use backwater::{Output, WhyNotRunning};
use common::{Act, Notes, act, ms, run, virtual_time};
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What was written. A write waits until the gate is opened, by dropping its other end.
struct Gated {
    written: Arc<Mutex<Vec<u8>>>,
    gate: Receiver<()>,
}

impl Write for Gated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let opened = self.gate.recv_timeout(Duration::from_secs(60));
        assert_eq!(opened, Err(mpsc::RecvTimeoutError::Disconnected), "it is opened long before");
        // In pieces, as a pipe takes them.
        let some = &bytes[..bytes.len().min(700)];
        self.written.lock().unwrap().extend_from_slice(some);
        Ok(some.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn line(n: u64) -> String {
    format!("{n:>999}\n")
}

/// Prints lines of a thousand bytes, one a behaviour.
fn printer(out: backwater::Addr<Output>, last: u64) -> Act {
    act(move |n, cx| {
        out.tell(line(n).into(), cx);
        if n < last {
            cx.tell_self(n + 1);
        }
    })
}

/// The writer stands still, so 64 KiB wait, and the printer with them; an actor sees it, and opens the gate.
#[test]
fn a_full_pipe_holds_back_who_prints_and_everything_is_written_by_the_end() {
    let (open, gate) = mpsc::channel();
    let written: Arc<Mutex<Vec<u8>>> = Arc::default();
    let out = Gated { written: written.clone(), gate };
    let said = Notes::new();
    let notes = said.clone();
    let ran = run(virtual_time().out_on_thread(out), |env| {
        let printer = env.spawn(printer(env.out.clone(), 500));
        printer.tell(1, env);
        let mut open = Some(open);
        env.spawn(act(move |n, cx| match n {
            0 => drop(cx.after(ms(1), 1)),
            _ => {
                let lines = cx.stats_of(&printer).unwrap().sent / 2;
                notes.add((cx.why_not_running(&printer), lines, open.take().is_some()));
            }
        }))
        .tell(0, env);
    });
    ran.well();
    let (why, lines, _) = said.take().remove(0);
    assert_eq!(why, WhyNotRunning::Muted { by: vec!["out#1".to_owned()], waiting: 1 });
    // The thread may hold one line in its hand; a behaviour that began before the pressure adds one.
    assert!((66..=68).contains(&lines), "{lines} lines of 1,000 bytes fill 64 KiB");
    let expected: String = (1..=500).map(line).collect();
    assert!(written.lock().unwrap()[..] == *expected.as_bytes(), "everything, in order, before the run was over");
}

/// Takes one write, then says that nobody reads any more.
struct Broken(Notes<usize>);

impl Write for Broken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.add(bytes.len());
        let first = self.0.len() == 1;
        if first { Ok(bytes.len()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A megabyte goes to a reader that leaves after the first line: nobody waits for ever, and nothing is written twice.
#[test]
fn a_reader_that_goes_away_ends_the_pressure_and_not_the_run() {
    for on_thread in [true, false] {
        let writes = Notes::new();
        let to = Broken(writes.clone());
        let builder = virtual_time();
        let builder = if on_thread { builder.err_on_thread(to) } else { builder.err(to) };
        let ran = run(builder, |env| env.spawn(printer(env.err.clone(), 1_000)).tell(1, env));
        assert_eq!(ran.well().stats.totals.handled, 2_000, "the printer's and the stream's: none is stuck");
        assert_eq!(writes.len(), 2, "after an error nothing is written");
    }
}

/// The run is ended by an actor in the same behaviour that prints last.
#[test]
fn what_the_stream_was_sent_and_handled_is_written_though_the_run_is_stopped() {
    let (open, gate) = mpsc::channel();
    let written: Arc<Mutex<Vec<u8>>> = Arc::default();
    drop(open);
    let ran = run(virtual_time().out_on_thread(Gated { written: written.clone(), gate }), |env| {
        env.print("first\n");
        let out = env.out.clone();
        env.spawn(act(move |_, cx| {
            out.tell("too late\n".into(), cx);
            cx.shutdown();
        }))
        .tell(0, env);
    });
    assert_eq!(ran.well().stats.queued, 1, "what waits in a mailbox is left there and counted");
    assert_eq!(*written.lock().unwrap(), b"first\n");
}
