//! The mailbox: every push arrives once, in order, and exactly one push schedules.

use backwater::internals::mailbox::Nodes;
use backwater::internals::sync::{Arc, Leaks, thread};
use model_tests::actor::{Bare, depot};
use model_tests::{ALL, check, preemptions};

/// Sends `count` messages as sender `who`; whoever finds the actor idle runs it until it rests.
fn send_and_run(actor: &Bare, who: u32, count: u32, nodes: &mut Nodes, leaks: &Leaks) {
    for n in 0..count {
        if actor.send(leaks.track((who, n)), nodes) {
            // SAFETY: the push that finds it idle makes its sender the owner.
            unsafe { actor.run_to_rest(nodes) };
        }
    }
}

fn senders(counts: &'static [u32], leaks: &Leaks) -> Vec<(u32, u32)> {
    let (actor, depot) = (Arc::new(Bare::new()), depot(4));
    let begin = |who: u32| {
        let (actor, leaks, depot) = (actor.clone(), leaks.clone(), depot.clone());
        let count = counts[who as usize];
        let work = move || send_and_run(&actor, who, count, &mut Nodes::new(&depot), &leaks);
        thread::spawn("sender", work).expect("a model has threads")
    };
    let threads: Vec<_> = (1..counts.len() as u32).map(begin).collect();
    send_and_run(&actor, 0, counts[0], &mut Nodes::new(&depot), leaks);
    threads.into_iter().for_each(|thread| thread.join().expect("no sender panics"));
    actor.handled()
}

/// In order of each sender, nothing twice, nothing lost.
fn assert_all(handled: &[(u32, u32)], counts: &[u32]) {
    for (who, count) in (0..).zip(counts) {
        let of_one: Vec<u32> = handled.iter().filter(|(sender, _)| *sender == who).map(|(_, n)| *n).collect();
        assert!(of_one.iter().copied().eq(0..*count), "R1: sender {who} sent {count}, and {of_one:?} arrived");
    }
    let sent: u32 = counts.iter().sum();
    assert_eq!(handled.len(), sent as usize, "R1: as many arrive as were sent");
}

/// R1, T5, T6. Two senders, one message each, all interleavings: were there two owners at once, loom would see both
/// touch the actor's data; were there none, a message would be left. Below a second.
#[test]
fn of_two_pushes_to_an_idle_actor_one_schedules_and_both_arrive() {
    check("of_two_pushes_to_an_idle_actor_one_schedules_and_both_arrive", ALL, |leaks| {
        assert_all(&senders(&[1, 1], leaks), &[1, 1]);
    });
}

/// R1, T5, T6. Push against rest, again and again: the second message may find the actor idle, awake, or about to rest.
#[test]
fn a_push_while_the_owner_goes_to_rest_is_neither_lost_nor_run_twice() {
    check("a_push_while_the_owner_goes_to_rest_is_neither_lost_nor_run_twice", preemptions(4), |leaks| {
        assert_all(&senders(&[2, 2], leaks), &[2, 2]);
    });
}

/// R1. Three senders: the stack has more than one writer while a third takes it.
#[test]
fn three_senders_and_their_order() {
    check("three_senders_and_their_order", preemptions(2), |leaks| {
        assert_all(&senders(&[2, 1, 1], leaks), &[2, 1, 1]);
    });
}

/// R8. What is still in the inbox when its actor ends is taken and dropped, each once; the tracker counts.
#[test]
fn what_nobody_handled_is_dropped_once() {
    check("what_nobody_handled_is_dropped_once", ALL, |leaks| {
        let (actor, depot) = (Arc::new(Bare::new()), depot(2));
        let (other, theirs, shared) = (actor.clone(), leaks.clone(), depot.clone());
        let work = move || other.send(theirs.track((1, 0)), &mut Nodes::new(&shared));
        let sender = thread::spawn("sender", work).expect("a model has threads");
        let mut nodes = Nodes::new(&depot);
        let mine = actor.send(leaks.track((0, 0)), &mut nodes);
        let theirs = sender.join().expect("no sender panics");
        assert!(mine != theirs, "T6: one of them found it idle");
        // SAFETY: all threads are joined; whoever was the owner is this thread now.
        let mut chain = unsafe { actor.inbox.take_all() }.map(|chain| chain.first);
        while let Some(link) = chain {
            // SAFETY: taken above.
            chain = unsafe { backwater::internals::mailbox::next(link) };
            // SAFETY: taken above, once.
            unsafe { nodes.discard(link, |_| ()) };
        }
    });
}

/// T5, T6. Idle, awake and empty, awake with a message: told apart; of two who would wake it one does. Below a second.
#[test]
fn an_inbox_says_whether_it_is_idle_and_whether_something_came() {
    check("an_inbox_says_whether_it_is_idle_and_whether_something_came", ALL, |leaks| {
        let (actor, depot) = (Arc::new(Bare::new()), depot(4));
        let mut nodes = Nodes::new(&depot);
        let is = |idle, some| assert_eq!((actor.inbox.is_idle(), actor.inbox.has_some()), (idle, some));
        is(true, false);
        let other = actor.clone();
        let waker = thread::spawn("waker", move || other.inbox.wake()).expect("a model has threads");
        let mine = actor.inbox.wake();
        assert!(mine != waker.join().expect("nobody panics"), "T6: whoever wakes it has it in hand, and nobody else");
        is(false, false);
        assert!(!actor.send(leaks.track((0, 0)), &mut nodes), "T6: somebody has it in hand");
        is(false, true);
        assert!(!actor.inbox.rest(), "T5: something is there");
        // SAFETY: it was woken, and the other thread is done.
        unsafe { actor.run_to_rest(&mut nodes) };
        is(true, false);
    });
}
