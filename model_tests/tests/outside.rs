//! The single-threaded runtime and what other threads may touch: inlets, outlets, guards, the bell. The whole runtime
//! runs, on a thread of the model.

use backwater::internals::sync::thread;
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Env, Inlet, PressureGuard, RunError, Runtime,
    Summary,
};
use model_tests::handed::Handed;
use model_tests::{check, preemptions};
use std::time::Duration;

/// In the model nothing times out: who is not woken is a deadlock, and loom says so.
const LONG: Duration = Duration::from_secs(60);

fn begin<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::spawn("model", work).expect("a model has threads")
}

/// Runs a program on a thread of the model, whose stack is large enough.
fn run(main: impl FnOnce(&mut Env<'_>) + Send + 'static) -> thread::JoinHandle<Result<Summary, RunError>> {
    begin(move || Runtime::builder().virtual_time().run(main))
}

#[derive(Clone, Copy, Debug)]
enum Say {
    Press,
    Ease,
    Data,
}

struct Sink {
    auth: ApplyReleaseBackpressureAuth,
    got: u32,
}

impl Actor for Sink {
    type Msg = Say;

    fn receive(&mut self, say: Say, cx: &mut Context<'_, Self>) {
        match say {
            Say::Press => {
                Backpressure::apply(&self.auth, cx);
                cx.tell_self(Say::Ease);
            }
            Say::Ease => Backpressure::release(&self.auth, cx),
            Say::Data => self.got += 1,
        }
    }
}

fn sink(env: &mut Env<'_>) -> Addr<Say> {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    env.spawn(Sink { auth, got: 0 })
}

/// R13, R9. An inlet sends while its receiver presses, falls, and goes quiet: the message is taken and handled, the
/// sender is woken, and the runtime ends after the inlet is gone. At most four preemptions.
#[test]
fn an_inlet_waits_for_the_fall_and_the_runtime_for_the_inlet() {
    check("an_inlet_waits_for_the_fall_and_the_runtime_for_the_inlet", preemptions(4), |_| {
        let handed = Handed::<Inlet<Say>>::new();
        let to = handed.clone();
        let runtime = run(move |env| {
            let sink = sink(env);
            to.put(env.inlet(&sink));
            sink.tell(Say::Press, env);
        });
        let inlet = handed.take();
        inlet.send(Say::Data, LONG).expect("R13: the receiver falls, and takes it then");
        drop(inlet);
        let summary = runtime.join().unwrap().expect("R9: it ends well");
        assert_eq!(summary.stats.totals.handled, 3, "R1: press, ease, data");
    });
}

struct Holder {
    auth: ApplyReleaseBackpressureAuth,
    guard: Handed<PressureGuard>,
}

impl Actor for Holder {
    type Msg = u32;

    fn receive(&mut self, n: u32, cx: &mut Context<'_, Self>) {
        if n == 0 {
            self.guard.put(Backpressure::hold(&self.auth, cx));
        }
    }
}

struct Talker(Addr<u32>);

impl Actor for Talker {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        self.0.tell(1, cx);
    }
}

/// R5, R6, R9. A guard is dropped on another thread while its actor's sender is muted or about to be, and while the
/// runtime asks whether it has ended. Either the drop is seen, and all ends well; or the guard is still alive when the
/// runtime is quiescent, and the report says so. It never hangs. At most four preemptions.
#[test]
fn a_guard_dropped_elsewhere_frees_its_senders_or_the_report_names_it() {
    check("a_guard_dropped_elsewhere_frees_its_senders_or_the_report_names_it", preemptions(4), |_| {
        let guard = Handed::<PressureGuard>::new();
        let to = guard.clone();
        let runtime = run(move |env| {
            let auth = ApplyReleaseBackpressureAuth::from(&env.root);
            let holder = env.spawn(Holder { auth, guard: to });
            holder.tell(0, env);
            env.spawn(Talker(holder)).tell((), env);
        });
        drop(guard.take());
        match runtime.join().unwrap() {
            Ok(summary) => assert_eq!(summary.stats.totals.handled, 3, "R1: all was handled"),
            Err(RunError::Deadlock(report)) => assert_eq!(report.muted.len(), 1, "R10: the talker was muted"),
            Err(other) => panic!("{other}"),
        }
    });
}

/// R9. The last inlet goes while the runtime goes to sleep: it wakes, and ends. At most five preemptions.
#[test]
fn the_last_inlet_to_go_wakes_the_runtime() {
    check("the_last_inlet_to_go_wakes_the_runtime", preemptions(5), |_| {
        let handed = Handed::<Inlet<Say>>::new();
        let to = handed.clone();
        let runtime = run(move |env| {
            let sink = sink(env);
            to.put(env.inlet(&sink));
        });
        drop(handed.take());
        assert!(runtime.join().unwrap().is_ok());
    });
}
