#!/usr/bin/env bash
# Runs the vendors' SDKs, Python's and JavaScript's, against the gateway, and Schemathesis against its admin API.
# The last line is `N passed, N failed`.
# FERROGATE_BIN names the binary; without it the debug build is used, and made when it is missing.
# Where the SDKs of a language cannot be installed its tests are skipped by name; with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
requirements=tests/sdk/requirements.txt
environment=$target/sdk-venv
packages=$target/sdk-node
passed=0
failed=0

skip() {
    if [ "${CI:-}" = true ]; then
        echo "the SDK tests cannot run: $1"
        failed=$((failed + 1))
    else
        echo "skipped: the SDK tests ($1)"
    fi
    return 1
}

# The requirements lie in the environment once they are installed, and a change of them makes it anew.
python_is_ready() {
    if ! cmp -s "$requirements" "$environment/requirements.txt"; then
        command -v python3 >/dev/null || { skip "Python: there is no python3"; return; }
        python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
            || { skip "Python: they need 3.10 or later"; return; }
        rm -rf "$environment"
        python3 -m venv "$environment" || { skip "Python: it has no venv module"; return; }
        "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" \
            || { skip "Python: the SDKs could not be installed"; return; }
        cp "$requirements" "$environment/requirements.txt"
    fi
}

# In the same environment, and missing for itself: nothing else needs it.
schemathesis_is_ready() {
    local wanted=tests/sdk/schemathesis.txt
    if ! cmp -s "$wanted" "$environment/schemathesis.txt"; then
        "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" \
            || { skip "Schemathesis: it could not be installed"; return; }
        cp "$wanted" "$environment/schemathesis.txt"
    fi
}

# As with Python, and beside the build: the work tree gets no `node_modules`.
node_is_ready() {
    command -v node >/dev/null && command -v npm >/dev/null || { skip "Node: there is no node, or no npm"; return; }
    command -v python3 >/dev/null || { skip "Node: there is no python3 for the providers' fake"; return; }
    node -e 'const [a, b] = process.versions.node.split("."); process.exit(a * 100 + +b < 2015 ? 1 : 0)' \
        || { skip "Node: they need 20.15 or later"; return; }
    local installed=$packages/node_modules/installed-lock.json
    rm -f "$packages"/*.mjs "$packages"/*.json
    mkdir -p "$packages"
    cp tests/sdk/node/*.mjs tests/sdk/node/*.json "$packages"
    if ! cmp -s tests/sdk/node/package-lock.json "$installed"; then
        # No package here needs its install script.
        (cd "$packages" && npm ci --silent --ignore-scripts --no-audit --no-fund) \
            || { skip "Node: the SDKs could not be installed"; return; }
        cp tests/sdk/node/package-lock.json "$installed"
    fi
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs tests that end with a line of counts, and adds these up.
run() {
    local name=$1 status=0 counts
    shift
    "$@" > "$log" 2>&1 || status=$?
    counts=$(tail -n 1 "$log")
    if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        sed '$d' "$log"
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
        [ "$status" = 0 ] || [ "${BASH_REMATCH[2]}" != 0 ] || failed=$((failed + 1))
        echo "$name: $counts"
    else
        cat "$log"
        failed=$((failed + 1))
        echo "$name: ended with status $status and without counts"
    fi
}

node_tests() {
    cd "$packages" && node --test --test-reporter=./reporter.mjs --test-timeout=300000 ./*.test.mjs
}

FERROGATE_BIN=${FERROGATE_BIN:-$target/debug/ferrogate}
[ -x "$FERROGATE_BIN" ] || cargo build --locked -p ferrogate-cli
FERROGATE_BIN=$(realpath "$FERROGATE_BIN")
SDK_TESTS=$PWD/tests/sdk
export FERROGATE_BIN SDK_TESTS PYTHONDONTWRITEBYTECODE=1

mkdir -p "$target"
if python_is_ready; then
    run "OpenAI's SDK" "$environment/bin/python" tests/sdk/test_openai.py
    run "Python's SDKs and every dialect" "$environment/bin/python" tests/sdk/test_dialects.py
    if schemathesis_is_ready; then
        run "the admin API and its document" "$environment/bin/python" tests/sdk/test_admin.py
    fi
fi
if node_is_ready; then
    run "JavaScript's SDKs and aimock" node_tests
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
