"""Output folders: nothing existing is overwritten without --force, and foreign files survive it."""

import re

from . import traces
from .case import check
from .drawn import Drawn


def writers(case):
    """Arguments of commands that write a folder, by name; the folder stands behind them."""
    found = {
        "run": ["run", "trace.txt", "-p", "lru", "-m", "2,3,4", "--page-size", "4096", "--windows=9", "-q", "-o"],
        "curve": ["curve", "plain.txt", "-p", "lru,opt,ws", "-q", "-o"],
        "vm": ["vm", "trace.txt", "-m", "3", "--over-time", "4", "-q", "-o"],
        "merge": ["merge", "part-1", "part-2", "-o"],
    }
    return {name: args for name, args in found.items() if name in case.program.commands}


def prepare(case):
    """Writes the traces and parts that `writers` need."""
    rng = case.rng
    case.write("trace.txt", traces.draw(rng, refs=60, pages=8, processes=2).text())
    case.write("plain.txt", traces.draw(rng, refs=80, pages=40, processes=1, events=False).text())
    for part in (1, 2):
        case.run("run", "plain.txt", "-p", "lru,fifo", "-m", "2,3", "--partition", f"slice:{part}/2", "-o", f"part-{part}",
                 "--no-charts", "-q")


@check()
def nothing_overwritten(case):
    """Without `--force` no file that a command would write may exist: it is kept, and told."""
    rng = case.rng
    prepare(case)
    name, args = rng.choice(list(writers(case).items()))
    if case.call(*args, "whole").code != 0:
        return
    written = list(case.files("whole"))
    for file in rng.sample(written, min(2, len(written))):
        folder = f"mine-{written.index(file)}"
        case.write(f"{folder}/{file}", "mine\n")
        result = case.call(*args, folder)
        kept = case.bytes(f"{folder}/{file}") == b"mine\n"
        case.expect(kept, f"{name} -o DIR without --force overwrites {file} (exit code {result.code})")
        case.expect(not kept or result.code != 0, f"{name} -o DIR does not write {file}, and says nothing")


def foreign(case, folder):
    """Files that no run of the trace writes: of other traces and commands, and one's own. Returns them by name."""
    stem = case.rng.choice(["holiday", "half", "paper", "my"])
    endings = ["fault-rate.png", "hit-rate.png", "lifetime.png", "lifetime.csv", "opt-ratio.svg", "phases.png", "curve.png", "curve.csv"]
    names = [f"{stem}-{ending}" for ending in case.rng.sample(endings, 4)]
    names += ["notes.txt", "overview-12.png", "heat-7.csv", "trace-curve.png", f"{stem}.png", "results.csv.bak"]
    for name in names:
        case.write(f"{folder}/{name}", f"mine {name}\n")
    return {name: case.bytes(f"{folder}/{name}") for name in names}


@check()
def foreign_kept(case):
    """`--force` removes and overwrites only what the command wrote before or writes now."""
    prepare(case)
    name, args = case.rng.choice(list(writers(case).items()))
    if "--force" not in case.program.options(name):
        return
    if case.call(*args, "out").code != 0:
        return
    mine = foreign(case, "out")
    if name == "run":  # what another command wrote there is foreign, too
        other = case.call("curve", "plain.txt", "-p", "lru", "-q", "-o", "out")
        if other.code == 0:
            mine.update({file: data for file, data in case.files("out").items() if file in ("curve.csv", "plain-curve.png", "plain-curve.csv")})
    case.run(*args, "out", "--force")
    left = case.files("out")
    for file, data in mine.items():
        if case.expect(file in left, f"{name} --force removes {file}, which it did not write"):
            case.expect(left[file] == data, f"{name} --force overwrites {file}, which it does not write")


@check()
def kept_when_refused(case):
    """`--force` with a mistake in the command keeps the results that are there."""
    rng = case.rng
    prepare(case)
    case.write("broken.txt", "# pagebench trace 1\nR 1000\nR zz\n")
    name = rng.choice([name for name in ("run", "curve", "vm") if name in writers(case)])
    args = writers(case)[name]
    if case.call(*args, "out").code != 0:
        return
    before = case.files("out")
    wrong = rng.choice([["nosuch.txt"], ["broken.txt"], ["trace.txt", "--skip", "100000"], ["trace.txt", "-m", "2^70"]])
    if name == "curve":
        wrong = rng.choice([["nosuch.txt"], ["broken.txt"], ["plain.txt", "--skip", "100000"]])
    keep = [word for word in args[2:] if not ("-m" in wrong and word in ("-m", "2,3,4"))] if "-m" in wrong and name == "run" else args[2:]
    if "-m" in wrong and name == "vm":
        wrong = ["nosuch.txt"]
    result = case.call(args[0], *wrong, *keep, "out", "--force")
    if case.expect(result.code != 0, f"a wrong command ends with 0: {result.command}"):
        after = case.files("out")
        gone = [file for file in before if after.get(file) != before[file]]
        case.expect(not gone, f"exit code {result.code}, and {', '.join(gone)} of the results before are gone: {result.command}")


@check()
def proposal_kept(case):
    """A passing check removes BASELINE.new only if it is a baseline."""
    case.write("trace.txt", traces.draw(case.rng, refs=30, pages=6, events=False).text())
    case.run("check", "base.csv", "trace.txt", "-p", "lru", "-m", "2", "--accept", "-q")
    case.write("base.csv.new", "my own notes\n")
    accept = case.rng.choice([[], ["--accept"]])
    case.run("check", "base.csv", "trace.txt", "-q", *accept)
    case.expect(case.exists("base.csv.new") and case.read("base.csv.new") == "my own notes\n", "somebody's base.csv.new is gone")


@check()
def tables_described(case):
    """`columns TABLE` has the columns of every table that a command writes, in their order."""
    prepare(case)
    for name, args in writers(case).items():
        plain = ["--no-charts"] if "--no-charts" in case.program.options(name) else []
        if case.call(*args, f"out-{name}", *plain).code != 0:
            continue
        for file in case.files(f"out-{name}"):
            if not file.endswith(".csv") or re.match(r"(trace|plain|overview|heat|states)-?", file) and file != "states.csv":
                continue
            header = case.read(f"out-{name}/{file}").splitlines()[0].split(",")
            result = case.call("columns", file)
            if not case.expect(result.code == 0, f"columns {file}: exit code {result.code}: {result.err.strip()[:100]}"):
                continue
            listed = [line.split()[0] for line in result.out.splitlines() if re.match(r"^\S+\s+(text|count|real)\s", line)]
            case.expect(listed == header, f"columns {file} lists {listed}, the table has {header}")


@check()
def charts_apart(case):
    """A chart of two runs of other settings marks the anomalies that each run has by itself."""
    rng = case.rng
    together, _ = traces.split_processes(rng, 2, 80, 12)
    case.write("trace.txt", together.text())
    other = rng.choice([["--allocation", "equal"], ["--swap", "40960"], ["--accessed-bit", "walk", "--tlb", "l1i=2,l1d=2,l2=none"]])
    case.run("run", "trace.txt", "-p", "lru,clock", "-m", "3,7,11", "-o", "a", "--no-charts", "-q")
    case.run("run", "trace.txt", "-p", "lru,clock", "-m", "5,9,13", *other, "-o", "b", "--no-charts", "-q")
    marked = {}
    for name, folders in (("a", ["a"]), ("b", ["b"]), ("both", ["a", "b"])):
        result = case.call("plot", "faults", *folders, "-o", f"chart-{name}")
        # 4: no cell is finished, as where swap is full in all of them.
        case.expect(result.code in (0, 4), f"exit code {result.code}: {result.command}")
        if result.code != 0:
            marked[name] = 0
            continue
        marked[name] = sum(text.decode().count("yes") for file, text in case.files(f"chart-{name}").items() if file.endswith(".csv"))
    case.expect(marked["both"] == marked["a"] + marked["b"], f"plot faults a b marks {marked['both']} anomalies, alone {marked['a']} and {marked['b']} ({' '.join(other)})")


@check()
def charts_of_tables(case):
    """`plot` of a finished run draws, from its results.csv alone, the bytes that the run drew."""
    drawn = Drawn(case, policies=3)
    result = case.call("run", drawn.file, *drawn.args, "-o", "run", "-q", "--svg")
    if result.code != 0:
        return
    pictures = {name: data for name, data in case.files("run").items() if name.endswith((".png", ".svg"))}
    if not pictures:
        # No cell is finished, as where swap is full in all of them.
        return
    case.run("plot", "run", "-o", "again", "--svg")
    drawn_again = case.files("again")
    for name, data in pictures.items():
        if case.expect(name in drawn_again, f"plot does not draw {name}, which run draws"):
            case.expect(drawn_again[name] == data, f"plot draws {name} otherwise than run")
