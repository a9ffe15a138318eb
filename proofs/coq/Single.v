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
| d_deep a : smu s a = false -> smb s a > 0 -> sstep s (with_ov s (upd (sov s) a true))
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
| d_kill a s' : sloc s a = Asleep \/ sloc s a = Queued \/ sloc s a = Parked tt -> slowered s (skilled s a) a s' -> sstep s s'.

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
    set (q1 := set_bc (set_hand (set_loc (set_mu q (upd (mu q) a false)) (upd (loc q) a Waking))
      (upd (hand q) tt (upd (hand q tt) a false))) (upd (bc q) tt (Some (a, everyone)))).
    assert (S1 : step q q1).
    { apply s_free; [apply H | apply (e_hand _ _ _ _ H); left; reflexivity | intros w s0 _; reflexivity]. }
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
  - assert (S1 : step q (set_bc q0 (upd (bc q0) tt (Some (r, everyone))))).
    { apply St, low_fall; [rewrite (e_pressing _ _ _ _ _ H); exact P | rewrite (e_pressing _ _ _ _ _ H0); exact P' |].
      intros w s1 _. reflexivity. }
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
    | a E S0 | a E | a s' E L Z | a s' E L Z | a s' E L | a s' E L].
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
  - eexists. split; [apply ss_one, s_deep with (a := a); congruence | same H].
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
    assert (Lc : length c = length (filter (ison tt r) (smm s))) by (unfold c; apply map_length). pose proof (filter_both (ison tt r) (smm s)). unfold drop_on. lia.
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

(* the marks form no cycle: none at all, since no removal is ever in flight *)
Theorem single_T3 s : sreach s -> forall a, ~ clos_trans A (sheld s) a a.
Proof.
  intros R a H. destruct (single_reach s R) as (q & Rq & Q). destruct (T3 q Rq) as (N & _). apply (N a).
  assert (X : forall x y, clos_trans A (sheld s) x y -> chain1 q x y).
  { induction 1 as [x y Hh | x y z _ IH1 _ IH2]; [| exact (t_trans _ _ _ _ _ IH1 IH2)].
    apply t_step. exists tt. split; [rewrite (e_mm _ _ _ _ Q); exact Hh | apply (sim_flight s q tt y Q)]. }
  apply X. exact H.
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
End Single.

Print Assumptions single_refines. Print Assumptions single_reach. Print Assumptions settle_total.
Print Assumptions single_T1. Print Assumptions single_T2. Print Assumptions single_T3.
Print Assumptions single_T4. Print Assumptions single_T5. Print Assumptions single_T7.
