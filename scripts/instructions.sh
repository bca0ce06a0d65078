#!/bin/sh
# Counts the instructions that a replay executes per reference: a measure of speed that other programs
# on the host do not disturb, and that is the same each time for one binary.
#
#     scripts/instructions.sh [--check FILE] [PAGEBENCH]
#
# PAGEBENCH is the binary, target/release/pagebench if not given. Needs valgrind. Replays a generated
# trace (Zipf over 20000 pages, 500000 references) and the first 2000000 references of the recording
# traces/sort.pbt under four policies, with few frames and with many, by both engines, on one thread,
# without TLBs. The program runs under cachegrind (without its cache simulation) twice: once with a
# replay at one frame less, once with both replays. The count is the difference, divided by the number
# of references, so it leaves out reading, resolving, bursts and next-use links. Valgrind has no
# AVX-512: the count is of the AVX2 forms.
#
# Output: one line for each count, "trace policy frames engine instructions-per-reference". With
# --check it compares the lines with those of FILE (an earlier output). Exit code 1 if a count is
# missing or above that of FILE by more than 5 % and 0.02; 2 if nothing could be measured.
set -eu

tolerance=5
file=
if [ "${1:-}" = --check ]; then
    file=${2:?--check needs a file}
    [ -r "$file" ] || { echo "instructions.sh: $file: cannot be read" >&2; exit 2; }
    shift 2
fi
root=$(cd "$(dirname "$0")/.." && pwd)
binary=${1:-$root/target/release/pagebench}
command -v valgrind >/dev/null || { echo "instructions.sh: valgrind is not installed" >&2; exit 2; }
[ -x "$binary" ] || { echo "instructions.sh: $binary: build it first" >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# Prints the instructions of a run of the program.
count() {
    valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
        "$binary" "$@" >"$work/out" 2>"$work/err" || {
        echo "instructions.sh: pagebench $* failed:" >&2
        cat "$work/err" >&2
        exit 2
    }
    sed -n 's/^==.*I *refs: *//p' "$work/err" | tr -d ,
}

"$binary" gen zipf --pages 20k --refs 500k --writes 25 -o "$work/zipf.pbt" >/dev/null 2>&1

for trace in zipf sort; do
    case $trace in
        zipf) path=$work/zipf.pbt sizes='200 5000' limit=500000 ;;
        *) path=$root/traces/$trace.pbt sizes='16 128' limit=2000000 ;;
    esac
    for policy in fifo clock lru opt; do
        for frames in $sizes; do
            for engine in plain auto; do
                replay() {
                    count run "$path" --limit "$limit" -j1 -q --tlb none --no-charts \
                        --engine "$engine" -p "$policy" -m "$1" -o "$work/results" --force
                }
                one=$(replay "$((frames - 1))")
                both=$(replay "$((frames - 1)),$frames")
                awk -v both="$both" -v one="$one" -v refs="$limit" \
                    -v what="$trace $policy $frames $engine" \
                    'BEGIN { printf "%s %.2f\n", what, (both - one) / refs }'
            done
        done
    done
done | tee "$work/counts"
# A run that failed has already printed why.
[ "$(wc -l <"$work/counts")" -eq 32 ] || exit 2
[ -n "$file" ] || exit 0

awk -v tolerance="$tolerance" '
    { what = $1 " " $2 " " $3 " " $4 }
    NR == FNR { was[what] = $5; next }
    { now[what] = $5 }
    END {
        for (what in was) {
            if (!(what in now)) {
                print "missing: " what; worse = 1
            } else if (now[what] - was[what] > was[what] * tolerance / 100 + 0.02) {
                print "worse: " what ": " was[what] " became " now[what]; worse = 1
            }
        }
        exit worse
    }' "$file" "$work/counts" >&2
