//! What the target printed when the fuzzer had found the fault in the shelf. In your project it fails until you have mended
//! yours; here the fault stays, so that there is something to be found.

// Found by fuzzing: deadlock (R9): nothing can run any more and 1 muted actor waits for 1 under pressure.
// input: [[Deliver, Deliver, Recall, Deliver, Deliver], []]
// replay: BACKWATER_REPLAY=bwc1.6bdca703.e1829ddd..76bbaf23
//                     main#0       Clerk#4      Shelf#5    Supplier#6   Supplier#7
//    0ns                 │•                                                           main#0 begins
//                        │            │•                                              Clerk#4 created by main#0
//                        │            │            │•                                 Shelf#5 created by main#0
//                        │            │            │            │•                    Supplier#6 created by main#0
//                        │            │            │            │            │•       Supplier#7 created by main#0
//                        │─────────────────────────────────────▶│            │        ()
//                        │──────────────────────────────────────────────────▶│        ()
//                         •           │            │            │            │        main#0 ends: Stopped (R8)
//                                     │            │◀───────────│            │        Order(Deliver)
//                                     │            │            │⟲           │        ()
//                                     │            │◀───────────│            │        Order(Deliver)
//                                     │            │            │⟲           │        ()
//                                     │            │◀───────────│            │        Order(Recall)
//                                     │            │            │⟲           │        ()
//                                     │            │◀───────────│            │        Order(Deliver)
//                                     │            │            │⟲           │        ()
//                                     │            │◀───────────│            │        Order(Deliver)
//                                     │            │            │⟲           │        ()
//                                     │            ║•           │            │        Shelf#5 applies pressure (R5)
//                                     │◀───────────║            │            │        Shelf#5
//                                     │───────────▶║            │            │        Cleared
//                                     ┊•           ║            │            │        Clerk#4 muted by Shelf#5 (R3)
#[test]
#[should_panic(expected = "deadlock (R9)")]
fn fuzz_found_c8be7129() {
    backwater::fuzz::target(
        b"\xff\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01\x00\x00\x00\xab\x01\x00\x00\x00\x00\xff",
        fuzzing_example::day,
    );
}
