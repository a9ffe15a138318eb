//! Faults to plant, one at a time, to see that the tests find them. See `docs/KILLS.md` for who finds which.
//!
//! Present with the private feature `__faults` alone: without it [`planted`] is `false` at compile time and nothing is
//! left. With it, the environment variable `BACKWATER_FAULT` names the fault of the process; without that, none is
//! planted.
#![forbid(unsafe_code)]

macro_rules! faults {
    ($($name:ident: $what:literal,)*) => {
        /// What can be planted. The text of each begins with what it breaks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(not(feature = "__faults"), allow(dead_code, reason = "the names stay, the faults do not"))]
        #[non_exhaustive]
        #[cfg_attr(not(feature = "__internals"), allow(unreachable_pub, reason = "tests see it"))]
        pub enum Fault { $(#[doc = $what] $name,)* }

        #[cfg(feature = "__faults")]
        impl Fault {
            /// All of them, with their names and what they break.
            pub const ALL: &[(Fault, &str, &str)] = &[$((Fault::$name, stringify!($name), $what),)*];
        }
    };
}

faults! {
    PressureIsNoExemption: "F1, R2: a sender is exempt while overloaded, but not while under pressure",
    ExemptionOnlyAtSend: "F15, R3: the end of a behaviour does not ask again whether its actor is exempt",
    FreedFreesOnward: "F16, T8: what ends one reason to press is a fall, whatever else still presses",
    GuardsShareTheFlag: "F17, R5: the last guard takes the applied pressure with it",
    EndIsNoFall: "F18, R8: the end of an actor that presses is no fall",
    EndKeepsMarks: "F18, R8: the marks of a muted actor stay when it ends",
    ReleaseAlwaysFalls: "R5, T8: a release with nothing applied is a fall",
    OverloadNeverEnds: "R4: an actor that has caught up stays overloaded",
    MutedIsOverloaded: "T2: overload begins on a muted actor",
    OneFallIsEnough: "R6, T6: a sender is freed by the first fall of those that hold it back",
    FreedAsMuted: "F8, R6: senders are freed in the order in which they were muted, not created",
    MutedIsScheduled: "F4, T6: a send schedules a muted receiver",
    EmptyIsNotScheduled: "F5, R6: a freed actor whose mailbox looks empty is not scheduled",
    ControlMarks: "F14, R7: a message on the control lane marks its sender",
    TicksMark: "F13, R7: what the runtime delivers marks whoever ran last",
    MarkedTwice: "R2: a second send to the same receiver marks again",
    MutesAreForgotten: "F3, R9, T7: the end is well although somebody is muted",
    SecondPathNeverSettles: "F6, R3: a behaviour that nobody watches ends without settling its marks",
    FullIsNotScheduled: "R4, T5: an actor that emptied its mailbox with a full batch is not run again",
    InletIgnoresPressure: "R13: an inlet takes messages while its receiver presses",
    InletRingsFirst: "R9: the last inlet rings before it is gone",
    DeadIsUncounted: "R1: a dead letter is not counted",
    ShutdownLeaks: "F7, R8: the end of the runtime forgets what is in mailboxes",
    ProcessInPolicy: "F8, F9, R12: the policy looks at something outside the run, here how often it was asked in this process",
    PushIsRelaxed: "F2, R1: a push into an inbox does not release",
    TakeIsRelaxed: "F2, R1: an owner does not acquire what it takes",
    RestIsRelaxed: "F2, T6: an owner goes to rest without releasing what it did",
    PushInTwoSteps: "F11, R1: a push is half done for a moment",
    RestWithoutLooking: "F5, T5: an owner goes to rest although something came",
    MarkWithoutEra: "T8: a mark is made on a receiver that has fallen since, and presses again",
    FallInTwoSteps: "T1: a fall reads who waits, and only then takes away the last flag",
    DequeTailIsRelaxed: "F2, T6: the owner of a run queue shows a seat without releasing",
    DequeThiefIsRelaxed: "F2, T6: a thief does not acquire what it steals",
    PopWithoutExchange: "T6: the owner of a run queue takes without an exchange",
    SurplusStays: "T5: what does not fit into a run queue stays outside for ever",
    ParkWithoutLooking: "F10, T5: a worker falls asleep without looking once more",
    QuietWithPinned: "F3, R9: quiescence overlooks an actor of the driver's",
    QuietByHint: "F3, R9: the driver asks a hint whether all workers sleep, without the lock",
    BellParksBlindly: "F10, R9: the driver goes to sleep without looking whether the bell was rung",
    RingIsRelaxed: "F2, R9: a ring does not release what it tells of",
    WordIsRelaxed: "F2, R8: a change of an actor's load does not order what is put on it and its end",
    ExemptionAskedTwice: "R3, T5: the end of a behaviour asks who is exempt, and only then has itself told of the fall",
    SenderAskedAfterPush: "R2: a sender is asked whether it is exempt when its message is already with the receiver",
    FallToldToOne: "R6, T4: of the workers that wait for a fall one is told",
    WakeIsRelaxed: "F2, T6: whoever wakes an actor does not acquire what its last owner left",
    BackWithATail: "R1: a message that comes back, because its actor is idle, leads to others that were there a moment ago",
    LingersForever: "T5: a worker with nothing left to run goes to sleep before the actor that ran last has come to rest",
    LingersOn: "T5: the actor that ran last comes to rest only when another one has nothing left to do either",
    FoundTakesThePlace: "T5: an actor that a worker finds in the hall takes the place of one that it has just freed",
    AnswerIsRelaxed: "F2, R9: the answer to a ring does not acquire",
    RareIsRelaxed: "F2, R8: who finds what is rare about an actor does not acquire it",
    RareEndsWithActor: "R8: what is rare about an actor is freed as it ends, while others may still look there",
    TableLeaks: "F7, R8: the end of a pool forgets the table of its actors",
    NoGrace: "R8: a seat has its next tenant while somebody may still hold the address of the last",
}

/// Is this the fault of the process?
///
/// # Panics
/// If `BACKWATER_FAULT` names none.
#[cfg(feature = "__faults")]
pub(crate) fn planted(fault: Fault) -> bool {
    use std::sync::OnceLock;
    static CHOSEN: OnceLock<Option<Fault>> = OnceLock::new();
    let find = |name: String| {
        let found = Fault::ALL.iter().find(|(_, known, _)| *known == name);
        found.unwrap_or_else(|| panic!("BACKWATER_FAULT={name}: there is no such fault; docs/KILLS.md has them all")).0
    };
    *CHOSEN.get_or_init(|| std::env::var("BACKWATER_FAULT").ok().map(find)) == Some(fault)
}

/// Without the feature, nothing is planted.
#[cfg(not(feature = "__faults"))]
#[inline(always)]
pub(crate) const fn planted(_: Fault) -> bool {
    false
}

/// How often it was asked in this process: state that a run must not depend on.
#[cfg(feature = "__faults")]
pub(crate) fn asked() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static ASKED: AtomicU64 = AtomicU64::new(0);
    ASKED.fetch_add(1, Ordering::Relaxed)
}

/// Nobody asks.
#[cfg(not(feature = "__faults"))]
pub(crate) const fn asked() -> u64 {
    0
}

/// A memory order, or none with its fault.
#[inline(always)]
pub(crate) fn order(fault: Fault, order: std::sync::atomic::Ordering) -> std::sync::atomic::Ordering {
    if planted(fault) { std::sync::atomic::Ordering::Relaxed } else { order }
}
