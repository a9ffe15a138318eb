//! The run queue: no actor is lost, none is run twice, and what the last owner did is seen by the next.

use backwater::internals::pool::deque::Deque;
use backwater::internals::sync::{Arc, UnsafeCell, thread};
use model_tests::{check, preemptions};

/// Actors' own data: under loom, two owners at once, or one that does not see what the last did, are a failure.
struct Actors(Vec<UnsafeCell<u32>>);

// SAFETY: an actor's data is touched by whoever has its seat, which is what the tests are about.
unsafe impl Sync for Actors {}
// SAFETY: as above.
unsafe impl Send for Actors {}

impl Actors {
    fn new(count: u32) -> Arc<Self> {
        Arc::new(Actors((0..count).map(|_| UnsafeCell::new(0)).collect()))
    }

    /// What the last owner did to an actor before it went into the queue.
    fn run_before(&self, seat: u32) {
        // SAFETY: the seat is in no queue yet.
        self.0[seat as usize].with_mut(|runs| unsafe { *runs = 0 });
    }

    fn run(&self, seat: u32) {
        // SAFETY: the caller took the seat from a queue.
        self.0[seat as usize].with_mut(|runs| unsafe { *runs += 1 });
    }

    fn assert_all_ran_once(&self) {
        // SAFETY: all threads are joined.
        let runs: Vec<u32> = self.0.iter().map(|runs| runs.with(|runs| unsafe { *runs })).collect();
        assert!(runs.iter().all(|runs| *runs == 1), "T6: each is run once: {runs:?}");
    }
}

/// Takes everything out and runs it.
fn drain(actors: &Actors, mine: &Deque) {
    std::iter::from_fn(|| mine.pop()).for_each(|seat| actors.run(seat));
}

fn thief(actors: &Arc<Actors>, from: &Arc<Deque>) -> thread::JoinHandle<()> {
    let (actors, from) = (actors.clone(), from.clone());
    let work = move || {
        let mine = Deque::default();
        while let Some(seat) = from.steal_half_into(&mine) {
            actors.run(seat);
            drain(&actors, &mine);
        }
    };
    thread::spawn("thief", work).expect("a model has threads")
}

/// T5, T6. The owner puts in and takes out while a thief takes halves. At most three preemptions.
#[test]
fn what_is_pushed_is_taken_once_by_owner_or_thief() {
    check("what_is_pushed_is_taken_once_by_owner_or_thief", preemptions(3), |_| {
        let (actors, deque) = (Actors::new(4), Arc::new(Deque::default()));
        let push = |seat: u32| {
            actors.run_before(seat);
            deque.push(seat).expect("there is room");
        };
        (0..2).for_each(push);
        let thief = thief(&actors, &deque);
        (2..4).for_each(push);
        drain(&actors, &deque);
        thief.join().unwrap();
        actors.assert_all_ran_once();
    });
}

/// T6. Two thieves at one queue whose owner only takes. At most two preemptions.
#[test]
fn two_thieves_and_the_owner_share_what_there_is() {
    check("two_thieves_and_the_owner_share_what_there_is", preemptions(2), |_| {
        let (actors, deque) = (Actors::new(5), Arc::new(Deque::default()));
        (0..5).for_each(|seat| deque.push(seat).expect("there is room"));
        let thieves = [thief(&actors, &deque), thief(&actors, &deque)];
        drain(&actors, &deque);
        thieves.into_iter().for_each(|thief| thief.join().unwrap());
        actors.assert_all_ran_once();
    });
}
