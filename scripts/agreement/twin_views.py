"""Checks of the tables that `vm -o` and `curve -o` write against the twin."""

import re

from . import options, rows, traces
from . import twin_rows as tables
from .case import check
from .drawn import REFUSED
from .twin_checks import Asked, Twin
from .twin_machine import COSTS, Machine, Setting
from .twin_policies import POLICIES
from .twin_space import Spaces
from .twin_trace import TwinTrace


def header(case, name):
    return case.read(name).splitlines()[0].split(",")


@check(weight=2)
def twin_states(case):
    """Every column of states.csv is what the twin has where, after so many references."""
    rng = case.rng
    trace = traces.any_trace(rng)
    text = trace.text()
    case.write("trace.txt", text)
    asked = Asked(case, trace, [name for name in POLICIES if name in case.program.policies])
    policy, samples = asked.policies[0], rng.choice([2, 7, 40, 400])
    args = ["-p", policy, "--over-time", samples, *asked.machine(), *asked.selection()]
    sized = case.program.policies[policy.split(":")[0]].fixed
    args += ["-m", asked.frames[0]] if sized else ["--tau", asked.taus[0]]
    result = case.call("vm", "trace.txt", *args, "-o", "states", "-q")
    if result.code in REFUSED or result.code == 1:
        return
    twin = Twin(asked, text)
    limit = re.search(r":limit=(\d+)", policy)
    row = {"policy": policy.split(":")[0], "params": policy.partition(":")[2], "seed": "1", "tau": "" if sized else str(asked.taus[0]),
           "frames": str(asked.frames[0]) if sized else limit[1] if limit else ""}
    asked.tlb, asked.warmup, asked.bits = "none", 0, "every"
    machine = twin.replay(row, COSTS)
    total, ended = len(twin.spaces.after) - 1, len(machine.states) - 1
    places = sorted({total * index // (samples - 1) for index in range(samples)} | {ended})
    wanted = []
    for position in places:
        if position <= ended:
            fact = twin.spaces.after[position]
            known = {"position": position, **machine.states[position]}
            known.update({name: fact[name] if twin.spaces.mapped else "" for name in ("mapped", "untouched")})
            wanted.append({name: str(value) for name, value in known.items()})
    found = rows.table(case.read("states/states.csv"))
    case.expect(len(found) == len(wanted), f"states.csv: expected {len(wanted)} rows, got {len(found)}")
    for one, expected in zip(found, wanted):
        tables.complain(case, f"states.csv: position {expected['position']}", header(case, "states/states.csv"), expected, one)


def known_write_backs(policy):
    """Whether a curve tells write-backs."""
    return policy not in ("opt", "vmin")


@check(weight=2)
def twin_curve(case):
    """Every column of curve.csv is what the twin counts in a replay of each size, without events."""
    rng = case.rng
    trace = traces.any_trace(rng)
    case.write("trace.txt", trace.text())
    names = [name for name in case.program.curves if name in POLICIES]
    policies = rng.sample(names, 2) + rng.sample(["clock:load-bit=0"], rng.randint(0, 1))
    most = trace.pages() + 2
    frames = sorted(rng.sample(range(1, most + 1), min(most, 6)))
    asked = Asked(case, trace, names)
    args = ["-p", ",".join(policies), "-m", options.listed(frames), "--tau", options.listed(asked.taus), *asked.selection()]
    args += [] if trace.ids else ["--page-size", asked.page_size]
    if rng.random() < 0.3:
        args = args[:2] + args[4:] + ["--all-sizes"]
    result = case.call("curve", "trace.txt", *args, "--ignore-events", "-o", "curves", "-q")
    if result.code in REFUSED:
        return
    source = TwinTrace(trace.text(), asked.page_size)
    source.take(asked.data_only, asked.pids, asked.skip, asked.limit)
    ignored = any(item[0] == "event" for item in source.items)
    source.items, source.recorded = [item for item in source.items if item[0] == "ref"], False
    spaces = Spaces(source)
    for row in rows.table(case.read("curves/curve.csv")):
        params = dict(part.split("=") for part in row["params"].split(":")) if row["params"] else {}
        setting = Setting(row["policy"], params, int(row["frames"]) if row["frames"] else None, int(row["tau"]) if row["tau"] else None,
                          tlb="none")
        machine = Machine(spaces, setting)
        row["seed"] = ""
        told = tables.results(row, machine, asked)
        expected = {name: told[name] for name in ("trace", "trace_kind", "page_size", "policy", "params", "mean_resident", "refs",
                                                  "distinct_pages", "faults", "fault_rate", "write_backs")}
        words = [asked.filter] if asked.filter else []
        expected.update(accuracy="exact", sample_rate="", error_bound="", frames=row["frames"], tau=row["tau"],
                        filter=lambda text: text in (" ".join(words), " ".join(words + ["events-ignored"]),
                                                     " ".join(["events-ignored"] + words)) and ("events" in text) <= ignored)
        if not known_write_backs(row["policy"]):
            expected["write_backs"] = ""
        tables.complain(case, f"curve.csv: {rows.label(row)}", header(case, "curves/curve.csv"), expected, row)
