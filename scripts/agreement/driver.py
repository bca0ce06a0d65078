"""Runs the cases in a fixed order, prints failures and the table at the end."""

import argparse
import concurrent.futures
import hashlib
import os
import shlex
import shutil
import sys
import tempfile
import time
import traceback

from .case import CHECKS, Case, Stop
from .program import Program

# Failures of one check that are printed in full; of later ones only the command is.
PRINTED = 3
# Complaints of one case that are printed.
COMPLAINTS = 6


def case_seed(seed, name, number):
    """The seed of case `number` of a check, 32 bits."""
    text = f"{seed}/{name}/{number}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def schedule(checks, seed):
    """Yields (check, seed of the case) for ever: rounds in which each check has its weight."""
    numbers = dict.fromkeys((check.name for check in checks), 0)
    most = max(check.weight for check in checks)
    while True:
        for turn in range(most):
            for check in checks:
                if turn < check.weight:
                    numbers[check.name] += 1
                    yield check, case_seed(seed, check.name, numbers[check.name])


class Outcome:
    """What became of a case."""

    def __init__(self, check, seed, complaints, folder, seconds):
        self.check = check
        self.seed = seed
        self.complaints = complaints
        self.folder = folder
        self.seconds = seconds


def run_case(program, check, seed, root):
    """Runs one case. Its folder is removed if it finds nothing."""
    begin = time.monotonic()
    folder = os.path.join(root, f"{check.name}-{seed}")
    shutil.rmtree(folder, ignore_errors=True)
    case = Case(program, folder, seed)
    try:
        check.function(case)
    except Stop:
        pass
    except Exception:  # a fault of the check, or output that it cannot read: told, never swallowed
        case.complain("the check itself failed:\n" + traceback.format_exc())
    if case.complaints:
        case.keep()
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return Outcome(check, seed, case.complaints, folder, time.monotonic() - begin)


def tell(outcome, earlier):
    """Prints a failure; `earlier` is the number of failures of the check before it."""
    name, seed = outcome.check.name, outcome.seed
    binary = shlex.quote(os.environ["PAGEBENCH"])
    print(f"FAILED  PAGEBENCH={binary} scripts/agreement.sh --only {name} --seed {seed}")
    if earlier < PRINTED:
        for complaint in outcome.complaints[:COMPLAINTS]:
            print("    " + complaint.replace("\n", "\n    "))
        more = len(outcome.complaints) - COMPLAINTS
        if more > 0:
            print(f"    and {more} more in complaints.txt")
        print(f"    inputs, and what was run: {outcome.folder}/commands.sh")
    sys.stdout.flush()


def table(checks, outcomes):
    """Prints a line for each check: cases tried, failures, seconds."""
    width = max(len(check.name) for check in checks)
    print(f"\n{'check':{width}}  tried  failures  seconds")
    for check in checks:
        own = [outcome for outcome in outcomes if outcome.check is check]
        failed = sum(bool(outcome.complaints) for outcome in own)
        seconds = sum(outcome.seconds for outcome in own)
        print(f"{check.name:{width}}  {len(own):5}  {failed:8}  {seconds:7.1f}")
    failed = sum(bool(outcome.complaints) for outcome in outcomes)
    print(f"{'all':{width}}  {len(outcomes):5}  {failed:8}")
    return failed


def arguments(argv):
    """Parses the command line."""
    parser = argparse.ArgumentParser(prog="scripts/agreement.sh", description="Do ways to one number agree?")
    parser.add_argument("minutes", nargs="?", type=float, default=2.0)
    parser.add_argument("base_seed", nargs="?", type=int, default=1, metavar="SEED")
    parser.add_argument("--only", metavar="CHECK,…", help="these checks only")
    parser.add_argument("--seed", type=int, help="run one case with this seed (with --only)")
    parser.add_argument("--cases", type=int, help="run so many cases and do not look at the clock")
    parser.add_argument("-j", "--jobs", type=int, choices=(1, 2), default=1)
    parser.add_argument("--keep", metavar="FOLDER", help="where failed cases are kept")
    parser.add_argument("--list", action="store_true", help="list the checks")
    return parser.parse_args(argv)


def chosen(only):
    """The checks that `--only` names; all if it is absent."""
    if not only:
        return list(CHECKS.values())
    names = only.split(",")
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        raise SystemExit(f"agreement: no check is called {unknown[0]} (see --list)")
    return [CHECKS[name] for name in names]


def main(argv):
    """Runs the checks and returns the exit code."""
    asked = arguments(argv)
    checks = chosen(asked.only)
    if asked.list:
        for check in checks:
            print(f"{check.name:28} {check.about}")
        return 0
    program = Program(os.environ["PAGEBENCH"])
    root = asked.keep or tempfile.mkdtemp(prefix="agreement-")
    os.makedirs(root, exist_ok=True)
    if asked.seed is not None:
        cases = iter([(check, asked.seed) for check in checks])
    else:
        cases = schedule(checks, asked.base_seed)
    deadline = time.monotonic() + asked.minutes * 60
    limit = asked.cases if asked.seed is None else len(checks)
    outcomes = walk(program, cases, root, asked.jobs, limit, deadline)
    failed = table(checks, outcomes)
    if failed:
        print(f"\ninputs of failed cases: {root}")
    else:
        shutil.rmtree(root, ignore_errors=True)
    return 1 if failed else 0


def walk(program, cases, root, jobs, limit, deadline):
    """Runs cases until `limit` many (or, if None, the deadline) and returns their outcomes in order."""
    outcomes, running, begun = [], [], 0
    failures = {}

    def take(future):
        outcome = future.result()
        outcomes.append(outcome)
        if outcome.complaints:
            tell(outcome, failures.get(outcome.check.name, 0))
            failures[outcome.check.name] = failures.get(outcome.check.name, 0) + 1

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for check, seed in cases:
            if begun == limit if limit is not None else time.monotonic() >= deadline:
                break
            begun += 1
            running.append(pool.submit(run_case, program, check, seed, root))
            if len(running) >= jobs:
                take(running.pop(0))
        for future in running:
            take(future)
    return outcomes
