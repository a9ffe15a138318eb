# Which steps of the model are in traces, and in which cases. First file: the names of the steps; the others: traces.
# Fails if a step, or a case that the runtime has, is in no trace.
BEGIN {
  # No step of the runtime: its overload ends with a run, which is the step `short`.
  untaken["low"] = 1
  split("look:marked look:unmarked release:fall release:none drop:fall drop:none short:fall short:none stop:fall stop:none " \
    "kill:fall kill:none begin:elsewhere tell:own tell:other free:cascade read:late quiet well", cases, " ")
}
FILENAME != "-" { steps[$1]; next }
/^#/ { next }
$1 == "reset" { split("", last); split("", pressed); next }
{ count[$1]++ }
$1 == "look" { count[$1 ($5 == 1 ? ":marked" : ":unmarked")]++ }
$1 ~ /^(release|drop|short|stop|kill)$/ {
  count[$1 ($4 == "-" ? ":none" : ":fall")]++
  if ($4 != "-") { pressed[$3] = 0; falling[$2] = $3 }
}
$1 == "free" { pressed[$3] = 0; falling[$2] = $3; if ($4 != ".") count["free:cascade"]++ }
$1 ~ /^(apply|hold|full|mute)$/ { pressed[$3] = 1 }
$1 == "deep" { pressed[$2] = 1 }
# A run on another worker than the last of its actor: from another's queue.
$1 == "begin" { if (($3 in last) && last[$3] != $2) count["begin:elsewhere"]++; last[$3] = $2 }
$1 == "tell" { count["tell:" ($2 == $3 ? "own" : "other")]++ }
# A fall is read when the actor presses again: its senders are freed too early, which R6 allows.
$1 == "read" && pressed[$3] { count["read:late"]++ }
END {
  for (step in steps) if (!count[step] && !(step in untaken)) { print "  MISSING " step; bad = 1 }
  for (step in untaken) if (count[step]) { print "  TAKEN, though said not to be: " step; bad = 1 }
  for (n in cases) if (!count[cases[n]]) { print "  MISSING " cases[n]; bad = 1 }
  for (name in count) printf "%10d %s\n", count[name], name | "sort -k2"
  close("sort -k2")
  exit bad
}
