//! What the fuzz targets do with bytes: for `fuzz/`, which hands them bytes of a fuzzer's, and for the tests, which hand
//! them the corpora. Operations and oracles are those of the tests.
//!
//! - `program`: a whole program; `matrix`: which steps of the rules it took.
//! - `rules`, `mailbox`: operations on a part, and its oracle.
//! - `network`: a connection, a peer and a simulated network that misbehaves.
//! - `token`, `trace`, `recording`, `address`: texts and files that somebody may have spoilt.
//! - `crash`: makes what fails short, and prints it as a test.
//!
//! The target `schedule` is in `tests/scenarios`, beside the scenarios; `canary` is the example in `examples/fuzzing`.
#![allow(dead_code, reason = "each program that uses this uses a part of it")]

#[cfg(feature = "net")]
pub(crate) mod address;
#[cfg(feature = "fuzz")]
pub(crate) mod crash;
pub(crate) mod mailbox;
pub(crate) mod matrix;
#[cfg(feature = "net")]
pub(crate) mod network;
pub(crate) mod program;
pub(crate) mod recording;
pub(crate) mod rules;
pub(crate) mod token;
#[cfg(feature = "fuzz")]
pub(crate) mod trace;

/// A target: a name, and what it does with bytes. It panics if they show a fault.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&[u8]),
    /// The bytes as a person would read them.
    pub(crate) show: fn(&[u8]) -> String,
}

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "program", run: program::run, show: |bytes| format!("{:?}", program::decode(bytes)) },
    Target {
        name: "rules",
        run: |bytes| rules::run(&rules::decode(bytes)),
        show: |bytes| format!("{:?}", rules::decode(bytes)),
    },
    Target {
        name: "mailbox",
        run: |bytes| mailbox::run(&mailbox::decode(bytes)),
        show: |bytes| format!("{:?}", mailbox::decode(bytes)),
    },
    #[cfg(feature = "net")]
    Target { name: "network", run: network::run, show: |bytes| format!("{:?}", network::decode(bytes)) },
    Target { name: "token", run: token::run, show: |bytes| String::from_utf8_lossy(bytes).into_owned() },
    #[cfg(feature = "fuzz")]
    Target { name: "trace", run: trace::run, show: |bytes| String::from_utf8_lossy(bytes).into_owned() },
    #[cfg(feature = "net")]
    Target { name: "address", run: address::run, show: |bytes| String::from_utf8_lossy(bytes).into_owned() },
];

/// Runs a target of that name.
///
/// # Panics
/// If the bytes show a fault.
pub(crate) fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("the target is in the table");
    (target.run)(bytes);
}
