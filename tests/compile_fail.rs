//! Programs that must not compile: each forges a token, mistypes a message, or keeps what it may not keep.
//!
//! What the compiler says is compared with the `.stderr` file beside each, so a program that fails for another reason
//! than its own is found too. The texts are those of the Rust that CI uses; after a new one:
//! `TRYBUILD=overwrite cargo test --test compile_fail`, and read the difference.

#[test]
fn what_must_not_compile_does_not() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
