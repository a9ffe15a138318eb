//! R5: a token is not made from what everybody has.
use backwater::{AmbientAuth, ApplyReleaseBackpressureAuth};

fn from_unit<T: From<()>>() -> T {
    T::from(())
}

fn main() {
    from_unit::<AmbientAuth>();
    from_unit::<ApplyReleaseBackpressureAuth>();
}
