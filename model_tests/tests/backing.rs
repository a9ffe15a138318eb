//! Which backing these tests really run on.

use model_tests::BACKING;

/// cargo drops configured flags when RUSTFLAGS is set, and what then runs is the plain backing, in silence.
#[test]
fn the_backing_is_the_one_that_was_asked_for() {
    if let Some(asked) = std::env::var_os("BACKWATER_EXPECT_SYNC") {
        assert_eq!(asked, BACKING, "compiled with the wrong flags: is RUSTFLAGS set?");
    }
}
