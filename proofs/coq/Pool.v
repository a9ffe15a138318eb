(* The pool, as its code has it, and the proof that it is a special case of the system of System.v (`pool_refines`).

   What is finer here than there:
   - A send reads the flags of its sender and those of its receiver one after the other, not at once.
   - A send makes no mark. It leaves a note: the receiver, and in which era of pressing it was. The note becomes a mark at
     the end of the behaviour, one receiver after the other, if the receiver is still in that era; then this worker's bit
     is set in the receiver's word, in the same operation.
   - A fall clears the bits and ends the era in the operation that lowers the last flag, and only the workers whose bit
     was set are told. Several workers may share a bit.
   - A message "r has fallen" is read between two behaviours, and may be older than the marks that it removes.
   What is as coarse as there: the flags, the era and the bits of one actor are one word, changed by one operation at a
   time; the number of its guards and its flag "held" change together, because both do so under one lock, and nobody reads
   the number without it; marks and hand belong to one worker, so that nobody else sees them half changed.

   Not here: memory orders and the lists behind mailboxes and queues; those are for loom and shuttle. *)
Require Import List Arith Lia Bool Relations Wellfounded.
Import ListNotations.
From Backwater Require Import System Invariant Theorems.

Section Pool.
Variables A W B : Type.                       (* actors, workers, bits *)
Context {EA : EqDec A} {EW : EqDec W} {EB : EqDec B}.
Variable bit : W -> B.                        (* which bit of a word is a worker's; two may have the same *)
Notation st := (st A W).

(* What a worker is in the middle of, in a behaviour. *)
Inductive phase :=
| Free                                        (* nothing *)
| Sending (b : A)                             (* in a send to b: its own flags were read, and exempt it from nothing *)
| Ending (todo : list (A * nat)) (kept : list A).  (* the behaviour ends: notes yet to look at, receivers registered with *)

Record pst := mkp {
  core : st;                    (* all that the two systems share. Its marks are those of muted actors only; `bc` is a
                                   fall that a worker has made and has yet to post; `inbox` what has been posted *)
  era  : A -> nat;              (* how often it has fallen *)
  wait : A -> B -> bool;        (* the bits of the workers that are to be told when it falls *)
  note : W -> list (A * nat);   (* in a behaviour: whom it sent to while they pressed, and in which era of theirs *)
  ph   : W -> phase }.

Definition lift p c := mkp c (era p) (wait p) (note p) (ph p).
Definition set_note p f := mkp (core p) (era p) (wait p) f (ph p).
Definition set_ph p f := mkp (core p) (era p) (wait p) (note p) f.

(* one operation on the word of r: a new era begins, nobody waits, and the old bits say who is to be told *)
Definition fallen p w r :=
  mkp (set_bc (core p) (upd (bc (core p)) w (Some (r, fun t => wait p r (bit t)))))
    (upd (era p) r (S (era p r))) (upd (wait p) r (fun _ => false)) (note p) (ph p).

(* p0 is p with some flags of r lowered by w *)
Inductive plowered (p p0 : pst) w r : pst -> Prop :=
| pl_none : pressing (core p) r = false \/ pressing (core p0) r = true -> plowered p p0 w r p0
| pl_fall : pressing (core p) r = true -> pressing (core p0) r = false -> plowered p p0 w r (fallen p0 w r).

(* R2: a note, unless it is a send to oneself *)
Definition noted p w a b := if (if eqd a b then false else true) && pressing (core p) b then (b, era p b) :: note p w else note p w.

(* R3: the marks of a at w, for those it registered with *)
Definition marks_for w a (kept : list A) (l : list (mark A W)) := map (fun r => Mk w r a) kept ++ l.

(* the notes that the behaviour on w has yet to look at again; the receivers that it has registered with *)
Definition pending p w := match ph p w with Ending todo _ => todo | _ => note p w end.
Definition kept p w := match ph p w with Ending _ k => k | _ => [] end.

Inductive pstep (p : pst) : pst -> Prop :=
| p_push a : loc (core p) a = Waking ->
    pstep p (lift p (set_rq (set_loc (core p) (upd (loc (core p)) a Queued)) (a :: rq (core p))))
| p_begin w a : bc (core p) w = None -> act (core p) w = Idle -> In a (rq (core p)) ->
    pstep p (lift p (set_act (set_rq (set_loc (core p) (upd (loc (core p)) a (Running w))) (remove eqd a (rq (core p)))) (upd (act (core p)) w (Run a))))
| p_take w a : bc (core p) w = None -> act (core p) w = Run a -> mb (core p) a > 0 ->
    pstep p (lift p (set_act (set_mb (core p) (upd (mb (core p)) a (mb (core p) a - 1))) (upd (act (core p)) w (Beh a))))
(* --- sends --- *)
| p_own w a b : bc (core p) w = None -> act (core p) w = Beh a -> ph p w = Free -> source (core p) a = false ->
    pstep p (set_ph p (upd (ph p) w (Sending b)))                      (* it reads its own flags *)
| p_exempt w a b : bc (core p) w = None -> act (core p) w = Beh a -> ph p w = Free -> source (core p) a = true ->
    pstep p (lift p (set_act (core p) (upd (act (core p)) w (Snd a b))))
| p_look w a b : bc (core p) w = None -> act (core p) w = Beh a -> ph p w = Sending b ->     (* then those of b *)
    pstep p (set_ph (set_note (lift p (set_act (core p) (upd (act (core p)) w (Snd a b)))) (upd (note p) w (noted p w a b)))
      (upd (ph p) w Free))
| p_put w a b : bc (core p) w = None -> act (core p) w = Snd a b ->
    pstep p (lift p (set_act (enqueue (core p) b) (upd (act (core p)) w (Beh a))))
| p_control w a b : bc (core p) w = None -> act (core p) w = Beh a -> ph p w = Free -> pstep p (lift p (enqueue (core p) b))
| p_event b : pstep p (lift p (enqueue (core p) b))
(* --- pressure --- *)
| p_apply w a : bc (core p) w = None -> act (core p) w = Beh a -> ph p w = Free ->
    pstep p (lift p (set_ap (core p) (upd (ap (core p)) a true)))
| p_release w a p' : bc (core p) w = None -> act (core p) w = Beh a -> ph p w = Free ->
    plowered p (lift p (set_ap (core p) (upd (ap (core p)) a false))) w a p' -> pstep p p'
| p_hold w a : bc (core p) w = None -> act (core p) w = Beh a -> ph p w = Free ->
    pstep p (lift p (set_gd (core p) (upd (gd (core p)) a (S (gd (core p) a)))))
| p_drop w a p' : bc (core p) w = None -> gd (core p) a > 0 ->         (* anybody, also in the middle of a send or an end *)
    plowered p (lift p (set_gd (core p) (upd (gd (core p)) a (gd (core p) a - 1)))) w a p' -> pstep p p'
(* before the push: whoever pushes to a sleeping actor schedules it *)
| p_deep a : mu (core p) a = false -> loc (core p) a <> Gone ->
    pstep p (lift p (set_loc (set_ov (core p) (upd (ov (core p)) a true))
      (upd (loc (core p)) a (match loc (core p) a with Asleep => Waking | l => l end))))
(* --- end of a behaviour --- *)
| p_end w a : bc (core p) w = None -> act (core p) w = Beh a -> ph p w = Free ->
    pstep p (set_ph (set_note p (upd (note p) w [])) (upd (ph p) w (Ending (note p w) [])))
| p_register w a r todo kept : bc (core p) w = None -> act (core p) w = Beh a -> ph p w = Ending ((r, era p r) :: todo) kept ->
    pressing (core p) r = true ->                                       (* still that era, and still pressing *)
    pstep p (mkp (core p) (era p) (upd (wait p) r (upd (wait p r) (bit w) true)) (note p) (upd (ph p) w (Ending todo (r :: kept))))
| p_stale w a r e todo kept : bc (core p) w = None -> act (core p) w = Beh a -> ph p w = Ending ((r, e) :: todo) kept ->
    era p r <> e \/ pressing (core p) r = false -> pstep p (set_ph p (upd (ph p) w (Ending todo kept)))
| p_mute w a kept : bc (core p) w = None -> act (core p) w = Beh a -> ph p w = Ending [] kept -> kept <> [] ->
    source (core p) a = false ->
    pstep p (set_ph (lift p (set_mm (set_act (set_loc (set_mu (core p) (upd (mu (core p)) a true)) (upd (loc (core p)) a (Parked w)))
      (upd (act (core p)) w Idle)) (marks_for w a kept (mm (core p))))) (upd (ph p) w Free))
| p_done w a kept : bc (core p) w = None -> act (core p) w = Beh a -> ph p w = Ending [] kept ->
    source (core p) a = true \/ kept = [] ->
    pstep p (set_ph (lift p (set_act (core p) (upd (act (core p)) w (Run a)))) (upd (ph p) w Free))
(* --- end of a run --- *)
| p_full w a : bc (core p) w = None -> act (core p) w = Run a ->
    pstep p (lift p (set_act (set_loc (set_ov (core p) (upd (ov (core p)) a true)) (upd (loc (core p)) a Waking)) (upd (act (core p)) w Idle)))
| p_short w a p' : bc (core p) w = None -> act (core p) w = Run a ->
    plowered p (lift p (set_act (set_loc (set_ov (core p) (upd (ov (core p)) a false))
      (upd (loc (core p)) a (if mb (core p) a =? 0 then Asleep else Waking))) (upd (act (core p)) w Idle))) w a p' -> pstep p p'
(* --- end of an actor --- *)
| p_stop w a p' : bc (core p) w = None -> act (core p) w = Run a \/ act (core p) w = Beh a -> ph p w = Free ->
    plowered p (set_note (lift p (set_act (killed (core p) w a) (upd (act (core p)) w Idle))) (upd (note p) w [])) w a p' -> pstep p p'
| p_kill w a p' : bc (core p) w = None -> loc (core p) a = Asleep \/ loc (core p) a = Queued \/ loc (core p) a = Parked w ->
    plowered p (lift p (killed (core p) w a)) w a p' -> pstep p p'
| p_reuse a : loc (core p) a = Gone -> pstep p (lift p (set_loc (core p) (upd (loc (core p)) a Asleep)))   (* its era goes on *)
(* --- a fall travels --- *)
| p_post w r todo t : bc (core p) w = Some (r, todo) -> todo t = true ->
    pstep p (lift p (set_bc (set_inbox (core p) (upd (inbox (core p)) t (upd (inbox (core p) t) r (S (inbox (core p) t r)))))
      (upd (bc (core p)) w (Some (r, upd todo t false)))))
| p_posted w r todo : bc (core p) w = Some (r, todo) -> (forall t, todo t = false) ->
    pstep p (lift p (set_bc (core p) (upd (bc (core p)) w None)))
(* between two behaviours; or in one, of a fall that the worker has made itself: then it has no note of the new era *)
| p_read w r : bc (core p) w = None -> ~ In (r, era p r) (pending p w) -> ~ In r (kept p w) -> inbox (core p) w r > 0 ->
    pstep p (lift p (set_hand (set_inbox (set_mm (core p) (drop_on w r (mm (core p))))
        (upd (inbox (core p)) w (upd (inbox (core p) w) r (inbox (core p) w r - 1))))
      (upd (hand (core p)) w (fun a => hand (core p) w a ||
        (mu (core p) a && has (Mk w r a) (mm (core p)) && negb (marked a (drop_on w r (mm (core p)))))))))
| p_free w a : bc (core p) w = None -> hand (core p) w a = true ->
    pstep p (fallen (lift p (set_hand (set_loc (set_mu (core p) (upd (mu (core p)) a false)) (upd (loc (core p)) a Waking))
      (upd (hand (core p)) w (upd (hand (core p) w) a false)))) w a).

Definition pinit p := init (core p) /\ (forall w, note p w = [] /\ ph p w = Free) /\ (forall a b, wait p a b = false).

Inductive preach : pst -> Prop :=
| pr_init p : pinit p -> preach p
| pr_step p p' : preach p -> pstep p p' -> preach p'.

(* ---- a state of the general system that stands for p ---- *)
Definition inb (q : st) w a := act q w = Beh a \/ exists b, act q w = Snd a b.        (* w is in a behaviour of a *)

(* equal but for the marks *)
Record same (c q : st) : Prop := {
  e_ov : ov c = ov q; e_ap : ap c = ap q; e_gd : gd c = gd q; e_mu : mu c = mu q; e_mb : mb c = mb q; e_loc : loc c = loc q;
  e_rq : rq c = rq q; e_act : act c = act q; e_bc : bc c = bc q; e_in : inbox c = inbox q;
  e_hand : forall w a, hand c w a = hand q w a }.

(* The general system marks at the send already. So it has, beside the marks of the muted, one for each note that is of
   the receiver's present era and for each receiver registered with. An overloaded sender may have a note too many: others
   can have made it overloaded after it read its own flags; R3 drops it. (x is an actor whose flag was lowered just now
   and whose fall has yet to follow.) *)
Record sim (x : option A) (p : pst) (q : st) : Prop := {
  m_same  : same (core p) q;
  m_muted : forall w r a, In (Mk w r a) (mm (core p)) <-> In (Mk w r a) (mm q) /\ mu q a = true;
  m_note  : forall w r a, In (r, era p r) (pending p w) -> inb q w a -> In (Mk w r a) (mm q) \/ ov q a = true;
  m_kept  : forall w r a, In r (kept p w) -> inb q w a -> In (Mk w r a) (mm q) \/ ov q a = true;
  m_live  : forall w r a, In (Mk w r a) (mm q) -> mu q a = false -> In (r, era p r) (pending p w) \/ In r (kept p w);
  m_reg   : forall w r, In r (kept p w) \/ (exists a, In (Mk w r a) (mm (core p))) -> wait p r (bit w) = true \/ flight q w r;
  m_press : forall w r, In (r, era p r) (pending p w) -> x <> Some r -> pressing q r = true;
  m_era   : forall w r e, In (r, e) (pending p w) -> e <= era p r;
  m_own   : forall w b a, ph p w = Sending b -> act q w = Beh a -> source q a = false \/ ov q a = true;
  m_beh   : forall w, ph p w = Free \/ exists a, act q w = Beh a;
  m_none  : forall w, (forall a, ~ inb q w a) -> note p w = [];
  m_end   : forall w todo k, ph p w = Ending todo k -> note p w = [] }.


Lemma same_source c q a : same c q -> source c a = source q a.
Proof. intros []. unfold source, pressed. congruence. Qed.
Lemma same_pressing c q a : same c q -> pressing c a = pressing q a.
Proof. intros S. unfold pressing. rewrite (same_source c q a S), (e_mu _ _ S). reflexivity. Qed.
Lemma same_flight c q w r : same c q -> flight c w r <-> flight q w r.
Proof. intros []. unfold flight. rewrite e_bc0, e_in0. tauto. Qed.

Lemma act_eq_dec (x y : Act A) : {x = y} + {x <> y}.
Proof. decide equality; apply eqd. Defined.

Lemma not_inb q w a : act q w = Idle \/ act q w = Run a -> forall b, ~ inb q w b.
Proof. intros [E | E] b [H | (c & H)]; congruence. Qed.

(* A step that changes neither marks nor notes. *)
Lemma frame x p q c' q' : sim None p q -> same c' q' -> mm c' = mm (core p) -> mm q' = mm q -> mu q' = mu q ->
  (forall w a, inb q' w a -> inb q w a \/ (pending p w = [] /\ kept p w = [])) ->
  (forall w a, inb q' w a -> ov q a = true -> ov q' a = true) ->
  (forall r, x <> Some r -> pressing q r = true -> pressing q' r = true) ->
  (forall w r, flight q w r -> flight q' w r) ->
  (forall w a, act q w = Beh a -> ph p w <> Free -> act q' w = Beh a) ->
  (forall w b a, ph p w = Sending b -> act q w = Beh a -> source q a = false \/ ov q a = true -> source q' a = false \/ ov q' a = true) ->
  (forall w a, inb q w a -> exists b, inb q' w b) ->
  sim x (lift p c') q'.
Proof.
  intros [] S Ec Eq Eu Hb Ho Hp Hf Ha Hs Hn. split; cbn; auto.
  - intros w r a. rewrite Ec, Eq, Eu. apply m_muted0.
  - intros w r a H I. destruct (Hb w a I) as [J | (J & _)].
    + destruct (m_note0 w r a H J) as [K | K]; [left; rewrite Eq; exact K | right; eauto].
    + change (pending (lift p c') w) with (pending p w) in H. rewrite J in H. destruct H.
  - intros w r a H I. destruct (Hb w a I) as [J | (_ & J)].
    + destruct (m_kept0 w r a H J) as [K | K]; [left; rewrite Eq; exact K | right; eauto].
    + change (kept (lift p c') w) with (kept p w) in H. rewrite J in H. destruct H.
  - intros w r a. rewrite Eq, Eu. apply m_live0.
  - intros w r H. rewrite Ec in H. destruct (m_reg0 w r H) as [K | K]; [left; exact K | right; apply Hf; exact K].
  - intros w r H N. apply Hp; auto. eapply m_press0; [exact H | discriminate].
  - intros w b a H I. destruct (m_beh0 w) as [F | (a0 & F)]; [congruence |].
    assert (Y : ph p w <> Free) by congruence. pose proof (Ha w a0 F Y) as X. rewrite I in X. injection X; intros; subst.
    apply (Hs w b a0 H F). apply (m_own0 w b a0 H F).
  - intros w. destruct (m_beh0 w) as [F | (a & F)]; [left; exact F |].
    destruct (ph p w) eqn:E; [left; reflexivity | right; exists a; apply Ha; congruence | right; exists a; apply Ha; congruence].
  - intros w H. apply m_none0. intros a I. destruct (Hn w a I) as (b & J). exact (H b J).
Qed.

(* the fall of r, whose flag is down already *)
Lemma fall_sim p q w r : sim (Some r) p q -> bc q w = None -> exists l, Left q r (fun t => wait p r (bit t)) l /\
  sim None (fallen p w r) (set_bc (set_mm q l) (upd (bc q) w (Some (r, fun t => wait p r (bit t))))).
Proof.
  intros S Nb. pose proof S as [].
  set (f := fun m : mark A W => (if eqd (on_r m) r then false else true) || mu q (of_s m) ||
    (if in_dec eqd r (kept p (at_w m)) then true else false)).
  assert (Fl : forall z x, flight q z x -> flight (set_bc (set_mm q (filter f (mm q))) (upd (bc q) w (Some (r, fun t => wait p r (bit t))))) z x).
  { intros z x F. apply (flight_keep q) with (z := w); auto. intros t N. apply upd_other. exact N. }
  assert (Stay : forall z x a, In (Mk z x a) (mm q) -> x <> r \/ mu q a = true \/ In x (kept p z) -> In (Mk z x a) (filter f (mm q))).
  { intros z x a H K. apply filter_In. split; auto. unfold f. cbn. destruct (eqd x r) as [-> |]; [| reflexivity].
    destruct K as [K | [K | K]]; [congruence | rewrite K; reflexivity |].
    destruct (in_dec eqd r (kept p z)); [rewrite orb_true_r; reflexivity | contradiction]. }
  exists (filter f (mm q)). split; [split |].
  - intros m H. apply filter_In in H. tauto.
  - apply NoDup_filter.
  - intros [z x a] H K. cbn in K. apply Stay; tauto.
  - intros z a H. apply filter_In in H. destruct H as (H & K). unfold f in K. cbn in K.
    destruct (eqd r r); [cbn in K | congruence]. apply m_reg0. apply orb_true_iff in K. destruct K as [K | K].
    + right. exists a. apply m_muted0. auto.
    + left. destruct (in_dec eqd r (kept p z)); [assumption | discriminate].
  - split; cbn; auto.
    + destruct m_same0. split; cbn; auto. congruence.
    + intros z x a. rewrite m_muted0. split; intros (H & M); split; auto. apply filter_In in H. tauto.
    + intros z x a H I. change (pending (fallen p w r) z) with (pending p z) in H. destruct (eqd x r) as [-> | N].
      * rewrite upd_same in H. apply m_era0 in H. lia.
      * rewrite upd_other in H by exact N. destruct (m_note0 z x a H I) as [K | K]; auto.
    + intros z x a H I. destruct (m_kept0 z x a H I) as [K | K]; auto.
    + intros z x a H M. apply filter_In in H. destruct H as (H & K). unfold f in K. cbn in K. rewrite M in K.
      destruct (eqd x r) as [-> | N].
      * right. cbn in K. destruct (in_dec eqd r (kept p z)); [assumption | discriminate].
      * rewrite upd_other by exact N. apply m_live0 with (a := a); auto.
    + intros z x H. destruct (m_reg0 z x H) as [K | K]; [| right; auto].
      destruct (eqd x r) as [-> | N]; [| left; rewrite upd_other; auto].
      right. right. exists w, (fun t => wait p r (bit t)). cbn. rewrite upd_same. auto.
    + intros z x H _. change (pending (fallen p w r) z) with (pending p z) in H. destruct (eqd x r) as [-> | N].
      * rewrite upd_same in H. apply m_era0 in H. lia.
      * rewrite upd_other in H by exact N. apply (m_press0 z x H). congruence.
    + intros z x e H. apply m_era0 in H. unfold upd. destruct (eqd x r); [subst; lia | exact H].
Qed.

Lemma lowered_sim p p0 q q0 w r p' : plowered p p0 w r p' -> sim None p q -> sim (Some r) p0 q0 -> bc q0 w = None ->
  era p0 = era p -> (forall z n, In n (pending p0 z) -> In n (pending p z)) ->
  exists q', lowered q q0 w r q' /\ sim None p' q'.
Proof.
  intros L S S0 Nb Ee Hp.
  pose proof (same_pressing _ _ r (m_same _ _ _ S)) as E1. pose proof (same_pressing _ _ r (m_same _ _ _ S0)) as E2.
  destruct L as [N | P P'].
  - exists q0. split; [apply low_none; rewrite <- E1, <- E2; exact N |].
    destruct S0. split; auto. intros z x H _. destruct (eqd x r) as [-> | Nx]; [| apply (m_press0 z x H); congruence].
    destruct N as [N | N]; [| congruence]. rewrite Ee in H. apply Hp in H.
    assert (None <> Some r) by discriminate. pose proof (m_press _ _ _ S z r H). intuition congruence.
  - destruct (fall_sim p0 q0 w r S0 Nb) as (l & Lf & K). eexists. split; [| exact K].
    apply low_fall; [congruence | congruence | exact Lf].
Qed.

(* a ends: in a run of w, or elsewhere; f is what the workers do after it, n the notes after it *)
Lemma killed_sim p q w a f n : sim None p q -> Inv q ->
  (forall z b, (f z = Beh b \/ exists c, f z = Snd b c) -> inb q z b /\ b <> a) ->
  (forall z b, inb q z b -> b <> a -> f z = act q z) ->
  (forall z, ph p z <> Free -> f z = act q z) ->
  (forall z, f z = act q z -> n z = note p z) -> (forall z, f z <> act q z -> n z = []) ->
  sim (Some a) (set_note (lift p (set_act (killed (core p) w a) f)) n) (set_act (killed q w a) f).
Proof.
  intros S I Hb Hk Hp Hn Hz. pose proof S as [].
  assert (Ib : forall z b, inb (set_act (killed q w a) f) z b -> inb q z b /\ b <> a) by (intros z b X; apply Hb; exact X).
  assert (Nn : forall z, n z = note p z \/ (n z = [] /\ f z <> act q z)).
  { intros z. destruct (act_eq_dec (f z) (act q z)) as [E | N]; auto. }
  set (p0 := set_note (lift p (set_act (killed (core p) w a) f)) n).
  assert (Pd : forall z y, In y (pending p0 z) -> In y (pending p z)).
  { intros z y. unfold pending, p0. cbn. destruct (ph p z); auto; destruct (Nn z) as [-> | (-> & _)]; auto; intros []. }
  split; cbn -[pending kept]; auto.
  - destruct m_same0. split; cbn; intros; try congruence. unfold upd.
    destruct (eqd w0 w); [destruct (eqd a0 a) |]; auto.
  - intros z r b. rewrite !drop_of_in. cbn. rewrite m_muted0. unfold upd. destruct (eqd b a); intuition congruence.
  - intros z r b H J. destruct (Ib z b J) as (K & N). destruct (m_note0 z r b (Pd _ _ H) K) as [X | X].
    + left. apply drop_of_in. auto.
    + right. rewrite upd_other; auto.
  - intros z r b H J. destruct (Ib z b J) as (K & N). destruct (m_kept0 z r b H K) as [X | X].
    + left. apply drop_of_in. auto.
    + right. rewrite upd_other; auto.
  - intros z r b H M. apply drop_of_in in H. cbn in H. destruct H as (H & N). rewrite upd_other in M by exact N.
    destruct (m_live0 z r b H M) as [K | K]; auto. left.
    assert (J : inb q z b).
    { destruct (v_own q I _ _ _ H) as [X | [X | X]]; [left; exact X | right; exact X |].
      pose proof (v_ok q I b) as Y. unfold actor_ok in Y. rewrite X in Y. destruct Y as (Y & _). congruence. }
    unfold pending, p0 in *. cbn. rewrite (Hn z); [exact K | eauto].
  - intros z r H. apply m_reg0. destruct H as [H | (b & H)]; auto. right. exists b. apply drop_of_in in H. tauto.
  - intros z r H N. assert (Nr : r <> a) by congruence.
    assert (P : pressing q r = true) by (apply (m_press0 z r (Pd _ _ H)); discriminate). rewrite <- P. unfold pressing, source, pressed. cbn. rewrite !upd_other by exact Nr. reflexivity.
  - intros z r e H. apply (m_era0 z). apply Pd. exact H.
  - intros z b c H J. assert (Y : ph p z <> Free) by congruence. destruct (Hb z c (or_introl J)) as (_ & N).
    rewrite (Hp z Y) in J. destruct (m_own0 z b c H J) as [X | X].
    + left. rewrite <- X. unfold source, pressed. cbn. rewrite !upd_other by exact N. reflexivity.
    + right. rewrite upd_other; auto.
  - intros z. destruct (m_beh0 z) as [F | (b & F)]; [left; exact F |].
    destruct (ph p z) eqn:E; [left; reflexivity | right; exists b; rewrite Hp; congruence | right; exists b; rewrite Hp; congruence].
  - intros z H. destruct (act_eq_dec (f z) (act q z)) as [E | E]; [| auto]. rewrite (Hn z E). apply m_none0.
    intros b K. apply (H b). unfold inb in *. cbn. rewrite E. exact K.
  - intros z todo k E. assert (Y : ph p z <> Free) by congruence. rewrite (Hn z (Hp z Y)). eapply m_end0. exact E.
Qed.

(* what is on its way stays so while a fall is being posted *)
Lemma flight_post (q : st) w r todo t z x : bc q w = Some (r, todo) -> todo t = true -> flight q z x ->
  flight (set_bc (set_inbox q (upd (inbox q) t (upd (inbox q t) r (S (inbox q t r))))) (upd (bc q) w (Some (r, upd todo t false)))) z x.
Proof.
  intros E T [F | (t1 & td & Hb & Ht)].
  - left. cbn. unfold upd. destruct (eqd z t); [subst; destruct (eqd x r); [lia |] |]; exact F.
  - destruct (eqd t1 w) as [-> | N].
    + rewrite E in Hb. injection Hb; intros; subst. destruct (eqd z t) as [-> |].
      * left. cbn. rewrite !upd_same. lia.
      * right. exists w, (upd td t false). cbn. rewrite upd_same, upd_other; auto.
    + right. exists t1, td. cbn. rewrite upd_other; auto.
Qed.
Lemma flight_posted (q : st) w r todo z x : bc q w = Some (r, todo) -> (forall t, todo t = false) -> flight q z x ->
  flight (set_bc q (upd (bc q) w None)) z x.
Proof.
  intros E T [F | (t1 & td & Hb & Ht)]; [left; exact F |]. right. exists t1, td. cbn.
  destruct (eqd t1 w) as [-> | N]; [| rewrite upd_other; auto].
  rewrite E in Hb. injection Hb; intros; subst. rewrite T in Ht. discriminate.
Qed.
Lemma flight_read (q : st) w r z x : flight q z x -> (z, x) <> (w, r) ->
  flight (set_inbox q (upd (inbox q) w (upd (inbox q w) r (inbox q w r - 1)))) z x.
Proof.
  intros [F | F] N; [left | right; exact F]. cbn. unfold upd. destruct (eqd z w); [subst; destruct (eqd x r); [congruence |] |]; exact F.
Qed.

(* ---- the steps ---- *)
Ltac sm Sm := destruct Sm as [Sm1 Sm2 Sm3 Sm4 Sm5 Sm6 Sm7 Sm8 Sm9 Sm10 Sm11]; split; cbn; intros; unfold enqueue; cbn;
  rewrite ?Sm1, ?Sm2, ?Sm3, ?Sm4, ?Sm5, ?Sm6, ?Sm7, ?Sm8, ?Sm9, ?Sm10, ?Sm11; try congruence; auto.
Ltac toq p Sm := repeat match goal with
  | H : context [bc (core p)] |- _ => rewrite (e_bc _ _ Sm) in H
  | H : context [act (core p)] |- _ => rewrite (e_act _ _ Sm) in H
  | H : context [mb (core p)] |- _ => rewrite (e_mb _ _ Sm) in H
  | H : context [gd (core p)] |- _ => rewrite (e_gd _ _ Sm) in H
  | H : context [mu (core p)] |- _ => rewrite (e_mu _ _ Sm) in H
  | H : context [loc (core p)] |- _ => rewrite (e_loc _ _ Sm) in H
  | H : context [rq (core p)] |- _ => rewrite (e_rq _ _ Sm) in H
  | H : context [inbox (core p)] |- _ => rewrite (e_in _ _ Sm) in H
  | H : context [hand (core p)] |- _ => rewrite (e_hand _ _ Sm) in H
  | H : context [source (core p)] |- _ => rewrite (same_source _ _ _ Sm) in H
  | H : context [pressing (core p)] |- _ => rewrite (same_pressing _ _ _ Sm) in H
  end.

Lemma ss1 (q q' : st) : step q q' -> steps q q'.
Proof. intros H. eapply ss_more; [exact H | apply ss_none]. Qed.

(* a worker that is not in a behaviour has nothing noted *)
Lemma nothing x p q w a : sim x p q -> act q w = Idle \/ act q w = Run a \/ (exists b, act q w = Snd a b) -> ph p w = Free.
Proof.
  intros S H. destruct (m_beh _ _ _ S w) as [F | (b & F)]; [exact F |].
  destruct H as [H | [H | (c & H)]]; congruence.
Qed.
Lemma nothing_pending x p q w : sim x p q -> act q w = Idle \/ (exists a, act q w = Run a) -> pending p w = [] /\ kept p w = [].
Proof.
  intros S H. assert (F : ph p w = Free).
  { destruct (m_beh _ _ _ S w) as [F | (b & F)]; [exact F |]. destruct H as [H | (a & H)]; congruence. }
  unfold pending, kept. rewrite F, (m_none _ _ _ S w); auto. intros b [K | (c & K)]; destruct H as [H | (a & H)]; congruence.
Qed.

(* what a behaviour is in is where *)
Lemma inb_loc q w a : Inv q -> inb q w a -> loc q a = Running w.
Proof. intros I [H | (b & H)]; [apply beh_loc | eapply snd_loc]; eauto. Qed.
Lemma inb_one q w z a : Inv q -> inb q w a -> inb q z a -> z = w.
Proof. intros I H K. apply inb_loc in H, K; auto. congruence. Qed.

Ltac at_ := unfold inb in *; cbn in *; unfold upd in *; cbn in *;
  repeat match goal with
  | |- context [@eqd _ _ ?x ?y] => destruct (@eqd _ _ x y); subst
  | H : context [@eqd _ _ ?x ?y] |- _ => destruct (@eqd _ _ x y); subst
  end.
Ltac shut := repeat match goal with
  | H : _ \/ _ |- _ => destruct H
  | H : exists _, _ |- _ => destruct H
  | H : _ /\ _ |- _ => destruct H
  | H : Snd _ _ = Snd _ _ |- _ => injection H; clear H; intros; subst
  | H : Beh _ = Beh _ |- _ => injection H; clear H; intros; subst
  end; try congruence; eauto.

(* a step of one worker's phase alone *)
Lemma rephase p q wt n f : sim None p q -> let p' := mkp (core p) (era p) wt n f in
  (forall z y, In y (pending p' z) -> In y (pending p z)) ->
  (forall z r, In r (kept p' z) -> In r (kept p z) \/ (In (r, era p r) (pending p z) /\ wt r (bit z) = true)) ->
  (forall z r, In (r, era p r) (pending p z) -> In (r, era p r) (pending p' z) \/ In r (kept p' z)) ->
  (forall z r, In r (kept p z) -> In r (kept p' z)) ->
  (forall z r, wait p r (bit z) = true -> wt r (bit z) = true) ->
  (forall z b, f z = Sending b -> ph p z = Sending b \/ exists a, act q z = Beh a /\ source q a = false) ->
  (forall z, f z = Free \/ exists a, act q z = Beh a) ->
  (forall z, note p z = [] -> n z = []) -> (forall z t k, f z = Ending t k -> n z = []) -> sim None p' q.
Proof.
  intros [] p' H1 H2 H3 H4 H5 H6 H7 H8 H9. split; cbn -[pending kept]; auto.
  - intros z r a H. destruct (H2 z r H) as [K | (K & _)]; auto.
  - intros z r a H M. destruct (m_live0 z r a H M) as [K | K]; [apply H3; exact K | right; apply H4; exact K].
  - intros z r [H | H].
    + destruct (H2 z r H) as [K | (_ & K)]; [| left; exact K]. destruct (m_reg0 z r (or_introl K)); auto.
    + destruct (m_reg0 z r (or_intror H)); auto.
  - intros z r H. apply m_press0 with (w := z). apply H1. exact H.
  - intros z r e H. apply (m_era0 z). apply H1. exact H.
  - intros z b a H K. destruct (H6 z b H) as [X | (c & X & Y)]; [eapply m_own0; eauto |]. left. congruence.
Qed.

Ltac lk := auto; try (left; apply look_keeps; assumption); try (apply look_keeps; assumption).

Theorem pool_refines p p' q : pstep p p' -> sim None p q -> Inv q -> exists q', steps q q' /\ sim None p' q'.
Proof.
  intros St S I. pose proof (m_same _ _ _ S) as Sm.
  destruct St as [a L | w a N E R | w a N E M | w a b N E F S0 | w a b N E F S0 | w a b N E F | w a b N E | w a b N E F | b
    | w a N E F | w a p' N E F L | w a N E F | w a p' N G L | a M G | w a N E F | w a r todo kp N E F P | w a r e todo kp N E F P
    | w a kp N E F K S0 | w a kp N E F K | w a N E | w a p' N E L | w a p' N E F L | w a p' N E L | a L | w r todo t N T | w r todo N T
    | w r N Pw Kw H | w a N H]; toq p Sm.
  - (* push *) eexists. split; [apply ss1, s_push with (a := a); exact L |].
    eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto.
  - (* begin *) eexists. split; [apply ss1, s_begin with (w := w) (a := a); auto |].
    eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto; intros; at_; shut.
  - (* take *) eexists. split; [apply ss1, s_take with (w := w) (a := a); auto |].
    destruct (nothing_pending _ _ _ w S (or_intror (ex_intro _ a E))) as (X & Y).
    eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto; intros; at_; shut.
  - (* own *) exists q. split; [apply ss_none |]. apply (rephase p q _ _ _ S); auto; unfold pending, kept; cbn; unfold upd;
    intros z; destruct (eqd z w) as [-> |]; rewrite ?F; eauto; try (intros; discriminate); apply S.
  - (* exempt *) eexists. split; [apply ss1, s_look with (w := w) (a := a) (b := b); auto |].
    assert (El : look q w a b = mm q) by (unfold look; rewrite S0, andb_false_r; reflexivity).
    eapply frame; [exact S | sm Sm | reflexivity | exact El | reflexivity | | | | | | |]; eauto; intros; at_; shut.
  - (* look *) pose proof (m_own _ _ _ S w b a F E) as So.
    assert (Ma : mu q a = false) by (apply (running_ok q w a I); apply beh_loc; auto).
    eexists. split; [apply ss1, s_look with (w := w) (a := a) (b := b); auto |].
    assert (Nt : forall y, In y (noted p w a b) <-> In y (note p w) \/ (y = (b, era p b) /\ a <> b /\ pressing q b = true)).
    { intros y. unfold noted. rewrite (same_pressing _ _ _ Sm). destruct (eqd a b), (pressing q b); cbn; intuition congruence. }
    assert (Lk : a <> b -> pressing q b = true -> source q a = false -> In (Mk w b a) (look q w a b)).
    { intros X Y Z. unfold look. rewrite Y, Z. destruct (eqd a b); [congruence |]. apply add_in. auto. }
    set (p0 := set_ph _ _).
    assert (Pd : forall z, pending p0 z = if eqd z w then noted p w a b else pending p z).
    { intros z. unfold pending, p0. cbn. unfold upd. destruct (eqd z w); reflexivity. }
    assert (Kp : forall z, kept p0 z = if eqd z w then [] else kept p z).
    { intros z. unfold kept, p0. cbn. unfold upd. destruct (eqd z w); reflexivity. }
    assert (Pw : pending p w = note p w) by (unfold pending; rewrite F; reflexivity).
    assert (Ib : forall z c, inb (set_act (set_mm q (look q w a b)) (upd (act q) w (Snd a b))) z c -> inb q z c).
    { intros z c H. at_; shut. }
    pose proof S as []. split; cbn -[pending kept look drop_of drop_on]; auto.
    + sm Sm.
    + intros z r c. rewrite m_muted0. split; intros (H & M); split; lk.
      apply look_in in H. destruct H as [H | (H & _)]; auto. injection H; intros; subst. congruence.
    + intros z r c H J. rewrite Pd in H. destruct (eqd z w) as [-> | Nz].
      * assert (c = a) by (pose proof (Ib _ _ J); unfold inb in *; shut). subst. apply Nt in H. destruct H as [H | (H & X & Y)].
        -- rewrite <- Pw in H. destruct (m_note0 w r a H (or_introl E)); lk.
        -- injection H; intros; subst. destruct So as [So | So]; auto.
      * destruct (m_note0 z r c H (Ib _ _ J)); lk.
    + intros z r c H J. rewrite Kp in H. destruct (eqd z w); [destruct H |].
      destruct (m_kept0 z r c H (Ib _ _ J)); lk.
    + intros z r c H M. rewrite Pd, Kp. apply look_in in H. destruct H as [H | (H & X & Y & _)].
      * destruct (m_live0 z r c H M) as [K | K]; destruct (eqd z w) as [-> |]; auto.
        -- left. apply Nt. left. rewrite <- Pw. exact K.
        -- unfold kept in K. rewrite F in K. destruct K.
      * injection H; intros; subst. left. destruct (eqd w w); [| congruence]. apply Nt. auto.
    + intros z r H. rewrite Kp in H. apply m_reg0. destruct H as [H | H]; auto. destruct (eqd z w); [destruct H | auto].
    + intros z r H X. rewrite Pd in H. destruct (eqd z w) as [-> |]; [| eapply m_press0; eauto].
      apply Nt in H. destruct H as [H | (H & _ & Y)]; [| injection H; intros; subst; exact Y].
      rewrite <- Pw in H. eapply m_press0; eauto.
    + intros z r e H. rewrite Pd in H. destruct (eqd z w) as [-> |]; [| eapply m_era0; eauto].
      apply Nt in H. destruct H as [H | (H & _)]; [| injection H; intros; subst; lia].
      rewrite <- Pw in H. eapply m_era0; eauto.
    + intros z x c H J. at_; shut.
    + intros z. unfold upd. destruct (eqd z w); [left; reflexivity |]. exact (m_beh0 z).
    + intros z H. unfold upd in *. destruct (eqd z w) as [-> | Nz].
      * destruct (H a). right. exists b. cbn. apply upd_same.
      * apply m_none0. intros c K. apply (H c). at_; shut.
    + intros z t k. unfold upd. destruct (eqd z w); [discriminate |]. apply m_end0.
  - (* put *) eexists. split; [apply ss1, s_put with (w := w) (a := a) (b := b); auto |].
    assert (F : ph p w = Free) by (apply (nothing _ _ _ w a S); eauto).
    eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto; intros; at_; shut.
  - (* control *) eexists. split; [apply ss1, s_control with (w := w) (a := a) (b := b); auto |].
    eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto.
  - (* event *) eexists. split; [apply ss1, s_event with (b := b) |].
    eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto.
  - (* apply *) eexists. split; [apply ss1, s_apply with (w := w) (a := a); auto |].
    eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto.
    + intros r _ P. revert P. unfold pressing, source, pressed. cbn. unfold upd. destruct (eqd r a); auto. cbn. rewrite orb_true_r. auto.
    + intros z b c H1 H2 H3. destruct (eqd c a) as [-> | Nc].
      * assert (z = w) by (apply (inb_one q w z a I); [left; exact E | left; exact H2]). congruence.
      * destruct H3 as [H3 | H3]; auto. left. rewrite <- H3. unfold source, pressed. cbn. rewrite upd_other by exact Nc. reflexivity.
  - (* release *) destruct (lowered_sim _ _ q (set_ap q (upd (ap q) a false)) w a p' L S) as (q' & Lq & S'); [| exact N | reflexivity | auto |].
    + eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto.
      * intros r Nr P. assert (Na : r <> a) by congruence. rewrite <- P. unfold pressing, source, pressed. cbn.
        rewrite upd_other by exact Na. reflexivity.
      * intros z b c H1 H2 [H3 | H3]; auto. left. revert H3. unfold source, pressed. cbn -[Nat.ltb]. unfold upd. destruct (eqd c a) as [-> |]; auto.
        rewrite !orb_false_iff. tauto.
    + exists q'. split; [apply ss1; eapply s_release with (w := w) (a := a); eauto | exact S'].
  - (* hold *) eexists. split; [apply ss1, s_hold with (w := w) (a := a); auto |].
    eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto.
    + intros r _ P. revert P. unfold pressing, source, pressed. cbn. unfold upd. destruct (eqd r a); auto. cbn. rewrite !orb_true_r. auto.
    + intros z b c H1 H2 H3. destruct (eqd c a) as [-> | Nc].
      * assert (z = w) by (apply (inb_one q w z a I); [left; exact E | left; exact H2]). congruence.
      * destruct H3 as [H3 | H3]; auto. left. rewrite <- H3. unfold source, pressed. cbn. rewrite upd_other by exact Nc. reflexivity.
  - (* drop *) destruct (lowered_sim _ _ q (set_gd q (upd (gd q) a (gd q a - 1))) w a p' L S) as (q' & Lq & S'); [| exact N | reflexivity | auto |].
    + eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto.
      * intros r Nr P. assert (Na : r <> a) by congruence. rewrite <- P. unfold pressing, source, pressed. cbn.
        rewrite upd_other by exact Na. reflexivity.
      * intros z b c H1 H2 [H3 | H3]; auto. left. revert H3. unfold source, pressed. cbn -[Nat.ltb]. unfold upd. destruct (eqd c a) as [-> |]; auto.
        rewrite !orb_false_iff, !Nat.ltb_ge. lia.
    + exists q'. split; [apply ss1; eapply s_drop with (w := w) (a := a); eauto | exact S'].
  - (* deep *) eexists. split; [apply ss1, s_deep with (a := a); auto |].
    eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto.
    + intros z c _ H. cbn. unfold upd. destruct (eqd c a); auto.
    + intros r _ P. revert P. unfold pressing, source, pressed. cbn. unfold upd. destruct (eqd r a); auto.
    + intros z b c H1 H2 H3. cbn. unfold source, pressed, upd in *. cbn. destruct (eqd c a); auto.
  - (* end *) exists q. split; [apply ss_none |]. apply (rephase p q _ _ _ S); auto; unfold pending, kept; cbn; unfold upd;
    intros z; destruct (eqd z w) as [-> |]; rewrite ?F; eauto; try (intros; discriminate); try apply S.
  - (* register *) exists q. split; [apply ss_none |]. apply (rephase p q _ _ _ S); auto; unfold pending, kept; cbn; unfold upd.
    + intros z; destruct (eqd z w) as [-> |]; rewrite ?F; auto. intros y H. right. exact H.
    + intros z x. destruct (eqd z w) as [-> |]; rewrite ?F; auto. intros [<- | H]; auto. right. split; [left; reflexivity |].
      destruct (eqd r r); [destruct (eqd (bit w) (bit w)); congruence | congruence].
    + intros z x. destruct (eqd z w) as [-> |]; rewrite ?F; auto. intros [H | H]; auto. injection H; intros; subst. right. left. reflexivity.
    + intros z x. destruct (eqd z w) as [-> |]; rewrite ?F; auto. intros H. right. exact H.
    + intros z x. destruct (eqd x r); [subst; destruct (eqd (bit z) (bit w)) |]; auto.
    + intros z b. destruct (eqd z w); [discriminate | auto].
    + intros z. destruct (eqd z w) as [-> |]; [eauto | apply S].
    + intros z t k. destruct (eqd z w) as [-> |]; [| apply S]. intros _. eapply (m_end _ _ _ S). exact F.
  - (* stale *) exists q. split; [apply ss_none |].
    assert (X : (r, era p r) <> (r, e)).
    { intros X. injection X; intros Xe. destruct P as [P | P]; [congruence |].
      pose proof (m_press _ _ _ S w r) as Y. unfold pending in Y. rewrite F in Y. rewrite Y in P; [discriminate | | discriminate].
      left. congruence. }
    apply (rephase p q _ _ _ S); auto; unfold pending, kept; cbn; unfold upd;
    intros z; destruct (eqd z w) as [-> |]; rewrite ?F; eauto; try (intros; discriminate); try apply S.
    + intros y H. right. exact H.
    + intros x [H | H]; auto. exfalso. apply X. injection H; intros; subst. reflexivity.
    + intros t k _. eapply (m_end _ _ _ S). exact F.
  - (* mute *) assert (Oa : ov q a = false) by (unfold source in S0; apply orb_false_iff in S0; tauto).
    assert (Ma : mu q a = false) by (apply (running_ok q w a I); apply beh_loc; auto).
    assert (Pw : pending p w = []) by (unfold pending; rewrite F; reflexivity).
    assert (Kw : kept p w = kp) by (unfold kept; rewrite F; reflexivity).
    assert (Un : forall z r c, In (Mk z r c) (mm q) -> mu q c = false -> inb q z c).
    { intros z r c H M. destruct (v_own q I _ _ _ H) as [X | [X | X]]; [left; exact X | right; exact X |].
      pose proof (v_ok q I c) as Y. unfold actor_ok in Y. rewrite X in Y. destruct Y. congruence. }
    assert (Mine : forall z r, In (Mk z r a) (mm q) <-> z = w /\ In r kp).
    { intros z r. split.
      - intros H. assert (z = w) by (apply (inb_one q w z a I); [left; exact E | eapply Un; eauto]). subst z. split; auto.
        destruct (m_live _ _ _ S w r a H Ma) as [X | X]; [rewrite Pw in X; destruct X | congruence].
      - intros (-> & H). rewrite <- Kw in H. destruct (m_kept _ _ _ S w r a H (or_introl E)); [assumption | congruence]. }
    eexists. split; [apply ss1, s_mute with (w := w) (a := a); auto |].
    { destruct kp as [| r kp]; [congruence |]. apply marked_true. exists w, r. apply Mine. split; [reflexivity | left; reflexivity]. }
    set (p0 := set_ph _ _).
    assert (Pd : forall z, pending p0 z = if eqd z w then note p w else pending p z).
    { intros z. unfold pending, p0. cbn. unfold upd. destruct (eqd z w); subst; reflexivity. }
    assert (Nw : note p w = []) by (eapply (m_end _ _ _ S); exact F).
    assert (Kp : forall z, kept p0 z = if eqd z w then [] else kept p z).
    { intros z. unfold kept, p0. cbn. unfold upd. destruct (eqd z w); reflexivity. }
    pose proof S as []. split; cbn -[pending kept]; auto.
    + sm Sm.
    + intros z r c. unfold marks_for. rewrite in_app_iff, in_map_iff, m_muted0. unfold upd. destruct (eqd c a) as [-> | Nc].
      * rewrite Mine. split.
        -- intros [(r1 & X & Y) | (X & Y)]; [injection X; intros; subst; auto | congruence].
        -- intros ((-> & H) & _). left. eauto.
      * split; [intros [(r1 & X & Y) | X]; [congruence | exact X] | auto].
    + intros z r c H J. rewrite Pd in H. destruct (eqd z w); [rewrite Nw in H; destruct H |].
      apply (m_note0 z r c H). at_; shut.
    + intros z r c H J. rewrite Kp in H. destruct (eqd z w); [destruct H |]. apply (m_kept0 z r c H). at_; shut.
    + intros z r c H M. rewrite Pd, Kp. unfold upd in M. destruct (eqd c a) as [-> | Nc]; [discriminate |].
      destruct (eqd z w) as [-> | Nz]; [| eauto]. exfalso. apply Un in H; auto. unfold inb in H. shut.
    + intros z r H. rewrite Kp in H. unfold marks_for in H.
      assert (X : In r (kept p z) \/ exists c, In (Mk z r c) (mm (core p))); [| exact (m_reg0 z r X)].
      destruct H as [H | (c & H)].
      * left. destruct (eqd z w); [destruct H | exact H].
      * apply in_app_iff in H. destruct H as [H | H]; [| eauto]. apply in_map_iff in H. destruct H as (r1 & X & Y).
        injection X; intros; subst. left. congruence.
    + intros z r H X. rewrite Pd in H. destruct (eqd z w); [rewrite Nw in H; destruct H |].
      pose proof (m_press0 z r H X) as Y. revert Y. unfold pressing, source, pressed. cbn. unfold upd. destruct (eqd r a); auto.
      intros _. apply orb_true_r.
    + intros z r e H. rewrite Pd in H. destruct (eqd z w); [rewrite Nw in H; destruct H | eauto].
    + intros z b c H J. unfold upd in H. destruct (eqd z w); [discriminate |]. cbn in J. rewrite upd_other in J by assumption. exact (m_own0 z b c H J).
    + intros z. unfold upd. destruct (eqd z w); [left; reflexivity | exact (m_beh0 z)].
    + intros z H. destruct (eqd z w) as [-> | Nz]; [exact Nw |]. apply m_none0. intros c J. apply (H c). at_; shut.
    + intros z t k. unfold upd. destruct (eqd z w); [discriminate | apply m_end0].
  - (* done *) assert (Ma : mu q a = false) by (apply (running_ok q w a I); apply beh_loc; auto).
    assert (Pw : pending p w = []) by (unfold pending; rewrite F; reflexivity).
    assert (Kw : kept p w = kp) by (unfold kept; rewrite F; reflexivity).
    assert (Nw : note p w = []) by (eapply (m_end _ _ _ S); exact F).
    assert (Un : forall z r c, In (Mk z r c) (mm q) -> mu q c = false -> inb q z c).
    { intros z r c H M. destruct (v_own q I _ _ _ H) as [X | [X | X]]; [left; exact X | right; exact X |].
      pose proof (v_ok q I c) as Y. unfold actor_ok in Y. rewrite X in Y. destruct Y. congruence. }
    eexists. split; [apply ss1, s_done with (w := w) (a := a); auto |].
    { destruct K as [K | K]; [left; exact K | right]. apply marked_false. intros z r H.
      assert (z = w) by (apply (inb_one q w z a I); [left; exact E | eapply Un; eauto]). subst z.
      destruct (m_live _ _ _ S w r a H Ma) as [X | X]; [rewrite Pw in X; destruct X | rewrite Kw, K in X; destruct X]. }
    set (p0 := set_ph _ _).
    assert (Pd : forall z, pending p0 z = if eqd z w then [] else pending p z).
    { intros z. unfold pending, p0. cbn. unfold upd. destruct (eqd z w); subst; auto. }
    assert (Kp : forall z, kept p0 z = if eqd z w then [] else kept p z).
    { intros z. unfold kept, p0. cbn. unfold upd. destruct (eqd z w); reflexivity. }
    assert (Ib : forall z c, z <> w -> inb (set_act (set_mm q (drop_of a (mm q))) (upd (act q) w (Run a))) z c -> inb q z c /\ c <> a).
    { intros z c Nz H. assert (J : inb q z c) by (at_; shut). split; auto. intros ->. apply Nz, (inb_one q w z a I); [left; exact E | exact J]. }
    pose proof S as []. split; cbn -[pending kept drop_of]; auto.
    + sm Sm.
    + intros z r c. rewrite drop_of_in, m_muted0. cbn. intuition congruence.
    + intros z r c H J. rewrite Pd in H. destruct (eqd z w) as [| Nz]; [destruct H |]. destruct (Ib z c Nz J) as (J' & Nc).
      destruct (m_note0 z r c H J'); auto. left. apply drop_of_in. auto.
    + intros z r c H J. rewrite Kp in H. destruct (eqd z w) as [| Nz]; [destruct H |]. destruct (Ib z c Nz J) as (J' & Nc).
      destruct (m_kept0 z r c H J'); auto. left. apply drop_of_in. auto.
    + intros z r c H M. rewrite Pd, Kp. apply drop_of_in in H. cbn in H. destruct H as (H & Nc).
      destruct (eqd z w) as [-> | Nz]; [| eauto]. exfalso. apply Un in H; auto. unfold inb in H. shut.
    + intros z r H. rewrite Kp in H. apply m_reg0. destruct H as [H | H]; auto. destruct (eqd z w); [destruct H | auto].
    + intros z r H X. rewrite Pd in H. destruct (eqd z w); [destruct H | exact (m_press0 z r H X)].
    + intros z r e H. rewrite Pd in H. destruct (eqd z w); [destruct H | eauto].
    + intros z b c H J. unfold upd in H. destruct (eqd z w); [discriminate |]. cbn in J. rewrite upd_other in J by assumption. exact (m_own0 z b c H J).
    + intros z. unfold upd. destruct (eqd z w); [left; reflexivity |]. exact (m_beh0 z).
    + intros z H. destruct (eqd z w) as [-> | Nz]; [exact Nw |]. apply m_none0. intros c J. apply (H c). at_; shut.
    + intros z t k. unfold upd. destruct (eqd z w); [discriminate | apply m_end0].
  - (* full *) eexists. split; [apply ss1, s_full with (w := w) (a := a); auto |].
    eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto.
    + intros z c H. at_; shut.
    + intros z c H. at_; shut.
    + intros r _ P. revert P. unfold pressing, source, pressed. cbn. unfold upd. destruct (eqd r a); auto.
    + intros z c H. at_; shut.
    + intros z b c H1 H2 H3. cbn. unfold source, pressed, upd in *. cbn. destruct (eqd c a); auto.
    + intros z c H. at_; shut.
  - (* short *) destruct (lowered_sim _ _ q (set_act (set_loc (set_ov q (upd (ov q) a false))
      (upd (loc q) a (if mb q a =? 0 then Asleep else Waking))) (upd (act q) w Idle)) w a p' L S) as (q' & Lq & S'); [| exact N | reflexivity | auto |].
    + assert (Na : forall z c, inb q z c -> c <> a).
      { intros z c H ->. pose proof (inb_loc q z a I H) as K1. pose proof (run_loc q w a I E) as K.
        assert (z = w) by congruence. subst. unfold inb in H. shut. }
      eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto.
      * intros z c H. at_; shut.
      * intros z c H O. cbn. rewrite upd_other; auto. apply (Na z). at_; shut.
      * intros r Nr P. assert (Nx : r <> a) by congruence. rewrite <- P. unfold pressing, source, pressed. cbn.
        rewrite upd_other by exact Nx. reflexivity.
      * intros z c H. at_; shut.
      * intros z b c H1 H2 H3. assert (Nc : c <> a) by (apply (Na z); left; exact H2). cbn. unfold source, pressed. cbn.
        rewrite !upd_other by exact Nc. exact H3.
      * intros z c H. at_; shut.
    + exists q'. split; [apply ss1; eapply s_short with (w := w) (a := a); eauto | exact S'].
  - (* stop *) destruct (lowered_sim _ _ q (set_act (killed q w a) (upd (act q) w Idle)) w a p' L S) as (q' & Lq & S'); [| exact N | reflexivity | |].
    + apply killed_sim; auto.
      * intros z b. unfold upd. destruct (eqd z w) as [-> | Nz]; [intros [X | (c & X)]; discriminate |]. intros X. split; [exact X |].
        intros ->. apply (inb_loc q z a I) in X. apply on_loc in E; auto. congruence.
      * intros z b X Nb. apply upd_other. intros ->. unfold inb in X. destruct E as [E | E]; rewrite E in X; shut.
      * intros z X. apply upd_other. congruence.
      * intros z X. unfold upd in *. destruct (eqd z w) as [-> |]; auto. destruct E; congruence.
      * intros z X. unfold upd in *. destruct (eqd z w) as [-> |]; congruence.
    + intros z y. unfold pending. cbn. unfold upd. destruct (eqd z w) as [-> |]; auto. rewrite F. intros [].
    + exists q'. split; [apply ss1; eapply s_stop with (w := w) (a := a); eauto | exact S'].
  - (* kill *) destruct (lowered_sim _ _ q (killed q w a) w a p' L S) as (q' & Lq & S'); [| exact N | reflexivity | auto |].
    + change (sim (Some a) (set_note (lift p (set_act (killed (core p) w a) (act (core p)))) (note p)) (set_act (killed q w a) (act q))).
      rewrite (e_act _ _ Sm). apply killed_sim; auto.
      * intros z b X. split; [exact X |]. intros ->. apply (inb_loc q z a I) in X. destruct E as [E | [E | E]]; congruence.
      * congruence.
    + exists q'. split; [apply ss1; eapply s_kill with (w := w) (a := a); eauto | exact S'].
  - (* reuse *) eexists. split; [apply ss1, s_reuse with (a := a); exact L |].
    eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto.
  - (* post *) eexists. split; [eapply ss1, s_tell; eauto |].
    eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto. intros z x. apply flight_post; auto.
  - (* posted *) eexists. split; [eapply ss1, s_told; eauto |].
    eapply frame; [exact S | sm Sm | reflexivity .. | | | | | | |]; eauto. intros z x. eapply flight_posted; eauto.
  - (* read *) eexists. split; [apply ss1, s_read with (w := w) (r := r); auto |].
    pose proof S as []. split; cbn -[pending kept drop_on]; auto.
    + assert (Eh : forall c, hand (core p) w c || (mu (core p) c && has (Mk w r c) (mm (core p)) && negb (marked c (drop_on w r (mm (core p)))))
        = hand q w c || (mu q c && has (Mk w r c) (mm q) && negb (marked c (drop_on w r (mm q))))).
      { intros c. rewrite (e_hand _ _ Sm), (e_mu _ _ Sm). destruct (mu q c) eqn:M; [| reflexivity].
        assert (X : has (Mk w r c) (mm (core p)) = has (Mk w r c) (mm q)).
        { apply eq_true_iff_eq. rewrite !has_in, m_muted0. tauto. }
        assert (Y : marked c (drop_on w r (mm (core p))) = marked c (drop_on w r (mm q))).
        { apply eq_true_iff_eq. rewrite !marked_true. split; intros (z & x & Y); exists z, x; apply drop_on_in in Y; apply drop_on_in.
          - rewrite m_muted0 in Y. tauto.
          - rewrite m_muted0. tauto. }
        rewrite X, Y. reflexivity. }
      destruct Sm. split; cbn; intros; try congruence. unfold upd. destruct (eqd w0 w); [apply Eh | auto].
    + intros z x c. rewrite !drop_on_in, m_muted0. tauto.
    + intros z x c G J. change (pending _ z) with (pending p z) in G. destruct (m_note0 z x c G J) as [X | X]; auto. left.
      apply drop_on_in. split; auto. cbn. intros (-> & ->). exact (Pw G).
    + intros z x c G J. change (kept _ z) with (kept p z) in G. destruct (m_kept0 z x c G J) as [X | X]; auto. left.
      apply drop_on_in. split; auto. cbn. intros (-> & ->). exact (Kw G).
    + intros z x c G. apply drop_on_in in G. apply m_live0. tauto.
    + intros z x G. change (kept _ z) with (kept p z) in G.
      assert (Nz : (z, x) <> (w, r)).
      { intros X. injection X; intros; subst. destruct G as [G | (c & G)]; [exact (Kw G) |].
        apply drop_on_in in G. cbn in G. tauto. }
      destruct (m_reg0 z x) as [X | X]; auto.
      * destruct G as [G | (c & G)]; auto. right. exists c. apply drop_on_in in G. tauto.
      * right. exact (flight_read q w r z x X Nz).
  - (* free *) destruct (v_hand q I w a H) as (L & Nm). pose proof (v_ok q I a) as Ok. unfold actor_ok in Ok. rewrite L in Ok.
    destruct Ok as (Ma & S0 & _).
    set (q0 := set_hand (set_loc (set_mu q (upd (mu q) a false)) (upd (loc q) a Waking)) (upd (hand q) w (upd (hand q w) a false))).
    assert (No : forall z r, ~ In (Mk z r a) (mm q)) by (intros z r; apply marked_false; exact Nm).
    match goal with |- context [fallen ?x w a] => assert (S1 : sim (Some a) x q0) end.
    { pose proof S as []. split; cbn -[pending kept]; auto.
      - sm Sm. unfold upd. destruct (eqd w0 w); [destruct (eqd a0 a) |]; auto.
      - intros z r c. rewrite m_muted0. unfold upd. destruct (eqd c a) as [-> |]; [| tauto].
        split; intros (X & _); destruct (No _ _ X).
      - intros z r c X. unfold upd. destruct (eqd c a) as [-> |]; [destruct (No _ _ X) | apply m_live0; exact X].
      - intros z r X Nr. assert (Na : r <> a) by congruence.
        assert (P : pressing q r = true) by (apply (m_press0 z r X); discriminate). rewrite <- P.
        unfold pressing, source, pressed. cbn. rewrite upd_other by exact Na. reflexivity. }
    destruct (fall_sim _ q0 w a S1 N) as (l & Lf & S2). assert (Lq : Left q a (fun t => wait p a (bit t)) l).
    { destruct Lf as [L1 L2 L3 L4]. split; auto. intros [z x c] Hm K. apply L3; [exact Hm |].
      destruct K as [K | K]; [left; exact K | right]. cbn in *. unfold upd.
      destruct (eqd c a) as [-> |]; [destruct (No _ _ Hm) | exact K]. }
    eexists. split; [apply ss1; exact (@s_free A W EA EW q w a _ l N H Lq) | exact S2].
Qed.

Lemma pool_init p : pinit p -> sim None p (core p).
Proof.
  intros (Hi & Hn & Hw). pose proof Hi as (Ha & _ & Hm & Hk). pose proof (Inv_init _ Hi) as I.
  assert (Nb : forall w a, ~ inb (core p) w a) by (intros w a [X | (b & X)]; destruct (Hk w) as (Y & _); congruence).
  assert (Np : forall w, pending p w = [] /\ kept p w = []).
  { intros w. destruct (Hn w) as (E1 & E2). unfold pending, kept. rewrite E2. auto. }
  split; try (intros; exfalso; eapply Nb; eassumption).
  - split; auto.
  - intros w r a. rewrite Hm. cbn. tauto.
  - intros w r a H. rewrite Hm in H. destruct H.
  - intros w r [H | (a & H)]; [destruct (Np w) as (_ & E); rewrite E in H; destruct H | rewrite Hm in H; destruct H].
  - intros w r H. destruct (Np w) as (E & _). rewrite E in H. destruct H.
  - intros w r e H. destruct (Np w) as (E & _). rewrite E in H. destruct H.
  - intros w b a H. destruct (Hn w). congruence.
  - intros w. left. apply Hn.
  - intros w _. apply Hn.
  - intros w t k _. apply Hn.
Qed.

Lemma reach_steps (q q' : st) : steps q q' -> reach q -> reach q'.
Proof. induction 1 as [q | q q1 q2 H _ IH]; auto. intros R. apply IH. eapply r_step; eauto. Qed.

(* Every run of the pool is one of the general system. *)
Theorem pool_reach p : preach p -> exists q, reach q /\ sim None p q.
Proof.
  induction 1 as [p H | p p' _ (q & R & S) St].
  - exists (core p). split; [apply r_init; apply H | apply pool_init; exact H].
  - destruct (pool_refines p p' q St S) as (q' & Ss & S'); [apply (reach_ok q R) |].
    exists q'. split; [eapply reach_steps; eauto | exact S'].
Qed.

(* ---- so the theorems hold of the pool; its marks are those of muted actors ---- *)
Lemma sim_flight p q w r : sim None p q -> flight (core p) w r <-> flight q w r.
Proof. intros S. apply same_flight. apply S. Qed.
Lemma sim_solid p q w r a : sim None p q -> mu q a = true -> solid (core p) w r a <-> solid q w r a.
Proof. intros S M. unfold solid. rewrite (sim_flight p q w r S), (m_muted _ _ _ S). tauto. Qed.
Lemma sim_waits p q a r : sim None p q -> waits (core p) a r -> waits q a r /\ mu q a = true.
Proof.
  intros S (w & H). assert (M : mu q a = true) by (destruct H as (H & _); apply (m_muted _ _ _ S) in H; tauto).
  split; [| exact M]. exists w. apply (sim_solid p q w r a S M). exact H.
Qed.
Lemma sim_loosening p q a : sim None p q -> mu q a = true -> loosening q a -> loosening (core p) a.
Proof.
  intros S M [(w & H) | (w & r & H & F)]; [left | right]; exists w.
  - rewrite (e_hand _ _ (m_same _ _ _ S)). exact H.
  - exists r. rewrite (m_muted _ _ _ S), (sim_flight p q w r S). auto.
Qed.
Lemma sim_quiet p q : sim None p q -> quiet (core p) -> quiet q.
Proof.
  intros S (Hw & Hr & Hl). destruct (m_same _ _ _ S). split; [| split].
  - intros w. destruct (Hw w) as (E1 & E2 & E3). rewrite <- e_act0, <- e_bc0. split; [exact E1 |]. split; [exact E2 |].
    intros a. rewrite <- e_in0, <- e_hand0. apply E3.
  - congruence.
  - intros a. rewrite <- e_loc0. apply Hl.
Qed.

Theorem pool_T1 p w r a : preach p -> In (Mk w r a) (mm (core p)) -> pressing (core p) r = true \/ flight (core p) w r.
Proof.
  intros R H. destruct (pool_reach p R) as (q & Rq & S). apply (m_muted _ _ _ S) in H. destruct H as (H & _).
  rewrite (same_pressing _ _ _ (m_same _ _ _ S)), (sim_flight p q w r S). exact (T1 q w r a Rq H).
Qed.

Theorem pool_T2 p a : preach p -> mu (core p) a = true -> source (core p) a = false.
Proof.
  intros R M. destruct (pool_reach p R) as (q & Rq & S). rewrite (same_source _ _ _ (m_same _ _ _ S)).
  rewrite (e_mu _ _ (m_same _ _ _ S)) in M. unfold source. apply orb_false_iff. exact (T2 q a Rq M).
Qed.

Theorem pool_T3 p : preach p ->
  (forall a, ~ clos_trans A (waits (core p)) a a) /\
  (forall a, mu (core p) a = true -> exists e, clos_refl_trans A (waits (core p)) a e /\ chain_end (core p) e).
Proof.
  intros R. destruct (pool_reach p R) as (q & Rq & S). pose proof (m_same _ _ _ S) as Sm. split.
  - intros a H. apply (no_loop q Rq a).
    assert (X : forall x y, clos_trans A (waits (core p)) x y -> chain1 q x y); [| exact (X a a H)].
    induction 1 as [x y K | x y z _ IH1 _ IH2]; [| exact (t_trans _ _ _ _ _ IH1 IH2)].
    apply t_step. exact (proj1 (sim_waits p q x y S K)).
  - intros a. induction a as [a IH] using (well_founded_ind (waits_wf q Rq)). intros M.
    assert (Mq : mu q a = true) by (rewrite <- (e_mu _ _ Sm); exact M).
    destruct (muted_waits q a Rq Mq) as [Lo | (r & w & H)].
    + exists a. split; [apply rt_refl | right]. split; [exact M | apply (sim_loosening p q a S Mq Lo)].
    + assert (Hc : waits (core p) a r) by (exists w; apply (sim_solid p q w r a S Mq); exact H).
      destruct (chain_pressing q a r Rq Mq) as [S0 | Mr]; [apply rt_step; exists w; exact H | |].
      * exists r. split; [apply rt_step; exact Hc | left]. rewrite (same_source _ _ _ Sm). exact S0.
      * destruct (IH r) as (e & He & Ce); [exists w; exact H | rewrite (e_mu _ _ Sm); exact Mr |].
        exists e. split; auto. eapply rt_trans; [apply rt_step; exact Hc | exact He].
Qed.

Theorem pool_T4 p : preach p -> quiet (core p) -> (forall a, pressed (core p) a = false) ->
  (forall a, mu (core p) a = false) /\ (forall m, ~ In m (mm (core p))) /\ (forall a, mb (core p) a = 0).
Proof.
  intros R Q P. destruct (pool_reach p R) as (q & Rq & S). pose proof (m_same _ _ _ S) as Sm.
  destruct (T4 q Rq (sim_quiet p q S Q)) as (M & E & B0).
  - intros a. specialize (P a). unfold pressed in *. rewrite <- (e_ap _ _ Sm), <- (e_gd _ _ Sm). exact P.
  - rewrite (e_mu _ _ Sm), (e_mb _ _ Sm). split; [exact M | split; [| exact B0]]. intros [w r a] H.
    apply (m_muted _ _ _ S) in H. rewrite E in H. destruct H as ([] & _).
Qed.

Theorem pool_T5 p a : preach p -> mu (core p) a = false -> mb (core p) a > 0 \/ ov (core p) a = true -> scheduled (core p) a.
Proof.
  intros R M H. destruct (pool_reach p R) as (q & Rq & S). destruct (m_same _ _ _ S).
  rewrite e_mu0 in M. rewrite e_mb0, e_ov0 in H. pose proof (T5 q a Rq M H) as Sc. unfold scheduled, on in *.
  rewrite e_loc0, e_rq0, e_act0. exact Sc.
Qed.

(* (its third part only: marks are removed by who may because the general system's are) *)
Theorem pool_T6 p : preach p -> NoDup (rq (core p)) /\
  (forall w a, on (core p) w a -> ~ In a (rq (core p))) /\
  (forall w w' a, on (core p) w a -> on (core p) w' a -> w = w') /\
  (forall a, mu (core p) a = true \/ loc (core p) a = Gone -> ~ In a (rq (core p)) /\ forall w, ~ on (core p) w a).
Proof.
  intros R. destruct (pool_reach p R) as (q & Rq & S). destruct (m_same _ _ _ S).
  destruct (@T6 A W EA EW) as (_ & _ & T). destruct (T q Rq) as (_ & T1 & T2 & T3 & T4 & _). unfold on in *.
  rewrite e_rq0, e_act0, e_mu0, e_loc0. auto.
Qed.

Theorem pool_T7 p a : preach p -> quiet (core p) -> mu (core p) a = true ->
  exists r, clos_trans A (held (core p)) a r /\ culprit (core p) r.
Proof.
  intros R Q M. destruct (pool_T3 p R) as (_ & H). destruct (H a M) as (e & He & Ce).
  destruct (pool_reach p R) as (q & Rq & S). pose proof (m_same _ _ _ S) as Sm. pose proof (sim_quiet p q S Q) as Qq.
  assert (Cu : culprit (core p) e).
  { assert (X : culprit q e).
    { apply (quiet_end q e Rq Qq). destruct Ce as [Ce | (Me & [(w & Lo) | (w & r & _ & F)])].
      - left. rewrite <- (same_source _ _ _ Sm). exact Ce.
      - destruct Q as (Qw & _). destruct (Qw w) as (_ & _ & Z). destruct (Z e). congruence.
      - destruct (quiet_flight (core p) w r Q F). }
    destruct X as (X1 & X2 & X3). unfold culprit, pressed in *. rewrite (e_ap _ _ Sm), (e_gd _ _ Sm), (e_loc _ _ Sm), (e_mb _ _ Sm). auto. }
  exists e. split; [| exact Cu].
  assert (X : forall x y, clos_refl_trans A (waits (core p)) x y -> x = y \/ clos_trans A (held (core p)) x y).
  { induction 1 as [x y (w & Hi & _) | | x y z _ IH1 _ IH2]; auto.
    - right. apply t_step. exists w. exact Hi.
    - destruct IH1 as [-> | IH1], IH2 as [-> | IH2]; auto. right. eapply t_trans; eauto. }
  destruct (X _ _ He) as [-> | Y]; [| exact Y]. exfalso. destruct Cu as (P & _). pose proof (pool_T2 p e R M) as Z.
  unfold source in Z. rewrite P, orb_true_r in Z. discriminate.
Qed.

(* A fall is posted only where there was one, and a sender is freed by a message only. *)
Theorem pool_T8 p p' w r todo : preach p -> pstep p p' -> bc (core p) w = None -> bc (core p') w = Some (r, todo) ->
  pressing (core p) r = true /\ pressing (core p') r = false.
Proof.
  intros R St N H. destruct (pool_reach p R) as (q & Rq & S). destruct (reach_ok q Rq) as (I & _).
  assert (Low : forall p0 z a, bc (core p0) = bc (core p) -> plowered p p0 z a p' -> pressing (core p) r = true /\ pressing (core p') r = false).
  { intros p0 z a E L. destruct L as [_ | P P'].
    - congruence.
    - cbn in H. rewrite E in H. destruct (eqd w z) as [-> | Nz].
      + rewrite upd_same in H. injection H; intros; subst. split; [exact P | exact P'].
      + rewrite upd_other in H by exact Nz. congruence. }
  destruct St; try (cbn in H; congruence);
  try (match goal with L : plowered _ _ _ _ _ |- _ => eapply Low; [| exact L]; reflexivity end); cbn in H.
  - unfold upd in H. destruct (eqd w w0); congruence.
  - unfold upd in H. destruct (eqd w w0); congruence.
  - unfold upd in H. destruct (eqd w w0) as [-> |]; [| congruence]. injection H; intros; subst.
    pose proof (m_same _ _ _ S) as Sm. rewrite (e_hand _ _ Sm) in H1. destruct (v_hand q I _ _ H1) as (L & _).
    pose proof (v_ok q I r) as K. unfold actor_ok in K. rewrite L in K. destruct K as (M & S0 & _).
    rewrite (same_pressing _ _ _ Sm). split; unfold pressing.
    + rewrite M. apply orb_true_r.
    + rewrite <- (same_source _ _ _ Sm) in S0.
      match goal with |- source ?x r || _ = false => change (source x r) with (source (core p) r) end. rewrite S0. apply upd_same.
Qed.
End Pool.
