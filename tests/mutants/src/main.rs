//! `tests/mutants.sh` makes changes one at a time. Here all changes of a module are compiled at once, each behind a
//! question, and a process makes one of them; so a change costs not a build but the run of the tests that reach it.
//!
//! `mutants TREE OUT SHARD cargo-test-targets…`, with the list of cargo-mutants as JSON on standard input. TREE is a copy
//! of the project, which is changed. Standing in OUT: `missed.txt` and `unplanted.txt`, by the names of cargo-mutants;
//! `fates.txt`, what became of each, and `built.txt`, the programs, from which a second run goes on.
//!
//! - `change`: the list; `plant`: all of them in one source; `weed`: without those that do not compile; `hunt`: the tests.

mod change;
mod hunt;
mod plant;
mod watch;
mod weed;

use hunt::{Fate, Merits};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Every so many-th change is tried first, then the one after each.
const SPREAD: usize = 64;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [tree, out, shard, targets @ ..] = &args[..] else { panic!("mutants TREE OUT SHARD TARGETS") };
    // Tests run in TREE, wherever this was called.
    let [tree, out] = [tree, out].map(|path| fs::canonicalize(path).expect("TREE and OUT are there"));
    let (nth, shards) = shard.split_once('/').expect("a shard is K/N");
    let (nth, shards): (usize, usize) = (nth.parse().expect("a number"), shards.parse().expect("a number"));
    let mut list = String::new();
    std::io::stdin().read_to_string(&mut list).expect("standard input is text");
    let changes = change::read(&list, |file| fs::read_to_string(tree.join(file)).expect("the file is in the tree"));

    let built = out.join("built.txt");
    if !built.exists() {
        let planted = weed::plant_all(&tree, &changes);
        let unplanted =
            changes.iter().enumerate().filter(|(id, _)| !planted.contains(id)).map(|(_, change)| &*change.name);
        write(&out.join("unplanted.txt"), unplanted);
        let programs = hunt::build(&tree, targets);
        write(&built, programs.iter().map(|program| program.to_str().expect("the path is text")));
    }
    let unplanted = fs::read_to_string(out.join("unplanted.txt")).expect("it was written");
    let unplanted: BTreeSet<&str> = unplanted.lines().collect();
    let planted = (0..changes.len()).filter(|id| !unplanted.contains(&*changes[*id].name)).collect::<Vec<_>>();
    println!("{} changes, {} planted", changes.len(), planted.len());

    let programs: Vec<PathBuf> =
        fs::read_to_string(&built).expect("it was written").lines().map(PathBuf::from).collect();
    let jobs = std::env::var("MUTANTS_JOBS").map_or(2, |jobs| jobs.parse().expect("MUTANTS_JOBS is a number"));
    let seconds =
        std::env::var("MUTANTS_SECONDS").map_or(f64::MAX, |text| text.parse().expect("MUTANTS_SECONDS is a number"));
    let tests = hunt::tests(&tree, &programs);
    println!("{} tests in {} programs", tests.len(), programs.len());
    let reach = hunt::reach(&tree, &out.join("reach"), jobs, tests);

    let file = out.join("fates.txt");
    let known = fs::read_to_string(&file).unwrap_or_default();
    let merits = Merits::default();
    let mut fated: BTreeMap<&str, &str> = BTreeMap::new();
    for (change, fate) in known.lines().filter_map(|line| line.split_once(" => ")) {
        if let Some(test) = fate.strip_prefix("Noticed(\"").and_then(|test| test.strip_suffix("\")")) {
            *merits.lock().expect("nobody panics").entry(test.to_owned()).or_default() += 1;
        }
        fated.insert(change, fate);
    }
    // Every so many-th, so that a shard is a fair part of all files.
    let only = std::env::var("MUTANTS_ONLY").unwrap_or_default();
    let is_meant = |id: &usize| only.split(',').any(|part| changes[*id].name.contains(part));
    let chosen: Vec<usize> = planted.into_iter().filter(|id| id % shards == nth && is_meant(id)).collect();
    let mut left: Vec<usize> = chosen.iter().copied().filter(|id| !fated.contains_key(&*changes[*id].name)).collect();
    // So that a run which is cut short has tried a fair part too.
    left.sort_by_key(|id| id % SPREAD);
    let log = OpenOptions::new().append(true).create(true).open(&file).expect("results can be kept");
    let log = Mutex::new(log);
    hunt::each(jobs, left, |id| {
        let fate = match reach.get(&id) {
            Some(tests) => hunt::hunt(&tree, id, tests, &merits, seconds),
            None => Fate::Missed { tests: 0, of: 0 },
        };
        let line = format!("{} => {fate:?}\n", changes[id].name);
        log.lock().expect("nobody panics").write_all(line.as_bytes()).expect("results can be kept");
    });

    let fates = fs::read_to_string(&file).expect("results were kept");
    let fates: Vec<(&str, &str)> = fates.lines().filter_map(|line| line.split_once(" => ")).collect();
    let of = |fate| fates.iter().filter(move |known| known.1.starts_with(fate)).map(|known| known.0);
    write(&out.join("missed.txt"), of("Missed"));
    let [noticed, late, missed] = ["Noticed", "NotEnding", "Missed"].map(|fate| of(fate).count());
    let tried = noticed + late + missed;
    let all = changes.len();
    println!("{tried} of {all} tried: {noticed} noticed, {late} more by a test that does not end, {missed} missed");
}

fn write<'a>(file: &Path, lines: impl Iterator<Item = &'a str>) {
    fs::write(file, lines.map(|line| format!("{line}\n")).collect::<String>()).expect("results can be kept");
}
