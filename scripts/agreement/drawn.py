"""Drawn runs: a trace in a file with drawn options, as several checks need them."""

import re

from . import options, traces

# Codes with which a drawn command may be refused: options, trace, nothing selected.
REFUSED = (2, 3, 4)
# Why cells may fail: quotas that do not fit the processes.
QUOTAS = r"each needs one|weights for \d+ process"


class Drawn:
    """A trace in `file` and the arguments of a run over it.

    `cells` are the arguments that name policies and sizes, `model` the settings of the machine, and
    `taken` the selection and the warm-up.
    """

    def __init__(self, case, trace=None, file="trace.txt", **kinds):
        rng = case.rng
        self.trace = trace or traces.any_trace(rng)
        self.file = case.write(file, self.trace.text())
        self.page_size = rng.choice([4096, 4096, 4096, 1024, 16384, 65536])
        least = len(self.trace.pids) if kinds.get("quotas", True) else 1
        self.cells = options.cells(rng, case.program, self.trace, kinds.get("policies", 4),
                                   kinds.get("offline", True), least)
        self.cells += ["--page-size", str(self.page_size)]
        self.model = options.settings(rng, case.program, self.trace, self.page_size, kinds.get("chance", 0.25),
                                      kinds.get("leave_out", ()))
        self.taken = options.selection(rng, self.trace) if kinds.get("selection", True) else []
        self.taken += options.warmup(rng, self.trace) if kinds.get("warmup", True) else []

    @property
    def args(self):
        return self.cells + self.model.flags() + self.taken


def replay(case, file, args, folder, *more):
    """Runs `run` into a fresh folder; returns the result, whatever the code."""
    return case.call("run", file, *args, "-o", folder, "--no-charts", "-q", *more)


def replayed(case, file, args, folder, *more):
    """As `replay`, for a first run: returns False if the drawn options are refused."""
    result = replay(case, file, args, folder, *more)
    if result.code in REFUSED or result.code == 1 and re.search(QUOTAS, result.err):
        return False
    case.expect(result.code == 0, f"exit code {result.code}: {result.command}: {result.err.strip()[:200]}")
    return result.code == 0


def again(case, file, args, folder, *more):
    """As `replay`, for a further way to the same rows: any code but 0 is a failure."""
    result = replay(case, file, args, folder, *more)
    return case.expect(result.code == 0, f"exit code {result.code}: {result.command}: {result.err.strip()[:200]}")
