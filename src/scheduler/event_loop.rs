//! The seam to the world outside: what the driver asks of an event loop, real or simulated, and what the checker asks
//! of a simulated one. The scheduler only keeps it, where the actors that use it can find it.
#![cfg_attr(not(feature = "net"), expect(dead_code, reason = "only the network puts an event loop in"))]

use super::bell::Ringer;
use super::core::Core;
use super::single::Single;
use super::touch::{Doings, Object};
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
    fn set_now(&mut self, now: Duration);

    /// When something will happen by itself, if it is known: in a simulated world.
    fn next_event(&self) -> Option<Duration>;

    /// For the checker: from here on nothing happens in this world but what [`take`](Self::take) is told. Time passes
    /// up to `next_event` and no further while that is due.
    ///
    /// # Errors
    /// Says why this world cannot be explored.
    fn explore(&mut self) -> Result<(), &'static str>;

    /// Tells what can happen now, each by a number that means the same in every run; faults come last.
    fn choices(&self, tell: &mut dyn FnMut(u64));

    /// Lets one of these happen.
    fn take(&mut self, core: &mut Single, choice: u64);

    /// After every step: delivers what came of it, and says what was done here.
    fn settle(&mut self, core: &mut Single, doings: &mut Doings);

    /// Is this choice there only where there is no other, faults apart?
    fn is_last(&self, choice: u64) -> bool;

    /// Could another step keep it from happening?
    fn is_preventable(&self, choice: u64) -> bool;

    /// Tells what is due there, and when.
    fn dues(&self, tell: &mut dyn FnMut(Object, Duration));

    /// Is it a fault, which need not happen?
    fn is_fault(&self, choice: u64) -> bool;

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

    pub(super) fn into_inner(self) -> Box<dyn EventLoop> {
        self.0
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
        self.script.iter_mut().for_each(|script| script.is_calm = false);
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

    /// Turns the world over to the checker.
    ///
    /// # Panics
    /// If it is one that nobody can step through.
    pub(crate) fn explore_world(&mut self) {
        if let Some(Err(why)) = self.event_loop.as_mut().map(|world| world.explore()) {
            panic!("the checker cannot step through this network: {why}; give Check::network a simulated one");
        }
    }

    /// Calls the event loop with the scheduler beside it.
    pub(super) fn with_world(&mut self, call: impl FnOnce(&mut dyn EventLoop, &mut Single)) {
        if let Some(mut event_loop) = self.event_loop.take() {
            call(&mut *event_loop, self);
            self.event_loop = Some(event_loop);
        }
    }
}
