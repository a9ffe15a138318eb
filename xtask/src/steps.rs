//! The table of checks. A new check is a new line here.

/// One check.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// What a pass means.
    pub(crate) purpose: &'static str,
    /// How long it takes, about.
    pub(crate) about: &'static str,
    pub(crate) work: Work,
}

pub(crate) enum Work {
    /// These commands, one after the other.
    Commands(&'static [Command]),
    /// The integration tests of these names.
    Tests(&'static [&'static str]),
    /// The integration tests that no other step names.
    OtherTests,
    /// Builds all examples and runs each.
    Examples,
    /// Tests under a sanitizer, which only a nightly compiler has.
    Sanitizer(Sanitizer),
    /// `model_tests` on this backing of the concurrency layer. What each test tried is printed.
    Model(&'static str),
    /// The scenarios and the pool's programs on threads with pauses.
    Pauses,
    /// The faults that can be planted, each for the tests that are to find it.
    Kills,
    /// A command in a crate that stands apart from the workspace and may be absent from a package of it.
    Apart { folder: &'static str, command: Command },
    /// A script of the project. It ends with 3 where something that it needs is missing, and says what in its last line.
    Script(&'static str),
}

/// How a sanitizer is asked for, and what runs under it.
pub(crate) struct Sanitizer {
    pub(crate) flags: &'static str,
    /// Where it is compiled to, below `target`.
    pub(crate) folder: &'static str,
    pub(crate) env: Option<(&'static str, &'static str)>,
    /// What follows `cargo test`, separated by single spaces.
    pub(crate) words: &'static str,
    /// Planted faults that it has to find, one at a time, to show that it looks.
    pub(crate) finds: &'static [&'static str],
}

/// A cargo command, its words separated by single spaces.
#[derive(Clone, Copy)]
pub(crate) struct Command {
    pub(crate) env: Option<(&'static str, &'static str)>,
    pub(crate) words: &'static str,
}

const fn cargo(words: &'static str) -> Command {
    Command { env: None, words }
}

pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "format",
        purpose: "every file is laid out by rustfmt",
        about: "2 s",
        work: Work::Commands(&[cargo("fmt --all --check")]),
    },
    Step {
        name: "lints",
        purpose: "clippy finds nothing, with all features and with none; nothing newer than the declared Rust is used",
        about: "2 min",
        work: Work::Commands(&[
            cargo("clippy --workspace --all-targets --all-features -- -D warnings"),
            cargo("clippy --workspace --all-targets --no-default-features -- -D warnings"),
        ]),
    },
    Step {
        name: "docs",
        purpose: "the documentation builds and its links resolve",
        about: "20 s",
        work: Work::Commands(&[Command {
            env: Some(("RUSTDOCFLAGS", "-D warnings")),
            words: "doc --package backwater --no-deps --all-features",
        }]),
    },
    Step {
        name: "house",
        purpose: "modules import only from lower floors; no private path and no dead link in any text",
        about: "5 s",
        work: Work::Tests(&["house", "texts"]),
    },
    Step {
        name: "unit",
        purpose: "the tests inside the modules, and those of `cargo verify` itself",
        about: "2 min",
        work: Work::Commands(&[cargo("test --workspace --all-features --lib --bins")]),
    },
    Step {
        name: "tests",
        purpose: "the integration tests that are not steps of their own",
        about: "3 min",
        work: Work::OtherTests,
    },
    Step {
        name: "edges",
        purpose: "the tests of what the runtime meets the world by, once more on a pool of two threads",
        about: "20 s",
        work: Work::Commands(&[Command {
            env: Some(("BACKWATER_TEST_THREADS", "2")),
            words: "test --package backwater --all-features --test tcp --test udp --test parity --test machine --test sim \
                    --test process --test signals --test streams --test timers --test outside --test outlets \
                    --test asynchronous --test executors --test handles --test leaks",
        }]),
    },
    Step {
        name: "properties",
        purpose: "random programs do what a second, naive reading of the rules says, twice the same",
        about: "2 min",
        work: Work::Tests(&["program", "mailbox", "determinism"]),
    },
    Step {
        name: "doc-tests",
        purpose: "every example in the documentation compiles and runs, the README's included",
        about: "1 min",
        work: Work::Commands(&[cargo("test --package backwater --all-features --doc")]),
    },
    Step {
        name: "compile-fail",
        purpose: "tokens cannot be forged and messages cannot be mistyped: such programs do not compile",
        about: "1 min",
        work: Work::Tests(&["compile_fail"]),
    },
    Step {
        name: "examples",
        purpose: "every example builds, runs and ends well",
        about: "1 min",
        work: Work::Examples,
    },
    Step {
        name: "features",
        purpose: "the library builds with each feature alone, and what needs none passes with none",
        about: "1 min",
        work: Work::Commands(&[
            cargo("check --package backwater --no-default-features --features net"),
            cargo("check --package backwater --no-default-features --features process"),
            cargo("check --package backwater --no-default-features --features signals"),
            cargo("check --package backwater --no-default-features --features async"),
            cargo("check --package backwater --no-default-features --features tracing"),
            cargo("check --package backwater --no-default-features --features serde"),
            // All other tests are compiled so by `lints`.
            cargo("test --package backwater --no-default-features --lib --test program --test timers --test outside"),
        ]),
    },
    Step {
        name: "build",
        purpose: "library and `cargo verify` build from the lock file; with the oldest Rust declared, that it is enough",
        about: "30 s",
        work: Work::Commands(&[cargo("build --workspace --all-features --locked")]),
    },
    Step {
        name: "sanitizer",
        purpose: "the unsafe code of the mailboxes touches no memory that it should not, and leaks none",
        about: "2 min",
        work: Work::Sanitizer(Sanitizer {
            flags: "-Zsanitizer=address",
            folder: "sanitizer",
            env: None,
            words: "--package backwater --lib --test mailbox",
            finds: &[],
        }),
    },
    Step {
        name: "memory",
        purpose: "the same of the pool, on threads that stand still at any step",
        about: "2 min",
        work: Work::Sanitizer(Sanitizer {
            flags: "-Zsanitizer=address --cfg backwater_sync=\"pauses\"",
            folder: "memory",
            env: None,
            words: "--package model_tests --profile model --test pool --test pool_edges",
            finds: &["RareEndsWithActor", "TableLeaks"],
        }),
    },
    Step {
        name: "threads",
        purpose: "where threads of the pool touch the same memory, the thread sanitizer sees what orders them",
        about: "3 min",
        work: Work::Sanitizer(Sanitizer {
            // The standard library is not instrumented, which has to be allowed.
            flags: "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer --cfg backwater_sync=\"pauses\"",
            folder: "threads",
            env: Some(("TSAN_OPTIONS", "suppressions=threads.txt")),
            words: "--package model_tests --profile model --test pool --test pool_edges -- --test-threads=1",
            finds: &["PushIsRelaxed"],
        }),
    },
    Step {
        name: "loom",
        purpose: "the concurrent parts hold under every interleaving and every order that the memory model allows",
        about: "5 min",
        work: Work::Model("loom"),
    },
    Step {
        name: "shuttle",
        purpose: "the concurrent parts hold under thousands of schedules, drawn in three ways",
        about: "5 min",
        work: Work::Model("shuttle"),
    },
    Step {
        name: "pauses",
        purpose: "on threads that stand still at any step, each scenario comes to an end that the checker knows",
        about: "2 min",
        work: Work::Pauses,
    },
    Step {
        name: "kills",
        purpose: "each fault that can be planted is found by the tests that docs/KILLS.md names",
        about: "2 min",
        work: Work::Kills,
    },
    Step {
        name: "fuzz",
        purpose: "every fuzz target is built by the fuzzing service's script, runs 10 s and finds nothing; the canary is found",
        about: "4 min",
        work: Work::Script("fuzz/check.sh"),
    },
    Step {
        name: "peers",
        purpose: "the rival programs that docs/PERFORMANCE.md compares with build, and their tests pass",
        about: "6 min",
        work: Work::Apart { folder: "benches/peers", command: cargo("test --locked") },
    },
    Step {
        name: "explorers",
        purpose: "the checker and stateright come to the same ends of three models that were written twice",
        about: "4 min",
        work: Work::Apart { folder: "benches/explorers", command: cargo("test --release --locked") },
    },
    Step {
        name: "instructions",
        purpose: "no hot path takes over 3 % more instructions than is written down",
        about: "2 min",
        work: Work::Commands(&[cargo("bench --package backwater --bench instructions")]),
    },
    Step {
        name: "proofs",
        purpose: "the theorems are proved without axioms, the finite models hold and every fault planted in them is found",
        about: "5 min",
        work: Work::Script("proofs/check.sh"),
    },
    Step {
        name: "mutants",
        purpose: "a change anywhere in the rules, the mailbox, the scheduler or the checker is noticed by a test",
        about: "a day",
        work: Work::Script("tests/mutants.sh"),
    },
];

/// Runs of each scenario on each number of threads in `pauses`.
pub(crate) const ROUNDS: &str = "400";

/// Steps that take hours: done when they are named, and not with all the others.
pub(crate) const DEEP: &[&str] = &["mutants"];

/// Arguments that make an example a matter of seconds; those that are not named here run without any.
pub(crate) const EXAMPLE_ARGS: &[(&str, &[&str])] = &[
    ("bench", &["pingpong", "--n", "1000"]),
    // Without it, it serves for ever.
    ("echo", &["--stress", "40"]),
    ("explore", &["e1"]),
];
