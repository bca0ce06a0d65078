"""Shows that each attack finds something: runs it on a program that misbehaves on purpose.

The misbehaving program is a script around the real one. `PLANS` says which of its faults each attack must find.
"""

import os
import random
import shutil
import sys
import tempfile

from agreement.driver import case_seed

from . import driver
from .case import ATTACKS

# Around the real program (REAL). FAULT says what goes wrong; describing itself it is the real one.
SCRIPT = '''#!/usr/bin/env python3
import os, signal, subprocess, sys, time
REAL, FAULT = {real!r}, {fault!r}
args = sys.argv[1:]
if not args or "--help" in args or FAULT == "none":
    os.execv(REAL, [REAL, *args])
def files():
    return {{os.path.join(root, name): os.stat(os.path.join(root, name)).st_mtime_ns for root, _, names in os.walk(".") for name in names}}
before = files()
signal.signal(signal.SIGINT, signal.SIG_DFL)
old = {{path: open(path, "rb").read() for path in before if os.path.isfile(path)}}
sys.stdout.flush()
if FAULT == "orphan":
    subprocess.Popen(["sleep", "30"], start_new_session=True)
if FAULT == "torn":
    # Writes in place, slowly.
    os.environ.pop("PAGEBENCH_FAIL_AT", None)
child = subprocess.Popen([REAL, *args])
while True:
    # It stops where the real program does.
    _, status = os.waitpid(child.pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        break
    os.kill(os.getpid(), signal.SIGSTOP)
    child.send_signal(signal.SIGCONT)
code = os.waitstatus_to_exitcode(status)
changed = [path for path, at in files().items() if before.get(path) != at and os.path.isfile(path)]
if FAULT == "torn":
    for path in changed:
        with open(path, "rb") as file:
            data = file.read()
        with open(path, "wb") as file:
            file.write(data[: len(data) // 2])
            file.flush()
            time.sleep(0.05)
            file.write(data[len(data) // 2 :])
if FAULT == "half":
    for path in changed:
        os.truncate(path, os.path.getsize(path) // 2)
if FAULT == "temporary":
    open(".pagebench-left.tmp", "w").close()
if FAULT == "input":
    for path in before:
        if path not in changed and os.path.isfile(path):
            with open(path, "ab") as file:
                file.write(b"x")
if FAULT == "counts":
    for path in changed:
        if path.endswith(".csv"):
            with open(path, "rb") as file:
                data = file.read()
            with open(path, "wb") as file:
                file.write(data.replace(b"1", b"%d" % (2 + os.urandom(1)[0] % 8)))
    code = 0
if FAULT == "lost" and os.urandom(1)[0] % 2:
    for path in changed:
        with open(path, "wb") as file:
            file.write(old.get(path, b""))
if FAULT == "panic":
    sys.stderr.write("thread 'main' panicked at src/x.rs:1:1\\\\n")
    code = 101
if FAULT == "silent":
    code = 0
if FAULT == "raw":
    for word in args:
        os.write(2, os.fsencode("note: " + word + "\\\\n\\x1b[31m\\\\n"))
if FAULT == "deaf":
    signal.pause()
sys.exit(code if code >= 0 else 1)
'''

# The faults that each attack must find, at least.
PLANS = {
    "killed_at_any_time": ["torn", "orphan", "input", "panic"],
    "killed_at_a_step": ["half", "temporary"],
    "failing_step": ["silent", "half"],
    "full_disk": ["half", "input"],
    "size_limit": ["half", "silent"],
    "two_at_once": ["half", "counts"],
    "two_change_one_file": ["lost"],
    "input_changes": ["counts", "panic"],
    "few_resources": ["counts", "panic"],
    "locales": ["counts", "input"],
    "hostile_names": ["raw", "temporary"],
    "output_is_input": ["input"],
    "closed_streams": ["silent", "half"],
}
# What the complaint about a fault says.
WORDS = {
    "torn": ["half a file"],
    "half": ["half a file"],
    "orphan": ["processes run on: sleep"],
    "input": ["input is changed"],
    "panic": ["panic: "],
    "temporary": ["temporary file"],
    "silent": ["could not be written", "was lost", "not that of a good run"],
    "counts": ["not that of a good run", "counts of neither"],
    "lost": ["its lines are lost"],
    "raw": ["a raw "],
}
# Cases of each fault before it counts as not found.
CASES = 25


def main():
    """Tries each fault; returns 0 if every one is found, and none where the program is as it is."""
    root = os.path.realpath(os.environ["FAULT_CAMPAIGN_ROOT"])
    real = os.environ["PAGEBENCH"]
    folder = tempfile.mkdtemp(prefix="fault-campaign-prove-")
    os.chmod(folder, 0o755)
    missed = 0
    try:
        world = driver.World(real, root, folder)
        collected = driver.examples.collect(real, root, folder, world.environment, float("inf"), random.Random(1), "guide/check:0")
        collected += driver.examples.collect(real, root, os.path.join(folder, "more"), world.environment, float("inf"), random.Random(1), "guide/compare:0")
        for example in collected:
            # The script around the program takes its time, too.
            example.seconds = 2 * example.seconds + 0.5
        for name, faults in PLANS.items():
            for fault in faults:
                found = tries(world, collected, name, fault, real, folder)
                missed += found is None
                print(f"{name:24} {fault:12} " + (found or f"NOT FOUND in {CASES} cases"), flush=True)
        unplanned = ATTACKS.keys() - PLANS.keys()
        if unplanned:
            print(f"no plan for: {', '.join(sorted(unplanned))}")
        return 1 if missed or unplanned else 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tries(world, collected, name, fault, real, folder):
    """Runs cases of an attack on the misbehaving program; returns the first complaint that is about its fault."""
    program = os.path.join(folder, "bin", fault, "pagebench")
    os.makedirs(os.path.dirname(program), exist_ok=True)
    with open(program, "w", encoding="utf-8") as file:
        file.write(SCRIPT.format(real=real, fault=fault))
    os.chmod(program, 0o755)
    world.writing = collected
    said = sys.stdout
    for number in range(1, CASES + 1):
        count = driver.Count()
        world.program = program
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            sys.stdout = nowhere
            try:
                driver.run_case(world, ATTACKS[name], case_seed(1, name, number), os.path.join(folder, "case"), count)
            finally:
                sys.stdout = said
                world.program = real
        for complaint in count.complaints:
            if any(word in complaint for word in WORDS[fault]):
                return f"case {number}: {complaint}"
    return None
