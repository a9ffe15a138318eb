#!/bin/sh
# The tie between the proofs and the runtime: writes the traces of tests/protocol and tests/scenarios and has the
# checker extracted from the proofs say of each what its first line expects: accepted, or rejected at that line by that rule
# ("anywhere": at whichever line). Fails too if some step of the model, or some case of it, is in no accepted trace.
# usage: tie.sh [--shuttle] [CHECKER]     the checker is built by `make -C coq checker`
#        --shuttle adds the pool under shuttle, and faults of threads planted there; compiled for that into target/shuttle
cd "$(dirname "$0")" || exit 2
shuttle=
[ "$1" = --shuttle ] && { shuttle=yes; shift; }
checker=${1:-coq/checker/backwater-check}
[ -x "$checker" ] || { echo "$checker is missing: run make -C proofs/coq checker"; exit 2; }
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/traces"
traces() { BACKWATER_TRACES=$dir/traces cargo test --quiet --manifest-path ../Cargo.toml "$@" >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }; }
# With all features faults can be planted, which have to be refused; without a name in the environment none is. And the
# other tests of `cargo verify` are compiled so too.
traces --all-features --test protocol
traces --all-features --test scenarios tie::
if [ -n "$shuttle" ]; then
  export RUSTFLAGS='--cfg backwater_sync="shuttle"' BACKWATER_EXPECT_SYNC=shuttle
  shuttle="--package model_tests --profile model --target-dir ../target/shuttle"
  # shellcheck disable=SC2086
  { traces $shuttle --test pool --test pool_edges && traces $shuttle --test broken faults_are_planted_for_the_checker; }
fi

passed=0 failed=0 events=0
: >"$dir/accepted"
for trace in "$dir"/traces/*; do
  read -r _ expected <"$trace"
  said=$("$checker" <"$trace" 2>&1)
  line='*'
  case $expected in
    "REJECTED anywhere "*) rule=${expected#REJECTED anywhere } ;;
    "REJECTED at line "*) rule=${expected##* } line=${expected#REJECTED at line } line=${line%% *} ;;
    accepted) rule= ;;
    *) rule='nothing that a first line can say' ;;
  esac
  case $said in
    "accepted "*) [ -z "$rule" ] && good=yes || good= ;;
    "REJECTED at line "$line" $rule:"*) good=yes ;;
    *) good= ;;
  esac
  if [ -n "$good" ]; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    echo "$(basename "$trace"): expected $expected, the checker says: $said"
  fi
  case $said in
    accepted*) said=${said#accepted } events=$((events + ${said% events})); echo "$trace" >>"$dir/accepted" ;;
  esac
done

echo "steps in the accepted traces, by case:"
sed -n 's/^| s_\([a-z]*\) .*/\1/p' coq/System.v >"$dir/steps"
xargs cat <"$dir/accepted" | awk -f coverage.awk "$dir/steps" - || failed=$((failed + 1))
kinds() { ls "$dir/traces" | sed -n "s/^$1-\\([A-Za-z_]*\\).*/\\1/p" | sort | uniq -c | awk '{printf "%s%s (%s)", sep, $2, $1; sep = ", "}'; }
echo "mutants: $(kinds mutant)"
echo "faults: $(kinds fault)"
runs() { cat "$dir"/traces/$1-* 2>/dev/null | grep -c '^reset'; }
echo "runs of searches: $(runs search); of the pool on threads: $(runs pool); under shuttle: $(runs shuttle)"
echo "the tie: $events steps accepted; $passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
