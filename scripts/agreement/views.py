"""One number by several commands: run, explain, vm, stat, translate, machines, windows, distributions."""

import math
import re

from . import options, rows, traces
from .case import check
from .drawn import Drawn, again, replayed

KINDS = {"fill": "fills", "refill": "refills", "map": "maps", "cow-copy": "cow_copies", "cow-reuse": "cow_reuses"}


def settings_of(case, drawn, command):
    """The drawn settings that `command` takes, too; the others are forgotten."""
    known = case.program.options(command)
    drawn.model.values = {name: value for name, value in drawn.model.values.items() if name in known}
    return drawn.model.flags()


def one_cell(case, drawn):
    """Draws one policy and its size; returns the arguments that run, explain and vm share."""
    rng = case.rng
    policy = options.policies(rng, case.program, 1)[0]
    frames = rng.randint(len(drawn.trace.pids), max(len(drawn.trace.pids), drawn.trace.pages()) + 1)
    fixed = case.program.policies[policy.split(":")[0]].fixed
    size = ["-m", str(frames)] if fixed else ["--tau", str(rng.choice([1, 3, 10, 40]))]
    return ["-p", policy, *size, "--page-size", str(drawn.page_size)]


@check(weight=3)
def explained(case):
    """Faults, victims, write-backs and resident pages of `explain` are those of `run`."""
    drawn = Drawn(case, traces.any_trace(case.rng, refs=case.rng.choice([20, 80, 200])), warmup=False)
    cell = one_cell(case, drawn)
    model = settings_of(case, drawn, "explain")
    if not replayed(case, drawn.file, cell + model + drawn.taken, "run"):
        return
    row = rows.results(case, "run")[0]
    out = case.run("explain", drawn.file, *cell, *model, *drawn.taken, "--out", "csv", "--count", "10000", "-q").out
    steps = rows.table(out)
    found = dict.fromkeys(KINDS.values(), 0)
    left = written = freed = major = resident = peak = 0
    for step in steps:
        if step["fault"] not in ("", "-"):
            found[KINDS[step["fault"]]] += 1
        major += step["device_read"] == "yes"
        held = sum(page != "-" for page in re.sub(r"\s*\(.*?\)", "", step["in_frames"]).split())
        resident += held
        peak = max(peak, held)
        left += len(step["left"].split())
        written += step["why"].count("written back")
        freed += len(re.findall(r"\bfreed\b", step["why"]))
    found["refs"] = sum(step["page"] not in ("", "-") for step in steps)
    found["major_faults"] = major
    for name, count in found.items():
        case.expect(count == rows.number(row[name]), f"{rows.label(row)}: {name} of run {row[name]}, of explain {count}")
    gone = sum(rows.number(row[name]) for name in ("evictions", "expired", "freed"))
    case.expect(left == gone, f"{rows.label(row)}: {gone} pages left memory in run, {left} in explain")
    case.expect(freed == rows.number(row["freed"]), f"{rows.label(row)}: freed {row['freed']} in run, {freed} in explain")
    case.expect(written == rows.number(row["write_backs"]), f"{rows.label(row)}: write_backs {row['write_backs']} in run, {written} in explain")
    if found["refs"] and not drawn.trace.events:
        mean = float(row["mean_resident"] or 0)
        case.expect(abs(mean - resident / found["refs"]) < 1e-8, f"{rows.label(row)}: mean_resident {mean} in run, {resident / found['refs']} in explain")
        case.expect(peak == rows.number(row["peak_resident"]), f"{rows.label(row)}: peak_resident {row['peak_resident']} in run, {peak} in explain")


@check()
def explained_part(case):
    """`explain --from --count` shows the steps that the whole shows there."""
    drawn = Drawn(case, traces.any_trace(case.rng, refs=60), warmup=False, selection=False)
    cell = one_cell(case, drawn)
    args = [drawn.file, *cell, *settings_of(case, drawn, "explain"), "--out", "csv", "-q"]
    whole = case.call("explain", *args, "--count", "10000")
    if whole.code != 0:
        return
    steps = rows.table(whole.out)
    first = case.rng.randint(1, max(1, sum(step["reference"].isdigit() for step in steps)))
    count = case.rng.randint(1, 20)
    part = rows.table(case.run("explain", *args, "--from", first, "--count", count).out)
    wanted = [step for step in steps if step["reference"].isdigit() and first <= int(step["reference"]) < first + count]
    got = [step for step in part if step["reference"].isdigit()]
    case.expect(wanted == got, f"explain --from {first} --count {count} differs from the steps of the whole")


def state(out):
    """The numbers of `vm` as a dictionary."""
    found = {}
    faults = re.search(r"^faults\s+(\d+): (\d+) fill, (\d+) refill, (\d+) map, (\d+) cow-copy, (\d+) cow-reuse; (\d+) read", out, re.M)
    found.update(zip(("faults", "fills", "refills", "maps", "cow_copies", "cow_reuses", "major_faults"), map(int, faults.groups())))
    left = re.search(r"^left memory\s+(\d+) pages?: (\d+) clean, (\d+) written, (\d+) freed", out, re.M)
    found.update(zip(("left", "clean", "written", "freed"), map(int, left.groups())))
    resident = re.search(r"^resident\s+(\d+) pages?, (\d+) dirty", out, re.M)
    found.update(zip(("resident_end", "dirty_end"), map(int, resident.groups())))
    slots = re.search(r"(\d+) slots? in use, at most (\d+) so far", out)
    if slots:
        found.update(zip(("swap_slots", "swap_slots_peak"), map(int, slots.groups())))
    totals = re.findall(r"^  total\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)", out, re.M)
    found["mapped"] = sum(int(total[0]) for total in totals)
    found["untouched_end"] = sum(int(total[0]) - int(total[1]) for total in totals)
    return found


@check(weight=3)
def memory_at_end(case):
    """`vm --at end` and the last line of states.csv say what the row of `run` says."""
    rng = case.rng
    drawn = Drawn(case, traces.any_trace(rng, illegal=0), warmup=False)
    if not drawn.trace.ids:
        drawn.page_size = rng.choice([drawn.page_size, 16384, 65536, 1 << 21])
    cell = one_cell(case, drawn)
    model = settings_of(case, drawn, "vm")
    if not replayed(case, drawn.file, cell + model + drawn.taken, "run"):
        return
    row = rows.results(case, "run")[0]
    if row["status"] != "ok":
        return
    found = state(case.run("vm", drawn.file, *cell, *model, *drawn.taken, "--at", "end", "-q").out)
    for name, count in found.items():
        if name in row and row[name] != "":
            case.expect(count == int(row[name]), f"{rows.label(row)}: {name} of run {row[name]}, of vm {count}")
    gone = sum(rows.number(row[name]) for name in ("evictions", "expired", "freed"))
    case.expect(found["left"] == gone, f"{rows.label(row)}: {gone} pages left memory in run, {found['left']} in vm")
    dirty = sum(rows.number(row[name]) for name in ("evictions_dirty", "expired_dirty"))
    case.expect(found["written"] == dirty, f"{rows.label(row)}: {dirty} victims written in run, {found['written']} in vm")
    # The last line of states.csv stands behind the last legal reference, the row behind the last event.
    if isinstance(drawn.trace.items[-1], traces.Event) or drawn.taken or row["refs_dropped"] != "0":
        return
    case.run("vm", drawn.file, *cell, *model, "-o", "states", "--over-time", rng.randint(2, 9), "-q")
    last = rows.table(case.read("states/states.csv"))[-1]
    pairs = (("resident", "resident_end"), ("resident_dirty", "dirty_end"), ("swapped", "swapped_end"),
             ("dropped", "dropped_end"), ("untouched", "untouched_end"), ("faults", "faults"))
    for mine, theirs in pairs:
        case.expect(last[mine] == row[theirs], f"{rows.label(row)}: {theirs} of run {row[theirs]}, {mine} of states.csv {last[mine]}")


@check(weight=2)
def memory_over_time(case):
    """A line of states.csv says what `vm --at` says at that position."""
    rng = case.rng
    drawn = Drawn(case, traces.any_trace(rng, illegal=0), warmup=False, selection=False)
    if not drawn.trace.ids:
        drawn.page_size = rng.choice([drawn.page_size, 16384, 65536])
    args = [drawn.file, *one_cell(case, drawn), *settings_of(case, drawn, "vm"), "-q"]
    samples = rng.randint(2, 12)
    result = case.call("vm", *args, "-o", "states", "--over-time", samples)
    if result.code != 0:
        return
    for line in rng.sample(rows.table(case.read("states/states.csv"))[1:], 1):
        found = state(case.run("vm", *args, "--at", line["position"]).out)
        pairs = (("resident", "resident_end"), ("resident_dirty", "dirty_end"), ("untouched", "untouched_end"),
                 ("mapped", "mapped"), ("faults", "faults"))
        for mine, theirs in pairs:
            if line[mine] != "":
                case.expect(int(line[mine]) == found[theirs], f"position {line['position']}: {mine} of states.csv {line[mine]}, of vm --at {found[theirs]}")


@check()
def described(case):
    """`stat` counts the references, kinds, pages and page tables that `run` and `vm` count."""
    rng = case.rng
    trace = traces.any_trace(rng, illegal=0)
    drawn = Drawn(case, trace, warmup=False, leave_out=("--mappings",))
    size = [] if trace.ids else ["--page-size", str(drawn.page_size)]
    if rng.random() < 0.4:
        case.folder_for("stored/trace.pbt")
        case.run("convert", drawn.file, "-o", "stored/trace.pbt", "-q", *([] if trace.ids else ["--page-size", "1024"]))
        drawn.file = "stored/trace.pbt"
    result = case.call("stat", drawn.file, *size, *drawn.taken)
    if not replayed(case, drawn.file, ["-p", "lru", "-m", "3", *size, *drawn.taken], "run"):
        return
    row = rows.results(case, "run")[0]
    said = dict(re.findall(r"^\s*(\w+)\s+(\S+)", result.out, re.M))
    pairs = [("digest", "trace_digest")]
    bursts = re.search(r"^bursts\s+(\d+) of at most \d+ pages, ([\d.]+) references each", result.out, re.M)
    if bursts:
        within = int(bursts[1]) * (float(bursts[2]) + 0.06)
        case.expect(within >= int(said["references"]) > within - int(bursts[1]) * 0.12, f"stat: {bursts[0]}, but {said['references']} references")
    if row["segfaults"] == row["protection_faults"] == row["bus_errors"] == row["refs_dropped"] == "0":
        pairs += [("references", "refs"), ("R", "reads"), ("W", "writes"), ("I", "ifetches")]
    if not trace.events:
        pairs += [("pages", "distinct_pages")]
    for mine, theirs in pairs:
        case.expect(said.get(mine) == row[theirs], f"{theirs} of run {row[theirs]}, {mine} of stat {said.get(mine)}")
    if trace.events or trace.ids or drawn.taken:
        return
    out = case.run("vm", drawn.file, "--at", "end", "-m", "3", *size, "-q").out
    of_vm = dict(re.findall(r"^process (\d+):.*?page tables: ([\d + ]+?) by level", out, re.M | re.S))
    of_stat = dict(re.findall(r"^\s+process (\d+): ([\d + ]+?) tables by level", result.out.split("32 bits")[0], re.M))
    for pid in of_vm:
        case.expect(of_vm[pid] == of_stat.get(pid), f"page tables of process {pid}: {of_vm[pid]} in vm, {of_stat.get(pid)} in stat")


@check()
def illegal_counts(case):
    """`vm` lists as many illegal references as `run` counts, and `explain` leaves them out."""
    rng = case.rng
    trace = traces.draw(rng, refs=80, illegal=0.08)
    case.write("trace.txt", trace.text())
    how = ["--on-segfault", rng.choice(["kill", "skip"]), "--beyond-eof", rng.choice(["zero", "fault"])]
    if not replayed(case, "trace.txt", ["-p", "lru", "-m", "3", *how], "run"):
        return
    row = rows.results(case, "run")[0]
    if row["status"] != "ok":
        return
    out = case.run("vm", "trace.txt", "--at", "end", "-m", "3", *how, "-q").out
    said = re.search(r"(\d+) segmentation faults?, (\d+) protection faults?(?:, (\d+) bus errors?)?; (\d+) later", out)
    numbers = said.groups("0") if said else ("0", "0", "0", "0")
    for name, count in zip(("segfaults", "protection_faults", "bus_errors", "refs_dropped"), numbers):
        case.expect(row[name] == count, f"{name} of run {row[name]}, of vm {count}")
    total = sum(int(row[name]) for name in ("refs", "segfaults", "protection_faults", "bus_errors", "refs_dropped"))
    counted = sum(1 for line in case.run("head", "trace.txt", "-n", "100000").out.splitlines() if re.search(r"^\s*\d+\s+\d+\s+[RWI]\s", line))
    case.expect(total >= counted, f"refs and illegal references add up to {total}, the trace has {counted} accesses")


def headings(case):
    """The index and offset bits that `translate` states for a layout add up to its addresses."""
    layouts = re.search(r"--layout <\w+>\s+Page tables: (.*?)\n\s+--", case.program.command_help("translate"), re.S)
    layout = case.rng.choice(re.split(r",\s+", layouts[1].strip()))
    size = case.rng.choice(["4KiB", "2MiB", "4MiB", "1GiB", "16KiB"])
    result = case.call("translate", "--layout", layout, "--page-size", size, "0")
    stated = re.search(r"(\d+)-bit addresses: ([\d +]+) index bits?, (\d+) offset bits?", result.out)
    if result.code == 0 and stated:
        total = sum(int(bits) for bits in stated[2].split("+")) + int(stated[3])
        case.expect(total == int(stated[1]), f"translate --layout {layout} --page-size {size}: {stated[0]} are {total} bits")


@check()
def walk_levels(case):
    """`run`, `translate` and `machines` agree how many levels a walk has, at every page size."""
    headings(case)
    case.write("one.txt", "# pagebench trace 1\nR 1000\n")
    for machine in case.rng.sample(case.program.machines, min(4, len(case.program.machines))):
        text = case.program.say("machines", machine)
        listed = dict(re.findall(r"^pages of (\S+)$(?:\n  .*)*?\n  a walk reads\s+(\d+)", text, re.M))
        for size in dict.fromkeys([*listed, "2MiB", "1GiB", "32MiB"]):
            levels_at(case, machine, size, listed.get(size))


def levels_at(case, machine, size, listed):
    """Compares the levels of a walk at one page size; `listed` is what `machines` says, if anything."""
    steps = case.call("translate", "--machine", machine, "--page-size", size, "0")
    if steps.code != 0:
        return
    of_translate = re.search(r"levels=(\d+)", steps.out)[1]
    if listed:
        case.expect(listed == of_translate, f"{machine}, {size}: levels {listed} in machines, {of_translate} in translate")
    folder = f"{machine}-{size}"
    if replayed(case, "one.txt", ["-p", "lru", "-m", "1", "--machine", machine, "--page-size", size], folder):
        read = rows.results(case, folder)[0]["walk_refs_by_level"]
        levels = sum(int(count) > 0 for count in read.split("/"))
        case.expect(str(levels) == of_translate, f"{machine}, {size}: levels {levels} ({read}) in run, {of_translate} in translate")


@check()
def machine_spelled(case):
    """`--machine` counts what the `--tlb` and `--cost` that `machines` prints count."""
    rng = case.rng
    machine = rng.choice(case.program.machines)
    text = case.run("machines", machine).out
    tlb = re.search(r"the same as\s+--tlb (\S+)", text)
    cost = re.search(r"^costs\s+--cost (\S+)", text, re.M)
    size = re.search(r"^pages of (\S+)$", text, re.M)[1]
    if not tlb or not cost:
        return
    drawn = Drawn(case, leave_out=("--machine", "--tlb", "--cost"))
    args = drawn.cells[:-1] + [size] + drawn.model.flags() + drawn.taken
    if replayed(case, drawn.file, args + ["--machine", machine], "a"):
        if again(case, drawn.file, args + ["--tlb", tlb[1], "--cost", cost[1]], "b"):
            rows.compare(case, f"--machine {machine} / as spelled", rows.results(case, "a"), rows.results(case, "b"))


@check(weight=2)
def windows(case):
    """Windows of windows.csv add up to the row, and finer ones to coarser ones."""
    rng = case.rng
    drawn = Drawn(case)
    fine = rng.randint(1, 9)
    coarse = fine * rng.randint(2, 4)
    if not replayed(case, drawn.file, drawn.args + [f"--windows={fine}"], "fine"):
        return
    if not again(case, drawn.file, drawn.args + [f"--windows={coarse}"], "coarse"):
        return
    parts = {}
    for folder in ("fine", "coarse"):
        for line in rows.table(case.read(f"{folder}/windows.csv")):
            parts.setdefault(rows.key(line), {}).setdefault(folder, []).append(line)
    for row in rows.results(case, "fine"):
        found = parts.get(rows.key(row), {})
        for folder in ("fine", "coarse"):
            lines = found.get(folder, [])
            for mine, theirs in (("references", "refs"), ("faults", "faults")):
                total = sum(int(line[mine]) for line in lines)
                case.expect(total == rows.number(row[theirs]), f"{rows.label(row)}: {theirs} {row[theirs]}, {total} in {folder}/windows.csv ({row['status']})")
            if lines and row["status"] == "ok":
                case.expect(lines[-1]["resident"] == row["resident_end"] or bool(drawn.trace.events), f"{rows.label(row)}: resident_end {row['resident_end']}, last window {lines[-1]['resident']}")
        for one in found.get("coarse", []):
            inner = [line for line in found.get("fine", []) if int(one["first"]) <= int(line["first"]) <= int(one["last"])]
            total = sum(int(line["faults"]) for line in inner)
            case.expect(total == int(one["faults"]), f"{rows.label(row)}: window {one['window']} has {one['faults']} faults, its parts {total}")


@check()
def windows_limit(case):
    """The most windows are counted behind the warm-up."""
    rng = case.rng
    refs = rng.choice([30000, 40000])
    case.run("gen", "loop", "--pages", "20", "--refs", refs, "-o", "loop.pbt")
    warm = refs - 15000
    result = case.call("run", "loop.pbt", "-p", "lru", "-m", "5", "--windows=2", "--warmup", warm, "-o", "out", "--no-charts", "-q")
    case.expect(result.code == 0, f"7500 windows behind a warm-up are refused: {result.command}: {result.err.strip()[:200]}")


def percentile(values, share):
    """The ceil(share x count)-th smallest of sorted `values`."""
    return values[max(0, math.ceil(share * len(values) - 1e-12) - 1)]


@check(weight=2)
def distributions(case):
    """Intervals and access times of distributions.csv are those of a sorted list made from `explain`."""
    rng = case.rng
    trace = traces.any_trace(rng, refs=rng.choice([5, 80, 200]), illegal=0)
    if trace.events:
        trace = traces.draw(rng, refs=80, advice=False, frees=False)
    drawn = Drawn(case, trace, warmup=False, leave_out=("--machine", "--tlb", "--cost", "--device", "--accessed-bit"))
    costs = {"memory": rng.choice([1, 100]), "fault": rng.choice([10, 1000]), "copy": rng.choice([7, 400]),
             "read": rng.choice([50, 3000, 100000, 5 * 10**9]), "write": rng.choice([60, 5000, 100000, 10**12])}
    cell = one_cell(case, drawn)
    model = settings_of(case, drawn, "explain")
    args = cell + model + drawn.taken
    time = ["--tlb", "none", "--cost", ",".join(f"{name}={value}ns" for name, value in costs.items())]
    if not replayed(case, drawn.file, args + time, "run") or not case.exists("run/distributions.csv"):
        return
    policy = case.program.policies[cell[1].split(":")[0]]
    steps = rows.table(case.run("explain", drawn.file, *args, "--out", "csv", "--count", "10000", "-q").out)
    steps = [step for step in steps if step["page"] not in ("", "-")]
    at = [index for index, step in enumerate(steps) if step["fault"] not in ("", "-")]
    values = {"fault_interval": sorted(b - a for a, b in zip(at, at[1:])), "access_time": []}
    for step in steps:
        took = costs["memory"]
        took += costs["fault"] * (step["fault"] not in ("", "-")) + costs["copy"] * (step["fault"] == "cow-copy")
        took += costs["read"] * (step["device_read"] == "yes") + costs["write"] * step["why"].count("leaves, written back")
        values["access_time"].append(took)
    values["access_time"].sort()
    for line in rows.table(case.read("run/distributions.csv")):
        if line["metric"] == "access_time" and not policy.fixed:
            continue  # what expires is written for nothing, and explain names both alike
        compare_distribution(case, line, values.get(line["metric"]))


def compare_distribution(case, line, values):
    """Compares one line of distributions.csv with the sorted values that it summarises."""
    if values is None:
        return
    what = f"{rows.label(line)}: {line['metric']}"
    case.expect(int(line["count"]) == len(values), f"{what}: count {line['count']}, not {len(values)}")
    if not values or int(line["count"]) != len(values):
        return
    mean = sum(values) / len(values)
    case.expect(abs(float(line["mean"]) - mean) <= 1e-6 + mean * 1e-9, f"{what}: mean {line['mean']}, not {mean}")
    for name, value in (("min", values[0]), ("max", values[-1])):
        case.expect(int(line[name]) == value, f"{what}: {name} {line[name]}, not {value}")
    for name in line:
        share = re.fullmatch(r"p(\d+)(?:_(\d+))?", name)
        if share:
            value = percentile(values, float(f"{share[1]}.{share[2] or 0}") / 100)
            most = value if value < 2048 else value + 2 ** (value.bit_length() - 1 - 10) - 1
            got = int(line[name])
            case.expect(value <= got <= min(most, values[-1]), f"{what}: {name} {got}, not {value} to {min(most, values[-1])}")
