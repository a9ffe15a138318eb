(* The single-threaded runtime: one worker, and a fall is carried out at once, with all that follows from it. It is
   written here as a transition system of its own, without inboxes, announcements, hands or wake-ups in flight, and
   proved to be a special case of the system of System.v (`single_refines`): each of its steps is a sequence of steps
   there. So T1 to T8 hold for it too; T1, T2, T4, T5 and T7 are spelled out at the end, where "in flight" is gone. *)
Require Import List Arith Lia Bool Permutation Relations.
Import ListNotations.
From Backwater Require Import System Invariant Theorems.

#[global] Instance unit_eq : EqDec unit.
Proof. intros [] []. left. reflexivity. Defined.

Section Single.
Variable A : Type.
Context {EA : EqDec A}.
Notation mark := (mark A unit).

(* Locations and marks are those of System.v with the one worker tt. *)
Record sst := mks {
  sov : A -> bool; sap : A -> bool; sgd : A -> nat; smu : A -> bool; smb : A -> nat;
  sloc : A -> Loc unit; srq : list A; smm : list mark; sact : Act A }.

Definition spressed s a := sap s a || (0 <? sgd s a).
Definition ssource s a := sov s a || spressed s a.
Definition spressing s a := ssource s a || smu s a.

(* R2 *)
Definition slook s a b :=
  if (if eqd a b then false else true) && spressing s b && negb (ssource s a) then add (Mk tt b a) (smm s) else smm s.

(* R1: the receiver is queued at once if it was asleep *)
Definition senqueue s b :=
  match sloc s b with
  | Gone => s
  | Asleep => mks (sov s) (sap s) (sgd s) (smu s) (upd (smb s) b (S (smb s b))) (upd (sloc s) b Queued) (b :: srq s)
                (smm s) (sact s)
  | _ => mks (sov s) (sap s) (sgd s) (smu s) (upd (smb s) b (S (smb s b))) (sloc s) (srq s) (smm s) (sact s)
  end.

Definition with_act s x := mks (sov s) (sap s) (sgd s) (smu s) (smb s) (sloc s) (srq s) (smm s) x.
Definition with_loc s f := mks (sov s) (sap s) (sgd s) (smu s) (smb s) f (srq s) (smm s) (sact s).
Definition with_rq s x := mks (sov s) (sap s) (sgd s) (smu s) (smb s) (sloc s) x (smm s) (sact s).
Definition with_mm s x := mks (sov s) (sap s) (sgd s) (smu s) (smb s) (sloc s) (srq s) x (sact s).
Definition with_ov s f := mks f (sap s) (sgd s) (smu s) (smb s) (sloc s) (srq s) (smm s) (sact s).
Definition with_ap s f := mks (sov s) f (sgd s) (smu s) (smb s) (sloc s) (srq s) (smm s) (sact s).
Definition with_gd s f := mks (sov s) (sap s) f (smu s) (smb s) (sloc s) (srq s) (smm s) (sact s).
Definition with_mu s f := mks (sov s) (sap s) (sgd s) f (smb s) (sloc s) (srq s) (smm s) (sact s).
Definition with_mb s f := mks (sov s) (sap s) (sgd s) (smu s) f (sloc s) (srq s) (smm s) (sact s).

(* R6: a is no longer muted and is runnable *)
Definition free1 s a :=
  mks (sov s) (sap s) (sgd s) (upd (smu s) a false) (smb s) (upd (sloc s) a Queued) (a :: srq s) (smm s) (sact s).

(* who is freed when the marks on r go: the muted senders that have a mark on r and on nobody else *)
Definition freed_by s r (f : list A) := NoDup f /\
  forall a, In a f <-> smu s a = true /\ In (Mk tt r a) (smm s) /\ marked a (drop_on tt r (smm s)) = false.

(* R6: the falls in the list are carried out, one after the other; each may add falls. In which order is left open
   (the runtime takes creation order). *)
Inductive settle : list A -> sst -> sst -> Prop :=
| settle_none s : settle [] s s
| settle_one r l f l' s s' : freed_by s r f -> Permutation l' (f ++ l) ->
    settle l' (fold_left free1 f (with_mm s (drop_on tt r (smm s)))) s' -> settle (r :: l) s s'.

(* s0 is s with some flags of r lowered *)
Inductive slowered (s s0 : sst) (r : A) : sst -> Prop :=
| sl_none : spressing s r = false \/ spressing s0 r = true -> slowered s s0 r s0
| sl_fall s' : spressing s r = true -> spressing s0 r = false -> settle [r] s0 s' -> slowered s s0 r s'.

(* R8 *)
Definition skilled s a :=
  mks (upd (sov s) a false) (upd (sap s) a false) (upd (sgd s) a 0) (upd (smu s) a false) (upd (smb s) a 0)
    (upd (sloc s) a Gone) (remove eqd a (srq s)) (drop_of a (smm s)) (sact s).

Inductive sstep (s : sst) : sst -> Prop :=
| d_begin a : sact s = Idle -> In a (srq s) ->
    sstep s (with_act (with_rq (with_loc s (upd (sloc s) a (Running tt))) (remove eqd a (srq s))) (Run a))
| d_take a : sact s = Run a -> smb s a > 0 ->
    sstep s (with_act (with_mb s (upd (smb s) a (smb s a - 1))) (Beh a))
| d_send a b : sact s = Beh a -> sstep s (senqueue (with_mm s (slook s a b)) b)
| d_control a b : sact s = Beh a -> sstep s (senqueue s b)
| d_event b : sstep s (senqueue s b)
| d_apply a : sact s = Beh a -> sstep s (with_ap s (upd (sap s) a true))
| d_release a s' : sact s = Beh a -> slowered s (with_ap s (upd (sap s) a false)) a s' -> sstep s s'
| d_hold a : sact s = Beh a -> sstep s (with_gd s (upd (sgd s) a (S (sgd s a))))
| d_drop a s' : sgd s a > 0 -> slowered s (with_gd s (upd (sgd s) a (sgd s a - 1))) a s' -> sstep s s'
| d_deep a : smu s a = false -> sloc s a <> Asleep -> sloc s a <> Gone -> sstep s (with_ov s (upd (sov s) a true))
| d_low a s' : sact s = Run a \/ sact s = Beh a -> slowered s (with_ov s (upd (sov s) a false)) a s' -> sstep s s'
| d_mute a : sact s = Beh a -> ssource s a = false -> marked a (smm s) = true ->
    sstep s (with_act (with_loc (with_mu s (upd (smu s) a true)) (upd (sloc s) a (Parked tt))) Idle)
| d_done a : sact s = Beh a -> ssource s a = true \/ marked a (smm s) = false ->
    sstep s (with_act (with_mm s (drop_of a (smm s))) (Run a))
| d_full a : sact s = Run a ->
    sstep s (with_act (with_rq (with_loc (with_ov s (upd (sov s) a true)) (upd (sloc s) a Queued)) (a :: srq s)) Idle)
(* a short run: overload ends, the fall is carried out, then the actor sleeps or is queued again *)
| d_sleep a s' : sact s = Run a -> slowered s (with_ov s (upd (sov s) a false)) a s' -> smb s' a = 0 ->
    sstep s (with_act (with_loc s' (upd (sloc s') a Asleep)) Idle)
| d_again a s' : sact s = Run a -> slowered s (with_ov s (upd (sov s) a false)) a s' -> smb s' a > 0 ->
    sstep s (with_act (with_rq (with_loc s' (upd (sloc s') a Queued)) (a :: srq s')) Idle)
| d_stop a s' : sact s = Run a \/ sact s = Beh a -> slowered s (with_act (skilled s a) Idle) a s' -> sstep s s'
| d_kill a s' : sloc s a = Asleep \/ sloc s a = Queued \/ sloc s a = Parked tt -> slowered s (skilled s a) a s' -> sstep s s'
| d_reuse a : sloc s a = Gone -> sstep s (with_loc s (upd (sloc s) a Asleep)).

Definition sinit s :=
  (forall a, sov s a = false /\ sap s a = false /\ sgd s a = 0 /\ smu s a = false /\ smb s a = 0 /\ sloc s a = Asleep) /\
  srq s = [] /\ smm s = [] /\ sact s = Idle.

Inductive sreach : sst -> Prop :=
| sr_init s : sinit s -> sreach s
| sr_step s s' : sreach s -> sstep s s' -> sreach s'.

(* ---- a state of the general system that stands for s: the falls in l wait in the inbox, the senders in f in the hand ---- *)
Record rel (l f : list A) (s : sst) (q : st A unit) : Prop := {
  e_ov : forall a, ov q a = sov s a; e_ap : forall a, ap q a = sap s a; e_gd : forall a, gd q a = sgd s a;
  e_mu : forall a, mu q a = smu s a; e_mb : forall a, mb q a = smb s a; e_loc : forall a, loc q a = sloc s a;
  e_rq : rq q = srq s; e_mm : mm q = smm s; e_act : act q tt = sact s; e_bc : bc q tt = None;
  e_in : forall r, inbox q tt r = count_occ eqd l r;
  e_hand : forall a, hand q tt a = true <-> In a f;
  e_wk : forall a, sloc s a <> Waking;
  e_snd : forall a b, sact s <> Snd a b }.
Definition sim := rel [] [].

Lemma ss_trans (q q1 q2 : st A unit) : steps q q1 -> steps q1 q2 -> steps q q2.
Proof. induction 1; intros; auto. eapply ss_more; eauto. Qed.
Lemma ss_one (q q1 : st A unit) : step q q1 -> steps q q1.
Proof. intros. eapply ss_more; [eassumption | apply ss_none]. Qed.

Lemma e_source l f s q a : rel l f s q -> source q a = ssource s a.
Proof. intros []. unfold source, ssource, pressed, spressed. rewrite e_ov0, e_ap0, e_gd0. reflexivity. Qed.
Lemma e_pressing l f s q a : rel l f s q -> pressing q a = spressing s a.
Proof. intros H. unfold pressing, spressing. rewrite (e_source _ _ _ _ _ H), (e_mu _ _ _ _ H). reflexivity. Qed.
Lemma e_look l f s q a b : rel l f s q -> look q tt a b = slook s a b.
Proof.
  intros H. unfold look, slook.
  rewrite (e_source _ _ _ _ _ H), (e_pressing _ _ _ _ _ H), (e_mm _ _ _ _ H). reflexivity.
Qed.

Lemma rel_perm l l' f s q : Permutation l' l -> rel l f s q -> rel l' f s q.
Proof.
  intros P []. split; auto. intros r. rewrite e_in0. symmetry. apply (Permutation_count_occ eqd). exact P.
Qed.

Definition everyone : unit -> bool := fun _ => true.

(* the one worker tells itself *)
Lemma announce_sim (q : st A unit) r : bc q tt = Some (r, everyone) -> exists q', steps q q' /\
  (ov q' = ov q /\ ap q' = ap q /\ gd q' = gd q /\ mu q' = mu q) /\
  (mb q' = mb q /\ loc q' = loc q /\ rq q' = rq q /\ mm q' = mm q) /\
  act q' = act q /\ hand q' = hand q /\ bc q' tt = None /\ inbox q' tt = upd (inbox q tt) r (S (inbox q tt r)).
Proof.
  intros B. eexists. split.
  - eapply ss_more; [eapply s_tell with (t := tt); [exact B | reflexivity] |].
    apply ss_one. eapply s_told; [cbn; apply upd_same |]. intros []. apply upd_same.
  - repeat split.
Qed.

Lemma push_sim (q : st A unit) a : loc q a = Waking ->
  step q (set_rq (set_loc q (upd (loc q) a Queued)) (a :: rq q)).
Proof. intros. apply s_push. assumption. Qed.

Ltac pw := intros; cbn; unfold upd; repeat match goal with |- context [@eqd _ _ ?x ?y] => destruct (@eqd _ _ x y); subst end.

Lemma free_sim f : forall l s q, rel l f s q -> NoDup f ->
  exists q', steps q q' /\ rel (f ++ l) [] (fold_left free1 f s) q'.
Proof.
  induction f as [| a f IH]; intros l s q H N; cbn.
  - exists q. split; [apply ss_none | exact H].
  - inversion N as [| x y Na Nf]; subst.
    set (q1 := set_bc (set_hand (set_loc (set_mu (set_mm q (mm q)) (upd (mu q) a false)) (upd (loc q) a Waking))
      (upd (hand q) tt (upd (hand q tt) a false))) (upd (bc q) tt (Some (a, everyone)))).
    assert (S1 : step q q1).
    { apply s_free; [apply H | apply (e_hand _ _ _ _ H); left; reflexivity | apply left_all; reflexivity]. }
    set (q2 := set_rq (set_loc q1 (upd (loc q1) a Queued)) (a :: rq q1)).
    assert (S2 : step q1 q2) by (exact (push_sim q1 a (upd_same _ _ _))).
    destruct (announce_sim q2 a) as (q3 & S3 & (X1 & X2 & X3 & X4) & (X5 & X6 & X7 & X8) & Ea & Eh & Eb & Ei); [apply upd_same |].
    assert (R : rel (a :: l) f (free1 s a) q3).
    { destruct H. split; intros.
      - rewrite X1. apply e_ov0.
      - rewrite X2. apply e_ap0.
      - rewrite X3. apply e_gd0.
      - rewrite X4. cbn. unfold upd. destruct (eqd a0 a); auto.
      - rewrite X5. apply e_mb0.
      - rewrite X6. cbn. unfold upd. destruct (eqd a0 a); auto.
      - rewrite X7. cbn. congruence.
      - rewrite X8. exact e_mm0.
      - rewrite Ea. exact e_act0.
      - exact Eb.
      - rewrite Ei. cbn. unfold upd. rewrite !e_in0. destruct (eqd r a), (eqd a r); subst; congruence.
      - rewrite Eh. cbn. unfold upd. destruct (eqd a0 a) as [-> | Ne].
        + split; [discriminate | contradiction].
        + rewrite e_hand0. cbn. intuition congruence.
      - cbn. unfold upd. destruct (eqd a0 a); [discriminate | apply e_wk0].
      - apply e_snd0. }
    destruct (IH _ _ _ R Nf) as (q4 & S4 & R4). exists q4. split.
    + eapply ss_more; [exact S1 |]. eapply ss_more; [exact S2 |]. eapply ss_trans; eassumption.
    + eapply rel_perm; [| exact R4]. apply Permutation_middle.
Qed.

Lemma settle_sim l s s' : settle l s s' -> forall q, rel l [] s q -> exists q', steps q q' /\ sim s' q'.
Proof.
  induction 1 as [s | r l f l' s s' (Nf & F) P _ IH]; intros q R.
  - exists q. split; [apply ss_none | exact R].
  - pose proof R as [].
    assert (S1 := @s_read A unit _ _ q tt r e_bc0 ltac:(rewrite e_in0; cbn; destruct (eqd r r); [lia | congruence])).
    match type of S1 with step q ?x => set (q1 := x) in * end.
    assert (R1 : rel l f (with_mm s (drop_on tt r (smm s))) q1).
    { split; intros; cbn; auto.
      - rewrite e_mm0. reflexivity.
      - unfold upd. rewrite !e_in0. cbn. destruct (eqd r0 r) as [-> | N]; [destruct (eqd r r) | destruct (eqd r r0)];
        try congruence; lia.
      - rewrite F, e_mm0, e_mu0. rewrite orb_true_iff, !andb_true_iff, negb_true_iff, has_in, e_hand0.
        cbn. tauto. }
    destruct (free_sim f _ _ _ R1 Nf) as (q2 & S2 & R2).
    destruct (IH q2) as (q3 & S3 & R3).
    + eapply rel_perm; [exact P | exact R2].
    + exists q3. split; auto. eapply ss_more; [exact S1 |]. eapply ss_trans; eassumption.
Qed.

(* a step of the general system that lowers flags, and what follows from it *)
Lemma lowered_sim s s0 r s' q q0 : slowered s s0 r s' -> sim s q -> sim s0 q0 ->
  (forall q', lowered q q0 tt r q' -> step q q') -> exists q', steps q q' /\ sim s' q'.
Proof.
  intros L H H0 St. destruct L as [N | s' P P' Se].
  - exists q0. split; auto. apply ss_one, St, low_none.
    rewrite (e_pressing _ _ _ _ _ H), (e_pressing _ _ _ _ _ H0). exact N.
  - assert (S1 : step q (set_bc (set_mm q0 (mm q0)) (upd (bc q0) tt (Some (r, everyone))))).
    { apply St, low_fall; [rewrite (e_pressing _ _ _ _ _ H); exact P | rewrite (e_pressing _ _ _ _ _ H0); exact P' |].
      apply left_all. reflexivity. }
    match type of S1 with step q ?x => set (q1 := x) in * end.
    destruct (announce_sim q1 r) as (q2 & S2 & (X1 & X2 & X3 & X4) & (X5 & X6 & X7 & X8) & Ea & Eh & Eb & Ei); [apply upd_same |].
    assert (R : rel [r] [] s0 q2).
    { destruct H0. split; intros.
      - rewrite X1. apply e_ov0.
      - rewrite X2. apply e_ap0.
      - rewrite X3. apply e_gd0.
      - rewrite X4. apply e_mu0.
      - rewrite X5. apply e_mb0.
      - rewrite X6. apply e_loc0.
      - rewrite X7. exact e_rq0.
      - rewrite X8. exact e_mm0.
      - rewrite Ea. exact e_act0.
      - exact Eb.
      - rewrite Ei. cbn. unfold upd. rewrite !e_in0. cbn. destruct (eqd r0 r), (eqd r r0); subst; congruence.
      - rewrite Eh. apply e_hand0.
      - apply e_wk0.
      - apply e_snd0. }
    destruct (settle_sim _ _ _ Se _ R) as (q3 & S3 & R3). exists q3. split; auto.
    eapply ss_more; [exact S1 |]. eapply ss_trans; eassumption.
Qed.

Lemma enqueue_sim s q b : sim s q -> exists q', steps (enqueue q b) q' /\ sim (senqueue s b) q'.
Proof.
  intros H. pose proof H as []. unfold senqueue. destruct (sloc s b) eqn:L.
  - eexists. split.
    + apply ss_one, push_sim with (a := b). cbn. rewrite upd_same, e_loc0, L. reflexivity.
    + split; cbn; auto; intros; try congruence; unfold upd; destruct (eqd a b); subst; rewrite ?e_loc0, ?e_mb0, ?L; auto; discriminate.
  - destruct (e_wk0 b L).
  - exists (enqueue q b). split; [apply ss_none |].
    split; cbn; auto; intros; unfold upd; destruct (eqd a b); subst; rewrite ?e_loc0, ?e_mb0, ?L; auto.
  - exists (enqueue q b). split; [apply ss_none |].
    split; cbn; auto; intros; unfold upd; destruct (eqd a b); subst; rewrite ?e_loc0, ?e_mb0, ?L; auto.
  - exists (enqueue q b). split; [apply ss_none |].
    split; cbn; auto; intros; unfold upd; destruct (eqd a b); subst; rewrite ?e_loc0, ?e_mb0, ?L; auto.
  - exists (enqueue q b). split; [apply ss_none |].
    split; cbn; auto; intros; unfold upd; destruct (eqd a b); subst; rewrite ?e_loc0, ?e_mb0, ?L; auto.
Qed.

Ltac same H := destruct H; split; cbn; auto; intros; rewrite ?upd_same; unfold upd;
  repeat match goal with |- context [@eqd _ _ ?x ?y] => destruct (@eqd _ _ x y); subst end; auto; try congruence;
  try (split; [discriminate | contradiction]);
  try match goal with K : forall a, hand _ tt a = true <-> _ |- _ => apply K end.

(* what a settled fall leaves alone *)
Lemma free_keeps f : forall s, sov (fold_left free1 f s) = sov s /\ sact (fold_left free1 f s) = sact s.
Proof. induction f as [| a f IH]; intros s; cbn; auto. destruct (IH (free1 s a)) as (-> & ->). auto. Qed.

Lemma settle_keeps l s s' : settle l s s' -> sov s' = sov s /\ sact s' = sact s.
Proof.
  induction 1 as [| r l f l' s s' _ _ _ (-> & ->)]; auto.
  destruct (free_keeps f (with_mm s (drop_on tt r (smm s)))) as (-> & ->). auto.
Qed.

Lemma slowered_keeps s s0 r s' : slowered s s0 r s' -> sov s' = sov s0 /\ sact s' = sact s0.
Proof. intros [|]; auto. eapply settle_keeps; eauto. Qed.

(* the end of a short run, once the overload has ended *)
Lemma short_sim s q a : sim s q -> sact s = Run a -> sov s a = false ->
  step q (set_act (set_loc (set_ov q (upd (ov q) a false)) (upd (loc q) a (if mb q a =? 0 then Asleep else Waking)))
    (upd (act q) tt Idle)).
Proof.
  intros H E O. pose proof H as []. eapply s_short with (w := tt) (a := a); [exact e_bc0 | congruence |]. apply low_none.
  destruct (pressing q a) eqn:P; [right | left; reflexivity]. revert P.
  unfold pressing, source, pressed. cbn. rewrite upd_same, e_ov0, O. auto.
Qed.

(* Each step of the single-threaded runtime is a sequence of steps of the general system. *)
Theorem single_refines s s' q : sstep s s' -> sim s q -> exists q', steps q q' /\ sim s' q'.
Proof.
  intros St H. pose proof H as [].
  destruct St as [a E R | a E M | a b E | a b E | b | a E | a s' E L | a E | a s' G L | a M G | a s' E L | a E S0 Mk0
    | a E S0 | a E | a s' E L Z | a s' E L Z | a s' E L | a s' E L | a L].
  - eexists. split; [apply ss_one, s_begin with (w := tt) (a := a); congruence | same H].
  - eexists. split; [apply ss_one, s_take with (w := tt) (a := a); congruence | same H].
  - assert (S1 : step q (set_act (set_mm q (look q tt a b)) (upd (act q) tt (Snd a b)))) by (apply s_look; congruence).
    match type of S1 with step q ?x => set (q1 := x) in * end.
    assert (S2 : step q1 (set_act (enqueue q1 b) (upd (act q1) tt (Beh a)))) by (apply s_put; [exact e_bc0 | apply upd_same]).
    set (q2 := set_act q1 (upd (act q1) tt (Beh a))).
    destruct (enqueue_sim (with_mm s (slook s a b)) q2 b) as (q3 & S3 & R3).
    { pose proof (e_look _ _ _ _ a b H) as El. same H. }
    exists q3. split; auto. eapply ss_more; [exact S1 |]. eapply ss_more; [exact S2 |]. exact S3.
  - destruct (enqueue_sim s q b H) as (q1 & S1 & R1). exists q1. split; auto.
    eapply ss_more; [| exact S1]. apply s_control with (w := tt) (a := a); congruence.
  - destruct (enqueue_sim s q b H) as (q1 & S1 & R1). exists q1. split; auto.
    eapply ss_more; [| exact S1]. apply s_event.
  - eexists. split; [apply ss_one, s_apply with (w := tt) (a := a); congruence | same H].
  - eapply lowered_sim; [exact L | exact H | |].
    2: intros q' Lq; eapply s_release with (w := tt) (a := a); [exact e_bc0 | congruence | exact Lq].
    same H.
  - eexists. split; [apply ss_one, s_hold with (w := tt) (a := a); congruence | same H].
  - eapply lowered_sim; [exact L | exact H | |].
    2: intros q' Lq; eapply s_drop with (w := tt) (a := a); [exact e_bc0 | congruence | exact Lq].
    same H.
  - eexists. split; [apply ss_one, s_deep with (a := a); congruence |].
    same H; rewrite e_loc0; destruct (sloc s a); congruence.
  - eapply lowered_sim; [exact L | exact H | |].
    2: intros q' Lq; eapply s_low with (w := tt) (a := a); [exact e_bc0 | rewrite e_act0; exact E | exact Lq].
    same H.
  - eexists. split; [apply ss_one, s_mute with (w := tt) (a := a); try congruence; rewrite (e_source _ _ _ _ _ H); exact S0 | same H].
  - eexists. split; [apply ss_one, s_done with (w := tt) (a := a); try congruence; rewrite (e_source _ _ _ _ _ H), e_mm0; exact S0 | same H].
  - eexists. split.
    + eapply ss_more; [apply s_full with (w := tt) (a := a); congruence |].
      apply ss_one, push_sim with (a := a). cbn. apply upd_same.
    + same H.
  - destruct (slowered_keeps _ _ _ _ L) as (Ko & Ka). cbn in Ko, Ka.
    assert (X : exists q', steps q q' /\ sim s' q').
    { eapply lowered_sim; [exact L | exact H | |].
      2: intros q' Lq; eapply s_low with (w := tt) (a := a); [exact e_bc0 | left; congruence | exact Lq].
      same H. }
    destruct X as (q1 & S1 & R1). eexists. split.
    + eapply ss_trans; [exact S1 |]. apply ss_one. apply short_sim with (s := s') (a := a); [exact R1 | congruence |].
      rewrite Ko. apply upd_same.
    + rewrite (e_mb _ _ _ _ R1), Z. assert (sov s' a = false) by (rewrite Ko; apply upd_same). same R1.
  - destruct (slowered_keeps _ _ _ _ L) as (Ko & Ka). cbn in Ko, Ka.
    assert (X : exists q', steps q q' /\ sim s' q').
    { eapply lowered_sim; [exact L | exact H | |].
      2: intros q' Lq; eapply s_low with (w := tt) (a := a); [exact e_bc0 | left; congruence | exact Lq].
      same H. }
    destruct X as (q1 & S1 & R1). eexists. split.
    + eapply ss_trans; [exact S1 |]. eapply ss_more; [apply short_sim with (s := s') (a := a); [exact R1 | congruence |] |].
      * rewrite Ko. apply upd_same.
      * apply ss_one, push_sim with (a := a). cbn. rewrite upd_same, (e_mb _ _ _ _ R1).
        destruct (smb s' a); [lia | reflexivity].
    + assert (sov s' a = false) by (rewrite Ko; apply upd_same). same R1.
  - eapply lowered_sim; [exact L | exact H | |].
    2: intros q' Lq; eapply s_stop with (w := tt) (a := a); [exact e_bc0 | rewrite e_act0; exact E | exact Lq].
    same H.
  - eapply lowered_sim; [exact L | exact H | |].
    2: intros q' Lq; eapply s_kill with (w := tt) (a := a); [exact e_bc0 | rewrite e_loc0; exact E | exact Lq].
    same H.
  - eexists. split; [apply ss_one, s_reuse with (a := a); congruence | same H].
Qed.

Lemma single_init s : sinit s -> exists q, init q /\ sim s q.
Proof.
  intros (H & Hr & Hm & Ha).
  exists (mk (sov s) (sap s) (sgd s) (smu s) (smb s) (sloc s) (srq s) (smm s) (fun _ => sact s) (fun _ => None)
    (fun _ _ => 0) (fun _ _ => false)). split.
  - split; [exact H |]. cbn. auto 8.
  - split; cbn; auto.
    + intros a. split; [discriminate | contradiction].
    + intros a. destruct (H a) as (_ & _ & _ & _ & _ & ->). discriminate.
    + intros a b. rewrite Ha. discriminate.
Qed.

Theorem single_reach s : sreach s -> exists q, reach q /\ sim s q.
Proof.
  induction 1 as [s H | s s' _ (q & R & Q) St].
  - destruct (single_init s H) as (q & I & Q). exists q. split; auto. apply r_init. exact I.
  - destruct (single_refines s s' q St Q) as (q' & S1 & Q'). exists q'. split; auto.
    clear - R S1. induction S1 as [| q q1 q2 St S1 IH]; auto. apply IH. eapply r_step; eauto.
Qed.

(* ---- the falls that follow from a fall come to an end ---- *)
Lemma filter_both {X} (p : X -> bool) l : length (filter p l) + length (filter (fun x => negb (p x)) l) = length l.
Proof. induction l as [| x l IH]; cbn; auto. destruct (p x); cbn; lia. Qed.

Lemma freed_exists s r : exists f, freed_by s r f /\ length f + length (drop_on tt r (smm s)) <= length (smm s).
Proof.
  set (c := map of_s (filter (ison tt r) (smm s))).
  set (p := fun a => smu s a && negb (marked a (drop_on tt r (smm s)))).
  exists (filter p (nodup eqd c)). split; [split |].
  - apply NoDup_filter, NoDup_nodup.
  - intros a. rewrite filter_In, nodup_In. unfold p. rewrite andb_true_iff, negb_true_iff.
    assert (E : In a c <-> In (Mk tt r a) (smm s)).
    { unfold c. rewrite in_map_iff. split.
      - intros ([[] r' a'] & Ea & H). cbn in Ea. subst. apply filter_In in H. unfold ison in H. cbn in H.
        destruct H as (H & K). destruct (eqd r' r); [subst; exact H | discriminate].
      - intros H. exists (Mk tt r a). split; auto. apply filter_In. split; auto. unfold ison. cbn. destruct (eqd r r); congruence. }
    rewrite E. tauto.
  - assert (length (filter p (nodup eqd c)) <= length c).
    { apply NoDup_incl_length; [apply NoDup_filter, NoDup_nodup |]. intros a H. apply filter_In in H. apply (nodup_In eqd). tauto. }
    assert (Lc : length c = length (filter (ison tt r) (smm s))) by (unfold c; apply map_length).
      pose proof (filter_both (ison tt r) (smm s)). unfold drop_on. lia.
Qed.

Lemma free_mm f : forall s, smm (fold_left free1 f s) = smm s.
Proof. induction f as [| a f IH]; intros s; cbn; auto. rewrite IH. reflexivity. Qed.

(* A fall can always be carried out to its end, however long the cascade. *)
Theorem settle_total : forall l s, exists s', settle l s s'.
Proof.
  assert (H : forall n l s, 2 * length (smm s) + length l <= n -> exists s', settle l s s').
  { induction n as [| n IH]; intros l s Hn.
    - destruct l; [| cbn in Hn; lia]. eexists. apply settle_none.
    - destruct l as [| r l]; [eexists; apply settle_none |]. destruct (freed_exists s r) as (f & F & Lf).
      destruct (IH (f ++ l) (fold_left free1 f (with_mm s (drop_on tt r (smm s))))) as (s' & S').
      + rewrite free_mm, app_length. cbn in *. lia.
      + exists s'. eapply settle_one; [exact F | apply Permutation_refl | exact S']. }
  intros l s. eapply H. reflexivity.
Qed.

(* ---- the theorems for the single-threaded runtime, where nothing is ever in flight between two steps ---- *)
Lemma sim_flight s q w r : sim s q -> ~ flight q w r.
Proof.
  intros [] [F | ([] & todo & F & _)]; [| congruence]. destruct w. rewrite e_in0 in F. cbn in F. lia.
Qed.

(* a mark means that its receiver is pressing now *)
Theorem single_T1 s r a : sreach s -> In (Mk tt r a) (smm s) -> spressing s r = true.
Proof.
  intros R H. destruct (single_reach s R) as (q & Rq & Q). rewrite <- (e_pressing _ _ _ _ _ Q).
  destruct (T1 q tt r a Rq) as [P | F]; auto; [rewrite (e_mm _ _ _ _ Q); exact H |]. destruct (sim_flight _ _ _ _ Q F).
Qed.

Theorem single_T2 s a : sreach s -> smu s a = true -> ssource s a = false.
Proof.
  intros R H. destruct (single_reach s R) as (q & Rq & Q). rewrite <- (e_source _ _ _ _ _ Q).
  unfold source. apply orb_false_iff. apply T2; auto. rewrite (e_mu _ _ _ _ Q). exact H.
Qed.

(* an actor that is not muted and has a message is in the queue or is the one that runs *)
Theorem single_T5 s a : sreach s -> smu s a = false -> smb s a > 0 \/ sov s a = true ->
  In a (srq s) \/ sact s = Run a \/ sact s = Beh a.
Proof.
  intros R M H. destruct (single_reach s R) as (q & Rq & Q).
  assert (Sc : scheduled q a) by (apply T5; rewrite ?(e_mu _ _ _ _ Q), ?(e_mb _ _ _ _ Q), ?(e_ov _ _ _ _ Q); auto).
  destruct Sc as [L | [I | ([] & O)]].
  - rewrite (e_loc _ _ _ _ Q) in L. destruct (e_wk _ _ _ _ Q a L).
  - left. rewrite <- (e_rq _ _ _ _ Q). exact I.
  - right. unfold on in O. rewrite (e_act _ _ _ _ Q) in O. destruct O as [O | [O | (b & O)]]; auto.
    destruct (e_snd _ _ _ _ Q a b O).
Qed.

(* no actor runs, none is in the queue *)
Definition squiet s := sact s = Idle /\ srq s = [].
Definition sculprit s r := spressed s r = true /\ sloc s r = Asleep /\ smb s r = 0.
(* a has a mark on r *)
Definition sheld s a r := In (Mk tt r a) (smm s).

Lemma sim_quiet s q : sim s q -> squiet s -> quiet q.
Proof.
  intros Q (Ea & Er). pose proof Q as []. split; [| split].
  - intros []. rewrite e_act0. split; [exact Ea |]. split; [exact e_bc0 |]. intros a. split; [apply e_in0 |].
    destruct (hand q tt a) eqn:H; auto. apply e_hand0 in H. destruct H.
  - congruence.
  - intros a. rewrite e_loc0. apply e_wk0.
Qed.

Lemma sim_held s q : sim s q -> forall a r, held q a r <-> sheld s a r.
Proof.
  intros Q a r. unfold held, sheld. rewrite (e_mm _ _ _ _ Q). split; [intros ([] & H); exact H | exists tt; assumption].
Qed.

Lemma sim_culprit s q r : sim s q -> culprit q r -> sculprit s r.
Proof.
  intros [] (P & L & M). unfold sculprit, spressed. rewrite <- e_ap0, <- e_gd0, <- e_loc0, <- e_mb0. auto.
Qed.

Lemma sim_waits s q : sim s q -> forall a r, waits q a r <-> sheld s a r.
Proof.
  intros Q a r. rewrite <- (sim_held s q Q). split.
  - intros (w & H & _). exists w. exact H.
  - intros (w & H). exists w. split; [exact H | apply (sim_flight s q w r Q)].
Qed.

Lemma sim_end s q e : sim s q -> chain_end q e -> ssource s e = true.
Proof.
  intros Q [H | (_ & [(w & H) | (w & r & _ & F)])].
  - rewrite <- (e_source _ _ _ _ _ Q). exact H.
  - destruct w. apply (e_hand _ _ _ _ Q) in H. destruct H.
  - destruct (sim_flight _ _ _ _ Q F).
Qed.

Lemma sim_chain s q : sim s q -> forall a r, chain q a r <-> clos_refl_trans A (sheld s) a r.
Proof.
  intros Q a r. split; induction 1 as [x y H | x | x y z _ IH1 _ IH2]; try apply rt_refl.
  - apply rt_step, (sim_waits s q Q). exact H.
  - exact (rt_trans _ _ _ _ _ IH1 IH2).
  - apply rt_step, (sim_waits s q Q). exact H.
  - exact (rt_trans _ _ _ _ _ IH1 IH2).
Qed.

(* Here T3 holds as the rules have it: the marks (all of them) form no cycle; a chain from a muted actor that cannot be
   continued ends in a root; there is one from every muted actor; and a muted actor always has a mark. *)
Theorem single_T3 s : sreach s ->
  (forall a, ~ clos_trans A (sheld s) a a) /\
  (forall a e, smu s a = true -> clos_refl_trans A (sheld s) a e -> (forall r, ~ sheld s e r) -> ssource s e = true) /\
  (forall a, smu s a = true -> exists e, clos_refl_trans A (sheld s) a e /\ ssource s e = true) /\
  (forall a, smu s a = true -> exists r, sheld s a r).
Proof.
  intros R. destruct (single_reach s R) as (q & Rq & Q). destruct (T3 q Rq) as (N & _ & E1 & E2).
  split; [| split; [| split]].
  - intros a H. apply (N a).
    assert (X : forall x y, clos_trans A (sheld s) x y -> chain1 q x y).
    { induction 1 as [x y Hh | x y z _ IH1 _ IH2]; [| exact (t_trans _ _ _ _ _ IH1 IH2)].
      apply t_step, (sim_waits s q Q). exact Hh. }
    apply X. exact H.
  - intros a e M H Hn. apply (sim_end s q e Q). apply (E1 a).
    + rewrite (e_mu _ _ _ _ Q). exact M.
    + apply (sim_chain s q Q). exact H.
    + intros r Hw. apply (Hn r), (sim_waits s q Q). exact Hw.
  - intros a M. destruct (E2 a) as (e & H & He); [rewrite (e_mu _ _ _ _ Q); exact M |].
    exists e. split; [apply (sim_chain s q Q); exact H | apply (sim_end s q e Q); exact He].
  - intros a M. destruct (muted_waits q a Rq) as [Lo | (r & H)]; [rewrite (e_mu _ _ _ _ Q); exact M | |].
    + exfalso. destruct Lo as [(w & H) | (w & r & _ & F)].
      * destruct w. apply (e_hand _ _ _ _ Q) in H. destruct H.
      * destruct (sim_flight _ _ _ _ Q F).
    + exists r. apply (sim_waits s q Q). exact H.
Qed.

Theorem single_T4 s : sreach s -> squiet s -> (forall a, spressed s a = false) ->
  (forall a, smu s a = false) /\ smm s = [] /\ (forall a, smb s a = 0).
Proof.
  intros R Qs P. destruct (single_reach s R) as (q & Rq & Q). destruct (T4 q Rq (sim_quiet s q Q Qs)) as (M & E & B).
  - intros a. rewrite <- (P a). unfold pressed, spressed. rewrite (e_ap _ _ _ _ Q), (e_gd _ _ _ _ Q). reflexivity.
  - split; [| split].
    + intros a. rewrite <- (e_mu _ _ _ _ Q). apply M.
    + rewrite <- (e_mm _ _ _ _ Q). exact E.
    + intros a. rewrite <- (e_mb _ _ _ _ Q). apply B.
Qed.

Theorem single_T7 s a : sreach s -> squiet s -> smu s a = true ->
  exists r, clos_trans A (sheld s) a r /\ sculprit s r.
Proof.
  intros R Qs M. destruct (single_reach s R) as (q & Rq & Q).
  destruct (T7 q a Rq (sim_quiet s q Q Qs)) as ((r & H & C) & _); [rewrite (e_mu _ _ _ _ Q); exact M |].
  exists r. split; [| eapply sim_culprit; eauto]. clear - H Q.
  induction H as [x y Hh | x y z _ IH1 _ IH2]; [apply t_step, (sim_held s q Q); exact Hh | eapply t_trans; eauto].
Qed.

(* ---- R14, its step: while r presses, a sender that is muted with a mark on r stays so ---- *)
Lemma free_state f : forall s a,
  smu (fold_left free1 f s) a = (smu s a && negb (if in_dec eqd a f then true else false)) /\
  (~ In a f -> sloc (fold_left free1 f s) a = sloc s a) /\
  ssource (fold_left free1 f s) a = ssource s a.
Proof.
  induction f as [| x f IH]; intros s a; cbn [fold_left].
  - cbn. rewrite andb_true_r. auto.
  - destruct (IH (free1 s x) a) as (E1 & E2 & E3). rewrite E1, E3. split; [| split].
    + cbn [smu free1]. unfold upd. destruct (eqd a x) as [-> | N].
      * destruct (in_dec eqd x (x :: f)) as [| Hn]; [rewrite andb_false_r; reflexivity | destruct Hn; left; reflexivity].
      * destruct (in_dec eqd a f), (in_dec eqd a (x :: f)) as [Hi | Hn]; auto.
        -- destruct Hn. right. assumption.
        -- destruct Hi; [congruence | contradiction].
    + intros H. rewrite E2 by (intros X; apply H; right; exact X). cbn. apply upd_other. intros ->. apply H. left. reflexivity.
    + reflexivity.
Qed.

Lemma settle_marks l s s' : settle l s s' ->
  (forall x, In x l -> spressing s x = false) -> (forall x, smu s x = true -> ssource s x = false) ->
  (forall x, spressing s' x = true -> spressing s x = true) /\
  (forall m, In m (smm s') -> In m (smm s)) /\
  (forall r a, In (Mk tt r a) (smm s) -> In (Mk tt r a) (smm s') \/ spressing s' r = false) /\
  (forall a, smu s a = true -> smu s' a = true \/ marked a (smm s') = false) /\
  (forall a, smu s a = false -> smu s' a = false /\ sloc s' a = sloc s a).
Proof.
  induction 1 as [s | r l f l' s s' (Nf & F) P _ IH]; intros Hl Hm; [auto 6 |].
  set (s1 := fold_left free1 f (with_mm s (drop_on tt r (smm s)))) in *.
  assert (M1 : forall a, smu s1 a = smu s a && negb (if in_dec eqd a f then true else false)) by (intros a; exact (proj1 (free_state f (with_mm s (drop_on tt r (smm s))) a))).
  assert (L1 : forall a, ~ In a f -> sloc s1 a = sloc s a).
  { intros a H. exact (proj1 (proj2 (free_state f (with_mm s (drop_on tt r (smm s))) a)) H). }
  assert (S1 : forall a, ssource s1 a = ssource s a) by (intros a; exact (proj2 (proj2 (free_state f (with_mm s (drop_on tt r (smm s))) a)))).
  assert (Mm : smm s1 = drop_on tt r (smm s)) by (unfold s1; rewrite free_mm; reflexivity).
  assert (P1 : forall x, spressing s1 x = true -> spressing s x = true).
  { intros x. unfold spressing. rewrite S1, M1. destruct (ssource s x), (smu s x); auto. }
  destruct IH as (I1 & I2 & I3 & I4 & I5).
  - intros x Hx. destruct (spressing s1 x) eqn:E; auto. apply (Permutation_in _ P) in Hx. apply in_app_or in Hx. destruct Hx as [Hx | Hx].
    + unfold spressing in E. rewrite S1, M1 in E. pose proof (proj1 (F x) Hx) as (Mx & _). rewrite (Hm x Mx) in E.
      destruct (in_dec eqd x f); [rewrite andb_false_r in E; discriminate | contradiction].
    + pose proof (Hl x (or_intror Hx)). apply P1 in E. congruence.
  - intros x H. rewrite S1. apply Hm. rewrite M1 in H. apply andb_prop in H. tauto.
  - split; [auto |]. split; [| split; [| split]].
    + intros m H. apply I2 in H. rewrite Mm in H. apply drop_on_in in H. tauto.
    + intros r1 a H. destruct (eqd r1 r) as [-> | N].
      * right. destruct (spressing s' r) eqn:E; auto. apply I1, P1 in E. rewrite (Hl r) in E; [discriminate | left; reflexivity].
      * apply I3. rewrite Mm. apply drop_on_in. cbn. tauto.
    + intros a H. destruct (in_dec eqd a f) as [Hi | Hn].
      * right. apply F in Hi. destruct Hi as (_ & _ & E). revert E. rewrite <- Mm. apply marked_sub. exact I2.
      * apply I4. rewrite M1, H. destruct (in_dec eqd a f); [contradiction | reflexivity].
    + intros a H. assert (Ma : smu s1 a = false) by (rewrite M1, H; reflexivity).
      destruct (I5 a Ma) as (X & Y). split; auto. rewrite Y. apply L1. intros Hi. apply F in Hi. destruct Hi. congruence.
Qed.

Lemma slowered_marks s s0 r s' a z : slowered s s0 z s' ->
  (forall x, smu s0 x = true -> ssource s0 x = false) ->
  smu s0 a = true -> In (Mk tt r a) (smm s0) -> spressing s' r = true -> smu s' a = true /\ In (Mk tt r a) (smm s').
Proof.
  intros L T M Hi P. destruct L as [_ | s' _ P0 Se]; [auto |].
  destruct (settle_marks _ _ _ Se) as (_ & _ & I3 & I4 & _); auto.
  - intros x [<- | []]. exact P0.
  - destruct (I3 r a Hi) as [H | H]; [| congruence]. split; auto. destruct (I4 a M) as [X | X]; auto.
    exfalso. revert H. apply marked_false. exact X.
Qed.

Lemma ov_low s x : (forall y, smu s y = true -> ssource s y = false) ->
  forall y, smu (with_ov s (upd (sov s) x false)) y = true -> ssource (with_ov s (upd (sov s) x false)) y = false.
Proof.
  intros T y H. specialize (T y H). revert T. unfold ssource, spressed. cbn. unfold upd. destruct (eqd y x); auto.
  destruct (sov s y); [discriminate | auto].
Qed.

Lemma kill_low s x : (forall y, smu s y = true -> ssource s y = false) ->
  forall y, smu (skilled s x) y = true -> ssource (skilled s x) y = false.
Proof.
  intros T y. unfold ssource, spressed. cbn. unfold upd. destruct (eqd y x); [discriminate |]. apply T.
Qed.

(* A muted sender with a mark on r stays muted, with that mark, through every step after which r is still pressing, unless
   it is itself stopped. This is the step on which the bound of R14 rests: by d_done and d_mute, a behaviour of a sender that
   is neither O nor P and has a mark ends in no way but mute (or in the sender's end), and while r presses the sender is
   then not run again. It does not count behaviours or messages.
   It holds for the single-threaded runtime only: on many workers a message of an earlier fall of r may free the sender
   too early, once for each such message. *)
Theorem single_R14 s s' r a : sreach s -> sstep s s' -> smu s a = true -> In (Mk tt r a) (smm s) -> spressing s' r = true ->
  (smu s' a = true /\ In (Mk tt r a) (smm s')) \/ sloc s' a = Gone.
Proof.
  intros R St M Hi P.
  assert (T : forall x, smu s x = true -> ssource s x = false) by (intros x; apply single_T2; exact R).
  assert (Nr : forall x, sact s = Run x \/ sact s = Beh x -> x <> a).
  { intros x H ->. destruct (single_reach s R) as (q & Rq & Q). destruct (reach_ok q Rq) as (I & _).
    rewrite <- (e_act _ _ _ _ Q) in H. apply (on_loc q tt a I) in H. apply running_ok in H; auto. destruct H as (H & _).
    rewrite (e_mu _ _ _ _ Q) in H. congruence. }
  assert (Low : forall s0 z, slowered s s0 z s' -> smu s0 = smu s -> smm s0 = smm s ->
    (forall x, ssource s0 x = true -> ssource s x = true) -> smu s' a = true /\ In (Mk tt r a) (smm s')).
  { intros s0 z L Em Es Ho. eapply slowered_marks; try exact L; rewrite ?Em, ?Es; auto.
    intros x Hx. destruct (ssource s0 x) eqn:E; auto. apply Ho in E. rewrite T in E; auto. }
  assert (En : forall x b, smu (senqueue x b) = smu x /\ smm (senqueue x b) = smm x) by (intros x b; unfold senqueue; destruct (sloc x b); auto).
  destruct St as [x E I | x E I | x b E | x b E | b | x E | x s' E L | x E | x s' G L | x Mx G | x s' E L | x E S0 Mk0
    | x E S0 | x E | x s' E L Z | x s' E L Z | x s' E L | x s' E L | x L].
  all: try (left; split; [exact M | exact Hi]).
  - left. destruct (En (with_mm s (slook s x b)) b) as (-> & ->). cbn. split; auto. unfold slook.
    destruct (_ && _); auto. apply add_in. auto.
  - left. destruct (En s b) as (-> & ->). auto.
  - left. destruct (En s b) as (-> & ->). auto.
  - left. apply (Low _ _ L); auto. intros y. unfold ssource, spressed. cbn. unfold upd. destruct (eqd y x); auto.
    cbn. destruct (sov s y), (sap s y); auto.
  - left. apply (Low _ _ L); auto. intros y. unfold ssource, spressed. cbn [sov sap sgd with_gd]. unfold upd.
    destruct (eqd y x) as [-> |]; auto. rewrite !orb_true_iff, !Nat.ltb_lt. intros [H | [H | H]]; auto.
  - left. apply (Low _ _ L); auto. intros y. unfold ssource, spressed. cbn. unfold upd. destruct (eqd y x); auto.
    cbn. intros ->. apply orb_true_r.
  - left. cbn. rewrite upd_other; auto. intros <-. apply (Nr a); auto.
  - left. cbn. split; auto. apply drop_of_in. cbn. split; auto. intros <-. apply (Nr a); auto.
  - left. apply (slowered_marks _ _ r _ a x L); auto. apply ov_low; auto.
  - left. apply (slowered_marks _ _ r _ a x L); auto. apply ov_low; auto.
  - left. assert (N : a <> x) by (intros <-; apply (Nr a); auto).
    apply (slowered_marks _ _ r _ a x L); auto.
    + apply (kill_low s x T).
    + cbn. rewrite upd_other; auto.
    + apply drop_of_in. auto.
  - destruct (eqd a x) as [-> | N].
    + right. destruct L as [_ | s' _ P0 Se]; [apply upd_same |].
      destruct (settle_marks _ _ _ Se) as (_ & _ & _ & _ & I5).
      * intros y [<- | []]. exact P0.
      * apply (kill_low s x T).
      * destruct (I5 x) as (_ & ->); apply upd_same.
    + left. apply (slowered_marks _ _ r _ a x L); auto.
      * apply (kill_low s x T).
      * cbn. rewrite upd_other; auto.
      * apply drop_of_in. auto.
Qed.
End Single.
