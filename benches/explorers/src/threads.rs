//! The three programs as threads with locks and condition variables, for loom and for shuttle, whose interfaces are alike.

use crate::case::{Case, Outcome, Program};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

macro_rules! programs {
    ($name:ident, $($tool:tt)+) => {
        mod $name {
            use $($tool)+::sync::atomic::{AtomicUsize, Ordering::SeqCst};
            use $($tool)+::sync::{Arc, Condvar, Mutex};
            use $($tool)+::thread;

            pub fn counter(bug: bool) {
                let value = Arc::new(AtomicUsize::new(0));
                let clients = [(); 2].map(|()| {
                    let value = value.clone();
                    thread::spawn(move || {
                        for _ in 0..3 {
                            match bug {
                                true => {
                                    let read = value.load(SeqCst);
                                    value.store(read + 1, SeqCst);
                                }
                                false => drop(value.fetch_add(1, SeqCst)),
                            }
                        }
                    })
                });
                clients.into_iter().for_each(|client| client.join().expect("a client ends"));
                assert_eq!(value.load(SeqCst), 6, "an update was lost");
            }

            struct Buffer {
                len: Mutex<usize>,
                has_room: Condvar,
                has_items: Condvar,
            }

            impl Buffer {
                fn put(&self) {
                    let mut len = self.len.lock().expect("no panic");
                    while *len == 2 {
                        len = self.has_room.wait(len).expect("no panic");
                    }
                    *len += 1;
                    self.has_items.notify_one();
                }

                fn take(&self, bug: bool) {
                    let mut len = self.len.lock().expect("no panic");
                    while *len == 0 {
                        len = self.has_items.wait(len).expect("no panic");
                    }
                    let was_full = *len == 2;
                    *len -= 1;
                    if was_full || !bug {
                        self.has_room.notify_one();
                    }
                }
            }

            pub fn buffer(per: u8, bug: bool) {
                let buffer = Arc::new(Buffer { len: Mutex::new(0), has_room: Condvar::new(), has_items: Condvar::new() });
                let sides = [true, true, false, false].map(|puts| {
                    let buffer = buffer.clone();
                    thread::spawn(move || (0..per).for_each(|_| if puts { buffer.put() } else { buffer.take(bug) }))
                });
                sides.into_iter().for_each(|side| side.join().expect("a side ends"));
            }

            struct Sink {
                /// Messages that wait, and whether it is under pressure.
                state: Mutex<(u8, bool)>,
                arrived: Condvar,
                released: Condvar,
            }

            pub fn pressure(per: u8, bug: bool) {
                let sink = Arc::new(Sink { state: Mutex::new((0, false)), arrived: Condvar::new(), released: Condvar::new() });
                let senders = [(); 3].map(|()| {
                    let sink = sink.clone();
                    thread::spawn(move || {
                        for _ in 0..per {
                            let mut state = sink.state.lock().expect("no panic");
                            state.0 += 1;
                            sink.arrived.notify_one();
                            while state.1 {
                                state = sink.released.wait(state).expect("no panic");
                            }
                        }
                    })
                });
                for seen in 0..3 * per {
                    let mut state = sink.state.lock().expect("no panic");
                    while state.0 == 0 {
                        state = sink.arrived.wait(state).expect("no panic");
                    }
                    state.0 -= 1;
                    state.1 |= seen == 0;
                    if state.0 == 0 && state.1 && !bug {
                        state.1 = false;
                        sink.released.notify_all();
                    }
                    drop(state);
                    thread::yield_now();
                }
                senders.into_iter().for_each(|sender| sender.join().expect("a sender ends"));
            }
        }
    };
}

programs!(in_loom, loom);
programs!(in_shuttle, shuttle);

static RUNS: AtomicU64 = AtomicU64::new(0);

/// Runs so far.
pub fn runs() -> u64 {
    RUNS.load(Relaxed)
}

/// loom, up to so many preemptions.
pub fn loom(preemptions: Option<usize>, case: Case) -> Outcome {
    let mut model = loom::model::Builder::new();
    model.max_duration = Some(case.limit());
    model.max_branches = 100_000;
    model.preemption_bound = preemptions;
    let Case { program, bug, per, .. } = case;
    let begun = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        model.check(move || {
            RUNS.fetch_add(1, Relaxed);
            match program {
                Program::Counter => in_loom::counter(bug),
                Program::Buffer => in_loom::buffer(per, bug),
                Program::Pressure => in_loom::pressure(per, bug),
            }
        });
    }));
    let in_time = begun.elapsed() < case.limit();
    Outcome {
        runs: runs(),
        found: ended.is_err(),
        complete: ended.is_ok() && in_time && preemptions.is_none(),
        ..Outcome::default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shuttle {
    Random,
    Pct,
    Dfs,
}

pub fn shuttle(how: Shuttle, case: Case) -> Outcome {
    use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler};
    let mut config = shuttle::Config::new();
    config.failure_persistence = shuttle::FailurePersistence::None;
    config.max_time = Some(case.limit());
    let Case { program, bug, per, seed, .. } = case;
    let main = move || {
        RUNS.fetch_add(1, Relaxed);
        match program {
            Program::Counter => in_shuttle::counter(bug),
            Program::Buffer => in_shuttle::buffer(per, bug),
            Program::Pressure => in_shuttle::pressure(per, bug),
        }
    };
    let (begun, many) = (Instant::now(), usize::MAX / 2);
    let ended = catch_unwind(AssertUnwindSafe(|| match how {
        Shuttle::Random => shuttle::Runner::new(RandomScheduler::new_from_seed(seed, many), config).run(main),
        Shuttle::Pct => shuttle::Runner::new(PctScheduler::new_from_seed(seed, 3, many), config).run(main),
        Shuttle::Dfs => shuttle::Runner::new(DfsScheduler::new(None, false), config).run(main),
    }));
    let in_time = begun.elapsed() < case.limit();
    Outcome {
        runs: runs(),
        found: ended.is_err(),
        complete: ended.is_ok() && in_time && how == Shuttle::Dfs,
        ..Outcome::default()
    }
}
