"""Reading tables and comparing their rows."""

import csv
import io

# Columns that a program counts by how it translates, and what follows from them.
TRANSLATION = {"tlb_hits_l1i", "tlb_hits_l1d", "tlb_hits_l2", "tlb_misses", "tlb_hit_rate", "walk_refs",
               "walk_refs_leaf", "walk_refs_upper", "walk_refs_by_level", "shootdowns", "tlb_flushes", "time_ns",
               "eat_ns"}
# Columns that say what trace it was and how it was taken.
ORIGIN = {"trace", "trace_digest", "trace_kind", "filter"}
# Columns that say under what settings a cell ran.
MODEL = {"mappings", "on_segfault", "allocation", "accessed_bit", "swap_limit", "commit_limit", "swap_in",
         "pin_cow_source", "fork_file_ptes", "free_frames", "layout", "page_cache",
         "file_io", "beyond_eof", "warmup_refs"}
# Columns that name a cell within one run.
CELL = ("trace", "page_size", "policy", "params", "seed", "tau", "frames")


def table(text):
    """The rows of a CSV as dictionaries."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def results(case, folder):
    """The rows of results.csv of a folder."""
    return table(case.read(f"{folder}/results.csv"))


def label(row):
    """A name for the cell of a row."""
    parts = [row["policy"]]
    if row.get("params"):
        parts[0] += ":" + row["params"]
    if row.get("seed"):
        parts.append(f"seed {row['seed']}")
    if row.get("tau"):
        parts.append(f"tau {row['tau']}")
    if row.get("frames"):
        parts.append(f"{row['frames']} frames")
    if row.get("page_size"):
        parts.append(f"pages of {row['page_size']}")
    return ", ".join(parts)


def key(row, leave_out=()):
    """What names the cell of a row within one run."""
    return tuple(row.get(name, "") for name in CELL if name not in leave_out)


def by_cell(rows, leave_out=()):
    return {key(row, leave_out): row for row in rows}


def differences(first, second, leave_out=()):
    """The columns in which two rows differ, as text; empty if they are equal."""
    found = []
    for name in first:
        if name in leave_out or name not in second:
            continue
        if first[name] != second[name]:
            found.append(f"{name} {first[name] or '-'} / {second[name] or '-'}")
    return ", ".join(found)


def compare(case, what, first, second, leave_out=(), unnamed=()):
    """Complains of each cell in which two tables differ. `unnamed` columns do not name a cell."""
    left, right = by_cell(first, unnamed), by_cell(second, unnamed)
    for cell in left:
        if cell not in right:
            case.complain(f"{what}: {label(left[cell])} is missing in the second")
            continue
        found = differences(left[cell], right[cell], leave_out)
        if found:
            case.complain(f"{what}: {label(left[cell])}: {found}")
    for cell in right:
        if cell not in left:
            case.complain(f"{what}: {label(right[cell])} is missing in the first")


def same_files(case, what, first, second, leave_out=("timings.csv", "manifest.json", "cells.jsonl", "plan.json")):
    """Complains of each file that differs between two folders."""
    left, right = case.files(first), case.files(second)
    for name in sorted(set(left) | set(right)):
        if name in leave_out:
            continue
        if name not in left or name not in right:
            case.complain(f"{what}: {name} is only in {first if name in left else second}")
        elif left[name] != right[name]:
            case.complain(f"{what}: {name} differs between {first} and {second}" + where(left[name], right[name]))


def where(first, second):
    """The first lines that differ, for a message."""
    for number, (left, right) in enumerate(zip(first.splitlines(), second.splitlines()), 1):
        if left != right:
            columns = first.splitlines()[0].decode("utf-8", "replace").split(",")
            one, two = left.decode("utf-8", "replace").split(","), right.decode("utf-8", "replace").split(",")
            if len(one) == len(two) == len(columns):
                both = zip(columns, one, two)
                return f" in line {number}: " + ", ".join(f"{c} {a}/{b}" for c, a, b in both if a != b)[:300]
            return f" in line {number}"
    return " in length"


def number(text):
    """A count of a row; 0 if it is empty."""
    return int(text) if text else 0
