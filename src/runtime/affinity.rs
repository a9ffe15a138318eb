//! Which processors the threads of a pool run on, where the user says so (the feature `affinity`; Linux).
//!
//! A thread has the processors of the one that starts it. So the thread that starts the pool moves to a worker's
//! processor, starts it there, and goes back at the end: an error is met before anything runs.
//!
//! Not here: who decides when a thread is started (`scheduler::pool`).

use super::error::RunError;

/// The processors of a pool's workers.
pub(super) struct Affinity {
    processors: Vec<usize>,
    home: machine::Processors,
}

impl Affinity {
    /// Of these processors, worker n is to have the n-th, and so on from the first.
    ///
    /// # Errors
    /// [`RunError::Config`], if there are none, if the process may not run on one of them, or if the machine is not
    /// Linux.
    pub(super) fn new(processors: Vec<usize>) -> Result<Self, RunError> {
        let bad = |why: String| RunError::Config(why);
        let home =
            machine::mine().map_err(|why| bad(format!("`processors` cannot be used here: {why}; leave it out")))?;
        if processors.is_empty() {
            return Err(bad("`processors` names none; name some, or leave it out".into()));
        }
        if let Some(missing) = processors.iter().find(|processor| !machine::has(&home, **processor)) {
            let ours: Vec<String> = machine::list(&home).iter().map(usize::to_string).collect();
            return Err(bad(format!("this process has no processor {missing}; it has {}", ours.join(", "))));
        }
        Ok(Affinity { processors, home })
    }

    /// From here on this thread, and those that it starts, are where the `nth` worker belongs.
    pub(super) fn go_to(&self, nth: usize) -> std::io::Result<()> {
        machine::go_to(self.processors[nth % self.processors.len()])
    }
}

impl Drop for Affinity {
    fn drop(&mut self) {
        // It was there before; if the machine has taken that away meanwhile, it stays where it is.
        let _ = machine::go_back(&self.home);
    }
}

#[cfg(target_os = "linux")]
mod machine {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    use std::io;

    pub(super) type Processors = CpuSet;

    pub(super) fn mine() -> io::Result<Processors> {
        Ok(sched_getaffinity(None)?)
    }

    pub(super) fn has(processors: &Processors, processor: usize) -> bool {
        processor < CpuSet::MAX_CPU && processors.is_set(processor)
    }

    pub(super) fn list(processors: &Processors) -> Vec<usize> {
        (0..CpuSet::MAX_CPU).filter(|processor| processors.is_set(*processor)).collect()
    }

    pub(super) fn go_to(processor: usize) -> io::Result<()> {
        let mut one = CpuSet::new();
        one.set(processor);
        go_back(&one)
    }

    pub(super) fn go_back(processors: &Processors) -> io::Result<()> {
        Ok(sched_setaffinity(None, processors)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod machine {
    use std::io;

    pub(super) type Processors = ();

    pub(super) fn mine() -> io::Result<Processors> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "only on Linux a thread can be told where to run"))
    }

    pub(super) fn has((): &Processors, _: usize) -> bool {
        false
    }

    pub(super) fn list((): &Processors) -> Vec<usize> {
        Vec::new()
    }

    pub(super) fn go_to(_: usize) -> io::Result<()> {
        mine()
    }

    pub(super) fn go_back((): &Processors) -> io::Result<()> {
        mine()
    }
}
