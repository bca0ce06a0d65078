#!/usr/bin/env bash
# Runs every `pagebench …` command of the README's sh blocks, in order, in a scratch folder with
# the shipped traces. A command that fails fails the script; a line that ends in "# exit N" must
# end with that code.
#
#   scripts/run_readme.sh        PAGEBENCH=path of the binary (default: target/release/pagebench)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
PAGEBENCH=$(realpath "${PAGEBENCH:-$root/target/release/pagebench}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin"
ln -s "$PAGEBENCH" "$scratch/bin/pagebench"
ln -s "$root/traces" "$scratch/traces"
cp -r "$root/reports" "$scratch/reports"
export PATH="$scratch/bin:$PATH"
cd "$scratch"

count=0
while IFS= read -r command; do
    expected=0
    if [[ $command =~ '# exit '([0-9]+)$ ]]; then
        expected=${BASH_REMATCH[1]}
    fi
    printf '$ %s\n' "$command"
    code=0
    bash -o pipefail -c "$command" >out.txt 2>err.txt </dev/null || code=$?
    if [ "$code" != "$expected" ]; then
        cat out.txt err.txt
        printf 'run_readme: exit code %s instead of %s\n' "$code" "$expected" >&2
        exit 1
    fi
    count=$((count + 1))
done < <(awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside && /pagebench / && !/^cargo/ && !/^#/' "$root/README.md")
[ "$count" -gt 0 ] || { echo 'run_readme: no command found' >&2; exit 1; }
printf 'run_readme: %s commands ran\n' "$count"
