#!/bin/sh
# Makes the fonts of the charts: DejaVu Sans regular and bold, cut down to the characters that
# titles, axes and legends can hold. Run it only to change the set of characters; the result is
# committed, so that a build needs neither fonts nor network.
#
# Needs Debian's fonts-dejavu-core and a Python 3 with venv (fonttools goes into a scratch venv).
set -eu

cd "$(dirname "$0")/.."
source_dir=${DEJAVU_DIR:-/usr/share/fonts/truetype/dejavu}
target_dir=src/report/chart/fonts
fonttools_version=4.68.0

# Latin-1 and Latin Extended-A, Greek, dashes and quotes, the ellipsis, superscripts and
# subscripts, arrows, the minus and comparison signs. Anything else shows as a box, so that a trace
# name in another script is seen to be one.
unicodes='U+0020-007E,U+00A0-00FF,U+0100-017F,U+0370-03FF,U+2009,U+2010-2015,U+2018-201E,U+2022,U+2026,U+2030,U+202F,U+2070-208E,U+2190-2195,U+2212,U+221E,U+2248,U+2260,U+2264,U+2265'

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" --quiet install "fonttools==$fonttools_version"

mkdir -p "$target_dir"
for face in DejaVuSans DejaVuSans-Bold; do
    # A fixed time stamp keeps the bytes the same on every run.
    SOURCE_DATE_EPOCH=0 "$scratch/venv/bin/pyftsubset" "$source_dir/$face.ttf" \
        --unicodes="$unicodes" \
        --layout-features=kern \
        --legacy-kern \
        --no-hinting \
        --notdef-outline \
        --desubroutinize \
        --name-IDs=0,1,2,3,4,5,6,13,14 \
        --drop-tables+=FFTM,GDEF,GPOS,GSUB,MATH \
        --no-recalc-timestamp \
        --output-file="$target_dir/$face-subset.ttf"
done
ls -l "$target_dir"
