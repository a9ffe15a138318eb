//! Runs as steps of the proved model (`report::Protocol`): what the steps of a small run are, and that a few hundred
//! random programs take every step of `proofs/coq/System.v` that one worker can take.
//!
//! Whether the model allows the steps is for the checker that is extracted from the proofs: with `BACKWATER_TRACES=DIR`
//! set, the traces, and mutants of them that have to be refused, are written there, and `proofs/tie.sh` asks it.

use backwater::report::Protocol;
use backwater::{
    Actor, Addr, AmbientAuth, ApplyReleaseBackpressureAuth, Backpressure, Builder, Context, ControlAuth, Detector,
    OnPanic, PressureGuard, RunError, Runtime, SpawnOptions, Summary,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// Random programs. Enough for every mutant below to find a place.
const PROGRAMS: u64 = 400;

#[allow(dead_code, reason = "the example's main is not called here")]
#[path = "../examples/overload.rs"]
mod overload;
#[allow(dead_code, reason = "the example's main is not called here")]
#[path = "../examples/ring.rs"]
mod ring;
#[allow(dead_code, reason = "the example's main is not called here")]
#[path = "../examples/timer_reconnect.rs"]
mod timer_reconnect;

// --- Random programs ----------------------------------------------------------------------------------------------

#[derive(Debug)]
enum Msg {
    Peers(Vec<Addr<Msg>>),
    /// Do something at random, and send on while there is fuel.
    Work {
        fuel: u8,
    },
    /// A guard travels; it is dropped with the message.
    Carry {
        _guard: PressureGuard,
    },
    /// What a timer brings: ends the pressure.
    Relief,
}

struct Node {
    pressure: ApplyReleaseBackpressureAuth,
    control: ControlAuth,
    peers: Vec<Addr<Msg>>,
    guards: Vec<PressureGuard>,
}

impl Node {
    fn new(root: &AmbientAuth) -> Self {
        let (pressure, control) = (root.into(), root.into());
        Node { pressure, control, peers: Vec::new(), guards: Vec::new() }
    }

    fn act(&mut self, fuel: u8, cx: &mut Context<'_, Self>) {
        let to = self.peers[cx.random_below(self.peers.len() as u64) as usize].clone();
        match cx.random_below(40) {
            0..18 if fuel > 0 => to.tell(Msg::Work { fuel: fuel - 1 }, cx),
            18..20 if fuel > 0 => to.tell_control(Msg::Work { fuel: fuel - 1 }, &self.control, cx),
            20..22 if fuel > 0 => cx.me().tell(Msg::Work { fuel: fuel - 1 }, cx),
            22..25 => {
                Backpressure::apply(&self.pressure, cx);
                if cx.random_below(8) > 0 {
                    cx.after(Duration::from_millis(1), Msg::Relief);
                }
            }
            25..28 => Backpressure::release(&self.pressure, cx),
            28..31 => {
                let guard = Backpressure::hold(&self.pressure, cx);
                self.guards.push(guard);
                cx.after(Duration::from_millis(2), Msg::Relief);
            }
            31..33 => drop(self.guards.pop()),
            33 => {
                let guard = Backpressure::hold(&self.pressure, cx);
                to.tell(Msg::Carry { _guard: guard }, cx);
            }
            34 if fuel > 0 => {
                // Perhaps into the seat of one that has ended.
                let (pressure, control) = (self.pressure.clone(), self.control.clone());
                let node = Node { pressure, control, peers: self.peers.clone(), guards: Vec::new() };
                let child = cx.spawn(node);
                child.tell(Msg::Work { fuel: fuel - 1 }, cx);
                self.peers.push(child);
            }
            35 if cx.random_below(4) == 0 => cx.stop(),
            36 if cx.random_below(4) == 0 => panic!("as the program has it"),
            37.. if fuel > 0 => (0..3).for_each(|_| cx.me().tell(Msg::Work { fuel: 0 }, cx)),
            _ => {}
        }
    }
}

impl Actor for Node {
    type Msg = Msg;

    fn receive(&mut self, msg: Msg, cx: &mut Context<'_, Self>) {
        match msg {
            Msg::Peers(peers) => self.peers = peers,
            Msg::Work { fuel } => (0..=cx.random_below(5)).for_each(|_| self.act(fuel, cx)),
            Msg::Carry { .. } => {}
            Msg::Relief => {
                self.guards.clear();
                Backpressure::release(&self.pressure, cx);
            }
        }
    }
}

/// Actors differ in batch and detector, so that overload begins and ends in every way.
fn options(nth: u64) -> SpawnOptions {
    match nth % 4 {
        0 => SpawnOptions::new().batch(1),
        1 => SpawnOptions::new().batch(2),
        2 => SpawnOptions::new().overload(Detector::Depth { high: 2, low: 0 }),
        _ => SpawnOptions::new(),
    }
}

/// The steps of one random program, and whether it ended with somebody muted.
fn random_run(seed: u64) -> (Vec<String>, bool) {
    let protocol = Protocol::new();
    let builder = Runtime::builder().seed(seed).virtual_time().on_panic(OnPanic::StopActor).check_invariants(true);
    let builder = if seed.is_multiple_of(2) { builder } else { builder.shuffled() };
    let result = builder.observer(protocol.clone()).run(|env| {
        let actors = 2 + seed % 5;
        let nodes: Vec<_> = (0..actors)
            .map(|nth| {
                let node = Node::new(&env.root);
                env.spawn_with(options(seed + nth), node)
            })
            .collect();
        nodes.iter().for_each(|node| node.tell(Msg::Peers(nodes.clone()), env));
        (0..3).for_each(|_| nodes.iter().for_each(|node| node.tell(Msg::Work { fuel: 4 }, env)));
    });
    let deadlock = match result {
        Ok(_) => false,
        Err(RunError::Deadlock(_)) => true,
        Err(other) => panic!("seed {seed}: {other}"),
    };
    (protocol.steps(true), deadlock)
}

// --- Mutants ------------------------------------------------------------------------------------------------------

/// A change of a trace that the checker has to refuse: at which step, counted from 0, and by which rule.
struct Mutant {
    name: &'static str,
    at: usize,
    rule: &'static str,
    steps: Vec<String>,
}

/// A trace in which places for mutants are looked for.
struct Forge<'a> {
    steps: &'a [String],
    found: Vec<Mutant>,
}

impl Forge<'_> {
    fn words(&self, at: usize) -> Vec<&str> {
        self.steps.get(at).map_or(Vec::new(), |step| step.split(' ').collect())
    }

    /// The first step that is a `word` and of which `p` holds.
    fn find(&self, word: &str, p: impl Fn(usize, &[&str]) -> bool) -> Option<usize> {
        (0..self.steps.len()).find(|at| {
            let words = self.words(*at);
            words[0] == word && p(*at, &words)
        })
    }

    /// In place of `remove` steps from `at` on: `put`. The step `at` of the mutant is the one to be refused.
    fn mutant(
        &mut self,
        name: &'static str,
        rule: &'static str,
        at: Option<usize>,
        remove: usize,
        put: Option<String>,
    ) {
        let Some(at) = at else { return };
        let mut steps = self.steps.to_vec();
        steps.splice(at..at + remove, put);
        self.found.push(Mutant { name, at, rule, steps });
    }

    /// Another last word for the step `at`.
    fn last(&self, at: Option<usize>, last: &str) -> Option<String> {
        let words = self.words(at?);
        Some(format!("{} {last}", words[..words.len() - 1].join(" ")))
    }

    /// `step` for the actor that the step `at` names last, but for what it says of a fall.
    fn of_actor(&self, step: &str, at: Option<usize>) -> Option<String> {
        let words = self.words(at?);
        Some(format!("{step} {}", words[if words.len() > 2 { 2 } else { 1 }]))
    }

    /// In the behaviour that ends at `at`, somebody was marked and `step` came after.
    fn marked_and(&self, at: usize, step: &str) -> bool {
        let begin = self.steps[..at].iter().rposition(|s| s.starts_with("take")).expect("a behaviour began");
        let behaviour = &self.steps[begin..at];
        let mark = behaviour.iter().position(|s| s.starts_with("look") && s.ends_with(" 1"));
        mark.is_some_and(|mark| behaviour[mark..].iter().any(|s| s == step))
    }
}

/// Every mutant for which `steps` has a place.
fn mutants(steps: &[String]) -> Vec<Mutant> {
    let mut forge = Forge { steps, found: Vec::new() };
    let f = &mut forge;
    for step in ["release", "drop", "short", "stop", "kill"] {
        let fell = f.find(step, |_, w| w[3] == "0");
        f.mutant("a_fall_that_nobody_announces", "R6", fell, 1, f.last(fell, "-"));
        let steady = f.find(step, |_, w| w[3] == "-");
        f.mutant("an_announcement_without_a_fall", "R6", steady, 1, f.last(steady, "0"));
    }
    let freed = f.find("read", |at, _| f.words(at + 1).first() == Some(&"free"));
    f.mutant("freed_without_a_fall", "R6", freed, 1, None);
    let free = f.find("free", |_, _| true);
    f.mutant("freed_twice", "R6", free.map(|at| at + 1), 0, free.map(|at| steps[at].clone()));
    f.mutant("a_freed_sender_tells_nobody", "R6", free.map(|at| at + 2), 1, None);
    let mark = f.find("look", |_, w| w[4] == "1");
    f.mutant("a_pressing_receiver_marks_nobody", "R2", mark, 1, f.last(mark, "0"));
    let no_mark = f.find("look", |_, w| w[4] == "0");
    f.mutant("marked_without_cause", "R2", no_mark, 1, f.last(no_mark, "1"));
    let mute = f.find("mute", |_, _| true);
    f.mutant("runs_on_with_marks", "R3", mute, 1, f.of_actor("done 0", mute));
    let exempt = f.find("done", |at, w| f.marked_and(at, &format!("apply 0 {}", w[2])));
    f.mutant("muted_under_pressure", "R3", exempt, 1, f.of_actor("mute 0", exempt));
    let deep = f.find("done", |at, w| f.marked_and(at, &format!("deep {}", w[2])));
    f.mutant("muted_while_overloaded", "R3", deep, 1, f.of_actor("mute 0", deep));
    let muted = mute.map(|at| at + 1);
    f.mutant("run_while_muted", "T6", muted, 0, f.of_actor("begin 0", mute));
    f.mutant("scheduled_while_muted", "T5", muted, 0, f.of_actor("push", mute));
    f.mutant("overloaded_while_muted", "R4", muted, 0, f.of_actor("deep", mute));
    let woken = f.find("push", |at, w| f.words(at + 1) == ["begin", "0", w[1]]);
    f.mutant("a_lost_wake_up", "T6", woken, 1, None);
    let push = f.find("push", |_, _| true);
    f.mutant("quiet_with_somebody_runnable", "R9", push.map(|at| at + 1), 0, Some("quiet".into()));
    let hold = f.find("hold", |_, _| true);
    f.mutant("dropped_before_it_is_held", "R5", hold, 0, f.of_actor("drop 0", hold).map(|s| s + " -"));
    let begin = f.find("begin", |_, _| true);
    f.mutant("pressure_outside_a_behaviour", "R5", begin, 0, f.of_actor("apply 0", begin));
    let stop = f.find("stop", |_, w| w[3] == "-");
    f.mutant("ends_twice", "R8", stop.map(|at| at + 1), 0, f.of_actor("kill 0", stop).map(|s| s + " -"));
    forge.found
}

// --- The traces ---------------------------------------------------------------------------------------------------

/// A directory for traces, where they are asked for.
fn wanted() -> Option<PathBuf> {
    std::env::var_os("BACKWATER_TRACES").map(PathBuf::from)
}

fn write(dir: &Option<PathBuf>, name: &str, expected: &str, steps: &[String]) {
    let Some(dir) = dir else { return };
    let text = format!("# {expected}\n{}\n", steps.join("\n"));
    std::fs::write(dir.join(name), text).expect("the directory in BACKWATER_TRACES can be written to");
}

/// The steps of the model, by the names that the checker knows them by.
fn steps_of_the_model() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/proofs/coq/System.v");
    let text = std::fs::read_to_string(path).expect("the model is in the project");
    let steps = text.lines().filter_map(|line| line.strip_prefix("| s_"));
    steps.map(|rest| rest.split(' ').next().expect("a name").to_owned()).collect()
}

/// The steps of the model that the single-threaded runtime never takes: its overload ends only with a run, which is the
/// step `short`; and no mark lapses, because a fall reaches all at once.
const NOT_TAKEN: [&str; 2] = ["low", "lapse"];

#[test]
fn random_programs_take_every_step_of_the_model_that_one_worker_can_take() {
    let dir = wanted();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut planted: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut deadlocks, mut cascades) = (0, 0);
    for seed in 0..PROGRAMS {
        let (steps, deadlock) = random_run(seed);
        deadlocks += usize::from(deadlock);
        cascades += cascades_in(&steps);
        for step in &steps {
            let words: Vec<&str> = step.split(' ').collect();
            *taken.entry(words[0].to_owned()).or_default() += 1;
            if ["look", "release", "drop", "short", "stop", "kill"].contains(&words[0]) {
                *taken.entry(format!("{} {}", words[0], words[words.len() - 1])).or_default() += 1;
            }
        }
        write(&dir, &format!("random-{seed:03}"), "accepted", &steps);
        for (nth, Mutant { name, at, rule, steps }) in mutants(&steps).into_iter().enumerate() {
            let count = planted.entry(name).or_default();
            *count += 1;
            // The first line of the file says what is expected.
            if *count <= 20 {
                write(
                    &dir,
                    &format!("mutant-{name}-{seed:03}-{nth}"),
                    &format!("REJECTED at line {} ({rule})", at + 2),
                    &steps,
                );
            }
        }
    }
    let mut expected = steps_of_the_model();
    NOT_TAKEN.iter().for_each(|step| assert!(expected.remove(*step), "the model has no step `{step}` any more"));
    expected.insert("quiet".into());
    for step in ["release", "drop", "short", "stop", "kill"] {
        expected.extend([format!("{step} 0"), format!("{step} -")]);
    }
    expected.extend(["look 0".to_owned(), "look 1".to_owned()]);
    let taken_names: BTreeSet<String> = taken.keys().cloned().collect();
    assert_eq!(
        taken_names, expected,
        "left: steps that the programs took; right: steps of the model, in both outcomes"
    );
    assert!(deadlocks > 0 && cascades > 0, "{deadlocks} deadlocks, {cascades} cascades: the programs are too tame");
    assert_eq!(planted.len(), 18, "some mutant found no place: {planted:?}");
    if let Some(dir) = &dir {
        let lines: Vec<String> = taken.iter().map(|(step, count)| format!("{count:>9} {step}")).collect();
        std::fs::write(dir.join("coverage.txt"), lines.join("\n") + "\n").expect("the directory can be written to");
    }
}

/// How many senders were freed by the fall of an actor that was itself freed by the same fall.
fn cascades_in(steps: &[String]) -> usize {
    let (mut marks, mut freed, mut count) = (BTreeSet::new(), BTreeSet::new(), 0);
    for step in steps {
        let words: Vec<&str> = step.split(' ').collect();
        match words[..] {
            ["look", _, sender, receiver, "1"] => drop(marks.insert((sender, receiver))),
            ["free", _, sender, _] => {
                count += usize::from(freed.iter().any(|r| marks.contains(&(sender, *r))));
                marks.retain(|(s, _)| *s != sender);
                freed.insert(sender);
            }
            ["done", _, sender] => marks.retain(|(s, _)| *s != sender),
            ["push" | "tell" | "told" | "read", ..] => continue,
            _ => freed.clear(),
        }
    }
    count
}

/// The steps of an example, with the options it is given and in virtual time. (Not of `message_ubench`: it goes on until
/// time has passed, and virtual time passes only when nothing else can happen.)
fn example_run<O: clap::Parser>(
    options: &[&str],
    run: impl FnOnce(Builder, &O) -> Result<Summary, RunError>,
) -> (Vec<String>, Result<Summary, RunError>) {
    let options = O::parse_from([&["example"], options].concat());
    let protocol = Protocol::new();
    let builder = Runtime::builder().virtual_time().out(std::io::sink()).observer(protocol.clone());
    let result = run(builder, &options);
    (protocol.steps(true), result)
}

#[test]
fn examples_take_steps_of_the_model_too() {
    let dir = wanted();
    let (overload, overloaded) =
        example_run(&["--senders", "200", "--messages", "5", "--work", "0", "--size", "0"], overload::run);
    let (ring, _) = example_run(&["--size", "3", "--count", "2", "--pass", "50"], ring::run);
    let reconnect =
        |builder: Builder, options: &timer_reconnect::Options| builder.run(|env| timer_reconnect::set_up(options, env));
    let (freed, well) = example_run(&[], reconnect);
    let (stranded, badly) = example_run(&["--ponys-rules"], reconnect);
    assert!(overloaded.is_ok() && well.is_ok(), "{overloaded:?} {well:?}");
    assert!(matches!(badly, Err(RunError::Deadlock(_))), "{badly:?}");
    for (name, mutes, steps) in [
        ("overload", true, overload),
        ("ring", false, ring),
        ("timer_reconnect", true, freed),
        ("timer_reconnect-ponys-rules", true, stranded),
    ] {
        assert_eq!(steps.iter().any(|step| step.starts_with("mute ")), mutes, "{name}");
        write(&dir, &format!("example-{name}"), "accepted", &steps);
    }
}

/// One actor presses, its sender is muted, the release frees it: the whole run, step by step. Main is 0, then the
/// three streams, so the valve is 4 and its sender 5.
#[test]
fn a_mute_and_its_end_are_these_steps() {
    struct Valve(ApplyReleaseBackpressureAuth, u32);
    impl Actor for Valve {
        type Msg = ();
        fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
            self.1 += 1;
            match self.1 {
                1 => Backpressure::apply(&self.0, cx),
                _ => Backpressure::release(&self.0, cx),
            }
        }
    }
    struct Sender(Addr<()>);
    impl Actor for Sender {
        type Msg = ();
        fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
            self.0.tell((), cx);
        }
    }
    let protocol = Protocol::new();
    let result = Runtime::builder().virtual_time().observer(protocol.clone()).run(|env| {
        let valve = env.spawn(Valve((&env.root).into(), 0));
        valve.tell((), env);
        env.spawn(Sender(valve)).tell((), env);
    });
    result.expect("the release frees the sender");
    let steps = protocol.steps(true);
    write(&wanted(), "mute", "accepted", &steps);
    let from = steps.iter().position(|s| s == "begin 0 4").expect("the valve runs");
    let to = steps.iter().position(|s| s == "quiet").expect("the run is quiescent");
    let expected = "begin 0 4, take 0 4, apply 0 4, done 0 4, short 0 4 -, \
        begin 0 5, take 0 5, look 0 5 4 1, put 0 5 4, push 4, mute 0 5, \
        begin 0 4, take 0 4, release 0 4 0, tell 0 0, told 0, read 0 4, \
        free 0 5 0, push 5, tell 0 0, told 0, read 0 5, done 0 4, short 0 4 -, \
        begin 0 5, short 0 5 -";
    assert_eq!(steps[from..to].join(", "), expected);
}
