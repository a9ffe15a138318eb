//! R5: a token is not written down.
use backwater::{AmbientAuth, ApplyReleaseBackpressureAuth};

fn main() {
    let _ = AmbientAuth { _private: () };
    let _ = ApplyReleaseBackpressureAuth { _private: () };
}
