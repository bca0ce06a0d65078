"""The twin's address spaces: which page each reference is of, and whether it is legal.

This does not depend on what is in memory, so it is worked out once. The result is a list of steps:

- ("ref", pid, kind, page, thing, original, alone, left): a legal reference. `thing` is the page that it is
  of; `original` the one that a write copies it from (None without a copy); `alone`: a write to a page
  that others had too, and nobody else is left; `left`: nobody has the original any more
- ("gone", pid, page, thing, last, wanted): the process has `thing` no more; `last`: nobody has it any
  more, nor maps shared memory that it is of; `wanted`: what was written to it is wanted in its file
- ("original", pid, thing): a page of a file comes in, to be copied by the next step
- ("forget", thing): what nobody has is not in its file any more
- ("entry", pid, page, thing): the entry of the page table goes, what it named stays
- ("changed", pid, page): the entry changed, so that translations of it are dropped
- ("forked", pid, child, page, thing, entered): the child has what the parent has; `entered`: its entry, too
- ("moved", pid, page, to, thing): the process has at page `to` what it had at `page`
- ("ahead", pid, page, thing): it will be needed, says the program
- ("populate", pid, kind, page, thing, original, alone, left): it comes in now, as if it were referenced
- ("mark", fact): an item of the trace begins here, or the trace ends; `fact` is what is known
"""

TOP = 1 << 56

# What systems do differently: the choice of an earlier version for each option.
CHOICES = {"swap-in": "read-only", "pin-cow-source": "off", "page-cache": "drop", "fork-file-ptes": "copy",
           "free-frames": "lifo", "beyond-eof": "zero", "file-io": "ignore"}


class Thing:
    """A page of memory: of a file or not. `holders` are the (pid, page) that have it."""

    def __init__(self, number, of_file):
        self.number = number
        self.of_file = of_file
        self.key = None
        self.holders = []

    def __repr__(self):
        return f"T{self.number}"


class Area:
    """A mapping, or what is left of one. `start` and `end` are addresses, `offset` of the file at `base`."""

    def __init__(self, start, end, prot, name, shared=False, file=None, base=0, offset=0, length=0):
        self.start, self.end, self.prot, self.name = start, end, prot, name
        self.shared, self.file, self.base, self.offset, self.length = shared, file, base, offset, length
        # Of a private area of a file: a page of it was private memory.
        self.own = False

    def cut(self, start, end, prot=None):
        """This area without `start..end`, or with that part under `prot`: a list of areas."""
        low, high = max(self.start, start), min(self.end, end)
        if low >= high:
            return [self]
        parts = []
        for begin, until, allowed in ((self.start, low, self.prot), (low, high, prot), (high, self.end, self.prot)):
            if begin < until and allowed is not None:
                parts.append(self.at(begin, until, self.base))
                parts[-1].prot = allowed
        return parts

    def at(self, start, end, base):
        """The same area elsewhere."""
        area = Area(start, end, self.prot, self.name, self.shared, self.file, base, self.offset, self.length)
        area.own = self.own
        return area


class Process:
    """A process: its areas by address, and what its pages are bound to: page to [thing, shared, protected]."""

    def __init__(self):
        self.areas = []
        self.bound = {}
        self.heap = None


class Spaces:
    """Follows a trace from its first item to its last and writes the steps."""

    def __init__(self, trace, on_segfault="kill", choices=None):
        self.trace = trace
        self.choices = {**CHOICES, **(choices or {})}
        self.keeps = self.choices["page-cache"] == "keep"
        # Whether any reference is beyond the end of its file.
        self.beyond = False
        # Files without a name that somebody maps; the process whose memory a process uses.
        self.nameless, self.lender = set(), {}
        # The length of each file that was mapped.
        self.lengths = {}
        self.size = trace.page_size
        self.grain = min(4096, self.size)
        self.kill = on_segfault == "kill"
        self.mapped = trace.recorded
        # All processes in the order in which they appear; those that refer to pages or ask for them ahead.
        self.pids, self.active = [], set()
        self.processes = {}
        self.ended = set()
        self.known = {}
        self.things = []
        self.steps = []
        self.maps = 0
        self.counts = {"segfaults": 0, "protection_faults": 0, "bus_errors": 0, "refs_dropped": 0}
        # The same counts and the pages without a touch, before all events and after each legal reference.
        self.after = [self.fact()]
        for item in trace.items:
            self.steps.append(("mark", self.fact()))
            if item[0] == "event":
                self.appears(item[1])
                self.event(item[1], item[2])
                self.bury()
                continue
            legal = self.reference(*item[1:])
            self.appears(item[1])
            if legal:
                self.active.add(self.home(item[1]))
                self.after.append(self.fact())
            self.bury()
        self.steps.append(("mark", self.fact()))

    def appears(self, pid):
        if pid not in self.pids:
            self.pids.append(pid)

    def fact(self):
        """What is known at this place, whatever the policy."""
        mapped, untouched = 0, 0
        for process in self.processes.values():
            pages = set()
            for area in process.areas:
                pages.update(range(area.start // self.size, (area.end - 1) // self.size + 1))
            mapped += len(pages)
            untouched += len(pages - set(process.bound))
        return {**self.counts, "mapped": mapped, "untouched": untouched, "things": len(self.things), "processes": len(self.active)}

    def home(self, pid):
        """The process whose memory a process uses."""
        return self.lender.get(pid, pid)

    def process(self, pid):
        if pid not in self.processes:
            self.processes[pid] = Process()
        return self.processes[pid]

    # Finding what a page is.

    def over(self, process, page):
        """The areas that a page touches, the lowest first."""
        low, high = page * self.size, (page + 1) * self.size
        found = [area for area in process.areas if area.start < high and area.end > low]
        return sorted(found, key=lambda area: area.start)

    def key(self, process_areas, page):
        """What a shared or file page is known by; None for one of zeros that is private."""
        area = process_areas[0]
        if area.file is not None:
            offset = area.offset + page * self.size - area.base
            if offset < area.length:
                return ("file", area.file, offset)
            if area.shared:
                return ("beyond", area.file, offset)
        return ("shared", area.name, area.offset + page * self.size - area.base) if area.shared else None

    def made(self, of_file):
        thing = Thing(len(self.things), of_file)
        self.things.append(thing)
        return thing

    def hold(self, process, pid, page, thing, shared, protected):
        thing.holders.append((pid, page))
        process.bound[page] = [thing, shared, protected]

    def bind(self, process, pid, page):
        """Binds a page that is touched for the first time."""
        areas = self.over(process, page) if self.mapped else []
        key = self.key(areas, page) if areas else None
        shared = bool(areas) and areas[0].shared
        thing = self.known.get(key) if key else None
        if thing is None:
            thing = self.made(bool(key) and key[0] == "file")
            if key:
                self.known[key] = thing
                thing.key = key
        if areas and not shared and not (key and key[0] == "file"):
            areas[0].own = True
        self.hold(process, pid, page, thing, shared, False)

    def is_reached(self, thing):
        """Whether an area of any process has a page of shared memory, touched or not."""
        if thing.key is None or thing.key[0] not in ("shared", "beyond"):
            return False
        for process in self.processes.values():
            for area in process.areas:
                for page in range(area.start // self.size, (area.end - 1) // self.size + 1):
                    if self.key(self.over(process, page), page) == thing.key:
                        return True
        return False

    def drop(self, pid, page, wanted=True):
        """The process has the page no more; `wanted`: what was written to it is wanted in its file."""
        process = self.processes[pid]
        thing = process.bound.pop(page)[0]
        thing.holders.remove((pid, page))
        if thing.key and thing.key[0] == "file" and thing.key[1] in self.nameless and not self.is_mapped(thing.key[1]):
            wanted = False
        last = not thing.holders and not (wanted and self.is_reached(thing))
        self.steps.append(("gone", pid, page, thing, last, wanted))
        if last:
            self.forget(thing, wanted)

    def forget(self, thing, wanted=True):
        """What nobody has is no longer known by its file or mapping, but for pages of files that are kept."""
        if not thing.holders and self.known.get(thing.key) is thing and not (wanted and self.keeps and thing.of_file):
            del self.known[thing.key]

    def is_mapped(self, file):
        return any(area.file == file for process in self.processes.values() for area in process.areas)

    def forget_shared(self, gone):
        """Pages of shared memory that nobody has are no more, if `gone` says so."""
        for key in [key for key in self.known if key[0] in ("shared", "beyond")]:
            thing = self.known[key]
            if not thing.holders and gone(thing):
                del self.known[key]
                self.steps.append(("forget", thing))

    def cut_off(self, file, bytes=0):
        """What is kept of a file from here on, and that nobody has, is not in it any more."""
        for key in sorted(key for key in self.known if key[0] == "file" and key[1] == file and key[2] >= bytes):
            thing = self.known[key]
            if not thing.holders:
                del self.known[key]
                self.steps.append(("forget", thing))

    def bury(self):
        """Files without a name are gone with their last mapping."""
        for file in sorted(self.nameless):
            if not self.is_mapped(file):
                self.nameless.remove(file)
                self.lengths.pop(file, None)
                self.cut_off(file)
        self.forget_shared(lambda thing: not self.is_reached(thing))

    # References.

    def reference(self, pid, kind, page):
        """Writes the step of a reference; returns whether it is legal."""
        if pid in self.ended:
            self.counts["refs_dropped"] += 1
            return False
        self.process(pid)
        who, pid = pid, self.home(pid)
        process = self.process(pid)
        if self.mapped:
            wrong = self.illegal(process, kind, page)
            if wrong:
                self.counts[wrong] += 1
                if self.kill:
                    self.end(who)
                    self.ended.add(who)
                return False
        self.use("ref", process, pid, kind, page)
        return True

    def use(self, what, process, pid, kind, page):
        """Writes the step of a page that is used as by a reference."""
        original = None
        if page not in process.bound:
            areas = self.over(process, page) if self.mapped else []
            key = self.key(areas, page) if areas else None
            if kind == "W" and key and key[0] == "file" and not areas[0].shared:
                # A private page of a file that is written at once: the file's page is copied.
                areas[0].own = True
                if self.keeps and key not in self.known:
                    self.known[key] = self.made(True)
                    self.known[key].key = key
                original = self.known.get(key) or "file"
                if self.keeps:
                    self.steps.append(("original", pid, original))
                self.hold(process, pid, page, self.made(False), False, False)
                self.steps.append((what, pid, kind, page, process.bound[page][0], original, False, False))
                return
            self.bind(process, pid, page)
        thing, shared, protected = process.bound[page]
        alone = False
        if kind == "W" and not shared:
            if thing.of_file or protected and len(thing.holders) > 1:
                original = thing
                if thing.of_file:
                    self.over(process, page)[0].own = True
                    if self.keeps:
                        self.steps.append(("original", pid, original))
                copy = self.made(False)
                thing.holders.remove((pid, page))
                self.hold(process, pid, page, copy, False, False)
                self.steps.append((what, pid, kind, page, copy, original, False, not thing.holders))
                self.forget(thing)
                return
            if protected:
                process.bound[page][2] = False
                alone = True
        self.steps.append((what, pid, kind, page, thing, None, alone, False))

    def illegal(self, process, kind, page):
        """The name of the count of an illegal reference; None if it is legal."""
        if page * self.size >= TOP:
            return "protection_faults"
        areas = self.over(process, page)
        if not areas:
            return "segfaults"
        need = {"R": "r", "W": "w", "I": "x"}[kind]
        if not any(need in area.prot for area in areas):
            return "protection_faults"
        if page not in process.bound and self.ends_before(areas[0], page):
            self.beyond = True
            return "bus_errors" if self.choices["beyond-eof"] == "fault" else None
        return None

    def ends_before(self, area, page):
        """Whether the file of an area has no such page."""
        return area.file is not None and area.offset + page * self.size - area.base >= area.length

    # Events.

    def event(self, pid, words):
        if pid in self.ended and words[0] not in ("fork", "vfork"):
            return
        if words[0] in ("fork", "vfork") and pid in self.ended:
            self.appears(int(words[1]))
            self.ended.add(int(words[1]))
            return
        self.process(pid)
        if words[0] not in ("exec", "exit"):
            pid = self.home(pid)
        getattr(self, "on_" + words[0])(pid, *words[1:])

    def span(self, start, length):
        """A range of addresses, rounded outwards."""
        begin = int(start, 16)
        return begin // self.grain * self.grain, -(-(begin + int(length)) // self.grain) * self.grain

    def on_map(self, pid, start, length, prot, *more):
        begin, end = self.span(start, length)
        for word in more:
            if word.startswith("file="):
                number, _, size = map(int, word[5:].split(","))
                if self.lengths.get(number, size) != size:
                    self.on_length(pid, number, size)
                self.lengths[number] = size
        lost = self.cut(pid, begin, end) if "fixed" in more else []
        area = Area(begin, end, prot, self.maps, "shared" in more, base=begin)
        self.maps += 1
        for word in more:
            if word.startswith("file="):
                number, offset, size = word[5:].split(",")
                area.file, area.offset, area.length = int(number), int(offset), int(size)
        self.process(pid).areas.append(area)
        for page in lost:
            self.drop(pid, page)

    def unmap(self, pid, begin, end):
        for page in self.cut(pid, begin, end):
            self.drop(pid, page)

    def cut(self, pid, begin, end):
        """Nothing is mapped there any more. Returns the pages that go with it."""
        process = self.process(pid)
        process.areas = [part for area in process.areas for part in area.cut(begin, end)]
        near = [page for page in sorted(process.bound) if page * self.size < end and (page + 1) * self.size > begin]
        return [page for page in near if not self.over(process, page)]

    def on_unmap(self, pid, start, length):
        self.unmap(pid, *self.span(start, length))

    def on_protect(self, pid, start, length, prot):
        begin, end = self.span(start, length)
        process = self.process(pid)
        touched = set()
        for area in process.areas:
            low, high = max(area.start, begin), min(area.end, end)
            if low < high and area.prot != prot:
                touched.update(range(low // self.size, (high - 1) // self.size + 1))
        process.areas = [part for area in process.areas for part in area.cut(begin, end, prot)]
        for page in sorted(touched & set(process.bound)):
            self.steps.append(("changed", pid, page))

    def on_brk(self, pid, end):
        process = self.process(pid)
        byte = int(end, 16)
        address = -(-byte // self.grain) * self.grain
        if process.heap is None:
            process.heap = [byte, address, self.maps]
            self.maps += 1
            return
        base, old, name = process.heap
        if byte < base:
            return
        if address > old:
            process.areas.append(Area(old, address, "rw-", name))
        elif address < old:
            self.unmap(pid, address, old)
        process.heap[1] = address

    def on_advise(self, pid, start, length, what):
        begin, end = self.span(start, length)
        process = self.process(pid)
        for page in range(begin // self.size, (end - 1) // self.size + 1):
            areas = self.over(process, page)
            if not areas:
                continue
            if what == "dontneed":
                whole = begin <= page * self.size and (page + 1) * self.size <= end
                if whole and page in process.bound:
                    thing, shared, _ = process.bound[page]
                    if shared:
                        self.steps.append(("entry", pid, page, thing))
                    else:
                        self.drop(pid, page)
            else:
                if page not in process.bound:
                    key = self.key(areas, page)
                    if not key or key[0] != "file":
                        continue
                    self.bind(process, pid, page)
                self.active.add(pid)
                self.steps.append(("ahead", pid, page, process.bound[page][0]))

    def on_fork(self, pid, child):
        child = int(child)
        self.appears(child)
        parent, new = self.process(pid), self.process(child)
        new.areas = [area.at(area.start, area.end, area.base) for area in parent.areas]
        new.heap = list(parent.heap) if parent.heap else None
        for page in sorted(parent.bound):
            thing, shared, _ = parent.bound[page]
            areas = self.over(parent, page)
            again = bool(areas) and (areas[0].shared or areas[0].file is not None and not areas[0].own)
            entered = not again or self.choices["fork-file-ptes"] == "copy"
            if not shared:
                parent.bound[page][2] = True
                if entered:
                    self.steps.append(("changed", pid, page))
            self.hold(new, child, page, thing, shared, not shared)
            self.steps.append(("forked", pid, child, page, thing, entered))

    def on_vfork(self, pid, child):
        child = int(child)
        self.appears(child)
        self.process(child)
        self.lender[child] = self.home(pid)

    def on_length(self, pid, file, bytes):
        file, bytes = int(file), int(bytes)
        old = {id(area): area.length for process in self.processes.values() for area in process.areas if area.file == file}
        for process in self.processes.values():
            for area in process.areas:
                if area.file == file:
                    area.length = bytes
        for pid in sorted(self.processes, key=self.pids.index):
            process = self.processes[pid]
            for page in sorted(process.bound):
                areas = self.over(process, page)
                if areas and id(areas[0]) in old and old[id(areas[0])] != bytes:
                    at = areas[0].offset + page * self.size - areas[0].base
                    if at >= min(bytes, old[id(areas[0])]):
                        self.drop(pid, page, wanted=False)
        self.cut_off(file, bytes)
        before = self.lengths.get(file, bytes)
        self.lengths[file] = bytes
        if before != bytes:
            least = min(before, bytes)
            self.forget_shared(lambda thing: thing.key[0] == "beyond" and thing.key[1] == file and thing.key[2] >= least)

    def on_unlink(self, pid, file):
        if self.is_mapped(int(file)):
            self.nameless.add(int(file))
        else:
            self.lengths.pop(int(file), None)
            self.cut_off(int(file))

    def on_read(self, pid, *range):
        """Left out: --file-io ignore."""

    on_write = on_read

    def on_populate(self, pid, start, length, what):
        begin, end = self.span(start, length)
        process, kind = self.process(pid), "W" if what == "write" else "R"
        for page in range(begin // self.size, -(-end // self.size)):
            areas = self.over(process, page)
            if self.mapped and (not areas or not any(kind.lower() in area.prot for area in areas) or self.ends_before(areas[0], page)):
                return
            self.use("populate", process, pid, kind, page)
            self.active.add(pid)

    def on_move(self, pid, old, old_length, new, new_length, *more):
        """Of pages of at most 4 KiB: none has a part of two mappings."""
        begin, end = self.span(old, old_length)
        to, until = self.span(new, new_length)
        process = self.process(pid)
        if to == begin:
            if until <= end:
                if until < end:
                    self.unmap(pid, until, end)
                return
            last = max((area for area in process.areas if area.end == end), key=lambda area: area.start)
            process.areas.append(last.at(end, until, last.base))
            return
        if "fixed" in more:
            self.unmap(pid, to, until)
        kept = min(end, begin + until - to)
        arriving = []
        for area in process.areas:
            low, high = max(area.start, begin), min(area.end, kept)
            if low < high:
                by = to - begin
                arriving.append(area.at(low + by, high + by, area.base + by))
        if until - to > end - begin:
            max(arriving, key=lambda area: area.start).end = until
        if "keep" not in more:
            process.areas = [part for area in process.areas for part in area.cut(begin, end)]
        for page in sorted(process.bound):
            if kept <= page * self.size < end:
                self.drop(pid, page)
        process.areas += arriving
        for page in sorted(process.bound):
            if begin <= page * self.size < kept:
                target = page + (to - begin) // self.size
                bound = process.bound[target] = process.bound.pop(page)
                bound[0].holders.remove((pid, page))
                bound[0].holders.append((pid, target))
                self.steps.append(("moved", pid, page, target, bound[0]))

    def end(self, pid):
        """The memory of a process goes; one that uses another's gives that back."""
        home = self.lender.pop(pid, None)
        if home is not None:
            if home in self.ended and home not in self.lender.values():
                self.clear(home)
            return
        if pid not in self.lender.values():
            self.clear(pid)

    def clear(self, pid):
        areas, bound = self.process(pid).areas, sorted(self.process(pid).bound)
        areas.clear()
        for page in bound:
            self.drop(pid, page)
        self.processes[pid] = Process()

    def on_exec(self, pid):
        self.end(pid)

    def on_exit(self, pid):
        self.end(pid)
        self.processes.pop(pid, None)
