"""Curves: exact ones against `run`, estimates against exact ones, charts against all sizes."""

import math
import re

from . import options, rows, traces
from .case import check


@check(weight=3)
def curves_exact(case):
    """`curve` counts what `run` counts at each size, of text and .pbt, at one and two page sizes."""
    rng = case.rng
    trace = traces.draw(rng, refs=rng.choice([30, 120, 300]), pages=rng.choice([5, 14]), events=False, ids=rng.random() < 0.2, sizes=rng.random() < 0.5)
    file = case.write("trace.txt", trace.text())
    sizes = [] if trace.ids else ["--page-size", rng.choice(["4096", "16384", "4096,16384", "1024,65536"])]
    if rng.random() < 0.4:
        stored = [] if trace.ids else ["--page-size", "1024"]
        case.run("convert", file, "-o", "trace.pbt", "-q", *stored)
        file = "trace.pbt"
    taken = options.selection(rng, trace)
    names = case.program.curves + (["clock:load-bit=0"] if "clock" in case.program.curves else [])
    chosen = rng.sample(names, rng.randint(1, len(names)))
    args = ["-p", ",".join(chosen), *sizes, *taken]
    if any(case.program.policies[name.split(":")[0]].fixed for name in chosen):
        args += ["-m", f"1..{trace.pages() + 2}:+{rng.choice([1, 3])}"]
    if not all(case.program.policies[name.split(":")[0]].fixed for name in chosen):
        args += ["--tau", options.listed(options.windows(rng, 4))]
    result = case.call("curve", file, *args, "-o", "curve", "-q")
    if result.code in (2, 4):
        return
    if not case.expect(result.code == 0, f"exit code {result.code}: {result.command}: {result.err.strip()[:200]}"):
        return
    run = case.call("run", file, *args, "-o", "run", "--no-charts", "-q")
    if run.code != 0:
        case.complain(f"curve takes what run refuses with {run.code}: {run.command}")
        return
    compare_curves(case, rows.table(case.read("curve/curve.csv")), rows.results(case, "run"))


def compare_curves(case, points, table):
    """Compares the points of curve.csv with the rows of results.csv at the same sizes."""
    replayed = {key_of(row): row for row in table}
    for point in points:
        row = replayed.get(key_of(point))
        if not case.expect(row is not None, f"{rows.label(point)} is a point of curve.csv and no row of run"):
            continue
        names = ["trace_digest", "refs", "distinct_pages", "faults", "fault_rate", "mean_resident", "filter"]
        names += ["write_backs"] if point["write_backs"] else []
        found = [f"{name} {point[name]} / {row[name]}" for name in names if point[name] != row[name]]
        if found:
            case.complain(f"curve / run: {rows.label(point)}: " + ", ".join(found))


def key_of(row):
    return row["page_size"], row["policy"], row["params"], row["frames"], row["tau"]


@check()
def events_ignored(case):
    """`curve --ignore-events` counts what `run` counts of the references alone."""
    rng = case.rng
    trace = traces.draw(rng, refs=120, pages=10)
    case.write("trace.txt", trace.text())
    case.write("alone/trace.txt", trace.where(lambda item: isinstance(item, traces.Reference)).text())
    args = ["-p", "lru,fifo,opt", "-m", "1..12:+1"]
    result = case.call("curve", "trace.txt", *args, "--ignore-events", "-o", "curve", "-q")
    if not case.expect(result.code == 0, f"exit code {result.code}: {result.command}: {result.err.strip()[:200]}"):
        return
    case.run("run", "alone/trace.txt", *args, "-o", "run", "--no-charts", "-q")
    points = [dict(point, filter="", trace_digest="") for point in rows.table(case.read("curve/curve.csv"))]
    compare_curves(case, points, [dict(row, trace_digest="") for row in rows.results(case, "run")])


@check()
def chart_uncut(case):
    """The line of LRU over chosen sizes has a point before and after each great fall."""
    rng = case.rng
    lines = []
    loops, base = [rng.randint(100, 1500) for _ in range(rng.randint(1, 2))], 0
    for pages in loops:
        lines += [str(base + page) for _ in range(rng.randint(3, 8)) for page in range(pages)]
        base += pages
    case.write("loops.txt", "\n".join(lines) + "\n")
    case.run("curve", "loops.txt", "--format", "lirs", "-p", "lru", "-o", "some", "-q")
    case.run("curve", "loops.txt", "--format", "lirs", "-p", "lru", "--all-sizes", "-o", "all", "-q")
    exact = {int(point["frames"]): float(point["fault_rate"]) for point in rows.table(case.read("all/curve.csv"))}
    chosen = {int(point["frames"]) for point in rows.table(case.read("some/curve.csv"))}
    for frames in sorted(exact):
        if frames - 1 in exact and frames - 1 >= min(chosen) and exact[frames - 1] - exact[frames] > 0.05:
            missing = [size for size in (frames - 1, frames) if size not in chosen]
            case.expect(not missing, f"LRU falls from {exact[frames - 1]:.3f} to {exact[frames]:.3f} at {frames} frames; the curve has no point at {missing}")


@check()
def estimates_known(case):
    """`curve --sample` does not estimate what is known: where all pages fit, only first touches fault."""
    rng = case.rng
    pages = rng.randint(20, 300)
    order = list(range(pages)) + [rng.randrange(pages) for _ in range(rng.randint(0, 600))]
    rng.shuffle(order)
    case.write("ids.txt", "".join(f"{page}\n" for page in order))
    rate = rng.choice([0.001, 0.05, 0.2, 0.5])
    case.run("curve", "ids.txt", "--format", "lirs", "--sample", rate, "-m", f"{pages},{pages + 5}", "-o", "out", "-q")
    for point in rows.table(case.read("out/curve.csv")):
        off = abs(float(point["fault_rate"]) - pages / len(order))
        case.expect(off < 1e-8, f"--sample {rate}: all {pages} pages fit into {point['frames']} frames, and the estimate is off by {off:.4f}")


def sampled_string(rng, kind, rate):
    """Draws a string of page numbers from 0 on, and the sizes at which its estimates are looked at."""
    first = math.ceil(1 / rate - 1e-9)
    if kind == "local":
        # Cycles just as long as the least size that a sample could know: estimates for it and less are too high.
        order = [first * group + page for group in range(400 // first) for _ in range(8) for page in range(first)]
        return order, sorted({1, 2, first, 150})
    pages, order = rng.choice([150, 400, 700]), []
    for _ in range(rng.choice([3, 6])):
        order += list(range(pages)) if kind == "loop" else [rng.randrange(pages) for _ in range(pages)]
        if kind == "mixed":
            order += [rng.randrange(max(1, pages // 5)) for _ in range(pages // 2)]
    distinct = len(set(order))
    return order, sorted({distinct // 4, distinct // 2, distinct * 3 // 4, distinct * 95 // 100})


@check()
def estimates(case):
    """`curve --sample` is within its bound as often as it says, at every size that it tells."""
    rng = case.rng
    rate = rng.choice([0.1, 0.2, 0.25])
    kind = rng.choice(["local", "loop", "uniform", "mixed"])
    order, sizes = sampled_string(rng, kind, rate)
    within, tried = {}, {}
    for _ in range(60):
        shift = rng.randrange(1 << 40)
        name = case.write("sample.txt", "".join(f"{shift + page}\n" for page in order))
        out = case.run("curve", name, "--format", "lirs", "-p", "lru", "--sample", rate, "-m", options.listed(sizes), "-q").out
        del case.commands[:-2]
        for frames, exact, estimate, bound in re.findall(r"^\s*(\d+)\s+([\d.]+)%\s+([\d.]+)% ± ([\d.]+)%", out, re.M):
            tried[frames] = tried.get(frames, 0) + 1
            within[frames] = within.get(frames, 0) + (abs(float(exact) - float(estimate)) <= float(bound) + 2e-4)
    case.expect(tried, f"{kind}, --sample {rate}: no estimate at any of {sizes} frames")
    for frames, count in tried.items():
        # Six standard deviations below 19 of 20: cannot happen by chance.
        least = 0.95 * count - 6 * math.sqrt(count * 0.95 * 0.05)
        case.expect(within[frames] >= least, f"{kind}, {len(set(order))} pages, --sample {rate}, {frames} frames: {within[frames]} of {count} estimates are within their bound")
