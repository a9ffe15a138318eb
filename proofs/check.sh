#!/bin/sh
# Everything that is proved about the rules, and that it is about this code.
# usage: check.sh [--slow]     --slow adds the two largest finite models (about 13 minutes), and the tie under shuttle
#        check.sh --bless      writes table.txt anew instead of comparing it
# Needs Coq with OCaml, Rumur, gcc, python3, GNU time, a Java runtime and TLC (models/tla/get.sh brings it).
# Ends with "N passed, N failed". Exit code 0, 1 for a failure, 3 if something is not installed (1 where CI=true).
cd "$(dirname "$0")" || exit 2
missing=
for tool in coqc ocamlopt rumur gcc python3 make java; do
  command -v $tool >/dev/null || missing="$missing $tool"
done
[ -x /usr/bin/time ] || missing="$missing time"
[ -r "${TLA2TOOLS:-models/tla/tla2tools.jar}" ] || missing="$missing tla2tools.jar"
if [ -n "$missing" ]; then
  # What needs none of it is checked all the same.
  cargo test --quiet --all-features --manifest-path ../Cargo.toml --test table --test proofs_table || exit 1
  echo "the checked-in table fits; the proofs were not checked, missing:$missing; install them with: apt-get install -y coq rumur gcc python3 make time default-jre-headless && proofs/models/tla/get.sh"
  [ "$CI" = true ] && exit 1
  exit 3
fi
slow= bless= shuttle=
for option; do
  case $option in
    --slow) slow='faithful_3_guards faithful_3_mail' ;;
    --bless) bless=yes ;;
    *) echo "unknown option $option; usage: check.sh [--slow] [--bless]"; exit 2 ;;
  esac
done
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

step() { # name, command
  echo "== $1"
  start=$(date +%s)
  shift
  if "$@"; then verdict=passed; passed=$((passed + 1)); else verdict=FAILED; failed=$((failed + 1)); fi
  echo "-- $verdict after $(($(date +%s) - start)) s"
}

theorems() { # make fails on Admitted, an axiom, or a theorem that rests on one
  make -C coq -j2 >"$dir/coq" 2>&1 || { tail -n 40 "$dir/coq"; return 1; }
  cat coq/audit.txt
}
tools() { make -C coq checker >"$dir/tools" 2>&1 || { cat "$dir/tools"; return 1; }; }
table() {
  if [ -n "$bless" ]; then coq/checker/backwater-table >table.txt; return; fi
  coq/checker/backwater-table | diff table.txt - && echo "table.txt is what the proofs extract to"
}
compared() {
  cargo test --quiet --all-features --manifest-path ../Cargo.toml --test table --test proofs_table >"$dir/compared" 2>&1 || {
    cat "$dir/compared"
    return 1
  }
}
rumur_done() { # begun in the background at the start
  wait $rumur
  status=$?
  cat "$dir/rumur"
  return $status
}
rumur() { models/rumur/check.sh && { [ -z "$slow" ] || models/rumur/check.sh $slow; }; }

# Beside the rest, which is as much work: two processors are busy to the end.
rumur >"$dir/rumur" 2>&1 &
rumur=$!
step "theorems T1 to T8 and their assumptions (Coq)" theorems
step "checker and table, extracted" tools
step "table of the step function" table
step "rules::step and rules::marks against the table; README against the sources" compared
# What the pool under shuttle needs is compiled already where `cargo verify` comes to this step, as in CI.
[ -n "$slow" ] || [ "$CI" = true ] && shuttle=--shuttle
step "the tie: traces of the runtime are runs of the model" ./tie.sh $shuttle
step "finite models (TLC)" models/tla/check.sh
step "finite models (Rumur)" rumur_done
[ -n "$slow" ] || echo "left for --slow: faithful_3_guards, faithful_3_mail"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
