----------------------------- MODULE Backwater -----------------------------
(* Backwater's backpressure rules (docs/RULES.md) as a finite system, for readers.  Steps have the same names as in    *)
(* ../rumur/backwater.m.in and tests/model.     Fault is "none", or one of a few faults the properties must     *)
(* refute; the other models have more of them.                                                                         *)
EXTENDS Naturals, FiniteSets
CONSTANTS Actor, Worker, Guards, Nobody, Fault

VARIABLES
    overloaded, applied, muted, mail,  \* sets of actors: O, the flag of P, M, mailbox not empty
    guards,                            \* guards[a]: how many pressure guards a holds, the other half of P (R5)
    place,                             \* place[a]: "Idle", "Queued", "Running", "Parked" or "Stopped"
    marks,                             \* marks[w]: pairs <<r, s>>, "s is held back by r", known to worker w
    news,                              \* news[w]: the actors whose fall is in flight to w (at least one copy)
    runs,                              \* runs[w]: the actor whose behaviour w is in, or Nobody
    tells, owes,                       \* the actor whose fall w is telling, and the workers it has yet to tell
    freed                              \* freed[w]: lost their last mark, w has yet to unmute them

flags == <<overloaded, applied, muted, guards>>
threads == <<marks, news, runs, tells, owes, freed>>
vars == <<overloaded, applied, muted, mail, guards, place, marks, news, runs, tells, owes, freed>>

Pressed(a)  == a \in applied \/ guards[a] > 0                                       \* P
Pressing(a) == a \in overloaded \/ Pressed(a) \/ a \in muted                        \* O or P or M
Exempt(a)   == a \in overloaded \/ Pressed(a)
MarkedAt(w, s)  == \E r \in Actor : <<r, s>> \in marks[w]
WaitersAt(w, r) == {s \in Actor : <<r, s>> \in marks[w]}
Without(w, s)   == {m \in marks[w] : m[2] # s}                                      \* the marks of s dropped
Behaves(w, a)   == runs[w] = a /\ tells[w] = Nobody
Free(w)         == runs[w] = Nobody /\ tells[w] = Nobody /\ freed[w] = {}

Init ==
    /\ overloaded = {} /\ applied = {} /\ muted = {} /\ mail = {}
    /\ guards = [a \in Actor |-> 0]
    /\ place = [a \in Actor |-> "Idle"]
    /\ marks = [w \in Worker |-> {}] /\ news = [w \in Worker |-> {}]
    /\ runs = [w \in Worker |-> Nobody] /\ tells = [w \in Worker |-> Nobody]
    /\ owes = [w \in Worker |-> {}] /\ freed = [w \in Worker |-> {}]

(* R6: a fall is told to every worker.                                                                                 *)
Announce(w, a) ==
    /\ tells' = [tells EXCEPT ![w] = a]
    /\ owes' = [owes EXCEPT ![w] = IF Fault = "fall_skips_own_worker" THEN Worker \ {w} ELSE Worker]
(* Announce iff this step was the fall of a.  Used after the new values of all flags are given.                         *)
Settle(w, a) ==
    IF Pressing(a) /\ (Fault = "release_ignores_other_reasons" \/ ~Pressing(a)')
    THEN Announce(w, a) ELSE UNCHANGED <<tells, owes>>

(* R1: a send always enqueues.  A parked actor is not scheduled by it; to a stopped one it is a dead letter.            *)
Push(b) ==
    IF place[b] = "Stopped" THEN UNCHANGED <<mail, place>>
    ELSE /\ mail' = mail \cup {b}
         /\ place' = [place EXCEPT ![b] =
                IF @ = "Idle" \/ (@ = "Parked" /\ Fault = "send_schedules_muted") THEN "Queued" ELSE @]

(* A message that never marks anyone (R7, R13): from outside, from the runtime, on the control lane, to oneself.        *)
Outside(a) == place[a] # "Stopped" /\ Push(a) /\ UNCHANGED <<flags, threads>>

(* A run handles at most what was in the mailbox when it began, and at most a batch.                                    *)
Begin(w, a) ==
    /\ Free(w) /\ place[a] = "Queued" /\ a \in mail
    /\ place' = [place EXCEPT ![a] = "Running"]
    /\ runs' = [runs EXCEPT ![w] = a]
    /\ UNCHANGED <<flags, marks, news, tells, owes, freed>>
Run(w, a)        == Begin(w, a) /\ mail' = mail \ {a}
RunLeaving(w, a) == Begin(w, a) /\ mail' = mail

(* R2.                                                                                                                  *)
Send(w, a, b) ==
    /\ Behaves(w, a) /\ a # b /\ place[b] # "Stopped" /\ Push(b)
    /\ marks' = IF Pressing(b) /\ ~Exempt(a) THEN [marks EXCEPT ![w] = @ \cup {<<b, a>>}] ELSE marks
    /\ UNCHANGED <<flags, news, runs, tells, owes, freed>>

(* R5.                                                                                                                  *)
Apply(w, a) ==
    /\ Behaves(w, a) /\ a \notin applied /\ applied' = applied \cup {a}
    /\ UNCHANGED <<overloaded, muted, mail, guards, place, threads>>
Release(w, a) ==
    /\ Behaves(w, a) /\ a \in applied /\ applied' = applied \ {a}
    /\ UNCHANGED <<overloaded, muted, mail, guards, place, marks, news, runs, freed>>
    /\ Settle(w, a)
Hold(w, a) ==
    /\ Behaves(w, a) /\ guards[a] < Guards /\ guards' = [guards EXCEPT ![a] = @ + 1]
    /\ UNCHANGED <<overloaded, applied, muted, mail, place, threads>>
DropGuard(w, a) ==
    /\ Behaves(w, a) /\ guards[a] > 0 /\ guards' = [guards EXCEPT ![a] = @ - 1]
    /\ UNCHANGED <<overloaded, applied, muted, mail, place, marks, news, runs, freed>>
    /\ Settle(w, a)

(* R4, the detector by depth: looked at in the actor's own run, between behaviours.                                     *)
DepthHigh(w, a) ==
    /\ Behaves(w, a) /\ a \in mail /\ a \notin overloaded /\ ~MarkedAt(w, a)
    /\ overloaded' = overloaded \cup {a}
    /\ UNCHANGED <<applied, muted, mail, guards, place, threads>>

(* R3 at the end of a behaviour that left marks.                                                                        *)
MarksDropped(w, a) ==
    /\ Behaves(w, a) /\ MarkedAt(w, a) /\ Exempt(a) /\ Fault # "no_second_sentence"
    /\ marks' = [marks EXCEPT ![w] = Without(w, a)]
    /\ UNCHANGED <<flags, mail, place, news, runs, tells, owes, freed>>
Mute(w, a) ==
    /\ Behaves(w, a) /\ MarkedAt(w, a) /\ (~Exempt(a) \/ Fault = "no_second_sentence")
    /\ muted' = muted \cup {a}
    /\ place' = [place EXCEPT ![a] = "Parked"]
    /\ runs' = [runs EXCEPT ![w] = Nobody]
    /\ UNCHANGED <<overloaded, applied, mail, guards, marks, news, tells, owes, freed>>

(* R4 at the end of a run.                                                                                              *)
LessThanBatch(w, a) ==
    /\ overloaded' = overloaded \ {a}
    /\ place' = [place EXCEPT ![a] = IF a \in mail THEN "Queued" ELSE "Idle"]
    /\ runs' = [runs EXCEPT ![w] = IF @ = a THEN Nobody ELSE @]
    /\ UNCHANGED <<applied, muted, mail, guards, marks, news, freed>>
    /\ Settle(w, a)
RunEnd(w, a)   == Behaves(w, a) /\ ~MarkedAt(w, a) /\ LessThanBatch(w, a)
RunEmpty(w, a) == Free(w) /\ place[a] = "Queued" /\ a \notin mail /\ LessThanBatch(w, a)
(* A full batch, or still above the depth detector's low mark: always queued again, even with an empty mailbox.         *)
(* If the last behaviour left marks, R3 may come first (Mute) or R4 may: both orders are in the model.                  *)
FullBatch(w, a) ==
    /\ Behaves(w, a) /\ (Fault = "no_second_sentence" => ~MarkedAt(w, a))
    /\ overloaded' = overloaded \cup {a}
    /\ marks' = [marks EXCEPT ![w] = Without(w, a)]
    /\ place' = [place EXCEPT ![a] = IF Fault = "overloaded_not_queued" /\ a \notin mail THEN "Idle" ELSE "Queued"]
    /\ runs' = [runs EXCEPT ![w] = Nobody]
    /\ UNCHANGED <<applied, muted, mail, guards, news, tells, owes, freed>>

(* R8: a stops, panics or is dropped; a parked one by the worker that knows its marks.                                  *)
Finish(w, a) ==
    /\ place' = [place EXCEPT ![a] = "Stopped"]
    /\ runs' = [runs EXCEPT ![w] = IF @ = a THEN Nobody ELSE @]
    /\ mail' = mail \ {a}
    /\ UNCHANGED <<news, freed>>
    /\ IF Fault = "stop_keeps_all" THEN UNCHANGED <<flags, marks, tells, owes>>
       ELSE /\ overloaded' = overloaded \ {a} /\ applied' = applied \ {a} /\ muted' = muted \ {a}
            /\ guards' = [guards EXCEPT ![a] = 0]
            /\ marks' = [marks EXCEPT ![w] = Without(w, a)]
            /\ Settle(w, a)
Stop(w, a)      == Behaves(w, a) /\ Finish(w, a)
DropActor(w, a) == Free(w) /\ (place[a] = "Idle" \/ (place[a] = "Parked" /\ MarkedAt(w, a))) /\ Finish(w, a)

(* R6: w tells one worker at a time.                                                                                    *)
Tell(w, t) ==
    /\ tells[w] # Nobody /\ t \in owes[w]
    /\ news' = [news EXCEPT ![t] = @ \cup {tells[w]}]
    /\ owes' = [owes EXCEPT ![w] = @ \ {t}]
    /\ tells' = IF owes[w] = {t} THEN [tells EXCEPT ![w] = Nobody] ELSE tells
    /\ UNCHANGED <<flags, mail, place, marks, runs, freed>>
(* Between runs w reads "fall of r": every mark on r that it knows goes.  Other copies may still be in flight.          *)
Lift(w, r) ==
    /\ marks' = [marks EXCEPT ![w] = {m \in @ : m[1] # r}]
    /\ freed' = [freed EXCEPT ![w] = {s \in WaitersAt(w, r) : \A q \in Actor : <<q, s>> \in marks[w] => q = r}]
    /\ UNCHANGED <<flags, mail, place, runs, tells, owes>>
Read(w, r)          == Free(w) /\ r \in news[w] /\ Lift(w, r) /\ news' = [news EXCEPT ![w] = @ \ {r}]
ReadOneOfMany(w, r) == Free(w) /\ r \in news[w] /\ WaitersAt(w, r) # {} /\ Lift(w, r) /\ news' = news
Wake(w, r) == Fault = "freed_without_fall" /\ Free(w) /\ WaitersAt(w, r) # {} /\ Lift(w, r) /\ news' = news
(* Runnable again, whatever its mailbox looks like; and that is a fall of its own.                                      *)
Unmute(w, a) ==
    /\ a \in freed[w] /\ tells[w] = Nobody
    /\ freed' = [freed EXCEPT ![w] = @ \ {a}]
    /\ muted' = muted \ {a}
    /\ place' = [place EXCEPT ![a] = "Queued"]
    /\ UNCHANGED <<overloaded, applied, mail, guards, marks, news, runs>>
    /\ IF Fault = "no_cascade" THEN UNCHANGED <<tells, owes>> ELSE Settle(w, a)

Next ==
    \/ \E a \in Actor : Outside(a)
    \/ \E w \in Worker, a \in Actor :
        \/ Run(w, a) \/ RunLeaving(w, a) \/ RunEmpty(w, a) \/ RunEnd(w, a) \/ FullBatch(w, a)
        \/ Apply(w, a) \/ Release(w, a) \/ Hold(w, a) \/ DropGuard(w, a) \/ DepthHigh(w, a)
        \/ MarksDropped(w, a) \/ Mute(w, a) \/ Stop(w, a) \/ DropActor(w, a)
        \/ Read(w, a) \/ ReadOneOfMany(w, a) \/ Wake(w, a) \/ Unmute(w, a)
    \/ \E w \in Worker, a \in Actor, b \in Actor : Send(w, a, b)
    \/ \E w \in Worker, t \in Worker : Tell(w, t)
Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* Properties, one a theorem of RULES.md.                                                                               *)
Flight(w, r)   == r \in news[w] \/ \E v \in Worker : tells[v] = r /\ w \in owes[v]
MustWait(s, r) == \E w \in Worker : <<r, s>> \in marks[w] /\ ~Flight(w, r)
InHand(a)      == \E w \in Worker : a \in freed[w]
Marked(a)      == \E w \in Worker : MarkedAt(w, a)
Settled ==                                               \* nothing runnable, nothing in flight
    /\ \A a \in Actor : place[a] \notin {"Queued", "Running"} /\ ~InHand(a)
    /\ \A w \in Worker : tells[w] = Nobody /\ news[w] = {}
\* Some order of the actors, larger ones first, along which every wait goes down: there is no cycle.
WellFounded == \E rank \in [Actor -> 1..Cardinality(Actor)] : \A s, r \in Actor : MustWait(s, r) => rank[r] < rank[s]
RECURSIVE Blames(_, _)
Blames(a, n) == Pressed(a) \/ (n > 0 /\ \E w \in Worker, r \in Actor : <<r, a>> \in marks[w] /\ Blames(r, n - 1))

T1 == \A w \in Worker : \A m \in marks[w] : (place[m[1]] # "Stopped" /\ Pressing(m[1])) \/ Flight(w, m[1])
T2 == \A a \in muted : a \notin overloaded /\ ~Pressed(a)
T3 == WellFounded /\ \A a \in Actor : place[a] = "Parked" => Marked(a) \/ InHand(a)
T4 == Settled /\ (\A a \in Actor : ~Pressed(a)) => muted = {} /\ \A w \in Worker : marks[w] = {}
T5 == \A a \in mail \ muted : place[a] # "Idle"
T6 == /\ \A a \in Actor : (place[a] = "Parked") = (a \in muted)
      /\ \A a \in Actor : (place[a] = "Running") = (\E w \in Worker : runs[w] = a)
      /\ \A a \in Actor : InHand(a) => place[a] = "Parked"
      /\ \A v, w \in Worker : v # w => /\ freed[v] \cap freed[w] = {}
                                       /\ runs[v] = runs[w] => runs[v] = Nobody
                                       /\ \A a \in Actor : ~(MarkedAt(v, a) /\ MarkedAt(w, a))
T7 == Settled => \A a \in muted : Blames(a, Cardinality(Actor))
R8 == \A a \in Actor : place[a] = "Stopped" => ~Pressing(a) /\ ~Marked(a)
\* Speaks of steps: whoever's fall begins to be told fell in this step; a mark goes by news of a fall or with its sender.
T8 == [][ /\ \A w \in Worker, a \in Actor : tells'[w] = a /\ tells[w] # a => Pressing(a) /\ ~Pressing(a)'
          /\ \A w \in Worker : \A m \in marks[w] \ marks'[w] :
                m[1] \in news[w] \/ runs[w] = m[2] \/ place'[m[2]] = "Stopped" ]_vars
=============================================================================
