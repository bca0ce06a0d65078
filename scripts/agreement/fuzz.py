"""Random commands with random options: no panic, documented exit codes only, quiet if asked to be."""

import re

from . import options, traces
from .case import check

# Runs other programs, waits for them, or only prints what a shell wants.
NOT_DRAWN = {"record", "help", "completions", "man"}
WORDS = ["", "0", "1", "2", "3", "7", "64", "4096", "1M", "10%", "100%", "0.5", "-1", "18446744073709551615", "none", "auto", "all",
         "4KiB", "1GiB", "2^4..2^6", "1..9:+1", "x", "a=b", "lru", "nosuch", "1/2", "every", "yes"]


def quoted_words(text):
    """Words of an option's help that look like values of it: after a colon, between commas or bars."""
    return re.findall(r"[\w.^%:=/+-]*\d[\w.^%:=/+-]*|\b[a-z]+(?:-[a-z]+)*(?=[ ,|)])", text)


def value(case, option, trace):
    """Draws a value for an option: one that its help lists, one of a known grammar, or any word."""
    rng = case.rng
    known = options.known(rng, trace, 4096)
    if option.choices and rng.random() < 0.8:
        return rng.choice(option.choices)
    if option.name == "--policy":
        return options.listed(options.policies(rng, case.program, rng.randint(1, 3)))
    if option.name == "--machine":
        return rng.choice(case.program.machines)
    if option.name == "--jobs":
        return rng.choice(["1", "2", "0", "x"])
    if option.name in ("--output", "--png", "--junit", "--json", "--summary-md", "--chart", "--cache"):
        return rng.choice(["out", "out.csv", "deep/out", "out.png", "-"])
    if option.name in known and rng.random() < 0.7:
        return known[option.name]()
    words = quoted_words(option.text) or WORDS
    return rng.choice(words if rng.random() < 0.7 else WORDS)


def arguments(case, command, trace):
    """Draws arguments for a command: options of its help, and inputs that lie in the folder."""
    rng = case.rng
    args = []
    for name, option in case.program.options(command).items():
        if name in ("--help", "--output", "--version") or rng.random() > 0.12:
            continue
        args += [name] if not option.value else [f"{name}={value(case, option, trace)}"] if option.optional else [name, value(case, option, trace)]
    if "--output" in case.program.options(command) and rng.random() < 0.9:
        args += ["-o", rng.choice(["out", "out.pbt", "out.txt", "out.csv.gz"])]
    usage = case.program.usage(command)
    if command == "gen":
        return [rng.choice(patterns(case)), "--pages", rng.choice(["5", "40"]), "--refs", rng.choice(["10", "3000"]), *args]
    if "TRACE" in usage or "INPUT" in usage or "RESULTS" in usage or "DIR" in usage:
        inputs = {"plot": ["run", "run/results.csv", "heat", "phases", "faults"], "compare": ["run", "run/results.csv"], "merge": ["run"]}
        chosen = rng.sample(inputs.get(command, ["trace.txt", "trace.pbt"]), 1)
        if command == "check":
            chosen = ["base.csv", rng.choice(["trace.txt", "run"])]
        args = chosen + args
    elif "ADDRESS" in usage:
        args = args + [rng.choice(["0", "7f1234567abc", "ffffffffffffffff", "x"])]
    elif "NAME" in usage and rng.random() < 0.8:
        args = [rng.choice([*case.program.policies, *case.program.machines, "faults", "windows.csv", "plain", "csv", "nosuch"])]
    return args


def patterns(case):
    """The patterns of `gen`."""
    part = case.program.command_help("gen").split("Patterns:")[1].split("Options:")[0]
    return re.findall(r"^  ([a-z][\w-]*)", part, re.M)


def inputs(case):
    """Writes a trace as text and .pbt, a folder of results and a baseline; returns the trace."""
    trace = traces.any_trace(case.rng, refs=40)
    case.write("trace.txt", trace.text())
    case.call("convert", "trace.txt", "-o", "trace.pbt", "-q")
    case.call("run", "trace.txt", "-p", "lru,fifo,ws", "-m", "2,4", "--tau", "5", "--windows=9", "-o", "run", "--no-charts", "-q")
    case.call("check", "base.csv", "trace.txt", "-p", "lru,fifo", "-m", "2,4", "--accept", "-q")
    return trace


@check(weight=2)
def survives(case):
    """Any command with any options ends with a documented code, without a panic."""
    trace = inputs(case)
    names = [name for name in case.program.commands if name not in NOT_DRAWN]
    for _ in range(12):
        command = case.rng.choice(names)
        args = arguments(case, command, trace)
        if "--no-charts" in case.program.options(command) and "--no-charts" not in args:
            args.append("--no-charts")
        case.call(command, *args)


@check()
def generated_writes(case):
    """`gen --writes P` makes P percent of the references writes, where the help says so."""
    rng = case.rng
    pattern = rng.choice(patterns(case))
    text = " ".join(case.program.say("gen", pattern, "--help").split())
    if "Writes, in percent of the references" not in text or f"({pattern}: of " in text:
        return
    share = rng.choice([0, 20, 50, 100])
    case.run("gen", pattern, "--refs", "20k", "--writes", share, "-o", "made.pbt")
    out = case.run("stat", "made.pbt").out
    reads, writes = (int(re.search(rf"^  {kind}\s+(\d+)", out, re.M)[1]) for kind in "RW")
    if reads + writes >= 1000:
        found = 100 * writes / (reads + writes)
        case.expect(abs(found - share) <= 3, f"gen {pattern} --writes {share}: {found:.1f} % of data references are writes")


@check()
def quiet(case):
    """With `-q` a command that ends well prints nothing on standard error."""
    rng = case.rng
    trace = traces.draw(rng, refs=60, pages=8, illegal=rng.choice([0, 0.05]))
    case.write("trace.txt", trace.text())
    swap = rng.choice([[], ["--swap", "none"]])
    commands = {
        "run": ["trace.txt", "-p", "lru", "-m", "2", "-o", "out", "--no-charts", *swap], "plan": ["trace.txt", "-p", "lru", "-m", "2"],
        "explain": ["trace.txt", "-m", "2", *swap], "vm": ["trace.txt", "-m", "2", *swap],
        "curve": ["trace.txt", "--ignore-events", "-p", "lru", "--sample", "0.3", "-o", "curve"],
        "convert": ["trace.txt", "-o", "trace.din"], "interleave": ["trace.txt", "-o", "two.pbt"],
        "check": ["base.csv", "trace.txt", "-p", "lru", "-m", "2", "--accept"],
    }
    for command, args in commands.items():
        if "--quiet" in case.program.options(command):
            result = case.call(command, *args, "-q")
            case.expect(result.code != 0 or not result.err.strip(), f"-q prints {result.err.strip().splitlines()[:1]}: {result.command}")
