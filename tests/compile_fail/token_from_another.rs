//! R5: the right to use TCP is not the right to apply pressure, and a narrow right does not widen.
use backwater::{AmbientAuth, ApplyReleaseBackpressureAuth, TcpAuth, TcpConnectAuth};

fn narrowed<Wide, Narrow: for<'a> From<&'a Wide>>() {}

fn main() {
    narrowed::<AmbientAuth, ApplyReleaseBackpressureAuth>();
    narrowed::<TcpAuth, ApplyReleaseBackpressureAuth>();
    narrowed::<TcpConnectAuth, TcpAuth>();
    narrowed::<ApplyReleaseBackpressureAuth, AmbientAuth>();
}
