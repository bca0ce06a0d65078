"""One case of an attack: a command in its folder, what is done to it, and what must hold afterwards."""

import os
import re
import signal

from . import tree
from .process import PATIENCE, Process

# All attacks by name, in the order in which they are defined.
ATTACKS = {}
# What a message of the program never holds.
PANIC = re.compile(rb"panicked at|internal error|RUST_BACKTRACE|stack overflow")


class Attack:
    """An attack: a function, how often it runs in a round, and one line about it."""

    def __init__(self, function, weight, on):
        self.function = function
        self.name = function.__name__
        self.weight = weight
        self.on = on
        self.about = function.__doc__.strip().splitlines()[0]


def attack(weight=1, on=lambda example: True):
    """Adds the decorated function to the attacks. It runs on examples for which `on` holds."""

    def add(function):
        ATTACKS[function.__name__] = Attack(function, weight, on)
        return function

    return add


class Stop(Exception):
    """Ends a case: nothing after this can be checked."""


class Skip(Exception):
    """The attack cannot be made here: no rights, or no such point."""


class Case:
    """A case. `base` holds the folder `at` in which the program runs, and nothing else but its cache."""

    def __init__(self, world, example, rng, base):
        self.world = world
        self.example = example
        self.rng = rng
        self.base = base
        self.at = os.path.join(base, "at")
        self.complaints = []
        self.done = []
        self.started = []
        tree.clear(base)
        self.environment = dict(world.environment, HOME=base, XDG_CACHE_HOME=os.path.join(base, "cache"))
        tree.write(example.before, self.at)

    def complain(self, what):
        self.complaints.append(what)

    def note(self, what):
        """Writes down what is done, for the message of a violation."""
        self.done.append(what)

    def start(self, words=None, **options):
        process = Process(self.world.program, words or self.example.words, self.at, self.environment, **options)
        self.started.append(process)
        return process

    def run(self, words=None, **options):
        """Runs to the end."""
        process = self.start(words, **options)
        self.finish(process)
        return process

    def finish(self, process):
        if not process.wait():
            self.complain(f"no end within {PATIENCE} s")
            process.end()
            raise Stop

    def end(self):
        for process in self.started:
            process.end()

    def codes(self):
        return self.world.exit_codes

    def said_well(self, process, dead_by=()):
        """The exit code is a documented one, or the process died of one of `dead_by`; no panic."""
        complained = process.complained
        if PANIC.search(complained) or PANIC.search(process.said):
            self.complain(f"panic: {first_line(complained)}")
        code = process.code
        if code < 0 and -code not in dead_by:
            self.complain(f"ended by {signal.Signals(-code).name}: {first_line(complained)}")
        # `record` ends with the code of the recorded program.
        is_own = self.example.words[0] != "record"
        if code >= 0 and code not in self.codes() and is_own:
            self.complain(f"undocumented exit code {code}: {first_line(complained)}")

    def files_are_whole(self, process, killed=False):
        """Each file is the old one or a whole new one; inputs are as they were; nothing else is there."""
        example, now = self.example, tree.read(self.at)
        known = example.before.keys() | example.after.keys()
        for path, content in now.items():
            if tree.is_temporary(path):
                if not killed:
                    self.complain(f"a temporary file stays: {path}")
            elif path not in known and not self.world.may_appear(path):
                self.complain(f"a file that no run makes: {path}")
            elif isinstance(content, bytes) and path in example.outputs:
                good = (example.before.get(path), example.after.get(path))
                if content not in good and not tree.is_whole(path, content):
                    self.complain(f"half a file: {path} ({len(content)} bytes)")
            elif path in example.before and content != example.before[path]:
                self.complain(f"an input is changed: {path}")
        for path in example.before:
            if path not in now and path in example.after:
                self.complain(f"a file is gone: {path}")
        if process.code == example.code == 0:
            self.files_are_those_of_a_good_run(now)
        return now

    def files_are_those_of_a_good_run(self, now, but=()):
        example = self.example
        for path in sorted(example.outputs - self.volatile()):
            if path not in but and now.get(path) != example.after[path]:
                self.complain(f"exit {example.code}, and {path} is not that of a good run")

    def volatile(self):
        """The outputs that differ from run to run."""
        if self.example.volatile is None:
            folder = os.path.join(self.base, "again")

            def run(words, at):
                process = Process(self.world.program, words, at, self.environment)
                process.wait()
                process.end()

            self.example.volatile_in(folder, run)
            tree.clear(folder)
            os.rmdir(folder)
        return self.example.volatile

    def no_orphans(self, process):
        left = process.orphans()
        if left:
            names = []
            for pid in left:
                try:
                    with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                        names.append(file.read().strip())
                except OSError:
                    pass
            self.complain(f"processes run on: {' '.join(names)}")

    def starts_again(self):
        """The command does its work after all, and cleans up what was left."""
        example = self.example
        options = self.world.options(example.command)
        ways = [[], ["--resume"], ["--force"]]
        last = None
        for way in ways:
            if way and (way[0] not in options or way[0] in example.words):
                continue
            words = [example.words[0], *way, *example.words[1:]]
            process = self.run(words)
            self.said_well(process)
            last = process
            # It is refused where the first one finished.
            if process.code == example.code:
                break
        else:
            now = tree.read(self.at)
            finished = all(now.get(path) == example.after[path] for path in example.outputs - self.volatile())
            if not finished:
                self.complain(f"the next start ends with {last.code}: {first_line(last.complained)}")
                return
        self.files_are_whole(last)
        for path in tree.read(self.base):
            if tree.is_temporary(path):
                self.complain(f"the next start leaves a temporary file: {path}")


def first_line(text):
    """The first line of an error message, else the last line."""
    lines = [line for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error") or "panicked" in line]
    return (errors or lines[-1:] or [""])[0].strip()[:200]
