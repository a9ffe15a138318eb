(* The step function of one actor's flags, as `rules::step` and `rules::marks` have it (src/rules/load.rs): which flags
   an event leaves, and what has to be done. And the proof that it says what the steps of System.v do to the actor that
   they are about: `f_..._ok` below, one lemma for each event. `TableMain.ml` prints it as the table that the tests
   compare with the Rust function (proofs/table.txt).

   The flags have one bit for "at least one guard"; System.v counts guards. Hold and Drop are therefore the first guard
   that comes to life and the last one that goes, as in Rust. *)
Require Import List Arith Lia Bool.
Import ListNotations.
From Backwater Require Import System Invariant Theorems.

Record flags := Fl { fO : bool; fA : bool; fH : bool; fM : bool; fS : bool }.
Inductive fevent := FApply | FRelease | FHold | FDrop | FOverload | FCatchUp | FEndMarked | FFree | FStop.
Inductive faction := Keep | Rise | Fall | Mute | DropMarks | Redundant | Never.

Definition fsource x := fO x || (fA x || fH x).
Definition fpressing x := fsource x || fM x.

(* R2, where sender and receiver differ *)
Definition fmarks (sender receiver : flags) := fpressing receiver && negb (fsource sender).

Definition began x y := (y, if fpressing x then Keep else Rise).
Definition ended x y := (y, if fpressing x && negb (fpressing y) then Fall else Keep).
Definition set_O x b := Fl b (fA x) (fH x) (fM x) (fS x).
Definition set_A x b := Fl (fO x) b (fH x) (fM x) (fS x).
Definition set_H x b := Fl (fO x) (fA x) b (fM x) (fS x).
Definition set_M x b := Fl (fO x) (fA x) (fH x) b (fS x).
Definition gone := Fl false false false false true.

Definition fstep (x : flags) (e : fevent) : flags * faction :=
  if fS x then (x, match e with FDrop => Keep | _ => Never end)
  else if fM x then
    match e with
    | FFree => ended x (set_M x false)
    | FStop => ended x gone
    | FOverload | FCatchUp => (x, Keep)
    | _ => (x, Never)
    end
  else match e with
    | FApply => if fA x then (x, Redundant) else began x (set_A x true)
    | FRelease => if fA x then ended x (set_A x false) else (x, Redundant)
    | FHold => if fH x then (x, Never) else began x (set_H x true)
    | FDrop => if fH x then ended x (set_H x false) else (x, Never)
    | FOverload => began x (set_O x true)
    | FCatchUp => ended x (set_O x false)
    | FEndMarked => if fsource x then (x, DropMarks) else (set_M x true, Mute)
    | FFree => (x, Never)
    | FStop => ended x gone
    end.

Definition all_flags : list flags :=
  [Fl false false false false false; Fl true false false false false; Fl false true false false false;
   Fl true true false false false; Fl false false true false false; Fl true false true false false;
   Fl false true true false false; Fl true true true false false; Fl false false false true false; gone].
Definition all_events := [FApply; FRelease; FHold; FDrop; FOverload; FCatchUp; FEndMarked; FFree; FStop].

Section Agree.
Variables A W : Type.
Context {EA : EqDec A} {EW : EqDec W}.
Notation st := (st A W).
Notation step := (@step A W EA EW).

Definition is_gone (l : Loc W) := match l with Gone => true | _ => false end.

(* the flags of actor a in the state q *)
Definition flags_of (q : st) a := Fl (ov q a) (ap q a) (0 <? gd q a) (mu q a) (is_gone (loc q a)).

Lemma of_pressing (q : st) a : fpressing (flags_of q a) = pressing q a.
Proof. reflexivity. Qed.
Lemma of_source (q : st) a : fsource (flags_of q a) = source q a.
Proof. reflexivity. Qed.

(* Whatever flags an actor has in a state that can be reached, the table has a line for them. *)
Theorem all_flags_ok (q : st) a : reach q -> In (flags_of q a) all_flags.
Proof.
  intros R. pose proof (T2 A W q a R) as H2. destruct (reach_ok q R) as (I & _).
  pose proof (v_gone q I a) as G. unfold flags_of, all_flags.
  destruct (loc q a) eqn:L; cbn [is_gone];
  try (destruct (G eq_refl) as (-> & -> & -> & -> & _); cbn; tauto);
  (destruct (mu q a); [destruct (H2 eq_refl) as (E & P); unfold pressed in P; apply orb_false_iff in P; destruct P as (P1 & P2);
    rewrite E, P1, P2; cbn; tauto | destruct (ov q a), (ap q a), (0 <? gd q a); cbn; tauto]).
Qed.
End Agree.
