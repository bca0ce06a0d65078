"""Drawn options: settings of a machine, policies, sizes.

The settings are those that `run --help` lists under "Cells". An option that is not known here is
drawn, too, if it is a switch or the help lists its values.
"""

# Under "Cells", but no setting of what is counted; or drawn by `cells`; or refused for drawn addresses.
NOT_SETTINGS = {"--counts", "--engine", "--mem-limit", "--jobs", "--policy", "--frames", "--tau", "--seed",
                "--page-size", "--ram", "--warmup", "--layout"}


def geometry(rng):
    """A geometry for --tlb, small enough to miss."""
    parts = []
    for name in ("l1i", "l1d"):
        ways = rng.choice([1, 2, 4])
        parts.append(f"{name}={ways * rng.choice([1, 2, 4])}x{ways}")
    parts.append(rng.choice(["l2=none", "l2=16x4", "l2=8", "l2i=8x2,l2d=16x4"]))
    levels = rng.choice([2, 3, 4, 4, 5])
    parts.append(f"levels={levels}")
    if rng.random() < 0.4:
        caches = [str(rng.choice([0, 2, 4])) for _ in range(levels - 1)]
        parts.append("pwc=" + "/".join(caches))
    if rng.random() < 0.3:
        parts.append("tags=off")
    return ",".join(parts)


class Settings:
    """Settings of the machine: option name to value (None for a switch)."""

    def __init__(self, values):
        self.values = values

    def flags(self, leave_out=()):
        """The settings as arguments."""
        args = []
        for name, value in self.values.items():
            if name not in leave_out:
                args += [name] if value is None else [name, value]
        return args


def known(rng, trace, page_size):
    """Values of the options that have a grammar of their own."""
    processes = max(1, len(trace.pids))
    events = bool(trace.events)
    return {
        "--tlb": lambda: rng.choice(["none", geometry(rng), geometry(rng)]),
        "--swap": lambda: rng.choice(["unlimited", "none", "4096", f"{rng.randint(1, 8) * page_size}", f"{rng.randint(1, 8) * page_size}"]),
        "--allocation": lambda: rng.choice(
            ["global", "equal", "proportional",
             "weights=" + "/".join(str(rng.choice([1, 1, 2, 5])) for _ in range(processes))]),
        "--mappings": lambda: "permissive" if events else rng.choice(["permissive", "infer"]),
        "--on-segfault": lambda: rng.choice(["kill", "skip"]),
        "--accessed-bit": lambda: rng.choice(["every", "walk", "walk-flush"]),
        "--device": lambda: rng.choice(["zram", "nvme", "ssd", "disk"]),
        "--cost": lambda: rng.choice(["memory=50ns", "fault=2us,copy=1us", "read=5us,write=7us,tlb-l2=9ns"]),
    }


def settings(rng, program, trace, page_size=4096, chance=0.3, leave_out=(), command="run"):
    """Draws settings; each option of "Cells" with `chance`."""
    values = {}
    drawers = known(rng, trace, page_size)
    for name, option in program.options(command).items():
        if option.heading != "Cells" or name in NOT_SETTINGS or name in leave_out:
            continue
        if rng.random() >= chance:
            continue
        if name == "--machine":
            values[name] = rng.choice(program.machines)
        elif name in drawers:
            values[name] = drawers[name]()
        elif option.choices:
            values[name] = rng.choice(option.choices)
        elif not option.value:
            values[name] = None
    if "--machine" in values:
        values.pop("--tlb", None)
    if values.get("--overcommit") == "strict":
        if values.get("--swap", "unlimited") == "unlimited":
            values["--swap"] = rng.choice(["none", str(16 * page_size)])
        values["--ram"] = str(rng.randint(2, 60) * 4096)
    if values.get("--tlb") == "none" and values.get("--accessed-bit", "every") != "every":
        values.pop("--tlb")
    return Settings(values)


def policies(rng, program, count, offline=True):
    """Draws `count` policies with parameters; without those that know the future if not `offline`."""
    names = [name for name, policy in program.policies.items() if offline or not policy.offline]
    picked = [program.policies[name].draw(rng) for name in rng.sample(names, min(count, len(names)))]
    return list(dict.fromkeys(picked))


def frames(rng, trace, count=2, least=1):
    """Draws numbers of frames, from `least` to a few more than the trace has pages."""
    most = max(least + 1, trace.pages() + 2)
    return sorted({rng.randint(least, most) if rng.random() < 0.5 else rng.randint(least, min(most, least + 6))
                   for _ in range(count)})


def windows(rng, count=2):
    """Draws windows for --tau."""
    return sorted({rng.choice([1, 2, 5, 10, 30, 100]) for _ in range(count)})


def listed(values):
    return ",".join(str(value) for value in values)


def cells(rng, program, trace, policies_count=4, offline=True, least=1):
    """Draws -p, -m, --tau and, at times, --seed as arguments."""
    args = ["-p", listed(policies(rng, program, policies_count, offline)),
            "-m", listed(frames(rng, trace, least=least)), "--tau", listed(windows(rng))]
    if rng.random() < 0.3:
        args += ["--seed", rng.choice(["1", "7", "3,4"])]
    return args


def selection(rng, trace):
    """Draws which part of the trace is taken; often all of it."""
    args = []
    if rng.random() < 0.3:
        args += [rng.choice(["--skip", "--limit"]), str(rng.randint(1, max(2, len(trace.references))))]
    if rng.random() < 0.15:
        args += ["--data-only"]
    if rng.random() < 0.15:
        args += ["--pid", str(rng.choice(trace.pids))]
    return args


def warmup(rng, trace):
    """Draws a warm-up, mostly none."""
    if rng.random() < 0.7:
        return []
    return ["--warmup", rng.choice(["10%", "50%", str(rng.randint(0, len(trace.references) // 2))])]
