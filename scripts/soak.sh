#!/usr/bin/env bash
# Random faults and callers that leave, against the real binary: scripts/soak.sh [TIME] [SEED]
#   TIME   how long, such as 30s, 10m or 1h; 10m by default
#   SEED   repeats a run; the test prints it
# Ends with 1 when tasks, sockets, memory or requests under way are not back where they began.
set -euo pipefail
cd "$(dirname "$0")/.."

export FERROGATE_SOAK=${1:-10m}
[ -z "${2:-}" ] || export FERROGATE_SOAK_SEED=$2
exec cargo test --locked -p ferrogate-cli --test soak -- --nocapture
