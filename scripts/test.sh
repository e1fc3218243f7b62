#!/usr/bin/env bash
# Runs every test: unit, property, golden and end-to-end tests, and the vendors' SDKs against the binary.
# The last line counts them. With CI=true a part that is missing is a failure, not a skip.
set -uo pipefail
cd "$(dirname "$0")/.."

scripts/prerequisites.sh build test || exit 1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0

cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$log"
[ "${PIPESTATUS[0]}" = 0 ] || status=1

sdk=$(mktemp)
if scripts/sdk-test.sh > "$sdk" 2>&1; then :; else
    status=1
fi
cat "$sdk"
cat "$sdk" >> "$log"
rm -f "$sdk"

# Cargo prints a line of counts for each test binary, the SDK tests one of their own.
read -r passed failed ignored < <(awk '
    /^test result:/ { gsub(";", ""); for (i = 1; i <= NF; i++) {
        if ($(i + 1) == "passed") p += $i; if ($(i + 1) == "failed") f += $i; if ($(i + 1) == "ignored") s += $i } }
    /^[0-9]+ passed, [0-9]+ failed/ { p += $1; f += $3 }
    END { print p + 0, f + 0, s + 0 }' "$log")
skipped=$(grep -c '^skipped: ' "$log")
skipped=$((skipped + ignored))
if [ "$passed" = 0 ] && [ "$status" = 0 ]; then
    echo "no test ran" >&2
    status=1
fi
[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
grep "^skipped: " "$log" || true
echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
