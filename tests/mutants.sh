#!/bin/bash -eu
# `cargo verify mutants`: changes the code in one place after another, as cargo-mutants knows how, and sees whether a test
# fails. A change that no test notices is a hole in the tests, or changes nothing that anybody could see: docs/KILLS.md has
# to say which, else this fails.
#
# BACKWATER_MUTANTS="rules mailbox scheduler+check:3/40" says which modules, and of each which part: shard K/N. All of all
# four takes hours on two cores. Results are kept in target/mutants/MODULE.
#
# `rules` and `mailbox` import nothing from above, so each is first changed in a crate of its own, where a change is built
# and tested in seconds; what is not noticed there is tried again in the whole library, with more tests. Of `scheduler` and
# `check`, or of both together, all changes are compiled at once, see tests/mutants; the few that this cannot do are made one
# by one. There MUTANTS_SECONDS=30 gives a change up when tests of so many seconds have passed with it, and
# MUTANTS_ONLY="Single::settle,prints.rs" tries those with one of these in their names.
#
# Ends with 3 where cargo-mutants is missing.
cd "$(dirname "$0")/.."
cargo mutants --version >/dev/null 2>&1 || { echo "it needs cargo-mutants (cargo install cargo-mutants --locked)"; exit 3; }
unset BACKWATER_REPLAY BACKWATER_BLESS BACKWATER_FAULT CARGO_TARGET_DIR
export CARGO_PROFILE_TEST_DEBUG=0 CARGO_PROFILE_DEV_DEBUG=0

# A crate in $1 that has the modules named, and what their own tests ask for.
alone() {
    local to="$1" lib='#![allow(unused, unreachable_pub)]\nextern crate alloc;\nmod faults;\n'
    rm -rf "$to/own"
    mkdir -p "$to/own/src" "$to/own/docs" "$to/own/proofs"
    mkdir "$to/own/tests"
    cp -r tests/fuzzing tests/snapshots "$to/own/tests/"
    rm "$to/own/tests/fuzzing/mod.rs"
    cp src/faults.rs "$to/own/src/"
    cp docs/rules.dot "$to/own/docs/"
    cp proofs/table.txt "$to/own/proofs/"
    cp Cargo.lock "$to/own/"
    for module in "${@:2}"; do
        cp -r "src/$module" "$to/own/src/"
        lib="${lib}pub mod $module;\n"
    done
    case "$to" in
    *rules)
        lib="${lib}pub use rules::Detector;\n"
        cp tests/rules.rs tests/table.rs "$to/own/tests/"
        ;;
    *mailbox)
        lib="${lib}pub mod internals { pub use crate::{mailbox, sync}; }\n#[path = \"../models/lib.rs\"]\npub mod models;\n"
        mkdir "$to/own/models"
        cp model_tests/src/{lib,actor}.rs "$to/own/models/"
        cp tests/mailbox.rs model_tests/tests/inbox.rs model_tests/tests/depot.rs "$to/own/tests/"
        # They are a crate of their own there, and a part of this one here.
        sed -i -E 's/backwater::internals/crate::internals/; /^(pub )?mod/ { /actor/! d }' "$to"/own/models/*.rs
        sed -i 's/model_tests::/backwater::models::/' "$to"/own/tests/{inbox,depot}.rs
        ;;
    esac
    printf '%b' "$lib" >"$to/own/src/lib.rs"
    cat >"$to/own/Cargo.toml" <<TOML
[package]
name = "backwater"
version = "0.0.0"
edition = "2024"

[workspace]

[features]
default = ["__internals"]
__internals = []
__faults = []
__loom = []
__shuttle = []

[dev-dependencies]
proptest = "1"
expect-test = "1"
TOML
}

# The tests of the whole library that can notice a change; none but these are built. No test of what threads or the
# machine do.
tests_of() {
    case "$1" in
    rules) echo --lib --test=rules --test=table --test=program --test=report ;;
    mailbox) echo --lib --test=mailbox --test=program --test=leaks ;;
    scheduler)
        echo --lib --test=program --test=timers --test=panics --test=report --test=historic --test=determinism \
            --test=faults --test=leaks --test=outside --test=outlets --test=handles --test=recorded --test=corpora --test=protocol \
            --test=sim --test=checker --test=scenarios
        ;;
    check) echo --lib --test=checker --test=scenarios --test=search_memory --test=crash --test=corpora --test=protocol ;;
    scheduler+check) echo $(tests_of scheduler) --test=search_memory --test=crash ;;
    *) echo "there is no module $1 to change" >&2; exit 1 ;;
    esac
}

# What is planted by `faults.rs` is not there, and cannot be changed away; the pool has its model tests; and what `Debug`
# prints is for developers.
left_out=(--exclude 'src/scheduler/pool/**' --exclude-re 'guard planted.* with false' --exclude-re 'impl (std::)?(fmt::)?Debug for')

# The sources of the modules $1, as cargo-mutants names them.
sources() {
    printf -- '--file=src/%s/** ' ${1//+/ }
}

# Tries changes; its arguments are cargo-mutants'.
try() {
    local out="$1" ended=0
    mkdir -p "$out"
    nice cargo mutants --no-shuffle --jobs 1 --timeout 60 --colors never --output "$out" \
        "${left_out[@]}" "${@:2}" >"$out/log" 2>&1 || ended=$?
    # 2: some change was not noticed; 3: some test did not end, which is noticing. Anything else is no result.
    case "$ended" in 0 | 2 | 3) ;; *) tail -n 20 "$out/log"; exit 1 ;; esac
    tail -n 1 "$out/log"
}

# All changes of the module $1 at once, of which the shard $2 is tried. A run that was cut short is gone on with: to begin
# anew, with the library as it is now, remove $3.
together() {
    local tree="$3/tree" results="$3/mutants.out"
    if [ ! -e "$results/built.txt" ]; then
        rm -rf "$tree"
        mkdir -p "$tree" "$results"
        git ls-files -z | xargs -0 cp --parents -t "$tree"
        cargo mutants --list --json $(sources "$1") "${left_out[@]}" >"$3/list.json"
    fi
    cargo build --quiet --release --manifest-path tests/mutants/Cargo.toml --target-dir target/mutants/tool
    CARGO_TARGET_DIR="$PWD/target/mutants/build" target/mutants/tool/release/mutants \
        "$tree" "$results" "$2" $(tests_of "$1") <"$3/list.json" >"$3/log" 2>&1 || { tail -n 20 "$3/log"; exit 1; }
    tail -n 1 "$3/log"
}

# Of the changes in a file of them, those that docs/KILLS.md says nothing about. Lines and columns move: they do not count.
# A method keeps its name in whichever file it stands, so of its changes the file does not count either.
unexplained() {
    while read -r change; do
        file="${change%%:*}" what="${change#*: }"
        # `… in METHOD`, `replace METHOD -> TYPE with …`, `replace METHOD with …`
        place="$(sed -E 's/.* in //; s/^(replace|delete) //; s/ (->|with) .*//' <<<"$what")"
        case "$place" in
        *::*) grep -qF -e "\`$what\`" -e ": $what\`" docs/KILLS.md ;;
        *) grep -qF -e "\`$file: $what\`" docs/KILLS.md ;;
        esac || echo "$change"
    done <"$1/mutants.out/missed.txt"
}

# These lines, and no others, as a regular expression.
exactly() {
    sed 's/[][(){}.*+?^$|\\]/\\&/g; s/.*/^&$/' | paste -sd '|'
}

failed=0
tell() {
    [ -z "$1" ] || { failed=1; printf 'no test notices, and docs/KILLS.md does not say why:\n%s\n' "$1"; }
}

for part in ${BACKWATER_MUTANTS:-rules mailbox scheduler+check}; do
    module="${part%%:*}"
    out="target/mutants/$module"
    shard="${part#*:}"
    [ "$part" != "$module" ] || shard=0/1
    case "$module" in
    rules | mailbox)
        alone "$out" $([ "$module" = rules ] || echo sync) "$module"
        # One test is about ten million messages: of the others, each takes a moment.
        said="$(try "$out/alone" --dir "$out/own" --file "src/$module/**" --shard "$shard" -- -- --skip ten_million)" ||
            { echo "$said"; exit 1; }
        echo "$part, alone: $said"
        left="$(unexplained "$out/alone" | exactly)"
        again=()
        ;;
    *)
        said="$(together "$module" "$shard" "$out/together")" || { echo "$said"; exit 1; }
        echo "$part, together: $said"
        tell "$(unexplained "$out/together")"
        left="$(exactly <"$out/together/mutants.out/unplanted.txt")"
        again=(--shard "$shard")
        ;;
    esac
    [ -n "$left" ] || continue
    tests=($(tests_of "$module"))
    said="$(try "$out/whole" --package backwater $(sources "$module") --re "$left" ${again[@]+"${again[@]}"} \
        "${tests[@]/#/--cargo-arg=}")" || { echo "$said"; exit 1; }
    echo "$part, one by one in the library: $said"
    tell "$(unexplained "$out/whole")"
done
exit "$failed"
