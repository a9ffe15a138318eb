//! How a check ended, and what was wrong.

use super::parts::Slice;
use crate::event::{ActorId, Place};
use crate::report::Chart;
use crate::rules::Broken;
use crate::scheduler::{Deadlock, Root, Stall};
use std::fmt;
use std::mem;

/// How a check ended. Only [`Complete`](Verdict::Complete) says that there is no schedule that fails.
#[derive(Debug)]
#[must_use = "a check that nobody looks at proves nothing"]
pub enum Verdict {
    /// Every schedule was explored, up to the order of independent steps, and all ended well.
    Complete(Explored),
    /// The search was cut short; what was seen ended well.
    Cut {
        /// By which bound.
        by: Bound,
        /// What was seen.
        explored: Explored,
        /// How many runs an exhaustive search would take, very roughly. None for a sample.
        estimate: Option<f64>,
    },
    /// A schedule failed.
    Failed(Box<Failure>),
}

/// What stopped a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// At least one run was longer than [`Check::max_steps`](crate::Check::max_steps).
    Steps,
    /// [`Check::max_runs`](crate::Check::max_runs).
    Runs,
    /// [`Check::max_time`](crate::Check::max_time).
    Time,
    /// [`Check::max_states`](crate::Check::max_states).
    States,
    /// [`Check::preemptions`](crate::Check::preemptions): there are schedules with more.
    Preemptions,
    /// [`Check::delays`](crate::Check::delays): there are schedules with more.
    Delays,
    /// Only a slice of the search was asked for, and that was explored: put the slices' results together, see
    /// [`merge`](crate::merge).
    Slice,
    /// The mode draws samples: it never explores everything.
    Sample,
    /// Only the schedule of a token was run, and it did not fail.
    Token,
}

/// What a search saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explored {
    /// Different states, in a search over states.
    pub states: u64,
    /// Runs to the end, or to the bound on steps. In an exhaustive search: one for each class of schedules.
    pub runs: u64,
    /// Runs that turned out to be covered by others and were given up: the price of an imperfect reduction.
    pub redundant: u64,
    /// Runs that ended at the bound on steps.
    pub too_long: u64,
    /// Runs that failed: more than one only with [`Check::keep_going`](crate::Check::keep_going).
    pub failed: u64,
    /// Steps in all, those taken again to come back to where a schedule branches included.
    pub steps: u64,
    /// The longest run, in steps.
    pub longest: usize,
}

/// What was wrong with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing can run any more and somebody is muted (R9, R10).
    Deadlock(Box<Deadlock>),
    /// A part of the program waits for ever while the rest goes on (R11).
    Stalled(Box<Stall>),
    /// The program ended with an actor under pressure: an apply or a guard that nothing releases.
    UnmatchedApply(Box<Root>),
    /// A behaviour panicked.
    Panicked {
        /// Which actor.
        actor: ActorId,
        /// Its name.
        name: String,
        /// The message that it was handling.
        message: String,
        /// The source line of the panic, where it is known.
        place: Option<String>,
        /// What the panic said.
        payload: String,
    },
    /// More living actors than [`Check::max_actors`](crate::Check::max_actors).
    TooManyActors {
        /// The limit.
        limit: u32,
        /// The name of the actor that was to be created.
        name: String,
        /// Where.
        place: Place,
    },
    /// A mailbox longer than [`Check::max_mailbox`](crate::Check::max_mailbox).
    MailboxTooLong {
        /// Whose.
        name: String,
        /// The bound.
        limit: u32,
    },
    /// Steps that can go round for ever, under a fair scheduler and without time passing, in which no actor ever comes
    /// out of a behaviour in another state than it went in. Found by [`Check::states`](crate::Check::states).
    Livelock {
        /// How many states the round has.
        states: usize,
        /// The actors that have something to do in it.
        busy: Vec<String>,
    },
    /// An actor that was muted for more steps than [`Check::max_mute`](crate::Check::max_mute).
    MutedTooLong {
        /// Its name.
        name: String,
        /// The bound.
        limit: usize,
        /// Who held it back.
        by: Vec<String>,
    },
    /// An actor that could run and was not taken for more steps than [`Check::max_wait`](crate::Check::max_wait).
    Starved {
        /// Its name.
        name: String,
        /// The bound.
        limit: usize,
    },
    /// An actor that had not ended when the program did, so that its `Drop` had not run:
    /// [`Check::actors_stop`](crate::Check::actors_stop).
    NotStopped {
        /// Its name.
        name: String,
    },
    /// What [`Context::eventually`](crate::Context::eventually) said did not come true.
    NotEventually(&'static str),
    /// What [`Context::sometimes`](crate::Context::sometimes) said was true in no schedule at all.
    Never(&'static str),
    /// A line with this [`Context::sometimes`](crate::Context::sometimes) was reached in no schedule, although
    /// [`Check::expects`](crate::Check::expects) names it.
    NeverReached(&'static str),
    /// The same schedule gave two different runs: the program looks at a clock, an address, a hash or a thread (R12).
    Nondeterminism {
        /// The first step that differs.
        step: usize,
        /// What happened the first time.
        first: String,
        /// And the second.
        second: String,
    },
    /// This schedule comes to an end that the search without it did not see: messages that an actor declares to be
    /// [independent](crate::Model::independent) are not.
    NotIndependent,
    /// A rule of backwater does not hold: a bug in backwater itself, never in the program.
    Broken(Broken),
}

impl Fault {
    /// Do two faults count as the same for shrinking?
    pub(crate) fn is_like(&self, other: &Fault) -> bool {
        match (self, other) {
            (Fault::Panicked { place: a, .. }, Fault::Panicked { place: b, .. }) => a == b,
            (Fault::Deadlock(a), Fault::Deadlock(b)) => causes(&a.roots) == causes(&b.roots),
            (Fault::UnmatchedApply(a), Fault::UnmatchedApply(b)) => a.causes == b.causes,
            (Fault::NotEventually(a), Fault::NotEventually(b)) => a == b,
            _ => mem::discriminant(self) == mem::discriminant(other),
        }
    }
}

fn causes(roots: &[Root]) -> Vec<&crate::scheduler::Cause> {
    roots.iter().flat_map(|root| &root.causes).collect()
}

/// A schedule that fails: what is wrong, the shortest run that shows it, and how to run it again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// What is wrong.
    pub fault: Fault,
    /// Replays the run: `BACKWATER_REPLAY=<token>`, or [`Check::replay`](crate::Check::replay).
    pub token: String,
    /// Its steps.
    pub steps: usize,
    /// How often another actor was taken although the last one could have gone on.
    pub switches: usize,
    /// Steps and switches of the run that was found first, before it was made shorter.
    pub found: (usize, usize),
    /// The line that runs it again, to be pasted: with the name of the test, if it is known.
    pub replay: String,
    /// Every event of the run, a line each.
    pub events: Vec<String>,
    /// The run as a sequence chart.
    pub chart: Chart,
    /// What was seen before it was found.
    pub explored: Explored,
}

#[cfg(feature = "fuzz")]
impl Failure {
    /// The numbers that the token stands for.
    pub(crate) fn decisions(&self) -> Option<Vec<u32>> {
        super::token::Token::parse(&self.token).ok().map(|token| token.decisions)
    }
}

impl Verdict {
    /// What was seen.
    pub fn explored(&self) -> &Explored {
        match self {
            Verdict::Complete(explored) | Verdict::Cut { explored, .. } => explored,
            Verdict::Failed(failure) => &failure.explored,
        }
    }

    /// A slice that was explored to its end is not the whole.
    pub(super) fn of_slice(self, slice: Slice) -> Self {
        match self {
            Verdict::Complete(explored) if !slice.is_whole() => {
                Verdict::Cut { by: Bound::Slice, explored, estimate: None }
            }
            verdict => verdict,
        }
    }

    /// The failure, if there is one.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Verdict::Failed(failure) => Some(failure),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Deadlock(report) => fmt::Display::fmt(report, f),
            Fault::Stalled(report) => fmt::Display::fmt(report, f),
            Fault::UnmatchedApply(root) => {
                write!(f, "unmatched apply: the program ends, but nothing ever releases this pressure:\n{root}")
            }
            Fault::Panicked { actor, name, message, place, payload } => {
                let place = place.as_deref().unwrap_or("an unknown place");
                write!(f, "{name}{actor} panicked at {place}: {payload}\nwhile handling {message}")
            }
            Fault::TooManyActors { limit, name, place } => write!(
                f,
                "actor `{name}`, spawned at {place}, would be one more than {limit}: does the program spawn without \
                 end? If not, raise Check::max_actors"
            ),
            Fault::MailboxTooLong { name, limit } => {
                write!(f, "the mailbox of {name} holds more than {limit} messages")
            }
            Fault::Livelock { states, busy } => write!(
                f,
                "livelock: {} can go on for ever without time passing and without any of them changing (a round of \
                 {states} states); if it is meant to, allow it: Check::allow_livelock",
                busy.join(", ")
            ),
            Fault::NotEventually(label) => write!(f, "`eventually` did not come true in this run: {label}"),
            Fault::MutedTooLong { name, limit, by } => {
                write!(f, "{name} is muted for more than {limit} steps (R3), by {}", by.join(", "))
            }
            Fault::Starved { name, limit } => write!(
                f,
                "{name} is starved: it could run, and waits for more than {limit} steps under a fair scheduler. Do \
                 others run batches that are too large (SpawnOptions::batch)?"
            ),
            Fault::NotStopped { name } => {
                write!(f, "{name} never stops: the program ends, and the actor's Drop has not run")
            }
            Fault::NeverReached(label) => write!(f, "no schedule reached the line with `sometimes`: {label}"),
            Fault::NotIndependent => f.write_str(
                "messages are not independent that an actor declares to be (Model::independent): this schedule comes to an \
                 end that the search which believed it did not see",
            ),
            Fault::Never(label) => write!(f, "`sometimes` was true in no schedule: {label}"),
            Fault::Nondeterminism { step, first, second } => write!(
                f,
                "nondeterminism (R12): the same schedule gave two different runs. Does the program look at a clock, \
                 an address, a hash map or a thread?\nthe first event that differs, number {step}:\n  {first}\n  {second}"
            ),
            Fault::Broken(broken) => write!(f, "a bug in backwater, please report it: {broken}"),
        }
    }
}

/// The most lines of the chart that are printed, the last ones, and the most actors in them; `{:#}` prints them all.
const SHOWN: (usize, usize) = (40, 12);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A deadlock's report ends with a line of its own that replays it; here it comes last, with the test's name.
        let fault = if f.alternate() { format!("{:#}", self.fault) } else { self.fault.to_string() };
        fault.lines().filter(|line| !line.starts_with("replay: ")).try_for_each(|line| writeln!(f, "{line}"))?;
        let (steps, switches) = self.found;
        match self.explored.runs {
            0 => write!(f, "found among the schedules that failed before, ")?,
            run => write!(f, "found in run {run} ")?,
        }
        let (shorter, fewer) = (self.steps, self.switches);
        writeln!(f, "with {steps} steps and {switches} context switches, shortened to {shorter} and {fewer}:")?;
        let (rows, actors) = if f.alternate() { (usize::MAX, usize::MAX) } else { SHOWN };
        let (skipped, chart) = self.chart.tail(rows, actors);
        if skipped > 0 {
            writeln!(f, "… {skipped} earlier lines (print with {{:#}} for all)")?;
        }
        write!(f, "{chart}replay: {}", self.replay)
    }
}

impl Explored {
    /// What two parts of a search saw together. Counts of another machine may be anything.
    pub(super) fn add(&mut self, other: &Explored) {
        self.states = self.states.saturating_add(other.states);
        self.runs = self.runs.saturating_add(other.runs);
        self.redundant = self.redundant.saturating_add(other.redundant);
        self.too_long = self.too_long.saturating_add(other.too_long);
        self.failed = self.failed.saturating_add(other.failed);
        self.steps = self.steps.saturating_add(other.steps);
        self.longest = self.longest.max(other.longest);
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explored { states, runs, redundant, too_long, failed, steps, longest } = self;
        if *states > 0 {
            write!(f, "{states} states, ")?;
        }
        write!(
            f,
            "{runs} runs ({redundant} more were redundant, {too_long} too long, {failed} failed), {steps} steps, the \
             longest run {longest}"
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Complete(explored) => write!(f, "complete: {explored}"),
            Verdict::Cut { by, explored, estimate } => {
                write!(f, "cut short by {by}: {explored}")?;
                estimate.map_or(Ok(()), |all| write!(f, ", of about {all:.0}"))
            }
            Verdict::Failed(failure) => write!(f, "failed: {failure}"),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bound::Steps => {
                "the bound on steps in a run (does the program end? If it is not meant to, see Check::states)"
            }
            Bound::Runs => "the bound on runs",
            Bound::Time => "the bound on time",
            Bound::States => "the bound on states (does the program have finitely many?)",
            Bound::Preemptions => "the bound on preemptions",
            Bound::Delays => "the bound on delays",
            Bound::Slice => "its share: only a slice was asked for",
            Bound::Sample => "its nature, a sample",
            Bound::Token => "the token: its schedule does not fail, and no other was run",
        })
    }
}

impl Verdict {
    /// What was explored, if that is a pass. A slice that was asked for and explored to its end is one.
    #[track_caller]
    pub(super) fn insist(self, accept_cut: bool) -> Explored {
        match self {
            Verdict::Complete(explored) | Verdict::Cut { by: Bound::Slice, explored, .. } => explored,
            Verdict::Cut { explored, .. } if accept_cut => explored,
            verdict @ Verdict::Cut { .. } => {
                panic!("{verdict}\nA test that is content with that says so: Check::accept_cut().")
            }
            verdict @ Verdict::Failed(_) => panic!("{verdict}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::{Cause, Name};
    use std::panic::Location;

    /// What is made shorter has to fail in the same way: at the same place, by the same statement.
    #[test]
    fn faults_are_alike_that_have_the_same_cause() {
        let panicked = |place: &str, payload: &str| Fault::Panicked {
            actor: ActorId::MAIN,
            name: "main".into(),
            message: "1".into(),
            place: Some(place.into()),
            payload: payload.into(),
        };
        assert!(panicked("a.rs:1", "one").is_like(&panicked("a.rs:1", "two")));
        assert!(!panicked("a.rs:1", "one").is_like(&panicked("a.rs:2", "one")));
        assert!(Fault::NotEventually("a").is_like(&Fault::NotEventually("a")));
        assert!(!Fault::NotEventually("a").is_like(&Fault::NotEventually("b")));
        assert!(!Fault::NotEventually("a").is_like(&panicked("a", "a")));
        assert!(Fault::NotIndependent.is_like(&Fault::NotIndependent));
        let (here, there) = (Cause::Applied(Location::caller()), Cause::Applied(Location::caller()));
        let root = |cause: &Cause, waiting| Root {
            id: ActorId::MAIN,
            name: Name::given("valve"),
            causes: vec![cause.clone()],
            waiting,
            woken_by: Vec::new(),
        };
        let applied = |cause: &Cause, waiting: u32| Fault::UnmatchedApply(Box::new(root(cause, waiting)));
        let deadlock = |cause: &Cause, waiting: u32| {
            Fault::Deadlock(Box::new(Deadlock {
                muted: Vec::new(),
                roots: vec![root(cause, waiting)],
                replay: String::new(),
            }))
        };
        for fault in [&applied as &dyn Fn(&Cause, u32) -> Fault, &deadlock] {
            assert!(fault(&here, 1).is_like(&fault(&here, 2)), "{}", fault(&here, 1));
            assert!(!fault(&here, 1).is_like(&fault(&there, 1)), "{}", fault(&here, 1));
        }
        assert!(!applied(&here, 1).is_like(&deadlock(&here, 1)));
    }

    #[cfg(feature = "fuzz")]
    #[test]
    fn a_failure_says_what_its_token_stands_for() {
        let verdict = crate::check::Check::new().run(|env| assert!(env.choose(9) != 5, "it is 5"));
        assert_eq!(verdict.failure().and_then(Failure::decisions), Some(vec![5]));
    }
}
