#!/usr/bin/env bash
# Checks that ways to one number agree and that relations between runs hold, on drawn traces and
# options. Prints a table of checks; exit 0 only if none failed. A failure is printed with one
# command that repeats it, and its inputs are kept.
#
#   scripts/agreement.sh [MINUTES] [SEED]              2 minutes and seed 1 if absent
#   scripts/agreement.sh --only CHECK --seed N         one case again
#   scripts/agreement.sh --list                        the checks, one line each
#   -j JOBS (1 or 2; 1 if absent), --only CHECK,…, --keep FOLDER, --cases N (no time limit)
#   PAGEBENCH=path of the binary (default: target/release/pagebench, built if absent)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${PAGEBENCH:-}" ]; then
    PAGEBENCH=$root/target/release/pagebench
    if [ ! -x "$PAGEBENCH" ]; then
        cargo build --locked --release --manifest-path "$root/Cargo.toml"
    fi
fi
PAGEBENCH=$(realpath "$PAGEBENCH")
export PAGEBENCH PYTHONHASHSEED=0
PYTHONPATH=$root/scripts exec python3 -B -m agreement "$@"
