//! The words in which scheduler and checker speak of steps: who takes one, and what it touches, so that it can be said
//! which steps commute.

/// Who takes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Proc {
    /// An actor begins a behaviour, or carries out its next effect, or ends it.
    Actor(u32),
    /// A timer fires: the `nth` that its owner set.
    Timer { owner: u32, nth: u32 },
    /// Something happens in the world outside, which names it.
    World(u64),
    /// Nothing is due now: time passes until something is.
    Time,
}

/// What a step can touch. Two steps that touch no object in conflicting ways commute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Object {
    /// The end of a mailbox, where messages arrive.
    Tail(u32),
    /// The order in a mailbox of a pair of messages that do not commute, where others do.
    Order(u32, u32),
    /// One message of a mailbox, by its number since the actor was created: written by its send, read by its handling.
    Message(u32, u32),
    /// An actor's load and the marks on it.
    Load(u32),
    /// Whether an actor has ended.
    Life(u32),
    /// The numbers of actors.
    Births,
    /// Virtual time: read by whatever depends on the hour, or is due at one; written when time passes.
    Time,
    /// A timer, by its owner and which of the owner's it is.
    Timer(u32, u32),
    /// Something in the world outside, which names it.
    #[cfg_attr(not(feature = "net"), expect(dead_code, reason = "only the network is a world to be explored"))]
    Outside(u64),
    /// Something on its way there, and which: written when it sets out, read when it arrives.
    #[cfg_attr(not(feature = "net"), expect(dead_code, reason = "only the network is a world to be explored"))]
    Parcel(u64, u32),
    /// Everything: a behaviour asked for statistics.
    World,
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Access {
    Read,
    Write,
}

/// What a step touched, and how.
pub(crate) type Touch = (Object, Access);

/// What was done to the world outside in one step.
#[derive(Debug, Default)]
pub(crate) struct Doings {
    pub(crate) touched: Vec<Touch>,
    /// Something that was due there is over.
    pub(crate) let_go: bool,
    /// Of a fault: what has to stay as it is for it to be possible still.
    pub(crate) guards: Vec<Object>,
}

/// What happened to a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimerChange {
    /// It is set, or set again.
    Set,
    /// It was due, and is no more: it held time back.
    Gone,
    /// It will not be due.
    Cancelled,
}

/// What a step did, as far as other steps may care.
#[derive(Debug)]
pub(crate) struct Traces<'a> {
    pub(crate) touched: &'a [(Object, Access)],
    /// Timers that were set: owner and which of the owner's.
    pub(crate) timers: &'a [(u32, u32)],
    /// Something that was due, and held time back, is over.
    pub(crate) let_go: bool,
    /// Another step could have kept this one from being taken.
    pub(crate) preventable: bool,
    /// It need never be taken.
    pub(crate) is_fault: bool,
    /// What has to stay as it is for such a step to be possible still.
    pub(crate) guards: &'a [Object],
    /// It is taken only when nothing else can be.
    pub(crate) is_last: bool,
    /// Whose marks, or some of them, were removed.
    pub(crate) freed: &'a [u32],
    /// The answers that `choose` gave, each with the number of answers there were.
    pub(crate) chosen: &'a [(u32, u32)],
}
