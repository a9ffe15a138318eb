//! Nodes that travel between threads.

use backwater::internals::mailbox::Nodes;
use backwater::internals::sync::{Arc, thread};
use model_tests::actor::{Bare, depot};
use model_tests::{Bounds, check, preemptions};

/// R1. Batches of one node: each node that the receiver frees goes to the depot, and the sender takes it from there
/// again while the receiver still runs. Were a node in two hands, loom would see both write its link.
#[test]
fn a_node_is_in_one_hand_wherever_it_travels() {
    // Not depth first: its receiver waits in a loop, which is never left while it always goes first.
    let bounds = Bounds { depth_first: None, ..preemptions(3) };
    check("a_node_is_in_one_hand_wherever_it_travels", bounds, |leaks| {
        let (actor, depot) = (Arc::new(Bare::new()), depot(1));
        let (mine, theirs, shared) = (actor.clone(), leaks.clone(), depot.clone());
        let work = move || {
            let mut nodes = Nodes::new(&shared);
            (0..3).filter(|n| mine.send(theirs.track((0, *n)), &mut nodes)).count()
        };
        // Awake from the start, and this thread's: the sender never schedules. This message is handled at once.
        assert!(actor.send(leaks.track((1, 0)), &mut Nodes::new(&depot)));
        let sender = thread::spawn("sender", work).expect("a model has threads");
        let mut nodes = Nodes::new(&depot);
        let mut handled = 1;
        while handled < 4 {
            // SAFETY: pushed awake above, and never put to rest.
            match unsafe { actor.run(&mut nodes) } {
                0 => thread::yield_now(),
                more => handled += more,
            }
        }
        assert_eq!(sender.join().expect("the sender does not panic"), 0, "T6: it was awake all the time");
    });
}
