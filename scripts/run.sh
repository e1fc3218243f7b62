#!/usr/bin/env bash
# Builds the gateway, starts it on Ferrogate/Caddyfile, waits until it is ready and says what to try.
# Ctrl-C stops it. `--check` tries it all by itself and stops; `--debug` builds faster and runs slower.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=release check=false
for word in "$@"; do
    case $word in
        --check) check=true ;;
        --debug) profile=dev ;;
        *) echo "usage: scripts/run.sh [--debug] [--check]" >&2; exit 2 ;;
    esac
done

scripts/prerequisites.sh build
FERROGATE_COMMIT=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
export FERROGATE_COMMIT
echo "building ($profile; the first time takes some minutes) ..." >&2
cargo build --locked --profile "$profile" -p ferrogate-cli
[ "$profile" = dev ] && folder=debug || folder=release
binary=${CARGO_TARGET_DIR:-target}/$folder/ferrogate

"$binary" run --config Ferrogate/Caddyfile &
gateway=$!
stop() { kill -TERM "$gateway" 2>/dev/null || true; wait "$gateway" 2>/dev/null || true; }
trap 'stop; exit 130' INT TERM
trap stop EXIT

base=http://127.0.0.1:8080
ready=false
for _ in $(seq 100); do
    if ! kill -0 "$gateway" 2>/dev/null; then
        wait "$gateway" || exit $?
        exit 1
    fi
    if curl -fsS -o /dev/null "$base/readyz" 2>/dev/null; then ready=true; break; fi
    sleep 0.1
done
$ready || { echo "the gateway did not become ready; its log is above" >&2; exit 1; }

lines=(
    "curl $base/hello/world"
    "curl $base/v1/models"
    "curl -N $base/v1/chat/completions -H 'Content-Type: application/json' -d '{\"model\":\"echo-1\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Hello, Ferrogate!\"}]}'"
)
if $check; then
    for line in "${lines[@]}"; do
        echo "\$ $line"
        answer=$(eval "$line -fsS")
        printf '%s\n\n' "$answer"
        [ -n "$answer" ] || exit 1
    done
    case $answer in *"data: [DONE]"*) ;; *) echo "the stream did not end" >&2; exit 1 ;; esac
    echo "all three answered"
    exit 0
fi

printf '\nFerrogate is ready. In another terminal:\n\n'
printf '  %s\n\n' "${lines[@]}"
[ -n "${OPENAI_API_KEY:-}" ] || echo "With OPENAI_API_KEY in the environment, OpenAI's models are served as well. Ctrl-C stops."
wait "$gateway"
