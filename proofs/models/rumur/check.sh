#!/bin/sh
# Checks the faithful models and every mutant. One line each: states, seconds, memory, verdict, violated property.
# Needs rumur, gcc, python3 and GNU time.
# usage: check.sh            every line of the table but the slow ones
#        check.sh --slow     every line
#        check.sh NAME...    only these lines
cd "$(dirname "$0")" || exit 2
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
ulimit -v 6000000
passed=0 failed=0

# name, sizes (actors workers guards mail), mutant or -, expected property or -, "only" to leave the others out, or "slow"
table='
faithful_3                     3 2 0 0 -                           -
faithful_3_guards              3 2 1 0 -                           -  slow
faithful_3_mail                3 2 0 1 -                           -  slow
faithful_2                     2 2 2 1 -                           -
guard_dropped_elsewhere        2 2 1 1 guard_dropped_elsewhere     -
flag_after_message             2 2 1 1 flag_after_message          T1
mark_kept_when_freed           2 2 1 1 mark_kept_when_freed        T1
overload_release_lost          2 2 1 1 overload_release_lost       T1
fall_skips_own_worker          2 2 1 1 fall_skips_own_worker       T1
no_cascade                     2 2 1 1 no_cascade                  T1
stop_keeps_marks               2 2 1 1 stop_keeps_all              T1 only
overloaded_muted_too           2 2 1 1 overloaded_muted_too        T2
pressured_muted_too            2 2 1 1 pressured_muted_too         T2
no_second_sentence             2 2 1 1 no_second_sentence          T2
depth_at_push                  2 2 1 1 depth_at_push               T2
mute_mid_behaviour_cycle       3 2 0 0 mute_mid_behaviour          T3 only
overloaded_not_queued          2 2 1 1 overloaded_not_queued       T4
freed_empty_not_queued         2 2 1 1 freed_empty_not_queued      T5
mute_mid_behaviour             2 2 1 1 mute_mid_behaviour          T6
runs_on_after_mute             2 2 1 1 runs_on_after_mute          T6
send_schedules_muted           2 2 1 1 send_schedules_muted        T6
quiet_overlooks_freed          2 2 1 1 quiet_overlooks_freed       T7
freed_without_fall             2 2 1 1 freed_without_fall          T8
guards_share_flag              2 2 1 1 guards_share_flag           T8
release_ignores_other_reasons  2 2 1 1 release_ignores_other_reasons T8
release_without_apply          2 2 1 1 release_without_apply       T8
unmute_ignores_pressure        2 2 1 1 unmute_ignores_pressure     T8 only
control_marks                  2 2 1 1 control_marks               R7
stop_keeps_pressure            2 2 1 1 stop_keeps_all              R8
'

check() { # name actors workers guards mail mutant expected only
  mutant=$6 expected=$7 only=
  [ "$mutant" = - ] && mutant=
  [ "$8" = only ] && only=$7
  # A mutant stops within a second, and would be longer in the compiler than in its run.
  [ "$expected" = - ] && optimise=-O3 || optimise=-O1
  m=$dir/$1
  states=- seconds=- kb=- found=- verdict=FAILED
  if python3 generate.py "$2" "$3" "$4" "$5" "$mutant" "$only" >"$m.m" &&
    rumur --deadlock-detection off --threads 1 --output "$m.c" "$m.m" >"$m.log" 2>&1 &&
    gcc -mcx16 $optimise -std=c11 -w "$m.c" -o "$m" -lpthread -latomic >>"$m.log" 2>&1; then
    /usr/bin/time -o "$m.time" -f '%e %M' "$m" >"$m.out" 2>&1
    states=$(sed -n 's/^[^0-9]*\([0-9]*\) states, .*/\1/p' "$m.out" | tail -1)
    seconds=$(tail -1 "$m.time" | cut -d' ' -f1)
    kb=$(tail -1 "$m.time" | cut -d' ' -f2)
    if grep -q 'No error found' "$m.out"; then
      found=-
    else
      found=$(grep -o '\(T[1-8]\|R[78]\) [a-z][^"]*' "$m.out" | head -1)
      [ -n "$found" ] || found='no verdict'
    fi
    case $found in
      "$expected"*) verdict=ok ;;
    esac
  else
    cat "$m.log"
  fi
  if [ $verdict = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  printf '%-30s %8s states %7s s %7s kB  %-6s expected %-2s found %s\n' \
    "$1" "$states" "$seconds" "$kb" $verdict "$expected" "$found"
  rm -f "$m" "$m".*
}

while read -r name rest; do
  [ -n "$name" ] || continue
  case " $* " in
    *" $name "* | " --slow ") ;;
    "  ") [ "${rest##* }" != slow ] || continue ;;
    *) continue ;;
  esac
  # shellcheck disable=SC2086
  check "$name" $rest
done <<END
$table
END
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
