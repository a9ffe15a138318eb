(* The checker of Check.v as OCaml: nat becomes OCaml's int, positive numbers and maps stay what they are. *)
Require Import Extraction ExtrOcamlBasic ExtrOcamlNatInt.
From Backwater Require Import System Check.
Extraction "check.ml" check_step check_quiet c_empty.
