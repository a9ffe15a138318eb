//! Programs as data.

use backwater::Detector;

/// One thing that a behaviour does. Whom it is about is an index into the list of all scripted actors ever created,
/// taken modulo its length; which kind of message, modulo the kinds that its receiver knows.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Send {
        to: usize,
        kind: usize,
    },
    Burst {
        to: usize,
        kind: usize,
        count: u32,
    },
    SendSelf {
        kind: usize,
    },
    Control {
        to: usize,
        kind: usize,
    },
    Apply,
    Release,
    /// Takes a guard and hangs it on a rack that all actors share.
    Hold,
    /// Drops the guard that has been on the rack longest, whoever took it.
    DropOldest,
    DropNewest,
    Panic,
    Stop,
    Spawn {
        script: usize,
    },
    After {
        ms: u64,
        kind: usize,
    },
    Every {
        ms: u64,
        kind: usize,
    },
    Cancel {
        nth: usize,
    },
    Watch {
        whom: usize,
        kind: usize,
    },
}

impl Effect {
    /// Still carried out when the budget is spent; everything else is not, so that every program ends.
    pub(crate) fn is_pressure(&self) -> bool {
        matches!(self, Effect::Apply | Effect::Release | Effect::Hold | Effect::DropOldest | Effect::DropNewest)
    }
}

/// What one actor does, by the kind of message.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) kinds: Vec<Vec<Effect>>,
    pub(crate) batch: Option<u32>,
    pub(crate) detector: Option<Detector>,
}

#[derive(Clone, Debug)]
pub(crate) enum Order {
    Fifo,
    RoundRobin,
    Newest,
    Shuffled,
    /// As these bytes decide.
    Given(Vec<u8>),
}

/// A whole program. Main spawns one actor for each script, then does `main`, in which it sends for itself.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) scripts: Vec<Script>,
    pub(crate) main: Vec<Effect>,
    pub(crate) batch: u32,
    pub(crate) detector: Detector,
    pub(crate) order: Order,
    pub(crate) seed: u64,
    /// Each behaviour, send, timer, spawn and watch costs one; then actors do nothing but press and release, and
    /// cancel their timers.
    pub(crate) budget: u32,
    pub(crate) end_on_panic: bool,
}
