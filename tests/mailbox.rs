//! The post office against a plain queue: order, types, and that every message is dropped exactly once, whatever
//! panics on the way.

use backwater::mailbox::{Post, Wrong};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// Counts messages that exist: made minus dropped.
#[derive(Clone, Default)]
struct Alive(Arc<AtomicI64>);

impl Alive {
    fn count(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A message of any size that counts itself, and panics when dropped if it is told to.
struct Payload<const N: usize> {
    id: u64,
    fill: [u8; N],
    alive: Alive,
    explodes: bool,
}

impl<const N: usize> Payload<N> {
    fn new(id: u64, alive: &Alive, explodes: bool) -> Self {
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
enum Size {
    Nothing,
    Small,
    Second,
    Third,
    Fourth,
    Huge,
    Wide,
}

const SIZES: [Size; 7] = [Size::Nothing, Size::Small, Size::Second, Size::Third, Size::Fourth, Size::Huge, Size::Wide];

const _: () = assert!(size_of::<Nothing>() == 0 && align_of::<Wide>() == 64 && size_of::<Payload<600>>() > 256);

#[derive(Clone, Debug)]
enum Op {
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

fn op() -> impl Strategy<Value = Op> {
    let (seat, size) = (0u32..4, prop::sample::select(&SIZES[..]));
    prop_oneof![
        6 => (seat.clone(), size.clone(), prop::bool::weighted(0.1))
            .prop_map(|(seat, size, explodes)| Op::Push { seat, size, explodes }),
        2 => (seat.clone(), size).prop_map(|(seat, size)| Op::Pop { seat, size }),
        3 => seat.clone().prop_map(|seat| Op::PopRight { seat }),
        2 => (seat, prop::bool::weighted(0.2)).prop_map(|(seat, look_explodes)| Op::Discard { seat, look_explodes }),
    ]
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
    let expected = first.as_ref().map(|kept| match kept.size {
        Size::Nothing => "nothing ()".to_owned(),
        Size::Wide => format!("Wide({})", kept.id),
        _ => kept.id.to_string(),
    });
    assert_eq!(shown, expected);
    match done {
        Ok(there_was_one) => assert_eq!(there_was_one, first.is_some()),
        Err(_) => assert!(first.is_some() && (drop_explodes || look_explodes), "nothing was to explode"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// 4 mailboxes, up to 300 operations on messages of 7 sizes, 1 in 10 of which panics when dropped. After each, the
    /// messages alive are those that the oracle has: none leaked, none dropped twice.
    #[test]
    fn post_is_a_queue_for_each_seat(ops in prop::collection::vec(op(), 0..300)) {
        let alive = Alive::default();
        NOTHINGS.set(0);
        let mut post = Post::new();
        let mut naive = Naive::default();
        (0..4).for_each(|seat| assert_eq!(post.add(()), seat));
        for (id, op) in ops.iter().enumerate() {
            apply(&mut post, &mut naive, op, id as u64 + 1, &alive);
            let kept = || naive.iter().flatten();
            prop_assert_eq!(kept().filter(|k| k.size != Size::Nothing).count() as i64, alive.count());
            prop_assert_eq!(kept().filter(|k| k.size == Size::Nothing).count() as i64, NOTHINGS.get());
            for seat in 0..4 {
                prop_assert_eq!(post.len(seat) as usize, naive[seat as usize].len());
                prop_assert_eq!(post.is_empty(seat), naive[seat as usize].is_empty());
            }
        }
        // What explodes is taken out first: a post office dropped full drops everything in it.
        for seat in 0..4 {
            let explosive = naive[seat as usize].iter().rposition(|kept| kept.explodes).map_or(0, |at| at + 1);
            (0..explosive).for_each(|_| discard(&mut post, &mut naive, seat, false));
        }
        drop(post);
        prop_assert_eq!((alive.count(), NOTHINGS.get()), (0, 0));
    }
}

#[test]
fn wrong_type_leaves_the_message_where_it_was() {
    let mut post = Post::new();
    let seat = post.add(());
    post.push(seat, 7u32);
    assert_eq!(post.pop::<i32>(seat), Err(Wrong), "same size, other type");
    assert_eq!(post.pop::<[u8; 900]>(seat), Err(Wrong));
    assert_eq!((post.len(seat), post.pop::<u32>(seat)), (1, Ok(Some(7))));
    assert_eq!(post.pop::<i32>(seat), Ok(None), "an empty mailbox is of every type");
}

/// 320 MB for as long as it runs.
#[test]
fn ten_million_messages_wait_in_one_mailbox_in_order() {
    let count: u64 = 10_000_000;
    let mut post = Post::new();
    let seat = post.add(());
    (0..count).for_each(|n| {
        post.push(seat, n);
    });
    assert_eq!(u64::from(post.len(seat)), count);
    (0..count).for_each(|n| assert_eq!(post.pop::<u64>(seat), Ok(Some(n))));
    assert_eq!(post.pop::<u64>(seat), Ok(None));
}

/// A panic in the drop of one message does not keep the post office from dropping the others, each once.
#[test]
fn post_dropped_with_a_message_that_explodes_drops_the_others() {
    let alive = Alive::default();
    let mut post = Post::new();
    let seat = post.add(());
    for id in 0..5 {
        post.push(seat, Payload::<9>::new(id, &alive, id == 2));
    }
    let panicked = catch_unwind(AssertUnwindSafe(|| drop(post))).unwrap_err();
    assert_eq!(panicked.downcast_ref::<String>().map(String::as_str), Some("payload 2 explodes"));
    assert_eq!(alive.count(), 0, "of 5 are left after the third");
}

/// Seats do not share messages: what is pushed to one is not found in another, though they share nodes.
#[test]
fn seats_share_nodes_and_no_messages() {
    let mut post = Post::new();
    let seats: Vec<u32> = (0..100).map(|n| post.add(n)).collect();
    for round in 0..3u64 {
        for seat in &seats {
            post.push(*seat, (round, *seat));
        }
    }
    for seat in seats.iter().rev() {
        let got: Vec<_> = std::iter::from_fn(|| post.pop::<(u64, u32)>(*seat).unwrap()).collect();
        assert_eq!(got, (0..3).map(|round| (round, *seat)).collect::<Vec<_>>());
        assert_eq!(*post.data(*seat), *seat);
    }
    assert_eq!(post.seats(), 100);
}

/// A message may be dropped on another thread than the one that made it: the post office is `Send`.
#[test]
fn post_moves_to_another_thread_with_its_messages() {
    let mut post = Post::new();
    let seat = post.add(());
    let gone = Arc::new(AtomicBool::new(false));
    #[derive(Debug)]
    struct Tell(Arc<AtomicBool>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    post.push(seat, Tell(gone.clone()));
    std::thread::scope(|scope| {
        scope.spawn(move || drop(post));
    });
    assert!(gone.load(Ordering::SeqCst));
}
