//! Overload: actors that handle full batches hold back their senders until they catch up. It ends by itself (R4), in a
//! ring too; and a burst of one behaviour is as long as it is (R14).

use backwater::{Actor, Addr, Check, Context, Env, Fault};

/// Passes every number on that is above 0.
#[derive(Default)]
struct Hop(Option<Addr<Pass>>);

#[derive(Debug)]
enum Pass {
    Next(Addr<Pass>),
    Token(u32),
}

impl Actor for Hop {
    type Msg = Pass;

    fn receive(&mut self, pass: Pass, cx: &mut Context<'_, Self>) {
        match pass {
            Pass::Next(next) => self.0 = Some(next),
            Pass::Token(left) if left > 0 => self.0.iter().for_each(|next| next.tell(Pass::Token(left - 1), cx)),
            Pass::Token(_) => {}
        }
    }
}

pub(crate) fn ring(env: &mut Env<'_>) {
    let (one, two) = (env.spawn(Hop::default()), env.spawn(Hop::default()));
    one.tell(Pass::Next(two.clone()), env);
    two.tell(Pass::Next(one.clone()), env);
    one.tell(Pass::Token(1), env);
    two.tell(Pass::Token(1), env);
}

#[test]
fn a_ring_of_overloaded_actors_catches_up() {
    crate::passes_with(Check::new().batch(1), ring);
}

/// Five messages to one receiver in one behaviour.
pub(crate) fn burst(env: &mut Env<'_>) {
    let hop = env.spawn(Hop::default());
    let what = (0..5).map(|_| (hop.clone(), ())).collect::<Vec<_>>();
    struct Burst(Vec<(Addr<Pass>, ())>);
    impl Actor for Burst {
        type Msg = ();
        fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) {
            self.0.iter().for_each(|(to, ())| to.tell(Pass::Token(0), cx));
        }
    }
    env.spawn(Burst(what)).tell((), env);
}

#[test]
fn a_burst_is_as_long_as_it_is() {
    crate::passes_with(Check::new().batch(2).max_mailbox(5), burst);
    let failure = crate::fails(Check::new().batch(2).max_mailbox(4), burst);
    assert!(matches!(failure.fault, Fault::MailboxTooLong { limit: 4, .. }));
}
