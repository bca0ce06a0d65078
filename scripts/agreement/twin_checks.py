"""Checks of every table against the twin, a second machine written from the definitions alone."""

import json
from fractions import Fraction

from . import options, rows, traces
from . import twin_rows as tables
from .case import Stop, check
from .drawn import REFUSED
from .twin_machine import Machine, Setting
from .twin_policies import POLICIES
from .twin_space import CHOICES, Spaces
from .twin_tlb import of_machine
from .twin_trace import TwinTrace


# The choices that the twin models.
OTHERS = {"swap-in": ["writable", "read-only"], "pin-cow-source": ["on", "off"], "page-cache": ["keep", "drop"],
          "fork-file-ptes": ["copy", "drop"], "free-frames": ["lifo", "fifo"], "beyond-eof": ["zero", "fault"]}


def shares(frames, weights):
    """Frames by process: largest remainders, then each 0 becomes 1, taken from the largest."""
    total = sum(weights)
    found = [frames * weight // total for weight in weights]
    rest = sorted(range(len(weights)), key=lambda index: (-(frames * weights[index] % total), index))
    for index in rest[:frames - sum(found)]:
        found[index] += 1
    for index, share in enumerate(found):
        if share == 0:
            found[found.index(max(found))] -= 1
            found[index] = 1
    return found


class Asked:
    """Drawn options of `run`, as arguments and as what they mean."""

    def __init__(self, case, trace, names, page_size=None):
        rng = case.rng
        self.trace = trace
        moves = any(item.word == "move" for item in trace.events)
        # Of moves the twin knows what they do to pages of which no two mappings have a part.
        sizes = [4096, 4096, 1024] if moves else [4096, 4096, 4096, 1024, 16384, 65536, 2 << 20]
        self.page_size = page_size or (4096 if trace.ids else rng.choice(sizes))
        sparing = [name for name in names if name in POLICIES and POLICIES[name].spares]
        if sparing and rng.random() < 0.25:
            names = sparing
        self.policies = [case.program.policies[name].draw(rng) for name in rng.sample(names, min(len(names), rng.choice([2, 4])))]
        self.frames = options.frames(rng, trace, least=len(trace.pids))
        self.taus = options.windows(rng)
        self.seed = rng.choice([1, 1, 7])
        self.tlb = rng.choice([None, options.geometry(rng), options.geometry(rng)])
        self.hardware = rng.choice(case.program.machines) if rng.random() < 0.12 and not trace.ids else None
        if self.hardware:
            self.page_size = 4096 if moves else rng.choice([4096, 2 << 20, 1 << 30])
            self.tlb = of_machine(case.program.say("machines", self.hardware), self.page_size)
            self.hardware = self.hardware if self.tlb else None
        self.swap = rng.choice(["unlimited", "unlimited", "none", self.page_size * rng.randint(1, 8)])
        self.allocation = rng.choice(["global", "global", "equal", "proportional", "weights"])
        self.weights = [rng.choice([1, 1, 2, 5]) for _ in trace.pids]
        self.bits = rng.choice(["every", "every", "walk", "walk-flush"])
        self.on_segfault = rng.choice(["kill", "skip"])
        self.choices = {**CHOICES, **{name: rng.choice(values) for name, values in OTHERS.items()}}
        if not all(POLICIES[text.split(":")[0]].spares for text in self.policies if text.split(":")[0] in POLICIES):
            # The twin knows only of some policies what they choose without one of their pages.
            self.choices["pin-cow-source"] = "off"
        self.warmup = rng.choice([0, 0, 0, rng.randint(0, len(trace.references) // 2)])
        self.data_only, self.pids, self.skip, self.limit = False, None, 0, None
        if rng.random() < 0.25:
            self.data_only = rng.random() < 0.4
            self.skip = rng.choice([0, rng.randint(1, 20)])
            self.limit = rng.choice([None, rng.randint(1, 60)])
            self.pids = rng.choice([None, None, [rng.choice(trace.pids)]])
            self.warmup = 0
        self.costs = rng.choice([None, None, "memory=50ns", "fault=2us,copy=1us", "read=5us,write=7us,tlb-l2=9ns"])

    @property
    def allocated(self):
        """The value of --allocation."""
        return self.allocation + ("=" + "/".join(str(weight) for weight in self.weights) if self.allocation == "weights" else "")

    @property
    def filter(self):
        """The column `filter`."""
        words = ["data-only"] if self.data_only else []
        words += [f"pid={self.pids[0]}"] if self.pids else []
        words += [f"skip={self.skip}"] if self.skip else []
        words += [f"limit={self.limit}"] if self.limit is not None else []
        return " ".join(words)

    def selection(self):
        args = ["--data-only"] if self.data_only else []
        args += ["--pid", str(self.pids[0])] if self.pids else []
        args += ["--skip", str(self.skip)] if self.skip else []
        return args + (["--limit", str(self.limit)] if self.limit is not None else [])

    def machine(self):
        """The arguments that `run` and `vm` have in common, without policy and size."""
        args = ["--swap", str(self.swap), "--allocation", self.allocated, "--on-segfault", self.on_segfault]
        for name, choice in self.choices.items():
            args += ["--" + name, choice]
        return args + ([] if self.trace.ids else ["--page-size", str(self.page_size)])

    def args(self):
        args = ["-p", ",".join(self.policies), "-m", options.listed(self.frames), "--tau", options.listed(self.taus),
                "--seed", str(self.seed), "--accessed-bit", self.bits, "--warmup", str(self.warmup)]
        args += self.machine() + self.selection()
        if self.hardware:
            args += ["--machine", self.hardware]
        elif self.tlb:
            args += ["--tlb", self.tlb]
        return args + (["--cost", self.costs] if self.costs else [])


class Twin:
    """The twin's replays of what was asked."""

    def __init__(self, asked, text):
        self.asked = asked
        trace = TwinTrace(text, asked.page_size)
        trace.take(asked.data_only, asked.pids, asked.skip, asked.limit)
        self.spaces = Spaces(trace, asked.on_segfault, asked.choices)
        self.steps = self.spaces.steps

    def quotas(self, frames):
        """Frames by process for a size; None if they are not divided."""
        if self.asked.allocation == "global":
            return None
        touched = {}
        for step in self.steps:
            if step[0] == "ref":
                touched.setdefault(step[1], set()).add(step[3])
            elif step[0] in ("ahead", "populate"):
                touched.setdefault(step[1], set())
        pids = [pid for pid in self.spaces.pids if pid in touched]
        if self.asked.allocation == "equal":
            weights = [1] * len(pids)
        elif self.asked.allocation == "proportional":
            weights = [max(1, len(touched[pid])) for pid in pids]
        else:
            weights = self.asked.weights[:len(pids)]
        return dict(zip(pids, shares(frames, weights)))

    def replay(self, row, costs):
        asked = self.asked
        params = dict(part.split("=") for part in row["params"].split(":")) if row["params"] else {}
        frames = int(row["frames"]) if row["frames"] else None
        swap = {"unlimited": None, "none": 0}.get(asked.swap, asked.swap)
        setting = Setting(
            row["policy"], params, frames, int(row["tau"]) if row["tau"] else None, int(row["seed"] or 0),
            self.quotas(frames) if frames else None, swap if swap is None else swap // asked.page_size, asked.tlb or "", asked.bits,
            asked.warmup, costs)
        return Machine(self.spaces, setting)


def costs_of(case, folder):
    """The table of costs that the manifest repeats."""
    table = json.loads(case.read(f"{folder}/manifest.json"))["costs"]
    return {name[:-3].replace("_", "-"): value for name, value in table.items()}


def drawn(rng):
    """A trace of any shape; at times one with much advice, so that pages that came in ahead decide what leaves."""
    if rng.random() < 0.4:
        return traces.changing(rng)
    if rng.random() < 0.8:
        return traces.any_trace(rng)
    return traces.split_processes(rng, rng.choice([1, 1, 2, 3]), 60, rng.choice([4, 8, 14]), advice=True)[0]


def replayed(case, names=None, more=()):
    """Draws a run and replays it: (asked, twin, rows of results.csv, replays). Stops if it is refused."""
    trace = drawn(case.rng)
    text = trace.text()
    case.write("trace.txt", text)
    asked = Asked(case, trace, names or [name for name in POLICIES if name in case.program.policies])
    result = case.call("run", "trace.txt", *asked.args(), "-o", "out", "--no-charts", "-q", *more)
    if result.code in REFUSED or result.code == 1:
        raise Stop
    found = rows.results(case, "out")
    twin = Twin(asked, text)
    costs = costs_of(case, "out")
    machines = [None if row["status"] == "error" else twin.replay(row, costs) for row in found]
    if not all(machine is None or machine.certain for machine in machines):
        raise Stop
    return asked, twin, found, machines


def columns_of(case, name):
    """The columns of a table in a folder of results."""
    return case.read(f"out/{name}").splitlines()[0].split(",")


def cells(case, asked):
    """The cells that were asked for, in any order: (policy, parameters that differ, seed, tau, frames)."""
    found = set()
    for text in asked.policies:
        name, *given = text.split(":")
        policy = case.program.policies[name]
        defaults = {parameter.name: parameter.default for parameter in policy.parameters}
        values = dict(part.split("=") for part in given)
        params = frozenset((key, Fraction(value)) for key, value in values.items()
                           if defaults[key] == "off" or Fraction(defaults[key]) != Fraction(value))
        seed = str(asked.seed) if policy.draws else ""
        for size in asked.frames if policy.fixed else asked.taus:
            tau, frames = ("", str(size)) if policy.fixed else (str(size), values.get("limit", ""))
            found.add((name, params, seed, tau, frames))
    return found


def cell(row):
    params = frozenset((key, Fraction(value)) for key, value in (part.split("=") for part in row["params"].split(":") if part))
    return (row["policy"], params, row["seed"], row["tau"], row["frames"])


@check(weight=4)
def twin_results(case):
    """Every column of results.csv is what the twin counts."""
    asked, _, found, machines = replayed(case)
    expected = [(row, tables.results(row, machine, asked)) for row, machine in zip(found, machines) if machine]
    tables.add_opt(expected)
    wanted = cells(case, asked)
    case.expect(len(found) == len(wanted) and {cell(row) for row in found} == wanted,
                f"results.csv: expected the cells {sorted(wanted, key=str)}, got {[rows.label(row) for row in found]}")
    for row, wanted in expected:
        tables.complain(case, rows.label(row), columns_of(case, "results.csv"), wanted, row)


def named(row):
    """What names the cell of a row of any table."""
    return tuple(row[name] for name in ("policy", "params", "seed", "tau", "frames"))


# Columns that say which cell a row of another table is of; they are those of results.csv.
NAMING = rows.ORIGIN | rows.MODEL | set(rows.CELL) | {"distinct_pages", "status"}


def compare_table(case, name, asked, found, wanted):
    """Compares a table with expected rows, lists of (row of results.csv, its replay, expected columns), in their order."""
    table = rows.table(case.read(f"out/{name}"))
    if len(table) != len(wanted):
        case.complain(f"{name}: expected {len(wanted)} rows, got {len(table)}")
        return
    for row, (cell, machine, own) in zip(table, wanted):
        expected = {column: value for column, value in tables.results(cell, machine, asked).items() if column in NAMING}
        expected.update(own)
        tables.complain(case, f"{name}: {rows.label(cell)}", columns_of(case, name), expected, row)


@check(weight=2)
def twin_distributions(case):
    """Every column of distributions.csv is what a sorted list of the twin's values tells."""
    asked, _, found, machines = replayed(case)
    wanted = []
    for row, machine in zip(found, machines):
        if machine is None:
            continue
        wanted.append((row, machine, tables.distribution("fault_interval", "references", machine.result["intervals"])))
        wanted.append((row, machine, tables.distribution("access_time", "ns", machine.result["times"])))
    compare_table(case, "distributions.csv", asked, found, wanted)


@check(weight=2)
def twin_windows(case):
    """Every column of windows.csv is what the twin counts after each reference."""
    length = case.rng.choice([3, 10, 37])
    asked, _, found, machines = replayed(case, more=[f"--windows={length}"])
    wanted = [(row, machine, window) for row, machine in zip(found, machines) if machine for window in tables.windows(machine, length)]
    compare_table(case, "windows.csv", asked, found, wanted)


@check(weight=1)
def twin_timings(case):
    """timings.csv has a row for each cell, with the references that were replayed, warm-up included."""
    asked, _, found, machines = replayed(case)
    wanted = [(row, machine, {"refs": str(machine.result["position"])}) for row, machine in zip(found, machines) if machine]
    compare_table(case, "timings.csv", asked, found, wanted)


# What does not depend on the policy, if the cell did not end early.
FACTS = (
    "trace", "trace_kind", "filter", "mappings", "on_segfault", "page_size", "frames_frac", "allocation", "accessed_bit", "swap_limit",
    "commit_limit", "warmup_refs", "refs", "reads", "writes", "ifetches", "processes", "distinct_pages", "segfaults",
    "protection_faults", "bus_errors", "refs_dropped", "fills", "cow_copies", "untouched_end")


@check(weight=1)
def twin_others(case):
    """Of policies that the twin does not model: every column that no policy decides, and what must add up."""
    names = [name for name in case.program.policies if name not in POLICIES]
    trace = traces.any_trace(case.rng)
    text = trace.text()
    case.write("trace.txt", text)
    asked = Asked(case, trace, names)
    asked.swap = "unlimited"
    result = case.call("run", "trace.txt", *asked.args(), "-o", "out", "--no-charts", "-q")
    if result.code in REFUSED or result.code == 1:
        return
    twin, costs = Twin(asked, text), costs_of(case, "out")
    for row in rows.results(case, "out"):
        stand_in = {**row, "policy": "lru" if row["frames"] else "ws", "params": ""}
        told = tables.results(row, twin.replay(stand_in, costs), asked)
        tables.complain(case, rows.label(row), FACTS, told, row)
        count = {name: rows.number(row[name]) for name in row if row[name].isdigit()}
        laws = (("hits", "faults", "refs"), ("minor_faults", "major_faults", "faults"), ("evictions_clean", "evictions_dirty", "evictions"))
        for one, two, whole in laws:
            case.expect(count[one] + count[two] == count[whole],
                        f"{rows.label(row)}: {whole}: expected {count[one]} + {count[two]}, got {count[whole]}")


@check(weight=1)
def twin_vmstat(case):
    """vmstat.csv repeats the machine's counters, and what the kernels' policies count keeps the laws of counting."""
    kernels = [name for name in case.program.policies if "(kernel)" in case.program.policies[name].text]
    trace = traces.any_trace(case.rng)
    case.write("trace.txt", trace.text())
    asked = Asked(case, trace, kernels)
    result = case.call("run", "trace.txt", *asked.args(), "-o", "out", "--no-charts", "-q")
    if result.code in REFUSED or result.code == 1:
        return
    counters = {}
    for row in rows.table(case.read("out/vmstat.csv")):
        counters.setdefault(named(row), {})[row["counter"]] = int(row["count"])
    for row in rows.results(case, "out"):
        if row["status"] == "error":
            continue
        count, label = counters.pop(named(row), None), rows.label(row)
        if not case.expect(count is not None, f"vmstat.csv: {label}: expected rows, got none"):
            continue
        laws = {"pgfault": row["faults"], "pgmajfault": row["major_faults"], "pswpin": row["swap_reads"],
                "pgsteal": row["evictions"]}
        for name, wanted in laws.items():
            case.expect(count.get(name) == int(wanted), f"vmstat.csv: {label}: {name}: expected {wanted}, got {count.get(name)}")
        refills = int(row["refills"]) + int(row["prefetched"])
        bounds = (("pgsteal", "pgscan"), ("workingset_activate", "workingset_refault"), ("workingset_restore", "workingset_refault"))
        for less, more in bounds:
            case.expect(count.get(less, 0) <= count.get(more, 0) or more not in count or less not in count,
                        f"vmstat.csv: {label}: {less} {count.get(less)} is more than {more} {count.get(more)}")
        case.expect(count.get("workingset_refault", 0) <= refills + int(row["cow_copies"]),
                    f"vmstat.csv: {label}: workingset_refault: expected at most {refills}, got {count.get('workingset_refault')}")
    case.expect(not counters, f"vmstat.csv: rows of cells that results.csv has not: {list(counters)}")
