//! Replay tokens and files of regressions: whatever the text, it is taken or refused with a reason, and never a panic,
//! a hang or a large allocation.

use backwater::{Check, Env, RunError, Runtime, Token};

/// Has a few schedules of its own, so that some tokens fit it.
fn program(env: &mut Env<'_>) {
    env.choose(3);
    env.choose(50);
}

pub(crate) fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    run_of_the_runtime(&text);
    schedule(&text);
}

/// A token of the plain runtime.
fn run_of_the_runtime(text: &str) {
    match Token::parse(text) {
        Ok(token) => {
            assert_eq!(Token::parse(&token.to_string()), Ok(token.clone()), "a token reads back as it was written");
            let replayed = Runtime::builder().virtual_time().replay(text).run(|env| _ = env.choose(3));
            match replayed {
                Ok(summary) => assert!(summary.replay.ends_with(&format!(".s{}.b{}", token.seed, token.batch))),
                Err(RunError::Replay(why)) => assert!(why.to_string().contains("no policy"), "{why}"),
                Err(other) => panic!("{other}"),
            }
        }
        Err(why) => assert!(why.to_string().len() < 1_500, "the text is cut in what is said about it"),
    }
}

/// A token of the checker; and the same with its last part made right, so that what is before that is read as well.
fn schedule(text: &str) {
    let check = || Check::new().check_determinism(false).shrink(false);
    for line in text.lines().take(4) {
        let _said = check().show(line, |_: std::time::Duration, _: &backwater::Event<'_>| (), program);
    }
}
