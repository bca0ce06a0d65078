#!/usr/bin/env bash
# The gate from end to end, in a scratch folder with generated traces. A baseline is accepted; a count
# that grew fails the check; --accept makes it pass again. A run that is killed several times and then
# resumed, and parts that are merged, give the same bytes as an undisturbed run. The script fails at
# the first step that goes wrong.
#
#   scripts/gate_demo.sh [KILLS [REFERENCES]]     kills of the run (10), references a trace (300k)
#   PAGEBENCH=path of the binary (default: target/release/pagebench)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
pagebench=$(realpath "${PAGEBENCH:-$root/target/release/pagebench}")
kills=${1:-10}
refs=${2:-300k}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
mkdir traces
export XDG_CACHE_HOME=$scratch/cache

fail() {
    printf 'gate_demo: %s\n' "$*" >&2
    exit 1
}

title() { printf '\n== %s\n' "$*"; }

# expect CODE ARGUMENTS…: runs pagebench, which must exit with CODE.
expect() {
    local expected=$1 code=0
    shift
    printf '$ pagebench %s\n' "$*"
    "$pagebench" "$@" >out.txt 2>err.txt || code=$?
    if [ "$code" != "$expected" ]; then
        cat out.txt err.txt
        fail "exit code $code instead of $expected"
    fi
}

# holds FILE TEXT: FILE must contain TEXT.
holds() { grep -qF -- "$2" "$1" || { cat "$1"; fail "$1: expected \"$2\""; }; }

# same FOLDER: its tables and charts must be those of the undisturbed run, byte for byte.
same() {
    local file compared=0
    for file in whole/*.csv whole/*.png; do
        file=${file#whole/}
        # Times differ from run to run.
        [ "$file" = timings.csv ] && continue
        cmp "whole/$file" "$1/$file" || fail "$1/$file is another"
        compared=$((compared + 1))
    done
    [ "$(ls "$1")" = "$(ls whole)" ] || fail "$1 has other files than whole"
    [ "$compared" -ge 5 ] || fail "only $compared files to compare"
    printf '%s: %s files, the same bytes\n' "$1" "$compared"
}

expect 0 gen zipf --pages 3000 --refs "$refs" --writes 25 -o traces/zipf.pbt
expect 0 gen loop --pages 500 --refs "$refs" -o traces/loop.pbt
cat >experiment.toml <<'EOF'
schema = 1
frames = "2^5..2^10"
tlb = "none"

[[trace]]
path = "traces"

[[policy]]
name = "lru"

[[policy]]
name = "clock"
load-bit = [0, 1]

[[policy]]
name = "opt"

[[exclude]]
policy = "opt"
frames = "<64"

[check]
metric = ["faults", "write_backs"]

[[check.override]]
trace = "loop"
max-increase-pct = 0.5
EOF
check="check baseline.csv -f experiment.toml"

title 'a baseline is accepted, and holds'
expect 7 $check --junit junit.xml
holds junit.xml 'errors="1"'
expect 0 $check --accept
expect 0 $check
cat out.txt
cp baseline.csv good.csv

title 'a count grew: one fault less is expected than there is now'
awk -F, -v OFS=, '
    !("faults" in at) { for (i = 1; i <= NF; i++) at[$i] = i }
    $at["trace"] == "zipf" && $at["policy"] == "lru" && $at["frames"] == 64 { $at["faults"] -= 1 }
    { print }' good.csv >baseline.csv
cmp -s good.csv baseline.csv && fail 'the baseline was not changed'
expect 6 $check --junit junit.xml
cat out.txt
grep -A1 '<failure' junit.xml
holds junit.xml 'failures="1" errors="0"'
holds out.txt 'zipf, lru, 64 frames'
cmp good.csv baseline.csv.new || fail 'what is proposed is not what is counted'
expect 0 $check --max-increase 1

title 'accepted, it is green again'
expect 0 $check --accept
cmp good.csv baseline.csv
expect 0 $check
cat out.txt
[ ! -e baseline.csv.new ] || fail 'the proposal is still there'

run="run -f experiment.toml --windows -j1 -q"
title "a run is killed $kills times, at random, and goes on"
begin=$(date +%s%N)
expect 0 $run -o whole
took=$((($(date +%s%N) - begin) / 1000000))
hit=0
for _ in $(seq "$kills"); do
    "$pagebench" $run --resume -o killed >out.txt 2>err.txt &
    victim=$!
    # Within half the time of a whole run. Later runs resume past that, so kills hit every stage.
    milliseconds=$((RANDOM * took / 65536))
    sleep "$((milliseconds / 1000)).$(printf %03d $((milliseconds % 1000)))"
    if kill -KILL "$victim" 2>kill.txt; then
        hit=$((hit + 1))
    fi
    wait "$victim" 2>kill.txt || [ $? = 137 ] || { cat err.txt; fail 'the run failed'; }
done
printf '%s of %s runs were killed, %s cells finished by then\n' "$hit" "$kills" \
    "$(cat killed/cells.jsonl 2>kill.txt | wc -l)"
[ "$hit" -gt 0 ] || fail 'no run was killed'
expect 0 $run --resume -o killed
same killed

for deal in slice hash; do
    title "three parts ($deal) are joined"
    for part in 1 2 3; do
        expect 0 $run --no-charts --partition "$deal:$part/3" -o "$deal-$part"
    done
    expect 5 merge "$deal-1" "$deal-3" -o "$deal-hole"
    holds out.txt 2
    holds err.txt missing
    [ ! -e "$deal-hole" ] || fail 'parts with a hole were joined'
    expect 0 merge "$deal-3" "$deal-1" "$deal-2" -o "$deal"
    same "$deal"
done

title 'what was joined holds against the baseline'
expect 0 check baseline.csv hash -f experiment.toml
cat out.txt
printf '\ngate_demo: every step passed\n'
