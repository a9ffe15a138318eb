#!/bin/sh
# Breaks one rule of System.v at a time, in a copy, and expects the proofs to stop compiling there. A mutant that still
# compiles is a hole in the theorems. (That a proof script fails does not by itself show that its theorem is false; the
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
try 'R6: a worker that keeps a mark is not told' 's/pressing q0 r = false -> covers q r todo ->/pressing q0 r = false -> True ->/'
try 'R6: a release without an apply broadcasts' 's/low_fall todo : pressing q r = true -> /low_fall todo : True -> /'
try 'R6: a fall while still pressing' 's/low_fall todo : pressing q r = true -> pressing q0 r = false -> /low_fall todo : pressing q r = true -> True -> /'
try 'R6: a fall that nobody announces' 's/low_none : pressing q r = false \\\/ pressing q0 r = true -> /low_none : pressing q r = false \\\/ True -> /'
try 'R6: a freed sender does not free its own senders' 's/\(upd \(hand q\) w \(upd \(hand q w\) a false\)\)\) \(upd \(bc q\) w \(Some \(a, todo\)\)\)\)\./(upd (hand q) w (upd (hand q w) a false))) (upd (bc q) w None))./'
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
exit $bad
