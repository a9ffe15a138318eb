//! What the runtime sees of a simulated network: the traits of `network`. The only place here that locks and waits.

use super::{SimNetwork, kernel};
use crate::net::event_loop::Net;
use crate::net::network::{Buffers, Datagrams, Key, Listener, Network, Readiness, Setting, Settings, Stream};
use crate::scheduler::World as AnyWorld;
use crate::sync::PoisonError;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

impl From<SimNetwork> for AnyWorld {
    /// # Panics
    /// If it was given to another runtime before.
    fn from(sim: SimNetwork) -> Self {
        let taken = std::mem::replace(&mut sim.world().is_taken, true);
        assert!(!taken, "a simulated network belongs to one run; make another for the next");
        AnyWorld::new(Net::over(Running(sim)))
    }
}

/// The network of a runtime.
struct Running(SimNetwork);

impl Drop for Running {
    /// The program is over, its machine and the others are not: what it wrote still arrives. What a test has planned
    /// for later does not happen.
    fn drop(&mut self) {
        let mut world = self.0.world();
        world.forget_acts();
        while let Some(next) = world.next_event() {
            world.now = world.now.max(next);
            let _ = world.go_on();
            world.tell(&mut Vec::new());
        }
    }
}

impl Network for Running {
    fn connect(&mut self, to: SocketAddr, buffers: Buffers) -> io::Result<Box<dyn Stream>> {
        let (host, id) = self.0.world().connect(None, to, (buffers.send, buffers.receive))?;
        Ok(Box::new(Socket { sim: self.0.clone(), host, id }))
    }

    fn listen(&mut self, at: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let (host, id) = self.0.world().listen(at)?;
        Ok(Box::new(Socket { sim: self.0.clone(), host, id }))
    }

    fn bind(&mut self, at: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        let (host, id) = self.0.world().bind(at)?;
        Ok(Box::new(Socket { sim: self.0.clone(), host, id }))
    }

    fn poll(&mut self, timeout: Option<Duration>, ready: &mut Vec<(Key, Readiness)>) -> io::Result<()> {
        let mut patience = timeout;
        loop {
            let mut world = self.0.world();
            while let Some(act) = world.go_on() {
                drop(world);
                act(&self.0);
                world = self.0.world();
            }
            world.tell(ready);
            let rung = std::mem::take(&mut world.is_rung);
            if rung || !ready.is_empty() || patience == Some(Duration::ZERO) {
                return Ok(());
            }
            // Once: then the time is another, and only the driver knows it.
            match patience.replace(Duration::ZERO) {
                Some(timeout) => drop(self.0.0.rung.wait_timeout(world, timeout)),
                None => drop(self.0.0.rung.wait(world).unwrap_or_else(PoisonError::into_inner)),
            }
        }
    }

    fn ringer(&self) -> Box<dyn Fn() + Send + Sync> {
        let sim = self.0.clone();
        Box::new(move || sim.change(|world| world.is_rung = true))
    }

    fn set_now(&mut self, now: Duration) {
        self.0.world().now = now;
    }

    fn next_event(&self) -> Option<Duration> {
        self.0.world().next_event()
    }

    fn can_wake(&self) -> Box<dyn Fn() -> bool + Send + Sync> {
        let sim = self.0.clone();
        Box::new(move || sim.world().next_event().is_some())
    }

    fn resolve(&mut self, host: &str) -> Option<io::Result<Vec<IpAddr>>> {
        Some(self.0.world().addresses(host).ok_or_else(|| ErrorKind::NotFound.into()))
    }
}

/// A socket of the runtime on a host.
struct Socket {
    sim: SimNetwork,
    host: usize,
    id: kernel::Id,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.sim.world().close(self.host, self.id);
    }
}

impl Stream for Socket {
    fn register(&mut self, key: Key) -> io::Result<()> {
        self.sim.world().register(self.host, self.id, key);
        Ok(())
    }

    fn connected(&mut self) -> io::Result<Option<(SocketAddr, SocketAddr)>> {
        self.sim.world().kernel(self.host).connected(self.id)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.sim.world().kernel(self.host).read(self.id, buffer)
    }

    fn write(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut world = self.sim.world();
        let now = world.now;
        world.kernel(self.host).write(self.id, data.iter().map(|slice| &**slice), now)
    }

    fn shut(&mut self) -> io::Result<()> {
        let mut world = self.sim.world();
        let now = world.now;
        world.kernel(self.host).shut(self.id, now)
    }

    fn error(&mut self) -> Option<io::Error> {
        self.sim.world().kernel(self.host).take_error(self.id).map(io::Error::from)
    }

    fn set(&mut self, setting: Setting) -> io::Result<()> {
        self.sim.world().kernel(self.host).set(self.id, setting)
    }

    fn settings(&self) -> io::Result<Settings> {
        self.sim.world().kernel(self.host).settings(self.id)
    }
}

impl Listener for Socket {
    fn register(&mut self, key: Key) -> io::Result<()> {
        Stream::register(self, key)
    }

    fn accept(&mut self) -> io::Result<(Box<dyn Stream>, SocketAddr)> {
        let (id, from) = self.sim.world().kernel(self.host).accept(self.id)?;
        Ok((Box::new(Socket { sim: self.sim.clone(), host: self.host, id }), from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.sim.world().kernel(self.host).listens_at(self.id)
    }
}

impl Datagrams for Socket {
    fn register(&mut self, key: Key) -> io::Result<()> {
        Stream::register(self, key)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.sim.world().kernel(self.host).receive_datagram(self.id, buffer)
    }

    fn send(&mut self, data: &[u8], to: SocketAddr) -> io::Result<()> {
        self.sim.world().send_datagram(self.host, self.id, data, to)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.sim.world().kernel(self.host).bound_at(self.id)
    }

    /// A simulated network has no broadcast addresses.
    fn set_broadcast(&mut self, _on: bool) -> io::Result<()> {
        Ok(())
    }
}
