"""`check`: verdicts, spellings of a baseline, limits as fractions, JSON and exit codes."""

import csv
import io
import json
import re
from fractions import Fraction

from . import rows, traces
from .case import check
from .drawn import Drawn, replayed


def lines_of(text):
    """The records of a CSV, header first."""
    return list(csv.reader(io.StringIO(text, newline="")))


def joined(records, end="\n"):
    """Records as a CSV."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end).writerows(records)
    return out.getvalue()


def changed(text, change):
    """The baseline with faults of its last record that are `change` more, or less; None if no row can have them."""
    records = lines_of(text)
    at, refs = records[0].index("faults"), records[0].index("refs")
    value = int(records[-1][at]) + change
    if not 0 <= value <= int(records[-1][refs]):
        return None
    records[-1][at] = str(value)
    return joined(records)


def accepted(case, drawn, baseline="base.csv", model=None):
    """Accepts the drawn cells into a new baseline; returns the arguments of a check, or None."""
    model = drawn.model.flags() + drawn.taken if model is None else model
    result = case.call("check", baseline, drawn.file, *drawn.cells, *model, "--accept", "-q")
    if result.code != 0 or not case.exists(baseline):
        return None
    size = drawn.cells[drawn.cells.index("--page-size") + 1]
    return ["--page-size", size, *model, "-q"]


@check(weight=2)
def accepts(case):
    """A baseline holds the counts of `run`, holds against them, and a count that is changed is told."""
    rng = case.rng
    drawn = Drawn(case)
    if not replayed(case, drawn.file, drawn.args, "run"):
        return
    if any(row["status"] != "ok" for row in rows.results(case, "run")):
        return
    args = accepted(case, drawn)
    if not case.expect(args is not None, "check --accept does not take what run takes"):
        return
    table = rows.table(case.read("base.csv"))
    counted = [{name: row[name] for name in (*rows.CELL, "refs", "faults", "write_backs")} for row in rows.results(case, "run")]
    rows.compare(case, "run / baseline", counted, table)
    case.run("check", "base.csv", drawn.file, *args)
    case.run("check", "base.csv", "run", "-q")
    before = case.bytes("base.csv")
    case.run("check", "base.csv", drawn.file, *args, "--accept")
    case.expect(case.bytes("base.csv") == before, "check --accept changes a baseline that holds")
    less, more = changed(case.read("base.csv"), -1), changed(case.read("base.csv"), 1)
    if less:
        case.write("less.csv", less)
        case.run("check", "less.csv", drawn.file, *args, codes=(6,))
        case.run("check", "less.csv", "run", "-q", codes=(6,))
    if more:
        case.write("more.csv", more)
        case.run("check", "more.csv", drawn.file, *args)
        case.run("check", "more.csv", drawn.file, *args, "--improvement", "fail", codes=(6,))


def spellings(case, records):
    """Yields (name, records) of the same baseline, spelled otherwise in one way each."""
    rng, header = case.rng, records[0]
    policy, params = header.index("policy"), header.index("params")

    def edited(edit):
        copy = [list(record) for record in records]
        return copy if edit(copy[1]) else None

    def alias(record):
        aliases = case.program.policies[record[policy]].aliases
        if aliases:
            record[policy] = rng.choice(aliases)
        return aliases

    def upper(record):
        record[policy] = rng.choice([record[policy].upper(), record[policy].capitalize()])
        return True

    def default(record):
        given = {part.split("=")[0] for part in record[params].split(":")}
        others = [one for one in case.program.policies[record[policy]].parameters if one.name not in given and one.default != "off"]
        if others:
            one = rng.choice(others)
            record[params] = ":".join(part for part in (record[params], f"{one.name}={one.default}") if part)
        return others

    def reordered(record):
        parts = record[params].split(":")
        record[params] = ":".join(reversed(parts))
        return len(parts) > 1

    for name, edit in (("alias", alias), ("other case", upper), ("default written", default), ("parameters in another order", reordered)):
        copy = edited(edit)
        if copy:
            yield name, copy


@check(weight=2)
def spelled_otherwise(case):
    """A baseline whose lines spell a policy otherwise has the same verdict, and accepts nothing new."""
    drawn = Drawn(case, policies=2)
    args = accepted(case, drawn)
    if args is None:
        return
    records = lines_of(case.read("base.csv"))
    for name, copy in spellings(case, records):
        case.write("other.csv", joined(copy))
        result = case.call("check", "other.csv", drawn.file, *args)
        if not case.expect(result.code == 0, f"{name} ({','.join(copy[1][7:9])}): exit code {result.code}, not 0: {result.command}: {result.err.strip()[:200]}"):
            continue
        less = changed(joined([copy[0], *copy[2:], copy[1]]), -1)
        if less:
            case.write("worse.csv", less)
            case.run("check", "worse.csv", drawn.file, *args, codes=(6,))
        case.run("check", "other.csv", drawn.file, *args, "--accept")
        number = len(lines_of(case.read("other.csv")))
        case.expect(number == len(records), f"{name}: --accept makes {number} lines of {len(records)}")


@check(weight=2)
def bytes_kept(case):
    """`--accept` keeps every byte of lines that it does not change: CRLF, BOM, no last line end, empty lines."""
    rng = case.rng
    drawn = Drawn(case, policies=3)
    args = accepted(case, drawn)
    if args is None:
        return
    text = case.read("base.csv")
    form = rng.choice(["crlf", "no last end", "empty lines", "crlf"])
    end = "\r\n" if form == "crlf" else "\n"
    lines = text.splitlines()
    if form == "empty lines":
        lines.insert(rng.randint(1, len(lines)), "")
    kept = end.join(lines) + ("" if form == "no last end" else end)
    case.write("base.csv", kept)
    case.run("check", "base.csv", drawn.file, *args)
    case.run("check", "base.csv", drawn.file, *args, "--accept")
    case.expect(case.read("base.csv") == kept, f"{form}: --accept with nothing to accept changes the file")
    # Now one line changes; all others keep their bytes.
    records = lines_of(kept)
    at = rng.choice([index for index, record in enumerate(records) if index and len(record) > 1])
    column = records[0].index("faults")
    wrong = lines_of(kept)[at]
    if wrong[column] == "0":
        return
    wrong[column] = str(int(wrong[column]) - 1)
    parts = kept.split(end)
    position = next(index for index, part in enumerate(parts) if part == joined([records[at]], ""))
    parts[position] = joined([wrong], "")
    case.write("base.csv", end.join(parts))
    case.run("check", "base.csv", drawn.file, *args, "--accept")
    found = case.read("base.csv").split(end)
    if form == "no last end" and position == len(parts) - 1 and found[-1] == "":
        # A line that is accepted is written whole, with its end.
        found.pop()
    case.expect(len(found) == len(parts), f"{form}: --accept of one line makes {len(found)} lines of {len(parts)}")
    other = [index for index, (one, two) in enumerate(zip(found, parts)) if one != two and index != position]
    case.expect(not other, f"{form}: --accept of one line changes lines {other}")


@check(weight=2)
def codes_told(case):
    """JSON and JUnit say the exit code that `check` ends with, on every path, and are valid."""
    rng = case.rng
    drawn = Drawn(case, traces.any_trace(rng, illegal=0), selection=False, policies=2)
    drawn.cells[1], drawn.cells[-1] = "lru,clock", "4096"
    args = accepted(case, drawn)
    if args is None:
        return
    row = rows.table(case.read("base.csv"))[-1]
    cell = f"{row['trace']}/{row['policy']}{':' + row['params'] if row['params'] else ''}/{row['frames'] or 'tau=' + row['tau']}"
    less, more = changed(case.read("base.csv"), -1), changed(case.read("base.csv"), 1)
    if not less or not more:
        return
    case.write("less.csv", less)
    case.write("more.csv", more)
    case.write("bad.txt", "garbage\n")
    records = lines_of(case.read("base.csv"))
    gone = list(records[-1])
    gone[records[0].index("trace")] = "gone"
    case.write("gone.csv", joined(records + [gone]))
    other = list(records[-1])
    other[records[0].index("trace_digest")] = "0" * 32
    case.write("other.csv", joined(records[:-1] + [other]))
    ways = {
        "as it was": ["base.csv", drawn.file], "regression": ["less.csv", drawn.file], "improvement": ["more.csv", drawn.file],
        "missing": ["gone.csv", drawn.file], "another trace": ["other.csv", drawn.file],
        "no baseline": ["nowhere.csv", drawn.file], "unreadable trace": ["base.csv", drawn.file, "bad.txt"],
        "no digests": ["base.csv", drawn.file, "--explain", cell], "no place for JUnit": ["base.csv", drawn.file, "--junit", "no/x.xml"],
        "no place for Markdown": ["base.csv", drawn.file, "--summary-md", "no/x.md"],
        "accepted": ["more.csv", drawn.file, "--accept"],
    }
    for way, words in ways.items():
        junit = [] if "--junit" in words else ["--junit", f"{way}.xml"]
        result = case.call("check", *words, *args, "--json", f"{way}.json", *junit)
        if not case.expect(case.exists(f"{way}.json"), f"{way}: no JSON is written: {result.command}"):
            continue
        try:
            said = json.loads(case.read(f"{way}.json"))
        except ValueError:
            case.complain(f"{way}: the JSON is not valid: {result.command}")
            continue
        code = said.get("exit_code")
        case.expect(code == result.code, f"{way}: exit code {result.code}, JSON says {code} ({said.get('result')}): {result.command}")
        if junit and case.exists(f"{way}.xml"):
            counts = re.findall(r'(?:failures|errors)="(\d+)"', case.read(f"{way}.xml"))
            passes = not any(int(count) for count in counts)
            case.expect(passes == (result.code == 0), f"{way}: exit code {result.code}, JUnit shows {'only passes' if passes else 'failures'}")
    for words in (["base.csv", drawn.file], ["less.csv", drawn.file], ["base.csv", drawn.file, "--explain", cell]):
        result = case.call("check", *words, *args, "--json", "-")
        try:
            said = json.loads(result.out)
            case.expect(said.get("exit_code") == result.code, f"exit code {result.code}, JSON says {said.get('exit_code')}: {result.command}")
        except ValueError:
            case.complain(f"standard output of --json - is no JSON: {result.command}")


@check()
def explained_departure(case):
    """`check --explain` with the digests of a baseline ends as the check of the cell does, with valid JSON."""
    drawn = Drawn(case, selection=False, policies=1)
    drawn.cells[1], drawn.cells[-1] = "lru,fifo", "4096"
    result = case.call("check", "base.csv", drawn.file, *drawn.cells, *drawn.model.flags(), "--accept", "--with-digests", "-q")
    if result.code != 0 or not case.exists("base.csv"):
        return
    row = rows.table(case.read("base.csv"))[-1]
    cell = f"{row['trace']}/{row['policy']}{':' + row['params'] if row['params'] else ''}/{row['frames'] or 'tau=' + row['tau']}"
    size = drawn.cells[drawn.cells.index("--page-size") + 1]
    args = ["--page-size", size, *drawn.model.flags(), *drawn.taken, "-q"]
    shown = case.run("check", "base.csv", drawn.file, *args, "--explain", cell, "--json", "-", codes=(0, 2))
    if shown.code == 0:
        try:
            said = json.loads(shown.out)
            case.expect(said.get("exit_code") == 0, f"exit code 0, JSON says {said.get('exit_code')}: {shown.command}")
        except ValueError:
            case.complain(f"standard output of --json - is no JSON: {shown.command}")


def boundary(rng):
    """Draws (expected, counted, percent) with counted = expected x (1 + percent / 100) exactly, as whole numbers and text."""
    places = rng.choice([1, 2, 2, 3])
    while True:
        percent = Fraction(rng.randint(1, 1500 if places > 1 else 900), 10**places)
        step = (percent / 100).denominator
        expected = step * rng.randint(1, max(1, 60000 // step))
        if expected <= 60000:
            return expected, expected + expected * percent / 100, f"{float(percent):.{places}f}"


@check(weight=2)
def limits_exact(case):
    """A change exactly at its limit in percent is within, and one just beyond is not."""
    rng = case.rng
    case.write("ten.txt", "".join(f"{page}\n" for page in range(10)))
    result = case.call("run", "ten.txt", "--format", "lirs", "-p", "fifo", "-m", "1..60:+1", "-o", "run", "--no-charts", "-q")
    case.expect(result.code == 0, f"exit code {result.code}: {result.command}")
    table = lines_of(case.read("run/results.csv"))
    case.run("check", "base.csv", "run", "--accept", "-q")
    base = lines_of(case.read("base.csv"))
    grows = rng.random() < 0.6
    kind = "max-increase-pct" if grows else "max-decrease-pct"
    refs = 200000
    cases = [boundary(rng) for _ in table[1:]]
    columns = {name: table[0].index(name) for name in ("refs", "reads", "faults", "fills", "hits", "fault_rate", "hit_rate")}
    overrides = {"at": [], "beyond": []}
    for row, line, (expected, counted, percent) in zip(table[1:], base[1:], cases):
        if not grows:
            counted = expected - (counted - expected)
        counted = int(counted)
        values = {"refs": refs, "reads": refs, "faults": counted, "fills": counted, "hits": refs - counted,
                  "fault_rate": f"{counted / refs:.9f}", "hit_rate": f"{1 - counted / refs:.9f}"}
        for name, value in values.items():
            row[columns[name]] = str(value)
        line[base[0].index("faults")], line[base[0].index("refs")] = str(expected), str(refs)
        digits = percent.partition(".")[2]
        less = Fraction(percent) - Fraction(1, 10 ** (len(digits) + 3))
        frames = row[table[0].index("frames")]
        for way, limit in (("at", percent), ("beyond", f"{float(less):.{len(digits) + 3}f}")):
            overrides[way].append(f'[[check.override]]\nframes = "{frames}"\n{kind} = {limit}\n')
    case.write("edited/results.csv", joined(table))
    case.write("base.csv", joined(base))
    head = '[check]\nmetric = ["faults"]\nimprovement = "fail"\n'
    for way, code in (("at", 0), ("beyond", 6)):
        case.write(f"{way}.toml", head + "".join(overrides[way]))
        result = case.call("check", "base.csv", "edited/results.csv", "--limits", f"{way}.toml", "-q", "--json", f"{way}.json")
        if case.exists(f"{way}.json"):
            said = json.loads(case.read(f"{way}.json"))
            wrong = said.get("regressions", 0) + said.get("improvements", 0)
            right = 0 if code == 0 else len(cases)
            case.expect(wrong == right, f"{kind} {way} the limit: {wrong} of {len(cases)} cells fail, {right} should")
        case.expect(result.code == code, f"{kind} {way} the limit: exit code {result.code}, not {code}: {result.command}")


@check()
def compare_exact(case):
    """`compare --fail-on` judges a change at its limit alike for counts and for their rates."""
    rng = case.rng
    case.write("ten.txt", "".join(f"{page}\n" for page in range(10)))
    case.run("run", "ten.txt", "--format", "lirs", "-p", "fifo", "-m", "3", "-o", "run", "--no-charts", "-q")
    table = lines_of(case.read("run/results.csv"))
    for _ in range(12):
        expected, counted, percent = boundary(rng)
        for folder, faults in (("a", expected), ("b", int(counted))):
            row = dict(zip(table[0], table[1]))
            refs = 10_000_000
            row.update(refs=refs, reads=refs, faults=faults, fills=faults, hits=refs - faults, minor_faults=faults,
                       fault_rate=f"{faults / refs:.9f}", hit_rate=f"{1 - faults / refs:.9f}")
            case.write(f"{folder}/results.csv", joined([table[0], [str(row[name]) for name in table[0]]]))
        for metric in ("faults", "fault_rate"):
            for limit, code in ((percent, 0), (f"{float(percent) * 0.999:.6f}", 6)):
                result = case.call("compare", "a", "b", "--metric", metric, "--fail-on", f"{limit}%")
                case.expect(result.code == code, f"{metric} {expected} to {int(counted)} with --fail-on {limit}%: exit code {result.code}, not {code}")


def unlike_default(case):
    """Returns a machine whose TLBs differ from the default ones in entries or ways.

    Table levels and walk caches do not count: no translation stays or goes because of them, so the
    accessed bits that walks set are the same."""
    default = shapes(re.search(r"\[default: (.*?)\]", case.program.options("run")["--tlb"].text)[1])
    said = {name: re.findall(r"--tlb (\S+)", case.program.say("machines", name)) for name in case.program.machines}
    return case.rng.choice([name for name, geometries in said.items() if default not in map(shapes, geometries)])


def shapes(geometry):
    """Returns the entries and ways of a TLB geometry such as `l1i=64x4,l1d=64x4,l2=none,levels=4`."""
    return {part for part in geometry.split(",") if part.startswith(("l1", "l2", "tags"))}


@check(weight=2)
def other_models(case):
    """A baseline of other settings is never compared: exit code 7 or 5."""
    rng = case.rng
    trace = traces.draw(rng, refs=150, pages=14, events=rng.random() < 0.5)
    drawn = Drawn(case, trace, selection=False, policies=1, chance=0)
    drawn.cells[1] = rng.choice(["clock", "sieve", "nru:tick=7", "clock,esc"])
    pairs = [
        (["--accessed-bit", "walk"], ["--accessed-bit", "walk", "--tlb", "l1i=2,l1d=2,l2=none"]),
        (["--accessed-bit", "walk", "--tlb", "l1i=2,l1d=2,l2=none"], ["--accessed-bit", "walk", "--tlb", "l1i=2,l1d=2,l2=none,tags=off"]),
        (["--accessed-bit", "walk"], ["--accessed-bit", "walk", "--machine", unlike_default(case)]),
        ([], ["--accessed-bit", "walk"]), ([], ["--warmup", "3"]), ([], ["--limit", "60"]), ([], ["--data-only"]),
        ([], ["--swap", "262144"]), (["--swap", "262144"], ["--swap", "524288"]),
    ]
    if trace.events:
        pairs += [([], ["--overcommit", "strict", "--ram", "1MiB"]), ([], ["--on-segfault", "skip"])]
    else:
        pairs += [([], ["--mappings", "infer"])]
    if len(trace.pids) > 1:
        pairs += [([], ["--allocation", "equal"]), (["--allocation", "equal"], ["--allocation", "proportional"])]
    mine, theirs = rng.choice(pairs)
    if accepted(case, drawn, model=mine) is None:
        return
    if not replayed(case, drawn.file, drawn.cells + theirs, "theirs"):
        return
    size = ["--page-size", drawn.cells[-1]]
    ways = [[drawn.file, *size, *theirs], ["theirs"]]
    if "--warmup" in theirs:
        # Cells that are replayed for a baseline have the warm-up that it says.
        ways = ways[1:]
    for way in ways:
        result = case.call("check", "base.csv", *way, "-q")
        case.expect(result.code in (5, 7), f"baseline with {' '.join(mine) or 'defaults'}: exit code {result.code}, not 7 or 5: {result.command}")


@check()
def renamed_trace(case):
    """A trace under another name is known by its digest, at every page size of the baseline."""
    rng = case.rng
    trace = traces.draw(rng, refs=60, pages=8, events=rng.random() < 0.5)
    case.write("trace.txt", trace.text())
    case.write("moved/other.txt", trace.text())
    sizes = rng.choice([["4096"], ["4096", "16384"], ["16384"], ["65536"]])
    result = case.call("check", "base.csv", "trace.txt", "-p", "lru,fifo", "-m", "2,3", "--page-size", ",".join(sizes), "--accept", "-q")
    if result.code != 0:
        return
    case.run("check", "base.csv", "trace.txt", "-q")
    case.run("check", "base.csv", "moved/other.txt", "-q")
    case.run("check", "base.csv", "moved/other.txt", "-q", "--page-size", ",".join(sizes))


@check()
def only_some(case):
    """`--only` compares and accepts the cells that match, and no others."""
    rng = case.rng
    trace = traces.draw(rng, refs=60, pages=8, events=rng.random() < 0.5)
    case.write("trace.txt", trace.text())
    if case.call("check", "base.csv", "trace.txt", "-p", "lru,fifo,clock:load-bit=0", "-m", "2,3", "--accept", "-q").code != 0:
        return
    records = lines_of(case.read("base.csv"))
    faults, policy, frames = (records[0].index(name) for name in ("faults", "policy", "frames"))
    for record in records[1:]:
        record[faults] = str(int(record[faults]) - 1)
    case.write("base.csv", joined(records))
    glob, own = rng.choice([("trace/lru/*", lambda r: r[policy] == "lru"), ("*/*/2", lambda r: r[frames] == "2"), ("*/fifo/3", lambda r: r[policy] == "fifo" and r[frames] == "3")])
    case.run("check", "base.csv", "trace.txt", "-q", "--only", glob, codes=(6,))
    case.run("check", "base.csv", "trace.txt", "-q", "--only", glob, "--accept")
    for before, after in zip(records[1:], lines_of(case.read("base.csv"))[1:]):
        change = int(after[faults]) - int(before[faults])
        case.expect(change == (1 if own(before) else 0), f"--only {glob} --accept: {before[policy]}, {before[frames]} frames changed by {change}")
    again_code = case.call("check", "base.csv", "trace.txt", "-q", "--only", glob).code
    case.expect(again_code == 0, f"--only {glob} after --accept: exit code {again_code}")
