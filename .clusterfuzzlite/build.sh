#!/bin/bash -eu
# Builds the fuzz targets into $OUT, each with the inputs that are kept for it: called by ClusterFuzzLite and OSS-Fuzz in
# their image, and by `cargo verify fuzz` here. The compiler has to be a nightly one; cargo-fuzz has to be there.
# In the image this file is copied to $SRC, beside the project.
cd "${SRC:-$(dirname "$0")/..}"
[ -d fuzz ] || cd backwater

cargo fuzz build -O --debug-assertions
host="$(rustc -vV | sed -n 's/^host: //p')"
for file in fuzz/fuzz_targets/*.rs; do
    target="$(basename "$file" .rs)"
    # It has a fault on purpose: there is nothing to learn from finding it again and again.
    [ "$target" = canary ] && [ -z "${BACKWATER_CANARY:-}" ] && continue
    cp "fuzz/target/$host/release/$target" "$OUT/"
    [ -n "$(ls "fuzz/corpus/$target" 2>/dev/null)" ] || continue
    rm -f "$OUT/${target}_seed_corpus.zip"
    (cd "fuzz/corpus/$target" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
done
