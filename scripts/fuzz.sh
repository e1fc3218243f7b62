#!/usr/bin/env bash
# Fuzzes a target for a while: scripts/fuzz.sh [TARGET] [SECONDS]
#   TARGET   one of those below; without one, each in turn
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
known=(caddyfile expression files resolve sse stream request answer vectors form event_stream)
case " ${known[*]} " in
    *" ${1:-all} "*) targets=("$1") ;;
    *) [ "${1:-all}" = all ] || fail "there is no target \`$1\`; there are ${known[*]}"; targets=("${known[@]}") ;;
esac

command -v cargo-fuzz >/dev/null || fail 'cargo-fuzz is missing; install it with: cargo install cargo-fuzz'
cargo +nightly --version >/dev/null 2>&1 || fail 'a nightly compiler is missing; install it with: rustup toolchain install nightly --profile minimal'

data=crates/ferrogate-llm/tests/data

# translated TARGET DIALECT CHOICES FILE...: each file for each dialect it can be translated to, behind the bytes in
# front of which the target finds the pair: from the dialect of this number, with these further choices.
translated() {
    local target=$1 from=$2 choices=$3 to file
    shift 3
    for file; do
        for to in 0 1 2 3 4 5 6 7; do
            { printf "\\x$(printf %02x $((from * 8 + to)))$choices"; cat "$file"; } \
                > "fuzz/corpus/$target/$from-$to-$(basename "$(dirname "$file")")-$(basename "$file")"
        done
    done
}

# What the tests know already is where the search begins. Dialects have the numbers of fuzz_targets/dialects.rs.
seed() {
    local corpus=fuzz/corpus/$1 file
    mkdir -p "$corpus"
    case $1 in
        stream)
            translated stream 0 '\x1f' $data/openai/chat.stream*.sse $data/*/*.expected-openai.sse
            translated stream 1 '\x1f' $data/openai/responses.*.sse $data/*/*.expected-responses.sse
            translated stream 2 '\x1f' $data/anthropic/*stream{,.error}.sse $data/openai/*.expected-anthropic.sse
            translated stream 3 '\x1f' $data/gemini/stream.sse
            translated stream 4 '\x1f' fuzz/seeds/stream/converse
            translated stream 5 '\x1f' $data/cohere/chat.stream.sse $data/cohere/chat.stream.text.sse
            translated stream 6 '\x1f' $data/ollama/chat.ndjson
            translated stream 7 '\x1f' $data/replicate/stream.sse
            return
            ;;
        request)
            translated request 0 '\x00\x00' $data/openai/chat.request.json $data/bedrock/openai.request.json $data/fields/openai-chat.json
            translated request 1 '\x00\x00' $data/openai/responses.{request,history}.json $data/fields/openai-responses.json
            translated request 2 '\x00\x00' $data/anthropic/messages.request.json $data/fields/anthropic.json
            translated request 3 '\x00\x00' $data/gemini/generate.request.json $data/fields/gemini*.json
            translated request 4 '\x00\x00' $data/bedrock/converse.request.json $data/fields/converse*.json
            translated request 5 '\x00\x00' $data/cohere/chat.request.json $data/fields/cohere.json
            translated request 6 '\x00\x00' $data/fields/ollama.json
            return
            ;;
        answer)
            translated answer 0 '' $data/openai/chat.response.json $data/anthropic/*.expected-openai.json
            translated answer 1 '' $data/openai/responses.{response,hosted}.json
            translated answer 2 '' $data/anthropic/messages.response{,.refusal}.json $data/anthropic/{search.response,error.*}.json
            translated answer 3 '' $data/gemini/*.response.json $data/gemini/error.*.json
            translated answer 4 '' $data/bedrock/converse.response*.json
            translated answer 5 '' $data/cohere/chat.response.json
            translated answer 6 '' $data/ollama/chat.whole.json
            translated answer 7 '' $data/replicate/{prediction,error.422}.json
            return
            ;;
        caddyfile | resolve) set -- fuzz/seeds/caddyfile/* Ferrogate/Caddyfile crates/ferrogate-config/tests/*/*.caddyfile ;;
        *) set -- fuzz/seeds/"$1"/* ;;
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
