//! What the system consists of, and what the rules say of a state.

pub(crate) const ACTORS: usize = 2;
pub(crate) const WORKERS: usize = 2;
pub(crate) type Actors<T> = [T; ACTORS];
pub(crate) type Workers<T> = [T; WORKERS];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Idle,
    Queued,
    Running,
    Parked,
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Actor {
    pub(crate) place: Place,
    /// O
    pub(crate) overloaded: bool,
    /// Half of P: the flag. The other half: the guards (R5).
    pub(crate) applied: bool,
    pub(crate) guards: u8,
    /// M
    pub(crate) muted: bool,
    /// The mailbox is not empty.
    pub(crate) mail: bool,
    /// Used by one mutant only: a single flag in place of flag and count.
    pub(crate) shared: bool,
    /// Used by one mutant only: "this one's fall was announced already".
    pub(crate) skip: bool,
    /// Used by one mutant only: the mailbox as it looked when the last mark went.
    pub(crate) saw: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Worker {
    /// `marks[r][s]`: s is held back by r, and this worker knows it.
    pub(crate) marks: Actors<Actors<bool>>,
    /// "Fall of r" is in flight to this worker (at least one copy).
    pub(crate) news: Actors<bool>,
    /// The actor whose behaviour this worker is in.
    pub(crate) runs: Option<usize>,
    /// The actor whose fall this worker is telling, and whom it has yet to tell.
    pub(crate) tells: Option<usize>,
    pub(crate) owes: Workers<bool>,
    /// Lost their last mark; this worker has yet to unmute them.
    pub(crate) freed: Actors<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) actors: Actors<Actor>,
    pub(crate) workers: Workers<Worker>,
    /// A step broke T6, T8 or R7 (the properties that speak of steps, not of states).
    pub(crate) broke: [bool; 3],
}

pub(crate) const T6: usize = 0;
pub(crate) const T8: usize = 1;
pub(crate) const R7: usize = 2;

impl Actor {
    pub(crate) const NEW: Actor = Actor {
        place: Place::Idle,
        overloaded: false,
        applied: false,
        guards: 0,
        muted: false,
        mail: false,
        shared: false,
        skip: false,
        saw: false,
    };

    pub(crate) fn pressed(&self) -> bool {
        self.applied || self.guards > 0
    }

    /// The run is over.
    pub(crate) fn rest(&mut self) {
        self.place = if self.mail { Place::Queued } else { Place::Idle };
    }
}

impl Worker {
    pub(crate) const NEW: Worker = Worker {
        marks: [[false; ACTORS]; ACTORS],
        news: [false; ACTORS],
        runs: None,
        tells: None,
        owes: [false; WORKERS],
        freed: [false; ACTORS],
    };

    pub(crate) fn marked(&self, s: usize) -> bool {
        self.marks.iter().any(|on_r| on_r[s])
    }

    /// Drops the marks of `a`.
    pub(crate) fn forget(&mut self, a: usize) {
        for on_r in &mut self.marks {
            on_r[a] = false;
        }
    }
}

/// What the rules say of a state.
impl State {
    /// A stopped actor presses nobody, whatever its flags say.
    pub(crate) fn pressing(&self, r: usize) -> bool {
        let a = &self.actors[r];
        a.place != Place::Stopped && (a.overloaded || a.pressed() || a.muted)
    }

    /// T1: "the message that removes the mark is in flight".
    pub(crate) fn flight(&self, w: usize, r: usize) -> bool {
        self.workers[w].news[r] || self.workers.iter().any(|v| v.tells == Some(r) && v.owes[w])
    }

    pub(crate) fn marked(&self, s: usize) -> bool {
        self.workers.iter().any(|w| w.marked(s))
    }

    pub(crate) fn in_hand(&self, a: usize) -> bool {
        self.workers.iter().any(|w| w.freed[a])
    }

    /// Does `s` have a mark on `r` whose removal is not in flight?
    pub(crate) fn must_wait(&self, s: usize, r: usize) -> bool {
        (0..WORKERS).any(|w| self.workers[w].marks[r][s] && !self.flight(w, r))
    }

    /// Nothing runnable, nothing in flight.
    pub(crate) fn settled(&self, overlook_freed: bool) -> bool {
        self.actors.iter().all(|a| !matches!(a.place, Place::Queued | Place::Running))
            && self.workers.iter().all(|w| w.tells.is_none() && w.news == [false; ACTORS])
            && (overlook_freed || (0..ACTORS).all(|a| !self.in_hand(a)))
    }

    /// The actors from which `next` leads to one of `from`, with those.
    pub(crate) fn closure(from: Actors<bool>, next: impl Fn(usize, usize) -> bool) -> Actors<bool> {
        let mut set = from;
        for _ in 0..ACTORS {
            for a in 0..ACTORS {
                set[a] |= (0..ACTORS).any(|r| set[r] && next(a, r));
            }
        }
        set
    }

    pub(crate) fn t1(&self) -> bool {
        (0..WORKERS).all(|w| {
            (0..ACTORS).all(|r| self.workers[w].marks[r] == [false; ACTORS] || self.pressing(r) || self.flight(w, r))
        })
    }

    pub(crate) fn t2(&self) -> bool {
        self.actors.iter().all(|a| !a.muted || !a.overloaded && !a.pressed())
    }

    /// No cycle, and whoever is parked waits for someone or is being freed. That a chain ends in a root is then T1.
    pub(crate) fn t3(&self) -> bool {
        let cycle = (0..ACTORS).any(|a| {
            let mut next = [false; ACTORS];
            for (r, n) in next.iter_mut().enumerate() {
                *n = r == a;
            }
            let reaching_a = State::closure(next, |s, r| self.must_wait(s, r));
            (0..ACTORS).any(|r| reaching_a[r] && self.must_wait(a, r))
        });
        !cycle && (0..ACTORS).all(|a| self.actors[a].place != Place::Parked || self.marked(a) || self.in_hand(a))
    }

    pub(crate) fn t4(&self) -> bool {
        let antecedent = self.settled(false) && self.actors.iter().all(|a| !a.pressed());
        !antecedent || (0..ACTORS).all(|a| !self.actors[a].muted && !self.marked(a))
    }

    pub(crate) fn t5(&self) -> bool {
        let lost = |a: &Actor| a.mail && !a.muted && a.place == Place::Idle;
        !self.actors.iter().any(lost)
    }

    pub(crate) fn t6(&self) -> bool {
        let one = |has: &dyn Fn(&Worker) -> bool| self.workers.iter().filter(|w| has(w)).count() <= 1;
        !self.broke[T6]
            && (0..ACTORS).all(|a| {
                let Actor { muted, place, .. } = self.actors[a];
                (!muted || matches!(place, Place::Parked | Place::Stopped))
                    && (place != Place::Parked || muted)
                    && (place == Place::Running) == self.workers.iter().any(|w| w.runs == Some(a))
                    && one(&|w| w.runs == Some(a))
                    && one(&|w| w.freed[a])
                    && one(&|w| w.marked(a))
            })
    }

    /// In a quiescent state every muted actor has a chain of marks to one that applied or holds a guard (R10).
    pub(crate) fn t7(&self, overlook_freed: bool) -> bool {
        let mut pressed = [false; ACTORS];
        for (p, a) in pressed.iter_mut().zip(&self.actors) {
            *p = a.pressed() && a.place != Place::Stopped;
        }
        let blames = State::closure(pressed, |s, r| self.workers.iter().any(|w| w.marks[r][s]));
        !self.settled(overlook_freed) || (0..ACTORS).all(|a| !self.actors[a].muted || blames[a])
    }

    pub(crate) fn r8(&self) -> bool {
        (0..ACTORS).all(|a| {
            let actor = &self.actors[a];
            actor.place != Place::Stopped || !actor.overloaded && !actor.pressed() && !actor.muted && !self.marked(a)
        })
    }
}
