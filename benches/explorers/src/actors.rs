//! The three programs as actors, and Backwater's checker over them.

use crate::case::{Case, Outcome, Program};
use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Check, Context, Env, Model, Verdict};
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// How Backwater searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    Random,
    Pct,
    Pos,
    Exhaustive,
    States,
}

/// Searches for a fault, up to `case.seconds`.
pub fn run(search: Search, case: Case) -> Outcome {
    explore(search, case, Check::new())
}

/// The figures with which the program can end.
#[cfg(test)]
pub fn ends(search: Search, case: Case) -> std::collections::BTreeSet<u8> {
    use std::sync::{Arc, Mutex};
    let all: Arc<Mutex<std::collections::BTreeSet<u8>>> = Arc::default();
    let seen = all.clone();
    let check = Check::new().keep_going(true).each_end(move |_, _| _ = seen.lock().unwrap().insert(LAST.get()));
    NOTES.set(true);
    explore(search, case, check);
    NOTES.set(false);
    std::mem::take(&mut *all.lock().unwrap())
}

#[cfg(test)]
thread_local! {
    /// The last figure that the run in progress came to.
    static LAST: std::cell::Cell<u8> = const { std::cell::Cell::new(0) };
    /// Somebody reads that. Then nothing is copied: the figure is not part of any actor.
    static NOTES: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[cfg(test)]
fn note(figure: u8) {
    LAST.set(figure);
}

#[cfg(test)]
fn notes() -> bool {
    NOTES.get()
}

#[cfg(not(test))]
fn note(_: u8) {}

#[cfg(not(test))]
fn notes() -> bool {
    false
}

/// From here on nothing is copied: each run begins at the beginning.
pub fn run_again() {
    AGAIN.store(true, Relaxed);
}

static AGAIN: AtomicBool = AtomicBool::new(false);

/// What the checker may know of all actors here.
fn known<A>() -> Model<A>
where
    A: Actor<Msg: Clone + Hash> + Clone + Hash,
{
    if notes() || AGAIN.load(Relaxed) { Model::hashed() } else { Model::hashed().copied() }
}

fn explore(search: Search, case: Case, check: Check) -> Outcome {
    let check = check.max_time(case.limit()).seed(case.seed).shrink(false).check_determinism(false);
    let check = match search {
        Search::Random => check.random(case.runs),
        Search::Pct => check.pct(3, case.runs),
        Search::Pos => check.pos(case.runs),
        Search::Exhaustive => check.exhaustive().max_runs(case.runs),
        Search::States => check.states().max_states(case.runs),
    };
    let (bug, per) = (case.bug, case.per);
    let verdict = match case.program {
        Program::Counter => check.run(|env| counter(env, bug)),
        Program::Buffer => check.run(|env| buffer(env, per, bug)),
        Program::Pressure => check.run(|env| pressure(env, per, bug)),
    };
    let explored = verdict.explored();
    let states = search == Search::States;
    Outcome {
        runs: if states { explored.states } else { explored.runs + explored.redundant },
        steps: explored.steps,
        found: matches!(verdict, Verdict::Failed(_)),
        complete: matches!(verdict, Verdict::Complete(_)),
    }
}

// --- A lost update --------------------------------------------------------------------------------------------------

/// How often each of two clients counts.
const TIMES: u8 = 3;

#[derive(Clone, Hash)]
struct Counter {
    value: u8,
    updates: u8,
}

#[derive(Clone, Debug, Hash)]
enum Count {
    Add,
    Get(Addr<u8>),
    Set(u8),
}

impl Actor for Counter {
    type Msg = Count;

    fn receive(&mut self, msg: Count, cx: &mut Context<'_, Self>) {
        match msg {
            Count::Get(client) => return client.tell(self.value, cx),
            Count::Add => self.value += 1,
            Count::Set(value) => self.value = value,
        }
        self.updates += 1;
        note(self.value);
        assert!(self.updates < 2 * TIMES || self.value == 2 * TIMES, "an update was lost");
    }

    fn model() -> Model<Self> {
        known()
    }
}

/// Adds, or, with the bug, reads, adds and writes.
#[derive(Clone, Hash)]
struct Client {
    counter: Addr<Count>,
    bug: bool,
    left: u8,
}

/// Sent to a client that has just begun.
const BEGIN: u8 = u8::MAX;

impl Actor for Client {
    type Msg = u8;

    fn receive(&mut self, value: u8, cx: &mut Context<'_, Self>) {
        if !self.bug {
            return (0..self.left).for_each(|_| self.counter.tell(Count::Add, cx));
        }
        if value != BEGIN {
            self.counter.tell(Count::Set(value + 1), cx);
            self.left -= 1;
        }
        if self.left > 0 {
            self.counter.tell(Count::Get(cx.me()), cx);
        }
    }

    fn model() -> Model<Self> {
        known()
    }
}

fn counter(env: &mut Env<'_>, bug: bool) {
    let counter = env.spawn(Counter { value: 0, updates: 0 });
    for _ in 0..2 {
        env.spawn(Client { counter: counter.clone(), bug, left: TIMES }).tell(BEGIN, env);
    }
}

// --- A lost notification --------------------------------------------------------------------------------------------

/// Two producers, two consumers, a buffer of two places. Whoever finds it full or empty is put to sleep and told to try
/// again. The bug: who takes wakes a producer only if the buffer was full.
#[derive(Clone, Hash)]
struct Buffer {
    len: u8,
    taken: u8,
    all: u8,
    bug: bool,
    producers: Vec<Addr<Turn>>,
    consumers: Vec<Addr<Turn>>,
}

#[derive(Clone, Debug, Hash)]
enum Ask {
    Put(Addr<Turn>),
    Take(Addr<Turn>),
}

/// To a producer or a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Turn {
    Begin,
    Again,
    Done,
}

impl Actor for Buffer {
    type Msg = Ask;

    fn receive(&mut self, ask: Ask, cx: &mut Context<'_, Self>) {
        match ask {
            Ask::Put(producer) if self.len == 2 => self.producers.push(producer),
            Ask::Take(consumer) if self.len == 0 => self.consumers.push(consumer),
            Ask::Put(producer) => {
                self.len += 1;
                producer.tell(Turn::Done, cx);
                wake(&mut self.consumers, cx);
            }
            Ask::Take(consumer) => {
                let was_full = self.len == 2;
                (self.len, self.taken) = (self.len - 1, self.taken + 1);
                consumer.tell(Turn::Done, cx);
                if was_full || !self.bug {
                    wake(&mut self.producers, cx);
                }
            }
        }
        note(self.taken);
        cx.eventually("everything is taken", self.taken == self.all);
    }

    fn model() -> Model<Self> {
        known()
    }
}

fn wake(sleepers: &mut Vec<Addr<Turn>>, cx: &mut Context<'_, Buffer>) {
    if !sleepers.is_empty() {
        sleepers.remove(0).tell(Turn::Again, cx);
    }
}

#[derive(Clone, Hash)]
struct Side {
    buffer: Addr<Ask>,
    produces: bool,
    left: u8,
}

impl Actor for Side {
    type Msg = Turn;

    fn receive(&mut self, turn: Turn, cx: &mut Context<'_, Self>) {
        self.left -= u8::from(turn == Turn::Done);
        if self.left > 0 {
            let me = cx.me();
            self.buffer.tell(if self.produces { Ask::Put(me) } else { Ask::Take(me) }, cx);
        }
    }

    fn model() -> Model<Self> {
        known()
    }
}

fn buffer(env: &mut Env<'_>, per: u8, bug: bool) {
    let (producers, consumers) = (Vec::new(), Vec::new());
    let buffer = env.spawn(Buffer { len: 0, taken: 0, all: 2 * per, bug, producers, consumers });
    for produces in [true, true, false, false] {
        env.spawn(Side { buffer: buffer.clone(), produces, left: per }).tell(Turn::Begin, env);
    }
}

// --- Pressure that is never released --------------------------------------------------------------------------------

/// Applies pressure at its first piece, and releases it when it has handled what is there. The bug: it does not.
#[derive(Clone, Hash)]
struct Sink {
    auth: ApplyReleaseBackpressureAuth,
    bug: bool,
    seen: u8,
}

#[derive(Clone, Debug, Hash)]
enum Piece {
    Piece,
    Lift,
}

impl Actor for Sink {
    type Msg = Piece;

    fn receive(&mut self, piece: Piece, cx: &mut Context<'_, Self>) {
        match piece {
            Piece::Lift => return Backpressure::release(&self.auth, cx),
            Piece::Piece => self.seen += 1,
        }
        note(self.seen);
        if self.seen == 1 {
            Backpressure::apply(&self.auth, cx);
            if !self.bug {
                cx.tell_self(Piece::Lift);
            }
        }
    }

    fn model() -> Model<Self> {
        known()
    }
}

#[derive(Clone, Hash)]
struct Source {
    sink: Addr<Piece>,
    left: u8,
}

impl Actor for Source {
    type Msg = ();

    fn receive(&mut self, (): (), cx: &mut Context<'_, Self>) {
        self.sink.tell(Piece::Piece, cx);
        self.left -= 1;
        if self.left > 0 {
            cx.tell_self(());
        }
    }

    fn model() -> Model<Self> {
        known()
    }
}

fn pressure(env: &mut Env<'_>, per: u8, bug: bool) {
    let sink = env.spawn(Sink { auth: (&env.root).into(), bug, seen: 0 });
    for _ in 0..3 {
        env.spawn(Source { sink: sink.clone(), left: per }).tell((), env);
    }
}
