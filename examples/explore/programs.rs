//! Three small programs with a bug each, for the checker: a lost update, a bounded buffer with a missing notification,
//! a receiver that applies pressure and never releases it.

use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Env};
use std::collections::VecDeque;

/// The programs, by name.
pub(crate) const NAMES: [&str; 3] = ["e1", "e2", "e3"];

/// The program of this name, correct or with its bug, with so many items for each sender.
pub(crate) fn program(name: &str, bug: bool, per: u32) -> Box<dyn Fn(&mut Env<'_>) + Sync> {
    match name {
        "e1" => Box::new(move |env| lost_update(bug, per, env)),
        "e2" => Box::new(move |env| buffer(bug, per, env)),
        "e3" => Box::new(move |env| pressure(bug, per, env)),
        other => panic!("there is no program {other:?}; there are {NAMES:?}"),
    }
}

// --- e1: two actors increment a register -----------------------------------------------------------------------------

struct Register {
    value: u32,
    total: u32,
}

#[derive(Debug)]
enum Access {
    Add,
    Get(Addr<u32>),
    Set(u32),
}

impl Actor for Register {
    type Msg = Access;

    fn receive(&mut self, access: Access, cx: &mut Context<'_, Self>) {
        match access {
            Access::Add => self.value += 1,
            Access::Set(value) => self.value = value,
            Access::Get(from) => return from.tell(self.value, cx),
        }
        cx.eventually("no update is lost", self.value == self.total);
    }
}

/// Increments in one message each, or, with the bug, by reading and writing.
struct Adder {
    register: Addr<Access>,
    left: u32,
    bug: bool,
}

impl Adder {
    fn read(&self, cx: &mut Context<'_, Self>) {
        if self.left > 0 {
            self.register.tell(Access::Get(cx.me()), cx);
        }
    }
}

impl Actor for Adder {
    type Msg = u32;

    fn receive(&mut self, value: u32, cx: &mut Context<'_, Self>) {
        match (self.bug, value) {
            (false, _) => (0..self.left).for_each(|_| self.register.tell(Access::Add, cx)),
            (true, u32::MAX) => self.read(cx),
            (true, value) => {
                self.register.tell(Access::Set(value + 1), cx);
                self.left -= 1;
                self.read(cx);
            }
        }
    }
}

fn lost_update(bug: bool, per: u32, env: &mut Env<'_>) {
    let register = env.spawn(Register { value: 0, total: 2 * per });
    for _ in 0..2 {
        env.spawn(Adder { register: register.clone(), left: per, bug }).tell(u32::MAX, env);
    }
}

// --- e2: two producers, two consumers, a buffer of two ---------------------------------------------------------------

struct Buffer {
    len: u32,
    /// Items that were put or taken so far, and all there will be.
    served: u32,
    total: u32,
    producers: VecDeque<Addr<Reply>>,
    consumers: VecDeque<Addr<Reply>>,
    bug: bool,
}

#[derive(Debug)]
enum Ask {
    Put(Addr<Reply>),
    Take(Addr<Reply>),
}

#[derive(Debug)]
enum Reply {
    Done,
    /// It had to wait; now it may ask again.
    Again,
}

impl Actor for Buffer {
    type Msg = Ask;

    fn receive(&mut self, ask: Ask, cx: &mut Context<'_, Self>) {
        match ask {
            Ask::Put(from) if self.len == 2 => self.producers.push_back(from),
            Ask::Take(from) if self.len == 0 => self.consumers.push_back(from),
            Ask::Put(from) => {
                self.len += 1;
                let waiting = self.consumers.pop_front();
                self.serve(&from, waiting, cx);
            }
            Ask::Take(from) => {
                self.len -= 1;
                // The bug: a producer is told only where the buffer was full.
                let told = !self.bug || self.len == 1;
                let waiting = if told { self.producers.pop_front() } else { None };
                self.serve(&from, waiting, cx);
            }
        }
        cx.eventually("everybody is served", self.served == self.total);
    }
}

impl Buffer {
    fn serve(&mut self, from: &Addr<Reply>, waiting: Option<Addr<Reply>>, cx: &mut Context<'_, Self>) {
        self.served += 1;
        from.tell(Reply::Done, cx);
        waiting.into_iter().for_each(|waiting| waiting.tell(Reply::Again, cx));
    }
}

struct Client {
    buffer: Addr<Ask>,
    left: u32,
    ask: fn(Addr<Reply>) -> Ask,
}

impl Actor for Client {
    type Msg = Reply;

    fn receive(&mut self, reply: Reply, cx: &mut Context<'_, Self>) {
        self.left -= u32::from(matches!(reply, Reply::Done));
        if self.left > 0 {
            self.buffer.tell((self.ask)(cx.me()), cx);
        }
    }
}

fn buffer(bug: bool, per: u32, env: &mut Env<'_>) {
    let (producers, consumers) = (VecDeque::new(), VecDeque::new());
    let buffer = env.spawn(Buffer { len: 0, served: 0, total: 4 * per, producers, consumers, bug });
    for ask in [Ask::Put, Ask::Put, Ask::Take, Ask::Take] {
        env.spawn(Client { buffer: buffer.clone(), left: per, ask }).tell(Reply::Again, env);
    }
}

// --- e3: three senders, a receiver under pressure ---------------------------------------------------------------------

struct Receiver {
    auth: ApplyReleaseBackpressureAuth,
    handled: u32,
    bug: bool,
}

#[derive(Debug)]
enum Work {
    Piece,
    /// What had come before the pressure began is done.
    Lift,
}

impl Actor for Receiver {
    type Msg = Work;

    fn receive(&mut self, work: Work, cx: &mut Context<'_, Self>) {
        match work {
            Work::Piece => {
                self.handled += 1;
                if self.handled == 1 {
                    Backpressure::apply(&self.auth, cx);
                    cx.tell_self(Work::Lift);
                }
            }
            Work::Lift if self.bug => {}
            Work::Lift => Backpressure::release(&self.auth, cx),
        }
    }
}

/// Sends a piece, then tells itself to send the next.
struct Sender {
    to: Addr<Work>,
    left: u32,
}

impl Actor for Sender {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        self.to.tell(Work::Piece, cx);
        self.left -= 1;
        if self.left > 0 {
            cx.tell_self(());
        }
    }
}

fn pressure(bug: bool, per: u32, env: &mut Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let to = env.spawn(Receiver { auth, handled: 0, bug });
    for _ in 0..3 {
        env.spawn(Sender { to: to.clone(), left: per }).tell((), env);
    }
}
