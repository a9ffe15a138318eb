//! The checker checked: classes counted by hand, the reduced search against the naive one, and a canary for each
//! verdict.

use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Bound, Check, Context, ControlAuth, Detector, Env,
    Explored, Fault, PressureGuard, Verdict,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Writes down what comes, in the order it comes.
struct Sink;

impl Actor for Sink {
    type Msg = u32;

    fn receive(&mut self, _: u32, _: &mut Context<'_, Self>) {}
}

/// Sends these numbers when it is told to.
struct Source {
    to: Addr<u32>,
    numbers: Vec<u32>,
}

impl Actor for Source {
    type Msg = ();

    fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) {
        self.numbers.iter().for_each(|n| self.to.tell(*n, cx));
    }
}

fn complete(check: Check, main: impl Fn(&mut Env<'_>)) -> Explored {
    match check.run(main) {
        Verdict::Complete(explored) => explored,
        other => panic!("{other}"),
    }
}

/// `n` senders of `k` messages each to one receiver.
fn fan_in(n: u32, k: u32) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let sink = env.spawn(Sink);
        let sources: Vec<_> = (0..n)
            .map(|i| env.spawn(Source { to: sink.clone(), numbers: (0..k).map(|j| i * 10 + j).collect() }))
            .collect();
        sources.iter().for_each(|source| source.tell((), env));
    }
}

// --- Classes, counted by hand -----------------------------------------------------------------------------------

/// The arrivals at one mailbox can come in n! orders; when the receiver handles them changes nothing.
#[test]
fn n_senders_of_one_message_are_n_factorial_classes() {
    for (n, classes) in [(1, 1), (2, 2), (3, 6), (4, 24), (5, 120)] {
        let explored = complete(Check::new(), fan_in(n, 1));
        assert_eq!((explored.runs, explored.redundant), (classes, 0), "{n} senders");
    }
}

/// Arrivals of one sender keep their order: (nk)! / (k!)^n.
#[test]
fn n_senders_of_k_messages_are_the_interleavings_of_n_rows() {
    for (n, k, classes) in [(2, 2, 6), (2, 3, 20), (3, 2, 90), (2, 4, 70)] {
        let explored = complete(Check::new(), fan_in(n, k));
        assert_eq!((explored.runs, explored.redundant), (classes, 0), "{n} senders of {k}");
    }
}

/// Nothing that one pair does is seen by another.
#[test]
fn pairs_that_never_meet_are_one_class() {
    let explored = complete(Check::new(), |env| {
        for i in 0..4 {
            let sink = env.spawn(Sink);
            env.spawn(Source { to: sink, numbers: vec![i, i] }).tell((), env);
        }
    });
    assert_eq!((explored.runs, explored.redundant), (1, 0));
}

/// Passes a number on until it is 0.
#[derive(Default)]
struct Hop {
    next: Option<Addr<HopMsg>>,
}

#[derive(Debug)]
enum HopMsg {
    Next(Addr<HopMsg>),
    Token(u32),
}

impl Actor for Hop {
    type Msg = HopMsg;

    fn receive(&mut self, msg: HopMsg, cx: &mut Context<'_, Self>) {
        match msg {
            HopMsg::Next(next) => self.next = Some(next),
            HopMsg::Token(0) => {}
            HopMsg::Token(left) => self.next.iter().for_each(|next| next.tell(HopMsg::Token(left - 1), cx)),
        }
    }
}

fn ring(n: usize, hops: u32, tokens: usize) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let ring: Vec<Addr<HopMsg>> = (0..n).map(|_| env.spawn(Hop::default())).collect();
        for (i, hop) in ring.iter().enumerate() {
            hop.tell(HopMsg::Next(ring[(i + 1) % n].clone()), env);
        }
        ring.iter().take(tokens).for_each(|hop| hop.tell(HopMsg::Token(hops), env));
    }
}

/// One token: every step is caused by the one before.
#[test]
fn a_token_on_a_ring_is_one_class() {
    let explored = complete(Check::new(), ring(4, 10, 1));
    assert_eq!((explored.runs, explored.redundant), (1, 0));
}

/// Tokens of one hop from #4 and #5 on a ring of three. That from #4 arrives at #5 before or after main's own token
/// there; that from #5 arrives at #6, where nothing else does. Two classes.
#[test]
fn two_hops_that_meet_are_two_classes() {
    let explored = complete(Check::new(), ring(3, 1, 2));
    assert_eq!((explored.runs, explored.redundant), (2, 0));
}

// --- Reduced and naive searches reach the same ends --------------------------------------------------------------

/// What an actor of a random program does, in one behaviour.
#[derive(Clone, Copy, Debug)]
enum Op {
    Send(usize),
    Control(usize),
    SendMe,
    Apply,
    Release,
    Hold,
    Drop,
    Timer(u64),
    Look,
    Stop,
}

/// What everybody saw, in order.
type Histories = Arc<Mutex<Vec<Vec<u32>>>>;

/// By which actors a message came, as digits.
#[derive(Debug)]
struct Go(u32);

/// Does the `n`th list of operations at its `n`th message.
struct Scripted {
    me: usize,
    auth: ApplyReleaseBackpressureAuth,
    control: ControlAuth,
    others: Arc<Mutex<Vec<Addr<Go>>>>,
    behaviours: Vec<Vec<Op>>,
    handled: usize,
    guard: Option<PressureGuard>,
    seen: Histories,
}

impl Actor for Scripted {
    type Msg = Go;

    fn receive(&mut self, Go(n): Go, cx: &mut Context<'_, Self>) {
        let others = self.others.lock().unwrap().clone();
        self.seen.lock().unwrap()[self.me].push(n);
        let ops = self.behaviours.get(self.handled).cloned().unwrap_or_default();
        self.handled += 1;
        for op in ops {
            let next = Go(n * 10 + self.me as u32 + 1);
            match op {
                Op::Send(to) => others[to].tell(next, cx),
                Op::Control(to) => others[to].tell_control(next, &self.control, cx),
                Op::SendMe => cx.me().tell(next, cx),
                Op::Apply => Backpressure::apply(&self.auth, cx),
                Op::Release => Backpressure::release(&self.auth, cx),
                Op::Hold => self.guard = Some(Backpressure::hold(&self.auth, cx)),
                Op::Drop => self.guard = None,
                Op::Timer(after) => drop(cx.after(Duration::from_millis(after), next)),
                Op::Look => {
                    let now = cx.now().as_millis() as u32;
                    self.seen.lock().unwrap()[self.me].push(1_000_000 + now);
                }
                Op::Stop => cx.stop(),
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Random {
    state: u64,
}

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % n
    }
}

/// A program of two or three actors, with a few operations, drawn from a seed.
fn random_program(seed: u64) -> Vec<Vec<Vec<Op>>> {
    let mut random = Random { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) };
    let actors = 2 + random.below(2);
    let op = |random: &mut Random| match random.below(14) {
        0..5 => Op::Send(random.below(actors) as usize),
        5 => Op::Control(random.below(actors) as usize),
        6 => Op::SendMe,
        7 => Op::Apply,
        8 => Op::Release,
        9 => Op::Hold,
        10 => Op::Drop,
        11 => Op::Timer(random.below(3)),
        12 => Op::Look,
        _ => Op::Stop,
    };
    let mut behaviours = |_| (0..2).map(|_| (0..random.below(3)).map(|_| op(&mut random)).collect()).collect();
    (0..actors).map(&mut behaviours).collect()
}

/// Every end that a search reaches, in words, and what it explored.
fn ends(check: Check, program: &[Vec<Vec<Op>>]) -> (BTreeSet<String>, Verdict) {
    let seen: Histories = Arc::default();
    let reached: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let (histories, all) = (seen.clone(), reached.clone());
    let note = move |stats: &backwater::Stats, fault: Option<&Fault>| {
        let loads: Vec<String> =
            stats.actors.iter().map(|a| format!("{} {} {} {:?}", a.id, a.load, a.mailbox, a.muted_by)).collect();
        let fault = fault.map(|fault| fault.to_string().lines().next().unwrap_or_default().to_owned());
        all.lock().unwrap().insert(format!("{:?} {loads:?} {fault:?}", histories.lock().unwrap()));
    };
    let main = |env: &mut Env<'_>| {
        *seen.lock().unwrap() = vec![Vec::new(); program.len()];
        let others: Arc<Mutex<Vec<Addr<Go>>>> = Arc::default();
        let actors: Vec<Addr<Go>> = (0..program.len())
            .map(|me| {
                let auth = ApplyReleaseBackpressureAuth::from(&env.root);
                let control = ControlAuth::from(&env.root);
                let behaviours = program[me].clone();
                let (others, handled, guard) = (others.clone(), 0, None);
                env.spawn(Scripted { me, auth, control, others, behaviours, handled, guard, seen: seen.clone() })
            })
            .collect();
        others.lock().unwrap().clone_from(&actors);
        actors.iter().for_each(|actor| actor.tell(Go(0), env));
    };
    let verdict = check.keep_going(true).shrink(false).check_determinism(false).each_end(note).run(main);
    let reached = std::mem::take(&mut *reached.lock().unwrap());
    (reached, verdict)
}

/// So many runs of the naive search are enough; larger programs are passed over, and counted.
const NAIVE: u64 = 1_500;

fn same_ends(seeds: std::ops::Range<u64>, check: impl Fn() -> Check) {
    let (mut compared, mut redundant) = (0, 0);
    for seed in seeds {
        let program = random_program(seed);
        let (naive, verdict) = ends(check().naive().max_runs(NAIVE), &program);
        if matches!(verdict, Verdict::Cut { by: Bound::Runs, .. }) || verdict.explored().runs >= NAIVE {
            continue;
        }
        let (reduced, reduced_verdict) = ends(check(), &program);
        assert_eq!(naive, reduced, "seed {seed}: {program:?}");
        compared += 1;
        // A cancelled timer is planned without all that goes with it, which may cost a run for nothing.
        let timers = program.iter().flatten().flatten().any(|op| matches!(op, Op::Timer(_)));
        if reduced_verdict.explored().redundant > 0 { eprintln!("RED {seed} timers {timers} {} of {}: {program:?}", reduced_verdict.explored().redundant, reduced_verdict.explored().runs); }
        redundant += if timers { 0 } else { reduced_verdict.explored().redundant };
    }
    assert!(compared > 100, "only {compared} programs were small enough to compare");
    // Whole behaviours do not always do the same when they are taken earlier, and it shows only then.
    let atomic = format!("{:?}", check()).contains("atomic: true");
    assert!(atomic || redundant == 0, "{redundant} runs for nothing");
}

#[test]
fn reduced_search_reaches_every_end_of_random_programs() {
    same_ends(0..500, || Check::new().max_steps(200));
}

#[test]
fn reduced_search_reaches_every_end_with_overload() {
    same_ends(1_000..1_300, || Check::new().max_steps(200).batch(2));
}

#[test]
fn reduced_search_reaches_every_end_with_overload_by_depth() {
    same_ends(2_000..2_300, || Check::new().max_steps(200).overload(Detector::Depth { high: 2, low: 0 }));
}

#[test]
fn reduced_search_reaches_every_end_with_atomic_behaviours() {
    same_ends(3_000..3_600, || Check::new().max_steps(200).atomic_behaviours(true));
}

// --- A canary for each verdict -----------------------------------------------------------------------------------

type Handler = Box<dyn FnMut(u32, &mut Context<'_, Act>) + Send>;

/// Runs a closure for its message; a program in one actor.
struct Act(Handler);

impl Actor for Act {
    type Msg = u32;

    fn receive(&mut self, n: u32, cx: &mut Context<'_, Self>) {
        (self.0)(n, cx);
    }
}

fn act(f: impl FnMut(u32, &mut Context<'_, Act>) + Send + 'static) -> Act {
    Act(Box::new(f))
}

fn fault(check: Check, main: impl Fn(&mut Env<'_>)) -> Fault {
    match check.run(main) {
        Verdict::Failed(failure) => failure.fault,
        other => panic!("nothing fails: {other}"),
    }
}

/// Only one order of two messages is wrong.
fn wrong_order(env: &mut Env<'_>) {
    let mut first = None;
    let judge = env.spawn(act(move |n, _cx| {
        assert!(*first.get_or_insert(n) == 0, "the second came first");
    }));
    for n in 0..2 {
        let judge = judge.clone();
        env.spawn(act(move |_, cx| judge.tell(n, cx))).tell(0, env);
    }
}

#[test]
fn a_panic_is_found_and_named() {
    let Fault::Panicked { payload, message, place, .. } = fault(Check::new(), wrong_order) else {
        panic!("it is a panic")
    };
    assert_eq!((payload.as_str(), message.as_str()), ("the second came first", "1 (its message number 1)"));
    assert!(place.is_some_and(|place| place.contains("tests/checker.rs")));
}

#[test]
fn a_panic_that_stops_only_its_actor_is_no_failure() {
    // The right order is one class; in the wrong one, what comes second comes before or after the end of the judge.
    let explored = complete(Check::new().panics_stop_actor(true), wrong_order);
    assert_eq!((explored.runs, explored.redundant), (3, 0));
}

#[test]
fn a_program_that_never_ends_is_cut_and_not_passed() {
    let endless = |env: &mut Env<'_>| env.spawn(act(|n, cx| cx.me().tell(n, cx))).tell(0, env);
    let verdict = Check::new().max_steps(50).run(endless);
    assert!(matches!(&verdict, Verdict::Cut { by: Bound::Steps, explored, .. } if explored.too_long == 1), "{verdict}");
    let refused = std::panic::catch_unwind(|| Check::new().max_steps(50).assert(endless));
    let text = *refused.expect_err("a cut is not a pass").downcast::<String>().expect("the panic has a text");
    assert!(text.contains("accept_cut"), "{text}");
    assert_eq!(Check::new().max_steps(50).accept_cut().assert(endless).too_long, 1);
}

#[test]
fn a_program_that_spawns_without_end_is_found() {
    struct Breeder;
    impl Actor for Breeder {
        type Msg = ();
        fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
            cx.spawn(Breeder).tell((), cx);
        }
    }
    let found = fault(Check::new().max_actors(20), |env| env.spawn(Breeder).tell((), env));
    assert!(matches!(found, Fault::TooManyActors { limit: 20, .. }), "{found}");
}

#[test]
fn an_actor_left_under_pressure_is_found() {
    let program = |env: &mut Env<'_>| {
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        env.spawn(act(move |_, cx| Backpressure::apply(&auth, cx))).tell(0, env);
    };
    assert!(matches!(fault(Check::new(), program), Fault::UnmatchedApply(_)));
    complete(Check::new().allow_unmatched_apply(true), program);
}

#[test]
fn statements_that_do_not_hold_are_found() {
    let asks = |env: &mut Env<'_>| {
        env.spawn(act(|_, cx| {
            let chosen = cx.choose(3);
            cx.sometimes("it is 2", chosen == 2);
            cx.sometimes("it is 7", chosen == 7);
        }))
        .tell(0, env);
    };
    assert_eq!(fault(Check::new(), asks), Fault::Never("it is 7"));
    let hopes = |env: &mut Env<'_>| {
        env.spawn(act(|_, cx| {
            let chosen = cx.choose(2);
            cx.eventually("it is 1", chosen == 1);
        }))
        .tell(0, env);
    };
    assert_eq!(fault(Check::new(), hopes), Fault::NotEventually("it is 1"));
}

/// Every pair of answers, whether or not the second question is asked: 1 + 3.
#[test]
fn every_answer_to_a_choice_is_explored() {
    let asks = |env: &mut Env<'_>| {
        env.spawn(act(|_, cx| {
            if cx.choose(2) == 1 {
                cx.choose(3);
            }
        }))
        .tell(0, env);
    };
    assert_eq!(complete(Check::new(), asks).runs, 4);
    // And `main` ends before or after that.
    assert_eq!(complete(Check::new().naive(), asks).runs, 8);
}

#[test]
fn a_program_that_remembers_its_last_run_is_nondeterministic() {
    let runs = Mutex::new(0);
    let remembers = |env: &mut Env<'_>| {
        let mut runs = runs.lock().unwrap();
        *runs += 1;
        env.spawn(Sink).tell(*runs, env);
    };
    let found = fault(Check::new(), remembers);
    assert!(matches!(found, Fault::Nondeterminism { .. }), "{found}");
}

#[test]
fn the_bounds_on_runs_and_time_cut() {
    let verdict = Check::new().max_runs(10).run(fan_in(4, 1));
    let Verdict::Cut { by: Bound::Runs, explored, estimate: Some(estimate) } = verdict else { panic!("{verdict}") };
    assert_eq!(explored.runs, 10);
    assert!((12.0..200.0).contains(&estimate), "24 runs are estimated as {estimate}");
    let verdict = Check::new().max_time(Duration::ZERO).run(fan_in(5, 1));
    assert!(matches!(verdict, Verdict::Cut { by: Bound::Time, .. }), "{verdict}");
}

// --- Tokens, and what is made of a failure -------------------------------------------------------------------------

/// The one bad order of two, among much that has nothing to do with it.
fn noisy(env: &mut Env<'_>) {
    wrong_order(env);
    fan_in(3, 2)(env);
}

#[test]
fn a_long_failing_run_is_made_short() {
    let Verdict::Failed(failure) = Check::new().random(100).seed(3).run(noisy) else { panic!("it fails") };
    // Six steps have to be: main tells both senders, who begin and send, and the judge hears the second.
    assert!(failure.steps <= 8 && failure.steps < failure.found.0, "{failure}");
    assert!(failure.switches <= 1, "{failure}");
    let text = failure.to_string();
    assert!(text.contains("the second came first") && text.contains(&failure.token), "{text}");
    let shown = Check::new().show(&failure.token, |_: Duration, _: &backwater::Event<'_>| (), noisy);
    assert!(matches!(shown, Ok(None)) || shown.is_err(), "a token of seed 3 does not fit seed 0");
    assert!(matches!(
        Check::new().seed(3).show(&failure.token, |_: Duration, _: &backwater::Event<'_>| (), noisy),
        Ok(Some(_))
    ));
}

#[test]
fn a_token_that_does_not_fit_is_refused() {
    let Verdict::Failed(failure) = Check::new().run(wrong_order) else { panic!("it fails") };
    let show = |check: Check, token: &str, main: &dyn Fn(&mut Env<'_>)| {
        check.show(token, |_: Duration, _: &backwater::Event<'_>| (), main)
    };
    assert!(matches!(show(Check::new(), &failure.token, &wrong_order), Ok(Some(Fault::Panicked { .. }))));
    for (check, token, main, why) in [
        (Check::new().batch(7), failure.token.as_str(), &wrong_order as &dyn Fn(&mut Env<'_>), "other settings"),
        (Check::new(), &failure.token, &fan_in(1, 1), "has changed"),
        (Check::new(), &failure.token, &fan_in(3, 1), "other steps"),
        (Check::new(), &failure.token[..failure.token.len() - 1], &wrong_order, "cut short"),
        (Check::new(), "bw1.fifo.s0.b100", &wrong_order, "does not begin"),
    ] {
        let refused = show(check, token, main).expect_err(why);
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn a_failure_is_remembered_and_tried_first() {
    let dir = std::env::temp_dir().join(format!("backwater-regressions-{}", std::process::id()));
    let file = dir.join("wrong_order.txt");
    let check = || Check::new().regressions(&file);
    let Verdict::Failed(found) = check().run(wrong_order) else { panic!("it fails") };
    let Verdict::Failed(again) = check().run(wrong_order) else { panic!("it fails again") };
    assert_eq!((found.token, again.explored.runs), (again.token, 0), "the second time it is known");
    // A program that was mended takes other steps: the line is passed over.
    complete(check(), fan_in(2, 1));
    let lines = std::fs::read_to_string(&file).expect("the file is there");
    assert_eq!(lines.lines().filter(|line| line.starts_with("bwc1.")).count(), 1);
    std::fs::remove_dir_all(dir).expect("the directory is ours");
}

// --- One way for every send -------------------------------------------------------------------------------------

/// Counts down by messages to itself, and tells a sink each time.
struct Countdown {
    to: Addr<u32>,
    left: u32,
    short: bool,
}

impl Actor for Countdown {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        self.to.tell(self.left, cx);
        self.left -= 1;
        match (self.left, self.short) {
            (0, _) => {}
            (_, true) => cx.tell_self(()),
            (_, false) => cx.me().tell((), cx),
        }
    }
}

/// `tell_self` takes a shorter way than `tell`; the schedules are the same.
#[test]
fn a_message_to_oneself_is_explored_like_any_other() {
    let program = |short| {
        move |env: &mut Env<'_>| {
            let sink = env.spawn(Sink);
            for _ in 0..2 {
                env.spawn(Countdown { to: sink.clone(), left: 2, short }).tell((), env);
            }
        }
    };
    let (short, long) = (complete(Check::new(), program(true)), complete(Check::new(), program(false)));
    // Two messages each of two senders: 4! / (2! 2!) orders at the sink.
    assert_eq!((short.runs, short.redundant, long.runs, long.redundant), (6, 0, 6, 0));
}

// --- The environment overrides a test's settings -------------------------------------------------------------------

/// Runs one of the tests below in a process of its own, with these variables; its output.
fn with_environment(test: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = std::process::Command::new(std::env::current_exe().expect("a test has a file"));
    command.args(["--exact", test, "--nocapture"]).env("RUST_BACKTRACE", "0").envs(variables.iter().copied());
    let output = command.output().expect("a test can be run");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).expect("tests print text"))
}

/// Passes if four senders give 24 classes, in whatever mode the environment asks for.
#[test]
fn child_of_the_environment() {
    let verdict = Check::new().run(fan_in(4, 1));
    println!("{verdict}");
    if std::env::var_os("BACKWATER_MODE").is_none() {
        assert_eq!(verdict.explored().runs, 24, "{verdict}");
    }
}

#[test]
fn the_environment_chooses_mode_seed_and_time() {
    let run = |variables: &[(&str, &str)]| with_environment("child_of_the_environment", variables);
    let (passed, text) = run(&[("BACKWATER_MODE", "random:17"), ("BACKWATER_SEED", "3")]);
    assert!(passed && text.contains("a sample: 17 runs"), "{text}");
    let (passed, text) = run(&[("BACKWATER_MODE", "pct:2:5"), ("BACKWATER_MAX_TIME", "100")]);
    assert!(passed && text.contains("a sample: 6 runs"), "{text}");
    for (variable, value) in [("BACKWATER_MODE", "all"), ("BACKWATER_SEED", "x"), ("BACKWATER_MAX_TIME", "-1")] {
        let (passed, text) = run(&[(variable, value)]);
        assert!(!passed && text.contains(&format!("{variable}={value:?} is not")), "{text}");
    }
}

/// Fails; prints its token.
#[test]
fn child_that_fails() {
    let verdict = Check::new().run(wrong_order);
    println!("{verdict}");
    assert!(verdict.failure().is_some(), "{verdict}");
}

#[test]
fn the_environment_replays_and_keeps_traces() {
    let Verdict::Failed(failure) = Check::new().run(wrong_order) else { panic!("it fails") };
    let run = |variables: &[(&str, &str)]| with_environment("child_that_fails", variables);
    let (passed, text) = run(&[("BACKWATER_REPLAY", &failure.token)]);
    assert!(passed && text.contains("found in run 1 "), "{text}");
    let (passed, text) = run(&[("BACKWATER_REPLAY", "bwc1.0.0..0")]);
    assert!(!passed && text.contains("cut short or altered"), "{text}");
    let dir = std::env::temp_dir().join(format!("backwater-traces-{}", std::process::id()));
    let name = dir.to_str().expect("the directory's name is text");
    let (passed, text) = run(&[("BACKWATER_TRACE_DIR", name)]);
    let file = std::fs::read_dir(&dir).expect("it is there").next().expect("it holds a file").expect("it can be read");
    let trace = std::fs::read_to_string(file.path()).expect("the file can be read");
    assert!(passed && trace.contains(&failure.token), "{text}");
    // A directory cannot be made below a file.
    let below = file.path().join("traces");
    let (passed, text) = run(&[("BACKWATER_TRACE_DIR", below.to_str().expect("text"))]);
    assert!(!passed && text.contains("BACKWATER_TRACE_DIR: cannot write"), "{text}");
    std::fs::remove_dir_all(dir).expect("the directory is ours");
}
