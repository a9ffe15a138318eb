//! The standard streams: output on a thread of its own, with pressure while nobody reads, everything written by the end,
//! and a reader that goes away; input that is read no faster than it is taken.

mod common;

use backwater::{
    Actor, ApplyReleaseBackpressureAuth, Backpressure, Builder, Check, Context, Env, Input, InputEvent, Output,
    PressureGuard, WhyNotRunning,
};
use common::{Act, Notes, act, ms, run, threads, virtual_time};
use std::io::{self, Read, Write};
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
                let lines = cx.stats_of(&printer).unwrap().sent.div_ceil(2);
                notes.add((cx.why_not_running(&printer), lines, open.take().is_some()));
            }
        }))
        .tell(0, env);
    });
    ran.well();
    let (why, lines, _) = said.take().remove(0);
    if why == WhyNotRunning::Idle && threads().is_some() {
        // The stream ran when it was all said.
        assert_eq!(lines, 500);
    } else {
        assert_eq!(why, WhyNotRunning::Muted { by: vec!["out#1".to_owned()], waiting: 1 });
        // The thread may hold one line in its hand; a behaviour that began before the pressure adds one. On a pool the
        // printer may be ahead of the stream, which presses when it comes to what fills it.
        let most = threads().map_or(68, |_| 500);
        assert!((66..=most).contains(&lines), "{lines} lines of 1,000 bytes fill 64 KiB");
    }
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

/// The run is ended by an actor in the same behaviour that prints last. On a pool the stream may be quicker than the end.
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
    let queued = ran.well().stats.queued;
    assert!(queued == 1 || queued == 0 && threads().is_some(), "what waits in a mailbox is left there and counted");
    let expected = if queued == 1 { "first\n" } else { "first\ntoo late\n" };
    assert_eq!(String::from_utf8_lossy(&written.lock().unwrap()), expected);
}

const PIECE: usize = 16 << 10;
const PIECES: usize = 100;

/// Counts the pieces that are read of it.
struct Counted(Notes<()>);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.len() == PIECES {
            return Ok(0);
        }
        self.0.add(());
        buffer[..PIECE].fill(b'.');
        Ok(PIECE)
    }
}

/// Takes a while over each piece of input, and is under pressure meanwhile.
struct Slow {
    auth: ApplyReleaseBackpressureAuth,
    busy: Option<PressureGuard>,
    read: Notes<()>,
    /// How far the reading was ahead of it; with 0 at the end.
    ahead: Notes<usize>,
    taken: usize,
}

#[derive(Debug)]
enum OfSlow {
    Came(InputEvent),
    Done,
}

impl From<InputEvent> for OfSlow {
    fn from(event: InputEvent) -> Self {
        OfSlow::Came(event)
    }
}

impl Actor for Slow {
    type Msg = OfSlow;

    fn receive(&mut self, msg: OfSlow, cx: &mut Context<'_, Self>) {
        match msg {
            OfSlow::Came(InputEvent::Data(data)) => {
                assert_eq!(data, [b'.'; PIECE]);
                self.taken += 1;
                self.busy = Some(Backpressure::hold(&self.auth, cx));
                cx.after(ms(1), OfSlow::Done);
            }
            OfSlow::Came(_) => self.ahead.add(0),
            OfSlow::Done => {
                self.ahead.add(self.read.len() - self.taken);
                self.busy = None;
            }
        }
    }
}

fn slow_reader(env: &mut Env<'_>, read: Notes<()>, ahead: Notes<usize>) {
    let slow = env.spawn(Slow { auth: (&env.root).into(), busy: None, read, ahead, taken: 0 });
    let input = env.input.clone();
    input.tell(Input::Subscribe(slow.narrow()), env);
}

/// Read in the behaviour, it is at most a piece ahead; on a thread, by the four that the thread may read and four that the
/// stream told in one run, before the first of them pressed. On a pool the stream may be ahead of who reads it by all that
/// there is: it is held back from when he says so, and not before.
#[test]
fn input_is_read_no_faster_than_it_is_taken() {
    type Way = fn(Builder, Counted) -> Builder;
    let ways: [(Way, usize); 2] =
        [(|builder, from| builder.input(from), 1), (|builder, from| builder.input_on_thread(from), 8)];
    for (way, most) in ways {
        let (read, ahead) = (Notes::new(), Notes::new());
        let (of_actor, told) = (read.clone(), ahead.clone());
        let ran = run(way(virtual_time(), Counted(read)), move |env| slow_reader(env, of_actor, told));
        ran.well();
        let ahead = ahead.take();
        assert_eq!((ahead.len(), ahead.last()), (PIECES + 1, Some(&0)), "everything came, and then the end");
        let most = threads().map_or(most, |_| PIECES);
        assert!(ahead.iter().all(|ahead| *ahead <= most), "at most {most}, and not {:?}", ahead.iter().max());
    }
}

/// Somebody types three lines, the second while the program is busy with the first.
#[test]
fn scripted_input_comes_at_its_times_and_ends_after_the_last() {
    let heard = Notes::new();
    let notes = heard.clone();
    let script = [(ms(10), "one\n"), (ms(11), "two\n"), (ms(500), "three\n")];
    let ran = run(virtual_time().input_script(script), |env| {
        let prompt = env.spawn(Prompt { auth: (&env.root).into(), busy: None, heard: notes });
        let input = env.input.clone();
        input.tell(Input::Subscribe(prompt.narrow()), env);
    });
    let mutes = ran.well().stats.totals.mutes;
    // On a pool the end may be told before who hears it has come to the last line.
    let least = threads().map_or(2, |_| 1);
    assert!((least..=2).contains(&mutes), "by the first, when it sends the second; and by the last: {mutes}");
    let heard = heard.take();
    let times: Vec<_> = heard.iter().map(|(at, _)| *at).collect();
    // The end stands behind the last line, which the prompt takes its time over; so it is told at once, and held back.
    assert_eq!(times, [ms(10), ms(11), ms(500), ms(500)]);
    let said: Vec<_> = heard.into_iter().map(|(_, event)| event).collect();
    let data = |text: &str| InputEvent::Data(text.into());
    assert_eq!(said, [data("one\n"), data("two\n"), data("three\n"), InputEvent::Closed]);
}

struct Prompt {
    auth: ApplyReleaseBackpressureAuth,
    busy: Option<PressureGuard>,
    heard: Notes<(Duration, InputEvent)>,
}

#[derive(Debug)]
enum OfPrompt {
    Came(InputEvent),
    Done,
}

impl From<InputEvent> for OfPrompt {
    fn from(event: InputEvent) -> Self {
        OfPrompt::Came(event)
    }
}

impl Actor for Prompt {
    type Msg = OfPrompt;

    fn receive(&mut self, msg: OfPrompt, cx: &mut Context<'_, Self>) {
        match msg {
            OfPrompt::Came(event) => {
                self.heard.add((cx.now(), event));
                self.busy = Some(Backpressure::hold(&self.auth, cx));
                cx.after(ms(20), OfPrompt::Done);
            }
            OfPrompt::Done => self.busy = None,
        }
    }
}

/// Under the checker there is no thread that could read, and the end comes at once.
#[test]
fn a_checked_program_reads_the_end_of_its_input() {
    Check::new().assert(|env: &mut Env<'_>| {
        struct Reads;
        impl Actor for Reads {
            type Msg = InputEvent;
            fn receive(&mut self, event: InputEvent, cx: &mut Context<'_, Self>) {
                cx.always("there is nothing to read", event == InputEvent::Closed);
                cx.sometimes("the end is told", true);
            }
        }
        let reads = env.spawn(Reads);
        let input = env.input.clone();
        input.tell(Input::Subscribe(reads), env);
    });
}
