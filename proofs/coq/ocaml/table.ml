(* Prints the extracted step function (../Step.v) over its whole finite domain, in the words of rules::step. *)
open Step

let flags x =
  let letters = List.filter fst [ (x.fO, "O"); (x.fA, "A"); (x.fH, "H"); (x.fM, "M"); (x.fS, "S") ] in
  if letters = [] then "-" else String.concat "" (List.map snd letters)

let event = function
  | FApply -> "Apply" | FRelease -> "Release" | FHold -> "Hold" | FDrop -> "Drop" | FOverload -> "Overload"
  | FCatchUp -> "CatchUp" | FEndMarked -> "EndMarked" | FFree -> "Free" | FStop -> "Stop"

let action = function
  | Keep -> "Keep" | Rise -> "Rise" | Fall -> "Fall" | Mute -> "Mute" | DropMarks -> "DropMarks"
  | Redundant -> "Redundant" | Never -> "Never"

let () =
  print_endline "# Made from proofs/coq/Step.v by proofs/check.sh --bless. tests/table.rs holds rules::step and rules::marks against it.";
  print_endline "# step: flags, event, flags after it, action; marks: flags of the sender, of the receiver, is the sender marked";
  let each f = List.iter f all_flags in
  each (fun x -> List.iter (fun e ->
    let y, a = fstep x e in
    Printf.printf "step %s %s %s %s\n" (flags x) (event e) (flags y) (action a)) all_events);
  each (fun s -> each (fun r -> Printf.printf "marks %s %s %b\n" (flags s) (flags r) (fmarks s r)))
