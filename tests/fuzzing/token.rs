//! Replay tokens and files of regressions: whatever the text, it is taken or refused with a reason, and never a panic,
//! a hang or a large allocation.

use backwater::scheduler::Random;
use backwater::{Check, Env, Event, Mode, RunError, Runtime, Token};
use std::time::Duration;

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
    let check = || Check::new().mode(Mode::Given(Vec::new())).check_determinism(false).shrink(false);
    let made = check().run(|_| panic!("to have a token"));
    let token = &made.failure().expect("it fails").token;
    let settings = token.split('.').nth(1).expect("a token has parts");
    for line in text.lines().take(4) {
        for token in [line.to_owned(), sealed(&format!("bwc1.{settings}.{line}"))] {
            let said = check().show(&token, |_: Duration, _: &Event<'_>| (), program);
            let why = said.err().unwrap_or_default();
            assert!(why.len() < 200 + 8 * token.len(), "what is said is no longer than it has to be: {why}");
        }
    }
}

/// With the hash that a token ends with: the format of tokens, written a second time.
fn sealed(body: &str) -> String {
    let mix = |hash: u64, value: u64| Random::new(hash ^ value.wrapping_mul(0x9E37_79B9_7F4A_7C15)).next_u64();
    let hash = body.bytes().fold(body.len() as u64, |hash, byte| mix(hash, u64::from(byte)));
    format!("{body}.{:08x}", hash & 0xFFFF_FFFF)
}
