(* The invariant of the system in System.v: one record of clauses, one lemma a clause, each over all steps.
   Then two invariants that stand on their own: every mark has its cause (`Caused`), and the waits that nobody is about
   to end are ranked (`Ranked`), so they form no cycle. *)
Require Import List Arith Lia Bool.
Import ListNotations.
From Backwater Require Import System.

Section Invariant.
Context {A W : Type} {EA : EqDec A} {EW : EqDec W}.
Notation st := (st A W).
Implicit Types (q : st) (a b r s x : A) (w t z : W).

(* ---- small facts about the words ---- *)
Arguments has : simpl never. Arguments marked : simpl never. Arguments look : simpl never.
Arguments drop_of : simpl never. Arguments drop_on : simpl never.
Lemma upd_same {X V} {E : EqDec X} (f : X -> V) (k : X) v : upd f k v k = v.
Proof. unfold upd. destruct (eqd k k); congruence. Qed.
Lemma upd_other {X V} {E : EqDec X} (f : X -> V) (k n : X) v : n <> k -> upd f k v n = f n.
Proof. unfold upd. destruct (eqd n k); congruence. Qed.

Lemma has_in (m : mark A W) l : has m l = true <-> In m l.
Proof. unfold has. destruct (in_dec eqd m l); intuition congruence. Qed.

Lemma add_in (m n : mark A W) l : In n (add m l) <-> n = m \/ In n l.
Proof.
  unfold add. destruct (has m l) eqn:E; simpl.
  - apply has_in in E. intuition congruence.
  - intuition congruence.
Qed.

Lemma add_nd (m : mark A W) l : NoDup l -> NoDup (add m l).
Proof.
  intros N. unfold add. destruct (has m l) eqn:E; auto. constructor; auto.
  intros H. apply has_in in H. congruence.
Qed.

Lemma isof_true s (m : mark A W) : isof s m = true <-> of_s m = s.
Proof. unfold isof. destruct (eqd (of_s m) s); intuition congruence. Qed.

Lemma drop_of_in s (m : mark A W) l : In m (drop_of s l) <-> In m l /\ of_s m <> s.
Proof.
  unfold drop_of. rewrite filter_In, negb_true_iff. pose proof (isof_true s m) as H.
  destruct (isof s m); intuition congruence.
Qed.

Lemma drop_on_in w r (m : mark A W) l : In m (drop_on w r l) <-> In m l /\ ~ (at_w m = w /\ on_r m = r).
Proof.
  unfold drop_on, ison. rewrite filter_In.
  destruct (eqd (at_w m) w), (eqd (on_r m) r); simpl; intuition congruence.
Qed.

Lemma marked_true s (l : list (mark A W)) : marked s l = true <-> exists w r, In (Mk w r s) l.
Proof.
  unfold marked. rewrite existsb_exists. split.
  - intros ([w r s'] & Hi & He). apply isof_true in He. simpl in He. subst. eauto.
  - intros (w & r & H). exists (Mk w r s). split; auto. apply isof_true. reflexivity.
Qed.

Lemma marked_false s (l : list (mark A W)) : marked s l = false <-> forall w r, ~ In (Mk w r s) l.
Proof.
  split.
  - intros H w r Hi. assert (marked s l = true) by (apply marked_true; eauto). congruence.
  - intros H. destruct (marked s l) eqn:E; auto. apply marked_true in E. destruct E as (w & r & Hi). destruct (H _ _ Hi).
Qed.

Lemma drop_of_no s (l : list (mark A W)) w r : ~ In (Mk w r s) (drop_of s l).
Proof. intros H. apply drop_of_in in H. simpl in H. intuition congruence. Qed.

Lemma look_in q w a b m : In m (look q w a b) ->
  In m (mm q) \/ (m = Mk w b a /\ a <> b /\ pressing q b = true /\ source q a = false).
Proof.
  unfold look. destruct (eqd a b); simpl; auto.
  destruct (pressing q b); simpl; auto. destruct (source q a); simpl; auto.
  intros H. apply add_in in H. intuition.
Qed.

Lemma look_keeps q w a b m : In m (mm q) -> In m (look q w a b).
Proof. unfold look. destruct (_ && _); auto. intros. apply add_in; auto. Qed.

Lemma marked_sub s (l l' : list (mark A W)) : (forall m, In m l' -> In m l) -> marked s l = false -> marked s l' = false.
Proof. intros H F. apply marked_false. intros w r Hi. apply H in Hi. revert Hi. apply marked_false. exact F. Qed.

Lemma left_all q r todo : (forall w, todo w = true) -> Left q r todo (mm q).
Proof. intros H. split; auto. Qed.

Lemma marked_left q a r todo l : Left q r todo l -> marked a (mm q) = false -> marked a l = false.
Proof. intros L. apply marked_sub. apply (l_sub _ _ _ _ L). Qed.

Lemma marked_drop_of a s (l : list (mark A W)) : marked a l = false -> marked a (drop_of s l) = false.
Proof. apply marked_sub. intros m H. apply drop_of_in in H. tauto. Qed.

Lemma marked_drop_on a w r (l : list (mark A W)) : marked a l = false -> marked a (drop_on w r l) = false.
Proof. apply marked_sub. intros m H. apply drop_on_in in H. tauto. Qed.

Lemma marked_look q w a b s : s <> a -> marked s (mm q) = false -> marked s (look q w a b) = false.
Proof.
  intros N F. apply marked_false. intros w' r H. apply look_in in H. destruct H as [H | (E & _)].
  - revert H. apply marked_false. exact F.
  - congruence.
Qed.

Lemma look_nd q w a b : NoDup (mm q) -> NoDup (look q w a b).
Proof. unfold look. destruct (_ && _); auto using add_nd. Qed.

Lemma remove_nd {X} {E : EqDec X} (a : X) l : NoDup l -> NoDup (remove eqd a l).
Proof.
  induction 1 as [| x l Hn Hd IH]; simpl; [constructor |].
  destruct (eqd a x); auto. constructor; auto. intros H. apply in_remove in H. tauto.
Qed.

Lemma remove_in {X} {E : EqDec X} (a x : X) l : In x (remove eqd a l) <-> In x l /\ x <> a.
Proof. split; [apply in_remove | intros []; apply in_in_remove; auto]. Qed.

(* ---- the invariant ---- *)

(* what holds of an actor at each place *)
Definition actor_ok q a :=
  match loc q a with
  | Asleep => mu q a = false /\ ov q a = false /\ mb q a = 0
  | Waking | Queued => mu q a = false
  | Running w => mu q a = false /\ on q w a
  | Parked w => mu q a = true /\ source q a = false /\ (hand q w a = true \/ marked a (mm q) = true)
  | Gone => mu q a = false /\ source q a = false /\ mb q a = 0
  end.

Record Inv q : Prop := {
  v_ok   : forall a, actor_ok q a;
  v_on   : forall w a, on q w a -> loc q a = Running w;
  v_rqd  : NoDup (rq q);
  v_rq   : forall a, In a (rq q) <-> loc q a = Queued;
  (* only a behaviour that is under way and a muted actor have marks, and they are kept where it runs or was muted *)
  v_own  : forall w r a, In (Mk w r a) (mm q) ->
             act q w = Beh a \/ (exists b, act q w = Snd a b) \/ loc q a = Parked w;
  v_hand : forall w a, hand q w a = true -> loc q a = Parked w /\ marked a (mm q) = false;
  v_nd   : NoDup (mm q) }.

Lemma Inv_init q : init q -> Inv q.
Proof.
  intros (H & Hr & Hm & Hw). split.
  - intros a. destruct (H a) as (E1 & E2 & E3 & E4 & E5 & E6). unfold actor_ok. rewrite E6. auto.
  - intros w a O. destruct (Hw w) as (E & _). unfold on in O. rewrite E in O.
    destruct O as [| [| []]]; discriminate.
  - rewrite Hr. constructor.
  - intros a. rewrite Hr. destruct (H a) as (_ & _ & _ & _ & _ & E). rewrite E. simpl. intuition discriminate.
  - intros w r a. rewrite Hm. intros [].
  - intros w a E. destruct (Hw w) as (_ & _ & N). destruct (N a). congruence.
  - rewrite Hm. constructor.
Qed.

(* a step that lowers flags leaves all but the announcements as the lowered state has them, and the marks of the muted *)
Lemma lowered_bc q q0 w r q' : lowered q q0 w r q' -> exists f l, q' = set_bc (set_mm q0 l) f /\
  (forall m, In m l -> In m (mm q0)) /\ (NoDup (mm q0) -> NoDup l) /\
  (forall z x s, mu q0 s = true -> In (Mk z x s) (mm q0) -> In (Mk z x s) l).
Proof.
  intros [| todo l _ _ C].
  - exists (bc q0), (mm q0). destruct q0; auto.
  - eexists _, _. split; [reflexivity |]. split; [apply C | split; [apply C |]].
    intros z x s M H. apply (l_rest _ _ _ _ C); auto.
Qed.

Lemma on_loc q w a : Inv q -> act q w = Run a \/ act q w = Beh a -> loc q a = Running w.
Proof. intros I H. apply (v_on q I). unfold on. intuition. Qed.
Lemma run_loc q w a : Inv q -> act q w = Run a -> loc q a = Running w.
Proof. intros. apply on_loc; auto. Qed.
Lemma beh_loc q w a : Inv q -> act q w = Beh a -> loc q a = Running w.
Proof. intros. apply on_loc; auto. Qed.
Lemma snd_loc q w a b : Inv q -> act q w = Snd a b -> loc q a = Running w.
Proof. intros I H. apply (v_on q I). unfold on. eauto. Qed.

Lemma running_ok q w a : Inv q -> loc q a = Running w -> mu q a = false /\ on q w a.
Proof. intros I H. pose proof (v_ok q I a) as K. unfold actor_ok in K. rewrite H in K. exact K. Qed.

Lemma muted_parked q a : Inv q -> mu q a = true -> exists w, loc q a = Parked w.
Proof.
  intros I M. pose proof (v_ok q I a) as K. unfold actor_ok in K.
  destruct (loc q a); eauto; intuition congruence.
Qed.

Lemma muted_mark q w r a : Inv q -> mu q a = true -> In (Mk w r a) (mm q) -> loc q a = Parked w.
Proof.
  intros I M H. destruct (v_own q I _ _ _ H) as [E | [(b & E) | E]]; auto; exfalso.
  - apply beh_loc in E; auto. apply running_ok in E; auto. destruct E. congruence.
  - apply snd_loc in E; auto. apply running_ok in E; auto. destruct E. congruence.
Qed.

(* marks of an actor which is in a run between two behaviours, or not in a run and not muted: none *)
Lemma no_marks q a : Inv q -> (forall w, loc q a <> Parked w) -> (forall w, act q w <> Beh a) ->
  (forall w b, act q w <> Snd a b) -> marked a (mm q) = false.
Proof.
  intros I HP HB HS. apply marked_false. intros w r H.
  destruct (v_own q I _ _ _ H) as [E | [(b & E) | E]]; [eapply HB | eapply HS | eapply HP]; eassumption.
Qed.

Ltac inj := repeat match goal with
  | H : Run _ = Run _ |- _ => injection H; clear H; intros; subst
  | H : Beh _ = Beh _ |- _ => injection H; clear H; intros; subst
  | H : Snd _ _ = Snd _ _ |- _ => injection H; clear H; intros; subst
  | H : Running _ = Running _ |- _ => injection H; clear H; intros; subst
  | H : Parked _ = Parked _ |- _ => injection H; clear H; intros; subst
  | H : Some _ = Some _ |- _ => injection H; clear H; intros; subst
  end.
Ltac eqs := unfold upd in *; cbn in *;
  repeat match goal with
  | H : context [@eqd _ _ ?x ?y] |- _ => destruct (@eqd _ _ x y); [subst; cbn in * | cbn in *]
  | |- context [@eqd _ _ ?x ?y] => destruct (@eqd _ _ x y); [subst; cbn in * | cbn in *]
  end.
Ltac split_all := repeat match goal with
  | H : _ /\ _ |- _ => destruct H
  | H : exists _, _ |- _ => destruct H
  | H : _ \/ _ |- _ => destruct H
  end.
Ltac low := repeat match goal with
  | H : lowered _ _ _ _ _ |- _ => apply lowered_bc in H; destruct H as (? & ? & -> & ?Sub & ?Nd & ?Keep)
  end.
Ltac new P := let T := type of P in lazymatch goal with _ : T |- _ => fail | _ => pose proof P end.
(* who is in a run is where *)
Ltac owner I := repeat match goal with
  | H : act ?q _ = Run _ |- _ => new (run_loc q _ _ I H)
  | H : act ?q _ = Beh _ |- _ => new (beh_loc q _ _ I H)
  | H : act ?q _ = Snd _ _ |- _ => new (snd_loc q _ _ _ I H)
  | H : hand ?q _ _ = true |- _ => new (proj1 (v_hand q I _ _ H)); new (proj2 (v_hand q I _ _ H))
  | H : In _ (rq ?q) |- _ => new (proj1 (v_rq q I _) H)
  end.

(* nothing changed about an actor *)
Lemma ok_frame q q' a :
  loc q' a = loc q a -> mu q' a = mu q a -> ov q' a = ov q a -> ap q' a = ap q a -> gd q' a = gd q a ->
  mb q' a = mb q a -> (forall w, on q w a -> loc q a = Running w -> on q' w a) ->
  (forall w, loc q a = Parked w -> hand q w a = true \/ marked a (mm q) = true ->
             hand q' w a = true \/ marked a (mm q') = true) ->
  actor_ok q a -> actor_ok q' a.
Proof.
  intros E1 E2 E3 E4 E5 E6 Ho Hm. unfold actor_ok, source, pressed. rewrite E1, E2, E3, E4, E5, E6.
  destruct (loc q a); auto; intuition.
Qed.

Lemma ok_lowered q q0 w r q' : lowered q q0 w r q' -> (forall a, actor_ok q0 a) -> forall a, actor_ok q' a.
Proof.
  intros L K a. specialize (K a). apply lowered_bc in L. destruct L as (f & l & -> & _ & _ & Keep).
  unfold actor_ok, source, pressed, on in *. cbn. destruct (loc q0 a); auto.
  destruct K as (M & S0 & [H | H]); auto. split; [exact M | split; [exact S0 |]]. right.
  apply marked_true in H. destruct H as (z & x & H). apply marked_true. exists z, x. auto.
Qed.

Lemma ok_put q b : (forall a, actor_ok q a) -> forall a, actor_ok (enqueue q b) a.
Proof.
  intros K a. specialize (K a). unfold actor_ok, enqueue, source, pressed, on in *. cbn in *. unfold upd.
  destruct (eqd a b); [subst | exact K]. destruct (loc q b); tauto.
Qed.

Lemma kill_keeps q w w0 a s : s <> a -> hand q w0 s = true \/ marked s (mm q) = true ->
  hand (killed q w a) w0 s = true \/ marked s (mm (killed q w a)) = true.
Proof.
  intros N [H | H]; cbn.
  - left. unfold upd. destruct (eqd w0 w); [subst; destruct (eqd s a) |]; congruence.
  - right. apply marked_true in H. destruct H as (w2 & r2 & H). apply marked_true. exists w2, r2. apply drop_of_in. auto.
Qed.

Section Step.
Variables q q' : st.
Hypothesis St : step q q'.
Hypothesis I : Inv q.

Lemma on_step : forall w a, on q' w a -> loc q' a = Running w.
Proof.
  intros w0 a0 R. destruct St; low; unfold on in R; cbn in *; unfold upd in *;
  try (exact (v_on q I w0 a0 R)); owner I;
  try match goal with |- context [@eqd _ _ a0 ?y] => destruct (@eqd _ _ a0 y); [subst |] end;
  try match goal with H : context [@eqd _ _ w0 ?y] |- _ => destruct (@eqd _ _ w0 y); [subst |] end;
  try (pose proof (v_on q I _ _ R)); split_all; inj; try congruence;
  owner I; try congruence;
  repeat match goal with |- context [match loc q ?x with _ => _ end] => destruct (loc q x) eqn:?; try congruence end.
Qed.

Lemma rqd_step : NoDup (rq q').
Proof.
  pose proof (v_rqd q I). destruct St; low; cbn; auto; try (apply remove_nd; assumption).
  constructor; auto. intros Hi. apply (v_rq q I) in Hi. congruence.
Qed.

Lemma rq_step : forall a, In a (rq q') <-> loc q' a = Queued.
Proof.
  intros a0. pose proof (v_rq q I a0) as V. destruct St; low; cbn; rewrite ?remove_in; owner I; unfold upd;
  try match goal with |- context [@eqd _ _ a0 ?y] => destruct (@eqd _ _ a0 y); [subst |] end;
  try match goal with |- context [if ?b then _ else _] => destruct b end;
  try tauto; try (intuition congruence);
  try (destruct (loc q b) eqn:?; intuition congruence);
  try (destruct (loc q a) eqn:?; intuition congruence).
Qed.

Lemma nd_step : NoDup (mm q').
Proof.
  pose proof (v_nd q I). destruct St; low; cbn; auto using look_nd; try (apply Nd; cbn; auto); try (apply NoDup_filter; auto).
  - match goal with C : Left _ _ _ _ |- _ => apply (l_nd _ _ _ _ C); auto end.
  - apply remove_nd. auto.
Qed.
Ltac at_a a0 := try match goal with |- context [@eqd _ _ a0 ?y] => destruct (@eqd _ _ a0 y); [subst |] end.
Ltac at_w w0 := try match goal with |- context [@eqd _ _ w0 ?y] => destruct (@eqd _ _ w0 y); [subst |] end.

Lemma own_step : forall w r a, In (Mk w r a) (mm q') ->
  act q' w = Beh a \/ (exists b, act q' w = Snd a b) \/ loc q' a = Parked w.
Proof.
  intros w0 r0 a0 R.
  assert (V : In (Mk w0 r0 a0) (mm q) -> act q w0 = Beh a0 \/ (exists b, act q w0 = Snd a0 b) \/ loc q a0 = Parked w0)
    by apply (v_own q I).
  destruct St; low; cbn in *;
  try (apply Sub in R; cbn in R); try (apply look_in in R); try (apply drop_of_in in R; cbn in R);
  try (apply drop_on_in in R; cbn in R); try (match goal with C : Left _ _ _ _ |- _ => apply (l_sub _ _ _ _ C) in R end); try (apply remove_in in R; destruct R as (R & _));
  try (exact (V R)); owner I; unfold upd; at_a a0; at_w w0;
  try (specialize (V R)); split_all; inj; eauto; try congruence; try (exfalso; congruence);
  try (destruct V as [V | [(bb & V) | V]]; try congruence; owner I; try (rewrite V; eauto); try congruence; eauto; fail);
  repeat match goal with
  | H : In _ (mm q) -> _, K : In _ (mm q) |- _ => specialize (H K); split_all
  | H : Mk _ _ _ = Mk _ _ _ |- _ => injection H; clear H; intros; subst
  | H : act q ?w = ?x, K : act q ?w = ?y |- _ => first [constr_eq x y; fail 1 | rewrite H in K; inj]
  | H : loc q ?x = _ |- context [loc q ?x] => rewrite H
  end; try congruence; eauto.
  exfalso. match goal with M : marked _ _ = false |- _ => eapply marked_false in M; apply M; eassumption end.
Qed.

Lemma hand_step : forall w a, hand q' w a = true -> loc q' a = Parked w /\ marked a (mm q') = false.
Proof.
  intros w0 a0 R.
  assert (V : hand q w0 a0 = true -> loc q a0 = Parked w0 /\ marked a0 (mm q) = false) by apply (v_hand q I).
  destruct St; low; cbn in *; try (exact (V R)); owner I;
  unfold upd in *; at_a a0;
  repeat match goal with H : context [@eqd _ _ w0 ?y] |- _ => destruct (@eqd _ _ w0 y); [subst |] end;
  repeat match goal with H : context [@eqd _ _ a0 ?y] |- _ => destruct (@eqd _ _ a0 y); [subst |] end;
  repeat match goal with H : context [@eqd _ _ ?x ?x] |- _ => destruct (@eqd _ _ x x) end;
  try (specialize (V R)); split_all; inj; owner I; try congruence;
  repeat match goal with H : loc q ?x = _ |- context [loc q ?x] => rewrite H end;
  try (split; eauto using marked_drop_of, marked_drop_on, marked_left; apply marked_look; congruence);
  try (split; [auto | apply (marked_sub _ _ _ Sub); cbn; auto using marked_drop_of]);
  try (split; [auto | apply (marked_sub _ (mm q)); [| auto]; intros m Hm; apply remove_in in Hm; tauto]).
  apply orb_true_iff in R. destruct R as [R | R].
  - destruct (V R). auto using marked_drop_on.
  - apply andb_prop in R. destruct R as [R N]. apply andb_prop in R. destruct R as [M Hm].
    apply has_in in Hm. apply negb_true_iff in N. split; auto. eapply muted_mark; eauto.
Qed.

Ltac here := rewrite ?upd_same; try rewrite upd_other by assumption.
(* an actor that the step is not about *)
Ltac frame := match goal with N : ?a0 <> _ |- _ =>
  eapply (ok_frame q); cbn; try rewrite upd_other by assumption; try reflexivity;
  [ unfold on, upd; cbn; intros w1 O1 L1;
    repeat match goal with |- context [@eqd _ _ w1 ?y] => destruct (@eqd _ _ w1 y); [subst |] end;
    try exact O1; split_all; inj; try congruence; eauto
  | intros w1 L1 HM; try exact HM
  | apply (v_ok q I) ] end.

Lemma ok_step : forall a, actor_ok q' a.
Proof.
  intros a0. pose proof (v_ok q I) as K.
  destruct St as [a L | w a B E R | w a B E M | w a b B E | w a b B E | w a b B E | b | w a B E | w a q' B E Lo | w a B E
    | w a q' B G Lo | a M G | w a q' B E Lo | w a B E S0 Mk0 | w a B E S0 | w a B E | w a q' B E Lo | w a q' B E Lo
    | w a q' B E Lo | a L | w r todo t B T | w r todo B T | w r B T | w a todo l B Ha C | w a r B E F];
  try (apply (ok_lowered _ _ _ _ _ Lo); clear a0; intros a0); try (exact (K a0)); owner I.
  - destruct (eqd a0 a) as [-> | N]; [| frame].
    specialize (K a). unfold actor_ok in *. cbn. here. rewrite L in K. exact K.
  - destruct (eqd a0 a) as [-> | N]; [| frame].
    specialize (K a). unfold actor_ok, on in *. cbn. here. rewrite H in K. auto.
  - destruct (eqd a0 a) as [-> | N]; [| frame].
    specialize (K a). unfold actor_ok, on in *. cbn. here. rewrite H in *. here. intuition.
  - destruct (eqd a0 a) as [-> | N].
    + specialize (K a). unfold actor_ok, on in *. cbn. rewrite H in *. here. intuition eauto.
    + frame. destruct HM as [HM | HM]; auto. right. apply marked_true in HM. destruct HM as (w2 & r2 & HM).
      apply marked_true. exists w2, r2. apply look_keeps; auto.
  - change (actor_ok (enqueue (set_act q (upd (act q) w (Beh a))) b) a0). apply ok_put. clear a0. intros a0.
    eapply (ok_frame q); cbn; try reflexivity; auto. unfold on, upd; cbn. intros w1 O1 L1.
    destruct (eqd w1 w); [subst | exact O1]. split_all; inj; try congruence. rewrite E in H0. injection H0; intros; subst. eauto.
  - apply ok_put; auto.
  - apply ok_put; auto.
  - destruct (eqd a0 a) as [-> | N]; [| frame].
    specialize (K a). unfold actor_ok in *. cbn. rewrite H in *. exact K.
  - destruct (eqd a0 a) as [-> | N]; [| frame].
    specialize (K a). unfold actor_ok in *. cbn. rewrite H in *. exact K.
  - destruct (eqd a0 a) as [-> | N]; [| frame].
    specialize (K a). unfold actor_ok in *. cbn. rewrite H in *. exact K.
  - destruct (eqd a0 a) as [-> | N]; [| frame].
    specialize (K a). unfold actor_ok, source, pressed, on in *. cbn. here.
    assert (P : gd q a - 1 = 0 \/ (0 <? gd q a) = true) by (right; apply Nat.ltb_lt; lia).
    apply Nat.ltb_lt in G. rewrite G in K. rewrite !orb_true_r in K.
    destruct (loc q a); auto; destruct K as (? & ? & ?); discriminate.
  - destruct (eqd a0 a) as [-> | N]; [| frame].
    specialize (K a). unfold actor_ok, source, on in *. cbn. here.
    destruct (loc q a); auto; destruct K as (? & ? & ?); congruence.
  - assert (H : loc q a = Running w) by (apply on_loc; auto).
    destruct (eqd a0 a) as [-> | N]; [| frame].
    specialize (K a). unfold actor_ok in *. cbn. rewrite H in *. exact K.
  - destruct (eqd a0 a) as [-> | N]; [| frame].
    specialize (K a). unfold actor_ok in *. cbn. here. auto.
  - destruct (eqd a0 a) as [-> | N].
    + specialize (K a). unfold actor_ok, on in *. cbn. rewrite H in *. here. intuition eauto.
    + frame. destruct HM as [HM | HM]; auto. right. apply marked_true in HM. destruct HM as (w2 & r2 & HM).
      apply marked_true. exists w2, r2. apply drop_of_in. auto.
  - destruct (eqd a0 a) as [-> | N]; [| frame].
    specialize (K a). unfold actor_ok in *. cbn. here. rewrite H in K. tauto.
  - destruct (eqd a0 a) as [-> | N]; [| frame].
    specialize (K a). unfold actor_ok in *. cbn. here. rewrite H in K.
    destruct (mb q a =? 0) eqn:Z; [apply Nat.eqb_eq in Z |]; tauto.
  - assert (H : loc q a = Running w) by (apply on_loc; auto).
    destruct (eqd a0 a) as [-> | N].
    + unfold actor_ok, source, pressed. cbn. here. auto.
    + frame. apply kill_keeps; auto.
  - destruct (eqd a0 a) as [-> | N].
    + unfold actor_ok, source, pressed. cbn. here. auto.
    + frame. apply kill_keeps; auto.
  - destruct (eqd a0 a) as [-> | N]; [| frame].
    specialize (K a). unfold actor_ok, source in *. cbn. here. rewrite L in K. apply proj2 in K as K2. destruct K2 as (S0 & Mb).
    apply orb_false_iff in S0. tauto.
  - specialize (K a0). unfold actor_ok in *. cbn. unfold upd.
    destruct (loc q a0) eqn:L; try exact K. destruct K as (M & So & HM). split; [exact M | split; [exact So |]].
    destruct (eqd w0 w) as [-> |]; cbn.
    + destruct HM as [-> | HM]; [left; reflexivity |].
      destruct (marked a0 (drop_on w r (mm q))) eqn:D; [right; reflexivity | left].
      apply marked_true in HM. destruct HM as (w2 & r2 & HM).
      assert (w2 = w) by (pose proof (muted_mark q w2 r2 a0 I M HM); congruence). subst w2.
      destruct (eqd r2 r) as [-> | Nr].
      * apply has_in in HM. rewrite M, HM. cbn. apply orb_true_r.
      * exfalso. apply marked_false with (w := w) (r := r2) in D. apply D. apply drop_on_in. cbn. intuition.
    + destruct HM as [HM | HM]; [left; exact HM | right].
      apply marked_true in HM. destruct HM as (w2 & r2 & HM). apply marked_true. exists w2, r2. apply drop_on_in. split; auto.
      cbn. intros [-> _]. pose proof (muted_mark q w r2 a0 I M HM). congruence.
  - destruct (eqd a0 a) as [-> | N].
    + unfold actor_ok. cbn. here. reflexivity.
    + frame. destruct HM as [HM | HM].
      * left. unfold upd. destruct (eqd w1 w); [subst; destruct (eqd a0 a); [contradiction |] |]; exact HM.
      * right. apply marked_true in HM. destruct HM as (w2 & r2 & HM). apply marked_true. exists w2, r2.
        apply (l_rest _ _ _ _ C); auto. right. cbn. specialize (K a0). unfold actor_ok in K. rewrite L1 in K. tauto.
  - destruct (eqd a0 a) as [-> | N].
    + specialize (K a). unfold actor_ok, on in *. cbn. rewrite H in *. exact K.
    + frame. destruct HM as [HM | HM]; auto. right. apply marked_true in HM. destruct HM as (w2 & r2 & HM).
      apply marked_true. exists w2, r2. apply remove_in. split; auto. congruence.
Qed.

Theorem Inv_step : Inv q'.
Proof. split; [exact ok_step | exact on_step | exact rqd_step | exact rq_step | exact own_step | exact hand_step | exact nd_step]. Qed.
End Step.

(* ---- every mark has its cause ---- *)
Definition Caused q := forall w r s, In (Mk w r s) (mm q) -> pressing q r = true \/ flight q w r.

(* an announcement stays until z, who makes it, is done: any step of z but telling waits for that *)
Lemma flight_keep q q' w r z : flight q w r ->
  inbox q w r <= inbox q' w r -> bc q z = None -> (forall t, t <> z -> bc q' t = bc q t) -> flight q' w r.
Proof.
  intros [F | (t & todo & Hb & Ht)] Hi Hz Hk.
  - left. lia.
  - right. exists t, todo. split; auto. rewrite Hk; auto. congruence.
Qed.

Lemma lowered_flight q q0 z a q' w r : lowered q q0 z a q' -> bc q z = None -> bc q0 = bc q -> inbox q0 = inbox q ->
  flight q w r -> flight q' w r.
Proof.
  intros L B Eb Ei F. destruct L as [_ | todo l _ _ _];
  apply (flight_keep q) with (z := z); auto; cbn; rewrite ?Eb, ?Ei; auto.
  intros t N. apply upd_other. exact N.
Qed.

(* The removal of marks stays in flight until they are gone. *)
Lemma flight_step q q' w r : step q q' -> flight q w r -> flight q' w r \/ forall s, ~ In (Mk w r s) (mm q').
Proof.
  intros St F.
  destruct St as [a L | w1 a B E R | w1 a B E M | w1 a b B E | w1 a b B E | w1 a b B E | b | w1 a B E | w1 a q' B E Lo | w1 a B E
    | w1 a q' B G Lo | a M G | w1 a q' B E Lo | w1 a B E S0 Mk0 | w1 a B E S0 | w1 a B E | w1 a q' B E Lo | w1 a q' B E Lo
    | w1 a q' B E Lo | a L | w1 r1 todo t B T | w1 r1 todo B T | w1 r1 B T | w1 a todo l B Ha C | w1 a r1 B E F1];
  try (left; exact F); try (left; eapply lowered_flight; [exact Lo | exact B | reflexivity | reflexivity | exact F]).
  - left. destruct F as [F | (t1 & td & Hb & Ht)].
    + left. cbn. unfold upd. destruct (eqd w t); [subst; destruct (eqd r r1); [lia |] |]; exact F.
    + destruct (eqd t1 w1) as [-> | N].
      * rewrite B in Hb. injection Hb; intros; subst. destruct (eqd w t) as [-> |].
        -- left. cbn. rewrite !upd_same. lia.
        -- right. exists w1, (upd td t false). cbn. rewrite upd_same, upd_other; auto.
      * right. exists t1, td. cbn. rewrite upd_other; auto.
  - left. destruct F as [F | (t1 & td & Hb & Ht)]; [left; exact F |]. right. exists t1, td. cbn.
    destruct (eqd t1 w1) as [-> | N]; [| rewrite upd_other; auto].
    rewrite B in Hb. injection Hb; intros; subst. rewrite T in Ht. discriminate.
  - destruct (eqd w w1) as [-> | N]; [destruct (eqd r r1) as [-> | N] |].
    + right. intros s H. cbn in H. apply drop_on_in in H. cbn in H. tauto.
    + left. destruct F as [F | F]; [left | right; exact F]. cbn. rewrite upd_same, upd_other; auto.
    + left. destruct F as [F | F]; [left | right; exact F]. cbn. rewrite upd_other; auto.
  - left. apply (flight_keep q) with (z := w1); auto. cbn. intros t N. apply upd_other. exact N.
Qed.

(* R6, first half: a fall is announced to all who keep a mark. *)
Lemma fall_step q q' r : step q q' -> pressing q r = true ->
  pressing q' r = true \/ forall w s, In (Mk w r s) (mm q') -> flight q' w r.
Proof.
  intros St P.
  (* who keeps a mark is told now, or an earlier fall is still on its way *)
  assert (Told : forall q0 w1 a todo l w s, bc q w1 = None -> bc q0 = bc q -> inbox q0 = inbox q -> Left q0 a todo l ->
    bc q' = upd (bc q) w1 (Some (a, todo)) -> inbox q' = inbox q -> In (Mk w a s) l -> flight q' w a).
  { intros q0 w1 a todo l w s B Eb Ei C Eb' Ei' Hi. destruct (l_told _ _ _ _ C _ _ Hi) as [T | F].
    - right. exists w1, todo. rewrite Eb', upd_same. auto.
    - apply (flight_keep q) with (z := w1); auto.
      + unfold flight in *. rewrite Eb, Ei in F. exact F.
      + rewrite Ei'. auto.
      + intros t N. rewrite Eb'. apply upd_other. exact N. }
  assert (Low : forall q0 w a, bc q w = None -> bc q0 = bc q -> inbox q0 = inbox q ->
    (forall x, x <> a -> pressing q0 x = pressing q x) -> lowered q q0 w a q' ->
    pressing q' r = true \/ forall w s, In (Mk w r s) (mm q') -> flight q' w r).
  { intros q0 w1 a B Eb Ei Hx L. destruct (eqd r a) as [-> | N].
    - destruct L as [[H | H] | todo l H1 H2 C]; [congruence | left; exact H |].
      right. intros w2 s Hi. eapply Told; try exact C; try eassumption; cbn; congruence.
    - left. rewrite <- P, <- (Hx r N). destruct L; reflexivity. }
  destruct St as [a L | w1 a B E R | w1 a B E M | w1 a b B E | w1 a b B E | w1 a b B E | b | w1 a B E | w1 a q' B E Lo | w1 a B E
    | w1 a q' B G Lo | a M G | w1 a q' B E Lo | w1 a B E S0 Mk0 | w1 a B E S0 | w1 a B E | w1 a q' B E Lo | w1 a q' B E Lo
    | w1 a q' B E Lo | a L | w1 r1 todo t B T | w1 r1 todo B T | w1 r1 B T | w1 a todo l B Ha C | w1 a r1 B E F1];
  try (left; exact P);
  try (apply (Low _ _ _) with (1 := B) (5 := Lo); auto; intros x N; unfold pressing, source, pressed; cbn; rewrite ?upd_other by exact N; reflexivity).
  - left. revert P. unfold pressing, source, pressed. cbn. unfold upd. destruct (eqd r a); auto.
    intros _. rewrite orb_true_r. reflexivity.
  - left. revert P. unfold pressing, source, pressed. cbn. unfold upd. destruct (eqd r a); auto.
    intros _. rewrite !orb_true_r. reflexivity.
  - left. revert P. unfold pressing, source, pressed. cbn. unfold upd. destruct (eqd r a); auto.
  - left. revert P. unfold pressing, source, pressed. cbn. unfold upd. destruct (eqd r a); auto.
    intros _. rewrite !orb_true_r. reflexivity.
  - left. revert P. unfold pressing, source, pressed. cbn. unfold upd. destruct (eqd r a); auto.
  - destruct (eqd r a) as [-> | N].
    + right. intros w s Hi. cbn in Hi. eapply Told; try exact C; eauto.
    + left. revert P. unfold pressing, source, pressed. cbn. rewrite upd_other; auto.
Qed.

(* where a mark comes from: it was there, or this step made it, by R2 *)
Lemma mark_origin q q' m : step q q' -> In m (mm q') -> In m (mm q) \/
  exists w a b, m = Mk w b a /\ bc q w = None /\ act q w = Beh a /\ a <> b /\ pressing q b = true /\ source q a = false /\
    q' = set_act (set_mm q (look q w a b)) (upd (act q) w (Snd a b)).
Proof.
  intros St H. destruct St; low; cbn in H; try (apply Sub in H; cbn in H); auto.
  - apply look_in in H. destruct H as [H | (E & N & P & S0)]; auto. right. exists w, a, b. repeat split; auto.
  - apply drop_of_in in H. tauto.
  - apply drop_of_in in H. tauto.
  - apply drop_of_in in H. tauto.
  - apply drop_on_in in H. tauto.
  - left. match goal with C : Left _ _ _ _ |- _ => exact (l_sub _ _ _ _ C _ H) end.
  - apply remove_in in H. tauto.
Qed.

Lemma Caused_step q q' : step q q' -> Caused q -> Caused q'.
Proof.
  intros St C w r s H. destruct (mark_origin _ _ _ St H) as [Hi | (w1 & a & b & E & _ & _ & _ & P & _ & ->)].
  - destruct (C _ _ _ Hi) as [P | F].
    + destruct (fall_step _ _ _ St P) as [| F]; eauto.
    + destruct (flight_step _ _ _ _ St F) as [| N]; auto. destruct (N _ H).
  - injection E; intros; subst. left. exact P.
Qed.

(* ---- the waits that nobody is about to end are ranked ----
   The rank falls along a chain, from the sender to the receiver. The fact behind it: a sender that can be marked is
   not pressing, so the removal of every mark on it is in flight and its own rank may be raised as high as needed. *)
Definition Ranked q := exists rank : A -> nat, forall w r s, solid q w r s -> rank r < rank s.

Lemma solid_old q q' w r s : step q q' -> In (Mk w r s) (mm q) -> solid q' w r s -> solid q w r s.
Proof.
  intros St Hi (H & NF). split; auto. intros F.
  destruct (flight_step _ _ _ _ St F) as [F' | N]; [contradiction | exact (N s H)].
Qed.

Lemma Ranked_step q q' : step q q' -> Inv q -> Caused q -> Ranked q -> Ranked q'.
Proof.
  intros St I C (rank & R).
  assert (D : mm q' = mm q \/ (forall m, In m (mm q') -> In m (mm q)) \/
    exists w a b, act q w = Beh a /\ a <> b /\ source q a = false /\ q' = set_act (set_mm q (look q w a b)) (upd (act q) w (Snd a b))).
  { clear R C. destruct St; low; auto;
      try (right; left; intros m Hm; cbn in Hm; try (apply Sub in Hm; cbn in Hm);
        try (first [apply drop_of_in in Hm | apply drop_on_in in Hm | apply remove_in in Hm
          | match goal with C : Left _ _ _ _ |- _ => apply (l_sub _ _ _ _ C) in Hm end]); tauto).
    destruct (eqd a b) as [E | N]; [| destruct (source q a) eqn:S0].
    - left. cbn. unfold look. destruct (eqd a b); [reflexivity | congruence].
    - left. cbn. unfold look. rewrite S0, andb_false_r. reflexivity.
    - right; right. exists w, a, b. auto. }
  destruct D as [E | [Sub | (w & a & b & Ha & N & S0 & E)]].
  - exists rank. intros w r s H. apply (R w). eapply solid_old; eauto. destruct H as [H _]. rewrite E in H. exact H.
  - exists rank. intros w r s H. apply (R w). eapply solid_old; eauto. apply Sub, H.
  - exists (fun x => if eqd x a then S (rank a + rank b) else rank x).
    assert (M : mu q a = false) by (apply (running_ok q w a I); apply beh_loc; auto).
    intros w1 r s H. pose proof H as (Hin & NF). rewrite E in Hin. cbn in Hin. apply look_in in Hin.
    assert (Ra : r = a -> In (Mk w1 r s) (mm q) -> False).
    { intros -> Hq. apply NF. destruct (C _ _ _ Hq) as [P | F].
      - unfold pressing in P. rewrite S0, M in P. discriminate.
      - rewrite E. exact F. }
    destruct Hin as [Hin | (Em & _)].
    + assert (rank r < rank s) by (apply (R w1); eapply solid_old; eauto).
      destruct (eqd r a); [destruct (Ra e Hin) |]. destruct (eqd s a); [subst; lia | assumption].
    + injection Em; intros; subst. destruct (eqd b a); [congruence |]. destruct (eqd a a); [lia | congruence].
Qed.

Theorem reach_ok q : reach q -> Inv q /\ Caused q /\ Ranked q.
Proof.
  induction 1 as [q H | q q' _ (I & C & R) St].
  - pose proof (Inv_init q H) as I. destruct H as (_ & _ & Hm & _). split; [exact I | split].
    + intros w r s. rewrite Hm. intros [].
    + exists (fun _ => 0). intros w r s [Hi _]. rewrite Hm in Hi. destruct Hi.
  - split; [| split]; eauto using Inv_step, Caused_step, Ranked_step.
Qed.
End Invariant.
