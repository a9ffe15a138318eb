//! Clocks: the machine's, and a virtual one that tests turn by hand.
//!
//! The only place that reads the machine's clock. What is due when is the [`scheduler`](crate::scheduler)'s; who asks
//! the clock, and how often, is the driver's, in `runtime`.
#![forbid(unsafe_code)]

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Says how much time has passed since the run began.
pub trait Clock: Debug + Send {
    /// Time since the run began. Never goes back.
    fn now(&mut self) -> Duration;

    /// Nothing can happen before `until`. A virtual clock jumps there and returns true; a real one cannot, returns
    /// false, and the driver sleeps.
    fn skip_to(&mut self, until: Duration) -> bool;
}

/// The machine's monotonic clock.
#[derive(Debug)]
pub struct RealClock {
    start: Instant,
}

impl RealClock {
    /// Begins now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    pub fn start() -> Self {
        RealClock { start: Instant::now() }
    }

    /// Time since then.
    #[inline]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Clock for RealClock {
    #[inline]
    fn now(&mut self) -> Duration {
        self.elapsed()
    }

    fn skip_to(&mut self, _until: Duration) -> bool {
        false
    }
}

/// Time that moves only when nothing else can: a run with it takes no longer than its work, and is the same each time.
#[derive(Debug, Default)]
pub struct VirtualClock {
    now: Duration,
}

impl VirtualClock {
    /// Begins at zero.
    pub fn new() -> Self {
        VirtualClock::default()
    }
}

impl Clock for VirtualClock {
    fn now(&mut self) -> Duration {
        self.now
    }

    fn skip_to(&mut self, until: Duration) -> bool {
        self.now = self.now.max(until);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_jumps_forward_and_never_back() {
        let mut clock = VirtualClock::new();
        assert!(clock.skip_to(Duration::from_secs(2)) && clock.skip_to(Duration::from_secs(1)));
        assert_eq!(clock.now(), Duration::from_secs(2));
    }

    #[test]
    fn real_time_does_not_go_back_and_does_not_jump() {
        let mut clock = RealClock::start();
        let first = clock.now();
        assert!(!clock.skip_to(first + Duration::from_secs(1_000)));
        assert!(clock.now() >= first);
    }
}
