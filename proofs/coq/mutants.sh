#!/bin/sh
# Breaks one rule of System.v at a time, in a copy, and expects the proofs to stop compiling there; then one part of the
# pool's design in Pool.v, and expects that it is no refinement any more. A mutant that still compiles is a hole. (That a proof script fails does not by itself show that its theorem is false; the
# canaries of Examples.v show single steps that have to be refused.)
set -u
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0
try() { # name, perl expression on the whole of System.v
  cp "$here/System.v" "$here/Invariant.v" "$here/Theorems.v" "$tmp"
  perl -0pi -e "$2" "$tmp/System.v"
  if cmp -s "$here/System.v" "$tmp/System.v"; then echo "UNCHANGED  $1"; bad=1; return; fi
  (cd "$tmp" && rm -f ./*.vo
   coqc -q -Q . Backwater System.v >/dev/null 2>err || { echo "BROKEN     $1"; exit 2; }
   for f in Invariant Theorems; do
     coqc -q -Q . Backwater $f.v >/dev/null 2>err || {
       line=$(sed -n 's/.*line \([0-9]*\),.*/\1/p' err | head -1)
       what=$(head -n "$line" $f.v | grep -oE '^(Lemma|Theorem) [A-Za-z0-9_]+' | tail -1)
       echo "caught     $1   ($what)"; exit 0; }
   done
   echo "SURVIVED   $1"; exit 1) || bad=1
}
try 'R3: an actor that is O or P is muted all the same' 's/source q a = false -> marked a \(mm q\) = true/True -> marked a (mm q) = true/'
try 'R3: muted without a mark' 's/ -> source q a = false -> marked a \(mm q\) = true ->/ -> source q a = false -> True ->/'
try 'R2: an overloaded or pressed sender is marked too' 's/ && negb \(source q a\) then/ then/'
try 'R2: a receiver that is not pressing is marked on' 's/ && pressing q b && negb/ && negb/'
try 'R2: a send to oneself marks' 's/\(if eqd a b then false else true\)/true/'
try 'R6: a worker that keeps a mark is not told' 's/todo w = true \\\/ flight q w r \}\./True }./'
try 'R6: the mark of a muted sender goes with the fall, and nobody frees it' 's/on_r m <> r \\\/ mu q \(of_s m\) = true -> In m l/on_r m <> r -> In m l/'
try 'R6: a fall takes marks on others with it' 's/on_r m <> r \\\/ mu q \(of_s m\) = true -> In m l/mu q (of_s m) = true -> In m l/'
try 'R6: a mark lapses though nobody fell' 's/act q w = Beh a -> flight q w r ->   \(\* a sees/act q w = Beh a -> True ->   (* a sees/'
try 'R8: a seat is used again while its actor lives' 's/s_reuse a : loc q a = Gone ->/s_reuse a : True ->/'
try 'R6: a release without an apply broadcasts' 's/low_fall todo l : pressing q r = true -> /low_fall todo l : True -> /'
try 'R6: a fall while still pressing' 's/low_fall todo l : pressing q r = true -> pressing q0 r = false -> /low_fall todo l : pressing q r = true -> True -> /'
try 'R6: a fall that nobody announces' 's/low_none : pressing q r = false \\\/ pressing q0 r = true -> /low_none : pressing q r = false \\\/ True -> /'
try 'R6: a freed sender does not free its own senders' 's/\(upd \(hand q\) w \(upd \(hand q w\) a false\)\)\) \(upd \(bc q\) w \(Some \(a, todo\)\)\)\)/(upd (hand q) w (upd (hand q w) a false))) (upd (bc q) w None))/'
try 'R6: a sender is freed while another receiver holds it' 's/ && negb \(marked a \(drop_on w r \(mm q\)\)\)//'
try 'R6: a fall is read but its marks stay' 's/set_mm q \(drop_on w r \(mm q\)\)/set_mm q (mm q)/'
try 'R6: a fall is read and stays in the inbox' 's/\(inbox q w r - 1\)/(inbox q w r)/'
try 'R6: a freed sender with an empty mailbox is put to sleep' 's/\(upd \(mu q\) a false\)\) \(upd \(loc q\) a Waking\)/(upd (mu q) a false)) (upd (loc q) a Asleep)/'
try 'R1: the receiver of a message is not woken' 's/Asleep => Waking \| l => l/l => l/'
try 'R4: after a full batch the actor sleeps' 's/\(upd \(ov q\) a true\)\) \(upd \(loc q\) a Waking\)/(upd (ov q) a true)) (upd (loc q) a Asleep)/'
try 'R4: a short run sleeps with messages waiting' 's/if mb q a =\? 0 then Asleep else Waking/Asleep/; s/\(if mb q a =\? 0 then Asleep else Waking\)/Asleep/'
try 'R4: overload by depth of a muted actor' 's/s_deep a : mu q a = false -> /s_deep a : True -> /'
try 'R5: a guard of another actor can be made' 's/s_hold w a : bc q w = None -> act q w = Beh a ->/s_hold w a : bc q w = None -> True ->/'
try 'R8: a stopped actor stays pressing' 's/\(upd \(ap q\) a false\) \(upd \(gd q\) a 0\)/(ap q) (upd (gd q) a 0)/'
try 'R8: the marks of a stopped actor stay' 's/\(drop_of a \(mm q\)\) \(act q\) \(bc q\)/(mm q) (act q) (bc q)/'
try 'R8: a stopped actor stays in the queue' 's/\(remove eqd a \(rq q\)\) \(drop_of/(rq q) (drop_of/'
try 'T6: a worker that is busy begins another run' 's/s_begin w a : bc q w = None -> act q w = Idle -> /s_begin w a : bc q w = None -> True -> /'
try 'T6: taken from the queue but left in it' 's/\(upd \(loc q\) a \(Running w\)\)\) \(remove eqd a \(rq q\)\)/(upd (loc q) a (Running w))) (rq q)/'

# --- the pool: the files before it are those of the development, compiled by make ---
rm -f "$tmp"/*
cp "$here/System.vo" "$here/Invariant.vo" "$here/Theorems.vo" "$tmp" 2>/dev/null || { echo "run make first"; exit 2; }
pool() { # name, perl expression on the whole of Pool.v; only the steps before the theorem are changed
  perl -0pe "$2" "$here/Pool.v" >"$tmp/Pool.v"
  if cmp -s "$here/Pool.v" "$tmp/Pool.v"; then echo "UNCHANGED  $1"; bad=1; return; fi
  (cd "$tmp" && if coqc -q -Q . Backwater Pool.v >/dev/null 2>err; then echo "SURVIVED   $1"; exit 1; fi
   line=$(sed -n 's/.*line \([0-9]*\),.*/\1/p' err | head -1)
   what=$(head -n "$line" Pool.v | grep -oE '^(Lemma|Theorem) [A-Za-z0-9_]+|^  - \(\* [a-z]+' | tail -1 | sed 's/  - (\*/pool_refines:/')
   case $what in '') echo "BROKEN     $1"; exit 1 ;; esac
   echo "caught     $1   ($what)") || bad=1
}
pool 'registered though the receiver has fallen and presses again' 's/p_register w a r todo kept : (.*?) Ending \(\(r, era p r\) :: todo\) kept ->/p_register w a r e todo kept : $1 Ending ((r, e) :: todo) kept ->/'
pool 'registered though the receiver presses no more' 's/kept ->\n    pressing \(core p\) r = true ->   /kept ->\n    True ->   /'
pool 'a fall does not end the era' 's/\(upd \(era p\) r \(S \(era p r\)\)\)/(era p)/'
pool 'a fall is told to nobody' 's/Some \(r, fun t => wait p r \(bit t\)\)/Some (r, fun _ => false)/g'
pool 'registering sets no bit' 's/\(upd \(wait p\) r \(upd \(wait p r\) \(bit w\) true\)\) \(note p\)/(wait p) (note p)/'
pool 'registering sets the bit of another worker' 's/\(upd \(wait p r\) \(bit w\) true\)/(fun _ => false)/'
pool 'a sender that is O or P takes notes' 's/ph p w = Free -> source \(core p\) a = false ->\n    pstep p \(set_ph/ph p w = Free -> True ->\n    pstep p (set_ph/'
pool 'a note although the receiver does not press' 's/ && pressing \(core p\) b then \(b, era p b\)/ then (b, era p b)/'
pool 'muted although it is O or P at the end' 's/kept <> \[\] ->\n    source \(core p\) a = false ->/kept <> [] ->\n    True ->/'
pool 'muted without having looked at all its notes' 's/ph p w = Ending \[\] kept -> kept <> \[\] ->/ph p w = Ending todo kept -> kept <> [] ->/'
pool 'a fall is read in the middle of a behaviour' 's/act \(core p\) w = Idle \\\/ \(exists a, act \(core p\) w = Run a\) ->/True ->/'
pool 'freed without a fall of its own' 's/pstep p \(fallen \(lift p \((.*?)\)\) w a\)\./pstep p (lift p ($1))./s'
exit $bad
