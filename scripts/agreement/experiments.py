"""Experiment files: what --show-config prints, keys that every command takes, exclusions, the command line wins."""

import re

from . import traces
from .case import check
from .drawn import Drawn


def cells_of(out):
    """The lines of a plan that name cells, without what is guessed."""
    return [line for line in out.splitlines() if re.match(r"^[0-9a-f]{32}\s", line)]


@check(weight=3)
def config_fed_back(case):
    """What `--show-config` prints, read as an experiment, has the plan of the flags."""
    rng = case.rng
    drawn = Drawn(case, chance=0.3)
    args = drawn.args
    if rng.random() < 0.2:
        args = args + ["--mem-limit", rng.choice(["1GiB", "64MiB"])]
    if rng.random() < 0.2:
        args = args + ["--counts", "faults,write_backs"]
    plan = case.call("plan", drawn.file, *args, "-q")
    if plan.code != 0:
        return
    shown = case.run("run", drawn.file, *args, "--show-config").out
    case.write("shown.toml", shown)
    second = case.call("plan", "-f", "shown.toml", "-q")
    if case.expect(second.code == 0, f"the output of --show-config is refused: exit code {second.code}: {second.err.strip()[:200]}"):
        case.expect(cells_of(plan.out) == cells_of(second.out), "the output of --show-config has another plan")
        again = case.run("run", "-f", "shown.toml", "--show-config").out
        strip = lambda text: [line.split("  #")[0] for line in text.splitlines() if not line.startswith("#")]
        case.expect(strip(again) == strip(shown), "--show-config of what it printed prints something else")
    dry = case.run("run", drawn.file, *args, "--dry-run").out
    case.expect(cells_of(plan.out) == cells_of(dry), "plan and run --dry-run list other cells")


@check(weight=2)
def gate_fed_back(case):
    """What `--show-config` prints of an experiment with limits and exclusions has its verdict."""
    rng = case.rng
    trace = traces.draw(rng, refs=80, pages=10, events=rng.random() < 0.5)
    case.write("sub/trace.txt", trace.text())
    limit = rng.randint(1, 6)
    policy = rng.choice(["clock", "lru", "fifo"])
    lines = ["schema = 1", 'frames = "2,4"', "", "[[trace]]", 'path = "trace.txt"', "", "[[policy]]", f'name = "{policy}"', "",
             "[[policy]]", 'name = "nru"', "tick = [5, 9]", "", "[[exclude]]", 'policy = "nru:tick=9"', 'frames = ">=4"', "",
             "[check]", f"max-increase = {limit}"]
    if rng.random() < 0.5:
        lines += ["[[check.override]]", 'policy = "nru*"', "max-increase = 0"]
    case.write("sub/gate.toml", "\n".join(lines) + "\n")
    case.run("check", "base.csv", "-f", "sub/gate.toml", "--accept", "-q")
    records = [line.split(",") for line in case.read("base.csv").splitlines()]
    faults, name = records[0].index("faults"), records[0].index("policy")
    for record in records[1:]:
        if record[name] == policy:
            record[faults] = str(max(0, int(record[faults]) - rng.choice([limit, limit + 1])))
    case.write("base.csv", "\n".join(",".join(record) for record in records) + "\n")
    case.write("shown.toml", case.run("run", "-f", "sub/gate.toml", "--show-config").out)
    first = case.call("check", "base.csv", "-f", "sub/gate.toml", "-q")
    second = case.call("check", "base.csv", "-f", "shown.toml", "-q")
    case.expect(first.code == second.code, f"the experiment ends with {first.code}, its --show-config with {second.code}: {second.err.strip()[:200]}")


# Values for keys that `init` lists without one.
VALUES = {"counts": '"faults"', "page-size": '"4096"', "machine": '"zen3"', "ram": '"1MiB"', "format": '"plain"', "kind": '"full"',
          "pid": '"1"', "limit": '"20"', "mem-limit": '"1GiB"', "header": '"yes"', "base": '"hex"', "delimiter": '","', "col": '"addr=1"',
          "windows": '"10"'}


def keys(case):
    """The settings that `init` lists, with a value each."""
    text = case.run("init", "-").out.split("\n[[trace]]")[0]
    found = {}
    for line in text.splitlines():
        setting = re.match(r"^(?:# )?([a-z][\w-]*) = (.*?)(\s+# not set)?$", line)
        if setting and setting[1] not in ("schema", "name"):
            found[setting[1]] = VALUES.get(setting[1], setting[2])
    return found


@check()
def every_key(case):
    """Every command that takes an experiment takes every key that `init` lists."""
    rng = case.rng
    case.write("trace.txt", traces.draw(rng, refs=40, pages=8, processes=1, events=False).text().replace("switch 7", "switch 1"))
    known = keys(case)
    known = {key: known[key] for key in rng.sample(sorted(known), min(8, len(known)))}
    rest = '\n[[trace]]\npath = "trace.txt"\n[[policy]]\nname = "lru"\n'
    for key, value in known.items():
        extra = 'overcommit = "strict"\n' if key == "ram" else ""
        sizes = "" if key == "frames" else 'frames = "2,3"\n'
        case.write("one.toml", f"schema = 1\n{sizes}{extra}{key} = {value}\n{rest}")
        plan = case.call("plan", "-f", "one.toml", "-q")
        dry = case.call("run", "-f", "one.toml", "--dry-run", "-q")
        case.expect(plan.code == dry.code, f"key {key}: plan ends with {plan.code}, run --dry-run with {dry.code}")
        if plan.code != 0:
            continue
        name = f"base-{key}.csv"
        first = case.call("check", name, "-f", "one.toml", "--accept", "-q")
        case.expect(first.code == 0, f"key {key} = {value}: run takes it, check ends with {first.code}: {first.err.strip()[:160]}")


@check(weight=2)
def exclusions(case):
    """An exclusion takes away the variants that it names, defaults written out included, and no others."""
    rng = case.rng
    case.write("trace.txt", traces.draw(rng, refs=40, pages=8, events=False).text())
    policies = [policy for policy in case.program.policies.values() if policy.fixed and any(one.default != "off" for one in policy.parameters)]
    policy = rng.choice(policies)
    parameter = rng.choice([one for one in policy.parameters if one.default != "off"])
    values = list(dict.fromkeys([parameter.default] + [parameter.draw(rng) for _ in range(4)]))[:3]
    if len(values) < 2:
        return
    named = rng.choice(values + [None])
    pattern = policy.name if named is None else f"{policy.name}:{parameter.name}={named}"
    lines = ["schema = 1", 'frames = "2,3"', "[[trace]]", 'path = "trace.txt"', "[[policy]]", 'name = "lru"', "[[policy]]",
             f'name = "{policy.name}"', f"{parameter.name} = [{', '.join(values)}]"]
    case.write("all.toml", "\n".join(lines) + "\n")
    case.write("some.toml", "\n".join([*lines, "[[exclude]]", f'policy = "{pattern}"']) + "\n")
    everything = cells_of(case.run("plan", "-f", "all.toml", "-q").out)
    left = cells_of(case.run("plan", "-f", "some.toml", "-q").out)
    variants = [value for value in values if float(value) != float(parameter.default)]
    label = {value: f"{policy.name}:{parameter.name}={value}" for value in values}
    wanted = 2 + (2 * (len({float(value) for value in values}) - 1) if named is not None else 0)
    case.expect(len(left) == wanted, f"exclude {pattern} of {policy.name} with {parameter.name} {', '.join(values)}: {len(left)} of {len(everything)} cells are left, not {wanted}")
    if named is not None:
        for value in variants:
            if float(value) != float(named):
                case.expect(any(label[value] in line for line in left), f"exclude {pattern} takes {label[value]} away, too")


@check()
def command_line_wins(case):
    """A flag wins over a key of the experiment file, and can take it back."""
    rng = case.rng
    case.write("trace.txt", traces.draw(rng, refs=80, pages=8, processes=2, events=rng.random() < 0.5).text())
    rest = 'frames = "2,3"\n[[trace]]\npath = "trace.txt"\n[[policy]]\nname = "clock"\n'
    given, flags = rng.choice([
        ('overcommit = "strict"\nram = "8MiB"\nswap = "1MiB"\n', ["--overcommit", "always"]),
        ("data-only = true\n", ["--data-only=false"]), ("skip-bad = true\n", ["--skip-bad=false"]),
        ('frames = "9"\n', ["-m", "2,3"]), ('swap = "none"\n', ["--swap", "unlimited"]),
        ('warmup = "5"\n', ["--warmup", "0"]), ('skip = "5"\n', ["--skip", "0"]), ('allocation = "equal"\n', ["--allocation", "global"]),
        ('accessed-bit = "walk"\n', ["--accessed-bit", "every"]), ('machine = "zen3"\n', ["--tlb", "l1i=4,l1d=4,l2=none"])])
    rest_given = rest.replace('frames = "2,3"\n', "") if given.startswith("frames") else rest
    case.write("given.toml", f"schema = 1\n{given}{rest_given}")
    case.write("plain.toml", f"schema = 1\n{rest}")
    # What the flags do not take back holds with the plain file, too.
    wanted_flags = {"--tlb": flags, "--overcommit": ["--swap", "1MiB"]}.get(flags[0], [])
    wanted = case.run("plan", "-f", "plain.toml", "-q", *wanted_flags)
    result = case.call("plan", "-f", "given.toml", "-q", *flags)
    if case.expect(result.code == 0, f"{given.strip()!r} cannot be taken back by {' '.join(flags)}: exit code {result.code}: {result.err.strip()[:200]}"):
        case.expect(cells_of(result.out) == cells_of(wanted.out), f"{' '.join(flags)} over {given.strip()!r}: another plan than without both")


@check()
def entries(case):
    """An entry for a trace holds wherever the file comes from, and two that differ are refused."""
    rng = case.rng
    case.write("traces/trace.txt", traces.draw(rng, refs=40, pages=8, events=False).text())
    first, second = rng.choice([("traces/trace.txt", "./traces/trace.txt"), ("./traces", "traces/trace.txt"), ("traces", "traces/trace.txt")])
    lines = ["schema = 1", 'frames = "2"', "[[policy]]", 'name = "lru"', "[[trace]]", f'path = "{first}"', "[[trace]]", f'path = "{second}"',
             'digest = "deadbeef"']
    case.write("digest.toml", "\n".join(lines) + "\n")
    result = case.call("plan", "-f", "digest.toml", "-q")
    case.expect(result.code != 0, f"a digest that is not that of the trace is not looked at: {result.command}")
    case.write("name.toml", "\n".join(lines[:-1] + ['name = "other"']) + "\n")
    result = case.call("plan", "-f", "name.toml", "-q")
    case.expect(result.code != 0 or "other" in result.out, f"the name of an entry is dropped without a word: {result.command}")
