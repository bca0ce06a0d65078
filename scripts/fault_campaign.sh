#!/usr/bin/env bash
# Attacks the program: mutated input of every kind inside one process, and, from outside, signals, full
# disks, changed files, limits and hostile names against every command of README and guide that writes.
# Prints each violation with one command that repeats it, and a table; exit 1 if there was one.
#
#   scripts/fault_campaign.sh [MINUTES] [SEED]       3 minutes and a drawn seed if absent
#   scripts/fault_campaign.sh --only KIND --case N   one case again
#   scripts/fault_campaign.sh --list                 the attacks from outside, one line each
#   PAGEBENCH=path of a binary with fail points (default: target/debug/pagebench, built here)
# Attacks that need root (small disks, other users) are left out without it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# The test and the binary of the same build: one with debug assertions.
build=(cargo test --locked --test campaign --no-run --manifest-path "$root/Cargo.toml")
"${build[@]}"
test=$("${build[@]}" 2>&1 | sed -n 's/^ *Executable .*(\(.*\))$/\1/p')
case $test in
/*) ;;
*) test=$root/$test ;;
esac
PAGEBENCH=$(realpath "${PAGEBENCH:-${CARGO_TARGET_DIR:-$root/target}/debug/pagebench}")
export PAGEBENCH PYTHONHASHSEED=0
export FAULT_CAMPAIGN_ROOT=$root FAULT_CAMPAIGN_TEST=$test
PYTHONPATH=$root/scripts exec python3 -B -m fault_campaign "$@"
