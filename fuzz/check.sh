#!/bin/bash -eu
# `cargo verify fuzz`: builds every target as the fuzzing service does, runs each for a while, and fails if one of them
# finds something, or if the canary is not found.
#
# BACKWATER_FUZZ_SECONDS=N runs each for N seconds (10 if nothing is said), for a night say. New inputs go to
# target/fuzz/TARGET, what fails to fuzz/artifacts/TARGET.
#
# Without a nightly compiler or cargo-fuzz only the inputs that are kept are run again; then it ends with 3.
cd "$(dirname "$0")/.."
seconds="${BACKWATER_FUZZ_SECONDS:-10}"

lacking=
rustup run nightly rustc --version >/dev/null 2>&1 || lacking="a nightly compiler (rustup toolchain install nightly)"
cargo fuzz --version >/dev/null 2>&1 || lacking="${lacking:+$lacking and }cargo-fuzz (cargo install cargo-fuzz --locked)"
if [ -n "$lacking" ]; then
    cargo test --package backwater --all-features --test corpora --test scenarios
    echo "only the inputs that are kept were run again; to look for others it needs $lacking"
    exit 3
fi

unset SRC CARGO RUSTC RUSTDOC CARGO_TARGET_DIR BACKWATER_REPLAY
export OUT="$PWD/target/fuzz-out" RUSTUP_TOOLCHAIN=nightly BACKWATER_CANARY=1
# For a short run it does not pay to optimise as the service does.
export CARGO_PROFILE_RELEASE_OPT_LEVEL=1 RUSTFLAGS=-Ccodegen-units=16
mkdir -p "$OUT"
.clusterfuzzlite/build.sh
built="fuzz/target/$(rustc -vV | sed -n 's/^host: //p')/release"

# Runs a target with these options; what it prints is kept.
run() {
    mkdir -p "target/fuzz/$1" "fuzz/artifacts/$1" "fuzz/corpus/$1"
    "$OUT/$1" "${@:2}" -timeout=20 -rss_limit_mb=2048 -max_len=600 \
        -artifact_prefix="fuzz/artifacts/$1/" "target/fuzz/$1" "fuzz/corpus/$1" >"target/fuzz/$1.log" 2>&1
}

# By runs and not by time: from the same seed the search goes the same way on every machine. What was found is a test in the
# target's words and, of the file that is left, in those of `cargo crash`.
canary() {
    local log=target/fuzz/canary.log crash made
    rm -rf fuzz/artifacts/canary
    if run canary -runs=200000 -seed=1 || ! grep -q "^fn fuzz_found_" "$log"; then
        tail -n 20 "$log"
        echo "canary: the fault that was planted is not found in 200,000 runs"
        return 1
    fi
    crash="$(echo fuzz/artifacts/canary/crash-*)"
    made="$("$built/crash" canary "$crash")"
    if [[ "$made" != *"fn fuzz_found_"* || "$(<"$log")" != *"$made"* ]]; then
        printf '%s\ncanary: that is what cargo crash makes of %s, and not what the target printed\n' "$made" "$crash"
        return 1
    fi
    rm -rf fuzz/artifacts/canary fuzz/corpus/canary target/fuzz/canary
    echo "canary: found, as it has to be"
}

# Looks for a fault; says what came out.
look() {
    local log="target/fuzz/$1.log"
    [ -x "$OUT/$1" ] || { echo "$1 was not built"; return 1; }
    [ "$1" != canary ] || { canary; return; }
    [ -s "$OUT/$1_seed_corpus.zip" ] || { echo "$1 has no inputs"; return 1; }
    if run "$1" -max_total_time="$seconds"; then
        echo "$1: nothing in $(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$log") runs"
    else
        tail -n 60 "$log"
        echo "$1: found something; to have it as a test: cargo crash $1 FILE, with FILE from fuzz/artifacts/$1"
        return 1
    fi
}

# As many at once as there are processors; what is said about one stays together.
mkdir -p target/fuzz
rm -f target/fuzz/*.failed
for file in fuzz/fuzz_targets/*.rs; do
    target="$(basename "$file" .rs)"
    [ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n || true
    { said="$(look "$target")" || touch "target/fuzz/$target.failed"; echo "$said"; } &
done
wait
[ -z "$(ls target/fuzz/*.failed 2>/dev/null)" ]
