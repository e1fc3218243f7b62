#!/usr/bin/env bash
# Runs the official OpenAI SDK against the gateway. The last line is `N passed, N failed`.
# FERROGATE_BIN names the binary; without it the debug build is used, and made when it is missing.
# Where the SDK cannot be installed the tests are skipped; with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
requirements=tests/sdk/requirements.txt
environment=$target/sdk-venv

skip() {
    if [ "${CI:-}" = true ]; then
        echo "the SDK tests cannot run: $1"
        echo "0 passed, 1 failed"
        exit 1
    fi
    echo "skipped: the SDK tests ($1)"
    echo "0 passed, 0 failed"
    exit 0
}

# The requirements lie in the environment once they are installed, and a change of them makes it anew.
if ! cmp -s "$requirements" "$environment/requirements.txt"; then
    command -v python3 >/dev/null || skip "there is no python3"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || skip "the SDK needs Python 3.10 or later"
    rm -rf "$environment"
    mkdir -p "$target"
    python3 -m venv "$environment" || skip "python3 has no venv module"
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" \
        || skip "the SDK could not be installed"
    cp "$requirements" "$environment/requirements.txt"
fi

FERROGATE_BIN=${FERROGATE_BIN:-$target/debug/ferrogate}
[ -x "$FERROGATE_BIN" ] || cargo build --locked -p ferrogate-cli
FERROGATE_BIN=$(realpath "$FERROGATE_BIN")
export FERROGATE_BIN PYTHONDONTWRITEBYTECODE=1
exec "$environment/bin/python" tests/sdk/test_openai.py
