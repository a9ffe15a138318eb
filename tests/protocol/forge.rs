//! Mutants of traces: each has to be refused, at a certain step and by a certain rule.

/// A change of a trace that the checker has to refuse: at which step, counted from 0, and by which rule.
pub(super) struct Mutant {
    pub(super) name: &'static str,
    pub(super) at: usize,
    pub(super) rule: &'static str,
    pub(super) steps: Vec<String>,
}

/// A trace in which places for mutants are looked for.
struct Forge<'a> {
    steps: &'a [String],
    found: Vec<Mutant>,
}

impl Forge<'_> {
    fn words(&self, at: usize) -> Vec<&str> {
        self.steps.get(at).map_or(Vec::new(), |step| step.split(' ').collect())
    }

    /// The first step that is a `word` and of which `p` holds.
    fn find(&self, word: &str, p: impl Fn(usize, &[&str]) -> bool) -> Option<usize> {
        (0..self.steps.len()).find(|at| {
            let words = self.words(*at);
            words[0] == word && p(*at, &words)
        })
    }

    /// In place of `remove` steps from `at` on: `put`. The step `at` of the mutant is the one to be refused.
    fn mutant(
        &mut self,
        name: &'static str,
        rule: &'static str,
        at: Option<usize>,
        remove: usize,
        put: Option<String>,
    ) {
        let Some(at) = at else { return };
        let mut steps = self.steps.to_vec();
        steps.splice(at..at + remove, put);
        self.found.push(Mutant { name, at, rule, steps });
    }

    /// Another last word for the step `at`.
    fn last(&self, at: Option<usize>, last: &str) -> Option<String> {
        let words = self.words(at?);
        Some(format!("{} {last}", words[..words.len() - 1].join(" ")))
    }

    /// `step` for the actor that the step `at` names last, but for what it says of a fall.
    fn of_actor(&self, step: &str, at: Option<usize>) -> Option<String> {
        let words = self.words(at?);
        Some(format!("{step} {}", words[if words.len() > 2 { 2 } else { 1 }]))
    }

    /// In the behaviour that ends at `at`, somebody was marked and `step` came after.
    fn marked_and(&self, at: usize, step: &str) -> bool {
        let begin = self.steps[..at].iter().rposition(|s| s.starts_with("take")).expect("a behaviour began");
        let behaviour = &self.steps[begin..at];
        let mark = behaviour.iter().position(|s| s.starts_with("look") && s.ends_with(" 1"));
        mark.is_some_and(|mark| behaviour[mark..].iter().any(|s| s == step))
    }
}

/// Every mutant for which `steps` has a place.
pub(super) fn mutants(steps: &[String]) -> Vec<Mutant> {
    let mut forge = Forge { steps, found: Vec::new() };
    let f = &mut forge;
    for step in ["release", "drop", "short", "stop", "kill"] {
        let fell = f.find(step, |_, w| w[3] == "0");
        f.mutant("a_fall_that_nobody_announces", "R6", fell, 1, f.last(fell, "-"));
        let steady = f.find(step, |_, w| w[3] == "-");
        f.mutant("an_announcement_without_a_fall", "R6", steady, 1, f.last(steady, "0"));
    }
    let freed = f.find("read", |at, _| f.words(at + 1).first() == Some(&"free"));
    f.mutant("freed_without_a_fall", "R6", freed, 1, None);
    let free = f.find("free", |_, _| true);
    f.mutant("freed_twice", "R6", free.map(|at| at + 1), 0, free.map(|at| steps[at].clone()));
    f.mutant("a_freed_sender_tells_nobody", "R6", free.map(|at| at + 2), 1, None);
    let mark = f.find("look", |_, w| w[4] == "1");
    f.mutant("a_pressing_receiver_marks_nobody", "R2", mark, 1, f.last(mark, "0"));
    let no_mark = f.find("look", |_, w| w[4] == "0");
    f.mutant("marked_without_cause", "R2", no_mark, 1, f.last(no_mark, "1"));
    let mute = f.find("mute", |_, _| true);
    f.mutant("runs_on_with_marks", "R3", mute, 1, f.of_actor("done 0", mute));
    let exempt = f.find("done", |at, w| f.marked_and(at, &format!("apply 0 {}", w[2])));
    f.mutant("muted_under_pressure", "R3", exempt, 1, f.of_actor("mute 0", exempt));
    let deep = f.find("done", |at, w| f.marked_and(at, &format!("deep {}", w[2])));
    f.mutant("muted_while_overloaded", "R3", deep, 1, f.of_actor("mute 0", deep));
    let muted = mute.map(|at| at + 1);
    f.mutant("run_while_muted", "T6", muted, 0, f.of_actor("begin 0", mute));
    f.mutant("scheduled_while_muted", "T5", muted, 0, f.of_actor("push", mute));
    f.mutant("overloaded_while_muted", "R4", muted, 0, f.of_actor("deep", mute));
    let woken = f.find("push", |at, w| f.words(at + 1) == ["begin", "0", w[1]]);
    f.mutant("a_lost_wake_up", "T6", woken, 1, None);
    let push = f.find("push", |_, _| true);
    f.mutant("quiet_with_somebody_runnable", "R9", push.map(|at| at + 1), 0, Some("quiet".into()));
    let stuck = f.find("quiet", |_, _| true);
    f.mutant("well_with_somebody_muted", "R9", stuck, 1, Some("well".into()));
    let hold = f.find("hold", |_, _| true);
    f.mutant("dropped_before_it_is_held", "R5", hold, 0, f.of_actor("drop 0", hold).map(|s| s + " -"));
    let begin = f.find("begin", |_, _| true);
    f.mutant("pressure_outside_a_behaviour", "R5", begin, 0, f.of_actor("apply 0", begin));
    let stop = f.find("stop", |_, w| w[3] == "-");
    f.mutant("ends_twice", "R8", stop.map(|at| at + 1), 0, f.of_actor("kill 0", stop).map(|s| s + " -"));
    forge.found
}
