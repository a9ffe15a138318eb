(* Small runs, so that the theorems are known not to be empty, and canaries: runs that break one rule each, which the
   checker has to refuse at the step that breaks it. Actors and workers are numbers; W1 and W2 are the workers. *)
Require Import List PArith.
Import ListNotations.
From Backwater Require Import System Invariant Theorems Check.

Notation W1 := 1%positive. Notation W2 := 2%positive.
Notation ann := 1%positive. Notation bob := 2%positive. Notation cid := 3%positive.

(* the first event of l that is refused, counted from 0 *)
Definition refused l : option nat := match check c_empty 0 l with inr n => Some n | inl _ => None end.

(* a is given a message and its behaviour begins on w *)
Definition go w a := [EEvent a; EPush a; EBegin w a; ETake w a].
(* the behaviour of a ends and then its run, which was short *)
Definition rest w a := [EDone w a; EShort w a None].
(* bob applies and sleeps *)
Definition bob_applies := go W1 bob ++ [EApply W1 bob] ++ rest W1 bob.
(* ann, on w, sends to bob who is pressing, and is muted; bob reads the message on W1 *)
Definition ann_sends w := go w ann ++ [ELook w ann bob true; EPut w ann bob; EMute w ann; EPush bob; EBegin W1 bob; ETake W1 bob].

(* R9, R10, T7: a quiescent state with a muted actor can be reached; its culprit is the one who applied. *)
Definition deadlock := bob_applies ++ ann_sends W1 ++ rest W1 bob.
Example deadlock_reached : exists q : gst, reach q /\ quiet q /\ mu q ann = true /\ culprit q bob.
Proof.
  destruct (check c_empty 0 deadlock) as [c | n] eqn:E; [| vm_compute in E; discriminate].
  destruct (accepted_is_reachable _ _ E) as (q & Q & R). exists q. vm_compute in E. injection E; intros <-.
  split; [exact Q | split; [| split]].
  - eapply check_quiet_ok; [exact Q | exact R | reflexivity].
  - rewrite (p_mu _ _ R). reflexivity.
  - unfold culprit, pressed. rewrite (p_ap _ _ R), (p_loc _ _ R), (p_mb _ _ R). repeat split.
Qed.

(* R6: bob releases on W1, ann was muted by W2: the fall travels and she is freed. Nobody is muted in the end. *)
Definition release_frees := bob_applies ++ ann_sends W2 ++
  [ERelease W1 bob (Some [W2]); ETell W1 W2; ETold W1; ERead W2 bob; EFree W2 ann []; ETold W2; EPush ann; EBegin W2 ann;
   EShort W2 ann None] ++ rest W1 bob.
Example release_frees_accepted : refused release_frees = None. Proof. vm_compute. reflexivity. Qed.
Example release_frees_quiet : match check c_empty 0 release_frees with
  inl c => check_quiet c = true /\ muted_of c = [] | inr _ => False end.
Proof. vm_compute. split; reflexivity. Qed.

(* Steps between "lowered" and "told" are real: bob presses again before W2 has read the first fall. Ann is freed too
   early, which R6 allows. *)
Definition early := bob_applies ++ ann_sends W2 ++
  [ERelease W1 bob (Some [W2]); ETell W1 W2; ETold W1; EApply W1 bob; ERead W2 bob; EFree W2 ann []].
Example early_accepted : refused early = None. Proof. vm_compute. reflexivity. Qed.

(* ---- canaries ---- *)
(* R3, second sentence: ann sends to bob and then applies in the same behaviour. Pony mutes her; here she is not. *)
Definition both := bob_applies ++ go W2 ann ++ [ELook W2 ann bob true; EPut W2 ann bob; EApply W2 ann].
Example both_not_muted : refused (both ++ [EMute W2 ann]) = Some (length both). Proof. vm_compute. reflexivity. Qed.
Example both_goes_on : refused (both ++ [EDone W2 ann]) = None. Proof. vm_compute. reflexivity. Qed.

(* R2: a mark that is missing; a mark for a send to oneself; a mark of a sender that is under pressure *)
Definition look_only := bob_applies ++ go W2 ann.
Example mark_missing : refused (look_only ++ [ELook W2 ann bob false]) = Some (length look_only). Proof. vm_compute. reflexivity. Qed.
Definition self := go W1 ann ++ [EApply W1 ann].
Example mark_self : refused (self ++ [ELook W1 ann ann true]) = Some (length self). Proof. vm_compute. reflexivity. Qed.
Definition exempt := look_only ++ [EHold W2 ann].
Example mark_exempt : refused (exempt ++ [ELook W2 ann bob true]) = Some (length exempt). Proof. vm_compute. reflexivity. Qed.
Example exempt_free : refused (exempt ++ [ELook W2 ann bob false]) = None. Proof. vm_compute. reflexivity. Qed.

(* R3: muted without a mark; going on with a mark *)
Example mute_for_nothing : refused (go W1 ann ++ [EMute W1 ann]) = Some 4. Proof. vm_compute. reflexivity. Qed.
Definition sent := look_only ++ [ELook W2 ann bob true; EPut W2 ann bob].
Example not_muted : refused (sent ++ [EDone W2 ann]) = Some (length sent). Proof. vm_compute. reflexivity. Qed.

(* R6: a fall that is not announced; announced, but not to the worker that keeps a mark; announced without a fall; a
   sender freed without a fall; a muted sender queued; Pony's release without an apply, which broadcasts *)
Definition pending := bob_applies ++ ann_sends W2.
Example silent_fall : refused (pending ++ [ERelease W1 bob None]) = Some (length pending). Proof. vm_compute. reflexivity. Qed.
Example wrong_worker : refused (pending ++ [ERelease W1 bob (Some [W1])]) = Some (length pending). Proof. vm_compute. reflexivity. Qed.
Definition pending2 := pending ++ [EHold W1 bob].
Example no_fall : refused (pending2 ++ [ERelease W1 bob (Some [W2])]) = Some (length pending2). Proof. vm_compute. reflexivity. Qed.
Example free_for_nothing : refused (pending ++ [EFree W2 ann [W1; W2]]) = Some (length pending). Proof. vm_compute. reflexivity. Qed.
Example muted_queued : refused (pending ++ [EPush ann]) = Some (length pending). Proof. vm_compute. reflexivity. Qed.
Example muted_woken : refused (pending ++ [EEvent ann; EPush ann]) = Some (S (length pending)). Proof. vm_compute. reflexivity. Qed.
Example release_unapplied : refused (go W1 ann ++ [ERelease W1 ann (Some [W1; W2])]) = Some 4. Proof. vm_compute. reflexivity. Qed.

(* T6: the same actor taken twice; a fall read twice *)
Definition taken := [EEvent ann; EPush ann; EBegin W1 ann].
Example run_twice : refused (taken ++ [EBegin W2 ann]) = Some 3. Proof. vm_compute. reflexivity. Qed.
Definition read_once := pending ++ [ERelease W1 bob (Some [W2]); ETell W1 W2; ETold W1; ERead W2 bob].
Example read_twice : refused (read_once ++ [ERead W2 bob]) = Some (length read_once). Proof. vm_compute. reflexivity. Qed.

(* R4: overload begins with a full run and ends, with a fall, with a short one; a muted actor does not become
   overloaded by depth *)
Definition overload := go W1 bob ++ [EDone W1 bob; EFull W1 bob; EPush bob; EBegin W1 bob].
Example overload_ends : refused (overload ++ [EShort W1 bob (Some []); ETold W1]) = None. Proof. vm_compute. reflexivity. Qed.
Example overload_ends_silently : refused (overload ++ [EShort W1 bob None]) = Some (length overload). Proof. vm_compute. reflexivity. Qed.
Example deep_muted : refused (pending ++ [EEvent ann; EDeep ann]) = Some (S (length pending)). Proof. vm_compute. reflexivity. Qed.

(* R8: bob panics while ann waits for him: that is a fall too. No message reaches him after it. *)
Definition panics := pending ++ [EStop W1 bob (Some [W2])].
Example stop_frees : refused (panics ++ [ETell W1 W2; ETold W1; ERead W2 bob; EFree W2 ann []]) = None. Proof. vm_compute. reflexivity. Qed.
Example stop_silently : refused (pending ++ [EStop W1 bob None]) = Some (length pending). Proof. vm_compute. reflexivity. Qed.
Example stopped_woken : refused (panics ++ [ETell W1 W2; ETold W1; EEvent bob; EPush bob]) = Some (3 + length panics + 0).
Proof. vm_compute. reflexivity. Qed.

(* R7: a timer tick to a pressing actor marks nobody, and reaches a mailbox that is not run *)
Example control_marks_nobody : refused (look_only ++ [EControl W2 ann bob; EDone W2 ann]) = None. Proof. vm_compute. reflexivity. Qed.
