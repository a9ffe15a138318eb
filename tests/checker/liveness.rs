//! Canaries of what only a search over states, or a bound on steps, can find.

use super::{Clock, Sink, act, complete, fan_in, fault};
use backwater::rules::Rules;
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Bound, Check, Context, Env, Fault, Model, SpawnOptions,
    Verdict,
};

/// Under pressure from its first message on, if `releases` until its second.
#[derive(Hash)]
struct Valve {
    auth: ApplyReleaseBackpressureAuth,
    releases: bool,
    closed: bool,
}

impl Actor for Valve {
    type Msg = u8;

    fn receive(&mut self, _: u8, cx: &mut Context<'_, Self>) {
        match (self.closed, self.releases) {
            (false, _) => Backpressure::apply(&self.auth, cx),
            (true, true) => Backpressure::release(&self.auth, cx),
            (true, false) => {}
        }
        self.closed = !self.closed || !self.releases;
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

fn valve(env: &mut Env<'_>, releases: bool) -> Addr<u8> {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    env.spawn(Valve { auth, releases, closed: false })
}

// --- States -----------------------------------------------------------------------------------------------------

#[test]
fn a_clock_that_never_stops_has_few_states() {
    let explored = complete(Check::new().states(), |env| env.spawn(Clock).tell((), env));
    assert!(explored.states < 10 && explored.too_long == 0, "{explored}");
    // Schedule by schedule it does not end.
    let verdict = Check::new().max_steps(50).run(|env| env.spawn(Clock).tell((), env));
    assert!(matches!(verdict, Verdict::Cut { by: Bound::Steps, .. }), "{verdict}");
}

/// Nobody is muted and the clock ticks on, so that no run ever ends; but nothing ends the pressure.
#[test]
fn an_apply_that_nothing_releases_is_found_beside_a_clock() {
    let program = |releases| {
        move |env: &mut Env<'_>| {
            env.spawn(Clock).tell((), env);
            let valve = valve(env, releases);
            valve.tell(1, env);
            valve.tell(2, env);
        }
    };
    let Verdict::Failed(failure) = Check::new().states().run(program(false)) else { panic!("it fails") };
    let Fault::UnmatchedApply(root) = &failure.fault else { panic!("{failure}") };
    assert!(root.causes[0].to_string().contains("tests/checker/liveness.rs"), "{failure}");
    let again = Check::new().states().replay(&failure.token).run(program(false));
    assert_eq!(again.failure().map(|again| &again.fault), Some(&failure.fault));
    complete(Check::new().states(), program(true));
}

/// Sends on whatever it gets, to whom it was told first.
#[derive(Hash)]
struct Echo {
    to: Option<Addr<Ball>>,
    /// It counts, up to this.
    counts: u8,
    count: u8,
}

#[derive(Clone, Debug, Hash)]
enum Ball {
    To(Addr<Ball>),
    Ball,
}

impl Actor for Echo {
    type Msg = Ball;

    fn receive(&mut self, ball: Ball, cx: &mut Context<'_, Self>) {
        match ball {
            Ball::To(to) => self.to = Some(to),
            Ball::Ball => {
                self.count = if self.counts == 0 { 0 } else { (self.count + 1) % self.counts };
                cx.eventually("somebody counts to two", self.count == 2);
                self.to.iter().for_each(|to| to.tell(Ball::Ball, cx));
            }
        }
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

fn pair(env: &mut Env<'_>, counts: u8) {
    let (one, two) = (env.spawn(Echo { to: None, counts, count: 0 }), env.spawn(Echo { to: None, counts, count: 0 }));
    one.tell(Ball::To(two.clone()), env);
    two.tell(Ball::To(one.clone()), env);
    one.tell(Ball::Ball, env);
}

#[test]
fn a_ball_that_goes_to_and_fro_and_changes_nobody_is_a_livelock() {
    let search = || Check::new().states();
    // It never counts to two either, which a fair scheduler does not mend.
    assert_eq!(fault(search(), |env| pair(env, 2)), Fault::NotEventually("somebody counts to two"));
    // Who counts is changed by each ball.
    complete(search(), |env| pair(env, 3));
    let plain = |env: &mut Env<'_>| {
        let pong = env.spawn(act(|_, cx| cx.me().tell(0, cx)));
        pong.tell(0, env);
    };
    let Verdict::Cut { by: Bound::Steps, .. } = search().max_steps(30).run(plain) else {
        panic!("an actor that says nothing of itself is never the same again")
    };
    let Fault::Livelock { busy, .. } = fault(search(), |env| env.spawn(Spinner).tell((), env)) else {
        panic!("it spins")
    };
    assert_eq!(busy, ["Spinner#4"]);
    complete(search().allow_livelock(true), |env| env.spawn(Spinner).tell((), env));
}

/// Sends itself the same message again.
#[derive(Hash)]
struct Spinner;

impl Actor for Spinner {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        cx.tell_self(());
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

/// Closed by 1, opened by 3.
#[derive(Hash)]
struct Gate(ApplyReleaseBackpressureAuth);

impl Actor for Gate {
    type Msg = u8;

    fn receive(&mut self, turn: u8, cx: &mut Context<'_, Self>) {
        match turn {
            1 => Backpressure::apply(&self.0, cx),
            3 => Backpressure::release(&self.0, cx),
            _ => {}
        }
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

/// Passes a message by, then tells the helper.
#[derive(Hash)]
struct Source {
    gate: Addr<u8>,
    helper: Addr<()>,
}

impl Actor for Source {
    type Msg = bool;

    fn receive(&mut self, first: bool, cx: &mut Context<'_, Self>) {
        if first {
            self.gate.tell(2, cx);
            cx.tell_self(false);
        } else {
            self.helper.tell((), cx);
        }
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

/// Opens the gate.
#[derive(Hash)]
struct Helper(Addr<u8>);

impl Actor for Helper {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        self.0.tell(3, cx);
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

/// The helper could open the gate, but only the source would tell it to, and the gate mutes the source.
#[test]
fn the_causes_of_a_stall_go_through_those_who_have_nothing_to_do() {
    let program = |env: &mut Env<'_>| {
        env.spawn(Clock).tell((), env);
        let gate = env.spawn(Gate((&env.root).into()));
        let helper = env.spawn(Helper(gate.clone()));
        gate.tell(1, env);
        env.spawn(Source { gate, helper }).tell(true, env);
    };
    let Verdict::Failed(failure) = Check::new().states().run(program) else { panic!("it fails") };
    let Fault::Stalled(stall) = &failure.fault else { panic!("{failure}") };
    let why: Vec<String> = stall.why.iter().map(ToString::to_string).collect();
    assert_eq!(
        why,
        [
            "Source#7 is muted until Gate#5 fell (R6)",
            "Gate#5 is under pressure until a message makes it release; only Helper#6 or Source#7 ever sends to it",
            "Helper#6 has nothing to do; only Source#7 ever sends to it",
        ]
    );
    assert!(stall.roots.iter().all(|(_, proved)| *proved), "{stall}");
    let again = Check::new().states().replay(&failure.token).run(program);
    assert_eq!(again.failure().map(|again| &again.fault), Some(&failure.fault));
}

/// A run that is ended on purpose strands nobody, whoever is muted then (R9).
#[test]
fn a_shutdown_ends_whatever_waits() {
    let program = |env: &mut Env<'_>| {
        let gate = env.spawn(Gate((&env.root).into()));
        gate.tell(1, env);
        env.spawn(act(move |_, cx| gate.tell(2, cx))).tell(0, env);
        env.spawn(act(|left, cx| if left == 0 { cx.shutdown() } else { cx.me().tell(left - 1, cx) })).tell(2, env);
    };
    complete(Check::new().states(), program);
    let waits = |env: &mut Env<'_>| {
        let gate = env.spawn(Gate((&env.root).into()));
        gate.tell(1, env);
        let last = env.spawn(act(|_, cx| cx.shutdown()));
        env.spawn(act(move |_, cx| {
            gate.tell(2, cx);
            last.tell(0, cx);
        }))
        .tell(0, env);
    };
    complete(Check::new().states(), waits);
    // Unless who would end it is himself held back.
    let never = |env: &mut Env<'_>| {
        let gate = env.spawn(Gate((&env.root).into()));
        gate.tell(1, env);
        env.spawn(act(move |again, cx| match again {
            0 => {
                gate.tell(2, cx);
                cx.me().tell(1, cx);
            }
            _ => cx.shutdown(),
        }))
        .tell(0, env);
    };
    assert!(matches!(fault(Check::new().states(), never), Fault::Deadlock(_)));
}

#[test]
fn what_states_cannot_tell_apart_is_refused() {
    let asks = |env: &mut Env<'_>| {
        env.spawn(act(|_, cx| drop(cx.stats()))).tell(0, env);
    };
    let refused = std::panic::catch_unwind(|| Check::new().states().run(asks));
    let text = *refused.expect_err("it is refused").downcast::<String>().expect("the panic has a text");
    assert!(text.contains("counts of the whole run") && text.contains("Check::exhaustive()"), "{text}");
}

#[test]
fn the_bound_on_states_cuts() {
    let verdict = Check::new().states().max_states(20).run(fan_in(4, 2));
    assert!(matches!(verdict, Verdict::Cut { by: Bound::States, .. }), "{verdict}");
}

// --- Bounds on steps ----------------------------------------------------------------------------------------------

#[test]
fn a_mailbox_above_its_bound_is_found() {
    let found = fault(Check::new().naive().max_mailbox(3), fan_in(2, 2));
    assert_eq!(found, Fault::MailboxTooLong { name: "Sink#4".to_owned(), limit: 3 });
    complete(Check::new().naive().max_mailbox(4), fan_in(2, 2));
}

/// The gate opens when a row of other messages is through.
#[test]
fn a_long_mute_is_found() {
    let program = |env: &mut Env<'_>| {
        let gate = env.spawn(Gate((&env.root).into()));
        let row = env.spawn(act({
            let gate = gate.clone();
            move |left, cx| if left == 0 { gate.tell(3, cx) } else { cx.me().tell(left - 1, cx) }
        }));
        gate.tell(1, env);
        row.tell(20, env);
        env.spawn(act(move |_, cx| gate.tell(2, cx))).tell(0, env);
    };
    let check = || Check::new();
    let found = fault(check().random(100).max_mute(10), program);
    let Fault::MutedTooLong { name, by, .. } = &found else { panic!("{found}") };
    assert_eq!((name.starts_with("Act"), by.as_slice()), (true, &["Gate#4".to_owned()][..]));
    check().random(100).max_mute(200).accept_cut().assert(program);
}

/// An actor that handles fifty messages in one run, three steps each, and one that waits for it.
#[test]
fn an_actor_that_waits_too_long_under_a_fair_scheduler_is_found() {
    let program = |batch| {
        move |env: &mut Env<'_>| {
            let sink = env.spawn(Sink);
            let busy = act(move |n, cx| (0..3).for_each(|_| sink.tell(n, cx)));
            let busy = env.spawn_with(SpawnOptions::new().batch(batch), busy);
            (0..50).for_each(|n| busy.tell(n, env));
            env.spawn_with(SpawnOptions::new().name("patient"), Sink).tell(0, env);
        }
    };
    let check = || Check::new().fair(5).max_wait(100).accept_cut();
    let found = fault(check(), program(100));
    assert!(matches!(&found, Fault::Starved { name, .. } if name.starts_with("patient")), "{found}");
    check().assert(program(5));
    let refused = std::panic::catch_unwind(|| Check::new().max_wait(100).run(program(5)));
    let text = *refused.expect_err("it is refused").downcast::<String>().expect("the panic has a text");
    assert!(text.contains("Check::fair"), "{text}");
}

// --- Statements ---------------------------------------------------------------------------------------------------

/// A line that no schedule reaches is known only by its name.
#[test]
fn a_statement_that_no_schedule_reaches_is_found_by_its_name() {
    let program = |env: &mut Env<'_>| {
        env.spawn(act(|n, cx| {
            if n == 7 {
                cx.sometimes("seven", true);
            }
        }))
        .tell(0, env);
    };
    assert_eq!(fault(Check::new().expects(["seven"]), program), Fault::NeverReached("seven"));
    complete(Check::new(), program);
}

#[test]
fn an_actor_whose_drop_has_not_run_is_found() {
    let program = |stops: bool| {
        move |env: &mut Env<'_>| {
            env.spawn(act(move |_, cx| {
                if stops {
                    cx.stop();
                }
            }))
            .tell(0, env);
        }
    };
    let found = fault(Check::new().actors_stop(true), program(false));
    assert_eq!(found, Fault::NotStopped { name: "Act#4".to_owned() });
    complete(Check::new().actors_stop(true), program(true));
    complete(Check::new(), program(false));
}

/// Pony's rules break T2, which the invariants say: the canary for a fault of backwater itself.
#[test]
fn a_broken_rule_is_found() {
    let program = |env: &mut Env<'_>| {
        let outer = valve(env, false);
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        outer.tell(1, env);
        env.spawn(act(move |_, cx| {
            outer.tell(2, cx);
            Backpressure::apply(&auth, cx);
        }))
        .tell(0, env);
    };
    let found = fault(Check::new().rules(Rules::Pony).check_invariants(true), program);
    assert!(matches!(&found, Fault::Broken(broken) if broken.rule == "T2"), "{found}");
}
