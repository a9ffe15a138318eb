//! Where workers sleep: no wake-up is lost, and the end of all work is found, neither too early nor never.

use backwater::internals::pool::hall::Hall;
use backwater::internals::sync::{Arc, AtomicU32, Condvar, Mutex, Ordering, lock, thread};
use model_tests::{check, preemptions};

fn begin<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::spawn("model", work).expect("a model has threads")
}

/// A driver that sleeps until it is rung.
#[derive(Default)]
struct Ring {
    rung: Mutex<bool>,
    wake: Condvar,
}

impl Ring {
    fn ring(&self) {
        *lock(&self.rung) = true;
        self.wake.notify_all();
    }

    fn wait(&self) {
        let mut rung = lock(&self.rung);
        while !*rung {
            rung = self.wake.wait(rung).unwrap();
        }
        *rung = false;
    }
}

fn hall(workers: usize) -> (Arc<Hall>, Arc<Ring>) {
    let ring = Arc::new(Ring::default());
    let ringing = ring.clone();
    (Arc::new(Hall::new(workers, Box::new(move || ringing.ring()))), ring)
}

/// T5. A worker goes to sleep while an actor is injected: it is woken, or has seen it. Were the wake-up lost, nobody
/// would ever run, and loom calls that a deadlock. At most four preemptions.
#[test]
fn a_worker_that_falls_asleep_does_not_miss_what_is_injected() {
    check("a_worker_that_falls_asleep_does_not_miss_what_is_injected", preemptions(4), |_| {
        let (hall, _) = hall(1);
        let shared = hall.clone();
        let worker = begin(move || {
            loop {
                if let Some(seat) = shared.park(0).seat {
                    return seat;
                }
            }
        });
        hall.inject([7]);
        assert_eq!(worker.join().unwrap(), 7);
    });
}

/// T5. The same with a fall that this worker alone has to hear of, and the other that must not take it.
#[test]
fn a_worker_that_falls_asleep_does_not_miss_a_fall() {
    check("a_worker_that_falls_asleep_does_not_miss_a_fall", preemptions(3), |_| {
        let (hall, _) = hall(2);
        let shared = hall.clone();
        let worker = begin(move || {
            loop {
                let found = shared.park(1);
                if !found.falls.is_empty() {
                    return found.falls;
                }
            }
        });
        hall.fell(3, [1].into_iter());
        assert_eq!(worker.join().unwrap(), [3]);
    });
}

/// R9. Two workers share three actors: the first that is run makes another one runnable. The driver sleeps until it is
/// rung and then asks: it finds the end, and when it does all has been done. At most two preemptions.
#[test]
fn quiescence_is_found_and_never_early() {
    check("quiescence_is_found_and_never_early", preemptions(2), |_| {
        let (hall, ring) = hall(2);
        let done = Arc::new(AtomicU32::new(0));
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                let (hall, done) = (hall.clone(), done.clone());
                begin(move || work(&hall, worker, &done))
            })
            .collect();
        hall.inject([0, 1]);
        while !hall.is_quiet() {
            ring.wait();
        }
        // Relaxed: what orders it is the hall, and that is what is tested.
        assert_eq!(done.load(Ordering::Relaxed), 3, "R9: quiescent when all is done, and not before");
        hall.close();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

/// Runs what is injected; actor 0 makes actor 2 runnable, once its own run is under way.
fn work(hall: &Hall, worker: usize, done: &AtomicU32) {
    loop {
        let found = hall.park(worker);
        if found.closed {
            return;
        }
        let Some(seat) = found.seat else { continue };
        if seat == 0 {
            hall.inject([2]);
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// R9. An actor that only the driver runs is made runnable as the last worker falls asleep: that is not the end.
#[test]
fn a_pinned_actor_that_is_runnable_is_not_the_end() {
    check("a_pinned_actor_that_is_runnable_is_not_the_end", preemptions(3), |_| {
        let (hall, ring) = hall(1);
        let shared = hall.clone();
        let worker = begin(move || {
            loop {
                let found = shared.park(0);
                match found.seat {
                    Some(seat) => shared.inject_pinned(seat + 1),
                    None if found.closed => return,
                    None => {}
                }
            }
        });
        hall.inject([1]);
        let mut pinned = Vec::new();
        loop {
            pinned.append(&mut hall.take_pinned());
            if hall.is_quiet() {
                break;
            }
            ring.wait();
        }
        assert_eq!(pinned, [2], "R9: what is pinned is run before the end is found");
        hall.close();
        worker.join().unwrap();
    });
}
