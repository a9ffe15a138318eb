(* The step function of one actor's flags, as `rules::step` and `rules::marks` have it (src/rules/load.rs): which flags
   an event leaves, and what has to be done. And the proof that it says what the steps of System.v do to the actor that
   they are about: `f_..._ok` below, one lemma for each event. `ocaml/table.ml` prints it as the table that
   tests/table.rs compares with the Rust functions (proofs/table.txt).

   The flags have one bit for "at least one guard"; System.v counts guards. Hold and Drop are therefore the first guard
   that comes to life and the last one that goes, as in Rust. *)
Require Import List Arith Lia Bool.
Import ListNotations.
From Backwater Require Import System Invariant.

Record flags := Fl { fO : bool; fA : bool; fH : bool; fM : bool; fS : bool }.
Inductive fevent := FApply | FRelease | FHold | FDrop | FOverload | FCatchUp | FEndMarked | FFree | FStop.
Inductive faction := Keep | Rise | Fall | Mute | DropMarks | Redundant | Never.

Definition fsource x := fO x || (fA x || fH x).
Definition fpressing x := fsource x || fM x.

(* R2, where sender and receiver differ *)
Definition fmarks (sender receiver : flags) := fpressing receiver && negb (fsource sender).

Definition began (x y : flags) := (y, if fpressing x then Keep else Rise).
Definition ended (x y : flags) := (y, if fpressing x && negb (fpressing y) then Fall else Keep).
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
Theorem all_flags_ok (q : st) a : Inv q -> In (flags_of q a) all_flags.
Proof.
  intros I. pose proof (v_ok q I a) as H. unfold actor_ok in H. unfold flags_of.
  assert (S0 : source q a = false -> ov q a = false /\ ap q a = false /\ (0 <? gd q a) = false)
    by (unfold source, pressed; rewrite !orb_false_iff; tauto).
  destruct (loc q a); cbn [is_gone].
  1,2,3,4: replace (mu q a) with false by (symmetry; tauto);
    destruct (ov q a), (ap q a), (0 <? gd q a); cbn; tauto.
  - destruct H as (-> & H & _). destruct (S0 H) as (-> & -> & ->). cbn. tauto.
  - destruct H as (-> & H & _). destruct (S0 H) as (-> & -> & ->). cbn. tauto.
Qed.

Definition announces (q : st) w a := exists todo, bc q w = Some (a, todo).

(* What a step does: the flags of a become what fstep says, and a fall is announced iff it says so. *)
Definition agrees (q q' : st) w a e :=
  flags_of q' a = fst (fstep (flags_of q a) e) /\ (announces q' w a <-> snd (fstep (flags_of q a) e) = Fall).

Lemma runs (q : st) w a : Inv q -> act q w = Run a \/ act q w = Beh a -> mu q a = false /\ loc q a = Running w.
Proof.
  intros I H. assert (L : loc q a = Running w) by (apply (v_on q I); unfold on; tauto).
  pose proof (v_ok q I a) as K. unfold actor_ok in K. rewrite L in K. tauto.
Qed.

Lemma lowered_ok (q q0 : st) w a q' : lowered q q0 w a q' -> bc q w = None -> bc q0 = bc q ->
  flags_of q' a = flags_of q0 a /\
  (announces q' w a <-> fpressing (flags_of q a) && negb (fpressing (flags_of q0 a)) = true).
Proof.
  intros L N E. rewrite !of_pressing. destruct L as [H | todo l H1 H2 _].
  - split; [reflexivity |]. unfold announces. rewrite E, N. split; [intros (? & ?); discriminate |].
    intros K. apply andb_prop in K. destruct K as (K1 & K2). apply negb_true_iff in K2. destruct H; congruence.
  - split; [reflexivity |]. rewrite H1, H2. split; [reflexivity |]. intros _. exists todo. cbn. apply upd_same.
Qed.

(* a step that lowers nothing announces nothing *)
Lemma same_bc (q q' : st) w a e : bc q w = None -> bc q' = bc q -> flags_of q' a = fst (fstep (flags_of q a) e) ->
  snd (fstep (flags_of q a) e) <> Fall -> agrees q q' w a e.
Proof.
  intros N E F X. split; [exact F |]. unfold announces. rewrite E, N. split; [intros (? & ?); discriminate | tauto].
Qed.

Lemma ended_ok (q q0 : st) w a q' e : lowered q q0 w a q' -> bc q w = None -> bc q0 = bc q ->
  fstep (flags_of q a) e = ended (flags_of q a) (flags_of q0 a) -> agrees q q' w a e.
Proof.
  intros L N E H. destruct (lowered_ok _ _ _ _ _ L N E) as (F & K). unfold agrees. rewrite H. cbn. split; [exact F |].
  rewrite K. destruct (_ && _); split; congruence.
Qed.

Ltac table q a := unfold flags_of, fstep, set_O, set_A, set_H, set_M; cbn -[Nat.ltb]; rewrite ?upd_same;
  repeat match goal with H : _ = _ |- _ => rewrite H end; cbn -[Nat.ltb];
  try (destruct (ov q a), (ap q a), (0 <? gd q a); cbn; congruence).

Theorem f_apply_ok (q : st) w a : Inv q -> bc q w = None -> act q w = Beh a ->
  agrees q (set_ap q (upd (ap q) a true)) w a FApply.
Proof.
  intros I N H. destruct (runs q w a I (or_intror H)) as (M & L). clear I H. apply same_bc; auto; table q a.
Qed.

Theorem f_release_ok (q : st) w a q' : Inv q -> bc q w = None -> act q w = Beh a ->
  lowered q (set_ap q (upd (ap q) a false)) w a q' -> agrees q q' w a FRelease.
Proof.
  intros I N H Lo. destruct (runs q w a I (or_intror H)) as (M & L). clear I H. destruct (ap q a) eqn:P.
  - apply (ended_ok _ _ _ _ _ _ Lo N eq_refl). table q a.
  - destruct (lowered_ok _ _ _ _ _ Lo N eq_refl) as (F & K). unfold agrees. rewrite F, K. split; table q a.
    destruct (ov q a), (0 <? gd q a); cbn; split; congruence.
Qed.

Theorem f_hold_ok (q : st) w a : Inv q -> bc q w = None -> act q w = Beh a -> gd q a = 0 ->
  agrees q (set_gd q (upd (gd q) a 1)) w a FHold.
Proof.
  intros I N H G. destruct (runs q w a I (or_intror H)) as (M & L). clear I H. apply same_bc; auto;
  unfold flags_of, fstep, set_H; cbn -[Nat.ltb]; rewrite ?upd_same, ?G, ?M, ?L; cbn; destruct (ov q a), (ap q a); cbn; congruence.
Qed.

(* a further guard changes no flag *)
Theorem f_hold_more (q : st) a : gd q a > 0 -> flags_of (set_gd q (upd (gd q) a (S (gd q a)))) a = flags_of q a.
Proof. intros G. unfold flags_of. cbn. rewrite upd_same. destruct (gd q a); [lia | reflexivity]. Qed.

(* only an actor that lives and is not muted has a guard *)
Lemma guarded (q : st) a : Inv q -> gd q a > 0 -> mu q a = false /\ is_gone (loc q a) = false.
Proof.
  intros I G. pose proof (v_ok q I a) as H. unfold actor_ok in H.
  assert (P : source q a = true)
    by (unfold source, pressed; destruct (gd q a); [lia | cbn; rewrite !orb_true_r; reflexivity]).
  destruct (loc q a); cbn; intuition congruence.
Qed.

Theorem f_drop_ok (q : st) w a q' : Inv q -> bc q w = None -> gd q a = 1 ->
  lowered q (set_gd q (upd (gd q) a 0)) w a q' -> agrees q q' w a FDrop.
Proof.
  intros I N G Lo. destruct (guarded q a I) as (M & L); [lia |]. apply (ended_ok _ _ _ _ _ _ Lo N eq_refl).
  unfold flags_of, fstep, set_H. cbn -[Nat.ltb]. rewrite upd_same, M, L, G. reflexivity.
Qed.

(* a guard that is not the last one ends nothing *)
Theorem f_drop_more (q : st) w a q' : bc q w = None -> gd q a > 1 ->
  lowered q (set_gd q (upd (gd q) a (gd q a - 1))) w a q' -> flags_of q' a = flags_of q a /\ ~ announces q' w a.
Proof.
  intros N G Lo. destruct (lowered_ok _ _ _ _ _ Lo N eq_refl) as (F & K).
  assert (E : flags_of (set_gd q (upd (gd q) a (gd q a - 1))) a = flags_of q a).
  { unfold flags_of. cbn. rewrite upd_same. destruct (gd q a) as [| [| n]]; [lia | lia | reflexivity]. }
  rewrite F, E in *. split; [reflexivity |]. rewrite K. destruct (fpressing _); cbn; discriminate.
Qed.

Theorem f_deep_ok (q : st) w a : bc q w = None -> mu q a = false -> loc q a <> Gone ->
  agrees q (set_loc (set_ov q (upd (ov q) a true)) (upd (loc q) a (match loc q a with Asleep => Waking | l => l end))) w a FOverload.
Proof.
  intros N M L. assert (G : is_gone (loc q a) = false) by (destruct (loc q a); auto; congruence).
  assert (G' : is_gone (match loc q a with Asleep => Waking | l => l end) = false) by (destruct (loc q a); auto).
  apply same_bc; auto; unfold flags_of, fstep, set_O; cbn -[Nat.ltb]; rewrite ?upd_same, ?M, ?G, ?G'; cbn -[Nat.ltb];
  destruct (ov q a), (ap q a), (0 <? gd q a); cbn; congruence.
Qed.

Theorem f_full_ok (q : st) w a : Inv q -> bc q w = None -> act q w = Run a ->
  agrees q (set_act (set_loc (set_ov q (upd (ov q) a true)) (upd (loc q) a Waking)) (upd (act q) w Idle)) w a FOverload.
Proof.
  intros I N H. destruct (runs q w a I (or_introl H)) as (M & L). clear I H. apply same_bc; auto; table q a.
Qed.

Theorem f_short_ok (q : st) w a q' : Inv q -> bc q w = None -> act q w = Run a ->
  lowered q (set_act (set_loc (set_ov q (upd (ov q) a false))
      (upd (loc q) a (if mb q a =? 0 then Asleep else Waking))) (upd (act q) w Idle)) w a q' -> agrees q q' w a FCatchUp.
Proof.
  intros I N H Lo. destruct (runs q w a I (or_introl H)) as (M & L). apply (ended_ok _ _ _ _ _ _ Lo N eq_refl).
  unfold flags_of, fstep, set_O. cbn -[Nat.ltb]. rewrite !upd_same, M, L. destruct (mb q a =? 0); reflexivity.
Qed.

Theorem f_mute_ok (q : st) w a : Inv q -> bc q w = None -> act q w = Beh a -> source q a = false ->
  agrees q (set_act (set_loc (set_mu q (upd (mu q) a true)) (upd (loc q) a (Parked w))) (upd (act q) w Idle)) w a FEndMarked
  /\ snd (fstep (flags_of q a) FEndMarked) = Mute.
Proof.
  intros I N H S0. destruct (runs q w a I (or_intror H)) as (M & L).
  assert (E : fstep (flags_of q a) FEndMarked = (set_M (flags_of q a) true, Mute)).
  { unfold fstep. rewrite of_source, S0. unfold flags_of. cbn. rewrite M, L. reflexivity. }
  rewrite E. split; [| reflexivity]. apply same_bc; auto; rewrite E; [| discriminate].
  unfold flags_of, set_M. cbn. rewrite !upd_same, L. reflexivity.
Qed.

Theorem f_done_ok (q : st) w a : Inv q -> bc q w = None -> act q w = Beh a -> source q a = true ->
  agrees q (set_act (set_mm q (drop_of a (mm q))) (upd (act q) w (Run a))) w a FEndMarked
  /\ snd (fstep (flags_of q a) FEndMarked) = DropMarks.
Proof.
  intros I N H S1. destruct (runs q w a I (or_intror H)) as (M & L).
  assert (E : fstep (flags_of q a) FEndMarked = (flags_of q a, DropMarks)).
  { unfold fstep. rewrite of_source, S1. unfold flags_of. cbn. rewrite M, L. reflexivity. }
  rewrite E. split; [| reflexivity]. apply same_bc; auto; rewrite E; [reflexivity | discriminate].
Qed.

Theorem f_free_ok (q : st) w a todo l : Inv q -> hand q w a = true ->
  agrees q (set_bc (set_hand (set_loc (set_mu (set_mm q l) (upd (mu q) a false)) (upd (loc q) a Waking))
      (upd (hand q) w (upd (hand q w) a false))) (upd (bc q) w (Some (a, todo)))) w a FFree.
Proof.
  intros I H. destruct (v_hand q I w a H) as (L & _). pose proof (v_ok q I a) as K. unfold actor_ok in K. rewrite L in K.
  destruct K as (M & S0 & _). unfold source, pressed in S0. rewrite !orb_false_iff in S0. destruct S0 as (S1 & S2 & S3).
  unfold agrees, announces, flags_of, fstep. cbn -[Nat.ltb]. rewrite !upd_same, L, M, S1, S2, S3. cbn.
  split; [reflexivity |]. split; [reflexivity | eauto].
Qed.

(* R8, for both ways in which an actor ends *)
Lemma ends (q q0 : st) w a q' : lowered q q0 w a q' -> bc q w = None -> bc q0 = bc q -> is_gone (loc q a) = false ->
  flags_of q0 a = gone -> agrees q q' w a FStop.
Proof.
  intros Lo N E L G. apply (ended_ok _ _ _ _ _ _ Lo N E). rewrite G. unfold fstep, flags_of. cbn -[Nat.ltb]. rewrite L.
  destruct (mu q a); reflexivity.
Qed.

Theorem f_stop_ok (q : st) w a q' : Inv q -> bc q w = None -> act q w = Run a \/ act q w = Beh a ->
  lowered q (set_act (killed q w a) (upd (act q) w Idle)) w a q' -> agrees q q' w a FStop.
Proof.
  intros I N H Lo. destruct (runs q w a I H) as (M & L). apply (ends _ _ _ _ _ Lo N eq_refl); [rewrite L; reflexivity |].
  unfold flags_of. cbn. rewrite !upd_same. reflexivity.
Qed.

Theorem f_kill_ok (q : st) w a q' : bc q w = None -> loc q a = Asleep \/ loc q a = Queued \/ loc q a = Parked w ->
  lowered q (killed q w a) w a q' -> agrees q q' w a FStop.
Proof.
  intros N H Lo. apply (ends _ _ _ _ _ Lo N eq_refl); [destruct H as [-> | [-> | ->]]; reflexivity |].
  unfold flags_of. cbn. rewrite !upd_same. reflexivity.
Qed.

(* R2: a send to another marks its sender iff fmarks says so of the flags of both *)
Theorem f_look_ok (q : st) w a b : a <> b -> ~ In (Mk w b a) (mm q) ->
  (In (Mk w b a) (look q w a b) <-> fmarks (flags_of q a) (flags_of q b) = true).
Proof.
  intros N H. unfold fmarks, look. rewrite of_pressing, of_source. destruct (eqd a b); [contradiction |]. cbn.
  destruct (pressing q b && negb (source q a)) eqn:E.
  - split; auto. intros _. apply add_in. auto.
  - split; [contradiction | discriminate].
Qed.
End Agree.
