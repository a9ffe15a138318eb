//! The command line: what was asked for, checked, with each workload's defaults filled in.
//! A `Cfg` that leaves this module can be run by its peer; no peer checks it again.

use backwater_peers::{Peer, Workload, name_of};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

const MAX_N: u64 = 1_000_000_000_000;
const MAX_SPAWN: u64 = 100_000_000;
const MAX_S: u64 = 10_000_000;
const MAX_CAP: u64 = 1_000_000;
const MAX_WORK: u64 = 1_000_000_000;
const MAX_THREADS: u64 = 1024;
const MAX_OS_THREADS: usize = 10_000;

/// Runs one workload over one peer and prints one line of JSON.
#[derive(Parser)]
#[command(name = "backwater-peers", version)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Cli {
    #[command(subcommand)]
    pub tool: Option<Tool>,
    #[command(flatten)]
    run: Option<Run>,
}

#[derive(Subcommand)]
pub enum Tool {
    /// Prints what this machine's primitives cost, in nanoseconds
    Limits {
        /// Only those whose name contains this text
        filter: Option<String>,
    },
    /// Calibrates the work loop: the time of 133 and of 665 steps
    Spin,
}

#[derive(Args, Clone)]
struct Run {
    /// The system to be measured
    peer: Peer,
    /// What its actors do
    workload: Workload,
    /// Worker threads (crossbeam-threads has one per actor and ignores it)
    #[arg(long, default_value_t = 2, allow_negative_numbers = true, value_parser = whole::<1, MAX_THREADS>)]
    threads: u64,
    /// Messages in all; round trips for pingpong, actors for spawn
    #[arg(long, allow_negative_numbers = true, value_parser = whole::<1, MAX_N>)]
    n: Option<u64>,
    /// Actors; senders for fanin
    #[arg(long, allow_negative_numbers = true, value_parser = whole::<1, MAX_S>)]
    s: Option<u64>,
    /// Tokens for ring, initial messages per actor for ubench, messages per behaviour of a sender
    /// for fanin and pipe; floor's pingpong: 1 both actors on one worker, 2 one on each
    #[arg(long, allow_negative_numbers = true, value_parser = whole::<1, MAX_CAP>)]
    b: Option<u64>,
    /// Steps of the work loop per message of fanin and pipe (133 are about 200 ns at 4 GHz)
    #[arg(long, allow_negative_numbers = true, value_parser = whole::<0, MAX_WORK>)]
    work: Option<u64>,
    /// Seconds measured by ubench
    #[arg(long, default_value_t = 10.0, allow_negative_numbers = true, value_parser = seconds)]
    secs: f64,
    /// Capacity of a mailbox, 0 for unbounded [default: 1024, kameo 64; spawn 1, kameo 64; ubench
    /// at least --s times --b]
    #[arg(long, allow_negative_numbers = true, value_parser = whole::<0, MAX_CAP>)]
    cap: Option<u64>,
}

/// A whole number from `MIN` to `MAX`.
fn whole<const MIN: u64, const MAX: u64>(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(x) if (MIN..=MAX).contains(&x) => Ok(x),
        _ => Err(format!("give a whole number from {MIN} to {MAX}")),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(secs) if (0.01..=3600.0).contains(&secs) => Ok(secs),
        Ok(_) => Err("give a number of seconds from 0.01 to 3600".to_owned()),
        Err(e) => Err(format!("{e}; give a number of seconds such as 2.5")),
    }
}

/// One run. Every workload reads only the fields that it needs.
#[derive(Clone, Copy, Debug)]
pub struct Cfg {
    pub peer: Peer,
    pub workload: Workload,
    /// worker threads of the runtime
    pub threads: usize,
    /// messages, round trips, hops or actors
    pub n: u64,
    /// actors or senders
    pub s: usize,
    /// tokens, initial messages or messages per behaviour
    pub b: u64,
    /// steps of `spin` per received message
    pub work: u32,
    /// measured seconds
    pub secs: f64,
    /// capacity of a mailbox, 0 = unbounded
    pub cap: usize,
}

impl Cfg {
    /// The messages that a run is paid for.
    pub fn messages(&self) -> u64 {
        match self.workload {
            Workload::Pingpong => 2 * self.n,
            _ => self.n,
        }
    }

    /// `pingpong` is a ring of two.
    pub fn ring_size(&self) -> usize {
        match self.workload {
            Workload::Pingpong => 2,
            _ => self.s,
        }
    }

    pub fn tokens(&self) -> u64 {
        match self.workload {
            Workload::Pingpong => 1,
            _ => self.b,
        }
    }

    /// How many hops each token of a ring makes.
    pub fn hops(&self) -> u64 {
        self.messages() / self.tokens()
    }

    /// The actors of a ring at which a token starts: spread evenly.
    pub fn token_starts(&self) -> impl Iterator<Item = usize> + use<> {
        let (s, tokens) = (self.ring_size(), self.tokens() as usize);
        (0..tokens).map(move |i| i * s / tokens)
    }

    /// How many messages each sender of `fanin` sends.
    pub fn quota(&self) -> u64 {
        self.n / self.s as u64
    }
}

impl Cli {
    /// The run that was asked for; on nonsense prints what to do instead and leaves with 2.
    pub fn run_or_exit(self) -> Cfg {
        let run = self
            .run
            .ok_or_else(|| "name a peer and a workload".to_owned());
        run.and_then(resolve).unwrap_or_else(|message| {
            Cli::command()
                .error(ErrorKind::ValueValidation, message)
                .exit()
        })
    }
}

/// n, s, b and work where the command line says nothing.
fn defaults(workload: Workload) -> (u64, u64, u64, u64) {
    match workload {
        Workload::Pingpong => (5_000_000, 2, 1, 0),
        Workload::Ring => (5_000_000, 1000, 1, 0),
        Workload::Fanin => (20_000_000, 8, 1, 133),
        Workload::Ubench => (1, 100, 5, 0),
        Workload::Pipe => (3_000_000, 1, 1, 665),
        Workload::Spawn => (1_000_000, 1, 1, 0),
    }
}

/// Room for every message under way; where that is one, as in `spawn`, no peer is made to pay for
/// more (kameo keeps its own default of 64).
fn default_cap(run: &Run, under_way: u64) -> u64 {
    match (run.workload, run.peer) {
        (Workload::Spawn, peer) if peer != Peer::Kameo => 1,
        (Workload::Ubench, _) => under_way.max(1024),
        (_, Peer::Kameo) => 64,
        _ => 1024,
    }
}

fn resolve(run: Run) -> Result<Cfg, String> {
    let (n, s, b, work) = defaults(run.workload);
    let (s, b) = (run.s.unwrap_or(s), run.b.unwrap_or(b));
    let cap = run.cap.unwrap_or_else(|| default_cap(&run, s * b));
    let cfg = Cfg {
        peer: run.peer,
        workload: run.workload,
        threads: run.threads as usize,
        n: run.n.unwrap_or(n),
        s: s as usize,
        b,
        work: run.work.unwrap_or(work) as u32,
        secs: run.secs,
        cap: cap as usize,
    };
    check_peer(&cfg)?;
    check_workload(&cfg)?;
    Ok(whole_shares(cfg))
}

fn check_peer(c: &Cfg) -> Result<(), String> {
    let (peer, workload) = (name_of(c.peer), name_of(c.workload));
    if let Some(why) = c.peer.refuses(c.workload) {
        return Err(format!("{peer} does not run {workload}: {why}"));
    }
    match c.peer {
        Peer::Floor if c.threads > 2 => {
            Err("floor has one worker or two: give --threads 1 or 2".to_owned())
        }
        Peer::CrossbeamThreads if c.s > MAX_OS_THREADS => Err(format!(
            "crossbeam-threads starts an OS thread per actor: give --s up to {MAX_OS_THREADS}"
        )),
        Peer::Tokio if c.cap == 0 => Err(
            "tokio is the bounded channel: give --cap 1 or more, or take tokio-unbounded"
                .to_owned(),
        ),
        _ => Ok(()),
    }
}

fn check_workload(c: &Cfg) -> Result<(), String> {
    let split = c.peer == Peer::Floor && c.threads == 2 && c.b == 2;
    match c.workload {
        Workload::Pingpong if c.s != 2 => Err("pingpong has two actors: leave out --s".to_owned()),
        Workload::Pingpong if c.b != 1 && !split => Err(
            "pingpong has one message under way: leave out --b (floor --threads 2 alone takes --b 2)"
                .to_owned(),
        ),
        Workload::Ring if c.b > c.s as u64 => {
            Err("ring has at most one token per actor: give --b up to --s".to_owned())
        }
        Workload::Ring if c.n < c.b => {
            Err("ring needs a hop per token: give --n of --b or more".to_owned())
        }
        Workload::Fanin if c.n < c.s as u64 => {
            Err("fanin needs a message per sender: give --n of --s or more".to_owned())
        }
        // An actor that waits for room in its own full mailbox waits for ever.
        Workload::Ubench if c.cap != 0 && (c.cap as u64) < c.s as u64 * c.b => Err(format!(
            "ubench deadlocks once a mailbox is full: give --cap 0, or {} or more (--s times --b)",
            c.s as u64 * c.b
        )),
        Workload::Pipe if c.s != 1 => Err("pipe has one source: leave out --s".to_owned()),
        Workload::Spawn if c.n > MAX_SPAWN => {
            Err(format!("spawn holds its actors: give --n up to {MAX_SPAWN}"))
        }
        _ => Ok(()),
    }
}

/// Rounds `n` down so that every token or sender has the same whole share of it.
fn whole_shares(mut c: Cfg) -> Cfg {
    c.n -= match c.workload {
        Workload::Ring => c.n % c.b,
        Workload::Fanin => c.n % c.s as u64,
        _ => 0,
    };
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cfg, String> {
        let cli = Cli::try_parse_from(line.split(' ')).map_err(|e| e.to_string())?;
        resolve(cli.run.expect("a run"))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn defaults_depend_on_the_workload_and_the_peer() {
        let c = parse("x kameo fanin").unwrap();
        assert_eq!((c.n, c.s, c.b, c.work), (20_000_000, 8, 1, 133));
        assert_eq!((c.threads, c.cap), (2, 64));
        assert_eq!(parse("x floor fanin").unwrap().cap, 1024);
        assert_eq!(parse("x kameo ubench --b 50").unwrap().cap, 5000);
        assert_eq!(parse("x kanal-tokio spawn").unwrap().cap, 1);
    }

    #[test]
    fn shares_are_whole() {
        assert_eq!(parse("x floor fanin --n 1001 --s 10").unwrap().n, 1000);
        assert_eq!(parse("x floor ring --n 1001 --b 100").unwrap().hops(), 10);
        assert_eq!(parse("x floor pingpong --n 5").unwrap().hops(), 10);
    }

    #[test]
    fn tokens_start_apart() {
        let c = parse("x floor ring --s 10 --b 4").unwrap();
        assert_eq!(c.token_starts().collect::<Vec<_>>(), [0, 2, 5, 7]);
    }

    #[test]
    fn nonsense_is_refused_with_a_remedy() {
        for (line, remedy) in [
            ("x nobody ring", "possible values: floor"),
            ("x floor nothing", "possible values: pingpong"),
            (
                "x floor ring --n many",
                "a whole number from 1 to 1000000000000",
            ),
            ("x floor ring --n -3", "a whole number from 1 to"),
            ("x floor fanin --work 1.5", "a whole number from 0 to"),
            ("x floor ring --n 0", "a whole number from 1 to"),
            ("x floor ubench --secs long", "such as 2.5"),
            ("x floor ubench --secs inf", "from 0.01 to 3600"),
            ("x floor ring --wat 3", "unexpected argument"),
            ("x floor ring --n", "value is required"),
            ("x floor spawn", "pingpong, ring, fanin and ubench"),
            ("x floor ring --threads 3", "--threads 1 or 2"),
            ("x floor pingpong --b 2 --threads 1", "leave out --b"),
            ("x tokio ring --cap 0", "tokio-unbounded"),
            ("x tokio ring --s 3 --b 4", "up to --s"),
            ("x tokio ring --n 3 --b 4", "--n of --b"),
            ("x tokio fanin --n 3 --s 4", "--n of --s"),
            ("x kameo ubench --cap 64", "--cap 0, or 500 or more"),
            ("x tokio pipe --s 3", "leave out --s"),
            ("x tokio pingpong --s 3", "leave out --s"),
            ("x tokio spawn --n 200000000", "up to 100000000"),
            ("x crossbeam-threads spawn", "light"),
            ("x crossbeam-threads ring --s 10001", "up to 10000"),
        ] {
            let message = parse(line).expect_err(line);
            assert!(message.contains(remedy), "{line}: {message}");
        }
    }
}
