//! The load of an actor against those who mark it: T1, T5, T6 where a fall meets a mark.

use backwater::internals::pool::hall::Hall;
use backwater::internals::pool::word::{Waiters, Word};
use backwater::internals::sync::{Arc, AtomicU32, Ordering, thread};
use backwater::rules::{Action, Event, Load, Marks, marks};
use model_tests::{ALL, check, preemptions};

const WORKERS: usize = 2;

fn begin<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::spawn("model", work).expect("a model has threads")
}

/// What a send does: looks, and if the receiver presses, remembers the era; what the end of the behaviour does: asks to
/// be told. True if it now holds a mark.
fn send_and_settle(receiver: &Word, worker: usize) -> bool {
    let seen = receiver.look();
    marks(Load::IDLE, seen.load()) && receiver.wait_for(seen.era(), worker)
}

fn told(waiters: Waiters) -> Vec<usize> {
    waiters.among(WORKERS).collect()
}

/// T1, T6. A worker marks a receiver while it falls: either the fall tells the worker, once, or there is no mark. All
/// interleavings.
#[test]
fn a_mark_made_while_the_receiver_falls_is_told_or_is_none() {
    check("a_mark_made_while_the_receiver_falls_is_told_or_is_none", ALL, |_| {
        let word = Arc::new(Word::default());
        assert_eq!(word.step(Event::Apply).1, Action::Rise);
        let shared = word.clone();
        let sender = begin(move || send_and_settle(&shared, 1));
        let (_, action, waiters) = word.step(Event::Release);
        assert_eq!(action, Action::Fall);
        let marked = sender.join().unwrap();
        assert_eq!(told(waiters), if marked { vec![1] } else { vec![] }, "T1: who holds a mark is told, nobody else");
    });
}

/// T1, T8. The receiver falls and presses again while the worker still remembers the first time: the mark of the first
/// time is gone, and the second fall tells nobody who did not ask in its own time. All interleavings.
#[test]
fn a_mark_belongs_to_the_time_in_which_its_receiver_was_seen_to_press() {
    check("a_mark_belongs_to_the_time_in_which_its_receiver_was_seen_to_press", ALL, |_| {
        let word = Arc::new(Word::default());
        let _ = word.step(Event::Apply);
        let seen = word.look();
        let shared = word.clone();
        let sender = begin(move || shared.wait_for(seen.era(), 0));
        let first = told(word.step(Event::Release).2);
        let _ = word.step(Event::Apply);
        let second = told(word.step(Event::Release).2);
        let marked = sender.join().unwrap();
        assert_eq!((first, second), (if marked { vec![0] } else { vec![] }, vec![]), "T8: of its own time, once");
    });
}

/// T6. Two workers mark, one receiver falls: each that marked is told once. At most three preemptions.
#[test]
fn every_worker_that_marked_is_told() {
    check("every_worker_that_marked_is_told", preemptions(3), |_| {
        let word = Arc::new(Word::default());
        let _ = word.step(Event::Apply);
        let senders: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let word = word.clone();
                begin(move || send_and_settle(&word, worker))
            })
            .collect();
        let waiters = told(word.step(Event::Release).2);
        let marked: Vec<bool> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        let expected: Vec<usize> = (0..WORKERS).filter(|worker| marked[*worker]).collect();
        assert_eq!(waiters, expected, "T6: each that holds a mark, once");
    });
}

/// R6, T8. An actor is overloaded, has applied, and holds a guard that another thread drops: of the three ends, in any
/// order, one is the fall, and that one tells the worker that waits. All interleavings.
#[test]
fn of_several_ends_of_pressure_one_is_the_fall() {
    check("of_several_ends_of_pressure_one_is_the_fall", ALL, |_| {
        let word = Arc::new(Word::default());
        for event in [Event::Overload, Event::Apply, Event::Hold] {
            let _ = word.step(event);
        }
        assert!(send_and_settle(&word, 1), "it presses");
        let shared = word.clone();
        let dropper = begin(move || shared.step(Event::Drop));
        let mut falls = vec![word.step(Event::Release), word.step(Event::CatchUp)];
        falls.push(dropper.join().unwrap());
        assert!(falls.iter().all(|(_, action, _)| *action != Action::Redundant), "R5: each ends a reason of its own");
        falls.retain(|(_, action, _)| *action == Action::Fall);
        assert_eq!(falls.len(), 1, "T8: one fall, with nothing left that presses");
        assert_eq!(told(falls[0].2), [1], "T1: and it tells who waits");
    });
}

/// R3, T2. The last guard is dropped on another thread while its actor's behaviour ends with a mark: it is exempt or it
/// is muted, and never a source too. All interleavings.
#[test]
fn an_actor_whose_guard_goes_at_the_end_of_its_behaviour_is_muted_or_exempt() {
    check("an_actor_whose_guard_goes_at_the_end_of_its_behaviour_is_muted_or_exempt", ALL, |_| {
        let word = Arc::new(Word::default());
        let _ = word.step(Event::Hold);
        let shared = word.clone();
        // The one that may only look is not the one that loom runs first: see the crate.
        let behaviour = begin(move || shared.step(Event::EndMarked).1);
        assert_eq!(word.step(Event::Drop).1, Action::Fall, "the guard was all that pressed");
        let settled = behaviour.join().unwrap();
        let expected = if settled == Action::Mute { Load::MUTED } else { Load::IDLE };
        assert_eq!(word.look().load(), expected, "T2: and R3 says which");
    });
}

/// R8, T1. A receiver ends while a worker marks it: told, or no mark; nobody waits for the dead. All interleavings.
#[test]
fn nobody_waits_for_an_actor_that_has_ended() {
    check("nobody_waits_for_an_actor_that_has_ended", ALL, |_| {
        let word = Arc::new(Word::default());
        let _ = word.step(Event::Apply);
        let shared = word.clone();
        let sender = begin(move || send_and_settle(&shared, 0));
        let (_, action, waiters) = word.step(Event::Stop);
        assert_eq!(action, Action::Fall, "R8: its end is a fall");
        let marked = sender.join().unwrap();
        assert_eq!(told(waiters), if marked { vec![0] } else { vec![] });
    });
}

/// The seats of a chain: 2 is held back by 1, which is held back by 0.
struct Chain {
    words: [Word; 3],
    hall: Hall,
}

/// A worker with nothing but falls to hear of: frees whom they free, passes their falls on, and ends when it is told to.
fn free_all(chain: &Chain, worker: usize, marks: &mut Marks, wanted: u32) {
    let mut freed = Vec::new();
    while !freed.contains(&wanted) {
        for fallen in chain.hall.park(worker).falls {
            let from = freed.len();
            marks.fall(fallen, &mut freed, u64::from);
            for seat in freed[from..].iter().copied() {
                let (_, action, waiters) = chain.words[seat as usize].step(Event::Free);
                assert_eq!(action, Action::Fall, "T2: it was muted and nothing else");
                chain.hall.fell(seat, waiters.among(WORKERS));
            }
        }
    }
    assert!(marks.is_empty(), "T4: nobody waits here");
}

/// T3, T4, T5, T6. A chain over three actors and two workers: the sink's fall reaches both, in turn, and both sleep until
/// it does. At most three preemptions. loom finds the sleeper that is not woken: it is a deadlock there.
#[test]
fn a_fall_goes_up_a_chain_from_worker_to_worker() {
    check("a_fall_goes_up_a_chain_from_worker_to_worker", preemptions(3), |_| {
        let chain = Arc::new(Chain { words: Default::default(), hall: Hall::new(WORKERS, Box::new(|| ())) });
        let _ = chain.words[0].step(Event::Apply);
        let mut marks = [Marks::default(), Marks::default()];
        for (worker, sender) in [(0, 1u32), (1, 2)] {
            let receiver = sender as usize - 1;
            assert!(send_and_settle(&chain.words[receiver], worker));
            marks[worker].mute(sender, &[sender - 1]);
            assert_eq!(chain.words[sender as usize].step(Event::EndMarked).1, Action::Mute);
        }
        let [first, second] = marks;
        let workers: Vec<_> = [(0, first), (1, second)]
            .into_iter()
            .map(|(worker, mut marks)| {
                let chain = chain.clone();
                begin(move || free_all(&chain, worker, &mut marks, worker as u32 + 1))
            })
            .collect();
        let (_, _, waiters) = chain.words[0].step(Event::Release);
        chain.hall.fell(0, waiters.among(WORKERS));
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        assert!(chain.words.iter().all(|word| word.look().load() == Load::IDLE), "T4: nobody is stranded");
    });
}

/// R8. Something is put on an actor while it ends: either its end finds it, or who puts it finds that it has ended. What is
/// put is ordered by the word alone, as in the pool. All interleavings.
#[test]
fn what_is_put_on_an_actor_that_ends_is_found_by_one_of_two() {
    check("what_is_put_on_an_actor_that_ends_is_found_by_one_of_two", ALL, |_| {
        let shared = Arc::new((Word::default(), AtomicU32::new(0)));
        let other = shared.clone();
        let ending = begin(move || {
            let _ = other.0.step(Event::Stop);
            other.1.load(Ordering::Relaxed) == 1
        });
        shared.1.store(1, Ordering::Relaxed);
        let ended = shared.0.meet().load().has(Load::STOPPED);
        assert!(ending.join().unwrap() || ended, "R8: nobody found it");
    });
}
