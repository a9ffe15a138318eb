(* Backwater's rules of backpressure (docs/RULES.md, R1 to R8) as a transition system: any number of actors, any
   number of workers, falls that travel between workers as messages of any delay and any order.

   This file holds the system and nothing else. What is true of it is in Invariant.v and Theorems.v; the
   single-threaded runtime is in Single.v. What the model leaves out is listed in NOTES.md.

   Each step is atomic. Where the shipped code needs several reads and writes for one step here, the code has to
   make them look like one (see ERRATA.md for the places where the rules do not say so). *)
Require Import List Arith Lia Bool.
Import ListNotations.

Class EqDec (X : Type) := eqd : forall x y : X, {x = y} + {x <> y}.

(* the function f with its value at x replaced by v *)
Definition upd {X V : Type} {E : EqDec X} (f : X -> V) (x : X) (v : V) : X -> V :=
  fun y => if eqd y x then v else f y.

Section System.
Variables A W : Type.               (* actors, workers *)
Context {EA : EqDec A} {EW : EqDec W}.

(* Where an actor is. An actor that was not spawned yet is one that is asleep and never acted. (An actor here is a seat of the
   runtime's table: who has it after somebody has gone is the same actor of the model, back asleep with nothing.) *)
Inductive Loc :=
| Asleep                (* nothing to do *)
| Waking                (* somebody has taken it upon himself to put it into a run queue and has yet to do so *)
| Queued                (* in a run queue *)
| Running (w : W)       (* in a run on w *)
| Parked (w : W)        (* muted; its marks are kept by w *)
| Gone.                 (* stopped, panicked or dropped (R8) *)

(* What a worker is doing. *)
Inductive Act :=
| Idle
| Run (a : A)           (* in a run of a, between two behaviours *)
| Beh (a : A)           (* in a behaviour of a *)
| Snd (a b : A).        (* in a behaviour of a, in a send to b: b's flags were read, the message is not yet enqueued *)

(* "sender of_s is held back by receiver on_r"; the worker at_w keeps the record *)
Record mark := Mk { at_w : W; on_r : A; of_s : A }.

Record st := mk {
  ov    : A -> bool;              (* O, R4 *)
  ap    : A -> bool;              (* the flag of apply and release, R5 *)
  gd    : A -> nat;               (* living guards, R5 *)
  mu    : A -> bool;              (* M, R3 *)
  mb    : A -> nat;               (* how many messages are in the mailbox *)
  loc   : A -> Loc;
  rq    : list A;                 (* all run queues together; any worker may take any entry, which is stealing *)
  mm    : list mark;              (* all marks *)
  act   : W -> Act;
  bc    : W -> option (A * (W -> bool));  (* the fall that w is announcing, and the workers it has yet to tell *)
  inbox : W -> A -> nat;          (* "r has fallen": how many such messages wait at w *)
  hand  : W -> A -> bool          (* senders left without marks, which w has yet to free *)
}.

Definition set_ov q f := mk f (ap q) (gd q) (mu q) (mb q) (loc q) (rq q) (mm q) (act q) (bc q) (inbox q) (hand q).
Definition set_ap q f := mk (ov q) f (gd q) (mu q) (mb q) (loc q) (rq q) (mm q) (act q) (bc q) (inbox q) (hand q).
Definition set_gd q f := mk (ov q) (ap q) f (mu q) (mb q) (loc q) (rq q) (mm q) (act q) (bc q) (inbox q) (hand q).
Definition set_mu q f := mk (ov q) (ap q) (gd q) f (mb q) (loc q) (rq q) (mm q) (act q) (bc q) (inbox q) (hand q).
Definition set_mb q f := mk (ov q) (ap q) (gd q) (mu q) f (loc q) (rq q) (mm q) (act q) (bc q) (inbox q) (hand q).
Definition set_loc q f := mk (ov q) (ap q) (gd q) (mu q) (mb q) f (rq q) (mm q) (act q) (bc q) (inbox q) (hand q).
Definition set_rq q f := mk (ov q) (ap q) (gd q) (mu q) (mb q) (loc q) f (mm q) (act q) (bc q) (inbox q) (hand q).
Definition set_mm q f := mk (ov q) (ap q) (gd q) (mu q) (mb q) (loc q) (rq q) f (act q) (bc q) (inbox q) (hand q).
Definition set_act q f := mk (ov q) (ap q) (gd q) (mu q) (mb q) (loc q) (rq q) (mm q) f (bc q) (inbox q) (hand q).
Definition set_bc q f := mk (ov q) (ap q) (gd q) (mu q) (mb q) (loc q) (rq q) (mm q) (act q) f (inbox q) (hand q).
Definition set_inbox q f := mk (ov q) (ap q) (gd q) (mu q) (mb q) (loc q) (rq q) (mm q) (act q) (bc q) f (hand q).
Definition set_hand q f := mk (ov q) (ap q) (gd q) (mu q) (mb q) (loc q) (rq q) (mm q) (act q) (bc q) (inbox q) f.

(* ---- the words of the rules ---- *)
Definition pressed q a := ap q a || (0 <? gd q a).        (* P *)
Definition source q a := ov q a || pressed q a.            (* O or P *)
Definition pressing q a := source q a || mu q a.           (* O or P or M *)

(* w is in a run of a *)
Definition on q w a := act q w = Run a \/ act q w = Beh a \/ exists b, act q w = Snd a b.

#[global] Instance mark_eq : EqDec mark.
Proof. intros x y. decide equality; apply eqd. Defined.

(* marks are a set: marking twice is marking once (R2) *)
Definition has (m : mark) l : bool := if in_dec eqd m l then true else false.
Definition add (m : mark) l := if has m l then l else m :: l.
Definition isof s (m : mark) : bool := if eqd (of_s m) s then true else false.
Definition ison w r (m : mark) : bool := if eqd (at_w m) w then if eqd (on_r m) r then true else false else false.
Definition drop_of s l := filter (fun m => negb (isof s m)) l.        (* the marks of s are removed *)
Definition drop_on w r l := filter (fun m => negb (ison w r m)) l.    (* the marks on r that w keeps are removed *)
Definition marked s l : bool := existsb (isof s) l.                   (* s has a mark *)

(* R2: marked iff the receiver is another actor and pressing, and the sender is neither O nor P *)
Definition look q w a b :=
  if (if eqd a b then false else true) && pressing q b && negb (source q a) then add (Mk w b a) (mm q) else mm q.

(* R1: a send enqueues; the one who finds the receiver asleep has to put it into a queue. To a stopped actor it is
   a dead letter. *)
Definition enqueue q b :=
  set_loc (set_mb q (upd (mb q) b (match loc q b with Gone => mb q b | _ => S (mb q b) end)))
    (upd (loc q) b (match loc q b with Asleep => Waking | l => l end)).

(* A removal of the marks on r that w keeps is in flight: w has the message, or somebody has lowered r's flags and has
   yet to tell w. *)
Definition flight q w r := inbox q w r > 0 \/ exists t todo, bc q t = Some (r, todo) /\ todo w = true.

(* The marks l that are left when r falls and the workers in todo are told of it. Those of muted senders all stay, until
   they are read; of those of senders still in a behaviour some may be gone with the fall itself (no one has to be told
   of them: such a sender looks again before it is muted). Whoever keeps one that stays is told, unless an earlier fall
   is on its way to him. So "tell everybody" is allowed, and so is "keep track of who has marks and tell only them", and
   "tell nobody if there are none". *)
Record Left q r (todo : W -> bool) (l : list mark) : Prop := {
  l_sub  : forall m, In m l -> In m (mm q);
  l_nd   : NoDup (mm q) -> NoDup l;
  l_rest : forall m, In m (mm q) -> on_r m <> r \/ mu q (of_s m) = true -> In m l;
  l_told : forall w s, In (Mk w r s) l -> todo w = true \/ flight q w r }.

(* R6: q0 is q with some of r's flags lowered by worker w. If that is a fall (pressing before, not pressing after),
   w begins to announce it; otherwise nothing more happens. *)
Inductive lowered (q q0 : st) (w : W) (r : A) : st -> Prop :=
| low_none : pressing q r = false \/ pressing q0 r = true -> lowered q q0 w r q0
| low_fall todo l : pressing q r = true -> pressing q0 r = false -> Left q0 r todo l ->
    lowered q q0 w r (set_bc (set_mm q0 l) (upd (bc q0) w (Some (r, todo)))).

(* R8: all flags and guards end, the marks of it are removed, its mailbox is emptied into dead letters *)
Definition killed q w a :=
  mk (upd (ov q) a false) (upd (ap q) a false) (upd (gd q) a 0) (upd (mu q) a false) (upd (mb q) a 0)
    (upd (loc q) a Gone) (remove eqd a (rq q)) (drop_of a (mm q)) (act q) (bc q) (inbox q)
    (upd (hand q) w (upd (hand q w) a false)).

(* A worker in the middle of an announcement does nothing else: bc q w = None. *)
Inductive step (q : st) : st -> Prop :=
(* --- scheduling --- *)
| s_push a : loc q a = Waking ->                                   (* the wake-up in flight arrives *)
    step q (set_rq (set_loc q (upd (loc q) a Queued)) (a :: rq q))
| s_begin w a : bc q w = None -> act q w = Idle -> In a (rq q) ->  (* a run begins; from any queue, so stealing too *)
    step q (set_act (set_rq (set_loc q (upd (loc q) a (Running w))) (remove eqd a (rq q))) (upd (act q) w (Run a)))
| s_take w a : bc q w = None -> act q w = Run a -> mb q a > 0 ->   (* a behaviour begins *)
    step q (set_act (set_mb q (upd (mb q) a (mb q a - 1))) (upd (act q) w (Beh a)))
(* --- sends --- *)
| s_look w a b : bc q w = None -> act q w = Beh a ->               (* ordinary send, R2; b may be a *)
    step q (set_act (set_mm q (look q w a b)) (upd (act q) w (Snd a b)))
| s_put w a b : bc q w = None -> act q w = Snd a b ->              (* its message arrives, R1 *)
    step q (set_act (enqueue q b) (upd (act q) w (Beh a)))
| s_control w a b : bc q w = None -> act q w = Beh a ->            (* send on the control lane: never marks, R7 *)
    step q (enqueue q b)
| s_event b : step q (enqueue q b)                                 (* timer, readiness, inlet: never marks, R7, R13 *)
(* --- pressure, R5 --- *)
| s_apply w a : bc q w = None -> act q w = Beh a ->
    step q (set_ap q (upd (ap q) a true))
| s_release w a q' : bc q w = None -> act q w = Beh a ->
    lowered q (set_ap q (upd (ap q) a false)) w a q' -> step q q'
| s_hold w a : bc q w = None -> act q w = Beh a ->
    step q (set_gd q (upd (gd q) a (S (gd q a))))
| s_drop w a q' : bc q w = None -> gd q a > 0 ->                   (* anybody may drop a guard: it may have travelled *)
    lowered q (set_gd q (upd (gd q) a (gd q a - 1))) w a q' -> step q q'
(* --- overload by depth, R4: begins at an enqueue by anybody, ends by the owner --- *)
| s_deep a : mu q a = false -> loc q a <> Gone ->                  (* whoever does it sees to it that the actor runs *)
    step q (set_loc (set_ov q (upd (ov q) a true)) (upd (loc q) a (match loc q a with Asleep => Waking | l => l end)))
| s_low w a q' : bc q w = None -> act q w = Run a \/ act q w = Beh a ->
    lowered q (set_ov q (upd (ov q) a false)) w a q' -> step q q'
(* --- end of a behaviour, R3 --- *)
| s_mute w a : bc q w = None -> act q w = Beh a -> source q a = false -> marked a (mm q) = true ->
    step q (set_act (set_loc (set_mu q (upd (mu q) a true)) (upd (loc q) a (Parked w))) (upd (act q) w Idle))
| s_done w a : bc q w = None -> act q w = Beh a -> source q a = true \/ marked a (mm q) = false ->
    step q (set_act (set_mm q (drop_of a (mm q))) (upd (act q) w (Run a)))
(* --- end of a run, R4; when a run counts as full is left open, so the theorems hold for every batch size --- *)
| s_full w a : bc q w = None -> act q w = Run a ->                 (* full batch, or still deep: O and runnable *)
    step q (set_act (set_loc (set_ov q (upd (ov q) a true)) (upd (loc q) a Waking)) (upd (act q) w Idle))
| s_short w a q' : bc q w = None -> act q w = Run a ->
    lowered q (set_act (set_loc (set_ov q (upd (ov q) a false))
      (upd (loc q) a (if mb q a =? 0 then Asleep else Waking))) (upd (act q) w Idle)) w a q' -> step q q'
(* --- end of an actor, R8 --- *)
| s_stop w a q' : bc q w = None -> act q w = Run a \/ act q w = Beh a ->   (* it stops or panics *)
    lowered q (set_act (killed q w a) (upd (act q) w Idle)) w a q' -> step q q'
| s_kill w a q' : bc q w = None -> loc q a = Asleep \/ loc q a = Queued \/ loc q a = Parked w ->   (* it is dropped *)
    lowered q (killed q w a) w a q' -> step q q'
| s_reuse a : loc q a = Gone -> step q (set_loc q (upd (loc q) a Asleep))      (* its seat has another tenant *)
(* --- a fall travels, R6 --- *)
| s_tell w r todo t : bc q w = Some (r, todo) -> todo t = true ->
    step q (set_bc (set_inbox q (upd (inbox q) t (upd (inbox q t) r (S (inbox q t r)))))
      (upd (bc q) w (Some (r, upd todo t false))))
| s_told w r todo : bc q w = Some (r, todo) -> (forall t, todo t = false) ->
    step q (set_bc q (upd (bc q) w None))
| s_read w r : bc q w = None -> inbox q w r > 0 ->
    step q (set_hand (set_inbox (set_mm q (drop_on w r (mm q)))
        (upd (inbox q) w (upd (inbox q w) r (inbox q w r - 1))))
      (upd (hand q) w (fun a => hand q w a ||
        (mu q a && has (Mk w r a) (mm q) && negb (marked a (drop_on w r (mm q)))))))
| s_free w a todo l : bc q w = None -> hand q w a = true -> Left q a todo l ->   (* no longer muted: its own fall *)
    step q (set_bc (set_hand (set_loc (set_mu (set_mm q l) (upd (mu q) a false)) (upd (loc q) a Waking))
      (upd (hand q) w (upd (hand q w) a false))) (upd (bc q) w (Some (a, todo))))
| s_lapse w a r : bc q w = None -> act q w = Beh a -> flight q w r ->   (* a sees before its end that r has fallen since *)
    step q (set_mm q (remove eqd (Mk w r a) (mm q))).

Definition init q :=
  (forall a, ov q a = false /\ ap q a = false /\ gd q a = 0 /\ mu q a = false /\ mb q a = 0 /\ loc q a = Asleep) /\
  rq q = [] /\ mm q = [] /\
  forall w, act q w = Idle /\ bc q w = None /\ forall a, inbox q w a = 0 /\ hand q w a = false.

Inductive reach : st -> Prop :=
| r_init q : init q -> reach q
| r_step q q' : reach q -> step q q' -> reach q'.

Inductive steps : st -> st -> Prop :=
| ss_none q : steps q q
| ss_more q q1 q2 : step q q1 -> steps q1 q2 -> steps q q2.

(* R9, without event sources (in the model an event can always come from outside): no actor is runnable and nothing is
   in flight. *)
Definition quiet q :=
  (forall w, act q w = Idle /\ bc q w = None /\ forall a, inbox q w a = 0 /\ hand q w a = false) /\
  rq q = [] /\ forall a, loc q a <> Waking.

(* a mark whose removal is not in flight, and the wait it stands for *)
Definition solid q w r s := In (Mk w r s) (mm q) /\ ~ flight q w r.
Definition waits q s r := exists w, solid q w r s.

(* a muted actor whose release is under way: it is in a worker's hand, or the removal of one of its marks is in flight *)
Definition loosening q a :=
  (exists w, hand q w a = true) \/ exists w r, In (Mk w r a) (mm q) /\ flight q w r.
End System.

Arguments Asleep {W}. Arguments Waking {W}. Arguments Queued {W}. Arguments Gone {W}.
Arguments Running {W}. Arguments Parked {W}.
Arguments Idle {A}. Arguments Run {A}. Arguments Beh {A}. Arguments Snd {A}.
Arguments Mk {A W}. Arguments at_w {A W}. Arguments on_r {A W}. Arguments of_s {A W}.
Arguments mk {A W}.
Arguments ov {A W}. Arguments ap {A W}. Arguments gd {A W}. Arguments mu {A W}. Arguments mb {A W}.
Arguments loc {A W}. Arguments rq {A W}. Arguments mm {A W}. Arguments act {A W}. Arguments bc {A W}.
Arguments inbox {A W}. Arguments hand {A W}.
Arguments set_ov {A W}. Arguments set_ap {A W}. Arguments set_gd {A W}. Arguments set_mu {A W}.
Arguments set_mb {A W}. Arguments set_loc {A W}. Arguments set_rq {A W}. Arguments set_mm {A W}.
Arguments set_act {A W}. Arguments set_bc {A W}. Arguments set_inbox {A W}. Arguments set_hand {A W}.
Arguments pressed {A W}. Arguments source {A W}. Arguments pressing {A W}. Arguments on {A W}.
Arguments has {A W EA EW}. Arguments add {A W EA EW}. Arguments isof {A W EA}. Arguments ison {A W EA EW}.
Arguments Left {A W}. Arguments l_sub {A W}. Arguments l_nd {A W}. Arguments l_rest {A W}. Arguments l_told {A W}. Arguments drop_of {A W EA}. Arguments drop_on {A W EA EW}. Arguments marked {A W EA}. Arguments look {A W EA EW}.
Arguments enqueue {A W EA}. Arguments lowered {A W EW}. Arguments killed {A W EA EW}.
Arguments step {A W EA EW}. Arguments init {A W}. Arguments reach {A W EA EW}. Arguments steps {A W EA EW}.
Arguments flight {A W}. Arguments quiet {A W}. Arguments solid {A W}. Arguments waits {A W}. Arguments loosening {A W}.
