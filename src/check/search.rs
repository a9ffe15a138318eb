//! The search as a whole: earlier failures first, then mode after mode; a failure is run again, shortened, and told.

use super::exhaustive::{Exhaustive, Limit};
use super::fair::Fair;
use super::given::Given;
use super::parts::{Part, Place, Slice};
use super::progress::{Line, Progress};
use super::replays::replay_line;
use super::results::{self, Done};
use super::run::{Ending, Lines, Ran, Replay, Retrace, Stage, Told};
use super::sample::{Pct, Pos, Sampler, Walk};
use super::settings::{Mode, Settings};
use super::shrink::shrink;
use super::team::Crew;
use super::verdict::{Bound, Explored, Failure, Fault, Verdict};
use super::world::Program;
use crate::event::{Event, Observer};
use crate::report::Chart;
use crate::rules::Detector;
use crate::scheduler::Random;
use crate::sync::lock;
use crate::time::{Clock, RealClock};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Runs that were too long are looked at closely only so often: whether a part of the program was stalled.
const STALLS_LOOKED_FOR: u64 = 16;
/// Runs between two looks at the clock.
const CLOCK_EVERY: u64 = 64;
/// The beginnings of schedules that are shared are no longer than this.
const DEEPEST_TOP: usize = 60;

pub(super) struct Search<'p> {
    pub(super) stage: Stage<'p>,
    pub(super) explored: Explored,
    clock: RealClock,
    /// What `sometimes` said so far.
    sometimes: BTreeMap<&'static str, bool>,
    /// With `keep_going`: the first failure.
    failed: Option<Failure>,
    /// Where runs ended, for a check of what is declared independent; and where they may end.
    ends: BTreeSet<u128>,
    allowed: Option<BTreeSet<u128>>,
    /// Some run was so long that an actor got a batch.
    pub(super) reached_a_batch: bool,
    /// What of the search is done here; the share in progress; how many there are to share.
    part: Part,
    share: u64,
    beginnings: u64,
    failed_at: Place,
    ends_left_out: bool,
    /// Looks at `bound`.
    turns: u64,
    progress: Progress,
}

/// What a part of the search came to.
pub(super) struct Outcome {
    /// Of what was explored, failures left out.
    pub(super) verdict: Verdict,
    /// The first failure, and where it was.
    pub(super) failed: Option<(Place, Failure)>,
    pub(super) sometimes: BTreeMap<&'static str, bool>,
    /// The ends of runs matter, and were not explored.
    pub(super) ends_left_out: bool,
    /// How many shares there were.
    pub(super) beginnings: u64,
}

/// What a run means for the search, if it ends it.
type End = Option<Verdict>;

impl<'p> Search<'p> {
    pub(super) fn new(program: Program<'p>) -> Self {
        let (explored, clock) = (Explored::default(), RealClock::start());
        Search {
            stage: Stage::new(program),
            explored,
            clock,
            sometimes: BTreeMap::new(),
            failed: None,
            ends: BTreeSet::new(),
            allowed: None,
            reached_a_batch: false,
            part: Part::alone(Slice::WHOLE),
            share: 0,
            beginnings: 0,
            failed_at: (0, 0),
            ends_left_out: false,
            turns: 0,
            progress: Progress::new(),
        }
    }

    pub(super) fn settings(&self) -> &'p Settings {
        self.stage.program.settings
    }

    /// The whole check, by one thread or by a crew. The error says what was asked for that cannot be done.
    pub(super) fn run(mut self, crew: Option<Crew<'_>>) -> Result<Verdict, String> {
        if let Some(token) = self.settings().replay.clone() {
            return self.run_token(&token);
        }
        if let Some(failure) = self.run_regressions()? {
            return self.write_down(failure);
        }
        let mut outcome = self.take_parts(crew)?;
        if outcome.ends_left_out && outcome.failed.is_none() {
            self.stage.batches_matter();
            outcome = self.take_parts(crew)?;
        }
        let Outcome { verdict, failed, sometimes, .. } = outcome;
        self.sometimes = sometimes;
        let verdict = match failed {
            Some((_, failure)) => self.write_down(failure)?,
            None => self.check_sometimes(verdict)?,
        };
        if let Some(file) = &self.settings().results {
            let done = Done { verdict: &verdict, beginnings: outcome.beginnings, program: &self.stage.program };
            results::append(file, &done).map_err(|why| format!("BACKWATER_RESULTS: {}: {why}", file.display()))?;
        }
        Ok(verdict)
    }

    fn take_parts(&self, crew: Option<Crew<'_>>) -> Result<Outcome, String> {
        let (program, slice) = (self.stage.program, self.settings().slice);
        match crew {
            None => Search::new(program).take_part(Part::alone(slice)),
            Some(crew) => crew.take_parts(&program, slice),
        }
    }

    /// All modes, as far as they are this part's.
    pub(super) fn take_part(mut self, part: Part) -> Result<Outcome, String> {
        let slice = part.slice();
        self.part = part;
        let mode = self.settings().mode.clone();
        if self.settings().max_wait.is_some() && !matches!(mode, Mode::Fair(_)) {
            return Err(
                "Check::max_wait asks who waits too long under a fair scheduler: use it with Check::fair(runs)".into(),
            );
        }
        let verdict = self.run_mode(&mode)?;
        let Search { failed, failed_at, explored, .. } = self;
        let (verdict, failed) = match verdict {
            Verdict::Failed(failure) => (Verdict::Complete(explored), Some(*failure)),
            verdict => (verdict, failed),
        };
        let failed = failed.map(|failure| (failed_at, Failure { explored: verdict.explored().clone(), ..failure }));
        Ok(Outcome {
            verdict: verdict.of_slice(slice),
            failed,
            sometimes: self.sometimes,
            ends_left_out: self.ends_left_out,
            beginnings: self.beginnings,
        })
    }

    fn run_mode(&mut self, mode: &Mode) -> Result<Verdict, String> {
        let seed = self.settings().seed;
        match mode {
            // States are kept in one memory: one part does it all.
            Mode::States => {
                self.part.begin();
                if self.part.claims(0) { self.states() } else { Ok(Verdict::Complete(Explored::default())) }
            }
            Mode::Exhaustive | Mode::Naive => {
                if self.settings().check_independence {
                    self.stage.take_prints(false);
                }
                let verdict = self.exhaust(*mode == Mode::Exhaustive)?;
                self.ends_left_out |= self.ends_matter();
                let complete = matches!(verdict, Verdict::Complete(_));
                if self.settings().check_independence && complete && !self.ends_left_out {
                    return self.check_independence(verdict);
                }
                Ok(verdict)
            }
            Mode::Random(runs) => self.sample(*runs, &mut Walk::new()),
            Mode::Pos(runs) => self.sample(*runs, &mut Pos::new()),
            Mode::Fair(runs) => self.sample(*runs, &mut Fair::new()),
            Mode::Given(bytes) => {
                let ran = self.stage.run(&mut Given::new(bytes));
                let cut = |explored| Verdict::Cut { by: Bound::Sample, explored, estimate: None };
                Ok(self.note(ran)?.unwrap_or_else(|| cut(self.explored.clone())))
            }
            Mode::Pct { depth, runs } => {
                let mut walk = Walk::new();
                walk.begin(Random::new(seed).next_u64());
                let steps = self.stage.run(&mut walk).steps as u64;
                self.sample(*runs, &mut Pct::new(*depth, steps))
            }
            Mode::Portfolio(modes) => {
                let mut verdict = Verdict::Complete(Explored::default());
                for mode in modes {
                    verdict = self.run_mode(mode)?;
                    if matches!(verdict, Verdict::Failed(_)) || self.is_out_of_time() {
                        break;
                    }
                }
                Ok(verdict)
            }
        }
    }

    /// Overload was possible, so where runs end matters, and that was not explored: it has to be, from the beginning.
    fn ends_matter(&self) -> bool {
        self.reached_a_batch && self.settings().detector == Detector::Batch && !self.stage.program.batches_matter
    }

    /// Everything again, without what is declared to be independent.
    fn check_independence(&mut self, verdict: Verdict) -> Result<Verdict, String> {
        if !self.part.is_whole() {
            return Err(
                "Check::check_independence compares all ends of a search: it cannot be shared by slices or workers"
                    .into(),
            );
        }
        self.allowed = Some(std::mem::take(&mut self.ends));
        let explored = std::mem::take(&mut self.explored);
        let again = self.exhaust(true)?;
        self.explored = explored;
        Ok(if matches!(again, Verdict::Complete(_)) { verdict } else { again })
    }

    fn exhaust(&mut self, reduce: bool) -> Result<Verdict, String> {
        self.part.begin();
        self.stage.program.classes.switch(reduce && self.allowed.is_none());
        let (limit, atomic) = (self.settings().limit, self.settings().atomic);
        let classes = self.settings().each_class.clone();
        let ends = self.stage.program.batches_matter || self.settings().detector != Detector::Batch;
        let new = || match classes {
            None => Exhaustive::new(reduce, limit, atomic).with_ends(ends),
            Some(_) => Exhaustive::new(reduce, limit, atomic).with_ends(ends).with_classes(),
        };
        let mut plans = self.settings().plans || !reduce;
        let mut search = match self.part.is_whole() {
            _ if !plans => new().with_top(usize::MAX, self.part.clone()),
            true => new(),
            false => new().with_top(self.depth_of_top(&new), self.part.clone()),
        };
        loop {
            let ran = self.stage.run(&mut search);
            if let Some(share) = search.share() {
                self.share = share;
                if let Some(see) = classes.as_ref().filter(|_| !matches!(ran.ending, Ending::GivenUp)) {
                    (lock(see))(search.class());
                }
                if let Some(verdict) = self.note(ran)? {
                    return Ok(verdict);
                }
            }
            if reduce && plans && search.is_beyond_plans {
                // Sleep sets alone leave nothing out: again, with these.
                plans = false;
                search = new().with_top(usize::MAX, self.part.clone());
                self.explored = Explored::default();
                continue;
            }
            if self.stage.program.classes.grew() {
                // What a message commutes with was not known to the steps before it: again, with it.
                search = search.again(new());
                self.explored = Explored::default();
                continue;
            }
            if !search.advance() {
                break;
            }
            if let Some(by) = self.bound(|runs| Some(search.estimate(runs))) {
                let estimate = Some(search.estimate(self.explored.runs));
                return Ok(Verdict::Cut { by, explored: self.explored.clone(), estimate });
            }
        }
        self.beginnings = search.beginnings();
        let explored = self.explored.clone();
        Ok(match () {
            () if explored.too_long > 0 => Verdict::Cut { by: Bound::Steps, explored, estimate: None },
            () if search.bounded => {
                let by = if matches!(limit, Limit::Delays(_)) { Bound::Delays } else { Bound::Preemptions };
                Verdict::Cut { by, explored, estimate: None }
            }
            () => Verdict::Complete(explored),
        })
    }

    /// How many steps the beginnings of schedules need so that there are enough of them to be shared. The same wherever
    /// it is asked.
    fn depth_of_top(&self, new: &impl Fn() -> Exhaustive) -> usize {
        let quiet = self.quiet();
        let mut stage = self.quiet_stage(&quiet);
        (1..DEEPEST_TOP)
            .find(|depth| {
                let mut search = new().with_top(*depth, Part::nobody());
                loop {
                    let _ = stage.run(&mut search);
                    let _ = search.share();
                    if stage.program.classes.grew() {
                        search = search.again(new());
                        continue;
                    }
                    if search.beginnings() >= self.part.wanted() || !search.advance() {
                        break search.beginnings() >= self.part.wanted();
                    }
                }
            })
            .unwrap_or(DEEPEST_TOP)
    }

    fn sample(&mut self, runs: u64, sampler: &mut impl Sampler) -> Result<Verdict, String> {
        self.part.begin();
        let seed = self.settings().seed;
        for n in 0..runs {
            if !self.part.draws(n) {
                continue;
            }
            self.share = n;
            sampler.begin(of_run(seed, n));
            let ran = self.stage.run(sampler);
            if let Some(verdict) = self.note(ran)? {
                return Ok(verdict);
            }
            if let Some(by) = self.bound(|_| None) {
                return Ok(Verdict::Cut { by, explored: self.explored.clone(), estimate: None });
            }
        }
        Ok(Verdict::Cut { by: Bound::Sample, explored: self.explored.clone(), estimate: None })
    }

    /// Every few runs: is there a reason to stop?
    pub(super) fn bound(&mut self, estimate: impl FnOnce(u64) -> Option<f64>) -> Option<Bound> {
        if self.settings().max_runs.is_some_and(|most| self.part.count_run() >= most) {
            return Some(Bound::Runs);
        }
        if self.explored.states >= self.settings().max_states {
            return Some(Bound::States);
        }
        self.turns += 1;
        if !self.turns.is_multiple_of(CLOCK_EVERY) {
            return None;
        }
        if self.is_out_of_time() {
            return Some(Bound::Time);
        }
        let now = self.clock.now();
        if self.progress.is_due(now) {
            self.progress.say(now, &Line::new(&self.explored, now, estimate));
        }
        self.part.is_beaten(self.share).then_some(Bound::Slice)
    }

    fn is_out_of_time(&mut self) -> bool {
        self.settings().max_time.is_some_and(|limit| self.clock.now() >= limit)
    }

    /// Counts a run, and looks at how it ended. A verdict if the search is over with it.
    pub(super) fn note(&mut self, ran: Ran) -> Result<End, String> {
        self.explored.steps += ran.steps as u64;
        self.explored.longest = self.explored.longest.max(ran.steps);
        if matches!(ran.ending, Ending::GivenUp) {
            self.explored.redundant += 1;
            return Ok(None);
        }
        self.explored.runs += 1;
        self.reached_a_batch |= ran.reached_a_batch;
        self.note_statements(&ran);
        if self.explored.runs == 1 && self.settings().twice {
            let told = self.told();
            if let Some(differs) = self.differs(&told) {
                self.note_place();
                return Ok(Some(self.fail(told, differs, false)));
            }
        }
        self.ends.extend(ran.end);
        if let Some(allowed) = &self.allowed
            && ran.end.is_some_and(|end| !allowed.contains(&end))
        {
            let told = self.told();
            return Ok(Some(self.fail(told, Fault::NotIndependent, false)));
        }
        match &ran.ending {
            Ending::TooLong => {
                self.explored.too_long += 1;
                Ok(self.look_for_stall())
            }
            Ending::Over(Some(fault)) => {
                self.explored.failed += 1;
                if self.failed.is_some() {
                    return Ok(None);
                }
                Ok(self.failed(fault))
            }
            _ => Ok(None),
        }
    }

    /// What it said with `sometimes`.
    pub(super) fn note_statements(&mut self, ran: &Ran) {
        for (label, held) in &ran.sometimes {
            *self.sometimes.entry(label).or_default() |= held;
        }
    }

    /// A run that does not end may have a part that waits for ever (R11): runs it again, watched.
    fn look_for_stall(&mut self) -> End {
        if self.explored.too_long > STALLS_LOOKED_FOR || self.failed.is_some() {
            return None;
        }
        let told = self.told();
        let watched = self.again(&told, Lines::default());
        let Some(Fault::Stalled(_)) = watched.ran.fault() else { return None };
        self.ends(watched, true)
    }

    /// The last run failed.
    fn failed(&mut self, found: &Fault) -> End {
        let told = self.told();
        if told.ran.fault().is_some_and(|fault| fault.is_like(found)) {
            return self.ends(told, false);
        }
        let end = told.ran.fault().map_or_else(|| "nothing is wrong".to_owned(), Fault::to_string);
        let differs = Fault::Nondeterminism { step: told.ran.steps, first: found.to_string(), second: end };
        self.note_place();
        Some(self.fail(told, differs, false))
    }

    fn ends(&mut self, told: Told, watched: bool) -> End {
        if self.settings().twice
            && let Some(differs) = self.differs(&told)
        {
            self.note_place();
            return Some(self.fail(told, differs, false));
        }
        let found = told.ran.fault().cloned()?;
        self.note_place();
        let verdict = self.fail(told, found, watched);
        match verdict {
            Verdict::Failed(failure) if self.settings().keep_going => {
                self.failed = Some(*failure);
                None
            }
            verdict => Some(verdict),
        }
    }

    /// A failure was found in the share in progress.
    fn note_place(&mut self) {
        self.failed_at = self.part.place(self.share);
        if !self.settings().keep_going {
            self.part.fails(self.share);
        }
    }

    /// The verdict on what holds where a run was given up.
    pub(super) fn fail_here(&mut self, mut told: Told, found: Fault) -> Verdict {
        told.until = Some(told.ran.steps);
        self.fail(told, found, false)
    }

    /// The verdict on a run that failed.
    pub(super) fn fail(&mut self, told: Told, found: Fault, watched: bool) -> Verdict {
        let before = (told.ran.steps, told.switches);
        let path_fault = matches!(
            found,
            Fault::Nondeterminism { .. } | Fault::Never(_) | Fault::NeverReached(_) | Fault::NotIndependent
        ) || told.until.is_some();
        let quiet = self.quiet();
        let told = if self.settings().shrink && !path_fault {
            shrink(&mut self.quiet_stage(&quiet), told, watched)
        } else {
            told
        };
        let (lines, chart) = (Lines::default(), Chart::brief());
        let (mut to_lines, mut to_chart) = (lines.clone(), chart.clone());
        let observer = move |now: Duration, event: &Event<'_>| {
            to_lines.observe(now, event);
            to_chart.observe(now, event);
        };
        let shown = Told { until: told.until, ..self.again(&told, observer) };
        let token = self.token(&shown);
        let replay = replay_line(&token);
        let mut fault = if path_fault { found } else { shown.ran.fault().cloned().unwrap_or(found) };
        if let Fault::Deadlock(report) = &mut fault {
            report.replay.clone_from(&replay);
        }
        Verdict::Failed(Box::new(Failure {
            fault,
            token,
            steps: shown.ran.steps,
            switches: shown.switches,
            found: before,
            replay,
            events: lines.take(),
            chart,
            explored: self.explored.clone(),
        }))
    }

    /// Only the runs of the search count as runs of the program.
    fn quiet(&self) -> Settings {
        Settings { each_end: None, each_class: None, observe_each: None, ..self.settings().clone() }
    }

    fn quiet_stage<'q>(&self, settings: &'q Settings) -> Stage<'q>
    where
        'p: 'q,
    {
        Stage::new(Program { settings, ..self.stage.program })
    }

    /// The last run again, with the way it took.
    fn told(&self) -> Told {
        let quiet = self.quiet();
        self.quiet_stage(&quiet).tell(&mut Retrace::new(self.stage.trail()))
    }

    /// Takes the decisions of a run again, with somebody who watches.
    fn again(&self, told: &Told, observer: impl Observer + 'static) -> Told {
        let quiet = self.quiet();
        self.quiet_stage(&quiet).watch(&mut Replay::new(&told.decisions, true).until(told.until), Box::new(observer))
    }

    /// R12: does the schedule give the same run twice?
    fn differs(&self, told: &Told) -> Option<Fault> {
        let (first, second) = (Lines::default(), Lines::default());
        self.again(told, first.clone());
        self.again(told, second.clone());
        let (first, second) = (first.take(), second.take());
        let step = (0..first.len().max(second.len())).find(|at| first.get(*at) != second.get(*at))?;
        let line = |lines: &[String]| lines.get(step).cloned().unwrap_or_else(|| "nothing: it had ended".to_owned());
        Some(Fault::Nondeterminism { step, first: line(&first), second: line(&second) })
    }

    fn check_sometimes(&mut self, verdict: Verdict) -> Result<Verdict, String> {
        let never = self.sometimes.iter().find(|(_, held)| !**held).map(|(label, _)| Fault::Never(label));
        let unreached = self.settings().expects.iter().find(|label| !self.sometimes.contains_key(*label));
        let Some(fault) = never.or(unreached.map(|label| Fault::NeverReached(label))) else { return Ok(verdict) };
        let quiet = self.quiet();
        let told = self.quiet_stage(&quiet).tell(&mut Replay::new(&[], true));
        let explored = verdict.explored().clone();
        match self.fail(told, fault, false) {
            Verdict::Failed(failure) => self.write_down(Failure { explored, ..*failure }),
            verdict => Ok(verdict),
        }
    }
}

fn of_run(seed: u64, run: u64) -> u64 {
    Random::new(seed ^ run.wrapping_mul(0x9E37_79B9_7F4A_7C15)).next_u64()
}
