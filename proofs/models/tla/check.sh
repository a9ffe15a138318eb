#!/bin/sh
# Checks Backwater.tla as it is and with each of its faults. Needs java, and tla2tools.jar where get.sh puts it or where
# TLA2TOOLS says.
cd "$(dirname "$0")" || exit 2
TLA2TOOLS=${TLA2TOOLS:-$PWD/tla2tools.jar}
[ -r "$TLA2TOOLS" ] || { echo "tla2tools.jar is missing: run proofs/models/tla/get.sh"; exit 2; }
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
cp Backwater.tla "$dir"
passed=0 failed=0
while read -r fault expected; do
  # A mutant stops within seconds: not worth the second compiler.
  [ "$fault" = none ] && jit= || jit=-XX:TieredStopAtLevel=1
  sed "s/\"none\"/\"$fault\"/" Backwater.cfg >"$dir/run.cfg"
  start=$(date +%s)
  (cd "$dir" && java -Xmx2g -XX:+UseParallelGC $jit -cp "$TLA2TOOLS" tlc2.TLC -deadlock -workers 1 -config run.cfg Backwater) \
    >"$dir/out" 2>&1
  seconds=$(($(date +%s) - start))
  states=$(sed -n 's/.* \([0-9]*\) distinct states found, 0 states left.*/\1/p;s/.* \([0-9]*\) distinct states found, [1-9].*/\1/p' "$dir/out" | tail -1)
  found=$(sed -n 's/^Error: .*\(T[1-8]\|R8\) is violated.*/\1/p' "$dir/out" | head -1)
  [ -n "$found" ] || { grep -q 'No error has been found' "$dir/out" && found=-; }
  if [ "$found" = "$expected" ]; then verdict=ok passed=$((passed + 1)); else verdict=FAILED failed=$((failed + 1)); fi
  printf '%-30s %8s states %4s s  %-6s expected %-2s found %s\n' "$fault" "$states" "$seconds" $verdict "$expected" "$found"
done <<'END'
none -
fall_skips_own_worker T1
no_cascade T1
no_second_sentence T2
overloaded_not_queued T4
send_schedules_muted T6
freed_without_fall T8
release_ignores_other_reasons T8
stop_keeps_all R8
END
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
