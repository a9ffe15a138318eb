//! What is compared: each workload with its sizes, the figures read from its line, and what
//! Backwater is to reach. All of it is data; running and judging are elsewhere.

use crate::Settings;
use crate::contestants::Contestant;
use backwater_peers::{Peer, Workload, name_of};

/// A workload with its settings.
pub struct Case {
    pub label: &'static str,
    pub workload: Workload,
    size: Size,
    options: &'static [&'static str],
    pub figures: &'static [Figure],
}

/// How long a run is; `--quick` divides it by ten.
enum Size {
    /// Messages in all (round trips, actors).
    Same(u64),
    /// The same, by how fast a contestant is: so many that the fastest can be timed, so few that
    /// the slowest ends.
    By { fast: u64, usual: u64, slow: u64 },
    /// Measured seconds.
    Seconds(f64),
}

/// A number of the line that a run prints.
pub struct Figure {
    /// Its key in the line.
    pub key: &'static str,
    /// What it is, where it is not the case's own rate.
    pub label: &'static str,
    pub unit: Unit,
    /// What Backwater is to reach with one worker thread, and with two.
    pub goals: [Option<Goal>; 2],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Given a second, shown in millions: the more the better.
    Rate,
    /// The fewer the better.
    Bytes,
    /// Given in KiB, shown in MB: the fewer the better.
    PeakMemory,
}

/// A least rate or a greatest amount, in the unit shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    OfFloor(f64),
    AtLeast(f64),
    AtMost(f64),
}

use Goal::{AtLeast, AtMost, OfFloor};

const fn rate(one: Option<Goal>, two: Option<Goal>) -> Figure {
    Figure {
        key: "msgs_per_s",
        label: "",
        unit: Unit::Rate,
        goals: [one, two],
    }
}

const fn peak_memory(one: Option<Goal>) -> Figure {
    Figure {
        key: "rss_kb",
        label: "peak memory",
        unit: Unit::PeakMemory,
        goals: [one, None],
    }
}

/// The memory of a fan-in is judged for 20 million messages.
const FANIN: u64 = 20_000_000;

pub static CASES: [Case; 9] = [
    Case {
        label: "pingpong",
        workload: Workload::Pingpong,
        size: Size::By {
            fast: 25_000_000,
            usual: 2_500_000,
            slow: 100_000,
        },
        options: &[],
        figures: &[
            rate(Some(OfFloor(0.5)), Some(AtLeast(45.0))),
            peak_memory(None),
        ],
    },
    Case {
        label: "ring, 1,000 actors, 1 token",
        workload: Workload::Ring,
        size: Size::By {
            fast: 50_000_000,
            usual: 5_000_000,
            slow: 200_000,
        },
        options: &["--s", "1000", "--b", "1"],
        figures: &[
            rate(Some(OfFloor(0.5)), Some(AtLeast(45.0))),
            peak_memory(None),
        ],
    },
    Case {
        label: "ring, 1,000 actors, 100 tokens",
        workload: Workload::Ring,
        size: Size::By {
            fast: 50_000_000,
            usual: 5_000_000,
            slow: 200_000,
        },
        options: &["--s", "1000", "--b", "100"],
        figures: &[
            rate(Some(OfFloor(0.65)), Some(AtLeast(130.0))),
            peak_memory(None),
        ],
    },
    Case {
        label: "ubench, 100 actors, 5 messages each",
        workload: Workload::Ubench,
        size: Size::Seconds(3.0),
        options: &["--s", "100", "--b", "5"],
        figures: &[
            rate(Some(OfFloor(0.7)), Some(AtLeast(85.0))),
            peak_memory(None),
        ],
    },
    Case {
        label: "fanin, 8 senders, 200 ns of work",
        workload: Workload::Fanin,
        size: Size::Same(FANIN),
        options: &["--s", "8", "--work", "133"],
        figures: &[
            rate(Some(OfFloor(0.97)), Some(AtLeast(4.8))),
            peak_memory(Some(AtMost(8.0))),
        ],
    },
    Case {
        label: "fanin, 1,000 senders, 200 ns of work",
        workload: Workload::Fanin,
        size: Size::Same(FANIN),
        options: &["--s", "1000", "--work", "133"],
        figures: &[
            rate(Some(OfFloor(0.97)), Some(AtLeast(4.6))),
            peak_memory(None),
        ],
    },
    Case {
        label: "fanin, 8 senders, no work",
        workload: Workload::Fanin,
        size: Size::Same(FANIN),
        options: &["--s", "8", "--work", "0"],
        figures: &[
            rate(Some(OfFloor(0.5)), None),
            peak_memory(Some(AtMost(8.0))),
        ],
    },
    Case {
        label: "pipe, sink of 1 µs",
        workload: Workload::Pipe,
        size: Size::Same(3_000_000),
        options: &["--work", "665"],
        figures: &[
            rate(Some(AtLeast(0.96)), Some(AtLeast(0.97))),
            peak_memory(None),
        ],
    },
    Case {
        label: "spawn, each actor gets a message",
        workload: Workload::Spawn,
        size: Size::By {
            fast: 1_000_000,
            usual: 1_000_000,
            slow: 100_000,
        },
        options: &[],
        figures: &[
            Figure {
                key: "actors_per_s",
                label: "",
                unit: Unit::Rate,
                goals: [Some(AtLeast(5.0)), Some(AtLeast(5.0))],
            },
            Figure {
                key: "actors_per_s_teardown",
                label: "with teardown",
                unit: Unit::Rate,
                goals: [Some(AtLeast(3.0)), Some(AtLeast(3.0))],
            },
            Figure {
                key: "bytes_per_actor",
                label: "bytes of an idle actor",
                unit: Unit::Bytes,
                goals: [Some(AtMost(200.0)), None],
            },
            peak_memory(None),
        ],
    },
];

enum Pace {
    Fast,
    Usual,
    Slow,
}

/// Slow is a peer whose every hop wakes an OS thread, or whose idle actor takes kilobytes.
fn pace(peer: Option<Peer>, workload: Workload) -> Pace {
    match (peer, workload) {
        (None | Some(Peer::Floor), _) => Pace::Fast,
        (Some(Peer::CrossbeamThreads), _) => Pace::Slow,
        (Some(Peer::Ractor | Peer::Kameo), Workload::Spawn) => Pace::Slow,
        _ => Pace::Usual,
    }
}

impl Case {
    /// The arguments of a run, without the program and the peer.
    pub fn arguments(&self, settings: &Settings, contestant: &Contestant) -> Vec<String> {
        let mut all = vec![name_of(self.workload)];
        all.extend(["--threads".to_owned(), settings.threads.to_string()]);
        all.extend(self.options.iter().map(|o| (*o).to_owned()));
        let part = if settings.quick { 10 } else { 1 };
        let (name, value) = match self.size {
            Size::Same(n) => ("--n", (n / part).to_string()),
            Size::By { fast, usual, slow } => {
                let n = match pace(contestant.peer, self.workload) {
                    Pace::Fast => fast,
                    Pace::Usual => usual,
                    Pace::Slow => slow,
                };
                ("--n", (n / part).to_string())
            }
            Size::Seconds(secs) => ("--secs", (secs / part as f64).to_string()),
        };
        all.extend([name.to_owned(), value]);
        all
    }

    /// The keys that the line of a run must have.
    pub fn keys(&self) -> Vec<&'static str> {
        self.figures.iter().map(|f| f.key).collect()
    }
}

impl Figure {
    pub fn goal(&self, threads: u32) -> Option<Goal> {
        self.goals[threads as usize - 1]
    }

    /// Whether the table shows it.
    pub fn is_wanted(&self, settings: &Settings) -> bool {
        let judged = settings.targets && self.goal(settings.threads).is_some();
        self.unit != Unit::PeakMemory || settings.memory || judged
    }
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Unit::Rate => "M/s",
            Unit::Bytes => "bytes",
            Unit::PeakMemory => "MB",
        }
    }

    /// From what the line gives to what is shown.
    pub fn shown(self, raw: f64) -> f64 {
        match self {
            Unit::Rate => raw / 1e6,
            Unit::Bytes => raw,
            Unit::PeakMemory => raw * 1024.0 / 1e6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::path::Path;

    fn line(case: usize, peer: Peer, settings: &[&str]) -> String {
        let settings = Settings::parse_from([&["compare"], settings].concat());
        let contestant = Contestant::peer(Path::new("peers"), peer);
        CASES[case].arguments(&settings, &contestant).join(" ")
    }

    #[test]
    fn quick_divides_the_size_by_ten() {
        assert_eq!(
            line(0, Peer::Kameo, &[]),
            "pingpong --threads 1 --n 2500000"
        );
        assert_eq!(
            line(0, Peer::Kameo, &["--quick"]),
            "pingpong --threads 1 --n 250000"
        );
        assert!(line(3, Peer::Kameo, &["--quick"]).ends_with("--secs 0.3"));
    }

    #[test]
    fn the_pace_sets_the_size() {
        assert!(line(0, Peer::Floor, &[]).ends_with("--n 25000000"));
        assert!(line(8, Peer::Ractor, &[]).ends_with("--n 100000"));
        assert!(line(0, Peer::CrossbeamThreads, &[]).ends_with("--n 100000"));
        assert!(line(4, Peer::CrossbeamThreads, &[]).ends_with("--n 20000000"));
    }

    #[test]
    fn memory_shows_when_asked_or_judged() {
        let wanted = |arguments: &[&str], case: usize| {
            let settings = Settings::parse_from([&["compare"], arguments].concat());
            CASES[case].figures[1].is_wanted(&settings)
        };
        assert!(!wanted(&[], 4));
        assert!(wanted(&["--memory"], 0));
        assert!(wanted(&["--targets"], 4));
        assert!(!wanted(&["--targets"], 0));
        assert!(!wanted(&["--targets", "--threads", "2"], 4));
    }
}
