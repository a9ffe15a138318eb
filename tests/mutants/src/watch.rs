//! A test's process: how long it has worked, and for how long it has not, whatever else the machine is busy with. Linux
//! tells it under `/proc`.

use std::fs;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// A process all of whose threads sleep for so many seconds waits for what never comes.
const IDLE: f64 = 10.0;

/// How long one may look away.
const PAUSE: Duration = Duration::from_millis(40);

/// How the process ended, or nothing if it worked for more than so many seconds or waited in vain, and was stopped; and how
/// many seconds it worked.
#[expect(clippy::disallowed_methods, reason = "it waits for a process")]
pub(crate) fn wait(child: &mut Child, seconds: f64) -> (Option<ExitStatus>, f64) {
    let (mut worked, mut since, mut pause) = (0.0, Instant::now(), Duration::from_millis(2));
    loop {
        let (now, sleeps) = look(child.id()).unwrap_or((worked, false));
        if !sleeps || now > worked {
            since = Instant::now();
        }
        worked = now;
        if let Some(status) = child.try_wait().expect("it is a child") {
            return (Some(status), worked);
        }
        if worked > seconds || since.elapsed().as_secs_f64() > IDLE {
            child.kill().and_then(|()| child.wait()).expect("it is a child");
            return (None, worked);
        }
        std::thread::sleep(pause);
        pause = PAUSE.min(pause * 2);
    }
}

/// The seconds it has worked, and whether all its threads sleep.
fn look(process: u32) -> Option<(f64, bool)> {
    let folder = format!("/proc/{process}");
    let stat = fs::read_to_string(format!("{folder}/stat")).ok()?;
    let ticks = |nth: usize| fields(&stat)?.nth(nth)?.parse::<f64>().ok();
    // A tick is a hundredth of a second on every Linux.
    let worked = (ticks(11)? + ticks(12)?) / 100.0;
    let threads = fs::read_dir(format!("{folder}/task")).ok()?.flatten();
    let mut stats = threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
    Some((worked, stats.all(|stat| fields(&stat).and_then(|mut fields| fields.next()) == Some("S"))))
}

/// What follows the name, which is in parentheses and may have any sign in it: the state comes first.
fn fields(stat: &str) -> Option<std::str::SplitWhitespace<'_>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}
