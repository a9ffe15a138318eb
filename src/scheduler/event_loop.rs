//! The seam to the world outside: what the driver asks of an event loop, real or simulated. The scheduler only keeps
//! it, where the actors that use it can find it.
#![cfg_attr(not(feature = "net"), expect(dead_code, reason = "only the network puts an event loop in"))]

use super::bell::Ringer;
use super::core::Core;
use super::single::Single;
use std::any::Any;
use std::io;
use std::time::Duration;

/// Waits for the world and puts what happened into mailboxes. The network implements it.
pub(crate) trait EventLoop: Any + Send {
    /// Delivers what has happened; if nothing has, waits for up to `timeout`, or for ever without one. Returns at once
    /// when rung.
    ///
    /// # Errors
    /// What the operating system says; the run ends with it.
    fn poll(&mut self, core: &mut Core<'_>, timeout: Option<Duration>) -> io::Result<()>;

    /// What ends a `poll` from another thread.
    fn ringer(&self) -> Ringer;

    /// What time it is now, whenever the scheduler is told.
    fn set_now(&mut self, _now: Duration) {}

    /// When something will happen by itself, if it is known: in a simulated world.
    fn next_event(&self) -> Option<Duration> {
        None
    }

    /// For the network, which knows the type.
    fn as_any(&mut self) -> &mut dyn Any;
}

/// A world to put in the place of the machine's, for [`Builder::network`](crate::Builder::network).
#[cfg(feature = "net")]
pub struct World(Box<dyn EventLoop>);

#[cfg(feature = "net")]
impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World(..)")
    }
}

#[cfg(feature = "net")]
impl World {
    pub(crate) fn new(event_loop: impl EventLoop) -> Self {
        World(Box::new(event_loop))
    }
}

impl Single {
    /// Puts a world in the machine's place.
    #[cfg(feature = "net")]
    pub(crate) fn set_world(&mut self, world: World) {
        self.set_event_loop(world.0);
    }

    /// When the world will move by itself, if it knows.
    pub(crate) fn next_event(&self) -> Option<Duration> {
        self.event_loop.as_ref()?.next_event()
    }

    /// Where the event loop goes when the first actor needs one.
    #[cfg(feature = "net")]
    pub(crate) fn set_event_loop(&mut self, event_loop: Box<dyn EventLoop>) {
        self.bell.set_ringer(Some(event_loop.ringer()));
        self.event_loop = Some(event_loop);
    }

    /// The event loop, if it is a `T`.
    pub(crate) fn event_loop<T: EventLoop>(&mut self) -> Option<&mut T> {
        self.event_loop.as_mut()?.as_any().downcast_mut()
    }

    /// Listens to the world; without an event loop it only sleeps.
    ///
    /// # Errors
    /// Those of the event loop.
    pub(crate) fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let bell = self.bell.clone();
        let Some(mut event_loop) = self.event_loop.take() else {
            bell.park(timeout, None);
            return Ok(());
        };
        let mut result = Ok(());
        bell.park(timeout, Some(&mut |timeout| result = event_loop.poll(&mut self.core(), timeout)));
        self.event_loop = Some(event_loop);
        result
    }

    pub(crate) fn has_event_loop(&self) -> bool {
        self.event_loop.is_some()
    }
}
