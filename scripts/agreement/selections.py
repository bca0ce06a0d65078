"""Parts of traces: left out by option, absent from the file, written and read back, bad lines, samples."""

import io
import re
import zipfile

from . import options, rows, traces
from .case import check
from .drawn import Drawn, again, replayed

ILLEGAL = 0x900000 * traces.PAGE
# What may differ where illegal references are absent from the file instead of left out.
ILLEGAL_COLUMNS = {"segfaults", "protection_faults", "bus_errors", "refs_dropped", "on_segfault", "beyond_eof"}


def without(trace, taken):
    """The trace without the references that the option `taken` leaves out."""
    word, value = taken
    if word == "--data-only":
        return trace.where(lambda item: isinstance(item, traces.Event) or item.kind != "I")
    if word == "--pid":
        return trace.where(lambda item: isinstance(item, traces.Event) or item.pid == int(value))
    first = int(value)
    seen, items = 0, []
    for item in trace.items:
        if isinstance(item, traces.Reference):
            seen += 1
            if (seen <= first) == (word == "--skip"):
                if word == "--limit":
                    break
                continue
        items.append(item)
    return traces.Trace(items, trace.ids, trace.kind)


def draw_taken(rng, trace):
    """Draws one option that leaves references out."""
    word = rng.choice(["--data-only", "--pid", "--skip", "--limit"])
    if word == "--data-only":
        return word, None
    if word == "--pid":
        return word, str(rng.choice(trace.pids))
    return word, str(rng.randint(1, max(1, len(trace.references) - 1)))


@check(weight=3)
def left_out(case):
    """References left out by an option count as if they were absent from the file."""
    rng = case.rng
    trace = traces.any_trace(rng, illegal=0)
    for item in trace.references:
        item.size = 1
    taken = draw_taken(rng, trace)
    short = without(trace, taken)
    if not short.references:
        return
    drawn = Drawn(case, trace, selection=False, offline=rng.random() < 0.5)
    flags = [word for word in taken if word]
    case.write("absent/trace.txt", short.text())
    if case.call("run", "trace.txt", "-p", "lru", "-m", "9", "-o", "good", "--no-charts", "-q").code != 0:
        return
    base = drawn.cells + drawn.model.flags() + drawn.taken
    if not replayed(case, "absent/trace.txt", base, "absent-rows"):
        # A good trace stays good if a part of it is taken.
        result = case.call("run", "trace.txt", "-p", "lru", "-m", "9", *flags, "-o", "part", "--no-charts", "-q")
        case.expect(result.code == 0, f"exit code {result.code} with a part of a good trace: {result.command}: {result.err.strip()[:200]}")
        return
    if again(case, "trace.txt", base + flags, "option-rows"):
        rows.compare(case, f"{' '.join(flags)} / absent from the file", rows.results(case, "option-rows"),
                     rows.results(case, "absent-rows"), rows.ORIGIN)


@check(weight=2)
def illegal_left_out(case):
    """Illegal references, skipped or of processes that they end, count as if they were absent."""
    rng = case.rng
    how = rng.choice(["skip", "kill"])
    trace = traces.draw(rng, refs=150, pages=12, illegal=0.12 if how == "skip" else 0.02, sizes=False, forks=how == "skip")
    if how == "kill":
        other = traces.Maker(rng, traces.Shape(refs=60, pages=8, sizes=False, forks=False))
        second = other.make()
        for item in second.items:
            item.pid = 50
        trace = mixed(rng, trace, second)
    dead, items = set(), []
    for item in trace.items:
        if item.pid in dead:
            continue
        if isinstance(item, traces.Reference) and item.address >= ILLEGAL:
            if how == "kill":
                dead.add(item.pid)
                items.append(traces.Event(item.pid, "exit"))
            continue
        items.append(item)
    short = traces.Trace(items)
    if not short.references:
        return
    case.write("absent/trace.txt", short.text())
    drawn = Drawn(case, trace, selection=False, warmup=False, leave_out=("--on-segfault",), chance=0.35)
    if rng.random() < 0.5:
        drawn.model.values["--allocation"] = "proportional"
    if replayed(case, "trace.txt", drawn.args + ["--on-segfault", how], "option-rows"):
        if again(case, "absent/trace.txt", drawn.args + ["--on-segfault", how], "absent-rows"):
            rows.compare(case, f"--on-segfault {how} / absent from the file", rows.results(case, "option-rows"),
                         rows.results(case, "absent-rows"), rows.ORIGIN | ILLEGAL_COLUMNS)


def mixed(rng, first, second):
    """Two traces in one, in turns."""
    items, left, right = [], list(first.items), list(second.items)
    while left or right:
        source = left if left and (not right or rng.random() < 0.5) else right
        many = rng.randint(1, 6)
        items += source[:many]
        del source[:many]
    return traces.Trace(items)


@check(weight=2)
def shares_of_others(case):
    """A process that is left out, or only maps, takes no frames from the others."""
    rng = case.rng
    first = traces.draw(rng, refs=80, pages=10, processes=1, sharing=False, forks=False, frees=False, sizes=False)
    second = traces.draw(rng, refs=60, pages=10, processes=1, sharing=False, forks=False, frees=False, advice=False, sizes=False)
    for item in first.items:
        item.pid = 3
    for item in second.items:
        item.pid = 8
    trace = mixed(rng, first, second)
    case.write("both/trace.txt", trace.text())
    case.write("maps/trace.txt", trace.where(lambda item: item.pid == 3 or isinstance(item, traces.Event)).text())
    case.write("one/trace.txt", first.text())
    cells = ["-p", options.listed(options.policies(rng, case.program, 4)), "-m", options.listed(options.frames(rng, first, 2)),
             "--tau", "9", "--allocation", rng.choice(["equal", "proportional", "weights=1"])]
    if not replayed(case, "one/trace.txt", cells, "one-rows"):
        return
    leave_out = rows.ORIGIN | {"processes", "untouched_end"} | rows.TRANSLATION
    for file, flags, folder in (("both/trace.txt", ["--pid", "3"], "pid-rows"), ("maps/trace.txt", [], "maps-rows")):
        if again(case, file, cells + flags, folder):
            rows.compare(case, f"{file} {' '.join(flags)} / the process alone", rows.results(case, folder),
                         rows.results(case, "one-rows"), leave_out)


@check(weight=2)
def written_selected(case):
    """Selected then written is written then selected, at two page sizes."""
    rng = case.rng
    trace = traces.any_trace(rng, illegal=0)
    taken = draw_taken(rng, trace)
    if taken[0] in ("--skip", "--limit"):
        for item in trace.references:
            item.size = 1
    flags = [word for word in taken if word]
    case.write("trace.txt", trace.text())
    small, large = (4096, 16384) if trace.ids else rng.choice([(4096, 65536), (1024, 4096), (64, 2097152)])
    size = [] if trace.ids else ["--page-size", small]
    case.folder_for("a/trace.pbt")
    case.folder_for("b/trace.pbt")
    case.run("convert", "trace.txt", "-o", "a/trace.pbt", "-q", *size)
    if case.call("run", "a/trace.pbt", "-p", "lru", "-m", "9", "-o", "good", "--no-charts", "-q").code != 0:
        return
    selected = case.call("convert", "trace.txt", "-o", "b/trace.pbt", "-q", *size, *flags)
    if selected.code == 4 or selected.code == 3 and not without(trace, taken).references:
        return
    if not case.expect(selected.code == 0, f"exit code {selected.code}: {selected.command}: {selected.err.strip()[:200]}"):
        return
    for page in [small] if trace.ids else [small, large]:
        cells = ["-p", "lru,clock,ws,fifo", "-m", "2,5", "--tau", "7", "--page-size", page]
        if replayed(case, "a/trace.pbt", cells + flags, f"run-{page}"):
            if again(case, "b/trace.pbt", cells, f"convert-{page}"):
                rows.compare(case, f"run {' '.join(flags)} / convert {' '.join(flags)}, pages of {page}",
                             rows.results(case, f"run-{page}"), rows.results(case, f"convert-{page}"), {"filter", "trace"})
        else:
            result = case.call("run", "b/trace.pbt", *cells, "-o", f"convert-{page}", "--no-charts", "-q")
            case.complain(f"a part of a good trace is refused: run a/trace.pbt {' '.join(flags)}; run of what convert writes ends with {result.code}")


@check(weight=2)
def written_back(case):
    """A trace written as text and read back has its references and pages, but for what was said."""
    rng = case.rng
    trace = traces.draw(rng, refs=60, pages=10, events=rng.random() < 0.3, illegal=0)
    for item in trace.references:
        if rng.random() < 0.1:
            item.size = rng.choice([5000, 70000, 1 << 20])
    if not trace.references:
        return
    case.write("trace.txt", trace.text())
    page = rng.choice([64, 4096, 4096, 65536, 1 << 20])
    case.run("convert", "trace.txt", "-o", "a.pbt", "-q", "--page-size", page)
    ending = rng.choice(["txt", "txt", "lackey", "csv"]) if not trace.events and len(trace.pids) == 1 else "txt"
    said = case.run("convert", "a.pbt", "-o", f"b.{ending}").err
    told = re.search(r"page.?size|pages of", said + case.read(f"b.{ending}")[:300])
    for size in ([], ["--page-size", page], ["--page-size", 2 * page]):
        # What was said to be lost: the page size, or accesses that are too long for a text.
        if not size and told or size and size[1] > page and "became" in said:
            continue
        first, second = case.run("stat", "a.pbt", *size).out, case.call("stat", f"b.{ending}", *size)
        if not case.expect(second.code == 0, f"exit code {second.code}: {second.command}: {second.err[:200]}"):
            continue
        for name in ("references", "pages", "I", "R", "W"):
            pattern = rf"^\s*{name}\s+(\d+)"
            one, two = re.search(pattern, first, re.M), re.search(pattern, second.out, re.M)
            case.expect(one and two and one[1] == two[1], f"stat {' '.join(map(str, size))}: {name} {one and one[1]} of a.pbt, {two and two[1]} of b.{ending}")


@check()
def long_accesses(case):
    """Accesses longer than a text can say keep their references when they are written."""
    rng = case.rng
    lines = ["addr,size,rw"]
    for _ in range(rng.randint(1, 4)):
        lines.append(f"0x{rng.randint(0, 1 << 24):x},{rng.randint(1, 1 << 22)},{rng.choice('RW')}")
    case.write("big.csv", "\n".join(lines) + "\n")
    args = ["--format", "csv", "--col", "addr=1,size=2,rw=3"]
    size = ["--page-size", 4096]
    first = case.run("stat", "big.csv", *args, *size).out
    for ending in ("plain", "lackey"):
        case.run("convert", "big.csv", *args, "-o", f"big.{ending}", "-q")
        second = case.run("stat", f"big.{ending}", *size).out
        for name in ("references", "pages"):
            one, two = (int(re.search(rf"^{name}\s+(\d+)", text, re.M)[1]) for text in (first, second))
            case.expect(one == two, f"{name}: {one} in big.csv, {two} in big.{ending}")


@check()
def interleaved(case):
    """`interleave` gives the rows of a merge made by hand."""
    rng = case.rng
    processes, quantum = rng.choice([2, 3]), rng.randint(1, 20)
    parts = [traces.draw(rng, refs=rng.randint(10, 80), pages=8, processes=1, events=False, sizes=False) for _ in range(processes)]
    items, at = [], [0] * processes
    while any(at[index] < len(part.items) for index, part in enumerate(parts)):
        for index, part in enumerate(parts):
            for item in part.items[at[index]:at[index] + quantum]:
                items.append(traces.Reference(index + 1, item.kind, item.address))
            at[index] += quantum
    names = [case.write(f"part-{index}.txt", part.text()) for index, part in enumerate(parts)]
    case.write("hand/merged.txt", traces.Trace(items).text())
    case.run("interleave", *names, "--quantum", quantum, "-o", "merged.pbt", "-q")
    drawn = Drawn(case, traces.Trace(items), selection=False)
    drawn.cells[-1] = "4096"
    if replayed(case, "merged.pbt", drawn.args, "a") and again(case, "hand/merged.txt", drawn.args, "b"):
        rows.compare(case, "interleave / by hand", rows.results(case, "a"), rows.results(case, "b"), {"trace_kind"})


def skipped(case, file, *args):
    """The bad records that `stat` says were skipped."""
    return int(re.search(r"^skipped\s+(\d+)", case.run("stat", file, *args).out, re.M)[1])


@check(weight=2)
def bad_lines(case):
    """Bad lines that are skipped count as absent, and are counted up to the last reference taken only."""
    rng = case.rng
    trace = traces.draw(rng, refs=40, pages=8, processes=1, events=False, sizes=False)
    lackey = rng.random() < 0.4
    head = [] if lackey else trace.lines()[:4]
    good = [f" {'L' if i.kind == 'R' else 'S' if i.kind == 'W' else 'I'} {i.address:08x},1".replace(" I", "I ") for i in trace.items] if lackey \
        else [trace.line(item) for item in trace.items]
    if not lackey and trace.pids == [0]:
        head = head[:3]
    limit = rng.randint(1, len(good) - 1)
    lines, before, bad = list(head), 0, 0
    for number, line in enumerate(good):
        if rng.random() < 0.12 and (not lackey or number > 2):
            lines.append(" L zz,1" if lackey else "R zz")
            bad += 1
            before += number < limit
        lines.append(line)
    form = ["--format", "lackey" if lackey else "plain"]
    case.write("bad.txt", "\n".join(lines) + "\n")
    case.write("good/bad.txt", "\n".join(head + good) + "\n")
    cells = ["-p", "lru,clock", "-m", "2,4", *form]
    if replayed(case, "good/bad.txt", cells, "a") and again(case, "bad.txt", cells, "b", "--skip-bad"):
        rows.compare(case, "bad lines skipped / absent", rows.results(case, "b"), rows.results(case, "a"))
    case.expect(skipped(case, "bad.txt", *form, "--skip-bad") == bad, f"stat --skip-bad says other than {bad} bad records")
    part = [*form, "--skip-bad", "--limit", limit]
    case.expect(skipped(case, "bad.txt", *part) == before, f"stat --limit {limit}: {skipped(case, 'bad.txt', *part)} skipped, {before} stand before the end of what is taken")
    case.run("convert", "bad.txt", *part, "-o", "part.pbt")
    count = skipped(case, "part.pbt")
    case.expect(count == before, f"convert --limit {limit} to .pbt: {count} skipped, not {before}")
    said = case.run("convert", "bad.txt", *part, "-o", "part.plain").err
    number = re.search(r"(\d+) bad record", said)
    case.expect(int(number[1] if number else 0) == before, f"convert --limit {limit} to plain: {number[1] if number else 0} skipped, not {before}")
    if not before:
        for command in (["stat", "bad.txt"], ["convert", "bad.txt", "-o", "x.pbt"], ["convert", "bad.txt", "-o", "x.plain"],
                        ["run", "bad.txt", "-p", "lru", "-m", "2", "-o", "x", "--no-charts", "-q"]):
            result = case.call(*command, *form, "--limit", limit)
            case.expect(result.code == 0, f"a bad line behind --limit fails: exit code {result.code}: {result.command}")
        result = case.call("head", "bad.txt", *form, "-n", limit)
        case.expect(result.code == 0, f"a bad line behind -n fails: exit code {result.code}: {result.command}")


@check()
def lines_that_matter(case):
    """`--skip-bad` never skips a line on which later ones hang."""
    rng = case.rng
    trace = traces.draw(rng, refs=30, pages=6, processes=3, events=rng.random() < 0.5, illegal=0)
    lines = trace.lines()
    places = [index for index, line in enumerate(lines) if line.split()[0] in ("switch", "map", "unmap", "fork", "protect") or "addressing" in line]
    at = rng.choice(places)
    words = lines[at].split()
    if "addressing" in lines[at]:
        lines[at] = "# addressing: " + rng.choice(["id", "byte", "x"])
    else:
        lines[at] = " ".join([words[0], "x" + words[1], *words[2:]]) if words[0] in ("switch", "fork") else " ".join([words[0], "zz", *words[2:]])
    case.write("bad.txt", "\n".join(lines) + "\n")
    for command in (["head", "bad.txt", "-n", "100000"], ["stat", "bad.txt"], ["run", "bad.txt", "-p", "lru", "-m", "2", "-o", "out", "--no-charts", "-q"]):
        result = case.call(*command, "--format", "plain", "--skip-bad")
        case.expect(result.code == 3, f"{lines[at]!r} was skipped: exit code {result.code}: {result.command}")


@check()
def pieces(case):
    """Numbered pieces of a zip are read by number, whatever their order, or refused."""
    rng = case.rng
    number = rng.choice([3, 11, 12])
    data = io.BytesIO()
    names = sorted(f"part{index}" for index in range(1, number + 1))
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            index = int(name[4:])
            archive.writestr(name, f"{3 * index}\n{3 * index + 1}\n{3 * index + 2}\n")
    case.write("pieces.zip", data.getvalue())
    result = case.call("head", "pieces.zip", "--format", "lirs", "-n", "100")
    if result.code == 0:
        pages = [int(line.split()[3], 0) for line in result.out.splitlines()[1:] if len(line.split()) > 3]
        case.expect(pages == sorted(pages), f"pieces {', '.join(names)} were read in this order: {pages}")


@check()
def samples(case):
    """`convert --sample` takes whole pages, whoever shows them, and the share that was asked for."""
    rng = case.rng
    pages, processes = 300, rng.randint(2, 5)
    events, references = [], []
    shared = rng.choice(["file", "fork", "private"])
    if shared == "file":
        for pid in range(1, processes + 1):
            base = 0x1000 * pid
            events.append(traces.Event(pid, f"map {base * 4096:x} {pages * 4096} rw- shared file=1,0,{pages * 4096}"))
            references += [traces.Reference(pid, "R", (base + page) * 4096) for page in range(pages)]
        number = lambda address, pid: address // 4096 - 0x1000 * pid
    else:
        events.append(traces.Event(1, f"map 1000000 {pages * 4096} rw-" + (" shared" if shared == "fork" else "")))
        events += [traces.Event(1, f"fork {pid}") for pid in range(2, processes + 1)]
        for pid in range(1, processes + 1):
            references += [traces.Reference(pid, "R", 0x1000000 + page * 4096) for page in range(pages)]
        number = lambda address, pid: address // 4096
    case.write("trace.txt", traces.Trace(events + references).text())
    rate = rng.choice([0.2, 0.5, 0.7])
    out = case.run("convert", "trace.txt", "--sample", rate, "--to", "plain", "-o", "-", "-q").out
    found, pid = {}, 0
    for line in out.splitlines():
        words = line.split()
        if words[:1] == ["switch"]:
            pid = int(words[1])
        elif words[:1] == ["R"]:
            page = number(int(words[1], 16), pid)
            found[page] = found.get(page, 0) + 1
    partial = [page for page, count in found.items() if count != processes]
    case.expect(not partial, f"--sample {rate}: of {len(found)} pages that {processes} processes show ({shared}), {len(partial)} are taken for some only")
    spread = 8 * (pages * rate * (1 - rate)) ** 0.5
    case.expect(abs(len(found) - pages * rate) <= spread, f"--sample {rate} of {pages} pages takes {len(found)}")


@check()
def sample_of_sample(case):
    """A sample of a sample has the product of the rates."""
    rng = case.rng
    base = rng.randint(0, 1 << 30)
    case.write("ids.txt", "# pagebench trace 1\n# addressing: ids\n" + "".join(f"R {base + page}\n" for page in range(1000)))
    first, second = rng.choice([0.5, 0.6, 0.3]), rng.choice([0.5, 0.4])
    case.run("convert", "ids.txt", "--sample", first, "-o", "one.pbt", "-q")
    case.run("convert", "one.pbt", "--sample", second, "-o", "two.pbt", "-q")
    pages = int(re.search(r"^pages\s+(\d+)", case.run("stat", "two.pbt").out, re.M)[1])
    share = first * second
    spread = 8 * (1000 * share * (1 - share)) ** 0.5
    case.expect(abs(pages - 1000 * share) <= spread, f"--sample {second} of --sample {first} of 1000 pages has {pages}, not about {1000 * share:.0f}")
