"""Draws cases until the time is over, prints violations with what repeats them, and the table at the end."""

import argparse
import functools
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

from agreement.driver import schedule
from agreement.program import Program

from . import attacks, examples, inside, prove  # noqa: F401  (attacks adds itself to the table)
from .case import ATTACKS, Case, Skip, Stop

# Violations of one attack that are printed in full.
PRINTED = 5


class World:
    """The program under attack: its path, what it says of itself, and the commands that are attacked."""

    def __init__(self, path, root, folder):
        self.program = path
        self.root = root
        self.describes = Program(path)
        keep = ("PATH", "LANG", "LD_LIBRARY_PATH", "VALGRIND_LIB")
        self.environment = {name: value for name, value in os.environ.items() if name in keep}
        self.environment.update(NO_COLOR="1", HOME=folder, XDG_CACHE_HOME=os.path.join(folder, "cache"))
        self.exit_codes = self.describes.exit_codes
        with open(path, "rb") as file:
            self.has_fail_points = b"PAGEBENCH_FAIL_AT" in file.read()
        self.writing = []

    def options(self, command):
        return self.describes.options(command)

    def may_appear(self, path):
        """Whether a file may be there after a run that failed or was killed: what a good run removes at its end."""
        return os.path.basename(path) in self.kept_names

    @functools.cached_property
    def kept_names(self):
        """Names of files that any example makes: a run that ends early may keep others than a good one."""
        return {os.path.basename(path) for example in self.writing for path in example.outputs}

    @functools.cached_property
    def long_trace(self):
        """The bytes of a stored trace of two million references without events."""
        path = os.path.join(self.environment["HOME"], "long.pbt")
        words = ["gen", "zipf", "--pages", "3000", "--refs", "2M", "--writes", "20", "-o", path]
        subprocess.run([self.describes.path, *words], check=True, capture_output=True, env=self.environment)
        with open(path, "rb") as file:
            return file.read()

    def draw(self, rng, attack):
        """An example for an attack: every command is as likely, then every example of it."""
        fit = [example for example in self.writing if attack.on(example)]
        if not fit:
            raise Skip("no command fits")
        command = rng.choice(sorted({example.command for example in fit}))
        return rng.choice([example for example in fit if example.command == command])


class Count:
    """What became of an attack."""

    def __init__(self):
        self.tried = self.violations = self.skipped = 0
        self.seconds = 0.0
        self.commands = set()
        self.complaints = []


def run_case(world, attack, seed, base, count):
    """Runs one case; prints its violations."""
    begin = time.monotonic()
    case = None
    try:
        # What is drawn in a case does not depend on which examples there are: `--on` names its own.
        case = Case(world, world.draw(random.Random(seed), attack), random.Random(seed), base)
        attack.function(case)
    except Skip:
        count.skipped += 1
    except Stop:
        pass
    except Exception:  # a fault of the campaign itself: told, never swallowed
        if case is None:
            raise
        case.complain("the attack itself failed:\n" + traceback.format_exc())
    finally:
        if case is not None:
            case.end()
    count.tried += 1
    count.seconds += time.monotonic() - begin
    if case is None:
        return
    count.commands.add(case.example.command)
    if case.complaints:
        count.violations += 1
        count.complaints += case.complaints
        if count.violations <= PRINTED:
            print(f"VIOLATION  scripts/fault_campaign.sh --only {attack.name} --case {seed} --on {case.example.name}")
            print(f"    {case.example.shown}")
            print(f"    {'; '.join(case.done)}")
            for complaint in list(dict.fromkeys(case.complaints))[:4]:
                print("    - " + complaint.replace("\n", "\n      "))
            sys.stdout.flush()


def arguments(argv):
    parser = argparse.ArgumentParser(prog="scripts/fault_campaign.sh", description="Attacks the program; exit 1 if something does not hold.")
    parser.add_argument("minutes", nargs="?", type=float, default=3.0)
    parser.add_argument("base_seed", nargs="?", type=int, default=None, metavar="SEED")
    parser.add_argument("--only", metavar="KIND,…", help="these kinds only")
    parser.add_argument("--case", type=int, help="one case again, with --only")
    parser.add_argument("--prove", action="store_true", help="show that each attack finds what a broken program does")
    parser.add_argument("--on", metavar="DOCUMENT:N", help="on this command of a document only")
    parser.add_argument("--list", action="store_true", help="list the kinds")
    return parser.parse_args(argv)


def main(argv):
    """Runs the campaign and returns the exit code."""
    asked = arguments(argv)
    if asked.list:
        for attack in ATTACKS.values():
            print(f"{attack.name:24} {attack.about}")
        return 0
    if asked.prove:
        return prove.main()
    seed = asked.base_seed if asked.base_seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"fault campaign: {asked.minutes:g} minutes, seed {seed}", flush=True)
    only = asked.only.split(",") if asked.only else []
    outside = [attack for attack in ATTACKS.values() if not only or attack.name in only]
    within = not only or any(name not in ATTACKS for name in only)
    root = os.path.realpath(os.environ["FAULT_CAMPAIGN_ROOT"])
    begun = time.monotonic()
    deadline = begun + asked.minutes * 60
    fuzz = inside.Inside(root, asked.minutes * 60, seed, [name for name in only if name not in ATTACKS], asked.case) if within else None
    rows = []
    base = tempfile.mkdtemp(prefix="fault-campaign-")
    os.chmod(base, 0o755)
    try:
        if outside:
            world = World(os.environ["PAGEBENCH"], root, base)
            rows = attack_all(world, outside, asked, seed, base, deadline)
        if fuzz:
            rows = fuzz.rows() + rows
    finally:
        if fuzz:
            fuzz.end()
        shutil.rmtree(base, ignore_errors=True)
    return table(rows, seed, time.monotonic() - begun)


def attack_all(world, chosen, asked, seed, base, deadline):
    """Runs cases until the deadline; returns the rows of the table."""
    # A third of the time at most goes into finding the commands. Each seed begins with other documents.
    until = float("inf") if asked.case is not None or asked.on else time.monotonic() + asked.minutes * 20
    order = random.Random(seed)
    world.writing = examples.collect(world.program, world.root, base, world.environment, until, order, asked.on)
    if asked.on:
        world.writing = [example for example in world.writing if example.name == asked.on]
    for folder in ("common", "collect"):
        shutil.rmtree(os.path.join(base, folder), ignore_errors=True)
    if not world.writing:
        raise SystemExit("fault_campaign: no command that writes was found in time; give it more minutes")
    missing = [] if asked.on else unseen(world)
    print(f"{len(world.writing)} commands that write, of {len({example.command for example in world.writing})} subcommands" + (f"; no example writes for: {', '.join(missing)}" if missing else ""), flush=True)
    counts = {attack.name: Count() for attack in chosen}
    cases = ((attack, asked.case) for attack in chosen) if asked.case is not None else schedule(chosen, seed)
    for attack, case_seed in cases:
        if time.monotonic() > deadline and asked.case is None:
            break
        run_case(world, attack, case_seed, os.path.join(base, "case"), counts[attack.name])
    rows = []
    for attack in chosen:
        count = counts[attack.name]
        skipped = f"; {count.skipped} were not possible" if count.skipped else ""
        rows.append((attack.name, count.tried - count.skipped, count.violations, f"{attack.about} ({len(count.commands)} subcommands{skipped})"))
    return rows


def unseen(world):
    """Commands with an output, by their help, of which no example writes."""
    seen = {example.command for example in world.writing}
    return [name for name in world.describes.commands if name not in seen and name != "help" and "--output" in world.options(name)]


def table(rows, seed, seconds):
    """Prints a line for each kind; returns the exit code."""
    width = max((len(row[0]) for row in rows), default=4)
    print(f"\n{'kind':{width}}  {'tried':>10}  violations")
    for name, tried, violations, about in rows:
        print(f"{name:{width}}  {tried:10}  {violations:10}  {about}")
    tried, violations = sum(row[1] for row in rows), sum(row[2] for row in rows)
    print(f"{'all':{width}}  {tried:10}  {violations:10}  {seconds:.0f} s, seed {seed}")
    if not tried:
        print("nothing was tried")
    return 1 if violations or not tried else 0
