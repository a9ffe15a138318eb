(* Reads a trace, one event a line, and runs the extracted checker (see ../Check.v) over it.

     backwater-check < trace                          accept, or reject with the rule that is broken; exit code 0 or 1
     backwater-check walk SEED EVENTS ACTORS WORKERS  print a random run of the system, to test readers of the format

   Actors and workers are numbers from 0. A line is the step's name and its arguments, as in System.v without the prefix:
     push a        begin w a     take w a      look w a b 0|1   put w a b    control w a b   event b
     apply w a     release w a F hold w a      drop w r F       deep a       low w a F
     mute w a      done w a      full w a      short w a F      stop w a F   kill w a F
     reuse a       tell w t      told w        read w r       free w a L    lapse w a r   quiet     well
   The last argument of look says whether a has a mark on b that w keeps after the step. L is the workers who are to be
   told, with commas, or . for none. F is - if the step is no fall, else L. "quiet" is no step
   but a claim: nothing is runnable and nothing in flight (R9); "well" claims besides that nobody is muted. Each is refused
   if that is not so. "reset" is no step either: another run begins. "marked w a b", which no step is, says that a mark was made that no send explains, and
   "marked-by-control w a b" that a message made it which may mark nobody: both are refused. Lines that are empty or begin with # are skipped. *)
open Check

let rec pos n = if n = 1 then XH else if n land 1 = 1 then XI (pos (n lsr 1)) else XO (pos (n lsr 1))
let id s = pos (1 + int_of_string s)
let list s = if s = "." then [] else List.map id (String.split_on_char ',' s)
let fell s = if s = "-" then None else Some (list s)

let parse line =
  match List.filter (( <> ) "") (String.split_on_char ' ' line) with
  | [ "push"; a ] -> EPush (id a)
  | [ "begin"; w; a ] -> EBegin (id w, id a)
  | [ "take"; w; a ] -> ETake (id w, id a)
  | [ "look"; w; a; b; m ] -> ELook (id w, id a, id b, m = "1")
  | [ "put"; w; a; b ] -> EPut (id w, id a, id b)
  | [ "control"; w; a; b ] -> EControl (id w, id a, id b)
  | [ "event"; b ] -> EEvent (id b)
  | [ "apply"; w; a ] -> EApply (id w, id a)
  | [ "release"; w; a; f ] -> ERelease (id w, id a, fell f)
  | [ "hold"; w; a ] -> EHold (id w, id a)
  | [ "drop"; w; r; f ] -> EDrop (id w, id r, fell f)
  | [ "deep"; a ] -> EDeep (id a)
  | [ "low"; w; a; f ] -> ELow (id w, id a, fell f)
  | [ "mute"; w; a ] -> EMute (id w, id a)
  | [ "done"; w; a ] -> EDone (id w, id a)
  | [ "full"; w; a ] -> EFull (id w, id a)
  | [ "short"; w; a; f ] -> EShort (id w, id a, fell f)
  | [ "stop"; w; a; f ] -> EStop (id w, id a, fell f)
  | [ "kill"; w; a; f ] -> EKill (id w, id a, fell f)
  | [ "reuse"; a ] -> EReuse (id a)
  | [ "lapse"; w; a; r ] -> ELapse (id w, id a, id r)
  | [ "tell"; w; t ] -> ETell (id w, id t)
  | [ "told"; w ] -> ETold (id w)
  | [ "read"; w; r ] -> ERead (id w, id r)
  | [ "free"; w; a; l ] -> EFree (id w, id a, list l)
  | _ -> failwith ("not an event: " ^ line)

let claim = function "quiet" -> Some check_quiet | "well" -> Some check_well | _ -> None

(* the rule that a refused line breaks: R6 if all that is wrong is what it says of a fall, R8 if somebody is freed who has
   ended, else its step's own *)
let rule c line =
  let own = function
    | EPush _ -> "T5" | EBegin _ -> "T6" | ETake _ | EPut _ | EEvent _ -> "R1" | ELook _ -> "R2" | EControl _ -> "R7"
    | EApply _ | ERelease _ | EHold _ | EDrop _ -> "R5" | EMute _ | EDone _ -> "R3"
    | EDeep _ | ELow _ | EFull _ | EShort _ -> "R4" | EStop _ | EKill _ | EReuse _ -> "R8"
    | EFree (_, a, _) when l_ c a = Gone -> "R8"
    | ETell _ | ETold _ | ERead _ | EFree _ | ELapse _ -> "R6" in
  let other w = function None -> Some [ w ] | Some _ -> None in
  let otherwise = function
    | ERelease (w, a, f) -> Some (ERelease (w, a, other w f)) | EDrop (w, a, f) -> Some (EDrop (w, a, other w f))
    | ELow (w, a, f) -> Some (ELow (w, a, other w f)) | EShort (w, a, f) -> Some (EShort (w, a, other w f))
    | EStop (w, a, f) -> Some (EStop (w, a, other w f)) | EKill (w, a, f) -> Some (EKill (w, a, other w f))
    | _ -> None in
  if claim line <> None then "R9"
  else match parse line with
    | exception Failure _ -> (match String.split_on_char ' ' line with
      | "marked" :: _ -> "R2" | "marked-by-control" :: _ -> "R7" | _ -> "no step")
    | e -> match otherwise e with
      | Some e' when check_step c e' <> None -> "R6"
      | _ -> own e

let check () =
  let c = ref c_empty and n = ref 0 and line_no = ref 0 in
  try
    while true do
      let line = input_line stdin in
      incr line_no;
      if line = "reset" then c := c_empty
      else if line <> "" && line.[0] <> '#' then begin
        incr n;
        let next = match claim line with
          | Some holds -> if holds !c then Some !c else None
          | None -> (match parse line with e -> check_step !c e | exception Failure _ -> None) in
        match next with
        | Some c' -> c := c'
        | None -> Printf.printf "REJECTED at line %d (%s): %s\n" !line_no (rule !c line) line; exit 1
      end
    done
  with End_of_file -> Printf.printf "accepted %d events\n" !n

(* proposes events at random and keeps those that the checker allows *)
let walk seed events actors workers =
  Random.init seed;
  let c = ref c_empty and n = ref 0 in
  let a () = string_of_int (Random.int actors) and w () = string_of_int (Random.int workers) in
  let all = String.concat "," (List.init workers string_of_int) in
  let f () = match Random.int 4 with 0 | 1 -> "-" | 2 -> "." | _ -> all in
  while !n < events do
    let w = w () and a = a () and b = a () in
    let line = match Random.int 30 with
      | 0 | 1 -> [ "push"; a ] | 2 | 3 -> [ "begin"; w; a ] | 4 | 5 -> [ "take"; w; a ]
      | 6 | 7 | 8 -> [ "look"; w; a; b; string_of_int (Random.int 2) ] | 9 | 10 | 11 -> [ "put"; w; a; b ]
      | 12 -> [ "control"; w; a; b ] | 13 -> if Random.int 20 = 0 then [ "event"; b ] else [ "told"; w ]
      | 14 -> [ "apply"; w; a ] | 15 -> [ "release"; w; a; f () ] | 16 -> [ "hold"; w; a ] | 17 -> [ "drop"; w; a; f () ]
      | 18 -> if Random.int 10 = 0 then [ "deep"; a ] else [ "low"; w; a; f () ]
      | 19 -> [ "mute"; w; a ] | 20 -> [ "done"; w; a ] | 21 -> [ "full"; w; a ] | 22 -> [ "short"; w; a; f () ]
      | 23 -> if Random.int 1000 = 0 then [ "stop"; w; a; f () ] else [ "tell"; w; string_of_int (Random.int workers) ]
      | 24 -> if Random.int 1000 = 0 then [ "kill"; w; a; f () ] else if Random.bool () then [ "reuse"; a ] else [ "lapse"; w; a; b ]
      | 25 | 26 -> [ "tell"; w; string_of_int (Random.int workers) ] | 27 | 28 -> [ "read"; w; a ]
      | _ -> [ "free"; w; a; (if Random.bool () then "." else all) ] in
    let line = String.concat " " line in
    match check_step !c (parse line) with Some c' -> c := c'; incr n; print_endline line | None -> ()
  done

let () =
  match Array.to_list Sys.argv with
  | [ _; "walk"; s; e; a; w ] -> walk (int_of_string s) (int_of_string e) (int_of_string a) (int_of_string w)
  | _ -> check ()
