"""The part of the campaign inside one process: starts the ignored test `campaign` again and again, reads what it reports.

A process that dies names its case by the file that it keeps; that case is a violation, and the next process goes on.
"""

import os
import shutil
import subprocess
import tempfile
import time


class Inside:
    """The fuzzing process, in the background."""

    def __init__(self, root, seconds, seed, only, case):
        self.root = root
        self.deadline = time.monotonic() + seconds
        self.seconds = seconds
        self.seed = seed
        self.only = only
        self.case = case
        self.folder = tempfile.mkdtemp(prefix="fault-campaign-inside-")
        self.report = os.path.join(self.folder, "report.txt")
        self.printed = 0
        self.crashes = []
        self.restarts = 0
        self.program = os.environ["FAULT_CAMPAIGN_TEST"]
        self.child = None
        self.start()

    def start(self):
        left = max(1, int(self.deadline - time.monotonic()))
        env = {
            **os.environ,
            "PAGEBENCH_CAMPAIGN_SECONDS": str(left),
            "PAGEBENCH_CAMPAIGN_SEED": str(self.seed + self.restarts * 1_000_003),
            "PAGEBENCH_CAMPAIGN_REPORT": self.report,
            "PAGEBENCH_CAMPAIGN_ONLY": ",".join(self.only),
        }
        if self.case is not None:
            env["PAGEBENCH_CAMPAIGN_CASE"] = str(self.case)
        errors = open(os.path.join(self.folder, "stderr.txt"), "ab")  # noqa: SIM115 (the child's)
        self.child = subprocess.Popen(
            [self.program, "--ignored", "--exact", "campaign", "--nocapture"], cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )
        errors.close()

    def rows(self):
        """Waits for the end; returns the rows of the table."""
        while True:
            # A case may take half a minute before the process gives it up.
            code = self.child.wait(timeout=max(60.0, self.deadline - time.monotonic() + 120))
            if code in (0, 101):
                break
            self.crashed(code)
            if self.case is not None or time.monotonic() > self.deadline or self.restarts > 50:
                break
            self.restarts += 1
            self.start()
        return self.read()

    def crashed(self, code):
        try:
            with open(self.report.replace(".txt", ".current"), encoding="utf-8") as file:
                kind, seed = file.read().split()[:2]
        except (OSError, ValueError):
            kind, seed = "unknown", "0"
        what = "no end within 30 s" if code == 99 else f"the process ended with {code}"
        self.crashes.append(kind)
        print(f"VIOLATION  scripts/fault_campaign.sh --only {kind} --case {seed}\n    - {what}", flush=True)

    def read(self):
        tried, order = {}, []
        told = {}
        try:
            with open(self.report, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
        except OSError:
            lines = []
        for line in lines:
            parts = line.split("\t")
            if parts[0] == "VIOLATION":
                told[parts[1]] = told.get(parts[1], 0) + 1
                if told[parts[1]] <= 5:
                    print(f"VIOLATION  scripts/fault_campaign.sh --only {parts[1]} --case {parts[2]}\n    - {parts[3][:300]}")
            elif parts[0] == "TRIED":
                name = parts[1]
                if name not in tried:
                    order.append(name)
                    tried[name] = [0, parts[5]]
                tried[name][0] += int(parts[2])
        for name in [*told, *self.crashes]:
            if name not in tried:
                order.append(name)
                tried[name] = [1, "(its process died before it could count)"]
        if not tried:
            with open(os.path.join(self.folder, "stderr.txt"), encoding="utf-8", errors="replace") as file:
                print(file.read()[-2000:])
            return [("inside", 1, 1, "the test did not run")]
        return [(name, tried[name][0], told.get(name, 0) + self.crashes.count(name), tried[name][1]) for name in order]

    def end(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
