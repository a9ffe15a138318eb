//! A search shared by threads or machines explores what one does, and its results are put together again.

use super::tokens::with_environment;
use super::{complete, fan_in, wrong_order};
use backwater::{Bound, Check, Verdict, merge};
use std::fs;
use std::path::PathBuf;

#[test]
fn slices_explore_each_class_once() {
    for of in 1..=5 {
        let explored: Vec<u64> = (1..=of)
            .map(|slice| match Check::new().slice(slice, of).run(fan_in(3, 2)) {
                Verdict::Cut { by: Bound::Slice, explored, .. } if of > 1 => explored.runs,
                Verdict::Complete(explored) if of == 1 => explored.runs,
                other => panic!("slice {slice} of {of}: {other}"),
            })
            .collect();
        // 6! / (2! 2! 2!)
        assert_eq!(explored.iter().sum::<u64>(), 90, "{explored:?}");
        assert!(of == 1 || explored.iter().filter(|runs| **runs > 0).count() > 1, "{explored:?}");
    }
}

#[test]
fn threads_explore_what_one_does() {
    let one = complete(Check::new(), fan_in(3, 2));
    for threads in 1..=3 {
        match Check::new().workers(threads).run(fan_in(3, 2)) {
            Verdict::Complete(explored) => assert_eq!((explored.runs, explored.longest), (one.runs, one.longest)),
            other => panic!("{threads} threads: {other}"),
        }
        assert_eq!(Check::new().workers(threads).assert(fan_in(3, 2)).runs, one.runs);
    }
}

/// Which thread finds a failure first is chance; which one is told is not.
#[test]
fn threads_tell_of_the_same_failure_each_time() {
    let told = |threads| {
        let verdict = Check::new().workers(threads).run(wrong_order);
        verdict.failure().map(|failure| failure.token.clone()).expect("it fails")
    };
    let first = told(2);
    (0..20).for_each(|_| assert_eq!(told(2), first));
    assert!(Check::new().workers(3).run(wrong_order).failure().is_some());
}

#[test]
fn samples_are_shared_by_their_numbers() {
    let runs = |slice| Check::new().random(100).slice(slice, 3).run(fan_in(3, 2)).explored().runs;
    assert_eq!((1..=3).map(runs).collect::<Vec<_>>(), [34, 33, 33]);
    // A failure is the first in the row, whoever draws it.
    let first = |threads| {
        let verdict = Check::new().random(100).seed(3).workers(threads).run(wrong_order);
        verdict.failure().map(|failure| failure.token.clone()).expect("it fails")
    };
    assert_eq!(first(1), first(2));
}

/// Passes alone, and as a slice.
#[test]
fn child_that_is_shared() {
    let explored = Check::new().assert(fan_in(3, 2));
    println!("explored {}", explored.runs);
}

fn file(name: &str) -> PathBuf {
    let file = std::env::temp_dir().join(format!("backwater-{name}-{}.jsonl", std::process::id()));
    let _ = fs::remove_file(&file);
    file
}

#[test]
fn machines_share_a_search_by_their_environment() {
    let child = "shared::child_that_is_shared";
    let results = file("results");
    let text = results.to_str().expect("text");
    let run = |variables: &[(&str, &str)]| {
        let all = [&[("BACKWATER_RESULTS", text)], variables].concat();
        let (passed, out) = with_environment(child, &all);
        assert!(passed, "{out}");
    };
    // Each says in its own way that it is one of three.
    run(&[("BACKWATER_PARTITION", "slice:2/3")]);
    run(&[("BACKWATER_PARTITION", "index/3"), ("JOB_COMPLETION_INDEX", "0")]);
    let lines = fs::read_to_string(&results).expect("results were written");
    let refused = merge(&lines).expect_err("a slice is missing");
    assert!(refused.contains("slice 3 of 3 is missing"), "{refused}");
    let touched = file("touched");
    let status = touched.to_str().expect("text");
    let bazel = [("TEST_TOTAL_SHARDS", "3"), ("TEST_SHARD_INDEX", "2"), ("TEST_SHARD_STATUS_FILE", status)];
    run(&bazel);
    assert!(touched.exists(), "Bazel is told that shards are known");
    let lines = fs::read_to_string(&results).expect("results were written");
    let merged = merge(&lines).expect("all slices are there");
    assert_eq!((merged[0].verdict.as_str(), merged[0].explored.runs, merged[0].slices), ("complete", 90, 3));
    // The same slice again: an overlap.
    run(&bazel);
    let refused = merge(&fs::read_to_string(&results).expect("there")).expect_err("an overlap");
    assert!(refused.contains("slice 3 of 3 is there 2 times"), "{refused}");
    let (passed, out) = with_environment(child, &[("BACKWATER_PARTITION", "slice:4/3")]);
    assert!(!passed && out.contains("BACKWATER_PARTITION=\"slice:4/3\" is not"), "{out}");
    [results, touched].iter().for_each(|file| fs::remove_file(file).expect("it is ours"));
}

#[test]
fn results_that_cannot_be_written_are_an_error() {
    let file = file("none").join("below");
    let (passed, out) =
        with_environment("shared::child_that_is_shared", &[("BACKWATER_RESULTS", file.to_str().expect("text"))]);
    assert!(!passed && out.contains("BACKWATER_RESULTS: "), "{out}");
}

#[test]
fn a_line_of_results_that_says_more_or_less_than_it_should_is_refused() {
    let results = file("lines");
    let (passed, out) =
        with_environment("shared::child_that_is_shared", &[("BACKWATER_RESULTS", results.to_str().expect("text"))]);
    assert!(passed, "{out}");
    let line = fs::read_to_string(&results).expect("results were written");
    fs::remove_file(results).expect("it is ours");
    let inside = line.trim().strip_suffix('}').expect("a line is an object");
    merge(&format!("{inside}}}")).expect("as it was written");
    for wrong in
        [format!("{inside},}}"), format!("{inside}, }}"), format!("{inside},\"note\":\"b\"c}}"), inside.to_owned()]
    {
        let refused = merge(&wrong).expect_err("it is no line");
        assert!(refused.contains("is no result of a check"), "{wrong}: {refused}");
    }
}

// --- Bounds ---------------------------------------------------------------------------------------------------------

/// Two senders of two messages: 6 orders. With no delay there is one schedule; each delay allows more, until all are
/// there and none is left out.
#[test]
fn delays_bound_the_search() {
    let runs = |delays| Check::new().delays(delays).run(fan_in(2, 2));
    assert!(matches!(runs(0), Verdict::Cut { by: Bound::Delays, explored, .. } if explored.runs == 1));
    let counts: Vec<u64> = (0..6).map(|delays| runs(delays).explored().runs).collect();
    assert!(counts.is_sorted() && counts[0] < counts[1] && counts[1] < counts[2], "{counts:?}");
    let all = Check::new().naive().run(fan_in(2, 2)).explored().runs;
    let Verdict::Complete(explored) = runs(100) else { panic!("a hundred delays leave nothing out") };
    assert_eq!(explored.runs, all);
}

#[test]
fn preemptions_bound_the_search() {
    let runs = |most| Check::new().preemptions(most).run(fan_in(2, 2));
    assert!(matches!(runs(0), Verdict::Cut { by: Bound::Preemptions, .. }));
    let Verdict::Complete(explored) = runs(100) else { panic!("a hundred preemptions leave nothing out") };
    assert_eq!(explored.runs, Check::new().naive().run(fan_in(2, 2)).explored().runs);
}
