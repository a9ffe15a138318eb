(* The checker of Check.v and the table of Step.v as OCaml: nat becomes OCaml's int, positive numbers and maps stay what
   they are. *)
Require Import Extraction ExtrOcamlBasic ExtrOcamlNatInt.
From Backwater Require Import System Check Step.
Extraction "check.ml" check_step check_quiet check_well c_empty.
Extraction "step.ml" fstep fmarks all_flags all_events.
