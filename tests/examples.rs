//! The example programs, run as a user runs them, with small settings: what they print, how they end, and what they
//! say to bad options. `cargo test` builds them beside this test.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    /// The number that stands first after `label` in the output.
    #[track_caller]
    fn number(&self, label: &str) -> u64 {
        let rest = self.out.lines().find_map(|line| line.trim_start().strip_prefix(label));
        let word = rest.and_then(|rest| rest.split_whitespace().next());
        word.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no number after {label:?} in\n{}", self.out))
    }

    #[track_caller]
    fn ended_with(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "standard output:\n{}\nstandard error:\n{}", self.out, self.err);
        self
    }
}

/// `target/<profile>/examples/<name>`: this test is `target/<profile>/deps/examples-…`.
fn program(name: &str) -> PathBuf {
    let me = std::env::current_exe().expect("the test knows where it is");
    let profile = me.parent().and_then(|deps| deps.parent()).expect("the test is in target/<profile>/deps");
    let path = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is missing: run `cargo build --examples` first", path.display());
    path
}

fn run(name: &str, options: &[&str]) -> Ran {
    let output = Command::new(program(name)).args(options).env_remove("BACKWATER_REPLAY").output();
    let output = output.unwrap_or_else(|error| panic!("{name} does not start: {error}"));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the examples print UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn help_mentions_every_option_and_the_exit_codes() {
    let programs: [(&str, &[&str]); 7] = [
        ("overload", &["--senders", "--messages", "--size", "--work", "--without-muting"]),
        ("ring", &["--size", "--count", "--pass"]),
        ("message_ubench", &["--pingers", "--initial-pings", "--report-count", "--report-interval"]),
        ("mailbox", &["--senders", "--messages", "--every"]),
        ("fan_in", &["--senders", "--analyzers", "--analyzer-work", "--receiver-work", "--report-interval"]),
        ("tokio_inlet", &["--executor", "--tasks", "--numbers", "--capacity", "--work"]),
        ("timer_reconnect", &["--sources", "--messages", "--attempts", "--delay", "--ponys-rules", "--chart", "--dot"]),
    ];
    for (name, options) in programs {
        let help = run(name, &["--help"]).ended_with(0).out;
        options.iter().for_each(|option| assert!(help.contains(option), "{name}: nothing of {option} in\n{help}"));
        assert!(help.contains("Exit code"), "{name}: nothing of exit codes in\n{help}");
    }
}

#[test]
fn a_bad_value_is_refused_with_code_2_and_the_name_of_the_option() {
    for (name, option, value) in [
        ("overload", "--senders", "0"),
        ("overload", "--size", "1048577"),
        ("ring", "--size", "0"),
        ("ring", "--count", "many"),
        ("ring", "--pass", "-1"),
        ("message_ubench", "--pingers", "0"),
        ("message_ubench", "--report-interval", "0"),
        ("mailbox", "--every", "0"),
        ("fan_in", "--analyzers", "0"),
        ("tokio_inlet", "--capacity", "0"),
        ("tokio_inlet", "--executor", "rayon"),
        ("timer_reconnect", "--attempts", "0"),
        ("timer_reconnect", "--delay", "99999999999999999999"),
    ] {
        let refused = run(name, &[&format!("{option}={value}")]).ended_with(2);
        assert!(refused.err.contains(option) && refused.err.contains(value), "{name}: {}", refused.err);
    }
    assert!(run("ring", &["--sise", "3"]).ended_with(2).err.contains("--size"), "the right spelling is suggested");
}

#[test]
fn overload_keeps_at_most_two_messages_of_each_sender() {
    let ran = run("overload", &["--senders", "1000", "--messages", "50", "--work", "0"]).ended_with(0);
    assert_eq!(ran.number("messages "), 50_000, "all are handled");
    let (deepest, mutes) = (ran.number("deepest mailbox"), ran.number("mutes"));
    assert!((1_000..=2_000).contains(&deepest), "deepest was {deepest}:\n{}", ran.out);
    assert!(mutes >= 1_000, "only {mutes} mutes:\n{}", ran.out);
    assert_eq!(ran.number("without muting"), 50 * (1_000 - 100), "by arithmetic");
    assert_eq!(ran.out.lines().filter(|line| line.contains(" waiting, ")).count(), 10, "progress:\n{}", ran.out);
}

/// Without this the test above would not show that it is the muting which bounds the mailbox.
#[test]
fn overload_without_muting_grows_as_the_arithmetic_says() {
    let options = ["--senders", "1000", "--messages", "50", "--work", "0", "--size", "0", "--without-muting"];
    let ran = run("overload", &options).ended_with(0);
    assert_eq!(ran.number("mutes"), 0);
    let (deepest, expected) = (ran.number("deepest mailbox"), ran.number("without muting"));
    assert!(deepest.abs_diff(expected) <= 200, "deepest {deepest}, by arithmetic {expected}: over two batches apart");
}

#[test]
fn overload_with_one_sender_and_one_message_is_no_special_case() {
    let ran = run("overload", &["--senders", "1", "--messages", "1"]).ended_with(0);
    assert_eq!((ran.number("messages "), ran.number("mutes"), ran.number("deepest mailbox")), (1, 0, 1));
}

#[test]
fn ring_makes_every_hop() {
    let ran = run("ring", &["--size", "3", "--count", "2", "--pass", "1000"]).ended_with(0);
    assert!(ran.out.starts_with("2 rings of 3 actors: 2000 hops in "), "{}", ran.out);
    assert!(run("ring", &["--size", "1", "--count", "1", "--pass", "1"]).ended_with(0).out.contains(": 1 hops"));
}

#[test]
fn message_ubench_reports_as_often_as_asked_and_ends() {
    let options = ["--pingers", "2", "--initial-pings", "1", "--report-count", "3", "--report-interval", "1"];
    let ran = run("message_ubench", &options).ended_with(0);
    assert_eq!(ran.out.lines().filter(|line| line.contains(" messages in ")).count(), 3, "{}", ran.out);
    assert!(ran.number("all") > 0 && ran.out.contains("deepest mailbox"), "{}", ran.out);
}

#[test]
fn a_reconnect_by_the_runtimes_timer_frees_the_sources() {
    let ran = run("timer_reconnect", &[]).ended_with(0);
    assert!(ran.out.contains("attempt 3 succeeded"), "{}", ran.out);
    assert!(ran.out.contains("the sink wrote 6 pieces and kept 0"), "{}", ran.out);
    assert!(ran.out.contains("ended well after 1.5s: 2 mutes"), "time is virtual, so exactly this:\n{}", ran.out);
}

#[test]
fn under_ponys_rules_the_same_program_ends_in_a_deadlock_report() {
    let ran = run("timer_reconnect", &["--ponys-rules", "--dot"]).ended_with(1);
    assert!(ran.out.contains("attempt 1 failed") && !ran.out.contains("attempt 2"), "{}", ran.out);
    for part in ["deadlock (R9)", "Alarm", "timer_reconnect.rs", "was never released", "BACKWATER_REPLAY="] {
        assert!(ran.err.contains(part), "the report lacks {part:?}:\n{}", ran.err);
    }
    assert!(ran.out.contains("digraph wait_for"), "{}", ran.out);
    // The first reconnect arrives; that it mutes its sender does no harm if it is the only one needed.
    assert!(run("timer_reconnect", &["--ponys-rules", "--attempts", "1"]).ended_with(0).out.contains("ended well"));
}

#[test]
fn timer_reconnect_draws_its_run() {
    let ran = run("timer_reconnect", &["--chart", "--sources", "1"]).ended_with(0);
    for part in ["Source#5 muted by Sink#4 (R3)", "Sink#4 falls (R6)", "Source#5 freed (R6)"] {
        assert!(ran.out.contains(part), "the chart lacks {part:?}:\n{}", ran.out);
    }
}

#[test]
fn mailbox_prints_as_it_receives() {
    let ran = run("mailbox", &["--senders", "3", "--messages", "5", "--every", "5"]).ended_with(0);
    let lines: Vec<&str> = ran.out.lines().map(str::trim).collect();
    assert_eq!(lines, ["5 received", "10 received", "15 received"]);
    assert!(ran.err.starts_with("15 messages in "), "{}", ran.err);
}

/// As `mailbox | head -n 3`: the pipe breaks after three lines of twenty thousand, far more than it holds.
#[test]
fn mailbox_into_a_pipe_that_breaks_goes_on_to_its_end() {
    let mut command = Command::new(program("mailbox"));
    command.args(["--senders", "20", "--messages", "1000", "--every", "1"]).env_remove("BACKWATER_REPLAY");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("mailbox starts");
    let out = BufReader::new(child.stdout.take().expect("it is piped"));
    let lines: Vec<String> = out.lines().take(3).map(|line| line.expect("it prints UTF-8")).collect();
    assert!(lines[0].contains(" 1 received") && lines[2].contains(" 3 received"), "{lines:?}");
    let ended = child.wait_with_output().expect("it ends");
    let err = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && err.starts_with("20000 messages in "), "{:?}: {err}", ended.status);
}

/// More senders than the receiver's batch, so that it is overloaded, and they with it.
#[test]
fn fan_in_holds_back_analyzers_and_their_senders() {
    let options = ["--senders", "300", "--analyzers", "200", "--messages", "50", "--receiver-work", "0"];
    let ran = run("fan_in", &options).ended_with(0);
    assert_eq!(ran.number("messages"), 15_000);
    assert!(ran.number("mutes") > 0 && ran.number("deepest mailbox") < 1_000, "{}", ran.out);
}

#[test]
fn tokio_inlet_gets_every_number_back_under_each_executor() {
    for executor in ["tokio", "smol", "bare"] {
        let options = ["--executor", executor, "--tasks", "3", "--numbers", "2000", "--capacity", "8", "--work", "0"];
        let ran = run("tokio_inlet", &options).ended_with(0);
        assert_eq!((ran.number("numbers"), ran.number("sum of squares")), (6_000, 3 * 2_668_667_000), "{executor}");
    }
}

#[cfg(feature = "net")]
#[test]
fn echo_serves_those_who_read_though_others_never_do() {
    for threads in [&[][..], &["--threads", "2"]] {
        let ran = run("echo", &[&["--stress", "12", "--bytes", "100000"], threads].concat()).ended_with(0);
        assert_eq!(ran.number("served"), 9);
        assert!(ran.number("bytes written") >= 900_000 && ran.out.contains("3 never do"), "{}", ran.out);
        // What was read in one behaviour before it was throttled, of the 32 MiB that a client would have sent.
        assert!(ran.number("longest backlog") < 4 << 20, "{}", ran.out);
    }
}

#[cfg(feature = "net")]
#[test]
fn echo_says_what_is_wrong_with_an_address() {
    assert!(run("echo", &["--help"]).ended_with(0).out.contains("--stress"));
    assert!(run("echo", &["--stress", "0"]).ended_with(2).err.contains("--stress"));
    assert!(run("echo", &["--listen", "nowhere"]).ended_with(1).err.contains("HOST:PORT"));
}
