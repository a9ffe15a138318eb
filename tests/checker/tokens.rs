//! What is made of a failure: a shorter run, a token, a file; and what the environment says.

use super::{complete, fan_in, wrong_order};
use backwater::{Check, Env, Fault, Verdict};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

/// The one bad order of two, among much that has nothing to do with it.
pub(super) fn noisy(env: &mut Env<'_>) {
    wrong_order(env);
    fan_in(3, 2)(env);
}

#[test]
fn a_long_failing_run_is_made_short() {
    let Verdict::Failed(failure) = Check::new().random(100).seed(3).run(noisy) else { panic!("it fails") };
    // Six steps have to be: main tells both senders, who begin and send, and the judge hears the second.
    assert!(failure.steps <= 8 && failure.steps < failure.found.0, "{failure}");
    assert!(failure.switches <= 1, "{failure}");
    let text = failure.to_string();
    assert!(text.contains("the second came first") && text.contains(&failure.token), "{text}");
    let shown = Check::new().show(&failure.token, |_: Duration, _: &backwater::Event<'_>| (), noisy);
    assert!(matches!(shown, Ok(None)) || shown.is_err(), "a token of seed 3 does not fit seed 0");
    assert!(matches!(
        Check::new().seed(3).show(&failure.token, |_: Duration, _: &backwater::Event<'_>| (), noisy),
        Ok(Some(_))
    ));
}

#[test]
fn a_token_that_does_not_fit_is_refused() {
    let Verdict::Failed(failure) = Check::new().run(wrong_order) else { panic!("it fails") };
    let show = |check: Check, token: &str, main: &dyn Fn(&mut Env<'_>)| {
        check.show(token, |_: Duration, _: &backwater::Event<'_>| (), main)
    };
    assert!(matches!(show(Check::new(), &failure.token, &wrong_order), Ok(Some(Fault::Panicked { .. }))));
    for (check, token, main, why) in [
        (Check::new().batch(7), failure.token.as_str(), &wrong_order as &dyn Fn(&mut Env<'_>), "other settings"),
        (Check::new(), &failure.token, &fan_in(1, 1), "has changed"),
        (Check::new(), &failure.token, &fan_in(3, 1), "other steps"),
        (Check::new(), &failure.token[..failure.token.len() - 1], &wrong_order, "cut short"),
        (Check::new(), "bw1.fifo.s0.b100", &wrong_order, "does not begin"),
    ] {
        let refused = show(check, token, main).expect_err(why);
        assert!(refused.contains(why), "{refused}");
    }
}

/// It takes the third of three; where there are two, it is said at which step there is no third.
#[test]
fn a_token_that_takes_somebody_who_is_not_there_is_refused_with_the_step() {
    let program = |third: usize| {
        move |env: &mut Env<'_>| {
            let heard = Arc::new(AtomicU32::new(0));
            let actors = [0, 1, 2].map(|nth| {
                let heard = heard.clone();
                env.spawn(super::act(move |_, _| {
                    let before = heard.fetch_add(1, Relaxed);
                    assert!(nth != 2 || before > 0, "the last came first");
                }))
            });
            [0, 1, third].iter().for_each(|to| actors[*to].tell(0, env));
        }
    };
    let verdict = Check::new().naive().run(program(2));
    let token = &verdict.failure().expect("it fails").token;
    let show = |third| Check::new().show(token, |_: Duration, _: &backwater::Event<'_>| (), program(third));
    assert!(matches!(show(2), Ok(Some(_))));
    let refused = show(1).expect_err("there is no third");
    assert!(refused.ends_with("the program goes another way at step 5: it has changed"), "{refused}");
}

#[test]
fn a_failure_is_remembered_and_tried_first() {
    let dir = std::env::temp_dir().join(format!("backwater-regressions-{}", std::process::id()));
    let file = dir.join("wrong_order.txt");
    let check = || Check::new().regressions(&file);
    let Verdict::Failed(found) = check().run(wrong_order) else { panic!("it fails") };
    let Verdict::Failed(again) = check().run(wrong_order) else { panic!("it fails again") };
    assert_eq!((&found.token, again.explored.runs), (&again.token, 0), "the second time it is known");
    assert!(again.to_string().contains("found among the schedules that failed before, with"), "{again}");
    // A program that was mended takes other steps: the line is passed over.
    complete(check(), fan_in(2, 1));
    let lines = std::fs::read_to_string(&file).expect("the file is there");
    assert_eq!(lines.lines().filter(|line| line.starts_with("bwc1.")).count(), 1);
    std::fs::remove_dir_all(dir).expect("the directory is ours");
}

// --- The environment overrides a test's settings -------------------------------------------------------------------

/// Runs one of the tests below in a process of its own, with these variables; its output.
pub(super) fn with_environment(test: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = std::process::Command::new(std::env::current_exe().expect("a test has a file"));
    command.args(["--exact", test, "--nocapture"]).env("RUST_BACKTRACE", "0").envs(variables.iter().copied());
    let output = command.output().expect("a test can be run");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).expect("tests print text"))
}

/// Passes if four senders give 24 classes, in whatever mode the environment asks for.
#[test]
fn child_of_the_environment() {
    let verdict = Check::new().run(fan_in(4, 1));
    println!("{verdict}");
    if std::env::var_os("BACKWATER_MODE").is_none() {
        assert_eq!(verdict.explored().runs, 24, "{verdict}");
    }
}

#[test]
fn the_environment_chooses_mode_seed_and_time() {
    let run = |variables: &[(&str, &str)]| with_environment("tokens::child_of_the_environment", variables);
    let (passed, text) = run(&[("BACKWATER_MODE", "random:17"), ("BACKWATER_SEED", "3")]);
    assert!(passed && text.contains("a sample: 17 runs"), "{text}");
    let (passed, text) = run(&[("BACKWATER_MODE", "pct:2:5"), ("BACKWATER_MAX_TIME", "100")]);
    assert!(passed && text.contains("a sample: 5 runs"), "{text}");
    for (variable, value) in [("BACKWATER_MODE", "all"), ("BACKWATER_SEED", "x"), ("BACKWATER_MAX_TIME", "-1")] {
        let (passed, text) = run(&[(variable, value)]);
        assert!(!passed && text.contains(&format!("{variable}={value:?} is not")), "{text}");
    }
}

/// Fails; prints its token.
#[test]
fn child_that_fails() {
    let verdict = Check::new().run(wrong_order);
    println!("{verdict}");
    assert!(verdict.failure().is_some(), "{verdict}");
}

/// Its message panics as it is dropped, in the middle of a panic.
#[test]
fn child_that_panics_while_a_panic_unwinds() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the bomb goes off");
        }
    }
    if std::env::var_os("BACKWATER_TEST_BOMB").is_some() {
        let _ = Check::new().run(|env| {
            env.spawn(super::act(|_, _| {
                let _bomb = Bomb;
                panic!("the first panic");
            }))
            .tell(0, env);
        });
    }
}

/// Nothing can catch that: the process ends, but not without a word about where.
#[test]
fn a_panic_while_a_panic_unwinds_is_told_of_before_the_process_ends() {
    let test = "tokens::child_that_panics_while_a_panic_unwinds";
    let (passed, text) = with_environment(test, &[("BACKWATER_TEST_BOMB", "1")]);
    assert!(!passed && text.contains("which nothing can catch"), "{text}");
    assert!(text.contains("backwater: a panic at tests/checker/tokens.rs:"), "{text}");
}

#[test]
fn the_environment_replays_and_keeps_traces() {
    let Verdict::Failed(failure) = Check::new().run(wrong_order) else { panic!("it fails") };
    let run = |variables: &[(&str, &str)]| with_environment("tokens::child_that_fails", variables);
    let (passed, text) = run(&[("BACKWATER_REPLAY", &failure.token)]);
    assert!(passed && text.contains("found in run 1 "), "{text}");
    let (passed, text) = run(&[("BACKWATER_REPLAY", "bwc1.0.0..0")]);
    assert!(!passed && text.contains("cut short or altered"), "{text}");
    let dir = Scratch(std::env::temp_dir().join(format!("backwater-traces-{}", std::process::id())));
    let name = dir.0.to_str().expect("the directory's name is text");
    let (passed, text) = run(&[("BACKWATER_TRACE_DIR", name)]);
    let kept = |end: &str| {
        let files = std::fs::read_dir(&dir.0).expect("it is there").map(|file| file.expect("it can be read").path());
        let mut files = files.filter(|file| file.to_str().is_some_and(|name| name.ends_with(end)));
        files.next().unwrap_or_else(|| panic!("there is a file that ends with {end}"))
    };
    let read = |end: &str| std::fs::read_to_string(kept(end)).expect("the file can be read");
    assert!(passed && read(".report.txt").contains(&failure.token), "{text}");
    assert!(read(".events.txt").contains("#4 handles 1") && read(".chart.mmd").starts_with("sequenceDiagram"));
    // A directory cannot be made below a file.
    let below = kept(".report.txt").join("traces");
    let (passed, text) = run(&[("BACKWATER_TRACE_DIR", below.to_str().expect("text"))]);
    assert!(!passed && text.contains("BACKWATER_TRACE_DIR: cannot write"), "{text}");
}

/// Fails, as its name says by the variable.
#[test]
fn child_that_waits_for_ever() {
    let auth = |env: &Env<'_>| backwater::ApplyReleaseBackpressureAuth::from(&env.root);
    let waits = |env: &mut Env<'_>| {
        let auth = auth(env);
        let gate = env.spawn(super::act(move |n, cx| {
            if n == 0 {
                backwater::Backpressure::apply(&auth, cx);
            }
        }));
        gate.tell(0, env);
        env.spawn(super::act(move |n, cx| gate.tell(n, cx))).tell(1, env);
    };
    match std::env::var("BACKWATER_TEST_WAITS").as_deref() {
        Ok("deadlock") => drop(Check::new().run(waits)),
        Ok(_) => drop(Check::new().states().run(|env| {
            env.spawn(super::Clock).tell((), env);
            waits(env);
        })),
        Err(_) => {}
    }
}

/// Of a deadlock and of a stall it is drawn who waits for whom; of no other failure.
#[test]
fn who_waits_for_whom_is_kept_with_the_traces() {
    let kept = |test: &str, variables: &[(&str, &str)], dir: &str| {
        let dir = Scratch(std::env::temp_dir().join(format!("backwater-{dir}-{}", std::process::id())));
        let name = dir.0.to_str().expect("the directory's name is text");
        let (passed, text) = with_environment(test, &[variables, &[("BACKWATER_TRACE_DIR", name)]].concat());
        assert!(passed, "{text}");
        let files = std::fs::read_dir(&dir.0).expect("it is there").map(|file| file.expect("it can be read").path());
        let mut kept: Vec<(String, String)> = files
            .map(|file| {
                let text = std::fs::read_to_string(&file).expect("it can be read");
                let name = file.file_name().and_then(|name| name.to_str()).expect("its name is text");
                (name.split_once('.').expect("it has an end").1.to_owned(), text)
            })
            .collect();
        kept.sort();
        kept
    };
    let ends = |kept: &[(String, String)]| kept.iter().map(|(end, _)| end.clone()).collect::<Vec<_>>();
    let waits = "tokens::child_that_waits_for_ever";
    for how in ["deadlock", "stall"] {
        let kept = kept(waits, &[("BACKWATER_TEST_WAITS", how)], how);
        assert_eq!(ends(&kept), ["chart.mmd", "events.txt", "report.txt", "waits.dot", "waits.mmd"], "{how}");
        let [.., (_, report), (_, dot), (_, mermaid)] = &kept[..] else { panic!("{kept:?}") };
        assert!(dot.starts_with("digraph") && dot.contains("Act") && mermaid.contains("Act"), "{dot}\n{mermaid}");
        assert!(report.contains(how), "{report}");
    }
    assert_eq!(ends(&kept("tokens::child_that_fails", &[], "plain")), ["chart.mmd", "events.txt", "report.txt"]);
}

/// The line names the test whose thread it is, and on the thread of `main`, or one without a name, none.
#[test]
fn the_line_that_runs_a_failure_again_names_the_test() {
    let replay = |name: Option<&str>| {
        let thread = std::thread::Builder::new();
        let thread = name.iter().fold(thread, |thread, name| thread.name((*name).to_owned()));
        let failing =
            || Check::new().run(wrong_order).failure().map(|failure| (failure.token.clone(), failure.replay.clone()));
        thread.spawn(failing).expect("there is a thread").join().expect("it does not panic").expect("it fails")
    };
    for name in [None, Some("main")] {
        let (token, line) = replay(name);
        assert_eq!(line, format!("BACKWATER_REPLAY={token}"));
    }
    let (token, line) = replay(Some("tokens::some_test"));
    assert_eq!(line, format!("BACKWATER_REPLAY={token} cargo test tokens::some_test -- --exact"));
}

/// Runs with the file of regressions that the variable names.
#[test]
fn child_that_knows_what_failed() {
    if let Some(file) = std::env::var_os("BACKWATER_TEST_FILE") {
        assert!(Check::new().regressions(file).run(wrong_order).failure().is_some());
    }
}

/// A file of regressions may hold comments and empty lines; a line that fits no more is said to, and passed over.
#[test]
fn a_file_of_regressions_is_read_line_by_line() {
    let dir = Scratch(std::env::temp_dir().join(format!("backwater-lines-{}", std::process::id())));
    std::fs::create_dir_all(&dir.0).expect("it can be made");
    let file = dir.0.join("lines.txt");
    let token = |main: &dyn Fn(&mut Env<'_>)| {
        Check::new().run(main).failure().map(|failure| failure.token.clone()).expect("it fails")
    };
    let (one, other) = (token(&wrong_order), token(&noisy));
    let text = format!("# a comment\n\n  {one}\n \n#{one}\n");
    std::fs::write(&file, &text).expect("it can be written");
    let check = || Check::new().regressions(&file);
    let again = check().run(wrong_order);
    assert_eq!(again.failure().map(|again| (again.token.as_str(), again.explored.runs)), Some((one.as_str(), 0)));
    let read = || std::fs::read_to_string(&file).expect("it is there");
    assert_eq!(read(), text, "what is known is not added");
    let name = file.to_str().expect("the file's name is text");
    let told = || with_environment("tokens::child_that_knows_what_failed", &[("BACKWATER_TEST_FILE", name)]);
    let (passed, out) = told();
    assert!(passed && !out.contains("cannot be replayed"), "{out}");
    assert!(check().run(noisy).explored().runs > 0, "another program's");
    assert_eq!(read(), format!("{text}{other}\n"));
    std::fs::write(&file, format!("bwc1.0\n{text}")).expect("it can be written");
    let (passed, out) = told();
    assert!(passed && out.contains("lines.txt: the token \"bwc1.0\" cannot be replayed: it was cut short"), "{out}");
}

/// A chart of many lines shows the last; what is short is shown whole.
#[test]
fn a_report_says_how_many_lines_it_leaves_out_if_any() {
    let said = |lines: u32| {
        let program = move |env: &mut Env<'_>| {
            env.spawn(super::act(|n, cx| {
                assert!(n > 0, "it is over");
                cx.me().tell(n - 1, cx);
            }))
            .tell(lines, env);
        };
        let verdict = Check::new().run(program);
        let failure = verdict.failure().expect("it fails");
        assert!(!format!("{failure:#}").contains("earlier lines"), "{failure:#}");
        failure.to_string().lines().find(|line| line.contains("earlier lines")).map(str::to_owned)
    };
    assert_eq!(said(5), None);
    assert_eq!(said(50).as_deref(), Some("… 12 earlier lines (print with {:#} for all)"));
}

/// A directory that goes with the test, even where that fails.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What was never made is not there.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
