//! `tests/mutants.sh` makes changes one at a time. Here all changes of a module are compiled at once, each behind a
//! question, and a process makes one of them; so a change costs not a build but the run of the tests that reach it.
//!
//! `mutants TREE OUT SHARD cargo-test-targets…`, with the list of cargo-mutants as JSON on standard input. TREE is a copy
//! of the project, which is changed. Standing in OUT: `missed.txt` and `unplanted.txt`, by the names of cargo-mutants;
//! `fates.txt`, what became of each, which a second run goes on from.
//!
//! - `change`: the list; `plant`: all of them in one source; `weed`: without those that do not compile; `hunt`: the tests.

mod change;
mod hunt;
mod plant;
mod weed;

use hunt::Fate;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Mutex;

/// Every so many-th change is tried first, then the one after each.
const SPREAD: usize = 64;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [tree, out, shard, targets @ ..] = &args[..] else { panic!("mutants TREE OUT SHARD TARGETS") };
    let (tree, out) = (PathBuf::from(tree), PathBuf::from(out));
    let (nth, shards) = shard.split_once('/').expect("a shard is K/N");
    let (nth, shards): (usize, usize) = (nth.parse().expect("a number"), shards.parse().expect("a number"));
    let mut list = String::new();
    std::io::stdin().read_to_string(&mut list).expect("standard input is text");
    let changes = change::read(&list, |file| fs::read_to_string(tree.join(file)).expect("the file is in the tree"));

    let planted = weed::plant_all(&tree, &changes);
    let names = |ids: &BTreeSet<usize>| ids.iter().map(|id| format!("{}\n", changes[*id].name)).collect::<String>();
    let unplanted = (0..changes.len()).filter(|id| !planted.contains(id)).collect();
    fs::write(out.join("unplanted.txt"), names(&unplanted)).expect("results can be kept");
    println!("{} changes, {} planted", changes.len(), planted.len());

    let programs = hunt::build(&tree, targets);
    let jobs = std::env::var("MUTANTS_JOBS").map_or(2, |jobs| jobs.parse().expect("MUTANTS_JOBS is a number"));
    let tests = hunt::tests(&tree, &programs);
    println!("{} tests in {} programs", tests.len(), programs.len());
    let reach = hunt::reach(&tree, &out.join("reach"), jobs, tests);

    let file = out.join("fates.txt");
    let known = fs::read_to_string(&file).unwrap_or_default();
    let fated: BTreeSet<&str> = known.lines().filter_map(|line| Some(line.split_once(" => ")?.0)).collect();
    // Every so many-th, so that a shard is a fair part of all files.
    let chosen: Vec<usize> = planted.into_iter().filter(|id| id % shards == nth).collect();
    let mut left: Vec<usize> = chosen.iter().copied().filter(|id| !fated.contains(&*changes[*id].name)).collect();
    // So that a run which is cut short has tried a fair part too.
    left.sort_by_key(|id| id % SPREAD);
    let log = OpenOptions::new().append(true).create(true).open(&file).expect("results can be kept");
    let log = Mutex::new(log);
    hunt::each(jobs, left, |id| {
        let fate = match reach.get(&id) {
            Some(tests) => hunt::hunt(&tree, id, tests),
            None => Fate::Missed { tests: 0 },
        };
        let line = format!("{} => {fate:?}\n", changes[id].name);
        log.lock().expect("nobody panics").write_all(line.as_bytes()).expect("results can be kept");
    });

    let fates = fs::read_to_string(&file).expect("results were kept");
    let of = |fate: &str| {
        fates
            .lines()
            .filter_map(|line| line.split_once(" => "))
            .filter(|l| l.1.starts_with(fate))
            .map(|l| l.0.to_owned())
            .collect::<Vec<_>>()
    };
    let (noticed, late, missed) = (of("Noticed"), of("NotEnding"), of("Missed"));
    fs::write(out.join("missed.txt"), missed.iter().map(|name| format!("{name}\n")).collect::<String>())
        .expect("results can be kept");
    println!(
        "of {} changes {} noticed by a test that fails, {} by one that does not end, {} missed",
        chosen.len(),
        noticed.len(),
        late.len(),
        missed.len()
    );
}
