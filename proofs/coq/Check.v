(* An executable checker for recorded runs, for any number of actors and workers (named by positive numbers, kept in
   finite maps), and the proof that it accepts only runs of the system of System.v. `Extract.v` turns it into OCaml.

   One event is one step. An event names who did it, to whom, and what the runtime says came of it (marked or not, fell
   or not, and whom it tells); the checker works out what should have come of it and refuses a difference. The trace has
   to be in an order that agrees with the order in which the runtime's atomic operations took effect. *)
Require Import List Arith Lia Bool PArith FMapPositive.
Import ListNotations.
From Backwater Require Import System Invariant Theorems.

(* ---- finite maps with a default ---- *)
Definition pmap (V : Type) := PositiveMap.t V.
Definition none {V} : pmap V := PositiveMap.empty V.
Definition get {V} (d : V) (m : pmap V) (k : positive) := match PositiveMap.find k m with Some v => v | None => d end.
Definition put {V} (m : pmap V) (k : positive) (v : V) : pmap V := PositiveMap.add k v m.
Definition get2 {V} (d : V) (m : pmap (pmap V)) (k n : positive) := get d (get none m k) n.
Definition put2 {V} (m : pmap (pmap V)) (k n : positive) (v : V) : pmap (pmap V) := put m k (put (get none m k) n v).

#[global] Instance pos_eq : EqDec positive := Pos.eq_dec.
#[global] Instance loc_eq : EqDec (Loc positive).
Proof. intros x y. decide equality; apply eqd. Defined.
#[global] Instance act_eq : EqDec (Act positive).
Proof. intros x y. decide equality; apply eqd. Defined.
#[global] Instance pair_eq : EqDec (positive * positive).
Proof. intros x y. decide equality; apply eqd. Defined.

Definition is {X} {E : EqDec X} (x y : X) : bool := if eqd x y then true else false.
Definition mem {X} {E : EqDec X} (x : X) l : bool := existsb (is x) l.
Definition without {X} {E : EqDec X} (x : X) l := filter (fun y => negb (is x y)) l.

Lemma get_put {V} (d : V) m (k : positive) v (n : positive) : get d (put m k v) n = upd (get d m) k v n.
Proof.
  unfold get, put, upd. destruct (eqd n k) as [-> | N].
  - rewrite PositiveMap.gss. reflexivity.
  - rewrite PositiveMap.gso by exact N. reflexivity.
Qed.
Lemma get2_put2 {V} (d : V) m (k n : positive) v (k' n' : positive) : get2 d (put2 m k n v) k' n' = upd (get2 d m) k (upd (get2 d m k) n v) k' n'.
Proof.
  unfold get2, put2. rewrite get_put. unfold upd at 1 2. destruct (eqd k' k); [apply get_put | reflexivity].
Qed.
Lemma is_true {X} {E : EqDec X} (x y : X) : is x y = true <-> x = y.
Proof. unfold is. destruct (eqd x y); intuition congruence. Qed.
Lemma is_false {X} {E : EqDec X} (x y : X) : x <> y -> is x y = false.
Proof. unfold is. destruct (eqd x y); congruence. Qed.
Lemma mem_in {X} {E : EqDec X} (x : X) l : mem x l = true <-> In x l.
Proof.
  unfold mem. rewrite existsb_exists. split.
  - intros (y & H & K). apply is_true in K. congruence.
  - intros H. exists x. split; auto. apply is_true. reflexivity.
Qed.
Lemma without_in {X} {E : EqDec X} (x y : X) l : In y (without x l) <-> In y l /\ y <> x.
Proof.
  unfold without. rewrite filter_In, negb_true_iff. unfold is. destruct (eqd x y); intuition congruence.
Qed.

(* ---- the checker's state ---- *)
Record cst := mkc {
  cov : pmap bool; cap : pmap bool; cgd : pmap nat; cmu : pmap bool; cmb : pmap nat; cloc : pmap (Loc positive);
  cmarks : pmap (list (positive * positive));   (* sender -> the worker and receiver of each of its marks *)
  chint : pmap (list positive);                 (* receiver -> at least the senders that have a mark on it *)
  cact : pmap (Act positive); cbc : pmap (option (positive * list positive));
  cinbox : pmap (pmap nat); chand : pmap (pmap bool) }.

Definition c_empty : cst := mkc none none none none none none none none none none none none.

Definition O_ c := get false (cov c).       Definition Ap_ c := get false (cap c).
Definition Gd_ c := get 0 (cgd c).          Definition M_ c := get false (cmu c).
Definition Mb_ c := get 0 (cmb c).          Definition L_ c := get Asleep (cloc c).
Definition Marks c := get [] (cmarks c).    Definition Hint c := get [] (chint c).
Definition Act_ c := get Idle (cact c).     Definition Bc_ c := get None (cbc c).
Definition In_ c := get2 0 (cinbox c).      Definition Hand_ c := get2 false (chand c).

Definition c_ov c f := mkc f (cap c) (cgd c) (cmu c) (cmb c) (cloc c) (cmarks c) (chint c) (cact c) (cbc c) (cinbox c) (chand c).
Definition c_ap c f := mkc (cov c) f (cgd c) (cmu c) (cmb c) (cloc c) (cmarks c) (chint c) (cact c) (cbc c) (cinbox c) (chand c).
Definition c_gd c f := mkc (cov c) (cap c) f (cmu c) (cmb c) (cloc c) (cmarks c) (chint c) (cact c) (cbc c) (cinbox c) (chand c).
Definition c_mu c f := mkc (cov c) (cap c) (cgd c) f (cmb c) (cloc c) (cmarks c) (chint c) (cact c) (cbc c) (cinbox c) (chand c).
Definition c_mb c f := mkc (cov c) (cap c) (cgd c) (cmu c) f (cloc c) (cmarks c) (chint c) (cact c) (cbc c) (cinbox c) (chand c).
Definition c_loc c f := mkc (cov c) (cap c) (cgd c) (cmu c) (cmb c) f (cmarks c) (chint c) (cact c) (cbc c) (cinbox c) (chand c).
Definition c_marks c f g := mkc (cov c) (cap c) (cgd c) (cmu c) (cmb c) (cloc c) f g (cact c) (cbc c) (cinbox c) (chand c).
Definition c_act c f := mkc (cov c) (cap c) (cgd c) (cmu c) (cmb c) (cloc c) (cmarks c) (chint c) f (cbc c) (cinbox c) (chand c).
Definition c_bc c f := mkc (cov c) (cap c) (cgd c) (cmu c) (cmb c) (cloc c) (cmarks c) (chint c) (cact c) f (cinbox c) (chand c).
Definition c_inbox c f := mkc (cov c) (cap c) (cgd c) (cmu c) (cmb c) (cloc c) (cmarks c) (chint c) (cact c) (cbc c) f (chand c).
Definition c_hand c f := mkc (cov c) (cap c) (cgd c) (cmu c) (cmb c) (cloc c) (cmarks c) (chint c) (cact c) (cbc c) (cinbox c) f.

Definition cpressed c a := Ap_ c a || (0 <? Gd_ c a).
Definition csource c a := O_ c a || cpressed c a.
Definition cpressing c a := csource c a || M_ c a.

(* ---- events ---- *)
Inductive event :=
| EPush (a : positive) | EBegin (w a : positive) | ETake (w a : positive)
| ELook (w a b : positive) (marked : bool)                (* is a marked on b after its send looked at b's flags? *)
| EPut (w a b : positive) | EControl (w a b : positive) | EEvent (b : positive)
| EApply (w a : positive) | ERelease (w a : positive) (fell : option (list positive))
| EHold (w a : positive) | EDrop (w r : positive) (fell : option (list positive))
| EDeep (a : positive) | ELow (w a : positive) (fell : option (list positive))
| EMute (w a : positive) | EDone (w a : positive)
| EFull (w a : positive) | EShort (w a : positive) (fell : option (list positive))
| EStop (w a : positive) (fell : option (list positive)) | EKill (w a : positive) (fell : option (list positive))
| EReuse (a : positive)
| ETell (w t : positive) | ETold (w : positive) | ERead (w r : positive) | EFree (w a : positive) (todo : list positive)
| ELapse (w a r : positive).

Definition quietw c w := match Bc_ c w with None => true | _ => false end.
Definition doing c w x := quietw c w && is (Act_ c w) x.
Definition inrun c w a := quietw c w && (is (Act_ c w) (Run a) || is (Act_ c w) (Beh a)).
Definition isnil {X} (l : list X) := match l with [] => true | _ => false end.

(* the removal of the marks on r that w keeps is on its way *)
Definition cflight c w r := (0 <? In_ c w r) ||
  existsb (fun x => match snd x with Some (x, todo) => is x r && mem w todo | None => false end) (PositiveMap.elements (cbc c)).
Definition hears c r todo w := mem w todo || cflight c w r.

(* whoever keeps a mark on r of a muted sender is told, or an earlier fall is on its way to him *)
Definition ccovers c r todo :=
  forallb (fun s => negb (M_ c s) || forallb (fun p => negb (is (snd p) r) || hears c r todo (fst p)) (Marks c s)) (Hint c r).

(* of the marks on r only those stay of which f says so *)
Definition keep (f : positive * positive -> bool) c r :=
  let m := fold_left (fun m s => put m s (filter f (get [] m s))) (Hint c r) (cmarks c) in
  c_marks c m (put (chint c) r (filter (fun s => existsb (fun p => is (snd p) r) (get [] m s)) (Hint c r))).

(* the marks of senders in a behaviour go with the fall where nobody hears of it *)
Definition csweep c r todo := keep (fun p => negb (is (snd p) r) || hears c r todo (fst p)) c r.

Definition lower c c0 w r (fell : option (list positive)) : option cst :=
  if cpressing c r && negb (cpressing c0 r)
  then match fell with
       | Some todo => if ccovers c0 r todo then Some (c_bc (csweep c0 r todo) (put (cbc c0) w (Some (r, todo)))) else None
       | None => None end
  else match fell with Some _ => None | None => Some c0 end.

Definition clook c w a b :=
  if negb (is a b) && cpressing c b && negb (csource c a)
  then c_marks c (if mem (w, b) (Marks c a) then cmarks c else put (cmarks c) a ((w, b) :: Marks c a))
         (put (chint c) b (if mem (w, b) (Marks c a) then Hint c b else a :: Hint c b))
  else c.

Definition cenqueue c b :=
  c_loc (c_mb c (put (cmb c) b (match L_ c b with Gone => Mb_ c b | _ => S (Mb_ c b) end)))
    (put (cloc c) b (match L_ c b with Asleep => Waking | l => l end)).

Definition ckilled c w a :=
  mkc (put (cov c) a false) (put (cap c) a false) (put (cgd c) a 0) (put (cmu c) a false) (put (cmb c) a 0)
    (put (cloc c) a Gone) (put (cmarks c) a []) (chint c) (cact c) (cbc c) (cinbox c) (put2 (chand c) w a false).

Definition other w r (p : positive * positive) := negb (is (w, r) p).
Definition cread c w r :=
  let h := fold_left (fun h s => if M_ c s && mem (w, r) (Marks c s) && isnil (filter (other w r) (Marks c s))
                                 then put2 h w s true else h) (Hint c r) (chand c) in
  c_hand (c_inbox (keep (other w r) c r) (put2 (cinbox c) w r (In_ c w r - 1))) h.

Definition when (b : bool) (x : option cst) := if b then x else None.

Definition check_step c (e : event) : option cst :=
  match e with
  | EPush a => when (is (L_ c a) Waking) (Some (c_loc c (put (cloc c) a Queued)))
  | EBegin w a => when (doing c w Idle && is (L_ c a) Queued)
      (Some (c_act (c_loc c (put (cloc c) a (Running w))) (put (cact c) w (Run a))))
  | ETake w a => when (doing c w (Run a) && (0 <? Mb_ c a))
      (Some (c_act (c_mb c (put (cmb c) a (Mb_ c a - 1))) (put (cact c) w (Beh a))))
  | ELook w a b m => when (doing c w (Beh a) && eqb m (mem (w, b) (Marks (clook c w a b) a)))
      (Some (c_act (clook c w a b) (put (cact c) w (Snd a b))))
  | EPut w a b => when (doing c w (Snd a b)) (Some (c_act (cenqueue c b) (put (cact c) w (Beh a))))
  | EControl w a b => when (doing c w (Beh a)) (Some (cenqueue c b))
  | EEvent b => Some (cenqueue c b)
  | EApply w a => when (doing c w (Beh a)) (Some (c_ap c (put (cap c) a true)))
  | ERelease w a fell => when (doing c w (Beh a)) (lower c (c_ap c (put (cap c) a false)) w a fell)
  | EHold w a => when (doing c w (Beh a)) (Some (c_gd c (put (cgd c) a (S (Gd_ c a)))))
  | EDrop w r fell => when (quietw c w && (0 <? Gd_ c r)) (lower c (c_gd c (put (cgd c) r (Gd_ c r - 1))) w r fell)
  | EDeep a => when (negb (M_ c a) && negb (is (L_ c a) Gone))
      (Some (c_loc (c_ov c (put (cov c) a true)) (put (cloc c) a (match L_ c a with Asleep => Waking | l => l end))))
  | ELow w a fell => when (inrun c w a) (lower c (c_ov c (put (cov c) a false)) w a fell)
  | EMute w a => when (doing c w (Beh a) && negb (csource c a) && negb (isnil (Marks c a)))
      (Some (c_act (c_loc (c_mu c (put (cmu c) a true)) (put (cloc c) a (Parked w))) (put (cact c) w Idle)))
  | EDone w a => when (doing c w (Beh a) && (csource c a || isnil (Marks c a)))
      (Some (c_act (c_marks c (put (cmarks c) a []) (chint c)) (put (cact c) w (Run a))))
  | EFull w a => when (doing c w (Run a))
      (Some (c_act (c_loc (c_ov c (put (cov c) a true)) (put (cloc c) a Waking)) (put (cact c) w Idle)))
  | EShort w a fell => when (doing c w (Run a))
      (lower c (c_act (c_loc (c_ov c (put (cov c) a false)) (put (cloc c) a (if Mb_ c a =? 0 then Asleep else Waking)))
        (put (cact c) w Idle)) w a fell)
  | EStop w a fell => when (inrun c w a) (lower c (c_act (ckilled c w a) (put (cact c) w Idle)) w a fell)
  | EKill w a fell => when (quietw c w && (is (L_ c a) Asleep || is (L_ c a) Queued || is (L_ c a) (Parked w)))
      (lower c (ckilled c w a) w a fell)
  | ETell w t => match Bc_ c w with
      | Some (r, todo) => when (mem t todo) (Some (c_bc (c_inbox c (put2 (cinbox c) t r (S (In_ c t r))))
          (put (cbc c) w (Some (r, without t todo)))))
      | None => None end
  | ETold w => match Bc_ c w with
      | Some (r, todo) => when (isnil todo) (Some (c_bc c (put (cbc c) w None)))
      | None => None end
  | ERead w r => when (quietw c w && (0 <? In_ c w r)) (Some (cread c w r))
  | EFree w a todo => when (quietw c w && Hand_ c w a && ccovers c a todo)
      (Some (c_bc (c_hand (c_loc (c_mu (csweep c a todo) (put (cmu c) a false)) (put (cloc c) a Waking)) (put2 (chand c) w a false))
        (put (cbc c) w (Some (a, todo)))))
  | EReuse a => when (is (L_ c a) Gone) (Some (c_loc c (put (cloc c) a Asleep)))
  | ELapse w a r => when (doing c w (Beh a) && cflight c w r)
      (Some (c_marks c (put (cmarks c) a (without (w, r) (Marks c a))) (chint c)))
  end.

(* ---- what the checker's state stands for ---- *)
Notation gst := (st positive positive).

Record rep (c : cst) (q : gst) : Prop := {
  p_ov : forall a, ov q a = O_ c a; p_ap : forall a, ap q a = Ap_ c a; p_gd : forall a, gd q a = Gd_ c a;
  p_mu : forall a, mu q a = M_ c a; p_mb : forall a, mb q a = Mb_ c a; p_loc : forall a, loc q a = L_ c a;
  p_mm : forall w r s, In (Mk w r s) (mm q) <-> In (w, r) (Marks c s);
  p_hint : forall w r s, In (w, r) (Marks c s) -> In s (Hint c r);
  p_act : forall w, act q w = Act_ c w;
  p_bc : forall w, match Bc_ c w with
                   | None => bc q w = None
                   | Some (r, l) => exists todo, bc q w = Some (r, todo) /\ forall t, todo t = true <-> In t l end;
  p_in : forall w r, inbox q w r = In_ c w r;
  p_hand : forall w a, hand q w a = Hand_ c w a }.

Lemma rep_init q : init q -> rep c_empty q.
Proof.
  intros (H & _ & E & K).
  assert (G : forall V (d : V) k, get d none k = d) by (intros; unfold get, none; rewrite PositiveMap.gempty; reflexivity).
  assert (G2 : forall V (d : V) k n, get2 d none k n = d) by (intros; unfold get2; rewrite G; apply G).
  split; intros; unfold O_, Ap_, Gd_, M_, Mb_, L_, Marks, Hint, Act_, Bc_, In_, Hand_ in *; cbn in *; rewrite ?G, ?G2 in *;
  try (apply (H a)); try (apply (K w)).
  - rewrite E. reflexivity.
  - destruct H0.
Qed.

Lemma p_source c q a : rep c q -> source q a = csource c a.
Proof. intros []. unfold source, csource, pressed, cpressed. rewrite p_ov0, p_ap0, p_gd0. reflexivity. Qed.
Lemma p_pressing c q a : rep c q -> pressing q a = cpressing c a.
Proof. intros R. unfold pressing, cpressing. rewrite (p_source c q a R), (p_mu c q R). reflexivity. Qed.
Lemma p_marked c q a : rep c q -> marked a (mm q) = negb (isnil (Marks c a)).
Proof.
  intros R. destruct (marked a (mm q)) eqn:E.
  - apply marked_true in E. destruct E as (w & r & E). apply (p_mm c q R) in E. destruct (Marks c a); [destruct E | reflexivity].
  - destruct (Marks c a) as [| [w r] l] eqn:Ma; auto. apply marked_false with (w := w) (r := r) in E.
    destruct E. apply (p_mm c q R). rewrite Ma. left. reflexivity.
Qed.
Lemma p_quiet c q w : rep c q -> quietw c w = true -> bc q w = None.
Proof.
  intros R H. pose proof (p_bc c q R w) as B. unfold quietw in H. destruct (Bc_ c w); [discriminate | exact B].
Qed.

Ltac open := unfold O_, Ap_, Gd_, M_, Mb_, L_, Marks, Hint, Act_, Bc_, In_, Hand_ in *.
Ltac eqds := repeat match goal with |- context [@eqd _ _ ?x ?y] => destruct (@eqd _ _ x y); subst end.

Lemma rep_bc c q w r todo : rep c q -> rep (c_bc c (put (cbc c) w (Some (r, todo)))) (set_bc q (upd (bc q) w (Some (r, fun t => mem t todo)))).
Proof.
  intros []. split; auto. intros z. unfold Bc_. cbn. rewrite get_put. unfold upd. destruct (eqd z w) as [-> | N].
  - eexists. split; [reflexivity |]. intros t. apply mem_in.
  - apply p_bc0.
Qed.

Lemma rep_look c q w a b : rep c q -> rep (clook c w a b) (set_mm q (look q w a b)).
Proof.
  intros R. unfold clook, look. rewrite (p_source c q a R), (p_pressing c q b R).
  replace (if eqd a b then false else true) with (negb (is a b)) by (unfold is; destruct (eqd a b); reflexivity).
  destruct (negb (is a b) && cpressing c b && negb (csource c a)); [| destruct R; split; auto].
  destruct R. split; auto.
  - intros w1 r s. cbn [mm set_mm]. rewrite add_in, p_mm0.
    match goal with |- context [Marks (c_marks ?x ?f ?g) ?y] => change (Marks (c_marks x f g) y) with (get [] f y) end.
    destruct (mem (w, b) (Marks c a)) eqn:E.
    + apply mem_in in E. fold (Marks c s). intuition. injection H0; intros; subst. exact E.
    + rewrite get_put. unfold upd. fold (Marks c). destruct (eqd s a) as [-> | N]; cbn; intuition congruence.
  - intros w1 r s.
    match goal with |- context [Marks (c_marks ?x ?f ?g) ?y] => change (Marks (c_marks x f g) y) with (get [] f y) end.
    match goal with |- context [Hint (c_marks ?x ?f ?g) ?y] => change (Hint (c_marks x f g) y) with (get [] g y) end.
    rewrite get_put. fold (Hint c). unfold upd. destruct (mem (w, b) (Marks c a)) eqn:E.
    + intros H. apply p_hint0 in H. destruct (eqd r b); subst; exact H.
    + rewrite get_put. unfold upd. fold (Marks c). destruct (eqd s a) as [-> | N].
      * intros [H | H]; [injection H; intros; subst; destruct (eqd r r); [left; reflexivity | congruence] |].
        apply p_hint0 in H. destruct (eqd r b); [subst; right; exact H | exact H].
      * intros H. apply p_hint0 in H. destruct (eqd r b); [subst; right; exact H | exact H].
Qed.

Lemma rep_enqueue c q b : rep c q -> rep (cenqueue c b) (enqueue q b).
Proof.
  intros []. split; auto; cbn; intros; open; cbn; rewrite get_put; unfold upd; eqds; auto; rewrite ?p_loc0, ?p_mb0; reflexivity.
Qed.

Lemma rep_killed c q w a : rep c q -> rep (ckilled c w a) (killed q w a).
Proof.
  intros []. split; auto; cbn; intros; open; cbn in *; rewrite ?get_put, ?get2_put2 in *; unfold upd in *; eqds; auto;
  try (rewrite drop_of_in, p_mm0; cbn; intuition congruence).
  destruct (eqd s a); [destruct H | eauto].
Qed.

Lemma keep_get (f : positive * positive -> bool) l : forall m s, get [] (fold_left (fun m s => put m s (filter f (get [] m s))) l m) s =
  if in_dec eqd s l then filter f (get [] m s) else get [] m s.
Proof.
  assert (T : forall x : list (positive * positive), filter f (filter f x) = filter f x).
  { intros x. induction x as [| y x IH]; cbn; auto. destruct (f y) eqn:E; cbn; auto. rewrite E. congruence. }
  induction l as [| x l IH]; intros m s; [reflexivity |]. cbn [fold_left]. rewrite IH, get_put. unfold upd.
  destruct (eqd s x) as [-> | N].
  - rewrite T. destruct (in_dec eqd x l), (in_dec eqd x (x :: l)) as [| Hn]; auto; destruct Hn; left; reflexivity.
  - destruct (in_dec eqd s l), (in_dec eqd s (x :: l)) as [Hi | Hn]; auto.
    + destruct Hn. right. assumption.
    + destruct Hi; [congruence | contradiction].
Qed.

Lemma filter_id {X} (f : X -> bool) l : (forall x, In x l -> f x = true) -> filter f l = l.
Proof.
  induction l as [| x l IH]; intros H; auto. cbn. rewrite (H x); [| left; reflexivity]. rewrite IH; auto.
  intros y Hy. apply H. right. exact Hy.
Qed.

(* f speaks only of marks on r, and only the senders in the hint have any: so all marks are sifted *)
Lemma keep_marks f c q r s : rep c q -> (forall p, f p = false -> snd p = r) -> Marks (keep f c r) s = filter f (Marks c s).
Proof.
  intros R F. change (Marks (keep f c r) s) with (get [] (fold_left (fun m s => put m s (filter f (get [] m s))) (Hint c r) (cmarks c)) s).
  rewrite keep_get. fold (Marks c s). destruct (in_dec eqd s (Hint c r)) as [| N]; auto.
  symmetry. apply filter_id. intros [z x] H. destruct (f (z, x)) eqn:E; auto. apply F in E. cbn in E. subst.
  destruct N. apply (p_hint c q R _ _ _ H).
Qed.

Lemma rep_keep f c q r l : rep c q -> (forall p, f p = false -> snd p = r) ->
  (forall z x s, In (Mk z x s) l <-> In (Mk z x s) (mm q) /\ f (z, x) = true) -> rep (keep f c r) (set_mm q l).
Proof.
  intros R F L. pose proof R as []. pose proof (fun s => keep_marks f c q r s R F) as E. split; auto.
  - intros z x s. cbn [mm set_mm]. rewrite E, filter_In, L, p_mm0. tauto.
  - intros z x s. rewrite E, filter_In. intros [H K]. pose proof (p_hint0 _ _ _ H) as Hh.
    match goal with |- In s (Hint _ x) => change (In s (get [] (put (chint c) r
      (filter (fun s => existsb (fun p => is (snd p) r) (Marks (keep f c r) s)) (Hint c r))) x)) end.
    rewrite get_put. unfold upd. destruct (eqd x r) as [-> | Nx]; [| exact Hh].
    apply filter_In. split; auto. apply existsb_exists. exists (z, r). split; [| apply is_true; reflexivity].
    rewrite E. apply filter_In. auto.
Qed.

Lemma cflight_ok c q w r : rep c q -> cflight c w r = true -> flight q w r.
Proof.
  intros R H. apply orb_true_iff in H. destruct H as [H | H].
  - left. rewrite (p_in c q R). apply Nat.ltb_lt. exact H.
  - right. apply existsb_exists in H. destruct H as ([t v] & Hin & H). apply PositiveMap.elements_complete in Hin. cbn in H.
    destruct v as [[x todo] |]; [| discriminate]. apply andb_prop in H. destruct H as (Hx & Hw). apply is_true in Hx. subst.
    pose proof (p_bc c q R t) as B. unfold Bc_, get in B. rewrite Hin in B. destruct B as (td & B & T).
    exists t, td. split; auto. apply T, mem_in. exact Hw.
Qed.

Lemma rep_sweep c q r todo : rep c q -> ccovers c r todo = true ->
  exists l, Left q r (fun t => mem t todo) l /\ rep (csweep c r todo) (set_mm q l).
Proof.
  intros R H. set (f := fun p : positive * positive => negb (is (snd p) r) || hears c r todo (fst p)).
  exists (filter (fun m => f (at_w m, on_r m)) (mm q)). split; [split |].
  - intros m Hm. apply filter_In in Hm. tauto.
  - apply NoDup_filter.
  - intros [w x s] Hm K. apply filter_In. split; auto. unfold f. cbn. cbn in K. destruct K as [N | M].
    + rewrite is_false by exact N. reflexivity.
    + apply (p_mm c q R) in Hm. pose proof (p_hint c q R _ _ _ Hm) as Hh. rewrite (p_mu c q R) in M.
      destruct (eqd x r) as [-> | N]; [| rewrite is_false by exact N; reflexivity].
      unfold ccovers in H. rewrite forallb_forall in H. specialize (H s Hh). rewrite M in H. cbn in H.
      rewrite forallb_forall in H. exact (H _ Hm).
  - intros w s Hm. apply filter_In in Hm. destruct Hm as (_ & Hm). unfold f, hears in Hm. cbn in Hm.
    rewrite (proj2 (is_true r r) eq_refl) in Hm. cbn in Hm. apply orb_true_iff in Hm. destruct Hm as [Hm | Hm]; auto.
    right. eapply cflight_ok; eauto.
  - apply rep_keep; [exact R | |].
    + intros p Hp. apply orb_false_iff in Hp. destruct Hp as (Hp & _). apply negb_false_iff, is_true in Hp. exact Hp.
    + intros z x s. rewrite filter_In. reflexivity.
Qed.

Lemma lower_ok c c0 c' w r fell q q0 : lower c c0 w r fell = Some c' -> rep c q -> rep c0 q0 ->
  exists q', lowered q q0 w r q' /\ rep c' q'.
Proof.
  unfold lower. intros H R R0. destruct (cpressing c r && negb (cpressing c0 r)) eqn:P.
  - apply andb_prop in P. destruct P as (P & P'). apply negb_true_iff in P'.
    destruct fell as [todo |]; [| discriminate]. destruct (ccovers c0 r todo) eqn:C; [| discriminate].
    injection H; intros; subst. destruct (rep_sweep c0 q0 r todo R0 C) as (l & Lf & K). eexists. split.
    + apply low_fall with (todo := fun t => mem t todo) (l := l); [| | exact Lf].
      * rewrite (p_pressing c q r R). exact P.
      * rewrite (p_pressing c0 q0 r R0). exact P'.
    + exact (rep_bc _ _ w r todo K).
  - destruct fell; [discriminate |]. injection H; intros; subst. exists q0. split; auto. apply low_none.
    rewrite (p_pressing c q r R), (p_pressing c' q0 r R0). destruct (cpressing c r); auto. right.
    destruct (cpressing c' r); auto.
Qed.

Lemma hand_get (p : positive -> bool) w l : forall h z s,
  get2 false (fold_left (fun h s => if p s then put2 h w s true else h) l h) z s =
  get2 false h z s || (is z w && mem s l && p s).
Proof.
  induction l as [| x l IH]; intros h z s; cbn [fold_left].
  - cbn. rewrite andb_false_r. symmetry. apply orb_false_r.
  - rewrite IH. unfold mem. cbn [existsb]. destruct (p x) eqn:P.
    + rewrite get2_put2. unfold upd. destruct (eqd z w) as [-> | N]; [| rewrite (is_false z w N); reflexivity].
      destruct (eqd s x) as [-> | N]; [| rewrite (is_false s x N); reflexivity].
      rewrite P, (proj2 (is_true x x) eq_refl), (proj2 (is_true w w) eq_refl). cbn. rewrite orb_true_r. reflexivity.
    + destruct (eqd s x) as [-> | N]; [rewrite P, !andb_false_r; reflexivity |]. rewrite (is_false s x N). reflexivity.
Qed.

Lemma rep_read c q w r : rep c q -> rep (cread c w r)
  (set_hand (set_inbox (set_mm q (drop_on w r (mm q))) (upd (inbox q) w (upd (inbox q w) r (inbox q w r - 1))))
    (upd (hand q) w (fun a => hand q w a || (mu q a && has (Mk w r a) (mm q) && negb (marked a (drop_on w r (mm q))))))).
Proof.
  intros R. pose proof R as [].
  assert (Fo : forall p, other w r p = false -> snd p = r).
  { intros p H. apply negb_false_iff, is_true in H. subst. reflexivity. }
  assert (Ed : forall z x s, In (Mk z x s) (drop_on w r (mm q)) <-> In (Mk z x s) (mm q) /\ other w r (z, x) = true).
  { intros z x s. rewrite drop_on_in. unfold other. rewrite negb_true_iff. unfold is. cbn [at_w on_r].
    destruct (eqd (w, r) (z, x)) as [X | X].
    - injection X; intros; subst. intuition congruence.
    - split; intros [H N]; split; auto. intros [-> ->]. apply X. reflexivity. }
  pose proof (rep_keep (other w r) c q r _ R Fo Ed) as K. destruct K. split; auto.
  - intros z x. unfold In_. cbn. rewrite get2_put2. unfold upd. destruct (eqd z w), (eqd x r); subst; rewrite p_in0; reflexivity.
  - intros z s. unfold Hand_. cbn [hand set_hand chand cread c_hand]. rewrite (hand_get _ w). unfold upd.
    fold (Hand_ c z s). unfold is at 1. destruct (eqd z w) as [-> | N]; [| rewrite p_hand0; cbn; rewrite orb_false_r; reflexivity].
    rewrite p_hand0, p_mu0. f_equal.
    assert (E1 : has (Mk w r s) (mm q) = mem (w, r) (Marks c s)).
    { apply eq_true_iff_eq. rewrite has_in, mem_in. apply p_mm0. }
    assert (E2 : negb (marked s (drop_on w r (mm q))) = isnil (filter (other w r) (Marks c s))).
    { destruct (filter (other w r) (Marks c s)) as [| [z x] l] eqn:E; cbn.
      - apply negb_true_iff, marked_false. intros z x H. apply Ed in H. rewrite p_mm0, <- filter_In, E in H. exact H.
      - apply negb_false_iff, marked_true. exists z, x. apply Ed. rewrite p_mm0, <- filter_In, E. left. reflexivity. }
    rewrite E1, E2. cbn. destruct (mem s (Hint c r)) eqn:Eh; cbn; [reflexivity |].
    destruct (mem (w, r) (Marks c s)) eqn:E; [| rewrite andb_false_r; reflexivity].
    apply mem_in, p_hint0, mem_in in E. congruence.
Qed.

Lemma doing_ok c q w x : rep c q -> doing c w x = true -> bc q w = None /\ act q w = x.
Proof.
  intros R H. apply andb_prop in H. destruct H as (H1 & H2). apply is_true in H2. split.
  - eapply p_quiet; eauto.
  - rewrite (p_act c q R). exact H2.
Qed.

Lemma inrun_ok c q w a : rep c q -> inrun c w a = true -> bc q w = None /\ (act q w = Run a \/ act q w = Beh a).
Proof.
  intros R H. apply andb_prop in H. destruct H as (H1 & H2). split; [eapply p_quiet; eauto |].
  apply orb_true_iff in H2. rewrite !is_true in H2. rewrite (p_act c q R). exact H2.
Qed.

Ltac clean := repeat match goal with
  | H : when ?b _ = Some _ |- _ => unfold when in H; destruct b eqn:?; [| discriminate H]
  | H : Some _ = Some _ |- _ => injection H; clear H; intros; subst
  | H : _ && _ = true |- _ => apply andb_prop in H; destruct H
  | H : (_ <? _) = true |- _ => apply Nat.ltb_lt in H
  | H : negb _ = true |- _ => apply negb_true_iff in H
  | H : is _ _ = true |- _ => apply is_true in H
  | R : rep ?c ?q, H : doing ?c _ _ = true |- _ => apply (doing_ok c q _ _ R) in H; destruct H
  | R : rep ?c ?q, H : inrun ?c _ _ = true |- _ => apply (inrun_ok c q _ _ R) in H; destruct H
  | R : rep ?c ?q, H : quietw ?c _ = true |- _ => apply (p_quiet c q _ R) in H
  end.
Ltac same R := destruct R; split; auto; intros; open; cbn in *; rewrite ?get_put, ?get2_put2 in *; unfold upd in *; eqds; auto;
  try congruence.

Lemma rep_act c q m f : rep c q -> (forall z, f z = get Idle m z) -> rep (c_act c m) (set_act q f).
Proof. intros [] H. split; auto. Qed.

Ltac low R := match goal with H : lower _ _ _ _ _ = Some _ |- _ =>
  eapply lower_ok in H; [destruct H as (q1 & L1 & R1) | exact R |] end.

(* Accepted means allowed. *)
Theorem check_ok c e c' q : check_step c e = Some c' -> Inv q -> rep c q -> exists q', step q q' /\ rep c' q'.
Proof.
  intros H I R. destruct e; cbn [check_step] in H; clean.
  - eexists. split; [apply s_push with (a := a); rewrite (p_loc c q R); assumption | same R].
  - eexists. split; [apply s_begin with (w := w) (a := a); auto; apply (v_rq q I); rewrite (p_loc c q R); assumption | same R].
  - eexists. split; [apply s_take with (w := w) (a := a); auto; rewrite (p_mb c q R); assumption | same R].
  - eexists. split; [apply s_look with (w := w) (a := a) (b := b); auto |].
    apply rep_act; [apply rep_look; exact R |]. intros z. rewrite get_put. unfold upd. destruct (eqd z w); auto. apply (p_act c q R).
  - eexists. split; [apply s_put with (w := w) (a := a) (b := b); auto |].
    apply rep_act; [apply rep_enqueue; exact R |]. intros z. rewrite get_put. unfold upd. destruct (eqd z w); auto. apply (p_act c q R).
  - eexists. split; [apply s_control with (w := w) (a := a) (b := b); auto | apply rep_enqueue; exact R].
  - eexists. split; [apply s_event with (b := b) | apply rep_enqueue; exact R].
  - eexists. split; [apply s_apply with (w := w) (a := a); auto | same R].
  - low R; [exists q1; split; [eapply s_release with (w := w) (a := a); eauto | exact R1] | same R].
  - eexists. split; [apply s_hold with (w := w) (a := a); auto | same R].
  - low R; [exists q1; split; [eapply s_drop with (w := w) (a := r); eauto; rewrite (p_gd c q R); assumption | exact R1] | same R].
  - eexists. split; [apply s_deep with (a := a); [rewrite (p_mu c q R); assumption |] |].
    + rewrite (p_loc c q R). intros X. unfold is in *. destruct (eqd (L_ c a) Gone); [discriminate | congruence].
    + pose proof (p_loc c q R a) as El. rewrite El. clear El. same R.
  - low R; [exists q1; split; [eapply s_low with (w := w) (a := a); eauto | exact R1] | same R].
  - eexists. split; [apply s_mute with (w := w) (a := a); auto |].
    + rewrite (p_source c q a R). assumption.
    + rewrite (p_marked c q a R). apply negb_true_iff. assumption.
    + same R.
  - eexists. split; [apply s_done with (w := w) (a := a); auto |].
    + rewrite (p_source c q a R), (p_marked c q a R), negb_false_iff. apply orb_true_iff. assumption.
    + apply rep_act.
      * destruct R. split; auto; intros z r s; change (Marks (c_marks c (put (cmarks c) a []) (chint c)) s) with (get [] (put (cmarks c) a []) s);
        rewrite get_put; unfold upd; fold (Marks c).
        -- cbn [mm set_mm]. rewrite drop_of_in, p_mm0. cbn. destruct (eqd s a); subst; cbn; intuition congruence.
        -- destruct (eqd s a); [intros [] | apply p_hint0].
      * intros z. rewrite get_put. unfold upd. destruct (eqd z w); auto. apply (p_act c q R).
  - eexists. split; [apply s_full with (w := w) (a := a); auto | same R].
  - low R; [exists q1; split; [eapply s_short with (w := w) (a := a); eauto | exact R1] |].
    pose proof (p_mb c q R a) as E. rewrite E. clear E. same R.
  - low R; [exists q1; split; [eapply s_stop with (w := w) (a := a); eauto | exact R1] |].
    apply rep_act; [apply rep_killed; exact R |]. intros z. rewrite get_put. unfold upd. destruct (eqd z w); auto. apply (p_act c q R).
  - low R; [exists q1; split; [eapply s_kill with (w := w) (a := a); eauto | exact R1] | apply rep_killed; exact R].
    rewrite (p_loc c q R). match goal with K : _ || _ = true |- _ => rewrite !orb_true_iff, !is_true in K; tauto end.
  - eexists. split; [apply s_reuse with (a := a); rewrite (p_loc c q R); assumption | same R].
  - pose proof (p_bc c q R w) as B. destruct (Bc_ c w) as [[r td] |]; [| discriminate]. clean.
    destruct B as (todo & B & T). match goal with K : mem _ _ = true |- _ => apply mem_in in K; apply T in K end.
    eexists. split; [apply s_tell with (t := t); eassumption |].
    destruct R. split; auto.
    + intros z. unfold Bc_. cbn [cbc c_bc bc set_bc]. rewrite get_put.
      destruct (eqd z w) as [-> | N]; [rewrite !upd_same | rewrite !upd_other by exact N].
      * eexists. split; [reflexivity |]. intros x. rewrite without_in, <- T. unfold upd. destruct (eqd x t); intuition congruence.
      * apply p_bc0.
    + intros z x. unfold In_. cbn [cinbox c_inbox c_bc inbox set_inbox set_bc]. rewrite get2_put2. unfold upd. destruct (eqd z t); [| apply p_in0].
      destruct (eqd x r); [| apply p_in0]. f_equal. apply p_in0.
  - pose proof (p_bc c q R w) as B. destruct (Bc_ c w) as [[r td] |]; [| discriminate]. clean.
    destruct td; [| discriminate]. destruct B as (todo & B & T). eexists. split; [eapply s_told with (w := w); [exact B |] |].
    + intros t. destruct (todo t) eqn:E; auto. apply T in E. destruct E.
    + destruct R. split; auto. intros z. unfold Bc_. cbn [cbc c_bc bc set_bc]. rewrite get_put. unfold upd.
      destruct (eqd z w); [reflexivity | apply p_bc0].
  - eexists. split; [apply s_read with (w := w) (r := r); auto; rewrite (p_in c q R); assumption | apply rep_read; exact R].
  - match goal with C : ccovers _ _ _ = true |- _ => destruct (rep_sweep c q a todo R C) as (l & Lf & K) end.
    eexists. split; [apply s_free with (w := w) (a := a) (todo := fun t => mem t todo) (l := l); auto |].
    + rewrite (p_hand c q R). assumption.
    + change (rep (c_bc (c_hand (c_loc (c_mu (csweep c a todo) (put (cmu c) a false)) (put (cloc c) a Waking)) (put2 (chand c) w a false))
        (put (cbc (c_hand (c_loc (c_mu (csweep c a todo) (put (cmu c) a false)) (put (cloc c) a Waking)) (put2 (chand c) w a false))) w (Some (a, todo))))
       (let q0 := set_hand (set_loc (set_mu (set_mm q l) (upd (mu q) a false)) (upd (loc q) a Waking))
         (upd (hand q) w (upd (hand q w) a false)) in
        set_bc q0 (upd (bc q0) w (Some (a, fun t => mem t todo))))).
      apply rep_bc. destruct K as [K1 K2 K3 K4 K5 K6 K7 K8 K9 Ka Kb Kc].
      split; auto; intros; open; cbn; rewrite ?get_put, ?get2_put2; unfold upd; eqds; auto.
      all: first [apply (p_mu c q R) | apply (p_loc c q R) | apply (p_hand c q R)].
  - eexists. split; [apply s_lapse with (w := w) (a := a) (r := r); auto; eapply cflight_ok; eassumption |].
    destruct R. split; auto; intros z x s; change (Marks (c_marks c (put (cmarks c) a (without (w, r) (Marks c a))) (chint c)) s)
      with (get [] (put (cmarks c) a (without (w, r) (Marks c a))) s); rewrite get_put; unfold upd; fold (Marks c).
    + cbn [mm set_mm]. rewrite remove_in, p_mm0. destruct (eqd s a) as [-> |].
      * rewrite without_in. intuition congruence.
      * intuition congruence.
    + destruct (eqd s a) as [-> |]; [rewrite without_in; intros [H4 _] | intros H4]; eauto.
Qed.

(* ---- whole traces ---- *)
Fixpoint check (c : cst) (n : nat) (l : list event) : cst + nat :=
  match l with
  | [] => inl c
  | e :: l => match check_step c e with Some c' => check c' (S n) l | None => inr n end
  end.

Lemma check_reach l : forall c n c' q, reach q -> rep c q -> check c n l = inl c' -> exists q', reach q' /\ rep c' q'.
Proof.
  induction l as [| e l IH]; intros c n c' q Q R H; cbn in H.
  - injection H; intros; subst. eauto.
  - destruct (check_step c e) as [c1 |] eqn:E; [| discriminate]. destruct (reach_ok q Q) as (I & _).
    destruct (check_ok c e c1 q E I R) as (q1 & S1 & R1). eapply IH; [eapply r_step | |]; eauto.
Qed.

Definition g_init : gst := mk (fun _ => false) (fun _ => false) (fun _ => 0) (fun _ => false) (fun _ => 0) (fun _ => Asleep)
  [] [] (fun _ => Idle) (fun _ => None) (fun _ _ => 0) (fun _ _ => false).

(* A trace that the checker accepts from the empty state is a run of the system, so T1 to T8 hold of its last state. *)
Theorem accepted_is_reachable l c : check c_empty 0 l = inl c -> exists q, reach q /\ rep c q.
Proof.
  assert (I : init g_init) by (split; [| split; [| split]]; cbn; auto 8).
  intros H. eapply check_reach; [apply r_init; exact I | apply rep_init; exact I | exact H].
Qed.

(* ---- the runtime's claim that it is quiescent (R9), and who is the culprit (R10) ---- *)
Definition all_of {V} (p : V -> bool) (m : pmap V) : bool := forallb (fun x => p (snd x)) (PositiveMap.elements m).

Lemma all_of_ok {V} (p : V -> bool) (d : V) m : all_of p m = true -> p d = true -> forall k, p (get d m k) = true.
Proof.
  intros H D k. unfold get. destruct (PositiveMap.find k m) as [v |] eqn:E; [| exact D].
  unfold all_of in H. rewrite forallb_forall in H. apply (H (k, v)). apply PositiveMap.elements_correct. exact E.
Qed.

Definition check_quiet c : bool :=
  all_of (fun x => is x Idle) (cact c) && all_of (fun x => match x with None => true | _ => false end) (cbc c) &&
  all_of (all_of (fun n => n =? 0)) (cinbox c) && all_of (all_of negb) (chand c) &&
  all_of (fun l => match l with Waking | Queued => false | _ => true end) (cloc c).

Definition muted_of c : list positive := map fst (filter snd (PositiveMap.elements (cmu c))).
Definition check_culprit c r : bool := cpressed c r && is (L_ c r) Asleep && (Mb_ c r =? 0).

Lemma check_quiet_ok c q : reach q -> rep c q -> check_quiet c = true -> quiet q.
Proof.
  intros Q R H. destruct (reach_ok q Q) as (I & _).
  unfold check_quiet in H. rewrite !andb_true_iff in H. destruct H as ((((H1 & H2) & H3) & H4) & H5).
  assert (L : forall a, loc q a <> Waking /\ loc q a <> Queued).
  { intros a. rewrite (p_loc c q R). pose proof (all_of_ok _ Asleep _ H5 eq_refl a) as E. cbn beta in E. unfold L_.
    destruct (get Asleep (cloc c) a); split; congruence. }
  split; [| split].
  - intros w. split; [| split; [| intros a; split]].
    + rewrite (p_act c q R). apply is_true. exact (all_of_ok _ Idle _ H1 eq_refl w).
    + pose proof (p_bc c q R w) as B. pose proof (all_of_ok _ None _ H2 eq_refl w) as E. cbn beta in E. unfold Bc_ in B.
      destruct (get None (cbc c) w); [discriminate | exact B].
    + rewrite (p_in c q R). pose proof (all_of_ok _ none _ H3 eq_refl w) as E.
      apply Nat.eqb_eq. exact (all_of_ok _ 0 _ E eq_refl a).
    + rewrite (p_hand c q R). pose proof (all_of_ok _ none _ H4 eq_refl w) as E.
      apply negb_true_iff. exact (all_of_ok _ false _ E eq_refl a).
  - destruct (rq q) as [| a l] eqn:E; auto. destruct (L a) as (_ & N). destruct N. apply (v_rq q I). rewrite E. left. reflexivity.
  - intros a. apply L.
Qed.

(* "It ended well": quiet, and nobody is muted. *)
Definition check_well c : bool := check_quiet c && all_of negb (cmu c).

Lemma check_well_ok c q : reach q -> rep c q -> check_well c = true -> quiet q /\ forall a, mu q a = false.
Proof.
  intros Q R H. apply andb_prop in H. destruct H as (H1 & H2). split; [eapply check_quiet_ok; eassumption |].
  intros a. rewrite (p_mu c q R). apply negb_true_iff. exact (all_of_ok _ false _ H2 eq_refl a).
Qed.
