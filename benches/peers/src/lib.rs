//! What both binaries of this package must agree on: which peers and workloads there are, which
//! peer can run which workload, and the shape of the line that a run prints.
//!
//! It is not the workloads themselves (`peers/`, in the binary `backwater-peers`) nor the runner
//! (`compare/`).

use clap::ValueEnum;
use serde::Serialize;

/// A system to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    /// Yardstick, not a runtime: the least work that the workloads allow
    Floor,
    /// actix: do_send into unbounded mailboxes, one event loop per thread
    Actix,
    /// ractor: cast into unbounded mailboxes, actors are tokio tasks
    Ractor,
    /// kameo: tell into bounded mailboxes, actors are tokio tasks
    Kameo,
    /// A tokio task per actor over tokio's bounded mpsc
    Tokio,
    /// A tokio task per actor over tokio's unbounded mpsc
    TokioUnbounded,
    /// A tokio task per actor over kanal
    KanalTokio,
    /// A tokio task per actor over flume
    FlumeTokio,
    /// An OS thread per actor over crossbeam-channel
    CrossbeamThreads,
}

/// What the actors do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Two actors, one message going back and forth
    Pingpong,
    /// s actors in a circle, b tokens going round
    Ring,
    /// s senders, one receiver that works on every message
    Fanin,
    /// s actors, b messages each, every message goes on to a random actor
    Ubench,
    /// Source, two forwarders, a sink that works on every message
    Pipe,
    /// n actors created and sent one message each, all held, then dropped
    Spawn,
}

/// The name that the command line uses.
pub fn name_of(value: impl ValueEnum) -> String {
    value
        .to_possible_value()
        .map_or_else(String::new, |v| v.get_name().to_owned())
}

impl Peer {
    /// Why this peer cannot run `workload`; `None` if it can.
    pub fn refuses(self, workload: Workload) -> Option<&'static str> {
        match (self, workload) {
            (Peer::Floor, Workload::Pipe | Workload::Spawn) => {
                Some("floor has only pingpong, ring, fanin and ubench")
            }
            (Peer::CrossbeamThreads, Workload::Spawn) => {
                Some("a million OS threads mean nothing; spawn needs a peer whose actors are light")
            }
            _ => None,
        }
    }
}

/// The line that a message workload prints.
#[derive(Debug, Serialize)]
pub struct MessageLine {
    pub peer: String,
    pub w: String,
    pub threads: usize,
    pub n: u64,
    pub s: usize,
    pub b: u64,
    pub cap: usize,
    pub secs: f64,
    pub msgs_per_s: u64,
    /// Peak resident memory of the process.
    pub rss_kb: u64,
}

/// The line that `spawn` prints.
#[derive(Debug, Serialize)]
pub struct SpawnLine {
    pub peer: String,
    pub w: String,
    pub threads: usize,
    pub n: u64,
    pub cap: usize,
    pub alive_s: f64,
    pub total_s: f64,
    pub actors_per_s: u64,
    pub actors_per_s_teardown: u64,
    pub bytes_per_actor: u64,
    /// Peak resident memory of the process.
    pub rss_kb: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        assert_eq!(name_of(Peer::TokioUnbounded), "tokio-unbounded");
        assert_eq!(name_of(Workload::Pingpong), "pingpong");
    }

    #[test]
    fn only_floor_and_threads_refuse_anything() {
        for peer in Peer::value_variants() {
            for workload in Workload::value_variants() {
                let refused = peer.refuses(*workload).is_some();
                let expected = match peer {
                    Peer::Floor => matches!(workload, Workload::Pipe | Workload::Spawn),
                    Peer::CrossbeamThreads => *workload == Workload::Spawn,
                    _ => false,
                };
                assert_eq!(refused, expected, "{peer:?} {workload:?}");
            }
        }
    }
}
