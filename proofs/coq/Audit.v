(* What each theorem rests on, by name. "Closed under the global context" means: on no axiom. *)
From Backwater Require Import Theorems Single Check Examples.
Goal True. idtac "T1:". Abort. Print Assumptions T1.
Goal True. idtac "T2:". Abort. Print Assumptions T2.
Goal True. idtac "T3:". Abort. Print Assumptions T3.
Goal True. idtac "T4:". Abort. Print Assumptions T4.
Goal True. idtac "T5:". Abort. Print Assumptions T5.
Goal True. idtac "T6:". Abort. Print Assumptions T6.
Goal True. idtac "T7:". Abort. Print Assumptions T7.
Goal True. idtac "T8:". Abort. Print Assumptions T8.
Goal True. idtac "nothing_stuck:". Abort. Print Assumptions nothing_stuck.
Goal True. idtac "single_refines:". Abort. Print Assumptions single_refines.
Goal True. idtac "settle_total:". Abort. Print Assumptions settle_total.
Goal True. idtac "check_ok:". Abort. Print Assumptions check_ok.
Goal True. idtac "accepted_is_reachable:". Abort. Print Assumptions accepted_is_reachable.
Goal True. idtac "check_quiet_ok:". Abort. Print Assumptions check_quiet_ok.
Goal True. idtac "deadlock_reached:". Abort. Print Assumptions deadlock_reached.
