//! A program carried out by the runtime.

use super::fact::{Fact, Numbers, Verdict};
use super::script::{Effect, Order, Program};
use backwater::policy::{Given, Newest, RoundRobin};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Builder, Context, ControlAuth, End, Env, Event, OnPanic,
    PressureGuard, RunError, Runtime, SpawnOptions, Summary, TimerId,
};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Its `Debug` text is what facts quote.
#[derive(Clone)]
pub(crate) struct Msg {
    kind: usize,
    serial: u64,
    ticks: u64,
}

impl fmt::Debug for Msg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "k{} s{} x{}", self.kind, self.serial, self.ticks)
    }
}

/// What all actors of a program share. It is no part of the runtime: only a way to write programs down.
struct World {
    program: Program,
    pressure: ApplyReleaseBackpressureAuth,
    control: ControlAuth,
    shared: Mutex<Shared>,
}

struct Shared {
    actors: Vec<Addr<Msg>>,
    rack: Vec<PressureGuard>,
    budget: u32,
    serial: u64,
}

impl World {
    fn spend(&self) -> bool {
        let mut shared = self.shared.lock().unwrap();
        let left = shared.budget > 0;
        shared.budget = shared.budget.saturating_sub(1);
        left
    }

    /// The message, with the next serial number, if there is budget left for it.
    fn message(&self, kind: usize) -> Option<Msg> {
        self.spend().then(|| {
            let mut shared = self.shared.lock().unwrap();
            shared.serial += 1;
            Msg { kind, serial: shared.serial, ticks: 1 }
        })
    }

    fn address(&self, index: usize) -> Addr<Msg> {
        let shared = self.shared.lock().unwrap();
        shared.actors[index % shared.actors.len()].clone()
    }

    fn spawn<A: Actor>(self: &Arc<Self>, script: usize, cx: &mut Context<'_, A>) {
        let script = script % self.program.scripts.len();
        let plan = &self.program.scripts[script];
        let mut options = SpawnOptions::new().name(format!("script {script}"));
        if let Some(batch) = plan.batch {
            options = options.batch(batch);
        }
        if let Some(detector) = plan.detector {
            options = options.overload(detector);
        }
        let addr = cx.spawn_with(options, Scripted { script, world: self.clone(), timers: Vec::new() });
        self.shared.lock().unwrap().actors.push(addr);
    }

    /// What main can do as well; false for what only a scripted actor can.
    fn carry_out<A: Actor>(self: &Arc<Self>, effect: &Effect, cx: &mut Context<'_, A>) -> bool {
        match *effect {
            Effect::Send { to, kind } => self.send(to, kind, cx),
            Effect::Burst { to, kind, count } => (0..count).for_each(|_| self.send(to, kind, cx)),
            Effect::Control { to, kind } => {
                if let Some(msg) = self.message(kind) {
                    self.address(to).tell_control(msg, &self.control, cx);
                }
            }
            Effect::Apply => Backpressure::apply(&self.pressure, cx),
            Effect::Release => Backpressure::release(&self.pressure, cx),
            Effect::Hold => {
                let guard = Backpressure::hold(&self.pressure, cx);
                self.shared.lock().unwrap().rack.push(guard);
            }
            Effect::DropOldest => {
                let mut shared = self.shared.lock().unwrap();
                drop((!shared.rack.is_empty()).then(|| shared.rack.remove(0)));
            }
            Effect::DropNewest => drop(self.shared.lock().unwrap().rack.pop()),
            Effect::Panic => panic!("scripted"),
            Effect::Spawn { script } => {
                if self.spend() {
                    self.spawn(script, cx);
                }
            }
            Effect::Stop
            | Effect::SendSelf { .. }
            | Effect::After { .. }
            | Effect::Every { .. }
            | Effect::Cancel { .. }
            | Effect::Watch { .. } => return false,
        }
        true
    }

    fn send<A: Actor>(&self, to: usize, kind: usize, cx: &mut Context<'_, A>) {
        if let Some(msg) = self.message(kind) {
            self.address(to).tell(msg, cx);
        }
    }
}

struct Scripted {
    script: usize,
    world: Arc<World>,
    timers: Vec<TimerId>,
}

impl Actor for Scripted {
    type Msg = Msg;

    fn receive(&mut self, msg: Msg, cx: &mut Context<'_, Self>) {
        let world = self.world.clone();
        let spent = !world.spend();
        if spent {
            self.timers.drain(..).for_each(|timer| {
                cx.cancel(timer);
            });
        }
        let kinds = &world.program.scripts[self.script].kinds;
        for effect in &kinds[msg.kind % kinds.len()] {
            if (!spent || effect.is_pressure()) && !world.carry_out(effect, cx) {
                self.carry_out(effect, cx);
            }
        }
    }
}

impl Scripted {
    fn carry_out(&mut self, effect: &Effect, cx: &mut Context<'_, Self>) {
        match *effect {
            Effect::Stop => cx.stop(),
            Effect::Cancel { nth } => {
                if !self.timers.is_empty() {
                    let timer = self.timers.remove(nth % self.timers.len());
                    cx.cancel(timer);
                }
            }
            Effect::SendSelf { kind } => {
                if let Some(msg) = self.world.message(kind) {
                    cx.me().tell(msg, cx);
                }
            }
            Effect::After { ms, kind } => {
                if let Some(msg) = self.world.message(kind) {
                    self.timers.push(cx.after(Duration::from_millis(ms), msg));
                }
            }
            Effect::Every { ms, kind } => {
                if let Some(msg) = self.world.message(kind) {
                    let tick = move |ticks| Msg { ticks, ..msg.clone() };
                    self.timers.push(cx.every(Duration::from_millis(ms), tick));
                }
            }
            Effect::Watch { whom, kind } => {
                if let Some(msg) = self.world.message(kind) {
                    cx.watch(&self.world.address(whom), msg);
                }
            }
            _ => unreachable!("the world carries these out: {effect:?}"),
        }
    }
}

/// The runtime that a program asks for, without an observer.
pub(crate) fn builder(program: &Program) -> Builder {
    let on_panic = if program.end_on_panic { OnPanic::EndRun } else { OnPanic::StopActor };
    let builder = Runtime::builder().virtual_time().seed(program.seed).batch(program.batch);
    let builder = builder.overload(program.detector).on_panic(on_panic);
    match &program.order {
        Order::Fifo => builder,
        Order::RoundRobin => builder.policy(RoundRobin::default()),
        Order::Newest => builder.policy(Newest::default()),
        Order::Shuffled => builder.shuffled(),
        Order::Given(bytes) => builder.policy(Given::new(bytes.clone())),
    }
}

/// What is to outlive a run: the guards that are left on the rack are dropped with it, after the run.
pub(crate) struct Kept(#[expect(dead_code, reason = "it is only kept")] Arc<World>);

/// The program's main.
pub(crate) fn main(program: &Program, env: &mut Env<'_>) -> Kept {
    let shared = Shared { actors: Vec::new(), rack: Vec::new(), budget: program.budget, serial: 0 };
    let world = Arc::new(World {
        program: program.clone(),
        pressure: ApplyReleaseBackpressureAuth::from(&env.root),
        control: ControlAuth::from(&env.root),
        shared: Mutex::new(shared),
    });
    (0..program.scripts.len()).for_each(|script| world.spawn(script, env));
    for effect in program.main.iter().filter(|effect| !matches!(effect, Effect::Panic)) {
        world.carry_out(effect, env);
    }
    Kept(world)
}

/// Runs a program as the builder says.
pub(crate) fn run(program: &Program, builder: Builder) -> Result<Summary, RunError> {
    let mut kept = None;
    builder.run(|env| kept = Some(main(program, env)))
}

/// Everything that happened, up to the moment when the runtime began to take itself apart.
pub(crate) fn facts(program: &Program) -> (Vec<Fact>, Verdict, Numbers) {
    let log: Arc<Mutex<(Numbers, Vec<Fact>)>> = Arc::default();
    let seen = log.clone();
    let observer = move |_now: Duration, event: &Event<'_>| {
        let (numbers, facts) = &mut *seen.lock().unwrap();
        let fact = numbers.fact(event);
        facts.push(fact);
    };
    let result = run(program, builder(program).observer(observer).check_invariants(true));
    let (numbers, mut facts) = std::mem::take(&mut *log.lock().unwrap());
    assert_conserved(&facts);
    let end = facts.iter().position(|fact| matches!(fact, Fact::Ended { why: End::Shutdown, .. }));
    facts.truncate(end.unwrap_or(facts.len()));
    let verdict = verdict(&numbers, result);
    (facts, verdict, numbers)
}

/// Every message sent or delivered is handled once or a dead letter once, those of the dismantling included.
fn assert_conserved(facts: &[Fact]) {
    let count = |which: fn(&Fact) -> bool| facts.iter().filter(|fact| which(fact)).count();
    let came = count(|f| matches!(f, Fact::Sent { .. } | Fact::Delivered { .. }));
    let went = count(|f| matches!(f, Fact::Handling { .. } | Fact::Dead { .. }));
    assert_eq!(came, went, "a message was lost or handled twice");
}

pub(crate) fn verdict(numbers: &Numbers, result: Result<Summary, RunError>) -> Verdict {
    match result {
        Ok(summary) => {
            assert!(summary.stats.is_conserved(), "{}", summary.stats);
            Verdict::Well { totals: summary.stats.totals, queued: summary.stats.queued, time: summary.time }
        }
        Err(RunError::Deadlock(report)) => Verdict::Deadlock {
            muted: report.muted.iter().map(|m| (numbers.of(m.id), m.waiting)).collect(),
            roots: report.roots.iter().map(|r| numbers.of(r.id)).collect(),
        }
        .sorted(),
        Err(RunError::Panicked { actor, .. }) => Verdict::Panicked { actor: numbers.of(actor) },
        Err(other) => panic!("{other}"),
    }
}

impl Verdict {
    fn sorted(mut self) -> Self {
        if let Verdict::Deadlock { muted, roots } = &mut self {
            muted.sort_unstable();
            roots.sort_unstable();
        }
        self
    }
}
