"""Relations between policies and settings: quotas, walk-flush, equalities that texts claim."""

import re

from . import options, rows, traces
from .case import check
from .drawn import Drawn, again, replayed

# Counters of which a run with quotas has the sum of separate runs.
SUMS = ("refs", "hits", "faults", "fills", "refills", "maps", "cow_copies", "cow_reuses", "minor_faults",
        "major_faults", "resident_end", "evictions", "evictions_clean", "evictions_dirty", "write_backs", "dirty_end",
        "swapped_end", "dropped_end", "swap_slots", "swap_reads", "file_reads", "prefetched")
# Measures distances to the end of the trace in positions of the whole trace.
WHOLE_TRACE = {"opt-wb"}


def split_mix(seed, number):
    """Output `number` (from 1) of SplitMix64 begun with `seed`."""
    mask = (1 << 64) - 1
    state = (seed + number * 0x9E3779B97F4A7C15) & mask
    mixed = state
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
    return mixed ^ (mixed >> 31)


def shares(frames, weights):
    """Divides `frames` by largest remainders (ties: the earlier); each 0 becomes 1, taken from the largest."""
    total = sum(weights)
    quotas = [frames * weight // total for weight in weights]
    rest = [frames * weight % total for weight in weights]
    order = sorted(range(len(weights)), key=lambda index: -rest[index])
    for index in order[:frames - sum(quotas)]:
        quotas[index] += 1
    for index, quota in enumerate(quotas):
        if quota == 0:
            quotas[index] = 1
            quotas[quotas.index(max(quotas))] -= 1
    return quotas


@check(weight=3)
def quotas(case):
    """Processes that share and free nothing count with quotas what each counts alone in its quota."""
    rng = case.rng
    processes = rng.choice([2, 2, 3])
    how = rng.choice(["equal", "equal", "weights", "proportional"])
    # Pages that are only brought in ahead are not among those that a process touches.
    advice = how != "proportional" and rng.random() < 0.4
    together, alone = traces.split_processes(rng, processes, rng.choice([60, 200]), rng.choice([8, 20]), advice=advice)
    each = rng.randint(1, 10)
    if how == "equal":
        frames, weights = processes * each + rng.choice([0, 0, 1]), [1] * processes
        flag = "equal"
    elif how == "weights":
        weights = [rng.choice([1, 1, 2, 3, 9]) for _ in range(processes)]
        frames, flag = rng.choice([sum(weights) * rng.randint(1, 3), processes * each]), "weights=" + "/".join(map(str, weights))
    else:
        weights = [trace.pages() for trace in alone]
        frames, flag = rng.choice([sum(weights), processes * each]), "proportional"
    order = [together.pids.index(index + 1) for index in range(processes)]
    if how == "weights":  # weights stand in the order in which processes appear
        weights = [weights[order[index]] for index in range(processes)]
    in_order = sorted(range(processes), key=lambda index: order[index])
    parts = shares(frames, [weights[index] for index in in_order])
    names = [name for name, policy in case.program.policies.items() if policy.fixed and name not in WHOLE_TRACE]
    chosen = [case.program.policies[name].draw(rng, 0.3) for name in names]
    case.write("together.txt", together.text())
    swap = rng.choice([[], ["--tlb", "none"]])
    if not replayed(case, "together.txt", ["-p", ",".join(chosen), "-m", frames, "--allocation", flag, *swap], "with"):
        return
    sums = {}
    for position, index in enumerate(in_order):
        case.write(f"alone-{index}.txt", alone[index].text())
        seed = ["--seed", str(1 if position == 0 else split_mix(1, position))]
        if not again(case, f"alone-{index}.txt", ["-p", ",".join(chosen), "-m", parts[position], *swap, *seed], f"alone-{index}"):
            return
        for row in rows.results(case, f"alone-{index}"):
            one = sums.setdefault((row["policy"], row["params"]), dict.fromkeys(SUMS, 0))
            for name in SUMS:
                one[name] += rows.number(row[name])
    for row in rows.results(case, "with"):
        one = sums[(row["policy"], row["params"])]
        found = [f"{name} {row[name]} / {one[name]}" for name in SUMS if rows.number(row[name]) != one[name]]
        if found:
            case.complain(f"quotas {parts} of {frames} ({flag}) / separate runs: {rows.label(row)}: " + ", ".join(found))


@check()
def quota_sizes(case):
    """`vm` gives each process its share by largest remainders, at least one frame."""
    rng = case.rng
    processes = rng.choice([2, 3, 4])
    together, _ = traces.split_processes(rng, processes, 40, rng.choice([3, 9]))
    pages = {pid: len({item.address for item in together.references if item.pid == pid}) for pid in together.pids}
    given = {pid: rng.choice([1, 1, 2, 9, 99]) for pid in together.pids}
    frames = rng.randint(processes, 60)
    case.write("trace.txt", together.text())
    for flag, weights in (("proportional", pages), ("weights=" + "/".join(str(given[pid]) for pid in together.pids), given),
                          ("equal", dict.fromkeys(together.pids, 1))):
        out = case.run("vm", "trace.txt", "--at", "end", "-m", frames, "--allocation", flag, "-q").out
        found = {int(pid): int(count) for count, pid in re.findall(r"(\d+) to process (\d+)", out)}
        right = shares(frames, [weights[pid] for pid in together.pids])
        # More frames than the trace has pages are as many as it has.
        most = sum(pages.values())
        right = {pid: min(quota, most) for pid, quota in zip(together.pids, right)}
        found = {pid: min(quota, most) for pid, quota in found.items()}
        case.expect(found == right, f"--allocation {flag} of {frames} frames: {found}, not {right}")


@check(weight=2)
def walk_flush(case):
    """`--accessed-bit walk-flush` counts what `every` counts, but for translation."""
    drawn = Drawn(case, traces.any_trace(case.rng) if case.rng.random() < 0.6 else
                  traces.draw(case.rng, refs=300, pages=16, events=False), policies=10,
                  leave_out=("--accessed-bit", "--tlb", "--machine"))
    tlb = case.rng.choice([[], ["--tlb", options.geometry(case.rng)]])
    leave_out = rows.TRANSLATION | {"accessed_bit"}
    if replayed(case, drawn.file, drawn.args + tlb, "every"):
        if again(case, drawn.file, drawn.args + tlb, "flush", "--accessed-bit", "walk-flush"):
            rows.compare(case, "every / walk-flush", rows.results(case, "every"), rows.results(case, "flush"), leave_out)


# Equalities: a policy, the one that it equals, and whether only with one process. Those that the
# texts of `policies` state in the words "PARAMETER is POLICY" are added.
EQUALITIES = [("lru-k:k=1", "lru", False), ("lrfu:lambda=1", "lru", False), ("lrfu:lambda=0", "lfu:keep=0", False),
              ("gclock:bits=1", "clock", False), ("gclock:bits=1:load=0", "clock:load-bit=0", False),
              ("lirs:hir=1", "lru", False), ("dws:alpha=1", "ws", False), ("sws:interval=1", "ws", True)]

# Equal only where no page is brought in ahead of use, as the text of the first one says.
UNLESS_AHEAD = {"sws:interval=1 / ws"}


def equalities(program):
    """All equalities of two policies whose names the program knows."""
    found = list(EQUALITIES)
    known = {left for left, _, _ in found}
    for name, policy in program.policies.items():
        for setting, other in re.findall(r"\b([\w-]+=[\d.]+) is ([A-Za-z0-9-]+)(?=[.,])", policy.choices):
            left = f"{name}:{setting}"
            if other.lower() in program.policies and left not in known:
                found.append((left, other.lower(), False))
    return [(left, right, one) for left, right, one in found
            if left.split(":")[0] in program.policies and right.split(":")[0] in program.policies]


@check(weight=3)
def equal_policies(case):
    """Policies that texts call equal are equal, also with advice, forks and frees."""
    rng = case.rng
    one_process = rng.random() < 0.4
    trace = traces.draw(rng, refs=rng.choice([30, 100, 250]), pages=rng.choice([6, 12]), processes=1 if one_process else 3,
                        forks=not one_process, events=rng.random() < 0.8, frees=not one_process or rng.random() < 0.5)
    # A child without references is a process, too: it may keep pages that its parent gives up.
    one_process = len(trace.pids) == 1 and not any(event.word == "fork" for event in trace.events)
    case.write("trace.txt", trace.text())
    pairs = [(left, right) for left, right, one in equalities(case.program) if one_process or not one]
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    sizes = options.frames(rng, trace, 3)
    args = ["-p", ",".join(names), "-m", options.listed(sizes), "--tau", options.listed(options.windows(rng))]
    if not replayed(case, "trace.txt", args + rng.choice([[], ["--swap", f"{rng.randint(2, 8) * 4096}"]]), "run"):
        return
    table = rows.results(case, "run")
    for left, right in pairs:
        first = [dict(row, policy="", params="") for row in table if named(row, left)]
        second = [dict(row, policy="", params="") for row in table if named(row, right)]
        case.expect(first, f"{left} is in no row")
        if f"{left} / {right}" in UNLESS_AHEAD:
            kept = [row["prefetched"] == "0" for row in first]
            first, second = ([row for row, keep in zip(side, kept) if keep] for side in (first, second))
        rows.compare(case, f"{left} / {right}", first, second)


def named(row, text):
    """Whether a row is of the policy with these parameters, which are not its defaults."""
    name, _, params = text.partition(":")
    return row["policy"] == name and sorted(row["params"].split(":")) == sorted(params.split(":"))


@check()
def claimed_counts(case):
    """Misses that the texts of policies give for small strings are those of `run`."""
    pattern = (r"(?:([\w-]+:[\w.=:-]+) on )?((?:\d+ )+)with (\d+) frames gives \d+ misses there, (\d+) here"
               r"(?:[^;.]*; ([\w-]+:[\w.=:-]+) gives (\d+)| [^;.]*;? ?([\w-]+=[\w.]+) gives (\d+))?")
    for name, policy in case.program.policies.items():
        for of, string, frames, misses, other, others, short, shorts in re.findall(pattern, policy.choices):
            claims = [(of or name, misses)]
            if other:
                claims.append((other, others))
            if short:
                claims.append((f"{of or name}:{short}", shorts))
            case.write("string.txt", "".join(f"{page}\n" for page in string.split()))
            for text, count in claims:
                out = case.run("explain", "--string", string.strip(), "-p", text, "-m", frames, "-q", "--out", "csv").out
                faults = sum(row["fault"] not in ("", "-") for row in rows.table(out))
                case.expect(faults == int(count), f"policies {name}: {text} on {string}: {faults} misses, the text says {count}")


@check()
def optimum(case):
    """No policy with as many frames faults less than OPT, and OPT-WB without a cost faults as often."""
    rng = case.rng
    trace = traces.draw(rng, refs=rng.choice([60, 200]), pages=10, events=False, ids=rng.random() < 0.3)
    case.write("trace.txt", trace.text())
    names = [name for name, policy in case.program.policies.items() if policy.fixed]
    chosen = list(dict.fromkeys([case.program.policies[name].draw(rng, 0.3) for name in names] + ["opt", "opt-wb:write-cost=0"]))
    frames = options.frames(rng, trace, 3)
    if not replayed(case, "trace.txt", ["-p", ",".join(chosen), "-m", options.listed(frames)], "run"):
        return
    table = rows.results(case, "run")
    best = {row["frames"]: int(row["faults"]) for row in table if row["policy"] == "opt"}
    for row in table:
        case.expect(int(row["faults"]) >= best[row["frames"]], f"{rows.label(row)} has {row['faults']} faults, OPT {best[row['frames']]}")
        if named(row, "opt-wb:write-cost=0"):
            case.expect(int(row["faults"]) == best[row["frames"]], f"{rows.label(row)} has {row['faults']} faults, OPT {best[row['frames']]}")


@check()
def inclusion(case):
    """Stack policies have no more faults with more frames."""
    rng = case.rng
    trace = traces.draw(rng, refs=rng.choice([60, 200]), pages=10, events=False)
    case.write("trace.txt", trace.text())
    args = ["-p", "lru,opt,mru,lfu,lru-k", "-m", f"1..{trace.pages() + 1}:+1"]
    if not replayed(case, "trace.txt", args, "run"):
        return
    last = {}
    for row in rows.results(case, "run"):
        name = row["policy"]
        case.expect(int(row["faults"]) <= last.get(name, 1 << 60), f"{rows.label(row)}: {row['faults']} faults, more than with fewer frames")
        last[name] = int(row["faults"])
