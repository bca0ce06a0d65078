"""The commands that are attacked: those in the sh blocks of README and guide, each in the folder that the commands before it made.

Nothing lists commands or their outputs here: an example is run once, and what it made are its outputs. Traces are cut short
and numbers made smaller, so that a case takes a fraction of a second.
"""

import os
import re
import shlex
import subprocess
import time

from . import tree

# References of each trace of the repository.
REFERENCES = 3000


class Example:
    """A command: its words, its folder before it, and what a run without faults does."""

    def __init__(self, document, number, words, before):
        self.document = document
        self.number = number
        self.words = words
        self.before = before
        self.command = words[0]
        self.code = 0
        self.out = b""
        self.after = {}
        self.outputs = set()
        self.seconds = 0.0
        # Outputs that differ from run to run; unknown before `volatile_in`.
        self.volatile = None
        # How often each step of writing is taken, once it is known.
        self.steps = {}

    @property
    def name(self):
        return f"{self.document}:{self.number}"

    @property
    def shown(self):
        return "pagebench " + " ".join(shlex.quote(word) for word in self.words)

    def named(self):
        """The files before it that its words name and that it leaves alone."""
        files = (path for path, content in self.before.items() if isinstance(content, bytes) and path not in self.outputs)
        return sorted(path for path in files if path in self.words[1:])

    def inputs(self):
        """The same; if its words name only folders, what lies in these, but for pictures."""
        if self.named():
            return self.named()
        folders = tuple(word.rstrip("/") + "/" for word in self.words[1:] if self.before.get(word.rstrip("/"), b"") is None)
        inside = (path for path, content in self.before.items() if isinstance(content, bytes) and path.startswith(folders))
        return sorted(path for path in inside if path not in self.outputs and not path.endswith((".png", ".svg")))

    def volatile_in(self, folder, run):
        """The outputs that differ when it is run once more, in `folder`."""
        if self.volatile is None:
            tree.write(self.before, folder)
            run(self.words, folder)
            again = tree.read(folder)
            self.volatile = {path for path in self.outputs if again.get(path) != self.after.get(path)}
        return self.volatile


def smaller(line):
    """The command with smaller numbers: 5M becomes 5k, 500k becomes 5k."""
    line = re.sub(r"\b(\d+)M\b", r"\1k", line)
    return re.sub(r"\b(\d+)00k\b", r"\1k", line)


def commands(text):
    """The commands of a document, one a line, as `scripts/run_readme.sh` finds them."""
    inside = False
    for line in text.splitlines():
        if line.startswith("```"):
            inside = line == "```sh"
        elif inside and "pagebench " in line and not line.startswith(("cargo", "#")):
            yield smaller(line)


def words_of(line):
    """The words of a plain command after `pagebench`; None for pipes, lists and the like."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    if words[0] != "pagebench" or any(re.fullmatch(r"[();<>|&]+", word) for word in words):
        return None
    return words[1:]


def documents(root):
    """README and the chapters of the guide, by name."""
    found = {"README": os.path.join(root, "README.md")}
    guide = os.path.join(root, "src", "guide")
    for name in sorted(os.listdir(guide)):
        if name.endswith(".md"):
            found["guide/" + name[:-3]] = os.path.join(guide, name)
    return found


def common(program, root, folder):
    """The tree that every document begins with: short traces, examples, baselines."""
    os.makedirs(os.path.join(folder, "traces", "examples"))
    os.makedirs(os.path.join(folder, "reports"))
    traces = os.path.join(root, "traces")
    for name in sorted(os.listdir(traces)):
        source, target = os.path.join(traces, name), os.path.join(folder, "traces", name)
        if name.endswith(".pbt"):
            subprocess.run([program, "convert", source, "--limit", str(REFERENCES), "-o", target, "-q"], check=True, capture_output=True)
    for part, endings in (("traces/examples", ""), ("reports", ".csv")):
        for name in sorted(os.listdir(os.path.join(root, part))):
            source = os.path.join(root, part, name)
            if os.path.isfile(source) and name.endswith(endings):
                with open(source, "rb") as file, open(os.path.join(folder, part, name), "wb") as copy:
                    copy.write(file.read())
    with open(os.path.join(traces, "README.md"), "rb") as file, open(os.path.join(folder, "traces", "README.md"), "wb") as copy:
        copy.write(file.read())
    return tree.read(folder)


# A command that takes longer is not attacked: too few cases would be tried.
SLOW = 6


def collect(program, root, folder, environment, deadline, order, only=None):
    """Runs the commands of all documents once, each document in a folder of its own. Returns those that write something.

    The documents take turns, `order` shuffles them. Stops at `deadline`: a short campaign attacks what it has by then. With
    `only`, the name of an example, only its document is looked at.
    """
    start = common(program, root, os.path.join(folder, "common"))
    shell = dict(environment, PATH=os.path.dirname(program) + os.pathsep + environment["PATH"])
    chosen = [document for document in documents(root).items() if not only or only.rpartition(":")[0] == document[0]]
    order.shuffle(chosen)
    walks = []
    for number, (document, path) in enumerate(chosen):
        work = os.path.join(folder, "collect", str(number))
        tree.write(start, work)
        walks.append(walk(document, path, work, start, shell))
    writing = []
    while walks:
        for one in list(walks):
            if time.monotonic() > deadline:
                return writing
            try:
                example = next(one)
            except StopIteration:
                walks.remove(one)
                continue
            if example is not None and example.outputs and example.seconds < SLOW:
                writing.append(example)
    return writing


def walk(document, path, work, before, shell):
    """Runs the commands of a document, one after the other. Yields an example for each plain one, else None."""
    with open(path, encoding="utf-8") as file:
        lines = list(commands(file.read()))
    for number, line in enumerate(lines, 1):
        words = words_of(line)
        begun = time.monotonic()
        done = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=work, env=shell, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
        seconds, after = time.monotonic() - begun, tree.read(work)
        example = None
        if words is not None:
            example = Example(document, number, words, before)
            example.seconds, example.code, example.out, example.after = seconds, done.returncode, done.stdout, after
            example.outputs = tree.changed(before, after)
        before = after
        yield example
