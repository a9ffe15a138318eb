//! R5: a token does not come from nothing.
use backwater::{AmbientAuth, ApplyReleaseBackpressureAuth, ControlAuth};

fn from_nothing<T: Default>() -> T {
    T::default()
}

fn main() {
    from_nothing::<AmbientAuth>();
    from_nothing::<ApplyReleaseBackpressureAuth>();
    from_nothing::<ControlAuth>();
}
