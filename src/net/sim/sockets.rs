//! What the runtime sees of a simulated network: the traits of `network`. The only place here that locks and waits.

use super::world::World;
use super::{SimNetwork, explored, kernel};
use crate::net::event_loop::Net;
use crate::net::network::{Buffers, Datagrams, Key, Listener, Network, Readiness, Setting, Settings, Stream};
use crate::scheduler::{Doings, Object, World as AnyWorld};
use crate::sync::{MutexGuard, PoisonError};
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
        if world.explored.is_some() {
            return; // the checker has seen all that can happen
        }
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
        let mut world = self.0.world();
        let (host, id) = world.connect(None, to, (buffers.send, buffers.receive))?;
        world.touch_ports(host);
        world.touch_socket(host, id);
        drop(world);
        Ok(Box::new(Socket { sim: self.0.clone(), host, id }))
    }

    fn listen(&mut self, at: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let mut world = self.0.world();
        let (host, id) = world.listen(at)?;
        world.touch_ports(host);
        world.touch_socket(host, id);
        drop(world);
        Ok(Box::new(Socket { sim: self.0.clone(), host, id }))
    }

    fn bind(&mut self, at: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        let mut world = self.0.world();
        if world.explored.is_some() {
            return Err(io::Error::new(ErrorKind::Unsupported, "the checker explores TCP, and no datagrams"));
        }
        let (host, id) = world.bind(at)?;
        drop(world);
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
        Box::new(move || {
            sim.world().is_rung = true;
            sim.0.rung.notify_all();
        })
    }

    fn set_now(&mut self, now: Duration) {
        self.0.world().now = now;
    }

    fn explore(&mut self) -> Result<(), &'static str> {
        self.0.world().explore();
        Ok(())
    }

    fn choices(&self, tell: &mut dyn FnMut(u64)) {
        self.0.world().choices(tell);
    }

    fn is_last(&self, choice: u64) -> bool {
        explored::is_last(choice)
    }

    fn is_preventable(&self, choice: u64) -> bool {
        self.0.world().is_preventable(choice)
    }

    fn dues(&self, tell: &mut dyn FnMut(Object, Duration)) {
        self.0.world().dues(tell);
    }

    fn is_fault(&self, choice: u64) -> bool {
        explored::is_fault(choice)
    }

    fn words(&self, choice: u64) -> String {
        self.0.world().words(choice)
    }

    fn take(&mut self, choice: u64) {
        let act = self.0.world().take(choice);
        act.into_iter().for_each(|act| act(&self.0));
    }

    fn done(&mut self, ready: &mut Vec<(Key, Readiness)>, doings: &mut Doings) {
        self.0.world().done(ready, doings);
    }

    fn looked(&mut self, key: Key) {
        self.0.world().touch_key(key);
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

impl Socket {
    fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.sim.world();
        world.touch_socket(self.host, self.id);
        world
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let mut world = self.world();
        world.touch_time();
        world.close(self.host, self.id);
    }
}

impl Stream for Socket {
    fn register(&mut self, key: Key) -> io::Result<()> {
        self.world().register(self.host, self.id, key);
        Ok(())
    }

    fn connected(&mut self) -> io::Result<Option<(SocketAddr, SocketAddr)>> {
        self.world().kernel(self.host).connected(self.id)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.world().kernel(self.host).read(self.id, buffer)
    }

    fn write(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut world = self.world();
        let now = world.now;
        world.kernel(self.host).write(self.id, data.iter().map(|slice| &**slice), now)
    }

    fn shut(&mut self) -> io::Result<()> {
        let mut world = self.world();
        let now = world.now;
        world.kernel(self.host).shut(self.id, now)
    }

    fn error(&mut self) -> Option<io::Error> {
        self.world().kernel(self.host).take_error(self.id).map(io::Error::from)
    }

    fn set(&mut self, setting: Setting) -> io::Result<()> {
        self.world().kernel(self.host).set(self.id, setting)
    }

    fn settings(&self) -> io::Result<Settings> {
        self.world().kernel(self.host).settings(self.id)
    }
}

impl Listener for Socket {
    fn register(&mut self, key: Key) -> io::Result<()> {
        Stream::register(self, key)
    }

    fn accept(&mut self) -> io::Result<(Box<dyn Stream>, SocketAddr)> {
        let mut world = self.world();
        let (id, from) = world.kernel(self.host).accept(self.id)?;
        world.touch_socket(self.host, id);
        drop(world);
        Ok((Box::new(Socket { sim: self.sim.clone(), host: self.host, id }), from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.world().kernel(self.host).listens_at(self.id)
    }
}

impl Datagrams for Socket {
    fn register(&mut self, key: Key) -> io::Result<()> {
        Stream::register(self, key)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.world().kernel(self.host).receive_datagram(self.id, buffer)
    }

    fn send(&mut self, data: &[u8], to: SocketAddr) -> io::Result<()> {
        self.world().send_datagram(self.host, self.id, data, to)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.world().kernel(self.host).bound_at(self.id)
    }

    /// A simulated network has no broadcast addresses.
    fn set_broadcast(&mut self, _on: bool) -> io::Result<()> {
        Ok(())
    }
}
