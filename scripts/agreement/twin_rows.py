"""What the twin expects in each column of each table.

An expected value is a text, or a function that says whether a text is right. `LEFT_OUT` names the columns
that the twin does not tell, with the reason; any other column that it does not tell is a complaint.
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

LEFT_OUT = {
    "trace_digest": "a hash that no text defines to the bit",
    "wall_ns": "time that the cell took here",
    "refs_per_s": "time that the cell took here",
    "by": "how the program came to its counts",
}
# Columns that are empty without --model.
OF_MODELS = (
    "model", "segments", "fit", "swap_unit", "relief", "idle", "swap_ins", "swap_outs", "swap_bytes_in",
    "swap_bytes_out", "file_bytes_in", "compactions", "bytes_moved", "bytes_grown", "bytes_copied", "unfit",
    "fragmentation", "fragmentation_worst", "mean_resident_bytes", "mean_untouched_bytes", "mean_idle_bytes",
    "table_bytes_peak", "table_refs", "clobbers", "foreign_reads")
PERCENTILES = {"p50": (50, 1), "p90": (90, 1), "p99": (99, 1), "p99_9": (999, 10), "p99_99": (9999, 100)}


def decimal(value, places=9):
    """A fraction as a rounded decimal."""
    if value is None:
        return ""
    scaled = Decimal(value.numerator * 10**places) / Decimal(value.denominator)
    return f"{scaled.quantize(Decimal(1), ROUND_HALF_UP).scaleb(-places):.{places}f}"


def ratio(above, below):
    return decimal(Fraction(above, below)) if below else ""


def quotient(above, below):
    """A ratio that the program tells with 53 bits: a function that knows the texts that are right."""
    if not below:
        return ""
    exact = Fraction(above, below)

    def right(text):
        return re.fullmatch(r"\d+\.\d{9}", text) is not None and abs(Fraction(text) - exact) <= exact / 2**53 + Fraction(1, 2 * 10**9)

    right.about = decimal(exact)
    return right


def results(row, machine, asked):
    """The columns of results.csv. `row` is what names the cell, `asked` the drawn options."""
    got, setting, spaces = machine.result, machine.setting, machine.spaces
    fact = got["fact"]
    faults = sum(got[kind] for kind in ("fills", "refills", "maps", "cow_copies", "cow_reuses"))
    refs = got["refs"]
    evicted = got["evictions_clean"] + got["evictions_dirty"]
    recorded = spaces.mapped
    tlbs = machine.tlbs
    translated = got["tlb_hits_l1i"] + got["tlb_hits_l1d"] + got["tlb_hits_l2"]
    found = {
        "schema": lambda text: text.isdigit(), "trace": "trace", "trace_kind": spaces.trace.kind,
        "filter": asked.filter, "mappings": "recorded" if recorded else "permissive",
        "on_segfault": asked.on_segfault if recorded else "", "page_size": str(spaces.trace.page_size),
        "frames_frac": quotient(setting.frames, fact["things"]) if setting.frames else "",
        "allocation": asked.allocated if setting.quotas else "global",
        "accessed_bit": accessed_bit(machine), "swap_limit": "" if setting.swap is None else str(setting.swap),
        "commit_limit": "", "layout": "", "io_hits": "0", "io_loads": "0",
        "beyond_eof": spaces.choices["beyond-eof"] if spaces.beyond else "",
        **dict.fromkeys(OF_MODELS, ""),
        "warmup_refs": str(min(setting.warmup, got["position"])), "refs": str(refs),
        "processes": str(fact["processes"]), "distinct_pages": str(fact["things"]), "faults": str(faults),
        "fault_rate": ratio(faults, refs), "hit_rate": ratio(got["hits"], refs), "refs_per_fault": ratio(refs, faults),
        "mean_resident": ratio(got["resident_sum"], refs), "evictions": str(evicted),
        "write_backs": str(got["evictions_dirty"] + got["expired_dirty"] + got["freed_dirty"]),
        "untouched_end": str(fact["untouched"]) if recorded else "", "eat_ns": ratio(got["time_ns"], refs),
        "status": machine.status, "error": "" if machine.status == "ok" else lambda text: text != "",
        "walk_refs": str(sum(got["walks"].values())), "walk_refs_leaf": str(got["tlb_misses"]),
        "walk_refs_upper": str(sum(got["walks"].values()) - got["tlb_misses"]),
        "tlb_hit_rate": ratio(translated, refs),
    }
    if tlbs:
        found["walk_refs_by_level"] = "/".join(str(got["walks"].get(level, 0)) for level in range(tlbs.levels))
    else:
        found["walk_refs_by_level"] = found["tlb_hit_rate"] = ""
    for option in ("swap-in", "pin-cow-source", "fork-file-ptes", "free-frames", "page-cache", "file-io"):
        # A choice is stated only where the trace gives occasion for it.
        found[option.replace("-", "_")] = lambda text, choice=spaces.choices[option]: text in ("", choice)
    for name in ("segfaults", "protection_faults", "bus_errors", "refs_dropped"):
        found[name] = str(fact[name])
    for name in ("reads", "writes", "ifetches", "hits", "fills", "refills", "maps", "cow_copies", "cow_reuses", "minor_faults",
                 "major_faults", "peak_resident", "resident_end", "evictions_clean", "evictions_dirty", "expired", "expired_dirty",
                 "freed", "freed_dirty", "prefetched", "populated", "originals", "dirty_end", "swapped_end", "dropped_end", "swap_slots", "swap_slots_peak",
                 "swap_reads", "file_reads", "tlb_hits_l1i", "tlb_hits_l1d", "tlb_hits_l2", "tlb_misses", "shootdowns",
                 "tlb_flushes", "time_ns"):
        found[name] = str(got[name])
    if tlbs is None:
        for name in list(found):
            if name.startswith("tlb_") or name.startswith("walk_") or name == "shootdowns":
                found[name] = ""
    for name in ("policy", "params", "seed", "tau", "frames"):
        found[name] = row[name]
    return found


def accessed_bit(machine):
    """The column `accessed_bit`: with walks, what translates is named, too."""
    if machine.bits_by == "every":
        return "every"
    return f"{machine.bits_by}:{machine.tlbs.name()}"


def add_opt(rows):
    """Adds opt_faults and ratio_to_opt to expected rows, pairs of (row that names the cell, expected).

    Cells that ended early are not set beside whole ones.
    """
    best = {row["frames"]: found["faults"] for row, found in rows if row["policy"] == "opt" and found["status"] == "ok"}
    for row, found in rows:
        faults = best.get(row["frames"]) if row["frames"] and found["status"] == "ok" else None
        found["opt_faults"] = faults or ""
        found["ratio_to_opt"] = ratio(int(found["faults"]), int(faults)) if faults else ""


def percentile(values, share):
    """The ceil(share x count)-th smallest value, told to three digits: a function that knows the texts that are right."""
    above, below = share
    place = -(-len(values) * above // (100 * below))
    value = sorted(values)[max(1, place) - 1]
    slack = 2 ** (value.bit_length() - 11) - 1 if value >= 2048 else 0

    def right(text):
        return text.isdigit() and value <= int(text) <= min(value + slack, max(values))

    right.about = f"{value}..{min(value + slack, max(values))}"
    return right


def distribution(metric, unit, values):
    """A row of distributions.csv."""
    found = {"metric": metric, "unit": unit, "count": str(len(values))}
    found["mean"] = ratio(sum(values), len(values))
    found["min"] = str(min(values)) if values else ""
    found["max"] = str(max(values)) if values else ""
    for name, share in PERCENTILES.items():
        found[name] = percentile(values, share) if values else ""
    return found


def windows(machine, length):
    """The rows of windows.csv of a cell."""
    warmup, after = machine.setting.warmup, machine.result["after_each"]
    found = []
    for first in range(warmup, len(after), length):
        part = after[first:first + length]
        found.append({
            "window": str(len(found)), "first": str(first), "last": str(first + len(part) - 1), "references": str(len(part)),
            "faults": str(sum(fault for fault, _ in part)), "resident": str(part[-1][1]),
            "status": machine.status})
    return found


def complain(case, what, columns, expected, row):
    """Compares a row cell by cell."""
    for name in columns:
        if name in LEFT_OUT:
            continue
        if name not in expected:
            case.complain(f"{what}: the twin does not know the column {name}")
            continue
        wanted, value = expected[name], row[name]
        right = wanted(value) if callable(wanted) else wanted == value
        if not right:
            told = getattr(wanted, "about", "something else") if callable(wanted) else wanted or "-"
            case.complain(f"{what}: {name}: expected {told}, got {value or '-'}")
