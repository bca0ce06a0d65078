"""Drawn traces: lists of references and events, written in the program's plain text format."""

PAGE = 4096


class Reference:
    """An access of `pid`: kind I, R or W, a byte address (or a page id) and a size."""

    def __init__(self, pid, kind, address, size=1):
        self.pid = pid
        self.kind = kind
        self.address = address
        self.size = size


class Event:
    """What happens to the address space of `pid`: a line of the plain format such as `unmap 1000 4096`."""

    def __init__(self, pid, text):
        self.pid = pid
        self.text = text

    @property
    def word(self):
        return self.text.split()[0]


class Trace:
    """A trace: `items` in order of time. With `ids` addresses are decimal page ids."""

    def __init__(self, items, ids=False, kind="full"):
        self.items = items
        self.ids = ids
        self.kind = kind

    def lines(self):
        """The lines of the plain format, without line ends."""
        lines = ["# pagebench trace 1", f"# kind: {self.kind}", f"# addressing: {'ids' if self.ids else 'bytes'}"]
        current = 0
        for item in self.items:
            if item.pid != current:
                lines.append(f"switch {item.pid}")
                current = item.pid
            lines.append(self.line(item))
        return lines

    def line(self, item):
        """The line of one item."""
        if isinstance(item, Event):
            return item.text
        size = "" if item.size == 1 else f" {item.size}"
        address = item.address if self.ids else f"{item.address:x}"
        return f"{item.kind} {address}{size}"

    def text(self):
        return "\n".join(self.lines()) + "\n"

    def where(self, keep):
        """Returns the trace of the items for which `keep(item)` holds."""
        return Trace([item for item in self.items if keep(item)], self.ids, self.kind)

    @property
    def references(self):
        return [item for item in self.items if isinstance(item, Reference)]

    @property
    def events(self):
        return [item for item in self.items if isinstance(item, Event)]

    @property
    def pids(self):
        """The processes in the order in which they appear."""
        return list(dict.fromkeys(item.pid for item in self.items))

    def pages(self, page=PAGE):
        """The number of distinct pages of distinct processes that are referenced."""
        return len({(item.pid, item.address // (1 if self.ids else page)) for item in self.references})


class Space:
    """What the generator knows of a process: its areas as [start, end, prot] in pages."""

    def __init__(self, pid):
        self.pid = pid
        self.areas = []
        self.recent = []
        self.alive = True

    def copy(self, pid):
        child = Space(pid)
        child.areas = [list(area) for area in self.areas]
        child.recent = list(self.recent)
        return child

    def cut(self, start, end, prot=None):
        """Removes the pages `start..end` from the areas, or changes their protection to `prot`."""
        areas = []
        for low, high, old in self.areas:
            inner = (max(low, start), min(high, end))
            if inner[0] >= inner[1]:
                areas.append([low, high, old])
                continue
            if low < inner[0]:
                areas.append([low, inner[0], old])
            if prot is not None:
                areas.append([inner[0], inner[1], prot])
            if inner[1] < high:
                areas.append([inner[1], high, old])
        self.areas = areas


class Shape:
    """What a drawn trace may have. `refs` is about the number of references, `pages` of pages."""

    def __init__(self, refs=120, pages=16, processes=3, events=True, ids=False, illegal=0.0, sizes=True,
                 advice=True, frees=True, sharing=True, forks=True, maps=True, changes=False):
        self.refs = refs
        self.pages = pages
        self.processes = processes
        self.events = events
        self.ids = ids
        self.illegal = illegal
        self.sizes = sizes
        self.advice = advice
        self.frees = frees
        self.sharing = sharing
        self.forks = forks
        self.maps = maps
        # Moves, populated ranges, vfork, and what happens to files.
        self.changes = changes


class Maker:
    """Draws one trace of a shape."""

    def __init__(self, rng, shape):
        self.rng = rng
        self.shape = shape
        self.items = []
        self.spaces = []
        self.pid = 0
        self.files = {1 + index: rng.randint(1, 12) for index in range(3)}
        self.cursor = rng.choice([0x10, 0x100, 0x7F000])

    def make(self):
        """Returns the trace."""
        rng, shape = self.rng, self.shape
        first = rng.choice([0, 0, 1, 7])
        self.spaces = [Space(first)]
        if not shape.events:
            self.spaces += [Space(first + 1 + index) for index in range(rng.randint(1, max(1, shape.processes)) - 1)]
        for space in self.spaces:
            self.begin(space)
        references = 0
        space = self.spaces[0]
        while references < shape.refs:
            alive = [one for one in self.spaces if one.alive]
            if not alive:
                break
            if not space.alive or rng.random() < 0.08:
                space = rng.choice(alive)
            if shape.events and rng.random() < 0.12:
                self.event(space)
                continue
            self.reference(space)
            references += 1
        return Trace(self.items, shape.ids)

    def begin(self, space):
        """Gives a new process its first areas."""
        if not self.shape.events or not self.shape.maps:
            base = 1 if self.shape.ids else self.cursor
            space.areas = [[base, base + self.shape.pages, "rwx"]]
            return
        for _ in range(self.rng.randint(1, 3)):
            self.map(space)

    def map(self, space):
        """Maps an area: private or shared, of zeros or of a file."""
        rng = self.rng
        pages = rng.randint(1, max(1, self.shape.pages // 2))
        gap = rng.choice([0, 0, 1, 3, 20])
        start = self.cursor + gap
        self.cursor = start + pages
        prot = rng.choice(["rw-", "rw-", "rwx", "r--", "r-x"])
        words = [f"map {start * PAGE:x} {pages * PAGE} {prot}"]
        if self.shape.sharing and rng.random() < 0.35:
            words.append("shared")
        if self.shape.sharing and rng.random() < 0.4:
            number = rng.choice(list(self.files))
            offset = rng.randint(0, max(0, self.files[number] - 1))
            words.append(f"file={number},{offset * PAGE},{self.files[number] * PAGE}")
        space.areas.append([start, start + pages, prot])
        self.items.append(Event(space.pid, " ".join(words)))

    def event(self, space):
        """Adds one event of the process."""
        rng, shape = self.rng, self.shape
        if not shape.maps:
            if len(self.spaces) < shape.processes:
                self.fork(space)
            elif rng.random() < 0.1 and len([one for one in self.spaces if one.alive]) > 1:
                self.exit(space)
            return
        choices = ["map", "map", "protect"]
        if shape.advice:
            choices += ["willneed", "willneed", "dontneed"]
        if shape.frees:
            choices += ["unmap", "exec", "exit", "brk"]
        if shape.forks and len(self.spaces) < shape.processes:
            choices += ["fork", "fork"]
        if shape.changes:
            choices += ["move", "move", "populate", "populate", "length", "length", "unlink", "read_write"]
            if shape.forks and len(self.spaces) < shape.processes:
                choices += ["vfork"]
        choice = rng.choice(choices)
        if choice in ("exit", "exec") and rng.random() < 0.6:
            choice = "map"
        getattr(self, choice)(space)

    def some(self, space):
        """A range of pages in one area of the process, or None."""
        if not space.areas:
            return None
        low, high, _ = self.rng.choice(space.areas)
        start = self.rng.randint(low, high - 1)
        return start, min(high, start + self.rng.randint(1, 4))

    def ranged(self, space, word, after=""):
        """Adds an event of a range of mapped pages and returns the range."""
        found = self.some(space)
        if found:
            start, end = found
            self.items.append(Event(space.pid, f"{word} {start * PAGE:x} {(end - start) * PAGE}{after}"))
        return found

    def willneed(self, space):
        self.ranged(space, "advise", " willneed")

    def dontneed(self, space):
        self.ranged(space, "advise", " dontneed")

    def unmap(self, space):
        found = self.ranged(space, "unmap")
        if found:
            space.cut(*found)

    def protect(self, space):
        prot = self.rng.choice(["rw-", "r--", "rwx"])
        found = self.ranged(space, "protect", f" {prot}")
        if found:
            space.cut(*found, prot)

    def brk(self, space):
        """Moves the end of the heap up."""
        base = 0x40000 + 0x1000 * space.pid
        ends = [int(item.text.split()[1], 16) for item in self.items
                if isinstance(item, Event) and item.pid == space.pid and item.word == "brk"]
        if not ends:
            self.items.append(Event(space.pid, f"brk {base * PAGE:x}"))
            return
        end = ends[-1] // PAGE + self.rng.randint(1, 3)
        self.items.append(Event(space.pid, f"brk {end * PAGE:x}"))

    def move(self, space):
        """Moves a range to where nothing is, longer or shorter at times; or shortens it in place."""
        rng, found = self.rng, self.some(space)
        if not found:
            return
        low, high = found
        prot = next(area[2] for area in space.areas if area[0] <= low < area[1])
        old, new = high - low, max(1, high - low + rng.choice([0, 0, 0, 1, 3, -1]))
        if new < old and rng.random() < 0.5:
            self.items.append(Event(space.pid, f"move {low * PAGE:x} {old * PAGE} {low * PAGE:x} {new * PAGE}"))
            space.cut(low + new, high)
            return
        start = self.cursor + rng.choice([0, 1, 5])
        self.cursor = start + new
        keep = new == old and rng.random() < 0.3
        self.items.append(Event(space.pid, f"move {low * PAGE:x} {old * PAGE} {start * PAGE:x} {new * PAGE}" + " keep" * keep))
        if not keep:
            space.cut(low, high)
        space.areas.append([start, start + new, prot])

    def populate(self, space):
        self.ranged(space, "populate", self.rng.choice([" read", " write"]))

    def length(self, space):
        """Gives a file a new length, of whole pages."""
        number = self.rng.choice(list(self.files))
        self.files[number] = self.rng.randint(0, 12)
        self.items.append(Event(space.pid, f"length {number} {self.files[number] * PAGE}"))

    def unlink(self, space):
        self.items.append(Event(space.pid, f"unlink {self.rng.choice(list(self.files))}"))

    def read_write(self, space):
        """Reads or writes a part of a file without mapping it, within its length."""
        number = self.rng.choice(list(self.files))
        if self.files[number]:
            first = self.rng.randint(0, self.files[number] * PAGE - 1)
            length = self.rng.randint(1, self.files[number] * PAGE - first)
            self.items.append(Event(space.pid, f"{self.rng.choice(['read', 'write'])} {number} {first} {length}"))

    def vfork(self, space):
        """A child that refers to its parent's pages, then starts another program or ends."""
        child = max(one.pid for one in self.spaces) + 1
        self.items.append(Event(space.pid, f"vfork {child}"))
        borrowing = space.copy(child)
        for _ in range(self.rng.randint(0, 4)):
            if borrowing.areas:
                self.reference(borrowing)
        self.spaces.append(Space(child))
        getattr(self, self.rng.choice(["exec", "exit"]))(self.spaces[-1])

    def fork(self, space):
        child = max(one.pid for one in self.spaces) + 1
        self.items.append(Event(space.pid, f"fork {child}"))
        self.spaces.append(space.copy(child))

    def exec(self, space):
        self.items.append(Event(space.pid, "exec"))
        space.areas, space.recent = [], []
        self.map(space)

    def exit(self, space):
        self.items.append(Event(space.pid, "exit"))
        space.alive = False

    def reference(self, space):
        """Adds a reference: to a page used not long ago, or to any that is mapped."""
        rng, shape = self.rng, self.shape
        if shape.events and rng.random() < shape.illegal or not space.areas:
            address = (0x900000 + rng.randint(0, 30)) * PAGE
            if not space.areas and shape.events and not shape.illegal:
                self.map(space)
                return
            self.items.append(Reference(space.pid, rng.choice("RW"), address))
            return
        if space.recent and rng.random() < 0.6:
            page = rng.choice(space.recent[-5:])
        else:
            low, high, _ = rng.choice(space.areas)
            page = rng.randint(low, high - 1)
        area = next((area for area in space.areas if area[0] <= page < area[1]), None)
        if area is None:
            area = rng.choice(space.areas)
            page = rng.randint(area[0], area[1] - 1)
        kinds = "R" * 4 + ("W" * 3 if "w" in area[2] else "") + ("I" * 2 if "x" in area[2] else "")
        kind = rng.choice(kinds)
        space.recent.append(page)
        if shape.ids:
            self.items.append(Reference(space.pid, kind, page))
            return
        offset, size = rng.choice([0, 8, 1024, 4000, 4088]), 1
        if shape.sizes and rng.random() < 0.3:
            size = rng.choice([2, 4, 8, 16])
            if page + 1 >= area[1]:
                offset = min(offset, PAGE - size)
        self.items.append(Reference(space.pid, kind, page * PAGE + offset, size))


def draw(rng, **shape):
    """Draws a trace; the arguments are those of `Shape`."""
    return Maker(rng, Shape(**shape)).make()


def changing(rng, refs=None):
    """Draws a trace with every event, none of its references without a mapping."""
    return draw(rng, refs=refs or rng.choice([20, 60, 150]), pages=rng.choice([4, 10, 24]), processes=rng.choice([1, 2, 4]),
                changes=True)


def any_trace(rng, refs=None, illegal=None):
    """Draws a trace of any shape: with and without events, ids, several processes."""
    refs = refs or rng.choice([20, 60, 150, 300])
    kind = rng.random()
    if kind < 0.1:
        return draw(rng, refs=refs, pages=rng.choice([4, 10]), processes=3, maps=False, ids=rng.random() < 0.5)
    if kind < 0.6:
        return draw(rng, refs=refs, pages=rng.choice([4, 10, 24]), processes=rng.choice([1, 2, 4]),
                    illegal=rng.choice([0, 0, 0.01]) if illegal is None else illegal,
                    advice=rng.random() < 0.6, frees=rng.random() < 0.7)
    return draw(rng, refs=refs, pages=rng.choice([4, 10, 24]), processes=rng.choice([1, 1, 3]), events=False,
                ids=kind > 0.85, sizes=rng.random() < 0.5)


def split_processes(rng, processes, refs, pages, writes=0.3, advice=False):
    """Draws programs of `processes` that share and free nothing.

    Returns (trace of all of them in turn, list of the traces of each alone). Each has about `refs`
    references and pages of its own numbers, so that nothing depends on who else runs. With
    `advice` each maps a file of its own and says at times which pages it will need.
    """
    alone = []
    for index in range(processes):
        pid, base = index + 1, 0x100 + 0x400 * index
        items, recent = [], []
        if advice:
            items.append(Event(pid, f"map {base * PAGE:x} {pages * PAGE} rw- shared file={pid},0,{pages * PAGE}"))
        while len(items) < refs:
            if advice and rng.random() < 0.06:
                items.append(Event(pid, f"advise {(base + rng.randrange(pages - 2)) * PAGE:x} {2 * PAGE} willneed"))
            if recent and rng.random() < 0.5:
                page = rng.choice(recent[-6:])
            else:
                page = base + min(rng.randrange(pages), rng.randrange(pages))
            recent.append(page)
            items.append(Reference(pid, "W" if rng.random() < writes else "R", page * PAGE))
        alone.append(items)
    together, at = [], [0] * processes
    while any(at[index] < len(alone[index]) for index in range(processes)):
        index = rng.choice([index for index in range(processes) if at[index] < len(alone[index])])
        many = rng.choice([1, 1, 3, 8, 20])
        together += alone[index][at[index]:at[index] + many]
        at[index] += many
    return Trace(together), [Trace(items) for items in alone]
