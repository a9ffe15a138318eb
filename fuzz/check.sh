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

export OUT="$PWD/target/fuzz-out" RUSTUP_TOOLCHAIN=nightly BACKWATER_CANARY=1
unset SRC CARGO RUSTC RUSTDOC RUSTFLAGS CARGO_TARGET_DIR BACKWATER_REPLAY
mkdir -p "$OUT"
.clusterfuzzlite/build.sh

# What the fuzzer once found in the example is still a test of it.
cargo test --quiet --manifest-path fuzz/Cargo.toml --package fuzzing-example --test found

# Runs a target with these options; what it prints is kept.
run() {
    mkdir -p "target/fuzz/$1" "fuzz/artifacts/$1" "fuzz/corpus/$1"
    "$OUT/$1" "${@:2}" -timeout=20 -rss_limit_mb=2048 -max_len=600 \
        -artifact_prefix="fuzz/artifacts/$1/" "target/fuzz/$1" "fuzz/corpus/$1" >"target/fuzz/$1.log" 2>&1
}

failed=0
for file in fuzz/fuzz_targets/*.rs; do
    target="$(basename "$file" .rs)"
    log="target/fuzz/$target.log"
    [ -x "$OUT/$target" ] || { echo "$target was not built"; exit 1; }
    if [ "$target" = canary ]; then
        # By runs and not by time: from the same seed the search goes the same way on every machine.
        if run canary -runs=200000 -seed=1 || ! grep -q "^fn fuzz_found_" "$log"; then
            tail -n 20 "$log"
            echo "canary: the fault that was planted is not found in 200,000 runs"
            failed=1
        else
            echo "canary: found, as it has to be"
        fi
        rm -rf fuzz/artifacts/canary fuzz/corpus/canary target/fuzz/canary
        continue
    fi
    [ -s "$OUT/${target}_seed_corpus.zip" ] || { echo "$target has no inputs"; exit 1; }
    if run "$target" -max_total_time="$seconds"; then
        echo "$target: nothing in $(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$log") runs"
    else
        tail -n 60 "$log"
        echo "$target: found something; to have it as a test: cargo crash $target FILE, with FILE from fuzz/artifacts/$target"
        failed=1
    fi
done
exit "$failed"
