"""Cells that ended early, warm-ups and limits: parts of a replay against the whole."""

import re

from . import rows, traces
from .case import check
from .drawn import Drawn, again, replayed

# Counters that add up over the parts of a replay.
COUNTERS = ("refs", "reads", "writes", "ifetches", "hits", "faults", "fills", "refills", "maps", "cow_copies", "cow_reuses",
            "minor_faults", "major_faults", "evictions", "evictions_clean", "evictions_dirty", "expired", "expired_dirty",
            "freed", "freed_dirty", "write_backs", "prefetched", "populated", "originals", "swap_reads", "file_reads", "tlb_hits_l1i", "tlb_hits_l1d",
            "tlb_hits_l2", "tlb_misses", "walk_refs", "walk_refs_leaf", "walk_refs_upper", "shootdowns", "tlb_flushes", "time_ns")
# Says how the row came about, not what was counted.
# A choice is stated only where the whole trace gives occasion for it.
HOW = {"filter", "trace_digest", "status", "error", "swap_limit", "opt_faults", "ratio_to_opt",
       "swap_in", "pin_cow_source", "fork_file_ptes", "free_frames", "layout", "page_cache", "file_io",
       "beyond_eof"}


@check(weight=3)
def ended_early(case):
    """A row that ended where swap was full is the row of `--limit` there, in every column and table."""
    rng = case.rng
    trace = traces.draw(rng, refs=120, pages=12, illegal=rng.choice([0, 0.06]), sizes=False)
    file = case.write("trace.txt", trace.text())
    names = [name for name, policy in case.program.policies.items() if not policy.offline]
    policy = case.program.policies[rng.choice(names)].draw(rng, 0.3)
    kernels = [name for name in names if "(kernel)" in case.program.policies[name].text]
    if rng.random() < 0.4 and kernels:
        policy = rng.choice(kernels)
    cell = ["-p", policy, "-m", str(rng.randint(1, 8)), "--tau", str(rng.choice([2, 5, 20])), "--on-segfault", "skip"]
    swap = ["--swap", rng.choice(["none", "4096", "12288"])]
    window = [f"--windows={rng.randint(2, 20)}"]
    if not replayed(case, file, cell + swap + window, "ended"):
        return
    row = rows.results(case, "ended")[0]
    if row["status"] != "swap-full" or int(row["refs"] or 0) == 0:
        return
    served = int(row["refs"])
    limit = None
    # Illegal references are among those that --limit counts, or not; events behind the last one are replayed.
    for most in range(served, served + 12):
        if not again(case, file, cell + ["--limit", most], f"limit-{most}"):
            return
        if rows.results(case, f"limit-{most}")[0]["refs"] != row["refs"]:
            break
        limit = most
    if limit is None:
        return
    folder = f"limit-{limit}-rows"
    swap_too = swap if case.call("run", file, *cell, *swap, "--limit", limit, "-o", "probe", "--no-charts", "-q").code == 0 else []
    if not again(case, file, cell + swap_too + window + ["--limit", limit], folder):
        return
    whole = rows.results(case, folder)[0]
    found = rows.differences(row, whole, HOW)
    case.expect(not found, f"{rows.label(row)}, swap full after {served} references / --limit {limit}: {found}")
    for table in ("vmstat.csv", "distributions.csv", "windows.csv"):
        if case.exists(f"ended/{table}") and case.exists(f"{folder}/{table}"):
            first, second = rows.table(case.read(f"ended/{table}")), rows.table(case.read(f"{folder}/{table}"))
            leave_out = HOW | {"distinct_pages"}
            left = [{name: value for name, value in line.items() if name not in leave_out} for line in first]
            right = [{name: value for name, value in line.items() if name not in leave_out} for line in second]
            different = [f"{one} / {two}" for one, two in zip(left, right) if one != two]
            case.expect(left == right, f"{rows.label(row)}: {table}: {len(left)} and {len(right)} lines; " + "; ".join(different)[:300])


@check(weight=2)
def warm(case):
    """The counters behind a warm-up are those of the whole less those of the warm-up."""
    rng = case.rng
    trace = traces.any_trace(rng, illegal=0)
    for item in trace.references:
        item.size = 1
    # What is inferred of mappings depends on how much of the trace is read.
    left_out = ("--allocation", "--overcommit", "--swap", "--mappings")
    drawn = Drawn(case, trace, selection=False, warmup=False, offline=False, leave_out=left_out)
    first = rng.randint(1, max(1, len(trace.references) - 1))
    if not replayed(case, drawn.file, drawn.args, "whole"):
        return
    probe = rows.results(case, "whole")
    if any(row[name] != "0" for row in probe for name in ("segfaults", "protection_faults", "bus_errors")):
        return
    if not again(case, drawn.file, drawn.args + ["--warmup", first], "warm"):
        return
    if not again(case, drawn.file, drawn.args + ["--limit", first], "begin"):
        return
    begin, warmed = rows.by_cell(rows.results(case, "begin")), rows.by_cell(rows.results(case, "warm"))
    # What events between the warm-up and the next reference free counts on one side or the other.
    position = [index for index, item in enumerate(trace.items) if isinstance(item, traces.Reference)][first - 1]
    following = trace.items[position + 1:position + 2]
    if not following or isinstance(following[0], traces.Event):
        return
    for row in probe:
        if row["params"].find("auto") >= 0 or rows.key(row) not in begin:
            continue
        found = []
        for name in COUNTERS:
            parts = rows.number(begin[rows.key(row)][name]) + rows.number(warmed[rows.key(row)][name])
            if rows.number(row[name]) != parts:
                found.append(f"{name} {row[name]} / {parts}")
        if found:
            case.complain(f"whole / --limit {first} and --warmup {first}: {rows.label(row)}: " + ", ".join(found))


@check()
def renamed(case):
    """Other numbers of processes and files, and addresses far away, change no count but those of TLBs."""
    rng = case.rng
    trace = traces.draw(rng, refs=120, pages=10)
    shift = rng.choice([1 << 30, 1 << 39])
    more = rng.randint(1, 9)

    def moved(item):
        if isinstance(item, traces.Reference):
            return traces.Reference(item.pid + more, item.kind, item.address + shift, item.size)
        words = item.text.split()
        if words[0] == "fork":
            words[1] = str(int(words[1]) + more)
        elif words[0] in ("map", "unmap", "protect", "advise", "brk"):
            words[1] = f"{int(words[1], 16) + shift:x}"
            words = [word.replace("file=", f"file={more}") for word in words]
        return traces.Event(item.pid + more, " ".join(words))

    case.write("moved/trace.txt", traces.Trace([moved(item) for item in trace.items]).text())
    drawn = Drawn(case, trace, leave_out=("--machine", "--tlb", "--accessed-bit"), selection=False)
    args = drawn.args + ["--tlb", "none"]
    if replayed(case, drawn.file, args, "a") and again(case, "moved/trace.txt", args, "b"):
        # Blocks of neighbours that are no power of two begin elsewhere, as mglru's text says.
        first, second = ([row for row in rows.results(case, name) if not odd_blocks(row)] for name in ("a", "b"))
        rows.compare(case, "renamed", first, second, rows.ORIGIN)


def odd_blocks(row):
    """Whether a policy looks at blocks of page numbers that an address far away does not keep together."""
    block = re.search(r"lookaround=(\d+)", row["params"])
    return block is not None and int(block[1]).bit_count() != 1


@check()
def anomalies(case):
    """`explain` tells of Belady's anomaly exactly where more frames have more faults."""
    rng = case.rng
    string = " ".join(f"{rng.randint(1, 6)}{'w' if rng.random() < 0.4 else ''}" for _ in range(rng.randint(8, 25)))
    few = rng.randint(1, 3)
    policy = rng.choice(["lru", "fifo", "opt", "lfu", "clock"])
    swap = rng.choice([[], ["--swap", rng.choice(["4KiB", "8KiB", "12KiB"])]])
    out = case.run("explain", "--string", string, "-p", policy, "-m", f"{few},{few + 1}", "-q", *swap).out
    said = "anomaly" in out
    case.write("string.txt", "# pagebench trace 1\n# addressing: ids\n" + "".join(
        f"{'W' if word.endswith('w') else 'R'} {word.rstrip('w')}\n" for word in string.split()))
    if not replayed(case, "string.txt", ["-p", policy, "-m", f"{few},{few + 1}", *swap], "run"):
        return
    table = rows.results(case, "run")
    real = all(row["status"] == "ok" for row in table) and int(table[1]["faults"]) > int(table[0]["faults"])
    case.expect(said == real, f"explain {policy} with {few} and {few + 1} frames {'tells' if said else 'does not tell'} of an anomaly; faults "
                f"{table[0]['faults']} ({table[0]['status']}) and {table[1]['faults']} ({table[1]['status']})")
