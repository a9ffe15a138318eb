//! The post office against a plain queue: order, types, and that every message is dropped exactly once, whatever
//! panics on the way. Operations and oracle are those of the fuzz target.

#[allow(dead_code, reason = "reading operations from bytes is for the fuzz target")]
#[path = "fuzzing/mailbox.rs"]
mod oracle;

use backwater::mailbox::{Post, Wrong};
use oracle::{Alive, Op, Payload, SIZES};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// 4 mailboxes, up to 300 operations on messages of 7 sizes, 1 in 10 of which panics when dropped.
    #[test]
    fn post_is_a_queue_for_each_seat(ops in prop::collection::vec(op(), 0..300)) {
        oracle::run(&ops);
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
