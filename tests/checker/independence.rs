//! Messages that an actor declares to commute: fewer runs, the same ends; and a wrong promise is found out.

use super::{act, complete, fan_in};
use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Check, Context, Env, Fault, Model, Verdict};

#[derive(Clone, Debug, Hash, PartialEq)]
enum Count {
    Add(u32),
    Double,
}

/// A sum. If `honest`, additions commute with each other and with nothing else.
#[derive(Hash)]
struct Sum<const HONEST: bool>(u32);

impl<const HONEST: bool> Actor for Sum<HONEST> {
    type Msg = Count;

    fn receive(&mut self, count: Count, _: &mut Context<'_, Self>) {
        self.0 = match count {
            Count::Add(n) => self.0 + n,
            Count::Double => 2 * self.0,
        };
    }

    fn model() -> Model<Self> {
        match HONEST {
            true => Model::hashed().independent(|a, b| matches!((a, b), (Count::Add(_), Count::Add(_)))),
            false => Model::hashed().independent(|_, _| true),
        }
    }
}

/// The same, and says nothing of its messages.
#[derive(Hash)]
struct Plain(u32);

impl Actor for Plain {
    type Msg = Count;

    fn receive(&mut self, count: Count, _: &mut Context<'_, Self>) {
        self.0 = match count {
            Count::Add(n) => self.0 + n,
            Count::Double => 2 * self.0,
        };
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

struct Sender {
    to: Addr<Count>,
}

impl Actor for Sender {
    type Msg = Count;

    fn receive(&mut self, count: Count, cx: &mut Context<'_, Self>) {
        self.to.tell(count, cx);
    }
}

/// So many additions and doublings, each by an actor of its own.
fn program<A: Actor<Msg = Count>>(sum: fn() -> A, adds: u32, doubles: u32) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let to = env.spawn(sum());
        let adds = (1..=adds).map(Count::Add);
        let counts: Vec<Count> = adds.chain((0..doubles).map(|_| Count::Double)).collect();
        for count in counts {
            env.spawn(Sender { to: to.clone() }).tell(count, env);
        }
    }
}

/// Without doublings: n! orders, or one. With one doubling among n additions: (n+1)! orders, or the 2^n sets of additions
/// that come before it. Two doublings do not commute with each other: each addition comes before both, between them or
/// after both, and either doubling is first: 2 · 3^n.
#[test]
fn messages_that_commute_are_not_explored_in_both_orders() {
    for (adds, doubles, plain, honest) in [(3, 0, 6, 1), (4, 0, 24, 1), (2, 1, 6, 4), (3, 1, 24, 8), (2, 2, 24, 18)] {
        let explored = complete(Check::new(), program(|| Plain(0), adds, doubles));
        assert_eq!(explored.runs, plain, "{adds} additions, {doubles} doublings");
        let explored = complete(Check::new(), program(|| Sum::<true>(0), adds, doubles));
        assert_eq!((explored.runs, explored.redundant), (honest, 0), "{adds} additions, {doubles} doublings");
    }
}

#[test]
fn a_wrong_promise_is_found_out_when_it_is_checked() {
    let wrong = program(|| Sum::<false>(0), 2, 1);
    assert_eq!(complete(Check::new(), &wrong).runs, 1, "it is believed");
    let Verdict::Failed(failure) = Check::new().check_independence(true).run(&wrong) else { panic!("it is wrong") };
    assert_eq!(failure.fault, Fault::NotIndependent, "{failure}");
    complete(Check::new().check_independence(true), program(|| Sum::<true>(0), 3, 1));
}

/// What commutes in the mailbox can still mute its sender: who presses when is explored as before.
#[test]
fn senders_of_messages_that_commute_are_muted_in_every_way() {
    #[derive(Hash)]
    struct Store {
        auth: ApplyReleaseBackpressureAuth,
        kept: u32,
    }
    impl Actor for Store {
        type Msg = u32;
        fn receive(&mut self, n: u32, cx: &mut Context<'_, Self>) {
            self.kept += n;
            if self.kept >= 2 {
                Backpressure::apply(&self.auth, cx);
            }
        }
        fn model() -> Model<Self> {
            Model::hashed().independent(|_, _| true)
        }
    }
    struct Feeder(Addr<u32>);
    impl Actor for Feeder {
        type Msg = u32;
        fn receive(&mut self, n: u32, cx: &mut Context<'_, Self>) {
            self.0.tell(n, cx);
        }
    }
    let verdict = Check::new().run(|env| {
        let store = env.spawn(Store { auth: (&env.root).into(), kept: 0 });
        for _ in 0..3 {
            env.spawn(Feeder(store.clone())).tell(1, env);
        }
    });
    assert!(verdict.failure().is_some(), "the third feeder can be muted, and nobody releases: {verdict}");
}

/// What commutes is found out on the way, and then a search begins again: so does each part of one that is shared, and all
/// parts have the same beginnings, which are no longer than it takes to have enough of them.
#[test]
fn slices_of_a_search_that_begins_again_explore_each_class_once() {
    let mut shares = Vec::new();
    for (of, redundant) in [(1, 0), (2, 50), (3, 74), (4, 74)] {
        let explored = |slice| {
            let check = Check::new().slice(slice, of);
            let verdict = check.run(program(|| Sum::<true>(0), 2, 2));
            (verdict.explored().runs, verdict.explored().redundant)
        };
        let (runs, given_up): (Vec<u64>, Vec<u64>) = (1..=of).map(explored).unzip();
        assert_eq!((runs.iter().sum::<u64>(), given_up.iter().sum::<u64>()), (18, redundant), "{runs:?}");
        shares.push(runs);
    }
    assert_eq!(shares, [vec![18], vec![10, 8], vec![6, 8, 4], vec![10, 0, 0, 8]], "how many of them each slice has");
}

/// What commutes is met below the beginnings only: each part begins again, and keeps its share.
#[test]
fn slices_that_begin_again_below_their_beginnings_keep_their_shares() {
    let deep = |env: &mut Env<'_>| {
        let sum = env.spawn(Sum::<true>(0));
        for n in 1..=2 {
            let sum = sum.clone();
            env.spawn(act(move |left, cx| match left {
                0 => sum.tell(Count::Add(n), cx),
                _ => cx.tell_self(left - 1),
            }))
            .tell(20, env);
        }
        fan_in(3, 2)(env);
    };
    assert_eq!(complete(Check::new(), deep).runs, 90);
    let shares = (1..=3).map(|slice| Check::new().slice(slice, 3).run(deep).explored().runs);
    assert_eq!(shares.collect::<Vec<_>>(), [90, 0, 0]);
}
