//! Different searches reach the same ends of random programs.

use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Bound, Check, Context, ControlAuth, Detector, Env, Fault,
    Model, PressureGuard, TimerId, Verdict,
};
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What an actor of a random program does, in one behaviour.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    Send(usize),
    Control(usize),
    SendMe,
    Apply,
    Release,
    Hold,
    Drop,
    Timer(u64),
    Cancel,
    Look,
    /// A new actor, which passes one message on.
    Spawn(usize),
    Stop,
    /// Sends, or not: that is chosen.
    Choose(usize),
}

/// What everybody saw, in order.
type Histories = Arc<Mutex<Vec<Vec<u32>>>>;

/// By which actors a message came, as digits.
#[derive(Clone, Debug, Hash)]
pub(super) struct Go(u32);

/// Does the `n`th list of operations at its `n`th message.
pub(super) struct Scripted {
    me: usize,
    auth: ApplyReleaseBackpressureAuth,
    control: ControlAuth,
    others: Arc<Mutex<Vec<Addr<Go>>>>,
    behaviours: Vec<Vec<Op>>,
    handled: usize,
    guard: Option<PressureGuard>,
    timer: Option<TimerId>,
    seen: Histories,
}

impl Actor for Scripted {
    type Msg = Go;

    fn receive(&mut self, go: Go, cx: &mut Context<'_, Self>) {
        self.act(go, cx);
    }
}

impl Scripted {
    fn act<A: Actor<Msg = Go>>(&mut self, Go(n): Go, cx: &mut Context<'_, A>) {
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
                Op::Timer(after) => self.timer = Some(cx.after(Duration::from_millis(after), next)),
                Op::Cancel => {
                    let late = self.timer.take().is_some_and(|timer| !cx.cancel(timer));
                    self.seen.lock().unwrap()[self.me].push(2_000_000 + u32::from(late));
                }
                Op::Look => {
                    let now = cx.now().as_millis() as u32;
                    self.seen.lock().unwrap()[self.me].push(1_000_000 + now);
                }
                Op::Spawn(to) => cx.spawn(Child { to: others[to].clone() }).tell(next, cx),
                Op::Stop => cx.stop(),
                Op::Choose(to) => (0..cx.choose(2)).for_each(|_| others[to].tell(next.clone(), cx)),
            }
        }
    }
}

/// Passes what it gets on, once.
#[derive(Clone, Hash)]
struct Child {
    to: Addr<Go>,
}

impl Actor for Child {
    type Msg = Go;

    fn receive(&mut self, Go(n): Go, cx: &mut Context<'_, Self>) {
        self.to.tell(Go(n * 10 + 9), cx);
        cx.stop();
    }

    fn model() -> Model<Self> {
        Model::hashed().copied()
    }
}

/// The same with a fingerprint: how far it is, and whether its guard lives, decide what it will do.
pub(super) struct Known(Scripted);

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.me, self.0.handled, &self.0.guard, self.0.timer.is_some()).hash(state);
    }
}

impl Actor for Known {
    type Msg = Go;

    fn receive(&mut self, go: Go, cx: &mut Context<'_, Self>) {
        self.0.act(go, cx);
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

/// The same, which can be copied as well: what it shares with others says nothing to it.
#[derive(Hash)]
pub(super) struct Copied(Known);

impl Clone for Copied {
    fn clone(&self) -> Self {
        let Scripted { me, auth, control, others, behaviours, handled, guard: _, timer, seen } = &self.0.0;
        let (auth, control, others, seen) = (auth.clone(), control.clone(), others.clone(), seen.clone());
        let behaviours = behaviours.clone();
        // Where there are guards, nobody is copied.
        let (me, handled, guard, timer) = (*me, *handled, None, *timer);
        Copied(Known(Scripted { me, auth, control, others, behaviours, handled, guard, timer, seen }))
    }
}

impl Actor for Copied {
    type Msg = Go;

    fn receive(&mut self, go: Go, cx: &mut Context<'_, Self>) {
        self.0.0.act(go, cx);
    }

    fn model() -> Model<Self> {
        Model::hashed().copied()
    }
}

/// An actor that follows a script, with or without a fingerprint.
pub(super) trait Act: Actor<Msg = Go> + From<Scripted> {
    /// What it saw tells its ends apart.
    const SEES: bool;
}

impl Act for Scripted {
    const SEES: bool = true;
}

impl Act for Known {
    const SEES: bool = false;
}

impl Act for Copied {
    const SEES: bool = false;
}

impl From<Scripted> for Copied {
    fn from(actor: Scripted) -> Self {
        Copied(Known(actor))
    }
}

impl From<Scripted> for Known {
    fn from(actor: Scripted) -> Self {
        Known(actor)
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
pub(super) fn random_program(seed: u64) -> Vec<Vec<Vec<Op>>> {
    let mut random = Random { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) };
    let actors = 2 + random.below(2);
    let op = |random: &mut Random| match random.below(16) {
        0..5 => Op::Send(random.below(actors) as usize),
        5 => Op::Control(random.below(actors) as usize),
        6 => Op::SendMe,
        7 => Op::Apply,
        8 => Op::Release,
        9 => Op::Hold,
        10 => Op::Drop,
        11 => Op::Timer(random.below(3)),
        12 => Op::Look,
        13 => Op::Cancel,
        14 => Op::Spawn(random.below(actors) as usize),
        _ => Op::Stop,
    };
    let mut behaviours = |_| (0..2).map(|_| (0..random.below(3)).map(|_| op(&mut random)).collect()).collect();
    (0..actors).map(&mut behaviours).collect()
}

/// Every end that a search reaches, in words, and what it explored.
fn ends<A: Act>(check: Check, program: &[Vec<Vec<Op>>]) -> (BTreeSet<String>, Verdict) {
    ends_and_failures::<A>(check.shrink(false), program)
}

/// The same; the first failure is made short, if the check says so.
pub(super) fn ends_and_failures<A: Act>(check: Check, program: &[Vec<Vec<Op>>]) -> (BTreeSet<String>, Verdict) {
    let seen: Histories = Arc::default();
    let reached: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let (histories, all) = (seen.clone(), reached.clone());
    let note = move |stats: &backwater::Stats, fault: Option<&Fault>| {
        let loads: Vec<String> =
            stats.actors.iter().map(|a| format!("{} {} {} {:?}", a.id, a.load, a.mailbox, a.muted_by)).collect();
        let fault = fault.map(|fault| fault.to_string().lines().next().unwrap_or_default().to_owned());
        let seen = if A::SEES { format!("{:?}", histories.lock().unwrap()) } else { String::new() };
        all.lock().unwrap().insert(format!("{seen} {loads:?} {fault:?}"));
    };
    let main = |env: &mut Env<'_>| {
        *seen.lock().unwrap() = vec![Vec::new(); program.len()];
        let others: Arc<Mutex<Vec<Addr<Go>>>> = Arc::default();
        let actors: Vec<Addr<Go>> = (0..program.len())
            .map(|me| {
                let auth = ApplyReleaseBackpressureAuth::from(&env.root);
                let control = ControlAuth::from(&env.root);
                let behaviours = program[me].clone();
                let (others, handled, guard, timer) = (others.clone(), 0, None, None);
                let seen = seen.clone();
                let actor = Scripted { me, auth, control, others, behaviours, handled, guard, timer, seen };
                env.spawn(A::from(actor))
            })
            .collect();
        others.lock().unwrap().clone_from(&actors);
        actors.iter().for_each(|actor| actor.tell(Go(0), env));
    };
    let verdict = check.keep_going(true).check_determinism(false).each_end(note).run(main);
    let reached = std::mem::take(&mut *reached.lock().unwrap());
    (reached, verdict)
}

/// So many runs of the naive search are enough; larger programs are passed over.
const NAIVE: u64 = 300;

/// Compares so many random programs, of those that are small enough, from a seed on; `exact` if no run is for nothing.
fn same_ends(first: u64, programs: u32, exact: bool, check: impl Fn() -> Check) {
    let (mut compared, mut redundant, mut shared) = (0, 0, 0);
    for seed in first.. {
        let program = random_program(seed);
        let (naive, verdict) = ends::<Scripted>(check().naive().max_runs(NAIVE), &program);
        if matches!(verdict, Verdict::Cut { by: Bound::Runs, .. }) || verdict.explored().runs >= NAIVE {
            continue;
        }
        let (reduced, reduced_verdict) = ends::<Scripted>(check(), &program);
        assert_eq!(naive, reduced, "seed {seed}: {program:?}");
        let explored = reduced_verdict.explored();
        redundant += explored.redundant;
        if explored.runs > 2 {
            same_ends_if_shared(seed, exact, &program, &naive, &check);
            shared += 1;
        }
        compared += 1;
        if compared == programs {
            break;
        }
    }
    assert!(shared > programs / 20, "only {shared} of {compared} programs were large enough to share");
    // Whole behaviours do not always do the same when they are taken earlier, nor do runs that may end full.
    let most = if exact { 0 } else { u64::from(compared / 100) };
    assert!(redundant <= most, "{redundant} runs for nothing");
}

/// Two slices reach what the whole reaches, and have as many runs together.
fn same_ends_if_shared(
    seed: u64,
    exact: bool,
    program: &[Vec<Vec<Op>>],
    naive: &BTreeSet<String>,
    check: &impl Fn() -> Check,
) {
    let check = || check().ends_of_runs(true);
    let slices = (1..=2).map(|slice| ends::<Scripted>(check().slice(slice, 2), program));
    let (ends_of_slices, verdicts): (Vec<BTreeSet<String>>, Vec<Verdict>) = slices.unzip();
    assert_eq!(naive, &ends_of_slices.into_iter().flatten().collect(), "seed {seed}, shared: {program:?}");
    let (_, whole) = ends::<Scripted>(check(), program);
    let runs: u64 = verdicts.iter().map(|verdict| verdict.explored().runs).sum();
    assert!(!exact || runs == whole.explored().runs, "seed {seed}: {runs} of {whole}: {program:?}");
}

/// Every state once: no end is lost where schedules that come to the same state are taken for one.
#[test]
fn search_over_states_reaches_every_end_of_random_programs() {
    let (mut compared, mut merged) = (0, 0);
    for seed in 5_000..5_300 {
        let program = random_program(seed);
        let check = || Check::new().max_steps(200);
        let (naive, verdict) = ends::<Scripted>(check().naive().max_runs(NAIVE), &program);
        if matches!(verdict, Verdict::Cut { by: Bound::Runs, .. }) || verdict.explored().runs >= NAIVE {
            continue;
        }
        let (of_states, _) = ends::<Scripted>(check().states(), &program);
        assert_eq!(naive, of_states, "seed {seed}: {program:?}");
        // An actor that says what it is made of has fewer states; where they end is the same.
        let (naive, _) = ends::<Known>(check().naive(), &program);
        let (of_states, verdict_of_states) = ends::<Known>(check().states(), &program);
        assert_eq!(naive, of_states, "seed {seed}, with fingerprints: {program:?}");
        compared += 1;
        merged += u32::from(verdict_of_states.explored().steps < verdict.explored().steps);
    }
    assert!(compared > 100, "only {compared} programs were small enough to compare");
    assert!(merged > 20, "{merged} programs had states that two schedules share");
}

/// Whether a search goes back to copies of states or runs the program again, it explores the same, to the last step.
#[test]
fn a_search_that_goes_back_to_copies_explores_what_one_does_that_runs_again() {
    let mut copied = 0;
    for seed in 40_000..40_400 {
        let program = random_program(seed);
        for check in [
            Check::new(),
            Check::new().batch(2),
            Check::new().atomic_behaviours(true),
            Check::new().naive().max_runs(NAIVE),
        ] {
            let check = check.max_steps(200);
            for check in [check.clone(), check.states()] {
                let (again, verdict) = ends::<Known>(check.clone(), &program);
                let (back, of_copies) = ends::<Copied>(check, &program);
                let told = |verdict: &Verdict| {
                    (format!("{:?}", verdict.explored()), verdict.failure().map(|failure| failure.token.clone()))
                };
                assert_eq!((again, told(&verdict)), (back, told(&of_copies)), "seed {seed}: {program:?}");
                copied += u32::from(verdict.explored().runs > 10);
            }
        }
    }
    assert!(copied > 300, "only {copied} searches were large enough to go back");
}

#[test]
fn reduced_search_reaches_every_end_of_random_programs() {
    same_ends(0, 1_000, true, || Check::new().max_steps(200));
}

#[test]
fn reduced_search_reaches_every_end_with_overload() {
    same_ends(10_000, 300, false, || Check::new().max_steps(200).batch(2));
}

#[test]
fn reduced_search_reaches_every_end_with_overload_by_depth() {
    same_ends(20_000, 300, false, || Check::new().max_steps(200).overload(Detector::Depth { high: 2, low: 0 }));
}

#[test]
fn reduced_search_reaches_every_end_with_atomic_behaviours() {
    same_ends(30_000, 400, false, || Check::new().max_steps(200).atomic_behaviours(true));
}
