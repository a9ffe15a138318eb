#!/bin/sh
# The tie between the proofs and the runtime: writes the traces of tests/protocol.rs and tests/scenarios and has the
# checker extracted from the proofs say of each what its first line expects: accepted, or rejected at that line by that rule.
# usage: tie.sh [CHECKER]      the checker is built by `make -C coq checker`
cd "$(dirname "$0")" || exit 2
checker=${1:-coq/checker/backwater-check}
[ -x "$checker" ] || { echo "$checker is missing: run make -C proofs/coq checker"; exit 2; }
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
traces() { BACKWATER_TRACES=$dir cargo test --quiet --manifest-path ../Cargo.toml "$@" >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }; }
traces --test protocol
traces --test scenarios tie::
passed=0 failed=0 events=0
for trace in "$dir"/random-* "$dir"/mutant-* "$dir"/example-* "$dir"/single-* "$dir"/search-* "$dir"/pony-* "$dir"/mute; do
  read -r _ expected <"$trace"
  said=$("$checker" <"$trace" 2>&1)
  case $said in
    "$expected "* | "$expected:"*) passed=$((passed + 1)) ;;
    *) failed=$((failed + 1)); echo "$(basename "$trace"): expected $expected, the checker says: $said" ;;
  esac
  case $said in accepted*) said=${said#accepted }; events=$((events + ${said% events})) ;; esac
done
echo "steps taken, by outcome (of look: marked or not; of the others: 0 a fall, - none):"
cat "$dir/coverage.txt"
echo "mutants: $(ls "$dir" | sed -n 's/^mutant-\([a-z_]*\)-.*/\1/p' | sort | uniq -c | awk '{printf "%s%s (%s)", sep, $2, $1; sep = ", "}')"
echo "runs of searches: $(cat "$dir"/search-* | grep -c '^reset')"
echo "the tie: $events steps accepted; $passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
