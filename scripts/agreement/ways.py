"""Ways to the same tables of `run`: engines, threads, memory limits, --counts, parts, resumed, encodings."""

import bz2
import gzip
import lzma

from . import options, rows, traces
from .case import check
from .drawn import Drawn, again, replay, replayed


@check(weight=3)
def engines(case):
    """`--engine auto` and `plain` give the same bytes, in every table."""
    drawn = Drawn(case, policies=6)
    windows = [f"--windows={case.rng.randint(1, 40)}"] if case.rng.random() < 0.5 else []
    if replayed(case, drawn.file, drawn.args + windows, "auto"):
        if again(case, drawn.file, drawn.args + windows, "plain", "--engine", "plain"):
            rows.same_files(case, "engines", "auto", "plain")


@check()
def threads(case):
    """One and several threads give the same bytes."""
    drawn = Drawn(case, policies=8)
    if replayed(case, drawn.file, drawn.args + ["--windows=9"], "one", "-j", "1"):
        if again(case, drawn.file, drawn.args + ["--windows=9"], "many", "-j", case.rng.choice(["2", "5"])):
            rows.same_files(case, "threads", "one", "many")


@check()
def memory_limit(case):
    """A stored trace that stays in its file gives the rows of one in memory."""
    rng = case.rng
    trace = traces.draw(rng, refs=rng.choice([50, 400]), pages=20, events=False, sizes=False, ids=rng.random() < 0.3)
    drawn = Drawn(case, trace, leave_out=("--mappings",), selection=False, offline=False)
    size = [] if trace.ids else ["--page-size", str(drawn.page_size)]
    case.run("convert", drawn.file, "-o", "trace.pbt", "-q", *size)
    if replayed(case, "trace.pbt", drawn.args, "memory"):
        if again(case, "trace.pbt", drawn.args, "tiles", "--mem-limit", "1"):
            rows.same_files(case, "memory limits", "memory", "tiles")


@check(weight=2)
def counts(case):
    """`--counts` gives the columns of the whole run, by curves or by replays, and leaves the others empty."""
    rng = case.rng
    columns = case.program.columns()
    wanted = [name for name, (kind, _, _) in columns.items() if kind in ("count", "real")]
    drawn = Drawn(case)
    if rng.random() < 0.5:
        drawn.cells[1] = rng.choice(["lru,fifo,clock,opt,ws", "lru,ws", "fifo,clock:load-bit=0", "opt,lru"])
        drawn.cells[3] = rng.choice(["1..24:+1", "2,3,9", "1..40:+1"])
    if not replayed(case, drawn.file, drawn.args, "whole"):
        return
    whole = rows.results(case, "whole")
    names = rng.sample(wanted, rng.randint(1, 4)) + rng.sample(["faults", "write_backs", "fault_rate"], 1)
    result = case.call("run", drawn.file, *drawn.args, "-o", "some", "--no-charts", "-q", "--counts", ",".join(names))
    if result.code == 2:
        names = rng.sample(["faults", "write_backs", "fault_rate", "mean_resident", "evictions"], 2)
        if not again(case, drawn.file, drawn.args, "some", "--counts", ",".join(names)):
            return
    some = rows.results(case, "some")
    rows.compare(case, "--counts", [{name: row[name] for name in (*rows.CELL, *names)} for row in whole],
                 [{name: row[name] for name in (*rows.CELL, *names)} for row in some])


@check()
def parts(case):
    """Parts of a run, joined by `merge`, are the whole run; a part that is missing is told with code 5."""
    rng = case.rng
    drawn = Drawn(case, policies=5)
    args = drawn.args + (["--windows=11"] if rng.random() < 0.5 else [])
    if not replayed(case, drawn.file, args, "whole"):
        return
    number = rng.choice([2, 3, 4])
    deal = rng.choice(["slice", "hash"])
    folders = []
    for part in range(1, number + 1):
        result = case.run("run", drawn.file, *args, "-o", f"part-{part}", "--no-charts", "-q", "--partition",
                          f"{deal}:{part}/{number}", codes=(0, 4))
        if result.code == 0:
            folders.append(f"part-{part}")
    order = rng.sample(folders, len(folders))
    case.run("merge", *order, "-o", "joined", "--no-charts")
    rows.same_files(case, "parts", "whole", "joined")
    if len(folders) > 1:
        case.run("merge", *order[1:], "-o", "hole", "--no-charts", codes=(5,))
        case.expect(not case.exists("hole/results.csv"), "merge with a missing part wrote results.csv")


@check()
def resumed(case):
    """A run that goes on after it was cut anywhere gives the bytes of one that was not."""
    rng = case.rng
    drawn = Drawn(case)
    args = drawn.args + (["--windows=13"] if rng.random() < 0.4 else [])
    if not replayed(case, drawn.file, args, "whole"):
        return
    data = case.bytes("whole/cells.jsonl")
    cut = data[:rng.randint(0, len(data))]
    case.write("cut/cells.jsonl", cut)
    case.write("cut/plan.json", case.bytes("whole/plan.json"))
    if again(case, drawn.file, args, "cut", "--resume"):
        rows.same_files(case, "resumed", "whole", "cut")


@check(weight=2)
def stored(case):
    """A text and the .pbt made of it give the same bytes, at every page size from the stored one up."""
    rng = case.rng
    trace = traces.any_trace(rng)
    drawn = Drawn(case, trace, file="text/trace.txt")
    stored_size = rng.choice([64, 256, 1024, 4096]) if not trace.ids else 4096
    size = [] if trace.ids else ["--page-size", str(stored_size)]
    case.folder_for("stored/trace.pbt")
    case.run("convert", drawn.file, "-o", "stored/trace.pbt", "-q", *size)
    sizes = [4096] if trace.ids else rng.choice([[4096], [4096, 16384], [65536], [4096, 1 << 21]])
    args = drawn.args + ["--windows=12"]
    args[args.index("--page-size") + 1] = options.listed(sizes)
    if replayed(case, drawn.file, args, "a"):
        if again(case, "stored/trace.pbt", args, "b"):
            rows.same_files(case, "text and .pbt", "a", "b")


@check()
def packed(case):
    """A packed text, a text from standard input and a plain text are the same trace."""
    rng = case.rng
    drawn = Drawn(case)
    if not replayed(case, drawn.file, drawn.args, "a"):
        return
    ending, pack = rng.choice([("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
    file = case.write(f"packed/trace.txt.{ending}", pack(drawn.trace.text().encode()))
    if again(case, file, drawn.args, "b"):
        rows.compare(case, "packed", rows.results(case, "a"), rows.results(case, "b"), {"trace"}, ("trace",))
    text = drawn.trace.text().replace("\n", "\r\n") if rng.random() < 0.5 else drawn.trace.text()
    case.write("from-stdin.txt", text)
    result = case.call("run", "-", *drawn.args, "-o", "c", "--no-charts", "-q", stdin=text)
    case.commands[-1] += " <from-stdin.txt"
    if case.expect(result.code == 0, f"exit code {result.code}: {result.command} <from-stdin.txt: {result.err[:200]}"):
        rows.compare(case, "standard input", rows.results(case, "a"), rows.results(case, "c"), {"trace"}, ("trace",))


@check()
def page_sizes(case):
    """Several page sizes, policies and sizes in one run are the rows of separate runs."""
    rng = case.rng
    drawn = Drawn(case, policies=3)
    base = [arg for arg in drawn.args]
    at = base.index("--page-size") + 1
    sizes = ["4096"] if drawn.trace.ids else rng.sample(["1024", "4096", "8192", "65536", "2097152"], 2)
    base[at] = ",".join(sizes)
    if not replayed(case, drawn.file, base, "both"):
        return
    apart = []
    for size in sizes:
        base[at] = size
        result = replay(case, drawn.file, base, f"size-{size}")
        # With one page size alone it may be that nothing is legal, which is an error then.
        if result.code == 4 and "nothing left to count" in result.err:
            continue
        if case.expect(result.code == 0, f"exit code {result.code}: {result.command}: {result.err.strip()[:200]}"):
            apart += rows.results(case, f"size-{size}")
    rows.compare(case, "page sizes together and apart", rows.results(case, "both"), apart)


@check()
def policies_apart(case):
    """Each policy alone gives the rows that it has among others (but for ratios to OPT)."""
    drawn = Drawn(case, policies=5)
    if not replayed(case, drawn.file, drawn.args, "all"):
        return
    policy = case.rng.choice(drawn.cells[1].split(","))
    args = [policy if index == 1 else arg for index, arg in enumerate(drawn.args)]
    if again(case, drawn.file, args, "one"):
        one = rows.by_cell(rows.results(case, "one"))
        among = [row for row in rows.results(case, "all") if rows.key(row) in one]
        rows.compare(case, "a policy alone and among others", list(one.values()), among,
                     {"opt_faults", "ratio_to_opt"})
