//! A sink that only a timer can free: it applies backpressure when its connection closes, and releases it when a
//! reconnect, tried when a timer fires, succeeds.
//!
//! Under Pony's rules this hangs for ever. The timer is an actor there, an ordinary sender: its first `reconnect` goes to
//! a sink under pressure, so it is muted (R2), and the timer that would try again never fires. It happened in production,
//! in a stream processor, when the peer of a sink closed. Here a tick comes from the runtime, and what the runtime
//! delivers mutes nobody (R7).
//!
//! `--ponys-rules` puts the timer back into an actor that forwards its ticks. The run then ends at once, with a report
//! that names the line to blame. Time is virtual: the run takes no longer than its work and is the same each time.

use backwater::report::{Chart, wait_for_dot};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Env, Output, RunError, Runtime, Summary,
};
use clap::Parser;
use std::process::ExitCode;
use std::time::Duration;

/// A sink that applies backpressure on close and can only be released by a timer's reconnect.
#[derive(Parser, Clone, Debug)]
#[command(after_help = "Exit code: 0 when all data arrived, 1 when the run ended in a deadlock (as it does with \
                        --ponys-rules and two attempts or more), 2 on a bad option.")]
pub(crate) struct Options {
    /// Actors that send data to the sink
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sources: u32,
    /// Pieces of data that each source sends
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    messages: u32,
    /// The attempt to reconnect that succeeds; with 1 even Pony's rules end well
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    attempts: u32,
    /// Time between two attempts, in milliseconds of virtual time
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    delay: u64,
    /// Let an ordinary actor forward the timer's ticks, as Pony's timers do
    #[arg(long)]
    ponys_rules: bool,
    /// Print the run as a sequence chart
    #[arg(long)]
    chart: bool,
    /// Print a deadlock as a graph for Graphviz too
    #[arg(long)]
    dot: bool,
}

#[derive(Debug)]
enum Wire {
    Data(u32),
    /// The peer has closed the connection.
    Closed,
    Reconnect,
}

/// Writes data to a connection while there is one.
struct Sink {
    out: Addr<Output>,
    auth: ApplyReleaseBackpressureAuth,
    options: Options,
    connected: bool,
    /// Present under Pony's rules: what sends the reconnects.
    alarm: Option<Addr<Ring>>,
    attempt: u32,
    /// What came while there was no connection.
    kept: Vec<u32>,
    written: u64,
}

impl Actor for Sink {
    type Msg = Wire;

    fn receive(&mut self, msg: Wire, cx: &mut Context<'_, Self>) {
        match msg {
            Wire::Data(piece) if self.connected => self.write(piece),
            Wire::Data(piece) => self.kept.push(piece),
            Wire::Closed => self.closed(cx),
            Wire::Reconnect if self.connected => {}
            Wire::Reconnect => self.reconnect(cx),
        }
    }
}

impl Sink {
    fn write(&mut self, _piece: u32) {
        self.written += 1;
    }

    fn closed(&mut self, cx: &mut Context<'_, Self>) {
        self.connected = false;
        if self.options.ponys_rules {
            let delay = Duration::from_millis(self.options.delay);
            self.alarm = Some(cx.spawn(Alarm { to: cx.me(), delay }));
        }
        Backpressure::apply(&self.auth, cx);
        self.say("the peer closed: under pressure until a reconnect succeeds", cx);
        self.set_alarm(cx);
    }

    /// Wants a `Reconnect` after the delay.
    fn set_alarm(&mut self, cx: &mut Context<'_, Self>) {
        match &self.alarm {
            None => drop(cx.after(Duration::from_millis(self.options.delay), Wire::Reconnect)),
            // Once the alarm is muted this waits in a mailbox that nobody runs.
            Some(alarm) => alarm.tell(Ring::Set, cx),
        }
    }

    fn reconnect(&mut self, cx: &mut Context<'_, Self>) {
        self.attempt += 1;
        if self.attempt < self.options.attempts {
            self.say(&format!("attempt {} failed", self.attempt), cx);
            return self.set_alarm(cx);
        }
        self.connected = true;
        let kept = std::mem::take(&mut self.kept);
        kept.into_iter().for_each(|piece| self.write(piece));
        Backpressure::release(&self.auth, cx);
        self.say(&format!("attempt {} succeeded: pressure released", self.attempt), cx);
    }

    fn say(&self, what: &str, cx: &mut Context<'_, Self>) {
        let line = format!("{:>8.1?}  {what}\n", cx.now());
        self.out.tell(line.into(), cx);
    }
}

impl Drop for Sink {
    /// The run is over.
    fn drop(&mut self) {
        println!("the sink wrote {} pieces and kept {}", self.written, self.kept.len());
    }
}

/// Pony's timer: an actor that sends `Reconnect` when the time has come, like any other sender.
struct Alarm {
    to: Addr<Wire>,
    delay: Duration,
}

#[derive(Debug)]
enum Ring {
    Set,
    Tick,
}

impl Actor for Alarm {
    type Msg = Ring;

    fn receive(&mut self, msg: Ring, cx: &mut Context<'_, Self>) {
        match msg {
            Ring::Set => drop(cx.after(self.delay, Ring::Tick)),
            Ring::Tick => self.to.tell(Wire::Reconnect, cx),
        }
    }
}

/// Sends a piece of data in each behaviour until all are sent.
struct Source {
    to: Addr<Wire>,
    next: u32,
    end: u32,
}

#[derive(Debug)]
struct Go;

impl Actor for Source {
    type Msg = Go;

    fn receive(&mut self, Go: Go, cx: &mut Context<'_, Self>) {
        self.to.tell(Wire::Data(self.next), cx);
        self.next += 1;
        if self.next < self.end {
            cx.me().tell(Go, cx);
        }
    }
}

pub(crate) fn set_up(options: &Options, env: &mut Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let (out, options) = (env.out.clone(), options.clone());
    let (sources, end) = (options.sources, options.messages);
    let sink = Sink { out, auth, options, connected: true, alarm: None, attempt: 0, kept: vec![], written: 0 };
    let sink = env.spawn(sink);
    sink.tell(Wire::Closed, env);
    for _ in 0..sources {
        env.spawn(Source { to: sink.clone(), next: 0, end }).tell(Go, env);
    }
}

fn run(options: &Options, chart: Option<Chart>) -> Result<Summary, RunError> {
    let mut builder = Runtime::builder().virtual_time();
    if let Some(chart) = chart {
        builder = builder.observer(chart);
    }
    builder.run(|env| set_up(options, env))
}

fn main() -> ExitCode {
    let options = Options::parse();
    let chart = options.chart.then(Chart::new);
    let result = run(&options, chart.clone());
    if let Some(chart) = chart {
        print!("{chart}");
    }
    match result {
        Ok(summary) => {
            let totals = &summary.stats.totals;
            let (mutes, longest) = (totals.mutes, totals.muted_longest);
            println!("ended well after {:?}: {mutes} mutes, the longest {longest:?}", summary.time);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("timer_reconnect: {error}");
            if let (RunError::Deadlock(report), true) = (&error, options.dot) {
                print!("{}", wait_for_dot(report));
            }
            ExitCode::FAILURE
        }
    }
}
