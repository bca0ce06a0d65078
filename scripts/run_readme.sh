#!/usr/bin/env bash
# Runs every `pagebench …` command in the sh blocks of README.md and of the guide's chapters, in
# order, each document in a scratch folder of its own with the shipped traces and reports. A command
# that fails fails the script; a line that ends in "# exit N" must end with that code.
#
#   scripts/run_readme.sh [CHAPTER…]     these chapters; without any, README.md and all chapters
#   PAGEBENCH=path of the binary (default: target/release/pagebench)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
PAGEBENCH=$(realpath "${PAGEBENCH:-$root/target/release/pagebench}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin"
ln -s "$PAGEBENCH" "$scratch/bin/pagebench"
export PATH="$scratch/bin:$PATH"

# The commands of a document, one a line.
commands() {
    awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside && /pagebench / && !/^cargo/ && !/^#/' "$1"
}

count=0
# Runs the commands of a document, in a new folder.
run_document() {
    local document=$1 folder command expected code
    folder=$(mktemp -d "$scratch/XXXX")
    ln -s "$root/traces" "$folder/traces"
    cp -r "$root/reports" "$folder/reports"
    cd "$folder"
    printf '== %s\n' "${document#"$root/"}"
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
    done < <(commands "$document")
    cd "$root"
    rm -rf "$folder"
}

if [ $# -eq 0 ]; then
    chapters=$(pagebench guide | awk '{ print $1 }')
    # shellcheck disable=SC2086 # one word a chapter
    set -- $chapters
    run_document "$root/README.md"
    run_document "$root/src/guide/README.md"
fi
for chapter in "$@"; do
    run_document "$root/src/guide/$chapter.md"
done
[ "$count" -gt 0 ] || { echo 'run_readme: no command found' >&2; exit 1; }
printf 'run_readme: %s commands ran\n' "$count"
