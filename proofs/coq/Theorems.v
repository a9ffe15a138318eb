(* The theorems T1 to T8 of docs/RULES.md for the system of System.v: every number of actors, every number of workers,
   every delay and order of the messages "r has fallen". No axioms: Audit.v prints what each theorem rests on. *)
Require Import List Arith Lia Bool Relations Wellfounded.
Import ListNotations.
From Backwater Require Import System Invariant.

Section Theorems.
Context {A W : Type} {EA : EqDec A} {EW : EqDec W}.
Notation st := (st A W).
Notation mark := (mark A W).
Implicit Types (q : st) (a b r s e : A) (w t z : W).

(* s has a mark on r, whatever is in flight *)
Definition held q s r := exists w, In (Mk w r s) (mm q).
(* chains of marks: of those whose removal is not in flight, and of all *)
Definition chain q := clos_refl_trans A (waits q).
Definition chain1 q := clos_trans A (waits q).

(* ================================================================================================================ *)
(* T1 No mute without cause. If s has a mark on r, kept by w, then r is pressing, or w has a message "r has fallen", or
   somebody has lowered r's flags and has yet to tell w.
   It does not say that s is muted: the mark is made during the behaviour, the mute comes at its end. *)
Theorem T1 q w r s : reach q -> In (Mk w r s) (mm q) -> pressing q r = true \/ flight q w r.
Proof. intros R. destruct (reach_ok q R) as (_ & C & _). apply C. Qed.

(* ================================================================================================================ *)
(* T2 Muted excludes source: a muted actor is neither overloaded nor under pressure (neither by apply nor by a guard).
   It does not say that an actor which is O or P has no marks: during a behaviour it may (R3 drops them at the end). *)
Theorem T2 q a : reach q -> mu q a = true -> ov q a = false /\ pressed q a = false.
Proof.
  intros R M. destruct (reach_ok q R) as (I & _). destruct (muted_parked q a I M) as (w & L).
  pose proof (v_ok q I a) as K. unfold actor_ok in K. rewrite L in K. destruct K as (_ & S0 & _).
  apply orb_false_iff in S0. exact S0.
Qed.

(* ---- only finitely many workers announce at any time, so "in flight" is decided ---- *)
Lemma bc_change q q' : step q q' -> exists l : list W, forall t, ~ In t l -> bc q' t = bc q t.
Proof.
  assert (L : forall q0 w a, lowered q q0 w a q' -> bc q0 = bc q -> exists l : list W, forall t, ~ In t l -> bc q' t = bc q t).
  { intros q0 w a H E. exists [w]. intros t N. destruct H; cbn; rewrite E; auto. apply upd_other. intros ->. apply N. left; auto. }
  intros St. destruct St; try (exists []; intros; reflexivity); try (eapply L; [eassumption | reflexivity]);
  exists [w]; intros t0 N; cbn; apply upd_other; intros ->; apply N; left; auto.
Qed.

Lemma announcers q : reach q -> exists l : list W, forall t, bc q t <> None -> In t l.
Proof.
  induction 1 as [q (_ & _ & _ & H) | q q' _ (l & IH) St].
  - exists []. intros t N. destruct (H t) as (_ & E & _). congruence.
  - destruct (bc_change q q' St) as (k & K). exists (k ++ l). intros t N. apply in_or_app.
    destruct (in_dec eqd t k); auto. right. apply IH. rewrite <- K; auto.
Qed.

Definition telling q w r t : bool :=
  match bc q t with Some (x, todo) => if eqd x r then todo w else false | None => false end.

Lemma telling_true q w r t : telling q w r t = true <-> exists todo, bc q t = Some (r, todo) /\ todo w = true.
Proof.
  unfold telling. split.
  - destruct (bc q t) as [[x todo] |]; [| discriminate]. destruct (eqd x r); [subst; eauto | discriminate].
  - intros (todo & -> & H). destruct (eqd r r); congruence.
Qed.

Lemma flight_dec q w r : reach q -> flight q w r \/ ~ flight q w r.
Proof.
  intros R. destruct (announcers q R) as (l & L).
  destruct (inbox q w r) eqn:E; [| left; left; lia].
  destruct (existsb (telling q w r) l) eqn:X.
  - left. right. apply existsb_exists in X. destruct X as (t & _ & X). exists t. apply telling_true. exact X.
  - right. intros [F | (t & F)]; [lia |]. apply telling_true in F.
    assert (existsb (telling q w r) l = true); [| congruence].
    apply existsb_exists. exists t. split; auto. apply L. unfold telling in F. destruct (bc q t); congruence.
Qed.

(* ================================================================================================================ *)
(* T3 Chains are well founded: backpressure by itself makes no deadlock.

   In plain words. "s waits for r" is a mark of s on r that nobody is about to remove. Follow these waits from a muted actor:
   from whom it waits for, to whom that one waits for, and so on. You never come back to where you were, and you come to an
   end; and the actor at the end is not one that merely waits. It presses for a reason of its own: it is overloaded, or
   it said so (apply, or a guard). Or it is muted but about to be freed: the last message that it waited for is on its
   way. So "everybody waits because everybody waits" cannot happen, with any number of actors and workers.

   Exactly, for the marks whose removal is not in flight: (1) they form no cycle, and (2) no infinite chain; (3) a chain
   from a muted actor that cannot be continued ends in a root (O or P), or in a muted actor whose release is under way;
   (4) from every muted actor there is such a chain.

   What it does not say. That the root will ever stop pressing: that is the program's affair (T7 says who it is). That a
   program has no other cycle: an actor may wait for an answer that never comes without anybody being muted. That there
   is only one chain, or that it stops at the first root it meets: a root may itself wait for somebody, in the middle of
   a behaviour. *)
Lemma no_loop q : reach q -> forall a, ~ chain1 q a a.
Proof.
  intros R. destruct (reach_ok q R) as (_ & _ & rank & K).
  assert (M : forall a b, chain1 q a b -> rank b < rank a).
  { induction 1 as [a b (w & H) | a b c _ IH1 _ IH2]; [exact (K _ _ _ H) | lia]. }
  intros a H. apply M in H. lia.
Qed.

Lemma waits_wf q : reach q -> well_founded (fun r s => waits q s r).
Proof.
  intros R. destruct (reach_ok q R) as (_ & _ & rank & K).
  apply (wf_incl _ _ (fun x y => rank x < rank y)).
  - intros r s (w & H). exact (K _ _ _ H).
  - apply (wf_inverse_image _ _ lt rank). apply lt_wf.
Qed.

Definition chain_end q e := source q e = true \/ (mu q e = true /\ loosening q e).

Lemma chain_pressing q a e : reach q -> mu q a = true -> chain q a e -> source q e = true \/ mu q e = true.
Proof.
  intros R M H. apply clos_rt_rtn1 in H. destruct H as [| x y (w & Hin & NF) _]; auto.
  destruct (T1 q w y x R Hin) as [P | F]; [| contradiction]. unfold pressing in P. apply orb_true_iff in P. exact P.
Qed.

(* a muted actor is in hand or waits for somebody *)
Lemma muted_waits q a : reach q -> mu q a = true -> loosening q a \/ exists r, waits q a r.
Proof.
  intros R M. destruct (reach_ok q R) as (I & _). destruct (muted_parked q a I M) as (w & L).
  pose proof (v_ok q I a) as K. unfold actor_ok in K. rewrite L in K. destruct K as (_ & _ & [H | H]).
  - left. left. eauto.
  - apply marked_true in H. destruct H as (w1 & r & H). destruct (flight_dec q w1 r R) as [F | NF].
    + left. right. eauto.
    + right. exists r, w1. split; auto.
Qed.

Theorem T3 q : reach q ->
  (forall a, ~ chain1 q a a) /\
  well_founded (fun r s => waits q s r) /\
  (forall a e, mu q a = true -> chain q a e -> (forall r, ~ waits q e r) -> chain_end q e) /\
  (forall a, mu q a = true -> exists e, chain q a e /\ chain_end q e).
Proof.
  intros R. split; [exact (no_loop q R) |]. split; [exact (waits_wf q R) |]. split.
  - intros a e M H N. destruct (chain_pressing q a e R M H) as [S0 | Me]; [left; exact S0 |].
    destruct (muted_waits q e R Me) as [Lo | (r & Hr)]; [right; auto | destruct (N r Hr)].
  - intros a. induction a as [a IH] using (well_founded_ind (waits_wf q R)). intros M.
    destruct (muted_waits q a R M) as [Lo | (r & Hr)].
    + exists a. split; [apply rt_refl | right; auto].
    + destruct (chain_pressing q a r R M) as [S0 | Mr]; [apply rt_step; exact Hr | |].
      * exists r. split; [apply rt_step; exact Hr | left; exact S0].
      * destruct (IH r Hr Mr) as (e & He & Hc). exists e. split; auto. eapply rt_trans; [apply rt_step |]; eassumption.
Qed.

(* ================================================================================================================ *)
(* T5 No lost wake-up. An actor that is not muted and has a message is in a run queue, or in a run, or somebody has taken
   it upon himself to queue it ("in flight", a step that is always enabled). An overloaded actor is in the same case even
   with an empty mailbox, so its overload can end.
   It does not say that the actor is run soon: no fairness is modelled. *)
Definition scheduled q a := loc q a = Waking \/ In a (rq q) \/ exists w, on q w a.

Theorem T5 q a : reach q -> mu q a = false -> mb q a > 0 \/ ov q a = true -> scheduled q a.
Proof.
  intros R M H. destruct (reach_ok q R) as (I & _). unfold scheduled.
  pose proof (v_ok q I a) as K. unfold actor_ok, source in K. rewrite (v_rq q I a).
  destruct (loc q a) as [| | | w | w |] eqn:L; auto.
  - destruct K as (_ & K1 & K2), H; [lia | congruence].
  - destruct K as (_ & K). eauto.
  - destruct K. congruence.
  - destruct K as (_ & K1 & K2), H as [H | H]; [lia |]. rewrite H in K1. discriminate.
Qed.

(* ================================================================================================================ *)
(* quiescent states *)
Lemma quiet_flight q w r : quiet q -> ~ flight q w r.
Proof.
  intros (Hw & _) [F | (t & todo & F & _)].
  - destruct (Hw w) as (_ & _ & N). destruct (N r). lia.
  - destruct (Hw t) as (_ & N & _). congruence.
Qed.

Lemma quiet_waits q s r : quiet q -> held q s r -> waits q s r.
Proof. intros Q (w & H). exists w. split; auto. apply quiet_flight; auto. Qed.

Lemma quiet_chain q s r : quiet q -> clos_refl_trans A (held q) s r -> chain q s r.
Proof.
  intros Q. induction 1 as [s r H | | s x r _ IH1 _ IH2].
  - apply rt_step. apply quiet_waits; auto.
  - apply rt_refl.
  - exact (rt_trans _ _ _ _ _ IH1 IH2).
Qed.

(* in a quiescent state a root is under pressure, asleep, and has read all its messages *)
Definition culprit q r := pressed q r = true /\ loc q r = Asleep /\ mb q r = 0.

Lemma quiet_root q r : reach q -> quiet q -> source q r = true -> culprit q r.
Proof.
  intros R Q H. destruct (reach_ok q R) as (I & _). destruct Q as (Hw & Hq & Hk).
  pose proof (v_ok q I r) as K. pose proof (v_rq q I r) as V. rewrite Hq in V. unfold actor_ok in K.
  destruct (loc q r) as [| | | w | w |] eqn:L.
  - destruct K as (_ & O & Mb). unfold source in H. rewrite O in H. repeat split; auto.
  - destruct (Hk r L).
  - destruct V as [_ V]. destruct (V eq_refl).
  - destruct K as (_ & O). destruct (Hw w) as (E & _). unfold on in O. rewrite E in O.
    destruct O as [| [| []]]; discriminate.
  - destruct K as (_ & K & _). congruence.
  - destruct K as (_ & K & _). congruence.
Qed.

Lemma quiet_end q e : reach q -> quiet q -> chain_end q e -> culprit q e.
Proof.
  intros R Q [H | (_ & [(w & H) | (w & r & _ & F)])].
  - apply quiet_root; auto.
  - destruct Q as (Hw & _). destruct (Hw w) as (_ & _ & N). destruct (N e). congruence.
  - destruct (quiet_flight q w r Q F).
Qed.

(* T7 There is a culprit.

   In plain words. The program stands still: nothing runs, nothing is on its way. Yet somebody is muted. Then follow his
   waits: each way ends at an actor that is under pressure by its own word (an apply without a release, a guard that
   still lives), that has nothing left to do, and whose mailbox is empty. That line of the program is what the report
   names (R10); overload can never be at the end, nor can "nobody".

   What it does not say. That this actor is wrong: a message, a timer or somebody outside may be meant to make it release,
   and come late (then it is R11, a stall, and not R10). That there is only one: there is at least one for each muted
   actor, and every chain ends at one. Nor that the guard is where its actor is: it may sit in the mailbox of a muted one. *)
Theorem T7 q a : reach q -> quiet q -> mu q a = true ->
  (exists r, clos_trans A (held q) a r /\ culprit q r) /\
  (forall e, clos_refl_trans A (held q) a e -> (forall r, ~ held q e r) -> culprit q e).
Proof.
  intros R Q M. destruct (T3 q R) as (_ & _ & T3c & T3d). split.
  - destruct (T3d a M) as (e & H & E). exists e. pose proof (quiet_end q e R Q E) as Cu. split; auto.
    assert (N : a <> e).
    { intros ->. destruct Cu as (P & _). destruct (T2 q e R M) as (_ & N). congruence. }
    assert (X : forall x y, chain q x y -> x = y \/ clos_trans A (held q) x y).
    { induction 1 as [x y (w & Hi & _) | | x y z _ IH1 _ IH2]; auto.
      - right. apply t_step. exists w. exact Hi.
      - destruct IH1 as [-> | IH1], IH2 as [-> | IH2]; auto. right. eapply t_trans; eauto. }
    destruct (X _ _ H); [contradiction | assumption].
  - intros e H N. apply quiet_end; auto. apply (T3c a); auto.
    + apply quiet_chain; auto.
    + intros r (w & Hi & _). apply (N r). exists w. exact Hi.
Qed.

(* ================================================================================================================ *)
(* T4 Nobody is stranded: the runtime loses nobody.

   In plain words. Let the program stand still, and let nobody be under pressure. Then nobody is muted, there are no marks,
   and every mailbox is empty: all that was sent has been handled. If anything is left over, it is because some actor says
   that it is under pressure, never because the runtime forgot to wake, free or tell somebody. (That nobody is overloaded
   need not be assumed: by T5 an overloaded actor is scheduled, so then the program would not stand still.)

   What it does not say. That the program ever stands still: one that sends for ever does not. That it does so soon: there
   is no time in the model, and no fairness. *)
Theorem T4 q : reach q -> quiet q -> (forall a, pressed q a = false) ->
  (forall a, mu q a = false) /\ mm q = [] /\ (forall a, mb q a = 0).
Proof.
  intros R Q P. destruct (reach_ok q R) as (I & _).
  assert (M : forall a, mu q a = false).
  { intros a. destruct (mu q a) eqn:M; auto. destruct (T7 q a R Q M) as ((r & _ & Cu & _) & _). rewrite P in Cu. discriminate. }
  assert (Free : forall w, act q w = Idle) by (intros w; apply (proj1 Q w)).
  split; [exact M | split].
  - destruct (mm q) as [| [w r s] l] eqn:E; auto. exfalso.
    assert (H : In (Mk w r s) (mm q)) by (rewrite E; left; reflexivity).
    destruct (v_own q I _ _ _ H) as [X | [(b & X) | X]]; [rewrite Free in X; discriminate | rewrite Free in X; discriminate |].
    pose proof (v_ok q I s) as K. unfold actor_ok in K. rewrite X in K. destruct K as (K & _). rewrite M in K. discriminate.
  - intros a. destruct (mb q a) eqn:B; auto. exfalso.
    assert (Sc : scheduled q a) by (apply T5; auto; left; lia). destruct Sc as [H | [H | (w & H)]].
    + exact (proj2 (proj2 Q) a H).
    + rewrite (proj1 (proj2 Q)) in H. destruct H.
    + unfold on in H. rewrite Free in H. destruct H as [| [| []]]; discriminate.
Qed.

(* ================================================================================================================ *)
(* Histories: how often each mark was made and removed, how often each actor fell, how often each worker read "r has
   fallen". *)
Definition b2n (x : bool) := if x then 1 else 0.
Definition made q q' (m : mark) := b2n (negb (has m (mm q)) && has m (mm q')).
Definition gone q q' (m : mark) := b2n (has m (mm q) && negb (has m (mm q'))).
Definition fell q q' r := b2n (pressing q r && negb (pressing q' r)).
Definition reads q q' w r := b2n (inbox q' w r <? inbox q w r).

Record log := Log { n_made : mark -> nat; n_gone : mark -> nat; n_fell : A -> nat; n_read : W -> A -> nat }.

Inductive hist : st -> log -> Prop :=
| h_init q : init q -> hist q (Log (fun _ => 0) (fun _ => 0) (fun _ => 0) (fun _ _ => 0))
| h_step q q' h : hist q h -> step q q' -> hist q' (Log
    (fun m => n_made h m + made q q' m) (fun m => n_gone h m + gone q q' m)
    (fun r => n_fell h r + fell q q' r) (fun w r => n_read h w r + reads q q' w r)).

Lemma hist_reach q h : hist q h -> reach q.
Proof. induction 1; [apply r_init | eapply r_step]; eauto. Qed.

Lemma reach_hist q : reach q -> exists h, hist q h.
Proof. induction 1 as [q H | q q' _ (h & H) St]; eexists; [apply h_init | eapply h_step]; eauto. Qed.

Lemma hist_marks q h : hist q h -> forall m, n_made h m = n_gone h m + b2n (has m (mm q)).
Proof.
  induction 1 as [q (_ & _ & E & _) | q q' h _ IH _]; intros m; cbn.
  - rewrite E. reflexivity.
  - rewrite IH. unfold made, gone. destruct (has m (mm q)), (has m (mm q')); cbn; lia.
Qed.

(* who removes a mark: the worker that keeps it, on reading a fall of the receiver (R6); the end of the sender's
   behaviour, when the sender is O or P (R3); the end of the sender (R8); and, while the sender is still in its
   behaviour, the fall of the receiver itself, or the sender once that fall is on its way (R6) *)
Definition removed_by q q' w r s :=
  S (inbox q' w r) = inbox q w r \/ (source q s = true /\ act q w = Beh s) \/ loc q' s = Gone \/
  (mu q s = false /\ ((pressing q r = true /\ pressing q' r = false) \/ (act q w = Beh s /\ flight q w r))).

Lemma removal q q' w r s : Inv q -> step q q' -> In (Mk w r s) (mm q) -> ~ In (Mk w r s) (mm q') ->
  removed_by q q' w r s.
Proof.
  intros I St Hi Hn.
  assert (Da : forall a, ~ In (Mk w r s) (drop_of a (mm q)) -> s = a).
  { intros a H. destruct (eqd s a); auto. destruct H. apply drop_of_in. auto. }
  assert (Lo : forall q0 w1 a, lowered q q0 w1 a q' -> In (Mk w r s) (mm q0) ->
    mu q0 s = false /\ pressing q r = true /\ pressing q' r = false).
  { intros q0 w1 a L Hi0. destruct L as [| todo l P P' C]; [contradiction |]. cbn in Hn.
    destruct (eqd a r) as [-> | N]; [| destruct Hn; apply (l_rest _ _ _ _ C); auto]. split; [| split; [exact P | exact P']].
    destruct (mu q0 s) eqn:M; auto. destruct Hn. apply (l_rest _ _ _ _ C); auto. }
  assert (Ll : forall q0 w1 a, lowered q q0 w1 a q' -> loc q' = loc q0) by (intros q0 w1 a []; auto).
  assert (Lk : forall q0 w1 a, mm q0 = drop_of a (mm q) -> mu q0 = upd (mu q) a false -> loc q0 a = Gone ->
    lowered q q0 w1 a q' -> removed_by q q' w r s).
  { intros q0 w1 a Em Eu El L. destruct (eqd s a) as [-> | N].
    - right; right; left. rewrite (Ll _ _ _ L). exact El.
    - right; right; right. destruct (Lo _ _ _ L) as (M & Fall).
      + rewrite Em. apply drop_of_in. auto.
      + rewrite Eu, upd_other in M by exact N. auto. }
  assert (Hb : forall w1 a, act q w1 = Beh a -> s = a -> act q w = Beh s).
  { intros w1 a E ->. pose proof (beh_loc q w1 a I E) as L. destruct (v_own q I _ _ _ Hi) as [X | [(b & X) | X]]; auto.
    - apply snd_loc in X; auto. congruence.
    - congruence. }
  destruct St as [| | | w0 a b | | | | | w1 a q' _ _ H | | w1 a q' _ _ H | | w1 a q' _ _ H | | w1 a B E [S0 | Nm] | | w1 a q' _ _ H
    | w1 a q' _ _ H | w1 a q' _ _ H | | | | w1 r1 B T | w1 a todo l B Ha C | w1 a r1 B E F]; try (cbn in Hn; contradiction);
  try (destruct (Lo _ _ _ H Hi) as (M & Fall); right; right; right; cbn in M; auto; fail).
  - destruct Hn. apply look_keeps. exact Hi.
  - right; left. cbn in Hn. apply Da in Hn. rewrite Hn in *. split; eauto.
  - cbn in Hn. apply Da in Hn. subst. apply marked_false with (w := w) (r := r) in Nm. contradiction.
  - eapply Lk; [| | | exact H]; [reflexivity | reflexivity | apply upd_same].
  - eapply Lk; [| | | exact H]; [reflexivity | reflexivity | apply upd_same].
  - left. cbn in Hn. rewrite drop_on_in in Hn. cbn in Hn. cbn.
    destruct (eqd w w1) as [-> | N]; [destruct (eqd r r1) as [-> | N] |].
    + rewrite !upd_same. lia.
    + destruct Hn. tauto.
    + destruct Hn. tauto.
  - right; right; right. cbn in Hn.
    destruct (eqd r a) as [-> | N]; [| destruct Hn; apply (l_rest _ _ _ _ C); auto]. destruct (v_hand q I _ _ Ha) as (L & _).
    pose proof (v_ok q I a) as K. unfold actor_ok in K. rewrite L in K. destruct K as (M & S0 & _). split.
    + destruct (mu q s) eqn:Ms; auto. destruct Hn. apply (l_rest _ _ _ _ C); auto.
    + left. unfold pressing. rewrite M, orb_true_r. split; auto. cbn. rewrite upd_same, orb_false_r. exact S0.
  - right; right; right. cbn in Hn. rewrite remove_in in Hn.
    destruct (eqd (Mk w r s) (Mk w1 r1 a)) as [X | N]; [| destruct Hn; split; assumption]. injection X; intros; subst.
    split; auto. apply (running_ok q w1 a I). apply beh_loc; auto.
Qed.

(* T6 Each mark is removed at most once; nobody is at two places.
   (1) In every history a mark was removed exactly as often as it was made, less one if it is there now.
   (2) It is removed only by who may (see `removal`).
   (3) The marks are a set; no actor is in the run queues twice; none is in a queue and in a run; none is in two runs;
       a muted actor is in no queue and no run; a stopped one neither; only muted actors are in hand, each in one.
   It does not say that the order of the queue is fair. *)
Theorem T6 :
  (forall q h m, hist q h -> n_made h m = n_gone h m + b2n (has m (mm q))) /\
  (forall q q' w r s, reach q -> step q q' -> In (Mk w r s) (mm q) -> ~ In (Mk w r s) (mm q') ->
    removed_by q q' w r s) /\
  (forall q, reach q ->
    NoDup (mm q) /\ NoDup (rq q) /\
    (forall w a, on q w a -> ~ In a (rq q)) /\
    (forall w w' a, on q w a -> on q w' a -> w = w') /\
    (forall a, mu q a = true \/ loc q a = Gone -> ~ In a (rq q) /\ forall w, ~ on q w a) /\
    (forall w a, hand q w a = true -> mu q a = true /\ forall w', hand q w' a = true -> w' = w)).
Proof.
  split; [| split].
  - intros q h m H. apply hist_marks. exact H.
  - intros q q' w r s R. destruct (reach_ok q R) as (I & _). apply removal. exact I.
  - intros q R. destruct (reach_ok q R) as (I & _).
    split; [exact (v_nd q I) |]. split; [exact (v_rqd q I) |]. split; [| split; [| split]].
    + intros w a O H. apply (v_on q I) in O. apply (v_rq q I) in H. congruence.
    + intros w w' a O O'. apply (v_on q I) in O, O'. congruence.
    + intros a H. assert (L : loc q a = Gone \/ exists w, loc q a = Parked w).
      { destruct H; auto. right. apply muted_parked; auto. }
      split.
      * intros X. apply (v_rq q I) in X. destruct L as [L | (w & L)]; congruence.
      * intros w O. apply (v_on q I) in O. destruct L as [L | (w' & L)]; congruence.
    + intros w a H. destruct (v_hand q I _ _ H) as (L & _). split.
      * pose proof (v_ok q I a) as K. unfold actor_ok in K. rewrite L in K. tauto.
      * intros w' H'. destruct (v_hand q I _ _ H') as (L' & _). congruence.
Qed.

(* ================================================================================================================ *)
(* precision *)
Lemma steps_snoc q q1 q2 : steps q q1 -> step q1 q2 -> steps q q2.
Proof. induction 1; intros; eapply ss_more; eauto using ss_none. Qed.

(* an announcement begins at a fall and at nothing else *)
Lemma announced_fall q q' w r todo : Inv q -> step q q' -> bc q w = None -> bc q' w = Some (r, todo) ->
  pressing q r = true /\ pressing q' r = false.
Proof.
  intros I St B B'.
  assert (Low : forall q0 w1 a, bc q0 = bc q -> lowered q q0 w1 a q' -> pressing q r = true /\ pressing q' r = false).
  { intros q0 w1 a E L. destruct L as [_ | td l P P' _].
    - congruence.
    - cbn in B'. rewrite E in B'. destruct (eqd w w1) as [-> | N].
      + rewrite upd_same in B'. injection B'; intros; subst. split; [exact P | exact P'].
      + rewrite upd_other in B' by exact N. congruence. }
  destruct St as [| | | | | | | | w1 a q' _ _ H | | w1 a q' _ _ H | | w1 a q' _ _ H | | | | w1 a q' _ _ H
    | w1 a q' _ _ H | w1 a q' _ _ H | | w1 r1 td t B1 T | w1 r1 td B1 T | | w1 a td ml B1 Ha C |];
  try (cbn in B'; congruence); try (eapply Low; [| exact H]; reflexivity).
  - cbn in B'. destruct (eqd w w1) as [-> | N]; [congruence |]. rewrite upd_other in B' by exact N. congruence.
  - cbn in B'. destruct (eqd w w1) as [-> | N]; [congruence |]. rewrite upd_other in B' by exact N. congruence.
  - cbn in B'. destruct (eqd w w1) as [-> | N]; [| rewrite upd_other in B' by exact N; congruence].
    rewrite upd_same in B'. injection B'; intros; subst. destruct (v_hand q I _ _ Ha) as (L & _).
    pose proof (v_ok q I r) as K. unfold actor_ok in K. rewrite L in K. destruct K as (M & S0 & _).
    split; unfold pressing.
    + rewrite M. apply orb_true_r.
    + match goal with |- source ?x r || _ = false => change (source x r) with (source q r) end. rewrite S0. apply upd_same.
Qed.

(* what is in flight was in flight before, or a fall began just now *)
Lemma flight_origin q q' w r : Inv q -> step q q' -> flight q' w r ->
  (exists w', flight q w' r) \/ (pressing q r = true /\ pressing q' r = false).
Proof.
  intros I St [F | (t & todo & Hb & Ht)].
  - left. assert (Lo : forall q0 w1 a, lowered q q0 w1 a q' -> inbox q' = inbox q0) by (intros q0 w1 a []; auto).
    destruct St as [| | | | | | | | w1 a q' _ _ H | | w1 a q' _ _ H | | w1 a q' _ _ H | | | | w1 a q' _ _ H
    | w1 a q' _ _ H | w1 a q' _ _ H | | w1 r1 td t B1 T | w1 r1 td B1 T | w1 r1 B1 T | w1 a td ml B1 Ha C |];
    try (exists w; left; exact F); try (exists w; left; rewrite (Lo _ _ _ H) in F; exact F).
    + cbn in F. unfold upd in F. destruct (eqd w t); [subst; destruct (eqd r r1); [subst |] |].
      * exists t. right. eauto.
      * exists t. left. exact F.
      * exists w. left. exact F.
    + exists w. left. cbn in F. unfold upd in F. destruct (eqd w w1); [subst; destruct (eqd r r1); [subst |] |]; auto.
  - destruct (bc q t) as [[x td] |] eqn:B.
    + left. assert (E : bc q' t = bc q t \/ (exists t', bc q' t = Some (x, upd td t' false)) \/ bc q' t = None).
      { assert (Lo : forall q0 w1 a, bc q w1 = None -> bc q0 = bc q -> lowered q q0 w1 a q' -> bc q' t = bc q t).
        { intros q0 w1 a E1 E2 []; cbn; rewrite ?E2; auto. apply upd_other. congruence. }
        destruct St as [| | | | | | | | w1 a q' B1 _ H | | w1 a q' B1 _ H | | w1 a q' B1 _ H | | | | w1 a q' B1 _ H
        | w1 a q' B1 _ H | w1 a q' B1 _ H | | w1 r1 td1 t1 B1 T | w1 r1 td1 B1 T | w1 r1 B1 T | w1 a td1 ml B1 Ha C |];
        try (left; reflexivity); try (left; eapply Lo; [exact B1 | | exact H]; reflexivity); cbn;
        (destruct (eqd t w1) as [-> | N]; [rewrite !upd_same | rewrite !upd_other by exact N; auto]); try congruence;
        rewrite B in B1; injection B1; intros; subst; eauto. }
      destruct E as [E | [(t' & E) | E]]; rewrite E in Hb.
      * exists w. right. exists t, todo. rewrite Hb in B. auto.
      * injection Hb; intros; subst. exists w. right. exists t, td. split; auto.
        unfold upd in Ht. destruct (eqd w t'); congruence.
      * discriminate.
    + right. eapply announced_fall; eauto.
Qed.

Definition a_fall q1 q2 r := reach q1 /\ step q1 q2 /\ pressing q1 r = true /\ pressing q2 r = false.

Lemma flight_fell q w r : reach q -> flight q w r -> exists q1 q2, a_fall q1 q2 r /\ steps q2 q.
Proof.
  intros R. revert w. induction R as [q (_ & _ & _ & H) | q q' R IH St]; intros w F.
  - exfalso. destruct F as [F | (t & todo & F & _)].
    + destruct (H w) as (_ & _ & N). destruct (N r). lia.
    + destruct (H t) as (_ & N & _). congruence.
  - destruct (reach_ok q R) as (I & _). destruct (flight_origin q q' w r I St F) as [(w' & F') | (P & P')].
    + destruct (IH w' F') as (q1 & q2 & Fa & Ss). exists q1, q2. split; auto. eapply steps_snoc; eauto.
    + exists q, q'. split; [repeat split; auto | apply ss_none].
Qed.

(* a sender comes into hand by a message "r has fallen" read by the worker that keeps its mark on r *)
Definition a_read q3 q4 w r a :=
  reach q3 /\ step q3 q4 /\ mu q3 a = true /\ In (Mk w r a) (mm q3) /\ ~ In (Mk w r a) (mm q4) /\
  S (inbox q4 w r) = inbox q3 w r.

Lemma hand_origin q q' w a : reach q -> step q q' -> hand q' w a = true ->
  hand q w a = true \/ exists r, a_read q q' w r a.
Proof.
  intros R St H.
  assert (Lo : forall q0 w1 b, lowered q q0 w1 b q' -> hand q' = hand q0) by (intros q0 w1 b []; auto).
  pose proof St as St'.
  destruct St as [| | | | | | | | w1 b q' _ _ L | | w1 b q' _ _ L | | w1 b q' _ _ L | | | | w1 b q' _ _ L
    | w1 b q' _ _ L | w1 b q' _ _ L | | | | w1 r1 B1 T | w1 b td ml B1 Ha C |];
  try (left; exact H); try (rewrite (Lo _ _ _ L) in H; cbn in H; try (left; exact H)).
  - left. unfold upd in H. destruct (eqd w w1); [subst; destruct (eqd a b); [discriminate |] |]; exact H.
  - left. unfold upd in H. destruct (eqd w w1); [subst; destruct (eqd a b); [discriminate |] |]; exact H.
  - cbn in H. unfold upd in H. destruct (eqd w w1); [subst | left; exact H].
    apply orb_true_iff in H. destruct H as [H | H]; [left; exact H | right].
    apply andb_prop in H. destruct H as [H N]. apply andb_prop in H. destruct H as [M Hm]. apply has_in in Hm.
    exists r1. repeat split; auto.
    + cbn. rewrite drop_on_in. cbn. tauto.
    + cbn. rewrite !upd_same. lia.
  - left. cbn in H. unfold upd in H. destruct (eqd w w1); [subst; destruct (eqd a b); [discriminate |] |]; exact H.
Qed.

Lemma hand_fell q w a : reach q -> hand q w a = true ->
  exists r q1 q2 q3 q4, a_fall q1 q2 r /\ steps q2 q3 /\ a_read q3 q4 w r a /\ steps q4 q.
Proof.
  intros R. induction R as [q (_ & _ & _ & H) | q q' R IH St]; intros Hh.
  - destruct (H w) as (_ & _ & N). destruct (N a). congruence.
  - destruct (hand_origin q q' w a R St Hh) as [H | (r & Rd)].
    + destruct (IH H) as (r & q1 & q2 & q3 & q4 & X1 & X2 & X3 & X4). exists r, q1, q2, q3, q4.
      split; [| split; [| split]]; auto. eapply steps_snoc; eauto.
    + assert (F : flight q w r) by (left; destruct Rd as (_ & _ & _ & _ & _ & E); lia).
      destruct (flight_fell q w r R F) as (q1 & q2 & X1 & X2). exists r, q1, q2, q, q'.
      split; [| split; [| split]]; auto. apply ss_none.
Qed.

(* who frees: only a worker that has the sender in hand, or the end of the sender *)
Lemma unmuted q q' a : step q q' -> mu q a = true -> mu q' a = false ->
  loc q' a = Gone \/ exists w, hand q w a = true /\ hand q' w a = false.
Proof.
  intros St M M'.
  assert (Lo : forall q0 w1 b, lowered q q0 w1 b q' -> mu q' = mu q0 /\ loc q' = loc q0) by (intros q0 w1 b []; auto).
  destruct St as [| | | | | | | | w1 b q' _ _ L | | w1 b q' _ _ L | | w1 b q' _ _ L | w1 b | | | w1 b q' _ _ L
    | w1 b q' _ _ L | w1 b q' _ _ L | | | | w1 r1 B1 T | w1 b td ml B1 Ha C |]; try (cbn in M'; congruence);
  try (destruct (Lo _ _ _ L) as (Em & El); rewrite Em in M'; cbn in M'; try congruence; rewrite El; cbn).
  - cbn in M'. unfold upd in M'. destruct (eqd a b); congruence.
  - left. unfold upd in *. destruct (eqd a b); congruence.
  - left. unfold upd in *. destruct (eqd a b); congruence.
  - right. cbn in M'. unfold upd in M'. destruct (eqd a b); [subst | congruence]. exists w1. split; auto. cbn.
    rewrite !upd_same. reflexivity.
Qed.

(* ---- no fall is read twice by one worker ---- *)
Definition counted q w r (l : list W) := NoDup l /\ forall t, In t l <-> telling q w r t = true.

Lemma reads_none q q' w r : inbox q' w r = inbox q w r -> reads q q' w r = 0.
Proof. intros E. unfold reads. rewrite E, Nat.ltb_irrefl. reflexivity. Qed.

Lemma reads_le q q' w r : inbox q w r <= inbox q' w r -> reads q q' w r = 0.
Proof. intros E. unfold reads. replace (_ <? _) with false; [reflexivity |]. symmetry. apply Nat.ltb_ge. exact E. Qed.

Lemma count_same q q' w r l : bc q' = bc q -> inbox q' = inbox q -> counted q w r l ->
  exists l', counted q' w r l' /\ reads q q' w r + inbox q' w r + length l' <= inbox q w r + length l + fell q q' r.
Proof.
  intros Eb Ei (N & K). exists l. rewrite reads_none by (rewrite Ei; reflexivity). rewrite Ei.
  split; [split; auto; intros t; rewrite K; unfold telling; rewrite Eb; reflexivity | lia].
Qed.

Lemma count_fall q q' w r l z a todo : bc q z = None -> bc q' = upd (bc q) z (Some (a, todo)) -> inbox q' = inbox q ->
  pressing q a = true -> pressing q' a = false -> counted q w r l ->
  exists l', counted q' w r l' /\ reads q q' w r + inbox q' w r + length l' <= inbox q w r + length l + fell q q' r.
Proof.
  intros B Eb Ei P P' (N & K).
  assert (Nz : ~ In z l) by (rewrite K; unfold telling; rewrite B; discriminate).
  rewrite reads_none by (rewrite Ei; reflexivity). rewrite Ei.
  destruct (telling q' w r z) eqn:T.
  - exists (z :: l). split; [split |].
    + constructor; auto.
    + intros t. cbn. rewrite K. unfold telling in *. rewrite Eb in *. destruct (eqd t z) as [-> | Nt].
      * split; auto.
      * rewrite (upd_other _ _ _ _ Nt). intuition congruence.
    + unfold telling in T. rewrite Eb, upd_same in T. destruct (eqd a r); [subst | discriminate].
      unfold fell. rewrite P, P'. cbn. lia.
  - exists l. split; [split; auto | lia]. intros t. rewrite K. destruct (eqd t z) as [-> | Nt].
    + rewrite T. unfold telling. rewrite B. tauto.
    + unfold telling. rewrite Eb, (upd_other _ _ _ _ Nt). tauto.
Qed.

Lemma remove_length a (l : list W) : NoDup l -> forall x, In x l -> S (length (remove eqd x l)) = length l.
Proof.
  induction 1 as [| y l Hn Hd IH]; intros x Hx; [destruct Hx |]. cbn. destruct (eqd x y) as [-> | N].
  - rewrite notin_remove; auto.
  - destruct Hx as [E | Hx]; [congruence |]. cbn. rewrite IH; auto.
Qed.

Lemma count_step q q' w r l : Inv q -> step q q' -> counted q w r l ->
  exists l', counted q' w r l' /\ reads q q' w r + inbox q' w r + length l' <= inbox q w r + length l + fell q q' r.
Proof.
  intros I St C.
  assert (Lo : forall q0 z a, bc q z = None -> bc q0 = bc q -> inbox q0 = inbox q -> lowered q q0 z a q' ->
    exists l', counted q' w r l' /\ reads q q' w r + inbox q' w r + length l' <= inbox q w r + length l + fell q q' r).
  { intros q0 z a B Eb Ei H. destruct H as [_ | todo ml P P' _].
    - apply count_same; auto.
    - apply count_fall with (z := z) (a := a) (todo := todo); auto. cbn. rewrite Eb. reflexivity. }
  pose proof St as St'.
  destruct St as [| | | | | | | | w1 a q' B _ H | | w1 a q' B _ H | | w1 a q' B _ H | | | | w1 a q' B _ H
    | w1 a q' B _ H | w1 a q' B _ H | | w1 r1 td t1 B T | w1 r1 td B T | w1 r1 B T | w1 a td ml B Ha Cv |];
  try (apply count_same; [reflexivity | reflexivity | exact C]);
  try (eapply Lo; [exact B | | | exact H]; reflexivity).
  - destruct C as (N & K). destruct (eqd w t1) as [-> | Nw]; [destruct (eqd r r1) as [-> | Nr] |].
    + assert (Hz : In w1 l) by (rewrite K; unfold telling; rewrite B; destruct (eqd r1 r1); congruence).
      exists (remove eqd w1 l). pose proof (remove_length r1 l N w1 Hz) as E. split; [split |].
      * apply remove_nd. exact N.
      * intros t. rewrite remove_in, K. unfold telling. cbn. destruct (eqd t w1) as [-> | Nt].
        -- rewrite upd_same. destruct (eqd r1 r1); [rewrite upd_same | congruence]. intuition congruence.
        -- rewrite (upd_other _ _ _ _ Nt). intuition congruence.
      * rewrite reads_le by (cbn; rewrite !upd_same; lia). cbn. rewrite !upd_same. lia.
    + exists l. split; [split; auto |].
      * intros t. rewrite K. unfold telling. cbn. destruct (eqd t w1) as [-> | Nt].
        -- rewrite upd_same, B. destruct (eqd r1 r); [congruence | tauto].
        -- rewrite (upd_other _ _ _ _ Nt). tauto.
      * rewrite reads_none; cbn; rewrite upd_same, (upd_other _ _ _ _ Nr); lia.
    + exists l. split; [split; auto |].
      * intros t. rewrite K. unfold telling. cbn. destruct (eqd t w1) as [-> | Nt].
        -- rewrite upd_same, B. rewrite (upd_other _ _ _ _ Nw). tauto.
        -- rewrite (upd_other _ _ _ _ Nt). tauto.
      * rewrite reads_none; cbn; rewrite (upd_other _ _ _ _ Nw); lia.
  - destruct C as (N & K). exists l. split; [split; auto |].
    + intros t. rewrite K. unfold telling. cbn. destruct (eqd t w1) as [-> | Nt].
      * rewrite upd_same, B, T. destruct (eqd r1 r); intuition congruence.
      * rewrite (upd_other _ _ _ _ Nt). tauto.
    + rewrite reads_none by reflexivity. cbn. lia.
  - destruct C as (N & K). exists l. split; [split; auto |].
    + unfold reads, b2n. cbn [inbox set_hand set_inbox set_mm]. destruct (eqd w w1) as [-> | Nw]; [destruct (eqd r r1) as [-> | Nr] |].
      * rewrite !upd_same. destruct (_ <? _); lia.
      * rewrite upd_same, (upd_other _ _ _ _ Nr), Nat.ltb_irrefl. lia.
      * rewrite (upd_other _ _ _ _ Nw), Nat.ltb_irrefl. lia.
  - match goal with |- exists l', counted ?q1 _ _ _ /\ _ =>
      destruct (announced_fall q q1 w1 a td I St' B) as (P & P'); [cbn; apply upd_same |];
      apply count_fall with (z := w1) (a := a) (todo := td); auto end.
Qed.

Lemma hist_reads q h : hist q h -> forall w r, exists l, counted q w r l /\
  n_read h w r + inbox q w r + length l <= n_fell h r.
Proof.
  induction 1 as [q (_ & _ & _ & H) | q q' h Hh IH St]; intros w r.
  - exists []. destruct (H w) as (_ & _ & E). destruct (E r) as (-> & _). split; [split; [constructor |] | cbn; lia].
    intros t. unfold telling. destruct (H t) as (_ & -> & _). cbn. intuition discriminate.
  - destruct (IH w r) as (l & C & L). destruct (reach_ok q (hist_reach q h Hh)) as (I & _).
    destruct (count_step q q' w r l I St C) as (l' & C' & L'). exists l'. split; auto. cbn. lia.
Qed.

(* T8 Precision.
   (1) A muted actor is freed only by its own end, or like this: a receiver r fell; later the worker that kept the mark of
       the actor on r read "r has fallen" and removed that mark; later the actor was freed.
   (2) An announcement begins only at a fall: pressing before the step, not pressing after it.
   (3) For each worker and each receiver: the messages "r has fallen" which it has read and which wait for it are together
       at most as many as the falls of r.
   It does not say that the fall came after the mark: a message that was on its way when r pressed again may remove a mark
   made since (R6 allows it: too early is harmless). *)
Theorem T8 :
  (forall q q' a, reach q -> step q q' -> mu q a = true -> mu q' a = false ->
    loc q' a = Gone \/
    exists w r q1 q2 q3 q4, hand q w a = true /\ a_fall q1 q2 r /\ steps q2 q3 /\ a_read q3 q4 w r a /\ steps q4 q) /\
  (forall q q' w r todo, reach q -> step q q' -> bc q w = None -> bc q' w = Some (r, todo) ->
    pressing q r = true /\ pressing q' r = false) /\
  (forall q h w r, hist q h -> n_read h w r + inbox q w r <= n_fell h r).
Proof.
  split; [| split].
  - intros q q' a R St M M'. destruct (unmuted q q' a St M M') as [G | (w & H & _)]; [left; exact G | right].
    destruct (hand_fell q w a R H) as (r & q1 & q2 & q3 & q4 & X1 & X2 & X3 & X4).
    exists w, r, q1, q2, q3, q4. auto.
  - intros q q' w r todo R. destruct (reach_ok q R) as (I & _). apply announced_fall. exact I.
  - intros q h w r H. destruct (hist_reads q h H w r) as (l & _ & L). lia.
Qed.

(* ================================================================================================================ *)
(* Nothing in flight is ever stuck (not among T1 to T8; it is what makes their "or it is in flight" worth something).
   Whatever is under way has a step that carries it on, whatever the others do:
   a wake-up arrives; an announcement tells the next worker or ends; a message is read; a sender in hand is freed; a run
   goes on or ends; a queued actor is taken by an idle worker. For (2) the workers must be finitely many.
   It does not say that the step is taken: no fairness is modelled. *)
Lemma lowered_exists q q0 w r : exists q', lowered q q0 w r q'.
Proof.
  destruct (pressing q r) eqn:P; [destruct (pressing q0 r) eqn:P' |].
  - eexists. apply low_none. auto.
  - eexists. apply low_fall with (todo := fun _ => true); auto. apply left_all. reflexivity.
  - eexists. apply low_none. auto.
Qed.

Theorem nothing_stuck q : reach q ->
  (forall a, loc q a = Waking -> exists q', step q q' /\ In a (rq q')) /\
  (forall ws w r todo, (forall t, In t ws) -> bc q w = Some (r, todo) -> exists q', step q q' /\
    (bc q' w = None \/ exists t, todo t = true /\ inbox q' t r = S (inbox q t r) /\ bc q' w = Some (r, upd todo t false))) /\
  (forall w r, bc q w = None -> inbox q w r > 0 -> exists q', step q q' /\ S (inbox q' w r) = inbox q w r) /\
  (forall w a, bc q w = None -> hand q w a = true -> exists q', step q q' /\ mu q' a = false /\ loc q' a = Waking) /\
  (forall w a, bc q w = None -> on q w a -> exists q', step q q' /\ act q' w <> act q w) /\
  (forall w a, bc q w = None -> act q w = Idle -> In a (rq q) -> exists q', step q q' /\ act q' w = Run a).
Proof.
  intros R. split; [| split; [| split; [| split; [| split]]]].
  - intros a L. eexists. split; [apply s_push; exact L | left; reflexivity].
  - intros ws w r todo Fin B. destruct (existsb todo ws) eqn:E.
    + apply existsb_exists in E. destruct E as (t & _ & T). eexists. split; [eapply s_tell; eassumption |].
      right. exists t. cbn. rewrite !upd_same. auto.
    + eexists. split; [eapply s_told; [exact B |] | left; cbn; apply upd_same].
      intros t. destruct (todo t) eqn:T; auto. assert (existsb todo ws = true) by (apply existsb_exists; eauto). congruence.
  - intros w r B H. eexists. split; [apply s_read; eassumption |]. cbn. rewrite !upd_same. lia.
  - intros w a B H. eexists. split; [apply s_free with (todo := fun _ => true); try eassumption |].
    + apply left_all. reflexivity.
    + cbn. rewrite !upd_same. auto.
  - intros w a B [O | [O | (b & O)]].
    + destruct (lowered_exists q (set_act (set_loc (set_ov q (upd (ov q) a false))
        (upd (loc q) a (if mb q a =? 0 then Asleep else Waking))) (upd (act q) w Idle)) w a) as (q' & L).
      exists q'. split; [eapply s_short; eassumption |]. rewrite O. destruct L; cbn; rewrite upd_same; discriminate.
    + destruct (source q a) eqn:S0; [| destruct (marked a (mm q)) eqn:Mk0].
      * eexists. split; [eapply s_done; try eassumption; auto |]. cbn. rewrite upd_same, O. discriminate.
      * eexists. split; [eapply s_mute; try eassumption; auto |]. cbn. rewrite upd_same, O. discriminate.
      * eexists. split; [eapply s_done; try eassumption; auto |]. cbn. rewrite upd_same, O. discriminate.
    + eexists. split; [eapply s_put; eassumption |]. cbn. rewrite upd_same, O. discriminate.
  - intros w a B E H. eexists. split; [eapply s_begin; eassumption |]. cbn. apply upd_same.
Qed.
End Theorems.
