//! Operations on a post office, and the plain queues that are its oracle: every message comes out where and when it
//! should, and is dropped exactly once, whatever panics on the way.

use backwater::mailbox::{Post, Wrong};
use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Counts messages that exist: made minus dropped.
#[derive(Clone, Default)]
pub(crate) struct Alive(Arc<AtomicI64>);

impl Alive {
    pub(crate) fn count(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A message of any size that counts itself, and panics when dropped if it is told to.
pub(crate) struct Payload<const N: usize> {
    id: u64,
    fill: [u8; N],
    alive: Alive,
    explodes: bool,
}

impl<const N: usize> Payload<N> {
    pub(crate) fn new(id: u64, alive: &Alive, explodes: bool) -> Self {
        alive.0.fetch_add(1, Ordering::Relaxed);
        Payload { id, fill: [id as u8; N], alive: alive.clone(), explodes }
    }

    /// Its number, if it is whole.
    fn open(mut self) -> u64 {
        assert_eq!(self.fill, [self.id as u8; N], "the message was overwritten in its node");
        self.explodes = false;
        self.id
    }
}

impl<const N: usize> Drop for Payload<N> {
    fn drop(&mut self) {
        assert_eq!(self.fill, [self.id as u8; N], "dropped twice, or overwritten");
        self.fill = [!(self.id as u8); N];
        self.alive.0.fetch_sub(1, Ordering::Relaxed);
        if self.explodes {
            panic!("payload {} explodes", self.id);
        }
    }
}

impl<const N: usize> Debug for Payload<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)
    }
}

#[derive(Debug)]
#[repr(align(64))]
struct Wide(Payload<65>);

thread_local! {
    static NOTHINGS: Cell<i64> = const { Cell::new(0) };
}

/// A message of no size at all.
struct Nothing(());

impl Nothing {
    fn new() -> Self {
        NOTHINGS.set(NOTHINGS.get() + 1);
        Nothing(())
    }
}

impl Drop for Nothing {
    fn drop(&mut self) {
        NOTHINGS.set(NOTHINGS.get() - 1);
    }
}

impl Debug for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing {:?}", self.0)
    }
}

/// One for each class of nodes, two that are too large or too strictly aligned for any, and one without size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Nothing,
    Small,
    Second,
    Third,
    Fourth,
    Huge,
    Wide,
}

pub(crate) const SIZES: [Size; 7] =
    [Size::Nothing, Size::Small, Size::Second, Size::Third, Size::Fourth, Size::Huge, Size::Wide];

const _: () = assert!(size_of::<Nothing>() == 0 && align_of::<Wide>() == 64 && size_of::<Payload<600>>() > 256);

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Push {
        seat: u32,
        size: Size,
        explodes: bool,
    },
    /// Asks for a message of `size`, right or wrong.
    Pop {
        seat: u32,
        size: Size,
    },
    /// Asks for what is there.
    PopRight {
        seat: u32,
    },
    Discard {
        seat: u32,
        look_explodes: bool,
    },
}

fn push(post: &mut Post<()>, seat: u32, size: Size, id: u64, alive: &Alive, explodes: bool) -> u32 {
    match size {
        Size::Nothing => post.push(seat, Nothing::new()),
        Size::Small => post.push(seat, Payload::<0>::new(id, alive, explodes)),
        Size::Second => post.push(seat, Payload::<20>::new(id, alive, explodes)),
        Size::Third => post.push(seat, Payload::<80>::new(id, alive, explodes)),
        Size::Fourth => post.push(seat, Payload::<200>::new(id, alive, explodes)),
        Size::Huge => post.push(seat, Payload::<600>::new(id, alive, explodes)),
        Size::Wide => post.push(seat, Wide(Payload::new(id, alive, explodes))),
    }
}

/// The number of the message taken; 0 for one without size.
fn pop(post: &mut Post<()>, seat: u32, size: Size) -> Result<Option<u64>, Wrong> {
    Ok(match size {
        Size::Nothing => post.pop::<Nothing>(seat)?.map(|_| 0),
        Size::Small => post.pop::<Payload<0>>(seat)?.map(Payload::open),
        Size::Second => post.pop::<Payload<20>>(seat)?.map(Payload::open),
        Size::Third => post.pop::<Payload<80>>(seat)?.map(Payload::open),
        Size::Fourth => post.pop::<Payload<200>>(seat)?.map(Payload::open),
        Size::Huge => post.pop::<Payload<600>>(seat)?.map(Payload::open),
        Size::Wide => post.pop::<Wide>(seat)?.map(|wide| {
            assert_eq!((&raw const wide).addr() % 64, 0);
            wide.0.open()
        }),
    })
}

/// A message as the oracle keeps it.
struct Kept {
    id: u64,
    size: Size,
    explodes: bool,
}

impl Kept {
    /// As the message prints itself.
    fn text(&self) -> String {
        match self.size {
            Size::Nothing => "nothing ()".to_owned(),
            Size::Wide => format!("Wide({})", self.id),
            _ => self.id.to_string(),
        }
    }
}

type Naive = [VecDeque<Kept>; 4];

fn number(size: Size, id: u64) -> u64 {
    if size == Size::Nothing { 0 } else { id }
}

fn apply(post: &mut Post<()>, naive: &mut Naive, op: &Op, id: u64, alive: &Alive) {
    match *op {
        Op::Push { seat, size, explodes } => {
            let explodes = explodes && size != Size::Nothing;
            naive[seat as usize].push_back(Kept { id, size, explodes });
            let waiting = push(post, seat, size, id, alive, explodes);
            assert_eq!(waiting as usize, naive[seat as usize].len());
        }
        Op::Pop { seat, size } => take(post, naive, seat, size),
        Op::PopRight { seat } => {
            let size = naive[seat as usize].front().map_or(Size::Small, |kept| kept.size);
            take(post, naive, seat, size);
        }
        Op::Discard { seat, look_explodes } => discard(post, naive, seat, look_explodes),
    }
}

fn take(post: &mut Post<()>, naive: &mut Naive, seat: u32, size: Size) {
    let queue = &mut naive[seat as usize];
    let expected = match queue.front() {
        None => Ok(None),
        Some(kept) if kept.size != size => Err(Wrong),
        Some(_) => Ok(queue.pop_front().map(|kept| number(size, kept.id))),
    };
    assert_eq!(pop(post, seat, size), expected);
}

/// Not both at once: two panics on one thread end the process, as Rust has it.
fn discard(post: &mut Post<()>, naive: &mut Naive, seat: u32, look_explodes: bool) {
    let first = naive[seat as usize].pop_front();
    let drop_explodes = first.as_ref().is_some_and(|kept| kept.explodes);
    let look_explodes = look_explodes && !drop_explodes;
    let mut shown = None;
    let done = catch_unwind(AssertUnwindSafe(|| {
        post.discard(seat, |message| {
            shown = Some(format!("{message:?}"));
            assert!(!look_explodes, "the look explodes");
        })
    }));
    assert_eq!(shown, first.as_ref().map(Kept::text));
    match done {
        Ok(there_was_one) => assert_eq!(there_was_one, first.is_some()),
        Err(_) => assert!(first.is_some() && (drop_explodes || look_explodes), "nothing was to explode"),
    }
}

/// Carries the operations out. After each, the messages alive are those that the oracle has: none leaked, none dropped
/// twice.
pub(crate) fn run(ops: &[Op]) {
    let alive = Alive::default();
    NOTHINGS.set(0);
    let mut post = Post::new();
    let mut naive = Naive::default();
    (0..4).for_each(|seat| assert_eq!(post.add(()), seat));
    for (id, op) in ops.iter().enumerate() {
        apply(&mut post, &mut naive, op, id as u64 + 1, &alive);
        compare(&post, &naive, &alive);
    }
    // What explodes is taken out first: a post office dropped full drops everything in it.
    for seat in 0..4 {
        let explosive = naive[seat as usize].iter().rposition(|kept| kept.explodes).map_or(0, |at| at + 1);
        (0..explosive).for_each(|_| discard(&mut post, &mut naive, seat, false));
    }
    drop(post);
    assert_eq!((alive.count(), NOTHINGS.get()), (0, 0), "messages, and messages without size, that were never dropped");
}

fn compare(post: &Post<()>, naive: &Naive, alive: &Alive) {
    let kept = || naive.iter().flatten();
    assert_eq!(kept().filter(|k| k.size != Size::Nothing).count() as i64, alive.count());
    assert_eq!(kept().filter(|k| k.size == Size::Nothing).count() as i64, NOTHINGS.get());
    for seat in 0..4 {
        let queue = &naive[seat as usize];
        assert_eq!((post.len(seat) as usize, post.is_empty(seat)), (queue.len(), queue.is_empty()));
        let mut shown = None;
        post.peek(seat, |message| shown = Some(format!("{message:?}")));
        assert_eq!(shown, queue.front().map(Kept::text));
    }
}

/// Two bytes an operation: what and where, and the size.
pub(crate) fn decode(bytes: &[u8]) -> Vec<Op> {
    let op = |pair: &[u8]| {
        let (what, size) = (pair[0], SIZES[pair[1] as usize % SIZES.len()]);
        let (seat, special) = (u32::from(what & 3), what & 0x80 != 0);
        match what >> 2 & 7 {
            0..=3 => Op::Push { seat, size, explodes: special },
            4 => Op::Pop { seat, size },
            5 | 6 => Op::PopRight { seat },
            _ => Op::Discard { seat, look_explodes: special },
        }
    };
    bytes.chunks_exact(2).map(op).collect()
}
