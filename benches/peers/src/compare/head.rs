//! What stands above the table: the command that makes it, the machine, the circumstances.

use crate::Settings;
use crate::contestants::Contestant;
use backwater_peers::Peer;
use std::fs::read_to_string;
use std::time::Duration;

pub fn head(settings: &Settings, contestants: &[Contestant]) -> String {
    let mut text = String::from("Made, from the project's root, by\n\n```sh\n");
    text += "cargo build --release --manifest-path benches/peers/Cargo.toml\n";
    if settings.ours.is_none() && !settings.no_ours {
        text += "cargo build --release --example bench\n";
    }
    text += &format!("{}\n```\n\n", command(std::env::args().skip(1)));
    text += &format!(
        "on {}, {}, with {}; medians of {}, contestants in turn; load average {} at the start{}.\n",
        processor(&read_to_string("/proc/cpuinfo").unwrap_or_default()),
        time::OffsetDateTime::now_utc().date(),
        counted(settings.threads, "worker thread"),
        counted(settings.runs, "run"),
        load(),
        round_trip(settings, contestants),
    );
    if settings.quick {
        text += "\nWith `--quick`: a tenth of the messages, not to be quoted.\n";
    }
    text
}

/// The command as a shell takes it.
fn command(arguments: impl Iterator<Item = String>) -> String {
    let arguments: Vec<String> = arguments.collect();
    let words = std::iter::once("benches/peers/target/release/compare")
        .chain(arguments.iter().map(String::as_str));
    shlex::try_join(words).expect("an argument never has a zero byte")
}

/// The model and the number of logical processors.
fn processor(cpuinfo: &str) -> String {
    let values = |key: &'static str| {
        cpuinfo
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(move |(k, _)| k.trim() == key)
            .map(|(_, v)| v.trim())
    };
    let model = values("model name")
        .next()
        .unwrap_or("an unknown processor");
    let logical = values("processor").count();
    format!("{model} ({logical} logical processors)")
}

fn load() -> String {
    let load = read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace()
        .next()
        .unwrap_or("unknown")
        .to_owned()
}

/// With two workers every figure hangs on how far apart the two processors are just now.
fn round_trip(settings: &Settings, contestants: &[Contestant]) -> String {
    let floor = contestants.iter().find(|c| c.peer == Some(Peer::Floor));
    let Some(floor) = floor.filter(|_| settings.threads == 2) else {
        return String::new();
    };
    let limits = floor.limits("cache-line round trip", Duration::from_secs(60));
    match limits.as_ref().map(|line| &line["ns"]) {
        Ok(ns) => format!("; a cache line's round trip between two processors takes {ns} ns"),
        Err(why) => format!("; a cache line's round trip was not measured ({why})"),
    }
}

fn counted(n: u32, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_quoted_for_a_shell() {
        let arguments = ["--ours", "a dir/bench", "--quick"].map(str::to_owned);
        assert_eq!(
            command(arguments.into_iter()),
            "benches/peers/target/release/compare --ours 'a dir/bench' --quick"
        );
    }

    #[test]
    fn the_processor_is_named_and_counted() {
        let two = "processor\t: 0\nmodel name\t: X 1\n\nprocessor\t: 1\nmodel name\t: X 1\n";
        assert_eq!(processor(two), "X 1 (2 logical processors)");
        assert!(processor("").starts_with("an unknown"));
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(1, "run"), "1 run");
        assert_eq!(counted(5, "run"), "5 runs");
    }
}
