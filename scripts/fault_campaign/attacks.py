"""The attacks. Each takes any command that writes; none names a command, an option or a file of one."""

import os
import re
import resource
import signal
import subprocess

from . import tree
from .case import Skip, attack, first_line

SIGNALS = [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
STEPS = ["create", "write", "sync", "rename", "rename", "append"]


def after_a_signal(case, process, number):
    """What must hold after a signal, and after the next start."""
    before = tree.read(case.at) == case.example.before
    killed = number == signal.SIGKILL
    # A signal that comes before the program can handle it ends it, with nothing begun.
    case.said_well(process, dead_by=(number,) if killed or before else ())
    if process.code not in (-number, 128 + number, case.example.code, *((1,) if number == signal.SIGHUP else ())):
        case.complain(f"exit code {process.code} after {number.name}: {first_line(process.complained)}")
    case.files_are_whole(process, killed)
    case.no_orphans(process)
    case.starts_again()


@attack(weight=4)
def killed_at_any_time(case):
    """SIGKILL, SIGTERM, SIGINT or SIGHUP at a random moment"""
    number = case.rng.choice(SIGNALS)
    delay = case.rng.uniform(0, 1.3 * case.example.seconds + 0.005)
    case.note(f"{number.name} after {delay * 1000:.1f} ms")
    process = case.start()
    process.wait(delay)
    process.send(number)
    case.finish(process)
    after_a_signal(case, process, number)


def stopped(case, step, number, words=None):
    """Starts the command and lets it stop before a step is taken the `number`-th time; None if it ends before."""
    if not case.world.has_fail_points:
        raise Skip("a release has no fail points")
    process = case.start(words, extra={"PAGEBENCH_FAIL_AT": f"{step}:{number}:stop"})
    if process.wait(until=("stopped", "ended")) and process.code is None:
        return process
    case.finish(process)
    case.example.steps[step] = min(number - 1, case.example.steps.get(step, number))
    return None


def drawn_step(case):
    """A step and how often it is to be taken; no more often than the command takes it, where that is known."""
    for _ in range(20):
        step = case.rng.choice(STEPS)
        most = case.example.steps.get(step, 6)
        if most > 0:
            return step, case.rng.randint(1, most)
    raise Skip("no step of writing")


@attack(weight=6)
def killed_at_a_step(case):
    """The same signals, aimed: before each creation, write, sync, rename and append"""
    for _ in range(8):
        step, times = drawn_step(case)
        process = stopped(case, step, times)
        if process is not None:
            break
        tree.write(case.example.before, case.at)
    else:
        raise Skip("no such step")
    number = case.rng.choice(SIGNALS)
    case.note(f"{number.name} before {step} {times}")
    process.send(number)
    process.send(signal.SIGCONT)
    case.finish(process)
    after_a_signal(case, process, number)


def after_a_failure(case, process):
    """What must hold if something could not be written: exit 1 with a name, nothing half-written."""
    case.said_well(process)
    now = case.files_are_whole(process)
    complained = process.complained.decode("utf-8", "replace")
    if process.code == 0 and case.example.code == 0:
        return
    if process.code == 0:
        case.complain("exit 0, though something could not be written")
    if process.code == 1:
        names = {os.path.basename(path) for path in case.example.outputs} | {os.path.dirname(path) for path in case.example.outputs}
        # The limit ends valgrind, too, whose files have no names that a user knows.
        by_valgrind = "valgrind ended with signal" in complained
        if not by_valgrind and not any(name and name in complained for name in names):
            case.complain(f"the message names no file: {first_line(process.complained)}")
    for path in case.example.outputs:
        # What is old may stay; what is new must not be there in part.
        if path in case.example.before and path not in now:
            case.complain(f"the old {path} is gone")


@attack(weight=3)
def failing_step(case):
    """A creation, write, sync, rename or append that fails as a full disk does"""
    if not case.world.has_fail_points:
        raise Skip("a release has no fail points")
    step, times = drawn_step(case)
    case.note(f"{step} {times} fails")
    process = case.run(extra={"PAGEBENCH_FAIL_AT": f"{step}:{times}:fail"})
    after_a_failure(case, process)
    case.starts_again()


@attack(weight=2)
def full_disk(case):
    """A disk (a small tmpfs) that is full after a random number of bytes"""
    if os.geteuid() != 0:
        raise Skip("only root can mount")
    room = sum(len(case.example.after[path]) for path in case.example.outputs)
    free = case.rng.randint(0, room + 8192) // 4096 * 4096
    held = sum((len(content) + 4095) // 4096 * 4096 for content in case.example.before.values() if isinstance(content, bytes))
    tree.clear(case.at)
    size = held + free + 4096
    case.note(f"a disk with {free} bytes of room")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", case.at], capture_output=True, check=False)
    if mounted.returncode != 0:
        raise Skip("mount is not allowed")
    try:
        tree.write(case.example.before, case.at)
        process = case.run()
        after_a_failure(case, process)
        subprocess.run(["mount", "-o", "remount,size=1g", case.at], check=True, capture_output=True)
        case.starts_again()
    finally:
        case.end()
        subprocess.run(["umount", "-l", case.at], check=True, capture_output=True)


@attack(weight=2)
def size_limit(case):
    """RLIMIT_FSIZE below the size of an output"""
    largest = max(len(case.example.after[path]) for path in case.example.outputs)
    limit = case.rng.choice([0, 1, case.rng.randint(0, largest), largest - 1])
    case.note(f"no file larger than {limit} bytes")

    def prepare():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    # What it prints must not be a file, which the limit would hold for.
    reader, writer = os.pipe()
    process = case.run(prepare=prepare, stdout=subprocess.DEVNULL, stderr=writer)
    os.close(writer)
    with open(reader, "rb") as messages:
        process.err.write(messages.read())
    after_a_failure(case, process)
    case.starts_again()


@attack(weight=3)
def two_at_once(case):
    """The same command twice at once: the second waits or refuses, and nothing is lost"""
    example = case.example
    first = case.start()
    first.wait(case.rng.uniform(0, example.seconds))
    second = case.start()
    case.finish(first)
    case.finish(second)
    case.said_well(first)
    case.said_well(second)
    if example.code not in (first.code, second.code):
        case.complain(f"neither did its work: {first.code}, {second.code}: {first_line(second.complained)}")
    case.files_are_whole(first if first.code == example.code else second)
    case.note(f"exit {first.code} and {second.code}")


def with_another_policy(example):
    """The command with another policy in place of its own; None if it names none."""
    for option in ("-p", "--policy"):
        if option in example.words:
            words = list(example.words)
            place = words.index(option) + 1
            words[place] = "mru" if words[place] != "mru" else "nru"
            return words
    return None


@attack(weight=2, on=lambda example: "--accept" in example.words and with_another_policy(example) is not None)
def two_change_one_file(case):
    """Two commands that add to one file at once: the lines of both are there, or one was refused"""
    other = with_another_policy(case.example)
    both = [case.example.words, other]
    case.rng.shuffle(both)
    if case.world.has_fail_points and case.rng.random() < 0.5:
        first = case.start(both[0], extra={"PAGEBENCH_FAIL_AT": f"{case.rng.choice(['create', 'rename'])}:1:stop"})
        first.wait(until=("stopped", "ended"))
        second = case.start(both[1])
        second.wait(1.5)
        first.send(signal.SIGCONT)
    else:
        first = case.start(both[0])
        first.wait(case.rng.uniform(0, case.example.seconds))
        second = case.start(both[1])
    for process in (first, second):
        case.finish(process)
        case.said_well(process)
    now = tree.read(case.at)
    for words, process in zip(both, (first, second)):
        if process.code == 0:
            tree.write(case.example.before, case.at)
            case.run(words)
            alone = tree.read(case.at)
            for path in sorted(path for path in tree.changed(case.example.before, alone) if path.endswith(".csv")):
                lost = set(alone[path].splitlines()) - set((now.get(path) or b"").splitlines())
                if lost:
                    case.complain(f"exit 0, and its lines are lost: {len(lost)} of {path}")


def longer(case, path):
    """A long trace in place of a short one, so that reading it takes a while, and whether it may stay in its file.

    It is the recording of the repository, or one without events, which is replayed from its file if memory is short.
    """
    source = os.path.join(case.world.root, path)
    if not path.endswith(".pbt"):
        return case.example.before[path], False
    if os.path.isfile(source) and case.rng.random() < 0.4:
        with open(source, "rb") as file:
            return file.read(), False
    return case.world.long_trace, True


def other_content(rng, how, old):
    """What becomes of a file: cut, overwritten in its middle, longer, another one, or gone (None)."""
    middle = len(old) // 2
    return {
        "cut": old[: rng.randint(0, len(old))],
        "overwrite": old[:middle] + bytes(rng.randrange(256) for _ in range(64)) + old[middle + 64 :],
        "lengthen": old + old[:middle],
        "replace": old[: middle // 2],
        "delete": None,
    }[how]


def put(how, whole, new):
    """Changes the file `whole` to `new`: in place, or by another file with its name."""
    if how == "delete":
        os.remove(whole)
    elif how == "replace":
        with open(whole + ".new", "wb") as file:
            file.write(new)
        os.rename(whole + ".new", whole)
    else:
        with open(whole, "r+b") as file:
            file.write(new)
            file.truncate(len(new))


@attack(weight=4, on=lambda example: example.inputs())
def input_changes(case):
    """An input that is cut, overwritten, lengthened, replaced or deleted while it is read or mapped"""
    example, rng = case.example, case.rng
    path = rng.choice(example.inputs())
    whole = os.path.join(case.at, path)
    old, streams = longer(case, path)
    how = rng.choice(["cut", "cut", "overwrite", "lengthen", "replace", "delete"])
    new = other_content(rng, how, old)
    words = list(example.words)
    # What does not fit into memory is read while it is replayed.
    if streams and "--mem-limit" in case.world.options(example.command) and "--mem-limit" not in words:
        words[1:1] = ["--mem-limit", "1"]
    tables = [name for name in example.outputs - case.volatile() if name.endswith(".csv")]

    def made():
        now = tree.read(case.at)
        return {name: now.get(name) for name in tables}

    def begin(content):
        kept = {name: kept for name, kept in example.before.items() if name != path}
        tree.write(kept if content is None else {**kept, path: content}, case.at)

    begin(old)
    process = None
    if case.world.has_fail_points and rng.random() < 0.3:
        process = stopped(case, "create", 1, words=words)
    if process is None:
        begin(old)
        process = case.start(words)
        process.wait(rng.uniform(0, example.seconds + (0.5 if old != example.before[path] else 0)))
    case.note(f"{path}: {how}; {' '.join(words)}")
    put(how, whole, new)
    process.send(signal.SIGCONT)
    case.finish(process)
    case.said_well(process)
    got = made()
    if process.code != 0:
        return
    # The old file or the new one was read, as a whole.
    for content in (old, new):
        begin(content)
        fresh = case.run(words)
        if fresh.code == 0 and got == made():
            return
    case.complain("exit 0 with counts of neither the old file nor the new one")


@attack(weight=2)
def few_resources(case):
    """Few processes, descriptors, little address space or stack: the same bytes or a clear error"""
    rng = case.rng
    name = rng.choice(["nproc", "nofile", "as", "stack"])
    limit = {"nproc": rng.randint(1, 5), "nofile": rng.randint(3, 40), "as": rng.randint(20, 3000) << 20, "stack": rng.randint(512, 8192) << 10}[name]
    if name == "nproc" and os.geteuid() != 0:
        raise Skip("the limit of processes needs another user")
    case.note(f"{name} {limit}")
    for root, folders, _ in os.walk(case.base):
        for folder in [root, *(os.path.join(root, folder) for folder in folders)]:
            if name == "nproc":
                os.chown(folder, 65534, 65534)
                os.chmod(folder, 0o755)

    def prepare():
        kind = getattr(resource, f"RLIMIT_{name.upper()}")
        resource.setrlimit(kind, (limit, limit))
        if name == "nproc":
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

    try:
        process = case.start(prepare=prepare)
    except (OSError, subprocess.SubprocessError) as error:
        raise Skip("the program cannot even be started so") from error
    case.finish(process)
    complained = process.complained
    # The system could not load the program, or memory ran out: there is no other way to end.
    hopeless = b"memory allocation of" in complained or b"error while loading shared" in complained or process.code == 127
    if name in ("as", "stack") and (hopeless or (process.code < 0 and not complained)):
        if name == "stack" or process.code in (-signal.SIGABRT, 127):
            return
    case.said_well(process)
    case.files_are_whole(process)


@attack()
def locales(case):
    """Other locales, terminals, time zones and homes: the same bytes"""
    rng = case.rng
    extra = {
        "LC_ALL": rng.choice(["C", "POSIX", "tr_TR.UTF-8", "de_DE.UTF-8", "ar_EG.UTF-8", "nonsense", ""]),
        "LANG": rng.choice(["C.UTF-8", "tr_TR", ""]),
        "TZ": rng.choice(["UTC", "Asia/Kathmandu", "nonsense", ":/dev/full", ""]),
        "COLUMNS": rng.choice(["0", "1", "20", "100000", "-3", "x"]),
        "TERM": rng.choice(["dumb", "xterm-256color", "", "nonsense"]),
        "HOME": rng.choice(["/nonexistent", "", case.base]),
        "TMPDIR": rng.choice(["/nonexistent", "", case.base]),
        "CLICOLOR_FORCE": "1",
    }
    case.note(" ".join(f"{name}={value!r}" for name, value in extra.items()))
    process = case.run(extra=extra)
    case.said_well(process)
    # Without a place for them, temporary files of recordings cannot be.
    if process.code != case.example.code and extra["TMPDIR"] == case.base:
        case.complain(f"exit code {process.code} instead of {case.example.code}: {first_line(process.complained)}")
    case.files_are_whole(process)


HOSTILE = [
    "x\n::error::pwned", "x\x1b[31mred", "x\x1b]0;title\x07", "x\u202egnp.exe", "x\u2066y\u2069", "::warning::x", "a b'c\"d$e`f", "x,y;z=1:2", "%s%n{}",
    "-rf", "--force", "..", "...", "x" * 200, "\udcff\udcfe", "x\ry", "x\ty", "ｘ\u0301\u200b", "con.txt", "~", "*?[a]", "#", "<b>&amp;", "]]>", "|", "x\x7f\x9by",
]
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@attack(weight=2, on=lambda example: example.inputs())
def hostile_names(case):
    """Inputs with names that hold line feeds, escapes, bidi controls, blanks, dashes, no Unicode"""
    example, rng = case.example, case.rng
    path = rng.choice(example.inputs())
    ending = "." + path.rsplit(".", 1)[-1] if "." in os.path.basename(path) else ""
    name = rng.choice(HOSTILE) + rng.choice(["", ending])
    if name in ("..", "."):
        name += "x"
    case.note(f"{path} is called {name!r}")
    new = os.path.join(os.path.dirname(path), name)
    os.rename(os.path.join(case.at, path), os.path.join(case.at, new))
    given = os.path.join(".", new) if new.startswith("-") else new
    words = [given if word == path else word for word in example.words]
    process = case.run(words)
    case.said_well(process)
    folders = {os.path.dirname(made) for made in example.after}
    now = tree.read(case.at)
    for made in now:
        if made not in example.before and made != new and os.path.dirname(made) not in folders:
            case.complain(f"a file in another folder: {made!r}")
        if tree.is_temporary(made):
            case.complain(f"a temporary file stays: {made!r}")
    for made in tree.read(case.base):
        if made.split(os.sep)[0] not in ("at", "cache"):
            case.complain(f"a file outside its folder: {made!r}")
    texts = {"standard output": process.said, "standard error": process.complained}
    texts.update({made: now[made] for made in now if made.endswith((".md", ".xml", ".svg", ".txt")) and example.before.get(made) != now[made] and made != new})
    for where, data in texts.items():
        if not isinstance(data, bytes):
            continue
        text = data.decode("utf-8", "replace")
        if found := CONTROL.search(text):
            case.complain(f"a raw {found[0]!r} in {where!r}")
        if any(line.startswith("::") for line in text.splitlines()) and not any(line.startswith(b"::") for line in example.out.splitlines()):
            case.complain(f"a line of {where!r} begins with ::")


@attack(weight=2, on=lambda example: example.named())
def output_is_input(case):
    """An output whose path is an input, directly or through a link"""
    example, rng = case.example, case.rng
    path = rng.choice(example.named())
    options = [option for option in case.world.options(example.command).values() if re.search(r"FILE|DIR|PATH|PNG|FOLDER|CSV", option.value)]
    if not options:
        raise Skip("no option names a file")
    option = rng.choice(options)
    given, how = path, "itself"
    if rng.random() < 0.5:
        given, how = "alias" + os.path.splitext(path)[1], rng.choice(["a link to it", "another name of it"])
        make = os.symlink if how == "a link to it" else os.link
        source = os.path.join(case.at, path)
        make(source, os.path.join(case.at, given))
    case.note(f"{option.name} is {how}: {path}")
    words, place = list(example.words), None
    for at, word in enumerate(words):
        if word in (option.name, option.short):
            place = at + 1
    if place is None:
        # After `--` come the words of another program.
        words[1:1] = [option.name, given]
    else:
        words[place] = given
    if "--force" in case.world.options(example.command) and rng.random() < 0.5 and "--force" not in words:
        words.insert(1, "--force")
    process = case.run(words)
    case.said_well(process)
    now = tree.read(case.at)
    if now.get(path) != example.before[path]:
        case.complain(f"the input is changed by {' '.join(words)}")


@attack(weight=2)
def closed_streams(case):
    """Standard streams that are closed, full, or end early"""
    rng = case.rng
    which = rng.choice(["stdout", "stderr", "both"])
    how = rng.choice(["closed", "full", "broken"])
    case.note(f"{which} {how}")
    streams, opened = {}, []
    numbers = {"stdout": [1], "stderr": [2], "both": [1, 2]}[which]
    for number in numbers:
        name = {1: "stdout", 2: "stderr"}[number]
        if how == "full":
            streams[name] = open("/dev/full", "wb")  # noqa: SIM115 (closed below)
            opened.append(streams[name])
        elif how == "broken":
            reader, writer = os.pipe()
            os.close(reader)
            streams[name] = os.fdopen(writer, "wb")
            opened.append(streams[name])

    def prepare():
        for number in numbers if how == "closed" else ():
            os.close(number)

    process = case.run(prepare=prepare, **streams)
    for file in opened:
        try:
            file.close()
        except OSError:
            pass
    case.said_well(process)
    if how == "full" and 1 in numbers and case.example.out and process.code == 0:
        case.complain("exit 0, though what it prints was lost")
    case.files_are_whole(process)
