#!/bin/bash -eu
# How much of the modules that fuzzing is for the inputs kept in fuzz/corpus run: lines and regions, for docs/FUZZING.md.
# Needs a nightly compiler with `llvm-tools`. `fuzz/coverage.sh src/net/socket.rs` shows a file with its lines.
cd "$(dirname "$0")/.."
tools="$(rustup run nightly rustc --print target-libdir)/../bin"
[ -x "$tools/llvm-cov" ] || { echo "it needs llvm-tools (rustup component add llvm-tools --toolchain nightly)"; exit 3; }
folder="$PWD/target/coverage"
rm -rf "$folder/runs"
export RUSTFLAGS="-C instrument-coverage" LLVM_PROFILE_FILE="$folder/runs/%4m.profraw"
rustup run nightly cargo build --quiet --manifest-path fuzz/Cargo.toml --bin crash --target-dir "$folder"
for file in fuzz/corpus/*/*; do
    # It makes a test of what an input shows; of these it says that they show nothing.
    "$folder/debug/crash" "$(basename "$(dirname "$file")")" "$file" >/dev/null 2>"$folder/said" && cat "$folder/said"
    grep -q "finds nothing wrong" "$folder/said" || { cat "$folder/said"; exit 1; }
done
"$tools/llvm-profdata" merge --sparse "$folder"/runs/*.profraw -o "$folder/profile"
if [ $# -gt 0 ]; then
    exec "$tools/llvm-cov" show "$folder/debug/crash" --instr-profile "$folder/profile" "$@"
fi
for module in rules scheduler mailbox net; do
    case "$module" in
    # One thread runs here: what workers share is left to the model tests. And what touches the machine has its own tests.
    scheduler) out='src/scheduler/pool/' ;;
    mailbox) out='src/mailbox/(inbox|depot|tray)' ;;
    net) out='src/net/(real|child|udp|datagrams|listener|teller|event_loop|errand)' ;;
    *) out='^$' ;;
    esac
    total="$("$tools/llvm-cov" report "$folder/debug/crash" --instr-profile "$folder/profile" \
        --ignore-filename-regex "$out" "src/$module" | tail -n 1)"
    # After TOTAL, of regions, functions and lines each: how many, how many not run, and the part that was.
    awk -v module="$module" '{ print module ": " $10 " of " $8 " lines, " $4 " of " $2 " regions" }' <<<"$total"
done
