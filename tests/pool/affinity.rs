//! Which thread and which processor an actor runs on, where that is said: pinned actors, and `processors`.

use super::{act, each};
use backwater::{SpawnOptions, Summary};
use std::sync::{Arc, Mutex};

/// Who sends to whom does not matter: all pinned actors share one thread, the one that called `run`.
#[test]
fn pinned_actors_run_on_the_thread_that_called_run_and_the_others_do_not() {
    let threads = Arc::new(Mutex::new([Vec::new(), Vec::new()]));
    let here = std::thread::current().id();
    each(
        |env| {
            let note = |pinned: usize| {
                let threads = threads.clone();
                move || threads.lock().unwrap()[pinned].push(std::thread::current().id())
            };
            for _ in 0..4 {
                let pinned = SpawnOptions::new().pinned();
                let of_pinned = note(1);
                let pinned = env.spawn_with(pinned, act(move |_, _| of_pinned()));
                let of_free = note(0);
                let free = env.spawn(act(move |n, cx| {
                    of_free();
                    pinned.tell(n, cx);
                    if n > 0 {
                        cx.tell_self(n - 1);
                    }
                }));
                free.tell(99, env);
            }
        },
        |result: Result<Summary, _>| {
            result.unwrap();
            let [free, pinned] = std::mem::take(&mut *threads.lock().unwrap());
            assert_eq!((free.len(), pinned.len()), (400, 400));
            assert!(pinned.iter().all(|thread| *thread == here) && free.iter().all(|thread| *thread != here));
        },
    );
}

#[cfg(all(feature = "affinity", target_os = "linux"))]
mod processors {
    use super::{Arc, Mutex, act};
    use backwater::{RunError, Runtime};

    /// The processors that this thread may run on, as Linux writes them: `0-1,4`.
    fn mine() -> String {
        let status = std::fs::read_to_string("/proc/thread-self/status").expect("Linux tells");
        let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        line.expect("there is such a line").trim().to_owned()
    }

    fn first(list: &str) -> usize {
        let digits: String = list.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a list begins with a number")
    }

    #[test]
    fn threads_run_on_the_processors_that_are_given_and_the_caller_stays() {
        let (before, seen) = (mine(), Arc::new(Mutex::new(Vec::new())));
        let processor = first(&before);
        let of_run = seen.clone();
        let result = Runtime::builder().threads(2).processors([processor]).run(move |env| {
            for _ in 0..8 {
                let seen = of_run.clone();
                env.spawn(act(move |_, _| seen.lock().unwrap().push(mine()))).tell(0, env);
            }
        });
        result.unwrap();
        let seen = seen.lock().unwrap();
        assert!(seen.len() == 8 && seen.iter().all(|list| *list == processor.to_string()), "{seen:?}");
        assert_eq!(mine(), before);
    }

    #[test]
    fn processors_that_cannot_be_had_are_refused_with_the_remedy() {
        let refused = |builder: backwater::Builder| match builder.run(|_| panic!("main does not run")) {
            Err(RunError::Config(why)) => why,
            other => panic!("it was to be refused, not {other:?}"),
        };
        let before = mine();
        assert!(refused(Runtime::builder().processors([0])).contains("give `threads` too"));
        assert!(refused(Runtime::builder().threads(2).processors([])).contains("name some"));
        let why = refused(Runtime::builder().threads(2).processors([first(&before), 99_999]));
        assert!(why.contains("no processor 99999; it has ") && why.contains(&first(&before).to_string()), "{why}");
        assert_eq!(mine(), before);
    }
}
