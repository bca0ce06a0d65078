#!/usr/bin/env bash
# Checks what `cargo package` would publish: below 10 MiB, with the sources, the guide and what unit
# tests include, and without recordings, pictures and integration tests.
set -euo pipefail
cd "$(dirname "$0")/.."

most=$((10 * 1024 * 1024))
files=$(cargo package --list --locked --allow-dirty)
fail() {
    printf 'package: %s\n' "$1" >&2
    exit 1
}
if unwanted=$(grep -E '\.(pbt|png|svg)$|^(README\.md|reports|benches|\.ci)|^src/tests/[^/]*\.rs$|^src/tests/(cli|oracle)/' <<<"$files"); then
    fail "has files that it should leave out:"$'\n'"$unwanted"
fi
for wanted in src/lib.rs src/guide/README.md src/guide/run.md src/tests/data/csapp.state traces/examples/fork.trace LICENSE-MIT LICENSE-APACHE; do
    grep -qxF "$wanted" <<<"$files" || fail "lacks $wanted"
done
target=$(mktemp -d)
trap 'rm -rf "$target"' EXIT
cargo package --no-verify --locked --allow-dirty --quiet --target-dir "$target"
bytes=$(stat -c %s "$target"/package/*.crate)
[ "$bytes" -lt "$most" ] || fail "$bytes bytes, $most at most"
printf 'package: %s files, %s bytes\n' "$(wc -l <<<"$files")" "$bytes"
