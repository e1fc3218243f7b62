#!/usr/bin/env bash
# Fuzzes a target for a while: scripts/fuzz.sh [TARGET] [SECONDS]
#   TARGET   caddyfile, expression, files, resolve or sse; without one, each in turn
#   SECONDS  how long for each; 60 by default
# Ends with 1 when an input breaks a target; the input is then in fuzz/artifacts/TARGET.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    printf 'fuzz: %s\n' "$1" >&2
    exit 2
}

seconds=${2:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "\`$seconds\` is not a number of seconds"
case ${1:-all} in
    all) targets=(caddyfile expression files resolve sse) ;;
    caddyfile | expression | files | resolve | sse) targets=("$1") ;;
    *) fail "there is no target \`$1\`; there are caddyfile, expression, files, resolve and sse" ;;
esac

command -v cargo-fuzz >/dev/null || fail 'cargo-fuzz is missing; install it with: cargo install cargo-fuzz'
cargo +nightly --version >/dev/null 2>&1 || fail 'a nightly compiler is missing; install it with: rustup toolchain install nightly --profile minimal'

# What the tests know already is where the search begins.
seed() {
    local corpus=fuzz/corpus/$1 file
    mkdir -p "$corpus"
    case $1 in
        caddyfile | resolve) set -- fuzz/seeds/caddyfile/* Ferrogate/Caddyfile crates/ferrogate-config/tests/*/*.caddyfile ;;
        expression | files | sse) set -- fuzz/seeds/"$1"/* ;;
    esac
    # Two folders may have a file of one name.
    for file; do
        cp "$file" "$corpus/$(basename "$(dirname "$file")")-$(basename "$file")"
    done
}

for target in "${targets[@]}"; do
    seed "$target"
    cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -timeout=20 -max_len=65536 -rss_limit_mb=4096
done
