#!/usr/bin/env python3
"""Replays the same references with pagebench and with libCacheSim (PyPI package `libcachesim`,
GPL: run here, never linked) and sets miss counts and speed side by side, a line for each figure.
Ends with 1 if counts differ under a policy that is the same in both, or if a string of STRINGS has
other counts than it says. Policies that this pagebench lacks are skipped, and it says so.

    scripts/compare_libcachesim.py [--pagebench PROGRAM] [TRACE[=FRAMES,FRAMES,...] ...]

PROGRAM is target/release/pagebench if not given; traces of any format it reads. Without traces:
a generated one and two of the shipped recordings, in some minutes. First come short strings, which
show every known difference between the two programs.

Installs the package into a virtual environment below target/ at the first run. Object sizes are
ignored. Both programs run on one thread; libCacheSim's time is the CPU time of its replay loop,
reading its binary trace included; pagebench's is the wall time of the cell in timings.csv, and
the start-up of both is left out.
"""
import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
import venv

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENVIRONMENT = os.path.join(ROOT, "target", "libcachesim-env")
FRAMES = [500, 1000, 2000]


def in_environment():
    """Runs this script again inside the virtual environment, if it is not there yet."""
    python = os.path.join(ENVIRONMENT, "bin", "python")
    if os.path.realpath(sys.prefix) == os.path.realpath(ENVIRONMENT):
        return
    if not os.path.exists(python):
        venv.create(ENVIRONMENT, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "libcachesim==0.3.5"], check=True)
    os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])


arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
arguments.add_argument("--pagebench", default=os.path.join(ROOT, "target/release/pagebench"))
arguments.add_argument("traces", nargs="*", metavar="TRACE[=FRAMES,FRAMES,...]")
arguments = arguments.parse_args()
in_environment()

import libcachesim  # noqa: E402  (only there inside the environment)

# pagebench's policy: libCacheSim's class, parameters of its constructor, the frames from which on
# it keeps pages at all, and what is expected: "equal", or why the counts differ. What a reason
# says is seen in STRINGS.
POLICIES = {
    "fifo": (libcachesim.FIFO, {}, 1, "equal"),
    "lru": (libcachesim.LRU, {}, 1, "equal"),
    "clock:load-bit=0": (libcachesim.Clock, {}, 1, "equal"),
    "opt": (libcachesim.Belady, {}, 1, "equal"),
    "arc": (libcachesim.ARC, {}, 1, "equal"),
    "sieve": (libcachesim.Sieve, {}, 1, "equal"),
    "2q": (libcachesim.TwoQ, {}, 4, "equal"),
    "mq": (libcachesim.MQ, {}, 1, "equal"),
    "lfu:keep=0": (libcachesim.LFU, {}, 1, "equal"),
    "lru-k:retain=0": (libcachesim.LRUK, {}, 1, "equal"),
    "slru:segments=4:protected=0.75": (libcachesim.SLRU, {}, 4, "memory fills segment by segment"),
    "s3-fifo:fill-main=1": (libcachesim.S3FIFO, {}, 20, "equal"),
    "w-tinylfu": (libcachesim.WTinyLFU, {}, 100, "counts other events, in a sketch"),
    "lirs": (libcachesim.LIRS, {}, 2, "a hit in Q makes a page leave; the stack is bounded"),
}

# Strings that show each difference: the shortest, then of fewest frames, found by trying all (those of
# 20 and 100 frames, the fewest at which the defaults keep pages, are made by hand).
# Policy, class, parameters, references, frames, misses here, misses there, what is seen.
SLRU4 = "slru:segments=4:protected=0.75"
HALF, FIFTH = {"small_size_ratio": 0.5}, {"window_size": 0.2}
NOTHING = "libCacheSim keeps no page in so few frames"
FORGETS = "libCacheSim forgets what it knew of a page that leaves"
STRINGS = [
    ("lfu", libcachesim.LFU, {}, "1 1 2 3 2 3 1", 2, 6, 5, FORGETS),
    ("lru-k", libcachesim.LRUK, {}, "1 1 2 3 2 3 1", 2, 6, 5, FORGETS),
    ("lru-k:k=3:retain=0", libcachesim.LRUK, {"k": 3}, "1 2 1 3 1", 2, 3, 4, "before k references FIFO, here LRU"),
    ("2q", libcachesim.TwoQ, {}, "1 1", 1, 1, 2, NOTHING),
    ("2q", libcachesim.TwoQ, {}, "1 1", 3, 1, 2, NOTHING),
    (SLRU4, libcachesim.SLRU, {}, "1 1", 1, 1, 2, NOTHING),
    (SLRU4, libcachesim.SLRU, {}, "1 2 3 4 5 1 2", 4, 7, 6, "2 was loaded into a protected segment"),
    ("s3-fifo", libcachesim.S3FIFO, {}, "1 1", 10, 1, 2, NOTHING),
    ("s3-fifo", libcachesim.S3FIFO, {}, "1..23 3", 20, 24, 23, "3 was loaded into the main queue"),
    ("s3-fifo:small=0.5", libcachesim.S3FIFO, HALF, "1 2 3 4 5 6 1 3", 4, 8, 7, "3 was loaded into the main queue"),
    ("w-tinylfu", libcachesim.WTinyLFU, {}, "1 1", 5, 1, 2, NOTHING),
    ("w-tinylfu", libcachesim.WTinyLFU, {}, "1..100 100 101 1", 100, 102, 101, "a hit in the window is not counted"),
    ("w-tinylfu:window=0.2", libcachesim.WTinyLFU, FIFTH, "1 2 3 4 5 6 1 7 1", 6, 7, 8, "1 stays in the window till 7"),
    ("lirs", libcachesim.LIRS, {}, "1 1", 1, 1, 2, NOTHING),
    ("lirs", libcachesim.LIRS, {}, "1 2 1 2 3 2", 2, 4, 3, "at 3 libCacheSim holds three pages in two frames"),
    ("lirs", libcachesim.LIRS, {}, "1 2 1 2 3 1 2", 2, 4, 3, "the same; the fewest misses possible are 4 (OPT)"),
]


def pagebench(*command):
    if subprocess.run([arguments.pagebench, *command], stdout=subprocess.DEVNULL).returncode:
        sys.exit(f"pagebench {' '.join(command)} failed")


def missing():
    """The names of those policies that this pagebench does not have."""
    names = {policy.split(":")[0] for policy in [*POLICIES, *(entry[0] for entry in STRINGS)]}
    describe = lambda name: subprocess.run([arguments.pagebench, "policies", name], capture_output=True)
    return {name for name in names if describe(name).returncode}


def ours(path, policy, frames, scratch):
    """Faults and seconds for each number of frames."""
    out, sizes = os.path.join(scratch, "out"), ",".join(map(str, frames))
    pagebench("run", path, "-p", policy, "-m", sizes, "-j", "1", "--no-charts", "-q", "-o", out, "--force")
    with open(os.path.join(out, "results.csv")) as results, open(os.path.join(out, "timings.csv")) as timings:
        faults = {int(row["frames"]): int(row["faults"]) for row in csv.DictReader(results)}
        seconds = {int(row["frames"]): int(row["wall_ns"]) / 1e9 for row in csv.DictReader(timings)}
    return faults, seconds


def theirs(path, cache, refs):
    """Misses and seconds of a cache of libCacheSim."""
    parameters = libcachesim.ReaderInitParam()
    parameters.ignore_obj_size = True
    reader = libcachesim.TraceReader(path, libcachesim.TraceType.ORACLE_GENERAL_TRACE, parameters)
    start = time.process_time()
    ratio, _ = cache.process_trace(reader)
    return round(ratio * refs), time.process_time() - start


def compare_string(entry, scratch):
    """Replays one of STRINGS; whether both counts are those documented."""
    policy, kind, parameters, text, frames, here, there, reason = entry
    pages = []
    for word in text.split():
        first, _, last = word.partition("..")
        pages += range(int(first), int(last or first) + 1)
    path = os.path.join(scratch, "string.trc")
    with open(path, "w") as file:
        file.writelines(f"{page}\n" for page in pages)
    faults = ours(path, policy, [frames], scratch)[0][frames]
    cache, request, misses = kind(frames, hashpower=10, **parameters), libcachesim.Request(), 0
    request.obj_size = 1
    for page in pages:
        request.obj_id = page
        misses += not cache.get(request)
    fine = (faults, misses) == (here, there)
    verdict = "differs as documented" if fine else f"UNEXPECTED: documented are {here} and {there}"
    print(f"  {policy:32}{text:20}{frames:>7}{faults:>8}{misses:>13}  {verdict}: {reason}")
    return fine


def compare_trace(name, trace, frames, skipped, scratch):
    """Replays a trace under POLICIES; the number of unexpected counts."""
    path = os.path.join(scratch, f"{name}.oracleGeneral")
    pagebench("convert", trace, "-q", "--to", "oracleGeneral", "-o", path)
    refs, unexpected = os.path.getsize(path) // 24, 0
    print(f"\n{name}: {refs:,} references")
    header = f"{'frames':>8}{'misses':>12}{'libCacheSim':>13}{'M refs/s':>10}{'libCacheSim':>13}{'ratio':>7}"
    print(f"  {'trace':16}{'policy':31}{header}  verdict")
    for policy, (kind, parameters, least, expected) in POLICIES.items():
        if policy.split(":")[0] in skipped:
            continue
        sizes = [size for size in frames if size >= least]
        for size in sorted(set(frames) - set(sizes)):
            print(f"  {name:16}{policy:31}{size:>8}  not compared: libCacheSim keeps no page below {least} frames")
        if not sizes:
            continue
        faults, seconds = ours(path, policy, sizes, scratch)
        for size in sizes:
            misses, cpu = theirs(path, kind(size, hashpower=20, **parameters), refs)
            if faults[size] == misses:
                verdict = "equal"
            elif expected == "equal":
                verdict, unexpected = "UNEXPECTED", unexpected + 1
            else:
                verdict = f"differs as documented: {expected}"
            fast, slow = refs / seconds[size] / 1e6, refs / cpu / 1e6
            counts = f"{size:>8}{faults[size]:>12,}{misses:>13,}{fast:>10.1f}{slow:>13.1f}{fast / slow:>6.1f}x"
            print(f"  {name:16}{policy:31}{counts}  {verdict}", flush=True)
    os.remove(path)
    return unexpected


def traces(scratch):
    """Name, path and frames of the traces given, or of those that come with the program."""
    for trace in arguments.traces:
        path, _, sizes = trace.partition("=")
        frames = [int(size) for size in sizes.split(",")] if sizes else FRAMES
        yield os.path.basename(path).split(".")[0], path, frames
    if not arguments.traces:
        zipf = os.path.join(scratch, "zipf.pbt")
        pagebench("gen", "zipf", "--pages", "1M", "--refs", "1M", "-o", zipf)
        yield "zipf", zipf, [1000, 10_000, 100_000]
        # The shipped recordings, whole: a fast replay of few references is all beginning and end.
        for recording, frames in (("sort", [128, 256, 512]), ("cc1", [256, 512, 1024])):
            yield recording, os.path.join(ROOT, "traces", f"{recording}.pbt"), frames


def main():
    unexpected, skipped = 0, missing()
    for name in sorted(skipped):
        print(f"SKIPPED: this pagebench has no policy {name}")
    with tempfile.TemporaryDirectory() as scratch:
        print(f"strings\n  {'policy':32}{'references':20}{'frames':>7}{'misses':>8}{'libCacheSim':>13}  verdict")
        for entry in STRINGS:
            unexpected += entry[0].split(":")[0] not in skipped and not compare_string(entry, scratch)
        for name, trace, frames in traces(scratch):
            unexpected += compare_trace(name, trace, frames, skipped, scratch)
    if unexpected:
        sys.exit(f"\n{unexpected} counts are unexpected")
    left = f"; SKIPPED: {', '.join(sorted(skipped))}" if skipped else ""
    print(f"\nall counts compared are equal or differ as documented{left}")


main()
