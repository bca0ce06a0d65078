#!/usr/bin/env bash
# Writes LICENSES-THIRD-PARTY.md anew: the packages of Cargo.lock with their licences. Run it when
# a dependency comes or goes; the test `every_dependency_has_its_licence` says when.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo metadata --locked --format-version 1 | python3 -c '
import json, sys

rows = {}
for package in json.load(sys.stdin)["packages"]:
    if package["name"] != "pagebench":
        rows.setdefault(package["name"], set()).add(package["license"] or package["license_file"])
print("# Licences of third-party packages\n")
print("Every package that `Cargo.lock` names, with the licence that the package states (an SPDX expression; a slash")
print("means OR). Some are used only on other systems, or only by tests and benchmarks. `zstd-sys` builds the zstd")
print("library from its C sources, which are under BSD-3-Clause OR GPL-2.0-only. `scripts/licences.sh` writes this list.\n")
print("| package | licence |\n|---|---|")
for name, licences in sorted(rows.items()):
    text = "; ".join(sorted(licences))
    print(f"| {name} | {text} |")
' >LICENSES-THIRD-PARTY.md.new
mv LICENSES-THIRD-PARTY.md.new LICENSES-THIRD-PARTY.md
