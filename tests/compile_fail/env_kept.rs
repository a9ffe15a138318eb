//! `main` hands on tokens and addresses, never its environment.
use backwater::Env;

fn main() {
    let mut kept = None;
    let _ = backwater::run(|env: &mut Env<'_>| kept = Some(env));
    drop(kept);
}
