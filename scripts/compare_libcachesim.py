#!/usr/bin/env python3
"""Replays the same references with pagebench and with libCacheSim (PyPI package `libcachesim`,
GPL: run here, never linked), asserts equal miss counts and prints the ratio of time.

    scripts/compare_libcachesim.py [PAGEBENCH]      default: target/release/pagebench

Installs the package into a virtual environment below target/ at the first run. Object sizes are
ignored. Both programs run on one thread; libCacheSim's time is the CPU time of its replay loop,
reading its binary trace included; pagebench's is the wall time of the cell in timings.csv, and
the start-up of both is left out.
"""
import csv
import os
import subprocess
import sys
import tempfile
import time
import venv

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGEBENCH = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "target/release/pagebench"))
ENVIRONMENT = os.path.join(ROOT, "target", "libcachesim-env")


def in_environment():
    """Runs this script again inside the virtual environment, if it is not there yet."""
    python = os.path.join(ENVIRONMENT, "bin", "python")
    if os.path.realpath(sys.prefix) == os.path.realpath(ENVIRONMENT):
        return
    if not os.path.exists(python):
        venv.create(ENVIRONMENT, with_pip=True)
    packages = ["libcachesim==0.3.5", "numpy"]
    subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    os.execv(python, [python, os.path.abspath(__file__), PAGEBENCH])


in_environment()

import libcachesim  # noqa: E402  (only there inside the environment)
import numpy  # noqa: E402

POLICIES = {
    "fifo": libcachesim.FIFO,
    "lru": libcachesim.LRU,
    "clock:load-bit=0": libcachesim.Clock,
    "opt": libcachesim.Belady,
}


def page_ids(command, column):
    """The page numbers that a pagebench command prints as hexadecimal addresses."""
    with subprocess.Popen([PAGEBENCH, *command], stdout=subprocess.PIPE, text=True) as program:
        words = (line.split() for line in program.stdout)
        # Neither headers nor mapping events.
        accesses = (word for word in words if len(word) > column and word[column - 1] in ("I", "R", "W"))
        pages = numpy.fromiter((int(word[column], 16) >> 12 for word in accesses), numpy.uint64)
    if program.returncode:
        sys.exit(f"pagebench {' '.join(command)} failed")
    return numpy.unique(pages, return_inverse=True)[1].astype(numpy.uint64)


def write_oracle_general(path, ids):
    """The references with their next use, as libCacheSim's Belady needs them."""
    order = numpy.argsort(ids, kind="stable")
    same = ids[order[1:]] == ids[order[:-1]]
    following = numpy.full(len(ids), -1, numpy.int64)
    following[order[:-1][same]] = order[1:][same] + 1
    layout = [("time", "<u4"), ("id", "<u8"), ("size", "<u4"), ("next", "<i8")]
    records = numpy.zeros(len(ids), numpy.dtype(layout))
    records["id"], records["size"], records["next"] = ids + 1, 1, following
    records.tofile(path)


def ours(path, frames, scratch):
    """Faults and seconds per policy and frames."""
    out = os.path.join(scratch, "out")
    policies, sizes = ",".join(POLICIES), ",".join(map(str, frames))
    command = [PAGEBENCH, "run", path, "-p", policies, "-m", sizes, "-j", "1", "--no-charts", "-q", "-o", out, "--force"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    key = lambda row: (":".join(filter(None, (row["policy"], row["params"]))), int(row["frames"]))
    with open(os.path.join(out, "results.csv")) as results, open(os.path.join(out, "timings.csv")) as timings:
        faults = {key(row): int(row["faults"]) for row in csv.DictReader(results)}
        seconds = {key(row): int(row["wall_ns"]) / 1e9 for row in csv.DictReader(timings)}
    return faults, seconds


def theirs(path, policy, frames, refs):
    parameters = libcachesim.ReaderInitParam()
    parameters.ignore_obj_size = True
    reader = libcachesim.TraceReader(path, libcachesim.TraceType.ORACLE_GENERAL_TRACE, parameters)
    cache = POLICIES[policy](frames, hashpower=20)
    start = time.process_time()
    ratio, _ = cache.process_trace(reader)
    return round(ratio * refs), time.process_time() - start


def compare(name, ids, frames, scratch):
    path = os.path.join(scratch, f"{name}.oracleGeneral.bin")
    write_oracle_general(path, ids)
    print(f"{name}: {len(ids):,} references, {len(numpy.unique(ids)):,} pages")
    print(f"  {'policy':18}{'frames':>8}{'misses':>12}{'libCacheSim':>14}{'pagebench':>12}{'ratio':>8}")
    print(f"  {'':38}{'M refs/s':>14}{'M refs/s':>12}")
    faults, seconds = ours(path, frames, scratch)
    differ = 0
    for (policy, size), misses in sorted(faults.items()):
        expected, cpu = theirs(path, policy, size, len(ids))
        mark = "" if expected == misses else f"  DIFFERS: libCacheSim has {expected}"
        differ += expected != misses
        fast, slow = len(ids) / seconds[policy, size] / 1e6, len(ids) / cpu / 1e6
        print(f"  {policy:18}{size:>8}{misses:>12,}{slow:>14.1f}{fast:>12.1f}{fast / slow:>7.0f}x{mark}")
    return differ


def main():
    with tempfile.TemporaryDirectory() as scratch:
        zipf = page_ids(["gen", "zipf", "--pages", "1M", "--refs", "5M", "-o", "-"], 1)
        differ = compare("zipf", zipf, [10_000, 100_000], scratch)
        # The shipped recordings, whole: a fast replay of few references is all beginning and end.
        for recording, frames in (("sort", [64, 256]), ("cc1", [256, 1024])):
            pages = page_ids(["head", os.path.join(ROOT, "traces", f"{recording}.pbt"), "-n", "100M"], 3)
            differ += compare(recording, pages, frames, scratch)
    if differ:
        sys.exit(f"{differ} counts differ")
    print("all counts are equal")


main()
