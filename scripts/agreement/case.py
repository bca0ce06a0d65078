"""One case of a check: its folder, its random numbers, its commands and its complaints."""

import os
import random
import re
import shlex
import subprocess

# All checks by name, in the order in which they are defined.
CHECKS = {}


class Check:
    """A check: a function, how often it runs in a round, and one line about it."""

    def __init__(self, function, weight):
        self.function = function
        self.name = function.__name__
        self.weight = weight
        self.about = (function.__doc__ or "").strip().splitlines()[0]


def check(weight=1):
    """Adds the decorated function to the checks; it runs `weight` times in each round."""

    def add(function):
        CHECKS[function.__name__] = Check(function, weight)
        return function

    return add


class Stop(Exception):
    """Ends a case: nothing after this can be checked."""


class Result:
    """What a command did: exit code, standard output and standard error."""

    def __init__(self, command, code, out, err):
        self.command = command
        self.code = code
        self.out = out
        self.err = err


class Case:
    """A case: `rng` draws all that is random in it; `run` runs the program in `folder`."""

    def __init__(self, program, folder, seed):
        self.program = program
        self.folder = folder
        self.rng = random.Random(seed)
        # What was done, as lines of a shell script; `put N NAME` writes the N-th of `written`.
        self.commands = []
        self.written = []
        self.complaints = []
        os.makedirs(folder)
        keep = {"PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "RUST_BACKTRACE"}
        self.env = {name: value for name, value in os.environ.items() if name in keep}
        self.env.update(HOME=folder, XDG_CACHE_HOME=os.path.join(folder, ".cache"), NO_COLOR="1")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        """Writes a file of the case; `content` is text or bytes. Returns its name."""
        self.folder_for(name)
        data = content.encode() if isinstance(content, str) else content
        with open(self.path(name), "wb") as file:
            file.write(data)
        self.commands.append(f"put {len(self.written)} {shlex.quote(name)}")
        self.written.append(data)
        return name

    def folder_for(self, name):
        """Makes the folder in which `name` lies."""
        folder = os.path.dirname(name)
        if not os.path.isdir(self.path(folder)):
            os.makedirs(self.path(folder))
            self.commands.append(f"mkdir -p {shlex.quote(folder)}")

    def read(self, name):
        """The text of a file, line ends as they are; complains and stops if there is none."""
        data = self.bytes(name)
        return data.decode("utf-8", "replace")

    def bytes(self, name):
        try:
            with open(self.path(name), "rb") as file:
                return file.read()
        except OSError as error:
            self.complain(f"{name} cannot be read: {error.strerror}")
            raise Stop from error

    def exists(self, name):
        return os.path.lexists(self.path(name))

    def keep(self):
        """Writes the complaints, and a script that does again what was done, in a fresh folder."""
        lines = ["#!/bin/sh", "# Does again what the check did.", 'here=$(cd "$(dirname "$0")" && pwd)', "cd \"$(mktemp -d)\" && pwd",
                 f'pagebench() {{ {shlex.quote(self.program.path)} "$@"; }}',
                 'put() { mkdir -p "$(dirname "$2")"; cp "$here/written/$1" "$2"; }']
        lines += self.commands
        used = {int(line.split()[1]) for line in self.commands if line.startswith("put ")}
        os.makedirs(self.path("written"), exist_ok=True)
        for number in used:
            with open(self.path(f"written/{number}"), "wb") as file:
                file.write(self.written[number])
        for name, text in (("commands.sh", "\n".join(lines)), ("complaints.txt", "\n".join(self.complaints))):
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(text + "\n")

    def files(self, folder):
        """The content of each file in `folder`, by name."""
        found = {}
        for name in sorted(os.listdir(self.path(folder))):
            if os.path.isfile(self.path(os.path.join(folder, name))):
                found[name] = self.bytes(os.path.join(folder, name))
        return found

    def complain(self, message):
        self.complaints.append(message)

    def expect(self, condition, message):
        """Complains with `message` unless `condition` holds; returns whether it does."""
        if not condition:
            self.complain(message)
        return condition

    def call(self, *args, stdin=None):
        """Runs the program. Complains of panics, internal errors, undocumented codes and hangs."""
        args = [str(arg) for arg in args]
        command = "pagebench " + " ".join(shlex.quote(arg) for arg in args)
        self.commands.append(command)
        feed = stdin.encode() if isinstance(stdin, str) else stdin
        try:
            done = subprocess.run(
                [self.program.path, *args],
                cwd=self.folder,
                env=self.env,
                input=feed if feed is not None else b"",
                capture_output=True,
                timeout=120,
            )
        except subprocess.TimeoutExpired as error:
            self.complain(f"no end after 120 s: {command}")
            raise Stop from error
        out = done.stdout.decode("utf-8", "replace")
        err = done.stderr.decode("utf-8", "replace")
        if done.returncode not in self.program.exit_codes:
            self.complain(f"undocumented exit code {done.returncode}: {command}: {last_line(err)}")
            raise Stop
        if re.search(r"panicked at|internal error", err + out):
            self.complain(f"internal error: {command}: {last_line(err)}")
            raise Stop
        return Result(command, done.returncode, out, err)

    def run(self, *args, codes=(0,), stdin=None):
        """As `call`; stops unless the exit code is one of `codes`."""
        result = self.call(*args, stdin=stdin)
        if result.code not in codes:
            wanted = " or ".join(str(code) for code in codes)
            self.complain(f"exit code {result.code}, not {wanted}: {result.command}: {last_line(result.err)}")
            raise Stop
        return result


def last_line(text):
    """The first line of an error message, else the last line of `text`."""
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error") or "panicked" in line]
    return (errors or lines or [""])[0 if errors else -1].strip()[:200]
