//! How a check is set up, by the test and by the environment.
//!
//! Not here: what each setting means to whoever sets it, which is [`Check`](crate::Check)'s.

use super::exhaustive::Limit;
use super::parts::Slice;
use super::run::Hash;
use super::verdict::Fault;
use crate::event::Observer;
use crate::rules::{Detector, Rules};
use crate::scheduler::Stats;
use crate::sync::{Arc, Mutex, PlainArc};
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

/// How schedules are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// All, up to the order of independent steps.
    Exhaustive,
    /// All, every order of every two steps included: a cross-check of the reduction.
    Naive,
    /// All states, each once: what two schedules share is explored once, and a program that never ends may have finitely
    /// many. See [`Check::states`](super::Check::states).
    States,
    /// So many uniform random walks.
    Random(u64),
    /// So many runs of PCT: a bug of this depth is found by each with a probability of at least 1 / (n · k^(depth−1)),
    /// for n actors and k steps.
    Pct {
        /// How many steps have to come in the right order.
        depth: u32,
        /// How many runs.
        runs: u64,
    },
    /// So many runs of partial-order sampling.
    Pos(u64),
    /// So many runs as a fair scheduler makes them.
    Fair(u64),
    /// The one schedule that these bytes choose: a byte a decision, modulo what there is to choose from, and 0 (go on
    /// with the same actor, the first answer) when they run out. For fuzzers.
    Given(Vec<u8>),
    /// One after the other, up to the first failure.
    Portfolio(Vec<Mode>),
}

/// Makes the network of each run.
#[cfg(feature = "net")]
pub(super) type Network = PlainArc<dyn Fn() -> crate::scheduler::World + Send + Sync>;

/// Makes the observer of each run.
pub(super) type ObserveEach = PlainArc<dyn Fn() -> Box<dyn Observer> + Send + Sync>;

/// What to see at the end of each run.
pub(super) type EachEnd = Arc<Mutex<Box<dyn FnMut(&Stats, Option<&Fault>) + Send>>>;

/// What to hear the class of each run with.
pub(super) type EachClass = Arc<Mutex<Box<dyn FnMut(u64) + Send>>>;

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) mode: Mode,
    pub(super) seed: u64,
    pub(super) batch: u32,
    pub(super) detector: Detector,
    pub(super) rules: Rules,
    pub(super) max_actors: u32,
    pub(super) max_mailbox: Option<u32>,
    pub(super) max_steps: usize,
    pub(super) max_runs: Option<u64>,
    pub(super) max_states: u64,
    pub(super) max_time: Option<Duration>,
    pub(super) limit: Limit,
    /// An exhaustive search looks ahead.
    pub(super) plans: bool,
    pub(super) atomic: bool,
    pub(super) panics_stop_actor: bool,
    pub(super) unmatched_apply_is_fine: bool,
    pub(super) livelock_is_fine: bool,
    pub(super) actors_stop: bool,
    pub(super) check_independence: bool,
    pub(super) max_mute: Option<usize>,
    pub(super) max_wait: Option<usize>,
    pub(super) expects: Vec<&'static str>,
    pub(super) invariants: bool,
    pub(super) twice: bool,
    pub(super) keep_going: bool,
    pub(super) accept_cut: bool,
    pub(super) shrink: bool,
    pub(super) each_end: Option<EachEnd>,
    pub(super) each_class: Option<EachClass>,
    pub(super) observe_each: Option<ObserveEach>,
    pub(super) output_stalls: Option<u32>,
    #[cfg(feature = "net")]
    pub(super) network: Option<Network>,
    pub(super) regressions: Option<PathBuf>,
    pub(super) replay: Option<String>,
    pub(super) slice: Slice,
    pub(super) ends_of_runs: bool,
    pub(super) results: Option<PathBuf>,
}

impl Settings {
    /// Exhaustive, with runs of up to 10,000 steps.
    pub(super) fn new() -> Self {
        Settings {
            mode: Mode::Exhaustive,
            seed: 0,
            batch: 100,
            detector: Detector::Batch,
            rules: Rules::Backwater,
            max_actors: 1_000,
            max_mailbox: None,
            max_steps: 10_000,
            max_runs: None,
            max_states: u64::MAX,
            max_time: None,
            limit: Limit::No,
            plans: true,
            atomic: false,
            panics_stop_actor: false,
            unmatched_apply_is_fine: false,
            livelock_is_fine: false,
            actors_stop: false,
            check_independence: false,
            max_mute: None,
            max_wait: None,
            expects: Vec::new(),
            invariants: cfg!(debug_assertions),
            twice: true,
            keep_going: false,
            accept_cut: false,
            shrink: true,
            each_end: None,
            each_class: None,
            observe_each: None,
            output_stalls: None,
            #[cfg(feature = "net")]
            network: None,
            regressions: None,
            replay: None,
            slice: Slice::WHOLE,
            ends_of_runs: false,
            results: None,
        }
    }

    /// Something is to be measured step by step.
    pub(super) fn measures(&self) -> bool {
        self.max_mute.is_some() || self.max_wait.is_some()
    }

    /// Of all that changes what a schedule does.
    pub(super) fn hash(&self) -> u64 {
        let mut hash = Hash(1);
        let (high, low) = match self.detector {
            Detector::Batch => (0, 0),
            Detector::Depth { high, low } => (high, low),
        };
        let pony = u64::from(self.rules == Rules::Pony);
        let stalls = self.output_stalls.map_or(0, |stalls| u64::from(stalls) + 1);
        let flags = u64::from(self.atomic) | u64::from(self.panics_stop_actor) << 1 | pony << 2 | stalls << 3;
        [self.seed, u64::from(self.batch), u64::from(high), u64::from(low), flags].iter().for_each(|v| hash.add(*v));
        hash.0
    }

    /// What the environment says comes before what the test says.
    ///
    /// # Panics
    /// If a variable cannot be read: a search that silently does something else would be worse.
    #[track_caller]
    pub(super) fn take_environment(&mut self) {
        let bad = |name: &str, value: &str, wanted: &str| -> ! { panic!("{name}={value:?} is not {wanted}") };
        if let Ok(value) = env::var("BACKWATER_MODE") {
            let wanted = "`exhaustive`, `naive`, `states`, `random:RUNS`, `pct:DEPTH:RUNS`, `pos:RUNS` or `fair:RUNS`";
            self.mode = Mode::parse(&value).unwrap_or_else(|| bad("BACKWATER_MODE", &value, wanted));
        }
        if let Ok(value) = env::var("BACKWATER_SEED") {
            self.seed = value.parse().unwrap_or_else(|_| bad("BACKWATER_SEED", &value, "a number"));
        }
        if let Ok(value) = env::var("BACKWATER_MAX_TIME") {
            let seconds = value.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
            self.max_time = Some(seconds.unwrap_or_else(|| bad("BACKWATER_MAX_TIME", &value, "a number of seconds")));
        }
        self.take_slice();
        if let Some(file) = env::var_os("BACKWATER_RESULTS") {
            self.results = Some(file.into());
        }
        if let Ok(token) = env::var("BACKWATER_REPLAY") {
            self.replay = Some(token);
        }
    }

    /// Which slice of the search is this machine's: by our own variable, that of a Kubernetes indexed job, or Bazel's.
    fn take_slice(&mut self) {
        let index = env::var("JOB_COMPLETION_INDEX").ok();
        if let Ok(value) = env::var("BACKWATER_PARTITION") {
            let wanted = "`slice:K/N` with K from 1 to N, or `index/N` with JOB_COMPLETION_INDEX from 0 to N − 1";
            let slice = Slice::parse(&value, index.as_deref());
            self.slice = slice.unwrap_or_else(|| panic!("BACKWATER_PARTITION={value:?} is not {wanted}"));
        } else if let (Ok(total), Ok(index)) = (env::var("TEST_TOTAL_SHARDS"), env::var("TEST_SHARD_INDEX")) {
            let slice = Slice::parse(&format!("index/{total}"), Some(&index));
            self.slice = slice.unwrap_or_else(|| {
                panic!("TEST_SHARD_INDEX={index:?} is not a number below TEST_TOTAL_SHARDS={total:?}")
            });
            // Bazel asks whoever knows of shards to touch this file.
            if let Some(file) = env::var_os("TEST_SHARD_STATUS_FILE") {
                fs::write(&file, "").unwrap_or_else(|why| panic!("TEST_SHARD_STATUS_FILE={}: {why}", file.display()));
            }
        }
    }
}

impl Mode {
    fn parse(text: &str) -> Option<Mode> {
        let parts: Vec<&str> = text.split(':').collect();
        match parts[..] {
            ["exhaustive"] => Some(Mode::Exhaustive),
            ["naive"] => Some(Mode::Naive),
            ["states"] => Some(Mode::States),
            ["random", runs] => runs.parse().ok().map(Mode::Random),
            ["fair", runs] => runs.parse().ok().map(Mode::Fair),
            ["pos", runs] => runs.parse().ok().map(Mode::Pos),
            ["pct", depth, runs] => Some(Mode::Pct { depth: depth.parse().ok()?, runs: runs.parse().ok()? }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token says by this hash whether it fits: each setting that a schedule depends on has to be in it, and none may
    /// stand for another.
    #[test]
    fn whatever_changes_what_a_schedule_does_changes_the_hash() {
        let plain = Settings::new;
        let detectors = [Detector::Depth { high: 2, low: 1 }, Detector::Depth { high: 1, low: 2 }];
        let mut all = vec![
            plain(),
            Settings { seed: 7, ..plain() },
            Settings { batch: 7, ..plain() },
            Settings { detector: detectors[0], ..plain() },
            Settings { detector: detectors[1], ..plain() },
        ];
        for (atomic, panics_stop_actor, rules) in (0..8).map(|n| (n & 1 > 0, n & 2 > 0, n & 4 > 0)) {
            for output_stalls in [None, Some(0), Some(1), Some(2), Some(3)] {
                let rules = if rules { Rules::Pony } else { plain().rules };
                all.push(Settings { atomic, panics_stop_actor, rules, output_stalls, ..plain() });
            }
        }
        // The first of these is the plain one once more.
        let hashes: std::collections::BTreeSet<u64> = all.iter().map(Settings::hash).collect();
        assert_eq!(hashes.len(), all.len() - 1);
    }
}
