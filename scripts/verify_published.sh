#!/usr/bin/env bash
# Replays the traces for which others published counts and prints one line per figure: the verdict,
# what was expected, what was counted, and who published it. Ends with 1 if a figure differs.
#
#   scripts/verify_published.sh DIR      the folder of the traces: course/gcc.trace.gz, lirs/gli.trc, …
#
# The figures, the paths below DIR and the sha256 of each file are in src/tests/oracle/published.rs.
set -euo pipefail
if [ $# -ne 1 ] || [ ! -d "$1" ]; then
    echo "usage: scripts/verify_published.sh DIR   (the folder of the published traces)" >&2
    exit 2
fi
PAGEBENCH_PUBLISHED_TRACES=$(cd "$1" && pwd)
export PAGEBENCH_PUBLISHED_TRACES PAGEBENCH_PUBLISHED_LINES=1
cd "$(dirname "$0")/.."
output=$(mktemp)
trap 'rm -f "$output"' EXIT
status=0
cargo test --quiet --test counts published::every_published_count -- --nocapture >"$output" 2>&1 || status=1
grep -E '^(equal|DIFFERS|skipped)' "$output" || cat "$output"
figures=$(grep -cE '^(equal|DIFFERS)' "$output" || true)
equal=$(grep -c '^equal' "$output" || true)
echo "$equal of $figures figures are equal"
exit "$status"
